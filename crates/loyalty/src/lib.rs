//! What customers are worth to us and how loyal they are: value, its pyramid and its quadrant, lifetime value, indicators
//! and levels of loyalty, and the programme that rewards it.

/// The area's name in documentation.
pub const AREA: &str = "loyalty";

pub mod programme;
