//! Those who follow: server-sent events, many at once, slow ones, and who stops them.

use super::pages::{all, now};
use kith_api::Caller;
use kith_api::live::{Follower, Heard, Live};
use kith_journal::feed::{Asked, Position};
use kith_kernel::Origin;
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A reader of server-sent events on a socket.
pub struct Events {
    stream: TcpStream,
    raw: Vec<u8>,
    text: String,
    headed: bool,
}

/// One event: its name, its id and its data.
pub type Event = (String, String, Value);

impl Events {
    pub fn open(address: SocketAddr, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /v1/changes/stream{query} HTTP/1.1\r\nhost: kith.example\r\naccept: text/event-stream\r\nauthorization: Bearer {token}\r\n{last}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        Events { stream, raw: Vec::new(), text: String::new(), headed: false }
    }

    /// Waits no longer than this for something to come.
    pub fn patience(self, patience: Duration) -> Self {
        self.stream.set_read_timeout(Some(patience)).unwrap();
        self
    }

    /// The next event, comments left out; none: the stream has ended, or nothing came for too long.
    pub fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let of = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                    lines.collect::<Vec<_>>().join("\n")
                };
                let found = (of("event"), of("id"), serde_json::from_str(&of("data")).unwrap_or_default());
                self.text = rest.to_owned();
                if found.0.is_empty() {
                    continue;
                }
                return Some(found);
            }
            let mut part = [0; 64 * 1024];
            match self.stream.read(&mut part) {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.raw.extend_from_slice(&part[..length]),
            }
            self.unpack();
        }
    }

    /// Takes whole chunks out of what was read.
    fn unpack(&mut self) {
        if !self.headed {
            let Some(end) = self.raw.windows(4).position(|four| four == b"\r\n\r\n") else { return };
            let head = String::from_utf8_lossy(&self.raw[..end]).to_lowercase();
            assert!(head.starts_with("http/1.1 200") && head.contains("text/event-stream"), "{head}");
            self.raw.drain(..end + 4);
            self.headed = true;
        }
        while let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") {
            let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..line]).unwrap(), 16).unwrap();
            if self.raw.len() < line + 2 + size + 2 {
                return;
            }
            self.text.push_str(std::str::from_utf8(&self.raw[line + 2..line + 2 + size]).unwrap());
            self.raw.drain(..line + 2 + size + 2);
            if size == 0 {
                return;
            }
        }
    }
}

async fn follower(stage: &Stage, client: &Client, after: Option<Position>) -> Follower {
    let token = client.token.clone().unwrap();
    let caller = Caller::of_token(stage.app.clone(), &token, Origin::default()).await.unwrap();
    Follower::join(caller, Asked::default(), after).await.unwrap()
}

#[actix_web::test]
async fn events_go_on_behind_the_last_one_that_was_seen() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let served = stage.serve();
    let token = admin.token.clone().unwrap();
    let mut events = Events::open(served.address, &token, "?types=accounts", None);
    let (name, id, data) = events.next().unwrap();
    assert_eq!((name.as_str(), &data["cursor"]), ("ready", &json!(id)));
    admin.post("/v1/tags", json!({"name": "another type"})).await.expect(201);
    admin.post("/v1/accounts", json!({"name": "One"})).await.expect(201);
    let (name, one, data) = events.next().unwrap();
    assert_eq!(
        (name.as_str(), &data["data"]["name"], &data["cursor"]),
        ("account.created", &json!("One"), &json!(one))
    );
    drop(events);
    for name in ["Two", "Three"] {
        admin.post("/v1/accounts", json!({"name": name})).await.expect(201);
    }
    let mut events = Events::open(served.address, &token, "?types=accounts", Some(&one));
    assert_eq!(events.next().unwrap().0, "ready");
    admin.post("/v1/accounts", json!({"name": "Four"})).await.expect(201);
    let names: Vec<_> = (0..3).map(|_| events.next().unwrap().2["data"]["name"].clone()).collect();
    assert_eq!(names, ["Two", "Three", "Four"]);
    // The process stops: the stream says where to go on, and ends.
    stage.app.live.stop();
    let (name, id, data) = events.next().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("end", &json!("STOPPING")));
    assert!(events.next().is_none());
    assert_eq!(all_after(&admin, &id).await, 0);
}

async fn all_after(client: &Client, cursor: &str) -> usize {
    client.get(&format!("/v1/changes?after={cursor}")).await.expect(200).at("/data").as_array().unwrap().len()
}

#[actix_web::test]
async fn a_stream_ends_with_its_token() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let served = stage.serve();
    let admin = stage.admin(&tenant);
    // Fifteen minutes pass while it is open, on the clock of the server.
    let mut events = Events::open(served.address, admin.token.as_deref().unwrap(), "", None);
    assert_eq!(events.next().unwrap().0, "ready");
    stage.app.clock.advance(chrono::TimeDelta::minutes(16));
    actix_web::rt::time::sleep(Duration::from_secs(6)).await;
    stage.make(&tenant, "tags", json!({"name": "not for an expired token"}));
    let (name, _, data) = events.next().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("end", &json!("TOKEN_EXPIRED")));
    assert!(events.next().is_none());
}

