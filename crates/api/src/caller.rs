//! Who is asking, and the only two ways from a request to the database: [`Caller::read`] and [`Caller::write`].
//!
//! Both run their closure on the blocking pool, waiting for a connection included, and give it one connection for
//! everything. A write is one transaction with its journal rows and, if the request carried a key, its stored answer.

use crate::app::App;
use crate::http::edge::RequestId;
use crate::http::problem::Problem;
use crate::http::rate::Payer;
use crate::http::work::blocking;
use crate::http::{headers, query};
use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use futures_util::future::LocalBoxFuture;
use kith_db::Verdict;
use kith_identity::actor::{self, Known};
use kith_kernel::{Actor, Bind, Currency, Cx, Error, Origin, Result, Statement, Tz, codes};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Records that a request may touch for the price of one.
pub const RECORDS_A_REQUEST: u64 = 100;

/// Long reads at once, of all callers of a process.
static SURVEYS: Semaphore = Semaphore::const_new(2);
/// How long another one waits.
const SURVEY_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Who is asking.
#[derive(Clone)]
pub struct Caller {
    /// What all requests share.
    pub app: web::Data<App>,
    /// Whose data.
    pub tenant: Uuid,
    /// Who, with what rights.
    pub known: Arc<Principal>,
    /// For the audit trail.
    pub origin: Origin,
    /// The login this token came from, if it was one.
    pub session: Option<Uuid>,
    /// What was proved; none for strangers.
    proof: Option<Proof>,
    /// One GraphQL request may not take more connections than this.
    permits: Arc<Semaphore>,
}

/// Somebody we know, with their rights, as requests share it.
#[derive(Debug)]
pub struct Principal {
    /// Who acts.
    pub actor: Arc<Actor>,
    /// The tenant's reporting currency.
    pub currency: Currency,
    /// The tenant's time zone.
    pub zone: Tz,
    /// Whether changes in the tenant have to name the version that was read.
    pub requires_version: bool,
    /// The rights are not older than this.
    as_of: Instant,
}

impl Principal {
    fn of(known: Known, as_of: Instant) -> Self {
        let Known { actor, currency, zone, requires_version } = known;
        Principal { actor: Arc::new(actor), currency, zone, requires_version, as_of }
    }
}

/// The answer to a write, as it is sent and as it is stored under an idempotency key.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
    /// Version for `ETag`.
    pub version: Option<i32>,
    /// For `Location`.
    pub location: Option<String>,
    /// The message came late, and changed nothing.
    pub stale: bool,
    /// It was stored before.
    pub replayed: bool,
    /// It holds a secret, which is not stored under any key.
    pub confidential: bool,
}

/// How a write is to be run.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Idempotency key, and what the request was.
    pub key: Option<(String, Vec<u8>)>,
    /// Keep nothing.
    pub dry_run: bool,
}

impl Manner {
    /// From the headers and the query of a REST request, whose only parameter may be `dryRun`.
    pub fn of(request: &HttpRequest, body: &[u8]) -> Result<Manner> {
        Ok(Manner::and(request, body, &[])?.0)
    }

    /// The same for a request that has more parameters, with those.
    pub fn and(request: &HttpRequest, body: &[u8], more: &[&str]) -> Result<(Manner, HashMap<String, String>)> {
        let asked = query::read(request.query_string(), &[&["dryRun"], more].concat())?;
        let key = headers::idempotency_key(request.headers())?;
        let key = key.map(|key| {
            let mut digest = Sha256::new();
            let parts = [request.method().as_str(), request.path(), request.query_string()];
            parts.iter().for_each(|part| digest.update([part.as_bytes(), &[0]].concat()));
            digest.update(request.headers().get("if-match").map(|value| value.as_bytes()).unwrap_or_default());
            digest.update([0]);
            digest.update(body);
            (key, digest.finalize().to_vec())
        });
        Ok((Manner { key, dry_run: asked.dry_run }, asked.more))
    }
}

impl Caller {
    /// The context of a verb for this request, at the current time.
    pub fn cx(&self) -> Cx {
        Cx {
            tenant: self.tenant,
            actor: self.known.actor.clone(),
            now: self.app.clock.now(),
            origin: self.origin.clone(),
            currency: self.known.currency,
            zone: self.known.zone,
            requires_version: self.known.requires_version,
            catalogue: self.app.catalogue,
            cursor_key: self.app.instance.cursor_key.clone(),
        }
    }

