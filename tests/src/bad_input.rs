//! No input brings anything but an answer: bodies, paths, queries and headers as nobody should send them. Promises 15
//! to 18; the test client checks that every refusal is a problem document. Fields are in [`fields`], GraphQL in
//! [`graphql`].

mod fields;
mod graphql;

use crate::tenancy::UNKNOWN;
use crate::tenancy::records::{Ids, entries, one_of_each};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use kith_kernel::Verb;
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};

/// Method and path of everything that takes a JSON object.
fn takers(ids: &Ids) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for entry in entries() {
        let base = format!("/v1/{}", entry.name);
        let (create, update) = (entry.offers(Verb::Create), entry.offers(Verb::Update));
        let paths = [
            (create, "POST", base.clone()),
            (update, "PATCH", format!("{base}/{}", ids[entry.name])),
            (create && update, "PUT", format!("{base}/external/erp/new")),
            (create || update, "POST", format!("{base}/batch")),
            (true, "POST", format!("{base}/query")),
        ];
        all.extend(paths.into_iter().filter(|(offered, ..)| *offered).map(|(_, method, path)| (method, path)));
    }
    let written = ["login", "refresh", "logout", "password", "api-keys"].map(|name| format!("/v1/auth/{name}"));
    all.extend(written.into_iter().map(|path| ("POST", path)));
    all.push(("POST", format!("/v1/users/{}/password", ids["users"])));
    for place in ["records", "drift"] {
        all.push(("POST", format!("/v1/connectors/{}/{place}", ids["connectors"])));
    }
    all.push(("POST", "/graphql".to_owned()));
    all
}

/// What is no JSON document, or not one.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |levels: usize| format!("{{\"name\":{}1{}}}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
    let texts: [(&str, &[u8]); 24] = [
        ("empty", b""),
        ("blank", b" \n\t"),
        ("truncated", b"{\"name\": \"x\""),
        ("trailing comma", b"{\"name\": \"x\",}"),
        ("comment", b"{\"name\": \"x\" /* y */}"),
        ("line comment", b"{} // y"),
        ("two documents", b"{} {}"),
        ("garbage behind", b"{}x"),
        ("duplicate keys", b"{\"name\": \"x\", \"name\": \"y\"}"),
        ("duplicate keys, escaped", b"{\"name\": \"x\", \"n\\u0061me\": \"y\"}"),
        ("byte order mark", b"\xef\xbb\xbf{}"),
        ("UTF-16", b"{\0}\0"),
        ("invalid UTF-8", b"{\"name\": \"\xff\"}"),
        ("overlong UTF-8", b"{\"name\": \"\xc0\xaf\"}"),
        ("surrogates in UTF-8", b"{\"name\": \"\xed\xa0\x80\"}"),
        ("lone surrogate", b"{\"name\": \"\\ud800\"}"),
        ("swapped surrogates", b"{\"name\": \"\\udc00\\ud800\"}"),
        ("raw NUL", b"{\"name\": \"\0\"}"),
        ("NaN", b"{\"name\": NaN}"),
        ("infinity", b"{\"name\": -Infinity}"),
        ("hexadecimal", b"{\"name\": 0x10}"),
        ("leading zeros", b"{\"name\": 007}"),
        ("1e400", b"{\"name\": 1e400}"),
        ("single quotes", b"{'name': 'x'}"),
    ];
    let mut all: Vec<_> = texts.into_iter().map(|(name, bytes)| (name, bytes.to_vec())).collect();
    all.push(("66 levels", nested(65)));
    all.push(("100,000 brackets", b"[".repeat(100_000)));
    all
}

