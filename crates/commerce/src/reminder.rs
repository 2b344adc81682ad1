//! Reminders of overdue invoices: the steps that a tenant takes, one after the other, and what was taken for which invoice.

use crate::{AREA, Invoice, InvoiceStatus};
use chrono::{DateTime, Days, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{InvoiceId, ReminderId, ReminderStepId};
use kith_kernel::{
    Action, Bind, Command, Cx, Error, Meta, Money, Nothing, Ownership, Resource, Result, Row, Shape, Verb, Violations,
    text_enum,
};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// How a customer is reminded.
    #[derive(Default)]
    pub enum ReminderChannel {
        /// By e-mail.
        #[default]
        Email = "EMAIL",
        /// By letter.
        Letter = "LETTER",
        /// By phone.
        Phone = "PHONE",
        /// By text message.
        Sms = "SMS",
    }
}

/// A step in reminding customers of what is overdue. `remind` on an invoice takes the next one that is due.
#[resource(table = reminder_steps, id = ReminderStepId)]
pub struct ReminderStep {
    /// Its name.
    #[field(filter, max = 100, example = "\"Friendly reminder\"")]
    pub name: String,
    /// After how many days overdue it is due, from 1; unique.
    #[field(filter, sort, example = "7")]
    pub after_days: i32,
    /// How the customer is reminded; EMAIL unless given.
    #[field(filter, default)]
    pub channel: ReminderChannel,
    /// What the customer reads or hears.
    #[field(max = 10_000)]
    pub text: Option<String>,
}

impl Resource for ReminderStep {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        let fits = (1..=3_650).contains(&self.after_days);
        violations.ensure(fits, "/afterDays", "OUT_OF_RANGE", "Expected 1 to 3,650 days.");
    }
}

/// That a customer was reminded of an overdue invoice. `remind` makes it.
#[resource(table = reminders, id = ReminderId)]
pub struct Reminder {
    /// The invoice.
    #[field(filter, read_only)]
    pub invoice_id: InvoiceId,
    /// The step that was taken.
    #[field(filter, read_only)]
    pub reminder_step_id: ReminderStepId,
    /// How the customer was reminded.
    #[field(filter, read_only, default)]
    pub channel: ReminderChannel,
    /// For how many days it was overdue then.
    #[field(filter, read_only)]
    pub overdue_days: i32,
    /// What was to be paid then.
    #[field(filter, read_only, money)]
    pub balance: Money,
    /// When.
    #[field(filter, sort, read_only)]
    pub sent_at: DateTime<Utc>,
}

impl Resource for Reminder {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["invoice"] };
}

/// The verbs of invoices that are about reminding.
pub(crate) fn commands() -> Vec<Command> {
    let doc = "Notes that the customer is reminded of an OPEN invoice, by the next reminder-step that is due: the first that was not taken yet, if the invoice is overdue for as long. The steps taken are its reminders. Sending is up to whoever calls this.";
    let may = |cx: &Cx| cx.require(cx.entry(Invoice::NAME)?, Action::Update).map(drop);
    vec![Command::new("remind", doc, may, remind)]
}

fn remind(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "reminded", |conn, invoice: &mut Invoice| {
        if invoice.status != InvoiceStatus::Open {
            let detail = format!("The invoice is {}: nothing is to be paid.", invoice.status.as_str());
            return Err(Error::illegal(detail, &[]));
        }
        let overdue = (cx.today() - invoice.due_on).num_days();
        let step = next_step(conn, cx, invoice)?;
        if overdue < i64::from(step.after_days) {
            let days = Days::new(u64::try_from(step.after_days).unwrap_or(0));
            let due = invoice.due_on.checked_add_days(days).unwrap_or(invoice.due_on);
            return Err(Error::illegal(format!("The next step, {}, is due on {due}.", step.name), &[]));
        }
        let reminder = Reminder {
            meta: Meta::new(cx),
            invoice_id: invoice.id(),
            reminder_step_id: step.id(),
            channel: step.channel,
            overdue_days: i32::try_from(overdue).unwrap_or(i32::MAX),
            balance: invoice.balance,
            sent_at: cx.now,
        };
        verbs::follow(conn, cx, reminder)?;
        invoice.reminded_at = Some(cx.now);
        Ok(())
    })
}

/// After how many days the last step was due that was taken for the invoice `t`; 0: none was.
pub(crate) const TAKEN: &str = "coalesce((SELECT max(p.after_days) FROM reminders r JOIN reminder_steps p ON p.tenant_id = r.tenant_id AND p.id = r.reminder_step_id WHERE r.tenant_id = t.tenant_id AND r.archived_at IS NULL AND r.invoice_id = t.id), 0)";

/// The first step after those that were taken.
fn next_step(conn: &mut PgConnection, cx: &Cx, invoice: &Invoice) -> Result<ReminderStep> {
    let steps = store::rows::<ReminderStep>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND t.after_days > coalesce((SELECT max(s.after_days) FROM reminders r ");
        out.sql(
            "JOIN reminder_steps s ON s.tenant_id = r.tenant_id AND s.id = r.reminder_step_id WHERE r.tenant_id = ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND r.archived_at IS NULL AND r.invoice_id = ");
        out.bind(Bind::Uuid(Some(invoice.meta.id))).sql("), 0) ORDER BY t.after_days LIMIT 1");
    })?;
    steps.into_iter().next().ok_or_else(|| Error::illegal("Every step was taken, or there are none.", &[]))
}
