//! Rate limits: a bucket for each principal and one for each tenant, told in the draft-standard `RateLimit` headers on
//! every answer. Knows who pays and how much, not what for; addresses and headers of the request do not matter here.

use chrono::{DateTime, Utc};
use kith_kernel::{Error, Result, codes};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

const MINUTE: i64 = 60_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// Who pays for a request. The edge finds it with the request and tells what is left.
#[derive(Clone, Copy, Debug)]
pub struct Payer {
    /// Whose data.
    pub tenant: Uuid,
    /// Which user or key.
    pub principal: Uuid,
}

/// What is left in the tighter bucket of a payer; it becomes headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Which bucket: `principal` or `tenant`.
    pub name: &'static str,
    /// Requests a minute, and at once when the bucket is full.
    pub limit: u32,
    /// Requests at once, now.
    pub remaining: u32,
    /// Seconds until the bucket is full again.
    pub full_in: i64,
}

/// All buckets of one kind. A bucket is the time at which it is full again; one that is full need not be kept.
struct Buckets {
    name: &'static str,
    key: fn(&Payer) -> Uuid,
    limit: u32,
    /// Nanoseconds in which one request comes back.
    each: i64,
    full_at: HashMap<Uuid, i64>,
}

impl Buckets {
    fn size(&self) -> i64 {
        self.each.saturating_mul(i64::from(self.limit))
    }

    /// What is taken, in nanoseconds. Never more than everything, so that a clock that was set back locks nobody out.
    fn taken(&self, payer: &Payer, now: i64) -> i64 {
        let full_at = self.full_at.get(&(self.key)(payer)).copied().unwrap_or(now);
        full_at.saturating_sub(now).clamp(0, self.size())
    }

    /// Nanoseconds until so many requests fit; 0: they do.
    fn wait(&self, payer: &Payer, requests: u32, now: i64) -> i64 {
        let after = self.taken(payer, now).saturating_add(self.each.saturating_mul(i64::from(requests)));
        after.saturating_sub(self.size()).max(0)
    }

    fn take(&mut self, payer: &Payer, requests: u32, now: i64) {
        let taken = self.taken(payer, now).saturating_add(self.each.saturating_mul(i64::from(requests)));
        self.full_at.insert((self.key)(payer), now.saturating_add(taken));
    }

    fn left(&self, payer: &Payer, now: i64) -> Budget {
        let taken = self.taken(payer, now);
        let remaining = self.size().saturating_sub(taken).checked_div(self.each).unwrap_or(0);
        let full_in = seconds(taken);
        Budget { name: self.name, limit: self.limit, remaining: u32::try_from(remaining).unwrap_or(0), full_in }
    }
}

/// Whole seconds, rounded up.
fn seconds(nanoseconds: i64) -> i64 {
    nanoseconds.saturating_add(SECOND - 1) / SECOND
}

fn nanoseconds(now: DateTime<Utc>) -> i64 {
    now.timestamp_micros().saturating_mul(1_000)
}

/// The buckets of everybody. One lock for all: what fits into one bucket and not into the other is taken from neither.
pub struct Rate {
    kinds: Mutex<Vec<Buckets>>,
}

impl Rate {
    /// So many requests a minute for each principal, and for each tenant; 0: no limit.
    pub fn per_minute(principal: u32, tenant: u32) -> Self {
        Self::of([("principal", principal), ("tenant", tenant)])
    }

    /// So many forms a minute from each address, which stands for the principal, and to each form, which stands for the
    /// tenant.
    pub fn of_strangers(address: u32, form: u32) -> Self {
        Self::of([("address", address), ("form", form)])
    }

