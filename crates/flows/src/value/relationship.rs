//! From what customers did to where the relationship stands and how likely it is to end. The rules are the lifecycle's;
//! here are the facts that they ask for.

use super::contracts::{self, Renewal};
use super::study::features;
use super::{Why, grounds};
use chrono::{Days, NaiveDate};
use diesel::PgConnection;
use kith_journal::derived::{Group, To};
use kith_kernel::ids::ChurnModelId;
use kith_kernel::{Cx, Money, Result};
use kith_lifecycle::risk::ChurnRiskState;
use kith_lifecycle::rules::churn::{CustomerActivity, Grounds};
use kith_lifecycle::rules::contract;
use kith_lifecycle::rules::risk::{ChurnModelKind, Features, Fitted};
use kith_lifecycle::rules::{self, DAYS_PER_MONTH, Peers, Policy};
use kith_lifecycle::{Lifecycle, RiskRuling, Ruling, Suspicion, model, score};
use kith_loyalty::LoyaltyAssessment;
use kith_loyalty::value::assess::gaps;
use kith_loyalty::value::clv::ClvMethod;
use kith_loyalty::value::contract::Lasting;
use kith_loyalty::value::facts::{self, Facts, Occasion};
use kith_loyalty::value::rows::Assessed;
use kith_loyalty::value::{Borders, Purchases};
use kith_statistics::{DAYS_PER_WEEK, patience, typical_gap};
use rust_decimal::Decimal;
use serde_json::json;
use std::borrow::Cow;

/// Months that stages look back.
const MONTHS: usize = 36;
/// A loss further back is history and needs nobody's attention.
const NEWS: Days = Days::new(90);

/// What stages and risks are decided by.
#[derive(Debug)]
pub(super) struct Relations {
    policy: Policy,
    trained: Option<(ChurnModelId, Fitted, bool)>,
    median_gap: f64,
    /// The peers' own limit of silence, where no policy names one.
    silence_limit: Option<f64>,
    /// How long contracts last.
    lasting: Lasting,
}

/// An account, and what else the same page found out about it.
type Known<'a> = (&'a Facts, (&'a Assessed, &'a LoyaltyAssessment));

impl Relations {
    /// The same by another policy.
    pub(super) fn by(self, policy: Policy) -> Self {
        Relations { policy, silence_limit: None, ..self }
    }

    /// Of the tenant, as they hold now.
    pub(super) fn current(conn: &mut PgConnection, cx: &Cx, borders: &Borders) -> Result<Self> {
        let (policy, published) = kith_lifecycle::current(conn, cx)?;
        let silence_limit = borders.silence.filter(|_| published.is_none());
        let (trained, lasting) = (model::latest(conn, cx, None)?, borders.contracts.clone());
        Ok(Relations { policy, trained, median_gap: borders.gap, silence_limit, lasting })
    }

    /// The same with what could be known of leaving on a day that is past.
    pub(super) fn past(conn: &mut PgConnection, cx: &Cx, borders: &Borders, day: NaiveDate) -> Result<Self> {
        Ok(Relations { trained: model::latest(conn, cx, Some(day))?, ..Self::current(conn, cx, borders)? })
    }

