//! What a model would change: all accounts judged by it on the facts of today, as a run would judge them, and nothing
//! stored. Customers stand where the model puts them, without the reluctance with which a run moves them.

use super::relationship::Relations;
use super::{Rules, reading, today};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{metric, store};
use kith_kernel::{Bind, Cx, Error, Result, Shape, Statement, codes};
use kith_loyalty::value::assess::Base;
use kith_loyalty::value::contract::Lasting;
use kith_loyalty::value::facts::{self, Facts, Which};
use kith_loyalty::value::families;
use kith_loyalty::value::learn::Lesson;
use kith_loyalty::value::profile::{Layer, ValueClass};
use kith_loyalty::value::reports;
use kith_loyalty::value::{PurchaseModel, Purchases, ValueIndicator, ValueModel};
use kith_statistics as statistics;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Most accounts that are judged while somebody waits.
pub const MOST: i64 = 50_000;

/// Where an account stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    layer: Layer,
    class: ValueClass,
    score: Option<Decimal>,
}

/// An account, where it stands, and where it would.
type Move = (Uuid, Option<Place>, Place);

/// Judges all accounts by a model; at most so many movers are named.
pub fn simulate(conn: &mut PgConnection, cx: &Cx, id: Uuid, movers: i64) -> Result<Value> {
    let row = store::get(conn, cx, cx.entry(ValueModel::NAME)?, id)?;
    let model = row.any().downcast_ref::<ValueModel>().cloned();
    let model = model.ok_or_else(|| Error::internal("not a value model"))?;
    // It learns from all customers, so it tells of all of them.
    for resource in ["accounts", "value-profiles", "orders", "interactions"] {
        metric::whole(cx, resource)?;
    }
    few(conn, cx)?;
    let name = model.name.clone();
    let (rules, facts) = rules(conn, cx, model)?;
    let before = stand(conn, cx)?;
    let judge = rules.judge();
    let moves: Vec<Move> = facts
        .iter()
        .map(|one| {
            let profile = judge.assess(cx, one, None, true).profile;
            let place = Place { layer: profile.layer, class: profile.value_class, score: profile.score };
            (one.account, before.get(&one.account).copied(), place)
        })
        .collect();
    Ok(json!({
        "model": {"id": id, "name": name}, "asOf": rules.reading.as_of, "accounts": moves.len(),
        "moved": moves.iter().filter(|(_, was, now)| was.is_none_or(|was| was.layer != now.layer || was.class != now.class)).count(),
        "layers": matrix(&moves, Layer::ALL, |place| place.layer.as_str()),
        "classes": matrix(&moves, ValueClass::ALL, |place| place.class.as_str()),
        "movers": named(conn, cx, &moves, movers)?,
    }))
}

/// Refuses where it would take too long.
pub(super) fn few(conn: &mut PgConnection, cx: &Cx) -> Result<()> {
    let mut out = Statement::new("SELECT count(*) FROM (SELECT FROM accounts WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND archived_at IS NULL LIMIT ").bind(Bind::BigInt(Some(MOST + 1)));
    out.sql(") a");
    let (count,): (i64,) = RunQueryDsl::get_result(out.typed::<(st::BigInt,)>(), conn)?;
    if count <= MOST {
        return Ok(());
    }
    let detail = format!(
        "There are more than {MOST} accounts, which takes longer than a request may. Publish it, so that all of them are \
         computed in the background, and publish a copy of the one before to go back."
    );
    Err(Error::new(&codes::CONFLICT, detail))
}

/// What the model would learn today, and the facts it would judge.
fn rules(conn: &mut PgConnection, cx: &Cx, model: ValueModel) -> Result<(Rules, Vec<Facts>)> {
    let (zone, as_of) = today(conn, cx)?;
    let indicators = ValueIndicator::of(conn, cx, &model)?;
    let mut reading = reading(&model, &indicators, zone, as_of);
    reading.families = families::listed(conn, cx)?;
    let (mut facts, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let page = facts::read(conn, cx, Which::After(after, facts::PAGE), &reading)?;
        let Some(last) = page.facts.last() else { break };
        after = last.account;
        facts.extend(page.facts);
    }
    let (bought, never): (Vec<&Facts>, Vec<&Facts>) = facts.iter().partition(|facts| !facts.bought().is_empty());
    let customers: Vec<Base> = bought.into_iter().map(|facts| Base::of(facts, as_of)).collect();
    let purchases = purchases(conn, cx, &model, (&facts, &customers), as_of)?;
    let families = families::margins(conn, cx, &reading, &customers)?;
    let lesson = Lesson {
        model: &model,
        indicators: &indicators,
        customers: &customers,
        purchases: purchases.as_ref(),
        as_of,
        families: &families,
        contracts: &Lasting::learn(conn, cx, as_of)?,
        contacts: &never.into_iter().map(|facts| facts.contacts).collect::<Vec<_>>(),
    };
    let borders = lesson.learn();
    let relations = Relations::current(conn, cx, &borders)?;
    let weights = model.weights().map_err(Error::internal)?;
    let (is_history, keeps_scores) = (false, false);
    Ok((Rules { model, weights, indicators, purchases, borders, reading, relations, is_history, keeps_scores }, facts))
}

