//! Periods of days: `2026`, `2026-Q4`, `2026-11`, or from one day to another.

use chrono::{Datelike, Months, NaiveDate};
use kith_kernel::{Cx, FieldType, Violations};
use serde_json::json;

/// From one day to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first day.
    pub first: NaiveDate,
    /// The last day.
    pub last: NaiveDate,
}

/// A period as it was sent.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Its name.
    pub period: Option<String>,
    /// Its first day.
    pub from: Option<String>,
    /// Its last day.
    pub to: Option<String>,
}

impl Period {
    /// So many months from a month on.
    fn of_months(year: i32, month: u32, many: u32) -> Option<Period> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        Some(Period { first, last: first.checked_add_months(Months::new(many))?.pred_opt()? })
    }

    /// Reads its name.
    pub fn named(name: &str) -> Option<Period> {
        let (year, rest) = name.split_once('-').map_or((name, None), |(year, rest)| (year, Some(rest)));
        let digits = |text: &str, many: usize| text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = year.parse().ok().filter(|number| digits(year, 4) && (1..=9998).contains(number))?;
        match rest {
            None => Period::of_months(number, 1, 12),
            Some(rest) => match rest.strip_prefix('Q') {
                Some(quarter) => {
                    let quarter: u32 = quarter.parse().ok().filter(|_| digits(quarter, 1))?;
                    Period::of_months(number, quarter.checked_mul(3)?.checked_sub(2)?, 3)
                }
                None => Period::of_months(number, rest.parse().ok().filter(|_| digits(rest, 2))?, 1),
            },
        }
    }

    /// Its months; the first and the last are cut at its ends.
    pub fn months(&self) -> Vec<Period> {
        let mut all = Vec::new();
        let mut next = Period::of_months(self.first.year(), self.first.month(), 1);
        while let Some(month) = next.filter(|month| month.first <= self.last && all.len() < 1_200) {
            all.push(Period { first: month.first.max(self.first), last: month.last.min(self.last) });
            next = month.last.succ_opt().and_then(|day| Period::of_months(day.year(), day.month(), 1));
        }
        all
    }
}

impl Asked {
    /// The period; the current quarter unless one is named. What is wrong with it is added to `violations`.
    pub fn read(&self, cx: &Cx, at: &str, violations: &mut Violations) -> Period {
        let today = cx.today();
        let quarter = Period::of_months(today.year(), today.month0() / 3 * 3 + 1, 3);
        let mut period = quarter.unwrap_or(Period { first: today, last: today });
        if let Some(name) = &self.period {
            match Period::named(name) {
                Some(named) => period = named,
                None => {
                    violations.add(format!("{at}/period"), "WRONG_TYPE", "Expected 2026, 2026-Q4 or 2026-11.");
                }
            }
            let alone = self.from.is_none() && self.to.is_none();
            violations.ensure(alone, &format!("{at}/period"), "INVALID", "Give a period, or from and to, not both.");
        } else if self.from.is_some() != self.to.is_some() {
            let missing = if self.from.is_none() { "from" } else { "to" };
            violations.add(format!("{at}/{missing}"), "REQUIRED", "Give from and to.");
        }
        for (name, text, day) in [("from", &self.from, &mut period.first), ("to", &self.to, &mut period.last)] {
            match text.as_ref().map(|text| NaiveDate::parse(&json!(text))) {
                Some(Ok(date)) => *day = date,
                Some(Err(expected)) => {
                    violations.add(format!("{at}/{name}"), "WRONG_TYPE", format!("Expected {expected}."));
                }
                None => {}
            }
        }
        let order = period.first <= period.last || violations.0.iter().any(|one| one.pointer.starts_with(at));
        violations.ensure(order, &format!("{at}/to"), "OUT_OF_RANGE", "The last day is before the first.");
        period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_periods_or_nothing() {
        for (name, expected) in [
            ("2026", Some(("2026-01-01", "2026-12-31"))),
            ("2026-Q4", Some(("2026-10-01", "2026-12-31"))),
            ("2024-02", Some(("2024-02-01", "2024-02-29"))),
            ("2026-Q0", None),
            ("2026-Q5", None),
            ("2026-13", None),
            ("2026-2", None),
            ("26", None),
            ("2026-", None),
            ("9999", None),
            ("+026", None),
        ] {
            let found = Period::named(name).map(|period| (period.first.to_string(), period.last.to_string()));
            let expected = expected.map(|(first, last)| (first.to_owned(), last.to_owned()));
            assert_eq!(found, expected, "{name}");
        }
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let months = Period { first: day("2026-01-15"), last: day("2026-03-10") }.months();
        assert_eq!(months.len(), 3);
        assert_eq!(
            (months[0].first, months[1].last, months[2].last),
            (day("2026-01-15"), day("2026-02-28"), day("2026-03-10"))
        );
    }
}
