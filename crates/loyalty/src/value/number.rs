//! From models, which count in binary, to what is stored, which is exact.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value};

/// With the four decimal places that are stored; none for what is no number, or one too large to be an amount.
pub(crate) fn decimal(value: f64) -> Option<Decimal> {
    let fits = value.is_finite() && value.abs() < 1e14;
    let scaled = fits.then(|| (value * 1e4).round_ties_even().to_i64()).flatten()?;
    Some(Decimal::new(scaled, 4))
}

/// As near as it gets.
pub(crate) fn real(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

/// As decimals stand in answers.
pub(crate) fn text(value: Decimal) -> String {
    value.normalize().to_string()
}

/// The same of a number; none for what is none.
pub(crate) fn shown(value: f64) -> Option<String> {
    decimal(value).map(text)
}

/// An object with what is known; what is not is left out. There is one in every row of every customer.
pub(crate) fn known<const N: usize>(parts: [(&str, Option<Value>); N]) -> Value {
    let known = parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect::<Map<_, _>>())
}
