//! Offline changes as both APIs take them: the shapes, which are their documentation, and the taking.

use crate::caller::Answer;
use crate::http::problem;
use async_graphql::{InputObject, Json, SimpleObject};
use diesel::PgConnection;
use kith_journal::push::{self, MAX_CHANGES, Resolution};
use kith_kernel::{Cx, Error, Result, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Changes that a client made while it was offline.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct SyncPush {
    /// The installation of the client that made the changes, chosen by it once. Its changes are taken one push at a time.
    client_id: Uuid,
    /// Up to 500. They are taken in their order, so that a new record can be referred to by the changes after it.
    #[schema(max_items = 500)]
    changes: Vec<SyncChange>,
    /// What is done about a field that somebody else changed meanwhile: REPORT (unless given) does nothing and answers
    /// CONFLICT with both values, THEIRS keeps what is there and applies the rest, OURS replaces it.
    on_conflict: Option<String>,
}

/// One change, as the client made it.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "SyncChangeInput")]
pub struct SyncChange {
    /// The id of the change, chosen by the client: sent again, it is not done again but answered again.
    change_id: Uuid,
    /// CREATE, UPDATE, ARCHIVE or RESTORE.
    #[schema(example = "UPDATE")]
    op: String,
    /// The resource.
    #[schema(example = "contacts")]
    resource: String,
    /// The record. The id of a new one is chosen by the client.
    record_id: Uuid,
    /// The version of the record that was changed; none for CREATE.
    #[schema(example = 3)]
    base_version: Option<i32>,
    /// The fields that were set, as in a create or a merge patch.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    data: Option<Json<Value>>,
}

/// What came of a change.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncResult {
    /// The change.
    change_id: Uuid,
    /// APPLIED, MERGED, CONFLICT, GONE or REFUSED, as docs/offline.md describes them.
    #[schema(example = "MERGED")]
    status: String,
    /// The resource.
    #[schema(example = "contacts")]
    resource: String,
    /// The record.
    record_id: Uuid,
    /// The version of the record now; null: it is out of sight.
    #[schema(example = 5)]
    version: Option<i32>,
    /// The record now, with all its fields; null: it is out of sight.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    record: Option<Json<Value>>,
    /// The fields that somebody else changed to another value meanwhile.
    conflicts: Vec<SyncConflict>,
    /// The problem document of what was refused.
    #[schema(value_type = Option<std::collections::HashMap<String, Value>>)]
    problem: Option<Json<Value>>,
}

/// A field that the client and somebody else changed, each to another value.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncConflict {
    /// The field.
    #[schema(example = "jobTitle")]
    field: String,
    /// What the client has set.
    #[schema(value_type = Option<Value>)]
    yours: Option<Json<Value>>,
    /// What it was when the change came.
    #[schema(value_type = Option<Value>)]
    current: Option<Json<Value>>,
    /// When that was set.
    changed_at: Option<String>,
    /// Who has set it; null: the system.
    changed_by: Option<Uuid>,
}

/// What came of a push.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct SyncResults {
    /// One a change, in their order.
    pub results: Vec<SyncResult>,
}

/// A push as it was read.
pub struct Pushed {
    client: Uuid,
    changes: Vec<Value>,
    resolution: Resolution,
}

impl Pushed {
    /// Reads `{clientId, changes, onConflict}`.
    pub fn read(body: &Map<String, Value>) -> Result<Self> {
        let mut violations = Violations::default();
        for name in body.keys().filter(|name| !["clientId", "changes", "onConflict"].contains(&name.as_str())) {
            violations.add(format!("/{name}"), "UNKNOWN_FIELD", "Allowed: clientId, changes, onConflict.");
        }
        let client = body.get("clientId").and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
        violations.ensure(
            client.is_some(),
            "/clientId",
            "WRONG_TYPE",
            "Expected the UUID of the client's installation.",
        );
        let changes = body.get("changes").and_then(Value::as_array);
        violations.ensure(changes.is_some(), "/changes", "REQUIRED", "Expected a list of changes.");
        let few = changes.is_none_or(|changes| changes.len() <= MAX_CHANGES);
        violations.ensure(few, "/changes", "TOO_MANY", &format!("At most {MAX_CHANGES} changes."));
        let resolution = match body.get("onConflict") {
            None | Some(Value::Null) => Some(Resolution::default()),
            Some(value) => value.as_str().and_then(Resolution::from_text),
        };
        violations.ensure(resolution.is_some(), "/onConflict", "WRONG_TYPE", "Expected REPORT, THEIRS or OURS.");
        violations.into_result()?;
        Ok(Pushed {
            client: client.unwrap_or_default(),
            changes: changes.cloned().unwrap_or_default(),
            resolution: resolution.unwrap_or_default(),
        })
    }

    /// How many changes there are.
    pub fn count(&self) -> usize {
        self.changes.len()
    }

    /// Takes them.
    pub fn take(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Answer> {
        let tell = |error: &Error| problem::document(error, cx.origin.request_id);
        let results = push::push(conn, cx, self.client, &self.changes, self.resolution, &tell)?;
        let body = serde_json::to_vec(&json!({"results": results})).map_err(Error::internal)?;
        Ok(Answer { status: 200, body, ..Answer::default() })
    }
}
