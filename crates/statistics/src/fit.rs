//! Fitting a purchase model by maximum likelihood, and what has to be said of the result: which parameters ran to the
//! boundary, and what the model became there.

use crate::history::Histories;
use crate::leaving::{Leaving, LeavingModel};
use crate::matrix::{self, Rows};
use crate::model::Model;
use crate::nbd::Nbd;
use crate::optimise::{self, Optimum, REACH};
use crate::pareto::ParetoNbd;
use crate::random::Random;
use crate::{Error, Result};

/// The model to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// BG/NBD (Fader, Hardie & Lee 2005a): the usual choice.
    #[default]
    BgNbd,
    /// MBG/NBD (Batislam, Denizel & Filiztekin 2007): tells customers without a repeat apart as well.
    MbgNbd,
    /// Pareto/NBD (Schmittlein, Morrison & Colombo 1987): the same, at a higher price.
    ParetoNbd,
}

/// What a smaller group is held to: the fit of a larger one. Normal on the logarithms of the parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Prior {
    /// The fit of the larger group.
    pub centre: Model,
    /// Standard deviation of the logarithm of each parameter around it.
    pub spread: f64,
}

/// How to fit.
#[derive(Clone, Debug, PartialEq)]
pub struct FitOptions {
    /// The model.
    pub kind: Kind,
    /// With fewer customers who came back there is no fit, unless there is a prior.
    pub least_repeaters: u64,
    /// The pooled prior for small groups; of the same kind of model.
    pub prior: Option<Prior>,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { kind: Kind::BgNbd, least_repeaters: 100, prior: None }
    }
}

/// Something to know of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Finding {
    /// Nobody is seen leaving: the model has become NBD, and P(alive) = 1 carries no information.
    NobodyLeaves,
    /// All customers buy at about the same rate: r and alpha are known only as their ratio.
    EqualRates,
    /// All customers leave in about the same way: the two parameters of leaving are known only as their ratio.
    EqualLeaving,
    /// Everybody leaves at the first chance: the model has become one of first repeats.
    EverybodyLeaves,
    /// Customers either never leave or leave at once; the parameters of leaving ran to zero.
    AllOrNothing,
    /// Few customers came back, and the fit leans on its prior.
    LeansOnPrior {
        /// How many came back.
        repeaters: u64,
    },
    /// The likelihood is flat in some direction: there is no interval.
    NoInterval,
}

/// A fitted purchase model.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The model with its parameters.
    pub model: Model,
    /// Log-likelihood in the scale of the papers, without the prior.
    pub log_likelihood: f64,
    /// Customers it was fitted to.
    pub customers: u64,
    /// Customers with a repeat among them.
    pub repeaters: u64,
    /// Distinct histories among them.
    pub distinct: usize,
    /// Evaluations of the likelihood.
    pub evaluations: u64,
    /// What to know of it.
    pub findings: Vec<Finding>,
    information: Option<Rows>,
}

impl Fit {
    /// Whether something was found.
    pub fn has(&self, finding: Finding) -> bool {
        self.findings.contains(&finding)
    }

    /// A model drawn from the normal distribution at the optimum (parametric bootstrap); none where the likelihood is
    /// flat.
    pub fn draw(&self, random: &mut Random) -> Option<Model> {
        let lower = self.information.as_ref()?;
        let normal: Vec<f64> = lower.iter().map(|_| random.normal()).collect();
        let moved = matrix::backward(lower, &normal);
        let logs: Vec<f64> = self
            .model
            .parameters()
            .iter()
            .zip(moved)
            .map(|((_, value), by)| value.ln() + by.clamp(-REACH, REACH))
            .collect();
        self.model.with_logs(&logs)
    }

