//! How a merge is told: the record that is gone as merged, with where it went, and all that was moved, each for itself.

use super::pages::{all, now};
use crate::webhooks::{Post, Receiver};
use kith_testkit::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;

struct Merge {
    kept: String,
    gone: String,
    /// What hangs on the one that goes: resource, record, and what is told of it.
    moved: Vec<(&'static str, String, &'static str)>,
}

async fn made(admin: &Client, resource: &str, body: Value) -> String {
    admin.post(&format!("/v1/{resource}"), body).await.expect(201).id()
}

/// Two accounts with what may hang on them.
async fn two(admin: &Client) -> Merge {
    let kept = made(admin, "accounts", json!({"name": "Kept"})).await;
    let gone =
        admin.put("/v1/accounts/external/erp/2", json!({"name": "Gone", "website": "https://example.com"})).await;
    let gone = gone.expect(201).id();
    let contact = made(admin, "contacts", json!({"familyName": "Li", "accountId": gone})).await;
    let note = made(admin, "notes", json!({"subjectType": "ACCOUNT", "subjectId": gone, "body": "Likes tea."})).await;
    let branch = made(admin, "accounts", json!({"name": "Branch", "parentId": gone})).await;
    let tag = made(admin, "tags", json!({"name": "Fair"})).await;
    let mut taggings = Vec::new();
    for account in [&kept, &gone] {
        let body = json!({"tagId": tag, "subjectType": "ACCOUNT", "subjectId": account});
        taggings.push(made(admin, "taggings", body).await);
    }
    let links = admin.get(&format!("/v1/external-ids?filter[subjectId]={gone}")).await.expect(200);
    let link = links.at("/data/0/id").as_str().unwrap().to_owned();
    let moved = vec![
        ("contacts", contact, "contact.moved"),
        ("notes", note, "note.moved"),
        ("accounts", branch, "account.moved"),
        ("external-ids", link, "externalId.moved"),
        ("taggings", taggings.remove(1), "tagging.archived"),
    ];
    Merge { kept, gone, moved }
}

/// Pulls to the end: what came, what is removed, and where it ends.
async fn pull(post: &Post, scope: &Value, mut cursor: Value) -> (Vec<Value>, Vec<Value>, Value) {
    super::settled(&post.stage, &post.tenant, None);
    let (mut data, mut removed) = (Vec::new(), Vec::new());
    loop {
        let page = post.admin().post("/v1/sync/pull", json!({"scope": scope, "cursor": cursor})).await.expect(200);
        data.extend(page.at("/data").as_array().unwrap().clone());
        removed.extend(page.at("/removed").as_array().unwrap().clone());
        cursor = page.at("/cursor").clone();
        if page.at("/hasMore") == false {
            return (data, removed, cursor);
        }
    }
}

