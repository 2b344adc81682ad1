//! The other purchase models that a value model may choose: MBG/NBD and Pareto/NBD, fitted to customers who are known to have
//! stopped after any purchase, the first as well. P(alive) is held against the published formulas and against the truth.

use super::{Market, number};
use chrono::{Days, NaiveDate};
use kith_statistics::Random;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CUSTOMERS: usize = 600;

/// Someone who bought, in weeks from the first purchase, and whether he still would.
struct Customer {
    key: String,
    repeats: u32,
    last: f64,
    age: f64,
    is_alive: bool,
}

/// Customers who buy at gamma distributed rates and stop after each purchase with a chance that is beta distributed.
async fn market() -> (Market, Vec<Customer>) {
    let today: NaiveDate = "2026-11-20".parse().unwrap();
    let (market, mut random) = (Market::on("2026-11-20"), Random::new(20_261_120));
    let (mut customers, mut orders) = (Vec::new(), Vec::new());
    for at in 0..CUSTOMERS {
        let (rate, leaves) = (random.gamma(1.5, 7.0), random.beta(1.0, 2.5));
        let age = 140 + (random.uniform() * 364.0) as u64;
        let (mut time, mut is_alive, mut days) = (0.0, random.uniform() >= leaves, BTreeSet::from([0]));
        while is_alive {
            time -= random.uniform().ln() / rate * 7.0;
            if time as u64 > age {
                break;
            }
            days.insert(time as u64);
            is_alive = random.uniform() >= leaves;
        }
        let key = format!("c{at:03}");
        let price = random.gamma(6.0, 1.0) / random.gamma(4.0, 60.0);
        for after in &days {
            let day = today - Days::new(age - after);
            let amount = format!("{:.2}", 1.0 + price * (0.5 + random.uniform()));
            orders.push(Market::order(&key, orders.len(), &day.to_string(), &amount));
        }
        let weeks = |days: u64| days as f64 / 7.0;
        let repeats = u32::try_from(days.len()).unwrap() - 1;
        customers.push(Customer { key, repeats, last: weeks(*days.last().unwrap()), age: weeks(age), is_alive });
    }
    market.accounts(&customers.iter().map(|one| one.key.clone()).collect::<Vec<_>>()).await;
    market.orders(&orders).await;
    (market, customers)
}

/// Publishes a model of a kind, computes everything, and gives the fit with the parameters of these names.
async fn fitted<const N: usize>(market: &Market, kind: &str, name: &str, names: [&str; N]) -> (String, [f64; N]) {
    let model = market.publish(json!({"purchaseModel": kind})).await;
    assert_eq!(market.admin.get(&format!("/v1/value-models/{model}")).await.expect(200).at("/purchaseModel"), kind);
    let run = market.run(None).await;
    let id = run["purchaseModelId"].as_str().unwrap().to_owned();
    let fit = market.admin.get(&format!("/v1/purchase-models/{id}")).await.expect(200).body;
    assert_eq!((&fit["kind"], &fit["customers"]), (&json!(name), &json!(CUSTOMERS)), "{fit}");
    (id, names.map(|one| fit["parameters"][one].as_f64().unwrap()))
}

/// The estimate of each customer.
async fn estimates(market: &Market, customers: &[Customer]) -> Vec<Value> {
    let names: std::collections::HashMap<_, _> = super::every(market, "accounts")
        .await
        .into_iter()
        .map(|row| (row["name"].clone(), row["id"].clone()))
        .collect();
    let all: std::collections::HashMap<_, _> =
        super::every(market, "clv-estimates").await.into_iter().map(|row| (row["accountId"].clone(), row)).collect();
    customers.iter().map(|one| all[&names[&json!(format!("Customer {}", one.key))]].clone()).collect()
}

/// What must hold of every estimate: the numbers are numbers, chances are chances, and more time makes them larger.
fn sound(found: &Value, fit: &str) {
    assert_eq!((&found["method"], &found["purchaseModelId"]), (&json!("PROBABILISTIC"), &json!(fit)), "{found}");
    let chances = ["probabilityBuy30", "probabilityBuy90", "probabilityBuy365", "probabilityAlive"];
    let chances = chances.map(|name| number(&found[name]));
    assert!(chances.is_sorted() && chances[0] >= 0.0 && chances[3] <= 1.0, "{found}");
    for name in ["value", "expectedPurchases", "expectedSpend"] {
        let number = number(&found[name]);
        assert!(number.is_finite() && number >= 0.0, "{name}: {found}");
    }
    assert_eq!(found["factors"]["alive"], "ESTIMATED", "{found}");
}

