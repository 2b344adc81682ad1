//! Writes what documents change: one statement a kind of row and one for its journal, whatever the number of documents.

use super::plan::{Parts, Plan};
use crate::{Order, OrderLine, Refund};
use diesel::PgConnection;
use kith_journal::bulk::{self, Change};
use kith_journal::external::EXTERNAL_IDS;
use kith_journal::{keys, log, number, store};
use kith_kernel::{Action, Cx, Entry, Error, Resource, Result, Row, RowScope, Shape, Violations, codes};
use serde_json::json;
use uuid::Uuid;

/// Gives numbers to what has none.
pub(super) fn number(conn: &mut PgConnection, cx: &Cx, plans: &mut [&mut Plan]) -> Result<()> {
    let unnumbered = |plan: &&mut Plan| plan.order.number.is_empty();
    let count = plans.iter().filter(|plan| unnumbered(plan)).count();
    let mut numbers = number::several(conn, cx, Order::TABLE, "O", count)?.into_iter();
    for plan in plans.iter_mut().filter(|plan| plan.order.number.is_empty()) {
        plan.order.number = numbers.next().unwrap_or_default();
    }
    let count = plans.iter().map(|plan| plan.refunds.new.len()).sum();
    let mut numbers = number::several(conn, cx, Refund::TABLE, "R", count)?.into_iter();
    for refund in plans.iter_mut().flat_map(|plan| &mut plan.refunds.new) {
        refund.number = numbers.next().unwrap_or_default();
    }
    Ok(())
}

/// Writes all of it.
pub(super) fn write(conn: &mut PgConnection, cx: &Cx, plans: &[&Plan]) -> Result<()> {
    let new: Vec<&dyn Row> =
        plans.iter().filter(|plan| plan.before.is_none()).map(|plan| bulk::erased(&plan.order)).collect();
    bulk::insert(conn, cx, cx.entry(Order::NAME)?, &new)?;
    let changed = |plan: &&Plan| {
        let before = plan.before.clone().filter(|_| plan.changes_order)?;
        Some(Change { before, after: plan.order.clone() })
    };
    bulk::save(conn, cx, log::UPDATED, plans.iter().filter_map(changed).collect())?;
    parts(conn, cx, plans.iter().map(|plan| &plan.lines))?;
    parts(conn, cx, plans.iter().map(|plan| &plan.refunds))?;
    link_keys(conn, cx, plans)?;
    versions(conn, cx, plans)?;
    for plan in plans {
        within_rights(conn, cx, plan)?;
        if let Some(before) = plan.before.as_ref().filter(|before| before.account_id != plan.order.account_id) {
            plan.order.take_refunds_along(conn, cx, before.account_id)?;
        }
    }
    Ok(())
}

fn parts<'a, R: Resource>(
    conn: &mut PgConnection,
    cx: &Cx,
    all: impl Iterator<Item = &'a Parts<R>> + Clone,
) -> Result<()> {
    let new: Vec<&dyn Row> = all.clone().flat_map(|parts| &parts.new).map(bulk::erased).collect();
    bulk::insert(conn, cx, cx.entry(R::NAME)?, &new)?;
    bulk::save(conn, cx, log::UPDATED, all.clone().flat_map(|parts| &parts.changed).cloned().collect())?;
    bulk::save(conn, cx, log::ARCHIVED, all.flat_map(|parts| &parts.gone).cloned().collect()).map(drop)
}

/// The keys of new orders and refunds.
fn link_keys(conn: &mut PgConnection, cx: &Cx, plans: &[&Plan]) -> Result<()> {
    let entry = cx.entry(EXTERNAL_IDS)?;
    let mut links = Vec::new();
    for plan in plans {
        if plan.before.is_none() {
            links.push(link(cx, entry, super::known::ORDER, plan.id().0, &plan.system, &plan.external_id)?);
        }
        for refund in &plan.refunds.new {
            let key = plan.refund_keys.get(&refund.meta.id).map(String::as_str).unwrap_or_default();
            links.push(link(cx, entry, super::known::REFUND, refund.meta.id, &plan.system, key)?);
        }
    }
    let links: Vec<&dyn Row> = links.iter().map(AsRef::as_ref).collect();
    bulk::insert(conn, cx, entry, &links)
}

fn link(cx: &Cx, entry: &Entry, kind: &str, id: Uuid, system: &str, key: &str) -> Result<Box<dyn Row>> {
    let mut row = (entry.blank)(cx);
    let members =
        [("subjectType", json!(kind)), ("subjectId", json!(id)), ("system", json!(system)), ("externalId", json!(key))];
    for (name, value) in members {
        let (index, _) = entry.field(name).ok_or_else(|| Error::internal("keys of other systems have changed"))?;
        row.set(index, &value).map_err(Error::internal)?;
    }
    let mut violations = Violations::default();
    row.check(&mut violations);
    violations.into_result()?;
    Ok(row)
}

/// Keeps the versions of the documents, that older ones are known by.
pub(super) fn versions(conn: &mut PgConnection, cx: &Cx, plans: &[&Plan]) -> Result<()> {
    let taken = plans.iter().filter_map(|plan| {
        let key = (super::known::ORDER, plan.system.as_str(), plan.external_id.as_str());
        Some((key, plan.source_version?))
    });
    keys::note(conn, cx, taken)
}

/// Nobody may make an order, or move one, to where they could not have written it.
fn within_rights(conn: &mut PgConnection, cx: &Cx, plan: &Plan) -> Result<()> {
    // Who writes lines changes their order.
    let mut written = vec![(Order::NAME, plan.id().0, Action::Update)];
    if plan.before.is_none() {
        written.push((Order::NAME, plan.id().0, Action::Create));
    }
    let lines = plan.lines.new.first().map(|line| (OrderLine::NAME, line.meta.id, Action::Create));
    let refunds = plan.refunds.new.first().map(|refund| (Refund::NAME, refund.meta.id, Action::Create));
    written.extend(lines.into_iter().chain(refunds));
    for (name, id, action) in written {
        let entry = cx.entry(name)?;
        let scope = cx.require(entry, action)?;
        if scope != RowScope::All && !store::exists(conn, cx, entry, id, action)? {
            let detail = format!("Your right {name}:{} covers {} records only.", action.as_str(), scope.as_str());
            return Err(Error::new(&codes::FORBIDDEN, detail));
        }
    }
    Ok(())
}
