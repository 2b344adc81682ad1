//! The numbers of the rules, by version: written as a draft, then published.

use crate::{AREA, rules};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, verbs};
use kith_kernel::ids::LifecyclePolicyId;
use kith_kernel::{
    Action, Bind, Command, Cx, Error, Nothing, Resource, Result, Row, Shape, Statement, Violations, text_enum,
};
use kith_macros::resource;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use uuid::Uuid;

text_enum! {
    /// How far a policy is.
    #[derive(Default)]
    pub enum LifecyclePolicyStatus {
        /// It is being written.
        #[default]
        Draft = "DRAFT",
        /// The rules go by it.
        Published = "PUBLISHED",
        /// A later one has taken its place.
        Retired = "RETIRED",
    }
}

/// The numbers that the rules for stages go by. A DRAFT can change; `publish` puts it in the place of the one before, and it
/// then stays as it is. A number that is not given is that of the definition. Without a published policy the rules go by the
/// definition.
#[resource(table = lifecycle_policies, id = LifecyclePolicyId)]
pub struct LifecyclePolicy {
    /// Its name.
    #[field(filter, sort, max = 200, example = "\"Calmer winters\"")]
    pub name: String,
    /// Which version it is, from 1.
    #[field(filter, sort, read_only)]
    pub number: i32,
    /// How far it is.
    #[field(filter, read_only, default)]
    pub status: LifecyclePolicyStatus,
    /// When it was published.
    #[field(filter, read_only)]
    pub published_at: Option<DateTime<Utc>>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
    /// Silence, in typical gaps of the customer, beyond which a relationship falls apart; 3 by default. Without a published
    /// policy it is what nineteen of twenty gaps of all customers stay below, if there are 1,000 gaps.
    pub silence_limit: Option<Decimal>,
    /// The share of its earlier best that the margin of the last periods must not fall to; 0.6 by default.
    pub fall_to: Option<Decimal>,
    /// Purchase occasions from which such a fall counts; 4 by default.
    pub fall_occasions: Option<i32>,
    /// Days after which an open severe case counts, if the margin falls; 30 by default.
    pub case_days: Option<i32>,
    /// Growth a period, as a share of the mean, above which a relationship grows; 0.05 by default.
    pub growth: Option<Decimal>,
    /// In how many of the last periods the level must have risen for that; 4 by default.
    pub rises: Option<i32>,
    /// How many last periods growth is read from; 6 by default.
    pub growth_periods: Option<i32>,
    /// How many periods make a level; 3 by default.
    pub level_periods: Option<i32>,
    /// Purchase occasions below which a relationship is an exploration; 3 by default.
    pub exploration_occasions: Option<i32>,
    /// Periods since the first purchase before which it is one; 2 by default.
    pub exploration_periods: Option<Decimal>,
    /// Periods for which a stage is kept at least, unless the relationship falls apart; 1 by default.
    pub keep_periods: Option<i32>,
    /// The shortest period, in months; 1 by default. A period is as long as the gap of the peers, if that is longer.
    pub least_period_months: Option<i32>,
    /// The quantile of its own periods that a larger one counts as, for growth only; 0.95 by default.
    pub winsor: Option<Decimal>,
    /// Whether periods are compared with those of a year before, once there are 24 months.
    #[field(default)]
    pub is_seasonal: bool,
    /// Days after the end of a contract within which it can be renewed before its customer counts as lost; 30 by default.
    pub grace_days: Option<i32>,
    /// Purchase occasions from which a customer is REGULAR; 2 by default.
    pub regular_occasions: Option<i32>,
    /// Purchase occasions from which a customer is LONG_STANDING; 4 by default.
    pub long_standing_occasions: Option<i32>,
    /// Gaps of the peers since the first purchase from which a customer is LONG_STANDING; 4 by default.
    pub long_standing_gaps: Option<Decimal>,
    /// Loyalty index, of 100, from which a long-standing customer who is not at risk is LOYAL; 70 by default.
    pub loyal_index: Option<Decimal>,
}

impl Resource for LifecyclePolicy {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn commands() -> Vec<Command> {
        let may = |cx: &Cx| cx.require(cx.entry(LifecyclePolicy::NAME)?, Action::Update).map(drop);
        let doc = "Publishes a DRAFT: the rules go by it from their next run on, and the policy before is RETIRED.";
        vec![Command::new("publish", doc, may, publish)]
    }

