//! What tests stand on: a database of their own each, cloned from a migrated template; the API in process, with a
//! clock that tests move; actors of every role; and one client for both doors. For development only.

mod cluster;
mod http;
mod served;
mod stage;
mod wire;

pub use cluster::{Scratch, cluster_url, prepare};
pub use http::{Answer, Client};
pub use served::Served;
pub use stage::{PASSWORD, Stage, Tenant};
pub use wire::{Reply, Wire, request};
