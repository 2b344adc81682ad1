//! The stage of a relationship, by the rules of the definition page (D6), each named with its numbers.

use super::churn::CustomerActivity;
use super::contract::{Contract, contract_churned_on};
use super::moves::LifecycleStage::{self, Degeneration, Ended, Exploration, Formation, Prospect, Stability};
use super::series::{self, Series};
use super::{Policy, churn, days, real, rounded};
use chrono::NaiveDate;
use kith_kernel::text_enum;
use kith_statistics::{patience, typical_gap};
use serde_json::{Value, json};

text_enum! {
    /// The rule that set a stage.
    pub enum LifecycleRule {
        /// There is no valid order.
        NoOrder = "NO_ORDER",
        /// There is a valid order after the relationship had ended.
        Returned = "RETURNED",
        /// Notice was given.
        Notice = "NOTICE",
        /// The silence is longer than the limit, in typical gaps.
        Silence = "SILENCE",
        /// The margin fell to a part of its best, and falls on.
        Fall = "FALL",
        /// A severe case has been open for too long, and the margin falls.
        SevereCase = "SEVERE_CASE",
        /// It fell apart, and the customer counts as lost.
        Lost = "LOST",
        /// There are few occasions yet.
        FewOccasions = "FEW_OCCASIONS",
        /// The first occasion is not long ago.
        Young = "YOUNG",
        /// The margin grows, in most of the last periods.
        Growth = "GROWTH",
        /// None of the others.
        Steady = "STEADY",
        /// A loss was confirmed, or taken back.
        ChurnEvent = "CHURN_EVENT",
        /// Somebody set it by hand.
        Manual = "MANUAL",
    }
}

/// What is known of a customer as of a day.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The day.
    pub as_of: NaiveDate,
    /// Days with a valid order.
    pub occasions: u32,
    /// Days since the first of them.
    pub age: u32,
    /// Days since the last of them.
    pub recency: u32,
    /// Days between them, in any order.
    pub gaps: &'a [f64],
    /// Restated margin of each month, oldest first, the last month ending with the day; up to 36.
    pub margins: &'a [f64],
    /// Whether notice was given, or a contract was cancelled and not renewed.
    pub has_notice: bool,
    /// Days for which the oldest open severe case has been open.
    pub severe_case_days: Option<u32>,
    /// Chance of a purchase within the customer's patience, if a model gives one.
    pub p_buy: Option<f64>,
    /// His contracts, if he has or had any.
    pub contract: Option<Contract>,
}

impl Facts<'_> {
    /// Days since the last sign of life: an occasion, or a contract that ran.
    pub fn silence(&self) -> u32 {
        self.contract.map_or(self.recency, |contract| contract.recency(self.as_of).min(self.recency))
    }

    /// The day of that.
    pub fn last(&self) -> NaiveDate {
        self.as_of.checked_sub_days(chrono::Days::new(self.silence().into())).unwrap_or(self.as_of)
    }

    /// Whether he is still a customer; `typical_gap` is his.
    pub fn activity(&self, typical_gap: f64, policy: &Policy) -> CustomerActivity {
        let by_orders = churn::activity(self.occasions, self.recency, typical_gap, self.p_buy);
        self.contract.map_or(by_orders, |contract| contract.activity(by_orders, policy.grace_days, self.as_of))
    }

    /// The day on which he was lost, if he counts as lost; `before` is what was noted of it.
    pub fn churned_on(&self, typical_gap: f64, policy: &Policy, before: Option<NaiveDate>) -> Option<NaiveDate> {
        let by_silence = churn::churned_on(self.last(), typical_gap, self.as_of, before);
        let contract = self.contract.and_then(|contract| Some((contract.is_all, contract.over_on?)));
        let day =
            match contract.map(|(is_all, over)| (is_all, contract_churned_on(over, policy.grace_days, self.as_of))) {
                Some((true, by_contract)) => by_contract.unwrap_or(self.as_of),
                Some((false, by_contract)) => by_contract.map_or(by_silence, |day| day.max(by_silence)),
                None => by_silence,
            };
        (self.activity(typical_gap, policy) == CustomerActivity::Churned).then_some(day)
    }
}

/// What is known of those the customer is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peers {
    /// The median of their gaps, in days; the tenant's default is 30.
    pub median_gap: f64,
    /// The 95 % point of their gaps in relation to their typical gaps; none: the policy's limit holds.
    pub silence_limit: Option<f64>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { median_gap: 30.0, silence_limit: None }
    }
}

/// Where the relationship stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// The stage.
    pub stage: LifecycleStage,
    /// The day it began.
    pub since: NaiveDate,
    /// The stage before that.
    pub previous: Option<LifecycleStage>,
    /// Whether a rule set it, rather than a person or a confirmed loss.
    pub by_rule: bool,
}

