//! Where facts are read from, a statement each.

use super::{Facts, Occasion, Reading, days, number};
use crate::value::contract::{Agreement, Contract};
use crate::value::number::real;
use chrono::NaiveDate;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::Group;
use kith_journal::metric;
use kith_journal::purchase::{PAID_UNTIL, PERIOD_MONTHS};
use kith_kernel::{Bind, Cx, Result, Statement};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::HashMap;
use uuid::Uuid;

/// Days of contacts that tell whether somebody who never bought is interested.
const CONTACT_DAYS: u64 = 90;

/// Whose facts are read, and how.
pub(super) struct Source<'a> {
    pub cx: &'a Cx,
    pub group: &'a Group,
    pub reading: &'a Reading,
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

    /// The margins that are taken of what nobody knows the cost of, where families of products have margins of their own: the
    /// mean of all that a customer ever bought of these, and how much that is. Days know no products.
    pub fn estimates(&self, conn: &mut PgConnection) -> Result<HashMap<Uuid, (Decimal, Decimal)>> {
        let mut out = Statement::new(
            "SELECT t.account_id, sum(t.uncosted * f.default_margin) / sum(t.uncosted), sum(t.uncosted) FROM customer_products t \
             JOIN products p ON p.tenant_id = t.tenant_id AND p.id = t.product_id \
             JOIN product_families f ON f.tenant_id = p.tenant_id AND f.id = p.family_id",
        );
        self.of_group(&mut out);
        out.sql(" AND f.default_margin IS NOT NULL AND t.uncosted > 0 AND t.first_on <= ").bind(self.last());
        // It follows from no row above it, so PostgreSQL asks it once, and looks no further where no family has one.
        out.sql(" AND EXISTS (SELECT FROM product_families WHERE default_margin IS NOT NULL AND tenant_id = ");
        out.bind(Bind::Uuid(Some(self.cx.tenant))).sql(") GROUP BY t.account_id");
        type Sql = (st::Uuid, st::Numeric, st::Numeric);
        let rows: Vec<(Uuid, Decimal, Decimal)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        Ok(rows.into_iter().map(|(account, margin, of_families)| (account, (margin, of_families))).collect())
    }

    /// The days on which they bought, in the order of their key. They are added up here: to have PostgreSQL do it in arrays
    /// and filtered sums takes it more than twice the time.
    pub fn days(
        &self,
        conn: &mut PgConnection,
        facts: &mut [Facts],
        estimates: &HashMap<Uuid, (Decimal, Decimal)>,
    ) -> Result<()> {
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
        for of_one in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
            let Some(one) = of_one.first().and_then(|row| of(facts, row.0.0)) else { continue };
            one.lately = self.reading.lately();
            if let Some((margin, of_families)) = estimates.get(&one.account) {
                let uncosted: Decimal = of_one.iter().map(|(_, (_, _, uncosted, ..), _)| *uncosted).sum();
                // The rest is of other families, or of no product.
                let rest = (uncosted - of_families).max(Decimal::ZERO);
                let all = margin * of_families + self.reading.default_margin * rest;
                one.estimate = Some((all / (of_families + rest)).round_dp(6));
            }
            let estimated = one.estimated(self.reading);
            for &((_, day, orders), (net, cost, uncosted, discounted, booked), (lines, unconverted)) in of_one {
                let margin = net - uncosted - cost + uncosted * estimated;
                if orders > 0 {
                    let [booked, discounted] = [booked, discounted].map(|one| one.to_f32().unwrap_or_default());
                    one.occasions.push(Occasion {
                        day: number(day),
                        net: real(net),
                        margin: real(margin),
                        booked,
                        discounted,
                    });
                }
                one.lifetime_revenue += net;
                one.lifetime_margin += margin;
                one.unconverted += i64::from(unconverted);
                one.unknown_orders += i64::from(unconverted);
                if day > window {
                    one.revenue += net;
                    one.margin += margin;
                    one.window_occasions += i32::from(orders > 0);
                    one.uncosted += uncosted;
                    one.discounted += discounted;
                    one.booked += booked;
                }
                for lately in &mut one.lately {
                    if day > self.reading.as_of - chrono::Days::new(days(lately.days)) {
                        lately.occasions = lately.occasions.saturating_add(u32::from(orders > 0));
                        lately.revenue += real(net);
                        lately.margin += real(margin);
                    }
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
    pub fn touches(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
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
    pub fn costs(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
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
    pub fn needs(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
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

    /// What was being sold to them at the end of the day, each times its own chance, or that of the stage that it stood in.
    pub fn pipeline(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT t.account_id, sum(x.amount * coalesce(t.probability, g.probability) / 100) FROM opportunities t CROSS JOIN (SELECT ",
        );
        out.bind(self.last()).sql("::date AS last, ");
        self.moment(&mut out, self.reading.as_of);
        // The stage that it left after the day is the one that it stood in then.
        out.sql(
            " AS until) w JOIN stages g ON g.tenant_id = t.tenant_id AND g.id = coalesce((SELECT c.from_stage_id FROM stage_changes c \
             WHERE c.tenant_id = t.tenant_id AND c.opportunity_id = t.id AND c.from_stage_id IS NOT NULL AND c.changed_at >= w.until \
             ORDER BY c.changed_at, c.id LIMIT 1), t.stage_id)",
        );
        metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "w.last"], self.cx.currency);
        self.of_group(&mut out);
        out.sql(
            " AND t.archived_at IS NULL AND t.opened_at < w.until AND (t.status = 'OPEN' OR t.closed_at >= w.until)",
        );
        out.sql(" GROUP BY t.account_id");
        let rows: Vec<(Uuid, Option<Decimal>)> = RunQueryDsl::load(out.typed::<(st::Uuid, Amount)>(), conn)?;
        for (account, weighted) in rows {
            if let Some(one) = of(facts, account) {
                (one.pipeline, one.is_prospect) = (weighted.unwrap_or_default(), true);
            }
        }
        Ok(())
    }

    /// Who has the role of one.
    pub fn prospects(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new("SELECT t.account_id FROM account_roles t");
        self.of_group(&mut out);
        out.sql(" AND t.role = 'PROSPECT' AND t.archived_at IS NULL");
        let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
        for (account,) in rows {
            of(facts, account).into_iter().for_each(|one| one.is_prospect = true);
        }
        Ok(())
    }

    /// What those who never bought asked of us by themselves.
    pub fn contacts(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
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
    pub fn contracts(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        let mut out = Statement::new(
            "SELECT t.account_id, x.amount / every.months, every.months, t.started_on, o.over_on, w.last - t.started_on, \
             t.status = 'TRIAL' FROM subscriptions t CROSS JOIN (SELECT ",
        );
        out.bind(self.last()).sql("::date AS last, ");
        self.moment(&mut out, self.reading.as_of);
        out.sql(" AS until) w CROSS JOIN LATERAL (SELECT ").sql(PERIOD_MONTHS).sql(" AS months) every");
        // What was cancelled or ended after the day was to be renewed then.
        out.sql(" CROSS JOIN LATERAL (SELECT CASE WHEN t.ended_on <= w.last THEN t.ended_on WHEN t.status IN ('CANCELLED', 'ENDED') ");
        out.sql("AND t.cancelled_at < w.until THEN coalesce(t.ended_on, ");
        out.sql(PAID_UNTIL).sql(") END AS over_on) o");
        metric::convert(&mut out, ["t.amount_amount", "t.amount_currency", "w.last"], self.cx.currency);
        self.of_group(&mut out);
        out.sql(" AND t.archived_at IS NULL AND t.started_on <= w.last");
        out.sql(" ORDER BY t.account_id, t.started_on, t.id");
        type Row = (Uuid, Option<Decimal>, i32, NaiveDate, Option<NaiveDate>, i32, bool);
        type Sql = (st::Uuid, Amount, st::Integer, st::Date, st::Nullable<st::Date>, st::Integer, st::Bool);
        let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
        for (account, monthly, months, from, over, days, is_trial) in rows {
            let Some(one) = of(facts, account) else { continue };
            if is_trial {
                one.is_trying = true;
                continue;
            }
            // Of who never orders all contracts count, and are counted with their months.
            if monthly.is_none() && over.is_none() && !one.occasions.is_empty() {
                one.unconverted = one.unconverted.saturating_add(1);
            }
            one.agreements.push(Agreement {
                from: number(from),
                over: over.map(number),
                period: u32::try_from(months).unwrap_or(1),
                contract: monthly.map(|monthly| Contract::of(monthly, days)),
            });
        }
        Ok(())
    }

    /// Which families they own.
    pub fn families(&self, conn: &mut PgConnection, facts: &mut [Facts]) -> Result<()> {
        if self.reading.families.is_empty() {
            return Ok(());
        }
        let owned = crate::value::families::owned(self.cx, self.group, self.reading);
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
