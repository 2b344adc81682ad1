//! Where the relationship with each account stands, and the verbs by which a person says so.

use crate::rules::churn::CustomerActivity;
use crate::rules::{LifecycleRule, LifecycleStage, LoyaltyStage};
use crate::{AREA, standing};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::verbs;
use kith_kernel::ids::{AccountId, LifecycleId};
use kith_kernel::{
    Act, Action, Command, Custom, Cx, Error, Input, Nothing, Ownership, Relation, Resource, Result, Row, Shape, Verb,
    text_enum,
};
use kith_macros::{input, resource};
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// What set a stage.
    #[derive(Default)]
    pub enum LifecycleSource {
        /// The rules.
        #[default]
        Rule = "RULE",
        /// A person.
        Manual = "MANUAL",
        /// Another system.
        Import = "IMPORT",
    }
}

/// Where the relationship with an account stands. Its id is the account's id. The rules keep it; `override` sets the stage
/// by hand, `release` gives it back to the rules.
#[resource(table = lifecycles, id = LifecycleId, derived)]
pub struct Lifecycle {
    /// The account; the same as the id.
    #[field(filter, read_only, id)]
    pub account_id: AccountId,
    /// The stage of the relationship.
    #[field(filter, sort, read_only, default)]
    pub stage: LifecycleStage,
    /// The day the stage began.
    #[field(filter, sort, read_only)]
    pub since: NaiveDate,
    /// The stage before it; null: it is the first.
    #[field(filter, read_only)]
    pub previous_stage: Option<LifecycleStage>,
    /// The rule that set the stage, or that will move it when it has been kept for long enough.
    #[field(filter, read_only)]
    pub rule: LifecycleRule,
    /// How sure the rules are, from 0 to 1.
    #[field(filter, read_only)]
    pub confidence: Decimal,
    /// The numbers that the rules decided by: typicalGap, silence and silenceLimit, level, peak, growth and more. Where the
    /// rules point to another stage, `target` names it and `keptUntil` says from when it is entered.
    #[field(read_only)]
    pub evidence: Custom,
    /// What set the stage.
    #[field(filter, read_only, default)]
    pub source: LifecycleSource,
    /// Why it was set by hand.
    #[field(read_only)]
    pub manual_reason: Option<String>,
    /// The last day on which what was set by hand holds.
    #[field(filter, read_only)]
    pub manual_until: Option<NaiveDate>,
    /// How far the customer has come, from prospect to loyal.
    #[field(filter, sort, read_only, default)]
    pub loyalty_stage: LoyaltyStage,
    /// Whether it still is a customer, by the silence alone.
    #[field(filter, read_only, default)]
    pub activity: CustomerActivity,
    /// The day it began to count as lost; null: it does not.
    #[field(filter, read_only)]
    pub churned_on: Option<NaiveDate>,
    /// How many lifetimes it has had as a customer: 0 for a prospect, 2 after it came back once.
    #[field(filter, read_only)]
    pub lifetimes: i32,
    /// The day as of which all this was computed.
    #[field(filter, read_only)]
    pub as_of: NaiveDate,
    /// The first day on which time alone may change it.
    #[field(filter, read_only)]
    pub next_review: NaiveDate,
}

impl Resource for Lifecycle {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("transitions", "lifecycle-transitions", "account_id", "Every move from stage to stage."),
        Relation::many("churnEvents", "churn-events", "account_id", "When it was, or may have been, lost."),
    ];

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
            Command::new(name, doc, |cx| cx.require(cx.entry(Lifecycle::NAME)?, Action::Update).map(drop), run)
        }
        vec![
            one(
                "override",
                "Sets the stage by hand, until a day. It may be the present stage, or one that may follow it. Until that day the rules leave it.",
                override_stage,
            ),
            one("release", "Gives a stage that was set by hand back to the rules, before its day.", release),
        ]
    }
}

/// The stage by hand.
#[input]
pub struct Override {
    /// The stage: the present one, to keep it, or one that may follow.
    #[field(example = "\"DEGENERATION\"")]
    pub stage: LifecycleStage,
    /// Why.
    #[field(max = 2_000, example = "\"Their new director wants to change supplier.\"")]
    pub reason: String,
    /// The last day on which it holds; not more than a year from now.
    #[field(example = "\"2027-01-31\"")]
    pub until: NaiveDate,
}

fn override_stage(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    input: Override,
) -> Result<Box<dyn Row>> {
    let today = cx.today();
    let latest = today.checked_add_days(chrono::Days::new(366)).unwrap_or(today);
    verbs::change(conn, cx, id, seen, "overridden", |conn, lifecycle: &mut Lifecycle| {
        if input.until < today || input.until > latest {
            return Err(Error::invalid("/until", "OUT_OF_RANGE", "Expected a day from today until a year from now."));
        }
        if input.stage != lifecycle.stage {
            let step = standing::Step::by_hand(input.stage, Some(input.reason.clone()));
            standing::step(conn, cx, lifecycle, &step)?;
        }
        lifecycle.rule = LifecycleRule::Manual;
        lifecycle.source = LifecycleSource::Manual;
        lifecycle.confidence = Decimal::ONE;
        lifecycle.manual_reason = Some(input.reason);
        lifecycle.manual_until = Some(input.until);
        lifecycle.next_review = lifecycle.review_by(lifecycle.next_review);
        Ok(())
    })
}

fn release(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "released", |_, lifecycle: &mut Lifecycle| {
        if lifecycle.manual_until.is_none() {
            return Err(Error::illegal("Its stage was not set by hand.", &["override"]));
        }
        // The stage stays until the rules look again, which is due.
        lifecycle.source = LifecycleSource::Rule;
        (lifecycle.manual_reason, lifecycle.manual_until) = (None, None);
        lifecycle.next_review = cx.today();
        Ok(())
    })
}
