//! Public forms: what strangers may send, and what becomes of it.

use super::{Desk, desk};
use futures_util::future::join_all;
use kith_testkit::Answer;
use serde_json::{Value, json};

async fn form(desk: &Desk, more: Value) -> String {
    let mut body = json!({"name": "Catalogue", "honeypot": "website"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = desk.admin.post("/v1/lead-forms", body).await.expect(201);
    made.body["publicKey"].as_str().unwrap().to_owned()
}

async fn send(desk: &Desk, key: &str, body: Value) -> Answer {
    desk.stage.anonymous().post(&format!("/v1/capture/{key}"), body).await
}

#[actix_web::test]
async fn a_form_becomes_a_lead_with_where_it_came_from() {
    let desk = desk().await;
    let key = form(&desk, json!({"responseMinutes": 60, "campaign": "always"})).await;
    let sent = json!({"givenName": "Maria", "email": "Maria@Example.com", "organization": "", "utmSource": "newsletter", "utmCampaign": "spring", "landingPage": "https://example.com/tea"});
    let stranger = desk.stage.anonymous().with("referer", "https://search.example/");
    let taken = stranger.post(&format!("/v1/capture/{key}"), sent).await.expect(202);
    assert_eq!(taken.body, json!({"status": "ACCEPTED"}), "a stranger learns nothing");
    let list = desk.admin.get("/v1/leads").await.expect(200);
    let lead = list.at("/data/0");
    assert_eq!(
        (&lead["name"], &lead["source"], &lead["campaign"]),
        (&json!("Maria"), &json!("Catalogue"), &json!("spring"))
    );
    let expected = json!({"utmSource": "newsletter", "utmCampaign": "spring", "landingPage": "https://example.com/tea", "referrer": "https://search.example/"});
    assert_eq!(lead["attribution"], expected);
    assert_eq!(
        (&lead["optIn"], &lead["createdBy"], &lead["organization"]),
        (&json!("NOT_NEEDED"), &Value::Null, &Value::Null)
    );
    assert!(lead["respondBy"].is_string());
    // As a form in a page sends it.
    let text = "familyName=M%C3%BCller&email=m%40example.com&interest=Tea+and+coffee&phone=";
    let page = desk.stage.anonymous().with("content-type", "application/x-www-form-urlencoded");
    page.send("POST", &format!("/v1/capture/{key}"), Some(text.into())).await.expect(202);
    let found = desk.admin.get("/v1/leads?filter[email]=m@example.com").await.expect(200);
    assert_eq!((found.at("/data/0/name"), found.at("/data/0/interest")), (&json!("Müller"), &json!("Tea and coffee")));
}

#[actix_web::test]
async fn what_a_form_may_not_say_is_refused_and_robots_are_thanked() {
    let desk = desk().await;
    let key = form(&desk, json!({})).await;
    let robot =
        json!({"familyName": "Bot", "email": "bot@example.com", "website": "https://spam.example", "anything": 1});
    assert_eq!(send(&desk, &key, robot).await.expect(202).body, json!({"status": "ACCEPTED"}));
    assert_eq!(desk.count("leads").await, 0);
    let good = json!({"familyName": "Anders", "email": "a@example.com"});
    for (name, value, pointer) in [
        ("ownerId", json!("01980000-0000-7000-8000-000000000001"), "/ownerId"),
        ("status", json!("CONVERTED"), "/status"),
        ("formId", json!("x"), "/formId"),
        ("email", json!("nobody"), "/email"),
        ("email", Value::Null, "/email"),
        ("timing", json!("SOON"), "/timing"),
        ("utmSource", json!("x".repeat(1_001)), "/utmSource"),
        ("utmSource", json!({"deep": []}), "/utmSource"),
        ("landingPage", json!("a\u{0}"), "/landingPage"),
        ("interest", json!("x".repeat(2_001)), "/interest"),
    ] {
        let mut body = good.clone();
        body[name] = value.clone();
        assert_eq!(send(&desk, &key, body).await.expect(422).pointers(), [pointer], "{name}: {value}");
    }
    assert_eq!(
        send(&desk, &key, json!({"interest": "x".repeat(40_000)})).await.expect(413).code(),
        "PAYLOAD_TOO_LARGE"
    );
    let page = desk.stage.anonymous().with("content-type", "application/x-www-form-urlencoded");
    page.send("POST", &format!("/v1/capture/{key}"), Some("email=a%40b.example&email=c%40d.example".into()))
        .await
        .expect(422);
    page.send("POST", &format!("/v1/capture/{key}"), Some("email=%ff".into())).await.expect(400);
    // Keys that open nothing, whatever they look like.
    let other = desk.stage.tenant();
    let foreign = format!("{}{}", other.id.simple(), &key[32..]);
    let nothing = [
        "0".repeat(64),
        key.to_uppercase(),
        key.replace(&key[40..44], "zzzz"),
        "%C3%A9".repeat(32),
        "x".into(),
        foreign,
    ];
    for bad in nothing {
        send(&desk, &bad, good.clone()).await.expect(404);
    }
    let forms = desk.admin.get("/v1/lead-forms").await.expect(200);
    let id = forms.at("/data/0/id").as_str().unwrap();
    desk.admin.patch(&format!("/v1/lead-forms/{id}"), json!({"isPaused": true})).await.expect(200);
    send(&desk, &key, good.clone()).await.expect(404);
    assert_eq!(desk.count("leads").await, 0, "nothing half-done is kept");
    let clash = desk.admin.post("/v1/lead-forms", json!({"name": "Other", "honeypot": "email"})).await.expect(422);
    assert_eq!(clash.pointers(), ["/honeypot"]);
}

#[actix_web::test]
async fn a_form_sent_again_with_its_key_makes_one_lead() {
    let desk = desk().await;
    let key = form(&desk, json!({})).await;
    let stranger = desk.stage.anonymous().with("idempotency-key", "one");
    let path = format!("/v1/capture/{key}");
    let body = json!({"familyName": "Anders", "email": "a@example.com"});
    for answer in join_all((0..8).map(|_| stranger.post(&path, body.clone()))).await {
        assert!([202, 409].contains(&answer.status), "{}", answer.body);
    }
    let again = stranger.post(&path, body.clone()).await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(desk.count("leads").await, 1);
    // The same key at another form is another key.
    let other = form(&desk, json!({"name": "Other"})).await;
    let elsewhere = stranger.post(&format!("/v1/capture/{other}"), body).await.expect(202);
    assert_eq!(elsewhere.header("idempotency-replayed"), None);
}

#[actix_web::test]
async fn strangers_have_a_rate_of_their_own() {
    let desk = desk().await;
    let one = form(&desk, json!({})).await;
    let mut refused = 0;
    for number in 0..40 {
        // Keys of nothing cost as much as those of forms.
        let key = if number % 2 == 0 { one.clone() } else { format!("{}{number:032x}", &one[..32]) };
        let answer = send(&desk, &key, json!({"familyName": "A", "email": format!("a{number}@example.com")})).await;
        refused += i32::from(answer.status == 429);
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some());
        }
    }
    assert!((8..=10).contains(&refused), "30 a minute, {refused} of 40 refused");
}

