//! The book of a member: the one place where points move. It works on a membership that its caller has locked, and on the
//! member's open lots; what it did is written at the end, in a few statements however much it was.

use super::entry::{LedgerAccount, PointEntry, PointEntryKind, PointPosting, PointSource};
use super::lot::PointLot;
use super::member::LoyaltyMembership;
use super::program::LoyaltyProgram;
use super::schedule::Zone;
use LedgerAccount::{Adjustment, Expired, Issued, MemberAvailable, MemberPending, Redeemed};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::bulk::{self, Change};
use kith_kernel::ids::{OrderId, PointEntryId, PointLotId};
use kith_kernel::{Cx, Error, Meta, Money, Result, Shape, codes};
use rust_decimal::Decimal;

/// What is said of an entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    pub occurred_at: DateTime<Utc>,
    pub reason: Option<String>,
    pub source: Option<PointSource>,
    pub source_key: Option<String>,
    pub order_id: Option<OrderId>,
    pub spend: Option<Money>,
    pub reverses: Option<PointEntryId>,
}

/// A posting before it is written down.
#[derive(Clone, Copy, Debug)]
struct Leg(LedgerAccount, Option<PointLotId>, Decimal);

/// What was done to the books of one or many members.
#[derive(Debug, Default)]
pub(crate) struct Written {
    entries: Vec<PointEntry>,
    made: Vec<PointLot>,
    changed: Vec<Change<PointLot>>,
    postings: Vec<PointPosting>,
}

impl Written {
    /// Together with what was done to another book.
    pub fn extend(&mut self, other: Written) {
        self.entries.extend(other.entries);
        self.made.extend(other.made);
        self.changed.extend(other.changed);
        self.postings.extend(other.postings);
    }

    /// Stores it. The memberships are saved by whoever locked them.
    pub fn store(self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        bulk::insert_all(conn, cx, &self.entries)?;
        bulk::insert_all(conn, cx, &self.made)?;
        bulk::save(conn, cx, "moved", self.changed).map(drop)?;
        bulk::insert_all(conn, cx, &self.postings)
    }
}

/// A member's book, open.
#[derive(Debug)]
pub(crate) struct Book<'a> {
    cx: &'a Cx,
    /// The member, locked.
    pub member: &'a mut LoyaltyMembership,
    /// The rules.
    pub program: &'a LoyaltyProgram,
    /// As they were; none: made here. As they are, in the order in which they are spent.
    lots: Vec<(Option<PointLot>, PointLot)>,
    entries: Vec<PointEntry>,
    postings: Vec<PointPosting>,
}

/// numeric(19,4) holds no more.
fn holds(value: Decimal) -> bool {
    value.abs() < Decimal::from(1_000_000_000_000_000_u64)
}

/// A balance after something came to it or went from it: never negative, never too large.
fn moved(balance: Decimal, by: Decimal) -> Result<Decimal> {
    let after = balance + by;
    match after {
        after if after < Decimal::ZERO => Err(insufficient(balance, -by)),
        after if !holds(after) => Err(Error::invalid("/points", "OUT_OF_RANGE", "That is more than an account holds.")),
        after => Ok(after),
    }
}

fn insufficient(there: Decimal, wanted: Decimal) -> Error {
    let detail = format!("There are {} points to take; this takes {}.", there.normalize(), wanted.normalize());
    Error::new(&codes::INSUFFICIENT_POINTS, detail)
}

impl<'a> Book<'a> {
    /// Opens the book of a locked member on the lots of [`PointLot::open`].
    pub fn new(
        cx: &'a Cx,
        program: &'a LoyaltyProgram,
        member: &'a mut LoyaltyMembership,
        lots: impl IntoIterator<Item = PointLot>,
    ) -> Self {
        let lots = lots.into_iter().map(|lot| (Some(lot.clone()), lot)).collect();
        Book { cx, member, program, lots, entries: Vec::new(), postings: Vec::new() }
    }

    /// Closes it: what is to be written.
    pub fn close(self) -> Written {
        let (mut made, mut changed) = (Vec::new(), Vec::new());
        for (before, after) in self.lots {
            match before {
                None => made.push(after),
                Some(before) if before != after => changed.push(Change { before, after }),
                Some(_) => {}
            }
        }
        Written { entries: self.entries, made, changed, postings: self.postings }
    }

    /// Releases the pending points whose time has come, and says of how many lots.
    pub fn release(&mut self) -> Result<usize> {
        let mut due: Vec<_> = self.lots().filter(|lot| lot.pending > Decimal::ZERO).cloned().collect();
        due.retain(|lot| lot.available_at <= self.cx.now);
        due.sort_by_key(|lot| (lot.available_at, lot.meta.id));
        for lot in &due {
            let (id, points) = (Some(lot.id()), lot.pending);
            let cause = Cause { occurred_at: lot.available_at, ..Cause::default() };
            let legs = [Leg(MemberPending, id, -points), Leg(MemberAvailable, id, points)];
            self.post(self.cx.new_id().into(), PointEntryKind::Release, points, &cause, &legs)?;
        }
        Ok(due.len())
    }

