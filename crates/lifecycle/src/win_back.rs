//! Attempts to win lost customers back.

use crate::churn_event::{ChurnEvent, ChurnEventStatus};
use crate::rules::LifecycleRule;
use crate::rules::churn::ChurnKind;
use crate::{AREA, standing};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{purchase, store, verbs};
use kith_kernel::ids::{AccountId, ChurnEventId, OrderId, TeamId, UserId, WinBackCaseId};
use kith_kernel::{
    Act, Action, Bind, Command, Custom, Cx, Error, Input, Money, Ownership, Relation, Resource, Result, Row, Shape,
    Statement, Violations, text_enum,
};
use kith_macros::{input, resource};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

text_enum! {
    /// How far an attempt is.
    #[derive(Default)]
    pub enum WinBackStatus {
        /// It is prepared.
        #[default]
        Open = "OPEN",
        /// The customer has an offer.
        Offered = "OFFERED",
        /// They ordered again.
        Saved = "SAVED",
        /// They did not.
        Lost = "LOST",
        /// It was given up.
        Abandoned = "ABANDONED",
    }
}

/// What an order must be to count; commerce owns them.
const ORDERS: &str = "orders";
/// Days after the offer within which an order is due to it.
const DUE_DAYS: i64 = 180;

/// An attempt to win a lost customer back. Its score is the chance, by the kind of the loss and by what came of earlier
/// attempts, × targetValue − cost. Nobody is won back who has no need any more, who meant harm, or who asked not to be
/// contacted on any way that is known.
#[resource(table = win_back_cases, id = WinBackCaseId)]
pub struct WinBackCase {
    /// The customer; the churn event's.
    #[field(filter, read_only)]
    pub account_id: AccountId,
    /// The loss.
    #[field(filter, create_only)]
    pub churn_event_id: ChurnEventId,
    /// How far it is; the verbs change it.
    #[field(filter, read_only, default)]
    pub status: WinBackStatus,
    /// What a second lifetime would be worth.
    #[field(filter, money)]
    pub target_value: Option<Money>,
    /// What is offered.
    #[field(max = 2_000, example = "\"Free delivery for three months.\"")]
    pub offer: Option<String>,
    /// Who sees to it.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// Which team sees to it.
    #[field(filter)]
    pub team_id: Option<TeamId>,
    /// Until when.
    #[field(filter, sort, example = "\"2027-03-31\"")]
    pub deadline: Option<NaiveDate>,
    /// What it costs, in the currency of targetValue.
    #[field(filter, money)]
    pub cost: Option<Money>,
    /// chance × targetValue − cost, in their currency; null while targetValue is not known.
    #[field(filter, sort, read_only)]
    pub score: Option<Decimal>,
    /// What the score is made of: kind, chance, prior, saved and decided earlier cases of the kind, value, cost.
    #[field(read_only)]
    pub score_parts: Custom,
    /// When the offer was made.
    #[field(filter, read_only)]
    pub offered_at: Option<DateTime<Utc>>,
    /// The order that shows that they are back.
    #[field(filter, read_only)]
    pub order_id: Option<OrderId>,
    /// When it was saved, lost or abandoned.
    #[field(filter, read_only)]
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was lost or abandoned.
    #[field(read_only)]
    pub outcome_reason: Option<String>,
}

