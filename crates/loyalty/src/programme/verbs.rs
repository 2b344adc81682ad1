//! The verbs of the ledger. Each locks the member first, settles what is due, and then moves points; none needs a version,
//! as its key makes it happen once, and movements of others do not stand in its way.

use super::book::{Book, Cause};
use super::entry::{PointEntry, PointEntryKind, PointPosting, PointSource};
use super::lot::PointLot;
use super::member::{LoyaltyMembership, MembershipStatus};
use super::program::{LoyaltyProgram, ProgramStatus};
use super::{levels, redemption};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, verbs};
use kith_kernel::ids::{LoyaltyMembershipId, LoyaltyRewardId, OrderId, PointEntryId};
use kith_kernel::{Action, Bind, Command, Cx, Error, Money, Result, Row, Shape, Statement, Violations, codes};
use kith_macros::input;
use rust_decimal::{Decimal, RoundingStrategy};
use uuid::Uuid;

fn may_move(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(LoyaltyMembership::NAME)?, Action::Update).map(drop)
}

fn may_adjust(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(PointEntry::NAME)?, Action::Create)?;
    may_move(cx)
}

fn may_reverse(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(PointEntry::NAME)?, Action::Update).map(drop)
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

/// The verbs of entries.
pub(crate) fn of_entries() -> Vec<Command> {
    let doc = "Undoes an EARN, REDEEM or ADJUST, once. Points that were spent go back to where they came from; points that were earned are taken back, and if the member has spent too many of them it is refused with INSUFFICIENT_POINTS. What a redemption spent comes back by cancelling that. It needs the right point-entries:UPDATE.";
    vec![Command::new("reverse", doc, may_reverse, reverse).keyed()]
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
    /// An order of the customer that is CONFIRMED or FULFILLED: its net counts as spending, and its id is the sourceKey.
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

/// Why it is undone.
#[input]
pub struct Reverse {
    /// Why.
    #[field(max = 2_000, example = "\"The order came back\"")]
    pub reason: String,
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
fn moving(
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
        let mut violations = Violations::default();
        let given = [input.points.is_some(), input.spend.is_some(), input.order_id.is_some()];
        let one = given.into_iter().filter(|given| *given).count() == 1;
        violations.ensure(one, "/points", "INVALID", "Give one of points, spend and orderId.");
        let keyed = input.source_key.as_ref().is_some_and(|key| !key.is_empty()) || input.order_id.is_some();
        violations.ensure(keyed, "/sourceKey", "REQUIRED", "Without orderId this is required.");
        let past = input.occurred_at.is_none_or(|at| at <= cx.now);
        violations.ensure(past, "/occurredAt", "OUT_OF_RANGE", "This is in the future.");
        let positive = input.points.is_none_or(|points| points > Decimal::ZERO);
        violations.ensure(positive, "/points", "OUT_OF_RANGE", "Points are more than 0.");
        let spent = input.spend.is_none_or(|spend| spend.amount >= Decimal::ZERO);
        violations.ensure(spent, "/spend", "OUT_OF_RANGE", "Spending is not negative.");
        violations.into_result()?;
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

/// What spending earns: rounded down to the places of points.
fn worth(program: &LoyaltyProgram, spend: Money, multiplier: Decimal) -> Result<Decimal> {
    if spend.currency != program.currency {
        let detail = format!("The programme counts spending in {}.", program.currency);
        return Err(Error::invalid("/spend", "MIXED_CURRENCIES", detail));
    }
    let exact = spend.amount.checked_mul(program.earn_rate).and_then(|exact| exact.checked_mul(multiplier));
    let places = u32::try_from(program.point_places).unwrap_or(0);
    let points = exact.map(|exact| exact.round_dp_with_strategy(places, RoundingStrategy::ToZero));
    let holds = points.filter(|points| *points < Decimal::from(1_000_000_000_000_000_u64));
    holds.ok_or_else(|| Error::invalid("/spend", "OUT_OF_RANGE", "That is more than an account holds."))
}

/// An order as far as the programme has to do with it.
pub(crate) struct Ordered {
    /// Which.
    pub id: OrderId,
    /// Who ordered.
    pub account: Uuid,
    /// Without tax.
    pub net: Money,
    /// When.
    pub at: DateTime<Utc>,
}

impl Ordered {
    /// An order that the actor may read and that is valid.
    pub fn valid(conn: &mut PgConnection, cx: &Cx, id: OrderId) -> Result<Self> {
        let unknown = || Error::invalid("/orderId", "UNKNOWN_REFERENCE", "orderId points to nothing that you can see.");
        if !store::exists(conn, cx, cx.entry("orders")?, id.0, Action::Read)? {
            return Err(unknown());
        }
        let mut out = Statement::new(
            "SELECT account_id, net_amount, net_currency, ordered_at, status IN ('CONFIRMED', 'FULFILLED') AND archived_at IS NULL \
             FROM orders WHERE tenant_id = ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(id.0)));
        type Sql = (st::Uuid, st::Numeric, st::Text, st::Timestamptz, st::Bool);
        type Found = (Uuid, Decimal, String, DateTime<Utc>, bool);
        let found: Vec<Found> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        let (account, amount, code, at, valid) = found.into_iter().next().ok_or_else(unknown)?;
        if !valid {
            return Err(Error::invalid("/orderId", "INVALID", "The order is neither CONFIRMED nor FULFILLED."));
        }
        let currency = kith_kernel::Currency::from_code(&code).ok_or_else(|| Error::internal("no such currency"))?;
        Ok(Ordered { id, account, net: Money { amount, currency }, at })
    }

    /// Such an order of a member.
    fn find(conn: &mut PgConnection, cx: &Cx, id: OrderId, member: &LoyaltyMembership) -> Result<Self> {
        let order = Ordered::valid(conn, cx, id)?;
        let own = order.account == member.account_id.0;
        let detail = "The order is of another customer.";
        if own { Ok(order) } else { Err(Error::invalid("/orderId", "INVALID", detail)) }
    }
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

fn reverse(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Reverse) -> Result<Box<dyn Row>> {
    let entry = cx.entry(PointEntry::NAME)?;
    let scope = cx.require(entry, Action::Update)?;
    // Entries are never locked: nobody can change them. Their member is.
    let found = store::get(conn, &cx.as_system(), entry, id)?;
    if scope != kith_kernel::RowScope::All && !store::exists(conn, cx, entry, id, Action::Update)? {
        return Err(Error::not_found());
    }
    let Some(original) = found.any().downcast_ref::<PointEntry>() else { return Err(Error::internal("not an entry")) };
    if seen.is_some_and(|seen| seen != original.meta.version) {
        return Err(Error::new(&codes::VERSION_CONFLICT, "An entry is at version 1, always."));
    }
    if original.source == Some(PointSource::Redemption) {
        return Err(Error::illegal("A redemption spent these points: cancel that.", &["redemptions/cancel"]));
    }
    if input.reason.trim().is_empty() {
        return Err(Error::invalid("/reason", "REQUIRED", "A reversal says why."));
    }
    undo(conn, cx, original, Some(input.reason))?;
    Ok(found)
}

/// Undoes an entry, once.
pub(crate) fn undo(conn: &mut PgConnection, cx: &Cx, entry: &PointEntry, reason: Option<String>) -> Result<()> {
    let system = cx.as_system();
    let postings: Vec<PointPosting> = store::rows(conn, cx, |out| {
        out.sql(" AND t.entry_id = ").bind(Bind::Uuid(Some(entry.meta.id))).sql(" ORDER BY t.id");
    })?;
    let lots: Vec<_> = postings.iter().filter_map(|posting| posting.lot_id.map(|lot| lot.0)).collect();
    moving(conn, &system, entry.membership_id.0, None, "reversed", |conn, member, program| {
        if reversal(conn, cx, entry.id())? {
            return Err(Error::illegal("This was reversed already.", &[]));
        }
        let cause = Cause { occurred_at: cx.now, reason, source: entry.source, ..Cause::default() };
        with_book(conn, &system, member, program, &lots, |book| book.reverse(entry, &postings, &cause))
    })
    .map(drop)
}

/// Whether an entry was reversed.
fn reversal(conn: &mut PgConnection, cx: &Cx, id: PointEntryId) -> Result<bool> {
    let found: Vec<PointEntry> = store::rows(conn, cx, |out| {
        out.sql(" AND t.reverses_id = ").bind(Bind::Uuid(Some(id.0)));
    })?;
    Ok(!found.is_empty())
}
