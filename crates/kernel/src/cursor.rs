//! Cursors: where a page ended, signed and bound to tenant, resource, filter and sort, so that a cursor of another
//! query or an altered one is refused instead of answering wrongly.

use crate::{Error, Result, codes};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Signs cursors. All processes of one installation share it; it lives in the database.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

impl CursorKey {
    /// From 32 secret bytes.
    pub fn new(key: [u8; 32]) -> Self {
        CursorKey(key)
    }

    /// Another key that follows from this one, for a purpose that is not cursors.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.mac("derive", purpose.as_bytes()).map(|mac| mac.finalize().into_bytes().into()).unwrap_or(self.0)
    }

    fn mac(&self, context: &str, payload: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        mac.update(context.as_bytes());
        mac.update(&[0]);
        mac.update(payload);
        Some(mac)
    }
}

const TAG: usize = 16;

/// The sort values of a row, its id last, and which way to read on from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// Values of the sort keys in order, then the id, as they stand in JSON.
    pub values: Vec<Value>,
    /// Read towards the start: what comes before this row.
    pub backward: bool,
}

impl Cursor {
    /// As text for a client. `context` names everything it is bound to.
    pub fn encode(&self, key: &CursorKey, context: &str) -> String {
        let payload = serde_json::to_vec(&(u8::from(self.backward), &self.values)).unwrap_or_default();
        let Some(mac) = key.mac(context, &payload) else { return String::new() };
        let tag = mac.finalize().into_bytes();
        let mut bytes = tag.iter().take(TAG).copied().collect::<Vec<u8>>();
        bytes.extend(payload);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Back again, or `INVALID_CURSOR`.
    pub fn decode(text: &str, key: &CursorKey, context: &str) -> Result<Self> {
        let cursor = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (tag, payload) = bytes.split_at_checked(TAG)?;
            key.mac(context, payload)?.verify_truncated_left(tag).ok()?;
            let (backward, values): (u8, Vec<Value>) = serde_json::from_slice(payload).ok()?;
            Some(Cursor { values, backward: backward == 1 })
        };
        cursor().ok_or_else(|| {
            let detail = "Use a cursor as it was given, with the same filter and sort, or start without one.";
            Error::new(&codes::INVALID_CURSOR, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cursor_is_good_only_unaltered_and_in_its_own_context() {
        let key = CursorKey::new([7; 32]);
        let cursor = Cursor { values: vec![json!("a"), json!(null)], backward: true };
        let text = cursor.encode(&key, "t|accounts||name");
        assert_eq!(Cursor::decode(&text, &key, "t|accounts||name").unwrap(), cursor);
        assert!(Cursor::decode(&text, &key, "t|accounts||-name").is_err());
        assert!(Cursor::decode(&text, &CursorKey::new([8; 32]), "t|accounts||name").is_err());
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            assert!(Cursor::decode(std::str::from_utf8(&bytes).unwrap(), &key, "t|accounts||name").is_err(), "{at}");
        }
        assert!(Cursor::decode("", &key, "t").is_err() && Cursor::decode("ä", &key, "t").is_err());
    }
}
