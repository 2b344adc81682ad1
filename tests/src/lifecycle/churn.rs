//! Losses: suspected, confirmed, corrected and taken back.

use super::*;
use LifecycleStage::{Degeneration, Ended, Exploration, Stability};
use kith_lifecycle::rules::churn::{Grounds, classify};
use kith_lifecycle::{Suspicion, suspect};

#[actix_web::test]
async fn a_confirmed_loss_ends_the_relationship_and_a_reversed_one_begins_it_again() {
    let shop = shop();
    let account = shop.account();
    shop.apply(&[ruling(account, Stability, shop.ago(100))]);
    let new = |more: Value| {
        let mut body = json!({"accountId": account, "occurredOn": shop.ago(3)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let refused =
        shop.act("churn-events", new(json!({"kind": "FAULT", "initiative": "INVOLUNTARY"}))).await.expect(422);
    assert_eq!(refused.pointers(), ["/initiative"]);
    let future = shop.today().checked_add_days(Days::new(1)).unwrap();
    let refused = shop.act("churn-events", new(json!({"occurredOn": future}))).await.expect(422);
    assert_eq!(refused.pointers(), ["/occurredOn"]);
    let lost = json!({"amount": "1200", "currency": "EUR"});
    let made = shop.act("churn-events", new(json!({"kind": "FAULT", "valueLost": lost}))).await.expect(201);
    assert_eq!((made.at("/status"), made.at("/initiative")), (&json!("SUSPECTED"), &json!("VOLUNTARY")));
    let path = format!("churn-events/{}", made.id());
    assert_eq!(shop.lifecycle(account).await["stage"], "STABILITY", "a suspicion ends nothing");

    let confirm = format!("mutation {{ it: churnEventConfirm(id: \"{}\") {{ status decidedAt }} }}", made.id());
    let done = shop.admin.graphql(&confirm, json!({})).await.expect(200);
    assert_eq!(done.at("/data/it/status"), "CONFIRMED", "{}", done.body);
    let again = shop.act(&format!("{path}/confirm"), json!({})).await.expect(409);
    assert_eq!(again.at("/errors/0/legal"), &json!(["reverse", "reclassify"]));
    let ended = shop.lifecycle(account).await;
    assert_eq!(
        (&ended["stage"], &ended["rule"], &ended["activity"]),
        (&json!("ENDED"), &json!("CHURN_EVENT"), &json!("CHURNED"))
    );
    assert_eq!(ended["churnedOn"], json!(shop.ago(3)));
    let degenerated = (json!("DEGENERATION"), json!("ENDED"));
    assert_eq!(shop.moves(account).await[1..], [(json!("STABILITY"), json!("DEGENERATION")), degenerated]);
    // The rules see no later order, and leave it so; who ended it stays named.
    assert_eq!(shop.apply(&[ruling(account, Ended, shop.today())]).moved, 0);
    assert_eq!(shop.lifecycle(account).await["rule"], "CHURN_EVENT");

    let corrected = json!({"kind": "COMPETITIVE", "reason": "They told the service."});
    let done = shop.act(&format!("{path}/reclassify"), corrected).await.expect(200);
    assert_eq!(done.at("/kind"), "COMPETITIVE");
    let misfit = json!({"kind": "MALICIOUS", "initiative": "VOLUNTARY", "reason": "?"});
    assert_eq!(shop.act(&format!("{path}/reclassify"), misfit).await.expect(422).pointers(), ["/initiative"]);
    assert_eq!(shop.admin.delete(&format!("/v1/{path}")).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let by = async |metric: &str, group: &str| {
        let found = shop.admin.get(&format!("/v1/metrics/{metric}?groupBy={group}")).await.expect(200);
        (found.at(&format!("/rows/0/group/{group}/key")).clone(), found.at("/rows/0/value").clone())
    };
    assert_eq!(by("churn-events", "kind").await, (json!("COMPETITIVE"), json!("1")));
    assert_eq!(by("churned-value", "initiative").await, (json!("VOLUNTARY"), json!("1200")));

    let done = shop.act(&format!("{path}/reverse"), json!({"reason": "They ordered elsewhere in our group."})).await;
    assert_eq!(done.expect(200).at("/status"), "REVERSED");
    let back = shop.lifecycle(account).await;
    assert_eq!(
        (&back["stage"], &back["churnedOn"], &back["lifetimes"]),
        (&json!("EXPLORATION"), &Value::Null, &json!(1))
    );
    for (verb, body) in [
        ("confirm", json!({})),
        ("reverse", json!({"reason": "x"})),
        ("reclassify", json!({"kind": "OTHER", "reason": "x"})),
    ] {
        let refused = shop.act(&format!("{path}/{verb}"), body).await.expect(409);
        assert_eq!((refused.code(), refused.at("/errors/0/legal")), ("ILLEGAL_TRANSITION", &json!([])), "{verb}");
    }
    let found = shop.admin.get(&format!("/v1/{path}?expand=corrections")).await.expect(200);
    let history: Vec<_> = found
        .at("/corrections/data")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            [&row["fromStatus"], &row["toStatus"], &row["fromKind"], &row["toKind"]]
                .map(|value| value.as_str().unwrap().to_owned())
        })
        .collect();
    let expected =
        [["CONFIRMED", "CONFIRMED", "FAULT", "COMPETITIVE"], ["CONFIRMED", "REVERSED", "COMPETITIVE", "COMPETITIVE"]];
    assert!(expected.iter().all(|line| history.iter().any(|row| row == line)) && history.len() == 2, "{history:?}");
    let moves = shop.moves(account).await;
    assert_eq!(moves.last().unwrap(), &(json!("ENDED"), json!("EXPLORATION")));
    assert!(moves.len() == 4, "{moves:?}");
}

#[actix_web::test]
async fn a_loss_of_who_has_no_relationship_yet_makes_one_that_is_over() {
    let shop = shop();
    let account = shop.account();
    let event = shop.act("churn-events", json!({"accountId": account, "occurredOn": shop.ago(1)})).await.expect(201);
    assert_eq!((event.at("/kind"), event.at("/initiative")), (&json!("OTHER"), &Value::Null));
    shop.act(&format!("churn-events/{}/confirm", event.id()), json!({})).await.expect(200);
    assert_eq!(shop.lifecycle(account).await["stage"], "ENDED");
    assert_eq!(shop.moves(account).await, [(json!("PROSPECT"), json!("ENDED"))]);
    // A new order, as the rules see it: a second lifetime.
    let mut back = ruling(account, Exploration, shop.today());
    back.verdict.rule = LifecycleRule::Returned;
    assert_eq!(shop.apply(&[back]).moved, 1);
    assert_eq!(shop.lifecycle(account).await["lifetimes"], 2);
    assert_eq!(shop.apply(&[ruling(account, Degeneration, shop.today())]).moved, 1);
}

#[actix_web::test]
async fn the_rules_suspect_a_loss_once() {
    let shop = shop();
    let (one, two) = (shop.account(), shop.account());
    let grounds = Grounds { named_competitor: true, ..Grounds::default() };
    let suspicion = |account, last: u64, on: u64| Suspicion {
        account,
        occurred_on: shop.ago(on),
        last_order: shop.ago(last),
        class: classify(&grounds),
        value_lost: None,
        evidence: json!({"silence": 3.2}),
    };
    let note = |all: &[Suspicion]| {
        let cx = shop.stage.system(&shop.tenant);
        shop.stage.app.db.write(shop.tenant.id, |conn| suspect(conn, &cx, all).map(Verdict::Commit)).unwrap()
    };
    assert_eq!(note(&[suspicion(one, 200, 110), suspicion(two, 200, 110)]), 2);
    assert_eq!(note(&[suspicion(one, 200, 110), suspicion(two, 200, 109)]), 0, "not again");
    let found = shop.admin.get(&format!("/v1/churn-events?filter[accountId]={one}")).await.expect(200);
    let event = found.at("/data/0").clone();
    assert_eq!((&event["kind"], &event["source"]), (&json!("COMPETITIVE"), &json!("RULE")));
    assert_eq!(event["evidence"], json!({"silence": 3.2, "ground": "COMPETITOR_NAMED"}));
    // What a person takes back is not suspected again, until there was another order.
    let path = format!("churn-events/{}/reverse", event["id"].as_str().unwrap());
    shop.act(&path, json!({"reason": "They are on holiday."})).await.expect(200);
    assert_eq!(note(&[suspicion(one, 200, 110)]), 0);
    assert_eq!(note(&[suspicion(one, 100, 5)]), 1);
}
