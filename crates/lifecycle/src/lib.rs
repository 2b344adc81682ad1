//! Where the relationship with a customer stands, whether it is about to end, and what is done about that.
//!
//! [`rules`] decide, without a database, from facts that somebody else has gathered.

pub mod rules;

/// The area's name in documentation.
pub const AREA: &str = "lifecycle";
