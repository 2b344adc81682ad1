//! Trends that a single wild month does not make: the slope of Theil (1950) and Sen (1968), and the test of Mann (1945)
//! and Kendall (1975).

use crate::number::real;
use crate::{Error, Result, describe};

/// The median of the slopes between all pairs of equally spaced values, a step of time each; none with fewer than two.
pub fn theil_sen(values: &[f64]) -> Option<f64> {
    let mut slopes = Vec::new();
    for (i, first) in values.iter().enumerate() {
        for (j, later) in values.iter().enumerate().skip(i.saturating_add(1)) {
            slopes.push((later - first) / real(j.saturating_sub(i)));
        }
    }
    describe::median(&slopes)
}

/// A test for a trend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannKendall {
    /// Pairs that rise minus pairs that fall.
    pub s: i64,
    /// Standardised, with the correction for ties and continuity.
    pub z: f64,
    /// Two-sided probability of so much without a trend.
    pub p: f64,
}

/// Tests equally spaced values for a trend; at least eight are needed.
pub fn mann_kendall(values: &[f64]) -> Result<MannKendall> {
    let n = values.len();
    if n < 8 {
        return Err(Error::TooFew { found: n, needed: 8 });
    }
    if let Some(row) = values.iter().position(|value| !value.is_finite()) {
        return Err(Error::Invalid { row, what: "a value is not a finite number" });
    }
    let mut s = 0_i64;
    for (i, first) in values.iter().enumerate() {
        for later in values.iter().skip(i.saturating_add(1)) {
            s = s.saturating_add(i64::from(later > first)).saturating_sub(i64::from(later < first));
        }
    }
    let spread = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|same| spread(real(same.len()))).sum();
    let deviation = ((spread(real(n)) - ties) / 18.0).sqrt();
    let size = crate::number::real64(s.unsigned_abs());
    // Where all values are equal there is no spread and no trend.
    let z = if deviation > 0.0 {
        ((size - 1.0).max(0.0) / deviation).copysign(if s < 0 { -1.0 } else { 1.0 })
    } else {
        0.0
    };
    Ok(MannKendall { s, z, p: libm::erfc(z.abs() / std::f64::consts::SQRT_2) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_forgives_an_outlier() {
        assert_eq!(theil_sen(&[1.0, 2.0, 3.0, 400.0, 5.0, 6.0]), Some(1.0));
        assert_eq!(theil_sen(&[1.0]), None);
    }

    #[test]
    fn a_steady_rise_is_significant() {
        let rising: Vec<f64> = (0..10).map(f64::from).collect();
        let found = mann_kendall(&rising).unwrap();
        // S = 45, variance = 10·9·25 / 18 = 125, z = 44 / √125.
        assert_eq!(found.s, 45);
        assert!((found.z - 44.0 / 125.0_f64.sqrt()).abs() < 1e-12 && found.p < 1e-3);
        let falling: Vec<f64> = rising.iter().rev().copied().collect();
        assert!(mann_kendall(&falling).unwrap().z < -3.9);
        let flat = mann_kendall(&[2.0; 9]).unwrap();
        assert_eq!((flat.s, flat.z, flat.p), (0, 0.0, 1.0));
        assert!(matches!(mann_kendall(&[1.0; 7]), Err(Error::TooFew { needed: 8, .. })));
    }
}
