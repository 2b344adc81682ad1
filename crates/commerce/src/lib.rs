//! What is sold, and what a currency was worth: the facts that the ERP knows best.
//!
//! Tables: `product_families`, `products`, `exchange_rates`. Start with [`product`].

pub mod exchange_rate;
pub mod product;

pub use exchange_rate::ExchangeRate;
pub use product::{Product, ProductFamily};

/// The area's name in documentation.
pub const AREA: &str = "commerce";
