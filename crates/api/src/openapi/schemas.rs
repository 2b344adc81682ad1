//! Schemas of the catalogue: the record, what creates and what patches it, its page and its filter.

use kith_journal::timeline::Fact;
use kith_kernel::{Access, Catalogue, Command, Entry, Field, Kind, Link, Verb};
use serde_json::{Map, Value, json};

/// All of them.
pub fn all(catalogue: &'static Catalogue) -> Map<String, Value> {
    let mut schemas = shared();
    schemas.extend(timeline(catalogue));
    for entry in catalogue.entries() {
        schemas.insert(entry.type_name.into(), record(catalogue, entry));
        if entry.offers(Verb::Create) {
            schemas.insert(format!("{}Input", entry.type_name), input(entry));
        }
        if entry.offers(Verb::Update) {
            schemas.insert(format!("{}Patch", entry.type_name), patch(entry));
        }
        schemas.insert(format!("{}Page", entry.type_name), page(entry));
        schemas.insert(format!("{}Embedded", entry.type_name), embedded(entry));
        schemas.insert(format!("{}Filter", entry.type_name), filter(catalogue, entry));
        schemas.insert(format!("{}Query", entry.type_name), query(entry));
        for command in entry.commands.iter().filter(|command| !command.fields.is_empty()) {
            schemas.insert(command_input(entry, command), object(command.fields.iter()));
        }
        let taken = entry.commands.iter().flat_map(|command| command.fields);
        for field in entry.fields.iter().chain(taken) {
            if let Kind::Enum(name, values) = field.kind {
                let texts: Vec<_> = values.iter().map(|(value, _)| *value).collect();
                let meanings: Vec<_> =
                    values.iter().map(|(value, doc)| format!("- `{value}`: {}", doc.trim())).collect();
                schemas
                    .insert(name.into(), json!({"type": "string", "enum": texts, "description": meanings.join("\n")}));
            }
        }
    }
    schemas
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn decimal() -> Value {
    json!({"type": "string", "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,4})?$", "examples": ["1234.50"]})
}

fn shared() -> Map<String, Value> {
    let place = json!({
        "type": "object", "required": ["pointer", "code", "detail"],
        "properties": {
            "pointer": {"type": "string", "description": "JSON Pointer into the body, or `/query/<parameter>`."},
            "code": {"type": "string", "description": "What is wrong, in upper snake case."},
            "detail": {"type": "string", "description": "What would be right."},
            "yours": {"description": "On a conflict: the value that was sent."},
            "current": {"description": "On a conflict: the value the record has."},
            "changedAt": {"type": "string", "format": "date-time", "description": "On a conflict: when it was changed."},
            "changedBy": {"type": ["string", "null"], "format": "uuid", "description": "On a conflict: by whom."}
        }
    });
    let names: Vec<_> = crate::all_codes().into_iter().map(|code| code.name).collect();
    let problem = json!({
        "type": "object", "description": "A refusal (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "description": "Path of the documentation of the code."},
            "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
            "instance": {"type": "string", "description": "The request, as a URN."},
            "code": reference("ErrorCode"),
            "requestId": {"type": "string", "format": "uuid", "description": "Finds the request in the log."},
            "errors": {"type": "array", "items": reference("ProblemPlace")}
        }
    });
    let money = json!({
        "type": "object", "description": "An exact amount in a currency.", "required": ["amount", "currency"], "additionalProperties": false,
        "properties": {"amount": decimal(), "currency": {"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217."}}
    });
    let info = json!({
        "type": "object", "required": ["nextCursor", "previousCursor", "hasMore"],
        "properties": {
            "nextCursor": {"type": ["string", "null"], "description": "Cursor of the next page."},
            "previousCursor": {"type": ["string", "null"], "description": "Cursor of the page before."},
            "hasMore": {"type": "boolean", "description": "There is more in the direction that was read."},
            "total": {"type": ["integer", "null"], "description": "How many records fit in all, where it was asked for with `count`."}
        }
    });
    let key = json!({"type": "object", "required": ["system", "externalId"], "additionalProperties": false,
    "properties": {
        "system": {"type": "string", "description": "Short name of the other system."},
        "externalId": {"type": "string", "description": "The key there."},
        "sourceVersion": {"type": ["integer", "null"], "format": "int64", "minimum": 0,
            "description": "Counts up there with every change of the record: an upsert with one lower than a message before it is stale, and changes nothing. Null: it is taken for newer."}
    }});
    let item = json!({
        "type": "object", "required": ["op"], "additionalProperties": false,
        "properties": {
            "op": {"type": "string", "enum": ["create", "update", "upsert", "archive", "restore"]},
            "id": {"type": "string", "format": "uuid", "description": "Which record, for update, archive and restore."},
            "externalId": reference("ExternalKey"),
            "ifVersion": {"type": ["integer", "null"], "description": "The version that was read."},
            "data": {"type": "object", "description": "The members to write, as in create or update."}
        }
    });
    let batch = json!({
        "type": "object", "required": ["items"], "additionalProperties": false,
        "properties": {
            "atomic": {"type": "boolean", "default": false, "description": "All or nothing."},
            "items": {"type": "array", "maxItems": 1000, "items": reference("BatchItem")}
        }
    });
    let result = json!({
        "type": "object", "required": ["index", "status"],
        "properties": {
            "index": {"type": "integer"}, "status": {"type": "integer", "description": "As an HTTP status."},
            "data": {"type": "object", "description": "The record, if it succeeded."}, "problem": reference("Problem"),
            "stale": {"type": "boolean", "description": "True: a message with a higher sourceVersion came before, and nothing changed. Not there otherwise."}
        }
    });
    let results = json!({"type": "object", "required": ["results"],
        "properties": {"results": {"type": "array", "items": reference("BatchResult")}}});
    let mut all: Map<String, Value> = [
        ("ProblemPlace", place),
        ("Problem", problem),
        ("ErrorCode", json!({"type": "string", "enum": names, "description": "Documented at `/problems/<code in lower kebab case>`."})),
        ("Money", money),
        ("PageInfo", info),
        ("ExternalKey", key),
        ("BatchItem", item),
        ("BatchInput", batch),
        ("BatchResult", result),
        ("BatchResults", results),
    ]
    .into_iter()
    .map(|(name, schema)| (name.to_owned(), schema))
    .collect();
    for (name, kind) in [
        ("TextFilter", Kind::Text),
        ("BooleanFilter", Kind::Bool),
        ("IntFilter", Kind::Int),
        ("DecimalFilter", Kind::Decimal),
        ("MoneyFilter", Kind::Money),
        ("DateFilter", Kind::Date),
        ("DateTimeFilter", Kind::Time),
        ("IdFilter", Kind::Id(None)),
        ("EnumFilter", Kind::Enum("", &[])),
    ] {
        all.insert(name.into(), conditions(kind));
    }
    all
}

