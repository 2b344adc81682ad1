//! The database is stopped at once, as by a crash, while records are written, a file is loaded and webhooks are sent: what
//! was confirmed is there, the load ends with exactly the lines of its file, and each change reaches its receiver.
//! Promises 35 and 39.

use super::binary::Kith;
use super::bulk::{counts, file, send};
use super::database::{Own, credentials};
use super::process::names;
use crate::webhooks::Receiver;
use kith_testkit::{Wire, request};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Lines of the file.
const LINES: usize = 4_000;

/// Asks until there is an answer that is not "later".
fn insist(address: SocketAddr, message: &str) -> (u16, Value) {
    let began = Instant::now();
    loop {
        let came = Wire::open(address).and_then(|mut wire| wire.send(message).and_then(|()| wire.reply()));
        match came {
            Ok(reply) if reply.status < 500 && reply.code() != "IDEMPOTENCY_IN_PROGRESS" => {
                return (reply.status, reply.body);
            }
            _ => assert!(began.elapsed() < Duration::from_secs(60), "never answered: {message}"),
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

#[test]
fn a_database_that_is_stopped_at_once_costs_no_write_no_line_of_a_load_and_no_webhook() {
    let mut own = Own::start();
    let receiver = Receiver::new(|_, _| {
        std::thread::sleep(Duration::from_millis(15));
        200
    });
    own.settings.webhook_allow = vec![receiver.address.to_string()];
    let kith = Kith::start(&own, "warn");
    let address = kith.address;
    let login = kith.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    let token = login.at("/accessToken").as_str().unwrap().to_owned();
    let endpoint = json!({"url": receiver.url(), "eventTypes": ["account.*"]});
    let made = kith.connect().ask("POST", "/v1/webhook-endpoints", Some(&token), Some(&endpoint)).unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    let body = file(LINES);
    let taken = send(&kith, &token, "prefer: respond-async\r\n", &body).unwrap();
    assert!(taken.starts_with("HTTP/1.1 202"), "{taken}");
    let job = taken.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();

    let (confirmed, done, refused) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false), AtomicUsize::new(0));
    let stops = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let (token, confirmed, done, refused) = (&token, &confirmed, &done, &refused);
                scope.spawn(move || {
                    for number in 0.. {
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                        let name = format!("{writer} {number}");
                        let plain = request("POST", "/v1/accounts", Some(token), Some(&json!({"name": name})));
                        // Half of them ask once: what was refused or cut off may be there or not. The others insist, and
                        // their keys let each have one effect.
                        if writer % 2 == 0 {
                            let came =
                                Wire::open(address).and_then(|mut wire| wire.send(&plain).and_then(|()| wire.reply()));
                            match came.map(|reply| reply.status) {
                                Ok(201) => drop(confirmed.lock().unwrap().insert(name)),
                                _ => drop(refused.fetch_add(1, Ordering::Relaxed)),
                            }
                        } else {
                            let key = format!("\r\nidempotency-key: {writer}-{number}\r\n");
                            let (status, body) = insist(address, &plain.replacen("\r\n", &key, 1));
                            assert_eq!(status, 201, "{body}");
                            confirmed.lock().unwrap().insert(name);
                        }
                        std::thread::sleep(Duration::from_millis(250));
                    }
                })
            })
            .collect();
        // In the middle of the load each time.
        let mut stops = Vec::new();
        for wanted in [1_000, 2_000] {
            let began = Instant::now();
            while counts(&own).0 < wanted {
                assert!(began.elapsed() < Duration::from_secs(60), "{:?}: {}", counts(&own), kith.said());
                std::thread::sleep(Duration::from_millis(50));
            }
            let sure = confirmed.lock().unwrap().clone();
            let heard = receiver.got().len();
            own.kill();
            std::thread::sleep(Duration::from_millis(400));
            own.start_again();
            let stored = BTreeSet::from_iter(names(&own));
            let gone: Vec<_> = sure.difference(&stored).collect();
            assert!(gone.is_empty(), "confirmed, and gone: {gone:?}");
            stops.push((counts(&own).0, sure.len(), heard));
        }
        let began = Instant::now();
        while counts(&own).0 < LINES as i64 {
            assert!(began.elapsed() < Duration::from_secs(100), "{:?}: {}", counts(&own), kith.said());
            std::thread::sleep(Duration::from_millis(50));
        }
        done.store(true, Ordering::Relaxed);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        stops
    });
    for (lines, ..) in &stops {
        assert!(*lines < LINES as i64, "the load was over before the database was stopped");
    }
    // The job knows that it is done, and the file is there once.
    let began = Instant::now();
    let ended = loop {
        let (_, found) = insist(address, &request("GET", &job, Some(&token), None));
        if found["state"] != "RUNNING" && found["state"] != "QUEUED" {
            break found;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{found}");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(ended["state"], "SUCCEEDED", "{ended}");
    let all = LINES as i64;
    assert_eq!(counts(&own), (all, all, all), "contacts, keys, journal");

    let (stored, confirmed) = (names(&own), confirmed.into_inner().unwrap());
    let distinct = BTreeSet::from_iter(stored.clone());
    assert_eq!(stored.len(), distinct.len(), "written twice");
    assert!(confirmed.is_subset(&distinct), "confirmed, and gone");
    // Of what is there, whoever follows is told; of nothing else.
    let began = Instant::now();
    let arrived = || receiver.got().iter().map(|got| got.name()).collect::<BTreeSet<_>>();
    while arrived() != distinct {
        let (missing, more) = (distinct.difference(&arrived()).count(), arrived().difference(&distinct).count());
        assert!(began.elapsed() < Duration::from_secs(60), "{missing} missing, {more} too many: {}", kith.said());
        std::thread::sleep(Duration::from_millis(500));
    }
    println!(
        "stopped at (lines loaded, writes confirmed, webhooks received) {stops:?}; in the end {LINES} lines, {} writes \
         confirmed of {} there, {} attempts in vain, {} webhooks of {} events",
        confirmed.len(),
        distinct.len(),
        refused.into_inner(),
        receiver.got().len(),
        distinct.len()
    );
}
