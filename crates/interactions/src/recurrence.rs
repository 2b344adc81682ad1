//! When a task comes again: the part of RFC 5545's recurrence rules that people's tasks need. Pure, and on the clock of
//! the tenant's wall; what that clock means is in `zone`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, Utc, Weekday};

/// What a rule may hold, for messages and documentation.
pub const EXPECTS: &str = "a rule of RFC 5545 such as FREQ=WEEKLY;BYDAY=MO,TH, of FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), \
INTERVAL (1 to 999), BYDAY (of a week, or of a month as in 2TU or -1FR), BYMONTHDAY (of a month, -1 is its last day), and \
COUNT (1 to 9999) or UNTIL (20261231 or 20261231T225959Z)";

/// Periods that are looked through before a rule is taken to be over: 29 February comes every eighth year at the least,
/// and with INTERVAL perhaps never.
const PATIENCE: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Until {
    Day(NaiveDate),
    Time(DateTime<Utc>),
}

/// A recurrence rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    frequency: Frequency,
    interval: u32,
    /// Weekdays; in a month the first, second … or last (-1) of it, or all of them.
    days: Vec<(Option<i32>, Weekday)>,
    /// Days of a month, from its end where negative.
    month_days: Vec<i32>,
    /// How many there are in all.
    pub count: Option<i32>,
    until: Option<Until>,
}

