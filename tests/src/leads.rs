//! Leads: captured, scored, assigned, compared, worked on, converted.

mod capture;
mod convert;
mod rules;

use kith_testkit::{Answer, Client, Stage, Tenant};
use serde_json::{Value, json};

/// A tenant with a pipeline, and somebody who may do everything.
pub struct Desk {
    pub stage: Stage,
    pub tenant: Tenant,
    pub admin: Client,
}

pub async fn desk() -> Desk {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let pipeline = admin.post("/v1/pipelines", json!({"name": "Sales", "isDefault": true})).await.expect(201).id();
    let first = json!({"pipelineId": pipeline, "name": "First", "position": 1, "probability": 10});
    admin.post("/v1/stages", first).await.expect(201);
    Desk { stage, tenant, admin }
}

impl Desk {
    pub async fn make(&self, resource: &str, body: Value) -> String {
        self.admin.post(&format!("/v1/{resource}"), body).await.expect(201).id()
    }

    pub async fn act(&self, lead: &str, verb: &str, body: Value) -> Answer {
        self.admin.post(&format!("/v1/leads/{lead}/{verb}"), body).await
    }

    pub async fn lead(&self, id: &str) -> Value {
        self.admin.get(&format!("/v1/leads/{id}")).await.expect(200).body
    }

    pub async fn count(&self, list: &str) -> i64 {
        self.admin
            .get(&format!("/v1/{list}{}count=exact", if list.contains('?') { '&' } else { '?' }))
            .await
            .expect(200)
            .at("/page/total")
            .as_i64()
            .unwrap()
    }
}

#[actix_web::test]
async fn a_lead_goes_its_way_over_both_apis() {
    let desk = desk().await;
    let body = json!({"givenName": "小明", "familyName": "王", "locale": "zh-CN", "email": " Wang@Example.COM", "phone": "+49 (0)30 0074321", "country": "de"});
    let made = desk.admin.post("/v1/leads", body).await.expect(201);
    let id = made.id();
    assert_eq!(made.body["name"], "王小明");
    assert_eq!((&made.body["email"], &made.body["country"]), (&json!("wang@example.com"), &json!("DE")));
    assert_eq!((&made.body["normalizedPhone"], &made.body["status"]), (&json!("+49300074321"), &json!("NEW")));
    let answered = desk.act(&id, "respond", json!({})).await.expect(200);
    assert_eq!(answered.body["status"], "WORKING");
    let first = answered.body["firstResponseAt"].clone();
    assert!(first.is_string());
    assert_eq!(
        desk.act(&id, "respond", json!({})).await.expect(200).body["firstResponseAt"],
        first,
        "the first counts"
    );
    let nurture =
        "mutation($id: UUID!) { leadNurture(id: $id, input: {until: \"2199-01-01\"}) { status nurtureUntil version } }";
    let nurtured = desk.admin.graphql(nurture, json!({"id": id})).await.expect(200);
    assert_eq!(nurtured.at("/data/leadNurture/nurtureUntil"), "2199-01-01", "{}", nurtured.body);
    let lost = desk.act(&id, "disqualify", json!({"reason": "NO_BUDGET", "note": "Next year."})).await.expect(200);
    assert_eq!((&lost.body["disqualifyReason"], &lost.body["nurtureUntil"]), (&json!("NO_BUDGET"), &Value::Null));
    // What is not legal answers with what is.
    for verb in ["respond", "assign", "qualify", "nurture", "convert"] {
        let refused = desk.act(&id, verb, json!({})).await.expect(409);
        assert_eq!(
            (refused.code(), refused.at("/errors/0/legal")),
            ("ILLEGAL_TRANSITION", &json!(["recycle"])),
            "{verb}"
        );
    }
    let again = desk.act(&id, "recycle", json!({})).await.expect(200);
    assert_eq!((&again.body["status"], &again.body["disqualifyReason"]), (&json!("NEW"), &Value::Null));
    assert_eq!(again.body["firstResponseAt"], first);
    let qualified = desk.act(&id, "qualify", json!({})).await.expect(200);
    assert_eq!(qualified.body["status"], "QUALIFIED");
    let refused = desk.act(&id, "recycle", json!({})).await.expect(409);
    let legal = json!(["respond", "assign", "nurture", "disqualify", "convert"]);
    assert_eq!(refused.at("/errors/0/legal"), &legal);
    for (verb, body, pointer) in [
        ("respond", json!({"at": "2199-01-01T00:00:00Z"}), "/at"),
        ("nurture", json!({"until": "2020-01-01"}), "/until"),
        ("disqualify", json!({}), "/reason"),
        ("disqualify", json!({"reason": "BORED"}), "/reason"),
        ("assign", json!({"ownerId": id}), "/ownerId"),
    ] {
        assert_eq!(desk.act(&id, verb, body.clone()).await.expect(422).pointers(), [pointer], "{verb} {body}");
    }
    for (name, value) in [
        ("email", json!("nobody")),
        ("phone", json!("call me")),
        ("country", json!("D")),
        ("status", json!("NEW")),
        ("locale", json!("?")),
        ("score", json!(5)),
    ] {
        let refused = desk.admin.patch(&format!("/v1/leads/{id}"), json!({name: value})).await.expect(422);
        assert_eq!(refused.pointers(), [format!("/{name}")], "{value}");
    }
    let nobody = desk.admin.post("/v1/leads", json!({"givenName": " ", "country": "DE"})).await.expect(422);
    assert_eq!(nobody.pointers(), ["/organization"]);
    let address =
        desk.admin.post("/v1/leads", json!({"email": "a@example.com", "organization": " "})).await.expect(201);
    assert_eq!((&address.body["name"], &address.body["organization"]), (&json!("a@example.com"), &Value::Null));
    // What is archived is restored before anything is done with it.
    desk.admin.delete(&format!("/v1/leads/{id}")).await.expect(204);
    assert_eq!(desk.act(&id, "convert", json!({})).await.expect(409).code(), "CONFLICT");
}

