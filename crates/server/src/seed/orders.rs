//! Northwind's 830 orders with their lines and shipments, as an ERP would send them: whole documents, many at a time. All
//! days are moved by the same number of weeks, so that the last order is at most a week ago.

use super::northwind::{Load, Record, SYSTEM, cell, file, rows};
use chrono::{Days, NaiveDate};
use kith_kernel::Result;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// The last day of Northwind's orders.
const LAST: NaiveDate = match NaiveDate::from_ymd_opt(1998, 5, 6) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
/// Documents that are sent together.
const AT_A_TIME: usize = 500;

/// Loads them.
pub fn load(load: &mut Load<'_>) -> Result<()> {
    let weeks = (load.cx.now.date_naive() - LAST).num_weeks();
    let moved = Moved(Days::new(u64::try_from(weeks).unwrap_or(0) * 7));
    let mut lines: HashMap<String, Vec<Value>> = HashMap::new();
    for row in rows(file!("order_details"))? {
        let order = cell(&row, "order_id").unwrap_or_default().to_owned();
        lines.entry(order).or_default().push(line(&row));
    }
    let orders = rows(file!("orders"))?;
    let documents: Vec<Value> = orders.iter().map(|row| document(row, moved, &mut lines)).collect();
    let mut ids = Vec::with_capacity(documents.len());
    for some in documents.chunks(AT_A_TIME) {
        ids.extend(load.documents(some)?);
    }
    shipments(load, ids.into_iter().zip(&orders), moved)
}

/// How far days are moved.
#[derive(Clone, Copy)]
struct Moved(Days);

impl Moved {
    /// Noon of a day: the same day in Europe and in America.
    fn noon(self, row: &Record, column: &str) -> Option<String> {
        let day: NaiveDate = cell(row, column)?.parse().ok()?;
        Some(format!("{}T12:00:00Z", day.checked_add_days(self.0)?))
    }
}

/// Amounts were kept as floats of four bytes: 9.80000019 is 9.80.
fn cents(row: &Record, column: &str) -> String {
    format!("{:.2}", cell(row, column).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default())
}

fn line(row: &Record) -> Value {
    let discount = cell(row, "discount").and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    json!({
        "externalId": cell(row, "product_id"), "product": {"sku": super::pipeline::sku(row)},
        "quantity": cell(row, "quantity"), "unitPrice": {"amount": cents(row, "unit_price"), "currency": "USD"},
        "discountPercent": format!("{:.0}", discount * 100.0),
    })
}

fn document(row: &Record, moved: Moved, lines: &mut HashMap<String, Vec<Value>>) -> Value {
    let id = cell(row, "order_id").unwrap_or_default();
    let customer = cell(row, "customer_id").unwrap_or_default();
    json!({
        "system": SYSTEM, "externalId": id, "number": id, "account": {"externalId": format!("customer:{customer}")},
        "currency": "USD", "orderedAt": moved.noon(row, "order_date"),
        "status": if cell(row, "shipped_date").is_some() { "FULFILLED" } else { "CONFIRMED" },
        "notes": format!("Freight: {} USD", cents(row, "freight")), "lines": lines.remove(id).unwrap_or_default(),
    })
}

/// One for each order; those that have not left are waiting.
fn shipments<'a>(load: &mut Load<'_>, orders: impl Iterator<Item = (Uuid, &'a Record)>, moved: Moved) -> Result<()> {
    let carriers: HashMap<String, String> = rows(file!("shippers"))?
        .iter()
        .filter_map(|row| Some((cell(row, "shipper_id")?.to_owned(), cell(row, "company_name")?.to_owned())))
        .collect();
    let shipment = |(order, row): (Uuid, &Record)| {
        let left = moved.noon(row, "shipped_date");
        json!({
            "orderId": order, "status": if left.is_some() { "SHIPPED" } else { "PENDING" }, "shippedAt": left,
            "promisedAt": moved.noon(row, "required_date"), "carrier": cell(row, "ship_via").and_then(|key| carriers.get(key)),
        })
    };
    load.make_many("shipments", orders.map(shipment).collect())
}
