//! Each rule on facts of its own, moves, and the fixed points of the rules.

use super::*;
use crate::rules::{LoyaltyStage, loyalty_stage};

const NOW: &str = "2026-06-30";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A customer of a year who buys every 30 days for the same amount, and did so 10 days ago.
fn steady() -> Facts<'static> {
    Facts {
        as_of: day(NOW),
        occasions: 12,
        age: 360,
        recency: 10,
        gaps: &[30.0; 11],
        margins: &[100.0; 12],
        has_notice: false,
        severe_case_days: None,
        p_buy: None,
        contract: None,
    }
}

const RISING: [f64; 12] = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0];
const FALLING: [f64; 12] = [100.0, 100.0, 100.0, 100.0, 100.0, 90.0, 80.0, 70.0, 60.0, 50.0, 40.0, 30.0];
const DIPPED: [f64; 12] = [100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 99.0, 98.0, 97.0, 96.0];

fn judge(facts: &Facts<'_>, before: Option<Before>) -> Verdict {
    stage(facts, &Peers::default(), &Policy::default(), before)
}

fn was(stage: LifecycleStage, since: &str) -> Option<Before> {
    Some(Before { stage, since: day(since), previous: None, by_rule: true })
}

#[test]
fn each_rule_fires_on_its_own_facts() {
    use LifecycleRule as R;
    let s = steady();
    for (name, facts, stage, rule) in [
        ("no order", Facts { occasions: 0, age: 0, recency: 0, gaps: &[], margins: &[], ..s }, Prospect, R::NoOrder),
        ("steady", s, Stability, R::Steady),
        ("at the limit", Facts { recency: 90, ..s }, Stability, R::Steady),
        ("beyond the limit and lost", Facts { recency: 91, ..s }, Ended, R::Lost),
        ("beyond a shorter limit", Facts { recency: 70, gaps: &[14.0; 11], ..s }, Degeneration, R::Silence),
        ("notice", Facts { has_notice: true, ..s }, Degeneration, R::Notice),
        ("fall", Facts { margins: &FALLING, ..s }, Degeneration, R::Fall),
        ("a fall of three occasions", Facts { occasions: 3, margins: &FALLING, ..s }, Stability, R::Steady),
        ("a small fall", Facts { margins: &DIPPED, ..s }, Stability, R::Steady),
        ("case", Facts { margins: &DIPPED, severe_case_days: Some(31), ..s }, Degeneration, R::SevereCase),
        ("a fresh case", Facts { margins: &DIPPED, severe_case_days: Some(30), ..s }, Stability, R::Steady),
        ("a case without a fall", Facts { severe_case_days: Some(31), ..s }, Stability, R::Steady),
        ("two occasions", Facts { occasions: 2, gaps: &[30.0], ..s }, Exploration, R::FewOccasions),
        ("young", Facts { age: 60, occasions: 5, ..s }, Exploration, R::Young),
        ("no longer young", Facts { age: 61, occasions: 5, ..s }, Stability, R::Steady),
        ("growth", Facts { margins: &RISING, ..s }, Formation, R::Growth),
    ] {
        let found = judge(&facts, None);
        assert_eq!((found.stage, found.rule), (stage, rule), "{name}: {}", found.evidence);
        assert!((0.5..=1.0).contains(&found.confidence), "{name}: {}", found.confidence);
        assert!(found.next_review > facts.as_of, "{name}");
    }
}

#[test]
fn one_huge_order_is_no_growth_and_a_refunded_past_is_no_peak() {
    let mut margins = [100.0; 12];
    margins[11] = 100_000.0;
    assert_eq!(judge(&Facts { margins: &margins, ..steady() }, None).rule, LifecycleRule::Steady);
    let refunded = [-500.0; 12];
    assert_eq!(judge(&Facts { margins: &refunded, ..steady() }, None).rule, LifecycleRule::Steady);
}

#[test]
fn a_stage_is_kept_for_a_period_unless_it_falls_apart() {
    let grows = Facts { margins: &RISING, ..steady() };
    let fresh = judge(&grows, was(Exploration, "2026-06-01"));
    assert_eq!((fresh.stage, fresh.rule), (Exploration, LifecycleRule::Growth));
    assert_eq!(fresh.evidence["target"], "FORMATION");
    assert_eq!(fresh.evidence["keptUntil"], "2026-07-02");
    assert_eq!(fresh.next_review, day("2026-07-02"));
    assert_eq!(judge(&grows, was(Exploration, "2026-05-30")).stage, Formation);
    let notice = Facts { has_notice: true, ..steady() };
    for from in [Exploration, Formation, Stability, Degeneration] {
        assert_eq!(judge(&notice, was(from, NOW)).stage, Degeneration, "{from:?}");
    }
}

#[test]
fn moves_are_legal_one_step_at_a_time() {
    let long_ago = "2025-01-01";
    assert_eq!(judge(&steady(), was(Exploration, long_ago)).stage, Formation, "growth comes before stability");
    assert_eq!(judge(&steady(), was(Degeneration, long_ago)).stage, Stability, "recovery");
    let grows = Facts { margins: &RISING, ..steady() };
    assert_eq!(judge(&grows, was(Stability, long_ago)).stage, Stability, "no way back to formation");
    let few = Facts { occasions: 2, gaps: &[30.0], ..steady() };
    assert_eq!(judge(&few, was(Stability, long_ago)).stage, Stability);
    assert_eq!(judge(&few, was(Degeneration, long_ago)).stage, Formation, "whoever comes back grows again");
    let lost = Facts { recency: 200, ..steady() };
    assert_eq!(judge(&lost, was(Stability, long_ago)).stage, Degeneration, "first it falls apart");
    assert_eq!(judge(&lost, was(Degeneration, "2026-06-01")).stage, Degeneration, "for a period");
    let ended = judge(&lost, was(Degeneration, "2026-05-01"));
    assert_eq!((ended.stage, ended.rule), (Ended, LifecycleRule::Lost));
    let none = Facts { occasions: 0, ..steady() };
    assert_eq!(judge(&none, was(Ended, long_ago)).stage, Prospect, "all was refunded");
    assert_eq!(judge(&steady(), was(Prospect, NOW)).stage, Stability, "earlier orders came in late");
}

