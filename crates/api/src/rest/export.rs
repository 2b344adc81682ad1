//! `GET /v1/bulk/{resource}`: all records of a resource as a file.

use super::select::selection;
use crate::caller::Caller;
use crate::http::problem::Handled;
use crate::http::{query, stream};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use kith_bulk::LoadFormat;
use kith_bulk::export::Lines;
use kith_journal::{export as journal, feed};
use kith_kernel::{Action, Cx, Entry, Error, Item, ListArgs, Result};
use std::sync::Arc;

/// What is exported, and how.
struct Export {
    lines: Lines,
    args: ListArgs,
    system: Option<String>,
}

/// Exports all records of a resource.
///
/// Every record that the caller may see, a JSON object or a row of a table each, in the order of their ids, as one stream of
/// any length. The header `Feed-Cursor` is a position in the change feed from before the export began: following the feed
/// from there after the export misses nothing that happened meanwhile. With `system`, each record tells its key there as
/// `externalId`. Tables write cells that a spreadsheet would run with a leading apostrophe; importing them takes it away.
/// A stream that ends without its last chunk is not whole: ask again.
#[utoipa::path(
    get, path = "/v1/bulk/{resource}", operation_id = "export_records", tag = "bulk",
    params(
        ("resource" = String, Path, description = "The resource.", example = "contacts"),
        ("format" = Option<String>, Query, description = "`ndjson` or `csv`; what `Accept` says unless given."),
        ("fields" = Option<String>, Query, description = "Only these fields, comma-separated."),
        ("filter" = Option<std::collections::HashMap<String, String>>, Query, style = DeepObject, explode, description = "The filter tree, as in lists."),
        ("archived" = Option<String>, Query, description = "Whether archived records are exported: `false`, `true` or `any`."),
        ("system" = Option<String>, Query, description = "Tell the keys in this system as `externalId`.", example = "erp"),
    ),
    responses((status = 200, description = "The records.", body = String, content_type = "application/x-ndjson",
        headers(("Feed-Cursor" = String, description = "Where to follow the change feed from.")),
        example = json!("{\"id\":\"019a9f6e-3c1d-7b60-8a53-0d5f6c1a2b3c\",\"familyName\":\"Anders\"}\n"))),
    security(("bearer" = []))
)]
pub async fn export(caller: Caller, request: HttpRequest) -> Handled {
    let entry = super::bulk::named(&request)?;
    let cx = caller.cx();
    cx.require(entry, Action::Read)?;
    let export = Arc::new(asked(&cx, entry, &request)?);
    let permit = stream::permit(&caller.app)?;
    let (head, first) = first(&caller, export.clone()).await?;
    let mut response = HttpResponse::Ok();
    let (media_type, ending) = match export.lines.format {
        LoadFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        LoadFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    response.content_type(media_type);
    response.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{ending}\"", entry.name)));
    response.insert_header(("feed-cursor", head));
    let next = move |state| {
        let (caller, export) = (caller.clone(), export.clone());
        async move {
            match state {
                Next::Ready(text, cursor) => Ok(Some((text, cursor.map_or(Next::End, Next::Page)))),
                Next::Page(cursor) => {
                    let (text, next) = page(&caller, export, Some(cursor)).await?;
                    Ok(Some((text, next.map_or(Next::End, Next::Page))))
                }
                Next::End => Ok(None),
            }
        }
    };
    Ok(stream::answer(&request, response, permit, Next::Ready(first.0, first.1), next))
}

enum Next {
    /// Read already, so that what is wrong with the request was told instead.
    Ready(Vec<u8>, Option<String>),
    Page(String),
    End,
}

fn asked(cx: &Cx, entry: &'static Entry, request: &HttpRequest) -> Result<Export> {
    let allowed = ["format", "fields", "filter", "archived", "system"];
    let mut asked = query::read(request.query_string(), &allowed)?;
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = match asked.more.get("format").map(String::as_str) {
        Some("csv") => LoadFormat::Csv,
        Some("ndjson") => LoadFormat::Ndjson,
        Some(_) => return Err(Error::invalid("/query/format", "WRONG_TYPE", "Expected ndjson or csv.")),
        None if accepted.starts_with("text/") => LoadFormat::Csv,
        None => LoadFormat::Ndjson,
    };
    let select = selection(cx, entry, asked.fields.as_deref(), None)?;
    let index = |item: &Item| if let Item::Field { index, .. } = item { Some(*index) } else { None };
    let system = asked.more.remove("system");
    let indices = select.items.iter().filter_map(index).collect();
    let lines = Lines { entry, indices, keyed: system.is_some(), format };
    Ok(Export { lines, args: asked.list, system })
}

/// The head of the feed, and then the first page.
async fn first(caller: &Caller, export: Arc<Export>) -> Result<(String, (Vec<u8>, Option<String>))> {
    let (db, cx) = (caller.app.db.clone(), caller.cx());
    let head = stream::patiently(move || db.read(cx.tenant, |conn| Ok(feed::head(conn)?.encode(&cx)))).await?;
    let (mut text, next) = page(caller, export.clone(), None).await?;
    let mut names = Vec::new();
    export.lines.head(&mut names);
    text.splice(0..0, names);
    Ok((head, (text, next)))
}

async fn page(caller: &Caller, export: Arc<Export>, cursor: Option<String>) -> Result<(Vec<u8>, Option<String>)> {
    let (db, cx) = (caller.app.db.clone(), caller.cx());
    let work = move || {
        db.read(cx.tenant, |conn| {
            let Export { lines, args, system } = export.as_ref();
            let args = ListArgs { cursor, ..args.clone() };
            let page = journal::page(conn, &cx, lines.entry, &args, system.as_deref())?;
            let mut text = Vec::with_capacity(page.rows.len() * 256);
            for row in (0..page.rows.len()).filter_map(|at| page.rows.row(at)) {
                lines.line(&mut text, row, page.keys.get(&row.meta().id).map(String::as_str));
            }
            Ok((text, page.next))
        })
    };
    stream::patiently(work).await
}
