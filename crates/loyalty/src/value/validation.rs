//! How well a purchase model foretells (D8): fitted once more to what was known some time ago and held against what came
//! since, beside the plain guess that it goes on as before; and, while a model is in use, against what comes.

use super::borders::real as counted;
use super::facts::{self, Occasion};
use kith_statistics::{
    DAYS_PER_WEEK, FitOptions, Histories, History, Kind, Model, calibration, calibration_error, errors, fit,
};
use serde_json::{Value, json};

/// Customers that it is tried on: with more, the figures do not change any more.
const SAMPLE: usize = 20_000;
/// Most weeks that are held back, and fewest.
const LONGEST: i32 = 52;
const SHORTEST: i32 = 4;
/// Fewer purchases tell nothing of how far off a forecast is.
const LEAST: f64 = 100.0;
/// How far purchases may be off what was foretold, as a share.
pub const MOST_ERROR: f64 = 0.15;

/// What happened to a customer, seen from a day in between.
struct Seen {
    history: History,
    /// Weeks from that day to each purchase after it.
    later: Vec<f64>,
    /// Purchases in as long a time before that day.
    before: f64,
}

/// Every customer who had bought by a day, at most so many, and what came in the days after it.
fn seen(customers: &[Vec<Occasion>], cut: i32, days: i32) -> Vec<Seen> {
    let step = customers.len().div_ceil(SAMPLE).max(1);
    let one = |occasions: &Vec<Occasion>| {
        let all: Vec<i32> = occasions.iter().map(|occasion| occasion.day).collect();
        let history = History::from_days(&all, cut)?;
        let later = all.iter().filter(|day| **day > cut && **day <= cut + days);
        let later = later.map(|day| f64::from(day - cut) / DAYS_PER_WEEK).collect();
        let before = all.iter().filter(|day| **day > cut - days && **day <= cut).count();
        Some(Seen { history, later, before: counted(before) })
    };
    customers.iter().step_by(step).filter_map(one).collect()
}

/// How far a forecast is off, as a share of what came; none if nothing did.
fn off(predicted: f64, actual: f64) -> Option<f64> {
    (actual > 0.0).then(|| rounded(predicted / actual - 1.0))
}

fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// Fits to the first two thirds of the time and compares with the last; none where too few came back by then, or too little
/// came after.
pub fn holdout(customers: &[Vec<Occasion>], today: i32, kind: Kind, least_repeaters: u64) -> Option<Value> {
    let first = customers.iter().filter_map(|occasions| occasions.first()).map(|one| one.day).min()?;
    let weeks = ((today - first) / 21).clamp(0, LONGEST);
    if weeks < SHORTEST {
        return None;
    }
    let (days, cut) = (7 * weeks, today - 7 * weeks);
    let all = seen(customers, cut, days);
    let histories = Histories::counted(all.iter().map(|one| (one.history, 1))).ok()?;
    let model = fit(&histories, &FitOptions { kind, least_repeaters, prior: None }).ok()?.model;
    let whole = f64::from(weeks);
    let predicted: Vec<f64> = all.iter().map(|one| model.expected(&one.history, whole)).collect();
    let actual: Vec<f64> = all.iter().map(|one| counted(one.later.len())).collect();
    let (sum, came) = (predicted.iter().sum::<f64>(), actual.iter().sum::<f64>());
    if came < LEAST {
        return None;
    }
    let naive: f64 = all.iter().map(|one| one.before).sum();
    let bins = calibration(&predicted, &actual, 10).ok()?;
    let decile = |bin: &kith_statistics::Bin| json!({"customers": bin.count, "predicted": rounded(bin.predicted), "actual": rounded(bin.observed)});
    Some(json!({
        "from": facts::day(cut).succ_opt(), "to": facts::day(today), "weeks": weeks, "customers": all.len(),
        "predicted": rounded(sum), "actual": came, "error": off(sum, came),
        "weeklyError": weekly(&model, &all, weeks),
        "naive": {"predicted": naive, "error": off(naive, came)},
        "calibrationError": rounded(calibration_error(&bins)), "deciles": bins.iter().map(decile).collect::<Vec<_>>(),
    }))
}

