//! Lots: points that were earned together, and what is left of them.

use crate::AREA;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::{LoyaltyMembershipId, PointEntryId, PointLotId};
use kith_kernel::{Bind, Cx, Ownership, Relation, Resource, Result, Verb};
use kith_macros::resource;
use rust_decimal::Decimal;
use uuid::Uuid;

/// Points that were earned together. Those that expire first are spent first, so that only what is left of a lot expires.
/// What was spent is points − pending − available − expired.
#[resource(table = point_lots, id = PointLotId)]
pub struct PointLot {
    /// The member.
    #[field(filter, read_only)]
    pub membership_id: LoyaltyMembershipId,
    /// The entry by which they came.
    #[field(filter, read_only)]
    pub entry_id: PointEntryId,
    /// How many there were.
    #[field(filter, read_only)]
    pub points: Decimal,
    /// How many cannot be spent yet.
    #[field(filter, read_only)]
    pub pending: Decimal,
    /// How many can be spent.
    #[field(filter, read_only)]
    pub available: Decimal,
    /// How many expired.
    #[field(filter, read_only)]
    pub expired: Decimal,
    /// When they were earned.
    #[field(filter, sort, read_only)]
    pub earned_at: DateTime<Utc>,
    /// From when on they can be spent.
    #[field(filter, read_only)]
    pub available_at: DateTime<Utc>,
    /// From when on they no longer can; null: they do not expire.
    #[field(filter, sort, read_only)]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Resource for PointLot {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["membership"] };
    const RELATIONS: &'static [Relation] =
        &[Relation::many("postings", "point-postings", "lot_id", "What came to it and went from it.")];
}

impl PointLot {
    /// The order in which lots are spent: first those that expire first, then those earned first.
    pub(crate) fn turn(&self) -> (bool, Option<DateTime<Utc>>, DateTime<Utc>, Uuid) {
        (self.expires_at.is_none(), self.expires_at, self.earned_at, self.meta.id)
    }

    /// The lots of members that hold something, and those named beside, in the order in which they are spent.
    pub(crate) fn open(conn: &mut PgConnection, cx: &Cx, members: &[Uuid], also: &[Uuid]) -> Result<Vec<PointLot>> {
        let mut lots: Vec<PointLot> = store::rows(conn, cx, |out| {
            out.sql(" AND t.membership_id = ANY(").bind(Bind::Uuids(members.to_vec()));
            out.sql(") AND (t.pending > 0 OR t.available > 0");
            if !also.is_empty() {
                out.sql(" OR t.id = ANY(").bind(Bind::Uuids(also.to_vec())).sql(")");
            }
            out.sql(")");
        })?;
        lots.sort_by_key(PointLot::turn);
        Ok(lots)
    }
}
