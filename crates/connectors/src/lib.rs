//! Other systems whose records are kept in step with ours: who decides which field, taking what they send, and finding
//! where the two sides differ.
//!
//! Tables: `connectors`, `connector_fields`, `connector_changes`. Invariants: what a connector sends is applied by the
//! authority of each field, and what was left aside is told; a system has one connector. Start with [`receive`] for what
//! comes in, with [`tree`] for how both sides are compared.

mod claim;
pub mod connector;
pub mod drift;
pub mod field;
mod newest;
pub mod receive;
mod record;
pub mod tree;

pub use claim::{Claim, Claims};
pub use connector::{Authority, Connector};
pub use field::ConnectorField;

/// The area's name in documentation.
pub const AREA: &str = "connectors";
