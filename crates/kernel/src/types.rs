//! The column types that the standard library, chrono, uuid and rust_decimal bring, and [`Custom`].

use crate::{Bind, Currency, FieldType, Kind, Money, decimal_from_text, text, write_date, write_time};
use chrono::{DateTime, Datelike, NaiveDate, SubsecRound, Utc};
use diesel::deserialize;
use diesel::sql_types as st;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

macro_rules! scalar {
    ($type:ty, $kind:expr, $sql:ty, $bind:ident, $empty:expr, |$value:ident| $parse:expr, |$me:ident, $out:ident| $write:expr) => {
        impl FieldType for $type {
            const KIND: Kind = $kind;
            type Sql = $sql;
            type Row = $type;
            fn empty() -> Self {
                $empty
            }
            fn from_row(row: Self) -> deserialize::Result<Self> {
                Ok(row)
            }
            fn parse($value: &Value) -> Result<Self, String> {
                $parse
            }
            fn write(&self, $out: &mut Vec<u8>) {
                let $me = self;
                $write
            }
            fn binds(&self, out: &mut Vec<Bind>) {
                out.push(Bind::$bind(Some(self.clone())))
            }
            fn nulls(out: &mut Vec<Bind>) {
                out.push(Bind::$bind(None))
            }
        }
    };
}

fn expected<T>(value: Option<T>, kind: Kind) -> Result<T, String> {
    value.ok_or_else(|| kind.expects())
}

/// serde_json writes texts and JSON values; a `Vec` never fails.
fn json<T: serde::Serialize>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

scalar!(
    String,
    Kind::Text,
    st::Text,
    Text,
    String::new(),
    |value| text::clean(value.as_str().ok_or_else(|| Kind::Text.expects())?),
    |me, out| json(me, out)
);
scalar!(bool, Kind::Bool, st::Bool, Bool, false, |value| expected(value.as_bool(), Kind::Bool), |me, out| out
    .extend_from_slice(if *me { b"true" } else { b"false" }));
scalar!(
    i32,
    Kind::Int,
    st::Integer,
    Int,
    0,
    |value| expected(value.as_i64().and_then(|n| i32::try_from(n).ok()), Kind::Int),
    |me, out| out.extend_from_slice(me.to_string().as_bytes())
);
scalar!(
    Decimal,
    Kind::Decimal,
    st::Numeric,
    Decimal,
    Decimal::ZERO,
    |value| expected(value.as_str().and_then(decimal_from_text), Kind::Decimal),
    |me, out| write_decimal(*me, out)
);
scalar!(
    NaiveDate,
    Kind::Date,
    st::Date,
    Date,
    NaiveDate::default(),
    |value| expected(value.as_str().and_then(parse_date), Kind::Date),
    |me, out| write_date(*me, out)
);
scalar!(
    DateTime<Utc>,
    Kind::Time,
    st::Timestamptz,
    Time,
    DateTime::default(),
    |value| expected(value.as_str().and_then(parse_time), Kind::Time),
    |me, out| write_time(*me, out)
);

impl FieldType for Uuid {
    const KIND: Kind = Kind::Id(None);
    type Sql = st::Uuid;
    type Row = Uuid;
    fn empty() -> Self {
        Uuid::nil()
    }
    fn from_row(row: Uuid) -> deserialize::Result<Self> {
        Ok(row)
    }
    fn parse(value: &Value) -> Result<Self, String> {
        expected(value.as_str().and_then(parse_uuid), Kind::Id(None))
    }
    fn write(&self, out: &mut Vec<u8>) {
        let mut buffer = Uuid::encode_buffer();
        out.push(b'"');
        out.extend_from_slice(self.as_hyphenated().encode_lower(&mut buffer).as_bytes());
        out.push(b'"');
    }
    fn binds(&self, out: &mut Vec<Bind>) {
        out.push(Bind::Uuid(Some(*self)));
    }
    fn nulls(out: &mut Vec<Bind>) {
        out.push(Bind::Uuid(None));
    }
    fn uuid(&self) -> Option<Uuid> {
        Some(*self)
    }
}

