//! Touches over every channel: what they hold, how integrations load them, and how conversations are read.

mod recurring;
mod rights;
mod tasks;
mod timeline;

use kith_testkit::Stage;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_mail_comes_in_over_both_doors_with_those_who_took_part() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let account = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201).id();
    let ann = json!({"familyName": "Ann", "accountId": account});
    let ann = admin.post("/v1/contacts", ann).await.expect(201).id();
    let body = json!({
        "channel": "EMAIL", "direction": "INBOUND", "subjectType": "CONTACT", "subjectId": ann, "subjectLine": "Chai?",
        "body": "How much is it?", "sentiment": "0.4", "threadKey": "<1@acme>", "occurredAt": "2026-01-05T09:00:00Z"
    });
    let mail = admin.post("/v1/interactions", body).await.expect(201);
    assert_eq!(mail.body["accountId"], json!(account), "the account of its subject");
    assert_eq!(mail.body["sentiment"], "0.40");
    let part = json!({"interactionId": mail.id(), "contactId": ann, "role": "FROM"});
    admin.post("/v1/interaction-contacts", part.clone()).await.expect(201);
    admin.post("/v1/interaction-contacts", part).await.expect(409);
    let call = "mutation($id: UUID!) { interactionCreate(input: {channel: PHONE, direction: OUTBOUND, durationSeconds: 90, \
                accountId: $id, outcome: \"Left a message\"}) { id accountId occurredAt createdAt subjectType } }";
    let call = admin.graphql(call, json!({"id": account})).await.expect(200);
    let call = call.at("/data/interactionCreate");
    assert_eq!(call["occurredAt"], call["createdAt"], "now unless given: {call}");
    assert_eq!((&call["accountId"], &call["subjectType"]), (&json!(account), &Value::Null));
    let query = "query($id: UUID!) { account(id: $id) { interactions(sort: [OCCURRED_AT_ASC]) { nodes { channel contact { name } \
                 participants { nodes { role contact { name } } } } } } contacts { nodes { participations { totalCount } \
                 interactions { totalCount } } } }";
    let read = admin.graphql(query, json!({"id": account})).await.expect(200);
    let person = json!({"name": "Ann"});
    let expected = json!([
        {"channel": "EMAIL", "contact": person, "participants": {"nodes": [{"role": "FROM", "contact": person}]}},
        {"channel": "PHONE", "contact": null, "participants": {"nodes": []}},
    ]);
    assert_eq!(read.at("/data/account/interactions/nodes"), &expected, "{}", read.body);
    let counts = json!([{"participations": {"totalCount": 1}, "interactions": {"totalCount": 1}}]);
    assert_eq!(read.at("/data/contacts/nodes"), &counts);
    for (body, pointer) in [
        (json!({"direction": "INBOUND"}), "/channel"),
        (json!({"channel": "PIGEON", "direction": "INBOUND"}), "/channel"),
        (json!({"channel": "PHONE", "direction": "INBOUND", "durationSeconds": -1}), "/durationSeconds"),
        (json!({"channel": "PHONE", "direction": "INBOUND", "sentiment": "1.01"}), "/sentiment"),
        (json!({"channel": "PHONE", "direction": "INBOUND", "sentiment": "-1.0001"}), "/sentiment"),
        (json!({"channel": "PHONE", "direction": "INBOUND", "subjectType": "ACCOUNT"}), "/subjectId"),
        (json!({"channel": "PHONE", "direction": "INBOUND", "subjectId": account}), "/subjectType"),
        (
            json!({"channel": "PHONE", "direction": "INBOUND", "subjectType": "CONTACT", "subjectId": account}),
            "/subjectId",
        ),
    ] {
        let refused = admin.post("/v1/interactions", body.clone()).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{body}");
    }
    let path = format!("/v1/interactions/{}", mail.id());
    let refused = admin.patch(&path, json!({"subjectType": null})).await.expect(422);
    assert_eq!(refused.pointers(), ["/subjectType"]);
    let cleared = admin.patch(&path, json!({"subjectType": null, "subjectId": null})).await.expect(200);
    assert_eq!(cleared.body["accountId"], json!(account), "what was known stays");
}

