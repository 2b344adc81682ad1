//! What can keep a figure from being computed. Every reason has a name; no function answers with NaN or infinity.

use std::fmt;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to compute from.
    Empty,
    /// An input is outside what it may be; `row` counts from zero.
    Invalid {
        /// Place of the input, counted from zero.
        row: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A setting is outside what it may be.
    Setting(&'static str),
    /// Too few customers who came back to fit a model of coming back.
    TooFewRepeaters {
        /// How many there are.
        found: u64,
        /// How many are asked for.
        needed: u64,
    },
    /// Too few observations.
    TooFew {
        /// How many there are.
        found: usize,
        /// How many are asked for.
        needed: usize,
    },
    /// The search for the best parameters came to no rest.
    NoConvergence,
    /// The observations do not determine the parameters: the likelihood is flat around its best point.
    NotIdentified,
    /// Pairwise comparisons contradict each other too much (Saaty 1980).
    Inconsistent {
        /// Consistency ratio; at most 0.10 is accepted.
        ratio: f64,
    },
    /// The mean does not exist under the fitted parameters.
    NoMean,
    /// A sum left the range of the numbers.
    Overflow,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there are no observations"),
            Self::Invalid { row, what } => write!(f, "observation {} is not valid: {what}", row.saturating_add(1)),
            Self::Setting(what) => f.write_str(what),
            Self::TooFewRepeaters { found, needed } => {
                write!(f, "only {found} customers bought again; at least {needed} are needed")
            }
            Self::TooFew { found, needed } => write!(f, "only {found} observations; at least {needed} are needed"),
            Self::NoConvergence => f.write_str("the fit did not converge"),
            Self::NotIdentified => f.write_str("the observations do not determine the parameters"),
            Self::Inconsistent { ratio } => {
                write!(
                    f,
                    "the comparisons contradict each other: consistency ratio {ratio:.3}, at most 0.10 is accepted"
                )
            }
            Self::NoMean => f.write_str("the fitted distribution has no mean"),
            Self::Overflow => f.write_str("a sum is too large"),
        }
    }
}

impl std::error::Error for Error {}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