/// Only the usual 36 characters: `urn:uuid:`, braces and bare digits would be several names for one thing.
pub(crate) fn parse_uuid(text: &str) -> Option<Uuid> {
    (text.len() == 36).then(|| Uuid::try_parse(text).ok()).flatten()
}

/// A date of the years 1 to 9999 as `YYYY-MM-DD`.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    // chrono takes signs and spaces where digits should be.
    let digits =
        text.bytes().enumerate().all(|(at, byte)| byte.is_ascii_digit() || (byte == b'-' && (at == 4 || at == 7)));
    let date = (text.len() == 10 && digits).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()?;
    (1..=9999).contains(&date.year()).then_some(date)
}

/// An RFC 3339 time with an offset, of the years 1 to 9999, with at most microseconds.
pub(crate) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let exact = time.trunc_subsecs(6) == time;
    ((1..=9999).contains(&time.year()) && exact).then_some(time)
}

/// At least two places, at most the four that are stored: `1234.50`, `0.1250`.
pub(crate) fn write_decimal(decimal: Decimal, out: &mut Vec<u8>) {
    let mut shown = decimal.normalize();
    if shown.scale() < 2 {
        shown.rescale(2);
    }
    out.push(b'"');
    out.extend_from_slice(shown.to_string().as_bytes());
    out.push(b'"');
}

impl<T: FieldType> FieldType for Option<T>
where
    Option<T::Row>: Sized,
    T::Sql: OptionSql,
{
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    type Sql = <T::Sql as OptionSql>::Sql;
    type Row = Option<T::Row>;
    fn empty() -> Self {
        None
    }
    fn from_row(row: Self::Row) -> deserialize::Result<Self> {
        row.map(T::from_row).transpose()
    }
    fn parse(value: &Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::parse(value).map(Some) }
    }
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
    fn binds(&self, out: &mut Vec<Bind>) {
        match self {
            Some(value) => value.binds(out),
            None => T::nulls(out),
        }
    }
    fn nulls(out: &mut Vec<Bind>) {
        T::nulls(out);
    }
    fn uuid(&self) -> Option<Uuid> {
        self.as_ref().and_then(T::uuid)
    }
}

/// The nullable form of a column type: `Nullable<_>`, and for money both of its columns.
pub trait OptionSql {
    /// That form.
    type Sql;
}

macro_rules! nullable { ($($type:ty),+) => { $( impl OptionSql for $type { type Sql = st::Nullable<$type>; } )+ } }
nullable!(st::Uuid, st::Text, st::Bool, st::Integer, st::Numeric, st::Date, st::Timestamptz, st::Jsonb);

/// diesel reads `Option<(A, B)>` as none when every column is NULL.
type MoneySql = (st::Numeric, st::Text);
impl OptionSql for MoneySql {
    type Sql = st::Nullable<MoneySql>;
}

impl FieldType for Money {
    const KIND: Kind = Kind::Money;
    type Sql = MoneySql;
    type Row = (Decimal, String);
    fn empty() -> Self {
        Money { amount: Decimal::ZERO, currency: Currency::EUR }
    }
    fn from_row((amount, currency): Self::Row) -> deserialize::Result<Self> {
        let currency = Currency::from_code(&currency).ok_or("unknown currency")?;
        Ok(Money { amount, currency })
    }
    fn parse(value: &Value) -> Result<Self, String> {
        let money = || {
            let object = value.as_object().filter(|object| object.len() == 2)?;
            let amount = decimal_from_text(object.get("amount")?.as_str()?)?;
            let currency = Currency::from_code(object.get("currency")?.as_str()?)?;
            Some(Money { amount, currency })
        };
        expected(money(), Kind::Money)
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"amount\":");
        write_decimal(self.amount, out);
        out.extend_from_slice(b",\"currency\":\"");
        out.extend_from_slice(self.currency.code().as_bytes());
        out.extend_from_slice(b"\"}");
    }
    fn binds(&self, out: &mut Vec<Bind>) {
        out.extend([Bind::Decimal(Some(self.amount)), Bind::Text(Some(self.currency.code().to_owned()))]);
    }
    fn nulls(out: &mut Vec<Bind>) {
        out.extend([Bind::Decimal(None), Bind::Text(None)]);
    }
}

