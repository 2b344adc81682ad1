//! A lead becomes an account, a contact and an opportunity: once, onto the right ones, and not at all when asked to try.

use super::desk;
use futures_util::future::join_all;
use serde_json::{Value, json};

fn maria() -> Value {
    json!({"givenName": "Maria", "familyName": "Anders", "organization": "Alfreds Futterkiste", "jobTitle": "Buyer", "email": "maria@alfreds.example",
        "phone": "+49 30 0074321", "budget": {"amount": "500", "currency": "EUR"}, "source": "fair", "authority": "CHAMPION"})
}

#[actix_web::test]
async fn a_lead_is_converted_with_all_it_knows() {
    let desk = desk().await;
    let owner = desk.stage.user(&desk.tenant, "MEMBER");
    let mut body = maria();
    body["ownerId"] = json!(owner);
    let id = desk.make("leads", body).await;
    // First try, and keep nothing.
    let tried = desk.act(&id, "convert?dryRun=true", json!({})).await.expect(200);
    assert_eq!(tried.body["status"], "CONVERTED");
    for resource in ["accounts", "contacts", "opportunities"] {
        assert_eq!(desk.count(resource).await, 0, "{resource}");
    }
    let query = "mutation($id: UUID!) { leadConvert(id: $id, input: {closeDate: \"2199-01-31\"}) { status convertedAt \
        account { name kind ownerId } contact { name jobTitle buyingRole contactPoints { nodes { channel normalizedValue } } } \
        opportunity { name amount { amount currency } source closeDate ownerId leads { nodes { id } } } } }";
    let done = desk.admin.graphql(query, json!({"id": id})).await.expect(200);
    let lead = done.at("/data/leadConvert");
    assert_eq!(lead["status"], "CONVERTED", "{}", done.body);
    assert_eq!(lead["account"], json!({"name": "Alfreds Futterkiste", "kind": "ORGANIZATION", "ownerId": owner}));
    assert_eq!(
        (&lead["contact"]["name"], &lead["contact"]["buyingRole"]),
        (&json!("Maria Anders"), &json!("CHAMPION"))
    );
    let mut ways: Vec<_> = lead["contact"]["contactPoints"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|way| way["normalizedValue"].as_str().unwrap())
        .collect();
    ways.sort_unstable();
    assert_eq!(ways, ["+49300074321", "maria@alfreds.example"]);
    let expected = json!({"name": "Alfreds Futterkiste", "amount": {"amount": "500.00", "currency": "EUR"}, "source": "fair", "closeDate": "2199-01-31", "ownerId": owner, "leads": {"nodes": [{"id": id}]}});
    assert_eq!(lead["opportunity"], expected);
    let again = desk.act(&id, "convert", json!({})).await.expect(409);
    assert_eq!(again.at("/errors/0/legal"), &json!([]));
    assert!(again.at("/errors/0/became/opportunityId").is_string());
}

