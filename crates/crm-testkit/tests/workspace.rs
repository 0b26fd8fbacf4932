//! The shape of the workspace, held against `cargo metadata` and the tree itself.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Which of our crates each of our crates may use. An arrow that is not here is an accident.
const ARROWS: [(&str, &[&str]); 10] = [
    ("crm", &["crm-api", "crm-app", "crm-domain", "crm-monitoring", "crm-persistence"]),
    ("crm-api", &["crm-app", "crm-domain", "crm-monitoring"]),
    ("crm-app", &["crm-cache", "crm-domain", "crm-events", "crm-persistence"]),
    ("crm-bench", &[]),
    ("crm-cache", &[]),
    ("crm-domain", &[]),
    ("crm-events", &["crm-domain"]),
    ("crm-monitoring", &[]),
    ("crm-persistence", &["crm-domain"]),
    ("crm-testkit", &["crm-api", "crm-app", "crm-domain", "crm-monitoring", "crm-persistence"]),
];

/// What each room must never see, through however many crates.
const NEVER: [(&str, &[&str]); 6] = [
    ("crm-domain", &["tokio", "actix-web", "actix-rt", "diesel", "redis", "slog", "r2d2", "libsqlite3-sys", "pq-sys"]),
    ("crm-persistence", &["actix-web", "actix-rt", "tokio", "redis"]),
    ("crm-app", &["actix-web", "actix-rt"]),
    ("crm-monitoring", &["diesel", "redis"]),
    ("crm-events", &["actix-web", "actix-rt", "diesel"]),
    ("crm-cache", &["actix-web", "actix-rt", "diesel"]),
];

/// What a room must not name itself, even where a crate below it has it.
// The bus and the cache are below the use cases, and with them their Redis.
const NOT_DIRECTLY: [(&str, &[&str]); 2] = [
    ("crm-api", &["diesel", "redis", "deadpool-redis"]),
    ("crm-app", &["diesel", "actix-web", "redis", "deadpool-redis"]),
];

/// Longer than this, a file is more than one idea.
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn metadata() -> Value {
    // The packages of this platform are all here, or this test would not have been built; those of others may not be.
    let arguments = ["metadata", "--format-version", "1", "--offline", "--filter-platform", &host()];
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The name of this platform, as the compiler says it.
fn host() -> String {
    let output = Command::new("rustc").arg("-vV").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The normal dependencies of every package by name, direct ones only; build and development ones are left out.
fn graph(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeMap<&str, &str> = packages.iter().map(|one| (text(&one["id"]), text(&one["name"]))).collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let normal = |edge: &&Value| edge["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null());
        let targets = node["deps"].as_array().unwrap().iter().filter(normal);
        let targets = targets.map(|edge| names[text(&edge["pkg"])].to_owned());
        graph.entry(names[text(&node["id"])].to_owned()).or_default().extend(targets);
    }
    graph
}

fn reachable(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for next in &graph[&name] {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    seen
}

#[test]
fn the_arrows_between_our_crates_are_those_of_the_table() {
    let graph = graph(&metadata());
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    let members: BTreeSet<&str> =
        graph.keys().map(String::as_str).filter(|name| *name == "crm" || name.starts_with("crm-")).collect();
    assert_eq!(members, ours, "every crate of the workspace stands in the table");
    for (name, allowed) in ARROWS {
        let used: BTreeSet<&str> = graph[name].iter().map(String::as_str).filter(|one| ours.contains(one)).collect();
        let extra: Vec<_> = used.iter().filter(|one| !allowed.contains(one)).collect();
        assert!(extra.is_empty(), "{name} must not use {extra:?}");
    }
}

#[test]
fn no_room_sees_what_it_must_never_see() {
    let graph = graph(&metadata());
    for (name, never) in NEVER {
        let seen = reachable(&graph, name);
        let found: Vec<_> = never.iter().filter(|one| seen.contains(**one)).collect();
        assert!(found.is_empty(), "{name} sees {found:?}");
    }
    for (name, never) in NOT_DIRECTLY {
        let found: Vec<_> = never.iter().filter(|one| graph[name].contains(**one)).collect();
        assert!(found.is_empty(), "{name} names {found:?}");
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_file_is_one_idea() {
    let mut files = Vec::new();
    sources(&root().join("crates"), &mut files);
    sources(&root().join("bin"), &mut files);
    let lines = |file: &PathBuf| std::fs::read_to_string(file).unwrap().lines().count();
    let crowded: Vec<_> =
        files.iter().map(|file| (file, lines(file))).filter(|(_, lines)| *lines > MOST_LINES).collect();
    assert!(crowded.is_empty(), "split these: {crowded:#?}");
    assert!(files.len() > 50, "the tree was found");
}
