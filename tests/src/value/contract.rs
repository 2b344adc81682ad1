//! Lifetime values of subscriptions by hand.

use super::Market;
use serde_json::{Value, json};

async fn subscribe(market: &Market, account: &Value, more: Value) -> String {
    let mut body =
        json!({"accountId": account["id"], "amount": {"amount": "100.00", "currency": "EUR"}, "interval": "MONTH"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    market.admin.post("/v1/subscriptions", body).await.expect(201).id()
}

async fn clv(market: &Market, key: &str) -> Value {
    market.account(key, "clv").await["clv"].clone()
}

/// Of twenty contracts ten ended after six months, and ten run for a year.
async fn shop() -> Market {
    let market = Market::on("2026-11-20");
    market.accounts(&["others", "a", "b", "c"].map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365, "monthlyDiscount": "0"})).await;
    let others = market.account("others", "owner").await;
    for _ in 0..10 {
        let over = json!({"startedOn": "2025-01-20", "status": "ENDED", "endedOn": "2025-07-20"});
        subscribe(&market, &others, over).await;
        subscribe(&market, &others, json!({"startedOn": "2025-11-20"})).await;
    }
    market
}

#[actix_web::test]
async fn a_contract_is_worth_its_margins_while_it_runs() {
    let market = shop().await;
    let a = market.account("a", "owner").await;
    let id = subscribe(&market, &a, json!({"startedOn": "2026-11-20"})).await;
    subscribe(&market, &a, json!({"startedOn": "2026-11-20", "status": "TRIAL"})).await;
    market.run(None).await;
    // It is sure to run for five months, and by an even chance for the seven after them.
    let found = clv(&market, "a").await;
    assert_eq!((&found["method"], &found["state"]), (&json!("CONTRACT"), &json!("OK")), "{found}");
    assert_eq!(found["value"], json!({"amount": "850.00", "currency": "EUR"}));
    let factors =
        json!({"contracts": 1, "monthlyAmount": "100", "monthsOfTheOldest": 0, "chanceThatItRunsAYear": "0.5"});
    assert_eq!(found["factors"], factors);
    // Cancelled, it brings nothing any more, and that is seen without a run.
    market.admin.post(&format!("/v1/subscriptions/{id}/cancel"), json!({})).await.expect(200);
    market.work(false);
    let found = clv(&market, "a").await;
    assert_eq!((&found["method"], &found["value"]), (&json!("HISTORIC"), &Value::Null), "{found}");
}

#[actix_web::test]
async fn contracts_tell_what_a_customer_is_worth_where_they_are_most_of_what_he_buys() {
    let market = shop().await;
    let (b, c) = (market.account("b", "owner").await, market.account("c", "owner").await);
    // 1,200 a year beside 5,000 of orders, and beside 2,000.
    let yearly =
        json!({"startedOn": "2026-05-20", "interval": "YEAR", "amount": {"amount": "1200.00", "currency": "EUR"}});
    let quarterly =
        json!({"startedOn": "2026-05-20", "interval": "QUARTER", "amount": {"amount": "300.00", "currency": "EUR"}});
    subscribe(&market, &b, yearly).await;
    subscribe(&market, &c, quarterly).await;
    market
        .orders(&[Market::order("b", 1, "2026-10-01", "5000.00"), Market::order("c", 2, "2026-10-01", "2000.00")])
        .await;
    market.run(None).await;
    assert_eq!(clv(&market, "b").await["method"], "HISTORIC");
    let found = clv(&market, "c").await;
    assert_eq!((&found["method"], &found["factors"]["monthlyAmount"]), (&json!("CONTRACT"), &json!("100")), "{found}");
    assert_eq!(found["factors"]["monthsOfTheOldest"], 6);
    // Those that had run for six months went on for six more; beyond that each month ends ten of all 192 that were run.
    let chance = 1.0 - 10.0 / 192.0_f64;
    let value = 100.0 * (6.0 + (1..=6).map(|month| chance.powi(month)).sum::<f64>());
    assert!((super::number(&found["value"]) - value).abs() < 0.001, "{found} is not {value}");
}
