//! The thread that reads the tails.

use super::{Means, Part, Shared};
use kith_db::{Signals, Watchdog};
use kith_journal::feed;
use kith_kernel::{Actor, Currency, Cx, Origin, Result, Tz};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The first pause before looking again for what an open transaction holds back; each next one is twice as long.
pub const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest.
const LAST_PAUSE: Duration = Duration::from_millis(250);
/// How long a tail stays unread where no signal comes, in case one was lost.
const FALLBACK: Duration = Duration::from_secs(5);
/// How often signals of other processes are looked for. It asks the operating system, not the database.
const GLANCE: Duration = Duration::from_millis(20);
/// How often a process tells others of its writes at most.
const TELLING: Duration = Duration::from_millis(20);
/// How often open transactions are looked at.
const WATCH: Duration = Duration::from_secs(5);
/// Changes of one read.
const PORTION: usize = 500;

/// What goes on between two rounds.
struct Rounds {
    signals: Option<Signals>,
    /// Not to be tried again before, after a failure.
    again: Instant,
    told: Instant,
    to_tell: HashSet<Uuid>,
    watchdog: Watchdog,
    watched: Option<Instant>,
}

/// Goes round until it is stopped.
pub fn run(shared: &Shared, means: &Means) {
    let now = Instant::now();
    let mut rounds = Rounds {
        signals: None,
        again: now,
        told: now,
        to_tell: HashSet::new(),
        watchdog: Watchdog::default(),
        watched: None,
    };
    while let Some(woken) = wait(shared, &rounds) {
        rounds.to_tell.extend(woken.iter().copied());
        let mut woken = woken;
        rounds.signal(means, &mut woken);
        let now = Instant::now();
        let due: Vec<Uuid> = {
            let state = shared.state();
            let due = state.tails.iter().filter(|(tenant, tail)| woken.contains(*tenant) || tail.due <= now);
            due.map(|(tenant, _)| *tenant).collect()
        };
        for tenant in due {
            read(shared, means, tenant);
        }
        rounds.watch(means);
    }
}

/// Waits for something to do: the tenants that were written to here, or none when it is time to stop.
fn wait(shared: &Shared, rounds: &Rounds) -> Option<HashSet<Uuid>> {
    let state = shared.state();
    let idle = if state.tails.is_empty() && rounds.to_tell.is_empty() { WATCH } else { GLANCE };
    let next = state.tails.values().map(|tail| tail.due.saturating_duration_since(Instant::now())).min();
    let patience = next.map_or(idle, |next| next.min(idle)).max(Duration::from_millis(1));
    let nothing = |state: &mut super::State| !state.stop && !state.begun && state.written.is_empty();
    let waited = shared.woken.wait_timeout_while(state, patience, nothing);
    let (mut state, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
    state.begun = false;
    (!state.stop).then(|| std::mem::take(&mut state.written))
}

impl Rounds {
    /// Tells the others what was written here, and hears from them. Without a connection the tails are still read: at once
    /// for what this process writes, after a few seconds for the rest.
    fn signal(&mut self, means: &Means, woken: &mut HashSet<Uuid>) {
        let now = Instant::now();
        if self.signals.is_none() && now >= self.again {
            match Signals::open(&means.db) {
                Ok(signals) => self.signals = Some(signals),
                Err(error) => {
                    tracing::warn!(%error, "signals of other processes cannot be heard");
                    self.again = now + Duration::from_secs(2);
                    // What is not told now is found by the others' own looks.
                    self.to_tell.clear();
                }
            }
        }
        let Some(signals) = &mut self.signals else { return };
        let mut exchange = || -> Result<()> {
            if !self.to_tell.is_empty() && now.duration_since(self.told) >= TELLING {
                self.told = now;
                signals.send(self.to_tell.drain().collect())?;
            }
            woken.extend(signals.received()?);
            Ok(())
        };
        if let Err(error) = exchange() {
            tracing::warn!(%error, "the connection for signals is lost");
            self.signals = None;
        }
    }

    /// Looks after the horizon, and measures how far it is behind.
    fn watch(&mut self, means: &Means) {
        let Some(patience) = means.patience else { return };
        if self.watched.is_some_and(|watched| watched.elapsed() < WATCH.min(patience / 4)) {
            return;
        }
        self.watched = Some(Instant::now());
        let Some(signals) = &mut self.signals else { return };
        match self.watchdog.look(signals.connection(), patience) {
            Ok(horizon) => {
                metrics::gauge!("kith_feed_horizon_age_seconds").set(horizon.age.as_secs_f64());
                let waiting = u32::try_from(horizon.waiting).unwrap_or(u32::MAX);
                metrics::gauge!("kith_feed_waiting_transactions").set(f64::from(waiting));
                if horizon.ended > 0 {
                    tracing::warn!(sessions = horizon.ended, "ended: they held the change feed back");
                } else if horizon.age > patience * 2 {
                    tracing::warn!(
                        seconds = horizon.age.as_secs(),
                        "a transaction of another role or database holds the change feed back"
                    );
                }
            }
            Err(error) => {
                tracing::warn!(%error, "open transactions cannot be looked at");
                self.signals = None;
            }
        }
    }
}

/// Reads what is new for one tenant and hands it on.
fn read(shared: &Shared, means: &Means, tenant: Uuid) {
    let cx = Cx {
        tenant,
        actor: Arc::new(Actor::system()),
        now: means.clock.now(),
        origin: Origin { channel: "feed", ..Origin::default() },
        currency: Currency::EUR,
        zone: Tz::UTC,
        requires_version: false,
        catalogue: means.catalogue,
        cursor_key: means.cursor_key.clone(),
    };
    loop {
        let Some(after) = shared.state().tails.get(&tenant).map(|tail| tail.position) else { return };
        let page = means.db.read(tenant, |conn| feed::page(conn, &cx, Some(&after), None, PORTION));
        let mut state = shared.state();
        // Everybody may have left, and somebody else come, in the meantime.
        let Some(tail) = state.tails.get_mut(&tenant).filter(|tail| tail.position == after) else { return };
        let page = match page {
            Ok(page) => page,
            Err(error) if error.code.name == kith_kernel::codes::CURSOR_EXPIRED.name => {
                // The database is another one. Whoever follows is let go, and told so on coming back.
                state.tails.remove(&tenant);
                return;
            }
            Err(error) => {
                tracing::warn!(%error, %tenant, "the feed cannot be read");
                tail.due = Instant::now() + Duration::from_secs(1);
                return;
            }
        };
        tail.position = page.next;
        if page.held_back {
            tail.due = Instant::now() + tail.pause;
            tail.pause = (tail.pause * 2).min(LAST_PAUSE);
        } else {
            tail.due = Instant::now() + FALLBACK;
            tail.pause = FIRST_PAUSE;
        }
        if !page.changes.is_empty() {
            tail.pause = FIRST_PAUSE;
            // Nobody there to hear it is no error.
            let rights = super::of_rights(&page.changes);
            let part = Part { changes: page.changes, next: page.next, read: Instant::now(), rights };
            tail.parts.send(Arc::new(part)).ok();
        }
        if !page.more {
            return;
        }
    }
}
