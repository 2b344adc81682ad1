//! What a document changes: the order, its lines and its refunds as they are against what they shall be. Nothing is written.

use super::input::{Document, Line, Named};
use super::known::{Known, REFUND, Stored};
use crate::base::{self, Based};
use crate::{Order, OrderLine, OrderStatus, Refund};
use diesel::PgConnection;
use kith_journal::bulk::Change;
use kith_journal::log;
use kith_kernel::ids::{AccountId, OrderId, ProductId};
use kith_kernel::{Cx, Error, Meta, Money, Resource, Result, Shape, Violations, codes, sum_of_lines};
use rust_decimal::Decimal;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// New rows, changed ones, and those that are archived.
#[derive(Debug)]
pub(super) struct Parts<R> {
    pub(super) new: Vec<R>,
    pub(super) changed: Vec<Change<R>>,
    pub(super) gone: Vec<Change<R>>,
}

impl<R> Default for Parts<R> {
    fn default() -> Self {
        Parts { new: Vec::new(), changed: Vec::new(), gone: Vec::new() }
    }
}

impl<R: Resource> Parts<R> {
    fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.gone.is_empty()
    }

    /// Keeps a row as it shall be, if that is another than it is.
    fn keep(&mut self, cx: &Cx, before: Option<R>, after: R) -> Result<()> {
        match before {
            None => self.new.push(after),
            Some(before) if log::changed(cx.entry(R::NAME)?, &before, &after).is_empty() => {}
            Some(before) => self.changed.push(Change { before, after }),
        }
        Ok(())
    }

    fn archive(&mut self, cx: &Cx, before: R) {
        let mut after = before.clone();
        after.meta_mut().archived_at = Some(cx.now);
        self.gone.push(Change { before, after });
    }
}

/// What one document changes.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) system: String,
    pub(super) external_id: String,
    pub(super) before: Option<Order>,
    pub(super) order: Order,
    /// The order itself is another than it is.
    pub(super) changes_order: bool,
    /// The version of the document.
    pub(super) source_version: Option<i64>,
    pub(super) lines: Parts<OrderLine>,
    pub(super) refunds: Parts<Refund>,
    /// Keys of new refunds.
    pub(super) refund_keys: HashMap<Uuid, String>,
}

/// What to do with a document.
#[derive(Debug)]
pub(super) enum Step {
    /// A newer one is stored.
    Stale(Uuid),
    /// Write this.
    Write(Box<Plan>),
}

impl Plan {
    /// Nothing of it differs from what is stored, but perhaps its version.
    pub(super) fn is_empty(&self) -> bool {
        !self.changes_order && self.lines.is_empty() && self.refunds.is_empty()
    }

    /// Compares a document with what is there.
    pub(super) fn of(conn: &mut PgConnection, cx: &Cx, document: &Document, known: &Known) -> Result<Step> {
        let head = &document.head;
        let id = known.by_key(super::known::ORDER, &head.system, &head.external_id);
        if let Some(error) = id.and_then(|id| known.refused.get(&id)) {
            return Err(Error { violations: error.violations.clone(), ..Error::new(error.code, error.detail.clone()) });
        }
        let stored = id.and_then(|id| known.orders.get(&id));
        if let Some(stored) = stored.filter(|_| known.is_late(document)) {
            return Ok(Step::Stale(stored.order.meta.id));
        }
        let account = known.account(document).ok_or_else(|| {
            Error::invalid("/account", "UNKNOWN_REFERENCE", "account points to nothing that you can see.")
        })?;
        let mut order = begin(cx, document, stored)?;
        order.account_id = AccountId(account);
        let mut plan = Plan {
            system: head.system.clone(),
            external_id: head.external_id.clone(),
            before: stored.map(|stored| stored.order.clone()),
            order,
            changes_order: true,
            source_version: document.source_version,
            lines: Parts::default(),
            refunds: Parts::default(),
            refund_keys: HashMap::new(),
        };
        let mut violations = Violations::default();
        plan.add_lines(cx, document, known, &mut violations)?;
        plan.add_refunds(cx, document, known, &mut violations)?;
        plan.rate(conn, cx, known)?;
        plan.order.check(&mut violations);
        violations.into_result()?;
        if let Some(before) = &plan.before {
            plan.changes_order = !log::changed(cx.entry(Order::NAME)?, before, &plan.order).is_empty();
        }
        Ok(Step::Write(Box::new(plan)))
    }

