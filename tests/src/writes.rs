//! Writes of one record through both doors: create, merge patch, archive, restore, conditions, and what they leave in
//! the journal.

mod archived;
mod condition;
mod keys;

use diesel::sql_types::{Array, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl, sql_query};
use kith_testkit::{Answer, Client, Stage};
use serde_json::{Value, json};
use uuid::Uuid;

const FIELDS: [&str; 8] =
    ["id", "version", "name", "legalName", "industry", "registrationNumber", "annualRevenue", "archivedAt"];

/// One of the two ways in, for accounts.
#[derive(Clone)]
struct Door {
    client: Client,
    graphql: bool,
}

/// The record, or the code of the refusal with the codes and pointers of its places.
type Outcome = Result<Value, (String, Vec<String>)>;

fn doors(client: &Client) -> [Door; 2] {
    [false, true].map(|graphql| Door { client: client.clone(), graphql })
}

impl Door {
    async fn create(&self, body: Value) -> Outcome {
        if self.graphql {
            return self.mutate("accountCreate(input: $input)", json!({"input": body})).await;
        }
        rest(self.client.post("/v1/accounts", body).await)
    }

    async fn update(&self, id: &str, version: Option<i64>, body: Value) -> Outcome {
        if self.graphql {
            let call = "accountUpdate(id: $id, input: $patch, expectedVersion: $version)";
            return self.mutate(call, json!({"id": id, "patch": body, "version": version})).await;
        }
        let client = self.matching(version);
        rest(client.patch(&format!("/v1/accounts/{id}"), body).await)
    }

    async fn archive(&self, id: &str, version: Option<i64>) -> Outcome {
        if self.graphql {
            let call = "accountArchive(id: $id, expectedVersion: $version)";
            return self.mutate(call, json!({"id": id, "version": version})).await;
        }
        let answer = self.matching(version).delete(&format!("/v1/accounts/{id}")).await;
        if answer.status == 204 { self.read(id).await } else { rest(answer) }
    }

    async fn restore(&self, id: &str, version: Option<i64>) -> Outcome {
        if self.graphql {
            let call = "accountRestore(id: $id, expectedVersion: $version)";
            return self.mutate(call, json!({"id": id, "version": version})).await;
        }
        rest(self.matching(version).post(&format!("/v1/accounts/{id}/restore"), json!({})).await)
    }

    async fn read(&self, id: &str) -> Outcome {
        rest(self.client.get(&format!("/v1/accounts/{id}")).await)
    }

    fn matching(&self, version: Option<i64>) -> Client {
        version.map_or(self.client.clone(), |version| self.client.with("if-match", &format!("\"{version}\"")))
    }

    async fn mutate(&self, call: &str, variables: Value) -> Outcome {
        let types = [("$input", "AccountInput!"), ("$patch", "AccountPatch!"), ("$id", "UUID!"), ("$version", "Int")];
        let used = types.iter().filter(|(name, _)| call.contains(name));
        let head = used.map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join(", ");
        let fields = FIELDS.join(" ").replace("annualRevenue", "annualRevenue { amount currency }");
        let query = format!("mutation({head}) {{ it: {call} {{ {fields} }} }}");
        let answer = self.client.graphql(&query, variables).await.expect(200);
        let Some(error) = answer.body.pointer("/errors/0") else { return Ok(answer.at("/data/it").clone()) };
        assert_eq!(answer.at("/data/it"), &Value::Null);
        Err(refusal(&error["extensions"]))
    }
}

fn refusal(problem: &Value) -> (String, Vec<String>) {
    let places = problem["errors"].as_array().into_iter().flatten();
    let text = |place: &Value| format!("{} {}", place["code"].as_str().unwrap(), place["pointer"].as_str().unwrap());
    (problem["code"].as_str().unwrap().to_owned(), places.map(text).collect())
}

