//! Where silence begins: the limit that a run learns from the gaps of all customers, and who falls apart by it.

use crate::value::Market;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

const TODAY: &str = "2026-11-20";
const CUSTOMERS: usize = 50;
/// Gaps of each.
const GAPS: usize = 20;

/// Customers who buy every ten days, but for two longer gaps at the beginning, so that one gap in ten is long; the first has
/// been silent for some days, all others for five. `missing` first orders are left out, each with its gap.
async fn market(long: u64, silent: u64, missing: usize) -> Market {
    let market = Market::on(TODAY);
    let keys: Vec<String> = (0..CUSTOMERS).map(|at| format!("c{at:02}")).collect();
    market.accounts(&keys).await;
    let today: NaiveDate = TODAY.parse().unwrap();
    let mut orders = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let mut day = today - Days::new(if at == 0 { silent } else { 5 });
        for gap in 0..=GAPS {
            if gap < GAPS || at == 0 || at > missing {
                orders.push(Market::order(key, orders.len(), &day.to_string(), "100"));
            }
            day = day - Days::new(if gap < GAPS - 2 { 10 } else { long });
        }
    }
    market.orders(&orders).await;
    market
}

/// The limit that a run has learned.
async fn learned(market: &Market) -> Value {
    market.run(None).await["summary"]["silenceLimit"].clone()
}

async fn first(market: &Market) -> Value {
    market.account("c00", "lifecycle").await["lifecycle"].clone()
}

/// Stage, rule, and the silence and its limit as the evidence names them.
fn told(lifecycle: &Value) -> [Value; 4] {
    let evidence = &lifecycle["evidence"];
    assert_eq!(evidence["typicalGap"], 10.0, "of his and the peers' gaps of ten days: {lifecycle}");
    [&lifecycle["stage"], &lifecycle["rule"], &evidence["silence"], &evidence["silenceLimit"]].map(Value::clone)
}

async fn count(market: &Market, stage: &str) -> Value {
    let path = format!("/v1/lifecycles?filter[stage]={stage}&count=exact");
    market.admin.get(&path).await.expect(200).at("/page/total").clone()
}

#[actix_web::test]
async fn where_customers_seldom_wait_silence_begins_sooner() {
    // 900 gaps of 1 and 100 of 2 typical gaps: nineteen of twenty are at most 2.
    let market = market(20, 25, 0).await;
    assert_eq!(learned(&market).await, json!(2.0));
    assert_eq!(told(&first(&market).await), [json!("DEGENERATION"), json!("SILENCE"), json!(2.5), json!(2.0)]);
    assert_eq!((count(&market, "DEGENERATION").await, count(&market, "STABILITY").await), (json!(1), json!(49)));
    // Half a gap, or 2.5, beyond 2; of 20 gaps his rhythm is 21 occasions his own: 0.5 + 0.5 × 21 / 24 × 0.25.
    assert_eq!(first(&market).await["confidence"], "0.61");
}

#[actix_web::test]
async fn of_fewer_than_a_thousand_gaps_nothing_is_learned() {
    let market = market(20, 25, 1).await;
    assert_eq!(learned(&market).await, Value::Null);
    assert_eq!(told(&first(&market).await), [json!("STABILITY"), json!("STEADY"), json!(2.5), json!(3.0)]);
    assert_eq!(count(&market, "DEGENERATION").await, json!(0));
}

#[actix_web::test]
async fn where_customers_wait_for_long_silence_begins_later_unless_a_policy_says_so() {
    let mut market = market(50, 40, 0).await;
    assert_eq!(learned(&market).await, json!(5.0));
    assert_eq!(told(&first(&market).await), [json!("STABILITY"), json!("STEADY"), json!(4.0), json!(5.0)]);
    // A policy that is published names its own limit: 3, if nothing else is said.
    let policy = market.admin.post("/v1/lifecycle-policies", json!({"name": "Strict"})).await.expect(201);
    assert_eq!(policy.at("/silenceLimit"), "3.00");
    let id = policy.id();
    let moves = market.admin.get(&format!("/v1/lifecycle-policies/{id}/simulation")).await.expect(200).body;
    assert_eq!((&moves["moved"], &moves["movers"][0]["to"]["stage"]), (&json!(1), &json!("DEGENERATION")), "{moves}");
    market.admin.post(&format!("/v1/lifecycle-policies/{id}/publish"), json!({})).await.expect(200);
    assert_eq!(learned(&market).await, json!(5.0), "the run goes on to learn it");
    assert_eq!(told(&first(&market).await), [json!("DEGENERATION"), json!("SILENCE"), json!(4.0), json!(3.0)]);
    // The next day all others are silent for six days more or less, and he for 4.1 gaps.
    market.go_to("2026-11-21");
    market.run(None).await;
    assert_eq!(told(&first(&market).await)[2], json!(4.1));
    assert_eq!(count(&market, "DEGENERATION").await, json!(1));
}

#[actix_web::test]
async fn the_usual_limit_holds_where_nothing_was_learned() {
    let market = market(50, 40, 1).await;
    assert_eq!(learned(&market).await, Value::Null);
    assert_eq!(told(&first(&market).await), [json!("DEGENERATION"), json!("SILENCE"), json!(4.0), json!(3.0)]);
}
