//! What the rules and people say about stages, policies and risks.

use super::*;
use LifecycleStage::{Degeneration, Ended, Exploration, Formation, Stability};
use futures_util::future::join_all;

#[actix_web::test]
async fn what_the_rules_say_is_written_once() {
    let shop = shop();
    // More than one statement holds.
    let accounts: Vec<Uuid> = (0..1_200).map(|_| shop.account()).collect();
    let first: Vec<Ruling> = accounts.iter().map(|id| ruling(*id, Formation, shop.ago(10))).collect();
    assert_eq!(shop.apply(&first), Applied { begun: 1_200, changed: 1_200, moved: 0 });
    assert_eq!(shop.apply(&first), Applied::default(), "the same again changes nothing");
    let mut next = first.clone();
    next[0] = ruling(accounts[0], Stability, shop.ago(5));
    next[1].loyalty_stage = LoyaltyStage::New;
    // Not legal from where it stands: it waits.
    next[2] = ruling(accounts[2], Ended, shop.ago(5));
    assert_eq!(shop.apply(&next), Applied { begun: 0, changed: 3, moved: 1 });
    assert_eq!(shop.apply(&next), Applied::default());
    let found = shop.lifecycle(accounts[0]).await;
    assert_eq!((&found["stage"], &found["previousStage"]), (&json!("STABILITY"), &json!("FORMATION")));
    assert_eq!((&found["since"], &found["lifetimes"]), (&json!(shop.ago(5)), &json!(1)));
    assert_eq!((&found["confidence"], &found["evidence"]), (&json!("0.75"), &json!({"silence": 0.5})));
    assert_eq!(shop.lifecycle(accounts[1]).await["loyaltyStage"], "NEW");
    assert_eq!(shop.lifecycle(accounts[2]).await["stage"], "FORMATION");
    let expected = [(Value::Null, json!("FORMATION")), (json!("FORMATION"), json!("STABILITY"))];
    assert_eq!(shop.moves(accounts[0]).await, expected);
    // Over GraphQL, with what hangs on it, and in the journal.
    let query = "query($id: UUID!) { lifecycle(id: $id) { stage account { name } transitions(sort: [MOVED_ON_ASC]) { nodes { toStage trigger rule } } } }";
    let found = shop.admin.graphql(query, json!({"id": accounts[0]})).await.expect(200);
    assert_eq!(found.at("/data/lifecycle/transitions/nodes/1/toStage"), "STABILITY", "{}", found.body);
    assert_eq!(found.at("/data/lifecycle/account/name"), "Alfreds");
    let stable = shop.admin.get("/v1/lifecycles?filter[stage]=STABILITY&count=exact").await.expect(200);
    assert_eq!(stable.at("/page/total"), 1);
    let metric = shop.admin.get("/v1/metrics/stage-population?groupBy=stage").await.expect(200);
    let groups = metric.at("/rows").as_array().unwrap().clone();
    let of = |name: &str| {
        groups.iter().find(|group| group["group"]["stage"]["key"] == name).map(|group| group["value"].clone())
    };
    assert_eq!((of("STABILITY"), of("FORMATION")), (Some(json!("1")), Some(json!("1199"))), "{}", metric.body);
}

#[test]
fn two_who_apply_at_once_begin_an_account_once() {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let account = stage.make(&tenant, "accounts", json!({"name": "Alfreds"}));
    let today = stage.now().date_naive();
    let rulings = [ruling(account, Formation, today)];
    let all: Vec<Applied> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| apply(&stage, &tenant, &rulings))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(all.iter().map(|applied| applied.begun).sum::<usize>(), 1, "{all:?}");
    assert_eq!(all.iter().map(|applied| applied.moved).sum::<usize>(), 0, "{all:?}");
    // And they all move it at once.
    let next = [ruling(account, Stability, today)];
    let moved: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| apply(&stage, &tenant, &next).moved)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(moved, 1);
}