/// The value of a kind, without null.
fn value(kind: Kind, max: usize) -> Value {
    match kind {
        Kind::Text => json!({"type": "string", "maxLength": max}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int => json!({"type": "integer", "format": "int32"}),
        Kind::Decimal => decimal(),
        Kind::Money => reference("Money"),
        Kind::Date => json!({"type": "string", "format": "date"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Id(_) => json!({"type": "string", "format": "uuid"}),
        Kind::Enum("", _) => json!({"type": "string"}),
        Kind::Enum(name, _) => reference(name),
        Kind::Rate => json!({"type": "string", "pattern": "^[0-9]{1,12}(\\.[0-9]{1,12})?$", "examples": ["0.9183"]}),
        Kind::Json => json!({}),
    }
}

/// A field of a record or a body, with its documentation.
fn property(field: &Field, nullable: bool) -> Value {
    let mut schema = value(field.kind, field.max);
    if nullable {
        schema = match schema.get("type").cloned() {
            Some(kind) => {
                if let Some(object) = schema.as_object_mut() {
                    object.insert("type".into(), json!([kind, "null"]));
                }
                schema
            }
            None => json!({"oneOf": [schema, {"type": "null"}]}),
        };
    }
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".into(), field.doc.into());
    }
    schema
}

fn shown(entry: &'static Entry) -> impl Iterator<Item = &'static Field> {
    entry.shown.iter().filter_map(|index| entry.fields.get(*index))
}

fn record(catalogue: &'static Catalogue, entry: &'static Entry) -> Value {
    let mut properties: Map<String, Value> =
        shown(entry).map(|field| (field.name.to_owned(), property(field, field.nullable))).collect();
    let required: Vec<_> = shown(entry).map(|field| field.name).collect();
    for relation in &entry.relations {
        let Some(target) = catalogue.get(relation.target) else { continue };
        let schema = match relation.link {
            Link::One => {
                json!({"oneOf": [reference(target.type_name), {"type": "null"}], "description": format!("{} With `expand` only.", relation.doc)})
            }
            Link::Many => {
                json!({"allOf": [reference(&format!("{}Embedded", target.type_name))], "description": format!("{} With `expand` only.", relation.doc)})
            }
        };
        properties.insert(relation.name.into(), schema);
    }
    json!({"type": "object", "description": entry.doc, "required": required, "properties": properties})
}

fn written(entry: &'static Entry, create: bool) -> Vec<&'static Field> {
    let fits = |field: &&'static Field| field.access == Access::Write || (create && field.access == Access::CreateOnly);
    entry
        .fields
        .iter()
        .take(1)
        .filter(|_| create)
        .chain(shown(entry).filter(|field| field.name != "id"))
        .filter(fits)
        .collect()
}

fn input(entry: &'static Entry) -> Value {
    object(written(entry, true).into_iter())
}

/// Name of the schema of what a business verb takes.
pub fn command_input(entry: &Entry, command: &Command) -> String {
    format!("{}{}Input", entry.type_name, command.type_name())
}

/// A body of these fields.
fn object(fields: impl Iterator<Item = &'static Field> + Clone) -> Value {
    let properties: Map<_, _> =
        fields.clone().map(|field| (field.name.to_owned(), property(field, field.nullable))).collect();
    let required: Vec<_> = fields.filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}

fn patch(entry: &'static Entry) -> Value {
    let properties: Map<_, _> =
        written(entry, false).iter().map(|field| (field.name.to_owned(), property(field, field.nullable))).collect();
    json!({"type": "object", "additionalProperties": false, "description": "JSON Merge Patch: what is absent stays, null clears.", "properties": properties})
}

fn page(entry: &Entry) -> Value {
    json!({"type": "object", "required": ["data", "page"], "properties": {
        "data": {"type": "array", "items": reference(entry.type_name)}, "page": reference("PageInfo")
    }})
}

fn embedded(entry: &Entry) -> Value {
    let more = json!({"type": "object", "required": ["hasMore"], "properties": {"hasMore": {"type": "boolean", "description": "There are more than these."}}});
    json!({"type": "object", "required": ["data", "page"], "properties": {
        "data": {"type": "array", "maxItems": 50, "items": reference(entry.type_name)}, "page": more
    }})
}

/// An entry of a timeline and a page of them.
fn timeline(catalogue: &'static Catalogue) -> [(String, Value); 2] {
    let kinds: Vec<_> = catalogue.moments().map(|(entry, _)| entry.subject.as_str()).collect();
    let records: Vec<_> = catalogue.moments().map(|(entry, _)| reference(entry.type_name)).collect();
    let channel = catalogue.channels().map_or("String", |(name, _)| name);
    let property = |(fact, name, doc): (Fact, &str, &str)| {
        let mut schema = match fact {
            Fact::Kind => json!({"type": "string", "enum": kinds}),
            Fact::Resource => json!({"type": "string"}),
            Fact::Id => json!({"type": "string", "format": "uuid"}),
            Fact::At => json!({"type": "string", "format": "date-time"}),
            Fact::Title => json!({"type": ["string", "null"]}),
            Fact::Channel => json!({"oneOf": [reference(channel), {"type": "null"}]}),
        };
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), doc.into());
        }
        (name.to_owned(), schema)
    };
    let mut properties: Map<_, _> = Fact::ALL.into_iter().map(property).collect();
    let required: Vec<_> = properties.keys().cloned().collect();
    properties
        .insert("record".into(), json!({"anyOf": records, "description": "The record itself. With `expand` only."}));
    let entry = json!({"type": "object", "description": "Something that there is about a record.", "required": required, "properties": properties});
    let info = json!({"type": "object", "required": ["nextCursor", "hasMore"], "properties": {
        "nextCursor": {"type": ["string", "null"], "description": "Cursor of the next page."},
        "hasMore": {"type": "boolean", "description": "There is more than this page."}
    }});
    let page = json!({"type": "object", "required": ["data", "page"], "properties": {
        "data": {"type": "array", "items": reference("TimelineEntry")}, "page": info
    }});
    [("TimelineEntry".into(), entry), ("TimelinePage".into(), page)]
}

/// An example of a timeline.
pub fn example_timeline() -> Value {
    let entry = json!({
        "kind": "INTERACTION", "at": "2026-01-31T12:00:00Z", "title": "Chai for 40 shops", "channel": "EMAIL",
        "resource": "interactions", "id": "01980000-0000-7000-8000-000000000001"
    });
    json!({"data": [entry], "page": {"nextCursor": null, "hasMore": false}})
}

fn conditions(kind: Kind) -> Value {
    let operand = if kind == Kind::Money { decimal() } else { value(kind, 200) };
    let operator = |name: &&'static str| {
        let schema = match *name {
            "in" | "notIn" => json!({"type": "array", "maxItems": 500, "items": operand}),
            "isNull" => json!({"type": "boolean"}),
            "contains" | "startsWith" | "currency" => json!({"type": "string"}),
            _ => operand.clone(),
        };
        ((*name).to_owned(), schema)
    };
    let properties: Map<_, _> = kind.operators().iter().map(operator).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn filter_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Rate | Kind::Json => "TextFilter",
        Kind::Bool => "BooleanFilter",
        Kind::Int => "IntFilter",
        Kind::Decimal => "DecimalFilter",
        Kind::Money => "MoneyFilter",
        Kind::Date => "DateFilter",
        Kind::Time => "DateTimeFilter",
        Kind::Id(_) => "IdFilter",
        Kind::Enum(..) => "EnumFilter",
    }
}

