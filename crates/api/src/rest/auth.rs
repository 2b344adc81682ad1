//! Logging in and out, tokens and keys. Passwords are hashed behind their own gate, between two short transactions,
//! never on the pool that serves requests.

use super::other_method;
use crate::app::App;
use crate::caller::{Answer, Caller, Manner};
use crate::http::body::Json;
use crate::http::edge::RequestId;
use crate::http::headers;
use crate::http::problem::Handled;
use crate::http::work::{Place, blocking};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use kith_db::Verdict;
use kith_identity::session::Rotated;
use kith_identity::{api_key, login as identity, password, session};
use kith_kernel::{Error, Result, Selection, Violations, codes};
use serde_json::{Map, Value, json};
use std::net::{IpAddr, Ipv4Addr};
use utoipa::ToSchema;
use uuid::Uuid;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    let resource = |path: &'static str| web::resource(path).default_service(other_method("POST"));
    config
        .service(resource("/v1/auth/login").post(login))
        .service(resource("/v1/auth/refresh").post(refresh))
        .service(resource("/v1/auth/logout").post(logout))
        .service(resource("/v1/auth/token").post(token))
        .service(resource("/v1/auth/password").post(change_password))
        .service(resource("/v1/auth/api-keys").post(create_api_key))
        .service(resource("/v1/users/{id}/password").post(set_password))
        .service(web::resource("/v1/viewer").get(viewer).default_service(other_method("GET, HEAD")))
        .service(web::resource("/.well-known/jwks.json").get(jwks).default_service(other_method("GET, HEAD")));
}

/// Who logs in.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct LoginInput {
    /// Short name of the tenant.
    #[schema(example = "northwind")]
    tenant: String,
    /// E-mail address.
    #[schema(example = "admin@northwind.example")]
    email: String,
    /// Password, 8 to 1,024 bytes.
    #[schema(example = "northwind-demo")]
    password: String,
}

/// Tokens of a session.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; answers are written as JSON")]
pub struct SessionTokens {
    /// Send it as `Authorization: Bearer`.
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// Seconds the access token is good for.
    expires_in: i64,
    /// Good once, for the next pair.
    refresh_token: String,
}

/// A refresh token.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct RefreshInput {
    /// As it was given.
    refresh_token: String,
}

/// Members that have to be texts; anything else is refused, all at once.
fn texts<const N: usize>(body: &Map<String, Value>, names: [&str; N]) -> Result<[String; N]> {
    let mut violations = Violations::default();
    for name in body.keys().filter(|name| !names.contains(&name.as_str())) {
        violations.add(format!("/{name}"), "UNKNOWN_FIELD", format!("Allowed: {}.", names.join(", ")));
    }
    let read = |name: &str| match body.get(name).and_then(Value::as_str) {
        Some(text) if text.len() <= 2_048 => text.to_owned(),
        _ => {
            violations.add(format!("/{name}"), "REQUIRED", "Expected a text.");
            String::new()
        }
    };
    let values = names.map(read);
    violations.into_result()?;
    Ok(values)
}

