//! `crm backup`, `crm restore`, `crm verify-backup`, and the scripts around them.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use support::Place;

fn seeded() -> Place {
    let place = Place::new();
    place.run(&["seed", "--organisations", "60", "--people", "100"]).done();
    place
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_backup_under_a_running_server_restores_into_another_database() {
    let place = seeded();
    let server = place.serve();
    let saved: serde_json::Value = serde_json::from_str(&place.run(&["backup", "a.backup", "--json"]).done()).unwrap();
    assert!(saved["rows"].as_u64().unwrap() > 500, "{saved}");
    assert_eq!(mode(&place.path().join("a.backup")), 0o600, "hashes of passwords are in it");
    assert!(!place.path().join("a.backup.part").exists());
    drop(server);
    let verified = place.run(&["verify-backup", "a.backup"]).done();
    assert!(verified.contains("were verified"), "{verified}");

    let other = Place::new();
    let backup = place.path().join("a.backup").display().to_string();
    assert!(other.run(&["restore", &backup]).done().contains("were restored"));
    let export = |place: &Place| place.run(&["export", "--resource", "people"]).done();
    assert_eq!(export(&place), export(&other));
    let refused = other.run(&["restore", &backup]).failed();
    assert!(refused.contains("is not empty"), "{refused}");
    other.run(&["restore", &backup, "--replace"]).done();
    let names: Vec<String> =
        fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with(".crm-verify")), "nothing is left behind: {names:?}");
}

#[test]
fn what_cannot_be_saved_or_taken_is_told_in_one_line() {
    let place = seeded();
    place.write("there", "mine");
    assert!(place.run(&["backup", "there"]).failed().contains("exists already"));
    assert_eq!(fs::read_to_string(place.path().join("there")).unwrap(), "mine");
    assert!(place.run(&["backup", "no/such/folder"]).failed().contains("no/such/folder.part"));
    assert!(place.run(&["verify-backup", "there"]).failed().contains("this is no backup"));
    assert!(place.run(&["restore", "nowhere"]).failed().contains("cannot read nowhere"));
    place.run(&["backup", "a"]).done();
    let mut bytes = fs::read(place.path().join("a")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path().join("a"), bytes).unwrap();
    assert!(place.run(&["verify-backup", "a"]).failed().contains("damaged"));
    assert!(place.run(&["restore", "a", "--replace"]).failed().contains("damaged"));
}

/// Runs a script of the repository with the program under test.
fn script(place: &Place, name: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(name);
    let mut command = Command::new(path);
    command.args(arguments).args(["--crm", env!("CARGO_BIN_EXE_crm")]).current_dir(place.path());
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn backups(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path().join("kept")).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".backup"));
    names.sort();
    names
}

#[test]
fn the_script_verifies_before_it_removes_the_oldest() {
    let place = seeded();
    fs::create_dir(place.path().join("kept")).unwrap();
    let old: Vec<String> = (1..=4).map(|day| format!("crm-2020010{day}T000000Z.backup")).collect();
    for name in &old {
        place.write(&format!("kept/{name}"), "old");
    }
    place.write("kept/notes.backup", "not ours");
    let (status, said) = script(&place, "backup", &["kept", "--keep", "3"]);
    assert_eq!(status, Some(0), "{said}");
    let kept = backups(&place);
    assert_eq!((&kept[..2], kept.len(), kept[3].as_str()), (&old[2..], 4, "notes.backup"), "{kept:?}");
    let before = kept.clone();
    place.write("crm.toml", "[database]\nurl = \"postgres://127.0.0.1:1/nothing\"\n");
    let (status, said) = script(&place, "backup", &["kept", "--keep", "1"]);
    assert_eq!((status, backups(&place)), (Some(1), before), "{said}");
    assert!(said.contains("nothing was removed"), "{said}");
}

#[test]
fn the_script_saves_before_it_takes_a_step_back() {
    let place = seeded();
    let (status, said) = script(&place, "migrate", &["down", "--backups", "kept"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("were verified") && said.contains("reverted "), "{said}");
    assert_eq!(backups(&place).len(), 1);
    let (status, said) = script(&place, "migrate", &["up", "--backups", "kept"]);
    assert_eq!(status, Some(1), "this program does not fit the schema before: {said}");
    assert!(said.contains("CRM_BEFORE"), "{said}");
    let (status, said) = script(&place, "migrate", &["up", "--no-backup"]);
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = script(&place, "migrate", &["status"]);
    assert!(status == Some(0) && !said.contains("missing"), "{said}");
}
