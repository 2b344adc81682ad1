//! How well an account that never bought fits: what it is, against what customers of its kind bring, and how much it asks of us
//! by itself. It knows of no purchases, since there are none.
//!
//! The points of an industry or a size are the mean, over the active customers of it, of the per cent of all of them who bring
//! less profit. A few customers would tell a mean by chance, so it is drawn to that of all, which counts as ten customers.

use super::assess::Base;
use super::borders::{Scale, real};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Customers that the mean of all counts for.
const PRIOR: f64 = 10.0;

/// What is learned of those who fit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fit {
    /// By the short names of industries.
    industries: BTreeMap<String, Kind>,
    /// By those of size bands.
    sizes: BTreeMap<String, Kind>,
    /// Contacts that the accounts began that never bought.
    engagement: Scale,
}

/// Active customers of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    customers: u32,
    points: f64,
}

impl Fit {
    /// From the active customers, the scale of their profits, and the contacts that those began who never bought.
    pub fn learn<'a>(active: impl Iterator<Item = &'a Base>, profits: &Scale, contacts: &[u32]) -> Self {
        let points: Vec<_> = active.filter_map(|base| Some((base, profits.percentile(base.profit)?))).collect();
        let all = points.iter().map(|(_, points)| points).sum::<f64>() / real(points.len().max(1));
        let of = |kind: fn(&Base) -> u64| {
            let mut sums: HashMap<u64, (u32, f64)> = HashMap::new();
            for (base, points) in points.iter().filter(|(base, _)| kind(base) != 0) {
                let sum = sums.entry(kind(base)).or_default();
                *sum = (sum.0.saturating_add(1), sum.1 + points);
            }
            let kind = |(name, (customers, sum)): (u64, (u32, f64))| {
                let points = (sum + PRIOR * all) / (f64::from(customers) + PRIOR);
                (name.to_string(), Kind { customers, points })
            };
            sums.into_iter().map(kind).collect()
        };
        let engagement = Scale::of(contacts.iter().copied().map(f64::from).collect());
        Fit { industries: of(|base| base.industry), sizes: of(|base| base.size), engagement }
    }

    /// The parts of the fit of an account that are known: name, what it rests on, points and weight.
    pub fn parts(&self, base: &Base) -> Vec<(&'static str, f64, f64, f64)> {
        let kind = |part, kinds: &BTreeMap<String, Kind>, name: u64, weight| {
            let kind = kinds.get(&name.to_string())?;
            Some((part, f64::from(kind.customers), kind.points, weight))
        };
        let contacts = f64::from(base.contacts);
        let engagement = self.engagement.percentile(contacts);
        [
            kind("industry", &self.industries, base.industry, 30.0),
            kind("size", &self.sizes, base.size, 30.0),
            engagement.map(|points| ("engagement", contacts, points, 40.0)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
