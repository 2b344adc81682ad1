//! What is sent, and with which signature.

use super::{Got, Post, Receiver};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use kith_webhooks::signature;
use serde_json::{Value, json};

/// Whether one of the signatures of a request is that of a secret as it was shown.
fn verifies(got: &Got, shown: &str) -> bool {
    let secret = STANDARD.decode(shown.strip_prefix("whsec_").unwrap()).unwrap();
    let at: i64 = got.headers["webhook-timestamp"].parse().unwrap();
    let expected = signature::header([secret.as_slice()].into_iter(), got.id(), at, &got.raw).unwrap();
    got.headers["webhook-signature"].split(' ').any(|one| one == expected)
}

#[actix_web::test]
async fn a_change_is_sent_signed_and_whole_and_secrets_change_with_an_overlap() {
    let post = Post::new();
    let receiver = Receiver::fine();
    let endpoint = post.endpoint(&receiver, json!({})).await;
    let keyed = post.admin().with("idempotency-key", "once");
    let path = format!("/v1/webhook-endpoints/{endpoint}");
    let shown = keyed.post(&format!("{path}/rotate"), json!({})).await.expect(200);
    let first = shown.at("/secret").as_str().unwrap().to_owned();
    assert!(first.starts_with("whsec_") && first.len() == 50, "{first}");
    // Nobody sees it again: not by reading, not in the journal, not by the same key.
    assert_eq!(post.admin().get(&path).await.expect(200).at("/secret"), &Value::Null);
    let id = post.account("Old name").await;
    post.rename(&id, "New name").await;
    let got = receiver.wait(2).await;
    let (made, changed) = (&got[0], &got[1]);
    assert_eq!(made.body["type"], "account.created");
    assert_eq!((&made.body["before"], &made.body["data"]["name"]), (&Value::Null, &json!("Old name")));
    let members: Vec<_> = changed.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["id", "type", "occurredAt", "tenantId", "data", "changedFields", "before"]);
    assert_eq!(changed.body["type"], "account.updated");
    assert_eq!(changed.body["tenantId"], json!(post.tenant.id));
    assert_eq!(changed.body["changedFields"], json!(["name"]));
    assert_eq!(
        (&changed.body["before"]["name"], &changed.body["data"]["name"]),
        (&json!("Old name"), &json!("New name"))
    );
    assert_eq!(changed.body["data"], post.admin().get(&format!("/v1/accounts/{id}")).await.expect(200).body);
    assert_eq!(changed.body["id"], json!(changed.id()));
    assert_eq!(changed.headers["content-type"], "application/json");
    assert!(got.iter().all(|got| verifies(got, &first)));
    assert!(!verifies(&Got { raw: b"{}".to_vec(), ..changed.clone() }, &first));
    // For a day there are two, then one.
    let second = keyed.post(&format!("{path}/rotate"), json!({})).await.expect(200);
    let second = second.at("/secret").as_str().unwrap().to_owned();
    assert_ne!(first, second, "the key did not keep it");
    post.rename(&id, "Newer").await;
    let both = receiver.wait(3).await[2].clone();
    assert!(verifies(&both, &first) && verifies(&both, &second));
    post.stage.app.clock.advance(TimeDelta::hours(25));
    post.rename(&id, "Newest").await;
    let one = receiver.wait(4).await[3].clone();
    assert!(!verifies(&one, &first) && verifies(&one, &second));
    assert_eq!(one.headers["webhook-signature"].split(' ').count(), 1);
    let ends = post.until_delivery(&endpoint, |one| one["state"] == "DELIVERED").await;
    assert_eq!((&ends["attempts"], &ends["lastStatus"]), (&json!(1), &json!(204)));
}

#[actix_web::test]
async fn no_table_holds_a_secret_that_was_shown() {
    use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
    #[derive(QueryableByName)]
    struct Table {
        #[diesel(sql_type = st::Text)]
        name: String,
    }
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = st::BigInt)]
        found: i64,
    }
    let post = Post::quiet();
    let receiver = Receiver::fine();
    let endpoint = post.endpoint(&receiver, json!({})).await;
    let keyed = post.admin().with("idempotency-key", "once");
    let shown = keyed.post(&format!("/v1/webhook-endpoints/{endpoint}/rotate"), json!({})).await.expect(200);
    let shown = shown.at("/secret").as_str().unwrap().strip_prefix("whsec_").unwrap().to_owned();
    let bytes: String = STANDARD.decode(&shown).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut owner = post.stage.scratch.owner();
    let tables =
        "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    let tables: Vec<Table> = sql_query(tables).load(&mut owner).unwrap();
    assert!(tables.len() > 50);
    for Table { name } in tables {
        for text in [&shown, &bytes] {
            let query = format!("SELECT count(*) AS found FROM {name} t WHERE t::text LIKE '%{text}%'");
            let found: Found = sql_query(query).get_result(&mut owner).unwrap();
            assert_eq!(found.found, 0, "{name}");
        }
    }
}

