//! Customers by contract: while one runs nobody is lost, and who does not renew is lost when the grace is over (D10).

use super::churn::CustomerActivity;
use super::rounded;
use chrono::NaiveDate;
use serde_json::{Value, json};

/// What is known of a customer's contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contract {
    /// The first day after the last of them; none: one runs and is to be renewed.
    pub over_on: Option<NaiveDate>,
    /// Nothing was ever ordered beside them: their months stand for purchases.
    pub is_all: bool,
}

impl Contract {
    /// Whether one runs on a day.
    pub fn runs(&self, day: NaiveDate) -> bool {
        self.over_on.is_none_or(|over| over > day)
    }

    /// Days since the last of them; 0 while one runs.
    pub fn recency(&self, day: NaiveDate) -> u32 {
        let days = self.over_on.map_or(0, |over| (day - over).num_days());
        u32::try_from(days).unwrap_or(0)
    }

    /// Whether somebody is a customer, by contract and by orders. Who has not renewed within the grace was a customer until
    /// then, and who orders beside it is one for as long as the orders say so.
    pub fn activity(&self, by_orders: CustomerActivity, grace_days: u32, day: NaiveDate) -> CustomerActivity {
        let Some(over) = self.over_on.filter(|over| *over <= day) else { return CustomerActivity::Active };
        let is_lost = contract_churned_on(over, grace_days, day).is_some();
        match by_orders {
            CustomerActivity::Active | CustomerActivity::Dormant if !self.is_all => by_orders,
            _ if is_lost => CustomerActivity::Churned,
            _ => CustomerActivity::Dormant,
        }
    }

    /// For evidence.
    pub fn shown(&self, day: NaiveDate) -> Value {
        json!({"runs": self.runs(day), "overOn": self.over_on})
    }
}

/// The day on which a contract that ended and was not renewed counts as lost: after its grace; none before.
pub fn contract_churned_on(ended: NaiveDate, grace_days: u32, as_of: NaiveDate) -> Option<NaiveDate> {
    ended.checked_add_days(chrono::Days::new(grace_days.into())).filter(|day| *day <= as_of)
}

/// What explains the chance that none of a customer's contracts is renewed, beside the chance of any contract of the tenant.
pub fn renewal_drivers(months: u32, baseline: f64, chance: f64) -> Value {
    json!([{"driver": "renewal", "value": months, "reference": rounded(baseline), "points": rounded(chance)}])
}

#[cfg(test)]
mod tests {
    use super::*;
    use CustomerActivity::{Active, Churned, Dormant, Prospect};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn who_does_not_renew_is_lost_when_the_grace_is_over() {
        let last = day("2026-01-01");
        assert_eq!(contract_churned_on(last, 30, day("2026-01-30")), None);
        assert_eq!(contract_churned_on(last, 30, day("2026-01-31")), Some(day("2026-01-31")));
        let now = |over: Option<&str>, is_all, by_orders, today| {
            let contract = Contract { over_on: over.map(day), is_all };
            contract.activity(by_orders, 30, day(today))
        };
        assert_eq!(now(None, true, Churned, "2026-06-30"), Active);
        assert_eq!(now(Some("2026-07-01"), false, Churned, "2026-06-30"), Active, "it runs to the end of its period");
        for (today, alone, silent) in
            [("2026-07-01", Dormant, Dormant), ("2026-07-30", Dormant, Dormant), ("2026-07-31", Churned, Churned)]
        {
            assert_eq!(now(Some("2026-07-01"), true, Active, today), alone, "{today}");
            assert_eq!(now(Some("2026-07-01"), false, Churned, today), silent, "{today}");
            assert_eq!(now(Some("2026-07-01"), false, Prospect, today), silent, "{today}");
            assert_eq!(now(Some("2026-07-01"), false, Active, today), Active, "who orders is a customer");
        }
        let over = Contract { over_on: Some(last), is_all: true };
        assert_eq!((over.recency(day("2026-01-11")), over.recency(last)), (10, 0));
    }
}