/// What the rules say.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The stage now.
    pub stage: LifecycleStage,
    /// The rule that fired. With a stage that is kept for a while, the rule that will move it.
    pub rule: LifecycleRule,
    /// Its numbers, and where the rules point to if the stage is not there yet.
    pub evidence: Value,
    /// From 0 to 1: see [`stage`].
    pub confidence: f64,
    /// The first day on which time alone may change the verdict.
    pub next_review: NaiveDate,
}

/// The figures that the rules decide by.
struct Figures {
    period_days: f64,
    months: u32,
    typical: f64,
    silence: f64,
    limit: f64,
    patience: f64,
    series: Series,
    is_lost: bool,
}

/// The stage of a customer.
///
/// The first rule that fires, in the order of [`LifecycleRule`], points to a stage. The relationship goes there where that is
/// legal, one step along the way otherwise; it stays in a stage for a period at least, unless it falls apart.
///
/// Confidence: 1 where a fact decides (no order, notice, return). Where figures do, 0.5 + 0.5 × own × clear: own is the share
/// of the customer's rhythm that is his own and not his peers', n / (n + 3); clear is how far the deciding figure is from its
/// border, in relation to the border, at most 1. While a stage is kept against the rules, 0.5.
pub fn stage(facts: &Facts<'_>, peers: &Peers, policy: &Policy, before: Option<Before>) -> Verdict {
    let figures = Figures::of(facts, peers, policy);
    // Whoever was no customer before begins wherever the rules point to.
    let known = before.filter(|before| before.stage != Prospect);
    let (target, rule, clear) = decide(facts, &figures, policy, known);
    let (stage, kept_until) = settle(facts, &figures, policy, known, target);
    let confidence = match clear {
        _ if stage != target => 0.5,
        None => 1.0,
        Some(clear) => {
            let n = f64::from(facts.occasions);
            0.5 + 0.5 * n / (n + 3.0) * clear.clamp(0.0, 1.0)
        }
    };
    let mut evidence = figures.evidence(facts);
    if let Some(evidence) = evidence.as_object_mut().filter(|_| stage != target) {
        evidence.insert("target".into(), json!(target.as_str()));
        evidence.insert("keptUntil".into(), json!(kept_until));
    }
    let confidence = (confidence * 100.0_f64).round() / 100.0;
    let next_review = figures.next_review(facts, policy, kept_until);
    Verdict { stage, rule, evidence, confidence, next_review }
}

impl Figures {
    fn of(facts: &Facts<'_>, peers: &Peers, policy: &Policy) -> Self {
        let peer_gap = if peers.median_gap > 0.0 { peers.median_gap } else { Peers::default().median_gap };
        let months = series::period_months(peer_gap, policy);
        // Occasions are days, so that no gap is shorter than one.
        let typical = typical_gap(facts.gaps, peer_gap).max(1.0);
        Self {
            period_days: f64::from(months) * super::DAYS_PER_MONTH,
            months,
            typical,
            silence: f64::from(facts.silence()) / typical,
            limit: peers.silence_limit.filter(|limit| *limit > 0.0).unwrap_or(policy.silence_limit),
            patience: patience(typical),
            series: series::read(facts.margins, months, f64::from(facts.age), policy),
            is_lost: facts.activity(typical, policy) == CustomerActivity::Churned,
        }
    }

    fn evidence(&self, facts: &Facts<'_>) -> Value {
        let series = &self.series;
        json!({
            "asOf": facts.as_of, "occasions": facts.occasions, "age": facts.age, "recency": facts.recency,
            "periodMonths": self.months, "typicalGap": rounded(self.typical),
            "silence": rounded(self.silence), "silenceLimit": rounded(self.limit), "patience": rounded(self.patience),
            "level": rounded(series.level), "peak": series.peak.map(rounded), "growth": rounded(series.growth),
            "rises": series.rises, "bySeason": series.by_season, "isLost": self.is_lost,
            "hasNotice": facts.has_notice, "severeCaseDays": facts.severe_case_days, "pBuy": facts.p_buy.map(rounded),
            "contract": facts.contract.map(|contract| contract.shown(facts.as_of)),
        })
    }

    /// The first day after today on which time alone may change something: silence crosses the limit, half the patience or
    /// the patience; a contract or its grace is over; the first periods are over; a stage was kept for long enough; or else a period later, as margins move.
    fn next_review(&self, facts: &Facts<'_>, policy: &Policy, kept_until: Option<NaiveDate>) -> NaiveDate {
        let (last, after) = (facts.last(), |day: NaiveDate, number: f64| day.checked_add_days(days(number)));
        let first = facts.as_of.checked_sub_days(chrono::Days::new(facts.age.into())).unwrap_or(last);
        let over = facts.contract.and_then(|contract| contract.over_on);
        let borders = [
            over,
            over.and_then(|over| over.checked_add_days(chrono::Days::new(policy.grace_days.into()))),
            after(last, (self.limit * self.typical).floor() + 1.0),
            after(last, (0.5 * self.patience).ceil()),
            after(last, self.patience.ceil()),
            after(first, (policy.exploration_periods * self.period_days).ceil()),
            kept_until,
        ];
        let later = after(facts.as_of, self.period_days.ceil()).unwrap_or(facts.as_of);
        let borders = if facts.occasions == 0 { [None; 7] } else { borders };
        borders.into_iter().flatten().filter(|day| *day > facts.as_of).chain([later]).min().unwrap_or(later)
    }
}

