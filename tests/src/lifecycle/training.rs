//! Churn models that a run trains, on customers of whom it is known who stops: after each purchase with a chance that follows
//! what they spend, or is the same for all. What is kept of a model is computed here once more from its coefficients; what is
//! told of the accounts is held against what they do next. Without the chance of a purchase among its drivers, the model that is
//! better had an AUC of 0.8829 and a Brier score of 0.1360.

use crate::value::{Market, every, number};
use chrono::{Days, NaiveDate};
use diesel::{RunQueryDsl, sql_query, sql_types as st};
use kith_statistics::{FitOptions, Histories, History, Model, Random, fit};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

const TODAY: &str = "2026-11-20";
/// Nobody's typical gap is above 45 days, so that everybody is waited for 90.
const HORIZON: i32 = 90;

/// How customers behave: how many, and the log odds of stopping after a purchase, which fall by so much for each unit of the
/// logarithm of what they spend; and from how much to how much that is.
struct World {
    customers: usize,
    seed: u64,
    odds: f64,
    by_spend: f64,
    spend: [f64; 2],
}

/// What somebody spends each time, and on which days, today being the day 0.
struct Customer {
    spend: f64,
    days: Vec<i32>,
}

/// What a customer looks like on a day: occasions, recency, age and spend of a year, by their logarithms, and the log odds
/// of a purchase within the horizon by a purchase model. Nobody gets a discount, and few are known for a year: neither tells.
type Row = HashMap<&'static str, f64>;

impl World {
    /// Customers who come in within 500 days, wait by a Lomax distribution, and go on for 90 days from now.
    fn customers(&self) -> Vec<Customer> {
        let mut random = Random::new(self.seed);
        let [low, high] = self.spend;
        let one = |_| {
            let spend = (low * (high / low).powf(random.uniform())).floor();
            let stops = 1.0 / (1.0 + (self.by_spend * spend.ln() - self.odds).exp());
            let mut time = -random.uniform() * 500.0;
            let mut days = vec![time.floor() as i32];
            while random.uniform() >= stops {
                time += (20.0 * (random.uniform().powf(-1.0 / 3.0) - 1.0)).max(1.0);
                if time > f64::from(HORIZON) {
                    break;
                }
                days.push(time.floor() as i32);
            }
            days.dedup();
            Customer { spend, days }
        };
        (0..self.customers).map(one).collect()
    }
}

impl Customer {
    /// What was known of him on a day, if he counted then, and whether he bought nothing in the 90 days after.
    fn on(&self, cut: i32, purchases: &Model) -> Option<(Row, bool)> {
        let until: Vec<i32> = self.days.iter().copied().filter(|day| *day <= cut).collect();
        let (first, last) = (*until.first()?, *until.last()?);
        let year = until.iter().filter(|day| **day > cut - 365).count();
        let log = |value: f64| value.ln_1p();
        let history = History::from_days(&until, cut).unwrap();
        let buys = purchases.p_buy(&history, f64::from(HORIZON) / 7.0).clamp(1e-4, 1.0 - 1e-4);
        let row = [
            ("occasions", log(until.len() as f64)),
            ("recency", log(f64::from(cut - last))),
            ("age", log(f64::from(cut - first))),
            ("spend", log(self.spend * year as f64)),
            ("pBuy", (buys / (1.0 - buys)).ln()),
        ];
        let left = !self.days.iter().any(|day| *day > cut && *day <= cut + HORIZON);
        (cut - last < HORIZON).then(|| (row.into(), left))
    }
}

/// The purchase model that customers show until a day.
fn purchases(customers: &[(Uuid, Customer)], cut: i32) -> Model {
    let histories = customers.iter().filter_map(|(_, one)| Some((History::from_days(&one.days, cut)?, 1)));
    fit(&Histories::counted(histories).unwrap(), &FitOptions::default()).unwrap().model
}

/// The chance that a regression gives, from its coefficients as they are kept.
fn chance(regression: &Value, row: &Row) -> f64 {
    let term = |term: &Value| term["coefficient"].as_f64().unwrap() * row[term["driver"].as_str().unwrap()];
    let sum: f64 = regression["terms"].as_array().unwrap().iter().map(term).sum();
    1.0 / (1.0 + (-regression["intercept"].as_f64().unwrap() - sum).exp())
}

