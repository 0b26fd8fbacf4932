//! Looking at a whole database from outside, to tell whether a request has changed anything at all.
//!
//! Every table notes each row that is added, changed or removed, in the transaction that does it: what was taken back has left
//! no note. Reading all tables before and after each request tells the same, but takes longer the more there is in them, and
//! does not see what was changed and changed back.

use std::fmt::Write;

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    sql_types::Text,
};

use crate::TestDatabase;

/// What may change although nothing has: notes of use, the order that the change log is given afterwards, the keys of requests
/// and the tallies of failed attempts, which exist to be written.
const NOTES: [&str; 2] = ["last_used_at", "position"];
const BESIDE: [&str; 4] = ["relay", "leases", "idempotency_keys", "attempts"];

/// A connection of its own to a test database.
pub struct Observer {
    connection: Either,
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
        let connection = match test.settings.url.strip_prefix("sqlite://") {
            Some(path) => Either::Sqlite(sqlite(path)),
            None => Either::Postgres(postgres(&test.settings.url)),
        };
        Self { connection }
    }

    /// A mark of this moment: equal to an earlier one as long as no row of any table was added, changed or removed since.
    pub fn moment(&mut self) -> String {
        const LAST: &str = "SELECT CAST(COALESCE(MAX(id), 0) AS TEXT) AS line FROM observed";
        let line = match &mut self.connection {
            Either::Postgres(connection) => diesel::sql_query(LAST).get_result::<Line>(connection),
            Either::Sqlite(connection) => diesel::sql_query(LAST).get_result::<Line>(connection),
        };
        line.expect("the notes can be read").line
    }

    /// Runs statements of the test's own, which are observed like any.
    pub fn execute(&mut self, statements: &str) {
        let done = match &mut self.connection {
            Either::Postgres(connection) => connection.batch_execute(statements),
            Either::Sqlite(connection) => connection.batch_execute(statements),
        };
        done.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }
}

fn sqlite(path: &str) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path).expect("the test database can be reached");
    connection.batch_execute("PRAGMA busy_timeout = 5000;").expect("it can be waited for");
    let columns = "SELECT t.name || ' ' || c.name AS line FROM pragma_table_list t, pragma_table_info(t.name) c \
        WHERE t.type = 'table' AND t.schema = 'main' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid";
    let columns: Vec<Line> = diesel::sql_query(columns).load(&mut connection).expect("the catalogue can be read");
    let mut script = "CREATE TABLE observed (id INTEGER PRIMARY KEY AUTOINCREMENT);".to_owned();
    for (table, columns) in tables(&columns) {
        let note = "BEGIN INSERT INTO observed (id) VALUES (NULL); END;";
        let differs: Vec<String> = columns.iter().map(|one| format!("old.\"{one}\" IS NOT new.\"{one}\"")).collect();
        let differs = differs.join(" OR ");
        write!(
            script,
            "CREATE TRIGGER observed_{table}_1 AFTER INSERT ON \"{table}\" {note} \
             CREATE TRIGGER observed_{table}_2 AFTER DELETE ON \"{table}\" {note} \
             CREATE TRIGGER observed_{table}_3 AFTER UPDATE ON \"{table}\" WHEN {differs} {note}"
        )
        .expect("a string takes what is written");
    }
    connection.batch_execute(&script).expect("the tables can be observed");
    connection
}

fn postgres(url: &str) -> PgConnection {
    let mut connection = PgConnection::establish(url).expect("the database can be reached");
    let columns = "SELECT table_name || ' ' || column_name AS line FROM information_schema.columns \
        WHERE table_schema = 'public' ORDER BY table_name, ordinal_position";
    let columns: Vec<Line> = diesel::sql_query(columns).load(&mut connection).expect("the catalogue can be read");
    let mut script = "CREATE TABLE observed (id bigserial PRIMARY KEY); \
        CREATE FUNCTION observe() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN INSERT INTO observed DEFAULT VALUES; RETURN NULL; END $$;"
        .to_owned();
    for (table, columns) in tables(&columns) {
        let row = |of: &str| {
            let columns: Vec<String> = columns.iter().map(|one| format!("{of}.\"{one}\"")).collect();
            format!("ROW({})", columns.join(", "))
        };
        write!(
            script,
            "CREATE TRIGGER observed_1 AFTER INSERT OR DELETE ON \"{table}\" FOR EACH ROW EXECUTE FUNCTION observe(); \
             CREATE TRIGGER observed_2 AFTER UPDATE ON \"{table}\" FOR EACH ROW \
             WHEN ({} IS DISTINCT FROM {}) EXECUTE FUNCTION observe();",
            row("OLD"),
            row("NEW")
        )
        .expect("a string takes what is written");
    }
    connection.batch_execute(&script).expect("the tables can be observed");
    connection
}

/// Each table with the columns that matter.
fn tables(columns: &[Line]) -> impl Iterator<Item = (&str, Vec<&str>)> {
    let pairs: Vec<(&str, &str)> = columns.iter().filter_map(|line| line.line.split_once(' ')).collect();
    let mut tables: Vec<(&str, Vec<&str>)> = Vec::new();
    for (table, column) in pairs.into_iter().filter(|(table, _)| !BESIDE.contains(table)) {
        if tables.last().is_none_or(|(last, _)| *last != table) {
            tables.push((table, Vec::new()));
        }
        let (_, columns) = tables.last_mut().expect("one was put there if there was none");
        columns.extend(Some(column).filter(|column| !NOTES.contains(column)));
    }
    tables.into_iter()
}

#[test]
fn whatever_happens_to_a_row_is_noticed_unless_it_is_taken_back_or_a_note_of_use() {
    crate::on_each_database(|test| {
        let mut observer = Observer::of(test);
        let mut last = observer.moment();
        let mut happens = |statements: &str, is_noticed: bool| {
            let _a_failure_is_one_that_takes_everything_back = test.attempt(statements);
            let now = observer.moment();
            assert_eq!(now != last, is_noticed, "{statements}");
            last = now;
        };
        let at = if test.name() == "sqlite" { "0" } else { "now()" };
        let team = |id: &str, name: &str| {
            let id = if test.name() == "sqlite" { "randomblob(16)".to_owned() } else { format!("'{id}'") };
            format!(
                "INSERT INTO teams (id, name, name_key, version, created_at, updated_at) VALUES ({id}, '{name}', '{name}', 1, {at}, {at});"
            )
        };
        let id = "01938a3c-5f00-7000-8000-000000000001";
        happens(&team(id, "north"), true);
        happens("UPDATE teams SET name = name", false);
        happens("UPDATE teams SET name = 'South'", true);
        happens("BEGIN; DELETE FROM teams; ROLLBACK", false);
        happens("DELETE FROM teams", true);
        happens("DELETE FROM teams", false);
        happens("UPDATE relay SET position = position + 1", false);
    });
}
