//! Shifted-beta-geometric model of contract renewals (Fader & Hardie 2007): each customer ends at every renewal with a
//! chance of his own, beta distributed; those with a high one go first, so retention rises with age.

use crate::matrix::{self, Rows};
use crate::number::{ln_rising, ln_rising_slope, real64};
use crate::optimise;
use crate::random::Random;
use crate::{Error, Result};

/// Parameters of the chance to end at a renewal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShiftedBetaGeometric {
    /// First shape (ending).
    pub alpha: f64,
    /// Second shape (staying).
    pub beta: f64,
}

/// What became of a cohort of contracts that began together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// Contracts that ended at the first, second, … renewal.
    pub ended: Vec<u64>,
    /// Contracts that still run after the last of these.
    pub running: u64,
}

/// A fitted renewal model.
#[derive(Clone, Debug, PartialEq)]
pub struct ContractFit {
    /// Parameters.
    pub model: ShiftedBetaGeometric,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// Contracts.
    pub contracts: u64,
    /// Customers hardly differ: the parameters are known only as their ratio, and retention is constant.
    pub equal: bool,
    information: Option<Rows>,
}

impl ShiftedBetaGeometric {
    /// The chance to run longer than `periods` renewals: B(α, β + t) / B(α, β).
    pub fn survival(&self, periods: u32) -> f64 {
        (ln_rising(self.beta, periods) - ln_rising(self.alpha + self.beta, periods)).exp()
    }

    /// The share that renews at renewal number `period`, counted from one: (β + t − 1) / (α + β + t − 1).
    pub fn retention(&self, period: u32) -> f64 {
        let before = f64::from(period.saturating_sub(1));
        (self.beta + before) / (self.alpha + self.beta + before)
    }

    /// The chance to run for `more` renewals beyond the `renewed` that there have been.
    pub fn survival_after(&self, renewed: u32, more: u32) -> f64 {
        Self { beta: self.beta + f64::from(renewed), ..*self }.survival(more)
    }

    /// Expected renewals still to come within `horizon`, each discounted to now, of a contract renewed `renewed` times
    /// (Fader & Hardie 2010).
    pub fn residual(&self, renewed: u32, horizon: u32, discount: f64) -> f64 {
        let (mut sum, mut alive, mut factor) = (0.0, 1.0, 1.0);
        for period in 1..=horizon {
            alive *= self.retention(renewed.saturating_add(period));
            factor /= 1.0 + discount;
            sum += alive * factor;
        }
        sum
    }

    /// Log-likelihood of cohorts and its gradient by the logarithms of (alpha, beta).
    fn likelihood(&self, cohorts: &[Cohort]) -> (f64, [f64; 2]) {
        let Self { alpha, beta } = *self;
        let (mut sum, mut dalpha, mut dbeta) = (0.0, 0.0, 0.0);
        let mut add = |count: u64, stayed: u32, ended: bool| {
            let (weight, all) = (real64(count), stayed.saturating_add(u32::from(ended)));
            let total = ln_rising_slope(alpha + beta, all);
            sum += weight * (ln_rising(beta, stayed) - ln_rising(alpha + beta, all));
            dalpha -= weight * total;
            dbeta += weight * (ln_rising_slope(beta, stayed) - total);
            if ended {
                sum += weight * alpha.ln();
                dalpha += weight / alpha;
            }
        };
        for cohort in cohorts {
            let mut renewals = 0_u32;
            for ended in &cohort.ended {
                add(*ended, renewals, true);
                renewals = renewals.saturating_add(1);
            }
            add(cohort.running, renewals, false);
        }
        (sum, [alpha * dalpha, beta * dbeta])
    }

    /// Log-likelihood of cohorts.
    pub fn log_likelihood(&self, cohorts: &[Cohort]) -> f64 {
        self.likelihood(cohorts).0
    }

    /// Gradient of the log-likelihood by (alpha, beta).
    pub fn gradient(&self, cohorts: &[Cohort]) -> [f64; 2] {
        let [alpha, beta] = self.likelihood(cohorts).1;
        [alpha / self.alpha, beta / self.beta]
    }
}

/// Fits the model to one or more cohorts. It needs an ending and two renewals to tell the parameters apart.
pub fn fit_contracts(cohorts: &[Cohort]) -> Result<ContractFit> {
    let count = |f: &dyn Fn(&Cohort) -> u64| cohorts.iter().map(f).fold(0_u64, u64::saturating_add);
    let ended = count(&|cohort| cohort.ended.iter().copied().fold(0, u64::saturating_add));
    let contracts = ended.saturating_add(count(&|cohort| cohort.running));
    if contracts == 0 {
        return Err(Error::Empty);
    }
    let periods = cohorts.iter().map(|cohort| cohort.ended.len()).max().unwrap_or(0);
    if periods < 2 {
        return Err(Error::TooFew { found: periods, needed: 2 });
    }
    if ended == 0 {
        return Err(Error::NotIdentified);
    }
    let likelihood = |logs: &[f64; 2]| {
        let [alpha, beta] = logs.map(f64::exp);
        ShiftedBetaGeometric { alpha, beta }.likelihood(cohorts)
    };
    let best = optimise::maximise([0.0, 1.0], real64(contracts), likelihood)?;
    let [alpha, beta] = best.logs.map(f64::exp);
    let information = optimise::information(&best.logs, likelihood);
    let model = ShiftedBetaGeometric { alpha, beta };
    Ok(ContractFit { model, log_likelihood: best.value, contracts, equal: alpha.min(beta) > 1e4, information })
}

