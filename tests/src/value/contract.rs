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
    assert_eq!(
        (&found["state"], &found["reasons"], &found["value"]),
        (&json!("NOT_APPLICABLE"), &json!(["NO_CONTRACT"]), &Value::Null),
        "{found}"
    );
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

#[actix_web::test]
async fn who_pays_by_contract_is_a_customer_until_the_grace_is_over() {
    let market = shop().await;
    market.accounts(&["d", "e", "f"].map(str::to_owned)).await;
    let mut made = Vec::new();
    for (key, contract) in [
        ("a", json!({"startedOn": "2025-11-20", "currentPeriodEnd": "2026-12-20"})),
        ("b", json!({"startedOn": "2026-06-20"})),
        ("c", json!({"startedOn": "2026-01-20", "status": "ENDED", "endedOn": "2026-11-01"})),
        ("d", json!({"startedOn": "2026-01-20", "status": "ENDED", "endedOn": "2026-10-01"})),
        ("e", json!({"startedOn": "2026-11-01"})),
    ] {
        let account = market.account(key, "owner").await;
        made.push(subscribe(&market, &account, contract).await);
    }
    // Silent for more than a year, one beside a contract that runs and one without.
    let orders = ["e", "f"].iter().zip(1..).map(|(key, number)| Market::order(key, number, "2025-10-01", "10.00"));
    market.orders(&orders.collect::<Vec<_>>()).await;
    market.run(None).await;
    let stands = async |key: &str| {
        let lifecycle = market.account(key, "lifecycle").await["lifecycle"].clone();
        ["stage", "activity", "loyaltyStage", "churnedOn"]
            .map(|name| lifecycle[name].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(stands("a").await, ["STABILITY", "ACTIVE", "LONG_STANDING", "-"]);
    assert_eq!(stands("c").await, ["DEGENERATION", "DORMANT", "LONG_STANDING", "-"]);
    assert_eq!(stands("d").await, ["ENDED", "CHURNED", "LONG_STANDING", "2026-10-31"]);
    assert_eq!(stands("e").await[..2], ["EXPLORATION", "ACTIVE"]);
    assert_eq!(stands("f").await[..2], ["ENDED", "CHURNED"]);
    let risk = async |key: &str| market.account(key, "churnRisk").await["churnRisk"].clone();
    // Of 24 that had run for five months, ten ended within the sixth; b itself has run for no longer.
    let b = risk("b").await;
    assert_eq!((&b["model"], &b["state"], &b["horizonDays"]), (&json!("RENEWAL"), &json!("OK"), &json!(31)), "{b}");
    let chance = super::number(&json!({"amount": b["probability"]}));
    assert!((chance - 10.0 / 23.0).abs() < 0.0001, "{b}");
    assert_eq!(b["drivers"][0]["value"], 5);
    assert!((b["drivers"][0]["points"].as_f64().unwrap() - chance).abs() < 0.0001);
    let worth = super::number(&clv(&market, "b").await["value"]);
    assert!((super::number(&b["valueAtRisk"]) - chance * worth).abs() < 0.01, "{b}");
    let c = risk("c").await;
    assert_eq!((&c["model"], &c["probability"]), (&json!("RENEWAL"), &json!("0.6333")), "19 of 30 days: {c}");
    assert_eq!(risk("d").await["reason"], "LOST");
    let events = market.admin.get("/v1/churn-events?expand=account").await.expect(200);
    let suspected = events.at("/data").as_array().unwrap();
    assert_eq!(suspected.len(), 1, "{suspected:?}");
    assert_eq!(
        (&suspected[0]["occurredOn"], &suspected[0]["evidence"]["contractOverOn"]),
        (&json!("2026-10-31"), &json!("2026-10-01"))
    );

    // Cancelled, it runs to the end of its period and is not renewed; renewed in time, all is well again.
    market.admin.post(&format!("/v1/subscriptions/{}/cancel", made[0]), json!({})).await.expect(200);
    let back = json!({"status": "ACTIVE", "endedOn": null, "cancelledAt": null, "currentPeriodEnd": "2026-12-20"});
    market.admin.patch(&format!("/v1/subscriptions/{}", made[2]), back).await.expect(200);
    market.work(false);
    assert_eq!(stands("a").await[..2], ["DEGENERATION", "ACTIVE"]);
    assert_eq!(risk("a").await["probability"], "1.00");
    assert_eq!(stands("c").await[1], "ACTIVE");
}

#[actix_web::test]
async fn the_grace_is_the_policys_to_say_and_few_contracts_tell_no_risk() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "b", "c", "d"].map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365})).await;
    let (a, b) = (market.account("a", "owner").await, market.account("b", "owner").await);
    // One is to end next year; the other was cancelled once, and runs again.
    for (key, contract) in [
        (
            "c",
            json!({"startedOn": "2026-01-20", "currentPeriodEnd": "2026-02-20", "status": "ENDED", "endedOn": "2027-06-01"}),
        ),
        (
            "d",
            json!({"startedOn": "2026-01-20", "currentPeriodEnd": "2026-02-20", "cancelledAt": "2026-02-01T00:00:00Z"}),
        ),
    ] {
        let account = market.account(key, "owner").await;
        subscribe(&market, &account, contract).await;
    }
    subscribe(&market, &a, json!({"startedOn": "2026-01-20", "status": "ENDED", "endedOn": "2026-10-01"})).await;
    subscribe(&market, &b, json!({"startedOn": "2026-01-20"})).await;
    let policy = json!({"name": "Patient", "graceDays": 60});
    let policy = market.admin.post("/v1/lifecycle-policies", policy).await.expect(201).id();
    market.admin.post(&format!("/v1/lifecycle-policies/{policy}/publish"), json!({})).await.expect(200);
    market.run(None).await;
    let a = market.account("a", "lifecycle,churnRisk").await;
    assert_eq!(a["lifecycle"]["activity"], "DORMANT", "{a}");
    assert_eq!(a["churnRisk"]["probability"], "0.8333", "50 of 60 days: {a}");
    let b = market.account("b", "lifecycle,churnRisk").await;
    assert_eq!(
        (&b["lifecycle"]["activity"], &b["churnRisk"]["state"]),
        (&json!("ACTIVE"), &json!("INSUFFICIENT_DATA"))
    );
    assert_eq!((&b["churnRisk"]["reason"], &b["churnRisk"]["probability"]), (&json!("FEW_CONTRACTS"), &Value::Null));
    for (key, model, stage) in [("c", json!("RENEWAL"), "DEGENERATION"), ("d", Value::Null, "STABILITY")] {
        let found = market.account(key, "lifecycle,churnRisk").await;
        assert_eq!(
            (&found["lifecycle"]["activity"], &found["lifecycle"]["stage"]),
            (&json!("ACTIVE"), &json!(stage)),
            "{found}"
        );
        assert_eq!(found["churnRisk"]["model"], model, "{found}");
    }
    market.admin.post("/v1/lifecycle-policies", json!({"name": "Wrong", "graceDays": -1})).await.expect(422);
}

