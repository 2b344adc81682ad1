//! Which families of products are owned together, learned from all customers, and what that says of one of them: the white
//! space, which is what the families that he does not own yet would bring a year, each times the chance that he comes to own it.
//!
//! The chance of a family is the mean, over the families that the customer owns, of the share of their owners who own it too.
//! A family that few own would make that share 0 or 1 by chance, so each share is drawn to the family's base rate (the share of
//! all customers who own it), which counts as ten owners: with n owners the share of them counts n/(n + 10). The mean and not a
//! product of odds: families are bought in bundles, so that evidence counted as independent would be counted many times and end
//! at 0 or 1, and a mean can be told as the sum of what each owned family says.

use super::borders::real;
use super::families::Family;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Owners that the base rate counts for.
const PRIOR: f64 = 10.0;

/// Which families are owned together. Empty where nobody owns two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Affinity {
    /// Customers who own one of them.
    customers: u32,
    /// Each family: customers' sets of them are numbers in which the first is the lowest bit.
    families: Vec<Owned>,
}

/// A family with its owners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owned {
    id: Uuid,
    /// What it brings a year, as a rule.
    margin: f64,
    /// How many of its owners own each of the families, itself included.
    together: Vec<u32>,
}

/// A family that a customer does not own yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opening {
    /// The family.
    pub family: Uuid,
    /// The chance that he comes to own it.
    pub chance: f64,
    /// What it brings a year, as a rule.
    pub margin: f64,
}

impl Opening {
    /// What is expected of it a year. Where owners cost money, nothing is to be gained, and nothing lost.
    pub fn value(&self) -> f64 {
        self.chance * self.margin.max(0.0)
    }
}

impl Affinity {
    /// From the sets of all customers.
    pub fn learn(families: &[Family], sets: impl Iterator<Item = u64>) -> Self {
        let mut together = vec![vec![0_u32; families.len()]; families.len()];
        let mut customers = 0_u32;
        for set in sets.filter(|set| *set != 0) {
            customers = customers.saturating_add(1);
            for one in members(set) {
                let Some(row) = together.get_mut(one) else { continue };
                for other in members(set) {
                    row.get_mut(other).into_iter().for_each(|count| *count = count.saturating_add(1));
                }
            }
        }
        let is_pair = |(one, row): (usize, &Vec<u32>)| row.iter().enumerate().any(|(at, both)| at != one && *both > 0);
        if !together.iter().enumerate().any(is_pair) {
            return Affinity::default();
        }
        let owned = |(family, together): (&Family, _)| Owned { id: family.id, margin: family.margin, together };
        Affinity { customers, families: families.iter().zip(together).map(owned).collect() }
    }

    /// The families, in the order of the bits.
    pub fn ids(&self) -> Vec<Uuid> {
        self.families.iter().map(|family| family.id).collect()
    }

    /// What the families that a customer does not own would bring a year; none where nothing is known of him.
    pub fn white_space(&self, set: u64) -> Option<f64> {
        let is_known = set != 0 && !self.families.is_empty();
        is_known.then(|| self.openings(set).map(|opening| opening.value()).sum())
    }

    /// Those that add most to it, at most so many.
    pub fn largest(&self, set: u64, most: usize) -> Vec<Opening> {
        let mut all: Vec<Opening> = self.openings(set).filter(|opening| opening.value() > 0.0).collect();
        all.sort_by(|a, b| b.value().total_cmp(&a.value()).then(a.family.cmp(&b.family)));
        all.truncate(most);
        all
    }

    fn openings(&self, set: u64) -> impl Iterator<Item = Opening> {
        let missing = self.families.iter().enumerate().filter(move |(at, _)| members(set).all(|own| own != *at));
        missing.map(move |(at, family)| Opening {
            family: family.id,
            chance: self.chance(at, set),
            margin: family.margin,
        })
    }

    /// The chance that whoever owns a set comes to own a family.
    fn chance(&self, family: usize, set: u64) -> f64 {
        let count = |one: usize, other: usize| {
            self.families.get(one).and_then(|one| one.together.get(other)).copied().map_or(0.0, f64::from)
        };
        let base = count(family, family) / f64::from(self.customers.max(1));
        let shares = members(set).map(|own| (count(own, family) + PRIOR * base) / (count(own, own) + PRIOR));
        let (sum, all) = shares.fold((0.0, 0_usize), |(sum, all), share| (sum + share, all + 1));
        if all > 0 { sum / real(all) } else { base }
    }
}

/// The places of the bits that are set.
fn members(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        usize::try_from(lowest).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(number: u128, margin: f64) -> Family {
        Family { id: Uuid::from_u128(number), margin }
    }

    /// Twelve customers: 8 own tea, 6 coffee, 2 cups, of whom 4 own tea and coffee and one tea and cups.
    fn shop() -> Affinity {
        let families = [family(1, 120.0), family(2, 60.0), family(3, -5.0)];
        let sets = [[0b011; 4].as_slice(), &[0b101], &[0b001; 3], &[0b010; 2], &[0b100], &[0; 5]].concat();
        Affinity::learn(&families, sets.into_iter())
    }

    #[test]
    fn chances_are_drawn_to_the_base_rate() {
        let shop = shop();
        assert_eq!((shop.customers, shop.families[0].together.clone()), (11, vec![8, 4, 1]));
        // Of 8 owners of tea, 4 own coffee; 6 of 11 customers do.
        let coffee = (4.0 + 10.0 * 6.0 / 11.0) / 18.0;
        let openings: Vec<Opening> = shop.openings(0b001).collect();
        assert_eq!(openings[0], Opening { family: Uuid::from_u128(2), chance: coffee, margin: 60.0 });
        // Cups bring nothing: who owns tea and no coffee has the white space of coffee alone.
        assert_eq!(shop.white_space(0b001), Some(coffee * 60.0));
        assert_eq!(shop.largest(0b001, 3).len(), 1);
        // The mean of what coffee (4 of 6) and cups (1 of 2) say of tea, which 8 of 11 own.
        let base = 8.0 / 11.0;
        let tea = ((4.0 + 10.0 * base) / 16.0 + (1.0 + 10.0 * base) / 12.0) / 2.0;
        assert_eq!(shop.white_space(0b110), Some(tea * 120.0));
        assert_eq!(shop.white_space(0b111), Some(0.0), "there is nothing left to buy");
        assert_eq!(shop.white_space(0), None, "nothing is known of him");
    }

    #[test]
    fn where_nobody_owns_two_nothing_is_known() {
        let sets = [1, 2, 2, 1];
        let learned = Affinity::learn(&[family(1, 1.0), family(2, 1.0)], sets.into_iter());
        assert_eq!(learned, Affinity::default());
        assert_eq!(learned.white_space(1), None);
        assert_eq!(Affinity::learn(&[family(1, 1.0)], [1, 1].into_iter()).white_space(1), None);
    }

    #[test]
    fn sixty_four_families_fit() {
        let families: Vec<Family> = (0..64).map(|at| family(at, 1.0)).collect();
        let learned = Affinity::learn(&families, [u64::MAX, 1 << 63, 1].into_iter());
        assert_eq!(members(u64::MAX).collect::<Vec<_>>(), (0..64).collect::<Vec<_>>());
        assert_eq!(learned.openings(1 << 63).count(), 63);
        assert_eq!(learned.families[63].together[63], 2);
    }
}
