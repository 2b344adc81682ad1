//! Webhooks: what is sent, signed with what, in which order, and how it goes on when a receiver is not as it should be.

mod going_on;
mod others;
mod receiver;
mod sent;
mod whereto;

pub use receiver::{Got, Receiver};

use crate::tenancy::records::Ids;
use kith_db::Verdict;
use kith_kernel::Shape;
use kith_testkit::{Answer, Client, Stage, Tenant};
use kith_webhooks::outbox::{self, Went};
use kith_webhooks::{WebhookEndpoint, address};
use kith_worker::{Crew, Running};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// A delivery and an attempt of an endpoint, as the walks over all resources need.
pub async fn one_of_each(stage: &Stage, tenant: &Tenant, admin: &Client, ids: &mut Ids) {
    let endpoint = ids["webhook-endpoints"].clone();
    admin.post(&format!("/v1/webhook-endpoints/{endpoint}/test"), json!({})).await.expect(200);
    let cx = stage.system(tenant);
    let claimed = stage.app.db.write(tenant.id, |conn| {
        let id: Uuid = endpoint.parse().unwrap();
        let endpoint = kith_journal::store::find::<WebhookEndpoint>(conn, &cx, id)?.unwrap();
        let claimed = outbox::claim(conn, &cx, &endpoint, 1)?.remove(0).delivery;
        outbox::conclude(conn, &cx, &claimed, Went::answered(500), 7)?;
        Ok(Verdict::Commit(claimed.meta().id))
    });
    ids.insert("webhook-deliveries", claimed.unwrap().to_string());
    let attempts = admin.get("/v1/webhook-attempts").await.expect(200);
    ids.insert("webhook-attempts", attempts.at("/data/0/id").as_str().unwrap().to_owned());
}

/// A tenant whose webhooks are sent.
pub struct Post {
    pub stage: Stage,
    pub tenant: Tenant,
    crew: Option<Running>,
}

impl Post {
    pub fn new() -> Self {
        let post = Post::quiet();
        post.and_go(|_| {})
    }

    /// Without anybody who sends.
    pub fn quiet() -> Self {
        let stage = Stage::new();
        let tenant = stage.tenant();
        Post { stage, tenant, crew: None }
    }

    /// Starts sending.
    pub fn and_go(mut self, change: impl FnOnce(&mut Crew)) -> Self {
        let worker = crate::jobs::worker(&self.stage);
        let mut crew = Crew { pause: Duration::from_millis(20), ..Crew::of(&worker, 1) };
        change(&mut crew);
        self.crew = Some(worker.start(crew).unwrap());
        self
    }

    /// A client whose token is good at this moment of the stage.
    pub fn admin(&self) -> Client {
        self.stage.admin(&self.tenant)
    }

    /// An endpoint for a receiver; its id.
    pub async fn endpoint(&self, receiver: &Receiver, more: Value) -> String {
        let mut body = json!({"url": receiver.url(), "eventTypes": ["account.*"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.admin().post("/v1/webhook-endpoints", body).await.expect(201).id()
    }

    pub async fn account(&self, name: &str) -> String {
        self.admin().post("/v1/accounts", json!({"name": name})).await.expect(201).id()
    }

    pub async fn rename(&self, id: &str, name: &str) {
        self.admin().patch(&format!("/v1/accounts/{id}"), json!({"name": name})).await.expect(200);
    }

    /// A business verb of an endpoint.
    pub async fn tell(&self, endpoint: &str, verb: &str, body: Value) -> Answer {
        self.admin().post(&format!("/v1/webhook-endpoints/{endpoint}/{verb}"), body).await
    }

    /// The deliveries of an endpoint, oldest first.
    pub async fn deliveries(&self, endpoint: &str) -> Vec<Value> {
        let path = format!("/v1/webhook-deliveries?filter[endpointId]={endpoint}&sort=createdAt&limit=500");
        self.admin().get(&path).await.expect(200).at("/data").as_array().unwrap().clone()
    }

    /// Waits until the only delivery of an endpoint is as it should be.
    pub async fn until_delivery(&self, endpoint: &str, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            if let Some(found) = self.deliveries(endpoint).await.first().filter(|one| holds(one)) {
                return found.clone();
            }
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the delivery is not as it should be: {:?}", self.deliveries(endpoint).await);
    }
}

/// Lets a receiver be reached.
pub fn allow(receiver: &Receiver) {
    address::allow(&[receiver.address.to_string()]);
}
