//! Values of signs and answers, as other systems push them.

use super::{Fair, bar};
use serde_json::{Value, json};

#[actix_web::test]
async fn the_latest_observation_stands_however_they_arrive() {
    let fair = Fair::new(&[("a", &[40, 20])]).await;
    let (admin, account) = (&fair.market.admin, fair.id("a").await);
    let path = "/v1/loyalty-indicators/external/desk/a-tolerance";
    let body = |raw: &str, ago: u64| json!({"accountId": account, "kind": "FAILURE_TOLERANCE", "system": "desk", "raw": raw, "observedOn": fair.ago(ago)});
    let first = admin.put(path, body("0.5", 10)).await.expect(201);
    assert_eq!((first.at("/normalized"), first.at("/windowDays")), (&json!("37.50"), &json!(365)));
    // Repeated, it changes nothing.
    let again = admin.put(path, body("0.5", 10)).await.expect(200);
    assert_eq!((again.at("/version"), again.at("/raw")), (&json!(1), &json!("0.50")));
    // A newer one takes its place, with the points that follow from it.
    let newer = admin.put(path, body("1", 5)).await.expect(200);
    assert_eq!((newer.at("/version"), newer.at("/normalized")), (&json!(2), &json!("75.00")));
    // An older one that comes late does not, over neither API.
    let late = admin.put(path, body("0", 8)).await.expect(200);
    assert_eq!((late.at("/version"), late.at("/raw")), (&json!(2), &json!("1.00")));
    let upsert = "mutation($input: LoyaltyIndicatorInput!) { it: loyaltyIndicatorUpsert(system: \"desk\", externalId: \"a-tolerance\", input: $input) { version raw observedOn } }";
    let late = admin.graphql(upsert, json!({"input": body("0.2", 9)})).await.expect(200);
    assert_eq!(late.at("/data/it"), &json!({"version": 2, "raw": "1.00", "observedOn": fair.ago(5)}), "{}", late.body);
    // There is one for each account, sign and system.
    admin.post("/v1/loyalty-indicators", body("1.2", 1)).await.expect(409);
    let mut other = body("1.2", 1);
    other["system"] = json!("shop");
    admin.post("/v1/loyalty-indicators", other).await.expect(201);
    let found =
        admin.get(&format!("/v1/loyalty-indicators?filter[accountId]={account}&sort=-normalized")).await.expect(200);
    let raws: Vec<_> = found.at("/data").as_array().unwrap().iter().map(|row| row["raw"].clone()).collect();
    assert_eq!(raws, [json!("1.20"), json!("1.00")]);
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let fair = Fair::new(&[("a", &[])]).await;
    let (admin, account) = (&fair.market.admin, fair.id("a").await);
    let sign = |more: Value| {
        let mut body =
            json!({"accountId": account, "kind": "PRODUCT_APPROVAL", "system": "survey", "observedOn": fair.ago(1)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, pointer) in [
        (json!({}), "/raw"),
        (json!({"normalized": "100.1"}), "/normalized"),
        (json!({"normalized": "50", "windowDays": -1}), "/windowDays"),
        (json!({"raw": "3", "observedOn": "2999-01-01"}), "/observedOn"),
    ] {
        let refused = admin.post("/v1/loyalty-indicators", sign(more)).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{}", refused.body);
    }
    admin.post("/v1/loyalty-indicators", sign(json!({"state": "NOT_APPLICABLE"}))).await.expect(201);
    for (kind, value) in [
        ("SATISFACTION", "0"),
        ("SENTIMENT", "1.1"),
        ("RECOMMENDATION", "11"),
        ("RENEWAL_PROMISED", "0.5"),
        ("INTENTION", "6"),
    ] {
        let body = json!({"accountId": account, "kind": kind, "value": value, "answeredOn": fair.ago(1)});
        let refused = admin.post("/v1/loyalty-evidence", body).await.expect(422);
        assert_eq!(refused.pointers(), ["/value"], "{kind}");
    }
}

#[actix_web::test]
async fn a_given_value_counts_until_its_window_is_over() {
    let fair = Fair::new(&[("a", &[200, 100, 20]), ("b", &[200, 20])]).await;
    let (admin, account) = (&fair.market.admin, fair.id("a").await);
    let body = |kind: &str, more: Value| {
        let mut body = json!({"accountId": account, "kind": kind, "system": "desk", "observedOn": fair.ago(50)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    admin.post("/v1/loyalty-indicators", body("REPEAT_PURCHASE", json!({"normalized": "12.5"}))).await.expect(201);
    let old = json!({"raw": "1.5", "windowDays": 30, "evidence": "Case 7"});
    admin.post("/v1/loyalty-indicators", body("FAILURE_TOLERANCE", old)).await.expect(201);
    fair.run().await;
    let loyalty = fair.loyalty("a").await;
    let repeats = bar(&loyalty, "REPEAT_PURCHASE");
    let told = ["points", "source", "system", "state"].map(|name| repeats[name].as_str().unwrap());
    assert_eq!(told, ["12.5", "EXTERNAL", "desk", "OK"]);
    assert_eq!(bar(&fair.loyalty("b").await, "REPEAT_PURCHASE")["source"], "COMPUTED");
    let tolerance = bar(&loyalty, "FAILURE_TOLERANCE");
    assert_eq!((&tolerance["state"], &tolerance["points"]), (&json!("STALE"), &Value::Null));
    assert_eq!((&tolerance["missing"], &tolerance["contribution"]), (&json!("STALE"), &Value::Null));
}

#[actix_web::test]
async fn what_is_stale_proves_no_level() {
    let fair = Fair::new(&[("fresh", &[200, 20]), ("old", &[200, 20]), ("stale", &[200, 20])]).await;
    // All three bought again after a severe fault. Of one that is too long ago, and of one the system says so.
    for (key, more) in [("fresh", json!({})), ("old", json!({"windowDays": 30})), ("stale", json!({"state": "STALE"}))]
    {
        let mut body = json!({"accountId": fair.id(key).await, "kind": "FAILURE_TOLERANCE", "system": "desk"});
        let observed = json!({"raw": "0.9", "observedOn": fair.ago(50)});
        body.as_object_mut().unwrap().extend(observed.as_object().unwrap().clone());
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fair.market.admin.post("/v1/loyalty-indicators", body).await.expect(201);
    }
    fair.run().await;
    for (key, state, level) in
        [("fresh", "OK", json!("ACTION")), ("old", "STALE", Value::Null), ("stale", "STALE", Value::Null)]
    {
        let loyalty = fair.loyalty(key).await;
        let tolerance = bar(&loyalty, "FAILURE_TOLERANCE");
        assert_eq!((&tolerance["state"], &tolerance["value"]), (&json!(state), &json!("0.9")), "{key}: {loyalty}");
        assert_eq!(loyalty["level"], level, "{key}: {loyalty}");
    }
}
