//! What customers owe: the invoices that are open, for how long each is overdue today, and which reminder comes next.

use crate::reminder::TAKEN;
use crate::{Invoice, ReminderStep};
use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{Action, Bind, Condition, Cx, Error, Result, Shape, Statement};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// Rows of a page.
const PAGE: i64 = 50;

/// Most of them.
const MAX_PAGE: i64 = 500;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Of one account alone.
    pub account: Option<Uuid>,
    /// Only what is overdue for as many days.
    pub min_days: Option<i64>,
    /// Only those whose next reminder is due.
    pub to_remind: bool,
    /// The last invoice of the page before.
    pub after: Option<Uuid>,
    /// Rows.
    pub limit: Option<i64>,
    /// Where the parts stand in the request: `/query`, or nothing.
    pub at: &'static str,
}

impl Question {
    /// The last day on which an invoice that is meant was to be paid.
    fn due_by(&self, today: NaiveDate) -> Result<Option<NaiveDate>> {
        let Some(days) = self.min_days else { return Ok(None) };
        let wrong = || Error::invalid(format!("{}/minDays", self.at), "OUT_OF_RANGE", "Expected 0 to 36,500 days.");
        let days = u64::try_from(days).ok().filter(|days| *days <= 36_500).ok_or_else(wrong)?;
        today.checked_sub_days(Days::new(days)).map(Some).ok_or_else(wrong)
    }

    fn limit(&self) -> Result<i64> {
        let wrong = || Error::invalid(format!("{}/limit", self.at), "OUT_OF_RANGE", "Expected 1 to 500.");
        Some(self.limit.unwrap_or(PAGE)).filter(|limit| (1..=MAX_PAGE).contains(limit)).ok_or_else(wrong)
    }

    /// ` FROM … WHERE …`: the invoices that are meant, and that the actor may read, with the next reminder of each as `n` where
    /// that is told or asked for.
    fn open(&self, cx: &Cx, with_next: bool, out: &mut Statement) -> Result<()> {
        let entry = cx.entry(Invoice::NAME)?;
        let scope = cx.require(entry, Action::Read)?;
        out.sql(" FROM invoices t");
        if with_next || self.to_remind {
            out.sql(" LEFT JOIN LATERAL (SELECT s.id, s.name, s.channel, t.due_on + s.after_days AS day FROM reminder_steps s WHERE s.tenant_id = t.tenant_id AND s.archived_at IS NULL AND s.after_days > ");
            out.sql(TAKEN).sql(" ORDER BY s.after_days LIMIT 1) n ON TRUE");
        }
        out.sql(" WHERE t.tenant_id = ")
            .bind(Bind::Uuid(Some(cx.tenant)))
            .sql(" AND t.archived_at IS NULL AND t.status = 'OPEN'");
        if let Some(account) = self.account {
            out.sql(" AND t.account_id = ").bind(Bind::Uuid(Some(account)));
        }
        if let Some(day) = self.due_by(cx.today())? {
            out.sql(" AND t.due_on <= ").bind(Bind::Date(Some(day)));
        }
        if self.to_remind {
            out.sql(" AND n.day <= ").bind(Bind::Date(Some(cx.today())));
        }
        Condition::new(cx, false).scope(entry, "t", scope, out);
        Ok(())
    }
}

type Sql = (
    (st::Uuid, st::Text, st::Uuid, st::Date, st::Numeric, st::Text, st::Nullable<st::Timestamptz>),
    (st::Nullable<st::Uuid>, st::Nullable<st::Text>, st::Nullable<st::Text>, st::Nullable<st::Date>),
);
type Owed = (Uuid, String, Uuid, NaiveDate, Decimal, String, Option<DateTime<Utc>>);
type Next = (Option<Uuid>, Option<String>, Option<String>, Option<NaiveDate>);

/// A page of what is open, longest overdue first, and the sums of all that is meant, currency by currency.
pub fn receivables(conn: &mut PgConnection, cx: &Cx, question: &Question) -> Result<Value> {
    cx.require(cx.entry(ReminderStep::NAME)?, Action::Read)?;
    let (today, limit) = (cx.today(), question.limit()?);
    let entry = cx.entry(Invoice::NAME)?;
    if let Some(after) = question.after
        && !store::exists(conn, cx, entry, after, Action::Read)?
    {
        let detail = "after points to nothing that you can see.";
        return Err(Error::invalid(format!("{}/after", question.at), "UNKNOWN_REFERENCE", detail));
    }
    let mut out = Statement::new(
        "SELECT t.balance_currency, count(*), sum(t.balance_amount), count(*) FILTER (WHERE t.due_on < ",
    );
    out.bind(Bind::Date(Some(today))).sql("), coalesce(sum(t.balance_amount) FILTER (WHERE t.due_on < ");
    out.bind(Bind::Date(Some(today))).sql("), 0)");
    question.open(cx, false, &mut out)?;
    out.sql(" GROUP BY 1 ORDER BY 1");
    type Sums = (st::Text, st::BigInt, st::Numeric, st::BigInt, st::Numeric);
    let sums: Vec<(String, i64, Decimal, i64, Decimal)> = RunQueryDsl::load(out.typed::<Sums>(), conn)?;
    let total = |(currency, count, open, late, overdue): (String, i64, Decimal, i64, Decimal)| {
        json!({
            "currency": currency, "invoices": count, "balance": open.normalize().to_string(),
            "overdueInvoices": late, "overdueBalance": overdue.normalize().to_string(),
        })
    };

    let mut out = Statement::new(
        "SELECT t.id, t.number, t.account_id, t.due_on, t.balance_amount, t.balance_currency, t.reminded_at, n.id, n.name, n.channel, n.day",
    );
    question.open(cx, true, &mut out)?;
    if let Some(after) = question.after {
        out.sql(" AND (t.due_on, t.id) > (SELECT p.due_on, p.id FROM invoices p WHERE p.tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND p.id = ").bind(Bind::Uuid(Some(after))).sql(")");
    }
    out.sql(" ORDER BY t.due_on, t.id LIMIT ").bind(Bind::BigInt(Some(limit + 1)));
    let mut found: Vec<(Owed, Next)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let limit = usize::try_from(limit).map_err(Error::internal)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    Ok(json!({
        "asOf": today,
        "totals": sums.into_iter().map(total).collect::<Vec<_>>(),
        "rows": found.into_iter().map(|found| row(today, found)).collect::<Vec<_>>(),
        "hasMore": has_more,
    }))
}

fn row(today: NaiveDate, (owed, next): (Owed, Next)) -> Value {
    let (id, number, account, due, balance, currency, reminded) = owed;
    let step = match next {
        (Some(id), name, channel, Some(day)) => {
            json!({"stepId": id, "name": name, "channel": channel, "dueOn": day, "isDue": day <= today})
        }
        _ => Value::Null,
    };
    json!({
        "invoiceId": id, "number": number, "accountId": account, "dueOn": due, "overdueDays": (today - due).num_days().max(0),
        "balance": balance.normalize().to_string(), "currency": currency, "remindedAt": reminded, "nextReminder": step,
    })
}
