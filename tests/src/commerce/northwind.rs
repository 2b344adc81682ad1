//! Northwind's orders through the documents verb: 830 orders whose sums everybody knows.

use super::Shop;
use kith_testkit::Stage;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

type Record = HashMap<String, String>;

fn rows(name: &str) -> Vec<Record> {
    let path = format!("{}/../data/northwind/csv/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    csv::Reader::from_path(path).unwrap().deserialize().collect::<Result<_, _>>().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Prices were kept as four-byte floats: 9.80000019 is 9.80.
fn cents(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn dollars(amount: Decimal) -> Value {
    json!({"amount": amount.to_string(), "currency": "USD"})
}

/// The documents, and gross and net of each customer, each line rounded to cents.
fn documents() -> (Vec<Value>, BTreeMap<String, (Decimal, Decimal)>) {
    let mut lines: HashMap<String, Vec<Value>> = HashMap::new();
    let mut sums: HashMap<String, (Decimal, Decimal)> = HashMap::new();
    for row in rows("order_details") {
        let (price, quantity) = (cents(decimal(&row["unit_price"])), decimal(&row["quantity"]));
        let percent = cents(decimal(&row["discount"]) * Decimal::ONE_HUNDRED);
        let gross = price * quantity;
        let (sum, net) = sums.entry(row["order_id"].clone()).or_default();
        *sum += gross;
        *net += gross - cents(gross * percent / Decimal::ONE_HUNDRED);
        lines.entry(row["order_id"].clone()).or_default().push(json!({
            "externalId": row["product_id"], "product": {"sku": row["product_id"]}, "quantity": row["quantity"],
            "unitPrice": dollars(price), "discountPercent": percent.to_string()
        }));
    }
    let mut customers: BTreeMap<String, (Decimal, Decimal)> = BTreeMap::new();
    let document = |row: Record| {
        let id = row["order_id"].clone();
        let customer = customers.entry(row["customer_id"].clone()).or_default();
        *customer = (customer.0 + sums[&id].0, customer.1 + sums[&id].1);
        json!({
            "system": "northwind", "externalId": id, "number": id, "account": {"externalId": row["customer_id"]}, "currency": "USD",
            "orderedAt": format!("{}T12:00:00Z", row["order_date"]), "status": if row["shipped_date"].is_empty() { "CONFIRMED" } else { "FULFILLED" },
            "statedGross": dollars(sums[&id].1), "lines": lines[&id]
        })
    };
    let documents = rows("orders").into_iter().map(document).collect();
    (documents, customers)
}

#[actix_web::test]
async fn the_totals_of_northwind_come_out() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    admin.patch(&format!("/v1/tenants/{}", tenant.id), json!({"reportingCurrency": "USD"})).await.expect(200);
    let shop = Shop { stage, tenant, admin, accounts: Vec::new(), products: Vec::new() };
    let mut names = HashMap::new();
    for row in rows("customers") {
        let path = format!("/v1/accounts/external/northwind/{}", row["customer_id"]);
        let id = shop.admin.put(&path, json!({"name": row["company_name"]})).await.expect(201).id();
        names.insert(id, row["customer_id"].clone());
    }
    for row in rows("products") {
        shop.admin
            .post("/v1/products", json!({"sku": row["product_id"], "name": row["product_name"]}))
            .await
            .expect(201);
    }
    let (documents, customers) = documents();
    assert_eq!(documents.len(), 830);
    for round in ["CREATED", "UNCHANGED"] {
        for some in documents.chunks(450) {
            let sent = shop.admin.post("/v1/orders/documents", json!({"documents": some})).await.expect(207);
            let results = sent.at("/results").as_array().unwrap();
            assert!(results.iter().all(|result| result["status"] == round), "{}", sent.body);
        }
    }
    let days = shop.days();
    assert_eq!(days.iter().map(|day| day.orders).sum::<i32>(), 830);
    assert_eq!(days.iter().map(|day| day.lines).sum::<i32>(), 2155);
    let of = |at: usize| days.iter().map(|day| decimal(&day.sums[at])).sum::<Decimal>();
    // Published are 1,354,458.59 before discounts and 1,265,793.04 after them, rounded once at the end. Kith rounds the discount of
    // each line to cents, so that what is printed adds up. On 53 lines it is exactly half a cent, which goes to the customer:
    // that is 26.5 of the 28 cents by which the sum is less, and the one or two of the best customers.
    assert_eq!(of(0) + of(3), decimal("1354458.59"), "before discounts");
    let all = customers.values().fold((Decimal::ZERO, Decimal::ZERO), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert_eq!((of(0) + of(3), of(0)), all);
    assert_eq!(of(0), decimal("1265792.76"), "after discounts");
    let mut best: HashMap<&str, Decimal> = HashMap::new();
    for day in &days {
        *best.entry(&names[&day.account]).or_default() += decimal(&day.sums[0]);
    }
    let mut best: Vec<_> = best.into_iter().map(|(name, net)| (net, name)).collect();
    best.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(best.len(), 89);
    let expected = [("110277.29", "QUICK"), ("104874.97", "ERNSH"), ("104361.94", "SAVEA")];
    assert_eq!(best[..3], expected.map(|(net, name)| (decimal(net), name)));
    assert_eq!(shop.days(), shop.rebuilt());
}

#[actix_web::test]
async fn the_demonstration_has_them_too() {
    let stage = Stage::new();
    let made = kith_server::seed::run(&stage.app.db).unwrap();
    assert!(made.records > 2_000, "{made}");
    assert_eq!(kith_server::seed::run(&stage.app.db).unwrap().records, 0, "once");
    let login = json!({"tenant": kith_server::seed::TENANT, "email": kith_server::seed::EMAIL, "password": kith_server::seed::PASSWORD});
    let token = stage.anonymous().post("/v1/auth/login", login).await.expect(200);
    let token = token.at("/accessToken").as_str().unwrap().to_owned();
    let admin = kith_testkit::Client::new(stage.app.clone(), Some(token));
    for (resource, count) in [("orders", 830), ("order-lines", 2155), ("shipments", 830)] {
        let found = admin.get(&format!("/v1/{resource}?count=exact&limit=1")).await.expect(200);
        assert_eq!(found.at("/page/total"), count, "{resource}");
    }
    let revenue = admin.get("/v1/metrics/revenue").await.expect(200);
    assert_eq!(revenue.at("/total/value"), "1265792.76");
    let last = admin.get("/v1/orders?sort=-orderedAt&limit=1").await.expect(200);
    let last: chrono::DateTime<chrono::Utc> = last.at("/data/0/orderedAt").as_str().unwrap().parse().unwrap();
    assert!((0..8).contains(&(stage.now() - last).num_days()), "{last}");
}
