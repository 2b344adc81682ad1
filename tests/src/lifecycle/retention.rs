//! Plans against losses, and attempts to win back.

use super::*;
use kith_lifecycle::retention::is_control;

/// A campaign in which an account is treated, or left alone.
fn campaign(account: Uuid, control: bool) -> String {
    (0..).map(|n| format!("Campaign {n}")).find(|name| is_control(account.into(), name) == control).unwrap()
}

async fn plan(shop: &Shop, account: Uuid, more: Value) -> Answer {
    let mut body = json!({"name": "Call them", "campaign": campaign(account, false), "accountId": account,
        "lever": "SERVICE", "startsOn": shop.ago(60), "endsOn": shop.ago(1)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shop.act("retention-plans", body).await
}

#[actix_web::test]
async fn a_plan_goes_its_way_and_its_control_group_is_left_alone() {
    let shop = shop();
    let account = shop.account();
    let made = plan(&shop, account, json!({})).await.expect(201);
    assert_eq!((made.at("/status"), made.at("/isControl")), (&json!("PLANNED"), &json!(false)));
    let path = format!("retention-plans/{}", made.id());
    assert_eq!(
        shop.act(&format!("{path}/finish"), json!({})).await.expect(409).at("/errors/0/legal"),
        &json!(["start", "abandon"])
    );
    let started = format!("mutation {{ it: retentionPlanStart(id: \"{}\") {{ status }} }}", made.id());
    assert_eq!(shop.admin.graphql(&started, json!({})).await.expect(200).at("/data/it/status"), "ACTIVE");
    let action = json!({"retentionPlanId": made.id(), "name": "Call", "dueOn": shop.today()});
    let action = shop.act("retention-actions", action).await.expect(201);
    assert_eq!(action.at("/lever"), "SERVICE", "the plan's");
    let complete = format!("retention-actions/{}/complete", action.id());
    let done = shop
        .act(&complete, json!({"outcome": "WORKED", "cost": {"amount": "12", "currency": "EUR"}}))
        .await
        .expect(200);
    assert_eq!((done.at("/outcome"), done.at("/cost/amount")), (&json!("WORKED"), &json!("12.00")));
    assert_eq!(shop.act(&complete, json!({"outcome": "UNKNOWN"})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let counted = shop.admin.get("/v1/metrics/retention-actions?groupBy=outcome").await.expect(200);
    assert_eq!(counted.at("/rows/0/group/outcome/key"), "WORKED", "{}", counted.body);
    shop.act(&format!("{path}/finish"), json!({})).await.expect(200);
    let refused = shop.act(&format!("{path}/abandon"), json!({})).await.expect(409);
    assert_eq!(refused.at("/errors/0/legal"), &json!([]));
    let late = json!({"retentionPlanId": made.id(), "name": "Call again"});
    assert_eq!(shop.act("retention-actions", late).await.expect(409).code(), "ILLEGAL_TRANSITION", "the plan is over");

    let alone = plan(&shop, account, json!({"campaign": campaign(account, true)})).await.expect(201);
    assert_eq!(alone.at("/isControl"), &json!(true));
    let action = json!({"retentionPlanId": alone.id(), "name": "Call"});
    assert_eq!(shop.act("retention-actions", action).await.expect(409).code(), "ILLEGAL_TRANSITION");
    shop.act(&format!("retention-plans/{}/abandon", alone.id()), json!({})).await.expect(200);
}

#[actix_web::test]
async fn what_a_campaign_achieved_is_told_against_those_left_alone() {
    let shop = shop();
    let (mut treated, mut control) = (Vec::new(), Vec::new());
    while treated.len() < 4 || control.len() < 2 {
        let account = shop.account();
        if is_control(account.into(), "Autumn") { control.push(account) } else { treated.push(account) }
    }
    for account in treated[..4].iter().chain(&control[..2]) {
        plan(&shop, *account, json!({"campaign": "Autumn"})).await.expect(201);
    }
    // Three of four of the treated buy during their plan, and one of the two others; one buys too late.
    treated[..3].iter().chain(&control[..1]).for_each(|account| shop.bought(*account, shop.ago(30), 10));
    shop.bought(treated[3], shop.ago(0), 10);
    let found = shop.admin.get("/v1/reports/retention-uplift?campaign=Autumn").await.expect(200);
    let row = found.at("/rows/0").clone();
    assert_eq!(row["treated"], json!({"customers": 4, "kept": 3, "rate": 0.75}));
    assert_eq!((&row["control"]["rate"], &row["uplift"]), (&json!(0.5), &json!(0.25)));
    assert!(row["low"].as_f64().unwrap() < 0.0 && row["high"].as_f64().unwrap() > 0.25, "so few prove nothing: {row}");
    let query = "{ retentionUplift(campaign: \"Autumn\") { rows { campaign uplift treated { kept } } } }";
    let same = shop.admin.graphql(query, json!({})).await.expect(200);
    assert_eq!(same.at("/data/retentionUplift/rows/0/uplift"), &json!(0.25), "{}", same.body);
}

#[actix_web::test]
async fn a_customer_is_won_back_by_an_order_within_its_time() {
    let mut shop = shop();
    let account = shop.account();
    let event = async |kind: &str| {
        let body = json!({"accountId": account, "occurredOn": shop.ago(1), "kind": kind});
        shop.act("churn-events", body).await.expect(201).id()
    };
    for kind in ["NATURAL", "MALICIOUS"] {
        let refused = shop.act("win-back-cases", json!({"churnEventId": event(kind).await})).await.expect(422);
        assert_eq!(refused.pointers(), ["/churnEventId"], "{kind}");
    }
    let fault = event("FAULT").await;
    shop.act(&format!("churn-events/{fault}/confirm"), json!({})).await.expect(200);
    let money = |amount: &str, currency: &str| json!({"amount": amount, "currency": currency});
    let mixed = json!({"churnEventId": fault, "targetValue": money("1000", "EUR"), "cost": money("50", "USD")});
    assert_eq!(shop.act("win-back-cases", mixed).await.expect(422).code(), "VALIDATION_FAILED");
    let body = json!({"churnEventId": fault, "targetValue": money("1000", "EUR"), "cost": money("50", "EUR")});
    let case = shop.act("win-back-cases", body.clone()).await.expect(201);
    // 0.3 × 1000 − 50.
    assert_eq!((case.at("/score"), case.at("/scoreParts/chance")), (&json!("250.00"), &json!("0.3")));
    assert_eq!(case.at("/accountId"), &json!(account));
    assert_eq!(shop.act("win-back-cases", body.clone()).await.expect(409).code(), "DUPLICATE", "one at a time");
    let path = format!("win-back-cases/{}", case.id());
    let order = async |shop: &Shop, account: Uuid, status: &str| {
        let made = shop.act("orders", json!({"accountId": account, "currency": "EUR"})).await.expect(201).id();
        let line = json!({"orderId": made, "description": "Chai", "quantity": "1", "unitPrice": money("10", "EUR")});
        shop.act("order-lines", line).await.expect(201);
        shop.admin.patch(&format!("/v1/orders/{made}"), json!({"status": status})).await.expect(200);
        made
    };
    let early = order(&shop, account, "CONFIRMED").await;
    let save = async |shop: &Shop, order: &str| shop.act(&format!("{path}/save"), json!({"orderId": order})).await;
    assert_eq!(save(&shop, &early).await.expect(409).at("/errors/0/legal"), &json!(["offer", "abandon"]));
    assert_eq!(shop.act(&format!("{path}/offer"), json!({})).await.expect(422).pointers(), ["/offer"]);
    shop.later(1);
    shop.act(&format!("{path}/offer"), json!({"offer": "Free delivery."})).await.expect(200);
    let other = shop.account();
    let (own, back) = (order(&shop, account, "CONFIRMED").await, order(&shop, account, "CONFIRMED").await);
    shop.admin.patch(&format!("/v1/orders/{own}"), json!({"isInternal": true})).await.expect(200);
    let refund = async |shop: &Shop, order: &str, amount: &str| {
        shop.act("refunds", json!({"orderId": order, "net": money(amount, "EUR")})).await.expect(201)
    };
    refund(&shop, &back, "10").await;
    for (why, order) in [
        ("our own", own),
        ("all of it came back", back),
        ("before the offer", early),
        ("of another customer", order(&shop, other, "CONFIRMED").await),
        ("cancelled", order(&shop, account, "CANCELLED").await),
        ("of nobody", shop.stage.system(&shop.tenant).new_id().to_string()),
    ] {
        assert_eq!(save(&shop, &order).await.expect(422).pointers(), ["/orderId"], "{why}");
    }
    shop.later(30);
    let good = order(&shop, account, "CONFIRMED").await;
    refund(&shop, &good, "4").await;
    let done = save(&shop, &good).await.expect(200);
    assert_eq!((done.at("/status"), done.at("/orderId")), (&json!("SAVED"), &json!(good)));
    let back = shop.lifecycle(account).await;
    assert_eq!(
        (&back["stage"], &back["rule"], &back["lifetimes"]),
        (&json!("EXPLORATION"), &json!("RETURNED"), &json!(2))
    );
    for (verb, body) in [("lose", json!({"reason": "x"})), ("abandon", json!({"reason": "x"})), ("offer", json!({}))] {
        assert_eq!(
            shop.act(&format!("{path}/{verb}"), body).await.expect(409).at("/errors/0/legal"),
            &json!([]),
            "{verb}"
        );
    }
    // The next one of the kind has the better chance, and is lost; then over half a year.
    let next = shop.act("win-back-cases", body.clone()).await.expect(201);
    assert_eq!(next.at("/scoreParts/chance"), "0.3333", "7 of 21");
    let offer = format!(
        "mutation {{ it: winBackCaseOffer(id: \"{}\", input: {{offer: \"Again.\"}}) {{ status }} }}",
        next.id()
    );
    assert_eq!(shop.admin.graphql(&offer, json!({})).await.expect(200).at("/data/it/status"), "OFFERED");
    shop.later(181);
    let late = order(&shop, account, "CONFIRMED").await;
    let path = format!("win-back-cases/{}", next.id());
    assert_eq!(shop.act(&format!("{path}/save"), json!({"orderId": late})).await.expect(422).pointers(), ["/orderId"]);
    shop.act(&format!("{path}/lose"), json!({"reason": "No answer."})).await.expect(200);
    let rate = shop.admin.get("/v1/metrics/win-back-save-rate?groupBy=kind").await.expect(200);
    assert_eq!(
        (rate.at("/rows/0/group/kind/key"), rate.at("/rows/0/value")),
        (&json!("FAULT"), &json!("50")),
        "{}",
        rate.body
    );
}

#[actix_web::test]
async fn who_asked_not_to_be_contacted_is_not_won_back() {
    let shop = shop();
    let account = shop.account();
    let contact = shop.act("contacts", json!({"familyName": "Anders", "accountId": account})).await.expect(201).id();
    let event = json!({"accountId": account, "occurredOn": shop.ago(3), "kind": "FAULT"});
    let event = shop.act("churn-events", event).await.expect(201);
    assert_eq!(event.at("/play"), "COMPLAINTS");
    let point = |of: Value, value: &str, unwanted: bool| {
        let mut body = json!({"channel": "EMAIL", "value": value, "doNotContact": unwanted});
        body.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        shop.act("contact-points", body)
    };
    let (office, person) = (json!({"accountId": account}), json!({"contactId": contact}));
    point(office, "office@example.com", true).await.expect(201);
    let body = json!({"churnEventId": event.id(), "offer": "Free delivery."});
    let refused = shop.act("win-back-cases", body.clone()).await.expect(422);
    assert_eq!(refused.pointers(), ["/churnEventId"]);
    assert!(refused.text.contains("asked not to be contacted"), "{}", refused.text);
    let open = point(person, "anders@example.com", false).await.expect(201).id();
    let case = shop.act("win-back-cases", body).await.expect(201).id();
    // They say so before the offer is made.
    let path = format!("/v1/contact-points/{open}");
    shop.admin.patch(&path, json!({"doNotContact": true})).await.expect(200);
    let refused = shop.act(&format!("win-back-cases/{case}/offer"), json!({})).await.expect(409);
    assert_eq!(refused.at("/errors/0/legal"), &json!(["abandon"]));
    shop.admin.patch(&path, json!({"doNotContact": false})).await.expect(200);
    shop.act(&format!("win-back-cases/{case}/offer"), json!({})).await.expect(200);
    // What can be done follows why it was.
    let natural = json!({"kind": "NATURAL", "reason": "They closed."});
    let done = shop.act(&format!("churn-events/{}/reclassify", event.id()), natural).await.expect(200);
    assert_eq!(done.at("/play"), "NONE");
}
