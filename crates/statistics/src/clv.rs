//! Customer lifetime value: the simple formula, contracts (Gupta, Lehmann & Stuart 2004) and, without contracts, expected
//! purchases times expected spend, month by month (Fader, Hardie & Lee 2005b).

use crate::fit::Fit;
use crate::history::History;
use crate::model::Model;
use crate::random::Random;
use crate::spend::{ExpectedSpend, GammaGamma, Spend, SpendFit};
use crate::{Error, Result};

/// Weeks in a month, as the reference computations have it.
pub const WEEKS_PER_MONTH: f64 = 4.345;

/// The terms of a value. It means nothing without them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Months looked ahead.
    pub months: u32,
    /// Discount a month: 0.01 is one per cent.
    pub monthly_discount: f64,
    /// Share of the spend that is margin: 1 for revenue.
    pub margin: f64,
    /// Planned cost of service and retention a month, taken off; 0 for the gross value.
    pub monthly_cost: f64,
    /// Length of a month in the unit of the histories.
    pub month: f64,
}

impl Default for Terms {
    fn default() -> Self {
        Self { months: 12, monthly_discount: 0.01, margin: 1.0, monthly_cost: 0.0, month: WEEKS_PER_MONTH }
    }
}

impl Terms {
    /// The discount a month that makes a yearly one.
    pub fn monthly_from_yearly(yearly: f64) -> f64 {
        (yearly.ln_1p() / 12.0).exp_m1()
    }

    /// Refuses terms under which a value would not be finite.
    pub fn check(&self) -> Result<()> {
        if self.months == 0 || self.months > 1200 {
            Err(Error::Setting("the horizon must be between 1 and 1200 months"))
        } else if !self.monthly_discount.is_finite() || self.monthly_discount < 0.0 {
            Err(Error::Setting("the discount must be zero or more"))
        } else if !self.margin.is_finite() || !self.monthly_cost.is_finite() {
            Err(Error::Setting("margin and cost must be finite numbers"))
        } else if !self.month.is_finite() || self.month <= 0.0 {
            Err(Error::Setting("the length of a month must be positive"))
        } else {
            Ok(())
        }
    }

    /// Σ over the months of what `expected` grows by in each, discounted to now.
    fn discounted(&self, expected: impl Fn(f64) -> f64) -> f64 {
        let (mut before, mut sum, mut factor) = (0.0, 0.0, 1.0);
        for month in 1..=self.months {
            let now = expected(f64::from(month) * self.month);
            factor /= 1.0 + self.monthly_discount;
            sum += (now - before) * factor;
            before = now;
        }
        sum
    }

    /// Present value of the planned cost.
    fn cost(&self) -> f64 {
        self.monthly_cost * self.discounted(|t| t / self.month)
    }
}

/// A customer's value, with what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clv {
    /// Expected purchases within the horizon.
    pub purchases: f64,
    /// The same, each discounted to now.
    pub discounted_purchases: f64,
    /// Expected spend at each.
    pub spend: ExpectedSpend,
    /// Discounted purchases times spend times margin, less planned cost.
    pub value: f64,
}

/// The value of one customer without a contract.
pub fn clv(model: &Model, spends: &SpendFit, history: &History, spend: &Spend, terms: &Terms) -> Result<Clv> {
    terms.check()?;
    let discounted_purchases = terms.discounted(|t| model.expected(history, t));
    let spend = spends.expected(spend);
    let value = discounted_purchases * spend.amount * terms.margin - terms.cost();
    let purchases = model.expected(history, f64::from(terms.months) * terms.month);
    if value.is_finite() { Ok(Clv { purchases, discounted_purchases, spend, value }) } else { Err(Error::Overflow) }
}

/// An interval for the value of a customer or a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClvInterval {
    /// One in ten draws is below.
    pub low: f64,
    /// Half of the draws are below.
    pub median: f64,
    /// One in ten draws is above.
    pub high: f64,
    /// Draws.
    pub draws: usize,
}

/// The 10 % and 90 % points of the sum of the members' values: parameters drawn from the normal distribution at the
/// optimum, times what is unknown of each member (alive or not, purchase rate, way of leaving, mean spend) drawn from its
/// posterior. The luck of single purchases is not in it.
pub fn clv_interval(
    fit: &Fit,
    spends: &SpendFit,
    members: &[(History, Spend)],
    terms: &Terms,
    draws: usize,
    seed: u64,
) -> Result<ClvInterval> {
    terms.check()?;
    if members.is_empty() {
        return Err(Error::Empty);
    }
    if draws < 20 {
        return Err(Error::TooFew { found: draws, needed: 20 });
    }
    let mut random = Random::new(seed);
    let mut sums = Vec::with_capacity(draws);
    let cost = terms.cost();
    for _ in 0..draws {
        let model = fit.draw(&mut random).ok_or(Error::NotIdentified)?;
        let money = spends.draw(&mut random).ok_or(Error::NotIdentified)?;
        let value = |(history, spend): &(History, Spend)| {
            let future = model.draw(history, &mut random);
            let purchases = terms.discounted(|t| future.expected(t));
            if purchases > 0.0 {
                purchases * draw_spend(&money, spend, &mut random) * terms.margin - cost
            } else {
                -cost
            }
        };
        sums.push(members.iter().map(value).sum::<f64>());
    }
    // A draw beyond all numbers counts as the largest: the points are taken from the ranks.
    let finite = |q: f64| crate::describe::quantile(&sums, q).filter(|value| value.is_finite()).ok_or(Error::Overflow);
    Ok(ClvInterval { low: finite(0.1)?, median: finite(0.5)?, high: finite(0.9)?, draws })
}

fn draw_spend(money: &GammaGamma, spend: &Spend, random: &mut Random) -> f64 {
    let mean = money.draw_mean(spend, random);
    if mean.is_finite() { mean } else { f64::MAX.sqrt() }
}

/// The simple value: mean margin a year times expected years, 1 / (1 − yearly retention).
pub fn clv_simple(yearly_margin: f64, yearly_retention: f64) -> Result<f64> {
    if !(0.0..1.0).contains(&yearly_retention) {
        return Err(Error::Setting("the yearly retention must be at least 0 and below 1"));
    }
    let value = yearly_margin / (1.0 - yearly_retention);
    if value.is_finite() { Ok(value) } else { Err(Error::Overflow) }
}

/// The value of a contract: Σ margin_t · S(t) / (1 + discount)^t over the periods t = 1, 2, … of `margins`, where
/// `survival` gives the chance that the contract still runs in period t.
pub fn clv_contract(margins: &[f64], survival: impl Fn(u32) -> f64, discount: f64) -> Result<f64> {
    if !discount.is_finite() || discount < 0.0 {
        return Err(Error::Setting("the discount must be zero or more"));
    }
    let mut sum = 0.0;
    for (margin, period) in margins.iter().zip(1_u32..) {
        let alive = survival(period);
        if !(0.0..=1.0).contains(&alive) {
            return Err(Error::Setting("a chance of survival is not between 0 and 1"));
        }
        sum += margin * alive / (1.0 + discount).powf(f64::from(period));
    }
    if sum.is_finite() { Ok(sum) } else { Err(Error::Overflow) }
}

/// The same for equal margins, constant retention and no end: m r / (1 + d − r).
pub fn clv_contract_endless(margin: f64, retention: f64, discount: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&retention) {
        return Err(Error::Setting("the retention must be between 0 and 1"));
    }
    let value = margin * retention / (1.0 + discount - retention);
    if discount < 0.0 || !value.is_finite() {
        return Err(Error::Setting("without an end and without a discount the value has no limit"));
    }
    Ok(value)
}