fn address(request: &HttpRequest) -> IpAddr {
    request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

fn tokens(app: &App, tenant: Uuid, user: Uuid, family: Uuid, refresh: &str) -> Result<Vec<u8>> {
    let (access, seconds) = app.tokens.issue(tenant, user, Some(family), app.clock.now())?;
    let body = json!({"accessToken": access, "tokenType": "Bearer", "expiresIn": seconds, "refreshToken": refresh});
    serde_json::to_vec(&body).map_err(Error::internal)
}

/// Before hashing: it has a queue of its own, and whoever waits there shall keep nobody from reading a record.
fn leave(request: &HttpRequest) {
    request.extensions().get::<Place>().map(Place::give_up);
}

/// Logs in with e-mail address and password.
///
/// An access token (JWT) for a quarter of an hour and a refresh token. A wrong password, an unknown address and an
/// unknown tenant are answered alike.
#[utoipa::path(
    post, path = "/v1/auth/login", operation_id = "login", tag = "auth", request_body = LoginInput,
    responses((status = 200, description = "Logged in.", body = SessionTokens))
)]
pub async fn login(app: web::Data<App>, request: HttpRequest, body: Json) -> Handled {
    let [slug, email, secret] = texts(&body.object()?, ["tenant", "email", "password"])?;
    let now = app.clock.now();
    let attempt = app.brake.attempt(&slug, &email, address(&request), now)?;
    let db = app.db.clone();
    let looked_up = blocking(move || {
        let Some(tenant) = db.read(Uuid::nil(), |conn| identity::find_tenant(conn, &slug))? else { return Ok(None) };
        let found = db.read(tenant, |conn| identity::find_login(conn, tenant, &email))?;
        Ok(found.map(|(user, hash)| (tenant, user, hash)))
    });
    // What fails on our side is no failed attempt.
    let found = match looked_up.await {
        Ok(found) => found,
        Err(error) => {
            attempt.void();
            return Err(error.into());
        }
    };
    let hash = found.as_ref().map_or_else(|| password::DUMMY.clone(), |(_, _, hash)| hash.clone());
    leave(&request);
    let checked = app.gate.run(move || (password::verify(&secret, &hash), password::needs_rehash(&hash), secret)).await;
    let (matches, outdated, secret) = match checked {
        Ok(checked) => checked,
        Err(error) => {
            attempt.void();
            return Err(error.into());
        }
    };
    let refused = || Error::new(&codes::UNAUTHENTICATED, "Tenant, e-mail address or password is wrong.");
    let Some((tenant, user, hash)) = found.filter(|_| matches) else {
        attempt.failed();
        return Err(refused().into());
    };
    let newer = if outdated { app.gate.run(move || password::hash(&secret)).await?.ok() } else { None };
    let (db, lifetime) = (app.db.clone(), TimeDelta::days(app.settings.refresh_days));
    #[expect(clippy::disallowed_methods, reason = "the id of a login names no record")]
    let family = Uuid::now_v7();
    let issued = blocking(move || {
        db.write(tenant, |conn| {
            if !identity::still_valid(conn, tenant, user, &hash)? {
                return Ok(Verdict::Commit(None));
            }
            if let Some(newer) = &newer {
                identity::rehash(conn, tenant, user, &hash, newer)?;
            }
            session::issue(conn, tenant, user, now, lifetime, family).map(Some).map(Verdict::Commit)
        })
    });
    let refresh = issued.await?.ok_or_else(refused)?;
    attempt.succeeded();
    Ok(super::json(200, tokens(&app, tenant, user, family, &refresh)?, None))
}

/// Exchanges a refresh token for the next pair.
///
/// Each refresh token is good once. Within ten seconds the same token gives the same successor again, for clients whose
/// answer was lost; after that, using an old one ends the whole session.
#[utoipa::path(
    post, path = "/v1/auth/refresh", operation_id = "refresh", tag = "auth", request_body = RefreshInput,
    responses((status = 200, description = "The next pair.", body = SessionTokens))
)]
pub async fn refresh(app: web::Data<App>, request: HttpRequest, body: Json) -> Handled {
    let [old] = texts(&body.object()?, ["refreshToken"])?;
    let refused = || Error::new(&codes::UNAUTHENTICATED, "The refresh token is not valid. Log in again.");
    let tenant = session::tenant_of(&old).ok_or_else(refused)?;
    let (db, now) = (app.db.clone(), app.clock.now());
    let rotated =
        blocking(move || db.write(tenant, |conn| session::rotate(conn, tenant, &old, now).map(Verdict::Commit)))
            .await?;
    if let Rotated::Reused { user, family } = &rotated {
        let request_id = request.extensions().get::<RequestId>().map(|id| id.0);
        tracing::warn!(?request_id, %tenant, %user, %family, "a refresh token was used twice; its session has ended");
    }
    let (user, family, next) = rotated.into_result()?;
    Ok(super::json(200, tokens(&app, tenant, user, family, &next)?, None))
}

