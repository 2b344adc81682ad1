//! What is needed at the door: which tenant, which user, and the hash to check a password against. The check itself is
//! slow, so it happens between two transactions; [`still_valid`] closes the gap.

use crate::{User, actor, grants, session};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{log, store};
use kith_kernel::ids::UserId;
use kith_kernel::{Action, Bind, Cx, Error, PrincipalKind, Result, Shape, Statement, codes, text};
use uuid::Uuid;

/// The operation under which the journal keeps a new password.
pub const PASSWORD_SET: log::Operation = "passwordSet";

/// The tenant of that short name. The only look-up that needs no tenant.
pub fn find_tenant(conn: &mut PgConnection, slug: &str) -> Result<Option<Uuid>> {
    let mut out = Statement::new("SELECT tenant_id FROM tenant_directory WHERE slug = ");
    out.bind(Bind::Text(Some(text::clean(slug).unwrap_or_default())));
    let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.first().map(|(id,)| *id))
}

/// A user who may log in, and the hash of their password. None: there is no such user, or they have no password;
/// the caller then checks against [`crate::password::DUMMY`], so that both take the same time.
pub fn find_login(conn: &mut PgConnection, tenant: Uuid, email: &str) -> Result<Option<(Uuid, String)>> {
    let Some(email) = text::clean(email).ok().and_then(|email| text::email(&email).ok()) else { return Ok(None) };
    let mut out = Statement::new("SELECT u.id, c.password_hash FROM users u JOIN credentials c");
    out.sql(" ON c.tenant_id = u.tenant_id AND c.user_id = u.id WHERE u.tenant_id = ").bind(Bind::Uuid(Some(tenant)));
    out.sql(" AND u.email = ").bind(Bind::Text(Some(email))).sql(" AND u.status = 'ACTIVE' AND u.archived_at IS NULL");
    let rows: Vec<(Uuid, String)> = RunQueryDsl::load(out.typed::<(st::Uuid, st::Text)>(), conn)?;
    Ok(rows.into_iter().next())
}

/// Whether the user may still log in with the password of that hash. Locks the user, so that the answer holds until
/// the transaction in which a session begins is over.
pub fn still_valid(conn: &mut PgConnection, tenant: Uuid, user: Uuid, hash: &str) -> Result<bool> {
    if !session::lock_user(conn, tenant, user)? {
        return Ok(false);
    }
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM credentials WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND user_id = ").bind(Bind::Uuid(Some(user)));
    out.sql(" AND password_hash = ").bind(Bind::Text(Some(hash.to_owned()))).sql(")");
    let (same,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
    Ok(same)
}

/// Replaces the hash of an unchanged password by one with today's parameters. Sessions go on.
pub fn rehash(conn: &mut PgConnection, tenant: Uuid, user: Uuid, old: &str, new: &str) -> Result<()> {
    let mut out = Statement::new("UPDATE credentials SET password_hash = ");
    out.bind(Bind::Text(Some(new.to_owned()))).sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(tenant)));
    out.sql(" AND user_id = ").bind(Bind::Uuid(Some(user)));
    out.sql(" AND password_hash = ").bind(Bind::Text(Some(old.to_owned()))).execute(conn)?;
    Ok(())
}

/// Sets a password by its hash and ends all sessions of the user. Everybody may set their own; another's only who may
/// change users and has every right that the other has, else it would be a way to more rights.
pub fn set_password(conn: &mut PgConnection, cx: &Cx, user: Uuid, hash: &str) -> Result<()> {
    let entry = cx.entry(User::NAME)?;
    let own = cx.actor.kind == PrincipalKind::User && cx.actor.id == user;
    if !own {
        cx.require(entry, Action::Update)?;
    }
    let row = store::lock(conn, &cx.as_system(), entry, user, Action::Update)?;
    if row.meta().archived_at.is_some() {
        return Err(Error::new(&codes::CONFLICT, "The user is archived."));
    }
    if !own {
        grants::may_give(cx, &actor::grants(conn, cx.tenant, user)?)?;
    }
    put(conn, cx.tenant, user, hash, cx.now)?;
    session::revoke_all(conn, cx.tenant, user, cx.now)?;
    log::record(conn, cx, entry, PASSWORD_SET, Some(row.as_ref()), row.as_ref())
}

/// The hash of a user's password, to check the current one before a change.
pub fn password_hash(conn: &mut PgConnection, tenant: Uuid, user: UserId) -> Result<Option<String>> {
    let mut out = Statement::new("SELECT password_hash FROM credentials WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND user_id = ").bind(Bind::Uuid(Some(user.0)));
    let rows: Vec<(String,)> = RunQueryDsl::load(out.typed::<(st::Text,)>(), conn)?;
    Ok(rows.into_iter().next().map(|(hash,)| hash))
}

fn put(conn: &mut PgConnection, tenant: Uuid, user: Uuid, hash: &str, now: DateTime<Utc>) -> Result<()> {
    let mut out = Statement::new("INSERT INTO credentials (tenant_id, user_id, password_hash, changed_at) VALUES (");
    out.bind(Bind::Uuid(Some(tenant))).sql(", ").bind(Bind::Uuid(Some(user))).sql(", ");
    out.bind(Bind::Text(Some(hash.to_owned()))).sql(", ").bind(Bind::Time(Some(now)));
    out.sql(") ON CONFLICT (tenant_id, user_id) DO UPDATE SET password_hash = excluded.password_hash,");
    out.sql(" changed_at = excluded.changed_at").execute(conn)?;
    Ok(())
}
