//! How measures become points.

use super::{Market, number};
use serde_json::json;

#[actix_web::test]
async fn anchors_are_joined_by_lines_and_bands_are_steps() {
    let market = Market::on("2026-11-20");
    let model = market.admin.post("/v1/value-models", json!({"name": "Fixed", "defaultMargin": "100"})).await;
    let model = model.expect(201).id();
    let anchors = json!([[0, 0], [100, 40], [300, 100]]);
    let indicator = |code: &str, scale: &str| json!({"modelId": model, "code": code, "source": "REVENUE", "scale": scale, "anchors": anchors, "weight": "50"});
    for (code, scale) in [("line", "ANCHORS"), ("step", "BANDS")] {
        market.admin.post("/v1/value-indicators", indicator(code, scale)).await.expect(201);
    }
    let wrong = market.admin.post("/v1/value-indicators", indicator("none", "PERCENTILE")).await.expect(422);
    assert_eq!(wrong.pointers(), ["/anchors"]);
    let mut bare = indicator("bare", "BANDS");
    bare["anchors"] = json!([[0, 0]]);
    assert_eq!(market.admin.post("/v1/value-indicators", bare).await.expect(422).pointers(), ["/anchors"]);
    market.admin.post(&format!("/v1/value-models/{model}/publish"), json!({})).await.expect(200);
    let amounts = [("a", "50"), ("b", "100"), ("c", "200"), ("d", "5000")];
    market.accounts(&amounts.map(|(key, _)| key.to_owned())).await;
    let orders: Vec<_> =
        amounts.iter().enumerate().map(|(at, (key, net))| Market::order(key, at, "2026-11-01", net)).collect();
    market.orders(&orders).await;
    market.run(None).await;
    for (key, line, step, score) in
        [("a", "20", "0", 10.0), ("b", "40", "40", 40.0), ("c", "70", "40", 55.0), ("d", "100", "100", 100.0)]
    {
        let profile = market.account(key, "valueProfile").await["valueProfile"].clone();
        let points = [0, 1].map(|at| profile["contributions"][at]["points"].clone());
        assert_eq!((json!(points), number(&profile["score"])), (json!([line, step]), score), "{key}: {profile}");
    }
}

#[actix_web::test]
async fn a_model_whose_indicators_weigh_nothing_is_not_published() {
    let market = Market::on("2026-11-20");
    let counts = market.publish(json!({})).await;
    let model = market.admin.post("/v1/value-models", json!({"name": "Weightless"})).await.expect(201).id();
    let mut last = String::new();
    for source in ["PROFIT", "RECENCY"] {
        let indicator = json!({"modelId": model, "code": source, "source": source, "weight": "0"});
        last = market.admin.post("/v1/value-indicators", indicator).await.expect(201).id();
    }
    let publish = format!("/v1/value-models/{model}/publish");
    let refused = market.admin.post(&publish, json!({})).await.expect(409);
    assert_eq!(refused.code(), "ILLEGAL_TRANSITION", "{}", refused.body);
    assert!(refused.text.contains("need a positive weight together"), "{}", refused.text);
    let status =
        async |id: &String| market.admin.get(&format!("/v1/value-models/{id}")).await.expect(200).at("/status").clone();
    assert_eq!((status(&model).await, status(&counts).await), (json!("DRAFT"), json!("PUBLISHED")));
    // One that counts is enough.
    market.admin.patch(&format!("/v1/value-indicators/{last}"), json!({"weight": "1"})).await.expect(200);
    market.admin.post(&publish, json!({})).await.expect(200);
    assert_eq!((status(&model).await, status(&counts).await), (json!("PUBLISHED"), json!("RETIRED")));
}
