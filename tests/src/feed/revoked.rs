//! Rights that are taken away while somebody follows: from that change on nothing is told that they may no longer see,
//! over server-sent events, long polls and subscriptions alike; and whoever may not work here any more is cut off.

use super::live::Events;
use super::pages::now;
use super::socket::{Frame, Socket};
use crate::authz::with_grants;
use kith_testkit::{Client, PASSWORD, Served, Stage, Tenant};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Within this time whoever is deactivated or logged out is cut off, even if nothing happens.
const CUT_OFF: Duration = Duration::from_secs(25);

/// What is told of a change: its type, and what names the record, if that is told.
type Told = (String, String);

fn told(change: &Value) -> Told {
    let name = ["/data/name", "/data/familyName", "/recordId"].into_iter().find_map(|at| change.pointer(at)?.as_str());
    (change["type"].as_str().unwrap().to_owned(), name.unwrap().to_owned())
}

/// The three doors, all open for one reader.
struct Doors {
    events: Events,
    socket: Socket,
    reader: Client,
    after: String,
}

impl Doors {
    async fn open(stage: &Stage, tenant: &Tenant, served: &Served, reader: &Client) -> Self {
        let after = now((stage, tenant), reader).await;
        let token = reader.token.as_deref().unwrap();
        let mut events = Events::open(served.address, token, "", Some(&after));
        assert_eq!(events.next().unwrap().0, "ready");
        let mut socket = Socket::begun(served.address, token);
        let query = "subscription($after: String) { changes(after: $after) { type recordId data } }";
        socket.subscribe("feed", query, json!({"after": after}));
        Doors { events, socket, reader: reader.clone(), after }
    }

    /// The next so many changes over each of them; they are the same.
    async fn hear(&mut self, count: usize) -> Vec<Told> {
        let by_event: Vec<Told> = (0..count).map(|_| told(&self.events.next().unwrap().2)).collect();
        let heard = |_| told(self.socket.text().pointer("/payload/data/changes").unwrap());
        let by_socket: Vec<Told> = (0..count).map(heard).collect();
        let mut polled: Vec<Told> = Vec::new();
        while polled.len() < count {
            let page = self.poll(5).await;
            polled.extend(page.at("/data").as_array().unwrap().iter().map(told));
            self.after = page.at("/page/nextCursor").as_str().unwrap().to_owned();
        }
        assert_eq!((&by_socket, &polled), (&by_event, &by_event));
        by_event
    }

    /// What comes over each of them up to the record of this name.
    async fn until(&mut self, name: &str) -> [Vec<Told>; 3] {
        let mut all = [Vec::new(), Vec::new(), Vec::new()];
        let last = |all: &[Told]| all.last().is_some_and(|(_, last)| last == name);
        let [by_event, by_socket, polled] = &mut all;
        while !last(by_event) {
            by_event.push(told(&self.events.next().unwrap().2));
        }
        while !last(by_socket) {
            by_socket.push(told(self.socket.text().pointer("/payload/data/changes").unwrap()));
        }
        while !last(polled) {
            let page = self.poll(5).await;
            polled.extend(page.at("/data").as_array().unwrap().iter().map(told));
            self.after = page.at("/page/nextCursor").as_str().unwrap().to_owned();
        }
        all
    }

    async fn poll(&self, seconds: u32) -> kith_testkit::Answer {
        self.reader.get(&format!("/v1/changes?waitSeconds={seconds}&after={}", self.after)).await.expect(200)
    }
}

fn pair(kind: &str, name: &str) -> Told {
    (kind.to_owned(), name.to_owned())
}

/// Gives a user another role; its id and that of its assignment.
fn role(stage: &Stage, tenant: &Tenant, user: Uuid, grant: Value) -> (Uuid, Uuid) {
    let name = format!("Role of {}", stage.system(tenant).new_id());
    let role = stage.make(tenant, "roles", json!({"name": name, "grants": [grant]}));
    (role, stage.make(tenant, "role-assignments", json!({"userId": user, "roleId": role})))
}

