//! The standard routes, the same for every resource of the catalogue.

use super::select::{in_body, page, selection};
use super::{answer, json, path_id};
use crate::caller::{Answer, Caller, Manner};
use crate::http::body::Json;
use crate::http::problem::{self, Handled, Problem};
use crate::http::{headers, query};
use actix_web::{HttpRequest, HttpResponse, Resource, guard, web};
use diesel::PgConnection;
use kith_journal::batch::{MAX_STEPS, Outcome, Step, in_data};
use kith_journal::external::{self, Upserted};
use kith_journal::keys::ExternalKey;
use kith_journal::{read, timeline, verbs};
use kith_kernel::{
    Action, Command, Cx, Entry, Error, ErrorKind, ListArgs, Result, Row, Selection, Verb, Violations, codes,
};
use serde_json::{Map, Value, json as value};

/// The places that a resource has. There is one pattern for each of them, whatever the number of resources: actix tries
/// patterns one after the other, and a hundred of them cost more than the request.
#[derive(Clone, Copy, Debug)]
enum Place {
    Collection,
    Query,
    Batch,
    External,
    Restore,
    Timeline,
    Command,
    One,
}

fn at(tail: &str, place: Place) -> Resource {
    let other = move |request: HttpRequest| async move { Handled::Err(refused(&request, place)) };
    web::resource(format!("/v1/{{resource}}{tail}")).default_service(web::to(other))
}

fn one_at(tail: &str) -> Resource {
    at(tail, Place::One).get(get).patch(patch).delete(archive)
}

/// Where all resources are.
const ROOT: &str = "/v1";

/// What is asked for most, to be tried before all other routes; reading one record goes without any pattern.
pub fn first(config: &mut web::ServiceConfig) {
    let plain = guard::fn_guard(|asked| record(asked.head().uri.path()).is_some());
    config.service(web::scope(ROOT).guard(guard::Get()).guard(plain).default_service(web::to(get)));
    config.service(one_at("/{id:[0-9a-f-]{36}}"));
}

/// Resource and id of `/v1/{resource}/{id}`, where the path stands plainly.
pub(super) fn record(path: &str) -> Option<(&str, &str)> {
    let (resource, id) = path.strip_prefix("/v1/")?.split_once('/')?;
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    (id.len() == 36 && id.bytes().all(hex)).then_some((resource, id))
}

/// Adds the routes of all resources, literal tails before `{id}`.
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .service(at("", Place::Collection).get(list).post(post))
        .service(at("/query", Place::Query).post(list_by_body))
        .service(at("/batch", Place::Batch).post(batch))
        .service(at("/external/{system}/{externalId}", Place::External).get(get_external).put(upsert))
        .service(at("/{id}/restore", Place::Restore).post(restore))
        .service(at("/{id}/timeline", Place::Timeline).get(timeline_of))
        .service(at("/{id}/{command}", Place::Command).post(command))
        .service(one_at("/{id}"));
}

