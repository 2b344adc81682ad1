//! What a class of customers is given.

use crate::AREA;
use crate::value::profile::ValueClass;
use kith_kernel::ids::ResourcePolicyId;
use kith_kernel::{Resource, Violations, text_enum};
use kith_macros::resource;
use rust_decimal::Decimal;

text_enum! {
    /// What is done with a class of customers.
    pub enum Strategy {
        /// Let go, or serve at the least cost.
        Divest = "DIVEST",
        /// Change how they are served.
        ReEngineer = "RE_ENGINEER",
        /// Keep what is there.
        Maintain = "MAINTAIN",
        /// Put in more.
        Invest = "INVEST",
    }
}

/// What the customers of a class are given: how many resources to spend on whom. Each class has one policy at most; the
/// `entitlements` of an account are those of its class.
#[resource(table = resource_policies, id = ResourcePolicyId)]
pub struct ResourcePolicy {
    /// The class: LEAD, IRON, GOLD or PLATINUM.
    #[field(filter, create_only, example = "\"GOLD\"")]
    pub value_class: ValueClass,
    /// What is done with it.
    #[field(filter, example = "\"MAINTAIN\"")]
    pub strategy: Strategy,
    /// The service level: a name that people and other systems know.
    #[field(filter, max = 100, example = "\"Gold support\"")]
    pub service_level: Option<String>,
    /// The highest discount in per cent that may be given without asking.
    #[field(example = "\"10\"")]
    pub discount_ceiling: Option<Decimal>,
    /// Days between two touches that we begin.
    #[field(example = "30")]
    pub care_every_days: Option<i32>,
    /// Hours within which a request is answered.
    #[field(example = "8")]
    pub response_hours: Option<i32>,
    /// What else they get.
    #[field(max = 2_000)]
    pub benefits: Option<String>,
}

impl Resource for ResourcePolicy {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;

    fn check(&self, violations: &mut Violations) {
        let classified = self.value_class != ValueClass::Unclassified;
        violations.ensure(classified, "/valueClass", "INVALID", "Expected LEAD, IRON, GOLD or PLATINUM.");
        let percent = |value: &Decimal| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(value);
        let fits = self.discount_ceiling.as_ref().is_none_or(percent);
        violations.ensure(fits, "/discountCeiling", "OUT_OF_RANGE", "Expected 0 to 100.");
        for (at, value) in [("/careEveryDays", self.care_every_days), ("/responseHours", self.response_hours)] {
            violations.ensure(value.is_none_or(|value| value > 0), at, "OUT_OF_RANGE", "Expected more than 0.");
        }
    }
}