fn rest(answer: Answer) -> Outcome {
    if answer.status >= 400 {
        return Err(refusal(&answer.body));
    }
    Ok(FIELDS
        .iter()
        .map(|field| ((*field).to_owned(), answer.body[field].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into())
}

fn refused(code: &str, places: &[&str]) -> Outcome {
    Err((code.into(), places.iter().map(|place| (*place).to_owned()).collect()))
}

fn id(record: &Outcome) -> String {
    record.as_ref().unwrap()["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_created_record_is_answered_whole_with_its_place_and_version() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let made = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    assert_eq!(made.header("location"), Some(format!("/v1/accounts/{}", made.id()).as_str()));
    assert_eq!(made.header("etag"), Some("\"1\""));
    assert_eq!(made.at("/createdBy"), tenant.admin.to_string().as_str());
    assert_eq!(made.at("/updatedBy"), made.at("/createdBy"));
    assert_eq!(made.at("/updatedAt"), made.at("/createdAt"));
    assert_eq!((made.at("/kind"), made.at("/status")), (&json!("ORGANIZATION"), &json!("ACTIVE")));
    let read = admin.get(made.header("location").unwrap()).await.expect(200);
    assert_eq!(
        (read.bytes, read.headers.get("etag").cloned()),
        (made.bytes.clone(), made.headers.get("etag").cloned())
    );
    let [door, other] = doors(&admin);
    let (one, two) = (door.create(json!({"name": "Same"})).await, other.create(json!({"name": "Same"})).await);
    assert!(id(&one) != id(&two) && Uuid::parse_str(&id(&two)).unwrap().get_version_num() == 7);
    let strip = |record: Outcome| {
        let mut record = record.unwrap();
        record["id"] = Value::Null;
        record
    };
    assert_eq!(strip(one), strip(two));
    for door in doors(&admin) {
        assert_eq!(door.create(json!({})).await.unwrap_err().0, "VALIDATION_FAILED");
        assert_eq!(door.create(json!({"name": "  "})).await, refused("VALIDATION_FAILED", &["REQUIRED /name"]));
    }
}

#[actix_web::test]
async fn a_client_may_choose_the_id_once() {
    let stage = Stage::new();
    let (tenant, stranger) = (stage.tenant(), stage.tenant());
    let (admin, stranger) = (stage.admin(&tenant), stage.admin(&stranger));
    for door in doors(&admin) {
        let chosen = stage.system(&tenant).new_id().to_string();
        let made = door.create(json!({"id": chosen, "name": "Acme"})).await;
        assert_eq!(id(&made), chosen);
        for again in doors(&admin) {
            let answer = again.create(json!({"id": chosen, "name": "Acme"})).await;
            assert_eq!(answer, refused("DUPLICATE", &["DUPLICATE /id"]));
        }
        // An archived record keeps its id and can be restored; another tenant knows nothing of either.
        door.archive(&chosen, None).await.unwrap();
        assert_eq!(door.create(json!({"id": chosen, "name": "Acme"})).await.unwrap_err().0, "CONFLICT");
        assert_eq!(stranger.post("/v1/accounts", json!({"id": chosen, "name": "Mine"})).await.expect(201).id(), chosen);
        assert_eq!(door.read(&chosen).await.unwrap()["name"], "Acme");
    }
    for bad in [json!("7"), json!(7), json!(null), json!("{018f0000-0000-7000-8000-000000000000}")] {
        let answer = admin.post("/v1/accounts", json!({"id": bad, "name": "Acme"})).await.expect(422);
        assert_eq!(answer.pointers(), ["/id"], "{bad}");
    }
}

#[actix_web::test]
async fn a_patch_changes_what_it_names_and_null_clears() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    for door in doors(&admin) {
        let body =
            json!({"name": "Acme", "legalName": "Acme Ltd", "annualRevenue": {"amount": "5", "currency": "EUR"}});
        let made = door.create(body).await;
        let id = id(&made);
        let patched = door.update(&id, None, json!({"industry": "Steel", "legalName": null})).await.unwrap();
        let mut expected = made.unwrap();
        expected["version"] = json!(2);
        expected["industry"] = json!("Steel");
        expected["legalName"] = Value::Null;
        assert_eq!(patched, expected);
        let cleared = door.update(&id, None, json!({"annualRevenue": null})).await.unwrap();
        assert_eq!((&cleared["annualRevenue"], &cleared["version"]), (&Value::Null, &json!(3)));
        for nothing in [json!({}), json!({"industry": "Steel"}), json!({"annualRevenue": null, "name": "Acme"})] {
            assert_eq!(door.update(&id, None, nothing).await.unwrap(), cleared);
        }
        assert_eq!(door.read(&id).await.unwrap(), cleared);
        assert_eq!(door.update(&id, None, json!({"name": null})).await.unwrap_err().0, "VALIDATION_FAILED");
        let nobody = Uuid::nil().to_string();
        assert_eq!(door.update(&nobody, None, json!({"name": "x"})).await, refused("NOT_FOUND", &[]));
        assert_eq!(door.archive(&nobody, None).await, refused("NOT_FOUND", &[]));
        assert_eq!(door.restore("no-id", None).await.unwrap_err().0, "NOT_FOUND");
    }
}

#[actix_web::test]
async fn unknown_and_read_only_members_are_refused_all_at_once() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let account = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let contact = admin.post("/v1/contacts", json!({"familyName": "Anders"})).await.expect(201);
    let read_only = [
        ("version", json!(9)),
        ("createdAt", json!("2026-01-01T00:00:00Z")),
        ("createdBy", json!(null)),
        ("updatedAt", json!("2026-01-01T00:00:00Z")),
        ("updatedBy", json!(null)),
        ("archivedAt", json!(null)),
    ];
    for (resource, record, own) in [("accounts", &account, "importanceSource"), ("contacts", &contact, "name")] {
        let (path, name) = (format!("/v1/{resource}/{}", record.id()), format!("/{own}"));
        let mut body: serde_json::Map<String, Value> = read_only.iter().cloned().map(|(n, v)| (n.into(), v)).collect();
        body.extend([
            (own.to_owned(), json!("MANUAL")),
            ("tenantId".to_owned(), json!(Uuid::nil())),
            ("a/b".to_owned(), json!(1)),
        ]);
        for patch in [true, false] {
            if patch {
                body.insert("id".into(), json!(record.id()));
            } else {
                body.remove("id");
                body.insert(if resource == "accounts" { "name" } else { "familyName" }.into(), json!("x"));
            }
            let sent = Value::Object(body.clone());
            let answer =
                if patch { admin.patch(&path, sent).await } else { admin.post(&format!("/v1/{resource}"), sent).await };
            let answer = answer.expect(422);
            let (code, mut places) = refusal(&answer.body);
            let mut expected: Vec<_> = read_only.iter().map(|(name, _)| format!("READ_ONLY /{name}")).collect();
            expected.extend([
                format!("READ_ONLY {name}"),
                "UNKNOWN_FIELD /tenantId".into(),
                "UNKNOWN_FIELD /a~1b".into(),
            ]);
            expected.extend(patch.then(|| "READ_ONLY /id".to_owned()));
            places.sort();
            expected.sort();
            assert_eq!((code.as_str(), places), ("VALIDATION_FAILED", expected), "{resource} patch: {patch}");
        }
        assert_eq!(admin.get(&path).await.expect(200).bytes, record.bytes);
    }
    let [_, door] = doors(&admin);
    for (name, value) in
        read_only.iter().cloned().chain([("tenantId", json!(Uuid::nil())), ("importanceSource", json!("MANUAL"))])
    {
        let answer = door.create(json!({"name": "x", name: value})).await;
        assert_eq!(answer.unwrap_err().0, "VALIDATION_FAILED", "{name}");
        let answer = door.update(&account.id(), None, json!({name: value})).await;
        assert_eq!(answer.unwrap_err().0, "VALIDATION_FAILED", "{name}");
    }
    assert_eq!(admin.get("/v1/accounts?count=exact").await.expect(200).at("/page/total"), 1);
}

#[actix_web::test]
async fn archiving_and_restoring_twice_is_doing_it_once() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    for door in doors(&admin) {
        let id = id(&door.create(json!({"name": "Acme"})).await);
        let archived = door.archive(&id, Some(1)).await.unwrap();
        assert!(archived["version"] == 2 && archived["archivedAt"].is_string());
        assert_eq!(door.archive(&id, None).await.unwrap(), archived);
        assert_eq!(door.archive(&id, Some(1)).await.unwrap(), archived);
        assert_eq!(door.update(&id, None, json!({"name": "x"})).await, refused("CONFLICT", &[]));
        assert_eq!(door.restore(&id, Some(1)).await, refused("VERSION_CONFLICT", &[]));
        let restored = door.restore(&id, Some(2)).await.unwrap();
        assert!(restored["version"] == 3 && restored["archivedAt"].is_null());
        assert_eq!(door.restore(&id, None).await.unwrap(), restored);
        assert_eq!(door.archive(&id, Some(2)).await, refused("VERSION_CONFLICT", &[]));
    }
}