    /// Takes what is left of the lots whose time is over, and says of how many.
    pub fn expire(&mut self) -> Result<usize> {
        let mut due: Vec<_> = self.lots().filter(|lot| lot.available > Decimal::ZERO).cloned().collect();
        due.retain(|lot| lot.expires_at.is_some_and(|at| at <= self.cx.now));
        for lot in &due {
            let (id, points) = (Some(lot.id()), lot.available);
            let cause = Cause { occurred_at: lot.expires_at.unwrap_or(self.cx.now), ..Cause::default() };
            let legs = [Leg(MemberAvailable, id, -points), Leg(Expired, id, points)];
            self.post(self.cx.new_id().into(), PointEntryKind::Expire, -points, &cause, &legs)?;
        }
        Ok(due.len())
    }

    /// Does what is due.
    pub fn settle(&mut self) -> Result<()> {
        self.release()?;
        self.expire().map(drop)
    }

    /// Earns points, at the time of the cause. None: an order too small for points is noted all the same.
    pub fn earn(&mut self, points: Decimal, cause: &Cause) -> Result<()> {
        self.come(
            PointEntryKind::Earn,
            Issued,
            points,
            cause,
            Zone::of(self.program)?.available_at(self.program, cause.occurred_at)?,
        )
    }

    /// Spends points, and says by which entry.
    pub fn redeem(&mut self, points: Decimal, cause: &Cause) -> Result<PointEntryId> {
        let mut legs = self.take(points)?;
        legs.push(Leg(Redeemed, None, points));
        let id = self.cx.new_id().into();
        self.post(id, PointEntryKind::Redeem, -points, cause, &legs)?;
        Ok(id)
    }

    /// Corrects what the member can spend, upwards or downwards.
    pub fn adjust(&mut self, points: Decimal, cause: &Cause) -> Result<()> {
        if points > Decimal::ZERO {
            return self.come(PointEntryKind::Adjust, Adjustment, points, cause, cause.occurred_at);
        }
        let mut legs = self.take(-points)?;
        legs.push(Leg(Adjustment, None, -points));
        self.post(self.cx.new_id().into(), PointEntryKind::Adjust, points, cause, &legs)
    }

    /// Undoes an entry. What was spent goes back to where it was taken from, and expires at once where that is over. What
    /// was earned is taken back: what has expired of it already is not taken twice, what was spent of it is taken from
    /// other lots, and if they do not suffice it is refused.
    pub fn reverse(&mut self, entry: &PointEntry, postings: &[PointPosting], cause: &Cause) -> Result<()> {
        let (mut legs, points) = match entry.kind {
            PointEntryKind::Earn | PointEntryKind::Adjust if entry.points >= Decimal::ZERO => self.back(entry)?,
            PointEntryKind::Redeem | PointEntryKind::Adjust => {
                let undo = |leg: &PointPosting| Leg(leg.ledger_account, leg.lot_id, -leg.points);
                (postings.iter().map(undo).collect(), -entry.points)
            }
            kind => {
                let detail = format!("One of kind {} follows from others and is not reversed.", kind.as_str());
                return Err(Error::illegal(detail, &[]));
            }
        };
        legs.retain(|leg| !leg.2.is_zero() || entry.points.is_zero());
        let cause = Cause { reverses: Some(entry.id()), ..cause.clone() };
        self.post(self.cx.new_id().into(), PointEntryKind::Reverse, points, &cause, &legs)?;
        self.settle()
    }

    /// How to take back what came by an entry, and how much of it the member still had.
    fn back(&mut self, entry: &PointEntry) -> Result<(Vec<Leg>, Decimal)> {
        let other = if entry.kind == PointEntryKind::Earn { Issued } else { Adjustment };
        let Some(lot) = self.lots().find(|lot| lot.entry_id == entry.id()).cloned() else {
            // Nothing came by it.
            return Ok((
                vec![Leg(MemberAvailable, None, Decimal::ZERO), Leg(other, None, Decimal::ZERO)],
                Decimal::ZERO,
            ));
        };
        let id = Some(lot.id());
        let owed = lot.points - lot.expired;
        let pending = lot.pending.min(owed);
        let own = lot.available.min(owed - pending);
        let mut legs = vec![Leg(Expired, id, -lot.expired), Leg(MemberPending, id, -pending)];
        legs.push(Leg(MemberAvailable, id, -own));
        let rest = owed - pending - own;
        let others = self.lots().filter(|lot| Some(lot.id()) != id);
        legs.extend(taken(others, rest).map_err(|there| insufficient(there + own + pending, owed))?);
        legs.push(Leg(other, None, entry.points));
        Ok((legs, Decimal::ZERO - owed))
    }

