//! `POST /v1/bulk/{resource}`: files of records of any length, written as they come or by a worker; and their results.

use super::{export, other_method, path_id};
use crate::caller::Caller;
use crate::http::problem::{Handled, Problem};
use crate::http::{headers, query, stream};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use diesel::PgConnection;
use futures_util::StreamExt;
use kith_bulk::decode::Decoder;
use kith_bulk::part::Part;
use kith_bulk::progress::{self, Session, Step};
use kith_bulk::results::{self, Told};
use kith_bulk::{BulkLoad, LoadFormat, LoadMode};
use kith_db::Verdict;
use kith_journal::{load as journal, read, store};
use kith_kernel::{Action, Cx, Entry, Error, Result, Selection, Shape, codes};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// Media type of lines of JSON.
const NDJSON: &str = "application/x-ndjson";
/// A holder gives a sign of life this often while nothing comes.
const SIGN: Duration = Duration::from_secs(5);
/// Signs after which a file that does not go on has broken off.
const PATIENCE: u32 = 6;

/// Their routes.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/v1/bulk/{id}/results").get(results_of).default_service(other_method("GET, HEAD")))
        .service(
            web::resource("/v1/bulk/{resource}")
                .get(export::export)
                .post(load)
                .default_service(other_method("GET, HEAD, POST")),
        );
}

/// The resource that the path names.
pub(super) fn named(request: &HttpRequest) -> Result<&'static Entry> {
    let entry = crate::catalogue().get(request.match_info().get("resource").unwrap_or_default());
    entry.ok_or_else(super::nothing_here)
}

/// Loads a file of records.
///
/// The body is a JSON object a line, or a table under a line of field names, in UTF-8, of any length, gzip allowed. With
/// `mode=upsert` a record is found by its `externalId` (with `system`, or the `system` of the query), else by its `id`, and
/// updated, or made if it is not there; with `mode=insert` what is there is refused. Each line has the rights, rules and
/// journal of a single write; one that fails does not stop the others. Lines are written about a thousand at a time; those
/// that were written stay. A reference may be given as `{"externalId": "…"}` instead of an id, in a table as the column
/// `accountId.externalId`; an amount has the columns `annualRevenue.amount` and `annualRevenue.currency`.
///
/// The answer is a line for each line of the file, and one with the counts at the end. When a request breaks off, send the
/// same file again with the same key: it goes on where it stood. With `Prefer: respond-async` the file is only received; a
/// job loads it, and the results are at `/v1/bulk/{id}/results`, where `id` is that of the load in the answer.
#[utoipa::path(
    post, path = "/v1/bulk/{resource}", operation_id = "load_records", tag = "bulk",
    params(
        ("resource" = String, Path, description = "The resource.", example = "contacts"),
        ("mode" = Option<String>, Query, description = "`upsert` (unless given) or `insert`."),
        ("system" = Option<String>, Query, description = "Short name of the system that the keys in the file are of, where a line names none.", example = "erp"),
        ("results" = Option<String>, Query, description = "Which lines are answered: `all` (unless given) or `errors`."),
        ("dryRun" = Option<bool>, Query, description = "Answer as if it were done, and keep no record."),
        ("Idempotency-Key" = String, Header, description = "Required. The same key with the same file goes on, or gives the stored results again, for 48 hours."),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: receive the file, and let a job load it."),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip`."),
    ),
    request_body(content(
        (String = "application/x-ndjson", example = json!("{\"externalId\":\"4711\",\"givenName\":\"Maria\",\"familyName\":\"Anders\"}\n")),
        (String = "text/csv", example = json!("externalId,givenName,familyName\r\n4711,Maria,Anders\r\n")),
    )),
    responses(
        (status = 200, description = "What came of each line.", body = String, content_type = "application/x-ndjson",
         example = json!("{\"line\":1,\"status\":\"CREATED\",\"id\":\"019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c\",\"externalId\":\"4711\"}\n{\"summary\":{\"id\":\"019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3d\",\"status\":\"SUCCEEDED\",\"lines\":1,\"created\":1,\"updated\":0,\"unchanged\":0,\"failed\":0}}\n")),
        (status = 202, description = "The file was received; `Location` names the job.", body = serde_json::Value,
         example = json!({"id": "019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3d", "resource": "contacts", "status": "WAITING"})),
        (status = 405, description = "Records of this resource cannot be loaded.", body = serde_json::Value, content_type = "application/problem+json"),
        (status = 409, description = "A request with this key is still running, or the load was cancelled.", body = serde_json::Value, content_type = "application/problem+json"),
    ),
    security(("bearer" = []))
)]
pub async fn load(caller: Caller, request: HttpRequest, payload: web::Payload) -> Handled {
    let entry = named(&request)?;
    caller.cx().require(entry, Action::Create)?;
    let (asked, told) = asked(entry, &request)?;
    journal::may(&caller.cx(), entry, progress::mode(asked.mode)).map_err(|error| {
        let refused = std::ptr::eq(error.code, &codes::METHOD_NOT_ALLOWED);
        Problem { error, allow: refused.then(|| "GET, HEAD".to_owned()) }
    })?;
    let asked = with_form(asked, &request)?;
    let permit = stream::permit(&caller.app)?;
    let gzip = request.headers().contains_key(header::CONTENT_ENCODING);
    let (load, replayed) = receive(&caller, asked, gzip, payload).await?;
    if load.is_job {
        return Ok(accepted(&caller, load, replayed).await?);
    }
    let mut response = HttpResponse::Ok();
    if replayed {
        response.insert_header(("idempotency-replayed", "true"));
    }
    Ok(told_of(&caller, &request, response, permit, load, told))
}