#[actix_web::test]
async fn every_operation_refuses_every_body_that_is_not_a_json_object() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let admin = stage.admin(&tenant);
    let all = takers(&ids);
    assert!(all.len() > 70, "only {} operations take a body", all.len());
    let wide: String = (0..1_001).map(|n| format!("\"m{n}\": 0,")).collect();
    let wide = format!("{{{}}}", wide.trim_end_matches(','));
    let long = json!({"name": vec![0; 10_001]}).to_string();
    for (method, path) in &all {
        let answer = |client: Client, body: Vec<u8>| async move { client.send(method, path, Some(body)).await };
        for (name, body) in broken() {
            let refused = answer(admin.clone(), body).await;
            assert_eq!((refused.status, refused.code()), (400, "MALFORMED_REQUEST"), "{method} {path}: {name}");
        }
        for body in
            ["[]", "\"text\"", "7", "1e3", "null", "true", "[{}]", "{\"nonsense\": 1}", "{\"\": 1}", &wide, &long]
        {
            let refused = answer(admin.clone(), body.into()).await;
            let shown: String = body.chars().take(30).collect();
            assert_eq!((refused.status, refused.code()), (422, "VALIDATION_FAILED"), "{method} {path}: {shown}");
            assert!(!refused.pointers().is_empty(), "{method} {path}: {shown} without a place");
        }
        for media in [
            "",
            "text/plain",
            "text/json",
            "application/xml",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
            "application/json; charset=utf-16",
            "application/json;charset=\"iso-8859-1\"",
        ] {
            let refused = answer(admin.with("content-type", media), b"{}".to_vec()).await;
            assert_eq!((refused.status, refused.code()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{method} {path}: {media}");
        }
        for encoding in ["gzip", "identity", "br, gzip"] {
            let refused = answer(admin.with("content-encoding", encoding), b"{}".to_vec()).await;
            assert_eq!((refused.status, refused.code()), (415, "UNSUPPORTED_MEDIA_TYPE"), "{method} {path}");
        }
        let large = format!("{{\"name\": \"{}\"}}", "x".repeat(1024 * 1024));
        let refused = answer(admin.clone(), large.into_bytes()).await;
        assert_eq!((refused.status, refused.code()), (413, "PAYLOAD_TOO_LARGE"), "{method} {path}");
    }
}

#[actix_web::test]
async fn limits_hold_at_the_limit_and_one_above_it() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    // A body of 1 MiB to the byte: too long a name, but read.
    let frame = json!({"name": ""}).to_string().len();
    for (length, status) in [(1024 * 1024 - frame, 422), (1024 * 1024 - frame + 1, 413)] {
        admin.post("/v1/accounts", json!({"name": "x".repeat(length)})).await.expect(status);
    }
    let nested = |levels: usize| format!("{{\"name\":{}{}}}", "[".repeat(levels), "]".repeat(levels)).into_bytes();
    admin.send("POST", "/v1/accounts", Some(nested(63))).await.expect(422);
    admin.send("POST", "/v1/accounts", Some(nested(65))).await.expect(400);
    for (items, status) in [(1_000, 207), (1_001, 422)] {
        let items: Vec<Value> = (0..items).map(|_| json!({"op": "archive", "id": UNKNOWN})).collect();
        admin.post("/v1/tags/batch", json!({"items": items})).await.expect(status);
    }
    for (length, status) in [(200, 201), (201, 422)] {
        // Characters, not bytes.
        admin.post("/v1/accounts", json!({"name": "𝄞".repeat(length)})).await.expect(status);
    }
    let path = |length: usize| format!("/v1/accounts?{}", "x".repeat(length - "/v1/accounts?".len()));
    assert_eq!(admin.get(&path(8 * 1024)).await.expect(422).code(), "VALIDATION_FAILED");
    let refused = admin.get(&path(8 * 1024 + 1)).await.expect(414);
    assert_eq!(refused.at("/detail"), "The URL may have 8192 characters.");
    let mut many = admin.clone();
    for number in 0..101 {
        many = many.with("x-more", &number.to_string());
    }
    assert_eq!(many.get("/v1/tags").await.expect(431).code(), "HEADERS_TOO_LARGE");
    admin.with("x-more", &"x".repeat(16 * 1024)).get("/v1/tags").await.expect(431);
    admin.with("x-more", &"x".repeat(8 * 1024)).get("/v1/tags").await.expect(200);
    let filter = |count: usize| json!({"filter": {"or": vec![json!({"name": "x"}); count]}});
    admin.post("/v1/tags/query", filter(99)).await.expect(200);
    admin.post("/v1/tags/query", filter(100)).await.expect(422);
    let deep = |levels: usize| (0..levels).fold(json!({"name": "x"}), |inner, _| json!({"not": inner}));
    admin.post("/v1/tags/query", json!({"filter": deep(7)})).await.expect(200);
    admin.post("/v1/tags/query", json!({"filter": deep(8)})).await.expect(422);
    let list = |count: usize| json!({"filter": {"name": {"in": vec!["x"; count]}}});
    admin.post("/v1/tags/query", list(500)).await.expect(200);
    admin.post("/v1/tags/query", list(501)).await.expect(422);
}

