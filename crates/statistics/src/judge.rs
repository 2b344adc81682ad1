//! How good forecasts were: ranking (AUC), squared error of probabilities (Brier 1950), calibration in ten bins, and
//! errors of amounts over a holdout.

use crate::number::{correlation, real};
use crate::{Error, Result};

fn paired(predicted: &[f64], outcomes: usize) -> Result<()> {
    if predicted.len() != outcomes {
        return Err(Error::Setting("there must be as many outcomes as forecasts"));
    }
    match predicted.iter().position(|p| !p.is_finite()) {
        Some(row) => Err(Error::Invalid { row, what: "a forecast is not a finite number" }),
        None if predicted.is_empty() => Err(Error::Empty),
        None => Ok(()),
    }
}

/// The chance that a forecast for somebody with the outcome is above one for somebody without it, ties counting half
/// (the area under the ROC curve; Hanley & McNeil 1982). Both outcomes must occur.
pub fn auc(predicted: &[f64], outcomes: &[bool]) -> Result<f64> {
    paired(predicted, outcomes.len())?;
    let mut pairs: Vec<(f64, bool)> = predicted.iter().copied().zip(outcomes.iter().copied()).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut without, mut with, mut above) = (0.0, 0.0, 0.0);
    for same in pairs.chunk_by(|a, b| a.0 == b.0) {
        let yes = real(same.iter().filter(|(_, outcome)| *outcome).count());
        let no = real(same.len()) - yes;
        above += yes * (without + 0.5 * no);
        without += no;
        with += yes;
    }
    if with * without > 0.0 { Ok(above / (with * without)) } else { Err(Error::NotIdentified) }
}

/// Mean squared distance of probabilities and outcomes (Brier 1950).
pub fn brier(predicted: &[f64], outcomes: &[bool]) -> Result<f64> {
    paired(predicted, outcomes.len())?;
    let sum: f64 = predicted.iter().zip(outcomes).map(|(p, outcome)| (p - f64::from(u8::from(*outcome))).powi(2)).sum();
    Ok(sum / real(predicted.len()))
}

/// Forecasts of about the same size, and what came of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// Forecasts in it.
    pub count: usize,
    /// Their mean.
    pub predicted: f64,
    /// Mean outcome.
    pub observed: f64,
}

/// Calibration by bins of (nearly) equal numbers of forecasts, lowest first; outcomes may be 0 and 1 or amounts. Equal
/// forecasts may fall into two bins.
pub fn calibration(predicted: &[f64], outcomes: &[f64], bins: usize) -> Result<Vec<Bin>> {
    paired(predicted, outcomes.len())?;
    paired(outcomes, outcomes.len())?;
    if bins == 0 {
        return Err(Error::Setting("at least one bin is needed"));
    }
    let mut pairs: Vec<(f64, f64)> = predicted.iter().copied().zip(outcomes.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = pairs.as_slice();
    let mut table = Vec::with_capacity(bins);
    for bin in (1..=bins).rev() {
        let (these, rest) = left.split_at(left.len().div_ceil(bin));
        left = rest;
        let count = these.len();
        if count > 0 {
            let mean = |f: fn(&(f64, f64)) -> f64| these.iter().map(f).sum::<f64>() / real(count);
            table.push(Bin { count, predicted: mean(|pair| pair.0), observed: mean(|pair| pair.1) });
        }
    }
    Ok(table)
}

/// Mean distance of forecast and outcome over the bins, weighted by their counts (expected calibration error).
pub fn calibration_error(bins: &[Bin]) -> f64 {
    let all: usize = bins.iter().map(|bin| bin.count).sum();
    bins.iter().map(|bin| real(bin.count) * (bin.predicted - bin.observed).abs()).sum::<f64>() / real(all.max(1))
}

/// Errors of forecasts of amounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Errors {
    /// Sum of the forecasts over that of the outcomes, less one; none if nothing came.
    pub total: Option<f64>,
    /// Mean absolute error.
    pub mean_absolute: f64,
    /// Root of the mean squared error.
    pub root_mean_square: f64,
    /// Correlation; none where one side does not vary.
    pub correlation: Option<f64>,
    /// Mean absolute error in relation to the outcome, where that is not zero (MAPE); none if all are.
    pub mean_relative: Option<f64>,
}

