//! From signs to attitude, behaviour, form and index. Pure: the same signs give the same answer.

use super::sign::{Axis, LoyaltySign};
use crate::value::clv::ValueState;
use crate::value::number::decimal;
use kith_kernel::text_enum;
use kith_statistics::split;
use rust_decimal::Decimal;
use serde_json::Value;

text_enum! {
    /// Attitude against behaviour (Dick & Basu 1994), both cut at 50; on the cut counts as high.
    #[derive(Default)]
    pub enum LoyaltyForm {
        /// High attitude, high behaviour.
        True = "TRUE",
        /// High attitude, low behaviour: it would like to, but something keeps it from buying.
        Latent = "LATENT",
        /// Low attitude, high behaviour: it leaves when that becomes easy.
        Spurious = "SPURIOUS",
        /// Low attitude, low behaviour.
        None = "NONE",
        /// Attitude or behaviour is not known.
        #[default]
        Unknown = "UNKNOWN",
    }
}

/// What the ninth bar is called: not a sign, but part of the attitude.
pub const INTENTION: &str = "STATED_INTENTION";
/// Signs that an axis needs.
const LEAST: usize = 2;
/// Where low ends.
const CUT: Decimal = Decimal::from_parts(50, 0, 0, false, 0);
/// Decimals of points and contributions.
const PLACES: u32 = 2;

/// What is known of a sign of a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// The sign; none: the stated intention.
    pub kind: Option<LoyaltySign>,
    /// What was measured.
    pub value: Option<f64>,
    /// Points from 0 to 100; none where it is not known.
    pub points: Option<Decimal>,
    /// What its peers have.
    pub peer_value: Option<f64>,
    /// Their points.
    pub peer_points: Option<Decimal>,
    /// How much it can be relied on.
    pub state: ValueState,
    /// The system that measured it; none: it is computed here.
    pub system: Option<String>,
    /// What it rests on.
    pub evidence: Option<String>,
    /// Why it is not known.
    pub missing: Option<&'static str>,
}

impl Sign {
    /// A sign that is not known.
    pub fn missing(kind: Option<LoyaltySign>, code: &'static str) -> Self {
        Sign {
            kind,
            value: None,
            points: None,
            peer_value: None,
            peer_points: None,
            state: ValueState::InsufficientData,
            system: None,
            evidence: None,
            missing: Some(code),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.kind.map_or(INTENTION, LoyaltySign::as_str)
    }

    /// Which half of loyalty it belongs to.
    pub fn axis(&self) -> Axis {
        self.kind.map_or(Axis::Attitude, LoyaltySign::axis)
    }
}

/// Points as they are stored.
pub fn points(value: f64) -> Option<Decimal> {
    decimal(value).map(|points| points.round_dp(PLACES))
}

/// How much each sign and each half counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Weight of the attitude in the index, from 0 to 1; the rest is behaviour.
    pub attitude: Decimal,
    /// Weights of signs by their names; 1 for those that are not here.
    pub signs: Vec<(&'static str, Decimal)>,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { attitude: Decimal::new(5, 1), signs: Vec::new() }
    }
}

impl Weights {
    /// As somebody wrote them, a number from 0 to 100 for each sign by its name; or what is wrong with that.
    pub fn told(attitude: Decimal, signs: &Value) -> Result<Self, String> {
        let names = || LoyaltySign::ALL.iter().map(|(name, _)| *name).chain([INTENTION]);
        let all = signs.as_object().ok_or("Expected an object with the names of signs.")?;
        let weight = |(name, value): (&String, &Value)| {
            let known = names().find(|known| known == name);
            let known = known
                .ok_or_else(|| format!("{name} is no sign. There are {}.", names().collect::<Vec<_>>().join(", ")))?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let weight = text.parse().ok().filter(|weight| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(weight));
            Ok((known, weight.ok_or_else(|| format!("Expected a number from 0 to 100 for {name}."))?))
        };
        Ok(Weights { attitude, signs: all.iter().map(weight).collect::<Result<_, String>>()? })
    }

    fn of(&self, sign: &Sign) -> Decimal {
        self.signs.iter().find(|(name, _)| *name == sign.name()).map_or(Decimal::ONE, |(_, weight)| *weight)
    }
}

/// A sign with what it does to the index.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The sign.
    pub sign: Sign,
    /// Its weight within its half.
    pub weight: Decimal,
    /// Its part of the index; none where the sign or the index is not known.
    pub contribution: Option<Decimal>,
    /// Its part of the difference to the peers.
    pub against_peers: Option<Decimal>,
}

