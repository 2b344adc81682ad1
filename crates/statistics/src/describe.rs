//! Quantiles, medians and means that hold their ground: winsorised values, shrunk means, half-lives.

use crate::number::real;

/// The value below which the share `q` lies, between neighbours in proportion (Hyndman & Fan 1996, type 7); none without
/// values, or if one of them is not a number.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    if values.iter().any(|value| value.is_nan()) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = q * real(sorted.len().checked_sub(1)?);
    let below = sorted.iter().enumerate().take_while(|(i, _)| real(*i) <= place).last();
    let (i, low) = below?;
    let high = sorted.get(i.saturating_add(1)).unwrap_or(low);
    let share = place - real(i);
    Some(if share > 0.0 { low + share * (high - low) } else { *low })
}

/// The median.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The values with everything above the quantile `q` set to it: one huge order must not make a trend.
pub fn winsorised(values: &[f64], q: f64) -> Vec<f64> {
    let Some(limit) = quantile(values, q) else { return values.to_vec() };
    values.iter().map(|value| value.min(limit)).collect()
}

/// A mean of `n` observations drawn to that of the group, which counts as `weight` observations.
pub fn shrunk(n: f64, mean: f64, group: f64, weight: f64) -> f64 {
    let total = n + weight;
    if total > 0.0 { (n * mean + weight * group) / total } else { group }
}

/// The mean of (value, age) pairs with weights that halve with every `half_life` of age, and the sum of the weights.
pub fn half_life_mean(observations: &[(f64, f64)], half_life: f64) -> Option<(f64, f64)> {
    if half_life.is_nan() || half_life <= 0.0 {
        return None;
    }
    let weight = |age: f64| (-std::f64::consts::LN_2 * age.max(0.0) / half_life).exp();
    let total: f64 = observations.iter().map(|(_, age)| weight(*age)).sum();
    let sum: f64 = observations.iter().map(|(value, age)| value * weight(*age)).sum();
    let mean = sum / total;
    mean.is_finite().then_some((mean, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([0.0, 0.5, 0.9, 1.0].map(|q| quantile(&values, q).unwrap()), [1.0, 2.5, 3.7, 4.0]);
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[1.0, f64::NAN], 0.5), None);
        assert_eq!(median(&[7.0]), Some(7.0));
    }

    #[test]
    fn one_huge_value_is_cut() {
        let values = [1.0, 2.0, 3.0, 4.0, 1000.0];
        assert_eq!(winsorised(&values, 0.75), [1.0, 2.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn few_observations_lean_on_the_group() {
        assert_eq!(shrunk(5.0, 4.0, 2.0, 5.0), 3.0);
        assert_eq!(shrunk(0.0, 0.0, 2.0, 5.0), 2.0);
        // Two equally old values and one a half-life older: (1 + 3 + 0.5·5) / 2.5.
        let (mean, weight) = half_life_mean(&[(1.0, 0.0), (3.0, 0.0), (5.0, 180.0)], 180.0).unwrap();
        assert!((mean - 2.6).abs() < 1e-12 && (weight - 2.5).abs() < 1e-12);
        assert_eq!(half_life_mean(&[], 180.0), None);
    }
}
