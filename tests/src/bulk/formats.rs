//! What files may look like, and what they may not.

use super::{Loaded, count, csv, gzip, ndjson, post};
use kith_testkit::Stage;
use serde_json::json;

#[actix_web::test]
async fn a_table_has_names_amounts_and_keys() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let text = "\u{feff}externalId,name,annualRevenue.amount,annualRevenue.currency,kind,industry\r\n\
                A,\"Alfreds, \"\"Futter\"\"kiste\",1234.50,EUR,ORGANIZATION,Food\r\n\
                B,王小明,,,,\r\n\r\n\
                C,\"Two\nlines\",12,,PERSON,\r\n\
                D,Short\r\n\
                E,Long,1,EUR,PERSON,x,y\r\n";
    let loaded = csv(&admin, "accounts?system=erp", text).await;
    let statuses: Vec<(u64, &str)> = loaded.statuses();
    assert_eq!(
        statuses,
        [(2, "CREATED"), (3, "CREATED"), (5, "FAILED"), (7, "FAILED"), (8, "FAILED")],
        "{}",
        loaded.answer.text
    );
    assert_eq!(loaded.lines[2]["problem"]["errors"][0]["pointer"], "/annualRevenue");
    assert_eq!(loaded.lines[3]["problem"]["errors"][0]["code"], "RAGGED");
    let one = admin.get("/v1/accounts/external/erp/A").await.expect(200);
    assert_eq!(one.at("/name"), "Alfreds, \"Futter\"kiste");
    assert_eq!(one.at("/annualRevenue"), &json!({"amount": "1234.50", "currency": "EUR"}));
    assert_eq!(admin.get("/v1/accounts/external/erp/B").await.expect(200).at("/kind"), "ORGANIZATION");
    // An empty cell clears what can be null.
    let loaded = csv(&admin, "accounts?system=erp", "externalId,industry,kind\nA,,\n").await;
    assert_eq!(loaded.counts(), [0, 1, 0, 0]);
    let one = admin.get("/v1/accounts/external/erp/A").await.expect(200);
    assert_eq!(
        (one.at("/industry"), one.at("/kind"), one.at("/name").as_str().is_some()),
        (&json!(null), &json!("ORGANIZATION"), true)
    );
    let contacts = "system,externalId,familyName,accountId.externalId,birthday\nerp,M,Anders,A,1970-02-01\nerp,N,Bad,A,1970-02-30\n";
    assert_eq!(csv(&admin, "contacts", contacts).await.counts(), [1, 0, 0, 1]);
    for (head, place) in [
        ("name,nonsense\n", "/columns/1"),
        ("name,name\n", "/columns/1"),
        ("annualRevenue,name\n", "/columns/0"),
        ("name.amount\n", "/columns/0"),
    ] {
        let refused = post(&admin, "accounts", "text/csv", format!("{head}A,B\n")).await.expect(422);
        assert_eq!(refused.pointers(), [place], "{head}");
    }
    post(&admin, "accounts", "text/csv", "").await.expect(422);
    post(&admin, "accounts", "text/csv", b"na\xffme\nA\n".to_vec()).await.expect(400);
    let latin = csv_bytes(&admin, b"name\nM\xfcller\nMayer\n").await;
    assert_eq!(latin.statuses(), [(2, "FAILED"), (3, "CREATED")]);
}

async fn csv_bytes(admin: &kith_testkit::Client, bytes: &[u8]) -> Loaded {
    Loaded::of(post(admin, "accounts", "text/csv", bytes.to_vec()).await.expect(200))
}