#[actix_web::test]
async fn uniqueness_does_not_see_archived_records() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    for door in doors(&admin) {
        let number = json!({"name": "Acme", "registrationNumber": format!("HRB {}", door.graphql)});
        let first = id(&door.create(number.clone()).await);
        let taken = refused("DUPLICATE", &["DUPLICATE /registrationNumber"]);
        assert_eq!(door.create(number.clone()).await, taken);
        let other = id(&door.create(json!({"name": "Other"})).await);
        let patch = json!({"registrationNumber": number["registrationNumber"]});
        assert_eq!(door.update(&other, None, patch.clone()).await, taken);
        door.archive(&first, None).await.unwrap();
        door.update(&other, None, patch).await.unwrap();
        assert_eq!(door.restore(&first, None).await, taken);
        door.update(&other, None, json!({"registrationNumber": null})).await.unwrap();
        door.restore(&first, None).await.unwrap();
    }
}

#[actix_web::test]
async fn a_stale_write_is_merged_unless_it_meets_another_change() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (admin, member) = (stage.admin(&tenant), stage.user(&tenant, "ADMIN"));
    let other = stage.client(&tenant, member);
    for door in doors(&admin) {
        let id = id(&door.create(json!({"name": "Acme", "industry": "Steel"})).await);
        let path = format!("/v1/accounts/{id}");
        let theirs =
            other.patch(&path, json!({"industry": "Iron", "annualRevenue": {"amount": "5", "currency": "EUR"}}));
        let theirs = theirs.await.expect(200);
        // Other fields: merged. The same value, however it is written: no conflict.
        let merged = door.update(&id, Some(1), json!({"legalName": "Acme Ltd"})).await.unwrap();
        assert_eq!((&merged["version"], &merged["industry"]), (&json!(3), &json!("Iron")));
        let same = json!({"industry": "Iron", "annualRevenue": {"amount": "5.000", "currency": "EUR"}});
        assert_eq!(door.update(&id, Some(1), same).await.unwrap(), merged);
        assert_eq!(door.update(&id, Some(3), json!({"industry": "Tin"})).await.unwrap()["version"], 4);
        other.patch(&path, json!({"industry": "Iron"})).await.expect(200);
        let clash = door.update(&id, Some(2), json!({"industry": "Lead", "name": "Acme 2"})).await;
        assert_eq!(clash, refused("VERSION_CONFLICT", &["VERSION_CONFLICT /industry"]));
        let read = door.read(&id).await.unwrap();
        assert_eq!((&read["name"], &read["version"]), (&json!("Acme"), &json!(5)));
        for ahead in [6, 0, -1] {
            assert_eq!(door.update(&id, Some(ahead), json!({"name": "x"})).await, refused("VERSION_CONFLICT", &[]));
        }
        let answer = admin.with("if-match", "\"1\"").patch(&path, json!({"industry": "Lead"})).await.expect(412);
        let place = answer.at("/errors/0");
        assert_eq!((&place["yours"], &place["current"]), (&json!("Lead"), &json!("Iron")));
        assert_eq!(place["changedBy"], member.to_string());
        assert!(place["changedAt"].as_str() >= theirs.at("/updatedAt").as_str(), "{place}");
        assert_eq!(
            admin.with("if-match", "*").patch(&path, json!({"name": "Any"})).await.expect(200).at("/version"),
            6
        );
    }
    let path = format!("/v1/accounts/{}", id(&doors(&admin)[0].create(json!({"name": "Acme"})).await));
    for broken in ["1", "\"\"", "W/\"1\"", "\"a\"", "\"1\", \"2\"", "\"1", "\"99999999999\"", "\"1.0\""] {
        let answer = admin.with("if-match", broken).patch(&path, json!({"name": "x"})).await.expect(400);
        assert_eq!(answer.code(), "MALFORMED_REQUEST", "{broken}");
        admin.with("if-match", broken).delete(&path).await.expect(400);
    }
    admin.with("if-match", "\"1\"").with("if-match", "\"1\"").delete(&path).await.expect(400);
}

