//! What running subscriptions will bring: how long they last is learned from those that have ended and those that still run,
//! by the estimate of Kaplan & Meier (1958), and each is worth its margins times the chance that it still runs then (Gupta,
//! Lehmann & Stuart 2004).

use super::assess::{Base, Judge};
use super::facts::{self, Occasion};
use super::number::{real, shown};
use chrono::{Months, NaiveDate};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::purchase::PAID_UNTIL;
use kith_kernel::{Bind, Cx, Result, Statement};
use kith_statistics::{self as statistics, Tenure};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// With fewer subscriptions nothing is known of how long they last.
const LEAST: usize = 20;
/// Months after which it is taken not to depend on their age any more.
const LONGEST: u32 = 240;
/// Days of a month.
const MONTH: f64 = 30.4375;

/// How long subscriptions last. Empty where too few are known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lasting {
    /// The chance to run for longer than 0, 1, 2, … months.
    survival: Vec<f64>,
    /// The chance to end within a month, all together: it counts where nothing is known of their age.
    ending: f64,
}

impl Lasting {
    /// From all subscriptions that had begun by the end of a day. One that was cancelled is over with its period, whether
    /// or not somebody noted that it ended.
    pub fn learn(conn: &mut PgConnection, cx: &Cx, as_of: NaiveDate) -> Result<Self> {
        let mut out = Statement::new("SELECT s.months, s.ended, count(*) FROM (SELECT round((least(o.over_on, ");
        let last = || Bind::Date(Some(as_of));
        out.bind(last()).sql(format!("::date) - t.started_on) / {MONTH})::integer AS months, coalesce(o.over_on <= "));
        out.bind(last()).sql(", false) AS ended FROM subscriptions t CROSS JOIN LATERAL (SELECT coalesce(t.ended_on, ");
        out.sql("CASE t.status WHEN 'CANCELLED' THEN ").sql(PAID_UNTIL).sql(" END) AS over_on) o WHERE t.tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND t.archived_at IS NULL AND t.status <> 'TRIAL'");
        out.sql(" AND t.started_on <= ").bind(last()).sql(") s GROUP BY s.months, s.ended");
        let rows: Vec<(i32, bool, i64)> = RunQueryDsl::load(out.typed::<(st::Integer, st::Bool, st::BigInt)>(), conn)?;
        let tenures = rows.into_iter().flat_map(|(months, ended, count)| {
            let one = Tenure { time: f64::from(months), ended };
            std::iter::repeat_n(one, usize::try_from(count).unwrap_or(0))
        });
        Ok(Self::of(&tenures.collect::<Vec<_>>()))
    }

    fn of(tenures: &[Tenure]) -> Self {
        let Ok(curve) = statistics::kaplan_meier(tenures) else { return Lasting::default() };
        if tenures.len() < LEAST {
            return Lasting::default();
        }
        let survival = (0..=LONGEST).map_while(|month| curve.at(f64::from(month))).collect();
        let ended: f64 = tenures.iter().map(|tenure| if tenure.ended { 1.0 } else { 0.0 }).sum();
        // One that ended within its first month ran for half of it.
        let run: f64 = tenures.iter().map(|tenure| tenure.time.max(0.5)).sum();
        Lasting { survival, ending: (ended / run).min(1.0) }
    }

    /// The chance that one that has run for some months ends within some more, and the same whatever its age; none where
    /// nothing is known.
    pub fn ends_within(&self, months: u32, more: u32) -> Option<(f64, f64)> {
        let stays = self.chances(months, more).last().copied().filter(|_| !self.survival.is_empty())?;
        let power = i32::try_from(more).unwrap_or(i32::MAX);
        Some((1.0 - stays, 1.0 - (1.0 - self.ending).powi(power)))
    }

    /// For one that has run for some months, the chances that it still runs after 1, 2, … more.
    fn chances(&self, months: u32, more: u32) -> Vec<f64> {
        let at = |month: u32| self.survival.get(usize::try_from(month).ok()?).copied();
        let stays = |month: u32| match (at(month), at(month.saturating_add(1))) {
            (Some(now), Some(then)) if now > 0.0 => then / now,
            _ => 1.0 - self.ending,
        };
        let later = (0..more).map(|month| stays(months.saturating_add(month)));
        later
            .scan(1.0, |alive, stays| {
                *alive *= stays;
                Some(*alive)
            })
            .collect()
    }
}

/// A subscription that has begun, as far as it was known at the end of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The day on which it began, since 1 January 1970.
    pub from: i32,
    /// The first day after it; none: it is to be renewed.
    pub over: Option<i32>,
    /// Months of its period.
    pub period: u32,
    /// What it brings a month; none: in a currency of which no rate is known.
    pub contract: Option<Contract>,
}

impl Agreement {
    /// Whether it runs on a day.
    pub fn runs(&self, day: i32) -> bool {
        self.from <= day && self.over.is_none_or(|over| over > day)
    }
}

/// The months that were paid for, oldest first: from the day on which the first contract began, one on the same day of each
/// month on which one runs of which it is known what it brings. No cost is known of them.
pub fn paid(agreements: &[Agreement], today: i32) -> Vec<Occasion> {
    let Some(first) = agreements.iter().map(|one| one.from).min() else { return Vec::new() };
    let later = |month: u32| facts::day(first).checked_add_months(Months::new(month)).map(facts::number);
    let days = (0..LONGEST).map_while(later).take_while(|day| *day <= today);
    let month = |day: i32| {
        let net = monthly(agreements, day).filter(|net| *net > 0.0)?;
        Some(Occasion { day, net, ..Occasion::default() })
    };
    days.filter_map(month).collect()
}

