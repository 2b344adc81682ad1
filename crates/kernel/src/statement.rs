//! One SQL statement as text and binds. Texts are `'static` or identifiers out of a field table; every value is a
//! bind. It knows nothing of diesel's query builder but hands itself over to it as a prepared, cached query.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::pg::{Pg, PgConnection};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::{QueryResult, RunQueryDsl, sql_types as st};
use rust_decimal::Decimal;
use std::cell::Cell;
use std::io::Write;
use std::{borrow::Cow, fmt, marker::PhantomData};
use uuid::Uuid;

/// A bound value. `None` is a typed NULL.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// uuid
    Uuid(Option<Uuid>),
    /// text
    Text(Option<String>),
    /// boolean
    Bool(Option<bool>),
    /// integer
    Int(Option<i32>),
    /// bigint
    BigInt(Option<i64>),
    /// numeric
    Decimal(Option<Decimal>),
    /// date
    Date(Option<NaiveDate>),
    /// timestamptz
    Time(Option<DateTime<Utc>>),
    /// jsonb
    Json(Option<Json>),
    /// bytea
    Bytes(Option<Vec<u8>>),
    /// uuid[]
    Uuids(Vec<Uuid>),
    /// text[]
    Texts(Vec<String>),
    /// integer[]
    Ints(Vec<i32>),
    /// numeric[]
    Decimals(Vec<Decimal>),
    /// date[]
    Dates(Vec<NaiveDate>),
    /// timestamptz[]
    Times(Vec<DateTime<Utc>>),
    /// One column of many rows.
    Column(Column),
}

/// JSON as it goes to the database: written once, where a tree of it would be copied for each statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(Box<[u8]>);

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        Json(value.to_string().into_bytes().into())
    }
}

impl ToSql<st::Jsonb, Pg> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        // The version of the binary format.
        out.write_all(&[1])?;
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

/// The values that many rows have in one column, as an array in which some may be null.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// uuid[]
    Uuid(Vec<Option<Uuid>>),
    /// text[]
    Text(Vec<Option<String>>),
    /// boolean[]
    Bool(Vec<Option<bool>>),
    /// integer[]
    Int(Vec<Option<i32>>),
    /// bigint[]
    BigInt(Vec<Option<i64>>),
    /// numeric[]
    Decimal(Vec<Option<Decimal>>),
    /// date[]
    Date(Vec<Option<NaiveDate>>),
    /// timestamptz[]
    Time(Vec<Option<DateTime<Utc>>>),
    /// jsonb[]
    Json(Vec<Option<Json>>),
}

impl Column {
    /// A column that begins with a value, with room for that of so many rows; none for a value that is not a scalar.
    pub fn of(first: Bind, rows: usize) -> Option<Self> {
        fn begin<T>(first: T, rows: usize) -> Vec<T> {
            let mut all = Vec::with_capacity(rows);
            all.push(first);
            all
        }
        Some(match first {
            Bind::Uuid(v) => Column::Uuid(begin(v, rows)),
            Bind::Text(v) => Column::Text(begin(v, rows)),
            Bind::Bool(v) => Column::Bool(begin(v, rows)),
            Bind::Int(v) => Column::Int(begin(v, rows)),
            Bind::BigInt(v) => Column::BigInt(begin(v, rows)),
            Bind::Decimal(v) => Column::Decimal(begin(v, rows)),
            Bind::Date(v) => Column::Date(begin(v, rows)),
            Bind::Time(v) => Column::Time(begin(v, rows)),
            Bind::Json(v) => Column::Json(begin(v, rows)),
            _ => return None,
        })
    }

    /// Adds the value of the next row; whether it was of the column's type.
    pub fn push(&mut self, value: Bind) -> bool {
        match (self, value) {
            (Column::Uuid(all), Bind::Uuid(v)) => all.push(v),
            (Column::Text(all), Bind::Text(v)) => all.push(v),
            (Column::Bool(all), Bind::Bool(v)) => all.push(v),
            (Column::Int(all), Bind::Int(v)) => all.push(v),
            (Column::BigInt(all), Bind::BigInt(v)) => all.push(v),
            (Column::Decimal(all), Bind::Decimal(v)) => all.push(v),
            (Column::Date(all), Bind::Date(v)) => all.push(v),
            (Column::Time(all), Bind::Time(v)) => all.push(v),
            (Column::Json(all), Bind::Json(v)) => all.push(v),
            _ => return false,
        }
        true
    }

