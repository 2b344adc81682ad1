//! The GraphQL door. async-graphql parses, validates, and answers introspection; the fields that follow from the
//! catalogue are planned once a request and written as JSON text on one connection (see `plan.rs` and `docs/decisions`).

mod board;
mod changes;
mod connectors;
mod documents;
mod forecast;
mod handler;
mod lifecycle;
pub(crate) mod limits;
pub(crate) mod metrics;
mod plan;
mod push;
mod receivables;
mod reconciliation;
mod roots;
mod run;
mod socket;
mod timeline;
mod transactions;
mod types;
mod value;
mod variables;
mod viewer;
mod writer;

use async_graphql::{MergedObject, SDLExportOptions};

pub(crate) use socket::is_asked as is_socket;

pub use handler::{__path_graphql, Document, GraphqlRequest, graphql, routes};

/// The query root: what follows from the catalogue, and what is written by hand.
#[derive(MergedObject, Default)]
pub struct Query(
    roots::StandardQuery,
    viewer::ViewerQuery,
    metrics::MetricQuery,
    forecast::ForecastQuery,
    board::BoardQuery,
    reconciliation::LedgerQuery,
    lifecycle::LifecycleQuery,
    receivables::ReceivableQuery,
    value::ValueQuery,
    connectors::ConnectorQuery,
    changes::ChangeQuery,
);

/// The mutation root.
#[derive(MergedObject, Default)]
pub struct Mutation(
    roots::StandardMutation,
    viewer::IdentityMutation,
    documents::DocumentMutation,
    push::PushMutation,
    connectors::ConnectorMutation,
    transactions::TransactionMutation,
);

/// The schema.
pub type Schema = async_graphql::Schema<Query, Mutation, changes::SubscriptionRoot>;

/// Builds it. The library sets no limit by itself.
pub fn schema() -> Schema {
    Schema::build(Query::default(), Mutation::default(), changes::SubscriptionRoot)
        .limit_depth(limits::DEPTH)
        .limit_recursive_depth(limits::RECURSION)
        .limit_directives(limits::DIRECTIVES)
        .disable_suggestions()
        .finish()
}

/// The SDL in a stable order.
pub fn sdl(schema: &Schema) -> String {
    schema.sdl_with_options(
        SDLExportOptions::new()
            .sorted_fields()
            .sorted_arguments()
            .sorted_enum_items()
            .prefer_single_line_descriptions(),
    )
}
