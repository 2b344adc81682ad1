//! Notes about records.

use crate::AREA;
use diesel::PgConnection;
use kith_journal::subject;
use kith_kernel::ids::NoteId;
use kith_kernel::{About, Cx, Moment, Ownership, Relation, Resource, Result, SubjectType};
use kith_macros::resource;
use uuid::Uuid;

/// A note about a record. `createdBy` tells who wrote it.
#[resource(table = notes, id = NoteId)]
pub struct Note {
    /// The type of the record.
    #[field(filter, create_only, example = "\"ACCOUNT\"")]
    pub subject_type: SubjectType,
    /// The record.
    #[field(filter, create_only)]
    pub subject_id: Uuid,
    /// The text; Markdown is welcome, nothing is interpreted.
    #[field(filter, max = 20_000, example = "\"Asked for a price list.\"")]
    pub body: String,
    /// Shown above the others.
    #[field(filter, default)]
    pub is_pinned: bool,
}

impl Resource for Note {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: Some("created_by"), team: None, via: &["account", "contact"] };
    const MOMENT: Option<Moment> = Some(Moment {
        at: "t.created_at",
        title: "left(split_part(btrim(t.body, E' \\n'), E'\\n', 1), 200)",
        title_of: None,
        channel: None,
        about: &[About::Subject],
    });
    const RELATIONS: &'static [Relation] = &[
        Relation::subject("account", "accounts", "ACCOUNT", "The account, where it is one."),
        Relation::subject("contact", "contacts", "CONTACT", "The contact, where it is one."),
    ];

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() { subject::require(conn, cx, self.subject_type, self.subject_id) } else { Ok(()) }
    }
}
