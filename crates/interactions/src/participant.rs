//! Who took part in a touch.

use crate::AREA;
use kith_kernel::ids::{ContactId, InteractionContactId, InteractionId};
use kith_kernel::{Ownership, Resource, text_enum};
use kith_macros::resource;

text_enum! {
    /// A person's part in an interaction.
    #[derive(Default)]
    pub enum ParticipantRole {
        /// Wrote, called or came.
        From = "FROM",
        /// Was written to, called or visited.
        To = "TO",
        /// Got a copy.
        Cc = "CC",
        /// Got a copy that the others do not know of.
        Bcc = "BCC",
        /// Was there.
        #[default]
        Attendee = "ATTENDEE",
    }
}

/// A person who took part in an interaction. It stands in the timeline of each of them.
#[resource(table = interaction_contacts, id = InteractionContactId)]
pub struct InteractionContact {
    /// The interaction.
    #[field(filter, create_only)]
    pub interaction_id: InteractionId,
    /// The person; each is there once in each role.
    #[field(filter, create_only)]
    pub contact_id: ContactId,
    /// Their part.
    #[field(filter, default, example = "\"FROM\"")]
    pub role: ParticipantRole,
}

impl Resource for InteractionContact {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["interaction"] };
}
