//! Records by their keys in other systems, many at a time.

use crate::bulk;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement, Violations};
use serde_json::Value;
use uuid::Uuid;

/// What a record is called elsewhere: the type of its subject, the system, and its key there, each as it is stored.
pub type Key<'a> = (&'a str, &'a str, &'a str);

/// What a message of another system calls the record that it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalKey {
    /// Short name of the system.
    pub system: String,
    /// The key of the record there.
    pub key: String,
    /// Which state of the record the message tells: it counts up there with every change. None: the latest.
    pub source_version: Option<i64>,
}

impl ExternalKey {
    /// A key whose system tells no versions.
    pub fn new(system: impl Into<String>, key: impl Into<String>) -> ExternalKey {
        ExternalKey { system: system.into(), key: key.into(), source_version: None }
    }
}

/// Reads a source version; null is the same as none.
pub fn source_version(value: &Value, pointer: &str, violations: &mut Violations) -> Option<i64> {
    let version = value.as_i64().filter(|version| *version >= 0);
    let good = version.is_some() || value.is_null();
    violations.ensure(good, pointer, "WRONG_TYPE", "Expected a whole number from 0.");
    version
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The record.
    pub id: Uuid,
    /// The highest source version of a message that was taken.
    pub source_version: Option<i64>,
}

impl Found {
    /// Whether a newer message than one of this version was taken already.
    pub fn is_past(self, version: Option<i64>) -> bool {
        version.is_some_and(|version| Some(version) < self.source_version)
    }
}

/// The record with this key. To look for one as for many takes PostgreSQL four times as long.
pub fn one(conn: &mut PgConnection, cx: &Cx, (subject_type, system, external_id): Key<'_>) -> Result<Option<Found>> {
    let mut out = Statement::new("SELECT subject_id, source_version FROM external_ids WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND subject_type = ").bind(Bind::Text(Some(subject_type.to_owned())));
    out.sql(" AND system = ").bind(Bind::Text(Some(system.to_owned())));
    out.sql(" AND external_id = ").bind(Bind::Text(Some(external_id.to_owned()))).sql(" AND archived_at IS NULL");
    let rows: Vec<(Uuid, Option<i64>)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Nullable<st::BigInt>)>(), conn)?;
    Ok(rows.into_iter().next().map(|(id, source_version)| Found { id, source_version }))
}

/// The records with these keys, in their order; none: there is no record with that key.
pub fn find(conn: &mut PgConnection, cx: &Cx, keys: &[Key<'_>]) -> Result<Vec<Option<Found>>> {
    let mut all = vec![None; keys.len()];
    if keys.is_empty() {
        return Ok(all);
    }
    type Sql = (st::Integer, st::Uuid, st::Nullable<st::BigInt>);
    let rows: Vec<(i32, Uuid, Option<i64>)> = RunQueryDsl::load(looked_up(cx, keys).typed::<Sql>(), conn)?;
    for (at, id, source_version) in rows {
        if let Some(place) = usize::try_from(at).ok().and_then(|at| all.get_mut(at)) {
            *place = Some(Found { id, source_version });
        }
    }
    Ok(all)
}

/// One look-up in the index of keys for each. `external_id = ANY(…)` would leave the planner the choice to read all keys
/// of the tenant and compare each with every key that is wanted, and it takes it where the table has grown since it was
/// last analysed.
pub fn looked_up(cx: &Cx, keys: &[Key<'_>]) -> Statement {
    let mut out = Statement::new("SELECT k.at, x.subject_id, x.source_version FROM (SELECT ");
    unnested(&mut out, keys).sql(", generate_series(0, ");
    out.bind(Bind::Int(Some(i32::try_from(keys.len()).unwrap_or(i32::MAX).saturating_sub(1))));
    out.sql(") AS at) AS k CROSS JOIN LATERAL (SELECT t.subject_id, t.source_version FROM external_ids t");
    out.sql(" WHERE t.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(
        " AND t.subject_type = k.subject_type AND t.system = k.system AND t.external_id = k.external_id \
         AND t.archived_at IS NULL OFFSET 0) AS x",
    );
    bulk::once(&mut out, keys.len());
    out
}

/// Keeps the source versions of messages that were taken, by which those that come late are known. They are no part of a
/// record: they say nothing of it that the messages did not.
pub fn note<'a>(conn: &mut PgConnection, cx: &Cx, taken: impl Iterator<Item = (Key<'a>, i64)>) -> Result<()> {
    let (keys, versions): (Vec<Key<'_>>, Vec<i64>) = taken.unzip();
    if keys.is_empty() {
        return Ok(());
    }
    let mut out = Statement::new("UPDATE external_ids t SET source_version = k.version FROM (SELECT ");
    unnested(&mut out, &keys).sql(", unnest(");
    out.bind(Bind::Texts(versions.iter().map(i64::to_string).collect()));
    out.sql(")::bigint AS version) AS k WHERE t.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(
        " AND t.subject_type = k.subject_type AND t.system = k.system AND t.external_id = k.external_id \
         AND t.archived_at IS NULL AND (t.source_version < k.version OR t.source_version IS NULL)",
    );
    // Planned each time, for the size that the table has by now.
    out.once().execute(conn)?;
    Ok(())
}

fn unnested<'a>(out: &'a mut Statement, keys: &[Key<'_>]) -> &'a mut Statement {
    let texts = |pick: fn(&Key<'_>) -> String| Bind::Texts(keys.iter().map(pick).collect());
    out.sql("unnest(").bind(texts(|key| key.0.to_owned())).sql(") AS subject_type, unnest(");
    out.bind(texts(|key| key.1.to_owned())).sql(") AS system, unnest(");
    out.bind(texts(|key| key.2.to_owned())).sql(") AS external_id")
}
