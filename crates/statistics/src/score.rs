//! Scores of weighted indicators in exact decimals, with contributions that add up to the last digit.

use crate::{Error, Result};
use rust_decimal::Decimal;

/// What to do with an indicator that is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Leave it out; the weights of the others count for more.
    Drop,
    /// Take the middle of the scale, 50.
    Neutral,
    /// Give no score.
    Block,
}

/// An indicator of one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Indicator {
    /// Weight, not negative.
    pub weight: Decimal,
    /// Points from 0 to 100; none if unknown.
    pub points: Option<Decimal>,
    /// Mean points of the reference group.
    pub reference: Decimal,
    /// What to do if it is unknown.
    pub missing: Missing,
}

/// A score with its explanation. `score − reference` is the sum of the contributions, exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// The score, from 0 to 100, with two decimals.
    pub score: Decimal,
    /// What a customer at the group's means would have, with the same indicators known.
    pub reference: Decimal,
    /// What each indicator adds to the reference; zero for one left out.
    pub contributions: Vec<Decimal>,
    /// Weight of the known indicators over all weight, from 0 to 1.
    pub coverage: Decimal,
}

/// Decimals of scores and contributions.
const PLACES: u32 = 2;
/// Below this coverage there is no score.
const LEAST_COVERAGE: Decimal = Decimal::from_parts(60, 0, 0, false, 2);
const NEUTRAL: Decimal = Decimal::from_parts(50, 0, 0, false, 0);

/// The weighted mean of the known indicators. Fewer than `least` known ones, an unknown one that blocks, or less than 60 %
/// of the weight known give no score.
pub fn score(indicators: &[Indicator], least: usize) -> Result<Score> {
    let (mut all, mut known, mut present) = (Decimal::ZERO, Decimal::ZERO, 0_usize);
    let (mut sum, mut group) = (Decimal::ZERO, Decimal::ZERO);
    let mut parts = Vec::with_capacity(indicators.len());
    for (row, indicator) in indicators.iter().enumerate() {
        let Indicator { weight, points, reference, missing } = *indicator;
        if weight < Decimal::ZERO {
            return Err(Error::Invalid { row, what: "a weight is negative" });
        }
        all = add(all, weight)?;
        if points.is_some() {
            known = add(known, weight)?;
            present = present.saturating_add(1);
        }
        let points = match (points, missing) {
            (Some(points), _) => points,
            (None, Missing::Neutral) => NEUTRAL,
            (None, Missing::Block) => {
                return Err(Error::Invalid { row, what: "an indicator that must be known is not" });
            }
            (None, Missing::Drop) => {
                parts.push((Decimal::ZERO, Decimal::ZERO));
                continue;
            }
        };
        sum = add(sum, times(weight, points)?)?;
        group = add(group, times(weight, reference)?)?;
        parts.push((weight, times(weight, points.checked_sub(reference).ok_or(Error::Overflow)?)?));
    }
    let coverage = known.checked_div(all).unwrap_or_default();
    if present < least.max(1) || coverage < LEAST_COVERAGE {
        return Err(Error::TooFew { found: present, needed: least.max(present.saturating_add(1)) });
    }
    let counted = parts.iter().try_fold(Decimal::ZERO, |sum, (weight, _)| add(sum, *weight))?;
    let mean = |sum: Decimal| sum.checked_div(counted).map(|mean| mean.round_dp(PLACES)).ok_or(Error::Overflow);
    let (score, reference) = (mean(sum)?, mean(group)?);
    let shares: Vec<Decimal> =
        parts.iter().map(|(_, part)| part.checked_div(counted).ok_or(Error::Overflow)).collect::<Result<_>>()?;
    let contributions = split(score - reference, &shares, PLACES);
    Ok(Score { score, reference, contributions, coverage })
}

fn add(a: Decimal, b: Decimal) -> Result<Decimal> {
    a.checked_add(b).ok_or(Error::Overflow)
}

fn times(a: Decimal, b: Decimal) -> Result<Decimal> {
    a.checked_mul(b).ok_or(Error::Overflow)
}

