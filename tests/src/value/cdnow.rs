//! The CDNOW sample through the product's own verbs gives the published values: BG/NBD, Gamma-Gamma and lifetime values as
//! of the end of its calibration, RFM and ABC as of its end. Kith counts an order only if something was paid for it, so the
//! eight customers whose one order was free are given a cent.

use super::{Market, number};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn transactions() -> Vec<(String, String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/cdnow/transactions.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let amount = if row[4].parse::<f64>().unwrap() == 0.0 { "0.01" } else { &row[4] };
        (row[0].to_owned(), row[2].to_owned(), amount.to_owned())
    });
    rows.collect()
}

async fn cdnow() -> Market {
    let market = Market::on("1997-09-30");
    let rows = transactions();
    let keys: BTreeSet<String> = rows.iter().map(|(customer, ..)| customer.clone()).collect();
    market.accounts(&keys.into_iter().collect::<Vec<_>>()).await;
    let order =
        |(at, (customer, day, amount)): (usize, &(String, String, String))| Market::order(customer, at, day, amount);
    market.orders(&rows.iter().enumerate().map(order).collect::<Vec<_>>()).await;
    market
}

fn near(what: &str, found: f64, expected: f64, relative: f64, absolute: f64) {
    let off = (found - expected).abs();
    assert!(off <= relative * expected.abs() || off <= absolute, "{what}: {found} instead of {expected}");
}

/// id, P(alive), P(buy in 30 d), E[spend], CLV of 12 months.
#[expect(clippy::approx_constant, reason = "a published value, which is no constant of mathematics")]
const CUSTOMERS: &[(&str, f64, f64, f64, f64)] = &[
    ("0001", 0.7266, 0.1387, 24.6539, 36.2740),
    ("0002", 0.2124, 0.0235, 18.9100, 4.6409),
    ("0003", 1.0000, 0.0226, 35.1704, 8.3445),
    ("0006", 0.6418, 0.3180, 71.4647, 283.5581),
    ("0009", 0.7849, 0.1498, 27.2819, 43.3587),
    ("1516", 0.9689, 0.9205, 39.8903, 972.0453),
    ("0157", 0.9692, 0.9112, 26.3943, 625.4292),
    ("1981", 0.9489, 0.8315, 47.9017, 793.5165),
    ("2357", 1.0000, 0.0305, 35.1704, 11.0170),
];

#[actix_web::test]
async fn published_values_are_reproduced() {
    let mut market = cdnow().await;
    market.publish(json!({})).await;
    let run = market.run(None).await;
    assert_eq!(run["accounts"], 2357);

    let model = market.admin.get("/v1/purchase-models").await.expect(200).at("/data/0").clone();
    assert_eq!(
        (&model["kind"], &model["customers"], &model["repeaters"]),
        (&json!("BG/NBD"), &json!(2357), &json!(946))
    );
    for (name, expected) in [("r", 0.24259), ("alpha", 4.4136), ("a", 0.79292), ("b", 2.42591)] {
        near(name, model["parameters"][name].as_f64().unwrap(), expected, 0.005, 0.0);
    }
    for (name, expected) in [("p", 6.2496), ("q", 3.7442), ("gamma", 15.4435)] {
        near(name, model["spendParameters"][name].as_f64().unwrap(), expected, 0.005, 0.0);
    }
    assert!(number(&model["logLikelihood"]) > -9582.44);

    for (id, alive, buys, spend, value) in CUSTOMERS {
        let clv = market.account(id, "clv").await["clv"].clone();
        assert_eq!((&clv["method"], &clv["horizonMonths"]), (&json!("PROBABILISTIC"), &json!(12)));
        near(id, number(&clv["probabilityAlive"]), *alive, 0.0, 0.002);
        near(id, number(&clv["probabilityBuy30"]), *buys, 0.0, 0.002);
        near(id, number(&clv["expectedSpend"]), *spend, 0.005, 0.0);
        near(id, number(&clv["value"]), *value, 0.005, 0.0);
    }
    near("total", all(&market, "clv-estimates", "value").await.iter().map(number).sum(), 71_507.95, 0.005, 0.0);
    foretold(&mut market, &model).await;
    rfm_and_abc(&mut market).await;
}

