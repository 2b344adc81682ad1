//! A server that is killed between the commit of a change and the delivery of what tells of it loses no webhook.

use super::binary::Kith;
use super::database::{Own, credentials};
use crate::webhooks::Receiver;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

#[test]
fn no_webhook_is_lost_when_the_server_is_killed_between_commit_and_delivery_five_times() {
    let mut own = Own::start();
    // Slow enough that there is always something between commit and delivery.
    let receiver = Receiver::new(|_, _| {
        std::thread::sleep(Duration::from_millis(120));
        200
    });
    own.settings.webhook_allow = vec![receiver.address.to_string()];
    let mut kith = Some(Kith::start(&own, "info"));
    let login = kith.as_ref().unwrap().connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    let token = login.at("/accessToken").as_str().unwrap().to_owned();
    let endpoint = json!({"url": receiver.url(), "eventTypes": ["account.*"]});
    let made = kith.as_ref().unwrap().connect().ask("POST", "/v1/webhook-endpoints", Some(&token), Some(&endpoint));
    assert_eq!(made.unwrap().status, 201);
    let mut committed = BTreeSet::new();
    let arrived = || receiver.got().iter().map(|got| got.name()).collect::<BTreeSet<_>>();
    for round in 0..5 {
        let mut wire = kith.as_ref().unwrap().connect();
        for number in 0..20 {
            let name = format!("Round {round}, account {number}");
            let answer = wire.ask("POST", "/v1/accounts", Some(&token), Some(&json!({"name": name}))).unwrap();
            assert_eq!(answer.status, 201);
            committed.insert(name);
        }
        // At another point of the way in each round: before the look, while it sends, between the two.
        std::thread::sleep(Duration::from_millis(150 * round));
        assert!(arrived().len() < committed.len(), "everything had arrived before it was killed");
        drop(kith.take());
        kith = Some(Kith::start(&own, "info"));
    }
    let began = Instant::now();
    while arrived() != committed {
        let (arrived, all) = (arrived().len(), committed.len());
        assert!(began.elapsed() < Duration::from_secs(90), "{arrived} of {all}: {}", kith.as_ref().unwrap().said());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(committed.len(), 100);
}
