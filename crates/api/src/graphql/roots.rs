//! The root fields of the catalogue: which there are, and how each runs: planned, then one closure on one connection.

use super::plan::{Merged, Planner, list_args};
use super::types::{self, arg, field, object};
use super::writer::wrap;
use crate::caller::{Answer, Caller, Manner};
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaTypeId, Registry};
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerError, ServerResult, Value,
};
use bytes::Bytes;
use kith_journal::batch::MAX_STEPS;
use kith_journal::{read, verbs};
use kith_kernel::{Action, Entry, Error, FieldType, Item, ListSelect, Result, Selection, Verb, Violations};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The text of one root field, or why there is none.
type Cell = OnceCell<std::result::Result<Bytes, ServerError>>;

/// What one request shares among its root fields.
#[derive(Default)]
pub struct Shared {
    /// Records asked for.
    pub cost: AtomicU64,
    /// Idempotency key of the request.
    pub key: Option<String>,
    /// SHA-256 of the document: an answer is given again only to who asks for the same of it.
    document: Vec<u8>,
    /// Each response key runs once, however often the document names it.
    cells: Mutex<HashMap<String, Arc<Cell>>>,
}

impl Shared {
    /// For a request with this idempotency key and document.
    pub fn new(key: Option<String>, document: &str) -> Self {
        Shared { key, document: Sha256::digest(document).to_vec(), ..Shared::default() }
    }
}

#[derive(Clone, Copy, Debug)]
enum Root {
    Get,
    ByExternalId,
    List,
    Create,
    Update,
    Archive,
    Restore,
    Upsert,
    Batch,
}

type Roots = HashMap<String, (&'static Entry, Root)>;

static QUERIES: LazyLock<Roots> = LazyLock::new(|| {
    let entries = crate::catalogue().entries().iter();
    let roots = entries.flat_map(|entry| {
        [
            (entry.singular.clone(), (entry, Root::Get)),
            (format!("{}ByExternalId", entry.singular), (entry, Root::ByExternalId)),
            (entry.plural.clone(), (entry, Root::List)),
        ]
    });
    roots.collect()
});

static MUTATIONS: LazyLock<Roots> = LazyLock::new(|| {
    let mut roots = HashMap::new();
    for entry in crate::catalogue().entries() {
        let (create, update) = (entry.offers(Verb::Create), entry.offers(Verb::Update));
        let shelve = entry.offers(Verb::Archive);
        let all = [
            ("Create", Root::Create, create),
            ("Update", Root::Update, update),
            ("Upsert", Root::Upsert, create && entry.offers(Verb::Update)),
            ("Archive", Root::Archive, shelve),
            ("Restore", Root::Restore, shelve),
            ("Batch", Root::Batch, create || update),
        ];
        for (suffix, root, _) in all.into_iter().filter(|(.., offered)| *offered) {
            roots.insert(format!("{}{suffix}", entry.singular), (entry, root));
        }
    }
    roots
});

/// The query fields of the catalogue.
#[derive(Default)]
pub struct StandardQuery;

/// The mutation fields of the catalogue.
#[derive(Default)]
pub struct StandardMutation;

macro_rules! root_object {
    ($type:ident, $name:literal, $doc:literal, $roots:ident) => {
        impl OutputType for $type {
            fn type_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn create_type_info(registry: &mut Registry) -> String {
                registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
                    types::register(registry, crate::catalogue());
                    let mut names: Vec<_> = $roots.iter().collect();
                    names.sort_by_key(|(name, _)| name.as_str());
                    let fields = names.into_iter().map(|(name, (entry, root))| described(name, entry, *root));
                    object($name, $doc, Some(std::any::type_name::<Self>()), fields)
                })
            }

            async fn resolve(&self, ctx: &ContextSelectionSet<'_>, _field: &Positioned<Field>) -> ServerResult<Value> {
                async_graphql::resolver_utils::resolve_container(ctx, self).await
            }
        }

        impl ContainerType for $type {
            async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
                match $roots.get(ctx.item.node.name.node.as_str()) {
                    Some((entry, root)) => resolve(ctx, entry, *root).await.map(Some),
                    None => Ok(None),
                }
            }
        }

        impl ObjectType for $type {}
    };
}

