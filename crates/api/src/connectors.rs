//! What connectors send and how both sides are compared, as both APIs take and answer it: the shapes, which are their
//! documentation, and the asking.

use crate::caller::{Answer, Caller};
use crate::http::problem;
use async_graphql::{InputObject, Json, SimpleObject};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_connectors::drift::{self, Comparison, Part, Question};
use kith_connectors::receive::{self, LeftAside, MAX_RECORDS, Outcome};
use kith_connectors::tree::{Node, hex};
use kith_connectors::{Claims, Connector};
use kith_kernel::{Cx, Error, Result, Violations, escape};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Records that a question about the tree is charged as, however many it reads: nobody asks without end, and everybody can ask.
const PRICE: u64 = 2_000;

/// Records of another system.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct ConnectorRecords {
    /// Up to 500. They are taken in their order.
    #[schema(max_items = 500)]
    records: Vec<ConnectorRecord>,
}

/// A record as another system has it.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "ConnectorRecordInput")]
pub struct ConnectorRecord {
    /// The resource.
    #[schema(example = "accounts")]
    resource: String,
    /// Its key in that system.
    #[schema(example = "ALFKI")]
    external_id: String,
    /// When it was changed there. Needed where a field belongs to whoever changed it last.
    #[schema(value_type = Option<DateTime<Utc>>, example = "2026-11-09T09:30:00Z")]
    changed_at: Option<String>,
    /// Its fields, as in a create or a merge patch.
    #[schema(value_type = Object)]
    data: Json<Value>,
}

/// What became of the records that were sent.
#[derive(Deserialize, Serialize, ToSchema)]
pub struct ConnectorResults {
    /// One a record, in their order.
    pub results: Vec<ConnectorResult>,
}

/// What became of a record.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorResult {
    /// Its place in the request, from 0.
    index: usize,
    /// CREATED, UPDATED, UNCHANGED (it has what was sent, as far as that is taken) or FAILED.
    #[schema(example = "UPDATED")]
    status: String,
    /// The record; null where it failed.
    id: Option<Uuid>,
    /// The version of the record now.
    #[schema(example = 3)]
    version: Option<i32>,
    /// What was sent and not taken, because something else stands there and the other system does not have the say.
    left_aside: Vec<ConnectorLeftAside>,
    /// The problem document of what failed.
    #[schema(value_type = Option<Object>)]
    problem: Option<Json<Value>>,
}

/// A value that was sent and not taken.
#[derive(Deserialize, Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorLeftAside {
    /// The field.
    #[schema(example = "ownerId")]
    field: String,
    /// Who decides it: CRM or NEWEST.
    #[schema(example = "CRM")]
    authority: String,
    /// DECIDED_HERE: the field is decided by Kith. NEWER_HERE: what stands here came to be later, or at the same time.
    #[schema(example = "DECIDED_HERE")]
    reason: String,
    /// What stands here.
    #[schema(value_type = Option<Value>)]
    current: Option<Json<Value>>,
    /// When that came to be, where the newest change decides.
    changed_at: Option<DateTime<Utc>>,
}

/// A part of the hash tree over the records that are linked to a connector's system.
#[derive(Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDrift {
    /// The short name of the system.
    #[schema(example = "northwind")]
    system: String,
    /// The resource.
    #[schema(example = "accounts")]
    resource: String,
    /// The fields that are hashed, in their order.
    fields: Vec<String>,
    /// The digits that the names of its buckets begin with; empty for the root.
    prefix: String,
    /// Its hash: SHA-256 as 64 hexadecimal digits.
    hash: String,
    /// How many records lie below it.
    count: usize,
    /// The 16 groups of the root.
    groups: Vec<ConnectorDriftNode>,
    /// The buckets of the root (256) or of a group (16).
    buckets: Vec<ConnectorDriftNode>,
    /// The records of a bucket.
    leaves: Vec<ConnectorDriftLeaf>,
}

/// A group or a bucket of the tree.
#[derive(Serialize, SimpleObject, ToSchema)]
pub struct ConnectorDriftNode {
    /// One hexadecimal digit for a group, two for a bucket.
    #[schema(example = "a3")]
    prefix: String,
    /// Its hash.
    hash: String,
    /// How many records lie below it.
    count: usize,
}

