//! What every request passes, whatever it asks for: limits, ids, problems, bodies and query strings.

pub mod body;
pub mod compress;
pub mod edge;
pub mod headers;
pub mod problem;
pub mod pulse;
pub mod query;
pub mod rate;
pub mod stream;
pub mod work;