/// Rounds parts so that their sum is `total` exactly (largest remainder, Hamilton 1792): each is cut down, and what is
/// left over goes, a last digit each, to those that were cut most; ties to the earlier one.
pub fn split(total: Decimal, parts: &[Decimal], places: u32) -> Vec<Decimal> {
    let mut cut: Vec<Decimal> = parts.iter().map(|part| part.round_dp(places)).collect();
    let digit = Decimal::new(1, places.min(28));
    let mut left = total.round_dp(places) - cut.iter().sum::<Decimal>();
    let mut order: Vec<(usize, Decimal)> = parts.iter().zip(&cut).map(|(part, cut)| part - cut).enumerate().collect();
    order.sort_by(|(_, a), (_, b)| if left > Decimal::ZERO { b.cmp(a) } else { a.cmp(b) });
    // Rounding moves a part by half a digit at most, so one round is enough unless the parts never made the total.
    for (place, _) in order.into_iter().cycle().take(parts.len().saturating_mul(4)) {
        if left.abs() < digit {
            break;
        }
        let step = if left > Decimal::ZERO { digit } else { -digit };
        if let Some(slot) = cut.get_mut(place) {
            *slot += step;
            left -= step;
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn indicator(weight: &str, points: Option<&str>, reference: &str, missing: Missing) -> Indicator {
        Indicator { weight: d(weight), points: points.map(d), reference: d(reference), missing }
    }

    #[test]
    fn contributions_add_up_to_the_last_digit() {
        // Thirds, which do not end in decimals.
        let indicators = [
            indicator("1", Some("70"), "50", Missing::Drop),
            indicator("1", Some("60"), "50", Missing::Drop),
            indicator("1", Some("41"), "50", Missing::Drop),
        ];
        let found = score(&indicators, 1).unwrap();
        assert_eq!((found.score, found.reference), (d("57.00"), d("50")));
        assert_eq!(found.contributions.iter().sum::<Decimal>(), found.score - found.reference);
        assert_eq!(found.contributions, [d("6.67"), d("3.33"), d("-3.00")]);
        for seed in 0..200_u32 {
            let indicators: Vec<Indicator> = (1..8_u32)
                .map(|i| Indicator {
                    weight: Decimal::from(seed * i % 7 + 1),
                    points: (seed * i % 11 != 3).then(|| Decimal::from(seed * i * i % 101)),
                    reference: Decimal::new(i64::from(seed * 37 + i * 911) % 10_000, 2),
                    missing: Missing::Neutral,
                })
                .collect();
            if let Ok(found) = score(&indicators, 2) {
                assert_eq!(found.contributions.iter().sum::<Decimal>(), found.score - found.reference, "{seed}");
            }
        }
    }

    #[test]
    fn unknown_indicators_follow_their_policy() {
        let known = indicator("6", Some("80"), "40", Missing::Drop);
        let with = |missing| score(&[known, indicator("4", None, "40", missing)], 1);
        let dropped = with(Missing::Drop).unwrap();
        assert_eq!((dropped.score, dropped.coverage), (d("80"), d("0.6")));
        assert_eq!(with(Missing::Neutral).unwrap().score, d("68"));
        assert!(matches!(with(Missing::Block), Err(Error::Invalid { row: 1, .. })));
        assert!(
            score(&[indicator("5", Some("80"), "0", Missing::Drop), indicator("4", None, "0", Missing::Drop)], 2)
                .is_err()
        );
        assert!(
            score(&[indicator("5", None, "0", Missing::Neutral), indicator("4", Some("1"), "0", Missing::Drop)], 1)
                .is_err()
        );
        assert!(score(&[], 1).is_err());
    }

    #[test]
    fn remainders_go_to_those_cut_most() {
        assert_eq!(split(d("1"), &[d("0.333"), d("0.333"), d("0.334")], 2), [d("0.33"), d("0.33"), d("0.34")]);
        assert_eq!(split(d("-1"), &[d("-0.5"), d("-0.5")], 0).iter().sum::<Decimal>(), d("-1"));
        assert_eq!(split(d("5"), &[], 2), []);
    }
}
