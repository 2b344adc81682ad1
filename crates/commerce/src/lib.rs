//! What is sold and ordered, and what a currency was worth: the facts that the ERP knows best.
//!
//! Tables: `product_families`, `products`, `exchange_rates`, `orders`, `order_lines`, `refunds`, `customer_days`. Invariants: an
//! order's totals are the sums of its lines, which are all in its currency; its refunds never exceed its net; the days of a
//! customer follow from the orders and refunds ([`days`]). Start with [`product`].

mod assignment;
mod base;
pub mod days;
pub mod documents;
pub mod exchange_rate;
pub mod order;
pub mod order_line;
pub mod product;
pub mod refund;

pub use exchange_rate::ExchangeRate;
pub use order::{Order, OrderStatus};
pub use order_line::OrderLine;
pub use product::{Product, ProductFamily};
pub use refund::Refund;

/// The area's name in documentation.
pub const AREA: &str = "commerce";
