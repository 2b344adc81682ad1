//! Who will leave: a logistic regression on the tenant's own history, held against recency alone on later data, and the rule
//! of the shrunk gap where it does no better (D10).

use super::churn::gap_risk;
use super::{real, rounded};
use kith_kernel::text_enum;
use kith_statistics::{Logistic, auc, brier, calibration, calibration_error, patience};
use serde_json::{Value, json};

text_enum! {
    /// What tells a risk.
    pub enum ChurnModelKind {
        /// A logistic regression on the tenant's own history.
        Logistic = "LOGISTIC",
        /// The chance of no purchase by the purchase model.
        BgNbd = "BG_NBD",
        /// The silence in relation to the customer's own rhythm.
        GapRule = "GAP_RULE",
        /// The chance that no contract is renewed, by how long contracts last; after their end, the used-up part of the grace.
        Renewal = "RENEWAL",
    }
}

text_enum! {
    /// Why a model is used, or is not.
    pub enum ChurnModelVerdict {
        /// It ranks and weighs better than recency alone, and its probabilities hold.
        Better = "BETTER",
        /// It does not rank better than recency alone (AUC).
        RanksNoBetter = "RANKS_NO_BETTER",
        /// Its probabilities are no nearer to what came than those of recency alone (Brier).
        WeighsNoBetter = "WEIGHS_NO_BETTER",
        /// Its probabilities are off by more than 0.03 on average, over ten bins.
        NotCalibrated = "NOT_CALIBRATED",
        /// There are too few customers, or too few of them left or stayed.
        InsufficientData = "INSUFFICIENT_DATA",
    }
}

/// Customers of either outcome that a fit needs.
const LEAST_OF_EITHER: usize = 20;
/// Customers that a fit needs.
const LEAST: usize = 100;
/// The pull on each standardised coefficient.
const RIDGE: f64 = 1.0;
/// The largest mean error of probabilities, over ten bins.
const MOST_CALIBRATION_ERROR: f64 = 0.03;
/// Drivers of the regression, in the order of [`Features::values`].
const DRIVERS: [&str; 10] =
    ["occasions", "recency", "age", "spend", "trend", "cases", "sentiment", "paymentDelay", "discountShare", "pBuy"];

/// What is known of a customer strictly before a cut-off. What is not known is none, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Features {
    /// Days with a valid order.
    pub occasions: u32,
    /// Days since the last.
    pub recency: u32,
    /// Days since the first.
    pub age: u32,
    /// Typical gap, drawn to that of the peers, in days.
    pub typical_gap: f64,
    /// Net spend of the last year, in the tenant's currency.
    pub spend: f64,
    /// How the margin of the last half-year stands to that of the one before, from -1 to 1.
    pub trend: Option<f64>,
    /// Cases of the last year.
    pub cases: Option<f64>,
    /// Mean sentiment, from -1 to 1.
    pub sentiment: Option<f64>,
    /// Mean days that payments came late.
    pub payment_delay: Option<f64>,
    /// Share of the spend that was bought at a discount.
    pub discount_share: Option<f64>,
    /// Chance of a purchase within the patience, by the purchase model.
    pub p_buy: Option<f64>,
}

impl Features {
    /// As the regression takes them: sums by their logarithm, chances by their log odds.
    fn values(&self) -> [Option<f64>; 10] {
        let log = |value: f64| Some(value.max(0.0).ln_1p());
        let odds = |p: f64| {
            let p = p.clamp(1e-4, 1.0 - 1e-4);
            (p / (1.0 - p)).ln()
        };
        let all = [
            log(self.occasions.into()),
            log(self.recency.into()),
            log(self.age.into()),
            log(self.spend),
            self.trend.map(|trend| trend.clamp(-10.0, 10.0)),
            self.cases.and_then(log),
            self.sentiment,
            self.payment_delay.and_then(log),
            self.discount_share,
            self.p_buy.map(odds),
        ];
        all.map(|value| value.filter(|value| value.is_finite()))
    }

    /// Used-up patience, as the rule of the gap takes it.
    fn silence(&self) -> f64 {
        (f64::from(self.recency) / patience(self.typical_gap)).ln_1p()
    }
}

/// One driver of a regression.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// Its name.
    pub driver: String,
    /// Log odds a unit.
    pub coefficient: f64,
    /// Its mean where it was fitted; what is not known counts as this.
    pub mean: f64,
}

/// A regression as it is kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regression {
    /// Log odds of nothing.
    pub intercept: f64,
    /// The drivers.
    pub terms: Vec<Term>,
}