/// Holds P(alive) against a formula, one by one, and against those who are alive.
fn held(customers: &[Customer], found: &[Value], fit: &str, alive: impl Fn(&Customer) -> f64) {
    let (mut once, mut told) = (0, 0.0);
    for (one, row) in customers.iter().zip(found) {
        sound(row, fit);
        let chance = number(&row["probabilityAlive"]);
        assert!((chance - alive(one)).abs() < 2e-4, "{chance} instead of {}: {row}", alive(one));
        if one.repeats == 0 {
            assert!(chance < 0.999, "one purchase makes nobody immortal: {row}");
            once += 1;
        }
        told += chance;
    }
    assert!(once > 150, "only {once} bought once");
    let truth = customers.iter().filter(|one| one.is_alive).count() as f64;
    assert!((told - truth).abs() < 0.06 * CUSTOMERS as f64, "{told} are told to be alive, and {truth} are");
}

/// ∫ from 0 to `end`, by Simpson's rule.
fn integral(end: f64, of: impl Fn(f64) -> f64) -> f64 {
    let (steps, width) = (2_000_u32, end / 2_000.0);
    let part = |at: u32| {
        let weight = if at == 0 || at == steps {
            1.0
        } else if at % 2 == 1 {
            4.0
        } else {
            2.0
        };
        weight * of(f64::from(at) * width)
    };
    (0..=steps).map(part).sum::<f64>() * width / 3.0
}

#[actix_web::test]
async fn mbg_nbd_and_pareto_nbd_know_that_a_first_purchase_may_be_the_last() {
    let (market, customers) = market().await;
    // Batislam, Denizel & Filiztekin 2007: the odds of having left after the last purchase.
    let (fit, [r, alpha, a, b]) = fitted(&market, "MBG_NBD", "MBG/NBD", ["r", "alpha", "a", "b"]).await;
    let alive = |one: &Customer| {
        let x = f64::from(one.repeats);
        1.0 / (1.0 + a / (b + x) * ((alpha + one.age) / (alpha + one.last)).powf(r + x))
    };
    held(&customers, &estimates(&market, &customers).await, &fit, alive);
    // The means that the customers were drawn by: 1.5 / 7 purchases a week, and 1 / 3.5 of stopping after each.
    let (rate, leaves) = (r / alpha, a / (a + b));
    assert!((rate / (1.5 / 7.0) - 1.0).abs() < 0.25, "{rate} a week");
    assert!((leaves - 1.0 / 3.5).abs() < 0.07, "{leaves} stop");

    // Schmittlein, Morrison & Colombo 1987: living on without a purchase against having died at some time after the last.
    let (other, [r, alpha, s, beta]) = fitted(&market, "PARETO_NBD", "Pareto/NBD", ["r", "alpha", "s", "beta"]).await;
    assert_ne!(other, fit, "another kind is another fit");
    let alive = |one: &Customer| {
        let shape = r + f64::from(one.repeats);
        let still = |time: f64| ((alpha + one.last) / (alpha + one.last + time)).powf(shape);
        let lives = |time: f64| ((beta + one.last) / (beta + one.last + time)).powf(s);
        let silence = one.age - one.last;
        let dead = integral(silence, |time| still(time) * lives(time) * s / (beta + one.last + time));
        let lived = still(silence) * lives(silence);
        lived / (lived + dead)
    };
    let found = estimates(&market, &customers).await;
    for (one, row) in customers.iter().zip(&found) {
        sound(row, &other);
        let chance = number(&row["probabilityAlive"]);
        assert!((chance - alive(one)).abs() < 1e-3, "{chance} instead of {}: {row}", alive(one));
        assert!(one.repeats > 0 || chance < 0.999, "{row}");
    }

    // Back to the first: it was fitted today and is used again.
    let (again, _) = fitted(&market, "MBG_NBD", "MBG/NBD", ["r"]).await;
    assert_eq!(again, fit);
}
