//! What an account is to us, and when.

use crate::{AREA, rules};
use chrono::NaiveDate;
use kith_kernel::ids::{AccountId, AccountRoleId};
use kith_kernel::{Ownership, Resource, Violations, text_enum};
use kith_macros::resource;

text_enum! {
    /// A role that an account plays for the tenant.
    pub enum RoleKind {
        /// May become a customer.
        Prospect = "PROSPECT",
        /// Buys from us.
        Customer = "CUSTOMER",
        /// Buys to distribute.
        Distributor = "DISTRIBUTOR",
        /// Buys to sell on.
        Reseller = "RESELLER",
        /// Sells to us.
        Supplier = "SUPPLIER",
        /// Works with us.
        Partner = "PARTNER",
        /// Sells against us.
        Competitor = "COMPETITOR",
        /// Has a say in what others buy.
        Influencer = "INFLUENCER",
        /// Bought from us once.
        FormerCustomer = "FORMER_CUSTOMER",
    }
}

/// A role that an account plays for the tenant, for a time. An account may play several at once.
#[resource(table = account_roles, id = AccountRoleId)]
pub struct AccountRole {
    /// The account.
    #[field(filter, create_only)]
    pub account_id: AccountId,
    /// The role.
    #[field(filter, sort, create_only, example = "\"CUSTOMER\"")]
    pub role: RoleKind,
    /// First day of it; null: since always.
    #[field(filter)]
    pub valid_from: Option<NaiveDate>,
    /// Last day of it; null: until further notice.
    #[field(filter)]
    pub valid_to: Option<NaiveDate>,
}

impl Resource for AccountRole {
    const AREA: &'static str = AREA;
    const IN_SETS: bool = true;
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["account"] };

    fn check(&self, violations: &mut Violations) {
        rules::span(self.valid_from, self.valid_to, violations);
    }
}
