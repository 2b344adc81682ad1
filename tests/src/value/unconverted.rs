//! Orders, refunds and costs in a currency that has no exchange rate: never added to others, counted, and told of in the
//! state of whatever rests on them; and added once the rate is known.

use super::{Market, number};
use serde_json::{Value, json};

/// An order of one line whose cost is known.
fn order(customer: &str, key: usize, currency: &str, amount: &str, cost: &str) -> Value {
    let mut order = Market::order(customer, key, "2026-05-20", amount);
    order["currency"] = json!(currency);
    order["lines"][0]["unitPrice"]["currency"] = json!(currency);
    order["lines"][0]["unitCost"] = json!({"amount": cost, "currency": currency});
    order
}

async fn market() -> Market {
    let market = Market::on("2026-11-20");
    market.accounts(&["both", "euro", "dollar", "cost", "never"].map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365})).await;
    let orders = [
        order("both", 1, "EUR", "100", "60"),
        order("both", 2, "USD", "50", "20"),
        order("euro", 3, "EUR", "70", "60"),
        order("dollar", 4, "USD", "30", "10"),
        order("cost", 5, "EUR", "80", "50"),
    ];
    market.orders(&orders).await;
    let cost = market.account("cost", "owner").await["id"].clone();
    let cost = json!({"accountId": cost, "kind": "SERVE", "amount": {"amount": "5", "currency": "USD"}, "incurredOn": "2026-06-01"});
    market.admin.post("/v1/cost-entries", cost).await.expect(201);
    market
}

async fn profile(market: &Market, key: &str) -> Value {
    market.account(key, "valueProfile").await["valueProfile"].clone()
}

/// Revenue, profit and cost to serve.
fn amounts(profile: &Value) -> [f64; 3] {
    ["revenue", "profit", "costToServe"].map(|name| number(&profile[name]))
}

fn state(row: &Value) -> (Value, Value) {
    (row["state"].clone(), row["reasons"].clone())
}

#[actix_web::test]
async fn what_has_no_rate_is_left_out_and_told() {
    let market = market().await;
    market.run(None).await;
    let partial = (json!("PARTIAL"), json!(["UNCONVERTED"]));
    let both = profile(&market, "both").await;
    assert_eq!((amounts(&both), state(&both)), ([100.0, 40.0, 0.0], partial.clone()), "{both}");
    assert_eq!((number(&both["lifetimeRevenue"]), &both["occasions"]), (100.0, &json!(1)));
    assert_eq!(both["revenue"]["currency"], "EUR");
    let euro = profile(&market, "euro").await;
    assert_eq!((amounts(&euro), state(&euro)), ([70.0, 10.0, 0.0], (json!("OK"), json!([]))), "{euro}");
    let cost = profile(&market, "cost").await;
    assert_eq!((amounts(&cost), state(&cost)), ([80.0, 30.0, 0.0], partial), "{cost}");
    let id = both["accountId"].as_str().unwrap();
    let profit = market.admin.get(&format!("/v1/accounts/{id}/profit")).await.expect(200).body;
    assert_eq!(
        (&profit["profit"], &profit["unconverted"], &profit["state"]),
        (&json!("40"), &json!(1), &json!("PARTIAL"))
    );
    // What it will bring rests on the same orders.
    let clv = market.account("both", "clv").await["clv"].clone();
    assert_eq!((&clv["method"], number(&clv["value"])), (&json!("HISTORIC"), 40.0), "{clv}");
    assert!(clv["reasons"].as_array().unwrap().contains(&json!("UNCONVERTED")), "{clv}");
    let clv = market.account("euro", "clv").await["clv"].clone();
    assert_eq!(clv["reasons"], json!(["TOO_FEW_REPEATERS"]), "{clv}");
}

#[actix_web::test]
async fn who_bought_in_such_a_currency_alone_is_not_said_to_have_bought_nothing() {
    let market = market().await;
    market.run(None).await;
    let unknown = (json!("INSUFFICIENT_DATA"), json!(["UNCONVERTED"]));
    let dollar = market.account("dollar", "valueProfile,clv").await;
    assert_eq!(
        (amounts(&dollar["valueProfile"]), state(&dollar["valueProfile"])),
        ([0.0; 3], unknown.clone()),
        "{dollar}"
    );
    assert_eq!((state(&dollar["clv"]), &dollar["clv"]["value"]), (unknown, &Value::Null), "{dollar}");
    let none = (json!("NOT_APPLICABLE"), json!(["NO_ORDERS"]));
    let never = market.account("never", "valueProfile,clv").await;
    assert_eq!((state(&never["valueProfile"]), state(&never["clv"])), (none.clone(), none), "{never}");
}

#[actix_web::test]
async fn it_is_added_once_the_rate_is_known() {
    let market = market().await;
    market.run(None).await;
    let rate = json!({"baseCurrency": "USD", "quoteCurrency": "EUR", "rate": "0.8", "validOn": "2026-01-01"});
    market.admin.post("/v1/exchange-rates", rate).await.expect(201);
    market.work(false);
    // 50 and 20 dollars are 40 and 16 euros; 30 and 10 are 24 and 8; 5 are 4.
    let fine = (json!("OK"), json!([]));
    for (key, expected) in [("both", [140.0, 64.0, 0.0]), ("dollar", [24.0, 16.0, 0.0]), ("cost", [80.0, 26.0, 4.0])] {
        if key == "cost" {
            // Costs are read at the rates of the day, with the next run.
            market.run(None).await;
        }
        let found = profile(&market, key).await;
        assert_eq!((amounts(&found), state(&found)), (expected, fine.clone()), "{key}: {found}");
    }
}
