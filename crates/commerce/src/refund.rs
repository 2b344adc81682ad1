//! Refunds: what customers got back. One that names its order reduces that; any other is assigned by [`crate::assignment`].

use crate::base::{self, Base, Based, converted};
use crate::{AREA, Order, OrderLine, OrderStatus, days};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{log, number, store, verbs};
use kith_kernel::ids::{AccountId, ExchangeRateId, OrderId, OrderLineId, ProductId, RefundId};
use kith_kernel::{Bind, Cx, Error, Money, Ownership, Rate, Relation, Resource, Result, Shape, Statement, Violations};
use kith_macros::resource;
use rust_decimal::Decimal;

/// What a customer got back. All refunds of an order together never exceed its net. One without an order reduces the
/// customer's latest earlier order that it fits into; what it was given to is assignedOrderId.
#[resource(table = refunds, id = RefundId)]
pub struct Refund {
    /// Its number, unique; the next free one (`R-00000001`) unless given.
    #[field(filter, sort, create_only, default, max = 64, example = "\"R-00000001\"")]
    pub number: String,
    /// Who got it back; that of the order unless given.
    #[field(filter, default)]
    pub account_id: AccountId,
    /// The order it is for, if that is known.
    #[field(filter, create_only)]
    pub order_id: Option<OrderId>,
    /// The line of the order it is for, if that is known.
    #[field(filter, create_only)]
    pub order_line_id: Option<OrderLineId>,
    /// The product it is for; that of the order line unless given.
    #[field(filter)]
    pub product_id: Option<ProductId>,
    /// How much, without tax: more than 0, and in the currency of the order.
    #[field(filter, sort, money)]
    pub net: Money,
    /// The tax that was paid back with it.
    #[field(money)]
    pub tax: Option<Money>,
    /// When it was paid back; now unless given.
    #[field(filter, sort, default)]
    pub refunded_at: DateTime<Utc>,
    /// Why.
    #[field(max = 2_000, example = "\"Damaged on the way\"")]
    pub reason: Option<String>,
    /// The order it reduces: the one it names; else the latest earlier one of the customer that counts, in the same currency,
    /// with the same product if one is named, of which as much is left. Null: there is none. It can change when orders
    /// become known later.
    #[field(filter, read_only)]
    pub assigned_order_id: Option<OrderId>,
    /// net in the tenant's reporting currency, at baseRate; null as long as no exchange rate is known.
    #[field(filter, read_only, money)]
    pub base_net: Option<Money>,
    /// What one unit of its currency was worth in the reporting currency on the day of the refund. It stays.
    #[field(read_only)]
    pub base_rate: Option<Rate>,
    /// The exchange rate that baseRate was taken from; null: the currency is the same, or no rate is known.
    #[field(filter, read_only)]
    pub exchange_rate_id: Option<ExchangeRateId>,
}

impl Resource for Refund {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "REFUND", "Its keys in other systems.")];

    fn check(&self, violations: &mut Violations) {
        let positive = self.net.amount.is_sign_positive() && !self.net.amount.is_zero();
        violations.ensure(positive, "/net", "OUT_OF_RANGE", "A refund is more than 0.");
        let tax = self.tax.as_ref();
        let fits = tax.is_none_or(|tax| !tax.amount.is_sign_negative());
        violations.ensure(fits, "/tax", "OUT_OF_RANGE", "A tax is not negative.");
        let same = tax.is_none_or(|tax| tax.currency == self.net.currency);
        violations.ensure(same, "/tax", "MIXED_CURRENCIES", "The refund is in another currency.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            if self.number.is_empty() {
                self.number = number::next(conn, cx, Self::TABLE, "R")?;
            }
            if self.refunded_at == DateTime::<Utc>::default() {
                self.refunded_at = cx.now;
            }
            self.follow_line(conn, cx)?;
        }
        match self.order_id {
            Some(order) => self.of_order(conn, cx, order, before)?,
            None if self.account_id == AccountId::default() => {
                return Err(Error::invalid("/accountId", "REQUIRED", "A refund without an order names an account."));
            }
            None => {}
        }
        let before = before.map(|before| (before.refunded_at, before.base()));
        let base = base::at(conn, cx, self.net.currency, self.refunded_at, before)?;
        self.rebase(base)
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if let Some(order) = self.order_id {
            // Nothing to edit: preparing the order sums its refunds.
            verbs::change::<Order>(conn, &cx.as_system(), order.0, None, "refunded", |_, _| Ok(()))?;
        }
        days::touch(conn, cx, before.map(|before| before.account_id.0).into_iter().chain([self.account_id.0]))
    }
}

