//! Finding where the two sides differ, without sending everything: the hash tree over the records that are linked to a
//! connector's system, and comparing it with what the other side has.
//!
//! Records are read in pages on the snapshot of the caller's transaction; only hashes are kept of them.

use crate::claim::{Claim, Claims};
use crate::connector::Connector;
use crate::field::{Authorities, linkable, resources};
use crate::tree::{self, Hash, Node, Prefix, Tree, above};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::store;
use kith_kernel::{
    Action, Bind, Cx, Entry, Error, Field, Kind, Result, Row, RowScope, Statement, Violations, codes, text_enum,
};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Records read at a time.
const PAGE: usize = 2_000;
/// Most records that one question may be about.
pub const MAX_RECORDS: usize = 1_000_000;

text_enum! {
    /// How a record differs.
    pub enum Difference {
        /// The other side has it, and we do not, or it is archived here.
        MissingHere = "MISSING_HERE",
        /// We have it, and the other side does not.
        MissingThere = "MISSING_THERE",
        /// Both have it, with other values.
        Different = "DIFFERENT",
    }
}

/// What is to be compared, as it was asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The connector.
    pub connector: Uuid,
    /// The resource.
    pub resource: String,
    /// Its fields; those with an authority of their own unless given.
    pub fields: Option<Vec<String>>,
    /// Where its members stand in the request.
    pub at: &'static str,
}

/// What is compared.
#[derive(Debug)]
pub struct Subject {
    /// The short name of the other system.
    pub system: String,
    /// The resource.
    pub entry: &'static Entry,
    /// The fields in the order in which they are hashed.
    pub fields: Vec<&'static str>,
    indices: Vec<usize>,
}

/// A record as a leaf of the tree.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its key in the other system.
    pub external_id: String,
    /// The record.
    pub record: Uuid,
    /// Its hash.
    pub hash: Hash,
}

/// A part of the tree.
#[derive(Debug)]
pub struct Part {
    /// Of what.
    pub subject: Subject,
    /// The node that was asked for.
    pub node: Node,
    /// Below the root: its groups.
    pub groups: Vec<Node>,
    /// Below the root and below a group: the buckets.
    pub buckets: Vec<Node>,
    /// In a bucket: the records.
    pub leaves: Vec<Leaf>,
}

/// A record that differs.
#[derive(Debug)]
pub struct Differing {
    /// Its key in the other system.
    pub external_id: String,
    /// The record here.
    pub record: Option<Uuid>,
    /// How.
    pub difference: Difference,
}

/// What a comparison found.
#[derive(Debug)]
pub struct Comparison {
    /// Of what.
    pub subject: Subject,
    /// How many records of ours were compared.
    pub compared: usize,
    /// The buckets that differ.
    pub buckets: Vec<String>,
    /// The records that differ, of the buckets whose records were told.
    pub records: Vec<Differing>,
}

/// Whether a field has one way of being written. Free JSON has not.
pub(crate) fn is_comparable(field: &Field) -> bool {
    field.visible() && field.kind != Kind::Json
}

/// The tree below a prefix. Without one: the root, its groups and all buckets.
pub fn part(conn: &mut PgConnection, cx: &Cx, question: &Question, prefix: &str) -> Result<Part> {
    let subject = subject(conn, cx, question)?;
    let prefix = Prefix::parse(prefix).ok_or_else(|| {
        let detail = "Expected one or two lower-case hexadecimal digits, or nothing for all.";
        Error::invalid(format!("{}/prefix", question.at), "WRONG_TYPE", detail)
    })?;
    let (mut tree, mut leaves) = (Tree::default(), Vec::new());
    let some = (!prefix.as_str().is_empty()).then(|| prefix.buckets().collect::<Vec<_>>());
    walk(conn, cx, &subject, some.as_deref(), &mut |leaf| {
        tree.add(tree::bucket(&leaf.external_id), leaf.hash);
        if prefix.is_bucket() {
            leaves.push(leaf);
        }
    })?;
    let mut buckets = tree.buckets(&prefix);
    let (mut groups, mut top) = (Vec::new(), Vec::new());
    match prefix.as_str().len() {
        0 => {
            groups = above(&buckets);
            top = above(&groups);
        }
        1 => top = above(&buckets),
        _ => std::mem::swap(&mut top, &mut buckets),
    }
    let node = top.into_iter().next().ok_or_else(|| Error::internal("a tree without a top"))?;
    Ok(Part { subject, node, groups, buckets, leaves })
}

/// Compares what the other side has with what is here.
pub fn compare(conn: &mut PgConnection, cx: &Cx, question: &Question, claims: Claims) -> Result<Comparison> {
    let subject = subject(conn, cx, question)?;
    let buckets: Vec<u8> = claims.0.keys().copied().collect();
    let mut claims = claims.0;
    let (mut tree, mut compared, mut records) = (Tree::default(), 0, Vec::new());
    walk(conn, cx, &subject, Some(&buckets), &mut |leaf| {
        compared += 1;
        let bucket = tree::bucket(&leaf.external_id);
        let Some(Claim::Leaves(theirs)) = claims.get_mut(&bucket) else { return tree.add(bucket, leaf.hash) };
        let difference = match theirs.remove(&leaf.external_id) {
            None => Difference::MissingThere,
            Some(hash) if hash != leaf.hash => Difference::Different,
            Some(_) => return,
        };
        records.push(Differing { external_id: leaf.external_id, record: Some(leaf.record), difference });
    })?;
    let mut differing: BTreeSet<u8> = BTreeSet::new();
    for (bucket, claim) in claims {
        match claim {
            Claim::Hash(hash) if tree.bucket(bucket).hash != hash => drop(differing.insert(bucket)),
            Claim::Hash(_) => {}
            Claim::Leaves(theirs) => records.extend(theirs.into_keys().map(|external_id| Differing {
                external_id,
                record: None,
                difference: Difference::MissingHere,
            })),
        }
    }
    differing.extend(records.iter().map(|record| tree::bucket(&record.external_id)));
    records.sort_unstable_by(|a, b| a.external_id.cmp(&b.external_id));
    let buckets = differing.into_iter().map(|bucket| Prefix::of(bucket).as_str().to_owned()).collect();
    Ok(Comparison { subject, compared, buckets, records })
}

