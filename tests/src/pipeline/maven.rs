//! A real sales history, loaded through the batch verbs, gives the figures that are published of it. The data set may
//! not be shipped (see its README); where it is absent, the test says so.

use super::Road;
use kith_testkit::Stage;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The rows of a file by column name.
fn rows(name: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/maven-crm")).join(name);
    let mut reader = csv::Reader::from_path(path).ok()?;
    Some(reader.deserialize().map(|row| row.unwrap()).collect())
}

/// Everything of one resource in batches, all or nothing; ids by the key in the other system.
async fn load(road: &Road, resource: &str, records: Vec<(String, Value)>) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for part in records.chunks(500) {
        let item = |(key, data): &(String, Value)| json!({"op": "upsert", "externalId": {"system": "maven", "externalId": key}, "data": data});
        let items: Vec<_> = part.iter().map(item).collect();
        let done = road
            .admin
            .post(&format!("/v1/{resource}/batch"), json!({"atomic": true, "items": items}))
            .await
            .expect(200);
        for ((key, _), result) in part.iter().zip(done.at("/results").as_array().unwrap()) {
            ids.insert(key.clone(), result["data"]["id"].as_str().unwrap().to_owned());
        }
    }
    ids
}

/// What of the data is not as it should be, by kind.
#[derive(Debug, Default, PartialEq)]
struct Dirt {
    unknown_products: usize,
    without_account: usize,
    without_beginning: usize,
    sectors: BTreeSet<String>,
}

async fn metric(road: &Road, question: &str) -> Value {
    road.admin.get(&format!("/v1/metrics/{question}")).await.expect(200).body
}

