//! What makes a customer stay, weighted by where the relationship stands: satisfaction counts most early, trust in the
//! middle, switching cost later, perceived value throughout. Pure.

use super::evidence::LoyaltyEvidenceKind as Kind;
use super::layer::Evidence;
use super::rules::points;
use crate::value::number::{known, shown};
use kith_kernel::text_enum;
use kith_statistics::Anchors;
use rust_decimal::Decimal;
use serde_json::{Value, json};

text_enum! {
    /// What makes a customer stay.
    pub enum LoyaltyDriver {
        /// What it gets for what it pays.
        PerceivedValue = "PERCEIVED_VALUE",
        /// How satisfied it is.
        Satisfaction = "SATISFACTION",
        /// Whether we keep what we promise.
        Trust = "TRUST",
        /// What leaving would cost it.
        SwitchingCost = "SWITCHING_COST",
    }
}

/// Promises that tell something.
const LEAST_PROMISES: i64 = 3;
/// Drivers that tell something together.
const LEAST_DRIVERS: usize = 2;

/// Promises made and kept, and what binds a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bonds {
    /// Deliveries that were due, and those of them that came in time.
    pub deliveries: (i64, i64),
    /// Invoices, and those of them that had to be voided.
    pub invoices: (i64, i64),
    /// Months that the longest running contract still has; none without one.
    pub contract_months: Option<f64>,
    /// Products that it bought within a year or has a contract for.
    pub products: i64,
}

/// A driver of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Driver {
    /// Which one.
    pub kind: LoyaltyDriver,
    /// 0 to 100; none where it is not known.
    pub value: Option<Decimal>,
    /// How much it counts at this stage.
    pub weight: i64,
    /// What it rests on.
    pub evidence: Value,
    /// Why it is not known.
    pub missing: Option<&'static str>,
}

/// The drivers and their weighted mean, which needs two of them.
pub fn drivers(evidence: &Evidence, bonds: &Bonds, stage: Option<&str>) -> (Vec<Driver>, Option<Decimal>) {
    let found = [
        (LoyaltyDriver::PerceivedValue, perceived_value(evidence), "NO_ANSWERS"),
        (LoyaltyDriver::Satisfaction, satisfaction(evidence), "NO_ANSWERS"),
        (LoyaltyDriver::Trust, trust(bonds), "TOO_FEW_PROMISES"),
        (LoyaltyDriver::SwitchingCost, switching_cost(bonds), "NO_CONTRACTS_OR_PRODUCTS"),
    ];
    let all: Vec<Driver> = found
        .into_iter()
        .map(|(kind, (value, evidence), code)| {
            let value = value.and_then(points);
            Driver { kind, value, weight: weight(kind, stage), evidence, missing: value.is_none().then_some(code) }
        })
        .collect();
    let known = all.iter().filter_map(|driver| Some((Decimal::from(driver.weight), driver.value?)));
    let (count, sum, weights) = known
        .fold((0_usize, Decimal::ZERO, Decimal::ZERO), |(count, sum, all), (weight, value)| {
            (count.saturating_add(1), sum + weight * value, all + weight)
        });
    let index = (count >= LEAST_DRIVERS).then(|| sum.checked_div(weights)).flatten();
    (all, index.map(|index| index.round_dp(2)))
}

/// Per cent of all four.
fn weight(kind: LoyaltyDriver, stage: Option<&str>) -> i64 {
    let foremost = match stage {
        Some("EXPLORATION") => LoyaltyDriver::Satisfaction,
        Some("FORMATION") => LoyaltyDriver::Trust,
        Some("STABILITY") => LoyaltyDriver::SwitchingCost,
        _ => return 25,
    };
    match kind {
        LoyaltyDriver::PerceivedValue => 30,
        kind if kind == foremost => 40,
        _ => 15,
    }
}

fn average(parts: &[Option<f64>]) -> Option<f64> {
    let (count, sum) =
        parts.iter().flatten().fold((0_u32, 0.0), |(count, sum), part| (count.saturating_add(1), sum + part));
    (count > 0).then(|| sum / f64::from(count))
}

/// An answer of 1 to 5 as points.
fn of_five(mean: f64) -> f64 {
    25.0 * (mean - 1.0)
}

