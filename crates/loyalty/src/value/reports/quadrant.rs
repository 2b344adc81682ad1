//! The quadrant: present value against potential, the classes with what they come to, and customers as points.

use super::{Basis, Sums};
use crate::value::borders::{Borders, UNREACHED};
use crate::value::model::QuadrantScheme;
use crate::value::number::{shown, text};
use crate::value::profile::ValueClass;
use crate::value::{ValueModel, ValueRun};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Currency, Cx, Result, Statement};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

/// Points unless asked otherwise, and the most.
pub const POINTS: i64 = 500;
/// Most points.
pub const MAX_POINTS: i64 = 2_000;

/// From where something is high.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// The border; none: nobody reaches it, or nothing is known yet.
    pub value: Option<f64>,
    /// CONFIGURED, PROFIT_80_PERCENT or MEDIAN.
    pub source: &'static str,
}

/// A customer in the quadrant.
#[derive(Clone, Debug)]
pub struct Point {
    /// The account.
    pub account: Uuid,
    /// Its name, if the actor may read it.
    pub name: Option<String>,
    /// Present value.
    pub x: Decimal,
    /// Potential.
    pub y: Decimal,
    /// Its class, which a move across a cut changes only when it is clear or seen twice.
    pub class: String,
}

/// The quadrant of the published model.
#[derive(Clone, Debug)]
pub struct Quadrant {
    /// The model.
    pub model: (Uuid, String),
    /// What the values are those of.
    pub basis: Basis,
    /// Of all amounts.
    pub currency: Currency,
    /// What is taken for present value.
    pub scheme: QuadrantScheme,
    /// Where present value is high.
    pub value_cut: Cut,
    /// Where potential is high.
    pub potential_cut: Cut,
    /// The classes.
    pub classes: Vec<(&'static str, Sums)>,
    /// Of all classes together.
    pub total: Sums,
    /// The largest customers by present value.
    pub points: Vec<Point>,
}

/// Reads it, with at most so many points.
pub fn quadrant(conn: &mut PgConnection, cx: &Cx, id: Uuid, limit: i64) -> Result<Quadrant> {
    let (model, basis) = super::counting(conn, cx, id)?;
    let borders = ValueRun::current(conn, cx)?.and_then(|run| Borders::read(run.borders.0)).unwrap_or_default();
    let known = |value: f64| (basis.as_of.is_some() && value < UNREACHED).then_some(value);
    let (classes, total) = super::sums(conn, cx, "value_class", ValueClass::ALL)?;
    let points = points(conn, cx, &model, limit)?;
    Ok(Quadrant {
        value_cut: Cut { value: known(borders.value_cut), source: value_source(&model) },
        potential_cut: Cut {
            value: known(borders.potential_cut),
            source: if model.potential_cut.is_some() { "CONFIGURED" } else { "MEDIAN" },
        },
        scheme: model.quadrant,
        model: (id, model.name),
        currency: cx.currency,
        basis,
        classes,
        total,
        points,
    })
}

fn value_source(model: &ValueModel) -> &'static str {
    match (model.value_cut, model.quadrant) {
        (Some(_), _) => "CONFIGURED",
        (None, QuadrantScheme::Profit) => "PROFIT_80_PERCENT",
        (None, QuadrantScheme::Score) => "MEDIAN",
    }
}

/// The largest of those who have a class.
fn points(conn: &mut PgConnection, cx: &Cx, model: &ValueModel, limit: i64) -> Result<Vec<Point>> {
    let x = match model.quadrant {
        QuadrantScheme::Profit => "p.profit_amount",
        QuadrantScheme::Score => "p.score",
    };
    let mut out = Statement::new(format!("SELECT p.id, {x}, p.potential, p.value_class"));
    super::profiles(cx, &mut out)?;
    out.sql(format!(" AND p.value_class <> 'UNCLASSIFIED' AND p.potential IS NOT NULL AND {x} IS NOT NULL"));
    out.sql(format!(" ORDER BY {x} DESC, p.id LIMIT ")).bind(Bind::BigInt(Some(limit)));
    type Sql = (st::Uuid, st::Numeric, st::Numeric, st::Text);
    let rows: Vec<(Uuid, Decimal, Decimal, String)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let ids: Vec<Uuid> = rows.iter().map(|(id, ..)| *id).collect();
    let mut names = super::names(conn, cx, "accounts", &ids)?;
    let point = |(account, x, y, class)| Point { account, name: names.remove(&account), x, y, class };
    Ok(rows.into_iter().map(point).collect())
}

impl Quadrant {
    /// As JSON.
    pub fn shown(&self) -> Value {
        let class = |(name, sums): &(&str, Sums)| {
            let mut shown = sums.shown();
            if let Some(members) = shown.as_object_mut() {
                members.shift_insert(0, "valueClass".into(), json!(name));
            }
            shown
        };
        let cut = |cut: &Cut| json!({"value": cut.value.and_then(shown), "source": cut.source});
        let point = |point: &Point| {
            json!({
                "accountId": point.account, "name": point.name, "x": text(point.x), "y": text(point.y),
                "valueClass": point.class,
            })
        };
        json!({
            "model": {"id": self.model.0, "name": self.model.1}, "asOf": self.basis.as_of, "state": self.basis.state,
            "currency": self.currency.code(), "quadrant": self.scheme.as_str(),
            "valueCut": cut(&self.value_cut), "potentialCut": cut(&self.potential_cut),
            "classes": self.classes.iter().map(class).collect::<Vec<_>>(), "total": self.total.shown(),
            "points": self.points.iter().map(point).collect::<Vec<_>>(),
        })
    }
}
