//! How it goes on when a receiver does not take what it is sent.

use super::{Post, Receiver};
use chrono::TimeDelta;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[actix_web::test]
async fn what_failed_holds_back_later_changes_of_its_record_and_of_no_other() {
    let post = Post::new();
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let receiver =
        Receiver::new(
            move |got, _| {
                if got.name().starts_with("Held") && is_broken.load(Ordering::Relaxed) { 503 } else { 200 }
            },
        );
    let endpoint = post.endpoint(&receiver, json!({})).await;
    let held = post.account("Held 1").await;
    for number in 2..6 {
        post.rename(&held, &format!("Held {number}")).await;
    }
    let free = post.account("Free 1").await;
    post.rename(&free, "Free 2").await;
    receiver.wait(3).await;
    actix_web::rt::time::sleep(Duration::from_millis(500)).await;
    let names = || receiver.got().iter().map(|got| got.name()).collect::<Vec<_>>();
    let mut now = names();
    now.sort();
    assert_eq!(now, ["Free 1", "Free 2", "Held 1"]);
    broken.store(false, Ordering::Relaxed);
    post.stage.app.clock.advance(TimeDelta::seconds(7));
    receiver.wait(8).await;
    let held: Vec<_> = names().into_iter().filter(|name| name.starts_with("Held")).collect();
    assert_eq!(held, ["Held 1", "Held 1", "Held 2", "Held 3", "Held 4", "Held 5"], "in order, the first one twice");
    let got = receiver.got();
    let twice: Vec<_> = got.iter().filter(|got| got.name() == "Held 1").collect();
    assert_eq!(twice[0].id(), twice[1].id(), "the id stays");
    assert_ne!(twice[0].headers["webhook-timestamp"], twice[1].headers["webhook-timestamp"], "the time does not");
    assert_ne!(twice[0].headers["webhook-signature"], twice[1].headers["webhook-signature"]);
    assert_eq!(post.deliveries(&endpoint).await.len(), 7);
}

#[actix_web::test]
async fn after_ten_attempts_in_three_days_it_is_dead_and_can_be_delivered_again() {
    let post = Post::new();
    let broken = Arc::new(AtomicBool::new(true));
    let is_broken = broken.clone();
    let receiver = Receiver::new(move |_, _| if is_broken.load(Ordering::Relaxed) { 500 } else { 200 });
    let endpoint = post.endpoint(&receiver, json!({})).await;
    post.account("Dead").await;
    let began = post.stage.now();
    for attempt in 1..=9 {
        let one = post.until_delivery(&endpoint, |one| one["attempts"] == attempt).await;
        assert_eq!(
            (&one["state"], &one["lastStatus"], &one["lastError"]),
            (&json!("PENDING"), &json!(500), &json!("STATUS"))
        );
        let next = one["nextAttemptAt"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        assert!(next > post.stage.now());
        post.stage.app.clock.advance(next - post.stage.now());
    }
    let dead = post.until_delivery(&endpoint, |one| one["state"] == "DEAD").await;
    let took = post.stage.now() - began;
    assert!(took > TimeDelta::days(3) && took < TimeDelta::days(4), "{took}");
    assert_eq!(dead["attempts"], 10);
    let path = format!("/v1/webhook-attempts?filter[deliveryId]={}&limit=50", dead["id"].as_str().unwrap());
    let attempts = post.admin().get(&path).await.expect(200);
    assert_eq!(attempts.at("/data").as_array().unwrap().len(), 10);
    assert!(
        attempts
            .at("/data")
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["status"] == 500 && one["durationMs"].is_number())
    );
    let listed = post.admin().get("/v1/webhook-deliveries?filter[state]=DEAD").await.expect(200);
    assert_eq!(listed.at("/data/0/id"), &dead["id"]);
    broken.store(false, Ordering::Relaxed);
    let path = format!("/v1/webhook-deliveries/{}/redeliver", dead["id"].as_str().unwrap());
    post.admin().post(&path, json!({})).await.expect(200);
    post.until_delivery(&endpoint, |one| one["state"] == "DELIVERED").await;
    let got = receiver.got();
    assert_eq!(got.len(), 11);
    assert!(got.iter().all(|one| one.id() == got[0].id() && one.raw == got[0].raw));
}

#[actix_web::test]
async fn an_endpoint_that_is_gone_is_disabled_and_goes_on_when_it_is_enabled() {
    let post = Post::new();
    let gone = Arc::new(AtomicBool::new(true));
    let is_gone = gone.clone();
    let receiver = Receiver::new(move |_, _| if is_gone.load(Ordering::Relaxed) { 410 } else { 200 });
    let endpoint = post.endpoint(&receiver, json!({})).await;
    post.account("One").await;
    let path = format!("/v1/webhook-endpoints/{endpoint}");
    for _ in 0..400 {
        if post.admin().get(&path).await.body["state"] == "DISABLED" {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = post.admin().get(&path).await.expect(200);
    assert_eq!((seen.at("/state"), seen.at("/disabledReason")), (&json!("DISABLED"), &json!("GONE")));
    post.tell(&endpoint, "test", json!({})).await.expect(409);
    post.account("Two").await;
    post.stage.app.clock.advance(TimeDelta::seconds(10));
    actix_web::rt::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.got().len(), 1, "nothing is sent to it");
    gone.store(false, Ordering::Relaxed);
    post.tell(&endpoint, "enable", json!({})).await.expect(200);
    let mut names: Vec<_> = receiver.wait(3).await[1..].iter().map(|got| got.name()).collect();
    names.sort();
    assert_eq!(names, ["One", "Two"], "what happened meanwhile is sent");
}

#[actix_web::test]
async fn an_endpoint_sees_what_its_owner_may_read_and_nothing_once_they_are_gone() {
    let post = Post::new();
    let receiver = Receiver::fine();
    let grants = json!([
        {"resource": "tags", "action": "*", "scope": "ALL"},
        {"resource": "webhook-endpoints", "action": "*", "scope": "ALL"},
    ]);
    let role = post.stage.make(&post.tenant, "roles", json!({"name": "Hooks", "grants": grants}));
    let user = post.stage.make(&post.tenant, "users", json!({"name": "Hook", "email": "hook@example.com"}));
    post.stage.make(&post.tenant, "role-assignments", json!({"userId": user, "roleId": role}));
    let owner = post.stage.client(&post.tenant, user);
    let body = json!({"url": receiver.url(), "eventTypes": ["account.*", "tag.*"]});
    let endpoint = owner.post("/v1/webhook-endpoints", body).await.expect(201).id();
    post.account("Out of sight").await;
    owner.post("/v1/tags", json!({"name": "In sight"})).await.expect(201);
    assert_eq!(receiver.wait(1).await[0].name(), "In sight");
    post.admin().patch(&format!("/v1/users/{user}"), json!({"status": "DISABLED"})).await.expect(200);
    post.admin().post("/v1/tags", json!({"name": "Later"})).await.expect(201);
    let path = format!("/v1/webhook-endpoints/{endpoint}");
    for _ in 0..400 {
        if post.admin().get(&path).await.body["state"] == "DISABLED" {
            break;
        }
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(post.admin().get(&path).await.at("/disabledReason"), "OWNER_GONE");
    assert_eq!(receiver.got().len(), 1);
}
