//! Memberships: a customer in a programme, with what they hold. The row is the lock of its ledger.

use super::program::{LoyaltyProgram, ProgramStatus};
use super::verbs;
use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{number, store};
use kith_kernel::ids::{AccountId, ContactId, LoyaltyMembershipId, LoyaltyProgramId, LoyaltyTierId};
use kith_kernel::{Bind, Command, Cx, Error, Ownership, Relation, Resource, Result, Shape, Statement, Verb, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;
use uuid::Uuid;

text_enum! {
    /// How a membership stands.
    #[derive(Default)]
    pub enum MembershipStatus {
        /// The member earns and redeems.
        #[default]
        Active = "ACTIVE",
        /// The member neither earns nor redeems for now.
        Suspended = "SUSPENDED",
        /// It is over. What is left stays on the books until it expires or is corrected.
        Ended = "ENDED",
    }
}

/// A customer's membership of a programme; one for each of both. The balances are kept with every entry and are always the
/// sums of the postings; what has become due is settled before each movement, and in between when the programme is settled.
#[resource(table = loyalty_memberships, id = LoyaltyMembershipId)]
pub struct LoyaltyMembership {
    /// The programme.
    #[field(filter, create_only)]
    pub program_id: LoyaltyProgramId,
    /// The customer; that of the contact unless given.
    #[field(filter, create_only, default)]
    pub account_id: AccountId,
    /// The person who holds the card.
    #[field(filter)]
    pub contact_id: Option<ContactId>,
    /// Its number, unique; the next free one (`M-00000001`) unless given.
    #[field(filter, sort, create_only, default, max = 64, example = "\"M-00000001\"")]
    pub number: String,
    /// How it stands. One that has ENDED stays so.
    #[field(filter, default)]
    pub status: MembershipStatus,
    /// When the customer joined; now unless given.
    #[field(filter, sort, create_only, default)]
    pub joined_at: DateTime<Utc>,
    /// The tier the member is in; null: none.
    #[field(filter, read_only)]
    pub tier_id: Option<LoyaltyTierId>,
    /// Until when the tier is held at least.
    #[field(filter, read_only)]
    pub tier_held_until: Option<DateTime<Utc>>,
    /// What can be spent: the sum of the postings to MEMBER_AVAILABLE.
    #[field(filter, sort, read_only)]
    pub balance: Decimal,
    /// What has been earned and cannot be spent yet: the sum of the postings to MEMBER_PENDING.
    #[field(filter, read_only)]
    pub pending: Decimal,
    /// All that was ever earned, without what was reversed: minus the sum of the postings to ISSUED.
    #[field(filter, sort, read_only)]
    pub lifetime_earned: Decimal,
    /// How many entries there are.
    #[field(read_only)]
    pub entry_count: i32,
}

impl Resource for LoyaltyMembership {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Create, Verb::Update];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("entries", "point-entries", "membership_id", "The movements of the member's points."),
        Relation::many("lots", "point-lots", "membership_id", "The points by when they were earned."),
        Relation::many("redemptions", "redemptions", "membership_id", "The rewards that the member took."),
        Relation::many("tierChanges", "tier-changes", "membership_id", "How the member came to which tier."),
        Relation::many("referrals", "referrals", "referrer_membership_id", "Whom the member brought."),
        Relation::about("externalIds", "external-ids", "LOYALTY_MEMBERSHIP", "Its keys in other systems."),
    ];

    fn commands() -> Vec<Command> {
        verbs::of_members()
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        match before {
            None => self.begin(conn, cx),
            Some(before) if before.status == MembershipStatus::Ended && self.status != before.status => {
                Err(Error::illegal("A membership that has ended stays so.", &[]))
            }
            Some(_) => Ok(()),
        }
    }
}

impl LoyaltyMembership {
    fn begin(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        if self.account_id.0.is_nil() {
            self.account_id = self.account_of_contact(conn, cx)?;
        }
        // One that is not there is refused by the foreign key.
        let program = store::find::<LoyaltyProgram>(conn, cx, self.program_id.0)?;
        if program.is_some_and(|program| program.status != ProgramStatus::Active || program.meta.archived_at.is_some())
        {
            return Err(Error::illegal("Customers join a programme while it is ACTIVE.", &[]));
        }
        if self.number.is_empty() {
            self.number = number::next(conn, cx, Self::TABLE, "M")?;
        }
        // The beginning of Unix time stands for a time that was not given.
        if self.joined_at == DateTime::<Utc>::default() {
            self.joined_at = cx.now;
        }
        Ok(())
    }

    fn account_of_contact(&self, conn: &mut PgConnection, cx: &Cx) -> Result<AccountId> {
        let Some(contact) = self.contact_id else {
            return Err(Error::invalid(
                "/accountId",
                "REQUIRED",
                "A membership has an account, or a contact who has one.",
            ));
        };
        let mut out = Statement::new("SELECT account_id FROM contacts WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(contact.0)));
        let found = RunQueryDsl::load::<(Option<Uuid>,)>(out.typed::<(st::Nullable<st::Uuid>,)>(), conn)?;
        match found.into_iter().next() {
            Some((Some(account),)) => Ok(AccountId(account)),
            Some((None,)) => Err(Error::invalid("/accountId", "REQUIRED", "The contact has no account; say which.")),
            None => {
                Err(Error::invalid("/contactId", "UNKNOWN_REFERENCE", "contactId points to nothing that you can see."))
            }
        }
    }
}