#[actix_web::test]
async fn only_what_is_wanted_is_sent() {
    let post = Post::new();
    let [by_type, by_filter, by_field, all] = [(); 4].map(|()| Receiver::fine());
    post.endpoint(&by_type, json!({"eventTypes": ["*.archived", "tag.created"]})).await;
    let filter = json!({"accounts": {"name": {"startsWith": "Big"}}});
    post.endpoint(&by_filter, json!({"filters": filter, "payloadFields": ["name"]})).await;
    post.endpoint(&by_field, json!({"changedFields": ["website"]})).await;
    post.endpoint(&all, json!({"eventTypes": ["*"]})).await;
    let id = post.account("Small").await;
    post.rename(&id, "Big").await;
    post.rename(&id, "Small again").await;
    let admin = post.admin();
    admin.patch(&format!("/v1/accounts/{id}"), json!({"website": "https://example.com"})).await.expect(200);
    admin.post("/v1/tags", json!({"name": "one"})).await.expect(201);
    admin.delete(&format!("/v1/accounts/{id}")).await.expect(204);
    // What runs by itself is told of as well; what was done here comes six times, and the endpoint's own making.
    all.wait(7).await;
    let types = |got: Vec<Got>| got.iter().map(|got| got.body["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let mut archived = types(by_type.wait(2).await);
    archived.sort();
    assert_eq!(archived, ["account.archived", "tag.created"]);
    // As the change left it: it is small again by now.
    let big = by_filter.wait(1).await;
    assert_eq!(types(big.clone()), ["account.updated"]);
    assert_eq!(big[0].body["data"], json!({"id": id, "version": 2, "name": "Big"}));
    assert_eq!(big[0].body["before"], json!({"id": id, "version": 1, "name": "Small"}));
    let field = by_field.wait(3).await;
    assert_eq!(types(field), ["account.created", "account.updated", "account.archived"]);
    let ours =
        || types(all.got()).iter().filter(|kind| kind.starts_with("account.") || kind.starts_with("tag.")).count();
    for _ in 0..100 {
        if ours() < 6 {
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!([by_type.got().len(), by_filter.got().len(), by_field.got().len(), ours()], [2, 1, 3, 6]);
}

#[actix_web::test]
async fn what_no_event_can_be_is_refused() {
    let post = Post::quiet();
    let admin = post.admin();
    let good = json!({"url": "https://example.com/", "eventTypes": ["*"]});
    for (name, value, pointer) in [
        ("url", json!("http://example.com/"), "/url"),
        ("url", json!("https://127.0.0.1/"), "/url"),
        ("eventTypes", json!([]), "/eventTypes"),
        ("eventTypes", json!({}), "/eventTypes"),
        ("eventTypes", json!(["planet.updated"]), "/eventTypes"),
        ("eventTypes", json!(["account"]), "/eventTypes"),
        ("eventTypes", json!([1]), "/eventTypes"),
        ("filters", json!({"planets": {}}), "/filters/planets"),
        ("filters", json!({"accounts": {"nothing": {"eq": 1}}}), "/filters/accounts/nothing"),
        ("filters", json!([]), "/filters"),
        ("changedFields", json!([]), "/changedFields"),
        ("payloadFields", json!([7]), "/payloadFields"),
    ] {
        let mut body = good.clone();
        body[name] = value;
        let refused = admin.post("/v1/webhook-endpoints", body).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{}", refused.body);
    }
    let made = admin.post("/v1/webhook-endpoints", good).await.expect(201).id();
    for (body, pointer) in [
        (json!({}), "/after"),
        (json!({"after": "abc"}), "/after"),
        (json!({"after": "abc", "since": "2026-01-01T00:00:00Z"}), "/after"),
    ] {
        let refused = post.tell(&made, "replay", body).await.expect(422);
        assert_eq!(refused.pointers(), [pointer]);
    }
}

#[actix_web::test]
async fn a_test_is_sent_and_a_replay_sends_the_same_ids_again() {
    let post = Post::new();
    let receiver = Receiver::fine();
    let endpoint = post.endpoint(&receiver, json!({})).await;
    post.tell(&endpoint, "test", json!({})).await.expect(200);
    let test = receiver.wait(1).await[0].clone();
    assert_eq!((&test.body["type"], &test.body["data"]["id"]), (&json!("webhookEndpoint.test"), &json!(endpoint)));
    let began = post.stage.now();
    // Of one record, so that they come in order.
    let id = post.account("A").await;
    for name in ["B", "C"] {
        post.rename(&id, name).await;
    }
    let first: Vec<_> = receiver.wait(4).await[1..].iter().map(|got| got.id().to_owned()).collect();
    post.until_delivery(&endpoint, |_| true).await;
    let all = post.deliveries(&endpoint).await;
    let b = all.iter().find(|one| one["eventId"] == json!(first[1])).unwrap();
    post.tell(&endpoint, "replay", json!({"after": b["cursor"]})).await.expect(200);
    let again = receiver.wait(5).await;
    assert_eq!(again[4].id(), first[2], "what came after it, and nothing else");
    assert_eq!(again[4].raw, again[3].raw, "the same bytes");
    post.tell(&endpoint, "replay", json!({"since": began})).await.expect(200);
    let mut again: Vec<_> = receiver.wait(8).await[5..].iter().map(|got| got.id().to_owned()).collect();
    again.sort();
    assert_eq!(again, first);
    assert_eq!(post.deliveries(&endpoint).await.len(), 4, "one for each event");
}
