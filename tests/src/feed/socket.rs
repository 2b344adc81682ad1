//! Subscriptions over graphql-transport-ws, on a real socket, and the codes with which connections end. Promise 8.

use kith_server::listen::Limits;
use kith_testkit::Stage;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A WebSocket as a client has it: texts whole, masked with zeros.
pub struct Socket {
    stream: TcpStream,
    raw: Vec<u8>,
}

#[derive(Debug, PartialEq)]
pub enum Frame {
    Text(Value),
    Close(u16),
}

impl Socket {
    fn try_open(address: SocketAddr, more: &str) -> (u16, Socket) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!(
            "GET /graphql HTTP/1.1\r\nhost: kith.example\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut socket = Socket { stream, raw: Vec::new() };
        let end = loop {
            if let Some(at) = socket.raw.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            socket.more();
        };
        let status = String::from_utf8_lossy(&socket.raw[9..12]).parse().unwrap();
        socket.raw.drain(..end);
        (status, socket)
    }

    fn open(address: SocketAddr) -> Self {
        let (status, socket) = Socket::try_open(address, "sec-websocket-protocol: graphql-transport-ws\r\n");
        assert_eq!(status, 101);
        socket
    }

    pub fn begun(address: SocketAddr, token: &str) -> Self {
        let mut socket = Socket::open(address);
        socket.say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}}));
        assert_eq!(socket.next(), Frame::Text(json!({"type": "connection_ack"})));
        socket
    }

    fn more(&mut self) {
        let mut part = [0; 16 * 1024];
        let length = self.stream.read(&mut part).unwrap();
        assert!(length > 0, "the connection ended");
        self.raw.extend_from_slice(&part[..length]);
    }

    fn say(&mut self, message: Value) {
        self.frame(message.to_string().as_bytes());
    }

    fn frame(&mut self, text: &[u8]) {
        let mut frame = vec![0x81];
        match text.len() {
            short @ ..126 => frame.push(0x80 | short as u8),
            middle @ ..65_536 => {
                frame.push(0x80 | 126);
                frame.extend((middle as u16).to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend((long as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text);
        self.stream.write_all(&frame).unwrap();
    }

    /// The next text or the end; pings are left out.
    pub fn next(&mut self) -> Frame {
        loop {
            while self.raw.len() < 2 {
                self.more();
            }
            let (lead, length) = match self.raw[1] & 0x7f {
                126 => {
                    while self.raw.len() < 4 {
                        self.more();
                    }
                    (4, usize::from(u16::from_be_bytes([self.raw[2], self.raw[3]])))
                }
                short => (2, usize::from(short)),
            };
            while self.raw.len() < lead + length {
                self.more();
            }
            assert_eq!(self.raw[0] & 0xf0, 0x80, "no whole frame: {}", String::from_utf8_lossy(&self.raw));
            let kind = self.raw[0] & 0x0f;
            let body: Vec<u8> = self.raw.drain(..lead + length).skip(lead).collect();
            match kind {
                1 => return Frame::Text(serde_json::from_slice(&body).unwrap()),
                8 => return Frame::Close(u16::from_be_bytes([body[0], body[1]])),
                _ => {}
            }
        }
    }

    pub fn text(&mut self) -> Value {
        match self.next() {
            Frame::Text(text) => text,
            Frame::Close(code) => panic!("closed with {code}"),
        }
    }

    pub fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.say(json!({"type": "subscribe", "id": id, "payload": {"query": query, "variables": variables}}));
    }
}

#[actix_web::test]
async fn changes_and_a_record_are_told_as_they_happen() {
    let stage = Stage::with_pool(4);
    let admin = stage.admin(&stage.tenant());
    let served = stage.serve();
    let account = admin.post("/v1/accounts", json!({"name": "Acme"})).await.expect(201).id();
    let mut socket = Socket::begun(served.address, admin.token.as_deref().unwrap());
    socket.subscribe(
        "record",
        "subscription($id: UUID!) { it: account(id: $id) { name version contacts { nodes { familyName } } } }",
        json!({"id": account}),
    );
    let first = socket.text();
    let expected = json!({"it": {"name": "Acme", "version": 1, "contacts": {"nodes": []}}});
    assert_eq!(
        (&first["type"], &first["id"], &first["payload"]["data"]),
        (&json!("next"), &json!("record"), &expected)
    );
    admin.patch(&format!("/v1/accounts/{account}"), json!({"name": "Acme Ltd"})).await.expect(200);
    assert_eq!(socket.text().pointer("/payload/data/it/name"), Some(&json!("Acme Ltd")));
    socket.say(json!({"type": "complete", "id": "record"}));
    // A pong comes after whatever stood before it.
    socket.say(json!({"type": "ping"}));
    assert_eq!(socket.text(), json!({"type": "pong"}));

    let query = "subscription { changes(after: \"start\", types: [\"accounts\"]) { cursor type recordId changedFields presence data } }";
    socket.subscribe("feed", query, json!({}));
    let (made, changed) = (socket.text(), socket.text());
    assert_eq!(made.pointer("/payload/data/changes/type"), Some(&json!("account.created")));
    assert_eq!(changed.pointer("/payload/data/changes/changedFields"), Some(&json!(["name"])));
    let cursor = made.pointer("/payload/data/changes/cursor").unwrap();
    // The same cursors hold everywhere.
    let page = admin.get(&format!("/v1/changes?types=accounts&after={}", cursor.as_str().unwrap())).await.expect(200);
    assert_eq!(page.at("/data/0/changedFields"), &json!(["name"]));
    let query = "query($after: String) { changes(after: $after, types: [\"accounts\"], first: 1) { nodes { type data actor } nextCursor hasMore } }";
    let answer = admin.graphql(query, json!({"after": cursor})).await.expect(200);
    assert_eq!(answer.at("/data/changes/nodes/0/type"), "account.updated");
    assert_eq!(answer.at("/data/changes/nodes/0/data/name"), "Acme Ltd");
    admin.delete(&format!("/v1/accounts/{account}")).await.expect(204);
    assert_eq!(socket.text().pointer("/payload/data/changes/type"), Some(&json!("account.archived")));

    // Plain operations are answered too, and wrong ones refused without ending the connection.
    socket.subscribe("plain", "{ viewer { kind } }", json!({}));
    assert_eq!(socket.text().pointer("/payload/data/viewer/kind"), Some(&json!("USER")));
    assert_eq!(socket.text(), json!({"type": "complete", "id": "plain"}));
    socket.subscribe("wrong", "subscription { changes { horn } }", json!({}));
    assert_eq!(socket.text()["type"], "error");
    socket.subscribe("wrong", "subscription { changes(types: [\"unicorns\"]) { id } }", json!({}));
    let refused = socket.text();
    assert_eq!(refused.pointer("/payload/errors/0/extensions/code"), Some(&json!("VALIDATION_FAILED")), "{refused}");
    assert_eq!(socket.text()["type"], "complete");
    stage.app.live.stop();
    loop {
        match socket.next() {
            Frame::Close(code) => break assert_eq!(code, 1001),
            Frame::Text(text) => assert_eq!(text["id"], "feed", "{text}"),
        }
    }
}

#[actix_web::test]
async fn connections_end_with_the_codes_of_the_protocol() {
    let stage = Stage::with_pool(4);
    let admin = stage.admin(&stage.tenant());
    let served = stage.serve();
    let token = admin.token.as_deref().unwrap();
    let subscribe = || json!({"type": "subscribe", "id": "a", "payload": {"query": "subscription { changes { id } }"}});

    let mut socket = Socket::open(served.address);
    socket.say(subscribe());
    assert_eq!(socket.next(), Frame::Close(4401), "before the acknowledgement");
    let mut socket = Socket::open(served.address);
    socket.say(json!({"type": "connection_init", "payload": {"authorization": "Bearer x.y.z"}}));
    assert_eq!(socket.next(), Frame::Close(4403), "a bad token");
    let mut socket = Socket::open(served.address);
    socket.say(json!({"type": "connection_init"}));
    assert_eq!(socket.next(), Frame::Close(4403), "no token");
    let mut socket = Socket::begun(served.address, token);
    socket.say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}}));
    assert_eq!(socket.next(), Frame::Close(4429), "twice");
    let mut socket = Socket::begun(served.address, token);
    socket.say(subscribe());
    socket.say(subscribe());
    assert_eq!(socket.next(), Frame::Close(4409), "the same id");
    for message in ["{", "[]", "{\"type\": \"dance\"}"] {
        let mut socket = Socket::begun(served.address, token);
        socket.frame(message.as_bytes());
        assert_eq!(socket.next(), Frame::Close(4400), "{message}");
    }
    let mut socket = Socket::begun(served.address, token);
    for id in 0..101 {
        socket.subscribe(&id.to_string(), "subscription { changes { id } }", json!({}));
    }
    assert_eq!(socket.next(), Frame::Close(4429), "too many operations");
    let mut socket = Socket::begun(served.address, token);
    socket.frame(json!({"type": "ping", "payload": {"a": "x".repeat(70_000)}}).to_string().as_bytes());
    assert_eq!(socket.next(), Frame::Close(1009), "too long");
    let mut waiting = Socket::open(served.address);
    assert_eq!(waiting.next(), Frame::Close(4408), "no first message");

    assert_eq!(Socket::try_open(served.address, "").0, 400, "without the protocol");
    let foreign = "sec-websocket-protocol: graphql-transport-ws\r\norigin: https://evil.example\r\n";
    assert_eq!(Socket::try_open(served.address, foreign).0, 403);
    let own = "sec-websocket-protocol: graphql-transport-ws\r\norigin: https://kith.example\r\n";
    assert_eq!(Socket::try_open(served.address, own).0, 101);
    let plain = served.connect().ask("GET", "/graphql", Some(token), None).unwrap();
    assert_eq!(plain.status, 405);
}