/// What the signs of a customer come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What it thinks.
    pub attitude: Option<Decimal>,
    /// What it does.
    pub behaviour: Option<Decimal>,
    /// Both.
    pub index: Option<Decimal>,
    /// What its peers would have.
    pub reference: Option<Decimal>,
    /// Which is high and which is low.
    pub form: LoyaltyForm,
    /// The signs in their order.
    pub bars: Vec<Bar>,
    /// How much can be relied on.
    pub state: ValueState,
    /// Why it is not OK.
    pub reasons: Vec<String>,
}

/// Assesses signs.
pub fn assess(signs: Vec<Sign>, weights: &Weights) -> Assessment {
    let (attitude, behaviour) = (mean(&signs, weights, Axis::Attitude), mean(&signs, weights, Axis::Behaviour));
    let half = |axis| if axis == Axis::Attitude { weights.attitude } else { Decimal::ONE - weights.attitude };
    let both = attitude.zip(behaviour);
    let index = both.map(|(a, b)| (a * half(Axis::Attitude) + b * half(Axis::Behaviour)).round_dp(PLACES));
    // What a point of each sign is worth in the index.
    let worth: Vec<Decimal> = signs
        .iter()
        .map(|sign| match sign.points {
            Some(_) => share(&signs, weights, sign).unwrap_or_default() * half(sign.axis()),
            None => Decimal::ZERO,
        })
        .collect();
    let of_peers = |sign: &Sign| sign.peer_points.unwrap_or(CUT);
    let parts = |points: &dyn Fn(&Sign) -> Decimal| -> Vec<Decimal> {
        signs.iter().zip(&worth).map(|(sign, worth)| worth * points(sign)).collect()
    };
    let own = parts(&|sign| sign.points.unwrap_or_default());
    let peers = parts(&of_peers);
    let reference = index.map(|_| peers.iter().sum::<Decimal>().round_dp(PLACES));
    let differences: Vec<Decimal> = own.iter().zip(&peers).map(|(own, peer)| own - peer).collect();
    let contributions = index.map(|index| split(index, &own, PLACES));
    let against = index.zip(reference).map(|(index, reference)| split(index - reference, &differences, PLACES));
    let at = |all: &Option<Vec<Decimal>>, place: usize, sign: &Sign| {
        sign.points.and_then(|_| all.as_ref()?.get(place).copied())
    };
    let (state, reasons) = state(&signs, attitude.is_some(), behaviour.is_some());
    let bars = signs.into_iter().enumerate().map(|(place, sign)| Bar {
        weight: weights.of(&sign),
        contribution: at(&contributions, place, &sign),
        against_peers: at(&against, place, &sign),
        sign,
    });
    Assessment {
        attitude: attitude.map(|mean| mean.round_dp(PLACES)),
        behaviour: behaviour.map(|mean| mean.round_dp(PLACES)),
        index,
        reference,
        form: form(attitude, behaviour),
        bars: bars.collect(),
        state,
        reasons,
    }
}

/// Signs of an axis that are known and count.
fn known<'a>(signs: &'a [Sign], weights: &'a Weights, axis: Axis) -> impl Iterator<Item = (Decimal, Decimal)> + 'a {
    let of = signs.iter().filter(move |sign| sign.axis() == axis);
    of.filter_map(|sign| Some((weights.of(sign), sign.points?))).filter(|(weight, _)| *weight > Decimal::ZERO)
}

fn mean(signs: &[Sign], weights: &Weights, axis: Axis) -> Option<Decimal> {
    if known(signs, weights, axis).count() < LEAST {
        return None;
    }
    let (sum, all) = known(signs, weights, axis)
        .fold((Decimal::ZERO, Decimal::ZERO), |(sum, all), (weight, points)| (sum + weight * points, all + weight));
    sum.checked_div(all)
}

/// What a sign has of the weight of its axis.
fn share(signs: &[Sign], weights: &Weights, sign: &Sign) -> Option<Decimal> {
    let all: Decimal = known(signs, weights, sign.axis()).map(|(weight, _)| weight).sum();
    weights.of(sign).max(Decimal::ZERO).checked_div(all)
}

fn form(attitude: Option<Decimal>, behaviour: Option<Decimal>) -> LoyaltyForm {
    match attitude.zip(behaviour).map(|(attitude, behaviour)| (attitude >= CUT, behaviour >= CUT)) {
        Some((true, true)) => LoyaltyForm::True,
        Some((true, false)) => LoyaltyForm::Latent,
        Some((false, true)) => LoyaltyForm::Spurious,
        Some((false, false)) => LoyaltyForm::None,
        None => LoyaltyForm::Unknown,
    }
}

