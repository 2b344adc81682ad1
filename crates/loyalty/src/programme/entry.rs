//! The ledger: entries, each with postings that add up to zero. The application can only add to both.
//!
//! The chart of accounts. A member has two, whose balances are what the tenant owes them: MEMBER_PENDING and
//! MEMBER_AVAILABLE. What comes to a member comes out of ISSUED or ADJUSTMENT; what leaves goes to REDEEMED, EXPIRED or
//! ADJUSTMENT. So what is outstanding is the sum of the members' accounts, and minus the sum of all others.
//!
//! | kind | takes from | gives to |
//! | --- | --- | --- |
//! | EARN | ISSUED | MEMBER_PENDING, or MEMBER_AVAILABLE at once |
//! | RELEASE | MEMBER_PENDING | MEMBER_AVAILABLE |
//! | REDEEM | MEMBER_AVAILABLE, lot by lot | REDEEMED |
//! | EXPIRE | MEMBER_AVAILABLE | EXPIRED |
//! | ADJUST | ADJUSTMENT, or MEMBER_AVAILABLE | MEMBER_AVAILABLE, or ADJUSTMENT |
//! | REVERSE | what the other entry gave to | what it took from |

use super::reversal;
use crate::AREA;
use chrono::{DateTime, Utc};
use kith_kernel::ids::{LoyaltyMembershipId, OrderId, PointEntryId, PointLotId, PointPostingId};
use kith_kernel::{Command, Money, Ownership, Relation, Resource, Verb, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// What moved points.
    #[derive(Default)]
    pub enum PointEntryKind {
        /// They were earned.
        #[default]
        Earn = "EARN",
        /// Pending ones became spendable.
        Release = "RELEASE",
        /// They were spent.
        Redeem = "REDEEM",
        /// They were too old.
        Expire = "EXPIRE",
        /// Another entry was undone.
        Reverse = "REVERSE",
        /// Somebody corrected them.
        Adjust = "ADJUST",
    }
}

text_enum! {
    /// An account of the ledger.
    #[derive(Default)]
    pub enum LedgerAccount {
        /// What a member can spend.
        #[default]
        MemberAvailable = "MEMBER_AVAILABLE",
        /// What a member has earned and cannot spend yet.
        MemberPending = "MEMBER_PENDING",
        /// Where earned points come from; its balance is minus what was ever earned.
        Issued = "ISSUED",
        /// What was spent.
        Redeemed = "REDEEMED",
        /// What expired.
        Expired = "EXPIRED",
        /// The other side of corrections.
        Adjustment = "ADJUSTMENT",
    }
}

text_enum! {
    /// What a movement of points came from.
    pub enum PointSource {
        /// An order.
        Order = "ORDER",
        /// A reward that was taken.
        Redemption = "REDEMPTION",
        /// A customer whom a member brought.
        Referral = "REFERRAL",
        /// Something else.
        Other = "OTHER",
    }
}

/// A movement of a member's points. Entries are never changed; a mistake is undone by reversing it. The entries of a member
/// are numbered without gaps.
#[resource(table = point_entries, id = PointEntryId)]
pub struct PointEntry {
    /// The member.
    #[field(filter, read_only)]
    pub membership_id: LoyaltyMembershipId,
    /// Its number among the member's entries, from 1.
    #[field(filter, read_only)]
    pub number: i32,
    /// What moved them.
    #[field(filter, read_only, default)]
    pub kind: PointEntryKind,
    /// What the member got, or gave if it is negative; of a RELEASE, what became spendable.
    #[field(filter, read_only)]
    pub points: Decimal,
    /// What the member could spend after it.
    #[field(read_only)]
    pub balance_after: Decimal,
    /// What was pending after it.
    #[field(read_only)]
    pub pending_after: Decimal,
    /// When it happened; later than that it may have become known.
    #[field(filter, sort, read_only)]
    pub occurred_at: DateTime<Utc>,
    /// Why.
    #[field(read_only, max = 2_000)]
    pub reason: Option<String>,
    /// What it came from.
    #[field(filter, read_only)]
    pub source: Option<PointSource>,
    /// The key of that: the same key moves points of the same kind once.
    #[field(filter, read_only)]
    pub source_key: Option<String>,
    /// The order that points were earned for, if Kith has it.
    #[field(filter, read_only)]
    pub order_id: Option<OrderId>,
    /// The spending that points were earned for.
    #[field(filter, read_only, money)]
    pub spend: Option<Money>,
    /// The entry that it undoes.
    #[field(filter, read_only)]
    pub reverses_id: Option<PointEntryId>,
}

impl Resource for PointEntry {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["membership"] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("postings", "point-postings", "entry_id", "What it does to each account; they add up to zero."),
        Relation::many("reversedBy", "point-entries", "reverses_id", "The entry that undid it; at most one."),
    ];

    fn commands() -> Vec<Command> {
        reversal::commands()
    }
}

/// What an entry does to one account of the ledger.
#[resource(table = point_postings, id = PointPostingId)]
pub struct PointPosting {
    /// The entry.
    #[field(filter, read_only)]
    pub entry_id: PointEntryId,
    /// The member.
    #[field(filter, read_only)]
    pub membership_id: LoyaltyMembershipId,
    /// The account.
    #[field(filter, read_only, default)]
    pub ledger_account: LedgerAccount,
    /// The points that moved, of those that were earned together; null on accounts that know no lots.
    #[field(filter, read_only)]
    pub lot_id: Option<PointLotId>,
    /// What the account got, or gave if it is negative.
    #[field(filter, read_only)]
    pub points: Decimal,
}

impl Resource for PointPosting {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["membership"] };
}
