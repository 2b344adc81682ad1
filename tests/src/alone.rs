//! What is measured in time, or stops and kills what it runs on: these tests run one at a time, see
//! `.config/nextest.toml`.

mod binary;
mod bulk;
mod crash;
mod database;
mod feed;
mod graphql;
mod log;
mod login;
mod outage;
mod overload;
mod process;
mod soak;
mod streams;
mod transfer;
mod webhooks;
