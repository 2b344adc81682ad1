//! What is GraphQL's own: connections, fragments and directives, variables, errors beside data, limits, and the number
//! of statements.

use kith_testkit::{Answer, Client, Stage};
use serde_json::{Value, json};

async fn cast() -> (Stage, Client, Vec<String>) {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let mut ids = Vec::new();
    for (number, name) in ["Acme", "Bolt", "Cat"].into_iter().enumerate() {
        let account = admin.post("/v1/accounts", json!({"name": name, "industry": "Steel"})).await.expect(201).id();
        for contact in 0..number * 3 {
            let body = json!({"familyName": format!("{name} {contact}"), "accountId": account});
            admin.post("/v1/contacts", body).await.expect(201);
        }
        ids.push(account);
    }
    (stage, admin, ids)
}

/// The data of an answer without errors.
#[track_caller]
fn data(answer: Answer) -> Value {
    assert_eq!((answer.status, answer.at("/errors")), (200, &Value::Null), "{}", answer.body);
    answer.at("/data").clone()
}

async fn ask(client: &Client, query: &str) -> Value {
    data(client.graphql(query, json!({})).await)
}

/// The code of the first error.
async fn code(client: &Client, query: &str, variables: Value) -> String {
    let answer = client.graphql(query, variables).await.expect(200);
    assert!(answer.at("/errors/0/message").is_string(), "{}", answer.body);
    answer.at("/errors/0/extensions/code").as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn pages_inside_records_go_both_ways() {
    let (_stage, admin, ids) = cast().await;
    for n in 0..6 {
        let body =
            json!({"accountId": ids[2], "street": "x", "city": if n % 2 == 0 { json!("Ulm") } else { Value::Null }});
        admin.post("/v1/addresses", body).await.expect(201);
    }
    let whole = admin.get(&format!("/v1/addresses?filter[accountId]={}&sort=city", ids[2])).await.expect(200);
    let whole: Vec<_> = whole.at("/data").as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
    let query = "query($f: Int, $a: String, $l: Int, $b: String) { accounts(sort: NAME_ASC) { nodes {
        addresses(first: $f, after: $a, last: $l, before: $b, sort: CITY_ASC) {
          totalCount edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }";
    for (size, cursor, more, start) in
        [("f", "a", "hasNextPage", "endCursor"), ("l", "b", "hasPreviousPage", "startCursor")]
    {
        let (mut seen, mut page) = (Vec::new(), json!({size: 2}));
        while seen.len() <= whole.len() {
            let found = data(admin.graphql(query, page).await)["accounts"]["nodes"][2]["addresses"].take();
            let ids: Vec<_> = found["nodes"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
            let edges: Vec<_> =
                found["edges"].as_array().unwrap().iter().map(|edge| edge["node"]["id"].clone()).collect();
            assert_eq!((&ids, found["totalCount"].as_u64()), (&edges, Some(6)));
            let info = &found["pageInfo"];
            assert_eq!(info["startCursor"], found["edges"][0]["cursor"]);
            let place = if size == "f" { seen.len() } else { 0 };
            seen.splice(place..place, ids);
            if info[more] != true {
                break;
            }
            page = json!({size: 2, cursor: info[start]});
        }
        assert_eq!(seen, whole, "{size}");
    }
    let empty = ask(&admin, r#"{ accounts(filter: {name: {eq: "no"}}) { nodes { id } edges { cursor } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"#).await;
    let info = json!({"hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null});
    assert_eq!(empty["accounts"], json!({"nodes": [], "edges": [], "totalCount": 0, "pageInfo": info}));
}

#[actix_web::test]
async fn aliases_fragments_and_doubled_fields_answer_as_one_document() {
    let (_stage, admin, ids) = cast().await;
    let found = ask(
        &admin,
        &format!(
            "{{ one: account(id: \"{0}\") {{ id called: name }} two: account(id: \"{0}\") {{ ...A name }} }}
        fragment A on Account {{ ... on Account {{ kind }} ...B }} fragment B on Account {{ name industry }}",
            ids[0]
        ),
    )
    .await;
    assert_eq!(found["one"], json!({"id": ids[0], "called": "Acme"}));
    assert_eq!(found["two"], json!({"kind": "ORGANIZATION", "name": "Acme", "industry": "Steel"}));
    // One list, asked for in three places, and one node under two names.
    let found = ask(&admin, "{ accounts(sort: NAME_DESC, first: 1) { nodes { id } }
        accounts(sort: NAME_DESC, first: 1) { nodes { name contacts(first: 1) { nodes { id } } } edges { node { name } } }
        ...R } fragment R on Query { accounts(sort: NAME_DESC, first: 1) { nodes { contacts(first: 1) { totalCount nodes { familyName } } } totalCount
        edges { node { kind } full: node { contacts(first: 2) { nodes { account { name } } } } } } }").await;
    let node = &found["accounts"]["nodes"][0];
    assert_eq!(
        (&node["name"], &node["contacts"]["totalCount"], &found["accounts"]["totalCount"]),
        (&json!("Cat"), &json!(6), &json!(3))
    );
    assert!(node["contacts"]["nodes"][0]["id"].is_string() && node["contacts"]["nodes"][0]["familyName"].is_string());
    let edge = &found["accounts"]["edges"][0];
    assert_eq!(edge["node"], json!({"name": "Cat", "kind": "ORGANIZATION"}));
    let owner = json!({"account": {"name": "Cat"}});
    assert_eq!(edge["full"]["contacts"]["nodes"], json!([owner, owner]));
    let found = ask(&admin, "{ accounts(first: 1, sort: NAME_ASC) { first: nodes { name } then: nodes { contacts { totalCount } }
        edges { a: node { contacts { totalCount } } b: node { industry contacts(first: 1) { totalCount nodes { id } } } } } }").await;
    assert_eq!(found["accounts"]["first"], json!([{"name": "Acme"}]));
    assert_eq!(found["accounts"]["then"], json!([{"contacts": {"totalCount": 0}}]));
    let b = json!({"industry": "Steel", "contacts": {"totalCount": 0, "nodes": []}});
    assert_eq!(found["accounts"]["edges"], json!([{"a": {"contacts": {"totalCount": 0}}, "b": b}]));
    // Members stand in the order of the document.
    let query = "{ z: accounts { totalCount } a: contacts { totalCount } viewer { kind } m: teams { totalCount } }";
    let answer = admin.graphql(query, json!({})).await.expect(200);
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let places: Vec<_> = ["\"z\"", "\"a\"", "\"viewer\"", "\"m\""].map(|name| text.find(name).unwrap()).into();
    assert!(places.is_sorted(), "{text}");
    assert_ne!(code(&admin, "{ accounts { nodes { name: id name } } }", json!({})).await, "INTERNAL");
}

#[actix_web::test]
async fn directives_and_variables_shape_the_answer() {
    let (_stage, admin, ids) = cast().await;
    let query = "query($id: UUID!, $yes: Boolean!, $no: Boolean = false) { account(id: $id) { id @skip(if: $yes) name @include(if: $yes)
        ...F @include(if: $no) ... @skip(if: $no) { kind } contacts @skip(if: $yes) { totalCount } ...G } gone: accounts @include(if: $no) { totalCount } }
        fragment F on Account { industry } fragment G on Account { status @include(if: $no) version @skip(if: $no) }";
    let found = data(admin.graphql(query, json!({"id": ids[0], "yes": true})).await);
    assert_eq!(found, json!({"account": {"name": "Acme", "kind": "ORGANIZATION", "version": 1}}));
    // Absent is not null: absent stays, null clears.
    let query = "mutation($id: UUID!, $i: String, $l: String) { it: accountUpdate(id: $id, input: {industry: $i, legalName: $l}) { industry legalName version } }";
    let found = data(admin.graphql(query, json!({"id": ids[0], "l": "Ltd"})).await);
    assert_eq!(found["it"], json!({"industry": "Steel", "legalName": "Ltd", "version": 2}));
    let found = data(admin.graphql(query, json!({"id": ids[0], "i": null})).await);
    assert_eq!(found["it"], json!({"industry": null, "legalName": "Ltd", "version": 3}));
    // A filter with an absent variable lacks that condition; a default stands in for an absent one.
    let query = "query($n: String, $s: [AccountSort!] = [NAME_DESC], $first: Int = 2) { accounts(filter: {name: {eq: $n}}, sort: $s, first: $first) { nodes { name } } }";
    let names = async |variables: Value| {
        let found = data(admin.graphql(query, variables).await);
        found["accounts"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(json!({})).await, ["Cat", "Bolt"]);
    assert_eq!(names(json!({"n": "Bolt"})).await, ["Bolt"]);
    assert_eq!(names(json!({"s": ["NAME_ASC"], "first": 1})).await, ["Acme"]);
    for (variables, reason) in [
        (json!({}), "required"),
        (json!({"id": ids[0], "yes": "x"}), "type"),
        (json!({"id": null, "yes": true}), "null"),
    ] {
        let query = "query($id: UUID!, $yes: Boolean!) { account(id: $id) { id @skip(if: $yes) name } }";
        assert_eq!(code(&admin, query, variables).await, "VALIDATION_FAILED", "{reason}");
    }
}

/// A document is validated by the library once; from then on a plain one runs without it.
#[actix_web::test]
async fn a_document_is_answered_alike_the_first_time_and_later() {
    let (_stage, admin, ids) = cast().await;
    let one = "query($id: UUID!) { account(id: $id) { ...F contacts(first: 1, sort: [FAMILY_NAME_ASC]) { edges { cursor node { familyName } } pageInfo { hasNextPage } } }
        none: account(id: \"01890000-0000-7000-8000-000000000000\") { name } } fragment F on Account { id n: name __typename }";
    let list =
        "query Q($filter: AccountFilter, $sort: [AccountSort!] = [NAME_DESC], $first: Int, $archived: Archived) {
        accounts(filter: $filter, sort: $sort, first: $first, archived: $archived) { nodes { name } totalCount } }";
    let write = "mutation($input: AccountInput!, $dry: Boolean, $old: Int) { a: accountCreate(input: $input, dryRun: $dry) { name version }
        b: accountUpdate(id: \"01890000-0000-7000-8000-000000000000\", input: {name: \"B\"}, expectedVersion: $old) { name } }";
    let batch = "mutation($items: [BatchItem!]!) { accountBatch(items: $items, dryRun: true) { index status } }";
    let cases = [
        (one, json!({"id": ids[0]}), None),
        (one, json!({"id": "nonsense"}), None),
        (one, json!({}), Some("/variables/id")),
        (one, json!({"id": null}), Some("/variables/id")),
        (list, json!({}), None),
        (list, json!({"filter": {"or": [{"name": {"in": ["Acme", "Cat"]}}]}, "first": 1, "sort": "NAME_ASC"}), None),
        (list, json!({"filter": null, "archived": "ANY", "unused": 1}), None),
        (list, json!({"first": 501}), Some("/first")),
        (list, json!({"first": "1"}), Some("/variables/first")),
        (list, json!({"first": 1.5}), Some("/variables/first")),
        (list, json!({"archived": "MAYBE"}), Some("/variables/archived")),
        (list, json!({"archived": true}), Some("/variables/archived")),
        (list, json!({"sort": ["NAME_ASC", "SIDEWAYS"]}), Some("/variables/sort/1")),
        (list, json!({"filter": {"and": {"name": {"like": "x"}}}}), Some("/variables/filter/and/name/like")),
        (
            list,
            json!({"filter": {"contacts": {"some": {"nonsense": 1}}}}),
            Some("/variables/filter/contacts/some/nonsense"),
        ),
        (list, json!({"filter": {"status": {"eq": "NOBODY"}}}), Some("/variables/filter/status/eq")),
        (list, json!({"filter": {"createdAt": {"gt": "2026-02-30T00:00:00Z"}}}), Some("/filter/createdAt/gt")),
        (write, json!({"input": {"name": "New"}, "dry": true}), None),
        (write, json!({"input": {"name": "New"}, "dry": "true"}), Some("/variables/dry")),
        (write, json!({"input": {"name": "New", "kind": "CLUB"}, "dry": true}), Some("/variables/input/kind")),
        (write, json!({"input": {"industry": "x"}, "dry": true}), Some("/variables/input/name")),
        (write, json!({"input": {"name": ""}, "dry": true}), Some("/name")),
        (write, json!({"input": {"name": "x"}, "dry": true, "old": 3_000_000_000_u32}), Some("/variables/old")),
        (
            batch,
            json!({"items": [{"op": "create", "data": {"name": "x"}}, {"op": "create", "data": {"kind": 1}}]}),
            None,
        ),
        (batch, json!({"items": [{"op": "explode"}]}), Some("/variables/items/0/op")),
        (batch, json!({"items": [{"data": {}}]}), Some("/variables/items/0/op")),
    ];
    let ask = async |query: &str, variables: &Value| {
        let mut body = admin.graphql(query, variables.clone()).await.expect(200).body;
        let errors = body["errors"].as_array_mut().into_iter().flatten();
        errors.for_each(|error| drop(error["extensions"].as_object_mut().unwrap().remove("requestId")));
        body
    };
    let mut answers = Vec::new();
    for (at, (query, variables, pointer)) in cases.iter().enumerate() {
        // A document nobody sent before goes through the library.
        let first = ask(&format!("{query} # {at}"), variables).await;
        let place = first.pointer("/errors/0/extensions/errors/0/pointer").and_then(Value::as_str);
        assert_eq!(place, *pointer, "{query} {variables}: {first}");
        answers.push(first);
    }
    for (at, (query, variables, _)) in cases.iter().enumerate() {
        for (last, (_, valid, _)) in cases.iter().enumerate().filter(|(_, (other, ..))| other == query) {
            assert_eq!(ask(query, valid).await, answers[last], "{query} {valid}");
        }
        assert_eq!(ask(query, variables).await, answers[at], "{query} {variables}");
    }
}

#[actix_web::test]
async fn every_type_says_its_name_and_the_schema_describes_itself() {
    let (_stage, admin, _) = cast().await;
    admin
        .post("/v1/accounts", json!({"name": "Rich", "annualRevenue": {"amount": "1", "currency": "EUR"}}))
        .await
        .expect(201);
    let found = ask(&admin, r#"{ __typename accounts(filter: {name: {eq: "Rich"}}) { __typename pageInfo { __typename } edges { __typename node { __typename
        annualRevenue { __typename amount worth: amount } contacts { __typename } owner { __typename } } } } viewer { __typename kind currency grants } }"#).await;
    assert_eq!(found["__typename"], "Query");
    let money = json!({"__typename": "Money", "amount": "1.00", "worth": "1.00"});
    let node = json!({"__typename": "Account", "annualRevenue": money, "contacts": {"__typename": "ContactConnection"}, "owner": null});
    let edges = json!([{"__typename": "AccountEdge", "node": node}]);
    assert_eq!(
        found["accounts"],
        json!({"__typename": "AccountConnection", "pageInfo": {"__typename": "PageInfo"}, "edges": edges})
    );
    assert_eq!((&found["viewer"]["kind"], &found["viewer"]["currency"]), (&json!("USER"), &json!("EUR")));
    assert!(!found["viewer"]["grants"].as_array().unwrap().is_empty());
    let found = ask(&admin, r#"mutation { __typename accountCreate(input: {name: "x"}) { __typename } accountBatch(items: []) { __typename } }"#).await;
    assert_eq!(
        found,
        json!({"__typename": "Mutation", "accountCreate": {"__typename": "Account"}, "accountBatch": []})
    );
    let found = ask(&admin, r#"{ __schema { queryType { name } types { name fields { name type { name ofType { name ofType { name ofType { name } } } } } } }
        __type(name: "AccountSort") { kind enumValues { name } } }"#).await;
    assert!(found["__schema"]["types"].as_array().unwrap().len() > 50);
    assert!(found["__type"]["enumValues"].as_array().unwrap().contains(&json!({"name": "ANNUAL_REVENUE_DESC"})));
}

#[actix_web::test]
async fn an_error_stands_beside_the_data_of_the_other_fields() {
    let (_stage, admin, ids) = cast().await;
    let nobody = "00000000-0000-0000-0000-000000000000";
    let query = format!(
        "query Q {{ good: account(id: \"{}\") {{ name }}\n  bad: account(id: \"{nobody}\") {{ name }} list: accounts {{ totalCount }} }}",
        ids[0]
    );
    let answer = admin.graphql(&query, json!({})).await.expect(200);
    assert_eq!(answer.at("/data"), &json!({"good": {"name": "Acme"}, "bad": null, "list": {"totalCount": 3}}));
    let error = answer.at("/errors/0");
    assert_eq!((&error["path"], &error["extensions"]["code"]), (&json!(["bad"]), &json!("NOT_FOUND")));
    assert_eq!(error["locations"], json!([{"line": 2, "column": 3}]));
    assert_eq!(error["extensions"]["requestId"].as_str(), answer.header("x-request-id"));
    assert_eq!(answer.at("/errors/1"), &Value::Null);
    let alone = admin.graphql(&format!("{{ bad: account(id: \"{nobody}\") {{ name }} }}"), json!({})).await.expect(200);
    assert_eq!(alone.at("/data"), &json!({"bad": null}));
    let spread = format!(
        "query {{ ...F ok: viewer {{ kind }} }} fragment F on Query {{ bad: account(id: \"{nobody}\") {{ name }} }}"
    );
    let spread = admin.graphql(&spread, json!({})).await.expect(200);
    assert_eq!((spread.at("/data/ok/kind"), spread.at("/errors/0/path")), (&json!("USER"), &json!(["bad"])));
    // Mutations run one after the other; one that fails does not stop the next, which sees what was kept.
    let query = r#"mutation { a: accountCreate(input: {name: "New", registrationNumber: "7"}) { version }
        b: accountCreate(input: {name: "", website: "ftp"}) { id } c: accountUpsert(system: "erp", externalId: "1", input: {name: "Up"}) { version }
        d: accountUpsert(system: "erp", externalId: "1", input: {name: "Up 2"}) { version name } e: accountCreate(input: {name: "x", registrationNumber: "7"}) { id } }"#;
    let answer = admin.graphql(query, json!({})).await.expect(200);
    let expected =
        json!({"a": {"version": 1}, "b": null, "c": {"version": 1}, "d": {"version": 2, "name": "Up 2"}, "e": null});
    assert_eq!(answer.at("/data"), &expected);
    assert_eq!(answer.at("/errors/0/extensions/errors/0/pointer"), "/name");
    assert_eq!(
        (answer.at("/errors/1/extensions/code"), answer.at("/errors/1/path")),
        (&json!("DUPLICATE"), &json!(["e"]))
    );
}

#[actix_web::test]
async fn each_limit_holds_at_the_limit_and_not_above() {
    let (_stage, admin, _) = cast().await;
    let aliases = |n: usize| format!("{{ viewer {{ {} }} }}", (0..n).map(|n| format!("a{n}: id ")).collect::<String>());
    let roots = |n: usize| format!("{{ {} }}", (0..n).map(|n| format!("a{n}: viewer {{ id }} ")).collect::<String>());
    let spread = |n: usize| {
        format!(
            "{{ ...F }} fragment F on Query {{ {} }}",
            (0..n).map(|n| format!("a{n}: viewer {{ id }} ")).collect::<String>()
        )
    };
    let operations = |n: usize| (0..n).map(|n| format!("query q{n} {{ viewer {{ id }} }} ")).collect::<String>();
    let directives = |n: usize| format!("{{ viewer {{ id {} }} }}", "@include(if: true) ".repeat(n));
    let deep = |n: usize| {
        format!("{{ contacts(first: 1) {{ nodes {{ {} id {} }} }}", "reportsTo { ".repeat(n - 3), "} ".repeat(n - 2))
    };
    let padded = |n: usize| format!("{:<n$}", "{ viewer { id } }");
    let tokens = |n: usize| format!("{{ viewer {{ {} }} }}", "id ".repeat(n - 5));
    let hidden = |n: usize| {
        format!(
            "{{ viewer {{ {} }} t: tags(filter: {{name: {{eq: \"\\\\\"}}}}) {{ totalCount }} {} }}",
            "id ".repeat(n / 2),
            "viewer { id }".repeat(n / 8)
        )
    };
    let cost =
        |n: usize| format!("{{ accounts(first: 100) {{ nodes {{ contacts(first: {n}) {{ nodes {{ id }} }} }} }} }}");
    for (good, bad, expected) in [
        (aliases(30), aliases(31), "VALIDATION_FAILED"),
        (roots(20), roots(21), "VALIDATION_FAILED"),
        (spread(20), spread(21), "VALIDATION_FAILED"),
        (operations(5), operations(6), "VALIDATION_FAILED"),
        (directives(1), directives(6), "VALIDATION_FAILED"),
        (deep(15), deep(16), "VALIDATION_FAILED"),
        (padded(32 * 1024), padded(32 * 1024 + 1), "PAYLOAD_TOO_LARGE"),
        (tokens(4_000), tokens(4_001), "VALIDATION_FAILED"),
        (tokens(4_000), hidden(5_000), "VALIDATION_FAILED"),
        (cost(99), cost(100), "VALIDATION_FAILED"),
    ] {
        let body = json!({"query": good, "operationName": good.starts_with("query q0").then_some("q0")});
        data(admin.post("/graphql", body).await);
        assert_eq!(code(&admin, &bad, json!({})).await, expected, "{:.200}", bad);
    }
    let answer = admin.graphql(&cost(99), json!({})).await.expect(200);
    assert_eq!(answer.at("/extensions/cost"), 10_000);
    let two = format!(
        "{{ a: accounts(first: 500) {{ nodes {{ contacts(first: 10) {{ nodes {{ id }} }} }} }} {}",
        cost(99).trim_start_matches('{')
    );
    assert_eq!(code(&admin, &two, json!({})).await, "VALIDATION_FAILED");
    // Fragments that double each other are refused before anybody unfolds them; so are circles.
    let began = std::time::Instant::now();
    let doubling: String = (0..28).map(|n| format!("fragment F{n} on Query {{ ...F{0} ...F{0} }} ", n + 1)).collect();
    let inside: String = (0..28).map(|n| format!("fragment F{n} on Account {{ ...F{0} ...F{0} }} ", n + 1)).collect();
    for query in [
        format!("{{ ...F0 }} {doubling} fragment F28 on Query {{ viewer {{ id }} }}"),
        format!("{{ accounts {{ nodes {{ ...F0 }} }} }} {inside} fragment F28 on Account {{ id }}"),
        format!("{{ ...F0 }} {doubling} fragment F28 on Query {{ ...Missing }}"),
        "{ ...A } fragment A on Query { ...A ...A ...A }".into(),
        "{ accounts { nodes { ...A } } } fragment A on Account { id ...B ...B } fragment B on Account { ...A ...A }"
            .into(),
        "{ ...A } fragment A on Query { viewer { id } ...Missing }".into(),
    ] {
        assert_eq!(code(&admin, &query, json!({})).await, "VALIDATION_FAILED", "{query:.80}");
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[actix_web::test]
async fn only_one_operation_in_a_post_of_json_is_taken() {
    let (_stage, admin, _) = cast().await;
    let one = json!({"query": "{ viewer { kind } }"});
    assert_eq!(admin.post("/graphql", json!([one, one])).await.expect(422).code(), "VALIDATION_FAILED");
    assert_eq!(admin.get("/graphql?query=%7Bviewer%7Bkind%7D%7D").await.expect(405).header("allow"), Some("POST"));
    let form = admin.with("content-type", "application/x-www-form-urlencoded");
    form.send("POST", "/graphql", Some(b"query={viewer{kind}}".to_vec())).await.expect(415);
    admin.with("content-type", "text/plain").send("POST", "/graphql", Some(one.to_string().into())).await.expect(415);
    for body in [
        json!({}),
        json!({"query": 7}),
        json!({"query": "{ viewer { kind } }", "variables": []}),
        json!({"query": "{ viewer { kind } }", "extra": 1}),
    ] {
        admin.post("/graphql", body).await.expect(422);
    }
    for query in
        ["", "{", "{ nothing }", "query { accounts }", "subscription { x }", "{ accounts { nodes { tenantId } } }"]
    {
        assert_eq!(code(&admin, query, json!({})).await, "VALIDATION_FAILED", "{query}");
    }
    let two = json!({"query": "query a { viewer { kind } } query b { viewer { id } }", "operationName": "a"});
    assert_eq!(data(admin.post("/graphql", two).await), json!({"viewer": {"kind": "USER"}}));
    assert_eq!(
        code(&admin, "query a { viewer { kind } } query b { viewer { id } }", json!({})).await,
        "VALIDATION_FAILED"
    );
}

#[actix_web::test]
async fn fifty_parents_take_as_many_statements_as_one() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let query = "query($first: Int) { accounts(first: $first) { totalCount nodes { name owner { name } parent { name }
        contacts(first: 5) { totalCount nodes { name account { name } contactPoints(first: 3) { nodes { value } } notes(first: 2) { nodes { body } } } } } } }";
    let statements = async |first: u64| {
        data(admin.graphql(query, json!({"first": first})).await);
        let before = stage.statements();
        let found = data(admin.graphql(query, json!({"first": first})).await);
        (found["accounts"]["nodes"].as_array().unwrap().len(), stage.statements() - before)
    };
    let (rows, none) = statements(50).await;
    assert_eq!(rows, 0);
    let items: Vec<_> = (0..50).map(|n| json!({"op": "create", "data": {"name": format!("{n}")}})).collect();
    let made = admin.post("/v1/accounts/batch", json!({"atomic": true, "items": items})).await.expect(200);
    let contact =
        |result: &Value| json!({"op": "create", "data": {"familyName": "x", "accountId": result["data"]["id"]}});
    let items: Vec<_> =
        made.at("/results").as_array().unwrap().iter().flat_map(|result| [contact(result), contact(result)]).collect();
    admin.post("/v1/contacts/batch", json!({"atomic": true, "items": items})).await.expect(200);
    let (one, fifty) = (statements(1).await, statements(50).await);
    assert_eq!((one.0, fifty.0), (1, 50));
    assert_eq!(one.1, fifty.1);
    assert_eq!(none, fifty.1);
    assert!(fifty.1 <= 10, "{}", fifty.1);
    let before = stage.statements();
    admin.get("/v1/accounts?expand=owner,contacts.contactPoints&limit=50").await.expect(200);
    assert_eq!(stage.statements() - before, 4);
}
