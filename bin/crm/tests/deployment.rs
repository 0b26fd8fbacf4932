//! What the server is installed by: as far as a machine without a container engine can tell, it is right.

#![allow(clippy::unwrap_used)] // A test that cannot go on says so by failing.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use yaml_rust2::{Yaml, YamlLoader};

const COMPOSE: [&str; 3] = ["compose.yml", "compose.redis.yml", "compose.cluster.yml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn compose(file: &str) -> Yaml {
    let documents = YamlLoader::load_from_str(&text(&format!("docker/{file}"))).unwrap();
    assert_eq!(documents.len(), 1, "{file}");
    documents.into_iter().next().unwrap()
}

/// The services of a file by name.
fn services(file: &Yaml) -> Vec<(String, Yaml)> {
    let services = file["services"].as_hash().unwrap();
    services.iter().map(|(name, service)| (name.as_str().unwrap().to_owned(), service.clone())).collect()
}

fn strings(list: &Yaml) -> Vec<String> {
    list.as_vec().into_iter().flatten().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
}

/// A program, where this machine has it. What is not checked is said.
fn program(name: &str) -> Option<Command> {
    let found = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/bin"].map(|folder| Path::new(folder).join(name));
    let found = found.into_iter().find(|path| path.exists());
    if found.is_none() {
        println!("NOT CHECKED: there is no {name}");
    }
    found.map(Command::new)
}

#[track_caller]
fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// Every file in a folder and below it.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn every_variable_that_is_named_anywhere_is_a_setting() {
    // `.env.example` has all of them: another test holds it against the settings.
    let settings: BTreeSet<String> = variables(&text(".env.example"));
    let mut files = vec![root().join("README.md")];
    for folder in ["docker", "scripts", "docs"] {
        self::files(&root().join(folder), &mut files);
    }
    let mut named = 0;
    for path in files {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for variable in variables(&text) {
            named += 1;
            // A section alone stands for all that is in it.
            let section = variable.ends_with("__") && settings.iter().any(|setting| setting.starts_with(&variable));
            let known = settings.contains(&variable) || section || variable == "CRM__SECTION__KEY";
            assert!(known, "{} names {variable}, which is no setting", path.display());
        }
    }
    assert!(named > 50, "they were looked for: {named}");
}

fn variables(text: &str) -> BTreeSet<String> {
    let part = |character: char| character.is_ascii_uppercase() || character == '_';
    let starts = text.match_indices("CRM__").map(|(at, _)| &text[at..]);
    starts.map(|rest| rest[..rest.find(|one| !part(one)).unwrap_or(rest.len())].to_owned()).collect()
}

#[test]
fn services_listen_on_this_machine_alone_and_have_a_health_check() {
    let image_has_one = text("docker/Dockerfile").contains("\nHEALTHCHECK ");
    for file in COMPOSE {
        let document = compose(file);
        for (name, service) in services(&document) {
            for port in strings(&service["ports"]) {
                assert!(port.starts_with("127.0.0.1:"), "{file}: {name} listens on {port}");
            }
            let image = service["image"].as_str().unwrap_or_default();
            if !image.is_empty() {
                let version = image.rsplit(':').next().unwrap();
                assert!(version.starts_with(|first: char| first.is_ascii_digit() || first == 'v'), "{file}: {image}");
            }
            let ours = name.starts_with("crm") && image_has_one;
            let optional = !service["profiles"].is_badvalue() || name == "nginx";
            assert!(ours || optional || !service["healthcheck"]["test"].is_badvalue(), "{file}: {name}");
        }
    }
}

#[test]
fn what_a_service_needs_is_there() {
    let all: Vec<(String, Yaml)> = COMPOSE.iter().flat_map(|file| services(&compose(file))).collect();
    let names: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    for file in COMPOSE {
        let document = compose(file);
        let volumes = document["volumes"].as_hash().map(|volumes| {
            volumes.keys().filter_map(|name| name.as_str().map(ToOwned::to_owned)).collect::<BTreeSet<_>>()
        });
        for (name, service) in services(&document) {
            let depends: Vec<String> = match service["depends_on"].as_hash() {
                Some(conditions) => conditions.keys().map(|one| one.as_str().unwrap().to_owned()).collect(),
                None => strings(&service["depends_on"]),
            };
            for other in depends {
                assert!(names.contains(other.as_str()), "{file}: {name} depends on {other}");
            }
            for volume in strings(&service["volumes"]) {
                let source = volume.split(':').next().unwrap();
                match source.strip_prefix("./") {
                    Some(path) => assert!(root().join("docker").join(path).exists(), "{file}: {name}: {path}"),
                    None => {
                        let known = volumes.as_ref().is_some_and(|volumes| volumes.contains(source));
                        assert!(known, "{file}: {name}: {source}");
                    }
                }
            }
            for config in service["configs"].as_vec().into_iter().flatten() {
                let source = config["source"].as_str().unwrap();
                assert!(!document["configs"][source]["content"].is_badvalue(), "{file}: {name}: {source}");
            }
        }
    }
}

