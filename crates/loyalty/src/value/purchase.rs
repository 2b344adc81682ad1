//! The models of purchases and spend: fitted to all customers, kept with what there is to know of the fit, and used until
//! the next fit.

use super::facts::{self, Occasion};
use super::model::PurchaseKind;
use super::number::{decimal, real};
use super::validation;
use crate::AREA;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::PurchaseModelId;
use kith_kernel::{Bind, Custom, Cx, Meta, Resource, Result, Shape, Verb};
use kith_macros::resource;
use kith_statistics::{
    Finding, Fit, FitOptions, GammaGamma, Histories, History, Kind, Model, Spend, SpendFinding, SpendFit, Terms,
    clv_interval, fit, fit_spend,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// Days after which a model is fitted again.
const MONTH: i64 = 30;
/// Fewer customers who came back tell too little.
const LEAST_REPEATERS: u64 = 100;
/// Customers and draws that an interval is made from.
const SAMPLE: usize = 500;
const DRAWS: usize = 200;

/// What a model of purchases and one of spend learned from the customers. It is fitted by maximum likelihood once a month
/// and used until the next time; times are in weeks. Models of industries are fitted beside that of all customers, which is the
/// one without `partOfId`.
#[resource(table = purchase_models, id = PurchaseModelId)]
pub struct PurchaseModel {
    /// BG/NBD, MBG/NBD or Pareto/NBD; NBD where nobody is seen leaving.
    #[field(filter, read_only)]
    pub kind: String,
    /// The last day that it knows.
    #[field(filter, sort, read_only)]
    pub fitted_on: NaiveDate,
    /// The industry whose customers it was fitted to, and counts for: those of at least 500 customers, of whom at least 100 came
    /// back, have one of their own. Null: all customers.
    #[field(filter, read_only)]
    pub industry: Option<String>,
    /// The model of all customers that it was fitted beside.
    #[field(filter, read_only)]
    pub part_of_id: Option<PurchaseModelId>,
    /// Customers it was fitted to.
    #[field(read_only)]
    pub customers: i32,
    /// Customers among them who bought on more than one day.
    #[field(read_only)]
    pub repeaters: i32,
    /// Its parameters by their names in the literature.
    #[field(read_only)]
    pub parameters: Custom,
    /// Log-likelihood at the optimum, in the scale of the papers.
    #[field(read_only)]
    pub log_likelihood: Option<Decimal>,
    /// Parameters of the Gamma-Gamma model of spend, and the mean spend of the group; empty where too few came back.
    #[field(read_only)]
    pub spend_parameters: Custom,
    /// What to know of the fit: NOBODY_LEAVES (P(alive) = 1 carries no information), DEPENDENT_SPEND, NO_MEAN, OFF_TRACK …
    #[field(read_only)]
    pub findings: Custom,
    /// `interval`: the 10 % and 90 % points of the value of all customers together, over its median. `holdout`: the same kind
    /// of model, fitted to the first two thirds of the time, against what came in the last: `error` of the sum of purchases as
    /// a share of what came, `weeklyError` the mean of it by week (MAPE), `naive` the guess that as much is bought as in as
    /// long a time before, and `deciles` of customers by what was foretold; not there where too little is known for it. The
    /// model of an industry has neither.
    #[field(read_only)]
    pub validation: Custom,
}

impl Resource for PurchaseModel {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
}

/// A purchase model ready for use.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// Its record.
    pub id: uuid::Uuid,
    /// Of purchases.
    pub model: Model,
    /// Of spend.
    pub spends: SpendFit,
}

impl PurchaseModel {
    /// Ready for use; none where the fit has no model of spend.
    pub fn ready(&self) -> Option<Purchase> {
        let values = |object: &Value, names: &[&str]| {
            names.iter().map(|name| object.get(*name)?.as_f64()).collect::<Option<Vec<f64>>>()
        };
        let names: &[&str] = match self.kind.as_str() {
            "Pareto/NBD" => &["r", "alpha", "s", "beta"],
            "NBD" => &["r", "alpha"],
            _ => &["r", "alpha", "a", "b"],
        };
        let model = Model::known(&self.kind, &values(&self.parameters.0, names)?)?;
        let spend = values(&self.spend_parameters.0, &["p", "q", "gamma", "groupMean"])?;
        let &[p, q, gamma, mean] = spend.as_slice() else { return None };
        Some(Purchase { id: self.meta.id, model, spends: SpendFit::known(GammaGamma { p, q, gamma }, mean) })
    }

