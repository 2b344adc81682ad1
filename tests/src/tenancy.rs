//! What belongs to another tenant is like nothing: by id, in bodies, filters, cursors, batches and keys, through both
//! doors. Promises 9 and 10.

pub mod records;

use kith_kernel::{Kind, Verb};
use kith_testkit::Stage;
use records::{anonymous, body, creatable, entries, everything, one_of_each, writable};
use serde_json::{Value, json};

/// Of nobody.
pub const UNKNOWN: &str = "018f0000-0000-7000-8000-00000000dead";

#[actix_web::test]
async fn every_path_with_a_foreign_id_is_answered_like_one_with_an_unknown_id() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let ids = one_of_each(&stage, &theirs).await;
    // Some verbs are refused without a key, whatever they are about.
    let (owner, stranger) = (stage.admin(&theirs), stage.admin(&ours).with("idempotency-key", "walk"));
    let before = everything(&owner).await;
    let mut walked = 0;
    let document = kith_api::openapi::document(kith_api::catalogue());
    for (path, operations) in document["paths"].as_object().unwrap() {
        let resource = path.split('/').nth(2).unwrap_or_default();
        let Some(id) = ids.get(resource).filter(|_| path.contains("{id}")) else { continue };
        for method in operations.as_object().unwrap().keys() {
            let payload = match method.as_str() {
                _ if path.ends_with("/password") => Some(json!({"password": "a new password"})),
                "patch" => records::change(resource).or(Some(json!({}))),
                "post" => Some(records::command_body(resource, path.rsplit('/').next().unwrap(), &ids)),
                _ => None,
            };
            let mut answers = Vec::new();
            for id in [id.as_str(), UNKNOWN] {
                let bytes = payload.as_ref().map(|body| body.to_string().into_bytes());
                let answer = stranger.send(&method.to_uppercase(), &path.replace("{id}", id), bytes).await;
                assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{method} {path}");
                let mut names: Vec<String> = answer.headers.keys().map(|name| name.to_string()).collect();
                names.sort_unstable();
                answers.push((anonymous(&answer), names));
            }
            assert_eq!(answers[0], answers[1], "{method} {path}");
            walked += 1;
        }
    }
    assert!(walked > 40, "only {walked} operations have an id in their path");
    assert_eq!(everything(&owner).await, before, "nothing of theirs has changed");
}

#[actix_web::test]
async fn every_root_field_with_a_foreign_id_is_answered_like_one_with_an_unknown_id() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let ids = one_of_each(&stage, &theirs).await;
    // Some verbs are refused without a key, whatever they are about.
    let (owner, stranger) = (stage.admin(&theirs), stage.admin(&ours).with("idempotency-key", "walk"));
    let before = everything(&owner).await;
    let mut walked = 0;
    for root in crate::authz::roots(&stranger).await {
        if !root.arguments.iter().any(|(name, _)| name == "id") {
            continue;
        }
        let mut answers = Vec::new();
        for id in [ids[root.entry.name].as_str(), UNKNOWN] {
            let answer = stranger.graphql(&root.document(), root.variables(&ids, id)).await.expect(200);
            assert_eq!(answer.at("/errors/0/extensions/code"), "NOT_FOUND", "{} {}", root.name, answer.body);
            assert_eq!(answer.at(&format!("/data/{}", root.name)), &Value::Null);
            answers.push(anonymous(&answer));
        }
        assert_eq!(answers[0], answers[1], "{}", root.name);
        walked += 1;
    }
    assert!(walked > 50, "only {walked} root fields take an id");
    assert_eq!(everything(&owner).await, before, "nothing of theirs has changed");
}

