//! How attempts went.

use crate::AREA;
use kith_kernel::ids::{WebhookAttemptId, WebhookDeliveryId, WebhookEndpointId};
use kith_kernel::{Resource, Verb};
use kith_macros::resource;

/// An attempt to send something to an endpoint. What was answered beside the status is not kept.
#[resource(table = webhook_attempts, id = WebhookAttemptId)]
pub struct WebhookAttempt {
    /// What was sent.
    #[field(filter, read_only)]
    pub delivery_id: WebhookDeliveryId,
    /// To whom.
    #[field(filter, read_only)]
    pub endpoint_id: WebhookEndpointId,
    /// Which attempt of the delivery, from 1.
    #[field(filter, read_only)]
    pub number: i32,
    /// The HTTP status of the answer, if there was one.
    #[field(filter, read_only)]
    pub status: Option<i32>,
    /// What was wrong: `STATUS` (not 2xx), `REDIRECT` (which is not followed), `TIMEOUT` (no answer within 15 seconds),
    /// `CONNECTION` (none, or it broke), `TLS`, `RESOLVE` (no address is known), `ADDRESS` (one that may not be connected
    /// to), `FORBIDDEN` (whoever set up the endpoint may not read the record any more); null: it was delivered.
    #[field(filter, read_only)]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    #[field(read_only)]
    pub duration_ms: i32,
}

impl Resource for WebhookAttempt {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read];
}
