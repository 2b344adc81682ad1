//! What the other side says of its records, to be compared with ours.

use crate::tree::{self, Hash};
use kith_kernel::{Result, Violations, escape};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// What the other side has in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Records that make this hash.
    Hash(Hash),
    /// These records, by their external ids, and no others.
    Leaves(HashMap<String, Hash>),
}

/// What the other side has, by bucket. Buckets that are not named are not compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(pub BTreeMap<u8, Claim>);

impl Claims {
    /// Reads a list of `{bucket, hash}` or `{bucket, leaves: [{externalId, hash}]}`; every mistake at once.
    pub fn parse(value: Option<&Value>) -> Result<Self> {
        let mut violations = Violations::default();
        let mut claims = BTreeMap::new();
        let list = value.and_then(Value::as_array).filter(|list| !list.is_empty() && list.len() <= tree::BUCKETS);
        violations.ensure(list.is_some(), "/buckets", "REQUIRED", "Expected a list of 1 to 256 buckets.");
        for (at, one) in list.into_iter().flatten().enumerate() {
            let at = format!("/buckets/{at}");
            let Some(object) = members(one, &at, &["bucket", "hash", "leaves"], &mut violations) else { continue };
            let bucket = object.get("bucket").and_then(Value::as_str).and_then(bucket);
            let place = format!("{at}/bucket");
            let Some(bucket) = bucket else {
                violations.add(place, "WRONG_TYPE", "Expected two lower-case hexadecimal digits, such as \"a3\".");
                continue;
            };
            let claim = match (given(object, "hash"), given(object, "leaves")) {
                (Some(hash), None) => hash_of(hash, &format!("{at}/hash"), &mut violations).map(Claim::Hash),
                (None, Some(list)) => leaves(list, bucket, &format!("{at}/leaves"), &mut violations).map(Claim::Leaves),
                _ => {
                    violations.add(at.clone(), "REQUIRED", "A bucket has either its hash or its leaves.");
                    None
                }
            };
            if claim.and_then(|claim| claims.insert(bucket, claim)).is_some() {
                violations.add(place, "DUPLICATE", "This bucket stands twice.");
            }
        }
        violations.into_result()?;
        Ok(Claims(claims))
    }
}

/// A member that is not null.
fn given<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// The members of an object that may have only some.
fn members<'a>(
    value: &'a Value,
    at: &str,
    allowed: &[&str],
    violations: &mut Violations,
) -> Option<&'a Map<String, Value>> {
    let object = value.as_object();
    violations.ensure(object.is_some(), at, "WRONG_TYPE", "Expected an object.");
    for name in object.into_iter().flat_map(Map::keys).filter(|name| !allowed.contains(&name.as_str())) {
        violations.add(format!("{at}/{}", escape(name)), "UNKNOWN_FIELD", format!("Allowed: {}.", allowed.join(", ")));
    }
    object
}

fn bucket(text: &str) -> Option<u8> {
    let whole = tree::Prefix::parse(text).filter(tree::Prefix::is_bucket)?;
    whole.buckets().next()
}

fn hash_of(value: &Value, at: &str, violations: &mut Violations) -> Option<Hash> {
    let hash = value.as_str().and_then(tree::from_hex);
    violations.ensure(hash.is_some(), at, "WRONG_TYPE", "Expected a SHA-256 as 64 lower-case hexadecimal digits.");
    hash
}

fn leaves(list: &Value, bucket: u8, at: &str, violations: &mut Violations) -> Option<HashMap<String, Hash>> {
    let mut all = HashMap::new();
    let Some(list) = list.as_array() else {
        violations.add(at, "WRONG_TYPE", "Expected a list of records, each with externalId and hash.");
        return None;
    };
    for (index, one) in list.iter().enumerate() {
        let at = format!("{at}/{index}");
        let Some(object) = members(one, &at, &["externalId", "hash"], violations) else { continue };
        let key = object.get("externalId").and_then(Value::as_str);
        let place = format!("{at}/externalId");
        violations.ensure(key.is_some(), &place, "WRONG_TYPE", "Expected the key of the record in that system.");
        let hash = hash_of(object.get("hash").unwrap_or(&Value::Null), &format!("{at}/hash"), violations);
        let (Some(key), Some(hash)) = (key, hash) else { continue };
        let own = tree::Prefix::of(tree::bucket(key));
        if tree::bucket(key) != bucket {
            violations.add(place, "WRONG_BUCKET", format!("This key belongs to bucket {}.", own.as_str()));
        } else if all.insert(key.to_owned(), hash).is_some() {
            violations.add(place, "DUPLICATE", "This key stands twice.");
        }
    }
    Some(all)
}
