//! Customer equity: the lifetime values of all customers together (Rust, Zeithaml & Lemon 2000; Blattberg & Deighton 1996),
//! with what they rest on and how far off they may be, beside what winning the customers cost.

use super::share;
use crate::value::clv::ClvMethod;
use crate::value::number::{real, text};
use crate::value::profile::{Layer, ValueClass};
use crate::value::{PurchaseModel, ValueModel, ValueRun};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{metric, store};
use kith_kernel::{Cx, Result, Statement};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Sums of a group.
#[derive(Clone, Debug, Default)]
struct Group {
    customers: i64,
    value: Decimal,
    acquisition: Decimal,
    /// Value of those whose acquisition cost is known.
    won: Decimal,
    known: i64,
}

impl Group {
    fn add(&mut self, other: &Group) {
        self.customers += other.customers;
        self.known += other.known;
        self.value += other.value;
        self.acquisition += other.acquisition;
        self.won += other.won;
    }

    fn shown(&self, name: (&str, &str), total: &Group) -> Value {
        json!({
            name.0: name.1, "customers": self.customers, "value": text(self.value),
            "share": share(real(self.value), real(total.value)), "acquisition": self.acquisition_shown(),
        })
    }

    fn acquisition_shown(&self) -> Value {
        // Two places: a ratio of 3.27 says all there is to say.
        let ratio = self.won.checked_div(self.acquisition).map(|ratio| text(ratio.round_dp(2)));
        json!({"customers": self.known, "cost": text(self.acquisition), "value": text(self.won), "ratio": ratio})
    }
}

type Row = ((String, String, String), Group);

/// Adds it up.
pub fn equity(conn: &mut PgConnection, cx: &Cx) -> Result<Value> {
    for resource in ["value-profiles", "clv-estimates"] {
        metric::whole(cx, resource)?;
    }
    let run = ValueRun::current(conn, cx)?;
    let model = match run.as_ref().and_then(|run| run.model_id) {
        Some(id) => store::find::<ValueModel>(conn, cx, id.0)?,
        None => None,
    };
    let purchase = match run.as_ref().and_then(|run| run.purchase_model_id) {
        Some(id) => store::find::<PurchaseModel>(conn, cx, id.0)?,
        None => None,
    };
    let rows = groups(conn, cx)?;
    let total = sum(&rows, |_| true);
    let by = |name: &'static str, all: &[(&'static str, &str)], key: fn(&Row) -> &str| -> Vec<Value> {
        let row = |(value, _): &(&'static str, &str)| sum(&rows, |row| key(row) == *value).shown((name, value), &total);
        all.iter().map(row).collect()
    };
    let probabilistic = sum(&rows, |row| row.0.2 == ClvMethod::Probabilistic.as_str());
    let terms = model.unwrap_or_else(|| ValueModel::usual(cx)).terms();
    Ok(json!({
        "asOf": run.as_ref().and_then(|run| run.as_of), "currency": cx.currency.code(),
        "customers": total.customers, "value": text(total.value),
        "horizonMonths": terms.horizon_months, "monthlyDiscount": text(terms.monthly_discount),
        "purchaseModel": purchase.as_ref().map(|model| json!({"id": model.meta.id, "kind": model.kind, "fittedOn": model.fitted_on})),
        "interval": purchase.as_ref().and_then(|model| interval(model, &probabilistic)),
        "acquisition": total.acquisition_shown(),
        "methods": by("method", ClvMethod::ALL, |row| &row.0.2),
        "layers": by("layer", Layer::ALL, |row| &row.0.0),
        "classes": by("valueClass", ValueClass::ALL, |row| &row.0.1),
    }))
}

fn sum(rows: &[Row], inside: impl Fn(&Row) -> bool) -> Group {
    let mut total = Group::default();
    rows.iter().filter(|row| inside(row)).for_each(|(_, group)| total.add(group));
    total
}

/// How far off the part that a purchase model tells may be: the 10 % and 90 % points of the bootstrap over its median,
/// which the fit keeps, times that part.
fn interval(model: &PurchaseModel, probabilistic: &Group) -> Option<Value> {
    let kept = model.validation.0.get("interval")?;
    let times = |name: &str| {
        let over = kept.get(name)?.as_f64().and_then(crate::value::number::decimal)?;
        probabilistic.value.checked_mul(over).map(|amount| text(amount.round_dp(4)))
    };
    Some(json!({"low": times("low")?, "high": times("high")?, "of": text(probabilistic.value)}))
}

/// Those who have a lifetime value, by layer, class and method: who ever bought, or pays for a subscription.
fn groups(conn: &mut PgConnection, cx: &Cx) -> Result<Vec<Row>> {
    let mut out = Statement::new(
        "SELECT p.layer, p.value_class, c.method, count(*), sum(c.value_amount), sum(p.acquisition_cost_amount), \
         coalesce(sum(c.value_amount) FILTER (WHERE p.acquisition_cost_amount > 0), 0), \
         count(*) FILTER (WHERE p.acquisition_cost_amount > 0)",
    );
    super::profiles(cx, &mut out)?;
    out.sql(" AND c.value_amount IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3");
    type Sql = ((st::Text, st::Text, st::Text), (st::BigInt, st::Numeric, st::Numeric, st::Numeric, st::BigInt));
    type Found = ((String, String, String), (i64, Decimal, Decimal, Decimal, i64));
    let rows: Vec<Found> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let group = |(key, (customers, value, acquisition, won, known)): Found| {
        (key, Group { customers, value, acquisition, won, known })
    };
    Ok(rows.into_iter().map(group).collect())
}
