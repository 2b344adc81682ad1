//! The root fields of the catalogue: which there are, how the schema describes them, and how the library runs one.

use super::plan::{Merged, Planner};
use super::run::Shared;
use super::timeline;
use super::types::{self, arg, field, object};
use super::writer::wrap;
use crate::caller::Caller;
use async_graphql::parser::types::{Field, OperationType};
use async_graphql::registry::{MetaField, MetaTypeId, Registry};
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value,
};
use kith_kernel::{Command, Entry, Error, Verb};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// What a root field does.
#[derive(Clone, Copy, Debug)]
pub enum Root {
    Get,
    ByExternalId,
    List,
    Timeline,
    Create,
    Update,
    Archive,
    Restore,
    Upsert,
    Batch,
    Command(&'static Command),
}

type Roots = HashMap<String, (&'static Entry, Root)>;

static QUERIES: LazyLock<Roots> = LazyLock::new(|| {
    let entries = crate::catalogue().entries().iter();
    let timelines = entries.clone().filter(|entry| crate::catalogue().has_timeline(entry));
    let timelines = timelines.map(|entry| (format!("{}Timeline", entry.singular), (entry, Root::Timeline)));
    let roots = entries.flat_map(|entry| {
        [
            (entry.singular.clone(), (entry, Root::Get)),
            (format!("{}ByExternalId", entry.singular), (entry, Root::ByExternalId)),
            (entry.plural.clone(), (entry, Root::List)),
        ]
    });
    roots.chain(timelines).collect()
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
        for command in &entry.commands {
            roots.insert(format!("{}{}", entry.singular, command.type_name()), (entry, Root::Command(command)));
        }
    }
    roots
});

/// The root field of this name in an operation of this type.
pub fn root(operation: OperationType, name: &str) -> Option<(&'static Entry, Root)> {
    match operation {
        OperationType::Query => QUERIES.get(name).copied(),
        OperationType::Mutation => MUTATIONS.get(name).copied(),
        OperationType::Subscription => None,
    }
}

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
        Root::Timeline => {
            let doc = format!("A page of what there is about one of {}, newest first.", entry.name);
            (doc, timeline::PAGE.to_owned(), [vec![id()], timeline::arguments()].concat())
        }
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
            [
                key().to_vec(),
                vec![arg("sourceVersion", types::SOURCE_VERSION, "Int"), input("Input"), version()],
                write().into(),
            ]
            .concat(),
        ),
        Root::Archive | Root::Restore => {
            let verb = if matches!(root, Root::Archive) { "Archives" } else { "Restores" };
            (
                format!("{verb} one of {}.", entry.name),
                entry.type_name.into(),
                [vec![id(), version()], write().into()].concat(),
            )
        }
        Root::Command(command) => {
            let bang = if command.is_bare() { "" } else { "!" };
            let input = types::command_input(entry, command).map(|name| arg("input", "What it needs.", name + bang));
            let args = [vec![id()], input.into_iter().collect(), vec![version()], write().into()].concat();
            let key = if command.keyed { " It needs clientMutationId, or the header Idempotency-Key." } else { "" };
            (format!("{}{key}", command.doc), entry.type_name.into(), args)
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
    let caller = ctx.data::<Caller>().map_err(missing)?;
    let shared = ctx.data::<Arc<Shared>>().map_err(missing)?;
    let env = &**ctx.query_env;
    let planner = Planner::new(&env.operation.node, &env.fragments, &env.variables);
    let key = ctx.item.node.response_key().node.as_str();
    let field = planner.root(key).unwrap_or(Merged { key, fields: vec![&ctx.item] });
    let cell = shared.cell(key).map_err(fail)?;
    let run = || async { shared.run(caller, planner, &field, entry, root).await.map_err(fail) };
    cell.get_or_init(run).await.clone().map(Value::Binary)
}
