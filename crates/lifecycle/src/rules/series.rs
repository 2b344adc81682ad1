//! A customer's margins by period: their level, their best, their growth.

use super::{DAYS_PER_MONTH, Policy, real};
use kith_statistics::{median, theil_sen, winsorised};

/// What the series of margins tells.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Series {
    /// Mean of the last periods: L.
    pub level: f64,
    /// What it is held against: its best before, or that of a year before: P. None: there is none yet.
    pub peak: Option<f64>,
    /// Slope a period over the mean: g.
    pub growth: f64,
    /// Last periods in which the level rose.
    pub rises: u32,
    /// Whether the level is below that of the period before.
    pub is_falling: bool,
    /// Whether it was compared with a year before.
    pub by_season: bool,
}

/// Whole months of a period: the peers' gap, but not less than the policy's.
pub(super) fn period_months(peer_gap: f64, policy: &Policy) -> u32 {
    use rust_decimal::prelude::ToPrimitive;
    let gap = (peer_gap / DAYS_PER_MONTH).round().clamp(1.0, 36.0).to_u32().unwrap_or(1);
    gap.max(policy.least_period_months).max(1)
}

/// The periods in which the customer was one already, oldest first: months are added up from the latest backwards, and a
/// part of a period at the beginning is left out.
fn periods(margins: &[f64], months: u32, age_days: f64) -> Vec<f64> {
    let size = usize::try_from(months).unwrap_or(1).max(1);
    let mut sums: Vec<f64> = margins.rchunks_exact(size).map(|months| months.iter().sum()).collect();
    let lived = (age_days / (DAYS_PER_MONTH * f64::from(months))).ceil().max(1.0);
    let mut count = 0.0;
    sums.retain(|_| {
        count += 1.0;
        count <= lived
    });
    sums.reverse();
    sums
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / real(values.len()) }
}

fn last(values: &[f64], n: usize) -> &[f64] {
    values.get(values.len().saturating_sub(n)..).unwrap_or(values)
}

fn relative(change: f64, mean: f64) -> f64 {
    if mean == 0.0 { 0.0 } else { change / mean.abs() }
}

/// Reads the months; `margins` ends with the month that ends now.
pub(super) fn read(margins: &[f64], months: u32, age_days: f64, policy: &Policy) -> Series {
    let values = periods(margins, months, age_days);
    let width = usize::try_from(policy.level_periods.max(1)).unwrap_or(3);
    let window = usize::try_from(policy.growth_periods.max(2)).unwrap_or(6);
    // Levels of every period that has one; a customer younger than that has the mean of what there is.
    let levels: Vec<f64> =
        if values.len() < width { vec![mean(&values)] } else { values.windows(width).map(mean).collect() };
    let Some((level, earlier)) = levels.split_last() else { return Series::default() };
    let mut series = Series {
        level: *level,
        peak: earlier.iter().copied().reduce(f64::max),
        is_falling: earlier.last().is_some_and(|before| level < before),
        ..Series::default()
    };
    let year = usize::try_from(12_u32.div_ceil(months.max(1))).unwrap_or(12);
    let enough = policy.is_seasonal && age_days >= 24.0 * DAYS_PER_MONTH && 12 % months.max(1) == 0;
    match values.len().checked_sub(year).filter(|rest| enough && *rest >= year) {
        Some(_) => by_season(&mut series, &values, &levels, (year, window)),
        None => plain(&mut series, &values, &levels, window, policy),
    }
    series
}

fn plain(series: &mut Series, values: &[f64], levels: &[f64], window: usize, policy: &Policy) {
    // One huge order makes neither growth nor its end.
    let calm = winsorised(values, policy.winsor);
    let recent = last(&calm, window);
    series.growth = theil_sen(recent).map_or(0.0, |slope| relative(slope, mean(recent)));
    let steps = last(levels, window.saturating_add(1)).windows(2);
    let rises = steps.filter(|pair| matches!(pair, [before, after] if after > before)).count();
    series.rises = u32::try_from(rises).unwrap_or(u32::MAX);
}

