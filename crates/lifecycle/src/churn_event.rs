//! Customers who were or may have been lost, and what is decided about it.

use crate::rules::LifecycleRule;
use crate::rules::churn::{ChurnInitiative, ChurnKind, ChurnPlay};
use crate::{AREA, ChurnEventCorrection, standing};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::{self, Group};
use kith_journal::{bulk, verbs};
use kith_kernel::ids::{AccountId, ChurnEventId, CompetitorId};
use kith_kernel::{
    Act, Action, Bind, Command, Custom, Cx, Error, Input, Meta, Money, Nothing, Ownership, Relation, Resource, Result,
    Row, Shape, Statement, Violations, text_enum,
};
use kith_macros::{input, resource};
use serde_json::Value;
use std::collections::HashSet;
use uuid::Uuid;

text_enum! {
    /// How certain a loss is.
    #[derive(Default)]
    pub enum ChurnEventStatus {
        /// It looks like one.
        #[default]
        Suspected = "SUSPECTED",
        /// It is one.
        Confirmed = "CONFIRMED",
        /// It was none.
        Reversed = "REVERSED",
    }
}

text_enum! {
    /// Who noted a loss.
    #[derive(Default)]
    pub enum ChurnEventSource {
        /// The rules.
        Rule = "RULE",
        /// A person, or another system.
        #[default]
        Manual = "MANUAL",
    }
}

/// A customer was lost, or may have been. It begins as SUSPECTED; `confirm` ends the relationship, `reverse` says that it was
/// no loss, `reclassify` corrects why. What was put right stays in `corrections`.
#[resource(table = churn_events, id = ChurnEventId)]
pub struct ChurnEvent {
    /// The customer.
    #[field(filter, create_only)]
    pub account_id: AccountId,
    /// How certain it is; the verbs change it.
    #[field(filter, read_only, default)]
    pub status: ChurnEventStatus,
    /// The day of the loss: when it became true, not the day of the last order.
    #[field(filter, sort, create_only, example = "\"2026-10-31\"")]
    pub occurred_on: NaiveDate,
    /// Who ended it; it follows from the kind, unless that is OTHER. null: nobody knows.
    #[field(filter, create_only)]
    pub initiative: Option<ChurnInitiative>,
    /// Why; OTHER unless given. `reclassify` corrects it.
    #[field(filter, create_only, default)]
    pub kind: ChurnKind,
    /// What can be done about it; it follows from the kind.
    #[field(filter, read_only, default)]
    pub play: ChurnPlay,
    /// Who noted it.
    #[field(filter, read_only, default)]
    pub source: ChurnEventSource,
    /// Why, in words.
    #[field(max = 2_000, example = "\"They have no use for it any more.\"")]
    pub reason: Option<String>,
    /// The competitor they went to.
    #[field(filter)]
    pub competitor_id: Option<CompetitorId>,
    /// What lay behind it, and what is done so that it does not happen again.
    #[field(max = 5_000)]
    pub root_cause: Option<String>,
    /// What was lost by it: the margin of a year, or the lifetime value.
    #[field(filter, money)]
    pub value_lost: Option<Money>,
    /// The numbers that the rules went by.
    #[field(read_only)]
    pub evidence: Custom,
    /// When it was confirmed or reversed.
    #[field(filter, read_only)]
    pub decided_at: Option<DateTime<Utc>>,
}

