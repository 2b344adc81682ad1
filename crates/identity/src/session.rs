//! Refresh tokens. Each is good once and answers with its successor; the chain of them is a family, one a login.
//!
//! Only hashes are stored, so a successor is not kept but derived: from the bytes of its predecessor and the secret of
//! this installation. A client that lost the answer to a bad network gets the same successor again for ten seconds,
//! and ten requests at once get one. Neither an old token without the installation's secret, nor a copy of the
//! database without the old token, leads to the next one.
//!
//! Everything that begins, renews or ends sessions of a user locks the user's row first.

use crate::refresh::{State, Token, parse, state, successor, text};
use crate::secret::{self, Secret};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Error, Result, Statement, codes};
use uuid::Uuid;

pub use crate::refresh::tenant_of;

/// Most rows that one sweep removes.
const SWEEP: i64 = 10_000;

/// What came of a refresh token. Reuse is no error of this function, because what it did about it has to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// It was good.
    Next {
        /// Whose it is.
        user: Uuid,
        /// The family it belongs to.
        family: Uuid,
        /// The next token.
        token: String,
    },
    /// Unknown, expired, revoked, or of a user who cannot work any more.
    Refused,
    /// It was used before: somebody has a copy. The family has ended; commit, and log it.
    Reused {
        /// Whose it was.
        user: Uuid,
        /// The family that ended.
        family: Uuid,
    },
}

impl Rotated {
    /// User, family and next token, or `UNAUTHENTICATED`, which tells a client nothing about the reason.
    pub fn into_result(self) -> Result<(Uuid, Uuid, String)> {
        match self {
            Rotated::Next { user, family, token } => Ok((user, family, token)),
            Rotated::Refused | Rotated::Reused { .. } => Err(refused()),
        }
    }
}

fn refused() -> Error {
    Error::new(&codes::UNAUTHENTICATED, "The refresh token is not valid. Log in again.")
}

/// Begins a family with its first token, good for `lifetime`; so is each that follows, from its own beginning on.
pub fn issue(
    conn: &mut PgConnection,
    tenant: Uuid,
    user: Uuid,
    now: DateTime<Utc>,
    lifetime: TimeDelta,
    family: Uuid,
) -> Result<String> {
    if !lock_user(conn, tenant, user)? {
        return Err(Error::new(&codes::UNAUTHENTICATED, "This user cannot log in."));
    }
    let secret = secret::random()?;
    insert(conn, tenant, user, family, &secret, now, lifetime)?;
    Ok(text(tenant, &secret))
}

/// Locks a user against everything else here; whether the user can work.
pub(crate) fn lock_user(conn: &mut PgConnection, tenant: Uuid, user: Uuid) -> Result<bool> {
    let mut out = Statement::new("SELECT status = 'ACTIVE' AND archived_at IS NULL FROM users WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(user))).sql(" FOR NO KEY UPDATE");
    let rows: Vec<(bool,)> = RunQueryDsl::load(out.typed::<(st::Bool,)>(), conn)?;
    Ok(rows.first().is_some_and(|(active,)| *active))
}

fn insert(
    conn: &mut PgConnection,
    tenant: Uuid,
    user: Uuid,
    family: Uuid,
    secret: &Secret,
    now: DateTime<Utc>,
    lifetime: TimeDelta,
) -> Result<()> {
    let end = now.checked_add_signed(lifetime).ok_or_else(|| Error::internal("a session without end"))?;
    let mut out = Statement::new(
        "INSERT INTO refresh_tokens (tenant_id, token_hash, family_id, user_id, created_at, expires_at) VALUES (",
    );
    out.bind(Bind::Uuid(Some(tenant))).sql(", ").bind(Bind::Bytes(Some(secret::hash(secret).to_vec()))).sql(", ");
    out.bind(Bind::Uuid(Some(family))).sql(", ").bind(Bind::Uuid(Some(user))).sql(", ");
    out.bind(Bind::Time(Some(now))).sql(", ").bind(Bind::Time(Some(end))).sql(")");
    out.execute(conn)?;
    Ok(())
}

fn find(conn: &mut PgConnection, tenant: Uuid, hash: &[u8]) -> Result<Option<Token>> {
    let mut out = Statement::new("SELECT user_id, family_id, created_at, expires_at, used_at, revoked_at,");
    out.sql(" (SELECT cursor_secret FROM instance) FROM refresh_tokens WHERE tenant_id = ")
        .bind(Bind::Uuid(Some(tenant)));
    out.sql(" AND token_hash = ").bind(Bind::Bytes(Some(hash.to_vec()))).sql(" FOR UPDATE OF refresh_tokens");
    type Time = st::Nullable<st::Timestamptz>;
    type Sql = (st::Uuid, st::Uuid, st::Timestamptz, st::Timestamptz, Time, Time, st::Binary);
    type Columns = (Uuid, Uuid, DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Vec<u8>);
    let rows: Vec<Columns> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    Ok(rows.into_iter().next().map(|(user, family, created_at, expires_at, used_at, revoked_at, installation)| Token {
        user,
        family,
        created_at,
        expires_at,
        used_at,
        revoked_at,
        installation,
    }))
}

/// Takes a token and gives its successor. Commit whatever the outcome.
pub fn rotate(conn: &mut PgConnection, tenant: Uuid, token: &str, now: DateTime<Utc>) -> Result<Rotated> {
    let Some((_, secret)) = parse(token).filter(|(named, _)| *named == tenant) else { return Ok(Rotated::Refused) };
    let hash = secret::hash(&secret);
    let Some(user) = owner(conn, tenant, &hash)? else { return Ok(Rotated::Refused) };
    // The user first, then the token as it is once others who had the user are done.
    let active = lock_user(conn, tenant, user)?;
    let Some(token) = find(conn, tenant, &hash)?.filter(|_| active) else { return Ok(Rotated::Refused) };
    let next = successor(&secret, &token.installation)?;
    let answer = Rotated::Next { user, family: token.family, token: text(tenant, &next) };
    match state(&token, now) {
        State::Dead => Ok(Rotated::Refused),
        State::Good => {
            mark_used(conn, tenant, &hash, now)?;
            insert(
                conn,
                tenant,
                token.user,
                token.family,
                &next,
                now,
                token.expires_at.signed_duration_since(token.created_at),
            )?;
            Ok(answer)
        }
        State::JustUsed => match find(conn, tenant, &secret::hash(&next))?.map(|next| state(&next, now)) {
            Some(State::Good) => Ok(answer),
            Some(State::JustUsed | State::Used) => reused(conn, tenant, &token, now),
            Some(State::Dead) | None => Ok(Rotated::Refused),
        },
        State::Used => reused(conn, tenant, &token, now),
    }
}

fn reused(conn: &mut PgConnection, tenant: Uuid, token: &Token, now: DateTime<Utc>) -> Result<Rotated> {
    revoke(conn, tenant, "family_id", token.family, now)?;
    Ok(Rotated::Reused { user: token.user, family: token.family })
}

fn owner(conn: &mut PgConnection, tenant: Uuid, hash: &[u8]) -> Result<Option<Uuid>> {
    let mut out = Statement::new("SELECT user_id FROM refresh_tokens WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND token_hash = ").bind(Bind::Bytes(Some(hash.to_vec())));
    let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.first().map(|(user,)| *user))
}

