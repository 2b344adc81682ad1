//! The layers of loyalty (Oliver 1999): what a customer knows, feels, means to do, and does. Pure.

use super::evidence::LoyaltyEvidenceKind as Kind;
use crate::value::clv::ValueState;
use crate::value::number::known;
use chrono::NaiveDate;
use kith_kernel::text_enum;
use serde_json::{Value, json};

text_enum! {
    /// A layer of loyalty (Oliver 1999), from the lowest.
    #[derive(PartialOrd, Ord)]
    pub enum LoyaltyLevel {
        /// None of the layers holds.
        None = "NONE",
        /// It knows that we are better: quality or price answered with at least 4 of 5, or a comparison won.
        Cognitive = "COGNITIVE",
        /// It likes us: mean satisfaction of at least 4 of 5, or a mean sentiment of at least 0.2 over two touches or more.
        Affective = "AFFECTIVE",
        /// It means to stay: intention of at least 4 of 5, a recommendation of at least 9 of 10, or a renewal promised.
        Conative = "CONATIVE",
        /// It does stay: at least three repeat purchases within a year, or one after a severe fault of ours.
        Action = "ACTION",
    }
}

/// The layers from the lowest.
const LAYERS: [LoyaltyLevel; 4] =
    [LoyaltyLevel::Cognitive, LoyaltyLevel::Affective, LoyaltyLevel::Conative, LoyaltyLevel::Action];
/// A repeat a quarter, nearly.
const REPEATS: u32 = 3;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// What was asked.
    pub kind: Kind,
    /// The answer.
    pub value: f64,
    /// When.
    pub on: NaiveDate,
}

/// All that layers are told from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Answers of the window, oldest first.
    pub answers: Vec<Answer>,
    /// Number and mean of the tones of its interactions.
    pub tones: (u32, f64),
    /// Repeat purchases of a year; none where it never bought.
    pub repeats: Option<u32>,
    /// Spend after a severe fault of ours over that before.
    pub tolerance: Option<f64>,
}

impl Evidence {
    /// The last answer of a kind.
    pub fn last(&self, kind: Kind) -> Option<f64> {
        self.answers.iter().rev().find(|answer| answer.kind == kind).map(|answer| answer.value)
    }

    /// Number and mean of the answers of a kind.
    pub fn mean(&self, kind: Kind) -> Option<(u32, f64)> {
        let of = self.answers.iter().filter(|answer| answer.kind == kind);
        let (count, sum) = of.fold((0_u32, 0.0), |(count, sum), answer| (count.saturating_add(1), sum + answer.value));
        (count > 0).then(|| (count, sum / f64::from(count)))
    }

    /// Number and mean of all tones, answered or heard.
    pub fn tone(&self) -> Option<(u32, f64)> {
        let (answered, mean) = self.mean(Kind::Sentiment).unwrap_or_default();
        let (heard, tone) = self.tones;
        let count = answered.saturating_add(heard);
        (count > 0).then(|| (count, (f64::from(answered) * mean + f64::from(heard) * tone) / f64::from(count)))
    }

    /// Whether each layer holds; none where nothing tells. With what says so.
    fn layers(&self) -> [(Option<bool>, Value); 4] {
        let last = |kinds: &[(Kind, f64)]| {
            let known = kinds.iter().filter_map(|(kind, least)| Some((*kind, self.last(*kind)?, *least)));
            let known: Vec<_> = known.collect();
            let holds = known.iter().any(|(_, value, least)| value >= least);
            let told: serde_json::Map<_, _> =
                known.iter().map(|(kind, value, _)| (kind.as_str().to_owned(), json!(value))).collect();
            ((!known.is_empty()).then_some(holds), Value::Object(told))
        };
        let (satisfaction, tone) = (self.mean(Kind::Satisfaction), self.tone().filter(|(count, _)| *count >= 2));
        let liked = satisfaction.is_some_and(|(_, mean)| mean >= 4.0) || tone.is_some_and(|(_, mean)| mean >= 0.2);
        let affective = (satisfaction.is_some() || tone.is_some()).then_some(liked);
        let acted = self.repeats.is_some_and(|repeats| repeats >= REPEATS) || self.tolerance.is_some_and(|t| t > 0.0);
        let told = |pair: Option<(u32, f64)>| pair.map(|(count, mean)| json!({"answers": count, "mean": mean}));
        [
            last(&[(Kind::QualityAnswer, 4.0), (Kind::PriceAnswer, 4.0), (Kind::CompetitorComparison, 4.0)]),
            (affective, known([("SATISFACTION", told(satisfaction)), ("SENTIMENT", told(tone))])),
            last(&[(Kind::Intention, 4.0), (Kind::Recommendation, 9.0), (Kind::RenewalPromised, 1.0)]),
            (
                (self.repeats.is_some() || self.tolerance.is_some()).then_some(acted),
                known([
                    ("repeatPurchases", self.repeats.map(Value::from)),
                    ("failureTolerance", self.tolerance.map(Value::from)),
                ]),
            ),
        ]
    }
}

