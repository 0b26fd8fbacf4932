//! Pools of connections, and units of work on them.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use diesel::{
    Connection,
    r2d2::{CustomizeConnection, Pool, PooledConnection},
};

use crate::{
    access_changes,
    connection::{AnyConnection, Connector},
    dialect::{self, Backend, ReadOnly},
    error::StoreError,
    measure::{self, Operation, Statements},
    migrations,
    observed::{self, Seen, Touch},
    transaction::{ReadTx, Recorded, Stamp, WriteTx},
};

/// How to reach the database and how much of it to use.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// `sqlite://path/to/file.db` or `postgres://user:password@host/database`. May hold a password: never print it.
    pub url: String,
    /// Connections for reading.
    pub read_connections: u32,
    /// Connections for writing; always one on `SQLite`.
    pub write_connections: u32,
    /// How long a unit of work waits for a connection.
    pub wait: Duration,
    /// How long one statement may take (PostgreSQL).
    pub statement_timeout: Duration,
}

impl DatabaseSettings {
    /// Settings for this address, with everything else at its default.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            read_connections: 8,
            write_connections: 4,
            wait: Duration::from_secs(1),
            statement_timeout: Duration::from_secs(10),
        }
    }

    /// Which database the address means.
    pub fn backend(&self) -> Result<Backend, StoreError> {
        match self.url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Backend::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Backend::Postgres),
            _ => Err(StoreError::Settings("the database address must begin with sqlite:// or postgres://".to_owned())),
        }
    }

    /// The address as the driver wants it. The folder of a `SQLite` file is made when it is missing.
    pub(crate) fn address(&self) -> Result<String, StoreError> {
        if self.backend()? == Backend::Postgres {
            return Ok(self.url.clone());
        }
        let path = self.url.trim_start_matches("sqlite://");
        let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder {
            let made = std::fs::create_dir_all(folder);
            made.map_err(|error| StoreError::Settings(format!("cannot make the folder of the database: {error}")))?;
        }
        Ok(path.to_owned())
    }
}

impl std::fmt::Debug for DatabaseSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = self.url.split("://").next().unwrap_or_default();
        write!(formatter, "DatabaseSettings({scheme}://…)")
    }
}

/// The database. Cheap to clone; all clones share the pools.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    backend: Backend,
    read: Pool<Connector>,
    write: Pool<Connector>,
    /// How many units of work have changed what somebody may.
    access_changes: AtomicU64,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Database({:?})", self.0.backend)
    }
}

/// How the connections of a pool are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PoolState {
    /// `readers` or `writers`.
    pub name: &'static str,
    /// How many there may be.
    pub most: u32,
    /// How many there are.
    pub open: u32,
    /// How many of them nobody uses.
    pub idle: u32,
}

#[derive(Debug)]
struct Prepare {
    read_only: ReadOnly,
    statement_timeout: Duration,
}

impl CustomizeConnection<AnyConnection, diesel::r2d2::Error> for Prepare {
    fn on_acquire(&self, connection: &mut AnyConnection) -> Result<(), diesel::r2d2::Error> {
        dialect::prepare(connection, self.read_only, self.statement_timeout.as_millis())
            .map_err(diesel::r2d2::Error::QueryError)?;
        connection.set_instrumentation(Statements::default());
        Ok(())
    }
}

impl Database {
    /// Opens the pools. A database that cannot be reached yet is no error: connections are made when they are needed.
    pub fn open(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let backend = settings.backend()?;
        let writers = if backend == Backend::Sqlite { 1 } else { settings.write_connections };
        let pool = |connector: Connector, size: u32, read_only: ReadOnly| {
            Pool::builder()
                .max_size(size)
                .min_idle(Some(1))
                .connection_timeout(settings.wait)
                // A PostgreSQL server may have been restarted meanwhile; a file does not go away.
                .test_on_check_out(backend == Backend::Postgres)
                .error_handler(Box::new(diesel::r2d2::NopErrorHandler))
                .connection_customizer(Box::new(Prepare { read_only, statement_timeout: settings.statement_timeout }))
                .build_unchecked(connector)
        };
        // The writer comes first: it is the one that makes the file and switches it to the write-ahead log.
        let write = pool(Connector::new(settings)?, writers, ReadOnly::No);
        drop(write.get());
        Ok(Self(Arc::new(Inner {
            backend,
            read: pool(Connector::new(settings)?, settings.read_connections, ReadOnly::Yes),
            write,
            access_changes: AtomicU64::new(0),
        })))
    }

    /// Which database it is.
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// A number that is another one after each unit of work through these pools that changed what somebody may.
    pub fn access_changes(&self) -> u64 {
        self.0.access_changes.load(Ordering::Acquire)
    }

    /// How many units of work can write at the same time.
    pub fn write_connections(&self) -> u32 {
        self.0.write.max_size()
    }

