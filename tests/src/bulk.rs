//! Files of records, in and out.

mod export;
mod formats;
mod jobs;
mod resume;
mod rows;

use crate::tenancy::records::Ids;
use flate2::{Compression, write::GzEncoder};
use kith_testkit::{Answer, Client, Stage, Tenant};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

/// What came back: the lines and the counts at the end.
pub struct Loaded {
    pub answer: Answer,
    pub lines: Vec<Value>,
    pub summary: Value,
}

impl Loaded {
    pub fn of(answer: Answer) -> Self {
        let mut lines: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = lines.pop().map(|line| line["summary"].clone()).unwrap_or_default();
        Loaded { answer, lines, summary }
    }

    /// Of each line its number and its status.
    pub fn statuses(&self) -> Vec<(u64, &str)> {
        self.lines.iter().map(|line| (line["line"].as_u64().unwrap(), line["status"].as_str().unwrap())).collect()
    }

    /// The counts: created, updated, unchanged, failed.
    pub fn counts(&self) -> [u64; 4] {
        ["created", "updated", "unchanged", "failed"].map(|name| self.summary[name].as_u64().unwrap())
    }
}

fn key() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("file-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub async fn post(client: &Client, path: &str, kind: &str, body: impl Into<Vec<u8>>) -> Answer {
    let client = client.with("content-type", kind).with("idempotency-key", &key());
    client.send("POST", &format!("/v1/bulk/{path}"), Some(body.into())).await
}

/// Loads lines of JSON.
pub async fn ndjson(client: &Client, path: &str, lines: &[Value]) -> Loaded {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Loaded::of(post(client, path, "application/x-ndjson", text).await.expect(200))
}

/// Loads a table.
pub async fn csv(client: &Client, path: &str, text: &str) -> Loaded {
    Loaded::of(post(client, path, "text/csv", text).await.expect(200))
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub async fn count(client: &Client, resource: &str) -> u64 {
    client.get(&format!("/v1/{resource}?count=exact")).await.expect(200).at("/page/total").as_u64().unwrap()
}

/// A load, as the walks over all resources need.
pub async fn one_of_each(admin: &Client, ids: &mut Ids) {
    let loaded = ndjson(admin, "contacts", &[json!({})]).await;
    ids.insert("bulk-loads", loaded.summary["id"].as_str().unwrap().to_owned());
}

/// Rows of the journal about a resource.
pub fn journal(stage: &Stage, tenant: &Tenant, resource: &str) -> (i64, i64) {
    use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
    #[derive(QueryableByName)]
    struct Counts {
        #[diesel(sql_type = st::BigInt)]
        audit: i64,
        #[diesel(sql_type = st::BigInt)]
        changes: i64,
    }
    let of = format!("tenant_id = '{}' AND resource = '{resource}'", tenant.id);
    let query = format!(
        "SELECT (SELECT count(*) FROM audit_log WHERE {of}) AS audit, (SELECT count(*) FROM change_log WHERE {of}) AS changes"
    );
    let counts: Counts = sql_query(query).get_result(&mut stage.scratch.owner()).unwrap();
    (counts.audit, counts.changes)
}
