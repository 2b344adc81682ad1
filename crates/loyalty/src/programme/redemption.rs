//! Redemptions: rewards that members took. Locks are taken in one order: redemption, member, reward.

use super::book::Cause;
use super::entry::{PointEntry, PointSource};
use super::member::LoyaltyMembership;
use super::program::LoyaltyProgram;
use super::reversal::undo;
use super::reward::{LoyaltyReward, RewardStatus};
use super::tier::LoyaltyTier;
use super::verbs::with_book;
use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, verbs};
use kith_kernel::ids::{LoyaltyMembershipId, LoyaltyRewardId, PointEntryId, RedemptionId};
use kith_kernel::{
    Action, Bind, Command, Cx, Error, Meta, Nothing, Ownership, Resource, Result, Row, Shape, Statement, Verb, codes,
    text_enum,
};
use kith_macros::{input, resource};
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// How far a redemption is.
    #[derive(Default)]
    pub enum RedemptionStatus {
        /// The member wants it and has paid for it.
        #[default]
        Requested = "REQUESTED",
        /// The member has it.
        Fulfilled = "FULFILLED",
        /// Nothing came of it; points and stock went back.
        Cancelled = "CANCELLED",
    }
}

/// A reward that a member took, by `redeem` of the membership.
#[resource(table = redemptions, id = RedemptionId)]
pub struct Redemption {
    /// The member.
    #[field(filter, read_only)]
    pub membership_id: LoyaltyMembershipId,
    /// The reward.
    #[field(filter, read_only)]
    pub reward_id: LoyaltyRewardId,
    /// The entry by which it was paid.
    #[field(filter, read_only)]
    pub entry_id: PointEntryId,
    /// What it cost.
    #[field(filter, read_only)]
    pub points: Decimal,
    /// How far it is.
    #[field(filter, read_only, default)]
    pub status: RedemptionStatus,
    /// What the member shows to get it; unique, and not to be guessed.
    #[field(filter, read_only, example = "\"9F2C41D07B3A6E58\"")]
    pub code: String,
    /// When it was taken.
    #[field(filter, sort, read_only)]
    pub requested_at: DateTime<Utc>,
    /// When it was fulfilled or cancelled.
    #[field(filter, read_only)]
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    #[field(read_only, max = 2_000)]
    pub reason: Option<String>,
}

impl Resource for Redemption {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["membership"] };

    fn commands() -> Vec<Command> {
        let may = |cx: &Cx| cx.require(cx.entry(Self::NAME)?, Action::Update).map(drop);
        vec![
            Command::new("fulfil", "Notes that the member has what was REQUESTED.", may, fulfil),
            Command::new(
                "cancel",
                "Gives up what was REQUESTED: the points go back to where they came from, and the reward to its stock.",
                may,
                cancel,
            ),
        ]
    }
}

/// Why nothing comes of it.
#[input]
pub struct Cancel {
    /// Why.
    #[field(max = 2_000)]
    pub reason: Option<String>,
}

impl Redemption {
    fn go(&mut self, cx: &Cx, status: RedemptionStatus) -> Result<()> {
        if self.status != RedemptionStatus::Requested {
            return Err(Error::illegal(format!("It is {} already.", self.status.as_str()), &[]));
        }
        (self.status, self.decided_at) = (status, Some(cx.now));
        Ok(())
    }
}

/// A code of 16 digits that nobody can guess.
pub(crate) fn code(conn: &mut PgConnection) -> Result<String> {
    // The database draws it: 64 bits of a random UUID, without those that are fixed.
    let out = Statement::new("SELECT upper(right(u, 12) || left(u, 4)) FROM (SELECT gen_random_uuid()::text AS u) r");
    Ok(RunQueryDsl::get_result::<(String,)>(out.typed::<(st::Text,)>(), conn)?.0)
}