impl Regression {
    /// Fits columns; what is not known in a row is the mean of the rest. A column that fewer than half of the rows know is
    /// left out, and one that is the same for all.
    fn fit(names: &[&str], rows: &[Vec<Option<f64>>], outcomes: &[bool]) -> Option<Self> {
        let column = |at: usize| rows.iter().filter_map(move |row| row.get(at).copied().flatten());
        let known: Vec<(usize, &str, f64)> = names
            .iter()
            .enumerate()
            .filter_map(|(at, name)| {
                let count = column(at).count();
                let first = column(at).next();
                let varies = column(at).any(|value| Some(value) != first);
                (count.saturating_mul(2) >= rows.len() && varies)
                    .then(|| (at, *name, column(at).sum::<f64>() / real(count)))
            })
            .collect();
        let filled: Vec<Vec<f64>> = rows
            .iter()
            .map(|row| known.iter().map(|(at, _, mean)| row.get(*at).copied().flatten().unwrap_or(*mean)).collect())
            .collect();
        let fitted = Logistic::fit(&filled, outcomes, RIDGE).ok()?;
        let terms = known.iter().zip(&fitted.coefficients).map(|((_, name, mean), coefficient)| Term {
            driver: (*name).to_owned(),
            coefficient: *coefficient,
            mean: *mean,
        });
        Some(Self { intercept: fitted.intercept, terms: terms.collect() })
    }

    fn log_odds(&self, value: impl Fn(&str) -> Option<f64>) -> f64 {
        let parts = self.terms.iter().map(|term| term.coefficient * value(&term.driver).unwrap_or(term.mean));
        self.intercept + parts.sum::<f64>()
    }

    fn predict(&self, value: impl Fn(&str) -> Option<f64>) -> f64 {
        1.0 / (1.0 + (-self.log_odds(value)).exp())
    }

    fn to_json(&self) -> Value {
        let terms = self
            .terms
            .iter()
            .map(|term| json!({"driver": term.driver, "coefficient": term.coefficient, "mean": term.mean}));
        json!({"intercept": self.intercept, "terms": terms.collect::<Vec<_>>()})
    }

    fn from_json(value: &Value) -> Option<Self> {
        let term = |term: &Value| {
            Some(Term {
                driver: term.get("driver")?.as_str()?.to_owned(),
                coefficient: term.get("coefficient")?.as_f64()?,
                mean: term.get("mean")?.as_f64()?,
            })
        };
        let terms = value.get("terms")?.as_array()?.iter().map(term).collect::<Option<_>>()?;
        Some(Self { intercept: value.get("intercept")?.as_f64()?, terms })
    }
}

/// The value of a driver, whichever regression asks.
fn value_of(features: &Features, driver: &str) -> Option<f64> {
    match DRIVERS.iter().position(|name| *name == driver) {
        Some(at) => features.values().get(at).copied().flatten(),
        None => (driver == "silence").then(|| features.silence()),
    }
}

/// What was fitted together: the model, recency alone, and the rule of the gap with its probabilities set right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fitted {
    /// The model; none: the rule of the gap holds.
    pub model: Option<Regression>,
    /// Recency alone.
    pub baseline: Option<Regression>,
    /// The rule of the gap.
    pub gap: Option<Regression>,
}

impl Fitted {
    /// For keeping.
    pub fn to_json(&self) -> Value {
        let part = |regression: &Option<Regression>| regression.as_ref().map(Regression::to_json);
        json!({"model": part(&self.model), "baseline": part(&self.baseline), "gap": part(&self.gap)})
    }

    /// As it was kept; what cannot be read is none.
    pub fn from_json(value: &Value) -> Self {
        let part = |name: &str| value.get(name).and_then(Regression::from_json);
        Self { model: part("model"), baseline: part("baseline"), gap: part("gap") }
    }

    /// The risk of a customer. `uses_model`: the model was found to be better than recency alone.
    pub fn assess(&self, features: &Features, uses_model: bool) -> Assessment {
        let value = |driver: &str| value_of(features, driver);
        let plain = gap_risk(features.recency, features.typical_gap);
        let baseline = self.baseline.as_ref().map_or(plain, |regression| regression.predict(value));
        let chosen = match self.model.as_ref().filter(|_| uses_model) {
            Some(model) => Some((ChurnModelKind::Logistic, model)),
            None => self.gap.as_ref().map(|gap| (ChurnModelKind::GapRule, gap)),
        };
        let Some((kind, regression)) = chosen else {
            let patience = patience(features.typical_gap);
            let silence = json!({"driver": "silence", "value": features.recency, "reference": rounded(patience), "points": rounded(plain)});
            return Assessment {
                kind: ChurnModelKind::GapRule,
                probability: plain,
                baseline,
                drivers: json!([silence]),
            };
        };
        // On the scale of log odds, from a customer at the means; the greatest first.
        let mut parts: Vec<(&Term, Option<f64>, f64)> = regression
            .terms
            .iter()
            .map(|term| {
                let known = value(&term.driver);
                (term, known, term.coefficient * (known.unwrap_or(term.mean) - term.mean))
            })
            .collect();
        parts.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
        let drivers = parts.into_iter().map(|(term, known, points)| {
            json!({"driver": term.driver, "value": known.map(rounded), "reference": rounded(term.mean), "points": rounded(points)})
        });
        let drivers = Value::Array(drivers.collect());
        Assessment { kind, probability: regression.predict(value), baseline, drivers }
    }
}