#[actix_web::test]
async fn one_who_reads_too_slowly_is_let_go_and_misses_nothing_on_coming_back() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    super::head(&stage, &tenant);
    let mut slow = follower(&stage, &admin, None).await;
    let mut quick = follower(&stage, &admin, None).await;
    let (mut heard, mut made) = (0, 0);
    for number in 0..150 {
        made += 1;
        admin.post("/v1/tags", json!({"name": format!("tag {number}")})).await.expect(201);
        if let Heard::Changes(told, _) = quick.next().await.unwrap() {
            heard += told.len();
        }
    }
    while heard < made {
        if let Heard::Changes(told, _) = quick.next().await.unwrap() {
            heard += told.len();
        }
    }
    assert_eq!(heard, made, "the others are not slowed, and hear each change once");
    assert!(matches!(slow.next().await.unwrap(), Heard::TooSlow), "what waits is bounded");
    let mut back = follower(&stage, &admin, Some(slow.position())).await;
    let mut found = 0;
    while found < made {
        let Heard::Changes(told, _) = back.next().await.unwrap() else { panic!("it ended") };
        found += told.len();
    }
    assert_eq!(found, made);
}

#[actix_web::test]
async fn two_thousand_who_wait_cost_nothing_and_hear_of_a_change_all_at_once() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    super::head(&stage, &tenant);
    let mut all = Vec::new();
    for _ in 0..2_000 {
        all.push(follower(&stage, &admin, None).await);
    }
    assert_eq!(stage.app.live.followers(tenant.id), 2_000);
    actix_web::rt::time::sleep(Duration::from_secs(1)).await;
    let before = stage.statements();
    actix_web::rt::time::sleep(Duration::from_secs(6)).await;
    let idle = stage.statements() - before;
    // The tail looks every five seconds, once for all of them, in case a signal was lost; other tests may hold it back.
    println!("statements in six idle seconds for 2,000 followers: {idle}");
    assert!(idle <= 40, "{idle} statements in six seconds");
    let before = stage.statements();
    let began = Instant::now();
    admin.post("/v1/tags", json!({"name": "news"})).await.expect(201);
    for follower in &mut all {
        let Heard::Changes(told, _) = follower.next().await.unwrap() else { panic!("it ended") };
        assert_eq!(told.len(), 1);
    }
    let cost = stage.statements() - before;
    println!("told to 2,000 in {:?} with {cost} statements, the write among them", began.elapsed());
    assert!(cost <= 100, "{cost} statements");
    all.truncate(1);
    drop(all);
    assert_eq!(stage.app.live.followers(tenant.id), 0, "nothing is kept of who has left");
}

#[actix_web::test]
async fn what_another_process_writes_is_heard_of_at_once() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let start = now((&stage, &tenant), &admin).await;
    let mut follower = follower(&stage, &admin, None).await;
    // Another pool with a tail of its own, as another process has.
    let other = kith_db::Db::open(kith_db::Options::new(stage.scratch.url.clone())).unwrap();
    let live = Live::default();
    live.start(kith_api::live::Means { db: other.clone(), ..stage.app.means(None) }).unwrap();
    let cx = stage.system(&tenant);
    let mut waits = Vec::new();
    for number in 0..20 {
        let body = json!({"name": format!("tag {number}")}).as_object().cloned().unwrap();
        other
            .write(tenant.id, |conn| {
                kith_journal::verbs::create(conn, &cx, cx.entry("tags")?, &body).map(|_| kith_db::Verdict::Commit(()))
            })
            .unwrap();
        let began = Instant::now();
        let Heard::Changes(told, _) = follower.next().await.unwrap() else { panic!("it ended") };
        assert_eq!(told.len(), 1);
        waits.push(began.elapsed());
    }
    waits.sort_unstable();
    println!("heard of another process's write: median {:?}, longest {:?}", waits[10], waits[19]);
    assert!(waits[10] < Duration::from_secs(2), "it is a signal that tells, not the look every five seconds");
    assert_eq!(all((&stage, &tenant), &admin, &start, "").await.0.len(), 20);
}

#[test]
fn a_stuck_transaction_is_ended_and_the_feed_goes_on() {
    use diesel::connection::SimpleConnection;
    let stage = Stage::new();
    let tenant = stage.tenant();
    let start = super::head(&stage, &tenant);
    let mut stuck = stage.scratch.owner();
    stuck.batch_execute("BEGIN; CREATE TABLE stuck (a int)").unwrap();
    stage.make(&tenant, "tags", json!({"name": "held back"}));
    let held = super::page(&stage, &tenant, Some(&start), 10);
    assert!(held.changes.is_empty() && held.held_back);
    let live = Live::default();
    live.start(stage.app.means(Some(Duration::from_secs(2)))).unwrap();
    let told = super::settled(&stage, &tenant, Some(&start));
    assert_eq!(told.len(), 1);
    assert!(stuck.batch_execute("COMMIT").is_err(), "its session is gone");
}
