//! Whom we deal with: accounts and contacts, how to reach them, how they are related, and the small things that hang
//! on any record (keys of other systems, tags, notes).
//!
//! Tables: `accounts`, `account_roles`, `contacts`, `contact_points`, `addresses`, `relationships`, `external_ids`,
//! `tags`, `taggings`, `notes`. Invariants: a contact point and an address belong to exactly one account or contact; an
//! account tree has no cycles; what hangs on a record is on one that exists. Start with [`account`].

pub mod account;
pub mod account_role;
pub mod address;
pub mod contact;
pub mod contact_point;
pub mod external_id;
mod importance;
pub mod note;
pub mod relationship;
mod rules;
pub mod tag;

pub use account::Account;
pub use account_role::AccountRole;
pub use address::Address;
pub use contact::Contact;
pub use contact_point::{Channel, ContactPoint};
pub use external_id::ExternalId;
pub use importance::expire_marks;
pub use note::Note;
pub use relationship::Relationship;
pub use tag::{Tag, Tagging};

/// The area's name in documentation.
pub const AREA: &str = "contacts";
