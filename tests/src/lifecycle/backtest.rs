//! What was told of customers against what they did.

use super::{risk, shop};
use kith_db::Verdict;
use kith_lifecycle::RiskRuling;
use kith_lifecycle::score::remember;
use serde_json::json;

#[actix_web::test]
async fn past_alerts_are_held_against_what_came_of_them() {
    let shop = shop();
    let day = shop.ago(200);
    let mut told = Vec::new();
    // Of ten who were told 0.8 eight left, of ten who were told 0.2 two. Recency alone told everybody the same.
    for (chance, stayed) in [(0.8, 2), (0.2, 8)] {
        for number in 0..10 {
            let account = shop.account();
            told.push(RiskRuling { baseline: Some(0.5), ..risk(account, chance, day) });
            shop.bought(account, shop.ago(300), 10);
            if number < stayed {
                shop.bought(account, shop.ago(150), 10);
            } else {
                // After the horizon of 90 days is too late.
                shop.bought(account, shop.ago(100), 10);
            }
        }
    }
    // What cannot be judged yet does not count.
    told.push(risk(shop.account(), 0.9, shop.ago(30)));
    let cx = shop.stage.system(&shop.tenant);
    for _ in 0..2 {
        let kept = shop.stage.app.db.write(shop.tenant.id, |conn| {
            remember(conn, &cx, &told, kith_journal::derived::To::Readers).map(Verdict::Commit)
        });
        kept.unwrap();
    }
    assert!(!shop.admin.get("/v1/churn-scores?limit=500").await.expect(200).at("/data/20").is_null());

    let found = shop.admin.get("/v1/reports/churn-backtest").await.expect(200).body;
    assert_eq!((&found["customers"], &found["left"], &found["state"]), (&json!(20), &json!(10), &json!("OK")));
    let model = &found["model"];
    assert_eq!((&model["alerts"], &model["hits"]), (&json!(10), &json!(8)), "{found}");
    let figures = ["precision", "recall", "lift", "auc", "brier"].map(|name| model[name].clone());
    assert_eq!(figures, [0.8, 0.8, 1.6, 0.8, 0.16].map(|number| json!(number)), "{found}");
    let baseline = &found["baseline"];
    assert_eq!((&baseline["alerts"], &baseline["precision"]), (&json!(20), &json!(0.5)));
    assert_eq!((&baseline["auc"], &baseline["brier"]), (&json!(0.5), &json!(0.25)), "chance, no more");
    assert_eq!(
        found["bins"],
        json!([{"bin": 2, "customers": 10, "told": 0.2, "left": 0.2}, {"bin": 8, "customers": 10, "told": 0.8, "left": 0.8}])
    );
    assert_eq!(found["days"][0]["asOf"], day.to_string());

    let strict = shop.admin.get("/v1/reports/churn-backtest?threshold=0.85").await.expect(200);
    assert_eq!((strict.at("/model/alerts"), strict.at("/model/precision")), (&json!(0), &serde_json::Value::Null));
    let query = "{ churnBacktest(threshold: 0.5) { left model { hits } days { asOf customers } } }";
    let same = shop.admin.graphql(query, json!({})).await.expect(200);
    assert_eq!(same.at("/data/churnBacktest/model/hits"), 8, "{}", same.body);
    let none = shop.admin.get("/v1/reports/churn-backtest?to=2001-01-01").await.expect(200);
    assert_eq!((none.at("/state"), none.at("/model/auc")), (&json!("INSUFFICIENT_DATA"), &serde_json::Value::Null));
    let wrong = shop.admin.get("/v1/reports/churn-backtest?threshold=2").await;
    assert_eq!((wrong.status, wrong.pointers()), (422, vec!["/query/threshold"]));

    let (user, client) =
        crate::authz::with_grants(&shop.stage, &shop.tenant, "churn-scores:READ:OWN accounts:READ:OWN");
    assert_eq!(client.get("/v1/reports/churn-backtest").await.expect(200).at("/customers"), 0, "{user} sees nobody");
}
