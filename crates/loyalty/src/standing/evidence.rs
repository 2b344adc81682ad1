//! Answers of customers, one by one.

use super::sign::past;
use crate::AREA;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::derived;
use kith_kernel::ids::{AccountId, LoyaltyEvidenceItemId};
use kith_kernel::{Cx, Ownership, Resource, Result, Violations, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// What a customer was asked, and the scale of the answer.
    pub enum LoyaltyEvidenceKind {
        /// How good our quality is, from 1 to 5.
        QualityAnswer = "QUALITY_ANSWER",
        /// How good our prices are for what they buy, from 1 to 5.
        PriceAnswer = "PRICE_ANSWER",
        /// How satisfied it is, from 1 to 5.
        Satisfaction = "SATISFACTION",
        /// The tone of what it said or wrote, from -1 to 1.
        Sentiment = "SENTIMENT",
        /// Whether it means to buy again, from 1 to 5.
        Intention = "INTENTION",
        /// Whether it would recommend us, from 0 to 10.
        Recommendation = "RECOMMENDATION",
        /// Whether it promised to renew: 1 for yes, 0 for no.
        RenewalPromised = "RENEWAL_PROMISED",
        /// How we compare with competitors, from 1 (worse) over 3 (as good) to 5 (better).
        CompetitorComparison = "COMPETITOR_COMPARISON",
    }
}

impl LoyaltyEvidenceKind {
    /// The least and the greatest answer.
    pub fn scale(self) -> (i64, i64) {
        match self {
            LoyaltyEvidenceKind::Sentiment => (-1, 1),
            LoyaltyEvidenceKind::Recommendation => (0, 10),
            LoyaltyEvidenceKind::RenewalPromised => (0, 1),
            _ => (1, 5),
        }
    }
}

/// An answer of a customer that tells of loyalty, as survey systems push them. Answers count for a year.
#[resource(table = loyalty_evidence, id = LoyaltyEvidenceItemId)]
pub struct LoyaltyEvidenceItem {
    /// The account whose people answered.
    #[field(filter, create_only)]
    pub account_id: AccountId,
    /// What was asked.
    #[field(filter, create_only, example = "\"SATISFACTION\"")]
    pub kind: LoyaltyEvidenceKind,
    /// The answer, on the scale of its kind.
    #[field(filter, example = "\"4\"")]
    pub value: Decimal,
    /// The day of the answer.
    #[field(filter, sort, example = "\"2026-10-01\"")]
    pub answered_on: NaiveDate,
    /// The system that asked.
    #[field(filter, max = 100)]
    pub system: Option<String>,
    /// What there is to say about it.
    #[field(max = 1_000)]
    pub note: Option<String>,
}

impl Resource for LoyaltyEvidenceItem {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };

    fn check(&self, violations: &mut Violations) {
        let (least, greatest) = self.kind.scale();
        let fits = (Decimal::from(least)..=Decimal::from(greatest)).contains(&self.value);
        let whole = self.kind != LoyaltyEvidenceKind::RenewalPromised || self.value.fract().is_zero();
        let detail = format!("{} is answered from {least} to {greatest}.", self.kind.as_str());
        violations.ensure(fits && whole, "/value", "OUT_OF_RANGE", &detail);
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        past("/answeredOn", self.answered_on, cx)
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        derived::touch(conn, cx, &[self.account_id.0])
    }
}
