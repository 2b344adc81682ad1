//! What webhooks are signed with. A secret has to be known to sign, so it cannot be kept as a hash: it is sealed with a key
//! that follows from the installation's own, bound to its endpoint, and shown once, when it is made.

use crate::WebhookEndpoint;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Error, Result, Statement};
use rand::{TryRngCore, rngs::OsRng};
use uuid::Uuid;

/// How long the secret before goes on signing beside the new one.
pub const OVERLAP: TimeDelta = TimeDelta::hours(24);

fn key(cx: &Cx) -> Result<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, &cx.cursor_key.derive("webhook secrets")).map_err(|_| broken())
}

fn broken() -> Error {
    Error::internal("a webhook secret cannot be sealed or opened")
}

/// A secret of one endpoint cannot be put in the place of another's.
fn bound(cx: &Cx, endpoint: Uuid) -> Aad<Vec<u8>> {
    Aad::from([cx.tenant.as_bytes().as_slice(), endpoint.as_bytes()].concat())
}

fn seal(cx: &Cx, endpoint: Uuid, secret: &[u8]) -> Result<Vec<u8>> {
    let mut text = secret.to_vec();
    let nonce = key(cx)?.seal_in_place_append_tag(bound(cx, endpoint), &mut text).map_err(|_| broken())?;
    Ok([nonce.as_ref().as_slice(), &text].concat())
}

fn open(cx: &Cx, endpoint: Uuid, sealed: &[u8]) -> Result<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or_else(broken)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| broken())?;
    let mut text = text.to_vec();
    let opened = key(cx)?.open_in_place(nonce, bound(cx, endpoint), &mut text).map_err(|_| broken())?;
    Ok(opened.to_vec())
}

/// Makes a secret; those before go on signing until `overlap` is over.
pub(crate) fn renew(conn: &mut PgConnection, cx: &Cx, endpoint: Uuid, overlap: TimeDelta) -> Result<Vec<u8>> {
    let mut secret = vec![0; 32];
    OsRng.try_fill_bytes(&mut secret).map_err(|error| Error::internal(error.to_string()))?;
    let mut out = Statement::new("DELETE FROM webhook_secrets WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND endpoint_id = ").bind(Bind::Uuid(Some(endpoint)));
    out.sql(" AND expires_at IS NOT NULL").execute(conn)?;
    let mut out = Statement::new("UPDATE webhook_secrets SET expires_at = ");
    out.bind(Bind::Time(Some(cx.now + overlap))).sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND endpoint_id = ").bind(Bind::Uuid(Some(endpoint))).execute(conn)?;
    let mut out =
        Statement::new("INSERT INTO webhook_secrets (tenant_id, id, endpoint_id, sealed, created_at) VALUES (");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(cx.new_id()))).sql(", ");
    out.bind(Bind::Uuid(Some(endpoint))).sql(", ").bind(Bind::Bytes(Some(seal(cx, endpoint, &secret)?))).sql(", ");
    out.bind(Bind::Time(Some(cx.now))).sql(")").execute(conn)?;
    Ok(secret)
}

/// The secrets that an endpoint's webhooks are signed with now, the newest first.
pub fn current(conn: &mut PgConnection, cx: &Cx, endpoint: &WebhookEndpoint) -> Result<Vec<Vec<u8>>> {
    let mut out = Statement::new("SELECT sealed FROM webhook_secrets WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND endpoint_id = ").bind(Bind::Uuid(Some(endpoint.meta.id)));
    out.sql(" AND (expires_at IS NULL OR expires_at > ").bind(Bind::Time(Some(cx.now)));
    out.sql(") ORDER BY expires_at DESC NULLS FIRST, created_at DESC");
    let rows: Vec<(Vec<u8>,)> = RunQueryDsl::load(out.typed::<(st::Binary,)>(), conn)?;
    rows.iter().map(|(sealed,)| open(cx, endpoint.meta.id, sealed)).collect()
}

/// When the secret before stops signing, if there is one.
pub fn overlaps_until(conn: &mut PgConnection, cx: &Cx, endpoint: Uuid) -> Result<Option<DateTime<Utc>>> {
    let mut out = Statement::new("SELECT max(expires_at) FROM webhook_secrets WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND endpoint_id = ").bind(Bind::Uuid(Some(endpoint)));
    Ok(RunQueryDsl::get_result::<(Option<DateTime<Utc>>,)>(out.typed::<(st::Nullable<st::Timestamptz>,)>(), conn)?.0)
}