#[actix_web::test]
async fn a_stage_by_hand_holds_until_its_day() {
    let mut shop = shop();
    let account = shop.account();
    shop.apply(&[ruling(account, Formation, shop.ago(40))]);
    let until = shop.today().checked_add_days(Days::new(10)).unwrap();
    let body = |stage: &str| json!({"stage": stage, "reason": "Their director told us.", "until": until});
    let path = format!("lifecycles/{account}/override");
    let refused = shop.act(&path, body("EXPLORATION")).await.expect(409);
    assert_eq!(refused.code(), "ILLEGAL_TRANSITION");
    assert_eq!(refused.at("/errors/0/legal"), &json!(["STABILITY", "DEGENERATION"]));
    let mut late = body("STABILITY");
    late["until"] = json!(shop.ago(1));
    assert_eq!(shop.act(&path, late).await.expect(422).pointers(), ["/until"]);
    let done = shop.act(&path, body("DEGENERATION")).await.expect(200);
    assert_eq!((done.at("/stage"), done.at("/source")), (&json!("DEGENERATION"), &json!("MANUAL")));
    assert_eq!((done.at("/manualUntil"), done.at("/confidence")), (&json!(until), &json!("1.00")));
    // The rules leave it, but go on to say whether it still is a customer.
    let mut ruled = ruling(account, Formation, shop.today());
    ruled.activity = CustomerActivity::Dormant;
    assert_eq!(shop.apply(&[ruled]).moved, 0);
    let held = shop.lifecycle(account).await;
    assert_eq!((&held["stage"], &held["activity"]), (&json!("DEGENERATION"), &json!("DORMANT")));
    assert_eq!(held["manualReason"], "Their director told us.");
    // After its day they move it again.
    shop.later(11);
    assert_eq!(shop.apply(&[ruling(account, Stability, shop.today())]).moved, 1);
    let freed = shop.lifecycle(account).await;
    assert_eq!((&freed["stage"], &freed["source"]), (&json!("STABILITY"), &json!("RULE")));
    assert_eq!((&freed["manualUntil"], &freed["manualReason"]), (&Value::Null, &Value::Null));
    let last = shop.moves(account).await;
    assert_eq!(last.last().unwrap(), &(json!("DEGENERATION"), json!("STABILITY")));

    // Given back before its day, over GraphQL.
    let until = shop.today().checked_add_days(Days::new(10)).unwrap();
    let set = format!(
        "mutation {{ it: lifecycleOverride(id: \"{account}\", input: {{stage: STABILITY, reason: \"As it is.\", until: \"{until}\"}}) {{ stage source manualUntil }} }}"
    );
    let done = shop.admin.graphql(&set, json!({})).await.expect(200);
    assert_eq!(done.at("/data/it/source"), "MANUAL", "{}", done.body);
    assert_eq!(shop.moves(account).await.len(), last.len(), "to keep a stage is no move");
    assert_eq!(shop.apply(&[ruling(account, Degeneration, shop.today())]).moved, 0);
    let release = format!("mutation {{ it: lifecycleRelease(id: \"{account}\") {{ source manualUntil nextReview }} }}");
    let done = shop.admin.graphql(&release, json!({})).await.expect(200);
    assert_eq!((done.at("/data/it/source"), done.at("/data/it/manualUntil")), (&json!("RULE"), &Value::Null));
    let again = shop.admin.graphql(&release, json!({})).await.expect(200);
    assert_eq!(again.at("/errors/0/extensions/code"), "ILLEGAL_TRANSITION");
    assert_eq!(shop.apply(&[ruling(account, Degeneration, shop.today())]).moved, 1);
    assert_eq!(shop.apply(&[ruling(account, Exploration, shop.today())]).moved, 0, "never an illegal move");
}

