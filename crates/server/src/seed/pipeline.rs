//! A sales pipeline on Northwind's customers: its products, and opportunities made up by a generator that makes the
//! same ones every time, so that a demonstration has something to win and to lose. Days count back from today.

use super::northwind::{Load, Record, cell, file, rows};
use chrono::{DateTime, Days, NaiveDate, Utc};
use kith_kernel::Result;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// A customer: account, and the user and team that own it.
pub type Customer = (Uuid, String, Option<(Uuid, Uuid)>);

const STAGES: [(&str, &str, i32, &str); 6] = [
    ("Lead in", "OPEN", 10, "PIPELINE"),
    ("Tasting", "OPEN", 30, "PIPELINE"),
    ("Offer", "OPEN", 60, "BEST_CASE"),
    ("Negotiation", "OPEN", 80, "COMMIT"),
    ("Won", "WON", 100, "CLOSED"),
    ("Lost", "LOST", 0, "OMITTED"),
];
const COMPETITORS: [(&str, &str); 3] = [
    ("Contoso Foods", "Cheap freight; thin range."),
    ("Fabrikam Delicatessen", "Known brands; slow to deliver."),
    ("Tailspin Imports", "Close to harbours; no credit."),
];
const REASONS: [(&str, &str); 4] =
    [("Price", "LOST"), ("Delivery time", "LOST"), ("Range", "WON"), ("Personal contact", "WON")];
const SOURCES: [&str; 4] = ["trade fair", "referral", "web site", "cold call"];

/// Numbers that look random and are always the same (Knuth's MMIX generator).
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides.max(1)
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.roll(u64::try_from(all.len()).unwrap_or(1));
        all.get(usize::try_from(at).unwrap_or(0))
    }
}

/// An opportunity that was made.
pub struct Deal {
    /// Its id.
    pub id: Uuid,
    /// What is unique about it.
    pub key: String,
    /// The name of its stage.
    pub stage: &'static str,
    /// The user who is responsible.
    pub owner: Option<Uuid>,
    /// When it is expected to be decided, while it is open.
    pub closes: Option<NaiveDate>,
    /// Product, quantity, price and discount of its line.
    pub line: Value,
}

struct Product {
    id: Uuid,
    name: String,
    price: String,
}

