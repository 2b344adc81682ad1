//! GraphQL as nobody should send it: errors or a refusal, no data, in time.

use crate::tenancy::UNKNOWN;
use crate::tenancy::records::{body, creatable, one_of_each, writable};
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Sends a document that is to be refused.
async fn refused(client: &Client, name: &str, query: &str) {
    let began = Instant::now();
    let answer = client.graphql(query, json!({})).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{name} took {took:?}");
    if answer.status == 200 {
        assert!(answer.at("/errors/0/message").is_string(), "{name}: {}", answer.body);
        assert!(answer.at("/errors").as_array().unwrap().len() <= 20, "{name}");
        let data = answer.at("/data");
        let empty = data.as_object().is_some_and(|data| data.values().all(Value::is_null));
        assert!(data.is_null() || empty, "{name}: {}", answer.body);
    } else {
        assert!((400..500).contains(&answer.status), "{name}: {}", answer.status);
    }
    let alive = Instant::now();
    client.get("/healthz").await.expect(200);
    assert!(alive.elapsed() < Duration::from_secs(1), "{name} blocks others");
}

fn nested(levels: usize, open: &str, inner: &str) -> String {
    format!("{{ {}{inner}{} }}", open.repeat(levels), "}".repeat(levels * open.matches('{').count()))
}

/// Each of `count` fragments spreads the next one `times`; the last selects `inner`.
fn doubling(on: &str, count: usize, times: usize, inner: &str) -> String {
    let spread = |at: usize| format!("...f{at} ").repeat(times);
    let each = |at: usize| match at + 1 < count {
        true => format!("fragment f{at} on {on} {{ {} }}", spread(at + 1)),
        false => format!("fragment f{at} on {on} {{ {inner} }}"),
    };
    (0..count).map(each).collect::<Vec<_>>().join(" ")
}

