//! Timelines: all that there is about a record, in pages, against a model that asks every list.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_types as st};
use kith_kernel::{Statement, Timeline, TimelineArgs};
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Numbers that look random and are always the same.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.roll(all.len())].clone()
    }
}

/// An account with two people, an address and an opportunity, and another account with a person; much about each of
/// them, at few times.
pub struct Scene {
    pub stage: Stage,
    pub tenant: Tenant,
    pub admin: Client,
    pub base: DateTime<Utc>,
    /// Type and id: the account, its contacts, address and opportunity; the other account and its contact.
    pub subjects: Vec<(&'static str, Uuid)>,
}

impl Scene {
    pub fn new() -> Scene {
        let stage = Stage::new();
        let base: DateTime<Utc> = "2026-06-01T09:00:00Z".parse().unwrap();
        stage.app.clock.stop_at(base);
        let tenant = stage.tenant();
        let admin = stage.admin(&tenant);
        let make = |resource: &str, body: Value| stage.make(&tenant, resource, body);
        let account = make("accounts", json!({"name": "Acme"}));
        let other = make("accounts", json!({"name": "Globex"}));
        let person = |name: &str, account: Uuid| make("contacts", json!({"familyName": name, "accountId": account}));
        let (ann, bob, cleo) = (person("Ann", account), person("Bob", account), person("Cleo", other));
        let address = make("addresses", json!({"accountId": account, "city": "Ulm"}));
        let pipeline = make("pipelines", json!({"name": "Sales", "isDefault": true}));
        for (at, name) in ["Lead", "Offer", "Closing"].into_iter().enumerate() {
            let stage = json!({"pipelineId": pipeline, "name": name, "position": at + 1, "probability": 10});
            make("stages", stage);
        }
        let opportunity = make("opportunities", json!({"name": "Chai", "accountId": account}));
        let subjects = vec![
            ("ACCOUNT", account),
            ("CONTACT", ann),
            ("CONTACT", bob),
            ("ADDRESS", address),
            ("OPPORTUNITY", opportunity),
            ("ACCOUNT", other),
            ("CONTACT", cleo),
        ];
        Scene { stage, tenant, admin, base, subjects }
    }

    fn make(&self, resource: &str, body: Value) -> Uuid {
        self.stage.make(&self.tenant, resource, body)
    }

    /// One of four times, so that many things happen at once.
    fn time(&self, dice: &mut Dice) -> DateTime<Utc> {
        self.base + TimeDelta::minutes(i64::try_from(dice.roll(4)).unwrap())
    }

    fn touch(&self, dice: &mut Dice) {
        let (kind, id) = dice.pick(&self.subjects);
        let at = self.time(dice);
        let channel = dice.pick(&["PHONE", "EMAIL", "CHAT"]);
        let mut body = json!({"channel": channel, "direction": "INBOUND", "occurredAt": at, "subjectLine": "Hello"});
        match dice.roll(3) {
            0 => {}
            1 => body["accountId"] = json!(self.subjects[dice.pick(&[0, 5])].1),
            _ => {
                body["subjectType"] = json!(kind);
                body["subjectId"] = json!(id);
            }
        }
        let made = self.make("interactions", body);
        for role in ["FROM", "TO", "CC"].into_iter().take(dice.roll(4)) {
            let contact = self.subjects[dice.pick(&[1, 2, 6])].1;
            self.make("interaction-contacts", json!({"interactionId": made, "contactId": contact, "role": role}));
        }
    }

    /// Something about somebody.
    pub fn happen(&self, dice: &mut Dice) {
        let (kind, id) = dice.pick(&self.subjects);
        self.stage.app.clock.stop_at(self.time(dice));
        match dice.roll(4) {
            0 | 1 => self.touch(dice),
            2 => drop(self.make("notes", json!({"subjectType": kind, "subjectId": id, "body": "Line one\nLine two"}))),
            _ => {
                let due = Some(self.time(dice)).filter(|_| dice.roll(2) == 0);
                let mut body = json!({"title": "Do it", "dueAt": due, "subjectType": kind, "subjectId": id});
                if dice.roll(3) == 0 {
                    (body["subjectType"], body["subjectId"]) = (Value::Null, Value::Null);
                    body["contactId"] = json!(self.subjects[dice.pick(&[1, 2, 6])].1);
                }
                if dice.roll(3) == 0 {
                    body["status"] = json!("DONE");
                }
                self.make("tasks", body);
            }
        }
        self.stage.app.clock.stop_at(self.base + TimeDelta::minutes(5));
    }

