//! Slows down guessing of passwords: ten failures in ten minutes for an account, and for an address.
//!
//! An attempt counts as a failure from its start, so that many at once cannot slip through before the first has
//! failed. What is refused here does not count, so a lock never grows longer by knocking at it. A place from which an
//! account was used successfully has a count of its own for that account: strangers who guess cannot lock its owner
//! out of it.

use chrono::{DateTime, TimeDelta, Utc};
use kith_kernel::{Error, Result, codes};
use moka::sync::Cache;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Failures within the window.
const FAILURES: usize = 10;
/// The window.
const WINDOW: TimeDelta = TimeDelta::minutes(10);
/// Most accounts, addresses and pairs that are kept in mind; those that matter least are forgotten first.
const KEPT: u64 = 100_000;
/// For how long a place is known after a success.
const KNOWN: Duration = Duration::from_secs(30 * 24 * 3600);

/// What failures are counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    Account(Arc<str>),
    Address(IpAddr),
    Pair(Arc<str>, IpAddr),
}

type Times = Arc<Mutex<VecDeque<DateTime<Utc>>>>;

/// See the module.
#[derive(Clone, Debug)]
pub struct Brake {
    most: usize,
    window: TimeDelta,
    failures: Cache<Subject, Times>,
    known: Cache<(Arc<str>, IpAddr), ()>,
}

/// An attempt that was let through. It stays a failure unless it is said to be something else.
#[derive(Debug)]
#[must_use = "an attempt is a failure until it says otherwise"]
pub struct Attempt {
    brake: Brake,
    account: Arc<str>,
    address: IpAddr,
    subjects: [Subject; 2],
    at: DateTime<Utc>,
}

impl Default for Brake {
    fn default() -> Self {
        Brake::new()
    }
}

impl Brake {
    /// Ten failures in ten minutes.
    pub fn new() -> Self {
        Brake::with(FAILURES, WINDOW)
    }

    /// Other figures, for configuration and tests.
    pub fn with(most: usize, window: TimeDelta) -> Self {
        // Real time only frees memory here; what counts is the time that callers give.
        let idle = window.to_std().unwrap_or(KNOWN).saturating_mul(2);
        Brake {
            most: most.max(1),
            window,
            failures: Cache::builder().max_capacity(KEPT).time_to_idle(idle).build(),
            known: Cache::builder().max_capacity(KEPT).time_to_idle(KNOWN).build(),
        }
    }

    /// Lets an attempt through, or answers `RATE_LIMITED` with the seconds until there is room again. The account is
    /// the tenant's short name and the e-mail address as they were sent; neither has to exist.
    pub fn attempt(&self, tenant: &str, email: &str, address: IpAddr, now: DateTime<Utc>) -> Result<Attempt> {
        let account: Arc<str> = name(tenant, email).into();
        let address = block(address);
        let known = self.known.get(&(account.clone(), address)).is_some();
        let first = if known { Subject::Pair(account.clone(), address) } else { Subject::Account(account.clone()) };
        let subjects = [first, Subject::Address(address)];
        let [first, second] = subjects.each_ref().map(|subject| self.failures.get_with_by_ref(subject, Times::default));
        // Always in this order, so that two attempts cannot wait for each other.
        let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
        let mut second = second.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = [&mut *first, &mut *second].into_iter().filter_map(|times| self.wait(times, now)).max();
        if let Some(seconds) = waits {
            let detail = "Too many failed logins. Wait a little, or ask an administrator to set a new password.";
            return Err(Error { retry_after: Some(seconds), ..Error::new(&codes::RATE_LIMITED, detail) });
        }
        first.push_back(now);
        second.push_back(now);
        Ok(Attempt { brake: self.clone(), account, address, subjects: subjects.clone(), at: now })
    }

    /// Forgets what is older than the window; how many whole seconds until there is room, if there is none.
    fn wait(&self, times: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>) -> Option<u64> {
        times.retain(|at| now.signed_duration_since(*at) < self.window);
        let oldest = times.front().filter(|_| times.len() >= self.most)?;
        let left = self.window.checked_sub(&now.signed_duration_since(*oldest))?.min(self.window);
        Some(u64::try_from(left.num_milliseconds()).unwrap_or(0).div_ceil(1000).max(1))
    }

