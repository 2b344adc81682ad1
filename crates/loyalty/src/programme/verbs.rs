//! The verbs of the ledger. Each locks the member first, settles what is due, and then moves points; none needs a version,
//! as its key makes it happen once, and movements of others do not stand in its way.

use super::book::{Book, Cause};
use super::entry::{PointEntry, PointEntryKind, PointSource};
use super::lot::PointLot;
use super::member::{LoyaltyMembership, MembershipStatus};
use super::program::{LoyaltyProgram, ProgramStatus};
use super::spending::{Ordered, worth};
use super::{levels, redemption};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{LoyaltyMembershipId, LoyaltyRewardId, OrderId};
use kith_kernel::{Action, Bind, Command, Cx, Error, Money, Result, Row, Shape, Violations, codes};
use kith_macros::input;
use rust_decimal::Decimal;
use uuid::Uuid;

fn may_move(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(LoyaltyMembership::NAME)?, Action::Update).map(drop)
}

fn may_adjust(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(PointEntry::NAME)?, Action::Create)?;
    may_move(cx)
}

/// The verbs of memberships.
pub(crate) fn of_members() -> Vec<Command> {
    vec![
        Command::new(
            "earn",
            "Earns points: for an order, for spending, or so many. The same sourceKey earns once, however often and late it comes.",
            may_move,
            earn,
        )
        .keyed(),
        Command::new(
            "redeem",
            "Spends points, for a reward or otherwise; those that expire first are spent first. INSUFFICIENT_POINTS if the balance does not suffice.",
            may_move,
            redeem,
        )
        .keyed(),
        Command::new(
            "adjust",
            "Corrects the balance, upwards or downwards, with a reason. It needs the right point-entries:CREATE beside that to change memberships.",
            may_adjust,
            adjust,
        )
        .keyed(),
    ]
}

/// What points are earned for: one of points, spend and orderId.
#[input]
pub struct Earn {
    /// So many points, as they are.
    #[field(example = "\"100\"")]
    pub points: Option<Decimal>,
    /// Spending, in the currency of the programme: times its earnRate and the multiplier of the tier, rounded down.
    #[field(money)]
    pub spend: Option<Money>,
    /// An order of the customer that is CONFIRMED or FULFILLED and not internal: its net less what came back counts as
    /// spending, and its id is the sourceKey.
    pub order_id: Option<OrderId>,
    /// What it comes from; ORDER with orderId, else OTHER unless given.
    pub source: Option<PointSource>,
    /// The key of that in its system, such as the number of an order; required without orderId.
    #[field(max = 200, example = "\"ERP-4711\"")]
    pub source_key: Option<String>,
    /// When they were earned; now, or the time of the order, unless given. Not in the future.
    pub occurred_at: Option<DateTime<Utc>>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub reason: Option<String>,
}

/// What points are spent for: points, or a reward.
#[input]
pub struct Redeem {
    /// So many points.
    #[field(example = "\"100\"")]
    pub points: Option<Decimal>,
    /// A reward: it costs what it says, and the member gets a redemption with a code.
    pub reward_id: Option<LoyaltyRewardId>,
    /// The key of what they are spent for in its system: the same key spends once.
    #[field(max = 200)]
    pub source_key: Option<String>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub reason: Option<String>,
}

/// How the balance is corrected.
#[input]
pub struct Adjust {
    /// So many points more, or fewer if it is negative.
    #[field(example = "\"-25\"")]
    pub points: Decimal,
    /// Why.
    #[field(max = 2_000, example = "\"Agreed on the phone\"")]
    pub reason: String,
    /// The key of the correction in its system: the same key corrects once.
    #[field(max = 200)]
    pub source_key: Option<String>,
}

