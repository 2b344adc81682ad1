//! `POST /v1/sync/pull`: a copy that stays one.

use super::settled;
use crate::authz::with_grants;
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A client's copy.
#[derive(Default)]
struct Copy {
    records: BTreeMap<String, Value>,
    removed: Vec<(String, String)>,
    cursor: Value,
}

impl Copy {
    /// Pulls until there is nothing more, once no other test's transaction holds the feed back.
    async fn pull(&mut self, (stage, tenant): (&Stage, &Tenant), client: &Client, scope: &Value, limit: usize) {
        settled(stage, tenant, None);
        self.removed.clear();
        for _ in 0..300 {
            let body = json!({"scope": scope, "cursor": self.cursor, "limit": limit});
            let answer = client.post("/v1/sync/pull", body).await.expect(200);
            for one in answer.at("/data").as_array().unwrap() {
                let id = one.pointer("/record/id").unwrap().as_str().unwrap();
                self.records.insert(id.to_owned(), one["record"].clone());
            }
            for one in answer.at("/removed").as_array().unwrap() {
                let id = one["id"].as_str().unwrap().to_owned();
                self.records.remove(&id);
                self.removed.push((id, one["reason"].as_str().unwrap().to_owned()));
            }
            self.cursor = answer.at("/cursor").clone();
            if answer.at("/hasMore") == false {
                return;
            }
        }
        panic!("it never ends");
    }

    /// The values of a field; contacts have a name as well, but are told by their family name.
    fn of(&self, field: &str) -> impl Iterator<Item = &str> {
        let mine = move |record: &&Value| field != "name" || record.get("familyName").is_none();
        self.records.values().filter(mine).filter_map(move |record| record.get(field)?.as_str())
    }

    fn names(&self, field: &str) -> Vec<&str> {
        let mut names: Vec<_> = self.of(field).collect();
        names.sort_unstable();
        names
    }
}

#[actix_web::test]
async fn a_copy_holds_what_fits_its_scope_first_and_after_every_change() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (admin, place) = (stage.admin(&tenant), (&stage, &tenant));
    let mut accounts = Vec::new();
    for name in ["A", "B", "C", "D", "E"] {
        accounts.push(admin.post("/v1/accounts", json!({"name": name, "industry": "paint"})).await.expect(201).id());
    }
    let li = json!({"accountId": accounts[0], "familyName": "Li"});
    let li = admin.post("/v1/contacts", li).await.expect(201).id();
    let scope = json!({
        "accounts": {"filter": {"industry": "paint"}, "fields": ["name"]},
        "contacts": {"filter": {"account": {"industry": "paint"}}}
    });
    let mut copy = Copy::default();
    copy.pull(place, &admin, &scope, 2).await;
    assert_eq!((copy.names("name"), copy.names("familyName")), (vec!["A", "B", "C", "D", "E"], vec!["Li"]));
    let one = &copy.records[&accounts[0]];
    let members: Vec<_> = one.as_object().unwrap().keys().collect();
    assert_eq!(members.len(), 4, "only what was asked for: {one}");

    admin.patch(&format!("/v1/accounts/{}", accounts[0]), json!({"industry": "glue"})).await.expect(200);
    admin.delete(&format!("/v1/accounts/{}", accounts[1])).await.expect(204);
    admin.patch(&format!("/v1/accounts/{}", accounts[2]), json!({"name": "C2"})).await.expect(200);
    admin.post("/v1/accounts", json!({"name": "F", "industry": "paint"})).await.expect(201);
    copy.pull(place, &admin, &scope, 2).await;
    assert_eq!((copy.names("name"), copy.names("familyName")), (vec!["C2", "D", "E", "F"], vec![]));
    let reason = |id: &str| copy.removed.iter().find(|(known, _)| known == id).map(|(_, reason)| reason.as_str());
    assert_eq!(reason(&accounts[0]), Some("LEFT_SCOPE"));
    assert_eq!(reason(&accounts[1]), Some("ARCHIVED"));
    assert_eq!(reason(&li), Some("LEFT_SCOPE"), "the contact went with its account, and has not changed itself");

    // And it comes back with it.
    admin.patch(&format!("/v1/accounts/{}", accounts[0]), json!({"industry": "paint"})).await.expect(200);
    admin.post(&format!("/v1/accounts/{}/restore", accounts[1]), json!({})).await.expect(200);
    copy.pull(place, &admin, &scope, 2).await;
    assert_eq!((copy.names("name"), copy.names("familyName")), (vec!["A", "B", "C2", "D", "E", "F"], vec!["Li"]));

    let other = json!({"scope": {"accounts": {}}, "cursor": copy.cursor});
    assert_eq!(admin.post("/v1/sync/pull", other).await.expect(422).code(), "INVALID_CURSOR");
    for body in [
        json!({}),
        json!({"scope": {}}),
        json!({"scope": {"unicorns": {}}}),
        json!({"scope": {"accounts": {"horn": 1}}}),
        json!({"scope": {"accounts": {"fields": ["horn"]}}}),
        json!({"scope": {"accounts": {}}, "limit": 0}),
        json!({"scope": {"accounts": {}}, "x": 0}),
        json!({"scope": {"accounts": {"filter": {"horn": 1}}}}),
        json!({"scope": {"accounts": []}}),
    ] {
        assert_eq!(admin.post("/v1/sync/pull", body).await.expect(422).code(), "VALIDATION_FAILED");
    }
    kith_db::migrate(&stage.scratch.url).unwrap();
    let again = json!({"scope": scope, "cursor": copy.cursor});
    assert_eq!(admin.post("/v1/sync/pull", again).await.expect(410).code(), "CURSOR_EXPIRED");
}