    fn of([narrow, wide]: [(&'static str, u32); 2]) -> Self {
        type Kind = (&'static str, fn(&Payer) -> Uuid, u32);
        let kinds: [Kind; 2] = [(narrow.0, |payer| payer.principal, narrow.1), (wide.0, |payer| payer.tenant, wide.1)];
        let kinds = kinds.into_iter().filter_map(|(name, key, limit)| {
            let each = MINUTE.checked_div(i64::from(limit))?;
            Some(Buckets { name, key, limit, each, full_at: HashMap::new() })
        });
        Rate { kinds: Mutex::new(kinds.collect()) }
    }

    fn kinds(&self) -> MutexGuard<'_, Vec<Buckets>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one request from both buckets, or refuses and takes nothing.
    pub fn take(&self, payer: &Payer, now: DateTime<Utc>) -> Result<()> {
        self.spend(payer, now, |_| 1)
    }

    /// Takes more for a request that was taken already. What costs more than a whole bucket takes all of it, the
    /// request itself included: else it could never run.
    pub fn charge(&self, payer: &Payer, requests: u32, now: DateTime<Utc>) -> Result<()> {
        self.spend(payer, now, |limit| requests.min(limit.saturating_sub(1)))
    }

    fn spend(&self, payer: &Payer, now: DateTime<Utc>, requests: impl Fn(u32) -> u32) -> Result<()> {
        let now = nanoseconds(now);
        let mut kinds = self.kinds();
        let waits = kinds.iter().map(|kind| (kind.wait(payer, requests(kind.limit), now), kind));
        if let Some((wait, kind)) = waits.filter(|(wait, _)| *wait > 0).max_by_key(|(wait, _)| *wait) {
            let detail = format!("The limit is {} requests a minute for each {}.", kind.limit, kind.name);
            let wait = u64::try_from(seconds(wait)).unwrap_or(1);
            return Err(Error { retry_after: Some(wait), ..Error::new(&codes::RATE_LIMITED, detail) });
        }
        kinds.iter_mut().for_each(|kind| kind.take(payer, requests(kind.limit), now));
        Ok(())
    }

    /// What is left in the tighter bucket; none: there is no limit.
    pub fn left(&self, payer: &Payer, now: DateTime<Utc>) -> Option<Budget> {
        let now = nanoseconds(now);
        self.kinds().iter().map(|kind| kind.left(payer, now)).min_by_key(|budget| budget.remaining)
    }

    /// Forgets buckets that are full again, so that the maps stay small.
    pub fn sweep(&self, now: DateTime<Utc>) {
        let now = nanoseconds(now);
        self.kinds().iter_mut().for_each(|kind| kind.full_at.retain(|_, full_at| *full_at > now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Payer = Payer { tenant: Uuid::from_u128(1), principal: Uuid::from_u128(2) };
    const TWO: Payer = Payer { tenant: Uuid::from_u128(1), principal: Uuid::from_u128(3) };

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + milliseconds).unwrap()
    }

    fn left(rate: &Rate, payer: &Payer, milliseconds: i64) -> (&'static str, u32, i64) {
        let budget = rate.left(payer, at(milliseconds)).unwrap();
        (budget.name, budget.remaining, budget.full_in)
    }

    fn wait(refused: Result<()>) -> Option<u64> {
        refused.unwrap_err().retry_after
    }

    #[test]
    fn a_bucket_empties_and_fills_again_one_by_one() {
        let rate = Rate::per_minute(6, 0);
        for taken in 1..=6 {
            rate.take(&ONE, at(0)).unwrap();
            assert_eq!(left(&rate, &ONE, 0), ("principal", 6 - taken, 10 * i64::from(taken)));
        }
        assert_eq!(wait(rate.take(&ONE, at(0))), Some(10));
        assert_eq!(wait(rate.take(&ONE, at(9_999))), Some(1));
        assert_eq!(left(&rate, &ONE, 9_999), ("principal", 0, 51));
        rate.take(&ONE, at(10_000)).unwrap();
        assert_eq!(left(&rate, &ONE, 70_000), ("principal", 6, 0));
        rate.sweep(at(69_999));
        assert_eq!(rate.kinds()[0].full_at.len(), 1);
        rate.sweep(at(70_000));
        assert_eq!(rate.kinds()[0].full_at.len(), 0);
    }

    #[test]
    fn what_one_bucket_refuses_is_taken_from_neither() {
        let rate = Rate::per_minute(3, 4);
        (0..3).for_each(|_| rate.take(&ONE, at(0)).unwrap());
        assert_eq!(left(&rate, &ONE, 0), ("principal", 0, 60));
        (0..9).for_each(|_| assert_eq!(wait(rate.take(&ONE, at(0))), Some(20)));
        assert_eq!(left(&rate, &TWO, 0), ("tenant", 1, 45));
        rate.take(&TWO, at(0)).unwrap();
        (0..9).for_each(|_| assert_eq!(wait(rate.take(&TWO, at(0))), Some(15)));
        assert_eq!(left(&rate, &TWO, 0), ("tenant", 0, 60));
        assert_eq!(left(&rate, &TWO, 45_000), ("principal", 3, 0), "one request was taken, the refused ones were not");
    }

    #[test]
    fn a_charge_takes_many_at_once_and_at_most_everything() {
        let rate = Rate::per_minute(10, 100);
        rate.take(&ONE, at(0)).unwrap();
        rate.charge(&ONE, 4, at(0)).unwrap();
        assert_eq!(left(&rate, &ONE, 0), ("principal", 5, 30));
        assert_eq!(wait(rate.charge(&ONE, 7, at(0))), Some(12));
        assert_eq!(left(&rate, &ONE, 0), ("principal", 5, 30), "a refused charge takes nothing");
        rate.take(&ONE, at(60_000)).unwrap();
        rate.charge(&ONE, 1_000, at(60_000)).unwrap();
        assert_eq!(left(&rate, &ONE, 60_000), ("principal", 0, 60));
        assert_eq!(left(&rate, &TWO, 60_000), ("tenant", 0, 60), "each bucket pays what it can");
    }

    #[test]
    fn no_limit_and_a_clock_that_was_set_back() {
        let free = Rate::per_minute(0, 0);
        (0..100).for_each(|_| free.take(&ONE, at(0)).unwrap());
        assert_eq!(free.left(&ONE, at(0)), None);
        let rate = Rate::per_minute(u32::MAX, 2);
        (0..2).for_each(|_| rate.take(&ONE, at(3_600_000)).unwrap());
        assert_eq!(wait(rate.take(&ONE, at(0))), Some(30), "a minute at most, not an hour");
    }
}
