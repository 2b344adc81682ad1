//! Time comes from a [`Clock`], so that tests and sandboxes can move it.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use std::sync::atomic::{AtomicI64, Ordering};

/// The one source of the current time. It can be shifted or stopped by tests.
#[derive(Debug, Default)]
pub struct Clock {
    /// Microseconds since 1970 at which the clock stands still; 0: it runs.
    fixed: AtomicI64,
    /// Microseconds added to the real time.
    shift: AtomicI64,
}

impl Clock {
    /// Now, cut to the microseconds that PostgreSQL keeps, so that what is answered is what is stored.
    pub fn now(&self) -> DateTime<Utc> {
        let fixed = self.fixed.load(Ordering::Relaxed);
        let micros = if fixed != 0 {
            fixed
        } else {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
            let now = Utc::now();
            now.timestamp_micros()
        };
        let shift = self.shift.load(Ordering::Relaxed);
        DateTime::from_timestamp_micros(micros.saturating_add(shift)).unwrap_or_default()
    }

    /// Stops the clock at `at`.
    pub fn stop_at(&self, at: DateTime<Utc>) {
        self.fixed.store(at.timestamp_micros(), Ordering::Relaxed);
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: TimeDelta) {
        self.shift.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::Relaxed);
    }
}

/// Writes `value` with two digits. Out-of-range values cannot come from chrono's accessors.
fn two(out: &mut Vec<u8>, value: u32) {
    for digit in [value / 10 % 10, value % 10] {
        out.push(b'0'.saturating_add(u8::try_from(digit).unwrap_or(0)));
    }
}

fn four(out: &mut Vec<u8>, value: i32) {
    let value = u32::try_from(value).unwrap_or(0);
    two(out, value / 100);
    two(out, value % 100);
}

/// Writes a date as `"2026-01-31"` with its quotes. Years are 0001 to 9999 everywhere in Kith.
pub fn write_date(date: NaiveDate, out: &mut Vec<u8>) {
    out.push(b'"');
    date_digits(date, out);
    out.push(b'"');
}

fn date_digits(date: NaiveDate, out: &mut Vec<u8>) {
    four(out, date.year());
    out.push(b'-');
    two(out, date.month());
    out.push(b'-');
    two(out, date.day());
}

/// When the clock of a zone shows a time. Of two times that it does so, the first; a time that it jumps over is as long after
/// the jump as it would have been (RFC 5545, 3.3.5).
pub fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| {
        // No jump is longer than a day: Samoa once left one out.
        let day = TimeDelta::days(1);
        let before = zone.from_local_datetime(&local.checked_sub_signed(day)?).latest()?;
        before.checked_add_signed(day)
    });
    found.map(|found| found.to_utc()).filter(|found| (1..=9999).contains(&found.year()))
}

/// Writes a time as RFC 3339 in UTC with its quotes: no fraction, or six digits of it.
/// Some five times cheaper than chrono's `Display`, which dominated the cost of lists.
pub fn write_time(time: DateTime<Utc>, out: &mut Vec<u8>) {
    out.push(b'"');
    date_digits(time.date_naive(), out);
    out.push(b'T');
    two(out, time.hour());
    out.push(b':');
    two(out, time.minute());
    out.push(b':');
    two(out, time.second());
    let micros = time.nanosecond() / 1_000;
    if micros != 0 {
        out.push(b'.');
        two(out, micros / 10_000);
        two(out, micros / 100 % 100);
        two(out, micros % 100);
    }
    out.extend_from_slice(b"Z\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (text, expected) in [
            ("2026-01-31T23:59:59Z", "\"2026-01-31T23:59:59Z\""),
            ("0001-01-01T00:00:00.000001Z", "\"0001-01-01T00:00:00.000001Z\""),
            ("9999-12-31T23:59:59.999999Z", "\"9999-12-31T23:59:59.999999Z\""),
            ("2024-02-29T12:00:00.5Z", "\"2024-02-29T12:00:00.500000Z\""),
        ] {
            let mut out = Vec::new();
            write_time(text.parse().unwrap(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn a_stopped_clock_stands_still_until_it_is_advanced() {
        let clock = Clock::default();
        let at = "2026-05-01T10:00:00Z".parse().unwrap();
        clock.stop_at(at);
        assert_eq!(clock.now(), at);
        clock.advance(TimeDelta::seconds(5));
        assert_eq!(clock.now(), at + TimeDelta::seconds(5));
    }
}
