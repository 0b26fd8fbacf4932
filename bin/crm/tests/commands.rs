//! The commands: help, exit statuses, and what they do.

mod support;

use serde_json::Value;
use support::Place;

#[test]
fn every_command_has_a_help_text_with_an_example() {
    let place = Place::new();
    for command in [
        &[][..],
        &["serve"],
        &["migrate"],
        &["user"],
        &["user", "add"],
        &["user", "set-role"],
        &["user", "deactivate"],
        &["user", "reset-password"],
        &["user", "list"],
        &["user", "set-team"],
        &["user", "activate"],
        &["doctor"],
        &["backup"],
        &["restore"],
        &["verify-backup"],
        &["seed"],
        &["import"],
        &["export"],
        &["openapi"],
    ] {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let help = place.run(&arguments).done();
        assert!(help.contains("Example"), "crm {}: {help}", command.join(" "));
    }
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0, "asking for help leaves nothing behind");
}

#[test]
fn wrong_usage_ends_with_2() {
    let place = Place::new();
    for arguments in [
        &["fly"][..],
        &["migrate", "sideways"],
        &["seed"],
        &["seed", "--organisations", "-1", "--people", "0"],
        &["user", "add", "--email", "nobody", "--name", "N", "--role", "admin"],
        &["user", "set-team", "--email", "ann@example.com"],
        &["user", "set-team", "--email", "ann@example.com", "--team", "Paris", "--no-team"],
        &["import", "x.csv"],
        &["import", "x.csv", "--resource", "planets"],
        &["import", "--revert", "7"],
        &["import", "x.csv", "--resource", "people", "--revert", "01938a3c-5f00-7000-8000-000000000001"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.status(), 2, "{arguments:?}: {}", ran.stderr());
        assert!(ran.stderr().contains("Usage") || ran.stderr().contains("--help"), "{}", ran.stderr());
    }
}

#[test]
fn unreadable_settings_end_every_command_with_1_and_one_line() {
    let place = Place::new().with("CRM__REDIS__ADDRESS", "redis://localhost");
    for command in ["serve", "migrate", "seed --organisations 1 --people 1", "export --resource people"] {
        let failure = place.run(&command.split(' ').collect::<Vec<_>>()).failed();
        assert!(failure.contains("CRM__REDIS__ADDRESS"), "{failure}");
    }
    let place = Place::new();
    place.write("crm.toml", "[http]\ndrain_seconds = \"soon\"\n");
    assert!(place.run(&["migrate"]).failed().contains("http.drain_seconds"));
    assert!(place.run(&["migrate", "--config", "other.toml"]).failed().contains("other.toml"));
}

#[test]
fn migrating_goes_up_and_down_and_tells_where_it_stands() {
    let place = Place::new();
    let status = || -> Value { serde_json::from_str(&place.run(&["migrate", "status", "--json"]).done()).unwrap() };
    let all = |applied: bool| status().as_array().unwrap().iter().all(|step| step["applied"] == applied);
    assert!(all(false));
    assert!(place.run(&["migrate"]).done().contains("applied "));
    assert!(all(true));
    assert_eq!(place.run(&["migrate", "up"]).done(), "the schema is current\n");
    assert!(place.run(&["migrate", "down"]).done().contains("reverted "));
    assert!(!all(true));
}

#[test]
fn the_openapi_document_is_printed_without_any_settings() {
    let place = Place::new().with("CRM__NO__SUCH", "1");
    let document: Value = serde_json::from_str(&place.run(&["openapi"]).done()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["paths"]["/api/v1/organisations"].is_object());
}

