//! What was told of customers in the past, kept so that it can be held against what they did.

use crate::risk::RiskRuling;
use crate::rules::risk::ChurnModelKind;
use crate::{AREA, decimal};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::derived::{self, To};
use kith_kernel::ids::{AccountId, ChurnModelId, ChurnScoreId};
use kith_kernel::{Cx, Meta, Ownership, Resource, Result, Shape, Verb};
use kith_macros::resource;
use rust_decimal::Decimal;

/// How likely an account was to leave, as it was told on a day. What the first run of each month told is kept, and what was
/// computed for a day that was asked for.
#[resource(table = churn_scores, id = ChurnScoreId, derived)]
pub struct ChurnScore {
    /// The account.
    #[field(filter, read_only)]
    pub account_id: AccountId,
    /// The day.
    #[field(filter, sort, read_only)]
    pub as_of: NaiveDate,
    /// The chance, from 0 to 1, that it would buy nothing within the horizon.
    #[field(filter, read_only)]
    pub probability: Decimal,
    /// The same chance by recency alone.
    #[field(filter, read_only)]
    pub baseline: Decimal,
    /// The days looked ahead.
    #[field(read_only)]
    pub horizon_days: i32,
    /// The training it is from; null: none was.
    #[field(filter, read_only)]
    pub churn_model_id: Option<ChurnModelId>,
}

impl Resource for ChurnScore {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}

/// Keeps what is told today, or would have been told on a day that is past; how many rows changed.
pub fn remember(conn: &mut PgConnection, cx: &Cx, risks: &[RiskRuling], to: To) -> Result<usize> {
    // Chances of contracts are not held against orders.
    let of_orders = risks.iter().filter(|risk| risk.model != Some(ChurnModelKind::Renewal));
    let row = |risk: &RiskRuling| {
        Some(ChurnScore {
            account_id: risk.account.into(),
            as_of: risk.as_of,
            probability: risk.probability.and_then(decimal)?,
            baseline: risk.baseline.and_then(decimal)?,
            horizon_days: risk.horizon_days,
            churn_model_id: risk.churn_model,
            ..ChurnScore::blank(Meta { id: derived::of_day(risk.account, risk.as_of), ..Meta::new(cx) })
        })
    };
    to.put(conn, &of_orders.filter_map(row).collect::<Vec<_>>())
}