/// Of all pairs of one who left and one who stayed, the share in which the first had the higher chance.
fn auc(all: &[(f64, bool)]) -> f64 {
    let (left, stayed): (Vec<_>, Vec<_>) = all.iter().partition(|(_, left)| *left);
    let beats = |a: f64, b: f64| if a == b { 0.5 } else { f64::from(u8::from(a > b)) };
    let pairs = left.iter().flat_map(|(a, _)| stayed.iter().map(move |(b, _)| beats(*a, *b)));
    pairs.sum::<f64>() / (left.len() * stayed.len()) as f64
}

fn brier(all: &[(f64, bool)]) -> f64 {
    all.iter().map(|(chance, left)| (chance - f64::from(u8::from(*left))).powi(2)).sum::<f64>() / all.len() as f64
}

/// The customers as a run finds them, their ids, and the model that it trained.
async fn trained(world: &World) -> (Market, Vec<(Uuid, Customer)>, Value) {
    let market = Market::on(TODAY);
    let customers = world.customers();
    let keys: Vec<String> = (0..customers.len()).map(|at| at.to_string()).collect();
    market.accounts(&keys).await;
    let accounts = every(&market, "accounts").await;
    let ids: HashMap<&str, Uuid> = accounts
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["id"].as_str().unwrap().parse().unwrap()))
        .collect();
    let customers: Vec<(Uuid, Customer)> =
        keys.iter().map(|key| ids[&*format!("Customer {key}")]).zip(customers).collect();
    remember(&market, &customers);
    market.publish(json!({})).await;
    market.run(None).await;
    let models = every(&market, "churn-models").await;
    assert_eq!(models.len(), 1, "{models:?}");
    (market, customers, models[0].clone())
}

/// Their days, written as orders would have made them: it is the training that is tried here.
fn remember(market: &Market, customers: &[(Uuid, Customer)]) {
    let today: NaiveDate = TODAY.parse().unwrap();
    let (mut accounts, mut days, mut nets) = (Vec::new(), Vec::new(), Vec::new());
    for (id, customer) in customers {
        for day in customer.days.iter().filter(|day| **day <= 0) {
            accounts.push(*id);
            days.push(today - Days::new(day.unsigned_abs().into()));
            nets.push(customer.spend as i32);
        }
    }
    let query = sql_query(
        "INSERT INTO customer_days (tenant_id, account_id, day, orders, net, cost, uncosted, discount, discounted, lines, \
         booked, refunded, unconverted) SELECT $1, a, d, 1, n, 0, 0, 0, 0, 1, n, 0, 0 \
         FROM unnest($2::uuid[], $3::date[], $4::integer[]) AS x(a, d, n)",
    );
    let query = query.bind::<st::Uuid, _>(market.tenant.id).bind::<st::Array<st::Uuid>, _>(accounts);
    let query = query.bind::<st::Array<st::Date>, _>(days).bind::<st::Array<st::Integer>, _>(nets);
    query.execute(&mut market.stage.scratch.owner()).unwrap();
}

