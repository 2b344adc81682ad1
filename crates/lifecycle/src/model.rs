//! What was fitted to tell who will leave.

use crate::rules::risk::{ChurnModelKind, ChurnModelVerdict, Fitted, Trained};
use crate::{AREA, decimal};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::ChurnModelId;
use kith_kernel::{Bind, Custom, Cx, Meta, Resource, Result, Verb};
use kith_macros::resource;
use rust_decimal::Decimal;

/// A model of who will leave, fitted to the tenant's own history and tried on later customers. It is used only if it ranks
/// and weighs better than recency alone and its probabilities are right to 0.03.
#[resource(table = churn_models, id = ChurnModelId)]
pub struct ChurnModel {
    /// What it is: LOGISTIC if the model is used, GAP_RULE if the rule of the gap holds instead.
    #[field(filter, read_only)]
    pub kind: ChurnModelKind,
    /// Whether the model is used.
    #[field(filter, read_only)]
    pub is_shipped: bool,
    /// Why it is, or is not.
    #[field(filter, read_only)]
    pub reason: ChurnModelVerdict,
    /// What was fitted: `model`, `baseline` (recency alone) and `gap` (the rule of the gap), each with an intercept and terms
    /// of driver, coefficient and mean.
    #[field(read_only)]
    pub coefficients: Custom,
    /// The first day of the history it was fitted to.
    #[field(read_only)]
    pub trained_from: NaiveDate,
    /// The day as of which customers were looked at; who bought within the horizon after it stayed.
    #[field(filter, sort, read_only)]
    pub cut_off: NaiveDate,
    /// The later day as of which it was tried.
    #[field(read_only)]
    pub later_cut_off: NaiveDate,
    /// How many days after a cut-off were looked at, at most; a customer's own patience may be shorter.
    #[field(read_only)]
    pub horizon_days: i32,
    /// Customers it was fitted to.
    #[field(read_only)]
    pub customers: i32,
    /// The share of them that left.
    #[field(read_only)]
    pub base_rate: Decimal,
    /// Customers it was tried on.
    #[field(read_only)]
    pub later_customers: i32,
    /// The share of them that left.
    #[field(read_only)]
    pub later_base_rate: Decimal,
    /// How well it ranks the later customers: the area under the ROC curve, 0.5 being chance.
    #[field(read_only)]
    pub auc: Option<Decimal>,
    /// Mean squared error of its probabilities.
    #[field(read_only)]
    pub brier: Option<Decimal>,
    /// How well recency alone ranks them.
    #[field(read_only)]
    pub baseline_auc: Option<Decimal>,
    /// Mean squared error of the probabilities by recency alone.
    #[field(read_only)]
    pub baseline_brier: Option<Decimal>,
    /// Mean error of its probabilities, over ten bins.
    #[field(read_only)]
    pub calibration_error: Option<Decimal>,
}

impl Resource for ChurnModel {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
}

/// When a model was trained and tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first day of the history.
    pub from: NaiveDate,
    /// The day of the features.
    pub cut_off: NaiveDate,
    /// The day of the later features.
    pub later_cut_off: NaiveDate,
    /// Days looked at after each.
    pub horizon_days: i32,
}

/// Keeps what came of a training.
pub fn record(conn: &mut PgConnection, cx: &Cx, trained: &Trained, window: &Window) -> Result<ChurnModelId> {
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let of = |number: fn(&crate::rules::risk::Quality) -> f64| trained.quality.as_ref().map(number).and_then(decimal);
    let row = ChurnModel {
        meta: Meta::new(cx),
        kind: if trained.is_shipped() { ChurnModelKind::Logistic } else { ChurnModelKind::GapRule },
        is_shipped: trained.is_shipped(),
        reason: trained.verdict,
        coefficients: Custom(trained.fitted.to_json()),
        trained_from: window.from,
        cut_off: window.cut_off,
        later_cut_off: window.later_cut_off,
        horizon_days: window.horizon_days,
        customers: count(trained.customers),
        base_rate: decimal(trained.base_rate).unwrap_or_default(),
        later_customers: count(trained.later_customers),
        later_base_rate: decimal(trained.later_base_rate).unwrap_or_default(),
        auc: of(|quality| quality.auc),
        brier: of(|quality| quality.brier),
        baseline_auc: of(|quality| quality.baseline_auc),
        baseline_brier: of(|quality| quality.baseline_brier),
        calibration_error: of(|quality| quality.calibration_error),
    };
    let id = row.id();
    verbs::follow(conn, cx, row)?;
    Ok(id)
}

/// What was trained last: its id, what was fitted, and whether the model is used. As of a day: from what was known then. None:
/// nothing was.
pub fn latest(
    conn: &mut PgConnection,
    cx: &Cx,
    as_of: Option<NaiveDate>,
) -> Result<Option<(ChurnModelId, Fitted, bool)>> {
    let rows = store::rows::<ChurnModel>(conn, cx, |out| {
        if let Some(day) = as_of {
            out.sql(" AND t.later_cut_off + t.horizon_days <= ").bind(Bind::Date(Some(day)));
        }
        out.sql(" ORDER BY t.cut_off DESC, t.id DESC LIMIT 1");
    })?;
    Ok(rows.first().map(|row| (row.id(), Fitted::from_json(&row.coefficients.0), row.is_shipped)))
}