/// Percent-encoded as they stand in a path.
const NO_IDS: &[&str] = &[
    "nonsense",
    "1",
    "-1",
    "9223372036854775808",
    "null",
    "undefined",
    "%00",
    "a%00b",
    "%0d%0aSet-Cookie:%20a=b",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "..;",
    "'%20OR%201=1--",
    "%ff%fe",
    "%f0%9f%92%a5",
    "*",
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "018f0000-0000-7000-8000-00000000dead",
    "018F0000-0000-7000-8000-00000000DEAD",
    "018f000000007000800000000000dead",
    "%7B018f0000-0000-7000-8000-00000000dead%7D",
    "urn:uuid:018f0000-0000-7000-8000-00000000dead",
    "018f0000-0000-7000-8000-00000000dea",
    "018f0000-0000-7000-8000-00000000dead%20",
    "018f0000-0000-7000-8000-00000000dea%C3%A4",
];

#[actix_web::test]
async fn a_path_id_that_is_none_is_not_found() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let long = "a".repeat(4_000);
    for entry in entries() {
        for id in NO_IDS.iter().copied().chain([long.as_str()]) {
            let path = format!("/v1/{}/{id}", entry.name);
            let answer = admin.get(&path).await;
            assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "GET {path}");
            if entry.offers(Verb::Update) {
                assert_eq!(admin.patch(&path, json!({})).await.status, 404, "PATCH {path}");
            }
            if entry.offers(Verb::Archive) {
                assert_eq!(admin.delete(&path).await.status, 404, "DELETE {path}");
                assert_eq!(admin.send("POST", &format!("{path}/restore"), None).await.status, 404, "{path}");
            }
        }
        admin.get(&format!("/v1/{}/{}", entry.name, "a".repeat(9_000))).await.expect(414);
    }
    for id in NO_IDS {
        admin.get(&format!("/v1/accounts/{id}/360")).await.expect(404);
        admin.post(&format!("/v1/users/{id}/password"), json!({"password": "a new password"})).await.expect(404);
        let answer = admin.get(&format!("/v1/accounts/external/{id}/{id}")).await;
        assert_eq!(answer.status, 404, "external {id}");
        let answer = admin.put(&format!("/v1/accounts/external/{id}/{id}?dryRun=true"), json!({"name": "x"})).await;
        assert!([201, 404, 422].contains(&answer.status), "PUT external {id}: {}", answer.body);
    }
    for path in [
        "/v1",
        "/v1/",
        "/v1/nonsense",
        "/v2/accounts",
        "//v1/accounts",
        "/v1/accounts/",
        "/v1/accounts//360",
        "/V1/accounts",
    ] {
        let answer = admin.get(path).await;
        assert_eq!((answer.status, answer.code()), (404, "NOT_FOUND"), "{path}");
    }
}

