//! Kith as a whole, against a real PostgreSQL. One file an area; run them with `make test`.

mod alone;
mod authz;
mod bad_input;
mod compression;
mod concurrency;
mod contacts;
mod golden;
mod graphql;
mod identity;
mod interactions;
mod leads;
mod lifecycle;
mod lists;
mod pipeline;
mod plans;
mod pool;
mod rate;
mod retries;
mod smoke;
mod tables;
mod tenancy;
mod tidy;
mod wire;
mod writes;
