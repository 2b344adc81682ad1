//! One customer against what was learned from all of them. Pure: the same facts, borders and model give the same answer.

use super::borders::{Borders, real as counted};
use super::contract::{Agreed, Contract};
use super::facts::{self, Facts, Lately, Occasion};
use super::indicator::{Direction, IndicatorScale, IndicatorSource, Measure, MissingPolicy};
use super::number::{decimal, real};
use super::purchase::Purchase;
use super::segment::Field;
use super::{Purchases, ValueIndicator, ValueModel, model::Terms};
use chrono::NaiveDate;
use kith_statistics::{self as statistics, DAYS_PER_WEEK, History, Missing, Score, Spend};
use rust_decimal::Decimal;
use std::collections::HashMap;

/// Everything that a customer is measured with.
#[derive(Debug)]
pub struct Judge<'a> {
    /// The model.
    pub model: &'a ValueModel,
    /// Its numbers.
    pub terms: Terms,
    /// What it calls the scores of recency, frequency and money.
    pub segments: Vec<Field>,
    /// Its indicators.
    pub indicators: &'a [ValueIndicator],
    /// What was learned.
    pub borders: &'a Borders,
    /// The purchase models, if there are any.
    pub purchases: Option<&'a Purchases>,
    /// The last day that counts.
    pub as_of: NaiveDate,
}

/// A customer in numbers: the part of the facts that scales and scores are made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Base {
    /// The account.
    pub account: uuid::Uuid,
    /// Whom it is compared with: the short name of its industry and size; 0, which is nobody, if neither is known.
    pub peers: u64,
    /// The short name of its industry; 0 if it is not known.
    pub industry: u64,
    /// That of its size band.
    pub size: u64,
    /// Occasions ever; months, if it pays by contract alone.
    pub occasions: u32,
    /// It never ordered anything beside what it pays for again and again.
    pub by_contract: bool,
    /// Something of that is to be renewed.
    pub is_renewed: bool,
    /// Occasions of the window.
    pub window_occasions: u32,
    /// Occasions of the last 365 days, and of those before them.
    pub yearly: [u32; 2],
    /// Days since the last occasion, and since the first.
    pub recency: i32,
    /// Days since the first occasion.
    pub age: i32,
    /// Median of the own gaps in days.
    pub gap: Option<f64>,
    /// How many gaps that are.
    pub gaps: u32,
    /// Regularity.
    pub regularity: Option<f64>,
    /// The windows that indicators have of their own.
    pub lately: Vec<Lately>,
    /// Revenue of the window.
    pub revenue: f64,
    /// Margin of the window, less the cost to serve.
    pub profit: f64,
    /// Margin of the window.
    pub margin: f64,
    /// Margin over revenue, ever.
    pub margin_rate: Option<f64>,
    /// Mean of the repeat occasions.
    pub repeat_spend: f64,
    /// Per cent bought at a discount.
    pub discount_share: Option<f64>,
    /// What it needs a year, as somebody said.
    pub wallet: Option<f64>,
    /// Open opportunities times their chance.
    pub pipeline: f64,
    /// Which of the families of products it owns.
    pub owned: u64,
    /// What it pays for again and again.
    pub contracts: Vec<Contract>,
    /// Contacts that it began, if it never bought.
    pub contacts: u32,
}

/// What of the future is expected of a customer.
#[derive(Clone, Debug, Default)]
pub struct Future {
    /// Lifetime value.
    pub value: Option<f64>,
    /// Margin expected within a year.
    pub next_year: Option<f64>,
    /// Chance of a purchase within 90 days.
    pub p_buy90: Option<f64>,
    /// What the purchase model says; none where there is no such model.
    pub found: Option<statistics::Clv>,
    /// What its contracts say, if they tell what it is worth.
    pub agreed: Option<Agreed>,
}

