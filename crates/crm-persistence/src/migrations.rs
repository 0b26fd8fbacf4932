//! The schema and its versions. Both databases have the same versions; each program knows those it was built with.

mod refold;

use diesel::{
    RunQueryDsl,
    migration::{Migration, MigrationSource, MigrationVersion},
    sql_types::Text,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    bulk,
    connection::{AnyConnection, Connector},
    database::DatabaseSettings,
    dialect::{self, Backend, on_either},
    error::StoreError,
    sql::Sql,
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
    /// Whether this program knows it; a newer one has made those that it does not know.
    pub known: bool,
}

/// Brings the schema up to date; the names of the migrations that were run.
pub fn up(settings: &DatabaseSettings) -> Result<Vec<String>, StoreError> {
    let mut connection = connect(settings)?;
    let source = source(Backend::of(&connection));
    let run = on_either!(&mut connection, inner => inner.run_pending_migrations(source).map(|run| names(&run)));
    let run = run.map_err(StoreError::Internal)?;
    refold::names(&mut connection)?;
    bulk::restore(&mut connection)?;
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
        let source = source(Backend::of(&connection));
        let version = on_either!(&mut connection, inner => inner.revert_last_migration(source));
        reverted.push(version.map_err(StoreError::Internal)?.to_string());
    }
    Ok(reverted)
}

/// Every version that this program knows or the database has, oldest first.
pub fn status(settings: &DatabaseSettings) -> Result<Vec<MigrationStatus>, StoreError> {
    let mut connection = connect(settings)?;
    let applied = on_either!(&mut connection, inner => inner.applied_migrations()).map_err(StoreError::Internal)?;
    let known = known(Backend::of(&connection))?;
    let unknown = applied.iter().filter(|version| known.iter().all(|(known, _)| known != *version));
    let unknown = unknown.map(|version| MigrationStatus { name: version.to_string(), applied: true, known: false });
    let known = known.iter().map(|(version, name)| MigrationStatus {
        name: name.clone(),
        applied: applied.contains(version),
        known: true,
    });
    let mut all: Vec<_> = unknown.chain(known).collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// The version and the name of each migration that this program was built with.
fn known(backend: Backend) -> Result<Vec<(MigrationVersion<'static>, String)>, StoreError> {
    let all: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        source(backend).migrations().map_err(StoreError::Internal)?;
    Ok(all.iter().map(|one| (one.name().version().as_owned(), one.name().to_string())).collect())
}

/// Refuses a database whose schema is not the one that this program was built for.
pub fn require_current(settings: &DatabaseSettings) -> Result<(), StoreError> {
    let missing: Vec<String> = status(settings)?.into_iter().filter(|one| !one.applied).map(|one| one.name).collect();
    if missing.is_empty() {
        return complete(&mut connect(settings)?);
    }
    Err(not_current(&missing))
}

/// The versions that a database has, oldest first.
pub(crate) fn applied(connection: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let applied = Sql::new().push("SELECT version FROM __diesel_schema_migrations ORDER BY version");
    Ok(applied.typed::<Text>().load(connection)?)
}

/// The same for a server that runs: it looks only, and may do so on a connection that cannot write.
pub(crate) fn still_current(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let applied = applied(connection)?;
    let known = known(Backend::of(connection))?.into_iter();
    let missing = known.filter(|(version, _)| applied.iter().all(|applied| *applied != version.to_string()));
    let missing: Vec<String> = missing.map(|(_, name)| name).collect();
    if missing.is_empty() { complete(connection) } else { Err(not_current(&missing)) }
}

/// Refuses a schema without the indexes that are left out while an empty database is filled.
fn complete(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let missing: Vec<String> = bulk::suspended(connection)?.into_iter().map(|(name, _)| name).collect();
    if missing.is_empty() { Ok(()) } else { Err(not_current(&missing)) }
}

fn not_current(missing: &[String]) -> StoreError {
    StoreError::SchemaNotCurrent(format!("{} missing; run `crm migrate up`", missing.join(", ")))
}

pub(crate) fn connect(settings: &DatabaseSettings) -> Result<AnyConnection, StoreError> {
    let connector = Connector::new(settings)?;
    let mut connection = connector.establish().map_err(|error| StoreError::Unavailable(error.into()))?;
    // Migrations take as long as they take.
    dialect::prepare(&mut connection, dialect::ReadOnly::No, 0)?;
    dialect::lock_migrations(&mut connection)?;
    Ok(connection)
}

fn source(backend: Backend) -> EmbeddedMigrations {
    match backend {
        Backend::Postgres => POSTGRES,
        Backend::Sqlite => SQLITE,
    }
}

fn names(versions: &[MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}
