//! Writes that can be sent again: idempotency keys, dry runs, batches and upserts.

use super::{doors, journal, refusal, refused};
use chrono::TimeDelta;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use kith_testkit::{Answer, Stage};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn count(stage: &Stage, table: &str) -> i64 {
    let query = format!("SELECT count(*) AS count FROM {table}");
    sql_query(query).get_result::<Count>(&mut stage.scratch.owner()).unwrap().count
}

/// Everything a write could leave behind.
fn traces(stage: &Stage) -> Vec<i64> {
    ["accounts", "external_ids", "audit_log", "change_log", "idempotency_keys"].map(|table| count(stage, table)).into()
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

#[actix_web::test]
async fn the_same_request_with_the_same_key_gets_the_same_bytes() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let keyed = admin.with("idempotency-key", "key-1");
    let body = json!({"name": "Acme"});
    let first = keyed.post("/v1/accounts", body.clone()).await.expect(201);
    assert!(!replayed(&first));
    let path = format!("/v1/accounts/{}", first.id());
    admin.patch(&path, json!({"name": "Later"})).await.expect(200);
    let before = traces(&stage);
    for _ in 0..2 {
        let again = keyed.post("/v1/accounts", body.clone()).await.expect(201);
        assert!(replayed(&again) && again.bytes == first.bytes);
        for header in ["location", "etag", "content-type"] {
            assert_eq!(again.header(header), first.header(header));
        }
    }
    // Another body, path, query, method or condition is another request.
    for other in [
        keyed.post("/v1/accounts", json!({"name": "Other"})).await,
        keyed.post("/v1/contacts", body.clone()).await,
        keyed.post("/v1/accounts?dryRun=true", body.clone()).await,
        keyed.patch(&path, body.clone()).await,
        keyed.with("if-match", "\"1\"").post("/v1/accounts", body.clone()).await,
        keyed.delete(&path).await,
    ] {
        assert_eq!(other.expect(422).code(), "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(traces(&stage), before);
    // Somebody else's key is another key.
    let other = stage.as_role(&tenant, "ADMIN").with("idempotency-key", "key-1");
    assert_ne!(other.post("/v1/accounts", body.clone()).await.expect(201).id(), first.id());
    for (key, good) in
        [("x".repeat(255), true), ("x".repeat(256), false), ("a b".into(), false), (String::new(), false)]
    {
        let answer = admin.with("idempotency-key", &key).post("/v1/accounts", body.clone()).await;
        assert_eq!(answer.status, if good { 201 } else { 400 }, "{key}");
    }
}

#[actix_web::test]
async fn every_kind_of_write_takes_a_key() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let id = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201).id();
    let path = format!("/v1/accounts/{id}");
    let batch = json!({"items": [{"op": "create", "data": {"name": "B"}}, {"op": "create", "data": {}}]});
    for (key, method, path, body) in [
        ("a", "PATCH", path.clone(), json!({"name": "Acme 2"})),
        ("b", "DELETE", path.clone(), Value::Null),
        ("c", "POST", format!("{path}/restore"), json!({})),
        ("d", "PUT", "/v1/accounts/external/erp/1".into(), json!({"name": "U"})),
        ("e", "POST", "/v1/accounts/batch".into(), batch),
    ] {
        let keyed = admin.with("idempotency-key", key);
        let sent = || (!body.is_null()).then(|| body.to_string().into_bytes());
        let first = keyed.send(method, &path, sent()).await;
        assert!(first.status < 300 && !replayed(&first), "{key}: {}", first.body);
        let before = traces(&stage);
        let again = keyed.send(method, &path, sent()).await;
        assert_eq!((again.status, &again.bytes, replayed(&again)), (first.status, &first.bytes, true), "{key}");
        assert_eq!(traces(&stage), before, "{key}");
    }
}

