//! Large industries have purchase models of their own: the customers of CDNOW, dealt into industries of several sizes.

use super::cdnow::transactions;
use super::{Market, every, number};
use chrono::NaiveDate;
use kith_statistics::{FitOptions, Histories, History, fit};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LAST: &str = "1997-09-30";

/// The industry of a customer by his place among all.
fn industry(place: usize) -> Option<&'static str> {
    match place {
        0..1_400 => Some("Music"),
        1_400..2_000 => Some("Films"),
        2_000..2_300 => Some("Games"),
        _ => None,
    }
}

/// The days on which each customer bought, by his key.
fn customers() -> BTreeMap<String, Vec<i32>> {
    let mut customers: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for (key, day, _) in transactions() {
        let day: NaiveDate = day.parse().unwrap();
        let days = customers.entry(key).or_default();
        if day <= LAST.parse().unwrap() {
            days.push(i32::try_from((day - NaiveDate::default()).num_days()).unwrap());
        }
    }
    customers
}

async fn market(customers: &BTreeMap<String, Vec<i32>>) -> Market {
    let market = Market::on(LAST);
    let accounts: Vec<_> = customers.keys().enumerate().collect();
    for some in accounts.chunks(1_000) {
        let item = |(place, key): &(usize, &String)| json!({"op": "upsert", "externalId": {"system": "shop", "externalId": key}, "data": {"name": key, "industry": industry(*place)}});
        let items: Vec<_> = some.iter().map(item).collect();
        market.admin.post("/v1/accounts/batch", json!({"atomic": true, "items": items})).await.expect(200);
    }
    let rows = transactions();
    let order = |(at, (key, day, amount)): (usize, &(String, String, String))| Market::order(key, at, day, amount);
    market.orders(&rows.iter().enumerate().map(order).collect::<Vec<_>>()).await;
    market
}

#[actix_web::test]
async fn large_industries_are_fitted_by_themselves() {
    let customers = customers();
    let mut market = market(&customers).await;
    market.publish(json!({})).await;
    market.run(None).await;
    let models = every(&market, "purchase-models").await;
    let of = |name: Option<&str>| models.iter().find(|model| model["industry"].as_str() == name).unwrap();
    assert_eq!(models.len(), 3, "Games are too few");
    let all = of(None);
    assert_eq!((&all["customers"], &all["partOfId"]), (&json!(2_357), &Value::Null));
    let last: NaiveDate = LAST.parse().unwrap();
    let last = i32::try_from((last - NaiveDate::default()).num_days()).unwrap();
    for name in ["Music", "Films"] {
        let model = of(Some(name));
        assert_eq!(model["partOfId"], all["id"]);
        let theirs = customers.values().enumerate().filter(|(place, _)| industry(*place) == Some(name));
        let histories = theirs.filter_map(|(_, days)| Some((History::from_days(days, last)?, 1)));
        let expected = fit(&Histories::counted(histories).unwrap(), &FitOptions::default()).unwrap();
        assert_eq!(
            (&model["customers"], &model["repeaters"]),
            (&json!(expected.customers), &json!(expected.repeaters))
        );
        for (parameter, value) in expected.model.parameters() {
            let found = model["parameters"][parameter].as_f64().unwrap();
            assert!((found / value - 1.0).abs() < 1e-9, "{name} {parameter}: {found} instead of {value}");
        }
    }
    // Each customer is judged by the model that suits him.
    for (place, name) in [(0, Some("Music")), (1_999, Some("Films")), (2_000, None), (2_356, None)] {
        let key = customers.keys().nth(place).unwrap();
        let found = market.account(key, "clv").await["clv"].clone();
        assert_eq!(found["purchaseModelId"], of(name)["id"], "{found}");
    }
    // What changes between two runs is judged by the same models, and none is fitted anew on the next day.
    let (films, games) = (customers.keys().nth(1_999).unwrap(), customers.keys().nth(2_000).unwrap());
    let touched = market.account(films, "clv").await;
    let path = format!("/v1/accounts/{}", touched["id"].as_str().unwrap());
    market
        .admin
        .post(
            "/v1/orders/documents",
            json!({"atomic": true, "documents": [Market::order(films, 9_999, "1997-09-29", "20.00")]}),
        )
        .await
        .expect(200);
    market.work(false);
    let after = market.account(films, "clv").await["clv"].clone();
    assert_eq!(after["purchaseModelId"], of(Some("Films"))["id"]);
    assert!(number(&after["value"]) > number(&touched["clv"]["value"]), "one purchase more: {after}");
    // Who leaves an industry is judged as all others are.
    market.admin.patch(&path, json!({"industry": "Games"})).await.expect(200);
    market.stage.app.clock.stop_at("1997-10-01T12:00:00Z".parse().unwrap());
    market.admin = market.stage.admin(&market.tenant);
    market.run(None).await;
    assert_eq!(every(&market, "purchase-models").await.len(), 3);
    for key in [films, games] {
        assert_eq!(market.account(key, "clv").await["clv"]["purchaseModelId"], all["id"]);
    }
}
