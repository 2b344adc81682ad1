//! What the purchase models need to know of a customer: repeats, time of the last one, age (Fader, Hardie & Lee 2005a).

use crate::{Error, Result};

/// A customer's purchases up to an instant. Times are in weeks from the first purchase; any other unit does as well,
/// as long as it is the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct History {
    /// Repeat occasions: occasions without the first (x).
    pub repeats: u32,
    /// Time from the first to the last occasion (t_x); zero without a repeat.
    pub last: f64,
    /// Time from the first occasion to the end of the observation (T).
    pub age: f64,
}

/// Days in a week: days become weeks by this, unrounded.
pub const DAYS_PER_WEEK: f64 = 7.0;

/// Longer times, in any unit, are mistakes, and their sums might overflow.
const LONGEST_AGE: f64 = 1e12;

impl History {
    /// From the days of the purchases and the last day of the observation, both counted from any fixed day. Days may
    /// come in any order and more than once: purchases of one day are one occasion. Later days are not looked at.
    /// None if there was no purchase by then.
    pub fn from_days(days: &[i32], end: i32) -> Option<Self> {
        let mut days: Vec<i32> = days.iter().copied().filter(|day| *day <= end).collect();
        days.sort_unstable();
        days.dedup();
        let (first, last) = (*days.first()?, *days.last()?);
        let weeks = |day: i32| (f64::from(day) - f64::from(first)) / DAYS_PER_WEEK;
        let repeats = u32::try_from(days.len().saturating_sub(1)).unwrap_or(u32::MAX);
        Some(Self { repeats, last: weeks(last), age: weeks(end) })
    }

    /// What is wrong with it, if anything.
    pub fn check(&self) -> std::result::Result<(), &'static str> {
        if !(self.last.is_finite() && self.age.is_finite()) {
            Err("a time is not a finite number")
        } else if self.age > LONGEST_AGE {
            Err("a time is too long")
        } else if self.last < 0.0 || self.age < self.last {
            Err("the last purchase lies outside the time observed")
        } else if self.repeats == 0 && self.last > 0.0 {
            Err("a last repeat purchase, but no repeat purchases")
        } else {
            Ok(())
        }
    }
}

/// Histories with the number of customers who share each: likelihoods cost by distinct history, not by customer.
#[derive(Clone, Debug)]
pub struct Histories {
    rows: Vec<(History, f64)>,
    by_repeats: Vec<(u32, f64)>,
    customers: u64,
    repeaters: u64,
    repeats: u64,
    total_age: f64,
    longest: f64,
}

impl Histories {
    /// One history a customer.
    pub fn of(customers: &[History]) -> Result<Self> {
        Self::counted(customers.iter().map(|history| (*history, 1)))
    }

    /// Histories with the number of customers who have them.
    pub fn counted(rows: impl IntoIterator<Item = (History, u64)>) -> Result<Self> {
        let mut all: Vec<(History, u64)> = Vec::new();
        for (row, (history, count)) in rows.into_iter().enumerate() {
            history.check().map_err(|what| Error::Invalid { row, what })?;
            if count > 0 {
                all.push((history, count));
            }
        }
        all.sort_by(|(a, _), (b, _)| {
            a.repeats.cmp(&b.repeats).then(a.last.total_cmp(&b.last)).then(a.age.total_cmp(&b.age))
        });
        let mut into = Self {
            rows: Vec::new(),
            by_repeats: Vec::new(),
            customers: 0,
            repeaters: 0,
            repeats: 0,
            total_age: 0.0,
            longest: 0.0,
        };
        for chunk in all.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((history, _)) = chunk.first() else { continue };
            into.add(*history, chunk.iter().map(|(_, count)| count).sum());
        }
        if into.rows.is_empty() { Err(Error::Empty) } else { Ok(into) }
    }

    fn add(&mut self, history: History, count: u64) {
        let weight = crate::number::real64(count);
        self.customers = self.customers.saturating_add(count);
        self.repeats = self.repeats.saturating_add(count.saturating_mul(u64::from(history.repeats)));
        if history.repeats > 0 {
            self.repeaters = self.repeaters.saturating_add(count);
        }
        self.total_age += weight * history.age;
        self.longest = self.longest.max(history.age);
        match self.by_repeats.last_mut().filter(|(repeats, _)| *repeats == history.repeats) {
            Some((_, sum)) => *sum += weight,
            None => self.by_repeats.push((history.repeats, weight)),
        }
        self.rows.push((history, weight));
    }

    /// The distinct histories, each with its number of customers.
    pub fn rows(&self) -> &[(History, f64)] {
        &self.rows
    }

    /// Numbers of customers by number of repeats.
    pub(crate) fn by_repeats(&self) -> &[(u32, f64)] {
        &self.by_repeats
    }

    /// Number of customers.
    pub fn customers(&self) -> u64 {
        self.customers
    }

    /// Number of customers with at least one repeat.
    pub fn repeaters(&self) -> u64 {
        self.repeaters
    }

    /// Repeat occasions of all customers.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// Number of distinct histories.
    pub fn distinct(&self) -> usize {
        self.rows.len()
    }

    /// The greatest age.
    pub fn longest(&self) -> f64 {
        self.longest
    }

    /// Mean age.
    pub(crate) fn mean_age(&self) -> f64 {
        self.total_age / crate::number::real64(self.customers)
    }

    /// Repeats a unit of time, a first guess at the rate of purchases.
    pub(crate) fn rate(&self) -> f64 {
        (crate::number::real64(self.repeats) / self.total_age).clamp(1e-9, 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_occasions() {
        let history = History::from_days(&[10, 3, 10, 24, 99], 38).unwrap();
        assert_eq!(history, History { repeats: 2, last: 3.0, age: 5.0 });
        assert_eq!(History::from_days(&[10], 9), None);
        assert_eq!(History::from_days(&[7, 7], 7), Some(History { repeats: 0, last: 0.0, age: 0.0 }));
    }

    #[test]
    fn equal_histories_are_counted_once() {
        let history = |repeats, last, age| History { repeats, last, age };
        let all = [history(0, 0.0, 5.0), history(2, 3.0, 5.0), history(0, 0.0, 5.0), history(2, 4.0, 5.0)];
        let grouped = Histories::of(&all).unwrap();
        assert_eq!((grouped.customers(), grouped.repeaters(), grouped.repeats(), grouped.distinct()), (4, 2, 4, 3));
        assert_eq!(grouped.by_repeats(), [(0, 2.0), (2, 2.0)]);
    }

    #[test]
    fn impossible_histories_are_refused_with_their_place() {
        let good = History { repeats: 1, last: 1.0, age: 2.0 };
        for bad in [
            History { age: f64::NAN, ..good },
            History { last: -1.0, ..good },
            History { last: 3.0, ..good },
            History { age: 1e13, ..good },
            History { repeats: 0, ..good },
        ] {
            assert!(matches!(Histories::of(&[good, bad]), Err(Error::Invalid { row: 1, .. })), "{bad:?}");
        }
        assert_eq!(Histories::of(&[]).err(), Some(Error::Empty));
    }
}
