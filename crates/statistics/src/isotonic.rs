//! Calibration that only bends a score upwards: isotonic regression by pooling neighbours (Ayer et al. 1955; Zadrozny &
//! Elkan 2002).

use crate::{Error, Result};

/// A rising curve from scores to probabilities or amounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Isotonic {
    points: Vec<(f64, f64)>,
}

struct Block {
    from: f64,
    to: f64,
    sum: f64,
    weight: f64,
}

impl Isotonic {
    /// The rising curve nearest to the outcomes in squared error. Equal scores get equal values.
    pub fn fit(scores: &[f64], outcomes: &[f64]) -> Result<Self> {
        if scores.len() != outcomes.len() {
            return Err(Error::Setting("there must be as many outcomes as scores"));
        }
        let mut pairs: Vec<(f64, f64)> = scores.iter().copied().zip(outcomes.iter().copied()).collect();
        if let Some(row) = pairs.iter().position(|(score, outcome)| !score.is_finite() || !outcome.is_finite()) {
            return Err(Error::Invalid { row, what: "a score or outcome is not a finite number" });
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut blocks: Vec<Block> = Vec::new();
        for same in pairs.chunk_by(|a, b| a.0 == b.0) {
            let Some((score, _)) = same.first() else { continue };
            let sum = same.iter().map(|(_, outcome)| outcome).sum();
            let mut new = Block { from: *score, to: *score, sum, weight: crate::number::real(same.len()) };
            // A block that does not lie above the one before it joins it.
            while let Some(last) = blocks.pop_if(|last| last.sum * new.weight >= new.sum * last.weight) {
                new = Block { from: last.from, to: new.to, sum: last.sum + new.sum, weight: last.weight + new.weight };
            }
            blocks.push(new);
        }
        if blocks.is_empty() {
            return Err(Error::Empty);
        }
        let ends = |block: &Block| [(block.from, block.sum / block.weight), (block.to, block.sum / block.weight)];
        Ok(Self { points: blocks.iter().flat_map(ends).collect() })
    }

    /// The value for a score: flat within a block and beyond the ends, straight between blocks.
    pub fn predict(&self, score: f64) -> f64 {
        let Some(after) = self.points.iter().position(|(at, _)| *at >= score) else {
            return self.points.last().map_or(0.0, |(_, value)| *value);
        };
        let high = self.points.get(after);
        let low = after.checked_sub(1).and_then(|before| self.points.get(before));
        match (low, high) {
            (Some((x0, y0)), Some((x1, y1))) if x1 > x0 => y0 + (y1 - y0) * ((score - x0) / (x1 - x0)),
            (_, Some((_, value))) => *value,
            (_, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falling_neighbours_are_pooled() {
        let curve = Isotonic::fit(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 2.0, 2.0, 8.0]).unwrap();
        let pooled = 7.0 / 3.0;
        for (score, expected) in
            [(0.0, 1.0), (1.0, 1.0), (2.0, pooled), (3.3, pooled), (4.0, pooled), (5.0, 8.0), (9.0, 8.0)]
        {
            assert!((curve.predict(score) - expected).abs() < 1e-12, "{score}");
        }
        assert!((curve.predict(4.5) - 0.5 * (pooled + 8.0)).abs() < 1e-12);
    }

    #[test]
    fn the_curve_never_falls() {
        let scores: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 101)).collect();
        let outcomes: Vec<f64> = (0..200).map(|i| f64::from(i * 53 % 17)).collect();
        let curve = Isotonic::fit(&scores, &outcomes).unwrap();
        let values: Vec<f64> = (-10..1200).map(|i| curve.predict(f64::from(i) / 10.0)).collect();
        assert!(values.windows(2).all(|pair| pair[0] <= pair[1]));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / 200.0;
        let fitted: Vec<f64> = scores.iter().map(|score| curve.predict(*score)).collect();
        assert!((mean(&fitted) - mean(&outcomes)).abs() < 1e-9);
        assert_eq!(Isotonic::fit(&[], &[]).err(), Some(Error::Empty));
    }
}
