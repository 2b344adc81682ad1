//! Pareto/NBD (Schmittlein, Morrison & Colombo 1987): purchases at a gamma distributed rate until an exponential
//! lifetime, whose rate is gamma distributed as well, is over.
//!
//! The usual likelihood is a difference of two hypergeometric functions, which cancels and changes form with the
//! greater of alpha and beta. Before that integration it is the sum of two positive parts: alive to the end, or dead
//! at some time after the last purchase. That integral is what is computed here, and its derivatives with it.

use crate::future::NODES;
use crate::history::{Histories, History};
use crate::number::{ln_rising, ln_rising_slope, one_minus_exp_over};
use crate::random::Random;

/// Parameters of Pareto/NBD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParetoNbd {
    /// Shape of the purchase rates.
    pub r: f64,
    /// Rate of the purchase rates, in units of time.
    pub alpha: f64,
    /// Shape of the dropout rates.
    pub s: f64,
    /// Rate of the dropout rates, in units of time.
    pub beta: f64,
}

/// A mean over the time of death between two instants, with the derivatives of its logarithm's numerator.
#[derive(Default)]
struct Death {
    mass: f64,
    dr: f64,
    dalpha: f64,
    ds: f64,
    dbeta: f64,
}

impl ParetoNbd {
    /// ∫ s/(β+τ) · exp(f(τ) − f(from)) dτ over (from, to), with f(τ) = −shape·ln(1+τ/α) − s·ln(1+τ/β): the chance to
    /// die in between without a purchase, relative to the chance to live to `from`.
    fn death(&self, shape: f64, from: f64, to: f64) -> Death {
        let Self { alpha, s, beta, .. } = *self;
        let mut sum = Death::default();
        if to <= from {
            return sum;
        }
        // In the logarithm of the time the integrand is nearly exponential; twelve nodes do for a fall of ten.
        let base = alpha.min(beta);
        let (start, range) = (from + base, ((to - from) / (from + base)).ln_1p());
        let (from_alpha, from_beta) = ((from / alpha).ln_1p(), (from / beta).ln_1p());
        let late = |y: f64| start * y.exp_m1();
        let logs = |late: f64| ((late / (alpha + from)).ln_1p(), (late / (beta + from)).ln_1p());
        let fall = |(of_alpha, of_beta): (f64, f64)| shape * of_alpha + s * of_beta;
        // Steepness at y; it grows with y, so the end of a panel is its steepest place.
        let steepness = |y: f64| {
            let time = from + late(y);
            (base + time) * (shape / (alpha + time) + s / (beta + time))
        };
        let mut y = 0.0;
        while y < range {
            let mut step = (range - y).min(3.5);
            if step * steepness(y + step) > 10.0 {
                step = step.min(1.0);
                step = step.min(10.0 / steepness(y + step));
            }
            for (node, weight) in NODES.iter() {
                let after = late(y + step * node);
                let (time, fallen) = (from + after, logs(after));
                let mass = weight * step * (time + base) * s / (beta + time) * (-fall(fallen)).exp();
                sum.mass += mass;
                sum.dr -= mass * (from_alpha + fallen.0);
                sum.dalpha += mass * time / (alpha * (alpha + time));
                sum.ds += mass * (1.0 / s - from_beta - fallen.1);
                sum.dbeta += mass * (s * time / beta - 1.0) / (beta + time);
            }
            y += step;
            if fall(logs(late(y))) > 60.0 || y + step == y {
                break;
            }
        }
        sum.dalpha *= shape;
        sum
    }

    /// Log-likelihood and its gradient by the logarithms of (r, alpha, s, beta).
    pub(crate) fn log_likelihood(&self, histories: &Histories) -> (f64, [f64; 4]) {
        let Self { r, alpha, s, beta } = *self;
        let (mut sum, mut dr, mut dalpha, mut ds, mut dbeta) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (repeats, weight) in histories.by_repeats() {
            sum += weight * (ln_rising(r, *repeats) - f64::from(*repeats) * alpha.ln());
            dr += weight * ln_rising_slope(r, *repeats);
            dalpha -= weight * f64::from(*repeats) / alpha;
        }
        for (History { repeats, last, age }, weight) in histories.rows() {
            let shape = r + f64::from(*repeats);
            let death = self.death(shape, *last, *age);
            let at_last = -shape * (last / alpha).ln_1p() - s * (last / beta).ln_1p();
            let (ln_alpha, ln_beta) = ((age / alpha).ln_1p(), (age / beta).ln_1p());
            let alive = (-shape * ln_alpha - s * ln_beta - at_last).exp();
            let all = alive + death.mass;
            sum += weight * (at_last + all.ln());
            let mean = |dead: f64, living: f64| weight * (dead + alive * living) / all;
            dr += mean(death.dr, -ln_alpha);
            dalpha += mean(death.dalpha, shape * age / (alpha * (alpha + age)));
            ds += mean(death.ds, -ln_beta);
            dbeta += mean(death.dbeta, s * age / (beta * (beta + age)));
        }
        (sum, [r * dr, alpha * dalpha, s * ds, beta * dbeta])
    }