/// Ends a session.
///
/// Its refresh tokens are worth nothing from now on, its access tokens after five seconds at most.
#[utoipa::path(
    post, path = "/v1/auth/logout", operation_id = "logout", tag = "auth", request_body = RefreshInput,
    responses((status = 204, description = "Ended, if there was one."))
)]
pub async fn logout(app: web::Data<App>, body: Json) -> Handled {
    let [token] = texts(&body.object()?, ["refreshToken"])?;
    if let Some(tenant) = session::tenant_of(&token) {
        let (db, now) = (app.db.clone(), app.clock.now());
        blocking(move || {
            db.write(tenant, |conn| session::revoke_family(conn, tenant, &token, now).map(Verdict::Commit))
        })
        .await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// An OAuth 2 token request.
#[derive(ToSchema)]
#[expect(dead_code, reason = "documentation; the form is read by hand")]
pub struct TokenForm {
    /// `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// Id of an API key; or send id and key with HTTP Basic.
    client_id: Option<String>,
    /// The API key.
    client_secret: Option<String>,
}

/// OAuth 2 client credentials (RFC 6749, section 4.4).
///
/// The client is an API key: its id is `client_id`, the key itself `client_secret`, in the form or with HTTP Basic.
#[utoipa::path(
    post, path = "/v1/auth/token", operation_id = "token", tag = "auth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "An access token.", body = Value, example = json!({"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 900})))
)]
pub async fn token(app: web::Data<App>, request: HttpRequest, form: web::Bytes) -> Handled {
    let media = headers::single(request.headers(), "content-type")?.unwrap_or_default();
    if !media.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        return Err(
            Error::new(&codes::UNSUPPORTED_MEDIA_TYPE, "Send the form as application/x-www-form-urlencoded.").into()
        );
    }
    let text =
        std::str::from_utf8(&form).map_err(|_| Error::new(&codes::MALFORMED_REQUEST, "The form is not UTF-8."))?;
    let pairs = crate::http::query::pairs(text)?;
    let field = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if field("grant_type").as_deref() != Some("client_credentials") {
        return Err(Error::invalid("/grant_type", "WRONG_TYPE", "Expected client_credentials.").into());
    }
    let basic = headers::single(request.headers(), "authorization")?.and_then(|header| header.strip_prefix("Basic "));
    let basic = basic.and_then(|text| String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok());
    let basic = basic.and_then(|text| text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned())));
    let given = basic.or_else(|| Some((field("client_id")?, field("client_secret")?)));
    let refused = || Error::new(&codes::UNAUTHENTICATED, "The client is unknown, or its secret is wrong.");
    let (id, secret) = given.ok_or_else(refused)?;
    let (tenant, key, hash) =
        api_key::parse_key(&secret).filter(|(_, key, _)| key.to_string() == id).ok_or_else(refused)?;
    let (db, now) = (app.db.clone(), app.clock.now());
    let known = blocking(move || {
        db.write(tenant, |conn| kith_identity::actor::api_key(conn, tenant, key, Some(&hash), now).map(Verdict::Commit))
    });
    known.await?.ok_or_else(refused)?;
    let (access, seconds) = app.tokens.issue(tenant, key, None, now)?;
    let body = json!({"access_token": access, "token_type": "Bearer", "expires_in": seconds});
    Ok(super::json(200, body.to_string().into_bytes(), None))
}

/// A change of one's own password.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct PasswordChange {
    /// The current one.
    current_password: String,
    /// The new one, 8 to 1,024 bytes.
    new_password: String,
}

/// Changes one's own password. All sessions of the user end.
#[utoipa::path(
    post, path = "/v1/auth/password", operation_id = "change_password", tag = "auth", request_body = PasswordChange,
    responses((status = 204, description = "Changed.")), security(("bearer" = []))
)]
pub async fn change_password(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let [current, new] = texts(&body.object()?, ["currentPassword", "newPassword"])?;
    password::check(&new, "/newPassword")?;
    let user = caller.known.actor.id;
    let (name, now) = (user.to_string(), caller.app.clock.now());
    let attempt = caller.app.brake.attempt(&caller.tenant.to_string(), &name, address(&request), now)?;
    let tenant = caller.tenant;
    let known = caller.read(move |conn, _| identity::password_hash(conn, tenant, user.into())).await;
    let checked = match known {
        Ok(known) => {
            let hash = known.unwrap_or_else(|| password::DUMMY.clone());
            leave(&request);
            caller.app.gate.run(move || password::verify(&current, &hash)).await
        }
        Err(error) => Err(error),
    };
    match checked {
        Ok(true) => attempt.succeeded(),
        Ok(false) => {
            attempt.failed();
            return Err(Error::invalid("/currentPassword", "WRONG", "This is not the current password.").into());
        }
        Err(error) => {
            attempt.void();
            return Err(error.into());
        }
    }
    replace_password(caller, user, new).await
}

