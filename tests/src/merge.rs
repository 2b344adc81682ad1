//! Two records become one: what hung on the one hangs on the other, and nothing is there twice or lost.

use kith_testkit::{Client, Stage};
use serde_json::{Value, json};

fn admin() -> (Stage, Client) {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    (stage, admin)
}

async fn made(admin: &Client, resource: &str, body: Value) -> String {
    admin.post(&format!("/v1/{resource}"), body).await.expect(201).id()
}

async fn count(admin: &Client, path: &str) -> usize {
    admin.get(path).await.expect(200).at("/data").as_array().unwrap().len()
}

#[actix_web::test]
async fn everything_moves_and_what_would_be_there_twice_is_archived() {
    let (_stage, admin) = admin();
    let upsert = |key: &str, body: Value| {
        let (admin, path) = (admin.clone(), format!("/v1/accounts/external/erp/{key}"));
        async move { admin.put(&path, body).await.expect(201).id() }
    };
    let kept = upsert("1", json!({"name": "Alpha", "industry": "Food"})).await;
    let revenue = json!({"amount": "10.00", "currency": "EUR"});
    let gone = upsert(
        "2",
        json!({"name": "Alfa", "industry": "Trade", "registrationNumber": "HRB 7", "annualRevenue": revenue}),
    )
    .await;
    let contact = made(&admin, "contacts", json!({"familyName": "Anders", "accountId": gone})).await;
    let child = made(&admin, "accounts", json!({"name": "Branch", "parentId": gone})).await;
    let tag = made(&admin, "tags", json!({"name": "Fair"})).await;
    for account in [&kept, &gone] {
        let tagging = json!({"tagId": tag, "subjectType": "ACCOUNT", "subjectId": account});
        made(&admin, "taggings", tagging).await;
        made(&admin, "account-roles", json!({"accountId": account, "role": "CUSTOMER", "validFrom": "2026-01-01"}))
            .await;
    }
    made(&admin, "account-roles", json!({"accountId": gone, "role": "PARTNER"})).await;
    made(&admin, "notes", json!({"subjectType": "ACCOUNT", "subjectId": gone, "body": "Likes tea."})).await;
    let order = json!({"accountId": gone, "currency": "EUR", "orderedAt": "2026-02-01T09:00:00Z"});
    let order = made(&admin, "orders", order).await;

    let path = format!("/v1/accounts/{kept}/merge");
    let dry = admin.post(&format!("{path}?dryRun=true"), json!({"fromId": gone})).await.expect(200);
    assert_eq!(dry.at("/registrationNumber"), "HRB 7");
    assert_eq!(admin.get(&format!("/v1/contacts/{contact}")).await.expect(200).at("/accountId"), &json!(gone));

    let merged = admin.post(&path, json!({"fromId": gone})).await.expect(200);
    assert_eq!(merged.id(), kept);
    let said = ["name", "industry", "registrationNumber", "status"].map(|name| merged.body[name].clone());
    assert_eq!(said, ["Alpha", "Food", "HRB 7", "ACTIVE"].map(Value::from), "what it said itself stays");
    assert_eq!(merged.at("/annualRevenue"), &revenue);

    let old = admin.get(&format!("/v1/accounts/{gone}")).await.expect(200);
    assert_eq!((old.at("/status"), old.at("/mergedIntoId")), (&json!("MERGED"), &json!(kept)));
    assert!(old.at("/archivedAt").is_string());
    for (resource, id, field) in
        [("contacts", &contact, "accountId"), ("accounts", &child, "parentId"), ("orders", &order, "accountId")]
    {
        let found = admin.get(&format!("/v1/{resource}/{id}")).await.expect(200);
        assert_eq!(found.body[field], *kept, "{resource}");
    }
    assert_eq!(admin.get("/v1/accounts/external/erp/2").await.expect(200).id(), kept, "its key leads on");
    assert_eq!(count(&admin, &format!("/v1/taggings?filter[subjectId]={kept}")).await, 1);
    assert_eq!(count(&admin, &format!("/v1/taggings?filter[subjectId]={gone}&archived=true")).await, 1);
    assert_eq!(count(&admin, &format!("/v1/account-roles?filter[accountId]={kept}")).await, 2);
    assert_eq!(count(&admin, &format!("/v1/account-roles?filter[accountId]={gone}")).await, 0);
    assert_eq!(count(&admin, &format!("/v1/notes?filter[subjectId]={kept}")).await, 1);

    let back = admin.post(&format!("/v1/accounts/{gone}/restore"), json!({})).await;
    assert_eq!((back.status, back.code()), (409, "ILLEGAL_TRANSITION"));
    let again = admin.post(&path, json!({"fromId": gone})).await;
    assert_eq!((again.status, again.pointers()), (422, vec!["/fromId"]));
    let itself = admin.post(&path, json!({"fromId": kept})).await;
    assert_eq!((itself.status, itself.pointers()), (422, vec!["/fromId"]));
    let none = admin.post(&path, json!({"fromId": crate::push::new_id()})).await;
    assert_eq!((none.status, none.pointers()), (422, vec!["/fromId"]));
}

