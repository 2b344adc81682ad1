//! The database goes and comes back: everybody is told so in time, what was confirmed is there, and nobody meets what is
//! left of the time before. Promises 38 and 39.

use super::database::{Own, credentials, token};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use kith_server::listen::Limits;
use kith_testkit::{Reply, Served};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn ask(served: &Served, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> (Reply, Duration) {
    let began = Instant::now();
    let reply = served.connect().ask(method, path, token, body).unwrap();
    (reply, began.elapsed())
}

/// Everything that needs the database says so within six seconds; what does not, answers.
fn check_outage(served: &Served, token: &str) {
    let account = json!({"name": "Acme"});
    let login = credentials();
    let wrong = json!({"tenant": "acme", "email": "admin@example.com", "password": "wrong password"});
    // Fewer than the brake takes for guessing.
    let logins = [Some(&login), Some(&wrong)].map(|body| ("POST", "/v1/auth/login", None, body));
    let others = [
        ("GET", "/v1/accounts", Some(token), None),
        ("POST", "/v1/accounts", Some(token), Some(&account)),
        ("GET", "/readyz", None, None),
    ];
    // Some at a time, so that they stand in each other's way.
    std::thread::scope(|scope| {
        let all =
            others.iter().cycle().take(36).chain(&logins).map(|&(method, path, token, body)| {
                scope.spawn(move || (path, ask(served, method, path, token, body)))
            });
        for thread in all.collect::<Vec<_>>() {
            let (path, (reply, took)) = thread.join().unwrap();
            assert_eq!(reply.status, 503, "{path}: {}", reply.body);
            assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
            assert!(reply.header("retry-after").is_some(), "{path}");
            assert!(took < Duration::from_secs(6), "{path}: {took:?}");
        }
        let (reply, took) = ask(served, "GET", "/healthz", None, None);
        assert!(reply.status == 200 && took < Duration::from_secs(1), "{} after {took:?}", reply.status);
    });
}

/// Asks until somebody answers, and from then on without a single failure. How often it was asked in vain.
fn check_return(served: &Served, token: &str) -> u32 {
    let (began, mut failures) = (Instant::now(), 0);
    while ask(served, "GET", "/v1/accounts?limit=1", Some(token), None).0.status != 200 {
        assert!(began.elapsed() < Duration::from_secs(15), "no success after {:?}", began.elapsed());
        std::thread::sleep(Duration::from_millis(50));
        failures += 1;
    }
    let eight = |thread: usize| {
        let mut wire = served.connect();
        for number in 0..25 {
            let account = json!({"name": format!("Account {number}")});
            let reply = match (thread + number) % 3 {
                0 => wire.ask("POST", "/v1/accounts", Some(token), Some(&account)),
                1 => wire.ask("GET", "/readyz", None, None),
                _ => wire.ask("GET", "/v1/accounts?limit=1", Some(token), None),
            };
            let reply = reply.unwrap();
            assert!(reply.status < 300, "{number} of {thread}: {}", reply.body);
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|thread| drop(scope.spawn(move || eight(thread)))));
    assert_eq!(ask(served, "POST", "/v1/auth/login", None, Some(&credentials())).0.status, 200);
    failures
}

#[test]
fn a_database_that_goes_is_told_in_time_and_one_that_comes_back_is_used_at_once() {
    let mut own = Own::start();
    let served = Served::start(own.app(), Limits::default());
    let token = token(&served);
    for killed in [false, true] {
        // So that there are connections to be found dead.
        check_return(&served, &token);
        if killed {
            own.kill()
        } else {
            own.stop()
        }
        check_outage(&served, &token);
        own.start_again();
        check_return(&served, &token);
        // Dead connections that nobody met while the database was away.
        if killed {
            own.stop()
        } else {
            own.kill()
        }
        own.start_again();
        let failures = check_return(&served, &token);
        assert!(failures <= 2, "{failures} requests met a dead connection one after the other");
    }
}

#[test]
fn a_crash_of_the_database_loses_nothing_that_was_confirmed() {
    let mut own = Own::start();
    let served = Served::start(own.app(), Limits::default());
    let token = token(&served);
    let confirmed = Mutex::new(Vec::new());
    for round in 0..2 {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for writer in 0..6 {
                let (served, token, confirmed, done) = (&served, &token, &confirmed, &done);
                scope.spawn(move || {
                    let mut wire = served.connect();
                    for number in 0.. {
                        if done.load(Ordering::Relaxed) {
                            break;
                        }
                        let body = json!({"name": format!("{round} {writer} {number}")});
                        let reply = wire.ask("POST", "/v1/accounts", Some(token), Some(&body)).unwrap();
                        match reply.status {
                            201 => confirmed.lock().unwrap().push(reply.at("/id").as_str().unwrap().to_owned()),
                            503 => std::thread::sleep(Duration::from_millis(50)),
                            status => panic!("{status} {}", reply.body),
                        }
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(1_500));
            own.kill();
            own.start_again();
            std::thread::sleep(Duration::from_millis(500));
            done.store(true, Ordering::Relaxed);
        });
    }
    check_return(&served, &token);
    let confirmed = confirmed.into_inner().unwrap();
    assert!(confirmed.len() > 50, "{} writes", confirmed.len());
    let mut wire = served.connect();
    for id in confirmed {
        let reply = wire.ask("GET", &format!("/v1/accounts/{id}?fields=id"), Some(&token), None).unwrap();
        assert_eq!(reply.status, 200, "{id} was confirmed and is gone");
    }
}

#[test]
fn a_database_that_may_forget_is_refused_at_the_start() {
    let mut own = Own::start();
    let forgets =
        |own: &Own| kith_server::database::migrate(&own.database, &own.settings).map_err(|error| error.to_string());
    assert_eq!(forgets(&own), Ok(()));
    let mut owner = PgConnection::establish(&own.database.url).unwrap();
    owner.batch_execute("ALTER DATABASE kith SET synchronous_commit = off").unwrap();
    assert!(forgets(&own).unwrap_err().contains("synchronous_commit"));
    own.settings.allow_unsafe_database = true;
    assert_eq!(forgets(&own), Ok(()));
    own.settings.allow_unsafe_database = false;
    // The one that most tests run on may forget everything at once.
    own.database.url = kith_testkit::cluster_url().unwrap();
    assert!(forgets(&own).unwrap_err().contains("fsync"));
}