#[actix_web::test]
async fn nothing_is_told_by_rights_of_before_over_any_door() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let (served, admin) = (stage.serve(), stage.admin(&tenant));
    let (user, reader) = with_grants(&stage, &tenant, "tags:READ:ALL");
    let all = |resource: &str| json!({"resource": resource, "action": "READ", "scope": "ALL"});
    let (accounts, _) = role(&stage, &tenant, user, all("accounts"));
    let (_, contacts) = role(&stage, &tenant, user, all("contacts"));
    let mut doors = Doors::open(&stage, &tenant, &served, &reader).await;
    let make = async |resource: &str, body: Value| admin.post(&format!("/v1/{resource}"), body).await.expect(201).id();
    let mine = make("accounts", json!({"name": "Mine", "ownerId": user})).await;
    let theirs = make("accounts", json!({"name": "Theirs"})).await;
    make("contacts", json!({"familyName": "Seen"})).await;
    let expected =
        [pair("account.created", "Mine"), pair("account.created", "Theirs"), pair("contact.created", "Seen")];
    assert_eq!(doors.hear(3).await, expected);

    // A right is taken away, and at once there is something that it would have shown.
    admin.delete(&format!("/v1/role-assignments/{contacts}")).await.expect(204);
    for number in 0..3 {
        make("contacts", json!({"familyName": format!("Hidden {number}")})).await;
    }
    make("tags", json!({"name": "After that"})).await;
    assert_eq!(doors.hear(1).await, [pair("tag.created", "After that")]);

    // A right becomes narrower: of what is out of sight then, a change tells only that it is, and only of the past.
    let grants = json!({"grants": [{"resource": "accounts", "action": "READ", "scope": "OWN"}]});
    admin.patch(&format!("/v1/roles/{accounts}"), grants).await.expect(200);
    admin.patch(&format!("/v1/accounts/{theirs}"), json!({"legalName": "Secret Ltd"})).await.expect(200);
    admin.patch(&format!("/v1/accounts/{mine}"), json!({"name": "Mine still"})).await.expect(200);
    admin.patch(&format!("/v1/accounts/{mine}"), json!({"ownerId": null, "name": "Secret"})).await.expect(200);
    admin.patch(&format!("/v1/accounts/{mine}"), json!({"legalName": "Secret Ltd"})).await.expect(200);
    make("tags", json!({"name": "And then"})).await;
    // By the time of the telling it may be out of sight already; then an earlier change is told as the loss that it became.
    for heard in doors.until("And then").await {
        assert!(heard.iter().all(|(kind, name)| match kind.as_str() {
            "account.accessLost" => *name == mine,
            "account.updated" => name == "Mine still",
            _ => name == "And then",
        }));
        assert!(heard.contains(&pair("account.accessLost", &mine)), "{heard:?}");
    }
}

#[actix_web::test]
async fn whoever_may_read_nothing_any_more_is_told_so_at_once() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let (served, admin) = (stage.serve(), stage.admin(&tenant));
    let (user, reader) = with_grants(&stage, &tenant, "accounts:READ:ALL");
    let mut doors = Doors::open(&stage, &tenant, &served, &reader).await;
    let assigned = admin.get(&format!("/v1/role-assignments?filter[userId]={user}")).await.expect(200);
    let assigned = assigned.at("/data/0/id").as_str().unwrap().to_owned();
    let waiting = doors.reader.clone();
    let path = format!("/v1/changes?waitSeconds=20&after={}", doors.after);
    let (polled, ()) = futures_util::join!(waiting.get(&path), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        admin.delete(&format!("/v1/role-assignments/{assigned}")).await.expect(204);
        admin.post("/v1/accounts", json!({"name": "Hidden"})).await.expect(201);
    });
    assert_eq!((polled.status, polled.code()), (403, "FORBIDDEN"));
    let (name, id, data) = doors.events.next().unwrap();
    assert_eq!((name.as_str(), &data["code"]), ("end", &json!("FORBIDDEN")));
    assert!(doors.events.next().is_none() && !id.is_empty());
    let refused = doors.socket.text();
    assert_eq!(refused.pointer("/payload/errors/0/extensions/code"), Some(&json!("FORBIDDEN")), "{refused}");
    assert_eq!(doors.socket.text()["type"], "complete");
}

#[actix_web::test]
async fn a_user_who_is_deactivated_or_logged_out_is_cut_off_though_nothing_happens() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    let (served, admin) = (stage.serve(), stage.admin(&tenant));
    for logs_out in [false, true] {
        let (user, somebody) = with_grants(&stage, &tenant, "accounts:READ:ALL");
        let login = json!({"tenant": tenant.slug, "email": "admin@example.com", "password": PASSWORD});
        let login = stage.anonymous().post("/v1/auth/login", login).await.expect(200);
        let token = login.at("/accessToken").as_str().map(str::to_owned);
        let reader = if logs_out { Client::new(stage.app.clone(), token) } else { somebody };
        let mut doors = Doors::open(&stage, &tenant, &served, &reader).await;
        let path = format!("/v1/changes?types=accounts&waitSeconds=40&after={}", doors.after);
        let waiting = reader.clone();
        let began = Instant::now();
        let (polled, ()) = futures_util::join!(waiting.get(&path), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            if logs_out {
                let body = json!({"refreshToken": login.at("/refreshToken")});
                reader.post("/v1/auth/logout", body).await.expect(204);
            } else {
                admin.patch(&format!("/v1/users/{user}"), json!({"status": "DISABLED"})).await.expect(200);
            }
        });
        assert_eq!((polled.status, polled.code()), (401, "UNAUTHENTICATED"));
        let by_poll = began.elapsed();
        let (name, _, data) = doors.events.next().unwrap();
        assert_eq!((name.as_str(), &data["code"]), ("end", &json!("UNAUTHENTICATED")));
        let by_event = began.elapsed();
        loop {
            match doors.socket.next() {
                Frame::Close(code) => break assert_eq!(code, 4403),
                // The operation ends first.
                Frame::Text(text) => {
                    assert!(text["type"] == "complete" || text.to_string().contains("UNAUTHENTICATED"))
                }
            }
        }
        println!("cut off: long poll after {by_poll:?}, events {by_event:?}, socket {:?}", began.elapsed());
        assert!(began.elapsed() < CUT_OFF, "{:?}", began.elapsed());
    }
}