/// The mean absolute error of a week's purchases, as a share of what came in it.
fn weekly(model: &Model, all: &[Seen], weeks: i32) -> Option<f64> {
    let week = |at: f64| (1.0..=f64::from(weeks)).contains(&at).then_some(at);
    let ends: Vec<f64> = (1..=weeks).filter_map(|end| week(f64::from(end))).collect();
    let until = |end: f64| all.iter().map(|one| model.expected(&one.history, end)).sum::<f64>();
    let sums: Vec<f64> = std::iter::once(0.0).chain(ends.iter().map(|end| until(*end))).collect();
    let foretold: Vec<f64> = sums.iter().zip(sums.iter().skip(1)).map(|(before, until)| until - before).collect();
    let came = |end: &f64| {
        counted(all.iter().flat_map(|one| &one.later).filter(|at| **at > end - 1.0 && **at <= *end).count())
    };
    errors(&foretold, &ends.iter().map(came).collect::<Vec<_>>()).ok()?.mean_relative.map(rounded)
}

/// How far the purchases since a day are off what a model that was fitted then foretold, as a share; none before there are
/// enough.
pub fn tracking(model: &Model, customers: &[Vec<Occasion>], fitted_on: i32, today: i32) -> Option<f64> {
    let days = today - fitted_on;
    let all = seen(customers, fitted_on, days);
    let weeks = f64::from(days) / DAYS_PER_WEEK;
    let predicted: f64 = all.iter().map(|one| model.expected(&one.history, weeks)).sum();
    let came: f64 = all.iter().map(|one| counted(one.later.len())).sum();
    // Where nothing comes of what was foretold there is nothing to divide by, and much to be told.
    let error = off(predicted, came).or((days > 0).then_some(MOST_ERROR * 10.0));
    error.filter(|_| predicted.max(came) >= LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Customers who each buy at a rhythm of their own; the slow ones leave after a while.
    fn customers(until: i32) -> Vec<Vec<Occasion>> {
        let one = |number: i32| {
            let (gap, first) = (10 + number % 40, number % 90);
            let stays = if number % 3 == 0 { first + gap * (1 + number % 5) } else { until };
            let days = (0..).map(move |at| first + at * gap).take_while(move |day| *day <= stays.min(until));
            days.map(|day| Occasion { day, net: 10.0, margin: 5.0, ..Occasion::default() }).collect()
        };
        (0..2_000).map(one).collect()
    }

    #[test]
    fn a_holdout_tells_how_well_it_foretells() {
        let found = holdout(&customers(630), 630, Kind::BgNbd, 100).unwrap();
        assert_eq!((&found["weeks"], &found["customers"]), (&json!(30), &json!(2_000)));
        let (predicted, actual) = (found["predicted"].as_f64().unwrap(), found["actual"].as_f64().unwrap());
        assert!((predicted / actual - 1.0 - found["error"].as_f64().unwrap()).abs() < 1e-4);
        assert!(found["error"].as_f64().unwrap().abs() < 0.1, "{found}");
        assert!(found["weeklyError"].as_f64().unwrap() < 0.2, "{found}");
        let deciles = found["deciles"].as_array().unwrap();
        assert_eq!(deciles.iter().map(|one| one["customers"].as_u64().unwrap()).sum::<u64>(), 2_000);
        let sum: f64 =
            deciles.iter().map(|one| one["customers"].as_f64().unwrap() * one["actual"].as_f64().unwrap()).sum();
        assert!((sum - actual).abs() < 1.0);
        assert_eq!(holdout(&customers(80), 80, Kind::BgNbd, 100), None, "three weeks tell nothing");
        assert_eq!(holdout(&customers(630), 630, Kind::BgNbd, 5_000), None, "too few came back");
    }

    #[test]
    fn who_stops_buying_is_off_what_was_foretold() {
        let all = customers(630);
        let histories = seen(&all, 602, 28);
        let histories = Histories::counted(histories.iter().map(|one| (one.history, 1))).unwrap();
        let model =
            fit(&histories, &FitOptions { kind: Kind::BgNbd, least_repeaters: 100, prior: None }).unwrap().model;
        assert!(tracking(&model, &all, 602, 630).unwrap().abs() < MOST_ERROR);
        assert!(tracking(&model, &customers(602), 602, 630).unwrap() > MOST_ERROR);
        assert_eq!(tracking(&model, &all, 630, 630), None, "no time has passed");
    }
}
