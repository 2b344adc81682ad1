//! Lifetime values where too few customers came back to fit a purchase model: the margin of a year over the months of the
//! horizon, times the share of customers who stay so long, discounted; or, of fewer still, what was earned so far.

use super::{Market, number};
use serde_json::{Value, json};

/// The sum of the definition (D8), month by month: margin a month × retention^(month / 12) ÷ (1 + discount)^month.
fn worth(margin_a_month: f64, retention: f64, discount: f64, months: i32) -> f64 {
    let month = |at: i32| margin_a_month * retention.powf(f64::from(at) / 12.0) / (1.0 + discount).powi(at);
    (1..=months).map(month).sum()
}

/// So many who bought in the year before the last, the first of them in the last year, too: for 600 the first, 120 the others.
async fn market(before: usize, stayed: usize) -> Market {
    let market = Market::on("2026-11-20");
    let keys: Vec<String> = (0..before).map(|at| format!("c{at:02}")).collect();
    market.accounts(&keys).await;
    let mut orders = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        orders.push(Market::order(key, at, "2025-06-01", "50"));
        if at < stayed {
            let amount = if at == 0 { "600" } else { "120" };
            orders.push(Market::order(key, 100 + at, "2026-06-01", amount));
        }
    }
    market.orders(&orders).await;
    market
}

async fn clv(market: &Market, key: &str) -> Value {
    let account = market.account(key, "clv").await;
    let by_id = market.admin.get(&format!("/v1/clv-estimates/{}", account["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(by_id.at("/value"), &account["clv"]["value"], "both ways tell the same");
    account["clv"].clone()
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    let value = number(&found["value"]);
    assert!((value - expected).abs() < 0.006, "{value} instead of {expected}: {found}");
}

#[actix_web::test]
async fn the_margin_of_a_year_counts_for_as_long_as_customers_stay() {
    let market = market(25, 20).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "40"})).await;
    let run = market.run(None).await;
    assert_eq!((&run["purchaseModelId"], &run["summary"]["yearlyRetention"]), (&Value::Null, &json!(0.8)), "{run}");
    let first = clv(&market, "c00").await;
    // 40 % of 600 are 20 a month; four of five stay a year; 1 % a month is taken off: 200.33 by a sheet of twelve lines.
    near(&first, worth(20.0, 0.8, 0.01, 12));
    near(&first, 200.33);
    assert_eq!((&first["method"], &first["purchaseModelId"]), (&json!("SIMPLE"), &Value::Null));
    assert_eq!((&first["state"], &first["reasons"]), (&json!("INSUFFICIENT_DATA"), &json!(["TOO_FEW_REPEATERS"])));
    assert_eq!((&first["horizonMonths"], number(&first["monthlyDiscount"])), (&json!(12), 1.0));
    assert_eq!((&first["probabilityAlive"], &first["expectedPurchases"]), (&Value::Null, &Value::Null));
    near(&clv(&market, "c07").await, worth(4.0, 0.8, 0.01, 12));
    // Who did not come back within the year brought nothing in it.
    near(&clv(&market, "c24").await, 0.0);
    let equity = market.admin.get("/v1/reports/customer-equity").await.expect(200).body;
    let all = worth(20.0, 0.8, 0.01, 12) + 19.0 * worth(4.0, 0.8, 0.01, 12);
    assert!((number(&equity["value"]) - all).abs() < 0.2, "{equity}");
}

#[actix_web::test]
async fn window_horizon_and_discount_are_those_of_the_model() {
    let market = market(25, 20).await;
    market
        .publish(json!({"windowDays": 730, "defaultMargin": "40", "horizonMonths": 30, "monthlyDiscount": "0.5"}))
        .await;
    market.run(None).await;
    // 40 % of 650 in two years are 130 a year.
    let first = clv(&market, "c00").await;
    near(&first, worth(130.0 / 12.0, 0.8, 0.005, 30));
    assert_eq!((&first["horizonMonths"], number(&first["monthlyDiscount"])), (&json!(30), 0.5));
    near(&clv(&market, "c24").await, worth(10.0 / 12.0, 0.8, 0.005, 30));
}

#[actix_web::test]
async fn where_everybody_stays_one_in_a_hundred_is_taken_to_leave() {
    let market = market(20, 20).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "40"})).await;
    let run = market.run(None).await;
    assert_eq!(run["summary"]["yearlyRetention"], json!(0.99));
    near(&clv(&market, "c00").await, worth(20.0, 0.99, 0.01, 12));
}

#[actix_web::test]
async fn of_nineteen_nothing_is_known_but_what_they_brought() {
    let market = market(19, 15).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "40"})).await;
    let run = market.run(None).await;
    assert_eq!(run["summary"]["yearlyRetention"], Value::Null);
    let first = clv(&market, "c00").await;
    assert_eq!((&first["method"], &first["state"]), (&json!("HISTORIC"), &json!("INSUFFICIENT_DATA")));
    near(&first, 0.4 * 650.0);
}
