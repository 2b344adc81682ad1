//! Keys of records in other systems: what makes a load from an ERP repeatable.

use crate::AREA;
use diesel::PgConnection;
use kith_journal::subject;
use kith_kernel::ids::ExternalIdId;
use kith_kernel::{Cx, Ownership, Relation, Resource, Result, SubjectType, Violations};
use kith_macros::resource;
use uuid::Uuid;

/// The key of a record in another system. A record may have many; within a system and a type of record a key is unique.
#[resource(table = external_ids, id = ExternalIdId)]
pub struct ExternalId {
    /// The type of the record.
    #[field(filter, create_only, example = "\"ACCOUNT\"")]
    pub subject_type: SubjectType,
    /// The record.
    #[field(filter, create_only)]
    pub subject_id: Uuid,
    /// Short name of the other system: lower-case letters, digits, `-`, `_` and `.`.
    #[field(filter, create_only, max = 64, example = "\"northwind\"")]
    pub system: String,
    /// The key there, exactly as that system has it.
    #[field(filter, sort, create_only, max = 200, example = "\"ALFKI\"")]
    pub external_id: String,
}

impl Resource for ExternalId {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account", "contact"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::subject("account", "accounts", "ACCOUNT", "The account, where it is one."),
        Relation::subject("contact", "contacts", "CONTACT", "The contact, where it is one."),
    ];

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() { subject::require(conn, cx, self.subject_type, self.subject_id) } else { Ok(()) }
    }

    fn check(&self, violations: &mut Violations) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let detail = "Expected lower-case letters, digits, `-`, `_` and `.`.";
        violations.ensure(self.system.chars().all(plain), "/system", "INVALID", detail);
    }
}
