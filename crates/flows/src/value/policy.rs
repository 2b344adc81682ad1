//! What another lifecycle policy would change: all relationships judged by it on the facts of today, from where they stand,
//! as the next run would judge them if it were published, and nothing stored.

use super::relationship::{Customer, has_relationship};
use super::simulate::{few, matrix};
use super::{Rules, today};
use diesel::PgConnection;
use kith_journal::{metric, store};
use kith_kernel::{Cx, Error, Result, Shape, codes};
use kith_lifecycle::rules::{LifecycleStage, LoyaltyStage};
use kith_lifecycle::{LifecyclePolicy, Ruling, outlook};
use kith_loyalty::standing;
use kith_loyalty::value::facts::{self, Page, Which};
use kith_loyalty::value::rows::Assessed;
use kith_loyalty::value::{ValueRun, reports};
use serde_json::{Value, json};
use uuid::Uuid;

/// Where a relationship stands.
type Place = (LifecycleStage, LoyaltyStage);

/// An account, where it stands, where it would, and what the rules say.
struct Judged {
    account: Uuid,
    was: Option<Place>,
    now: Place,
    ruling: Ruling,
}

/// Judges all relationships by a policy; at most so many movers are named.
pub fn simulate(conn: &mut PgConnection, cx: &Cx, id: Uuid, movers: i64) -> Result<Value> {
    let row = store::get(conn, cx, cx.entry(LifecyclePolicy::NAME)?, id)?;
    let policy = row.any().downcast_ref::<LifecyclePolicy>().cloned();
    let policy = policy.ok_or_else(|| Error::internal("not a lifecycle policy"))?;
    for resource in ["accounts", "lifecycles", "loyalty-assessments", "orders"] {
        metric::whole(cx, resource)?;
    }
    few(conn, cx)?;
    let missing =
        || Error::new(&codes::CONFLICT, "Nothing is known of the customers yet: the first run is still to come.");
    let last = ValueRun::current(conn, cx)?.ok_or_else(missing)?;
    let day = today(conn, cx)?;
    let mut rules = Rules::read(conn, cx, &last, day)?;
    rules.relations = rules.relations.by(policy.policy());
    let (mut all, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = facts::read(conn, cx, Which::After(after, facts::PAGE), &rules.reading)?;
        let Some(last) = page.facts.last() else { break };
        after = last.account;
        all.extend(judge(conn, cx, &rules, &page)?);
    }
    let moves: Vec<(Uuid, Option<Place>, Place)> = all.iter().map(|one| (one.account, one.was, one.now)).collect();
    Ok(json!({
        "policy": {"id": id, "name": policy.name}, "asOf": rules.reading.as_of, "accounts": moves.len(),
        "moved": all.iter().filter(|one| one.was != Some(one.now)).count(),
        "stages": matrix(&moves, LifecycleStage::ALL, |(stage, _)| stage.as_str()),
        "loyaltyStages": matrix(&moves, LoyaltyStage::ALL, |(_, stage)| stage.as_str()),
        "movers": named(conn, cx, &all, movers)?,
    }))
}

/// Those of a page who have a relationship.
fn judge(conn: &mut PgConnection, cx: &Cx, rules: &Rules, page: &Page) -> Result<Vec<Judged>> {
    let as_of = rules.reading.as_of;
    let judge = rules.judge();
    let assessed: Vec<Assessed> = page.facts.iter().map(|one| judge.assess(cx, one, None, true)).collect();
    let shares = standing::shares(assessed.iter().map(|one| &one.profile));
    let loyalty = standing::assess_page(conn, cx, page, &shares, (&rules.borders, &rules.weights), as_of)?;
    let stood = kith_lifecycle::standing(conn, cx, &page.group)?;
    let each = page.facts.iter().zip(assessed.iter().zip(&loyalty)).filter(|(facts, _)| has_relationship(facts));
    let judged = each.map(|(facts, (assessed, loyalty))| {
        let customer = Customer::of((facts, assessed), as_of, &rules.relations, rules.purchases.as_ref());
        let stands = stood.get(&facts.account);
        let (ruling, _) = customer.rule(stands, loyalty);
        let was = stands.map(|stands| (stands.stage, stands.loyalty_stage));
        Judged { account: facts.account, was, now: outlook(stands, &ruling), ruling }
    });
    Ok(judged.collect())
}

/// Those whose stage would change, then those whose loyalty stage would, in the order of their ids.
fn named(conn: &mut PgConnection, cx: &Cx, all: &[Judged], limit: i64) -> Result<Value> {
    let moved = all.iter().filter_map(|one| Some((one, one.was?))).filter(|(one, was)| one.now != *was);
    let mut moved: Vec<(&Judged, Place)> = moved.collect();
    moved.sort_by_key(|(one, was)| (one.now.0 == was.0, one.account));
    moved.truncate(usize::try_from(limit).unwrap_or(0));
    let ids: Vec<Uuid> = moved.iter().map(|(one, _)| one.account).collect();
    let names = reports::names(conn, cx, "accounts", &ids)?;
    let shown = |(stage, loyalty): Place| json!({"stage": stage.as_str(), "loyaltyStage": loyalty.as_str()});
    let each = moved.into_iter().map(|(one, was)| {
        json!({
            "accountId": one.account, "name": names.get(&one.account), "from": shown(was), "to": shown(one.now),
            "rule": one.ruling.verdict.rule.as_str(),
        })
    });
    Ok(Value::Array(each.collect()))
}
