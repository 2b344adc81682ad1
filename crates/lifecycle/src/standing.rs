//! Moves of a single relationship: by hand, and when a loss is confirmed or taken back.

use crate::lifecycle::{Lifecycle, LifecycleSource};
use crate::rules::churn::CustomerActivity;
use crate::rules::{LifecycleRule, LifecycleStage};
use crate::transition::LifecycleTransition;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{AccountId, ChurnEventId};
use kith_kernel::{Custom, Cx, Error, Meta, Result, Shape};
use rust_decimal::Decimal;

/// Where to, and why.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    to: LifecycleStage,
    rule: LifecycleRule,
    reason: Option<String>,
    event: Option<ChurnEventId>,
}

impl Step {
    /// By a person.
    pub(crate) fn by_hand(to: LifecycleStage, reason: Option<String>) -> Self {
        Step { to, rule: LifecycleRule::Manual, reason, event: None }
    }
}

/// The move is not legal; with those that are.
fn refuse(from: LifecycleStage, to: LifecycleStage) -> Error {
    let legal: Vec<&str> = from.next().iter().map(|stage| stage.as_str()).collect();
    let detail =
        format!("A relationship in {} cannot go to {}. It can go to {}.", from.as_str(), to.as_str(), legal.join(", "));
    Error::illegal(detail, &legal)
}

/// Moves a locked relationship, and writes the transition. The caller saves it.
pub(crate) fn step(conn: &mut PgConnection, cx: &Cx, lifecycle: &mut Lifecycle, step: &Step) -> Result<()> {
    let (from, today) = (lifecycle.stage, cx.today());
    if !from.may_become(step.to) {
        return Err(refuse(from, step.to));
    }
    if from == LifecycleStage::Ended {
        lifecycle.lifetimes = lifecycle.lifetimes.saturating_add(i32::from(step.rule != LifecycleRule::ChurnEvent));
    }
    lifecycle.lifetimes = lifecycle.lifetimes.max(1);
    lifecycle.previous_stage = Some(from);
    (lifecycle.stage, lifecycle.since, lifecycle.rule) = (step.to, today, step.rule);
    let mut row = LifecycleTransition::blank(Meta::new(cx));
    (row.account_id, row.from_stage, row.to_stage) = (lifecycle.account_id, Some(from), step.to);
    (row.trigger, row.rule, row.moved_on) = (LifecycleSource::Manual, step.rule, today);
    (row.reason, row.churn_event_id) = (step.reason.clone(), step.event);
    row.evidence = Custom::default();
    verbs::follow(conn, cx, row).map(drop)
}

/// The relationship of an account, made if there is none yet.
fn ensure(conn: &mut PgConnection, cx: &Cx, account: AccountId) -> Result<()> {
    store::one_at_a_time(conn, cx, &format!("lifecycle|{}", account.0))?;
    if store::find::<Lifecycle>(conn, cx, account.0)?.is_some() {
        return Ok(());
    }
    let today = cx.today();
    let mut row = Lifecycle::blank(Meta { id: account.0, ..Meta::new(cx) });
    (row.account_id, row.since, row.as_of, row.next_review) = (account, today, today, today);
    row.rule = LifecycleRule::NoOrder;
    verbs::follow(conn, cx, row).map(drop)
}

fn change(
    conn: &mut PgConnection,
    cx: &Cx,
    account: AccountId,
    operation: &'static str,
    edit: impl FnOnce(&mut PgConnection, &mut Lifecycle) -> Result<()>,
) -> Result<()> {
    ensure(conn, cx, account)?;
    // Whoever may decide about the loss decides about the stage.
    let system = cx.as_system();
    verbs::change::<Lifecycle>(conn, &system, account.0, None, operation, |conn, lifecycle| {
        edit(conn, lifecycle)?;
        lifecycle.source = LifecycleSource::Manual;
        lifecycle.confidence = Decimal::ONE;
        // A decision about a loss is newer than what was set by hand before, and has no end.
        (lifecycle.manual_reason, lifecycle.manual_until) = (None, None);
        Ok(())
    })
    .map(drop)
}

/// Ends the relationship for a loss that was confirmed.
pub(crate) fn end(
    conn: &mut PgConnection,
    cx: &Cx,
    (account, event): (AccountId, ChurnEventId),
    on: NaiveDate,
    reason: Option<&str>,
) -> Result<()> {
    change(conn, cx, account, "ended", |conn, lifecycle| {
        for to in lifecycle.stage.to_the_end() {
            let reason = reason.map(str::to_owned);
            step(conn, cx, lifecycle, &Step { to: *to, rule: LifecycleRule::ChurnEvent, reason, event: Some(event) })?;
        }
        (lifecycle.activity, lifecycle.churned_on) = (CustomerActivity::Churned, Some(on));
        Ok(())
    })
}

/// Brings the relationship back: a loss was taken back, or a customer won back.
pub(crate) fn begin_again(
    conn: &mut PgConnection,
    cx: &Cx,
    (account, event): (AccountId, ChurnEventId),
    rule: LifecycleRule,
    reason: Option<&str>,
) -> Result<()> {
    change(conn, cx, account, "returned", |conn, lifecycle| {
        if lifecycle.stage == LifecycleStage::Ended {
            let reason = reason.map(str::to_owned);
            let to = LifecycleStage::Exploration;
            step(conn, cx, lifecycle, &Step { to, rule, reason, event: Some(event) })?;
        }
        (lifecycle.activity, lifecycle.churned_on) = (CustomerActivity::Active, None);
        lifecycle.next_review = cx.today();
        Ok(())
    })
}