    /// P(alive at the end of the observation).
    pub(crate) fn p_alive(&self, history: &History) -> f64 {
        let shape = self.r + f64::from(history.repeats);
        let silence = history.age - history.last;
        let alive = (-shape * (silence / (self.alpha + history.last)).ln_1p()
            - self.s * (silence / (self.beta + history.last)).ln_1p())
        .exp();
        // Both parts are relative to the chance to live to the last purchase, so the second is never zero.
        alive / (alive + self.death(shape, history.last, history.age).mass)
    }

    /// Expected purchases in the `t` after the observation, given that the customer is alive at its end: the mean
    /// purchase rate times the mean time left within `t`.
    pub(crate) fn expected_alive(&self, history: &History, t: f64) -> f64 {
        let beta = self.beta + history.age;
        let rate = (self.r + f64::from(history.repeats)) / (self.alpha + history.age);
        rate * beta * one_minus_exp_over(self.s - 1.0, (t / beta).ln_1p())
    }

    /// Expected repeat purchases in the `t` after the first purchase of anybody.
    pub(crate) fn expected_new(&self, t: f64) -> f64 {
        self.expected_alive(&History { repeats: 0, last: 0.0, age: 0.0 }, t)
    }

    /// P(at least one purchase in the `t` after the observation), given that the customer is alive at its end: not
    /// silent to its end, and not dead before the first purchase of it.
    pub(crate) fn p_buy_alive(&self, history: &History, t: f64) -> f64 {
        let later = Self { alpha: self.alpha + history.age, beta: self.beta + history.age, ..*self };
        let shape = self.r + f64::from(history.repeats);
        let silent = (-shape * (t / later.alpha).ln_1p() - self.s * (t / later.beta).ln_1p()).exp();
        (1.0 - silent - later.death(shape, 0.0, t).mass).clamp(0.0, 1.0)
    }

    /// A draw from what is unknown of a customer who is alive: purchase rate and dropout rate.
    pub(crate) fn draw_alive(&self, history: &History, random: &mut Random) -> (f64, f64) {
        let rate = random.gamma(self.r + f64::from(history.repeats), self.alpha + history.age);
        (rate, random.gamma(self.s, self.beta + history.age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The closed form with the hypergeometric function (Schmittlein, Morrison & Colombo 1987), for alpha ≥ beta.
    #[test]
    fn the_integral_is_the_difference_of_hypergeometric_functions() {
        let model = ParetoNbd { r: 0.553, alpha: 11.9, s: 0.606, beta: 10.6 };
        let series = |a: f64, b: f64, c: f64, z: f64| {
            let (mut term, mut sum) = (1.0, 1.0);
            for k in 0..400 {
                let k = f64::from(k);
                term *= (a + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
                sum += term;
            }
            sum
        };
        for (repeats, last, age) in [(0_u32, 0.0, 38.9), (3, 20.0, 38.9), (26, 30.86, 31.0)] {
            let shape = model.r + f64::from(repeats);
            let power = shape + model.s;
            let part = |time: f64| {
                let z = (model.alpha - model.beta) / (model.alpha + time);
                series(power, model.s + 1.0, power + 1.0, z) * (model.alpha + time).powf(-power)
            };
            let closed = model.s / power * (part(last) - part(age));
            let scale = (model.alpha + last).powf(-shape) * (model.beta + last).powf(-model.s);
            let ours = model.death(shape, last, age).mass * scale;
            assert!((ours / closed - 1.0).abs() < 1e-10, "{repeats}: {ours} {closed}");
        }
    }

    #[test]
    fn long_silence_and_steep_falls_are_integrated() {
        // With equal alpha and beta the integral is elementary.
        for (shape, s, base, from, to) in
            [(0.1, 1e-4, 1e-3, 0.0, 1e4), (500.0, 2.0, 3.0, 10.0, 300.0), (1e5, 1.0, 4.0, 0.0, 40.0)]
        {
            let model = ParetoNbd { r: 1.0, alpha: base, s, beta: base };
            let expected = s / (shape + s) * (1.0 - ((base + from) / (base + to)).powf(shape + s));
            let ours = model.death(shape, from, to).mass;
            assert!((ours / expected - 1.0).abs() < 1e-9, "{ours} {expected}");
        }
    }
}