    /// Everything that there is, by resource.
    async fn all(&self) -> BTreeMap<&'static str, Vec<Value>> {
        let mut all = BTreeMap::new();
        for name in ["interactions", "interaction-contacts", "tasks", "notes", "stage-changes"] {
            let list = self.admin.get(&format!("/v1/{name}?limit=500")).await.expect(200);
            assert_eq!(list.at("/page/hasMore"), false);
            all.insert(name, list.at("/data").as_array().unwrap().clone());
        }
        all
    }

    /// What the timeline of a record ought to hold, newest first: time, kind and id.
    fn expected(&self, all: &BTreeMap<&str, Vec<Value>>, (kind, id): (&str, Uuid)) -> Vec<(String, String, String)> {
        let family: Vec<Value> = match (kind, id == self.subjects[0].1, id == self.subjects[5].1) {
            (_, true, _) => self.subjects[..5].iter().map(|(_, id)| json!(id)).collect(),
            (_, _, true) => self.subjects[5..].iter().map(|(_, id)| json!(id)).collect(),
            _ => vec![json!(id)],
        };
        let about = |row: &Value, names: &[&str]| names.iter().any(|name| family.contains(&row[*name]));
        let mut found = Vec::new();
        let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        for row in &all["interactions"] {
            let took_part = all["interaction-contacts"]
                .iter()
                .any(|part| part["interactionId"] == row["id"] && about(part, &["contactId"]));
            if took_part || about(row, &["subjectId", "accountId"]) {
                found.push((text(row, "occurredAt"), "INTERACTION", text(row, "id")));
            }
        }
        for row in all["tasks"].iter().filter(|row| about(row, &["subjectId", "accountId", "contactId"])) {
            let at = ["completedAt", "dueAt", "createdAt"].map(|name| text(row, name));
            found.push((at.into_iter().find(|at| !at.is_empty()).unwrap(), "TASK", text(row, "id")));
        }
        for row in all["notes"].iter().filter(|row| about(row, &["subjectId"])) {
            found.push((text(row, "createdAt"), "NOTE", text(row, "id")));
        }
        for row in all["stage-changes"].iter().filter(|row| about(row, &["opportunityId"])) {
            found.push((text(row, "changedAt"), "STAGE_CHANGE", text(row, "id")));
        }
        found.sort_by(|a, b| (&b.0, a.1, &b.2).cmp(&(&a.0, b.1, &a.2)));
        found.into_iter().map(|(at, kind, id)| (at, kind.to_owned(), id)).collect()
    }
}

fn resource(kind: &str) -> &'static str {
    match kind {
        "ACCOUNT" => "accounts",
        "CONTACT" => "contacts",
        "ADDRESS" => "addresses",
        _ => "opportunities",
    }
}

/// Kind and id of every entry, page by page.
pub async fn read(client: &Client, path: &str, limit: usize) -> Vec<(String, String, String)> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{path}limit={limit}{cursor}")).await.expect(200);
        let entries = page.at("/data").as_array().unwrap();
        let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
        all.extend(entries.iter().map(|entry| (text(entry, "at"), text(entry, "kind"), text(entry, "id"))));
        assert_eq!(page.at("/page/nextCursor").is_string(), page.at("/page/hasMore") == true);
        match page.at("/page/nextCursor").as_str() {
            Some(next) => {
                assert_eq!(entries.len(), limit, "a page that is not the last is full");
                cursor = format!("&cursor={next}");
            }
            None => return all,
        }
    }
}