    /// Lines are the same by their key, those without one by their place.
    fn add_lines(&mut self, cx: &Cx, document: &Document, known: &Known, violations: &mut Violations) -> Result<()> {
        let stored = self.before.as_ref().and_then(|order| known.orders.get(&order.meta.id));
        let (keyed, rest): (Vec<_>, Vec<_>) = stored
            .into_iter()
            .flat_map(|stored| stored.lines.iter().cloned())
            .partition(|line| line.source_key.is_some());
        let mut keyed: HashMap<_, _> = keyed.into_iter().map(|line| (line.source_key.clone(), line)).collect();
        let mut rest = rest.into_iter();
        let (mut net, mut tax) = (Decimal::ZERO, Decimal::ZERO);
        for (at, (line, product)) in document.lines.iter().enumerate() {
            let before = if line.external_id.is_some() { keyed.remove(&line.external_id) } else { rest.next() };
            let mut own = Violations::default();
            let after = self.line(cx, (at, line, product.as_ref()), before.as_ref(), known, &mut own);
            for violation in own.0 {
                violations.add(format!("/lines/{at}{}", violation.pointer), violation.code, violation.detail);
            }
            let Some(after) = after else { continue };
            net += after.net.amount;
            tax += after.tax.amount;
            self.lines.keep(cx, before, after)?;
        }
        let mut gone: Vec<_> = keyed.into_values().chain(rest).collect();
        gone.sort_by_key(|line| line.meta.id);
        gone.into_iter().for_each(|line| self.lines.archive(cx, line));
        let money = |amount| sum_of_lines(amount, self.order.currency);
        (self.order.net, self.order.tax, self.order.gross) = (money(net)?, money(tax)?, money(net + tax)?);
        Ok(())
    }

    fn line(
        &self,
        cx: &Cx,
        (at, line, product): (usize, &Line, Option<&Named>),
        before: Option<&OrderLine>,
        known: &Known,
        violations: &mut Violations,
    ) -> Option<OrderLine> {
        let product = match product {
            None => None,
            Some(named) => {
                let found = known.product(named);
                let detail = "product points to nothing that you can see.";
                violations.ensure(found.is_some(), "/product", "UNKNOWN_REFERENCE", detail);
                found
            }
        };
        let same = line.unit_price.currency == self.order.currency;
        violations.ensure(same, "/unitPrice", "MIXED_CURRENCIES", "The order is in another currency.");
        let mut after = before.cloned().unwrap_or_else(|| OrderLine::blank(Meta::new(cx)));
        after.order_id = self.order.id();
        after.product_id = product.map(|(id, _)| ProductId(id));
        after.description.clone_from(&line.description);
        after.position = i32::try_from(at + 1).unwrap_or(i32::MAX);
        after.source_key.clone_from(&line.external_id);
        (after.quantity, after.unit_price) = (line.quantity, line.unit_price);
        (after.discount_percent, after.tax_rate) = (line.discount_percent, line.tax_rate);
        // What the product cost when the line came first stays.
        let kept = before.filter(|before| before.product_id == after.product_id).and_then(|before| before.unit_cost);
        after.unit_cost = line.unit_cost.or(kept);
        if after.unit_cost.is_none() && before.is_none_or(|before| before.product_id != after.product_id) {
            after.unit_cost = after.cost_of(product.and_then(|(_, cost)| cost));
        }
        match after.price() {
            Ok(()) => after.check(violations),
            Err(error) => violations.0.extend(error.violations),
        }
        violations.0.is_empty().then_some(after)
    }

