//! Customers by contract, as the rules of relationships take them: who never ordered anything beside contracts buys once a
//! month for as long as one runs, and is at the risk that none is renewed.

use kith_lifecycle::rules::{Contract, DAYS_PER_MONTH};
use kith_loyalty::value::contract::{Agreement, Lasting};
use kith_loyalty::value::facts::{self, Facts};

fn days(month: i32) -> i32 {
    super::relationship::whole(f64::from(month) * DAYS_PER_MONTH)
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
    use kith_loyalty::value::facts::Occasion;

    fn agreement(from: i32, over: Option<i32>, monthly: f64) -> Agreement {
        Agreement { from, over, period: 1, contract: Some(Sum { monthly, months: 0 }) }
    }

    fn customer(agreements: Vec<Agreement>) -> Facts {
        Facts { agreements, ..Facts::default() }
    }

    #[test]
    fn the_last_of_all_contracts_tells_when_they_are_over() {
        let over = |agreements| contract(&customer(agreements)).map(|one| one.over_on);
        assert_eq!(over(vec![agreement(0, Some(200), 10.0), agreement(100, None, 5.0)]), Some(None));
        let last = Some(Some(facts::day(20)));
        assert_eq!(over(vec![agreement(0, Some(10), 1.0), agreement(0, Some(20), 1.0)]), last);
        assert_eq!(over(Vec::new()), None);
        let mut facts = customer(vec![agreement(0, None, 10.0)]);
        assert!(contract(&facts).unwrap().is_all);
        facts.occasions.push(Occasion { day: 50, ..Occasion::default() });
        assert!(!contract(&facts).unwrap().is_all);
    }
}