    fn lots(&self) -> impl Iterator<Item = &PointLot> {
        self.lots.iter().map(|(_, lot)| lot)
    }

    /// Points come to the member, as a lot of their own.
    fn come(
        &mut self,
        kind: PointEntryKind,
        from: LedgerAccount,
        points: Decimal,
        cause: &Cause,
        available_at: DateTime<Utc>,
    ) -> Result<()> {
        let at_once = available_at <= self.cx.now && available_at == cause.occurred_at;
        let to = if at_once { MemberAvailable } else { MemberPending };
        let entry = self.cx.new_id().into();
        let mut lot = PointLot::blank(Meta::new(self.cx));
        (lot.membership_id, lot.entry_id, lot.points) = (self.member.id(), entry, points);
        (lot.earned_at, lot.available_at) = (cause.occurred_at, available_at);
        lot.expires_at = Zone::of(self.program)?.expires_at(self.program, cause.occurred_at)?;
        let id = (!points.is_zero()).then(|| lot.id());
        if id.is_some() {
            let at = self.lots.partition_point(|(_, other)| other.turn() < lot.turn());
            self.lots.insert(at, (None, lot));
        }
        self.post(entry, kind, points, cause, &[Leg(to, id, points), Leg(from, None, Decimal::ZERO - points)])?;
        // What becomes known late may be due already.
        self.settle()
    }

    /// How to take spendable points: from the lots in their turn.
    fn take(&self, points: Decimal) -> Result<Vec<Leg>> {
        taken(self.lots(), points).map_err(|there| insufficient(there, points))
    }

    /// Writes an entry down, and moves the balances of the member and of the lots by its postings.
    fn post(
        &mut self,
        id: PointEntryId,
        kind: PointEntryKind,
        points: Decimal,
        cause: &Cause,
        legs: &[Leg],
    ) -> Result<()> {
        if legs.len() < 2 || !legs.iter().map(|leg| leg.2).sum::<Decimal>().is_zero() {
            return Err(Error::internal("the postings of an entry do not add up to zero"));
        }
        for Leg(account, lot, points) in legs {
            let member = &mut *self.member;
            match account {
                MemberAvailable => member.balance = moved(member.balance, *points)?,
                MemberPending => member.pending = moved(member.pending, *points)?,
                Issued => member.lifetime_earned = moved(member.lifetime_earned, -*points)?,
                Redeemed | Expired | Adjustment => {}
            }
            if let Some(id) = lot {
                self.lot(*id, *account, *points)?;
            }
            let mut posting = PointPosting::blank(Meta::new(self.cx));
            (posting.entry_id, posting.membership_id) = (id, self.member.id());
            (posting.ledger_account, posting.lot_id, posting.points) = (*account, *lot, *points);
            self.postings.push(posting);
        }
        self.member.entry_count = self.member.entry_count.saturating_add(1);
        let entry = PointEntry {
            meta: Meta { id: id.0, ..Meta::new(self.cx) },
            membership_id: self.member.id(),
            number: self.member.entry_count,
            kind,
            points,
            balance_after: self.member.balance,
            pending_after: self.member.pending,
            occurred_at: cause.occurred_at,
            reason: cause.reason.clone(),
            source: cause.source,
            source_key: cause.source_key.clone(),
            order_id: cause.order_id,
            spend: cause.spend,
            reverses_id: cause.reverses,
        };
        self.entries.push(entry);
        Ok(())
    }

    /// Moves the balance of a lot.
    fn lot(&mut self, id: PointLotId, account: LedgerAccount, points: Decimal) -> Result<()> {
        let found = self.lots.iter_mut().map(|(_, lot)| lot).find(|lot| lot.id() == id);
        let lot = found.ok_or_else(|| Error::internal("a posting to a lot that is not open"))?;
        let balance = match account {
            MemberAvailable => &mut lot.available,
            MemberPending => &mut lot.pending,
            Expired => &mut lot.expired,
            Issued | Redeemed | Adjustment => return Err(Error::internal("an account without lots")),
        };
        *balance = moved(*balance, points)?;
        Ok(())
    }
}

/// Takes points from lots one after the other; the error says how many there are.
fn taken<'l>(lots: impl Iterator<Item = &'l PointLot>, points: Decimal) -> std::result::Result<Vec<Leg>, Decimal> {
    let (mut legs, mut rest) = (Vec::new(), points);
    for lot in lots.filter(|lot| lot.available > Decimal::ZERO) {
        if rest.is_zero() {
            break;
        }
        let part = lot.available.min(rest);
        rest -= part;
        legs.push(Leg(MemberAvailable, Some(lot.id()), -part));
    }
    if rest.is_zero() { Ok(legs) } else { Err(points - rest) }
}
