//! Each line has the rights, rules, references and journal of a single write.

use super::{count, journal, ndjson, post};
use crate::authz::with_grants;
use kith_testkit::Stage;
use serde_json::{Value, json};

#[actix_web::test]
async fn records_are_made_and_changed_by_their_keys_and_the_same_again_changes_nothing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let file = |job: &str| -> Vec<Value> {
        (0..2_500)
            .map(|n| json!({"externalId": format!("C-{n}"), "familyName": format!("Name {n}"), "jobTitle": if n % 5 == 0 { job } else { "Clerk" }}))
            .collect()
    };
    let first = ndjson(&admin, "contacts?system=erp", &file("Head")).await;
    assert_eq!(first.counts(), [2_500, 0, 0, 0]);
    assert_eq!((first.lines.len(), first.lines[2_499]["externalId"].as_str()), (2_500, Some("C-2499")));
    assert_eq!(
        (journal(&stage, &tenant, "contacts"), journal(&stage, &tenant, "external-ids")),
        ((2_500, 2_500), (2_500, 2_500))
    );
    let again = ndjson(&admin, "contacts?system=erp", &file("Head")).await;
    assert_eq!(again.counts(), [0, 0, 2_500, 0]);
    assert_eq!(again.lines[7]["id"], first.lines[7]["id"]);
    assert_eq!(journal(&stage, &tenant, "contacts"), (2_500, 2_500));
    let changed = ndjson(&admin, "contacts?system=erp&results=errors", &file("Boss")).await;
    assert_eq!((changed.counts(), changed.lines.len()), ([0, 500, 2_000, 0], 0));
    assert_eq!(journal(&stage, &tenant, "contacts"), (3_000, 3_000));
    let one = admin.get("/v1/contacts/external/erp/C-5").await.expect(200);
    assert_eq!(
        (one.at("/jobTitle"), one.at("/version"), one.at("/name")),
        (&json!("Boss"), &json!(2), &json!("Name 5"))
    );
    // The journal says the same as that of a single write.
    let single = admin.put("/v1/contacts/external/erp/C-5", json!({"familyName": "Name 5", "jobTitle": "Boss"})).await;
    assert_eq!(single.expect(200).at("/version"), 2);
}

#[actix_web::test]
async fn a_bad_line_costs_only_itself() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let foreign = stage.make(&stage.tenant(), "accounts", json!({"name": "Foreign"}));
    let account = stage.make(&tenant, "accounts", json!({"name": "Ours", "registrationNumber": "HRB 1"}));
    let lines = [
        json!({"familyName": "Good", "accountId": account}),
        json!({"familyName": "Far", "accountId": foreign}),
        json!({"familyName": "Bad", "locale": 1, "jobTitle": 5, "nonsense": 1}),
        json!({"salutation": "Dr."}),
        json!({"familyName": "Good too", "version": 3}),
        json!({"externalId": "1", "familyName": "No system"}),
        json!({"externalId": "1", "system": "NOT GOOD", "familyName": "Bad system"}),
        json!({"familyName": "Last", "accountId": account}),
    ];
    let loaded = ndjson(&admin, "contacts", &lines).await;
    let failed: Vec<u64> =
        loaded.statuses().iter().filter(|(_, status)| *status == "FAILED").map(|(line, _)| *line).collect();
    assert_eq!(failed, [2, 3, 4, 5, 6, 7], "{}", loaded.answer.text);
    let pointers = |at: usize| -> Vec<&str> {
        loaded.lines[at]["problem"]["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap())
            .collect()
    };
    assert_eq!((pointers(1), pointers(2)), (vec!["/accountId"], vec!["/locale", "/jobTitle", "/nonsense"]));
    assert_eq!(
        (pointers(3), pointers(4), pointers(5), pointers(6)),
        (vec!["/familyName"], vec!["/version"], vec!["/system"], vec!["/system"])
    );
    assert_eq!(loaded.lines[1]["problem"]["code"], "VALIDATION_FAILED");
    // What only the database knows: the number of another account, in the middle of a full part.
    let lines: Vec<Value> = (0..1_000)
        .map(|n| match n {
            300 | 301 => json!({"name": format!("A {n}"), "registrationNumber": "HRB 1"}),
            700 => json!({"name": "Twin", "registrationNumber": "HRB 2"}),
            701 => json!({"name": "Other twin", "registrationNumber": "HRB 2"}),
            n => json!({"name": format!("A {n}")}),
        })
        .collect();
    let loaded = ndjson(&admin, "accounts?results=errors", &lines).await;
    assert_eq!(loaded.statuses(), [(301, "FAILED"), (302, "FAILED"), (702, "FAILED")]);
    assert_eq!(loaded.lines[0]["problem"]["code"], "DUPLICATE");
    assert_eq!((loaded.counts(), journal(&stage, &tenant, "accounts")), ([997, 0, 0, 3], (998, 998)));
}

