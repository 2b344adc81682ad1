//! From models, which count in binary, to what is stored, which is exact.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

/// With the four decimal places that are stored; none for what is no number, or one too large to be an amount.
pub(crate) fn decimal(value: f64) -> Option<Decimal> {
    let fits = value.is_finite() && value.abs() < 1e14;
    fits.then(|| Decimal::from_f64(value)).flatten().map(|value| value.round_dp(4))
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
