//! What the demonstration holds customers to be worth: a value model, and what each class of customers is given. The values
//! themselves are computed by the first run.

use super::northwind::Load;
use kith_kernel::Result;
use serde_json::json;

/// Class, strategy, service level, highest discount, days between touches, hours to an answer, what else.
type Policy = (&'static str, &'static str, &'static str, &'static str, i32, i32, &'static str);

const POLICIES: [Policy; 4] = [
    (
        "PLATINUM",
        "INVEST",
        "Personal",
        "15",
        14,
        4,
        "A manager of their own, samples of every new product, a visit each quarter.",
    ),
    ("GOLD", "MAINTAIN", "Preferred", "10", 30, 8, "Reserved stock in the season, delivery free of charge."),
    (
        "IRON",
        "RE_ENGINEER",
        "Standard",
        "7.5",
        60,
        24,
        "A starter offer for product families that they do not buy yet.",
    ),
    ("LEAD", "DIVEST", "Self-service", "0", 180, 72, "The web shop and the catalogue."),
];

/// Loads all of it.
pub fn load(load: &mut Load<'_>) -> Result<()> {
    for (class, strategy, service, discount, care, response, benefits) in POLICIES {
        let policy = json!({
            "valueClass": class, "strategy": strategy, "serviceLevel": service, "discountCeiling": discount,
            "careEveryDays": care, "responseHours": response, "benefits": benefits,
        });
        load.make("resource-policies", policy)?;
    }
    for (channel, touch, minute) in
        [("PHONE", "4", "0.8"), ("EMAIL", "1.5", "0"), ("VISIT", "60", "1.2"), ("MEETING", "25", "1")]
    {
        let dollars = |amount: &str| json!({"amount": amount, "currency": "USD"});
        let rate = json!({"channel": channel, "perTouch": dollars(touch), "perMinute": dollars(minute)});
        load.make("cost-rates", rate)?;
    }
    // With 89 customers, tenths say more than hundredths.
    let model = json!({
        "name": "Northwind value", "topBorder": "5", "largeBorder": "15", "mediumBorder": "30",
        "notes": "Profit counts half, frequency and recency the rest.",
    });
    let id = load.make("value-models", model)?;
    for (position, (code, source, direction, weight)) in [
        ("profit", "PROFIT", "HIGHER", "50"),
        ("frequency", "FREQUENCY", "HIGHER", "30"),
        ("recency", "RECENCY", "LOWER", "20"),
    ]
    .into_iter()
    .enumerate()
    {
        let indicator = json!({
            "modelId": id, "code": code, "position": position, "source": source, "direction": direction, "weight": weight,
        });
        load.make("value-indicators", indicator)?;
    }
    load.act("value-models", id, "publish", json!({}))
}
