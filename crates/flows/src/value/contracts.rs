//! Customers by contract, as the rules of relationships take them: who never ordered anything beside contracts buys once a
//! month for as long as one runs, and is at the risk that none is renewed. What he is worth counts the same months from their
//! first on; stages compare the last ones, so here they are counted back from today.

use kith_lifecycle::rules::{Contract, DAYS_PER_MONTH};
use kith_loyalty::value::contract::{Agreement, Lasting, monthly};
use kith_loyalty::value::facts::{self, Facts, Occasion};
use std::borrow::Cow;

/// Months of contracts that count.
const MONTHS: i32 = 240;

/// What a customer bought: his orders, or, if he never ordered anything, the months in which a contract ran. They are counted
/// back from today, so that each is one of the months that margins are added up by.
pub(super) fn bought(facts: &Facts, today: i32) -> Cow<'_, [Occasion]> {
    let first = facts.agreements.iter().map(|one| one.from).min();
    let Some(first) = first.filter(|_| facts.occasions.is_empty()) else { return Cow::Borrowed(&facts.occasions) };
    let days = (0..MONTHS).map(|month| today.saturating_sub(days(month))).take_while(|day| *day >= first);
    let mut months: Vec<Occasion> = days.filter_map(|day| month(&facts.agreements, day)).collect();
    if months.is_empty() {
        // It was over before its first month was.
        months.extend(month(&facts.agreements, first));
    }
    months.reverse();
    Cow::Owned(months)
}

fn days(month: i32) -> i32 {
    super::relationship::whole(f64::from(month) * DAYS_PER_MONTH)
}

/// A month in which contracts ran. No cost is known of them, and stages compare a customer with himself.
fn month(agreements: &[Agreement], day: i32) -> Option<Occasion> {
    monthly(agreements, day).map(|net| Occasion { day, net, margin: net, ..Occasion::default() })
}

/// What the rules know of his contracts; none: there never was one.
pub(super) fn contract(facts: &Facts) -> Option<Contract> {
    let over = facts.agreements.iter().map(|one| one.over).reduce(|a, b| Some(a?.max(b?)))?;
    Some(Contract { over_on: over.map(facts::day), is_all: facts.occasions.is_empty() })
}

/// That no contract is renewed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Renewal {
    /// The chance; none: nothing is known of how long contracts last.
    pub chances: Option<(f64, f64)>,
    /// Months that the oldest has run.
    pub months: u32,
    /// Days of the longest period.
    pub horizon: i32,
}

/// The chance that none of those that run goes on for another period, and the same whatever their age. Each is renewed or not
/// for itself; one that was cancelled is not.
pub(super) fn renewal(facts: &Facts, lasting: &Lasting, today: i32) -> Option<Renewal> {
    let running: Vec<&Agreement> = facts.agreements.iter().filter(|one| one.runs(today)).collect();
    let period = running.iter().map(|one| one.period).max()?;
    let age = |one: &Agreement| super::relationship::whole((f64::from(today - one.from) / DAYS_PER_MONTH).floor());
    let age = |one: &Agreement| u32::try_from(age(one)).unwrap_or(0);
    let chance = |one: &&Agreement| match one.over {
        Some(_) => Some((1.0, 1.0)),
        None => lasting.ends_within(age(one), one.period),
    };
    let chances = running.iter().map(chance).try_fold((1.0, 1.0), |(all, any), one| {
        let (own, usual) = one?;
        Some((all * own, any * usual))
    });
    Some(Renewal {
        chances,
        months: running.iter().map(|one| age(one)).max().unwrap_or_default(),
        horizon: days(i32::try_from(period).unwrap_or(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kith_loyalty::value::contract::Contract as Sum;

    fn agreement(from: i32, over: Option<i32>, monthly: f64) -> Agreement {
        Agreement { from, over, period: 1, contract: Some(Sum { monthly, months: 0 }) }
    }

    fn customer(agreements: Vec<Agreement>) -> Facts {
        Facts { agreements, ..Facts::default() }
    }

    #[test]
    fn each_month_of_a_contract_is_a_purchase() {
        let facts = customer(vec![agreement(0, Some(200), 10.0), agreement(100, None, 5.0)]);
        let months = bought(&facts, 365);
        let sums: Vec<f64> = months.iter().map(|month| month.net).collect();
        assert_eq!(sums, [10.0, 10.0, 10.0, 15.0, 15.0, 15.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0]);
        assert_eq!((months[11].day, contract(&facts).map(|one| one.over_on)), (365, Some(None)));
        // A year after the last was over.
        let facts = customer(vec![agreement(0, Some(10), 1.0), agreement(0, Some(20), 1.0)]);
        assert_eq!(bought(&facts, 385).len(), 1);
        assert_eq!(contract(&facts).unwrap().over_on, Some(facts::day(20)));
        assert_eq!(contract(&customer(Vec::new())), None);
    }

    #[test]
    fn orders_count_for_more_than_months_of_contracts() {
        let mut facts = customer(vec![agreement(0, None, 10.0)]);
        facts.occasions.push(Occasion { day: 50, ..Occasion::default() });
        assert_eq!(bought(&facts, 365).len(), 1);
        assert!(!contract(&facts).unwrap().is_all);
    }
}