impl Resource for WinBackCase {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: Some("owner_id"), team: Some("team_id"), via: &[] };
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "WIN_BACK_CASE", "Its keys in other systems.")];

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
            Command::new(name, doc, may, run)
        }
        vec![
            one(
                "offer",
                "Notes that the customer was made an offer. Not if all known ways to it are `doNotContact`.",
                offer,
            ),
            Command::new(
                "save",
                "Notes that the customer ordered again: a valid order within 180 days after the offer. The relationship begins anew, as an EXPLORATION. It needs the right orders:READ.",
                may_save,
                save,
            ),
            one("lose", "Notes that the customer did not take the offer.", lose),
            one("abandon", "Gives up an attempt that is OPEN or OFFERED.", abandon),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        let currency = |money: Option<Money>| money.map(|money| money.currency);
        let same =
            self.target_value.is_none() || self.cost.is_none() || currency(self.target_value) == currency(self.cost);
        violations.ensure(same, "/cost", "MIXED_CURRENCIES", "The cost is in another currency than the target value.");
        for (at, money) in [("/targetValue", self.target_value), ("/cost", self.cost)] {
            let positive = money.is_none_or(|money| !money.amount.is_sign_negative() || money.amount.is_zero());
            violations.ensure(positive, at, "OUT_OF_RANGE", "Expected 0 or more.");
        }
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let Some(event) = store::find::<ChurnEvent>(conn, cx, self.churn_event_id.0)? else {
            let detail = "churnEventId points to nothing that you can see.";
            return Err(Error::invalid("/churnEventId", "UNKNOWN_REFERENCE", detail));
        };
        if before.is_none() {
            self.account_id = event.account_id;
            if event.kind.win_back_prior().is_none() {
                let detail = format!("Nobody is won back from a loss of the kind {}.", event.kind.as_str());
                return Err(Error::invalid("/churnEventId", "INVALID", detail));
            }
            if event.status == ChurnEventStatus::Reversed || event.meta.archived_at.is_some() {
                let detail = "This loss was reversed: there is nobody to win back.";
                return Err(Error::invalid("/churnEventId", "INVALID", detail));
            }
            if !may_contact(conn, cx, self.account_id)? {
                return Err(Error::invalid("/churnEventId", "INVALID", UNWANTED));
            }
        }
        // What was decided keeps the score that it was decided by.
        if matches!(self.status, WinBackStatus::Open | WinBackStatus::Offered) {
            self.rate(conn, cx, event.kind)?;
        }
        Ok(())
    }
}

impl WinBackStatus {
    /// The verbs that are legal here.
    fn legal(self) -> &'static [&'static str] {
        match self {
            WinBackStatus::Open => &["offer", "abandon"],
            WinBackStatus::Offered => &["save", "lose", "abandon"],
            WinBackStatus::Saved | WinBackStatus::Lost | WinBackStatus::Abandoned => &[],
        }
    }
}

impl WinBackCase {
    fn rate(&mut self, conn: &mut PgConnection, cx: &Cx, kind: ChurnKind) -> Result<()> {
        let mut out = Statement::new(
            "SELECT count(*) FILTER (WHERE w.status = 'SAVED'), count(*) FROM win_back_cases w JOIN churn_events e \
             ON e.tenant_id = w.tenant_id AND e.id = w.churn_event_id WHERE w.tenant_id = ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND w.status IN ('SAVED', 'LOST') AND w.archived_at IS NULL");
        out.sql(" AND e.kind = ").bind(Bind::Text(Some(kind.as_str().to_owned())));
        type Sql = (st::BigInt, st::BigInt);
        let (saved, decided): (i64, i64) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
        let count = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        let Some(chance) = kind.win_back_chance(count(saved), count(decided)).and_then(crate::decimal) else {
            (self.score, self.score_parts) = (None, Custom(json!({"kind": kind.as_str()})));
            return Ok(());
        };
        let (value, cost) = (self.target_value.map(|money| money.amount), self.cost.map(|money| money.amount));
        self.score = value.and_then(|value| chance.checked_mul(value)).map(|won| {
            let mut score = (won - cost.unwrap_or_default()).round_dp(4);
            score.rescale(4);
            score
        });
        self.score_parts = Custom(json!({
            "kind": kind.as_str(), "chance": chance.normalize().to_string(), "prior": kind.win_back_prior(),
            "saved": saved, "decided": decided,
            "value": value.map(|value| value.normalize().to_string()), "cost": cost.map(|cost| cost.normalize().to_string()),
        }));
        Ok(())
    }

    fn go(&mut self, cx: &Cx, verb: &str, status: WinBackStatus) -> Result<()> {
        let legal = self.status.legal();
        if !legal.contains(&verb) {
            let now = if legal.is_empty() { "nothing more can be done".into() } else { legal.join(", ") };
            let detail = format!("An attempt that is {} does not take {verb}; legal now: {now}.", self.status.as_str());
            return Err(Error::illegal(detail, legal));
        }
        self.status = status;
        let at = if status == WinBackStatus::Offered { &mut self.offered_at } else { &mut self.decided_at };
        *at = Some(cx.now);
        Ok(())
    }
}

fn may(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(WinBackCase::NAME)?, Action::Update).map(drop)
}

