//! What accounts, contacts and what hangs on them take and refuse: money, text, names, ways to reach somebody, trees
//! and references.

use kith_testkit::{Client, Stage};
use serde_json::{Value, json};
use uuid::Uuid;

fn admin() -> (Stage, Client) {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    (stage, admin)
}

/// The field of a new record as REST and GraphQL both take and show it, or the pointers of the refusal.
async fn field(client: &Client, resource: &str, body: &Value, name: &str) -> Result<Value, Vec<String>> {
    let (singular, type_name) = match resource {
        "accounts" => ("account", "Account"),
        "contacts" => ("contact", "Contact"),
        _ => ("contactPoint", "ContactPoint"),
    };
    let rest = client.post(&format!("/v1/{resource}"), body.clone()).await;
    let part = if name == "annualRevenue" { "annualRevenue { amount currency }" } else { name };
    let query = format!("mutation($b: {type_name}Input!) {{ it: {singular}Create(input: $b) {{ id {part} }} }}");
    let graphql = client.graphql(&query, json!({"b": body})).await.expect(200);
    if rest.status == 201 {
        assert_eq!(graphql.at("/data/it")[name], rest.body[name], "{body}: {}", graphql.body);
        let read = client.get(&format!("/v1/{resource}/{}", rest.id())).await.expect(200);
        assert_eq!(read.bytes, rest.bytes, "{body}");
        return Ok(rest.body[name].clone());
    }
    assert_eq!((rest.status, rest.code()), (422, "VALIDATION_FAILED"), "{}", rest.body);
    assert_eq!(graphql.at("/errors/0/extensions/code"), "VALIDATION_FAILED", "{body}: {}", graphql.body);
    Err(rest.pointers().into_iter().map(str::to_owned).collect())
}

#[actix_web::test]
async fn money_is_exact_or_refused() {
    let (_stage, admin) = admin();
    for (amount, shown) in [
        ("0", "0.00"),
        ("-0", "0.00"),
        ("1234.5", "1234.50"),
        ("0.0001", "0.0001"),
        ("0.1250", "0.125"),
        ("000012", "12.00"),
        ("999999999999999.9999", "999999999999999.9999"),
    ] {
        let body = json!({"name": "x", "annualRevenue": {"amount": amount, "currency": "CNY"}});
        let found = field(&admin, "accounts", &body, "annualRevenue").await;
        assert_eq!(found, Ok(json!({"amount": shown, "currency": "CNY"})), "{amount}");
    }
    let bad_amounts =
        ["", "1e3", "1,5", "0.00001", "1000000000000000", "NaN", "Infinity", " 1", "+1", ".5", "5.", "-", "٣"];
    let texts = bad_amounts.iter().map(|amount| json!({"amount": amount, "currency": "EUR"}));
    let others = [
        json!({"amount": 5, "currency": "EUR"}),
        json!({"amount": "5", "currency": "eur"}),
        json!({"amount": "5", "currency": "XXX"}),
        json!({"amount": "5"}),
        json!({"currency": "EUR"}),
        json!({"amount": "5", "currency": "EUR", "rate": "1"}),
        json!({"amount": null, "currency": "EUR"}),
        json!({"amount": "-0.0001", "currency": "EUR"}),
        json!("5"),
        json!([]),
    ];
    for revenue in texts.chain(others) {
        let body = json!({"name": "x", "annualRevenue": revenue});
        let found = field(&admin, "accounts", &body, "annualRevenue").await;
        assert_eq!(found, Err(vec!["/annualRevenue".into()]), "{revenue}");
    }
}

