//! Forecasts, targets and snapshots: figures worked out by hand, through both doors, and what is refused.

use super::{Road, road};
use crate::authz::with_grants;
use kith_testkit::Client;
use serde_json::{Value, json};

const Q3: &str = "/v1/forecast?period=2026-Q3";

fn euros(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Ada in team North, and Bo in Coast, which is a part of North.
struct People {
    users: [String; 2],
    teams: [String; 2],
}

async fn people(road: &Road) -> People {
    let admin = &road.admin;
    let north = admin.post("/v1/teams", json!({"name": "North"})).await.expect(201).id();
    let coast = admin.post("/v1/teams", json!({"name": "Coast", "parentId": north})).await.expect(201).id();
    let user = async |name: &str| {
        let body = json!({"name": name, "email": format!("{name}@example.com")});
        admin.post("/v1/users", body).await.expect(201).id()
    };
    People { users: [user("Ada").await, user("Bo").await], teams: [north, coast] }
}

/// A third quarter of 2026 that can be worked out by hand.
async fn quarter(road: &Road) -> People {
    let people = people(road).await;
    let deal = async |who: usize, amount: &str, stage: usize, more: Value| {
        let mut body = json!({
            "amount": euros(amount), "stageId": road.stages[stage], "openedAt": "2026-06-01T00:00:00Z",
            "ownerId": people.users[who], "teamId": people.teams[who],
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        road.open(body).await
    };
    deal(0, "100", 3, json!({"closedAt": "2026-07-10T10:00:00Z"})).await;
    deal(1, "300", 3, json!({"closedAt": "2026-08-10T10:00:00Z"})).await;
    deal(0, "1000", 2, json!({"closeDate": "2026-09-01", "forecastCategory": "COMMIT"})).await;
    deal(1, "500", 1, json!({"closeDate": "2026-09-15", "forecastCategory": "BEST_CASE"})).await;
    deal(1, "200", 0, json!({"closeDate": "2026-07-20"})).await;
    deal(0, "999", 0, json!({"closeDate": "2026-07-21", "forecastCategory": "OMITTED"})).await;
    // Lost, or outside of the period.
    deal(0, "70", 4, json!({"closedAt": "2026-08-01T00:00:00Z"})).await;
    deal(0, "5000", 2, json!({"closeDate": "2026-10-01", "forecastCategory": "COMMIT"})).await;
    deal(1, "7000", 3, json!({"closedAt": "2026-10-01T00:00:00Z"})).await;
    deal(1, "1", 2, json!({})).await;
    let target = async |who: Value, from: &str, to: &str, amount: &str| {
        let mut body = json!({"startsOn": from, "endsOn": to, "amount": euros(amount)});
        body.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        road.admin.post("/v1/targets", body).await.expect(201);
    };
    let (ada, bo) = (json!({"userId": people.users[0]}), json!({"userId": people.users[1]}));
    target(ada.clone(), "2026-07-01", "2026-07-31", "400").await;
    target(ada.clone(), "2026-08-01", "2026-08-31", "400").await;
    target(ada, "2026-09-01", "2026-09-30", "400").await;
    target(bo.clone(), "2026-07-01", "2026-09-30", "1000").await;
    // Within the quarter's, and besides all pipelines: not counted twice.
    target(bo.clone(), "2026-07-01", "2026-07-31", "500").await;
    let one = json!({"userId": people.users[1], "pipelineId": road.id});
    target(one, "2026-07-01", "2026-09-30", "600").await;
    target(json!({"teamId": people.teams[0]}), "2026-07-01", "2026-09-30", "2500").await;
    people
}

fn figures(found: &Value, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| found[*name].clone()).collect()
}

const NAMES: [&str; 8] = ["won", "commit", "bestCase", "pipeline", "weighted", "target", "gap", "attainment"];

async fn total(client: &Client, path: &str) -> Vec<Value> {
    figures(client.get(path).await.expect(200).at("/total"), &NAMES)
}

#[actix_web::test]
async fn a_forecast_is_what_can_be_worked_out_by_hand() {
    let road = road().await;
    let people = quarter(&road).await;
    let found = road.admin.get(Q3).await.expect(200);
    assert_eq!(
        (found.at("/from"), found.at("/to"), found.at("/currency")),
        (&json!("2026-07-01"), &json!("2026-09-30"), &json!("EUR"))
    );
    let expected = ["400", "1400", "1900", "2100", "1420", "2200", "1800", "18.1818"].map(Value::from);
    assert_eq!(figures(found.at("/total"), &NAMES), expected);
    assert_eq!((found.at("/total/wonCount"), found.at("/total/weightedAttainment")), (&json!(2), &json!("64.5455")));
    let category = |name: &str, amount: &str, weighted: &str, count: i64| json!({"category": name, "amount": amount, "weighted": weighted, "count": count});
    let categories = json!([
        category("OMITTED", "999", "99.9", 1),
        category("PIPELINE", "200", "20", 1),
        category("BEST_CASE", "500", "200", 1),
        category("COMMIT", "1000", "800", 1),
        category("CLOSED", "400", "400", 2),
    ]);
    assert_eq!(found.at("/total/categories"), &categories);

    let by_owner = road.admin.get(&format!("{Q3}&by=owner")).await.expect(200);
    let mut rows: Vec<_> = by_owner
        .at("/rows")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["owner"]["name"].clone(), figures(&row["figures"], &["won", "weighted", "target", "attainment"]))
        })
        .collect();
    rows.sort_by_key(|(name, _)| name.to_string());
    let row = |name: &str, figures: [&str; 4]| (json!(name), figures.map(Value::from).to_vec());
    assert_eq!(rows, [row("Ada", ["100", "900", "1200", "8.3333"]), row("Bo", ["300", "520", "1000", "30"])]);
    // Who has a target and nothing else is there, too, where everybody is asked for.
    let idle = road.admin.post("/v1/users", json!({"name": "Cy", "email": "cy@example.com"})).await.expect(201).id();
    let target = json!({"userId": idle, "startsOn": "2026-07-01", "endsOn": "2026-07-31", "amount": euros("5")});
    let target = road.admin.post("/v1/targets", target).await.expect(201).id();
    for (whose, many) in [
        (String::new(), 3),
        (format!("&ownerId={idle}"), 1),
        (format!("&ownerId={}", people.users[0]), 1),
        (format!("&teamId={}", people.teams[1]), 1),
    ] {
        let found = road.admin.get(&format!("{Q3}&by=owner{whose}")).await.expect(200);
        assert_eq!(found.at("/rows").as_array().unwrap().len(), many, "{whose}");
    }
    road.admin.delete(&format!("/v1/targets/{target}")).await.expect(204);
    // A team is what it and those below it have.
    let by_team = road.admin.get(&format!("{Q3}&by=team")).await.expect(200);
    let rows: Vec<_> = by_team
        .at("/rows")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (row["team"]["name"].clone(), figures(&row["figures"], &["won", "weighted", "target", "attainment"]))
        })
        .collect();
    let coast = (json!("Coast"), vec![json!("300"), json!("520"), Value::Null, Value::Null]);
    assert_eq!(rows, [coast, row("North", ["400", "1420", "2500", "16"])]);
    let north = total(&road.admin, &format!("{Q3}&teamId={}", people.teams[0])).await;
    assert_eq!(north[5..], ["2500", "2100", "16"].map(Value::from));
    assert_eq!(total(&road.admin, &format!("{Q3}&teamId={}", people.teams[1])).await[0], "300");
    let bo = total(&road.admin, &format!("{Q3}&ownerId={}", people.users[1])).await;
    assert_eq!((&bo[0], &bo[5]), (&json!("300"), &json!("1000")));
    let one = total(&road.admin, &format!("{Q3}&ownerId={}&pipelineId={}", people.users[1], road.id)).await;
    assert_eq!((&one[0], &one[5]), (&json!("300"), &json!("600")), "of one pipeline, its own target");
    let by_month = road.admin.get(&format!("{Q3}&by=month")).await.expect(200);
    let rows: Vec<_> = by_month
        .at("/rows")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["month"].clone(), figures(&row["figures"], &["won", "commit", "target"])))
        .collect();
    let month = |name: &str, figures: [&str; 3]| (json!(name), figures.map(Value::from).to_vec());
    assert_eq!(
        rows,
        [
            month("2026-07", ["100", "100", "900"]),
            month("2026-08", ["300", "300", "400"]),
            month("2026-09", ["0", "1000", "400"])
        ]
    );
    // Part of the opportunities is not what the targets are about.
    let part = total(&road.admin, &format!("{Q3}&filter%5BcloseDate%5D%5Blt%5D=2026-08-01")).await;
    assert_eq!((&part[0], &part[3], &part[5]), (&json!("0"), &json!("200"), &Value::Null));

    let query = "query($by: String) { forecast(period: \"2026-Q3\", by: $by) { currency total { won weighted target attainment \
                 categories { category amount count } } rows { team { id name } owner { name } figures { won } } } }";
    let graphql = road.admin.graphql(query, json!({"by": "team"})).await.expect(200);
    assert_eq!(graphql.at("/data/forecast/total/weighted"), "1420", "{}", graphql.body);
    assert_eq!(graphql.at("/data/forecast/total/categories/3/amount"), "1000");
    assert_eq!(graphql.at("/data/forecast/rows/1/team/id"), &json!(people.teams[0]));
    let attained =
        road.admin.get("/v1/metrics/target-attainment?groupBy=user&from=2026-07-01&to=2026-09-30").await.expect(200);
    let values: Vec<_> = attained
        .at("/rows")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["group"]["user"]["label"].clone(), row["value"].clone()))
        .collect();
    // 300 of 1000, 0 … of 500 in July, and 300 of 600: 600 ÷ 2100. Then 100 ÷ 1200, and the team's 400 ÷ 2500.
    assert_eq!(values, [(json!("Bo"), json!("28.5714")), (Value::Null, json!("16")), (json!("Ada"), json!("8.3333"))]);
}

