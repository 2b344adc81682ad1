//! Why opportunities end: the tenant's own list, so that reasons can be counted.

use crate::AREA;
use kith_kernel::ids::CloseReasonId;
use kith_kernel::{Resource, text_enum};
use kith_macros::resource;

text_enum! {
    /// How an opportunity ended.
    pub enum Outcome {
        /// We got the business.
        Won = "WON",
        /// We did not.
        Lost = "LOST",
    }
}

/// Why an opportunity was won or lost, in the tenant's words.
#[resource(table = close_reasons, id = CloseReasonId)]
pub struct CloseReason {
    /// The reason; unique among those of its outcome, without regard to case.
    #[field(filter, sort, max = 100, example = "\"Price\"")]
    pub name: String,
    /// Which end it explains.
    #[field(filter, create_only, example = "\"LOST\"")]
    pub outcome: Outcome,
}

impl Resource for CloseReason {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
}
