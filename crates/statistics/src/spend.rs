//! Gamma-Gamma spend model (Fader, Hardie & Lee 2005b; Fader & Hardie 2013): a customer's purchases vary around a mean
//! of his own, and these means vary between customers. Spend and frequency are taken to be independent.

use crate::matrix::{self, Rows};
use crate::number::{correlation, digamma, ln_gamma, ln_gamma_ratio, real, real64};
use crate::optimise::{self, REACH};
use crate::random::Random;
use crate::{Error, Result};

/// Mean spend of a customer over his repeat occasions; the first occasion is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spend {
    /// Repeat occasions.
    pub repeats: u32,
    /// Mean amount of a repeat occasion, in money.
    pub mean: f64,
}

/// Parameters of the Gamma-Gamma model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GammaGamma {
    /// Shape of the amounts of one customer.
    pub p: f64,
    /// Shape of the distribution of the customers' rates.
    pub q: f64,
    /// Rate of that distribution, in money.
    pub gamma: f64,
}

/// Something to know of a spend fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SpendFinding {
    /// Spend goes with frequency, which the model rules out: its estimates are off in the direction of the sign.
    Dependent {
        /// Correlation of repeats and mean spend; beyond 0.3 in size it is reported.
        correlation: f64,
    },
    /// q ≤ 1: the population has no mean, and shrunk means take the place of the model's.
    NoMean,
    /// Customers whose repeats are worth nothing or less were left out.
    LeftOut {
        /// How many.
        customers: u64,
    },
    /// The likelihood is flat in some direction: there is no interval.
    NoInterval,
}

/// Where an expected spend comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendBasis {
    /// The customer's own purchases, shrunk to the population by the model.
    Model,
    /// The mean of the population: the customer has no repeat.
    Population,
    /// The customer's own mean, shrunk to the group's with the weight of five purchases: the model has no mean.
    Shrunk,
    /// The group's mean, because the customer's own spend is not positive or there is no other.
    Group,
}

/// What a customer is expected to spend at an occasion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedSpend {
    /// Amount.
    pub amount: f64,
    /// Where it comes from.
    pub basis: SpendBasis,
}

/// A fitted spend model.
#[derive(Clone, Debug, PartialEq)]
pub struct SpendFit {
    /// Parameters.
    pub model: GammaGamma,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// Customers it was fitted to.
    pub customers: u64,
    /// Their mean spend, each customer counting once.
    pub group_mean: f64,
    /// Correlation of repeats and mean spend, where both vary.
    pub correlation: Option<f64>,
    /// What to know of it.
    pub findings: Vec<SpendFinding>,
    information: Option<Rows>,
}

/// Purchases that the group's mean counts as, where the model has none (as for survey means).
const SHRINK: f64 = 5.0;

impl GammaGamma {
    fn from_logs(logs: &[f64; 3]) -> Self {
        let [p, q, gamma] = logs.map(f64::exp);
        Self { p, q, gamma }
    }

    /// Mean spend of the population; none for q ≤ 1.
    pub fn population_mean(&self) -> Option<f64> {
        let mean = self.p * self.gamma / (self.q - 1.0);
        (self.q > 1.0 && mean.is_finite()).then_some(mean)
    }

    /// Log-likelihood of the customers' mean spends.
    pub fn log_likelihood(&self, spends: &[Spend]) -> f64 {
        self.likelihood(&Counted::of(spends)).0
    }

    /// Gradient of the log-likelihood by (p, q, gamma).
    pub fn gradient(&self, spends: &[Spend]) -> [f64; 3] {
        let [p, q, gamma] = self.likelihood(&Counted::of(spends)).1;
        [p / self.p, q / self.q, gamma / self.gamma]
    }

    /// Log-likelihood and its gradient by the logarithms of (p, q, gamma).
    fn likelihood(&self, spends: &Counted) -> (f64, [f64; 3]) {
        let Self { p, q, gamma } = *self;
        let (mut sum, mut dp, mut dq, mut dgamma) = (0.0, 0.0, 0.0, 0.0);
        // The gamma functions depend on the number of repeats alone.
        let ln_gamma_q = ln_gamma(q);
        let psi_q = digamma(q);
        for (repeats, customers) in &spends.by_repeats {
            let px = p * repeats;
            let psi = digamma(px + q);
            sum += customers * (ln_gamma_ratio(px, q) - ln_gamma_q);
            dp += customers * repeats * (psi - digamma(px));
            dq += customers * (psi - psi_q);
        }
        for (repeats, mean) in &spends.rows {
            // ln of γ / (γ + x m) and of x m / (γ + x m)
            let total = repeats * mean;
            let (ln_rest, ln_own) = (-(total / gamma).ln_1p(), -(gamma / total).ln_1p());
            sum += q * ln_rest + p * repeats * ln_own - mean.ln();
            dp += repeats * ln_own;
            dq += ln_rest;
            dgamma += q / gamma - (p * repeats + q) / (gamma + total);
        }
        (sum, [p * dp, q * dq, gamma * dgamma])
    }
}

/// Spends with those of equal numbers of repeats counted.
struct Counted {
    rows: Vec<(f64, f64)>,
    by_repeats: Vec<(f64, f64)>,
}

