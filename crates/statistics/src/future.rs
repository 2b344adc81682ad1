//! Expected purchases of a customer who is still alive, when every purchase may be the last one.
//!
//! The papers (Fader, Hardie & Lee 2005a, equations 9 and 10) write it with Gauss's 2F1, divided by a − 1: at a = 1
//! that is 0/0, near it digits are lost, and the third argument a + b − 1 may be negative. The same quantity is a sum
//! of positive terms: if nobody left, K purchases would be made, K negative binomial; of these the j-th happens if the
//! j − 1 before it were not the last. Where the sum would be too long, the mean over the chance of leaving is
//! integrated instead.

use std::sync::LazyLock;

/// The longest sum tried.
const LONGEST: f64 = 4_000.0;

/// Expected purchases in `t` of a customer with purchase rate Gamma(r, alpha) and chance of leaving Beta(a, b).
pub(crate) fn expected(r: f64, alpha: f64, (a, b): (f64, f64), t: f64) -> f64 {
    if t <= 0.0 {
        return 0.0;
    }
    let ln_growth = (t / alpha).ln_1p();
    let terms = (r * t + 37.0 * (alpha + t)) / alpha;
    if terms < LONGEST && r * ln_growth < 650.0 {
        by_sum(r, t / (alpha + t), (-r * ln_growth).exp(), (a, b))
    } else {
        by_integral(r, t / alpha, (a, b))
    }
}

/// Σ P(K = k) · (1 + E\[u\] + … + E\[u^(k−1)\]) with u the chance to stay.
fn by_sum(r: f64, z: f64, none: f64, (a, b): (f64, f64)) -> f64 {
    let (mut chance, mut stayed, mut bought, mut sum, mut k) = (none, 1.0, 0.0, 0.0, 0.0);
    while k < 2.0 * LONGEST {
        chance *= z * (r + k) / (k + 1.0);
        bought += stayed;
        stayed *= (b + k) / (a + b + k);
        k += 1.0;
        let term = chance * bought;
        sum += term;
        let next = z * (r + k) / (k + 1.0);
        if next < 1.0 && term <= 1e-16 * (1.0 - next).powi(2) * sum {
            break;
        }
    }
    sum
}

/// Mean of (1 − (1 + p t/α)^(−r)) / p over p, divided by the mean of 1 over the same nodes. The variable of
/// integration is the logit of p, cut off where the function is constant or the density gone; the constant ends are
/// added in closed form.
fn by_integral(r: f64, ratio: f64, (a, b): (f64, f64)) -> f64 {
    let wanted = |p: f64| {
        let growth = (p * ratio).ln_1p();
        if r * growth < 1e-12 { r * ratio } else { -(-r * growth).exp_m1() / p }
    };
    let (middle, width) = ((a / b).ln(), ((a + b) / (a * b)).sqrt());
    let constant_below = -(ratio * (r + 1.0)).ln() - 25.0;
    // Beyond the mode by `width` the density falls at least like that of the logistic with shapes a and b.
    let low = (middle - 45.0 / a - 12.0 * width).max(constant_below.min(-25.0));
    let high = (middle + 45.0 / b + 12.0 * width).min(37.0);
    let peak = ln_density((a, b), middle.clamp(low.min(high), high));
    let panels = ((high - low) / (2.0 * width).min(2.0)).ceil().clamp(1.0, 2_000.0);
    let step = (high - low) / panels;
    let (mut mass, mut sum, mut start) = (0.0, 0.0, low);
    let mut add = |weight: f64, p: f64| {
        mass += weight;
        sum += weight * wanted(p);
    };
    while start < high - 0.5 * step {
        for (node, weight) in NODES.iter() {
            let logit = start + step * node;
            add(step * weight * (ln_density((a, b), logit) - peak).exp(), logistic(logit));
        }
        start += step;
    }
    add((ln_density((a, b), low) - peak).exp() / a, logistic(low));
    add((ln_density((a, b), high) - peak).exp() / b, logistic(high));
    sum / mass
}

