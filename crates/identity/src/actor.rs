//! From an id that was proven elsewhere to who acts and with which rights, in one statement.

use crate::{grants, rules};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Actor, Bind, Currency, Error, Grant, Grants, PrincipalKind, Result, Statement, Tz};
use serde_json::Value;
use uuid::Uuid;

/// How exactly the last use of a key is kept.
const USE_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Somebody we know, and what their tenant has settled for all.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who acts.
    pub actor: Actor,
    /// The tenant's reporting currency.
    pub currency: Currency,
    /// The tenant's time zone.
    pub zone: Tz,
    /// Whether changes in the tenant have to name the version that was read.
    pub requires_version: bool,
}

/// A user who is neither disabled nor archived, with the rights of all their roles, and their teams with all teams
/// below those. Archived roles and teams count for nothing.
pub fn user(conn: &mut PgConnection, tenant: Uuid, user: Uuid) -> Result<Option<Known>> {
    let (tenant, id) = (Bind::Uuid(Some(tenant)), Bind::Uuid(Some(user)));
    let mut out = Statement::new("WITH RECURSIVE mine (id) AS (SELECT t.id FROM memberships m JOIN teams t");
    out.sql(" ON t.tenant_id = m.tenant_id AND t.id = m.team_id WHERE m.tenant_id = ").bind(tenant.clone());
    out.sql(" AND m.user_id = ").bind(id.clone()).sql(" AND m.archived_at IS NULL AND t.archived_at IS NULL");
    out.sql(" UNION SELECT t.id FROM teams t JOIN mine ON t.parent_id = mine.id WHERE t.tenant_id = ");
    out.bind(tenant.clone()).sql(
        " AND t.archived_at IS NULL) SELECT o.reporting_currency, o.time_zone, o.requires_version, ARRAY(SELECT id FROM mine),",
    );
    out.sql(
        " ARRAY(SELECT r.grants FROM role_assignments a JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id",
    );
    out.sql(" WHERE a.tenant_id = ").bind(tenant.clone()).sql(" AND a.user_id = ").bind(id.clone());
    out.sql(" AND a.archived_at IS NULL AND r.archived_at IS NULL)");
    out.sql(" FROM users u JOIN tenants o ON o.tenant_id = u.tenant_id AND o.id = u.tenant_id WHERE u.tenant_id = ");
    out.bind(tenant).sql(" AND u.id = ").bind(id).sql(" AND u.status = 'ACTIVE' AND u.archived_at IS NULL");
    type Sql = (st::Text, st::Text, st::Bool, st::Array<st::Uuid>, st::Array<st::Jsonb>);
    type Row = (String, String, bool, Vec<Uuid>, Vec<Value>);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let Some((currency, zone, requires_version, teams, lists)) = rows.into_iter().next() else { return Ok(None) };
    known(PrincipalKind::User, user, &lists, teams, (&currency, &zone, requires_version)).map(Some)
}

/// What a user's roles grant, whether or not the user can work at present.
pub(crate) fn grants(conn: &mut PgConnection, tenant: Uuid, user: Uuid) -> Result<Vec<Grant>> {
    let mut out = Statement::new("SELECT r.grants FROM role_assignments a JOIN roles r");
    out.sql(" ON r.tenant_id = a.tenant_id AND r.id = a.role_id WHERE a.tenant_id = ").bind(Bind::Uuid(Some(tenant)));
    out.sql(" AND a.user_id = ")
        .bind(Bind::Uuid(Some(user)))
        .sql(" AND a.archived_at IS NULL AND r.archived_at IS NULL");
    let rows: Vec<(Value,)> = RunQueryDsl::load(out.typed::<(st::Jsonb,)>(), conn)?;
    Ok(rows.iter().flat_map(|(list,)| grants::parse(list)).collect())
}

/// An API key that is neither revoked nor expired and whose secret has this hash; without a hash, one that was proven
/// before by a token of ours. Its last use is written at most once
/// a minute, and never waits for anybody who is working on the key.
pub fn api_key(
    conn: &mut PgConnection,
    tenant: Uuid,
    key: Uuid,
    secret_hash: Option<&[u8]>,
    now: DateTime<Utc>,
) -> Result<Option<Known>> {
    let (owner, id) = (Bind::Uuid(Some(tenant)), Bind::Uuid(Some(key)));
    let mut out =
        Statement::new("SELECT o.reporting_currency, o.time_zone, o.requires_version, coalesce(r.grants, '[]'),");
    out.sql(" k.last_used_at FROM api_keys k");
    out.sql(" JOIN api_key_secrets s ON s.tenant_id = k.tenant_id AND s.api_key_id = k.id");
    out.sql(" JOIN tenants o ON o.tenant_id = k.tenant_id AND o.id = k.tenant_id");
    out.sql(" LEFT JOIN roles r ON r.tenant_id = k.tenant_id AND r.id = k.role_id AND r.archived_at IS NULL");
    out.sql(" WHERE k.tenant_id = ").bind(owner.clone()).sql(" AND k.id = ").bind(id.clone());
    out.sql(" AND s.tenant_id = ").bind(owner.clone());
    if let Some(hash) = secret_hash {
        out.sql(" AND s.secret_hash = ").bind(Bind::Bytes(Some(hash.to_vec())));
    }
    out.sql(" AND k.revoked_at IS NULL AND k.archived_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ");
    out.bind(Bind::Time(Some(now))).sql(")");
    type Sql = (st::Text, st::Text, st::Bool, st::Jsonb, st::Nullable<st::Timestamptz>);
    type Row = (String, String, bool, Value, Option<DateTime<Utc>>);
    let rows: Vec<Row> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let Some((currency, zone, requires_version, list, last)) = rows.into_iter().next() else { return Ok(None) };
    if last.is_none_or(|last| now.signed_duration_since(last) >= USE_EVERY) {
        let mut out = Statement::new("UPDATE api_keys SET last_used_at = ");
        out.bind(Bind::Time(Some(now))).sql(" WHERE tenant_id = ").bind(owner.clone());
        out.sql(" AND id = (SELECT id FROM api_keys WHERE tenant_id = ").bind(owner).sql(" AND id = ").bind(id);
        out.sql(" FOR NO KEY UPDATE SKIP LOCKED)").execute(conn)?;
    }
    known(PrincipalKind::ApiKey, key, &[list], Vec::new(), (&currency, &zone, requires_version)).map(Some)
}

fn known(
    kind: PrincipalKind,
    id: Uuid,
    lists: &[Value],
    teams: Vec<Uuid>,
    (currency, zone, requires_version): (&str, &str, bool),
) -> Result<Known> {
    let grants = Grants(lists.iter().flat_map(grants::parse).collect());
    let currency =
        Currency::from_code(currency).ok_or_else(|| Error::internal("a tenant reports in no known currency"))?;
    let zone = rules::zone(zone)?;
    Ok(Known { actor: Actor { kind, id, grants, teams }, currency, zone, requires_version })
}
