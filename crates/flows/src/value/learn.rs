//! What a run learns from all customers, before it judges anybody: in one snapshot of the database, which it only reads, so
//! that nothing waits for it.

use super::run::learning;
use super::study::{SAMPLE, Study, WEEK, silence, study};
use super::{reading, today};
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::ids::ValueModelId;
use kith_kernel::{Cx, Error, Result, Statement, codes};
use kith_loyalty::standing::Peers;
use kith_loyalty::value::assess::Base;
use kith_loyalty::value::contract::Lasting;
use kith_loyalty::value::facts::{self, Occasion, Reading, Which};
use kith_loyalty::value::families;
use kith_loyalty::value::learn::Lesson;
use kith_loyalty::value::next_purchase::compare;
use kith_loyalty::value::validation::MOST_ERROR;
use kith_loyalty::value::{Borders, PurchaseModel, Purchases, ValueIndicator, ValueModel, ValueRun};
use std::collections::HashMap;
use uuid::Uuid;

/// What a run learned.
#[derive(Debug)]
pub struct Learned {
    pub(super) as_of: NaiveDate,
    /// The day is past.
    pub(super) is_history: bool,
    /// By which model it judges; none: by the usual one.
    pub(super) model: Option<ValueModelId>,
    /// By which purchase model it looks ahead.
    pub(super) purchase: Option<Uuid>,
    /// The same, if it is new, and those of industries beside it.
    pub(super) fitted: Vec<PurchaseModel>,
    /// How far the one before is off what came.
    pub(super) tracking_error: Option<f64>,
    /// A new churn model.
    pub(super) study: Option<Study>,
    pub(super) borders: Borders,
}

/// Learns for a claimed run. None: somebody who left it had learned already.
pub fn learn(conn: &mut PgConnection, cx: &Cx, run: Uuid) -> Result<Option<Learned>> {
    let cx = &cx.as_system();
    let mut out = Statement::new("SELECT pg_try_advisory_xact_lock");
    learning(&mut out, cx);
    if !RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0 {
        return Err(Error::new(&codes::CONFLICT, "Values of this tenant are being computed at this moment."));
    }
    let run = kith_journal::store::find::<ValueRun>(conn, cx, run)?.ok_or_else(Error::not_found)?;
    if Borders::read(run.borders.0).is_some_and(|borders| borders.run == run.meta.id) {
        return Ok(None);
    }
    let (zone, day) = today(conn, cx)?;
    let as_of = run.as_of.unwrap_or(day);
    let published = ValueModel::published(conn, cx)?;
    let model_id = published.as_ref().map(|model| ValueModelId(model.meta.id));
    let model = published.unwrap_or_else(|| ValueModel::usual(cx));
    let indicators = ValueIndicator::of(conn, cx, &model)?;
    let reading = Reading { families: families::listed(conn, cx)?, ..reading(&model, &indicators, zone, as_of) };
    let Customers { all: customers, sample, contacts, industries } = customers(conn, cx, &reading)?;
    let known = PurchaseModel::current(conn, cx, as_of, model.purchase_model)?;
    let tracking_error = known.as_ref().and_then(|known| known.tracking_error(&sample, as_of));
    // One that has lost track is as good as none, but it is not fitted every day.
    let is_lost = tracking_error.is_some_and(|error| error.abs() > MOST_ERROR);
    let known = known.filter(|known| !is_lost || known.fitted_on + WEEK > as_of);
    let fitted = match known {
        Some(_) => None,
        None => {
            let histories: Vec<_> = customers.iter().filter_map(Base::history).collect();
            PurchaseModel::fitted(cx, (as_of, model.purchase_model, &model.terms()), &histories, &sample)
        }
    };
    let parts = match (&known, &fitted) {
        (Some(known), _) => known.parts(conn, cx)?,
        (None, Some(new)) => new.beside(cx, (as_of, model.purchase_model, &model.terms()), &customers, &industries),
        (None, None) => Vec::new(),
    };
    let in_use = known.as_ref().or(fitted.as_ref());
    let purchase = in_use.map(|model| model.meta.id);
    let purchases = in_use.and_then(|model| Purchases::of(model, &parts));
    let all = purchases.as_ref().map(|purchases| &purchases.all);
    let families = families::margins(conn, cx, &reading, &customers)?;
    let lesson = Lesson {
        model: &model,
        indicators: &indicators,
        customers: &customers,
        purchases: purchases.as_ref(),
        as_of,
        families: &families,
        contracts: &Lasting::learn(conn, cx, as_of)?,
        contacts: &contacts,
    };
    let mut borders = Borders { run: run.meta.id, loyalty: Peers::learn(conn, cx, as_of)?, ..lesson.learn() };
    borders.silence = silence(&sample, borders.gap);
    borders.next = compare(&sample, all, borders.gap);
    drop(customers);
    let is_history = as_of < day;
    let study = if is_history { None } else { study(conn, cx, &sample, (borders.gap, model.purchase_model), as_of)? };
    let fitted = fitted.into_iter().flat_map(|model| std::iter::once(model).chain(parts.clone())).collect();
    Ok(Some(Learned { as_of, is_history, model: model_id, purchase, fitted, tracking_error, study, borders }))
}

/// Everybody.
#[derive(Default)]
struct Customers {
    /// Who ever bought or paid, in numbers.
    all: Vec<Base>,
    /// When some of them did: what is learned of leaving is learned from these.
    sample: Vec<Vec<Occasion>>,
    /// Contacts that each of those began who never bought.
    contacts: Vec<u32>,
    /// The names of their industries, by the short ones.
    industries: HashMap<u64, String>,
}

fn customers(conn: &mut PgConnection, cx: &Cx, reading: &Reading) -> Result<Customers> {
    let (mut found, mut after) = (Customers::default(), Uuid::nil());
    loop {
        let page = facts::read(conn, cx, Which::After(after, facts::PAGE), reading)?;
        let Some(last) = page.facts.last() else { return Ok(found) };
        after = last.account;
        for facts in page.facts {
            if facts.bought().is_empty() {
                found.contacts.push(facts.contacts);
                continue;
            }
            let base = Base::of(&facts, reading.as_of);
            if base.industry != 0 {
                found.industries.entry(base.industry).or_insert_with(|| facts.industry.clone());
            }
            found.all.push(base);
            // The ids begin with the time of their making, and end in chance: these are a sample, the same every time.
            let is_drawn = facts.account.as_bytes().last().is_some_and(|byte| byte % 8 == 0);
            let fits = found.sample.len() < SAMPLE / 4 || (is_drawn && found.sample.len() < SAMPLE);
            if fits && !facts.occasions.is_empty() {
                found.sample.push(facts.occasions);
            }
        }
    }
}
