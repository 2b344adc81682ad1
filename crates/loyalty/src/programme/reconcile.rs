//! Looks for what breaks the invariants of the ledger, from the postings alone. It finds nothing, unless somebody changed
//! the tables past the application.

use super::program::LoyaltyProgram;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{metric, store};
use kith_kernel::{Action, Bind, Cx, Result, Shape, Statement};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Something that does not add up.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What was compared.
    pub what: String,
    /// The resource of the record that is wrong, or whose parts are.
    pub resource: String,
    /// That record.
    pub id: Uuid,
    /// What follows from the postings.
    pub expected: Decimal,
    /// What stands there.
    pub found: Decimal,
}

/// Most differences of an answer; more tell nothing more.
const MOST: usize = 1_000;

/// The comparisons: what, resource, and SQL of id, program, expected and found over all rows of the tenant `c.tenant`.
const COMPARED: &[(&str, &str, &str)] = &[
    (
        "balance",
        "loyalty-memberships",
        "SELECT m.id, m.program_id, coalesce(p.available, 0), m.balance FROM loyalty_memberships m LEFT JOIN by_member p ON p.id = m.id WHERE m.tenant_id = c.tenant",
    ),
    (
        "pending",
        "loyalty-memberships",
        "SELECT m.id, m.program_id, coalesce(p.pending, 0), m.pending FROM loyalty_memberships m LEFT JOIN by_member p ON p.id = m.id WHERE m.tenant_id = c.tenant",
    ),
    (
        "lifetimeEarned",
        "loyalty-memberships",
        "SELECT m.id, m.program_id, coalesce(p.issued, 0), m.lifetime_earned FROM loyalty_memberships m LEFT JOIN by_member p ON p.id = m.id WHERE m.tenant_id = c.tenant",
    ),
    (
        "entryCount",
        "loyalty-memberships",
        "SELECT m.id, m.program_id, (SELECT count(*) FROM point_entries e WHERE e.tenant_id = m.tenant_id AND e.membership_id = m.id), m.entry_count FROM loyalty_memberships m WHERE m.tenant_id = c.tenant",
    ),
    ("postings add up to zero", "point-entries", "SELECT e.id, e.program_id, 0, e.total FROM by_entry e"),
    ("at least two postings", "point-entries", "SELECT e.id, e.program_id, 2, least(e.parts, 2) FROM by_entry e"),
    ("points", "point-entries", "SELECT e.id, e.program_id, e.effect, e.points FROM by_entry e"),
    ("number", "point-entries", "SELECT e.id, e.program_id, e.place, e.number FROM by_entry e"),
    ("balanceAfter", "point-entries", "SELECT e.id, e.program_id, e.available, e.balance_after FROM by_entry e"),
    ("pendingAfter", "point-entries", "SELECT e.id, e.program_id, e.pending, e.pending_after FROM by_entry e"),
    ("available", "point-lots", "SELECT l.id, l.program_id, l.available_sum, l.available FROM by_lot l"),
    ("pending", "point-lots", "SELECT l.id, l.program_id, l.pending_sum, l.pending FROM by_lot l"),
    ("expired", "point-lots", "SELECT l.id, l.program_id, l.expired_sum, l.expired FROM by_lot l"),
    (
        "no more taken than there was",
        "point-lots",
        "SELECT l.id, l.program_id, 0, least(l.available_sum, l.pending_sum, l.expired_sum, l.points - l.available_sum - l.pending_sum - l.expired_sum, 0) FROM by_lot l",
    ),
];