    /// Whoever sends a public form: nobody we know. Kith itself does what the form is for, and that alone.
    pub fn stranger(app: web::Data<App>, tenant: Uuid, request: &HttpRequest) -> Self {
        let actor = Arc::new(Actor::system());
        let as_of = Instant::now();
        let known =
            Arc::new(Principal { actor, currency: Currency::EUR, zone: Tz::UTC, requires_version: false, as_of });
        let origin = origin(request, "capture");
        Caller { app, tenant, known, origin, session: None, proof: None, permits: Arc::new(Semaphore::new(1)) }
    }

    /// Whoever sends a token by other means than the header of a request: in the first message of a socket.
    pub async fn of_token(app: web::Data<App>, token: &str, origin: Origin) -> Result<Self> {
        let proof = prove(&app, token)?;
        Caller::proved(app, proof, origin).await
    }

    async fn proved(app: web::Data<App>, proof: Proof, origin: Origin) -> Result<Self> {
        let known = known(&app, &proof, None).await?;
        let payer = Payer { tenant: proof.tenant, principal: proof.principal };
        app.rate.take(&payer, app.clock.now())?;
        Ok(Caller {
            app,
            tenant: proof.tenant,
            known,
            origin,
            session: proof.session,
            proof: Some(proof),
            permits: Arc::new(Semaphore::new(2)),
        })
    }

    /// When the token ends; none for API keys.
    pub fn expires(&self) -> Option<DateTime<Utc>> {
        self.proof.as_ref().and_then(|proof| proof.expires)
    }

    /// Looks again who is asking, for what goes on for longer than a request: with the rights of now, or refused.
    pub async fn renew(&mut self) -> Result<()> {
        let Some(proof) = self.proof.clone() else { return Ok(()) };
        if proof.expires.is_some_and(|expires| expires <= self.app.clock.now()) {
            return Err(Error::new(&codes::TOKEN_EXPIRED, "The access token has expired."));
        }
        self.known = known(&self.app, &proof, None).await?;
        Ok(())
    }

    /// The same with rights that were read after a moment: what was read of the data by then is not judged by rights of
    /// before.
    pub async fn renew_since(&mut self, moment: Instant) -> Result<()> {
        let Some(proof) = self.proof.clone() else { return Ok(()) };
        self.renew().await?;
        if self.known.as_of < moment {
            self.known = known(&self.app, &proof, Some(moment)).await?;
        }
        Ok(())
    }

    /// Charges what makes a request more expensive than others: another request for every full hundred of records that
    /// it may touch.
    pub fn charge(&self, records: u64) -> Result<()> {
        let requests = u32::try_from(records / RECORDS_A_REQUEST).unwrap_or(u32::MAX);
        let payer = Payer { tenant: self.tenant, principal: self.known.actor.id };
        self.app.rate.charge(&payer, requests, self.app.clock.now())
    }

    /// Runs reads.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection, &Cx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        let (db, cx) = (self.app.db.clone(), self.cx());
        blocking(move || db.read(cx.tenant, |conn| work(conn, &cx))).await
    }

    /// Runs reads that may take long, on one snapshot. Only a few run at once, so that they never hold all connections.
    pub async fn survey<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection, &Cx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let busy = || {
            let detail = "Too many long reads are running. Ask again in a moment.";
            Error { retry_after: Some(1), ..Error::new(&codes::OVERLOADED, detail) }
        };
        let surveying = tokio::time::timeout(SURVEY_WAIT, SURVEYS.acquire()).await.map_err(|_| busy())?;
        let _surveying = surveying.map_err(Error::internal)?;
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        let (db, cx) = (self.app.db.clone(), self.cx());
        blocking(move || db.survey(cx.tenant, |conn| work(conn, &cx))).await
    }

    /// Runs a write in one transaction. With a key, an answer that was given before is given again.
    pub async fn write(
        &self,
        manner: Manner,
        work: impl Fn(&mut PgConnection, &Cx) -> Result<Answer> + Send + 'static,
    ) -> Result<Answer> {
        let _permit = self.permits.acquire().await.map_err(Error::internal)?;
        let (db, cx) = (self.app.db.clone(), self.cx());
        blocking(move || {
            db.write(cx.tenant, |conn| {
                if let Some((key, fingerprint)) = &manner.key
                    && let Some(answer) = replay(conn, &cx, key, fingerprint)?
                {
                    return Ok(Verdict::Commit(answer));
                }
                let answer = work(conn, &cx)?;
                if manner.dry_run {
                    return Ok(Verdict::RollBack(answer));
                }
                if let Some((key, fingerprint)) = manner.key.as_ref().filter(|_| !answer.confidential) {
                    keep(conn, &cx, key, fingerprint, &answer)?;
                }
                Ok(Verdict::Commit(answer))
            })
        })
        .await
    }
}

