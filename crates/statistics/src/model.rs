//! The fitted purchase model, whichever it is, and what it says of a customer.

use crate::history::{Histories, History};
use crate::leaving::LeavingModel;
use crate::nbd::Nbd;
use crate::number::one_minus_exp_over;
use crate::pareto::ParetoNbd;
use crate::random::Random;

/// A purchase model with its parameters. All times are in the unit of the histories it was fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// BG/NBD or MBG/NBD.
    Leaving(LeavingModel),
    /// Pareto/NBD.
    ParetoNbd(ParetoNbd),
    /// NBD: nobody is seen leaving.
    Nbd(Nbd),
}

/// The chance that a customer will ever buy again, and whether it says anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Alive {
    /// A probability.
    Probability(f64),
    /// One, because BG/NBD lets nobody leave before the first repeat: no statement about this customer.
    ByConstruction,
    /// One for everybody, because nobody is seen leaving (NBD): no statement about anybody.
    NotIdentified,
}

impl Alive {
    /// The probability, one where it says nothing.
    pub fn value(self) -> f64 {
        match self {
            Self::Probability(p) => p,
            Self::ByConstruction | Self::NotIdentified => 1.0,
        }
    }
}

/// When a living customer will buy next, from the end of the observation. The waiting time is Lomax distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NextPurchase {
    /// Half of such customers have bought by then; none beyond the limit that was asked for.
    pub median: Option<f64>,
    /// Mean waiting time; none beyond the limit, or where the mean does not exist (r + x ≤ 1).
    pub mean: Option<f64>,
}

/// What is unknown of one customer, drawn from its posterior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Trait {
    rate: f64,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Gone,
    Never,
    /// The chance that a purchase is the last.
    PerPurchase(f64),
    /// The rate of dying.
    PerTime(f64),
}

impl Trait {
    /// Expected purchases in `t`.
    pub fn expected(&self, t: f64) -> f64 {
        match self.end {
            End::Gone => 0.0,
            End::Never => self.rate * t,
            End::PerPurchase(chance) => one_minus_exp_over(chance, self.rate * t),
            End::PerTime(rate) => self.rate * one_minus_exp_over(rate, t),
        }
    }
}

