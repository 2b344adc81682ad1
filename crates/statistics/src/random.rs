//! Random numbers that are the same everywhere and for ever: SplitMix64 (Steele, Lea & Flood 2014), normal (Box &
//! Muller 1958), gamma (Marsaglia & Tsang 2000) and beta draws.

/// A seeded stream. The same seed gives the same numbers in every version of this crate.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A stream from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform, strictly between 0 and 1.
    pub fn uniform(&mut self) -> f64 {
        (crate::number::real64(self.next() >> 12) + 0.5) / 4_503_599_627_370_496.0
    }

    /// Normal with mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Logarithm of a gamma draw with the given shape and rate 1. The logarithm, because small shapes underflow.
    pub fn ln_gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            // Γ(k) = Γ(k + 1) · U^(1/k)
            let boost = self.uniform().ln() / shape;
            return self.ln_gamma(shape + 1.0) + boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
                return d.ln() + v.ln();
            }
        }
    }

    /// A gamma draw with shape and rate.
    pub fn gamma(&mut self, shape: f64, rate: f64) -> f64 {
        (self.ln_gamma(shape) - rate.ln()).exp()
    }

    /// A beta draw.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let difference = self.ln_gamma(b) - self.ln_gamma(a);
        1.0 / (1.0 + difference.exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(draws: &[f64]) -> (f64, f64) {
        let n = crate::number::real(draws.len());
        let mean = draws.iter().sum::<f64>() / n;
        (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / n)
    }

    #[test]
    fn draws_have_their_moments() {
        let mut random = Random::new(7);
        let mut check = |draw: &mut dyn FnMut(&mut Random) -> f64, mean: f64, variance: f64| {
            let draws: Vec<f64> = (0..40_000).map(|_| draw(&mut random)).collect();
            let (m, v) = moments(&draws);
            assert!((m - mean).abs() < 5.0 * (variance / 40_000.0).sqrt(), "mean {m} against {mean}");
            assert!((v - variance).abs() < 0.06 * variance, "variance {v} against {variance}");
        };
        check(&mut |r| r.uniform(), 0.5, 1.0 / 12.0);
        check(&mut |r| r.normal(), 0.0, 1.0);
        check(&mut |r| r.gamma(0.3, 2.0), 0.15, 0.075);
        check(&mut |r| r.gamma(6.0, 0.5), 12.0, 24.0);
        check(&mut |r| r.beta(0.8, 2.4), 0.25, 0.8 * 2.4 / (3.2 * 3.2 * 4.2));
    }

    #[test]
    fn the_stream_is_the_published_one() {
        // First outputs of SplitMix64 for the seed 1234567, as in the reference implementation.
        let mut random = Random::new(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn extreme_shapes_stay_finite() {
        let mut random = Random::new(1);
        for shape in [1e-9, 1e-3, 1e3, 1e12] {
            let (g, b) = (random.gamma(shape, 1.0), random.beta(shape, 1.0));
            assert!(g.is_finite() && g >= 0.0 && (0.0..=1.0).contains(&b), "{shape}: {g} {b}");
        }
    }
}
