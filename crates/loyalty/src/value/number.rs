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

/// A bound that does not tell the number it is made of: the next step above or below it, of steps of its second digit.
pub(crate) fn beyond(value: f64, is_above: bool) -> f64 {
    if value == 0.0 {
        return value;
    }
    let step = 10_f64.powf(value.abs().log10().floor() - 1.0);
    let step = if value.abs() >= 1.0 { step.max(1.0) } else { step };
    let steps = value / step;
    step * if is_above { steps.floor() + 1.0 } else { steps.ceil() - 1.0 }
}

/// An object with what is known; what is not is left out. There is one in every row of every customer.
pub(crate) fn known<const N: usize>(parts: [(&str, Option<Value>); N]) -> Value {
    let known = parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_near_and_never_the_number() {
        let near = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} is not {wanted}");
        for (value, above, below) in [
            (80.0, 81.0, 79.0),
            (1_234.5, 1_300.0, 1_200.0),
            (5.0, 6.0, 4.0),
            (0.123, 0.13, 0.12),
            (-80.0, -79.0, -81.0),
        ] {
            near(beyond(value, true), above);
            near(beyond(value, false), below);
        }
        near(beyond(0.0, true), 0.0);
    }
}
