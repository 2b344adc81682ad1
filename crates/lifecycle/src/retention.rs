//! What is planned and done to keep customers. A part of each campaign is left alone, so that its effect can be told.

use crate::AREA;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{AccountId, ChurnEventId, RetentionActionId, RetentionPlanId, TeamId, UserId};
use kith_kernel::{
    Act, Action, Command, Cx, Error, Input, Money, Nothing, Ownership, Relation, Resource, Result, Row, Shape,
    Violations, text_enum,
};
use kith_macros::{input, resource};
use uuid::Uuid;

text_enum! {
    /// What is pulled to keep a customer.
    pub enum RetentionLever {
        /// The product, or the work.
        Quality = "QUALITY",
        /// How they are served.
        Service = "SERVICE",
        /// What the name stands for.
        Brand = "BRAND",
        /// What it costs them.
        Price = "PRICE",
        /// How they feel about us.
        EmotionalBond = "EMOTIONAL_BOND",
    }
}

text_enum! {
    /// How far a plan is.
    #[derive(Default)]
    pub enum RetentionPlanStatus {
        /// It has not begun.
        #[default]
        Planned = "PLANNED",
        /// It is carried out.
        Active = "ACTIVE",
        /// It was carried out.
        Done = "DONE",
        /// It was given up.
        Abandoned = "ABANDONED",
    }
}

text_enum! {
    /// What came of an action.
    pub enum RetentionOutcome {
        /// It helped.
        Worked = "WORKED",
        /// It did not help.
        DidNotWork = "DID_NOT_WORK",
        /// Nobody can tell.
        Unknown = "UNKNOWN",
    }
}

/// One in so many accounts of a campaign is left alone. A draw of a tenth would often fall short of a tenth; with an eighth
/// it does so rarely.
const CONTROL_ONE_IN: u64 = 8;

/// Whether an account is in the control group of a campaign: always the same answer, whoever asks and whenever, and as good
/// as drawn (FNV-1a, mixed as in SplitMix64).
pub fn is_control(account: AccountId, campaign: &str) -> bool {
    let bytes = account.0.as_bytes().iter().copied().chain(campaign.trim().to_lowercase().into_bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).is_multiple_of(CONTROL_ONE_IN)
}

/// What is planned to keep a customer. One in eight accounts of a campaign is its control group: it is left alone, so that the
/// effect can be told from what would have come anyhow.
#[resource(table = retention_plans, id = RetentionPlanId)]
pub struct RetentionPlan {
    /// Its name.
    #[field(filter, sort, max = 200, example = "\"Call every customer who fell silent\"")]
    pub name: String,
    /// The campaign that it belongs to, for drawing the control group and telling the effect; the name unless given.
    #[field(filter, sort, create_only, default, max = 200, example = "\"Autumn 2026\"")]
    pub campaign: String,
    /// The customer.
    #[field(filter, create_only)]
    pub account_id: AccountId,
    /// The suspected loss that it is against.
    #[field(filter)]
    pub churn_event_id: Option<ChurnEventId>,
    /// What is pulled.
    #[field(filter, example = "\"SERVICE\"")]
    pub lever: RetentionLever,
    /// What it shall achieve.
    #[field(max = 2_000)]
    pub goal: Option<String>,
    /// Who sees to it.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// Which team sees to it.
    #[field(filter)]
    pub team_id: Option<TeamId>,
    /// How far it is; the verbs change it.
    #[field(filter, read_only, default)]
    pub status: RetentionPlanStatus,
    /// What it may cost.
    #[field(filter, money)]
    pub budget: Option<Money>,
    /// Its first day.
    #[field(filter, sort, example = "\"2026-12-01\"")]
    pub starts_on: NaiveDate,
    /// Its last day; the customer counts as kept if it bought from the first day to this one.
    #[field(filter, sort, example = "\"2027-02-28\"")]
    pub ends_on: NaiveDate,
    /// Whether the customer is in the control group: nothing is done, and no action can be planned.
    #[field(filter, read_only)]
    pub is_control: bool,
    /// When it was done or abandoned.
    #[field(filter, read_only)]
    pub closed_at: Option<DateTime<Utc>>,
}

impl RetentionPlanStatus {
    /// The verbs that are legal here.
    fn legal(self) -> &'static [&'static str] {
        match self {
            RetentionPlanStatus::Planned => &["start", "abandon"],
            RetentionPlanStatus::Active => &["finish", "abandon"],
            RetentionPlanStatus::Done | RetentionPlanStatus::Abandoned => &[],
        }
    }
}

impl Resource for RetentionPlan {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: Some("owner_id"), team: Some("team_id"), via: &[] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("actions", "retention-actions", "retention_plan_id", "What is done."),
        Relation::about("externalIds", "external-ids", "RETENTION_PLAN", "Its keys in other systems."),
    ];

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
            Command::new(name, doc, |cx| cx.require(cx.entry(RetentionPlan::NAME)?, Action::Update).map(drop), run)
        }
        vec![
            one("start", "Begins to carry out a PLANNED plan.", start),
            one("finish", "Says that an ACTIVE plan was carried out.", finish),
            one("abandon", "Gives up a plan that is PLANNED or ACTIVE.", abandon),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        violations.ensure(
            self.starts_on <= self.ends_on,
            "/endsOn",
            "OUT_OF_RANGE",
            "The last day is before the first.",
        );
        let positive = self.budget.is_none_or(|money| !money.amount.is_sign_negative() || money.amount.is_zero());
        violations.ensure(positive, "/budget", "OUT_OF_RANGE", "A budget is not negative.");
    }

    fn prepare(&mut self, _: &mut PgConnection, _: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            if self.campaign.is_empty() {
                self.campaign.clone_from(&self.name);
            }
            self.is_control = is_control(self.account_id, &self.campaign);
        }
        Ok(())
    }
}

