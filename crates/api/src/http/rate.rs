//! Rate limits, one bucket a principal, told in the draft-standard `RateLimit` headers on every answer.

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use kith_kernel::{Error, codes};
use std::num::NonZeroU32;
use uuid::Uuid;

type Limiter = RateLimiter<Uuid, DashMapStateStore<Uuid>, DefaultClock, StateInformationMiddleware>;

/// What is left to a principal; it becomes headers.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// A minute.
    pub limit: u32,
    /// At once, now.
    pub remaining: u32,
}

/// One bucket a principal.
pub struct Rate {
    limiter: Option<Limiter>,
    limit: u32,
}

impl Rate {
    /// So many requests a minute; 0: no limit.
    pub fn per_minute(limit: u32) -> Self {
        let limiter = NonZeroU32::new(limit).map(|limit| {
            RateLimiter::dashmap(Quota::per_minute(limit)).with_middleware::<StateInformationMiddleware>()
        });
        Rate { limiter, limit }
    }

    /// Takes one request from the bucket of `principal`: what is left, and the refusal if there was nothing.
    pub fn take(&self, principal: Uuid) -> (Option<Budget>, Option<Error>) {
        let Some(limiter) = &self.limiter else { return (None, None) };
        let left = |remaining| Some(Budget { limit: self.limit, remaining });
        match limiter.check_key(&principal) {
            Ok(state) => (left(state.remaining_burst_capacity()), None),
            Err(refused) => {
                let wait = refused.wait_time_from(DefaultClock::default().now()).as_secs().saturating_add(1);
                let detail = format!("The limit is {} requests a minute.", self.limit);
                (left(0), Some(Error { retry_after: Some(wait), ..Error::new(&codes::RATE_LIMITED, detail) }))
            }
        }
    }

    /// Forgets principals whose bucket is full again, so that the map stays small.
    pub fn sweep(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
        }
    }
}
