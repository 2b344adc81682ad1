//! The statistics of a customer base, as plain functions: who will buy again, how often and for how much, what a customer
//! is worth, how long contracts last, how customers rank, how much a few of them weigh, and how good a forecast was.
//!
//! A crate of its own: no I/O, no clock, no database, no global state. Numbers go in, named results come out, and every
//! random draw is seeded. What cannot be computed is an [`Error`] with a reason; what has to be known of a result is a
//! [`Finding`] beside it. Nothing that was fitted here answers with NaN or infinity; models made by hand need parameters
//! above zero.
//!
//! | for | start at |
//! | --- | --- |
//! | purchases without a contract: BG/NBD, MBG/NBD, Pareto/NBD, NBD | [`History`], [`Histories`], [`fit()`], [`Model`] |
//! | spend: Gamma-Gamma | [`fit_spend`], [`SpendFit`] |
//! | lifetime value, with an interval | [`clv()`], [`clv_interval`], [`clv_simple`], [`clv_contract`] |
//! | contracts: Kaplan-Meier, shifted beta-geometric | [`kaplan_meier`], [`fit_contracts`] |
//! | rhythm of purchases, silence, loss | [`due`], [`regularity`], [`activity`] |
//! | RFM, percentiles, anchors, layers | [`rfm`], [`rank_scores`], [`percentiles`], [`Anchors`], [`by_quota`] |
//! | ABC, Gini, top shares, whale curve | [`concentration()`], [`whale_curve`] |
//! | weighted scores that add up, weights by comparison | [`score()`], [`ahp()`] |
//! | trends and surveys | [`theil_sen`], [`mann_kendall`], [`nps`], [`csat`] |
//! | churn models, calibration, validation | [`Logistic`], [`Isotonic`], [`auc`], [`brier`], [`calibration`], [`errors`] |
//!
//! ```
//! use kith_statistics::{FitOptions, Histories, History, fit};
//!
//! // Purchases on days 0, 30 and 70, observed to day 100; and many like this one.
//! let history = History::from_days(&[0, 30, 70], 100).expect("there was a purchase by day 100");
//! let once = History { repeats: 0, last: 0.0, age: 14.0 };
//! let histories = Histories::counted([(history, 150), (once, 400)])?;
//! let fit = fit(&histories, &FitOptions::default())?;
//! let purchases = fit.model.expected(&history, 26.0);
//! assert!(purchases > 0.0 && fit.model.p_buy(&history, 26.0) < 1.0);
//! # Ok::<(), kith_statistics::Error>(())
//! ```
//!
//! Times are in weeks unless said otherwise; any unit does, if it is the same everywhere. The models leave it to the caller
//! what a purchase occasion is; [`History::from_days`] makes the usual one of all purchases of a day.

mod ahp;
mod clv;
mod concentration;
mod contract;
mod describe;
mod error;
mod fit;
mod future;
mod gap;
mod history;
mod isotonic;
mod judge;
mod leaving;
mod logistic;
mod matrix;
mod model;
mod nbd;
mod number;
mod optimise;
mod pareto;
mod random;
mod rank;
mod score;
mod spend;
mod survey;
mod survival;
mod tier;
mod trend;

pub use ahp::{Weights, ahp, ahp_unchecked};
pub use clv::{
    Clv, ClvInterval, Terms, WEEKS_PER_MONTH, clv, clv_contract, clv_contract_endless, clv_interval, clv_simple,
};
pub use concentration::{Class, Concentration, concentration, whale_curve};
pub use contract::{Cohort, ContractFit, ShiftedBetaGeometric, fit_contracts};
pub use describe::{half_life_mean, median, quantile, shrunk, winsorised};
pub use error::{Error, Result};
pub use fit::{Finding, Fit, FitOptions, Kind, Prior, fit};
pub use gap::{Activity, Due, activity, due, occasions_a_year, patience, regularity, typical_gap};
pub use history::{DAYS_PER_WEEK, Histories, History};
pub use isotonic::Isotonic;
pub use judge::{Bin, Errors, auc, brier, calibration, calibration_error, errors, expected_so_far};
pub use leaving::{Leaving, LeavingModel};
pub use logistic::Logistic;
pub use model::{Alive, Model, NextPurchase};
pub use nbd::Nbd;
pub use pareto::ParetoNbd;
pub use random::Random;
pub use rank::{Anchors, Real, Rfm, below, ntile_scores, percentiles, rank_scores, rfm};
pub use score::{Indicator, Missing, Score, score, split};
pub use spend::{ExpectedSpend, GammaGamma, Spend, SpendBasis, SpendFinding, SpendFit, fit_spend};
pub use survey::{Estimate, LEAST_ANSWERS, ces, csat, nps, wilson};
pub use survival::{Step, SurvivalCurve, Tenure, kaplan_meier};
pub use tier::{MARGIN, PYRAMID, Place, by_quota, movements, settle};
pub use trend::{MannKendall, mann_kendall, theil_sen};