#[actix_web::test]
async fn the_report_of_churn_counts_customers_by_contract() {
    let market = Market::on("2026-11-20");
    market.accounts(&["stays", "leaves", "grace", "orders", "new"].map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "50"})).await;
    for (key, contract) in [
        ("stays", json!({"startedOn": "2026-01-01"})),
        ("leaves", json!({"startedOn": "2026-01-01", "status": "ENDED", "endedOn": "2026-10-01", "interval": "YEAR"})),
        ("grace", json!({"startedOn": "2026-01-01", "status": "ENDED", "endedOn": "2026-11-01"})),
        ("orders", json!({"startedOn": "2026-01-01", "status": "ENDED", "endedOn": "2026-07-01"})),
        ("new", json!({"startedOn": "2026-08-01"})),
    ] {
        let account = market.account(key, "owner").await;
        subscribe(&market, &account, contract).await;
    }
    // It goes on to buy without the contract.
    market
        .orders(&[Market::order("orders", 1, "2026-05-20", "40.00"), Market::order("orders", 2, "2026-11-01", "40.00")])
        .await;
    let churn =
        async |to: &str| market.admin.get(&format!("/v1/reports/churn?from=2026-06-01&to={to}")).await.expect(200).body;
    let found = churn("2026-11-20").await;
    assert_eq!(
        (&found["activeAtStart"], &found["lost"], &found["churnRate"]),
        (&json!(4), &json!(1), &json!("0.25")),
        "{found}"
    );
    // 600 a year of each contract of 100 a month, 50 of the one a year, and 40 of the orders, which nothing is estimated of.
    assert_eq!(
        (&found["marginAtStart"], &found["marginLost"], &found["state"]),
        (&json!("1270"), &json!("50"), &json!("PARTIAL")),
        "{found}"
    );
    assert_eq!(churn("2026-12-01").await["lost"], 2, "the grace is over");
    // One of the four that had come to their tenth month was lost in it; of whom orders followed the contract, it counts, too.
    market.run(None).await;
    let found = market.admin.get("/v1/reports/customer-survival").await.expect(200).body;
    assert_eq!((&found["customers"], &found["lost"]), (&json!(5), &json!(1)), "{found}");
    let step = &found["steps"].as_array().unwrap().iter().find(|step| step["lost"] == 1).unwrap();
    assert_eq!(
        (step["month"].as_f64(), step["atRisk"].as_f64(), step["survival"].as_f64()),
        (Some(9.0), Some(4.0), Some(0.75)),
        "{found}"
    );
}