/// The risk of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What tells it.
    pub kind: ChurnModelKind,
    /// The chance of no purchase within the patience.
    pub probability: f64,
    /// The same by recency alone.
    pub baseline: f64,
    /// What adds to it: driver, value, reference, points.
    pub drivers: Value,
}

/// How good forecasts were on data later than those they were fitted to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// How well the model ranks.
    pub auc: f64,
    /// How near its probabilities were.
    pub brier: f64,
    /// How well recency alone ranks.
    pub baseline_auc: f64,
    /// How near its probabilities were.
    pub baseline_brier: f64,
    /// Mean error of the model's probabilities over ten bins.
    pub calibration_error: f64,
}

/// What came of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// What was fitted.
    pub fitted: Fitted,
    /// Customers it was fitted to.
    pub customers: usize,
    /// The share of them that left.
    pub base_rate: f64,
    /// Later customers it was tried on.
    pub later_customers: usize,
    /// The share of them that left.
    pub later_base_rate: f64,
    /// How good it was; none: it could not be tried.
    pub quality: Option<Quality>,
    /// Whether the model is used, and why.
    pub verdict: ChurnModelVerdict,
}

impl Trained {
    /// Whether the model is used.
    pub fn is_shipped(&self) -> bool {
        self.verdict == ChurnModelVerdict::Better
    }
}

fn share(labels: &[bool]) -> f64 {
    real(labels.iter().filter(|label| **label).count()) / real(labels.len().max(1))
}

fn enough(rows: &[Features], labels: &[bool]) -> bool {
    let yes = labels.iter().filter(|label| **label).count();
    rows.len() == labels.len() && rows.len() >= LEAST && yes.min(rows.len().saturating_sub(yes)) >= LEAST_OF_EITHER
}

/// Fits to customers as they were at a cut-off, `true` being who bought nothing within their patience after it, and tries it on
/// customers at a later one.
pub fn train(rows: &[Features], labels: &[bool], later: &[Features], later_labels: &[bool]) -> Trained {
    let mut trained = Trained {
        fitted: Fitted::default(),
        customers: rows.len(),
        base_rate: share(labels),
        later_customers: later.len(),
        later_base_rate: share(later_labels),
        quality: None,
        verdict: ChurnModelVerdict::InsufficientData,
    };
    if !enough(rows, labels) {
        return trained;
    }
    let all: Vec<Vec<Option<f64>>> = rows.iter().map(|row| row.values().to_vec()).collect();
    let one = |name: &'static str| -> Option<Regression> {
        let column: Vec<Vec<Option<f64>>> = rows.iter().map(|row| vec![value_of(row, name)]).collect();
        Regression::fit(&[name], &column, labels)
    };
    trained.fitted =
        Fitted { model: Regression::fit(&DRIVERS, &all, labels), baseline: one("recency"), gap: one("silence") };
    trained.quality = quality(&trained.fitted, later, later_labels).filter(|_| enough(later, later_labels));
    trained.verdict = match trained.quality {
        None => ChurnModelVerdict::InsufficientData,
        Some(quality) if quality.auc <= quality.baseline_auc => ChurnModelVerdict::RanksNoBetter,
        Some(quality) if quality.brier >= quality.baseline_brier => ChurnModelVerdict::WeighsNoBetter,
        Some(quality) if quality.calibration_error > MOST_CALIBRATION_ERROR => ChurnModelVerdict::NotCalibrated,
        Some(_) => ChurnModelVerdict::Better,
    };
    trained
}

