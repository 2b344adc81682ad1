//! How accounts and contacts are related to each other.

use crate::{AREA, rules};
use chrono::NaiveDate;
use kith_kernel::ids::{AccountId, ContactId, RelationshipId};
use kith_kernel::{Ownership, Resource, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// What the first is to the second.
    pub enum RelationshipKind {
        /// Owns or controls it.
        Parent = "PARENT",
        /// Referred it to us.
        Referral = "REFERRAL",
        /// Competes with it.
        Competitor = "COMPETITOR",
        /// Works with them.
        Colleague = "COLLEAGUE",
        /// Is a business partner of it.
        Partner = "PARTNER",
        /// Is of one family with them.
        Family = "FAMILY",
        /// What the label says.
        Custom = "CUSTOM",
    }
}

/// How an account or contact is related to another: the first is, say, the referrer of the second.
#[resource(table = relationships, id = RelationshipId)]
pub struct Relationship {
    /// The first, where it is an account; exactly one of fromAccountId and fromContactId.
    #[field(filter, create_only)]
    pub from_account_id: Option<AccountId>,
    /// The first, where it is a contact; exactly one of fromAccountId and fromContactId.
    #[field(filter, create_only)]
    pub from_contact_id: Option<ContactId>,
    /// The second, where it is an account; exactly one of toAccountId and toContactId.
    #[field(filter, create_only)]
    pub to_account_id: Option<AccountId>,
    /// The second, where it is a contact; exactly one of toAccountId and toContactId.
    #[field(filter, create_only)]
    pub to_contact_id: Option<ContactId>,
    /// What the first is to the second.
    #[field(filter, example = "\"REFERRAL\"")]
    pub kind: RelationshipKind,
    /// In the tenant's own words; required for CUSTOM.
    #[field(filter, max = 100)]
    pub label: Option<String>,
    /// First day of it; null: since always.
    #[field(filter)]
    pub valid_from: Option<NaiveDate>,
    /// Last day of it; null: until further notice.
    #[field(filter)]
    pub valid_to: Option<NaiveDate>,
}

impl Resource for Relationship {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership =
        Ownership { owner: None, team: None, via: &["fromAccount", "fromContact", "toAccount", "toContact"] };

    fn check(&self, violations: &mut Violations) {
        let from = [self.from_account_id.is_some(), self.from_contact_id.is_some()];
        rules::exactly_one(&from, "/fromAccountId", "Give exactly one of fromAccountId and fromContactId.", violations);
        let to = [self.to_account_id.is_some(), self.to_contact_id.is_some()];
        rules::exactly_one(&to, "/toAccountId", "Give exactly one of toAccountId and toContactId.", violations);
        let itself = self.from_account_id.is_some() && self.from_account_id == self.to_account_id
            || self.from_contact_id.is_some() && self.from_contact_id == self.to_contact_id;
        violations.ensure(!itself, "/toAccountId", "CYCLE", "Nobody is related to themselves.");
        let labelled = self.kind != RelationshipKind::Custom || self.label.is_some();
        violations.ensure(labelled, "/label", "REQUIRED", "A CUSTOM relationship needs a label.");
        rules::span(self.valid_from, self.valid_to, violations);
    }
}