/// The methods that a resource takes at a place; none: there is no such place.
fn methods(request: &HttpRequest, entry: &'static Entry, place: Place) -> Vec<&'static str> {
    let (create, update) = (entry.offers(Verb::Create), entry.offers(Verb::Update));
    let shelve = entry.offers(Verb::Archive);
    let all: &[(&'static str, bool)] = match place {
        Place::Collection => &[("GET", true), ("HEAD", true), ("POST", create)],
        Place::Query => &[("POST", true)],
        Place::Batch => &[("POST", create || update)],
        Place::External => &[("GET", true), ("HEAD", true), ("PUT", create && update)],
        Place::Restore => &[("POST", shelve)],
        Place::Timeline => {
            let offered = crate::catalogue().has_timeline(entry);
            &[("GET", offered), ("HEAD", offered)]
        }
        Place::Command => &[("POST", called(request, entry).is_some())],
        Place::One => &[("GET", true), ("HEAD", true), ("PATCH", update), ("DELETE", shelve)],
    };
    all.iter().filter(|(_, offered)| *offered).map(|(method, _)| *method).collect()
}

/// The resource that the path names.
pub(crate) fn named(request: &HttpRequest) -> Option<&'static Entry> {
    let plain = || record(request.path()).map(|(resource, _)| resource);
    crate::catalogue().get(request.match_info().get("resource").or_else(plain)?)
}

/// The business verb that the path names.
fn called(request: &HttpRequest, entry: &'static Entry) -> Option<&'static Command> {
    entry.command(request.match_info().get("command").unwrap_or_default())
}

/// A method that the place does not take, or a place that is not there.
fn refused(request: &HttpRequest, place: Place) -> Problem {
    let allow = named(request).map(|entry| methods(request, entry, place)).unwrap_or_default().join(", ");
    if allow.is_empty() {
        return super::nothing_here().into();
    }
    let error = Error::new(&codes::METHOD_NOT_ALLOWED, format!("This path takes {allow}."));
    Problem { error, allow: Some(allow) }
}

/// The resource that the path names, if it offers the method there.
fn offered(request: &HttpRequest, place: Place) -> Result<&'static Entry, Problem> {
    let entry = named(request).filter(|entry| methods(request, entry, place).contains(&request.method().as_str()));
    entry.ok_or_else(|| refused(request, place))
}

async fn list(caller: Caller, request: HttpRequest) -> Handled {
    let entry = offered(&request, Place::Collection)?;
    let allowed = ["filter", "sort", "limit", "cursor", "fields", "expand", "count", "archived"];
    let asked = query::read(request.query_string(), &allowed)?;
    Ok(listed(entry, caller, asked).await?)
}

async fn list_by_body(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let entry = offered(&request, Place::Query)?;
    query::read(request.query_string(), &[])?;
    Ok(listed(entry, caller, asked_by_body(&body.object()?)?).await?)
}

async fn listed(entry: &'static Entry, caller: Caller, asked: query::Asked) -> Result<HttpResponse> {
    let text = caller
        .read(move |conn, cx| {
            cx.require(entry, Action::Read)?;
            let select = selection(cx, entry, asked.fields.as_deref(), asked.expand.as_deref());
            let select = select.map_err(|error| if asked.list.text { error } else { in_body(error) })?;
            read::list(conn, cx, &asked.list, &page(select, &asked.list))
        })
        .await?;
    Ok(json(200, text, None))
}

/// The body of `POST …/query`: the parameters of a list as JSON.
fn asked_by_body(body: &Map<String, Value>) -> Result<query::Asked> {
    let mut asked = query::Asked { list: ListArgs::default(), ..query::Asked::default() };
    let mut violations = Violations::default();
    let texts = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => list.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|list| list.join(",")),
        _ => None,
    };
    for (name, value) in body {
        let fits = match name.as_str() {
            "filter" => value.as_object().map(|filter| asked.list.filter = Some(filter.clone())),
            "sort" => texts(value).map(|sort| asked.list.sort = sort.split(',').map(str::to_owned).collect()),
            "limit" => {
                value.as_u64().and_then(|limit| usize::try_from(limit).ok()).map(|limit| asked.list.limit = limit)
            }
            "cursor" => value.as_str().map(|cursor| asked.list.cursor = Some(cursor.to_owned())),
            "fields" => texts(value).map(|fields| asked.fields = Some(fields)),
            "expand" => texts(value).map(|expand| asked.expand = Some(expand)),
            "count" => value.as_str().and_then(query::count).map(|count| asked.list.count = count),
            "archived" => value.as_str().and_then(query::archived).map(|archived| asked.list.archived = archived),
            _ => {
                let detail = "Allowed: filter, sort, limit, cursor, fields, expand, count, archived.";
                violations.add(format!("/{name}"), "UNKNOWN_FIELD", detail);
                continue;
            }
        };
        if fits.is_none() {
            violations.add(
                format!("/{name}"),
                "WRONG_TYPE",
                "This has another form; see the documentation of the operation.",
            );
        }
    }
    violations.into_result()?;
    Ok(asked)
}

async fn get(caller: Caller, request: HttpRequest) -> Handled {
    let entry = offered(&request, Place::One)?;
    let id = path_id(&request)?;
    let asked = query::read(request.query_string(), &["fields", "expand"])?;
    let found = caller.read(move |conn, cx| one(conn, cx, entry, id, &asked)).await?;
    Ok(found_answer(&request, found))
}

async fn get_external(caller: Caller, request: HttpRequest) -> Handled {
    let entry = offered(&request, Place::External)?;
    let (system, key) = external_key(&request)?;
    let asked = query::read(request.query_string(), &["fields", "expand"])?;
    let found = caller
        .read(move |conn, cx| {
            cx.require(entry, Action::Read)?;
            let id = external::by_external_id(conn, cx, entry, &system, &key)?.ok_or_else(Error::not_found)?;
            one(conn, cx, entry, id, &asked)
        })
        .await?;
    Ok(found_answer(&request, found))
}

