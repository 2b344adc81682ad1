//! Orders: what customers bought. Mostly facts from an ERP; accepting a quote makes one, too.

use crate::base::{self, Base, Based, converted};
use crate::{AREA, Refund, days};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{number, store, verbs};
use kith_kernel::ids::{AccountId, ExchangeRateId, OrderId, QuoteId};
use kith_kernel::{
    Bind, Currency, Cx, Error, Money, Ownership, Rate, Relation, Resource, Result, Shape, Statement, Violations,
    sum_of_lines, text_enum,
};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// How far an order is.
    #[derive(Default)]
    pub enum OrderStatus {
        /// It is being written; its lines can change.
        #[default]
        Draft = "DRAFT",
        /// We will deliver.
        Confirmed = "CONFIRMED",
        /// We have delivered.
        Fulfilled = "FULFILLED",
        /// Nothing will come of it.
        Cancelled = "CANCELLED",
        /// It came back.
        Returned = "RETURNED",
    }
}

impl OrderStatus {
    /// Where it can go from here. What an ERP did long ago comes in as a draft and goes straight to where it ended.
    fn next(self) -> &'static [OrderStatus] {
        use OrderStatus::{Cancelled, Confirmed, Draft, Fulfilled, Returned};
        match self {
            Draft => &[Confirmed, Fulfilled, Cancelled, Returned],
            Confirmed => &[Fulfilled, Cancelled],
            Fulfilled => &[Returned],
            Cancelled | Returned => &[],
        }
    }
}

/// What a customer ordered. It begins as a DRAFT, gets its lines, and is then confirmed by changing its status.
#[resource(table = orders, id = OrderId)]
pub struct Order {
    /// Its number, unique; the next free one (`O-00000001`) unless given.
    #[field(filter, sort, create_only, default, max = 64, example = "\"O-00000001\"")]
    pub number: String,
    /// Who ordered.
    #[field(filter)]
    pub account_id: AccountId,
    /// The quote it came from, if there was one. A quote has at most one order; accepting it makes that.
    #[field(filter, create_only)]
    pub quote_id: Option<QuoteId>,
    /// The currency of the order and of all its lines, as in ISO 4217.
    #[field(filter, create_only, example = "\"EUR\"")]
    pub currency: Currency,
    /// How far it is. A new one is a DRAFT. From DRAFT it goes to any other status, from CONFIRMED to FULFILLED or CANCELLED,
    /// from FULFILLED to RETURNED.
    #[field(filter, default)]
    pub status: OrderStatus,
    /// When it was ordered; now unless given.
    #[field(filter, sort, default)]
    pub ordered_at: DateTime<Utc>,
    /// Our own, or a test: it is no business with a customer, and counts nowhere.
    #[field(filter, default)]
    pub is_internal: bool,
    /// The sum of its lines without tax.
    #[field(filter, read_only, money)]
    pub net: Money,
    /// The sum of the taxes of its lines.
    #[field(filter, read_only, money)]
    pub tax: Money,
    /// net + tax: what is to be paid.
    #[field(filter, sort, read_only, money)]
    pub gross: Money,
    /// What another system says it comes to. Where it is given, the order leaves DRAFT only if its lines add up to this.
    #[field(money)]
    pub stated_gross: Option<Money>,
    /// The sum of the refunds that name it; never more than net.
    #[field(filter, read_only, money)]
    pub refunded: Money,
    /// net in the tenant's reporting currency, at baseRate; null as long as no exchange rate is known.
    #[field(filter, read_only, money)]
    pub base_net: Option<Money>,
    /// What one unit of its currency was worth in the reporting currency on the day it was ordered, in the tenant's time zone.
    /// It stays, whatever rates are stored later.
    #[field(read_only)]
    pub base_rate: Option<Rate>,
    /// The exchange rate that baseRate was taken from; null: the currency is the same, or no rate is known.
    #[field(filter, read_only)]
    pub exchange_rate_id: Option<ExchangeRateId>,
    /// What else there is to say.
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

impl Resource for Order {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("lines", "order-lines", "order_id", "What was ordered, line by line."),
        Relation::many(
            "refunds",
            "refunds",
            "assigned_order_id",
            "What came back of it: refunds that name it, and those assigned to it.",
        ),
        Relation::many("invoices", "invoices", "order_id", "What was invoiced of it."),
        Relation::many("shipments", "shipments", "order_id", "What was sent of it."),
        Relation::about("externalIds", "external-ids", "ORDER", "Its keys in other systems."),
    ];