#[actix_web::test]
async fn the_maven_sales_history_gives_its_published_figures() {
    let (Some(sales), Some(accounts), Some(agents), Some(products)) =
        (rows("sales_pipeline.csv"), rows("accounts.csv"), rows("sales_teams.csv"), rows("products.csv"))
    else {
        println!("skipped: there is no ../shared/data/maven-crm");
        return;
    };
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let pipeline = admin.post("/v1/pipelines", json!({"name": "B2B", "isDefault": true})).await.expect(201).id();
    let mut road = Road { stage, tenant, admin, id: pipeline.clone(), stages: Vec::new() };
    let steps = [("Prospecting", "OPEN", 10), ("Engaging", "OPEN", 50), ("Won", "WON", 100), ("Lost", "LOST", 0)];
    let steps = steps.iter().enumerate().map(|(at, (name, kind, probability))| {
        let stage =
            json!({"pipelineId": pipeline, "name": name, "kind": kind, "position": at + 1, "probability": probability});
        ((*name).to_owned(), stage)
    });
    let steps = load(&road, "stages", steps.collect()).await;
    road.stages = steps.values().cloned().collect();

    let mut dirt = Dirt::default();
    let teams: BTreeSet<_> = agents.iter().map(|agent| agent["manager"].clone()).collect();
    let teams = load(
        &road,
        "teams",
        teams.into_iter().map(|manager| (manager.clone(), json!({"name": format!("Team of {manager}")}))).collect(),
    )
    .await;
    let email = |name: &str| format!("{}@maven.example", name.to_lowercase().replace(' ', "."));
    let user = |agent: &BTreeMap<String, String>| {
        let name = &agent["sales_agent"];
        (name.clone(), json!({"name": name, "email": email(name)}))
    };
    let users = load(&road, "users", agents.iter().map(user).collect()).await;
    let membership = |agent: &BTreeMap<String, String>| {
        let body = json!({"userId": users[&agent["sales_agent"]], "teamId": teams[&agent["manager"]]});
        (agent["sales_agent"].clone(), body)
    };
    load(&road, "memberships", agents.iter().map(membership).collect()).await;
    let team_of: BTreeMap<_, _> =
        agents.iter().map(|agent| (&agent["sales_agent"], &teams[&agent["manager"]])).collect();
    let dollars = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let product = |row: &BTreeMap<String, String>| {
        let name = &row["product"];
        (name.clone(), json!({"sku": name, "name": name, "listPrice": dollars(&row["sales_price"])}))
    };
    let products = load(&road, "products", products.iter().map(product).collect()).await;
    let account = |row: &BTreeMap<String, String>| {
        let sector = if row["sector"] == "technolgy" {
            dirt.sectors.insert(row["sector"].clone());
            "technology"
        } else {
            &row["sector"]
        };
        (row["account"].clone(), json!({"name": row["account"], "industry": sector}))
    };
    let accounts = load(&road, "accounts", accounts.iter().map(account).collect()).await;

    let opportunity = |row: &BTreeMap<String, String>| {
        let known = products.contains_key(&row["product"]);
        dirt.unknown_products += usize::from(!known);
        dirt.without_account += usize::from(row["account"].is_empty());
        dirt.without_beginning += usize::from(row["engage_date"].is_empty());
        let product = if known { row["product"].as_str() } else { "GTX Pro" };
        assert!(products.contains_key(product), "{product}");
        let agent = &row["sales_agent"];
        let mut body = json!({"name": product, "stageId": steps[&row["deal_stage"]], "ownerId": users[agent], "teamId": team_of[agent]});
        let mut set = |name: &str, value: Value| drop(body.as_object_mut().unwrap().insert(name.into(), value));
        for (name, column) in [("openedAt", "engage_date"), ("closedAt", "close_date")] {
            if !row[column].is_empty() {
                set(name, json!(format!("{}T00:00:00Z", row[column])));
            }
        }
        if let Some(account) = accounts.get(&row["account"]) {
            set("accountId", json!(account));
        }
        if !row["close_value"].is_empty() {
            set("amount", dollars(&row["close_value"]));
        }
        (row["opportunity_id"].clone(), body)
    };
    let opportunities = load(&road, "opportunities", sales.iter().map(opportunity).collect()).await;
    assert_eq!(opportunities.len(), 8_800);
    let expected = Dirt {
        unknown_products: 1_480,
        without_account: 1_425,
        without_beginning: 500,
        sectors: BTreeSet::from(["technolgy".to_owned()]),
    };
    assert_eq!(dirt, expected);

    assert_eq!(metric(&road, "won").await["total"], json!({"value": "4238", "count": 4238}));
    assert_eq!(metric(&road, "lost").await["total"], json!({"value": "2473", "count": 2473}));
    assert_eq!(metric(&road, "win-rate").await["total"], json!({"value": "63.1501", "count": 6711}));
    let won = metric(&road, "won-value").await;
    assert_eq!((&won["total"], &won["currency"]), (&json!({"value": "10005534", "count": 4238}), &json!("USD")));

    // The same by hand from the file: by agent, by month, over GraphQL, and how long it took.
    let mut by_agent: BTreeMap<&str, i64> = BTreeMap::new();
    let (mut march, mut days, mut number) = (0, 0, 0);
    for row in sales.iter().filter(|row| row["deal_stage"] == "Won") {
        *by_agent.entry(&row["sales_agent"]).or_default() += row["close_value"].parse::<i64>().unwrap();
        march += i64::from(row["close_date"].starts_with("2017-03"));
        let [from, to] = ["engage_date", "close_date"].map(|column| row[column].parse::<chrono::NaiveDate>().unwrap());
        days += (to - from).num_days();
        number += 1;
    }
    let found = metric(&road, "won-value?groupBy=owner").await;
    let found: BTreeMap<_, _> = found["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["group"]["owner"]["label"].as_str().unwrap().to_owned(), row["value"].clone()))
        .collect();
    assert_eq!(found, by_agent.iter().map(|(agent, sum)| ((*agent).to_owned(), json!(sum.to_string()))).collect());
    let one = metric(&road, "won?from=2017-03-01&to=2017-03-31").await;
    assert_eq!(one["total"]["count"], json!(march));
    let months = metric(&road, "won?groupBy=month").await;
    assert!(months["rows"].as_array().unwrap().contains(
        &json!({"group": {"month": {"key": "2017-03", "label": "2017-03"}}, "value": march.to_string(), "count": march})
    ));
    let length = metric(&road, "cycle-length").await["total"]["value"].as_str().unwrap().parse::<f64>().unwrap();
    let mean = f64::from(i32::try_from(days).unwrap()) / f64::from(number);
    assert!((length - mean).abs() < 0.0001, "{length} {mean}");
    let query =
        "query($f: JSON) { metric(name: \"win-rate\", filter: $f, groupBy: [\"team\"]) { value count unit rows } }";
    let filter: Map<_, _> = Map::from_iter([("account".to_owned(), json!({"name": {"eq": "Cancity"}}))]);
    let over_graphql = road.admin.graphql(query, json!({"f": filter})).await.expect(200);
    let over_rest = metric(&road, "win-rate?groupBy=team&filter%5Baccount%5D%5Bname%5D=Cancity").await;
    assert_eq!(over_graphql.at("/data/metric/rows"), &over_rest["rows"]);
    assert_eq!(over_graphql.at("/data/metric/value"), &over_rest["total"]["value"]);
    assert_eq!(over_graphql.at("/data/metric/unit"), "PERCENT");
}