#[test]
fn no_secret_has_a_default() {
    for file in COMPOSE {
        for line in text(&format!("docker/{file}")).lines().filter(|line| !line.trim_start().starts_with('#')) {
            for word in ["PASSWORD", "SECRET"] {
                let Some((_, value)) = line.split_once("${").filter(|(_, value)| value.contains(word)) else {
                    continue;
                };
                let asked_for = value.contains(":?") || value.starts_with("GRAFANA_PASSWORD:-}");
                assert!(asked_for, "{file}: {line}");
            }
        }
    }
    for line in text("docker/example.env").lines().filter(|line| line.contains("PASSWORD=") || line.contains("SECRET="))
    {
        assert!(line.ends_with('='), "{line}");
    }
    assert!(
        text(".gitignore").lines().any(|line| line == "/docker/.env"),
        "a filled-in file stays out of the repository"
    );
}

#[test]
fn the_image_is_small_checked_and_not_roots() {
    let file = text("docker/Dockerfile");
    let joined = file.replace("\\\n", " ");
    let instructions: Vec<&str> = joined.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let stages: Vec<&&str> = instructions.iter().filter(|line| line.starts_with("FROM ")).collect();
    assert_eq!(stages.len(), 2, "what builds it is not in it");
    for stage in &stages {
        let image = stage.split(' ').nth(1).unwrap();
        assert!(image.contains(':') && !image.ends_with(":latest"), "{image}");
    }
    for run in instructions.iter().filter(|line| line.contains("apt-get install")) {
        for part in ["--no-install-recommends", "rm -rf /var/lib/apt/lists/*", "apt-get update"] {
            assert!(run.contains(part), "{run}");
        }
    }
    let last = instructions.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    let at = |start: &str| instructions[last..].iter().position(|line| line.starts_with(start));
    let (user, entry) = (at("USER ").unwrap(), at("ENTRYPOINT [\"").unwrap());
    assert!(user < entry && instructions[last + user] != "USER root", "{:?}", instructions[last + user]);
    assert!(at("HEALTHCHECK ").is_some());
    let toolchain = text("Cargo.toml");
    let version = toolchain.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(file.contains(&format!("FROM rust:{version}-")), "it is built by the version of the workspace");
    assert!(text(".dockerignore").lines().any(|line| line == "target"));
}

#[test]
fn nginx_takes_its_settings() {
    let Some(mut nginx) = program("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let proxy = root().join("docker/nginx").canonicalize().unwrap();
    let mut wholes =
        vec![text("docker/nginx/cluster.conf").replace("crm-second:", "127.0.0.1:").replace("crm:", "127.0.0.1:")];
    if let Some(mut openssl) = program("openssl") {
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=crm.example.com"]);
        passes(openssl.args(["-keyout", "privkey.pem", "-out", "fullchain.pem"]).current_dir(&folder));
        let certificates = folder.path().display().to_string();
        wholes.push(text("docker/nginx/https.conf").replace("/etc/ssl/crm", &certificates));
    }
    for site in wholes {
        let site = site.replace("/etc/nginx/crm", &proxy.display().to_string());
        let whole = format!("pid {}/pid;\nevents {{}}\nhttp {{\n{site}\n}}\n", folder.path().display());
        let path = folder.path().join("nginx.conf");
        fs::write(&path, whole).unwrap();
        passes(nginx.args(["-t", "-q", "-e", "stderr", "-c"]).arg(path));
        nginx = program("nginx").unwrap();
    }
}

#[test]
fn systemd_takes_its_unit() {
    let unit = text("docker/systemd/crm.service");
    for line in ["DynamicUser=yes", "TimeoutStopSec=40", "ProtectSystem=strict", "NoNewPrivileges=yes"] {
        assert!(unit.lines().any(|one| one == line), "{line}");
    }
    let Some(mut systemd) = program("systemd-analyze") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.service");
    fs::write(&path, unit.replace("/usr/local/bin/crm", env!("CARGO_BIN_EXE_crm"))).unwrap();
    passes(systemd.args(["verify", "--man=no"]).arg(path));
}

#[test]
fn every_script_tells_its_use_and_refuses_what_it_does_not_know() {
    for name in ["backup", "migrate", "cluster", "dev", "test"] {
        let path = root().join("scripts").join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o111, 0o111, "{name} can be run");
        let help = Command::new(&path).arg("--help").output().unwrap();
        let said = String::from_utf8(help.stdout).unwrap();
        assert!(
            help.status.success() && said.contains("Usage: scripts/") && said.contains("Example"),
            "{name}: {said}"
        );
        let wrong = Command::new(&path).arg("--fly").output().unwrap();
        assert_eq!(wrong.status.code(), Some(2), "{name}");
    }
}
