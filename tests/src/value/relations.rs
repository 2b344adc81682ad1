//! Where relationships stand by what happened, run by run.

use super::Market;
use serde_json::{Value, json};

/// Four who buy every twenty days until so many days ago, and customers with contracts.
async fn market() -> Market {
    let market = Market::on("2026-11-20");
    let keys = ["fresh", "silent", "lost", "notice", "old", "both"];
    market.accounts(&keys.map(str::to_owned)).await;
    market.publish(json!({"windowDays": 365})).await;
    let mut orders = Vec::new();
    for (at, (key, ago)) in
        [("fresh", 5), ("silent", 70), ("lost", 200), ("notice", 5), ("old", 5), ("both", 5)].iter().enumerate()
    {
        for number in 0..8 {
            let day = market.day() - chrono::Days::new(ago + 20 * number);
            orders.push(Market::order(key, at * 100 + usize::try_from(number).unwrap(), &day.to_string(), "100"));
        }
    }
    market.orders(&orders).await;
    market
}

impl Market {
    fn day(&self) -> chrono::NaiveDate {
        self.stage.app.clock.now().date_naive()
    }

    async fn lifecycle(&self, key: &str) -> Value {
        self.account(key, "lifecycle").await["lifecycle"].clone()
    }

    async fn events(&self, key: &str) -> Vec<Value> {
        let id = self.account(key, "owner").await["id"].as_str().unwrap().to_owned();
        let found =
            self.admin.get(&format!("/v1/churn-events?filter[accountId]={id}&sort=occurredOn")).await.expect(200);
        found.at("/data").as_array().unwrap().clone()
    }
}

#[actix_web::test]
async fn a_policy_is_tried_on_everybody_before_it_holds() {
    let market = market().await;
    let draft = json!({"name": "Calm", "silenceLimit": "6", "fallOccasions": 100, "keepPeriods": 0});
    let id = market.admin.post("/v1/lifecycle-policies", draft).await.expect(201).id();
    let path = format!("/v1/lifecycle-policies/{id}/simulation");
    assert_eq!(market.admin.get(&path).await.expect(409).code(), "CONFLICT", "there was no run yet");
    market.run(None).await;
    // Silent for 70 days, which is more than three gaps of about 22.
    let silent = market.lifecycle("silent").await;
    assert_eq!((&silent["stage"], &silent["rule"]), (&json!("DEGENERATION"), &json!("SILENCE")), "{silent}");
    let found = market.admin.get(&path).await.expect(200).body;
    assert_eq!((&found["accounts"], &found["moved"]), (&json!(6), &json!(1)), "{found}");
    let mover = &found["movers"][0];
    assert_eq!(
        (&mover["name"], &mover["from"]["stage"]),
        (&json!("Customer silent"), &json!("DEGENERATION")),
        "{found}"
    );
    assert_ne!(mover["to"]["stage"], mover["from"]["stage"]);
    let rows = found["stages"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["size"].as_u64().unwrap()).sum::<u64>(), 6);
    assert_eq!(market.lifecycle("silent").await, silent, "nothing is stored");
    let query = "query($id: UUID!) { lifecycleSimulation(id: $id, movers: 1) { moved movers { to { stage } } } }";
    let same = market.admin.graphql(query, json!({"id": id})).await.expect(200);
    assert_eq!(same.at("/data/lifecycleSimulation/movers/0/to/stage"), &mover["to"]["stage"], "{}", same.body);
    // The next run says the same.
    market.admin.post(&format!("/v1/lifecycle-policies/{id}/publish"), json!({})).await.expect(200);
    market.run(None).await;
    assert_eq!(market.lifecycle("silent").await["stage"], mover["to"]["stage"]);
    let after = market.admin.get(&path).await.expect(200).body;
    assert_eq!(after["moved"], 0, "{after}");
    market.stage.admin(&market.stage.tenant()).get(&path).await.expect(404);
    market.stage.anonymous().get(&path).await.expect(401);
}

#[actix_web::test]
async fn a_contract_that_ended_is_a_notice_until_the_customer_buys_again() {
    let market = market().await;
    let ended = json!({"startedOn": "2026-01-01", "status": "ENDED", "endedOn": "2026-11-18"});
    let long_ago = json!({"startedOn": "2025-01-01", "status": "ENDED", "endedOn": "2025-12-31"});
    let runs = json!({"startedOn": "2026-01-01"});
    for (key, contract) in [("notice", &ended), ("old", &long_ago), ("both", &ended), ("both", &runs)] {
        let account = market.account(key, "owner").await["id"].clone();
        let mut body =
            json!({"accountId": account, "amount": {"amount": "10.00", "currency": "EUR"}, "interval": "MONTH"});
        body.as_object_mut().unwrap().extend(contract.as_object().unwrap().clone());
        market.admin.post("/v1/subscriptions", body).await.expect(201);
    }
    market.run(None).await;
    let notice = market.lifecycle("notice").await;
    assert_eq!((&notice["stage"], &notice["rule"]), (&json!("DEGENERATION"), &json!("NOTICE")), "{notice}");
    for key in ["old", "both"] {
        assert_ne!(market.lifecycle(key).await["rule"], "NOTICE", "{key}");
    }
    market.orders(&[Market::order("notice", 9_000, "2026-11-19", "100")]).await;
    market.work(false);
    assert_ne!(market.lifecycle("notice").await["rule"], "NOTICE");
}

