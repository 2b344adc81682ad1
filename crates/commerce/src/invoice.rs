//! Invoices: what customers are asked to pay, and what of it is open.

use crate::{AREA, reminder};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::number;
use kith_kernel::ids::{AccountId, InvoiceId, OrderId};
use kith_kernel::{
    Bind, Command, Cx, Error, Money, Ownership, Relation, Resource, Result, Shape, Statement, Violations, sum_of_lines,
    text_enum,
};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// Whether an invoice is still to be paid.
    #[derive(Default)]
    pub enum InvoiceStatus {
        /// Something is still to be paid.
        #[default]
        Open = "OPEN",
        /// All of it is paid.
        Paid = "PAID",
        /// It was taken back.
        Void = "VOID",
    }
}

/// What a customer is asked to pay. An OPEN invoice is a receivable, overdue from the day after dueOn: filter by status and
/// dueOn, and sort by dueOn for what is overdue longest. What is paid follows from its payments.
#[resource(table = invoices, id = InvoiceId)]
pub struct Invoice {
    /// Its number, unique; the next free one (`I-00000001`) unless given.
    #[field(filter, sort, create_only, default, max = 64, example = "\"I-00000001\"")]
    pub number: String,
    /// Who is to pay.
    #[field(filter)]
    pub account_id: AccountId,
    /// The order it is for.
    #[field(filter)]
    pub order_id: Option<OrderId>,
    /// How much, without tax.
    #[field(filter, money)]
    pub net: Money,
    /// The tax; 0 unless given.
    #[field(money)]
    pub tax: Option<Money>,
    /// net + tax: what is to be paid.
    #[field(filter, sort, read_only, money)]
    pub gross: Money,
    /// The day on which it was issued; today in the tenant's time zone unless given.
    #[field(filter, sort, default, example = "\"2026-11-01\"")]
    pub issued_on: NaiveDate,
    /// The last day on which it is to be paid.
    #[field(filter, sort, example = "\"2026-12-01\"")]
    pub due_on: NaiveDate,
    /// It was taken back: nothing is to be paid.
    #[field(filter, default)]
    pub is_void: bool,
    /// OPEN until its payments reach gross, VOID if it was taken back.
    #[field(filter, read_only, default)]
    pub status: InvoiceStatus,
    /// The sum of its COMPLETED payments.
    #[field(filter, read_only, money)]
    pub paid: Money,
    /// What is still to be paid; below 0: too much was paid.
    #[field(filter, sort, read_only, money)]
    pub balance: Money,
    /// When the payment came that it is PAID by.
    #[field(filter, read_only)]
    pub paid_at: Option<DateTime<Utc>>,
    /// When the customer was last reminded of it.
    #[field(filter, read_only)]
    pub reminded_at: Option<DateTime<Utc>>,
}

impl Resource for Invoice {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("payments", "payments", "invoice_id", "What was paid, or tried to be."),
        Relation::many("reminders", "reminders", "invoice_id", "When the customer was reminded."),
        Relation::about("externalIds", "external-ids", "INVOICE", "Its keys in other systems."),
    ];

    fn commands() -> Vec<Command> {
        reminder::commands()
    }

    fn check(&self, violations: &mut Violations) {
        let good = !self.net.amount.is_sign_negative();
        violations.ensure(good, "/net", "OUT_OF_RANGE", "What is to be paid is not negative.");
        let good = self.tax.is_none_or(|tax| !tax.amount.is_sign_negative());
        violations.ensure(good, "/tax", "OUT_OF_RANGE", "A tax is not negative.");
        let order = self.issued_on <= self.due_on;
        violations.ensure(order, "/dueOn", "OUT_OF_RANGE", "It is due before it is issued.");
        let void = !self.is_void || self.paid.amount.is_zero();
        violations.ensure(void, "/isVoid", "INVALID", "Something was paid: reverse the payments first.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            if self.number.is_empty() {
                self.number = number::next(conn, cx, Self::TABLE, "I")?;
            }
            // The beginning of Unix time stands for a day that was not given.
            if self.issued_on == NaiveDate::default() {
                self.issued_on = cx.today();
            }
        }
        let currency = self.net.currency;
        if self.tax.is_some_and(|tax| tax.currency != currency) {
            return Err(Error::invalid("/tax", "MIXED_CURRENCIES", "The invoice is in another currency."));
        }
        if before.is_some_and(|before| before.net.currency != currency && !before.paid.amount.is_zero()) {
            return Err(Error::invalid("/net", "MIXED_CURRENCIES", "It was paid in another currency."));
        }
        let tax = self.tax.map_or(Decimal::ZERO, |tax| tax.amount);
        self.gross = sum_of_lines(self.net.amount + tax, currency)?;
        self.add_up(conn, cx)
    }
}

impl Invoice {
    /// Sums its payments.
    fn add_up(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let mut out =
            Statement::new("SELECT coalesce(sum(amount_amount), 0), max(paid_at) FROM payments WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND invoice_id = ").bind(Bind::Uuid(Some(self.meta.id)));
        out.sql(" AND status = 'COMPLETED' AND archived_at IS NULL");
        type Sql = (st::Numeric, st::Nullable<st::Timestamptz>);
        let (paid, last): (Decimal, Option<DateTime<Utc>>) = RunQueryDsl::get_result(out.typed::<Sql>(), conn)?;
        self.paid = sum_of_lines(paid, self.net.currency)?;
        let open = if self.is_void { Decimal::ZERO } else { self.gross.amount - paid };
        self.balance = Money { amount: open, currency: self.net.currency };
        self.status = match (self.is_void, open > Decimal::ZERO) {
            (true, _) => InvoiceStatus::Void,
            (false, true) => InvoiceStatus::Open,
            (false, false) => InvoiceStatus::Paid,
        };
        self.paid_at = last.filter(|_| self.status == InvoiceStatus::Paid);
        Ok(())
    }
}
