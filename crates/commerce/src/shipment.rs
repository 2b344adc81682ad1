//! Shipments: what was sent of an order, and whether it came in time.

use crate::AREA;
use chrono::{DateTime, Utc};
use kith_kernel::ids::{OrderId, ShipmentId};
use kith_kernel::{Ownership, Relation, Resource, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// How far a shipment is.
    #[derive(Default)]
    pub enum ShipmentStatus {
        /// It has not left yet.
        #[default]
        Pending = "PENDING",
        /// It is on its way.
        Shipped = "SHIPPED",
        /// The customer has it.
        Delivered = "DELIVERED",
        /// It came back.
        Returned = "RETURNED",
        /// Nobody knows where it is.
        Lost = "LOST",
    }
}

/// What was sent of an order.
#[resource(table = shipments, id = ShipmentId)]
pub struct Shipment {
    /// The order.
    #[field(filter, create_only)]
    pub order_id: OrderId,
    /// How far it is; PENDING unless given.
    #[field(filter, default)]
    pub status: ShipmentStatus,
    /// When it left.
    #[field(filter, sort)]
    pub shipped_at: Option<DateTime<Utc>>,
    /// When the customer got it.
    #[field(filter, sort)]
    pub delivered_at: Option<DateTime<Utc>>,
    /// When the customer shall have it, as we promised.
    #[field(filter, sort)]
    pub promised_at: Option<DateTime<Utc>>,
    /// Who carries it.
    #[field(filter, max = 200, example = "\"Speedy Express\"")]
    pub carrier: Option<String>,
    /// The carrier's number of it.
    #[field(filter, max = 200)]
    pub tracking_number: Option<String>,
    /// What else there is to say.
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

impl Resource for Shipment {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["order"] };
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "SHIPMENT", "Its keys in other systems.")];

    fn check(&self, violations: &mut Violations) {
        let left = self.status == ShipmentStatus::Pending || self.shipped_at.is_some();
        violations.ensure(left, "/shippedAt", "REQUIRED", "Say when it left.");
        let came = self.status != ShipmentStatus::Delivered || self.delivered_at.is_some();
        violations.ensure(came, "/deliveredAt", "REQUIRED", "Say when the customer got it.");
        let order = self.shipped_at.zip(self.delivered_at).is_none_or(|(left, came)| left <= came);
        violations.ensure(order, "/deliveredAt", "OUT_OF_RANGE", "It came before it left.");
    }
}
