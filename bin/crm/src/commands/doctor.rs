//! `crm doctor`: what is wrong with this installation, in words that say what to do. It changes nothing.

use std::{
    fs,
    io::Write,
    net::{TcpStream, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::TimeDelta;
use crm_app::App;
use crm_domain::{
    UserField,
    access::{Actor, BuiltInRole, Resource, policy},
    names_of,
    query::ListQuery,
    values::Timestamp,
};
use crm_persistence::{Database, StoreError, access, changes, migrations};
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::{
    arguments::Output,
    failure::Failure,
    output::tell,
    settings::Settings,
    start::{app, block_on},
};

/// What one look has found.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    detail: String,
}

/// How bad it is. Only a problem makes the command fail.
#[derive(Clone, Copy, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Warning,
    Problem,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, state: State::Ok, detail: detail.into() }
    }

    fn warning(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, state: State::Warning, detail: detail.into() }
    }

    fn problem(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, state: State::Problem, detail: detail.into() }
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "PROBLEM",
        };
        format!("{state:<8} {:<15} {}", self.check, self.detail)
    }
}

/// Looks at everything that can be looked at; what depends on something broken is left out.
pub fn run(settings: &Settings, output: Output) -> Result<(), Failure> {
    let environment = serde_json::to_value(settings.environment)?;
    let environment = environment.as_str().unwrap_or_default().to_owned();
    let mut findings = vec![Finding::ok("settings", format!("readable; the environment is {environment}"))];
    findings.extend(disk(settings));
    findings.push(sentry(settings));
    let reachable = database(settings);
    let goes_on = reachable.state == State::Ok;
    findings.push(reachable);
    if goes_on {
        let schema = schema(settings);
        let is_current = schema.state == State::Ok;
        findings.push(schema);
        if is_current {
            let app = app(settings)?;
            findings.push(clock(&app)?);
            findings.push(administrators(&app)?);
            findings.extend(records(&app)?);
        }
    }
    let problems = findings.iter().filter(|finding| finding.state == State::Problem).count();
    tell(output, &findings, || findings.iter().map(Finding::line).collect::<Vec<_>>().join("\n"))?;
    match problems {
        0 => Ok(()),
        1 => Err(Failure::new("there is a problem: see above")),
        number => Err(Failure::new(format!("there are {number} problems: see above"))),
    }
}

fn database(settings: &Settings) -> Finding {
    if let Some(file) = file_of(settings)
        && !file.exists()
    {
        let detail = format!("there is none at {} yet: `crm serve` or `crm migrate up` makes it", file.display());
        return Finding::problem("database", detail);
    }
    let answer = Database::open(&settings.database()).and_then(|database| database.ready());
    match answer {
        Ok(()) => Finding::ok("database", "it answers"),
        Err(error) => Finding::problem("database", Failure::from(error).to_string()),
    }
}

fn schema(settings: &Settings) -> Finding {
    match migrations::require_current(&settings.database()) {
        Ok(()) => Finding::ok("schema", "it is the one of this program"),
        Err(StoreError::SchemaNotCurrent(lack)) => Finding::problem("schema", lack),
        Err(error) => Finding::problem("schema", Failure::from(error).to_string()),
    }
}

/// Reports are useful and not necessary: nothing about them is a problem.
fn sentry(settings: &Settings) -> Finding {
    const PATIENCE: Duration = Duration::from_secs(3);
    let Some(dsn) = settings.monitoring().reports.dsn else {
        return Finding::ok("sentry", "defects are not reported: CRM__SENTRY__DSN is not set");
    };
    let place = format!("{}:{}", dsn.host(), dsn.port());
    let answers = |address| TcpStream::connect_timeout(&address, PATIENCE).is_ok();
    if place.to_socket_addrs().is_ok_and(|mut addresses| addresses.any(answers)) {
        Finding::ok("sentry", format!("{place} can be reached"))
    } else {
        Finding::warning("sentry", format!("{place} cannot be reached: defects are not reported"))
    }
}

/// Times in the log only grow while no clock goes back.
fn clock(app: &App) -> Result<Finding, Failure> {
    const SLACK: TimeDelta = TimeDelta::seconds(5);
    let now = app.now();
    let last: Option<Timestamp> = app.database().read::<_, StoreError>(|tx| changes::latest(tx))?;
    Ok(match last {
        Some(last) if now.plus(SLACK) < last => {
            Finding::problem("clock", format!("it shows {now}, and the last change was written at {last}"))
        }
        _ => Finding::ok("clock", format!("it shows {now}")),
    })
}

fn administrators(app: &App) -> Result<Finding, Failure> {
    let role = BuiltInRole::Admin.id().to_string();
    let query = [("role_id", role.as_str()), ("is_active", "true"), ("total", "exact"), ("limit", "1")];
    let query = ListQuery::<UserField>::parse(query)?;
    let grant = policy::authorise(&Actor::system("doctor"))?;
    let number = block_on(async { Ok(app.users().list(grant, query).await?.total.unwrap_or(0)) })?;
    Ok(match number {
        0 => Finding::problem(
            "administrators",
            "there is none who may sign in: run `crm user add --email EMAIL --name NAME --role admin`",
        ),
        number => Finding::ok("administrators", format!("{number} may sign in")),
    })
}

/// Records without anybody at work on them: those who see everything see them, and nobody else.
fn records(app: &App) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for resource in names_of::<Resource>().into_iter().filter_map(|name| name.parse::<Resource>().ok()) {
        let orphans = app.database().read::<_, StoreError>(|tx| access::orphans(tx, resource))?;
        if let Some(orphans) = orphans.filter(|orphans| orphans.number > 0) {
            let some: Vec<String> = orphans.examples.iter().map(ToString::to_string).collect();
            let more = if orphans.number > i64::try_from(some.len())? { ", …" } else { "" };
            let detail = format!(
                "{} {} have no owner, or neither owner nor team with anybody active; only who reads everything sees them: {}{more}",
                orphans.number,
                resource.as_ref(),
                some.join(", "),
            );
            findings.push(Finding::warning("records", detail));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("records", "each has somebody active who answers for it or shares it"));
    }
    Ok(findings)
}

/// Whether there is room: a few MiB are written and taken away again.
fn disk(settings: &Settings) -> Vec<Finding> {
    let database = file_of(settings).and_then(|file| file.parent().map(Path::to_owned));
    let folders = database.into_iter().chain([settings.imports.directory.clone()]);
    let mut findings: Vec<Finding> = folders.map(|folder| room(&existing(&folder))).collect();
    findings.dedup_by(|one, other| one.detail == other.detail);
    findings
}

fn room(folder: &Path) -> Finding {
    const PROBE: usize = 4 * 1024 * 1024;
    let file = folder.join(format!(".crm-doctor-{}", std::process::id()));
    let written = fs::File::create(&file).and_then(|mut probe| {
        probe.write_all(&vec![0; PROBE])?;
        probe.sync_all()
    });
    // Nothing was made where nothing could be written.
    let _nothing_left_behind = fs::remove_file(&file);
    match written {
        Ok(()) => Finding::ok("disk", format!("{} can be written", folder.display())),
        Err(error) => Finding::problem("disk", format!("{} cannot be written: {error}", folder.display())),
    }
}

/// The folder, or the first one above it that there is already.
fn existing(folder: &Path) -> PathBuf {
    let there = folder.ancestors().find(|one| one.is_dir());
    there.map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// The file of a database that is one.
fn file_of(settings: &Settings) -> Option<PathBuf> {
    settings.database.url.expose_secret().strip_prefix("sqlite://").map(PathBuf::from)
}