root_object!(StandardQuery, "StandardQuery", "Reads.", QUERIES);
root_object!(StandardMutation, "StandardMutation", "Writes.", MUTATIONS);

fn described(name: &str, entry: &'static Entry, root: Root) -> (String, MetaField) {
    let id = || arg("id", "Which record.", "UUID!");
    let key = || {
        [arg("system", "Short name of the other system.", "String!"), arg("externalId", "The key there.", "String!")]
    };
    let version = || arg("expectedVersion", "The version that was read; see VERSION_CONFLICT.", "Int");
    let write = || {
        [
            arg("dryRun", "Try, answer, and keep nothing.", "Boolean"),
            arg("clientMutationId", "Idempotency key of this field: the same again gives the same answer.", "String"),
        ]
    };
    let input = |suffix: &str| arg("input", "What to write.", format!("{}{suffix}!", entry.type_name));
    let (doc, ty, args) = match root {
        Root::Get => (format!("One of {} by its id.", entry.name), entry.type_name.to_owned(), vec![id()]),
        Root::ByExternalId => {
            (format!("One of {} by its key in another system.", entry.name), entry.type_name.into(), key().into())
        }
        Root::List => (format!("A page of {}.", entry.name), types::connection(entry), types::list_arguments(entry)),
        Root::Create => (
            format!("Makes one of {}.", entry.name),
            entry.type_name.into(),
            [vec![input("Input")], write().into()].concat(),
        ),
        Root::Update => (
            format!("Changes one of {}: what is absent stays, null clears.", entry.name),
            entry.type_name.into(),
            [vec![id(), input("Patch"), version()], write().into()].concat(),
        ),
        Root::Upsert => (
            format!("Creates or updates one of {} by its key in another system.", entry.name),
            entry.type_name.into(),
            [key().to_vec(), vec![input("Input"), version()], write().into()].concat(),
        ),
        Root::Archive | Root::Restore => {
            let verb = if matches!(root, Root::Archive) { "Archives" } else { "Restores" };
            (
                format!("{verb} one of {}.", entry.name),
                entry.type_name.into(),
                [vec![id(), version()], write().into()].concat(),
            )
        }
        Root::Batch => (
            format!("Up to 1,000 writes to {}, each for itself or all or nothing.", entry.name),
            "[BatchResult!]".into(),
            [
                vec![
                    arg("items", "What to do, in order.", "[BatchItem!]!"),
                    arg("atomic", "All or nothing.", "Boolean"),
                ],
                write().into(),
            ]
            .concat(),
        ),
    };
    field(name, &doc, ty, args)
}

async fn resolve(ctx: &Context<'_>, entry: &'static Entry, root: Root) -> ServerResult<Value> {
    let fail = |error: Error| {
        let mut wrapped = ctx.set_error_path(wrap(error));
        wrapped.locations = vec![ctx.item.pos];
        wrapped
    };
    let missing = |error: async_graphql::Error| fail(Error::internal(error.message));
    let caller = ctx.data::<Caller>().map_err(missing)?.clone();
    let shared = ctx.data::<Arc<Shared>>().map_err(missing)?.clone();
    let key = ctx.item.node.response_key().node.to_string();
    let cell = match shared.cells.lock() {
        Ok(mut cells) => cells.entry(key.clone()).or_default().clone(),
        Err(_) => return Err(fail(Error::internal("a lock was poisoned"))),
    };
    let run = || async {
        let planned = plan(ctx, entry, root, &key, &shared).map_err(fail)?;
        let text = perform(caller, &shared, &key, entry, root, planned).await.map_err(fail)?;
        Ok(Bytes::from(text))
    };
    cell.get_or_init(run).await.clone().map(Value::Binary)
}

/// What a root field will do, read from the document.
struct Planned {
    arguments: Map<String, Json>,
    record: Option<Selection>,
    list: Option<ListSelect>,
    results: Vec<(kith_kernel::Key, String)>,
}