#[actix_web::test]
async fn losses_are_suspected_with_their_grounds_and_again_after_the_customer_came_back() {
    let mut market = market().await;
    // Lost 200 days ago is no news; silent for 70 days is no loss yet.
    let lost = market.account("silent", "owner").await["id"].clone();
    let answer = json!({"accountId": lost, "kind": "SATISFACTION", "value": "2", "answeredOn": "2026-09-01"});
    market.admin.post("/v1/loyalty-evidence", answer).await.expect(201);
    market.run(None).await;
    assert_eq!(market.events("silent").await, Vec::<Value>::new());
    market.go_to("2026-12-20");
    market.run(None).await;
    let events = market.events("silent").await;
    let seen =
        |event: &Value| json!([event["status"], event["kind"], event["evidence"]["ground"], event["occurredOn"]]);
    assert_eq!(
        events.iter().map(seen).collect::<Vec<_>>(),
        [json!(["SUSPECTED", "FAULT", "DISSATISFIED", "2026-12-10"])]
    );
    // The day on which it became true stays.
    assert_eq!(market.lifecycle("silent").await["churnedOn"], "2026-12-10");
    market.go_to("2026-12-25");
    market.run(None).await;
    assert_eq!(market.events("silent").await.len(), 1);
    assert_eq!(market.lifecycle("silent").await["churnedOn"], "2026-12-10");
    // Nobody looked at it; he buys again, and is lost again.
    market.orders(&[Market::order("silent", 9_000, "2026-12-24", "100")]).await;
    market.go_to("2027-05-01");
    market.run(None).await;
    let days: Vec<Value> = market.events("silent").await.iter().map(|event| event["occurredOn"].clone()).collect();
    assert_eq!(days.len(), 2, "{days:?}");
}

#[actix_web::test]
async fn a_loss_that_was_confirmed_stays_one_and_is_at_no_risk() {
    let mut market = market().await;
    market.run(None).await;
    let account = market.account("fresh", "owner").await["id"].clone();
    let risk = market.account("fresh", "churnRisk").await["churnRisk"].clone();
    assert!(risk["probability"].is_string(), "{risk}");
    let event = json!({"accountId": account, "occurredOn": "2026-11-18", "kind": "COMPETITIVE"});
    let event = market.admin.post("/v1/churn-events", event).await.expect(201).id();
    market.admin.post(&format!("/v1/churn-events/{event}/confirm"), json!({})).await.expect(200);
    let ended = market.lifecycle("fresh").await;
    let told = |row: &Value| json!([row["stage"], row["activity"], row["churnedOn"]]);
    assert_eq!(told(&ended), json!(["ENDED", "CHURNED", "2026-11-18"]));
    market.run(None).await;
    assert_eq!(told(&market.lifecycle("fresh").await), told(&ended), "the last order is five days old");
    let risk = market.account("fresh", "churnRisk").await["churnRisk"].clone();
    assert_eq!((&risk["probability"], &risk["reason"]), (&Value::Null, &json!("LOST")), "{risk}");
    // An order after it begins the next lifetime.
    market.go_to("2026-11-22");
    market.orders(&[Market::order("fresh", 9_000, "2026-11-22", "100")]).await;
    market.run(None).await;
    let again = market.lifecycle("fresh").await;
    assert_eq!(told(&again), json!(["EXPLORATION", "ACTIVE", null]), "{again}");
}

#[actix_web::test]
async fn a_relationship_goes_and_comes_back_with_its_account() {
    let market = market().await;
    market.run(None).await;
    let id = market.account("fresh", "owner").await["id"].as_str().unwrap().to_owned();
    let listed = async || {
        let found = market.admin.get(&format!("/v1/lifecycles?filter[accountId]={id}")).await.expect(200);
        found.at("/data").as_array().unwrap().len()
    };
    assert_eq!(listed().await, 1);
    market.admin.delete(&format!("/v1/accounts/{id}")).await.expect(204);
    market.work(false);
    assert_eq!(listed().await, 0);
    market.admin.post(&format!("/v1/accounts/{id}/restore"), json!({})).await.expect(200);
    market.work(false);
    assert_eq!(listed().await, 1);
}

#[actix_web::test]
async fn what_cannot_be_prevented_is_no_value_at_risk() {
    let market = Market::on("2026-11-20");
    market.accounts(&["a", "b"].map(str::to_owned)).await;
    market.publish(json!({})).await;
    let days = ["2026-08-01", "2026-09-01", "2026-10-01", "2026-11-01"];
    let orders = days.iter().zip(1..).flat_map(|(day, number)| {
        [Market::order("a", number, day, "100"), Market::order("b", number + 10, day, "100")]
    });
    market.orders(&orders.collect::<Vec<_>>()).await;
    market.run(None).await;
    let at_risk = async |key: &str| market.account(key, "churnRisk").await["churnRisk"]["valueAtRisk"].clone();
    assert!(at_risk("a").await.is_object() && at_risk("b").await.is_object());
    let a = market.account("a", "owner").await["id"].clone();
    let event = json!({"accountId": a, "occurredOn": "2026-11-10", "kind": "NATURAL", "reason": "They close at the end of the year."});
    let event = market.admin.post("/v1/churn-events", event).await.expect(201).id();
    market.work(false);
    assert_eq!((at_risk("a").await, at_risk("b").await.is_object()), (Value::Null, true));
    let listed =
        market.admin.get("/v1/churn-risks?sort=-valueAtRisk&filter[valueAtRisk][isNull]=false").await.expect(200);
    assert_eq!(listed.at("/data").as_array().unwrap().len(), 1);
    let not = json!({"reason": "They go on."});
    market.admin.post(&format!("/v1/churn-events/{event}/reverse"), not).await.expect(200);
    market.work(false);
    assert!(at_risk("a").await.is_object());
}
