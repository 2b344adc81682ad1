//! When points become spendable, when they expire, and from when on a tier counts: on the clock of the programme.

use super::program::{LoyaltyProgram, PointExpiry};
use super::tier::{LoyaltyTier, TierHold, TierPeriod};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use kith_kernel::{Error, Result};

/// Whether a time zone of that name exists.
pub(crate) fn is_zone(name: &str) -> bool {
    name.parse::<Tz>().is_ok()
}

/// The clock of a programme.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone(Tz);

fn too_late() -> Error {
    Error::invalid("/occurredAt", "OUT_OF_RANGE", "The calendar ends before that.")
}

impl Zone {
    /// Of a programme.
    pub fn of(program: &LoyaltyProgram) -> Result<Self> {
        let name = &program.time_zone;
        name.parse().map(Zone).map_err(|_| Error::internal(format!("no time zone {name}")))
    }

    fn day(&self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }

    /// When a day begins; where the clock jumps over midnight, as much later.
    fn midnight(&self, day: Option<NaiveDate>) -> Result<DateTime<Utc>> {
        let local = day.ok_or_else(too_late)?.and_time(chrono::NaiveTime::MIN);
        let found = self.0.from_local_datetime(&local).earliest().or_else(|| {
            // No jump is longer than a day: Samoa once left one out.
            let day = TimeDelta::days(1);
            self.0.from_local_datetime(&local.checked_sub_signed(day)?).latest()?.checked_add_signed(day)
        });
        let found = found.map(|found| found.to_utc()).filter(|found| (1..=9999).contains(&found.year()));
        found.ok_or_else(too_late)
    }

    fn year(&self, year: i32) -> Result<DateTime<Utc>> {
        self.midnight(NaiveDate::from_ymd_opt(year, 1, 1))
    }

    /// When what was earned then becomes spendable: at once, or at midnight that many days later.
    pub fn available_at(&self, program: &LoyaltyProgram, earned: DateTime<Utc>) -> Result<DateTime<Utc>> {
        match u64::try_from(program.pending_days).unwrap_or(0) {
            0 => Ok(earned),
            days => self.midnight(self.day(earned).checked_add_days(Days::new(days))),
        }
    }

    /// When what was earned then expires: at the end of the day so many months later, or of the year.
    pub fn expires_at(&self, program: &LoyaltyProgram, earned: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        let day = self.day(earned);
        match program.expiry {
            PointExpiry::None => Ok(None),
            PointExpiry::AfterMonths => {
                let last = day.checked_add_months(months(program.expiry_months));
                self.midnight(last.and_then(|last| last.succ_opt())).map(Some)
            }
            PointExpiry::EndOfYear => self.year(day.year().saturating_add(1)).map(Some),
        }
    }

    /// From when on what a member did counts for a tier.
    pub fn counts_from(&self, tier: &LoyaltyTier, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let day = self.day(now);
        match tier.period {
            TierPeriod::CalendarYear => self.year(day.year()),
            TierPeriod::RollingMonths => self.midnight(day.checked_sub_months(months(tier.period_months))),
        }
    }

    /// Until when a tier that is reached now is held at least.
    pub fn held_until(&self, tier: &LoyaltyTier, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
        let day = self.day(now);
        match tier.hold {
            TierHold::EndOfNextYear => self.year(day.year().saturating_add(2)),
            TierHold::Months => {
                let last = day.checked_add_months(months(tier.hold_months));
                self.midnight(last.and_then(|last| last.succ_opt()))
            }
        }
    }
}

fn months(count: Option<i32>) -> Months {
    Months::new(count.and_then(|count| u32::try_from(count).ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kith_kernel::{Currency, Meta, Shape};
    use uuid::Uuid;

    fn program(zone: &str, edit: impl FnOnce(&mut LoyaltyProgram)) -> LoyaltyProgram {
        let at = DateTime::default();
        let meta = Meta {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            version: 1,
            created_at: at,
            created_by: None,
            updated_at: at,
            updated_by: None,
            archived_at: None,
        };
        let mut program = LoyaltyProgram::blank(meta);
        (program.time_zone, program.currency) = (zone.to_owned(), Currency::EUR);
        edit(&mut program);
        program
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn points_become_spendable_at_midnight_where_the_programme_is() {
        let program = program("Europe/Berlin", |program| program.pending_days = 14);
        let zone = Zone::of(&program).unwrap();
        for (earned, available) in [
            // 23:30 in Berlin, and 00:30 of the next day there.
            ("2026-03-10T22:30:00Z", "2026-03-23T23:00:00Z"),
            ("2026-03-10T23:30:00Z", "2026-03-24T23:00:00Z"),
            // Over the change to summer time.
            ("2026-03-20T12:00:00Z", "2026-04-02T22:00:00Z"),
        ] {
            assert_eq!(zone.available_at(&program, at(earned)).unwrap(), at(available), "{earned}");
        }
    }

    #[test]
    fn points_last_through_the_last_day() {
        let months = program("Asia/Shanghai", |program| {
            (program.expiry, program.expiry_months) = (PointExpiry::AfterMonths, Some(1));
        });
        let zone = Zone::of(&months).unwrap();
        let expiry = |text| zone.expires_at(&months, at(text)).unwrap().unwrap();
        // Earned on 31 January there; February has 28 days, and its last day is a good one.
        assert_eq!(expiry("2026-01-31T08:00:00Z"), at("2026-02-28T16:00:00Z"));
        assert_eq!(expiry("2026-01-31T17:00:00Z"), at("2026-03-01T16:00:00Z"));
        let year = program("America/New_York", |program| program.expiry = PointExpiry::EndOfYear);
        let zone = Zone::of(&year).unwrap();
        assert_eq!(zone.expires_at(&year, at("2027-01-01T03:00:00Z")).unwrap(), Some(at("2027-01-01T05:00:00Z")));
        assert!(zone.expires_at(&year, at("9999-12-31T23:00:00Z")).is_err(), "refused, not overflown");
    }
}