/// The purchase models in use, or new ones that are not kept.
fn purchases(
    conn: &mut PgConnection,
    cx: &Cx,
    model: &ValueModel,
    (facts, customers): (&[Facts], &[Base]),
    as_of: chrono::NaiveDate,
) -> Result<Option<Purchases>> {
    if let Some(known) = PurchaseModel::current(conn, cx, as_of, model.purchase_model)? {
        return Ok(Purchases::of(&known, &known.parts(conn, cx)?));
    }
    let terms = (as_of, model.purchase_model, &model.terms());
    let histories: Vec<_> = customers.iter().filter_map(Base::history).collect();
    let Some(all) = PurchaseModel::fitted(cx, terms, &histories, &[]) else { return Ok(None) };
    let bought = facts.iter().filter(|facts| !facts.bought().is_empty());
    let names = customers.iter().zip(bought).map(|(base, facts)| (base.industry, facts.industry.clone())).collect();
    let parts = all.beside(cx, terms, customers, &names);
    Ok(Purchases::of(&all, &parts))
}

/// Where all accounts stand.
fn stand(conn: &mut PgConnection, cx: &Cx) -> Result<HashMap<Uuid, Place>> {
    let mut out = Statement::new("SELECT id, layer, value_class, score FROM value_profiles WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND archived_at IS NULL");
    type Sql = (st::Uuid, st::Text, st::Text, st::Nullable<st::Numeric>);
    let rows: Vec<(Uuid, String, String, Option<Decimal>)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let place = |(id, layer, class, score): (Uuid, String, String, _)| {
        Some((id, Place { layer: Layer::from_text(&layer)?, class: ValueClass::from_text(&class)?, score }))
    };
    Ok(rows.into_iter().filter_map(place).collect())
}

/// Rows are where the accounts stand, columns where they would; the last row is of those who are not valued yet.
pub(super) fn matrix<P: Copy>(
    moves: &[(Uuid, Option<P>, P)],
    places: &[(&'static str, &str)],
    of: fn(P) -> &'static str,
) -> Value {
    let at = |place: P| places.iter().position(|(name, _)| *name == of(place));
    let each: Vec<_> = moves.iter().map(|(_, was, now)| (was.and_then(at), at(*now))).collect();
    let name = |at: usize| places.get(at).map(|(name, _)| *name);
    let table = statistics::movements(&each, places.len());
    let rows = table.iter().enumerate().map(|(row, cells)| {
        // Nobody is lost: the same accounts are judged again.
        let to =
            cells.iter().take(places.len()).enumerate().map(|(to, count)| json!({"place": name(to), "count": count}));
        json!({"place": name(row), "size": cells.iter().sum::<u64>(), "to": to.collect::<Vec<_>>()})
    });
    Value::Array(rows.collect())
}

/// Those who would move farthest: by layers, then by points of the score.
fn named(conn: &mut PgConnection, cx: &Cx, moves: &[Move], limit: i64) -> Result<Value> {
    let layer = |layer: Layer| Layer::ALL.iter().position(|(name, _)| *name == layer.as_str()).unwrap_or(0);
    let mut far: Vec<(usize, Decimal, Place, &Move)> = moves
        .iter()
        .filter_map(|one| {
            let (_, was, now) = one;
            let was = (*was)?;
            let points = now.score.unwrap_or_default() - was.score.unwrap_or_default();
            let far = layer(was.layer).abs_diff(layer(now.layer));
            (far > 0 || was.class != now.class).then_some((far, points.abs(), was, one))
        })
        .collect();
    far.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.3.0.cmp(&b.3.0)));
    far.truncate(usize::try_from(limit).unwrap_or(0));
    let ids: Vec<Uuid> = far.iter().map(|(.., (id, ..))| *id).collect();
    let names = reports::names(conn, cx, "accounts", &ids)?;
    let shown = |place: Place| {
        let score = place.score.map(|score| score.normalize().to_string());
        json!({"layer": place.layer.as_str(), "valueClass": place.class.as_str(), "score": score})
    };
    let each = far.iter().map(|(_, _, was, (id, _, now))| {
        json!({"accountId": id, "name": names.get(id), "from": shown(*was), "to": shown(*now)})
    });
    Ok(Value::Array(each.collect()))
}