#[actix_web::test]
async fn twenty_conversions_at_once_have_one_effect() {
    let desk = desk().await;
    let id = desk.make("leads", maria()).await;
    let answers = join_all((0..20).map(|_| desk.act(&id, "convert", json!({})))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((statuses[0], statuses[1], statuses[19]), (200, 409, 409), "{statuses:?}");
    for resource in ["accounts", "contacts", "opportunities"] {
        assert_eq!(desk.count(resource).await, 1, "{resource}");
    }
}

#[actix_web::test]
async fn what_is_there_already_is_offered_and_used() {
    let desk = desk().await;
    let account = desk.make("accounts", json!({"name": "Alfreds Futterkiste"})).await;
    let contact =
        desk.make("contacts", json!({"givenName": "Maria", "familyName": "Anders", "accountId": account})).await;
    let unknown = json!({"givenName": "Maria", "familyName": "Anders", "organization": "Alfreds Futterkiste"});
    let id = desk.make("leads", unknown.clone()).await;
    let refused = desk.act(&id, "convert", json!({})).await.expect(409);
    assert_eq!(refused.code(), "DUPLICATE");
    let candidate = refused.at("/errors/0/candidates/0");
    assert_eq!(
        (&candidate["kind"], &candidate["accountId"], &candidate["score"]),
        (&json!("ACCOUNT"), &json!(account), &json!(50))
    );
    let used = desk.act(&id, "convert", json!({"onDuplicate": "USE", "withoutOpportunity": true})).await.expect(200);
    assert_eq!((&used.body["accountId"], &used.body["opportunityId"]), (&json!(account), &Value::Null));
    assert_eq!(
        (desk.count("accounts").await, desk.count("contacts").await, desk.count("opportunities").await),
        (1, 2, 0)
    );
    // Onto a contact that was named, whose account follows.
    let id = desk.make("leads", unknown.clone()).await;
    let onto = desk.act(&id, "convert", json!({"contactId": contact, "opportunityName": "More"})).await.expect(200);
    assert_eq!((&onto.body["contactId"], &onto.body["accountId"]), (&json!(contact), &json!(account)));
    // New ones all the same.
    let id = desk.make("leads", unknown).await;
    desk.act(&id, "convert", json!({"onDuplicate": "IGNORE"})).await.expect(200);
    assert_eq!(desk.count("accounts").await, 2);
    // One who is known by the address needs no question.
    desk.make("contact-points", json!({"contactId": contact, "channel": "EMAIL", "value": "maria@alfreds.example"}))
        .await;
    let id = desk.make("leads", maria()).await;
    assert_eq!(desk.lead(&id).await["contactId"], json!(contact));
    let known = desk.act(&id, "convert", json!({})).await.expect(200);
    assert_eq!((&known.body["contactId"], &known.body["accountId"]), (&json!(contact), &json!(account)));
}

#[actix_web::test]
async fn a_person_and_their_address_are_not_made_twice() {
    let desk = desk().await;
    let account = desk.make("accounts", json!({"name": "Alfreds Futterkiste"})).await;
    let contact =
        desk.make("contacts", json!({"givenName": "Maria", "familyName": "Anders", "accountId": account})).await;
    desk.make("contact-points", json!({"contactId": contact, "channel": "EMAIL", "value": "maria@alfreds.example"}))
        .await;
    desk.make("contact-points", json!({"accountId": account, "channel": "PHONE", "value": "+49 30 0074321"})).await;
    // Known by both, so that it is clear who she is; whoever names the account names her by that.
    let id = desk.make("leads", maria()).await;
    let named = desk.act(&id, "convert", json!({"accountId": account})).await.expect(200);
    assert_eq!((&named.body["contactId"], desk.count("contacts").await), (&json!(contact), 1));
    // Her new number is kept, her address is not doubled.
    let ways = desk
        .admin
        .get(&format!("/v1/contact-points?filter[contactId]={contact}&sort=normalizedValue"))
        .await
        .expect(200);
    let ways: Vec<_> = ways.at("/data").as_array().unwrap().iter().map(|way| way["normalizedValue"].clone()).collect();
    assert_eq!(ways, [json!("+49300074321"), json!("maria@alfreds.example")]);
    // Of another account she is not.
    let other = desk.make("accounts", json!({"name": "Other"})).await;
    let id = desk.make("leads", maria()).await;
    let both = desk.act(&id, "convert", json!({"accountId": other, "contactId": contact})).await.expect(422);
    assert_eq!(both.pointers(), ["/contactId"]);
    // Somebody without an account gets one.
    let free = desk.make("contacts", json!({"familyName": "Free"})).await;
    let onto = desk.act(&id, "convert", json!({"contactId": free, "accountId": other})).await.expect(200);
    assert_eq!(onto.body["contactId"], json!(free));
    let now = desk.admin.get(&format!("/v1/contacts/{free}")).await.expect(200);
    assert_eq!(now.body["accountId"], json!(other));
    for (name, value) in [("accountId", json!(account)), ("contactId", Value::Null)] {
        assert_eq!(
            desk.admin.patch(&format!("/v1/leads/{id}"), json!({name: value})).await.expect(422).pointers(),
            [format!("/{name}")]
        );
    }
}

#[actix_web::test]
async fn what_cannot_be_made_leaves_nothing_behind() {
    let desk = desk().await;
    let id = desk.make("leads", maria()).await;
    let nothing = "01980000-0000-7000-8000-00000000dead";
    for (body, pointer) in [
        (json!({"accountId": nothing}), "/accountId"),
        (json!({"contactId": nothing}), "/contactId"),
        (json!({"pipelineId": nothing}), "/pipelineId"),
        (json!({"amount": {"amount": "-1", "currency": "EUR"}}), "/amount"),
        (json!({"closeDate": "soon"}), "/closeDate"),
    ] {
        assert_eq!(desk.act(&id, "convert", body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
    let other = desk.stage.tenant();
    let foreign = desk.stage.admin(&other).post("/v1/accounts", json!({"name": "Theirs"})).await.expect(201).id();
    assert_eq!(desk.act(&id, "convert", json!({"accountId": foreign})).await.expect(422).pointers(), ["/accountId"]);
    assert_eq!((desk.count("accounts").await, desk.lead(&id).await["status"].clone()), (0, json!("NEW")));
    let reader = desk.stage.as_role(&desk.tenant, "READ_ONLY");
    reader.post(&format!("/v1/leads/{id}/convert"), json!({})).await.expect(403);
}