#[actix_web::test]
async fn what_is_no_json_is_told_by_its_line() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let mut file = Vec::new();
    let long = format!("{{\"familyName\":\"{}\"}}", "x".repeat(1024 * 1024));
    let bad: [&[u8]; 12] = [
        b"{",
        b"nonsense",
        b"[1]",
        b"5",
        b"{\"familyName\":\"\xff\"}",
        b"{\"familyName\":\"a\x00b\"}",
        b"{\"familyName\":\"a\\u0000b\"}",
        b"{\"familyName\":\"a\",\"familyName\":\"b\"}",
        b"{\"familyName\":\"a\"} {}",
        b"{\"familyName\":\"\\ud800\"}",
        b"\xef\xbb\xbf{\"familyName\":\"a\"}",
        long.as_bytes(),
    ];
    for line in bad {
        file.extend_from_slice(line);
        file.extend_from_slice(b"\r\n\n{\"familyName\":\"Good\"}\n");
    }
    file.extend_from_slice(b"{\"familyName\":\"Without an end\"}");
    let loaded = Loaded::of(post(&admin, "contacts", "application/x-ndjson; charset=utf-8", file).await.expect(200));
    assert_eq!(loaded.counts(), [13, 0, 0, 12]);
    for (at, (line, status)) in loaded.statuses().into_iter().enumerate().take(24) {
        let at = u64::try_from(at).unwrap();
        assert_eq!(
            (line, status),
            (at / 2 * 3 + if at % 2 == 0 { 1 } else { 3 }, if at % 2 == 0 { "FAILED" } else { "CREATED" }),
            "{}",
            loaded.lines[usize::try_from(at).unwrap()]
        );
    }
    assert_eq!(loaded.lines[22]["problem"]["code"], "PAYLOAD_TOO_LARGE");
    assert_eq!(loaded.lines[0]["problem"]["code"], "MALFORMED_REQUEST");
    assert!(!loaded.answer.text.contains("xxxxxxxx"));
}

#[actix_web::test]
async fn gzip_is_unpacked_as_it_comes() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let zipped = admin.with("content-encoding", "gzip");
    let file: String = (0..1_500).map(|n| format!("{{\"familyName\":\"Name {n}\"}}\n")).collect();
    let loaded = Loaded::of(post(&zipped, "contacts", "application/x-ndjson", gzip(file.as_bytes())).await.expect(200));
    assert_eq!(loaded.counts(), [1_500, 0, 0, 0]);
    // Two members one after the other are one file.
    let two = [gzip(b"{\"familyName\":\"A\"}\n{\"family"), gzip(b"Name\":\"B\"}\n")].concat();
    assert_eq!(
        Loaded::of(post(&zipped, "contacts", "application/x-ndjson", two).await.expect(200)).counts(),
        [2, 0, 0, 0]
    );
    let whole = gzip(file.as_bytes());
    let cut = whole[..whole.len() - 20].to_vec();
    let mut broken = whole.clone();
    broken[200] ^= 0xff;
    for bad in [cut, broken, file.clone().into_bytes(), Vec::new()] {
        assert_eq!(
            post(&zipped, "contacts", "application/x-ndjson", bad).await.expect(400).code(),
            "MALFORMED_REQUEST"
        );
    }
    let bomb = gzip(&vec![b'\n'; 66 * 1024 * 1024]);
    assert_eq!(post(&zipped, "contacts", "application/x-ndjson", bomb).await.expect(413).code(), "PAYLOAD_TOO_LARGE");
    for coding in ["br", "gzip, gzip", "deflate"] {
        post(&admin.with("content-encoding", coding), "contacts", "application/x-ndjson", file.clone())
            .await
            .expect(415);
    }
    let small = admin.with("content-encoding", "gzip").with("content-type", "application/json");
    small.send("POST", "/v1/contacts", Some(gzip(b"{}"))).await.expect(415);
}

#[actix_web::test]
async fn what_is_no_load_is_refused_before_the_file_is_read() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let file = "{\"familyName\":\"A\"}\n";
    for kind in ["application/json", "text/plain", "text/csv; charset=latin1", "application/x-ndjson; charset=utf-16"] {
        assert_eq!(post(&admin, "contacts", kind, file).await.expect(415).code(), "UNSUPPORTED_MEDIA_TYPE");
    }
    let unkeyed = admin.with("content-type", "application/x-ndjson");
    let refused = unkeyed.send("POST", "/v1/bulk/contacts", Some(file.into())).await.expect(400);
    assert_eq!(refused.code(), "IDEMPOTENCY_KEY_REQUIRED");
    for query in ["mode=delete", "results=some", "dryRun=maybe", "nonsense=1", "mode=upsert&mode=insert"] {
        post(&admin, &format!("contacts?{query}"), "application/x-ndjson", file).await.expect(422);
    }
    for method in ["PUT", "PATCH", "DELETE"] {
        assert_eq!(
            admin.send(method, "/v1/bulk/contacts", None).await.expect(405).header("allow"),
            Some("GET, HEAD, POST")
        );
    }
    admin.get("/v1/bulk/nothing").await.expect(404);
    admin.get("/v1/bulk/nothing/results").await.expect(404);
    assert_eq!(count(&admin, "contacts").await, 0);
    assert_eq!(ndjson(&admin, "contacts", &[]).await.counts(), [0, 0, 0, 0]);
}
