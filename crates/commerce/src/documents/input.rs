//! A document as it is sent, read strictly: every mistake at once, with pointers into the document.

use crate::OrderStatus;
use chrono::{DateTime, Utc};
use kith_journal::keys;
use kith_kernel::{Currency, Error, FieldType, Input, Money, Result, Violations, text};
use kith_macros::input;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Most lines, and most refunds, of a document.
const MAX_PARTS: usize = 1_000;

/// What stands at the top of a document.
#[input]
pub struct Head {
    /// Short name of the other system: lower-case letters, digits, `-`, `_` and `.`.
    #[field(max = 64)]
    pub system: String,
    /// The key of the order there.
    pub external_id: String,
    /// Its number.
    #[field(max = 64)]
    pub number: Option<String>,
    /// The currency of the order and of everything in it.
    pub currency: Currency,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// How far it is.
    pub status: OrderStatus,
    /// Our own, or a test.
    #[field(default)]
    pub is_internal: bool,
    /// What the other system says it comes to.
    pub stated_gross: Option<Money>,
    /// What else there is to say.
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

/// A line of a document.
#[input]
pub struct Line {
    /// Its key within the document.
    pub external_id: Option<String>,
    /// What it is, in free text.
    #[field(max = 1_000)]
    pub description: Option<String>,
    /// How many units.
    pub quantity: Decimal,
    /// The price of one unit, without tax.
    pub unit_price: Money,
    /// Discount in percent.
    #[field(default)]
    pub discount_percent: Decimal,
    /// Tax in percent.
    #[field(default)]
    pub tax_rate: Decimal,
    /// What one unit costs us.
    pub unit_cost: Option<Money>,
}

/// A refund of a document.
#[input]
pub struct Repaid {
    /// Its key in the other system.
    pub external_id: String,
    /// How much, without tax.
    pub net: Money,
    /// The tax that was paid back with it.
    pub tax: Option<Money>,
    /// When.
    pub refunded_at: DateTime<Utc>,
    /// Why.
    #[field(max = 2_000)]
    pub reason: Option<String>,
}

/// A record, by its id or by a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Named {
    /// Its id here.
    Id(Uuid),
    /// An account's key in the other system, a product's sku.
    Key(String),
}

/// A whole document.
#[derive(Clone, Debug)]
pub struct Document {
    /// What stands at its top.
    pub head: Head,
    /// Counts up with every change in the other system.
    pub source_version: Option<i64>,
    /// Who ordered.
    pub account: Named,
    /// Its lines, each with its product.
    pub lines: Vec<(Line, Option<Named>)>,
    /// All refunds of it; none: it says nothing about them.
    pub refunds: Option<Vec<Repaid>>,
}

impl Document {
    /// Reads one. Null is the same as left out.
    pub fn read(value: &Value) -> Result<Document> {
        let mut violations = Violations::default();
        let mut body = object(value, "", &mut violations);
        let source_version = body.remove("sourceVersion").unwrap_or_default();
        let source_version = keys::source_version(&source_version, "/sourceVersion", &mut violations);
        let account = named(body.remove("account"), "/account", "externalId", &mut violations);
        violations.ensure(account.is_some(), "/account", "REQUIRED", "Expected {\"id\"} or {\"externalId\"}.");
        let listed = body.remove("lines");
        violations.ensure(listed.is_some(), "/lines", "REQUIRED", "Expected a list of lines.");
        let lines = list(listed, "/lines", &mut violations);
        let lines = lines.iter().enumerate().filter_map(|(at, line)| {
            let at = format!("/lines/{at}");
            let mut line = object(line, &at, &mut violations);
            let product = named(line.remove("product"), &format!("{at}/product"), "sku", &mut violations);
            part::<Line>(&line, &at, &mut violations).map(|line| (line, product))
        });
        let lines: Vec<_> = lines.collect();
        let refunds = body.remove("refunds").map(|refunds| {
            let refunds = list(Some(refunds), "/refunds", &mut violations);
            let refunds = refunds.iter().enumerate().filter_map(|(at, refund)| {
                let at = format!("/refunds/{at}");
                let refund = object(refund, &at, &mut violations);
                part::<Repaid>(&refund, &at, &mut violations)
            });
            refunds.collect::<Vec<_>>()
        });
        let head = part::<Head>(&body, "", &mut violations);
        unique(lines.iter().map(|(line, _)| line.external_id.as_ref()), "/lines", &mut violations);
        unique(refunds.iter().flatten().map(|refund| Some(&refund.external_id)), "/refunds", &mut violations);
        violations.into_result()?;
        match (head, account) {
            (Some(head), Some(account)) => Ok(Document { head, source_version, account, lines, refunds }),
            _ => Err(Error::internal("a document that passed its checks has parts missing")),
        }
    }
}

/// An object without the members that are null.
fn object(value: &Value, at: &str, violations: &mut Violations) -> Map<String, Value> {
    violations.ensure(value.is_object(), at, "WRONG_TYPE", "Expected an object.");
    let members = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn list(value: Option<Value>, at: &str, violations: &mut Violations) -> Vec<Value> {
    match value {
        Some(Value::Array(list)) if list.len() <= MAX_PARTS => list,
        Some(Value::Array(_)) => {
            violations.add(at, "TOO_MANY", format!("At most {MAX_PARTS}."));
            Vec::new()
        }
        Some(_) => {
            violations.add(at, "WRONG_TYPE", "Expected a list.");
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn part<I: Input>(body: &Map<String, Value>, at: &str, violations: &mut Violations) -> Option<I> {
    match I::read(body) {
        Ok(input) => Some(input),
        Err(error) => {
            for violation in error.violations {
                violations.add(format!("{at}{}", violation.pointer), violation.code, violation.detail);
            }
            None
        }
    }
}

/// `{"id": …}` or `{key: …}`.
fn named(value: Option<Value>, at: &str, key: &str, violations: &mut Violations) -> Option<Named> {
    let value = value?;
    let one = value.as_object().map(|object| object.iter().filter(|(_, value)| !value.is_null()).collect::<Vec<_>>());
    let found = match one.as_deref() {
        Some([(name, value)]) if *name == "id" => Uuid::parse(value).ok().map(Named::Id),
        Some([(name, Value::String(text))]) if *name == key => text::clean(text).ok().map(Named::Key),
        _ => None,
    };
    violations.ensure(found.is_some(), at, "WRONG_TYPE", &format!("Expected {{\"id\"}} or {{\"{key}\"}}."));
    found
}

fn unique<'a>(keys: impl Iterator<Item = Option<&'a String>>, at: &str, violations: &mut Violations) {
    let mut seen = std::collections::HashSet::new();
    for (index, key) in keys.enumerate() {
        let new = key.is_none_or(|key| seen.insert(key));
        violations.ensure(new, &format!("{at}/{index}/externalId"), "DUPLICATE", "The document has this key twice.");
    }
}
