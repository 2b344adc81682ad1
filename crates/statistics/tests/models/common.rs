//! The CDNOW sample as the tests need it.

use chrono::{Datelike, NaiveDate};
use kith_statistics::{History, Spend};
use std::collections::BTreeMap;

/// A customer of the sample, all numbers as of the end of the calibration.
pub struct Customer {
    pub id: String,
    pub history: History,
    pub spend: Spend,
    /// Days of all purchases, and the amount of each, to the end of the data.
    pub days: Vec<(i32, f64)>,
}

pub fn day(text: &str) -> i32 {
    text.parse::<NaiveDate>().unwrap().num_days_from_ce()
}

/// The end of the calibration.
pub fn end() -> i32 {
    day("1997-09-30")
}

/// The sample: 39 weeks of calibration, 39 of holdout.
pub fn cdnow() -> Vec<Customer> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/cdnow/transactions.csv");
    let rows = csv::Reader::from_path(path).unwrap().into_records().map(|row| {
        let row = row.unwrap();
        (row[0].to_owned(), day(&row[2]), row[4].parse::<f64>().unwrap())
    });
    customers(rows, end())
}

/// Rows (customer, day, amount) as customers; those without a purchase by `end` are left out.
pub fn customers(rows: impl Iterator<Item = (String, i32, f64)>, end: i32) -> Vec<Customer> {
    let mut by_customer: BTreeMap<String, BTreeMap<i32, f64>> = BTreeMap::new();
    for (id, day, amount) in rows {
        *by_customer.entry(id).or_default().entry(day).or_default() += amount;
    }
    let of = |(id, days): (String, BTreeMap<i32, f64>)| {
        let days: Vec<(i32, f64)> = days.into_iter().collect();
        let only: Vec<i32> = days.iter().map(|(day, _)| *day).collect();
        let history = History::from_days(&only, end)?;
        let repeats = days.iter().filter(|(day, _)| *day <= end).skip(1);
        let sum: f64 = repeats.map(|(_, amount)| amount).sum();
        let mean = if history.repeats > 0 { sum / f64::from(history.repeats) } else { 0.0 };
        Some(Customer { id, history, spend: Spend { repeats: history.repeats, mean }, days })
    };
    by_customer.into_iter().filter_map(of).collect()
}

/// `actual` lies within a relative tolerance of `expected`.
#[track_caller]
pub fn near(actual: f64, expected: f64, relative: f64) {
    assert!((actual / expected - 1.0).abs() <= relative, "{actual} is not within {relative} of {expected}");
}

/// `actual` lies within an absolute tolerance of `expected`.
#[track_caller]
pub fn within(actual: f64, expected: f64, absolute: f64) {
    assert!((actual - expected).abs() <= absolute, "{actual} is not within {absolute} of {expected}");
}
