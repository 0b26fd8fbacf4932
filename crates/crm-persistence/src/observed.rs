//! What a unit of work has read and written, as its statements say.
//!
//! Nobody has to remember to tell: every statement that goes to the database is looked at on its way, and each table that it
//! names counts as read or written as a whole. A store that knows better, because it reads or writes rows by their ids, says
//! so, and only makes the cache keep more by it. A unit of work runs on one thread from its first statement to its last, so
//! that is where the notes are.

use std::{cell::RefCell, collections::BTreeSet};

use diesel::connection::DebugQuery;
use uuid::Uuid;

/// Something that an answer depends on, or that a unit of work has changed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Touch {
    /// A table, whichever its rows.
    Table(&'static str),
    /// Rows of a table of which nobody said which ones.
    UnnamedRows(&'static str),
    /// One row.
    Row(&'static str, Uuid),
}

/// What a reading unit of work has seen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// What its result depends on.
    pub touches: BTreeSet<Touch>,
    /// Whether any of it was narrowed to the scope of one caller.
    pub is_scoped: bool,
}

/// All tables. Statements speak of nothing else but the indexes for searching, which have the name of their table in front.
const TABLES: [&str; 34] = [
    "roles",
    "teams",
    "users",
    "sessions",
    "refresh_tokens",
    "api_keys",
    "password_resets",
    "attempts",
    "known_networks",
    "second_factors",
    "recovery_codes",
    "organisations",
    "people",
    "links",
    "products",
    "mandates",
    "mandate_products",
    "imports",
    "import_errors",
    "changes",
    "relay",
    "idempotency_keys",
    "interactions",
    "interaction_people",
    "interaction_users",
    "tasks",
    "access_changes",
    "leases",
    "notifications",
    "notification_preferences",
    "realtime_tickets",
    "suspended_indexes",
    "webhooks",
    "webhook_deliveries",
];

#[derive(Default)]
struct Notes {
    seen: Seen,
    written: BTreeSet<Touch>,
    /// Tables of which the rows that are being read are named.
    named: Vec<&'static str>,
    /// The rows that the next statement will write.
    announced: Option<(&'static str, Vec<Uuid>)>,
}

thread_local! {
    static NOTES: RefCell<Option<Notes>> = const { RefCell::new(None) };
}

fn note(take: impl FnOnce(&mut Notes)) {
    NOTES.with_borrow_mut(|notes| {
        if let Some(notes) = notes {
            take(notes);
        }
    });
}

/// Runs a unit of work and notes what it does.
fn observed<T>(work: impl FnOnce() -> T) -> (T, Notes) {
    /// However the work ends, nothing of it stays behind on the thread.
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            NOTES.take();
        }
    }
    NOTES.set(Some(Notes::default()));
    let _ends = Ends;
    let done = work();
    (done, NOTES.take().unwrap_or_default())
}

/// Runs a reading unit of work and tells what it has seen.
pub(crate) fn seen<T>(work: impl FnOnce() -> T) -> (T, Seen) {
    let (done, notes) = observed(work);
    (done, notes.seen)
}

/// Runs a writing unit of work and tells what it has changed.
pub(crate) fn written<T>(work: impl FnOnce() -> T) -> (T, BTreeSet<Touch>) {
    let (done, notes) = observed(work);
    (done, notes.written)
}

/// A query has been narrowed to the scope of one caller.
pub(crate) fn scoped() {
    note(|notes| notes.seen.is_scoped = true);
}

/// Reads one row of a table by its id: other rows of that table do not matter to what comes out.
pub(crate) fn reading_row<T>(table: &'static str, id: Uuid, read: impl FnOnce() -> T) -> T {
    let done = reading_rows(&[table], read);
    saw_row(table, id);
    done
}