#[actix_web::test]
async fn months_of_contracts_are_revenue_of_whom_they_are_all() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "b", "c", "d"].map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "40"})).await;
    // 100 a month for longer than the window, for three months (of 1,200 a year), and until four months ago.
    for (key, contract) in [
        ("a", json!({"startedOn": "2025-01-20"})),
        (
            "b",
            json!({"startedOn": "2026-09-01", "interval": "YEAR", "amount": {"amount": "1200.00", "currency": "EUR"}}),
        ),
        ("c", json!({"startedOn": "2025-01-20", "status": "ENDED", "endedOn": "2025-11-01"})),
        ("d", json!({"startedOn": "2025-01-20"})),
    ] {
        let account = market.account(key, "owner").await;
        subscribe(&market, &account, contract).await;
    }
    // He orders beside it: of him orders count.
    market.orders(&[Market::order("d", 1, "2026-10-01", "50.00")]).await;
    market.run(None).await;
    let profile = async |key: &str| market.account(key, "valueProfile").await["valueProfile"].clone();
    let told = |profile: &Value| {
        let amounts = ["revenue", "profit"].map(|name| super::number(&profile[name]));
        (profile["occasions"].as_i64(), profile["windowOccasions"].as_i64(), amounts)
    };
    let (a, b, c, d) = (profile("a").await, profile("b").await, profile("c").await, profile("d").await);
    assert_eq!(told(&a), (Some(23), Some(12), [1_200.0, 480.0]), "{a}");
    assert_eq!(told(&b), (Some(3), Some(3), [300.0, 120.0]), "{b}");
    assert_eq!(told(&c), (Some(10), Some(0), [0.0, 0.0]), "{c}");
    assert_eq!(told(&d), (Some(1), Some(1), [50.0, 20.0]), "{d}");
    assert_eq!((&a["state"], &a["reasons"]), (&json!("PARTIAL"), &json!(["COST_ESTIMATED"])));
    assert_eq!((&a["rfmMonetary"], &b["rfmMonetary"], &a["abc"]), (&json!(4), &json!(2), &json!("A")), "{a} {b}");
    assert_eq!((&a["firstOn"], &a["lastOn"]), (&json!("2025-01-20"), &json!("2026-11-20")));
    assert_eq!((&a["frequency"], &b["frequency"]), (&json!("12.00"), &json!("13.6875")), "3 in 80 days: {b}");
    assert_eq!((&a["typicalGap"], &c["layer"]), (&Value::Null, &json!("INACTIVE")));
    let sum = |profile: &Value| -> f64 {
        let parts = profile["contributions"].as_array().unwrap();
        super::number(&profile["scoreReference"])
            + parts.iter().map(|one| super::number(&one["contribution"])).sum::<f64>()
    };
    assert!(
        (sum(&a) - super::number(&a["score"])).abs() < 1e-9 && super::number(&a["score"]) > super::number(&b["score"])
    );
    // Too few contracts to tell how long they last: what was earned so far.
    let found = clv(&market, "a").await;
    assert_eq!((&found["method"], &found["reasons"]), (&json!("HISTORIC"), &json!(["FEW_CONTRACTS"])), "{found}");
    assert_eq!(super::number(&found["value"]), 920.0);
    let id = market.account("a", "owner").await["id"].as_str().unwrap().to_owned();
    let steps = market.admin.get(&format!("/v1/accounts/{id}/profit")).await.expect(200).body;
    let step = |name: &str| {
        steps["steps"].as_array().unwrap().iter().find(|one| one["step"] == name).unwrap()["amount"].clone()
    };
    assert_eq!(
        ["LIST", "SUBSCRIPTIONS", "GOODS_ESTIMATED"].map(step),
        [json!("0"), json!("1200"), json!("-720")],
        "{steps}"
    );
    assert_eq!(steps["profit"], "480");
    // Of all four, a and b and d are active.
    let pyramid = market.admin.get("/v1/reports/concentration?of=revenue").await.expect(200).body;
    assert_eq!((&pyramid["count"], super::number(&pyramid["sum"])), (&json!(3), 1_550.0), "{pyramid}");
}