    /// Standard errors of the logarithms of the parameters (about their relative errors); none where the likelihood is
    /// flat.
    pub fn standard_errors(&self) -> Option<Vec<f64>> {
        let lower = self.information.as_ref()?;
        let unit = |i: usize| (0..lower.len()).map(|j| if i == j { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
        // The variance of parameter i is the squared length of L⁻¹ e_i.
        Some((0..lower.len()).map(|i| matrix::forward(lower, &unit(i))).map(|y| matrix::dot(&y, &y).sqrt()).collect())
    }
}

/// Below this share of leavers nobody counts as leaving.
const NOBODY: f64 = 1e-4;
/// Parameters beyond this are as good as infinite.
const ENDLESS: f64 = 1e4;

/// Fits a model.
pub fn fit(histories: &Histories, options: &FitOptions) -> Result<Fit> {
    let repeaters = histories.repeaters();
    let few = repeaters < options.least_repeaters;
    if repeaters == 0 || (few && options.prior.is_none()) {
        return Err(Error::TooFewRepeaters { found: repeaters, needed: options.least_repeaters.max(1) });
    }
    let model = shape(options.kind);
    let prior = match &options.prior {
        None => None,
        Some(prior) if prior.spread.is_nan() || prior.spread <= 0.0 => {
            return Err(Error::Setting("the spread of the prior must be positive"));
        }
        Some(prior) if prior.centre.name() != model.name() => {
            return Err(Error::Setting("the prior must be of the model to fit"));
        }
        Some(prior) => Some(prior),
    };
    let mut fit = search(histories, &model, prior)?;
    if nobody_leaves(&fit.model, histories) {
        fit = search(histories, &Model::Nbd(Nbd { r: 1.0, alpha: 1.0 }), None)?;
        fit.findings.push(Finding::NobodyLeaves);
    }
    fit.findings.extend(degenerate(&fit.model));
    if few {
        fit.findings.push(Finding::LeansOnPrior { repeaters });
    }
    if fit.information.is_none() {
        fit.findings.push(Finding::NoInterval);
    }
    Ok(fit)
}

fn shape(kind: Kind) -> Model {
    let leaving = |leaving| Model::Leaving(LeavingModel { leaving, r: 1.0, alpha: 1.0, a: 1.0, b: 1.0 });
    match kind {
        Kind::BgNbd => leaving(Leaving::AfterRepeats),
        Kind::MbgNbd => leaving(Leaving::AfterAny),
        Kind::ParetoNbd => Model::ParetoNbd(ParetoNbd { r: 1.0, alpha: 1.0, s: 1.0, beta: 1.0 }),
    }
}

/// Searches from a start that has the mean rate right, and from a second one if the first ends where nobody leaves:
/// that end is flat, and a search may stray into it.
fn search(histories: &Histories, model: &Model, prior: Option<&Prior>) -> Result<Fit> {
    let (age, rate) = (histories.mean_age().max(1e-6).ln(), histories.rate().ln());
    match model {
        Model::Nbd(_) => {
            let likelihood = |logs: &[f64; 2]| match model.with_logs(logs) {
                Some(Model::Nbd(m)) => m.log_likelihood(histories),
                _ => (f64::NAN, [0.0; 2]),
            };
            let best = optimise::maximise([0.0, -rate], real(histories), likelihood)?;
            finish(histories, model, &best, optimise::information(&best.logs, likelihood))
        }
        Model::Leaving(_) | Model::ParetoNbd(_) => {
            let likelihood = |logs: &[f64; 4]| {
                let (value, slope) = match model.with_logs(logs) {
                    Some(Model::Leaving(m)) => m.log_likelihood(histories),
                    Some(Model::ParetoNbd(m)) => m.log_likelihood(histories),
                    _ => (f64::NAN, [0.0; 4]),
                };
                held(logs, (value, slope), prior)
            };
            // (r, alpha) with mean rate as observed and a little more, since some have left; then the way of leaving.
            let time = matches!(model, Model::ParetoNbd(_)).then_some(age);
            let starts = [(0.5, 0.0, 1.1), (0.5, -2.5, 1.1)]
                .map(|(r, a, b): (f64, f64, f64)| [r.ln(), r.ln() - rate - 0.5, a, time.map_or(b, |age| age + 0.5)]);
            let mut best: Option<Optimum<4>> = None;
            for start in starts {
                let Ok(found) = optimise::maximise(start, real(histories), likelihood) else { continue };
                if best.as_ref().is_none_or(|best| found.value > best.value) {
                    best = Some(found);
                }
                let inside = best.as_ref().and_then(|best| model.with_logs(&best.logs));
                if inside.is_some_and(|model| !nobody_leaves(&model, histories) && degenerate(&model).is_empty()) {
                    break;
                }
            }
            let best = best.ok_or(Error::NoConvergence)?;
            finish(histories, model, &best, optimise::information(&best.logs, likelihood))
        }
    }
}

fn real(histories: &Histories) -> f64 {
    crate::number::real64(histories.customers())
}

/// Adds the logarithm of the prior's density, up to a constant.
fn held(logs: &[f64; 4], (mut value, mut slope): (f64, [f64; 4]), prior: Option<&Prior>) -> (f64, [f64; 4]) {
    if let Some(prior) = prior {
        for ((log, (_, centre)), slope) in logs.iter().zip(prior.centre.parameters()).zip(slope.iter_mut()) {
            let away = (log - centre.ln()) / prior.spread;
            value -= 0.5 * away * away;
            *slope -= away / prior.spread;
        }
    }
    (value, slope)
}

fn finish<const N: usize>(
    histories: &Histories,
    model: &Model,
    best: &Optimum<N>,
    information: Option<Rows>,
) -> Result<Fit> {
    let model = model.with_logs(&best.logs).ok_or(Error::NoConvergence)?;
    let log_likelihood = model.log_likelihood(histories);
    if !log_likelihood.is_finite() {
        return Err(Error::NoConvergence);
    }
    Ok(Fit {
        model,
        log_likelihood,
        customers: histories.customers(),
        repeaters: histories.repeaters(),
        distinct: histories.distinct(),
        evaluations: best.evaluations,
        findings: Vec::new(),
        information,
    })
}

/// Whether less than one customer in ten thousand leaves: at a purchase, or over the whole time observed.
fn nobody_leaves(model: &Model, histories: &Histories) -> bool {
    match model {
        Model::Leaving(m) => m.a / (m.a + m.b) < NOBODY,
        Model::ParetoNbd(m) => -(-m.s * (histories.longest() / m.beta).ln_1p()).exp_m1() < NOBODY,
        Model::Nbd(_) => false,
    }
}

fn degenerate(model: &Model) -> Vec<Finding> {
    let (r, ending) = match model {
        Model::Leaving(m) => (m.r, Some((m.a, m.b))),
        Model::ParetoNbd(m) => (m.r, Some((m.s, m.s))),
        Model::Nbd(m) => (m.r, None),
    };
    let mut findings = Vec::new();
    if r > ENDLESS {
        findings.push(Finding::EqualRates);
    }
    if ending.is_some_and(|(a, b)| a.min(b) > ENDLESS) {
        findings.push(Finding::EqualLeaving);
    }
    if matches!(model, Model::Leaving(m) if m.b / (m.a + m.b) < NOBODY) {
        findings.push(Finding::EverybodyLeaves);
    }
    if ending.is_some_and(|(a, b)| a.max(b) < 1.0 / ENDLESS) {
        findings.push(Finding::AllOrNothing);
    }
    findings
}