impl Base {
    /// Of the facts.
    pub fn of(facts: &Facts, as_of: NaiveDate) -> Base {
        let today = facts::number(as_of);
        let (all, by_contract) = (facts.bought(), facts.occasions.is_empty() && !facts.paid.is_empty());
        let (first, last) = (facts.began().unwrap_or(today), all.last().map_or(today, |o| o.day));
        let gaps: Vec<f64> = facts.gaps();
        let since = |days: i32| all.iter().filter(|o| o.day > today - days).count();
        let repeats: Vec<f64> = all.iter().skip(1).map(|o| o.net).collect();
        let small = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let share = |part: Decimal, whole: Decimal| (whole > Decimal::ZERO).then(|| real(part) / real(whole));
        let is_known = !facts.industry.is_empty() || !facts.size.is_empty();
        Base {
            account: facts.account,
            peers: if is_known { short(&format!("{}|{}", facts.industry, facts.size)) } else { 0 },
            industry: known(&facts.industry),
            size: known(&facts.size),
            occasions: small(all.len()),
            by_contract,
            is_renewed: facts.agreements.iter().any(|one| one.over.is_none()),
            window_occasions: u32::try_from(facts.window_occasions).unwrap_or(0),
            yearly: [small(since(365)), small(since(730) - since(365))],
            recency: today - last,
            age: today - first,
            gap: statistics::median(&gaps),
            gaps: small(gaps.len()),
            regularity: statistics::regularity(&gaps).ok(),
            lately: facts.lately.clone(),
            revenue: real(facts.revenue),
            profit: real(facts.margin - facts.cost_to_serve),
            margin: real(facts.margin),
            // Of contracts no cost is known.
            margin_rate: share(facts.lifetime_margin, facts.lifetime_revenue).filter(|_| !by_contract),
            repeat_spend: if repeats.is_empty() { 0.0 } else { repeats.iter().sum::<f64>() / counted(repeats.len()) },
            discount_share: share(facts.discounted, facts.booked).map(|share| 100.0 * share),
            wallet: facts.wallet.as_ref().map(|(amount, _)| real(*amount)),
            pipeline: real(facts.pipeline),
            owned: facts.owned,
            contracts: facts.running(),
            contacts: facts.contacts,
        }
    }

    /// What the purchase models need to know; none before the first purchase, and of months that follow by contract.
    pub fn history(&self) -> Option<(History, Spend)> {
        let repeats = self.occasions.checked_sub(1).filter(|_| !self.by_contract)?;
        let weeks = |days: i32| f64::from(days) / DAYS_PER_WEEK;
        let history = History { repeats, last: weeks(self.age - self.recency), age: weeks(self.age) };
        Some((history, Spend { repeats, mean: self.repeat_spend }))
    }

    /// Whether nothing of what it paid for again and again is to be renewed, and it never bought anything else.
    pub fn is_over(&self) -> bool {
        self.by_contract && !self.is_renewed
    }

    /// Whether it bought in the window.
    pub fn is_active(&self) -> bool {
        self.window_occasions > 0
    }
}

/// The short name of what is known; 0 of nothing.
pub(super) fn known(text: &str) -> u64 {
    if text.is_empty() { 0 } else { short(text) }
}

