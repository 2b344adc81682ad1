//! What the API knows about proving who asks, apart from the database: that part is `kith_identity`.
//!
//! - [`keys`] holds the signing keys of this installation and follows their rotation;
//! - [`token`] signs and verifies access tokens;
//! - [`gate`] keeps password hashing from taking the whole machine;
//! - [`brake`] slows down guessing of passwords.
//!
//! Nothing here knows a route, a header or a table.

pub mod brake;
pub mod gate;
pub mod keys;
pub mod token;
