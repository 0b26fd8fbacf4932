//! Databases of one test: a copied file, and where a server is given a cloned PostgreSQL database.

use std::{
    hash::{Hash, Hasher},
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use crm_persistence::{Database, DatabaseSettings, migrations};
use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection, connection::SimpleConnection};
use tempfile::TempDir;

/// A migrated, empty database that goes away with its value.
pub struct TestDatabase {
    /// The database, opened.
    pub database: Database,
    /// How it was opened.
    pub settings: DatabaseSettings,
    kept: Kept,
}

enum Kept {
    Folder(#[allow(dead_code)] TempDir), // Held only to be dropped.
    Clone { server: String, name: String },
}

impl TestDatabase {
    /// A `SQLite` file.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("crm.db");
        std::fs::copy(sqlite_template(), &path).expect("the template can be copied");
        Self::open(format!("sqlite://{}", path.display()), Kept::Folder(folder))
    }

    /// A database on the server that `TEST_POSTGRES_URL` names; none when it is not set.
    pub fn postgres() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = postgres_server()?;
        let name = format!("crm_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let template = postgres_template(&server);
        administrator(&server, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        Some(Self::open(with_database(&server, &name), Kept::Clone { server, name }))
    }

    fn open(url: String, kept: Kept) -> Self {
        let settings = DatabaseSettings { read_connections: 4, write_connections: 2, ..DatabaseSettings::new(url) };
        let database = Database::open(&settings).expect("a test database opens");
        Self { database, settings, kept }
    }

    /// Runs statements of the test's own on a connection of its own, for volumes that no store function should make.
    pub fn execute(&self, statements: &str) {
        self.attempt(statements).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Runs statements that the database may refuse; what it says then.
    pub fn attempt(&self, statements: &str) -> Result<(), String> {
        let done = match self.kept {
            Kept::Folder(_) => {
                let path = self.settings.url.trim_start_matches("sqlite://");
                let mut connection = SqliteConnection::establish(path).expect("the test database can be reached");
                connection
                    .batch_execute("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 1000;")
                    .and_then(|()| connection.batch_execute(statements))
            }
            Kept::Clone { .. } => connect(&self.settings.url).batch_execute(statements),
        };
        done.map_err(|error| error.to_string())
    }

    /// The name of the database's kind, for messages.
    pub fn name(&self) -> &'static str {
        match self.kept {
            Kept::Folder(_) => "sqlite",
            Kept::Clone { .. } => "postgres",
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Self::Clone { server, name } = self {
            administrator(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// A `SQLite` database, and a PostgreSQL one where a server is given.
pub fn databases() -> Vec<TestDatabase> {
    std::iter::once(TestDatabase::sqlite()).chain(TestDatabase::postgres()).collect()
}

/// Runs one test body on each database.
pub fn on_each_database(body: impl Fn(&TestDatabase)) {
    for database in databases() {
        println!("on {}", database.name());
        body(&database);
    }
}

#[expect(clippy::disallowed_methods, reason = "the test script passes the servers it started by the environment")]
fn postgres_server() -> Option<String> {
    std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
}

fn sqlite_template() -> &'static PathBuf {
    static TEMPLATE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = folder.path().join("template.db");
        let settings = DatabaseSettings::new(format!("sqlite://{}", path.display()));
        migrations::up(&settings).expect("an empty file can be migrated");
        (folder, path)
    });
    path
}

/// The migrated database that all test databases of a server are cloned from, made by whichever test comes first. Its name
/// tells the migrations apart, so that a server may serve several checkouts.
fn postgres_template(server: &str) -> String {
    let name = format!("crm_template_{:016x}", migrations_fingerprint());
    let mut connection = connect(server);
    // Held until the connection closes: the other test processes wait here until the template is complete.
    connection.batch_execute("SELECT pg_advisory_lock(7237126173822)").expect("an advisory lock can be had");
    let found =
        diesel::sql_query(format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).execute(&mut connection);
    if found.expect("the catalogue can be read") == 0 {
        let draft = format!("{name}_draft");
        administrator(server, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)"));
        administrator(server, &format!("CREATE DATABASE {draft} TEMPLATE template0"));
        let settings = DatabaseSettings::new(with_database(server, &draft));
        migrations::up(&settings).expect("an empty database can be migrated");
        administrator(server, &format!("ALTER DATABASE {draft} RENAME TO {name}"));
    }
    name
}

/// A number that changes with any migration.
fn migrations_fingerprint() -> u64 {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres"));
    let folders = std::fs::read_dir(root).expect("the migrations stand in the repository");
    let mut files: Vec<PathBuf> =
        folders.map(|folder| folder.expect("a folder can be listed").path().join("up.sql")).collect();
    files.sort();
    let mut hasher = std::hash::DefaultHasher::new();
    for file in files {
        std::fs::read(file).expect("every migration has an up.sql").hash(&mut hasher);
    }
    hasher.finish()
}

fn administrator(server: &str, statement: &str) {
    connect(server).batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn connect(url: &str) -> PgConnection {
    PgConnection::establish(url).expect("the server that TEST_POSTGRES_URL names can be reached")
}

/// The address of another database on the same server.
fn with_database(server: &str, name: &str) -> String {
    let (base, options) = server.split_once('?').map_or((server, None), |(base, options)| (base, Some(options)));
    let authority = base.find("://").map_or(0, |at| at + 3);
    let host = base[authority..].find('/').map_or(base, |slash| &base[..authority + slash]);
    match options {
        Some(options) => format!("{host}/{name}?{options}"),
        None => format!("{host}/{name}"),
    }
}
