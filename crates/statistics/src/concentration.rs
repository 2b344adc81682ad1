//! How much few customers weigh: ABC classes, Gini's coefficient (Gini 1912; Lorenz 1905), shares of the top, the long
//! tail, and the whale curve of profit (Kaplan & Narayanan 2001). Sums and borders are exact decimals.

use crate::{Error, Result};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Class of a customer or product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Those before it make less than 80 % of the total.
    A,
    /// Those before it make less than 95 %.
    B,
    /// The rest.
    C,
    /// Its value is zero or less, so it takes no part.
    N,
}

/// How concentrated values are. Only positive values add to the total and have a class; the others count as customers who
/// have nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Concentration {
    /// Class of each value, in the order given.
    pub classes: Vec<Class>,
    /// Sum of the positive values.
    pub total: Decimal,
    /// Number of positive values.
    pub positive: usize,
    /// Gini's coefficient: 0 if all have the same, towards 1 if one has everything.
    pub gini: f64,
    /// The fewest customers that together make 80 % of the total, as a share of all.
    pub makes_80_percent: f64,
    shares: Vec<f64>,
}

/// Measures concentration. Ties are broken by the order given, so pass the values in the order of the customers' ids.
pub fn concentration(values: &[Decimal]) -> Result<Concentration> {
    let mut order: Vec<(usize, Decimal)> =
        values.iter().copied().enumerate().filter(|(_, value)| *value > Decimal::ZERO).collect();
    // Stable: equal values stay in the order of their ids.
    order.sort_by(|(_, a), (_, b)| b.cmp(a));
    let total = sum(order.iter().map(|(_, value)| *value))?;
    let positive = order.len();
    if positive == 0 {
        return Err(Error::Empty);
    }
    let mut classes = vec![Class::N; values.len()];
    let (mut before, mut weighted, mut few) = (Decimal::ZERO, 0.0, 0_usize);
    let mut shares = Vec::with_capacity(positive);
    for (place, value) in &order {
        let class = if part(before, total) < EIGHTY {
            few = few.saturating_add(1);
            Class::A
        } else if part(before, total) < NINETY_FIVE {
            Class::B
        } else {
            Class::C
        };
        if let Some(slot) = classes.get_mut(*place) {
            *slot = class;
        }
        // The area under the Lorenz curve, by trapezia, richest first.
        weighted += real(part(before, total)) + 0.5 * real(part(*value, total));
        before += value;
        shares.push(real(part(before, total)));
    }
    let n = crate::number::real(values.len());
    Ok(Concentration {
        classes,
        total,
        positive,
        // Those with nothing add 1 each to the area: the curve has reached its top before them.
        gini: (2.0 * (weighted + n - crate::number::real(positive)) / n - 1.0).clamp(0.0, 1.0),
        makes_80_percent: crate::number::real(few) / n,
        shares,
    })
}

const EIGHTY: Decimal = Decimal::from_parts(8, 0, 0, false, 1);
const NINETY_FIVE: Decimal = Decimal::from_parts(95, 0, 0, false, 2);

fn sum(mut values: impl Iterator<Item = Decimal>) -> Result<Decimal> {
    values.try_fold(Decimal::ZERO, Decimal::checked_add).ok_or(Error::Overflow)
}

/// A share of the total, to 28 digits.
fn part(of: Decimal, total: Decimal) -> Decimal {
    of.checked_div(total).unwrap_or_default()
}

fn real(value: Decimal) -> f64 {
    value.to_f64().unwrap_or_default()
}

impl Concentration {
    /// Share of the total that the given share of customers at the top has; one who is cut by the border counts whole.
    pub fn top(&self, customers: f64) -> f64 {
        let place = customers.clamp(0.0, 1.0) * crate::number::real(self.classes.len()) - 1e-9;
        let inside = self.shares.iter().enumerate().take_while(|(rank, _)| crate::number::real(*rank) < place);
        inside.last().map_or(0.0, |(_, share)| *share)
    }

