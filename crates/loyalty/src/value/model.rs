//! Value models: the tenant's own definition of a good customer, in versions. A draft is edited and simulated; publishing
//! it makes it the one that counts, and ends the one before.

use super::{ValueIndicator, segment};
use crate::AREA;
use crate::standing::Weights;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::ValueModelId;
use kith_kernel::{
    Action, Bind, Command, Custom, Cx, Error, Nothing, Relation, Resource, Result, Row, Shape, Violations, text_enum,
};
use kith_macros::resource;
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// How far a value model is.
    #[derive(Default)]
    pub enum ModelStatus {
        /// It can be changed and simulated, and counts for nothing.
        #[default]
        Draft = "DRAFT",
        /// It is the one that counts.
        Published = "PUBLISHED",
        /// It counted until another was published.
        Retired = "RETIRED",
    }
}

text_enum! {
    /// How customers are put into the layers of the pyramid.
    #[derive(Default)]
    pub enum PyramidScheme {
        /// By shares of the active customers: the borders are percentages, counted from the top.
        #[default]
        Quota = "QUOTA",
        /// By score: the borders are scores.
        Thresholds = "THRESHOLDS",
        /// By what they bring together: the borders are cumulative percentages of the revenue, counted from the top.
        Contribution = "CONTRIBUTION",
    }
}

text_enum! {
    /// What the quadrant takes for present value.
    #[derive(Default)]
    pub enum QuadrantScheme {
        /// Profit of the window.
        #[default]
        Profit = "PROFIT",
        /// The score.
        Score = "SCORE",
    }
}

text_enum! {
    /// The model of purchases that lifetime values rest on.
    #[derive(Default)]
    pub enum PurchaseKind {
        /// BG/NBD (Fader, Hardie & Lee 2005): the usual choice. It takes everybody without a repeat for alive.
        #[default]
        BgNbd = "BG_NBD",
        /// MBG/NBD (Batislam, Denizel & Filiztekin 2007): customers may leave after their first purchase, too.
        MbgNbd = "MBG_NBD",
        /// Pareto/NBD (Schmittlein, Morrison & Colombo 1987): customers may leave at any time.
        ParetoNbd = "PARETO_NBD",
    }
}

/// The numbers of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Days looked back.
    pub window_days: i32,
    /// Months looked ahead.
    pub horizon_months: i32,
    /// Of the layers, from the top.
    pub borders: [Decimal; 3],
    /// Per cent.
    pub default_margin: Decimal,
    /// Per cent.
    pub monthly_discount: Decimal,
    /// Per cent.
    pub attitude_weight: Decimal,
}

