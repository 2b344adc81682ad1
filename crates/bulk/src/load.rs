//! The resource: a load and how far it is.

use crate::{AREA, progress};
use chrono::{DateTime, Utc};
use kith_kernel::Shape;
use kith_kernel::ids::BulkLoadId;
use kith_kernel::{Action, Command, Custom, Nothing, Ownership, Resource, Verb, text_enum};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// What a load does with a record that is there already.
    #[derive(Default)]
    pub enum LoadMode {
        /// Updates it.
        #[default]
        Upsert = "UPSERT",
        /// Refuses it.
        Insert = "INSERT",
    }
}

text_enum! {
    /// The form of a file.
    #[derive(Default)]
    pub enum LoadFormat {
        /// A JSON object a line.
        #[default]
        Ndjson = "NDJSON",
        /// Comma-separated values under a line of field names.
        Csv = "CSV",
    }
}

text_enum! {
    /// How far a load is.
    #[derive(Default)]
    pub enum LoadStatus {
        /// The file is still coming in; nothing of it is written yet.
        #[default]
        Receiving = "RECEIVING",
        /// The file is there and waits for a worker.
        Waiting = "WAITING",
        /// Its lines are being written. One that was broken off goes on when the same file is sent again with the same key.
        Running = "RUNNING",
        /// Every line has its result.
        Succeeded = "SUCCEEDED",
        /// It ended early; `problem` says why. What was written stays.
        Failed = "FAILED",
        /// Somebody ended it. What was written stays.
        Cancelled = "CANCELLED",
    }
}

/// A file of records that was loaded, or is being loaded, with `POST /v1/bulk/{resource}`.
#[resource(table = bulk_loads, id = BulkLoadId)]
pub struct BulkLoad {
    /// The resource that its records are of.
    #[field(filter, read_only, example = "\"contacts\"")]
    pub resource: String,
    /// What it does with a record that is there already.
    #[field(filter, read_only, default)]
    pub mode: LoadMode,
    /// The form of the file.
    #[field(filter, read_only, default)]
    pub format: LoadFormat,
    /// Short name of the other system that the keys in the file are of.
    #[field(filter, read_only, example = "\"erp\"")]
    pub system: Option<String>,
    /// How far it is.
    #[field(filter, read_only, default)]
    pub status: LoadStatus,
    /// Whether a worker does it, instead of the request that brought the file.
    #[field(filter, read_only, default)]
    pub is_job: bool,
    /// The job that does it.
    #[field(filter, read_only)]
    pub job_id: Option<Uuid>,
    /// Whether it only tries, and keeps no record.
    #[field(filter, read_only, default)]
    pub is_dry_run: bool,
    /// How many records of the file have a result.
    #[field(read_only, default)]
    pub lines: i32,
    /// How many of them were made.
    #[field(read_only, default)]
    pub created: i32,
    /// How many were changed.
    #[field(read_only, default)]
    pub updated: i32,
    /// How many were there as they are, or newer.
    #[field(read_only, default)]
    pub unchanged: i32,
    /// How many were refused.
    #[field(read_only, default)]
    pub failed: i32,
    /// The problem document of what ended it early.
    #[field(read_only)]
    pub problem: Option<Custom>,
    /// When it ended.
    #[field(filter, read_only)]
    pub finished_at: Option<DateTime<Utc>>,
    /// The idempotency key of its request.
    #[field(hidden)]
    pub key: String,
    /// What the request was, apart from the file.
    #[field(hidden)]
    pub request: String,
    /// Who works on it.
    #[field(hidden)]
    pub holder: Option<Uuid>,
    /// When the holder last gave a sign of life.
    #[field(hidden)]
    pub seen_at: DateTime<Utc>,
    /// Parts of the file that a job has received.
    #[field(hidden)]
    pub received: i32,
    /// Of all of them.
    #[field(hidden)]
    pub received_digest: String,
    /// Parts that are written.
    #[field(hidden)]
    pub done: i32,
    /// Of all of them.
    #[field(hidden)]
    pub done_digest: String,
}

impl Resource for BulkLoad {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: Some("created_by"), team: None, via: &[] };

    fn commands() -> Vec<Command> {
        let doc =
            "Ends a load that is not finished. What was written stays; what was received and not written is dropped.";
        vec![Command::new::<Nothing>(
            "cancel",
            doc,
            |cx| cx.require(cx.entry(BulkLoad::NAME)?, Action::Update).map(drop),
            progress::cancel,
        )]
    }
}

impl BulkLoad {
    /// Whether nothing more is going to happen to it.
    pub fn is_over(&self) -> bool {
        matches!(self.status, LoadStatus::Succeeded | LoadStatus::Failed | LoadStatus::Cancelled)
    }
}
