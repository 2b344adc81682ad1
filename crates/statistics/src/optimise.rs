//! Maximum likelihood over the logarithms of positive parameters: L-BFGS with a line search (Nocedal & Wright 2006,
//! chapter 7; Moré & Thuente 1994).

use crate::matrix::{self, Rows};
use crate::{Error, Result};
use argmin::core::{CostFunction, Executor, Gradient};
use argmin::solver::{linesearch::MoreThuenteLineSearch, quasinewton::LBFGS};
use std::cell::RefCell;

/// How far the logarithm of a parameter may go from its start. Beyond, the likelihood counts as flat, so that a
/// solution at the boundary ends the search instead of running to infinity.
pub(crate) const REACH: f64 = 14.0;
/// The mean log-likelihood of an observation must not rise faster than this at the end.
const FLAT: f64 = 1e-6;
const RESTARTS: u32 = 6;

/// The best point found.
#[derive(Clone, Debug)]
pub(crate) struct Optimum<const N: usize> {
    /// Logarithms of the parameters.
    pub logs: [f64; N],
    /// Log-likelihood there.
    pub value: f64,
    /// Evaluations of likelihood and gradient.
    pub evaluations: u64,
}

type Point<const N: usize> = ([f64; N], f64, [f64; N]);

struct Likelihood<'a, const N: usize, F> {
    function: &'a F,
    start: [f64; N],
    scale: f64,
    seen: &'a RefCell<Seen<N>>,
}

/// What the search has met: the library asks for value and gradient in two calls, and forgets its best point when a
/// line search fails.
struct Seen<const N: usize> {
    last: Option<Point<N>>,
    best: Option<Point<N>>,
    evaluations: u64,
}

impl<const N: usize, F: Fn(&[f64; N]) -> (f64, [f64; N])> Likelihood<'_, N, F> {
    /// Negative mean log-likelihood and its gradient.
    fn at(&self, param: &[f64]) -> Point<N> {
        let mut logs = self.start;
        for ((log, wanted), start) in logs.iter_mut().zip(param).zip(self.start) {
            *log = if wanted.is_nan() { start } else { wanted.clamp(start - REACH, start + REACH) };
        }
        let mut seen = self.seen.borrow_mut();
        if let Some(last) = seen.last.filter(|last| last.0 == logs) {
            return last;
        }
        let (value, mut slope) = (self.function)(&logs);
        let cost = if value.is_finite() { -value / self.scale } else { f64::MAX.sqrt() };
        for ((slope, log), start) in slope.iter_mut().zip(logs).zip(self.start) {
            // Pushing against the wall is no slope to follow.
            let outward = (log - start).abs() >= REACH && (*slope > 0.0) == (log > start);
            *slope = if outward || !slope.is_finite() { 0.0 } else { -*slope / self.scale };
        }
        let point = (logs, cost, slope);
        seen.evaluations = seen.evaluations.saturating_add(1);
        if seen.best.is_none_or(|best| cost < best.1) {
            seen.best = Some(point);
        }
        seen.last = Some(point);
        point
    }
}

impl<const N: usize, F: Fn(&[f64; N]) -> (f64, [f64; N])> CostFunction for Likelihood<'_, N, F> {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, param: &Vec<f64>) -> std::result::Result<f64, argmin::core::Error> {
        Ok(self.at(param).1)
    }
}

impl<const N: usize, F: Fn(&[f64; N]) -> (f64, [f64; N])> Gradient for Likelihood<'_, N, F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, param: &Vec<f64>) -> std::result::Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(param).2.to_vec())
    }
}

/// Maximises a log-likelihood given with its gradient by the logarithms; `scale` is the number of observations.
pub(crate) fn maximise<const N: usize>(
    start: [f64; N],
    scale: f64,
    function: impl Fn(&[f64; N]) -> (f64, [f64; N]),
) -> Result<Optimum<N>> {
    let seen = RefCell::new(Seen { last: None, best: None, evaluations: 0 });
    let mut from = start;
    for run in 0..RESTARTS {
        let problem = Likelihood { function: &function, start, scale, seen: &seen };
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7)
            .with_tolerance_grad(0.1 * FLAT)
            .and_then(|solver| solver.with_tolerance_cost(1e-15))
            .map_err(|_| Error::NoConvergence)?;
        // A failed line search is no reason to stop: the best point so far is kept, and the next run starts there. Its
        // error says nothing that the slope does not.
        Executor::new(problem, solver)
            .configure(|state| state.param(from.to_vec()).max_iters(300))
            .timer(false)
            .run()
            .ok();
        let Some((logs, cost, slope)) = seen.borrow().best else { continue };
        from = logs;
        let steepness = slope.iter().map(|s| s.abs()).fold(0.0, f64::max);
        if steepness < if run == 0 { 0.2 * FLAT } else { FLAT } {
            let evaluations = seen.borrow().evaluations;
            return Ok(Optimum { logs, value: -cost * scale, evaluations });
        }
    }
    Err(Error::NoConvergence)
}

/// How well the parameters are known: the information matrix at the optimum as its Cholesky factor. None where the
/// likelihood is flat in some direction.
pub(crate) fn information<const N: usize>(
    at: &[f64; N],
    function: impl Fn(&[f64; N]) -> (f64, [f64; N]),
) -> Option<Rows> {
    const STEP: f64 = 1e-4;
    let moved = |i: usize, by: f64| {
        let mut logs = *at;
        if let Some(log) = logs.get_mut(i) {
            *log += by;
        }
        function(&logs).1
    };
    let slopes: Vec<(_, _)> = (0..N).map(|i| (moved(i, STEP), moved(i, -STEP))).collect();
    let raw: Rows =
        slopes.iter().map(|(up, down)| up.iter().zip(down).map(|(u, d)| (d - u) / (2.0 * STEP)).collect()).collect();
    let symmetric: Rows = raw
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let column = raw.iter().filter_map(|other| other.get(i));
            row.iter().zip(column).map(|(a, b)| 0.5 * (a + b)).collect()
        })
        .collect();
    matrix::cholesky(&symmetric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed() {
        // Rosenbrock's function, turned upside down.
        let valley = |p: &[f64; 2]| {
            let [x, y] = *p;
            let bend = y - x * x;
            (-(1.0 - x).powi(2) - 100.0 * bend * bend, [2.0 * (1.0 - x) + 400.0 * bend * x, -200.0 * bend])
        };
        let best = maximise([-1.2, 1.0], 1.0, valley).unwrap();
        assert!(best.logs.iter().all(|x| (x - 1.0).abs() < 1e-5), "{best:?}");
    }

    #[test]
    fn a_maximum_at_infinity_ends_at_the_wall() {
        let best = maximise([0.0], 1.0, |p| {
            let [x] = *p;
            (x, [1.0])
        })
        .unwrap();
        assert_eq!(best.logs, [REACH]);
    }

    #[test]
    fn a_flat_direction_has_no_information() {
        let ridge = |p: &[f64; 2]| {
            let [x, y] = *p;
            (-(x + y).powi(2), [-2.0 * (x + y); 2])
        };
        assert!(information(&[0.5, -0.5], ridge).is_none());
    }
}
