//! Live updates: one tail of the feed for each tenant that somebody follows, read once for all of them.
//!
//! A thread waits to be woken: by a commit of this process, by a signal of another one, or, in case a signal was lost,
//! every few seconds. It reads what is new for the tenants that have followers and hands it to them over bounded buffers.
//! Followers who do nothing cost nothing; one who reads too slowly is let go, and goes on later from the last cursor.

mod follow;
mod tail;

pub use follow::{Follower, Heard, wait};

use kith_db::Db;
use kith_journal::feed::{Change, Position};
use kith_kernel::{Catalogue, Clock, CursorKey, Error, Result, codes};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

/// Parts of the feed that wait for a follower at most.
const BUFFER: usize = 64;
/// Followers of a tenant at most, over all transports of a process.
pub const MAX_FOLLOWERS: usize = 4_000;

/// What was read of the feed at once.
#[derive(Debug)]
pub struct Part {
    /// The changes.
    pub changes: Vec<Change>,
    /// Where the part ends.
    pub next: Position,
    /// When it had been read.
    pub read: Instant,
    /// Somebody's rights may have changed with it.
    pub rights: bool,
}

/// The resources that say who may do what.
const RIGHTS: [&str; 7] = ["users", "api-keys", "roles", "role-assignments", "teams", "memberships", "tenants"];

/// Whether rights may have changed with one of some changes.
fn of_rights(changes: &[Change]) -> bool {
    changes.iter().any(|change| RIGHTS.contains(&change.resource.as_str()))
}

/// The tail of one tenant.
struct Tail {
    position: Position,
    parts: broadcast::Sender<Arc<Part>>,
    /// When it is to be read although nobody was woken.
    due: Instant,
    /// How long to wait before looking again for what is held back.
    pause: Duration,
}

#[derive(Default)]
struct State {
    tails: HashMap<Uuid, Tail>,
    /// Tenants that were written to in this process since they were read and told of.
    written: HashSet<Uuid>,
    /// A tail began, so that it is time to listen.
    begun: bool,
    stop: bool,
}

/// What the tail needs of the rest.
#[derive(Clone, Debug)]
pub struct Means {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<Clock>,
    /// Every resource.
    pub catalogue: &'static Catalogue,
    /// Signs cursors.
    pub cursor_key: CursorKey,
    /// How long a transaction may hold the feed back before it is ended; none: for ever, as somebody else looks after it.
    pub patience: Option<Duration>,
}

struct Shared {
    state: Mutex<State>,
    woken: Condvar,
    stopping: watch::Sender<bool>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // What a panic left behind is still a set of tails; the worst of it is a part that comes twice.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub struct Live(Arc<Shared>);

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Live({} tails)", self.0.state().tails.len())
    }
}

impl Default for Live {
    fn default() -> Self {
        let (stopping, _) = watch::channel(false);
        Live(Arc::new(Shared { state: Mutex::default(), woken: Condvar::new(), stopping }))
    }
}

impl Live {
    /// Starts to tail, in a thread of its own; it ends when this is stopped or dropped.
    pub fn start(&self, means: Means) -> std::io::Result<()> {
        let committed = Arc::downgrade(&self.0);
        means.db.on_commit(move |tenant| {
            if let Some(shared) = committed.upgrade() {
                let first = shared.state().written.insert(tenant);
                if first {
                    shared.woken.notify_one();
                }
            }
        });
        let shared = self.0.clone();
        std::thread::Builder::new().name("feed".into()).spawn(move || tail::run(&shared, &means))?;
        Ok(())
    }

    /// Ends the tail and all who follow it.
    pub fn stop(&self) {
        self.0.state().stop = true;
        self.0.woken.notify_all();
        self.0.stopping.send_replace(true);
    }

    /// Is told when everything that goes on for long has to end.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    /// How many follow a tenant.
    pub fn followers(&self, tenant: Uuid) -> usize {
        self.0.state().tails.get(&tenant).map_or(0, |tail| tail.parts.receiver_count())
    }

    /// Joins the tail of a tenant. It begins at `head` where nobody else follows it yet: nothing that comes after that is
    /// missed, and nothing before it is told.
    fn join(&self, tenant: Uuid, head: Position) -> Result<Joined> {
        let mut state = self.0.state();
        state.begun |= !state.tails.contains_key(&tenant);
        let begin = || Tail {
            position: head,
            parts: broadcast::Sender::new(BUFFER),
            due: Instant::now(),
            pause: tail::FIRST_PAUSE,
        };
        let tail = state.tails.entry(tenant).or_insert_with(begin);
        if tail.parts.receiver_count() >= MAX_FOLLOWERS {
            let detail = format!("There are {MAX_FOLLOWERS} followers of this tenant already.");
            return Err(Error { retry_after: Some(30), ..Error::new(&codes::RATE_LIMITED, detail) });
        }
        let parts = tail.parts.subscribe();
        self.0.woken.notify_one();
        Ok(Joined { tenant, parts, shared: self.0.clone() })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A place at the tail of a tenant, given back when it is dropped.
struct Joined {
    tenant: Uuid,
    parts: broadcast::Receiver<Arc<Part>>,
    shared: Arc<Shared>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        // This one still counts.
        if state.tails.get(&self.tenant).is_some_and(|tail| tail.parts.receiver_count() <= 1) {
            state.tails.remove(&self.tenant);
        }
    }
}
