//! What is there of the things that documents speak of, read in one statement a kind and locked where it may change.

use super::input::{Document, Named};
use crate::base::{self, Base};
use crate::{Order, OrderLine, Product, Refund};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{Action, Bind, Cx, Error, Money, Result, RowScope, Shape, Statement};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Resource of who orders; contacts owns them.
const ACCOUNTS: &str = "accounts";

/// Kinds of records that keys are looked up for.
pub(super) const ACCOUNT: &str = "ACCOUNT";
pub(super) const ORDER: &str = "ORDER";
pub(super) const REFUND: &str = "REFUND";

/// An order with what belongs to it.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) order: Order,
    pub(super) source_version: Option<i64>,
    /// Those that are not archived, by position.
    pub(super) lines: Vec<OrderLine>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: HashMap<(&'static str, String, String), Uuid>,
    accounts: HashSet<Uuid>,
    products: HashMap<Uuid, Option<Money>>,
    skus: HashMap<String, Uuid>,
    pub(super) orders: HashMap<Uuid, Stored>,
    /// Why some orders are out of reach.
    pub(super) refused: HashMap<Uuid, Error>,
    /// Of those orders, and those that documents name.
    pub(super) refunds: HashMap<Uuid, Refund>,
    /// Refunds that have a key in a system.
    pub(super) sent: HashSet<(String, Uuid)>,
    bases: HashMap<(String, DateTime<Utc>), Base>,
}

impl Known {
    /// Looks everything up. Who sends the same document at the same time waits here.
    pub(super) fn find(conn: &mut PgConnection, cx: &Cx, documents: &[&Document]) -> Result<Known> {
        let mut known = Known::default();
        wait(conn, cx, documents)?;
        known.find_keys(conn, cx, documents)?;
        known.find_accounts(conn, cx, documents)?;
        known.find_products(conn, cx, documents)?;
        known.find_orders(conn, cx, documents)?;
        if documents.iter().any(|document| document.refunds.is_some()) {
            known.find_refunds(conn, cx)?;
        }
        let times = documents.iter().flat_map(|document| {
            let refunds = document.refunds.iter().flatten().map(|refund| (refund.net.currency, refund.refunded_at));
            refunds.chain([(document.head.currency, document.head.ordered_at)])
        });
        known.bases = base::at_many(conn, cx, &times.collect::<Vec<_>>())?;
        Ok(known)
    }

    /// The record that has a key in another system.
    pub(super) fn by_key(&self, kind: &'static str, system: &str, key: &str) -> Option<Uuid> {
        self.keys.get(&(kind, system.to_owned(), key.to_owned())).copied()
    }

    /// The account that a document means, if the actor sees it.
    pub(super) fn account(&self, document: &Document) -> Option<Uuid> {
        let id = match &document.account {
            Named::Id(id) => Some(*id),
            Named::Key(key) => self.by_key(ACCOUNT, &document.head.system, key),
        };
        id.filter(|id| self.accounts.contains(id))
    }

    /// The product that a line means, and what it costs.
    pub(super) fn product(&self, named: &Named) -> Option<(Uuid, Option<Money>)> {
        let id = match named {
            Named::Id(id) => Some(*id),
            Named::Key(sku) => self.skus.get(sku).copied(),
        }?;
        self.products.get(&id).map(|cost| (id, *cost))
    }

    /// What an amount of that currency was worth at that time.
    pub(super) fn base(&self, currency: kith_kernel::Currency, time: DateTime<Utc>) -> Base {
        self.bases.get(&(currency.code().to_owned(), time)).copied().unwrap_or_default()
    }

