//! Every field of every resource with every wrong value, and texts that have to come back as they were sent.

use crate::tenancy::records::{Ids, body, creatable, entries, one_of_each, writable};
use kith_kernel::{Access, Field, Kind, Verb};
use kith_testkit::Stage;
use serde_json::{Value, json};

/// Values that a field can never hold.
fn wrong(field: &Field) -> Vec<Value> {
    let mut all = match field.kind {
        Kind::Text => {
            let mut texts =
                vec![json!(1), json!(1.5), json!(true), json!([]), json!({}), json!(["x"]), json!({"a": "b"})];
            texts.extend(["a\u{0}b", "\u{7}", "\u{1b}[31m", "\u{7f}"].map(Value::from));
            texts.push(json!("x".repeat(field.max + 1)));
            texts.push(json!("𝄞".repeat(field.max + 1)));
            texts
        }
        Kind::Bool => vec![json!("true"), json!(""), json!(0), json!(1), json!([]), json!({}), json!([true])],
        Kind::Int => vec![
            json!("1"),
            json!(1.5),
            json!(2_147_483_648_i64),
            json!(-2_147_483_649_i64),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1e40),
            json!(true),
            json!([]),
            json!({}),
        ],
        Kind::Decimal | Kind::Money => {
            let mut amounts: Vec<Value> = [
                "",
                " ",
                "abc",
                "NaN",
                "Infinity",
                "-Infinity",
                "1e3",
                "1e400",
                "0x10",
                "1,5",
                "1.",
                ".5",
                "+1",
                "--1",
                "1.00001",
                "１",
                "1000000000000000",
                "9223372036854775808",
                "-99999999999999999999",
                "1 000",
            ]
            .map(Value::from)
            .into();
            amounts.push(json!("9".repeat(40)));
            amounts.push(json!("9".repeat(130_000)));
            amounts.extend([json!(1), json!(1.5), json!(true), json!([]), json!({})]);
            if field.kind == Kind::Money {
                amounts.push(Value::Null);
                amounts = amounts.into_iter().map(|amount| json!({"amount": amount, "currency": "EUR"})).collect();
                amounts.extend(
                    ["", "eur", "XXX", "EURO", "€", "EU\u{0}"]
                        .map(|currency| json!({"amount": "1", "currency": currency})),
                );
                amounts.extend([
                    json!("1"),
                    json!(1),
                    json!([]),
                    json!({}),
                    json!({"amount": "1"}),
                    json!({"currency": "EUR"}),
                ]);
                amounts.push(json!({"amount": "1", "currency": "EUR", "more": 1}));
                amounts.push(json!({"amount": "1", "currency": 978}));
            }
            amounts
        }
        Kind::Date => {
            let texts = [
                "",
                "today",
                "2026-02-30",
                "2025-02-29",
                "2026-13-01",
                "2026-00-10",
                "2026-01-00",
                "2026-01-32",
                "0000-01-01",
                "10000-01-01",
                "-001-01-01",
                "+2026-1-31",
                "2026-1-31",
                " 2026-1-31",
                "2026- 1-31",
                "20260131",
                "2026/01/31",
                "31.01.2026",
                "2026-01-31T00:00:00Z",
                "２０２６-01-31",
                "2026-01-3a",
                "2026-01-31\u{0}",
                "infinity",
                "1 OR 1=1",
            ];
            [texts.map(Value::from).to_vec(), vec![json!(0), json!(20_260_131), json!(true), json!([]), json!({})]]
                .concat()
        }
        Kind::Time => {
            let texts = [
                "",
                "now",
                "2026-02-30T00:00:00Z",
                "2026-13-01T00:00:00Z",
                "2026-01-01T25:00:00Z",
                "2026-01-01T24:00:01Z",
                "2026-01-01T00:60:00Z",
                "2026-01-01T00:00:61Z",
                "2026-01-01T00:00:00+99:99",
                "2026-01-01T00:00:00",
                "2026-01-01",
                "0000-01-01T00:00:00Z",
                "10000-01-01T00:00:00Z",
                "+12026-01-01T00:00:00Z",
                "0001-01-01T00:00:00+23:59",
                "9999-12-31T23:59:59-23:59",
                "2026-01-01T00:00:00.0000001Z",
                "1700000000",
                "infinity",
                "2026-01-01T00:00:00Z\u{0}",
            ];
            [texts.map(Value::from).to_vec(), vec![json!(0), json!(1_700_000_000), json!(true), json!([]), json!({})]]
                .concat()
        }
        Kind::Id(_) => {
            let texts = [
                "",
                "nonsense",
                "1",
                "018f000000007000800000000000dead",
                "{018f0000-0000-7000-8000-00000000dead}",
                "urn:uuid:018f0000-0000-7000-8000-00000000dead",
                "018f0000-0000-7000-8000-00000000dea\u{0}",
                "../../etc/passwd",
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ];
            [texts.map(Value::from).to_vec(), vec![json!(0), json!(1.5), json!(true), json!([]), json!({})]].concat()
        }
        Kind::Rate => {
            let texts =
                ["", "x", "0", "0.0", "-1", "1e3", "NaN", "1.0000000000001", "1000000000000", "1,5", " 1", ".5"];
            [texts.map(Value::from).to_vec(), vec![json!(1), json!(0.5), json!(true), json!([]), json!({})]].concat()
        }
        Kind::Enum(_, values) => {
            let lower = values[0].0.to_lowercase();
            let texts = ["", "NONSENSE", &lower, &format!("{} ", values[0].0), &format!("{}\u{0}", values[0].0)]
                .map(Value::from);
            [texts.to_vec(), vec![json!(0), json!(true), json!([]), json!({}), json!([values[0].0])]].concat()
        }
        Kind::Json => vec![
            json!(1),
            json!("x"),
            json!(true),
            json!([1]),
            json!({"a\u{0}": 1}),
            json!([{"__proto__": {}}]),
            json!([[[]]]),
        ],
    };
    if !field.nullable {
        all.push(Value::Null);
    }
    all
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

