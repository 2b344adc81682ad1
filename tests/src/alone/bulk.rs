//! A load by a process of its own: it does not grow with the file, and a kill in the middle costs nothing.

use super::binary::Kith;
use super::database::{Own, credentials};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = st::BigInt)]
    contacts: i64,
    #[diesel(sql_type = st::BigInt)]
    keys: i64,
    #[diesel(sql_type = st::BigInt)]
    journal: i64,
}

pub fn counts(own: &Own) -> (i64, i64, i64) {
    let sql = "SELECT (SELECT count(*) FROM contacts) AS contacts, (SELECT count(DISTINCT external_id) FROM external_ids) AS keys, \
               (SELECT count(*) FROM change_log WHERE resource = 'contacts') AS journal";
    let found: Counts = sql_query(sql).get_result(&mut PgConnection::establish(&own.database.url).unwrap()).unwrap();
    (found.contacts, found.keys, found.journal)
}

fn token(kith: &Kith) -> String {
    let reply = kith.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    reply.at("/accessToken").as_str().unwrap().to_owned()
}

pub fn file(count: usize) -> String {
    (0..count).map(|n| format!("{{\"externalId\":\"C-{n}\",\"givenName\":\"Maria\",\"familyName\":\"Anders {n}\",\"jobTitle\":\"Sales Representative\"}}\n")).collect()
}

/// Sends a file, and reads the answer to its end.
pub fn send(kith: &Kith, token: &str, more: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(kith.address)?;
    let head = format!(
        "POST /v1/bulk/contacts?system=erp&results=errors HTTP/1.1\r\nhost: kith\r\nauthorization: Bearer {token}\r\n{more}connection: close\r\n\
         content-type: application/x-ndjson\r\nidempotency-key: the-file\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_process_does_not_grow_with_the_file_it_loads() {
    let own = Own::start();
    let kith = Kith::start(&own, "warn");
    let token = token(&kith);
    let body = file(20_000);
    // Warm: pools, caches and prepared statements are there.
    let warm = send(&kith, &token, "", &file(2_000)).unwrap();
    assert!(warm.starts_with("HTTP/1.1 200"), "{warm}");
    let before = kith.resident();
    let again = body.replace("C-", "D-");
    let answer = {
        let mut stream = TcpStream::connect(kith.address).unwrap();
        let head = format!(
            "POST /v1/bulk/contacts?system=erp&results=errors HTTP/1.1\r\nhost: kith\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
             content-type: application/x-ndjson\r\nidempotency-key: other\r\ncontent-length: {}\r\n\r\n",
            again.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(again.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(answer.contains("\"created\":20000"), "{answer}");
    let grown = kith.resident().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
}

#[test]
fn a_load_that_is_killed_ends_with_exactly_the_lines_of_the_file() {
    let own = Own::start();
    let body = file(12_000);
    // As a job: received whole, killed while it is loaded, gone on with by the next process.
    let kith = Kith::start(&own, "warn");
    let authority = token(&kith);
    let taken = send(&kith, &authority, "prefer: respond-async\r\n", &body).unwrap();
    assert!(taken.starts_with("HTTP/1.1 202"), "{taken}");
    let began = Instant::now();
    while counts(&own).0 < 2_000 {
        assert!(began.elapsed() < Duration::from_secs(60), "it never began: {}", kith.said());
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(kith);
    let (written, ..) = counts(&own);
    assert!(written < 12_000, "it was over before it was killed");
    let kith = Kith::start(&own, "warn");
    let began = Instant::now();
    while counts(&own).0 < 12_000 {
        assert!(began.elapsed() < Duration::from_secs(120), "{:?}: {}", counts(&own), kith.said());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(counts(&own), (12_000, 12_000, 12_000));
}

#[test]
fn a_request_that_is_killed_goes_on_when_it_is_sent_again() {
    let own = Own::start();
    let body = file(12_000);
    let kith = Kith::start(&own, "warn");
    let authority = token(&kith);
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| send(&kith, &authority, "", &body));
        let began = Instant::now();
        while counts(&own).0 < 2_000 {
            assert!(began.elapsed() < Duration::from_secs(60), "it never began");
            std::thread::sleep(Duration::from_millis(5));
        }
        kith.signal("-KILL");
        // Nothing, or a reset.
        assert!(sent.join().unwrap().map_or(true, |answer| !answer.contains("SUCCEEDED")));
    });
    drop(kith);
    let (written, ..) = counts(&own);
    assert!((2_000..12_000).contains(&written), "{written}");
    let kith = Kith::start(&own, "warn");
    let authority = token(&kith);
    let began = Instant::now();
    // Until the process that is gone is known to be.
    let answer = loop {
        let answer = send(&kith, &authority, "", &body).unwrap();
        if !answer.contains("IDEMPOTENCY_IN_PROGRESS") {
            break answer;
        }
        assert!(began.elapsed() < Duration::from_secs(40), "{answer}");
        std::thread::sleep(Duration::from_millis(500));
    };
    assert!(answer.contains("\"created\":12000,\"updated\":0,\"unchanged\":0,\"failed\":0"), "{answer}");
    assert_eq!(counts(&own), (12_000, 12_000, 12_000));
}
