//! Filters of a list request as SQL: equal on both databases, every value bound.

use crm_domain::{
    query::{Test, Value},
    values::fold,
};

use crate::{
    column::{TimeColumn, UuidColumn},
    dialect::{self, Backend},
    sql::{Bind, Sql},
};

/// Where a field of a list request lives.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column with its value.
    pub column: &'static str,
    /// The column with its folded form, by which it is sorted and searched; the same where there is none.
    pub key: &'static str,
    /// Whether it may be empty.
    pub nullable: bool,
    /// How the column holds it.
    pub form: Form,
}

/// How a column holds a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// As a plain value.
    Plain,
    /// In lower case, whatever the request says.
    LowerCase,
    /// Folded text, which the search text of the table contains too.
    Searched,
    /// As a set of words.
    Set,
    /// As rows of this table, one for each id of a set, which name the record in its column `interaction_id`.
    Members(&'static str),
}

/// The condition that `test` puts on the field at `place`.
pub fn condition(backend: Backend, place: Place, test: &Test) -> Sql {
    let compare = |operator: &str, value: &Value| column(place).push(format!(" {operator} ")).bind(bind(place, value));
    match test {
        Test::Equal(value) => {
            Sql::joined([compare("=", value)].into_iter().chain(key_is_one_of(place, [value])), " AND ")
        }
        Test::NotEqual(value) if place.nullable => {
            Sql::joined([compare("<>", value), column(place).push(" IS NULL")], " OR ")
        }
        Test::NotEqual(value) => compare("<>", value),
        Test::OneOf(values) => {
            let exact = column(place).push(" IN (").binds(values.iter().map(|value| bind(place, value))).push(")");
            Sql::joined([exact].into_iter().chain(key_is_one_of(place, values)), " AND ")
        }
        Test::Greater(value) => compare(">", value),
        Test::GreaterOrEqual(value) => compare(">=", value),
        Test::Less(value) => compare("<", value),
        Test::LessOrEqual(value) => compare("<=", value),
        Test::Contains(text) => contains(backend, place, text),
        Test::StartsWith(text) => starts_with(place, text),
        Test::AnyOf(ids) if matches!(place.form, Form::Members(_)) => has_member(place, ids),
        Test::AnyOf(words) => {
            let each = words.iter().map(|word| dialect::has_word(backend, place.table, place.column, word));
            Sql::joined(each, " OR ")
        }
        Test::Empty => column(place).push(" IS NULL"),
        Test::Present => column(place).push(" IS NOT NULL"),
    }
}

/// The rows that have one of these ids in the table of their set.
fn has_member(place: Place, ids: &[String]) -> Sql {
    let Form::Members(table) = place.form else { return Sql::new().push("1 = 0") };
    let ids = ids.iter().filter_map(|id| id.parse().ok()).map(|id| Bind::Id(UuidColumn(id)));
    Sql::new()
        .column(place.table, "id")
        .push(format!(" IN (SELECT {table}.interaction_id FROM {table} WHERE "))
        .column(table, place.column)
        .push(" IN (")
        .binds(ids)
        .push("))")
}

/// Equal texts have equal keys, and only the keys have an index.
fn key_is_one_of<'a>(place: Place, values: impl IntoIterator<Item = &'a Value>) -> Option<Sql> {
    let folded = |value: &Value| match value {
        Value::Text(text) => Bind::Text(fold(text)),
        other => bind(place, other),
    };
    let keys = values.into_iter().map(folded);
    (place.key != place.column).then(|| Sql::new().column(place.table, place.key).push(" IN (").binds(keys).push(")"))
}

fn column(place: Place) -> Sql {
    Sql::new().column(place.table, place.column)
}

/// The search text contains whatever the key contains, so that the full-text index narrows the rows down first.
fn contains(backend: Backend, place: Place, text: &str) -> Sql {
    let key = dialect::contains(backend, place.table, place.key, text);
    let indexed = place.form == Form::Searched && text.chars().count() >= 3;
    if indexed { Sql::joined([dialect::search(backend, place.table, text), key], " AND ") } else { key }
}

/// A range and not a pattern, because every order here is that of code points: U+10FFFF is the last one.
pub fn starts_with(place: Place, text: &str) -> Sql {
    let key = || Sql::new().column(place.table, place.key);
    let from = key().push(" >= ").bind(Bind::Text(text.to_owned()));
    let to = key().push(" < ").bind(Bind::Text(format!("{text}\u{10FFFF}")));
    Sql::joined([from, to], " AND ")
}

/// A value of the field at `place`, as its column holds it.
pub fn bind(place: Place, value: &Value) -> Bind {
    match value {
        Value::Text(text) if place.form == Form::LowerCase => Bind::Text(text.to_lowercase()),
        Value::Text(text) => Bind::Text(text.clone()),
        Value::Integer(number) => Bind::Integer(*number),
        Value::Boolean(flag) => Bind::Boolean(*flag),
        Value::Date(date) => Bind::Date(*date),
        Value::Time(time) => Bind::Time(TimeColumn::from(*time)),
        Value::Id(id) => Bind::Id(UuidColumn(*id)),
    }
}