    /// Share of the total that the `count` largest have.
    pub fn top_n(&self, count: usize) -> f64 {
        count.checked_sub(1).map_or(0.0, |last| self.shares.get(last).copied().unwrap_or(1.0))
    }

    /// Share of the long tail: of all but the top fifth.
    pub fn tail(&self) -> f64 {
        1.0 - self.top(0.2)
    }

    /// Number of customers in a class.
    pub fn count(&self, class: Class) -> usize {
        self.classes.iter().filter(|other| **other == class).count()
    }
}

/// The whale curve: running sums of all values, largest first, negative ones last, as exact sums. Its peak shows what
/// the profit would be without the customers who cost more than they bring.
pub fn whale_curve(values: &[Decimal]) -> Result<Vec<Decimal>> {
    let mut sorted = values.to_vec();
    sorted.sort_by(|a, b| b.cmp(a));
    let mut running = Decimal::ZERO;
    let mut curve = Vec::with_capacity(sorted.len());
    for value in sorted {
        running = running.checked_add(value).ok_or(Error::Overflow)?;
        curve.push(running);
    }
    Ok(curve)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[i64]) -> Concentration {
        concentration(&decimals(values)).unwrap()
    }

    fn decimals(values: &[i64]) -> Vec<Decimal> {
        values.iter().map(|value| Decimal::new(*value, 2)).collect()
    }

    #[test]
    fn classes_follow_the_running_sum() {
        // Running sums before each: 0, 50, 80, 90, 95, 99 of 100.
        let c = of(&[1, 50, 4, -7, 30, 0, 10, 5]);
        use Class::{A, B, C, N};
        assert_eq!(c.classes, [C, A, C, N, A, N, B, B]);
        assert_eq!((c.total, c.positive, c.count(N)), (Decimal::ONE, 6, 2));
        // 80 % exactly is reached with two of eight.
        assert!((c.makes_80_percent - 0.25).abs() < 1e-15);
        assert!((c.top_n(2) - 0.8).abs() < 1e-15 && c.top_n(0) == 0.0 && c.top_n(99) == 1.0);
    }

    #[test]
    fn the_coefficient_of_gini_has_its_known_values() {
        assert!(of(&[3, 3, 3, 3]).gini.abs() < 1e-15);
        // (2 Σ i x_i) / (n Σ x) − (n + 1) / n = 2·30/(4·10) − 5/4
        assert!((of(&[1, 2, 3, 4]).gini - 0.25).abs() < 1e-15);
        assert_eq!(of(&[7]).gini, 0.0);
        // The same formula with two who have nothing.
        assert!((of(&[0, -5, 1, 3]).gini - (2.0 * 15.0 / 16.0 - 1.25)).abs() < 1e-15);
    }

    #[test]
    fn who_is_cut_by_the_border_counts_whole() {
        let c = of(&[50, 30, 10, 5, 5]);
        assert!((c.top(0.2) - 0.5).abs() < 1e-15 && (c.top(0.21) - 0.8).abs() < 1e-15 && c.top(1.0) == 1.0);
        assert_eq!((c.top(0.0), c.top(f64::MIN_POSITIVE)), (0.0, 0.0));
        assert!((c.tail() - 0.5).abs() < 1e-15);
    }

    #[test]
    fn a_whale_curve_can_pass_its_end() {
        assert_eq!(whale_curve(&decimals(&[-20, 50, 70])).unwrap(), decimals(&[70, 120, 100]));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert_eq!(concentration(&decimals(&[0, -5])).err(), Some(Error::Empty));
        assert_eq!(concentration(&[Decimal::MAX, Decimal::MAX]).err(), Some(Error::Overflow));
        assert_eq!(whale_curve(&[Decimal::MAX, Decimal::MAX]).err(), Some(Error::Overflow));
    }
}