fn logistic(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// Logarithm of the beta density in the logit, up to a constant.
fn ln_density((a, b): (f64, f64), logit: f64) -> f64 {
    let (down, up) = if logit > 0.0 { ((-logit).exp().ln_1p(), 0.0) } else { (0.0, logit.exp().ln_1p()) };
    if logit > 0.0 { -a * down - b * (logit + down) } else { a * (logit - up) - b * up }
}

/// Nodes and weights of Gauss and Legendre on (0, 1), twelve points, by Newton's method on the polynomial.
pub(crate) static NODES: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    const POINTS: u32 = 12;
    let n = f64::from(POINTS);
    let legendre = |x: f64| {
        let (mut before, mut now) = (1.0, x);
        for k in 2..=POINTS {
            let k = f64::from(k);
            (before, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * before) / k);
        }
        (now, n * (x * now - before) / (x * x - 1.0))
    };
    (0..POINTS)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (f64::from(i) + 0.75) / (n + 0.5)).cos();
            for _ in 0..20 {
                let (value, slope) = legendre(x);
                x -= value / slope;
            }
            let slope = legendre(x).1;
            (0.5 * (1.0 + x), 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_integrate_polynomials_exactly() {
        for power in 0..24 {
            let sum: f64 = NODES.iter().map(|(x, w)| w * x.powi(power)).sum();
            assert!((sum - 1.0 / f64::from(power + 1)).abs() < 1e-14, "{power}");
        }
    }

    /// The formula of the paper, by a plain power series, where it is safe.
    fn paper(r: f64, alpha: f64, (a, b): (f64, f64), t: f64) -> f64 {
        let (c, z) = (a + b - 1.0, t / (alpha + t));
        let (mut term, mut sum) = (1.0, 1.0);
        for k in 0..5_000 {
            let k = f64::from(k);
            term *= (r + k) * (b + k) / ((c + k) * (k + 1.0)) * z;
            sum += term;
        }
        c / (a - 1.0) * (1.0 - (alpha / (alpha + t)).powf(r) * sum)
    }

    #[test]
    fn the_sum_is_the_papers_formula() {
        for (r, alpha, ab, t) in [
            (0.243, 4.414, (0.793, 2.426), 39.0),
            (26.243, 35.414, (0.793, 28.426), 39.0),
            (1.3, 20.0, (3.5, 0.4), 1.0),
            (5.0, 10.0, (40.0, 7.0), 100.0),
        ] {
            let (ours, theirs) = (expected(r, alpha, ab, t), paper(r, alpha, ab, t));
            assert!((ours / theirs - 1.0).abs() < 1e-10, "{ours} {theirs}");
        }
    }

    #[test]
    fn sum_and_integral_agree() {
        for r in [0.05, 0.7, 12.0, 150.0] {
            for ratio in [1e-3, 0.3, 4.0, 60.0] {
                for a in [1e-5, 0.03, 1.0, 8.0, 3e5] {
                    for b in [1e-3, 0.4, 2.4, 90.0, 1e5] {
                        let none = (-r * f64::ln_1p(ratio)).exp();
                        if none < 1e-280 || r * ratio + 37.0 * (1.0 + ratio) > LONGEST {
                            continue;
                        }
                        let sum = by_sum(r, ratio / (1.0 + ratio), none, (a, b));
                        let integral = by_integral(r, ratio, (a, b));
                        assert!((sum / integral - 1.0).abs() < 1e-7, "{r} {ratio} {a} {b}: {sum} {integral}");
                    }
                }
            }
        }
    }

    #[test]
    fn far_futures_are_finite_and_grow() {
        for (a, b) in [(1e-7, 1e7), (1e-7, 1e-7), (0.8, 2.4), (1.0, 1.0), (1e7, 1e-7), (1e7, 1e7)] {
            for r in [1e-7, 0.24, 1e7] {
                let mut before = 0.0;
                for t in [0.0, 1e-9, 1.0, 1e3, 1e6, 1e9, 1e12] {
                    let now = expected(r, 4.4, (a, b), t);
                    let most = r * t / 4.4;
                    assert!(now.is_finite() && now >= before * (1.0 - 1e-9), "{a} {b} {r} {t}: {now}");
                    assert!(now <= most * (1.0 + 1e-9), "{a} {b} {r} {t}: {now} above {most}");
                    before = now;
                }
            }
        }
    }
}
