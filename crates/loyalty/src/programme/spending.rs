//! What members spend: orders, as far as the programme has to do with them, and what spending earns.

use super::member::LoyaltyMembership;
use super::program::LoyaltyProgram;
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{purchase, store};
use kith_kernel::ids::OrderId;
use kith_kernel::{Action, Bind, Currency, Cx, Error, Money, Result, Statement};
use rust_decimal::{Decimal, RoundingStrategy};
use uuid::Uuid;

/// What spending earns: rounded down to the places of points.
pub(crate) fn worth(program: &LoyaltyProgram, spend: Money, multiplier: Decimal) -> Result<Decimal> {
    if spend.currency != program.currency {
        let detail = format!("The programme counts spending in {}.", program.currency);
        return Err(Error::invalid("/spend", "MIXED_CURRENCIES", detail));
    }
    let exact = spend.amount.checked_mul(program.earn_rate).and_then(|exact| exact.checked_mul(multiplier));
    let places = u32::try_from(program.point_places).unwrap_or(0);
    let points = exact.map(|exact| exact.round_dp_with_strategy(places, RoundingStrategy::ToZero));
    let holds = points.filter(|points| *points < Decimal::from(1_000_000_000_000_000_u64));
    holds.ok_or_else(|| Error::invalid("/spend", "OUT_OF_RANGE", "That is more than an account holds."))
}

/// An order as far as the programme has to do with it.
pub(crate) struct Ordered {
    /// Which.
    pub id: OrderId,
    /// Who ordered.
    pub account: Uuid,
    /// What is left of it after refunds, without tax.
    pub net: Money,
    /// When.
    pub at: DateTime<Utc>,
}

impl Ordered {
    /// An order that the actor may read and that is a purchase.
    pub fn valid(conn: &mut PgConnection, cx: &Cx, id: OrderId) -> Result<Self> {
        let unknown = || Error::invalid("/orderId", "UNKNOWN_REFERENCE", "orderId points to nothing that you can see.");
        if !store::exists(conn, cx, cx.entry("orders")?, id.0, Action::Read)? {
            return Err(unknown());
        }
        let mut out = Statement::new("SELECT o.account_id, o.net_currency, o.ordered_at, o.is_internal, ");
        out.sql("o.status IN ('CONFIRMED', 'FULFILLED') AND o.archived_at IS NULL, ").sql(purchase::LEFT);
        out.sql(" FROM orders o WHERE o.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(" AND o.id = ").bind(Bind::Uuid(Some(id.0)));
        type Sql = (st::Uuid, st::Text, st::Timestamptz, st::Bool, st::Bool, st::Numeric);
        type Found = (Uuid, String, DateTime<Utc>, bool, bool, Decimal);
        let found: Vec<Found> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        let (account, code, at, is_internal, stands, amount) = found.into_iter().next().ok_or_else(unknown)?;
        let wrong = match (stands, is_internal) {
            (false, _) => Some("The order is neither CONFIRMED nor FULFILLED."),
            (true, true) => Some("The order is internal: it is no business with a customer."),
            (true, false) if amount <= Decimal::ZERO => {
                Some("Nothing is left of the order: it came to nothing, or all of it was refunded.")
            }
            (true, false) => None,
        };
        if let Some(detail) = wrong {
            return Err(Error::invalid("/orderId", "INVALID", detail));
        }
        let currency = Currency::from_code(&code).ok_or_else(|| Error::internal("no such currency"))?;
        Ok(Ordered { id, account, net: Money { amount, currency }, at })
    }

    /// Such an order of a member.
    pub fn find(conn: &mut PgConnection, cx: &Cx, id: OrderId, member: &LoyaltyMembership) -> Result<Self> {
        let order = Ordered::valid(conn, cx, id)?;
        let own = order.account == member.account_id.0;
        let detail = "The order is of another customer.";
        if own { Ok(order) } else { Err(Error::invalid("/orderId", "INVALID", detail)) }
    }
}
