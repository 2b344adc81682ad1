//! What `GET /v1/{resource}/{id}/timeline` is asked for.

use crate::http::query::Asked;
use kith_kernel::{Result, TimelineArgs, Violations};

/// The arguments of a timeline, and whether its records are wanted.
pub fn asked(mut asked: Asked) -> Result<(TimelineArgs, bool)> {
    let mut violations = Violations::default();
    let known = asked.expand.as_deref().is_none_or(|name| name == "record");
    violations.ensure(known, "/query/expand", "UNKNOWN_FIELD", "A timeline expands `record` alone.");
    violations.into_result()?;
    let mut list = |name: &str| asked.more.remove(name).map(|text| text.split(',').map(str::to_owned).collect());
    let (kinds, channels) = (list("kinds"), list("channels"));
    let args = TimelineArgs {
        kinds,
        channels,
        from: asked.more.remove("from"),
        to: asked.more.remove("to"),
        limit: asked.list.limit,
        cursor: asked.list.cursor,
        at: "/query",
        limit_name: "limit",
    };
    Ok((args, asked.expand.is_some()))
}