    /// Decides about some accounts, and stores it; the number of rows that changed, and the risks. Whoever never bought and
    /// is not being sold to has no relationship yet.
    pub(super) fn decide(
        &self,
        conn: &mut PgConnection,
        cx: &Cx,
        (group, page): (&Group, &[Known<'_>]),
        purchases: Option<&Purchases>,
        (as_of, why): (NaiveDate, Why),
    ) -> Result<(usize, Vec<RiskRuling>)> {
        let known: Vec<_> = page.iter().copied().filter(|(facts, _)| has_relationship(facts)).collect();
        let standing = kith_lifecycle::standing(conn, cx, group)?;
        let unpreventable = kith_lifecycle::unpreventable(conn, cx, group)?;
        let (mut rulings, mut risks, mut suspicions) = (Vec::new(), Vec::new(), Vec::new());
        for (facts, (assessed, loyalty)) in known {
            let one = Customer::of((facts, assessed), as_of, self, purchases);
            let (ruling, risk) = one.rule(standing.get(&facts.account), loyalty);
            suspicions.extend(one.suspicion(&ruling));
            rulings.push(ruling);
            let is_at_risk = !unpreventable.contains(&facts.account);
            risks.push(RiskRuling { value_at_risk: risk.value_at_risk.filter(|_| is_at_risk), ..risk });
        }
        grounds::find(conn, cx, &mut suspicions, as_of)?;
        // Where a relationship stands is of the account alone and compares it with nobody: it moves when it is found to have
        // moved, run or not.
        let applied = kith_lifecycle::apply(conn, cx, &rulings, &standing)?;
        let noted = if suspicions.is_empty() { 0 } else { kith_lifecycle::suspect(conn, cx, &suspicions)? };
        Ok((applied.changed + kith_lifecycle::apply_risks(conn, cx, &risks, why.to())? + noted, risks))
    }

    /// What would have been told of some accounts on a day that is past, kept for that day and nothing else.
    pub(super) fn recall(
        &self,
        conn: &mut PgConnection,
        cx: &Cx,
        page: &[(&Facts, &Assessed)],
        purchases: Option<&Purchases>,
        as_of: NaiveDate,
    ) -> Result<usize> {
        let risk = |known: &(_, _)| {
            let customer = Customer::of(*known, as_of, self, purchases);
            let activity = customer.activity(&customer.asked());
            customer.risk(activity)
        };
        score::remember(conn, cx, &page.iter().map(risk).collect::<Vec<_>>(), To::Drafts)
    }
}

/// Whether somebody bought, pays by contract or is being sold to: who does none of it has no relationship yet.
pub(super) fn has_relationship(facts: &Facts) -> bool {
    facts.is_prospect || !facts.occasions.is_empty() || !facts.agreements.is_empty()
}

/// One of them.
pub(super) struct Customer<'a> {
    facts: &'a Facts,
    assessed: &'a Assessed,
    as_of: NaiveDate,
    relations: &'a Relations,
    purchases: Option<&'a Purchases>,
    /// His orders, or the months of his contracts.
    bought: Cow<'a, [Occasion]>,
    /// Days between them.
    gaps: Vec<f64>,
    /// Margin of each month.
    margins: Vec<f64>,
}

impl<'a> Customer<'a> {
    pub(super) fn of(
        (facts, assessed): (&'a Facts, &'a Assessed),
        as_of: NaiveDate,
        relations: &'a Relations,
        purchases: Option<&'a Purchases>,
    ) -> Self {
        let today = facts::number(as_of);
        let bought = contracts::bought(facts, today);
        let (gaps, margins) = (gaps(&bought), monthly(&bought, today));
        Customer { facts, assessed, as_of, relations, purchases, bought, gaps, margins }
    }

    /// What the rules ask for.
    fn asked(&self) -> rules::Facts<'_> {
        let today = facts::number(self.as_of);
        let since = |one: Option<&Occasion>| one.map_or(0, |one| u32::try_from(today - one.day).unwrap_or(0));
        let contract = contracts::contract(self.facts);
        // Who tries another, or bought after the last one was over, goes on without it.
        let ordered = self.facts.occasions.last().map_or(i32::MIN, |occasion| occasion.day);
        let over = contract.and_then(|contract| contract.over_on).filter(|_| !self.facts.is_trying);
        rules::Facts {
            as_of: self.as_of,
            occasions: u32::try_from(self.bought.len()).unwrap_or(u32::MAX),
            age: since(self.bought.first()),
            recency: since(self.bought.last()),
            gaps: &self.gaps,
            margins: &self.margins,
            has_notice: over.is_some_and(|day| facts::number(day) >= ordered),
            severe_case_days: None,
            p_buy: self.p_buy(),
            contract,
        }
    }

