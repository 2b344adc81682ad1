//! Passwords: what is accepted and how it is hashed. Pure but for the salt, and slow on purpose: callers run it where
//! it keeps nobody else waiting.

use crate::secret;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use kith_kernel::{Error, Result};
use std::sync::LazyLock;

/// KiB of memory.
const MEMORY: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Fewest bytes of a password.
pub const MIN: usize = 8;
/// Most bytes of a password; longer ones are refused before they cost anything.
pub const MAX: usize = 1024;

/// The hash of nobody's password. Checking against it makes an unknown user as slow as a known one.
pub static DUMMY: LazyLock<String> = LazyLock::new(|| {
    // Without randomness the server could not work at all; an empty text then fails every check.
    secret::random().and_then(|password| digest(&password)).unwrap_or_default()
});

fn argon2() -> Result<Argon2<'static>> {
    let parameters = Params::new(MEMORY, PASSES, LANES, None).map_err(|error| Error::internal(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn digest(password: &[u8]) -> Result<String> {
    let salt = secret::random()?;
    let salt = salt.first_chunk::<16>().unwrap_or(&[0; 16]);
    let hash: PasswordHash =
        argon2()?.hash_password_with_salt(password, salt).map_err(|error| Error::internal(error.to_string()))?;
    Ok(hash.to_string())
}

/// Refuses a password that is too short or too long; `pointer` says where it stood.
pub fn check(password: &str, pointer: &str) -> Result<()> {
    match password.len() {
        ..MIN => Err(Error::invalid(pointer, "TOO_SHORT", format!("A password has at least {MIN} bytes."))),
        MIN..=MAX => Ok(()),
        _ => Err(Error::invalid(pointer, "TOO_LONG", format!("A password has at most {MAX} bytes."))),
    }
}

/// The hash to store, as a PHC string.
pub fn hash(password: &str) -> Result<String> {
    check(password, "/password")?;
    digest(password.as_bytes())
}

/// Whether a password belongs to a stored hash.
pub fn verify(password: &str, hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.len() <= MAX && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
}

/// Whether a hash was made with other parameters than today's; a login is the moment to replace it.
pub fn needs_rehash(hash: &str) -> bool {
    let current = || {
        let hash = PasswordHash::new(hash).ok()?;
        let parameters = Params::try_from(&hash).ok()?;
        let same = parameters.m_cost() == MEMORY && parameters.t_cost() == PASSES && parameters.p_cost() == LANES;
        (same && hash.algorithm.as_str() == "argon2id").then_some(())
    };
    current().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_argon2id_with_the_promised_parameters_and_a_salt_each() {
        let (one, two) = (hash("correct horse").unwrap(), hash("correct horse").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && one != two, "{one}");
        assert!(verify("correct horse", &one) && verify("correct horse", &two));
        assert!(
            !verify("correct horsf", &one)
                && !verify("", &one)
                && !verify("correct horse", "")
                && !verify("x", "$argon2id$")
        );
        assert!(!needs_rehash(&one));
    }

    #[test]
    fn weaker_or_broken_hashes_are_replaced() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8_192, 2, 1, None).unwrap());
        let weak: PasswordHash = weak.hash_password_with_salt(b"correct horse", b"0123456789abcdef").unwrap();
        let weak = weak.to_string();
        assert!(verify("correct horse", &weak) && needs_rehash(&weak));
        assert!(needs_rehash("") && needs_rehash(&weak.replace("argon2id", "argon2i")));
    }

    #[test]
    fn lengths_are_checked_in_bytes_at_both_ends() {
        for (password, good) in [
            ("1234567".to_owned(), false),
            ("12345678".to_owned(), true),
            ("密码密".to_owned(), true),
            ("a".repeat(1024), true),
            ("a".repeat(1025), false),
        ] {
            assert_eq!(check(&password, "/password").is_ok(), good, "{}", password.len());
        }
        assert!(hash(&"a".repeat(1025)).is_err() && !verify(&"a".repeat(1025), &DUMMY));
    }

    #[test]
    fn an_unknown_user_costs_a_real_hash() {
        assert!(!needs_rehash(&DUMMY) && !verify("whatever it is", &DUMMY));
    }
}