impl ContractFit {
    /// Parameters drawn from the normal distribution at the optimum; none where the likelihood is flat.
    pub fn draw(&self, random: &mut Random) -> Option<ShiftedBetaGeometric> {
        let moved = matrix::backward(self.information.as_ref()?, &[random.normal(), random.normal()]);
        let reach = |value: f64, by: f64| value * by.clamp(-optimise::REACH, optimise::REACH).exp();
        match *moved {
            [alpha, beta] => {
                Some(ShiftedBetaGeometric { alpha: reach(self.model.alpha, alpha), beta: reach(self.model.beta, beta) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand contracts with these percentages left after each year.
    fn cohort(left: &[u64]) -> Cohort {
        let mut before = 1000;
        let mut ended = Vec::new();
        for now in left {
            ended.push(before - now);
            before = *now;
        }
        Cohort { ended, running: before }
    }

    /// The two segments of Fader & Hardie (2007), first seven years, and their projection to year twelve.
    #[test]
    fn the_papers_segments_are_reproduced() {
        let regular = [631, 468, 382, 326, 289, 262, 241];
        let high_end = [869, 743, 653, 593, 551, 517, 491];
        for (left, alpha, beta, likelihood, year_12) in
            [(regular, 0.704, 1.182, -1680.3, 0.173), (high_end, 0.668, 3.806, -1611.2, 0.394)]
        {
            let fit = fit_contracts(&[cohort(&left)]).unwrap();
            println!("{fit:?} S(12) {}", fit.model.survival(12));
            assert!((fit.model.alpha - alpha).abs() < 5e-4 && (fit.model.beta - beta).abs() < 5e-4, "{fit:?}");
            assert!((fit.log_likelihood - likelihood).abs() < 0.05, "{fit:?}");
            // Actual retention after twelve years, which the model has not seen.
            assert!((fit.model.survival(12) - year_12).abs() < 0.02, "{fit:?}");
        }
    }

    #[test]
    fn the_gradient_is_that_of_the_likelihood() {
        let cohorts = [cohort(&[631, 468, 382]), cohort(&[700, 600])];
        for (alpha, beta) in [(0.7, 1.2), (0.01, 5.0), (300.0, 900.0)] {
            let at = |alpha: f64, beta: f64| ShiftedBetaGeometric { alpha, beta }.log_likelihood(&cohorts);
            let slope = ShiftedBetaGeometric { alpha, beta }.gradient(&cohorts);
            let (ha, hb) = (alpha * 1e-6, beta * 1e-6);
            let expected = [
                (at(alpha + ha, beta) - at(alpha - ha, beta)) / (2.0 * ha),
                (at(alpha, beta + hb) - at(alpha, beta - hb)) / (2.0 * hb),
            ];
            for (a, b) in slope.iter().zip(expected) {
                assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{slope:?} {expected:?}");
            }
        }
    }

    #[test]
    fn survival_is_the_product_of_retentions() {
        let model = ShiftedBetaGeometric { alpha: 0.7, beta: 1.2 };
        let product: f64 = (1..=9).map(|period| model.retention(period)).product();
        assert!((model.survival(9) - product).abs() < 1e-13);
        assert!((model.survival_after(4, 5) - model.survival(9) / model.survival(4)).abs() < 1e-13);
        assert!((model.residual(0, 3, 0.0) - (1..=3).map(|t| model.survival(t)).sum::<f64>()).abs() < 1e-13);
    }

    #[test]
    fn what_cannot_be_known_is_refused() {
        let none = Cohort { ended: vec![0, 0, 0], running: 50 };
        assert_eq!(fit_contracts(&[none]).err(), Some(Error::NotIdentified));
        assert!(matches!(fit_contracts(&[Cohort { ended: vec![3], running: 9 }]), Err(Error::TooFew { .. })));
        assert_eq!(fit_contracts(&[]).err(), Some(Error::Empty));
        // Ten per cent at every renewal: everybody alike.
        let alike = fit_contracts(&[Cohort { ended: vec![1000, 900, 810, 729], running: 6561 }]).unwrap();
        assert!(alike.equal && (alike.model.retention(1) - 0.9).abs() < 1e-3, "{alike:?}");
    }
}
