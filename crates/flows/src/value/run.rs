//! A run over all customers, in steps that are transactions of their own: it is claimed, learns from one snapshot of
//! everybody, drafts its judgements page by page, publishes all of them at once, and says so. Whoever takes it over goes on
//! behind the last page. What changes meanwhile is computed as ever, and once more when the run is published.

use super::learn::Learned;
use super::{Rules, Why, assess, lock, today};
use chrono::TimeDelta;
use diesel::{OptionalExtension, PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::{self, Group};
use kith_journal::verbs;
use kith_kernel::ids::PurchaseModelId;
use kith_kernel::{Bind, Custom, Cx, Error, Result, Shape, Statement, codes};
use kith_lifecycle::{ChurnRisk, ChurnScore};
use kith_loyalty::LoyaltyAssessment;
use kith_loyalty::value::borders::UNREACHED;
use kith_loyalty::value::facts::{self, Which};
use kith_loyalty::value::run::RunStatus;
use kith_loyalty::value::{Borders, ClvEstimate, ValueProfile, ValueRun, ValueScore, run as runs};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde_json::json;
use uuid::Uuid;

/// A run that nobody has been heard of for this long is taken over.
const LEASE: TimeDelta = TimeDelta::seconds(30);

/// What a run drafts under the ids of the accounts.
const OF_ACCOUNTS: [&str; 4] = [ValueProfile::NAME, ClvEstimate::NAME, LoyaltyAssessment::NAME, ChurnRisk::NAME];
/// What it drafts of its day.
const OF_DAYS: [&str; 2] = [ValueScore::NAME, ChurnScore::NAME];

/// A run that somebody computes.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The run.
    pub run: Uuid,
    /// Who: another one for each time that it is claimed.
    by: Uuid,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Accounts.
    pub accounts: usize,
    /// Rows that changed.
    pub changed: usize,
}

/// Claims the run that waits, or one that somebody left; asks for the daily one first, if it is time. None: there is nothing
/// to do, or others do it.
pub fn claim(conn: &mut PgConnection, cx: &Cx) -> Result<Option<Claim>> {
    let cx = &cx.as_system();
    let (_, today) = today(conn, cx)?;
    if ValueRun::pending(conn, cx)?.is_none() {
        let last = ValueRun::current(conn, cx)?.and_then(|run| run.as_of);
        if last.is_none_or(|last| last < today) && has_customers(conn, cx)? {
            runs::ask(conn, cx)?;
        }
    }
    // Of two who come at once the second waits here, and finds it claimed.
    kith_journal::store::one_at_a_time(conn, cx, "value_runs claimed")?;
    match ValueRun::pending(conn, cx)? {
        Some(run) if run.status == RunStatus::Queued || is_left(conn, cx, run.meta.id)? => {
            take(conn, cx, run.meta.id).map(Some)
        }
        _ => Ok(None),
    }
}