/// Reads the query and the key. The form of the body comes later: what cannot be loaded at all is told first.
fn asked(entry: &'static Entry, request: &HttpRequest) -> Result<(progress::Request, Told)> {
    let mut asked = query::read(request.query_string(), &["mode", "system", "results", "dryRun"])?;
    let wrong = |name: &str, expected: &str| Error::invalid(format!("/query/{name}"), "WRONG_TYPE", expected);
    let mode = match asked.more.get("mode").map(String::as_str) {
        None | Some("upsert") => LoadMode::Upsert,
        Some("insert") => LoadMode::Insert,
        Some(_) => return Err(wrong("mode", "Expected upsert or insert.")),
    };
    let told = told(asked.more.get("results").map(String::as_str))?;
    let system = asked.more.remove("system");
    let is_dry_run = asked.dry_run;
    let format = LoadFormat::Ndjson;
    let request = progress::Request { entry, mode, format, system, is_job: false, is_dry_run, key: String::new() };
    Ok((request, told))
}

fn told(text: Option<&str>) -> Result<Told> {
    match text {
        None | Some("all") => Ok(Told::All),
        Some("errors") => Ok(Told::Errors),
        Some(_) => Err(Error::invalid("/query/results", "WRONG_TYPE", "Expected all or errors.")),
    }
}

/// Adds what the head says of the body, the key, and who shall do it.
fn with_form(asked: progress::Request, request: &HttpRequest) -> Result<progress::Request> {
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = text("content-type");
    let mut parts = content_type.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let utf8 = parts.all(|part| {
        let charset = part.strip_prefix("charset=").map(|name| name.trim_matches('"').to_owned());
        charset.is_none_or(|name| name == "utf-8")
    });
    let format = match essence.as_str() {
        NDJSON | "application/ndjson" | "application/jsonl" if utf8 => LoadFormat::Ndjson,
        "text/csv" if utf8 => LoadFormat::Csv,
        _ => {
            let detail = "Send the body as application/x-ndjson or text/csv, in UTF-8.";
            return Err(Error::new(&codes::UNSUPPORTED_MEDIA_TYPE, detail));
        }
    };
    let key = headers::idempotency_key(request.headers())?.ok_or_else(|| {
        let detail = "Send an Idempotency-Key, so that a load that breaks off goes on, and none is done twice.";
        Error::new(&codes::IDEMPOTENCY_KEY_REQUIRED, detail)
    })?;
    let is_job = text("prefer").split(',').any(|part| part.trim().eq_ignore_ascii_case("respond-async"));
    Ok(progress::Request { format, is_job, key, ..asked })
}