/// What the contracts that run on a day bring a month, as far as it is known; none: none runs.
pub fn monthly(agreements: &[Agreement], day: i32) -> Option<f64> {
    let mut running = agreements.iter().filter(|one| one.runs(day)).peekable();
    running.peek()?;
    Some(running.filter_map(|one| one.contract).map(|contract| contract.monthly).sum())
}

/// A running subscription in numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contract {
    /// What it brings a month, in the reporting currency.
    pub monthly: f64,
    /// Months that it has run.
    pub months: u32,
}

impl Contract {
    /// Of what it brings a month and the days that it has run.
    pub(super) fn of(monthly: Decimal, days: i32) -> Self {
        let months = (f64::from(days) / MONTH).round().to_u32().unwrap_or(0);
        Contract { monthly: real(monthly), months }
    }
}

/// What a customer's contracts are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreed {
    /// Their margins within the horizon times the chance that they still run then, discounted.
    pub value: f64,
    /// Margin expected within a year.
    pub next_year: f64,
    /// What explains it.
    pub factors: Value,
}

impl Judge<'_> {
    /// What the contracts of a customer are worth; none where there are none, where nothing is known of how long they last, or
    /// where they bring less than half of what it buys, so that they do not tell what it is worth.
    pub fn agreed(&self, base: &Base) -> Option<Agreed> {
        let lasting = &self.borders.contracts;
        let monthly: f64 = base.contracts.iter().map(|contract| contract.monthly).sum();
        let is_most = base.by_contract || 24.0 * monthly >= self.yearly(base);
        if base.contracts.is_empty() || lasting.survival.is_empty() || !is_most {
            return None;
        }
        let (margin, horizon) = (self.margin(base), u32::try_from(self.terms.horizon_months).ok()?);
        let worth = |contract: &Contract, months: u32, discount: f64| {
            let margins = vec![contract.monthly * margin; usize::try_from(months).ok()?];
            let chances = lasting.chances(contract.months, months);
            let alive = |month: u32| chances.get(usize::try_from(month).ok()?.checked_sub(1)?).copied();
            statistics::clv_contract(&margins, |month| alive(month).unwrap_or_default(), discount).ok()
        };
        let all = |months, discount| base.contracts.iter().map(|one| worth(one, months, discount)).sum::<Option<f64>>();
        let oldest = base.contracts.iter().map(|contract| contract.months).max().unwrap_or_default();
        let factors = json!({
            "contracts": base.contracts.len(),
            "monthlyAmount": shown(monthly),
            "monthsOfTheOldest": oldest,
            "chanceThatItRunsAYear": lasting.chances(oldest, 12).last().copied().and_then(shown),
        });
        let discount = real(self.terms.monthly_discount) / 100.0;
        Some(Agreed { value: all(horizon, discount)?, next_year: all(12, 0.0)?, factors })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenures(months: &[(u32, bool)]) -> Vec<Tenure> {
        let ten = months.iter().flat_map(|one| std::iter::repeat_n(*one, 10));
        ten.map(|(months, ended)| Tenure { time: f64::from(months), ended }).collect()
    }

    #[test]
    fn a_contract_stays_as_those_of_its_age_did() {
        // Of forty, ten end after a month and ten of the thirty that go on after two; twenty are in their third.
        let lasting = Lasting::of(&tenures(&[(1, true), (2, true), (3, false), (3, false)]));
        let near = |found: &[f64], wanted: &[f64]| {
            assert_eq!(found.len(), wanted.len());
            assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} is not {wanted:?}");
        };
        near(&lasting.chances(0, 3), &[0.75, 0.5, 0.5]);
        near(&lasting.chances(1, 2), &[2.0 / 3.0, 2.0 / 3.0]);
        // Nothing is known of a fourth month: twenty have ended in ninety months of all.
        near(&lasting.chances(3, 2), &[7.0 / 9.0, 49.0 / 81.0]);
    }

    #[test]
    fn each_month_of_a_contract_is_paid_on_the_day_that_the_first_began() {
        let of = |from, over, contract| Agreement { from, over, period: 1, contract };
        let agreement = |from, over, monthly| of(from, over, Some(Contract { monthly, months: 0 }));
        let sums = |agreements: &[Agreement], today| -> Vec<f64> {
            paid(agreements, today).iter().map(|one| one.net).collect()
        };
        // From 1 January 1970: the first until 20 July, the second from 11 April on.
        let both = [agreement(0, Some(200), 10.0), agreement(100, None, 5.0)];
        let months = [10.0, 10.0, 10.0, 10.0, 15.0, 15.0, 15.0, 5.0, 5.0, 5.0, 5.0, 5.0];
        assert_eq!(sums(&both, 364), months);
        assert_eq!(paid(&both, 364).iter().map(|one| one.day).take(3).collect::<Vec<_>>(), [0, 31, 59]);
        // What was over stays as it was, however long ago that is.
        for today in [45, 60, 70, 80, 1_000] {
            assert_eq!(sums(&[agreement(0, Some(45), 1.0)], today), [1.0, 1.0]);
        }
        assert!(sums(&[], 385).is_empty());
        assert!(
            sums(&[of(0, None, None), agreement(0, None, 0.0)], 385).is_empty(),
            "nobody knows, or it costs nothing"
        );
    }

    #[test]
    fn few_contracts_tell_nothing_and_where_all_ended_the_mean_counts() {
        assert_eq!(Lasting::of(&tenures(&[(3, true)])), Lasting::default());
        let over = Lasting::of(&tenures(&[(1, true), (2, true)]));
        assert_eq!(over.chances(2, 1), [1.0 - 20.0 / 30.0]);
    }
}
