//! The process is told to stop, and is killed, under load: what was accepted is answered, what was confirmed is there,
//! and what is sent again is done once. Promises 29, 39 and 40.

use super::binary::Kith;
use super::database::{Own, credentials};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_testkit::{Wire, request};
use serde_json::json;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = st::Text)]
    name: String,
}

fn owner(own: &Own) -> PgConnection {
    PgConnection::establish(&own.database.url).unwrap()
}

/// The names of all accounts, however often they stand there.
pub fn names(own: &Own) -> Vec<String> {
    let all: Vec<Name> = sql_query("SELECT name FROM accounts").load(&mut owner(own)).unwrap();
    all.into_iter().map(|row| row.name).collect()
}

fn token(kith: &Kith) -> String {
    let reply = kith.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    reply.at("/accessToken").as_str().unwrap().to_owned()
}

/// What came of one attempt to write.
enum Came {
    Answer(u16),
    /// The connection ended without a byte of an answer.
    Nothing,
    /// In the middle of an answer.
    CutOff,
}

fn attempt(wire: &mut Wire, message: &str) -> Came {
    if wire.send(message).is_err() {
        return Came::Nothing;
    }
    match wire.reply() {
        Ok(reply) => Came::Answer(reply.status),
        Err(error) if wire.has_more() || error.kind() == ErrorKind::TimedOut => Came::CutOff,
        Err(_) => Came::Nothing,
    }
}

#[test]
fn a_process_that_is_told_to_stop_finishes_what_it_has_accepted() {
    let own = Own::start();
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.15); RETURN NEW; END $$;
                CREATE TRIGGER accounts_slow BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION slow()";
    owner(&own).batch_execute(slow).unwrap();
    let mut kith = Kith::start(&own, "info");
    let token = token(&kith);
    let (confirmed, cut_off) = (Mutex::new(BTreeSet::new()), Mutex::new(Vec::new()));
    let mut probe = kith.connect();
    assert_eq!(probe.ask("GET", "/readyz", None, None).unwrap().status, 200);
    let address = kith.address;
    let ended = std::thread::scope(|scope| {
        for writer in 0..12 {
            let (token, confirmed, cut_off) = (&token, &confirmed, &cut_off);
            scope.spawn(move || {
                // Half of them on one connection, the others each time on a new one.
                let mut wire = Wire::open(address).unwrap();
                for number in 0.. {
                    let name = format!("{writer} {number}");
                    match attempt(
                        &mut wire,
                        &request("POST", "/v1/accounts", Some(token), Some(&json!({"name": name}))),
                    ) {
                        Came::Answer(201) => drop(confirmed.lock().unwrap().insert(name)),
                        Came::Answer(503) => {}
                        Came::Answer(status) => panic!("{name}: {status}"),
                        Came::CutOff => cut_off.lock().unwrap().push(name),
                        Came::Nothing => {}
                    }
                    if writer % 2 == 0 || wire.ends_within(Duration::from_millis(1)) {
                        match Wire::open(address) {
                            Ok(next) => wire = next,
                            Err(_) => break,
                        }
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_millis(1_500));
        kith.signal("-TERM");
        let told = Instant::now();
        // It says that it will stop while it still serves.
        while probe.ask("GET", "/readyz", None, None).unwrap().status == 200 {
            assert!(told.elapsed() < Duration::from_millis(900), "it goes on as if nothing were");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(probe.ask("GET", "/healthz", None, None).unwrap().status, 200);
        let status = kith.end();
        (status, told.elapsed())
    });
    assert_eq!(ended.0.code(), Some(0), "{}", kith.said());
    assert!(ended.1 < Duration::from_secs(25), "{:?}", ended.1);
    assert!(Wire::open(address).is_err(), "somebody still listens");
    assert_eq!(*cut_off.lock().unwrap(), Vec::<String>::new());
    let (confirmed, stored) = (confirmed.into_inner().unwrap(), BTreeSet::from_iter(names(&own)));
    assert!(confirmed.len() > 20, "{} writes", confirmed.len());
    assert_eq!(stored, confirmed, "what was done was answered, and the other way round");
}

#[test]
fn a_killed_process_loses_nothing_and_two_hundred_keys_sent_again_are_two_hundred_effects() {
    let own = Own::start();
    let mut kith = Some(Kith::start(&own, "info"));
    let token = token(kith.as_ref().unwrap());
    let (address, done) = (Mutex::new(kith.as_ref().unwrap().address), AtomicBool::new(false));
    let confirmed = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (token, address, confirmed) = (&token, &address, &confirmed);
                scope.spawn(move || {
                    for number in 0..25 {
                        let name = format!("{writer} {number}");
                        let body = json!({"name": name});
                        let plain = request("POST", "/v1/accounts", Some(token), Some(&body));
                        let keyed = plain.replacen("\r\n", &format!("\r\nidempotency-key: {writer}-{number}\r\n"), 1);
                        let came = || Some(attempt(&mut Wire::open(*address.lock().unwrap()).ok()?, &keyed));
                        let began = Instant::now();
                        // Until there is an answer, whatever happened to the attempts before.
                        while !matches!(came(), Some(Came::Answer(201))) {
                            assert!(began.elapsed() < Duration::from_secs(60), "{name} never came through");
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        confirmed.lock().unwrap().insert(name);
                        std::thread::sleep(Duration::from_millis(60));
                    }
                })
            })
            .collect();
        let killer = scope.spawn(|| {
            for pause in [400, 250, 550] {
                std::thread::sleep(Duration::from_millis(pause));
                if done.load(Ordering::Relaxed) {
                    break;
                }
                // Dropped, which kills it at once.
                drop(kith.take());
                let sure: Vec<String> = confirmed.lock().unwrap().iter().cloned().collect();
                let stored = BTreeSet::from_iter(names(&own));
                assert!(sure.iter().all(|name| stored.contains(name)), "a confirmed write is gone");
                let again = Kith::start(&own, "info");
                *address.lock().unwrap() = again.address;
                kith = Some(again);
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        killer.join().unwrap();
    });
    let mut stored = names(&own);
    stored.sort_unstable();
    let all: Vec<String> = confirmed.into_inner().unwrap().into_iter().collect();
    assert_eq!((stored.len(), stored), (200, all), "each once");
}
