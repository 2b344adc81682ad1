//! Referrals: nobody brings themselves, nobody is brought twice, and both are rewarded once.

use super::club;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_referral_qualifies_by_the_first_order_and_rewards_both() {
    let club = club(json!({"referrerPoints": "500", "referredPoints": "250"})).await;
    let account = club.account().await;
    let referrer = club.join(&account).await;
    let other = club.member().await;
    let friend = club.account().await;
    let refer = async |member: &str, more: Value| {
        let mut body = json!({"referrerMembershipId": member});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        club.admin.post("/v1/referrals", body).await
    };
    let point = json!({"accountId": account, "channel": "EMAIL", "value": "Me@Example.com"});
    club.admin.post("/v1/contact-points", point).await.expect(201);
    for (body, pointer) in [
        (json!({"referredAccountId": account}), "/referredAccountId"),
        (json!({"referredEmail": "me@example.com"}), "/referredEmail"),
        (json!({"referredEmail": "nobody"}), "/referredEmail"),
        (json!({}), "/referredAccountId"),
    ] {
        assert_eq!(refer(&referrer, body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
    let made = refer(&referrer, json!({"referredAccountId": friend})).await.expect(201);
    assert_eq!((made.at("/status"), made.at("/programId")), (&json!("PENDING"), &json!(club.program)));
    assert_eq!(refer(&other, json!({"referredAccountId": friend})).await.expect(409).code(), "DUPLICATE");
    let path = format!("/v1/referrals/{}", made.id());
    let qualify = async |order: &str| club.admin.post(&format!("{path}/qualify"), json!({"orderId": order})).await;
    let foreign = club.order(&account, "10").await;
    assert_eq!(qualify(&foreign).await.expect(422).pointers(), ["/orderId"], "an order of somebody else");
    let draft = json!({"accountId": friend, "currency": "EUR"});
    let draft = club.admin.post("/v1/orders", draft).await.expect(201).id();
    assert_eq!(qualify(&draft).await.expect(422).pointers(), ["/orderId"], "nothing is ordered yet");
    let first = club.order(&friend, "10").await;
    let second = club.order(&friend, "10").await;
    assert_eq!(qualify(&second).await.expect(422).pointers(), ["/orderId"], "not the first");
    let qualified = qualify(&first).await.expect(200);
    assert_eq!((qualified.at("/status"), qualified.at("/orderId")), (&json!("QUALIFIED"), &json!(first)));
    assert_eq!(club.read(&referrer).await.at("/balance"), "500.00");
    assert_eq!(qualify(&first).await.expect(409).at("/errors/0/legal"), &json!(["reward"]));
    // The friend joins later, and asks as often as they like.
    let joined = club.join(&friend).await;
    for at in 0..3 {
        let answer = club.admin.send("POST", &format!("{path}/reward"), None).await;
        assert_eq!(answer.status, if at == 0 { 200 } else { 409 }, "{}", answer.body);
    }
    assert_eq!(club.admin.get(&path).await.at("/status"), "REWARDED");
    assert_eq!(club.read(&joined).await.at("/balance"), "250.00");
    assert_eq!(club.read(&referrer).await.at("/balance"), "500.00");
    club.admin.post(&format!("{path}/reject"), json!({"reason": "x"})).await.expect(409);
    club.adds_up().await;
}

#[actix_web::test]
async fn a_customer_known_by_e_mail_is_found_by_the_order() {
    let club = club(json!({"referrerPoints": "5"})).await;
    let referrer = club.member().await;
    let refer = async || {
        let body = json!({"referrerMembershipId": referrer, "referredEmail": "Bo@Example.com"});
        club.admin.post("/v1/referrals", body).await
    };
    let made = refer().await.expect(201);
    assert_eq!(made.at("/referredEmail"), "bo@example.com");
    assert_eq!(refer().await.expect(409).code(), "DUPLICATE");
    // Who was rejected can be brought again.
    let reject = format!("/v1/referrals/{}/reject", made.id());
    club.admin.post(&reject, json!({"reason": "A mistake"})).await.expect(200);
    let made = refer().await.expect(201).id();
    let friend = club.account().await;
    let order = club.order(&friend, "10").await;
    let qualify = format!("/v1/referrals/{made}/qualify");
    let refused = club.admin.post(&qualify, json!({"orderId": order})).await.expect(422);
    assert_eq!(refused.pointers(), ["/orderId"], "nobody knows that it is Bo");
    let contact = json!({"familyName": "Bo", "accountId": friend});
    let contact = club.admin.post("/v1/contacts", contact).await.expect(201).id();
    let point = json!({"contactId": contact, "channel": "EMAIL", "value": "bo@example.com"});
    club.admin.post("/v1/contact-points", point).await.expect(201);
    let qualified = club.admin.post(&qualify, json!({"orderId": order})).await.expect(200);
    assert_eq!((qualified.at("/status"), qualified.at("/referredAccountId")), (&json!("REWARDED"), &json!(friend)));
    assert_eq!(club.read(&referrer).await.at("/balance"), "5.00");
    club.adds_up().await;
}

#[actix_web::test]
async fn an_order_that_is_no_purchase_neither_qualifies_nor_comes_before_one() {
    let club = club(json!({"referrerPoints": "5"})).await;
    let referrer = club.member().await;
    let friend = club.account().await;
    let body = json!({"referrerMembershipId": referrer, "referredAccountId": friend});
    let made = club.admin.post("/v1/referrals", body).await.expect(201).id();
    let path = format!("/v1/referrals/{made}/qualify");
    for (order, why) in club.no_purchases(&friend).await {
        let refused = club.admin.post(&path, json!({"orderId": order})).await.expect(422);
        assert_eq!(refused.pointers(), ["/orderId"], "{why}");
    }
    let first = club.order(&friend, "10").await;
    club.refund(&first, "4").await;
    let second = club.order(&friend, "10").await;
    let refused = club.admin.post(&path, json!({"orderId": second})).await.expect(422);
    assert_eq!(refused.pointers(), ["/orderId"], "some of the first was kept");
    let qualified = club.admin.post(&path, json!({"orderId": first})).await.expect(200);
    assert_eq!((qualified.at("/status"), qualified.at("/orderId")), (&json!("REWARDED"), &json!(first)));
    assert_eq!(club.read(&referrer).await.at("/balance"), "5.00");
    club.adds_up().await;
}
