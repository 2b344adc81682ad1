//! Ranks with shared ties, the scores of RFM (Hughes 1994) made from them, percentiles and anchors.

use crate::number::real;
use crate::{Error, Result};

/// For each value the number of values strictly below it: its rank from zero, ties sharing the worst place.
pub fn below<T: Ord>(values: &[T]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values.get(*a).cmp(&values.get(*b)));
    let mut ranks = vec![0; values.len()];
    let mut done = 0_usize;
    for same in order.chunk_by(|a, b| values.get(*a) == values.get(*b)) {
        for place in same {
            if let Some(rank) = ranks.get_mut(*place) {
                *rank = done;
            }
        }
        done = done.saturating_add(same.len());
    }
    ranks
}

/// Scores from 1 (lowest values) to `levels`: 1 + floor(levels · (rank − 1) / n). Equal values always get equal scores,
/// so a level may stay empty. For recency pass the days negated, or the date itself.
pub fn rank_scores<T: Ord>(values: &[T], levels: u8) -> Vec<u8> {
    let n = values.len().max(1);
    let score = |rank: usize| {
        let level = rank.saturating_mul(usize::from(levels)).checked_div(n).unwrap_or(0);
        u8::try_from(level).unwrap_or(levels).saturating_add(1).min(levels.max(1))
    };
    below(values).into_iter().map(score).collect()
}

/// Scores from 1 to `levels` by buckets of equal size, as SQL's NTILE gives them, ties broken by the order of the values:
/// it tears equal customers apart, so it is offered by this name only. Pass the values in the order of the customers' ids.
pub fn ntile_scores<T: Ord>(values: &[T], levels: u8) -> Vec<u8> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values.get(*a).cmp(&values.get(*b)));
    let (n, levels) = (values.len(), usize::from(levels.max(1)));
    let (size, larger) = (n.checked_div(levels).unwrap_or(0), n.checked_rem(levels).unwrap_or(0));
    let mut scores = vec![0; n];
    let mut order = order.into_iter();
    for level in 0..levels {
        let wide = size.saturating_add(usize::from(level < larger));
        for place in order.by_ref().take(wide) {
            if let Some(score) = scores.get_mut(place) {
                *score = u8::try_from(level).unwrap_or(u8::MAX).saturating_add(1);
            }
        }
    }
    scores
}

/// The three scores of a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rfm {
    /// Recency: 5 bought most lately.
    pub recency: u8,
    /// Frequency: 5 bought most often.
    pub frequency: u8,
    /// Monetary value: 5 spent most.
    pub monetary: u8,
}

/// RFM scores of customers given as (day of the last purchase, purchase days, spend), five levels each, the three
/// rankings independent of each other.
pub fn rfm<M: Ord + Clone>(customers: &[(i32, u32, M)]) -> Vec<Rfm> {
    let column = |f: &dyn Fn(&(i32, u32, M)) -> i64| customers.iter().map(f).collect::<Vec<i64>>();
    let recency = rank_scores(&column(&|customer| i64::from(customer.0)), 5);
    let frequency = rank_scores(&column(&|customer| i64::from(customer.1)), 5);
    let monetary = rank_scores(&customers.iter().map(|customer| customer.2.clone()).collect::<Vec<M>>(), 5);
    let both = recency.into_iter().zip(frequency).zip(monetary);
    both.map(|((recency, frequency), monetary)| Rfm { recency, frequency, monetary }).collect()
}

/// A real number with a total order, so that it can be ranked. Make it with [`Real::of`].
#[derive(Clone, Copy, Debug)]
pub struct Real(f64);

impl Real {
    /// None for NaN and infinity, which have no place in a ranking.
    pub fn of(value: f64) -> Option<Self> {
        // Adding zero turns −0 into 0, which must not differ.
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// The number.
    pub fn value(self) -> f64 {
        self.0
    }
}

impl PartialEq for Real {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Real {}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Percentile ranks from 0 to 100 within the group: the share of the others that lie strictly below. The only member of
/// a group has none.
pub fn percentiles<T: Ord>(values: &[T]) -> Vec<Option<f64>> {
    let others = values.len().saturating_sub(1);
    below(values).into_iter().map(|rank| (others > 0).then(|| 100.0 * real(rank) / real(others))).collect()
}

/// A scale between configured points (value, score): straight lines between them, flat beyond the first and the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Anchors(Vec<(f64, f64)>);

impl Anchors {
    /// From at least two points with rising values.
    pub fn new(points: Vec<(f64, f64)>) -> Result<Self> {
        let rising = points.iter().zip(points.iter().skip(1)).all(|(a, b)| a.0 < b.0);
        if points.len() < 2 {
            Err(Error::TooFew { found: points.len(), needed: 2 })
        } else if !rising || points.iter().any(|(x, y)| !(x.is_finite() && y.is_finite())) {
            Err(Error::Setting("anchors must be finite, and their values must rise"))
        } else {
            Ok(Self(points))
        }
    }

