//! Receivers of webhooks on loopback, each with its own manners. What they have taken, they keep.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use ureq::http::{HeaderMap, HeaderName, HeaderValue};

/// How a receiver answers while it has not been mended. Mended, it takes everything with 204.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Manner {
    /// Takes everything.
    Takes,
    /// Sends the sender elsewhere.
    Redirects,
    /// Says that it is gone.
    Gone,
    /// Takes every other one, and asks for a pause.
    Limits,
    /// Fails at every other one.
    Fails,
    /// Takes the connection, and never answers.
    Hangs,
    /// Answers byte by byte, and never comes to an end.
    Drips,
    /// Takes everything, with an answer that does not end.
    Floods,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: String,
    /// Whether it was answered with a success.
    pub is_taken: bool,
}

#[derive(Default)]
struct Shared {
    received: Mutex<Vec<Received>>,
    came: Condvar,
    requests: AtomicUsize,
    is_mended: AtomicBool,
}

/// A receiver.
pub struct Receiver {
    pub manner: Manner,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Receiver {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (address, shared) = (listener.local_addr().expect("an address"), Arc::<Shared>::default());
        let all = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.expect("a connection"), Arc::clone(&all));
                thread::spawn(move || serve(stream, manner, &shared));
            }
        });
        Self { manner, address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on it takes everything.
    pub fn mend(&self) {
        self.shared.is_mended.store(true, Ordering::SeqCst);
    }

    /// What it has answered, or begun to.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests have come, answered or not.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, number: usize) {
        let mut received = self.shared.received.lock().unwrap_or_else(PoisonError::into_inner);
        while received.len() < number {
            let (again, timeout) =
                self.shared.came.wait_timeout(received, Duration::from_mins(2)).unwrap_or_else(PoisonError::into_inner);
            received = again;
            assert!(!timeout.timed_out(), "{} of {number} requests have come", received.len());
        }
    }
}

fn serve(mut stream: TcpStream, manner: Manner, shared: &Shared) {
    let Some((headers, body)) = read(&mut stream) else { return };
    let number = shared.requests.fetch_add(1, Ordering::SeqCst);
    let manner = if shared.is_mended.load(Ordering::SeqCst) { Manner::Takes } else { manner };
    let is_taken = match manner {
        Manner::Takes | Manner::Floods => true,
        Manner::Limits | Manner::Fails => number % 2 == 1,
        Manner::Redirects | Manner::Gone | Manner::Hangs | Manner::Drips => false,
    };
    shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(Received { headers, body, is_taken });
    shared.came.notify_all();
    let _gone = answer(&mut stream, manner, is_taken, shared);
}

fn read(stream: &mut TcpStream) -> Option<(HeaderMap, String)> {
    let mut reader = BufReader::new(stream);
    let mut headers = HeaderMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    assert!(line.starts_with("POST /hook HTTP/1.1"), "{line:?}");
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        headers.insert(name, HeaderValue::from_str(value).expect("a value"));
    }
    let length: usize = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((headers, String::from_utf8(body).expect("JSON")))
}

fn answer(stream: &mut TcpStream, manner: Manner, is_taken: bool, shared: &Shared) -> std::io::Result<()> {
    let empty = |status: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    match manner {
        Manner::Floods => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")?;
            let water = vec![b'x'; 65_536];
            loop {
                stream.write_all(&water)?;
            }
        }
        Manner::Hangs => until_gone(stream, None, shared),
        Manner::Drips => until_gone(stream, Some(b'H'), shared),
        _ if is_taken => stream.write_all(empty("204 No Content").as_bytes()),
        Manner::Redirects => stream.write_all(empty("302 Found\r\nLocation: http://127.0.0.1:1/").as_bytes()),
        Manner::Gone => stream.write_all(empty("410 Gone").as_bytes()),
        Manner::Limits => stream.write_all(empty("429 Too Many Requests\r\nRetry-After: 1").as_bytes()),
        Manner::Fails | Manner::Takes => stream.write_all(empty("500 Internal Server Error").as_bytes()),
    }
}

/// Keeps the connection until the other side ends it or the receiver is mended, and sends a byte now and then if there is one.
fn until_gone(stream: &mut TcpStream, byte: Option<u8>, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    while !shared.is_mended.load(Ordering::SeqCst) {
        match stream.read(&mut [0; 16]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                stream.write_all(byte.as_slice())?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
