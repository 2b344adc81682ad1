//! How loyal an account is, as it is stored.

use super::layer::LoyaltyLevel;
use super::rules::LoyaltyForm;
use crate::AREA;
use crate::value::clv::ValueState;
use chrono::NaiveDate;
use kith_kernel::ids::{AccountId, LoyaltyAssessmentId};
use kith_kernel::{Custom, Ownership, Resource, Verb};
use kith_macros::resource;
use rust_decimal::Decimal;

/// How loyal an account is; its id is the account's. It is computed every night, and again within seconds after its orders,
/// answers or signs changed. What is not known is null, never 0.
#[resource(table = loyalty_assessments, id = LoyaltyAssessmentId, derived)]
pub struct LoyaltyAssessment {
    /// The account.
    #[field(filter, read_only, id)]
    pub account_id: AccountId,
    /// The last day that it knows.
    #[field(filter, read_only)]
    pub as_of: NaiveDate,
    /// OK where all signs are known, PARTIAL where some are missing, INSUFFICIENT_DATA where attitude or behaviour is not
    /// known.
    #[field(filter, read_only)]
    pub state: ValueState,
    /// Why it is not OK, as codes: ATTITUDE_UNKNOWN, BEHAVIOUR_UNKNOWN, and MISSING_ with the name of each missing sign.
    #[field(read_only)]
    pub reasons: Custom,
    /// The layer that its loyalty has reached (Oliver 1999); null where nothing tells.
    #[field(filter, sort, read_only)]
    pub level: Option<LoyaltyLevel>,
    /// How much the level can be relied on: PARTIAL where a layer is not known or one contradicts another, INSUFFICIENT_DATA
    /// where nothing tells, NOT_APPLICABLE where that is so of an account that never bought. `layers` explain it.
    #[field(filter, read_only)]
    pub level_state: ValueState,
    /// Nothing is known of a layer below, which is taken to hold.
    #[field(filter, read_only)]
    pub is_inferred: bool,
    /// A higher layer holds, but one below it does not: the level is the one below that.
    #[field(filter, read_only)]
    pub is_conflicted: bool,
    /// Each layer: whether it `holds` (true or false; left out where that is unknown) and the `evidence` of it.
    #[field(read_only)]
    pub layers: Custom,
    /// Attitude against behaviour (Dick & Basu 1994), cut at 50.
    #[field(filter, sort, read_only)]
    pub form: LoyaltyForm,
    /// How much the form can be relied on: PARTIAL where signs are missing, INSUFFICIENT_DATA where attitude or behaviour is
    /// not known, NOT_APPLICABLE where that is so of an account that never bought. `signs` and `reasons` explain it.
    #[field(filter, read_only)]
    pub form_state: ValueState,
    /// What it thinks of us, 0 to 100: the mean, by the weights of the value model, of BRAND_CONCERN, COMPETITOR_STANCE,
    /// PRODUCT_APPROVAL and STATED_INTENTION, of which at least two must be known.
    #[field(filter, read_only)]
    pub attitude: Option<Decimal>,
    /// What it does, 0 to 100: the mean of the other signs, of which at least two must be known.
    #[field(filter, read_only)]
    pub behaviour: Option<Decimal>,
    /// Half attitude, half behaviour unless the value model says otherwise, 0 to 100. It is the sum of the contributions of
    /// the signs, exactly.
    #[field(filter, sort, read_only)]
    pub index: Option<Decimal>,
    /// What a customer like its peers would have, with the same signs known. Index less reference is the sum of
    /// `againstPeers` of the signs, exactly.
    #[field(read_only)]
    pub index_reference: Option<Decimal>,
    /// The eight signs and the stated intention, each with its axis, value, points, peers' value and points, weight,
    /// contribution, state, source, what it rests on and what is missing. What is not known is left out.
    #[field(read_only)]
    pub signs: Custom,
    /// The drivers together, 0 to 100, weighted by the stage of the relationship; at least two must be known.
    #[field(filter, read_only)]
    pub driver_index: Option<Decimal>,
    /// What makes it stay: PERCEIVED_VALUE, SATISFACTION, TRUST, SWITCHING_COST, each with its value, weight, what it
    /// rests on and what is missing. What is not known is left out.
    #[field(read_only)]
    pub drivers: Custom,
}

impl Resource for LoyaltyAssessment {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
}