#[actix_web::test]
async fn every_reference_to_a_foreign_record_is_refused_like_one_to_nothing() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let (mine, foreign) = (one_of_each(&stage, &ours).await, one_of_each(&stage, &theirs).await);
    let admin = stage.admin(&ours);
    let mut walked = 0;
    for entry in entries().iter().filter(|entry| entry.offers(Verb::Create) || entry.name == "api-keys") {
        let names = writable(entry).filter_map(|field| match field.kind {
            Kind::Id(Some(target)) => Some((field.name, foreign[target].clone())),
            _ if field.name == "subjectId" => Some((field.name, foreign["accounts"].clone())),
            _ => None,
        });
        for (name, id) in names.collect::<Vec<_>>() {
            let mut ways = Vec::new();
            if entry.name == "api-keys" {
                ways.push(("POST", "/v1/auth/api-keys".to_owned(), json!({"name": "x"})));
            } else {
                ways.push(("POST", format!("/v1/{}", entry.name), body(entry.name, &mine)));
            }
            if entry.field(name).is_some_and(|(_, field)| field.access == kith_kernel::Access::Write) {
                ways.push(("PATCH", format!("/v1/{}/{}", entry.name, mine[entry.name]), json!({})));
            }
            for (method, path, payload) in ways {
                let mut answers = Vec::new();
                for id in [id.as_str(), UNKNOWN] {
                    let mut payload = payload.clone();
                    for other in exclusive(name) {
                        payload.as_object_mut().unwrap().remove(*other);
                    }
                    payload[name] = json!(id);
                    let answer = admin.send(method, &path, Some(payload.to_string().into_bytes())).await;
                    assert_eq!(answer.status, 422, "{method} {path} {name}: {}", answer.body);
                    assert_eq!(answer.pointers(), [format!("/{name}")], "{method} {path}: {}", answer.body);
                    // Only what is decided takes a reason; what is wrong in itself is not looked up.
                    let code = if ["closeReasonId", "competitorId"].contains(&name) && entry.name == "opportunities" {
                        "INVALID"
                    } else {
                        "UNKNOWN_REFERENCE"
                    };
                    assert_eq!(answer.at("/errors/0/code"), code, "{method} {path} {name}");
                    answers.push(anonymous(&answer));
                }
                assert_eq!(answers[0], answers[1], "{method} {path} {name}");
                walked += 1;
            }
        }
    }
    assert!(walked > 25, "only {walked} references");
}

/// The members that must not stand beside a reference of which exactly one is given.
fn exclusive(name: &str) -> &'static [&'static str] {
    match name {
        "accountId" => &["contactId"],
        "contactId" => &["accountId"],
        "fromAccountId" => &["fromContactId"],
        "fromContactId" => &["fromAccountId"],
        "toAccountId" => &["toContactId"],
        "toContactId" => &["toAccountId"],
        _ => &[],
    }
}

#[actix_web::test]
async fn lists_filters_and_counts_never_reach_into_another_tenant() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let foreign = one_of_each(&stage, &theirs).await;
    one_of_each(&stage, &ours).await;
    let admin = stage.admin(&ours);
    for entry in entries() {
        let base = format!("/v1/{}?archived=any&count=exact&limit=500", entry.name);
        let all = admin.get(&base).await.expect(200);
        let listed = all.at("/data").as_array().unwrap();
        assert_eq!(all.at("/page/total"), listed.len(), "{}", entry.name);
        assert!(listed.iter().all(|row| row["id"] != foreign[entry.name].as_str()), "{}", entry.name);
        let id = &foreign[entry.name];
        let mut filters = vec![format!("&filter[id]={id}"), format!("&filter[id][in]={id},{UNKNOWN}")];
        for field in entry.fields.iter().filter(|field| field.filter && field.visible()) {
            if let Kind::Id(Some(target)) = field.kind {
                filters.push(format!("&filter[{}]={}", field.name, foreign[target]));
                let relation = field.name.strip_suffix("Id").unwrap();
                filters.push(format!("&filter[{relation}][id]={}", foreign[target]));
            }
        }
        for filter in filters {
            let found = admin.get(&format!("{base}{filter}")).await.expect(200);
            assert_eq!(
                (found.at("/data"), found.at("/page/total")),
                (&json!([]), &json!(0)),
                "{} {filter}",
                entry.name
            );
        }
        let list = format!(
            "query($id: UUID!) {{ {}(filter: {{id: {{eq: $id}}}}) {{ totalCount nodes {{ id }} }} }}",
            entry.plural
        );
        let found = admin.graphql(&list, json!({"id": id})).await.expect(200);
        assert_eq!(
            found.at(&format!("/data/{}", entry.plural)),
            &json!({"totalCount": 0, "nodes": []}),
            "{}",
            entry.name
        );
    }
}

