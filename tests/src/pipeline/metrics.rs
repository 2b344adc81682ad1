//! Metrics: exact values of a small made history, currencies, periods, groups, rights, and what is refused.

use super::{Road, road};
use crate::authz::with_grants;
use serde_json::{Value, json};

async fn value(road: &Road, question: &str) -> Value {
    road.admin.get(&format!("/v1/metrics/{question}")).await.expect(200).body["total"]["value"].clone()
}

async fn deal(road: &Road, stage: usize, money: Option<(&str, &str)>, from: &str, to: Option<&str>) -> String {
    let amount = money.map(|(amount, currency)| json!({"amount": amount, "currency": currency}));
    let closed = to.map(|day| format!("{day}T00:00:00Z"));
    let mut more = json!({"stageId": road.stages[stage], "amount": amount, "openedAt": format!("{from}T00:00:00Z")});
    if let Some(closed) = closed {
        more["closedAt"] = json!(closed);
    }
    road.open(more).await
}

/// Two won in 10 and 30 days, one lost, two open.
async fn history() -> Road {
    let road = road().await;
    deal(&road, 3, Some(("100", "EUR")), "2026-01-01", Some("2026-01-11")).await;
    deal(&road, 3, Some(("300", "EUR")), "2026-01-01", Some("2026-01-31")).await;
    deal(&road, 4, Some(("50", "EUR")), "2026-01-01", Some("2026-02-01")).await;
    deal(&road, 1, Some(("1000", "EUR")), "2026-01-01", None).await;
    deal(&road, 0, None, "2026-01-01", None).await;
    road
}

#[actix_web::test]
async fn values_are_what_their_definitions_say() {
    let road = history().await;
    for (question, expected) in [
        ("won", json!("2")),
        ("lost", json!("1")),
        ("won?from=2026-01-12", json!("1")),
        ("won?to=2026-01-11", json!("1")),
        ("won?to=2026-01-10", json!("0")),
        ("won-value", json!("400")),
        ("average-won-value", json!("200")),
        ("win-rate", json!("66.6667")),
        ("win-rate?from=2027-01-01", Value::Null),
        ("cycle-length", json!("20")),
        // 3 × 2/3 × 200 ÷ 20.
        ("velocity", json!("20")),
        ("open-pipeline", json!("1000")),
        ("weighted-pipeline", json!("400")),
        ("weighted-pipeline?filter%5Bname%5D=nothing", json!("0")),
    ] {
        assert_eq!(value(&road, question).await, expected, "{question}");
    }
    let definitions = road.admin.get("/v1/metrics").await.expect(200);
    for metric in definitions.at("/data").as_array().unwrap() {
        let name = metric["name"].as_str().unwrap();
        for dimension in metric["groupBy"].as_array().unwrap() {
            let question = format!("/v1/metrics/{name}?groupBy={}", dimension.as_str().unwrap());
            let answer = road.admin.get(&question).await.expect(200);
            assert_eq!(answer.body["definition"], metric["definition"]);
        }
    }
}

#[actix_web::test]
async fn what_is_weighted_can_be_seen_by_product_and_by_competitor() {
    let road = road().await;
    let make =
        async |resource: &str, body: Value| road.admin.post(&format!("/v1/{resource}"), body).await.expect(201).id();
    let euros = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let tea = make("products", json!({"sku": "T", "name": "Tea"})).await;
    let rival = make("competitors", json!({"name": "Contoso"})).await;
    // 40 % of 300, of which tea is a third; 80 % of 100 that has no lines.
    let lined = road.open(json!({"stageId": road.stages[1], "amountFromLines": true})).await;
    for (product, price) in [(json!(tea), "100"), (Value::Null, "200")] {
        let line = json!({"opportunityId": lined, "productId": product, "description": "Line", "quantity": "1", "unitPrice": euros(price)});
        make("opportunity-lines", line).await;
    }
    deal(&road, 2, Some(("100", "EUR")), "2026-01-01", None).await;
    make("opportunity-competitors", json!({"opportunityId": lined, "competitorId": rival})).await;
    let ask = async |question: &str| road.admin.get(&format!("/v1/metrics/{question}")).await.expect(200).body;
    let products = ask("weighted-pipeline-by-product?groupBy=product").await;
    let of_tea = products["rows"].as_array().unwrap().iter().find(|row| row["group"]["product"]["key"] == json!(tea));
    assert_eq!((&of_tea.unwrap()["value"], &products["total"]["value"]), (&json!("40"), &json!("200")));
    assert_eq!(value(&road, "weighted-pipeline").await, "200");
    let rivals = ask("competitor-pipeline?groupBy=competitor").await;
    assert_eq!(
        (&rivals["rows"][0]["group"]["competitor"]["label"], &rivals["rows"][0]["value"]),
        (&json!("Contoso"), &json!("120"))
    );
}

