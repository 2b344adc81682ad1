//! API keys of integrations. The row says what a key is for; its secret is shown once and kept only as a hash, in a
//! table of its own.

use crate::{AREA, role, secret};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::verbs;
use kith_kernel::ids::{ApiKeyId, RoleId};
use kith_kernel::{Bind, Cx, Error, Resource, Result, Row, Shape, Statement, Verb, codes};
use kith_macros::resource;
use serde_json::{Map, Value};
use uuid::Uuid;

/// How every key begins, so that people and scanners recognise one.
const PREFIX: &str = "kith_live_";

/// A key of an integration. It has the rights of its role, which are never more than those of whoever made it.
/// Archiving a key revokes it for good. To change keys without a gap, make the new one before archiving the old one.
#[resource(table = api_keys, id = ApiKeyId)]
pub struct ApiKey {
    /// What it is for.
    #[field(filter, sort, max = 200, example = "\"ERP import\"")]
    pub name: String,
    /// The role that says what it may do.
    #[field(filter)]
    pub role_id: RoleId,
    /// The part of the key that is not secret, by which it can be recognised.
    #[field(read_only)]
    pub prefix: String,
    /// When it ends; null: never.
    #[field(filter)]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[field(filter, read_only)]
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[field(filter, read_only)]
    pub last_used_at: Option<DateTime<Utc>>,
}

impl Resource for ApiKey {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Update, Verb::Archive];

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some_and(|before| before.revoked_at.is_some()) {
            return Err(Error::new(&codes::CONFLICT, "A revoked key does not come back. Make a new one."));
        }
        if self.meta.archived_at.is_some() {
            self.revoked_at = Some(cx.now);
            return Ok(());
        }
        let given = before.is_none_or(|before| before.expires_at != self.expires_at);
        if given && self.expires_at.is_some_and(|at| at <= cx.now) {
            return Err(Error::invalid(
                "/expiresAt",
                "OUT_OF_RANGE",
                "expiresAt lies in the past. Archive a key to end it now.",
            ));
        }
        self.prefix = prefix(cx.tenant, self.meta.id);
        role::may_hand_out(conn, cx, self.role_id)
    }
}

fn prefix(tenant: Uuid, id: Uuid) -> String {
    format!("{PREFIX}{}_{}_", tenant.simple(), id.simple())
}

/// Makes a key from a body with `name`, `roleId` and `expiresAt`. The text is the key itself: nobody sees it again.
pub fn create(conn: &mut PgConnection, cx: &Cx, body: &Map<String, Value>) -> Result<(Box<dyn Row>, String)> {
    let row = verbs::create(conn, cx, cx.entry(ApiKey::NAME)?, body)?;
    let secret = secret::random()?;
    let mut out = Statement::new("INSERT INTO api_key_secrets (tenant_id, api_key_id, secret_hash) VALUES (");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(row.meta().id))).sql(", ");
    out.bind(Bind::Bytes(Some(secret::hash(&secret).to_vec()))).sql(")");
    out.execute(conn)?;
    let text = format!("{}{}", prefix(cx.tenant, row.meta().id), secret::encode(&secret));
    Ok((row, text))
}

/// Revokes a key: the same as archiving it.
pub fn revoke(conn: &mut PgConnection, cx: &Cx, id: ApiKeyId, seen: Option<i32>) -> Result<Box<dyn Row>> {
    verbs::archive(conn, cx, cx.entry(ApiKey::NAME)?, id.0, seen)
}

/// Whether a text claims to be a key, be it a good one or not.
pub fn looks_like_key(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Tenant, key id and hash of the secret in the text of a key, without looking anything up.
pub fn parse_key(text: &str) -> Option<(Uuid, Uuid, [u8; 32])> {
    let (tenant, rest) = secret::leading_id(text.strip_prefix(PREFIX)?)?;
    let (id, rest) = secret::leading_id(rest)?;
    Some((tenant, id, secret::hash(&secret::decode(rest)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_its_tenant_and_itself_and_has_one_spelling() {
        let (tenant, id) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let secret = [251_u8; 32];
        let text = format!("{}{}", prefix(tenant, id), secret::encode(&secret));
        assert_eq!(parse_key(&text), Some((tenant, id, secret::hash(&secret))));
        assert!(looks_like_key(&text) && text.len() == 119);
        for bad in [
            "",
            "kith_live_",
            "kith_live___",
            &text[1..],
            &text[..text.len() - 1],
            &format!("{text}A"),
            &format!(" {text}"),
            &text.to_uppercase(),
            &text.replacen("0000", "-000", 1),
            &text.replace("kith_live", "kith_test"),
            &format!("{text}="),
        ] {
            assert_eq!(parse_key(bad), None, "{bad}");
        }
    }
}
