//! What currencies were worth, day by day. Metrics add up amounts of several currencies at these rates and no others.

use crate::{AREA, base, days};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_kernel::ids::ExchangeRateId;
use kith_kernel::{Currency, Cx, Rate, Resource, Result, Violations};
use kith_macros::resource;

/// What one unit of a currency was worth in another, from this day on until a later rate.
#[resource(table = exchange_rates, id = ExchangeRateId)]
pub struct ExchangeRate {
    /// The currency of which one unit is meant.
    #[field(filter, create_only, example = "\"USD\"")]
    pub base_currency: Currency,
    /// The currency it is expressed in.
    #[field(filter, create_only, example = "\"EUR\"")]
    pub quote_currency: Currency,
    /// How many units of quoteCurrency one unit of baseCurrency is worth: a decimal as a text.
    #[field(example = "\"0.9183\"")]
    pub rate: Rate,
    /// The first day on which it holds.
    #[field(filter, sort, create_only, example = "\"2026-01-31\"")]
    pub valid_on: NaiveDate,
    /// Who published it.
    #[field(filter, max = 100, example = "\"ECB\"")]
    pub source: Option<String>,
}

impl Resource for ExchangeRate {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        let differ = self.base_currency != self.quote_currency;
        violations.ensure(differ, "/quoteCurrency", "INVALID", "A currency needs no rate to itself.");
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let known = before.is_some_and(|before| before.meta.archived_at.is_none());
        let other = match cx.currency {
            ours if ours == self.base_currency => self.quote_currency,
            ours if ours == self.quote_currency => self.base_currency,
            _ => return Ok(()),
        };
        // History is not restated at another rate; what had none gets this one.
        if known || self.meta.archived_at.is_some() {
            return Ok(());
        }
        let accounts = base::fill(conn, cx, Some(other))?;
        days::touch(conn, cx, accounts)
    }
}
