//! The shapes of what the feed and a pull answer, for the contract: generated clients know their fields by it. The answers
//! themselves are written where they are found.

use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of the change feed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the feed")]
pub struct ChangePage {
    /// The changes, oldest first.
    data: Vec<RecordChange>,
    /// Where to go on.
    page: ChangePlace,
}

/// Where to go on in the change feed.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the feed")]
pub struct ChangePlace {
    /// Ask with it as `after` for what follows; it is there even when the page is empty.
    next_cursor: String,
    /// There is more already.
    has_more: bool,
}

/// One change of one record.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the feed")]
pub struct RecordChange {
    /// The place behind this change.
    cursor: String,
    /// The id of the change: the same for ever, for every reader and in webhooks.
    id: Uuid,
    /// The type of the record and what was done.
    #[schema(example = "account.updated")]
    r#type: String,
    /// The resource.
    #[schema(example = "accounts")]
    resource: String,
    /// The record.
    record_id: Uuid,
    /// The version of the record that the change made; null where access is lost.
    version: Option<i32>,
    /// `created`, `updated`, `archived`, `restored`, or the name of a business verb.
    #[schema(example = "updated")]
    operation: String,
    /// Where the record is for you: PRESENT; LEFT_FILTER, when it no longer fits the filter; ACCESS_LOST, when you can no
    /// longer read it.
    #[schema(example = "PRESENT")]
    presence: String,
    /// When it was done.
    #[schema(format = DateTime)]
    occurred_at: String,
    /// Who did it; null where access is lost.
    actor: Option<ChangeActor>,
    /// The fields that were changed; empty when the record was made.
    changed_fields: Vec<String>,
    /// The record before; null when it was made, when it came into your sight, and where access is lost.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    before: Option<Value>,
    /// The record after, as its own resource answers it; null where access is lost.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    data: Option<Value>,
}

/// Who made a change.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the feed")]
pub struct ChangeActor {
    /// USER, API_KEY or SYSTEM.
    #[schema(example = "API_KEY")]
    kind: String,
    /// The user or the API key; null: the system.
    id: Option<Uuid>,
}

/// What a pull answers.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the pull")]
pub struct SyncPage {
    /// Records that belong to the copy, as they are now.
    data: Vec<SyncRecord>,
    /// Records that do not belong to the copy any more.
    removed: Vec<SyncRemoved>,
    /// Where the next pull goes on.
    cursor: String,
    /// There is more already.
    has_more: bool,
}

/// A record of a copy.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the pull")]
pub struct SyncRecord {
    /// The resource.
    #[schema(example = "accounts")]
    resource: String,
    /// The record with the fields of the scope; `id`, `version` and `archivedAt` always come.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    record: Value,
}

/// A record that does not belong to a copy any more.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; the answer is written by the pull")]
pub struct SyncRemoved {
    /// The resource.
    #[schema(example = "contacts")]
    resource: String,
    /// The record.
    id: Uuid,
    /// ARCHIVED, MERGED (it became part of another), LEFT_SCOPE (it does not fit the filter any more) or ACCESS_LOST (you
    /// cannot read it any more).
    #[schema(example = "LEFT_SCOPE")]
    reason: String,
    /// With MERGED: the record that it became part of.
    merged_into_id: Option<Uuid>,
}
