//! How well accounts that never bought fit, by hand.

use super::Market;
use serde_json::{Value, json};

#[actix_web::test]
async fn who_never_bought_is_told_by_his_kind_and_by_what_he_asks_for() {
    let market = Market::on("2026-11-20");
    market.publish(json!({})).await;
    let kinds = [
        ("a", Some("Mining"), Some("SMALL")),
        ("b", Some("Mining"), None),
        ("c", None, None),
        ("d", Some("Trade"), None),
        ("e", Some("Trade"), Some("SMALL")),
        ("likely", Some("Trade"), Some("SMALL")),
        ("unlikely", Some("Mining"), Some("LARGE")),
        ("unknown", Some("Fishing"), None),
    ];
    market.accounts(&kinds.map(|(key, ..)| key.to_owned())).await;
    let mut ids = Vec::new();
    for (key, industry, size) in kinds {
        let id = market.account(key, "valueProfile").await["id"].as_str().unwrap().to_owned();
        let kind = json!({"industry": industry, "sizeBand": size});
        market.admin.patch(&format!("/v1/accounts/{id}"), kind).await.expect(200);
        ids.push(id);
    }
    // Profits of 100 to 500: 0, 25, 50, 75 and 100 per cent of the others bring less.
    let orders = ["a", "b", "c", "d", "e"].iter().enumerate();
    let orders: Vec<_> =
        orders.map(|(at, key)| Market::order(key, at, "2026-11-01", &format!("{}", 100 * (at + 1)))).collect();
    market.orders(&orders).await;
    let [likely, _, unknown] = &ids[5..] else { panic!("three never bought") };
    // The first counts; one that we began, one before the 90 days, and one after the day do not.
    for (account, direction, day) in [
        (likely, "INBOUND", "2026-11-19"),
        (likely, "INBOUND", "2026-08-23"),
        (unknown, "OUTBOUND", "2026-11-19"),
        (unknown, "INBOUND", "2026-08-22"),
    ] {
        let interaction = json!({"channel": "EMAIL", "direction": direction, "subjectType": "ACCOUNT", "subjectId": account, "occurredAt": format!("{day}T12:00:00Z")});
        market.admin.post("/v1/interactions", interaction).await.expect(201);
    }
    market.run(None).await;
    let profile = async |key| market.account(key, "valueProfile").await["valueProfile"].clone();
    let part = |name: &str, value: &str, points: &str, weight: &str, source: &str| json!({"part": name, "value": value, "points": points, "weight": weight, "source": source});

    // Two of the trade stand for two, and all customers, whose mean is 50, for ten: (75 + 100 + 10 × 50) / 12.
    let seen = profile("likely").await;
    let parts = [
        part("industry", "2", "56.25", "30", "CUSTOMERS_OF_INDUSTRY"),
        part("size", "2", "50", "30", "CUSTOMERS_OF_SIZE"),
        part("engagement", "2", "100", "40", "INBOUND_INTERACTIONS"),
    ];
    assert_eq!((&seen["potentialParts"], &seen["layer"]), (&json!(parts), &json!("SUSPECT")));
    assert_eq!((&seen["potential"], &seen["valueClass"]), (&json!("71.875"), &json!("UNCLASSIFIED")));
    // Nobody large bought: that part is not known.
    let seen = profile("unlikely").await;
    let parts = [
        part("industry", "2", "43.75", "30", "CUSTOMERS_OF_INDUSTRY"),
        part("engagement", "0", "0", "40", "INBOUND_INTERACTIONS"),
    ];
    assert_eq!((&seen["potentialParts"], &seen["potential"]), (&json!(parts), &json!("18.75")));
    assert_eq!(profile("unknown").await["potential"], Value::Null, "one part alone tells too little");
    // Who bought is told by other parts.
    let names = profile("e").await["potentialParts"].clone();
    assert!(names.as_array().unwrap().iter().all(|part| part["part"] != "industry"), "{names}");
}