/// Reads rows of these tables which [`saw_row`] names when they are known.
pub(crate) fn reading_rows<T>(tables: &[&'static str], read: impl FnOnce() -> T) -> T {
    note(|notes| notes.named.extend(tables));
    let done = read();
    note(|notes| notes.named.truncate(notes.named.len() - tables.len()));
    done
}

/// Names a row that has been read.
pub(crate) fn saw_row(table: &'static str, id: Uuid) {
    note(|notes| notes.seen.touches.extend([Touch::Row(table, id), Touch::UnnamedRows(table)]));
}

/// Says which rows of a table the next statement that writes to it will write, and no others.
pub(crate) fn writing_rows(table: &'static str, ids: impl IntoIterator<Item = Uuid>) {
    note(|notes| notes.announced = Some((table, ids.into_iter().collect())));
}

/// Takes back what was announced for a statement that did not come.
pub(crate) fn forget_announced() {
    note(|notes| notes.announced = None);
}

/// Looks at what goes to the database.
pub(crate) fn look_at(query: &dyn DebugQuery) {
    if NOTES.with_borrow(Option::is_some) {
        // Values stand behind this mark, and are no part of the statement.
        let text = query.to_string();
        let statement = text.split(" -- binds: ").next().unwrap_or_default();
        note(|notes| notes.look_at(statement));
    }
}

impl Notes {
    fn look_at(&mut self, statement: &str) {
        let mut words =
            statement.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        let verb = words.next().unwrap_or_default().to_ascii_lowercase();
        let mut tables = words.filter_map(|word| {
            let word = word.strip_suffix("_search").unwrap_or(word);
            TABLES.into_iter().find(|table| *table == word)
        });
        match verb.as_str() {
            "select" => {
                let tables: BTreeSet<_> = tables.filter(|table| !self.named.contains(table)).collect();
                self.seen.touches.extend(tables.into_iter().map(Touch::Table));
            }
            "insert" | "update" | "delete" => self.written.extend(tables.next().into_iter().flat_map(|table| {
                let rows = self.announced.take_if(|(announced, _)| *announced == table);
                let rows = rows.map(|(_, ids)| ids.into_iter().map(|id| Touch::Row(table, id)).collect());
                let mut touches = rows.unwrap_or_else(|| vec![Touch::UnnamedRows(table)]);
                touches.push(Touch::Table(table));
                touches
            })),
            // Savepoints and the like name no table; whatever else does may write to it.
            _ => self.written.extend(tables.flat_map(|table| [Touch::UnnamedRows(table), Touch::Table(table)])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(statement: &str, seen: &[Touch], written: &[Touch]) {
        let mut notes = Notes::default();
        notes.look_at(statement);
        assert_eq!(notes.seen.touches, seen.iter().copied().collect(), "{statement}");
        assert_eq!(notes.written, written.iter().copied().collect(), "{statement}");
    }

    #[test]
    fn a_statement_says_which_tables_it_reads_and_writes() {
        let (users, teams) = (Touch::Table("users"), Touch::Table("teams"));
        check("SELECT \"users\".\"id\" FROM (\"users\" INNER JOIN \"teams\" ON 1)", &[users, teams], &[]);
        check("select 1 from users where exists (select 1 from teams)", &[users, teams], &[]);
        check("UPDATE users SET name = 'x'", &[], &[users, Touch::UnnamedRows("users")]);
        check("INSERT INTO \"teams\" (\"id\") VALUES ($1)", &[], &[teams, Touch::UnnamedRows("teams")]);
        check("WITH x AS (DELETE FROM teams RETURNING id) SELECT 1 FROM x", &[], &[teams, Touch::UnnamedRows("teams")]);
        check("SELECT rowid FROM teams_search WHERE search_text LIKE '%x%'", &[teams], &[]);
        check("SAVEPOINT diesel_savepoint_1", &[], &[]);
    }

    #[test]
    fn every_table_that_a_migration_makes_is_known() {
        for backend in ["sqlite", "postgres"] {
            let mut made = BTreeSet::new();
            for name in names_after("CREATE TABLE", backend).into_iter().chain(names_after("RENAME TO", backend)) {
                made.insert(name);
            }
            // What is only there while a migration runs.
            made.retain(|name| !["_kept", "_before", "_anew"].iter().any(|end| name.ends_with(end)));
            let known: BTreeSet<String> = TABLES.iter().map(|&table| table.to_owned()).collect();
            assert_eq!(made, known, "{backend}");
        }
    }

    fn names_after(words: &str, backend: &str) -> Vec<String> {
        let folder = format!("{}/../../migrations/{backend}", env!("CARGO_MANIFEST_DIR"));
        let mut names = Vec::new();
        for migration in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(migration.unwrap().path().join("up.sql")).unwrap();
            names.extend(text.split(words).skip(1).map(|rest| {
                let rest = rest.trim_start().trim_start_matches("IF NOT EXISTS ");
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
            }));
        }
        names
    }

    #[test]
    fn rows_that_were_announced_are_written_by_one_statement_only() {
        let id = Uuid::from_u128(7);
        let ((), notes) = observed(|| {
            writing_rows("users", [id]);
            note(|notes| notes.look_at("UPDATE users SET name = 'x' WHERE id = 7"));
            assert!(note_written().contains(&Touch::Row("users", id)));
            assert!(!note_written().contains(&Touch::UnnamedRows("users")));
            note(|notes| notes.look_at("UPDATE users SET name = 'y'"));
        });
        assert!(notes.written.contains(&Touch::UnnamedRows("users")));
    }

    fn note_written() -> BTreeSet<Touch> {
        NOTES.with_borrow(|notes| notes.as_ref().unwrap().written.clone())
    }

    #[test]
    fn a_row_that_is_read_by_its_id_is_all_that_counts_of_its_table() {
        let id = Uuid::from_u128(7);
        let ((), seen) = seen(|| {
            reading_row("users", id, || note(|notes| notes.look_at("SELECT * FROM users JOIN teams")));
        });
        let expected = [Touch::Table("teams"), Touch::Row("users", id), Touch::UnnamedRows("users")];
        assert_eq!(seen.touches, expected.into_iter().collect());
    }
}
