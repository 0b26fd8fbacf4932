//! `crm migrate`

use crm_persistence::migrations::{self, MigrationStatus};
use serde_json::json;

use crate::{
    arguments::{Direction, Migrate},
    failure::Failure,
    output::tell,
    settings::Settings,
};

/// Migrates, or tells where the schema stands.
pub fn run(settings: &Settings, migrate: &Migrate) -> Result<(), Failure> {
    let database = settings.database();
    match migrate.direction {
        Direction::Up => {
            let applied = migrations::up(&database)?;
            tell(migrate.output, &json!({"applied": applied}), || steps(&applied, "applied", "the schema is current"))
        }
        Direction::Down => {
            let reverted = migrations::down(&database, 1)?;
            tell(migrate.output, &json!({"reverted": reverted}), || {
                steps(&reverted, "reverted", "the database is empty")
            })
        }
        Direction::Status => {
            let status = migrations::status(&database)?;
            tell(migrate.output, &status, || status.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
    }
}

fn steps(names: &[String], what: &str, nothing: &str) -> String {
    if names.is_empty() {
        return nothing.to_owned();
    }
    names.iter().map(|name| format!("{what} {name}")).collect::<Vec<_>>().join("\n")
}

fn line(step: &MigrationStatus) -> String {
    let state = match (step.applied, step.known) {
        (true, true) => "applied",
        (true, false) => "unknown",
        (false, _) => "missing",
    };
    format!("{state} {}", step.name)
}
