//! The clock on the tenant's wall.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Error, Result, Statement};

/// The tenant's time zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zone(Tz);

impl Zone {
    /// As the tenant has set it.
    pub fn of(conn: &mut PgConnection, cx: &Cx) -> Result<Self> {
        let mut out = Statement::new("SELECT time_zone FROM tenants WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(cx.tenant)));
        let (name,): (String,) = RunQueryDsl::get_result(out.typed::<(st::Text,)>(), conn)?;
        name.parse().map(Zone).map_err(|_| Error::internal(format!("no time zone {name}")))
    }

    /// What the clock shows.
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.0).naive_local()
    }

    /// When the clock shows this.
    pub fn instant(&self, local: NaiveDateTime) -> Option<DateTime<Utc>> {
        kith_kernel::instant(self.0, local)
    }

    /// The end of a day, which is the beginning of the next one.
    pub fn end_of(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        self.instant(day.checked_add_days(Days::new(1))?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(zone: &str, local: &str) -> String {
        let zone = Zone(zone.parse().unwrap());
        zone.instant(local.parse().unwrap()).unwrap().to_rfc3339()
    }

    #[test]
    fn a_time_that_is_jumped_over_comes_after_and_one_that_comes_twice_is_the_first() {
        assert_eq!(instant("Europe/Berlin", "2026-03-28T02:30:00"), "2026-03-28T01:30:00+00:00");
        assert_eq!(instant("Europe/Berlin", "2026-03-29T02:30:00"), "2026-03-29T01:30:00+00:00");
        assert_eq!(instant("Europe/Berlin", "2026-10-25T02:30:00"), "2026-10-25T00:30:00+00:00");
        assert_eq!(instant("America/New_York", "2026-03-08T02:30:00"), "2026-03-08T07:30:00+00:00");
        assert_eq!(instant("Pacific/Apia", "2011-12-30T12:00:00"), "2011-12-30T22:00:00+00:00");
    }

    #[test]
    fn a_day_ends_when_the_next_one_begins_however_long_it_was() {
        let zone = Zone("Europe/Berlin".parse().unwrap());
        let end = |day: &str| zone.end_of(day.parse().unwrap()).unwrap().to_rfc3339();
        assert_eq!(end("2026-03-28"), "2026-03-28T23:00:00+00:00");
        assert_eq!(end("2026-03-29"), "2026-03-29T22:00:00+00:00");
    }
}