/// Against the same periods a year before, so that a season is neither growth nor fall.
fn by_season(series: &mut Series, values: &[f64], levels: &[f64], (year, window): (usize, usize)) {
    let before = |list: &[f64], at: usize| at.checked_sub(year).and_then(|at| list.get(at)).copied();
    let ends = levels.len().saturating_sub(1);
    series.by_season = true;
    series.peak = before(levels, ends).or(series.peak);
    let pairs: Vec<(f64, f64)> =
        values.iter().enumerate().filter_map(|(at, value)| Some((before(values, at)?, *value))).collect();
    let recent = pairs.get(pairs.len().saturating_sub(window)..).unwrap_or(&pairs);
    let base = mean(&recent.iter().map(|(before, _)| *before).collect::<Vec<_>>());
    let change: Vec<f64> = recent.iter().map(|(before, now)| now - before).collect();
    // The change of a year, spread over its periods.
    series.growth = median(&change).map_or(0.0, |change| relative(change, base) / real(year.max(1)));
    let rises = recent.iter().filter(|(before, now)| now > before).count();
    series.rises = u32::try_from(rises).unwrap_or(u32::MAX);
    series.is_falling = before(levels, ends).is_some_and(|before| series.level < before);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} is not {b}");
    }

    #[test]
    fn months_become_periods_of_the_time_lived() {
        let months: Vec<f64> = (1..=12).map(f64::from).collect();
        assert_eq!(periods(&months, 1, 61.0), [10.0, 11.0, 12.0]);
        assert_eq!(periods(&months, 3, 400.0), [6.0, 15.0, 24.0, 33.0]);
        assert_eq!(periods(&months, 5, 4000.0), [25.0, 50.0]);
        assert_eq!([20.0, 40.0, 50.0, 100.0].map(|gap| period_months(gap, &Policy::default())), [1, 1, 2, 3]);
    }

    #[test]
    fn level_peak_and_growth_by_hand() {
        let found = read(&[30.0, 60.0, 90.0, 30.0, 30.0, 30.0], 1, 180.0, &Policy::default());
        close(found.level, 30.0);
        close(found.peak.unwrap(), 60.0);
        assert!(found.is_falling && found.rises == 0 && found.growth <= 0.0);
        let steady = read(&[10.0, 12.0, 14.0, 16.0, 18.0, 20.0, 22.0, 24.0, 26.0], 1, 270.0, &Policy::default());
        // The last six, 16 to 26, whose largest counts as the 95 % point of all nine (25.2): median slope 2 over their mean.
        close(steady.growth, 2.0 / ((16.0 + 18.0 + 20.0 + 22.0 + 24.0 + 25.2) / 6.0));
        assert_eq!(steady.rises, 6);
    }

    #[test]
    fn a_season_is_held_against_the_one_before() {
        let season = [0.0, 0.0, 0.0, 0.0, 0.0, 10.0, 10.0, 80.0, 90.0, 20.0, 10.0, 10.0];
        let year: Vec<f64> = season.iter().chain(&season).copied().collect();
        let seasonal = Policy { is_seasonal: true, ..Policy::default() };
        let found = read(&year, 1, 760.0, &seasonal);
        assert!(found.by_season && !found.is_falling && found.growth == 0.0 && found.rises == 0);
        close(found.level, found.peak.unwrap());
        assert!(read(&year, 1, 760.0, &Policy::default()).peak.unwrap() > 4.0 * found.level);
        assert!(!read(&year, 1, 700.0, &seasonal).by_season, "not yet two years");
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(read(&[], 1, 0.0, &Policy::default()), Series::default());
        let zero = read(&[0.0; 12], 1, 365.0, &Policy::default());
        assert!(zero.growth == 0.0 && zero.level == 0.0 && zero.peak == Some(0.0));
    }
}
