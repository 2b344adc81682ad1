//! From what was read of an account to its signs.

use super::evidence::LoyaltyEvidenceKind as Kind;
use super::inputs::{Given, Inputs, REFERRAL};
use super::layer::{Answer, Evidence};
use super::peers::Peers;
use super::rules::{Sign, points};
use super::sign::LoyaltySign;
use crate::value::clv::ValueState;
use crate::value::facts::{self, Facts, Year};
use crate::value::number::real;
use chrono::NaiveDate;
use kith_statistics::shrunk;
use rust_decimal::Decimal;

/// Customers younger than this have had no time to come back.
const YOUNG: i32 = 30;
/// Order lines that tell something about prices.
const LEAST_LINES: i64 = 5;
/// Decisions that tell something about their pace.
const LEAST_DECISIONS: i64 = 2;
/// Days after which an answer weighs half.
const HALF_LIFE: f64 = 180.0;
/// Answers that the mean of all customers counts for.
const PRIOR: f64 = 5.0;

/// A customer with what is needed to measure it.
pub(super) struct Customer<'a> {
    pub facts: &'a Facts,
    pub inputs: &'a Inputs,
    pub share: Option<f64>,
    pub peers: &'a Peers,
    pub as_of: NaiveDate,
}

/// A value, that of the peers, and what it rests on; or why there is none.
type Measured = Result<(f64, Option<f64>, String), &'static str>;