/// A password for somebody.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct PasswordInput {
    /// 8 to 1,024 bytes.
    password: String,
}

/// Sets the password of a user. Needs the right to change users, and every right the user has.
#[utoipa::path(
    post, path = "/v1/users/{id}/password", operation_id = "set_password", tag = "auth", request_body = PasswordInput,
    params(("id" = Uuid, Path, description = "The user's id.")),
    responses((status = 204, description = "Set; all sessions of the user have ended.")), security(("bearer" = []))
)]
pub async fn set_password(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let id = super::path_id(&request)?;
    caller.cx().require(caller.cx().entry("users")?, kith_kernel::Action::Update)?;
    let [new] = texts(&body.object()?, ["password"])?;
    password::check(&new, "/password")?;
    leave(&request);
    replace_password(caller, id, new).await
}

async fn replace_password(caller: Caller, user: Uuid, new: String) -> Handled {
    let hash = caller.app.gate.run(move || password::hash(&new)).await??;
    let written = caller.write(Manner::default(), move |conn, cx| {
        identity::set_password(conn, cx, user, &hash)?;
        Ok(Answer { status: 204, ..Answer::default() })
    });
    Ok(super::answer(written.await?))
}

/// An API key with its secret, which is shown this once.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; answers are written as JSON")]
pub struct ApiKeyCreated {
    /// The key's record.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    api_key: Value,
    /// The key itself: send it as `Authorization: Bearer`. It is not stored and cannot be shown again.
    secret: String,
}

/// What an API key is made from.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct ApiKeyCreate {
    /// What it is for.
    #[schema(example = "ERP sync")]
    name: String,
    /// The role whose rights it has; nobody may give rights they lack.
    role_id: Uuid,
    /// When it ends; null: never.
    expires_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// Makes an API key.
///
/// The secret is in the answer and nowhere else. To change keys without a gap, make a second one first. Revoke a key
/// with `DELETE /v1/api-keys/{id}`.
#[utoipa::path(
    post, path = "/v1/auth/api-keys", operation_id = "create_api_key", tag = "auth", request_body = ApiKeyCreate,
    responses((status = 201, description = "Made.", body = ApiKeyCreated)), security(("bearer" = []))
)]
pub async fn create_api_key(caller: Caller, body: Json) -> Handled {
    // No idempotency key here: the stored answer would keep the secret.
    let written = caller.write(Manner::default(), move |conn, cx| {
        cx.require(cx.entry("api-keys")?, kith_kernel::Action::Create)?;
        let (row, secret) = api_key::create(conn, cx, &body.object()?)?;
        let record = kith_journal::read::render(conn, cx, row.as_ref(), &Selection::all(cx.entry("api-keys")?))?;
        let record: Value = serde_json::from_slice(&record).map_err(Error::internal)?;
        let body = json!({"apiKey": record, "secret": secret}).to_string().into_bytes();
        let location = Some(format!("/v1/api-keys/{}", row.meta().id));
        Ok(Answer { status: 201, body, version: Some(row.meta().version), location, ..Answer::default() })
    });
    Ok(super::answer(written.await?))
}

/// Who the credentials of this request belong to, and what they may do.
#[utoipa::path(
    get, path = "/v1/viewer", operation_id = "viewer", tag = "auth",
    responses((status = 200, description = "Kind, id, tenant, currency, and rights as resource:ACTION:SCOPE.", body = Value,
        example = json!({"kind": "USER", "id": "01980000-0000-7000-8000-000000000001", "tenantId": "01980000-0000-7000-8000-000000000002", "currency": "EUR", "grants": ["**:*:ALL"]}))),
    security(("bearer" = []))
)]
pub async fn viewer(caller: Caller) -> HttpResponse {
    let actor = &caller.known.actor;
    HttpResponse::Ok().json(json!({
        "kind": actor.kind.as_str(), "id": actor.id, "tenantId": caller.tenant,
        "currency": caller.known.currency.code(), "grants": caller.known.rights()
    }))
}

/// The public keys that access tokens are signed with (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", operation_id = "jwks", tag = "auth", responses((status = 200, description = "The keys.", body = Value)))]
pub async fn jwks(app: web::Data<App>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=60")).json(app.tokens.keys().jwks())
}
