//! The schema of a database, told in words that both databases share.

use std::collections::{BTreeMap, BTreeSet};

use crm_domain::SearchType;
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_types::{Nullable, Text},
};

#[derive(Debug, Default, PartialEq)]
pub struct Schema {
    pub tables: BTreeMap<String, Table>,
}

#[derive(Debug, Default, PartialEq)]
pub struct Table {
    /// Name, storage class of `SQLite`, and whether it may be empty.
    pub columns: BTreeSet<(String, String, bool)>,
    /// The columns of the primary key and of each unique constraint.
    pub keys: BTreeSet<String>,
    /// Name, uniqueness, columns and condition of each index that has a name of its own.
    pub indexes: BTreeSet<String>,
    /// Column, table and column that it refers to, and what happens to it then.
    pub references: BTreeSet<String>,
    /// The conditions.
    pub checks: BTreeSet<String>,
}

/// The row number of a searchable table only ties it to the full-text index of `SQLite`, where it has to be the key.
const ROW_NUMBER: &str = "sequence";

#[derive(QueryableByName)]
struct Fact {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    more: Option<String>,
}

pub fn postgres(url: &str) -> Schema {
    let mut connection = PgConnection::establish(url).unwrap();
    let facts: Vec<Fact> = diesel::sql_query(POSTGRES).load(&mut connection).unwrap();
    schema(facts)
}

pub fn sqlite(path: &str) -> Schema {
    let mut connection = SqliteConnection::establish(path).unwrap();
    let facts: Vec<Fact> = diesel::sql_query(SQLITE).load(&mut connection).unwrap();
    let mut schema = schema(facts);
    let texts =
        "SELECT name AS table_name, '' AS kind, '' AS name, sql AS more FROM sqlite_schema WHERE type = 'table'";
    let texts: Vec<Fact> = diesel::sql_query(texts).load(&mut connection).unwrap();
    for text in texts {
        if let (Some(table), Some(sql)) = (schema.tables.get_mut(&text.table_name), text.more) {
            table.checks = checks(&sql);
        }
    }
    schema
}

fn schema(facts: Vec<Fact>) -> Schema {
    let mut schema = Schema::default();
    for Fact { table_name, kind, name, more } in facts {
        let searchable = table_name.parse::<SearchType>().is_ok();
        let table = schema.tables.entry(table_name).or_default();
        let more = more.unwrap_or_default();
        match kind.as_str() {
            "column" | "empty column" => drop(table.columns.insert((name, more, kind == "empty column"))),
            "key" if searchable && name == ROW_NUMBER => {}
            "key" => drop(table.keys.insert(name)),
            "index" => drop(table.indexes.insert(format!("{name} {}", plain(&more)))),
            "reference" => drop(table.references.insert(name)),
            "check" => drop(table.checks.insert(plain(&name))),
            other => panic!("unknown fact: {other}"),
        }
    }
    schema
}

/// A condition without what the two databases write differently: brackets, quotes, spaces, casts, and `IN` and `BETWEEN`, which
/// PostgreSQL spells out.
fn plain(condition: &str) -> String {
    let condition = condition.replace("::text", "").replace("= ANY (ARRAY[", "IN (").replace(']', "");
    let condition: String = condition.chars().filter(|character| !"()\"".contains(*character)).collect();
    let condition = condition.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((column, bounds)) = condition.split_once(" BETWEEN ") else { return condition };
    let (low, high) = bounds.split_once(" AND ").expect("BETWEEN has two bounds");
    format!("{column} >= {low} AND {column} <= {high}")
}

/// The conditions in the text of a table of `SQLite`.
fn checks(sql: &str) -> BTreeSet<String> {
    let after_each = sql.split("CHECK (").skip(1);
    after_each.map(|rest| plain(&rest[..closing_bracket(rest)])).collect()
}