    fn check(&self, violations: &mut Violations) {
        let same = self.stated_gross.as_ref().is_none_or(|stated| stated.currency == self.currency);
        violations.ensure(same, "/statedGross", "MIXED_CURRENCIES", "The order is in another currency.");
        let stated = self.stated_gross.as_ref().is_none_or(|stated| stated.amount == self.gross.amount);
        let detail = format!("The lines add up to {}, not to statedGross.", self.gross.amount.normalize());
        let covered = self.refunded.amount <= self.net.amount;
        violations.ensure(covered, "/net", "OUT_OF_RANGE", "More of it was refunded than it comes to.");
        violations.ensure(stated || self.status == OrderStatus::Draft || !same, "/statedGross", "NOT_THE_SUM", &detail);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        match before {
            None => {
                if self.status != OrderStatus::Draft {
                    return Err(Error::invalid("/status", "INVALID", "A new order is a DRAFT."));
                }
                if self.number.is_empty() {
                    self.number = number::next(conn, cx, Self::TABLE, "O")?;
                }
                // The beginning of Unix time stands for a time that was not given.
                if self.ordered_at == DateTime::<Utc>::default() {
                    self.ordered_at = cx.now;
                }
            }
            Some(before) if before.status != self.status && !before.status.next().contains(&self.status) => {
                let legal: Vec<_> = before.status.next().iter().map(|status| status.as_str()).collect();
                let detail = format!("The order is {}.", before.status.as_str());
                return Err(Error::illegal(detail, &legal));
            }
            Some(_) => {}
        }
        self.add_up(conn, cx)?;
        let before = before.map(|before| (before.ordered_at, before.base()));
        let base = base::at(conn, cx, self.currency, self.ordered_at, before)?;
        self.rebase(base)
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if let Some(before) = before.filter(|before| before.account_id != self.account_id) {
            self.take_refunds_along(conn, cx, before.account_id)?;
        }
        let facts = before.and_then(Self::facts);
        if facts == self.facts() {
            return Ok(());
        }
        days::touch(conn, cx, before.map(|before| before.account_id.0).into_iter().chain([self.account_id.0]))
    }
}

impl Based for Order {
    const TIME: &'static str = "ordered_at";

    fn base(&self) -> Base {
        Base { known: self.base_net.map(|net| net.currency).zip(self.base_rate), rate_id: self.exchange_rate_id }
    }

    fn rebase(&mut self, base: Base) -> Result<()> {
        self.base_net = base.known.map(|known| converted(self.net.amount, known)).transpose()?;
        (self.base_rate, self.exchange_rate_id) = (base.known.map(|(_, rate)| rate), base.rate_id);
        Ok(())
    }
}

/// Of an order that counts: whose it is, when, how much, and at which rate.
type Facts = (AccountId, DateTime<Utc>, Decimal, Option<Rate>);

impl Order {
    /// What days are made of; none: it does not count.
    pub(crate) fn facts(&self) -> Option<Facts> {
        let done = matches!(self.status, OrderStatus::Confirmed | OrderStatus::Fulfilled);
        let counts = done && !self.is_internal && self.meta.archived_at.is_none();
        counts.then_some((self.account_id, self.ordered_at, self.net.amount, self.base_rate))
    }

    /// Refunds that name it are of whoever ordered.
    pub(crate) fn take_refunds_along(&self, conn: &mut PgConnection, cx: &Cx, from: AccountId) -> Result<()> {
        let refunds = store::rows::<Refund>(conn, cx, |out| {
            out.sql(" AND t.order_id = ").bind(Bind::Uuid(Some(self.meta.id))).sql(" AND t.account_id = ");
            out.bind(Bind::Uuid(Some(from.0))).sql(" AND t.archived_at IS NULL ORDER BY t.id");
        })?;
        for refund in refunds {
            // Nothing to edit: preparing it takes over the account.
            verbs::change::<Refund>(conn, &cx.as_system(), refund.meta.id, None, "moved", |_, _| Ok(()))?;
        }
        Ok(())
    }

    /// Sums its lines and the refunds that name it.
    fn add_up(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let (tenant, id) = (|| Bind::Uuid(Some(cx.tenant)), || Bind::Uuid(Some(self.meta.id)));
        let mut out = Statement::new(
            "SELECT coalesce(sum(net_amount), 0), coalesce(sum(tax_amount), 0), (SELECT coalesce(sum(r.net_amount), 0) \
             FROM refunds r WHERE r.archived_at IS NULL AND r.tenant_id = ",
        );
        out.bind(tenant()).sql(" AND r.order_id = ").bind(id()).sql(") FROM order_lines WHERE tenant_id = ");
        out.bind(tenant()).sql(" AND order_id = ").bind(id()).sql(" AND archived_at IS NULL");
        type Sql = (st::Numeric, st::Numeric, st::Numeric);
        let (net, tax, refunded): (Decimal, Decimal, Decimal) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
        let money = |amount| sum_of_lines(amount, self.currency);
        (self.net, self.tax, self.gross) = (money(net)?, money(tax)?, money(net + tax)?);
        self.refunded = money(refunded)?;
        Ok(())
    }
}