impl Resource for ChurnEvent {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("corrections", "churn-event-corrections", "churn_event_id", "What was put right about it."),
        Relation::many("transitions", "lifecycle-transitions", "churn_event_id", "The moves that it made."),
        Relation::many("winBackCases", "win-back-cases", "churn_event_id", "Attempts to win the customer back."),
        Relation::many("retentionPlans", "retention-plans", "churn_event_id", "What was planned against it."),
        Relation::about("externalIds", "external-ids", "CHURN_EVENT", "Its keys in other systems."),
    ];

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
            Command::new(name, doc, |cx| cx.require(cx.entry(ChurnEvent::NAME)?, Action::Update).map(drop), run)
        }
        vec![
            one("confirm", "Confirms a SUSPECTED loss, and ends the relationship with the customer.", confirm),
            one(
                "reverse",
                "Says that it was no loss. If it was confirmed, the relationship begins again as an EXPLORATION.",
                reverse,
            ),
            one("reclassify", "Corrects who ended it, and why. What it was stays in its corrections.", reclassify),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        fits(self.kind, self.initiative, violations);
        let positive = self.value_lost.is_none_or(|money| !money.amount.is_sign_negative() || money.amount.is_zero());
        violations.ensure(positive, "/valueLost", "OUT_OF_RANGE", "What was lost is not negative.");
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        self.play = self.kind.play();
        if before.is_none() {
            self.initiative = self.initiative.or(self.kind.initiative());
            if self.occurred_on > cx.today() {
                return Err(Error::invalid("/occurredOn", "OUT_OF_RANGE", "Expected a day until today."));
            }
        }
        let shelved = self.meta.archived_at.is_some() && before.is_some_and(|before| before.meta.archived_at.is_none());
        if shelved && self.status == ChurnEventStatus::Confirmed {
            return Err(Error::illegal("A confirmed loss is reversed before it is archived.", &["reverse"]));
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        // What may be lost depends on what can be done about it.
        derived::touch(conn, cx, &[self.account_id.0])
    }
}

fn fits(kind: ChurnKind, initiative: Option<ChurnInitiative>, violations: &mut Violations) {
    let expected = kind.initiative().map_or("VOLUNTARY", ChurnInitiative::as_str);
    let detail = format!("A loss of the kind {} is {expected}.", kind.as_str());
    violations.ensure(kind.fits(initiative), "/initiative", "INVALID", &detail);
}

impl ChurnEventStatus {
    /// The verbs that are legal here.
    fn legal(self) -> &'static [&'static str] {
        match self {
            ChurnEventStatus::Suspected => &["confirm", "reverse", "reclassify"],
            ChurnEventStatus::Confirmed => &["reverse", "reclassify"],
            ChurnEventStatus::Reversed => &[],
        }
    }
}

impl ChurnEvent {
    fn may(&self, verb: &str) -> Result<()> {
        let legal = self.status.legal();
        if legal.contains(&verb) {
            return Ok(());
        }
        let now = if legal.is_empty() {
            "nothing more can be done".to_owned()
        } else {
            format!("legal now: {}", legal.join(", "))
        };
        Err(Error::illegal(format!("A loss that is {} does not take {verb}; {now}.", self.status.as_str()), legal))
    }

    fn both(&self) -> (AccountId, ChurnEventId) {
        (self.account_id, self.id())
    }

    /// Writes down what it was.
    fn correct(&self, conn: &mut PgConnection, cx: &Cx, before: &Self, reason: String) -> Result<()> {
        let row = ChurnEventCorrection {
            meta: Meta::new(cx),
            churn_event_id: self.id(),
            from_status: before.status,
            to_status: self.status,
            from_initiative: before.initiative,
            to_initiative: self.initiative,
            from_kind: before.kind,
            to_kind: self.kind,
            reason,
        };
        verbs::follow(conn, cx, row).map(drop)
    }
}

fn confirm(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "confirmed", |conn, event: &mut ChurnEvent| {
        event.may("confirm")?;
        (event.status, event.decided_at) = (ChurnEventStatus::Confirmed, Some(cx.now));
        standing::end(conn, cx, event.both(), event.occurred_on, event.reason.as_deref())
    })
}

/// Why it was no loss.
#[input]
pub struct Reverse {
    /// Why.
    #[field(max = 2_000, example = "\"They had ordered under another name.\"")]
    pub reason: String,
}

fn reverse(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Reverse) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "reversed", |conn, event: &mut ChurnEvent| {
        event.may("reverse")?;
        let before = event.clone();
        (event.status, event.decided_at) = (ChurnEventStatus::Reversed, Some(cx.now));
        if before.status == ChurnEventStatus::Confirmed {
            let why = Some(input.reason.as_str());
            standing::begin_again(conn, cx, event.both(), LifecycleRule::ChurnEvent, why)?;
        }
        event.correct(conn, cx, &before, input.reason)
    })
}

/// Who ended it and why, as it is right.
#[input]
pub struct Reclassify {
    /// Who ended it; it follows from the kind, unless that is OTHER.
    pub initiative: Option<ChurnInitiative>,
    /// Why.
    #[field(example = "\"COMPETITIVE\"")]
    pub kind: ChurnKind,
    /// Why it is put right.
    #[field(max = 2_000, example = "\"They told the service where they went.\"")]
    pub reason: String,
}

