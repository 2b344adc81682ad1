//! What happens to a quote. Each step locks it, so that of many who accept at once one makes the order.

use crate::quote::{Quote, QuoteStatus};
use crate::quote_line::QuoteLine;
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::verbs;
use kith_kernel::{Act, Action, Command, Cx, Error, Input, Nothing, Result, Row, Shape};
use kith_macros::input;
use serde_json::{Value, json};
use uuid::Uuid;

/// What an accepted quote becomes. Commerce owns them; they are made through the catalogue, under commerce's own rules.
const ORDERS: &str = "orders";
const ORDER_LINES: &str = "order-lines";

fn may(cx: &Cx) -> Result<()> {
    cx.require(cx.entry(Quote::NAME)?, Action::Update).map(drop)
}

fn may_revise(cx: &Cx) -> Result<()> {
    may(cx)?;
    cx.require(cx.entry(Quote::NAME)?, Action::Create).map(drop)
}

fn may_accept(cx: &Cx) -> Result<()> {
    may(cx)?;
    cx.require(cx.entry(ORDERS)?, Action::Create).map(drop)
}

/// The verbs.
pub(crate) fn commands() -> Vec<Command> {
    fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
        Command::new(name, doc, may, run)
    }
    vec![
        one("send", "Marks a DRAFT as sent. It needs lines, and a validUntil that is not past.", send),
        Command::new(
            "accept",
            "Accepts a SENT quote that is still valid, and makes an order in DRAFT with the same lines and sums, in one transaction. It needs the right orders:CREATE.",
            may_accept,
            accept,
        ),
        one("reject", "Notes that the customer does not want a SENT quote.", reject),
        one("expire", "Notes that nobody took a SENT quote in time: its validUntil is past.", expire),
        Command::new(
            "revise",
            "Makes the next revision of a quote that is SENT, REJECTED or EXPIRED, as a DRAFT with the same lines, and answers with that. The old one is SUPERSEDED.",
            may_revise,
            revise,
        ),
    ]
}

impl QuoteStatus {
    /// The verbs that are legal here.
    fn legal(self) -> &'static [&'static str] {
        match self {
            QuoteStatus::Draft => &["send"],
            QuoteStatus::Sent => &["accept", "reject", "expire", "revise"],
            QuoteStatus::Rejected | QuoteStatus::Expired => &["revise"],
            QuoteStatus::Accepted | QuoteStatus::Superseded => &[],
        }
    }
}

/// A step that is not legal, with those that are.
pub(crate) fn illegal(quote: &Quote, why: &str) -> Error {
    let legal = quote.status.legal();
    let now = match legal {
        [] => "nothing more can be done with it".to_owned(),
        legal => format!("legal now: {}", legal.join(", ")),
    };
    Error::illegal(format!("{why}. It is {}; {now}.", quote.status.as_str()), legal)
}

impl Quote {
    /// Goes on to `status`, if that is legal by `verb`.
    fn go(&mut self, cx: &Cx, verb: &str, status: QuoteStatus) -> Result<()> {
        if self.meta.archived_at.is_some() || !self.status.legal().contains(&verb) {
            return Err(illegal(self, &format!("The quote cannot {verb}")));
        }
        self.status = status;
        let at = if status == QuoteStatus::Sent { &mut self.sent_at } else { &mut self.decided_at };
        *at = Some(cx.now);
        Ok(())
    }

    fn is_over(&self, cx: &Cx) -> bool {
        self.valid_until.is_some_and(|until| until < cx.today())
    }
}

fn send(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "sent", |conn, quote: &mut Quote| {
        quote.go(cx, "send", QuoteStatus::Sent)?;
        if quote.is_over(cx) {
            return Err(Error::invalid("/validUntil", "OUT_OF_RANGE", "This day is past."));
        }
        match QuoteLine::of_quote(conn, cx, quote.id())?.is_empty() {
            true => Err(Error::illegal("A quote needs lines before it is sent.", &[])),
            false => Ok(()),
        }
    })
}

/// How a quote is accepted.
#[input]
pub struct Accept {
    /// The number of the order; the next free one unless given.
    #[field(max = 64)]
    pub order_number: Option<String>,
    /// When it was ordered; now unless given.
    pub ordered_at: Option<DateTime<Utc>>,
}

