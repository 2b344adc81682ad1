//! Several writes over any resources, all or nothing, through both doors.

use crate::authz::with_grants;
use kith_testkit::{Answer, Client, Stage};
use serde_json::{Value, json};

async fn run(client: &Client, operations: Value) -> Answer {
    client.post("/v1/transactions", json!({"operations": operations})).await
}

/// An account, a person there and how to reach them.
fn three(name: &str) -> Value {
    json!([
        {"op": "create", "resource": "accounts", "name": "company", "body": {"name": name}},
        {"op": "create", "resource": "contacts", "name": "maria",
         "body": {"familyName": "Anders", "accountId": {"$ref": "company"}}},
        {"op": "create", "resource": "contact-points",
         "body": {"contactId": {"$ref": "maria.id"}, "channel": "EMAIL", "value": "maria@example.com"}},
    ])
}

async fn count(client: &Client, resource: &str) -> u64 {
    client
        .get(&format!("/v1/{resource}?count=exact&archived=any"))
        .await
        .expect(200)
        .at("/page/total")
        .as_u64()
        .unwrap()
}

#[actix_web::test]
async fn later_operations_refer_to_earlier_ones() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let done = run(&admin, three("Alfreds")).await.expect(200);
    let ids: Vec<&str> = (0..3).map(|at| done.at(&format!("/results/{at}/id")).as_str().unwrap()).collect();
    assert_eq!(done.at("/results/1/data/accountId"), ids[0]);
    assert_eq!(done.at("/results/2/data/contactId"), ids[1]);
    assert_eq!((done.at("/results/0/name"), done.at("/results/2/name")), (&json!("company"), &Value::Null));
    let found = admin.get(&format!("/v1/contact-points?filter[contactId]={}", ids[1])).await.expect(200);
    assert_eq!(found.at("/data/0/id"), ids[2]);
    // Every kind of operation, and a field of an earlier record.
    let all = json!([
        {"op": "update", "resource": "accounts", "name": "a", "id": ids[0], "ifVersion": 1, "body": {"industry": "Food"}},
        {"op": "create", "resource": "notes", "body": {"subjectType": "ACCOUNT", "subjectId": {"$ref": "a"}, "body": {"$ref": "a.industry"}}},
        {"op": "archive", "resource": "contact-points", "id": ids[2], "name": "gone"},
        {"op": "restore", "resource": "contact-points", "id": {"$ref": "gone"}},
        {"op": "upsert", "resource": "accounts", "externalId": {"system": "erp", "externalId": "1"}, "body": {"name": "New"}},
        {"op": "upsert", "resource": "accounts", "externalId": {"system": "erp", "externalId": "1"}, "body": {"name": "Newer"}},
    ]);
    let done = run(&admin, all).await.expect(200);
    let statuses: Vec<u64> = (0..6).map(|at| done.at(&format!("/results/{at}/status")).as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 201, 200, 200, 201, 200]);
    assert_eq!(done.at("/results/1/data/body"), "Food");
    assert_eq!(done.at("/results/3/data/version"), 3);
}

#[actix_web::test]
async fn business_verbs_stand_among_them() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let account = stage.make(&tenant, "accounts", json!({"name": "A"}));
    let all = json!([
        {"op": "create", "resource": "tasks", "name": "call", "body": {"subjectType": "ACCOUNT", "subjectId": account, "title": "Call"}},
        {"op": "complete", "resource": "tasks", "id": {"$ref": "call"}},
    ]);
    let done = run(&admin, all).await;
    if done.status == 200 {
        assert_eq!(done.at("/results/1/data/status"), "DONE", "{}", done.text);
    }
    let wrong = run(&admin, json!([{"op": "win", "resource": "accounts", "id": account}])).await.expect(422);
    assert_eq!(wrong.pointers(), ["/operations/0/op"]);
    assert_eq!(done.status, 200, "{}", done.text);
}

#[actix_web::test]
async fn the_first_failure_undoes_everything_and_says_where_it_is() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let account = stage.make(&tenant, "accounts", json!({"name": "A"}));
    let make = json!({"op": "create", "resource": "accounts", "name": "a", "body": {"name": "Gone"}});
    let nobody = "018f0000-0000-7000-8000-000000000000";
    for (second, status, place) in [
        (
            json!({"op": "create", "resource": "contacts", "body": {"familyName": "A", "jobTitle": 1}}),
            422,
            "/operations/1/body/jobTitle",
        ),
        (
            json!({"op": "create", "resource": "accounts", "body": {"name": "B", "a~/b": 1}}),
            422,
            "/operations/1/body/a~0~1b",
        ),
        (
            json!({"op": "create", "resource": "contacts", "body": {"familyName": "A", "accountId": {"$ref": "b"}}}),
            422,
            "/operations/1/body/accountId",
        ),
        (
            json!({"op": "create", "resource": "contacts", "body": {"familyName": "A", "accountId": {"$ref": "a.nothing"}}}),
            422,
            "/operations/1/body/accountId",
        ),
        (json!({"op": "update", "resource": "accounts", "id": {"$ref": "later"}, "body": {}}), 422, "/operations/1/id"),
        (json!({"op": "update", "resource": "accounts", "id": nobody, "body": {"name": "X"}}), 404, "/operations/1"),
        (
            json!({"op": "update", "resource": "accounts", "id": account, "ifVersion": 9, "body": {"name": "X"}}),
            412,
            "/operations/1",
        ),
        (json!({"op": "create", "resource": "nothing", "body": {}}), 422, "/operations/1/resource"),
        (json!({"op": "create", "resource": "audit", "body": {}}), 422, "/operations/1/resource"),
        (json!({"op": "explode", "resource": "accounts", "id": account}), 422, "/operations/1/op"),
        (json!({"op": "create", "resource": "value-profiles", "body": {}}), 422, "/operations/1/op"),
        (
            json!({"op": "create", "resource": "accounts", "name": "a", "body": {"name": "B"}}),
            422,
            "/operations/1/name",
        ),
        (
            json!({"op": "create", "resource": "accounts", "name": "a b", "body": {"name": "B"}}),
            422,
            "/operations/1/name",
        ),
        (
            json!({"op": "create", "resource": "accounts", "extra": 1, "body": {"name": "B"}}),
            422,
            "/operations/1/extra",
        ),
        (json!({"op": "create", "resource": "accounts", "body": "text"}), 422, "/operations/1/body"),
        (json!(5), 422, "/operations/1"),
    ] {
        let refused = run(&admin, json!([make, second])).await;
        assert_eq!((refused.status, refused.pointers()), (status, vec![place]), "{second}: {}", refused.text);
    }
    assert_eq!(count(&admin, "accounts").await, 1, "nothing was kept");
    for body in [json!({}), json!({"operations": 1}), json!({"operations": [], "more": 1})] {
        admin.post("/v1/transactions", body).await.expect(422);
    }
}

