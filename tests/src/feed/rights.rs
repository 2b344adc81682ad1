//! Who is told what: the rights of the reader decide, as they are now.

use super::pages::{all, now};
use crate::authz::with_grants;
use kith_testkit::Stage;
use serde_json::{Value, json};

fn told(all: &[Value]) -> Vec<(&str, &str)> {
    all.iter().map(|one| (one["type"].as_str().unwrap(), one["presence"].as_str().unwrap())).collect()
}

#[actix_web::test]
async fn a_record_that_leaves_the_readers_scope_is_told_by_its_id_alone_and_others_not_at_all() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (user, _) = with_grants(&stage, &tenant, "accounts:READ:OWN contacts:READ:OWN");
    let (reader, admin) = (stage.client(&tenant, user), stage.admin(&tenant));
    let start = now((&stage, &tenant), &reader).await;
    let mine = admin.post("/v1/accounts", json!({"name": "Mine", "ownerId": user})).await.expect(201).id();
    let theirs = admin.post("/v1/accounts", json!({"name": "Theirs"})).await.expect(201).id();
    admin.post("/v1/contacts", json!({"accountId": mine, "familyName": "Li"})).await.expect(201);
    admin.post("/v1/contacts", json!({"accountId": theirs, "familyName": "Hidden"})).await.expect(201);
    admin.post("/v1/tags", json!({"name": "no right"})).await.expect(201);
    let (seen, middle) = all((&stage, &tenant), &reader, &start, "").await;
    assert_eq!(told(&seen), [("account.created", "PRESENT"), ("contact.created", "PRESENT")]);
    assert!(!json!(seen).to_string().contains("Hidden") && !json!(seen).to_string().contains("Theirs"));
    // It goes, changes out of sight, and comes back changed.
    let path = format!("/v1/accounts/{mine}");
    admin.patch(&path, json!({"ownerId": null, "name": "Secret"})).await.expect(200);
    admin.patch(&path, json!({"legalName": "Secret Ltd"})).await.expect(200);
    let (seen, middle) = all((&stage, &tenant), &reader, &middle, "").await;
    assert_eq!(told(&seen), [("account.accessLost", "ACCESS_LOST")]);
    let lost = &seen[0];
    assert_eq!((&lost["recordId"], &lost["resource"]), (&json!(mine), &json!("accounts")));
    for member in ["data", "before", "actor", "version"] {
        assert_eq!(lost[member], Value::Null, "{member}");
    }
    assert!(!lost.to_string().contains("Secret"));
    admin.patch(&path, json!({"ownerId": user})).await.expect(200);
    let (seen, _) = all((&stage, &tenant), &reader, &middle, "").await;
    assert_eq!(told(&seen), [("account.updated", "PRESENT")]);
    assert_eq!((&seen[0]["before"], &seen[0]["data"]["name"]), (&Value::Null, &json!("Secret")));
    // Whoever starts from the beginning is told nothing of what was out of sight.
    let (seen, _) = all((&stage, &tenant), &reader, &start, "&types=accounts").await;
    assert!(!json!(seen).to_string().contains("Secret Ltd\",\"name\":\"Mine"), "{seen:?}");
    // The other tenant has a feed of its own.
    let elsewhere = stage.tenant();
    let stranger = stage.admin(&elsewhere);
    let (other, _) = all((&stage, &elsewhere), &stranger, "start", "").await;
    assert!(!json!(other).to_string().contains("Mine"));
}

#[actix_web::test]
async fn a_type_without_the_right_is_refused_by_name() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (user, _) = with_grants(&stage, &tenant, "accounts:READ:ALL");
    let reader = stage.client(&tenant, user);
    for query in [
        "types=contacts",
        "types=accounts,contacts",
        "filter[contacts][familyName]=a",
        "filter[accounts][contacts][some][familyName]=a",
    ] {
        for path in ["/v1/changes", "/v1/changes/stream"] {
            let refused = reader.get(&format!("{path}?{query}")).await;
            assert!([403, 422].contains(&refused.status), "{query}: {}", refused.text);
            assert!(refused.text.contains("FORBIDDEN"), "{query}: {}", refused.text);
        }
    }
}