/// How customers are valued: the window that is looked at, the layers of the pyramid, the cuts of the quadrant and the
/// terms of lifetime values; the measures with their weights are its indicators. Models are versions: only a DRAFT
/// changes, `publish` makes it the one that counts, and what was computed under another stays as it was.
#[resource(table = value_models, id = ValueModelId)]
pub struct ValueModel {
    /// Its name.
    #[field(filter, sort, max = 100, example = "\"Value 2027\"")]
    pub name: String,
    /// Its version: 1, 2, 3 …
    #[field(filter, sort, read_only)]
    pub number: i32,
    /// How far it is.
    #[field(filter, read_only)]
    pub status: ModelStatus,
    /// Since when it counts, or when it began to.
    #[field(filter, read_only)]
    pub published_at: Option<DateTime<Utc>>,
    /// Days looked back, 30 to 3650; 365 unless given. Revenue, profit, RFM, score and classes are about these days.
    #[field(example = "365")]
    pub window_days: Option<i32>,
    /// How the pyramid is cut.
    #[field(default)]
    pub pyramid: PyramidScheme,
    /// Border of the TOP layer. For QUOTA per cent of the active customers (1 unless given), for THRESHOLDS the least
    /// score, for CONTRIBUTION the cumulative per cent of the revenue.
    #[field(example = "\"1\"")]
    pub top_border: Option<Decimal>,
    /// Border of the LARGE layer, counted like `topBorder`; for QUOTA the next 4 % unless given.
    #[field(example = "\"4\"")]
    pub large_border: Option<Decimal>,
    /// Border of the MEDIUM layer, counted like `topBorder`; for QUOTA the next 15 % unless given. The rest is SMALL.
    #[field(example = "\"15\"")]
    pub medium_border: Option<Decimal>,
    /// What the quadrant takes for present value.
    #[field(default)]
    pub quadrant: QuadrantScheme,
    /// From which present value on a customer is GOLD or PLATINUM: an amount in the reporting currency, or a score. Not
    /// given: for PROFIT, the fewest customers who together make 80 % of the profit; for SCORE, the median.
    #[field(example = "\"5000\"")]
    pub value_cut: Option<Decimal>,
    /// From which potential (0 to 100) on a customer is IRON or PLATINUM; the median unless given.
    #[field(example = "\"50\"")]
    pub potential_cut: Option<Decimal>,
    /// Margin in per cent that lines without a known cost are taken to have, where the family of the product names none; 30
    /// unless given. Values that rest on it are PARTIAL.
    #[field(example = "\"30\"")]
    pub default_margin: Option<Decimal>,
    /// The model of purchases.
    #[field(default)]
    pub purchase_model: PurchaseKind,
    /// Months that lifetime values look ahead, 1 to 120; 12 unless given.
    #[field(example = "12")]
    pub horizon_months: Option<i32>,
    /// Discount in per cent a month; 1 unless given.
    #[field(example = "\"1\"")]
    pub monthly_discount: Option<Decimal>,
    /// Per cent of the loyalty index that is attitude, 0 to 100; 50 unless given. The rest is behaviour.
    #[field(example = "\"50\"")]
    pub attitude_weight: Option<Decimal>,
    /// How much signs of loyalty count beside the others of their half, by their names, from 0 to 100; 1 for those that are
    /// not named.
    #[field(default, example = "{\"SHARE_OF_NEED\": \"2\", \"STATED_INTENTION\": \"0.5\"}")]
    pub sign_weights: Custom,
    /// What the scores of recency (1 to 5) and of frequency and money together (2 to 10) are called: a list of fields, of which
    /// the first that fits counts, and which together name all scores. Not given: the usual map, which is written down here.
    #[field(
        default,
        example = "[{\"segment\": \"CHAMPION\", \"recency\": [4, 5], \"value\": [8, 10]}, {\"segment\": \"LOST\", \"recency\": [1, 5], \"value\": [2, 10]}]"
    )]
    pub rfm_segments: Custom,
    /// Why it is as it is.
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

impl Resource for ValueModel {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::many("indicators", "value-indicators", "model_id", "What it measures, with weights.")];

    fn commands() -> Vec<Command> {
        let doc = "Makes a draft the model that counts, and ends the one before. Values follow with the next run, which \
                   is asked for at once. Its indicators need a positive weight together.";
        let weighing = "Sets the weights of all indicators of a draft from comparisons of pairs (AHP, Saaty 1980), each on the \
                        scale from 1 to 9. Comparisons that contradict each other (a consistency ratio above 0.10) are refused.";
        vec![
            Command::new("publish", doc, |cx| may(cx, Action::Update), publish),
            Command::new("weigh", weighing, |cx| may(cx, Action::Update), super::weigh::weigh),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        let terms = self.terms();
        let fits = (30..=3650).contains(&terms.window_days);
        violations.ensure(fits, "/windowDays", "OUT_OF_RANGE", "Expected 30 to 3650 days.");
        let fits = (1..=120).contains(&terms.horizon_months);
        violations.ensure(fits, "/horizonMonths", "OUT_OF_RANGE", "Expected 1 to 120 months.");
        let percent = |value: Decimal| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&value);
        let [top, large, medium] = terms.borders;
        let all = [
            ("/topBorder", top),
            ("/largeBorder", large),
            ("/mediumBorder", medium),
            ("/defaultMargin", terms.default_margin),
            ("/monthlyDiscount", terms.monthly_discount),
            ("/attitudeWeight", terms.attitude_weight),
        ];
        for (at, value) in all.into_iter().chain(self.potential_cut.map(|cut| ("/potentialCut", cut))) {
            violations.ensure(percent(value), at, "OUT_OF_RANGE", "Expected 0 to 100.");
        }
        if let Err(detail) = self.weights() {
            violations.add("/signWeights", "INVALID", detail);
        }
        if let Err(detail) = segment::map(&self.rfm_segments.0) {
            violations.add("/rfmSegments", "INVALID", detail);
        }
        let ordered = match self.pyramid {
            PyramidScheme::Quota => top + large + medium <= Decimal::ONE_HUNDRED,
            PyramidScheme::Thresholds => top >= large && large >= medium,
            PyramidScheme::Contribution => top <= large && large <= medium,
        };
        let detail =
            "Quotas make at most 100 together; scores fall from topBorder to mediumBorder; contributions rise.";
        violations.ensure(ordered, "/mediumBorder", "INVALID", detail);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some_and(|before| before.status != ModelStatus::Draft && before.status == self.status) {
            return Err(Error::illegal("Only a draft changes. Make a new model.", &[]));
        }
        if before.is_none() {
            store::one_at_a_time(conn, cx, Self::TABLE)?;
            let last = store::rows::<Self>(conn, cx, |out| {
                out.sql(" ORDER BY t.number DESC LIMIT 1");
            })?;
            self.number = last.first().map_or(0, |model| model.number) + 1;
        }
        // What was not given is written down, so that a published model stays what it is whatever becomes usual.
        let terms = self.terms();
        (self.window_days, self.horizon_months) = (Some(terms.window_days), Some(terms.horizon_months));
        let [top, large, medium] = terms.borders.map(Some);
        (self.top_border, self.large_border, self.medium_border) = (top, large, medium);
        (self.default_margin, self.monthly_discount) = (Some(terms.default_margin), Some(terms.monthly_discount));
        self.attitude_weight = Some(terms.attitude_weight);
        if segment::map(&self.rfm_segments.0).is_ok_and(|map| map.is_empty()) {
            self.rfm_segments = Custom(segment::written(&segment::USUAL));
        }
        Ok(())
    }
}

