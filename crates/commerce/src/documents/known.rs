//! What is there of the things that documents speak of, read in one statement a kind and locked where it may change.

use super::input::{Document, Named};
use crate::base::{self, Base};
use crate::{Order, OrderLine, Product, Refund};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::keys::{self, Found};
use kith_journal::{external, store};
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
    /// Those that are not archived, by position.
    pub(super) lines: Vec<OrderLine>,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: HashMap<(&'static str, String, String), Found>,
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
        self.found(kind, system, key).map(|found| found.id)
    }

    fn found(&self, kind: &'static str, system: &str, key: &str) -> Option<Found> {
        self.keys.get(&(kind, system.to_owned(), key.to_owned())).copied()
    }

    /// Whether a newer state of the order was taken already.
    pub(super) fn is_late(&self, document: &Document) -> bool {
        let found = self.found(ORDER, &document.head.system, &document.head.external_id);
        found.is_some_and(|found| found.is_past(document.source_version))
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
        let mut wanted = HashSet::new();
        for document in documents {
            let account = match &document.account {
                Named::Key(key) => Some((ACCOUNT, key)),
                Named::Id(_) => None,
            };
            let refunds = document.refunds.iter().flatten().map(|refund| (REFUND, &refund.external_id));
            let all = [(ORDER, &document.head.external_id)].into_iter().chain(account).chain(refunds);
            wanted.extend(all.map(|(kind, key)| (kind, document.head.system.as_str(), key.as_str())));
        }
        let wanted: Vec<_> = wanted.into_iter().collect();
        let found = keys::find(conn, cx, &wanted)?;
        for ((kind, system, key), found) in wanted.into_iter().zip(found) {
            if let Some(found) = found {
                self.keys.insert((kind, system.to_owned(), key.to_owned()), found);
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
            let rows = store::find_each(conn, cx, entry, ids)?;
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
        let mut products = Vec::new();
        if !ids.is_empty() {
            products.extend(store::rows_by::<Product>(conn, cx, "id", Bind::Uuids(ids), "")?);
        }
        if !skus.is_empty() {
            let skus = Bind::Texts(skus);
            products.extend(store::rows_by::<Product>(conn, cx, "sku", skus, " AND t.archived_at IS NULL")?);
        }
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
        if documents.iter().any(|document| document.source_version.is_some()) {
            // A file may have brought newer ones since: nobody does any more once the orders are locked.
            self.find_keys(conn, cx, documents)?;
        }
        let ids: Vec<Uuid> = orders.iter().map(|order| order.meta.id).collect();
        for order in orders {
            self.orders.insert(order.meta.id, Stored { order, lines: Vec::new() });
        }
        let tail = " AND t.archived_at IS NULL FOR UPDATE OF t";
        let mut lines = store::rows_by::<OrderLine>(conn, cx, "order_id", Bind::Uuids(ids), tail)?;
        lines.sort_by_key(|line| (line.position, line.meta.id));
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
            return store::rows_by(conn, cx, "id", Bind::Uuids(ids), " FOR UPDATE OF t");
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
        let named = self.keys.iter().filter(|((kind, ..), _)| *kind == REFUND).map(|(_, found)| found.id).collect();
        let orders = self.orders.keys().copied().collect();
        let of_orders = " AND t.archived_at IS NULL FOR UPDATE OF t";
        let mut refunds = store::rows_by::<Refund>(conn, cx, "id", Bind::Uuids(named), " FOR UPDATE OF t")?;
        refunds.extend(store::rows_by(conn, cx, "order_id", Bind::Uuids(orders), of_orders)?);
        self.refunds = refunds.into_iter().map(|refund| (refund.meta.id, refund)).collect();
        let ids = Bind::Uuids(self.refunds.keys().copied().collect());
        let links = cx.entry(external::EXTERNAL_IDS)?;
        let out = store::looked_up(cx, links, "t.system, t.subject_id", "subject_id", ids, |out| {
            out.sql(" AND t.subject_type = 'REFUND' AND t.archived_at IS NULL");
        });
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
