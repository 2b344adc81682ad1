//! Verbs that touch several areas at once, each in one transaction. No tables and no rules of a single area: those stay
//! where they belong, and are called from here.

pub mod convert;
pub mod merge;
pub mod value;
