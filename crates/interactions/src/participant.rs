//! Who took part in a touch.

use crate::{AREA, Interaction};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::ids::{ContactId, InteractionContactId, InteractionId};
use kith_kernel::{Bind, Cx, Ownership, Resource, Result, text_enum};
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
    /// When the interaction began; it follows that.
    #[field(filter, sort, read_only, default)]
    pub occurred_at: DateTime<Utc>,
}

impl Resource for InteractionContact {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["interaction"] };

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            // Locked, so that its time does not change between here and there.
            let found = store::rows::<Interaction>(conn, cx, |out| {
                out.sql(" AND t.id = ").bind(Bind::Uuid(Some(self.interaction_id.0))).sql(" FOR SHARE");
            })?;
            self.occurred_at = found.first().map_or(cx.now, |interaction| interaction.occurred_at);
        }
        Ok(())
    }
}

/// Those who took part follow an interaction whose time has changed, so that their timelines need not look it up.
pub(crate) fn follow(conn: &mut PgConnection, cx: &Cx, interaction: &Interaction) -> Result<()> {
    let all = store::rows::<InteractionContact>(conn, cx, |out| {
        out.sql(" AND t.interaction_id = ").bind(Bind::Uuid(Some(interaction.meta.id))).sql(" ORDER BY t.id");
    })?;
    let system = cx.as_system();
    for part in all {
        verbs::change::<InteractionContact>(conn, &system, part.meta.id, None, log::UPDATED, |_, part| {
            part.occurred_at = interaction.occurred_at;
            Ok(())
        })?;
    }
    Ok(())
}
