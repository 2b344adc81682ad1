//! BG/NBD (Fader, Hardie & Lee 2005a) and MBG/NBD (Batislam, Denizel & Filiztekin 2007): purchases at a gamma
//! distributed rate, and after each a beta distributed chance of never coming back. They differ in one point: in the
//! second model the first purchase may already have been the last.

use crate::history::{Histories, History};
use crate::number::{ln_rising, ln_rising_slope};
use crate::{future, random::Random};

/// Which purchases may be the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// Every repeat purchase (BG/NBD).
    AfterRepeats,
    /// Every purchase, the first as well (MBG/NBD).
    AfterAny,
}

/// Parameters of BG/NBD or MBG/NBD.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeavingModel {
    /// Which of the two it is.
    pub leaving: Leaving,
    /// Shape of the purchase rates.
    pub r: f64,
    /// Rate of the purchase rates, in units of time.
    pub alpha: f64,
    /// First shape of the chance of leaving.
    pub a: f64,
    /// Second shape of the chance of leaving.
    pub b: f64,
}

impl LeavingModel {
    /// How often a customer has had the choice to leave.
    fn choices(&self, repeats: u32) -> u32 {
        match self.leaving {
            Leaving::AfterRepeats => repeats,
            Leaving::AfterAny => repeats.saturating_add(1),
        }
    }

    /// Logarithm of P(left) / P(alive); none when leaving was not possible.
    fn ln_odds_left(&self, history: &History) -> Option<f64> {
        let others = self.choices(history.repeats).checked_sub(1)?;
        let silence = (history.age / self.alpha).ln_1p() - (history.last / self.alpha).ln_1p();
        Some((self.a / (self.b + f64::from(others))).ln() + (self.r + f64::from(history.repeats)) * silence)
    }

    /// Log-likelihood and its gradient by the logarithms of (r, alpha, a, b).
    pub(crate) fn log_likelihood(&self, histories: &Histories) -> (f64, [f64; 4]) {
        let Self { r, alpha, a, b, .. } = *self;
        let (mut sum, mut dr, mut dalpha, mut da, mut db) = (0.0, 0.0, 0.0, 0.0, 0.0);
        // What depends on the number of repeats alone is summed over the few numbers there are.
        for (repeats, weight) in histories.by_repeats() {
            let choices = self.choices(*repeats);
            let stayed = ln_rising_slope(a + b, choices);
            sum += weight
                * (ln_rising(r, *repeats) + ln_rising(b, choices)
                    - ln_rising(a + b, choices)
                    - f64::from(*repeats) * alpha.ln());
            dr += weight * ln_rising_slope(r, *repeats);
            dalpha -= weight * f64::from(*repeats) / alpha;
            da -= weight * stayed;
            db += weight * (ln_rising_slope(b, choices) - stayed);
        }
        for (history, weight) in histories.rows() {
            let shape = r + f64::from(history.repeats);
            let (age, last) = (history.age / alpha, history.last / alpha);
            let (ln_age, ln_last) = (age.ln_1p(), last.ln_1p());
            let (mut alive, mut left) = (1.0, 0.0);
            sum -= weight * shape * ln_age;
            if let Some(others) = self.choices(history.repeats).checked_sub(1) {
                let before = b + f64::from(others);
                let odds = ((a / before).ln() + shape * (ln_age - ln_last)).min(700.0);
                alive = 1.0 / (1.0 + odds.exp());
                left = 1.0 - alive;
                sum += weight * if odds > 0.0 { odds + (-odds).exp().ln_1p() } else { odds.exp().ln_1p() };
                da += weight * left / a;
                db -= weight * left / before;
            }
            dr -= weight * (alive * ln_age + left * ln_last);
            dalpha += weight * shape * (alive * age / (1.0 + age) + left * last / (1.0 + last)) / alpha;
        }
        (sum, [r * dr, alpha * dalpha, a * da, b * db])
    }

    /// P(alive at the end of the observation); none when leaving was not possible by construction.
    pub(crate) fn p_alive(&self, history: &History) -> Option<f64> {
        self.ln_odds_left(history).map(|odds| 1.0 / (1.0 + odds.exp()))
    }

    /// Expected purchases in the `t` after the observation, given that the customer is alive at its end.
    pub(crate) fn expected_alive(&self, history: &History, t: f64) -> f64 {
        let choices = f64::from(self.choices(history.repeats));
        let rate = (self.r + f64::from(history.repeats), self.alpha + history.age);
        future::expected(rate.0, rate.1, (self.a, self.b + choices), t)
    }

    /// Expected repeat purchases in the `t` after the first purchase of anybody.
    pub(crate) fn expected_new(&self, t: f64) -> f64 {
        let Self { r, alpha, a, b, leaving } = *self;
        match leaving {
            Leaving::AfterRepeats => future::expected(r, alpha, (a, b), t),
            Leaving::AfterAny => b / (a + b) * future::expected(r, alpha, (a, b + 1.0), t),
        }
    }

    /// A draw from what is unknown of a customer who is alive: purchase rate and chance of leaving.
    pub(crate) fn draw_alive(&self, history: &History, random: &mut Random) -> (f64, f64) {
        let choices = f64::from(self.choices(history.repeats));
        let rate = random.gamma(self.r + f64::from(history.repeats), self.alpha + history.age);
        (rate, random.beta(self.a, self.b + choices))
    }
}
