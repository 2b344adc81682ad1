//! Sent again with its key, a file goes on where it stood.

use super::{Loaded, count, journal};
use kith_testkit::{Client, Stage};

fn file(count: usize) -> String {
    (0..count).map(|n| format!("{{\"externalId\":\"{n}\",\"familyName\":\"Name {n}\"}}\n")).collect()
}

async fn send(client: &Client, key: &str, body: &str) -> kith_testkit::Answer {
    let client = client.with("content-type", "application/x-ndjson").with("idempotency-key", key);
    client.send("POST", "/v1/bulk/contacts?system=erp", Some(body.into())).await
}

#[actix_web::test]
async fn the_same_key_gives_the_same_results_and_another_file_is_refused() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let whole = file(2_345);
    let first = send(&admin, "one", &whole).await.expect(200);
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(Loaded::of(first).counts(), [2_345, 0, 0, 0]);
    let again = send(&admin, "one", &whole).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(Loaded::of(again).counts(), [2_345, 0, 0, 0]);
    let others =
        [file(2_344), file(2_346), whole.replacen("Name 3\"", "Name X\"", 1), file(5), String::new(), file(3_500)];
    for other in others {
        assert_eq!(send(&admin, "one", &other).await.expect(422).code(), "IDEMPOTENCY_KEY_REUSED");
    }
    let elsewhere = admin.with("content-type", "application/x-ndjson").with("idempotency-key", "one");
    let refused = elsewhere.send("POST", "/v1/bulk/accounts?system=erp", Some(whole.clone().into())).await.expect(422);
    assert_eq!(refused.code(), "IDEMPOTENCY_KEY_REUSED");
    // Another person's key is another key.
    let manager = stage.as_role(&tenant, "MANAGER");
    assert_eq!(Loaded::of(send(&manager, "one", &whole).await.expect(200)).counts(), [0, 0, 2_345, 0]);
    assert_eq!((count(&admin, "contacts").await, journal(&stage, &tenant, "contacts")), (2_345, (2_345, 2_345)));
    // After two days the key is free, and the results are gone.
    stage.app.clock.advance(chrono::TimeDelta::hours(49));
    let admin = stage.admin(&tenant);
    assert_eq!(Loaded::of(send(&admin, "one", &whole).await.expect(200)).counts(), [0, 0, 2_345, 0]);
}

#[actix_web::test]
async fn a_file_that_broke_off_goes_on_and_every_line_counts_once() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let whole = file(3_200);
    // As gzip that is cut: what came whole is written, and the rest comes later.
    let packed = super::gzip(whole.as_bytes());
    let zipped = admin
        .with("content-encoding", "gzip")
        .with("content-type", "application/x-ndjson")
        .with("idempotency-key", "z");
    let cut = packed[..packed.len() * 3 / 4].to_vec();
    zipped.send("POST", "/v1/bulk/contacts?system=erp", Some(cut)).await.expect(400);
    let written = count(&admin, "contacts").await;
    assert!(written > 0 && written < 3_200 && written % 1_000 == 0, "{written}");
    let loads = admin.get("/v1/bulk-loads").await.expect(200);
    assert_eq!((loads.at("/data/0/status"), loads.at("/data/0/lines").as_u64()), (&"RUNNING".into(), Some(written)));
    let done = zipped.send("POST", "/v1/bulk/contacts?system=erp", Some(packed)).await.expect(200);
    assert_eq!(Loaded::of(done).counts(), [3_200, 0, 0, 0]);
    assert_eq!((count(&admin, "contacts").await, journal(&stage, &tenant, "contacts")), (3_200, (3_200, 3_200)));
}