    /// How far the purchases since it was fitted are off what it foretold, as a share; `sample`: when some bought. The day
    /// itself may have hardly begun, as the day of the fit had: both count for nothing yet.
    pub fn tracking_error(&self, sample: &[Vec<Occasion>], as_of: NaiveDate) -> Option<f64> {
        let model = self.ready()?.model;
        validation::tracking(&model, sample, facts::number(self.fitted_on) - 1, facts::number(as_of) - 1)
    }

    /// The one in use on a day: the last that was fitted within a month before it.
    pub fn current(conn: &mut PgConnection, cx: &Cx, as_of: NaiveDate, kind: PurchaseKind) -> Result<Option<Self>> {
        let found = store::rows::<Self>(conn, cx, |out| {
            out.sql(" AND t.fitted_on <= ").bind(Bind::Date(Some(as_of)));
            out.sql(" AND t.fitted_on > ").bind(Bind::Date(Some(as_of - chrono::TimeDelta::days(MONTH))));
            out.sql(" AND (t.kind = 'NBD' OR t.kind = ").bind(Bind::Text(Some(name(kind).to_owned())));
            out.sql(") AND t.part_of_id IS NULL ORDER BY t.fitted_on DESC, t.id DESC LIMIT 1");
        })?;
        Ok(found.into_iter().next())
    }

    /// Keeps one that was fitted.
    pub fn keep(self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        verbs::follow(conn, cx, self).map(drop)
    }

    /// Fits one, without keeping it. None where too few customers came back, or no optimum was found.
    /// `sample`: when some of them bought, to try it on; with none of them, how good it is stays unknown.
    pub fn fitted(
        cx: &Cx,
        (as_of, kind, terms): (NaiveDate, PurchaseKind, &super::model::Terms),
        customers: &[(History, Spend)],
        sample: &[Vec<Occasion>],
    ) -> Option<Self> {
        let histories = Histories::counted(customers.iter().map(|(history, _)| (*history, 1))).ok()?;
        let options = FitOptions { kind: kind.fitted(), least_repeaters: LEAST_REPEATERS, prior: None };
        let spends: Vec<Spend> = customers.iter().map(|(_, spend)| *spend).filter(|spend| spend.repeats > 0).collect();
        let (fitted, money) = (fit(&histories, &options).ok()?, fit_spend(&spends, LEAST_REPEATERS).ok()?);
        // The day itself may have hardly begun.
        let holdout = validation::holdout(sample, facts::number(as_of) - 1, options.kind, LEAST_REPEATERS);
        let interval = if sample.is_empty() { Value::Null } else { interval(&fitted, &money, terms, customers) };
        Some(PurchaseModel {
            kind: fitted.model.name().to_owned(),
            fitted_on: as_of,
            customers: count(fitted.customers),
            repeaters: count(fitted.repeaters),
            parameters: Custom(Value::Object(named(&fitted.model.parameters()))),
            log_likelihood: decimal(fitted.log_likelihood),
            spend_parameters: Custom(json!({
                "p": money.model.p, "q": money.model.q, "gamma": money.model.gamma, "groupMean": money.group_mean,
                "customers": money.customers, "logLikelihood": money.log_likelihood,
            })),
            findings: Custom(findings(&fitted, &money, off_track(&holdout))),
            validation: Custom(json!({"interval": interval, "holdout": holdout})),
            ..Self::blank(Meta::new(cx))
        })
    }
}

fn count(customers: u64) -> i32 {
    i32::try_from(customers).unwrap_or(i32::MAX)
}