#[actix_web::test]
async fn who_pays_less_than_before_is_worth_what_he_still_pays() {
    let market = shop().await;
    let (a, b) = (market.account("a", "owner").await, market.account("b", "owner").await);
    let large = json!({"amount": {"amount": "1000.00", "currency": "EUR"}, "startedOn": "2025-11-20", "status": "ENDED", "endedOn": "2026-10-20"});
    subscribe(&market, &a, large).await;
    subscribe(&market, &a, json!({"startedOn": "2026-11-20"})).await;
    // A currency of which no rate is known.
    subscribe(&market, &b, json!({"startedOn": "2026-10-20", "amount": {"amount": "70.00", "currency": "CHF"}})).await;
    market.run(None).await;
    let found = clv(&market, "a").await;
    assert_eq!((&found["method"], &found["value"]["amount"]), (&json!("CONTRACT"), &json!("857.1429")), "{found}");
    // Of 21 that had run for six months ten ended, and one of the eleven that had run for eleven.
    assert!((super::number(&found["value"]) - 100.0 * (5.0 + 5.0 * 11.0 / 21.0 + 2.0 * 10.0 / 21.0)).abs() < 1e-3);
    // Nobody who orders came back, as nobody orders: those who stay by contract tell nothing of it.
    let run = market.admin.get("/v1/value-runs?sort=-finishedAt&limit=1").await.expect(200);
    assert_eq!(run.at("/data/0/summary/yearlyRetention"), &Value::Null);
    let b = market.account("b", "valueProfile,clv").await;
    for value in ["valueProfile", "clv"] {
        let told = (&b[value]["state"], &b[value]["reasons"]);
        assert_eq!(told, (&json!("INSUFFICIENT_DATA"), &json!(["UNCONVERTED"])), "{b}");
    }
    assert_eq!((&b["valueProfile"]["windowOccasions"], &b["valueProfile"]["abc"]), (&json!(0), &Value::Null));
    let path = format!("/v1/accounts/{}/profit", b["id"].as_str().unwrap());
    let profit = market.admin.get(&path).await.expect(200).body;
    assert_eq!((&profit["state"], &profit["unconverted"]), (&json!("PARTIAL"), &json!(1)), "{profit}");
}
