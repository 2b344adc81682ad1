//! What customers are worth: the published values of real data sets, and what must hold whatever the data are.

mod cdnow;
mod contract;
mod fit;
mod group;
mod history;
mod industries;
mod kinds;
mod models;
mod peers;
mod profit;
mod relations;
mod reports;
mod resume;
mod retail;
mod rights;
mod scales;
mod segments;
mod simple;
mod steady;
mod unconverted;
mod weigh;
mod white;

use kith_testkit::{Client, Stage, Tenant};
use kith_worker::Worker;
use serde_json::{Value, json};

/// A tenant whose values can be computed.
pub struct Market {
    pub stage: Stage,
    pub tenant: Tenant,
    pub admin: Client,
}

impl Market {
    /// On a day long gone, so that this is today.
    pub fn on(day: &str) -> Self {
        let stage = Stage::new();
        stage.app.clock.stop_at(format!("{day}T12:00:00Z").parse().unwrap());
        let tenant = stage.tenant();
        let admin = stage.admin(&tenant);
        Market { stage, tenant, admin }
    }

    /// One account for each key, in batches.
    pub async fn accounts(&self, keys: &[String]) {
        for some in keys.chunks(1_000) {
            let item = |key: &String| json!({"op": "upsert", "externalId": {"system": "shop", "externalId": key}, "data": {"name": format!("Customer {key}")}});
            let items: Vec<_> = some.iter().map(item).collect();
            self.admin.post("/v1/accounts/batch", json!({"atomic": true, "items": items})).await.expect(200);
        }
    }

    /// Orders through the documents verb.
    pub async fn orders(&self, documents: &[Value]) {
        for some in documents.chunks(500) {
            let body = json!({"atomic": true, "documents": some});
            self.admin.post("/v1/orders/documents", body).await.expect(200);
        }
    }

    /// An order of one line, delivered at noon.
    pub fn order(customer: &str, key: usize, day: &str, amount: &str) -> Value {
        json!({
            "system": "shop", "externalId": format!("order-{key}"), "account": {"externalId": customer}, "currency": "EUR",
            "orderedAt": format!("{day}T12:00:00Z"), "status": "FULFILLED",
            "lines": [{"externalId": "1", "description": "Goods", "quantity": "1", "unitPrice": {"amount": amount, "currency": "EUR"}}]
        })
    }

    /// A product in a family of its own for each SKU.
    pub async fn products(&self, skus: &[&str]) {
        for sku in skus {
            let family = self.admin.post("/v1/product-families", json!({"name": sku})).await.expect(201).id();
            let product = json!({"sku": sku, "name": sku, "familyId": family});
            self.admin.post("/v1/products", product).await.expect(201);
        }
    }

    /// The families by their names.
    pub async fn families(&self) -> Value {
        let found = self.admin.get("/v1/product-families").await.expect(200);
        let rows = found.at("/data").as_array().unwrap().clone();
        rows.into_iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row["id"].clone())).collect()
    }

    /// Goes to another day.
    pub fn go_to(&mut self, day: &str) {
        self.stage.app.clock.stop_at(format!("{day}T12:00:00Z").parse().unwrap());
        self.admin = self.stage.admin(&self.tenant);
    }

    /// A model that takes all revenue for margin, unless told otherwise.
    pub async fn publish(&self, more: Value) -> String {
        let mut model = json!({"name": "Value", "windowDays": 1095, "defaultMargin": "100"});
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = self.admin.post("/v1/value-models", model).await.expect(201).id();
        self.admin.post(&format!("/v1/value-models/{id}/publish"), json!({})).await.expect(200);
        id
    }

    pub fn worker(&self) -> Worker {
        let app = &self.stage.app;
        let (db, clock, cursor_key) = (app.db.clone(), app.clock.clone(), app.instance.cursor_key.clone());
        Worker::new(db, clock, kith_api::catalogue(), cursor_key)
    }

    /// Computes everything as of today, or adds a day to the history.
    pub async fn run(&self, as_of: Option<&str>) -> Value {
        let id = self.admin.post("/v1/value-runs", json!({"asOf": as_of})).await.expect(201).id();
        self.work(true);
        let run = self.admin.get(&format!("/v1/value-runs/{id}")).await.expect(200).body;
        assert_eq!(run["status"], "DONE", "{run}");
        run
    }

    /// Lets the worker look once.
    pub fn work(&self, whole: bool) {
        self.worker().serve(self.tenant.id, whole).unwrap();
    }

    /// The account of a key.
    pub async fn account(&self, key: &str, expand: &str) -> Value {
        let path = format!("/v1/accounts?filter[externalIds][some][externalId]={key}&expand={expand}");
        let found = self.admin.get(&path).await.expect(200);
        found.at("/data/0").clone()
    }
}

/// A decimal of an answer.
#[track_caller]
pub fn number(value: &Value) -> f64 {
    let Some(text) = value.get("amount").unwrap_or(value).as_str() else { panic!("{value} is no decimal") };
    text.parse().unwrap()
}

/// Every record of a resource.
pub async fn every(market: &Market, resource: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), String::new());
    loop {
        let page = market.admin.get(&format!("/v1/{resource}?limit=500&sort=id{next}")).await.expect(200);
        found.extend(page.at("/data").as_array().unwrap().iter().cloned());
        match page.at("/page/nextCursor").as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => return found,
        }
    }
}