/// Reads what was asked. Who sees only part of the records would be told that the rest is missing, so they need the right to
/// read all.
fn subject(conn: &mut PgConnection, cx: &Cx, question: &Question) -> Result<Subject> {
    let connector = Connector::get(conn, cx, question.connector)?;
    let at = |name: &str| format!("{}/{name}", question.at);
    let entry = linkable(cx, &question.resource)
        .ok_or_else(|| Error::invalid(at("resource"), "UNKNOWN_RESOURCE", resources(cx)))?;
    if cx.require(entry, Action::Read)? != RowScope::All {
        let detail = format!("This needs the right {}:READ over all records.", entry.name);
        return Err(Error::new(&codes::FORBIDDEN, detail));
    }
    let mut violations = Violations::default();
    let mut fields = match &question.fields {
        None => Authorities::of(conn, cx, &connector)?.named(entry),
        Some(names) => {
            let known = |name: &String| entry.field(name).map(|(_, field)| field).filter(|field| is_comparable(field));
            for name in names.iter().filter(|name| known(name).is_none()) {
                let all: Vec<_> =
                    entry.fields.iter().filter(|field| is_comparable(field)).map(|field| field.name).collect();
                let detail = format!("{name:?} cannot be compared. Expected some of {}.", all.join(", "));
                violations.add(at("fields"), "UNKNOWN_FIELD", detail);
            }
            names.iter().filter_map(known).map(|field| field.name).collect()
        }
    };
    fields.sort_unstable();
    fields.dedup();
    let detail = "Name the fields to compare, or give the connector fields of this resource.";
    violations.ensure(!fields.is_empty() || !violations.0.is_empty(), &at("fields"), "REQUIRED", detail);
    violations.into_result()?;
    let indices = fields.iter().filter_map(|name| Some(entry.field(name)?.0)).collect();
    Ok(Subject { system: connector.system, entry, fields, indices })
}

/// Hands over every linked record that is not archived, in the order of keys, of all buckets or of some.
fn walk(
    conn: &mut PgConnection,
    cx: &Cx,
    subject: &Subject,
    buckets: Option<&[u8]>,
    each: &mut dyn FnMut(Leaf),
) -> Result<()> {
    let mut last: Option<String> = None;
    let (mut values, mut ends, mut seen) = (Vec::new(), Vec::new(), 0);
    loop {
        let page = page(conn, cx, subject, buckets, last.as_deref())?;
        let Some((end, _)) = page.last() else { return Ok(()) };
        last = Some(end.clone());
        seen += page.len();
        if seen > MAX_RECORDS {
            let detail =
                format!("There are more than {MAX_RECORDS} records. Ask for them bucket by bucket, with a prefix.");
            return Err(Error::new(&codes::CONFLICT, detail));
        }
        let ids: Vec<Uuid> = page.iter().map(|(_, id)| *id).collect();
        let rows = store::find_each(conn, cx, subject.entry, ids)?;
        let rows: HashMap<Uuid, &dyn Row> =
            (0..rows.len()).filter_map(|at| rows.row(at)).map(|row| (row.meta().id, row)).collect();
        for (external_id, record) in page {
            let Some(row) = rows.get(&record).filter(|row| row.meta().archived_at.is_none()) else { continue };
            values.clear();
            ends.clear();
            for index in &subject.indices {
                row.write_field(*index, &mut values);
                ends.push(values.len());
            }
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let parts = starts.zip(&ends).map(|(start, end)| values.get(start..*end).unwrap_or_default());
            let hash = tree::leaf(&external_id, parts);
            each(Leaf { external_id, record, hash });
        }
    }
}

/// The next keys with their records.
fn page(
    conn: &mut PgConnection,
    cx: &Cx,
    subject: &Subject,
    buckets: Option<&[u8]>,
    last: Option<&str>,
) -> Result<Vec<(String, Uuid)>> {
    let mut out = Statement::new("SELECT x.external_id, x.subject_id FROM external_ids x WHERE x.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND x.subject_type = ").bind(Bind::Text(Some(subject.entry.subject.clone())));
    out.sql(" AND x.system = ").bind(Bind::Text(Some(subject.system.clone()))).sql(" AND x.archived_at IS NULL");
    if let Some(buckets) = buckets {
        out.sql(" AND get_byte(sha256(convert_to(x.external_id, 'UTF8')), 0) = ANY(");
        out.bind(Bind::Ints(buckets.iter().map(|bucket| i32::from(*bucket)).collect())).sql(")");
    }
    if let Some(last) = last {
        out.sql(" AND x.external_id > ").bind(Bind::Text(Some(last.to_owned())));
    }
    out.sql(format!(" ORDER BY x.external_id LIMIT {PAGE}"));
    Ok(RunQueryDsl::load(out.typed::<(st::Text, st::Uuid)>(), conn)?)
}