#[actix_web::test]
async fn a_cursor_of_another_tenant_is_refused() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let (admin, owner) = (stage.admin(&ours), stage.admin(&theirs));
    for number in 0..3 {
        stage.make(&theirs, "accounts", json!({"name": format!("Theirs {number}")}));
        stage.make(&ours, "accounts", json!({"name": format!("Ours {number}")}));
    }
    let page = owner.get("/v1/accounts?limit=1").await.expect(200);
    let cursor = page.at("/page/nextCursor").as_str().unwrap();
    owner.get(&format!("/v1/accounts?limit=1&cursor={cursor}")).await.expect(200);
    let refused = admin.get(&format!("/v1/accounts?limit=1&cursor={cursor}")).await.expect(422);
    assert_eq!(refused.code(), "INVALID_CURSOR");
    let garbage = admin.get("/v1/accounts?limit=1&cursor=AAAA").await.expect(422);
    assert_eq!(anonymous(&refused), anonymous(&garbage));
    let query = "query($after: String) { accounts(first: 1, after: $after) { nodes { id } } }";
    let refused = admin.graphql(query, json!({"after": cursor})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/code"), "INVALID_CURSOR");
    assert_eq!(refused.at("/data/accounts"), &Value::Null);
}

#[actix_web::test]
async fn batches_cannot_reach_into_another_tenant() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let foreign = one_of_each(&stage, &theirs).await;
    let (admin, owner) = (stage.admin(&ours), stage.admin(&theirs));
    let before = everything(&owner).await;
    for entry in entries().iter().filter(|entry| entry.offers(kith_kernel::Verb::Update)) {
        let change = records::change(entry.name).unwrap_or(json!({}));
        let step = |id: &str| {
            [("update", change.clone()), ("archive", json!({})), ("restore", json!({}))]
                .map(|(op, data)| json!({"op": op, "id": id, "data": data}))
        };
        let items = [step(&foreign[entry.name]), step(UNKNOWN)].concat();
        let done = admin.post(&format!("/v1/{}/batch", entry.name), json!({"items": items})).await.expect(207);
        let mut results = anonymous(&done)["body"]["results"].as_array().unwrap().clone();
        results.iter_mut().for_each(|result| drop(result.as_object_mut().unwrap().remove("index")));
        assert_eq!(results[..3], results[3..], "{}", entry.name);
        let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
        let expected = if entry.offers(kith_kernel::Verb::Archive) { [404; 3] } else { [404, 405, 405] };
        assert_eq!(statuses[..3], expected, "{}", entry.name);
        let atomic = json!({"atomic": true, "items": [step(&foreign[entry.name])[0]]});
        admin.post(&format!("/v1/{}/batch", entry.name), atomic).await.expect(404);
    }
    assert_eq!(everything(&owner).await, before, "nothing of theirs has changed");
}

