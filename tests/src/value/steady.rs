//! Whatever happens in whatever order: what is computed after each change is what a run computes from nothing, and what is
//! explained adds up.

use super::{Market, number};
use kith_db::Verdict;
use kith_statistics::Random;
use serde_json::{Value, json};

const CUSTOMERS: usize = 24;
const SKUS: [&str; 4] = ["TEA", "COFFEE", "CUPS", "SPOONS"];

/// A customer's order as the ERP has it; sent again it is the same.
fn order(random: &mut Random, key: usize, version: u64) -> Value {
    let pick = |random: &mut Random, of: u32| (random.uniform() * f64::from(of)) as u32;
    let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + chrono::Days::new(u64::from(pick(random, 300)));
    let (customer, cents) = (pick(random, CUSTOMERS as u32), 100 + pick(random, 90_000));
    let status =
        ["FULFILLED", "FULFILLED", "FULFILLED", "CONFIRMED", "CANCELLED", "RETURNED"][pick(random, 6) as usize];
    let euro = |cents: u32| json!({"amount": format!("{}.{:02}", cents / 100, cents % 100), "currency": "EUR"});
    let mut line = json!({"externalId": "1", "description": "Goods", "quantity": "1", "unitPrice": euro(cents), "discountPercent": pick(random, 30).to_string()});
    if let Some(sku) = SKUS.get(pick(random, 6) as usize) {
        line["product"] = json!({"sku": sku});
    }
    if pick(random, 2) == 0 {
        line["unitCost"] = euro(cents / 2);
    }
    let mut document = json!({
        "system": "shop", "externalId": format!("order-{key}"), "sourceVersion": version, "account": {"externalId": format!("c{customer}")},
        "currency": "EUR", "orderedAt": format!("{day}T09:00:00Z"), "status": status, "lines": [line]
    });
    if pick(random, 4) == 0 {
        let paid = day + chrono::Days::new(u64::from(pick(random, 40)));
        document["refunds"] = json!([{"externalId": format!("refund-{key}"), "net": euro(cents / 3), "refundedAt": format!("{paid}T09:00:00Z")}]);
    }
    document
}

/// What follows from the facts of each account, without what says when it was written.
pub(super) async fn all(market: &Market, resource: &str) -> Vec<Value> {
    let found = market.admin.get(&format!("/v1/{resource}?limit=500&sort=id")).await.expect(200);
    let mut rows = found.at("/data").as_array().unwrap().clone();
    for row in &mut rows {
        for name in ["version", "createdAt", "createdBy", "updatedAt", "updatedBy", "asOf", "nextReview"] {
            row.as_object_mut().unwrap().remove(name);
        }
    }
    rows
}

/// Where each relationship stands. The evidence tells of the last look at it, so that it may differ.
pub(super) async fn stages(market: &Market) -> Vec<Value> {
    let fields = ["accountId", "stage", "since", "loyaltyStage", "activity", "churnedOn", "lifetimes"];
    let rows = all(market, "lifecycles").await;
    rows.iter().map(|row| fields.iter().map(|name| row[name].clone()).collect()).collect()
}

