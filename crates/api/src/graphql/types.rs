//! The GraphQL types of the catalogue, registered as data: objects, connections, filters, inputs, sort orders.

use async_graphql::indexmap::IndexMap;
use async_graphql::registry::{Deprecation, MetaEnumValue, MetaField, MetaInputValue, MetaType, Registry};
use kith_kernel::{Access, Catalogue, Command, Entry, Field, Kind, Link, Verb};

/// Name of the type of a page.
pub fn connection(entry: &Entry) -> String {
    format!("{}Connection", entry.type_name)
}

/// Name of the type of an edge.
pub fn edge(entry: &Entry) -> String {
    format!("{}Edge", entry.type_name)
}

/// `valueProfile.score` → `VALUE_PROFILE_SCORE`.
fn upper_snake(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_uppercase() || c == '.' {
            out.push('_');
        }
        out.extend(c.to_uppercase().filter(|c| *c != '.'));
    }
    out
}

/// `CREATED_AT_DESC` → `-createdAt`.
pub fn sort_key(catalogue: &Catalogue, entry: &Entry, value: &str) -> Option<String> {
    let (name, minus) = match (value.strip_suffix("_DESC"), value.strip_suffix("_ASC")) {
        (Some(name), _) => (name, "-"),
        (_, Some(name)) => (name, ""),
        _ => return None,
    };
    let found = kith_kernel::sortable(catalogue, entry).find(|sortable| upper_snake(&sortable.name) == name)?;
    Some(format!("{minus}{}", found.name))
}

pub fn arg(name: &str, doc: &str, ty: impl Into<String>) -> (String, MetaInputValue) {
    let value = MetaInputValue {
        name: name.into(),
        description: Some(doc.into()),
        ty: ty.into(),
        deprecation: Deprecation::NoDeprecated,
        default_value: None,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        is_secret: false,
        directive_invocations: Vec::new(),
    };
    (name.to_owned(), value)
}

pub fn field(name: &str, doc: &str, ty: impl Into<String>, args: Vec<(String, MetaInputValue)>) -> (String, MetaField) {
    let field = MetaField {
        name: name.into(),
        description: Some(doc.into()),
        args: args.into_iter().collect(),
        ty: ty.into(),
        deprecation: Deprecation::NoDeprecated,
        cache_control: Default::default(),
        external: false,
        requires: None,
        provides: None,
        visible: None,
        shareable: false,
        inaccessible: false,
        tags: Vec::new(),
        override_from: None,
        compute_complexity: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    };
    (name.to_owned(), field)
}

pub fn object(
    name: &str,
    doc: &str,
    rust: Option<&'static str>,
    fields: impl IntoIterator<Item = (String, MetaField)>,
) -> MetaType {
    MetaType::Object {
        name: name.into(),
        description: Some(doc.into()),
        fields: fields.into_iter().collect(),
        cache_control: Default::default(),
        extends: false,
        shareable: false,
        resolvable: true,
        keys: None,
        visible: None,
        inaccessible: false,
        interface_object: false,
        tags: Vec::new(),
        is_subscription: false,
        rust_typename: rust,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// What a source version is.
pub const SOURCE_VERSION: &str = "Counts up in the other system with every change of the record. A message with a lower one than a message before it came late, and changes nothing. Null: it is taken for newer.";

fn input(registry: &mut Registry, name: &str, doc: &str, fields: impl IntoIterator<Item = (String, MetaInputValue)>) {
    let input_fields: IndexMap<_, _> = fields.into_iter().collect();
    let ty = MetaType::InputObject {
        name: name.into(),
        description: Some(doc.into()),
        input_fields,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        oneof: false,
        directive_invocations: Vec::new(),
    };
    registry.types.insert(name.into(), ty);
}

pub(super) fn enumeration<'a>(
    registry: &mut Registry,
    name: &str,
    doc: &str,
    values: impl IntoIterator<Item = (String, &'a str)>,
) {
    let value = |(name, doc): (String, &str)| {
        let value = MetaEnumValue {
            name: name.clone(),
            description: Some(doc.into()),
            deprecation: Deprecation::NoDeprecated,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            directive_invocations: Vec::new(),
        };
        (name, value)
    };
    let ty = MetaType::Enum {
        name: name.into(),
        description: Some(doc.into()),
        enum_values: values.into_iter().map(value).collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    };
    registry.types.insert(name.into(), ty);
}

fn scalar(registry: &mut Registry, name: &str, doc: &str) {
    let ty = MetaType::Scalar {
        name: name.into(),
        description: Some(doc.into()),
        is_valid: None,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        specified_by_url: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    };
    registry.types.insert(name.into(), ty);
}

/// The type of a field in answers, without `!`.
fn output(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "String",
        Kind::Bool => "Boolean",
        Kind::Int => "Int",
        Kind::Decimal => "Decimal",
        Kind::Money => "Money",
        Kind::Date => "Date",
        Kind::Time => "DateTime",
        Kind::Id(_) => "UUID",
        Kind::Enum(name, _) => name,
        Kind::Rate => "Rate",
        Kind::Json => "JSON",
    }
}

fn given(kind: Kind) -> &'static str {
    if kind == Kind::Money { "MoneyInput" } else { output(kind) }
}

