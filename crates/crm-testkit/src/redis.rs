//! A Redis of a test's own, which may be killed, frozen and emptied.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;

/// A Redis of a test's own, on a free port of the loopback; it ends with the test.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    running: Option<(Child, BufReader<ChildStdout>)>,
}

impl RedisServer {
    /// Starts one; none when the tests run without Redis, which is where `TEST_REDIS_URL` is not set.
    pub fn start() -> Option<Self> {
        shared_redis()?;
        let free = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let port = free.local_addr().expect("a bound socket has an address").port();
        drop(free);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut server = Self { port, folder, running: None };
        server.restart();
        Some(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts it, with what it wrote to disk before it ended.
    pub fn restart(&mut self) {
        self.kill();
        let mut child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "yes"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-server is installed where TEST_REDIS_URL is set");
        let mut said = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let mut line = String::new();
        while !line.contains("Ready to accept connections") {
            line.clear();
            let length = said.read_line(&mut line).expect("its output is text");
            assert!(length > 0, "redis-server ended while it started");
        }
        self.running = Some((child, said));
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            child.kill().expect("a child of ours can be killed");
            child.wait().expect("a child of ours can be waited for");
        }
    }

    /// Stops its process where it is; connections stay open and are not answered.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Throws away everything in it.
    pub fn empty(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it runs");
        stream.write_all(b"FLUSHALL\r\n").expect("it listens");
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(&answer, b"+OK\r\n");
    }

    fn signal(&self, signal: &str) {
        let (child, _) = self.running.as_ref().expect("it runs");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
        assert!(sent.expect("kill is installed").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The Redis that `TEST_REDIS_URL` names.
#[expect(clippy::disallowed_methods, reason = "the test script passes the servers it started by the environment")]
pub fn shared_redis() -> Option<String> {
    std::env::var("TEST_REDIS_URL").ok().filter(|url| !url.is_empty())
}