const SUMS: &str = "\
c AS (SELECT tenant FROM given), \
by_member AS (SELECT p.membership_id AS id, \
  coalesce(sum(p.points) FILTER (WHERE p.ledger_account = 'MEMBER_AVAILABLE'), 0) AS available, \
  coalesce(sum(p.points) FILTER (WHERE p.ledger_account = 'MEMBER_PENDING'), 0) AS pending, \
  -coalesce(sum(p.points) FILTER (WHERE p.ledger_account = 'ISSUED'), 0) AS issued \
  FROM point_postings p, c WHERE p.tenant_id = c.tenant GROUP BY p.membership_id), \
sums AS (SELECT p.entry_id AS id, count(*) AS parts, sum(p.points) AS total, \
  coalesce(sum(p.points) FILTER (WHERE p.ledger_account = 'MEMBER_AVAILABLE'), 0) AS available, \
  coalesce(sum(p.points) FILTER (WHERE p.ledger_account = 'MEMBER_PENDING'), 0) AS pending \
  FROM point_postings p, c WHERE p.tenant_id = c.tenant GROUP BY p.entry_id), \
by_entry AS (SELECT e.id, m.program_id, e.number, e.points, e.balance_after, e.pending_after, \
  coalesce(s.parts, 0) AS parts, coalesce(s.total, 0) AS total, \
  CASE e.kind WHEN 'RELEASE' THEN coalesce(s.available, 0) ELSE coalesce(s.available + s.pending, 0) END AS effect, \
  row_number() OVER each AS place, sum(coalesce(s.available, 0)) OVER each AS available, sum(coalesce(s.pending, 0)) OVER each AS pending \
  FROM c JOIN point_entries e ON e.tenant_id = c.tenant JOIN loyalty_memberships m ON m.tenant_id = e.tenant_id AND m.id = e.membership_id \
  LEFT JOIN sums s ON s.id = e.id WINDOW each AS (PARTITION BY e.membership_id ORDER BY e.number, e.id ROWS UNBOUNDED PRECEDING)), \
by_lot AS (SELECT l.id, m.program_id, l.points, l.available, l.pending, l.expired, \
  coalesce(s.available, 0) AS available_sum, coalesce(s.pending, 0) AS pending_sum, coalesce(s.expired, 0) AS expired_sum \
  FROM c JOIN point_lots l ON l.tenant_id = c.tenant JOIN loyalty_memberships m ON m.tenant_id = l.tenant_id AND m.id = l.membership_id \
  LEFT JOIN (SELECT p.lot_id AS id, \
    sum(p.points) FILTER (WHERE p.ledger_account = 'MEMBER_AVAILABLE') AS available, \
    sum(p.points) FILTER (WHERE p.ledger_account = 'MEMBER_PENDING') AS pending, \
    sum(p.points) FILTER (WHERE p.ledger_account = 'EXPIRED') AS expired \
    FROM point_postings p, c WHERE p.tenant_id = c.tenant AND p.lot_id IS NOT NULL GROUP BY p.lot_id) s ON s.id = l.id) ";

/// Everything that does not add up in the tenant, at most 1,000 differences; nothing: all is well.
pub fn reconcile(conn: &mut PgConnection, cx: &Cx) -> Result<Vec<Difference>> {
    differences(conn, cx, None)
}

/// The same of one programme, for who may read all that it rests on.
pub fn of_program(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Vec<Difference>> {
    cx.require(cx.entry(LoyaltyProgram::NAME)?, Action::Read)?;
    for resource in ["loyalty-memberships", "point-entries", "point-postings", "point-lots"] {
        metric::whole(cx, resource)?;
    }
    store::get(conn, cx, cx.entry(LoyaltyProgram::NAME)?, id)?;
    differences(conn, cx, Some(id))
}

fn differences(conn: &mut PgConnection, cx: &Cx, program: Option<Uuid>) -> Result<Vec<Difference>> {
    let mut out = Statement::new("WITH given AS (SELECT ");
    out.bind(Bind::Uuid(Some(cx.tenant)))
        .sql("::uuid AS tenant, ")
        .bind(Bind::Uuid(program))
        .sql("::uuid AS program), ");
    out.sql(SUMS);
    out.sql("SELECT d.what, d.resource, d.id, d.expected, d.found FROM c CROSS JOIN LATERAL (");
    for (at, (what, resource, query)) in COMPARED.iter().enumerate() {
        let union = if at == 0 { "" } else { " UNION ALL " };
        out.sql(format!("{union}SELECT '{what}' AS what, '{resource}' AS resource, x.* FROM ({query}) AS x (id, program, expected, found)"));
    }
    out.sql(
        ") d, given g WHERE d.expected::numeric <> d.found::numeric AND (g.program IS NULL OR d.program = g.program) ",
    );
    out.sql(format!("ORDER BY d.resource, d.id, d.what LIMIT {MOST}"));
    type Sql = (st::Text, st::Text, st::Uuid, st::Numeric, st::Numeric);
    let rows: Vec<(String, String, Uuid, Decimal, Decimal)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let difference = |(what, resource, id, expected, found)| Difference { what, resource, id, expected, found };
    Ok(rows.into_iter().map(difference).collect())
}