fn quality(fitted: &Fitted, later: &[Features], labels: &[bool]) -> Option<Quality> {
    let (model, baseline) = (fitted.model.as_ref()?, fitted.baseline.as_ref()?);
    let by = |regression: &Regression| -> Vec<f64> {
        later.iter().map(|row| regression.predict(|driver| value_of(row, driver))).collect()
    };
    let (ours, theirs) = (by(model), by(baseline));
    let outcomes: Vec<f64> = labels.iter().map(|label| f64::from(u8::from(*label))).collect();
    Some(Quality {
        auc: auc(&ours, labels).ok()?,
        brier: brier(&ours, labels).ok()?,
        baseline_auc: auc(&theirs, labels).ok()?,
        baseline_brier: brier(&theirs, labels).ok()?,
        calibration_error: calibration_error(&calibration(&ours, &outcomes, 10).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kith_statistics::Random;

    /// Customers who leave by silence in their own rhythm, or by recency alone.
    fn people(n: u32, seed: u64, by_rhythm: bool) -> (Vec<Features>, Vec<bool>) {
        let mut random = Random::new(seed);
        let mut days = |most: f64| {
            use rust_decimal::prelude::ToPrimitive;
            (random.uniform() * most).to_u32().unwrap_or(0)
        };
        let rows: Vec<Features> = (0..n)
            .map(|_| {
                let occasions = 1 + days(20.0);
                let recency = days(200.0);
                Features {
                    occasions,
                    recency,
                    age: recency + days(700.0),
                    typical_gap: 20.0 + f64::from(days(60.0)),
                    spend: 100.0 + f64::from(days(900.0)),
                    trend: (days(10.0) > 2).then_some(0.1),
                    ..Features::default()
                }
            })
            .collect();
        let mut random = Random::new(seed + 1);
        let labels = rows
            .iter()
            .map(|row| {
                let rhythm = 1.5 * f64::from(row.recency).ln_1p() - 2.5 * f64::from(row.occasions).ln_1p() - 1.0;
                let recency = 1.5 * f64::from(row.recency).ln_1p() - 6.0;
                let odds = if by_rhythm { rhythm } else { recency };
                random.uniform() < 1.0 / (1.0 + (-odds).exp())
            })
            .collect();
        (rows, labels)
    }

    #[test]
    fn a_model_that_is_better_on_later_customers_is_used() {
        let ((rows, labels), (later, then)) = (people(4_000, 1, true), people(4_000, 5, true));
        let trained = train(&rows, &labels, &later, &then);
        let quality = trained.quality.unwrap();
        assert!(trained.is_shipped(), "{trained:?}");
        assert!(quality.auc > quality.baseline_auc + 0.05 && quality.calibration_error <= 0.03, "{quality:?}");
        let kept = Fitted::from_json(&trained.fitted.to_json());
        assert_eq!(kept, trained.fitted, "as it was kept");
        let found = kept.assess(&later[0], true);
        assert_eq!(found.kind, ChurnModelKind::Logistic);
        let points: f64 = found.drivers.as_array().unwrap().iter().map(|part| part["points"].as_f64().unwrap()).sum();
        let model = kept.model.unwrap();
        let at_means: f64 = model.log_odds(|_| None);
        let own = (found.probability / (1.0 - found.probability)).ln();
        assert!((own - at_means - points).abs() < 0.001, "points add up: {own} {at_means} {points}");
    }

    #[test]
    fn one_that_is_not_leaves_it_to_the_rule_of_the_gap() {
        // The later world is another one: what was learned misleads.
        let ((rows, labels), (later, then)) = (people(4_000, 1, true), people(4_000, 5, false));
        let trained = train(&rows, &labels, &later, &then);
        assert!(!trained.is_shipped() && trained.quality.is_some(), "{trained:?}");
        let found = trained.fitted.assess(&later[0], trained.is_shipped());
        assert_eq!(found.kind, ChurnModelKind::GapRule);
        assert_eq!(found.drivers[0]["driver"], "silence");
        assert!((0.0..=1.0).contains(&found.probability) && (0.0..=1.0).contains(&found.baseline));
    }

    #[test]
    fn few_customers_train_nothing() {
        let (rows, labels) = people(99, 1, true);
        let trained = train(&rows, &labels, &rows, &labels);
        assert_eq!((trained.verdict, &trained.fitted), (ChurnModelVerdict::InsufficientData, &Fitted::default()));
        let row = Features { recency: 45, typical_gap: 20.0, occasions: 3, ..Features::default() };
        let found = trained.fitted.assess(&row, false);
        assert!((found.probability - 0.5).abs() < 1e-9, "half of 90 days are used up");
        assert!(found.baseline == found.probability && found.drivers[0]["reference"] == 90.0);
        let all_stay = vec![false; 500];
        let (rows, _) = people(500, 3, true);
        assert_eq!(train(&rows, &all_stay, &rows, &all_stay).verdict, ChurnModelVerdict::InsufficientData);
    }
}
