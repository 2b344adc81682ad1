//! Postal addresses.

use crate::{AREA, rules};
use kith_kernel::ids::{AccountId, AddressId, ContactId};
use kith_kernel::{Ownership, Resource, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// What an address is for.
    #[derive(Default)]
    pub enum AddressKind {
        /// Invoices go there.
        Billing = "BILLING",
        /// Goods go there.
        Shipping = "SHIPPING",
        /// Visitors go there.
        Visiting = "VISITING",
        /// Somebody lives there.
        Home = "HOME",
        /// Anything else.
        #[default]
        Other = "OTHER",
    }
}

/// A postal address of an account or a contact.
#[resource(table = addresses, id = AddressId)]
pub struct Address {
    /// The account it belongs to; exactly one of accountId and contactId.
    #[field(filter, create_only)]
    pub account_id: Option<AccountId>,
    /// The contact it belongs to; exactly one of accountId and contactId.
    #[field(filter, create_only)]
    pub contact_id: Option<ContactId>,
    /// What it is for.
    #[field(filter, default)]
    pub kind: AddressKind,
    /// Street and number, several lines if need be.
    #[field(max = 500, example = "\"Obere Str. 57\"")]
    pub street: Option<String>,
    /// City.
    #[field(filter, sort, max = 100, example = "\"Berlin\"")]
    pub city: Option<String>,
    /// State, province or region.
    #[field(filter, max = 100)]
    pub region: Option<String>,
    /// Postal code.
    #[field(filter, max = 20, example = "\"12209\"")]
    pub postal_code: Option<String>,
    /// Country as an ISO 3166-1 code of two letters.
    #[field(filter, sort, max = 2, example = "\"DE\"")]
    pub country: Option<String>,
    /// The one to use first.
    #[field(filter, default)]
    pub is_primary: bool,
}

impl Resource for Address {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account", "contact"] };

    fn check(&self, violations: &mut Violations) {
        let given = [self.account_id.is_some(), self.contact_id.is_some()];
        rules::exactly_one(&given, "/contactId", "Give exactly one of accountId and contactId.", violations);
        let any =
            [&self.street, &self.city, &self.region, &self.postal_code, &self.country].into_iter().any(Option::is_some);
        violations.ensure(any, "/city", "REQUIRED", "An address needs at least one of its lines.");
        let country =
            self.country.as_deref().is_none_or(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()));
        violations.ensure(country, "/country", "INVALID", "Expected an ISO 3166-1 code of two capitals, such as DE.");
    }
}
