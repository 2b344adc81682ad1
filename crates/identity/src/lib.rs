//! Who uses Kith and what they may do: tenants, users, teams, roles, and the secrets by which they are known.
//!
//! Tables: `tenants`, `tenant_directory`, `users`, `teams`, `memberships`, `roles`, `role_assignments`, `api_keys`,
//! `api_key_secrets`, `credentials`, `refresh_tokens`.
//!
//! Resources, served like all others: [`Tenant`], [`User`], [`Team`], [`Membership`], [`Role`], [`RoleAssignment`],
//! [`ApiKey`]. All of them are administrative: the grant `*` leaves them out. What is no resource:
//! - [`policy`] holds the built-in roles, [`grants`] the form of a grant and the rule about giving it on;
//! - [`actor`] turns a user or an API key into an `Actor` with one statement;
//! - [`login`] finds tenants and users at the door, [`password`] hashes, [`session`] keeps refresh tokens;
//! - [`setup`] makes tenants and their first administrators.
//!
//! Invariants:
//! - nobody gives a right that they do not have, be it by a role, by an assignment or by an API key;
//! - a tenant that has an active administrator never loses its last one;
//! - built-in roles do not change; a revoked API key never comes back; teams form a tree;
//! - no secret is stored, only hashes of them: Argon2id for passwords, SHA-256 for what is random anyway;
//! - disabling or archiving a user, and setting a password, ends all sessions of that user in the same transaction.
//!
//! Rows of `users` are the lock for everything that concerns the sessions of a user, so that a session begun or
//! renewed at the same moment cannot slip past its end.
//!
//! This crate never sees a header, an access token or a signing key: those live in the API. Start with [`role`] for
//! rights and with [`session`] for the most delicate part.

pub mod actor;
pub mod api_key;
pub mod grants;
pub mod login;
pub mod membership;
pub mod password;
pub mod policy;
mod refresh;
pub mod role;
pub mod role_assignment;
mod rules;
mod secret;
pub mod session;
pub mod setup;
pub mod team;
pub mod tenant;
pub mod user;
mod zones;

pub use api_key::ApiKey;
pub use membership::Membership;
pub use role::Role;
pub use role_assignment::RoleAssignment;
pub use team::Team;
pub use tenant::Tenant;
pub use user::User;

/// The area's name in documentation.
pub const AREA: &str = "identity";