#[actix_web::test]
async fn texts_come_back_as_sent_but_composed() {
    let (_stage, admin) = admin();
    for text in [
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "王府井百货",
        "Ñandú",
        "ﷺ",
        "a\tb\nc\r\nd",
        "\u{feff}bom",
        "\u{200b}zero\u{200d}",
        "עברית",
        "\u{202e}rtl",
        "'; DROP TABLE accounts; --",
        "<script>alert(1)</script>",
        "${7*7}{{7*7}}",
        "\\u0000",
        "\"quoted\"",
        "%00",
        " lead and trail ",
        "𝕌𝕟𝕚",
        "\u{1f600}\u{10ffff}",
        "ﬁ",
        "Å",
    ] {
        assert_eq!(field(&admin, "accounts", &json!({"name": text}), "name").await, Ok(json!(text)));
    }
    for (sent, kept) in [("Cafe\u{301}", "Café"), ("\u{212b}", "Å"), ("\u{1100}\u{1161}", "가")] {
        assert_eq!(field(&admin, "accounts", &json!({"name": sent}), "name").await, Ok(json!(kept)));
    }
    for control in (0..0x20_u8).chain([0x7f]).map(char::from).filter(|c| !"\t\n\r".contains(*c)) {
        let found = field(&admin, "accounts", &json!({"name": format!("a{control}b")}), "name").await;
        assert_eq!(found, Err(vec!["/name".into()]), "{control:?}");
    }
    for (bytes, status) in
        [(&b"{\"name\":\"\\ud800\"}"[..], 400), (b"{\"name\":\"\xff\"}", 400), (b"{\"name\":\"a\\u0000\"}", 422)]
    {
        admin.send("POST", "/v1/accounts", Some(bytes.to_vec())).await.expect(status);
    }
}

#[actix_web::test]
async fn the_length_of_a_text_is_counted_in_characters() {
    let (_stage, admin) = admin();
    for (resource, name, max) in [
        ("accounts", "name", 200),
        ("accounts", "legalName", 200),
        ("accounts", "importanceReason", 500),
        ("contacts", "familyName", 100),
        ("contacts", "jobTitle", 150),
        ("contacts", "salutation", 50),
    ] {
        for character in ["x", "王", "👍"] {
            let body = |length: usize| {
                let mut body = if resource == "accounts" { json!({"name": "n"}) } else { json!({"familyName": "n"}) };
                body[name] = json!(character.repeat(length));
                body
            };
            assert!(field(&admin, resource, &body(max), name).await.is_ok(), "{name} {max}");
            assert_eq!(field(&admin, resource, &body(max + 1), name).await, Err(vec![format!("/{name}")]), "{max}");
        }
    }
}

#[actix_web::test]
async fn a_contact_is_named_as_where_they_live() {
    let (_stage, admin) = admin();
    for (given, family, locale, name) in [
        (json!("Maria"), json!("Anders"), json!("de-DE"), "Maria Anders"),
        (json!("Maria"), json!("Anders"), json!(null), "Maria Anders"),
        (json!("小明"), json!("王"), json!("zh-CN"), "王小明"),
        (json!("Xiaoming"), json!("Wang"), json!("zh-Hans-CN"), "Wang Xiaoming"),
        (json!("Anna"), json!("Nagy"), json!("hu-HU"), "Nagy Anna"),
        (json!("太郎"), json!("山田"), json!("ja"), "山田太郎"),
        (json!("Thị Mai"), json!("Nguyễn"), json!("vi"), "Nguyễn Thị Mai"),
        (json!(null), json!("Li"), json!("zh"), "Li"),
        (json!(" Cher "), json!(null), json!("en"), "Cher"),
    ] {
        let body = json!({"givenName": given, "familyName": family, "locale": locale});
        assert_eq!(field(&admin, "contacts", &body, "name").await, Ok(json!(name)));
    }
    for body in [json!({}), json!({"givenName": null, "familyName": " "}), json!({"salutation": "Dr."})] {
        assert_eq!(field(&admin, "contacts", &body, "name").await, Err(vec!["/familyName".into()]), "{body}");
    }
    let wrong = json!({"familyName": "x", "locale": "de_DE"});
    assert_eq!(field(&admin, "contacts", &wrong, "locale").await, Err(vec!["/locale".into()]));
    let made = admin.post("/v1/contacts", json!({"givenName": "小明", "familyName": "王"})).await.expect(201);
    assert_eq!(made.at("/name"), "小明 王");
    let path = format!("/v1/contacts/{}", made.id());
    assert_eq!(admin.patch(&path, json!({"locale": "zh-CN"})).await.expect(200).at("/name"), "王小明");
    assert_eq!(admin.patch(&path, json!({"familyName": "李"})).await.expect(200).at("/name"), "李小明");
    assert_eq!(
        admin.patch(&path, json!({"givenName": null, "familyName": null})).await.expect(422).pointers(),
        ["/familyName"]
    );
}

