//! What is written by hand: who is asking, and making an API key, whose secret no resource may show.

use super::writer::raise;
use crate::caller::{Answer, Caller, Manner, Principal};
use async_graphql::{Context, Object, SimpleObject};
use serde_json::{Map, Value, json};

/// Who is asking, and what they may do.
#[derive(SimpleObject)]
pub struct Viewer {
    /// USER, API_KEY or SYSTEM.
    kind: &'static str,
    /// User or API key id.
    id: String,
    /// The tenant everything in this request belongs to.
    tenant_id: String,
    /// The currency that amounts without one are compared in.
    currency: String,
    /// Rights as `resource:ACTION:SCOPE`; `*` stands for every one.
    grants: Vec<String>,
}

/// The part of the query root that is written by hand.
#[derive(Default)]
pub struct ViewerQuery;

#[Object]
impl ViewerQuery {
    /// Who the credentials of this request belong to, and what they may do.
    async fn viewer(&self, ctx: &Context<'_>) -> async_graphql::Result<Viewer> {
        let caller = ctx.data::<Caller>()?;
        Ok(Viewer::of(caller))
    }
}

impl Viewer {
    fn of(caller: &Caller) -> Self {
        let actor = &caller.known.actor;
        Viewer {
            kind: actor.kind.as_str(),
            id: actor.id.to_string(),
            tenant_id: caller.tenant.to_string(),
            currency: caller.known.currency.to_string(),
            grants: caller.known.rights(),
        }
    }
}

impl Principal {
    /// Rights as `resource:ACTION:SCOPE`; `*` stands for every action.
    pub fn rights(&self) -> Vec<String> {
        let text = |grant: &kith_kernel::Grant| {
            let action = grant.action.map_or("*", |action| action.as_str());
            format!("{}:{action}:{}", grant.resource, grant.scope.as_str())
        };
        self.actor.grants.0.iter().map(text).collect()
    }
}

/// An API key that was just made.
#[derive(SimpleObject)]
pub struct ApiKeyCreated {
    /// Id of the key's record.
    id: String,
    /// The key itself: send it as `Authorization: Bearer`. It is not stored and cannot be shown again.
    secret: String,
}

/// The part of the mutation root that is written by hand.
#[derive(Default)]
pub struct IdentityMutation;

#[Object]
impl IdentityMutation {
    /// Makes an API key. Its secret is in this answer and nowhere else.
    async fn api_key_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is for.")] name: String,
        #[graphql(desc = "The role whose rights it has; nobody may give rights they lack.")] role_id: String,
        #[graphql(desc = "When it ends, as RFC 3339; null: never.")] expires_at: Option<String>,
    ) -> async_graphql::Result<ApiKeyCreated> {
        let caller = ctx.data::<Caller>()?.clone();
        let mut body = Map::from_iter([("name".to_owned(), json!(name)), ("roleId".to_owned(), json!(role_id))]);
        body.extend(expires_at.map(|end| ("expiresAt".to_owned(), json!(end))));
        let written = caller.write(Manner::default(), move |conn, cx| {
            let (row, secret) = kith_identity::api_key::create(conn, cx, &body)?;
            let body = json!({"id": row.meta().id, "secret": secret}).to_string().into_bytes();
            Ok(Answer { body, ..Answer::default() })
        });
        let answer = written.await.map_err(raise)?;
        let made: Value = serde_json::from_slice(&answer.body)?;
        let text = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(ApiKeyCreated { id: text("id"), secret: text("secret") })
    }
}
