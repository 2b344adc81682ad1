//! Row scopes: OWN, TEAM and ALL, wherever rows can be seen or touched.

use super::with_grants;
use crate::tenancy::UNKNOWN;
use crate::tenancy::records::anonymous;
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

/// Five accounts around one user: of nobody, their own, of their team, of a team below it, of another team. Each has
/// a contact with a contact point, and a note of Kith's.
struct Field {
    stage: Stage,
    tenant: Tenant,
    teams: Vec<Uuid>,
    accounts: Vec<Uuid>,
    contacts: Vec<Uuid>,
    points: Vec<Uuid>,
    notes: Vec<Uuid>,
}

const NAMES: [&str; 5] = ["Nobody", "Own", "Team", "Below", "Other"];

impl Field {
    fn around(user: impl Fn(&Stage, &Tenant) -> Uuid) -> (Field, Uuid) {
        let stage = Stage::new();
        let tenant = stage.tenant();
        let user = user(&stage, &tenant);
        let north = stage.make(&tenant, "teams", json!({"name": "North"}));
        let middle = stage.make(&tenant, "teams", json!({"name": "Middle", "parentId": north}));
        let below = stage.make(&tenant, "teams", json!({"name": "Below", "parentId": middle}));
        let south = stage.make(&tenant, "teams", json!({"name": "South"}));
        stage.make(&tenant, "memberships", json!({"userId": user, "teamId": north}));
        let owners = [
            json!({}),
            json!({"ownerId": user}),
            json!({"teamId": north}),
            json!({"teamId": below}),
            json!({"teamId": south}),
        ];
        let make = |resource: &str, body: Value| stage.make(&tenant, resource, body);
        let (mut accounts, mut contacts, mut points, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (name, mut body) in NAMES.into_iter().zip(owners) {
            body["name"] = json!(name);
            let account = make("accounts", body);
            let contact = make("contacts", json!({"familyName": name, "accountId": account}));
            let value = format!("{}@example.com", name.to_lowercase());
            points.push(make("contact-points", json!({"contactId": contact, "channel": "EMAIL", "value": value})));
            notes.push(make("notes", json!({"subjectType": "ACCOUNT", "subjectId": account, "body": name})));
            accounts.push(account);
            contacts.push(contact);
        }
        let teams = vec![north, below, south];
        (Field { stage, tenant, teams, accounts, contacts, points, notes }, user)
    }

    /// One account each for which `grants` are tried: a user with just these, who is also in the team.
    fn with(grants: &str) -> (Field, Client) {
        let (field, user) = Field::around(|stage, tenant| with_grants(stage, tenant, grants).0);
        let client = field.stage.client(&field.tenant, user);
        (field, client)
    }

    fn rows(&self) -> [(&'static str, &[Uuid], Value); 4] {
        [
            ("accounts", &self.accounts, json!({"industry": "Food"})),
            ("contacts", &self.contacts, json!({"department": "Sales"})),
            ("contact-points", &self.points, json!({"label": "work"})),
            ("notes", &self.notes, json!({"isPinned": true})),
        ]
    }
}

fn singular(resource: &str) -> &'static str {
    &crate::tenancy::records::entry(resource).singular
}

#[actix_web::test]
async fn a_member_updates_what_belongs_to_the_team_and_archives_what_is_their_own() {
    let (field, user) = Field::around(|stage, tenant| stage.user(tenant, "MEMBER"));
    let member = field.stage.client(&field.tenant, user);
    for (resource, ids, change) in field.rows() {
        let ty = crate::tenancy::records::entry(resource).type_name;
        for (at, id) in ids.iter().enumerate() {
            let (update, archive) = ([403, 200, 200, 200, 403][at], [403, 204, 403, 403, 403][at]);
            let answer = member.patch(&format!("/v1/{resource}/{id}"), change.clone()).await;
            assert_eq!(answer.status, update, "PATCH {resource} of {}: {}", NAMES[at], answer.body);
            let mutation = format!(
                "mutation($id: UUID!, $input: {ty}Patch!) {{ {}Update(id: $id, input: $input) {{ id }} }}",
                singular(resource)
            );
            let answer = member.graphql(&mutation, json!({"id": id, "input": change})).await.expect(200);
            let code = answer.at("/errors/0/extensions/code").as_str();
            assert_eq!(code, (update == 403).then_some("FORBIDDEN"), "{resource} of {}", NAMES[at]);
            let batch = json!({"items": [{"op": "update", "id": id, "data": change}]});
            let answer = member.post(&format!("/v1/{resource}/batch"), batch).await.expect(207);
            assert_eq!(answer.at("/results/0/status"), update, "{resource} of {}", NAMES[at]);
            let answer = member.delete(&format!("/v1/{resource}/{id}?dryRun=true")).await;
            assert_eq!(answer.status, archive, "DELETE {resource} of {}: {}", NAMES[at], answer.body);
            let mutation =
                format!("mutation($id: UUID!) {{ {}Archive(id: $id, dryRun: true) {{ id }} }}", singular(resource));
            let answer = member.graphql(&mutation, json!({"id": id})).await.expect(200);
            let code = answer.at("/errors/0/extensions/code").as_str();
            assert_eq!(code, (archive == 403).then_some("FORBIDDEN"), "{resource} of {}", NAMES[at]);
        }
    }
}

/// Reads under a scope, in every way there is; `seen` tells which of the five are visible.
async fn reads(field: &Field, client: &Client, seen: [bool; 5]) {
    let visible: Vec<&str> = NAMES.into_iter().zip(seen).filter(|(_, seen)| *seen).map(|(name, _)| name).collect();
    let mut sorted = visible.clone();
    sorted.sort_unstable();
    for (resource, name) in [("accounts", "name"), ("contacts", "name"), ("notes", "body")] {
        let list = client.get(&format!("/v1/{resource}?count=exact&limit=500")).await.expect(200);
        let mut names: Vec<&str> =
            list.at("/data").as_array().unwrap().iter().map(|row| row[name].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, sorted, "{resource}");
        assert_eq!(list.at("/page/total"), sorted.len(), "{resource}");
        let query = format!("{{ {resource} {{ totalCount nodes {{ id }} }} }}");
        let list = client.graphql(&query, json!({})).await.expect(200);
        assert_eq!(list.at(&format!("/data/{resource}/totalCount")), sorted.len());
        assert_eq!(list.at(&format!("/data/{resource}/nodes")).as_array().unwrap().len(), sorted.len());
    }
    for (at, seen) in seen.into_iter().enumerate() {
        let name = NAMES[at];
        for (resource, ids, change) in field.rows() {
            let path = format!("/v1/{resource}/{}", ids[at]);
            let answer = client.get(&path).await;
            assert_eq!(answer.status, if seen { 200 } else { 404 }, "{resource} of {name}");
            if !seen {
                let unknown = client.get(&format!("/v1/{resource}/{UNKNOWN}")).await;
                assert_eq!(anonymous(&answer), anonymous(&unknown), "{resource} of {name}");
                let written = client.patch(&path, change).await.expect(404);
                assert_eq!(anonymous(&written), anonymous(&unknown), "{resource} of {name}");
            }
        }
        let count = |answer: &kith_testkit::Answer| answer.at("/data").as_array().unwrap().len();
        let found = usize::from(seen);
        for path in [
            format!("/v1/contacts?filter[account][name]={name}"),
            format!("/v1/accounts?filter[contacts][some][familyName]={name}"),
            format!("/v1/accounts?filter[notes][some][body]={name}"),
            format!("/v1/contacts?filter[contactPoints][some][normalizedValue]={}@example.com", name.to_lowercase()),
        ] {
            assert_eq!(count(&client.get(&path).await.expect(200)), found, "{path}");
        }
        let all = format!("/v1/accounts?filter[contacts][none][familyName]={name}");
        assert_eq!(count(&client.get(&all).await.expect(200)), sorted.len() - found, "{all}");
    }
    // What hangs on a visible record is shown only as far as it is visible itself.
    let list = client.get("/v1/accounts?expand=contacts,notes,owner,team&limit=500").await.expect(200);
    for account in list.at("/data").as_array().unwrap() {
        assert_eq!(account["contacts"]["data"].as_array().unwrap().len(), 1, "{account}");
        assert_eq!(account["notes"]["data"].as_array().unwrap().len(), 1, "{account}");
    }
}

const LOOK_UP: &str = "users:READ:ALL teams:READ:ALL";

#[actix_web::test]
async fn the_scope_team_covers_own_records_and_those_of_the_teams_below() {
    let (field, client) = Field::with(&format!("*:READ:TEAM *:UPDATE:TEAM {LOOK_UP}"));
    reads(&field, &client, [false, true, true, true, false]).await;
}

#[actix_web::test]
async fn the_scope_own_covers_own_records_alone() {
    let (field, client) = Field::with(&format!("*:READ:OWN *:UPDATE:OWN {LOOK_UP}"));
    // Notes belong to whoever wrote them, too; these were written by Kith on the account.
    reads(&field, &client, [false, true, false, false, false]).await;
}

#[actix_web::test]
async fn relations_show_nothing_that_the_scope_hides() {
    let (field, client) = Field::with(&format!("*:READ:TEAM {LOOK_UP}"));
    let (own, other) = (field.accounts[1], field.accounts[4]);
    let stage = &field.stage;
    let boss = field.contacts[4];
    // A visible contact that reports to a hidden one; a visible account that is part of a hidden one; and a part of it.
    let contact =
        stage.make(&field.tenant, "contacts", json!({"familyName": "Link", "accountId": own, "reportsToId": boss}));
    let part =
        stage.make(&field.tenant, "accounts", json!({"name": "Part", "parentId": other, "teamId": field.teams[0]}));
    let hidden = stage.make(&field.tenant, "accounts", json!({"name": "Hidden part", "parentId": own}));
    let read = client.get(&format!("/v1/contacts/{contact}?expand=reportsTo,account")).await.expect(200);
    assert_eq!((read.at("/reportsTo"), read.at("/account/name")), (&Value::Null, &json!("Own")));
    let read = client.get(&format!("/v1/accounts/{part}?expand=parent")).await.expect(200);
    assert_eq!((read.at("/parent"), read.at("/parentId")), (&Value::Null, &json!(other)));
    let read = client.get(&format!("/v1/accounts/{own}?expand=children,contacts")).await.expect(200);
    assert_eq!(read.at("/children/data"), &json!([]));
    assert_eq!(read.at("/contacts/data").as_array().unwrap().len(), 2);
    let read = client.get(&format!("/v1/accounts/{own}/360")).await.expect(200);
    assert_eq!(read.at("/children/data"), &json!([]));
    let query = "query($id: UUID!) { account(id: $id) { children { totalCount nodes { id } } contacts { totalCount nodes { reportsTo { id } } } } }";
    let read = client.graphql(query, json!({"id": own})).await.expect(200);
    let expected = json!({"children": {"totalCount": 0, "nodes": []}, "contacts": {"totalCount": 2, "nodes": [{"reportsTo": null}, {"reportsTo": null}]}});
    assert_eq!(read.at("/data/account"), &expected);
    for (filter, found) in [
        ("filter[parent][name]=Other".to_owned(), 0),
        (format!("filter[children][some][id]={hidden}"), 0),
        ("filter[contacts][some][reportsTo][familyName]=Other".to_owned(), 0),
        ("filter[not][parent][name]=Other&filter[name]=Part".to_owned(), 1),
    ] {
        let list = client.get(&format!("/v1/accounts?{filter}")).await.expect(200);
        assert_eq!(list.at("/data").as_array().unwrap().len(), found, "{filter}");
    }
}

#[actix_web::test]
async fn what_may_not_be_read_may_not_be_filtered_or_expanded_by() {
    let (field, client) = Field::with("accounts:READ:ALL");
    for query in
        ["filter[contacts][some][familyName]=Own", "filter[owner][name]=Somebody", "filter[notes][none][body]=x"]
    {
        let refused = client.get(&format!("/v1/accounts?{query}")).await.expect(422);
        assert_eq!(refused.at("/errors/0/code"), "FORBIDDEN", "{query}");
    }
    client.get("/v1/accounts?expand=contacts").await.expect(403);
    // The page of an account shows what there is to see.
    let page = client.get(&format!("/v1/accounts/{}/360", field.accounts[1])).await.expect(200);
    assert_eq!((page.at("/name"), page.body.get("contacts"), page.body.get("owner")), (&json!("Own"), None, None));
    for inner in ["contacts { totalCount }", "owner { name }", "notes { nodes { body } }"] {
        let query = format!("{{ accounts {{ nodes {{ id {inner} }} }} }}");
        let refused = client.graphql(&query, json!({})).await.expect(200);
        assert_eq!(refused.at("/errors/0/extensions/code"), "FORBIDDEN", "{inner}");
        assert_eq!(refused.at("/data/accounts"), &Value::Null);
    }
}

#[actix_web::test]
async fn nobody_moves_a_record_to_where_they_could_not_have_written_it() {
    let (field, client) = Field::with(&format!("*:READ:ALL *:CREATE:OWN *:UPDATE:TEAM {LOOK_UP}"));
    let own = format!("/v1/accounts/{}", field.accounts[1]);
    let team = format!("/v1/accounts/{}", field.accounts[2]);
    let before = client.get(&team).await.expect(200);
    client.patch(&team, json!({"teamId": field.teams[2]})).await.expect(403);
    client.patch(&team, json!({"teamId": null})).await.expect(403);
    client.patch(&own, json!({"ownerId": field.tenant.admin})).await.expect(403);
    let contact = format!("/v1/contacts/{}", field.contacts[2]);
    client.patch(&contact, json!({"accountId": field.accounts[4]})).await.expect(403);
    assert_eq!(client.get(&team).await.expect(200).body, before.body, "nothing was kept");
    client.patch(&team, json!({"teamId": field.teams[1]})).await.expect(200);
    client.patch(&own, json!({"teamId": field.teams[2]})).await.expect(200);
    // Who may make only own records owns what they make.
    let made = client.post("/v1/accounts", json!({"name": "Mine"})).await.expect(201);
    let viewer = client.graphql("{ viewer { id } }", json!({})).await.expect(200);
    assert_eq!(made.at("/ownerId"), viewer.at("/data/viewer/id"));
    client.post("/v1/accounts", json!({"name": "Theirs", "ownerId": field.tenant.admin})).await.expect(403);
    client
        .post("/v1/accounts", json!({"name": "Of a team", "ownerId": null, "teamId": field.teams[0]}))
        .await
        .expect(201);
    let list = client.get("/v1/accounts?filter[name]=Theirs&archived=any").await.expect(200);
    assert_eq!(list.at("/data"), &json!([]));
}

#[actix_web::test]
async fn a_reference_to_a_record_outside_the_scope_is_refused_like_one_to_nothing() {
    let (field, client) = Field::with(&format!("*:READ:TEAM *:CREATE:ALL *:UPDATE:ALL {LOOK_UP}"));
    let (other, contact) = (field.accounts[4].to_string(), field.contacts[4].to_string());
    let mine = format!("/v1/contacts/{}", field.contacts[1]);
    for (method, path, body, name, id) in [
        ("POST", "/v1/contacts", json!({"familyName": "A"}), "accountId", &other),
        ("POST", "/v1/contacts", json!({"familyName": "A"}), "reportsToId", &contact),
        ("PATCH", mine.as_str(), json!({}), "accountId", &other),
        ("POST", "/v1/accounts", json!({"name": "A"}), "parentId", &other),
        ("POST", "/v1/addresses", json!({"city": "A"}), "contactId", &contact),
        ("POST", "/v1/account-roles", json!({"role": "CUSTOMER"}), "accountId", &other),
        ("POST", "/v1/notes", json!({"subjectType": "ACCOUNT", "body": "A"}), "subjectId", &other),
        ("POST", "/v1/notes", json!({"subjectType": "CONTACT", "body": "A"}), "subjectId", &contact),
        (
            "POST",
            "/v1/external-ids",
            json!({"subjectType": "ACCOUNT", "system": "a", "externalId": "b"}),
            "subjectId",
            &other,
        ),
    ] {
        let mut answers = Vec::new();
        for id in [id.as_str(), UNKNOWN] {
            let mut body = body.clone();
            body[name] = json!(id);
            let answer = client.send(method, path, Some(body.to_string().into_bytes())).await.expect(422);
            assert_eq!(answer.at("/errors/0/code"), "UNKNOWN_REFERENCE", "{path} {name}");
            answers.push(anonymous(&answer));
        }
        assert_eq!(answers[0], answers[1], "{path} {name}");
    }
}

#[actix_web::test]
async fn each_action_needs_only_its_own_right() {
    let (field, client) = Field::with("accounts:READ:ALL accounts:ARCHIVE:OWN");
    let own = format!("/v1/accounts/{}", field.accounts[1]);
    client.delete(&format!("/v1/accounts/{}", field.accounts[2])).await.expect(403);
    client.patch(&own, json!({"name": "x"})).await.expect(403);
    client.delete(&own).await.expect(204);
    client.post(&format!("{own}/restore"), json!({})).await.expect(200);
    // Writing without the right to read: nothing is shown that could not be written.
    let (field, client) = Field::with("accounts:UPDATE:OWN");
    client.patch(&format!("/v1/accounts/{}", field.accounts[1]), json!({"name": "x"})).await.expect(200);
    client.patch(&format!("/v1/accounts/{}", field.accounts[2]), json!({"name": "x"})).await.expect(404);
    client.get("/v1/accounts").await.expect(403);
}