    /// Where it stands, by where it stood.
    pub(super) fn rule(&self, stood: Option<&Lifecycle>, loyalty: &LoyaltyAssessment) -> (Ruling, RiskRuling) {
        let peers = Peers { median_gap: self.relations.median_gap, silence_limit: self.relations.silence_limit };
        let (facts, policy) = (self.asked(), &self.relations.policy);
        let activity = self.activity(&facts);
        let verdict = rules::stage(&facts, &peers, policy, stood.map(Lifecycle::before));
        // A relationship that is over is at no risk, even if the last order is not long ago.
        let risk =
            self.risk(if verdict.stage == rules::LifecycleStage::Ended { CustomerActivity::Churned } else { activity });
        let index = loyalty.index.and_then(|index| f64::try_from(index).ok());
        let loyalty_stage = rules::loyalty_stage(&facts, &peers, policy, index, risk.probability);
        let told = stood.and_then(|stood| stood.churned_on);
        let ruling = Ruling {
            account: self.facts.account,
            verdict,
            loyalty_stage,
            activity,
            churned_on: facts.churned_on(self.typical_gap(), policy, told),
            as_of: self.as_of,
        };
        (ruling, risk)
    }

    fn typical_gap(&self) -> f64 {
        typical_gap(&self.gaps, self.relations.median_gap).max(1.0)
    }

    /// The chance to buy within the customer's own patience.
    fn p_buy(&self) -> Option<f64> {
        let weeks = patience(self.typical_gap()) / DAYS_PER_WEEK;
        let known = self.purchases.zip(self.assessed.base.history());
        known.map(|(all, (history, _))| all.suits(&self.assessed.base).model.p_buy(&history, weeks))
    }

    fn activity(&self, facts: &rules::Facts<'_>) -> CustomerActivity {
        facts.activity(self.typical_gap(), &self.relations.policy)
    }

    /// Of whom contracts are all, or most of the value, the risk is that none is renewed; of all others, that they do not buy.
    fn risk(&self, activity: CustomerActivity) -> RiskRuling {
        let by_contract = self.facts.occasions.is_empty() || self.assessed.clv.method == ClvMethod::Contract;
        let gone = matches!(activity, CustomerActivity::Prospect | CustomerActivity::Churned);
        let contract = contracts::contract(self.facts).filter(|_| by_contract && !gone);
        if let Some(contract) = contract {
            return self.renewal_risk(&contract);
        }
        // By the same features that the model was trained on; the chance of a purchase is a driver of the regression alone.
        let uses_model = self.relations.trained.as_ref().is_some_and(|(.., uses_model)| *uses_model);
        let model = self.purchases.filter(|_| uses_model).map(|purchases| &purchases.all.model);
        let features = features(&self.bought, facts::number(self.as_of), self.relations.median_gap, model);
        self.risk_of(&features, activity)
    }

    fn renewal_risk(&self, contract: &rules::Contract) -> RiskRuling {
        let found = contracts::renewal(self.facts, &self.relations.lasting, facts::number(self.as_of));
        let grace = self.relations.policy.grace_days;
        let over = || {
            let used = f64::from(contract.recency(self.as_of)) / f64::from(grace.max(1));
            let chances = Some((used.min(1.0), used.min(1.0)));
            Renewal { chances, months: 0, horizon: i32::try_from(grace).unwrap_or(i32::MAX) }
        };
        let Renewal { chances, months, horizon } = found.unwrap_or_else(over);
        let blank = self.no_risk("FEW_CONTRACTS", horizon);
        let Some((chance, usual)) = chances else {
            return RiskRuling { state: ChurnRiskState::InsufficientData, ..blank };
        };
        RiskRuling {
            probability: Some(chance),
            baseline: Some(usual),
            model: Some(ChurnModelKind::Renewal),
            drivers: contract::renewal_drivers(months, usual, chance),
            state: ChurnRiskState::Ok,
            reason: None,
            value_at_risk: self.at_risk(chance),
            ..blank
        }
    }

    fn no_risk(&self, reason: &str, horizon_days: i32) -> RiskRuling {
        RiskRuling {
            account: self.facts.account,
            probability: None,
            horizon_days,
            baseline: None,
            model: None,
            churn_model: None,
            drivers: json!([]),
            state: ChurnRiskState::NotApplicable,
            reason: Some(reason.to_owned()),
            value_at_risk: None,
            as_of: self.as_of,
        }
    }