#[actix_web::test]
async fn what_comes_twice_is_written_in_order_and_the_last_wins() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let id = stage.system(&tenant).new_id();
    let lines = [
        json!({"externalId": "1", "familyName": "First"}),
        json!({"externalId": "2", "familyName": "Other"}),
        json!({"externalId": "1", "familyName": "Last"}),
        json!({"id": id, "familyName": "By id"}),
        json!({"id": id, "familyName": "By id again"}),
    ];
    let loaded = ndjson(&admin, "contacts?system=erp", &lines).await;
    let statuses: Vec<&str> = loaded.statuses().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, ["CREATED", "CREATED", "UPDATED", "CREATED", "UPDATED"]);
    assert_eq!(admin.get("/v1/contacts/external/erp/1").await.expect(200).at("/familyName"), "Last");
    // By its key and by its id it is one record.
    let same = [json!({"externalId": "1", "familyName": "A"}), json!({"id": loaded.lines[0]["id"], "familyName": "B"})];
    let loaded = ndjson(&admin, "contacts?system=erp", &same).await;
    assert_eq!(loaded.counts(), [0, 2, 0, 0]);
    assert_eq!(admin.get("/v1/contacts/external/erp/1").await.expect(200).at("/familyName"), "B");
    let refused = ndjson(
        &admin,
        "contacts?system=erp&mode=insert",
        &[json!({"externalId": "1", "familyName": "C"}), json!({"id": id, "familyName": "C"})],
    )
    .await;
    assert_eq!(refused.counts(), [0, 0, 0, 2]);
    assert_eq!(refused.lines[0]["problem"]["code"], "DUPLICATE");
    // An archived one is told, and not brought back by the way.
    admin.delete(&format!("/v1/contacts/{id}")).await.expect(204);
    let refused = ndjson(&admin, "contacts", &[json!({"id": id, "familyName": "D"})]).await;
    assert_eq!(refused.lines[0]["problem"]["code"], "CONFLICT");
}

#[actix_web::test]
async fn references_may_be_given_by_keys() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let accounts = [
        json!({"externalId": "GROUP", "name": "Group"}),
        json!({"externalId": "ALFKI", "name": "Alfreds", "parentId": {"externalId": "GROUP"}}),
    ];
    assert_eq!(ndjson(&admin, "accounts?system=erp", &accounts).await.counts(), [2, 0, 0, 0]);
    let contacts = [
        json!({"externalId": "M", "familyName": "Anders", "accountId": {"externalId": "ALFKI"}}),
        json!({"externalId": "N", "familyName": "Nobody", "accountId": {"externalId": "NOTHING"}}),
        json!({"externalId": "O", "familyName": "Other", "accountId": {"system": "crm", "externalId": "ALFKI"}}),
    ];
    let loaded = ndjson(&admin, "contacts?system=erp", &contacts).await;
    assert_eq!(loaded.counts(), [1, 0, 0, 2]);
    assert_eq!(loaded.lines[1]["problem"]["errors"][0]["pointer"], "/accountId");
    let account = admin.get("/v1/accounts/external/erp/ALFKI?expand=contacts,parent").await.expect(200);
    assert_eq!(
        (account.at("/contacts/data/0/familyName"), account.at("/parent/name")),
        (&json!("Anders"), &json!("Group"))
    );
    // A circle is refused as by a single write.
    let circle = [json!({"externalId": "GROUP", "name": "Group", "parentId": {"externalId": "ALFKI"}})];
    let refused = ndjson(&admin, "accounts?system=erp", &circle).await;
    assert_eq!(refused.lines[0]["problem"]["errors"][0]["code"], "CYCLE");
    let ids = [stage.system(&tenant).new_id(), stage.system(&tenant).new_id()];
    let circle = [
        json!({"id": ids[0], "name": "One", "parentId": ids[1]}),
        json!({"id": ids[1], "name": "Two", "parentId": ids[0]}),
    ];
    assert_eq!(ndjson(&admin, "accounts", &circle).await.counts()[3], 1 + 1, "neither is there when the other asks");
}

