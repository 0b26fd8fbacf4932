//! Starts, and commands that end: how long they take and the most memory that they hold, as the kernel tells it (Linux).

#![expect(
    clippy::disallowed_methods,
    reason = "a measurement reads the clock, and waits for another process by looking"
)]

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    failure::Failure,
    table::{self, Samples},
};

/// How long anything may take to answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Time to the first answer in an empty folder, `n` times, and the memory that the last server held then.
pub fn starts(binary: &Path, n: usize) -> Result<(), Failure> {
    let binary = binary.canonicalize()?;
    let (mut times, mut resident) = (Samples::default(), None);
    for number in 0..n {
        let folder = std::env::temp_dir().join(format!("crm-bench-{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        let started = start(&binary, &folder);
        fs::remove_dir_all(&folder)?;
        let (time, memory) = started?;
        times.push(time);
        resident = memory;
    }
    let size = fs::metadata(&binary)?.len();
    table::head("start");
    table::row("empty folder to first answer", &times);
    table::line(&["idle memory, MB", "1", &megabytes(resident.unwrap_or_default()), ""]);
    table::line(&["program, MB", "1", &megabytes(size), ""]);
    Ok(())
}

fn start(binary: &Path, folder: &Path) -> Result<(Duration, Option<u64>), Failure> {
    let (http, operations) = (free_address()?, free_address()?);
    let begun = Instant::now();
    let mut command = Command::new(binary);
    command.arg("serve").current_dir(folder).env("CRM__HTTP__LISTEN", &http);
    command.env("CRM__OPERATIONS__LISTEN", operations).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Running(command.spawn()?);
    let address = format!("http://{http}/health/ready");
    while ureq::get(&address).call().is_err() {
        if begun.elapsed() > PATIENCE || server.0.try_wait()?.is_some() {
            return Err(Failure::Silent(address));
        }
        thread::sleep(Duration::from_millis(1));
    }
    let time = begun.elapsed();
    // What the start needed once is given back soon after it.
    thread::sleep(Duration::from_secs(1));
    Ok((time, memory(server.0.id(), "VmRSS:")))
}

/// A loopback address that nobody listens on; another may take it before the server does, which then fails to start.
fn free_address() -> Result<String, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A server that ends with the measurement, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Runs a command to its end. Its own output goes to standard error, so that the table stands alone.
pub fn run(name: &str, rows: Option<u32>, command: &[String]) -> Result<(), Failure> {
    let [program, arguments @ ..] = command else {
        return Err(std::io::Error::other("there is no command").into());
    };
    let begun = Instant::now();
    let mut child = Command::new(program).args(arguments).stdout(std::io::stderr()).spawn()?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(memory(child.id(), "VmHWM:").unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let took = begun.elapsed();
    if !status.success() {
        return Err(Failure::Ended { command: command.join(" "), status });
    }
    table::line(&["command", "seconds", "rows a second", "peak MB"]);
    table::line(&["---", "---", "---", "---"]);
    let pace = rows.map(|rows| format!("{:.0}", f64::from(rows) / took.as_secs_f64())).unwrap_or_default();
    table::line(&[name, &format!("{:.2}", took.as_secs_f64()), &pace, &megabytes(peak)]);
    Ok(())
}

/// A figure of a running process in bytes.
fn memory(process: u32, figure: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1_000_000, bytes / 100_000 % 10)
}
