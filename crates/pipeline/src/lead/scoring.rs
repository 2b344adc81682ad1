//! The score of a lead: points for every rule that it meets.

use super::{Lead, matching};
use crate::AREA;
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::LeadScoringRuleId;
use kith_kernel::{Custom, Cx, Resource, Result, Violations};
use kith_macros::resource;
use serde_json::{Value, json};

/// Points for leads that meet a filter. Changing a rule changes the score of a lead at the lead's next change, or by its
/// verb `rescore`.
#[resource(table = lead_scoring_rules, id = LeadScoringRuleId)]
pub struct LeadScoringRule {
    /// Its name, unique without regard to case; the explanation of a score shows it.
    #[field(filter, sort, max = 100, example = "\"Wants to buy now\"")]
    pub name: String,
    /// A filter over leads.
    #[field(example = "{\"timing\": {\"eq\": \"IMMEDIATE\"}}")]
    pub filter: Custom,
    /// What meeting it is worth, from -100 to 100.
    #[field(filter, sort, example = "30")]
    pub points: i32,
    /// It counts for nothing at present.
    #[field(filter, default)]
    pub is_paused: bool,
}

impl Resource for LeadScoringRule {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        let fits = (-100..=100).contains(&self.points);
        violations.ensure(fits, "/points", "OUT_OF_RANGE", "Expected -100 to 100.");
    }

    fn prepare(&mut self, _: &mut PgConnection, cx: &Cx, _: Option<&Self>) -> Result<()> {
        matching::check(cx, &self.filter)
    }
}

/// Scores a lead, with the reasons.
pub(super) fn score(conn: &mut PgConnection, cx: &Cx, lead: &mut Lead) -> Result<()> {
    let rules = store::rows::<LeadScoringRule>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND NOT t.is_paused ORDER BY t.name, t.id");
    })?;
    let met = matching::met(conn, cx, lead, rules.iter().map(|rule| &rule.filter))?;
    let met: Vec<_> = rules.iter().zip(met).filter(|(_, met)| *met).map(|(rule, _)| rule).collect();
    let reasons = met.iter().map(|rule| json!({"ruleId": rule.meta.id, "name": rule.name, "points": rule.points}));
    lead.score_reasons = Custom(Value::Array(reasons.collect()));
    lead.score = met.iter().map(|rule| rule.points).fold(0, i32::saturating_add);
    Ok(())
}
