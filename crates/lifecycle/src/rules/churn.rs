//! When a customer counts as lost, and why: the definitions of D10.

use super::days;
use chrono::NaiveDate;
use kith_kernel::text_enum;
use kith_statistics::{Activity, patience};

text_enum! {
    /// Whether somebody is still a customer.
    #[derive(Default)]
    pub enum CustomerActivity {
        /// No valid order yet.
        #[default]
        Prospect = "PROSPECT",
        /// Within the usual rhythm.
        Active = "ACTIVE",
        /// Silent for half the time after which a customer counts as lost.
        Dormant = "DORMANT",
        /// Lost: silent for 90 days and twice the typical gap, or less than 5 % likely to buy in that time.
        Churned = "CHURNED",
    }
}

text_enum! {
    /// Who ended it.
    pub enum ChurnInitiative {
        /// The customer.
        Voluntary = "VOLUNTARY",
        /// We, for want of payment.
        Involuntary = "INVOLUNTARY",
    }
}

text_enum! {
    /// Why a customer was lost.
    #[derive(Default)]
    pub enum ChurnKind {
        /// Death, closing, moving away, end of the need.
        Natural = "NATURAL",
        /// A competitor, or a price.
        Competitive = "COMPETITIVE",
        /// A severe failing of ours.
        Fault = "FAULT",
        /// Payment was withheld after a complaint about a failing of ours.
        Retaliatory = "RETALIATORY",
        /// Fraud, or repeated bad debt.
        Malicious = "MALICIOUS",
        /// A payment failed without dispute; a reminder or another means of payment would have helped.
        NonMaliciousNonpayment = "NON_MALICIOUS_NONPAYMENT",
        /// None of them, or nobody knows.
        #[default]
        Other = "OTHER",
    }
}

text_enum! {
    /// What can be done about a loss, by its kind.
    #[derive(Default)]
    pub enum ChurnPlay {
        /// Put right what went wrong: settle the complaint, then mend quality, staff or organisation.
        Complaints = "COMPLAINTS",
        /// Compare with what the competitor offers: price, terms, range.
        Offer = "OFFER",
        /// Remind, and offer further ways of payment.
        Payment = "PAYMENT",
        /// Settle the complaint that the payment is withheld for.
        Settlement = "SETTLEMENT",
        /// Ask why: nobody knows yet.
        #[default]
        Evaluation = "EVALUATION",
        /// Nothing: there is no need any more, or no good will.
        None = "NONE",
    }
}

impl ChurnKind {
    /// What can be done about it.
    pub const fn play(self) -> ChurnPlay {
        match self {
            ChurnKind::Fault => ChurnPlay::Complaints,
            ChurnKind::Competitive => ChurnPlay::Offer,
            ChurnKind::NonMaliciousNonpayment => ChurnPlay::Payment,
            ChurnKind::Retaliatory => ChurnPlay::Settlement,
            ChurnKind::Other => ChurnPlay::Evaluation,
            ChurnKind::Natural | ChurnKind::Malicious => ChurnPlay::None,
        }
    }

    /// Whose initiative it is; none: it may be anybody's.
    pub const fn initiative(self) -> Option<ChurnInitiative> {
        match self {
            ChurnKind::Natural | ChurnKind::Competitive | ChurnKind::Fault => Some(ChurnInitiative::Voluntary),
            ChurnKind::Retaliatory | ChurnKind::Malicious | ChurnKind::NonMaliciousNonpayment => {
                Some(ChurnInitiative::Involuntary)
            }
            ChurnKind::Other => None,
        }
    }

    /// Whether it goes with an initiative; none given: it need not be known for OTHER alone.
    pub fn fits(self, initiative: Option<ChurnInitiative>) -> bool {
        self.initiative().is_none_or(|own| initiative == Some(own))
    }
}

/// Whether somebody is a customer after `recency` days without a valid order. `p_buy` is the chance of a purchase within the
/// customer's patience, if a model gives one.
pub fn activity(occasions: u32, recency: u32, typical_gap: f64, p_buy: Option<f64>) -> CustomerActivity {
    if occasions == 0 {
        return CustomerActivity::Prospect;
    }
    match kith_statistics::activity(recency.into(), typical_gap, p_buy) {
        Activity::Active => CustomerActivity::Active,
        Activity::Dormant => CustomerActivity::Dormant,
        Activity::Churned => CustomerActivity::Churned,
    }
}

/// The day on which a customer who counts as lost became so: the patience after the last order, or, where a model said so
/// earlier, the day it first did (`before`; `as_of` if it never had).
pub fn churned_on(last: NaiveDate, typical_gap: f64, as_of: NaiveDate, before: Option<NaiveDate>) -> NaiveDate {
    let by_silence = last.checked_add_days(days(patience(typical_gap).ceil())).unwrap_or(as_of);
    // What was noted before a later order was another loss.
    by_silence.min(before.filter(|before| *before > last).unwrap_or(as_of))
}

/// Risk by the rule of the shrunk gap, for want of a calibrated model: the part of the customer's patience that is used up.
/// It ranks well and is no calibrated probability.
pub fn gap_risk(recency: u32, typical_gap: f64) -> f64 {
    (f64::from(recency) / patience(typical_gap)).clamp(0.0, 1.0)
}