#[actix_web::test]
async fn a_merge_is_told_as_one_in_the_feed_in_a_pull_and_in_webhooks() {
    let post = Post::new();
    let admin = post.admin();
    let Merge { kept, gone, moved } = two(&admin).await;
    let everything: Value = ["accounts", "contacts", "notes", "external-ids", "taggings"]
        .into_iter()
        .map(|name| (name.to_owned(), json!({})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    // One that the merged record leaves by its filter too, and one that does not hold the field that says where it went.
    let active = json!({"accounts": {"filter": {"status": "ACTIVE"}, "fields": ["name"]}});
    let mut cursors = Vec::new();
    for scope in [&everything, &active] {
        cursors.push(pull(&post, scope, Value::Null).await.2);
    }
    let start = now((&post.stage, &post.tenant), &admin).await;
    let receiver = Receiver::fine();
    let types = json!({"eventTypes": ["account.merged", "account.updated", "*.moved", "tagging.archived"]});
    post.endpoint(&receiver, types).await;
    admin.post(&format!("/v1/accounts/{kept}/merge"), json!({"fromId": gone})).await.expect(200);

    let types = "&types=accounts,contacts,notes,external-ids,taggings";
    let (told, _) = all((&post.stage, &post.tenant), &admin, &start, types).await;
    let by_record: BTreeMap<&str, &Value> = told.iter().map(|one| (one["recordId"].as_str().unwrap(), one)).collect();
    assert_eq!((told.len(), by_record.len()), (7, 7), "{told:?}");
    for (resource, id, kind) in &moved {
        let one = by_record[id.as_str()];
        assert_eq!((&one["type"], &one["resource"]), (&json!(kind), &json!(resource)));
        let field = one["changedFields"][0].as_str().unwrap();
        if kind.ends_with("moved") {
            assert_eq!((&one["before"][field], &one["data"][field]), (&json!(gone), &json!(kept)), "{kind}");
        }
        // As it is told, so it is.
        let path = format!("/v1/{resource}/{id}");
        assert_eq!(one["data"], admin.get(&path).await.expect(200).body);
    }
    let merged = by_record[gone.as_str()];
    assert_eq!((&merged["type"], &merged["operation"]), (&json!("account.merged"), &json!("merged")));
    assert_eq!((&merged["data"]["mergedIntoId"], &merged["data"]["status"]), (&json!(kept), &json!("MERGED")));
    assert!(merged["data"]["archivedAt"].is_string() && merged["before"]["archivedAt"].is_null());
    let one = by_record[kept.as_str()];
    assert_eq!((&one["type"], &one["changedFields"]), (&json!("account.updated"), &json!(["website"])));

    // A copy that is pulled: what is gone is removed as merged, and what was moved comes as it is now.
    let (data, removed, _) = pull(&post, &everything, cursors[0].clone()).await;
    let gone_there = json!({"resource": "accounts", "id": gone, "reason": "MERGED", "mergedIntoId": kept});
    let tagging = json!({"resource": "taggings", "id": moved[4].1, "reason": "ARCHIVED"});
    assert_eq!(removed, [gone_there.clone(), tagging]);
    let came: BTreeMap<&str, &Value> =
        data.iter().map(|one| (one["record"]["id"].as_str().unwrap(), &one["record"])).collect();
    assert_eq!(came.len(), 5, "{data:?}");
    for (_, id, kind) in &moved[..4] {
        assert_eq!(came[id.as_str()], &by_record[id.as_str()]["data"], "{kind}");
    }
    let (data, removed, _) = pull(&post, &active, cursors[1].clone()).await;
    assert_eq!(removed, [gone_there]);
    let mut names: Vec<_> = data.iter().map(|one| one["record"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Branch", "Kept"]);
    assert!(data.iter().all(|one| one["record"].get("mergedIntoId").is_none()), "only what was asked for");

    // And a receiver of webhooks hears of each, with the same ids and the same content.
    let got = receiver.wait(7).await;
    let heard: BTreeMap<&str, &Value> =
        got.iter().map(|got| (got.body["data"]["id"].as_str().unwrap(), &got.body)).collect();
    assert_eq!((got.len(), heard.len()), (7, 7));
    for (id, one) in &by_record {
        for member in ["id", "type", "data", "before", "changedFields", "occurredAt"] {
            assert_eq!(heard[id][member], one[member], "{member} of {id}");
        }
    }
}

#[actix_web::test]
async fn who_was_merged_before_is_told_of_the_new_place_too() {
    let post = Post::quiet();
    let admin = post.admin();
    let mut people = Vec::new();
    for name in ["One", "Two", "Three"] {
        people.push(made(&admin, "contacts", json!({"familyName": name})).await);
    }
    let scope = json!({"contacts": {}});
    let (_, _, cursor) = pull(&post, &scope, Value::Null).await;
    let merge = async |into: usize, from: usize| {
        let path = format!("/v1/contacts/{}/merge", people[into]);
        admin.post(&path, json!({"fromId": people[from]})).await.expect(200);
    };
    merge(1, 0).await;
    let (_, removed, cursor) = pull(&post, &scope, cursor).await;
    let told = |from: usize, into: usize| json!({"resource": "contacts", "id": people[from], "reason": "MERGED", "mergedIntoId": people[into]});
    assert_eq!(removed, [told(0, 1)]);
    merge(2, 1).await;
    let (data, mut removed, _) = pull(&post, &scope, cursor).await;
    removed.sort_by_key(|one| one["id"].to_string());
    assert_eq!(removed, [told(0, 2), told(1, 2)]);
    assert_eq!(data.len(), 0, "the one that stays has nothing new: {data:?}");
}