/// A short name: FNV-1a.
fn short(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Facts {
    /// Days between its purchases.
    pub fn gaps(&self) -> Vec<f64> {
        gaps(&self.occasions)
    }

    /// What is paid for subscriptions that run and are to be renewed.
    fn running(&self) -> Vec<Contract> {
        self.agreements.iter().filter(|one| one.over.is_none()).filter_map(|one| one.contract).collect()
    }
}

/// Days between purchases.
pub fn gaps(occasions: &[Occasion]) -> Vec<f64> {
    let days = occasions.iter().map(|o| o.day);
    days.clone().zip(days.skip(1)).map(|(a, b)| f64::from(b - a)).collect()
}

impl Judge<'_> {
    /// The purchase model that counts for a customer, if there is one.
    pub(super) fn purchase(&self, base: &Base) -> Option<&Purchase> {
        self.purchases.map(|purchases| purchases.suits(base))
    }

    /// The typical gap of a customer, in days.
    pub fn typical_gap(&self, base: &Base) -> f64 {
        let peers = self.borders.gap;
        base.gap.map_or(peers, |own| statistics::shrunk(f64::from(base.gaps), own, peers, 3.0))
    }

    /// Margin of a customer as a share: its own, drawn to that of all, which counts as five occasions.
    pub fn margin(&self, base: &Base) -> f64 {
        let all = self.borders.margin;
        base.margin_rate.map_or(all, |own| statistics::shrunk(f64::from(base.occasions), own, all, 5.0))
    }

    /// The terms of lifetime values for a customer.
    pub fn clv_terms(&self, base: &Base) -> statistics::Terms {
        statistics::Terms {
            months: u32::try_from(self.terms.horizon_months).unwrap_or(12),
            monthly_discount: real(self.terms.monthly_discount) / 100.0,
            margin: self.margin(base),
            ..statistics::Terms::default()
        }
    }

    /// What is expected of a customer.
    pub fn future(&self, base: &Base) -> Future {
        let expected = self.expected(base);
        let Some(agreed) = self.agreed(base) else { return expected };
        Future {
            value: Some(agreed.value),
            next_year: Some(agreed.next_year),
            found: None,
            agreed: Some(agreed),
            ..expected
        }
    }

    /// What is expected of what a customer did.
    fn expected(&self, base: &Base) -> Future {
        if base.occasions == 0 || base.is_over() {
            return Future::default();
        }
        let Some((purchase, (history, spend))) = self.purchase(base).zip(base.history()) else {
            let value = self.simple(base);
            return Future { value, ..Future::default() };
        };
        let terms = self.clv_terms(base);
        let Ok(found) = statistics::clv(&purchase.model, &purchase.spends, &history, &spend, &terms) else {
            return Future::default();
        };
        let year = 365.0 / DAYS_PER_WEEK;
        let next = purchase.model.expected(&history, year) * found.spend.amount * terms.margin;
        Future {
            value: Some(found.value),
            next_year: Some(next).filter(|next| next.is_finite()),
            p_buy90: Some(purchase.model.p_buy(&history, 90.0 / DAYS_PER_WEEK)),
            found: Some(found),
            agreed: None,
        }
    }

    /// The simple lifetime value: margin of a year, spread over the months of the horizon, times the share of such customers
    /// who are still there, discounted. Without a horizon it would be endless where hardly anybody leaves.
    pub fn simple(&self, base: &Base) -> Option<f64> {
        let retention = self.borders.retention?;
        let monthly = base.margin * 365.0 / f64::from(self.terms.window_days) / 12.0;
        let months = usize::try_from(self.terms.horizon_months).ok()?;
        let survival = |month: u32| retention.powf(f64::from(month) / 12.0);
        let discount = real(self.terms.monthly_discount) / 100.0;
        statistics::clv_contract(&vec![monthly; months], survival, discount).ok()
    }

    /// The measures of a customer, as far as they are known.
    pub fn measures(&self, base: &Base, future: &Future, potential: Option<f64>, share: Option<f64>) -> Measures {
        use IndicatorSource as S;
        let bought = base.occasions > 0;
        let year = i32::min(self.terms.window_days, base.age);
        let frequency = || f64::from(base.window_occasions) * 365.0 / f64::from(year);
        let mut all = HashMap::new();
        for lately in &base.lately {
            let mut put =
                |source, value: Option<f64>| value.map(|value| all.insert((source, Some(lately.days)), value));
            let (occasions, days) = (f64::from(lately.occasions), i32::min(lately.days, base.age));
            put(S::Revenue, Some(lately.revenue));
            put(S::Margin, Some(lately.margin));
            put(S::Frequency, (days >= 7).then(|| occasions * 365.0 / f64::from(days)));
            put(S::AverageOccasion, (lately.occasions > 0).then(|| lately.revenue / occasions));
        }
        let mut put = |source, value: Option<f64>| value.map(|value| all.insert((source, None), value));
        put(S::Revenue, Some(base.revenue));
        put(S::Margin, Some(base.margin));
        put(S::Profit, Some(base.profit));
        put(S::ProfitRate, (base.revenue > 0.0).then(|| 100.0 * base.profit / base.revenue));
        put(S::Recency, bought.then(|| f64::from(base.recency)));
        put(S::Frequency, (bought && year >= 30).then(frequency));
        put(S::AverageOccasion, base.is_active().then(|| base.revenue / f64::from(base.window_occasions)));
        put(S::Regularity, base.regularity);
        put(S::Tenure, bought.then(|| f64::from(base.age)));
        put(S::DiscountShare, base.discount_share);
        put(S::ShareOfWallet, share);
        put(S::Potential, potential);
        put(S::Pipeline, Some(base.pipeline));
        put(S::Engagement, (!bought).then(|| f64::from(base.contacts)));
        put(S::PurchaseChance, future.p_buy90.map(|chance| 100.0 * chance));
        put(S::Clv, future.value);
        all
    }

    /// Points of an indicator, 0 to 100.
    pub fn points(&self, indicator: &ValueIndicator, measures: &Measures) -> Option<f64> {
        let value = *measures.get(&indicator.measure())?;
        let points = match indicator.scale {
            IndicatorScale::Anchors => return indicator.points()?.score(value),
            IndicatorScale::Bands => return indicator.points()?.band(value),
            IndicatorScale::Percentile => self.borders.scale_of(indicator.measure())?.percentile(value)?,
        };
        Some(if indicator.direction == Direction::Lower { 100.0 - points } else { points })
    }

    /// The indicators that count for somebody who ever bought, or never did.
    pub fn counting(&self, bought: bool) -> impl Iterator<Item = &ValueIndicator> {
        self.indicators.iter().filter(move |indicator| indicator.applies(bought))
    }

    /// The score with its explanation.
    pub fn score(&self, measures: &Measures, bought: bool) -> statistics::Result<Score> {
        let each = self.counting(bought).map(|indicator| statistics::Indicator {
            weight: indicator.weight,
            points: self.points(indicator, measures).and_then(decimal),
            reference: self.mean(&indicator.code),
            missing: match indicator.missing {
                MissingPolicy::Drop => Missing::Drop,
                MissingPolicy::Neutral => Missing::Neutral,
                MissingPolicy::Block => Missing::Block,
            },
        });
        statistics::score(&each.collect::<Vec<_>>(), 1)
    }

    /// Mean points of an indicator.
    pub fn mean(&self, code: &str) -> Decimal {
        self.borders.means.get(code).copied().and_then(decimal).unwrap_or_default()
    }
}

/// What is known of a customer, by what it is.
pub type Measures = HashMap<Measure, f64>;