/// Loads all of it.
pub fn load(load: &mut Load<'_>, customers: &[Customer]) -> Result<Vec<Deal>> {
    let products = products(load)?;
    let pipeline = load.put("pipelines", "pipeline:sales", json!({"name": "Sales", "isDefault": true}))?;
    let mut stages = Vec::new();
    for (at, (name, kind, probability, category)) in STAGES.iter().enumerate() {
        let rotting = (*kind == "OPEN").then_some(30);
        let stage = json!({"pipelineId": pipeline, "name": name, "kind": kind, "position": at + 1, "probability": probability, "forecastCategory": category, "rottingDays": rotting});
        stages.push(load.put("stages", &format!("stage:{name}"), stage)?);
    }
    let mut competitors = Vec::new();
    for (name, strengths) in COMPETITORS {
        competitors.push(load.put(
            "competitors",
            &format!("competitor:{name}"),
            json!({"name": name, "strengths": strengths}),
        )?);
    }
    let (mut lost, mut won) = (Vec::new(), Vec::new());
    for (name, outcome) in REASONS {
        let id = load.put("close-reasons", &format!("reason:{name}"), json!({"name": name, "outcome": outcome}))?;
        if outcome == "WON" { won.push(id) } else { lost.push(id) }
    }
    let mut dice = Dice(1996);
    let mut deals = Vec::new();
    for (account, key, owner) in customers {
        for number in 1..=1 + dice.roll(3) {
            let Some((at, stage)) =
                dice.pick(&stages.iter().enumerate().collect::<Vec<_>>()).map(|(at, id)| (*at, **id))
            else {
                continue;
            };
            let Some(product) = dice.pick(&products) else { continue };
            let now = load.cx.now;
            let opened = 20 + dice.roll(300);
            let closed = dice.roll(opened);
            let (is_won, is_lost) = (at == 4, at == 5);
            let reason = if is_won { dice.pick(&won) } else { dice.pick(&lost) };
            let mut closes = None;
            let rival = dice.pick(&competitors).copied().filter(|_| is_lost);
            let mut body = json!({
                "name": format!("{} for {}", product.name, key), "accountId": account, "stageId": stage, "amountFromLines": true,
                "openedAt": back(now, opened), "source": dice.pick(&SOURCES), "ownerId": owner.map(|(user, _)| user), "teamId": owner.map(|(_, team)| team),
            });
            if is_won || is_lost {
                add(&mut body, json!({"closedAt": back(now, closed), "closeReasonId": reason, "competitorId": rival}));
            } else {
                let until = now.date_naive().checked_add_days(Days::new(10 + dice.roll(120)));
                closes = until;
                add(
                    &mut body,
                    json!({"closeDate": until, "nextStep": "Call", "nextStepOn": now.date_naive().checked_add_days(Days::new(dice.roll(14)))}),
                );
            }
            let opportunity = load.put("opportunities", &format!("opportunity:{key}:{number}"), body)?;
            let line = json!({
                "productId": product.id, "quantity": (10 * (1 + dice.roll(20))).to_string(),
                "unitPrice": {"amount": product.price, "currency": "USD"}, "discountPercent": (5 * dice.roll(4)).to_string(),
            });
            let mut of_opportunity = line.clone();
            add(&mut of_opportunity, json!({"opportunityId": opportunity}));
            load.put("opportunity-lines", &format!("line:{key}:{number}"), of_opportunity)?;
            let stage = STAGES.get(at).map_or("", |(name, ..)| *name);
            let (owner, key_of) = (owner.map(|(user, _)| user), format!("{key}:{number}"));
            deals.push(Deal { id: opportunity, key: key_of, stage, owner, closes, line });
            if let Some(competitor) = dice.pick(&competitors).filter(|_| number == 1) {
                let part = json!({"opportunityId": opportunity, "competitorId": competitor, "position": dice.pick(&["AHEAD", "LEVEL", "BEHIND"])});
                load.put("opportunity-competitors", &format!("rival:{key}:{number}"), part)?;
            }
        }
    }
    Ok(deals)
}

/// The stock-keeping unit of the product that a row is about.
pub(super) fn sku(row: &Record) -> String {
    format!("NW-{}", cell(row, "product_id").unwrap_or_default())
}

fn products(load: &mut Load<'_>) -> Result<Vec<Product>> {
    let mut families = HashMap::new();
    for row in rows(file!("categories"))? {
        let key = cell(&row, "category_id").unwrap_or_default().to_owned();
        let family = json!({"name": cell(&row, "category_name"), "description": cell(&row, "description")});
        families.insert(key.clone(), load.put("product-families", &format!("category:{key}"), family)?);
    }
    let mut products = Vec::new();
    for row in rows(file!("products"))? {
        let key = cell(&row, "product_id").unwrap_or_default().to_owned();
        let name = cell(&row, "product_name").unwrap_or_default().to_owned();
        // The file has prices as floating-point numbers left them: 19.4500008.
        let price = cell(&row, "unit_price").and_then(|price| price.parse::<f64>().ok()).unwrap_or(0.0);
        let price = format!("{price:.2}");
        let body = json!({
            "sku": sku(&row), "name": name, "familyId": cell(&row, "category_id").and_then(|key| families.get(key)),
            "unit": cell(&row, "quantity_per_unit"), "listPrice": {"amount": price, "currency": "USD"}, "isDiscontinued": cell(&row, "discontinued") == Some("1"),
        });
        products.push(Product { id: load.put("products", &format!("product:{key}"), body)?, name, price });
    }
    Ok(products)
}

/// So many days before.
pub(super) fn back(now: DateTime<Utc>, days: u64) -> Option<DateTime<Utc>> {
    now.checked_sub_days(Days::new(days))
}

fn add(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}
