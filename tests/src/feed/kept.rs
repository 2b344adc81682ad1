//! How long cursors are good: as long as what follows them is kept, in the database that they were given for.

use super::{head, page, settled};
use chrono::TimeDelta;
use diesel::{RunQueryDsl, sql_query};
use kith_db::Verdict;
use kith_journal::feed::{self, Position};
use kith_testkit::{Stage, Tenant};
use serde_json::json;

/// Forgets what is older than so many days; how many changes there were.
fn prune(stage: &Stage, tenant: &Tenant, days: i64) -> usize {
    let cx = stage.system(tenant);
    let keep = TimeDelta::days(days);
    stage.app.db.write(tenant.id, |conn| feed::prune(conn, &cx, keep).map(Verdict::Commit)).unwrap()
}

/// The code with which a position is refused.
fn refused(stage: &Stage, tenant: &Tenant, after: &Position) -> &'static str {
    let cx = stage.system(tenant);
    let read = stage.app.db.read(tenant.id, |conn| feed::page(conn, &cx, Some(after), None, 10));
    read.map_or_else(|error| error.code.name, |_| "nothing")
}

/// Makes what was written so far look as old as so many days.
fn age(stage: &Stage, days: i32) {
    let aged = format!("UPDATE audit_log SET at = at - interval '{days} days'");
    sql_query(aged).execute(&mut stage.scratch.owner()).unwrap();
}

#[test]
fn what_is_old_is_forgotten_and_cursors_before_it_are_expired() {
    let stage = Stage::new();
    let (tenant, other) = (stage.tenant(), stage.tenant());
    let start = head(&stage, &tenant);
    for name in ["a", "b"] {
        stage.make(&tenant, "accounts", json!({"name": name}));
    }
    let old = settled(&stage, &tenant, Some(&start));
    let others = settled(&stage, &other, None).len();
    age(&stage, 40);
    stage.make(&tenant, "accounts", json!({"name": "young"}));
    let young = settled(&stage, &tenant, Some(&old[1].position));
    let all = settled(&stage, &tenant, None).len();
    assert_eq!(prune(&stage, &tenant, 90), 0, "nothing is as old as that");
    assert_eq!(prune(&stage, &tenant, 30), all - 1);
    assert_eq!(prune(&stage, &tenant, 30), 0, "and only once");
    assert_eq!(settled(&stage, &other, None).len(), others, "the other tenant keeps its own");
    assert_eq!(refused(&stage, &tenant, &start), "CURSOR_EXPIRED");
    assert_eq!(refused(&stage, &tenant, &old[0].position), "CURSOR_EXPIRED");
    // Behind the last one that is gone there is no gap.
    assert_eq!(page(&stage, &tenant, Some(&old[1].position), 10).changes, young);
    assert_eq!(page(&stage, &tenant, None, 10).changes, young);
    assert_eq!(page(&stage, &tenant, Some(&young[0].position), 10).changes, []);
}

#[test]
fn the_application_can_prune_nothing_young_and_nothing_of_another_tenant() {
    let stage = Stage::new();
    let (tenant, other) = (stage.tenant(), stage.tenant());
    age(&stage, 40);
    let tried = |of: &Tenant, days: i32| {
        let sql = format!("SELECT kith_prune_changes('{}', now() - interval '{days} days', 10)", of.id);
        let ran = stage.app.db.write(tenant.id, |conn| Ok(Verdict::Commit(sql_query(&sql).execute(conn)?)));
        ran.is_ok()
    };
    assert!(!tried(&other, 30) && !tried(&tenant, 0));
    assert!(tried(&tenant, 30));
    let deleted =
        stage.app.db.write(tenant.id, |conn| Ok(Verdict::Commit(sql_query("DELETE FROM change_log").execute(conn)?)));
    assert!(deleted.is_err(), "only the function may");
}

#[test]
fn a_restored_copy_refuses_the_cursors_of_its_original_and_serves_its_history_first() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    stage.make(&tenant, "accounts", json!({"name": "before the copy"}));
    let told = settled(&stage, &tenant, None);
    let after = told.last().unwrap().position;
    assert_eq!(refused(&stage, &tenant, &after), "nothing");
    // A copy is another database: what is to be known of it is found when it is migrated. A test's database is a copy of
    // a template, and was not migrated since.
    kith_db::migrate(&stage.scratch.url).unwrap();
    assert_eq!(refused(&stage, &tenant, &after), "CURSOR_EXPIRED");
    kith_db::migrate(&stage.scratch.url).unwrap();
    let again = settled(&stage, &tenant, None);
    assert_eq!(
        again.iter().map(|change| change.id).collect::<Vec<_>>(),
        told.iter().map(|change| change.id).collect::<Vec<_>>()
    );
    assert!(again.iter().all(|change| change.position.xid == 0 && change.position.epoch != after.epoch));
    let newer = again.last().unwrap().position;
    stage.make(&tenant, "accounts", json!({"name": "after the copy"}));
    assert_eq!(settled(&stage, &tenant, Some(&newer)).len(), 1, "a second look keeps the epoch");
    // Nothing that counts transactions from a higher number on can have given a position here.
    let ahead = Position { xid: u64::MAX >> 2, ..newer };
    assert_eq!(refused(&stage, &tenant, &ahead), "CURSOR_EXPIRED");
}