#[actix_web::test]
async fn every_field_refuses_every_wrong_value_at_its_place() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let admin = stage.admin(&tenant);
    let mut tried = 0;
    for entry in creatable() {
        for field in writable(entry) {
            let values = wrong(field);
            let create = |value: &Value| {
                let mut data = body(entry.name, &ids);
                data[field.name] = value.clone();
                json!({"op": "create", "data": data})
            };
            let update = |value: &Value| json!({"op": "update", "id": ids[entry.name], "data": {field.name: value}});
            // Where no field can be changed, there is nothing to update.
            let times = if entry.offers(Verb::Update) { 2 } else { 1 };
            let items = values.iter().map(create).chain(values.iter().map(update).filter(|_| times == 2));
            let items: Vec<Value> = items.collect();
            let done = admin.post(&format!("/v1/{}/batch", entry.name), json!({"items": items})).await.expect(207);
            let results = done.at("/results").as_array().unwrap();
            assert_eq!(results.len(), times * values.len());
            for (result, value) in results.iter().zip(values.iter().chain(&values)) {
                let place = format!("{}.{} = {}", entry.name, field.name, shown(value));
                assert_eq!(result["status"], 422, "{place}: {result}");
                assert_eq!(result["problem"]["code"], "VALIDATION_FAILED", "{place}");
                let errors = result["problem"]["errors"].as_array().unwrap();
                let at = format!("/{}", field.name);
                let about = |error: &Value| error["pointer"].as_str().is_some_and(|pointer| pointer.starts_with(&at));
                // Of two references exactly one is given, so a second one is wrong at either.
                let either = field.name.ends_with("Id") && errors.iter().any(|error| error["code"] == "REQUIRED");
                assert!(errors.iter().any(about) || either, "{place}: {errors:?}");
                tried += 1;
            }
            // The same alone: one of them each way, as a problem document of its own.
            if let Some(value) = values.first() {
                let mut data = body(entry.name, &ids);
                data[field.name] = value.clone();
                admin.post(&format!("/v1/{}", entry.name), data).await.expect(422);
                if entry.offers(Verb::Update) {
                    let path = format!("/v1/{}/{}", entry.name, ids[entry.name]);
                    admin.patch(&path, json!({field.name: value})).await.expect(422);
                }
            }
        }
    }
    assert!(tried > 2_000, "only {tried} values");
}

