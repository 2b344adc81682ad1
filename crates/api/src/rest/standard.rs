//! The standard routes, the same for every resource of the catalogue.

use super::select::{page, selection};
use super::{answer, json, other_method, path_id};
use crate::caller::{Answer, Caller, Manner};
use crate::http::body::Json;
use crate::http::problem::{self, Handled};
use crate::http::{headers, query};
use actix_web::{HttpRequest, HttpResponse, web};
use diesel::PgConnection;
use kith_journal::batch::{MAX_STEPS, Outcome, Step};
use kith_journal::{read, verbs};
use kith_kernel::{Cx, Entry, Error, ListArgs, Result, Row, Selection, Verb, Violations};
use serde_json::{Map, Value, json as value};

type Resource = &'static Entry;

/// Adds the routes of one resource. Literal tails stand before `{id}`.
pub fn routes(config: &mut web::ServiceConfig, entry: Resource) {
    let base = format!("/v1/{}", entry.name);
    let (create, update, shelve) =
        (entry.offers(Verb::Create), entry.offers(Verb::Update), entry.offers(Verb::Archive));
    let mut collection = web::resource(base.clone()).get(move |caller, request| list(entry, caller, request));
    if create {
        collection = collection.post(move |caller, request, body| post(entry, caller, request, body));
    }
    config.service(collection.default_service(other_method(if create { "GET, HEAD, POST" } else { "GET, HEAD" })));
    let query = web::resource(format!("{base}/query"))
        .post(move |caller, request, body| list_by_body(entry, caller, request, body));
    config.service(query.default_service(other_method("POST")));
    if create || update {
        let batch = web::resource(format!("{base}/batch"))
            .post(move |caller, request, body| batch(entry, caller, request, body));
        config.service(batch.default_service(other_method("POST")));
    }
    let mut external = web::resource(format!("{base}/external/{{system}}/{{externalId}}"))
        .get(move |caller, request| get_external(entry, caller, request));
    if create && update {
        external = external.put(move |caller, request, body| upsert(entry, caller, request, body));
    }
    config.service(external.default_service(other_method(if create && update {
        "GET, HEAD, PUT"
    } else {
        "GET, HEAD"
    })));
    if shelve {
        let restore = web::resource(format!("{base}/{{id}}/restore"))
            .post(move |caller, request| restore(entry, caller, request));
        config.service(restore.default_service(other_method("POST")));
    }
    let mut one = web::resource(format!("{base}/{{id}}")).get(move |caller, request| get(entry, caller, request));
    if update {
        one = one.patch(move |caller, request, body| patch(entry, caller, request, body));
    }
    if shelve {
        one = one.delete(move |caller, request| archive(entry, caller, request));
    }
    let allow = match (update, shelve) {
        (true, true) => "GET, HEAD, PATCH, DELETE",
        (true, false) => "GET, HEAD, PATCH",
        (false, true) => "GET, HEAD, DELETE",
        (false, false) => "GET, HEAD",
    };
    config.service(one.default_service(other_method(allow)));
}

async fn list(entry: Resource, caller: Caller, request: HttpRequest) -> Handled {
    let allowed = ["filter", "sort", "limit", "cursor", "fields", "expand", "count", "archived"];
    let asked = query::read(request.query_string(), &allowed)?;
    Ok(listed(entry, caller, asked).await?)
}

async fn list_by_body(entry: Resource, caller: Caller, request: HttpRequest, body: Json) -> Handled {
    query::read(request.query_string(), &[])?;
    Ok(listed(entry, caller, asked_by_body(&body.object()?)?).await?)
}

