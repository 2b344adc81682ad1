//! Weights from pairwise comparisons: the analytic hierarchy process (Saaty 1980).

use crate::matrix::dot;
use crate::number::real;
use crate::{Error, Result};

/// Weights, and how well the comparisons agree with each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// One weight an indicator, with sum 1.
    pub weights: Vec<f64>,
    /// Consistency ratio: 0 if every comparison follows from the others; at most 0.10 is accepted.
    pub consistency_ratio: f64,
}

/// Mean consistency index of random comparisons of 1 to 10 indicators (Saaty 1980).
const RANDOM_INDEX: [f64; 10] = [0.0, 0.0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49];
const ACCEPTED: f64 = 0.10;

/// Weights from a full table of comparisons: row i, column j says how many times as important i is as j (1/9 to 9). They
/// are refused if they contradict each other.
pub fn ahp(comparisons: &[Vec<f64>]) -> Result<Weights> {
    let weights = ahp_unchecked(comparisons)?;
    if weights.consistency_ratio > ACCEPTED {
        return Err(Error::Inconsistent { ratio: weights.consistency_ratio });
    }
    Ok(weights)
}

/// The same without the refusal, to show somebody where his comparisons stand.
pub fn ahp_unchecked(comparisons: &[Vec<f64>]) -> Result<Weights> {
    let n = comparisons.len();
    let random = *n
        .checked_sub(1)
        .and_then(|i| RANDOM_INDEX.get(i))
        .ok_or(Error::Setting("between 1 and 10 indicators can be compared"))?;
    for (row, line) in comparisons.iter().enumerate() {
        let column = comparisons.iter().filter_map(|other| other.get(row));
        if line.len() != n || line.iter().any(|value| !value.is_finite() || *value < 1.0 / 9.01 || *value > 9.01) {
            return Err(Error::Invalid {
                row,
                what: "a line of comparisons needs a number from 1/9 to 9 for each indicator",
            });
        }
        // Comparisons entered with two decimals are still reciprocal; 1/3 as 0.33 is off by a hundredth.
        if line.iter().zip(column).any(|(there, back)| (there * back - 1.0).abs() > 0.02) {
            return Err(Error::Invalid { row, what: "a comparison and its reverse do not multiply to one" });
        }
    }
    // The matrix is positive, so the power method converges to its one positive eigenvector.
    let mut weights = vec![1.0 / real(n); n];
    let mut eigenvalue = real(n);
    for _ in 0..500 {
        let next: Vec<f64> = comparisons.iter().map(|line| dot(line, &weights)).collect();
        eigenvalue = next.iter().sum();
        let next: Vec<f64> = next.iter().map(|value| value / eigenvalue).collect();
        let moved: f64 = next.iter().zip(&weights).map(|(a, b)| (a - b).abs()).sum();
        weights = next;
        if moved < 1e-15 {
            break;
        }
    }
    let index = ((eigenvalue - real(n)) / (real(n) - 1.0).max(1.0)).max(0.0);
    Ok(Weights { weights, consistency_ratio: if random > 0.0 { index / random } else { 0.0 } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consistent_comparisons_give_their_weights_back() {
        let wanted = [0.6_f64, 0.3, 0.1];
        let table: Vec<Vec<f64>> = wanted.iter().map(|a| wanted.iter().map(|b| a / b).collect()).collect();
        let found = ahp(&table).unwrap();
        assert!(found.consistency_ratio < 1e-12);
        assert!(found.weights.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }

    /// A is 3 times B, 5 times C; B is 3 times C: the geometric means give 0.637, 0.258, 0.105 for three indicators.
    #[test]
    fn a_small_example_is_reproduced() {
        let table = [vec![1.0, 3.0, 5.0], vec![1.0 / 3.0, 1.0, 3.0], vec![0.2, 1.0 / 3.0, 1.0]];
        let found = ahp(&table).unwrap();
        for (weight, expected) in found.weights.iter().zip([0.6370, 0.2583, 0.1047]) {
            assert!((weight - expected).abs() < 1e-4, "{found:?}");
        }
        assert!((found.consistency_ratio - 0.0332).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn contradictions_are_refused() {
        // A over B, B over C, and C over A.
        let table = [vec![1.0, 5.0, 0.2], vec![0.2, 1.0, 5.0], vec![5.0, 0.2, 1.0]];
        assert!(matches!(ahp(&table), Err(Error::Inconsistent { ratio }) if ratio > 1.0));
        assert!(matches!(ahp(&[vec![1.0, 2.0], vec![2.0, 1.0]]), Err(Error::Invalid { row: 0, .. })));
        assert!(matches!(ahp(&[vec![1.0, 2.0]]), Err(Error::Invalid { .. })));
        assert!(matches!(ahp(&[]), Err(Error::Setting(_))));
        assert_eq!(ahp(&[vec![1.0]]).unwrap().weights, [1.0]);
    }
}
