//! Tasks that come again: when, in which time zone, how often, and never twice.

use crate::tidy;
use futures_util::future::join_all;
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};

struct Series {
    stage: Stage,
    tenant: Tenant,
    admin: Client,
}

impl Series {
    async fn in_zone(zone: &str) -> Series {
        let stage = Stage::with_pool(8);
        let tenant = stage.tenant();
        let admin = stage.admin(&tenant);
        admin.patch(&format!("/v1/tenants/{}", tenant.id), json!({"timeZone": zone})).await.expect(200);
        Series { stage, tenant, admin }
    }

    async fn first(&self, more: Value) -> String {
        let mut body = json!({"title": "Report", "priority": "HIGH", "assigneeId": self.tenant.admin});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.admin.post("/v1/tasks", body).await.expect(201).id()
    }

    /// Completes a task; the one that came after it, if there is one.
    async fn complete(&self, id: &str) -> Option<Value> {
        self.admin.post(&format!("/v1/tasks/{id}/complete"), json!({})).await.expect(200);
        let all = self.admin.get(&format!("/v1/tasks?filter[previousId]={id}")).await.expect(200);
        let all = all.at("/data").as_array().unwrap().clone();
        assert!(all.len() <= 1, "{all:?}");
        all.into_iter().next()
    }

    /// One after the other, what `field` of them says, until the series ends or there are enough.
    async fn run(&self, first: Value, field: &str, most: usize) -> Vec<String> {
        let id = self.first(first).await;
        let mut task = self.admin.get(&format!("/v1/tasks/{id}")).await.expect(200).body;
        let mut all = vec![task[field].as_str().unwrap().to_owned()];
        while all.len() < most {
            let Some(next) = self.complete(task["id"].as_str().unwrap()).await else { break };
            assert_eq!(next["occurrence"], json!(all.len() + 1));
            all.push(next[field].as_str().unwrap().to_owned());
            task = next;
        }
        all
    }
}

#[actix_web::test]
async fn the_next_one_comes_with_the_completion_and_takes_along_what_it_needs() {
    let series = Series::in_zone("Europe/Berlin").await;
    let account = series.stage.make(&series.tenant, "accounts", json!({"name": "Acme"}));
    let first = json!({
        "dueAt": "2026-03-27T08:00:00Z", "reminderAt": "2026-03-26T16:00:00Z", "recurrence": "FREQ=DAILY;INTERVAL=2",
        "subjectType": "ACCOUNT", "subjectId": account, "description": "Numbers", "status": "IN_PROGRESS"
    });
    let id = series.first(first).await;
    series.admin.post(&format!("/v1/tasks/{id}/dismiss-reminder"), json!({})).await.expect(200);
    let next = series.complete(&id).await.unwrap();
    // Over the change to summer time, the clock on the wall shows the same: nine o'clock, and five in the afternoon before.
    let expected = json!({
        "title": "Report", "description": "Numbers", "status": "OPEN", "priority": "HIGH", "dueOn": null, "dueAt": "2026-03-29T07:00:00Z",
        "reminderAt": "2026-03-28T16:00:00Z", "reminderDismissedAt": null, "recurrence": "FREQ=DAILY;INTERVAL=2",
        "recurrenceStart": "2026-03-27T09:00:00", "scheduledFor": "2026-03-29T09:00:00", "occurrence": 2, "previousId": id,
        "completedAt": null, "accountId": account, "contactId": null, "subjectType": "ACCOUNT", "subjectId": account,
        "assigneeId": series.tenant.admin, "teamId": null, "version": 1,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&next[name], value, "{name}");
    }
    let query = "query($id: UUID!) { task(id: $id) { status next { nodes { occurrence previous { id } } } } }";
    let read = series.admin.graphql(query, json!({"id": id})).await.expect(200);
    let expected = json!({"status": "DONE", "next": {"nodes": [{"occurrence": 2, "previous": {"id": id}}]}});
    assert_eq!(read.at("/data/task"), &expected);
    // It was made by whoever completed the other, and the journal has it.
    assert_eq!(next["createdBy"], json!(series.tenant.admin));
    // Taken up and completed again, it makes no second one; nor does a patch.
    series.admin.post(&format!("/v1/tasks/{id}/reopen"), json!({})).await.expect(200);
    assert_eq!(series.complete(&id).await.unwrap()["id"], next["id"]);
    for status in ["OPEN", "DONE"] {
        series.admin.patch(&format!("/v1/tasks/{id}"), json!({"status": status})).await.expect(200);
    }
    assert_eq!(series.complete(&id).await.unwrap()["id"], next["id"]);
    series.admin.delete(&format!("/v1/tasks/{}", next["id"].as_str().unwrap())).await.expect(204);
    series.admin.post(&format!("/v1/tasks/{id}/reopen"), json!({})).await.expect(200);
    assert_eq!(series.complete(&id).await, None, "nor when that one was put away");
    // A dry run keeps neither.
    let other = series.first(json!({"dueOn": "2026-03-27", "recurrence": "FREQ=DAILY"})).await;
    series.admin.post(&format!("/v1/tasks/{other}/complete?dryRun=true"), json!({})).await.expect(200);
    let all = series.admin.get(&format!("/v1/tasks?filter[previousId]={other}")).await.expect(200);
    assert_eq!(all.at("/data"), &json!([]));
    // What a patch completes has a next one, too; what is cancelled or created as done has none.
    series.admin.patch(&format!("/v1/tasks/{other}"), json!({"status": "DONE"})).await.expect(200);
    let all = series.admin.get(&format!("/v1/tasks?filter[previousId]={other}")).await.expect(200);
    assert_eq!(all.at("/data/0/dueOn"), "2026-03-28");
    let next = all.at("/data/0/id").as_str().unwrap();
    series.admin.post(&format!("/v1/tasks/{next}/cancel"), json!({})).await.expect(200);
    let done = json!({"dueOn": "2026-03-27", "recurrence": "FREQ=DAILY", "status": "DONE"});
    let done = series.first(done).await;
    for id in [next, &done] {
        let all = series.admin.get(&format!("/v1/tasks?filter[previousId]={id}")).await.expect(200);
        assert_eq!(all.at("/data"), &json!([]));
    }
}

