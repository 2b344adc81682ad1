//! Lists: every filter through the query string, the body and GraphQL, which must agree.

mod kept;
mod pages;

use kith_testkit::{Answer, Client, Stage};
use serde_json::{Map, Value, json};

/// `filter[a][b]=c` for a filter tree.
fn brackets(filter: &Value) -> String {
    fn walk(value: &Value, path: String, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, value)| walk(value, format!("{path}[{name}]"), out))
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| walk(value, format!("{path}[{at}]"), out))
            }
            Value::String(text) => out.push(format!("{path}={}", encode(text))),
            other => out.push(format!("{path}={other}")),
        }
    }
    let mut out = Vec::new();
    walk(filter, "filter".into(), &mut out);
    out.join("&")
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// `contact-points` → `contactPoints`, `ContactPoint`.
fn names(resource: &str) -> (String, String) {
    let mut plural = String::new();
    for (at, part) in resource.split('-').enumerate() {
        let (head, tail) = part.split_at(1);
        plural += &if at == 0 { part.to_owned() } else { format!("{}{tail}", head.to_uppercase()) };
    }
    let singular = plural.strip_suffix("es").filter(|s| s.ends_with("address")).or(plural.strip_suffix('s')).unwrap();
    let type_name = format!("{}{}", singular[..1].to_uppercase(), &singular[1..]);
    (plural.clone(), type_name)
}

/// `-annualRevenue,name` → `["ANNUAL_REVENUE_DESC", "NAME_ASC"]`.
fn sorts(sort: &str) -> Vec<String> {
    let snake = |name: &str| -> String {
        let parts = name.chars().map(|c| if c.is_uppercase() { format!("_{c}") } else { c.to_uppercase().to_string() });
        parts.collect::<String>().replace('.', "_")
    };
    let key = |key: &str| match key.strip_prefix('-') {
        Some(name) => format!("{}_DESC", snake(name)),
        None => format!("{}_ASC", snake(key)),
    };
    sort.split(',').filter(|key| !key.is_empty()).map(key).collect()
}

/// One page over GraphQL: `page` holds first, after, last, before.
async fn relay(client: &Client, resource: &str, filter: &Value, sort: &str, page: Value) -> Answer {
    let (plural, type_name) = names(resource);
    let query = format!(
        "query($f: {type_name}Filter, $s: [{type_name}Sort!], $first: Int, $after: String, $last: Int, $before: String) {{
           list: {plural}(filter: $f, sort: $s, first: $first, after: $after, last: $last, before: $before) {{
             nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} totalCount }} }}"
    );
    let mut variables = page;
    variables["f"] = filter.clone();
    if !sort.is_empty() {
        variables["s"] = json!(sorts(sort));
    }
    client.graphql(&query, variables).await.expect(200)
}