    /// The score of a value; none if it is not a number.
    pub fn score(&self, value: f64) -> Option<f64> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        if value.is_nan() {
            return None;
        }
        if value <= first.0 {
            return Some(first.1);
        }
        let segment = self.0.iter().zip(self.0.iter().skip(1)).find(|(_, high)| value <= high.0);
        Some(segment.map_or(last.1, |(low, high)| low.1 + (high.1 - low.1) * ((value - low.0) / (high.0 - low.0))))
    }

    /// The value nearest to `from` whose score on the lines is at least this; none if no value has it.
    pub fn nearest(&self, score: f64, from: f64) -> Option<f64> {
        let crossing = |(low, high): (&(f64, f64), &(f64, f64))| {
            let within = (low.1.min(high.1)..=low.1.max(high.1)).contains(&score) && low.1 != high.1;
            within.then(|| low.0 + (high.0 - low.0) * ((score - low.1) / (high.1 - low.1)))
        };
        let crossings = self.0.iter().zip(self.0.iter().skip(1)).filter_map(crossing);
        let all = crossings.chain(self.0.iter().filter(|(_, reached)| *reached >= score).map(|(value, _)| *value));
        all.min_by(|a, b| (a - from).abs().total_cmp(&(b - from).abs()))
    }

    /// The begin of the band nearest to `from` whose score is at least this; none if no band has it.
    pub fn nearest_band(&self, score: f64, from: f64) -> Option<f64> {
        let fitting = self.0.iter().filter(|(_, reached)| *reached >= score).map(|(begin, _)| *begin);
        fitting.min_by(|a, b| (a - from).abs().total_cmp(&(b - from).abs()))
    }

    /// The score of the band that a value falls into, where each point begins one; none if it is not a number.
    pub fn band(&self, value: f64) -> Option<f64> {
        let begun = self.0.iter().take_while(|(begin, _)| *begin <= value).last();
        begun.or(self.0.first()).filter(|_| !value.is_nan()).map(|(_, score)| *score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_worst_place() {
        assert_eq!(below(&[5, 1, 5, 9, 1]), [2, 0, 2, 4, 0]);
        assert_eq!(rank_scores(&[1, 1, 1, 2, 3], 5), [1, 1, 1, 4, 5]);
        assert_eq!(rank_scores(&[7; 9], 5), [1; 9]);
        assert_eq!(rank_scores::<i32>(&[], 5), Vec::<u8>::new());
        assert_eq!(rank_scores(&(0..10).collect::<Vec<i32>>(), 5), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    }

    #[test]
    fn buckets_are_those_of_ntile() {
        assert_eq!(ntile_scores(&[1, 1, 1, 1, 1, 1, 1], 3), [1, 1, 1, 2, 2, 3, 3]);
        assert_eq!(ntile_scores(&[30, 10, 20], 5), [3, 1, 2]);
    }

    #[test]
    fn the_nearest_value_that_reaches_a_score() {
        let hill = Anchors::new(vec![(0.0, 0.0), (100.0, 80.0), (200.0, 0.0)]).unwrap();
        assert_eq!([hill.nearest(40.0, 0.0), hill.nearest(40.0, 190.0)], [Some(50.0), Some(150.0)]);
        assert_eq!([hill.nearest(80.0, 0.0), hill.nearest(81.0, 0.0)], [Some(100.0), None]);
        for score in [1.0, 33.0, 79.0] {
            let value = hill.nearest(score, 0.0).unwrap();
            assert!((hill.score(value).unwrap() - score).abs() < 1e-9);
        }
        let bands = Anchors::new(vec![(0.0, 10.0), (5.0, 50.0), (9.0, 90.0)]).unwrap();
        assert_eq!(
            [bands.nearest_band(50.0, 0.0), bands.nearest_band(51.0, 0.0), bands.nearest_band(91.0, 0.0)],
            [Some(5.0), Some(9.0), None]
        );
    }

    #[test]
    fn percentiles_run_from_0_to_100() {
        assert_eq!(percentiles(&[3, 1, 2]), [Some(100.0), Some(0.0), Some(50.0)]);
        assert_eq!(percentiles(&[3, 3]), [Some(0.0), Some(0.0)]);
        assert_eq!(percentiles(&[3]), [None]);
        assert_eq!(Real::of(-0.0), Real::of(0.0));
        assert_eq!(Real::of(f64::NAN), None);
    }

    #[test]
    fn anchors_bend_where_they_are() {
        let scale = Anchors::new(vec![(0.0, 0.0), (10.0, 80.0), (110.0, 100.0)]).unwrap();
        let scores = [-5.0, 5.0, 10.0, 60.0, 1e9].map(|value| scale.score(value).unwrap());
        assert_eq!(scores, [0.0, 40.0, 80.0, 90.0, 100.0]);
        assert_eq!(scale.score(f64::NAN), None);
        let bands = [-5.0, 9.9, 10.0, 60.0, 1e9].map(|value| scale.band(value).unwrap());
        assert_eq!(bands, [0.0, 0.0, 80.0, 80.0, 100.0]);
        assert_eq!(scale.band(f64::NAN), None);
        assert!(Anchors::new(vec![(1.0, 0.0), (1.0, 5.0)]).is_err());
    }
}