fn one(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &'static Entry,
    id: uuid::Uuid,
    asked: &query::Asked,
) -> Result<(Vec<u8>, i32)> {
    cx.require(entry, Action::Read)?;
    let select = selection(cx, entry, asked.fields.as_deref(), asked.expand.as_deref())?;
    read::get(conn, cx, id, &select)
}

fn found_answer(request: &HttpRequest, (text, version): (Vec<u8>, i32)) -> HttpResponse {
    // With relations in it, the version says nothing about the whole answer.
    let plain = !request.query_string().contains("expand");
    if plain && headers::none_match(request, version) {
        return HttpResponse::NotModified().insert_header(("etag", format!("\"{version}\""))).finish();
    }
    json(200, text, plain.then_some(version))
}

/// System and key in the path, decoded.
fn external_key(request: &HttpRequest) -> Result<(String, String)> {
    // From the path as it was sent: the router's own decoding makes something else of what is not UTF-8.
    let mut parts = request.path().rsplit('/').map(|text| {
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| Error::not_found())?;
        kith_kernel::text::clean(&decoded).map_err(|_| Error::not_found())
    });
    let mut next = || parts.next().unwrap_or_else(|| Err(Error::not_found()));
    let key = next()?;
    Ok((next()?, key))
}

fn counted(text: &str) -> Result<i64> {
    let version = text.parse().ok().filter(|version| *version >= 0);
    version.ok_or_else(|| Error::invalid("/sourceVersion", "WRONG_TYPE", "Expected a whole number from 0."))
}

/// The answer to a write of one record.
fn written(conn: &mut PgConnection, cx: &Cx, entry: &'static Entry, row: &dyn Row, created: bool) -> Result<Answer> {
    Ok(Answer {
        status: if created { 201 } else { 200 },
        body: read::render(conn, cx, row, &Selection::all(entry))?,
        version: Some(row.meta().version),
        location: created.then(|| format!("/v1/{}/{}", entry.name, row.meta().id)),
        ..Answer::default()
    })
}

async fn post(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let entry = offered(&request, Place::Collection)?;
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        cx.require(entry, Action::Create)?;
        let row = verbs::create(conn, cx, entry, &body.object()?)?;
        written(conn, cx, entry, row.as_ref(), true)
    });
    Ok(answer(answered.await?))
}

async fn patch(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let entry = offered(&request, Place::One)?;
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        cx.require(entry, Action::Update)?;
        let row = verbs::update(conn, cx, entry, id, seen, &body.object()?)?;
        written(conn, cx, entry, row.as_ref(), false)
    });
    Ok(answer(answered.await?))
}

async fn upsert(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let entry = offered(&request, Place::External)?;
    let ((system, key), seen) = (external_key(&request)?, headers::if_match(&request)?);
    let (manner, mut more) = Manner::and(&request, &body.bytes, &["sourceVersion"])?;
    let source_version = more.remove("sourceVersion");
    let answered = caller.write(manner, move |conn, cx| {
        cx.require(entry, Action::Create)?;
        let source_version = source_version.as_deref().map(counted).transpose()?;
        let key = ExternalKey { source_version, ..ExternalKey::new(&system, &key) };
        let (row, done) = external::upsert(conn, cx, entry, &key, seen, &body.object()?)?;
        let answer = written(conn, cx, entry, row.as_ref(), done == Upserted::Created)?;
        Ok(Answer { stale: done == Upserted::Stale, ..answer })
    });
    Ok(answer(answered.await?))
}

async fn archive(caller: Caller, request: HttpRequest) -> Handled {
    let entry = offered(&request, Place::One)?;
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &[])?;
    let answered = caller.write(manner, move |conn, cx| {
        verbs::archive(conn, cx, entry, id, seen)?;
        Ok(Answer { status: 204, ..Answer::default() })
    });
    Ok(answer(answered.await?))
}

async fn restore(caller: Caller, request: HttpRequest) -> Handled {
    let entry = offered(&request, Place::Restore)?;
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &[])?;
    let answered = caller.write(manner, move |conn, cx| {
        let row = verbs::restore(conn, cx, entry, id, seen)?;
        written(conn, cx, entry, row.as_ref(), false)
    });
    Ok(answer(answered.await?))
}

async fn timeline_of(caller: Caller, request: HttpRequest) -> Handled {
    let entry = offered(&request, Place::Timeline)?;
    let id = path_id(&request)?;
    let allowed = ["kinds", "channels", "from", "to", "limit", "cursor", "expand"];
    let (asked, records) = super::timeline::asked(query::read(request.query_string(), &allowed)?)?;
    let text = caller
        .read(move |conn, cx| timeline::read(conn, cx, (entry, id), &asked, &timeline::plain(cx, records)))
        .await?;
    Ok(json(200, text, None))
}