    /// Leaves out the nulls at its end, for where a shorter array goes on as null.
    pub fn trim(&mut self) {
        fn trim<T>(all: &mut Vec<Option<T>>) {
            let end = all.iter().rposition(Option::is_some).map_or(0, |last| last.saturating_add(1));
            all.truncate(end);
        }
        match self {
            Column::Uuid(all) => trim(all),
            Column::Text(all) => trim(all),
            Column::Bool(all) => trim(all),
            Column::Int(all) => trim(all),
            Column::BigInt(all) => trim(all),
            Column::Decimal(all) => trim(all),
            Column::Date(all) => trim(all),
            Column::Time(all) => trim(all),
            Column::Json(all) => trim(all),
        }
    }
}

#[derive(Clone, Debug)]
enum Part {
    Sql(Cow<'static, str>),
    Bind(Bind),
}

/// A statement under construction.
#[derive(Clone, Debug, Default)]
pub struct Statement {
    parts: Vec<Part>,
    once: bool,
}

impl Statement {
    /// Starts with a text.
    pub fn new(sql: impl Into<Cow<'static, str>>) -> Self {
        let mut statement = Statement::default();
        statement.sql(sql);
        statement
    }

    /// Adds SQL text. Only constants and identifiers from field tables may be given.
    pub fn sql(&mut self, sql: impl Into<Cow<'static, str>>) -> &mut Self {
        self.parts.push(Part::Sql(sql.into()));
        self
    }

    /// Adds a value.
    pub fn bind(&mut self, bind: Bind) -> &mut Self {
        self.parts.push(Part::Bind(bind));
        self
    }

    /// Adds another statement's parts.
    pub fn append(&mut self, other: Statement) -> &mut Self {
        self.once |= other.once;
        self.parts.extend(other.parts);
        self
    }

    /// Not worth keeping prepared: its text depends on what a caller sent, and the cache has no bound.
    pub fn once(&mut self) -> &mut Self {
        self.once = true;
        self
    }

    /// As a query whose rows have the SQL type `ST`.
    pub fn typed<ST>(&self) -> Typed<'_, ST> {
        Typed { statement: self, sql_type: PhantomData }
    }

    /// Runs it without reading rows; the number of rows it touched.
    pub fn execute(&self, conn: &mut PgConnection) -> QueryResult<usize> {
        RunQueryDsl::execute(self.typed::<()>(), conn)
    }
}

/// A [`Statement`] with the SQL type of its rows.
#[derive(Debug)]
pub struct Typed<'a, ST> {
    statement: &'a Statement,
    sql_type: PhantomData<fn() -> ST>,
}

thread_local! {
    /// Set while somebody asks what kind of statement a query is; the statement answers instead of writing itself out.
    static ASKED: Cell<bool> = const { Cell::new(false) };
    static ANSWER: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Whether a query that diesel is about to run does no more than read and write rows; none: it is no [`Statement`], and its
/// text has to tell. Asking a statement costs a fraction of having diesel write it out.
pub fn is_plain(query: &dyn fmt::Display) -> Option<bool> {
    struct Nowhere;
    impl fmt::Write for Nowhere {
        fn write_str(&mut self, _: &str) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    ASKED.set(true);
    fmt::write(&mut Nowhere, format_args!("{query}")).ok();
    ASKED.set(false);
    ANSWER.take()
}

/// Whether a text begins as reading and writing of rows begins, is one statement alone, and sets nothing by function.
pub fn is_plain_sql(sql: &str) -> bool {
    let first = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let rows = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "EXPLAIN", "MERGE", "VALUES", "TABLE"];
    rows.iter().any(|word| first.eq_ignore_ascii_case(word)) && sets_nothing(sql)
}

fn sets_nothing(sql: &str) -> bool {
    !sql.trim_end().trim_end_matches(';').contains(';') && !sql.contains("set_config")
}

impl Statement {
    fn is_plain(&self) -> bool {
        let mut texts = self.parts.iter().filter_map(|part| match part {
            Part::Sql(sql) if !sql.is_empty() => Some(sql.as_ref()),
            _ => None,
        });
        texts.next().is_some_and(is_plain_sql) && texts.all(|sql| !sql.contains(';') && sets_nothing(sql))
    }
}

impl<ST> QueryFragment<Pg> for Typed<'_, ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if ASKED.get() {
            ANSWER.set(Some(self.statement.is_plain()));
            return Ok(());
        }
        if self.statement.once {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.statement.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Bind(bind) => push(bind, &mut out)?,
            }
        }
        Ok(())
    }
}