#[actix_web::test]
async fn the_same_names_keys_and_ids_may_stand_in_two_tenants() {
    let stage = Stage::new();
    let (one, two) = (stage.tenant(), stage.tenant());
    let clients = [stage.admin(&one), stage.admin(&two)];
    let mut seen = Vec::new();
    for (at, client) in clients.iter().enumerate() {
        let id = "018f0000-0000-7000-8000-000000000001";
        let account = json!({"id": id, "name": format!("Tenant {at}"), "registrationNumber": "HRB 1"});
        client.post("/v1/accounts", account).await.expect(201);
        let path = "/v1/accounts/external/erp/ALFKI";
        client.get(path).await.expect(404);
        let made = client.put(path, json!({"name": format!("Alfreds {at}")})).await.expect(201);
        assert_eq!(client.put(path, json!({"name": format!("Alfreds {at}!")})).await.expect(200).id(), made.id());
        client.post("/v1/users", json!({"email": "nancy@example.com", "name": "Nancy"})).await.expect(201);
        client.post("/v1/users", json!({"email": "NANCY@example.com", "name": "Nancy"})).await.expect(409);
        for name in ["tags", "teams"] {
            client.post(&format!("/v1/{name}"), json!({"name": "North"})).await.expect(201);
            client.post(&format!("/v1/{name}"), json!({"name": "North"})).await.expect(409);
        }
        seen.push((client.get(&format!("/v1/accounts/{id}")).await.expect(200), client.get(path).await.expect(200)));
    }
    assert_eq!((seen[0].0.at("/name"), seen[1].0.at("/name")), (&json!("Tenant 0"), &json!("Tenant 1")));
    assert_eq!((seen[0].1.at("/name"), seen[1].1.at("/name")), (&json!("Alfreds 0!"), &json!("Alfreds 1!")));
    assert_ne!(seen[0].1.id(), seen[1].1.id());
    // The first one's record again, now that the second has written its own.
    assert_eq!(clients[0].get("/v1/accounts/external/erp/ALFKI").await.expect(200).body, seen[0].1.body);
}

#[actix_web::test]
async fn an_idempotency_key_is_known_only_to_its_own_tenant_and_principal() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let colleague = stage.as_role(&ours, "MANAGER");
    let clients = [stage.admin(&ours), stage.admin(&theirs), colleague];
    let mut ids = Vec::new();
    for client in &clients {
        let client = client.with("idempotency-key", "same-key");
        let made = client.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
        assert_eq!(made.header("idempotency-replayed"), None);
        let again = client.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), &again.bytes), (Some("true"), &made.bytes));
        let other = client.post("/v1/accounts", json!({"name": "Other"})).await.expect(422);
        assert_eq!(other.code(), "IDEMPOTENCY_KEY_REUSED");
        ids.push(made.id());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has a record of its own");
}

#[actix_web::test]
async fn a_body_cannot_name_a_tenant_or_anything_else_that_kith_sets() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let ids = one_of_each(&stage, &ours).await;
    let admin = stage.admin(&ours);
    let taken = [
        ("tenantId", json!(theirs.id)),
        ("tenant_id", json!(theirs.id)),
        ("tenant", json!("tenant-1")),
        ("version", json!(9)),
        ("createdAt", json!("2020-01-01T00:00:00Z")),
        ("createdBy", json!(theirs.admin)),
        ("updatedAt", json!("2020-01-01T00:00:00Z")),
        ("updatedBy", json!(null)),
        ("archivedAt", json!(null)),
        ("custom", json!({})),
        ("balance", json!(1)),
        ("__proto__", json!({})),
    ];
    for entry in creatable() {
        for (name, value) in &taken {
            let mut made = body(entry.name, &ids);
            made[*name] = value.clone();
            let mut changed = json!({});
            changed[*name] = value.clone();
            let mut answers = vec![admin.post(&format!("/v1/{}", entry.name), made).await];
            if entry.offers(kith_kernel::Verb::Update) {
                answers.push(admin.patch(&format!("/v1/{}/{}", entry.name, ids[entry.name]), changed).await);
            }
            for answer in answers {
                assert_eq!(answer.status, 422, "{} {name}", entry.name);
                assert_eq!(answer.pointers(), [format!("/{name}")], "{} {name}", entry.name);
                let code = answer.at("/errors/0/code").as_str().unwrap();
                assert!(["UNKNOWN_FIELD", "READ_ONLY"].contains(&code), "{} {name}: {code}", entry.name);
            }
        }
        if !entry.offers(kith_kernel::Verb::Update) {
            continue;
        }
        let moved = json!({"id": UNKNOWN});
        let refused = admin.patch(&format!("/v1/{}/{}", entry.name, ids[entry.name]), moved).await.expect(422);
        assert_eq!(refused.at("/errors/0/code"), "READ_ONLY");
    }
    for query in ["?tenant=x", "?tenantId=x", "?filter[tenantId]=x", "?sort=tenantId", "?fields=tenantId"] {
        admin.get(&format!("/v1/accounts{query}")).await.expect(422);
    }
}
