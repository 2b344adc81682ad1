//! What every request passes, whatever it asks for: limits, ids, problems, bodies and query strings.

pub mod body;
pub mod edge;
pub mod headers;
pub mod problem;
pub mod query;
pub mod rate;
