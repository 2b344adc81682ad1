//! A gift wholesaler's year (UCI Online Retail, the part of it that is shared for tests): nobody is seen leaving, so that the
//! purchase model ends at its boundary and has to say so. And the order that every analysis of it trips over: 77,183.60 that
//! was cancelled minutes later.

use super::{Market, number};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Amount of each invoice of a known customer, of its valid lines; none where the data set is not there.
fn invoices() -> Option<Vec<(String, String, String, f64)>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/online-retail-slice/transactions.csv.gz");
    let file = std::fs::File::open(path).ok()?;
    let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
    let mut all: BTreeMap<(String, String, String), f64> = BTreeMap::new();
    for row in reader.deserialize::<BTreeMap<String, String>>() {
        let row = row.unwrap();
        let (quantity, price): (f64, f64) = (row["Quantity"].parse().unwrap(), row["UnitPrice"].parse().unwrap());
        let valid =
            !row["CustomerID"].is_empty() && !row["InvoiceNo"].starts_with('C') && quantity > 0.0 && price > 0.0;
        if valid {
            let key = (row["CustomerID"].clone(), row["InvoiceNo"].clone(), row["InvoiceDate"][..10].to_owned());
            *all.entry(key).or_default() += quantity * price;
        }
    }
    Some(all.into_iter().map(|((customer, invoice, day), amount)| (customer, invoice, day, amount)).collect())
}

fn near(what: &str, found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{what}: {found} instead of {expected}");
}

#[actix_web::test]
async fn where_nobody_leaves_the_model_says_so() {
    let Some(invoices) = invoices() else { return eprintln!("skipped: the data set is not there") };
    let mut market = Market::on("2011-06-09");
    let keys: BTreeSet<String> = invoices.iter().map(|(customer, ..)| customer.clone()).collect();
    market.accounts(&keys.into_iter().collect::<Vec<_>>()).await;
    let order = |(at, (customer, _, day, amount)): (usize, &(String, String, String, f64))| {
        Market::order(customer, at, day, &format!("{amount:.2}"))
    };
    market.orders(&invoices.iter().enumerate().map(order).collect::<Vec<_>>()).await;
    market.publish(json!({})).await;
    market.run(None).await;

    let model = market.admin.get("/v1/purchase-models").await.expect(200).at("/data/0").clone();
    assert_eq!((&model["kind"], &model["customers"], &model["repeaters"]), (&json!("NBD"), &json!(570), &json!(298)));
    assert_eq!(model["findings"][0]["code"], "NOBODY_LEAVES", "{model}");
    near("r", model["parameters"]["r"].as_f64().unwrap(), 0.85877, 0.005);
    near("alpha", model["parameters"]["alpha"].as_f64().unwrap(), 9.74621, 0.005);
    assert!(number(&model["logLikelihood"]) > -2759.968, "{model}");
    for (name, expected) in [("p", 3.4922), ("q", 2.9081), ("gamma", 242.8651)] {
        near(name, model["spendParameters"][name].as_f64().unwrap(), expected, 0.005);
    }
    let mut total = 0.0;
    for clv in super::every(&market, "clv-estimates").await.iter().filter(|clv| clv["method"] == "PROBABILISTIC") {
        assert_eq!((&clv["probabilityAlive"], &clv["factors"]["alive"]), (&Value::Null, &json!("NOT_IDENTIFIED")));
        total += number(&clv["value"]);
    }
    near("total", total, 1_374_110.99, 0.005);
    for (id, value) in [("17841", 16_778.304), ("14646", 169_093.73), ("12365", 741.52), ("12415", 71_200.27)] {
        let clv = market.account(id, "clv").await["clv"].clone();
        near(id, number(&clv["value"]), value, 0.005);
    }

    market.go_to("2011-12-10");
    market.run(None).await;
    let profiles = super::every(&market, "value-profiles").await;
    let count = |field: &str, of: Value| profiles.iter().filter(|profile| profile[field] == of).count();
    let scores = |field| [1, 2, 3, 4, 5].map(|score| count(field, json!(score)));
    assert_eq!(scores("rfmRecency"), [176, 184, 170, 180, 168]);
    assert_eq!(scores("rfmFrequency"), [304, 177, 110, 120, 167]);
    assert_eq!(scores("rfmMonetary"), [176, 176, 175, 176, 175]);
    assert_eq!(["A", "B", "C", "N"].map(|class| count("abc", json!(class))), [182, 300, 396, 0]);
}

#[actix_web::test]
async fn a_giant_order_that_was_cancelled_makes_nobody_great() {
    let market = Market::on("2011-12-10");
    let keys: Vec<String> = ["12346".to_owned()].into_iter().chain((0..40).map(|at| format!("c{at}"))).collect();
    market.accounts(&keys).await;
    let mut orders: Vec<Value> =
        (0..40_usize).map(|at| Market::order(&format!("c{at}"), at, "2011-11-01", &format!("{}", 100 + at))).collect();
    let mut giant = Market::order("12346", 99, "2011-01-18", "77183.60");
    giant["refunds"] = json!([{"externalId": "C541433", "net": {"amount": "77183.60", "currency": "EUR"}, "refundedAt": "2011-01-18T12:16:00Z"}]);
    orders.push(giant);
    market.orders(&orders).await;
    market.publish(json!({"defaultMargin": "30"})).await;
    market.run(None).await;
    let account = market.account("12346", "valueProfile,clv,lifecycle").await;
    let profile = &account["valueProfile"];
    assert_eq!((&profile["occasions"], number(&profile["revenue"]), number(&profile["profit"])), (&json!(0), 0.0, 0.0));
    assert_eq!(
        (&profile["layer"], &profile["rfmMonetary"], &profile["abc"]),
        (&json!("SUSPECT"), &Value::Null, &Value::Null)
    );
    assert_eq!((&profile["state"], &account["clv"]["state"]), (&json!("NOT_APPLICABLE"), &json!("NOT_APPLICABLE")));
}
