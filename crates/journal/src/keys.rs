//! Records by their keys in other systems, many at a time.

use crate::bulk;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use uuid::Uuid;

/// What a record is called elsewhere: the type of its subject, the system, and its key there, each as it is stored.
pub type Key<'a> = (&'a str, &'a str, &'a str);

/// The ids of the records with these keys, in their order; none: there is no record with that key.
pub fn find(conn: &mut PgConnection, cx: &Cx, keys: &[Key<'_>]) -> Result<Vec<Option<Uuid>>> {
    let mut ids = vec![None; keys.len()];
    if keys.is_empty() {
        return Ok(ids);
    }
    let rows: Vec<(i32, Uuid)> = RunQueryDsl::load(looked_up(cx, keys).typed::<(st::Integer, st::Uuid)>(), conn)?;
    for (at, id) in rows {
        if let Some(place) = usize::try_from(at).ok().and_then(|at| ids.get_mut(at)) {
            *place = Some(id);
        }
    }
    Ok(ids)
}

/// One look-up in the index of keys for each. `external_id = ANY(…)` would leave the planner the choice to read all keys
/// of the tenant and compare each with every key that is wanted, and it takes it where the table has grown since it was
/// last analysed.
pub fn looked_up(cx: &Cx, keys: &[Key<'_>]) -> Statement {
    let texts = |pick: fn(&Key<'_>) -> String| Bind::Texts(keys.iter().map(pick).collect());
    let mut out = Statement::new("SELECT k.at, x.subject_id FROM (SELECT unnest(");
    out.bind(texts(|key| key.0.to_owned())).sql(") AS subject_type, unnest(").bind(texts(|key| key.1.to_owned()));
    out.sql(") AS system, unnest(").bind(texts(|key| key.2.to_owned())).sql(") AS external_id, generate_series(0, ");
    out.bind(Bind::Int(Some(i32::try_from(keys.len()).unwrap_or(i32::MAX).saturating_sub(1))));
    out.sql(") AS at) AS k CROSS JOIN LATERAL (SELECT t.subject_id FROM external_ids t WHERE t.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(
        " AND t.subject_type = k.subject_type AND t.system = k.system AND t.external_id = k.external_id \
         AND t.archived_at IS NULL OFFSET 0) AS x",
    );
    bulk::once(&mut out, keys.len());
    out
}