#[actix_web::test]
async fn a_forecast_in_several_currencies_needs_their_rates() {
    let road = road().await;
    quarter(&road).await;
    let dollars = json!({"amount": {"amount": "100", "currency": "USD"}, "closeDate": "2026-09-01", "stageId": road.stages[0], "openedAt": "2026-06-01T00:00:00Z"});
    road.open(dollars).await;
    assert_eq!(road.admin.get(Q3).await.expect(422).code(), "MIXED_CURRENCIES");
    let rate = json!({"baseCurrency": "USD", "quoteCurrency": "EUR", "rate": "0.5", "validOn": "2026-01-01"});
    road.admin.post("/v1/exchange-rates", rate).await.expect(201);
    // 100 dollars at a chance of 10 %.
    assert_eq!(
        total(&road.admin, &format!("{Q3}&currency=EUR")).await[3..6],
        ["2150", "1425", "2200"].map(Value::from)
    );
    assert_eq!(total(&road.admin, &format!("{Q3}&currency=USD")).await[..1], ["800"].map(Value::from));
    let query = "{ forecast(period: \"2026-Q3\", currency: \"GBP\") { currency } }";
    let refused = road.admin.graphql(query, json!({})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/code"), "MIXED_CURRENCIES", "{}", refused.body);
}

#[actix_web::test]
async fn who_sees_part_of_it_gets_the_forecast_of_that_part() {
    let road = road().await;
    let people = quarter(&road).await;
    let (user, own) = with_grants(&road.stage, &road.tenant, "opportunities:READ:OWN");
    let more = json!({"amount": euros("10"), "stageId": road.stages[2], "closeDate": "2026-08-08", "ownerId": user});
    road.open(more).await;
    let mine = total(&own, Q3).await;
    assert_eq!((&mine[3], &mine[5]), (&json!("10"), &Value::Null), "and no target, without that right");
    for (grants, many) in [("targets:READ:ALL", 0), ("targets:READ:OWN", 1)] {
        let (user, own) = with_grants(&road.stage, &road.tenant, &format!("opportunities:READ:OWN {grants}"));
        let target = json!({"userId": user, "startsOn": "2026-07-01", "endsOn": "2026-07-31", "amount": euros("5")});
        road.admin.post("/v1/targets", target).await.expect(201);
        let expected = if many == 1 { json!("5") } else { Value::Null };
        assert_eq!(total(&own, Q3).await[5], expected, "{grants}");
    }
    assert_eq!(own.get(&format!("{Q3}&by=owner")).await.expect(403).code(), "FORBIDDEN");
    assert_eq!(own.get(&format!("{Q3}&teamId={}", people.teams[0])).await.expect(403).code(), "FORBIDDEN");
    let (_, blind) = with_grants(&road.stage, &road.tenant, "targets:READ:ALL");
    assert_eq!(blind.get(Q3).await.expect(403).code(), "FORBIDDEN");
    // A number that rests on all opportunities is not for who sees some of them.
    let (_, some) =
        with_grants(&road.stage, &road.tenant, "targets:READ:ALL opportunities:READ:OWN forecast-snapshots:READ:ALL");
    for metric in ["target-attainment", "forecast-accuracy"] {
        assert_eq!(some.get(&format!("/v1/metrics/{metric}")).await.expect(403).code(), "FORBIDDEN", "{metric}");
    }
    road.stage.anonymous().get(Q3).await.expect(401);
    let query =
        "{ forecast { currency } forecastChanges(snapshotId: \"018f0000-0000-7000-8000-00000000dead\") { currency } }";
    road.stage.anonymous().graphql(query, json!({})).await.expect(401);
    let neighbour = road.stage.admin(&road.stage.tenant());
    assert_eq!(
        total(&neighbour, Q3).await[..6],
        [json!("0"), json!("0"), json!("0"), json!("0"), json!("0"), Value::Null]
    );
}

#[actix_web::test]
async fn bad_questions_about_a_forecast_are_refused_at_their_place() {
    let road = road().await;
    for (question, pointer) in [
        ("period=2026-Q5", "/query/period"),
        ("period=2026&from=2026-01-01&to=2026-02-01", "/query/period"),
        ("from=2026-01-01", "/query/to"),
        ("from=2026-02-30&to=2026-03-01", "/query/from"),
        ("from=2026-03-02&to=2026-03-01", "/query/to"),
        ("by=colour", "/query/by"),
        ("by=month&from=2020-01-01&to=2026-01-01", "/query/by"),
        ("ownerId=x", "/query/ownerId"),
        ("currency=euro", "/query/currency"),
        ("filter%5Bcolour%5D=x", "/query/filter/colour"),
        ("colour=x", "/query/colour"),
    ] {
        let refused = road.admin.get(&format!("/v1/forecast?{question}")).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{question}");
    }
    let refused = road.admin.graphql("{ forecast(by: \"colour\") { currency } }", json!({})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/errors/0/pointer"), "/by", "{}", refused.body);
    let user = road.stage.user(&road.tenant, "MEMBER");
    let team = road.admin.post("/v1/teams", json!({"name": "North"})).await.expect(201).id();
    let good = json!({"startsOn": "2026-01-01", "endsOn": "2026-03-31", "amount": euros("1"), "userId": user});
    for (name, value, pointer) in [
        ("teamId", json!(team), "/teamId"),
        ("endsOn", json!("2025-12-31"), "/endsOn"),
        ("amount", euros("0"), "/amount"),
        ("userId", json!(road.id), "/userId"),
    ] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(road.admin.post("/v1/targets", body).await.expect(422).pointers(), [pointer], "{name}");
    }
    road.admin.post("/v1/targets", good.clone()).await.expect(201);
    assert_eq!(road.admin.post("/v1/targets", good).await.expect(409).code(), "DUPLICATE");
    road.admin
        .post("/v1/forecast-snapshots", json!({"startsOn": "2026-02-01", "endsOn": "2026-01-01"}))
        .await
        .expect(422);
    road.admin.post("/v1/forecast-snapshot-lines", json!({})).await.expect(405);
}

#[actix_web::test]
async fn a_snapshot_shows_what_became_of_a_forecast() {
    let road = road().await;
    let deal = async |name: &str, amount: &str, more: Value| {
        let mut body = json!({
            "name": name, "amount": euros(amount), "stageId": road.stages[0], "openedAt": "2026-06-01T00:00:00Z",
            "closeDate": "2026-09-01", "probability": 0,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        road.open(body).await
    };
    let won = deal("won", "100", json!({"forecastCategory": "COMMIT", "probability": 90})).await;
    let lost = deal("lost", "200", json!({})).await;
    let slipped = deal("slipped", "30", json!({"forecastCategory": "COMMIT"})).await;
    let grown = deal("grown", "400", json!({"probability": 5})).await;
    let shrunk = deal("shrunk", "500", json!({})).await;
    let removed = deal("removed", "600", json!({})).await;
    deal("same", "700", json!({})).await;
    let early = deal("early", "800", json!({})).await;
    deal("before", "50", json!({"stageId": road.stages[3], "closedAt": "2026-07-05T00:00:00Z"})).await;
    deal("outside", "1", json!({"closeDate": "2026-10-01"})).await;
    let period = json!({"startsOn": "2026-07-01", "endsOn": "2026-09-30"});
    let snapshot = road.admin.post("/v1/forecast-snapshots", period.clone()).await.expect(201);
    assert_eq!(snapshot.at("/lineCount"), 9);
    let path = format!("/v1/forecast-snapshots/{}/changes", snapshot.id());
    let sums = async |path: &str| {
        let found = road.admin.get(path).await.expect(200);
        let all = found.at("/changes").as_array().unwrap().clone();
        let some = all.into_iter().filter(|change| change["count"] != 0);
        some.map(|change| {
            let text = |name: &str| change[name].as_str().unwrap().to_owned();
            (text("change"), change["count"].as_i64().unwrap(), text("before"), text("after"))
        })
        .collect::<Vec<_>>()
    };
    let row = |change: &str, count: i64, before: &str, after: &str| {
        (change.to_owned(), count, before.to_owned(), after.to_owned())
    };
    assert_eq!(sums(&path).await, [row("UNCHANGED", 9, "3380", "3380")]);

    road.act(&won, "win", json!({"at": "2026-09-10T00:00:00Z"})).await.expect(200);
    road.act(&lost, "lose", json!({"at": "2026-09-11T00:00:00Z"})).await.expect(200);
    let set = async |id: &str, body: Value| {
        drop(road.admin.patch(&format!("/v1/opportunities/{id}"), body).await.expect(200));
    };
    set(&slipped, json!({"closeDate": "2026-10-15"})).await;
    set(&grown, json!({"amount": euros("450")})).await;
    set(&shrunk, json!({"amount": euros("420")})).await;
    set(&early, json!({"closeDate": "2026-06-15"})).await;
    road.admin.delete(&format!("/v1/opportunities/{removed}")).await.expect(204);
    let expected = vec![
        row("WON", 1, "100", "100"),
        row("LOST", 1, "200", "200"),
        row("SLIPPED", 1, "30", "30"),
        row("PULLED_IN", 1, "800", "800"),
        row("INCREASED", 1, "400", "450"),
        row("DECREASED", 1, "500", "420"),
        row("REMOVED", 1, "600", "0"),
        row("UNCHANGED", 2, "750", "750"),
    ];
    let second = road.admin.post("/v1/forecast-snapshots", period.clone()).await.expect(201).id();
    assert_eq!(sums(&format!("{path}?to={second}")).await, expected);
    let mut now = expected.clone();
    deal("added", "900", json!({"closeDate": "2026-08-01"})).await;
    now.insert(6, row("ADDED", 1, "0", "900"));
    assert_eq!(sums(&path).await, now);
    assert_eq!(sums(&format!("{path}?to={second}")).await, expected, "what comes later changes nothing");

    let query = "query($id: UUID!) { forecastChanges(snapshotId: $id) { currency rows { name change difference before { amount closeDate } after { closeDate status } } } }";
    let found = road.admin.graphql(query, json!({"id": snapshot.id()})).await.expect(200);
    let rows = found.at("/data/forecastChanges/rows").as_array().unwrap_or_else(|| panic!("{}", found.body)).clone();
    assert_eq!(
        (&rows[0]["name"], &rows[0]["change"], &rows[0]["before"]),
        (&json!("added"), &json!("ADDED"), &Value::Null)
    );
    let moved = rows.iter().find(|row| row["name"] == "slipped").unwrap();
    assert_eq!(
        (&moved["before"]["closeDate"], &moved["after"]["closeDate"]),
        (&json!("2026-09-01"), &json!("2026-10-15"))
    );

    // Of the seven that were open and are there, five were not decided in the quarter, which is over.
    for (metric, expected) in [
        // The first snapshot alone; the second had what was won as won.
        ("slippage?filter%5Bsnapshot%5D%5Bid%5D=", "71.4286"),
        // 50 + 100 + 30 was committed to, and 150 won; weighted, 50 + 90 + 20.
        ("forecast-accuracy?filter%5Bid%5D=", "80"),
        ("weighted-forecast-accuracy?filter%5Bid%5D=", "93.3333"),
    ] {
        let found = road.admin.get(&format!("/v1/metrics/{metric}{}", snapshot.id())).await.expect(200);
        assert_eq!(found.at("/total/value"), expected, "{metric}");
    }
    let other = json!({"startsOn": "2026-10-01", "endsOn": "2026-12-31"});
    let other = road.admin.post("/v1/forecast-snapshots", other).await.expect(201).id();
    for (to, code) in [(other.as_str(), "INVALID"), (road.id.as_str(), "UNKNOWN_REFERENCE"), ("x", "WRONG_TYPE")] {
        let refused = road.admin.get(&format!("{path}?to={to}")).await.expect(422);
        assert_eq!((refused.pointers(), refused.at("/errors/0/code")), (vec!["/query/to"], &json!(code)));
    }
    let backwards = format!("/v1/forecast-snapshots/{second}/changes?to={}", snapshot.id());
    assert_eq!(road.admin.get(&backwards).await.expect(422).pointers(), ["/query/to"]);
    // The lines are of the opportunities that one may see.
    let grants = "forecast-snapshots:READ:ALL forecast-snapshot-lines:READ:OWN opportunities:READ:OWN";
    let (_, own) = with_grants(&road.stage, &road.tenant, grants);
    assert_eq!(own.get(&path).await.expect(200).at("/rows"), &json!([]));
    assert_eq!(own.get("/v1/forecast-snapshot-lines").await.expect(200).at("/data"), &json!([]));
}

#[actix_web::test]
async fn what_products_bring_adds_up_to_the_whole() {
    let road = road().await;
    let mut products = Vec::new();
    for name in ["Chai", "Chang", "Syrup"] {
        products.push(road.admin.post("/v1/products", json!({"sku": name, "name": name})).await.expect(201).id());
    }
    let deal = async |stage: usize, amount: &str, lines: &[(usize, &str)]| {
        let id = road.open(json!({"stageId": road.stages[stage], "amount": euros(amount)})).await;
        for (product, price) in lines {
            let line = json!({"opportunityId": id, "productId": products[*product], "quantity": "1", "unitPrice": euros(price)});
            road.admin.post("/v1/opportunity-lines", line).await.expect(201);
        }
    };
    deal(3, "100", &[(0, "30"), (1, "70")]).await;
    deal(3, "50", &[]).await;
    deal(4, "10", &[(0, "1")]).await;
    deal(3, "200", &[(0, "1"), (1, "1"), (2, "1")]).await;
    let by_product = async |metric: &str| {
        let found = road.admin.get(&format!("/v1/metrics/{metric}?groupBy=product")).await.expect(200);
        let rows = found.at("/rows").as_array().unwrap().clone();
        let mut rows: Vec<_> = rows
            .iter()
            .map(|row| (row["group"]["product"]["label"].clone(), row["value"].as_str().unwrap().to_owned()))
            .collect();
        rows.sort_by_key(|(name, _)| name.to_string());
        (rows, found.at("/total/value").as_str().unwrap().to_owned())
    };
    let (rows, whole) = by_product("won-value-by-product").await;
    let sum: i64 = rows
        .iter()
        .map(|(_, value)| (value.parse::<f64>().unwrap() * 10_000.0).round())
        .sum::<f64>()
        .to_string()
        .parse()
        .unwrap();
    assert_eq!((sum, whole.as_str()), (3_500_000, "350"), "{rows:?}");
    assert_eq!(rows.iter().find(|(name, _)| name.is_null()).unwrap().1, "50");
    assert_eq!(road.admin.get("/v1/metrics/won-value").await.expect(200).at("/total/value"), "350");
    let (rows, whole) = by_product("win-rate-by-product").await;
    // Chai: (0.3 + 1/3) ÷ (0.3 + 1 + 1/3).
    let chai = rows.iter().find(|(name, _)| name == "Chai").unwrap();
    assert_eq!((chai.1.as_str(), whole.as_str()), ("38.7755", "75"));
}