fn reclassify(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    input: Reclassify,
) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "reclassified", |conn, event: &mut ChurnEvent| {
        event.may("reclassify")?;
        let before = event.clone();
        (event.kind, event.initiative) = (input.kind, input.initiative.or(input.kind.initiative()));
        let mut violations = Violations::default();
        fits(event.kind, event.initiative, &mut violations);
        violations.into_result()?;
        if (event.kind, event.initiative) == (before.kind, before.initiative) {
            return Ok(());
        }
        event.correct(conn, cx, &before, input.reason)
    })
}

/// A loss that the rules suspect.
#[derive(Clone, Debug)]
pub struct Suspicion {
    /// The customer.
    pub account: Uuid,
    /// The day it became true.
    pub occurred_on: NaiveDate,
    /// The day of the last order: who was suspected since then is not suspected again.
    pub last_order: NaiveDate,
    /// Who ended it, and why, as [`crate::rules::classify`] has it.
    pub class: (Option<ChurnInitiative>, ChurnKind, &'static str),
    /// What may have been lost.
    pub value_lost: Option<Money>,
    /// The numbers.
    pub evidence: Value,
}

/// Customers of whom it is known that nothing keeps them: a loss that was not reversed, without need or good will, after which
/// they neither ordered nor began a contract.
pub fn unpreventable(conn: &mut PgConnection, cx: &Cx, group: &Group) -> Result<HashSet<Uuid>> {
    let mut out = Statement::new("SELECT DISTINCT t.account_id FROM churn_events t WHERE t.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND ");
    group.limit(&mut out, "t.account_id");
    out.sql(" AND t.archived_at IS NULL AND t.status <> 'REVERSED' AND t.play = 'NONE' AND NOT EXISTS (SELECT FROM");
    out.sql(" customer_days d WHERE d.tenant_id = t.tenant_id AND d.account_id = t.account_id AND d.orders > 0");
    out.sql(" AND d.day > t.occurred_on) AND NOT EXISTS (SELECT FROM subscriptions s WHERE s.tenant_id = t.tenant_id");
    out.sql(" AND s.account_id = t.account_id AND s.archived_at IS NULL AND s.status <> 'TRIAL' AND s.started_on > t.occurred_on)");
    let rows = RunQueryDsl::load::<(Uuid,)>(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Notes the losses that the rules suspect, of customers of whom none was noted since their last order; how many.
pub fn suspect(conn: &mut PgConnection, cx: &Cx, suspicions: &[Suspicion]) -> Result<usize> {
    // Two who do this at once would both find nothing.
    kith_journal::store::one_at_a_time(conn, cx, "churn-events|suspect")?;
    let mut out = Statement::new("SELECT v.id FROM unnest(");
    out.bind(Bind::Uuids(suspicions.iter().map(|one| one.account).collect())).sql("::uuid[], ");
    out.bind(Bind::Dates(suspicions.iter().map(|one| one.last_order).collect()));
    out.sql("::date[]) AS v(id, last_order) WHERE EXISTS (SELECT FROM churn_events e WHERE e.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND e.account_id = v.id AND e.archived_at IS NULL");
    out.sql(" AND e.occurred_on > v.last_order)");
    let known = RunQueryDsl::load::<(Uuid,)>(out.typed::<(st::Uuid,)>(), conn)?;
    let known: HashSet<Uuid> = known.into_iter().map(|(id,)| id).collect();
    let new = suspicions.iter().filter(|one| !known.contains(&one.account)).map(|one| {
        let mut event = ChurnEvent::blank(Meta::new(cx));
        (event.account_id, event.occurred_on) = (one.account.into(), one.occurred_on);
        (event.initiative, event.kind, event.source) = (one.class.0, one.class.1, ChurnEventSource::Rule);
        (event.value_lost, event.play) = (one.value_lost, one.class.1.play());
        let mut evidence = one.evidence.clone();
        if let Some(evidence) = evidence.as_object_mut() {
            evidence.insert("ground".into(), one.class.2.into());
        }
        event.evidence = Custom(evidence);
        event
    });
    let new: Vec<ChurnEvent> = new.collect();
    bulk::insert_all(conn, cx, &new)?;
    Ok(new.len())
}