    fn check(&self, violations: &mut Violations) {
        let mut decimal = |name: &str, value: Option<Decimal>, low: Decimal, high: Decimal| {
            let fits = value.is_none_or(|value| value >= low && value <= high);
            let detail = format!("Expected {} to {}.", low.normalize(), high.normalize());
            violations.ensure(fits, name, "OUT_OF_RANGE", &detail);
        };
        let (zero, one) = (Decimal::ZERO, Decimal::ONE);
        decimal("/silenceLimit", self.silence_limit, one, Decimal::from(100));
        decimal("/fallTo", self.fall_to, zero, one);
        decimal("/growth", self.growth, zero, Decimal::from(10));
        decimal("/explorationPeriods", self.exploration_periods, zero, Decimal::from(36));
        decimal("/winsor", self.winsor, Decimal::new(5, 1), one);
        decimal("/longStandingGaps", self.long_standing_gaps, zero, Decimal::from(1_000));
        decimal("/loyalIndex", self.loyal_index, zero, Decimal::from(100));
        let mut int = |name: &str, value: Option<i32>, low: i32, high: i32| {
            let fits = value.is_none_or(|value| (low..=high).contains(&value));
            violations.ensure(fits, name, "OUT_OF_RANGE", &format!("Expected {low} to {high}."));
        };
        int("/fallOccasions", self.fall_occasions, 1, 1_000);
        int("/caseDays", self.case_days, 0, 3_650);
        int("/graceDays", self.grace_days, 0, 3_650);
        int("/growthPeriods", self.growth_periods, 2, 36);
        int("/rises", self.rises, 0, self.growth_periods.unwrap_or(36));
        int("/levelPeriods", self.level_periods, 1, 12);
        int("/explorationOccasions", self.exploration_occasions, 1, 1_000);
        int("/keepPeriods", self.keep_periods, 0, 36);
        int("/leastPeriodMonths", self.least_period_months, 1, 12);
        int("/regularOccasions", self.regular_occasions, 1, 1_000);
        int("/longStandingOccasions", self.long_standing_occasions, 1, 1_000);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        match before {
            None => self.number = next(conn, cx)?,
            Some(before) => {
                // Drafts change, and a verb may say how far one is; the rest is history.
                let is_fixed = before.status != LifecyclePolicyStatus::Draft && before.status == self.status;
                let same = Self { meta: before.meta.clone(), ..self.clone() } == *before;
                let is_needed = self.status == LifecyclePolicyStatus::Published && self.meta.archived_at.is_some();
                if is_fixed && (!same || is_needed) {
                    let detail =
                        format!("A policy that is {} stays as it is. Write a new one.", before.status.as_str());
                    return Err(Error::illegal(detail, &[]));
                }
            }
        }
        self.fill();
        Ok(())
    }
}