fn filter_of(kind: Kind) -> String {
    format!("{}Filter", if let Kind::Text = kind { "Text" } else { output(kind) })
}

/// What every list takes.
pub fn list_arguments(entry: &Entry) -> Vec<(String, MetaInputValue)> {
    vec![
        arg("filter", "Only records that fit.", format!("{}Filter", entry.type_name)),
        arg("sort", "Order; newest first unless given. Nulls stand last.", format!("[{}Sort!]", entry.type_name)),
        arg("first", "Page size from the start, 1 to 500; 50 unless given.", "Int"),
        arg("after", "Go on after this cursor.", "String"),
        arg("last", "Page size from the end, 1 to 500.", "Int"),
        arg("before", "Go on before this cursor.", "String"),
        arg("archived", "Whether archived records are listed; NO unless given.", "Archived"),
    ]
}

/// Name of the type of what a business verb takes; none: it takes nothing.
pub fn command_input(entry: &Entry, command: &Command) -> Option<String> {
    (!command.fields.is_empty()).then(|| format!("{}{}Input", entry.type_name, command.type_name()))
}

/// Registers the types of all resources.
pub fn register(registry: &mut Registry, catalogue: &'static Catalogue) {
    shared(registry);
    super::timeline::register(registry, catalogue);
    for entry in catalogue.entries() {
        let columns = entry.shown.iter().filter_map(|index| entry.fields.get(*index));
        let columns: Vec<&'static Field> = columns.collect();
        record(registry, catalogue, entry, &columns);
        page(registry, entry);
        filter(registry, catalogue, entry, &columns);
        sorts(registry, catalogue, entry);
        inputs(registry, entry, &columns);
        for command in &entry.commands {
            let Some(name) = command_input(entry, command) else { continue };
            let doc = format!("What {} of one of {} needs.", command.name, entry.name);
            let fields: Vec<_> = command.fields.iter().map(|field| written(registry, field)).collect();
            input(registry, &name, &doc, fields);
        }
    }
}

