//! A receiver that is slow, one that fails and one that hangs are nobody else's trouble.

use super::{Post, Receiver};
use serde_json::json;
use std::time::{Duration, Instant};

#[actix_web::test]
async fn slow_failing_and_hanging_receivers_slow_neither_writers_nor_others() {
    let post = Post::new();
    let hanging = [Receiver::hanging(), Receiver::hanging(), Receiver::hanging()];
    let slow = Receiver::new(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        200
    });
    let failing = Receiver::new(|_, _| 500);
    let fine = Receiver::fine();
    for receiver in hanging.iter().chain([&slow, &failing, &fine]) {
        post.endpoint(receiver, json!({})).await;
    }
    let began = Instant::now();
    let mut names = Vec::new();
    for number in 0..60 {
        names.push(format!("Account {number}"));
        post.account(&names[number]).await;
    }
    let written = began.elapsed();
    let mut got: Vec<_> = fine.wait(60).await.iter().map(|got| got.name()).collect();
    let delivered = began.elapsed();
    // Everything came while those that hang hold what they got first: none of their requests has ended.
    assert!(delivered < Duration::from_secs(15), "{delivered:?}, written in {written:?}");
    for receiver in &hanging {
        assert!((1..=4).contains(&receiver.got().len()), "{} at once", receiver.got().len());
    }
    assert!(slow.got().len() < 60, "the slow one has not got all");
    got.sort();
    names.sort();
    assert_eq!(got, names, "each once");
}
