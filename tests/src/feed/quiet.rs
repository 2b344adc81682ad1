//! What writes much and leaves nothing in the journal holds nobody up.

use super::{head, page, settled};
use diesel::{Connection, PgConnection};
use kith_db::{Db, Options, Verdict, Watchdog};
use kith_journal::derived;
use kith_testkit::Stage;
use serde_json::json;
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn the_feed_does_not_wait_for_a_quiet_transaction_and_nobody_ends_it() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let account = stage.make(&tenant, "accounts", json!({"name": "first"}));
    let start = head(&stage, &tenant);
    let db = Db::open(Options { size: 2, ..Options::new(stage.scratch.url.clone()) }).unwrap();
    let cx = stage.system(&tenant);
    let ((wrote, written), (end, ended)) = (channel(), channel::<()>());
    let touch = move |conn: &mut PgConnection| {
        derived::touch(conn, &cx, &[account])?;
        wrote.send(()).unwrap();
        ended.recv_timeout(Duration::from_secs(60)).unwrap();
        Ok(())
    };
    let (quiet, id) = (db.clone(), tenant.id);
    let session = std::thread::spawn(move || quiet.quietly(id, touch));
    written.recv_timeout(Duration::from_secs(20)).unwrap();
    stage.make(&tenant, "accounts", json!({"name": "second"}));
    let told = settled(&stage, &tenant, Some(&start));
    assert_eq!(told.len(), 1, "{told:?}");
    // Without any patience: another one that has written is ended.
    let mut conn = PgConnection::establish(&stage.scratch.url).unwrap();
    let mut look = || Watchdog::default().look(&mut conn, Duration::ZERO).unwrap().ended;
    assert_eq!(look(), 0);
    let loud = db.write(tenant.id, |conn| {
        derived::touch(conn, &stage.system(&tenant), &[account])?;
        assert_eq!(look(), 1);
        Ok(Verdict::Commit(()))
    });
    loud.unwrap_err();
    end.send(()).unwrap();
    session.join().unwrap().unwrap();
    assert!(page(&stage, &tenant, Some(&told[0].position), 10).changes.is_empty());
}

#[test]
fn a_quiet_transaction_cannot_add_a_change() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let cx = stage.system(&tenant);
    let body = json!({"name": "unheard"}).as_object().cloned().unwrap();
    let refused = stage
        .app
        .db
        .quietly(tenant.id, |conn| kith_journal::verbs::create(conn, &cx, cx.entry("accounts")?, &body).map(drop));
    assert_eq!(refused.unwrap_err().code.name, "INTERNAL");
    // The session that carried it is as any other afterwards.
    let start = head(&stage, &tenant);
    stage.make(&tenant, "accounts", json!({"name": "heard"}));
    assert_eq!(settled(&stage, &tenant, Some(&start)).len(), 1);
}
