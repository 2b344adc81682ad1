//! Whatever comes, and however often it is something new: the process does not grow. Promise 43, the short way.

use super::binary::Kith;
use super::database::{Own, credentials};
use kith_testkit::request;
use serde_json::json;
use std::time::{Duration, Instant};

/// Asks for something that was never asked for before, of every kind that something is remembered about.
fn round(kith: &Kith, token: &str, number: u64) {
    let mut wire = kith.connect();
    let unknown =
        json!({"tenant": format!("tenant-{number}"), "email": format!("{number}@example.com"), "password": "x"});
    let document = json!({"query": format!("query q{number} {{ accounts(filter: {{name: {{eq: \"{number}\"}}}}) {{ nodes {{ id }} }} }}")});
    let account = json!({"name": format!("Account {number}")});
    let mut messages = vec![
        request("POST", "/graphql", Some(token), Some(&document)),
        request("POST", "/v1/accounts", Some(token), Some(&account)).replacen(
            "\r\n",
            &format!("\r\nidempotency-key: {number}\r\n"),
            1,
        ),
        request("GET", &format!("/v1/nowhere-{number}"), None, None),
        request("GET", "/v1/accounts", Some(&format!("{token}{number}")), None),
        request(&format!("METHOD{number}"), "/v1/accounts", Some(token), None),
        request("GET", &format!("/v1/accounts?filter[name]={number}&limit=2"), Some(token), None),
    ];
    // Each costs a hash.
    if number.is_multiple_of(8) {
        messages.push(request("POST", "/v1/auth/login", None, Some(&unknown)));
    }
    for message in messages {
        wire.send(message).unwrap();
        assert!(wire.reply().unwrap().status < 500);
    }
}

/// Twelve seconds instead of ten minutes: enough for what grows with every request, and what is bounded has found its
/// bounds or is small.
#[test]
fn the_process_does_not_grow_with_what_it_is_asked() {
    let own = Own::start();
    let kith = Kith::start(&own, "warn");
    let login = kith.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    let token = login.at("/accessToken").as_str().unwrap().to_owned();
    let mut number = 0;
    let mut run = |time: Duration| {
        let began = Instant::now();
        while began.elapsed() < time {
            round(&kith, &token, number);
            number += 1;
        }
        kith.resident()
    };
    let warm = run(Duration::from_secs(5));
    let after = run(Duration::from_secs(7));
    assert!(after < warm + warm / 10 + 4 * 1024, "{warm} KiB after five seconds, {after} KiB after twelve");
}
