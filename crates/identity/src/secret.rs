//! Random secrets of 32 bytes: made, written, read and hashed. Pure but for the randomness.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kith_kernel::{Error, Result};
use rand::{TryRngCore, rngs::OsRng};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A secret as bytes.
pub type Secret = [u8; 32];

/// A new one, from the operating system.
pub fn random() -> Result<Secret> {
    let mut secret = [0; 32];
    OsRng.try_fill_bytes(&mut secret).map_err(|error| Error::internal(error.to_string()))?;
    Ok(secret)
}

/// As 43 characters.
pub fn encode(secret: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(secret)
}

/// Back from exactly those 43 characters; a secret has one spelling only.
pub fn decode(text: &str) -> Option<Secret> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// What is stored of it. A plain hash is enough for what cannot be guessed.
pub fn hash(secret: &Secret) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Splits `<32 hex digits>_<rest>`.
pub fn leading_id(text: &str) -> Option<(Uuid, &str)> {
    let (id, rest) = text.split_once('_')?;
    let plain = id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    Some((Uuid::try_parse(id).ok().filter(|_| plain)?, rest))
}
