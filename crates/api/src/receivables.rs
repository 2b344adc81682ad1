//! What customers owe, as both APIs answer it.

use crate::caller::Caller;
use crate::lifecycle::ask;
use async_graphql::SimpleObject;
use kith_commerce::receivables::{Question, receivables};
use kith_kernel::Result;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What customers owe today.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receivables {
    /// Today, in the tenant's time zone.
    as_of: String,
    /// The sums of all that is meant, currency by currency.
    totals: Vec<ReceivableTotal>,
    /// Open invoices, longest overdue first.
    rows: Vec<Receivable>,
    /// There are more after the last.
    has_more: bool,
}

/// What customers owe in one currency.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivableTotal {
    /// ISO 4217.
    currency: String,
    /// Open invoices.
    invoices: i64,
    /// What is still to be paid of them, a decimal as a text.
    balance: String,
    /// Those of them that are overdue.
    overdue_invoices: i64,
    /// What is still to be paid of those.
    overdue_balance: String,
}

/// An open invoice.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receivable {
    /// The invoice.
    invoice_id: Uuid,
    /// Its number.
    number: String,
    /// Who is to pay.
    account_id: Uuid,
    /// The last day on which it is to be paid.
    due_on: String,
    /// Days since then; 0: it is not overdue.
    overdue_days: i64,
    /// What is still to be paid, a decimal as a text.
    balance: String,
    /// ISO 4217.
    currency: String,
    /// When the customer was last reminded of it.
    reminded_at: Option<String>,
    /// The reminder that comes next; null: every step was taken, or there are none.
    next_reminder: Option<ReceivableReminder>,
}

/// The next reminder of an invoice.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceivableReminder {
    /// The reminder step.
    step_id: Uuid,
    /// Its name.
    name: String,
    /// How the customer is reminded.
    channel: String,
    /// The day on which it is due.
    due_on: String,
    /// That day has come.
    is_due: bool,
}

impl Receivables {
    /// Asks for them.
    pub async fn ask(caller: &Caller, question: Question) -> Result<Self> {
        ask(caller, move |conn, cx| receivables(conn, cx, &question)).await
    }
}
