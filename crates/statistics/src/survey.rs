//! Answers to surveys: shares with the interval of Wilson (1927), net promoter score (Reichheld 2003), satisfaction.

use crate::number::{real, real64};
use crate::{Error, Result};

/// Fewer answers than this are not published for a group.
pub const LEAST_ANSWERS: usize = 10;
const Z: f64 = 1.959_963_984_540_054;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Answers it stands on.
    pub answers: usize,
}

/// A share with Wilson's interval; none of nothing.
pub fn wilson(yes: u64, all: u64) -> Result<Estimate> {
    if all == 0 {
        return Err(Error::Empty);
    }
    if yes > all {
        return Err(Error::Setting("a part is larger than its whole"));
    }
    let (n, share) = (real64(all), real64(yes) / real64(all));
    let z2 = Z * Z / n;
    let middle = (share + 0.5 * z2) / (1.0 + z2);
    let reach = Z / (1.0 + z2) * (share * (1.0 - share) / n + 0.25 * z2 / n).sqrt();
    let answers = usize::try_from(all).unwrap_or(usize::MAX);
    Ok(Estimate { value: share, low: (middle - reach).max(0.0), high: (middle + reach).min(1.0), answers })
}

fn enough(answers: &[u8], low: u8, high: u8) -> Result<()> {
    if let Some(row) = answers.iter().position(|answer| !(low..=high).contains(answer)) {
        return Err(Error::Invalid { row, what: "an answer is outside its scale" });
    }
    if answers.len() < LEAST_ANSWERS {
        return Err(Error::TooFew { found: answers.len(), needed: LEAST_ANSWERS });
    }
    Ok(())
}

fn count(answers: &[u8], low: u8, high: u8) -> u64 {
    u64::try_from(answers.iter().filter(|answer| (low..=high).contains(answer)).count()).unwrap_or(u64::MAX)
}

/// Customer satisfaction: the share of 4 and 5 among answers from 1 to 5.
pub fn csat(answers: &[u8]) -> Result<Estimate> {
    enough(answers, 1, 5)?;
    wilson(count(answers, 4, 5), u64::try_from(answers.len()).unwrap_or(u64::MAX))
}

/// Net promoter score in points from −100 to 100: the share of 9 and 10 minus that of 0 to 6. Variance of the difference
/// of two shares of one sample: (p + d − (p − d)²) / n.
pub fn nps(answers: &[u8]) -> Result<Estimate> {
    enough(answers, 0, 10)?;
    let n = real(answers.len());
    let (p, d) = (real64(count(answers, 9, 10)) / n, real64(count(answers, 0, 6)) / n);
    let reach = Z * ((p + d - (p - d).powi(2)) / n).max(0.0).sqrt();
    let points = |share: f64| (100.0 * share).clamp(-100.0, 100.0);
    Ok(Estimate {
        value: points(p - d),
        low: points(p - d - reach),
        high: points(p - d + reach),
        answers: answers.len(),
    })
}

/// Customer effort: the mean of answers from 1 to 7, with the interval of a mean.
pub fn ces(answers: &[u8]) -> Result<Estimate> {
    enough(answers, 1, 7)?;
    let n = real(answers.len());
    let mean = answers.iter().map(|answer| f64::from(*answer)).sum::<f64>() / n;
    let variance = answers.iter().map(|answer| (f64::from(*answer) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let reach = Z * (variance / n).sqrt();
    Ok(Estimate { value: mean, low: (mean - reach).max(1.0), high: (mean + reach).min(7.0), answers: answers.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_stay_on_their_scale() {
        let found = wilson(9, 10).unwrap();
        // By hand: middle (0.9 + 0.19207) / 1.38415, reach 1.95996 / 1.38415 · √(0.009 + 0.0096036).
        assert!((found.low - 0.5958).abs() < 1e-4 && (found.high - 0.9821).abs() < 1e-4, "{found:?}");
        let none = wilson(0, 10).unwrap();
        assert!(none.low == 0.0 && none.high > 0.2);
        assert!(wilson(0, 0).is_err() && wilson(3, 2).is_err());
    }

    #[test]
    fn promoters_minus_detractors() {
        // Five promoters, three passive, two detractors.
        let found = nps(&[10, 9, 9, 10, 10, 7, 8, 8, 0, 6]).unwrap();
        assert!((found.value - 30.0).abs() < 1e-12);
        let reach = 100.0 * Z * ((0.7 - 0.09) / 10.0_f64).sqrt();
        assert!((found.high - found.value - reach).abs() < 1e-9);
        assert_eq!(nps(&[10; 12]).unwrap().low, 100.0);
    }

    #[test]
    fn few_answers_are_withheld() {
        assert!(matches!(csat(&[5; 9]), Err(Error::TooFew { needed: 10, .. })));
        assert!(matches!(ces(&[8; 10]), Err(Error::Invalid { row: 0, .. })));
        assert!((csat(&[5, 4, 4, 5, 1, 2, 3, 5, 5, 4]).unwrap().value - 0.7).abs() < 1e-12);
        assert!((ces(&[1, 7, 1, 7, 1, 7, 1, 7, 1, 7]).unwrap().value - 4.0).abs() < 1e-12);
    }
}
