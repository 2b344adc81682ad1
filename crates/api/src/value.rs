//! The reports of customer value as both APIs answer them: the shapes, which are their documentation, and the asking.

mod account;
mod figures;
mod shapes;

pub use account::*;
pub use figures::*;
pub use shapes::*;

use crate::caller::Caller;
use crate::lifecycle::ask;
use kith_flows::value as flows;
use kith_kernel::Result;
use kith_loyalty::value::reports::{
    Language, concentration, entitlements, equity, group, limited, movements, next_layer, profit, pyramid,
    pyramid_picture, quadrant, quadrant_picture,
};
use uuid::Uuid;

/// Movers that are named unless asked otherwise, and the most.
const MOVERS: i64 = 20;
const MAX_MOVERS: i64 = 200;
/// A simulation judges all accounts.
const SIMULATION: u64 = 2_000;

impl ValuePyramid {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid) -> Result<Self> {
        ask(caller, move |conn, cx| Ok(pyramid::pyramid(conn, cx, id)?.shown())).await
    }

    /// Draws it.
    pub async fn draw(caller: &Caller, id: Uuid, language: Language) -> Result<String> {
        caller.read(move |conn, cx| Ok(pyramid_picture::draw(&pyramid::pyramid(conn, cx, id)?, language))).await
    }
}

impl ValueQuadrant {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid, limit: Option<i64>, at: &'static str) -> Result<Self> {
        let limit = limited(limit, quadrant::POINTS, quadrant::MAX_POINTS, &format!("{at}/limit"))?;
        caller.charge(u64::try_from(limit).unwrap_or(0))?;
        ask(caller, move |conn, cx| Ok(quadrant::quadrant(conn, cx, id, limit)?.shown())).await
    }

    /// Draws it.
    pub async fn draw(caller: &Caller, id: Uuid, limit: Option<i64>, language: Language) -> Result<String> {
        let limit = limited(limit, quadrant::POINTS, quadrant::MAX_POINTS, "/query/limit")?;
        caller.charge(u64::try_from(limit).unwrap_or(0))?;
        let draw = move |quadrant| quadrant_picture::draw(&quadrant, language);
        caller.read(move |conn, cx| quadrant::quadrant(conn, cx, id, limit).map(draw)).await
    }
}

impl ValueMovements {
    /// Asks for it.
    pub async fn ask(caller: &Caller, question: movements::Question) -> Result<Self> {
        ask(caller, move |conn, cx| movements::movements(conn, cx, &question)).await
    }
}

impl ValueConcentration {
    /// Asks for it.
    pub async fn ask(caller: &Caller, question: concentration::Question) -> Result<Self> {
        ask(caller, move |conn, cx| concentration::concentration(conn, cx, &question)).await
    }
}

impl CustomerEquity {
    /// Asks for it.
    pub async fn ask(caller: &Caller) -> Result<Self> {
        ask(caller, equity::equity).await
    }
}

impl AccountGroupValue {
    /// Asks for it.
    pub async fn ask(caller: &Caller, account: Uuid, limit: Option<i64>, at: &'static str) -> Result<Self> {
        let limit = limited(limit, group::MEMBERS, group::MAX_MEMBERS, &format!("{at}/limit"))?;
        caller.charge(u64::try_from(limit).unwrap_or(0))?;
        ask(caller, move |conn, cx| group::group(conn, cx, account, limit)).await
    }
}

impl AccountProfit {
    /// Asks for it.
    pub async fn ask(caller: &Caller, account: Uuid) -> Result<Self> {
        ask(caller, move |conn, cx| profit::profit(conn, cx, account)).await
    }
}

impl AccountNextLayer {
    /// Asks for it.
    pub async fn ask(caller: &Caller, account: Uuid) -> Result<Self> {
        ask(caller, move |conn, cx| next_layer::next_layer(conn, cx, account)).await
    }
}

impl AccountEntitlements {
    /// Asks for them.
    pub async fn ask(caller: &Caller, account: Uuid) -> Result<Self> {
        ask(caller, move |conn, cx| entitlements::entitlements(conn, cx, account)).await
    }
}

impl ValueSimulation {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid, movers: Option<i64>, at: &'static str) -> Result<Self> {
        let movers = limited(movers, MOVERS, MAX_MOVERS, &format!("{at}/movers"))?;
        caller.charge(SIMULATION)?;
        ask(caller, move |conn, cx| flows::simulate(conn, cx, id, movers)).await
    }
}

impl LifecycleSimulation {
    /// Asks for it.
    pub async fn ask(caller: &Caller, id: Uuid, movers: Option<i64>, at: &'static str) -> Result<Self> {
        let movers = limited(movers, MOVERS, MAX_MOVERS, &format!("{at}/movers"))?;
        caller.charge(SIMULATION)?;
        ask(caller, move |conn, cx| flows::simulate_policy(conn, cx, id, movers)).await
    }
}