/// The layer reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// The layer; none where nothing tells.
    pub level: Option<LoyaltyLevel>,
    /// How much it can be relied on.
    pub state: ValueState,
    /// Nothing is known of a layer below it.
    pub is_inferred: bool,
    /// A higher layer holds above one that does not.
    pub is_conflicted: bool,
    /// Each layer with what says so.
    pub layers: Value,
}

/// The highest layer whose evidence holds, unless that of a layer below says otherwise: then the highest below that one.
pub fn reach(evidence: &Evidence) -> Reached {
    let found = evidence.layers();
    let holds: Vec<(LoyaltyLevel, Option<bool>)> =
        LAYERS.into_iter().zip(found.iter().map(|(holds, _)| *holds)).collect();
    let highest = |below: Option<LoyaltyLevel>| {
        let of = holds.iter().rev().filter(move |(layer, _)| below.is_none_or(|below| *layer < below));
        of.into_iter().find(|(_, holds)| *holds == Some(true)).map(|(layer, _)| *layer)
    };
    let broken = holds.iter().find(|(_, holds)| *holds == Some(false)).map(|(layer, _)| *layer);
    let top = highest(None);
    let is_conflicted = top.zip(broken).is_some_and(|(top, broken)| broken < top);
    let reached = if is_conflicted { highest(broken) } else { top };
    let inferred = |level: LoyaltyLevel| holds.iter().any(|(layer, holds)| *layer < level && holds.is_none());
    // Few purchases alone do not tell that it has no loyalty.
    let told = holds.iter().any(|(layer, holds)| holds.is_some() && *layer != LoyaltyLevel::Action);
    let layers = holds.iter().zip(&found).map(|((layer, holds), (_, evidence))| {
        let holds = holds.map(Value::from);
        known([("layer", Some(layer.as_str().into())), ("holds", holds), ("evidence", Some(evidence.clone()))])
    });
    let level = reached.or((told || is_conflicted).then_some(LoyaltyLevel::None));
    let is_known = holds.iter().all(|(_, holds)| holds.is_some());
    Reached {
        level,
        state: match level {
            None => ValueState::InsufficientData,
            Some(_) if is_known && !is_conflicted => ValueState::Ok,
            Some(_) => ValueState::Partial,
        },
        is_inferred: reached.is_some_and(inferred),
        is_conflicted,
        layers: layers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(answers: &[(Kind, f64)], repeats: Option<u32>) -> Reached {
        let on = NaiveDate::default();
        let answers = answers.iter().map(|(kind, value)| Answer { kind: *kind, value: *value, on }).collect();
        reach(&Evidence { answers, repeats, ..Evidence::default() })
    }

    fn short(found: &Reached) -> (Option<LoyaltyLevel>, bool, bool) {
        (found.level, found.is_inferred, found.is_conflicted)
    }

    #[test]
    fn the_highest_layer_counts() {
        let all = [(Kind::QualityAnswer, 4.0), (Kind::Satisfaction, 4.5), (Kind::Recommendation, 9.0)];
        assert_eq!(short(&with(&all, Some(3))), (Some(LoyaltyLevel::Action), false, false));
        assert_eq!(short(&with(&all, Some(2))), (Some(LoyaltyLevel::Conative), false, false));
        assert_eq!(short(&with(&all[..2], None)), (Some(LoyaltyLevel::Affective), false, false));
        assert_eq!(short(&with(&all[..1], None)), (Some(LoyaltyLevel::Cognitive), false, false));
        assert_eq!(short(&with(&[(Kind::PriceAnswer, 2.0)], None)), (Some(LoyaltyLevel::None), false, false));
    }

    #[test]
    fn what_is_missing_below_is_inferred() {
        assert_eq!(short(&with(&[], Some(3))), (Some(LoyaltyLevel::Action), true, false));
        assert_eq!(short(&with(&[(Kind::Intention, 5.0)], None)), (Some(LoyaltyLevel::Conative), true, false));
    }

    #[test]
    fn what_speaks_against_it_below_conflicts() {
        let low = [(Kind::QualityAnswer, 5.0), (Kind::Satisfaction, 2.0)];
        assert_eq!(short(&with(&low, Some(9))), (Some(LoyaltyLevel::Cognitive), false, true));
        assert_eq!(short(&with(&low[1..], Some(9))), (Some(LoyaltyLevel::None), false, true));
    }

    #[test]
    fn nothing_known_is_no_level() {
        assert_eq!(short(&with(&[], None)), (None, false, false));
        assert_eq!(short(&with(&[], Some(1))), (None, false, false));
        assert_eq!(short(&with(&[(Kind::Sentiment, 0.9)], None)), (None, false, false), "one touch is too little");
    }

    #[test]
    fn the_last_answer_counts() {
        let [old, new] = [(Kind::Intention, 5.0), (Kind::Intention, 2.0)];
        assert_eq!(with(&[old, new], None).level, Some(LoyaltyLevel::None));
        assert_eq!(with(&[new, old], None).level, Some(LoyaltyLevel::Conative));
    }
}
