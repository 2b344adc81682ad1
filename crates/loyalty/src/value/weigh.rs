//! Weights from comparisons of pairs: how much more one indicator matters than another is easier to say than how much each
//! matters.

use super::number::decimal;
use super::{ValueIndicator, ValueModel, model::ModelStatus};
use diesel::PgConnection;
use kith_journal::{log, store, verbs};
use kith_kernel::{Custom, Cx, Error, Result, Row};
use kith_macros::input;
use kith_statistics as statistics;
use uuid::Uuid;

/// Pairs that were compared.
#[input]
pub struct Weigh {
    /// For each pair of indicators `{"left": code, "right": code, "ratio": "3"}`: how many times as much the left one
    /// matters, from 1/9 to 9. Every pair once.
    #[field(example = "[{\"left\": \"profit\", \"right\": \"recency\", \"ratio\": \"3\"}]")]
    pub comparisons: Custom,
}

pub(super) fn weigh(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    input: Weigh,
) -> Result<Box<dyn Row>> {
    let row = verbs::change::<ValueModel>(conn, cx, id, seen, "weighed", |_, model| match model.status {
        ModelStatus::Draft => Ok(()),
        status => Err(Error::illegal(format!("The model is {}.", status.as_str()), &[])),
    })?;
    let model = row.any().downcast_ref::<ValueModel>().ok_or_else(|| Error::internal("a row of another resource"))?;
    let indicators = ValueIndicator::of(conn, cx, model)?;
    let codes: Vec<&str> = indicators.iter().map(|one| one.code.as_str()).collect();
    let matrix = matrix(&codes, &input.comparisons)?;
    let weights =
        statistics::ahp(&matrix).map_err(|error| Error::invalid("/comparisons", "INVALID", error.to_string()))?;
    let entry = cx.entry(<ValueIndicator as kith_kernel::Shape>::NAME)?;
    for (indicator, weight) in indicators.iter().zip(weights.weights) {
        let weight = decimal(100.0 * weight).unwrap_or_default();
        // What counts where nothing was said is not stored; then there is nothing to weigh.
        if !store::exists(conn, cx, entry, indicator.meta.id, kith_kernel::Action::Read)? {
            return Err(Error::invalid("/comparisons", "INVALID", "The model has no indicators yet."));
        }
        verbs::change::<ValueIndicator>(conn, &cx.as_system(), indicator.meta.id, None, log::UPDATED, |_, row| {
            row.weight = weight;
            Ok(())
        })?;
    }
    Ok(row)
}

/// Each against each; every mistake at once.
fn matrix(codes: &[&str], comparisons: &Custom) -> Result<Vec<Vec<f64>>> {
    let mut violations = kith_kernel::Violations::default();
    let mut matrix = vec![vec![None; codes.len()]; codes.len()];
    for (row, cells) in matrix.iter_mut().enumerate() {
        if let Some(cell) = cells.get_mut(row) {
            *cell = Some(1.0);
        }
    }
    let place = |value: &serde_json::Value, name: &str| {
        let code = value.get(name)?.as_str()?;
        codes.iter().position(|other| *other == code)
    };
    let pairs = comparisons.0.as_array().map(Vec::as_slice).unwrap_or_default();
    for (at, pair) in pairs.iter().enumerate() {
        let ratio = pair.get("ratio").and_then(|ratio| ratio.as_str()?.parse::<f64>().ok());
        let ratio = ratio.filter(|ratio| (1.0 / 9.0 - 0.001..=9.0).contains(ratio));
        let (Some(left), Some(right), Some(ratio)) = (place(pair, "left"), place(pair, "right"), ratio) else {
            let detail =
                format!("Expected left and right out of {}, and a ratio from 1/9 to 9 as a text.", codes.join(", "));
            violations.add(format!("/comparisons/{at}"), "INVALID", detail);
            continue;
        };
        // Of two that differ the second would count, and nobody would hear of the first.
        if matrix.get(left).and_then(|row| row.get(right)).is_some_and(Option::is_some) {
            let detail = "Each pair is compared once, and nothing with itself.";
            violations.add(format!("/comparisons/{at}"), "DUPLICATE", detail);
            continue;
        }
        for (row, column, value) in [(left, right, ratio), (right, left, 1.0 / ratio)] {
            if let Some(cell) = matrix.get_mut(row).and_then(|row: &mut Vec<Option<f64>>| row.get_mut(column)) {
                *cell = Some(value);
            }
        }
    }
    let missing = matrix.iter().flatten().filter(|cell| cell.is_none()).count() / 2;
    violations.ensure(missing == 0, "/comparisons", "REQUIRED", &format!("{missing} pairs were not compared."));
    violations.into_result()?;
    Ok(matrix.into_iter().map(|row| row.into_iter().flatten().collect()).collect())
}
