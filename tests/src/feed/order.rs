//! Commit order is not the order of numbers: what is committed late is told late, and never missed.

use super::{head, page, settled};
use kith_db::{Db, Options, Verdict};
use kith_journal::{feed, verbs};
use kith_kernel::Result;
use kith_testkit::{Stage, Tenant};
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A session with an account written and not yet committed.
struct Session {
    commit: Sender<()>,
    done: std::thread::JoinHandle<()>,
}

fn account(stage: &Stage, tenant: &Tenant, name: &'static str, db: Db) -> Session {
    let cx = stage.system(tenant);
    let (commit, committed) = channel();
    let (wrote, written): (Sender<()>, Receiver<()>) = channel();
    let done = std::thread::spawn(move || {
        let body = json!({"name": name}).as_object().cloned().unwrap();
        let work = |conn: &mut diesel::PgConnection| -> Result<Verdict<()>> {
            verbs::create(conn, &cx, cx.entry("accounts")?, &body)?;
            wrote.send(()).unwrap();
            committed.recv_timeout(Duration::from_secs(20)).unwrap();
            Ok(Verdict::Commit(()))
        };
        db.write(cx.tenant, work).unwrap();
    });
    written.recv_timeout(Duration::from_secs(20)).unwrap();
    Session { commit, done }
}

impl Session {
    fn commit(self) {
        self.commit.send(()).unwrap();
        self.done.join().unwrap();
    }
}

fn names(changes: &[feed::Change]) -> Vec<Value> {
    changes.iter().map(|change| change.after.as_ref().unwrap()["name"].clone()).collect()
}

#[test]
fn three_sessions_of_which_the_first_to_draw_a_number_commits_last_are_all_told() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let db = Db::open(Options { size: 3, ..Options::new(stage.scratch.url.clone()) }).unwrap();
    let start = head(&stage, &tenant);
    let first = account(&stage, &tenant, "first", db.clone());
    let second = account(&stage, &tenant, "second", db.clone());
    let third = account(&stage, &tenant, "third", db);
    third.commit();
    second.commit();
    // Two of three are committed, and could be read; they are held back, because the first stands before them.
    let between = page(&stage, &tenant, Some(&start), 10);
    assert!(between.changes.is_empty() && between.held_back && !between.more, "{between:?}");
    // The reader goes on from the cursor of the empty page.
    first.commit();
    let told = settled(&stage, &tenant, Some(&between.next));
    assert_eq!(names(&told), ["first", "second", "third"]);
    assert!(told.is_sorted_by_key(|change| change.position));
}

#[test]
fn versions_are_told_in_order_even_if_the_later_ones_transaction_was_there_first() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let db = Db::open(Options { size: 4, ..Options::new(stage.scratch.url.clone()) }).unwrap();
    let id = stage.make(&tenant, "accounts", json!({"name": "one"}));
    let start = head(&stage, &tenant);
    let cx = stage.system(&tenant);
    let rename = |conn: &mut diesel::PgConnection, name: &str| {
        let body = json!({"name": name}).as_object().cloned().unwrap();
        verbs::update(conn, &cx, cx.entry("accounts")?, id, None, &body).map(drop)
    };
    // Each writes something first, and has its number by that: the last one the smallest.
    std::thread::scope(|scope| {
        let mut sessions = Vec::new();
        for name in ["four", "three", "two"] {
            let ((began, beginning), (go, turn)) = (channel(), channel());
            let (db, cx, rename) = (&db, &cx, &rename);
            let session = scope.spawn(move || {
                let work = |conn: &mut diesel::PgConnection| {
                    let tag = json!({"name": format!("{name} began")}).as_object().cloned().unwrap();
                    verbs::create(conn, cx, cx.entry("tags")?, &tag)?;
                    began.send(()).unwrap();
                    turn.recv_timeout(Duration::from_secs(20)).unwrap();
                    rename(conn, name)?;
                    Ok(Verdict::Commit(()))
                };
                db.write(cx.tenant, work).unwrap();
            });
            beginning.recv_timeout(Duration::from_secs(20)).unwrap();
            sessions.push((session, go));
        }
        for (session, go) in sessions.into_iter().rev() {
            go.send(()).unwrap();
            session.join().unwrap();
        }
    });
    let told = settled(&stage, &tenant, Some(&start));
    let told: Vec<_> = told.into_iter().filter(|change| change.record_id == id).collect();
    assert_eq!(told.iter().map(|change| change.version).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(names(&told), ["two", "three", "four"]);
}

#[test]
fn pages_go_on_where_the_one_before_ended_and_know_when_there_is_more() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let start = head(&stage, &tenant);
    for name in ["a", "b", "c", "d", "e"] {
        stage.make(&tenant, "accounts", json!({"name": name}));
        stage.make(&tenant, "tags", json!({"name": format!("tag {name}")}));
    }
    settled(&stage, &tenant, Some(&start));
    let (mut after, mut told) = (start, Vec::new());
    loop {
        let cx = stage.system(&tenant);
        let only = ["accounts".to_owned()];
        let page = stage.app.db.read(tenant.id, |conn| feed::page(conn, &cx, Some(&after), Some(&only), 2)).unwrap();
        assert!(page.changes.len() == 2 || !page.more, "{page:?}");
        after = page.next;
        told.extend(page.changes);
        if !page.more {
            break;
        }
    }
    assert_eq!(names(&told), ["a", "b", "c", "d", "e"]);
    assert!(
        page(&stage, &tenant, Some(&after), 10).changes.is_empty(),
        "the last cursor stands behind what was looked at"
    );
    let one = &told[0];
    assert_eq!((one.kind(stage.app.catalogue).as_str(), one.version, &one.before), ("account.created", 1, &None));
}
