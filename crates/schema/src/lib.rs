//! All tables for diesel, generated from the migrated database; for statements that are written by hand, such as
//! reports over several areas. The standard verbs do not need it: their SQL follows from the field tables.

#![expect(missing_docs, reason = "the tables describe themselves in the database")]

mod tables;

pub use tables::*;