#[actix_web::test]
async fn pages_put_together_are_the_whole_timeline_whatever_its_kinds_and_filters() {
    let scene = Scene::new();
    let mut dice = Dice(7);
    // More than the smallest size that pages are read in.
    for _ in 0..320 {
        scene.happen(&mut dice);
    }
    // Some turn out to have been at another time, of some it is said later what they were about.
    let mails = scene.admin.get("/v1/interactions?limit=40&sort=id").await.expect(200);
    for (at, mail) in mails.at("/data").as_array().unwrap().iter().enumerate() {
        let change = match at % 4 {
            0 => json!({"occurredAt": scene.time(&mut dice)}),
            1 => json!({"subjectType": "OPPORTUNITY", "subjectId": scene.subjects[4].1}),
            _ => continue,
        };
        scene.admin.patch(&format!("/v1/interactions/{}", mail["id"].as_str().unwrap()), change).await.expect(200);
    }
    let all = scene.all().await;
    let channels: BTreeMap<String, String> = all["interactions"]
        .iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row["channel"].as_str().unwrap().to_owned()))
        .collect();
    let (mut pages, mut ties) = (0, 0);
    for subject in &scene.subjects {
        let path = format!("/v1/{}/{}/timeline?", resource(subject.0), subject.1);
        let whole = scene.expected(&all, *subject);
        assert_eq!(read(&scene.admin, &path, 500).await, whole, "{subject:?}");
        ties += whole.windows(2).filter(|pair| pair[0].0 == pair[1].0).count();
        for _ in 0..12 {
            let limit = if dice.roll(2) == 0 { 1 + dice.roll(9) } else { 40 + dice.roll(30) };
            let mut query = path.clone();
            let mut expected = whole.clone();
            if dice.roll(2) == 0 {
                let kinds = dice.pick(&["NOTE", "TASK,STAGE_CHANGE", "INTERACTION,NOTE", "STAGE_CHANGE"]);
                query += &format!("kinds={kinds}&");
                expected.retain(|(_, kind, _)| kinds.split(',').any(|wanted| wanted == kind));
            }
            if dice.roll(3) == 0 {
                let wanted = dice.pick(&["PHONE", "EMAIL,CHAT", "FAX"]);
                query += &format!("channels={wanted}&");
                let fits =
                    |id: &String| channels.get(id).is_some_and(|channel| wanted.split(',').any(|one| one == channel));
                expected.retain(|(_, _, id)| fits(id));
            }
            if dice.roll(3) == 0 {
                query += "from=2026-06-01T09:01:00Z&";
                expected.retain(|(at, ..)| at.as_str() >= "2026-06-01T09:01:00Z");
            }
            if dice.roll(3) == 0 {
                query += "to=2026-06-01T09:03:00Z&";
                expected.retain(|(at, ..)| at.as_str() < "2026-06-01T09:03:00Z");
            }
            pages += expected.len().div_ceil(limit);
            assert_eq!(read(&scene.admin, &query, limit).await, expected, "{query} by {limit}");
        }
    }
    assert!(pages > 300 && ties > 300, "{pages} pages, {ties} ties: too few to prove anything");
}

#[actix_web::test]
async fn who_took_part_in_three_ways_is_there_once_and_no_page_is_short_for_it() {
    let scene = Scene::new();
    let ann = scene.subjects[1].1;
    for _ in 0..30 {
        let mail = scene.make("interactions", json!({"channel": "EMAIL", "direction": "INBOUND"}));
        for role in ["FROM", "TO", "CC"] {
            scene.make("interaction-contacts", json!({"interactionId": mail, "contactId": ann, "role": role}));
        }
    }
    for (resource, id) in [("contacts", ann), ("accounts", scene.subjects[0].1)] {
        let path = format!("/v1/{resource}/{id}/timeline?kinds=INTERACTION&");
        for limit in [20, 30, 50] {
            assert_eq!(read(&scene.admin, &path, limit).await.len(), 30, "{resource} by {limit}");
        }
    }
}