    fn change(&self, subject: &Subject, edit: impl FnOnce(&mut VecDeque<DateTime<Utc>>)) {
        if let Some(times) = self.failures.get(subject) {
            edit(&mut times.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Attempt {
    /// The password was right: the account starts afresh, and this place is known for it. The address keeps its other
    /// failures, else one own account would open the way to guess at all others.
    pub fn succeeded(self) {
        let [first, second] = &self.subjects;
        self.brake.change(first, VecDeque::clear);
        self.brake.change(second, |times| forget(times, self.at));
        self.brake.known.insert((self.account.clone(), self.address), ());
    }

    /// The password was never checked: nothing happened.
    pub fn void(self) {
        for subject in &self.subjects {
            self.brake.change(subject, |times| forget(times, self.at));
        }
    }

    /// The password was wrong, or there is no such user.
    pub fn failed(self) {}
}

fn forget(times: &mut VecDeque<DateTime<Utc>>, at: DateTime<Utc>) {
    if let Some(index) = times.iter().position(|time| *time == at) {
        times.remove(index);
    }
}

/// One name for all spellings that reach the same account, of bounded length.
fn name(tenant: &str, email: &str) -> String {
    let cut = |text: &str| text.trim().to_lowercase().chars().take(254).collect::<String>();
    format!("{}\0{}", cut(tenant), cut(email))
}

/// One IPv6 customer has at least a /64 of addresses, so they count as one.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn from(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn fail(brake: &Brake, email: &str, address: IpAddr, seconds: i64) -> Option<u64> {
        match brake.attempt("northwind", email, address, at(seconds)) {
            Ok(attempt) => {
                attempt.failed();
                None
            }
            Err(error) => {
                assert_eq!(error.code.name, "RATE_LIMITED");
                error.retry_after
            }
        }
    }

    #[test]
    fn the_eleventh_failure_of_an_account_within_ten_minutes_is_refused() {
        let brake = Brake::new();
        for n in 0..10 {
            assert_eq!(fail(&brake, "nancy@example.com", from(n), i64::from(n)), None, "{n}");
        }
        assert_eq!(fail(&brake, "nancy@example.com", from(20), 10), Some(590));
        assert_eq!(fail(&brake, " NANCY@example.com", from(20), 599), Some(1));
        assert_eq!(fail(&brake, "andrew@example.com", from(20), 599), None);
        assert_eq!(fail(&brake, "nancy@example.com", from(20), 600), None);
        assert_eq!(fail(&brake, "nancy@example.com", from(20), 600), Some(1));
        assert_eq!(fail(&brake, "nancy@example.com", from(20), 601), None);
    }

    #[test]
    fn the_eleventh_failure_from_an_address_is_refused() {
        let brake = Brake::new();
        for n in 0..10 {
            assert_eq!(fail(&brake, &format!("user{n}@example.com"), from(1), 0), None);
        }
        assert_eq!(fail(&brake, "nancy@example.com", from(1), 1), Some(599));
        assert_eq!(fail(&brake, "nancy@example.com", from(2), 1), None);
        assert_eq!(fail(&brake, "nancy@example.com", from(1), 600), None);
        let (one, two, other): (IpAddr, IpAddr, IpAddr) =
            ("2001:db8::1".parse().unwrap(), "2001:db8::ffff:2".parse().unwrap(), "2001:db8:0:1::1".parse().unwrap());
        assert_eq!(block(one), block(two));
        assert_ne!(block(one), block(other));
        assert_eq!(block("::ffff:192.0.2.1".parse().unwrap()), from(1));
    }

    #[test]
    fn knocking_at_a_lock_does_not_make_it_longer() {
        let brake = Brake::new();
        (0..10).for_each(|n| assert_eq!(fail(&brake, "nancy@example.com", from(n), 0), None));
        (0..599).for_each(|second| assert!(fail(&brake, "nancy@example.com", from(50), second).is_some()));
        brake.attempt("northwind", "nancy@example.com", from(60), at(600)).unwrap().succeeded();
        assert_eq!(fail(&brake, "nancy@example.com", from(50), 600), None, "a success clears the account");
    }

    #[test]
    fn strangers_cannot_lock_the_owner_out_of_a_known_place() {
        let brake = Brake::new();
        brake.attempt("northwind", "nancy@example.com", from(1), at(0)).unwrap().succeeded();
        (0..10).for_each(|n| assert_eq!(fail(&brake, "nancy@example.com", from(100 + n), 1), None));
        assert!(fail(&brake, "nancy@example.com", from(200), 2).is_some());
        (0..10).for_each(|_| assert_eq!(fail(&brake, "nancy@example.com", from(1), 3), None));
        assert!(fail(&brake, "nancy@example.com", from(1), 4).is_some(), "a known place is limited too");
    }

    #[test]
    fn what_never_was_checked_does_not_count_and_a_success_gives_only_itself_back_to_the_address() {
        let brake = Brake::new();
        for _ in 0..50 {
            brake.attempt("northwind", "nancy@example.com", from(1), at(0)).unwrap().void();
        }
        (0..9).for_each(|n| assert_eq!(fail(&brake, &format!("user{n}@example.com"), from(1), 1), None));
        brake.attempt("northwind", "own@example.com", from(1), at(2)).unwrap().succeeded();
        assert_eq!(fail(&brake, "x@example.com", from(1), 3), None);
        assert!(fail(&brake, "y@example.com", from(1), 3).is_some());
    }

    #[test]
    fn many_at_once_do_not_slip_through() {
        let brake = Brake::new();
        let attempt = |n: u8| {
            let brake = brake.clone();
            std::thread::spawn(move || fail(&brake, "nancy@example.com", from(n), 0).is_none())
        };
        let threads: Vec<_> = (0..64).map(attempt).collect();
        let through = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|ok| *ok).count();
        assert_eq!(through, 10);
    }
}
