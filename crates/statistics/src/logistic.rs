//! Logistic regression by Newton's method (Cox 1958), with a slight pull of the coefficients to zero, which keeps them finite
//! where a feature separates the outcomes (Hoerl & Kennard 1970).

use crate::matrix::{self, Rows, dot};
use crate::number::real;
use crate::{Error, Result};

/// A fitted regression. Coefficients are for features as given, not standardised.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// Log odds of somebody whose features are all zero.
    pub intercept: f64,
    /// Log odds a unit of each feature.
    pub coefficients: Vec<f64>,
    /// Mean of each feature, which contributions are measured from.
    pub means: Vec<f64>,
}

impl Logistic {
    /// Fits to rows of features; `ridge` is the pull on each standardised coefficient (1 is usual, and may be zero).
    pub fn fit(features: &[Vec<f64>], outcomes: &[bool], ridge: f64) -> Result<Self> {
        let width = features.first().ok_or(Error::Empty)?.len();
        if features.len() != outcomes.len() || ridge.is_nan() || ridge < 0.0 {
            return Err(Error::Setting("there must be as many outcomes as rows, and the pull must not be negative"));
        }
        if let Some(row) = features.iter().position(|row| row.len() != width || row.iter().any(|x| !x.is_finite())) {
            return Err(Error::Invalid { row, what: "features are missing or not finite" });
        }
        let yes = outcomes.iter().filter(|outcome| **outcome).count();
        if yes == 0 || yes == outcomes.len() {
            return Err(Error::NotIdentified);
        }
        let n = real(features.len());
        let column = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            (0..width)
                .map(|j| features.iter().filter_map(|row| row.get(j)).map(|x| f(j, *x)).sum::<f64>() / n)
                .collect()
        };
        let means = column(&|_, x| x);
        let spread: Vec<f64> = column(&|j, x| (x - means.get(j).copied().unwrap_or_default()).powi(2));
        // A feature that does not vary says nothing; its coefficient stays zero.
        let scales: Vec<f64> = spread.iter().map(|v| if *v > 0.0 { v.sqrt().recip() } else { 0.0 }).collect();
        let rows: Rows = features
            .iter()
            .map(|row| {
                let standard = row.iter().zip(&means).zip(&scales).map(|((x, mean), scale)| (x - mean) * scale);
                std::iter::once(1.0).chain(standard).collect()
            })
            .collect();
        let weights = newton(&rows, outcomes, ridge)?;
        let (first, rest) = weights.split_first().ok_or(Error::Empty)?;
        let coefficients: Vec<f64> = rest.iter().zip(&scales).map(|(weight, scale)| weight * scale).collect();
        Ok(Self { intercept: first - dot(&coefficients, &means), coefficients, means })
    }

    /// Log odds.
    pub fn log_odds(&self, features: &[f64]) -> f64 {
        self.intercept + dot(&self.coefficients, features)
    }

    /// Probability.
    pub fn predict(&self, features: &[f64]) -> f64 {
        1.0 / (1.0 + (-self.log_odds(features)).exp())
    }

    /// What each feature adds to the log odds of somebody at the means.
    pub fn contributions(&self, features: &[f64]) -> Vec<f64> {
        self.coefficients.iter().zip(features).zip(&self.means).map(|((b, x), mean)| b * (x - mean)).collect()
    }
}

fn newton(rows: &[Vec<f64>], outcomes: &[bool], ridge: f64) -> Result<Vec<f64>> {
    let width = rows.first().map_or(0, Vec::len);
    // The intercept is not pulled; the rest a little even where nothing is asked for, so that there is one answer.
    let pull = |i: usize| if i == 0 { 0.0 } else { ridge.max(1e-9) };
    let mut weights = vec![0.0; width];
    for _ in 0..100 {
        let mut slope: Vec<f64> = weights.iter().enumerate().map(|(i, weight)| -pull(i) * weight).collect();
        let mut bend: Rows = vec![vec![0.0; width]; width];
        for (row, outcome) in rows.iter().zip(outcomes) {
            let p = 1.0 / (1.0 + (-dot(row, &weights)).exp());
            let (miss, variance) = (f64::from(u8::from(*outcome)) - p, p * (1.0 - p));
            for ((x, slope), line) in row.iter().zip(slope.iter_mut()).zip(bend.iter_mut()) {
                *slope += miss * x;
                line.iter_mut().zip(row).for_each(|(cell, other)| *cell += variance * x * other);
            }
        }
        for (i, line) in bend.iter_mut().enumerate() {
            if let Some(cell) = line.get_mut(i) {
                *cell += pull(i) + 1e-12;
            }
        }
        let lower = matrix::cholesky(&bend).ok_or(Error::NotIdentified)?;
        let step = matrix::backward(&lower, &matrix::forward(&lower, &slope));
        // A long step would overshoot where the curve is flat.
        let length = step.iter().map(|s| s.abs()).fold(0.0, f64::max);
        let damped = (4.0 / length).min(1.0);
        weights.iter_mut().zip(&step).for_each(|(weight, step)| *weight += damped * step);
        if !length.is_finite() {
            return Err(Error::NoConvergence);
        }
        if length < 1e-9 {
            return Ok(weights);
        }
    }
    Err(Error::NoConvergence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn coefficients_are_found_again() {
        let mut random = Random::new(11);
        let features: Vec<Vec<f64>> = (0..20_000).map(|_| vec![random.normal(), 5.0 + 2.0 * random.normal()]).collect();
        let truth = Logistic { intercept: -2.0, coefficients: vec![1.0, 0.3], means: vec![] };
        let outcomes: Vec<bool> = features.iter().map(|row| random.uniform() < truth.predict(row)).collect();
        let found = Logistic::fit(&features, &outcomes, 0.0).unwrap();
        assert!((found.intercept + 2.0).abs() < 0.15, "{found:?}");
        assert!((found.coefficients[0] - 1.0).abs() < 0.06 && (found.coefficients[1] - 0.3).abs() < 0.03, "{found:?}");
        let parts: f64 = found.contributions(&features[7]).iter().sum();
        assert!((parts + found.log_odds(&found.means) - found.log_odds(&features[7])).abs() < 1e-12);
    }

    #[test]
    fn separated_outcomes_and_constant_features_stay_finite() {
        let features: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i), 1.0]).collect();
        let outcomes: Vec<bool> = (0..20).map(|i| i >= 10).collect();
        let found = Logistic::fit(&features, &outcomes, 1.0).unwrap();
        assert!(found.coefficients[0].is_finite() && found.coefficients[0] > 0.0 && found.coefficients[1] == 0.0);
        assert_eq!(Logistic::fit(&features, &[true; 20], 1.0).err(), Some(Error::NotIdentified));
        assert!(Logistic::fit(&[], &[], 1.0).is_err());
    }
}
