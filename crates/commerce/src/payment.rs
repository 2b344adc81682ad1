//! Payments: what customers paid, or tried to.

use crate::{AREA, Invoice};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::ids::{AccountId, InvoiceId, PaymentId};
use kith_kernel::{Cx, Error, Money, Ownership, Relation, Resource, Result, Shape, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// How something was paid.
    #[derive(Default)]
    pub enum PaymentMethod {
        /// From bank to bank.
        #[default]
        BankTransfer = "BANK_TRANSFER",
        /// We took it from the customer's bank.
        DirectDebit = "DIRECT_DEBIT",
        /// By credit or debit card.
        Card = "CARD",
        /// By a wallet on a phone or in the net.
        Wallet = "WALLET",
        /// In cash.
        Cash = "CASH",
        /// By cheque.
        Cheque = "CHEQUE",
        /// Otherwise.
        Other = "OTHER",
    }
}

text_enum! {
    /// What became of a payment.
    #[derive(Default)]
    pub enum PaymentStatus {
        /// It is on its way.
        Pending = "PENDING",
        /// We have it.
        #[default]
        Completed = "COMPLETED",
        /// It did not come.
        Failed = "FAILED",
        /// It came, and went back.
        Reversed = "REVERSED",
    }
}

/// What a customer paid, or tried to. The COMPLETED payments of an invoice are what is paid of it.
#[resource(table = payments, id = PaymentId)]
pub struct Payment {
    /// Who paid; that of the invoice unless given.
    #[field(filter, default)]
    pub account_id: AccountId,
    /// The invoice it is for; it can become known later.
    #[field(filter)]
    pub invoice_id: Option<InvoiceId>,
    /// How much: more than 0, and in the currency of the invoice.
    #[field(filter, sort, money)]
    pub amount: Money,
    /// When; now unless given.
    #[field(filter, sort, default)]
    pub paid_at: DateTime<Utc>,
    /// How; BANK_TRANSFER unless given.
    #[field(filter, default)]
    pub method: PaymentMethod,
    /// What became of it; COMPLETED unless given.
    #[field(filter, default)]
    pub status: PaymentStatus,
    /// What the statement of the bank says.
    #[field(filter, max = 500)]
    pub reference: Option<String>,
    /// Why it failed or went back.
    #[field(max = 2_000)]
    pub failure_reason: Option<String>,
}

impl Resource for Payment {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "PAYMENT", "Its keys in other systems.")];

    fn check(&self, violations: &mut Violations) {
        let positive = self.amount.amount.is_sign_positive() && !self.amount.amount.is_zero();
        violations.ensure(positive, "/amount", "OUT_OF_RANGE", "A payment is more than 0.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() && self.paid_at == DateTime::<Utc>::default() {
            self.paid_at = cx.now;
        }
        let entry = cx.entry(Self::NAME)?;
        if before.is_some_and(|before| log::changed(entry, before, self).is_empty()) {
            return Ok(());
        }
        let Some(id) = self.invoice_id else {
            let named = self.account_id != AccountId::default();
            let missing = || Error::invalid("/accountId", "REQUIRED", "A payment without an invoice names an account.");
            return if named { Ok(()) } else { Err(missing()) };
        };
        let joins = before.is_none_or(|before| before.invoice_id != self.invoice_id);
        // One that is not there is refused by the foreign key.
        let Some(invoice) = store::lock_whole::<Invoice>(conn, cx, id.0, joins)? else { return Ok(()) };
        if self.account_id == AccountId::default() {
            self.account_id = invoice.account_id;
        }
        if invoice.net.currency != self.amount.currency {
            let detail = format!("The invoice is in {}.", invoice.net.currency);
            return Err(Error::invalid("/amount", "MIXED_CURRENCIES", detail));
        }
        if invoice.is_void && self.status == PaymentStatus::Completed && self.meta.archived_at.is_none() {
            return Err(Error::invalid("/invoiceId", "INVALID", "The invoice was taken back."));
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let old = before.and_then(|before| before.invoice_id).filter(|old| Some(*old) != self.invoice_id);
        for invoice in old.into_iter().chain(self.invoice_id) {
            // Nothing to edit: preparing the invoice sums its payments.
            verbs::change::<Invoice>(conn, &cx.as_system(), invoice.0, None, "paid", |_, _| Ok(()))?;
        }
        Ok(())
    }
}
