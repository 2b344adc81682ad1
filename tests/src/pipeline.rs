//! Pipelines and opportunities: moves, their history, lines, teams, and what happens when many do it at once.

mod edges;
mod forecast;
mod maven;
mod metrics;
mod pictures;
mod quotes;
mod sums;

use futures_util::future::join_all;
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};

/// A pipeline with three open stages, one for the won and one for the lost, and its ids.
pub struct Road {
    pub stage: Stage,
    pub tenant: kith_testkit::Tenant,
    pub admin: Client,
    pub id: String,
    /// Lead in, Proposal, Closing, Won, Lost.
    pub stages: Vec<String>,
}

pub async fn road() -> Road {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let id = admin.post("/v1/pipelines", json!({"name": "Sales", "isDefault": true})).await.expect(201).id();
    let mut stages = Vec::new();
    for (at, (name, kind, probability)) in [
        ("Lead in", "OPEN", 10),
        ("Proposal", "OPEN", 40),
        ("Closing", "OPEN", 80),
        ("Won", "WON", 100),
        ("Lost", "LOST", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let body =
            json!({"pipelineId": id, "name": name, "kind": kind, "position": at + 1, "probability": probability});
        stages.push(admin.post("/v1/stages", body).await.expect(201).id());
    }
    Road { stage, tenant, admin, id, stages }
}

impl Road {
    pub async fn open(&self, more: Value) -> String {
        let mut body = json!({"name": "Chai for 40 shops"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.admin.post("/v1/opportunities", body).await.expect(201).id()
    }

    pub async fn act(&self, id: &str, verb: &str, body: Value) -> kith_testkit::Answer {
        self.admin.post(&format!("/v1/opportunities/{id}/{verb}"), body).await
    }

    /// The history, oldest first, checked to be one unbroken line from the beginning to where the opportunity is.
    async fn history(&self, id: &str) -> Vec<Value> {
        let now = self.admin.get(&format!("/v1/opportunities/{id}")).await.expect(200);
        let path = format!("/v1/stage-changes?filter[opportunityId]={id}&sort=changedAt,id&limit=500");
        let all = self.admin.get(&path).await.expect(200).at("/data").as_array().unwrap().clone();
        assert_eq!(all[0]["fromStageId"], Value::Null);
        assert_eq!(all.last().unwrap()["toStageId"], now.body["stageId"]);
        assert_eq!(all.last().unwrap()["changedAt"], now.body["stageSince"]);
        for pair in all.windows(2) {
            assert_eq!(pair[0]["toStageId"], pair[1]["fromStageId"], "{pair:?}");
            let times = [&pair[0], &pair[1]]
                .map(|change| change["changedAt"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap());
            assert_eq!(pair[1]["secondsBefore"], json!((times[1] - times[0]).num_seconds()));
        }
        let closed = now.body["closedAt"].is_string();
        assert_eq!(closed, now.body["status"] != "OPEN", "{}", now.body);
        all
    }
}

#[actix_web::test]
async fn an_opportunity_goes_its_way_over_both_apis() {
    let road = road().await;
    let [lead, proposal, closing, won, lost] = [0, 1, 2, 3, 4].map(|at| road.stages[at].clone());
    let id = road.open(json!({"openedAt": "2026-01-05T09:00:00Z"})).await;
    let begun = road.admin.get(&format!("/v1/opportunities/{id}")).await.expect(200);
    assert_eq!(begun.body["stageId"], json!(lead));
    assert_eq!((begun.at("/status"), begun.at("/stageSince")), (&json!("OPEN"), &json!("2026-01-05T09:00:00Z")));
    // Criteria hold forwards, not backwards.
    let criteria = json!({"exitCriteria": {"amount": {"isNull": false}, "closeDate": {"gt": "2026-01-01"}}});
    road.admin.patch(&format!("/v1/stages/{lead}"), criteria).await.expect(200);
    let refused = road.act(&id, "move", json!({"stageId": proposal})).await.expect(409);
    assert_eq!((refused.code(), refused.at("/errors/0/code")), ("ILLEGAL_TRANSITION", &json!("EXIT_CRITERIA")));
    let facts = json!({"amount": {"amount": "1000", "currency": "EUR"}, "closeDate": "2026-12-31"});
    road.admin.patch(&format!("/v1/opportunities/{id}"), facts).await.expect(200);
    let moved = road
        .act(&id, "move", json!({"stageId": proposal, "at": "2026-02-01T09:00:00Z", "note": "They called."}))
        .await
        .expect(200);
    assert_eq!(moved.body["version"], 3);
    assert_eq!(moved.header("etag"), Some("\"3\""));
    // Where one cannot go: the same stage, a closed one, one of nobody.
    for stage in [&proposal, &won, &road.id] {
        let refused = road.act(&id, "move", json!({"stageId": stage})).await.expect(409);
        let legal: Vec<_> =
            refused.at("/errors/0/legal").as_array().unwrap().iter().map(|move_| move_["stageId"].clone()).collect();
        assert_eq!(legal, [json!(lead), json!(closing)], "{stage}");
    }
    for (body, pointer) in [
        (json!({}), "/stageId"),
        (json!({"stageId": 1}), "/stageId"),
        (json!({"stageId": closing, "at": "2026-01-31T00:00:00Z"}), "/at"),
        (json!({"stageId": closing, "at": "2999-01-01T00:00:00Z"}), "/at"),
        (json!({"stageId": closing, "note": "x".repeat(2_001)}), "/note"),
        (json!({"stageId": closing, "speed": 1}), "/speed"),
    ] {
        let refused = road.act(&id, "move", body.clone()).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{body}");
    }
    // The rest over GraphQL.
    let run = async |field: &str| {
        let query = format!("mutation {{ it: {field} {{ status stageId closedAt closeNote version }} }}");
        road.admin.graphql(&query, json!({})).await.expect(200)
    };
    let back = run(&format!("opportunityMove(id: \"{id}\", input: {{stageId: \"{lead}\"}})")).await;
    assert_eq!(back.at("/data/it/stageId"), &json!(lead), "{}", back.body);
    let tried = run(&format!("opportunityWin(id: \"{id}\", dryRun: true)")).await;
    assert_eq!(tried.at("/data/it/status"), "WON", "{}", tried.body);
    let stale = run(&format!("opportunityWin(id: \"{id}\", expectedVersion: 1)")).await;
    assert_eq!(stale.at("/errors/0/extensions/code"), "VERSION_CONFLICT", "{}", stale.body);
    road.admin.patch(&format!("/v1/pipelines/{}", road.id), json!({"requiresReason": true})).await.expect(200);
    let bare = run(&format!("opportunityLose(id: \"{id}\")")).await;
    assert_eq!(bare.at("/errors/0/extensions/errors/0/pointer"), "/reasonId", "{}", bare.body);
    let price =
        road.admin.post("/v1/close-reasons", json!({"name": "Price", "outcome": "LOST"})).await.expect(201).id();
    let globex = road.admin.post("/v1/competitors", json!({"name": "Globex"})).await.expect(201).id();
    let wrong = run(&format!("opportunityWin(id: \"{id}\", input: {{reasonId: \"{price}\"}})")).await;
    assert_eq!(wrong.at("/errors/0/extensions/errors/0/code"), "UNKNOWN_REFERENCE", "{}", wrong.body);
    let input = format!("{{reasonId: \"{price}\", competitorId: \"{globex}\", note: \"Half of ours.\"}}");
    let ended = run(&format!("opportunityLose(id: \"{id}\", input: {input})")).await;
    assert_eq!(
        (ended.at("/data/it/status"), ended.at("/data/it/stageId")),
        (&json!("LOST"), &json!(lost)),
        "{}",
        ended.body
    );
    for verb in ["move", "win", "lose"] {
        let body = if verb == "move" { json!({"stageId": closing}) } else { json!({}) };
        assert_eq!(road.act(&id, verb, body).await.expect(409).code(), "ILLEGAL_TRANSITION", "{verb}");
    }
    // A bare verb needs no body, over REST either.
    let again = road.admin.send("POST", &format!("/v1/opportunities/{id}/reopen"), None).await.expect(200);
    assert_eq!((again.at("/stageId"), again.at("/closeReasonId")), (&json!(lead), &Value::Null));
    assert_eq!(road.act(&id, "reopen", json!({})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    let history = road.history(&id).await;
    let stages: Vec<_> = history.iter().map(|change| change["toStageId"].clone()).collect();
    assert_eq!(stages, [&lead, &proposal, &lead, &lost, &lead].map(|stage| json!(stage)));
    assert_eq!(history[1]["note"], "They called.");
    assert_eq!(history[3]["amount"], json!({"amount": "1000.00", "currency": "EUR"}));
    // Nobody writes history, and nobody moves by patching.
    let patched = road
        .admin
        .patch(&format!("/v1/opportunities/{id}"), json!({"stageId": closing, "status": "WON"}))
        .await
        .expect(422);
    assert_eq!(patched.pointers(), ["/stageId", "/status"]);
    road.admin.post("/v1/stage-changes", json!({})).await.expect(405);
}

#[actix_web::test]
async fn the_past_can_be_loaded_as_it_was() {
    let road = road().await;
    let item = |number: usize, more: Value| {
        let mut data = json!({"name": format!("Deal {number}"), "openedAt": "2016-10-20T00:00:00Z"});
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"op": "upsert", "externalId": {"system": "old", "externalId": format!("{number}")}, "data": data})
    };
    let items = [
        item(1, json!({"stageId": road.stages[3], "closedAt": "2017-03-01T00:00:00Z"})),
        item(2, json!({"stageId": road.stages[4], "closedAt": "2017-03-01T00:00:00Z", "closeNote": "too dear"})),
        item(3, json!({"stageId": road.stages[1]})),
        item(4, json!({"stageId": road.stages[1], "closedAt": "2017-03-01T00:00:00Z"})),
        item(5, json!({"stageId": road.stages[3], "closedAt": "2015-03-01T00:00:00Z"})),
        item(6, json!({"stageId": road.stages[3], "closedAt": "2999-03-01T00:00:00Z"})),
        item(7, json!({"stageId": road.id})),
    ];
    for _ in 0..2 {
        let answer = road.admin.post("/v1/opportunities/batch", json!({"items": items})).await.expect(207);
        let of = |at: usize, name: &str| answer.at(&format!("/results/{at}/data/{name}")).clone();
        assert_eq!((of(0, "status"), of(0, "stageSince")), (json!("WON"), json!("2017-03-01T00:00:00Z")));
        assert_eq!((of(1, "status"), of(1, "closeNote")), (json!("LOST"), json!("too dear")));
        assert_eq!((of(2, "status"), of(2, "stageSince")), (json!("OPEN"), json!("2016-10-20T00:00:00Z")));
        for at in 3..7 {
            assert_eq!(answer.at(&format!("/results/{at}/status")), 422, "{at}");
        }
    }
    let all = road.admin.get("/v1/opportunities?count=exact").await.expect(200);
    assert_eq!(all.at("/page/total"), 3);
}

/// Any sequence of moves leaves stage, history and time in stage consistent.
#[actix_web::test]
async fn whatever_the_moves_the_history_is_one_line() {
    let road = road().await;
    let mut number: u64 = 20_261_122;
    let mut next = |below: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    for _ in 0..4 {
        let id = road.open(json!({"openedAt": "2026-01-01T00:00:00Z"})).await;
        let (mut done, mut day) = (1, 1);
        for _ in 0..30 {
            let stage = road.stages[usize::try_from(next(5)).unwrap()].clone();
            let at = format!("2026-{:02}-{:02}T00:00:00Z", 1 + day / 28, 1 + day % 28);
            let (verb, body) = match next(6) {
                0 => ("win", json!({"at": at})),
                1 => ("lose", json!({"at": at})),
                2 => ("reopen", json!({"at": at})),
                _ => ("move", json!({"stageId": stage, "at": at})),
            };
            let answer = road.act(&id, verb, body).await;
            assert!([200, 409, 422].contains(&answer.status), "{verb}: {}", answer.text);
            done += usize::from(answer.status == 200);
            day += next(3);
            assert_eq!(road.history(&id).await.len(), done);
        }
        assert!(done > 5, "hardly anything moved");
    }
}

#[actix_web::test]
async fn fifty_moves_at_once_are_all_answered_and_leave_one_line() {
    let road = road().await;
    let id = road.open(json!({})).await;
    let moves = (0..50).map(|at| road.act(&id, "move", json!({"stageId": road.stages[at % 3]})));
    let answers = join_all(moves).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
    let done = statuses.iter().filter(|status| **status == 200).count();
    assert!(done > 10, "{statuses:?}");
    assert_eq!(road.history(&id).await.len(), done + 1);
    let version = road.admin.get(&format!("/v1/opportunities/{id}")).await.expect(200).body["version"].clone();
    assert_eq!(version, json!(done + 1));
}

#[actix_web::test]
async fn stages_are_put_in_order_and_retired_without_orphans() {
    let road = road().await;
    let pipeline = format!("/v1/pipelines/{}", road.id);
    let order = [2, 0, 1, 3, 4].map(|at| road.stages[at].clone());
    road.admin.post(&format!("{pipeline}/reorder-stages"), json!({"stageIds": order})).await.expect(200);
    let listed = road.admin.get(&format!("/v1/stages?filter[pipelineId]={}&sort=position", road.id)).await.expect(200);
    let ids: Vec<_> = listed.at("/data").as_array().unwrap().iter().map(|stage| stage["id"].clone()).collect();
    assert_eq!(ids, order.iter().map(|id| json!(id)).collect::<Vec<_>>());
    for bad in [
        json!([]),
        json!([order[0]]),
        json!([order[0], order[0], order[1], order[2], order[3]]),
        json!(["x"]),
        json!({}),
    ] {
        let refused =
            road.admin.post(&format!("{pipeline}/reorder-stages"), json!({"stageIds": bad})).await.expect(422);
        assert_eq!(refused.pointers(), ["/stageIds"], "{bad}");
    }
    let opportunities = [road.open(json!({"stageId": order[0]})).await, road.open(json!({"stageId": order[0]})).await];
    let stage = format!("/v1/stages/{}", order[0]);
    assert_eq!(road.admin.delete(&stage).await.expect(409).code(), "CONFLICT");
    assert_eq!(road.admin.delete(&pipeline).await.expect(409).code(), "CONFLICT");
    for bad in [Value::Null, json!(order[0]), json!(order[3]), json!(road.id)] {
        let refused = road.admin.post(&format!("{stage}/retire"), json!({"toStageId": bad})).await.expect(422);
        assert_eq!(refused.pointers(), ["/toStageId"], "{bad}");
    }
    let gone = road.admin.post(&format!("{stage}/retire"), json!({"toStageId": order[1]})).await.expect(200);
    assert!(gone.body["archivedAt"].is_string());
    for id in &opportunities {
        let history = road.history(id).await;
        assert_eq!(history.last().unwrap()["toStageId"], json!(order[1]));
    }
    road.admin.post(&format!("/v1/stages/{}/retire", order[2]), json!({})).await.expect(200);
}
