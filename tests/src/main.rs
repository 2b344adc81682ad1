//! Kith as a whole, against a real PostgreSQL. One file an area; run them with `make test`.

mod authz;
mod bad_input;
mod concurrency;
mod contacts;
mod golden;
mod graphql;
mod identity;
mod lists;
mod plans;
mod pool;
mod smoke;
mod tables;
mod tenancy;
mod tidy;
mod writes;
