//! How a profit comes about: by hand, and for any orders, refunds and touches it adds up.

use super::{Market, number};
use serde_json::{Value, json};

fn eur(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn document(customer: &str, key: usize, day: &str, lines: Value, refunds: Value) -> Value {
    json!({
        "system": "shop", "externalId": format!("order-{key}"), "account": {"externalId": customer}, "currency": "EUR",
        "orderedAt": format!("{day}T12:00:00Z"), "status": "FULFILLED", "lines": lines, "refunds": refunds
    })
}

async fn profit(market: &Market, key: &str) -> Value {
    let id = market.account(key, "owner").await["id"].as_str().unwrap().to_owned();
    market.admin.get(&format!("/v1/accounts/{id}/profit")).await.expect(200).body
}

fn steps(profit: &Value) -> Vec<(String, f64)> {
    let step = |step: &Value| (step["step"].as_str().unwrap().to_owned(), number(&step["amount"]));
    profit["steps"].as_array().unwrap().iter().map(step).collect()
}

#[actix_web::test]
async fn each_step_is_what_it_says() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a".to_owned(), "never".to_owned()]).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "30"})).await;
    let lines = json!([
        {"externalId": "1", "description": "Known", "quantity": "10", "unitPrice": eur("10"), "discountPercent": "20", "unitCost": eur("5")},
        {"externalId": "2", "description": "Unknown", "quantity": "1", "unitPrice": eur("20")},
    ]);
    let refunds = json!([{"externalId": "R", "net": eur("10"), "refundedAt": "2026-11-02T12:00:00Z"}]);
    let old = json!([{"externalId": "1", "description": "Old", "quantity": "1", "unitPrice": eur("999")}]);
    market
        .orders(&[document("a", 1, "2026-11-01", lines, refunds), document("a", 2, "2025-11-20", old, json!([]))])
        .await;
    let id = market.account("a", "owner").await["id"].clone();
    let rate = json!({"channel": "VISIT", "perTouch": eur("3"), "perMinute": eur("0.1")});
    market.admin.post("/v1/cost-rates", rate).await.expect(201);
    for (at, seconds) in [("2026-11-10T09:00:00Z", 600), ("2025-11-01T09:00:00Z", 600)] {
        let visit = json!({"accountId": id, "channel": "VISIT", "direction": "OUTBOUND", "occurredAt": at, "durationSeconds": seconds, "subjectLine": "Visit"});
        market.admin.post("/v1/interactions", visit).await.expect(201);
    }
    let freight = json!({"accountId": id, "kind": "SERVE", "amount": eur("2"), "incurredOn": "2026-11-05"});
    market.admin.post("/v1/cost-entries", freight).await.expect(201);
    market.run(None).await;
    let found = profit(&market, "a").await;
    // Of 80 and 20 ten came back: each line keeps nine tenths of its net, and of its cost.
    let expected = [
        ("LIST", 120.0),
        ("DISCOUNTS", -20.0),
        ("RETURNS", -10.0),
        ("SUBSCRIPTIONS", 0.0),
        ("GOODS", -45.0),
        ("GOODS_ESTIMATED", -12.6),
        ("SERVICE", -6.0),
    ];
    assert_eq!(steps(&found), expected.map(|(step, amount)| (step.to_owned(), amount)), "{found}");
    assert_eq!(
        (&found["profit"], &found["state"], &found["currency"]),
        (&json!("26.4"), &json!("PARTIAL"), &json!("EUR"))
    );
    assert_eq!(found["steps"][6]["sum"], found["profit"]);
    let profile = market.account("a", "valueProfile").await["valueProfile"].clone();
    assert_eq!((number(&profile["profit"]), number(&profile["costToServe"])), (26.4, 6.0), "{profile}");
    let never = profit(&market, "never").await;
    assert_eq!((&never["profit"], &never["percentile"], &never["state"]), (&json!("0"), &Value::Null, &json!("OK")));
    let query = "query($id: UUID!) { accountProfit(id: $id) { profit steps { step amount sum } median customers } }";
    let same = market.admin.graphql(query, json!({"id": id})).await;
    assert_eq!(same.at("/data/accountProfit/steps/3"), &found["steps"][3], "{}", same.body);
}

