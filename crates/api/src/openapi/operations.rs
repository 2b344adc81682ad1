//! The standard operations of a resource, as the routes in `rest::standard` have them.

use super::schemas::{command_input, example_body, example_input, example_record, example_timeline};
use super::statuses;
use kith_kernel::{Entry, Verb};
use serde_json::{Map, Value, json};

/// Name of a schema, and an example of it.
type Body = (String, Value);

/// One operation before it is written down.
struct Operation<'a> {
    id: String,
    summary: String,
    description: &'a str,
    parameters: Vec<Value>,
    body: Option<Body>,
    /// Status, description, schema and example of the good answers.
    good: Vec<(u16, &'a str, Option<Body>)>,
    other: &'a [u16],
}

fn snake(type_name: &str) -> String {
    let mut out = String::new();
    for c in type_name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

fn text(name: &str, place: &str, doc: &str, required: bool) -> Value {
    json!({"name": name, "in": place, "required": required, "description": doc, "schema": {"type": "string"}})
}

fn id() -> Value {
    json!({"name": "id", "in": "path", "required": true, "description": "The record's id.", "schema": {"type": "string", "format": "uuid"}})
}

fn shaping() -> Vec<Value> {
    vec![
        text("fields", "query", "Only these fields, comma-separated.", false),
        text("expand", "query", "These relations too, comma-separated; `contacts.contactPoints` goes deeper.", false),
    ]
}

fn key() -> Value {
    text(
        "Idempotency-Key",
        "header",
        "The same key with the same request gives the stored answer again, for 48 hours.",
        false,
    )
}

/// Of the verbs that are refused without one.
fn needed_key() -> Value {
    let doc = "Required, unless it is a dry run. The same key with the same request gives the stored answer again, for 48 hours.";
    json!({"name": "Idempotency-Key", "in": "header", "required": true, "description": doc, "schema": {"type": "string"}})
}

fn condition() -> Value {
    text(
        "If-Match",
        "header",
        "The version that was read, as in `ETag`: `\"3\"`. A stale one is merged unless the same fields changed. \
Required to update, archive and restore where the tenant `requiresVersion`.",
        false,
    )
}

fn dry_run() -> Value {
    json!({"name": "dryRun", "in": "query", "required": false, "description": "Try, answer, and keep nothing.", "schema": {"type": "boolean"}})
}

fn source_version() -> Value {
    json!({"name": "sourceVersion", "in": "query", "required": false,
        "description": "Counts up in the other system with every change of the record. A message with a lower one than a message before it came late, and changes nothing. Without it, it is taken for newer.",
        "schema": {"type": "integer", "format": "int64", "minimum": 0}})
}

fn listing(entry: &Entry) -> Vec<Value> {
    let filter = json!({"name": "filter", "in": "query", "required": false, "style": "deepObject", "explode": true,
        "description": "The filter tree: `filter[field]=value`, `filter[field][operator]=value`, relations by name. Long ones: POST …/query.",
        "schema": {"type": "object", "additionalProperties": true}});
    let limit = json!({"name": "limit", "in": "query", "required": false, "description": "Page size.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}});
    let count = json!({"name": "count", "in": "query", "required": false, "description": "Adds `page.total`.",
        "schema": {"type": "string", "enum": ["none", "estimated", "exact"], "default": "none"}});
    let archived = json!({"name": "archived", "in": "query", "required": false, "description": "Whether archived records are listed.",
        "schema": {"type": "string", "enum": ["false", "true", "any"], "default": "false"}});
    let sort = text("sort", "query", &sorting(entry), false);
    let cursor =
        text("cursor", "query", "`nextCursor` or `previousCursor` of a page, with the same filter and sort.", false);
    [vec![filter, sort, limit, cursor, count, archived], shaping()].concat()
}

/// What a list can be sorted by, for the query string and for bodies.
pub fn sorting(entry: &Entry) -> String {
    let names: Vec<_> = kith_kernel::sortable(crate::catalogue(), entry).map(|sortable| sortable.name).collect();
    format!(
        "At most five of these, comma-separated, `-` for descending; newest first unless given. Nulls stand last. `{}`.",
        names.join("`, `")
    )
}

fn timeline() -> Vec<Value> {
    vec![
        text("kinds", "query", "Only these kinds, comma-separated: `INTERACTION,NOTE`.", false),
        text("channels", "query", "Only what has one of these channels, comma-separated: `PHONE,EMAIL`.", false),
        text("from", "query", "Not before this time.", false),
        text("to", "query", "Before this time.", false),
        json!({"name": "limit", "in": "query", "required": false, "description": "Page size.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}}),
        text("cursor", "query", "`nextCursor` of a page, with the same parameters.", false),
        text("expand", "query", "`record` adds the record of each entry.", false),
    ]
}

/// Adds the paths of one resource.
pub fn add(paths: &mut Map<String, Value>, entry: &'static Entry) {
    let (plural, one, ty) = (snake(entry.name).replace('-', "_"), snake(entry.type_name), entry.type_name);
    let named = one.replace('_', " ");
    let base = format!("/v1/{}", entry.name);
    let record = || Some((ty.to_owned(), example_record(entry)));
    let page = || {
        let info = json!({"nextCursor": null, "previousCursor": null, "hasMore": false});
        Some((format!("{ty}Page"), json!({"data": [example_record(entry)], "page": info})))
    };
    let external = || {
        vec![
            text("system", "path", "Short name of the other system.", true),
            text("externalId", "path", "The key there.", true),
        ]
    };
    let mut put = |path: String, method: &str, operation: Operation<'_>| {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(item) = item.as_object_mut() {
            item.insert(method.into(), operation.json(entry));
        }
    };
    put(
        base.clone(),
        "get",
        Operation {
            id: format!("list_{plural}"),
            summary: format!("List {}", entry.name.replace('-', " ")),
            description: "A page of records that fit the filter, in the order asked for.",
            parameters: listing(entry),
            body: None,
            good: vec![(200, "A page.", page())],
            other: &[],
        },
    );
    put(
        format!("{base}/query"),
        "post",
        Operation {
            id: format!("query_{plural}"),
            summary: format!("List {} by a body", entry.name.replace('-', " ")),
            description: "The same as listing, with its parameters as JSON, for long filters.",
            parameters: vec![],
            body: Some((format!("{ty}Query"), json!({"limit": 10}))),
            good: vec![(200, "A page.", page())],
            other: &[],
        },
    );
    put(
        format!("{base}/{{id}}"),
        "get",
        Operation {
            id: format!("get_{one}"),
            summary: format!("Get one {named}"),
            description: "One record, archived or not.",
            parameters: [vec![id()], shaping()].concat(),
            body: None,
            good: vec![(200, "The record.", record()), (304, "It still has the version in If-None-Match.", None)],
            other: &[],
        },
    );
    put(
        format!("{base}/external/{{system}}/{{externalId}}"),
        "get",
        Operation {
            id: format!("get_{one}_by_external_id"),
            summary: format!("Get one {named} by another system's key"),
            description: "One record by its key in another system.",
            parameters: [external(), shaping()].concat(),
            body: None,
            good: vec![(200, "The record.", record())],
            other: &[],
        },
    );
    if crate::catalogue().has_timeline(entry) {
        put(
            format!("{base}/{{id}}/timeline"),
            "get",
            Operation {
                id: format!("get_{one}_timeline"),
                summary: format!("What there is about one {named}"),
                description: "A page of everything that there is about the record and that you may read, newest first.",
                parameters: [vec![id()], timeline()].concat(),
                body: None,
                good: vec![(200, "A page.", Some(("TimelinePage".into(), example_timeline())))],
                other: &[],
            },
        );
    }
    let (create, update) = (entry.offers(Verb::Create), entry.offers(Verb::Update));
    if create {
        put(
            base.clone(),
            "post",
            Operation {
                id: format!("create_{one}"),
                summary: format!("Create one {named}"),
                description: entry.doc,
                parameters: vec![key(), dry_run()],
                body: Some((format!("{ty}Input"), example_body(entry, true))),
                good: vec![(201, "It was created; `Location` names it.", record())],
                other: &[409],
            },
        );
    }
    if create && update {
        put(
            format!("{base}/external/{{system}}/{{externalId}}"),
            "put",
            Operation {
                id: format!("upsert_{one}"),
                summary: format!("Create or update one {named} by another system's key"),
                description: "Creates the record if no record has this key yet, else patches it. Safe to repeat. \
Needs no `If-Match` even where the tenant `requiresVersion`: the other system is the source of what it sends.",
                parameters: [external(), vec![source_version(), condition(), key(), dry_run()]].concat(),
                body: Some((format!("{ty}Input"), example_body(entry, true))),
                good: vec![
                    (
                        200,
                        "It was updated; or the message is stale, which the header `Kith-Stale: true` tells, and this is the record as it stays.",
                        record(),
                    ),
                    (201, "It was created.", record()),
                ],
                other: &[409, 412],
            },
        );
    }
    if create || update {
        let example = json!({"items": [{"op": "create", "data": example_body(entry, true)}]});
        let results = json!({"results": [{"index": 0, "status": 201, "data": example_record(entry)}]});
        put(
            format!("{base}/batch"),
            "post",
            Operation {
                id: format!("batch_{plural}"),
                summary: format!("Write many {} at once", entry.name.replace('-', " ")),
                description: "Up to 1,000 items, each create, update, upsert, archive or restore; all or nothing if `atomic`.",
                parameters: vec![key(), dry_run()],
                body: Some(("BatchInput".into(), example)),
                good: vec![
                    (200, "All of it was done.", Some(("BatchResults".into(), results.clone()))),
                    (207, "Each item has its own result.", Some(("BatchResults".into(), results))),
                ],
                other: &[409, 412, 428],
            },
        );
    }
    if update {
        put(
            format!("{base}/{{id}}"),
            "patch",
            Operation {
                id: format!("update_{one}"),
                summary: format!("Update one {named}"),
                description: "JSON Merge Patch (RFC 7396): what is absent stays, null clears.",
                parameters: vec![id(), condition(), key(), dry_run()],
                body: Some((format!("{ty}Patch"), example_body(entry, false))),
                good: vec![(200, "The record as it is now.", record())],
                other: &[409, 412, 428],
            },
        );
    }
    if entry.offers(Verb::Archive) {
        put(
            format!("{base}/{{id}}"),
            "delete",
            Operation {
                id: format!("archive_{one}"),
                summary: format!("Archive one {named}"),
                description: "It leaves lists and can be restored. Archiving it again changes nothing.",
                parameters: vec![id(), condition(), key(), dry_run()],
                body: None,
                good: vec![(204, "It is archived.", None)],
                other: &[409, 412, 428],
            },
        );
        put(
            format!("{base}/{{id}}/restore"),
            "post",
            Operation {
                id: format!("restore_{one}"),
                summary: format!("Restore one {named}"),
                description: "Brings an archived record back.",
                parameters: vec![id(), condition(), key(), dry_run()],
                body: None,
                good: vec![(200, "The record as it is now.", record())],
                other: &[409, 412, 428],
            },
        );
    }
    for command in &entry.commands {
        let input = (!command.fields.is_empty()).then(|| (command_input(entry, command), example_input(command)));
        put(
            format!("{base}/{{id}}/{}", command.name),
            "post",
            Operation {
                id: format!("{}_{one}", command.name.replace('-', "_")),
                summary: format!("{} one {named}", sentence(command.name)),
                description: command.doc,
                parameters: vec![id(), condition(), if command.keyed { needed_key() } else { key() }, dry_run()],
                body: input,
                good: vec![(200, "The record as it is now.", record())],
                other: &[409, 412, 428],
            },
        );
    }
}

/// `set-team` → `Set team`, as a summary begins.
fn sentence(kebab: &str) -> String {
    let mut text = kebab.replace('-', " ");
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

impl Operation<'_> {
    fn json(self, entry: &Entry) -> Value {
        let mut responses = Map::new();
        for (status, description, schema) in self.good {
            let mut response = json!({"description": description});
            if let (Some((name, example)), Some(object)) = (schema, response.as_object_mut()) {
                let content = json!({"schema": {"$ref": format!("#/components/schemas/{name}")}, "example": example});
                object.insert("content".into(), json!({"application/json": content}));
                if status == 201 || status == 200 && !name.ends_with("Page") && !name.starts_with("Batch") {
                    object.insert(
                        "headers".into(),
                        json!({"ETag": {"description": "The version.", "schema": {"type": "string"}}}),
                    );
                }
            }
            responses.insert(status.to_string(), response);
        }
        for status in statuses(true, self.body.is_some(), self.other) {
            responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/E{status}")}));
        }
        let mut operation = json!({
            "tags": [entry.area], "operationId": self.id, "summary": self.summary, "description": self.description,
        });
        if let Some(object) = operation.as_object_mut() {
            if !self.parameters.is_empty() {
                object.insert("parameters".into(), Value::Array(self.parameters));
            }
            if let Some((name, example)) = self.body {
                let schema = json!({"$ref": format!("#/components/schemas/{name}")});
                object.insert(
                    "requestBody".into(),
                    json!({"required": true, "content": {"application/json": {"schema": schema, "example": example}}}),
                );
            }
            object.insert("responses".into(), Value::Object(responses));
            object.insert("security".into(), json!([{"bearer": []}]));
        }
        operation
    }
}
