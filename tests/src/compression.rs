//! Answers in gzip: for whom, of what, and that nothing else about an answer changes by it.

use kith_testkit::{Client, Stage};
use serde_json::json;

/// A client of a tenant with enough accounts for a page of several kilobytes.
fn busy(stage: &Stage) -> Client {
    let tenant = stage.tenant();
    for number in 0..20 {
        stage.make(&tenant, "accounts", json!({"name": format!("Account {number}")}));
    }
    stage.admin(&tenant)
}

#[actix_web::test]
async fn who_asks_for_gzip_gets_it_and_nothing_else_changes() {
    let stage = Stage::new();
    let client = busy(&stage);
    let packed = client.with("accept-encoding", "gzip, deflate, br");
    let graphql = "{ accounts(first: 50) { nodes { id name kind status createdAt updatedAt } } }";
    let pairs = [
        (client.get("/v1/accounts").await, packed.get("/v1/accounts").await),
        (client.graphql(graphql, json!({})).await, packed.graphql(graphql, json!({})).await),
        (client.get("/openapi.json").await, packed.get("/openapi.json").await),
        (client.get("/schema.graphql").await, packed.get("/schema.graphql").await),
    ];
    for (plain, packed) in pairs {
        assert_eq!((plain.status, packed.status), (200, 200));
        assert_eq!(plain.text, packed.text);
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
        assert!(packed.bytes.len() * 2 < plain.bytes.len(), "{} of {}", packed.bytes.len(), plain.bytes.len());
        for name in ["content-type", "cache-control", "x-content-type-options", "vary"] {
            assert_eq!(plain.header(name), packed.header(name), "{name}");
        }
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    }
}

#[actix_web::test]
async fn weights_decide_and_what_cannot_be_met_is_refused_before_anything_is_done() {
    let stage = Stage::new();
    let client = busy(&stage);
    for (accepted, encoding) in [
        ("gzip", Some("gzip")),
        ("GZIP", Some("gzip")),
        ("gzip;q=0.5", Some("gzip")),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", Some("gzip")),
        ("deflate, br;q=0.9, gzip;q=0.1", Some("gzip")),
        ("gzip, *;q=0", Some("gzip")),
        ("identity;q=0, gzip;q=0.001", Some("gzip")),
        ("gzip;q=0.5, identity;q=0.9", None),
        ("gzip;q=0", None),
        ("gzip;q=0, *", None),
        ("br", None),
        ("identity", None),
        ("*", None),
        ("", None),
        ("gzip;q=much", None),
        ("gzip;q=2", None),
        (";;,,", None),
    ] {
        let answer = client.with("accept-encoding", accepted).get("/v1/accounts").await.expect(200);
        assert_eq!(answer.header("content-encoding"), encoding, "{accepted}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{accepted}");
    }
    for accepted in ["identity;q=0", "*;q=0", "br, identity;q=0", "gzip;q=0, identity;q=0"] {
        let client = client.with("accept-encoding", accepted);
        let answer = client.post("/v1/accounts", json!({"name": "Never made"})).await.expect(406);
        assert_eq!((answer.code(), answer.header("content-encoding")), ("NOT_ACCEPTABLE", None), "{accepted}");
    }
    let made = client.get("/v1/accounts?filter[name]=Never%20made").await.expect(200);
    assert_eq!(made.at("/data"), &json!([]));
}

#[actix_web::test]
async fn only_what_is_worth_it_is_compressed() {
    let stage = Stage::new();
    let client = busy(&stage);
    let gzip = client.with("accept-encoding", "gzip");
    let small = gzip.get("/v1/accounts?limit=1&fields=name").await.expect(200);
    assert_eq!((small.header("content-encoding"), small.header("vary")), (None, None));
    // Who takes nothing but gzip gets nothing but gzip.
    let only = client.with("accept-encoding", "gzip, identity;q=0");
    let packed = only.get("/v1/accounts?limit=1&fields=name").await.expect(200);
    assert_eq!((packed.header("content-encoding"), packed.header("vary")), (Some("gzip"), Some("Accept-Encoding")));
    assert_eq!(packed.body.pointer("/data/0"), small.body.pointer("/data/0"));
    // A problem document is an answer like any other.
    let long = json!({"items": (0..40).map(|_| json!({"op": "fly"})).collect::<Vec<_>>()});
    let problems = gzip.post("/v1/accounts/batch", long).await.expect(207);
    assert_eq!(problems.header("content-encoding"), Some("gzip"));
    let fields: serde_json::Map<_, _> = (0..40).map(|number| (format!("field{number}"), json!(1))).collect();
    let problem = gzip.post("/v1/accounts", fields.into()).await.expect(422);
    assert_eq!((problem.code(), problem.header("content-encoding")), ("VALIDATION_FAILED", Some("gzip")));
}

#[actix_web::test]
async fn answers_without_a_body_stay_without_one() {
    let stage = Stage::new();
    let client = busy(&stage).with("accept-encoding", "gzip, identity;q=0");
    let made = client.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let path = format!("/v1/accounts/{}", made.id());
    // The version is the version, in whatever coding it came: it is good for both conditions.
    assert_eq!((made.header("etag"), made.header("content-encoding")), (Some("\"1\""), Some("gzip")));
    let same = client.with("if-none-match", "\"1\"").get(&path).await.expect(304);
    assert_eq!((same.header("vary"), same.header("content-encoding")), (Some("Accept-Encoding"), None));
    assert!(same.bytes.is_empty());
    let gone = client.with("if-match", "\"1\"").delete(&path).await.expect(204);
    assert_eq!((gone.header("vary"), gone.header("content-encoding"), gone.bytes.len()), (None, None, 0));
    // HEAD says what GET says.
    let (get, head) = (client.get("/v1/accounts").await, client.send("HEAD", "/v1/accounts", None).await);
    for name in ["content-encoding", "content-type", "vary"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}
