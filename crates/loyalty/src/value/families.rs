//! Which families of products customers own: read from what they bought of each product, through the family that the product
//! belongs to at that moment. A family is owned if one of its products was first bought on or before the day that counts.

use super::facts::{Facts, Reading, Which};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use uuid::Uuid;

/// Most families that are looked at, those with most owners: a customer's are the bits of one number.
const MOST: i64 = 64;

/// A family that customers own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Family {
    /// The family.
    pub id: Uuid,
    /// Median of what its owners bring a year with it.
    pub margin: f64,
}

/// The families with most owners, and what they bring. A year's margin of an owner is all the margin so far, over the years
/// since the first purchase, at least one; on a day that is past, too, since the summary knows no margin of a past day.
pub fn popular(conn: &mut PgConnection, cx: &Cx, reading: &Reading) -> Result<Vec<Family>> {
    let mut out = Statement::new("WITH r AS (SELECT ");
    out.bind(Bind::Date(Some(reading.as_of))).sql("::date AS last, (");
    out.bind(Bind::Time(Some(cx.now))).sql("::timestamptz AT TIME ZONE ").bind(Bind::Text(Some(reading.zone.clone())));
    out.sql("::text)::date AS today, 1 - ").bind(Bind::Decimal(Some(reading.default_margin)));
    // Three plain sums: numerics are slow to calculate with.
    out.sql(
        "::numeric / 100 AS spent), m AS (SELECT k.account_id, p.family_id, min(k.first_on) AS first, sum(k.net) AS net, \
         sum(k.cost) AS cost, sum(k.uncosted) AS uncosted FROM r CROSS JOIN customer_products k \
         JOIN products p ON p.tenant_id = k.tenant_id AND p.id = k.product_id WHERE k.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(
        " AND k.first_on <= r.last GROUP BY k.account_id, p.family_id) \
         SELECT f.id, percentile_cont(0.5) WITHIN GROUP (ORDER BY (m.net - m.cost - m.uncosted * r.spent)::float8 * 365 \
         / greatest(365, r.today - m.first)) FROM m CROSS JOIN r JOIN product_families f ON f.id = m.family_id WHERE f.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND f.archived_at IS NULL GROUP BY f.id ORDER BY count(*) DESC, f.id LIMIT ")
        .bind(Bind::BigInt(Some(MOST)));
    let rows: Vec<(Uuid, f64)> = RunQueryDsl::load(out.once().typed::<(st::Uuid, st::Double)>(), conn)?;
    Ok(rows.into_iter().map(|(id, margin)| Family { id, margin }).collect())
}

/// Fills in which of the families of the reading some accounts own, who are in the order of their ids.
pub(super) fn own(
    conn: &mut PgConnection,
    cx: &Cx,
    which: Which<'_>,
    reading: &Reading,
    facts: &mut [Facts],
) -> Result<()> {
    let ([first, .., last] | [first @ last]) = &*facts else { return Ok(()) };
    if reading.families.is_empty() {
        return Ok(());
    }
    let page = owned(cx, which, reading, (first.account, last.account));
    let rows: Vec<(Uuid, i64)> = RunQueryDsl::load(page.typed::<(st::Uuid, st::BigInt)>(), conn)?;
    let mut accounts = facts.iter_mut();
    for (account, owned) in rows {
        if let Some(found) = accounts.find(|facts| facts.account >= account).filter(|facts| facts.account == account) {
            found.owned = owned.cast_unsigned();
        }
    }
    Ok(())
}

/// The statement that reads it: the account, and its families as bits. A page is read from the first account to the last.
pub fn owned(cx: &Cx, which: Which<'_>, reading: &Reading, (first, last): (Uuid, Uuid)) -> Statement {
    let mut out = Statement::new("SELECT k.account_id, bit_or(1::bigint << (f.at - 1)::integer) FROM unnest(");
    out.bind(Bind::Uuids(reading.families.clone())).sql(
        ") WITH ORDINALITY AS f(id, at) JOIN products p ON p.family_id = f.id \
         JOIN customer_products k ON k.tenant_id = p.tenant_id AND k.product_id = p.id WHERE k.tenant_id = ",
    );
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND p.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
    match which {
        Which::After(..) => {
            out.sql(" AND k.account_id >= ").bind(Bind::Uuid(Some(first)));
            out.sql(" AND k.account_id <= ").bind(Bind::Uuid(Some(last)))
        }
        Which::These(ids) => out.sql(" AND k.account_id = ANY(").bind(Bind::Uuids(ids.to_vec())).sql(")"),
    };
    out.sql(" AND k.first_on <= ").bind(Bind::Date(Some(reading.as_of))).sql(" GROUP BY k.account_id ORDER BY 1");
    out.once();
    out
}
