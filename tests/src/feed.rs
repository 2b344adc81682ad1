//! The change feed: no change is missed, doubled or told to whom it does not concern.

mod kept;
pub mod live;
mod merged;
mod order;
pub mod pages;
mod pull;
mod quiet;
mod revoked;
mod rights;
pub mod socket;

use kith_journal::feed::{self, Change, Page, Position};
use kith_testkit::{Stage, Tenant};

/// A page of the feed as Kith itself reads it.
fn page(stage: &Stage, tenant: &Tenant, after: Option<&Position>, limit: usize) -> Page {
    let cx = stage.system(tenant);
    stage.app.db.read(tenant.id, |conn| feed::page(conn, &cx, after, None, limit)).unwrap()
}

/// Everything after a position, once nothing is held back any more: other tests of the cluster have transactions too.
fn settled(stage: &Stage, tenant: &Tenant, after: Option<&Position>) -> Vec<Change> {
    for _ in 0..500 {
        let page = page(stage, tenant, after, feed::MAX_PAGE);
        if !page.held_back {
            assert!(!page.more, "more than a page");
            return page.changes;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("the horizon stands still");
}

/// Where the feed ends now.
fn head(stage: &Stage, tenant: &Tenant) -> Position {
    settled(stage, tenant, None);
    stage.app.db.read(tenant.id, feed::head).unwrap()
}
