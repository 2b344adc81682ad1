//! What the rules decided, written for many accounts at once: a few statements whatever their number.
//!
//! The computed rows are derived and can be made anew, so they leave no journal rows of their own; the transitions are
//! history, and do.

use crate::lifecycle::{Lifecycle, LifecycleSource};
use crate::rules::churn::CustomerActivity;
use crate::rules::{Before, LifecycleRule, LifecycleStage, LoyaltyStage, Verdict};
use crate::transition::LifecycleTransition;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::Group;
use kith_journal::{bulk, store};
use kith_kernel::{Bind, Custom, Cx, Meta, Result, Shape, Statement};
use rust_decimal::Decimal;
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

/// Where accounts stand, for [`crate::rules::stage`]; those without a lifecycle are left out.
pub fn standing(conn: &mut PgConnection, cx: &Cx, group: &Group) -> Result<HashMap<Uuid, Before>> {
    let rows = store::rows::<Lifecycle>(conn, cx, |out| {
        out.sql(" AND ");
        group.limit(out, "t.id");
    })?;
    Ok(rows.iter().map(|row| (row.meta.id, row.before())).collect())
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
}

/// A row as it shall be.
struct Next<'a> {
    ruling: &'a Ruling,
    stage: LifecycleStage,
    rule: LifecycleRule,
    confidence: Decimal,
    source: LifecycleSource,
    is_held: bool,
}

impl<'a> Next<'a> {
    fn of(ruling: &'a Ruling, old: Option<&Lifecycle>) -> Self {
        let verdict = &ruling.verdict;
        let confidence = crate::decimal(verdict.confidence.clamp(0.0, 1.0)).unwrap_or_default();
        let plain = Next {
            ruling,
            stage: verdict.stage,
            rule: verdict.rule,
            confidence,
            source: LifecycleSource::Rule,
            is_held: false,
        };
        let Some(old) = old else { return plain };
        let is_held = old.is_held(ruling.as_of);
        // The relationship may have moved since the rules were asked; what is then not legal waits for the next time.
        let to = verdict.stage;
        let is_legal = old.stage == to || to == LifecycleStage::Prospect || old.stage.may_become(to);
        // Who ended it goes on to be named while it is over.
        let is_decided = old.rule == LifecycleRule::ChurnEvent && old.stage == to;
        if is_held || !is_legal || is_decided {
            let (stage, rule, confidence, source) = (old.stage, old.rule, old.confidence, old.source);
            return Next { ruling, stage, rule, confidence, source, is_held };
        }
        plain
    }
}

/// Writes what the rules say. What was set by hand stays until its day is over, and only moves that are legal from where the
/// account stands now are made. Saying the same again changes nothing. An account may be named once.
pub fn apply(conn: &mut PgConnection, cx: &Cx, rulings: &[Ruling]) -> Result<Applied> {
    let all: Vec<Next<'_>> = rulings.iter().map(|ruling| Next::of(ruling, None)).collect();
    let begun: HashSet<Uuid> = begin(conn, cx, &all)?.into_iter().collect();
    let rest: Vec<&Ruling> = rulings.iter().filter(|ruling| !begun.contains(&ruling.account)).collect();
    // In the order of their ids, so that two who do this at once wait for each other and never lock each other out.
    let olds = store::rows::<Lifecycle>(conn, cx, |out| {
        let ids = rest.iter().map(|ruling| ruling.account).collect();
        out.sql(" AND t.id = ANY(").bind(Bind::Uuids(ids)).sql(") ORDER BY t.id FOR UPDATE OF t");
    })?;
    let olds: HashMap<Uuid, Lifecycle> = olds.into_iter().map(|row| (row.meta.id, row)).collect();
    let nexts: Vec<Next<'_>> =
        rest.iter().filter_map(|ruling| olds.get(&ruling.account).map(|old| Next::of(ruling, Some(old)))).collect();
    let changed = update(conn, cx, &nexts)?;
    let moved = nexts.iter().filter_map(|next| {
        let from = olds.get(&next.ruling.account)?.stage;
        (from != next.stage).then(|| transition(cx, next, Some(from)))
    });
    let moved: Vec<LifecycleTransition> = moved.collect();
    let first = all.iter().filter(|next| begun.contains(&next.ruling.account)).map(|next| transition(cx, next, None));
    let transitions: Vec<LifecycleTransition> = first.chain(moved.iter().cloned()).collect();
    bulk::insert_all(conn, cx, &transitions)?;
    Ok(Applied { begun: begun.len(), changed: changed.saturating_add(begun.len()), moved: moved.len() })
}

fn transition(cx: &Cx, next: &Next<'_>, from: Option<LifecycleStage>) -> LifecycleTransition {
    let mut row = LifecycleTransition::blank(Meta::new(cx));
    (row.account_id, row.from_stage, row.to_stage) = (next.ruling.account.into(), from, next.stage);
    (row.trigger, row.rule, row.moved_on) = (LifecycleSource::Rule, next.rule, next.ruling.as_of);
    row.evidence = Custom(next.ruling.verdict.evidence.clone());
    row
}

