//! What customers bought: orders, refunds, what both come to on a day, and whole documents from an ERP.

mod days;
mod documents;
mod facts;
mod late;
mod northwind;
mod products;
mod refunds;

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_db::Verdict;
use kith_testkit::{Answer, Client, Stage, Tenant};
use serde_json::{Value, json};

/// A tenant with some accounts and products.
pub struct Shop {
    pub stage: Stage,
    pub tenant: Tenant,
    pub admin: Client,
    pub accounts: Vec<String>,
    /// Chai costs 3.00 EUR; Tofu costs nobody knows what.
    pub products: Vec<String>,
}

pub fn money(amount: &str, currency: &str) -> Value {
    json!({"amount": amount, "currency": currency})
}

pub fn eur(amount: &str) -> Value {
    money(amount, "EUR")
}

pub async fn shop_of(stage: Stage) -> Shop {
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let mut accounts = Vec::new();
    for name in ["Alfreds", "Berglunds", "Chop-suey"] {
        accounts.push(admin.post("/v1/accounts", json!({"name": name})).await.expect(201).id());
    }
    let chai = json!({"sku": "CHAI", "name": "Chai", "cost": eur("3")});
    let tofu = json!({"sku": "TOFU", "name": "Tofu"});
    let mut products = Vec::new();
    for body in [chai, tofu] {
        products.push(admin.post("/v1/products", body).await.expect(201).id());
    }
    Shop { stage, tenant, admin, accounts, products }
}

pub async fn shop() -> Shop {
    shop_of(Stage::new()).await
}

/// A day of a customer, amounts as texts.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub struct Day {
    #[diesel(sql_type = st::Text)]
    pub account: String,
    #[diesel(sql_type = st::Text)]
    pub day: String,
    #[diesel(sql_type = st::Integer)]
    pub orders: i32,
    #[diesel(sql_type = st::Integer)]
    pub lines: i32,
    #[diesel(sql_type = st::Integer)]
    pub unconverted: i32,
    /// net, cost, uncosted, discount, discounted, booked, refunded.
    #[diesel(sql_type = st::Array<st::Text>)]
    pub sums: Vec<String>,
}

impl Shop {
    /// An order with its lines, in a status.
    pub async fn order(&self, account: usize, at: &str, status: &str, lines: Value) -> String {
        let body = json!({"accountId": self.accounts[account], "currency": "EUR", "orderedAt": at});
        let order = self.admin.post("/v1/orders", body).await.expect(201).id();
        for line in lines.as_array().unwrap() {
            self.line(&order, line.clone()).await.expect(201);
        }
        if status != "DRAFT" {
            self.admin.patch(&format!("/v1/orders/{order}"), json!({"status": status})).await.expect(200);
        }
        order
    }

    pub async fn line(&self, order: &str, more: Value) -> Answer {
        let mut body = json!({"orderId": order, "description": "Chai", "quantity": "1", "unitPrice": eur("10")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.admin.post("/v1/order-lines", body).await
    }

    /// The days of all customers.
    pub fn days(&self) -> Vec<Day> {
        let query = "SELECT account_id::text AS account, day::text, orders, lines, unconverted, \
             ARRAY[net, cost, uncosted, discount, discounted, booked, refunded]::numeric(19,2)[]::text[] AS sums \
             FROM customer_days WHERE tenant_id = $1 ORDER BY account_id, day";
        let query = sql_query(query).bind::<st::Uuid, _>(self.tenant.id);
        query.load(&mut self.stage.scratch.owner()).unwrap()
    }

    /// The same, made anew from nothing.
    pub fn rebuilt(&self) -> Vec<Day> {
        let mut owner = self.stage.scratch.owner();
        for table in ["customer_days", "customer_products"] {
            let gone = sql_query(format!("DELETE FROM {table} WHERE tenant_id = $1"));
            gone.bind::<st::Uuid, _>(self.tenant.id).execute(&mut owner).unwrap();
        }
        assert_eq!(self.days(), []);
        self.rebuild();
        self.days()
    }

    pub fn rebuild(&self) {
        let cx = self.stage.system(&self.tenant);
        let work = self
            .stage
            .app
            .db
            .write(self.tenant.id, |conn| kith_commerce::days::rebuild(conn, &cx).map(Verdict::Commit));
        work.unwrap();
    }

    /// Whose facts changed, as often as they did, and takes note of it.
    pub fn touches(&self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Touch {
            #[diesel(sql_type = st::Text)]
            account: String,
        }
        let query = "DELETE FROM customer_touches WHERE tenant_id = $1 RETURNING account_id::text AS account";
        let query = sql_query(query).bind::<st::Uuid, _>(self.tenant.id);
        let found: Vec<Touch> = query.load(&mut self.stage.scratch.owner()).unwrap();
        found.into_iter().map(|touch| touch.account).collect()
    }
}

/// The sums of a day, for comparing.
pub fn sums(of: [&str; 7]) -> Vec<String> {
    of.map(str::to_owned).to_vec()
}