async fn listed(entry: Resource, caller: Caller, asked: query::Asked) -> Result<HttpResponse> {
    let text = caller
        .read(move |conn, cx| {
            cx.require(entry, kith_kernel::Action::Read)?;
            let select = selection(cx, entry, asked.fields.as_deref(), asked.expand.as_deref())?;
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

async fn get(entry: Resource, caller: Caller, request: HttpRequest) -> Handled {
    let id = path_id(&request)?;
    let asked = query::read(request.query_string(), &["fields", "expand"])?;
    let found = caller.read(move |conn, cx| one(conn, cx, entry, id, &asked)).await?;
    Ok(found_answer(&request, found))
}

async fn get_external(entry: Resource, caller: Caller, request: HttpRequest) -> Handled {
    let (system, key) = external_key(&request)?;
    let asked = query::read(request.query_string(), &["fields", "expand"])?;
    let found = caller
        .read(move |conn, cx| {
            cx.require(entry, kith_kernel::Action::Read)?;
            let id = verbs::by_external_id(conn, cx, entry, &system, &key)?.ok_or_else(Error::not_found)?;
            one(conn, cx, entry, id, &asked)
        })
        .await?;
    Ok(found_answer(&request, found))
}

fn one(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: Resource,
    id: uuid::Uuid,
    asked: &query::Asked,
) -> Result<(Vec<u8>, i32)> {
    cx.require(entry, kith_kernel::Action::Read)?;
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
    let part = |name: &str| {
        let text = request.match_info().query(name);
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8().map_err(|_| Error::not_found())?;
        kith_kernel::text::clean(&decoded).map_err(|_| Error::not_found())
    };
    Ok((part("system")?, part("externalId")?))
}

/// The answer to a write of one record.
fn written(conn: &mut PgConnection, cx: &Cx, entry: Resource, row: &dyn Row, created: bool) -> Result<Answer> {
    Ok(Answer {
        status: if created { 201 } else { 200 },
        body: read::render(conn, cx, row, &Selection::all(entry))?,
        version: Some(row.meta().version),
        location: created.then(|| format!("/v1/{}/{}", entry.name, row.meta().id)),
        replayed: false,
    })
}

async fn post(entry: Resource, caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        cx.require(entry, kith_kernel::Action::Create)?;
        let row = verbs::create(conn, cx, entry, &body.object()?)?;
        written(conn, cx, entry, row.as_ref(), true)
    });
    Ok(answer(answered.await?))
}

async fn patch(entry: Resource, caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        cx.require(entry, kith_kernel::Action::Update)?;
        let row = verbs::update(conn, cx, entry, id, seen, &body.object()?)?;
        written(conn, cx, entry, row.as_ref(), false)
    });
    Ok(answer(answered.await?))
}

async fn upsert(entry: Resource, caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let ((system, key), seen) = (external_key(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        cx.require(entry, kith_kernel::Action::Create)?;
        let (row, created) = verbs::upsert(conn, cx, entry, (&system, &key), seen, &body.object()?)?;
        written(conn, cx, entry, row.as_ref(), created)
    });
    Ok(answer(answered.await?))
}

async fn archive(entry: Resource, caller: Caller, request: HttpRequest) -> Handled {
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &[])?;
    let answered = caller.write(manner, move |conn, cx| {
        verbs::archive(conn, cx, entry, id, seen)?;
        Ok(Answer { status: 204, ..Answer::default() })
    });
    Ok(answer(answered.await?))
}

async fn restore(entry: Resource, caller: Caller, request: HttpRequest) -> Handled {
    let (id, seen) = (path_id(&request)?, headers::if_match(&request)?);
    let manner = Manner::of(&request, &[])?;
    let answered = caller.write(manner, move |conn, cx| {
        let row = verbs::restore(conn, cx, entry, id, seen)?;
        written(conn, cx, entry, row.as_ref(), false)
    });
    Ok(answer(answered.await?))
}

async fn batch(entry: Resource, caller: Caller, request: HttpRequest, body: Json) -> Handled {
    let manner = Manner::of(&request, &body.bytes)?;
    let answered = caller.write(manner, move |conn, cx| {
        let (atomic, items) = batch_body(&body.object()?)?;
        run_batch(conn, cx, entry, atomic, &items)
    });
    Ok(answer(answered.await?))
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
    entry: Resource,
    atomic: bool,
    items: &[Value],
) -> Result<Answer> {
    let all = Selection::all(entry);
    let mut results = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let outcome = Step::parse(item)
            .and_then(|step| if atomic { step.run(conn, cx, entry) } else { step.run_alone(conn, cx, entry) });
        let result = match outcome {
            Ok(Outcome { row, created }) => {
                let data: Value =
                    serde_json::from_slice(&read::render(conn, cx, row.as_ref(), &all)?).unwrap_or_default();
                value!({"index": index, "status": if created { 201 } else { 200 }, "data": data})
            }
            Err(error) if atomic => return Err(within(error, index)),
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
