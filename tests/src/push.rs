//! What a client did while it was offline: applied, merged, or answered with both values, and never done twice.

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = st::BigInt)]
    count: i64,
}

/// An id as a client chooses it.
#[expect(clippy::disallowed_methods, reason = "the client's id, not ours")]
pub fn new_id() -> Uuid {
    Uuid::now_v7()
}

fn admin() -> (Stage, Client) {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    (stage, admin)
}

fn change(op: &str, record: &str, base: Option<i32>, data: Value) -> Value {
    json!({"changeId": new_id(), "op": op, "resource": "contacts", "recordId": record, "baseVersion": base, "data": data})
}

async fn push(client: &Client, device: Uuid, changes: &[Value], on_conflict: &str) -> Vec<Value> {
    let body = json!({"clientId": device, "changes": changes, "onConflict": on_conflict});
    client.post("/v1/sync/push", body).await.expect(200).at("/results").as_array().unwrap().clone()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn what_others_did_meanwhile_is_merged_field_by_field() {
    let (_stage, admin) = admin();
    let device = new_id();
    let (account, contact) = (new_id().to_string(), new_id().to_string());
    // Made on a train: an account, and somebody who works there.
    let made = [
        json!({"changeId": new_id(), "op": "CREATE", "resource": "accounts", "recordId": account, "data": {"name": "Alfreds"}}),
        change("CREATE", &contact, None, json!({"familyName": "Anders", "accountId": account, "jobTitle": "Buyer"})),
    ];
    let results = push(&admin, device, &made, "REPORT").await;
    assert_eq!(statuses(&results), ["APPLIED", "APPLIED"], "{results:?}");
    assert_eq!((&results[1]["record"]["name"], &results[1]["version"]), (&json!("Anders"), &json!(1)));

    let path = format!("/v1/contacts/{contact}");
    admin.patch(&path, json!({"jobTitle": "Head of Purchasing"})).await.expect(200);
    // Another field: both stay.
    let other =
        push(&admin, device, &[change("UPDATE", &contact, Some(1), json!({"department": "Sales"}))], "REPORT").await;
    assert_eq!(statuses(&other), ["MERGED"], "{other:?}");
    assert_eq!(other[0]["record"]["jobTitle"], "Head of Purchasing");
    // The same field: both values.
    let both = json!({"jobTitle": "Clerk", "salutation": "Ms."});
    let same = push(&admin, device, &[change("UPDATE", &contact, Some(1), both.clone())], "REPORT").await;
    assert_eq!(statuses(&same), ["CONFLICT"]);
    let conflict = &same[0]["conflicts"][0];
    assert_eq!(
        (&conflict["field"], &conflict["yours"], &conflict["current"]),
        (&json!("jobTitle"), &json!("Clerk"), &json!("Head of Purchasing"))
    );
    assert!(conflict["changedAt"].is_string() && conflict["changedBy"].is_string());
    assert_eq!(
        (&same[0]["record"]["salutation"], &same[0]["version"]),
        (&Value::Null, &json!(3)),
        "nothing of it was done"
    );
    // Theirs stays, the rest is done; ours replaces.
    let theirs = push(&admin, device, &[change("UPDATE", &contact, Some(1), both.clone())], "THEIRS").await;
    assert_eq!(statuses(&theirs), ["MERGED"]);
    assert_eq!(
        (&theirs[0]["record"]["salutation"], &theirs[0]["record"]["jobTitle"]),
        (&json!("Ms."), &json!("Head of Purchasing"))
    );
    assert_eq!(theirs[0]["conflicts"][0]["field"], "jobTitle", "it is said");
    let ours = push(&admin, device, &[change("UPDATE", &contact, Some(1), both)], "OURS").await;
    assert_eq!((statuses(&ours), &ours[0]["record"]["jobTitle"]), (vec!["MERGED"], &json!("Clerk")));

    // Archived here, changed there.
    let archive = push(&admin, device, &[change("ARCHIVE", &contact, Some(2), json!({}))], "REPORT").await;
    assert_eq!(statuses(&archive), ["CONFLICT"]);
    let version = i32::try_from(archive[0]["version"].as_i64().unwrap()).unwrap();
    let archive = push(&admin, device, &[change("ARCHIVE", &contact, Some(version), json!({}))], "REPORT").await;
    assert_eq!(statuses(&archive), ["APPLIED"]);
    let late =
        push(&admin, device, &[change("UPDATE", &contact, Some(version), json!({"department": "None"}))], "OURS").await;
    assert_eq!(statuses(&late), ["GONE"]);
    assert!(late[0]["record"]["archivedAt"].is_string(), "what became of it is said");
    let back = push(&admin, device, &[change("RESTORE", &contact, Some(version + 1), json!({}))], "REPORT").await;
    assert_eq!(statuses(&back), ["APPLIED"]);
}

#[actix_web::test]
async fn a_push_that_is_sent_again_is_answered_again() {
    let (stage, admin) = admin();
    let device = new_id();
    let contact = new_id().to_string();
    let changes = [
        change("CREATE", &contact, None, json!({"familyName": "Anders"})),
        change("UPDATE", &contact, Some(1), json!({"jobTitle": "Buyer"})),
        change("CREATE", &new_id().to_string(), None, json!({"familyName": 5})),
        change("UPDATE", &new_id().to_string(), Some(1), json!({"jobTitle": "Nobody"})),
        change("ARCHIVE", &contact, Some(2), json!({})),
    ];
    let first = push(&admin, device, &changes, "REPORT").await;
    assert_eq!(statuses(&first), ["APPLIED", "APPLIED", "REFUSED", "GONE", "APPLIED"], "{first:?}");
    assert_eq!(first[2]["problem"]["errors"][0]["pointer"], "/data/familyName");
    let rows = |stage: &Stage| {
        let query = sql_query("SELECT count(*) AS count FROM audit_log");
        query.get_result::<Count>(&mut stage.scratch.owner()).unwrap().count
    };
    let before = rows(&stage);
    // Twenty at once, as after a tunnel.
    let again = futures_util::future::join_all((0..20).map(|_| push(&admin, device, &changes, "REPORT"))).await;
    assert!(again.iter().all(|results| *results == first), "the same answer");
    assert_eq!(rows(&stage), before, "and nothing was done");
    let mut other = changes[1].clone();
    other["data"] = json!({"jobTitle": "Seller"});
    let reused = push(&admin, device, &[other], "REPORT").await;
    assert_eq!((statuses(&reused), &reused[0]["problem"]["code"]), (vec!["REFUSED"], &json!("IDEMPOTENCY_KEY_REUSED")));
    // A new one of another device with the same id is a mistake there; our own again is not.
    let own =
        push(&admin, new_id(), &[change("CREATE", &contact, None, json!({"familyName": "Anders"}))], "REPORT").await;
    assert_eq!(statuses(&own), ["APPLIED"]);
    let tenant = stage.tenant();
    let foreign =
        push(&stage.admin(&tenant), device, &[change("UPDATE", &contact, Some(1), json!({"jobTitle": "x"}))], "OURS")
            .await;
    assert_eq!(
        (statuses(&foreign), &foreign[0]["record"]),
        (vec!["GONE"], &Value::Null),
        "another tenant's is out of sight"
    );
}

#[actix_web::test]
async fn form_and_rights_are_checked_and_graphql_does_the_same() {
    let (stage, admin) = admin();
    let bad =
        json!({"clientId": "x", "changes": [{"op": "DELETE", "resource": "nothing", "more": 1}], "onConflict": "x"});
    let refused = admin.post("/v1/sync/push", bad).await.expect(422);
    assert_eq!(refused.pointers(), ["/clientId", "/onConflict"]);
    let bad = json!({"clientId": new_id(), "changes": [{"op": "DELETE", "resource": "nothing", "more": 1}, {"op": "UPDATE", "data": []}]});
    let refused = admin.post("/v1/sync/push", bad).await.expect(422);
    for pointer in
        ["/changes/0/more", "/changes/0/changeId", "/changes/0/op", "/changes/1/baseVersion", "/changes/1/data"]
    {
        assert!(refused.pointers().contains(&pointer), "{pointer}: {}", refused.body);
    }
    let many: Vec<_> = (0..501).map(|_| json!({})).collect();
    let refused = admin.post("/v1/sync/push", json!({"clientId": new_id(), "changes": many})).await.expect(422);
    assert_eq!(refused.pointers(), ["/changes"]);

    let tenant = stage.tenant();
    let (user, own) =
        crate::authz::with_grants(&stage, &tenant, "contacts:READ:OWN contacts:CREATE:OWN contacts:UPDATE:OWN");
    let theirs = stage.make(&tenant, "contacts", json!({"familyName": "Theirs"})).to_string();
    let mine = stage.make(&tenant, "contacts", json!({"familyName": "Mine", "ownerId": user})).to_string();
    let changes = [
        change("UPDATE", &theirs, Some(1), json!({"jobTitle": "x"})),
        change("UPDATE", &mine, Some(1), json!({"jobTitle": "x"})),
        change("ARCHIVE", &mine, Some(2), json!({})),
    ];
    let results = push(&own, new_id(), &changes, "REPORT").await;
    assert_eq!(statuses(&results), ["GONE", "APPLIED", "REFUSED"], "{results:?}");
    assert_eq!(results[2]["problem"]["code"], "FORBIDDEN");
    assert_eq!(stage.anonymous().post("/v1/sync/push", json!({})).await.status, 401);

    let query = "mutation($c: UUID!, $changes: [SyncChangeInput!]!) { syncPush(clientId: $c, changes: $changes) { status version record } }";
    let contact = new_id().to_string();
    let changes = [change("CREATE", &contact, None, json!({"familyName": "Anders"}))];
    let done = admin.graphql(query, json!({"c": new_id(), "changes": changes})).await.expect(200);
    assert_eq!(done.at("/data/syncPush/0/status"), "APPLIED", "{}", done.body);
    assert_eq!(done.at("/data/syncPush/0/record/familyName"), "Anders");
    let dry = json!({"clientId": new_id(), "changes": [change("UPDATE", &contact, Some(1), json!({"jobTitle": "x"}))]});
    let dry = admin.post("/v1/sync/push?dryRun=true", dry).await.expect(200);
    assert_eq!(dry.at("/results/0/version"), 2);
    assert_eq!(admin.get(&format!("/v1/contacts/{contact}")).await.expect(200).at("/version"), 1);
}

#[actix_web::test]
async fn what_somebody_does_at_the_same_moment_is_no_refusal() {
    let (_stage, admin) = admin();
    for round in 0..40 {
        let made = admin.post("/v1/contacts", json!({"familyName": "Anders"})).await.expect(201);
        let id = made.at("/id").as_str().unwrap().to_owned();
        let update = |text: &str| [change("UPDATE", &id, Some(1), json!({"jobTitle": text}))];
        let (one, other) = (update("Buyer"), update("Seller"));
        let (one, other, _) =
            futures_util::join!(push(&admin, new_id(), &one, "OURS"), push(&admin, new_id(), &other, "OURS"), async {
                // Before them, between them and after them.
                tokio::time::sleep(std::time::Duration::from_millis(round % 10)).await;
                admin.delete(&format!("/v1/contacts/{id}")).await
            },);
        for result in one.iter().chain(&other) {
            let status = result["status"].as_str().unwrap();
            assert!(["APPLIED", "MERGED", "GONE"].contains(&status), "{result}");
            assert_eq!(result["problem"], Value::Null);
        }
    }
}
