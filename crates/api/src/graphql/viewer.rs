//! `viewer`: who the credentials of this request belong to.

use crate::caller::Caller;
use async_graphql::{Context, Object, SimpleObject};

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
        let actor = &caller.known.actor;
        let grant = |grant: &kith_kernel::Grant| {
            format!(
                "{}:{}:{}",
                grant.resource,
                grant.action.map_or("*", |action| action.as_str()),
                grant.scope.as_str()
            )
        };
        Ok(Viewer {
            kind: actor.kind.as_str(),
            id: actor.id.to_string(),
            tenant_id: caller.tenant.to_string(),
            currency: caller.known.currency.to_string(),
            grants: actor.grants.0.iter().map(grant).collect(),
        })
    }
}
