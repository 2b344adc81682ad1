//! The reports, with histories that can be worked out by hand.

use super::*;
use LifecycleStage::{Degeneration, Exploration, Formation, Stability};

#[actix_web::test]
async fn the_flow_sums_to_the_stages_as_they_were() {
    let shop = shop();
    let all: Vec<Uuid> = (0..5).map(|_| shop.account()).collect();
    let rule = |at: usize, stage, ago| shop.apply(&[ruling(all[at], stage, shop.ago(ago))]);
    rule(0, Formation, 100);
    rule(1, Formation, 100);
    rule(2, Formation, 100);
    rule(3, Exploration, 100);
    rule(0, Stability, 40);
    rule(1, Degeneration, 30);
    rule(1, Stability, 10);
    rule(4, Exploration, 5);
    let path = format!("/v1/reports/stage-flow?from={}&to={}", shop.ago(50), shop.today());
    let found = shop.admin.get(&path).await.expect(200).body;
    let cell = |stage: &str, count: i64, share: f64| json!({"stage": stage, "count": count, "share": share});
    let expected = json!([
        {"stage": null, "size": 1, "to": [cell("EXPLORATION", 1, 1.0)]},
        {"stage": "EXPLORATION", "size": 1, "to": [cell("EXPLORATION", 1, 1.0)]},
        {"stage": "FORMATION", "size": 3, "to": [cell("FORMATION", 1, 0.3333), cell("STABILITY", 2, 0.6667)]},
    ]);
    assert_eq!(found["rows"], expected, "{found}");
    let path = format!("/v1/reports/stage-dwell?from={}", shop.ago(50));
    let found = shop.admin.get(&path).await.expect(200).body;
    let row =
        |stage: &str| found["rows"].as_array().unwrap().iter().find(|row| row["stage"] == stage).cloned().unwrap();
    // 60 and 70 days in formation, 20 in degeneration; two are stable, for 40 and 10 days.
    assert_eq!((&row("FORMATION")["left"], &row("FORMATION")["medianDays"]), (&json!(2), &json!(65.0)));
    assert_eq!(row("DEGENERATION")["medianDays"], 20.0);
    assert_eq!((&row("STABILITY")["here"], &row("STABILITY")["medianDaysSoFar"]), (&json!(2), &json!(25.0)));
    assert_eq!(row("STABILITY")["medianDays"], Value::Null);
    let query = "query($from: String) { stageFlow(from: $from) { rows { stage size } } stageDwell { rows { left } } }";
    let same = shop.admin.graphql(query, json!({"from": shop.ago(50)})).await.expect(200);
    assert_eq!(same.at("/data/stageFlow/rows/2"), &json!({"stage": "FORMATION", "size": 3}), "{}", same.body);
    let refused = shop.admin.get("/v1/reports/stage-flow?from=soon").await.expect(422);
    assert_eq!(refused.pointers(), ["/query/from"]);
    let refused = shop.admin.get("/v1/reports/stage-dwell?from=2026-02-01&to=2026-01-01").await.expect(422);
    assert_eq!(refused.pointers(), ["/query/to"]);
}

