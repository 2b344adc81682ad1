//! Who else has a part in an opportunity: the people who decide, and the competitors.

use crate::AREA;
use kith_kernel::ids::{CompetitorId, ContactId, OpportunityCompetitorId, OpportunityContactId, OpportunityId};
use kith_kernel::{BuyingRole, Ownership, Resource, text_enum};
use kith_macros::resource;

const WITH_IT: Ownership = Ownership { owner: None, team: None, via: &["opportunity"] };

/// A person who has a say in an opportunity.
#[resource(table = opportunity_contacts, id = OpportunityContactId)]
pub struct OpportunityContact {
    /// The opportunity.
    #[field(filter, create_only)]
    pub opportunity_id: OpportunityId,
    /// The person; each is there once.
    #[field(filter, create_only)]
    pub contact_id: ContactId,
    /// The part they play in this decision.
    #[field(filter, example = "\"DECISION_MAKER\"")]
    pub buying_role: Option<BuyingRole>,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

impl Resource for OpportunityContact {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = WITH_IT;
}

text_enum! {
    /// How a competitor stands against us.
    #[derive(Default)]
    pub enum CompetitivePosition {
        /// They are ahead.
        Ahead = "AHEAD",
        /// Neither is ahead.
        Level = "LEVEL",
        /// We are ahead.
        Behind = "BEHIND",
        /// Nobody knows.
        #[default]
        Unknown = "UNKNOWN",
    }
}

/// A competitor in an opportunity.
#[resource(table = opportunity_competitors, id = OpportunityCompetitorId)]
pub struct OpportunityCompetitor {
    /// The opportunity.
    #[field(filter, create_only)]
    pub opportunity_id: OpportunityId,
    /// The competitor; each is there once.
    #[field(filter, create_only)]
    pub competitor_id: CompetitorId,
    /// How it stands against us here.
    #[field(filter, default)]
    pub position: CompetitivePosition,
    /// What speaks for it here.
    #[field(max = 2_000)]
    pub strengths: Option<String>,
    /// What speaks against it here.
    #[field(max = 2_000)]
    pub weaknesses: Option<String>,
    /// What became of it here.
    #[field(max = 2_000)]
    pub outcome: Option<String>,
}

impl Resource for OpportunityCompetitor {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = WITH_IT;
}