impl Model {
    /// Name as in the literature.
    pub fn name(&self) -> &'static str {
        use crate::leaving::Leaving;
        match self {
            Self::Leaving(LeavingModel { leaving: Leaving::AfterRepeats, .. }) => "BG/NBD",
            Self::Leaving(LeavingModel { leaving: Leaving::AfterAny, .. }) => "MBG/NBD",
            Self::ParetoNbd(_) => "Pareto/NBD",
            Self::Nbd(_) => "NBD",
        }
    }

    /// Parameters with their names, in the order of the papers.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Leaving(m) => vec![("r", m.r), ("alpha", m.alpha), ("a", m.a), ("b", m.b)],
            Self::ParetoNbd(m) => vec![("r", m.r), ("alpha", m.alpha), ("s", m.s), ("beta", m.beta)],
            Self::Nbd(m) => vec![("r", m.r), ("alpha", m.alpha)],
        }
    }

    /// From its [`name`](Self::name) and its parameters in the order of the papers; none if they do not fit together.
    pub fn known(name: &str, parameters: &[f64]) -> Option<Self> {
        use crate::leaving::Leaving;
        let fine = parameters.iter().all(|value| value.is_finite() && *value >= 0.0);
        let leaving = |r, alpha, a, b, leaving| Self::Leaving(LeavingModel { r, alpha, a, b, leaving });
        let found = match (name, parameters) {
            ("BG/NBD", &[r, alpha, a, b]) => leaving(r, alpha, a, b, Leaving::AfterRepeats),
            ("MBG/NBD", &[r, alpha, a, b]) => leaving(r, alpha, a, b, Leaving::AfterAny),
            ("Pareto/NBD", &[r, alpha, s, beta]) => Self::ParetoNbd(ParetoNbd { r, alpha, s, beta }),
            ("NBD", &[r, alpha]) => Self::Nbd(Nbd { r, alpha }),
            _ => return None,
        };
        fine.then_some(found)
    }

    /// The same model with other parameters, given by their logarithms.
    pub(crate) fn with_logs(&self, logs: &[f64]) -> Option<Self> {
        Some(match (self, logs) {
            (Self::Leaving(m), [r, alpha, a, b]) => {
                Self::Leaving(LeavingModel { r: r.exp(), alpha: alpha.exp(), a: a.exp(), b: b.exp(), ..*m })
            }
            (Self::ParetoNbd(_), [r, alpha, s, beta]) => {
                Self::ParetoNbd(ParetoNbd { r: r.exp(), alpha: alpha.exp(), s: s.exp(), beta: beta.exp() })
            }
            (Self::Nbd(_), [r, alpha]) => Self::Nbd(Nbd { r: r.exp(), alpha: alpha.exp() }),
            _ => return None,
        })
    }

    /// Log-likelihood in the scale of the papers: densities without the factor for the order of purchases.
    pub fn log_likelihood(&self, histories: &Histories) -> f64 {
        match self {
            Self::Leaving(m) => m.log_likelihood(histories).0,
            Self::ParetoNbd(m) => m.log_likelihood(histories).0,
            Self::Nbd(m) => m.log_likelihood(histories).0,
        }
    }

    /// Gradient of the log-likelihood by the parameters, in the order of [`parameters`](Self::parameters).
    pub fn gradient(&self, histories: &Histories) -> Vec<f64> {
        let by_logs = match self {
            Self::Leaving(m) => m.log_likelihood(histories).1.to_vec(),
            Self::ParetoNbd(m) => m.log_likelihood(histories).1.to_vec(),
            Self::Nbd(m) => m.log_likelihood(histories).1.to_vec(),
        };
        by_logs.iter().zip(self.parameters()).map(|(slope, (_, value))| slope / value).collect()
    }

    /// P(alive) at the end of the observation.
    pub fn p_alive(&self, history: &History) -> Alive {
        match self {
            Self::Leaving(m) => m.p_alive(history).map_or(Alive::ByConstruction, Alive::Probability),
            Self::ParetoNbd(m) => Alive::Probability(m.p_alive(history)),
            Self::Nbd(_) => Alive::NotIdentified,
        }
    }

    /// Expected purchases of the customer in the `t` after the observation.
    pub fn expected(&self, history: &History, t: f64) -> f64 {
        if t.is_nan() || t <= 0.0 {
            return 0.0;
        }
        self.p_alive(history).value()
            * match self {
                Self::Leaving(m) => m.expected_alive(history, t),
                Self::ParetoNbd(m) => m.expected_alive(history, t),
                Self::Nbd(m) => m.expected(history, t),
            }
    }

    /// Expected repeat purchases in the `t` after a first purchase, of a customer of whom nothing else is known.
    pub fn expected_new(&self, t: f64) -> f64 {
        if t.is_nan() || t <= 0.0 {
            return 0.0;
        }
        match self {
            Self::Leaving(m) => m.expected_new(t),
            Self::ParetoNbd(m) => m.expected_new(t),
            Self::Nbd(m) => m.r * t / m.alpha,
        }
    }

    /// P(at least one purchase in the `t` after the observation).
    pub fn p_buy(&self, history: &History, t: f64) -> f64 {
        if t.is_nan() || t <= 0.0 {
            return 0.0;
        }
        self.p_alive(history).value()
            * match self {
                Self::ParetoNbd(m) => m.p_buy_alive(history, t),
                Self::Leaving(_) | Self::Nbd(_) => {
                    let (shape, rate) = self.rate_posterior(history);
                    -(-shape * (t / rate).ln_1p()).exp_m1()
                }
            }
    }

    /// When the customer will buy next, if alive; waiting times beyond `limit` are left out.
    pub fn next_purchase(&self, history: &History, limit: f64) -> NextPurchase {
        let (shape, rate) = self.rate_posterior(history);
        let below = |wait: f64| (wait.is_finite() && wait < limit).then_some(wait);
        NextPurchase {
            median: below(rate * (std::f64::consts::LN_2 / shape).exp_m1()),
            mean: if shape > 1.0 { below(rate / (shape - 1.0)) } else { None },
        }
    }

    /// How long the share `part` of such living customers wait at most; none for shares that are none, and beyond all limits.
    pub fn waiting(&self, history: &History, part: f64) -> Option<f64> {
        let (shape, rate) = self.rate_posterior(history);
        let wait = rate * (-(-part).ln_1p() / shape).exp_m1();
        Some(wait).filter(|wait| (0.0..1.0).contains(&part) && wait.is_finite())
    }

    /// Shape and rate of the gamma distribution of a living customer's purchase rate.
    fn rate_posterior(&self, history: &History) -> (f64, f64) {
        let (r, alpha) = match self {
            Self::Leaving(m) => (m.r, m.alpha),
            Self::ParetoNbd(m) => (m.r, m.alpha),
            Self::Nbd(m) => (m.r, m.alpha),
        };
        (r + f64::from(history.repeats), alpha + history.age)
    }

    /// A draw from what is unknown of the customer.
    pub(crate) fn draw(&self, history: &History, random: &mut Random) -> Trait {
        if random.uniform() >= self.p_alive(history).value() {
            return Trait { rate: 0.0, end: End::Gone };
        }
        match self {
            Self::Leaving(m) => {
                let (rate, chance) = m.draw_alive(history, random);
                Trait { rate, end: End::PerPurchase(chance) }
            }
            Self::ParetoNbd(m) => {
                let (rate, dying) = m.draw_alive(history, random);
                Trait { rate, end: End::PerTime(dying) }
            }
            Self::Nbd(_) => {
                let (shape, rate) = self.rate_posterior(history);
                Trait { rate: random.gamma(shape, rate), end: End::Never }
            }
        }
    }
}