    fn find_keys(&mut self, conn: &mut PgConnection, cx: &Cx, documents: &[&Document]) -> Result<()> {
        let (mut kinds, mut systems, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for document in documents {
            let account = match &document.account {
                Named::Key(key) => Some((ACCOUNT, key)),
                Named::Id(_) => None,
            };
            let refunds = document.refunds.iter().flatten().map(|refund| (REFUND, &refund.external_id));
            for (kind, key) in [(ORDER, &document.head.external_id)].into_iter().chain(account).chain(refunds) {
                kinds.push(kind.to_owned());
                systems.push(document.head.system.clone());
                keys.push(key.clone());
            }
        }
        let mut out = Statement::new(
            "SELECT e.subject_type, e.system, e.external_id, e.subject_id FROM external_ids e JOIN (SELECT DISTINCT * FROM unnest(",
        );
        out.bind(Bind::Texts(kinds)).sql(", ").bind(Bind::Texts(systems)).sql(", ").bind(Bind::Texts(keys));
        out.sql(") AS u(kind, system, key)) w ON e.subject_type = w.kind AND e.system = w.system AND e.external_id = w.key ");
        out.sql("WHERE e.archived_at IS NULL AND e.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
        type Sql = (st::Text, st::Text, st::Text, st::Uuid);
        let rows: Vec<(String, String, String, Uuid)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        for (kind, system, key, id) in rows {
            if let Some(kind) = [ACCOUNT, ORDER, REFUND].into_iter().find(|known| *known == kind) {
                self.keys.insert((kind, system, key), id);
            }
        }
        Ok(())
    }

    /// Accounts that the actor may read.
    fn find_accounts(&mut self, conn: &mut PgConnection, cx: &Cx, documents: &[&Document]) -> Result<()> {
        let ids = documents.iter().filter_map(|document| match &document.account {
            Named::Id(id) => Some(*id),
            Named::Key(key) => self.by_key(ACCOUNT, &document.head.system, key),
        });
        let (mut ids, entry): (Vec<Uuid>, _) = (ids.collect(), cx.entry(ACCOUNTS)?);
        ids.sort_unstable();
        ids.dedup();
        if cx.actor.grants.scope(entry.name, entry.administrative, Action::Read).is_some() {
            let rows = store::find_many(conn, cx, entry, &ids)?;
            self.accounts = (0..rows.len()).filter_map(|at| rows.row(at)).map(|row| row.meta().id).collect();
        }
        Ok(())
    }

    fn find_products(&mut self, conn: &mut PgConnection, cx: &Cx, documents: &[&Document]) -> Result<()> {
        let (mut ids, mut skus) = (Vec::new(), Vec::new());
        for named in documents.iter().flat_map(|document| &document.lines).filter_map(|(_, product)| product.as_ref()) {
            match named {
                Named::Id(id) => ids.push(*id),
                Named::Key(sku) => skus.push(sku.clone()),
            }
        }
        let entry = cx.entry(Product::NAME)?;
        let may = cx.actor.grants.scope(entry.name, entry.administrative, Action::Read).is_some();
        if !may || (ids.is_empty() && skus.is_empty()) {
            return Ok(());
        }
        skus.sort_unstable();
        skus.dedup();
        let products = store::rows::<Product>(conn, cx, |out| {
            out.sql(" AND (t.id = ANY(").bind(Bind::Uuids(ids)).sql(") OR (t.archived_at IS NULL AND t.sku = ANY(");
            out.bind(Bind::Texts(skus)).sql(")))");
        })?;
        for product in products {
            self.products.insert(product.meta.id, product.cost);
            if product.meta.archived_at.is_none() {
                self.skus.insert(product.sku, product.meta.id);
            }
        }
        Ok(())
    }

    /// Orders that are there, locked, with their lines.
    fn find_orders(&mut self, conn: &mut PgConnection, cx: &Cx, documents: &[&Document]) -> Result<()> {
        let head = |document: &&Document| self.by_key(ORDER, &document.head.system, &document.head.external_id);
        let mut ids: Vec<Uuid> = documents.iter().filter_map(head).collect();
        ids.sort_unstable();
        if ids.is_empty() {
            return Ok(());
        }
        let orders = self.locked(conn, cx, ids)?;
        let ids: Vec<Uuid> = orders.iter().map(|order| order.meta.id).collect();
        let mut out =
            Statement::new("SELECT id, source_version FROM orders WHERE source_version IS NOT NULL AND tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ANY(").bind(Bind::Uuids(ids.clone())).sql(")");
        let versions: Vec<(Uuid, i64)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::BigInt)>(), conn)?;
        let versions: HashMap<_, _> = versions.into_iter().collect();
        for order in orders {
            let source_version = versions.get(&order.meta.id).copied();
            self.orders.insert(order.meta.id, Stored { order, source_version, lines: Vec::new() });
        }
        let lines = store::rows::<OrderLine>(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND t.order_id = ANY(").bind(Bind::Uuids(ids));
            out.sql(") ORDER BY t.position, t.id FOR UPDATE OF t");
        })?;
        for line in lines {
            if let Some(stored) = self.orders.get_mut(&line.order_id.0) {
                stored.lines.push(line);
            }
        }
        Ok(())
    }