#[actix_web::test]
async fn one_policy_is_published_however_many_try() {
    let shop = shop();
    let made = shop.act("lifecycle-policies", json!({"name": "Calm", "silenceLimit": "4", "fallOccasions": 6})).await;
    let made = made.expect(201);
    assert_eq!((made.at("/number"), made.at("/status")), (&json!(1), &json!("DRAFT")));
    assert_eq!(
        (made.at("/silenceLimit"), made.at("/fallTo")),
        (&json!("4.00"), &json!("0.60")),
        "the rest by definition"
    );
    let bad = json!({"name": "Bad", "fallTo": "1.5", "rises": 7, "growthPeriods": 6, "winsor": "0.2"});
    let refused = shop.act("lifecycle-policies", bad).await.expect(422);
    assert_eq!(refused.pointers(), ["/fallTo", "/winsor", "/rises"]);
    let policy = || {
        let cx = shop.stage.system(&shop.tenant);
        shop.stage.app.db.read(shop.tenant.id, |conn| kith_lifecycle::current(conn, &cx)).unwrap()
    };
    assert_eq!(policy(), (kith_lifecycle::rules::Policy::default(), None));
    let first = made.id();
    shop.act(&format!("lifecycle-policies/{first}/publish"), json!({})).await.expect(200);
    let (now, id) = policy();
    assert_eq!((now.silence_limit, now.fall_occasions, now.fall_to), (4.0, 6, 0.6));
    assert_eq!(id.map(|id| id.0.to_string()), Some(first.clone()));
    // What is published stays as it is.
    let path = format!("/v1/lifecycle-policies/{first}");
    assert_eq!(shop.admin.patch(&path, json!({"growth": "0.1"})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    assert_eq!(shop.admin.delete(&path).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let mut drafts = Vec::new();
    for number in 0..8 {
        drafts.push(shop.act("lifecycle-policies", json!({"name": format!("Draft {number}")})).await.expect(201).id());
    }
    let publish = async |id: &String| shop.act(&format!("lifecycle-policies/{id}/publish"), json!({})).await.status;
    let statuses = join_all(drafts.iter().map(publish)).await;
    assert_eq!(statuses, [200; 8]);
    for (status, count) in [("PUBLISHED", 1), ("RETIRED", 8), ("DRAFT", 0)] {
        let path = format!("/v1/lifecycle-policies?filter[status]={status}&count=exact");
        assert_eq!(shop.admin.get(&path).await.expect(200).at("/page/total"), count, "{status}");
    }
    let again = format!("mutation {{ it: lifecyclePolicyPublish(id: \"{first}\") {{ status }} }}");
    let refused = shop.admin.graphql(&again, json!({})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/code"), "ILLEGAL_TRANSITION", "what was retired stays so");
}

#[actix_web::test]
async fn risks_are_written_once_and_listed_by_value() {
    let shop = shop();
    let accounts = [shop.account(), shop.account(), shop.account()];
    let today = shop.today();
    let money = |amount: i64| kith_kernel::Money { amount: amount.into(), currency: kith_kernel::Currency::EUR };
    let mut risks: Vec<_> = accounts.iter().zip([0.2, 0.9, 0.5]).map(|(id, p)| risk(*id, p, today)).collect();
    (risks[0].value_at_risk, risks[1].value_at_risk) = (Some(money(900)), Some(money(100)));
    let write = |risks: &[RiskRuling]| {
        let cx = shop.stage.system(&shop.tenant);
        let db = &shop.stage.app.db;
        db.write(shop.tenant.id, |conn| {
            kith_lifecycle::apply_risks(conn, &cx, risks, kith_journal::derived::To::Readers).map(Verdict::Commit)
        })
        .unwrap()
    };
    assert_eq!((write(&risks), write(&risks)), (3, 0));
    risks[2].probability = Some(0.6);
    assert_eq!(write(&risks), 1);
    let listed = async |query: &str| {
        let found = shop.admin.get(&format!("/v1/churn-risks?{query}")).await.expect(200);
        found
            .at("/data")
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let id = |at: usize| accounts[at].to_string();
    assert_eq!(listed("sort=-probability").await, [id(1), id(2), id(0)]);
    assert_eq!(listed("sort=-valueAtRisk&filter[valueAtRisk][gt]=0").await, [id(0), id(1)]);
    assert_eq!(listed("filter[probability][gte]=0.6&sort=probability").await, [id(2), id(1)]);
    let sum = shop.admin.get("/v1/metrics/value-at-risk").await.expect(200);
    assert_eq!(sum.at("/total/value"), "1000", "{}", sum.body);
    let one = shop.admin.get(&format!("/v1/churn-risks/{}", accounts[2])).await.expect(200);
    assert_eq!(
        (one.at("/probability"), one.at("/baseline"), one.at("/version")),
        (&json!("0.60"), &json!("0.50"), &json!(2))
    );
}
