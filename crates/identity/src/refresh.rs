//! What a refresh token is: its text, its state, and how the next one follows from it. Pure; [`crate::session`] has the
//! rows.

use crate::secret::{self, Secret};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use kith_kernel::{Error, Result};
use sha2::Sha256;
use uuid::Uuid;

const PREFIX: &str = "kr_";
/// For how long the same successor is given again.
const RETRY: TimeDelta = TimeDelta::seconds(10);

/// The tenant that a refresh token names, without looking anything up.
pub fn tenant_of(token: &str) -> Option<Uuid> {
    parse(token).map(|(tenant, _)| tenant)
}

/// Tenant and secret of a token's text.
pub(crate) fn parse(token: &str) -> Option<(Uuid, Secret)> {
    let (tenant, rest) = secret::leading_id(token.strip_prefix(PREFIX)?)?;
    Some((tenant, secret::decode(rest)?))
}

/// The text of a token.
pub(crate) fn text(tenant: Uuid, secret: &Secret) -> String {
    format!("{PREFIX}{}_{}", tenant.simple(), secret::encode(secret))
}

/// A stored token.
pub(crate) struct Token {
    pub user: Uuid,
    pub family: Uuid,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    pub installation: Vec<u8>,
}

/// What the state of a token means for whoever shows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Never used.
    Good,
    /// Used a moment ago.
    JustUsed,
    /// Used, and not a moment ago.
    Used,
    /// Expired or revoked.
    Dead,
}

/// The state of a token at a time.
pub(crate) fn state(token: &Token, now: DateTime<Utc>) -> State {
    match token.used_at {
        _ if token.revoked_at.is_some() || token.expires_at <= now => State::Dead,
        None => State::Good,
        Some(at) if now.signed_duration_since(at) <= RETRY => State::JustUsed,
        Some(_) => State::Used,
    }
}

/// The secret that follows on another, in this installation.
pub(crate) fn successor(secret: &Secret, installation: &[u8]) -> Result<Secret> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|error| Error::internal(error.to_string()))?;
    mac.update(b"kith refresh successor\0");
    mac.update(installation);
    Ok(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_token_is_good_once_and_answers_retries_for_ten_seconds() {
        let (used, never) = (Some(at(0)), None);
        for (used_at, revoked_at, now, expected) in [
            (never, never, at(0), State::Good),
            (never, never, at(99), State::Good),
            (never, never, at(100), State::Dead),
            (never, used, at(1), State::Dead),
            (used, never, at(0), State::JustUsed),
            (used, never, at(10), State::JustUsed),
            (used, never, at(10) + TimeDelta::microseconds(1), State::Used),
            (used, never, at(99), State::Used),
            (used, used, at(1), State::Dead),
            (used, never, at(100), State::Dead),
        ] {
            let (user, family) = (Uuid::nil(), Uuid::nil());
            let token = Token {
                user,
                family,
                created_at: at(0),
                expires_at: at(100),
                used_at,
                revoked_at,
                installation: Vec::new(),
            };
            assert_eq!(state(&token, now), expected, "used {used_at:?}, revoked {revoked_at:?}, at {now}");
        }
    }

    #[test]
    fn a_successor_needs_both_the_old_token_and_the_installation() {
        let (one, two) = ([1; 32], [2; 32]);
        assert_eq!(successor(&one, b"here").unwrap(), successor(&one, b"here").unwrap());
        assert_ne!(successor(&one, b"here").unwrap(), successor(&two, b"here").unwrap());
        assert_ne!(successor(&one, b"here").unwrap(), successor(&one, b"there").unwrap());
    }

    #[test]
    fn a_token_names_its_tenant_and_has_one_spelling() {
        let tenant = Uuid::from_u128(0xABCDEF);
        let token = text(tenant, &[255; 32]);
        assert_eq!(tenant_of(&token), Some(tenant));
        for bad in [
            "",
            "kr_",
            "kr__",
            &token[1..],
            &token[..token.len() - 1],
            &format!("{token}_"),
            &token.to_uppercase(),
            &token.replacen("abcdef", "ABCDEF", 1),
            &token.replacen("kr_", "kr_{", 1),
            // The last character carries two bits that mean nothing; they have to be zero.
            &format!("{}9", &token[..token.len() - 1]),
        ] {
            assert_eq!(tenant_of(bad), None, "{bad}");
        }
    }
}
