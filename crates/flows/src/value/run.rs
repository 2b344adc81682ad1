//! A run over all customers: claimed in a transaction of its own, so that everybody sees it going; computed in one that
//! sees a single state of the database, and whose results appear all at once; finished with that.

use super::relationship::{self, Relations, SAMPLE};
use super::{Rules, Why, alone, reading, store, today};
use chrono::TimeDelta;
use diesel::PgConnection;
use kith_journal::verbs;
use kith_kernel::ids::{PurchaseModelId, ValueModelId};
use kith_kernel::{Bind, Custom, Cx, Error, Result, Statement, codes};
use kith_loyalty::standing::Peers;
use kith_loyalty::value::assess::Base;
use kith_loyalty::value::borders::UNREACHED;
use kith_loyalty::value::facts::{self, Occasion, Reading, Which};
use kith_loyalty::value::families;
use kith_loyalty::value::learn::Lesson;
use kith_loyalty::value::run::RunStatus;
use kith_loyalty::value::{Borders, PurchaseModel, ValueIndicator, ValueModel, ValueRun, run as runs};
use serde_json::json;
use uuid::Uuid;

/// Accounts that are read at once.
const PAGE: i64 = 10_000;
/// A run whose process is gone is taken over after this, unless somebody still computes it.
const LEASE: TimeDelta = TimeDelta::seconds(30);

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
pub fn claim(conn: &mut PgConnection, cx: &Cx) -> Result<Option<Uuid>> {
    let cx = &cx.as_system();
    let (_, today) = today(conn, cx)?;
    let Some(run) = ValueRun::pending(conn, cx)? else {
        let last = ValueRun::current(conn, cx)?.and_then(|run| run.as_of);
        if last.is_none_or(|last| last < today) && has_customers(conn, cx)? {
            runs::ask(conn, cx)?;
            return claim_pending(conn, cx);
        }
        return Ok(None);
    };
    let left = run.started_at.is_none_or(|at| at + LEASE < cx.now);
    if (run.status == RunStatus::Queued || left) && alone(conn, cx)? { take(conn, cx, run.meta.id) } else { Ok(None) }
}

fn claim_pending(conn: &mut PgConnection, cx: &Cx) -> Result<Option<Uuid>> {
    match ValueRun::pending(conn, cx)? {
        Some(run) if run.status == RunStatus::Queued && alone(conn, cx)? => take(conn, cx, run.meta.id),
        _ => Ok(None),
    }
}

fn take(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Option<Uuid>> {
    verbs::change::<ValueRun>(conn, cx, id, None, "started", |_, run| {
        (run.status, run.started_at) = (RunStatus::Running, Some(cx.now));
        Ok(())
    })?;
    Ok(Some(id))
}

/// A tenant that sells nothing needs no run.
fn has_customers(conn: &mut PgConnection, cx: &Cx) -> Result<bool> {
    use diesel::{RunQueryDsl, sql_types as st};
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM customer_days WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(")");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// Computes a claimed run and finishes it. `told` is told how many accounts are done.
pub fn finish(conn: &mut PgConnection, cx: &Cx, id: Uuid, mut told: impl FnMut(usize)) -> Result<Outcome> {
    let cx = &cx.as_system();
    if !alone(conn, cx)? {
        return Err(Error::new(&codes::CONFLICT, "Values of this tenant are being computed at this moment."));
    }
    let run = kith_journal::store::find::<ValueRun>(conn, cx, id)?.ok_or_else(Error::not_found)?;
    let (zone, day) = today(conn, cx)?;
    let as_of = run.as_of.unwrap_or(day);
    let published = ValueModel::published(conn, cx)?;
    let model_id = published.as_ref().map(|model| ValueModelId(model.meta.id));
    let model = published.unwrap_or_else(|| ValueModel::usual(cx));
    let indicators = ValueIndicator::of(conn, cx, &model)?;
    let mut reading = reading(&model, zone, as_of);
    reading.families = families::listed(conn, cx)?;
    let Customers { all: customers, sample } = customers(conn, cx, &reading)?;
    let purchase = match PurchaseModel::current(conn, cx, as_of, model.purchase_model)? {
        Some(found) => Some(found),
        None => {
            let histories: Vec<_> = customers.iter().filter_map(Base::history).collect();
            PurchaseModel::learn(conn, cx, as_of, model.purchase_model, &histories)?
        }
    };
    let purchase_model_id = purchase.as_ref().map(|model| PurchaseModelId(model.meta.id));
    let purchase = purchase.and_then(|model| model.ready());
    let families = families::margins(conn, cx, &reading, &customers)?;
    let lesson = Lesson {
        model: &model,
        indicators: &indicators,
        customers: &customers,
        purchase: purchase.as_ref(),
        as_of,
        families: &families,
    };
    let borders = Borders { run: id, loyalty: Peers::learn(conn, cx, as_of)?, ..lesson.learn() };
    drop(customers);
    let is_history = as_of < day;
    if !is_history {
        relationship::learn(conn, cx, &sample, borders.gap, as_of)?;
    }
    let relations = match is_history {
        true => Relations::past(conn, cx, borders.gap, as_of)?,
        false => Relations::current(conn, cx, borders.gap)?,
    };
    let rules = Rules { model, indicators, purchase, borders, reading, relations };
    let why = if is_history { Why::History } else { Why::Run };
    let outcome = all(conn, cx, &rules, why, &mut told)?;
    tidy(conn, cx, &rules.reading, why)?;
    verbs::change::<ValueRun>(conn, cx, id, None, "finished", |_, run| {
        (run.status, run.finished_at, run.as_of) = (RunStatus::Done, Some(cx.now), Some(as_of));
        run.is_history = is_history;
        (run.model_id, run.purchase_model_id) = (model_id, purchase_model_id);
        (run.accounts, run.changed) = (count(outcome.accounts), count(outcome.changed));
        run.borders = Custom(rules.borders.kept());
        run.summary = Custom(summary(&rules.borders));
        Ok(())
    })?;
    Ok(outcome)
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
    })
}