#[actix_web::test]
async fn an_entry_tells_what_it_is_and_both_doors_tell_the_same() {
    let scene = Scene::new();
    let (account, ann, opportunity) = (scene.subjects[0].1, scene.subjects[1].1, scene.subjects[4].1);
    let note = json!({"subjectType": "CONTACT", "subjectId": ann, "body": "\n First line\nSecond line"});
    scene.stage.app.clock.stop_at(scene.base + TimeDelta::minutes(1));
    let note = scene.make("notes", note);
    let mail = json!({"channel": "EMAIL", "direction": "INBOUND", "subjectLine": "Hello", "accountId": account, "occurredAt": "2026-06-01T09:02:00Z"});
    let mail = scene.make("interactions", mail);
    let task = json!({"title": "Offer", "subjectType": "OPPORTUNITY", "subjectId": opportunity, "dueAt": "2026-06-01T09:03:00Z"});
    let task = scene.make("tasks", task);
    let path = format!("/v1/accounts/{account}/timeline");
    let rest = scene.admin.get(&path).await.expect(200);
    let plain = |kind: &str, at: &str, title: &str, channel: Value, resource: &str, id: Uuid| json!({"kind": kind, "at": at, "title": title, "channel": channel, "resource": resource, "id": id});
    let expected = [
        plain("TASK", "2026-06-01T09:03:00Z", "Offer", Value::Null, "tasks", task),
        plain("INTERACTION", "2026-06-01T09:02:00Z", "Hello", json!("EMAIL"), "interactions", mail),
        plain("NOTE", "2026-06-01T09:01:00Z", "First line", Value::Null, "notes", note),
    ];
    assert_eq!(rest.at("/data").as_array().unwrap()[..3], expected, "{}", rest.body);
    assert_eq!((rest.at("/data/3/kind"), rest.at("/data/3/title")), (&json!("STAGE_CHANGE"), &json!("Lead")));
    assert_eq!(rest.at("/data").as_array().unwrap().len(), 4);
    let whole = scene.admin.get(&format!("{path}?expand=record&kinds=NOTE,TASK")).await.expect(200);
    for (at, (name, id)) in [("tasks", task), ("notes", note)].into_iter().enumerate() {
        let record = scene.admin.get(&format!("/v1/{name}/{id}")).await.expect(200);
        assert_eq!(whole.at(&format!("/data/{at}/record")), &record.body);
    }
    let query = "query($id: UUID!, $after: String) { accountTimeline(id: $id, first: 2, after: $after) { __typename \
                 nodes { __typename kind at title channel resource id task { title opportunity { name } } interaction { channel } \
                 note { body contact { name } } stageChange { toStage { name } } } edges { cursor node { id } } \
                 pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";
    let first = scene.admin.graphql(query, json!({"id": account})).await.expect(200);
    let page = first.at("/data/accountTimeline");
    assert_eq!(page["__typename"], "TimelineConnection", "{}", first.body);
    for (at, expected) in expected.iter().take(2).enumerate() {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&page["nodes"][at][name], value, "{name}");
        }
    }
    assert_eq!(page["nodes"][0]["task"], json!({"title": "Offer", "opportunity": {"name": "Chai"}}));
    assert_eq!(
        (&page["nodes"][0]["note"], &page["nodes"][1]["interaction"]),
        (&Value::Null, &json!({"channel": "EMAIL"}))
    );
    assert_eq!(page["edges"][1]["node"]["id"], json!(mail));
    assert_eq!((&page["pageInfo"]["hasNextPage"], &page["pageInfo"]["hasPreviousPage"]), (&json!(true), &json!(false)));
    assert_eq!(page["edges"][1]["cursor"], page["pageInfo"]["endCursor"]);
    let second =
        scene.admin.graphql(query, json!({"id": account, "after": page["pageInfo"]["endCursor"]})).await.expect(200);
    let page = second.at("/data/accountTimeline");
    assert_eq!(page["nodes"][0]["note"], json!({"body": "\n First line\nSecond line", "contact": {"name": "Ann"}}));
    assert_eq!(page["nodes"][1]["stageChange"], json!({"toStage": {"name": "Lead"}}));
    assert_eq!((&page["pageInfo"]["hasNextPage"], &page["pageInfo"]["hasPreviousPage"]), (&json!(false), &json!(true)));
    // A cursor of one door is good at the other, with the same filters alone.
    let cursor = first.at("/data/accountTimeline/pageInfo/endCursor").as_str().unwrap();
    let over = scene.admin.get(&format!("{path}?cursor={cursor}")).await.expect(200);
    assert_eq!(over.at("/data/0/id"), &json!(note));
    for (query, pointer, code) in [
        (format!("cursor={cursor}&kinds=NOTE"), None, "INVALID_CURSOR"),
        ("cursor=AAAA".to_owned(), None, "INVALID_CURSOR"),
        ("kinds=NOTE,NONSENSE".to_owned(), Some("/query/kinds"), "VALIDATION_FAILED"),
        ("kinds=".to_owned(), Some("/query/kinds"), "VALIDATION_FAILED"),
        ("channels=PIGEON".to_owned(), Some("/query/channels"), "VALIDATION_FAILED"),
        ("from=yesterday".to_owned(), Some("/query/from"), "VALIDATION_FAILED"),
        ("to=2026-06-01".to_owned(), Some("/query/to"), "VALIDATION_FAILED"),
        ("limit=0".to_owned(), Some("/query/limit"), "VALIDATION_FAILED"),
        ("limit=501".to_owned(), Some("/query/limit"), "VALIDATION_FAILED"),
        ("expand=note".to_owned(), Some("/query/expand"), "VALIDATION_FAILED"),
        ("sort=at".to_owned(), Some("/query/sort"), "VALIDATION_FAILED"),
    ] {
        let refused = scene.admin.get(&format!("{path}?{query}")).await.expect(422);
        assert_eq!((refused.code(), refused.pointers().first().copied()), (code, pointer), "{query}");
    }
    let filtered = "query($id: UUID!, $kinds: [TimelineKind!], $to: DateTime, $first: Int) { it: accountTimeline(id: $id, kinds: $kinds, \
                    channels: EMAIL, from: \"2026-06-01T09:02:00Z\", to: $to, first: $first) { nodes { id } } }";
    let both = json!({"id": account, "kinds": ["NOTE", "INTERACTION"], "to": "2026-06-01T09:02:01Z"});
    let found = scene.admin.graphql(filtered, both).await.expect(200);
    assert_eq!(found.at("/data/it/nodes"), &json!([{"id": mail}]), "{}", found.body);
    for (more, pointer) in
        [(json!({"first": 0}), "/first"), (json!({"first": 501}), "/first"), (json!({"to": "soon"}), "/to")]
    {
        let mut variables = json!({"id": account});
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = scene.admin.graphql(filtered, variables).await.expect(200);
        assert_eq!(refused.at("/errors/0/extensions/errors/0/pointer"), pointer, "{}", refused.body);
    }
    let other = format!("/v1/contacts/{ann}/timeline?cursor={cursor}");
    assert_eq!(scene.admin.get(&other).await.expect(422).code(), "INVALID_CURSOR");
    scene.admin.get("/v1/stage-changes/nonsense/timeline").await.expect(404);
    scene.admin.get(&format!("/v1/external-ids/{account}/timeline")).await.expect(404);
    scene.admin.post(&path, json!({})).await.expect(405);
}

