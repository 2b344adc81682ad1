//! Where the relationship with a customer stands, whether it is about to end, and what is done about that.

/// The area's name in documentation.
pub const AREA: &str = "lifecycle";