/// The stored answer for a key. The lock tells a request that is still running from one that never was.
fn replay(conn: &mut PgConnection, cx: &Cx, key: &str, fingerprint: &[u8]) -> Result<Option<Answer>> {
    let mut lock = Statement::new("SELECT pg_try_advisory_xact_lock(hashtextextended(");
    lock.bind(Bind::Text(Some(format!("key|{}|{}|{key}", cx.tenant, cx.actor.id)))).sql(", 0))");
    let (free,): (bool,) = RunQueryDsl::get_result(lock.typed::<(st::Bool,)>(), conn)?;
    if !free {
        let detail = "A request with this key is still running. Ask again in a moment for its answer.";
        return Err(Error { retry_after: Some(1), ..Error::new(&codes::IDEMPOTENCY_IN_PROGRESS, detail) });
    }
    let mut out = Statement::new("SELECT fingerprint, status, headers, body FROM idempotency_keys WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND principal_id = ").bind(Bind::Uuid(Some(cx.actor.id)));
    out.sql(" AND key = ").bind(Bind::Text(Some(key.to_owned())));
    out.sql(" AND created_at > ").bind(Bind::Time(Some(cx.now - chrono::TimeDelta::hours(48))));
    type Sql = (st::Binary, st::Integer, st::Jsonb, st::Binary);
    let rows: Vec<(Vec<u8>, i32, serde_json::Value, Vec<u8>)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let Some((before, status, headers, body)) = rows.into_iter().next() else { return Ok(None) };
    if before != fingerprint {
        return Err(Error::new(
            &codes::IDEMPOTENCY_KEY_REUSED,
            "This key was used for another request. Use a new one.",
        ));
    }
    Ok(Some(Answer {
        status: u16::try_from(status).unwrap_or(200),
        body,
        version: headers
            .get("version")
            .and_then(serde_json::Value::as_i64)
            .and_then(|version| i32::try_from(version).ok()),
        location: headers.get("location").and_then(serde_json::Value::as_str).map(str::to_owned),
        stale: headers.get("stale").is_some_and(|stale| stale == true),
        replayed: true,
        confidential: false,
    }))
}

/// Stores the answer with the write. A key older than 48 hours is free again.
fn keep(conn: &mut PgConnection, cx: &Cx, key: &str, fingerprint: &[u8], answer: &Answer) -> Result<()> {
    let mut old = Statement::new("DELETE FROM idempotency_keys WHERE tenant_id = ");
    old.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND created_at <= ");
    old.bind(Bind::Time(Some(cx.now - chrono::TimeDelta::hours(48)))).execute(conn)?;
    let mut out = Statement::new(
        "INSERT INTO idempotency_keys (tenant_id, principal_id, key, fingerprint, status, headers, body, created_at) VALUES (",
    );
    let told = json!({"version": answer.version, "location": answer.location, "stale": answer.stale});
    let values = [
        Bind::Uuid(Some(cx.tenant)),
        Bind::Uuid(Some(cx.actor.id)),
        Bind::Text(Some(key.to_owned())),
        Bind::Bytes(Some(fingerprint.to_vec())),
        Bind::Int(Some(i32::from(answer.status))),
        Bind::Json(Some((&told).into())),
        Bind::Bytes(Some(answer.body.clone())),
        Bind::Time(Some(cx.now)),
    ];
    for (at, value) in values.into_iter().enumerate() {
        out.sql(if at == 0 { "" } else { ", " }).bind(value);
    }
    out.sql(")").execute(conn)?;
    Ok(())
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(identify(&request).await?) })
    }
}

