//! One column as both APIs see it, and the types a column may have.

use crate::Bind;
use serde_json::Value;
use uuid::Uuid;

/// Who may write a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// On create and on update.
    Write,
    /// On create only.
    CreateOnly,
    /// Never from outside.
    ReadOnly,
    /// Never, and never shown either.
    Hidden,
}

/// What a field holds. Filters, both schemas, and the checks of bodies follow from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// 32-bit integer.
    Int,
    /// Exact decimal, as a string.
    Decimal,
    /// Amount and currency.
    Money,
    /// Exchange rate, as a string.
    Rate,
    /// Calendar date.
    Date,
    /// Point in time, RFC 3339 in UTC.
    Time,
    /// UUID; with the resource it points to, where it is a reference.
    Id(Option<&'static str>),
    /// One of a closed list (value, meaning), with the name of the type.
    Enum(&'static str, &'static [(&'static str, &'static str)]),
    /// A JSON object or list of a form of its own.
    Json,
}

impl Kind {
    /// What would have been right, for error messages.
    pub fn expects(&self) -> String {
        match self {
            Kind::Text => "a text".into(),
            Kind::Bool => "true or false".into(),
            Kind::Int => "an integer from -2147483648 to 2147483647".into(),
            Kind::Decimal => {
                "a decimal as a text, such as \"1234.50\", with at most 15 digits before the point and 4 after it"
                    .into()
            }
            Kind::Money => "an object such as {\"amount\": \"1234.50\", \"currency\": \"EUR\"}".into(),
            Kind::Rate => {
                "a positive decimal as a text, such as \"0.9183\", with at most 12 digits before and after the point"
                    .into()
            }
            Kind::Date => "a date such as 2026-01-31".into(),
            Kind::Time => "a time with offset such as 2026-01-31T12:00:00Z, with at most microseconds".into(),
            Kind::Id(_) => "a UUID".into(),
            Kind::Enum(_, all) => {
                format!("one of {}", all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
            }
            Kind::Json => "JSON of the documented form".into(),
        }
    }

    /// The filter operators it understands.
    pub fn operators(&self) -> &'static [&'static str] {
        match self {
            Kind::Text => &["eq", "ne", "in", "notIn", "contains", "startsWith", "isNull"],
            Kind::Bool => &["eq", "ne", "isNull"],
            Kind::Int | Kind::Decimal | Kind::Date | Kind::Time => {
                &["eq", "ne", "in", "notIn", "gt", "gte", "lt", "lte", "isNull"]
            }
            // No `ne`: within one currency it would leave out what has no amount, and all other currencies.
            Kind::Money => &["eq", "gt", "gte", "lt", "lte", "isNull", "currency"],
            Kind::Id(_) | Kind::Enum(..) => &["eq", "ne", "in", "notIn", "isNull"],
            Kind::Rate | Kind::Json => &[],
        }
    }
}

/// One field of a resource.
#[derive(Debug)]
pub struct Field {
    /// Name in both APIs.
    pub name: &'static str,
    /// Column, or columns: money has two.
    pub columns: &'static [&'static str],
    /// For API readers.
    pub doc: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// May be null.
    pub nullable: bool,
    /// Has to be given on create.
    pub required: bool,
    /// Who may write it.
    pub access: Access,
    /// May be filtered by.
    pub filter: bool,
    /// May be sorted by.
    pub sort: bool,
    /// Is the id of the record under another name, so that it is looked for by that.
    pub id: bool,
    /// Most characters of a text.
    pub max: usize,
    /// An example value as JSON text.
    pub example: Option<&'static str>,
}

impl Field {
    /// Shown to API users.
    pub fn visible(&self) -> bool {
        self.access != Access::Hidden
    }

    /// The first column; the only one unless the field is money.
    pub fn column(&self) -> &'static str {
        self.columns.first().copied().unwrap_or_default()
    }
}

/// A Rust type that a column may have: how it is read from a row, parsed from and written to JSON, and bound.
pub trait FieldType: Sized {
    /// Its kind.
    const KIND: Kind;
    /// May be null.
    const NULLABLE: bool = false;
    /// The SQL type of its column, or a tuple for several.
    type Sql;
    /// What diesel reads for [`FieldType::Sql`].
    type Row;
    /// A value to start a new record with, before its fields are set.
    fn empty() -> Self;
    /// From the database.
    fn from_row(row: Self::Row) -> diesel::deserialize::Result<Self>;
    /// From JSON; the error says what was expected.
    fn parse(value: &Value) -> Result<Self, String>;
    /// As JSON text.
    fn write(&self, out: &mut Vec<u8>);
    /// As binds, one a column.
    fn binds(&self, out: &mut Vec<Bind>);
    /// NULLs, one a column.
    fn nulls(out: &mut Vec<Bind>);
    /// The id, if it is one.
    fn uuid(&self) -> Option<Uuid> {
        None
    }
}