#[actix_web::test]
async fn query_strings_are_understood_or_refused() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    admin.post("/v1/accounts", json!({"name": "100 %_\\ 'quoted'"})).await.expect(201);
    let wild = "%25".repeat(200);
    let long = "x".repeat(7_000);
    for (query, status) in [
        ("limit=0", 422),
        ("limit=-1", 422),
        ("limit=abc", 422),
        ("limit=501", 422),
        ("limit=500", 200),
        ("limit=1", 200),
        ("limit=9223372036854775808", 422),
        ("limit=1e3", 422),
        ("limit=", 422),
        ("limit=5&limit=5", 422),
        ("limit=%00", 422),
        ("cursor=", 422),
        ("cursor=nonsense", 422),
        ("cursor=%00", 422),
        (&format!("cursor={long}"), 422),
        ("sort=nonsense", 422),
        ("sort=", 422),
        ("sort=name,name", 422),
        ("sort=--name", 422),
        ("sort=name;DROP", 422),
        ("sort=%00", 422),
        ("sort=website", 422),
        ("sort=name,-createdAt,status,importanceClass,updatedAt,id", 422),
        ("fields=nonsense", 422),
        ("fields=", 422),
        ("fields=id,name", 200),
        (&format!("fields={long}"), 422),
        ("expand=nonsense", 422),
        ("expand=", 422),
        ("expand=owner.nonsense", 422),
        ("expand=contacts.account.contacts.account.contacts", 422),
        ("count=maybe", 422),
        ("archived=yes", 422),
        ("dryRun=true", 422),
        ("nonsense=1", 422),
        ("tenantId=1", 422),
        ("=", 422),
        ("filter=x", 422),
        ("filter[", 422),
        ("filter[]=1", 422),
        ("filter[name", 422),
        ("filter[nonsense]=1", 422),
        ("filter[name][nonsense]=1", 422),
        ("filter[name]=a&filter[name][eq]=b", 422),
        ("filter[name]=%00", 422),
        ("filter[name][contains]=%00", 422),
        ("filter[name][startsWith]=a%00", 422),
        ("filter[name][in]=a,%00", 422),
        ("filter[%00]=1", 422),
        ("filter[name]=%ff", 400),
        ("%ff=1", 400),
        ("filter[and]=x", 422),
        ("filter[not]=x", 422),
        ("filter[contacts][familyName]=x", 422),
        ("filter[contacts][some]=x", 422),
        ("filter[contacts][all][id]=x", 422),
        ("filter[owner]=x", 422),
        ("filter[custom][x]=1", 422),
        ("filter[name][isNull]=maybe", 422),
        ("filter[name][isNull]=false", 200),
        ("filter[website]=x", 422),
        ("filter[annualRevenue][gte]=abc", 422),
        ("filter[annualRevenue][gte]=1e400", 422),
        ("filter[annualRevenue][gte]=1&filter[annualRevenue][currency]=XXX", 422),
        ("filter[createdAt][gt]=2026-02-30T00:00:00Z", 422),
        ("filter[version]=2147483648", 422),
        ("filter[version]=1.5", 422),
        ("filter[id]=1", 422),
        ("filter[status]=nonsense", 422),
        ("filter[status]=active", 422),
        (&format!("filter[name][contains]={wild}"), 200),
        (&format!("filter[name][startsWith]={wild}"), 200),
        (&format!("filter[name][contains]={wild}x"), 422),
        (&format!("filter[name][contains]={long}"), 422),
        (&format!("filter[name]={long}"), 200),
        ("filter[name][contains]=%27%20OR%201=1--", 200),
        ("filter[name][contains]=(((a%2B)%2B)%2B)$", 200),
        ("filter[name][contains]=a%20%26%20!b%20|%20(c", 200),
        ("filter[or][0][name]=a&filter[or][2][name]=b", 422),
        (&"filter[not]".repeat(10), 422),
        (&format!("filter{}=1", "[not]".repeat(24)), 422),
        (&format!("filter{}=1", "[not]".repeat(500)), 422),
    ] {
        let began = std::time::Instant::now();
        let answer = admin.get(&format!("/v1/accounts?{query}")).await;
        let shown: String = query.chars().take(80).collect();
        assert_eq!(answer.status, status, "{shown}: {}", answer.body);
        assert!(began.elapsed() < std::time::Duration::from_secs(3), "{shown} took {:?}", began.elapsed());
    }
    for (text, found) in [
        ("%25", 1),
        ("_", 1),
        ("%5C", 1),
        ("'quoted'", 1),
        ("0 %25_%5C '", 1),
        ("%25%25", 0),
        ("1_0", 0),
        ("100%25", 0),
    ] {
        let path = format!("/v1/accounts?filter[name][contains]={}", text.replace(' ', "%20"));
        let list = admin.get(&path).await.expect(200);
        assert_eq!(list.at("/data").as_array().unwrap().len(), found, "{text}");
    }
}

