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
    let over = json!({"startedOn": "2025-01-20", "status": "ENDED", "endedOn": "2025-07-20"});
    known(&over, &json!({"startedOn": "2025-11-20"})).await
}

/// Ten contracts of each of two kinds.
async fn known(over: &Value, running: &Value) -> Market {
    let market = Market::on("2026-11-20");
    market.accounts(&["others", "a", "b", "c"].map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365, "monthlyDiscount": "0"})).await;
    let others = market.account("others", "owner").await;
    for _ in 0..10 {
        subscribe(&market, &others, over.clone()).await;
        subscribe(&market, &others, running.clone()).await;
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

#[actix_web::test]
async fn what_was_cancelled_ended_with_its_period() {
    let over = json!({"startedOn": "2025-01-20", "status": "CANCELLED", "currentPeriodEnd": "2025-07-20"});
    // Of these the period is not over yet.
    let running = json!({"startedOn": "2025-11-20", "status": "CANCELLED", "currentPeriodEnd": "2026-12-20"});
    let market = known(&over, &running).await;
    let a = market.account("a", "owner").await;
    subscribe(&market, &a, json!({"startedOn": "2026-11-20"})).await;
    market.run(None).await;
    // As where ten ended after six months, and ten run for a year.
    let found = clv(&market, "a").await;
    assert_eq!(found["value"], json!({"amount": "850.00", "currency": "EUR"}), "{found}");
    assert_eq!(found["factors"]["chanceThatItRunsAYear"], "0.5");
}

#[actix_web::test]
async fn who_has_nothing_but_subscriptions_counts_in_the_reports() {
    let market = shop().await;
    let a = market.account("a", "owner").await;
    subscribe(&market, &a, json!({"startedOn": "2026-11-20"})).await;
    market.orders(&[Market::order("c", 1, "2026-10-01", "2000.00")]).await;
    market.run(None).await;
    // `others` and `a` pay for subscriptions, `c` bought, and `b` did neither.
    let mut values = Vec::new();
    for (key, method) in [("others", "CONTRACT"), ("a", "CONTRACT"), ("c", "HISTORIC")] {
        let found = clv(&market, key).await;
        assert_eq!(found["method"], method, "{key}: {found}");
        values.push(super::number(&found["value"]));
    }
    assert_eq!(clv(&market, "b").await["value"], Value::Null);
    let sum: f64 = values.iter().sum();
    let near = |found: &Value, sum: f64| assert!((super::number(found) - sum).abs() < 1e-6, "{found} is not {sum}");
    let equity = market.admin.get("/v1/reports/customer-equity").await.expect(200).body;
    assert_eq!(equity["customers"], 3, "{equity}");
    near(&equity["value"], sum);
    let methods = equity["methods"].as_array().unwrap();
    let contract = methods.iter().find(|row| row["method"] == "CONTRACT").unwrap();
    assert_eq!(contract["customers"], 2, "{equity}");
    near(&contract["value"], values[0] + values[1]);
    let found = market.admin.get("/v1/reports/concentration?of=clv").await.expect(200).body;
    assert_eq!(found["count"], 3, "{found}");
    near(&found["sum"], sum);
}