#[actix_web::test]
async fn stages_show_how_long_and_how_many() {
    let road = road().await;
    for (steps, end) in [(2, "win"), (1, "lose"), (0, "lose")] {
        let id = road.open(json!({"openedAt": "2026-01-01T00:00:00Z"})).await;
        for step in 1..=steps {
            let at = format!("2026-01-{:02}T00:00:00Z", 1 + 2 * step);
            road.act(&id, "move", json!({"stageId": road.stages[step], "at": at})).await.expect(200);
        }
        road.act(&id, end, json!({"at": "2026-01-21T00:00:00Z"})).await.expect(200);
    }
    let by_stage = async |name: &str| {
        let found = road.admin.get(&format!("/v1/metrics/{name}?groupBy=stage")).await.expect(200);
        let rows = found.at("/rows").as_array().unwrap().clone();
        let row = |row: &Value| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&row["group"]["stage"]["label"]), text(&row["value"]), row["count"].as_i64().unwrap())
        };
        let mut rows: Vec<_> = rows.iter().map(row).collect();
        rows.sort();
        rows
    };
    let row = |name: &str, value: &str, count| (name.to_owned(), value.to_owned(), count);
    assert_eq!(
        by_stage("time-in-stage").await,
        // (2 + 2 + 20) ÷ 3 days in the first; 2 and 18 in the second; 16 in the third.
        [row("Closing", "16", 1), row("Lead in", "8", 3), row("Proposal", "10", 2)]
    );
    assert_eq!(
        by_stage("stage-conversion").await,
        [row("Closing", "100", 1), row("Lead in", "66.6667", 3), row("Proposal", "50", 2)]
    );
}

#[actix_web::test]
async fn currencies_are_converted_at_the_rate_of_the_day_or_refused() {
    let road = history().await;
    deal(&road, 3, Some(("100", "USD")), "2026-01-01", Some("2026-03-10")).await;
    let refused = road.admin.get("/v1/metrics/won-value").await.expect(422);
    assert_eq!(refused.code(), "MIXED_CURRENCIES");
    assert!(refused.at("/detail").as_str().unwrap().contains("USD"), "{}", refused.body);
    let rate = async |base: &str, quote: &str, rate: &str, day: &str| {
        let body = json!({"baseCurrency": base, "quoteCurrency": quote, "rate": rate, "validOn": day});
        road.admin.post("/v1/exchange-rates", body).await.expect(201);
    };
    rate("USD", "EUR", "0.8", "2026-03-11").await;
    assert_eq!(road.admin.get("/v1/metrics/won-value?currency=EUR").await.expect(422).code(), "MIXED_CURRENCIES");
    rate("USD", "EUR", "0.5", "2026-03-01").await;
    assert_eq!(value(&road, "won-value?currency=EUR").await, "450");
    // Each of the others has no rate to dollars on its day.
    assert_eq!(road.admin.get("/v1/metrics/won-value?currency=USD").await.expect(422).code(), "MIXED_CURRENCIES");
    rate("EUR", "USD", "1.25", "2026-01-01").await;
    // 400 × 1.25 and 100 as they are.
    assert_eq!(value(&road, "won-value?currency=USD").await, "600");
    // What is all of one currency needs no rate, whatever the tenant's own.
    let only = road.admin.get("/v1/metrics/won-value?from=2026-03-01").await.expect(200);
    assert_eq!((only.at("/currency"), only.at("/total/value")), (&json!("USD"), &json!("100")));
}

#[actix_web::test]
async fn bad_questions_are_refused_at_their_place() {
    let road = history().await;
    for (question, pointer) in [
        ("won?from=2026-02-30", "/query/from"),
        ("won?from=2026-02-02&to=2026-02-01", "/query/to"),
        ("won?groupBy=colour", "/query/groupBy"),
        ("won?groupBy=owner,team,stage,source", "/query/groupBy"),
        ("won?currency=EUR", "/query/currency"),
        ("won-value?currency=euro", "/query/currency"),
        ("open-pipeline?from=2026-01-01", "/query/from"),
        ("won?filter%5Bcolour%5D=x", "/query/filter/colour"),
        ("won?limit=5", "/query/limit"),
    ] {
        let refused = road.admin.get(&format!("/v1/metrics/{question}")).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{question}");
    }
    road.admin.get("/v1/metrics/happiness").await.expect(404);
    let over_graphql =
        road.admin.graphql("{ metric(name: \"won\", groupBy: [\"colour\"]) { value } }", json!({})).await.expect(200);
    assert_eq!(over_graphql.at("/errors/0/extensions/errors/0/pointer"), "/groupBy", "{}", over_graphql.body);
    let unknown = road
        .admin
        .graphql("{ metric(name: \"x\") { value } metrics { name definition } }", json!({}))
        .await
        .expect(200);
    assert_eq!(unknown.at("/errors/0/extensions/code"), "NOT_FOUND", "{}", unknown.body);
}

#[actix_web::test]
async fn who_sees_part_of_the_opportunities_gets_the_numbers_of_that_part() {
    let stage = kith_testkit::Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let pipeline = admin.post("/v1/pipelines", json!({"name": "Sales"})).await.expect(201).id();
    let body = json!({"pipelineId": pipeline, "name": "Won", "kind": "WON", "position": 1, "probability": 100});
    let won = admin.post("/v1/stages", body).await.expect(201).id();
    let (user, own) = with_grants(&stage, &tenant, "opportunities:READ:OWN");
    let (_, blind) = with_grants(&stage, &tenant, "accounts:READ:ALL");
    for owner in [json!(user), Value::Null, Value::Null] {
        admin.post("/v1/opportunities", json!({"name": "x", "stageId": won, "ownerId": owner})).await.expect(201);
    }
    assert_eq!(own.get("/v1/metrics/won").await.expect(200).at("/total/count"), 1);
    assert_eq!(admin.get("/v1/metrics/won").await.expect(200).at("/total/count"), 3);
    assert_eq!(blind.get("/v1/metrics/won").await.expect(403).code(), "FORBIDDEN");
    // Names of users are for who may read users.
    assert_eq!(own.get("/v1/metrics/won?groupBy=owner").await.expect(403).code(), "FORBIDDEN");
}