/// How far a figure is beyond its border, in relation to the border.
fn beyond(figure: f64, border: f64) -> Option<f64> {
    Some(if border.abs() > 0.0 { (figure - border).abs() / border.abs() } else { 1.0 })
}

/// The stage that the rules point to, the rule, and how clearly it fired; none: by a fact.
fn decide(
    facts: &Facts<'_>,
    figures: &Figures,
    policy: &Policy,
    before: Option<Before>,
) -> (LifecycleStage, LifecycleRule, Option<f64>) {
    use LifecycleRule as R;
    let series = &figures.series;
    if facts.occasions == 0 {
        return (Prospect, R::NoOrder, None);
    }
    let ended = before.filter(|before| before.stage == Ended);
    if let Some(ended) = ended {
        let is_silent = figures.is_lost || figures.silence > figures.limit;
        // An earlier order that came in late may show that a rule ended it too soon.
        return if !is_silent && (facts.last() > ended.since || ended.by_rule) {
            (Exploration, R::Returned, None)
        } else {
            (Ended, R::Lost, beyond(figures.silence, figures.patience / figures.typical))
        };
    }
    // Who came back is not held against the time of silence before.
    let level_days = figures.period_days * f64::from(policy.level_periods);
    let has_returned = before.is_some_and(|before| {
        let level = before.since.checked_add_days(days(level_days.ceil()));
        before.previous == Some(Ended) && level.is_some_and(|day| facts.as_of < day)
    });
    if let Some((rule, clear)) = apart(facts, figures, policy, has_returned) {
        let gone = figures.is_lost && before.is_none_or(|before| before.stage == Degeneration);
        return if gone { (Ended, R::Lost, clear) } else { (Degeneration, rule, clear) };
    }
    if facts.occasions < policy.exploration_occasions {
        let clear = beyond(f64::from(facts.occasions), f64::from(policy.exploration_occasions));
        return (Exploration, R::FewOccasions, clear);
    }
    let young = policy.exploration_periods * figures.period_days;
    if f64::from(facts.age) < young {
        return (Exploration, R::Young, beyond(f64::from(facts.age), young));
    }
    let clear = beyond(series.growth, policy.growth);
    if series.growth > policy.growth && series.rises >= policy.rises {
        return (Formation, R::Growth, clear);
    }
    // Both its silence and its growth must be clear of their borders.
    let calm = beyond(figures.silence, figures.limit).zip(clear).map(|(silence, growth)| silence.min(growth));
    (Stability, R::Steady, calm)
}

/// Whether it falls apart, by which rule, and how clearly.
fn apart(
    facts: &Facts<'_>,
    figures: &Figures,
    policy: &Policy,
    has_returned: bool,
) -> Option<(LifecycleRule, Option<f64>)> {
    let series = &figures.series;
    if facts.has_notice {
        return Some((LifecycleRule::Notice, None));
    }
    if figures.silence > figures.limit {
        return Some((LifecycleRule::Silence, beyond(figures.silence, figures.limit)));
    }
    if has_returned {
        return None;
    }
    let border = series.peak.filter(|peak| *peak > 0.0).map(|peak| policy.fall_to * peak);
    if let Some(border) = border.filter(|border| facts.occasions >= policy.fall_occasions && series.level <= *border)
        && series.growth < 0.0
    {
        return Some((LifecycleRule::Fall, beyond(series.level, border)));
    }
    let case = facts.severe_case_days.filter(|days| *days > policy.case_days && series.is_falling)?;
    Some((LifecycleRule::SevereCase, beyond(case.into(), policy.case_days.into())))
}

/// Where it goes now, and until when its stage is kept, if it is.
fn settle(
    facts: &Facts<'_>,
    figures: &Figures,
    policy: &Policy,
    before: Option<Before>,
    target: LifecycleStage,
) -> (LifecycleStage, Option<NaiveDate>) {
    let Some(before) = before else { return (target, None) };
    let next = before.stage.towards(target);
    // Falling apart, coming back and losing the last order do not wait.
    let waits = next != before.stage && next != Degeneration && next != Prospect && before.stage != Ended;
    let until = before.since.checked_add_days(days((real_periods(policy) * figures.period_days).ceil()));
    match until.filter(|until| waits && facts.as_of < *until) {
        Some(until) => (before.stage, Some(until)),
        // A step on the way is followed by another after its own time.
        None if next != target => {
            let from = if next == before.stage { before.since } else { facts.as_of };
            (next, from.checked_add_days(days((real_periods(policy) * figures.period_days).ceil())))
        }
        None => (next, None),
    }
}

fn real_periods(policy: &Policy) -> f64 {
    real(usize::try_from(policy.keep_periods).unwrap_or(1))
}

#[cfg(test)]
mod tests;