fn filter(catalogue: &'static Catalogue, entry: &'static Entry) -> Value {
    let itself = reference(&format!("{}Filter", entry.type_name));
    let list = json!({"type": "array", "items": itself});
    let mut properties: Map<String, Value> = [("and", list.clone()), ("or", list), ("not", itself)]
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    for field in shown(entry).filter(|field| field.filter) {
        properties.insert(field.name.into(), reference(filter_of(field.kind)));
    }
    for relation in &entry.relations {
        let Some(target) = catalogue.get(relation.target) else { continue };
        let inner = reference(&format!("{}Filter", target.type_name));
        let schema = match relation.link {
            Link::One => inner,
            Link::Many => {
                json!({"type": "object", "additionalProperties": false, "properties": {"some": inner, "none": inner, "every": inner}})
            }
        };
        properties.insert(relation.name.into(), schema);
    }
    json!({"type": "object", "additionalProperties": false, "description": "All members must hold.", "properties": properties})
}

fn query(entry: &Entry) -> Value {
    let texts = json!({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]});
    let mut sort = texts.clone();
    if let Some(sort) = sort.as_object_mut() {
        sort.insert("description".into(), super::operations::sorting(entry).into());
    }
    json!({"type": "object", "additionalProperties": false, "properties": {
        "filter": reference(&format!("{}Filter", entry.type_name)),
        "sort": sort, "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50}, "cursor": {"type": "string"},
        "fields": texts, "expand": texts,
        "count": {"type": "string", "enum": ["none", "estimated", "exact"]},
        "archived": {"type": "string", "enum": ["false", "true", "any"]}
    }})
}

