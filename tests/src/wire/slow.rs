//! Clients that take their time: they hold a connection, no place at work, and not for long. Promise 22.

use kith_server::listen::Limits;
use kith_testkit::{Served, Stage, Wire, request};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const HEAD: &str = "GET /healthz HTTP/1.1\r\nhost: a\r\n";
const BODY: &str =
    "POST /v1/auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";

/// Drips a byte every now and then until the other side has had enough; how long that took, and what it said.
fn drip(wire: &mut Wire, every: Duration) -> (Duration, u16, String) {
    let began = Instant::now();
    // The first byte counts, not the last.
    while began.elapsed() < Duration::from_secs(8) && wire.send("x").is_ok() {
        if wire.ends_within(every) || wire.has_more() {
            break;
        }
    }
    let reply = wire.reply().unwrap_or_else(|error| panic!("ended without a word: {error}"));
    (began.elapsed(), reply.status, reply.code().to_owned())
}

#[test]
fn heads_bodies_and_idle_connections_have_their_time() {
    let (head, body, idle) = (Duration::from_millis(700), Duration::from_millis(900), Duration::from_millis(1_500));
    let stage = Stage::with_app(2, |app| app.work.body = body);
    let served = stage.serve_with(Limits { head, idle, linger: head, ..Limits::default() });
    let every = Duration::from_millis(50);
    let timed_out = |(took, status, code): (Duration, u16, String), limit: Duration| {
        assert_eq!((status, code.as_str()), (408, "REQUEST_TIMEOUT"));
        assert!(took + every > limit && took < limit + Duration::from_secs(4), "{took:?} instead of {limit:?}");
    };
    // The first head, a later one, and one of which nothing comes.
    for (name, asked) in [("first", 0), ("second", 1), ("fourth", 3)] {
        let mut wire = served.connect();
        for _ in 0..asked {
            assert_eq!(wire.ask("GET", "/healthz", None, None).unwrap().status, 200, "{name}");
            std::thread::sleep(head / 2);
        }
        wire.send(HEAD).unwrap();
        timed_out(drip(&mut wire, every), head);
        assert!(wire.ends_within(Duration::from_secs(8)), "{name}");
    }
    let mut silent = served.connect();
    let began = Instant::now();
    assert_eq!(silent.reply().unwrap().status, 408);
    assert!(began.elapsed() > head - every && silent.ends_within(Duration::from_secs(8)));
    // A body, of the first request and of a later one.
    for asked in [0, 1] {
        let mut wire = served.connect();
        for _ in 0..asked {
            assert_eq!(wire.ask("GET", "/healthz", None, None).unwrap().status, 200);
        }
        wire.send(BODY).unwrap();
        timed_out(drip(&mut wire, every), body);
        assert!(wire.ends_within(Duration::from_secs(8)));
    }
    // A connection at rest lives longer than a head may take, and then ends without a word.
    let mut idle_one = served.connect();
    assert_eq!(idle_one.ask("GET", "/healthz", None, None).unwrap().status, 200);
    std::thread::sleep(head + Duration::from_millis(200));
    assert_eq!(idle_one.ask("GET", "/healthz", None, None).unwrap().status, 200);
    let began = Instant::now();
    assert!(idle_one.ends_within(Duration::from_secs(8)));
    assert!(began.elapsed() + every > idle, "{:?}", began.elapsed());
    // Who takes as long as allowed is served.
    let mut slow = served.connect();
    slow.send("GET /healthz HT").unwrap();
    std::thread::sleep(head / 2);
    slow.send("TP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert_eq!(slow.reply().unwrap().status, 200);
    slow.send("POST /v1/auth/logout HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"refresh").unwrap();
    std::thread::sleep(body / 2);
    slow.send("Token\":\"x\"}").unwrap();
    assert_eq!(slow.reply().unwrap().status, 204);
}

#[test]
fn there_are_at_most_so_many_connections_and_the_next_is_served_when_one_ends() {
    let stage = Stage::new();
    let served = stage.serve_with(Limits { most: 8, ..Limits::default() });
    let mut all: Vec<Wire> = (0..8).map(|_| served.connect()).collect();
    for wire in &mut all {
        assert_eq!(wire.ask("GET", "/healthz", None, None).unwrap().status, 200);
    }
    let mut waiting = served.connect();
    waiting.send(request("GET", "/healthz", None, None)).unwrap();
    assert!(!waiting.ends_within(Duration::from_millis(500)) && !waiting.has_more(), "a ninth was served");
    all.truncate(7);
    assert_eq!(waiting.reply().unwrap().status, 200);
}

#[test]
fn the_defaults_are_what_was_promised() {
    let limits = Limits::default();
    assert_eq!((limits.head.as_secs(), limits.idle.as_secs(), limits.linger.as_secs()), (10, 75, 5));
    assert_eq!(limits.most, 1_024);
    let work = kith_api::http::work::Work::new(8);
    assert_eq!((work.queue.as_secs(), work.body.as_secs(), work.free()), (1, 30, 32));
    assert_eq!(kith_db::Options::new("").wait.as_secs(), 1);
}

/// The longest that 95 of 100 requests of somebody who behaves have taken.
fn percentile(served: &Served, token: &str) -> Duration {
    let body = json!({"name": "Acme"});
    let mut wire = served.connect();
    let mut took: Vec<Duration> = (0..60)
        .map(|number| {
            let began = Instant::now();
            let reply = match number % 3 {
                0 => wire.ask("POST", "/v1/accounts", Some(token), Some(&body)),
                _ => wire.ask("GET", "/v1/accounts?limit=5", Some(token), None),
            };
            assert!(reply.unwrap().status < 300);
            began.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() * 95 / 100]
}

#[test]
fn two_hundred_dripping_clients_of_each_kind_harm_nobody() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let token = stage.admin(&tenant).token.unwrap();
    let served = stage.serve();
    let body = format!(
        "{}content-length: 100000\r\n\r\n",
        request("POST", "/v1/accounts", Some(&token), None).trim_end_matches("\r\n").to_owned()
            + "\r\ncontent-type: application/json\r\n"
    );
    for (kind, asks_first, opening) in [
        ("first heads", false, HEAD),
        ("later heads", true, HEAD),
        ("bodies", false, body.as_str()),
        ("at rest", true, ""),
    ] {
        let open = |_| {
            let mut wire = served.connect();
            if asks_first {
                assert_eq!(wire.ask("GET", "/healthz", None, None).unwrap().status, 200);
            }
            wire.send(opening).unwrap();
            wire
        };
        let mut drippers: Vec<Wire> = (0..200).map(open).collect();
        let done = AtomicBool::new(false);
        let worst = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    drippers.iter_mut().filter(|_| !opening.is_empty()).for_each(|wire| wire.send("x").unwrap());
                    std::thread::sleep(Duration::from_millis(100));
                }
            });
            std::thread::sleep(Duration::from_millis(200));
            let places = stage.app.work.free();
            let worst = percentile(&served, &token);
            done.store(true, Ordering::Relaxed);
            assert_eq!(places, 8, "{kind} take places at work");
            worst
        });
        assert!(worst < Duration::from_millis(500), "{kind}: {worst:?}");
    }
}