fn push<'b>(bind: &'b Bind, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    match bind {
        Bind::Uuid(v) => out.push_bind_param::<st::Nullable<st::Uuid>, _>(v),
        Bind::Text(v) => out.push_bind_param::<st::Nullable<st::Text>, _>(v),
        Bind::Bool(v) => out.push_bind_param::<st::Nullable<st::Bool>, _>(v),
        Bind::Int(v) => out.push_bind_param::<st::Nullable<st::Integer>, _>(v),
        Bind::BigInt(v) => out.push_bind_param::<st::Nullable<st::BigInt>, _>(v),
        Bind::Decimal(v) => out.push_bind_param::<st::Nullable<st::Numeric>, _>(v),
        Bind::Date(v) => out.push_bind_param::<st::Nullable<st::Date>, _>(v),
        Bind::Time(v) => out.push_bind_param::<st::Nullable<st::Timestamptz>, _>(v),
        Bind::Json(v) => out.push_bind_param::<st::Nullable<st::Jsonb>, _>(v),
        Bind::Bytes(v) => out.push_bind_param::<st::Nullable<st::Binary>, _>(v),
        Bind::Uuids(v) => out.push_bind_param::<st::Array<st::Uuid>, _>(v),
        Bind::Texts(v) => out.push_bind_param::<st::Array<st::Text>, _>(v),
        Bind::Ints(v) => out.push_bind_param::<st::Array<st::Integer>, _>(v),
        Bind::Decimals(v) => out.push_bind_param::<st::Array<st::Numeric>, _>(v),
        Bind::Dates(v) => out.push_bind_param::<st::Array<st::Date>, _>(v),
        Bind::Times(v) => out.push_bind_param::<st::Array<st::Timestamptz>, _>(v),
        Bind::Column(column) => match column {
            Column::Uuid(v) => out.push_bind_param::<st::Array<st::Nullable<st::Uuid>>, _>(v),
            Column::Text(v) => out.push_bind_param::<st::Array<st::Nullable<st::Text>>, _>(v),
            Column::Bool(v) => out.push_bind_param::<st::Array<st::Nullable<st::Bool>>, _>(v),
            Column::Int(v) => out.push_bind_param::<st::Array<st::Nullable<st::Integer>>, _>(v),
            Column::BigInt(v) => out.push_bind_param::<st::Array<st::Nullable<st::BigInt>>, _>(v),
            Column::Decimal(v) => out.push_bind_param::<st::Array<st::Nullable<st::Numeric>>, _>(v),
            Column::Date(v) => out.push_bind_param::<st::Array<st::Nullable<st::Date>>, _>(v),
            Column::Time(v) => out.push_bind_param::<st::Array<st::Nullable<st::Timestamptz>>, _>(v),
            Column::Json(v) => out.push_bind_param::<st::Array<st::Nullable<st::Jsonb>>, _>(v),
        },
    }
}

impl<ST> QueryId for Typed<'_, ST> {
    type QueryId = ();
    // The text is not known at compile time; diesel then keys its statement cache by the text itself.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Typed<'_, ST> {
    type SqlType = ST;
}

impl<ST> RunQueryDsl<PgConnection> for Typed<'_, ST> {}
