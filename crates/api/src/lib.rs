//! REST and GraphQL over the same verbs. Both are derived from the catalogue: a resource that stands in
//! [`catalogue`] has its routes, types, documentation, filters and batch here without another line.
//!
//! - [`http`]: what every request passes; - [`caller`]: who is asking and how they reach the database;
//! - [`auth`]: tokens, keys, brakes; - [`rest`], [`graphql`]: the two doors; - [`openapi`]: the contract of REST.
//!
//! No SQL and no rules stand here; a handler extracts, calls a verb and wraps its answer.

pub mod app;
pub mod auth;
pub mod board;
pub mod caller;
pub mod connectors;
pub mod documents;
pub mod forecast;
pub mod graphql;
pub mod push;
use graphql::limits as graphql_limits;
pub mod http;
pub mod lifecycle;
pub mod live;
pub mod openapi;
pub mod receivables;
pub mod reconciliation;
mod resources;
pub mod rest;
pub mod transactions;
pub mod value;

pub use app::{App, Settings};
pub use caller::{Answer, Caller, Manner};
pub use resources::{all_codes, catalogue};
