//! The lines of an order.

use crate::{AREA, Order, Product, order::OrderStatus};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::ids::{OrderId, OrderLineId, ProductId};
use kith_kernel::{Cx, Error, Money, Ownership, Priced, Resource, Result, Shape, Violations};
use kith_macros::resource;
use rust_decimal::Decimal;

/// What was ordered. Lines change while their order is a DRAFT. Each step of the sum is rounded to the decimal places of
/// the currency, halves away from zero.
#[resource(table = order_lines, id = OrderLineId)]
pub struct OrderLine {
    /// The order.
    #[field(filter, create_only)]
    pub order_id: OrderId,
    /// The product; without one, the description says what it is.
    #[field(filter)]
    pub product_id: Option<ProductId>,
    /// What it is, in free text; required without a product.
    #[field(max = 1_000)]
    pub description: Option<String>,
    /// Its place among the lines.
    #[field(sort, default)]
    pub position: i32,
    /// What its line is called in the document that another system sent.
    #[field(filter, read_only, max = 200)]
    pub source_key: Option<String>,
    /// How many units.
    #[field(filter, example = "\"10\"")]
    pub quantity: Decimal,
    /// The price of one unit, without tax, in the currency of the order.
    #[field(money)]
    pub unit_price: Money,
    /// Discount in percent.
    #[field(default, example = "\"5\"")]
    pub discount_percent: Decimal,
    /// Tax in percent.
    #[field(default, example = "\"19\"")]
    pub tax_rate: Decimal,
    /// What one unit costs us, in the currency of the order; the product's cost at the time the line is written unless given, if
    /// that is in the same currency. Null: nobody knows.
    #[field(filter, money)]
    pub unit_cost: Option<Money>,
    /// What is taken off quantity × unitPrice.
    #[field(read_only, money)]
    pub discount: Money,
    /// quantity × unitPrice less the discount.
    #[field(read_only, money)]
    pub net: Money,
    /// taxRate per cent of net.
    #[field(read_only, money)]
    pub tax: Money,
    /// net + tax.
    #[field(filter, read_only, money)]
    pub gross: Money,
}

impl Resource for OrderLine {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["order"] };

    fn check(&self, violations: &mut Violations) {
        let named = self.product_id.is_some() || self.description.is_some();
        violations.ensure(named, "/description", "REQUIRED", "A line has a product or a description.");
        self.priced().check(violations);
        let cost = self.unit_cost.as_ref();
        let fits = cost.is_none_or(|cost| !cost.amount.is_sign_negative());
        violations.ensure(fits, "/unitCost", "OUT_OF_RANGE", "A cost is not negative.");
        let same = cost.is_none_or(|cost| cost.currency == self.unit_price.currency);
        violations.ensure(same, "/unitCost", "MIXED_CURRENCIES", "The order is in another currency.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        self.price()?;
        let other_product = before.is_none_or(|before| before.product_id != self.product_id);
        if other_product && self.unit_cost == before.and_then(|before| before.unit_cost) {
            self.unit_cost = None;
            if let Some(product) = self.product_id {
                let product = store::find::<Product>(conn, cx, product.0)?;
                self.unit_cost = self.cost_of(product.and_then(|product| product.cost));
            }
        }
        // The same again, as other systems send it, is fine whatever has become of the order.
        let entry = cx.entry(Self::NAME)?;
        if before.is_some_and(|before| log::changed(entry, before, self).is_empty()) {
            return Ok(());
        }
        let order = store::lock_whole::<Order>(conn, cx, self.order_id.0, before.is_none())?;
        // One that is not there is refused by the foreign key.
        let Some(order) = order else { return Ok(()) };
        if order.status != OrderStatus::Draft || order.meta.archived_at.is_some() {
            return Err(Error::illegal("The lines of an order change while it is a DRAFT.", &[]));
        }
        if order.currency != self.unit_price.currency {
            let detail = format!("The order is in {}.", order.currency);
            return Err(Error::invalid("/unitPrice", "MIXED_CURRENCIES", detail));
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        // Nothing to edit: preparing the order sums its lines.
        verbs::change::<Order>(conn, &cx.as_system(), self.order_id.0, None, log::UPDATED, |_, _| Ok(())).map(drop)
    }
}

impl OrderLine {
    /// Computes what it comes to.
    pub(crate) fn price(&mut self) -> Result<()> {
        let amounts = self.priced().amounts()?;
        let net = Money { amount: amounts.subtotal.amount - amounts.discount.amount, ..amounts.subtotal };
        (self.discount, self.net, self.tax, self.gross) = (amounts.discount, net, amounts.tax, amounts.total);
        Ok(())
    }

    /// A product's cost, if it is in the currency of the line.
    pub(crate) fn cost_of(&self, cost: Option<Money>) -> Option<Money> {
        cost.filter(|cost| cost.currency == self.unit_price.currency)
    }

    fn priced(&self) -> Priced {
        let (quantity, unit_price) = (self.quantity, self.unit_price);
        Priced { quantity, unit_price, discount_percent: self.discount_percent, tax_rate: self.tax_rate }
    }
}