#[actix_web::test]
async fn a_refused_request_leaves_its_key_free_and_an_old_key_is_free_again() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let keyed = stage.admin(&tenant).with("idempotency-key", "key-1");
    let before = traces(&stage);
    keyed.post("/v1/accounts", json!({"name": ""})).await.expect(422);
    assert_eq!(traces(&stage), before);
    let first = keyed.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    stage.app.clock.advance(TimeDelta::hours(48) - TimeDelta::minutes(1));
    let keyed = stage.admin(&tenant).with("idempotency-key", "key-1");
    assert!(replayed(&keyed.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201)));
    stage.app.clock.advance(TimeDelta::minutes(1));
    let keyed = stage.admin(&tenant).with("idempotency-key", "key-1");
    let second = keyed.post("/v1/accounts", json!({"name": "Other"})).await.expect(201);
    assert!(!replayed(&second) && second.id() != first.id());
    assert_eq!(count(&stage, "idempotency_keys"), 1);
}

#[actix_web::test]
async fn a_mutation_is_idempotent_by_header_or_by_its_own_id() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let two = r#"mutation { a: accountCreate(input: {name: "A"}) { id } b: accountCreate(input: {name: "A"}) { id } }"#;
    let keyed = admin.with("idempotency-key", "key-1");
    let first = keyed.graphql(two, json!({})).await.expect(200);
    assert_ne!(first.at("/data/a/id"), first.at("/data/b/id"));
    assert_eq!(keyed.graphql(two, json!({})).await.expect(200).at("/data"), first.at("/data"));
    let other = keyed.graphql(&two.replace("\"A\"", "\"B\""), json!({})).await.expect(200);
    assert_eq!(other.at("/errors/0/extensions/code"), "IDEMPOTENCY_KEY_REUSED");
    let own =
        "mutation($n: String!, $m: String) { it: accountCreate(input: {name: $n}, clientMutationId: $m) { id name } }";
    let first = admin.graphql(own, json!({"n": "C", "m": "own-1"})).await.expect(200);
    let again = admin.graphql(own, json!({"n": "C", "m": "own-1"})).await.expect(200);
    assert_eq!(first.body, again.body);
    // Another input is another request, and so is another selection, which the stored answer would not fit.
    for query in [own.to_owned(), own.replace("id name", "id version")] {
        let n = if query == own { "D" } else { "C" };
        let answer = admin.graphql(&query, json!({"n": n, "m": "own-1"})).await.expect(200);
        assert_eq!(answer.at("/errors/0/extensions/code"), "IDEMPOTENCY_KEY_REUSED", "{}", answer.body);
    }
    for bad in ["", "a\u{0}", &"x".repeat(256)] {
        let answer = admin.graphql(own, json!({"n": "E", "m": bad})).await.expect(200);
        assert_eq!(answer.at("/errors/0/extensions/errors/0/pointer"), "/clientMutationId", "{bad:?}");
    }
    assert_eq!(count(&stage, "accounts"), 3);
}

