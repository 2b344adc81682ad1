//! `kith connector drift`: a file of what another system has against what is here, by the hash tree of the connector, so that
//! only the records of the buckets that differ are looked at one by one.

use super::form;
use super::remote::{self, Remote, Session};
use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, Subcommand};
use kith_bulk::decode::Decoder;
use kith_connectors::tree::{self, Hash, Prefix, Tree};
use kith_kernel::{Entry, FieldType, Kind, Money, Rate};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

/// What can be done with connectors.
#[derive(Debug, Subcommand)]
pub enum ConnectorCommand {
    /// Compares a file of the records of another system with those here. It ends with 1 when they differ, and prints how.
    Drift(Box<DriftArgs>),
}

/// The arguments of `kith connector drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// The connector's id.
    connector: String,
    /// The resource, such as accounts.
    resource: String,
    /// The file: .ndjson, .jsonl or .csv, each also with .gz behind it. Each record has externalId and the fields.
    file: PathBuf,
    /// The fields to compare, comma-separated; those that have connector fields unless given.
    #[arg(long)]
    fields: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Most records that are sent at once; a request may have 1 MiB.
const AT_ONCE: usize = 2_000;

/// Both sides differ.
#[derive(Debug)]
pub struct Differs(usize);

impl std::fmt::Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records differ", self.0)
    }
}

impl std::error::Error for Differs {}

/// Compares. The text is for people.
pub fn drift(args: &DriftArgs) -> Result<String> {
    let entry = kith_api::catalogue().get(&args.resource);
    let entry = entry.with_context(|| format!("There is no resource {}", args.resource))?;
    let mut session = args.remote.log_in()?;
    let path = format!("/v1/connectors/{}/drift", args.connector);
    let mut query = vec![("resource", args.resource.clone())];
    query.extend(args.fields.clone().map(|fields| ("fields", fields)));
    let theirs = ask(session.request(reqwest::Method::GET, &path).query(&query))?;
    let fields: Vec<String> = serde_json::from_value(theirs.get("fields").cloned().unwrap_or_default())?;
    let ours = read(args, entry, &fields)?;
    let mut tree = Tree::default();
    ours.iter().for_each(|(key, hash)| tree.add(tree::bucket(key), *hash));
    let known = theirs.get("buckets").and_then(Value::as_array).context("The answer has no buckets")?;
    let hash_of = |name: &str| {
        let found = known.iter().find(|one| one.get("prefix").and_then(Value::as_str) == Some(name));
        found.and_then(|one| one.get("hash")?.as_str()).unwrap_or_default().to_owned()
    };
    let differing =
        tree.buckets(&Prefix::default()).into_iter().filter(|node| tree::hex(&node.hash) != hash_of(&node.prefix));
    let buckets: Vec<String> = differing.map(|node| node.prefix).collect();
    let mut found = Vec::new();
    let mut claims = Vec::new();
    let mut waiting = 0;
    for name in &buckets {
        let inside = ours.iter().filter(|(key, _)| Prefix::of(tree::bucket(key)).as_str() == name);
        let leaves: Vec<Value> =
            inside.map(|(key, hash)| json!({"externalId": key, "hash": tree::hex(hash)})).collect();
        if waiting + leaves.len() > AT_ONCE && !claims.is_empty() {
            found.extend(compare(&mut session, &path, args, &fields, std::mem::take(&mut claims))?);
            waiting = 0;
        }
        waiting += leaves.len();
        claims.push(json!({"bucket": name, "leaves": leaves}));
    }
    if !claims.is_empty() {
        found.extend(compare(&mut session, &path, args, &fields, claims)?);
    }
    let mut out = std::io::stdout();
    for one in &found {
        let text = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "{} {}", text("difference"), text("externalId"))?;
    }
    if found.is_empty() {
        return Ok(format!("{} records, and no difference in {}.", ours.len(), fields.join(", ")));
    }
    Err(Differs(found.len()).into())
}

fn ask(request: reqwest::blocking::RequestBuilder) -> Result<Value> {
    let response = request.send()?;
    if !response.status().is_success() {
        return Err(remote::problem(response).into());
    }
    Ok(response.json()?)
}

/// The records of some buckets that differ.
fn compare(
    session: &mut Session,
    path: &str,
    args: &DriftArgs,
    fields: &[String],
    claims: Vec<Value>,
) -> Result<Vec<Value>> {
    let body = json!({"resource": args.resource, "fields": fields, "buckets": claims});
    let answer = ask(session.request(reqwest::Method::POST, path).json(&body))?;
    Ok(answer.get("records").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// The hashes of the records of the file, by their keys.
fn read(args: &DriftArgs, entry: &'static Entry, fields: &[String]) -> Result<BTreeMap<String, Hash>> {
    let (media_type, packed) = form(&args.file)?;
    let mut file = File::open(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let mut decoder = if media_type == "text/csv" { Decoder::csv(packed, entry) } else { Decoder::ndjson(packed) };
    let mut all = BTreeMap::new();
    let mut take = |parts: Vec<kith_bulk::part::Part>| -> Result<()> {
        for part in parts {
            for line in part.read() {
                let number = line.number;
                let text = line.text.map_err(|flaw| anyhow!("Line {number} is no record: {flaw:?}"))?;
                let record: Map<String, Value> =
                    serde_json::from_slice(text).with_context(|| format!("Line {number} is no record"))?;
                let (key, hash) = leaf(entry, fields, &record).with_context(|| format!("Line {number}"))?;
                ensure!(all.insert(key.clone(), hash).is_none(), "Line {number}: {key} is there twice");
            }
        }
        Ok(())
    };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => take(decoder.push(buffer.get(..length).unwrap_or_default()).map_err(refused)?)?,
        }
    }
    take(decoder.finish().map_err(refused)?)?;
    Ok(all)
}

fn refused(error: kith_kernel::Error) -> anyhow::Error {
    anyhow!("The file cannot be read: {}", error.detail)
}

fn leaf(entry: &Entry, fields: &[String], record: &Map<String, Value>) -> Result<(String, Hash)> {
    let key = record.get("externalId").and_then(Value::as_str).context("It has no externalId")?;
    let mut values = Vec::with_capacity(fields.len());
    for name in fields {
        let (_, field) = entry.field(name).with_context(|| format!("There is no field {name}"))?;
        let value = record.get(name).unwrap_or(&Value::Null);
        let written = written(&field.kind, value).map_err(|expected| anyhow!("{name}: expected {expected}"))?;
        values.push(written);
    }
    Ok((key.to_owned(), tree::leaf(key, values.iter().map(Vec::as_slice))))
}

/// A value as the API writes it: the same amount may be written in several ways.
fn written(kind: &Kind, value: &Value) -> Result<Vec<u8>, String> {
    fn again<T: FieldType>(value: &Value) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        T::parse(value)?.write(&mut out);
        Ok(out)
    }
    match kind {
        _ if value.is_null() => Ok(b"null".to_vec()),
        Kind::Text => again::<String>(value),
        Kind::Money => again::<Money>(value),
        Kind::Rate => again::<Rate>(value),
        Kind::Decimal => again::<rust_decimal::Decimal>(value),
        Kind::Time => again::<chrono::DateTime<chrono::Utc>>(value),
        _ => Ok(value.to_string().into_bytes()),
    }
}
