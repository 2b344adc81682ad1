//! Work that is done later: a queue in PostgreSQL, and schedules that put work into it.
//!
//! - [`Job`] is a piece of work as users see it;
//! - [`queue`] puts jobs in, in the transaction of whoever asks, and takes them out, under a lease;
//! - [`Handler`] is what does the jobs of a kind, [`Work`] what it is given: it tells its progress and hears that it shall stop;
//! - [`schedule`] makes jobs at their times.
//!
//! It knows neither what any kind of job does nor the threads that do it; `kith-worker` brings both.

mod handler;
mod job;
pub mod queue;
pub mod schedule;

pub use handler::{Handler, Progress, Stop, Work};
pub use job::{Job, JobState};
pub use queue::{Asked, enqueue};
pub use schedule::{Cadence, Plan, Schedule};

/// What the documentation groups these resources under.
const AREA: &str = "Jobs";
