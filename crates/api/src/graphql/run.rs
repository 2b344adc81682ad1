//! Runs a root field of the catalogue: planned, then one closure on one connection.
//!
//! [`direct`] runs whole operations. The library has found nothing wrong with their document before; going through it
//! again would cost more than everything else a single record needs (`docs/decisions/0006`).

use super::plan::{Merged, Planner, list_args};
use super::roots::{Root, root};
use super::timeline::timeline_args;
use super::writer::wrap;
use crate::caller::{Answer, Caller, Manner, RECORDS_A_REQUEST};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    ExecutableDocument, FragmentDefinition, OperationDefinition, OperationType, Selection as Selected, SelectionSet,
};
use async_graphql::{Name, PathSegment, Positioned, Response, ServerError, Value, Variables};
use bytes::Bytes;
use futures_util::future::join_all;
use kith_journal::batch::MAX_STEPS;
use kith_journal::keys::{self, ExternalKey};
use kith_journal::{external, read, timeline, verbs};
use kith_kernel::{Action, Entry, Error, FieldType, Item, Result, Selection, Violations};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
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
    key: Option<String>,
    /// An answer is given again only to who asks for the same of it.
    document: String,
    /// Each response key runs once, however often the document names it.
    cells: Mutex<HashMap<String, Arc<Cell>>>,
}

impl Shared {
    /// For a request with this idempotency key and document.
    pub fn new(key: Option<String>, document: String) -> Self {
        Shared { key, document, ..Shared::default() }
    }

    /// Where the answer of a root field is kept.
    pub fn cell(&self, key: &str) -> Result<Arc<Cell>> {
        let mut cells = self.cells.lock().map_err(|_| Error::internal("a lock was poisoned"))?;
        Ok(cells.entry(key.to_owned()).or_default().clone())
    }

    /// Plans a root field and runs it.
    pub async fn run(
        &self,
        caller: &Caller,
        mut planner: Planner<'_>,
        field: &Merged<'_>,
        entry: &'static Entry,
        root: Root,
    ) -> Result<Bytes> {
        let before = self.cost.load(Ordering::Relaxed);
        planner.cost = before;
        let arguments = planner.arguments(field);
        let text = match root {
            Root::List => {
                let args = list_args(entry, &arguments)?;
                let times = u64::try_from(args.limit).unwrap_or(u64::MAX);
                let list = planner.connection(entry, &field.sets(), times)?;
                self.spent(caller, before, planner.cost)?;
                caller.read(move |conn, cx| read::list(conn, cx, &args, &list)).await?
            }
            Root::Timeline => {
                let args = timeline_args(&arguments)?;
                let times = u64::try_from(args.limit).unwrap_or(u64::MAX);
                let parts = planner.timeline(&field.sets(), times)?;
                self.spent(caller, before, planner.cost)?;
                let id = id(&arguments)?;
                caller.read(move |conn, cx| timeline::read(conn, cx, (entry, id), &args, &parts)).await?
            }
            Root::Get => {
                let select = planner.record(entry, &field.sets(), 1)?;
                self.spent(caller, before, planner.cost)?;
                let id = id(&arguments)?;
                caller.read(move |conn, cx| Ok(read::get(conn, cx, id, &select)?.0)).await?
            }
            Root::ByExternalId => {
                let select = planner.record(entry, &field.sets(), 1)?;
                self.spent(caller, before, planner.cost)?;
                let [system, external] =
                    ["system", "externalId"].map(|name| text(&arguments, name).unwrap_or_default());
                let work = move |conn: &mut diesel::PgConnection, cx: &kith_kernel::Cx| {
                    cx.require(entry, Action::Read)?;
                    let id =
                        external::by_external_id(conn, cx, entry, &system, &external)?.ok_or_else(Error::not_found)?;
                    Ok(read::get(conn, cx, id, &select)?.0)
                };
                caller.read(work).await?
            }
            Root::Batch => {
                let results: Vec<_> = planner
                    .merged(&field.sets())
                    .iter()
                    .map(|part| (Item::key(part.key), part.name().to_owned()))
                    .collect();
                let manner = self.manner(field.key, &arguments, &format!("{root:?} {}", entry.name))?;
                caller.write(manner, move |conn, cx| batch(conn, cx, entry, &arguments, &results)).await?.body
            }
            _ => {
                let select = planner.record(entry, &field.sets(), 1)?;
                self.spent(caller, before, planner.cost)?;
                let manner = self.manner(field.key, &arguments, &format!("{root:?} {}", entry.name))?;
                let (keyed, dry_run) = (manner.key.is_some(), manner.dry_run);
                let work = move |conn: &mut diesel::PgConnection, cx: &kith_kernel::Cx| {
                    if let Root::Command(command) = root {
                        (command.may)(cx)?;
                        command.require_key(keyed, dry_run)?;
                    }
                    write(conn, cx, entry, root, &arguments, &select)
                };
                caller.write(manner, work).await?.body
            }
        };
        Ok(text.into())
    }

    /// Notes the cost of the request so far, and charges what is new of it.
    fn spent(&self, caller: &Caller, before: u64, cost: u64) -> Result<()> {
        self.cost.fetch_max(cost, Ordering::Relaxed);
        caller.charge(cost - before + before % RECORDS_A_REQUEST)
    }

