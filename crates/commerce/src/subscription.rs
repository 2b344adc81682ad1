//! Subscriptions: what customers pay again and again, until they do not.

use crate::AREA;
use chrono::{DateTime, Months, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::{derived, number, verbs};
use kith_kernel::ids::{AccountId, ProductId, SubscriptionId};
use kith_kernel::{
    Act, Action, Command, Cx, Error, Input, Money, Nothing, Ownership, Relation, Resource, Result, Row, Shape,
    Violations, text_enum,
};
use kith_macros::{input, resource};
use uuid::Uuid;

text_enum! {
    /// Where a subscription stands.
    #[derive(Default)]
    pub enum SubscriptionStatus {
        /// The customer tries it, and does not pay yet.
        Trial = "TRIAL",
        /// It runs.
        #[default]
        Active = "ACTIVE",
        /// It runs, and a payment is missing.
        PastDue = "PAST_DUE",
        /// It is cancelled, and runs to the end of its period.
        Cancelled = "CANCELLED",
        /// It is over.
        Ended = "ENDED",
    }
}

text_enum! {
    /// How long a period of a subscription is.
    #[derive(Default)]
    pub enum Interval {
        /// A month.
        #[default]
        Month = "MONTH",
        /// Three months.
        Quarter = "QUARTER",
        /// A year.
        Year = "YEAR",
    }
}

impl Interval {
    fn months(self) -> u32 {
        match self {
            Interval::Month => 1,
            Interval::Quarter => 3,
            Interval::Year => 12,
        }
    }
}

/// What a customer pays again and again. The verbs `renew`, `cancel` and `end` carry it on; another system may also write where
/// it stands.
#[resource(table = subscriptions, id = SubscriptionId)]
pub struct Subscription {
    /// Its number, unique; the next free one (`S-00000001`) unless given.
    #[field(filter, sort, create_only, default, max = 64, example = "\"S-00000001\"")]
    pub number: String,
    /// Whose it is.
    #[field(filter)]
    pub account_id: AccountId,
    /// What of.
    #[field(filter)]
    pub product_id: Option<ProductId>,
    /// Where it stands; ACTIVE unless given.
    #[field(filter, default)]
    pub status: SubscriptionStatus,
    /// What a period costs, without tax.
    #[field(filter, sort, money)]
    pub amount: Money,
    /// How long a period is.
    #[field(filter)]
    pub interval: Interval,
    /// Its first day.
    #[field(filter, sort, example = "\"2026-01-31\"")]
    pub started_on: NaiveDate,
    /// The first day after the current period: it is renewed then, or ends. One period from startedOn unless given.
    #[field(filter, sort, default, example = "\"2026-02-28\"")]
    pub current_period_end: NaiveDate,
    /// When it was cancelled.
    #[field(filter)]
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The day on which it was over; it is there if and only if status is ENDED.
    #[field(filter, sort)]
    pub ended_on: Option<NaiveDate>,
    /// Why it was cancelled, or ended.
    #[field(filter, max = 500)]
    pub cancel_reason: Option<String>,
}

impl Resource for Subscription {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "SUBSCRIPTION", "Its keys in other systems.")];

    fn commands() -> Vec<Command> {
        fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
            let may = |cx: &Cx| cx.require(cx.entry(Subscription::NAME)?, Action::Update).map(drop);
            Command::new(name, doc, may, run)
        }
        vec![
            one(
                "renew",
                "Carries it on for another period, and makes it ACTIVE. Not once it is cancelled or over.",
                renew,
            ),
            one("cancel", "Notes that it is not to be renewed: it runs to the end of its period.", cancel),
            one("end", "Notes that it is over.", end),
        ]
    }

    fn check(&self, violations: &mut Violations) {
        let good = !self.amount.amount.is_sign_negative();
        violations.ensure(good, "/amount", "OUT_OF_RANGE", "An amount is not negative.");
        let over = self.status == SubscriptionStatus::Ended;
        violations.ensure(
            over == self.ended_on.is_some(),
            "/endedOn",
            "INVALID",
            "It is there if status is ENDED, and only then.",
        );
        let order = self.ended_on.is_none_or(|end| self.started_on <= end);
        violations.ensure(order, "/endedOn", "OUT_OF_RANGE", "It ended before it began.");
        // The beginning of Unix time stands for a day that was not given.
        let given = self.current_period_end != NaiveDate::default();
        let order = !given || self.started_on <= self.current_period_end;
        violations.ensure(order, "/currentPeriodEnd", "OUT_OF_RANGE", "The period ends before it began.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            if self.number.is_empty() {
                self.number = number::next(conn, cx, Self::TABLE, "S")?;
            }
            // The beginning of Unix time stands for a day that was not given.
            if self.current_period_end == NaiveDate::default() {
                self.current_period_end = self.period(1)?;
            }
        }
        let off = matches!(self.status, SubscriptionStatus::Cancelled | SubscriptionStatus::Ended);
        if off && self.cancelled_at.is_none() {
            self.cancelled_at = Some(cx.now);
        }
        if self.status == SubscriptionStatus::Ended && self.ended_on.is_none() {
            self.ended_on = Some(cx.today().max(self.started_on));
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let moved = before.map(|before| before.account_id.0).filter(|before| *before != self.account_id.0);
        derived::touch(conn, cx, &[Some(self.account_id.0), moved].into_iter().flatten().collect::<Vec<_>>())
    }
}