#[test]
fn users_are_added_changed_and_shut_out() {
    let place = Place::new();
    let add = ["user", "add", "--email", "ann@example.com", "--name", "Ann Example", "--role", "admin", "--json"];
    let added: Value = serde_json::from_str(&place.run(&add).done()).unwrap();
    assert!(added["password"].as_str().unwrap().len() >= 20);
    assert!(place.run(&add).failed().contains("there is a user ann@example.com already"));
    let bob = [
        "user",
        "add",
        "--email",
        "bob@example.com",
        "--name",
        "Bob",
        "--role",
        "user",
        "--team",
        "Paris",
        "--password-stdin",
    ];
    let ran = place.run_with_input(&bob, "quite some long phrase 81\n");
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert!(!ran.stdout().contains("phrase"), "a password that was given is not repeated");
    let short = ["user", "reset-password", "--email", "bob@example.com", "--password-stdin"];
    assert_eq!(place.run_with_input(&short, "short\n").status(), 1);
    assert!(
        place
            .run(&["user", "reset-password", "--email", "bob@example.com"])
            .done()
            .contains("password of bob@example.com: ")
    );
    place.run(&["user", "set-role", "--email", "BOB@example.com", "--role", "read_only"]).done();
    let unknown = place.run(&["user", "set-role", "--email", "bob@example.com", "--role", "king"]).failed();
    assert!(unknown.contains("no role king"), "{unknown}");
    let listed = || -> Value { serde_json::from_str(&place.run(&["user", "list", "--json"]).done()).unwrap() };
    let bob = || listed().as_array().unwrap().iter().find(|user| user["name"] == "Bob").unwrap().clone();
    assert_eq!((&bob()["team"], &bob()["role"]), (&"Paris".into(), &"read_only".into()));
    place.run(&["user", "set-team", "--email", "bob@example.com", "--no-team"]).done();
    assert_eq!(bob()["team"], Value::Null);
    place.run(&["user", "set-team", "--email", "bob@example.com", "--team", "PARIS"]).done();
    assert_eq!(bob()["team"], "Paris", "the team is found whatever its case, and not made a second time");
    let nowhere = ["user", "set-team", "--email", "bob@example.com", "--team", "01938a3c-5f00-7000-8000-000000000001"];
    assert!(place.run(&nowhere).failed().contains("there is no team"));
    place.run(&["user", "deactivate", "--email", "bob@example.com"]).done();
    assert_eq!(bob()["is_active"], false);
    place.run(&["user", "activate", "--email", "bob@example.com"]).done();
    assert_eq!(bob()["is_active"], true);
    place.run(&["user", "deactivate", "--email", "bob@example.com"]).done();
    let last = place.run(&["user", "deactivate", "--email", "ann@example.com"]).failed();
    assert!(last.contains("last active administrator"), "{last}");
    assert!(
        place.run(&["user", "deactivate", "--email", "eve@example.com"]).failed().contains("no user eve@example.com")
    );
}

#[test]
fn a_file_is_imported_told_of_and_taken_back() {
    let place = Place::new();
    let add = ["user", "add", "--email", "ann@example.com", "--name", "Ann Example", "--role", "admin"];
    place.run(&add).done();
    place.write("firms.csv", "name;Pays;Ville;N° de téléphone du standard\nAlpha Exemple;FR;Lyon;01 99 00 12 34\nBeta Exemple;FR;Lyon;12\n;FR;Nice;\n");
    place.write("mapping.toml", "\"N° de téléphone du standard\" = \"phone\"\n");
    let import = |more: &[&str]| -> Value {
        let base = ["import", "firms.csv", "--resource", "organisations", "--mapping", "mapping.toml", "--json"];
        let arguments: Vec<&str> = base.iter().chain(more).copied().collect();
        serde_json::from_str(&place.run(&arguments).done()).unwrap()
    };
    assert_eq!(import(&["--dry-run"])["counts"]["created"], 2);
    let done = import(&["--owner", "ann@example.com", "--errors", "refused.csv"]);
    assert_eq!((&done["counts"]["created"], &done["counts"]["failed"], &done["counts"]["invalid_cells"]).0, 2);
    assert_eq!(done["counts"]["failed"], 1);
    let refused = std::fs::read_to_string(place.path().join("refused.csv")).unwrap();
    assert_eq!(refused.lines().count(), 3, "a header, a bad cell and a row without a name: {refused}");
    assert!(refused.contains("Beta Exemple") && refused.contains("import_reason"), "{refused}");
    let exported = place.run(&["export", "--resource", "organisations"]).done();
    assert!(exported.contains("Alpha Exemple") && exported.contains("'+33199001234"), "{exported}");
    let taken_back = place.run(&["import", "--revert", done["id"].as_str().unwrap()]).done();
    assert!(taken_back.contains("2 changes taken back"), "{taken_back}");
    place.run(&["export", "--resource", "organisations", "--output", "all.csv"]).done();
    assert_eq!(std::fs::read_to_string(place.path().join("all.csv")).unwrap().lines().count(), 1);
    assert!(place.run(&["import", "missing.csv", "--resource", "people"]).failed().contains("missing.csv"));
}