#[actix_web::test]
async fn series_follow_their_rules_on_the_clock_of_the_tenant() {
    let series = Series::in_zone("America/New_York").await;
    let due = |day: &str, rule: &str| json!({"dueOn": day, "recurrence": rule});
    for (rule, start, most, expected) in [
        ("FREQ=DAILY", "2026-02-27", 3, "2026-02-27 2026-02-28 2026-03-01"),
        ("FREQ=WEEKLY;BYDAY=TU,FR", "2026-01-06", 4, "2026-01-06 2026-01-09 2026-01-13 2026-01-16"),
        ("FREQ=MONTHLY", "2026-01-31", 4, "2026-01-31 2026-03-31 2026-05-31 2026-07-31"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31", 3, "2026-01-31 2026-02-28 2026-03-31"),
        ("FREQ=DAILY;COUNT=3", "2026-01-31", 9, "2026-01-31 2026-02-01 2026-02-02"),
        ("FREQ=DAILY;COUNT=1", "2026-01-31", 9, "2026-01-31"),
        ("FREQ=WEEKLY;UNTIL=20260114", "2026-01-07", 9, "2026-01-07 2026-01-14"),
    ] {
        assert_eq!(series.run(due(start, rule), "dueOn", most).await.join(" "), expected, "{rule}");
    }
    // Half past two in the night is not there on 8 March, half past one is there twice on 1 November; afterwards each is
    // where it was.
    let night = |start: &str| json!({"dueAt": start, "recurrence": "FREQ=DAILY"});
    let spring = series.run(night("2026-03-07T07:30:00Z"), "dueAt", 3).await;
    assert_eq!(spring, ["2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"]);
    let autumn = series.run(night("2026-10-31T05:30:00Z"), "dueAt", 3).await;
    assert_eq!(autumn, ["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    let until = json!({"dueAt": "2026-03-07T14:00:00Z", "recurrence": "FREQ=DAILY;UNTIL=20260308T130000Z"});
    let until = series.run(until, "dueAt", 9).await;
    assert_eq!(until, ["2026-03-07T14:00:00Z", "2026-03-08T13:00:00Z"]);
    // The end of a day is where the tenant is, too.
    let ends = series.run(due("2026-03-07", "FREQ=DAILY"), "dueAt", 2).await;
    assert_eq!(ends, ["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"]);
}

#[actix_web::test]
async fn moving_the_first_moves_the_series_and_moving_a_later_one_moves_that_alone() {
    let series = Series::in_zone("UTC").await;
    let id = series.first(json!({"dueAt": "2026-01-05T09:00:00Z", "recurrence": "FREQ=WEEKLY"})).await;
    let patch = async |id: &Value, change: Value| {
        series.admin.patch(&format!("/v1/tasks/{}", id.as_str().unwrap()), change).await.expect(200).body
    };
    patch(&json!(id), json!({"dueAt": "2026-01-06T10:00:00Z"})).await;
    let second = series.complete(&id).await.unwrap();
    assert_eq!(second["dueAt"], "2026-01-13T10:00:00Z");
    // Moved ahead, it does not come again on the day it was meant for; put off, the next one stays where it is.
    patch(&second["id"], json!({"dueAt": "2026-01-12T10:00:00Z"})).await;
    let third = series.complete(second["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(third["dueAt"], "2026-01-20T10:00:00Z");
    patch(&third["id"], json!({"dueAt": "2026-01-22T10:00:00Z"})).await;
    let fourth = series.complete(third["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(fourth["dueAt"], "2026-01-27T10:00:00Z");
    // Another rule is another series.
    let changed = patch(&fourth["id"], json!({"recurrence": "FREQ=DAILY;COUNT=2"})).await;
    assert_eq!((&changed["occurrence"], &changed["recurrenceStart"]), (&json!(1), &json!("2026-01-27T10:00:00")));
    let fifth = series.complete(fourth["id"].as_str().unwrap()).await.unwrap();
    assert_eq!(fifth["dueAt"], "2026-01-28T10:00:00Z");
    let once = patch(&fifth["id"], json!({"recurrence": null})).await;
    let left = ["recurrenceStart", "scheduledFor", "occurrence"].map(|name| once[name].clone());
    assert_eq!(left, [Value::Null, Value::Null, Value::Null]);
    assert_eq!(series.complete(fifth["id"].as_str().unwrap()).await, None);
}

#[actix_web::test]
async fn twenty_who_complete_it_at_once_make_one_next_task() {
    let series = Series::in_zone("UTC").await;
    let daily = json!({"dueOn": "2026-01-05", "recurrence": "FREQ=DAILY"});
    for _ in 0..5 {
        let id = series.first(daily.clone()).await;
        let path = format!("/v1/tasks/{id}/complete");
        let answers = join_all((0..20).map(|_| series.admin.post(&path, json!({})))).await;
        for answer in answers {
            assert_eq!((answer.status, &answer.body["version"]), (200, &json!(2)), "{}", answer.body);
        }
        let next = series.admin.get(&format!("/v1/tasks?filter[previousId]={id}&archived=any")).await.expect(200);
        assert_eq!(next.at("/data").as_array().unwrap().len(), 1, "{}", next.body);
        let next = next.at("/data/0/id").as_str().unwrap();
        for id in [next, &id] {
            series.admin.delete(&format!("/v1/tasks/{id}")).await.expect(204);
        }
    }
    let id = series.first(daily).await;
    let path = format!("/v1/tasks/{id}/complete");
    series.complete(&id).await.unwrap();
    let all = series.admin.get("/v1/tasks?sort=id&count=exact").await.expect(200);
    assert_eq!(all.at("/page/total"), 2, "{}", all.body);
    assert_eq!(all.at("/data/1/previousId"), &json!(id));
    // The same request again, with a key and without, over either door.
    let keyed = series.admin.with("idempotency-key", "once");
    for _ in 0..2 {
        keyed.post(&path, json!({})).await.expect(200);
    }
    let query = format!("mutation {{ taskComplete(id: \"{id}\", clientMutationId: \"x\") {{ status }} }}");
    for _ in 0..2 {
        series.admin.graphql(&query, json!({})).await.expect(200);
    }
    assert_eq!(series.admin.get("/v1/tasks?count=exact").await.expect(200).at("/page/total"), 2);
}

/// What a tenant may set, a task can be due in.
#[actix_web::test]
async fn every_time_zone_that_a_tenant_may_have_is_known_to_tasks() {
    let text = std::fs::read_to_string(tidy::root().join("crates/identity/src/zones.rs")).unwrap();
    let names = text.split("NAMES: &str = \"").nth(1).unwrap().split('"').next().unwrap();
    let names: Vec<&str> = names.split_whitespace().filter(|name| *name != "\\").collect();
    assert!(names.len() > 400, "{}", names.len());
    let unknown: Vec<_> = names.iter().filter(|name| name.parse::<chrono_tz::Tz>().is_err()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