    /// How many units of work can read at the same time.
    pub fn read_connections(&self) -> u32 {
        self.0.read.max_size()
    }

    /// How the connections for reading and those for writing are used, in this order.
    pub fn pools(&self) -> [PoolState; 2] {
        [("readers", &self.0.read), ("writers", &self.0.write)].map(|(name, pool)| {
            let state = pool.state();
            PoolState { name, most: pool.max_size(), open: state.connections, idle: state.idle_connections }
        })
    }

    /// Whether the database answers, and its schema has all that this program was built for.
    pub fn ready(&self) -> Result<(), StoreError> {
        let mut connection = checkout(&self.0.read, "readers")?;
        migrations::still_current(&mut connection)
    }

    /// Runs a reading unit of work. Each statement sees what is committed when it begins.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&mut ReadTx) -> Result<T, E>) -> Result<T, E> {
        let name = measure::name_of(&work);
        let mut connection = checkout(&self.0.read, "readers")?;
        let _until_done = measure::begin(Operation::UnitOfWork, name);
        work(&mut ReadTx::new(&mut connection))
    }

    /// The same, and tells what the result depends on.
    pub fn read_seen<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&mut ReadTx) -> Result<T, E>,
    ) -> Result<(T, Seen), E> {
        let (done, seen) = observed::seen(|| self.read(work));
        Ok((done?, seen))
    }

    /// Runs a reading unit of work in which all statements see one state.
    pub fn snapshot<T, E: From<StoreError>>(&self, work: impl FnOnce(&mut ReadTx) -> Result<T, E>) -> Result<T, E> {
        let name = measure::name_of(&work);
        let mut connection = checkout(&self.0.read, "readers")?;
        let _until_done = measure::begin(Operation::UnitOfWork, name);
        dialect::begin_snapshot(&mut connection).map_err(StoreError::from)?;
        let result = work(&mut ReadTx::new(&mut connection));
        dialect::roll_back(&mut connection).map_err(StoreError::from)?;
        result
    }

    /// Runs a writing unit of work: all of it is committed, or none. It must end in [`Recorded`], so that no change goes
    /// without its row in the change log.
    pub fn write<T, E: From<StoreError>>(
        &self,
        stamp: Stamp,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, E>,
    ) -> Result<T, E> {
        self.unit(stamp, work, dialect::commit)
    }

    /// The same, and tells what it wrote, also where it failed: a commit whose answer was lost may have come through.
    pub fn write_seen<T, E: From<StoreError>>(
        &self,
        stamp: Stamp,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, E>,
    ) -> (Result<T, E>, BTreeSet<Touch>) {
        observed::written(|| self.write(stamp, work))
    }

    /// Runs a writing unit of work and then takes it back, to show what it would do.
    pub fn rehearse<T, E: From<StoreError>>(
        &self,
        stamp: Stamp,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, E>,
    ) -> Result<T, E> {
        self.unit(stamp, work, dialect::roll_back)
    }

    fn unit<T, E: From<StoreError>>(
        &self,
        stamp: Stamp,
        work: impl FnOnce(&mut WriteTx) -> Result<Recorded<T>, E>,
        end: fn(&mut AnyConnection) -> diesel::QueryResult<()>,
    ) -> Result<T, E> {
        let name = measure::name_of(&work);
        let mut connection = checkout(&self.0.write, "writers")?;
        let _until_done = measure::begin(Operation::UnitOfWork, name);
        dialect::begin_write(&mut connection).map_err(StoreError::from)?;
        let mut tx = WriteTx::new(&mut connection, stamp);
        let worked = work(&mut tx).and_then(|recorded| Ok((recorded, access_changes::write(&mut tx)?)));
        match worked {
            Ok((recorded, changes_access)) => match end(&mut connection) {
                Ok(()) => {
                    self.0.access_changes.fetch_add(u64::from(changes_access), Ordering::Release);
                    Ok(recorded.into_value())
                }
                Err(error) => {
                    // A commit that the database refused leaves the transaction open; the connection must not carry it on.
                    let _already_failed = dialect::roll_back(&mut connection);
                    Err(StoreError::from(error).into())
                }
            },
            Err(error) => {
                // The work's own error says more than a roll-back that fails on a lost connection, which the pool discards.
                let _connection_lost = dialect::roll_back(&mut connection);
                Err(error)
            }
        }
    }
}

fn checkout(pool: &Pool<Connector>, name: &'static str) -> Result<PooledConnection<Connector>, StoreError> {
    let mut waiting = measure::begin(Operation::Wait, name);
    let state = pool.state();
    pool.get().map_err(|error| {
        if state.connections > 0 {
            waiting.fail("busy");
            StoreError::Busy
        } else {
            waiting.fail("unavailable");
            StoreError::Unavailable(error.into())
        }
    })
}