/// A record as a leaf of the tree.
#[derive(Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDriftLeaf {
    /// Its key in the other system.
    #[schema(example = "ALFKI")]
    external_id: String,
    /// The record.
    record_id: Uuid,
    /// Its hash.
    hash: String,
}

/// What the other side has.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "documentation; bodies are read with the strict reader")]
pub struct ConnectorComparison {
    /// The resource.
    #[schema(example = "accounts")]
    resource: String,
    /// The fields that were hashed; those that have connector fields unless given.
    fields: Option<Vec<String>>,
    /// What it has in some or all of the 256 buckets. Those that are not named are not compared.
    #[schema(min_items = 1, max_items = 256)]
    buckets: Vec<ConnectorBucket>,
}

/// What the other side has in a bucket: its hash, or all of its records.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[graphql(name = "ConnectorBucketInput")]
pub struct ConnectorBucket {
    /// Two hexadecimal digits.
    #[schema(example = "a3")]
    bucket: String,
    /// Its hash, to learn whether it differs.
    hash: Option<String>,
    /// All of its records, to learn which of them differ.
    leaves: Option<Vec<ConnectorLeaf>>,
}

/// A record of the other side.
#[derive(Deserialize, InputObject, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[graphql(name = "ConnectorLeafInput")]
pub struct ConnectorLeaf {
    /// Its key there.
    #[schema(example = "ALFKI")]
    external_id: String,
    /// Its hash.
    hash: String,
}

/// Where both sides differ.
#[derive(Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDifferences {
    /// Nothing was found.
    is_equal: bool,
    /// The resource.
    #[schema(example = "accounts")]
    resource: String,
    /// The fields that are hashed, in their order.
    fields: Vec<String>,
    /// How many records of ours lie in the buckets that were compared.
    compared: usize,
    /// The buckets that differ.
    buckets: Vec<String>,
    /// The records that differ, of the buckets whose records were sent.
    records: Vec<ConnectorDifference>,
}

/// A record that differs.
#[derive(Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectorDifference {
    /// Its key in the other system.
    #[schema(example = "ALFKI")]
    external_id: String,
    /// The record here, if there is one.
    record_id: Option<Uuid>,
    /// MISSING_HERE (or archived here), MISSING_THERE or DIFFERENT.
    #[schema(example = "DIFFERENT")]
    difference: String,
}

/// Reads `{records}`.
pub fn records(body: &Map<String, Value>) -> Result<Vec<Value>> {
    let mut violations = Violations::default();
    only(body, &["records"], &mut violations);
    let records = body.get("records").and_then(Value::as_array);
    violations.ensure(records.is_some(), "/records", "REQUIRED", "Expected a list of records.");
    let few = records.is_none_or(|records| records.len() <= MAX_RECORDS);
    violations.ensure(few, "/records", "TOO_MANY", &format!("At most {MAX_RECORDS} records."));
    violations.into_result()?;
    Ok(records.cloned().unwrap_or_default())
}

/// Takes records.
pub fn take(conn: &mut PgConnection, cx: &Cx, id: Uuid, records: &[Value]) -> Result<Answer> {
    let outcomes = receive::receive(conn, cx, id, records)?;
    let results: Vec<_> = outcomes.into_iter().enumerate().map(|(index, outcome)| result(cx, index, outcome)).collect();
    let body = serde_json::to_vec(&json!({"results": results})).map_err(Error::internal)?;
    Ok(Answer { status: 207, body, ..Answer::default() })
}

fn result(cx: &Cx, index: usize, outcome: Outcome) -> ConnectorResult {
    let left_aside = |left: LeftAside| ConnectorLeftAside {
        field: left.field.to_owned(),
        authority: left.authority.as_str().to_owned(),
        reason: left.reason.as_str().to_owned(),
        current: (!left.current.is_null()).then_some(Json(left.current)),
        changed_at: left.changed_at,
    };
    ConnectorResult {
        index,
        status: outcome.status.as_str().to_owned(),
        id: outcome.record.map(|(id, _)| id),
        version: outcome.record.map(|(_, version)| version),
        left_aside: outcome.left_aside.into_iter().map(left_aside).collect(),
        problem: outcome.error.map(|error| Json(problem::document(&error, cx.origin.request_id))),
    }
}