fn plan(ctx: &Context<'_>, entry: &'static Entry, root: Root, key: &str, shared: &Shared) -> Result<Planned> {
    let env = &**ctx.query_env;
    let mut planner = Planner {
        operation: &env.operation.node,
        fragments: &env.fragments,
        variables: &env.variables,
        catalogue: crate::catalogue(),
        cost: shared.cost.load(Ordering::Relaxed),
    };
    let merged = planner.root(key).unwrap_or(Merged { key: "", fields: vec![&ctx.item.node] });
    let arguments = planner.arguments(&ctx.item.node);
    let sets: Vec<_> = merged.fields.iter().map(|field| &field.selection_set.node).collect();
    let mut planned = Planned { arguments, record: None, list: None, results: Vec::new() };
    match root {
        Root::List => {
            let limit = list_args(entry, &planned.arguments)?.limit;
            planned.list = Some(planner.connection(entry, &sets, u64::try_from(limit).unwrap_or(u64::MAX))?);
        }
        Root::Batch => {
            let parts = planner.merged(&sets);
            let name =
                |part: &Merged<'_>| part.fields.first().map(|field| field.name.node.to_string()).unwrap_or_default();
            planned.results = parts.iter().map(|part| (Item::key(part.key), name(part))).collect();
        }
        _ => planned.record = Some(planner.record(entry, &sets, 1)?),
    }
    shared.cost.fetch_max(planner.cost, Ordering::Relaxed);
    Ok(planned)
}

fn text(arguments: &Map<String, Json>, name: &str) -> Option<String> {
    arguments.get(name).and_then(Json::as_str).map(str::to_owned)
}

/// What is no id is not found, as in a path.
fn id(arguments: &Map<String, Json>) -> Result<Uuid> {
    arguments.get("id").and_then(|value| Uuid::parse(value).ok()).ok_or_else(Error::not_found)
}

fn version(arguments: &Map<String, Json>) -> Result<Option<i32>> {
    let value = arguments.get("expectedVersion").filter(|value| !value.is_null());
    let parse = |value| {
        i32::parse(value)
            .map_err(|expected| Error::invalid("/expectedVersion", "WRONG_TYPE", format!("Expected {expected}.")))
    };
    value.map(parse).transpose()
}

async fn perform(
    caller: Caller,
    shared: &Shared,
    key: &str,
    entry: &'static Entry,
    root: Root,
    planned: Planned,
) -> Result<Vec<u8>> {
    let Planned { arguments, record, list, results } = planned;
    let select = record.unwrap_or_else(|| Selection::all(entry));
    match root {
        Root::Get => {
            let id = id(&arguments)?;
            caller.read(move |conn, cx| Ok(read::get(conn, cx, id, &select)?.0)).await
        }
        Root::ByExternalId => {
            let (system, external) =
                (text(&arguments, "system").unwrap_or_default(), text(&arguments, "externalId").unwrap_or_default());
            let work = move |conn: &mut diesel::PgConnection, cx: &kith_kernel::Cx| {
                cx.require(entry, Action::Read)?;
                let id = verbs::by_external_id(conn, cx, entry, &system, &external)?.ok_or_else(Error::not_found)?;
                Ok(read::get(conn, cx, id, &select)?.0)
            };
            caller.read(work).await
        }
        Root::List => {
            let args = list_args(entry, &arguments)?;
            let list = list.ok_or_else(|| Error::internal("a list without a plan"))?;
            caller.read(move |conn, cx| read::list(conn, cx, &args, &list)).await
        }
        _ => {
            let manner = manner(shared, key, &arguments, root, entry)?;
            let answer =
                caller.write(manner, move |conn, cx| write(conn, cx, entry, root, &arguments, &select, &results));
            Ok(answer.await?.body)
        }
    }
}

