//! Which purchase model counts for whom: industries that are large enough have one of their own, fitted beside that of all
//! customers and used with it.

use super::PurchaseModel;
use super::assess::{Base, known};
use super::model::{PurchaseKind, Terms};
use super::purchase::Purchase;
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::PurchaseModelId;
use kith_kernel::{Bind, Cx, Result};
use std::collections::{BTreeMap, HashMap};

/// Industries with fewer customers are looked at with all others.
const LEAST: usize = 500;

/// Purchase models ready for use.
#[derive(Clone, Debug)]
pub struct Purchases {
    /// That of all customers.
    pub all: Purchase,
    /// Those of industries, by their short names.
    industries: HashMap<u64, Purchase>,
}

impl Purchases {
    /// A model of all customers with those that were fitted beside it; none where it has no model of spend.
    pub fn of(all: &PurchaseModel, parts: &[PurchaseModel]) -> Option<Self> {
        let part = |part: &PurchaseModel| Some((known(part.industry.as_deref()?), part.ready()?));
        Some(Purchases { all: all.ready()?, industries: parts.iter().filter_map(part).collect() })
    }

    /// The one that counts for a customer.
    pub fn suits(&self, base: &Base) -> &Purchase {
        self.industries.get(&base.industry).unwrap_or(&self.all)
    }
}

impl PurchaseModel {
    /// Those that were fitted beside it.
    pub fn parts(&self, conn: &mut PgConnection, cx: &Cx) -> Result<Vec<Self>> {
        store::rows::<Self>(conn, cx, |out| {
            out.sql(" AND t.part_of_id = ").bind(Bind::Uuid(Some(self.meta.id))).sql(" ORDER BY t.id");
        })
    }

    /// Fits one for each large industry, without keeping it; `names`: of the industries, by their short names. They are
    /// not tried on anything: the sample knows no industries.
    pub fn beside(
        &self,
        cx: &Cx,
        (as_of, kind, terms): (NaiveDate, PurchaseKind, &Terms),
        customers: &[Base],
        names: &HashMap<u64, String>,
    ) -> Vec<Self> {
        let mut industries: BTreeMap<u64, Vec<_>> = BTreeMap::new();
        for base in customers.iter().filter(|base| base.industry != 0) {
            industries.entry(base.industry).or_default().extend(base.history());
        }
        let large = industries.into_iter().filter(|(_, histories)| histories.len() >= LEAST);
        let fitted = large.filter_map(|(short, histories)| {
            let industry = names.get(&short)?.clone();
            let model = Self::fitted(cx, (as_of, kind, terms), &histories, &[])?;
            Some(PurchaseModel { industry: Some(industry), part_of_id: Some(PurchaseModelId(self.meta.id)), ..model })
        });
        fitted.collect()
    }
}
