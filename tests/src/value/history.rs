//! What is kept of values that were, and how it meets those that are.

use super::{Market, every};
use kith_testkit::Client;
use serde_json::{Value, json};

/// The clock goes on to noon of another day.
fn on(market: &mut Market, day: &str) {
    market.stage.app.clock.stop_at(format!("{day}T12:00:00Z").parse().unwrap());
    market.admin = market.stage.admin(&market.tenant);
}

/// The days of which something is kept, each once.
async fn days(market: &Market, resource: &str) -> Vec<String> {
    let mut days: Vec<String> =
        every(market, resource).await.iter().map(|row| row["asOf"].as_str().unwrap().to_owned()).collect();
    days.sort();
    days.dedup();
    days
}

/// How many went from each layer that somebody was in to each other one.
async fn moves(client: &Client, from: &str, to: &str) -> (Value, Value, i64) {
    let path = format!("/v1/reports/value-movements?from={from}&to={to}");
    let found = client.get(&path).await.expect(200).body;
    let small_to_inactive =
        &found["rows"].as_array().unwrap().iter().find(|row| row["place"] == "SMALL").unwrap()["to"];
    let many =
        small_to_inactive.as_array().unwrap().iter().find(|to| to["place"] == "INACTIVE").unwrap()["count"].as_i64();
    (found["firstOn"].clone(), found["lastOn"].clone(), many.unwrap())
}

#[actix_web::test]
async fn the_first_run_of_a_month_is_kept_and_now_is_what_holds_now() {
    let mut market = Market::on("2026-09-30");
    market.publish(json!({"windowDays": 60})).await;
    let keys: Vec<String> = (0..10).map(|key| format!("c{key}")).collect();
    market.accounts(&keys).await;
    let amounts = |key: usize| (100 - key * 5).to_string();
    let orders: Vec<_> = (0..10).map(|key| Market::order(&keys[key], key, "2026-09-15", &amounts(key))).collect();
    market.orders(&orders).await;
    for day in ["2026-09-30", "2026-10-02", "2026-10-03", "2026-11-05"] {
        on(&mut market, day);
        market.work(true);
    }
    for resource in ["value-scores", "churn-scores"] {
        assert_eq!(days(&market, resource).await, ["2026-09-30", "2026-10-02", "2026-11-05"], "{resource}");
    }
    // Nobody has bought within sixty days any more; of the last two runs nothing is kept.
    let later = ["2026-11-13", "2026-11-14", "2026-11-15"];
    for day in later {
        on(&mut market, day);
        market.work(true);
    }
    assert_eq!(days(&market, "value-scores").await.len(), 3);
    let (first, last, gone) = moves(&market.admin, "2026-10-20", "2026-11-15").await;
    assert_eq!((first, last), (json!("2026-10-02"), json!("2026-11-15")));
    assert!(gone > 0, "whoever was SMALL is INACTIVE");
    // Up to a day that is past the history tells alone.
    let (_, last, gone) = moves(&market.admin, "2026-10-20", "2026-11-10").await;
    assert_eq!((last, gone), (json!("2026-11-05"), 0));
    // Whoever is archived now is a customer no more.
    let archived = market.account("c0", "valueProfile").await;
    market.admin.delete(&format!("/v1/accounts/{}", archived["id"].as_str().unwrap())).await.expect(204);
    market.work(true);
    let path = "/v1/reports/value-movements?from=2026-10-20&to=2026-11-15";
    let found = market.admin.get(path).await.expect(200).body;
    let left: i64 = found["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row["to"].as_array().unwrap().last().unwrap()["count"].as_i64())
        .sum();
    assert_eq!(left, 1, "{found}");
}