fn mark_used(conn: &mut PgConnection, tenant: Uuid, hash: &[u8], now: DateTime<Utc>) -> Result<()> {
    let mut out = Statement::new("UPDATE refresh_tokens SET used_at = ");
    out.bind(Bind::Time(Some(now))).sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(tenant)));
    out.sql(" AND token_hash = ").bind(Bind::Bytes(Some(hash.to_vec()))).execute(conn)?;
    Ok(())
}

/// Ends the family of a token: logout. An unknown token ends nothing, and nobody is told.
pub fn revoke_family(conn: &mut PgConnection, tenant: Uuid, token: &str, now: DateTime<Utc>) -> Result<()> {
    let Some((_, secret)) = parse(token).filter(|(named, _)| *named == tenant) else { return Ok(()) };
    let hash = secret::hash(&secret);
    let Some(user) = owner(conn, tenant, &hash)? else { return Ok(()) };
    lock_user(conn, tenant, user)?;
    match find(conn, tenant, &hash)? {
        Some(token) => revoke(conn, tenant, "family_id", token.family, now),
        None => Ok(()),
    }
}

/// Ends all sessions of a user.
pub fn revoke_all(conn: &mut PgConnection, tenant: Uuid, user: Uuid, now: DateTime<Utc>) -> Result<()> {
    lock_user(conn, tenant, user)?;
    revoke(conn, tenant, "user_id", user, now)
}

fn revoke(conn: &mut PgConnection, tenant: Uuid, column: &'static str, id: Uuid, now: DateTime<Utc>) -> Result<()> {
    let mut out = Statement::new("UPDATE refresh_tokens SET revoked_at = ");
    out.bind(Bind::Time(Some(now))).sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(tenant)));
    out.sql(" AND revoked_at IS NULL AND ").sql(column).sql(" = ").bind(Bind::Uuid(Some(id))).execute(conn)?;
    Ok(())
}

/// Whether a family still lives, for those who hold an access token of it.
pub fn is_alive(conn: &mut PgConnection, tenant: Uuid, family: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let mut out = Statement::new("SELECT EXISTS (SELECT FROM refresh_tokens WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND family_id = ").bind(Bind::Uuid(Some(family)));
    out.sql(" AND revoked_at IS NULL AND expires_at > ").bind(Bind::Time(Some(now))).sql(")");
    let (alive,): (bool,) = RunQueryDsl::get_result(out.typed::<(st::Bool,)>(), conn)?;
    Ok(alive)
}

/// Removes expired tokens of a tenant; how many. Call again while it answers with a full sweep.
pub fn sweep(conn: &mut PgConnection, tenant: Uuid, now: DateTime<Utc>) -> Result<usize> {
    let mut out = Statement::new("DELETE FROM refresh_tokens WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant)))
        .sql(" AND token_hash IN (SELECT token_hash FROM refresh_tokens WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND expires_at <= ").bind(Bind::Time(Some(now)));
    out.sql(" LIMIT ").bind(Bind::BigInt(Some(SWEEP))).sql(")");
    Ok(out.execute(conn)?)
}