impl Based for Refund {
    const TIME: &'static str = "refunded_at";

    fn base(&self) -> Base {
        Base { known: self.base_net.map(|net| net.currency).zip(self.base_rate), rate_id: self.exchange_rate_id }
    }

    fn rebase(&mut self, base: Base) -> Result<()> {
        self.base_net = base.known.map(|known| converted(self.net.amount, known)).transpose()?;
        (self.base_rate, self.exchange_rate_id) = (base.known.map(|(_, rate)| rate), base.rate_id);
        Ok(())
    }
}

impl Refund {
    /// What its line says: the order and the product.
    fn follow_line(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let Some(line) = self.order_line_id else { return Ok(()) };
        let Some(line) = store::find::<OrderLine>(conn, cx, line.0)? else {
            let detail = "orderLineId points to nothing that you can see.";
            return Err(Error::invalid("/orderLineId", "UNKNOWN_REFERENCE", detail));
        };
        if *self.order_id.get_or_insert(line.order_id) != line.order_id {
            return Err(Error::invalid("/orderLineId", "INVALID", "The line is of another order."));
        }
        self.product_id = self.product_id.or(line.product_id);
        Ok(())
    }

    /// What its order says: whose it is, its currency, and how much can be paid back.
    fn of_order(&mut self, conn: &mut PgConnection, cx: &Cx, id: OrderId, before: Option<&Self>) -> Result<()> {
        self.assigned_order_id = Some(id);
        let order = store::lock_whole::<Order>(conn, cx, id.0, before.is_none())?;
        // One that is not there is refused by the foreign key.
        let Some(order) = order else { return Ok(()) };
        let named = before.is_none_or(|before| before.account_id != self.account_id);
        if named && self.account_id != AccountId::default() && self.account_id != order.account_id {
            return Err(Error::invalid("/accountId", "INVALID", "The order is of another account."));
        }
        self.account_id = order.account_id;
        let entry = cx.entry(Self::NAME)?;
        if self.meta.archived_at.is_some() || before.is_some_and(|before| log::changed(entry, before, self).is_empty())
        {
            return Ok(());
        }
        if order.status == OrderStatus::Draft {
            return Err(Error::illegal("The order is a DRAFT: nothing can come back of it.", &[]));
        }
        if order.currency != self.net.currency {
            let detail = format!("The order is in {}.", order.currency);
            return Err(Error::invalid("/net", "MIXED_CURRENCIES", detail));
        }
        self.within(conn, cx, &order)
    }

    /// All refunds of an order, and of each of its lines, stay within what that came to.
    fn within(&self, conn: &mut PgConnection, cx: &Cx, order: &Order) -> Result<()> {
        let mut out = Statement::new(
            "SELECT coalesce(sum(net_amount), 0), coalesce(sum(net_amount) FILTER (WHERE order_line_id = ",
        );
        let line = self.order_line_id.map(|id| id.0);
        out.bind(Bind::Uuid(line)).sql("), 0), (SELECT l.net_amount FROM order_lines l WHERE l.tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND l.id = ").bind(Bind::Uuid(line));
        out.sql(") FROM refunds WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(" AND order_id = ").bind(Bind::Uuid(Some(order.meta.id))).sql(" AND id <> ");
        out.bind(Bind::Uuid(Some(self.meta.id))).sql(" AND archived_at IS NULL");
        type Sql = (st::Numeric, st::Numeric, st::Nullable<st::Numeric>);
        let found: (Decimal, Decimal, Option<Decimal>) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
        let (others, of_line, line) = found;
        let left = order.net.amount - others;
        if self.net.amount > left {
            let detail = format!("Of the order, {} {} is left.", left.normalize(), order.currency);
            return Err(Error::invalid("/net", "OUT_OF_RANGE", detail));
        }
        match line.map(|line| line - of_line) {
            Some(left) if self.net.amount > left => {
                let detail = format!("Of the line, {} {} is left.", left.normalize(), order.currency);
                Err(Error::invalid("/net", "OUT_OF_RANGE", detail))
            }
            _ => Ok(()),
        }
    }
}
