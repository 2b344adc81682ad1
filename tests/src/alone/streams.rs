//! The process is told to stop while others follow: streams and sockets end with a word and where to go on, who waits is
//! answered, and the process is gone well within its time. Promise 40.

use super::binary::Kith;
use super::database::{Own, credentials};
use crate::feed::live::Events;
use crate::feed::socket::{Frame, Socket};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// What is left of the 25 seconds that a process has: nobody who only waits makes it wait.
const GRACE: Duration = Duration::from_secs(8);

#[test]
fn a_process_that_is_told_to_stop_ends_what_is_followed_with_a_place_to_go_on_from() {
    let own = Own::start();
    let mut kith = Kith::start(&own, "info");
    let login = kith.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    let token = login.at("/accessToken").as_str().unwrap().to_owned();
    let path = "/v1/changes?types=tags&limit=500&after=";
    let make = |kith: &Kith, name: &str| {
        let made = kith.connect().ask("POST", "/v1/tags", Some(&token), Some(&json!({"name": name}))).unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
    };
    let mut streams: Vec<Events> = (0..3).map(|_| Events::open(kith.address, &token, "?types=tags", None)).collect();
    streams.iter_mut().for_each(|events| assert_eq!(events.next().unwrap().0, "ready"));
    let mut sockets: Vec<Socket> = (0..3).map(|_| Socket::begun(kith.address, &token)).collect();
    for socket in &mut sockets {
        socket.subscribe("feed", "subscription { changes(types: [\"tags\"]) { cursor data } }", json!({}));
        socket.subscribe("sync", "{ viewer { kind } }", json!({}));
        // Answered after the subscription was taken up.
        assert_eq!(socket.text()["id"], "sync");
        assert_eq!(socket.text()["type"], "complete");
    }
    std::thread::sleep(Duration::from_millis(300));
    make(&kith, "before");
    let mut cursors = Vec::new();
    for events in &mut streams {
        let (_, id, data) = events.next().unwrap();
        assert_eq!(data["data"]["name"], "before");
        cursors.push(id);
    }
    for socket in &mut sockets {
        let told = socket.text();
        assert_eq!(told.pointer("/payload/data/changes/data/name"), Some(&json!("before")), "{told}");
        cursors.push(told.pointer("/payload/data/changes/cursor").unwrap().as_str().unwrap().to_owned());
    }
    let mut polls: Vec<_> = (0..3).map(|_| kith.connect()).collect();
    for wire in &mut polls {
        let path = format!("{path}{}&waitSeconds=50", cursors[0]);
        wire.send(kith_testkit::request("GET", &path, Some(&token), None)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    kith.signal("-TERM");
    let told = Instant::now();
    // It still serves while it says that it will stop, and those who follow hear of that too.
    make(&kith, "last");
    for (events, cursor) in streams.iter_mut().zip(&mut cursors) {
        let (_, id, data) = events.next().unwrap();
        assert_eq!(data["data"]["name"], "last");
        let (name, end, data) = events.next().unwrap();
        assert_eq!((name.as_str(), &data["code"], &data["cursor"]), ("end", &json!("STOPPING"), &json!(end)));
        assert!(!id.is_empty() && events.next().is_none(), "it ends with its last chunk");
        *cursor = end;
    }
    for socket in &mut sockets {
        let (mut names, mut code) = (BTreeSet::new(), None);
        while code.is_none() {
            match socket.next() {
                Frame::Close(why) => code = Some(why),
                Frame::Text(text) => {
                    names.extend(text.pointer("/payload/data/changes/data/name").cloned().map(|name| name.to_string()))
                }
            }
        }
        assert_eq!((code, names), (Some(1001), BTreeSet::from(["\"last\"".to_owned()])));
    }
    let mut after = Vec::new();
    for wire in &mut polls {
        let reply = wire.reply().unwrap();
        assert_eq!((reply.status, reply.at("/data/0/data/name")), (200, &json!("last")));
        after.push(reply.at("/page/nextCursor").as_str().unwrap().to_owned());
    }
    let status = kith.end();
    let took = told.elapsed();
    assert_eq!(status.code(), Some(0), "{}", kith.said());
    assert!(took < GRACE, "{took:?}: {}", kith.said());
    println!("3 streams, 3 sockets and 3 long polls ended, and the process with them, after {took:?}");
    // With the next process everybody goes on where they were: nothing is missed, nothing comes twice.
    let kith = Kith::start(&own, "info");
    make(&kith, "after");
    let began = Instant::now();
    for (cursor, expected) in
        [(&cursors[0], vec!["after"]), (&cursors[3], vec!["last", "after"]), (&after[0], vec!["after"])]
    {
        loop {
            let page = kith.connect().ask("GET", &format!("{path}{cursor}"), Some(&token), None).unwrap();
            assert_eq!(page.status, 200, "{}", page.body);
            let names: Vec<_> =
                page.at("/data").as_array().unwrap().iter().map(|one| one["data"]["name"].as_str().unwrap()).collect();
            if names == expected {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{names:?}, and not {expected:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}