fn weekday(text: &str) -> Option<(Option<i32>, Weekday)> {
    let (number, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let day = match name {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    };
    let number = if number.is_empty() { None } else { Some(within(number, 5)?) };
    Some((number, day))
}

/// A number other than 0 of at most so many either way.
fn within(text: &str, most: i32) -> Option<i32> {
    text.parse().ok().filter(|number: &i32| *number != 0 && (-most..=most).contains(number))
}

fn until(text: &str) -> Option<Until> {
    match NaiveDate::parse_from_str(text, "%Y%m%d") {
        Ok(day) if text.len() == 8 => Some(Until::Day(day)),
        _ => NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().map(|time| Until::Time(time.and_utc())),
    }
}

impl Rule {
    /// Reads a rule; none if it is none, or says more than is understood here.
    pub fn parse(text: &str) -> Option<Rule> {
        let mut frequency = None;
        let mut rule = Rule {
            frequency: Frequency::Daily,
            interval: 1,
            days: vec![],
            month_days: vec![],
            count: None,
            until: None,
        };
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(';') {
            let (name, value) = part.split_once('=')?;
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
            match name {
                "FREQ" => {
                    frequency = Some(match value {
                        "DAILY" => Frequency::Daily,
                        "WEEKLY" => Frequency::Weekly,
                        "MONTHLY" => Frequency::Monthly,
                        "YEARLY" => Frequency::Yearly,
                        _ => return None,
                    });
                }
                "INTERVAL" => rule.interval = value.parse().ok().filter(|number| (1..=999).contains(number))?,
                "BYDAY" => rule.days = value.split(',').map(weekday).collect::<Option<_>>()?,
                "BYMONTHDAY" => rule.month_days = value.split(',').map(|day| within(day, 31)).collect::<Option<_>>()?,
                "COUNT" => rule.count = Some(value.parse().ok().filter(|number| (1..=9_999).contains(number))?),
                "UNTIL" => rule.until = Some(until(value)?),
                // Weeks begin on Monday here, which is what the standard has, too, unless told otherwise.
                "WKST" if value == "MO" => {}
                _ => return None,
            }
        }
        rule.frequency = frequency?;
        let plain = rule.days.iter().all(|(number, _)| number.is_none());
        let fits = match rule.frequency {
            Frequency::Weekly => plain && rule.month_days.is_empty(),
            Frequency::Monthly => rule.days.is_empty() || rule.month_days.is_empty(),
            Frequency::Daily | Frequency::Yearly => rule.days.is_empty() && rule.month_days.is_empty(),
        };
        (fits && !(rule.count.is_some() && rule.until.is_some())).then_some(rule)
    }

    /// The first time after `after`, of a series that began at `start`. Days that a month does not have are left out.
    pub fn next(&self, start: NaiveDateTime, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let passed = self.periods(start.date(), after.date()) / self.interval;
        let first = passed.saturating_sub(1);
        (first..first.saturating_add(PATIENCE)).find_map(|number| {
            let mut days = self.period(start.date(), number.checked_mul(self.interval)?);
            days.sort_unstable();
            days.into_iter().map(|day| day.and_time(start.time())).find(|time| *time >= start && *time > after)
        })
    }

    /// Whether the series still goes on at this time: on the clock, and as an instant.
    pub fn goes_on(&self, local: NaiveDateTime, instant: DateTime<Utc>) -> bool {
        match self.until {
            None => true,
            Some(Until::Day(day)) => local.date() <= day,
            Some(Until::Time(time)) => instant <= time,
        }
    }

    /// How many periods lie between the starts of those of two days.
    fn periods(&self, from: NaiveDate, to: NaiveDate) -> u32 {
        let months = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
        let number = match self.frequency {
            Frequency::Daily => (to - from).num_days(),
            Frequency::Weekly => (to - from).num_days() / 7,
            Frequency::Monthly => months(to) - months(from),
            Frequency::Yearly => i64::from(to.year()) - i64::from(from.year()),
        };
        u32::try_from(number).unwrap_or(0)
    }

    /// The days of the period that begins so many after the one of `start`.
    fn period(&self, start: NaiveDate, number: u32) -> Vec<NaiveDate> {
        match self.frequency {
            Frequency::Daily => start.checked_add_days(Days::new(number.into())).into_iter().collect(),
            Frequency::Weekly => self.week(start, number).unwrap_or_default(),
            Frequency::Monthly => self.month(start, number).unwrap_or_default(),
            Frequency::Yearly => {
                let year = i32::try_from(number).ok().and_then(|number| start.year().checked_add(number));
                year.and_then(|year| start.with_year(year)).into_iter().collect()
            }
        }
    }

    fn week(&self, start: NaiveDate, number: u32) -> Option<Vec<NaiveDate>> {
        let monday = start.checked_sub_days(Days::new(start.weekday().num_days_from_monday().into()))?;
        let monday = monday.checked_add_days(Days::new(u64::from(number) * 7))?;
        let own = [(None, start.weekday())];
        let days = if self.days.is_empty() { own.as_slice() } else { &self.days };
        let day = |(_, day): &(_, Weekday)| monday.checked_add_days(Days::new(day.num_days_from_monday().into()));
        Some(days.iter().filter_map(day).collect())
    }

    fn month(&self, start: NaiveDate, number: u32) -> Option<Vec<NaiveDate>> {
        let first = start.with_day(1)?.checked_add_months(Months::new(number))?;
        let length = first.checked_add_months(Months::new(1))?.pred_opt()?.day();
        let length = i32::try_from(length).ok()?;
        let day = |number: i32| {
            let number = if number < 0 { length + 1 + number } else { number };
            first.with_day(u32::try_from(number).ok()?)
        };
        if self.days.is_empty() {
            let own = [i32::try_from(start.day()).ok()?];
            let days = if self.month_days.is_empty() { own.as_slice() } else { &self.month_days };
            return Some(days.iter().filter_map(|number| day(*number)).collect());
        }
        // The place of a day among those of its weekday, from the start or from the end.
        let fits = |date: &NaiveDate, (number, weekday): &(Option<i32>, Weekday)| {
            let at = i32::try_from(date.day0() / 7 + 1).unwrap_or(0);
            let from_end = i32::try_from(date.day()).map_or(0, |day| -((length - day) / 7 + 1));
            date.weekday() == *weekday && number.is_none_or(|number| number == at || number == from_end)
        };
        let all = (1..=length).filter_map(day);
        Some(all.filter(|date| self.days.iter().any(|wanted| fits(date, wanted))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first dates of a series, or all of them if there are fewer.
    fn series(rule: &str, start: &str, most: usize) -> Vec<String> {
        let rule = Rule::parse(rule).unwrap();
        let start: NaiveDateTime = start.parse().unwrap();
        let next = |last: &NaiveDateTime| rule.next(start, *last).filter(|next| rule.goes_on(*next, next.and_utc()));
        let all = std::iter::successors(Some(start), next);
        all.take(most).map(|time| time.format("%m-%d").to_string()).collect()
    }

    #[test]
    fn rules_give_the_days_of_the_standard() {
        for (rule, start, expected) in [
            ("FREQ=DAILY", "2026-02-27T09:00:00", "02-27 02-28 03-01 03-02"),
            ("FREQ=DAILY;INTERVAL=10", "2026-01-01T09:00:00", "01-01 01-11 01-21 01-31"),
            ("FREQ=WEEKLY", "2026-01-07T09:00:00", "01-07 01-14 01-21 01-28"),
            ("FREQ=WEEKLY;BYDAY=FR,MO", "2026-01-05T09:00:00", "01-05 01-09 01-12 01-16"),
            // Every other week counts from the week it began in: 8 January is in it, 15 January is not.
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "2026-01-07T09:00:00", "01-07 01-08 01-19 01-22"),
            ("FREQ=MONTHLY", "2026-01-31T09:00:00", "01-31 03-31 05-31 07-31"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T09:00:00", "01-31 02-28 03-31 04-30"),
            ("FREQ=MONTHLY;BYMONTHDAY=15,1", "2026-01-15T09:00:00", "01-15 02-01 02-15 03-01"),
            ("FREQ=MONTHLY;BYDAY=-1FR", "2026-01-30T09:00:00", "01-30 02-27 03-27 04-24"),
            ("FREQ=MONTHLY;BYDAY=2TU", "2026-01-13T09:00:00", "01-13 02-10 03-10 04-14"),
            ("FREQ=MONTHLY;BYDAY=5MO", "2026-03-30T09:00:00", "03-30 06-29 08-31 11-30"),
            ("FREQ=YEARLY", "2024-02-29T09:00:00", "02-29 02-29 02-29 02-29"),
            ("FREQ=DAILY;UNTIL=20260103", "2026-01-01T23:00:00", "01-01 01-02 01-03"),
            ("FREQ=DAILY;UNTIL=20260103T090000Z", "2026-01-01T09:00:01", "01-01 01-02"),
            ("FREQ=YEARLY;INTERVAL=1;UNTIL=20270101", "2026-05-05T09:00:00", "05-05"),
        ] {
            assert_eq!(series(rule, start, 4).join(" "), expected, "{rule}");
        }
        let leap = Rule::parse("FREQ=YEARLY").unwrap();
        let start: NaiveDateTime = "2024-02-29T00:00:00".parse().unwrap();
        assert_eq!(leap.next(start, start).unwrap().year(), 2028);
    }

    #[test]
    fn far_away_is_as_quick_as_near_and_never_is_never() {
        let start: NaiveDateTime = "1900-01-01T09:00:00".parse().unwrap();
        let after: NaiveDateTime = "2026-01-01T10:00:00".parse().unwrap();
        let next = |rule: &str| Rule::parse(rule).unwrap().next(start, after).map(|time| time.to_string());
        assert_eq!(next("FREQ=DAILY").unwrap(), "2026-01-02 09:00:00");
        assert_eq!(next("FREQ=WEEKLY;INTERVAL=3").unwrap(), "2026-01-12 09:00:00");
        // From a January, every twelfth month, the 32nd of nothing: a day that February lacks.
        let february: NaiveDateTime = "2026-02-01T09:00:00".parse().unwrap();
        assert_eq!(Rule::parse("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30").unwrap().next(february, february), None);
    }

    #[test]
    fn what_is_no_rule_or_says_more_is_refused() {
        for bad in [
            "",
            "DAILY",
            "FREQ=HOURLY",
            "INTERVAL=2",
            "FREQ=DAILY;FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=0",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=3;UNTIL=20260101",
            "FREQ=DAILY;UNTIL=2026-01-01",
            "FREQ=DAILY;UNTIL=20260230",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=WEEKLY;BYDAY=",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=WEEKLY;BYDAY=Ü",
            "FREQ=MONTHLY;BYDAY=6MO",
            "FREQ=MONTHLY;BYDAY=0MO",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=MONTHLY;BYMONTHDAY=0",
            "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1",
            "FREQ=YEARLY;BYMONTH=2",
            "FREQ=DAILY;BYDAY=MO",
            "FREQ=DAILY;",
            "freq=daily",
            "FREQ=DAILY;WKST=SU",
            "RRULE:FREQ=DAILY",
        ] {
            assert_eq!(Rule::parse(bad), None, "{bad}");
        }
    }
}
