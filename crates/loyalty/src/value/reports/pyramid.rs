//! The customer pyramid: how many customers are in each layer, and what they bring and cost.

use super::{Basis, Sums, count, share};
use crate::value::profile::Layer;
use diesel::PgConnection;
use kith_kernel::{Currency, Cx, Result};
use serde_json::{Value, json};
use uuid::Uuid;

/// Layers of those who bought in the window.
const ACTIVE: usize = 4;

/// The pyramid of the published model.
#[derive(Clone, Debug)]
pub struct Pyramid {
    /// The model.
    pub model: (Uuid, String),
    /// What the values are those of.
    pub basis: Basis,
    /// Of all amounts.
    pub currency: Currency,
    /// The layers from the top.
    pub layers: Vec<(&'static str, Sums)>,
    /// Of all layers together.
    pub total: Sums,
}

/// Reads it.
pub fn pyramid(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Pyramid> {
    let (model, basis) = super::counting(conn, cx, id)?;
    let (layers, total) = super::sums(conn, cx, "layer", Layer::ALL)?;
    Ok(Pyramid { model: (id, model.name), basis, currency: cx.currency, layers, total })
}

impl Pyramid {
    /// Those who bought in the window.
    pub fn active(&self) -> i64 {
        self.layers.iter().take(ACTIVE).map(|(_, sums)| sums.count).sum()
    }

    /// As JSON.
    pub fn shown(&self) -> Value {
        let active = self.active();
        let layer = |(at, (name, sums)): (usize, &(&str, Sums))| {
            let mut shown = sums.shown();
            if let Some(members) = shown.as_object_mut() {
                let part = (at < ACTIVE).then(|| share(count(sums.count), count(active))).flatten();
                members.shift_insert(0, "layer".into(), json!(name));
                members.insert("shareOfActive".into(), json!(part));
            }
            shown
        };
        json!({
            "model": {"id": self.model.0, "name": self.model.1}, "asOf": self.basis.as_of, "state": self.basis.state,
            "currency": self.currency.code(), "activeCustomers": active,
            "layers": self.layers.iter().enumerate().map(layer).collect::<Vec<_>>(), "total": self.total.shown(),
        })
    }
}
