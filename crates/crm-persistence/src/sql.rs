//! Conditions and orders whose columns are known only when a request comes in, as diesel expressions.
//!
//! Column and table names are `&'static str` out of the code, never out of a request; every value is bound.

use diesel::{
    AppearsOnTable, Expression, QueryResult, RunQueryDsl, SelectableExpression,
    expression::{ValidGrouping, is_aggregate},
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_types::{BigInt, Binary, Bool, Date, Text},
};

use crate::{
    column::{DbJson, DbTime, DbUuid, JsonColumn, TimeColumn, UuidColumn},
    connection::{AnyConnection, Multi},
    observed,
};

/// A bound value.
#[derive(Clone, Debug)]
pub enum Bind {
    Text(String),
    Integer(i64),
    Boolean(bool),
    Date(crm_domain::values::Date),
    Time(TimeColumn),
    Id(UuidColumn),
    Json(JsonColumn),
    Bytes(Vec<u8>),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Column(&'static str, &'static str),
    Bind(Bind),
    /// What stands here narrows the rows to the scope of one caller. It has no text.
    Scope,
}

/// A piece of SQL, built from fixed text, fixed column names and bound values.
#[derive(Clone, Debug, Default)]
pub struct Sql(Vec<Piece>);

impl Sql {
    pub fn new() -> Self {
        Self::default()
    }

    /// Fixed text. Never anything out of a request.
    #[must_use]
    pub fn push(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Text(text.into()));
        self
    }

    #[must_use]
    pub fn column(mut self, table: &'static str, column: &'static str) -> Self {
        self.0.push(Piece::Column(table, column));
        self
    }

    #[must_use]
    pub fn bind(mut self, value: Bind) -> Self {
        self.0.push(Piece::Bind(value));
        self
    }

    /// Says that this narrows the rows to the scope of one caller: a statement with it in it tells whoever observes the unit
    /// of work, wherever the condition was made.
    #[must_use]
    pub fn scoped(mut self) -> Self {
        self.0.push(Piece::Scope);
        self
    }

    #[must_use]
    pub fn append(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Values separated by commas.
    #[must_use]
    pub fn binds(mut self, values: impl IntoIterator<Item = Bind>) -> Self {
        for (at, value) in values.into_iter().enumerate() {
            self = if at == 0 { self } else { self.push(", ") }.bind(value);
        }
        self
    }

    /// The pieces with `separator` between them, in brackets.
    pub fn joined(parts: impl IntoIterator<Item = Self>, separator: &str) -> Self {
        let mut sql = Self::new().push("(");
        for (at, part) in parts.into_iter().enumerate() {
            sql = if at == 0 { sql } else { sql.push(separator) }.append(part);
        }
        sql.push(")")
    }

    /// Runs it as a statement of its own.
    pub fn execute(self, connection: &mut AnyConnection) -> QueryResult<usize> {
        RunQueryDsl::execute(self, connection)
    }

    /// Runs it as a query of its own whose rows have columns of these types.
    pub fn typed<T>(self) -> Typed<T> {
        Typed { sql: self, row: std::marker::PhantomData }
    }
}

impl QueryFragment<Multi> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Multi>) -> QueryResult<()> {
        // The text depends on values (how many, which columns), so no statement may be cached by type.
        out.unsafe_to_cache_prepared();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_sql(text),
                Piece::Column(table, column) => {
                    out.push_identifier(table)?;
                    out.push_sql(".");
                    out.push_identifier(column)?;
                }
                Piece::Bind(bind) => push(bind, &mut out)?,
                Piece::Scope => observed::scoped(),
            }
        }
        Ok(())
    }
}

fn push<'b>(bind: &'b Bind, out: &mut AstPass<'_, 'b, Multi>) -> QueryResult<()> {
    match bind {
        Bind::Text(text) => out.push_bind_param::<Text, _>(text),
        Bind::Integer(number) => out.push_bind_param::<BigInt, _>(number),
        Bind::Boolean(flag) => out.push_bind_param::<Bool, _>(flag),
        Bind::Date(date) => out.push_bind_param::<Date, _>(date),
        Bind::Time(time) => out.push_bind_param::<DbTime, _>(time),
        Bind::Id(id) => out.push_bind_param::<DbUuid, _>(id),
        Bind::Json(json) => out.push_bind_param::<DbJson, _>(json),
        Bind::Bytes(bytes) => out.push_bind_param::<Binary, _>(bytes),
    }
}

impl QueryId for Sql {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl Expression for Sql {
    type SqlType = Bool;
}
impl<QS> AppearsOnTable<QS> for Sql {}
impl<QS> SelectableExpression<QS> for Sql {}
impl<GroupBy> ValidGrouping<GroupBy> for Sql {
    type IsAggregate = is_aggregate::Never;
}
impl RunQueryDsl<AnyConnection> for Sql {}

/// A whole query, written out, with the types of its columns.
pub struct Typed<T> {
    sql: Sql,
    row: std::marker::PhantomData<T>,
}

impl<T> QueryFragment<Multi> for Typed<T> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Multi>) -> QueryResult<()> {
        self.sql.walk_ast(out)
    }
}
impl<T> QueryId for Typed<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<T: diesel::expression::TypedExpressionType + 'static> Query for Typed<T> {
    type SqlType = T;
}
impl<T> RunQueryDsl<AnyConnection> for Typed<T> {}
