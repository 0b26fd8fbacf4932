//! Whole tables on their way out and in: what the two databases do differently about it.

use diesel::{
    QueryResult, QueryableByName, RunQueryDsl,
    connection::{AnsiTransactionManager, DefaultLoadingMode, SimpleConnection, TransactionManager},
    pg::PgRowByRowLoadingMode,
    sql_types::Text,
};

use super::Backend;
use crate::{
    backup::{ColumnManifest, Kind},
    connection::AnyConnection,
    sql::Sql,
};

/// Takes away the deadlines of requests, and lets big sorts go to the disk.
pub(crate) fn be_patient(connection: &mut AnyConnection) -> QueryResult<()> {
    connection.batch_execute(match Backend::of(connection) {
        Backend::Postgres => {
            "SET statement_timeout TO 0; SET idle_in_transaction_session_timeout TO 0; SET lock_timeout TO 10000; \
             SET maintenance_work_mem TO '128MB'"
        }
        Backend::Sqlite => "PRAGMA busy_timeout = 10000; PRAGMA temp_store = FILE; PRAGMA cache_size = -65536",
    })
}

/// A value of a column as both databases say it in a row (see [`Kind`]).
pub(crate) fn said(backend: Backend, column: &ColumnManifest) -> String {
    let name = format!("\"{}\"", column.name);
    match (backend, column.kind) {
        (Backend::Postgres, Kind::Uuid) => format!("encode(uuid_send({name}), 'hex')"),
        (Backend::Postgres, Kind::Time) => format!("(extract(epoch FROM {name}) * 1000000)::bigint"),
        (Backend::Postgres, Kind::Date) => format!("to_char({name}, 'YYYY-MM-DD')"),
        (Backend::Postgres, Kind::Boolean) => format!("{name}::int"),
        (Backend::Postgres, Kind::Bytes) => format!("encode({name}, 'hex')"),
        (Backend::Sqlite, Kind::Uuid | Kind::Bytes) => format!("iif({name} IS NULL, NULL, lower(hex({name})))"),
        (Backend::Sqlite, Kind::Json) => format!("json({name})"),
        _ => name,
    }
}