#[test]
fn a_reader_who_goes_away_is_no_failure() {
    let place = Place::new();
    let script = format!("{} openapi | head -c 10; echo \"${{PIPESTATUS[0]}}\"", env!("CARGO_BIN_EXE_crm"));
    let output = std::process::Command::new("bash").args(["-c", &script]).current_dir(place.path()).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().ends_with("0\n"));
    assert!(output.stderr.is_empty());
}

#[test]
fn the_doctor_says_what_is_wrong_and_leaves_nothing_behind() {
    let place = Place::new();
    let ran = place.run(&["doctor", "--json"]);
    assert_eq!(ran.status(), 1, "{}", ran.stderr());
    let findings: Value = serde_json::from_str(&ran.stdout()).unwrap();
    let state = |findings: &Value, check: &str| {
        let finding = findings.as_array().unwrap().iter().find(|finding| finding["check"] == check);
        finding.map_or(Value::Null, |finding| finding["state"].clone())
    };
    assert_eq!((state(&findings, "settings"), state(&findings, "database")), ("ok".into(), "problem".into()));
    assert!(std::fs::read_dir(place.path()).unwrap().next().is_none(), "looking makes nothing");
    place.run(&["migrate"]).done();
    assert!(place.run(&["doctor"]).stdout().contains("crm user add"), "nobody may sign in");
    place.run(&["user", "add", "--email", "ann@example.com", "--name", "Ann", "--role", "admin"]).done();
    let healthy: Value = serde_json::from_str(&place.run(&["doctor", "--json"]).done()).unwrap();
    assert!(healthy.as_array().unwrap().iter().all(|finding| finding["state"] == "ok"), "{healthy}");
    // What the system imports belongs to nobody: that is told, and is no failure.
    place.write("firms.csv", "name\nAlpha Exemple\n");
    place.run(&["import", "firms.csv", "--resource", "organisations"]).done();
    let told: Value = serde_json::from_str(&place.run(&["doctor", "--json"]).done()).unwrap();
    assert_eq!(state(&told, "records"), "warning", "{told}");
    place.run(&["migrate", "down"]).done();
    let old = place.run(&["doctor"]);
    assert_eq!(old.status(), 1);
    assert!(old.stdout().contains("crm migrate up"), "{}", old.stdout());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test script passes the servers it started by the environment")]
fn a_database_that_cannot_be_reached_is_told_with_its_reason_and_without_its_password() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut cases = vec![
        (format!("postgres://crm:s3cret@127.0.0.1:{nobody}/crm"), "Connection refused"),
        (format!("postgres://crm:s3cret@secret@127.0.0.1:{nobody}/crm"), "%40"),
    ];
    if let Ok(address) = std::env::var("TEST_POSTGRES_URL") {
        let mut missing = url::Url::parse(&address).unwrap();
        missing.set_path("/nothing_of_this_name");
        cases.push((missing.to_string(), "database \"nothing_of_this_name\" does not exist"));
        let mut stranger = url::Url::parse(&address).unwrap();
        stranger.set_username("nobody_of_this_name").unwrap();
        cases.push((stranger.to_string(), "\"nobody_of_this_name\""));
    }
    for (address, reason) in cases {
        let place = Place::new().with("CRM__DATABASE__URL", &address);
        for told in [place.run(&["doctor"]).stdout(), place.run(&["serve"]).failed(), place.run(&["migrate"]).failed()]
        {
            assert!(told.contains(reason), "{address}: {told}");
            assert!(!told.contains("cret"), "{told}");
        }
    }
}

#[test]
fn an_import_of_what_is_no_file_is_not_said_to_be_done() {
    let place = Place::new();
    place.run(&["migrate"]).done();
    place.write("x.csv", "PK\u{3}\u{4}");
    for (path, reason) in [(".", "it is a folder"), ("x.csv", "spreadsheet")] {
        let ran = place.run(&["import", path, "--resource", "organisations"]);
        assert!(ran.failed().contains(reason), "{}", ran.stderr());
        assert!(!ran.stdout().contains(": done"), "{}", ran.stdout());
    }
}
