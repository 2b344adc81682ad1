//! What is missing to the next layer of the pyramid: the distance to its border, and how far each measure alone would have to
//! move, in units that people know.

use super::entitlements::profile;
use crate::value::indicator::{Direction, IndicatorScale, IndicatorSource};
use crate::value::model::PyramidScheme;
use crate::value::number::{beyond, real, shown, text};
use crate::value::profile::Layer;
use crate::value::{Borders, ValueIndicator, ValueModel, ValueProfile, ValueRun};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::{Action, Cx, Result, RowScope, Shape};
use serde_json::{Value, json};
use uuid::Uuid;

/// Accounts are read under their own rights.
const ACCOUNTS: &str = "accounts";

/// The layers that a border leads to, from the top.
const ABOVE: [Layer; 3] = [Layer::Top, Layer::Large, Layer::Medium];

/// Looks it up.
pub fn next_layer(conn: &mut PgConnection, cx: &Cx, account: Uuid) -> Result<Value> {
    store::get(conn, cx, cx.entry(ACCOUNTS)?, account)?;
    let Some(profile) = profile(conn, cx, account)? else { return Ok(none(account, None, "NOT_VALUED")) };
    let borders = ValueRun::current(conn, cx)?.and_then(|run| Borders::read(run.borders.0));
    let model = match profile.model_id {
        Some(id) => store::find::<ValueModel>(conn, cx, id.0)?,
        None => Some(ValueModel::usual(cx)),
    };
    let Some((borders, model)) = borders.zip(model) else { return Ok(none(account, Some(&profile), "NOT_VALUED")) };
    let indicators = ValueIndicator::of(conn, cx, &model)?;
    let is_whole = cx.require(cx.entry(ValueProfile::NAME)?, Action::Read)? == RowScope::All;
    Ok(told((cx, is_whole), &profile, &borders, &model, &indicators))
}

fn none(account: Uuid, profile: Option<&ValueProfile>, reason: &str) -> Value {
    json!({
        "accountId": account, "layer": profile.map(|profile| profile.layer.as_str()),
        "score": profile.and_then(|profile| profile.score).map(text), "reason": reason, "ways": [],
    })
}

/// `is_whole`: the caller may read all customers. What somebody else brings is an amount that others are not told: they find
/// the next step beyond it.
fn told(
    (cx, is_whole): (&Cx, bool),
    profile: &ValueProfile,
    borders: &Borders,
    model: &ValueModel,
    indicators: &[ValueIndicator],
) -> Value {
    let account = profile.account_id.0;
    let above = match profile.layer {
        Layer::Top => return none(account, Some(profile), "TOP"),
        Layer::Large => 0,
        Layer::Medium => 1,
        Layer::Small => 2,
        _ => return none(account, Some(profile), "NOT_ACTIVE"),
    };
    let by_revenue = model.pyramid == PyramidScheme::Contribution;
    let value = if by_revenue { Some(profile.revenue.amount) } else { profile.score };
    let Some(value) = value.map(real) else { return none(account, Some(profile), "NO_SCORE") };
    let (Some(layer), Some(border)) = (ABOVE.get(above), borders.layers.get(above)) else {
        return none(account, Some(profile), "NOT_VALUED");
    };
    let border = if by_revenue && !is_whole { beyond(*border, true) } else { *border };
    let missing = (border - value).max(0.0);
    let ways = match by_revenue {
        true => vec![way("revenue", (IndicatorSource::Revenue, None), (value, border))],
        false => indicators.iter().filter_map(|one| lever(profile, (borders, is_whole), one, missing)).collect(),
    };
    json!({
        "accountId": account, "layer": profile.layer.as_str(), "score": profile.score.map(text), "nextLayer": layer.as_str(),
        "unit": if by_revenue { "MONEY" } else { "POINTS" }, "currency": cx.currency.code(),
        "border": shown(border), "missing": shown(missing), "asOf": profile.as_of,
        // It is past the border already, but not by three points: the next run decides.
        "reason": (missing <= 0.0).then_some("NEXT_RUN"), "ways": ways,
    })
}

/// How far one indicator alone would have to move; none where it cannot, or is not known.
fn lever(
    profile: &ValueProfile,
    (borders, is_whole): (&Borders, bool),
    indicator: &ValueIndicator,
    missing: f64,
) -> Option<Value> {
    let parts = profile.contributions.0.as_array()?;
    let number = |part: &Value, name: &str| part.get(name)?.as_str()?.parse::<f64>().ok();
    let own = parts.iter().find(|part| part.get("code").and_then(Value::as_str) == Some(&indicator.code))?;
    let (points, weight, value) = (number(own, "points")?, number(own, "weight")?, number(own, "value")?);
    let present: f64 =
        parts.iter().filter(|part| number(part, "points").is_some()).filter_map(|part| number(part, "weight")).sum();
    let wanted = points + missing * present / weight;
    if weight <= 0.0 || wanted > 100.0 {
        return None;
    }
    let scale = borders.scale_of(indicator.measure());
    let needed = match (indicator.scale, indicator.direction) {
        (IndicatorScale::Anchors, _) => indicator.points()?.nearest(wanted, value),
        (IndicatorScale::Bands, _) => indicator.points()?.nearest_band(wanted, value),
        (IndicatorScale::Percentile, Direction::Higher) => scale?.at_least(wanted),
        (IndicatorScale::Percentile, Direction::Lower) => scale?.at_most(100.0 - wanted),
    };
    let is_told = is_whole || indicator.scale != IndicatorScale::Percentile;
    let needed = if is_told { needed? } else { beyond(needed?, indicator.direction == Direction::Higher) };
    Some(way(&indicator.code, indicator.measure(), (value, needed)))
}

fn way(code: &str, (source, window): (IndicatorSource, Option<i32>), (value, needed): (f64, f64)) -> Value {
    json!({
        "code": code, "source": source.as_str(), "windowDays": window, "unit": unit(source),
        "value": shown(value), "needed": shown(needed), "change": shown(needed - value),
    })
}

fn unit(source: IndicatorSource) -> &'static str {
    use IndicatorSource as S;
    match source {
        S::Revenue | S::Margin | S::Profit | S::AverageOccasion | S::Pipeline | S::Clv => "MONEY",
        S::ProfitRate | S::DiscountShare | S::ShareOfWallet | S::PurchaseChance => "PERCENT",
        S::Recency | S::Tenure => "DAYS",
        S::Frequency => "OCCASIONS_A_YEAR",
        S::Engagement => "CONTACTS",
        S::Potential => "POINTS",
        S::Regularity => "NUMBER",
    }
}
