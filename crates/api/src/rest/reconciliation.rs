//! `GET /v1/loyalty-programs/{id}/reconciliation`: whether the ledger of a programme adds up.

use super::forecast::answer;
use super::path_id;
use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::query;
use crate::reconciliation::Reconciliation;
use actix_web::{HttpRequest, web};

/// Its route.
pub fn routes(config: &mut web::ServiceConfig) {
    let other = super::other_method("GET, HEAD");
    config.service(web::resource("/v1/loyalty-programs/{id}/reconciliation").get(one).default_service(other));
}

/// Whether the ledger of a programme adds up.
///
/// Compares the balances of every member, the entries and the lots with the sums of the postings, which are the truth. It
/// finds nothing, unless somebody changed the tables past Kith. It needs the right to read all of the ledger.
#[utoipa::path(
    get, path = "/v1/loyalty-programs/{id}/reconciliation", operation_id = "reconcile_loyalty_program", tag = "loyalty",
    params(("id" = uuid::Uuid, Path, description = "The programme's id.")),
    responses((status = 200, description = "What was found.", body = Reconciliation)),
    security(("bearer" = []))
)]
pub async fn one(caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    query::read(request.query_string(), &[])?;
    Ok(answer(&Reconciliation::ask(&caller, id).await?)?)
}