fn may_save(cx: &Cx) -> Result<()> {
    may(cx)?;
    cx.require(cx.entry(ORDERS)?, Action::Read).map(drop)
}

/// What whoever may not be asked is told.
const UNWANTED: &str = "The customer asked not to be contacted, on any way that is known.";

/// Whether there is a way to the customer that it did not forbid: of its own, or of its people. None at all is no word against
/// it.
fn may_contact(conn: &mut PgConnection, cx: &Cx, account: AccountId) -> Result<bool> {
    let mut out = Statement::new(
        "SELECT count(*) = 0 OR bool_or(NOT p.do_not_contact) FROM contact_points p WHERE p.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND p.archived_at IS NULL AND (p.account_id = ");
    out.bind(Bind::Uuid(Some(account.0))).sql(" OR p.contact_id IN (SELECT c.id FROM contacts c WHERE c.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND c.archived_at IS NULL AND c.account_id = ");
    out.bind(Bind::Uuid(Some(account.0))).sql("))");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// What is offered.
#[input]
pub struct Offer {
    /// What is offered; what the case says unless given.
    #[field(max = 2_000)]
    pub offer: Option<String>,
}

fn offer(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Offer) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "offered", |conn, case: &mut WinBackCase| {
        case.go(cx, "offer", WinBackStatus::Offered)?;
        if !may_contact(conn, cx, case.account_id)? {
            return Err(Error::illegal(UNWANTED, &["abandon"]));
        }
        case.offer = input.offer.or_else(|| case.offer.take());
        let detail = "Say what is offered.";
        case.offer.as_ref().map(drop).ok_or_else(|| Error::invalid("/offer", "REQUIRED", detail))
    })
}

/// What shows that they are back.
#[input]
pub struct Save {
    /// A valid order of the customer, made within 180 days after the offer.
    pub order_id: OrderId,
}

fn save(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Save) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "saved", |conn, case: &mut WinBackCase| {
        case.go(cx, "save", WinBackStatus::Saved)?;
        // Nobody proves by it that an order is there which they do not see.
        let known = store::exists(conn, cx, cx.entry(ORDERS)?, input.order_id.0, Action::Read)?;
        if !known {
            let detail = "orderId points to nothing that you can see.";
            return Err(Error::invalid("/orderId", "UNKNOWN_REFERENCE", detail));
        }
        if !is_due(conn, cx, case, input.order_id)? {
            let detail =
                format!("Expected a valid order of this customer, made within {DUE_DAYS} days after the offer.");
            return Err(Error::invalid("/orderId", "INVALID", detail));
        }
        case.order_id = Some(input.order_id);
        let about = (case.account_id, case.churn_event_id);
        standing::begin_again(conn, cx, about, LifecycleRule::Returned, None)
    })
}

/// Whether an order is a purchase of the customer, made in time.
fn is_due(conn: &mut PgConnection, cx: &Cx, case: &WinBackCase, order: OrderId) -> Result<bool> {
    let Some(from) = case.offered_at else { return Ok(false) };
    let until = from.checked_add_signed(TimeDelta::days(DUE_DAYS)).unwrap_or(from);
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM orders o WHERE o.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND o.id = ").bind(Bind::Uuid(Some(order.0)));
    out.sql(" AND o.account_id = ").bind(Bind::Uuid(Some(case.account_id.0)));
    out.sql(" AND ").sql(purchase::condition());
    out.sql(" AND o.ordered_at >= ").bind(Bind::Time(Some(from))).sql(" AND o.ordered_at <= ");
    out.bind(Bind::Time(Some(until))).sql(")");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// Why it came to nothing.
#[input]
pub struct GiveUp {
    /// Why.
    #[field(max = 2_000, example = "\"They signed with somebody else for three years.\"")]
    pub reason: String,
}

fn lose(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: GiveUp) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "lost", |_, case: &mut WinBackCase| {
        case.outcome_reason = Some(input.reason);
        case.go(cx, "lose", WinBackStatus::Lost)
    })
}

fn abandon(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: GiveUp) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "abandoned", |_, case: &mut WinBackCase| {
        case.outcome_reason = Some(input.reason);
        case.go(cx, "abandon", WinBackStatus::Abandoned)
    })
}
