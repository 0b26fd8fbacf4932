//! From settings to use cases: what every command that needs the database begins with.

use std::future::Future;

use crm_api::Monitored;
use crm_app::{App, AppSettings};
use crm_monitoring::Monitoring;
use crm_persistence::{
    Database, DatabaseSettings,
    migrations::{self, MigrationStatus},
};
use slog::Logger;
use tokio::runtime;

use crate::{failure::Failure, settings::Settings};

/// The use cases over the database of the settings.
pub fn app(settings: &Settings) -> Result<App, Failure> {
    Ok(App::new(database(&settings.database())?, settings.app()))
}

/// The use cases of the server, which sends mail and opens secrets.
pub fn server_app(settings: &Settings, log: Logger, monitoring: &Monitoring) -> Result<App, Failure> {
    // What the settings lack is told before the database is touched.
    let app = AppSettings { background: Monitored::by(monitoring), ..settings.server_app(log)? };
    Ok(App::new(database(&settings.database())?, app))
}

/// Opens a database whose schema is current. An empty one is migrated: nothing can be lost in it.
pub fn database(settings: &DatabaseSettings) -> Result<Database, Failure> {
    migrated(settings)?;
    Ok(Database::open(settings)?)
}

/// Migrates a database that is empty, and refuses one that lacks some steps.
pub fn migrated(settings: &DatabaseSettings) -> Result<(), Failure> {
    if is_empty(&migrations::status(settings)?)? {
        migrations::up(settings)?;
    } else {
        migrations::require_current(settings)?;
    }
    Ok(())
}

/// Whether there is no schema at all. A schema that lacks steps is refused: whoever owns the data chooses the moment.
fn is_empty(status: &[MigrationStatus]) -> Result<bool, Failure> {
    let missing: Vec<&str> = status.iter().filter(|step| !step.applied).map(|step| step.name.as_str()).collect();
    // Steps that a newer program has made are no hindrance: they only add, until no older program is left.
    if missing.is_empty() || missing.len() == status.len() {
        return Ok(!missing.is_empty());
    }
    let missing = missing.join(", ");
    Err(Failure::new(format!("the schema of the database lacks {missing}: back it up and run `crm migrate up`")))
}

/// Runs a future to its end, for commands that have nothing else to do meanwhile.
pub fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(applied: &[bool], expected: Result<bool, &str>) {
        let names = ["first", "second", "third"].into_iter().zip(applied);
        let status: Vec<_> = names
            .map(|(name, applied)| MigrationStatus { name: name.to_owned(), applied: *applied, known: true })
            .collect();
        match (is_empty(&status), expected) {
            (Ok(empty), Ok(expected)) => assert_eq!(empty, expected),
            (Err(failure), Err(part)) => assert!(failure.to_string().contains(part), "{failure}"),
            (result, expected) => panic!("{result:?} is not {expected:?}"),
        }
    }

    #[test]
    fn only_an_empty_database_is_migrated_unasked() {
        check(&[false, false, false], Ok(true));
        check(&[true, true, true], Ok(false));
        check(&[true, false, false], Err("lacks second, third: back it up and run `crm migrate up`"));
    }
}
