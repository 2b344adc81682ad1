//! What is known of each customer up to a day: read from the days on which he bought, and from what serving him cost.
//! Every account is read by the same statements, be it one that was touched or one of a page of all of them.

use super::contract::Contract;
use super::number::real;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::Group;
use kith_journal::metric;
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
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

/// Days of contacts that tell whether somebody who never bought is interested.
const CONTACT_DAYS: u64 = 90;

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
}

/// A day on which a customer bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occasion {
    /// Days since 1 January 1970.
    pub day: i32,
    /// What is left of it after refunds.
    pub net: f64,
    /// That less its cost.
    pub margin: f64,
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
    /// Of the whole time.
    pub lifetime_revenue: Decimal,
    /// Of the whole time.
    pub lifetime_margin: Decimal,
    /// Part of the window's revenue whose cost nobody knows.
    pub uncosted: Decimal,
    /// Part of the window's bookings that was bought at a discount.
    pub discounted: Decimal,
    /// The window's bookings before refunds.
    pub booked: Decimal,
    /// What he ordered within 365 days.
    pub year: Year,
    /// Orders, refunds and costs without an exchange rate.
    pub unconverted: i64,
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
    /// What is paid for running subscriptions.
    pub contracts: Vec<Contract>,
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
    source.days(conn, facts)?;
    source.touches(conn, facts)?;
    source.costs(conn, facts)?;
    source.needs(conn, facts)?;
    source.pipeline(conn, facts)?;
    source.prospects(conn, facts)?;
    source.contacts(conn, facts)?;
    source.contracts(conn, facts)?;
    source.families(conn, facts)
}

/// Whose facts are read, and how.
struct Source<'a> {
    cx: &'a Cx,
    group: &'a Group,
    reading: &'a Reading,
}

type Amount = st::Nullable<st::Numeric>;

