//! Who is in which team.

use crate::AREA;
use kith_kernel::ids::{MembershipId, TeamId, UserId};
use kith_kernel::{Resource, text_enum};
use kith_macros::resource;

text_enum! {
    /// What a user is in a team.
    #[derive(Default)]
    pub enum TeamRole {
        /// Leads it.
        Lead = "LEAD",
        /// Belongs to it.
        #[default]
        Member = "MEMBER",
    }
}

/// A user in a team. It decides what the scope TEAM covers for them.
#[resource(table = memberships, id = MembershipId)]
pub struct Membership {
    /// The user.
    #[field(filter, create_only)]
    pub user_id: UserId,
    /// The team.
    #[field(filter, create_only)]
    pub team_id: TeamId,
    /// What the user is in the team.
    #[field(filter, default)]
    pub role: TeamRole,
}

impl Resource for Membership {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
}
