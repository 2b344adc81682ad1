//! Tags, and which records carry them.

use crate::AREA;
use diesel::PgConnection;
use kith_journal::subject;
use kith_kernel::ids::{TagId, TaggingId};
use kith_kernel::{Cx, Ownership, Relation, Resource, Result, SubjectType, Violations};
use kith_macros::resource;
use uuid::Uuid;

/// A label that records can carry. Names are unique without regard to case.
#[resource(table = tags, id = TagId)]
pub struct Tag {
    /// The label.
    #[field(filter, sort, max = 60, example = "\"trade fair 2026\"")]
    pub name: String,
    /// A colour to show it in, as `#rrggbb`.
    #[field(max = 7, example = "\"#2f6f4f\"")]
    pub color: Option<String>,
}

impl Resource for Tag {
    const AREA: &'static str = AREA;
    const RELATIONS: &'static [Relation] =
        &[Relation::many("taggings", "taggings", "tag_id", "The records that carry it.")];

    fn check(&self, violations: &mut Violations) {
        let hex = |color: &str| {
            let digits = color.strip_prefix('#')?;
            (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then_some(())
        };
        let good = self.color.as_deref().is_none_or(|color| hex(color).is_some());
        violations.ensure(good, "/color", "INVALID", "Expected a colour such as #2f6f4f.");
    }
}

/// A tag on a record.
#[resource(table = taggings, id = TaggingId)]
pub struct Tagging {
    /// The tag.
    #[field(filter, create_only)]
    pub tag_id: TagId,
    /// The type of the record.
    #[field(filter, create_only, example = "\"ACCOUNT\"")]
    pub subject_type: SubjectType,
    /// The record.
    #[field(filter, create_only)]
    pub subject_id: Uuid,
}

impl Resource for Tagging {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account", "contact"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::subject("account", "accounts", "ACCOUNT", "The account, where it is one."),
        Relation::subject("contact", "contacts", "CONTACT", "The contact, where it is one."),
    ];

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() { subject::require(conn, cx, self.subject_type, self.subject_id) } else { Ok(()) }
    }
}
