//! The reports of customer value, over both APIs: what they add up to, to whom they are shown, and that nothing a user
//! writes leaves its place in a picture.

use super::{Market, number};
use crate::authz::with_grants;
use serde_json::{Value, json};

/// So many days ago.
fn ago(market: &Market, days: i64) -> String {
    (market.stage.app.clock.now() - chrono::TimeDelta::days(days)).date_naive().to_string()
}

/// Computes everything as of today.
async fn run(market: &Market) -> String {
    let today = ago(market, 0);
    market.run(None).await;
    today
}

/// Thirteen customers: eleven who buy more and more often, one who stopped long ago, and one who never bought.
async fn market() -> (Market, String) {
    let market = Market::on("2026-10-31");
    let keys: Vec<String> = (1..=13).map(|at| format!("{at:02}")).collect();
    market.accounts(&keys).await;
    let mut orders = Vec::new();
    for customer in 1..=11_usize {
        for at in 0..customer.min(9) {
            let day = ago(&market, 300 - 30 * i64::try_from(at).unwrap());
            let amount = format!("{}.50", customer * customer * 10);
            orders.push(Market::order(&format!("{customer:02}"), customer * 100 + at, &day, &amount));
        }
    }
    orders.push(Market::order("12", 9_000, &ago(&market, 2_000), "99.99"));
    market.orders(&orders).await;
    // Without a need that somebody stated, nobody's potential is known.
    for at in 1..=11 {
        let account = market.account(&format!("{at:02}"), "owner").await["id"].clone();
        let need = json!({"amount": format!("{}", 30_000 - 1_000 * at * (at % 3)), "currency": "EUR"});
        let estimate =
            json!({"accountId": account, "amount": need, "source": "STATED", "estimatedOn": ago(&market, 20)});
        market.admin.post("/v1/wallet-estimates", estimate).await.expect(201);
    }
    let id =
        market.publish(json!({"topBorder": "10", "largeBorder": "20", "mediumBorder": "30", "windowDays": 365})).await;
    (market, id)
}

fn sum(rows: &Value, at: &str) -> f64 {
    rows.as_array().unwrap().iter().map(|row| number(row.pointer(at).unwrap())).sum()
}

fn counts(rows: &Value) -> i64 {
    rows.as_array().unwrap().iter().map(|row| row["count"].as_i64().unwrap()).sum()
}

fn row<'a>(rows: &'a Value, member: &str, name: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row[member] == name).unwrap_or_else(|| panic!("{name}: {rows}"))
}

