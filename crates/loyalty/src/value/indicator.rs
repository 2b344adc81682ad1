//! The measures of a value model, and how much each counts.

use super::{ValueModel, model::ModelStatus};
use crate::AREA;
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::{ValueIndicatorId, ValueModelId};
use kith_kernel::{Bind, Custom, Cx, Error, Resource, Result, Violations, text_enum};
use kith_macros::resource;
use kith_statistics::Anchors;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

text_enum! {
    /// What an indicator measures. Amounts are in the reporting currency; the window is its own or that of the model.
    pub enum IndicatorSource {
        /// Net revenue of the window.
        Revenue = "REVENUE",
        /// Margin of the window, before the cost to serve.
        Margin = "MARGIN",
        /// Profit of the window, after the cost to serve.
        Profit = "PROFIT",
        /// Profit in per cent of the revenue.
        ProfitRate = "PROFIT_RATE",
        /// Days since the last purchase.
        Recency = "RECENCY",
        /// Occasions a year.
        Frequency = "FREQUENCY",
        /// Revenue of an occasion.
        AverageOccasion = "AVERAGE_OCCASION",
        /// Regularity of the gaps between purchases: near 1 chance, above 2 clockwork.
        Regularity = "REGULARITY",
        /// Days since the first purchase.
        Tenure = "TENURE",
        /// Per cent of the spend that was bought at a discount.
        DiscountShare = "DISCOUNT_SHARE",
        /// Per cent of the customer's own need that we cover.
        ShareOfWallet = "SHARE_OF_WALLET",
        /// What more there is to gain, 0 to 100.
        Potential = "POTENTIAL",
        /// Open opportunities, each times its chance.
        Pipeline = "PIPELINE",
        /// Contacts of the last 90 days that somebody who never bought began.
        Engagement = "ENGAGEMENT",
        /// Chance in per cent of a purchase within 90 days.
        PurchaseChance = "PURCHASE_CHANCE",
        /// Lifetime value.
        Clv = "CLV",
    }
}

text_enum! {
    /// Whose score an indicator counts for.
    #[derive(Default)]
    pub enum AppliesTo {
        /// Those who ever bought.
        #[default]
        Customers = "CUSTOMERS",
        /// Those who never did.
        Prospects = "PROSPECTS",
        /// All accounts.
        All = "ALL",
    }
}

/// What is measured, and for how many days back; none: those of the model.
pub type Measure = (IndicatorSource, Option<i32>);

/// Measures that can look back for days of their own: all else of a window rests on costs that are known for that of the model.
const WINDOWED: [IndicatorSource; 4] =
    [IndicatorSource::Revenue, IndicatorSource::Margin, IndicatorSource::Frequency, IndicatorSource::AverageOccasion];

text_enum! {
    /// Which end of a measure is good.
    #[derive(Default)]
    pub enum Direction {
        /// More is better.
        #[default]
        Higher = "HIGHER",
        /// Less is better.
        Lower = "LOWER",
    }
}

text_enum! {
    /// How a measure becomes points from 0 to 100.
    #[derive(Default)]
    pub enum IndicatorScale {
        /// By the share of the other customers that lie below. It moves when others move.
        #[default]
        Percentile = "PERCENTILE",
        /// By straight lines between the anchors. It moves with the customer alone.
        Anchors = "ANCHORS",
        /// By bands: each anchor begins one, with its points for all of it. It moves with the customer alone.
        Bands = "BANDS",
    }
}

text_enum! {
    /// What an unknown measure does.
    #[derive(Default)]
    pub enum MissingPolicy {
        /// It is left out, and the others count for more.
        #[default]
        Drop = "DROP",
        /// It counts as 50 points.
        Neutral = "NEUTRAL",
        /// There is no score.
        Block = "BLOCK",
    }
}

/// One measure of a value model. The score of a customer is the weighted mean of the points of its indicators; with less
/// than 60 % of the weight known there is none. Indicators change while their model is a DRAFT.
#[resource(table = value_indicators, id = ValueIndicatorId)]
pub struct ValueIndicator {
    /// The model.
    #[field(filter, create_only)]
    pub model_id: ValueModelId,
    /// Its short name, unique within the model; contributions name it.
    #[field(filter, max = 40, example = "\"profit\"")]
    pub code: String,
    /// Its place among the others.
    #[field(sort, default)]
    pub position: i32,
    /// What it measures.
    #[field(filter, example = "\"PROFIT\"")]
    pub source: IndicatorSource,
    /// Days looked back, 7 to 3650, for REVENUE, MARGIN, FREQUENCY and AVERAGE_OCCASION; those of the model unless given.
    #[field(example = "90")]
    pub window_days: Option<i32>,
    /// Whose score it counts for. Where none counts for those who never bought, they have no score.
    #[field(filter, default)]
    pub applies_to: AppliesTo,
    /// Which end is good.
    #[field(default)]
    pub direction: Direction,
    /// How it becomes points.
    #[field(default)]
    pub scale: IndicatorScale,
    /// For ANCHORS and BANDS: pairs of a value and its points, with rising values. ANCHORS: straight lines between them, flat
    /// beyond. BANDS: the points of the last one that is not above the measure; below the first one those of the first.
    #[field(default, example = "[[0, 0], [1000, 60], [10000, 100]]")]
    pub anchors: Custom,
    /// How much it counts, against the weights of the others. The verb `weigh` of the model sets it from comparisons.
    #[field(filter, example = "\"40\"")]
    pub weight: Decimal,
    /// What to do where it is unknown.
    #[field(default)]
    pub missing: MissingPolicy,
}