#[actix_web::test]
async fn the_same_ids_in_two_tenants_are_two_timelines() {
    let stage = Stage::new();
    let tenants = [stage.tenant(), stage.tenant()];
    let id = "018f0000-0000-7000-8000-000000000001";
    for (at, tenant) in tenants.iter().enumerate() {
        stage.make(tenant, "accounts", json!({"id": id, "name": "Acme"}));
        let ann = stage.make(tenant, "contacts", json!({"id": id, "familyName": "Ann", "accountId": id}));
        for number in 0..=at {
            let note = json!({"subjectType": "CONTACT", "subjectId": ann, "body": format!("{at}: {number}")});
            stage.make(tenant, "notes", note);
            let mail = json!({"channel": "EMAIL", "direction": "INBOUND", "subjectLine": format!("{at}: {number}")});
            let mail = stage.make(tenant, "interactions", mail);
            stage.make(tenant, "interaction-contacts", json!({"interactionId": mail, "contactId": ann}));
        }
    }
    for (at, tenant) in tenants.iter().enumerate() {
        let read = stage.admin(tenant).get(&format!("/v1/accounts/{id}/timeline")).await.expect(200);
        let entries = read.at("/data").as_array().unwrap();
        assert_eq!(entries.len(), 2 * (at + 1));
        assert!(entries.iter().all(|entry| entry["title"].as_str().unwrap().starts_with(&format!("{at}:"))));
    }
}

#[actix_web::test]
async fn a_page_takes_the_same_few_statements_however_much_there_is() {
    let scene = Scene::new();
    let mut dice = Dice(3);
    let account = scene.subjects[0].1;
    let mut counts = Vec::new();
    for _ in 0..2 {
        for _ in 0..40 {
            scene.happen(&mut dice);
        }
        let mut each = Vec::new();
        for query in ["", "?expand=record"] {
            scene.admin.get("/v1/tags").await.expect(200);
            let before = scene.stage.statements();
            scene.admin.get(&format!("/v1/accounts/{account}/timeline{query}")).await.expect(200);
            each.push(scene.stage.statements() - before);
        }
        counts.push(each);
    }
    // Whether it is there, and the page; with the records of four kinds, one each.
    assert_eq!(counts, [[2, 6], [2, 6]]);
}