async fn command(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let entry = offered(&request, Place::Command)?;
    let command = called(&request, entry).ok_or_else(super::nothing_here)?;
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &body.bytes)?;
    let (keyed, dry_run) = (manner.key.is_some(), manner.dry_run);
    let answered = caller.write(manner, move |conn, cx| {
        (command.may)(cx)?;
        command.require_key(keyed, dry_run)?;
        let input = if command.is_bare() && body.bytes.is_empty() { Map::new() } else { body.object()? };
        let row = (command.run)(conn, cx, id, seen, &input)?;
        Ok(Answer { confidential: command.shows_secret, ..written(conn, cx, entry, row.as_ref(), false)? })
    });
    Ok(answer(answered.await?))
}

async fn batch(caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let entry = offered(&request, Place::Batch)?;
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        may_write(cx, entry)?;
        let (atomic, items) = batch_body(&body.object()?)?;
        run_batch(conn, cx, entry, atomic, &items)
    });
    Ok(answer(answered.await?))
}

/// Whether the actor may do at least one of the things that a batch can do.
pub(crate) fn may_write(cx: &Cx, entry: &'static Entry) -> Result<()> {
    let rest = [Action::Update, Action::Archive];
    let any = rest.into_iter().any(|action| cx.require(entry, action).is_ok());
    if any { Ok(()) } else { cx.require(entry, Action::Create).map(drop) }
}

fn batch_body(body: &Map<String, Value>) -> Result<(bool, Vec<Value>)> {
    let mut violations = Violations::default();
    for name in body.keys().filter(|name| !["atomic", "items"].contains(&name.as_str())) {
        violations.add(format!("/{name}"), "UNKNOWN_FIELD", "A batch has items and atomic.");
    }
    let atomic = match body.get("atomic") {
        None => false,
        Some(Value::Bool(atomic)) => *atomic,
        Some(_) => {
            violations.add("/atomic", "WRONG_TYPE", "Expected true or false.");
            false
        }
    };
    let items = match body.get("items") {
        Some(Value::Array(items)) if items.len() <= MAX_STEPS => items.clone(),
        Some(Value::Array(_)) => {
            violations.add("/items", "TOO_MANY", format!("At most {MAX_STEPS} items."));
            Vec::new()
        }
        _ => {
            violations.add("/items", "REQUIRED", "Expected a list of items.");
            Vec::new()
        }
    };
    violations.into_result()?;
    Ok((atomic, items))
}

/// Runs the items in order. Atomic: the first failure ends and undoes all. Else each item has a result of its own.
pub(crate) fn run_batch(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &'static Entry,
    atomic: bool,
    items: &[Value],
) -> Result<Answer> {
    let all = Selection::all(entry);
    let mut results = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let outcome = Step::parse(item, &[]).and_then(|step| {
            if atomic { step.run(conn, cx, entry).map_err(in_data) } else { step.run_alone(conn, cx, entry) }
        });
        let result = match outcome {
            Ok(Outcome { row, created, stale }) => {
                let data: Value =
                    serde_json::from_slice(&read::render(conn, cx, row.as_ref(), &all)?).unwrap_or_default();
                let mut result = value!({"index": index, "status": if created { 201 } else { 200 }, "data": data});
                if let Some(result) = result.as_object_mut().filter(|_| stale) {
                    result.insert("stale".to_owned(), true.into());
                }
                result
            }
            Err(error) if atomic => return Err(within(error, index)),
            // Not the item's fault: the whole batch is tried again, or fails.
            Err(error) if matches!(error.code.kind, ErrorKind::Internal | ErrorKind::Unavailable) => return Err(error),
            Err(error) => {
                let problem = problem::document(&error, cx.origin.request_id);
                value!({"index": index, "status": problem::status(error.code.kind), "problem": problem})
            }
        };
        results.push(result);
    }
    let body = serde_json::to_vec(&value!({"results": results})).map_err(Error::internal)?;
    Ok(Answer { status: if atomic { 200 } else { 207 }, body, ..Answer::default() })
}

/// An item's error with pointers into the whole batch.
fn within(mut error: Error, index: usize) -> Error {
    for violation in &mut error.violations {
        violation.pointer = format!("/items/{index}{}", violation.pointer);
    }
    error.detail = format!("Item {index}: {}", error.detail);
    error
}