/// Where the bracket closes that was opened just before the text.
fn closing_bracket(text: &str) -> usize {
    let mut depth = 1;
    let end = text.char_indices().find(|(_, character)| {
        depth += match character {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        depth == 0
    });
    end.expect("brackets are balanced").0
}

/// Besides its own conditions PostgreSQL tells those that stand in `SQLite` for its types.
const POSTGRES: &str = "
    WITH tables AS (
        SELECT oid, relname::text AS table_name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> '__diesel_schema_migrations'
    ), columns AS (
        SELECT table_name, attname::text AS name, attnotnull, format_type(atttypid, NULL) AS type
        FROM tables JOIN pg_attribute ON attrelid = tables.oid WHERE attnum > 0 AND NOT attisdropped
    )
    SELECT table_name, CASE WHEN attnotnull THEN 'column' ELSE 'empty column' END AS kind, name,
        CASE WHEN type IN ('uuid', 'bytea') THEN 'BLOB' WHEN type IN ('text', 'jsonb', 'date') THEN 'TEXT'
             WHEN type IN ('bigint', 'smallint', 'boolean', 'timestamp with time zone') THEN 'INTEGER' ELSE type END AS more
    FROM columns
    UNION ALL
    SELECT table_name, 'check', 'length(' || name || ') = 16', NULL FROM columns WHERE type = 'uuid'
    UNION ALL
    SELECT table_name, 'check', 'json_valid(' || name || ')', NULL FROM columns WHERE type = 'jsonb'
    UNION ALL
    SELECT table_name, 'check', name || ' IN (0, 1)', NULL FROM columns WHERE type = 'boolean'
    UNION ALL
    SELECT table_name, 'check', regexp_replace(pg_get_constraintdef(c.oid), '^CHECK ', ''), NULL
    FROM tables JOIN pg_constraint c ON conrelid = tables.oid AND contype = 'c'
    UNION ALL
    SELECT table_name, 'key', (SELECT string_agg(attname, ', ' ORDER BY place) FROM unnest(conkey) WITH ORDINALITY AS k (number, place)
        JOIN pg_attribute ON attrelid = conrelid AND attnum = number), NULL
    FROM tables JOIN pg_constraint c ON conrelid = tables.oid AND contype IN ('p', 'u')
    UNION ALL
    SELECT table_name, 'reference', a.attname || ' ' || confrelid::regclass || ' ' || b.attname || ' ' || confdeltype::text || confupdtype::text, NULL
    FROM tables JOIN pg_constraint c ON conrelid = tables.oid AND contype = 'f'
    JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = conkey[1]
    JOIN pg_attribute b ON b.attrelid = confrelid AND b.attnum = confkey[1]
    UNION ALL
    SELECT table_name, 'index', i.relname || CASE WHEN indisunique THEN ' unique' ELSE '' END,
        (SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = indexrelid)
            || coalesce(' WHERE ' || pg_get_expr(indpred, indrelid), '')
    FROM tables JOIN pg_index ON indrelid = tables.oid JOIN pg_class i ON i.oid = indexrelid JOIN pg_am ON pg_am.oid = i.relam
    WHERE amname = 'btree' AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
";

const SQLITE: &str = "
    WITH tables AS (
        SELECT name AS table_name FROM pragma_table_list
        WHERE type = 'table' AND schema = 'main' AND name NOT LIKE 'sqlite_%' AND name <> '__diesel_schema_migrations'
    )
    SELECT table_name, CASE WHEN \"notnull\" OR pk THEN 'column' ELSE 'empty column' END AS kind, name, type AS more
    FROM tables, pragma_table_info(table_name)
    UNION ALL
    SELECT table_name, 'key', group_concat(name, ', ' ORDER BY pk), NULL FROM tables, pragma_table_info(table_name)
    WHERE pk > 0 GROUP BY table_name
    UNION ALL
    SELECT table_name, 'key', (SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(i.name)), NULL
    FROM tables, pragma_index_list(table_name) i WHERE origin = 'u'
    UNION ALL
    SELECT table_name, 'reference', \"from\" || ' ' || \"table\" || ' ' || \"to\" || ' '
        || CASE on_delete WHEN 'NO ACTION' THEN 'a' ELSE on_delete END || CASE on_update WHEN 'NO ACTION' THEN 'a' ELSE on_update END, NULL
    FROM tables, pragma_foreign_key_list(table_name)
    UNION ALL
    SELECT table_name, 'index', i.name || CASE WHEN i.\"unique\" THEN ' unique' ELSE '' END,
        (SELECT group_concat(name, ', ' ORDER BY seqno) FROM pragma_index_info(i.name))
            || coalesce(' WHERE ' || nullif(substr(sql, instr(sql, ' WHERE ') + 7), substr(sql, 7)), '')
    FROM tables, pragma_index_list(table_name) i JOIN sqlite_schema ON sqlite_schema.name = i.name WHERE origin = 'c'
";