fn ids(rows: &Value) -> Vec<String> {
    rows.as_array().into_iter().flatten().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The ids that a filter finds, which must be the same through the query string, the body and GraphQL.
async fn same(client: &Client, resource: &str, filter: &Value, sort: &str) -> Vec<String> {
    let mut body = json!({"filter": filter, "limit": 500, "count": "exact"});
    let mut query = format!("/v1/{resource}?limit=500&{}", brackets(filter));
    if !sort.is_empty() {
        body["sort"] = json!(sort);
        query += &format!("&sort={sort}");
    }
    let posted = client.post(&format!("/v1/{resource}/query"), body).await.expect(200);
    let found = ids(posted.at("/data"));
    assert_eq!(posted.at("/page/total"), found.len(), "{filter}");
    if query.len() < 6_000 {
        let got = client.get(&query).await.expect(200);
        assert_eq!(got.at("/data"), posted.at("/data"), "{query}");
    }
    let answer = relay(client, resource, filter, sort, json!({"first": 500})).await;
    assert_eq!(ids(answer.at("/data/list/nodes")), found, "{filter}: {}", answer.body);
    assert_eq!(answer.at("/data/list/totalCount"), found.len());
    found
}

/// A stage with a few records of every kind of field, and their ids by name.
async fn cast() -> (Stage, Client, Map<String, Value>) {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let mut made = Map::new();
    let parts: [(&str, &str, Value); 13] = [
        (
            "acme",
            "accounts",
            json!({"name": "Acme 100%", "industry": "Steel", "sizeBand": "SMALL", "annualRevenue": {"amount": "1000", "currency": "EUR"}}),
        ),
        (
            "bolt",
            "accounts",
            json!({"name": "bolt_x", "industry": "steel & iron", "status": "INACTIVE", "annualRevenue": {"amount": "1000.0001", "currency": "EUR"}}),
        ),
        (
            "cny",
            "accounts",
            json!({"name": "王府\\井", "kind": "PERSON", "annualRevenue": {"amount": "1000", "currency": "CNY"}}),
        ),
        ("dull", "accounts", json!({"name": "Dull", "importanceClass": "VIP"})),
        (
            "maria",
            "contacts",
            json!({"familyName": "Anders", "accountId": "acme", "birthday": "1980-02-29", "buyingRole": "USER"}),
        ),
        (
            "hans",
            "contacts",
            json!({"familyName": "Berg", "accountId": "acme", "birthday": "1990-01-01", "department": "Sales"}),
        ),
        ("li", "contacts", json!({"familyName": "Li", "accountId": "cny", "buyingRole": "CHAMPION"})),
        ("free", "contacts", json!({"familyName": "Free"})),
        ("home", "addresses", json!({"contactId": "maria", "city": "Berlin", "country": "DE", "isPrimary": true})),
        ("work", "addresses", json!({"accountId": "acme", "city": "Bern", "country": "CH"})),
        ("post", "addresses", json!({"accountId": "bolt", "city": "Bonn"})),
        (
            "mail",
            "contact-points",
            json!({"contactId": "maria", "channel": "EMAIL", "value": "A@B.example", "verifiedAt": "2026-01-31T12:00:00.000001Z"}),
        ),
        ("call", "contact-points", json!({"contactId": "hans", "channel": "PHONE", "value": "+49 30 0074321"})),
    ];
    for (name, resource, mut body) in parts {
        for reference in ["accountId", "contactId"] {
            if let Some(id) = body.get(reference).and_then(Value::as_str).and_then(|name| made.get(name)) {
                body[reference] = id.clone();
            }
        }
        let record = admin.post(&format!("/v1/{resource}"), body).await.expect(201);
        made.insert(name.into(), json!(record.id()));
    }
    (stage, admin, made)
}

#[actix_web::test]
async fn every_operator_of_every_kind_finds_the_same_rows_through_every_door() {
    let (_stage, admin, made) = cast().await;
    let id = |name: &str| made[name].clone();
    let cases: Vec<(&str, Value, &str)> = vec![
        // Text.
        ("accounts", json!({"name": {"eq": "Dull"}}), "dull"),
        ("accounts", json!({"industry": {"ne": "Steel"}}), "bolt cny dull"),
        ("accounts", json!({"industry": {"in": ["Steel", "steel & iron"]}}), "acme bolt"),
        ("accounts", json!({"industry": {"in": []}}), ""),
        ("accounts", json!({"industry": {"notIn": ["Steel"]}}), "bolt cny dull"),
        ("accounts", json!({"industry": {"contains": "STEEL"}}), "acme bolt"),
        ("accounts", json!({"industry": {"startsWith": "steel &"}}), "bolt"),
        ("accounts", json!({"name": {"contains": "0%"}}), "acme"),
        ("accounts", json!({"name": {"contains": "%"}}), "acme"),
        ("accounts", json!({"name": {"contains": "_"}}), "bolt"),
        ("accounts", json!({"name": {"contains": "\\"}}), "cny"),
        ("accounts", json!({"name": {"startsWith": "王"}}), "cny"),
        ("accounts", json!({"industry": {"isNull": true}}), "cny dull"),
        ("accounts", json!({"industry": {"isNull": false}, "status": {"eq": "ACTIVE"}}), "acme"),
        // Enumerations.
        ("accounts", json!({"kind": {"eq": "PERSON"}}), "cny"),
        ("accounts", json!({"sizeBand": {"ne": "SMALL"}}), "bolt cny dull"),
        ("accounts", json!({"importanceClass": {"in": ["VIP", "KEY"]}}), "dull"),
        ("contacts", json!({"buyingRole": {"notIn": ["USER"]}}), "hans li free"),
        ("contacts", json!({"buyingRole": {"isNull": true}}), "hans free"),
        // Money, in the tenant's currency unless one is named.
        ("accounts", json!({"annualRevenue": {"eq": "1000"}}), "acme"),
        ("accounts", json!({"annualRevenue": {"gt": "1000.0000"}}), "bolt"),
        ("accounts", json!({"annualRevenue": {"gte": "1000", "lt": "1000.0001"}}), "acme"),
        ("accounts", json!({"annualRevenue": {"lte": "1000", "currency": "CNY"}}), "cny"),
        ("accounts", json!({"annualRevenue": {"currency": "EUR"}}), "acme bolt"),
        ("accounts", json!({"annualRevenue": {"isNull": true}}), "dull"),
        ("accounts", json!({"annualRevenue": {"isNull": false}}), "acme bolt cny"),
        // Dates, times, ids, truth values, integers.
        ("contacts", json!({"birthday": {"eq": "1980-02-29"}}), "maria"),
        ("contacts", json!({"birthday": {"ne": "1980-02-29"}}), "hans li free"),
        ("contacts", json!({"birthday": {"gte": "1980-03-01"}}), "hans"),
        ("contacts", json!({"birthday": {"in": ["1980-02-29", "1990-01-01"]}}), "maria hans"),
        ("contacts", json!({"birthday": {"notIn": ["1980-02-29"]}}), "hans li free"),
        ("contact-points", json!({"verifiedAt": {"eq": "2026-01-31T13:00:00.000001+01:00"}}), "mail"),
        ("contact-points", json!({"verifiedAt": {"lt": "2026-01-31T12:00:00.000002Z"}}), "mail"),
        ("contact-points", json!({"verifiedAt": {"gt": "2026-01-31T12:00:00.000001Z"}}), ""),
        ("contact-points", json!({"normalizedValue": {"eq": "+49300074321"}}), "call"),
        ("contacts", json!({"accountId": {"eq": id("acme")}}), "maria hans"),
        ("contacts", json!({"accountId": {"ne": id("acme")}}), "li free"),
        ("contacts", json!({"id": {"in": [id("li"), id("free"), id("acme")]}}), "li free"),
        ("contacts", json!({"accountId": {"notIn": [id("cny")]}}), "maria hans free"),
        ("addresses", json!({"isPrimary": {"eq": true}}), "home"),
        ("addresses", json!({"isPrimary": {"ne": true}}), "work post"),
        ("addresses", json!({"version": {"lte": 1}, "country": {"isNull": true}}), "post"),
        ("addresses", json!({"version": {"in": [2, 3]}}), ""),
        // Groups.
        ("contacts", json!({"or": [{"familyName": {"eq": "Li"}}, {"department": {"eq": "Sales"}}]}), "hans li"),
        ("contacts", json!({"or": []}), ""),
        (
            "contacts",
            json!({"and": [{"accountId": {"isNull": false}}, {"not": {"department": {"eq": "Sales"}}}]}),
            "maria li",
        ),
        (
            "contacts",
            json!({"not": {"or": [{"familyName": {"eq": "Li"}}, {"birthday": {"gt": "1900-01-01"}}]}}),
            "free",
        ),
        // Relations.
        ("contacts", json!({"account": {"name": {"eq": "Acme 100%"}}}), "maria hans"),
        ("contacts", json!({"account": {}}), "maria hans li"),
        ("contacts", json!({"not": {"account": {"kind": {"eq": "PERSON"}}}}), "maria hans free"),
        ("accounts", json!({"contacts": {"some": {"buyingRole": {"isNull": false}}}}), "acme cny"),
        ("accounts", json!({"contacts": {"none": {"buyingRole": {"eq": "USER"}}}}), "bolt cny dull"),
        ("accounts", json!({"contacts": {"every": {"buyingRole": {"eq": "CHAMPION"}}}}), "bolt cny dull"),
        ("accounts", json!({"contacts": {"some": {}, "every": {"birthday": {"isNull": false}}}}), "acme"),
        ("accounts", json!({"contacts": {"some": {"addresses": {"some": {"city": {"eq": "Berlin"}}}}}}), "acme"),
        ("addresses", json!({"contact": {"account": {"contacts": {"some": {"familyName": {"eq": "Berg"}}}}}}), "home"),
    ];
    for (resource, filter, expected) in &cases {
        let mut expected: Vec<String> =
            expected.split_whitespace().map(|n| made[n].as_str().unwrap().to_owned()).collect();
        if brackets(filter).is_empty() || filter.to_string().contains("{}") || filter.to_string().contains("[]") {
            // An empty object or list cannot be said in a query string.
            let path = format!("/v1/{resource}/query");
            let answer = admin.post(&path, json!({"filter": filter, "sort": "createdAt"})).await.expect(200);
            assert_eq!(ids(answer.at("/data")), expected, "{resource} {filter}");
            continue;
        }
        let found = same(&admin, resource, filter, "createdAt").await;
        assert_eq!(found, expected, "{resource} {filter}");
        // A filter and its complement add up to all rows.
        expected.extend(same(&admin, resource, &json!({"not": filter}), "createdAt").await);
        expected.sort();
        let mut all = same(&admin, resource, &json!({"version": {"gte": 1}}), "createdAt").await;
        all.sort();
        assert_eq!(expected, all, "not {filter}");
    }
    for (query, body) in [
        ("filter[name]=Dull", json!({"name": "Dull"})),
        ("filter[name][in]=Dull,bolt_x", json!({"name": {"in": ["Dull", "bolt_x"]}})),
        ("filter[annualRevenue]=1000", json!({"annualRevenue": "1000"})),
        (
            "filter[contacts][some][account][kind]=PERSON",
            json!({"contacts": {"some": {"account": {"kind": "PERSON"}}}}),
        ),
    ] {
        let got = admin.get(&format!("/v1/accounts?{query}")).await.expect(200);
        let posted = admin.post("/v1/accounts/query", json!({"filter": body})).await.expect(200);
        assert_eq!(got.at("/data"), posted.at("/data"), "{query}");
        assert_ne!(got.at("/data"), &json!([]), "{query}");
    }
}

#[actix_web::test]
async fn what_a_filter_cannot_say_is_refused_with_what_it_could() {
    let (_stage, admin, made) = cast().await;
    let deep = |levels: usize| (1..levels).fold(json!({"name": {"eq": "x"}}), |inner, _| json!({"not": inner}));
    let wide = |nodes: usize| json!({"or": vec![json!({"name": {"eq": "x"}}); nodes - 1]});
    let long = |length: usize| json!({"name": {"in": vec!["x"; length]}});
    for (good, bad, code) in [
        (deep(8), deep(9), "FILTER_TOO_DEEP"),
        (wide(100), wide(101), "FILTER_TOO_LARGE"),
        (long(500), long(501), "WRONG_TYPE"),
        (json!({"name": {"contains": "x".repeat(200)}}), json!({"name": {"contains": "x".repeat(201)}}), "WRONG_TYPE"),
    ] {
        admin.post("/v1/accounts/query", json!({"filter": good})).await.expect(200);
        let answer = relay(&admin, "accounts", &good, "", json!({})).await;
        assert_eq!(answer.at("/errors"), &Value::Null, "{}", answer.body);
        let answer = admin.post("/v1/accounts/query", json!({"filter": bad})).await.expect(422);
        assert_eq!((answer.code(), answer.at("/errors/0/code").as_str()), ("VALIDATION_FAILED", Some(code)));
        let answer = relay(&admin, "accounts", &bad, "", json!({})).await;
        assert_eq!(answer.at("/errors/0/extensions/errors/0/code"), code, "{}", answer.body);
    }
    for (filter, pointer, code, allowed) in [
        (json!({"nam": "x"}), "/nam", "UNKNOWN_FIELD", "registrationNumber"),
        (json!({"tenantId": {"eq": made["acme"]}}), "/tenantId", "UNKNOWN_FIELD", "contacts"),
        (json!({"website": {"eq": "x"}}), "/website", "UNKNOWN_FIELD", "and, or, not"),
        (json!({"custom": {"x": "y"}}), "/custom", "UNKNOWN_FIELD", "custom"),
        (
            json!({"name": {"like": "x"}}),
            "/name/like",
            "UNKNOWN_OPERATOR",
            "eq, ne, in, notIn, contains, startsWith, isNull",
        ),
        (json!({"kind": {"contains": "P"}}), "/kind/contains", "UNKNOWN_OPERATOR", "eq, ne, in, notIn, isNull"),
        (json!({"annualRevenue": {"in": "1"}}), "/annualRevenue/in", "UNKNOWN_OPERATOR", "currency"),
        (json!({"kind": {"eq": "ROBOT"}}), "/kind/eq", "WRONG_TYPE", "ORGANIZATION, PERSON, HOUSEHOLD"),
        (json!({"annualRevenue": {"gt": "1e3"}}), "/annualRevenue/gt", "WRONG_TYPE", "decimal"),
        (json!({"annualRevenue": {"gt": "1", "currency": "XXX"}}), "/annualRevenue/currency", "WRONG_TYPE", "currency"),
        (json!({"createdAt": {"gt": "2026-01-01"}}), "/createdAt/gt", "WRONG_TYPE", "2026-01-31T12:00:00Z"),
        (json!({"ownerId": {"eq": "7"}}), "/ownerId/eq", "WRONG_TYPE", "UUID"),
        (json!({"version": {"eq": "x"}}), "/version/eq", "WRONG_TYPE", "integer"),
        (json!({"name": {"isNull": "maybe"}}), "/name/isNull", "WRONG_TYPE", "true or false"),
        (
            json!({"contacts": {"familyName": {"eq": "x"}}}),
            "/contacts/familyName",
            "UNKNOWN_OPERATOR",
            "some, none or every",
        ),
        (json!({"contacts": {"some": {"salary": {"eq": "x"}}}}), "/contacts/some/salary", "UNKNOWN_FIELD", "birthday"),
        (json!({"or": [{"name": "x"}, {"b/c~d": "x"}]}), "/or/1/b~1c~0d", "UNKNOWN_FIELD", "name"),
        (json!({"and": {"name": "x"}}), "/and", "WRONG_TYPE", "list"),
    ] {
        let posted = admin.post("/v1/accounts/query", json!({"filter": filter})).await.expect(422);
        assert_eq!(
            (posted.code(), posted.pointers()),
            ("VALIDATION_FAILED", vec![format!("/filter{pointer}").as_str()])
        );
        assert_eq!(posted.at("/errors/0/code"), code, "{filter}");
        assert!(posted.at("/errors/0/detail").as_str().unwrap().contains(allowed), "{}", posted.body);
        let got = admin.get(&format!("/v1/accounts?{}", brackets(&filter))).await.expect(422);
        assert_eq!(got.pointers(), [format!("/query/filter{pointer}")], "{filter}");
        let answer = relay(&admin, "accounts", &filter, "", json!({})).await;
        assert_eq!(answer.at("/data/list"), &Value::Null, "{filter}");
        assert_eq!(answer.at("/errors/0/extensions/code"), "VALIDATION_FAILED", "{filter}");
    }
    for body in [
        json!({"name": {"eq": null}}),
        json!({"name": null}),
        json!({"name": {"contains": 5}}),
        json!({"or": ["x"]}),
        json!({"name": {"contains": "a\u{0}b"}}),
        json!({"name": {"startsWith": "\u{0}"}}),
        json!({"name": "\u{0}"}),
    ] {
        let answer = admin.post("/v1/accounts/query", json!({"filter": body})).await.expect(422);
        assert_eq!(answer.at("/errors/0/code"), "WRONG_TYPE", "{body}");
    }
    let several = json!({"filter": {"nam": "x"}, "sort": "foo,name,name", "limit": 501, "expand": "bar"});
    let answer = admin
        .post("/v1/accounts/query", json!({"filter": several["filter"], "sort": several["sort"], "limit": 501}))
        .await;
    assert_eq!(answer.expect(422).pointers(), ["/filter/nam", "/sort", "/sort", "/limit"]);
    let answer = admin.post("/v1/accounts/query", several).await.expect(422);
    assert_eq!(answer.pointers(), ["/expand"]);
    let answer = admin.post("/v1/accounts/query", json!({"limit": "5", "sort": 7, "filters": {}})).await.expect(422);
    assert_eq!(answer.pointers().len(), 3);
    // Texts are compared in their composed form, however they are sent.
    admin.post("/v1/accounts", json!({"name": "Cafe\u{301} Noir"})).await.expect(201);
    for filter in [
        json!({"contains": "fe\u{301} n"}),
        json!({"contains": "F\u{e9} N"}),
        json!({"startsWith": "cafe\u{301}"}),
        json!({"eq": "Cafe\u{301} Noir"}),
    ] {
        assert_eq!(same(&admin, "accounts", &json!({"name": filter}), "").await.len(), 1, "{filter}");
    }
}
