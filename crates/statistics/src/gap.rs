//! The times between purchases: how regular they are (Platzer & Reutterer 2016), when the next one is due by them, and
//! when silence has become too long.

use crate::number::{digamma, real};
use crate::{Error, Result, describe};

/// The most regular a customer can be said to be.
const CLOCKWORK: f64 = 1e4;
/// Gaps needed to speak of regularity.
const LEAST_GAPS: usize = 4;
/// Gaps that the peers' typical gap counts as.
const PEERS: f64 = 3.0;

/// Shape k of a gamma distribution fitted to the gaps by maximum likelihood: near 1 purchases come at random, above 2 like
/// clockwork; at most 10,000. At least four gaps are needed.
pub fn regularity(gaps: &[f64]) -> Result<f64> {
    if gaps.len() < LEAST_GAPS {
        return Err(Error::TooFew { found: gaps.len(), needed: LEAST_GAPS });
    }
    if let Some(row) = gaps.iter().position(|gap| !gap.is_finite() || *gap <= 0.0) {
        return Err(Error::Invalid { row, what: "a gap is not a positive time" });
    }
    let n = real(gaps.len());
    let mean = gaps.iter().sum::<f64>() / n;
    let spread = mean.ln() - gaps.iter().map(|gap| gap.ln()).sum::<f64>() / n;
    // ln k − ψ(k) falls from infinity to zero: halve the interval of ln k that holds the answer.
    let (mut low, mut high) = (-CLOCKWORK.ln(), CLOCKWORK.ln());
    for _ in 0..60 {
        let middle: f64 = 0.5 * (low + high);
        if middle - digamma(middle.exp()) > spread { low = middle } else { high = middle }
    }
    Ok(low.exp())
}

/// A customer's typical gap: the median of his own, drawn to that of his peers, which counts as three. Without own gaps it
/// is the peers'.
pub fn typical_gap(gaps: &[f64], peers: f64) -> f64 {
    describe::median(gaps).map_or(peers, |own| describe::shrunk(real(gaps.len()), own, peers, PEERS))
}

/// When the next purchase is due by the customer's own rhythm, from the last one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// Time after the last purchase.
    pub after: f64,
    /// One in ten of his gaps was shorter.
    pub earliest: f64,
    /// One in ten of his gaps was longer.
    pub latest: f64,
    /// Regularity of the gaps.
    pub regularity: f64,
    /// Whether the rhythm is regular enough (above 2) to forecast by.
    pub regular: bool,
}

/// The due time by the gaps; at least four are needed.
pub fn due(gaps: &[f64], peers: f64) -> Result<Due> {
    let regularity = regularity(gaps)?;
    let at = |q| describe::quantile(gaps, q).ok_or(Error::Empty);
    let after = typical_gap(gaps, peers);
    Ok(Due { after, earliest: at(0.1)?, latest: at(0.9)?, regularity, regular: regularity > 2.0 })
}

/// Occasions a year: those of the window, extrapolated from the days the customer has been there; at least 30 days.
pub fn occasions_a_year(occasions: u32, window_days: u32, age_days: u32) -> Result<f64> {
    let days = window_days.min(age_days);
    if days < 30 {
        return Err(Error::TooFew { found: usize::try_from(days).unwrap_or(usize::MAX), needed: 30 });
    }
    Ok(f64::from(occasions) * 365.0 / f64::from(days))
}

/// Whether a customer without a contract is still one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Within his rhythm.
    Active,
    /// Silent for half the time after which he counts as lost.
    Dormant,
    /// Lost: silent for 90 days and twice his typical gap, or less than 5 % likely to buy in that time.
    Churned,
}

/// The days after which silence counts as loss: 90, or twice the typical gap if that is longer.
pub fn patience(typical_gap_days: f64) -> f64 {
    (2.0 * typical_gap_days).max(90.0)
}

/// Where a customer stands after `silence` days; `p_buy` is the chance of a purchase within his [`patience`], if a model
/// gives one.
pub fn activity(silence: f64, typical_gap_days: f64, p_buy: Option<f64>) -> Activity {
    let patience = patience(typical_gap_days);
    if silence >= patience || p_buy.is_some_and(|p| p < 0.05) {
        Activity::Churned
    } else if silence >= 0.5 * patience {
        Activity::Dormant
    } else {
        Activity::Active
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    #[test]
    fn regularity_tells_chance_from_clockwork() {
        let mut random = Random::new(3);
        for shape in [0.5, 1.0, 4.0] {
            let gaps: Vec<f64> = (0..4000).map(|_| random.gamma(shape, 0.1)).collect();
            assert!((regularity(&gaps).unwrap() / shape - 1.0).abs() < 0.08, "{shape}");
        }
        assert!(regularity(&[30.0; 6]).unwrap() > 9_000.0);
        assert!(matches!(regularity(&[1.0, 2.0, 3.0]), Err(Error::TooFew { needed: 4, .. })));
        assert!(matches!(regularity(&[1.0, 2.0, 3.0, 0.0]), Err(Error::Invalid { row: 3, .. })));
    }

    #[test]
    fn the_due_date_leans_on_the_peers() {
        let found = due(&[28.0, 30.0, 31.0, 33.0, 30.0], 60.0).unwrap();
        assert!((found.after - (5.0 * 30.0 + 3.0 * 60.0) / 8.0).abs() < 1e-12);
        assert!(found.regular && found.earliest < 30.0 && found.latest > 31.0);
        assert_eq!(typical_gap(&[], 45.0), 45.0);
    }

    #[test]
    fn silence_turns_into_loss() {
        let states = [10.0, 45.0, 89.0, 90.0].map(|silence| activity(silence, 20.0, None));
        assert_eq!(states, [Activity::Active, Activity::Dormant, Activity::Dormant, Activity::Churned]);
        assert_eq!(activity(100.0, 100.0, None), Activity::Dormant);
        assert_eq!(activity(1.0, 20.0, Some(0.04)), Activity::Churned);
        assert_eq!(occasions_a_year(6, 365, 73), Ok(30.0));
        assert!(occasions_a_year(6, 365, 29).is_err());
    }
}
