//! What a model may say: windows of indicators, whom they are about, what scores are called; and what is missing to the next
//! layer by it.

use super::{Market, number};
use serde_json::{Value, json};

async fn indicator(market: &Market, model: &str, code: &str, more: Value) -> kith_testkit::Answer {
    let mut body = json!({"modelId": model, "code": code, "weight": "1"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    market.admin.post("/v1/value-indicators", body).await
}

async fn draft(market: &Market, more: Value) -> String {
    let mut body = json!({"name": "Own", "defaultMargin": "100"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    market.admin.post("/v1/value-models", body).await.expect(201).id()
}

async fn publish(market: &Market, model: &str) {
    market.admin.post(&format!("/v1/value-models/{model}/publish"), json!({})).await.expect(200);
}

async fn profile(market: &Market, key: &str) -> Value {
    market.account(key, "valueProfile").await["valueProfile"].clone()
}

fn anchors(to: u32) -> Value {
    json!([[0, 0], [to, 100]])
}

#[actix_web::test]
async fn indicators_look_back_for_days_of_their_own_and_are_about_customers_or_prospects() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "b", "never", "keen"].map(str::to_owned)).await;
    let model = draft(&market, json!({})).await;
    let lately =
        |source: &str, to: u32| json!({"source": source, "windowDays": 30, "scale": "ANCHORS", "anchors": anchors(to)});
    indicator(&market, &model, "lately", lately("REVENUE", 100)).await.expect(201);
    indicator(&market, &model, "often", lately("FREQUENCY", 100)).await.expect(201);
    let keen = json!({"source": "ENGAGEMENT", "appliesTo": "PROSPECTS", "scale": "ANCHORS", "anchors": anchors(10)});
    indicator(&market, &model, "keen", keen).await.expect(201);
    for (more, place) in [
        (json!({"source": "PROFIT", "windowDays": 30}), "/windowDays"),
        (json!({"source": "REVENUE", "windowDays": 6}), "/windowDays"),
        (json!({"source": "REVENUE", "appliesTo": "SOME"}), "/appliesTo"),
    ] {
        assert_eq!(indicator(&market, &model, "wrong", more).await.expect(422).pointers(), [place]);
    }
    publish(&market, &model).await;
    let order = |key: &str, number: usize, day: &str, net: &str| Market::order(key, number, day, net);
    market
        .orders(&[
            order("a", 1, "2026-01-10", "500"),
            order("a", 2, "2026-11-01", "20"),
            order("a", 3, "2026-10-22", "40"),
            // The last day before the thirty.
            order("a", 4, "2026-10-21", "900"),
            order("b", 5, "2026-06-01", "70"),
        ])
        .await;
    for _ in 0..3 {
        let keen = market.account("keen", "owner").await["id"].clone();
        let call = json!({"accountId": keen, "channel": "PHONE", "direction": "INBOUND", "occurredAt": "2026-11-10T09:00:00Z", "subjectLine": "Prices"});
        market.admin.post("/v1/interactions", call).await.expect(201);
    }
    market.run(None).await;
    let a = profile(&market, "a").await;
    let part = |profile: &Value, at: usize| {
        let part = &profile["contributions"][at];
        (part["code"].clone(), part["windowDays"].clone(), part["value"].clone(), part["points"].clone())
    };
    assert_eq!(part(&a, 0), (json!("lately"), json!(30), json!("60"), json!("60")), "{a}");
    assert_eq!((part(&a, 1).2, part(&a, 1).3), (json!("24.3333"), json!("24.3333")), "two in thirty days");
    assert_eq!((number(&a["revenue"]), a["contributions"].as_array().unwrap().len()), (1460.0, 2));
    assert_eq!(part(&profile(&market, "b").await, 0).2, "0");
    let keen = profile(&market, "keen").await;
    assert_eq!(
        (part(&keen, 0).0, number(&keen["score"]), keen["contributions"].as_array().unwrap().len()),
        (json!("keen"), 30.0, 1)
    );
    assert_eq!(keen["layer"], "SUSPECT");
    assert_eq!(number(&profile(&market, "never").await["score"]), 0.0);
    let sum = number(&keen["contributions"][0]["contribution"]);
    assert!((number(&keen["score"]) - number(&keen["scoreReference"]) - sum).abs() < 1e-9, "{keen}");
    // An order that is computed alone stands where a run would put it.
    market.orders(&[order("b", 6, "2026-11-19", "10")]).await;
    market.work(false);
    assert_eq!(part(&profile(&market, "b").await, 0).2, "10");
}

#[actix_web::test]
async fn scores_are_called_what_the_model_calls_them() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "b"].map(str::to_owned)).await;
    let usual = market.admin.post("/v1/value-models", json!({"name": "Usual"})).await.expect(201);
    assert_eq!(usual.at("/rfmSegments").as_array().unwrap().len(), 12, "the usual map is written down");
    let field = |segment: &str, recency: [u8; 2]| json!({"segment": segment, "recency": recency, "value": [2, 10]});
    let model =
        draft(&market, json!({"rfmSegments": [field("PROMISING", [2, 5]), field("HIBERNATING", [1, 5])]})).await;
    let path = format!("/v1/value-models/{model}");
    for wrong in [json!([field("BEST", [1, 5])]), json!([field("NEW", [2, 5])]), json!("NEW")] {
        let refused = market.admin.patch(&path, json!({"rfmSegments": wrong})).await.expect(422);
        assert_eq!(refused.pointers(), ["/rfmSegments"]);
    }
    publish(&market, &model).await;
    market.orders(&[Market::order("a", 1, "2026-11-01", "20"), Market::order("b", 2, "2026-05-01", "20")]).await;
    market.run(None).await;
    let (a, b) = (profile(&market, "a").await, profile(&market, "b").await);
    let expected =
        |profile: &Value| if profile["rfmRecency"].as_i64().unwrap() >= 2 { "PROMISING" } else { "HIBERNATING" };
    assert_eq!((&a["rfmSegment"], &b["rfmSegment"]), (&json!(expected(&a)), &json!(expected(&b))));
    assert_ne!(a["rfmSegment"], b["rfmSegment"]);
    let found = market.admin.get("/v1/value-profiles?filter[rfmSegment]=HIBERNATING").await.expect(200);
    assert_eq!(found.at("/data").as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn what_is_missing_to_the_next_layer_gets_there() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "b", "c", "never"].map(str::to_owned)).await;
    let model = draft(&market, json!({"pyramid": "THRESHOLDS"})).await;
    for (code, source) in [("revenue", "REVENUE"), ("often", "FREQUENCY")] {
        let weight = if code == "revenue" { "9" } else { "1" };
        let more = json!({"source": source, "scale": "ANCHORS", "anchors": anchors(100), "weight": weight});
        indicator(&market, &model, code, more).await.expect(201);
    }
    publish(&market, &model).await;
    let order = |key: &str, number: usize, net: &str| Market::order(key, number, "2026-05-20", net);
    market.orders(&[order("a", 1, "60"), order("b", 2, "5000"), order("c", 3, "1")]).await;
    market.run(None).await;
    let next = async |key: &str| {
        let id = market.account(key, "owner").await["id"].as_str().unwrap().to_owned();
        market.admin.get(&format!("/v1/accounts/{id}/next-layer")).await.expect(200).body
    };
    let a = next("a").await;
    assert_eq!(
        (&a["layer"], &a["nextLayer"], &a["border"], &a["unit"]),
        (&json!("MEDIUM"), &json!("LARGE"), &json!("60"), &json!("POINTS"))
    );
    let missing = 60.0 - number(&a["score"]);
    assert!((number(&a["missing"]) - missing).abs() < 1e-3, "{a}");
    let revenue = &a["ways"][0];
    assert_eq!(
        (&revenue["source"], &revenue["unit"], &revenue["value"]),
        (&json!("REVENUE"), &json!("MONEY"), &json!("60"))
    );
    let needed = number(&revenue["needed"]);
    assert!((needed - (60.0 + missing * 10.0 / 9.0)).abs() < 0.01, "{a}");
    // Ten times the points by frequency, which counts a tenth, is still within reach.
    assert_eq!((&a["ways"][1]["source"], &a["ways"][1]["unit"]), (&json!("FREQUENCY"), &json!("OCCASIONS_A_YEAR")));
    assert_eq!((&next("b").await["nextLayer"], &next("b").await["reason"]), (&Value::Null, &json!("TOP")));
    assert_eq!(next("never").await["reason"], "NOT_ACTIVE");
    assert_eq!(next("c").await["nextLayer"], "MEDIUM");
    // So much more on the same day, and the three points that a move takes.
    let more = format!("{:.2}", needed - 60.0 + 4.0);
    market.orders(&[order("a", 4, &more)]).await;
    market.work(false);
    assert_eq!(next("a").await["layer"], "LARGE");
    let id = market.account("a", "owner").await["id"].clone();
    let query = "query($id: UUID!) { accountNextLayer(id: $id) { layer nextLayer ways { code needed change unit } } }";
    let same = market.admin.graphql(query, json!({"id": id})).await;
    assert_eq!(same.at("/data/accountNextLayer/nextLayer"), "TOP", "{}", same.body);
    market.admin.get("/v1/accounts/0190a000-0000-7000-8000-000000000000/next-layer").await.expect(404);

    let by_revenue = draft(&market, json!({"pyramid": "CONTRIBUTION"})).await;
    publish(&market, &by_revenue).await;
    market.run(None).await;
    let c = next("c").await;
    assert_eq!(
        (&c["unit"], &c["currency"], &c["ways"][0]["change"]),
        (&json!("MONEY"), &json!("EUR"), &c["missing"]),
        "{c}"
    );
}