/// The text of an array of these values.
pub(crate) fn json_array(backend: Backend, values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    match backend {
        Backend::Postgres => format!("json_build_array({})::text", values.join(", ")),
        Backend::Sqlite => format!("json_array({})", values.join(", ")),
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Runs a query whose only column is `line`, and hands each row over as it comes. `false` ends it.
pub(crate) fn each_line(
    connection: &mut AnyConnection,
    query: &str,
    mut take: impl FnMut(String) -> bool,
) -> QueryResult<()> {
    let query = diesel::sql_query(query);
    // Not `on_either`: what is not held in memory as a whole has another name on each side.
    match connection {
        AnyConnection::Postgres(inner) => {
            for row in query.load_iter::<Line, PgRowByRowLoadingMode>(inner)? {
                if !take(row?.line) {
                    break;
                }
            }
        }
        AnyConnection::Sqlite(inner) => {
            for row in query.load_iter::<Line, DefaultLoadingMode>(inner)? {
                if !take(row?.line) {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// How many rows one prepared statement writes: on PostgreSQL each statement is a way to the server and back.
pub(crate) fn rows_at_once(backend: Backend) -> usize {
    match backend {
        Backend::Postgres => 200,
        Backend::Sqlite => 1,
    }
}

/// What an `INSERT` says where it brings the numbers of its rows along.
pub(crate) fn own_numbers(backend: Backend) -> &'static str {
    match backend {
        Backend::Postgres => "OVERRIDING SYSTEM VALUE ",
        Backend::Sqlite => "",
    }
}

/// Begins the transaction of a restore. The conditions between tables are checked at its end.
pub(crate) fn begin(connection: &mut AnyConnection) -> QueryResult<()> {
    match connection {
        AnyConnection::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner),
        AnyConnection::Sqlite(inner) => {
            // It has no effect inside of a transaction.
            inner.batch_execute("PRAGMA foreign_keys = OFF")?;
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")
        }
    }
}

/// What was taken away for the time of a restore: triggers, which would refuse or double, and indexes and references,
/// which are built in a fraction of the time once all rows are there.
pub(crate) struct TakenAway(Vec<String>);

/// Takes away what stands in the way. Part of the transaction: if that is rolled back, nothing has happened.
pub(crate) fn take_away(connection: &mut AnyConnection) -> QueryResult<TakenAway> {
    let (away, back): (Vec<String>, Vec<String>) = match Backend::of(connection) {
        Backend::Postgres => {
            let mut pairs = pairs(connection, POSTGRES_REFERENCES)?;
            pairs.extend(self::pairs(connection, POSTGRES_INDEXES)?);
            pairs.extend(self::pairs(connection, POSTGRES_TRIGGERS)?);
            pairs.into_iter().unzip()
        }
        Backend::Sqlite => pairs(connection, SQLITE_OBJECTS)?.into_iter().unzip(),
    };
    connection.batch_execute(&away.join(";\n"))?;
    Ok(TakenAway(back))
}

fn pairs(connection: &mut AnyConnection, query: &str) -> QueryResult<Vec<(String, String)>> {
    Sql::new().push(query).typed::<(Text, Text)>().load(connection)
}

const POSTGRES_REFERENCES: &str = "
    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
        format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY oid";

const POSTGRES_INDEXES: &str = "
    SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
    ORDER BY indexrelid";

const POSTGRES_TRIGGERS: &str = "
    SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname),
        format('ALTER TABLE %s ENABLE TRIGGER %I', tgrelid::regclass, tgname)
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE NOT tgisinternal AND tgenabled = 'O' AND relnamespace = current_schema()::regnamespace ORDER BY pg_trigger.oid";

/// The full-text indexes are told by their triggers: what those would have written is written at the end.
const SQLITE_OBJECTS: &str = "
    SELECT format('DROP %s \"%w\"', type, name), sql FROM sqlite_schema
    WHERE type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY type, rowid";

/// Empties tables.
pub(crate) fn empty(connection: &mut AnyConnection, tables: &[&str]) -> QueryResult<()> {
    let quoted = tables.iter().map(|table| format!("\"{table}\""));
    let statement = match Backend::of(connection) {
        Backend::Postgres => format!("TRUNCATE {}", quoted.collect::<Vec<_>>().join(", ")),
        Backend::Sqlite => quoted.map(|table| format!("DELETE FROM {table}")).collect::<Vec<_>>().join("; "),
    };
    connection.batch_execute(&statement)
}

/// Puts back what was taken away, and what goes with the rows that are there now.
pub(crate) fn put_back(connection: &mut AnyConnection, TakenAway(statements): TakenAway) -> QueryResult<()> {
    let of_the_rows = match Backend::of(connection) {
        Backend::Postgres => POSTGRES_NUMBERS,
        Backend::Sqlite => SQLITE_SEARCHES,
    };
    let of_the_rows: Vec<String> = Sql::new().push(of_the_rows).typed::<Text>().load(connection)?;
    // One by one: together they would be one long statement, and its memory.
    of_the_rows.iter().chain(statements.iter().rev()).try_for_each(|statement| connection.batch_execute(statement))
}

/// The next number of each column that counts by itself.
const POSTGRES_NUMBERS: &str = "
    SELECT format('SELECT setval(%L, COALESCE((SELECT max(%I) FROM %s), 0) + 1, false)',
        pg_get_serial_sequence(attrelid::regclass::text, attname), attname, attrelid::regclass)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE attidentity <> '' AND relnamespace = current_schema()::regnamespace ORDER BY attrelid";

const SQLITE_SEARCHES: &str = "
    SELECT format('INSERT INTO \"%w\" (\"%w\") VALUES (''rebuild'')', name, name) FROM sqlite_schema
    WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE % USING fts5%' ORDER BY rowid";

/// A table with a row that refers to another which is not there. PostgreSQL has looked when it put its references back.
pub(crate) fn broken_reference(connection: &mut AnyConnection) -> QueryResult<Option<String>> {
    match Backend::of(connection) {
        Backend::Postgres => Ok(None),
        Backend::Sqlite => {
            let check = "SELECT DISTINCT \"table\" FROM pragma_foreign_key_check LIMIT 1";
            let broken: Vec<String> = Sql::new().push(check).typed::<Text>().load(connection)?;
            Ok(broken.into_iter().next())
        }
    }
}

/// Tells the planner what is there now.
pub(crate) fn after(connection: &mut AnyConnection) -> QueryResult<()> {
    connection.batch_execute(match Backend::of(connection) {
        Backend::Postgres => "ANALYZE",
        Backend::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
    })
}
