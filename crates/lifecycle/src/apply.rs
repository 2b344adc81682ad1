//! What the rules decided, written for many accounts at once: a few statements whatever their number.
//!
//! The computed rows are derived and can be made anew, so they leave no journal rows of their own; the transitions are
//! history, and do.

use crate::lifecycle::{Lifecycle, LifecycleSource};
use crate::rules::churn::CustomerActivity;
use crate::rules::{Before, LifecycleRule, LifecycleStage, LoyaltyStage, Verdict};
use crate::transition::LifecycleTransition;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::derived::{self, Group};
use kith_journal::{bulk, store};
use kith_kernel::{Bind, Custom, Cx, Meta, Result, Shape};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// What the rules say of an account.
#[derive(Clone, Debug)]
pub struct Ruling {
    /// The account.
    pub account: Uuid,
    /// The stage.
    pub verdict: Verdict,
    /// The class of the loyalty ladder.
    pub loyalty_stage: LoyaltyStage,
    /// Whether it still is a customer.
    pub activity: CustomerActivity,
    /// Since when it is not; none if it is.
    pub churned_on: Option<NaiveDate>,
    /// The day as of which all this is.
    pub as_of: NaiveDate,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Accounts that had no lifecycle before.
    pub begun: usize,
    /// Accounts of which something changed.
    pub changed: usize,
    /// Accounts that reached another stage.
    pub moved: usize,
}

/// Where an account would stand if the rules' word were applied to it; it may have no lifecycle yet.
pub fn outlook(stands: Option<&Lifecycle>, ruling: &Ruling) -> (LifecycleStage, LoyaltyStage) {
    let stage = stands.map_or(ruling.verdict.stage, |stands| stands.followed(ruling).stage);
    (stage, ruling.loyalty_stage)
}

/// The lifecycles of accounts; those without one are left out.
pub fn standing(conn: &mut PgConnection, cx: &Cx, group: &Group) -> Result<HashMap<Uuid, Lifecycle>> {
    let rows = store::rows::<Lifecycle>(conn, cx, |out| {
        out.sql(" AND ");
        group.limit(out, "t.id");
    })?;
    Ok(rows.into_iter().map(|row| (row.meta.id, row)).collect())
}

impl Lifecycle {
    /// As the rules take it.
    pub fn before(&self) -> Before {
        let by_rule = !matches!(self.rule, LifecycleRule::ChurnEvent | LifecycleRule::Manual);
        Before { stage: self.stage, since: self.since, previous: self.previous_stage, by_rule }
    }

    /// Whether a person's word holds on a day.
    fn is_held(&self, day: NaiveDate) -> bool {
        self.manual_until.is_some_and(|until| until >= day)
    }

    /// The first day on which time alone may change it: the day after a person's word, if that is sooner.
    pub(crate) fn review_by(&self, day: NaiveDate) -> NaiveDate {
        self.manual_until.and_then(|until| until.succ_opt()).map_or(day, |over| day.min(over))
    }

    /// As the rules begin it.
    fn begun(cx: &Cx, ruling: &Ruling) -> Self {
        let row = Lifecycle::blank(Meta { id: ruling.account, ..Meta::new(cx) });
        let stage = ruling.verdict.stage;
        Lifecycle {
            account_id: ruling.account.into(),
            stage,
            since: ruling.as_of,
            lifetimes: i32::from(stage != LifecycleStage::Prospect),
            source: LifecycleSource::Rule,
            ..row.told(ruling).judged(&ruling.verdict)
        }
    }

    /// As the rules go on with it. What was set by hand stays until its day is over, and only moves that are legal from where
    /// it stands now are made.
    fn followed(&self, ruling: &Ruling) -> Self {
        let mut row = self.clone().told(ruling);
        // It comes back with its account.
        row.meta.archived_at = None;
        // The relationship may have moved since the rules were asked; what is then not legal waits for the next time.
        let to = ruling.verdict.stage;
        let is_legal = self.stage == to || to == LifecycleStage::Prospect || self.stage.may_become(to);
        // Who ended it goes on to be named while it is over.
        let is_decided = self.rule == LifecycleRule::ChurnEvent && self.stage == to;
        let row = match is_decided {
            true => Lifecycle { activity: self.activity, churned_on: self.churned_on, ..row },
            false => row,
        };
        let is_held = self.is_held(ruling.as_of);
        let row = match is_held {
            true => Lifecycle { next_review: row.review_by(row.next_review), ..row },
            false => Lifecycle { manual_reason: None, manual_until: None, ..row },
        };
        if is_held || !is_legal || is_decided {
            return Lifecycle { lifetimes: self.lifetimes_in(self.stage), ..row };
        }
        let moved = match self.stage == to {
            true => row,
            false => Lifecycle { stage: to, since: ruling.as_of, previous_stage: Some(self.stage), ..row },
        };
        Lifecycle { source: LifecycleSource::Rule, lifetimes: self.lifetimes_in(to), ..moved.judged(&ruling.verdict) }
    }