#[actix_web::test]
async fn ways_to_reach_somebody_have_a_normal_form() {
    let (_stage, admin) = admin();
    let contact = admin.post("/v1/contacts", json!({"familyName": "Anders"})).await.expect(201).id();
    let point = |channel: &str, value: &str| json!({"contactId": contact, "channel": channel, "value": value});
    for (channel, value, normal) in [
        ("EMAIL", "Maria.ANDERS@Example.COM", "maria.anders@example.com"),
        ("EMAIL", " a+b@c.example ", "a+b@c.example"),
        ("EMAIL", "用户@例子.公司", "用户@例子.公司"),
        ("PHONE", "+49 (0)30 0074321", "+49300074321"),
        ("MOBILE", "+1 206-555-9857", "+12065559857"),
        ("FAX", "(5) 555-4729", "55554729"),
        ("WEB", " https://example.com ", "https://example.com"),
        ("SOCIAL", "@Maria", "@Maria"),
    ] {
        assert_eq!(field(&admin, "contact-points", &point(channel, value), "normalizedValue").await, Ok(json!(normal)));
        let sent = admin.post("/v1/contact-points", point(channel, value)).await.expect(201);
        assert_eq!(sent.at("/value"), value);
    }
    for (channel, value) in [
        ("EMAIL", "a@b"),
        ("EMAIL", "a@b.c\r\nBcc: x@y.z"),
        ("PHONE", "call me"),
        ("SMS", "12"),
        ("MOBILE", "+999999999999999999"),
        ("CHAT", ""),
    ] {
        let found = field(&admin, "contact-points", &point(channel, value), "normalizedValue").await;
        assert_eq!(found, Err(vec!["/value".into()]), "{channel} {value}");
    }
    let made = admin.post("/v1/contact-points", point("EMAIL", "A@B.example")).await.expect(201);
    let path = format!("/v1/contact-points/{}", made.id());
    assert_eq!(
        admin.patch(&path, json!({"value": "C@D.example"})).await.expect(200).at("/normalizedValue"),
        "c@d.example"
    );
    assert_eq!(admin.patch(&path, json!({"channel": "PHONE"})).await.expect(422).pointers(), ["/value"]);
}

#[actix_web::test]
async fn a_tree_of_accounts_has_no_circle() {
    let (_stage, admin) = admin();
    let mut ids = vec![admin.post("/v1/accounts", json!({"name": "root"})).await.expect(201).id()];
    for depth in 1..5 {
        let parent = ids.last().unwrap();
        ids.push(
            admin.post("/v1/accounts", json!({"name": format!("{depth}"), "parentId": parent})).await.expect(201).id(),
        );
    }
    for parent in &ids {
        let answer = admin.patch(&format!("/v1/accounts/{}", ids[0]), json!({"parentId": parent})).await.expect(422);
        assert_eq!((answer.pointers(), answer.at("/errors/0/code")), (vec!["/parentId"], &json!("CYCLE")));
        let query = "mutation($id: UUID!, $p: UUID!) { it: accountUpdate(id: $id, input: {parentId: $p}) { id } }";
        let answer = admin.graphql(query, json!({"id": ids[0], "p": parent})).await.expect(200);
        assert_eq!(answer.at("/errors/0/extensions/errors/0/code"), "CYCLE");
    }
    let own = Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_0001).to_string();
    admin.post("/v1/accounts", json!({"id": own, "name": "x", "parentId": own})).await.expect(422);
    admin.patch(&format!("/v1/accounts/{}", ids[4]), json!({"parentId": ids[1]})).await.expect(200);
    admin.patch(&format!("/v1/accounts/{}", ids[1]), json!({"parentId": null})).await.expect(200);
    admin.patch(&format!("/v1/accounts/{}", ids[0]), json!({"parentId": ids[4]})).await.expect(200);
    let path =
        format!("/v1/contacts/{}", admin.post("/v1/contacts", json!({"familyName": "x"})).await.expect(201).id());
    let itself = path.rsplit('/').next().unwrap();
    assert_eq!(admin.patch(&path, json!({"reportsToId": itself})).await.expect(422).at("/errors/0/code"), "CYCLE");
}

