//! Who is in which tier: up at once when enough is earned, down when the hold is over and the period no longer suffices.

use super::member::LoyaltyMembership;
use super::program::LoyaltyProgram;
use super::schedule::Zone;
use super::tier::{LoyaltyTier, TierChange, TierMeasure, TierReason};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, verbs};
use kith_kernel::ids::{LoyaltyProgramId, LoyaltyTierId};
use kith_kernel::{Bind, Cx, Meta, Result, Shape, Statement};
use rust_decimal::Decimal;

/// The tiers of a programme, the best first.
pub(crate) fn of_program(conn: &mut PgConnection, cx: &Cx, program: LoyaltyProgramId) -> Result<Vec<LoyaltyTier>> {
    store::rows(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND t.program_id = ").bind(Bind::Uuid(Some(program.0)));
        out.sql(" ORDER BY t.rank DESC, t.id");
    })
}

/// By how much a member's points for spending are multiplied.
pub(crate) fn multiplier(conn: &mut PgConnection, cx: &Cx, member: &LoyaltyMembership) -> Result<Decimal> {
    let Some(id) = member.tier_id else { return Ok(Decimal::ONE) };
    let tier = store::find::<LoyaltyTier>(conn, cx, id.0)?;
    Ok(tier.and_then(|tier| tier.multiplier).unwrap_or(Decimal::ONE))
}

/// After something was earned: up to the best tier that is reached. Whoever reaches their own again holds it anew.
pub(crate) fn raise(
    conn: &mut PgConnection,
    cx: &Cx,
    program: &LoyaltyProgram,
    member: &mut LoyaltyMembership,
) -> Result<()> {
    let tiers = of_program(conn, cx, program.id())?;
    let own = own(conn, cx, member)?;
    let Some((tier, measured)) = best(conn, cx, program, member, &tiers)? else { return Ok(()) };
    let held = Zone::of(program)?.held_until(tier, cx.now)?;
    match own {
        Some(own) if own.id() == tier.id() => {
            member.tier_held_until = member.tier_held_until.max(Some(held));
            Ok(())
        }
        Some(own) if own.rank >= tier.rank => Ok(()),
        _ => step(conn, cx, member, (tier, measured), Some((tier.id(), held)), TierReason::Reached),
    }
}

/// Once the hold is over: the tier is held anew if the period still suffices for it, or for a better one; else the member
/// goes down to what it suffices for.
pub(crate) fn review(
    conn: &mut PgConnection,
    cx: &Cx,
    program: &LoyaltyProgram,
    member: &mut LoyaltyMembership,
    tiers: &[LoyaltyTier],
) -> Result<()> {
    let Some(own) = own(conn, cx, member)? else { return Ok(()) };
    if member.tier_held_until.is_some_and(|until| until > cx.now) {
        return Ok(());
    }
    let zone = Zone::of(program)?;
    let best = best(conn, cx, program, member, tiers)?;
    let to = match best {
        Some((tier, _)) => Some((tier.id(), zone.held_until(tier, cx.now)?)),
        None => None,
    };
    match best {
        Some((tier, _)) if tier.id() == own.id() => {
            member.tier_held_until = to.map(|(_, until)| until);
            Ok(())
        }
        Some((tier, measured)) if tier.rank > own.rank => {
            step(conn, cx, member, (tier, measured), to, TierReason::Reached)
        }
        _ => {
            let measured = measure(conn, cx, member, own.measure, zone.counts_from(&own, cx.now)?)?;
            step(conn, cx, member, (&own, measured), to, TierReason::Lost)
        }
    }
}

fn own(conn: &mut PgConnection, cx: &Cx, member: &LoyaltyMembership) -> Result<Option<LoyaltyTier>> {
    member.tier_id.map_or(Ok(None), |id| store::find(conn, cx, id.0))
}

/// The best tier that a member reaches now, with what was measured for it.
fn best<'t>(
    conn: &mut PgConnection,
    cx: &Cx,
    program: &LoyaltyProgram,
    member: &LoyaltyMembership,
    tiers: &'t [LoyaltyTier],
) -> Result<Option<(&'t LoyaltyTier, Decimal)>> {
    let zone = Zone::of(program)?;
    for tier in tiers {
        let measured = measure(conn, cx, member, tier.measure, zone.counts_from(tier, cx.now)?)?;
        if measured >= tier.threshold {
            return Ok(Some((tier, measured)));
        }
    }
    Ok(None)
}

/// What a member earned, spent or ordered since then, without what was reversed.
fn measure(
    conn: &mut PgConnection,
    cx: &Cx,
    member: &LoyaltyMembership,
    what: TierMeasure,
    since: DateTime<Utc>,
) -> Result<Decimal> {
    let value = match what {
        TierMeasure::PointsEarned => "coalesce(sum(t.points), 0)",
        TierMeasure::Spend => "coalesce(sum(t.spend_amount), 0)",
        TierMeasure::Orders => "(count(*) FILTER (WHERE t.source = 'ORDER'))::numeric",
    };
    let mut out = Statement::new(format!("SELECT {value} FROM point_entries t WHERE t.tenant_id = "));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND t.membership_id = ").bind(Bind::Uuid(Some(member.meta.id)));
    out.sql(" AND t.kind = 'EARN' AND t.occurred_at >= ").bind(Bind::Time(Some(since)));
    out.sql(" AND NOT EXISTS (SELECT FROM point_entries r WHERE r.tenant_id = t.tenant_id AND r.reverses_id = t.id)");
    Ok(RunQueryDsl::get_result::<(Decimal,)>(out.typed::<(st::Numeric,)>(), conn)?.0)
}

/// Moves a member to another tier, and writes down why.
fn step(
    conn: &mut PgConnection,
    cx: &Cx,
    member: &mut LoyaltyMembership,
    (evidence, measured): (&LoyaltyTier, Decimal),
    to: Option<(LoyaltyTierId, DateTime<Utc>)>,
    reason: TierReason,
) -> Result<()> {
    let mut change = TierChange::blank(Meta::new(cx));
    (change.membership_id, change.changed_at, change.reason) = (member.id(), cx.now, reason);
    (change.from_tier_id, change.to_tier_id) = (member.tier_id, to.map(|(id, _)| id));
    (change.measure, change.measured, change.threshold) = (evidence.measure, measured, evidence.threshold);
    change.held_until = to.map(|(_, until)| until);
    verbs::follow(conn, cx, change)?;
    (member.tier_id, member.tier_held_until) = (to.map(|(id, _)| id), to.map(|(_, until)| until));
    Ok(())
}
