//! How likely each customer is to leave.

use crate::rules::risk::ChurnModelKind;
use crate::{AREA, decimal};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::derived::To;
use kith_kernel::ids::{AccountId, ChurnModelId, ChurnRiskId};
use kith_kernel::{Custom, Cx, Meta, Money, Ownership, Resource, Result, Verb, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// Whether a risk can be relied on.
    pub enum ChurnRiskState {
        /// It can.
        Ok = "OK",
        /// Something it rests on is missing.
        Partial = "PARTIAL",
        /// Too little is known.
        InsufficientData = "INSUFFICIENT_DATA",
        /// There is none: a prospect, or somebody who has left.
        NotApplicable = "NOT_APPLICABLE",
        /// It is from an earlier day, as it could not be computed anew.
        Stale = "STALE",
    }
}

/// How likely a customer is to leave, beside what recency alone would say. Its id is the account's id.
#[resource(table = churn_risks, id = ChurnRiskId, derived)]
pub struct ChurnRisk {
    /// The account; the same as the id.
    #[field(filter, read_only, id)]
    pub account_id: AccountId,
    /// The chance, from 0 to 1, that it buys nothing within the horizon, or renews no contract; null: see state.
    #[field(filter, sort, read_only)]
    pub probability: Option<Decimal>,
    /// The days looked ahead: 90, or twice the customer's typical gap if that is longer; of a contract, its period.
    #[field(filter, read_only)]
    pub horizon_days: i32,
    /// The same chance by recency alone, to hold it against; of contracts, the same chance whatever their age.
    #[field(read_only)]
    pub baseline: Option<Decimal>,
    /// What told it.
    #[field(filter, read_only)]
    pub model: Option<ChurnModelKind>,
    /// The training it is from; null: none was.
    #[field(filter, read_only)]
    pub churn_model_id: Option<ChurnModelId>,
    /// What adds to it and what takes from it, the greatest first: driver, value, reference and points. Points of a regression
    /// are on the scale of log odds, and add up to the distance from a customer at the means.
    #[field(read_only)]
    pub drivers: Custom,
    /// Whether it can be relied on.
    #[field(filter, read_only)]
    pub state: ChurnRiskState,
    /// Why it cannot, as a code.
    #[field(filter, read_only)]
    pub reason: Option<String>,
    /// probability × lifetime value: what may be lost. Prevention goes by this rather than by the risk alone; null also where
    /// nothing can be prevented: a loss was noted for want of need or of good will.
    #[field(filter, sort, read_only, money)]
    pub value_at_risk: Option<Money>,
    /// The day as of which it was computed.
    #[field(filter, read_only)]
    pub as_of: NaiveDate,
}

impl Resource for ChurnRisk {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}

/// A risk as it was computed.
#[derive(Clone, Debug)]
pub struct RiskRuling {
    /// The account.
    pub account: Uuid,
    /// The chance; none: see the state.
    pub probability: Option<f64>,
    /// Days looked ahead.
    pub horizon_days: i32,
    /// The chance by recency alone.
    pub baseline: Option<f64>,
    /// What told it.
    pub model: Option<ChurnModelKind>,
    /// The training it is from.
    pub churn_model: Option<ChurnModelId>,
    /// What adds to it: see [`crate::rules::risk::Assessment`].
    pub drivers: serde_json::Value,
    /// Whether it can be relied on.
    pub state: ChurnRiskState,
    /// Why it cannot, as a code.
    pub reason: Option<String>,
    /// What may be lost.
    pub value_at_risk: Option<Money>,
    /// The day as of which this is.
    pub as_of: NaiveDate,
}

/// Writes many risks at once, those in which something differs; how many. They can be made anew, so they leave no journal.
pub fn apply_risks(conn: &mut PgConnection, cx: &Cx, risks: &[RiskRuling], to: To) -> Result<usize> {
    let row = |risk: &RiskRuling| ChurnRisk {
        meta: Meta { id: risk.account, ..Meta::new(cx) },
        account_id: risk.account.into(),
        probability: risk.probability.and_then(decimal),
        horizon_days: risk.horizon_days,
        baseline: risk.baseline.and_then(decimal),
        model: risk.model,
        churn_model_id: risk.churn_model,
        drivers: Custom(risk.drivers.clone()),
        state: risk.state,
        reason: risk.reason.clone(),
        value_at_risk: risk.value_at_risk,
        as_of: risk.as_of,
    };
    to.put(conn, &risks.iter().map(row).collect::<Vec<_>>())
}