#[actix_web::test]
async fn a_connection_lives_longer_than_the_head_of_a_request_may_take() {
    let stage = Stage::with_pool(4);
    let admin = stage.admin(&stage.tenant());
    let limits = Limits { head: Duration::from_secs(1), ..Limits::default() };
    let served = stage.serve_with(limits);
    let mut socket = Socket::begun(served.address, admin.token.as_deref().unwrap());
    socket.subscribe("feed", "subscription { changes(types: [\"tags\"]) { data } }", json!({}));
    for name in ["one", "two"] {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        admin.post("/v1/tags", json!({"name": name})).await.expect(201);
        assert_eq!(socket.text().pointer("/payload/data/changes/data/name"), Some(&json!(name)));
        socket.say(json!({"type": "ping"}));
        assert_eq!(socket.text(), json!({"type": "pong"}));
    }
}

#[actix_web::test]
async fn a_job_is_followed_to_its_end() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let served = stage.serve();
    let job = crate::jobs::put(&stage, &tenant, "test", json!({}), kith_jobs::Asked::default());
    let mut socket = Socket::begun(served.address, admin.token.as_deref().unwrap());
    let query = "subscription($id: UUID!) { it: jobProgress(id: $id) { state progress attempts } }";
    socket.subscribe("job", query, json!({"id": job.meta.id}));
    assert_eq!(socket.text().pointer("/payload/data/it/state"), Some(&json!("QUEUED")));
    let (cx, db) = (stage.system(&tenant), &stage.app.db);
    let claimed = db
        .write(tenant.id, |conn| {
            kith_jobs::queue::claim(conn, &cx, &["test"], chrono::TimeDelta::minutes(1)).map(kith_db::Verdict::Commit)
        })
        .unwrap()
        .unwrap();
    assert_eq!(socket.text().pointer("/payload/data/it/state"), Some(&json!("RUNNING")));
    let news = kith_jobs::Progress { done: 7, total: Some(10), unit: "rows" };
    let kept = db.write(tenant.id, |conn| {
        let lease = chrono::TimeDelta::minutes(1);
        kith_jobs::queue::keep(conn, &cx, &claimed, lease, Some(&news)).map(kith_db::Verdict::Commit)
    });
    kept.unwrap();
    assert_eq!(socket.text().pointer("/payload/data/it/progress/done"), Some(&json!(7)), "it is no new version");
    let ended = db.write(tenant.id, |conn| {
        let came = kith_jobs::queue::Came::Done(json!({"rows": 10}));
        kith_jobs::queue::conclude(conn, &cx, &claimed, came, None).map(kith_db::Verdict::Commit)
    });
    assert!(ended.unwrap());
    assert_eq!(socket.text().pointer("/payload/data/it/state"), Some(&json!("SUCCEEDED")));
    assert_eq!(socket.text(), json!({"type": "complete", "id": "job"}));
    socket.subscribe("none", query, json!({"id": crate::push::new_id()}));
    assert_eq!(socket.text().pointer("/payload/errors/0/extensions/code"), Some(&json!("NOT_FOUND")));
}
