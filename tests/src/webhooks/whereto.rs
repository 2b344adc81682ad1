//! Nothing is sent to where only this server can reach.

use super::{Post, Receiver};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

async fn made(post: &Post, url: &str) -> String {
    let body = json!({"url": url, "eventTypes": ["account.*"]});
    post.admin().post("/v1/webhook-endpoints", body).await.expect(201).id()
}

#[actix_web::test]
async fn a_name_is_looked_up_for_each_attempt_and_every_address_must_be_public() {
    let looked_up = Arc::new(AtomicUsize::new(0));
    let count = looked_up.clone();
    let post = Post::quiet().and_go(|crew| {
        crew.lookup = Arc::new(move |host| {
            assert_eq!(host, "flips.example");
            let at = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::Error::other("no answer")),
                1 => Ok(vec![]),
                2 => Ok(vec![at("127.0.0.1")]),
                3 => Ok(vec![at("8.8.8.8"), at("10.0.0.1")]),
                4 => Ok(vec![at("::ffff:169.254.169.254")]),
                _ => Ok(vec![at("fd00::1")]),
            }
        });
    });
    let endpoint = made(&post, "https://flips.example:8443/hook").await;
    post.account("One").await;
    for (attempt, error) in
        [(1, "RESOLVE"), (2, "RESOLVE"), (3, "ADDRESS"), (4, "ADDRESS"), (5, "ADDRESS"), (6, "ADDRESS")]
    {
        let one = post.until_delivery(&endpoint, |one| one["attempts"] == attempt).await;
        assert_eq!((&one["lastError"], &one["lastStatus"]), (&json!(error), &Value::Null), "attempt {attempt}");
        assert_eq!(looked_up.load(Ordering::Relaxed), usize::try_from(attempt).unwrap());
        let next = one["nextAttemptAt"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        post.stage.app.clock.advance(next - post.stage.now() + TimeDelta::seconds(1));
    }
}

#[actix_web::test]
async fn the_connection_goes_to_the_address_that_was_looked_up() {
    let receiver = Receiver::fine();
    let port = receiver.address.port();
    kith_webhooks::address::allow(&[format!("erp.on-premises.example:{port}")]);
    let post = Post::quiet().and_go(|crew| {
        crew.lookup = Arc::new(|host| {
            assert_eq!(host, "erp.on-premises.example");
            Ok(vec![SocketAddr::from(([127, 0, 0, 1], 0))])
        });
    });
    made(&post, &format!("http://erp.on-premises.example:{port}/hook")).await;
    post.account("One").await;
    let got = receiver.wait(1).await;
    assert_eq!(got[0].headers["host"], format!("erp.on-premises.example:{port}"));
}

#[actix_web::test]
async fn a_redirect_is_not_followed_and_no_answer_is_shown() {
    let secret = Receiver::fine();
    let to = secret.url();
    let receiver = Receiver::saying(move |_, _| {
        format!("HTTP/1.1 307 X\r\nlocation: {to}\r\ncontent-length: 14\r\n\r\ninner workings")
    });
    let post = Post::new();
    let endpoint = post.endpoint(&receiver, json!({})).await;
    post.account("One").await;
    let one = post.until_delivery(&endpoint, |one| one["attempts"] == 1).await;
    assert_eq!((&one["lastError"], &one["lastStatus"]), (&json!("REDIRECT"), &json!(307)));
    let attempts = post.admin().get("/v1/webhook-attempts").await.expect(200);
    assert!(!attempts.body.to_string().contains("inner workings") && !one.to_string().contains("inner workings"));
    assert!(secret.got().is_empty());
}

#[actix_web::test]
async fn an_address_that_may_not_be_reached_any_more_is_not_tried() {
    // Taken when it was stored; whoever ran the server has narrowed the exemptions since.
    let post = Post::quiet();
    let endpoint = made(&post, "https://example.com/").await;
    use diesel::{RunQueryDsl, sql_query};
    sql_query("UPDATE webhook_endpoints SET url = 'http://127.0.0.1:1/'")
        .execute(&mut post.stage.scratch.owner())
        .unwrap();
    let post = post.and_go(|_| {});
    post.account("One").await;
    let one = post.until_delivery(&endpoint, |one| one["attempts"] == 1).await;
    assert_eq!(one["lastError"], "ADDRESS");
}
