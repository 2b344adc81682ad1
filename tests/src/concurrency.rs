//! Writes at the same time: nothing is lost, nothing is done twice, and who stands in the way of another goes again.

use diesel::connection::SimpleConnection;
use futures_util::future::join_all;
use kith_testkit::{Client, Stage};
use serde_json::json;
use std::time::Duration;

#[actix_web::test]
async fn fifty_writers_who_read_again_when_refused_lose_nothing() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    let account = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let note = json!({"subjectType": "ACCOUNT", "subjectId": account.id(), "body": "marks:"});
    let note = admin.post("/v1/notes", note).await.expect(201).id();
    let path = format!("/v1/notes/{note}");
    let writer = async |mark: usize| {
        for _ in 0..200 {
            let read = admin.get(&path).await.expect(200);
            let body = format!("{} <{mark}>", read.at("/body").as_str().unwrap());
            let matching = admin.with("if-match", read.header("etag").unwrap());
            let answer = matching.patch(&path, json!({"body": body})).await;
            match answer.status {
                200 => return,
                412 => assert_eq!(answer.pointers(), ["/body"]),
                _ => panic!("{}", answer.body),
            }
        }
        panic!("writer {mark} never came through");
    };
    join_all((0..50).map(writer)).await;
    let read = admin.get(&path).await.expect(200);
    assert_eq!(read.at("/version"), 51);
    for mark in 0..50 {
        assert_eq!(read.at("/body").as_str().unwrap().matches(&format!("<{mark}>")).count(), 1, "{mark}");
    }
}

#[actix_web::test]
async fn writers_of_different_fields_all_come_through_with_the_version_they_read() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    let made = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let path = format!("/v1/accounts/{}", made.id());
    let fields = ["name", "legalName", "registrationNumber", "industry", "importanceReason"];
    let writer = async |field: &'static str| {
        admin.with("if-match", "\"1\"").patch(&path, json!({field: "mine"})).await.expect(200);
    };
    join_all(fields.map(writer)).await;
    let read = admin.get(&path).await.expect(200);
    assert_eq!(read.at("/version"), 6);
    assert!(fields.iter().all(|field| read.body[field] == "mine"), "{}", read.body);
}

/// Sends `request` again as long as another with the same key is still running.
async fn patiently(client: &Client, graphql: bool) -> (String, bool) {
    for _ in 0..100 {
        let (id, code, replayed) = if graphql {
            let query = r#"mutation { it: accountCreate(input: {name: "Once"}, clientMutationId: "once") { id } }"#;
            let answer = client.graphql(query, json!({})).await.expect(200);
            let code = answer.at("/errors/0/extensions/code").as_str().unwrap_or_default().to_owned();
            (answer.at("/data/it/id").as_str().unwrap_or_default().to_owned(), code, false)
        } else {
            let answer = client.post("/v1/accounts", json!({"name": "Once"})).await;
            assert!([201, 409].contains(&answer.status), "{}", answer.body);
            if answer.status == 409 {
                assert!(answer.header("retry-after").is_some());
            }
            (answer.id(), answer.code().to_owned(), answer.header("idempotency-replayed") == Some("true"))
        };
        if !id.is_empty() {
            return (id, replayed);
        }
        assert_eq!(code, "IDEMPOTENCY_IN_PROGRESS");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the key never came free");
}

#[actix_web::test]
async fn twenty_requests_with_one_key_make_one_record() {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    for (graphql, total) in [(false, 1), (true, 2)] {
        let keyed = if graphql { admin.clone() } else { admin.with("idempotency-key", "once") };
        let answers = join_all((0..20).map(|_| patiently(&keyed, graphql))).await;
        assert!(answers.iter().all(|(id, _)| *id == answers[0].0), "{answers:?}");
        if !graphql {
            assert_eq!(answers.iter().filter(|(_, replayed)| !replayed).count(), 1);
        }
        assert_eq!(admin.get("/v1/accounts?count=exact").await.expect(200).at("/page/total"), total);
    }
}

#[actix_web::test]
async fn twenty_upserts_of_one_key_make_one_record() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    let upsert = async |number: usize| {
        let body = json!({"name": "Acme", "industry": format!("{number}")});
        admin.put("/v1/accounts/external/erp/1", body).await
    };
    let answers = join_all((0..20).map(upsert)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| [200, 201].contains(&answer.status) && answer.id() == answers[0].id()));
    let mut versions: Vec<_> = answers.iter().map(|answer| answer.at("/version").as_i64().unwrap()).collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
    for resource in ["accounts", "external-ids"] {
        assert_eq!(admin.get(&format!("/v1/{resource}?count=exact")).await.expect(200).at("/page/total"), 1);
    }
}

#[actix_web::test]
async fn of_twenty_who_want_one_unique_value_one_gets_it() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    let create = async |_| admin.post("/v1/accounts", json!({"name": "Acme", "registrationNumber": "1"})).await;
    let answers = join_all((0..20).map(create)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code() == "DUPLICATE").count(), 19);
}

#[actix_web::test]
async fn two_moves_at_once_never_close_a_circle_of_accounts() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    let make = async |parent: Option<&str>| {
        admin.post("/v1/accounts", json!({"name": "x", "parentId": parent})).await.expect(201).id()
    };
    for _ in 0..25 {
        // bottom is part of middle. Middle under top and top under bottom, each fine by itself.
        let (top, middle) = (make(None).await, make(None).await);
        let bottom = make(Some(&middle)).await;
        let moved = async |id: &str, parent: &str| {
            let answer = admin.patch(&format!("/v1/accounts/{id}"), json!({"parentId": parent})).await;
            assert!(answer.status == 200 || answer.at("/errors/0/code") == "CYCLE", "{}", answer.body);
            usize::from(answer.status == 200)
        };
        let (one, other) = futures_util::future::join(moved(&middle, &top), moved(&top, &bottom)).await;
        assert_eq!(one + other, 1);
    }
}

/// A connection of its own takes two locks in the other order than the API, and is the one that does not give way.
#[actix_web::test]
async fn a_deadlock_ends_by_itself() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    for atomic in [true, false] {
        let first = admin.post("/v1/accounts", json!({"name": "First"})).await.expect(201).id();
        let second = admin.post("/v1/accounts", json!({"name": "Second"})).await.expect(201).id();
        let lock = |id: &str| format!("SELECT 1 FROM accounts WHERE id = '{id}' FOR UPDATE");
        let mut other = stage.scratch.owner();
        other.batch_execute(&format!("SET deadlock_timeout = '60s'; BEGIN; {}", lock(&second))).unwrap();
        let then = lock(&first);
        let other = tokio::task::spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(400));
            other.batch_execute(&format!("{then}; COMMIT")).unwrap();
        });
        let update = |id: &str| json!({"op": "update", "id": id, "data": {"industry": "Steel"}});
        let body = json!({"atomic": atomic, "items": [update(&first), update(&second)]});
        let (answer, other) = futures_util::future::join(admin.post("/v1/accounts/batch", body), other).await;
        other.unwrap();
        for result in answer.expect(if atomic { 200 } else { 207 }).at("/results").as_array().unwrap() {
            assert_eq!((&result["status"], &result["data"]["version"]), (&json!(200), &json!(2)), "atomic: {atomic}");
        }
    }
}