impl Earn {
    /// What is wrong with it by itself.
    fn check(&self, cx: &Cx) -> Result<()> {
        let mut violations = Violations::default();
        let given = [self.points.is_some(), self.spend.is_some(), self.order_id.is_some()];
        let one = given.into_iter().filter(|given| *given).count() == 1;
        violations.ensure(one, "/points", "INVALID", "Give one of points, spend and orderId.");
        let keyed = self.source_key.as_ref().is_some_and(|key| !key.is_empty()) || self.order_id.is_some();
        violations.ensure(keyed, "/sourceKey", "REQUIRED", "Without orderId this is required.");
        let past = self.occurred_at.is_none_or(|at| at <= cx.now);
        violations.ensure(past, "/occurredAt", "OUT_OF_RANGE", "This is in the future.");
        let positive = self.points.is_none_or(|points| points > Decimal::ZERO);
        violations.ensure(positive, "/points", "OUT_OF_RANGE", "Points are more than 0.");
        let spent = self.spend.is_none_or(|spend| spend.amount >= Decimal::ZERO);
        violations.ensure(spent, "/spend", "OUT_OF_RANGE", "Spending is not negative.");
        violations.into_result()
    }
}

/// Whether the member and the programme are such that points are earned, or spent.
fn open_for(member: &LoyaltyMembership, program: &LoyaltyProgram, earning: bool) -> Result<()> {
    if member.status != MembershipStatus::Active {
        return Err(Error::illegal(format!("The membership is {}.", member.status.as_str()), &[]));
    }
    match program.status {
        ProgramStatus::Active => Ok(()),
        ProgramStatus::Closed if !earning => Ok(()),
        status => Err(Error::illegal(format!("The programme is {}.", status.as_str()), &[])),
    }
}

