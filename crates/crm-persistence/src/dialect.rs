//! The only room that looks which database it is talking to.

pub(crate) mod bulk;

use crm_domain::values::fold;
use diesel::{
    Connection, QueryResult, RunQueryDsl,
    connection::{AnsiTransactionManager, TransactionManager},
    sql_types::{Integer, Text},
};

use crate::{
    column::JsonColumn,
    connection::AnyConnection,
    sql::{Bind, Sql},
};

/// Which database it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Backend {
    /// PostgreSQL 14 or later.
    Postgres,
    /// `SQLite`, built in.
    Sqlite,
}

impl Backend {
    pub(crate) fn of(connection: &AnyConnection) -> Self {
        match connection {
            AnyConnection::Postgres(_) => Self::Postgres,
            AnyConnection::Sqlite(_) => Self::Sqlite,
        }
    }
}

/// Runs one body on the connection of either database, where diesel needs to know which one it is.
macro_rules! on_either {
    ($connection:expr, $inner:ident => $body:expr) => {
        match $connection {
            $crate::connection::AnyConnection::Postgres($inner) => $body,
            $crate::connection::AnyConnection::Sqlite($inner) => $body,
        }
    };
}
pub(crate) use on_either;

/// How many rows one statement writes, below the databases' limits of bound values for every table.
pub(crate) const ROWS_OF_A_STATEMENT: usize = 500;

/// Inserts many rows, many with one statement: on PostgreSQL each statement is a way to the server and back, and on `SQLite`
/// one that fires triggers keeps a journal of its own and makes the search index write out what it holds. A statement of
/// many rows is a long text to compile, so that of the full number is prepared once, and that of one row.
macro_rules! insert_all {
    ($connection:expr, $table:expr, $rows:expr) => {{
        let rows: &[_] = $rows;
        let (whole, rest) = rows.as_chunks::<{ $crate::dialect::ROWS_OF_A_STATEMENT }>();
        $crate::dialect::on_either!($connection, inner => {
            let mut done = whole.iter().try_for_each(|rows| {
                diesel::insert_into($table).values(rows).execute(inner).map(drop)
            });
            done = done.and_then(|()| match rest {
                [] => Ok(()),
                [one] => diesel::insert_into($table).values(one).execute(inner).map(drop),
                rest => diesel::insert_into($table).values(rest).execute(inner).map(drop),
            });
            done
        })
    }};
}
pub(crate) use insert_all;

/// Begins a transaction that will write. On `SQLite` it takes the write lock at once: a transaction that reads first and
/// asks for the lock later fails under load whatever the busy time-out says.
pub(crate) fn begin_write(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner),
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE"),
    }
}

/// Begins a transaction in which all reads see one state.
pub(crate) fn begin_snapshot(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Postgres(inner) => AnsiTransactionManager::begin_transaction_sql(
            inner,
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY",
        ),
        AnyConnection::Sqlite(inner) => AnsiTransactionManager::begin_transaction(inner),
    }
}

pub(crate) fn commit(connection: &mut AnyConnection) -> QueryResult<()> {
    <AnyConnection as Connection>::TransactionManager::commit_transaction(connection)
}

pub(crate) fn roll_back(connection: &mut AnyConnection) -> QueryResult<()> {
    <AnyConnection as Connection>::TransactionManager::rollback_transaction(connection)
}

/// What a new connection is told before its first use. The server's default cost of a random page is that of a spinning disk;
/// with it the planner reads whole tables where an index is ten times faster.
pub(crate) fn prepare(
    connection: &mut AnyConnection,
    read_only: ReadOnly,
    statement_timeout_ms: u128,
) -> QueryResult<()> {
    use diesel::connection::SimpleConnection;
    match connection {
        AnyConnection::Postgres(inner) => inner.batch_execute(&format!(
            "SET TIME ZONE 'UTC'; SET client_min_messages TO warning; SET random_page_cost TO 1.1; SET lock_timeout TO 800; \
             SET idle_in_transaction_session_timeout TO 30000; SET statement_timeout TO {statement_timeout_ms}; \
             SET default_transaction_read_only TO {}",
            if read_only == ReadOnly::Yes { "on" } else { "off" }
        )),
        AnyConnection::Sqlite(inner) => {
            inner.batch_execute(
                "PRAGMA busy_timeout = 1000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; \
                 PRAGMA journal_size_limit = 67108864; PRAGMA trusted_schema = OFF;",
            )?;
            inner.batch_execute(match read_only {
                // There are several of them, and what they leave out of their caches the operating system keeps for all.
                ReadOnly::Yes => "PRAGMA cache_size = -8192; PRAGMA query_only = ON",
                // A page that many transactions write goes into the file once for each checkpoint, not once for each of them.
                ReadOnly::No => "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 32768",
            })
        }
    }
}

/// Every index that is no rule, with its table and the statement that makes it again: table, name, statement.
pub(crate) fn indexes(connection: &AnyConnection) -> Sql {
    Sql::new().push(match Backend::of(connection) {
        Backend::Postgres => {
            "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes \
             WHERE schemaname = current_schema() AND indexdef LIKE 'CREATE INDEX %'"
        }
        Backend::Sqlite => {
            "SELECT tbl_name, name, sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE 'CREATE INDEX %'"
        }
    })
}

/// What a connection is told before it makes indexes.
pub(crate) fn prepare_sorting(connection: &mut AnyConnection) -> QueryResult<()> {
    use diesel::connection::SimpleConnection;
    match connection {
        AnyConnection::Postgres(inner) => inner.batch_execute("SET maintenance_work_mem TO '256MB'"),
        AnyConnection::Sqlite(_) => Ok(()),
    }
}