/// Everybody who ever bought.
struct Customers {
    /// In numbers.
    all: Vec<Base>,
    /// When some of them did: what is learned of leaving is learned from these.
    sample: Vec<Vec<Occasion>>,
}

fn customers(conn: &mut PgConnection, cx: &Cx, reading: &Reading) -> Result<Customers> {
    let (mut found, mut after) = (Customers { all: Vec::new(), sample: Vec::new() }, Uuid::nil());
    loop {
        let page = facts::read(conn, cx, Which::After(after, PAGE), reading)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.account;
        for facts in page.into_iter().filter(|facts| !facts.occasions.is_empty()) {
            found.all.push(Base::of(&facts, reading.as_of));
            // The ids begin with the time of their making, and end in chance: these are a sample, the same every time.
            let is_drawn = facts.account.as_bytes().last().is_some_and(|byte| byte % 8 == 0);
            if found.sample.len() < SAMPLE / 4 || (is_drawn && found.sample.len() < SAMPLE) {
                found.sample.push(facts.occasions);
            }
        }
    }
}

/// Assesses everybody.
fn all(conn: &mut PgConnection, cx: &Cx, rules: &Rules, why: Why, told: &mut impl FnMut(usize)) -> Result<Outcome> {
    let (mut outcome, mut after) = (Outcome { accounts: 0, changed: 0 }, Uuid::nil());
    loop {
        let page = facts::read(conn, cx, Which::After(after, PAGE), &rules.reading)?;
        let Some(last) = page.last() else { return Ok(outcome) };
        after = last.account;
        outcome.changed += store(conn, cx, rules, &page, why)?;
        outcome.accounts += page.len();
        told(outcome.accounts);
    }
}

/// Archives the values of accounts that were archived, of all or of some.
pub(super) fn shelve(conn: &mut PgConnection, cx: &Cx, accounts: Option<&[Uuid]>) -> Result<()> {
    for table in ["value_profiles", "clv_estimates", "churn_risks", "loyalty_assessments"] {
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

/// What is behind this run: values of accounts that were archived, days of this month before this one, and what said that
/// accounts had changed.
fn tidy(conn: &mut PgConnection, cx: &Cx, reading: &Reading, why: Why) -> Result<()> {
    if why == Why::History {
        return Ok(());
    }
    shelve(conn, cx, None)?;
    let mut out = Statement::new("DELETE FROM value_scores WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND as_of < ").bind(Bind::Date(Some(reading.as_of)));
    out.sql(" AND as_of >= date_trunc('month', ").bind(Bind::Date(Some(reading.as_of))).sql("::date)").execute(conn)?;
    kith_lifecycle::score::forget_earlier(conn, cx.tenant, reading.as_of)?;
    let mut out = Statement::new("DELETE FROM customer_touches WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).execute(conn)?;
    Ok(())
}

/// Notes that a run ended without effect.
pub fn fail(conn: &mut PgConnection, cx: &Cx, id: Uuid, why: &str) -> Result<()> {
    verbs::change::<ValueRun>(conn, &cx.as_system(), id, None, "failed", |_, run| {
        (run.status, run.finished_at, run.problem) = (RunStatus::Failed, Some(cx.now), Some(why.to_owned()));
        Ok(())
    })?;
    Ok(())
}
