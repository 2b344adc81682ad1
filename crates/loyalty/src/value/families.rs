//! Which families of products customers own: read from what they bought of each product, through the family that the product
//! belongs to at that moment. A family is owned if one of its products was first bought on or before the day that counts.

use super::assess::Base;
use super::facts::Reading;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::derived::Group;
use kith_kernel::{Bind, Cx, Result, Statement};
use std::collections::HashMap;
use uuid::Uuid;

/// Most families that are looked at: a customer's are the bits of one number.
const MOST: i64 = 64;
/// Customers whose margins are looked at: their medians are those of all within a per cent or two.
const SAMPLE: usize = 50_000;
/// Customers whose margins are read at once.
const PAGE: usize = 5_000;

/// A family that customers own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Family {
    /// The family.
    pub id: Uuid,
    /// Median of what its owners bring a year with it; 0 without any.
    pub margin: f64,
}

/// The families that are looked at, in the order of their ids: all of a tenant, or those of which most customers bought most
/// products.
pub fn listed(conn: &mut PgConnection, cx: &Cx) -> Result<Vec<Uuid>> {
    let tenant = || Bind::Uuid(Some(cx.tenant));
    let mut out = Statement::new("SELECT id FROM product_families WHERE tenant_id = ");
    out.bind(tenant()).sql(" AND archived_at IS NULL ORDER BY id LIMIT ").bind(Bind::BigInt(Some(MOST + 1)));
    let few: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    let mut ids: Vec<Uuid> = few.into_iter().map(|(id,)| id).collect();
    if i64::try_from(ids.len()).is_ok_and(|count| count <= MOST) {
        return Ok(ids);
    }
    // Counted by product before anything is joined: that is one number a product.
    let mut out = Statement::new(
        "SELECT f.id FROM (SELECT k.product_id, count(*) AS customers FROM customer_products k WHERE k.tenant_id = ",
    );
    out.bind(tenant()).sql(" GROUP BY k.product_id) c JOIN products p ON p.id = c.product_id JOIN product_families f ON f.id = p.family_id WHERE p.tenant_id = ");
    out.bind(tenant()).sql(" AND f.tenant_id = ").bind(tenant());
    out.sql(" AND f.archived_at IS NULL GROUP BY f.id ORDER BY sum(c.customers) DESC, f.id LIMIT ");
    out.bind(Bind::BigInt(Some(MOST)));
    let most: Vec<(Uuid,)> = RunQueryDsl::load(out.once().typed::<(st::Uuid,)>(), conn)?;
    ids = most.into_iter().map(|(id,)| id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// What the families of the reading bring, as some of the customers who own one tell. A year's margin of an owner is all the
/// margin so far, over the years since the first purchase, at least one; on a day that is past, too, since the summary knows no
/// margin of a past day.
pub fn margins(conn: &mut PgConnection, cx: &Cx, reading: &Reading, customers: &[Base]) -> Result<Vec<Family>> {
    let mut yearly: HashMap<Uuid, Vec<f64>> = HashMap::new();
    for accounts in sample(customers).chunks(PAGE) {
        let mut out = Statement::new(
            "SELECT p.family_id, (sum(k.net) - sum(k.cost) - sum(k.uncosted) * (1 - coalesce((SELECT f.default_margin FROM product_families f WHERE f.tenant_id = p.tenant_id AND f.id = p.family_id), ",
        );
        out.bind(Bind::Decimal(Some(reading.default_margin)));
        out.sql("::numeric) / 100))::float8 * 365 / greatest(365, (").bind(Bind::Time(Some(cx.now)));
        out.sql("::timestamptz AT TIME ZONE ").bind(Bind::Text(Some(reading.zone.clone())));
        out.sql("::text)::date - min(k.first_on)) FROM customer_products k JOIN products p ON p.tenant_id = k.tenant_id AND p.id = k.product_id WHERE k.tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND k.account_id = ANY(").bind(Bind::Uuids(accounts.to_vec()));
        out.sql(") AND p.family_id = ANY(").bind(Bind::Uuids(reading.families.clone())).sql(") AND k.first_on <= ");
        out.bind(Bind::Date(Some(reading.as_of))).sql(" GROUP BY k.account_id, p.tenant_id, p.family_id");
        let rows: Vec<(Uuid, f64)> = RunQueryDsl::load(out.once().typed::<(st::Uuid, st::Double)>(), conn)?;
        for (family, margin) in rows {
            yearly.entry(family).or_default().push(margin);
        }
    }
    let median = |id: &Uuid| yearly.get(id).and_then(|margins| kith_statistics::median(margins)).unwrap_or_default();
    Ok(reading.families.iter().map(|id| Family { id: *id, margin: median(id) }).collect())
}

/// The customers who own one, or so many of them: drawn by the ends of their ids, which are chance, and the same every time.
fn sample(customers: &[Base]) -> Vec<Uuid> {
    let mut owners: Vec<Uuid> = customers.iter().filter(|base| base.owned != 0).map(|base| base.account).collect();
    if owners.len() > SAMPLE {
        owners.select_nth_unstable_by_key(SAMPLE, |id| id.as_u128().reverse_bits());
        owners.truncate(SAMPLE);
    }
    owners.sort_unstable();
    owners
}

/// The statement that reads which of the families of the reading some accounts own: the account, and its families as bits.
pub fn owned(cx: &Cx, group: &Group, reading: &Reading) -> Statement {
    let mut out = Statement::new(
        "SELECT k.account_id, bit_or(g.bit) FROM (SELECT p.id, 1::bigint << (f.at - 1)::integer AS bit FROM unnest(",
    );
    out.bind(Bind::Uuids(reading.families.clone()))
        .sql(") WITH ORDINALITY AS f(id, at) JOIN products p ON p.family_id = f.id WHERE p.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)))
        .sql(" OFFSET 0) g JOIN customer_products k ON k.product_id = g.id WHERE k.tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant)));
    out.sql(" AND ");
    group.limit(&mut out, "k.account_id");
    out.sql(" AND k.first_on <= ").bind(Bind::Date(Some(reading.as_of))).sql(" GROUP BY k.account_id");
    out.once();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_number_of_customers_is_drawn_the_same_every_time() {
        let customer = |number: usize| Base {
            account: Uuid::from_u128((1 << 100) + u128::try_from(number).unwrap() * 0x9e37_79b9_7f4a_7c15),
            owned: u64::from(!number.is_multiple_of(10)),
            ..Base::default()
        };
        let mut many: Vec<Base> = (0..60_000).map(customer).collect();
        let drawn = sample(&many);
        assert_eq!(drawn.len(), SAMPLE);
        let place = |id: &Uuid| many.iter().position(|base| base.account == *id).unwrap();
        let late = drawn.iter().step_by(100).filter(|id| place(id) > 30_000).count();
        assert!((200..300).contains(&late), "{late} of 500 are of the later half");
        many.reverse();
        assert_eq!(sample(&many), drawn);
        assert_eq!(sample(&many[..10_000]).len(), 9_000, "few are drawn all, but for those of whom nothing is known");
    }
}
