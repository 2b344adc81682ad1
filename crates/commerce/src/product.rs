//! Products and their families.

use crate::AREA;
use kith_kernel::ids::{ProductFamilyId, ProductId};
use kith_kernel::{Money, Relation, Resource, Violations};
use kith_macros::resource;
use rust_decimal::Decimal;

/// A group of products that belong together.
#[resource(table = product_families, id = ProductFamilyId)]
pub struct ProductFamily {
    /// Its name, unique without regard to case.
    #[field(filter, sort, max = 100, example = "\"Beverages\"")]
    pub name: String,
    /// What belongs to it.
    #[field(max = 2_000)]
    pub description: Option<String>,
    /// Margin in per cent, -100 to 100, that customer values count with where neither a line nor its product knows its cost;
    /// that of the value model unless given. A customer's values take it up when they are computed next,
    /// at the latest in the next value run.
    #[field(example = "\"35\"")]
    pub default_margin: Option<Decimal>,
}

impl Resource for ProductFamily {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::many("products", "products", "family_id", "The products that belong to it.")];

    fn check(&self, violations: &mut Violations) {
        let fits = self.default_margin.is_none_or(|margin| margin.abs() <= Decimal::ONE_HUNDRED);
        violations.ensure(fits, "/defaultMargin", "OUT_OF_RANGE", "Expected a per cent from -100 to 100.");
    }
}

/// Something that is sold.
#[resource(table = products, id = ProductId)]
pub struct Product {
    /// Stock-keeping unit: the tenant's own number of it, unique.
    #[field(filter, sort, max = 64, example = "\"CH-0001\"")]
    pub sku: String,
    /// Its name.
    #[field(filter, sort, max = 200, example = "\"Chai\"")]
    pub name: String,
    /// The group it belongs to.
    #[field(filter)]
    pub family_id: Option<ProductFamilyId>,
    /// What it is.
    #[field(max = 5_000)]
    pub description: Option<String>,
    /// The unit it is sold in.
    #[field(filter, max = 60, example = "\"box of 20 bags\"")]
    pub unit: Option<String>,
    /// What one unit costs us.
    #[field(money)]
    pub cost: Option<Money>,
    /// What one unit costs a customer without any agreement.
    #[field(filter, money)]
    pub list_price: Option<Money>,
    /// No longer sold: it stays on what it was sold with.
    #[field(filter, default)]
    pub is_discontinued: bool,
}

impl Resource for Product {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::about("externalIds", "external-ids", "PRODUCT", "Its keys in other systems.")];

    fn check(&self, violations: &mut Violations) {
        for (pointer, money) in [("/cost", &self.cost), ("/listPrice", &self.list_price)] {
            let good = money.as_ref().is_none_or(|money| !money.amount.is_sign_negative());
            violations.ensure(good, pointer, "OUT_OF_RANGE", "A price is not negative.");
        }
    }
}