/// Finds out who is asking from the `Authorization` header alone.
async fn identify(request: &HttpRequest) -> Result<Caller> {
    let app =
        request.app_data::<web::Data<App>>().cloned().ok_or_else(|| Error::internal("the app is not configured"))?;
    let missing =
        || Error::new(&codes::UNAUTHENTICATED, "Send `Authorization: Bearer` with an access token or an API key.");
    let header = headers::single(request.headers(), &AUTHORIZATION)?.ok_or_else(missing)?;
    let (scheme, token) = header.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(missing());
    }
    let proof = prove(&app, token.trim())?;
    let payer = Payer { tenant: proof.tenant, principal: proof.principal };
    let origin = origin(request, if request.path() == "/graphql" { "graphql" } else { "rest" });
    let caller = Caller::proved(app, proof, origin).await;
    // Also where the rate is what refuses; but not where nobody is known.
    if !caller.as_ref().is_err_and(|error| error.code.kind == kith_kernel::ErrorKind::Unauthenticated) {
        request.extensions_mut().insert(payer);
    }
    caller
}

/// What a token or a key proves by itself.
fn prove(app: &App, token: &str) -> Result<Proof> {
    Ok(match kith_identity::api_key::parse_key(token) {
        Some((tenant, id, hash)) => Proof { tenant, principal: id, session: None, hash: Some(hash), expires: None },
        None => {
            let claims = app.tokens.verify(token, app.clock.now())?;
            Proof {
                tenant: claims.tenant,
                principal: claims.subject,
                session: claims.sid,
                hash: None,
                expires: Some(claims.exp),
            }
        }
    })
}

/// For the audit trail.
pub(crate) fn origin(request: &HttpRequest, channel: &'static str) -> Origin {
    Origin {
        request_id: request.extensions().get::<RequestId>().map(|id| id.0),
        address: request.peer_addr().map(|address| address.ip()),
        channel,
    }
}

/// What a request proved to be.
#[derive(Clone)]
struct Proof {
    tenant: Uuid,
    principal: Uuid,
    /// The login; none for an API key and for a token that was got with one.
    session: Option<Uuid>,
    /// Of the secret of an API key.
    hash: Option<[u8; 32]>,
    /// When the token ends.
    expires: Option<DateTime<Utc>>,
}

/// The rights of a principal, from the cache, unless they were read before a moment, or from the database.
async fn known(app: &web::Data<App>, proof: &Proof, since: Option<Instant>) -> Result<Arc<Principal>> {
    // With what only the owner can send, so that an id alone opens nothing; and with the login, so that logging out
    // ends access tokens too.
    let secret = match proof.hash {
        None => proof.session.unwrap_or_default(),
        Some(hash) => Uuid::from_slice(hash.get(..16).unwrap_or_default()).unwrap_or_default(),
    };
    let cached = (proof.tenant, proof.principal, secret);
    let &Proof { tenant, principal, session, hash, .. } = proof;
    if let Some(known) = app.known.get(&cached).filter(|known| since.is_none_or(|since| known.as_of >= since)) {
        return Ok(known);
    }
    let as_of = Instant::now();
    let (db, now) = (app.db.clone(), app.clock.now());
    let found = blocking(move || match session {
        Some(session) => db.read(tenant, |conn| {
            let alive = kith_identity::session::is_alive(conn, tenant, session, now)?;
            if alive { actor::user(conn, tenant, principal) } else { Ok(None) }
        }),
        None => db.write(tenant, |conn| {
            actor::api_key(conn, tenant, principal, hash.as_ref().map(<[u8; 32]>::as_slice), now).map(Verdict::Commit)
        }),
    })
    .await?;
    let gone = || Error::new(&codes::UNAUTHENTICATED, "These credentials are no longer valid.");
    let Some(found) = found else {
        app.known.invalidate(&cached);
        return Err(gone());
    };
    let known = Arc::new(Principal::of(found, as_of));
    app.known.insert(cached, known.clone());
    Ok(known)
}
