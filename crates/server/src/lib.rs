//! The binary `kith`: reads its settings, finds or starts the database, and serves. A library as well, so that tests
//! run what the binary runs.

pub mod analytics;
pub mod commands;
pub mod database;
pub mod listen;
pub mod seed;
pub mod serve;
pub mod settings;
pub mod transfer;
