//! When a customer buys next (D11): by his own rhythm, or by the purchase model; whichever was nearer to the last purchases of
//! those who have a rhythm.

use super::assess::{Base, Judge, gaps};
use super::borders::real as counted;
use super::clv::NextPurchaseRule;
use super::facts::{self, Facts, Occasion};
use super::number::decimal;
use super::purchase::Purchase;
use chrono::NaiveDate;
use kith_statistics::{self as statistics, DAYS_PER_WEEK, History, Model};
use serde::{Deserialize, Serialize};

/// Weeks beyond which no next purchase is named, and days beyond which no latest one is.
const TWO_YEARS: f64 = 104.0;
const TEN_YEARS: i32 = 3_653;
/// Customers with a rhythm that the rules are compared on, and fewest of them.
const SAMPLE: usize = 20_000;
const LEAST: usize = 30;

/// How far the rules were off the last purchases of customers who had a rhythm before: mean absolute days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextErrors {
    /// Customers.
    pub customers: u64,
    /// Off by the rule of the rhythm.
    pub rhythm: f64,
    /// Off by the purchase model.
    pub model: f64,
}

/// When the next purchase is expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    /// The day; none: nothing names one.
    pub on: Option<NaiveDate>,
    /// One in ten comes before.
    pub from: Option<NaiveDate>,
    /// One in ten comes after.
    pub to: Option<NaiveDate>,
    /// What names it.
    pub rule: Option<NextPurchaseRule>,
}

/// Compares the rules: each foretells the last purchase from what was known at the one before. None without a model, and of
/// too few who had a rhythm.
pub fn compare(customers: &[Vec<Occasion>], purchase: Option<&Purchase>, peers: f64) -> Option<NextErrors> {
    let model = &purchase?.model;
    let errors = customers.iter().filter_map(|occasions| off(occasions, model, peers)).take(SAMPLE);
    let errors: Vec<[f64; 2]> = errors.collect();
    let mean = |at: usize| errors.iter().filter_map(|error| error.get(at)).sum::<f64>() / counted(errors.len());
    let customers = u64::try_from(errors.len()).unwrap_or(u64::MAX);
    (errors.len() >= LEAST).then(|| NextErrors { customers, rhythm: mean(0), model: mean(1) })
}

/// Days that the rhythm and the model are off the last purchase; none of customers who had no rhythm before it.
fn off(occasions: &[Occasion], model: &Model, peers: f64) -> Option<[f64; 2]> {
    let (last, before) = occasions.split_last()?;
    let due = statistics::due(&gaps(before), peers).ok().filter(|due| due.regular)?;
    let days: Vec<i32> = before.iter().map(|occasion| occasion.day).collect();
    let now = *days.last()?;
    let came = f64::from(last.day - now);
    let history = History::from_days(&days, now)?;
    let foretold = model.next_purchase(&history, TWO_YEARS).median.unwrap_or(TWO_YEARS) * DAYS_PER_WEEK;
    Some([(due.after - came).abs(), (foretold - came).abs()])
}

impl Judge<'_> {
    /// The next purchase of a customer.
    pub(super) fn next_purchase(&self, facts: &Facts, base: &Base) -> Next {
        let by_rhythm = || self.by_rhythm(facts);
        let by_model = || self.by_model(base);
        // Where nothing was compared, who has a rhythm is taken to keep it.
        let is_better = self.borders.next.is_none_or(|errors| errors.rhythm <= errors.model);
        let found = if is_better { by_rhythm().or_else(by_model) } else { by_model().or_else(by_rhythm) };
        found.unwrap_or_default()
    }

    /// Only of those who have a rhythm. After it was broken it names a day that is gone: then none.
    fn by_rhythm(&self, facts: &Facts) -> Option<Next> {
        let due = statistics::due(&facts.gaps(), self.borders.gap).ok().filter(|due| due.regular)?;
        let last = facts.occasions.last()?.day;
        let day = |after: f64| facts::day(last.saturating_add(whole(after)));
        let on = Some(day(due.after)).filter(|on| *on > self.as_of)?;
        // What has not come yet does not come before tomorrow.
        let from = day(due.earliest).max(facts::day(facts::number(self.as_of).saturating_add(1)));
        let to = day(due.latest).max(on);
        Some(Next { on: Some(on), from: Some(from.min(on)), to: Some(to), rule: Some(NextPurchaseRule::Rhythm) })
    }

    fn by_model(&self, base: &Base) -> Option<Next> {
        let (purchase, (history, _)) = self.purchase(base).zip(base.history())?;
        let today = facts::number(self.as_of);
        let day = |weeks: f64| {
            let days = whole(weeks * DAYS_PER_WEEK);
            (days <= TEN_YEARS).then(|| facts::day(today.saturating_add(days)))
        };
        let on = day(purchase.model.next_purchase(&history, TWO_YEARS).median?)?;
        let at = |part: f64| purchase.model.waiting(&history, part).and_then(day);
        Some(Next { on: Some(on), from: at(0.1), to: at(0.9), rule: Some(NextPurchaseRule::Model) })
    }
}

/// Days, rounded up.
fn whole(days: f64) -> i32 {
    decimal(days.ceil()).and_then(|days| i32::try_from(days).ok()).unwrap_or(i32::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kith_statistics::{GammaGamma, SpendFit};

    /// Customers who buy every so many days, and once more after so many.
    fn customers(gap: i32, last: i32) -> Vec<Vec<Occasion>> {
        let days = (0..6).map(|at| at * gap).chain([5 * gap + last]);
        let one: Vec<Occasion> = days.map(|day| Occasion { day, ..Occasion::default() }).collect();
        vec![one; 40]
    }

    fn purchase() -> Purchase {
        let model = Model::known("BG/NBD", &[0.25, 4.4, 0.8, 2.4]).unwrap();
        Purchase {
            id: uuid::Uuid::nil(),
            model,
            spends: SpendFit::known(GammaGamma { p: 6.0, q: 4.0, gamma: 15.0 }, 30.0),
        }
    }

    #[test]
    fn the_rules_are_held_against_the_last_purchases() {
        let purchase = purchase();
        let kept = compare(&customers(20, 20), Some(&purchase), 20.0).unwrap();
        assert!(kept.customers == 40 && kept.rhythm < 1e-9 && kept.model > 0.0, "{kept:?}");
        // Had they come when the model says, it would win.
        let history = History::from_days(&[0, 20, 40, 60, 80, 100], 100).unwrap();
        let median = purchase.model.next_purchase(&history, TWO_YEARS).median.unwrap() * DAYS_PER_WEEK;
        let broken = compare(&customers(20, whole(median)), Some(&purchase), 20.0).unwrap();
        assert!(broken.model < 1.0 && broken.rhythm > broken.model, "{broken:?}");
        assert_eq!(compare(&customers(20, 20)[..10], Some(&purchase), 20.0), None, "too few");
        assert_eq!(compare(&customers(20, 20), None, 20.0), None);
    }

    #[test]
    fn half_wait_for_the_median() {
        let model = purchase().model;
        let history = History::from_days(&[0, 20, 40], 50).unwrap();
        let at = |part| model.waiting(&history, part).unwrap();
        assert!((at(0.5) - model.next_purchase(&history, f64::INFINITY).median.unwrap()).abs() < 1e-9);
        assert!(at(0.1) < at(0.5) && at(0.5) < at(0.9));
        assert_eq!([model.waiting(&history, 1.0), model.waiting(&history, -0.1)], [None, None]);
    }
}