/// A mail as its server would send it.
fn mail(number: usize, text: &str) -> Value {
    json!({
        "channel": "EMAIL", "direction": if number % 2 == 1 { "INBOUND" } else { "OUTBOUND" }, "subjectLine": "Chai?",
        "body": text, "threadKey": "<thread@acme>", "occurredAt": format!("2026-01-05T09:0{number}:00Z")
    })
}

#[actix_web::test]
async fn a_mail_server_sends_again_and_in_any_order_and_the_conversation_is_whole() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let other = stage.admin(&stage.tenant());
    let path = |number: usize| format!("/v1/interactions/external/imap/%3C{number}@acme%3E");
    // The last comes first, some come twice, one with another text, one over GraphQL.
    for (number, status) in [(5, 201), (2, 201), (5, 200), (1, 201), (4, 201), (2, 200), (1, 200)] {
        admin.put(&path(number), mail(number, "as it was")).await.expect(status);
    }
    let upsert = "mutation($in: InteractionInput!) { it: interactionUpsert(system: \"imap\", externalId: \"<3@acme>\", input: $in) \
                  { id version } }";
    let first = admin.graphql(upsert, json!({"in": mail(3, "as it was")})).await.expect(200);
    let again = admin.graphql(upsert, json!({"in": mail(3, "as it was")})).await.expect(200);
    assert_eq!(first.at("/data/it"), again.at("/data/it"), "{}", again.body);
    assert_eq!(first.at("/data/it/version"), 1);
    assert_eq!(admin.put(&path(4), mail(4, "mended")).await.expect(200).body["version"], 2);
    other.put(&path(1), mail(1, "theirs")).await.expect(201);
    stage.make(&tenant, "interactions", json!({"channel": "CHAT", "direction": "INBOUND", "threadKey": "<else@acme>"}));
    let thread = "/v1/interactions?filter[threadKey]=%3Cthread@acme%3E&sort=occurredAt";
    let mut texts = Vec::new();
    let mut next = format!("{thread}&limit=2");
    loop {
        let page = admin.get(&next).await.expect(200);
        texts.extend(
            page.at("/data").as_array().unwrap().iter().map(|mail| (mail["occurredAt"].clone(), mail["body"].clone())),
        );
        let Some(cursor) = page.at("/page/nextCursor").as_str() else { break };
        next = format!("{thread}&limit=2&cursor={cursor}");
    }
    let expected = |number: usize| {
        let text = if number == 4 { "mended" } else { "as it was" };
        (json!(format!("2026-01-05T09:0{number}:00Z")), json!(text))
    };
    assert_eq!(texts, (1..=5).map(expected).collect::<Vec<_>>());
    let query = "{ interactions(filter: {threadKey: {eq: \"<thread@acme>\"}}, sort: [OCCURRED_AT_DESC], first: 1) \
                 { totalCount nodes { occurredAt } } }";
    let last = admin.graphql(query, json!({})).await.expect(200);
    let expected = json!({"totalCount": 5, "nodes": [{"occurredAt": "2026-01-05T09:05:00Z"}]});
    assert_eq!(last.at("/data/interactions"), &expected);
    // Who took part is loaded the same way.
    let ann = stage.make(&tenant, "contacts", json!({"familyName": "Ann"}));
    let part = json!({"interactionId": first.at("/data/it/id"), "contactId": ann, "role": "TO"});
    let path = "/v1/interaction-contacts/external/imap/%3C3@acme%3E:to:ann";
    admin.put(path, part.clone()).await.expect(201);
    assert_eq!(admin.put(path, part).await.expect(200).body["version"], 1);
}

#[actix_web::test]
async fn the_same_mail_at_the_same_time_is_stored_once() {
    let stage = Stage::with_pool(8);
    let admin = stage.admin(&stage.tenant());
    let put = |number: usize| {
        let admin = &admin;
        async move { admin.put("/v1/interactions/external/pbx/call-1", mail(1, &format!("leg {number}"))).await }
    };
    let answers = futures_util::future::join_all((0..20).map(put)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 19);
    let all = admin.get("/v1/interactions?count=exact").await.expect(200);
    assert_eq!(all.at("/page/total"), 1);
}