#[test]
fn who_has_left_comes_back_with_a_later_order() {
    let ended = was(Ended, "2026-06-01").unwrap();
    assert_eq!(judge(&steady(), Some(ended)).stage, Exploration, "ordered on 20 June");
    let by_hand = Before { since: day("2026-06-25"), by_rule: false, ..ended };
    assert_eq!(judge(&steady(), Some(by_hand)).stage, Ended, "ordered before it was ended");
    let by_rule = Before { by_rule: true, ..by_hand };
    let found = judge(&steady(), Some(by_rule));
    assert_eq!((found.stage, found.rule), (Exploration, LifecycleRule::Returned), "a late order shows it never was");
    assert_eq!(judge(&Facts { recency: 300, ..steady() }, Some(by_rule)).stage, Ended);
    let fallen = Facts { margins: &FALLING, ..steady() };
    let returned = Before { stage: Exploration, since: day("2026-06-20"), previous: Some(Ended), by_rule: true };
    assert_eq!(judge(&fallen, Some(returned)).rule, LifecycleRule::Steady, "the time away is no fall");
    let later = Before { since: day("2026-03-20"), ..returned };
    assert_eq!(judge(&fallen, Some(later)).rule, LifecycleRule::Fall);
}

#[test]
fn the_same_day_gives_the_same_stage_again() {
    for margins in [&RISING, &FALLING, &DIPPED] {
        for recency in [10, 60, 91, 400] {
            for from in [Prospect, Exploration, Formation, Stability, Degeneration, Ended] {
                let facts = Facts { margins, recency, ..steady() };
                let first = judge(&facts, was(from, "2025-01-01"));
                if first.stage == from {
                    continue;
                }
                let after = Before { stage: first.stage, since: day(NOW), previous: Some(from), by_rule: true };
                let again = judge(&facts, Some(after));
                assert_eq!(again.stage, first.stage, "{from:?} {recency} {margins:?}");
            }
        }
    }
}

#[test]
fn the_next_review_is_the_first_border_in_time() {
    // Typical gap 30, last order on 20 June: half of 90 days after it.
    let found = judge(&steady(), was(Stability, "2026-01-01"));
    assert_eq!(found.next_review, day("2026-07-31"), "a period later, as margins move");
    let quiet = Facts { recency: 40, ..steady() };
    assert_eq!(judge(&quiet, was(Stability, "2026-01-01")).next_review, day("2026-07-05"), "dormant");
    let silent = Facts { recency: 80, ..steady() };
    assert_eq!(judge(&silent, was(Stability, "2026-01-01")).next_review, day("2026-07-10"), "lost");
}

#[test]
fn peers_set_period_and_limit() {
    let slow = Peers { median_gap: 90.0, silence_limit: Some(2.0) };
    let facts = Facts { recency: 200, gaps: &[90.0; 3], occasions: 4, ..steady() };
    let found = stage(&facts, &slow, &Policy::default(), was(Stability, "2026-01-01"));
    assert_eq!((found.stage, found.rule), (Degeneration, LifecycleRule::Silence));
    assert_eq!(found.evidence["periodMonths"], 3);
    let broken = Peers { median_gap: 0.0, silence_limit: Some(f64::NAN) };
    assert_eq!(stage(&steady(), &broken, &Policy::default(), None).stage, Stability, "the defaults hold");
}

#[test]
fn the_ladder_of_loyalty() {
    let (peers, policy) = (Peers::default(), Policy::default());
    let s = steady();
    for (facts, index, risk, expected) in [
        (Facts { occasions: 0, ..s }, None, None, LoyaltyStage::Prospect),
        (Facts { occasions: 1, ..s }, None, None, LoyaltyStage::New),
        (Facts { occasions: 5, age: 29, ..s }, None, None, LoyaltyStage::New),
        (Facts { occasions: 2, age: 30, ..s }, None, None, LoyaltyStage::Regular),
        (Facts { occasions: 4, age: 119, ..s }, Some(90.0), None, LoyaltyStage::Regular),
        (Facts { occasions: 4, age: 120, ..s }, None, None, LoyaltyStage::LongStanding),
        (Facts { occasions: 4, age: 120, ..s }, Some(69.9), None, LoyaltyStage::LongStanding),
        (Facts { occasions: 4, age: 120, ..s }, Some(70.0), None, LoyaltyStage::Loyal),
        (Facts { occasions: 4, age: 120, ..s }, Some(70.0), Some(0.5), LoyaltyStage::LongStanding),
        (Facts { occasions: 4, age: 120, recency: 45, ..s }, Some(70.0), None, LoyaltyStage::LongStanding),
    ] {
        assert_eq!(loyalty_stage(&facts, &peers, &policy, index, risk), expected, "{facts:?} {index:?} {risk:?}");
    }
}
