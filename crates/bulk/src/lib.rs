//! Bulk loads: a file of records of one resource, of any length, read as a stream and written a part at a time.
//!
//! Tables: `bulk_loads` (the resource `bulk-loads`), `bulk_parts` (what a job has received), `bulk_results` (what came of
//! each line). Invariants: a part is committed with its results and with the position of its load, so that a load that
//! was broken off goes on where it stood and every line counts once; whoever works on a load holds it, and who lost it
//! can commit nothing more. Where parts begin follows from the file alone: the same file sent again is known by its
//! digest. Start with [`decode`], then [`progress`].

mod cells;
pub mod csv;
pub mod decode;
pub mod export;
pub mod line;
mod load;
pub mod part;
pub mod progress;
pub mod results;

pub use cells::{Protected, restored};
pub use load::{BulkLoad, LoadFormat, LoadMode, LoadStatus};

/// The area's name in documentation.
pub const AREA: &str = "bulk";