#[actix_web::test]
async fn survival_counts_those_who_are_still_there() {
    let shop = shop();
    let none = shop.admin.get("/v1/reports/customer-survival").await.expect(200);
    assert_eq!((none.at("/customers"), none.at("/medianMonths")), (&json!(0), &Value::Null));
    // Lost in their third and sixth month; still there after eight and ten.
    for (age, lost) in [(100_u64, Some(5_u64)), (200, Some(10)), (250, None), (310, None)] {
        let account = shop.account();
        shop.bought(account, shop.ago(age), 10);
        let mut rule = ruling(account, Stability, shop.today());
        if let Some(ago) = lost {
            (rule.activity, rule.churned_on) = (CustomerActivity::Churned, Some(shop.ago(ago)));
        }
        shop.apply(&[rule]);
    }
    let found = shop.admin.get("/v1/reports/customer-survival").await.expect(200).body;
    assert_eq!((&found["customers"], &found["lost"]), (&json!(4), &json!(2)), "{found}");
    let steps: Vec<_> = found["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["month"].as_f64(), step["survival"].as_f64()))
        .collect();
    assert_eq!(steps, [(Some(3.0), Some(0.75)), (Some(6.0), Some(0.5))]);
    assert_eq!((&found["medianMonths"], &found["observedMonths"]), (&json!(6.0), &json!(10.0)));
    let same = shop.admin.graphql("{ customerSurvival { customers lost medianMonths } }", json!({})).await.expect(200);
    assert_eq!(same.at("/data/customerSurvival/lost"), 2, "{}", same.body);
}

#[actix_web::test]
async fn churn_is_told_by_number_and_by_value_as_it_was_known() {
    let shop = shop();
    let buyer = |days: &[(u64, i32)]| {
        let account = shop.account();
        days.iter().for_each(|(ago, net)| shop.bought(account, shop.ago(*ago), *net));
        account
    };
    // Active 200 days ago; the first is to this day.
    buyer(&[(230, 300), (205, 300), (20, 100)]);
    // Lost by silence: nothing since.
    buyer(&[(220, 300)]);
    // Its own gap of 150 days makes it patient: (2 × 150 + 3 × 30) / 5 = 78, so 156 days, of which 140 have passed.
    buyer(&[(440, 50), (290, 50), (140, 50)]);
    // Lost long before; come since: neither counts.
    buyer(&[(600, 5_000)]);
    buyer(&[(100, 5_000)]);
    // Bought lately, but told us that it leaves.
    let told = buyer(&[(210, 100), (30, 100)]);
    let event = shop.act("churn-events", json!({"accountId": told, "occurredOn": shop.ago(2)})).await.expect(201).id();
    let path = format!("/v1/reports/churn?from={}&to={}", shop.ago(200), shop.today());
    let found = shop.admin.get(&path).await.expect(200).body;
    assert_eq!((&found["activeAtStart"], &found["lost"]), (&json!(4), &json!(1)), "{found}");
    shop.act(&format!("churn-events/{event}/confirm"), json!({})).await.expect(200);
    let found = shop.admin.get(&path).await.expect(200).body;
    assert_eq!((&found["activeAtStart"], &found["lost"]), (&json!(4), &json!(2)), "{found}");
    assert_eq!((&found["churnRate"], &found["retentionRate"]), (&json!("0.5"), &json!("0.5")));
    // 600 + 300 + 100 (the year until then) + 100, of which 300 + 100 are lost.
    assert_eq!((&found["marginAtStart"], &found["marginLost"]), (&json!("1100"), &json!("400")));
    assert_eq!((&found["valueChurnRate"], &found["state"]), (&json!("0.3636"), &json!("OK")));
    let query = "query($from: String) { churnReport(from: $from) { activeAtStart lost valueRetentionRate } }";
    let same = shop.admin.graphql(query, json!({"from": shop.ago(200)})).await.expect(200);
    assert_eq!(same.at("/data/churnReport/valueRetentionRate"), "0.6364", "{}", same.body);
    let nobody = shop.admin.get("/v1/reports/churn?from=2001-01-01&to=2001-12-31").await.expect(200);
    assert_eq!((nobody.at("/churnRate"), nobody.at("/state")), (&Value::Null, &json!("INSUFFICIENT_DATA")));
}

/// A value run that is done, and the gap that it learned.
async fn learned(shop: &Shop, gap: i32, is_history: bool) {
    let run: Uuid = shop.act("value-runs", json!({})).await.expect(201).id().parse().unwrap();
    let query = sql_query(
        "UPDATE value_runs SET status = 'DONE', is_history = $3, finished_at = clock_timestamp(), \
         summary = jsonb_build_object('typicalGapDays', $4) WHERE tenant_id = $1 AND id = $2",
    );
    let query = query.bind::<st::Uuid, _>(shop.tenant.id).bind::<st::Uuid, _>(run).bind::<st::Bool, _>(is_history);
    assert_eq!(query.bind::<st::Integer, _>(gap).execute(&mut shop.stage.scratch.owner()).unwrap(), 1);
}

#[actix_web::test]
async fn churn_is_judged_by_the_gap_that_the_last_run_learned() {
    let shop = shop();
    shop.bought(shop.account(), shop.ago(220), 10);
    let path = format!("/v1/reports/churn?from={}&to={}", shop.ago(200), shop.today());
    let lost = async || {
        let found = shop.admin.get(&path).await.expect(200).body;
        assert_eq!(found["activeAtStart"], 1, "{found}");
        found["lost"].clone()
    };
    assert_eq!(lost().await, 1, "nothing is learned yet: 30 days, so 90");
    learned(&shop, 50, false).await;
    assert_eq!(lost().await, 1, "100 days");
    learned(&shop, 120, false).await;
    assert_eq!(lost().await, 0, "240 days, of which 220 have passed");
    learned(&shop, 60, true).await;
    assert_eq!(lost().await, 0, "a day of the past says nothing of now");
}

#[actix_web::test]
async fn what_was_sold_at_an_unknown_cost_has_the_margin_of_the_value_model() {
    let shop = shop();
    let (gone, here) = (shop.account(), shop.account());
    shop.bought(gone, shop.ago(210), 300);
    shop.bought(here, shop.ago(205), 200);
    shop.bought(here, shop.ago(20), 200);
    let known = "UPDATE customer_days SET cost = 40, uncosted = 100 WHERE tenant_id = $1 AND account_id = $2";
    let query = sql_query(known).bind::<st::Uuid, _>(shop.tenant.id).bind::<st::Uuid, _>(gone);
    assert_eq!(query.execute(&mut shop.stage.scratch.owner()).unwrap(), 1);
    let path = format!("/v1/reports/churn?from={}&to={}", shop.ago(200), shop.today());
    let told = async || {
        let found = shop.admin.get(&path).await.expect(200).body;
        assert_eq!((&found["lost"], &found["state"]), (&json!(1), &json!("PARTIAL")), "{found}");
        ["marginAtStart", "marginLost", "valueChurnRate"].map(|name| found[name].as_str().unwrap().to_owned())
    };
    // 300 - 100 - 40 + 30 % of 100, and 200.
    assert_eq!(told().await, ["390", "190", "0.4872"]);
    let model = json!({"name": "Value", "defaultMargin": "50"});
    let model = shop.act("value-models", model).await.expect(201).id();
    assert_eq!(told().await, ["390", "190", "0.4872"], "a draft counts for nothing");
    shop.act(&format!("value-models/{model}/publish"), json!({})).await.expect(200);
    assert_eq!(told().await, ["410", "210", "0.5122"]);
}

#[actix_web::test]
async fn who_sees_part_of_the_accounts_sees_that_part_in_reports() {
    let shop = shop();
    let grants = "lifecycles:READ:OWN accounts:READ:OWN retention-plans:READ:OWN lifecycle-transitions:READ:OWN";
    let (user, client) = crate::authz::with_grants(&shop.stage, &shop.tenant, grants);
    let own = shop.stage.make(&shop.tenant, "accounts", json!({"name": "Own", "ownerId": user}));
    for account in [own, shop.account()] {
        shop.bought(account, shop.ago(400), 10);
        shop.bought(account, shop.ago(10), 10);
        shop.apply(&[ruling(account, Stability, shop.ago(30))]);
    }
    let flow = client.get("/v1/reports/stage-flow").await.expect(200);
    assert_eq!(flow.at("/rows/0/size"), 1, "{}", flow.body);
    assert_eq!(client.get("/v1/reports/customer-survival").await.expect(200).at("/customers"), 1);
    let from = shop.ago(5);
    assert_eq!(client.get(&format!("/v1/reports/churn?from={from}")).await.expect(200).at("/activeAtStart"), 1);
    assert_eq!(shop.admin.get(&format!("/v1/reports/churn?from={from}")).await.expect(200).at("/activeAtStart"), 2);
    let (_, nobody) = crate::authz::with_grants(&shop.stage, &shop.tenant, "accounts:READ:ALL");
    for name in ["stage-flow", "stage-dwell", "customer-survival", "churn", "churn-backtest", "retention-uplift"] {
        assert_eq!(nobody.get(&format!("/v1/reports/{name}")).await.expect(403).code(), "FORBIDDEN", "{name}");
    }
}