/// Computes once more what is kept of a model.
fn check(model: &Value, customers: &[(Uuid, Customer)]) {
    let on = |cut: i32| {
        let model = purchases(customers, cut);
        customers.iter().filter_map(|(_, one)| one.on(cut, &model)).collect::<Vec<_>>()
    };
    let (rows, later) = (on(-2 * HORIZON), on(-HORIZON));
    let today: NaiveDate = TODAY.parse().unwrap();
    assert_eq!((&model["horizonDays"], &model["cutOff"]), (&json!(90), &json!(today - Days::new(180))));
    assert_eq!(model["laterCutOff"], json!(today - Days::new(90)));
    assert_eq!((&model["customers"], &model["laterCustomers"]), (&json!(rows.len()), &json!(later.len())), "{model}");
    let near = |name: &str, expected: f64| {
        let found = number(&model[name]);
        assert!((found - expected).abs() < 1e-4, "{name} is {found} instead of {expected}: {model}");
    };
    let share = |all: &[(Row, bool)]| all.iter().filter(|(_, left)| *left).count() as f64 / all.len() as f64;
    near("baseRate", share(&rows));
    near("laterBaseRate", share(&later));
    let told = |regression: &str, all: &[(Row, bool)]| -> Vec<(f64, bool)> {
        all.iter().map(|(row, left)| (chance(&model["coefficients"][regression], row), *left)).collect()
    };
    let (ours, theirs) = (told("model", &later), told("baseline", &later));
    near("auc", auc(&ours));
    near("brier", brier(&ours));
    near("baselineAuc", auc(&theirs));
    near("baselineBrier", brier(&theirs));
    // To rank by recency alone is to rank by recency, whatever its coefficient.
    near("baselineAuc", auc(&later.iter().map(|(row, left)| (row["recency"], *left)).collect::<Vec<_>>()));
    // A regression of greatest likelihood tells as many losses as there were where it was fitted.
    for regression in ["model", "baseline"] {
        let all = told(regression, &rows);
        let mean = all.iter().map(|(chance, _)| chance).sum::<f64>() / all.len() as f64;
        assert!((mean - share(&rows)).abs() < 1e-6, "{regression}: {mean}");
    }
}

/// The risks that are told of accounts.
async fn risks(market: &Market) -> HashMap<Uuid, Value> {
    let all = every(market, "churn-risks").await;
    let told = all.into_iter().filter(|row| row["state"] == "OK");
    told.map(|row| (row["accountId"].as_str().unwrap().parse().unwrap(), row)).collect()
}

fn figures(model: &Value) -> [f64; 5] {
    ["auc", "baselineAuc", "brier", "baselineBrier", "calibrationError"].map(|name| number(&model[name]))
}

#[track_caller]
fn are(found: [f64; 5], expected: [f64; 5]) {
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-4), "{found:?} instead of {expected:?}");
}

#[actix_web::test]
async fn a_model_that_is_better_than_recency_tells_the_risk() {
    let world = World { customers: 2_000, seed: 7, odds: 1.5, by_spend: 0.7, spend: [20.0, 2_000.0] };
    let (market, customers, model) = trained(&world).await;
    check(&model, &customers);
    are(figures(&model), [0.8842, 0.8421, 0.1349, 0.1586, 0.0201]);
    assert_eq!(
        (&model["kind"], &model["isShipped"], &model["reason"]),
        (&json!("LOGISTIC"), &json!(true), &json!("BETTER"))
    );
    assert_eq!((&model["customers"], &model["laterCustomers"]), (&json!(659), &json!(742)));

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let now = purchases(&customers, 0);
    let risks = risks(&market).await;
    for (id, customer) in &customers {
        let Some((risk, (row, left))) = risks.get(id).zip(customer.on(0, &now)) else { continue };
        assert_eq!((&risk["model"], &risk["churnModelId"]), (&json!("LOGISTIC"), &model["id"]), "{risk}");
        assert_eq!(risk["horizonDays"], HORIZON, "{risk}");
        for (name, regression) in [("probability", "model"), ("baseline", "baseline")] {
            let expected = chance(&model["coefficients"][regression], &row);
            assert!((number(&risk[name]) - expected).abs() < 1e-4, "{name} is not {expected}: {risk}");
        }
        // From a customer at the means, on the scale of log odds.
        let terms = model["coefficients"]["model"]["terms"].as_array().unwrap();
        let drivers = risk["drivers"].as_array().unwrap();
        for term in terms {
            let driver = drivers.iter().find(|driver| driver["driver"] == term["driver"]).unwrap();
            let distance = row[term["driver"].as_str().unwrap()] - term["mean"].as_f64().unwrap();
            let expected = term["coefficient"].as_f64().unwrap() * distance;
            assert!((driver["points"].as_f64().unwrap() - expected).abs() < 1e-4, "{driver} is not {expected}");
        }
        ours.push((number(&risk["probability"]), left));
        theirs.push((number(&risk["baseline"]), left));
    }
    // What nobody could know on the day: it is right about whom they will not see again.
    assert!(ours.len() > 500, "only {} are at risk", ours.len());
    assert!(brier(&ours) < brier(&theirs) - 0.01 && auc(&ours) > auc(&theirs) + 0.01, "of {}", ours.len());
    let mean = |of: fn(&(f64, bool)) -> f64| ours.iter().map(of).sum::<f64>() / ours.len() as f64;
    let (told, left) = (mean(|one| one.0), mean(|one| f64::from(u8::from(one.1))));
    assert!((told - left).abs() < 0.04, "{told} are told to leave, and {left} do");
}