fn shared(registry: &mut Registry) {
    scalar(registry, "UUID", "A UUID (RFC 9562) of 36 characters.");
    scalar(registry, "DateTime", "A point in time: RFC 3339, with at most microseconds; answers are in UTC.");
    scalar(registry, "Date", "A calendar date: YYYY-MM-DD.");
    scalar(
        registry,
        "Decimal",
        "An exact decimal as a string, with at most 15 digits before the point and 4 after it.",
    );
    scalar(registry, "Rate", "A positive decimal as a string, with at most 12 digits before and after the point.");
    scalar(registry, "JSON", "Any JSON.");
    let amount = ("amount", "The exact amount.", "Decimal!");
    let currency = ("currency", "ISO 4217 code.", "String!");
    let money = [amount, currency].map(|(name, doc, ty)| field(name, doc, ty, Vec::new()));
    registry.types.insert("Money".into(), object("Money", "An exact amount in a currency.", None, money));
    input(
        registry,
        "MoneyInput",
        "An exact amount in a currency.",
        [amount, currency].map(|(name, doc, ty)| arg(name, doc, ty)),
    );
    let page = [
        ("hasNextPage", "There is more after this page.", "Boolean!"),
        ("hasPreviousPage", "There is more before this page.", "Boolean!"),
        ("startCursor", "Cursor of the first record.", "String"),
        ("endCursor", "Cursor of the last record.", "String"),
    ];
    let page = page.map(|(name, doc, ty)| field(name, doc, ty, Vec::new()));
    registry.types.insert("PageInfo".into(), object("PageInfo", "Where a page stands in its list.", None, page));
    let archived =
        [("NO", "Only records that are not archived."), ("YES", "Only archived records."), ("ANY", "All records.")];
    enumeration(registry, "Archived", "Which records as to archiving.", archived.map(|(name, doc)| (name.into(), doc)));
    let key = [("system", "Short name of the other system.", "String!"), ("externalId", "The key there.", "String!")];
    let key = key.into_iter().chain([("sourceVersion", SOURCE_VERSION, "Int")]);
    input(registry, "ExternalKeyInput", "A key in another system.", key.map(|(name, doc, ty)| arg(name, doc, ty)));
    let ops = [
        ("create", "Make a record."),
        ("update", "Merge-patch the record `id`."),
        ("upsert", "Create or update by `externalId`."),
        ("archive", "Archive the record `id`."),
        ("restore", "Restore the record `id`."),
    ];
    enumeration(registry, "BatchOp", "What an item of a batch does.", ops.map(|(name, doc)| (name.into(), doc)));
    let item = [
        arg("op", "What to do.", "BatchOp!"),
        arg("id", "Which record, for update, archive and restore.", "UUID"),
        arg("externalId", "Which record, for upsert.", "ExternalKeyInput"),
        arg("ifVersion", "The version that was read.", "Int"),
        arg("data", "The members to write, as in the input of create or update.", "JSON"),
    ];
    input(registry, "BatchItem", "One item of a batch.", item);
    let result = [
        ("index", "Which item.", "Int!"),
        ("status", "As an HTTP status.", "Int!"),
        ("data", "The record, if it succeeded.", "JSON"),
        ("problem", "The problem document, if it failed.", "JSON"),
        ("stale", "True: a message with a higher sourceVersion came before, and nothing changed.", "Boolean"),
    ];
    let result = result.map(|(name, doc, ty)| field(name, doc, ty, Vec::new()));
    registry
        .types
        .insert("BatchResult".into(), object("BatchResult", "What came of an item of a batch.", None, result));
    for (kind, doc) in [
        (Kind::Text, "Conditions on a text."),
        (Kind::Bool, "Conditions on a truth value."),
        (Kind::Int, "Conditions on a number."),
        (Kind::Decimal, "Conditions on a decimal."),
        (Kind::Money, "Conditions on an amount, within one currency: the tenant's own unless `currency` is given."),
        (Kind::Date, "Conditions on a date."),
        (Kind::Time, "Conditions on a point in time."),
        (Kind::Id(None), "Conditions on an id."),
    ] {
        conditions(registry, kind, doc);
    }
}

fn conditions(registry: &mut Registry, kind: Kind, doc: &str) {
    let scalar = if kind == Kind::Money { "Decimal" } else { output(kind) };
    let operator = |name: &&'static str| {
        let (doc, ty) = match *name {
            "eq" => ("Equal to.", scalar.to_owned()),
            "ne" => ("Not equal to; null is different from every value.", scalar.to_owned()),
            "in" => ("One of at most 500.", format!("[{scalar}!]")),
            "notIn" => ("None of at most 500.", format!("[{scalar}!]")),
            "gt" => ("Greater than, or after.", scalar.to_owned()),
            "gte" => ("At least, or not before.", scalar.to_owned()),
            "lt" => ("Less than, or before.", scalar.to_owned()),
            "lte" => ("At most, or not after.", scalar.to_owned()),
            "isNull" => ("Has no value, or has one.", "Boolean".into()),
            "contains" => ("Contains this text, in any case.", "String".into()),
            "startsWith" => ("Starts with this text, in any case.", "String".into()),
            _ => ("The currency in which amounts are compared.", "String".into()),
        };
        arg(name, doc, ty)
    };
    input(registry, &filter_of(kind), doc, kind.operators().iter().map(operator));
}

