//! From what customers did to what they are worth and where the relationship stands: all of them in a run, a few of them
//! after their facts changed. Both read the same facts by the same statements and judge them by the same rules; a run
//! learns the borders, and in between everybody is measured against those of the last.

mod contracts;
mod grounds;
mod learn;
mod policy;
mod relationship;
mod run;
mod simulate;
mod study;

pub use kith_loyalty::value::run::ask;
pub use learn::{Learned, learn};
pub use policy::simulate as simulate_policy;
pub use run::{Claim, Outcome, claim, draft, fail, finish, keep, let_go, publish, sweep};
pub use simulate::simulate;

use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::{Group, To};
use kith_journal::store;
use kith_kernel::{Bind, Cx, Error, Result, Statement};
use kith_loyalty::standing;
use kith_loyalty::value::assess::Judge;
use kith_loyalty::value::facts::{self, Facts, Page, Reading, Which};
use kith_loyalty::value::profile::{Layer, ValueClass};
use kith_loyalty::value::rows::{Assessed, Before};
use kith_loyalty::value::{Borders, PurchaseModel, Purchases, ValueIndicator, ValueModel, ValueRun, ValueScore};
use relationship::Relations;
use std::collections::HashMap;
use uuid::Uuid;

/// Touched accounts that are computed at once.
const AT_ONCE: i64 = 1_000;

/// The model that counts, with all it needs.
#[derive(Debug)]
pub struct Rules {
    model: ValueModel,
    weights: standing::Weights,
    indicators: Vec<ValueIndicator>,
    purchases: Option<Purchases>,
    borders: Borders,
    reading: Reading,
    relations: Relations,
    is_history: bool,
    /// Whether what is said of the day becomes part of the history.
    keeps_scores: bool,
}

impl Rules {
    /// What a run learned, and what it was told to go by.
    pub fn of(conn: &mut PgConnection, cx: &Cx, run: Uuid) -> Result<Self> {
        let run = store::find::<ValueRun>(conn, cx, run)?.ok_or_else(Error::not_found)?;
        let (zone, today) = today(conn, cx)?;
        let as_of = run.as_of.unwrap_or(today);
        let keeps_scores = run.is_history || ValueScore::are_due(conn, cx, as_of)?;
        Ok(Rules { keeps_scores, ..Rules::read(conn, cx, &run, (zone, as_of))? })
    }

    fn read(conn: &mut PgConnection, cx: &Cx, run: &ValueRun, (zone, as_of): (String, NaiveDate)) -> Result<Self> {
        let model = match run.model_id {
            Some(id) => store::find::<ValueModel>(conn, cx, id.0)?,
            None => None,
        };
        let model = model.unwrap_or_else(|| ValueModel::usual(cx));
        let indicators = ValueIndicator::of(conn, cx, &model)?;
        let purchase = match run.purchase_model_id {
            Some(id) => store::find::<PurchaseModel>(conn, cx, id.0)?,
            None => None,
        };
        let purchases = match purchase {
            Some(model) => Purchases::of(&model, &model.parts(conn, cx)?),
            None => None,
        };
        let borders = Borders::read(run.borders.0.clone());
        let borders = borders.ok_or_else(|| Error::internal("borders that cannot be read"))?;
        let reading = Reading { families: borders.affinity.ids(), ..reading(&model, &indicators, zone, as_of) };
        let relations = match run.is_history {
            true => Relations::past(conn, cx, &borders, as_of)?,
            false => Relations::current(conn, cx, &borders)?,
        };
        let weights = model.weights().map_err(Error::internal)?;
        let (is_history, keeps_scores) = (run.is_history, false);
        Ok(Rules { model, weights, indicators, purchases, borders, reading, relations, is_history, keeps_scores })
    }

    /// What a run that goes by them is for.
    fn why(&self) -> Why {
        if self.is_history { Why::History } else { Why::Run }
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            model: &self.model,
            terms: self.model.terms(),
            segments: self.model.segments(),
            indicators: &self.indicators,
            borders: &self.borders,
            purchases: self.purchases.as_ref(),
            as_of: self.reading.as_of,
        }
    }
}

