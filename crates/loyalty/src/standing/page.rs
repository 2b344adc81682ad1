//! The entry for whoever computes values: a page of accounts at a time.

use super::driver::{self, Driver};
use super::inputs;
use super::layer;
use super::measure::Customer;
use super::rules::{self, Bar, Weights};
use super::sign::Axis;
use super::{LoyaltyAssessment, inputs::Inputs};
use crate::value::Borders;
use crate::value::ValueProfile;
use crate::value::clv::ValueState;
use crate::value::facts::{Facts, Page};
use crate::value::number::{known, real, shown, text};
use chrono::NaiveDate;
use diesel::PgConnection;
use kith_kernel::ids::AccountId;
use kith_kernel::{Custom, Cx, Meta, Result, Shape};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// Assesses a page of accounts against what the last run learned, by the weights of the model that counts. `shares`: per cent
/// of its need that each buys from us, where it is known.
pub fn assess_page(
    conn: &mut PgConnection,
    cx: &Cx,
    page: &Page,
    shares: &HashMap<Uuid, f64>,
    (borders, weights): (&Borders, &Weights),
    as_of: NaiveDate,
) -> Result<Vec<LoyaltyAssessment>> {
    let all = inputs::read(conn, cx, &page.group, as_of)?;
    let none = Inputs::default();
    let assess = |facts: &Facts| {
        let inputs = all.get(&facts.account).unwrap_or(&none);
        let share = shares.get(&facts.account).copied();
        let customer = Customer { facts, inputs, share, peers: &borders.loyalty, as_of };
        row(cx, &customer, weights)
    };
    Ok(page.facts.iter().map(assess).collect())
}

/// Per cent of their need that accounts buy from us, where it is known.
pub fn shares<'a>(profiles: impl Iterator<Item = &'a ValueProfile>) -> HashMap<Uuid, f64> {
    profiles.filter_map(|profile| Some((profile.account_id.0, real(profile.share_of_wallet?)))).collect()
}

fn row(cx: &Cx, customer: &Customer<'_>, weights: &Weights) -> LoyaltyAssessment {
    let signs = customer.signs();
    let evidence = customer.evidence(&signs);
    let reached = layer::reach(&evidence);
    let (drivers, driver_index) = driver::drivers(&evidence, &customer.inputs.bonds, customer.inputs.stage.as_deref());
    let found = rules::assess(signs, weights);
    let account = customer.facts.account;
    let never = customer.facts.occasions.is_empty();
    let of_never = |state| match state {
        ValueState::InsufficientData if never => ValueState::NotApplicable,
        state => state,
    };
    LoyaltyAssessment {
        account_id: AccountId(account),
        as_of: customer.as_of,
        state: found.state,
        reasons: Custom(Value::from(found.reasons)),
        level: reached.level,
        level_state: of_never(reached.state),
        is_inferred: reached.is_inferred,
        is_conflicted: reached.is_conflicted,
        layers: Custom(reached.layers),
        form: found.form,
        form_state: of_never(found.state),
        attitude: found.attitude,
        behaviour: found.behaviour,
        index: found.index,
        index_reference: found.reference,
        signs: Custom(found.bars.iter().map(bar).collect()),
        driver_index,
        drivers: Custom(drivers.iter().map(told).collect()),
        ..LoyaltyAssessment::blank(Meta { id: account, ..Meta::new(cx) })
    }
}

fn bar(bar: &Bar) -> Value {
    let sign = &bar.sign;
    let is_known = sign.value.is_some() || sign.points.is_some();
    let source = if sign.system.is_some() { "EXTERNAL" } else { "COMPUTED" };
    known([
        ("sign", Some(json!(sign.name()))),
        ("axis", Some(json!(if sign.axis() == Axis::Attitude { "ATTITUDE" } else { "BEHAVIOUR" }))),
        ("state", Some(json!(sign.state.as_str()))),
        ("value", sign.value.and_then(shown).map(Value::from)),
        ("points", sign.points.map(text).map(Value::from)),
        ("peerValue", sign.peer_value.and_then(shown).map(Value::from)),
        ("peerPoints", sign.peer_points.map(text).map(Value::from)),
        ("weight", Some(json!(text(bar.weight)))),
        ("contribution", bar.contribution.map(text).map(Value::from)),
        ("againstPeers", bar.against_peers.map(text).map(Value::from)),
        ("source", is_known.then(|| json!(source))),
        ("system", sign.system.as_deref().map(Value::from)),
        ("evidence", sign.evidence.as_deref().map(Value::from)),
        ("missing", sign.missing.map(Value::from)),
    ])
}

fn told(driver: &Driver) -> Value {
    known([
        ("driver", Some(json!(driver.kind.as_str()))),
        ("value", driver.value.map(text).map(Value::from)),
        ("weight", Some(json!(driver.weight))),
        ("evidence", Some(driver.evidence.clone())),
        ("missing", driver.missing.map(Value::from)),
    ])
}
