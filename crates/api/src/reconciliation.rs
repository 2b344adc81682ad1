//! What does not add up in the ledger of a programme, as both APIs answer it.

use crate::caller::Caller;
use async_graphql::SimpleObject;
use kith_kernel::Result;
use kith_loyalty::programme::{Difference, reconcile};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Records that a check of a ledger is charged as.
const PRICE: u64 = 1_000;

/// Whether the ledger of a programme adds up.
#[derive(Serialize, SimpleObject, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reconciliation {
    /// Nothing was found.
    is_balanced: bool,
    /// What was found, at most 1,000.
    differences: Vec<LedgerDifference>,
}

/// Something that does not add up.
#[derive(Serialize, SimpleObject, ToSchema)]
pub struct LedgerDifference {
    /// What was compared.
    what: String,
    /// The resource of the record that is wrong, or whose parts are.
    resource: String,
    /// That record.
    id: Uuid,
    /// What follows from the postings, a decimal as a text.
    expected: String,
    /// What stands there, a decimal as a text.
    found: String,
}

impl From<Difference> for LedgerDifference {
    fn from(found: Difference) -> Self {
        let text = |value: rust_decimal::Decimal| value.normalize().to_string();
        let Difference { what, resource, id, .. } = found;
        LedgerDifference { what, resource, id, expected: text(found.expected), found: text(found.found) }
    }
}

impl Reconciliation {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid) -> Result<Self> {
        caller.charge(PRICE)?;
        let found = caller.read(move |conn, cx| reconcile::of_program(conn, cx, id)).await?;
        let differences: Vec<_> = found.into_iter().map(LedgerDifference::from).collect();
        Ok(Reconciliation { is_balanced: differences.is_empty(), differences })
    }
}