#[actix_web::test]
async fn a_reader_who_has_the_current_version_is_told_so() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let made = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let path = format!("/v1/accounts/{}", made.id());
    for tag in ["\"1\"", "W/\"1\"", "\"9\", \"1\"", "*"] {
        let answer = admin.with("if-none-match", tag).get(&path).await.expect(304);
        assert_eq!((answer.bytes.len(), answer.header("etag")), (0, Some("\"1\"")), "{tag}");
    }
    admin.patch(&path, json!({"name": "Acme 2"})).await.expect(200);
    let answer = admin.with("if-none-match", "\"1\"").get(&path).await.expect(200);
    assert_eq!((answer.at("/name"), answer.header("etag")), (&json!("Acme 2"), Some("\"2\"")));
    admin.with("if-none-match", "\"2\"").get(&format!("{path}?expand=contacts")).await.expect(200);
}

#[derive(QueryableByName, Debug)]
struct Entry {
    #[diesel(sql_type = Text)]
    operation: String,
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Array<Text>)]
    changed_fields: Vec<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    before: Option<Value>,
    #[diesel(sql_type = Jsonb)]
    after: Value,
    #[diesel(sql_type = Text)]
    channel: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    actor_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    request_id: Option<Uuid>,
}

/// What the journal says about a record; the change log must say the same in the same order.
fn journal(stage: &Stage, id: &str) -> Vec<Entry> {
    let query = "SELECT a.operation, a.version, a.changed_fields, a.before, a.after, a.channel, a.actor_id, a.request_id
        FROM change_log c JOIN audit_log a ON a.tenant_id = c.tenant_id AND a.id = c.audit_id AND a.record_id = c.record_id
            AND a.version = c.version AND a.operation = c.operation AND a.changed_fields = c.changed_fields
            AND a.resource = c.resource
        WHERE a.record_id = $1 ORDER BY c.xid, c.seq";
    let id = Uuid::parse_str(id).unwrap();
    sql_query(query).bind::<SqlUuid, _>(id).load(&mut stage.scratch.owner()).unwrap()
}

