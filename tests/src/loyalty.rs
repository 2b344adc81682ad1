//! How loyal customers are: values that other systems push, and what they come to together with what Kith sees itself.

mod indicators;
mod standing;

use crate::value::Market;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

/// A market in which some buy often and others once; a year is the window.
pub struct Fair {
    pub market: Market,
}

impl Fair {
    /// Accounts by these keys, each with the days ago on which it bought.
    pub async fn new(customers: &[(&str, &[u64])]) -> Fair {
        let fair = Fair { market: Market::on("2026-11-20") };
        fair.market.accounts(&customers.iter().map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>()).await;
        let days = customers.iter().flat_map(|(key, days)| days.iter().map(move |ago| (*key, *ago)));
        let order = |(at, (key, ago)): (usize, (&str, u64))| Market::order(key, at, &fair.ago(ago).to_string(), "100");
        let orders: Vec<_> = days.enumerate().map(order).collect();
        fair.market.orders(&orders).await;
        fair.market.publish(json!({"windowDays": 365})).await;
        fair
    }

    pub fn today(&self) -> NaiveDate {
        self.market.stage.now().date_naive()
    }

    /// The day so many days ago.
    pub fn ago(&self, days: u64) -> NaiveDate {
        self.today().checked_sub_days(Days::new(days)).unwrap()
    }

    pub async fn id(&self, key: &str) -> String {
        self.market.account(key, "owner").await["id"].as_str().unwrap().to_owned()
    }

    /// Answers of an account, two days ago.
    pub async fn answers(&self, key: &str, answers: &[(&str, &str)]) {
        let account = self.id(key).await;
        for (kind, value) in answers {
            let body = json!({"accountId": account, "kind": kind, "value": value, "answeredOn": self.ago(2)});
            self.market.admin.post("/v1/loyalty-evidence", body).await.expect(201);
        }
    }

    /// What an account needs a year.
    pub async fn needs(&self, key: &str, amount: &str) {
        let amount = json!({"amount": amount, "currency": "EUR"});
        let body =
            json!({"accountId": self.id(key).await, "amount": amount, "source": "STATED", "estimatedOn": self.ago(9)});
        self.market.admin.post("/v1/wallet-estimates", body).await.expect(201);
    }

    pub async fn run(&self) {
        self.market.run(None).await;
    }

    pub async fn loyalty(&self, key: &str) -> Value {
        self.market.account(key, "loyalty").await["loyalty"].clone()
    }
}

/// The bar of a sign.
pub fn bar<'a>(loyalty: &'a Value, sign: &str) -> &'a Value {
    loyalty["signs"].as_array().unwrap().iter().find(|bar| bar["sign"] == sign).unwrap()
}