impl Counted {
    fn of(spends: &[Spend]) -> Self {
        let mut kept: Vec<&Spend> = spends.iter().filter(|spend| spend.repeats > 0 && spend.mean > 0.0).collect();
        kept.sort_by(|a, b| a.repeats.cmp(&b.repeats).then(a.mean.total_cmp(&b.mean)));
        let by_repeats = kept
            .chunk_by(|a, b| a.repeats == b.repeats)
            .filter_map(|same| same.first().map(|spend| (f64::from(spend.repeats), real(same.len()))))
            .collect();
        Self { rows: kept.iter().map(|spend| (f64::from(spend.repeats), spend.mean)).collect(), by_repeats }
    }
}

/// Fits the model to customers with a repeat. Those without one are not looked at; those whose repeats are worth
/// nothing or less are left out and counted.
pub fn fit_spend(spends: &[Spend], least: u64) -> Result<SpendFit> {
    if let Some(row) = spends.iter().position(|spend| !spend.mean.is_finite()) {
        return Err(Error::Invalid { row, what: "the mean spend is not a finite number" });
    }
    let counted = Counted::of(spends);
    let customers = u64::try_from(counted.rows.len()).unwrap_or(u64::MAX);
    let with_repeat = spends.iter().filter(|spend| spend.repeats > 0).count();
    if customers < least.max(2) {
        return Err(Error::TooFewRepeaters { found: customers, needed: least.max(2) });
    }
    let group_mean = counted.rows.iter().map(|(_, mean)| mean).sum::<f64>() / real64(customers);
    let likelihood = |logs: &[f64; 3]| GammaGamma::from_logs(logs).likelihood(&counted);
    // p = q = 2 and the population mean as observed.
    let start = [2.0_f64.ln(), 2.0_f64.ln(), (0.5 * group_mean).ln()];
    let best = optimise::maximise(start, real64(customers), likelihood)?;
    let model = GammaGamma::from_logs(&best.logs);
    let information = optimise::information(&best.logs, likelihood);
    let correlation = correlation(&counted.rows);
    let mut findings = Vec::new();
    if let Some(correlation) = correlation.filter(|correlation| correlation.abs() > 0.3) {
        findings.push(SpendFinding::Dependent { correlation });
    }
    if model.population_mean().is_none() {
        findings.push(SpendFinding::NoMean);
    }
    if with_repeat > counted.rows.len() {
        let customers = u64::try_from(with_repeat.saturating_sub(counted.rows.len())).unwrap_or(u64::MAX);
        findings.push(SpendFinding::LeftOut { customers });
    }
    if information.is_none() {
        findings.push(SpendFinding::NoInterval);
    }
    Ok(SpendFit { model, log_likelihood: best.value, customers, group_mean, correlation, findings, information })
}

impl SpendFit {
    /// A fit of which only the parameters were kept; it has no interval.
    pub fn known(model: GammaGamma, group_mean: f64) -> Self {
        let (log_likelihood, customers, correlation) = (f64::NAN, 0, None);
        Self { model, log_likelihood, customers, group_mean, correlation, findings: Vec::new(), information: None }
    }

    /// What the customer is expected to spend at an occasion, given his repeats; always finite.
    pub fn expected(&self, spend: &Spend) -> ExpectedSpend {
        let GammaGamma { p, q, gamma } = self.model;
        let from = |amount: f64, basis| ExpectedSpend { amount, basis };
        let x = f64::from(spend.repeats);
        if spend.repeats > 0 && (spend.mean.is_nan() || spend.mean <= 0.0) {
            return from(self.group_mean, SpendBasis::Group);
        }
        let answer = match self.model.population_mean() {
            Some(mean) if spend.repeats == 0 => from(mean, SpendBasis::Population),
            Some(_) => from(p * (gamma + x * spend.mean) / (p * x + q - 1.0), SpendBasis::Model),
            None if spend.repeats == 0 => from(self.group_mean, SpendBasis::Group),
            None => from((x * spend.mean + SHRINK * self.group_mean) / (x + SHRINK), SpendBasis::Shrunk),
        };
        if answer.amount.is_finite() { answer } else { from(self.group_mean, SpendBasis::Group) }
    }

    /// Parameters drawn from the normal distribution at the optimum; none where the likelihood is flat.
    pub fn draw(&self, random: &mut Random) -> Option<GammaGamma> {
        let lower = self.information.as_ref()?;
        let normal: Vec<f64> = lower.iter().map(|_| random.normal()).collect();
        let mut moved = matrix::backward(lower, &normal);
        moved.iter_mut().for_each(|by| *by = by.clamp(-REACH, REACH));
        let [p, q, gamma] = [self.model.p, self.model.q, self.model.gamma];
        match *moved {
            [by_p, by_q, by_gamma] => {
                Some(GammaGamma::from_logs(&[p.ln() + by_p, q.ln() + by_q, gamma.ln() + by_gamma]))
            }
            _ => None,
        }
    }
}

impl GammaGamma {
    /// A draw of a customer's mean spend from its posterior.
    pub(crate) fn draw_mean(&self, spend: &Spend, random: &mut Random) -> f64 {
        let (x, mean) = if spend.mean > 0.0 { (f64::from(spend.repeats), spend.mean) } else { (0.0, 0.0) };
        self.p / random.gamma(self.q + self.p * x, self.gamma + x * mean)
    }
}
