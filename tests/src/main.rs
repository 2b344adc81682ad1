//! Kith as a whole, against a real PostgreSQL. One file an area; run them with `make test`.

mod golden;
mod smoke;
mod tables;
mod tidy;