#[actix_web::test]
async fn documents_above_a_limit_are_refused_in_time() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let client = stage.admin(&tenant);
    stage.make(&tenant, "accounts", json!({"name": "Acme"}));
    let aliases: String = (0..31).map(|n| format!("a{n}: name ")).collect();
    let roots = "accounts { totalCount } ".repeat(21);
    let operations: String = (0..6).map(|n| format!("query q{n} {{ __typename }} ")).collect();
    let directives = "@include(if: true) ".repeat(6);
    let variables: String = (0..500).map(|n| format!("$v{n}: Int ")).collect();
    for (name, query) in [
        ("32 KiB", format!("{{ accounts {{ totalCount }} }} # {}", "x".repeat(33 * 1024))),
        ("4,000 tokens", format!("{{ accounts {{ nodes {{ {} }} }} }}", "id ".repeat(4_100))),
        ("depth", nested(8, "accounts { nodes { parent { children { nodes { ", "id")),
        ("16 levels", format!("{{ accounts {{ nodes {{ {}id{} }} }} }}", "parent { ".repeat(14), "}".repeat(14))),
        ("deep", nested(1_900, "a { ", "b")),
        ("deep lists", format!("{{ accounts(filter: {}{}) {{ totalCount }} }}", "[".repeat(1_900), "]".repeat(1_900))),
        (
            "deep objects",
            format!("{{ accounts(filter: {}{}) {{ totalCount }} }}", "{not: ".repeat(1_000), "}".repeat(1_000)),
        ),
        ("deep types", format!("query($v: {}Int{}) {{ __typename }}", "[".repeat(1_900), "]".repeat(1_900))),
        ("aliases", format!("{{ accounts {{ nodes {{ {aliases} }} }} }}")),
        (
            "aliases by fragments",
            format!(
                "{{ accounts {{ nodes {{ {} }} }} }} {}",
                "...f0 ".repeat(4),
                doubling("Account", 1, 1, "a: name b: name c: name d: name e: name f: name g: name h: name")
            ),
        ),
        ("root fields", format!("{{ {roots} }}")),
        ("root fields by fragments", format!("{{ ...f0 }} {}", doubling("Query", 6, 2, "accounts { totalCount }"))),
        ("operations", operations),
        ("directives", format!("{{ accounts {directives} {{ totalCount }} }}")),
        ("unknown directive", "{ accounts @nonsense { totalCount } }".into()),
        ("cost", "{ accounts(first: 500) { nodes { contacts(first: 500) { nodes { id } } } } }".into()),
        ("page", "{ accounts(first: 501) { totalCount } }".into()),
        ("no page", "{ accounts(first: 0) { totalCount } }".into()),
        ("negative page", "{ accounts(first: -1) { totalCount } }".into()),
        ("huge page", "{ accounts(first: 99999999999) { totalCount } }".into()),
        ("both ways", "{ accounts(first: 1, last: 1) { totalCount } }".into()),
        ("cursor", "{ accounts(after: \"nonsense\") { totalCount } }".into()),
        ("a fragment of itself", "{ accounts { nodes { ...f } } } fragment f on Account { ...f }".into()),
        (
            "two of each other",
            "{ accounts { nodes { ...f } } } fragment f on Account { ...g } fragment g on Account { id ...f }".into(),
        ),
        ("a cycle through fields", "{ accounts { nodes { ...f } } } fragment f on Account { parent { ...f } }".into()),
        ("an unused cycle", "{ accounts { totalCount } } fragment f on Account { ...f }".into()),
        ("doubling fragments", format!("{{ accounts {{ nodes {{ ...f0 }} }} }} {}", doubling("Account", 31, 2, "id"))),
        ("tenfold fragments", format!("{{ accounts {{ nodes {{ ...f0 }} }} }} {}", doubling("Account", 14, 10, "id"))),
        ("doubling fragments at the root", format!("{{ ...f0 }} {}", doubling("Query", 31, 2, "__typename"))),
        ("unused doubling fragments", format!("{{ __typename }} {}", doubling("Account", 31, 2, "id"))),
        ("unknown fragment", "{ accounts { nodes { ...nothing } } }".into()),
        ("variables", format!("query({variables}) {{ accounts {{ totalCount }} }}")),
        ("no operation", "fragment f on Account { id }".into()),
        ("empty", "".into()),
        ("blank", "  ".into()),
        ("nonsense", "nonsense {".into()),
        ("control characters", "{ \u{0} accounts { totalCount } }".into()),
        ("unknown field", "{ nonsense }".into()),
        ("unknown argument", "{ accounts(nonsense: 1) { totalCount } }".into()),
        ("no selection", "{ accounts }".into()),
        ("selection of a scalar", "{ accounts { totalCount { x } } }".into()),
        ("subscription", "subscription { changes { id } }".into()),
        ("wrong id", "{ account(id: \"nonsense\") { id } }".into()),
        ("id as a number", "{ account(id: 1) { id } }".into()),
        ("NUL in a key", "{ accountByExternalId(system: \"a\\u0000\", externalId: \"b\\u0000\") { id } }".into()),
        ("NUL in a filter", "{ accounts(filter: {name: {contains: \"\\u0000\"}}) { totalCount } }".into()),
        (
            "NUL in an upsert",
            "mutation { accountUpsert(system: \"a\", externalId: \"\\u0000\", input: {name: \"x\"}) { id } }".into(),
        ),
        (
            "NUL in a mutation id",
            "mutation { accountCreate(input: {name: \"x\"}, clientMutationId: \"\\u0000\") { id } }".into(),
        ),
        (
            "long mutation id",
            format!(
                "mutation {{ accountCreate(input: {{name: \"x\"}}, clientMutationId: \"{}\") {{ id }} }}",
                "x".repeat(256)
            ),
        ),
        ("empty mutation id", "mutation { accountCreate(input: {name: \"x\"}, clientMutationId: \"\") { id } }".into()),
        (
            "wrong version",
            format!(
                "mutation {{ accountUpdate(id: \"{UNKNOWN}\", input: {{}}, expectedVersion: 99999999999) {{ id }} }}"
            ),
        ),
    ] {
        refused(&client, name, &query).await;
    }
    // At the limits, all is well.
    let good =
        format!("{{ accounts {{ nodes {{ {} }} }} }}", (0..30).map(|n| format!("a{n}: name ")).collect::<String>());
    for query in [good, format!("{{ accounts {{ nodes {{ ...f0 }} }} }} {}", doubling("Account", 8, 2, "id name"))] {
        let answer = client.graphql(&query, json!({})).await.expect(200);
        assert_eq!(answer.at("/errors"), &Value::Null, "{}", answer.body);
    }
}