fn state(signs: &[Sign], attitude: bool, behaviour: bool) -> (ValueState, Vec<String>) {
    let axes = [("ATTITUDE_UNKNOWN", attitude), ("BEHAVIOUR_UNKNOWN", behaviour)];
    let axes = axes.into_iter().filter(|(_, known)| !known).map(|(code, _)| code.to_owned());
    let missing = signs.iter().filter(|sign| sign.points.is_none()).map(|sign| format!("MISSING_{}", sign.name()));
    let reasons: Vec<String> = axes.chain(missing).collect();
    let doubtful = signs.iter().any(|sign| sign.state != ValueState::Ok);
    match () {
        () if !(attitude && behaviour) => (ValueState::InsufficientData, reasons),
        () if doubtful || !reasons.is_empty() => (ValueState::Partial, reasons),
        () => (ValueState::Ok, reasons),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(kind: Option<LoyaltySign>, points: Option<Decimal>, peers: Option<Decimal>) -> Sign {
        let blank = Sign::missing(kind, "NO_DATA");
        match points {
            Some(_) => Sign { points, peer_points: peers, state: ValueState::Ok, missing: None, ..blank },
            None => blank,
        }
    }

    fn all(points: impl Fn(usize) -> Option<Decimal>, peers: impl Fn(usize) -> Option<Decimal>) -> Vec<Sign> {
        let kinds = LoyaltySign::all().map(Some).chain([None]);
        kinds.enumerate().map(|(at, kind)| sign(kind, points(at), peers(at))).collect()
    }

    /// The same numbers each time (Park & Miller 1988).
    fn random(state: &mut u64) -> i64 {
        *state = *state * 48_271 % 0x7fff_ffff;
        i64::try_from(*state).unwrap()
    }

    #[test]
    fn contributions_add_up_to_the_last_digit() {
        let (mut seed, mut known) = (7, 0);
        for _ in 0..2_000 {
            let mut draw = || (random(&mut seed) % 3 != 0).then(|| Decimal::new(random(&mut seed) % 10_001, 2));
            let drawn: Vec<_> = (0..18).map(|_| draw()).collect();
            let names: Vec<&'static str> = LoyaltySign::all().map(LoyaltySign::as_str).chain([INTENTION]).collect();
            let weights = Weights {
                attitude: Decimal::new(random(&mut seed) % 1_001, 3),
                signs: names.into_iter().map(|name| (name, Decimal::new(random(&mut seed) % 700, 2))).collect(),
            };
            let found = assess(all(|at| drawn[at], |at| drawn[at + 9]), &weights);
            let sum = |part: fn(&Bar) -> Option<Decimal>| found.bars.iter().filter_map(part).sum::<Decimal>();
            let Some(index) = found.index else {
                assert!(found.bars.iter().all(|bar| bar.contribution.is_none() && bar.against_peers.is_none()));
                continue;
            };
            known += 1;
            assert_eq!(sum(|bar| bar.contribution), index);
            assert_eq!(sum(|bar| bar.against_peers), index - found.reference.unwrap());
            assert!((Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&index));
            let expected = found.attitude.unwrap() * weights.attitude
                + found.behaviour.unwrap() * (Decimal::ONE - weights.attitude);
            assert!((index - expected).abs() <= Decimal::new(1, 2), "{index} {expected}");
        }
        assert!(known > 500, "{known}");
    }

    #[test]
    fn forms_are_cut_at_fifty() {
        let of = |behaviour: i64, attitude: i64| {
            let points = |at: usize| Some(Decimal::from(if [2, 5, 7, 8].contains(&at) { attitude } else { behaviour }));
            assess(all(points, |_| None), &Weights::default()).form
        };
        assert_eq!(of(50, 50), LoyaltyForm::True);
        assert_eq!(of(49, 50), LoyaltyForm::Latent);
        assert_eq!(of(50, 49), LoyaltyForm::Spurious);
        assert_eq!(of(49, 49), LoyaltyForm::None);
    }

    #[test]
    fn one_sign_is_not_enough_for_a_half() {
        let two = |at: usize| (at < 2 || at == 7).then_some(Decimal::from(80));
        let found = assess(all(two, |_| None), &Weights::default());
        assert_eq!((found.behaviour, found.attitude), (Some(Decimal::from(80)), None));
        assert_eq!((found.index, found.form), (None, LoyaltyForm::Unknown));
        assert_eq!(found.state, ValueState::InsufficientData);
        assert_eq!(found.reasons.len(), 7);
        let nothing = assess(all(|_| None, |_| None), &Weights::default());
        assert_eq!((nothing.behaviour, nothing.index, nothing.reasons.len()), (None, None, 11));
    }
}
