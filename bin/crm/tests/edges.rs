//! What comes from outside cannot fill the memory, and a full disk stops writing alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::json;
use support::{PATIENCE, Place, Server, get};

const MIB: usize = 1024 * 1024;

/// Sends a request with these headers and this body; its status.
fn send(server: &Server, headers: &str, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(server.http.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // It may answer, and close, before it has read all of this.
    let _refused_early = stream.write_all(body);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

/// The memory of a process, in bytes.
fn memory(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

#[test]
fn a_body_that_would_inflate_or_nest_without_end_takes_no_memory() {
    let server = Place::new().serve();
    let json = "Content-Type: application/json\r\n";
    assert_eq!(send(&server, json, b"{}"), 422);
    let before = memory(&server);
    // A gzip file may have many members: 1,024 of a MiB of zeros each are a file of one MiB that inflates to a GiB.
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![0; MIB]).unwrap();
    let member = member.finish().unwrap();
    let bomb = member.repeat(1024);
    assert!(bomb.len() < 2 * MIB, "{}", bomb.len());
    for coding in ["gzip", "deflate", "br", "gzip, gzip"] {
        let status = send(&server, &format!("{json}Content-Encoding: {coding}\r\n"), &bomb);
        assert!(status == 415 || status == 413, "{coding}: {status}");
    }
    for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000), "[{\"a\":".repeat(50_000)] {
        assert_eq!(send(&server, json, deep.as_bytes()), 400);
    }
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 64 * MIB, "{} MiB", grown / MIB);
}

#[test]
fn a_full_disk_stops_writing_alone_and_only_as_long_as_it_is_full() {
    // A small disk of its own: a file system in memory that nobody but the server sees.
    let may = Command::new("unshare").args(["-Urm", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        println!("NOT CHECKED: this machine lets nobody mount a file system of their own");
        return;
    }
    let place = Place::new().with("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    std::fs::create_dir(place.path().join("data")).unwrap();
    let script = "mount -t tmpfs -o size=24m none data && exec \"$0\" serve";
    let mut command = Command::new("unshare");
    let of_the_server = place.command(&["serve"]);
    command.args(["-Urm", "sh", "-c", script]).arg(of_the_server.get_program());
    command.current_dir(place.path()).env_clear();
    command.envs(of_the_server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("CRM__HTTP__LISTEN", "127.0.0.1:0").env("CRM__OPERATIONS__LISTEN", "127.0.0.1:0");
    let mut server = Server::start(command);
    let disk = format!("/proc/{}/root{}/data", server.id(), place.path().canonicalize().unwrap().display());

    let said = std::fs::read_to_string(format!("{disk}/secret"));
    assert!(said.is_ok(), "the disk of the server is seen from here");
    let token = server.sign_in();
    let people = format!("{}/api/v1/people", server.http);
    let create = |name: &str| server.post_as(&token, &people, &json!({"last_name": name}));
    assert_eq!(create("Before").0, 201);

    let filler = format!("{disk}/filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
    let mut refused = None;
    for number in 0..1000 {
        let (status, problem) = create(&format!("Person {number}"));
        if status != 201 {
            refused = Some((status, problem));
            break;
        }
    }
    let (status, problem) = refused.expect("the disk is full at some time");
    assert_eq!((status, &problem["code"]), (507, &json!("storage_full")), "{problem}");
    let (status, list) = server.get_as(&token, &format!("{people}?q=before"));
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(1)), "reads go on: {list}");
    assert_eq!(get(&format!("{}/health/ready", server.http)).0, 200);

    drop(file);
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(create("After").0, 201, "by itself");
}