#[actix_web::test]
async fn the_metrics_of_leads_say_what_happened() {
    let desk = desk().await;
    for (number, source) in ["fair", "fair", "fair", "web"].into_iter().enumerate() {
        let lead = desk.make("leads", json!({"familyName": format!("L{number}"), "source": source})).await;
        match number {
            0 => drop(desk.act(&lead, "convert", json!({})).await.expect(200)),
            1 => drop(desk.act(&lead, "disqualify", json!({"reason": "SPAM"})).await.expect(200)),
            _ => drop(desk.act(&lead, "respond", json!({})).await.expect(200)),
        }
    }
    let form = desk.make("lead-forms", json!({"name": "Newsletter"})).await;
    let waiting = json!({"familyName": "Waiting", "source": "web", "optIn": "PENDING", "formId": form});
    desk.make("leads", waiting).await;
    let rate = desk.admin.get("/v1/metrics/lead-conversion-rate?groupBy=source").await.expect(200);
    assert_eq!((rate.at("/total/value"), rate.at("/total/count")), (&json!("25"), &json!(4)));
    let of = |answer: &Answer, source: &str| {
        let rows = answer.body["rows"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["group"]["source"]["key"] == source).map(|row| row["value"].clone())
    };
    assert_eq!(of(&rate, "fair"), Some(json!("33.3333")));
    assert_eq!(of(&rate, "web"), Some(json!("0")));
    let leads =
        desk.admin.graphql("{ metric(name: \"leads\", groupBy: [\"source\"]) { value } }", json!({})).await.expect(200);
    assert_eq!(leads.at("/data/metric/value"), "4", "{}", leads.body);
    let time = desk.admin.get("/v1/metrics/lead-response-time").await.expect(200);
    assert_eq!((time.at("/unit"), time.at("/total/count")), (&json!("MINUTES"), &json!(2)));
    assert!(time.at("/total/value").as_str().unwrap().parse::<f64>().unwrap() < 10.0);
    let reasons = desk.admin.get("/v1/metrics/lead-disqualification-reasons?groupBy=reason").await.expect(200);
    assert_eq!(reasons.at("/rows/0/group/reason/key"), "SPAM");
}
