use std::{fs, path::PathBuf};

use config::Map;

use super::{Settings, Sources, load::variable};

fn environment(pairs: &[(&str, &str)]) -> Map<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Loads from a file with this text and these variables.
fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.toml");
    fs::write(&path, file).unwrap();
    let sources = Sources { file: Some(path), environment: Some(environment(variables)) };
    Settings::load(sources).map_err(|error| error.to_string())
}

#[track_caller]
fn check(file: &str, variables: &[(&str, &str)], expected: Result<(&str, &str), &str>) {
    match (load(file, variables), expected) {
        (Ok(settings), Ok((pointer, value))) => {
            let settings = serde_json::to_value(settings).unwrap();
            assert_eq!(settings.pointer(pointer).unwrap().to_string(), value);
        }
        (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
        (result, expected) => panic!("{result:?} is not {expected:?}"),
    }
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[limits]\nrequest_seconds = 7\nupload_seconds = 8\n";
    let variables = [("CRM__LIMITS__UPLOAD_SECONDS", "9")];
    check(file, &variables, Ok(("/limits/body_seconds", "10")));
    check(file, &variables, Ok(("/limits/request_seconds", "7")));
    check(file, &variables, Ok(("/limits/upload_seconds", "9")));
}

#[test]
fn values_of_the_environment_are_read_by_the_type_of_their_setting() {
    check("", &[("CRM__ENVIRONMENT", "production")], Ok(("/environment", "\"production\"")));
    check("", &[("CRM__HTTP__LISTEN", "0.0.0.0:80")], Ok(("/http/listen", "\"0.0.0.0:80\"")));
    check("", &[("CRM__HTTP__WORKERS", "3")], Ok(("/http/workers", "3")));
    check("", &[("CRM__LOG__LEVEL", "warn,crm_api=debug")], Ok(("/log/level", "\"warn,crm_api=debug\"")));
    check("", &[("CRM__LOG__FORMAT", "json")], Ok(("/log/format", "\"json\"")));
    check("", &[("CRM__LOG__FORMAT", "")], Ok(("/log/format", "null")));
    check("", &[("CRM__IMPORTS__DIRECTORY", "123")], Ok(("/imports/directory", "\"123\"")));
}

#[test]
fn a_key_that_sets_nothing_is_refused_by_name_and_place() {
    check(
        "",
        &[("CRM__CLUSTER__URL", "redis://x")],
        Err("unknown setting `cluster.url` in the environment (CRM__CLUSTER__URL)"),
    );
    check(
        "",
        &[("CRM__HTTP__LISTEM", "x")],
        Err("`http.listem` in the environment (CRM__HTTP__LISTEM); `http` has: connections,"),
    );
    check("[http]\nport = 80\n", &[], Err("unknown setting `http.port` in "));
    check("colour = \"red\"\n", &[], Err("crm.toml"));
    check("[database.pool]\nsize = 3\n", &[], Err("`database.pool.size`"));
}

#[test]
fn a_value_that_makes_no_sense_is_refused_by_its_key() {
    check("", &[("CRM__HTTP__WORKERS", "many")], Err("http.workers"));
    check("", &[("CRM__HTTP__WORKERS", "0")], Err("http.workers"));
    check("", &[("CRM__HTTP__LISTEN", "8080")], Err("http.listen"));
    check("", &[("CRM__HTTP__DRAIN_SECONDS", "31")], Err("`http.drain_seconds`: must be at most 30"));
    check("", &[("CRM__LIMITS__REQUEST_SECONDS", "0")], Err("`limits.request_seconds`: must be at least 1"));
    check("", &[("CRM__LIMITS__REQUEST_SECONDS", "-1")], Err("limits.request_seconds"));
    let expected = "expected one of `development`, `staging`, `production` for key `environment`";
    check("", &[("CRM__ENVIRONMENT", "prod")], Err(expected));
    check("environment = \"prod\"\n", &[], Err(expected));
    check("", &[("CRM__LOG__FORMAT", "xml")], Err("expected `json` or `terminal` for key `log.format`"));
    check("", &[("CRM__MAIL__ENCRYPTION", "some")], Err("for key `mail.encryption`"));
    check("", &[("CRM__LOG__LEVEL", "loud")], Err("loud"));
    check("", &[("CRM__DATABASE__URL", "mysql://h/d")], Err("`database.url`: "));
    check("[http\n", &[], Err("crm.toml"));
    check("http = 3\n", &[], Err("`http`"));
}

#[test]
fn lists_are_read_from_one_text_with_commas_or_from_a_list() {
    let networks = "[\"10.0.0.0/8\",\"fd00::/8\",\"192.0.2.1/32\"]";
    let text = "10.0.0.0/8, fd00::/8,192.0.2.1";
    check("", &[("CRM__HTTP__TRUSTED_PROXIES", text)], Ok(("/http/trusted_proxies", networks)));
    let file = "[http]\ntrusted_proxies = [\"10.0.0.0/8\", \"fd00::/8\", \"192.0.2.1\"]\n";
    check(file, &[], Ok(("/http/trusted_proxies", networks)));
    check("", &[("CRM__HTTP__TRUSTED_PROXIES", "10.0.0.1/8")], Err("must be an address or a network"));
    let roles = [("CRM__SECURITY__SECOND_FACTOR_ROLES", "admin,manager")];
    check("", &roles, Ok(("/security/second_factor_roles", "[\"admin\",\"manager\"]")));
    check("", &[("CRM__SECURITY__SECOND_FACTOR_ROLES", "boss")], Err("admin"));
}

#[test]
fn mail_that_could_not_be_sent_or_would_not_be_safe_is_refused() {
    let (host, url) = (("CRM__MAIL__HOST", "mail.example.com"), ("CRM__HTTP__PUBLIC_URL", "https://crm.example.com/"));
    let (name, word) = (("CRM__MAIL__USERNAME", "crm"), ("CRM__MAIL__PASSWORD", "s3cret"));
    check("", &[host, url, name, word], Ok(("/mail/password", "\"[redacted]\"")));
    check("", &[host], Err("`http.public_url`: must be set where mail is sent"));
    check("", &[host, url, name], Err("`mail.password`"));
    check("", &[host, url, name, word, ("CRM__MAIL__ENCRYPTION", "none")], Err("`mail.encryption`"));
    check("", &[host, url, ("CRM__MAIL__FROM", "nobody")], Err("`mail`"));
    for wrong in ["crm.example.com", "ftp://crm.example.com", "https://crm.example.com/?a=b", "https://h/#x"] {
        check("", &[("CRM__HTTP__PUBLIC_URL", wrong)], Err("`http.public_url`: must be an http or https address"));
    }
}

#[test]
fn what_is_shown_has_no_secret() {
    let secret = [("CRM__SECURITY__SECRET", "Tq8vN2zL7kWm4RyXc0Hj9uPfEs5bDgAo")];
    check("", &secret, Ok(("/security/secret", "\"[redacted]\"")));
    assert!(!format!("{:?}", load("", &secret)).contains("Tq8v"));
    check("", &[], Ok(("/security/secret", "null")));
}

#[test]
fn reports_are_sampled_by_the_environment_unless_they_are_told_otherwise() {
    let traces = |variables: &[(&str, &str)]| load("", variables).unwrap().monitoring().reports.traces.to_string();
    assert_eq!(traces(&[]), "1");
    assert_eq!(traces(&[("CRM__ENVIRONMENT", "staging")]), "0.5");
    assert_eq!(traces(&[("CRM__ENVIRONMENT", "production")]), "0.1");
    assert_eq!(traces(&[("CRM__ENVIRONMENT", "production"), ("CRM__SENTRY__TRACES", "0.25")]), "0.25");
    check("", &[("CRM__SENTRY__TRACES", "1.5")], Err("`sentry.traces`: must be from 0 to 1"));
    check("", &[("CRM__MONITORING__SLOW_MILLISECONDS", "0")], Err("`monitoring.slow_milliseconds`"));
}

#[test]
fn an_address_of_reports_is_a_secret_and_must_be_one() {
    let dsn = ("CRM__SENTRY__DSN", "https://0123456789abcdef@sentry.example.com/42");
    check("", &[dsn], Ok(("/sentry/dsn", "\"[redacted]\"")));
    assert!(load("", &[dsn]).unwrap().monitoring().reports.dsn.is_some());
    assert!(!format!("{:?}", load("", &[dsn])).contains("0123456789abcdef"));
    let failure = load("", &[("CRM__SENTRY__DSN", "https://sentry.example.com/42?s3cret")]).unwrap_err();
    assert!(failure.contains("`sentry.dsn`") && !failure.contains("s3cret"), "{failure}");
    assert!(load("", &[]).unwrap().monitoring().reports.dsn.is_none());
}

#[test]
fn a_named_file_must_exist() {
    let sources = Sources { file: Some(PathBuf::from("/nowhere/crm.toml")), environment: Some(Map::new()) };
    assert!(Settings::load(sources).unwrap_err().to_string().contains("/nowhere/crm.toml"));
}

#[test]
fn what_is_shown_has_no_password() {
    for (url, shown) in [
        ("postgres://crm:s3cret@db.internal:5432/crm", "\"postgres://crm:redacted@db.internal:5432/crm\""),
        ("postgres://db.internal/crm?password=s3cret", "\"postgres://db.internal/crm\""),
        ("postgres://crm:s3cret@[db/crm", "\"[redacted]\""),
        ("sqlite://data/crm.db", "\"sqlite://data/crm.db\""),
    ] {
        check("", &[("CRM__DATABASE__URL", url)], Ok(("/database/url", shown)));
        assert!(!format!("{:?}", load("", &[("CRM__DATABASE__URL", url)])).contains("s3cret"));
    }
}

#[test]
fn every_setting_is_documented_with_its_default() {
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap();
    let example = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.env.example")).unwrap();
    for key in Settings::keys() {
        assert!(guide.contains(&format!("\n| `{}` | ", variable(&key))), "docs/configuration.md lacks {key}");
        assert!(example.contains(&format!("{}=", variable(&key))), ".env.example lacks {key}");
    }
    let documented = guide.matches("\n| `CRM__").count();
    assert_eq!(documented, Settings::keys().len(), "docs/configuration.md has a setting that is none");
}

#[test]
fn webhooks_go_over_plain_connections_on_the_machine_of_a_developer_alone() {
    use crm_app::Plain;
    for (environment, plain) in
        [("development", Plain::Allowed), ("staging", Plain::Refused), ("production", Plain::Refused)]
    {
        let variables = [("CRM__ENVIRONMENT", environment), ("CRM__WEBHOOKS__NETWORKS", "10.1.0.0/16")];
        let outgoing = load("", &variables).unwrap().app().webhooks.outgoing;
        assert_eq!(outgoing.plain, plain, "{environment}");
        let admits = |address: &str| outgoing.reachable.admits(address.parse().unwrap());
        assert!(admits("10.1.2.3") && !admits("10.2.0.1") && !admits("127.0.0.1"));
    }
}
