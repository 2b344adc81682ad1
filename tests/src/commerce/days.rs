//! The days of customers after random streams of late, repeated and out-of-order facts: what was kept with each write is what
//! a full rebuild makes of the same facts, and what a plain model of the definition says, to the cent.

use super::{Day, Shop, money, shop};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

pub(super) const ZONE: Tz = chrono_tz::America::New_York;

/// The same stream for the same seed.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        if list.is_empty() { None } else { list.get(self.roll(list.len())) }
    }

    /// Around the day on which New York's clocks change, in steps of some hours.
    fn time(&mut self) -> String {
        let start: DateTime<Utc> = "2026-03-05T01:30:00Z".parse().unwrap();
        (start + TimeDelta::hours(i64::try_from(self.roll(60)).unwrap() * 3)).to_rfc3339()
    }

    fn amount(&mut self) -> String {
        format!("{}.{:02}", self.roll(60), 1 + self.roll(98))
    }
}

/// One random step. Rules may refuse it; nothing may fail.
pub(super) async fn step(
    shop: &Shop,
    dice: &mut Dice,
    orders: &mut Vec<(String, &'static str)>,
    refunds: &mut Vec<String>,
) {
    let admin = &shop.admin;
    let account = shop.accounts[dice.roll(3)].clone();
    let order = dice.of(orders).cloned();
    let path = order.as_ref().map(|(id, _)| format!("/v1/orders/{id}")).unwrap_or_default();
    let currency = order.as_ref().map_or("EUR", |(_, currency)| *currency);
    let answer = match (dice.roll(16), order) {
        (0..4, _) | (_, None) => {
            let currency = *dice.of(&["EUR", "EUR", "USD", "GBP"]).unwrap();
            let body = json!({"accountId": account, "currency": currency, "orderedAt": dice.time()});
            let id = admin.post("/v1/orders", body).await.expect(201).id();
            for _ in 0..=dice.roll(2) {
                let mut line = json!({"orderId": id, "quantity": (1 + dice.roll(4)).to_string(), "unitPrice": money(&dice.amount(), currency),
                                  "discountPercent": dice.of(&["0", "0", "7.5", "15"]).unwrap(), "productId": shop.products.get(dice.roll(3)),
                                  "description": "Goods"});
                if dice.roll(3) == 0 {
                    line["unitCost"] = money(&dice.amount(), currency);
                }
                admin.post("/v1/order-lines", line).await.expect(201);
            }
            let status = dice.of(&["CONFIRMED", "FULFILLED", "FULFILLED", "DRAFT"]).unwrap();
            orders.push((id.clone(), currency));
            admin.patch(&format!("/v1/orders/{id}"), json!({"status": status})).await
        }
        (4, _) => {
            let status = dice.of(&["CONFIRMED", "FULFILLED", "CANCELLED", "RETURNED"]).unwrap();
            admin.patch(&path, json!({"status": status})).await
        }
        (5, _) => admin.patch(&path, json!({"accountId": account})).await,
        (6, _) => {
            let field = if dice.roll(2) == 0 {
                json!({"orderedAt": dice.time()})
            } else {
                json!({"isInternal": dice.roll(2) == 0})
            };
            admin.patch(&path, field).await
        }
        (7, _) => match dice.roll(2) {
            0 => admin.delete(&path).await,
            _ => admin.send("POST", &format!("{path}/restore"), None).await,
        },
        (8, _) => {
            let body = json!({"baseCurrency": dice.of(&["USD", "GBP"]).unwrap(), "quoteCurrency": "EUR", "rate": format!("0.{}", 31 + dice.roll(60)),
                              "validOn": &dice.time()[..10]});
            admin.post("/v1/exchange-rates", body).await
        }
        (9..11, Some((id, _))) => {
            let body = json!({"orderId": id, "net": money(&dice.amount(), currency), "refundedAt": dice.time()});
            admin.post("/v1/refunds", body).await
        }
        (14.., _) => {
            let documents: Vec<_> = (0..=dice.roll(2)).map(|_| document(shop, dice)).collect();
            let answer = admin.post("/v1/orders/documents", json!({"documents": documents})).await.expect(207);
            for result in
                answer.at("/results").as_array().unwrap().iter().filter(|result| result["status"] == "CREATED")
            {
                orders.push((result["id"].as_str().unwrap().to_owned(), "EUR"));
            }
            answer
        }
        (11, _) => {
            let mut body =
                json!({"accountId": account, "net": money(&dice.amount(), currency), "refundedAt": dice.time()});
            if dice.roll(2) == 0 {
                body["productId"] = json!(shop.products[dice.roll(2)]);
            }
            admin.post("/v1/refunds", body).await
        }
        _ => {
            let Some(refund) = dice.of(refunds) else { return };
            let path = format!("/v1/refunds/{refund}");
            match dice.roll(4) {
                0 => admin.delete(&path).await,
                1 => admin.send("POST", &format!("{path}/restore"), None).await,
                2 => admin.patch(&path, json!({"refundedAt": dice.time()})).await,
                _ => admin.patch(&path, json!({"net": money(&dice.amount(), currency)})).await,
            }
        }
    };
    assert!(answer.status < 500, "{}", answer.body);
    if answer.status == 201 && answer.body.get("refundedAt").is_some() {
        refunds.push(answer.id());
    }
}

/// One of four orders of an ERP, as it may have been at some time.
fn document(shop: &Shop, dice: &mut Dice) -> Value {
    let key = dice.roll(4);
    let lines = (0..=dice.roll(2)).map(|at| {
        let sku = dice.of(&["CHAI", "TOFU"]).unwrap();
        json!({"externalId": at.to_string(), "product": {"sku": sku}, "quantity": (1 + dice.roll(4)).to_string(),
               "unitPrice": money(&dice.amount(), "EUR"), "discountPercent": dice.of(&["0", "12.5"]).unwrap()})
    });
    let mut document = json!({"lines": lines.collect::<Vec<_>>()});
    let refund = json!({"externalId": key.to_string(), "net": money(&dice.amount(), "EUR"), "refundedAt": dice.time()});
    let refunds = [Value::Null, json!([]), json!([refund])];
    let head = json!({
        "system": "erp", "externalId": key.to_string(), "sourceVersion": dice.roll(20), "account": {"id": shop.accounts[dice.roll(3)]},
        "currency": "EUR", "orderedAt": dice.time(), "status": dice.of(&["CONFIRMED", "FULFILLED", "FULFILLED", "CANCELLED", "DRAFT"]).unwrap(),
        "isInternal": dice.roll(8) == 0, "refunds": dice.of(&refunds).unwrap(),
    });
    document.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
    document
}

pub(super) fn decimal(value: &Value) -> Decimal {
    value["amount"].as_str().or(value.as_str()).unwrap_or("0").parse().unwrap()
}

pub(super) fn cents(value: Decimal) -> Decimal {
    value.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

pub(super) fn day(value: &Value) -> String {
    time(value).with_timezone(&ZONE).date_naive().to_string()
}

pub(super) fn counts(order: &Value) -> bool {
    let status = order["status"].as_str().unwrap();
    let open = order["archivedAt"].is_null() && order["isInternal"] == false;
    open && ["CONFIRMED", "FULFILLED"].contains(&status) && decimal(&order["net"]) > Decimal::ZERO
}

pub(super) async fn all(shop: &Shop, resource: &str, more: &str) -> Vec<Value> {
    let found = shop.admin.get(&format!("/v1/{resource}?archived=any&limit=500&sort=id{more}")).await.expect(200);
    assert_eq!(found.at("/page/hasMore"), false);
    found.at("/data").as_array().unwrap().clone()
}

/// What is left of each order that counts, after refunds; checks which order each refund was given to.
pub(super) fn assigned(orders: &[Value], lines: &[Value], refunds: &[Value]) -> HashMap<String, Decimal> {
    let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut left: HashMap<String, Decimal> =
        orders.iter().filter(|order| counts(order)).map(|order| (id(&order["id"]), decimal(&order["net"]))).collect();
    let live = || refunds.iter().filter(|refund| refund["archivedAt"].is_null());
    for refund in live().filter(|refund| !refund["orderId"].is_null()) {
        assert_eq!(refund["assignedOrderId"], refund["orderId"]);
        if let Some(left) = left.get_mut(refund["orderId"].as_str().unwrap()) {
            *left -= decimal(&refund["net"]);
        }
    }
    let mut unlinked: Vec<_> = live().filter(|refund| refund["orderId"].is_null()).collect();
    unlinked.sort_by_key(|refund| (time(&refund["refundedAt"]), id(&refund["id"])));
    for refund in unlinked {
        let holds = |order: &Value| {
            refund["productId"].is_null()
                || lines.iter().any(|line| {
                    line["orderId"] == order["id"]
                        && line["productId"] == refund["productId"]
                        && line["archivedAt"].is_null()
                })
        };
        let mut fitting: Vec<_> = orders
            .iter()
            .filter(|order| counts(order) && order["accountId"] == refund["accountId"] && holds(order))
            .filter(|order| {
                order["currency"] == refund["net"]["currency"]
                    && time(&order["orderedAt"]) <= time(&refund["refundedAt"])
            })
            .filter(|order| left[&id(&order["id"])] >= decimal(&refund["net"]))
            .collect();
        fitting.sort_by_key(|order| (time(&order["orderedAt"]), id(&order["id"])));
        let expected = fitting.last().map(|order| id(&order["id"]));
        assert_eq!(refund["assignedOrderId"], json!(expected), "{refund}");
        if let Some(order) = expected {
            *left.get_mut(&order).unwrap() -= decimal(&refund["net"]);
        }
    }
    left
}

/// The definition, straightforwardly.
async fn model(shop: &Shop) -> Vec<Day> {
    let (orders, lines) = (all(shop, "orders", "").await, all(shop, "order-lines", "").await);
    let refunds = all(shop, "refunds", "").await;
    let left = assigned(&orders, &lines, &refunds);
    type Sums = (i32, i32, i32, [Decimal; 7]);
    let mut days: BTreeMap<(String, String), Sums> = BTreeMap::new();
    for order in orders.iter().filter(|order| counts(order)) {
        let key = (order["accountId"].as_str().unwrap().to_owned(), day(&order["orderedAt"]));
        let day = days.entry(key).or_default();
        if order["baseRate"].is_null() {
            day.2 += 1;
            continue;
        }
        let (rate, net) = (decimal(&order["baseRate"]), decimal(&order["net"]));
        assert_eq!(decimal(&order["baseNet"]), cents(net * rate));
        let (rest, mut sums) = (left[order["id"].as_str().unwrap()], [Decimal::ZERO; 4]);
        let own = lines.iter().filter(|line| line["orderId"] == order["id"] && line["archivedAt"].is_null());
        let mut count = 0;
        for line in own {
            count += 1;
            match line["unitCost"].is_null() {
                true => sums[1] += decimal(&line["net"]),
                false => sums[0] += decimal(&line["unitCost"]) * decimal(&line["quantity"]),
            }
            sums[2] += decimal(&line["discount"]);
            if decimal(&line["discountPercent"]) > Decimal::ZERO {
                sums[3] += decimal(&line["net"]);
            }
        }
        if rest > Decimal::ZERO {
            day.0 += 1;
            day.1 += count;
            for (at, amount) in
                [cents(rest * rate), cents(sums[0] * rest * rate / net), cents(sums[1] * rest * rate / net)]
                    .into_iter()
                    .enumerate()
            {
                day.3[at] += amount;
            }
        }
        for (at, amount) in [cents(sums[2] * rate), cents(sums[3] * rate), cents(net * rate)].into_iter().enumerate() {
            day.3[3 + at] += amount;
        }
    }
    for refund in refunds.iter().filter(|refund| refund["archivedAt"].is_null()) {
        let order = orders.iter().find(|order| order["id"] == refund["orderId"]);
        if order.is_some_and(|order| !counts(order)) {
            continue;
        }
        let key = (refund["accountId"].as_str().unwrap().to_owned(), day(&refund["refundedAt"]));
        let day = days.entry(key).or_default();
        match refund["baseNet"].is_null() {
            true => day.2 += 1,
            false => day.3[6] += decimal(&refund["baseNet"]),
        }
    }
    let day = |((account, day), (orders, lines, unconverted, sums)): ((String, String), Sums)| Day {
        account,
        day,
        orders,
        lines,
        unconverted,
        sums: sums.map(|sum| format!("{sum:.2}")).to_vec(),
    };
    days.into_iter().map(day).collect()
}

#[actix_web::test]
async fn days_follow_from_the_facts_whatever_their_sequence() {
    for seed in 1..=5 {
        let shop = shop().await;
        let zone = json!({"timeZone": ZONE.name()});
        shop.admin.patch(&format!("/v1/tenants/{}", shop.tenant.id), zone).await.expect(200);
        let (mut dice, mut orders, mut refunds) = (Dice(seed), Vec::new(), Vec::new());
        for _ in 0..70 {
            step(&shop, &mut dice, &mut orders, &mut refunds).await;
        }
        let kept = shop.days();
        assert_eq!(kept, model(&shop).await, "seed {seed}: the definition");
        assert_eq!(kept, shop.rebuilt(), "seed {seed}: a rebuild");
        assert!(kept.iter().any(|day| day.orders > 0) && kept.iter().any(|day| day.sums[6] != "0.00"), "{kept:?}");
    }
}
