//! Tenants that want every change to name the version that was read: through both doors and in batches. Promise 30.

use super::doors;
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};

/// A tenant that wants versions, and its administrator.
async fn strict(stage: &Stage) -> (Tenant, Client) {
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let path = format!("/v1/tenants/{}", tenant.id);
    assert_eq!(admin.get(&path).await.expect(200).at("/requiresVersion"), &json!(false));
    admin.patch(&path, json!({"requiresVersion": true})).await.expect(200);
    // What is known of somebody is remembered for five seconds.
    stage.app.known.invalidate_all();
    (tenant, admin)
}

fn refused() -> Result<Value, (String, Vec<String>)> {
    Err(("PRECONDITION_REQUIRED".into(), Vec::new()))
}

#[actix_web::test]
async fn a_change_without_a_version_is_refused_where_the_tenant_wants_one() {
    let stage = Stage::new();
    let (_, admin) = strict(&stage).await;
    for door in doors(&admin) {
        let made = door.create(json!({"name": "Acme"})).await.expect("making a record needs no version");
        let id = made["id"].as_str().unwrap();
        assert_eq!(door.update(id, None, json!({"name": "Bolt"})).await, refused());
        assert_eq!(door.update(id, None, json!({"name": ""})).await, refused(), "before the body is looked at");
        assert_eq!(door.archive(id, None).await, refused());
        assert_eq!(door.restore(id, None).await, refused());
        assert_eq!(door.read(id).await.unwrap(), made, "nothing was changed");
        // A version is all it takes, be it a stale one that merges.
        assert_eq!(door.update(id, Some(1), json!({"name": "Bolt"})).await.unwrap()["version"], 2);
        assert_eq!(door.update(id, Some(1), json!({"industry": "Steel"})).await.unwrap()["version"], 3);
        let stale = door.update(id, Some(1), json!({"name": "Cat"})).await.unwrap_err();
        assert_eq!(stale.0, "VERSION_CONFLICT");
        assert_eq!(door.archive(id, Some(3)).await.unwrap()["version"], 4);
        assert_eq!(door.archive(id, None).await, refused(), "also when there is nothing left to do");
        assert_eq!(door.restore(id, Some(4)).await.unwrap()["version"], 5);
    }
}

#[actix_web::test]
async fn the_refusal_says_what_to_send_and_a_star_names_no_version() {
    let stage = Stage::new();
    let (tenant, admin) = strict(&stage).await;
    let account = stage.make(&tenant, "accounts", json!({"name": "Acme"}));
    let path = format!("/v1/accounts/{account}");
    for client in [admin.clone(), admin.with("if-match", "*")] {
        let answer = client.patch(&path, json!({"name": "Bolt"})).await.expect(428);
        assert_eq!(answer.code(), "PRECONDITION_REQUIRED");
        for way in ["If-Match", "expectedVersion", "ifVersion"] {
            assert!(answer.at("/detail").as_str().unwrap().contains(way), "{}", answer.text);
        }
    }
    // The setting itself is a field of a record like any other, and others hold to it too.
    let own = format!("/v1/tenants/{}", tenant.id);
    admin.patch(&own, json!({"requiresVersion": false})).await.expect(428);
    let key = json!({"name": "ERP", "roleId": role(&admin).await});
    let key = admin.post("/v1/auth/api-keys", key).await.expect(201);
    let erp = Client::new(stage.app.clone(), Some(key.at("/secret").as_str().unwrap().to_owned()));
    erp.patch(&path, json!({"name": "Bolt"})).await.expect(428);
    erp.with("if-match", "\"1\"").patch(&path, json!({"name": "Bolt"})).await.expect(200);
    admin.with("if-match", "\"2\"").patch(&own, json!({"requiresVersion": false})).await.expect(200);
    stage.app.known.invalidate_all();
    admin.patch(&path, json!({"name": "Cat"})).await.expect(200);
}

async fn role(admin: &Client) -> Value {
    admin.get("/v1/roles?filter[name]=ADMIN").await.expect(200).at("/data/0/id").clone()
}