/// The key of a field: its own `clientMutationId`, or the request's header together with the field's place.
fn manner(shared: &Shared, key: &str, arguments: &Map<String, Json>, root: Root, entry: &Entry) -> Result<Manner> {
    let own = text(arguments, "clientMutationId");
    if own.as_ref().is_some_and(|own| !(1..=255).contains(&own.len()) || own.chars().any(char::is_control)) {
        let detail = "Expected 1 to 255 bytes without control characters.";
        return Err(Error::invalid("/clientMutationId", "WRONG_TYPE", detail));
    }
    let key = own
        .map(|own| format!("graphql:{own}"))
        .or_else(|| shared.key.as_ref().map(|shared| format!("graphql:{shared}:{key}")));
    let mut digest = Sha256::new();
    digest.update(format!("{root:?} {} ", entry.name));
    digest.update(Json::Object(arguments.clone()).to_string());
    digest.update(&shared.document);
    let dry_run = arguments.get("dryRun").and_then(Json::as_bool).unwrap_or(false);
    Ok(Manner { key: key.map(|key| (key, digest.finalize().to_vec())), dry_run })
}

fn write(
    conn: &mut diesel::PgConnection,
    cx: &kith_kernel::Cx,
    entry: &'static Entry,
    root: Root,
    arguments: &Map<String, Json>,
    select: &Selection,
    results: &[(kith_kernel::Key, String)],
) -> Result<Answer> {
    let empty = Map::new();
    let input = match arguments.get("input") {
        None => &empty,
        // The library lets variables of another form through.
        Some(input) => {
            input.as_object().ok_or_else(|| Error::invalid("/input", "WRONG_TYPE", "The input is an object."))?
        }
    };
    let row = match root {
        Root::Create => verbs::create(conn, cx, entry, input)?,
        Root::Update => verbs::update(conn, cx, entry, id(arguments)?, version(arguments)?, input)?,
        Root::Archive => verbs::archive(conn, cx, entry, id(arguments)?, version(arguments)?)?,
        Root::Restore => verbs::restore(conn, cx, entry, id(arguments)?, version(arguments)?)?,
        Root::Upsert => {
            let key =
                (text(arguments, "system").unwrap_or_default(), text(arguments, "externalId").unwrap_or_default());
            verbs::upsert(conn, cx, entry, (&key.0, &key.1), version(arguments)?, input)?.0
        }
        _ => return batch(conn, cx, entry, arguments, results),
    };
    Ok(Answer { status: 200, body: read::render(conn, cx, row.as_ref(), select)?, ..Answer::default() })
}

fn batch(
    conn: &mut diesel::PgConnection,
    cx: &kith_kernel::Cx,
    entry: &'static Entry,
    arguments: &Map<String, Json>,
    results: &[(kith_kernel::Key, String)],
) -> Result<Answer> {
    crate::rest::standard::may_write(cx, entry)?;
    let atomic = arguments.get("atomic").and_then(Json::as_bool).unwrap_or(false);
    let items = match arguments.get("items") {
        Some(Json::Array(items)) => items.clone(),
        // GraphQL takes one element for a list of one.
        Some(item) => vec![item.clone()],
        None => Vec::new(),
    };
    let mut violations = Violations::default();
    violations.ensure(items.len() <= MAX_STEPS, "/items", "TOO_MANY", "At most 1,000 items.");
    violations.into_result()?;
    let answer = crate::rest::standard::run_batch(conn, cx, entry, atomic, &items)?;
    let all: Json = serde_json::from_slice(&answer.body).map_err(Error::internal)?;
    let mut out = vec![b'['];
    for (at, result) in all.get("results").and_then(Json::as_array).into_iter().flatten().enumerate() {
        out.extend_from_slice(if at == 0 { b"{" } else { b",{" });
        for (at, (key, name)) in results.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            let member = if name == "__typename" {
                Json::from("BatchResult")
            } else {
                result.get(name).cloned().unwrap_or_default()
            };
            out.extend_from_slice(member.to_string().as_bytes());
        }
        out.push(b'}');
    }
    out.push(b']');
    Ok(Answer { status: 200, body: out, ..Answer::default() })
}
