//! What customers bought of each product: after random streams of late, repeated, changed and refunded orders and of merges,
//! what was kept with each write is what a rebuild makes of the same facts, what a plain model of the definition says, and
//! what the migration fills the table with where the orders were there before it.

use super::days::{Dice, ZONE, all, assigned, cents, counts, day, decimal, step};
use super::{Shop, eur, shop};
use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use rust_decimal::Decimal;
use serde_json::json;
use std::collections::BTreeMap;

const MIGRATION: [&str; 2] = [
    include_str!("../../../migrations/20261125100000_customer_products/down.sql"),
    include_str!("../../../migrations/20261125100000_customer_products/up.sql"),
];

/// What a customer bought of a product, amounts as texts.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
struct Owned {
    #[diesel(sql_type = st::Text)]
    account: String,
    #[diesel(sql_type = st::Text)]
    product: String,
    /// The first and the last day.
    #[diesel(sql_type = st::Array<st::Text>)]
    days: Vec<String>,
    #[diesel(sql_type = st::Integer)]
    orders: i32,
    /// net, cost, uncosted.
    #[diesel(sql_type = st::Array<st::Text>)]
    sums: Vec<String>,
}

impl Shop {
    fn owned(&self) -> Vec<Owned> {
        let query = "SELECT account_id::text AS account, product_id::text AS product, ARRAY[first_on, last_on]::text[] AS days, orders, \
             ARRAY[net, cost, uncosted]::numeric(19,2)[]::text[] AS sums FROM customer_products WHERE tenant_id = $1 ORDER BY 1, 2";
        sql_query(query).bind::<st::Uuid, _>(self.tenant.id).load(&mut self.stage.scratch.owner()).unwrap()
    }

    /// How often rows were written: versions of rows that PostgreSQL made.
    fn written(&self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = st::Text)]
            place: String,
        }
        let query =
            "SELECT ctid::text AS place FROM customer_products WHERE tenant_id = $1 ORDER BY account_id, product_id";
        let query = sql_query(query).bind::<st::Uuid, _>(self.tenant.id);
        let rows: Vec<Row> = query.load(&mut self.stage.scratch.owner()).unwrap();
        rows.into_iter().map(|row| row.place).collect()
    }

    async fn merge(&self, into: usize, from: usize) {
        let path = format!("/v1/accounts/{}/merge", self.accounts[into]);
        self.admin.post(&path, json!({"fromId": self.accounts[from]})).await.expect(200);
    }
}

/// The definition, straightforwardly.
async fn model(shop: &Shop) -> Vec<Owned> {
    let (orders, lines) = (all(shop, "orders", "").await, all(shop, "order-lines", "").await);
    let left = assigned(&orders, &lines, &all(shop, "refunds", "").await);
    let mut owned: BTreeMap<(String, String), (Vec<String>, [Decimal; 3])> = BTreeMap::new();
    for order in orders.iter().filter(|order| counts(order) && !order["baseRate"].is_null()) {
        let rest = left[order["id"].as_str().unwrap()];
        let mut goods: BTreeMap<String, [Decimal; 3]> = BTreeMap::new();
        for line in lines.iter().filter(|line| line["orderId"] == order["id"] && line["archivedAt"].is_null()) {
            let Some(product) = line["productId"].as_str() else { continue };
            let sums = goods.entry(product.to_owned()).or_default();
            sums[0] += decimal(&line["net"]);
            match line["unitCost"].is_null() {
                true => sums[2] += decimal(&line["net"]),
                false => sums[1] += decimal(&line["unitCost"]) * decimal(&line["quantity"]),
            }
        }
        if rest <= Decimal::ZERO {
            continue;
        }
        for (product, sums) in goods {
            let key = (order["accountId"].as_str().unwrap().to_owned(), product);
            let (days, total) = owned.entry(key).or_default();
            days.push(day(&order["orderedAt"]));
            for (at, sum) in sums.into_iter().enumerate() {
                total[at] += cents(sum * rest * decimal(&order["baseRate"]) / decimal(&order["net"]));
            }
        }
    }
    let row = |((account, product), (mut days, sums)): ((String, String), (Vec<String>, [Decimal; 3]))| {
        days.sort();
        let orders = i32::try_from(days.len()).unwrap();
        let days = vec![days.first().unwrap().clone(), days.last().unwrap().clone()];
        Owned { account, product, days, orders, sums: sums.map(|sum| format!("{sum:.2}")).to_vec() }
    };
    owned.into_iter().map(row).collect()
}