/// A locked member takes a reward.
pub(crate) fn take(
    conn: &mut PgConnection,
    cx: &Cx,
    member: &mut LoyaltyMembership,
    program: &LoyaltyProgram,
    id: LoyaltyRewardId,
    (reason, key): (Option<String>, Option<String>),
) -> Result<()> {
    let system = cx.as_system();
    let unknown = || Error::invalid("/rewardId", "UNKNOWN_REFERENCE", "rewardId points to nothing that you can see.");
    if !store::exists(conn, cx, cx.entry(LoyaltyReward::NAME)?, id.0, Action::Read)? {
        return Err(unknown());
    }
    let reward = store::find::<LoyaltyReward>(conn, cx, id.0)?.ok_or_else(unknown)?;
    if reward.program_id != member.program_id {
        return Err(Error::invalid("/rewardId", "INVALID", "This is a reward of another programme."));
    }
    allowed(conn, cx, member, &reward)?;
    if reward.stock.is_some() {
        // Locks it, so that of many who want the last one a single one gets it.
        verbs::change(conn, &system, id.0, None, "taken", |_, reward: &mut LoyaltyReward| {
            let left = reward.stock.and_then(|stock| stock.checked_sub(1));
            reward.stock = left;
            let gone = left.is_some_and(|left| left < 0);
            if gone { Err(Error::new(&codes::CONFLICT, "There is none left of this reward.")) } else { Ok(()) }
        })?;
    }
    let made = cx.new_id();
    let cause = Cause {
        occurred_at: cx.now,
        reason,
        source: Some(PointSource::Redemption),
        source_key: key.or(Some(made.to_string())),
        ..Cause::default()
    };
    program.require_fit(reward.cost)?;
    let entry = with_book(conn, cx, member, program, &[], |book| book.redeem(reward.cost, &cause))?;
    let mut redemption = Redemption::blank(Meta { id: made, ..Meta::new(cx) });
    (redemption.membership_id, redemption.reward_id, redemption.entry_id) = (member.id(), id, entry);
    (redemption.points, redemption.code, redemption.requested_at) = (reward.cost, code(conn)?, cx.now);
    verbs::follow(conn, cx, redemption).map(drop)
}

/// Whether a member may have a reward now.
fn allowed(conn: &mut PgConnection, cx: &Cx, member: &LoyaltyMembership, reward: &LoyaltyReward) -> Result<()> {
    let refuse = |detail: &str| Err(Error::new(&codes::CONFLICT, detail));
    let begun = reward.valid_from.is_none_or(|from| from <= cx.now);
    let over = reward.valid_to.is_some_and(|to| to <= cx.now);
    if reward.status != RewardStatus::Active || reward.meta.archived_at.is_some() || !begun || over {
        return refuse("This reward cannot be had now.");
    }
    let mut rank = |id: Option<_>| -> Result<Option<i32>> {
        let Some(id): Option<kith_kernel::ids::LoyaltyTierId> = id else { return Ok(None) };
        Ok(store::find::<LoyaltyTier>(conn, cx, id.0)?.map(|tier| tier.rank))
    };
    if rank(member.tier_id)? < rank(reward.minimum_tier_id)? {
        return refuse("This reward takes a better tier.");
    }
    let Some(limit) = reward.member_limit else { return Ok(()) };
    let mut out = Statement::new("SELECT count(*) FROM redemptions WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND membership_id = ").bind(Bind::Uuid(Some(member.meta.id)));
    out.sql(" AND reward_id = ").bind(Bind::Uuid(Some(reward.meta.id))).sql(" AND status <> 'CANCELLED'");
    let (taken,): (i64,) = RunQueryDsl::get_result(out.typed::<(st::BigInt,)>(), conn)?;
    if taken < i64::from(limit) { Ok(()) } else { refuse("The member has had as many of this reward as one can.") }
}

fn fulfil(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "fulfilled", |_, redemption: &mut Redemption| {
        redemption.go(cx, RedemptionStatus::Fulfilled)
    })
}

fn cancel(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Cancel) -> Result<Box<dyn Row>> {
    let system = cx.as_system();
    verbs::change(conn, cx, id, seen, "cancelled", |conn, redemption: &mut Redemption| {
        redemption.go(cx, RedemptionStatus::Cancelled)?;
        redemption.reason = input.reason.clone();
        let entry = store::find::<PointEntry>(conn, cx, redemption.entry_id.0)?;
        let entry = entry.ok_or_else(|| Error::internal("a redemption without an entry"))?;
        undo(conn, cx, &entry, input.reason)?;
        let reward = store::find::<LoyaltyReward>(conn, cx, redemption.reward_id.0)?;
        // An archived reward is not had again, so its stock does not matter.
        if reward.is_some_and(|reward| reward.stock.is_some() && reward.meta.archived_at.is_none()) {
            verbs::change(conn, &system, redemption.reward_id.0, None, "returned", |_, reward: &mut LoyaltyReward| {
                reward.stock = reward.stock.map(|stock| stock.saturating_add(1));
                Ok(())
            })?;
        }
        Ok(())
    })
}
