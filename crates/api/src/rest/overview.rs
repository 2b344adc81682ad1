//! `GET /v1/accounts/{id}/360`: everything a detail page needs, in one call on one connection.

use super::path_id;
use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::query;
use actix_web::{HttpRequest, web};
use kith_journal::read;
use kith_kernel::{Action, Cx, Entry, Item, Selection};
use serde_json::json;

/// What the page of an account shows.
const SHOWN: &str = "owner,team,parent,valueProfile,clv,lifecycle,churnRisk,loyalty,roles,contacts.contactPoints,contactPoints,\
addresses,children,externalIds,taggings.tag,notes,opportunities,orders,interactions";

/// What of it the caller may read: a detail page shows what there is to see, and does not fail for the rest.
fn shown(cx: &Cx, account: &Entry) -> String {
    let may = |path: &&str| {
        let mut entry = account;
        path.split('.').all(|name| {
            let target = entry.relation(name).and_then(|relation| cx.catalogue.get(relation.target));
            target.is_some_and(|target| {
                entry = target;
                cx.require(target, Action::Read).is_ok()
            })
        })
    };
    SHOWN.split(',').filter(may).collect::<Vec<_>>().join(",")
}

/// What grows with the years is shown from the end that matters: what is still open, and what came last.
fn arranged(mut select: Selection) -> Selection {
    for item in &mut select.items {
        let Item::Many { relation, args, .. } = item else { continue };
        let (filter, sort) = match relation.name {
            "opportunities" => (json!({"status": {"eq": "OPEN"}}), "closeDate"),
            "orders" => (json!({}), "-orderedAt"),
            "interactions" => (json!({}), "-occurredAt"),
            _ => continue,
        };
        args.filter = filter.as_object().cloned();
        args.sort = vec![sort.to_owned()];
    }
    select
}

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(
        web::resource("/v1/accounts/{id}/360").get(overview).default_service(super::other_method("GET, HEAD")),
    );
}

/// Everything about one account.
///
/// The account with its owner, team, parent, what it is worth and expected to bring, where the relationship stands and how
/// likely it is to end, roles, contacts and how to reach them, addresses, parts, keys in other systems, tags and notes, its
/// open opportunities by the day on which they should close, its latest orders and its latest interactions. Each list holds
/// its first 50 records and says whether there are more. What you have no right to read is left out.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/360", operation_id = "overview_account", tag = "contacts",
    params(("id" = uuid::Uuid, Path, description = "The account's id.")),
    responses((status = 200, description = "The account and what belongs to it.", body = serde_json::Value)),
    security(("bearer" = []))
)]
pub async fn overview(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    let (text, _) = caller
        .read(move |conn, cx| {
            let account = cx.entry("accounts")?;
            cx.require(account, Action::Read)?;
            let select = super::select::selection(cx, account, None, Some(&shown(cx, account)))?;
            read::get(conn, cx, id, &arranged(select))
        })
        .await?;
    Ok(super::json(200, text, None))
}
