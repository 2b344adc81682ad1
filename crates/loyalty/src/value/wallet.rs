//! What customers need in all, from whomever they buy it.

use crate::AREA;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::derived;
use kith_kernel::ids::{AccountId, WalletEstimateId};
use kith_kernel::{Cx, Money, Ownership, Resource, Result, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// Where an estimate of a customer's need comes from; an earlier one of these beats a later one.
    pub enum WalletSource {
        /// The customer said so.
        Stated = "STATED",
        /// The customer answered a survey.
        Survey = "SURVEY",
        /// Somebody who knows the customer says so.
        Expert = "EXPERT",
    }
}

/// What a customer buys a year of what we sell, from whomever. It counts for a year; without one, the need is taken from
/// what customers of the same industry and size spend with us.
#[resource(table = wallet_estimates, id = WalletEstimateId)]
pub struct WalletEstimate {
    /// The customer.
    #[field(filter)]
    pub account_id: AccountId,
    /// How much a year, in the reporting currency.
    #[field(filter, money)]
    pub amount: Money,
    /// Where it comes from.
    #[field(filter, example = "\"STATED\"")]
    pub source: WalletSource,
    /// The day it was made.
    #[field(filter, sort, example = "\"2026-10-01\"")]
    pub estimated_on: NaiveDate,
    /// What it rests on.
    #[field(max = 1_000)]
    pub note: Option<String>,
}

impl Resource for WalletEstimate {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };

    fn check(&self, violations: &mut Violations) {
        let positive = self.amount.amount.is_sign_positive() && !self.amount.amount.is_zero();
        violations.ensure(positive, "/amount", "OUT_OF_RANGE", "A need is more than 0.");
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        reporting(cx, &[("/amount", &self.amount)])
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let moved = before.map(|before| before.account_id.0).filter(|before| *before != self.account_id.0);
        derived::touch(conn, cx, &[Some(self.account_id.0), moved].into_iter().flatten().collect::<Vec<_>>())
    }
}

/// Refuses amounts in another currency than the one that values are in.
pub(super) fn reporting(cx: &Cx, amounts: &[(&str, &Money)]) -> Result<()> {
    let mut violations = Violations::default();
    for (at, money) in amounts {
        let detail = format!("Values are in {}.", cx.currency.code());
        violations.ensure(money.currency == cx.currency, at, "MIXED_CURRENCIES", &detail);
    }
    violations.into_result()
}
