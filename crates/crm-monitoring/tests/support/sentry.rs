//! A server that speaks Sentry's ingestion protocol, as much of it as matters here, and keeps what it is sent.
#![allow(dead_code)] // Each test file uses its part.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// How long anything may take before a test gives up, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the server behaves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Behaviour {
    /// It takes everything.
    Takes,
    /// It takes connections and says nothing, ever.
    Hangs,
    /// It asks for a pause of an hour.
    Pauses,
    /// It refuses everything.
    Refuses,
}

/// A running server on a free port.
pub struct SentryServer {
    port: u16,
    items: Receiver<(String, Value)>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl SentryServer {
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let port = listener.local_addr().expect("it listens").port();
        let (sender, items) = channel();
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        thread::spawn(move || {
            // Connections that are kept open and never answered.
            let mut hung = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if behaviour == Behaviour::Hangs {
                    hung.push(stream);
                } else {
                    let (sender, kept) = (sender.clone(), Arc::clone(&kept));
                    thread::spawn(move || serve(stream, behaviour, &sender, &kept));
                }
            }
        });
        Self { port, items, bytes }
    }

    /// The address of its project.
    pub fn dsn(&self) -> String {
        format!("http://0123456789abcdef0123456789abcdef@127.0.0.1:{}/42", self.port)
    }

    /// Everything that it was sent so far, heads and bodies.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().expect("no server thread panicked").clone()
    }

    /// The next item of this type that fits.
    #[track_caller]
    pub fn wait_for(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut seen = Vec::new();
        loop {
            let next = self.items.recv_timeout(PATIENCE);
            let (found, item) = next.unwrap_or_else(|_| panic!("no such {kind}; there were {seen:#?}"));
            if found == kind && fits(&item) {
                return item;
            }
            seen.push((found, item["exception"]["values"][0]["type"].clone(), item["transaction"].clone()));
        }
    }

    /// What has come and was not waited for.
    pub fn rest(&self) -> Vec<(String, Value)> {
        self.items.try_iter().collect()
    }
}

fn serve(stream: TcpStream, behaviour: Behaviour, items: &Sender<(String, Value)>, kept: &Mutex<Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream has two ends"));
    let mut stream = stream;
    while let Some((head, body)) = request(&mut reader) {
        {
            let mut kept = kept.lock().expect("no server thread panicked");
            kept.extend_from_slice(head.as_bytes());
            kept.extend_from_slice(&body);
        }
        let answer: &str = match behaviour {
            Behaviour::Takes | Behaviour::Hangs => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            Behaviour::Pauses => {
                "HTTP/1.1 429 Too Many Requests\r\nX-Sentry-Rate-Limits: 3600::organization\r\nContent-Length: 2\r\n\r\n{}"
            }
            Behaviour::Refuses => "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}",
        };
        if head.starts_with("POST /api/42/envelope/ ") && head.to_lowercase().contains("sentry_key=0123456789abcdef") {
            for item in parse(&body) {
                // Whoever waited for it may have gone.
                let _gone = items.send(item);
            }
        }
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request of a connection.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// The items of an envelope: a line of headers, then for each item a line of headers and its payload.
fn parse(body: &[u8]) -> Vec<(String, Value)> {
    let text = std::str::from_utf8(body).expect("these envelopes are text");
    let mut lines = text.lines().skip(1);
    let mut items = Vec::new();
    while let (Some(head), Some(payload)) = (lines.next(), lines.next()) {
        let head: Value = serde_json::from_str(head).expect("the head of an item is JSON");
        let payload = serde_json::from_str(payload).expect("events and transactions are JSON");
        items.push((head["type"].as_str().expect("an item has a type").to_owned(), payload));
    }
    items
}

/// A secret in every shape in which it could be found: as it is, percent-encoded, in base64.
pub fn shapes(secret: &str) -> Vec<String> {
    use base64::{Engine, engine::general_purpose};
    let percent: String = secret
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    let mut shapes = vec![secret.to_owned(), percent.to_lowercase(), percent];
    // Where it begins inside of something longer decides which of three texts base64 makes of it.
    for before in ["", "x", "xx"] {
        let encoded = general_purpose::STANDARD_NO_PAD.encode(format!("{before}{secret}"));
        let skipped = [0, 2, 3][before.len()];
        shapes.push(encoded[skipped..encoded.len() - 2].to_owned());
    }
    shapes.sort();
    shapes.dedup();
    shapes
}

/// Which of these secrets are in these bytes, in whatever shape.
pub fn found<'a>(secrets: &[&'a str], bytes: &[u8]) -> Vec<&'a str> {
    let text = String::from_utf8_lossy(bytes);
    secrets.iter().copied().filter(|secret| shapes(secret).iter().any(|shape| text.contains(shape.as_str()))).collect()
}