impl FieldType for Currency {
    const KIND: Kind = Kind::Text;
    type Sql = st::Text;
    type Row = String;
    fn empty() -> Self {
        Currency::EUR
    }
    fn from_row(row: String) -> deserialize::Result<Self> {
        Currency::from_code(&row).ok_or_else(|| "unknown currency".into())
    }
    fn parse(value: &Value) -> Result<Self, String> {
        let currency = value.as_str().and_then(Currency::from_code);
        currency.ok_or_else(|| "an ISO 4217 currency code in capitals, such as EUR".into())
    }
    fn write(&self, out: &mut Vec<u8>) {
        json(&self.code(), out);
    }
    fn binds(&self, out: &mut Vec<Bind>) {
        out.push(Bind::Text(Some(self.code().to_owned())));
    }
    fn nulls(out: &mut Vec<Bind>) {
        out.push(Bind::Text(None));
    }
}

/// JSON of a form that the resource's own rules check: custom fields, the grants of a role. Never JSON null.
#[derive(Clone, Debug, PartialEq)]
pub struct Custom(pub Value);

impl Default for Custom {
    fn default() -> Self {
        Custom(Value::Object(serde_json::Map::new()))
    }
}

/// Every text in it, names too, as texts are kept elsewhere.
fn cleaned(value: &Value) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(text::clean(text)?),
        Value::Array(list) => Value::Array(list.iter().map(cleaned).collect::<Result<_, _>>()?),
        Value::Object(object) => {
            let member = |(name, value): (&String, &Value)| Ok((text::clean(name)?, cleaned(value)?));
            Value::Object(object.iter().map(member).collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

impl FieldType for Custom {
    const KIND: Kind = Kind::Json;
    type Sql = st::Jsonb;
    type Row = Value;
    fn empty() -> Self {
        Custom::default()
    }
    fn from_row(row: Value) -> deserialize::Result<Self> {
        Ok(Custom(row))
    }
    fn parse(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(_) | Value::Array(_) => cleaned(value).map(Custom),
            _ => Err("a JSON object or list".into()),
        }
    }
    fn write(&self, out: &mut Vec<u8>) {
        json(&self.0, out);
    }
    fn binds(&self, out: &mut Vec<Bind>) {
        out.push(Bind::Json(Some((&self.0).into())));
    }
    fn nulls(out: &mut Vec<Bind>) {
        out.push(Bind::Json(None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_read_exactly_or_refused() {
        assert!(
            parse_date("2026-02-30").is_none()
                && parse_date("0000-01-01").is_none()
                && parse_date("2026-1-1").is_none()
        );
        assert!(parse_time("2026-01-01T00:00:00+99:99").is_none() && parse_time("2026-01-01 00:00").is_none());
        assert!(parse_time("2026-01-01T00:00:00.0000001Z").is_none());
        assert!(parse_uuid("{018f0000-0000-7000-8000-000000000000}").is_none());
        assert!(i32::parse(&json!(2_147_483_648_i64)).is_err() && i32::parse(&json!(1.5)).is_err());
        assert!(Money::parse(&json!({"amount": "1", "currency": "EUR", "x": 1})).is_err());
        assert!(Money::parse(&json!({"amount": 1, "currency": "EUR"})).is_err());
        assert!(String::parse(&json!("a\u{0}")).is_err());
        assert!(Custom::parse(&json!({"a": [{"b\u{0}": 1}]})).is_err() && Custom::parse(&json!(["\u{0}"])).is_err());
        assert_eq!(Custom::parse(&json!({"a": "e\u{301}"})), Ok(Custom(json!({"a": "é"}))));
    }

    #[test]
    fn decimals_show_two_to_four_places() {
        for (text, expected) in
            [("5", "\"5.00\""), ("5.1250", "\"5.125\""), ("0.1234", "\"0.1234\""), ("-0.5", "\"-0.50\"")]
        {
            let mut out = Vec::new();
            write_decimal(decimal_from_text(text).unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
