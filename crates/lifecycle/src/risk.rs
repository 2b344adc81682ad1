//! How likely each customer is to leave.

use crate::rules::risk::ChurnModelKind;
use crate::{AREA, decimal};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_kernel::ids::{AccountId, ChurnModelId, ChurnRiskId};
use kith_kernel::{Bind, Custom, Cx, Money, Ownership, Resource, Result, Statement, Verb, text_enum};
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
#[resource(table = churn_risks, id = ChurnRiskId)]
pub struct ChurnRisk {
    /// The account; the same as the id.
    #[field(filter, read_only)]
    pub account_id: AccountId,
    /// The chance, from 0 to 1, that it buys nothing within the horizon; null: see state.
    #[field(filter, sort, read_only)]
    pub probability: Option<Decimal>,
    /// The days looked ahead: 90, or twice the customer's typical gap if that is longer.
    #[field(filter, read_only)]
    pub horizon_days: i32,
    /// The same chance by recency alone, to hold it against.
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
    /// probability × lifetime value: what may be lost. Prevention goes by this rather than by the risk alone.
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
pub fn apply_risks(conn: &mut PgConnection, cx: &Cx, risks: &[RiskRuling]) -> Result<usize> {
    fn texts(risks: &[RiskRuling], text: impl Fn(&RiskRuling) -> Option<String>) -> Bind {
        Bind::Texts(risks.iter().map(|risk| text(risk).unwrap_or_default()).collect())
    }
    let number = |number: Option<f64>| number.and_then(decimal).map(|number| number.to_string());
    let mut out = Statement::new(
        "INSERT INTO churn_risks AS r (tenant_id, id, version, created_at, updated_at, account_id, probability, \
         horizon_days, baseline, model, churn_model_id, drivers, state, reason, value_at_risk_amount, \
         value_at_risk_currency, as_of) SELECT ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", v.id, 1, ").bind(Bind::Time(Some(cx.now))).sql(", ");
    out.bind(Bind::Time(Some(cx.now))).sql(
        ", v.id, nullif(v.probability, '')::numeric, v.horizon, nullif(v.baseline, '')::numeric, nullif(v.model, ''), \
         nullif(v.churn_model, '')::uuid, v.drivers::jsonb, v.state, nullif(v.reason, ''), \
         nullif(v.amount, '')::numeric, nullif(v.currency, ''), v.as_of FROM unnest(",
    );
    out.bind(Bind::Uuids(risks.iter().map(|risk| risk.account).collect()));
    out.sql("::uuid[], ").bind(texts(risks, |risk| number(risk.probability)));
    out.sql("::text[], ").bind(Bind::Ints(risks.iter().map(|risk| risk.horizon_days).collect()));
    out.sql("::integer[], ").bind(texts(risks, |risk| number(risk.baseline)));
    out.sql("::text[], ").bind(texts(risks, |risk| risk.model.map(|model| model.as_str().to_owned())));
    out.sql("::text[], ").bind(texts(risks, |risk| risk.churn_model.map(|id| id.0.to_string())));
    out.sql("::text[], ").bind(texts(risks, |risk| Some(risk.drivers.to_string())));
    out.sql("::text[], ").bind(texts(risks, |risk| Some(risk.state.as_str().to_owned())));
    out.sql("::text[], ").bind(texts(risks, |risk| risk.reason.clone()));
    out.sql("::text[], ").bind(texts(risks, |risk| risk.value_at_risk.map(|money| money.amount.to_string())));
    out.sql("::text[], ").bind(texts(risks, |risk| risk.value_at_risk.map(|money| money.currency.code().to_owned())));
    out.sql("::text[], ").bind(Bind::Dates(risks.iter().map(|risk| risk.as_of).collect()));
    out.sql(
        "::date[]) AS v(id, probability, horizon, baseline, model, churn_model, drivers, state, reason, amount, currency, \
         as_of) ORDER BY v.id ON CONFLICT (tenant_id, id) DO UPDATE SET version = r.version + 1, \
         updated_at = excluded.updated_at, probability = excluded.probability, horizon_days = excluded.horizon_days, \
         baseline = excluded.baseline, model = excluded.model, churn_model_id = excluded.churn_model_id, \
         drivers = excluded.drivers, state = excluded.state, reason = excluded.reason, \
         value_at_risk_amount = excluded.value_at_risk_amount, \
         value_at_risk_currency = excluded.value_at_risk_currency, as_of = excluded.as_of \
         WHERE (r.probability, r.horizon_days, r.baseline, r.model, r.churn_model_id, r.drivers, r.state, r.reason, \
         r.value_at_risk_amount, r.value_at_risk_currency, r.as_of) IS DISTINCT FROM (excluded.probability, \
         excluded.horizon_days, excluded.baseline, excluded.model, excluded.churn_model_id, excluded.drivers, \
         excluded.state, excluded.reason, excluded.value_at_risk_amount, excluded.value_at_risk_currency, excluded.as_of)",
    );
    Ok(out.execute(conn)?)
}
