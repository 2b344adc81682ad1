//! What is learned of silence and of leaving from what customers did: where silence begins, and the churn model.

use super::relationship::whole;
use chrono::{Days, NaiveDate};
use diesel::PgConnection;
use kith_kernel::{Bind, Cx, Result};
use kith_lifecycle::model;
use kith_lifecycle::rules::risk::{Features, Trained, train};
use kith_loyalty::value::facts::{self, Occasion};
use kith_loyalty::value::model::PurchaseKind;
use kith_statistics::{
    DAYS_PER_WEEK, FitOptions, Histories, History, Kind, Model, fit, patience, quantile, typical_gap,
};

/// Days after which a churn model is trained again, and before which a purchase model is not.
pub(super) const WEEK: Days = Days::new(7);
/// The share of the customers whose horizon a churn model looks ahead for, and the longest that it does, in days.
const MOST_CUSTOMERS: f64 = 0.9;
const YEAR: i32 = 365;
const HALF: i32 = 182;
/// The share of the gaps that are no silence, and how many gaps tell where it ends.
const NEARLY_ALL: f64 = 0.95;
const ENOUGH_GAPS: usize = 1_000;
/// Customers that a churn model learns from.
pub(super) const SAMPLE: usize = 200_000;

/// What a customer looked like at the end of a day, by what had happened until then. `model`: the purchase model of all
/// customers, as it could be known then.
pub(super) fn features(occasions: &[Occasion], day: i32, median_gap: f64, model: Option<&Model>) -> Features {
    let until = occasions.get(..occasions.partition_point(|one| one.day <= day)).unwrap_or_default();
    let since = |of: Option<&Occasion>| of.map_or(0, |of| u32::try_from(day - of.day).unwrap_or(0));
    let gaps: Vec<f64> = until.iter().zip(until.iter().skip(1)).map(|(a, b)| f64::from(b.day - a.day)).collect();
    let typical_gap = typical_gap(&gaps, median_gap).max(1.0);
    let year = || until.iter().filter(|one| one.day > day - YEAR);
    let (booked, discounted) = year().fold((0.0, 0.0), |(booked, discounted), one| {
        (booked + f64::from(one.booked), discounted + f64::from(one.discounted))
    });
    let (occasions, recency, age) = (until.len(), since(until.last()), since(until.first()));
    let repeats = u32::try_from(occasions).ok().and_then(|occasions| occasions.checked_sub(1));
    let weeks = |days: u32| f64::from(days) / DAYS_PER_WEEK;
    let history = repeats.map(|repeats| History { repeats, last: weeks(age.saturating_sub(recency)), age: weeks(age) });
    Features {
        occasions: u32::try_from(occasions).unwrap_or(u32::MAX),
        recency,
        age,
        typical_gap,
        spend: year().map(|one| one.net).sum(),
        trend: trend(until, day),
        discount_share: (booked > 0.0).then(|| discounted / booked),
        p_buy: model.zip(history).map(|(model, history)| model.p_buy(&history, patience(typical_gap) / DAYS_PER_WEEK)),
        ..Features::default()
    }
}

/// How the margin of the last half-year stands to that of the one before: from -1, nothing any more, to 1, nothing before. Of a
/// customer of a year at least.
fn trend(until: &[Occasion], day: i32) -> Option<f64> {
    until.first().filter(|first| first.day <= day - YEAR)?;
    let margin = |from: i32, to: i32| -> f64 {
        until.iter().filter(|one| one.day > from && one.day <= to).map(|one| one.margin.max(0.0)).sum()
    };
    let (before, now) = (margin(day - YEAR, day - HALF), margin(day - HALF, day));
    (before + now > 0.0).then(|| (now - before) / (now + before))
}