/// What is known about a loss. Everything false: nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// A subscription or credit was stopped after a failed payment.
    pub payment_failed: bool,
    /// The claim is disputed.
    pub is_disputed: bool,
    /// The customer still answers.
    pub keeps_contact: bool,
    /// Payment is withheld after a complaint about a failing of ours.
    pub withholds_after_complaint: bool,
    /// There is a mark of fraud.
    pub has_fraud_mark: bool,
    /// Debt went bad more than once.
    pub has_repeated_bad_debt: bool,
    /// Death, closing, moving out of the area, or end of the need.
    pub need_ended: bool,
    /// A severe case with our fault, unresolved or late, within 90 days before the last sign of life.
    pub severe_own_fault: bool,
    /// Satisfaction of at most 2 of 5 within those 90 days.
    pub was_dissatisfied: bool,
    /// Sentiment of at most -0.5 within those 90 days.
    pub was_negative: bool,
    /// A competitor is named in the notice or in a lost deal.
    pub named_competitor: bool,
    /// The price was objected to.
    pub objected_to_price: bool,
    /// A survey says that they buy elsewhere.
    pub switched_supplier: bool,
}

/// Who ended it and why, with what shows it: the first rule that fires. What a person says beats it.
pub fn classify(grounds: &Grounds) -> (Option<ChurnInitiative>, ChurnKind, &'static str) {
    let g = grounds;
    let rules = [
        (g.payment_failed && !g.is_disputed && g.keeps_contact, ChurnKind::NonMaliciousNonpayment, "PAYMENT_FAILED"),
        (g.withholds_after_complaint, ChurnKind::Retaliatory, "PAYMENT_WITHHELD_AFTER_COMPLAINT"),
        (g.has_fraud_mark, ChurnKind::Malicious, "FRAUD_MARK"),
        (g.has_repeated_bad_debt, ChurnKind::Malicious, "REPEATED_BAD_DEBT"),
        (g.need_ended, ChurnKind::Natural, "NEED_ENDED"),
        (g.severe_own_fault, ChurnKind::Fault, "SEVERE_OWN_FAULT"),
        (g.was_dissatisfied, ChurnKind::Fault, "DISSATISFIED"),
        (g.was_negative, ChurnKind::Fault, "NEGATIVE_SENTIMENT"),
        (g.named_competitor, ChurnKind::Competitive, "COMPETITOR_NAMED"),
        (g.objected_to_price, ChurnKind::Competitive, "PRICE_OBJECTION"),
        (g.switched_supplier, ChurnKind::Competitive, "SWITCHED_SUPPLIER"),
    ];
    let found = rules.into_iter().find(|(fires, ..)| *fires);
    found.map_or((None, ChurnKind::Other, "NOTHING_KNOWN"), |(_, kind, why)| (kind.initiative(), kind, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_day_of_loss_is_when_it_became_true() {
        let last = day("2026-01-01");
        let now = day("2026-12-31");
        assert_eq!(churned_on(last, 20.0, now, None), day("2026-04-01"), "90 days");
        assert_eq!(churned_on(last, 60.5, now, None), day("2026-05-02"), "twice the gap");
        assert_eq!(churned_on(last, 60.0, now, Some(day("2026-03-03"))), day("2026-03-03"), "a model said so earlier");
        assert_eq!(churned_on(last, 20.0, now, Some(day("2025-03-03"))), day("2026-04-01"), "another loss");
        assert_eq!(churned_on(last, 60.0, day("2026-02-01"), None), day("2026-02-01"), "a model says so now");
    }

    #[test]
    fn silence_makes_dormant_and_lost() {
        use CustomerActivity::{Active, Churned, Dormant, Prospect};
        for (n, recency, gap, p, expected) in [
            (0, 0, 30.0, None, Prospect),
            (1, 44, 30.0, None, Active),
            (1, 45, 30.0, None, Dormant),
            (1, 90, 30.0, None, Churned),
            (3, 99, 60.0, None, Dormant),
            (3, 120, 60.0, None, Churned),
            (3, 1, 60.0, Some(0.04), Churned),
        ] {
            assert_eq!(activity(n, recency, gap, p), expected, "{n} {recency} {gap} {p:?}");
        }
        assert!((gap_risk(60, 60.0) - 0.5).abs() < 1e-12 && gap_risk(900, 60.0) == 1.0);
    }

    #[test]
    fn the_first_ground_decides() {
        use ChurnKind as K;
        let none = Grounds::default();
        let unpaid = Grounds { payment_failed: true, keeps_contact: true, ..none };
        for (grounds, kind) in [
            (none, K::Other),
            (unpaid, K::NonMaliciousNonpayment),
            (Grounds { is_disputed: true, ..unpaid }, K::Other),
            (Grounds { keeps_contact: false, ..unpaid }, K::Other),
            (Grounds { withholds_after_complaint: true, has_fraud_mark: true, ..none }, K::Retaliatory),
            (Grounds { has_repeated_bad_debt: true, need_ended: true, ..none }, K::Malicious),
            (Grounds { need_ended: true, severe_own_fault: true, ..none }, K::Natural),
            (Grounds { was_dissatisfied: true, named_competitor: true, ..none }, K::Fault),
            (Grounds { was_negative: true, ..none }, K::Fault),
            (Grounds { objected_to_price: true, ..none }, K::Competitive),
            (Grounds { switched_supplier: true, ..none }, K::Competitive),
        ] {
            let (initiative, found, _) = classify(&grounds);
            assert_eq!(found, kind, "{grounds:?}");
            assert!(found.fits(initiative), "{grounds:?}");
        }
        assert!(!K::Fault.fits(Some(ChurnInitiative::Involuntary)) && !K::Malicious.fits(None) && K::Other.fits(None));
    }
}