#[actix_web::test]
async fn what_is_kept_up_equals_what_is_made_anew() {
    let market = Market::on("2026-11-20");
    let keys: Vec<String> = (0..CUSTOMERS).map(|at| format!("c{at}")).collect();
    market.accounts(&keys).await;
    market.products(&SKUS).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "25"})).await;
    let mut random = Random::new(11);
    let mut sent: Vec<Value> = Vec::new();
    let (mut merged, mut white) = (0, 0);
    let has_white_space = |profile: &&Value| {
        profile["potentialParts"].as_array().unwrap().iter().any(|part| part["part"] == "whiteSpace")
    };
    for round in 0..6_u64 {
        let mut documents = Vec::new();
        for at in 0..25_usize {
            // New ones, changed ones, and the same ones again, the old before the new at times.
            let known = (random.uniform() * 3.0) as usize;
            let key = if known == 0 || sent.is_empty() { round as usize * 25 + at } else { at };
            let document = if known == 1 && !sent.is_empty() {
                sent[(random.uniform() * sent.len() as f64) as usize].clone()
            } else {
                order(&mut random, key, round * 100 + at as u64)
            };
            sent.push(document.clone());
            documents.push(document);
        }
        let answer = market.admin.post("/v1/orders/documents", json!({"documents": documents})).await;
        let fate =
            |of: &str| answer.at("/results").as_array().unwrap().iter().filter(|one| one["status"] == of).count();
        assert!(fate("CREATED") > 0 && fate("FAILED") < 12, "{}", answer.body);
        // Two customers turn out to be one; whose key was used before is sent orders all the same.
        let pair = [0, 1].map(|_| format!("c{}", (random.uniform() * CUSTOMERS as f64) as usize));
        let [into, from] = [market.account(&pair[0], "clv").await, market.account(&pair[1], "clv").await];
        if into["id"] != from["id"] {
            let path = format!("/v1/accounts/{}/merge", into["id"].as_str().unwrap());
            market.admin.post(&path, json!({"fromId": from["id"]})).await.expect(200);
            merged += 1;
        }
        market.work(round == 0);
        let kept = all(&market, "value-profiles").await;

        // The days, made anew from the orders, are the days that were kept.
        let cx = market.stage.system(&market.tenant);
        let db = &market.stage.app.db;
        db.write(market.tenant.id, |conn| kith_commerce::days::rebuild(conn, &cx).map(Verdict::Commit)).unwrap();
        market.work(false);
        assert_eq!(all(&market, "value-profiles").await, kept, "round {round}");

        // A run moves the borders; the amounts are those that were kept.
        market.run(None).await;
        let amounts = |rows: &[Value]| -> Vec<Value> {
            let fields = [
                "revenue",
                "profit",
                "lifetimeRevenue",
                "lifetimeProfit",
                "occasions",
                "firstOn",
                "lastOn",
                "costToServe",
            ];
            rows.iter().map(|row| fields.iter().map(|name| row[name].clone()).collect()).collect()
        };
        let now = all(&market, "value-profiles").await;
        let stages = self::stages(&market).await;
        assert_eq!(amounts(&now), amounts(&kept), "round {round}");

        // And measured against them once more, one by one, everybody stands where the run has put them.
        let accounts = db.read(market.tenant.id, |conn| {
            let cx = market.stage.system(&market.tenant);
            kith_journal::store::rows::<kith_loyalty::ValueProfile>(conn, &cx, |_| {})
        });
        let ids: Vec<_> = accounts.unwrap().iter().map(|row| row.meta.id).collect();
        db.write(market.tenant.id, |conn| kith_journal::derived::touch(conn, &cx, &ids).map(Verdict::Commit)).unwrap();
        market.work(false);
        assert_eq!(all(&market, "value-profiles").await, now, "round {round}");
        assert_eq!(self::stages(&market).await, stages, "round {round}");
        explained(&now);
        white = now.iter().filter(has_white_space).count();
    }
    assert!(white > 5, "only {white} have white space");
    assert!(merged > 3, "only {merged} merges");
}

/// The contributions of each add up to the score less the reference, to the last digit.
fn explained(profiles: &[Value]) {
    let mut scored = 0;
    for profile in profiles.iter().filter(|profile| !profile["score"].is_null()) {
        let decimal = |value: &Value| value.as_str().unwrap().parse::<rust_decimal::Decimal>().unwrap();
        let parts = profile["contributions"].as_array().unwrap().iter().map(|part| decimal(&part["contribution"]));
        let sum: rust_decimal::Decimal = parts.sum();
        assert_eq!(sum, decimal(&profile["score"]) - decimal(&profile["scoreReference"]), "{profile}");
        assert!((0.0..=100.0).contains(&number(&profile["score"])));
        scored += 1;
    }
    assert!(scored > 5, "only {scored} of {} are scored", profiles.len());
}