    /// What is computed anew whatever stage it is in.
    fn told(self, ruling: &Ruling) -> Self {
        Lifecycle {
            evidence: Custom(ruling.verdict.evidence.clone()),
            loyalty_stage: ruling.loyalty_stage,
            activity: ruling.activity,
            churned_on: ruling.churned_on,
            as_of: ruling.as_of,
            next_review: ruling.verdict.next_review,
            ..self
        }
    }

    fn judged(self, verdict: &Verdict) -> Self {
        let confidence = crate::decimal(verdict.confidence.clamp(0.0, 1.0)).unwrap_or_default();
        Lifecycle { rule: verdict.rule, confidence, ..self }
    }

    /// Lifetimes as a customer, once it is in a stage.
    fn lifetimes_in(&self, stage: LifecycleStage) -> i32 {
        match (self.stage, stage) {
            (LifecycleStage::Ended, LifecycleStage::Exploration) => self.lifetimes.saturating_add(1),
            (_, LifecycleStage::Prospect) => self.lifetimes,
            _ => self.lifetimes.max(1),
        }
    }
}

/// Writes what the rules say of accounts that stand as they were read. Saying the same again changes nothing. An account may
/// be named once.
pub fn apply(
    conn: &mut PgConnection,
    cx: &Cx,
    rulings: &[Ruling],
    standing: &HashMap<Uuid, Lifecycle>,
) -> Result<Applied> {
    let (applied, passed) = attempt(conn, cx, rulings.iter().collect(), standing)?;
    if passed.is_empty() {
        return Ok(applied);
    }
    // Somebody else came first. In the order of their ids, so that two who do this at once wait for each other and never
    // lock each other out.
    let olds = store::rows::<Lifecycle>(conn, cx, |out| {
        let ids = passed.iter().map(|ruling| ruling.account).collect();
        out.sql(" AND t.id = ANY(").bind(Bind::Uuids(ids)).sql(") ORDER BY t.id FOR UPDATE OF t");
    })?;
    let (more, _) = attempt(conn, cx, passed, &olds.into_iter().map(|row| (row.meta.id, row)).collect())?;
    Ok(Applied {
        begun: applied.begun.saturating_add(more.begun),
        changed: applied.changed.saturating_add(more.changed),
        moved: applied.moved.saturating_add(more.moved),
    })
}

/// Writes what the rules say; with those of which the accounts stand elsewhere by now, which are left as they are.
fn attempt<'a>(
    conn: &mut PgConnection,
    cx: &Cx,
    rulings: Vec<&'a Ruling>,
    standing: &HashMap<Uuid, Lifecycle>,
) -> Result<(Applied, Vec<&'a Ruling>)> {
    let (mut new, mut next) = (Vec::new(), Vec::new());
    for ruling in &rulings {
        match standing.get(&ruling.account) {
            None => new.push(Lifecycle::begun(cx, ruling)),
            Some(old) => next.extend(Some(old.followed(ruling)).filter(|row| row != old)),
        }
    }
    for row in &mut next {
        (row.meta.version, row.meta.updated_at) = (row.meta.version.saturating_add(1), cx.now);
        row.meta.updated_by = cx.actor.principal();
    }
    let (begun, changed) = (derived::begin(conn, &new)?, derived::follow(conn, cx, &next)?);
    let passed: HashSet<Uuid> = {
        let rows = new.iter().filter(|row| !begun.contains(&row.meta.id));
        rows.chain(next.iter().filter(|row| !changed.contains(&row.meta.id))).map(|row| row.meta.id).collect()
    };
    let mut transitions = Vec::new();
    for row in new.iter().chain(&next).filter(|row| !passed.contains(&row.meta.id)) {
        let from = standing.get(&row.meta.id).map(|old| old.stage);
        if from != Some(row.stage) {
            transitions.push(transition(cx, row, from));
        }
    }
    bulk::insert_all(conn, cx, &transitions)?;
    let applied = Applied {
        begun: begun.len(),
        changed: changed.len().saturating_add(begun.len()),
        moved: transitions.len().saturating_sub(begun.len()),
    };
    Ok((applied, rulings.into_iter().filter(|ruling| passed.contains(&ruling.account)).collect()))
}

fn transition(cx: &Cx, row: &Lifecycle, from: Option<LifecycleStage>) -> LifecycleTransition {
    LifecycleTransition {
        account_id: row.account_id,
        from_stage: from,
        to_stage: row.stage,
        trigger: LifecycleSource::Rule,
        rule: row.rule,
        moved_on: row.as_of,
        evidence: row.evidence.clone(),
        ..LifecycleTransition::blank(Meta::new(cx))
    }
}