    /// Refunds are the same by their key. A document that lists them lists all that its system knows.
    fn add_refunds(&mut self, cx: &Cx, document: &Document, known: &Known, violations: &mut Violations) -> Result<()> {
        let id = self.order.id();
        let of_order = |refund: &&Refund| refund.order_id == Some(id) && refund.meta.archived_at.is_none();
        let mut refunded: Decimal = self.before.as_ref().map_or(Decimal::ZERO, |before| before.refunded.amount);
        if let Some(refunds) = &document.refunds {
            let mut listed = HashSet::new();
            let mut live = Decimal::ZERO;
            for (at, refund) in refunds.iter().enumerate() {
                let before =
                    known.by_key(REFUND, &self.system, &refund.external_id).and_then(|id| known.refunds.get(&id));
                let fits = before.is_none_or(|before| before.order_id.is_none_or(|order| order == id));
                let at = format!("/refunds/{at}");
                violations.ensure(fits, &format!("{at}/externalId"), "INVALID", "This refund is of another order.");
                let same = refund.net.currency == self.order.currency;
                violations.ensure(same, &format!("{at}/net"), "MIXED_CURRENCIES", "The order is in another currency.");
                let mut after = before.cloned().unwrap_or_else(|| Refund::blank(Meta::new(cx)));
                after.meta.archived_at = None;
                (after.account_id, after.order_id, after.assigned_order_id) =
                    (self.order.account_id, Some(id), Some(id));
                (after.net, after.tax, after.refunded_at) = (refund.net, refund.tax, refund.refunded_at);
                after.reason.clone_from(&refund.reason);
                let stays =
                    before.filter(|before| before.refunded_at == after.refunded_at && before.base_rate.is_some());
                let base = stays.map_or_else(|| known.base(after.net.currency, after.refunded_at), Based::base);
                after.rebase(base)?;
                let mut own = Violations::default();
                after.check(&mut own);
                own.0.into_iter().for_each(|one| violations.add(format!("{at}{}", one.pointer), one.code, one.detail));
                live += after.net.amount;
                listed.insert(after.meta.id);
                self.refund_keys.insert(after.meta.id, refund.external_id.clone());
                self.refunds.keep(cx, before.cloned(), after)?;
            }
            for refund in known.refunds.values().filter(of_order).filter(|refund| !listed.contains(&refund.meta.id)) {
                match known.sent.contains(&(self.system.clone(), refund.meta.id)) {
                    true => self.refunds.archive(cx, refund.clone()),
                    false => live += refund.net.amount,
                }
            }
            refunded = live;
            let done = refunds.is_empty() || self.order.status != OrderStatus::Draft;
            violations.ensure(done, "/refunds", "INVALID", "The order is a DRAFT: nothing can come back of it.");
        }
        self.order.refunded = Money { amount: refunded, currency: self.order.currency };
        Ok(())
    }

    fn rate(&mut self, conn: &mut PgConnection, cx: &Cx, known: &Known) -> Result<()> {
        let (currency, time) = (self.order.currency, self.order.ordered_at);
        let base = match &self.before {
            Some(before) => base::at(conn, cx, currency, time, Some((before.ordered_at, before.base())))?,
            None => known.base(currency, time),
        };
        self.order.rebase(base)
    }

    /// What of this order days are made of changes.
    pub(super) fn touched(&self) -> Vec<Uuid> {
        let counts = |order: &Order| order.facts().is_some();
        let about = self.before.as_ref().is_some_and(counts) || counts(&self.order) || !self.refunds.is_empty();
        let accounts = self.before.iter().chain([&self.order]).map(|order| order.account_id.0);
        if about { accounts.collect() } else { Vec::new() }
    }
}

/// The order with what stands at the top of its document.
fn begin(cx: &Cx, document: &Document, stored: Option<&Stored>) -> Result<Order> {
    let head = &document.head;
    let mut order = match stored {
        None => Order::blank(Meta::new(cx)),
        Some(stored) => stored.order.clone(),
    };
    if order.meta.archived_at.is_some() {
        let detail = format!("The order {} is archived. Restore it first: POST /v1/orders/{0}/restore.", order.meta.id);
        return Err(Error::new(&codes::CONFLICT, detail));
    }
    if stored.is_some() && order.currency != head.currency {
        return Err(Error::invalid("/currency", "READ_ONLY", "The currency of an order stays."));
    }
    if let Some(number) = head.number.clone().filter(|number| !number.is_empty()) {
        order.number = number;
    }
    (order.currency, order.ordered_at, order.status) = (head.currency, head.ordered_at, head.status);
    (order.is_internal, order.stated_gross) = (head.is_internal, head.stated_gross);
    order.notes.clone_from(&head.notes);
    Ok(order)
}

impl Plan {
    /// The id that its refunds know it by.
    pub(super) fn id(&self) -> OrderId {
        self.order.id()
    }
}