#[actix_web::test]
async fn layers_and_classes_add_up_to_the_totals() {
    let (market, id) = market().await;
    let path = format!("/v1/value-models/{id}/pyramid");
    let early = market.admin.get(&path).await.expect(200).body;
    assert_eq!((&early["state"], &early["asOf"]), (&json!("INSUFFICIENT_DATA"), &Value::Null));
    let today = run(&market).await;
    for (path, rows) in [(path.clone(), "layers"), (format!("/v1/value-models/{id}/quadrant"), "classes")] {
        let found = market.admin.get(&path).await.expect(200).body;
        assert_eq!((&found["state"], &found["asOf"]), (&json!("OK"), &json!(today)), "{found}");
        let total = &found["total"];
        assert_eq!((counts(&found[rows]), &total["count"], &total["share"]), (13, &json!(13), &json!(1.0)), "{found}");
        for part in ["revenue", "profit", "clv", "costToServe"] {
            assert_eq!(sum(&found[rows], &format!("/{part}/amount")), number(&total[part]["amount"]), "{path} {part}");
            let profiles = match part {
                "clv" => "clv-estimates?fields=value",
                _ => &format!("value-profiles?fields={part}"),
            };
            let all = market.admin.get(&format!("/v1/{profiles}&limit=100")).await.expect(200);
            let field = if part == "clv" { "value" } else { part };
            let each = all.at("/data").as_array().unwrap().iter().filter(|row| !row[field].is_null());
            let expected: f64 = each.map(|row| number(&row[field])).sum();
            assert!((number(&total[part]["amount"]) - expected).abs() < 1e-6, "{path} {part}: {expected} {total}");
        }
    }
    let pyramid = market.admin.get(&path).await.expect(200).body;
    let layer = |name: &str| row(&pyramid["layers"], "layer", name)["count"].clone();
    assert_eq!(["INACTIVE", "PROSPECT", "SUSPECT"].map(layer), [json!(1), json!(0), json!(1)], "{pyramid}");
    assert_eq!(pyramid["activeCustomers"], 11);
    // A tenth of eleven: the two best, as one and a bit are asked for, or as many as are tied.
    assert!(layer("TOP").as_i64().unwrap() >= 1 && layer("SMALL").as_i64().unwrap() >= 1, "{pyramid}");
    let query = "query($id: UUID!) { valuePyramid(id: $id) { asOf activeCustomers total { count revenue { amount share } } layers { layer count meanScore shareOfActive } } \
                 valueQuadrant(id: $id, limit: 3) { valueCut { value source } points { x name valueClass } } }";
    let same = market.admin.graphql(query, json!({"id": id})).await.expect(200);
    let layers: Vec<Value> = pyramid["layers"].as_array().unwrap().iter().map(|row| {
        json!({"layer": row["layer"], "count": row["count"], "meanScore": row["meanScore"], "shareOfActive": row["shareOfActive"]})
    }).collect();
    assert_eq!(same.at("/data/valuePyramid/layers"), &json!(layers), "{}", same.body);
    assert_eq!(same.at("/data/valuePyramid/total/revenue"), &pyramid["total"]["revenue"]);
    let quadrant = market.admin.get(&format!("/v1/value-models/{id}/quadrant?limit=3")).await.expect(200).body;
    let points = quadrant["points"].as_array().unwrap();
    assert_eq!((points.len(), &points[0]["name"]), (3, &json!("Customer 11")), "{quadrant}");
    assert!(number(&points[0]["x"]) >= number(&points[1]["x"]));
    assert_eq!(quadrant["valueCut"]["source"], "PROFIT_80_PERCENT");
    assert_eq!(same.at("/data/valueQuadrant/valueCut"), &quadrant["valueCut"]);
    assert_eq!(same.at("/data/valueQuadrant/points").as_array().unwrap().len(), 3);
    // The cut is where it says: those at or above it are GOLD or PLATINUM, or are not classified.
    let cut = number(&quadrant["valueCut"]["value"]);
    for point in points {
        let high = ["GOLD", "PLATINUM"].contains(&point["valueClass"].as_str().unwrap());
        assert_eq!(high, number(&point["x"]) >= cut, "{point}");
    }
}