#[actix_web::test]
async fn where_recency_tells_all_the_rule_of_the_gap_tells_the_risk() {
    let world = World { customers: 600, seed: 2, odds: -2.2, by_spend: 0.0, spend: [100.0, 100.0] };
    let (market, customers, model) = trained(&world).await;
    check(&model, &customers);
    are(figures(&model), [0.7892, 0.7986, 0.1829, 0.1830, 0.0944]);
    assert_eq!((&model["kind"], &model["isShipped"]), (&json!("GAP_RULE"), &json!(false)));
    assert_eq!((&model["reason"], &model["customers"]), (&json!("RANKS_NO_BETTER"), &json!(204)));
    let risks = risks(&market).await;
    let (mut told, now) = (0, purchases(&customers, 0));
    for (id, customer) in &customers {
        let Some((risk, (row, _))) = risks.get(id).zip(customer.on(0, &now)) else { continue };
        assert_eq!((&risk["model"], &risk["churnModelId"]), (&json!("GAP_RULE"), &model["id"]), "{risk}");
        // The used-up share of the 90 days, with its chances set right.
        let used = (row["recency"].exp_m1() / f64::from(HORIZON)).ln_1p();
        let expected = chance(&model["coefficients"]["gap"], &HashMap::from([("silence", used)]));
        assert!((number(&risk["probability"]) - expected).abs() < 1e-4, "not {expected}: {risk}");
        let baseline = chance(&model["coefficients"]["baseline"], &row);
        assert!((number(&risk["baseline"]) - baseline).abs() < 1e-4, "not {baseline}: {risk}");
        told += 1;
    }
    assert!(told > 100, "only {told} are at risk");
}

#[actix_web::test]
async fn a_model_that_ranks_well_and_is_off_is_not_used() {
    let world = World { customers: 2_000, seed: 4, odds: 1.5, by_spend: 0.7, spend: [20.0, 2_000.0] };
    let (market, customers, model) = trained(&world).await;
    check(&model, &customers);
    are(figures(&model), [0.8992, 0.8632, 0.1259, 0.1506, 0.0449]);
    assert_eq!((&model["kind"], &model["reason"]), (&json!("GAP_RULE"), &json!("NOT_CALIBRATED")));
    assert!(
        risks(&market).await.values().all(|risk| risk["model"] == "GAP_RULE" && risk["churnModelId"] == model["id"])
    );
}

#[actix_web::test]
async fn of_too_few_customers_nothing_is_trained_and_the_used_up_patience_is_told() {
    let world = World { customers: 150, seed: 3, odds: -2.2, by_spend: 0.0, spend: [100.0, 100.0] };
    let (mut market, customers, model) = trained(&world).await;
    assert_eq!((&model["kind"], &model["reason"]), (&json!("GAP_RULE"), &json!("INSUFFICIENT_DATA")), "{model}");
    assert_eq!((&model["auc"], &model["baselineAuc"]), (&Value::Null, &Value::Null));
    assert_eq!(model["coefficients"], json!({"model": null, "baseline": null, "gap": null}));
    let now = purchases(&customers, 0);
    for (id, customer) in &customers {
        let risks = market.admin.get(&format!("/v1/churn-risks/{id}")).await;
        let Some((row, _)) = customer.on(0, &now).filter(|_| risks.at("/probability").is_string()) else { continue };
        let used = row["recency"].exp_m1() / f64::from(HORIZON);
        assert!((number(risks.at("/probability")) - used).abs() < 1e-4, "not {used}: {}", risks.body);
        assert_eq!(risks.at("/model"), "GAP_RULE");
    }
    // Within a week nothing is trained again.
    market.go_to("2026-11-26");
    market.run(None).await;
    assert_eq!(every(&market, "churn-models").await.len(), 1);
    market.go_to("2026-11-27");
    market.run(None).await;
    assert_eq!(every(&market, "churn-models").await.len(), 2);
}