#[actix_web::test]
async fn rights_come_before_the_version() {
    let stage = Stage::new();
    let (tenant, _) = strict(&stage).await;
    let account = stage.make(&tenant, "accounts", json!({"name": "Acme"})).to_string();
    for door in doors(&stage.as_role(&tenant, "READ_ONLY")) {
        for outcome in [
            door.update(&account, None, json!({"name": "Bolt"})).await,
            door.archive(&account, None).await,
            door.restore(&account, None).await,
        ] {
            assert_eq!(outcome.unwrap_err().0, "FORBIDDEN");
        }
    }
    // A neighbour who wants no versions is asked for none.
    let other = stage.tenant();
    let account = stage.make(&other, "accounts", json!({"name": "Acme"})).to_string();
    for (version, door) in (2..).zip(doors(&stage.admin(&other))) {
        let written = door.update(&account, None, json!({"name": format!("Bolt {version}")})).await;
        assert_eq!(written.unwrap()["version"], version);
    }
}

#[actix_web::test]
async fn each_item_of_a_batch_names_its_version() {
    let stage = Stage::new();
    let (tenant, admin) = strict(&stage).await;
    let account = stage.make(&tenant, "accounts", json!({"name": "Acme"}));
    let items = json!([
        {"op": "create", "data": {"name": "Bolt"}},
        {"op": "update", "id": account, "data": {"name": "Cat"}},
        {"op": "update", "id": account, "ifVersion": 1, "data": {"name": "Dog"}},
        {"op": "archive", "id": account},
        {"op": "archive", "id": account, "ifVersion": 2},
        {"op": "restore", "id": account},
        {"op": "restore", "id": account, "ifVersion": 3},
        {"op": "upsert", "externalId": {"system": "erp", "externalId": "1"}, "data": {"name": "Eel"}},
        {"op": "upsert", "externalId": {"system": "erp", "externalId": "1"}, "data": {"name": "Fox"}}
    ]);
    let expected = [201, 428, 200, 428, 200, 428, 200, 201, 200];
    let statuses = |results: &Value| {
        let statuses = results.as_array().unwrap().iter().map(|result| result["status"].as_i64().unwrap());
        statuses.collect::<Vec<_>>()
    };
    let answer = admin.post("/v1/accounts/batch?dryRun=true", json!({"items": items})).await.expect(207);
    assert_eq!(statuses(answer.at("/results")), expected);
    assert_eq!(answer.at("/results/1/problem/code"), "PRECONDITION_REQUIRED");
    let query = "mutation($items: [BatchItem!]!) { accountBatch(items: $items) { status problem } }";
    let answer = admin.graphql(query, json!({"items": items})).await.expect(200);
    assert_eq!(statuses(answer.at("/data/accountBatch")), expected);
    assert_eq!(answer.at("/data/accountBatch/1/problem/code"), "PRECONDITION_REQUIRED");
    let all = json!({"atomic": true, "items": [
        {"op": "create", "data": {"name": "Gnu"}}, {"op": "update", "id": account, "data": {"name": "Hen"}}
    ]});
    let answer = admin.post("/v1/accounts/batch", all).await.expect(428);
    assert!(answer.at("/detail").as_str().unwrap().starts_with("Item 1: "), "{}", answer.text);
    let names = admin.get("/v1/accounts?fields=name&sort=name").await.expect(200);
    assert_eq!(names.at("/data"), &json!([{"name": "Bolt"}, {"name": "Dog"}, {"name": "Fox"}]));
}

#[actix_web::test]
async fn an_upsert_needs_no_version_and_respects_one() {
    let stage = Stage::new();
    let (_, admin) = strict(&stage).await;
    let path = "/v1/accounts/external/erp/1";
    admin.put(path, json!({"name": "Acme"})).await.expect(201);
    assert_eq!(admin.put(path, json!({"name": "Bolt"})).await.expect(200).at("/version"), 2);
    admin.with("if-match", "\"1\"").put(path, json!({"name": "Cat"})).await.expect(412);
    let upsert = "mutation($input: AccountInput!) { it: accountUpsert(system: \"erp\", externalId: \"1\", input: $input) { version } }";
    let answer = admin.graphql(upsert, json!({"input": {"name": "Dog"}})).await.expect(200);
    assert_eq!(answer.at("/data/it/version"), 3, "{}", answer.text);
}
