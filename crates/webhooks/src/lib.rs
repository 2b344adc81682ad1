//! Webhooks: systems of others are told of every change that they want to hear of, at least once, and of each record in
//! the order in which it changed.
//!
//! - [`WebhookEndpoint`] says who is told what; [`event`] whether a change is meant;
//! - [`dispatch`] reads the change feed for each endpoint and makes a [`WebhookDelivery`] of what it wants: the change log, which
//!   is written in the transaction of the change, is the outbox;
//! - [`outbox`] hands deliveries out under a lease, in order, and writes down how each [`WebhookAttempt`] went;
//! - [`secret`] keeps what is signed with, [`signature`] signs (Standard Webhooks), [`address`] says what must not be
//!   connected to.
//!
//! Nothing here sends anything: `kith-worker` does.

pub mod address;
mod attempt;
mod delivery;
pub mod dispatch;
mod endpoint;
pub mod event;
pub mod outbox;
pub mod secret;
pub mod signature;

pub use attempt::WebhookAttempt;
pub use delivery::{DeliveryState, WebhookDelivery};
pub use endpoint::{EndpointState, WebhookEndpoint};

/// What the documentation groups these resources under.
const AREA: &str = "Webhooks";