fn accept(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Accept) -> Result<Box<dyn Row>> {
    let row = verbs::change(conn, cx, id, seen, "accepted", |_, quote: &mut Quote| {
        if quote.status == QuoteStatus::Sent && quote.is_over(cx) {
            let until = quote.valid_until.unwrap_or_default();
            return Err(Error::illegal(format!("The quote was valid until {until}."), &["expire", "revise", "reject"]));
        }
        quote.go(cx, "accept", QuoteStatus::Accepted)?;
        let detail = "An order needs an account. Revise the quote, and give it one.";
        quote.account_id.map(drop).ok_or_else(|| Error::illegal(detail, &["revise"]))
    })?;
    let Some(quote) = row.any().downcast_ref::<Quote>() else { return Err(Error::internal("not a quote")) };
    order(conn, cx, quote, &input)?;
    Ok(row)
}

/// Makes the order of an accepted quote: by whoever accepts it, under their right to make orders.
fn order(conn: &mut PgConnection, cx: &Cx, quote: &Quote, input: &Accept) -> Result<()> {
    let mut body = json!({
        "accountId": quote.account_id.map(|id| id.0), "quoteId": quote.meta.id,
        "currency": quote.currency.code(), "orderedAt": input.ordered_at.unwrap_or(cx.now),
    });
    if let (Some(number), Some(body)) = (&input.order_number, body.as_object_mut()) {
        body.insert("number".into(), json!(number));
    }
    let Value::Object(body) = body else { return Ok(()) };
    let order = verbs::create(conn, cx, cx.entry(ORDERS)?, &body)?;
    let system = cx.as_system();
    for line in QuoteLine::of_quote(conn, cx, quote.id())? {
        let body = json!({
            "orderId": order.meta().id, "productId": line.product_id.map(|id| id.0), "description": line.description,
            "position": line.position, "quantity": line.quantity.to_string(),
            "unitPrice": {"amount": line.unit_price.amount.to_string(), "currency": line.unit_price.currency.code()},
            "discountPercent": line.discount_percent.to_string(), "taxRate": line.tax_rate.to_string(),
        });
        let Value::Object(mut body) = body else { continue };
        body.retain(|_, value| !value.is_null());
        verbs::create(conn, &system, cx.entry(ORDER_LINES)?, &body)?;
    }
    Ok(())
}

fn reject(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "rejected", |_, quote: &mut Quote| quote.go(cx, "reject", QuoteStatus::Rejected))
}

fn expire(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "expired", |_, quote: &mut Quote| {
        if quote.status == QuoteStatus::Sent && !quote.is_over(cx) {
            return Err(Error::illegal("The quote is still valid.", &["accept", "reject", "revise"]));
        }
        quote.go(cx, "expire", QuoteStatus::Expired)
    })
}

/// What the new revision begins with.
#[input]
pub struct Revise {
    /// The last day on which it can be accepted; that of the old one unless given, if that is not past.
    pub valid_until: Option<NaiveDate>,
}

fn revise(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Revise) -> Result<Box<dyn Row>> {
    let old = verbs::change(conn, cx, id, seen, "superseded", |_, quote: &mut Quote| {
        quote.go(cx, "revise", QuoteStatus::Superseded)
    })?;
    let Some(old) = old.any().downcast_ref::<Quote>() else { return Err(Error::internal("not a quote")) };
    let until = input.valid_until.or(old.valid_until.filter(|_| !old.is_over(cx)));
    let made = verbs::make(conn, cx, |quote: &mut Quote| {
        *quote = Quote {
            meta: quote.meta.clone(),
            revision: old.revision.saturating_add(1),
            replaces_id: Some(old.id()),
            status: QuoteStatus::Draft,
            valid_until: until,
            sent_at: None,
            decided_at: None,
            ..old.clone()
        };
    })?;
    let system = cx.as_system();
    for line in QuoteLine::of_quote(conn, cx, old.id())? {
        verbs::make(conn, &system, |copy: &mut QuoteLine| {
            *copy = QuoteLine { meta: copy.meta.clone(), quote_id: made.meta().id.into(), ..line };
        })?;
    }
    // As it is now that it has lines.
    kith_journal::store::get(conn, &system, cx.entry(Quote::NAME)?, made.meta().id)
}