/// Takes the whole file in. True: it was all there before.
async fn receive(
    caller: &Caller,
    asked: progress::Request,
    gzip: bool,
    payload: web::Payload,
) -> Result<(BulkLoad, bool)> {
    let decoder = match asked.format {
        LoadFormat::Ndjson => Decoder::ndjson(gzip),
        LoadFormat::Csv => Decoder::csv(gzip, asked.entry),
    };
    let entry = asked.entry;
    let mut session = at_once(caller, move |conn, cx| progress::begin(conn, cx, &asked)).await?;
    let came = file(caller, entry, &mut session, decoder, payload).await;
    let mine = session.clone();
    let ended = match came {
        Ok(true) => return Ok((at_once(caller, move |conn, cx| found(conn, cx, mine.id())).await?, true)),
        Ok(false) if session.load.is_job => at_once(caller, move |conn, cx| mine.received(conn, cx)).await,
        Ok(false) => at_once(caller, move |conn, cx| mine.finish(conn, cx)).await,
        Err(error) => Err(error),
    };
    if ended.is_err() {
        // Tolerated: the next one with the same key would have to wait some seconds.
        at_once(caller, move |conn, cx| session.release(conn, cx)).await.ok();
    }
    Ok((ended?, false))
}

/// Reads the file to its end, part by part.
async fn file(
    caller: &Caller,
    entry: &'static Entry,
    session: &mut Session,
    mut decoder: Decoder,
    mut payload: web::Payload,
) -> Result<bool> {
    while let Some(bytes) = next(caller, session, &mut payload).await? {
        for part in decoder.push(&bytes)? {
            take(caller, entry, session, part).await?;
        }
    }
    for part in decoder.finish()? {
        take(caller, entry, session, part).await?;
    }
    session.ended()
}

/// The next bytes of the file.
async fn next(caller: &Caller, session: &Session, payload: &mut web::Payload) -> Result<Option<web::Bytes>> {
    for _ in 0..PATIENCE {
        match tokio::time::timeout(SIGN, payload.next()).await {
            Ok(None) => return Ok(None),
            Ok(Some(Ok(bytes))) => return Ok(Some(bytes)),
            Ok(Some(Err(_))) => {
                let detail = "The body could not be read to its end. Send it again with the same key.";
                return Err(Error::new(&codes::MALFORMED_REQUEST, detail));
            }
            Err(_) => {
                let mine = session.clone();
                at_once(caller, move |conn, cx| mine.live(conn, cx)).await?;
            }
        }
    }
    let detail = "The body did not go on. Send it again with the same key.";
    Err(Error::new(&codes::REQUEST_TIMEOUT, detail))
}

/// Writes a part, or keeps it for the job.
async fn take(caller: &Caller, entry: &'static Entry, session: &mut Session, part: Part) -> Result<()> {
    if session.came(&part)? == Step::Skip {
        return Ok(());
    }
    let mine = session.clone();
    if session.load.is_job {
        return at_once(caller, move |conn, cx| mine.receive(conn, cx, &part)).await;
    }
    let (db, cx, part) = (caller.app.db.clone(), caller.cx(), Arc::new(part));
    stream::patiently(move || mine.write(&db, &cx, entry, &part).map(drop)).await
}