/// The tenant's time zone and its day.
pub fn today(conn: &mut PgConnection, cx: &Cx) -> Result<(String, NaiveDate)> {
    let mut out = Statement::new("SELECT time_zone, (");
    out.bind(Bind::Time(Some(cx.now)))
        .sql("::timestamptz AT TIME ZONE time_zone)::date FROM tenants WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    Ok(RunQueryDsl::get_result(out.typed::<(st::Text, st::Date)>(), conn)?)
}

/// The key of the lock that whoever computes values of the tenant holds until his transaction ends.
fn lock(out: &mut Statement, cx: &Cx) {
    out.sql("(hashtextextended(").bind(Bind::Text(Some(format!("{}|values", cx.tenant)))).sql(", 0))");
}

fn reading(model: &ValueModel, indicators: &[ValueIndicator], zone: String, as_of: NaiveDate) -> Reading {
    let terms = model.terms();
    let (window_days, default_margin) = (terms.window_days, terms.default_margin);
    let windows = ValueIndicator::windows(indicators);
    Reading { as_of, window_days, default_margin, zone, families: Vec::new(), windows }
}

/// Computes the accounts whose facts changed, as of today, against the borders of the last run. How many; before the first
/// run there is nothing to measure against, and one is asked for. Nobody has to wait: where others compute values of the
/// tenant at this moment, it does nothing.
pub fn refresh(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    let touched = touched(conn, cx)?;
    if touched.is_empty() || !is_free(conn, cx)? {
        return Ok(0);
    }
    let Some(last) = ValueRun::current(conn, cx)? else {
        return ask(conn, cx).map(|()| 0);
    };
    let day = today(conn, cx)?;
    let rules = Rules::read(conn, cx, &last, day)?;
    let accounts: Vec<Uuid> = touched.iter().map(|(_, account)| *account).collect();
    let page = facts::read(conn, cx, Which::These(&accounts), &rules.reading)?;
    assess(conn, cx, &rules, &page, Why::Change)?;
    // Those that were archived have no facts.
    run::shelve(conn, cx, Some(&accounts))?;
    let ids: Vec<Uuid> = touched.into_iter().flat_map(|(ids, _)| ids).collect();
    run::forget(conn, cx, &accounts, ids)?;
    Ok(accounts.len())
}

fn is_free(conn: &mut PgConnection, cx: &Cx) -> Result<bool> {
    let mut out = Statement::new("SELECT pg_try_advisory_xact_lock");
    lock(&mut out, cx);
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// Touched accounts, each with what said so.
fn touched(conn: &mut PgConnection, cx: &Cx) -> Result<Vec<(Vec<Uuid>, Uuid)>> {
    let mut out = Statement::new(
        "SELECT array_agg(id), account_id FROM (SELECT id, account_id FROM customer_touches WHERE tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND status = 'NEW' ORDER BY id LIMIT ");
    out.bind(Bind::BigInt(Some(AT_ONCE))).sql(") t GROUP BY account_id ORDER BY account_id");
    Ok(RunQueryDsl::load(out.typed::<(st::Array<st::Uuid>, st::Uuid)>(), conn)?)
}

/// Why accounts are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Their facts changed.
    Change,
    /// Everybody is.
    Run,
    /// A day that is past is added to the history, and nothing else is touched.
    History,
}

impl Why {
    /// What a run says stays among its drafts until all of it is said.
    fn to(self) -> To {
        if self == Why::Change { To::Readers } else { To::Drafts }
    }
}

/// Assesses some accounts and stores what came out; the number of rows that changed.
fn assess(conn: &mut PgConnection, cx: &Cx, rules: &Rules, page: &Page, why: Why) -> Result<usize> {
    let (facts, group) = (&page.facts, &page.group);
    let before = before(conn, cx, group)?;
    let judge = rules.judge();
    let of_one = |one: &Facts| judge.assess(cx, one, before.get(&one.account).copied(), why == Why::Run);
    let assessed: Vec<Assessed> = facts.iter().map(of_one).collect();
    // Those who never bought have no history to tell.
    let bought = assessed.iter().filter(|one| rules.keeps_scores && one.base.occasions > 0);
    let scores: Vec<_> = bought.map(|one| one.score(cx)).collect();
    let mut changed = To::Drafts.put(conn, &scores)?;
    if why == Why::History {
        let known: Vec<_> = facts.iter().zip(&assessed).collect();
        let told = rules.relations.recall(conn, cx, &known, rules.purchases.as_ref(), rules.reading.as_of)?;
        return Ok(changed + told);
    }
    let shares = standing::shares(assessed.iter().map(|one| &one.profile));
    let against = (&rules.borders, &rules.weights);
    let loyalty = standing::assess_page(conn, cx, page, &shares, against, rules.reading.as_of)?;
    changed += why.to().put(conn, &loyalty)?;
    let known: Vec<_> = facts.iter().zip(assessed.iter().zip(&loyalty)).collect();
    let (found, risks) =
        rules.relations.decide(conn, cx, (group, &known), rules.purchases.as_ref(), (rules.reading.as_of, why))?;
    changed += found;
    if rules.keeps_scores {
        changed += kith_lifecycle::score::remember(conn, cx, &risks, To::Drafts)?;
    }
    let (profiles, values): (Vec<_>, Vec<_>) = assessed.into_iter().map(|one| (one.profile, one.clv)).unzip();
    Ok(changed + why.to().put(conn, &profiles)? + why.to().put(conn, &values)?)
}

/// Where the accounts stood.
fn before(conn: &mut PgConnection, cx: &Cx, group: &Group) -> Result<HashMap<Uuid, Before>> {
    type Row = (Uuid, String, Option<String>, String, Option<String>);
    type Sql = (st::Uuid, st::Text, st::Nullable<st::Text>, st::Text, st::Nullable<st::Text>);
    let mut out = Statement::new(
        "SELECT id, layer, layer_proposed, value_class, class_proposed FROM value_profiles WHERE tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND ");
    group.limit(&mut out, "id");
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let place = |(id, layer, layer_proposed, class, class_proposed): Row| {
        let layer = (Layer::from_text(&layer)?, layer_proposed.as_deref().and_then(Layer::from_text));
        let class = (ValueClass::from_text(&class)?, class_proposed.as_deref().and_then(ValueClass::from_text));
        Some((id, Before { layer, class }))
    };
    Ok(rows.into_iter().filter_map(place).collect())
}
