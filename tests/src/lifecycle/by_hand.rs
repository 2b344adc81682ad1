//! A stage that a person set, day by day: it holds until its last day, whatever runs say, and the run of the day after gives
//! the relationship back to the rules.

use crate::value::Market;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

/// The day on which a person decides.
const BEGIN: &str = "2026-06-01";
/// The customers: of one the word holds for five days, of the other for forty.
const KEYS: [&str; 2] = ["short", "long"];

fn day(after: u64) -> NaiveDate {
    BEGIN.parse::<NaiveDate>().unwrap() + Days::new(after)
}

/// Twelve orders of 100, thirty days apart, the last five days ago: as steady as can be. Their margin is taken for 30 %.
async fn market() -> Market {
    let market = Market::on(BEGIN);
    market.accounts(&KEYS.map(str::to_owned)).await;
    for key in KEYS {
        for at in 0..12 {
            order(&market, key, day(0) - Days::new(5 + 30 * at)).await;
        }
    }
    market.run(None).await;
    market
}

async fn order(market: &Market, key: &str, on: NaiveDate) {
    let mut order = Market::order(key, 0, &on.to_string(), "100");
    order["externalId"] = json!(format!("{key}-{on}"));
    market.orders(&[order]).await;
}

async fn lifecycle(market: &Market, key: &str) -> Value {
    market.account(key, "lifecycle").await["lifecycle"].clone()
}

/// Goes to a day and runs.
async fn run_on(market: &mut Market, after: u64) {
    market.go_to(&day(after).to_string());
    market.run(None).await;
}

/// Stage, what set it, by which rule, and until when a person's word holds.
async fn told(market: &Market, key: &str) -> [Value; 4] {
    let found = lifecycle(market, key).await;
    ["stage", "source", "rule", "manualUntil"].map(|name| found[name].clone())
}

async fn transitions(market: &Market, key: &str) -> Vec<Value> {
    let id = lifecycle(market, key).await["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/lifecycle-transitions?filter[accountId]={id}&sort=movedOn,id");
    market.admin.get(&path).await.expect(200).at("/data").as_array().unwrap().clone()
}

#[actix_web::test]
async fn a_word_holds_until_its_day_and_the_rules_go_on_from_there() {
    let mut market = market().await;
    let steady = [json!("STABILITY"), json!("RULE"), json!("STEADY"), Value::Null];
    for (key, days) in KEYS.into_iter().zip([5, 40]) {
        assert_eq!(told(&market, key).await, steady);
        let id = lifecycle(&market, key).await["id"].as_str().unwrap().to_owned();
        let body = json!({"stage": "DEGENERATION", "reason": "Their director told us.", "until": day(days)});
        let done = market.admin.post(&format!("/v1/lifecycles/{id}/override"), body).await.expect(200);
        // Time alone may change it once the word is over, or a month after the run.
        assert_eq!(done.at("/nextReview"), &json!(day(u64::min(days + 1, 31))), "{}", done.body);
    }
    let held = |until: u64| [json!("DEGENERATION"), json!("MANUAL"), json!("MANUAL"), json!(day(until))];
    // On its last day it holds, though the rules look.
    run_on(&mut market, 5).await;
    assert_eq!((told(&market, "short").await, told(&market, "long").await), (held(5), held(40)));
    let found = lifecycle(&market, "short").await;
    assert_eq!((&found["asOf"], &found["nextReview"]), (&json!(day(5)), &json!(day(6))), "{found}");

    // The day after it is the rules' again. They keep any stage for a month, which is 31 days, and say where they point.
    run_on(&mut market, 6).await;
    let kept = [json!("DEGENERATION"), json!("RULE"), json!("STEADY"), Value::Null];
    assert_eq!((told(&market, "short").await, told(&market, "long").await), (kept.clone(), held(40)));
    let found = lifecycle(&market, "short").await;
    let evidence = &found["evidence"];
    assert_eq!((&evidence["target"], &evidence["keptUntil"]), (&json!("STABILITY"), &json!(day(31))), "{found}");
    assert_eq!((&found["manualReason"], &found["confidence"]), (&Value::Null, &json!("0.50")), "{found}");
    assert_eq!(transitions(&market, "short").await.len(), 2, "nothing has moved");

    market.go_to(&day(25).to_string());
    for key in KEYS {
        order(&market, key, day(25)).await;
    }
    run_on(&mut market, 30).await;
    assert_eq!(told(&market, "short").await, kept);
    run_on(&mut market, 31).await;
    assert_eq!((told(&market, "short").await, told(&market, "long").await), (steady.clone(), held(40)));
    // The one whose word holds beyond that month goes on at once.
    run_on(&mut market, 40).await;
    assert_eq!(told(&market, "long").await, held(40));
    run_on(&mut market, 41).await;
    assert_eq!((told(&market, "short").await, told(&market, "long").await), (steady.clone(), steady));

    // Each way leaves its trace: who, why, when, and by which numbers.
    for (key, back, recency) in [("short", 31, 6), ("long", 41, 16)] {
        let all = transitions(&market, key).await;
        let line = |row: &Value| ["fromStage", "toStage", "trigger", "rule", "movedOn"].map(|name| row[name].clone());
        let expected = [
            json!([null, "STABILITY", "RULE", "STEADY", day(0)]),
            json!(["STABILITY", "DEGENERATION", "MANUAL", "MANUAL", day(0)]),
            json!(["DEGENERATION", "STABILITY", "RULE", "STEADY", day(back)]),
        ];
        assert_eq!(all.iter().map(|row| json!(line(row))).collect::<Vec<_>>(), expected);
        assert_eq!((&all[1]["reason"], &all[2]["reason"]), (&json!("Their director told us."), &Value::Null));
        let evidence = &all[2]["evidence"];
        assert_eq!((&evidence["occasions"], &evidence["recency"]), (&json!(13), &json!(recency)), "{evidence}");
        assert_eq!((&evidence["typicalGap"], &evidence["silenceLimit"]), (&json!(30.0), &json!(3.0)), "{evidence}");
        let silence = (f64::from(recency) / 30.0 * 1e4).round() / 1e4;
        assert_eq!((&evidence["silence"], &evidence["level"]), (&json!(silence), &json!(30.0)), "{evidence}");
        assert_eq!((&evidence["growth"], &evidence["asOf"]), (&json!(0.0), &json!(day(back))), "{evidence}");
        assert_eq!(evidence["target"], Value::Null, "{evidence}");
    }
}

#[actix_web::test]
async fn a_word_that_was_over_before_anybody_looked_counts_no_longer() {
    let mut market = market().await;
    let id = lifecycle(&market, "short").await["id"].as_str().unwrap().to_owned();
    let body = json!({"stage": "DEGENERATION", "reason": "Their director told us.", "until": day(2)});
    market.admin.post(&format!("/v1/lifecycles/{id}/override"), body).await.expect(200);
    // No run for weeks; then an order, and the relationship is looked at for that alone.
    market.go_to(&day(31).to_string());
    order(&market, "short", day(25)).await;
    market.work(false);
    let expected = [json!("STABILITY"), json!("RULE"), json!("STEADY"), Value::Null];
    assert_eq!(told(&market, "short").await, expected);
    let last = transitions(&market, "short").await.pop().unwrap();
    assert_eq!((&last["trigger"], &last["movedOn"]), (&json!("RULE"), &json!(day(31))), "{last}");
}