#[actix_web::test]
async fn every_field_takes_or_refuses_the_outermost_values_without_failing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let admin = stage.admin(&tenant);
    // Of many bytes, and such that it cannot be compressed to fit into an index.
    let long = |length: usize| -> String {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_u32(0x20000 + (state >> 8) % 40_000).unwrap()
        };
        (0..length).map(|_| next()).collect()
    };
    for entry in creatable() {
        let mut items = Vec::new();
        for field in writable(entry) {
            let values = match field.kind {
                Kind::Text => vec![
                    json!(long(field.max)),
                    json!("x".repeat(field.max)),
                    json!(" "),
                    json!(""),
                    json!("\u{202e}\u{feff}"),
                ],
                Kind::Int => vec![json!(i32::MAX), json!(i32::MIN), json!(0)],
                Kind::Money => {
                    let amounts = ["999999999999999.9999", "-999999999999999.9999", "0.0001", "-0", "000000000000001"];
                    amounts.map(|amount| json!({"amount": amount, "currency": "JPY"})).to_vec()
                }
                Kind::Date => ["0001-01-01", "9999-12-31", "2024-02-29"].map(Value::from).to_vec(),
                Kind::Time => {
                    let texts = [
                        "0001-01-01T00:00:00Z",
                        "9999-12-31T23:59:59.999999Z",
                        "2016-12-31T23:59:60Z",
                        "2026-01-01t00:00:00z",
                        "2026-01-01T00:00:00-00:00",
                    ];
                    texts.map(Value::from).to_vec()
                }
                Kind::Enum(_, values) => values.iter().map(|(value, _)| json!(value)).collect(),
                Kind::Id(_) => vec![json!(ids["users"]), json!(ids["accounts"]), json!(ids["accounts"].to_uppercase())],
                Kind::Json => vec![json!([]), json!({}), json!(vec![json!({}); 600])],
                _ => vec![json!(true), json!(false)],
            };
            for value in values {
                let mut data = body(entry.name, &ids);
                data[field.name] = value.clone();
                items.push(json!({"op": "create", "data": data}));
                if entry.offers(Verb::Update) {
                    items.push(json!({"op": "update", "id": ids[entry.name], "data": {field.name: value}}));
                }
            }
        }
        let done = admin.post(&format!("/v1/{}/batch", entry.name), json!({"items": items})).await.expect(207);
        for (item, result) in items.iter().zip(done.at("/results").as_array().unwrap()) {
            let status = result["status"].as_u64().unwrap();
            assert!([200, 201, 409, 422].contains(&status), "{} {}: {result}", entry.name, shown(item));
        }
        // Whatever was kept can be listed, sorted by anything.
        for field in entry.fields.iter().filter(|field| field.sort && field.visible()) {
            admin.get(&format!("/v1/{}?sort={}&limit=500", entry.name, field.name)).await.expect(200);
            let page = admin.get(&format!("/v1/{}?sort=-{}&limit=1", entry.name, field.name)).await.expect(200);
            if let Some(cursor) = page.at("/page/nextCursor").as_str() {
                let path = format!("/v1/{}?sort=-{}&limit=1&cursor={cursor}", entry.name, field.name);
                admin.get(&path).await.expect(200);
            }
        }
    }
}

#[actix_web::test]
async fn every_filter_refuses_every_wrong_value_at_its_place() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let mut tried = 0;
    for entry in entries() {
        for field in entry.fields.iter().filter(|field| field.filter && field.visible()) {
            // Within a filter an amount is a plain decimal, a nil id is an id, and a long text finds nothing.
            let kind = if field.kind == Kind::Money { Kind::Decimal } else { field.kind };
            let plain = of_kind(kind);
            let good = |value: &Value| match (kind, value) {
                (Kind::Text, Value::String(text)) => text.chars().count() > 500,
                (Kind::Id(_), Value::String(text)) => text.len() == 36 && uuid::Uuid::try_parse(text).is_ok(),
                // A list is a shorthand for nothing, and an object holds operators.
                (_, value) => value.is_object(),
            };
            let values: Vec<Value> = wrong(&plain).into_iter().filter(|value| !good(value)).collect();
            for part in values.chunks(40) {
                let filters: Vec<Value> = part.iter().map(|value| json!({field.name: {"eq": value}})).collect();
                let path = format!("/v1/{}/query", entry.name);
                let refused = admin.post(&path, json!({"filter": {"or": filters}})).await.expect(422);
                for (at, value) in part.iter().enumerate() {
                    let pointer = format!("/filter/or/{at}/{}/eq", field.name);
                    assert!(
                        refused.pointers().contains(&pointer.as_str()),
                        "{}.{} = {}",
                        entry.name,
                        field.name,
                        shown(value)
                    );
                    tried += 1;
                }
            }
            // All of them in one request, each refused at its own place.
            let values = [json!({}), json!(["\u{0}"]), json!(null), json!("\u{0}"), json!(1e300)];
            let operators = ["contains", "startsWith", "in", "notIn", "gt", "isNull", "nonsense", ""];
            let pairs = operators.iter().flat_map(|operator| values.iter().map(move |value| (*operator, value)));
            let filters: Vec<Value> = pairs.map(|(operator, value)| json!({field.name: {operator: value}})).collect();
            let path = format!("/v1/{}/query", entry.name);
            let refused = admin.post(&path, json!({"filter": {"or": filters}})).await.expect(422);
            for (at, filter) in filters.iter().enumerate() {
                let place = format!("/filter/or/{at}/");
                let told = refused.pointers().iter().any(|pointer| pointer.starts_with(&place));
                assert!(told, "{}: {filter}: {}", entry.name, refused.body);
            }
        }
    }
    assert!(tried > 1_000, "only {tried} values");
}

