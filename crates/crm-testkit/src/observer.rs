//! Looking at a whole database from outside, to tell whether a request has changed anything at all.

use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, sql_types::Text};

use crate::TestDatabase;

/// What may change although nothing has: notes of use, the order that the change log is given afterwards, the keys of requests
/// and the tallies of failed attempts, which exist to be written.
const NOTES: [&str; 2] = ["last_used_at", "position"];
const BESIDE: [&str; 4] = ["relay", "leases", "idempotency_keys", "attempts"];

/// A connection of its own to a test database.
pub struct Observer {
    connection: Either,
    query: String,
    /// What the last look saw, and the database's own mark of that state.
    last: Option<(String, String)>,
}

enum Either {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

impl Observer {
    /// An observer of this database, with the tables that it has now.
    pub fn of(test: &TestDatabase) -> Self {
        match test.settings.url.strip_prefix("sqlite://") {
            Some(path) => Self::sqlite(SqliteConnection::establish(path).expect("the test database can be reached")),
            None => Self::postgres(PgConnection::establish(&test.settings.url).expect("the database can be reached")),
        }
    }

    /// All rows of all tables, condensed: equal as long as no row was added, changed or removed.
    ///
    /// While the database says that nothing at all has been written since, the last look is told again: the tables are read
    /// only after somebody has written something, to whichever of them.
    pub fn digest(&mut self) -> String {
        let state = self.state();
        if let Some((_, digest)) = self.last.as_ref().filter(|(last, _)| *last == state) {
            return digest.clone();
        }
        let digest = self.read();
        self.last = Some((state, digest.clone()));
        digest
    }

    /// A mark that differs as soon as anybody has committed anything.
    fn state(&mut self) -> String {
        let line = match &mut self.connection {
            Either::Postgres(connection) => {
                diesel::sql_query("SELECT pg_current_wal_insert_lsn()::text AS line").get_result::<Line>(connection)
            }
            Either::Sqlite(connection) => {
                let version = "SELECT CAST(data_version AS TEXT) AS line FROM pragma_data_version";
                diesel::sql_query(version).get_result::<Line>(connection)
            }
        };
        line.expect("the database tells its state").line
    }

    fn read(&mut self) -> String {
        let lines = match &mut self.connection {
            Either::Postgres(connection) => diesel::sql_query(&self.query).load::<Line>(connection),
            Either::Sqlite(connection) => diesel::sql_query(&self.query).load::<Line>(connection),
        };
        lines.expect("every table can be read").into_iter().map(|line| line.line + "\n").collect()
    }

    fn sqlite(mut connection: SqliteConnection) -> Self {
        let columns = "SELECT t.name || ' ' || c.name AS line FROM pragma_table_list t, pragma_table_info(t.name) c \
            WHERE t.type = 'table' AND t.schema = 'main' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid";
        let columns: Vec<Line> = diesel::sql_query(columns).load(&mut connection).expect("the catalogue can be read");
        let query = union(&columns, |table, columns| {
            let row: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let row = row.join(" || ',' || ");
            format!(
                "SELECT '{table} ' || coalesce(group_concat(row, ';'), '') AS line FROM (SELECT {row} AS row FROM \"{table}\" ORDER BY 1)"
            )
        });
        Self { connection: Either::Sqlite(connection), query, last: None }
    }

    fn postgres(mut connection: PgConnection) -> Self {
        let columns = "SELECT table_name || ' ' || column_name AS line FROM information_schema.columns \
            WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
        let columns: Vec<Line> = diesel::sql_query(columns).load(&mut connection).expect("the catalogue can be read");
        let query = union(&columns, |table, columns| {
            let row: Vec<String> = columns.iter().map(|column| format!("one.\"{column}\"")).collect();
            let row = row.join(", ");
            format!(
                "SELECT '{table} ' || coalesce(md5(string_agg(row, ';' ORDER BY row)), '') AS line FROM (SELECT ROW({row})::text AS row FROM \"{table}\" AS one) AS rows"
            )
        });
        Self { connection: Either::Postgres(connection), query, last: None }
    }
}

/// One query for each table and its columns, as one.
fn union(columns: &[Line], select: impl Fn(&str, &[&str]) -> String) -> String {
    let pairs: Vec<(&str, &str)> = columns.iter().filter_map(|line| line.line.split_once(' ')).collect();
    let tables = pairs.chunk_by(|one, other| one.0 == other.0);
    let selects = tables.filter(|table| !BESIDE.contains(&table[0].0)).map(|table| {
        let columns: Vec<&str> = table.iter().map(|(_, column)| *column).filter(|one| !NOTES.contains(one)).collect();
        select(table[0].0, &columns)
    });
    selects.collect::<Vec<_>>().join(" UNION ALL ")
}