#[actix_web::test]
async fn each_line_asks_for_the_rights_of_a_single_write() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let theirs = stage.make(&tenant, "accounts", json!({"name": "Theirs"}));
    let (me, own) =
        with_grants(&stage, &tenant, "accounts:READ:ALL accounts:CREATE:OWN accounts:UPDATE:OWN bulk-loads:READ:OWN");
    let lines = [
        json!({"name": "Mine"}),
        json!({"name": "Given away", "ownerId": tenant.admin}),
        json!({"id": theirs, "name": "Taken"}),
        json!({"name": "Mine too", "ownerId": me}),
    ];
    let loaded = ndjson(&own, "accounts", &lines).await;
    let statuses: Vec<&str> = loaded.statuses().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, ["CREATED", "FAILED", "FAILED", "CREATED"], "{}", loaded.answer.text);
    let mine = loaded.lines[0]["id"].as_str().unwrap();
    assert_eq!(admin.get(&format!("/v1/accounts/{mine}")).await.expect(200).at("/ownerId"), &json!(me));
    assert_eq!(admin.get(&format!("/v1/accounts/{theirs}")).await.expect(200).at("/name"), "Theirs");
    let (_, creator) = with_grants(&stage, &tenant, "accounts:READ:ALL accounts:CREATE:ALL");
    let file = "{\"name\":\"A\"}\n";
    assert_eq!(post(&creator, "accounts", "application/x-ndjson", file).await.expect(403).code(), "FORBIDDEN");
    post(&creator, "accounts?mode=insert", "application/x-ndjson", file).await.expect(200);
    let results = format!("/v1/bulk/{}/results", loaded.summary["id"].as_str().unwrap());
    own.get(&results).await.expect(200);
    creator.get(&results).await.expect(403);
    stage.admin(&stage.tenant()).get(&results).await.expect(404);
}

#[actix_web::test]
async fn resources_with_rules_of_their_own_go_the_way_of_single_writes() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let account = stage.make(&tenant, "accounts", json!({"name": "A"}));
    let notes = [
        json!({"subjectType": "ACCOUNT", "subjectId": account, "body": "One"}),
        json!({"subjectType": "ACCOUNT", "subjectId": tenant.id, "body": "Nowhere"}),
        json!({"subjectType": "ACCOUNT", "subjectId": account, "body": "Two"}),
    ];
    let loaded = ndjson(&admin, "notes?system=erp", &notes).await;
    assert_eq!((loaded.counts(), journal(&stage, &tenant, "notes")), ([2, 0, 0, 1], (2, 2)));
    // What is computed, or has a verb of its own, is refused.
    for resource in ["value-profiles", "point-entries", "bulk-loads"] {
        let refused = post(&admin, resource, "application/x-ndjson", "{}\n").await.expect(405);
        assert_eq!(refused.header("allow"), Some("GET, HEAD"));
    }
    post(&admin, "taggings", "application/x-ndjson", "{}\n").await.expect(405);
    post(&admin, "nothing", "application/x-ndjson", "{}\n").await.expect(404);
    let tag = stage.make(&tenant, "tags", json!({"name": "VIP"}));
    let taggings = [json!({"tagId": tag, "subjectType": "ACCOUNT", "subjectId": account})];
    assert_eq!(ndjson(&admin, "taggings?mode=insert", &taggings).await.counts(), [1, 0, 0, 0]);
    assert_eq!(count(&admin, "notes").await, 2);
}

#[actix_web::test]
async fn a_version_is_compared_and_a_dry_run_keeps_nothing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let id = stage.make(&tenant, "contacts", json!({"familyName": "One"}));
    let dry = ndjson(
        &admin,
        "contacts?dryRun=true",
        &[json!({"id": id, "familyName": "Two"}), json!({"familyName": "New"}), json!({})],
    )
    .await;
    assert_eq!(dry.counts(), [1, 1, 0, 1]);
    assert_eq!((count(&admin, "contacts").await, journal(&stage, &tenant, "contacts")), (1, (1, 1)));
    let lines = [
        json!({"id": id, "ifVersion": 1, "familyName": "Two"}),
        json!({"id": id, "ifVersion": 1, "familyName": "Three"}),
    ];
    let loaded = ndjson(&admin, "contacts", &lines).await;
    assert_eq!(
        (loaded.counts(), loaded.lines[1]["problem"]["code"].as_str()),
        ([0, 1, 0, 1], Some("VERSION_CONFLICT"))
    );
    admin.patch(&format!("/v1/tenants/{}", tenant.id), json!({"requiresVersion": true})).await.expect(200);
    stage.app.known.invalidate_all();
    let loaded = ndjson(
        &admin,
        "contacts?system=erp",
        &[
            json!({"id": id, "familyName": "Four"}),
            json!({"externalId": "1", "familyName": "A"}),
            json!({"externalId": "1", "familyName": "B"}),
        ],
    )
    .await;
    assert_eq!(loaded.lines[0]["problem"]["code"], "PRECONDITION_REQUIRED");
    assert_eq!(loaded.counts(), [1, 1, 0, 1], "who loads by keys knows no versions");
}