#[actix_web::test]
async fn what_belongs_to_one_of_two_names_exactly_one() {
    let (_stage, admin) = admin();
    let account = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201).id();
    let contact = admin.post("/v1/contacts", json!({"familyName": "Anders"})).await.expect(201).id();
    for (resource, rest) in
        [("contact-points", json!({"channel": "CHAT", "value": "x"})), ("addresses", json!({"city": "Ulm"}))]
    {
        for (owners, good) in [
            (vec![], false),
            (vec!["accountId"], true),
            (vec!["contactId"], true),
            (vec!["accountId", "contactId"], false),
        ] {
            let mut body = rest.clone();
            owners
                .iter()
                .for_each(|owner| body[owner] = json!(if *owner == "accountId" { &account } else { &contact }));
            let answer = admin.post(&format!("/v1/{resource}"), body).await;
            assert_eq!(
                (answer.status, answer.pointers()),
                if good { (201, vec![]) } else { (422, vec!["/contactId"]) }
            );
        }
    }
    for (body, pointers) in [
        (json!({"fromAccountId": account, "toContactId": contact, "kind": "REFERRAL"}), vec![]),
        (
            json!({"fromAccountId": account, "fromContactId": contact, "kind": "PARTNER"}),
            vec!["/fromAccountId", "/toAccountId"],
        ),
        (json!({"fromAccountId": account, "toAccountId": account, "kind": "PARTNER"}), vec!["/toAccountId"]),
        (json!({"fromAccountId": account, "toContactId": contact, "kind": "CUSTOM"}), vec!["/label"]),
        (
            json!({"fromAccountId": account, "toContactId": contact, "kind": "FAMILY", "validFrom": "2026-02-01", "validTo": "2026-01-31"}),
            vec!["/validTo"],
        ),
    ] {
        let answer = admin.post("/v1/relationships", body).await;
        assert_eq!(answer.pointers(), pointers, "{}", answer.body);
    }
    let role = json!({"accountId": account, "role": "CUSTOMER", "validFrom": "2026-01-01"});
    let made = admin.post("/v1/account-roles", role.clone()).await.expect(201);
    admin.post("/v1/account-roles", role).await.expect(409);
    let path = format!("/v1/account-roles/{}", made.id());
    assert_eq!(admin.patch(&path, json!({"validTo": "2025-12-31"})).await.expect(422).pointers(), ["/validTo"]);
    assert_eq!(admin.patch(&path, json!({"accountId": account})).await.expect(422).at("/errors/0/code"), "READ_ONLY");
}

