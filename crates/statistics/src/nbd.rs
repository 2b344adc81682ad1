//! NBD (Ehrenberg 1959; Morrison & Schmittlein 1988): purchases at a gamma distributed rate, for ever. What BG/NBD and
//! Pareto/NBD become when the observations show nobody leaving.

use crate::history::{Histories, History};
use crate::number::{ln_rising, ln_rising_slope};

/// Parameters of NBD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nbd {
    /// Shape of the purchase rates.
    pub r: f64,
    /// Rate of the purchase rates, in units of time.
    pub alpha: f64,
}

impl Nbd {
    /// Log-likelihood and its gradient by the logarithms of (r, alpha).
    pub(crate) fn log_likelihood(&self, histories: &Histories) -> (f64, [f64; 2]) {
        let Self { r, alpha } = *self;
        let (mut sum, mut dr, mut dalpha) = (0.0, 0.0, 0.0);
        for (repeats, weight) in histories.by_repeats() {
            sum += weight * (ln_rising(r, *repeats) - f64::from(*repeats) * alpha.ln());
            dr += weight * ln_rising_slope(r, *repeats);
            dalpha -= weight * f64::from(*repeats);
        }
        for (history, weight) in histories.rows() {
            let shape = r + f64::from(history.repeats);
            let age = history.age / alpha;
            sum -= weight * shape * age.ln_1p();
            dr -= weight * age.ln_1p();
            dalpha += weight * shape * age / (1.0 + age);
        }
        (sum, [r * dr, dalpha])
    }

    /// Expected purchases in the `t` after the observation.
    pub(crate) fn expected(&self, history: &History, t: f64) -> f64 {
        t * (self.r + f64::from(history.repeats)) / (self.alpha + history.age)
    }
}
