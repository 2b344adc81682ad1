//! Other systems whose records are kept in step: each field by who decides it, what is left aside is told, and rights
//! hold. How both sides are compared is in [`drift`].

mod drift;

use chrono::{DateTime, TimeDelta, Utc};
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};

/// A connector of the system `erp`, with an authority for some fields of accounts.
pub async fn connector(admin: &Client, fields: &[(&str, &str)]) -> String {
    let id = admin.post("/v1/connectors", json!({"name": "ERP", "system": "erp"})).await.expect(201).id();
    for (field, authority) in fields {
        let body = json!({"connectorId": id, "resource": "accounts", "field": field, "authority": authority});
        admin.post("/v1/connector-fields", body).await.expect(201);
    }
    id
}

fn record(key: &str, changed_at: Option<DateTime<Utc>>, data: Value) -> Value {
    json!({"resource": "accounts", "externalId": key, "changedAt": changed_at, "data": data})
}

async fn send(client: &Client, id: &str, records: Vec<Value>) -> Vec<Value> {
    let sent = client.post(&format!("/v1/connectors/{id}/records"), json!({"records": records})).await.expect(207);
    sent.at("/results").as_array().unwrap().clone()
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["status"].as_str().unwrap()).collect()
}

fn told(result: &Value) -> Vec<(&str, &str, &str)> {
    let text = |left: &'_ Value, name: &str| left[name].as_str().unwrap().to_owned().leak() as &str;
    let all = result["leftAside"].as_array().unwrap().iter();
    all.map(|left| (text(left, "field"), text(left, "authority"), text(left, "reason"))).collect()
}

fn set_up() -> (Stage, Tenant, Client) {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    (stage, tenant, admin)
}

#[actix_web::test]
async fn each_field_goes_by_who_decides_it_and_what_is_left_aside_is_told() {
    let (_stage, _tenant, admin) = set_up();
    let erp = connector(&admin, &[("legalName", "EXTERNAL"), ("industry", "CRM"), ("name", "CRM")]).await;
    let data =
        json!({"name": "Alfreds", "legalName": "Alfreds KG", "industry": "Food", "website": "https://a.example"});
    let first = send(&admin, &erp, vec![record("ALFKI", None, data.clone())]).await;
    assert_eq!(statuses(&first), ["CREATED"], "{first:?}");
    // A name is needed to make an account at all; an industry is not.
    assert_eq!(told(&first[0]), [("industry", "CRM", "DECIDED_HERE")]);
    let path = format!("/v1/accounts/{}", first[0]["id"].as_str().unwrap());
    let account = admin.get(&path).await.expect(200);
    assert_eq!((account.at("/name"), account.at("/industry")), (&json!("Alfreds"), &Value::Null));
    assert_eq!(admin.get("/v1/accounts/external/erp/ALFKI").await.expect(200).id(), account.id());

    // Somebody works on it here; the ERP sends what it has again.
    admin
        .patch(&path, json!({"name": "Alfreds Futterkiste", "industry": "Retail", "legalName": "x"}))
        .await
        .expect(200);
    let again = send(&admin, &erp, vec![record("ALFKI", None, data.clone())]).await;
    assert_eq!(statuses(&again), ["UPDATED"]);
    assert_eq!(told(&again[0]), [("name", "CRM", "DECIDED_HERE"), ("industry", "CRM", "DECIDED_HERE")]);
    assert_eq!(again[0]["leftAside"][1]["current"], "Retail");
    let account = admin.get(&path).await.expect(200);
    assert_eq!(
        [account.at("/name"), account.at("/industry"), account.at("/legalName"), account.at("/version")],
        [&json!("Alfreds Futterkiste"), &json!("Retail"), &json!("Alfreds KG"), &json!(3)]
    );
    // The same once more does nothing, and says so; what is equal is not called left aside.
    let same =
        send(&admin, &erp, vec![record("ALFKI", None, data), record("ALFKI", None, json!({"industry": "Retail"}))]);
    let same = same.await;
    assert_eq!((statuses(&same), told(&same[1])), (vec!["UNCHANGED", "UNCHANGED"], vec![]));
    assert_eq!(admin.get(&path).await.expect(200).at("/version"), 3);

    // Fields without a line of their own go by the connector's default.
    admin.patch(&format!("/v1/connectors/{erp}"), json!({"defaultAuthority": "CRM"})).await.expect(200);
    let website = send(&admin, &erp, vec![record("ALFKI", None, json!({"website": "https://b.example"}))]).await;
    assert_eq!(told(&website[0]), [("website", "CRM", "DECIDED_HERE")]);
    assert!(admin.get(&format!("/v1/connectors/{erp}")).await.expect(200).at("/lastSeenAt").is_string());
}

