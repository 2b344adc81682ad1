//! The built-in roles, all in one place. Data only; they are copied into a tenant when it is made.

use kith_kernel::{Action, Grant, RowScope};

/// The role that may do everything. A tenant never loses its last holder.
pub const ADMIN: &str = "ADMIN";

/// A role that every tenant starts with.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// For people who choose one.
    pub description: &'static str,
    /// Resource, action (none: every action) and scope.
    grants: &'static [(&'static str, Option<Action>, RowScope)],
    /// What may be done to [`SETUP`] (none: every action); none: what the grants say.
    setup: Option<Option<Action>>,
}

/// The resources that say how a tenant works. Everybody sees them, and who may change business data may not by that
/// change these.
pub const SETUP: &[&str] = &[
    "product-families",
    "products",
    "exchange-rates",
    "price-books",
    "prices",
    "reminder-steps",
    "lead-forms",
    "lead-scoring-rules",
    "lead-assignment-rules",
    "pipelines",
    "stages",
    "close-reasons",
    "targets",
    "forecast-snapshots",
    "value-models",
    "value-indicators",
    "value-runs",
    "cost-rates",
    "resource-policies",
    "loyalty-programs",
    "loyalty-tiers",
    "loyalty-rewards",
    // Correcting the ledger is not everybody's; earning and redeeming are rights over memberships.
    "point-entries",
    "lifecycle-policies",
    "connectors",
    "connector-fields",
    "schedules",
    "webhook-endpoints",
    "webhook-deliveries",
    "webhook-attempts",
];

impl BuiltIn {
    /// What it grants.
    pub fn grants(&self) -> Vec<Grant> {
        let grant = |(resource, action, scope): &(&str, _, _)| Grant {
            resource: (*resource).to_owned(),
            action: *action,
            scope: *scope,
        };
        let setup =
            self.setup.into_iter().flat_map(|action| SETUP.iter().map(move |name| (*name, action, RowScope::All)));
        self.grants.iter().copied().chain(setup).map(|one| grant(&one)).collect()
    }
}

const READ: Option<Action> = Some(Action::Read);

/// The four of them.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: ADMIN,
        description: "Everything, users, roles and API keys included.",
        grants: &[("**", None, RowScope::All)],
        setup: None,
    },
    BuiltIn {
        name: "MANAGER",
        description: "All business data; sees who else is there and what they may do.",
        grants: &[
            ("*", None, RowScope::All),
            ("users", READ, RowScope::All),
            ("teams", READ, RowScope::All),
            ("memberships", READ, RowScope::All),
            ("roles", READ, RowScope::All),
            ("role-assignments", READ, RowScope::All),
            ("tenants", READ, RowScope::All),
        ],
        setup: Some(None),
    },
    BuiltIn {
        name: "MEMBER",
        description: "Sees all business data and adds to it; changes what belongs to the own teams, archives what is their own.",
        grants: &[
            ("*", READ, RowScope::All),
            ("*", Some(Action::Create), RowScope::All),
            ("*", Some(Action::Update), RowScope::Team),
            ("*", Some(Action::Archive), RowScope::Own),
            ("users", READ, RowScope::All),
            ("teams", READ, RowScope::All),
            ("memberships", READ, RowScope::All),
            ("tenants", READ, RowScope::All),
        ],
        setup: Some(READ),
    },
    BuiltIn {
        name: "READ_ONLY",
        description: "Sees all business data and changes nothing.",
        grants: &[
            ("*", READ, RowScope::All),
            ("users", READ, RowScope::All),
            ("teams", READ, RowScope::All),
            ("memberships", READ, RowScope::All),
            ("tenants", READ, RowScope::All),
        ],
        setup: Some(READ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grants::covers;
    use kith_kernel::Grants;

    #[test]
    fn each_built_in_role_covers_those_below_it() {
        let steps: Vec<_> = BUILT_IN.iter().map(BuiltIn::grants).collect();
        for (at, wide) in steps.iter().enumerate() {
            for (below, narrow) in steps.iter().enumerate() {
                let covered = covers(&Grants(wide.clone()), narrow, &|_| true);
                assert_eq!(covered, at <= below, "{} over {}", BUILT_IN[at].name, BUILT_IN[below].name);
            }
        }
    }
}