#[actix_web::test]
async fn only_one_operation_in_a_json_post_is_taken() {
    let stage = Stage::new();
    let client = stage.admin(&stage.tenant());
    let query = "{ accounts { totalCount } }";
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        let path = "/graphql?query=%7B__typename%7D";
        let refused = client.send(method, path, None).await;
        assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")), "{method}");
    }
    let form = client.with("content-type", "application/x-www-form-urlencoded");
    form.send("POST", "/graphql", Some(b"query={__typename}".to_vec())).await.expect(415);
    client.with("content-type", "application/graphql").send("POST", "/graphql", Some(query.into())).await.expect(415);
    client.post("/graphql", json!([{"query": query}, {"query": query}])).await.expect(422);
    for bad in [
        json!({}),
        json!({"query": null}),
        json!({"query": 1}),
        json!({"query": [query]}),
        json!({"query": query, "variables": []}),
        json!({"query": query, "variables": "{}"}),
        json!({"query": query, "operationName": 1}),
        json!({"query": query, "nonsense": 1}),
        json!({"id": "persisted"}),
    ] {
        client.post("/graphql", bad).await.expect(422);
    }
    let several = json!({"query": "query a { __typename } query b { __typename }"});
    assert!(client.post("/graphql", several).await.expect(200).at("/errors/0/message").is_string());
    let unknown = json!({"query": "query a { __typename } query b { __typename }", "operationName": "c"});
    assert!(client.post("/graphql", unknown).await.expect(200).at("/errors/0/message").is_string());
    let misspelt = client.graphql("{ acounts { totalCount } }", json!({})).await.expect(200);
    assert!(!misspelt.body.to_string().contains("Did you mean"), "{}", misspelt.body);
}

#[actix_web::test]
async fn variables_of_a_wrong_form_change_nothing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let client = stage.admin(&tenant);
    let before = crate::tenancy::records::everything(&client).await;
    for entry in creatable() {
        let create = format!(
            "mutation($input: {}Input!) {{ {}Create(input: $input, dryRun: true) {{ id }} }}",
            entry.type_name, entry.singular
        );
        for bad in [
            json!(null),
            json!(1),
            json!("x"),
            json!([]),
            json!([{}]),
            json!({}),
            json!({"nonsense": 1}),
            json!({"tenantId": UNKNOWN}),
        ] {
            // Where nothing has to be said, saying nothing is fine.
            if bad == json!({}) && !entry.fields.iter().any(|field| field.required) {
                continue;
            }
            let answer = client.graphql(&create, json!({"input": bad})).await.expect(200);
            assert!(answer.at("/errors/0/message").is_string(), "{}: {bad}", entry.name);
        }
        for field in writable(entry) {
            for value in [json!(7), json!({"x": 1}), json!([[]]), json!("a\u{0}b"), json!(true)] {
                let fits = matches!(
                    (field.kind, &value),
                    (kith_kernel::Kind::Bool, Value::Bool(_)) | (kith_kernel::Kind::Int, Value::Number(_))
                );
                let mut input = body(entry.name, &ids);
                input[field.name] = value.clone();
                let answer = client.graphql(&create, json!({"input": input})).await.expect(200);
                let code = answer.at("/errors/0/extensions/code").as_str();
                // A number of the right form may still be one that a rule refuses.
                let rule = answer.at("/errors/0/extensions/errors/0/code").as_str();
                let ruled = fits && matches!(rule, Some("OUT_OF_RANGE" | "INVALID"));
                assert_eq!(code.is_none() || ruled, fits, "{}.{} = {value}: {}", entry.name, field.name, answer.body);
                assert!(code.is_none_or(|code| code == "VALIDATION_FAILED"), "{}.{}: {code:?}", entry.name, field.name);
            }
        }
        let list = format!(
            "query($filter: {}Filter) {{ {}(filter: $filter) {{ totalCount }} }}",
            entry.type_name, entry.plural
        );
        for bad in [
            json!(1),
            json!("x"),
            json!({"nonsense": 1}),
            json!({"id": 1}),
            json!({"id": {"eq": "x"}}),
            json!({"and": 1}),
            json!({"createdAt": {"gt": "2026-02-30T00:00:00Z"}}),
        ] {
            let answer = client.graphql(&list, json!({"filter": bad})).await.expect(200);
            assert!(answer.at("/errors/0/message").is_string(), "{}: {bad}", entry.name);
        }
    }
    assert_eq!(crate::tenancy::records::everything(&client).await, before);
}
