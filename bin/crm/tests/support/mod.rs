//! The real binary in a folder of its own.
#![allow(dead_code)] // Each test file uses its part.
#![allow(clippy::unwrap_used)] // It is test code, which the lint does not see outside of the tests themselves.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// How long anything may take before a test gives up, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// An empty folder, and the command in it with no settings but those of the test.
pub struct Place {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() };
        // Tests send as fast as they can.
        let place = place.with("CRM__LIMITS__REQUESTS_PER_SECOND", "0").with("CRM__LIMITS__ANONYMOUS_PER_SECOND", "0");
        place.with("CRM__LOG__FORMAT", "json")
    }

    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crm"));
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        command.args(arguments).current_dir(self.path()).env_clear();
        // Free ports, whatever else this machine serves.
        command.env("CRM__HTTP__LISTEN", "127.0.0.1:0").env("CRM__OPERATIONS__LISTEN", "127.0.0.1:0");
        command.envs(variables);
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran(child.wait_with_output().unwrap())
    }

    /// Starts the server on free ports and waits until it listens.
    pub fn serve(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }
}

/// A command that has ended.
pub struct Ran(Output);

impl Ran {
    pub fn status(&self) -> i32 {
        self.0.status.code().expect("it ended by itself")
    }

    pub fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// Its output, after making sure that it succeeded.
    #[track_caller]
    pub fn done(&self) -> String {
        assert_eq!(self.status(), 0, "{}", self.stderr());
        self.stdout()
    }

    /// The one line of its failure.
    #[track_caller]
    pub fn failed(&self) -> String {
        assert_eq!(self.status(), 1, "{}{}", self.stdout(), self.stderr());
        let text = self.stderr();
        let last = text.lines().last().unwrap_or_default();
        assert!(last.starts_with("crm: "), "{text}");
        last.to_owned()
    }
}

/// A running server; it is killed when the test forgets it.
pub struct Server {
    child: Child,
    pub http: String,
    pub operations: String,
    pub log: Receiver<String>,
    stdout: Option<ChildStdout>,
}

impl Server {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, log) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let stdout = child.stdout.take();
        let mut server = Self { child, http: String::new(), operations: String::new(), log, stdout };
        let line = server.wait_for("listening");
        let record: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = |name: &str| format!("http://{}", record[name].as_str().unwrap());
        (server.http, server.operations) = (address("http"), address("operations"));
        server
    }

    /// The next line of the log that has this word.
    #[track_caller]
    pub fn wait_for(&self, word: &str) -> String {
        loop {
            let line = self.log.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no `{word}` in the log"));
            if line.contains(word) {
                return line;
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Signs the first administrator in, whose password a server in a new folder prints; an access token.
    pub fn sign_in(&mut self) -> String {
        let mut said = BufReader::new(self.stdout.take().unwrap());
        let mut line = String::new();
        let password = loop {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "no password was printed");
            if let Some(password) = line.trim().strip_prefix("password: ") {
                break password.to_owned();
            }
        };
        let login = serde_json::json!({"email": "admin@crm.localhost", "password": password});
        let (status, session) = post(&format!("{}/api/v1/auth/login", self.http), &login);
        assert_eq!(status, 200, "{session}");
        session["access_token"].as_str().unwrap().to_owned()
    }

    #[expect(clippy::unused_self, reason = "it reads as what it asks")]
    pub fn get_as(&self, token: &str, url: &str) -> (u16, serde_json::Value) {
        answered(agent().get(url).header("Authorization", format!("Bearer {token}")).call())
    }

    #[expect(clippy::unused_self, reason = "it reads as what it asks")]
    pub fn post_as(&self, token: &str, url: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
        answered(agent().post(url).header("Authorization", format!("Bearer {token}")).send_json(body))
    }

    /// Waits for the end; what it said on standard output.
    pub fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Asks without treating refusals as errors.
pub fn get(url: &str) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.get(url).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

pub fn post(url: &str, body: &serde_json::Value) -> (u16, serde_json::Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.post(url).send_json(body).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn answered(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, serde_json::Value) {
    let mut answer = answer.unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
}