#[actix_web::test]
async fn the_newest_change_wins_whichever_side_made_it_and_however_late_it_comes() {
    let (stage, _tenant, admin) = set_up();
    let erp = connector(&admin, &[("name", "NEWEST"), ("website", "NEWEST")]).await;
    let start = stage.now();
    // Steps of half a minute, as a token lives for fifteen.
    let after = |steps: i64| start + TimeDelta::seconds(30 * steps);
    let at = |steps: i64| Some(after(steps));
    let now = |steps: i64| stage.app.clock.stop_at(after(steps));
    let name = |name: &str| json!({"name": name});
    let undated = send(&admin, &erp, vec![record("ALFKI", None, name("0"))]).await;
    assert_eq!(undated[0]["problem"]["errors"][0]["pointer"], "/changedAt");

    // Changed there at 0, sent at 5.
    now(5);
    let made = send(&admin, &erp, vec![record("ALFKI", at(0), name("there 0"))]).await;
    assert_eq!(statuses(&made), ["CREATED"]);
    let path = format!("/v1/accounts/{}", made[0]["id"].as_str().unwrap());
    // Changed there at 3, before the first message came: it is newer than what that brought.
    now(6);
    let late = send(&admin, &erp, vec![record("ALFKI", at(3), name("there 3"))]).await;
    assert_eq!((statuses(&late), told(&late[0])), (vec!["UPDATED"], vec![]));
    // An older message that comes after it does nothing.
    let old = send(&admin, &erp, vec![record("ALFKI", at(2), name("there 2"))]).await;
    assert_eq!((statuses(&old), told(&old[0])), (vec!["UNCHANGED"], vec![("name", "NEWEST", "NEWER_HERE")]));
    assert_eq!(old[0]["leftAside"][0]["current"], "there 3");

    // Changed here at 10, there at 8 and then at 12.
    now(10);
    admin.patch(&path, name("here 10")).await.expect(200);
    now(11);
    let older =
        send(&admin, &erp, vec![record("ALFKI", at(8), json!({"name": "there 8", "website": "https://8.example"}))]);
    let older = older.await;
    // Another field was not touched here since.
    assert_eq!((statuses(&older), told(&older[0])), (vec!["UPDATED"], vec![("name", "NEWEST", "NEWER_HERE")]));
    let changed: DateTime<Utc> = older[0]["leftAside"][0]["changedAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(changed, after(10));
    now(13);
    let newer =
        send(&admin, &erp, vec![record("ALFKI", at(12), name("there 12")), record("ALFKI", at(12), name("tie"))]);
    let newer = newer.await;
    assert_eq!(statuses(&newer), ["UPDATED", "UNCHANGED"], "the first of two of the same time stays");
    let account = admin.get(&path).await.expect(200);
    assert_eq!((account.at("/name"), account.at("/website")), (&json!("there 12"), &json!("https://8.example")));

    // The same value with a later time counts as changed then.
    now(20);
    admin.patch(&path, name("here 20")).await.expect(200);
    let same =
        send(&admin, &erp, vec![record("ALFKI", at(22), name("here 20")), record("ALFKI", at(21), name("there 21"))]);
    assert_eq!(statuses(&same.await), ["UNCHANGED", "UNCHANGED"]);
    // A clock that is far ahead would win for ever.
    let ahead = send(&admin, &erp, vec![record("ALFKI", at(60), name("there 60"))]).await;
    assert_eq!((statuses(&ahead), &ahead[0]["problem"]["errors"][0]["code"]), (vec!["FAILED"], &json!("OUT_OF_RANGE")));
}

#[actix_web::test]
async fn one_bad_record_does_not_stop_the_others() {
    let (_stage, _tenant, admin) = set_up();
    let erp = connector(&admin, &[]).await;
    let archived = send(&admin, &erp, vec![record("OLD", None, json!({"name": "Old"}))]).await;
    admin.delete(&format!("/v1/accounts/{}", archived[0]["id"].as_str().unwrap())).await.expect(204);
    let sent = vec![
        record("A", None, json!({"name": "A"})),
        json!({"resource": "nothing", "externalId": "", "data": [], "more": 1}),
        record("A", None, json!({"name": "A", "colour": "red", "version": 7, "sizeBand": "HUGE"})),
        record("OLD", None, json!({"name": "New"})),
        record("B", None, json!({})),
        record("A", None, json!({"name": "A again"})),
        json!({"resource": "contacts", "externalId": "A", "data": {"familyName": "Anders"}}),
    ];
    let results = send(&admin, &erp, sent).await;
    assert_eq!(
        statuses(&results),
        ["CREATED", "FAILED", "FAILED", "FAILED", "FAILED", "UPDATED", "CREATED"],
        "{results:?}"
    );
    let pointers = |at: usize| {
        let errors = results[at]["problem"]["errors"].as_array().unwrap().iter();
        errors.map(|error| error["pointer"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(pointers(1), ["/more", "/resource", "/externalId", "/data"]);
    assert_eq!(pointers(2), ["/data/colour", "/data/version", "/data/sizeBand"]);
    assert_eq!(results[3]["problem"]["code"], "CONFLICT");
    assert_eq!(pointers(4), ["/data/name"]);
    assert_eq!(results[5]["id"], results[0]["id"]);
    let many: Vec<_> = (0..501).map(|n| record(&n.to_string(), None, json!({}))).collect();
    let refused = admin.post(&format!("/v1/connectors/{erp}/records"), json!({"records": many})).await.expect(422);
    assert_eq!(refused.pointers(), ["/records"]);
    admin.patch(&format!("/v1/connectors/{erp}"), json!({"isPaused": true})).await.expect(200);
    let paused = json!({"records": [record("C", None, json!({"name": "C"}))]});
    assert_eq!(admin.post(&format!("/v1/connectors/{erp}/records"), paused).await.expect(409).code(), "CONFLICT");
}

#[actix_web::test]
async fn unknown_fields_and_resources_have_no_authority_and_a_system_has_one_connector() {
    let (_stage, _tenant, admin) = set_up();
    let erp = connector(&admin, &[("name", "CRM")]).await;
    let field = |resource: &str, field: &str| json!({"connectorId": erp, "resource": resource, "field": field, "authority": "CRM"});
    for (body, pointer) in [
        (field("nothing", "name"), "/resource"),
        (field("point-entries", "points"), "/resource"),
        (field("accounts", "colour"), "/field"),
        (field("accounts", "version"), "/field"),
        (field("accounts", "id"), "/field"),
    ] {
        assert_eq!(admin.post("/v1/connector-fields", body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
    let twice = admin.post("/v1/connector-fields", field("accounts", "name")).await.expect(409);
    assert_eq!(twice.code(), "DUPLICATE");
    let twice = admin.post("/v1/connectors", json!({"name": "Other", "system": "erp"})).await.expect(409);
    assert_eq!((twice.code(), twice.pointers()), ("DUPLICATE", vec!["/system"]));
    let bad = admin.post("/v1/connectors", json!({"name": "Other", "system": "My ERP"})).await.expect(422);
    assert_eq!(bad.pointers(), ["/system"]);
    admin.delete(&format!("/v1/connectors/{erp}")).await.expect(204);
    admin.post("/v1/connectors", json!({"name": "Other", "system": "erp"})).await.expect(201);
    let gone = json!({"records": [record("C", None, json!({"name": "C"}))]});
    admin.post(&format!("/v1/connectors/{erp}/records"), gone).await.expect(409);
}

#[actix_web::test]
async fn rights_hold_for_the_connector_and_for_every_record_and_graphql_does_the_same() {
    let (stage, tenant, admin) = set_up();
    let erp = connector(&admin, &[("industry", "CRM")]).await;
    let own = "accounts:READ:OWN accounts:CREATE:OWN accounts:UPDATE:OWN external-ids:CREATE:ALL";
    let (_, stranger) = crate::authz::with_grants(&stage, &tenant, own);
    let path = format!("/v1/connectors/{erp}/records");
    let body = json!({"records": [record("A", None, json!({"name": "A"}))]});
    assert_eq!(stranger.post(&path, body.clone()).await.expect(403).code(), "FORBIDDEN");
    let grants = format!("connectors:READ:ALL connectors:UPDATE:ALL {own}");
    let (_, owner) = crate::authz::with_grants(&stage, &tenant, &grants);
    let theirs = send(&admin, &erp, vec![record("THEIRS", None, json!({"name": "Theirs"}))]).await;
    let sent = vec![
        record("THEIRS", None, json!({"name": "Mine now"})),
        record("MINE", None, json!({"name": "Mine"})),
        record("MINE", None, json!({"name": "Mine again"})),
        json!({"resource": "contacts", "externalId": "C", "data": {"familyName": "Anders"}}),
    ];
    let results = send(&owner, &erp, sent).await;
    assert_eq!(statuses(&results), ["FAILED", "CREATED", "UPDATED", "FAILED"], "{results:?}");
    assert_eq!(results[0]["problem"]["code"], "NOT_FOUND");
    assert_eq!(results[3]["problem"]["code"], "FORBIDDEN");
    let kept = admin.get(&format!("/v1/accounts/{}", theirs[0]["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(kept.at("/name"), "Theirs");
    // A tree over a part would call the rest missing.
    let drift = format!("/v1/connectors/{erp}/drift?resource=accounts&fields=name");
    assert_eq!(owner.get(&drift).await.expect(403).code(), "FORBIDDEN");
    let other = stage.admin(&stage.tenant());
    assert_eq!(other.post(&path, body).await.expect(404).code(), "NOT_FOUND");
    assert_eq!(other.get(&drift).await.expect(404).code(), "NOT_FOUND");

    let query = "mutation($id: UUID!, $records: [ConnectorRecordInput!]!) { connectorReceive(id: $id, records: $records) \
                 { index status version leftAside { field authority reason } problem } }";
    let records = vec![record("MINE", None, json!({"name": "Mine", "industry": "Food"}))];
    let done = admin.graphql(query, json!({"id": erp, "records": records})).await.expect(200);
    assert_eq!(done.at("/data/connectorReceive/0/status"), "UPDATED", "{}", done.body);
    assert_eq!(done.at("/data/connectorReceive/0/leftAside/0/field"), "industry");
    // A dry run keeps nothing.
    let dry = json!({"records": [record("DRY", None, json!({"name": "Dry"}))]});
    assert_eq!(admin.post(&format!("{path}?dryRun=true"), dry).await.expect(207).at("/results/0/status"), "CREATED");
    admin.get("/v1/accounts/external/erp/DRY").await.expect(404);
}

#[actix_web::test]
async fn the_same_records_sent_by_many_at_once_are_made_once() {
    let stage = Stage::with_pool(6);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let erp = connector(&admin, &[("name", "NEWEST")]).await;
    let at = stage.now() - TimeDelta::minutes(1);
    let rounds = (0..12).map(|round| {
        // In another order each time, which must not lock anybody out.
        let mut records: Vec<_> =
            (0..40).map(|n| record(&format!("K{n}"), Some(at), json!({"name": format!("N{n}")}))).collect();
        if round % 2 == 1 {
            records.reverse();
        }
        let (admin, erp) = (admin.clone(), erp.clone());
        async move { send(&admin, &erp, records).await }
    });
    let all = futures_util::future::join_all(rounds).await;
    let created = all.iter().flatten().filter(|result| result["status"] == "CREATED").count();
    let failed: Vec<_> = all.iter().flatten().filter(|result| result["status"] == "FAILED").collect();
    assert_eq!((created, failed.len()), (40, 0), "{failed:?}");
    let list = admin.get("/v1/accounts?count=exact&limit=1").await.expect(200);
    assert_eq!(list.at("/page/totalCount").as_u64().or(list.at("/page/total").as_u64()), Some(40), "{}", list.body);
    let nothing = crate::push::new_id();
    admin.post(&format!("/v1/connectors/{nothing}/records"), json!({"records": []})).await.expect(404);
}
