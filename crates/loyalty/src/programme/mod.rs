//! The programme that rewards loyalty: members, a ledger of points that only grows, tiers, rewards and referrals.
//!
//! Tables: `loyalty_programs`, `loyalty_tiers`, `loyalty_memberships`, `point_entries` with `point_postings`, `point_lots`,
//! `tier_changes`, `loyalty_rewards`, `redemptions`, `referrals`.
//!
//! Invariants: the postings of an entry add up to zero; what a member holds is the sum of the postings to the member's
//! accounts, and is never negative; entries are numbered without gaps for each member. [`reconcile`] looks for what breaks
//! them. Everything that moves points goes through [`book`], under a lock of the membership. Start with [`entry`].

mod book;
pub mod entry;
mod levels;
pub mod lot;
pub mod member;
pub mod metrics;
pub mod program;
pub mod reconcile;
pub mod redemption;
pub mod referral;
mod reversal;
pub mod reward;
mod schedule;
pub mod settle;
mod spending;
pub mod tier;
mod verbs;

pub use entry::{LedgerAccount, PointEntry, PointEntryKind, PointPosting, PointSource};
pub use lot::PointLot;
pub use member::{LoyaltyMembership, MembershipStatus};
pub use program::{LoyaltyProgram, PointExpiry, ProgramStatus};
pub use reconcile::{Difference, reconcile};
pub use redemption::Redemption;
pub use referral::Referral;
pub use reward::LoyaltyReward;
pub use settle::{expire_due, release_due, review_tiers};
pub use tier::{LoyaltyTier, TierChange};