#[actix_web::test]
async fn every_write_leaves_one_audit_row_and_one_change() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    for door in doors(&admin) {
        let id = id(&door.create(json!({"name": "Acme"})).await);
        door.update(&id, None, json!({"industry": "Steel", "name": "Acme"})).await.unwrap();
        door.update(&id, None, json!({"industry": "Steel"})).await.unwrap();
        door.update(&id, None, json!({"name": ""})).await.unwrap_err();
        door.archive(&id, None).await.unwrap();
        door.archive(&id, None).await.unwrap();
        door.restore(&id, None).await.unwrap();
        let full = admin.get(&format!("/v1/accounts/{id}")).await.expect(200);
        let entries = journal(&stage, &id);
        let told: Vec<_> =
            entries.iter().map(|e| (e.operation.as_str(), e.version, e.changed_fields.join(","))).collect();
        let expected = [
            ("created", 1, String::new()),
            ("updated", 2, "industry".into()),
            ("archived", 3, "archivedAt".into()),
            ("restored", 4, "archivedAt".into()),
        ];
        assert_eq!(told, expected);
        assert_eq!(entries[0].before, None);
        assert_eq!(
            (&entries[1].before.as_ref().unwrap()["industry"], &entries[1].after["industry"]),
            (&Value::Null, &json!("Steel"))
        );
        assert_eq!(entries[3].after, full.body);
        for pair in entries.windows(2) {
            assert_eq!(pair[1].before.as_ref(), Some(&pair[0].after));
        }
        for entry in &entries {
            assert_eq!(entry.channel, if door.graphql { "graphql" } else { "rest" });
            assert_eq!(entry.actor_id, Some(tenant.admin));
            assert!(entry.request_id.is_some());
        }
        let answer = admin.patch(&format!("/v1/accounts/{id}"), json!({"name": "Last"})).await.expect(200);
        let last = journal(&stage, &id).pop().unwrap();
        assert_eq!(last.request_id.map(|id| id.to_string()).as_deref(), answer.header("x-request-id"));
    }
}