fn perceived_value(evidence: &Evidence) -> (Option<f64>, Value) {
    let of = |kind| evidence.mean(kind).map(|(_, mean)| mean);
    let (quality, price) = (of(Kind::QualityAnswer), of(Kind::PriceAnswer));
    let value = average(&[quality.map(of_five), price.map(of_five)]);
    let told = |mean: Option<f64>| mean.and_then(shown).map(Value::from);
    (value, known([("quality", told(quality)), ("price", told(price))]))
}

fn satisfaction(evidence: &Evidence) -> (Option<f64>, Value) {
    let answered = evidence.mean(Kind::Satisfaction);
    let tone = evidence.tone().filter(|(count, _)| *count >= 2);
    // What it said of its satisfaction is better than what its words sound like.
    let value = answered.map(|(_, mean)| of_five(mean)).or(tone.map(|(_, mean)| 50.0 * (mean + 1.0)));
    let told = |pair: Option<(u32, f64)>| pair.and_then(|(_, mean)| shown(mean)).map(Value::from);
    (value, known([("satisfaction", told(answered)), ("sentiment", told(tone))]))
}

fn trust(bonds: &Bonds) -> (Option<f64>, Value) {
    let ((due, kept), (invoices, void)) = (bonds.deliveries, bonds.invoices);
    let share =
        |part: i64, whole: i64| Decimal::from(part).checked_div(Decimal::from(whole)).map(crate::value::number::real);
    let (in_time, right) = (share(kept, due), share(invoices.saturating_sub(void), invoices));
    let value = average(&[in_time, right]).filter(|_| due.saturating_add(invoices) >= LEAST_PROMISES);
    let told = json!({"deliveriesDue": due, "deliveriesInTime": kept, "invoices": invoices, "invoicesVoid": void});
    (value.map(|share| 100.0 * share), told)
}

fn switching_cost(bonds: &Bonds) -> (Option<f64>, Value) {
    let scale = |full: f64, value: f64| Anchors::new(vec![(0.0, 0.0), (full, 100.0)]).ok()?.score(value);
    let months = bonds.contract_months.and_then(|months| scale(12.0, months));
    let products = u32::try_from(bonds.products).ok().filter(|count| *count > 0);
    let contract = bonds.contract_months.and_then(shown).map(Value::from);
    let told = known([("contractMonths", contract), ("products", Some(bonds.products.into()))]);
    (average(&[months, products.and_then(|count| scale(5.0, f64::from(count)))]), told)
}

#[cfg(test)]
mod tests {
    use super::super::layer::Answer;
    use super::*;

    #[test]
    fn the_stage_says_what_counts() {
        let on = chrono::NaiveDate::default();
        let answer = |kind, value| Answer { kind, value, on };
        let answers = vec![answer(Kind::Satisfaction, 5.0), answer(Kind::PriceAnswer, 3.0)];
        let evidence = Evidence { answers, ..Evidence::default() };
        let bonds = Bonds { deliveries: (4, 1), contract_months: Some(3.0), ..Bonds::default() };
        let of = |stage| drivers(&evidence, &bonds, stage).1.unwrap();
        // 50, 100, 25 and 25 points.
        assert_eq!(of(Some("EXPLORATION")), Decimal::new(625, 1));
        assert_eq!(of(Some("FORMATION")), Decimal::new(4375, 2));
        assert_eq!(of(Some("STABILITY")), Decimal::new(4375, 2));
        assert_eq!(of(None), Decimal::from(50));
        for stage in ["EXPLORATION", "FORMATION", "STABILITY", "ENDED"] {
            let (all, _) = drivers(&evidence, &bonds, Some(stage));
            assert_eq!(all.iter().map(|driver| driver.weight).sum::<i64>(), 100);
        }
    }

    #[test]
    fn what_is_unknown_stays_unknown() {
        let (all, index) = drivers(&Evidence::default(), &Bonds { deliveries: (2, 2), ..Bonds::default() }, None);
        assert!(all.iter().all(|driver| driver.value.is_none() && driver.missing.is_some()), "{all:?}");
        assert_eq!(index, None);
    }
}
