//! The schema and its versions. Both databases have the same versions; each program knows those it was built with.

mod refold;

use diesel::{
    Connection,
    migration::{Migration, MigrationSource, MigrationVersion},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    connection::AnyConnection,
    database::DatabaseSettings,
    dialect::{self, Backend, on_either},
    error::StoreError,
};

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// One version of the schema.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize)]
pub struct MigrationStatus {
    /// Its name, which begins with its date.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// Brings the schema up to date; the names of the migrations that were run.
pub fn up(settings: &DatabaseSettings) -> Result<Vec<String>, StoreError> {
    let mut connection = connect(settings)?;
    let source = source(&connection);
    let run = on_either!(&mut connection, inner => inner.run_pending_migrations(source).map(|run| names(&run)));
    let run = run.map_err(StoreError::Internal)?;
    refold::names(&mut connection)?;
    Ok(run)
}

/// Takes back the last `steps` migrations; their names.
pub fn down(settings: &DatabaseSettings, steps: usize) -> Result<Vec<String>, StoreError> {
    let mut connection = connect(settings)?;
    let mut reverted = Vec::new();
    for _ in 0..steps {
        let applied = on_either!(&mut connection, inner => inner.applied_migrations()).map_err(StoreError::Internal)?;
        if applied.is_empty() {
            break;
        }
        let source = source(&connection);
        let version = on_either!(&mut connection, inner => inner.revert_last_migration(source));
        reverted.push(version.map_err(StoreError::Internal)?.to_string());
    }
    Ok(reverted)
}

/// Every version that this program knows, oldest first, and whether the database has it.
pub fn status(settings: &DatabaseSettings) -> Result<Vec<MigrationStatus>, StoreError> {
    let mut connection = connect(settings)?;
    let applied = on_either!(&mut connection, inner => inner.applied_migrations()).map_err(StoreError::Internal)?;
    let known: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        source(&connection).migrations().map_err(StoreError::Internal)?;
    let mut all: Vec<_> = known
        .iter()
        .map(|migration| {
            let name = migration.name();
            MigrationStatus { name: name.to_string(), applied: applied.contains(&name.version().as_owned()) }
        })
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// Refuses a database whose schema is not the one that this program was built for.
pub fn require_current(settings: &DatabaseSettings) -> Result<(), StoreError> {
    let missing: Vec<String> = status(settings)?.into_iter().filter(|one| !one.applied).map(|one| one.name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::SchemaNotCurrent(format!("{} missing; run `crm migrate up`", missing.join(", "))))
}

fn connect(settings: &DatabaseSettings) -> Result<AnyConnection, StoreError> {
    let address = settings.address()?;
    let mut connection = AnyConnection::establish(&address).map_err(|error| StoreError::Unavailable(error.into()))?;
    // Migrations take as long as they take.
    dialect::prepare(&mut connection, dialect::ReadOnly::No, 0)?;
    dialect::lock_migrations(&mut connection)?;
    Ok(connection)
}

fn source(connection: &AnyConnection) -> EmbeddedMigrations {
    match Backend::of(connection) {
        Backend::Postgres => POSTGRES,
        Backend::Sqlite => SQLITE,
    }
}

fn names(versions: &[MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}