#[actix_web::test]
async fn a_hundred_and_no_more() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let one = |number: usize| json!({"op": "create", "resource": "accounts", "body": {"name": format!("A {number}")}});
    let refused = run(&admin, (0..101).map(one).collect()).await.expect(422);
    assert_eq!(refused.pointers(), ["/operations"]);
    assert_eq!(count(&admin, "accounts").await, 0);
    run(&admin, (0..100).map(one).collect()).await.expect(200);
    assert_eq!(count(&admin, "accounts").await, 100);
}

#[actix_web::test]
async fn sent_again_with_its_key_it_is_done_once_and_tried_it_leaves_nothing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    admin.post("/v1/transactions?dryRun=true", json!({"operations": three("Dry")})).await.expect(200);
    assert_eq!(count(&admin, "accounts").await, 0);
    let keyed = admin.with("idempotency-key", "t-1");
    let first = run(&keyed, three("Once")).await.expect(200);
    let again = run(&keyed, three("Once")).await.expect(200);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
    assert_eq!(run(&keyed, three("Other")).await.expect(422).code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(count(&admin, "accounts").await, 1);
}

#[actix_web::test]
async fn each_operation_needs_its_own_right() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let foreign = stage.make(&stage.tenant(), "accounts", json!({"name": "Foreign"}));
    let (_, some) = with_grants(&stage, &tenant, "accounts:READ:ALL accounts:CREATE:ALL contacts:READ:ALL");
    let refused = run(&some, three("Half")).await.expect(403);
    assert_eq!(refused.pointers(), ["/operations/1"]);
    let admin = stage.admin(&tenant);
    assert_eq!(count(&admin, "accounts").await, 0);
    let update = json!([{"op": "update", "resource": "accounts", "id": foreign, "body": {"name": "Mine"}}]);
    run(&admin, update).await.expect(404);
    let link = json!([{"op": "create", "resource": "contacts", "body": {"familyName": "X", "accountId": foreign}}]);
    assert_eq!(run(&admin, link).await.expect(422).pointers(), ["/operations/0/body/accountId"]);
    let (_, own) = with_grants(&stage, &tenant, "accounts:READ:ALL accounts:CREATE:OWN accounts:UPDATE:OWN");
    let theirs = stage.make(&tenant, "accounts", json!({"name": "Theirs"}));
    let mixed = json!([
        {"op": "create", "resource": "accounts", "body": {"name": "Own"}},
        {"op": "update", "resource": "accounts", "id": theirs, "body": {"name": "Taken"}},
    ]);
    run(&own, mixed).await.expect(403);
    assert_eq!(count(&admin, "accounts").await, 1);
}

const DOCUMENT: &str = "mutation($input: TransactionInput!, $key: String, $dry: Boolean) { \
    transaction(input: $input, clientMutationId: $key, dryRun: $dry) { index name resource id status data } }";

#[actix_web::test]
async fn graphql_does_the_same() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let variables = json!({"input": {"operations": three("Graph")}, "key": "k-1"});
    let done = admin.graphql(DOCUMENT, variables.clone()).await.expect(200);
    assert_eq!(done.at("/data/transaction/1/data/accountId"), done.at("/data/transaction/0/id"), "{}", done.text);
    let again = admin.graphql(DOCUMENT, variables).await.expect(200);
    assert_eq!(again.at("/data"), done.at("/data"));
    let dry = json!({"input": {"operations": three("Dry")}, "dry": true});
    assert_eq!(admin.graphql(DOCUMENT, dry).await.expect(200).at("/errors"), &Value::Null);
    assert_eq!(count(&admin, "accounts").await, 1);
    let wrong = json!([{"op": "create", "resource": "accounts", "body": {}}]);
    let refused = admin.graphql(DOCUMENT, json!({"input": {"operations": wrong}})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/errors/0/pointer"), "/operations/0/body/name", "{}", refused.text);
    let reader = stage.as_role(&tenant, "READ_ONLY");
    let refused = reader.graphql(DOCUMENT, json!({"input": {"operations": []}})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/code"), "FORBIDDEN");
}
