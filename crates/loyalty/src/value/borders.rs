//! What was learned from all customers together: the scales, means and cuts against which each is measured until the next
//! run. A customer who is computed alone between two runs stands exactly where the run would have put him.

use super::affinity::Affinity;
use super::contract::Lasting;
use super::fit::Fit;
use super::indicator::{IndicatorSource, Measure};
use super::next_purchase::NextErrors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A border that nobody reaches: no amount is as large.
pub const UNREACHED: f64 = 1e18;
/// Points that a scale keeps; with fewer customers it keeps them all.
const KEPT: usize = 1_001;

/// How the values of a group lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scale(Vec<f64>);

impl Scale {
    /// Of the values of a group.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        if values.len() > KEPT {
            let last = values.len() - 1;
            let kept = (0..KEPT).filter_map(|at| values.get(at * last / (KEPT - 1)).copied());
            values = kept.collect();
        }
        Scale(values)
    }

    /// Per cent of the others that lie strictly below; none where there are no others.
    pub fn percentile(&self, value: f64) -> Option<f64> {
        let others = self.0.len().checked_sub(1).filter(|others| *others > 0)?;
        let below = self.0.partition_point(|other| *other < value).min(others);
        Some(100.0 * real(below) / real(others))
    }

    /// The least value with at least so many per cent of the others below it; none where nobody has it.
    pub fn at_least(&self, percentile: f64) -> Option<f64> {
        self.0.iter().copied().find(|value| self.percentile(*value).is_some_and(|reached| reached >= percentile))
    }

    /// The largest value with at most so many per cent of the others below it; none where nobody has it.
    pub fn at_most(&self, percentile: f64) -> Option<f64> {
        self.0.iter().rev().copied().find(|value| self.percentile(*value).is_some_and(|reached| reached <= percentile))
    }

    /// The middle.
    pub fn median(&self) -> Option<f64> {
        kith_statistics::median(&self.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A count as a number to calculate with.
pub(crate) fn real(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// What a run learned. Amounts are in the reporting currency.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Borders {
    /// The run that learned it.
    pub run: uuid::Uuid,
    /// Customers with a purchase in the window.
    pub active: u64,
    /// Median of the customers' own gaps, in days.
    pub gap: f64,
    /// How long nineteen of twenty gaps are at most, in typical gaps of their customers; none of too few.
    pub silence: Option<f64>,
    /// How far the rules for the next purchase were off; none where they could not be compared.
    pub next: Option<NextErrors>,
    /// Margin of all revenue, as a share.
    pub margin: f64,
    /// Share of those who bought in the year before the last that bought in the last, too.
    pub retention: Option<f64>,
    /// What the most a group of peers spends a year, by industry and size.
    pub wallets: BTreeMap<String, f64>,
    /// How long subscriptions last.
    pub contracts: Lasting,
    /// Gaps to the wallet, in money.
    pub wallet_gap: Scale,
    /// Which families of products are owned together.
    pub affinity: Affinity,
    /// White space, in money.
    pub white_space: Scale,
    /// Margin expected next year over that of the last.
    pub trend: Scale,
    /// Open pipeline.
    pub pipeline: Scale,
    /// Measures of the active customers.
    pub sources: BTreeMap<String, Scale>,
    /// Mean points of each indicator, by its code.
    pub means: BTreeMap<String, f64>,
    /// For recency (negative days), frequency and revenue: the least value of the scores 2 to 5.
    pub rfm: [Vec<f64>; 3],
    /// The last customers of the classes A and B: their revenue and, among equals, their ids.
    pub abc: [(f64, uuid::Uuid); 2],
    /// The least score (or revenue, where contribution counts) of the layers TOP, LARGE and MEDIUM.
    pub layers: [f64; 3],
    /// From where present value is high.
    pub value_cut: f64,
    /// From where potential is high.
    pub potential_cut: f64,
    /// What those who never bought are measured against.
    pub fit: Fit,
    /// What loyalty is measured against.
    pub loyalty: crate::standing::Peers,
}

impl Borders {
    /// As JSON, in which no number loses its last bit: a customer on a border would else fall to the other side of it.
    pub fn kept(&self) -> Value {
        frozen(serde_json::to_value(self).unwrap_or_default())
    }

    /// From JSON.
    pub fn read(value: Value) -> Option<Self> {
        serde_json::from_value(thawed(value)).ok()
    }

    /// The scale of a measure of the model's window.
    pub fn scale(&self, source: IndicatorSource) -> Option<&Scale> {
        self.scale_of((source, None))
    }

    /// The scale of a measure.
    pub fn scale_of(&self, measure: Measure) -> Option<&Scale> {
        self.sources.get(&key(measure))
    }

    /// The RFM score of a value: 1 and one more for each border that it reaches.
    pub fn rfm(&self, axis: usize, value: f64) -> i32 {
        let reached = self.rfm.get(axis).map_or(0, |borders| borders.iter().filter(|border| value >= **border).count());
        1 + i32::try_from(reached).unwrap_or(0)
    }
}

/// What the scale of a measure is kept by.
pub(crate) fn key((source, window): Measure) -> String {
    window.map_or_else(|| source.as_str().to_owned(), |days| format!("{}:{days}", source.as_str()))
}

/// The least value of each score above the lowest, where scores rise with values.
pub(crate) fn least(values: &[f64], scores: &[u8]) -> Vec<f64> {
    let of = |score: u8| {
        let those = values.iter().zip(scores).filter(move |(_, other)| **other >= score);
        those.map(|(value, _)| *value).min_by(f64::total_cmp).unwrap_or(UNREACHED)
    };
    (2..=5).map(of).collect()
}

/// Fractions as texts.
fn frozen(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::String(number.to_string()),
        Value::Array(all) => all.into_iter().map(frozen).collect(),
        Value::Object(all) => all.into_iter().map(|(name, value)| (name, frozen(value))).collect(),
        other => other,
    }
}

/// The fractions back, read to their last bit, as the standard library does and JSON readers do not.
fn thawed(value: Value) -> Value {
    match value {
        Value::String(text) => match text.parse::<f64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::String(text),
        },
        Value::Array(all) => all.into_iter().map(thawed).collect(),
        Value::Object(all) => all.into_iter().map(|(name, value)| (name, thawed(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::families::Family;
    use super::*;

    #[test]
    fn what_is_kept_is_read_to_the_last_bit() {
        let values: Vec<f64> = (1..2_000).map(|at| 1.0 / f64::from(at) + 1e-9 * f64::from(at)).collect();
        let borders = Borders {
            run: uuid::Uuid::from_u128(7),
            active: 3,
            trend: Scale::of(values),
            layers: [0.1 + 0.2, UNREACHED, -1.0 / 3.0],
            ..Borders::default()
        };
        let text = borders.kept().to_string();
        assert_eq!(Borders::read(serde_json::from_str(&text).unwrap()).as_ref(), Some(&borders));
    }

    #[test]
    fn which_families_are_owned_together_is_kept_and_may_be_missing() {
        let family = |number| Family { id: uuid::Uuid::from_u128(number), margin: 1.0 / 3.0 };
        let affinity = Affinity::learn(&[family(1), family(2)], [0b11, 0b01].into_iter());
        let borders = Borders { affinity, white_space: Scale::of(vec![0.1, 0.2]), ..Borders::default() };
        let mut kept = borders.kept();
        assert_eq!(Borders::read(kept.clone()).as_ref(), Some(&borders));
        assert!(borders.affinity.white_space(0b01).is_some());
        // A run of an earlier version did not know of it.
        kept.as_object_mut().unwrap().retain(|name, _| !["affinity", "whiteSpace"].contains(&name.as_str()));
        let earlier = Borders::read(kept).unwrap();
        assert_eq!((earlier.affinity.white_space(0b01), earlier.white_space.is_empty()), (None, true));
    }
}
