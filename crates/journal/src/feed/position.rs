//! Where a reader of the feed stands, and how that is told to a client: a signed text, good for one tenant and for one
//! life of the database.

use kith_kernel::{Cursor, Cx, Error, Result, codes};
use serde_json::{Value, json};
use uuid::Uuid;

/// A place in the feed: behind the change that it names, before all that come after. Transaction first, because a number
/// that is drawn early may be committed late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The life of the database in which the transaction id means something. A restored dump begins another.
    pub epoch: Uuid,
    /// Transaction id, all 64 bits of it.
    pub xid: u64,
    /// Number within all changes.
    pub seq: i64,
}

/// What makes a cursor one of the feed.
fn context(cx: &Cx) -> String {
    format!("{}|changes", cx.tenant)
}

impl Position {
    /// As text for a client, or to be kept.
    pub fn encode(&self, cx: &Cx) -> String {
        // As a text: JSON readers round integers of 64 bits.
        let values = vec![json!(self.epoch), json!(self.xid.to_string()), json!(self.seq.to_string())];
        Cursor { values, backward: false }.encode(&cx.cursor_key, &context(cx))
    }

    /// Back again. An altered one and one of another tenant are `INVALID_CURSOR`; whether it is too old is told by
    /// whoever reads from it.
    pub fn decode(cx: &Cx, text: &str) -> Result<Self> {
        let unknown = |_| {
            let detail = "Use a cursor of the change feed as it was given, or start with after=start or after=now.";
            Error::new(&codes::INVALID_CURSOR, detail)
        };
        let cursor = Cursor::decode(text, &cx.cursor_key, &context(cx)).map_err(unknown)?;
        Position::read(&cursor.values).ok_or(()).map_err(unknown_place)
    }

    fn read(values: &[Value]) -> Option<Self> {
        let [epoch, xid, seq] = values else { return None };
        let epoch = Uuid::try_parse(epoch.as_str()?).ok()?;
        Some(Position { epoch, xid: xid.as_str()?.parse().ok()?, seq: seq.as_str()?.parse().ok()? })
    }
}

fn unknown_place((): ()) -> Error {
    Error::new(&codes::INVALID_CURSOR, "The cursor cannot be read.")
}
