//! The hash tree over linked records: what a record's leaf is, and how leaves make buckets, groups and a root. Pure, and
//! documented to the byte in `docs/connectors.md`, because the other side computes the same.
//!
//! - A leaf is SHA-256 of the JSON list `[externalId, value, …]` without white space, the values in the alphabetical order
//!   of their fields' names, each as the API writes it.
//! - A key's bucket, of 256, is the first byte of SHA-256 of the external id.
//! - A bucket is SHA-256 of its leaves one after the other, in ascending order; a group is SHA-256 of its 16 buckets in
//!   order; the root is SHA-256 of the 16 groups in order.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// SHA-256.
pub type Hash = [u8; 32];

/// Buckets of a group, and groups of the root.
const FAN: usize = 16;
/// How many buckets there are.
pub const BUCKETS: usize = FAN * FAN;

/// The bucket of a key.
pub fn bucket(external_id: &str) -> u8 {
    let [first, ..]: Hash = Sha256::digest(external_id.as_bytes()).into();
    first
}

/// The hash of a record; each value is JSON text.
pub fn leaf<'a>(external_id: &str, values: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    let mut digest = Sha256::new();
    digest.update(b"[");
    digest.update(serde_json::Value::from(external_id).to_string());
    for value in values {
        digest.update(b",");
        digest.update(value);
    }
    digest.update(b"]");
    digest.finalize().into()
}

/// As it stands in JSON: 64 lower-case hexadecimal digits.
pub fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Back from JSON.
pub fn from_hex(text: &str) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
            _ => None,
        })
        .collect();
    bytes?.try_into().ok()
}

/// Part of the tree: which buckets, by the first digits of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// None, one or two lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (text.len() <= 2 && digits).then(|| Prefix(text.to_owned()))
    }

    /// The prefix of one bucket.
    pub fn of(bucket: u8) -> Self {
        Prefix(format!("{bucket:02x}"))
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The buckets below it.
    pub fn buckets(&self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(|bucket| Prefix::of(*bucket).0.starts_with(&self.0))
    }

    /// Whether it names one bucket.
    pub fn is_bucket(&self) -> bool {
        self.0.len() == 2
    }
}

/// A node above the leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The digits that its buckets begin with; none for the root.
    pub prefix: String,
    /// Its hash.
    pub hash: Hash,
    /// How many records lie below it.
    pub count: usize,
}

/// The leaves of some buckets, as hashes alone.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    leaves: BTreeMap<u8, Vec<Hash>>,
}

impl Tree {
    /// Adds a record.
    pub fn add(&mut self, bucket: u8, leaf: Hash) {
        self.leaves.entry(bucket).or_default().push(leaf);
    }

    /// A bucket.
    pub fn bucket(&self, bucket: u8) -> Node {
        let mut leaves = self.leaves.get(&bucket).cloned().unwrap_or_default();
        leaves.sort_unstable();
        let hash = Sha256::digest(leaves.concat()).into();
        Node { prefix: Prefix::of(bucket).0, hash, count: leaves.len() }
    }

    /// The buckets below a prefix.
    pub fn buckets(&self, prefix: &Prefix) -> Vec<Node> {
        prefix.buckets().map(|bucket| self.bucket(bucket)).collect()
    }
}

/// The level above some nodes, which come in order and in whole groups.
pub fn above(nodes: &[Node]) -> Vec<Node> {
    let group = |nodes: &[Node]| {
        let all: Vec<u8> = nodes.iter().flat_map(|node| node.hash).collect();
        let prefix = nodes.first().map(|node| node.prefix.as_str()).unwrap_or_default();
        let prefix = prefix.get(..prefix.len().saturating_sub(1)).unwrap_or_default().to_owned();
        Node { prefix, hash: Sha256::digest(all).into(), count: nodes.iter().map(|node| node.count).sum() }
    };
    nodes.chunks(FAN).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_what_the_documentation_says() {
        // printf '["ALFKI","Alfreds Futterkiste",null]' | sha256sum
        let values: [&[u8]; 2] = [b"\"Alfreds Futterkiste\"", b"null"];
        let known: Hash = Sha256::digest("[\"ALFKI\",\"Alfreds Futterkiste\",null]").into();
        assert_eq!(leaf("ALFKI", values), known);
        assert_eq!(leaf("a\"b\n", []), <Hash>::from(Sha256::digest(r#"["a\"b\n"]"#)));
        assert_eq!(from_hex(&hex(&known)), Some(known));
        for bad in ["", "0g", "ABCD", &"0".repeat(63), &"0".repeat(66)] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_order_of_records_does_not_matter_and_everything_else_does() {
        let leaves: Vec<(u8, Hash)> = (0..200_u8).map(|n| (n % 7, leaf(&n.to_string(), []))).collect();
        let (mut one, mut two) = (Tree::default(), Tree::default());
        leaves.iter().for_each(|(bucket, leaf)| one.add(*bucket, *leaf));
        leaves.iter().rev().for_each(|(bucket, leaf)| two.add(*bucket, *leaf));
        let root = |tree: &Tree| above(&above(&tree.buckets(&Prefix::default())));
        assert_eq!(root(&one), root(&two));
        assert_eq!((root(&one).len(), root(&one)[0].count), (1, 200));
        two.add(3, leaf("more", []));
        assert_ne!(root(&one)[0].hash, root(&two)[0].hash);
        assert_eq!(one.bucket(2), two.bucket(2));
        assert_ne!(one.bucket(3), two.bucket(3));
    }

    #[test]
    fn a_prefix_names_whole_parts() {
        let count = |text| Prefix::parse(text).map(|prefix| prefix.buckets().count());
        assert_eq!([count(""), count("a"), count("a3")], [Some(256), Some(16), Some(1)]);
        assert_eq!([count("A"), count("abc"), count("g")], [None, None, None]);
    }
}
