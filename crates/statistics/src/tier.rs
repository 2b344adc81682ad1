//! Layers of customers by quota (Curry & Curry 2000), the dampening that keeps them from flickering, and who moved.

use crate::number::real;
use crate::rank;
use crate::{Error, Result};

/// The layers of the customer pyramid: top 1 %, 4 %, 15 %, and the other 80 %.
pub const PYRAMID: [f64; 4] = [0.01, 0.04, 0.15, 0.80];

/// For each value its layer from the top, counted from zero, by shares of the customers. Tied customers all go to the higher
/// layer, so a layer may hold more than its quota.
pub fn by_quota<T: Ord + Clone>(values: &[T], quotas: &[f64]) -> Result<Vec<usize>> {
    let sum: f64 = quotas.iter().sum();
    if quotas.is_empty() || quotas.iter().any(|quota| quota.is_nan() || *quota < 0.0) || (sum - 1.0).abs() > 1e-9 {
        return Err(Error::Setting("quotas must not be negative, and must make one"));
    }
    let falling: Vec<std::cmp::Reverse<T>> = values.iter().cloned().map(std::cmp::Reverse).collect();
    let n = real(values.len());
    let borders: Vec<f64> = quotas
        .iter()
        .scan(0.0, |sum, quota| {
            *sum += quota;
            Some(*sum * n - 1e-9)
        })
        .collect();
    let last = quotas.len().saturating_sub(1);
    let layer = |above: usize| borders.iter().position(|border| real(above) < *border).unwrap_or(last);
    Ok(rank::below(&falling).into_iter().map(layer).collect())
}

/// A customer's layer, and a move that waits to be seen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The layer that counts.
    pub layer: usize,
    /// The layer that the last run proposed without effect.
    pub proposed: Option<usize>,
}

/// Points past a border at which a customer moves at once.
pub const MARGIN: f64 = 3.0;

/// Where a customer is after a run that puts him into `layer`, `past` points beyond the border nearest to his old one: he
/// moves if he is three points past it, or if the last run said the same.
pub fn settle(before: Option<Place>, layer: usize, past: f64) -> Place {
    match before {
        Some(old) if old.layer != layer && past < MARGIN && old.proposed != Some(layer) => {
            Place { layer: old.layer, proposed: Some(layer) }
        }
        _ => Place { layer, proposed: None },
    }
}

/// Counts of moves: row = layer before, column = layer after; the last row holds those who were in none before, the last
/// column those who are in none now. Rows add up to the layers' old sizes.
pub fn movements(moves: &[(Option<usize>, Option<usize>)], layers: usize) -> Vec<Vec<u64>> {
    let width = layers.saturating_add(1);
    let mut table = vec![vec![0_u64; width]; width];
    for (from, to) in moves {
        let place = |layer: &Option<usize>| layer.filter(|layer| *layer < layers).unwrap_or(layers);
        if let Some(cell) = table.get_mut(place(from)).and_then(|row| row.get_mut(place(to))) {
            *cell = cell.saturating_add(1);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tied_customers_go_up_together() {
        let values: Vec<u32> = (0..100).collect();
        let layers = by_quota(&values, &PYRAMID).unwrap();
        let count = |layer| layers.iter().filter(|other| **other == layer).count();
        assert_eq!([count(0), count(1), count(2), count(3)], [1, 4, 15, 80]);
        assert_eq!(layers[99], 0);
        assert_eq!(by_quota(&[1, 9, 9, 9, 1, 1, 1, 1, 1, 1], &[0.1, 0.9]).unwrap(), [1, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
        assert_eq!(by_quota(&[5], &PYRAMID).unwrap(), [0]);
        assert!(by_quota(&[5], &[0.5, 0.4]).is_err());
    }

    #[test]
    fn a_move_takes_three_points_or_two_runs() {
        let at = |layer, proposed| Place { layer, proposed };
        assert_eq!(settle(None, 2, 0.1), at(2, None));
        let waiting = settle(Some(at(2, None)), 1, 1.0);
        assert_eq!(waiting, at(2, Some(1)));
        assert_eq!(settle(Some(waiting), 1, 1.0), at(1, None));
        assert_eq!(settle(Some(waiting), 2, 1.0), at(2, None));
        assert_eq!(settle(Some(at(2, None)), 0, 3.0), at(0, None));
    }

    #[test]
    fn moves_add_up() {
        let table = movements(&[(Some(0), Some(1)), (Some(1), Some(1)), (None, Some(0)), (Some(1), None)], 2);
        assert_eq!(table, [[0, 1, 0], [0, 1, 1], [1, 0, 0]]);
    }
}