impl ValueModel {
    /// Its numbers, the usual ones in place of those that were not given.
    pub fn terms(&self) -> Terms {
        let borders = match self.pyramid {
            PyramidScheme::Quota => [1, 4, 15],
            PyramidScheme::Thresholds => [80, 60, 40],
            PyramidScheme::Contribution => [50, 80, 95],
        };
        let [top, large, medium] = borders.map(Decimal::from);
        Terms {
            window_days: self.window_days.unwrap_or(365),
            horizon_months: self.horizon_months.unwrap_or(12),
            borders: [
                self.top_border.unwrap_or(top),
                self.large_border.unwrap_or(large),
                self.medium_border.unwrap_or(medium),
            ],
            default_margin: self.default_margin.unwrap_or(Decimal::from(30)),
            monthly_discount: self.monthly_discount.unwrap_or(Decimal::ONE),
            attitude_weight: self.attitude_weight.unwrap_or(Decimal::from(50)),
        }
    }

    /// How much the signs of loyalty count; what is wrong with what was written.
    pub fn weights(&self) -> std::result::Result<Weights, String> {
        Weights::told(self.terms().attitude_weight / Decimal::ONE_HUNDRED, &self.sign_weights.0)
    }

    /// The one that counts.
    pub fn published(conn: &mut PgConnection, cx: &Cx) -> Result<Option<Self>> {
        let found = store::rows::<Self>(conn, cx, |out| {
            out.sql(" AND t.status = ").bind(Bind::Text(Some(ModelStatus::Published.as_str().to_owned())));
        })?;
        Ok(found.into_iter().next())
    }

    /// What counts where nothing was published: the usual window, layers and terms.
    pub fn usual(cx: &Cx) -> Self {
        Self::blank(kith_kernel::Meta::new(cx))
    }
}

fn may(cx: &Cx, action: Action) -> Result<()> {
    cx.require(cx.entry(ValueModel::NAME)?, action).map(drop)
}

fn publish(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    // Two that are published at the same time must not both see none before them.
    store::one_at_a_time(conn, cx, ValueModel::TABLE)?;
    if let Some(before) = ValueModel::published(conn, cx)?.filter(|before| before.meta.id != id) {
        verbs::change::<ValueModel>(conn, &cx.as_system(), before.meta.id, None, "retired", |_, model| {
            model.status = ModelStatus::Retired;
            Ok(())
        })?;
    }
    let row = verbs::change::<ValueModel>(conn, cx, id, seen, "published", |conn, model| {
        if model.status != ModelStatus::Draft {
            return Err(Error::illegal(format!("The model is {}.", model.status.as_str()), &[]));
        }
        // With nothing to count, nobody would be scored.
        if ValueIndicator::of(conn, cx, model)?.iter().all(|indicator| indicator.weight <= Decimal::ZERO) {
            return Err(Error::illegal("The indicators of the model need a positive weight together.", &[]));
        }
        model.status = ModelStatus::Published;
        model.published_at = Some(cx.now);
        Ok(())
    })?;
    super::run::ask(conn, cx)?;
    Ok(row)
}