impl Source<'_> {
    fn before(&self) -> NaiveDate {
        self.reading.as_of - chrono::Days::new(days(self.reading.window_days))
    }

    /// What is there of the tenant and of the group, by `t`.
    fn of_group(&self, out: &mut Statement) {
        out.sql(" WHERE t.tenant_id = ").bind(Bind::Uuid(Some(self.cx.tenant))).sql(" AND ");
        self.group.limit(out, "t.account_id");
    }

    fn last(&self) -> Bind {
        Bind::Date(Some(self.reading.as_of))
    }

    /// The first moment of the day after one.
    fn moment(&self, out: &mut Statement, day: NaiveDate) {
        out.sql("(").bind(Bind::Date(Some(day))).sql("::date + 1)::timestamp AT TIME ZONE ");
        out.bind(Bind::Text(Some(self.reading.zone.clone())));
    }

    /// The days on which they bought, in the order of their key. They are added up here: to have PostgreSQL do it in arrays
    /// and filtered sums takes it more than twice the time.
    fn days(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT t.account_id, t.day, t.orders, t.net, t.cost, t.uncosted, t.discounted, t.booked, t.lines, \
             t.unconverted FROM customer_days t",
        );
        self.of_group(&mut out);
        out.sql(" AND t.day <= ").bind(self.last()).sql(" ORDER BY t.account_id, t.day");
        type Row = ((Uuid, NaiveDate, i32), (Decimal, Decimal, Decimal, Decimal, Decimal), (i32, i32));
        type Sql = (
            (st::Uuid, st::Date, st::Integer),
            (st::Numeric, st::Numeric, st::Numeric, st::Numeric, st::Numeric),
            (st::Integer, st::Integer),
        );
        let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        let (window, year) = (self.before(), self.reading.as_of - chrono::Days::new(365));
        let estimated = self.reading.default_margin / Decimal::ONE_HUNDRED;
        for of_one in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
            let Some(one) = of_one.first().and_then(|row| of(facts, row.0.0)) else { continue };
            for &((_, day, orders), (net, cost, uncosted, discounted, booked), (lines, unconverted)) in of_one {
                let margin = net - uncosted - cost + uncosted * estimated;
                if orders > 0 {
                    one.occasions.push(Occasion { day: number(day), net: real(net), margin: real(margin) });
                }
                one.lifetime_revenue += net;
                one.lifetime_margin += margin;
                one.unconverted += i64::from(unconverted);
                if day > window {
                    one.revenue += net;
                    one.margin += margin;
                    one.window_occasions += i32::from(orders > 0);
                    one.uncosted += uncosted;
                    one.discounted += discounted;
                    one.booked += booked;
                }
                if day > year {
                    one.year.lines += i64::from(lines);
                    one.year.booked += booked;
                    one.year.discounted += discounted;
                }
            }
        }
        Ok(())
    }

    /// What touches cost by the rates of their channels.
    fn touches(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT t.account_id, sum(r.per_touch_amount + r.per_minute_amount * coalesce(t.duration_seconds, 0) / 60) \
             FROM interactions t JOIN cost_rates r ON r.tenant_id = t.tenant_id AND r.channel = t.channel AND r.archived_at IS NULL",
        );
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.occurred_at >= ");
        self.moment(&mut out, self.before());
        out.sql(" AND t.occurred_at < ");
        self.moment(&mut out, self.reading.as_of);
        out.sql(" GROUP BY t.account_id");
        let rows: Vec<(Uuid, Option<Decimal>)> = RunQueryDsl::load(out.typed::<(st::Uuid, Amount)>(), conn)?;
        for (account, cost) in rows {
            of(facts, account).into_iter().for_each(|one| one.cost_to_serve += cost.unwrap_or_default());
        }
        Ok(())
    }

    /// What somebody entered that they cost.
    fn costs(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out =
            Statement::new("SELECT t.account_id, sum(x.amount) FILTER (WHERE t.kind <> 'ACQUIRE' AND t.incurred_on > ");
        out.bind(Bind::Date(Some(self.before())));
        out.sql("), sum(x.amount) FILTER (WHERE t.kind = 'ACQUIRE'), count(*) FILTER (WHERE x.amount IS NULL) FROM cost_entries t");
        metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "t.incurred_on"], self.cx.currency);
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.incurred_on <= ").bind(self.last()).sql(" GROUP BY t.account_id");
        type Row = (Uuid, Option<Decimal>, Option<Decimal>, i64);
        let rows: Vec<Row> = RunQueryDsl::load(out.typed::<(st::Uuid, Amount, Amount, st::BigInt)>(), conn)?;
        for (account, serve, acquire, unknown) in rows {
            if let Some(one) = of(facts, account) {
                one.cost_to_serve += serve.unwrap_or_default();
                one.acquisition_cost = acquire.unwrap_or_default();
                one.unconverted = one.unconverted.saturating_add(unknown);
            }
        }
        Ok(())
    }

    /// What they need a year, by the best source of the last year.
    fn needs(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT DISTINCT ON (t.account_id) t.account_id, t.amount_amount, t.source FROM wallet_estimates t",
        );
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.estimated_on <= ").bind(self.last());
        out.sql(" AND t.estimated_on > ").bind(self.last());
        out.sql(
            "::date - 365 ORDER BY t.account_id, t.source = 'EXPERT', t.source = 'SURVEY', t.estimated_on DESC, t.id DESC",
        );
        let rows: Vec<(Uuid, Decimal, String)> =
            RunQueryDsl::load(out.typed::<(st::Uuid, st::Numeric, st::Text)>(), conn)?;
        for (account, amount, source) in rows {
            of(facts, account).into_iter().for_each(|one| one.wallet = Some((amount, source.clone())));
        }
        Ok(())
    }

    /// What is being sold to them.
    fn pipeline(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT t.account_id, sum(x.amount * t.probability / 100) FROM opportunities t CROSS JOIN (SELECT ",
        );
        out.bind(self.last()).sql("::date AS last) w");
        metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "w.last"], self.cx.currency);
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.status = 'OPEN' GROUP BY t.account_id");
        let rows: Vec<(Uuid, Option<Decimal>)> = RunQueryDsl::load(out.typed::<(st::Uuid, Amount)>(), conn)?;
        for (account, weighted) in rows {
            if let Some(one) = of(facts, account) {
                (one.pipeline, one.is_prospect) = (weighted.unwrap_or_default(), true);
            }
        }
        Ok(())
    }

    /// Who has the role of one.
    fn prospects(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new("SELECT t.account_id FROM account_roles t");
        self.of_group(&mut out);
        out.sql(" AND t.role = 'PROSPECT' AND t.archived_at IS NULL");
        let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
        for (account,) in rows {
            of(facts, account).into_iter().for_each(|one| one.is_prospect = true);
        }
        Ok(())
    }
}

