//! Orders: what customers bought. Mostly facts from an ERP; accepting a quote makes one, too.

use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::number;
use kith_kernel::ids::{AccountId, OrderId, QuoteId};
use kith_kernel::{
    Bind, Currency, Cx, Error, Money, Ownership, Relation, Resource, Result, Shape, Statement, Violations,
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
    /// What else there is to say.
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

impl Resource for Order {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("lines", "order-lines", "order_id", "What was ordered, line by line."),
        Relation::about("externalIds", "external-ids", "ORDER", "Its keys in other systems."),
    ];

    fn check(&self, violations: &mut Violations) {
        let same = self.stated_gross.as_ref().is_none_or(|stated| stated.currency == self.currency);
        violations.ensure(same, "/statedGross", "MIXED_CURRENCIES", "The order is in another currency.");
        let stated = self.stated_gross.as_ref().is_none_or(|stated| stated.amount == self.gross.amount);
        let detail = format!("The lines add up to {}, not to statedGross.", self.gross.amount.normalize());
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
        self.add_up(conn, cx)
    }
}

impl Order {
    /// Sums its lines.
    fn add_up(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let mut out = Statement::new(
            "SELECT coalesce(sum(net_amount), 0), coalesce(sum(tax_amount), 0) FROM order_lines WHERE tenant_id = ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND order_id = ").bind(Bind::Uuid(Some(self.meta.id)));
        out.sql(" AND archived_at IS NULL");
        let (net, tax): (Decimal, Decimal) = RunQueryDsl::get_result(out.typed::<(st::Numeric, st::Numeric)>(), conn)?;
        let money = |amount| sum_of_lines(amount, self.currency);
        (self.net, self.tax, self.gross) = (money(net)?, money(tax)?, money(net + tax)?);
        Ok(())
    }
}
