//! What is known of each customer up to a day: read from the days on which he bought, and from what serving him cost.
//! Every account is read by the same statements, be it one that was touched or one of a page of all of them.

mod source;

use super::contract::{self, Agreement};
use super::number::{decimal, real};
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::Group;
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use source::Source;
use uuid::Uuid;

/// Which accounts are read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those with ids beyond this one, in the order of their ids, at most so many.
    After(Uuid, usize),
    /// These.
    These(&'a [Uuid]),
}

/// Accounts that are usually read at once.
pub const PAGE: usize = 10_000;

/// How they are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The last day that counts.
    pub as_of: NaiveDate,
    /// Days of the window, which ends with that day.
    pub window_days: i32,
    /// Margin in per cent where no cost is known.
    pub default_margin: Decimal,
    /// The time zone in which days are cut.
    pub zone: String,
    /// The families of products that are looked for, at most 64.
    pub families: Vec<Uuid>,
    /// Windows that indicators have of their own, in days.
    pub windows: Vec<i32>,
}

impl Reading {
    /// Nothing yet in each of those windows.
    fn lately(&self) -> Vec<Lately> {
        self.windows.iter().map(|days| Lately { days: *days, ..Lately::default() }).collect()
    }
}

/// What was bought in a window that an indicator has of its own, in the reporting currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lately {
    /// Days of the window.
    pub days: i32,
    /// Days with a purchase.
    pub occasions: u32,
    /// Net revenue.
    pub revenue: f64,
    /// That less its cost.
    pub margin: f64,
}

/// A day on which a customer bought.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Occasion {
    /// Days since 1 January 1970.
    pub day: i32,
    /// What is left of it after refunds.
    pub net: f64,
    /// That less its cost.
    pub margin: f64,
    /// What was booked, before refunds.
    pub booked: f32,
    /// The part of it that was bought at a discount.
    pub discounted: f32,
}

/// What was ordered within 365 days, in the reporting currency, before refunds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Year {
    /// Order lines.
    pub lines: i64,
    /// What was booked.
    pub booked: Decimal,
    /// The part of it that was bought at a discount.
    pub discounted: Decimal,
}

/// What is known of one account. Amounts are in the reporting currency.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The account.
    pub account: Uuid,
    /// Its industry; empty if it is not known.
    pub industry: String,
    /// Its size band, likewise.
    pub size: String,
    /// When he bought, oldest first.
    pub occasions: Vec<Occasion>,
    /// Net revenue of the window.
    pub revenue: Decimal,
    /// Margin of the window.
    pub margin: Decimal,
    /// Occasions of the window.
    pub window_occasions: i32,
    /// The same of the other windows of the reading, in their order.
    pub lately: Vec<Lately>,
    /// Of the whole time.
    pub lifetime_revenue: Decimal,
    /// Of the whole time.
    pub lifetime_margin: Decimal,
    /// Part of the window's revenue whose cost nobody knows.
    pub uncosted: Decimal,
    /// The margin in per cent that is taken where no cost is known; none: the one of the reading.
    pub estimate: Option<Decimal>,
    /// Part of the window's bookings that was bought at a discount.
    pub discounted: Decimal,
    /// The window's bookings before refunds.
    pub booked: Decimal,
    /// What he ordered within 365 days.
    pub year: Year,
    /// Orders, refunds, costs and contracts without an exchange rate.
    pub unconverted: i64,
    /// Orders and refunds among them.
    pub unknown_orders: i64,
    /// What serving and keeping him cost in the window.
    pub cost_to_serve: Decimal,
    /// What winning him cost.
    pub acquisition_cost: Decimal,
    /// What he needs a year, as somebody said, and who.
    pub wallet: Option<(Decimal, String)>,
    /// Open opportunities, each times its chance.
    pub pipeline: Decimal,
    /// Somebody is trying to sell to him.
    pub is_prospect: bool,
    /// Contacts of the last 90 days that he began, if he never bought.
    pub contacts: u32,
    /// Which of the families of the reading he owns: the first is the lowest bit.
    pub owned: u64,
    /// What was and is paid again and again.
    pub agreements: Vec<Agreement>,
    /// He tries something that is paid again and again.
    pub is_trying: bool,
    /// The months of that that he paid for, if he never ordered anything beside it: no order tells of them, so they are what
    /// he bought. Who orders, too, has them among his orders, or they are not counted.
    pub paid: Vec<Occasion>,
    /// What they brought in the window.
    pub subscribed: Decimal,
}

impl Facts {
    /// What he bought: his orders, or the months that he paid for.
    pub fn bought(&self) -> &[Occasion] {
        if self.occasions.is_empty() { &self.paid } else { &self.occasions }
    }

    /// The day on which he began to buy, or to pay by contract.
    pub fn began(&self) -> Option<i32> {
        let first = self.bought().first()?.day;
        let contract = self.agreements.iter().map(|one| one.from).min().filter(|_| self.occasions.is_empty());
        Some(contract.unwrap_or(first))
    }