/// After very many rows were written: tells PostgreSQL what they are like and that all may see them, which it would find out
/// by itself some minutes later.
pub(crate) fn tidy(connection: &mut AnyConnection) -> QueryResult<()> {
    use diesel::connection::SimpleConnection;
    match connection {
        AnyConnection::Postgres(inner) => inner.batch_execute("VACUUM (ANALYZE)"),
        AnyConnection::Sqlite(_) => Ok(()),
    }
}

/// Whether a connection may write.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReadOnly {
    Yes,
    No,
}

/// Tables of so few rows that reading their search texts one by one is as fast as an index over them.
const FEW_ROWS: [&str; 3] = ["roles", "teams", "users"];

/// The rows of `table` whose search text has this folded word: as a substring where it has three letters or more, at the
/// start of a word where it is shorter.
pub(crate) fn search(backend: Backend, table: &'static str, word: &str) -> Sql {
    debug_assert_eq!(word, fold(word), "words are folded before they come here, so that none is a wildcard");
    let pattern = if word.chars().count() >= 3 { format!("%{word}%") } else { format!("% {word}%") };
    let indexed = pattern.trim_matches('%').chars().count() >= 3;
    let indexed = indexed && !FEW_ROWS.contains(&table);
    match backend {
        Backend::Sqlite if indexed => Sql::new()
            .column(table, "sequence")
            .push(format!(" IN (SELECT rowid FROM {table}_search WHERE search_text LIKE "))
            .bind(Bind::Text(pattern))
            .push(")"),
        _ => Sql::new().column(table, "search_text").push(" LIKE ").bind(Bind::Text(pattern)),
    }
}

/// The rows whose `column` contains this text.
///
/// PostgreSQL takes the conditions of a query for independent of each other. Beside [`search`], which says nearly the same,
/// a second pattern would make it expect next to no rows, and walk the whole table in the order of the list to find them.
/// Of this function's result it expects nothing in particular.
pub(crate) fn contains(backend: Backend, table: &'static str, column: &'static str, text: &str) -> Sql {
    let function = match backend {
        Backend::Postgres => "strpos(",
        Backend::Sqlite => "instr(",
    };
    let position = Sql::new().push(function).column(table, column).push(", ").bind(Bind::Text(text.to_owned()));
    position.push(") > 0")
}

/// The rows whose set `column` has this word.
pub(crate) fn has_word(backend: Backend, table: &'static str, column: &'static str, word: &str) -> Sql {
    match backend {
        Backend::Postgres => {
            let set = JsonColumn(serde_json::json!([word]));
            Sql::new().column(table, column).push(" @> ").bind(Bind::Json(set))
        }
        Backend::Sqlite => Sql::new()
            .push("EXISTS (SELECT 1 FROM json_each(")
            .column(table, column)
            .push(") WHERE value = ")
            .bind(Bind::Text(word.to_owned()))
            .push(")"),
    }
}

/// The beginning of the day in a column of dates, in UTC, as a time.
pub(crate) fn midnight(backend: Backend, table: &'static str, column: &'static str) -> Sql {
    match backend {
        Backend::Postgres => Sql::new().push("(").column(table, column).push("::timestamp AT TIME ZONE 'UTC')"),
        Backend::Sqlite => {
            Sql::new().push("(CAST(strftime('%s', ").column(table, column).push(") AS INTEGER) * 1000000)")
        }
    }
}

/// Begins a row of `table` unless its key is there; true when the row is new.
///
/// On PostgreSQL a second writer of the same key waits here until the first one ends.
pub(crate) fn insert_or_ignore(connection: &mut AnyConnection, insert: Sql) -> QueryResult<bool> {
    let statement = insert.push(" ON CONFLICT DO NOTHING");
    statement.execute(connection).map(|rows| rows == 1)
}

/// The database's plan for a query, line by line.
pub(crate) fn explain(connection: &mut AnyConnection, query: Sql) -> QueryResult<Vec<String>> {
    match Backend::of(connection) {
        Backend::Postgres => Sql::new().push("EXPLAIN ").append(query).typed::<Text>().load(connection),
        Backend::Sqlite => {
            let plan = Sql::new().push("EXPLAIN QUERY PLAN ").append(query);
            let lines: Vec<(i32, i32, i32, String)> =
                plan.typed::<(Integer, Integer, Integer, Text)>().load(connection)?;
            Ok(lines.into_iter().map(|(.., line)| line).collect())
        }
    }
}

/// Waits for a key that one unit of work at a time may keep; released at its end. The one writer of `SQLite` keeps all.
pub(crate) fn lock_key(connection: &mut AnyConnection, key: &str) -> QueryResult<()> {
    match connection {
        AnyConnection::Postgres(inner) => {
            let lock = diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))");
            lock.bind::<Text, _>(key).execute(inner).map(drop)
        }
        AnyConnection::Sqlite(_) => Ok(()),
    }
}

/// Keeps two programs from migrating one database at the same time; released when the connection closes.
pub(crate) fn lock_migrations(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Postgres(inner) => {
            #[derive(diesel::QueryableByName)]
            struct Locked {
                #[diesel(sql_type = Text)]
                #[allow(dead_code)] // Read only so that the statement has a result.
                locked: String,
            }
            let lock = "SELECT pg_advisory_lock(7237126173821)::text AS locked";
            diesel::sql_query(lock).load::<Locked>(inner).map(drop)
        }
        AnyConnection::Sqlite(_) => Ok(()),
    }
}
