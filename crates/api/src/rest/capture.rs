//! What anybody may send without a token: the public forms that capture leads. REST only, as it is what a form in a page
//! can speak. What a form may say, and what becomes of it, is the pipeline's to know.

use super::other_method;
use crate::app::App;
use crate::caller::{Answer, Caller, Manner};
use crate::http::body::Json;
use crate::http::problem::Handled;
use crate::http::rate::Payer;
use crate::http::{headers, query};
use actix_web::{HttpRequest, HttpResponse, web};
use kith_identity::Tenant;
use kith_journal::store;
use kith_kernel::{Cx, Error, Result, codes};
use kith_pipeline::LeadForm;
use kith_pipeline::lead::Captured;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use utoipa::ToSchema;
use uuid::Uuid;

/// Most bytes of a form.
pub const FORM_BYTES: usize = 32 * 1024;
/// Forms a minute from one address, whatever they are sent to.
pub const A_MINUTE_FROM_AN_ADDRESS: u32 = 30;
/// Forms a minute to one form.
pub const A_MINUTE: u32 = 600;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &'static str| web::resource(path).default_service(other_method("POST"));
    config
        .service(resource("/v1/capture/{publicKey}").post(capture))
        .service(resource("/v1/capture/{publicKey}/confirm").post(confirm));
}

/// What a form may say. Give an e-mail address, or a phone number where the form needs no confirmation. Scripts may also
/// send `budget` and `authority` as leads have them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read by the pipeline")]
pub struct CapturedForm {
    given_name: Option<String>,
    family_name: Option<String>,
    /// BCP 47 tag; it decides the order of the names.
    locale: Option<String>,
    organization: Option<String>,
    job_title: Option<String>,
    #[schema(example = "maria.anders@example.com")]
    email: Option<String>,
    phone: Option<String>,
    /// ISO 3166-1, two letters.
    country: Option<String>,
    interest: Option<String>,
    need: Option<String>,
    /// IMMEDIATE, QUARTER, YEAR or LATER.
    timing: Option<String>,
    utm_source: Option<String>,
    utm_medium: Option<String>,
    utm_campaign: Option<String>,
    utm_term: Option<String>,
    utm_content: Option<String>,
    /// The header `Referer` unless given.
    referrer: Option<String>,
    landing_page: Option<String>,
}

/// What the sender of a form is told.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documentation; answers are written as JSON")]
pub struct CaptureAnswer {
    /// ACCEPTED, or CONFIRMATION_NEEDED: they get a mail first.
    #[schema(example = "ACCEPTED")]
    status: String,
}

/// A confirmation.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct ConfirmInput {
    /// The `confirmationKey` of the lead, out of the mail that asked.
    key: String,
}

/// Sends a form.
///
/// Makes a lead, as JSON or as a form in a page sends it. No token is needed; the public key belongs to one
/// `lead-form`. Empty texts count as left out. Sent again with the same `Idempotency-Key` (a random one for each submission), it makes no
/// second lead.
#[utoipa::path(
    post, path = "/v1/capture/{publicKey}", operation_id = "capture_lead", tag = "pipeline",
    params(("publicKey" = String, Path, description = "The `publicKey` of a lead form.")),
    request_body(content((CapturedForm = "application/json"), (CapturedForm = "application/x-www-form-urlencoded"))),
    responses((status = 202, description = "Taken.", body = CaptureAnswer))
)]
pub async fn capture(app: web::Data<App>, request: HttpRequest, body: Json) -> Handled {
    let (caller, key) = stranger(app, &request)?;
    let form = read(&request, &body)?;
    // One that cannot be read is none.
    let referrer = headers::single(request.headers(), "referer").ok().flatten().map(str::to_owned);
    let mut manner = Manner::of(&request, &body.bytes)?;
    // Strangers are all the same principal; at least those of other forms do not share their keys.
    manner.key = manner.key.map(|(name, fingerprint)| (format!("{key}|{name}"), fingerprint));
    let answered = caller.write(manner, move |conn, cx| {
        let cx = &with_currency(conn, cx)?;
        let status = match LeadForm::capture(conn, cx, &key, &form, referrer.as_deref())? {
            Captured::Accepted => "ACCEPTED",
            Captured::ToConfirm => "CONFIRMATION_NEEDED",
        };
        let body = serde_json::to_vec(&json!({ "status": status })).map_err(Error::internal)?;
        Ok(Answer { status: 202, body, ..Answer::default() })
    });
    Ok(super::answer(answered.await?))
}