    /// The margin that is taken where no cost is known, as a share.
    pub fn estimated(&self, reading: &Reading) -> Decimal {
        self.estimate.unwrap_or(reading.default_margin) / Decimal::ONE_HUNDRED
    }

    /// Contracts of which no exchange rate is known.
    pub fn unpriced(&self) -> i64 {
        let unknown = self.agreements.iter().filter(|one| one.contract.is_none()).count();
        i64::try_from(unknown).unwrap_or(i64::MAX)
    }

    /// Whether he bought something of which nobody knows what it is worth here.
    pub fn bought_unknown(&self) -> bool {
        self.unknown_orders > 0 || self.unpriced() > 0
    }

    /// Books the months that he paid for, if they are all that he bought.
    fn book(&mut self, reading: &Reading) {
        if !self.occasions.is_empty() || self.agreements.is_empty() {
            return;
        }
        let today = number(reading.as_of);
        let estimated = self.estimated(reading);
        self.unconverted = self.unconverted.saturating_add(self.unpriced());
        self.paid = contract::paid(&self.agreements, today);
        self.lately = reading.lately();
        for month in &mut self.paid {
            month.margin = month.net * real(estimated);
            let net = decimal(month.net).unwrap_or_default();
            self.lifetime_revenue += net;
            self.lifetime_margin += net * estimated;
            if month.day > today.saturating_sub(reading.window_days) {
                self.window_occasions += 1;
                self.subscribed += net;
            }
            for lately in self.lately.iter_mut().filter(|lately| month.day > today.saturating_sub(lately.days)) {
                lately.occasions += 1;
                lately.revenue += month.net;
                lately.margin += month.margin;
            }
        }
        self.revenue += self.subscribed;
        self.margin += self.subscribed * estimated;
        self.uncosted += self.subscribed;
    }
}

/// Some accounts and what is known of them, in the order of their ids. Archived accounts are left out.
#[derive(Debug)]
pub struct Page {
    /// Which they are.
    pub group: Group,
    /// One of each.
    pub facts: Vec<Facts>,
}

/// Reads them.
pub fn read(conn: &mut PgConnection, cx: &Cx, which: Which<'_>, reading: &Reading) -> Result<Page> {
    let mut page = accounts(conn, cx, which)?;
    fill(conn, cx, &mut page, reading)?;
    Ok(page)
}

/// Which accounts there are; nothing else is known of them yet.
pub fn accounts(conn: &mut PgConnection, cx: &Cx, which: Which<'_>) -> Result<Page> {
    let mut out = Statement::new(
        "SELECT a.id, coalesce(a.industry, ''), coalesce(a.size_band, '') FROM accounts a WHERE a.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND a.archived_at IS NULL AND a.id ");
    match which {
        Which::After(id, most) => out.sql("> ").bind(Bind::Uuid(Some(id))).sql(format!(" ORDER BY a.id LIMIT {most}")),
        Which::These(ids) => out.sql("= ANY(").bind(Bind::Uuids(ids.to_vec())).sql(") ORDER BY a.id"),
    };
    let rows: Vec<(Uuid, String, String)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text, st::Text)>(), conn)?;
    let one = |(account, industry, size)| Facts { account, industry, size, ..Facts::default() };
    let facts: Vec<Facts> = rows.into_iter().map(one).collect();
    let group = match (which, facts.last()) {
        (Which::After(after, _), Some(last)) => Group::Between(after, last.account),
        (Which::After(after, _), None) => Group::Between(after, after),
        (Which::These(ids), _) => Group::These(ids.to_vec()),
    };
    Ok(Page { group, facts })
}

/// Reads what is known of them, a statement for each source: sources that have nothing to say of most accounts cost next to
/// nothing then, and nothing depends on what the planner believes of tables that are growing fast.
pub fn fill(conn: &mut PgConnection, cx: &Cx, page: &mut Page, reading: &Reading) -> Result<()> {
    let source = Source { cx, group: &page.group, reading };
    let facts = &mut page.facts;
    if facts.is_empty() {
        return Ok(());
    }
    let estimates = source.estimates(conn)?;
    source.days(conn, facts, &estimates)?;
    source.touches(conn, facts)?;
    source.costs(conn, facts)?;
    source.needs(conn, facts)?;
    source.pipeline(conn, facts)?;
    source.prospects(conn, facts)?;
    source.contacts(conn, facts)?;
    source.contracts(conn, facts)?;
    facts.iter_mut().for_each(|one| one.book(reading));
    source.families(conn, facts)
}

/// A number of days that is not negative.
pub(super) fn days(count: i32) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The number of a day.
pub fn number(day: NaiveDate) -> i32 {
    i32::try_from((day - NaiveDate::default()).num_days()).unwrap_or(i32::MAX)
}

/// The day of a number.
pub fn day(number: i32) -> NaiveDate {
    let days = chrono::TimeDelta::days(i64::from(number));
    NaiveDate::default().checked_add_signed(days).unwrap_or(NaiveDate::MAX)
}