/// The purchase model as it could be known at the end of a day.
fn known(customers: &[Vec<Occasion>], day: i32, kind: Kind) -> Option<Model> {
    let history = |occasions: &Vec<Occasion>| {
        let days: Vec<i32> = occasions.iter().map(|one| one.day).collect();
        Some((History::from_days(&days, day)?, 1))
    };
    let histories = Histories::counted(customers.iter().filter_map(history)).ok()?;
    Some(fit(&histories, &FitOptions { kind, ..FitOptions::default() }).ok()?.model)
}

/// How long nineteen of twenty gaps between purchases are at most, in typical gaps of their customers; none of too few gaps.
pub(super) fn silence(customers: &[Vec<Occasion>], median_gap: f64) -> Option<f64> {
    let of_one = |occasions: &Vec<Occasion>| {
        let days = occasions.iter().map(|occasion| f64::from(occasion.day));
        let gaps: Vec<f64> = days.clone().zip(days.skip(1)).map(|(a, b)| b - a).collect();
        let typical = typical_gap(&gaps, median_gap).max(1.0);
        gaps.into_iter().map(move |gap| gap / typical)
    };
    let all: Vec<f64> = customers.iter().flat_map(of_one).collect();
    quantile(&all, NEARLY_ALL).filter(|_| all.len() >= ENOUGH_GAPS)
}

/// A churn model that was trained, and on what.
#[derive(Debug)]
pub(super) struct Study {
    trained: Trained,
    window: model::Window,
}

impl Study {
    pub(super) fn keep(&self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        model::record(conn, cx, &self.trained, &self.window).map(drop)
    }
}

/// What a churn model learns from what customers did, unless one was trained within a week: as they were two horizons ago, and
/// tried on how they were one horizon ago. Each is asked what it will be asked of them, whether they buy within a horizon of
/// their own; the horizon between the days is that of nine customers in ten, at most a year, and who has a longer one is left
/// out, since nobody knows yet.
pub(super) fn study(
    conn: &mut PgConnection,
    cx: &Cx,
    customers: &[Vec<Occasion>],
    (median_gap, kind): (f64, PurchaseKind),
    as_of: NaiveDate,
) -> Result<Option<Study>> {
    let recent = kith_journal::store::rows::<kith_lifecycle::ChurnModel>(conn, cx, |out| {
        out.sql(" AND t.later_cut_off + t.horizon_days > ").bind(Bind::Date(Some(as_of - WEEK))).sql(" LIMIT 1");
    })?;
    if !recent.is_empty() {
        return Ok(None);
    }
    let today = facts::number(as_of);
    let ahead = |row: &Features| whole(patience(row.typical_gap));
    let horizons: Vec<f64> =
        customers.iter().map(|occasions| f64::from(ahead(&features(occasions, today, median_gap, None)))).collect();
    let span = quantile(&horizons, MOST_CUSTOMERS).map_or(YEAR, |days| whole(days).min(YEAR));
    let at = |cut: i32| -> (Vec<Features>, Vec<bool>) {
        let model = known(customers, cut, kind.fitted());
        let present = customers.iter().filter(|occasions| occasions.first().is_some_and(|first| first.day <= cut));
        let row = |occasions: &Vec<Occasion>| {
            let row = features(occasions, cut, median_gap, model.as_ref());
            let until = cut + ahead(&row);
            // Who was lost already tells nothing about who will be.
            let counts = f64::from(row.recency) < patience(row.typical_gap) && until <= cut + span;
            counts.then(|| (row, !occasions.iter().any(|one| one.day > cut && one.day <= until)))
        };
        present.filter_map(row).unzip()
    };
    let ((rows, labels), (later, later_labels)) = (at(today - 2 * span), at(today - span));
    let trained = train(&rows, &labels, &later, &later_labels);
    let first = customers.iter().filter_map(|occasions| occasions.first()).map(|one| one.day).min().unwrap_or(today);
    let window = model::Window {
        from: facts::day(first),
        cut_off: facts::day(today - 2 * span),
        later_cut_off: facts::day(today - span),
        horizon_days: span,
    };
    Ok(Some(Study { trained, window }))
}
