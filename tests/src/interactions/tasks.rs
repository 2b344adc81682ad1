//! Tasks: when they are due, how they go on, their reminders.

use chrono::TimeDelta;
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};

async fn task(admin: &Client, more: Value) -> String {
    let mut body = json!({"title": "Call"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    admin.post("/v1/tasks", body).await.expect(201).id()
}

async fn act(admin: &Client, id: &str, verb: &str, body: Value) -> kith_testkit::Answer {
    admin.post(&format!("/v1/tasks/{id}/{verb}"), body).await
}

#[actix_web::test]
async fn a_task_goes_its_way_over_both_doors() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let account = stage.make(&tenant, "accounts", json!({"name": "Acme"}));
    let ann = stage.make(&tenant, "contacts", json!({"familyName": "Ann", "accountId": account}));
    let id = task(&admin, json!({"subjectType": "CONTACT", "subjectId": ann, "assigneeId": tenant.admin})).await;
    let made = admin.get(&format!("/v1/tasks/{id}")).await.expect(200);
    let named = (&made.body["status"], &made.body["priority"], &made.body["contactId"], &made.body["accountId"]);
    assert_eq!(named, (&json!("OPEN"), &json!("NORMAL"), &json!(ann), &json!(account)));
    let begun = admin.patch(&format!("/v1/tasks/{id}"), json!({"status": "IN_PROGRESS"})).await.expect(200);
    assert_eq!(begun.body["completedAt"], Value::Null);
    let refused = act(&admin, &id, "complete", json!({"at": "2999-01-01T00:00:00Z"})).await.expect(422);
    assert_eq!(refused.pointers(), ["/at"]);
    let done = act(&admin, &id, "complete", json!({"at": "2026-01-05T09:00:00Z"})).await.expect(200);
    assert_eq!((&done.body["status"], &done.body["completedAt"]), (&json!("DONE"), &json!("2026-01-05T09:00:00Z")));
    // Once more changes nothing, whatever it says; a stale version is told all the same.
    let again = act(&admin, &id, "complete", json!({})).await.expect(200);
    assert_eq!(again.body, done.body);
    let stale = admin.with("if-match", "\"1\"").post(&format!("/v1/tasks/{id}/complete"), json!({})).await.expect(412);
    assert_eq!(stale.code(), "VERSION_CONFLICT");
    assert_eq!(act(&admin, &id, "cancel", json!({})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let run = async |field: &str| {
        let query = format!("mutation {{ it: {field} {{ status completedAt version }} }}");
        admin.graphql(&query, json!({})).await.expect(200)
    };
    let open = run(&format!("taskReopen(id: \"{id}\")")).await;
    assert_eq!(open.at("/data/it"), &json!({"status": "OPEN", "completedAt": null, "version": 4}), "{}", open.body);
    let gone = run(&format!("taskCancel(id: \"{id}\")")).await;
    assert_eq!(gone.at("/data/it/status"), "CANCELLED");
    let refused = run(&format!("taskComplete(id: \"{id}\")")).await;
    assert_eq!(refused.at("/errors/0/extensions/code"), "ILLEGAL_TRANSITION");
    // A patch may say it, too, and then it was done now.
    let patched = admin.patch(&format!("/v1/tasks/{id}"), json!({"status": "DONE"})).await.expect(200);
    assert_eq!(patched.body["completedAt"], patched.body["updatedAt"]);
    let back = admin.patch(&format!("/v1/tasks/{id}"), json!({"status": "OPEN"})).await.expect(200);
    assert_eq!(back.body["completedAt"], Value::Null);
    for (body, pointer) in [
        (json!({"completedAt": "2026-01-05T09:00:00Z"}), "/completedAt"),
        (json!({"status": "DONE", "completedAt": "2999-01-05T09:00:00Z"}), "/completedAt"),
        (json!({"dueOn": "2026-01-05", "dueAt": "2026-01-05T09:00:00Z"}), "/dueAt"),
        (json!({"dueOn": "9999-12-31"}), "/dueOn"),
        (json!({"recurrence": "FREQ=DAILY"}), "/recurrence"),
        (json!({"recurrence": "every day", "dueOn": "2026-01-05"}), "/recurrence"),
        (json!({"recurrence": null, "dueOn": "2026-02-30"}), "/dueOn"),
        (json!({"occurrence": 1}), "/occurrence"),
        (json!({"previousId": id}), "/previousId"),
    ] {
        let mut body = body;
        body["title"] = json!("Call");
        assert_eq!(admin.post("/v1/tasks", body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
}

#[actix_web::test]
async fn a_day_ends_where_the_tenant_is_and_takes_the_place_of_a_time() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    admin.patch(&format!("/v1/tenants/{}", tenant.id), json!({"timeZone": "America/Los_Angeles"})).await.expect(200);
    let id = task(&admin, json!({"dueOn": "2026-07-01"})).await;
    let path = format!("/v1/tasks/{id}");
    let due = async |change: Value| {
        let task = admin.patch(&path, change).await.expect(200);
        (task.body["dueOn"].clone(), task.body["dueAt"].clone())
    };
    assert_eq!(due(json!({"title": "Call!"})).await, (json!("2026-07-01"), json!("2026-07-02T07:00:00Z")));
    let time = json!("2026-07-01T16:00:00Z");
    assert_eq!(due(json!({"dueAt": time})).await, (Value::Null, time));
    // In winter the day ends an hour later.
    assert_eq!(due(json!({"dueOn": "2026-12-01"})).await, (json!("2026-12-01"), json!("2026-12-02T08:00:00Z")));
    assert_eq!(due(json!({"dueOn": null})).await, (Value::Null, Value::Null));
    let body = json!({"title": "Call", "dueOn": "2026-07-01"});
    let external = "/v1/tasks/external/outlook/1";
    admin.put(external, body.clone()).await.expect(201);
    assert_eq!(admin.put(external, body).await.expect(200).body["version"], 1, "the same again changes nothing");
    let overdue = "/v1/tasks?filter[dueAt][lt]=2026-07-02T07:00:01Z&filter[status][in]=OPEN,IN_PROGRESS";
    assert_eq!(admin.get(overdue).await.expect(200).at("/data").as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn reminders_that_have_come_can_be_asked_for_put_off_and_dismissed() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let now = stage.now();
    let (past, soon) = (now - TimeDelta::minutes(5), now + TimeDelta::minutes(5));
    let due = task(&admin, json!({"reminderAt": past})).await;
    task(&admin, json!({"reminderAt": soon})).await;
    let none = task(&admin, json!({})).await;
    let coming = async || {
        let time = stage.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let path = format!(
            "/v1/tasks?filter[reminderAt][lte]={time}&filter[reminderDismissedAt][isNull]=true&filter[status][in]=OPEN,IN_PROGRESS&sort=reminderAt"
        );
        let found = admin.get(&path).await.expect(200);
        found
            .at("/data")
            .as_array()
            .unwrap()
            .iter()
            .map(|task| task["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(coming().await, std::slice::from_ref(&due));
    let seen = act(&admin, &due, "dismiss-reminder", json!({})).await.expect(200);
    assert_eq!(act(&admin, &due, "dismiss-reminder", json!({})).await.expect(200).body, seen.body);
    assert_eq!(coming().await, Vec::<String>::new());
    assert_eq!(act(&admin, &none, "dismiss-reminder", json!({})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    // A new time brings it back, once that has come.
    let put_off = act(&admin, &due, "snooze", json!({"until": now + TimeDelta::minutes(1)})).await.expect(200);
    assert_eq!((&put_off.body["reminderDismissedAt"], &put_off.body["dueAt"]), (&Value::Null, &Value::Null));
    assert_eq!(coming().await, Vec::<String>::new());
    stage.app.clock.advance(TimeDelta::minutes(2));
    assert_eq!(coming().await, std::slice::from_ref(&due));
    act(&admin, &due, "dismiss-reminder", json!({})).await.expect(200);
    let moved = admin.patch(&format!("/v1/tasks/{due}"), json!({"reminderAt": past})).await.expect(200);
    assert_eq!(moved.body["reminderDismissedAt"], Value::Null);
    assert_eq!(act(&admin, &due, "snooze", json!({"until": past})).await.expect(422).pointers(), ["/until"]);
    assert_eq!(act(&admin, &due, "snooze", json!({})).await.expect(422).pointers(), ["/until"]);
    act(&admin, &due, "cancel", json!({})).await.expect(200);
    assert_eq!(
        act(&admin, &due, "snooze", json!({"until": "2999-01-01T00:00:00Z"})).await.expect(409).code(),
        "ILLEGAL_TRANSITION"
    );
}