/// Whether nobody computes a run any more. To learn and to publish take one long transaction each, and nobody hears of it
/// meanwhile; both hold a lock.
fn is_left(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<bool> {
    let mut out = Statement::new("SELECT coalesce(alive_at < ");
    out.bind(Bind::Time(Some(cx.now - LEASE))).sql(", true) AND pg_try_advisory_xact_lock");
    learning(&mut out, cx);
    out.sql(" AND pg_try_advisory_xact_lock");
    lock(&mut out, cx);
    out.sql(" FROM value_runs WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND id = ").bind(Bind::Uuid(Some(id)));
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// The key of the lock that is held while a run learns.
pub(super) fn learning(out: &mut Statement, cx: &Cx) {
    out.sql("(hashtextextended(").bind(Bind::Text(Some(format!("{}|learning", cx.tenant)))).sql(", 0))");
}

fn take(conn: &mut PgConnection, cx: &Cx, run: Uuid) -> Result<Claim> {
    verbs::change::<ValueRun>(conn, cx, run, None, "started", |_, run| {
        (run.status, run.started_at) = (RunStatus::Running, run.started_at.or(Some(cx.now)));
        Ok(())
    })?;
    let by = cx.new_id();
    let mut out = Statement::new("UPDATE value_runs SET alive_at = ");
    out.bind(Bind::Time(Some(cx.now))).sql(", claimed_by = ").bind(Bind::Uuid(Some(by)));
    out.sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND id = ").bind(Bind::Uuid(Some(run))).execute(conn)?;
    Ok(Claim { run, by })
}

/// How far a run is.
struct Place {
    /// The last account that was drafted.
    after: Option<Uuid>,
    /// Accounts that were.
    accounts: usize,
    /// Rows that changed when the drafts were published, if they were.
    published: Option<usize>,
}

/// Waits until nobody else computes values of the tenant, and makes sure that the run is still this one's to compute.
fn enter(conn: &mut PgConnection, cx: &Cx, claim: &Claim) -> Result<Place> {
    let mut out = Statement::new("SELECT pg_advisory_xact_lock");
    lock(&mut out, cx);
    out.execute(conn)?;
    let mut out = Statement::new("UPDATE value_runs SET alive_at = ");
    out.bind(Bind::Time(Some(cx.now))).sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND id = ").bind(Bind::Uuid(Some(claim.run))).sql(" AND status = 'RUNNING' AND claimed_by = ");
    out.bind(Bind::Uuid(Some(claim.by))).sql(" RETURNING resume_after, drafted, published");
    type Sql = (st::Nullable<st::Uuid>, st::Integer, st::Nullable<st::Integer>);
    let row = RunQueryDsl::get_result::<(Option<Uuid>, i32, Option<i32>)>(out.typed::<Sql>(), conn);
    let (after, drafted, published) =
        row.optional()?.ok_or_else(|| Error::new(&codes::CONFLICT, "Somebody else computes this run."))?;
    let whole = |count: i32| usize::try_from(count).unwrap_or_default();
    Ok(Place { after, accounts: whole(drafted), published: published.map(whole) })
}

/// A tenant that sells nothing, not even by subscription, needs no run.
fn has_customers(conn: &mut PgConnection, cx: &Cx) -> Result<bool> {
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM customer_days WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(") OR EXISTS (SELECT FROM subscriptions WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(")");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// Keeps what a run learned: from then on whoever computes it judges by that.
pub fn keep(conn: &mut PgConnection, cx: &Cx, claim: &Claim, learned: &Learned) -> Result<()> {
    let cx = &cx.as_system();
    enter(conn, cx, claim)?;
    for model in &learned.fitted {
        model.clone().keep(conn, cx)?;
    }
    if let Some(study) = &learned.study {
        study.keep(conn, cx)?;
    }
    verbs::change::<ValueRun>(conn, cx, claim.run, None, "learned", |_, run| {
        (run.as_of, run.is_history) = (Some(learned.as_of), learned.is_history);
        (run.model_id, run.purchase_model_id) = (learned.model, learned.purchase.map(PurchaseModelId));
        run.tracking_error = learned.tracking_error.and_then(Decimal::from_f64).map(|error| error.round_dp(4));
        run.borders = Custom(learned.borders.kept());
        run.summary = Custom(summary(&learned.borders));
        Ok(())
    })?;
    Ok(())
}

/// Drafts what a run says of the next accounts, at most so many; how many it has said something of by now. None: of
/// everybody.
pub fn draft(conn: &mut PgConnection, cx: &Cx, claim: &Claim, rules: &Rules, most: usize) -> Result<Option<usize>> {
    let cx = &cx.as_system();
    let place = enter(conn, cx, claim)?;
    let mut page = facts::accounts(conn, cx, Which::After(place.after.unwrap_or_default(), most))?;
    let Some(last) = page.facts.last().map(|facts| facts.account) else { return Ok(None) };
    let why = rules.why();
    if why == Why::Run {
        // Before anything is read of them, so that what changes after that is told anew.
        drafted(conn, cx, &page.group)?;
    }
    facts::fill(conn, cx, &mut page, &rules.reading)?;
    assess(conn, cx, rules, &page, why)?;
    let accounts = place.accounts + page.facts.len();
    let mut out = Statement::new("UPDATE value_runs SET resume_after = ");
    out.bind(Bind::Uuid(Some(last))).sql(", drafted = ").bind(Bind::Int(Some(count(accounts))));
    out.sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND id = ").bind(Bind::Uuid(Some(claim.run))).execute(conn)?;
    Ok(Some(accounts))
}

/// Shows everybody what a run has drafted, all of it in the transaction that this is called in. It adds nothing to the
/// journal, so that the feed need not wait for it; [`finish`] does.
pub fn publish(conn: &mut PgConnection, cx: &Cx, claim: &Claim, rules: &Rules) -> Result<()> {
    let cx = &cx.as_system();
    if enter(conn, cx, claim)?.published.is_some() {
        return Ok(());
    }
    let mut changed = 0;
    for name in OF_ACCOUNTS.into_iter().chain(OF_DAYS) {
        changed += derived::publish(conn, cx, cx.entry(name)?)?;
    }
    if rules.why() == Why::Run {
        // Values of accounts that were archived meanwhile.
        shelve(conn, cx, None)?;
    }
    let mut out = Statement::new("UPDATE value_runs SET published = ");
    out.bind(Bind::Int(Some(count(changed)))).sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND id = ").bind(Bind::Uuid(Some(claim.run))).execute(conn)?;
    Ok(())
}

/// Says that a run was published, and has everybody measured against its borders from now on.
pub fn finish(conn: &mut PgConnection, cx: &Cx, claim: &Claim, rules: &Rules) -> Result<Outcome> {
    let cx = &cx.as_system();
    let Place { accounts, published, .. } = enter(conn, cx, claim)?;
    let changed = published.ok_or_else(|| Error::internal("a run that was not published"))?;
    if rules.why() == Why::Run {
        settle(conn, cx, true)?;
    }
    verbs::change::<ValueRun>(conn, cx, claim.run, None, "finished", |_, run| {
        (run.status, run.finished_at) = (RunStatus::Done, Some(cx.now));
        (run.accounts, run.changed) = (count(accounts), count(changed));
        Ok(())
    })?;
    Ok(Outcome { accounts, changed })
}

/// Takes drafts away that nobody needs any more, some thousands of them; how many. A run that goes on has none to spare.
pub fn sweep(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    let mut gone = 0;
    for name in OF_ACCOUNTS.into_iter().chain(OF_DAYS) {
        gone += derived::discard(conn, cx, cx.entry(name)?, None)?;
    }
    Ok(gone)
}

/// Notes that a run ended without effect.
pub fn fail(conn: &mut PgConnection, cx: &Cx, claim: &Claim, why: &str) -> Result<()> {
    let cx = &cx.as_system();
    enter(conn, cx, claim)?;
    settle(conn, cx, false)?;
    verbs::change::<ValueRun>(conn, cx, claim.run, None, "failed", |_, run| {
        (run.status, run.finished_at, run.problem) = (RunStatus::Failed, Some(cx.now), Some(why.to_owned()));
        Ok(())
    })?;
    Ok(())
}

/// Leaves a run to whoever comes next, at once.
pub fn let_go(conn: &mut PgConnection, cx: &Cx, claim: &Claim) -> Result<()> {
    let mut out = Statement::new("UPDATE value_runs SET alive_at = NULL WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(claim.run)));
    out.sql(" AND claimed_by = ").bind(Bind::Uuid(Some(claim.by))).execute(conn)?;
    Ok(())
}

/// What said that accounts had changed is answered by what a run drafts of them.
fn drafted(conn: &mut PgConnection, cx: &Cx, group: &Group) -> Result<()> {
    let mut out = Statement::new("UPDATE customer_touches SET status = 'DRAFTED' WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND status <> 'DRAFTED' AND ");
    group.limit(&mut out, "account_id");
    out.execute(conn)?;
    Ok(())
}

/// After a run: what its drafts answered is done with, if they were published; all else waits to be computed.
fn settle(conn: &mut PgConnection, cx: &Cx, is_published: bool) -> Result<()> {
    if is_published {
        let mut out = Statement::new("DELETE FROM customer_touches WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND status = 'DRAFTED'").execute(conn)?;
    }
    let mut out = Statement::new("UPDATE customer_touches SET status = 'NEW' WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND status <> 'NEW'").execute(conn)?;
    kith_journal::wake::at(conn, cx, cx.now)
}

/// After accounts were computed because they had changed: what said so is done with. While a run is going on its drafts of
/// them are no longer right, and they are computed once more when it is published.
pub(super) fn forget(conn: &mut PgConnection, cx: &Cx, accounts: &[Uuid], touches: Vec<Uuid>) -> Result<()> {
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM value_runs WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND status = 'RUNNING' AND NOT is_history)");
    let (is_going_on,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
    let mut out = Statement::default();
    if is_going_on {
        for name in OF_ACCOUNTS {
            derived::discard(conn, cx, cx.entry(name)?, Some(accounts))?;
        }
        out.sql("UPDATE customer_touches SET status = 'AGAIN' WHERE tenant_id = ");
    } else {
        out.sql("DELETE FROM customer_touches WHERE tenant_id = ");
    }
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ANY(").bind(Bind::Uuids(touches)).sql(")").execute(conn)?;
    Ok(())
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What of the borders a reader can use.
fn summary(borders: &Borders) -> serde_json::Value {
    let finite = |value: f64| (value < UNREACHED).then_some(value);
    json!({
        "activeCustomers": borders.active,
        "typicalGapDays": borders.gap,
        "margin": borders.margin,
        "yearlyRetention": borders.retention,
        "layers": {
            "top": borders.layers.first().copied().and_then(finite),
            "large": borders.layers.get(1).copied().and_then(finite),
            "medium": borders.layers.get(2).copied().and_then(finite),
        },
        "valueCut": finite(borders.value_cut),
        "potentialCut": finite(borders.potential_cut),
        "silenceLimit": borders.silence,
        "nextPurchase": borders.next.map(|errors| {
            json!({"customers": errors.customers, "rhythmErrorDays": errors.rhythm, "modelErrorDays": errors.model})
        }),
    })
}

/// Archives what is computed of accounts that were archived, of all or of some.
pub(super) fn shelve(conn: &mut PgConnection, cx: &Cx, accounts: Option<&[Uuid]>) -> Result<()> {
    for table in ["value_profiles", "clv_estimates", "churn_risks", "loyalty_assessments", "lifecycles"] {
        let mut out = Statement::new(format!(
            "UPDATE {table} AS t SET archived_at = a.archived_at, version = t.version + 1, updated_at = "
        ));
        out.bind(Bind::Time(Some(cx.now)))
            .sql(" FROM accounts a WHERE t.tenant_id = ")
            .bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(
            " AND a.tenant_id = t.tenant_id AND a.id = t.id AND a.archived_at IS NOT NULL AND t.archived_at IS NULL",
        );
        if let Some(accounts) = accounts {
            out.sql(" AND a.id = ANY(").bind(Bind::Uuids(accounts.to_vec())).sql(")");
        }
        out.execute(conn)?;
    }
    Ok(())
}
