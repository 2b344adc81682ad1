//! `GET /v1/changes`: what it tells, to whom, and what it refuses.

use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};

/// All that follows a cursor, and the cursor behind it. Other tests' transactions hold the feed back for a moment: it is
/// read once what was written so far can be.
pub async fn all(
    (stage, tenant): (&Stage, &Tenant),
    client: &Client,
    after: &str,
    query: &str,
) -> (Vec<Value>, String) {
    super::settled(stage, tenant, None);
    let (mut after, mut told) = (after.to_owned(), Vec::new());
    loop {
        let page = client.get(&format!("/v1/changes?after={after}&limit=500{query}")).await.expect(200);
        after = page.at("/page/nextCursor").as_str().unwrap().to_owned();
        told.extend(page.at("/data").as_array().unwrap().clone());
        if page.at("/page/hasMore") == false {
            return (told, after);
        }
    }
}

/// Where the feed ends now.
pub async fn now((stage, tenant): (&Stage, &Tenant), client: &Client) -> String {
    super::settled(stage, tenant, None);
    let page = client.get("/v1/changes?after=now").await.expect(200);
    assert_eq!(page.at("/data"), &json!([]));
    page.at("/page/nextCursor").as_str().unwrap().to_owned()
}

fn types(told: &[Value]) -> Vec<&str> {
    told.iter().map(|one| one["type"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn the_life_of_a_record_is_told_with_what_it_was_and_is() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let start = now((&stage, &tenant), &admin).await;
    let account = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let path = format!("/v1/accounts/{}", account.id());
    admin.patch(&path, json!({"name": "Acme Ltd"})).await.expect(200);
    admin.delete(&path).await.expect(204);
    let last = admin.post(&format!("{path}/restore"), json!({})).await.expect(200);
    let (told, end) = all((&stage, &tenant), &admin, &start, "").await;
    assert_eq!(types(&told), ["account.created", "account.updated", "account.archived", "account.restored"]);
    let update = &told[1];
    assert_eq!((&update["changedFields"], &update["version"]), (&json!(["name"]), &json!(2)));
    assert_eq!((&update["before"]["name"], &update["data"]["name"]), (&json!("Acme"), &json!("Acme Ltd")));
    assert_eq!((&update["resource"], &update["recordId"]), (&json!("accounts"), &json!(account.id())));
    assert_eq!((&update["presence"], &update["actor"]["kind"]), (&json!("PRESENT"), &json!("USER")));
    assert!(told[2]["data"]["archivedAt"].is_string() && told[0]["before"].is_null());
    assert_eq!(told[3]["data"], last.body, "a record stands in the feed as in its own answer");
    // From any change's cursor on, the rest comes again.
    let (again, _) = all((&stage, &tenant), &admin, told[1]["cursor"].as_str().unwrap(), "").await;
    assert_eq!(again, told[2..]);
    let none = admin.get(&format!("/v1/changes?after={end}")).await.expect(200);
    assert_eq!((none.at("/data"), none.at("/page/hasMore")), (&json!([]), &json!(false)));
}

#[actix_web::test]
async fn types_and_filters_choose_and_say_when_a_record_leaves() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let start = now((&stage, &tenant), &admin).await;
    let account = admin.post("/v1/accounts", json!({"name": "Blue", "industry": "paint"})).await.expect(201);
    let contact = json!({"accountId": account.id(), "familyName": "Li"});
    admin.post("/v1/contacts", contact).await.expect(201);
    admin.post("/v1/accounts", json!({"name": "Red"})).await.expect(201);
    let path = format!("/v1/accounts/{}", account.id());
    admin.patch(&path, json!({"name": "Green"})).await.expect(200);
    admin.patch(&path, json!({"name": "Grey"})).await.expect(200);
    let (told, _) = all((&stage, &tenant), &admin, &start, "&types=contacts").await;
    assert_eq!(types(&told), ["contact.created"]);
    let (told, _) = all((&stage, &tenant), &admin, &start, "&filter[accounts][name]=Blue").await;
    assert_eq!(
        types(&told),
        ["account.created", "contact.created", "account.updated"],
        "the filter is of accounts alone"
    );
    assert_eq!(told[2]["presence"], "LEFT_FILTER");
    assert_eq!(told[2]["data"]["name"], "Green");
    // What it is related to counts as it is now.
    let related = "&types=contacts&filter[contacts][account][name]=Grey";
    assert_eq!(types(&all((&stage, &tenant), &admin, &start, related).await.0), ["contact.created"]);
}

#[actix_web::test]
async fn what_cannot_be_meant_is_refused() {
    let stage = Stage::new();
    let (tenant, other) = (stage.tenant(), stage.tenant());
    let (admin, stranger) = (stage.admin(&tenant), stage.admin(&other));
    let start = now((&stage, &tenant), &admin).await;
    let mut altered = start.clone().into_bytes();
    altered[10] = if altered[10] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    for (query, code) in [
        (format!("after={altered}"), "INVALID_CURSOR"),
        ("after=yesterday".to_owned(), "INVALID_CURSOR"),
        ("types=unicorns".to_owned(), "VALIDATION_FAILED"),
        ("filter[unicorns][name]=a".to_owned(), "VALIDATION_FAILED"),
        ("filter[accounts][horn]=a".to_owned(), "VALIDATION_FAILED"),
        ("filter[accounts]=a".to_owned(), "VALIDATION_FAILED"),
        ("limit=0".to_owned(), "VALIDATION_FAILED"),
        ("limit=501".to_owned(), "VALIDATION_FAILED"),
        ("waitSeconds=51".to_owned(), "VALIDATION_FAILED"),
        ("waitSeconds=-1".to_owned(), "VALIDATION_FAILED"),
        ("sort=name".to_owned(), "VALIDATION_FAILED"),
    ] {
        for path in ["/v1/changes", "/v1/changes/stream"] {
            if path.ends_with("stream") && (query.starts_with("limit") || query.starts_with("wait")) {
                continue;
            }
            let refused = admin.get(&format!("{path}?{query}")).await.expect(422);
            assert_eq!(refused.code(), code, "{path}?{query}");
        }
    }
    let foreign = stranger.get(&format!("/v1/changes?after={start}")).await.expect(422);
    assert_eq!(foreign.code(), "INVALID_CURSOR");
    // The stage's database is a copy; to be told so it has to be looked at.
    kith_db::migrate(&stage.scratch.url).unwrap();
    for path in ["/v1/changes", "/v1/changes/stream"] {
        let gone = admin.get(&format!("{path}?after={start}")).await.expect(410);
        assert_eq!(gone.code(), "CURSOR_EXPIRED");
        assert!(gone.at("/detail").as_str().unwrap().contains("GET /v1/<resource>"), "{}", gone.text);
    }
}

#[actix_web::test]
async fn a_long_poll_waits_without_a_connection_and_answers_as_soon_as_there_is_a_change() {
    let stage = Stage::with_pool(2);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let start = now((&stage, &tenant), &admin).await;
    let began = std::time::Instant::now();
    let quiet = admin.get(&format!("/v1/changes?after={start}&waitSeconds=1&types=notes")).await.expect(200);
    assert_eq!(quiet.at("/data"), &json!([]));
    assert!(began.elapsed().as_secs_f64() >= 0.95, "it waited");
    let path = format!("/v1/changes?after={start}&waitSeconds=30&types=accounts");
    // More than there are connections.
    let waiting = (0..20).map(|_| admin.get(&path));
    let write = async {
        actix_web::rt::time::sleep(std::time::Duration::from_millis(300)).await;
        admin.post("/v1/tags", json!({"name": "not asked for"})).await.expect(201);
        admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    };
    let (answers, ()) = futures_util::future::join(futures_util::future::join_all(waiting), write).await;
    for answer in answers {
        let answer = answer.expect(200);
        assert_eq!(types(answer.at("/data").as_array().unwrap()), ["account.created"]);
    }
    assert!(began.elapsed().as_secs() < 20, "nobody waited to the end");
}