#[actix_web::test]
async fn methods_and_headers_are_understood_or_refused() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let admin = stage.admin(&tenant);
    let document = kith_api::openapi::document(kith_api::catalogue());
    for (path, operations) in document["paths"].as_object().unwrap() {
        let resource = path.split('/').nth(2).unwrap_or_default();
        let id = ids.get(resource).map_or(UNKNOWN, String::as_str);
        let filled =
            path.replace("{id}", id).replace("{system}", "a").replace("{externalId}", "b").replace("{type}", "c");
        let mut allowed: Vec<String> = operations.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            if allowed.iter().any(|name| name == method) {
                continue;
            }
            let refused = admin.send(method, &filled, Some(b"{}".to_vec())).await;
            assert_eq!((refused.status, refused.code()), (405, "METHOD_NOT_ALLOWED"), "{method} {path}");
            let mut told: Vec<_> =
                refused.header("allow").unwrap().split(", ").filter(|name| *name != "HEAD").collect();
            told.sort_unstable();
            allowed.sort_unstable();
            assert_eq!(told, allowed, "{method} {path}");
        }
        if path.starts_with("/v1/") {
            let refused = admin.with("accept", "application/xml").send(&allowed[0], &filled, None).await;
            assert_eq!((refused.status, refused.code()), (406, "NOT_ACCEPTABLE"), "{path}: {}", refused.body);
        }
    }
    for accept in ["*/*", "application/*;q=0.1", "text/html, application/json", "application/problem+json", ""] {
        admin.with("accept", accept).get("/v1/tags").await.expect(200);
    }
    let path = format!("/v1/tags/{}", ids["tags"]);
    for value in ["", "1", "\"\"", "\"abc\"", "\"1", "W/\"1\"", "\"1\", \"2\"", "\"99999999999\"", "\"1.0\"", "**"] {
        let refused = admin.with("if-match", value).patch(&path, json!({"name": "x"})).await;
        assert_eq!((refused.status, refused.code()), (400, "MALFORMED_REQUEST"), "If-Match: {value}");
        admin.with("if-match", value).delete(&path).await.expect(400);
    }
    for value in ["\"2\"", "\"0\"", "\"-1\"", "\"2147483647\""] {
        assert_eq!(admin.with("if-match", value).patch(&path, json!({"name": "x"})).await.status, 412, "{value}");
    }
    let fitting = "k".repeat(255);
    for (value, status) in
        [("", 400), (" ", 400), ("a b", 400), (&format!("{fitting}k"), 400), (&fitting, 201), ("!~", 201)]
    {
        let answer = admin.with("idempotency-key", value).post("/v1/accounts", json!({"name": "x"})).await;
        assert_eq!(answer.status, status, "Idempotency-Key: {value:?}");
    }
    let twice = admin.with("idempotency-key", "a").with("idempotency-key", "b");
    twice.post("/v1/accounts", json!({"name": "x"})).await.expect(400);
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_bytes(b"k\xc3\xa4").unwrap());
    let refused = kith_api::http::headers::idempotency_key(&headers).unwrap_err();
    assert_eq!(refused.code.name, "MALFORMED_REQUEST");
}