#[actix_web::test]
async fn levels_and_forms_say_how_much_they_can_be_relied_on() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "never"].map(str::to_owned)).await;
    market.publish(json!({})).await;
    market.orders(&[Market::order("a", 1, "2026-05-20", "10")]).await;
    market.run(None).await;
    let states = async |key: &str| {
        let found = market.account(key, "loyalty").await["loyalty"].clone();
        ["levelState", "formState", "form", "level"].map(|name| found[name].as_str().unwrap_or("-").to_owned())
    };
    assert_eq!(states("a").await, ["INSUFFICIENT_DATA", "INSUFFICIENT_DATA", "UNKNOWN", "-"]);
    assert_eq!(states("never").await, ["NOT_APPLICABLE", "NOT_APPLICABLE", "UNKNOWN", "-"]);
    let id = market.account("a", "owner").await["id"].clone();
    for (kind, value) in [("QUALITY_ANSWER", "5"), ("SATISFACTION", "5"), ("INTENTION", "2")] {
        let answer = json!({"accountId": id, "kind": kind, "value": value, "answeredOn": "2026-11-01"});
        market.admin.post("/v1/loyalty-evidence", answer).await.expect(201);
    }
    market.work(false);
    let found = states("a").await;
    assert_eq!((&*found[0], &*found[3]), ("OK", "AFFECTIVE"), "every layer is told");
    let found = market.admin.get("/v1/accounts?filter[loyalty][levelState]=OK").await.expect(200);
    assert_eq!(found.at("/data").as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn what_is_being_sold_counts_by_the_chance_of_its_stage() {
    let mut market = Market::on("2026-11-19");
    market.accounts(&["a", "b"].map(str::to_owned)).await;
    market.publish(json!({})).await;
    market.orders(&[Market::order("a", 1, "2026-10-20", "10"), Market::order("b", 2, "2026-10-20", "10")]).await;
    let pipeline =
        market.admin.post("/v1/pipelines", json!({"name": "Sales", "isDefault": true})).await.expect(201).id();
    let mut stages = Vec::new();
    for (at, (name, kind, probability)) in
        [("Offer", "OPEN", 40), ("Last", "OPEN", 80), ("Won", "WON", 100)].into_iter().enumerate()
    {
        let body =
            json!({"pipelineId": pipeline, "name": name, "kind": kind, "position": at + 1, "probability": probability});
        stages.push(market.admin.post("/v1/stages", body).await.expect(201).id());
    }
    let mut made = Vec::new();
    for (key, own) in [("a", None), ("b", Some(25))] {
        let account = market.account(key, "owner").await["id"].clone();
        let chance = json!({"name": "Chance", "stageId": stages[0], "accountId": account, "amount": {"amount": "1000", "currency": "EUR"}, "probability": own, "openedAt": "2026-11-01T00:00:00Z"});
        made.push(market.admin.post("/v1/opportunities", chance).await.expect(201).id());
    }
    let weighted = async |market: &Market, key: &str| {
        let parts = profile(market, key).await["potentialParts"].clone();
        let part = parts.as_array().unwrap().iter().find(|part| part["part"] == "pipeline").unwrap();
        part["value"].clone()
    };
    for key in ["a", "b"] {
        let account = market.account(key, "owner").await["id"].clone();
        let need = json!({"accountId": account, "amount": {"amount": "100", "currency": "EUR"}, "source": "STATED", "estimatedOn": "2026-10-01"});
        market.admin.post("/v1/wallet-estimates", need).await.expect(201);
    }
    market.run(None).await;
    assert_eq!((weighted(&market, "a").await, weighted(&market, "b").await), (json!("400"), json!("250")));
    let before = profile(&market, "a").await["potential"].clone();
    assert!(before.is_string());
    // Won on the day after; of the day before it is known that it was open, in the stage that it stood in.
    market.go_to("2026-11-20");
    market.admin.post(&format!("/v1/opportunities/{}/win", made[0]), json!({})).await.expect(200);
    market.run(None).await;
    assert_eq!(weighted(&market, "a").await, "0");
    market.run(Some("2026-11-18")).await;
    let id = market.account("a", "owner").await["id"].as_str().unwrap().to_owned();
    let kept =
        market.admin.get(&format!("/v1/value-scores?filter[accountId]={id}&filter[asOf]=2026-11-18")).await.expect(200);
    assert_eq!(kept.at("/data/0/potential"), &before, "{}", kept.body);
}
