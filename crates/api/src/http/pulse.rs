//! What the listener and the edge tell each other about a connection, so that the listener knows whether bytes that
//! come are the head of a request or belong to one that is being handled.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

/// The state of one connection. The listener puts it among the connection's data; in tests without a socket there is
/// none.
#[derive(Debug, Default)]
pub struct Pulse {
    handling: Cell<bool>,
    refused: Cell<bool>,
    upgraded: Cell<bool>,
    head_since: Cell<Option<Instant>>,
}

/// As long as a request is handled.
#[derive(Debug)]
#[must_use]
pub struct Handling(Rc<Pulse>);

impl Pulse {
    /// Bytes are expected or have come: if nothing is being handled, a head has begun.
    pub fn head_begins(&self) {
        if !self.handling.get() && !self.upgraded.get() && self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    /// Since when a head has been coming, if it has not come whole.
    pub fn head_since(&self) -> Option<Instant> {
        self.head_since.get()
    }

    /// Whether a request was refused on this connection. What comes then may be the rest of that request, which has had
    /// its one answer.
    pub fn was_refused(&self) -> bool {
        self.refused.get()
    }

    /// A head is there; the request is handled until the answer is dropped.
    pub fn handle(self: Rc<Self>) -> Handling {
        self.head_since.set(None);
        self.handling.set(true);
        Handling(self)
    }
}

impl Handling {
    /// The connection is no longer one of requests: whatever comes on it belongs to what it became.
    pub fn upgrade(&self) {
        self.0.upgraded.set(true);
    }

    /// The answer is a refusal.
    pub fn refuse(&self) {
        self.0.refused.set(true);
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.handling.set(false);
    }
}
