//! What it is worth to win a customer back (Stauss & Friege 1999; Kumar, Bhagwat & Zhang 2015): the chance by the kind of the
//! loss × the value of a second lifetime − the cost.

use super::churn::ChurnKind;

/// How many cases the prior counts as.
const PRIOR_CASES: f64 = 20.0;

impl ChurnKind {
    /// The chance to win back before there are cases of one's own; none: it is not tried.
    pub const fn win_back_prior(self) -> Option<f64> {
        match self {
            // It was our doing, and can be put right.
            ChurnKind::Fault => Some(0.30),
            // A reminder or another means of payment helps.
            ChurnKind::NonMaliciousNonpayment => Some(0.40),
            ChurnKind::Competitive => Some(0.15),
            ChurnKind::Retaliatory | ChurnKind::Other => Some(0.10),
            // There is no need any more, or no wish.
            ChurnKind::Natural | ChurnKind::Malicious => None,
        }
    }

    /// The chance with one's own cases: the mean of a Beta distribution that began as the prior. `saved` of `decided` cases of
    /// this kind came back.
    pub fn win_back_chance(self, saved: u32, decided: u32) -> Option<f64> {
        let prior = self.win_back_prior()?;
        let (saved, decided) = (f64::from(saved.min(decided)), f64::from(decided));
        Some((PRIOR_CASES * prior + saved) / (PRIOR_CASES + decided))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_cases_move_the_prior() {
        let close = |found: Option<f64>, expected: f64| assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        close(ChurnKind::Fault.win_back_chance(0, 0), 0.3);
        close(ChurnKind::Fault.win_back_chance(10, 20), 16.0 / 40.0);
        close(ChurnKind::Competitive.win_back_chance(0, 80), 0.03);
        assert_eq!(ChurnKind::Natural.win_back_chance(9, 9), None);
        assert_eq!(ChurnKind::Malicious.win_back_chance(9, 9), None);
    }
}