impl Customer<'_> {
    /// The eight signs and the stated intention.
    pub fn signs(&self) -> Vec<Sign> {
        let signs = LoyaltySign::all().map(|kind| self.given(kind).unwrap_or_else(|| self.computed(kind)));
        signs.chain([self.intention()]).collect()
    }

    /// What layers and drivers are told from. A value that somebody gave for the tolerance of failures counts, if it is
    /// among the signs and not too old.
    pub fn evidence(&self, signs: &[Sign]) -> Evidence {
        let (tones, tone) = self.inputs.tones;
        let mut counting = signs.iter().filter(|sign| sign.state != ValueState::Stale);
        let tolerance = counting.find(|sign| sign.kind == Some(LoyaltySign::FailureTolerance));
        Evidence {
            answers: self.inputs.answers.clone(),
            tones: (u32::try_from(tones).unwrap_or(u32::MAX), tone),
            repeats: self.repeats().map(|(repeats, _)| repeats),
            tolerance: tolerance.and_then(|sign| sign.value),
        }
    }

    /// Repeat purchases of a year, and days since the first purchase.
    fn repeats(&self) -> Option<(u32, i32)> {
        let (today, all) = (facts::number(self.as_of), &self.facts.occasions);
        let first = all.first()?.day;
        let repeats = all.iter().skip(1).filter(|occasion| occasion.day > today.saturating_sub(365)).count();
        Some((u32::try_from(repeats).unwrap_or(u32::MAX), today.saturating_sub(first)))
    }

    /// What another system says, unless it is too old.
    fn given(&self, kind: LoyaltySign) -> Option<Sign> {
        let mut of = self.inputs.given.iter().filter(|given| given.kind == kind);
        let newest =
            of.find(|given| given.points.is_some() && self.is_fresh(given) && given.state != ValueState::Stale)?;
        let peers = self.peers.given(kind);
        Some(Sign {
            value: newest.raw,
            points: newest.points.map(|points| points.round_dp(2)),
            peer_points: peers.and_then(points),
            state: newest.state,
            system: Some(newest.system.clone()),
            evidence: newest.evidence.clone().or(Some(format!("observed on {}", newest.observed_on))),
            missing: None,
            ..Sign::missing(Some(kind), "")
        })
    }

    fn is_fresh(&self, given: &Given) -> bool {
        (self.as_of - given.observed_on).num_days() < i64::from(given.window_days)
    }

    fn computed(&self, kind: LoyaltySign) -> Sign {
        let measured = match kind {
            LoyaltySign::RepeatPurchase => self.repeat_purchase(),
            LoyaltySign::ShareOfNeed => self.share_of_need(),
            LoyaltySign::BrandConcern => self.brand_concern(),
            LoyaltySign::TimeToChoose => self.time_to_choose(),
            LoyaltySign::PriceSensitivity => self.price_sensitivity(),
            LoyaltySign::CompetitorStance => self.competitor_stance(),
            LoyaltySign::FailureTolerance => Err("NO_CASES"),
            LoyaltySign::ProductApproval => self.product_approval(),
        };
        match measured {
            Ok((value, peers, evidence)) => Sign {
                value: Some(value),
                points: kind.points(value).and_then(points),
                peer_value: peers,
                peer_points: peers.and_then(|peers| kind.points(peers)).and_then(points),
                state: ValueState::Ok,
                evidence: Some(evidence),
                missing: None,
                ..Sign::missing(Some(kind), "")
            },
            Err(code) => {
                let sign = Sign::missing(Some(kind), code);
                // A value was given, once.
                let stale = self.inputs.given.iter().find(|given| given.kind == kind && given.points.is_some());
                match stale {
                    Some(old) => Sign {
                        value: old.raw,
                        state: ValueState::Stale,
                        system: Some(old.system.clone()),
                        evidence: Some(format!("observed on {}", old.observed_on)),
                        missing: Some("STALE"),
                        ..sign
                    },
                    None => sign,
                }
            }
        }
    }

    fn repeat_purchase(&self) -> Measured {
        let (repeats, age) = self.repeats().ok_or("NEVER_BOUGHT")?;
        if age < YOUNG {
            return Err("TOO_YOUNG");
        }
        let expected = self.peers.expected(age).ok_or("NO_PEERS")?;
        let told =
            format!("{repeats} repeat purchases within 365 days, {expected:.2} expected at an age of {age} days");
        Ok((f64::from(repeats) / expected, Some(1.0), told))
    }

    fn share_of_need(&self) -> Measured {
        let share = self.share.ok_or("NEED_UNKNOWN")?;
        Ok((share, self.peers.share_of_need, "share of wallet of the value profile".to_owned()))
    }

    fn brand_concern(&self) -> Measured {
        let Inputs { touch_weight, touches, referrals, .. } = self.inputs;
        if !self.peers.is_connected && *referrals == 0 {
            return Err("NO_CHANNEL");
        }
        let weight = touch_weight + REFERRAL * real(Decimal::from(*referrals));
        let told = format!("{touches} touches that it began and {referrals} referrals within 180 days");
        Ok((weight / 6.0, self.peers.touches, told))
    }

    fn time_to_choose(&self) -> Measured {
        let (won, days) = self.inputs.decisions;
        let days = days.filter(|_| won >= LEAST_DECISIONS).ok_or("TOO_FEW_DECISIONS")?;
        let usual = self.peers.days_to_win.filter(|days| *days > 0.0).ok_or("NO_PEERS")?;
        let told = format!("{won} opportunities won within 730 days, median {days:.1} days, {usual:.1} of all");
        Ok((days / usual, Some(1.0), told))
    }

    fn price_sensitivity(&self) -> Measured {
        let Year { lines, booked, discounted } = self.facts.year;
        if lines < LEAST_LINES {
            return Err("TOO_FEW_LINES");
        }
        let share = discounted.checked_div(booked).map(|share| 100.0 * real(share)).ok_or("TOO_FEW_LINES")?;
        let usual = self.peers.discounted.ok_or("NO_PEERS")?;
        let told =
            format!("{share:.1} % of {lines} lines of 365 days bought at a discount, {usual:.1} % of all customers");
        Ok((share - usual, Some(0.0), told))
    }

    /// Lost opportunities that went to a competitor, and how it compares us with competitors.
    fn competitor_stance(&self) -> Measured {
        let (closed, lost, rival) = self.inputs.closed;
        let share = Decimal::from(rival).checked_div(Decimal::from(lost)).map_or(0.0, real);
        let deals = (closed > 0).then_some(1.0 - 2.0 * share);
        let compared = mean(&self.inputs.answers, Kind::CompetitorComparison).map(|(_, mean)| (mean - 3.0) / 2.0);
        let stance = match (deals, compared) {
            (Some(deals), Some(compared)) => (deals + compared) / 2.0,
            (deals, compared) => deals.or(compared).ok_or("NO_CLOSED_DEALS_OR_COMPARISONS")?,
        };
        let told =
            format!("{rival} of {lost} lost opportunities went to a competitor, {closed} closed within 365 days");
        Ok((stance, self.peers.stance, told))
    }

    /// What it said of products, newer answers weighing more, drawn to the mean of all.
    fn product_approval(&self) -> Measured {
        let five = |answer: &Answer| match answer.kind {
            Kind::Satisfaction | Kind::QualityAnswer => Some(answer.value),
            Kind::Recommendation => Some(1.0 + 0.4 * answer.value),
            _ => None,
        };
        let weigh = |answer: &Answer| {
            let days = i32::try_from((self.as_of - answer.on).num_days()).unwrap_or(i32::MAX);
            Some((0.5_f64.powf(f64::from(days) / HALF_LIFE), five(answer)?))
        };
        let known: Vec<(f64, f64)> = self.inputs.answers.iter().filter_map(weigh).collect();
        let (weight, sum) =
            known.iter().fold((0.0, 0.0), |(all, sum), (weight, value)| (all + weight, sum + weight * value));
        if known.is_empty() || weight <= 0.0 {
            return Err("NO_ANSWERS");
        }
        let own = sum / weight;
        let value = shrunk(weight, own, self.peers.approval.unwrap_or(own), PRIOR);
        Ok((value, self.peers.approval, format!("{} answers within 365 days, mean {own:.2} of 5", known.len())))
    }

    /// The ninth bar.
    fn intention(&self) -> Sign {
        let Some((count, mean)) = mean(&self.inputs.answers, Kind::Intention) else {
            return Sign::missing(None, "NO_ANSWERS");
        };
        let of_five = |mean: f64| points(25.0 * (mean - 1.0));
        Sign {
            value: Some(mean),
            points: of_five(mean),
            peer_value: self.peers.intention,
            peer_points: self.peers.intention.and_then(of_five),
            state: ValueState::Ok,
            evidence: Some(format!("{count} answers within 365 days")),
            missing: None,
            ..Sign::missing(None, "")
        }
    }
}

fn mean(answers: &[Answer], kind: Kind) -> Option<(u32, f64)> {
    Evidence { answers: answers.to_vec(), ..Evidence::default() }.mean(kind)
}