fn record(registry: &mut Registry, catalogue: &'static Catalogue, entry: &'static Entry, columns: &[&'static Field]) {
    let mut fields: Vec<_> = Vec::new();
    for column in columns {
        values(registry, column);
        let bang = if column.nullable { "" } else { "!" };
        fields.push(field(column.name, column.doc, format!("{}{bang}", output(column.kind)), Vec::new()));
    }
    for relation in &entry.relations {
        let Some(target) = catalogue.get(relation.target) else { continue };
        fields.push(match relation.link {
            Link::One => field(relation.name, relation.doc, target.type_name, Vec::new()),
            Link::Many => {
                field(relation.name, relation.doc, format!("{}!", connection(target)), list_arguments(target))
            }
        });
    }
    registry.types.insert(entry.type_name.into(), object(entry.type_name, entry.doc, None, fields));
}

/// Registers the type of a field with a closed list of values, once.
fn values(registry: &mut Registry, field: &Field) {
    if let Kind::Enum(name, values) = field.kind
        && !registry.types.contains_key(name)
    {
        enumeration(registry, name, field.doc, values.iter().map(|(value, doc)| ((*value).to_owned(), *doc)));
        conditions(registry, field.kind, &format!("Conditions on {name}."));
    }
}

fn page(registry: &mut Registry, entry: &Entry) {
    let edges = [
        field("node", "The record.", format!("{}!", entry.type_name), Vec::new()),
        field("cursor", "Its cursor.", "String!", Vec::new()),
    ];
    registry.types.insert(edge(entry), object(&edge(entry), "A record in a page.", None, edges));
    let fields = [
        field("nodes", "The records.", format!("[{}!]!", entry.type_name), Vec::new()),
        field("edges", "The records with their cursors.", format!("[{}!]!", edge(entry)), Vec::new()),
        field("pageInfo", "Where the page stands.", "PageInfo!", Vec::new()),
        field("totalCount", "How many records fit in all; counting costs a statement.", "Int!", Vec::new()),
    ];
    let doc = format!("A page of {}.", entry.name);
    registry.types.insert(connection(entry), object(&connection(entry), &doc, None, fields));
}

fn filter(registry: &mut Registry, catalogue: &'static Catalogue, entry: &'static Entry, columns: &[&'static Field]) {
    let name = format!("{}Filter", entry.type_name);
    let mut fields = vec![
        arg("and", "All of these.", format!("[{name}!]")),
        arg("or", "At least one of these.", format!("[{name}!]")),
        arg("not", "Not this.", name.clone()),
    ];
    fields.extend(
        columns
            .iter()
            .filter(|column| column.filter)
            .map(|column| arg(column.name, column.doc, filter_of(column.kind))),
    );
    for relation in &entry.relations {
        let Some(target) = catalogue.get(relation.target) else { continue };
        let suffix = if relation.link == Link::One { "Filter" } else { "ListFilter" };
        fields.push(arg(relation.name, relation.doc, format!("{}{suffix}", target.type_name)));
    }
    input(registry, &name, &format!("Which {}: all members must hold.", entry.name), fields);
    let quantifiers = [("some", "At least one fits."), ("none", "None fits."), ("every", "Every one fits.")];
    let quantifiers = quantifiers.map(|(quantifier, doc)| arg(quantifier, doc, name.clone()));
    input(
        registry,
        &format!("{}ListFilter", entry.type_name),
        &format!("Conditions on related {}.", entry.name),
        quantifiers,
    );
}

fn sorts(registry: &mut Registry, catalogue: &Catalogue, entry: &Entry) {
    let both = kith_kernel::sortable(catalogue, entry).flat_map(|sortable| {
        let (name, doc) = (upper_snake(&sortable.name), sortable.field.doc);
        [(format!("{name}_ASC"), doc), (format!("{name}_DESC"), doc)]
    });
    enumeration(registry, &format!("{}Sort", entry.type_name), &format!("Orders of {}.", entry.name), both);
}

/// A field as an input takes it on create.
fn written(registry: &mut Registry, field: &Field) -> (String, MetaInputValue) {
    values(registry, field);
    let bang = if field.required { "!" } else { "" };
    arg(field.name, field.doc, format!("{}{bang}", given(field.kind)))
}

fn inputs(registry: &mut Registry, entry: &Entry, columns: &[&'static Field]) {
    let id = entry.fields.iter().take(1);
    let create =
        id.chain(columns.iter().copied()).filter(|field| matches!(field.access, Access::Write | Access::CreateOnly));
    let mut fields: IndexMap<String, MetaInputValue> = IndexMap::new();
    fields.extend(create.map(|column| written(registry, column)));
    if entry.offers(Verb::Create) {
        input(registry, &format!("{}Input", entry.type_name), &format!("A new record of {}.", entry.name), fields);
    }
    let patch = columns.iter().filter(|field| field.access == Access::Write);
    let patch: Vec<_> = patch.map(|column| arg(column.name, column.doc, given(column.kind))).collect();
    if entry.offers(Verb::Update) {
        let doc = format!("Changes to a record of {}: what is absent stays, null clears.", entry.name);
        input(registry, &format!("{}Patch", entry.type_name), &doc, patch);
    }
}