#[actix_web::test]
async fn pictures_stand_by_themselves_in_two_languages() {
    let (market, id) = market().await;
    let name = "</text><script>alert(1)</script>\"&";
    let best = market.account("11", "owner").await["id"].as_str().unwrap().to_owned();
    market.admin.patch(&format!("/v1/accounts/{best}"), json!({"name": name})).await.expect(200);
    run(&market).await;
    let client = market.admin.with("accept", "image/svg+xml");
    for (path, english, chinese) in [("pyramid.svg", "MEDIUM", "中客户"), ("quadrant.svg", "PLATINUM", "白金客户")]
    {
        let path = format!("/v1/value-models/{id}/{path}");
        let found = client.get(&path).await.expect(200);
        assert_eq!(found.header("content-type"), Some("image/svg+xml; charset=utf-8"));
        let drawn = &found.text;
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n") && !drawn.contains("<script"), "{drawn}");
        assert!(drawn.contains("<title id=\"title\">") && drawn.contains("<desc id=\"desc\">"));
        assert!(drawn.contains(english) && drawn.contains(chinese), "{drawn}");
        for tag in ["svg", "g", "text", "title", "desc"] {
            let opened = drawn.matches(&format!("<{tag}>")).count() + drawn.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, drawn.matches(&format!("</{tag}>")).count(), "{tag}");
        }
        // No bare ampersand, and no number that is none.
        assert!(
            drawn
                .split('&')
                .skip(1)
                .all(|rest| ["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|entity| rest.starts_with(entity)))
        );
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        let label = |text: &str, word: &str| text.contains(&format!(">{word}</text>"));
        let one = client.get(&format!("{path}?lang=zh")).await.expect(200).text;
        assert!(label(&one, chinese) && !label(&one, english), "{one}");
        let one = client.get(&format!("{path}?lang=en")).await.expect(200).text;
        assert!(label(&one, english) && !one.contains(chinese), "{one}");
        assert_eq!(market.admin.get(&format!("{path}?lang=fr")).await.expect(422).pointers(), ["/query/lang"]);
        assert_eq!(market.admin.send("POST", &path, None).await.expect(405).header("allow"), Some("GET, HEAD"));
    }
    let drawn = client.get(&format!("/v1/value-models/{id}/quadrant.svg")).await.expect(200).text;
    assert!(drawn.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{drawn}");
}

#[actix_web::test]
async fn rows_of_the_movement_matrix_sum_to_the_old_sizes() {
    let (market, id) = market().await;
    let none = market.admin.get("/v1/reports/value-movements").await.expect(200);
    assert_eq!((none.at("/firstOn"), none.at("/rows/0/size")), (&Value::Null, &json!(0)));
    let then = ago(&market, 150);
    market.run(Some(&then)).await;
    let before = market
        .admin
        .get(&format!("/v1/value-scores?limit=100&filter[asOf]={then}"))
        .await
        .expect(200)
        .at("/data")
        .clone();
    let today = run(&market).await;
    let old = |layer: &str| before.as_array().unwrap().iter().filter(|row| row["layer"] == layer).count();
    let (from, to) = (ago(&market, 100), ago(&market, 0));
    let path = format!("/v1/reports/value-movements?from={from}&to={to}");
    let found = market.admin.get(&path).await.expect(200).body;
    assert_eq!((&found["firstOn"], &found["lastOn"]), (&json!(then), &json!(today)), "{found}");
    for row in found["rows"].as_array().unwrap() {
        assert_eq!(row["size"].as_i64().unwrap(), counts(&row["to"]), "{row}");
        if let Some(layer) = row["place"].as_str() {
            assert_eq!(row["size"].as_u64().unwrap(), u64::try_from(old(layer)).unwrap(), "{layer}");
        }
    }
    // Columns sum to the sizes as they are.
    let pyramid = market.admin.get(&format!("/v1/value-models/{id}/pyramid")).await.expect(200).body;
    for (at, layer) in ["TOP", "LARGE", "MEDIUM", "SMALL", "INACTIVE"].iter().enumerate() {
        let column: i64 =
            found["rows"].as_array().unwrap().iter().map(|row| row["to"][at]["count"].as_i64().unwrap()).sum();
        assert_eq!(row(&pyramid["layers"], "layer", layer)["count"], column, "{layer}");
    }
    let by = market.admin.get(&format!("{path}&by=class")).await.expect(200).body;
    assert_eq!((&by["by"], &by["rows"][0]["place"]), (&json!("class"), &json!("LEAD")));
    let query = "query($from: String, $to: String) { valueMovements(from: $from, to: $to, by: \"class\") { firstOn rows { place size } } }";
    let same = market.admin.graphql(query, json!({"from": from, "to": to})).await.expect(200);
    assert_eq!(same.at("/data/valueMovements/rows/0/size"), &by["rows"][0]["size"], "{}", same.body);
    for (question, pointer) in
        [("by=colour", "/query/by"), ("from=soon", "/query/from"), ("from=2027-01-01&to=2026-01-01", "/query/to")]
    {
        let refused = market.admin.get(&format!("/v1/reports/value-movements?{question}")).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{question}");
    }
}

#[actix_web::test]
async fn concentration_adds_up_for_accounts_and_products() {
    let (market, _) = market().await;
    let product = market.admin.post("/v1/products", json!({"name": "Tea", "sku": "TEA"})).await.expect(201).id();
    let mut order = Market::order("01", 7_000, &ago(&market, 60), "40.00");
    order["lines"][0]["product"] = json!({"id": product});
    market.admin.post("/v1/orders/documents", json!({"atomic": true, "documents": [order]})).await.expect(200);
    run(&market).await;
    for of in ["revenue", "profit", "lifetimeRevenue", "clv"] {
        let found = market.admin.get(&format!("/v1/reports/concentration?of={of}&limit=2")).await.expect(200).body;
        let expected = if of == "revenue" || of == "profit" { 11 } else { 12 };
        assert_eq!((&found["count"], counts(&found["classes"])), (&json!(expected), expected), "{of}: {found}");
        assert!((sum(&found["classes"], "/amount") - number(&found["sum"])).abs() < 1e-6, "{found}");
        let last = found["whaleCurve"].as_array().unwrap().last().unwrap();
        assert_eq!((&last["customers"], &last["amount"]), (&json!(expected), &found["sum"]));
        assert_eq!(found["largest"].as_array().unwrap().len(), 2);
        assert_eq!(found["largest"][0]["cumulative"], found["topCounts"][0]["share"]);
    }
    let products = market.admin.get("/v1/reports/concentration?by=products").await.expect(200).body;
    assert_eq!((&products["largest"][0]["name"], &products["sum"]), (&json!("Tea"), &json!("40")), "{products}");
    let accounts = market.admin.get("/v1/reports/concentration").await.expect(200).body;
    assert!((number(&products["sum"]) + number(&products["unassigned"]) - number(&accounts["sum"])).abs() < 1e-6);
    let query = "query { concentration(of: \"revenue\", limit: 1) { gini topShares { top share } classes { class count amount } largest { name } } }";
    let same = market.admin.graphql(query, json!({})).await.expect(200);
    assert_eq!(same.at("/data/concentration/gini"), &accounts["gini"], "{}", same.body);
    assert_eq!(same.at("/data/concentration/largest/0/name"), "Customer 11");
    for (question, pointer) in [
        ("of=colour", "/query/of"),
        ("by=colour", "/query/by"),
        ("by=products&of=clv", "/query/of"),
        ("limit=101", "/query/limit"),
    ] {
        let refused = market.admin.get(&format!("/v1/reports/concentration?{question}")).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{question}");
    }
}

#[actix_web::test]
async fn equity_is_the_sum_of_all_lifetime_values() {
    let (market, _) = market().await;
    let best = market.account("11", "owner").await["id"].clone();
    let cost = json!({"accountId": best, "kind": "ACQUIRE", "amount": {"amount": "50", "currency": "EUR"}, "incurredOn": "2026-01-02"});
    market.admin.post("/v1/cost-entries", cost).await.expect(201);
    let today = run(&market).await;
    let found = market.admin.get("/v1/reports/customer-equity").await.expect(200).body;
    assert_eq!((&found["customers"], &found["asOf"], &found["currency"]), (&json!(12), &json!(today), &json!("EUR")));
    assert_eq!((&found["horizonMonths"], &found["monthlyDiscount"]), (&json!(12), &json!("1")));
    for rows in ["layers", "classes", "methods"] {
        assert!((sum(&found[rows], "/value") - number(&found["value"])).abs() < 1e-6, "{rows}: {found}");
    }
    let clv = market.account("11", "clv").await["clv"]["value"].clone();
    let acquisition = &found["acquisition"];
    assert_eq!((&acquisition["customers"], &acquisition["cost"]), (&json!(1), &json!("50")), "{found}");
    assert_eq!(number(&acquisition["value"]), number(&clv));
    assert!((number(&acquisition["ratio"]) - number(&clv) / 50.0).abs() <= 0.005, "{found}");
    // Too few came back for a fit, so that there is nothing an interval could be about.
    assert_eq!((&found["purchaseModel"], &found["interval"]), (&Value::Null, &Value::Null));
    let query = "query { customerEquity { value acquisition { ratio } layers { layer value } } }";
    let same = market.admin.graphql(query, json!({})).await.expect(200);
    assert_eq!(same.at("/data/customerEquity/value"), &found["value"], "{}", same.body);
}

#[actix_web::test]
async fn accounts_are_entitled_to_what_their_class_is_given() {
    let (market, _) = market().await;
    let account = market.account("11", "owner").await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/accounts/{account}/entitlements");
    let none = market.admin.get(&path).await.expect(200);
    assert_eq!((none.at("/valueClass"), none.at("/reason")), (&json!("UNCLASSIFIED"), &json!("NOT_VALUED")));
    let today = run(&market).await;
    let found = market.admin.get(&path).await.expect(200).body;
    let class = found["valueClass"].as_str().unwrap();
    assert!(["GOLD", "PLATINUM"].contains(&class), "{found}");
    assert_eq!((&found["reason"], &found["policy"]), (&json!("NO_POLICY"), &Value::Null));
    let policy = json!({"valueClass": class, "strategy": "INVEST", "discountCeiling": "12.50", "careEveryDays": 30, "responseHours": 4});
    market.admin.post("/v1/resource-policies", policy).await.expect(201);
    let found = market.admin.get(&path).await.expect(200).body;
    assert_eq!(
        (&found["reason"], &found["discountCeiling"], &found["policy"]["strategy"]),
        (&Value::Null, &json!("12.5"), &json!("INVEST"))
    );
    assert_eq!((&found["care"]["lastOn"], &found["care"]["dueOn"]), (&Value::Null, &json!(today)), "{found}");
    let ago = |days: i64| market.stage.app.clock.now() - chrono::TimeDelta::days(days);
    for (direction, days) in [("OUTBOUND", 40), ("INBOUND", 3)] {
        let touch = json!({"channel": "PHONE", "direction": direction, "accountId": account, "occurredAt": ago(days), "subjectLine": "Call"});
        market.admin.post("/v1/interactions", touch).await.expect(201);
    }
    let found = market.admin.get(&path).await.expect(200).body;
    assert_eq!(found["care"]["dueOn"], json!(ago(10).date_naive()), "{found}");
    assert_eq!((&found["care"]["isOverdue"], &found["source"]["asOf"]), (&json!(true), &json!(today)));
    let query = "query($id: UUID!) { accountEntitlements(id: $id) { valueClass layer importance discountCeiling care { dueOn isOverdue } } }";
    let same = market.admin.graphql(query, json!({"id": account})).await.expect(200);
    assert_eq!(same.at("/data/accountEntitlements/care/dueOn"), &found["care"]["dueOn"], "{}", same.body);
}

#[actix_web::test]
async fn a_simulation_says_who_would_move_and_stores_nothing() {
    let (market, id) = market().await;
    run(&market).await;
    let before = market.admin.get("/v1/value-profiles?limit=100").await.expect(200).body;
    let draft = json!({"name": "All on top", "windowDays": 3650, "defaultMargin": "100", "pyramid": "THRESHOLDS", "topBorder": "0", "largeBorder": "0", "mediumBorder": "0"});
    let draft = market.admin.post("/v1/value-models", draft).await.expect(201).id();
    let refused = market.admin.get(&format!("/v1/value-models/{draft}/pyramid")).await.expect(409);
    assert!(refused.text.contains("simulation"), "{}", refused.text);
    let path = format!("/v1/value-models/{draft}/simulation");
    let found = market.admin.get(&format!("{path}?movers=5")).await.expect(200).body;
    assert_eq!(
        (&found["accounts"], counts(&row(&found["layers"], "place", "INACTIVE")["to"])),
        (&json!(13), 1),
        "{found}"
    );
    let mut sizes = 0;
    for row in found["layers"].as_array().unwrap() {
        assert_eq!(row["size"].as_i64().unwrap(), counts(&row["to"]), "{row}");
        sizes += row["size"].as_i64().unwrap();
    }
    assert_eq!(sizes, 13);
    // All twelve who ever bought would be on top: the window is ten years.
    let top: i64 = found["layers"].as_array().unwrap().iter().map(|row| row["to"][0]["count"].as_i64().unwrap()).sum();
    assert_eq!(top, 12, "{found}");
    let movers = found["movers"].as_array().unwrap();
    assert_eq!(
        (movers.len(), &movers[0]["name"], &movers[0]["from"]["layer"]),
        (5, &json!("Customer 12"), &json!("INACTIVE"))
    );
    assert_eq!(market.admin.get("/v1/value-profiles?limit=100").await.expect(200).body, before);
    let query = "query($id: UUID!) { valueSimulation(id: $id, movers: 1) { moved movers { name to { layer } } } }";
    let same = market.admin.graphql(query, json!({"id": draft})).await.expect(200);
    assert_eq!(same.at("/data/valueSimulation/moved"), &found["moved"], "{}", same.body);
    assert_eq!(market.admin.get(&format!("{path}?movers=0")).await.expect(422).pointers(), ["/query/movers"]);
    market.admin.get(&format!("/v1/value-models/{id}/simulation")).await.expect(200);
}

#[actix_web::test]
async fn who_sees_part_of_the_customers_sees_that_part() {
    let (market, id) = market().await;
    let grants = "accounts:READ:OWN value-profiles:READ:OWN clv-estimates:READ:OWN value-scores:READ:OWN value-models:READ:ALL \
                  resource-policies:READ:ALL interactions:READ:OWN orders:READ:OWN order-lines:READ:OWN";
    let (user, own) = with_grants(&market.stage, &market.tenant, grants);
    let [mine, other] =
        [market.account("05", "owner").await["id"].clone(), market.account("06", "owner").await["id"].clone()];
    market.admin.patch(&format!("/v1/accounts/{}", mine.as_str().unwrap()), json!({"ownerId": user})).await.expect(200);
    run(&market).await;
    let model = |path: &str| format!("/v1/value-models/{id}/{path}");
    let seen = own.get(&model("pyramid")).await.expect(200);
    assert_eq!(
        (seen.at("/total/count"), seen.at("/total/revenue/amount")),
        (&json!(1), &json!("1252.5")),
        "{}",
        seen.body
    );
    let seen = own.get(&model("quadrant")).await.expect(200);
    assert!(seen.at("/points").as_array().unwrap().iter().all(|point| point["accountId"] == mine), "{}", seen.body);
    assert!(!own.get(&model("quadrant.svg")).await.expect(200).text.contains("Customer 06"));
    let moved = own.get("/v1/reports/value-movements").await.expect(200);
    let sizes: i64 = moved.at("/rows").as_array().unwrap().iter().map(|row| row["size"].as_i64().unwrap()).sum();
    assert_eq!(sizes, 1, "{}", moved.body);
    own.get(&format!("/v1/accounts/{}/entitlements", mine.as_str().unwrap())).await.expect(200);
    own.get(&format!("/v1/accounts/{}/entitlements", other.as_str().unwrap())).await.expect(404);
    // What rests on all customers is for those who may see all of them.
    for path in [
        "/v1/reports/concentration",
        "/v1/reports/concentration?by=products",
        "/v1/reports/customer-equity",
        &model("simulation"),
    ] {
        assert_eq!(own.get(path).await.expect(403).code(), "FORBIDDEN", "{path}");
    }
    let neighbour = market.stage.admin(&market.stage.tenant());
    for path in ["pyramid", "pyramid.svg", "quadrant", "quadrant.svg", "simulation"].map(model) {
        neighbour.get(&path).await.expect(404);
        market.stage.anonymous().get(&path).await.expect(401);
        assert_eq!(market.admin.get(&format!("{path}?colour=x")).await.expect(422).pointers(), ["/query/colour"]);
    }
    neighbour.get(&format!("/v1/accounts/{}/entitlements", mine.as_str().unwrap())).await.expect(404);
    assert_eq!(neighbour.get("/v1/reports/customer-equity").await.expect(200).at("/customers"), 0);
    assert_eq!(neighbour.get("/v1/reports/concentration").await.expect(200).at("/gini"), &Value::Null);
    let moved = neighbour.get("/v1/reports/value-movements").await.expect(200);
    assert_eq!(moved.at("/firstOn"), &Value::Null);
    let query = "query($id: UUID!) { valuePyramid(id: $id) { currency } }";
    let foreign = neighbour.graphql(query, json!({"id": id})).await.expect(200);
    assert_eq!(foreign.at("/errors/0/extensions/code"), "NOT_FOUND", "{}", foreign.body);
    assert_eq!(
        market.admin.get(&format!("{}?limit=2001", model("quadrant"))).await.expect(422).pointers(),
        ["/query/limit"]
    );
}