#[actix_web::test]
async fn a_reader_of_own_records_loses_and_gains_them_with_what_hangs_on_them() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (user, _) = with_grants(&stage, &tenant, "accounts:READ:OWN contacts:READ:OWN");
    let (reader, admin, place) = (stage.client(&tenant, user), stage.admin(&tenant), (&stage, &tenant));
    let mine = admin.post("/v1/accounts", json!({"name": "Mine", "ownerId": user})).await.expect(201).id();
    let theirs = admin.post("/v1/accounts", json!({"name": "Theirs"})).await.expect(201).id();
    let contact = async |account: &str, name: &str| {
        admin.post("/v1/contacts", json!({"accountId": account, "familyName": name})).await.expect(201).id()
    };
    let (li, wang) = (contact(&mine, "Li").await, contact(&theirs, "Wang").await);
    let scope = json!({"accounts": {}, "contacts": {}});
    let mut copy = Copy::default();
    copy.pull(place, &reader, &scope, 100).await;
    assert_eq!((copy.names("name"), copy.names("familyName")), (vec!["Mine"], vec!["Li"]));
    // What happens out of sight is not told, not even that it happens.
    admin.patch(&format!("/v1/accounts/{theirs}"), json!({"industry": "glue"})).await.expect(200);
    admin.patch(&format!("/v1/contacts/{wang}"), json!({"department": "Sales"})).await.expect(200);
    copy.pull(place, &reader, &scope, 100).await;
    assert_eq!(copy.removed, []);
    admin.patch(&format!("/v1/accounts/{mine}"), json!({"ownerId": null})).await.expect(200);
    admin.patch(&format!("/v1/accounts/{theirs}"), json!({"ownerId": user})).await.expect(200);
    copy.pull(place, &reader, &scope, 100).await;
    assert_eq!((copy.names("name"), copy.names("familyName")), (vec!["Theirs"], vec!["Wang"]));
    let mut gone = copy.removed.clone();
    gone.sort();
    gone.dedup();
    let mut expected = [(mine, "ACCESS_LOST".to_owned()), (li, "ACCESS_LOST".to_owned())];
    expected.sort();
    assert_eq!(gone, expected);
}