    /// The rows of orders that the actor may change.
    fn locked(&mut self, conn: &mut PgConnection, cx: &Cx, ids: Vec<Uuid>) -> Result<Vec<Order>> {
        let entry = cx.entry(Order::NAME)?;
        if cx.require(entry, Action::Update)? == RowScope::All {
            return store::rows::<Order>(conn, cx, |out| {
                out.sql(" AND t.id = ANY(").bind(Bind::Uuids(ids)).sql(") ORDER BY t.id FOR UPDATE OF t");
            });
        }
        let mut orders = Vec::new();
        for id in ids {
            match store::lock(conn, cx, entry, id, Action::Update) {
                Ok(row) => orders.extend(row.any().downcast_ref::<Order>().cloned()),
                Err(error) => drop(self.refused.insert(id, error)),
            }
        }
        Ok(orders)
    }

    /// Refunds of the orders, and those whose keys documents name, wherever they belong; which of them came from where.
    fn find_refunds(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let named = self.keys.iter().filter(|((kind, ..), _)| *kind == REFUND).map(|(_, id)| *id).collect();
        let orders = self.orders.keys().copied().collect();
        let refunds = store::rows::<Refund>(conn, cx, |out| {
            out.sql(" AND (t.id = ANY(")
                .bind(Bind::Uuids(named))
                .sql(") OR (t.archived_at IS NULL AND t.order_id = ANY(");
            out.bind(Bind::Uuids(orders)).sql("))) ORDER BY t.id FOR UPDATE OF t");
        })?;
        self.refunds = refunds.into_iter().map(|refund| (refund.meta.id, refund)).collect();
        let mut out = Statement::new(
            "SELECT system, subject_id FROM external_ids WHERE archived_at IS NULL AND subject_type = 'REFUND' AND tenant_id = ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND subject_id = ANY(");
        out.bind(Bind::Uuids(self.refunds.keys().copied().collect())).sql(")");
        let rows: Vec<(String, Uuid)> = RunQueryDsl::load(out.typed::<(st::Text, st::Uuid)>(), conn)?;
        self.sent = rows.into_iter().collect();
        Ok(())
    }
}

/// Lets only one transaction past at a time for each document, as upserts do for their keys; in an order that all keep to.
fn wait(conn: &mut PgConnection, cx: &Cx, documents: &[&Document]) -> Result<()> {
    let key =
        |document: &&Document| format!("{}|{ORDER}|{}|{}", cx.tenant, document.head.system, document.head.external_id);
    let mut out = Statement::new(
        "SELECT count(*) FROM (SELECT pg_advisory_xact_lock(k.key) FROM (SELECT DISTINCT hashtextextended(d, 0) AS key FROM unnest(",
    );
    out.bind(Bind::Texts(documents.iter().map(key).collect())).sql(") d ORDER BY 1 OFFSET 0) k OFFSET 0) l");
    out.execute(conn)?;
    Ok(())
}
