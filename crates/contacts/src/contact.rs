//! Contacts: the people.

use crate::{AREA, rules};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_kernel::ids::{AccountId, ContactId, UserId};
use kith_kernel::{BuyingRole, Cx, Ownership, Relation, Resource, Result, Violations, text};
use kith_macros::resource;

/// A person at an account, or one we know without an account.
#[resource(table = contacts, id = ContactId)]
pub struct Contact {
    /// The whole name as it is said where the person lives: family name first for Chinese, Japanese, Korean, Vietnamese
    /// and Hungarian locales.
    #[field(filter, sort, read_only)]
    pub name: String,
    /// Given name.
    #[field(filter, max = 100, example = "\"Maria\"")]
    pub given_name: Option<String>,
    /// Family name.
    #[field(filter, sort, max = 100, example = "\"Anders\"")]
    pub family_name: Option<String>,
    /// How the person is addressed: Dr., Ms.
    #[field(max = 50)]
    pub salutation: Option<String>,
    /// Language and region as a BCP 47 tag; it decides the order of the names.
    #[field(filter, max = 35, example = "\"de-DE\"")]
    pub locale: Option<String>,
    /// The account the person works for or belongs to.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// What it says on their card.
    #[field(filter, max = 150, example = "\"Sales Representative\"")]
    pub job_title: Option<String>,
    /// Where in the account they work.
    #[field(filter, max = 150)]
    pub department: Option<String>,
    /// The part they play in buying decisions.
    #[field(filter)]
    pub buying_role: Option<BuyingRole>,
    /// Date of birth.
    #[field(filter)]
    pub birthday: Option<NaiveDate>,
    /// The contact they report to.
    #[field(filter)]
    pub reports_to_id: Option<ContactId>,
    /// The user who looks after them.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// The contact it became part of, if it was merged; it is archived then, and what hung on it hangs there.
    #[field(filter, read_only)]
    pub merged_into_id: Option<ContactId>,
}

impl Resource for Contact {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: Some("owner_id"), team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("contactPoints", "contact-points", "contact_id", "How to reach them."),
        Relation::many("addresses", "addresses", "contact_id", "Their postal addresses."),
        Relation::many("reports", "contacts", "reports_to_id", "The contacts who report to them."),
        Relation::many(
            "relationshipsFrom",
            "relationships",
            "from_contact_id",
            "Relationships in which they stand first.",
        ),
        Relation::many(
            "relationshipsTo",
            "relationships",
            "to_contact_id",
            "Relationships in which they stand second.",
        ),
        Relation::many("leads", "leads", "contact_id", "The leads that they are."),
        Relation::many(
            "opportunityRoles",
            "opportunity-contacts",
            "contact_id",
            "The opportunities they have a say in.",
        ),
        Relation::about("externalIds", "external-ids", "CONTACT", "Their keys in other systems."),
        Relation::about("taggings", "taggings", "CONTACT", "Their tags."),
        Relation::about("notes", "notes", "CONTACT", "Notes about them."),
        Relation::about("interactions", "interactions", "CONTACT", "Touches about them, over every channel."),
        Relation::many("participations", "interaction-contacts", "contact_id", "The interactions they took part in."),
        Relation::many("tasks", "tasks", "contact_id", "What there is to do for them."),
    ];

    fn prepare(&mut self, _conn: &mut PgConnection, _cx: &Cx, _before: Option<&Self>) -> Result<()> {
        self.name = text::full_name(self.given_name.as_deref(), self.family_name.as_deref(), self.locale.as_deref());
        rules::stays_merged(&self.meta, self.merged_into_id.map(|id| id.0))
    }

    fn check(&self, violations: &mut Violations) {
        let named = [&self.given_name, &self.family_name].into_iter().flatten().any(|name| !name.trim().is_empty());
        violations.ensure(named, "/familyName", "REQUIRED", "A contact needs a givenName or a familyName.");
        text::language("/locale", self.locale.as_deref(), violations);
        let itself = self.reports_to_id.is_some_and(|boss| boss == self.id());
        violations.ensure(!itself, "/reportsToId", "CYCLE", "Nobody reports to themselves.");
    }
}
