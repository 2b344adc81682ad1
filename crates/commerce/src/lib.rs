//! What is sold and ordered, and what a currency was worth: the facts that the ERP knows best.
//!
//! Tables: `product_families` … `subscriptions`, `customer_days` and `customer_products`. Invariants: an
//! order's totals are the sums of its lines, which are all in its currency; its refunds never exceed its net; the days of a
//! customer follow from the orders and refunds ([`days`]). Start with [`product`].

mod assignment;
mod base;
pub mod days;
pub mod documents;
pub mod exchange_rate;
pub mod invoice;
pub mod metrics;
pub mod order;
pub mod order_line;
pub mod payment;
pub mod price;
pub mod product;
mod products_owned;
pub mod receivables;
pub mod refund;
pub mod reminder;
pub mod shipment;
pub mod subscription;

pub use exchange_rate::ExchangeRate;
pub use invoice::{Invoice, InvoiceStatus};
pub use order::{Order, OrderStatus};
pub use order_line::OrderLine;
pub use payment::Payment;
pub use price::{Price, PriceBook};
pub use product::{Product, ProductFamily};
pub use refund::Refund;
pub use reminder::{Reminder, ReminderStep};
pub use shipment::Shipment;
pub use subscription::Subscription;

/// The area's name in documentation.
pub const AREA: &str = "commerce";