impl Subscription {
    /// The first day after so many periods. They are counted from the first day, so that the 31st comes back after February.
    fn period(&self, count: u32) -> Result<NaiveDate> {
        let months = count.checked_mul(self.interval.months()).map(Months::new);
        let day = months.and_then(|months| self.started_on.checked_add_months(months));
        day.ok_or_else(|| Error::invalid("/startedOn", "OUT_OF_RANGE", "There are no such days."))
    }

    /// The first end of a period after the current one.
    fn next_period_end(&self) -> Result<NaiveDate> {
        let mut count = 1;
        loop {
            let end = self.period(count)?;
            if end > self.current_period_end {
                return Ok(end);
            }
            count += 1;
        }
    }

    fn goes_on(&self, verb: &str, statuses: &[SubscriptionStatus]) -> Result<()> {
        if statuses.contains(&self.status) {
            return Ok(());
        }
        let detail = format!("The subscription is {}: it cannot {verb}.", self.status.as_str());
        Err(Error::illegal(detail, &[]))
    }
}

const RUNS: [SubscriptionStatus; 3] =
    [SubscriptionStatus::Trial, SubscriptionStatus::Active, SubscriptionStatus::PastDue];

fn renew(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "renewed", |_, subscription: &mut Subscription| {
        subscription.goes_on("renew", &RUNS)?;
        subscription.current_period_end = subscription.next_period_end()?;
        subscription.status = SubscriptionStatus::Active;
        Ok(())
    })
}

/// Why it is not to be renewed.
#[input]
pub struct Cancel {
    /// Why.
    #[field(max = 500, example = "\"Too expensive\"")]
    pub reason: Option<String>,
}

fn cancel(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Cancel) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "cancelled", |_, subscription: &mut Subscription| {
        subscription.goes_on("cancel", &RUNS)?;
        subscription.status = SubscriptionStatus::Cancelled;
        subscription.cancelled_at = Some(cx.now);
        subscription.cancel_reason = input.reason;
        Ok(())
    })
}

/// When and why it is over.
#[input]
pub struct End {
    /// The day; today in the tenant's time zone unless given.
    pub on: Option<NaiveDate>,
    /// Why; as it was cancelled unless given.
    #[field(max = 500)]
    pub reason: Option<String>,
}

fn end(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: End) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "ended", |_, subscription: &mut Subscription| {
        subscription.goes_on("end", &[RUNS.as_slice(), &[SubscriptionStatus::Cancelled]].concat())?;
        subscription.status = SubscriptionStatus::Ended;
        subscription.ended_on = input.on;
        subscription.cancel_reason = input.reason.or(subscription.cancel_reason.take());
        Ok(())
    })
}