#[actix_web::test]
async fn a_tree_stays_a_tree_whoever_is_above() {
    let (_stage, admin) = admin();
    let account = |name, parent: Option<&String>| made_in(&admin, name, parent.cloned());
    let top = account("Top", None).await;
    let one = account("One", Some(&top)).await;
    let two = account("Two", Some(&one)).await;
    let three = account("Three", Some(&two)).await;
    let parent = |id: &str| {
        let (admin, path) = (admin.clone(), format!("/v1/accounts/{id}"));
        async move { admin.get(&path).await.expect(200).at("/parentId").clone() }
    };
    // The lowest swallows one above it: it stands where that stood, and what was between them is below it.
    admin.post(&format!("/v1/accounts/{three}/merge"), json!({"fromId": one})).await.expect(200);
    assert_eq!((parent(&three).await, parent(&two).await), (json!(top), json!(three)));
    // The top swallows what is directly below it.
    admin.post(&format!("/v1/accounts/{top}/merge"), json!({"fromId": three})).await.expect(200);
    assert_eq!((parent(&two).await, parent(&top).await), (json!(top), Value::Null));
    // Who was merged before follows.
    assert_eq!(admin.get(&format!("/v1/accounts/{one}")).await.expect(200).at("/mergedIntoId"), &json!(top));

    let boss = made(&admin, "contacts", json!({"familyName": "Boss"})).await;
    let chief = made(&admin, "contacts", json!({"familyName": "Chief", "reportsToId": boss})).await;
    let clerk = made(&admin, "contacts", json!({"familyName": "Clerk", "reportsToId": chief})).await;
    let query =
        "mutation($id: UUID!, $from: UUID!) { contactMerge(id: $id, input: {fromId: $from}) { id reportsToId } }";
    let merged = admin.graphql(query, json!({"id": clerk, "from": chief})).await.expect(200);
    assert_eq!(merged.at("/data/contactMerge/reportsToId"), &json!(boss), "{}", merged.body);
}

async fn made_in(admin: &Client, name: &str, parent: Option<String>) -> String {
    made(admin, "accounts", json!({"name": name, "parentId": parent})).await
}

#[actix_web::test]
async fn points_are_not_archived_away() {
    let (_stage, admin) = admin();
    let program = made(
        &admin,
        "loyalty-programs",
        json!({"name": "Club", "status": "ACTIVE", "timeZone": "UTC", "currency": "EUR"}),
    )
    .await;
    let mut accounts = Vec::new();
    for name in ["One", "Two"] {
        let id = made(&admin, "accounts", json!({"name": name})).await;
        made(&admin, "loyalty-memberships", json!({"programId": program, "accountId": id})).await;
        accounts.push(id);
    }
    let path = format!("/v1/accounts/{}/merge", accounts[0]);
    let refused = admin.post(&path, json!({"fromId": accounts[1]})).await;
    assert_eq!((refused.status, refused.code()), (409, "CONFLICT"), "{}", refused.body);
    let other = admin.get(&format!("/v1/accounts/{}", accounts[1])).await.expect(200);
    assert_eq!(other.at("/status"), "ACTIVE", "nothing half-done is kept");
}