/// An example value of a field.
fn example(field: &Field) -> Value {
    if let Some(text) = field.example {
        return serde_json::from_str(text).unwrap_or_default();
    }
    match field.kind {
        Kind::Text => json!("text"),
        Kind::Bool => json!(false),
        Kind::Int => json!(1),
        Kind::Decimal => json!("1234.50"),
        Kind::Money => json!({"amount": "1234.50", "currency": "EUR"}),
        Kind::Date => json!("2026-01-31"),
        Kind::Time => json!("2026-01-31T12:00:00Z"),
        Kind::Id(_) => json!("01980000-0000-7000-8000-000000000001"),
        Kind::Enum(_, values) => json!(values.first().map(|(value, _)| *value)),
        Kind::Rate => json!("0.9183"),
        Kind::Json => json!([]),
    }
}

/// An example of a whole record.
pub fn example_record(entry: &'static Entry) -> Value {
    let null = |field: &Field| field.nullable && field.example.is_none();
    Value::Object(
        shown(entry)
            .map(|field| (field.name.to_owned(), if null(field) { Value::Null } else { example(field) }))
            .collect(),
    )
}

/// An example of what a business verb takes.
pub fn example_input(command: &Command) -> Value {
    let fields = command.fields.iter().filter(|field| field.example.is_some() || field.required);
    Value::Object(fields.map(|field| (field.name.to_owned(), example(field))).collect())
}

/// An example body.
pub fn example_body(entry: &'static Entry, create: bool) -> Value {
    let fields =
        written(entry, create).into_iter().filter(|field| field.example.is_some() || (create && field.required));
    Value::Object(fields.take(4).map(|field| (field.name.to_owned(), example(field))).collect())
}