    fn at_risk(&self, chance: f64) -> Option<Money> {
        let value = self.assessed.clv.value?;
        let share = Decimal::try_from(chance).unwrap_or_default();
        Some(Money { amount: (share * value.amount).round_dp(4), ..value })
    }

    fn risk_of(&self, features: &Features, activity: CustomerActivity) -> RiskRuling {
        let reason = if features.occasions == 0 { "NO_ORDERS" } else { "LOST" };
        let blank = self.no_risk(reason, whole(patience(features.typical_gap)));
        if matches!(activity, CustomerActivity::Prospect | CustomerActivity::Churned) {
            return blank;
        }
        let trained = self.relations.trained.as_ref();
        let untrained = Fitted::default();
        let (fitted, uses_model) = trained.map_or((&untrained, false), |(_, fitted, uses)| (fitted, *uses));
        let found = fitted.assess(features, uses_model);
        RiskRuling {
            probability: Some(found.probability),
            baseline: Some(found.baseline),
            model: Some(found.kind),
            churn_model: trained.map(|(id, ..)| *id),
            drivers: found.drivers,
            state: if trained.is_some() { ChurnRiskState::Ok } else { ChurnRiskState::Partial },
            reason: trained.is_none().then(|| "NOT_CALIBRATED".to_owned()),
            value_at_risk: self.at_risk(found.probability),
            ..blank
        }
    }

    /// A loss that is news. Why it is one is found out for all of them together.
    fn suspicion(&self, ruling: &Ruling) -> Option<Suspicion> {
        let occurred_on = ruling.churned_on.filter(|day| *day + NEWS >= self.as_of)?;
        let last_order = facts::day(self.bought.last()?.day);
        Some(Suspicion {
            account: self.facts.account,
            occurred_on,
            last_order,
            class: rules::classify(&Grounds::default()),
            value_lost: Some(self.value_lost()),
            evidence: self.evidence(),
        })
    }

    /// The profit of the window, or what the contracts brought a year, if they were all.
    fn value_lost(&self) -> Money {
        let profit = self.assessed.profile.profit;
        let monthly = self.bought.last().filter(|_| self.facts.occasions.is_empty()).map(|month| month.net);
        let amount = monthly.and_then(|monthly| Decimal::try_from(12.0 * monthly).ok()).map(|yearly| {
            let percent = self.assessed.clv.margin.unwrap_or_default();
            (yearly * percent / Decimal::ONE_HUNDRED).round_dp(4)
        });
        amount.map_or(profit, |amount| Money { amount, ..profit })
    }

    fn evidence(&self) -> serde_json::Value {
        let last = self.facts.occasions.last().map(|occasion| facts::day(occasion.day));
        let contract = contracts::contract(self.facts).and_then(|contract| contract.over_on);
        json!({"lastOrderOn": last, "occasions": self.facts.occasions.len(), "contractOverOn": contract})
    }
}

/// Days, rounded up.
pub(super) fn whole(days: f64) -> i32 {
    use rust_decimal::prelude::ToPrimitive;
    days.ceil().to_i32().unwrap_or(i32::MAX)
}

/// Margin of each month up to a day, oldest first, from the month of the first purchase on.
fn monthly(occasions: &[Occasion], today: i32) -> Vec<f64> {
    use rust_decimal::prelude::ToPrimitive;
    let ago = |day: i32| (f64::from(today - day) / DAYS_PER_MONTH).floor().to_usize().unwrap_or(usize::MAX);
    let months = occasions.first().map_or(0, |first| ago(first.day).saturating_add(1).min(MONTHS));
    let mut sums = vec![0.0; months];
    for occasion in occasions {
        let place = months.checked_sub(1).and_then(|last| last.checked_sub(ago(occasion.day)));
        if let Some(sum) = place.and_then(|place| sums.get_mut(place)) {
            *sum += occasion.margin;
        }
    }
    sums
}