/// Opens the book of a member, settles it, lets `work` move points, and writes it all down.
pub(crate) fn with_book<T>(
    conn: &mut PgConnection,
    cx: &Cx,
    member: &mut LoyaltyMembership,
    program: &LoyaltyProgram,
    also: &[Uuid],
    work: impl FnOnce(&mut Book<'_>) -> Result<T>,
) -> Result<T> {
    let lots = PointLot::open(conn, cx, &[member.meta.id], also)?;
    let mut book = Book::new(cx, program, member, lots);
    book.settle()?;
    let done = work(&mut book)?;
    book.close().store(conn, cx)?;
    Ok(done)
}

/// Locks a member for a movement.
pub(crate) fn moving(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    operation: &'static str,
    edit: impl FnOnce(&mut PgConnection, &mut LoyaltyMembership, &LoyaltyProgram) -> Result<()>,
) -> Result<Box<dyn Row>> {
    let relaxed = Cx { requires_version: false, ..cx.clone() };
    verbs::change(conn, &relaxed, id, seen, operation, |conn, member: &mut LoyaltyMembership| {
        let program = LoyaltyProgram::by_id(conn, cx, member.program_id)?;
        edit(conn, member, &program)
    })
}

/// The entry of that kind that has this key already.
fn known(
    conn: &mut PgConnection,
    cx: &Cx,
    member: &LoyaltyMembership,
    kind: PointEntryKind,
    key: &str,
) -> Result<Option<PointEntry>> {
    let found = store::rows(conn, cx, |out| {
        out.sql(" AND t.membership_id = ").bind(Bind::Uuid(Some(member.meta.id)));
        out.sql(" AND t.kind = ").bind(Bind::Text(Some(kind.as_str().to_owned())));
        out.sql(" AND t.source_key = ").bind(Bind::Text(Some(key.to_owned())));
    });
    Ok(found?.into_iter().next())
}

/// A key that comes again says the same as before, or is refused.
fn same(entry: &PointEntry, points: Option<Decimal>, spend: Option<Money>) -> Result<()> {
    let told =
        points.is_none_or(|points| points == entry.points) && spend.is_none_or(|spend| Some(spend) == entry.spend);
    let detail = "This sourceKey has moved another amount already. Reverse that, and use another key.";
    if told { Ok(()) } else { Err(Error::new(&codes::CONFLICT, detail)) }
}

fn earn(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Earn) -> Result<Box<dyn Row>> {
    moving(conn, cx, id, seen, "earned", |conn, member, program| {
        input.check(cx)?;
        let order = input.order_id.map(|order| Ordered::find(conn, cx, order, member)).transpose()?;
        let key = match (&order, &input.source_key) {
            (Some(order), _) => order.id.0.to_string(),
            (None, key) => key.clone().unwrap_or_default(),
        };
        if let Some(entry) = known(conn, cx, member, PointEntryKind::Earn, &key)? {
            return same(&entry, input.points, input.spend);
        }
        open_for(member, program, true)?;
        let spend = input.spend.or(order.as_ref().map(|order| order.net));
        let points = match (input.points, spend) {
            (Some(points), _) => points,
            (None, Some(spend)) => worth(program, spend, levels::multiplier(conn, cx, member)?)?,
            (None, None) => Decimal::ZERO,
        };
        program.require_fit(points)?;
        let ordered = order.as_ref().map(|order| order.at.min(cx.now));
        let cause = Cause {
            occurred_at: input.occurred_at.or(ordered).unwrap_or(cx.now),
            reason: input.reason.clone(),
            source: Some(input.source.unwrap_or(if order.is_some() { PointSource::Order } else { PointSource::Other })),
            source_key: Some(key),
            order_id: order.map(|order| order.id),
            spend,
            reverses: None,
        };
        with_book(conn, cx, member, program, &[], |book| book.earn(points, &cause))?;
        levels::raise(conn, cx, program, member)
    })
}

/// Earns points as the programme itself does, of a member who is locked here; a key that came before does nothing.
pub(crate) fn grant(
    conn: &mut PgConnection,
    cx: &Cx,
    id: LoyaltyMembershipId,
    points: Decimal,
    cause: &Cause,
) -> Result<()> {
    let system = cx.as_system();
    moving(conn, &system, id.0, None, "earned", |conn, member, program| {
        let key = cause.source_key.as_deref().unwrap_or_default();
        if known(conn, cx, member, PointEntryKind::Earn, key)?.is_some() {
            return Ok(());
        }
        open_for(member, program, true)?;
        with_book(conn, &system, member, program, &[], |book| book.earn(points, cause))?;
        levels::raise(conn, &system, program, member)
    })
    .map(drop)
}

fn redeem(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Redeem) -> Result<Box<dyn Row>> {
    moving(conn, cx, id, seen, "redeemed", |conn, member, program| {
        let mut violations = Violations::default();
        let one = input.points.is_some() != input.reward_id.is_some();
        violations.ensure(one, "/points", "INVALID", "Give one of points and rewardId.");
        let positive = input.points.is_none_or(|points| points > Decimal::ZERO);
        violations.ensure(positive, "/points", "OUT_OF_RANGE", "Points are more than 0.");
        violations.into_result()?;
        if let Some(key) = &input.source_key
            && let Some(entry) = known(conn, cx, member, PointEntryKind::Redeem, key)?
        {
            return same(&entry, input.points.map(|points| -points), None);
        }
        open_for(member, program, false)?;
        let reason = input.reason.clone();
        if let Some(reward) = input.reward_id {
            return redemption::take(conn, cx, member, program, reward, (reason, input.source_key.clone()));
        }
        let points = input.points.unwrap_or_default();
        program.require_fit(points)?;
        if points < program.minimum_redemption {
            let detail = format!("At least {} points are redeemed at once.", program.minimum_redemption.normalize());
            return Err(Error::invalid("/points", "OUT_OF_RANGE", detail));
        }
        let source = Some(PointSource::Other);
        let source_key = input.source_key.clone();
        let cause = Cause { occurred_at: cx.now, reason, source, source_key, ..Cause::default() };
        with_book(conn, cx, member, program, &[], |book| book.redeem(points, &cause)).map(drop)
    })
}

fn adjust(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Adjust) -> Result<Box<dyn Row>> {
    moving(conn, cx, id, seen, "adjusted", |conn, member, program| {
        let mut violations = Violations::default();
        violations.ensure(!input.points.is_zero(), "/points", "OUT_OF_RANGE", "A correction is not 0.");
        let said = !input.reason.trim().is_empty();
        violations.ensure(said, "/reason", "REQUIRED", "A correction says why.");
        violations.into_result()?;
        program.require_fit(input.points)?;
        if let Some(key) = &input.source_key
            && let Some(entry) = known(conn, cx, member, PointEntryKind::Adjust, key)?
        {
            return same(&entry, Some(input.points), None);
        }
        let cause = Cause {
            occurred_at: cx.now,
            reason: Some(input.reason.clone()),
            source: Some(PointSource::Other),
            source_key: input.source_key.clone(),
            ..Cause::default()
        };
        with_book(conn, cx, member, program, &[], |book| book.adjust(input.points, &cause))
    })
}