#[actix_web::test]
async fn products_follow_from_the_facts_whatever_their_sequence() {
    let mut most = 0;
    for seed in 11..=14 {
        let mut shop = shop().await;
        let zone = json!({"timeZone": ZONE.name()});
        shop.admin.patch(&format!("/v1/tenants/{}", shop.tenant.id), zone).await.expect(200);
        let (mut dice, mut orders, mut refunds) = (Dice(seed), Vec::new(), Vec::new());
        for round in 0..3 {
            for _ in 0..25 {
                step(&shop, &mut dice, &mut orders, &mut refunds).await;
            }
            let kept = shop.owned();
            assert_eq!(kept, model(&shop).await, "seed {seed}, round {round}: the definition");
            shop.rebuilt();
            assert_eq!(kept, shop.owned(), "seed {seed}, round {round}: a rebuild");
            let places = shop.written();
            shop.rebuild();
            assert_eq!(places, shop.written(), "seed {seed}, round {round}: what is as it was is not written");
            shop.stage.scratch.owner().batch_execute(&MIGRATION.concat()).unwrap();
            assert_eq!(kept, shop.owned(), "seed {seed}, round {round}: the migration");
            most = most.max(kept.len());
            // Two customers turn out to be one, and another comes.
            let (into, from) = (dice.roll(3), dice.roll(3));
            if into != from {
                shop.merge(into, from).await;
                assert_eq!(shop.owned(), model(&shop).await, "seed {seed}, round {round}: a merge");
                let body = json!({"name": "Another"});
                shop.accounts[from] = shop.admin.post("/v1/accounts", body).await.expect(201).id();
            }
        }
    }
    assert!(most >= 4, "only {most} rows");
}

#[actix_web::test]
async fn what_is_left_of_an_order_is_left_of_each_product() {
    let shop = shop().await;
    let lines = json!([
        {"productId": shop.products[0], "quantity": "6"}, {"productId": shop.products[0], "quantity": "2", "discountPercent": "50"},
        {"productId": shop.products[1], "quantity": "2"}, {"description": "Carriage", "quantity": "1"}
    ]);
    let order = shop.order(0, "2026-03-01T10:00:00Z", "CONFIRMED", lines).await;
    let second = json!([{"productId": shop.products[0], "quantity": "1"}]);
    shop.order(0, "2026-04-02T10:00:00Z", "FULFILLED", second).await;
    let row = |product: usize, days: [&str; 2], orders, sums: [&str; 3]| Owned {
        account: shop.accounts[0].clone(),
        product: shop.products[product].clone(),
        days: days.map(str::to_owned).to_vec(),
        orders,
        sums: sums.map(str::to_owned).to_vec(),
    };
    let (march, april) = ("2026-03-01", "2026-04-02");
    // Chai costs 3 each: 60 + 10 and 10 later. Carriage is no product.
    let mut expected =
        [row(0, [march, april], 2, ["80.00", "27.00", "0.00"]), row(1, [march; 2], 1, ["20.00", "0.00", "20.00"])];
    let sorted = |mut rows: Vec<Owned>| {
        rows.sort_by(|a, b| (&a.account, &a.product).cmp(&(&b.account, &b.product)));
        rows
    };
    assert_eq!(shop.owned(), sorted(expected.to_vec()));
    // A quarter of the 100 comes back, for whatever it was.
    let refund = json!({"orderId": order, "net": eur("25"), "refundedAt": "2026-03-05T10:00:00Z"});
    shop.admin.post("/v1/refunds", refund).await.expect(201);
    expected[0].sums = ["62.50", "21.00", "0.00"].map(str::to_owned).to_vec();
    expected[1].sums = ["15.00", "0.00", "15.00"].map(str::to_owned).to_vec();
    assert_eq!(shop.owned(), sorted(expected.to_vec()));
    // And the rest: nothing of the order is left, and Tofu was never bought.
    let refund = json!({"orderId": order, "net": eur("75"), "refundedAt": "2026-03-06T10:00:00Z"});
    shop.admin.post("/v1/refunds", refund).await.expect(201);
    assert_eq!(shop.owned(), [row(0, [april; 2], 1, ["10.00", "3.00", "0.00"])]);
}