impl Resource for ValueIndicator {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        violations.ensure(!self.weight.is_sign_negative(), "/weight", "OUT_OF_RANGE", "A weight is not negative.");
        if let Some(days) = self.window_days {
            let fits = (7..=3_650).contains(&days);
            violations.ensure(fits, "/windowDays", "OUT_OF_RANGE", "Expected 7 to 3650 days.");
            let known = WINDOWED.contains(&self.source);
            let detail = "Only REVENUE, MARGIN, FREQUENCY and AVERAGE_OCCASION have a window of their own.";
            violations.ensure(known, "/windowDays", "INVALID", detail);
        }
        let wants = self.scale != IndicatorScale::Percentile;
        let detail = "Expected pairs of a value and its points (0 to 100), at least two, with rising values.";
        violations.ensure(!wants || self.points().is_some(), "/anchors", "INVALID", detail);
        let none = match &self.anchors.0 {
            Value::Array(pairs) => pairs.is_empty(),
            Value::Object(members) => members.is_empty(),
            other => other.is_null(),
        };
        violations.ensure(wants || none, "/anchors", "INVALID", "Anchors belong to the scales ANCHORS and BANDS.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        // One that is not there is refused by the foreign key.
        let model = store::lock_whole::<ValueModel>(conn, cx, self.model_id.0, true)?;
        if model.is_some_and(|model| model.status != ModelStatus::Draft) {
            return Err(Error::illegal("Indicators change while their model is a DRAFT.", &[]));
        }
        Ok(())
    }
}

impl ValueIndicator {
    /// What it measures.
    pub fn measure(&self) -> Measure {
        (self.source, self.window_days)
    }

    /// Whether it counts for somebody who ever bought, or never did.
    pub fn applies(&self, bought: bool) -> bool {
        match self.applies_to {
            AppliesTo::Customers => bought,
            AppliesTo::Prospects => !bought,
            AppliesTo::All => true,
        }
    }

    /// The windows that indicators have of their own, each once.
    pub fn windows(all: &[Self]) -> Vec<i32> {
        let mut windows: Vec<i32> = all.iter().filter_map(|one| one.window_days).collect();
        windows.sort_unstable();
        windows.dedup();
        windows
    }

    /// Its anchors, where they make sense.
    pub(crate) fn points(&self) -> Option<Anchors> {
        let pairs = self.anchors.0.as_array()?.iter().map(|pair| {
            let [value, points] = pair.as_array()?.as_slice() else { return None };
            let points = points.as_f64().filter(|points| (0.0..=100.0).contains(points))?;
            Some((value.as_f64()?, points))
        });
        Anchors::new(pairs.collect::<Option<_>>()?).ok()
    }

    /// Those of a model, in their order. A model without any is scored by profit, frequency and recency.
    pub fn of(conn: &mut PgConnection, cx: &Cx, model: &ValueModel) -> Result<Vec<Self>> {
        let found = store::rows::<Self>(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND t.model_id = ").bind(Bind::Uuid(Some(model.meta.id)));
            out.sql(" ORDER BY t.position, t.id");
        })?;
        Ok(if found.is_empty() { usual(cx, model.meta.id) } else { found })
    }
}

/// What counts where nothing was said.
fn usual(cx: &Cx, model: Uuid) -> Vec<ValueIndicator> {
    let all = [
        ("profit", IndicatorSource::Profit, Direction::Higher, 50),
        ("frequency", IndicatorSource::Frequency, Direction::Higher, 30),
        ("recency", IndicatorSource::Recency, Direction::Lower, 20),
    ];
    let indicator = |(code, source, direction, weight): (&str, _, _, i64)| {
        let blank = <ValueIndicator as kith_kernel::Shape>::blank(kith_kernel::Meta::new(cx));
        let weight = Decimal::from(weight);
        ValueIndicator { model_id: ValueModelId(model), code: code.into(), source, direction, weight, ..blank }
    };
    all.into_iter().map(indicator).collect()
}