#[actix_web::test]
async fn with_double_opt_in_a_lead_waits_until_it_is_confirmed() {
    let desk = desk().await;
    let key = form(&desk, json!({"doubleOptIn": true, "responseMinutes": 5})).await;
    let user = desk.stage.user(&desk.tenant, "MEMBER");
    desk.make("lead-assignment-rules", json!({"name": "All", "position": 1, "method": "USER", "userId": user})).await;
    desk.make("lead-scoring-rules", json!({"name": "All", "filter": {}, "points": 7})).await;
    let unreachable = json!({"familyName": "Anders", "phone": "+49 30 0074321"});
    assert_eq!(send(&desk, &key, unreachable).await.expect(422).pointers(), ["/email"]);
    let sent = send(&desk, &key, json!({"familyName": "Anders", "email": "a@example.com"})).await.expect(202);
    assert_eq!(sent.body, json!({"status": "CONFIRMATION_NEEDED"}));
    let lead = desk.admin.get("/v1/leads").await.expect(200).at("/data/0").clone();
    assert_eq!(
        (&lead["optIn"], &lead["ownerId"], &lead["score"], &lead["respondBy"]),
        (&json!("PENDING"), &Value::Null, &json!(0), &Value::Null)
    );
    let id = lead["id"].as_str().unwrap();
    assert_eq!(desk.act(id, "convert", json!({})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let confirm =
        async |key: &str, with: Value| desk.stage.anonymous().post(&format!("/v1/capture/{key}/confirm"), with).await;
    let good = json!({"key": lead["confirmationKey"]});
    let elsewhere = form(&desk, json!({"name": "Other"})).await;
    confirm(&elsewhere, good.clone()).await.expect(422);
    for bad in [json!({}), json!({"key": "x"}), json!({"key": 1}), json!({"key": lead["id"]})] {
        assert_eq!(confirm(&key, bad).await.expect(422).pointers(), ["/key"]);
    }
    for verb in ["respond", "assign", "qualify"] {
        assert_eq!(
            desk.act(id, verb, json!({})).await.expect(409).at("/errors/0/legal"),
            &json!(["disqualify"]),
            "{verb}"
        );
    }
    let alone = json!({"familyName": "B", "optIn": "PENDING"});
    assert_eq!(desk.admin.post("/v1/leads", alone).await.expect(422).pointers(), ["/formId"]);
    // The campaign is over; the mail is read all the same.
    let forms = desk.admin.get(&format!("/v1/lead-forms?filter[publicKey]={key}")).await.expect(200);
    let paused = format!("/v1/lead-forms/{}", forms.at("/data/0/id").as_str().unwrap());
    desk.admin.patch(&paused, json!({"isPaused": true})).await.expect(200);
    confirm(&key, good.clone()).await.expect(204);
    confirm(&key, good).await.expect(204);
    let now = desk.lead(id).await;
    assert_eq!((&now["optIn"], &now["ownerId"], &now["score"]), (&json!("CONFIRMED"), &json!(user), &json!(7)));
    assert_eq!((now["version"].as_i64(), &now["confirmationKey"]), (Some(2), &Value::Null));
    assert!(now["confirmedAt"].is_string() && now["respondBy"].is_string());
}
