//! All records as a file, and back again.

use super::{Loaded, count, csv, ndjson, post};
use crate::authz::with_grants;
use kith_testkit::Stage;
use serde_json::{Value, json};

#[actix_web::test]
async fn an_export_is_the_list_as_one_stream() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let lines: Vec<Value> = (0..1_203)
        .map(|n| json!({"externalId": format!("K{n}"), "name": format!("Account {n}"), "industry": if n % 3 == 0 { "Food" } else { "Steel" }}))
        .collect();
    ndjson(&admin, "accounts?system=erp", &lines).await;
    let all = admin.get("/v1/bulk/accounts").await.expect(200);
    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    assert!(
        all.header("content-disposition").unwrap().starts_with("attachment")
            && all.header("x-content-type-options") == Some("nosniff")
    );
    let exported: Vec<Value> = all.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut listed = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("/v1/accounts?sort=id&limit=500{cursor}")).await.expect(200);
        listed.extend(page.at("/data").as_array().unwrap().clone());
        match page.at("/page/nextCursor").as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!((exported.len(), exported == listed), (1_203, true));
    let zipped = admin.with("accept-encoding", "gzip").get("/v1/bulk/accounts").await.expect(200);
    assert_eq!((zipped.header("content-encoding"), zipped.text == all.text), (Some("gzip"), true));
    let food = admin.get("/v1/bulk/accounts?filter[industry]=Food&fields=name&system=erp&format=csv").await.expect(200);
    assert_eq!(food.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(food.text.lines().take(2).collect::<Vec<_>>(), ["externalId,name", "K0,Account 0"]);
    assert_eq!(food.text.lines().count(), 1 + 401);
    assert_eq!(
        admin.with("accept", "text/csv").get("/v1/bulk/accounts?fields=id").await.expect(200).text.lines().count(),
        1_204
    );
    for bad in ["format=xml", "fields=nonsense", "filter[nonsense]=1", "sort=name", "limit=5", "archived=maybe"] {
        admin.get(&format!("/v1/bulk/accounts?{bad}")).await.expect(422);
    }
    let (me, own) = with_grants(&stage, &tenant, "accounts:READ:OWN");
    assert_eq!(own.get("/v1/bulk/accounts").await.expect(200).text, "");
    stage.make(&tenant, "accounts", json!({"name": "Mine", "ownerId": me}));
    assert_eq!(own.get("/v1/bulk/accounts?format=csv&fields=name").await.expect(200).text, "name\r\nMine\r\n");
    own.get("/v1/bulk/contacts").await.expect(403);
    assert_eq!(stage.admin(&stage.tenant()).get("/v1/bulk/accounts").await.expect(200).text, "");
}

#[actix_web::test]
async fn an_export_and_the_feed_from_its_cursor_miss_nothing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    stage.make(&tenant, "accounts", json!({"name": "Before"}));
    let export = admin.get("/v1/bulk/accounts?fields=id,name").await.expect(200);
    let after = stage.make(&tenant, "accounts", json!({"name": "After"}));
    let cx = stage.system(&tenant);
    let from = kith_journal::feed::Position::decode(&cx, export.header("feed-cursor").unwrap()).unwrap();
    assert!(export.text.contains("Before") && !export.text.contains("After"));
    // Whatever else runs in the cluster holds the feed back for a while.
    let began = std::time::Instant::now();
    loop {
        let read = |conn: &mut _| kith_journal::feed::page(conn, &cx, Some(&from), None, 100);
        let page = stage.app.db.read(tenant.id, read).unwrap();
        if page.changes.iter().any(|change| change.record_id == after) {
            break;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{page:?}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn names_that_spreadsheets_would_run_come_back_as_they_were() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let names = [
        "=1+1",
        "+49 30 123",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "|cmd",
        "%0A",
        "＝1",
        "＋1",
        "－1",
        "＠a",
        " =1",
        "\u{200b}=1",
        "'=1",
        "''=1",
        "=HYPERLINK(\"http://x\",\"y\")",
        "=a,\"b\"\n=c",
    ];
    let lines: Vec<Value> =
        names.iter().enumerate().map(|(n, name)| json!({"externalId": n.to_string(), "name": name})).collect();
    assert_eq!(ndjson(&admin, "accounts?system=a", &lines).await.counts(), [18, 0, 0, 0]);
    let table = admin.get("/v1/bulk/accounts?format=csv&fields=name&system=a").await.expect(200).text;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    for row in reader.records() {
        assert!(row.unwrap()[1].starts_with('\''), "{table}");
    }
    let other = stage.tenant();
    let there = stage.admin(&other);
    assert_eq!(csv(&there, "accounts?system=a", &table).await.counts(), [18, 0, 0, 0]);
    for (n, name) in names.iter().enumerate() {
        let found = there.get(&format!("/v1/accounts/external/a/{n}")).await.expect(200);
        assert_eq!(found.at("/name"), name);
    }
    assert_eq!(csv(&admin, "accounts?system=a", &table).await.counts(), [0, 0, 18, 0], "the same is no change");
    assert_eq!(count(&there, "accounts").await, 18);
    let loaded: Loaded = Loaded::of(post(&admin, "accounts", "text/csv", "name\n'plain\n'tis\n").await.expect(200));
    let id = loaded.lines[0]["id"].as_str().unwrap();
    assert_eq!(admin.get(&format!("/v1/accounts/{id}")).await.expect(200).at("/name"), "'plain");
}
