//! Levels, forms and drivers, computed by a run and again after an answer.

use super::{Fair, bar};
use crate::value::number;
use serde_json::{Value, json};

const OFTEN: &[u64] = &[350, 310, 270, 230, 190, 150, 110, 70, 40, 10];

fn sum(loyalty: &Value, part: &str) -> i64 {
    let hundredths = |value: &Value| (number(value) * 100.0).round() as i64;
    loyalty["signs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|bar| !bar[part].is_null())
        .map(|bar| hundredths(&bar[part]))
        .sum()
}

/// A value of two decimals in its last digits.
fn exact(value: &Value) -> i64 {
    (number(value) * 100.0).round() as i64
}

async fn people() -> Fair {
    let fair =
        Fair::new(&[("captive", OFTEN), ("fan", &[340]), ("silent", OFTEN), ("once", &[300]), ("nobody", &[])]).await;
    fair.needs("captive", "1000").await;
    fair.needs("fan", "10000").await;
    let bad = [("COMPETITOR_COMPARISON", "1"), ("SATISFACTION", "1"), ("SATISFACTION", "2"), ("INTENTION", "1")];
    fair.answers("captive", &bad).await;
    let good = [
        ("COMPETITOR_COMPARISON", "5"),
        ("SATISFACTION", "5"),
        ("QUALITY_ANSWER", "5"),
        ("PRICE_ANSWER", "4"),
        ("RECOMMENDATION", "10"),
        ("INTENTION", "5"),
    ];
    fair.answers("fan", &good).await;
    fair.run().await;
    fair
}

#[actix_web::test]
async fn attitude_and_behaviour_are_told_apart() {
    let fair = people().await;
    let captive = fair.loyalty("captive").await;
    assert_eq!((&captive["form"], &captive["state"]), (&json!("SPURIOUS"), &json!("PARTIAL")), "{captive}");
    // Nine repeats, where 18 in 1340 days of four customers let expect 4.7 of its 350 days.
    assert_eq!(bar(&captive, "REPEAT_PURCHASE")["points"], "95.71");
    assert_eq!(bar(&captive, "SHARE_OF_NEED")["value"], "100");
    assert_eq!(bar(&captive, "PRICE_SENSITIVITY")["points"], "50");
    assert_eq!(captive["behaviour"], "81.90");
    assert_eq!(bar(&captive, "COMPETITOR_STANCE")["points"], "0");
    assert_eq!(bar(&captive, "TIME_TO_CHOOSE")["missing"], "TOO_FEW_DECISIONS");
    let fan = fair.loyalty("fan").await;
    assert_eq!((&fan["form"], &fan["behaviour"]), (&json!("LATENT"), &json!("0.50")), "{fan}");
    assert_eq!(bar(&fan, "PRICE_SENSITIVITY")["missing"], "TOO_FEW_LINES");
    for loyalty in [&captive, &fan] {
        let (index, reference) = (exact(&loyalty["index"]), exact(&loyalty["indexReference"]));
        assert_eq!(sum(loyalty, "contribution"), index);
        assert_eq!(sum(loyalty, "againstPeers"), index - reference);
        let half = (number(&loyalty["attitude"]) + number(&loyalty["behaviour"])) / 2.0;
        assert!((number(&loyalty["index"]) - half).abs() < 0.011, "{loyalty}");
    }
    // Lists and GraphQL.
    let list = fair.market.admin.get("/v1/loyalty-assessments?filter[form]=SPURIOUS&sort=-index&expand=account").await;
    assert_eq!(list.expect(200).at("/data/0/account/name"), "Customer captive");
    let query = "query($id: UUID!) { account(id: $id) { loyalty { form level isConflicted index signs } } }";
    let found = fair.market.admin.graphql(query, json!({"id": fair.id("captive").await})).await.expect(200);
    let found = found.at("/data/account/loyalty").clone();
    assert_eq!((&found["form"], &found["index"]), (&json!("SPURIOUS"), &captive["index"]), "{found}");
    assert_eq!(found["signs"], captive["signs"]);
}

#[actix_web::test]
async fn how_much_signs_count_is_the_tenants_to_say() {
    let fair = people().await;
    let admin = &fair.market.admin;
    let model = |more: Value| {
        let mut body = json!({"name": "Loyal", "windowDays": 365, "attitudeWeight": "25"});
        body["signWeights"] = more;
        body
    };
    for (wrong, detail) in [
        (json!({"CHARM": "1"}), "CHARM is no sign."),
        (json!({"SHARE_OF_NEED": "much"}), "Expected a number from 0 to 100 for SHARE_OF_NEED."),
        (json!({"SHARE_OF_NEED": 101}), "Expected a number from 0 to 100 for SHARE_OF_NEED."),
        (json!(["SHARE_OF_NEED"]), "Expected an object with the names of signs."),
    ] {
        let refused = admin.post("/v1/value-models", model(wrong)).await.expect(422);
        let violation = refused.at("/errors/0").clone();
        assert_eq!(violation["pointer"], "/signWeights", "{violation}");
        assert!(violation["detail"].as_str().unwrap().starts_with(detail), "{violation}");
    }
    // Repeats 95.71, share of the need 100, prices 50: (95.71 + 3 × 100 + 0) / 4.
    fair.market.publish(model(json!({"SHARE_OF_NEED": 3, "PRICE_SENSITIVITY": "0"}))).await;
    fair.market.run(None).await;
    let captive = fair.loyalty("captive").await;
    assert_eq!((&bar(&captive, "SHARE_OF_NEED")["weight"], &captive["behaviour"]), (&json!("3"), &json!("98.93")));
    let index = 0.25 * number(&captive["attitude"]) + 0.75 * number(&captive["behaviour"]);
    assert!((number(&captive["index"]) - index).abs() < 0.011, "{captive}");
    assert_eq!(sum(&captive, "contribution"), exact(&captive["index"]));
}

#[actix_web::test]
async fn levels_are_inferred_or_conflicted() {
    let fair = people().await;
    let of = |loyalty: Value| json!([loyalty["level"], loyalty["isInferred"], loyalty["isConflicted"]]);
    assert_eq!(of(fair.loyalty("captive").await), json!(["NONE", false, true]));
    assert_eq!(of(fair.loyalty("fan").await), json!(["CONATIVE", false, false]));
    assert_eq!(of(fair.loyalty("silent").await), json!(["ACTION", true, false]));
    assert_eq!(of(fair.loyalty("once").await), json!([null, false, false]));
    // An answer is enough for another look, without a run.
    fair.answers("silent", &[("QUALITY_ANSWER", "5"), ("SATISFACTION", "3")]).await;
    fair.market.work(false);
    assert_eq!(of(fair.loyalty("silent").await), json!(["COGNITIVE", false, true]));
}

#[actix_web::test]
async fn what_is_not_known_says_so_and_is_not_zero() {
    let fair = people().await;
    let nobody = fair.loyalty("nobody").await;
    assert_eq!((&nobody["state"], &nobody["form"]), (&json!("INSUFFICIENT_DATA"), &json!("UNKNOWN")));
    for name in ["level", "attitude", "behaviour", "index", "indexReference", "driverIndex"] {
        assert_eq!(nobody[name], Value::Null, "{name}");
    }
    let codes = [
        ("REPEAT_PURCHASE", "NEVER_BOUGHT"),
        ("SHARE_OF_NEED", "NEED_UNKNOWN"),
        ("BRAND_CONCERN", "NO_CHANNEL"),
        ("TIME_TO_CHOOSE", "TOO_FEW_DECISIONS"),
        ("PRICE_SENSITIVITY", "TOO_FEW_LINES"),
        ("COMPETITOR_STANCE", "NO_CLOSED_DEALS_OR_COMPARISONS"),
        ("FAILURE_TOLERANCE", "NO_CASES"),
        ("PRODUCT_APPROVAL", "NO_ANSWERS"),
        ("STATED_INTENTION", "NO_ANSWERS"),
    ];
    assert_eq!(nobody["signs"].as_array().unwrap().len(), codes.len());
    for (sign, code) in codes {
        let bar = bar(&nobody, sign);
        assert_eq!((&bar["missing"], &bar["state"]), (&json!(code), &json!("INSUFFICIENT_DATA")), "{sign}");
        assert_eq!((&bar["value"], &bar["points"], &bar["contribution"]), (&Value::Null, &Value::Null, &Value::Null));
        assert!(nobody["reasons"].as_array().unwrap().contains(&json!(format!("MISSING_{sign}"))), "{nobody}");
    }
    assert_eq!(nobody["reasons"][0], "ATTITUDE_UNKNOWN");
    assert_eq!(nobody["reasons"][1], "BEHAVIOUR_UNKNOWN");
    for driver in nobody["drivers"].as_array().unwrap() {
        assert!(driver["value"].is_null() && driver["missing"].is_string(), "{driver}");
    }
}

#[actix_web::test]
async fn touches_decisions_and_rivals_are_seen() {
    let fair = Fair::new(&[("a", &[300, 100]), ("b", &[200])]).await;
    let (admin, account) = (&fair.market.admin, fair.id("a").await);
    for channel in ["PHONE", "EMAIL"] {
        let at = format!("{}T10:00:00Z", fair.ago(5));
        let body = json!({"channel": channel, "direction": "INBOUND", "accountId": account, "occurredAt": at, "sentiment": "0.5"});
        admin.post("/v1/interactions", body).await.expect(201);
    }
    let pipeline = admin.post("/v1/pipelines", json!({"name": "Sales"})).await.expect(201).id();
    let mut stages = Vec::new();
    for (at, (kind, probability)) in [("OPEN", 50), ("WON", 100), ("LOST", 0)].into_iter().enumerate() {
        let body =
            json!({"pipelineId": pipeline, "name": kind, "kind": kind, "position": at + 1, "probability": probability});
        stages.push(admin.post("/v1/stages", body).await.expect(201).id());
    }
    let rival = admin.post("/v1/competitors", json!({"name": "Rival"})).await.expect(201).id();
    let slow = fair.id("b").await;
    for (account, ago, verb, body) in [
        (&account, 10, "win", json!({})),
        (&account, 30, "win", json!({})),
        (&slow, 60, "win", json!({})),
        (&account, 5, "lose", json!({"competitorId": rival})),
        (&account, 5, "lose", json!({})),
    ] {
        let opened = format!("{}T00:00:00Z", fair.ago(ago));
        let chance = json!({"name": "Chance", "stageId": stages[0], "accountId": account, "openedAt": opened});
        let id = admin.post("/v1/opportunities", chance).await.expect(201).id();
        admin.post(&format!("/v1/opportunities/{id}/{verb}"), body).await.expect(200);
    }
    fair.run().await;
    let loyalty = fair.loyalty("a").await;
    // A call weighs 2 and a mail 1; over six months.
    assert_eq!(bar(&loyalty, "BRAND_CONCERN")["value"], "0.5", "{loyalty}");
    assert_eq!(bar(&loyalty, "BRAND_CONCERN")["peerValue"], "0.25");
    // Once a channel is connected, silence is known.
    assert_eq!(bar(&fair.loyalty("b").await, "BRAND_CONCERN")["value"], "0");
    // One of two lost chances went to a competitor.
    assert_eq!(bar(&loyalty, "COMPETITOR_STANCE")["value"], "0");
    // Twenty days against thirty, and what of today is over.
    let pace = number(&bar(&loyalty, "TIME_TO_CHOOSE")["value"]);
    assert!((0.66..0.68).contains(&pace), "{pace}");
    assert_eq!(bar(&fair.loyalty("b").await, "TIME_TO_CHOOSE")["missing"], "TOO_FEW_DECISIONS");
}

#[actix_web::test]
async fn drivers_rest_on_promises_and_bonds() {
    let fair = Fair::new(&[("a", &[100, 50])]).await;
    let (admin, account) = (&fair.market.admin, fair.id("a").await);
    let orders = admin.get(&format!("/v1/orders?filter[accountId]={account}")).await.expect(200);
    let order = orders.at("/data/0/id").clone();
    let at = |ago: u64| format!("{}T10:00:00Z", fair.ago(ago));
    for (promised, delivered) in [(20, 21), (20, 19), (10, 12), (9, 9)] {
        let body = json!({"orderId": order, "status": "DELIVERED", "shippedAt": at(30), "promisedAt": at(promised), "deliveredAt": at(delivered)});
        admin.post("/v1/shipments", body).await.expect(201);
    }
    let amount = json!({"amount": "9.90", "currency": "EUR"});
    let contract = json!({"accountId": account, "amount": amount, "interval": "YEAR", "startedOn": fair.ago(30), "status": "ACTIVE"});
    admin.post("/v1/subscriptions", contract).await.expect(201);
    fair.run().await;
    let loyalty = fair.loyalty("a").await;
    let driver = |name: &str| {
        let all = loyalty["drivers"].as_array().unwrap();
        all.iter().find(|driver| driver["driver"] == name).unwrap().clone()
    };
    assert_eq!(driver("TRUST")["value"], "75", "{loyalty}");
    assert_eq!(driver("TRUST")["evidence"]["deliveriesInTime"], 3);
    let bound = number(&driver("SWITCHING_COST")["value"]);
    assert!((85.0..95.0).contains(&bound), "eleven of twelve months: {bound}");
    assert_eq!(driver("SATISFACTION")["missing"], "NO_ANSWERS");
    let weights: i64 = loyalty["drivers"].as_array().unwrap().iter().map(|one| one["weight"].as_i64().unwrap()).sum();
    assert_eq!(weights, 100);
    assert!(!loyalty["driverIndex"].is_null());
}
