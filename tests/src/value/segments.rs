//! What customers are called whose scores of recency, frequency and money are known: by the usual map, and by one of the
//! tenant's own.

use super::Market;
use serde_json::{Value, json};

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Five who differ in everything, so that each is alone in its fifth: the later the last order the fewer they are.
async fn market() -> Market {
    let market = Market::on("2026-11-20");
    market.accounts(&KEYS.map(str::to_owned)).await;
    let days = ["2026-11-10", "2026-10-10", "2026-09-10", "2026-08-10", "2026-07-10"];
    // Of the five the third spends most, then the fourth and the fifth.
    let amounts = ["10", "10", "200", "75", "20"];
    let mut orders = Vec::new();
    for (at, key) in KEYS.iter().enumerate() {
        orders.push(Market::order(key, 10 * at, days[at], amounts[at]));
        for earlier in 1..=at {
            let day = format!("2026-0{earlier}-01");
            orders.push(Market::order(key, 10 * at + earlier, &day, amounts[at]));
        }
    }
    market.orders(&orders).await;
    market
}

/// Recency, frequency, money, and the name.
async fn told(market: &Market) -> Vec<(Vec<i64>, String)> {
    let mut all = Vec::new();
    for key in KEYS {
        let profile = market.account(key, "valueProfile").await["valueProfile"].clone();
        let scores = ["rfmRecency", "rfmFrequency", "rfmMonetary"].map(|name| profile[name].as_i64().unwrap());
        all.push((scores.to_vec(), profile["rfmSegment"].as_str().unwrap().to_owned()));
    }
    all
}

fn field(segment: &str, recency: [u8; 2], value: [u8; 2]) -> Value {
    json!({"segment": segment, "recency": recency, "value": value})
}

#[actix_web::test]
async fn a_map_of_ones_own_gives_known_scores_other_names() {
    let market = market().await;
    let scores: [[i64; 3]; 5] = [[5, 1, 1], [4, 2, 2], [3, 3, 5], [2, 4, 4], [1, 5, 3]];
    let expect = async |names: [&str; 5]| {
        let expected: Vec<_> = scores.iter().zip(names).map(|(of, name)| (of.to_vec(), name.to_owned())).collect();
        assert_eq!(told(&market).await, expected);
    };
    market.publish(json!({})).await;
    market.run(None).await;
    expect(["NEW", "PROMISING", "LOYAL", "AT_RISK", "AT_RISK"]).await;

    // The first that fits counts: the field of the fifth, before that of all who have eight.
    let own = [
        field("LOST", [5, 5], [2, 2]),
        field("CHAMPION", [1, 1], [8, 8]),
        field("CANNOT_LOSE", [1, 5], [8, 8]),
        field("HIBERNATING", [1, 5], [2, 10]),
    ];
    market.publish(json!({"rfmSegments": own})).await;
    market.run(None).await;
    expect(["LOST", "HIBERNATING", "CANNOT_LOSE", "CANNOT_LOSE", "CHAMPION"]).await;
    for (name, count) in [("CANNOT_LOSE", 2), ("CHAMPION", 1), ("AT_RISK", 0)] {
        let path = format!("/v1/value-profiles?filter[rfmSegment]={name}&count=exact");
        assert_eq!(market.admin.get(&path).await.expect(200).at("/page/total"), count, "{name}");
    }
    // Who is computed alone afterwards is called by the same map: an order of today makes the fifth the latest.
    market.orders(&[Market::order("e", 99, "2026-11-20", "20")]).await;
    market.work(false);
    let (fifth, name) = told(&market).await.pop().unwrap();
    assert_eq!((fifth[0], fifth[1], &*name), (5, 5, "CANNOT_LOSE"));

    // The last field first: it fits everybody.
    let mut turned = own.to_vec();
    turned.reverse();
    market.publish(json!({"rfmSegments": turned})).await;
    market.run(None).await;
    assert!(told(&market).await.iter().all(|(_, name)| name == "HIBERNATING"));
}