fn go(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    (verb, operation, status): (&'static str, &'static str, RetentionPlanStatus),
) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, operation, |_, plan: &mut RetentionPlan| {
        let legal = plan.status.legal();
        if !legal.contains(&verb) {
            return Err(Error::illegal(
                format!("A plan that is {} does not take {verb}.", plan.status.as_str()),
                legal,
            ));
        }
        plan.status = status;
        plan.closed_at = (status != RetentionPlanStatus::Active).then_some(cx.now);
        Ok(())
    })
}

fn start(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    go(conn, cx, id, seen, ("start", "started", RetentionPlanStatus::Active))
}

fn finish(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    go(conn, cx, id, seen, ("finish", "finished", RetentionPlanStatus::Done))
}

fn abandon(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    go(conn, cx, id, seen, ("abandon", "abandoned", RetentionPlanStatus::Abandoned))
}

/// One thing that is done to keep a customer.
#[resource(table = retention_actions, id = RetentionActionId)]
pub struct RetentionAction {
    /// The plan.
    #[field(filter, create_only)]
    pub retention_plan_id: RetentionPlanId,
    /// What is done.
    #[field(filter, max = 200, example = "\"Call about the late deliveries\"")]
    pub name: String,
    /// What is pulled; that of the plan unless given.
    #[field(filter)]
    pub lever: Option<RetentionLever>,
    /// Until when.
    #[field(filter, sort, example = "\"2026-12-15\"")]
    pub due_on: Option<NaiveDate>,
    /// When it was done; `complete` sets it.
    #[field(filter, sort, read_only)]
    pub done_at: Option<DateTime<Utc>>,
    /// What it cost.
    #[field(filter, money)]
    pub cost: Option<Money>,
    /// What came of it; `complete` sets it.
    #[field(filter, read_only)]
    pub outcome: Option<RetentionOutcome>,
    /// What else there is to say.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

impl Resource for RetentionAction {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["retentionPlan"] };
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "RETENTION_ACTION", "Its keys in other systems.")];

    fn commands() -> Vec<Command> {
        let may = |cx: &Cx| cx.require(cx.entry(RetentionAction::NAME)?, Action::Update).map(drop);
        vec![Command::new("complete", "Says that it was done, and what came of it.", may, complete)]
    }

    fn check(&self, violations: &mut Violations) {
        let positive = self.cost.is_none_or(|money| !money.amount.is_sign_negative() || money.amount.is_zero());
        violations.ensure(positive, "/cost", "OUT_OF_RANGE", "A cost is not negative.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let Some(plan) = store::find::<RetentionPlan>(conn, cx, self.retention_plan_id.0)? else { return Ok(()) };
        self.lever = self.lever.or(Some(plan.lever));
        if before.is_none() && plan.is_control {
            let detail = "The customer is in the control group of this campaign: nothing is done, so that its effect can be told.";
            return Err(Error::illegal(detail, &[]));
        }
        if before.is_none() && plan.status.legal().is_empty() {
            let detail = format!("The plan is {}; nothing is added to it.", plan.status.as_str());
            return Err(Error::illegal(detail, &[]));
        }
        Ok(())
    }
}

/// What came of an action.
#[input]
pub struct Complete {
    /// What came of it.
    #[field(example = "\"WORKED\"")]
    pub outcome: RetentionOutcome,
    /// When it was done; now unless given.
    pub done_at: Option<DateTime<Utc>>,
    /// What it cost.
    #[field(money)]
    pub cost: Option<Money>,
    /// What else there is to say.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

fn complete(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Complete) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "completed", |_, action: &mut RetentionAction| {
        if action.done_at.is_some() {
            return Err(Error::illegal("It was done already.", &[]));
        }
        if input.done_at.is_some_and(|at| at > cx.now) {
            return Err(Error::invalid("/doneAt", "OUT_OF_RANGE", "Expected a time until now."));
        }
        (action.done_at, action.outcome) = (input.done_at.or(Some(cx.now)), Some(input.outcome));
        (action.cost, action.note) = (input.cost.or(action.cost), input.note.or_else(|| action.note.take()));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_a_tenth_is_left_alone() {
        let drawn = |campaign: &str, n: u128| {
            (0..n).filter(|i| is_control(Uuid::from_u128(0x0193_0000_7000_8000 << 64 | *i).into(), campaign)).count()
        };
        for campaign in ["Autumn 2026", "Spring", "漢字"] {
            let found = drawn(campaign, 10_000);
            assert!((1_150..=1_350).contains(&found), "{campaign}: {found}");
        }
        let account = Uuid::from_u128(7).into();
        assert_eq!(is_control(account, "Autumn"), is_control(account, " autumn "), "how it is written does not matter");
        let same = (0..1_000_u128)
            .filter(|i| is_control(Uuid::from_u128(*i).into(), "one") && is_control(Uuid::from_u128(*i).into(), "two"));
        assert!(same.count() < 60, "campaigns draw independently");
    }
}