#[actix_web::test]
async fn a_dry_run_answers_like_the_write_and_keeps_nothing() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let made = admin.post("/v1/accounts", json!({"name": "Acme", "registrationNumber": "1"})).await.expect(201);
    let path = format!("/v1/accounts/{}", made.id());
    let before = traces(&stage);
    let items = json!({"items": [{"op": "create", "data": {"name": "B"}}]});
    let keyed = admin.with("idempotency-key", "key-1");
    let tried = keyed.post("/v1/accounts?dryRun=true", json!({"name": "Dry"})).await.expect(201);
    assert_eq!((tried.at("/name"), tried.at("/version")), (&json!("Dry"), &json!(1)));
    assert_eq!(keyed.patch(&format!("{path}?dryRun=true"), json!({"name": "Dry"})).await.expect(200).at("/version"), 2);
    admin.delete(&format!("{path}?dryRun=true")).await.expect(204);
    admin.put("/v1/accounts/external/erp/1?dryRun=true", json!({"name": "Dry"})).await.expect(201);
    admin.post("/v1/accounts/batch?dryRun=true", items).await.expect(207);
    let clash = json!({"name": "x", "registrationNumber": "1"});
    assert_eq!(admin.post("/v1/accounts?dryRun=true", clash).await.expect(409).code(), "DUPLICATE");
    admin.post("/v1/accounts?dryRun=maybe", json!({"name": "x"})).await.expect(422);
    admin.post("/v1/accounts?dryrun=true", json!({"name": "x"})).await.expect(422);
    let query =
        r#"mutation { accountCreate(input: {name: "Dry"}, dryRun: true, clientMutationId: "d") { name version } }"#;
    let answer = admin.graphql(query, json!({})).await.expect(200);
    assert_eq!(answer.at("/data/accountCreate"), &json!({"name": "Dry", "version": 1}));
    assert_eq!(traces(&stage), before);
    assert_eq!(admin.get(&path).await.expect(200).bytes, made.bytes);
    keyed.post("/v1/accounts", json!({"name": "Wet"})).await.expect(201);
}

/// The results of a batch through either door, or the refusal of all of it.
async fn batch(
    client: &kith_testkit::Client,
    graphql: bool,
    atomic: bool,
    items: &Value,
) -> Result<Value, (String, Vec<String>)> {
    if graphql {
        let query = "mutation($i: [BatchItem!]!, $a: Boolean) { it: accountBatch(items: $i, atomic: $a) { index status data problem } }";
        let answer = client.graphql(query, json!({"i": items, "a": atomic})).await.expect(200);
        return match answer.body.pointer("/errors/0/extensions") {
            Some(error) => Err(refusal(error)),
            None => Ok(answer.at("/data/it").clone()),
        };
    }
    let answer = client.post("/v1/accounts/batch", json!({"atomic": atomic, "items": items})).await;
    match answer.status {
        400.. => Err(refusal(&answer.body)),
        status => {
            assert_eq!(status, if atomic { 200 } else { 207 });
            Ok(answer.at("/results").clone())
        }
    }
}

#[actix_web::test]
async fn a_batch_keeps_the_good_items_or_with_atomic_none() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    for graphql in [false, true] {
        let old = admin.post("/v1/accounts", json!({"name": "Old"})).await.expect(201);
        let items = json!([
            {"op": "create", "data": {"name": "New", "registrationNumber": format!("{graphql}")}},
            {"op": "create", "data": {"name": "", "salary": 1}},
            {"op": "update", "id": old.id(), "ifVersion": 1, "data": {"industry": "Steel"}},
            {"op": "create", "data": {"name": "Clash", "registrationNumber": format!("{graphql}")}},
            {"op": "update", "id": old.id(), "ifVersion": 9, "data": {"industry": "Tin"}},
            {"op": "upsert", "externalId": {"system": "erp", "externalId": format!("{graphql}")}, "data": {"name": "Up"}},
            {"op": "upsert", "externalId": {"system": "erp", "externalId": format!("{graphql}")}, "data": {"name": "Up 2"}},
            {"op": "archive", "id": old.id()},
            {"op": "restore", "id": old.id()},
            {"op": "archive", "id": Uuid::nil()},
        ]);
        let before = traces(&stage);
        let refusal = batch(&admin, graphql, true, &items).await;
        let places = ["REQUIRED /items/1/data/name", "UNKNOWN_FIELD /items/1/data/salary"];
        assert_eq!(refusal.unwrap_err(), refused("VALIDATION_FAILED", &places).unwrap_err());
        assert_eq!(traces(&stage), before);
        let results = batch(&admin, graphql, false, &items).await.unwrap();
        let status: Vec<_> =
            results.as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect();
        assert_eq!(status, [201, 422, 200, 409, 412, 201, 200, 200, 200, 404]);
        let at = |index: usize| &results[index];
        assert_eq!(at(1)["problem"]["code"], "VALIDATION_FAILED");
        assert_eq!(at(1)["problem"]["errors"][0]["pointer"], "/name");
        assert_eq!(at(3)["problem"]["type"], "/problems/duplicate");
        assert_eq!((&at(6)["data"]["id"], &at(6)["data"]["name"]), (&at(5)["data"]["id"], &json!("Up 2")));
        assert_eq!((&at(8)["data"]["version"], &at(8)["data"]["industry"]), (&json!(4), &json!("Steel")));
        assert_eq!(journal(&stage, &old.id()).len(), 4);
        for (index, result) in results.as_array().unwrap().iter().enumerate() {
            assert_eq!(result["index"], index);
        }
    }
    let steps = [
        (json!({"op": "merge"}), "/op"),
        (json!({"op": "update", "data": {}}), "/op"),
        (json!({"op": "update", "id": "7", "data": {}}), "/op"),
        (json!({"op": "create", "data": [], "extra": 1}), "/extra /data"),
        (json!({"op": "archive", "id": Uuid::nil(), "ifVersion": "1"}), "/ifVersion"),
        (json!(7), ""),
    ];
    for (step, pointers) in steps {
        let answer = admin.post("/v1/accounts/batch", json!({"atomic": true, "items": [step]})).await.expect(422);
        let expected: Vec<_> = pointers.split(' ').map(|pointer| format!("/items/0{pointer}")).collect();
        assert_eq!(answer.pointers()[..expected.len()], expected[..], "{step}");
    }
    for body in
        [json!({}), json!({"items": {}}), json!({"items": [], "atomic": 1}), json!({"items": [], "dryRun": true})]
    {
        admin.post("/v1/accounts/batch", body).await.expect(422);
    }
}

