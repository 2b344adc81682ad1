//! From what customers did to what they are worth and where the relationship stands: all of them in a run, a few of them
//! after their facts changed. Both read the same facts by the same statement and judge them by the same rules; a run
//! learns the borders, and in between everybody is measured against those of the last.

mod relationship;
mod run;
mod simulate;

pub use kith_loyalty::value::run::ask;
pub use run::{Outcome, claim, fail, finish};
pub use simulate::simulate;

use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived;
use kith_kernel::{Bind, Cx, Result, Statement};
use kith_loyalty::standing;
use kith_loyalty::value::assess::Judge;
use kith_loyalty::value::facts::{self, Facts, Reading, Which};
use kith_loyalty::value::profile::{Layer, ValueClass};
use kith_loyalty::value::purchase::Purchase;
use kith_loyalty::value::rows::{Assessed, Before};
use kith_loyalty::value::{Borders, PurchaseModel, ValueIndicator, ValueModel, ValueRun};
use relationship::Relations;
use std::collections::HashMap;
use uuid::Uuid;

/// Touched accounts that are computed at once.
const AT_ONCE: i64 = 1_000;

/// The model that counts, with all it needs.
#[derive(Debug)]
struct Rules {
    model: ValueModel,
    indicators: Vec<ValueIndicator>,
    purchase: Option<Purchase>,
    borders: Borders,
    reading: Reading,
    relations: Relations,
}

impl Rules {
    fn judge(&self) -> Judge<'_> {
        Judge {
            model: &self.model,
            terms: self.model.terms(),
            indicators: &self.indicators,
            borders: &self.borders,
            purchase: self.purchase.as_ref(),
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

/// Whether nobody else computes values of the tenant; holds until the transaction ends.
fn alone(conn: &mut PgConnection, cx: &Cx) -> Result<bool> {
    let mut out = Statement::new("SELECT pg_try_advisory_xact_lock(hashtextextended(");
    out.bind(Bind::Text(Some(format!("{}|values", cx.tenant)))).sql(", 0))");
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

fn reading(model: &ValueModel, zone: String, as_of: NaiveDate) -> Reading {
    let terms = model.terms();
    let (window_days, default_margin) = (terms.window_days, terms.default_margin);
    Reading { as_of, window_days, default_margin, zone, families: Vec::new() }
}

/// Computes the accounts whose facts changed, as of today, against the borders of the last run. How many; before the first
/// run there is nothing to measure against, and one is asked for. Nobody has to wait: where others compute values of the
/// tenant at this moment, it does nothing.
pub fn refresh(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    let touched = touched(conn, cx)?;
    if touched.is_empty() || !alone(conn, cx)? {
        return Ok(0);
    }
    let Some(last) = ValueRun::current(conn, cx)? else {
        return ask(conn, cx).map(|()| 0);
    };
    let (zone, as_of) = today(conn, cx)?;
    let model = match last.model_id {
        Some(id) => kith_journal::store::find::<ValueModel>(conn, cx, id.0)?,
        None => None,
    };
    let model = model.unwrap_or_else(|| ValueModel::usual(cx));
    let indicators = ValueIndicator::of(conn, cx, &model)?;
    let purchase = match last.purchase_model_id {
        Some(id) => kith_journal::store::find::<PurchaseModel>(conn, cx, id.0)?.and_then(|model| model.ready()),
        None => None,
    };
    let borders =
        Borders::read(last.borders.0).ok_or_else(|| kith_kernel::Error::internal("borders that cannot be read"))?;
    let reading = Reading { families: borders.affinity.ids(), ..reading(&model, zone, as_of) };
    let relations = Relations::current(conn, cx, borders.gap)?;
    let rules = Rules { model, indicators, purchase, borders, reading, relations };
    let accounts: Vec<Uuid> = touched.iter().map(|(_, account)| *account).collect();
    let facts = facts::read(conn, cx, Which::These(&accounts), &rules.reading)?;
    store(conn, cx, &rules, &facts, Why::Change)?;
    // Those that were archived have no facts.
    run::shelve(conn, cx, Some(&accounts))?;
    let ids: Vec<Uuid> = touched.into_iter().flat_map(|(ids, _)| ids).collect();
    let mut out = Statement::new("DELETE FROM customer_touches WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ANY(").bind(Bind::Uuids(ids)).sql(")").execute(conn)?;
    Ok(accounts.len())
}

/// Touched accounts, each with what said so.
fn touched(conn: &mut PgConnection, cx: &Cx) -> Result<Vec<(Vec<Uuid>, Uuid)>> {
    let mut out = Statement::new(
        "SELECT array_agg(id), account_id FROM (SELECT id, account_id FROM customer_touches WHERE tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" ORDER BY id LIMIT ").bind(Bind::BigInt(Some(AT_ONCE)));
    out.sql(") t GROUP BY account_id ORDER BY account_id");
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

/// Assesses some accounts and stores what came out; the number of rows that changed.
fn store(conn: &mut PgConnection, cx: &Cx, rules: &Rules, facts: &[Facts], why: Why) -> Result<usize> {
    let accounts: Vec<Uuid> = facts.iter().map(|facts| facts.account).collect();
    let before = before(conn, cx, &accounts)?;
    let judge = rules.judge();
    let assess = |one: &Facts| judge.assess(cx, one, before.get(&one.account).copied(), why == Why::Run);
    let assessed: Vec<Assessed> = facts.iter().map(assess).collect();
    // Those who never bought have no history to tell.
    let bought = assessed.iter().filter(|one| why != Why::Change && one.base.occasions > 0);
    let mut changed = derived::put(conn, &bought.map(|one| one.score(cx)).collect::<Vec<_>>())?;
    if why == Why::History {
        let page: Vec<_> = facts.iter().zip(&assessed).collect();
        let told = rules.relations.recall(conn, cx, &page, rules.purchase.as_ref(), rules.reading.as_of)?;
        return Ok(changed + told);
    }
    let shares = standing::shares(assessed.iter().map(|one| &one.profile));
    let loyalty = standing::assess_page(conn, cx, facts, &shares, &rules.borders, rules.reading.as_of)?;
    changed += standing::apply(conn, cx, &loyalty)?;
    let page: Vec<_> = facts.iter().zip(assessed.iter().zip(&loyalty)).collect();
    changed += rules.relations.decide(conn, cx, &page, rules.purchase.as_ref(), (rules.reading.as_of, why))?;
    let (profiles, values): (Vec<_>, Vec<_>) = assessed.into_iter().map(|one| (one.profile, one.clv)).unzip();
    Ok(changed + derived::put(conn, &profiles)? + derived::put(conn, &values)?)
}

/// Where the accounts stood.
fn before(conn: &mut PgConnection, cx: &Cx, accounts: &[Uuid]) -> Result<HashMap<Uuid, Before>> {
    type Row = (Uuid, String, Option<String>, String, Option<String>);
    type Sql = (st::Uuid, st::Text, st::Nullable<st::Text>, st::Text, st::Nullable<st::Text>);
    let mut out = Statement::new(
        "SELECT id, layer, layer_proposed, value_class, class_proposed FROM value_profiles WHERE tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ANY(").bind(Bind::Uuids(accounts.to_vec())).sql(")");
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let place = |(id, layer, layer_proposed, class, class_proposed): Row| {
        let layer = (Layer::from_text(&layer)?, layer_proposed.as_deref().and_then(Layer::from_text));
        let class = (ValueClass::from_text(&class)?, class_proposed.as_deref().and_then(ValueClass::from_text));
        Some((id, Before { layer, class }))
    };
    Ok(rows.into_iter().filter_map(place).collect())
}
