//! One who follows the feed: first what was missed, page by page, then what happens.

use super::{Joined, Part};
use crate::caller::Caller;
use kith_journal::feed::{self, Asked, Position, Told};
use kith_kernel::{Error, Result};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;

/// Changes read at once while catching up.
const PORTION: usize = 200;
/// How old the rights of somebody who is told something may be, if nothing that was told by then has changed them.
const RENEWAL: Duration = Duration::from_secs(5);
/// How often it is looked whether somebody who is told nothing may still be there.
pub const LOOK: Duration = Duration::from_secs(15);

/// What a follower hears.
#[derive(Debug)]
pub enum Heard {
    /// Changes, none perhaps, and where they end.
    Changes(Vec<Told>, Position),
    /// It read too slowly, and has to come back with its last cursor.
    TooSlow,
    /// The process stops, or the tail ended; it has to come back with its last cursor.
    Ended,
}

/// See the module. It holds no connection while it waits.
pub struct Follower {
    /// Who follows.
    pub caller: Caller,
    asked: Arc<Asked>,
    position: Position,
    joined: Joined,
    caught_up: bool,
    renewed: Instant,
    stopping: watch::Receiver<bool>,
}

impl Follower {
    /// Joins the tail of the caller's tenant, behind `after`; none: from now on.
    pub async fn join(caller: Caller, asked: Asked, after: Option<Position>) -> Result<Self> {
        let live = &caller.app.live;
        let stopping = live.stopping();
        // Where the feed ends is read before the tail begins there, and once more behind the tail for who starts now.
        let head = caller.read(|conn, _| feed::head(conn)).await?;
        let joined = live.join(caller.tenant, head)?;
        let (position, caught_up) = match after {
            Some(after) => (after, false),
            None => (caller.read(|conn, _| feed::head(conn)).await?, true),
        };
        let asked = Arc::new(asked);
        Ok(Follower { caller, asked, position, joined, caught_up, renewed: Instant::now(), stopping })
    }

    /// Where the follower stands: everything before it was told.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The next thing to tell. It waits until there is one.
    pub async fn next(&mut self) -> Result<Heard> {
        if *self.stopping.borrow() {
            return Ok(Heard::Ended);
        }
        if !self.caught_up {
            return self.catch_up().await;
        }
        loop {
            let look = tokio::time::Instant::from_std(self.renewed + LOOK);
            let heard = tokio::select! {
                _ = self.stopping.changed() => return Ok(Heard::Ended),
                heard = self.joined.parts.recv() => heard,
                () = tokio::time::sleep_until(look) => {
                    self.renew(None).await?;
                    continue;
                }
            };
            let part = match heard {
                Ok(part) => part,
                Err(RecvError::Lagged(_)) => return Ok(Heard::TooSlow),
                Err(RecvError::Closed) => return Ok(Heard::Ended),
            };
            if part.next <= self.position {
                continue;
            }
            let told = self.told(&part).await?;
            self.position = part.next;
            if !told.is_empty() {
                return Ok(Heard::Changes(told, self.position));
            }
        }
    }

    /// Looks again who follows, if that was not done for a while, or not since a moment. Whoever may no longer ask for
    /// what they follow is refused as if they asked now.
    async fn renew(&mut self, since: Option<Instant>) -> Result<()> {
        let before = self.caller.cx().actor;
        match since {
            Some(moment) => self.caller.renew_since(moment).await?,
            None if self.renewed.elapsed() >= RENEWAL => self.caller.renew().await?,
            None => return Ok(()),
        }
        self.renewed = Instant::now();
        let cx = self.caller.cx();
        if Arc::ptr_eq(&before, &cx.actor) { Ok(()) } else { self.asked.check(&cx, "/types", "/filter") }
    }

    async fn catch_up(&mut self) -> Result<Heard> {
        let (asked, after) = (self.asked.clone(), self.position);
        let read = move |conn: &mut diesel::PgConnection, cx: &kith_kernel::Cx| {
            feed::page(conn, cx, Some(&after), asked.readable(cx).as_deref(), PORTION)
        };
        let page = self.caller.read(read).await?;
        // What was read may have come after the rights that are known were changed.
        self.renew((!page.changes.is_empty()).then(Instant::now)).await?;
        let asked = self.asked.clone();
        let told = self.caller.read(move |conn, cx| feed::told(conn, cx, &asked, &page.changes)).await?;
        self.position = page.next;
        self.caught_up = !page.more;
        Ok(Heard::Changes(told, page.next))
    }

    /// What of a part concerns this follower. Nothing is told by rights that the part itself, or one before it, has changed.
    async fn told(&mut self, part: &Arc<Part>) -> Result<Vec<Told>> {
        self.renew(part.rights.then_some(part.read)).await?;
        let cx = self.caller.cx();
        let from = part.changes.partition_point(|change| change.position <= self.position);
        let changes = part.changes.get(from..).unwrap_or_default();
        if !feed::looks_up(&cx, &self.asked, changes) {
            return Ok(feed::told_plainly(&cx, &self.asked, changes));
        }
        let (asked, part) = (self.asked.clone(), part.clone());
        self.caller
            .read(move |conn, cx| feed::told(conn, cx, &asked, part.changes.get(from..).unwrap_or_default()))
            .await
    }
}

/// Waits until something may have changed for a tenant, the process stops, or the time is over. What was committed since
/// `head` counts, so that nothing slips through between looking and waiting.
pub async fn wait(caller: &Caller, asked: Asked, after: Position, patience: Duration) -> Result<()> {
    let mut follower = Follower::join(caller.clone(), asked, Some(after)).await?;
    let heard = async {
        loop {
            match follower.next().await {
                Ok(Heard::Changes(told, _)) if told.is_empty() => {}
                other => return other.map(drop),
            }
        }
    };
    // Out of time is an answer too: there is nothing.
    tokio::time::timeout(patience, heard).await.unwrap_or_else(|_| Ok::<(), Error>(()))
}