fn named(parameters: &[(&'static str, f64)]) -> Map<String, Value> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

fn name(kind: PurchaseKind) -> &'static str {
    match kind {
        PurchaseKind::BgNbd => "BG/NBD",
        PurchaseKind::MbgNbd => "MBG/NBD",
        PurchaseKind::ParetoNbd => "Pareto/NBD",
    }
}

impl PurchaseKind {
    /// As it is fitted.
    pub fn fitted(self) -> Kind {
        match self {
            PurchaseKind::BgNbd => Kind::BgNbd,
            PurchaseKind::MbgNbd => Kind::MbgNbd,
            PurchaseKind::ParetoNbd => Kind::ParetoNbd,
        }
    }
}

/// How far the sum of the holdout is off, if that is too far.
fn off_track(holdout: &Option<Value>) -> Option<f64> {
    let error = holdout.as_ref()?.get("error")?.as_f64()?;
    Some(error).filter(|error| error.abs() > validation::MOST_ERROR)
}

fn findings(fit: &Fit, spends: &SpendFit, off: Option<f64>) -> Value {
    let purchases = fit.findings.iter().map(|finding| match finding {
        Finding::NobodyLeaves => json!({"code": "NOBODY_LEAVES", "detail": "Nobody is seen leaving: the model has become NBD, and P(alive) = 1 carries no information."}),
        Finding::EqualRates => json!({"code": "EQUAL_RATES", "detail": "All customers buy at about the same rate."}),
        Finding::EqualLeaving => json!({"code": "EQUAL_LEAVING", "detail": "All customers leave in about the same way."}),
        Finding::EverybodyLeaves => json!({"code": "EVERYBODY_LEAVES", "detail": "Everybody leaves at the first chance."}),
        Finding::AllOrNothing => json!({"code": "ALL_OR_NOTHING", "detail": "Customers either never leave or leave at once."}),
        Finding::LeansOnPrior { repeaters } => json!({"code": "LEANS_ON_PRIOR", "detail": format!("Only {repeaters} customers came back.")}),
        Finding::NoInterval => json!({"code": "NO_INTERVAL", "detail": "The likelihood is flat in some direction."}),
    });
    let money = spends.findings.iter().map(|finding| match finding {
        SpendFinding::Dependent { correlation } => json!({"code": "DEPENDENT_SPEND", "detail": format!("Spend goes with frequency (correlation {correlation:.2}), which the model rules out.")}),
        SpendFinding::NoMean => json!({"code": "NO_MEAN", "detail": "The population has no mean: shrunk means take the place of the model's."}),
        SpendFinding::LeftOut { customers } => json!({"code": "LEFT_OUT", "detail": format!("{customers} customers whose repeats are worth nothing were left out.")}),
        SpendFinding::NoInterval => json!({"code": "NO_SPEND_INTERVAL", "detail": "The likelihood of the spend is flat in some direction."}),
    });
    let off = off.map(|error| {
        let detail = format!("Of the last third of the time it foretold {:+.0} % of what was bought.", 100.0 * error);
        json!({"code": "OFF_TRACK", "detail": detail})
    });
    Value::Array(purchases.chain(money).chain(off).collect())
}

/// How far off the value of all together may be, from a sample of them.
fn interval(fit: &Fit, spends: &SpendFit, terms: &super::model::Terms, customers: &[(History, Spend)]) -> Value {
    let step = customers.len().div_ceil(SAMPLE).max(1);
    let sample: Vec<_> = customers.iter().step_by(step).copied().collect();
    let terms = Terms {
        months: u32::try_from(terms.horizon_months).unwrap_or(12),
        monthly_discount: real(terms.monthly_discount) / 100.0,
        ..Terms::default()
    };
    match clv_interval(fit, spends, &sample, &terms, DRAWS, 42) {
        Ok(found) if found.median > 0.0 => {
            let over = |value: f64| decimal(value / found.median).map(real);
            json!({"low": over(found.low), "high": over(found.high), "draws": found.draws, "customers": sample.len()})
        }
        _ => Value::Null,
    }
}