#[actix_web::test]
async fn a_batch_has_at_most_a_thousand_items() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let items = |many: usize| json!(vec![json!({"op": "create", "data": {"name": "x"}}); many]);
    for graphql in [false, true] {
        let refusal = batch(&admin, graphql, false, &items(1_001)).await;
        assert_eq!(refusal.unwrap_err(), refused("VALIDATION_FAILED", &["TOO_MANY /items"]).unwrap_err());
    }
    assert_eq!(count(&stage, "accounts"), 0);
    let results = batch(&admin, false, true, &items(1_000)).await.unwrap();
    assert_eq!((results.as_array().unwrap().len(), count(&stage, "accounts")), (1_000, 1_000));
}

#[actix_web::test]
async fn an_upsert_finds_its_record_by_the_key_of_the_other_system() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let path = "/v1/accounts/external/erp/K%2F1%20%E7%8E%8B";
    let made = admin.put(path, json!({"name": "Acme"})).await.expect(201);
    assert_eq!(made.header("location"), Some(format!("/v1/accounts/{}", made.id()).as_str()));
    let same = admin.put(path, json!({"name": "Acme"})).await.expect(200);
    assert_eq!((same.at("/version"), same.id()), (&json!(1), made.id()));
    let changed = admin.put(path, json!({"name": "Acme", "industry": "Steel"})).await.expect(200);
    assert_eq!((changed.at("/version"), changed.header("etag"), changed.id()), (&json!(2), Some("\"2\""), made.id()));
    assert_eq!(admin.get(path).await.expect(200).bytes, changed.bytes);
    let query = "mutation($n: String!, $k: String!) { it: accountUpsert(system: \"erp\", externalId: $k, input: {name: $n}) { id version } }";
    let answer = admin.graphql(query, json!({"n": "Acme 3", "k": "K/1 王"})).await.expect(200);
    assert_eq!(answer.at("/data/it"), &json!({"id": made.id(), "version": 3}));
    let query = "query($k: String!) { it: accountByExternalId(system: \"erp\", externalId: $k) { id name } }";
    assert_eq!(admin.graphql(query, json!({"k": "K/1 王"})).await.expect(200).at("/data/it/name"), "Acme 3");
    assert_eq!(
        admin.graphql(query, json!({"k": "K/2"})).await.expect(200).at("/errors/0/extensions/code"),
        "NOT_FOUND"
    );
    // One key a system and type; another system or type is another key; one record may have many.
    admin.put("/v1/contacts/external/erp/K%2F1%20%E7%8E%8B", json!({"familyName": "Anders"})).await.expect(201);
    let more = json!({"subjectType": "ACCOUNT", "subjectId": made.id(), "system": "shop", "externalId": "9"});
    admin.post("/v1/external-ids", more.clone()).await.expect(201);
    assert_eq!(admin.post("/v1/external-ids", more).await.expect(409).pointers(), ["/externalId"]);
    assert_eq!(admin.put("/v1/accounts/external/shop/9", json!({})).await.expect(200).id(), made.id());
    // The same body again is fine where members can be set on create only; another value for them is not.
    let address = json!({"accountId": made.id(), "city": "Berlin"});
    let first = admin.put("/v1/addresses/external/erp/1", address.clone()).await.expect(201);
    assert_eq!(admin.put("/v1/addresses/external/erp/1", address).await.expect(200).bytes, first.bytes);
    let other = admin.post("/v1/accounts", json!({"name": "Other"})).await.expect(201);
    let moved = admin.put("/v1/addresses/external/erp/1", json!({"accountId": other.id()})).await.expect(422);
    assert_eq!(refusal(&moved.body).1, ["READ_ONLY /accountId"]);
    // Conditions, archived targets, keys that cannot be.
    admin.with("if-match", "\"1\"").put("/v1/accounts/external/erp/new", json!({"name": "x"})).await.expect(412);
    let stale = admin.with("if-match", "\"1\"").put(path, json!({"industry": "Tin"})).await.expect(412);
    assert_eq!(stale.at("/errors/0/current"), "Steel");
    admin.delete(&format!("/v1/accounts/{}", made.id())).await.expect(204);
    assert_eq!(admin.put(path, json!({"name": "x"})).await.expect(409).code(), "CONFLICT");
    let before = traces(&stage);
    for bad in ["ERP/1", "e%20rp/1", &format!("erp/{}", "x".repeat(201)), &format!("{}/1", "x".repeat(65))] {
        admin.put(&format!("/v1/accounts/external/{bad}"), json!({"name": "x"})).await.expect(422);
    }
    for (bad, status) in [("erp/a%00b", 404), ("erp/%ff", 404)] {
        admin.put(&format!("/v1/accounts/external/{bad}"), json!({"name": "x"})).await.expect(status);
    }
    for key in ["a\u{0}b", "\u{1}"] {
        let answer = admin.graphql(query, json!({"k": key})).await.expect(200);
        assert_eq!(answer.at("/errors/0/extensions/code"), "NOT_FOUND", "{}", answer.body);
        let item = json!({"op": "upsert", "externalId": {"system": "erp", "externalId": key}, "data": {"name": "x"}});
        let answer = admin.post("/v1/accounts/batch", json!({"atomic": true, "items": [item]})).await;
        assert_eq!(answer.expect(422).code(), "VALIDATION_FAILED");
    }
    assert_eq!(traces(&stage), before);
    // A key in another normal form is the same key.
    admin.put("/v1/accounts/external/erp/Cafe%CC%81", json!({"name": "x"})).await.expect(201);
    let item = json!([{"op": "upsert", "externalId": {"system": "erp", "externalId": "Caf\u{e9}"}, "data": {"name": "x"}},
        {"op": "upsert", "externalId": {"system": "erp", "externalId": "Cafe\u{301}"}, "data": {"name": "x"}}]);
    for result in batch(&doors(&admin)[0].client, false, true, &item).await.unwrap().as_array().unwrap() {
        assert_eq!(result["status"], 200);
    }
}
