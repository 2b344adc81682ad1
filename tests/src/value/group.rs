//! What an account and its subsidiaries are worth together.

use super::{Market, number};
use crate::authz::with_grants;
use serde_json::{Value, json};

/// A group of four: the top buys, one subsidiary buys more, its own subsidiary too, and one never bought. A fifth account has
/// nothing to do with them.
async fn market() -> (Market, Vec<String>) {
    let market = Market::on("2026-11-20");
    market.publish(json!({"windowDays": 365})).await;
    let keys = ["top", "large", "below", "never", "other"];
    market.accounts(&keys.map(str::to_owned)).await;
    let mut ids: Vec<String> = Vec::new();
    for key in keys {
        ids.push(market.account(key, "owner").await["id"].as_str().unwrap().to_owned());
    }
    for (at, parent) in [(1, 0), (2, 1), (3, 0)] {
        market.admin.patch(&format!("/v1/accounts/{}", ids[at]), json!({"parentId": ids[parent]})).await.expect(200);
    }
    let orders = [("top", "100"), ("large", "900"), ("below", "250.50"), ("other", "5000")];
    let orders: Vec<_> =
        orders.iter().enumerate().map(|(at, (key, net))| Market::order(key, at, "2026-11-01", net)).collect();
    market.orders(&orders).await;
    market.orders(&[Market::order("below", 9, "2024-11-01", "49.50")]).await;
    let cost = json!({"accountId": ids[3], "kind": "SERVE", "amount": {"amount": "125.05", "currency": "EUR"}, "incurredOn": "2026-11-02"});
    market.admin.post("/v1/cost-entries", cost).await.expect(201);
    (market, ids)
}

#[actix_web::test]
async fn a_group_is_worth_what_its_accounts_are() {
    let (market, ids) = market().await;
    let path = format!("/v1/accounts/{}/group-value", ids[0]);
    let none = market.admin.get(&path).await.expect(200).body;
    assert_eq!((&none["accounts"], &none["asOf"], &none["clv"]), (&json!(0), &Value::Null, &Value::Null));
    market.run(None).await;
    let found = market.admin.get(&path).await.expect(200).body;
    let counts = ["accounts", "customers", "active", "firstOn", "lastOn", "asOf", "currency"].map(|name| &found[name]);
    assert_eq!(json!(counts), json!([4, 3, 3, "2024-11-01", "2026-11-01", "2026-11-20", "EUR"]));
    // 1250.50, less what the one that never bought costs.
    let sums = ["revenue", "profit", "profitRate", "costToServe", "lifetimeRevenue"].map(|name| &found[name]);
    assert_eq!(json!(sums), json!(["1250.5", "1125.45", "90", "125.05", "1300"]));
    let members = found["members"].as_array().unwrap();
    let seen: Vec<_> = members.iter().map(|one| json!([one["name"], one["depth"], one["revenue"]])).collect();
    let named = [("large", 1, "900"), ("below", 2, "250.5"), ("top", 0, "100"), ("never", 1, "0")];
    let named = named.map(|(name, depth, revenue)| json!([format!("Customer {name}"), depth, revenue]));
    assert_eq!(seen, named);
    let clv: f64 = members.iter().filter(|one| !one["clv"].is_null()).map(|one| number(&one["clv"])).sum();
    assert!((number(&found["clv"]) - clv).abs() < 1e-6, "{found}");
    let part = market.admin.get(&format!("/v1/accounts/{}/group-value?limit=1", ids[1])).await.expect(200).body;
    assert_eq!((&part["accounts"], &part["revenue"], &part["members"][1]), (&json!(2), &json!("1150.5"), &Value::Null));
    let query = "query($id: UUID!) { accountGroupValue(id: $id, limit: 2) { revenue members { name depth } } }";
    let same = market.admin.graphql(query, json!({"id": ids[0]})).await.expect(200);
    assert_eq!(same.at("/data/accountGroupValue/revenue"), "1250.5", "{}", same.body);
    assert_eq!(same.at("/data/accountGroupValue/members/1/depth"), 2);
}

#[actix_web::test]
async fn a_group_is_shown_as_far_as_its_accounts_may_be_read() {
    let (market, ids) = market().await;
    let grants = "accounts:READ:OWN value-profiles:READ:OWN clv-estimates:READ:OWN";
    let (user, own) = with_grants(&market.stage, &market.tenant, grants);
    for at in [0, 2] {
        market.admin.patch(&format!("/v1/accounts/{}", ids[at]), json!({"ownerId": user})).await.expect(200);
    }
    market.run(None).await;
    let seen = own.get(&format!("/v1/accounts/{}/group-value", ids[0])).await.expect(200).body;
    assert_eq!((&seen["accounts"], &seen["revenue"]), (&json!(2), &json!("350.5")), "{seen}");
    own.get(&format!("/v1/accounts/{}/group-value", ids[1])).await.expect(404);
    let path = format!("/v1/accounts/{}/group-value", ids[0]);
    market.stage.admin(&market.stage.tenant()).get(&path).await.expect(404);
    market.stage.anonymous().get(&path).await.expect(401);
    for question in ["limit=0", "limit=201", "limit=x"] {
        assert_eq!(market.admin.get(&format!("{path}?{question}")).await.expect(422).pointers(), ["/query/limit"]);
    }
}
