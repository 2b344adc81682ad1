//! What customers need, told by their peers.

use super::{Market, number};
use serde_json::{Value, json};

/// Twenty of a key, who bought for 100 to 2,000.
async fn twenty(market: &Market, key: &str, kind: Value) {
    let item = |at: usize| {
        let mut data = json!({"name": format!("Customer {key}{at}")});
        data.as_object_mut().unwrap().extend(kind.as_object().unwrap().clone());
        json!({"op": "upsert", "externalId": {"system": "shop", "externalId": format!("{key}{at}")}, "data": data})
    };
    let items: Vec<_> = (1..=20).map(item).collect();
    market.admin.post("/v1/accounts/batch", json!({"atomic": true, "items": items})).await.expect(200);
    let order = |at: usize| {
        let mut order = Market::order(&format!("{key}{at}"), at, "2026-11-01", &format!("{}", 100 * at));
        order["externalId"] = json!(format!("order-{key}{at}"));
        order
    };
    market.orders(&(1..=20).map(order).collect::<Vec<_>>()).await;
}

async fn profile(market: &Market, key: &str) -> Value {
    market.account(key, "valueProfile").await["valueProfile"].clone()
}

#[actix_web::test]
async fn who_is_of_no_known_kind_has_no_peers() {
    let market = Market::on("2026-11-20");
    market.publish(json!({"windowDays": 365})).await;
    twenty(&market, "miner", json!({"industry": "Mining"})).await;
    twenty(&market, "small", json!({"sizeBand": "SMALL"})).await;
    twenty(&market, "unknown", json!({})).await;
    market.run(None).await;
    let has_gap =
        |profile: &Value| profile["potentialParts"].as_array().unwrap().iter().any(|part| part["part"] == "walletGap");
    for kind in ["miner", "small"] {
        let least = profile(&market, &format!("{kind}1")).await;
        assert_eq!((&least["walletSource"], has_gap(&least)), (&json!("PEERS"), true), "{least}");
        assert!(number(&least["wallet"]) > 1_000.0 && number(&least["shareOfWallet"]) < 10.0, "{least}");
        let most = profile(&market, &format!("{kind}20")).await;
        assert_eq!((number(&most["wallet"]), number(&most["shareOfWallet"])), (2_000.0, 100.0), "{most}");
    }
    for key in ["unknown1", "unknown20"] {
        let profile = profile(&market, key).await;
        for name in ["wallet", "walletSource", "shareOfWallet", "potential"] {
            assert_eq!(profile[name], Value::Null, "{name}: {profile}");
        }
        assert_eq!((&profile["valueClass"], has_gap(&profile)), (&json!("UNCLASSIFIED"), false), "{profile}");
    }
}
