//! Relationships: stages that the rules and people set, losses and what is done about them, and the reports of it.

mod backtest;
mod by_hand;
mod churn;
mod reports;
mod retention;
mod silence;
mod stages;
mod training;

use crate::tenancy::records::Ids;
use chrono::{Days, NaiveDate};
use diesel::{RunQueryDsl, sql_query, sql_types as st};
use kith_db::Verdict;
use kith_lifecycle::rules::churn::CustomerActivity;
use kith_lifecycle::rules::risk::{ChurnModelKind, Features, train};
use kith_lifecycle::rules::{LifecycleRule, LifecycleStage, LoyaltyStage, Verdict as Opinion};
use kith_lifecycle::{Applied, RiskRuling, Ruling};
use kith_testkit::{Answer, Client, Stage, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant with its administrator.
pub struct Shop {
    pub stage: Stage,
    pub tenant: Tenant,
    pub admin: Client,
}

pub fn shop() -> Shop {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    Shop { stage, tenant, admin }
}

impl Shop {
    pub fn account(&self) -> Uuid {
        self.stage.make(&self.tenant, "accounts", json!({"name": "Alfreds"}))
    }

    pub fn today(&self) -> NaiveDate {
        self.stage.now().date_naive()
    }

    /// The day so many days ago.
    pub fn ago(&self, days: u64) -> NaiveDate {
        self.today().checked_sub_days(Days::new(days)).unwrap()
    }

    pub fn apply(&self, rulings: &[Ruling]) -> Applied {
        apply(&self.stage, &self.tenant, rulings)
    }

    /// The clock goes on; tokens are new.
    pub fn later(&mut self, days: i64) {
        self.stage.app.clock.advance(chrono::TimeDelta::days(days));
        self.admin = self.stage.admin(&self.tenant);
    }

    pub async fn lifecycle(&self, account: Uuid) -> Value {
        self.admin.get(&format!("/v1/lifecycles/{account}")).await.expect(200).body
    }

    pub async fn act(&self, path: &str, body: Value) -> Answer {
        self.admin.post(&format!("/v1/{path}"), body).await
    }

    /// The moves of an account as (from, to), oldest first.
    pub async fn moves(&self, account: Uuid) -> Vec<(Value, Value)> {
        let path = format!("/v1/lifecycle-transitions?filter[accountId]={account}&sort=movedOn,id");
        let found = self.admin.get(&path).await.expect(200);
        let rows = found.at("/data").as_array().unwrap().clone();
        rows.iter().map(|row| (row["fromStage"].clone(), row["toStage"].clone())).collect()
    }

    /// What a customer bought on a day.
    pub fn bought(&self, account: Uuid, day: NaiveDate, net: i32) {
        let query = sql_query(
            "INSERT INTO customer_days (tenant_id, account_id, day, orders, net, cost, uncosted, discount, discounted, \
             lines, booked, refunded, unconverted) VALUES ($1, $2, $3, 1, $4, 0, 0, 0, 0, 1, $4, 0, 0)",
        );
        let query = query.bind::<st::Uuid, _>(self.tenant.id).bind::<st::Uuid, _>(account).bind::<st::Date, _>(day);
        query.bind::<st::Integer, _>(net).execute(&mut self.stage.scratch.owner()).unwrap();
    }
}

pub fn apply(stage: &Stage, tenant: &Tenant, rulings: &[Ruling]) -> Applied {
    let cx = stage.system(tenant);
    let group = kith_journal::derived::Group::These(rulings.iter().map(|ruling| ruling.account).collect());
    let done = stage.app.db.write(tenant.id, |conn| {
        let standing = kith_lifecycle::standing(conn, &cx, &group)?;
        kith_lifecycle::apply(conn, &cx, rulings, &standing).map(Verdict::Commit)
    });
    done.unwrap()
}

/// What the rules might say of an account.
pub fn ruling(account: Uuid, stage: LifecycleStage, as_of: NaiveDate) -> Ruling {
    let activity = match stage {
        LifecycleStage::Prospect => CustomerActivity::Prospect,
        LifecycleStage::Ended => CustomerActivity::Churned,
        _ => CustomerActivity::Active,
    };
    let verdict = Opinion {
        stage,
        rule: LifecycleRule::Steady,
        evidence: json!({"silence": 0.5}),
        confidence: 0.75,
        next_review: as_of.checked_add_days(Days::new(30)).unwrap(),
    };
    let churned_on = (activity == CustomerActivity::Churned).then_some(as_of);
    Ruling { account, verdict, loyalty_stage: LoyaltyStage::Regular, activity, churned_on, as_of }
}

/// A risk as it might be computed.
pub fn risk(account: Uuid, probability: f64, as_of: NaiveDate) -> RiskRuling {
    RiskRuling {
        account,
        probability: Some(probability),
        horizon_days: 90,
        baseline: Some(0.5),
        model: Some(ChurnModelKind::GapRule),
        churn_model: None,
        drivers: json!([{"driver": "silence", "value": 45, "reference": 90, "points": 0.5}]),
        state: kith_lifecycle::risk::ChurnRiskState::Ok,
        reason: None,
        value_at_risk: None,
        as_of,
    }
}

/// One of each resource of this area that cannot be made by a body.
pub async fn one_of_each(stage: &Stage, tenant: &Tenant, ids: &mut Ids) {
    let admin = stage.admin(tenant);
    let account = ids["accounts"].clone();
    let event =
        admin.post("/v1/churn-events", json!({"accountId": account, "occurredOn": "2026-01-02"})).await.expect(201);
    let event = event.id();
    admin.send("POST", &format!("/v1/churn-events/{event}/confirm"), None).await.expect(200);
    admin.post(&format!("/v1/churn-events/{event}/reverse"), json!({"reason": "It was none."})).await.expect(200);
    ids.insert("lifecycles", account.clone());
    let found = admin.get(&format!("/v1/churn-events/{event}?expand=corrections,transitions")).await.expect(200);
    for (name, relation) in [("lifecycle-transitions", "transitions"), ("churn-event-corrections", "corrections")] {
        ids.insert(name, found.at(&format!("/{relation}/data/0/id")).as_str().unwrap().to_owned());
    }
    let (cx, now) = (stage.system(tenant), stage.now().date_naive());
    let window = kith_lifecycle::model::Window { from: now, cut_off: now, later_cut_off: now, horizon_days: 90 };
    let risks = [risk(account.parse().unwrap(), 0.5, now)];
    let trained = train(&[Features::default()], &[true], &[], &[]);
    let model = stage.app.db.write(tenant.id, |conn| {
        kith_lifecycle::apply_risks(conn, &cx, &risks, kith_journal::derived::To::Readers)?;
        kith_lifecycle::score::remember(conn, &cx, &risks, kith_journal::derived::To::Readers)?;
        kith_lifecycle::model::record(conn, &cx, &trained, &window).map(Verdict::Commit)
    });
    let score = kith_journal::derived::of_day(account.parse().unwrap(), now);
    ids.insert("churn-scores", score.to_string());
    ids.insert("churn-risks", account);
    ids.insert("churn-models", model.unwrap().0.to_string());
}