/// Confirms a form.
///
/// For forms with double opt-in: the lead is scored and assigned from now on. Doing it again changes nothing.
#[utoipa::path(
    post, path = "/v1/capture/{publicKey}/confirm", operation_id = "confirm_lead", tag = "pipeline",
    params(("publicKey" = String, Path, description = "The `publicKey` of a lead form.")),
    request_body = ConfirmInput,
    responses((status = 204, description = "Confirmed."))
)]
pub async fn confirm(app: web::Data<App>, request: HttpRequest, body: Json) -> Handled {
    let (caller, key) = stranger(app, &request)?;
    query::read(request.query_string(), &[])?;
    let given = body.object()?;
    let confirmation = given.get("key").and_then(Value::as_str).filter(|_| given.len() == 1).map(str::to_owned);
    let confirmation =
        confirmation.ok_or_else(|| Error::invalid("/key", "REQUIRED", "Send the key, and nothing else."))?;
    let answered = caller.write(Manner::default(), move |conn, cx| {
        let cx = &with_currency(conn, cx)?;
        LeadForm::confirm(conn, cx, &key, &confirmation)?;
        Ok(Answer { status: 204, ..Answer::default() })
    });
    answered.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Whoever sends a form, within the rates for strangers, and the public key.
fn stranger(app: web::Data<App>, request: &HttpRequest) -> Result<(Caller, String)> {
    let key = request.match_info().get("publicKey").unwrap_or_default().to_owned();
    let (tenant, form) = LeadForm::named_by(&key).ok_or_else(Error::not_found)?;
    let address = match request.peer_addr().map(|address| address.ip()) {
        Some(IpAddr::V4(address)) => Uuid::from_u128(address.to_ipv6_mapped().to_bits()),
        Some(IpAddr::V6(address)) => Uuid::from_u128(address.to_bits()),
        None => Uuid::nil(),
    };
    let payer = Payer { tenant: form, principal: address };
    app.strangers.take(&payer, app.clock.now())?;
    Ok((Caller::stranger(app, tenant, request), key))
}

/// The body, as JSON or as a form in a page sends it.
fn read(request: &HttpRequest, body: &Json) -> Result<Map<String, Value>> {
    if body.bytes.len() > FORM_BYTES {
        return Err(Error::new(&codes::PAYLOAD_TOO_LARGE, format!("A form may have {FORM_BYTES} bytes.")));
    }
    let media = headers::single(request.headers(), "content-type")?.unwrap_or_default().to_ascii_lowercase();
    if !media.starts_with("application/x-www-form-urlencoded") {
        return body.object();
    }
    let text = std::str::from_utf8(&body.bytes);
    let text = text.map_err(|_| Error::new(&codes::MALFORMED_REQUEST, "The form is not UTF-8."))?;
    let mut form = Map::new();
    for (name, value) in query::pairs(text)? {
        if form.insert(name.clone(), Value::String(value)).is_some() {
            let at = format!("/{}", kith_kernel::escape(&name));
            return Err(Error::invalid(at, "DUPLICATE", "This field stands twice."));
        }
    }
    Ok(form)
}

/// Filters of rules understand amounts in the tenant's currency.
fn with_currency(conn: &mut diesel::PgConnection, cx: &Cx) -> Result<Cx> {
    let tenant = store::find::<Tenant>(conn, cx, cx.tenant)?.ok_or_else(Error::not_found)?;
    Ok(Cx { currency: tenant.reporting_currency, zone: tenant.zone()?, ..cx.clone() })
}