#[actix_web::test]
async fn the_steps_of_any_customer_add_up_to_the_profit() {
    let market = Market::on("2026-11-20");
    let keys = ["a", "b", "c", "d"];
    market.accounts(&keys.map(str::to_owned)).await;
    market.publish(json!({"windowDays": 200, "defaultMargin": "37.5"})).await;
    let mut seed = 11_u32;
    let mut roll = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    let mut documents = Vec::new();
    for key in 0..60 {
        let (month, day) = (1 + roll(11), 1 + roll(19));
        let cents = |roll: &mut dyn FnMut(u32) -> u32| format!("{}.{:02}", 1 + roll(90), roll(100));
        let lines: Vec<_> = (0..=roll(3))
            .map(|at| {
                let mut line = json!({
                    "externalId": at.to_string(), "description": "Goods", "quantity": (1 + roll(7)).to_string(),
                    "unitPrice": eur(&cents(&mut roll)), "discountPercent": roll(40).to_string()
                });
                if roll(2) == 0 {
                    line["unitCost"] = eur(&cents(&mut roll));
                }
                line
            })
            .collect();
        let refunds = match roll(3) {
            0 => json!([{"externalId": format!("R-{key}"), "net": eur("0.37"), "refundedAt": "2026-11-19T12:00:00Z"}]),
            _ => json!([]),
        };
        let customer = keys[roll(4) as usize];
        documents.push(document(customer, key, &format!("2026-{month:02}-{day:02}"), json!(lines), refunds));
    }
    market.orders(&documents).await;
    market.run(None).await;
    for key in keys {
        let found = profit(&market, key).await;
        let digits = |value: &Value| (number(value) * 10_000.0).round() as i64;
        let sum: i64 = found["steps"].as_array().unwrap().iter().map(|step| digits(&step["amount"])).sum();
        assert_eq!(sum, digits(&found["profit"]), "{found}");
        let profile = market.account(key, "valueProfile").await["valueProfile"].clone();
        assert_eq!(digits(&found["profit"]), digits(&profile["profit"]["amount"]), "{key}: {found}");
        assert!(steps(&found).iter().skip(1).all(|(_, amount)| *amount <= 0.0), "{found}");
    }
}

#[actix_web::test]
async fn families_name_the_margin_of_what_nobody_knows_the_cost_of() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a".to_owned(), "b".to_owned()]).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "30"})).await;
    market.products(&["TEA", "CUPS"]).await;
    let families = market.families().await;
    let tea = format!("/v1/product-families/{}", families["TEA"].as_str().unwrap());
    let refused = market.admin.patch(&tea, json!({"defaultMargin": "101"})).await.expect(422);
    assert_eq!(refused.pointers(), ["/defaultMargin"]);
    let sold = |sku: &str, amount: &str| json!([{"externalId": "1", "product": {"sku": sku}, "quantity": "1", "unitPrice": eur(amount)}]);
    market
        .orders(&[
            document("a", 1, "2026-11-01", sold("TEA", "100"), json!([])),
            document("a", 2, "2026-11-02", sold("CUPS", "300"), json!([])),
            document("b", 3, "2026-11-02", sold("CUPS", "100"), json!([])),
            document(
                "a",
                4,
                "2026-11-03",
                json!([{"externalId": "1", "description": "Advice", "quantity": "1", "unitPrice": eur("100")}]),
                json!([]),
            ),
        ])
        .await;
    market.run(None).await;
    let profits = async || {
        let mut found = Vec::new();
        for key in ["a", "b"] {
            let profile = market.account(key, "valueProfile").await["valueProfile"].clone();
            assert_eq!(number(&profile["profit"]), number(&profit(&market, key).await["profit"]), "{profile}");
            found.push(number(&profile["profit"]));
        }
        found
    };
    assert_eq!(profits().await, [150.0, 30.0]);
    market.admin.patch(&tea, json!({"defaultMargin": "50"})).await.expect(200);
    market.run(None).await;
    // Half of the tea, three tenths of the cups and of the advice.
    assert_eq!(profits().await, [170.0, 30.0]);
    let found = market.admin.get("/v1/reports/concentration?of=profit&by=products").await.expect(200).body;
    assert_eq!(number(&found["sum"]), 170.0, "{found}");
}
