//! Who sees what of a timeline: rights over each kind, and row scopes.

use super::timeline::read;
use crate::authz::with_grants;
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

struct Company {
    stage: Stage,
    tenant: Tenant,
    account: Uuid,
    ann: Uuid,
}

/// An account with a contact and an opportunity, and something of each kind.
fn company() -> Company {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let make = |resource: &str, body: Value| stage.make(&tenant, resource, body);
    let account = make("accounts", json!({"name": "Acme"}));
    let ann = make("contacts", json!({"familyName": "Ann", "accountId": account}));
    let pipeline = make("pipelines", json!({"name": "Sales", "isDefault": true}));
    make("stages", json!({"pipelineId": pipeline, "name": "Secret stage", "position": 1, "probability": 10}));
    make("opportunities", json!({"name": "Chai", "accountId": account}));
    make("notes", json!({"subjectType": "ACCOUNT", "subjectId": account, "body": "Note"}));
    make("tasks", json!({"title": "Task", "accountId": account}));
    make("interactions", json!({"channel": "PHONE", "direction": "INBOUND", "accountId": account}));
    let mail = make("interactions", json!({"channel": "EMAIL", "direction": "INBOUND", "subjectLine": "Only Ann"}));
    make("interaction-contacts", json!({"interactionId": mail, "contactId": ann}));
    Company { stage, tenant, account, ann }
}

async fn kinds(client: &Client, account: Uuid) -> Vec<String> {
    let path = format!("/v1/accounts/{account}/timeline?");
    let mut kinds: Vec<_> = read(client, &path, 50).await.into_iter().map(|(_, kind, _)| kind).collect();
    let query = "query($id: UUID!) { accountTimeline(id: $id) { nodes { kind note { body } stageChange { id } } } }";
    let graphql = client.graphql(query, json!({"id": account})).await.expect(200);
    let same =
        graphql.at("/data/accountTimeline/nodes").as_array().unwrap_or_else(|| panic!("{}", graphql.body)).clone();
    assert_eq!(same.iter().map(|entry| entry["kind"].as_str().unwrap()).collect::<Vec<_>>(), kinds);
    kinds.sort();
    kinds
}

const ALL: &str = "accounts:READ:ALL contacts:READ:ALL opportunities:READ:ALL stage-changes:READ:ALL stages:READ:ALL \
                   notes:READ:ALL tasks:READ:ALL interactions:READ:ALL interaction-contacts:READ:ALL";

#[actix_web::test]
async fn who_may_not_read_a_kind_sees_none_of_it() {
    let company = company();
    let whole = ["INTERACTION", "INTERACTION", "NOTE", "STAGE_CHANGE", "TASK"];
    let with = |grants: &str| with_grants(&company.stage, &company.tenant, grants).1;
    assert_eq!(kinds(&with(ALL), company.account).await, whole);
    for (right, missing) in [
        ("notes", vec!["NOTE"]),
        ("tasks", vec!["TASK"]),
        ("interactions", vec!["INTERACTION"]),
        ("stage-changes", vec!["STAGE_CHANGE"]),
        // What is found through a record that may not be read is not found.
        ("opportunities", vec!["STAGE_CHANGE"]),
    ] {
        let client = with(&ALL.replace(&format!(" {right}:READ:ALL"), ""));
        let expected: Vec<_> = whole.iter().filter(|kind| !missing.contains(kind)).collect();
        assert_eq!(kinds(&client, company.account).await.iter().collect::<Vec<_>>(), expected, "without {right}");
        let asked = format!("/v1/accounts/{}/timeline?kinds={}", company.account, missing[0]);
        assert_eq!(client.get(&asked).await.expect(200).at("/data"), &json!([]), "without {right}");
    }
    for right in ["contacts", "interaction-contacts"] {
        let client = with(&ALL.replace(&format!(" {right}:READ:ALL"), ""));
        let found =
            client.get(&format!("/v1/accounts/{}/timeline?kinds=INTERACTION", company.account)).await.expect(200);
        assert_eq!(found.at("/data").as_array().unwrap().len(), 1, "the mail is found through Ann: {right}");
        assert_eq!(found.at("/data/0/channel"), "PHONE");
    }
    // The name of a stage is for who may read stages.
    let title = async |client: &Client| {
        let path = format!("/v1/accounts/{}/timeline?kinds=STAGE_CHANGE", company.account);
        client.get(&path).await.expect(200).at("/data/0/title").clone()
    };
    assert_eq!(title(&with(ALL)).await, "Secret stage");
    assert_eq!(title(&with(&ALL.replace(" stages:READ:ALL", ""))).await, Value::Null);
    // Without the right to read accounts there is no timeline of one; without any other right it is empty.
    let none = with(&ALL.replace("accounts:READ:ALL", ""));
    let refused = none.get(&format!("/v1/accounts/{}/timeline", company.account)).await.expect(403);
    assert_eq!(refused.code(), "FORBIDDEN");
    assert_eq!(kinds(&with("accounts:READ:ALL"), company.account).await, Vec::<String>::new());
}

#[actix_web::test]
async fn own_rows_alone_stand_in_the_timeline_of_who_sees_own_rows_alone() {
    let company = company();
    let grants = ALL.replace(":READ:ALL", ":READ:OWN").replace("accounts:READ:OWN", "accounts:READ:ALL");
    let (me, client) = with_grants(&company.stage, &company.tenant, &grants);
    let account = company.account;
    assert_eq!(kinds(&client, account).await, Vec::<String>::new(), "nothing of it is theirs");
    let make = |resource: &str, body: Value| company.stage.make(&company.tenant, resource, body);
    make("tasks", json!({"title": "Mine", "accountId": account, "assigneeId": me}));
    make("tasks", json!({"title": "Another's", "accountId": account, "assigneeId": company.tenant.admin}));
    make("interactions", json!({"channel": "PHONE", "direction": "INBOUND", "accountId": account, "ownerId": me}));
    assert_eq!(kinds(&client, account).await, ["INTERACTION", "TASK"]);
    // Owning the contact opens what is about the contact, and what they took part in as far as it is one's own.
    let admin = company.stage.admin(&company.tenant);
    admin.patch(&format!("/v1/contacts/{}", company.ann), json!({"ownerId": me})).await.expect(200);
    make("notes", json!({"subjectType": "CONTACT", "subjectId": company.ann, "body": "About Ann"}));
    assert_eq!(kinds(&client, account).await, ["INTERACTION", "NOTE", "TASK"]);
    // Owning the account opens all of it.
    admin.patch(&format!("/v1/accounts/{account}"), json!({"ownerId": me})).await.expect(200);
    let all = kinds(&client, account).await;
    assert_eq!(all, ["INTERACTION", "INTERACTION", "NOTE", "NOTE", "TASK", "TASK", "TASK"]);
    // An account that is out of sight has no timeline.
    let (_, stranger) = with_grants(&company.stage, &company.tenant, &ALL.replace(":READ:ALL", ":READ:OWN"));
    stranger.get(&format!("/v1/accounts/{account}/timeline")).await.expect(404);
}