/// The rows as a table `v`.
fn values(out: &mut Statement, nexts: &[Next<'_>]) {
    fn texts(nexts: &[Next<'_>], text: impl Fn(&Next<'_>) -> String) -> Bind {
        Bind::Texts(nexts.iter().map(text).collect())
    }
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    out.sql("(SELECT * FROM unnest(").bind(Bind::Uuids(nexts.iter().map(|next| next.ruling.account).collect()));
    out.sql("::uuid[], ").bind(texts(nexts, |next| next.stage.as_str().to_owned()));
    out.sql("::text[], ").bind(texts(nexts, |next| next.rule.as_str().to_owned()));
    out.sql("::text[], ").bind(Bind::Decimals(nexts.iter().map(|next| next.confidence).collect()));
    out.sql("::numeric[], ").bind(texts(nexts, |next| next.ruling.verdict.evidence.to_string()));
    out.sql("::text[], ").bind(texts(nexts, |next| next.source.as_str().to_owned()));
    out.sql("::text[], ").bind(texts(nexts, |next| next.is_held.to_string()));
    out.sql("::text[], ").bind(texts(nexts, |next| next.ruling.loyalty_stage.as_str().to_owned()));
    out.sql("::text[], ").bind(texts(nexts, |next| next.ruling.activity.as_str().to_owned()));
    out.sql("::text[], ").bind(texts(nexts, |next| day(next.ruling.churned_on)));
    out.sql("::text[], ").bind(Bind::Dates(nexts.iter().map(|next| next.ruling.as_of).collect()));
    out.sql("::date[], ").bind(Bind::Dates(nexts.iter().map(|next| next.ruling.verdict.next_review).collect()));
    out.sql(
        "::date[]) AS v(id, stage, rule, confidence, evidence, source, held, loyalty_stage, activity, churned_on, as_of, \
         next_review)) v",
    );
}

/// Makes those that are not there yet; which.
fn begin(conn: &mut PgConnection, cx: &Cx, nexts: &[Next<'_>]) -> Result<Vec<Uuid>> {
    let mut out = Statement::new(
        "INSERT INTO lifecycles (tenant_id, id, version, created_at, updated_at, account_id, stage, since, rule, \
         confidence, evidence, source, loyalty_stage, activity, churned_on, lifetimes, as_of, next_review) SELECT ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", v.id, 1, ").bind(Bind::Time(Some(cx.now))).sql(", ");
    out.bind(Bind::Time(Some(cx.now))).sql(
        ", v.id, v.stage, v.as_of, v.rule, v.confidence, v.evidence::jsonb, v.source, v.loyalty_stage, v.activity, \
         nullif(v.churned_on, '')::date, (v.stage <> 'PROSPECT')::integer, v.as_of, v.next_review FROM ",
    );
    values(&mut out, nexts);
    out.sql(" WHERE NOT EXISTS (SELECT FROM lifecycles l WHERE l.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    // Of two who begin the same account at once the second waits here, and goes on as if it had been there.
    out.sql(" AND l.id = v.id) ORDER BY v.id ON CONFLICT (tenant_id, id) DO NOTHING RETURNING id");
    let rows = RunQueryDsl::load::<(Uuid,)>(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Changes those in which something differs; how many.
fn update(conn: &mut PgConnection, cx: &Cx, nexts: &[Next<'_>]) -> Result<usize> {
    let mut out = Statement::new(
        "UPDATE lifecycles l SET version = l.version + 1, updated_by = NULL, previous_stage = CASE WHEN l.stage = v.stage \
         THEN l.previous_stage ELSE l.stage END, since = CASE WHEN l.stage = v.stage THEN l.since ELSE v.as_of END, \
         lifetimes = CASE WHEN l.stage = 'ENDED' AND v.stage = 'EXPLORATION' THEN l.lifetimes + 1 \
         WHEN v.stage <> 'PROSPECT' THEN greatest(l.lifetimes, 1) ELSE l.lifetimes END, stage = v.stage, rule = v.rule, \
         confidence = v.confidence, evidence = v.evidence::jsonb, source = v.source, \
         manual_reason = CASE WHEN v.held::boolean THEN l.manual_reason END, \
         manual_until = CASE WHEN v.held::boolean THEN l.manual_until END, loyalty_stage = v.loyalty_stage, \
         activity = v.activity, churned_on = nullif(v.churned_on, '')::date, as_of = v.as_of, \
         next_review = v.next_review, updated_at = ",
    );
    out.bind(Bind::Time(Some(cx.now))).sql(" FROM ");
    values(&mut out, nexts);
    out.sql(" WHERE l.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(
        " AND l.id = v.id AND ((l.manual_until IS NOT NULL AND NOT v.held::boolean) OR \
         (l.stage, l.rule, l.confidence, l.evidence, l.source, l.loyalty_stage, l.activity, l.churned_on, l.as_of, l.next_review) \
         IS DISTINCT FROM (v.stage, v.rule, v.confidence, v.evidence::jsonb, v.source, v.loyalty_stage, v.activity, \
         nullif(v.churned_on, '')::date, v.as_of, v.next_review))",
    );
    Ok(out.execute(conn)?)
}
