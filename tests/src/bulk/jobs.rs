//! A file that a worker loads.

use super::{Loaded, count, journal};
use kith_testkit::{Answer, Client, Stage, Tenant};
use kith_worker::Crew;
use serde_json::json;
use std::time::{Duration, Instant};

async fn send(client: &Client, key: &str, body: String) -> Answer {
    let client = client.with("content-type", "application/x-ndjson").with("idempotency-key", key);
    client.with("prefer", "respond-async").send("POST", "/v1/bulk/contacts?system=erp", Some(body.into())).await
}

fn file(count: usize) -> String {
    (0..count)
        .map(|n| format!("{{\"externalId\":\"{n}\",\"familyName\":\"{}\"}}\n", if n == 7 { "" } else { "Name" }))
        .collect()
}

async fn ended(admin: &Client, job: &str) -> Answer {
    let began = Instant::now();
    loop {
        let job = admin.get(job).await.expect(200);
        if !["QUEUED", "RUNNING"].contains(&job.at("/state").as_str().unwrap()) {
            return job;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{}", job.text);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn stage() -> (Stage, Tenant) {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    (stage, tenant)
}

fn started(stage: &Stage) -> kith_worker::Running {
    let worker = crate::jobs::worker(stage);
    let crew = Crew { pause: Duration::from_millis(20), ..Crew::of(&worker, 2) };
    worker.start(crew).unwrap()
}

#[actix_web::test]
async fn a_job_loads_the_file_and_keeps_the_results() {
    let (stage, tenant) = stage();
    let admin = stage.admin(&tenant);
    let taken = send(&admin, "job", file(2_100)).await.expect(202);
    assert_eq!((taken.at("/status"), taken.header("preference-applied")), (&json!("WAITING"), Some("respond-async")));
    let (job, load) = (taken.header("location").unwrap().to_owned(), taken.id());
    assert_eq!(count(&admin, "contacts").await, 0, "nothing is written yet");
    let again = send(&admin, "job", file(2_100)).await.expect(202);
    assert_eq!((again.id(), again.header("idempotency-replayed")), (load.clone(), Some("true")));
    send(&admin, "job", file(2_101)).await.expect(422);
    let crew = started(&stage);
    let done = ended(&admin, &job).await;
    assert_eq!(
        (done.at("/state"), done.at("/result/created"), done.at("/result/failed")),
        (&json!("SUCCEEDED"), &json!(2_099), &json!(1)),
        "{}",
        done.text
    );
    let results = Loaded::of(admin.get(&format!("/v1/bulk/{load}/results?results=errors")).await.expect(200));
    assert_eq!((results.statuses(), results.counts()), (vec![(8, "FAILED")], [2_099, 0, 0, 1]));
    let all = Loaded::of(admin.get(&format!("/v1/bulk/{load}/results")).await.expect(200));
    assert_eq!((all.lines.len(), all.summary["status"].as_str()), (2_100, Some("SUCCEEDED")));
    assert_eq!((count(&admin, "contacts").await, journal(&stage, &tenant, "contacts")), (2_099, (2_099, 2_099)));
    assert_eq!(admin.get("/v1/contacts?limit=1").await.expect(200).at("/data/0/createdBy"), &json!(tenant.admin));
    drop(crew);
}

#[actix_web::test]
async fn a_load_is_cancelled_and_one_whose_sender_lost_the_right_fails() {
    let (stage, tenant) = stage();
    let admin = stage.admin(&tenant);
    let taken = send(&admin, "cancelled", file(1_500)).await.expect(202);
    let path = format!("/v1/bulk-loads/{}", taken.id());
    let cancelled = admin.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(cancelled.at("/status"), "CANCELLED");
    admin.post(&format!("{path}/cancel"), json!({})).await.expect(409);
    let (user, loader) = crate::authz::with_grants(
        &stage,
        &tenant,
        "contacts:CREATE:ALL contacts:UPDATE:ALL contacts:READ:ALL bulk-loads:READ:ALL",
    );
    let lost = send(&loader, "lost", file(1_500)).await.expect(202);
    let assignments = admin.get(&format!("/v1/role-assignments?filter[userId]={user}")).await.expect(200);
    let assignment = assignments.at("/data/0/id").as_str().unwrap();
    admin.delete(&format!("/v1/role-assignments/{assignment}")).await.expect(204);
    let crew = started(&stage);
    let job = ended(&admin, lost.header("location").unwrap()).await;
    assert_eq!(job.at("/state"), "FAILED");
    let load = admin.get(&format!("/v1/bulk-loads/{}", lost.id())).await.expect(200);
    assert_eq!((load.at("/status"), load.at("/problem/code")), (&json!("FAILED"), &json!("FORBIDDEN")));
    ended(&admin, taken.header("location").unwrap()).await;
    assert_eq!(count(&admin, "contacts").await, 0);
    drop(crew);
}
