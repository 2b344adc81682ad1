//! Orders and pages, against a model in Rust on random data.

use super::{ids, relay, same};
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Numbers that look random and are the same every time.
pub(super) struct Lcg(pub u64);

impl Lcg {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A stage whose clock stands still.
pub(super) fn quiet() -> (Stage, Client) {
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let admin = stage.admin(&stage.tenant());
    (stage, admin)
}

/// Accounts and contacts with many nulls and ties.
pub(super) async fn crowd(stage: &Stage, admin: &Client, random: &mut Lcg) {
    let maybe = |random: &mut Lcg, of: &[&str]| if random.below(3) == 0 { Value::Null } else { json!(random.one(of)) };
    let mut accounts: Vec<Value> = Vec::new();
    for chunk in 0..4 {
        let mut items = Vec::new();
        for _ in 0..17 {
            let amount =
                json!({"amount": random.one(&["0", "7.5", "10", "1000"]), "currency": random.one(&["EUR", "USD"])});
            items.push(json!({"op": "create", "data": {
                "name": random.one(&["ant", "bee", "cat", "dog", "bee cat"]), "industry": maybe(random, &["ant", "bee", "beeline"]),
                "sizeBand": maybe(random, &["SMALL", "LARGE"]), "status": random.one(&["ACTIVE", "INACTIVE"]),
                "annualRevenue": if random.below(2) == 0 { Value::Null } else { amount },
            }}));
        }
        let made = admin.post("/v1/accounts/batch", json!({"atomic": true, "items": items})).await.expect(200);
        accounts.extend(made.at("/results").as_array().unwrap().iter().map(|result| result["data"]["id"].clone()));
        stage.app.clock.advance(chrono::TimeDelta::seconds(chunk % 2));
    }
    let mut items = Vec::new();
    for _ in 0..80 {
        items.push(json!({"op": "create", "data": {
            "accountId": random.one(&accounts), "familyName": random.one(&["ant", "bee"]), "givenName": maybe(random, &["cat", "dog"]),
            "birthday": maybe(random, &["1990-01-01", "1991-02-02"]), "buyingRole": maybe(random, &["USER", "CHAMPION"]),
        }}));
    }
    admin.post("/v1/contacts/batch", json!({"atomic": true, "items": items})).await.expect(200);
    let address = |random: &mut Lcg| {
        json!({"op": "create", "data": {"accountId": random.one(&accounts), "street": "x",
        "city": maybe(random, &["Berlin", "Bern", "Ulm"]), "country": maybe(random, &["CH", "DE"])}})
    };
    let items: Vec<_> = (0..70).map(|_| address(random)).collect();
    admin.post("/v1/addresses/batch", json!({"atomic": true, "items": items})).await.expect(200);
}

/// A field, maybe of a record within, as something to compare: numbers and amounts by their value, all else as text.
fn key(row: &Value, name: &str) -> Option<(i64, String)> {
    let value = name.split('.').fold(row, |value, name| &value[name]);
    let number = value.get("amount").unwrap_or(value).as_str();
    if let Some(number) = number.filter(|text| text.bytes().all(|b| b.is_ascii_digit() || b == b'.')) {
        return Some((ten_thousandths(number), String::new()));
    }
    value.as_str().map(|text| (0, text.to_owned()))
}

fn ten_thousandths(amount: &str) -> i64 {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    whole.parse::<i64>().unwrap() * 10_000 + format!("{fraction:0<4}").parse::<i64>().unwrap()
}

/// The order as it is promised: keys in turn, nulls last, the id in the direction of the last key.
pub(super) fn order(rows: &mut [Value], sort: &str) {
    let mut keys: Vec<&str> = sort.split(',').filter(|key| !key.is_empty()).collect();
    keys.push(if keys.last().is_none_or(|key| key.starts_with('-')) { "-id" } else { "id" });
    rows.sort_by(|a, b| {
        let compare = |text: &&str| {
            let name = text.trim_start_matches('-');
            match (key(a, name), key(b, name)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) if text.starts_with('-') => b.cmp(&a),
                (Some(a), Some(b)) => a.cmp(&b),
            }
        };
        keys.iter().map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
}

/// Reads a list in small pages, forwards and backwards, over REST and GraphQL: each way adds up to `whole`.
pub(super) async fn in_pages(admin: &Client, resource: &str, sort: &str, whole: &[String]) {
    assert_eq!(same(admin, resource, &json!({"version": {"gte": 1}}), sort).await, whole, "{resource} by {sort}");
    let path = format!(
        "/v1/{resource}?fields=id&limit=3{}",
        if sort.is_empty() { String::new() } else { format!("&sort={sort}") }
    );
    let (mut forth, mut back, mut at) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{path}{at}")).await.expect(200);
        forth.extend(ids(page.at("/data")));
        assert_eq!(page.at("/page/previousCursor").is_null(), at.is_empty());
        assert_eq!(page.at("/page/hasMore").as_bool(), Some(page.at("/page/nextCursor").is_string()));
        match page.at("/page/nextCursor").as_str() {
            Some(next) => at = format!("&cursor={next}"),
            None => break,
        }
        assert!(forth.len() <= whole.len(), "{resource} by {sort} does not end");
    }
    assert_eq!(forth, whole, "{resource} by {sort}");
    loop {
        let page = admin.get(&format!("{path}{at}")).await.expect(200);
        back.splice(0..0, ids(page.at("/data")));
        match page.at("/page/previousCursor").as_str() {
            Some(previous) => at = format!("&cursor={previous}"),
            None => break,
        }
        assert!(back.len() <= whole.len() + 3, "{resource} by {sort} does not end");
    }
    assert_eq!(back, whole, "{resource} by {sort}, backwards");
    for (size, cursor, next, start) in
        [("first", "after", "hasNextPage", "endCursor"), ("last", "before", "hasPreviousPage", "startCursor")]
    {
        let (mut seen, mut page) = (Vec::new(), json!({size: 7}));
        loop {
            let answer = relay(admin, resource, &json!({}), sort, page).await;
            let found = ids(answer.at("/data/list/nodes"));
            let place = if size == "first" { seen.len() } else { 0 };
            seen.splice(place..place, found);
            let info = answer.at("/data/list/pageInfo");
            if info[next] != true {
                break;
            }
            page = json!({size: 7, cursor: info[start]});
            assert!(seen.len() <= whole.len(), "{resource} by {sort} does not end: {}", answer.body);
        }
        assert_eq!(seen, whole, "{resource} by {sort}, {size}");
    }
}

#[actix_web::test]
async fn pages_both_ways_add_up_to_the_whole_list_in_every_order() {
    let (stage, admin) = quiet();
    crowd(&stage, &admin, &mut Lcg(1)).await;
    let orders = [
        (
            "accounts",
            [
                "",
                "name",
                "-name,annualRevenue",
                "annualRevenue",
                "-annualRevenue,name",
                "status,-annualRevenue,createdAt",
                "-createdAt,-status",
                "id",
            ]
            .as_slice(),
        ),
        ("addresses", ["city", "-city", "country,city", "-country,-city", "city,-country,createdAt"].as_slice()),
    ];
    for (resource, orders) in orders {
        let all = admin.get(&format!("/v1/{resource}?limit=500")).await.expect(200);
        let mut rows = all.at("/data").as_array().unwrap().clone();
        assert!(rows.len() > 60);
        for sort in orders {
            order(&mut rows, sort);
            in_pages(&admin, resource, sort, &ids(&json!(rows))).await;
        }
    }
}

#[actix_web::test]
async fn a_cursor_is_good_only_unaltered_for_its_own_list() {
    let (stage, admin) = quiet();
    crowd(&stage, &admin, &mut Lcg(2)).await;
    let stranger = stage.admin(&stage.tenant());
    let page = admin.get("/v1/accounts?limit=5&sort=name&filter[status]=ACTIVE").await.expect(200);
    let cursor = page.at("/page/nextCursor").as_str().unwrap().to_owned();
    let own = format!("/v1/accounts?sort=name&filter[status]=ACTIVE&cursor={cursor}");
    admin.get(&format!("{own}&limit=9&fields=id&count=exact")).await.expect(200);
    let flipped = |at: usize| -> String {
        cursor
            .char_indices()
            .map(|(i, c)| {
                if i != at {
                    c
                } else if c == 'A' {
                    'B'
                } else {
                    'A'
                }
            })
            .collect()
    };
    let altered = (0..cursor.len()).step_by(7).map(|at| own.replace(&cursor, &flipped(at)));
    let foreign = [
        format!("/v1/accounts?sort=-name&filter[status]=ACTIVE&cursor={cursor}"),
        format!("/v1/accounts?sort=name,id&filter[status]=ACTIVE&cursor={cursor}"),
        format!("/v1/accounts?sort=name&cursor={cursor}"),
        format!("/v1/accounts?sort=name&filter[status]=INACTIVE&cursor={cursor}"),
        format!("{own}&archived=any"),
        format!("/v1/teams?sort=name&cursor={cursor}"),
        own.replace(&cursor, ""),
        own.replace(&cursor, "x"),
        format!("{own}AAAA"),
    ];
    for path in altered.chain(foreign) {
        assert_eq!(admin.get(&path).await.expect(422).code(), "INVALID_CURSOR", "{path}");
    }
    assert_eq!(stranger.get(&own).await.expect(422).code(), "INVALID_CURSOR");
    let answer =
        relay(&admin, "accounts", &json!({"status": {"eq": "ACTIVE"}}), "-name", json!({"after": cursor})).await;
    assert_eq!(answer.at("/errors/0/extensions/code"), "INVALID_CURSOR");
    let answer = relay(&admin, "accounts", &json!({}), "", json!({"first": 1, "last": 1})).await;
    assert_eq!(answer.at("/errors/0/extensions/code"), "VALIDATION_FAILED");
}

#[actix_web::test]
async fn a_list_has_1_to_500_rows_a_page_and_counts_only_when_asked() {
    let (stage, admin) = quiet();
    crowd(&stage, &admin, &mut Lcg(3)).await;
    for (limit, pointer) in [
        ("0", "/query/limit"),
        ("501", "/query/limit"),
        ("abc", "/query/limit"),
        ("-1", "/query/limit"),
        ("", "/query/limit"),
    ] {
        let answer = admin.get(&format!("/v1/accounts?limit={limit}")).await.expect(422);
        assert_eq!((answer.code(), answer.pointers()), ("VALIDATION_FAILED", vec![pointer]), "{limit}");
    }
    for first in [0, 501, -1] {
        let answer = relay(&admin, "accounts", &json!({}), "", json!({"first": first})).await;
        assert_eq!(answer.at("/errors/0/extensions/errors/0/pointer"), "/first", "{}", answer.body);
    }
    let page = admin.get("/v1/accounts").await.expect(200);
    assert_eq!((page.at("/data").as_array().unwrap().len(), page.at("/page/total")), (50, &Value::Null));
    assert!(page.at("/page").get("total").is_none());
    let page = admin.get("/v1/accounts?limit=500&count=exact").await.expect(200);
    assert_eq!(page.at("/page"), &json!({"nextCursor": null, "previousCursor": null, "hasMore": false, "total": 68}));
    let page = admin.get("/v1/accounts?count=estimated&limit=1").await.expect(200);
    assert!(page.at("/page/total").as_i64().is_some_and(|total| total > 0), "{}", page.body);
    for bad in
        ["count=yes", "archived=yes", "limit=1&limit=2", "page=2", "sort=website", "sort=", "sort=-", "sort=name,-name"]
    {
        assert_eq!(admin.get(&format!("/v1/accounts?{bad}")).await.expect(422).code(), "VALIDATION_FAILED", "{bad}");
    }
    let sorts = "name,status,createdAt,updatedAt,importanceClass";
    admin.get(&format!("/v1/accounts?sort={sorts}")).await.expect(200);
    admin.get(&format!("/v1/accounts?sort={sorts},id")).await.expect(422);
}

#[actix_web::test]
async fn archived_accounts_leave_lists_until_asked_for() {
    let (stage, admin) = quiet();
    crowd(&stage, &admin, &mut Lcg(4)).await;
    let all = ids(admin.get("/v1/accounts?limit=500").await.expect(200).at("/data"));
    let gone = &all[..5];
    for id in gone {
        admin.delete(&format!("/v1/accounts/{id}")).await.expect(204);
    }
    let query = "query($a: Archived) { accounts(archived: $a, first: 500) { totalCount nodes { id } } }";
    for (rest, graphql, expected) in [("false", "NO", &all[5..]), ("true", "YES", gone), ("any", "ANY", &all[..])] {
        let page = admin.get(&format!("/v1/accounts?limit=500&count=exact&archived={rest}")).await.expect(200);
        assert_eq!(ids(page.at("/data")), expected, "{rest}");
        assert_eq!(page.at("/page/total"), expected.len());
        let answer = admin.graphql(query, json!({"a": graphql})).await.expect(200);
        assert_eq!(ids(answer.at("/data/accounts/nodes")), expected, "{graphql}");
        assert_eq!(answer.at("/data/accounts/totalCount"), expected.len());
    }
    // Lists inside records and in filters leave them out too; a reference does not.
    let contact = admin.post("/v1/contacts", json!({"familyName": "Anders", "accountId": all[9]})).await.expect(201);
    admin.delete(&format!("/v1/accounts/{}", all[9])).await.expect(204);
    let read = admin.get(&format!("/v1/contacts/{}?expand=account", contact.id())).await.expect(200);
    assert_eq!(read.at("/account/id"), all[9].as_str());
    admin.delete(&format!("/v1/contacts/{}", contact.id())).await.expect(204);
    let parent = admin.get(&format!("/v1/accounts/{}?expand=contacts", all[9])).await.expect(200);
    assert!(!ids(parent.at("/contacts/data")).contains(&contact.id()));
    let filter = json!({"id": {"eq": all[9]}, "contacts": {"some": {"id": {"eq": contact.id()}}}});
    let found = admin.post("/v1/accounts/query", json!({"filter": filter, "archived": "any"})).await.expect(200);
    assert_eq!(found.at("/data"), &json!([]));
}

#[actix_web::test]
async fn fields_and_expand_answer_exactly_what_was_asked() {
    let (_stage, admin) = quiet();
    let group = admin.post("/v1/accounts", json!({"name": "Group"})).await.expect(201);
    let acme = admin.post("/v1/accounts", json!({"name": "Acme", "parentId": group.id()})).await.expect(201);
    let maria = admin.post("/v1/contacts", json!({"familyName": "Anders", "accountId": acme.id()})).await.expect(201);
    let path = format!("/v1/contacts/{}", maria.id());
    let sparse = admin.get(&format!("{path}?fields=familyName,id,birthday")).await.expect(200);
    assert_eq!(sparse.body, json!({"id": maria.id(), "familyName": "Anders", "birthday": null}));
    let list = admin.get("/v1/accounts?fields=name&sort=name&expand=parent").await.expect(200);
    assert_eq!(list.at("/data/0/parent/name"), "Group");
    assert_eq!(list.at("/data/1"), &json!({"name": "Group", "parent": null}));
    let deep =
        admin.get(&format!("{path}?fields=id&expand=account.parent.children,account.contacts,owner")).await.expect(200);
    assert_eq!(deep.at("/account/parent/children/data/0/id"), acme.id().as_str());
    assert_eq!(deep.at("/account/parent/children/page"), &json!({"hasMore": false}));
    assert_eq!(deep.at("/account/contacts/data/0"), &maria.body);
    assert_eq!((deep.at("/owner"), deep.header("etag")), (&Value::Null, None));
    for (query, pointers, allowed) in [
        ("fields=name,salary,tenantId", vec!["/query/fields", "/query/fields"], "familyName"),
        ("expand=boss", vec!["/query/expand"], "account"),
        ("expand=account.boss,x", vec!["/query/expand", "/query/expand"], "children"),
        ("expand=account.parent.parent.parent.parent", vec!["/query/expand"], "4 levels"),
        ("fields=", vec!["/query/fields"], "familyName"),
        ("filter[name]=x", vec!["/query/filter"], "fields, expand"),
    ] {
        let answer = admin.get(&format!("{path}?{query}")).await.expect(422);
        assert_eq!(answer.pointers(), pointers, "{query}");
        assert!(answer.at("/errors/0/detail").as_str().unwrap().contains(allowed), "{}", answer.body);
    }
    let body =
        json!({"fields": ["id", "name"], "expand": ["contacts"], "sort": ["name"], "limit": 1, "count": "exact"});
    let posted = admin.post("/v1/accounts/query", body).await.expect(200);
    let got = admin.get("/v1/accounts?fields=id,name&expand=contacts&sort=name&limit=1&count=exact").await.expect(200);
    assert_eq!(posted.body, got.body);
}

/// A random filter on accounts, and on contacts inside it.
fn filter(random: &mut Lcg, accounts: bool, depth: usize) -> Value {
    if depth > 0 && random.below(2) == 0 {
        let inner = |random: &mut Lcg| filter(random, accounts, depth - 1);
        return match random.below(4) {
            0 => json!({"and": [inner(random), inner(random)]}),
            1 => json!({"or": [inner(random), inner(random)]}),
            2 if accounts => {
                json!({"contacts": {*random.one(&["some", "none", "every"]): filter(random, false, depth - 1)}})
            }
            2 => json!({"account": filter(random, true, depth - 1)}),
            _ => json!({"not": inner(random)}),
        };
    }
    let texts: &[&str] = &["ant", "bee", "cat", "b", "e c"];
    let (field, kind) = *random.one(if accounts {
        &[("name", 0), ("industry", 0), ("sizeBand", 1), ("status", 2), ("annualRevenue", 3)]
    } else {
        &[("givenName", 0), ("familyName", 0), ("birthday", 4), ("buyingRole", 5), ("name", 0)]
    });
    let equal = ["eq", "ne", "in", "notIn", "isNull"];
    let ordered = ["eq", "ne", "gt", "gte", "lt", "lte", "isNull"];
    let amounts = ["eq", "gt", "gte", "lt", "lte", "isNull"];
    let (operator, value) = match kind {
        0 => (*random.one(&["eq", "ne", "in", "notIn", "isNull", "contains", "startsWith"]), *random.one(texts)),
        1 => (*random.one(&equal), *random.one(&["SMALL", "LARGE"])),
        2 => (*random.one(&equal), *random.one(&["ACTIVE", "INACTIVE"])),
        3 => (*random.one(&amounts), *random.one(&["0", "7.5", "9", "1000"])),
        4 => (*random.one(&ordered), *random.one(&["1990-01-01", "1990-06-01", "1991-02-02"])),
        _ => (*random.one(&equal), *random.one(&["USER", "CHAMPION"])),
    };
    match operator {
        "isNull" => json!({field: {"isNull": random.below(2) == 0}}),
        "in" | "notIn" => json!({field: {operator: [value, value]}}),
        _ if kind == 3 && random.below(2) == 0 => json!({field: {operator: value, "currency": "USD"}}),
        _ => json!({field: {operator: value}}),
    }
}

/// Whether a filter holds of a row: what is unknown does not, and its `not` does.
fn holds(row: &Value, filter: &Value, accounts: &[Value], contacts: &[Value]) -> bool {
    let test = |row: &Value, filter: &Value| holds(row, filter, accounts, contacts);
    filter.as_object().unwrap().iter().all(|(name, value)| match name.as_str() {
        "and" => value.as_array().unwrap().iter().all(|inner| test(row, inner)),
        "or" => value.as_array().unwrap().iter().any(|inner| test(row, inner)),
        "not" => !test(row, value),
        "account" => accounts.iter().any(|account| account["id"] == row["accountId"] && test(account, value)),
        "contacts" => value.as_object().unwrap().iter().all(|(quantifier, inner)| {
            let mut theirs = contacts.iter().filter(|contact| contact["accountId"] == row["id"]);
            match quantifier.as_str() {
                "some" => theirs.any(|contact| test(contact, inner)),
                "none" => !theirs.any(|contact| test(contact, inner)),
                _ => theirs.all(|contact| test(contact, inner)),
            }
        }),
        field => condition(row, field, value),
    })
}

fn condition(row: &Value, field: &str, operators: &Value) -> bool {
    let (operator, value) = operators.as_object().unwrap().iter().find(|(name, _)| *name != "currency").unwrap();
    let ours = key(row, field);
    if operator == "isNull" {
        return json!(ours.is_none()) == *value;
    }
    if field == "annualRevenue" && row[field]["currency"] != *operators.get("currency").unwrap_or(&json!("EUR")) {
        return false;
    }
    let read = |value: &Value| {
        let text = value.as_str().unwrap();
        if field == "annualRevenue" { (ten_thousandths(text), String::new()) } else { (0, text.to_owned()) }
    };
    let Some(ours) = ours else { return matches!(operator.as_str(), "ne" | "notIn") };
    match operator.as_str() {
        "in" => value.as_array().unwrap().iter().any(|value| read(value) == ours),
        "notIn" => !value.as_array().unwrap().iter().any(|value| read(value) == ours),
        "contains" => ours.1.contains(value.as_str().unwrap()),
        "startsWith" => ours.1.starts_with(value.as_str().unwrap()),
        "eq" => ours == read(value),
        "ne" => ours != read(value),
        "gt" => ours > read(value),
        "gte" => ours >= read(value),
        "lt" => ours < read(value),
        _ => ours <= read(value),
    }
}

#[actix_web::test]
async fn two_hundred_random_filters_agree_with_a_model() {
    let (stage, admin) = quiet();
    let mut random = Lcg(5);
    crowd(&stage, &admin, &mut random).await;
    let rows = async |resource: &str| {
        let all = admin.get(&format!("/v1/{resource}?limit=500")).await.expect(200);
        all.at("/data").as_array().unwrap().clone()
    };
    let (accounts, contacts) = (rows("accounts").await, rows("contacts").await);
    let mut sizes = std::collections::BTreeSet::new();
    for round in 0..200 {
        let of_accounts = round % 3 > 0;
        let (resource, all) = if of_accounts { ("accounts", &accounts) } else { ("contacts", &contacts) };
        let filter = filter(&mut random, of_accounts, 3);
        let expected: Vec<Value> =
            all.iter().filter(|row| holds(row, &filter, &accounts, &contacts)).cloned().collect();
        sizes.insert(expected.len());
        assert_eq!(same(&admin, resource, &filter, "").await, ids(&json!(expected)), "{resource} {filter}");
    }
    assert!(sizes.len() > 30, "the filters are too much alike: {sizes:?}");
}