    /// The key of a field: its own `clientMutationId`, or the request's header together with the field's place.
    pub(super) fn manner(&self, key: &str, arguments: &Map<String, Json>, what: &str) -> Result<Manner> {
        let own = text(arguments, "clientMutationId");
        if own.as_ref().is_some_and(|own| !(1..=255).contains(&own.len()) || own.chars().any(char::is_control)) {
            let detail = "Expected 1 to 255 bytes without control characters.";
            return Err(Error::invalid("/clientMutationId", "WRONG_TYPE", detail));
        }
        let key = own
            .map(|own| format!("graphql:{own}"))
            .or_else(|| self.key.as_ref().map(|shared| format!("graphql:{shared}:{key}")));
        let fingerprint = |key| {
            let mut digest = Sha256::new();
            digest.update(format!("{what} "));
            digest.update(Json::Object(arguments.clone()).to_string());
            digest.update(Sha256::digest(&self.document));
            (key, digest.finalize().to_vec())
        };
        let dry_run = arguments.get("dryRun").and_then(Json::as_bool).unwrap_or(false);
        Ok(Manner { key: key.map(fingerprint), dry_run })
    }
}

/// Whether [`direct`] can run a document: one operation with nothing but fields of the catalogue at its root, and no
/// directives, which the library applies.
pub fn is_plain(document: &ExecutableDocument) -> bool {
    let mut operations = document.operations.iter().map(|(_, operation)| &operation.node);
    let (Some(operation), None) = (operations.next(), operations.next()) else { return false };
    let known = |key: &Merged<'_>| root(operation.ty, key.name()).is_some();
    let empty = Variables::default();
    let planner = Planner::new(operation, &document.fragments, &empty);
    let roots = planner.merged(&[&operation.selection_set.node]);
    let fragments = document.fragments.values().map(|fragment| &fragment.node);
    operation.directives.is_empty()
        && operation.variable_definitions.iter().all(|definition| definition.node.directives.is_empty())
        && fragments.clone().all(|fragment| fragment.directives.is_empty())
        && fragments.map(|fragment| &fragment.selection_set.node).chain([&operation.selection_set.node]).all(undirected)
        && roots.iter().all(known)
}

fn undirected(set: &SelectionSet) -> bool {
    set.items.iter().all(|item| match &item.node {
        Selected::Field(field) => field.node.directives.is_empty() && undirected(&field.node.selection_set.node),
        Selected::InlineFragment(inline) => {
            inline.node.directives.is_empty() && undirected(&inline.node.selection_set.node)
        }
        Selected::FragmentSpread(spread) => spread.node.directives.is_empty(),
    })
}

/// Runs a plain operation whose document is known to be valid and whose variables were checked: queries side by side,
/// mutations one after the other.
pub async fn direct(
    caller: &Caller,
    shared: &Shared,
    operation: &OperationDefinition,
    fragments: &HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &Variables,
) -> Response {
    let planner = || Planner::new(operation, fragments, variables);
    let fields = planner().merged(&[&operation.selection_set.node]);
    let run = async |field: &Merged<'_>| {
        let outcome = match root(operation.ty, field.name()) {
            Some((entry, root)) => shared.run(caller, planner(), field, entry, root).await,
            None => Err(Error::internal("a document that is not plain")),
        };
        (Name::new(field.key), outcome.map_err(|error| failure(field, error)))
    };
    let mut outcomes = Vec::with_capacity(fields.len());
    if operation.ty == OperationType::Query {
        outcomes = join_all(fields.iter().map(run)).await;
    } else {
        for field in &fields {
            outcomes.push(run(field).await);
        }
    }
    let (mut data, mut errors) = (IndexMap::with_capacity(outcomes.len()), Vec::new());
    for (key, outcome) in outcomes {
        match outcome {
            Ok(text) => drop(data.insert(key, Value::Binary(text))),
            Err(error) => errors.push(error),
        }
    }
    let mut response = Response::new(Value::Object(data));
    response.errors = errors;
    response
}

/// An error at its field, as the library tells it.
fn failure(field: &Merged<'_>, error: Error) -> ServerError {
    let mut failure = wrap(error);
    failure.path = vec![PathSegment::Field(field.key.to_owned())];
    failure.locations = field.fields.first().map(|field| field.pos).into_iter().collect();
    failure
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

fn write(
    conn: &mut diesel::PgConnection,
    cx: &kith_kernel::Cx,
    entry: &'static Entry,
    root: Root,
    arguments: &Map<String, Json>,
    select: &Selection,
) -> Result<Answer> {
    let empty = Map::new();
    let input = arguments.get("input").and_then(Json::as_object).unwrap_or(&empty);
    let row = match root {
        Root::Create => verbs::create(conn, cx, entry, input)?,
        Root::Update => verbs::update(conn, cx, entry, id(arguments)?, version(arguments)?, input)?,
        Root::Archive => verbs::archive(conn, cx, entry, id(arguments)?, version(arguments)?)?,
        Root::Restore => verbs::restore(conn, cx, entry, id(arguments)?, version(arguments)?)?,
        Root::Upsert => {
            let [system, key] = ["system", "externalId"].map(|name| text(arguments, name).unwrap_or_default());
            let mut violations = Violations::default();
            let given = arguments.get("sourceVersion").unwrap_or(&Json::Null);
            let source_version = keys::source_version(given, "/sourceVersion", &mut violations);
            violations.into_result()?;
            let key = ExternalKey { source_version, ..ExternalKey::new(system, key) };
            external::upsert(conn, cx, entry, &key, version(arguments)?, input)?.0
        }
        Root::Command(command) => (command.run)(conn, cx, id(arguments)?, version(arguments)?, input)?,
        Root::Get | Root::ByExternalId | Root::List | Root::Timeline | Root::Batch => {
            return Err(Error::internal("no write of one record"));
        }
    };
    let confidential = matches!(root, Root::Command(command) if command.shows_secret);
    Ok(Answer { status: 200, body: read::render(conn, cx, row.as_ref(), select)?, confidential, ..Answer::default() })
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
