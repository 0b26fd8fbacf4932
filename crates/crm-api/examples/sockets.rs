//! Opens many sockets to a running server, makes one change after the other, and tells how long each took to reach all of
//! them, and what one socket costs the server.
//!
//! ```text
//! cargo run --release --example sockets -- ADDRESS EMAIL PASSWORD SOCKETS BROADCASTS [SERVER_PID]
//! ```
//!
//! The server needs limits above the number of sockets, and both sides as many open files.

use std::{
    env,
    fs::read_to_string,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[expect(clippy::disallowed_methods, reason = "a program that measures is its own stopwatch")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, email, password, sockets, broadcasts, rest @ ..] = arguments.as_slice() else {
        return Err("usage: sockets ADDRESS EMAIL PASSWORD SOCKETS BROADCASTS [SERVER_PID]".into());
    };
    let (sockets, broadcasts): (usize, usize) = (sockets.parse()?, broadcasts.parse()?);
    let login = json!({"email": email, "password": password});
    let token =
        post(address, "/api/v1/auth/login", None, &login).await?["access_token"].as_str().ok_or("no token")?.to_owned();

    let before = resident(rest.first());
    let (ready, heard) = (Arc::new((AtomicUsize::new(0), Notify::new())), mpsc::unbounded_channel::<(i64, Instant)>());
    let (told, mut heard) = heard;
    let began = now();
    let mut listeners = JoinSet::new();
    for _ in 0..sockets {
        let (address, token, told, open) = (address.clone(), token.clone(), told.clone(), Arc::clone(&ready));
        listeners.spawn(async move { listen(&address, &token, &open, &told).await });
        // As many as a server takes in at once.
        while listeners.len() > ready.0.load(Ordering::Acquire) + 200 {
            timeout(Duration::from_secs(30), ready.1.notified())
                .await
                .map_err(|_| "the server takes no more sockets")?;
        }
    }
    while ready.0.load(Ordering::Acquire) < sockets {
        timeout(Duration::from_secs(30), ready.1.notified()).await.map_err(|_| "not all sockets were let in")?;
    }
    println!("{sockets} sockets open after {:.1} s", began.elapsed().as_secs_f64());
    if let (Some(before), Some(after)) = (before, resident(rest.first())) {
        let each = after.saturating_sub(before) * 1024 / u64::try_from(sockets)?.max(1);
        println!("server: {before} KiB before, {after} KiB now: {each} bytes for each socket");
    }
    let mut spans = Vec::new();
    for number in 0..broadcasts {
        let sent = now();
        post(address, "/api/v1/organisations", Some(&token), &json!({"name": format!("Broadcast {number}")})).await?;
        let acknowledged = sent.elapsed();
        let mut last = Duration::ZERO;
        for _ in 0..sockets {
            let (_, at) = timeout(Duration::from_secs(30), heard.recv())
                .await
                .map_err(|_| "an event was lost")?
                .ok_or("closed")?;
            last = last.max(at.duration_since(sent));
        }
        println!(
            "broadcast {number}: acknowledged after {} ms, all told after {} ms",
            acknowledged.as_millis(),
            last.as_millis()
        );
        spans.push(last);
    }
    spans.sort_unstable();
    if let (Some(middle), Some(worst)) = (spans.get(spans.len() / 2), spans.last()) {
        println!(
            "from the request to the last of {sockets}: median {} ms, worst {} ms",
            middle.as_millis(),
            worst.as_millis()
        );
    }
    if let Some(after) = resident(rest.first()) {
        println!("server at the end: {after} KiB");
    }
    listeners.abort_all();
    Ok(())
}

async fn listen(
    address: &str,
    token: &str,
    ready: &(AtomicUsize, Notify),
    told: &mpsc::UnboundedSender<(i64, Instant)>,
) -> Result<(), Failure> {
    let mut request = format!("ws://{address}/api/v1/realtime").into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    request.headers_mut().insert("sec-websocket-protocol", "crm.v1".parse()?);
    let small = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
    let (mut socket, _) = connect_async_with_config(request, Some(small), true).await?;
    let mut position = 0;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let at = now();
        let message: Value = serde_json::from_str(&text)?;
        match message["type"].as_str() {
            Some("hello") => {
                position = message["position"].as_i64().unwrap_or(position);
                socket.send(Message::text(r#"{"type":"subscribe","topics":["organisations"]}"#)).await?;
            }
            Some("subscribed") => {
                socket.send(Message::text(format!(r#"{{"type":"resume","after":{position}}}"#))).await?;
            }
            Some("live") => {
                ready.0.fetch_add(1, Ordering::AcqRel);
                ready.1.notify_one();
            }
            Some("change") => drop(told.send((message["position"].as_i64().unwrap_or(0), at))),
            _ => {}
        }
    }
    Ok(())
}

/// One request on a connection of its own, which is all that this program needs of HTTP.
async fn post(address: &str, path: &str, token: Option<&str>, body: &Value) -> Result<Value, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let body = body.to_string();
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n{bearer}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    if !head.starts_with("HTTP/1.1 2") {
        return Err(answer.into());
    }
    Ok(serde_json::from_str(body)?)
}

/// The resident memory of a process, in KiB.
fn resident(pid: Option<&String>) -> Option<u64> {
    let status = read_to_string(format!("/proc/{}/status", pid?)).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