/// A nullable field of a kind.
fn of_kind(kind: Kind) -> Field {
    let (name, columns, doc) = ("", &[] as &[&str], "");
    let (access, max, example) = (Access::Write, 500, None);
    Field {
        name,
        columns,
        doc,
        kind,
        nullable: true,
        required: false,
        access,
        filter: true,
        sort: false,
        id: false,
        max,
        example,
    }
}

/// Texts that have to come back as they are.
const TEXTS: &[&str] = &[
    "Müller & Söhne <b>\"fett\"</b>",
    "王小明",
    "株式会社",
    "Ελλάδα",
    "Москва",
    "שלום",
    "مرحبا بالعالم",
    "हिन्दी",
    "ไทย",
    "한국어",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇪🇺",
    "a\u{200b}b\u{200d}c\u{feff}d",
    "\u{202e}gnirts\u{202c}",
    "\u{2066}x\u{2069}",
    "tab\tand\nlines\r\nend",
    "'; DROP TABLE accounts; --",
    "\" OR \"\"=\"",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} ${7*7} #{7*7} <%= 7 %>",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "%_\\",
    "..\\..\\..\\windows",
    "../../../etc/passwd",
    "%00%0a%2e",
    "NULL",
    "null",
    "undefined",
    "true",
    "0",
    "-0",
    "1e400",
    "NaN",
    "\\u0000",
    "\\",
    "\"",
    "'",
    "`",
    "$1",
    "$$",
    "?",
    ":name",
    "x\u{a0}",
    "\u{fffd}",
    "\u{10ffff}",
    "https://example.com/?a=b&c=d#e",
    "file:///etc/passwd",
    "jndi:ldap://x/a ${jndi:ldap://x/a}",
    "__proto__",
    "constructor",
    "a\u{85}b\u{2028}c",
];

#[actix_web::test]
async fn texts_come_back_as_they_were_sent_through_both_doors() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids: Ids = one_of_each(&stage, &tenant).await;
    let admin = stage.admin(&tenant);
    let create = "mutation($input: NoteInput!) { noteCreate(input: $input) { id body } }";
    let read = "query($id: UUID!) { note(id: $id) { body } }";
    let find = "query($text: String) { notes(filter: {body: {eq: $text}}) { totalCount } }";
    for text in TEXTS {
        let note = json!({"subjectType": "ACCOUNT", "subjectId": ids["accounts"], "body": text});
        let made = admin.post("/v1/notes", note.clone()).await.expect(201);
        let other = admin.graphql(create, json!({"input": note})).await.expect(200);
        let other = other.at("/data/noteCreate");
        assert_eq!((made.at("/body"), &other["body"]), (&json!(text), &json!(text)));
        let seen = admin.graphql(read, json!({"id": made.id()})).await.expect(200);
        assert_eq!(seen.at("/data/note/body"), &json!(text));
        let seen = admin.get(&format!("/v1/notes/{}", other["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(seen.at("/body"), &json!(text));
        let found = admin.graphql(find, json!({"text": text})).await.expect(200);
        assert_eq!(found.at("/data/notes/totalCount"), 2, "{text}");
        let found = admin.post("/v1/notes/query", json!({"filter": {"body": {"contains": text}}})).await.expect(200);
        assert!(found.at("/data").as_array().unwrap().iter().any(|note| note["body"] == *text), "{text}");
        // As a key of another system, in a path.
        let path: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/v1/accounts/external/texts/{path}");
        let put = admin.put(&path, json!({"name": "Acme", "industry": text})).await;
        assert_eq!(put.status, 201, "{text}: {}", put.body);
        let got = admin.get(&path).await.expect(200);
        assert_eq!((got.id(), got.at("/industry")), (put.id(), &json!(text)));
    }
    // The one thing that is changed: forms of one character become one form.
    let note = json!({"subjectType": "ACCOUNT", "subjectId": ids["accounts"], "body": "Mu\u{308}ller"});
    assert_eq!(admin.post("/v1/notes", note).await.expect(201).at("/body"), "Müller");
    let put = |key: &str| format!("/v1/accounts/external/texts/{key}");
    let made = admin.put(&put("Mu%CC%88ller"), json!({"name": "Acme"})).await.expect(201);
    assert_eq!(admin.put(&put("M%C3%BCller"), json!({"name": "Acme"})).await.expect(200).id(), made.id());
}
