//! Exchange rates: they need more places than amounts have.

use crate::{Bind, FieldType, Kind};
use diesel::{deserialize, sql_types as st};
use rust_decimal::Decimal;
use serde_json::Value;

/// A positive factor with up to twelve digits before and after the point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate(pub Decimal);

impl Rate {
    fn from_text(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let plain = |part: &str| (1..=12).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        let rate: Decimal = text.parse().ok().filter(|_| plain(whole) && plain(fraction))?;
        (!rate.is_zero()).then_some(Rate(rate))
    }
}

impl FieldType for Rate {
    const KIND: Kind = Kind::Rate;
    type Sql = st::Numeric;
    type Row = Decimal;
    fn empty() -> Self {
        Rate(Decimal::ONE)
    }
    fn from_row(row: Decimal) -> deserialize::Result<Self> {
        Ok(Rate(row))
    }
    fn parse(value: &Value) -> Result<Self, String> {
        value.as_str().and_then(Rate::from_text).ok_or_else(|| Kind::Rate.expects())
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.0.normalize().to_string().as_bytes());
        out.push(b'"');
    }
    fn binds(&self, out: &mut Vec<Bind>) {
        out.push(Bind::Decimal(Some(self.0)));
    }
    fn nulls(out: &mut Vec<Bind>) {
        out.push(Bind::Decimal(None));
    }
}