impl ConnectorDrift {
    /// Asks for it.
    pub async fn ask(caller: &Caller, question: Question, prefix: String) -> Result<Self> {
        caller.charge(PRICE)?;
        let found = caller.survey(move |conn, cx| drift::part(conn, cx, &question, &prefix));
        Ok(ConnectorDrift::from(found.await?))
    }
}

impl From<Part> for ConnectorDrift {
    fn from(part: Part) -> Self {
        let nodes = |nodes: Vec<Node>| {
            let node =
                |node: Node| ConnectorDriftNode { hash: hex(&node.hash), prefix: node.prefix, count: node.count };
            nodes.into_iter().map(node).collect()
        };
        let leaf = |leaf: drift::Leaf| ConnectorDriftLeaf {
            hash: hex(&leaf.hash),
            external_id: leaf.external_id,
            record_id: leaf.record,
        };
        ConnectorDrift {
            system: part.subject.system,
            resource: part.subject.entry.name.to_owned(),
            fields: part.subject.fields.into_iter().map(str::to_owned).collect(),
            hash: hex(&part.node.hash),
            prefix: part.node.prefix,
            count: part.node.count,
            groups: nodes(part.groups),
            buckets: nodes(part.buckets),
            leaves: part.leaves.into_iter().map(leaf).collect(),
        }
    }
}

/// What the other side has, as it was sent: read when its connector is known to be there.
pub type Sent = Box<dyn FnOnce() -> Result<Map<String, Value>> + Send>;

impl ConnectorDifferences {
    /// Asks for them.
    pub async fn ask(caller: &Caller, id: Uuid, sent: Sent) -> Result<Self> {
        Connector::may_compare(&caller.cx())?;
        caller.charge(PRICE)?;
        let found = caller.survey(move |conn, cx| {
            let body = sent()?;
            let (question, claims) = comparison(id, &body)?;
            drift::compare(conn, cx, &question, claims)
        });
        Ok(ConnectorDifferences::from(found.await?))
    }
}

/// Reads `{resource, fields, buckets}`.
fn comparison(connector: Uuid, body: &Map<String, Value>) -> Result<(Question, Claims)> {
    let mut violations = Violations::default();
    only(body, &["resource", "fields", "buckets"], &mut violations);
    let resource = body.get("resource").and_then(Value::as_str);
    violations.ensure(resource.is_some(), "/resource", "REQUIRED", "Expected the name of a resource.");
    let fields = body.get("fields").filter(|fields| !fields.is_null());
    let names = fields
        .and_then(Value::as_array)
        .and_then(|list| list.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
    violations.ensure(
        fields.is_none() == names.is_none(),
        "/fields",
        "WRONG_TYPE",
        "Expected a list of names of fields.",
    );
    let claims = match Claims::parse(body.get("buckets")) {
        Ok(claims) => claims,
        Err(error) => {
            violations.0.extend(error.violations);
            Claims::default()
        }
    };
    violations.into_result()?;
    Ok((Question { connector, resource: resource.unwrap_or_default().to_owned(), fields: names, at: "" }, claims))
}

fn only(body: &Map<String, Value>, allowed: &[&str], violations: &mut Violations) {
    for name in body.keys().filter(|name| !allowed.contains(&name.as_str())) {
        violations.add(format!("/{}", escape(name)), "UNKNOWN_FIELD", format!("Allowed: {}.", allowed.join(", ")));
    }
}

impl From<Comparison> for ConnectorDifferences {
    fn from(found: Comparison) -> Self {
        let record = |one: drift::Differing| ConnectorDifference {
            external_id: one.external_id,
            record_id: one.record,
            difference: one.difference.as_str().to_owned(),
        };
        ConnectorDifferences {
            is_equal: found.buckets.is_empty(),
            resource: found.subject.entry.name.to_owned(),
            fields: found.subject.fields.into_iter().map(str::to_owned).collect(),
            compared: found.compared,
            buckets: found.buckets,
            records: found.records.into_iter().map(record).collect(),
        }
    }
}
