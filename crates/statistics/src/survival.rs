//! How long contracts last, from running and ended ones: the estimate of Kaplan & Meier (1958) with the variance of
//! Greenwood (1926) and an interval on the log-log scale (Kalbfleisch & Prentice 1980), which stays between 0 and 1.

use crate::number::real;
use crate::{Error, Result};

/// How long a contract has run, and whether it ended then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tenure {
    /// Time from the start to the end, or to now.
    pub time: f64,
    /// Whether it ended; otherwise it still runs.
    pub ended: bool,
}

/// The curve at one time at which contracts ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The time.
    pub time: f64,
    /// Contracts that had run up to it.
    pub at_risk: usize,
    /// Contracts that ended at it.
    pub ended: usize,
    /// Chance to run longer.
    pub survival: f64,
    /// Greenwood's standard error of it; none where all are gone.
    pub standard_error: Option<f64>,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
}

/// A survival curve.
#[derive(Clone, Debug, PartialEq)]
pub struct SurvivalCurve {
    /// Its steps, by time.
    pub steps: Vec<Step>,
    /// The longest time observed: nothing is known beyond it.
    pub observed: f64,
    /// Contracts.
    pub contracts: usize,
}

/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Estimates the curve. Contracts that still run at a time at which others end count as having run to it.
pub fn kaplan_meier(tenures: &[Tenure]) -> Result<SurvivalCurve> {
    if let Some(row) = tenures.iter().position(|tenure| !tenure.time.is_finite() || tenure.time < 0.0) {
        return Err(Error::Invalid { row, what: "a tenure is not a finite time from zero on" });
    }
    let mut sorted = tenures.to_vec();
    sorted.sort_unstable_by(|a, b| a.time.total_cmp(&b.time));
    let observed = sorted.last().ok_or(Error::Empty)?.time;
    let (mut at_risk, mut survival, mut spread) = (sorted.len(), 1.0, 0.0);
    let mut steps = Vec::new();
    for same in sorted.chunk_by(|a, b| a.time == b.time) {
        let ended = same.iter().filter(|tenure| tenure.ended).count();
        let left = at_risk.saturating_sub(ended);
        if let Some(tenure) = same.first().filter(|_| ended > 0) {
            survival *= real(left) / real(at_risk);
            // Infinite once all are gone: the interval is then unknown.
            spread += real(ended) / (real(at_risk) * real(left));
            steps.push(step(tenure.time, (at_risk, ended), survival, spread));
        }
        at_risk = at_risk.saturating_sub(same.len());
    }
    Ok(SurvivalCurve { steps, observed, contracts: sorted.len() })
}

fn step(time: f64, (at_risk, ended): (usize, usize), survival: f64, spread: f64) -> Step {
    if survival <= 0.0 {
        return Step { time, at_risk, ended, survival: 0.0, standard_error: None, low: 0.0, high: 1.0 };
    }
    // ln(−ln S) is nearly normal even where S is near 0 or 1.
    let reach = Z * spread.sqrt() / survival.ln().abs();
    let (low, high) = (survival.powf(reach.exp()), survival.powf((-reach).exp()));
    Step { time, at_risk, ended, survival, standard_error: Some(survival * spread.sqrt()), low, high }
}

impl SurvivalCurve {
    /// The chance to run longer than `time`; none beyond what was observed, unless nobody was left by then.
    pub fn at(&self, time: f64) -> Option<f64> {
        let survival = self.steps.iter().take_while(|step| step.time <= time).last().map_or(1.0, |step| step.survival);
        (time <= self.observed || survival == 0.0).then_some(survival)
    }

    /// The first time by which half are gone; none if half are still there.
    pub fn median(&self) -> Option<f64> {
        self.steps.iter().find(|step| step.survival <= 0.5).map(|step| step.time)
    }

    /// The chance to end at or before `to` of those who run longer than `from`.
    pub fn hazard(&self, from: f64, to: f64) -> Option<f64> {
        let (now, then) = (self.at(from)?, self.at(to)?);
        (now > 0.0).then(|| (1.0 - then / now).clamp(0.0, 1.0))
    }

    /// Mean time within the first `horizon`: the area under the curve.
    pub fn restricted_mean(&self, horizon: f64) -> Option<f64> {
        self.at(horizon)?;
        let (mut area, mut time, mut survival) = (0.0, 0.0, 1.0);
        for step in self.steps.iter().take_while(|step| step.time < horizon) {
            area += survival * (step.time - time);
            (time, survival) = (step.time, step.survival);
        }
        Some(area + survival * (horizon - time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(times: &[(f64, bool)]) -> SurvivalCurve {
        let tenures: Vec<Tenure> = times.iter().map(|(time, ended)| Tenure { time: *time, ended: *ended }).collect();
        kaplan_meier(&tenures).unwrap()
    }

    /// Remission times of 21 leukaemia patients (Freireich et al. 1963), the example of many textbooks.
    #[test]
    fn the_textbook_example_is_reproduced() {
        let ended = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0];
        let running = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        let all: Vec<(f64, bool)> =
            ended.iter().map(|t| (*t, true)).chain(running.iter().map(|t| (*t, false))).collect();
        let curve = of(&all);
        let expected = [
            (6.0, 0.8571, 0.0764),
            (7.0, 0.8067, 0.0869),
            (10.0, 0.7529, 0.0963),
            (13.0, 0.6902, 0.1068),
            (16.0, 0.6275, 0.1141),
            (22.0, 0.5378, 0.1282),
            (23.0, 0.4482, 0.1346),
        ];
        assert_eq!(curve.steps.len(), expected.len());
        for (step, (time, survival, error)) in curve.steps.iter().zip(expected) {
            assert_eq!(step.time, time);
            assert!((step.survival - survival).abs() < 5e-5, "{step:?}");
            assert!((step.standard_error.unwrap() - error).abs() < 5e-5, "{step:?}");
            assert!(0.0 <= step.low && step.low < step.survival && step.survival < step.high && step.high <= 1.0);
        }
        assert_eq!(curve.median(), Some(23.0));
        assert_eq!((curve.at(0.0), curve.at(36.0)), (Some(1.0), None));
        assert!((curve.hazard(6.0, 10.0).unwrap() - (1.0 - 0.7529 / 0.8571)).abs() < 1e-4);
    }

    #[test]
    fn edges_are_named() {
        assert_eq!(kaplan_meier(&[]).err(), Some(Error::Empty));
        assert!(matches!(kaplan_meier(&[Tenure { time: f64::NAN, ended: true }]), Err(Error::Invalid { row: 0, .. })));
        let none = of(&[(3.0, false), (5.0, false)]);
        assert_eq!((none.steps.len(), none.median(), none.at(5.0)), (0, None, Some(1.0)));
        let all = of(&[(1.0, true), (2.0, true)]);
        assert_eq!((all.at(1.0), all.at(9.0), all.restricted_mean(2.0)), (Some(0.5), Some(0.0), Some(1.5)));
        assert_eq!(all.steps.last().unwrap().standard_error, None);
    }
}
