//! What came of each line, as it was committed with the records.

use crate::BulkLoad;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use serde_json::json;
use uuid::Uuid;

/// Which lines are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// All.
    #[default]
    All,
    /// Those that failed.
    Errors,
}

/// The results of the part after `number`, with its number.
pub fn after(conn: &mut PgConnection, cx: &Cx, id: Uuid, number: i32, told: Told) -> Result<Option<(i32, Vec<u8>)>> {
    let mut out = Statement::new("SELECT number, body FROM bulk_results WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND load_id = ").bind(Bind::Uuid(Some(id)));
    out.sql(" AND number > ").bind(Bind::Int(Some(number))).sql(" ORDER BY number LIMIT 1");
    let rows: Vec<(i32, Vec<u8>)> = RunQueryDsl::load(out.typed::<(st::Integer, st::Binary)>(), conn)?;
    Ok(rows.into_iter().next().map(|(number, body)| (number, if told == Told::All { body } else { errors(&body) })))
}

/// The lines of those that failed. The status stands second in each line.
fn errors(body: &[u8]) -> Vec<u8> {
    let failed =
        |line: &&[u8]| line.split(|byte| *byte == b',').nth(1).is_some_and(|part| part == b"\"status\":\"FAILED\"");
    body.split_inclusive(|byte| *byte == b'\n').filter(failed).flatten().copied().collect()
}

/// The line that ends the results.
pub fn summary(load: &BulkLoad) -> Vec<u8> {
    let BulkLoad { lines, created, updated, unchanged, failed, .. } = load;
    let summary = json!({"summary": {
        "id": load.id().0, "status": load.status.as_str(), "lines": lines, "created": created, "updated": updated,
        "unchanged": unchanged, "failed": failed
    }});
    format!("{summary}\n").into_bytes()
}
