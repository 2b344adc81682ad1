//! What happens between us and the people we deal with: touches over every channel, and what there is to do.
//!
//! Tables: `interactions`, `interaction_contacts`, `tasks`. Invariants: a subject is there and was visible to whoever
//! named it; a task that is done has a time at which it was; a recurring task has at most one that comes after it. Start
//! with [`interaction`]; how tasks recur is in [`recurrence`]. Timelines are the kernel's: each resource says in its
//! `MOMENT` how its rows stand in them.

pub mod interaction;
pub mod moves;
pub mod participant;
pub mod recurrence;
pub mod task;
mod zone;

use kith_kernel::{SubjectType, Violations};
use uuid::Uuid;

pub use interaction::Interaction;
pub use participant::InteractionContact;
pub use task::Task;

/// The area's name in documentation.
pub const AREA: &str = "interactions";

/// A subject is named by its type and its id together.
fn subject_is_whole(kind: Option<SubjectType>, id: Option<Uuid>, violations: &mut Violations) {
    violations.ensure(kind.is_some() || id.is_none(), "/subjectType", "REQUIRED", "Say of which type the subject is.");
    violations.ensure(id.is_some() || kind.is_none(), "/subjectId", "REQUIRED", "Say which record the subject is.");
}