/// Compares forecasts with outcomes.
pub fn errors(predicted: &[f64], outcomes: &[f64]) -> Result<Errors> {
    paired(predicted, outcomes.len())?;
    paired(outcomes, outcomes.len())?;
    let pairs: Vec<(f64, f64)> = predicted.iter().copied().zip(outcomes.iter().copied()).collect();
    let n = real(pairs.len());
    let relative: Vec<f64> = pairs.iter().filter(|(_, o)| *o != 0.0).map(|(p, o)| ((p - o) / o).abs()).collect();
    let (forecast, outcome) = (predicted.iter().sum::<f64>(), outcomes.iter().sum::<f64>());
    Ok(Errors {
        total: (outcome != 0.0).then(|| forecast / outcome - 1.0),
        mean_absolute: pairs.iter().map(|(p, o)| (p - o).abs()).sum::<f64>() / n,
        root_mean_square: (pairs.iter().map(|(p, o)| (p - o).powi(2)).sum::<f64>() / n).sqrt(),
        correlation: correlation(&pairs),
        mean_relative: (!relative.is_empty()).then(|| relative.iter().sum::<f64>() / real(relative.len())),
    })
}

/// Expected repeat purchases of a cohort up to each of the given times, added up over its members, who came in at
/// different times: `entries` holds (time of the first purchase, number of customers), on the same clock.
pub fn expected_so_far(model: &crate::Model, entries: &[(f64, u64)], times: &[f64]) -> Vec<f64> {
    let at = |time: f64| {
        entries.iter().map(|(first, count)| crate::number::real64(*count) * model.expected_new(time - first)).sum()
    };
    times.iter().map(|time| at(*time)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranking_is_measured_with_ties() {
        assert_eq!(auc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true]), Ok(0.75));
        assert_eq!(auc(&[0.5, 0.5], &[false, true]), Ok(0.5));
        assert_eq!(auc(&[0.5, 0.6], &[true, true]), Err(Error::NotIdentified));
        assert!(auc(&[f64::NAN], &[true]).is_err() && auc(&[0.5], &[]).is_err());
    }

    #[test]
    fn probabilities_are_held_against_outcomes() {
        assert!((brier(&[0.2, 0.9], &[false, true]).unwrap() - 0.025).abs() < 1e-15);
        let bins = calibration(&[0.1, 0.9, 0.2, 0.8, 0.3], &[0.0, 1.0, 1.0, 1.0, 0.0], 2).unwrap();
        assert_eq!(bins.iter().map(|bin| bin.count).collect::<Vec<_>>(), [3, 2]);
        assert!((bins[0].predicted - 0.2).abs() < 1e-15 && (bins[0].observed - 1.0 / 3.0).abs() < 1e-15);
        let expected = (3.0 * (1.0 / 3.0 - 0.2) + 2.0 * 0.15) / 5.0;
        assert!((calibration_error(&bins) - expected).abs() < 1e-12);
        assert_eq!(calibration(&[0.5], &[1.0], 10).unwrap().len(), 1);
    }

    #[test]
    fn amounts_are_held_against_amounts() {
        let found = errors(&[1.0, 2.0, 3.0], &[2.0, 2.0, 0.0]).unwrap();
        assert_eq!(found.total, Some(0.5));
        assert!((found.mean_absolute - 4.0 / 3.0).abs() < 1e-15);
        assert!((found.root_mean_square - (10.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(found.mean_relative, Some(0.25));
        assert_eq!(errors(&[1.0], &[0.0]).unwrap().total, None);
    }
}