/// A short transaction.
async fn at_once<T: Send + 'static>(
    caller: &Caller,
    work: impl Fn(&mut PgConnection, &Cx) -> Result<T> + Clone + Send + 'static,
) -> Result<T> {
    let (db, cx) = (caller.app.db.clone(), caller.cx());
    stream::patiently(move || db.write(cx.tenant, |conn| work(conn, &cx).map(Verdict::Commit))).await
}

fn found(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<BulkLoad> {
    store::find(conn, cx, id)?.ok_or_else(Error::not_found)
}

/// A file that was received for a job.
async fn accepted(caller: &Caller, load: BulkLoad, replayed: bool) -> Result<HttpResponse> {
    let job = load.job_id;
    let text =
        at_once(caller, move |conn, cx| read::render(conn, cx, &load, &Selection::all(cx.entry(BulkLoad::NAME)?)));
    let mut response = HttpResponse::Accepted();
    response.content_type(super::JSON).insert_header(("preference-applied", "respond-async"));
    if let Some(job) = job {
        response.insert_header((header::LOCATION, format!("/v1/jobs/{job}")));
    }
    if replayed {
        response.insert_header(("idempotency-replayed", "true"));
    }
    Ok(response.body(text.await?))
}

/// Tells what came of each line of a load so far.
///
/// One line of JSON for each line of the file that was written, in their order, and one with the counts at the end. While the
/// load is still running, its `status` there says so.
#[utoipa::path(
    get, path = "/v1/bulk/{id}/results", operation_id = "bulk_results", tag = "bulk",
    params(
        ("id" = uuid::Uuid, Path, description = "The load's id."),
        ("results" = Option<String>, Query, description = "Which lines: `all` (unless given) or `errors`."),
    ),
    responses((status = 200, description = "What came of each line.", body = String, content_type = "application/x-ndjson",
        example = json!("{\"line\":2,\"status\":\"UNCHANGED\",\"id\":\"019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c\"}\n"))),
    security(("bearer" = []))
)]
pub async fn results_of(caller: Caller, request: HttpRequest) -> Handled {
    let entry = caller.cx().entry(BulkLoad::NAME)?;
    caller.cx().require(entry, Action::Read)?;
    let asked = query::read(request.query_string(), &["results"])?;
    let told = told(asked.more.get("results").map(String::as_str))?;
    let id = path_id(&request)?;
    let permit = stream::permit(&caller.app)?;
    let load = caller.read(move |conn, cx| {
        let row = store::get(conn, cx, entry, id)?;
        let load = row.any().downcast_ref::<BulkLoad>().cloned().ok_or_else(Error::not_found)?;
        // What came of records is for those who may see such records.
        cx.require(cx.entry(&load.resource)?, Action::Read)?;
        Ok(load)
    });
    let load = load.await?;
    Ok(told_of(&caller, &request, HttpResponse::Ok(), permit, load, told))
}

/// The results as a stream, and the counts at its end.
fn told_of(
    caller: &Caller,
    request: &HttpRequest,
    mut response: HttpResponseBuilder,
    permit: OwnedSemaphorePermit,
    load: BulkLoad,
    told: Told,
) -> HttpResponse {
    response.content_type(NDJSON);
    response.insert_header((header::CONTENT_LOCATION, format!("/v1/bulk/{}/results", load.id().0)));
    let (caller, load) = (caller.clone(), Arc::new(load));
    stream::answer(request, response, permit, Some(0), move |number: Option<i32>| {
        let (caller, load) = (caller.clone(), load.clone());
        async move {
            let Some(number) = number else { return Ok(None) };
            let (db, cx, id) = (caller.app.db.clone(), caller.cx(), load.id().0);
            let read = move || db.read(cx.tenant, |conn| results::after(conn, &cx, id, number, told));
            Ok(Some(match stream::patiently(read).await? {
                // A part without a word of it to tell is not the end.
                Some((number, text)) => (text, Some(number)),
                None => (results::summary(&load), None),
            }))
        }
    })
}