#[test]
fn a_page_in_the_middle_is_read_from_indexes() {
    let scene = Scene::new();
    let (tenant, account, ann, opportunity) =
        (scene.tenant.id, scene.subjects[0].1, scene.subjects[1].1, scene.subjects[4].1);
    let base = scene.base;
    let meta = format!(
        "'{tenant}'::uuid, gen_random_uuid(), 1, '{base}'::timestamptz - n * interval '1 minute', '{base}'::timestamptz - n * interval '1 minute'"
    );
    let common = "tenant_id, id, version, created_at, updated_at";
    let fill = format!(
        "INSERT INTO contacts ({common}, name) SELECT {meta}, 'Name ' || n FROM generate_series(1, 5000) n;
         INSERT INTO notes ({common}, subject_type, subject_id, body, is_pinned)
         SELECT {meta}, 'CONTACT', CASE WHEN n % 10 = 0 THEN '{ann}'::uuid ELSE gen_random_uuid() END, 'Text', false FROM generate_series(1, 20000) n;
         INSERT INTO tasks ({common}, title, status, priority, account_id)
         SELECT {meta}, 'Task', 'OPEN', 'NORMAL', CASE WHEN n % 10 = 0 THEN '{account}'::uuid END FROM generate_series(1, 20000) n;
         INSERT INTO interactions ({common}, channel, direction, occurred_at, subject_type, subject_id, account_id)
         SELECT {meta}, 'EMAIL', 'INBOUND', '{base}'::timestamptz - n * interval '1 minute', 'OPPORTUNITY', CASE WHEN n % 10 = 0 THEN '{opportunity}'::uuid ELSE gen_random_uuid() END,
            CASE WHEN n % 10 = 0 THEN '{account}'::uuid END FROM generate_series(1, 20000) n;
         INSERT INTO interaction_contacts ({common}, interaction_id, contact_id, role, occurred_at)
         SELECT {meta}, i.id, CASE WHEN n % 10 = 0 THEN '{ann}' ELSE c.id END, 'TO', i.occurred_at FROM (SELECT id, occurred_at, row_number() OVER () AS n FROM interactions) i
            JOIN (SELECT id, row_number() OVER () AS m FROM contacts) c ON c.m = 1 + i.n % 5000;
         ANALYZE;"
    );
    scene.stage.scratch.owner().batch_execute(&fill).unwrap();
    let cx = scene.stage.system(&scene.tenant);
    let entry = cx.entry("accounts").unwrap();
    let args = TimelineArgs { limit: 50, ..TimelineArgs::default() };
    let first = Timeline::new(&cx, entry, account, &args).unwrap();
    let spot = kith_kernel::Spot {
        kind: "NOTE".into(),
        id: account,
        at: cx.now - TimeDelta::days(5),
        title: None,
        channel: None,
    };
    let middle = TimelineArgs { cursor: Some(first.cursor_at(&spot)), ..args.clone() };
    for args in [&args, &middle] {
        let timeline = Timeline::new(&cx, entry, account, args).unwrap();
        let mut explain = Statement::new("EXPLAIN (ANALYZE, COSTS OFF) ");
        explain.append(timeline.statement(51).unwrap()).once();
        let lines = scene
            .stage
            .app
            .db
            .read(tenant, |conn| Ok(RunQueryDsl::load::<(String,)>(explain.typed::<(st::Text,)>(), conn)?));
        let text: String = lines.unwrap().into_iter().map(|(line,)| line + "\n").collect();
        for table in ["interactions", "interaction_contacts", "tasks", "notes", "contacts"] {
            assert!(!text.contains(&format!("Seq Scan on {table} ")), "{table}:\n{text}");
        }
        for index in [
            "interactions_account_timeline_idx",
            "interaction_contacts_timeline_idx",
            "tasks_account_timeline_idx",
            "notes_subject_timeline_idx",
        ] {
            assert!(text.contains(index), "{index}:\n{text}");
        }
    }
}