/// What the model says of itself, and how far what came in the three weeks after it was off.
async fn foretold(market: &mut Market, model: &Value) {
    let holdout = &model["validation"]["holdout"];
    assert_eq!(
        (&holdout["from"], &holdout["to"], &holdout["weeks"]),
        (&json!("1997-07-08"), &json!("1997-09-29"), &json!(12))
    );
    let off = |of: &Value| of["error"].as_f64().unwrap().abs();
    assert!(off(holdout) < off(&holdout["naive"]), "{holdout}");
    assert_eq!(holdout["deciles"].as_array().unwrap().len(), 10);
    // The day of the next purchase lies within its interval, and stands where half of such customers have bought.
    for (id, ..) in CUSTOMERS {
        let clv = market.account(id, "clv").await["clv"].clone();
        let day = |name: &str| clv[name].as_str().map(str::to_owned);
        let (from, on, to) = (day("nextPurchaseFrom"), day("nextPurchaseOn"), day("nextPurchaseTo"));
        assert!(on.is_none() || (from <= on && (to.is_none() || on <= to)), "{clv}");
    }
    market.go_to("1997-10-21");
    let run = market.run(None).await;
    let errors = &run["summary"]["nextPurchase"];
    let days = |name: &str| errors[name].as_f64().unwrap();
    assert!(
        errors["customers"].as_u64().unwrap() >= 30 && days("rhythmErrorDays") > 0.0 && days("modelErrorDays") > 0.0,
        "{run}"
    );
    assert!(number(&run["trackingError"]).abs() < 0.15, "{run}");
    assert_eq!(run["purchaseModelId"], model["id"]);
}

/// A field of every record.
async fn all(market: &Market, resource: &str, field: &str) -> Vec<Value> {
    super::every(market, resource).await.iter().map(|row| row[field].clone()).collect()
}

async fn rfm_and_abc(market: &mut Market) {
    market.go_to("1998-06-30");
    market.run(None).await;
    let count = |values: &[Value], of: &Value| values.iter().filter(|value| *value == of).count();
    let expected = [
        ("rfmRecency", [482, 471, 463, 470, 471]),
        ("rfmFrequency", [1218, 0, 403, 358, 378]),
        // The eight free orders are worth a cent, and still among the lowest fifth.
        ("rfmMonetary", [481, 462, 472, 471, 471]),
    ];
    for (field, counts) in expected {
        let values = all(market, "value-profiles", field).await;
        assert_eq!([1, 2, 3, 4, 5].map(|score| count(&values, &json!(score))), counts, "{field}");
    }
    let classes = all(market, "value-profiles", "abc").await;
    assert_eq!(["A", "B", "C", "N"].map(|class| count(&classes, &json!(class))), [777, 801, 771 + 8, 0]);
    for (id, scores) in
        [("0001", [4, 4, 4]), ("0002", [1, 3, 4]), ("0003", [1, 1, 1]), ("0006", [5, 5, 5]), ("0009", [5, 5, 4])]
    {
        let profile = market.account(id, "valueProfile").await["valueProfile"].clone();
        let found = ["rfmRecency", "rfmFrequency", "rfmMonetary"].map(|field| profile[field].as_i64().unwrap());
        assert_eq!(found, scores, "{id}: {profile}");
    }
    concentration(market).await;
}

async fn concentration(market: &Market) {
    for of in ["revenue", "lifetimeRevenue"] {
        let found = market.admin.get(&format!("/v1/reports/concentration?of={of}")).await.expect(200).body;
        near("Gini", found["gini"].as_f64().unwrap(), 0.63092, 0.0, 0.00002);
        near("top 20 %", found["topShares"][2]["share"].as_f64().unwrap(), 0.6745, 0.0, 0.00005);
        near("sum", number(&found["sum"]), 244_091.94 + 0.08, 0.0, 0.005);
        let counts = found["classes"].as_array().unwrap().iter().map(|class| class["count"].as_i64().unwrap());
        assert_eq!(counts.collect::<Vec<_>>(), [777, 801, 771 + 8, 0]);
        let curve = found["whaleCurve"].as_array().unwrap();
        assert_eq!((&curve[19]["share"], curve.last().unwrap()["ofTotal"].as_f64()), (&json!(0.20025), Some(1.0)));
    }
    let equity = market.admin.get("/v1/reports/customer-equity").await.expect(200).body;
    let sum: f64 = all(market, "clv-estimates", "value").await.iter().map(number).sum();
    near("equity", number(&equity["value"]), sum, 1e-9, 0.0);
    let [low, high] = ["low", "high"].map(|name| number(&equity["interval"][name]));
    assert!(low < sum && sum < high, "{equity}");
}