impl Source<'_> {
    /// What those who never bought asked of us by themselves.
    fn contacts(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        if facts.iter().all(|one| !one.occasions.is_empty()) {
            return Ok(());
        }
        let mut out = Statement::new("SELECT t.account_id, count(*) FROM interactions t");
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.direction = 'INBOUND' AND t.occurred_at >= ");
        self.moment(&mut out, self.reading.as_of - chrono::Days::new(CONTACT_DAYS));
        out.sql(" AND t.occurred_at < ");
        self.moment(&mut out, self.reading.as_of);
        out.sql(" GROUP BY t.account_id");
        let rows: Vec<(Uuid, i64)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::BigInt)>(), conn)?;
        for (account, contacts) in rows {
            if let Some(one) = of(facts, account).filter(|one| one.occasions.is_empty()) {
                one.contacts = u32::try_from(contacts).unwrap_or(u32::MAX);
            }
        }
        Ok(())
    }

    /// What they pay for, again and again.
    fn contracts(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT t.account_id, x.amount / CASE t.interval WHEN 'YEAR' THEN 12 WHEN 'QUARTER' THEN 3 ELSE 1 END, \
             w.last - t.started_on FROM subscriptions t CROSS JOIN (SELECT ",
        );
        out.bind(self.last()).sql("::date AS last) w");
        metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "w.last"], self.cx.currency);
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.status <> 'TRIAL' AND t.started_on <= w.last");
        out.sql(" AND (t.ended_on IS NULL OR t.ended_on > w.last) AND (t.cancelled_at IS NULL OR t.cancelled_at >= ");
        self.moment(&mut out, self.reading.as_of);
        out.sql(") ORDER BY t.account_id, t.started_on, t.id");
        let rows: Vec<(Uuid, Option<Decimal>, i32)> =
            RunQueryDsl::load(out.typed::<(st::Uuid, Amount, st::Integer)>(), conn)?;
        for (account, monthly, days) in rows {
            let Some(one) = of(facts, account) else { continue };
            match monthly {
                Some(monthly) => one.contracts.push(Contract::of(monthly, days)),
                None => one.unconverted = one.unconverted.saturating_add(1),
            }
        }
        Ok(())
    }

    /// Which families they own.
    fn families(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        if self.reading.families.is_empty() {
            return Ok(());
        }
        let owned = super::families::owned(self.cx, self.group, self.reading);
        let rows: Vec<(Uuid, i64)> = RunQueryDsl::load(owned.typed::<(st::Uuid, st::BigInt)>(), conn)?;
        for (account, owned) in rows {
            of(facts, account).into_iter().for_each(|one| one.owned = owned.cast_unsigned());
        }
        Ok(())
    }
}

/// The one of an account.
fn of(facts: &mut [Facts], account: Uuid) -> Option<&mut Facts> {
    let at = facts.binary_search_by_key(&account, |one| one.account).ok()?;
    facts.get_mut(at)
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