#[actix_web::test]
async fn what_points_to_nothing_in_the_tenant_is_refused_alike() {
    let (stage, admin) = admin();
    let stranger = stage.admin(&stage.tenant());
    let account = stranger.post("/v1/accounts", json!({"name": "Theirs"})).await.expect(201).id();
    let contact = stranger.post("/v1/contacts", json!({"familyName": "Theirs"})).await.expect(201).id();
    let nothing = Uuid::nil().to_string();
    for (resource, field, rest) in [
        ("accounts", "parentId", json!({"name": "x"})),
        ("accounts", "ownerId", json!({"name": "x"})),
        ("accounts", "teamId", json!({"name": "x"})),
        ("contacts", "accountId", json!({"familyName": "x"})),
        ("contacts", "reportsToId", json!({"familyName": "x"})),
        ("contact-points", "contactId", json!({"channel": "CHAT", "value": "x"})),
        ("addresses", "accountId", json!({"city": "x"})),
        ("account-roles", "accountId", json!({"role": "CUSTOMER"})),
        ("notes", "subjectId", json!({"subjectType": "ACCOUNT", "body": "x"})),
        ("external-ids", "subjectId", json!({"subjectType": "CONTACT", "system": "erp", "externalId": "1"})),
    ] {
        let mut answers = Vec::new();
        for id in [&nothing, &account, &contact] {
            let mut body = rest.clone();
            body[field] = json!(id);
            let answer = admin.post(&format!("/v1/{resource}"), body).await.expect(422);
            assert_eq!(answer.at("/errors/0/code"), "UNKNOWN_REFERENCE", "{resource} {field}: {}", answer.body);
            assert_eq!(answer.pointers(), [format!("/{field}")]);
            answers.push(answer.at("/errors").clone());
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{resource} {field}");
        let mut body = rest.clone();
        body[field] = json!("7");
        let answer = admin.post(&format!("/v1/{resource}"), body).await.expect(422);
        assert!(answer.pointers().contains(&format!("/{field}").as_str()), "{}", answer.body);
    }
    assert_eq!(admin.get("/v1/accounts?count=exact").await.expect(200).at("/page/total"), 0);
}

#[actix_web::test]
async fn what_somebody_says_of_its_importance_holds_for_a_year() {
    let stage = Stage::new();
    stage.app.clock.stop_at("2026-02-10T12:00:00Z".parse().unwrap());
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let account = |name: &str, more: Value| {
        let mut body = json!({"name": name});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let told = |account: &Value| {
        ["importanceClass", "importanceSource", "importanceUntil"]
            .map(|name| account[name].as_str().unwrap_or("-").to_owned())
    };
    let make = async |name: &str, more: Value| admin.post("/v1/accounts", account(name, more)).await.expect(201).body;
    assert_eq!(told(&make("none", json!({})).await), ["ORDINARY", "RULE", "-"]);
    let vip = make("vip", json!({"importanceClass": "VIP", "importanceReason": "The mayor"})).await;
    assert_eq!(told(&vip), ["VIP", "MANUAL", "2027-02-10"]);
    let named = make("named", json!({"importanceClass": "KEY", "importanceUntil": "2026-03-31"})).await;
    assert_eq!(told(&named), ["KEY", "MANUAL", "2026-03-31"]);
    let wrong = account("wrong", json!({"importanceUntil": "2026-03-31"}));
    assert_eq!(admin.post("/v1/accounts", wrong).await.expect(422).pointers(), ["/importanceUntil"]);
    let path = |account: &Value| format!("/v1/accounts/{}", account["id"].as_str().unwrap());
    let over = json!({"importanceUntil": "2026-02-09"});
    assert_eq!(admin.patch(&path(&named), over).await.expect(422).pointers(), ["/importanceUntil"]);
    // Another class holds as long as it was to.
    let again = admin.patch(&path(&named), json!({"importanceClass": "VIP"})).await.expect(200).body;
    assert_eq!(told(&again), ["VIP", "MANUAL", "2026-03-31"]);
    // Who becomes part of somebody brings along what was said.
    let (whole, part) = (make("whole", json!({})).await, make("part", json!({"importanceClass": "KEY"})).await);
    let merged = admin.post(&format!("{}/merge", path(&whole)), json!({"fromId": part["id"]})).await.expect(200).body;
    assert_eq!(told(&merged), ["KEY", "MANUAL", "2027-02-10"]);
    let taken = admin.patch(&path(&vip), json!({"importanceClass": "ORDINARY"})).await.expect(200).body;
    assert_eq!(told(&taken), ["ORDINARY", "RULE", "-"]);
    let entitled = async |client: &kith_testkit::Client| {
        let found = client.get(&format!("{}/entitlements", path(&named))).await.expect(200).body;
        (found["importance"].clone(), found["importanceSource"].clone())
    };
    assert_eq!(entitled(&admin).await, (json!("VIP"), json!("MANUAL")));

    // It holds on its last day, and on the next it is gone.
    let worker = |day: &str| {
        stage.app.clock.stop_at(format!("{day}T12:00:00Z").parse().unwrap());
        let app = &stage.app;
        let (db, clock, cursor_key) = (app.db.clone(), app.clock.clone(), app.instance.cursor_key.clone());
        kith_worker::Worker::new(db, clock, kith_api::catalogue(), cursor_key).serve(tenant.id, true).unwrap();
        stage.admin(&tenant)
    };
    let admin = worker("2026-03-31");
    assert_eq!(told(&admin.get(&path(&named)).await.expect(200).body)[0], "VIP");
    let admin = worker("2026-04-01");
    let gone = admin.get(&path(&named)).await.expect(200).body;
    assert_eq!(told(&gone), ["ORDINARY", "RULE", "-"]);
    assert_eq!((&gone["version"], entitled(&admin).await), (&json!(3), (json!("ORDINARY"), json!("RULE"))));
}
