//! What the scores of recency, frequency and money (RFM, Hughes 1994) are called together. Pure.

use super::ValueModel;
use kith_kernel::text_enum;
use serde_json::{Value, json};

text_enum! {
    /// What a customer is called by the scores of recency, and of frequency and money together.
    pub enum RfmSegment {
        /// Bought lately, and most.
        Champion = "CHAMPION",
        /// Buys much, and not long ago.
        Loyal = "LOYAL",
        /// Bought lately, and more than most who are new.
        PotentialLoyalist = "POTENTIAL_LOYALIST",
        /// Bought very lately, and little so far.
        New = "NEW",
        /// Bought lately, and little so far.
        Promising = "PROMISING",
        /// Bought a while ago, and not little.
        NeedsAttention = "NEEDS_ATTENTION",
        /// Bought a while ago, and little.
        AboutToSleep = "ABOUT_TO_SLEEP",
        /// Bought most, and long ago.
        CannotLose = "CANNOT_LOSE",
        /// Bought much, and a good while ago.
        AtRisk = "AT_RISK",
        /// Bought little, a good while ago.
        Hibernating = "HIBERNATING",
        /// Bought little, long ago.
        Lost = "LOST",
    }
}

/// A part of the map: the segment, and the scores of recency (1 to 5) and of frequency and money together (2 to 10), each from
/// and to.
pub type Field = (RfmSegment, [i32; 2], [i32; 2]);

/// The usual map: the first that fits counts.
pub const USUAL: [Field; 12] = {
    use RfmSegment as S;
    [
        (S::Champion, [5, 5], [9, 10]),
        (S::Champion, [4, 4], [10, 10]),
        (S::Loyal, [3, 5], [8, 10]),
        (S::PotentialLoyalist, [4, 5], [5, 10]),
        (S::New, [5, 5], [2, 10]),
        (S::Promising, [4, 4], [2, 10]),
        (S::NeedsAttention, [3, 3], [5, 10]),
        (S::AboutToSleep, [3, 3], [2, 10]),
        (S::CannotLose, [1, 1], [9, 10]),
        (S::AtRisk, [1, 2], [7, 10]),
        (S::Hibernating, [2, 2], [2, 10]),
        (S::Lost, [1, 1], [2, 10]),
    ]
};

/// Scores that a map has to name.
fn places() -> impl Iterator<Item = (i32, i32)> {
    (1..=5).flat_map(|recency| (2..=10).map(move |value| (recency, value)))
}

fn fits((_, recency, value): &Field, place: (i32, i32)) -> bool {
    let within = |[from, to]: [i32; 2], score: i32| from <= score && score <= to;
    within(*recency, place.0) && within(*value, place.1)
}

/// A map as somebody wrote it, or what is wrong with it; empty: the usual one.
pub fn map(written: &Value) -> Result<Vec<Field>, String> {
    let shape = "Expected a list of {segment, recency: [from, to], value: [from, to]}, recency from 1 to 5 and value from 2 to 10.";
    let fields: Vec<Value> = match written {
        Value::Array(fields) => fields.clone(),
        Value::Null => Vec::new(),
        Value::Object(members) if members.is_empty() => Vec::new(),
        _ => return Err(shape.to_owned()),
    };
    let span = |field: &Value, name: &str, [least, most]: [i32; 2]| -> Option<[i32; 2]> {
        let [from, to] = field.get(name)?.as_array()?.as_slice() else { return None };
        let [from, to] = [from, to].map(|end| end.as_i64().and_then(|end| i32::try_from(end).ok()));
        Some([from?, to?]).filter(|[from, to]| least <= *from && from <= to && *to <= most)
    };
    let one = |field: &Value| {
        let names = || RfmSegment::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let segment = field.get("segment").and_then(Value::as_str).and_then(RfmSegment::from_text);
        let segment = segment.ok_or_else(|| format!("Expected one of {}.", names()))?;
        let spans = span(field, "recency", [1, 5]).zip(span(field, "value", [2, 10]));
        spans.map(|(recency, value)| (segment, recency, value)).ok_or_else(|| shape.to_owned())
    };
    let fields = fields.iter().map(one).collect::<Result<Vec<Field>, String>>()?;
    let missing = places().find(|place| !fields.is_empty() && !fields.iter().any(|field| fits(field, *place)));
    match missing {
        Some((recency, value)) => Err(format!("Nothing names recency {recency} with value {value}.")),
        None => Ok(fields),
    }
}

/// A map as it is written.
pub fn written(map: &[Field]) -> Value {
    let one =
        |(segment, recency, value): &Field| json!({"segment": segment.as_str(), "recency": recency, "value": value});
    Value::Array(map.iter().map(one).collect())
}

impl ValueModel {
    /// Its map.
    pub fn segments(&self) -> Vec<Field> {
        let own = map(&self.rfm_segments.0).unwrap_or_default();
        if own.is_empty() { USUAL.to_vec() } else { own }
    }
}

/// What scores are called by a map: recency from 1 to 5, frequency and money together from 2 to 10.
pub fn named(map: &[Field], recency: i32, value: i32) -> RfmSegment {
    let found = map.iter().find(|field| fits(field, (recency, value)));
    found.map_or(RfmSegment::Lost, |(segment, ..)| *segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_scores_has_a_name_and_every_name_is_used() {
        let read = map(&written(&USUAL)).unwrap();
        assert_eq!(read, USUAL);
        let name = |place| USUAL.iter().find(|field| fits(field, place)).map(|(segment, ..)| segment.as_str());
        let names: std::collections::BTreeSet<_> = places().map(|place| name(place).unwrap()).collect();
        assert_eq!(names.len(), 11);
        for (place, expected) in [
            ((5, 10), "CHAMPION"),
            ((4, 10), "CHAMPION"),
            ((4, 9), "LOYAL"),
            ((3, 8), "LOYAL"),
            ((5, 5), "POTENTIAL_LOYALIST"),
            ((5, 4), "NEW"),
            ((4, 2), "PROMISING"),
            ((3, 7), "NEEDS_ATTENTION"),
            ((3, 4), "ABOUT_TO_SLEEP"),
            ((1, 9), "CANNOT_LOSE"),
            ((2, 9), "AT_RISK"),
            ((1, 8), "AT_RISK"),
            ((2, 6), "HIBERNATING"),
            ((1, 6), "LOST"),
        ] {
            assert_eq!(name(place), Some(expected), "{place:?}");
        }
    }

    #[test]
    fn a_map_names_everybody_and_knows_its_names() {
        assert_eq!(map(&json!([])), Ok(Vec::new()));
        let field = |segment: &str, recency: Value, value: Value| json!([{"segment": segment, "recency": recency, "value": value}]);
        assert!(map(&field("NEW", json!([1, 5]), json!([2, 10]))).is_ok());
        assert_eq!(
            map(&field("NEW", json!([2, 5]), json!([2, 10]))).unwrap_err(),
            "Nothing names recency 1 with value 2."
        );
        assert!(map(&field("BEST", json!([1, 5]), json!([2, 10]))).unwrap_err().contains("CHAMPION"));
        for wrong in [json!([0, 5]), json!([5, 1]), json!([1]), json!("1"), Value::Null] {
            assert!(map(&field("NEW", wrong, json!([2, 10]))).is_err());
        }
    }
}