/// The next number.
fn next(conn: &mut PgConnection, cx: &Cx) -> Result<i32> {
    store::one_at_a_time(conn, cx, LifecyclePolicy::NAME)?;
    let mut out = Statement::new("SELECT coalesce(max(number), 0) + 1 FROM lifecycle_policies WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    Ok(RunQueryDsl::get_result::<(i32,)>(out.typed::<(st::Integer,)>(), conn)?.0)
}

impl LifecyclePolicy {
    /// Sets what is not given to the numbers of the definition.
    fn fill(&mut self) {
        let default = rules::Policy::default();
        let real = |slot: &mut Option<Decimal>, value: f64| {
            slot.get_or_insert(crate::decimal(value).unwrap_or_default());
        };
        real(&mut self.silence_limit, default.silence_limit);
        real(&mut self.fall_to, default.fall_to);
        real(&mut self.growth, default.growth);
        real(&mut self.exploration_periods, default.exploration_periods);
        real(&mut self.winsor, default.winsor);
        real(&mut self.long_standing_gaps, default.long_standing_gaps);
        real(&mut self.loyal_index, default.loyal_index);
        let count = |slot: &mut Option<i32>, value: u32| {
            slot.get_or_insert(i32::try_from(value).unwrap_or(i32::MAX));
        };
        count(&mut self.fall_occasions, default.fall_occasions);
        count(&mut self.case_days, default.case_days);
        count(&mut self.grace_days, default.grace_days);
        count(&mut self.rises, default.rises);
        count(&mut self.growth_periods, default.growth_periods);
        count(&mut self.level_periods, default.level_periods);
        count(&mut self.exploration_occasions, default.exploration_occasions);
        count(&mut self.keep_periods, default.keep_periods);
        count(&mut self.least_period_months, default.least_period_months);
        count(&mut self.regular_occasions, default.regular_occasions);
        count(&mut self.long_standing_occasions, default.long_standing_occasions);
    }

    /// As the rules take it.
    pub fn policy(&self) -> rules::Policy {
        let d = rules::Policy::default();
        let real = |value: Option<Decimal>, default: f64| value.and_then(|value| value.to_f64()).unwrap_or(default);
        let count = |value: Option<i32>, default: u32| value.and_then(|n| u32::try_from(n).ok()).unwrap_or(default);
        rules::Policy {
            silence_limit: real(self.silence_limit, d.silence_limit),
            fall_to: real(self.fall_to, d.fall_to),
            fall_occasions: count(self.fall_occasions, d.fall_occasions),
            case_days: count(self.case_days, d.case_days),
            growth: real(self.growth, d.growth),
            grace_days: count(self.grace_days, d.grace_days),
            rises: count(self.rises, d.rises),
            growth_periods: count(self.growth_periods, d.growth_periods),
            level_periods: count(self.level_periods, d.level_periods),
            exploration_occasions: count(self.exploration_occasions, d.exploration_occasions),
            exploration_periods: real(self.exploration_periods, d.exploration_periods),
            keep_periods: count(self.keep_periods, d.keep_periods),
            least_period_months: count(self.least_period_months, d.least_period_months),
            winsor: real(self.winsor, d.winsor),
            is_seasonal: self.is_seasonal,
            regular_occasions: count(self.regular_occasions, d.regular_occasions),
            long_standing_occasions: count(self.long_standing_occasions, d.long_standing_occasions),
            long_standing_gaps: real(self.long_standing_gaps, d.long_standing_gaps),
            loyal_index: real(self.loyal_index, d.loyal_index),
        }
    }
}

fn published(conn: &mut PgConnection, cx: &Cx) -> Result<Option<LifecyclePolicy>> {
    let rows = store::rows::<LifecyclePolicy>(conn, cx, |out| {
        out.sql(" AND t.status = 'PUBLISHED'");
    });
    Ok(rows?.into_iter().next())
}

/// The numbers that hold now, with the policy they are from; none: those of the definition.
pub fn current(conn: &mut PgConnection, cx: &Cx) -> Result<(rules::Policy, Option<LifecyclePolicyId>)> {
    let found = published(conn, cx)?;
    Ok(found.map_or((rules::Policy::default(), None), |found| (found.policy(), Some(found.id()))))
}

fn publish(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    // Of many who publish at once each finds the one before.
    store::one_at_a_time(conn, cx, LifecyclePolicy::NAME)?;
    let before = published(conn, cx)?.filter(|before| before.meta.id != id);
    // First the right and the state of this one, so that nothing is retired in vain.
    let draft = store::lock(conn, cx, cx.entry(LifecyclePolicy::NAME)?, id, Action::Update)?;
    let status = draft.any().downcast_ref::<LifecyclePolicy>().map(|policy| policy.status);
    if let Some(status) = status.filter(|status| *status != LifecyclePolicyStatus::Draft) {
        return Err(Error::illegal(format!("Only a DRAFT is published; it is {}.", status.as_str()), &[]));
    }
    if let Some(before) = before {
        verbs::change::<LifecyclePolicy>(conn, &cx.as_system(), before.meta.id, None, "retired", |_, policy| {
            policy.status = LifecyclePolicyStatus::Retired;
            Ok(())
        })?;
    }
    verbs::change(conn, cx, id, seen, "published", |_, policy: &mut LifecyclePolicy| {
        (policy.status, policy.published_at) = (LifecyclePolicyStatus::Published, Some(cx.now));
        Ok(())
    })
}
