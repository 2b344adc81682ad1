//! Special functions and small numeric helpers (Abramowitz & Stegun 1964, chapter 6).

/// Terms up to this many are multiplied out; beyond it Stirling's series takes over.
const DIRECT: u32 = 16;

/// A count as a real number; exact below 2^53.
pub(crate) fn real(count: usize) -> f64 {
    #[expect(clippy::as_conversions, reason = "there is no lossless conversion; counts stay below 2^53")]
    {
        count as f64
    }
}

/// The same for counts that come as `u64`.
pub(crate) fn real64(count: u64) -> f64 {
    #[expect(clippy::as_conversions, reason = "there is no lossless conversion; counts stay below 2^53")]
    {
        count as f64
    }
}

/// `ln Γ(a)` for a > 0.
pub(crate) fn ln_gamma(a: f64) -> f64 {
    libm::lgamma(a)
}

/// The digamma function ψ(a) for a > 0: recurrence up to 10, then the asymptotic series (A&S 6.3.18).
pub(crate) fn digamma(mut a: f64) -> f64 {
    let mut sum = 0.0;
    while a < 10.0 {
        sum -= 1.0 / a;
        a += 1.0;
    }
    let y = 1.0 / (a * a);
    let tail = y * (1.0 / 12.0 - y * (1.0 / 120.0 - y * (1.0 / 252.0 - y * (1.0 / 240.0 - y * (1.0 / 132.0)))));
    sum + a.ln() - 0.5 / a - tail
}

/// `ln Γ(a + n) − ln Γ(a)` for a > 0 and n ≥ 0, without the cancellation that two calls of `ln_gamma` suffer when a is
/// large, as it is when customers hardly differ.
pub(crate) fn ln_rising(a: f64, n: u32) -> f64 {
    if n <= DIRECT {
        return (0..n).map(|j| a + f64::from(j)).product::<f64>().ln();
    }
    ln_gamma_ratio(a, f64::from(n))
}

/// Derivative of [`ln_rising`] by a.
pub(crate) fn ln_rising_slope(a: f64, n: u32) -> f64 {
    if n <= DIRECT {
        return (0..n).map(|j| 1.0 / (a + f64::from(j))).sum();
    }
    digamma(a + f64::from(n)) - digamma(a)
}

/// `ln Γ(a + n) − ln Γ(a)` for real n ≥ 0: both arguments are lifted by the recurrence, then Stirling's series of the
/// two is subtracted term by term.
pub(crate) fn ln_gamma_ratio(a: f64, n: f64) -> f64 {
    let (mut low, mut lifted) = (a, 1.0);
    while low < 16.0 {
        lifted *= (low + n) / low;
        low += 1.0;
    }
    let high = low + n;
    let stirling = |v: f64| {
        let y = 1.0 / (v * v);
        (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / v
    };
    (low - 0.5) * (n / low).ln_1p() + n * high.ln() - n + stirling(high) - stirling(low) - lifted.ln()
}

/// `(1 − e^(−k y)) / k` with its limit y at k = 0.
pub(crate) fn one_minus_exp_over(k: f64, y: f64) -> f64 {
    if (k * y).abs() < 1e-300 { y } else { -(-k * y).exp_m1() / k }
}

/// Pearson's correlation; none when one side does not vary.
pub(crate) fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let n = real(pairs.len());
    let (mean_x, mean_y) =
        (pairs.iter().map(|pair| pair.0).sum::<f64>() / n, pairs.iter().map(|pair| pair.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(x - mean_x, y - mean_y)).sum::<f64>();
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    let r = xy / (xx.sqrt() * yy.sqrt());
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "{a} against {b}");
    }

    #[test]
    fn digamma_has_its_known_values() {
        let euler = 0.577_215_664_901_532_9;
        close(digamma(1.0), -euler);
        close(digamma(0.5), -euler - 2.0 * std::f64::consts::LN_2);
        close(digamma(10.0), 2.251_752_589_066_721);
        close(digamma(1e-3), -1_000.575_571_931_813_4);
    }

    #[test]
    fn rising_factorials_agree_with_the_gamma_function() {
        for a in [1e-6, 0.01, 0.3, 1.0, 2.5, 17.0, 300.0] {
            for n in [0_u32, 1, 5, 16, 17, 40, 1000] {
                let expected = ln_gamma(a + f64::from(n)) - ln_gamma(a);
                assert!((ln_rising(a, n) - expected).abs() < 1e-11 * expected.abs().max(1.0), "{a} {n}");
                let h = a * 1e-5;
                let slope = (ln_rising(a + h, n) - ln_rising(a - h, n)) / (2.0 * h);
                assert!((ln_rising_slope(a, n) - slope).abs() < 1e-6 * slope.abs().max(1.0), "{a} {n}");
            }
            for n in [0.4, 3.7, 25.1] {
                let expected = ln_gamma(a + n) - ln_gamma(a);
                assert!((ln_gamma_ratio(a, n) - expected).abs() < 1e-15 * ln_gamma(a + n).abs().max(100.0), "{a} {n}");
            }
        }
        // Where the difference of two logarithms of the gamma function has lost half of its digits.
        close(ln_rising(1e9, 20), 20.0 * 1e9_f64.ln() + 190.0 / 1e9);
    }
}
