//! Scores that explain themselves, leads that find their owner, records that may be the same.

use super::{Desk, desk};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[actix_web::test]
async fn a_score_is_the_sum_of_its_reasons() {
    let desk = desk().await;
    let rules = [
        ("Now", json!({"timing": {"eq": "IMMEDIATE"}}), 30),
        ("Money", json!({"budget": {"gte": "1000"}}), 25),
        ("Decides", json!({"authority": {"in": ["DECISION_MAKER", "CHAMPION"]}}), 20),
        ("Known", json!({"account": {"importanceClass": {"eq": "KEY"}}}), 15),
        ("Throw-away address", json!({"email": {"contains": "mailinator"}}), -50),
        ("All", json!({}), 1),
    ];
    for (name, filter, points) in &rules {
        desk.make("lead-scoring-rules", json!({"name": name, "filter": filter, "points": points})).await;
    }
    let account = desk.make("accounts", json!({"name": "Alfreds", "importanceClass": "KEY"})).await;
    // Every combination of what the rules ask for.
    for set in 0..32_u32 {
        let has = |bit: u32| set & (1 << bit) != 0;
        let mut body = json!({"familyName": format!("L{set}")});
        let parts = [
            ("timing", json!("IMMEDIATE")),
            ("budget", json!({"amount": "1000", "currency": "EUR"})),
            ("authority", json!("CHAMPION")),
            ("accountId", json!(account)),
            ("email", json!(format!("l{set}@mailinator.example"))),
        ];
        for (bit, (name, value)) in parts.into_iter().enumerate() {
            if has(u32::try_from(bit).unwrap()) {
                body[name] = value;
            }
        }
        let lead = desk.admin.post("/v1/leads", body).await.expect(201).body;
        let expected: i64 = rules
            .iter()
            .enumerate()
            .filter(|(bit, _)| *bit == 5 || has(u32::try_from(*bit).unwrap()))
            .map(|(_, (.., points))| i64::from(*points))
            .sum();
        let reasons = lead["scoreReasons"].as_array().unwrap();
        let sum: i64 = reasons.iter().map(|reason| reason["points"].as_i64().unwrap()).sum();
        assert_eq!((lead["score"].as_i64(), sum), (Some(expected), expected), "{lead}");
        assert_eq!(reasons.len(), usize::try_from(set.count_ones()).unwrap() + 1);
    }
    let best = desk.admin.get("/v1/leads?sort=-score&limit=1").await.expect(200);
    let id = best.at("/data/0/id").as_str().unwrap().to_owned();
    assert_eq!(best.at("/data/0/score"), 91);
    // A rule that changes counts at the next look.
    let all = desk
        .admin
        .get("/v1/lead-scoring-rules?filter[name]=All")
        .await
        .expect(200)
        .at("/data/0/id")
        .as_str()
        .unwrap()
        .to_owned();
    desk.admin.patch(&format!("/v1/lead-scoring-rules/{all}"), json!({"isPaused": true})).await.expect(200);
    assert_eq!(desk.lead(&id).await["score"], 91);
    assert_eq!(desk.act(&id, "rescore", json!({})).await.expect(200).body["score"], 90);
    for (body, pointer) in [
        (json!({"name": "x", "filter": {"speed": {"eq": 1}}, "points": 1}), "/filter/speed"),
        (json!({"name": "x", "filter": [], "points": 1}), "/filter"),
        (json!({"name": "x", "filter": {}, "points": 101}), "/points"),
    ] {
        assert_eq!(
            desk.admin.post("/v1/lead-scoring-rules", body.clone()).await.expect(422).pointers(),
            [pointer],
            "{body}"
        );
    }
}

/// A team of so many users.
async fn team(desk: &Desk, name: &str, members: usize) -> (String, Vec<String>) {
    let team = desk.make("teams", json!({"name": name})).await;
    let mut users = Vec::new();
    for _ in 0..members {
        let user = desk.stage.user(&desk.tenant, "MEMBER").to_string();
        desk.make("memberships", json!({"userId": user, "teamId": team})).await;
        users.push(user);
    }
    (team, users)
}

fn owners(leads: &[Value]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for lead in leads {
        *counts.entry(lead["ownerId"].as_str().unwrap_or("nobody").to_owned()).or_default() += 1;
    }
    counts
}

#[actix_web::test]
async fn leads_go_round_the_team_evenly_however_many_come_at_once() {
    let desk = desk().await;
    let (team, users) = team(&desk, "Sales", 4).await;
    desk.make(
        "lead-assignment-rules",
        json!({"name": "Round", "position": 1, "method": "ROUND_ROBIN", "teamId": team}),
    )
    .await;
    let gone = desk.admin.get(&format!("/v1/memberships?filter[userId]={}", users[3])).await.expect(200);
    desk.admin.delete(&format!("/v1/memberships/{}", gone.at("/data/0/id").as_str().unwrap())).await.expect(204);
    let made = join_all((0..30).map(|number| {
        let body = json!({"familyName": format!("L{number}")});
        let admin = &desk.admin;
        async move { admin.post("/v1/leads", body).await.expect(201).body }
    }))
    .await;
    let counts = owners(&made);
    assert_eq!(counts, users[..3].iter().map(|user| (user.clone(), 10)).collect(), "{counts:?}");
    assert!(made.iter().all(|lead| lead["teamId"] == json!(team) && lead["assignmentRuleId"].is_string()));
}

#[actix_web::test]
async fn the_first_rule_that_finds_somebody_wins() {
    let desk = desk().await;
    let (north, northern) = team(&desk, "North", 1).await;
    let (rest, others) = team(&desk, "Rest", 2).await;
    let keeper = desk.stage.user(&desk.tenant, "MEMBER").to_string();
    let account = desk.make("accounts", json!({"name": "Alfreds", "ownerId": keeper})).await;
    desk.make("contact-points", json!({"accountId": account, "channel": "EMAIL", "value": "info@alfreds.example"}))
        .await;
    let rules = [
        json!({"name": "Whose account it is", "position": 1, "method": "ACCOUNT_OWNER"}),
        json!({"name": "North", "position": 2, "method": "ROUND_ROBIN", "teamId": north, "filter": {"country": {"in": ["SE", "NO"]}}}),
        json!({"name": "Rest", "position": 3, "method": "LEAST_LOADED", "teamId": rest}),
    ];
    for rule in rules {
        desk.make("lead-assignment-rules", rule).await;
    }
    let lead = async |body: Value| desk.admin.post("/v1/leads", body).await.expect(201).body;
    let known = lead(json!({"familyName": "A", "country": "SE", "email": "info@alfreds.example"})).await;
    assert_eq!((&known["ownerId"], &known["accountId"]), (&json!(keeper), &json!(account)));
    assert_eq!(lead(json!({"familyName": "B", "country": "no"})).await["ownerId"], json!(northern[0]));
    // Whoever has least to do: the first two go to one each, what is done does not count.
    let first = lead(json!({"familyName": "C"})).await;
    let second = lead(json!({"familyName": "D"})).await;
    assert_eq!(owners(&[first.clone(), second.clone()]), others.iter().map(|user| (user.clone(), 1)).collect());
    desk.act(second["id"].as_str().unwrap(), "disqualify", json!({"reason": "SPAM"})).await.expect(200);
    assert_eq!(lead(json!({"familyName": "E"})).await["ownerId"], second["ownerId"]);
    // Who is named keeps it; asked to, the rules decide again.
    let named = lead(json!({"familyName": "F", "ownerId": keeper, "country": "SE"})).await;
    assert_eq!((&named["ownerId"], &named["assignmentRuleId"]), (&json!(keeper), &Value::Null));
    let again = desk.act(named["id"].as_str().unwrap(), "assign", json!({})).await.expect(200);
    assert_eq!(again.body["ownerId"], json!(northern[0]));
    let by_hand = desk.act(named["id"].as_str().unwrap(), "assign", json!({"ownerId": keeper})).await.expect(200);
    assert_eq!((&by_hand.body["ownerId"], &by_hand.body["assignedAt"]), (&json!(keeper), &Value::Null));
    // A patch is nobody's turn.
    let patched = desk.admin.post("/v1/leads", json!({"familyName": "G", "country": "SE"})).await.expect(201);
    let moved = desk.admin.patch(&format!("/v1/leads/{}", patched.id()), json!({"ownerId": keeper})).await.expect(200);
    assert_eq!((&moved.body["assignmentRuleId"], &moved.body["assignedAt"]), (&Value::Null, &Value::Null));
    // Whoever has left gets nothing; the next rule is asked.
    for gone in [&keeper, &northern[0]] {
        desk.admin.patch(&format!("/v1/users/{gone}"), json!({"status": "DISABLED"})).await.expect(200);
    }
    let left = lead(json!({"familyName": "H", "country": "SE", "email": "info@alfreds.example"})).await;
    assert!(others.iter().any(|user| json!(user) == left["ownerId"]), "{left}");
    // Rules need no right of whoever makes the lead.
    let site = desk.stage.as_role(&desk.tenant, "MEMBER");
    assert!(site.post("/v1/leads", json!({"familyName": "I"})).await.expect(201).body["ownerId"].is_string());
    let incomplete = json!({"name": "X", "position": 0, "method": "ROUND_ROBIN"});
    let refused = desk.admin.post("/v1/lead-assignment-rules", incomplete).await.expect(422);
    assert_eq!(refused.pointers(), ["/position", "/teamId"]);
}

#[actix_web::test]
async fn the_surest_duplicates_are_kept_and_two_at_once_find_each_other() {
    let desk = desk().await;
    for number in 0..12 {
        desk.make("leads", json!({"familyName": format!("Colleague {number}"), "organization": "Alfreds"})).await;
    }
    let same = json!({"familyName": "Anders", "organization": "Alfreds", "email": "a@example.com"});
    let made = join_all((0..6).map(|_| desk.admin.post("/v1/leads", same.clone()))).await;
    assert!(made.iter().all(|answer| answer.status == 201));
    assert_eq!(desk.count("lead-duplicates").await, 15, "each later one knows all earlier ones");
    let all = desk.admin.get("/v1/lead-duplicates").await.expect(200);
    assert!(all.at("/data").as_array().unwrap().iter().all(|found| found["score"] == 70));
}

#[actix_web::test]
async fn records_that_may_be_the_same_are_found_and_explained() {
    let desk = desk().await;
    let account = desk.make("accounts", json!({"name": "Alfreds Futterkiste"})).await;
    desk.make("contact-points", json!({"accountId": account, "channel": "PHONE", "value": "+49 30 0074321"})).await;
    let contact =
        desk.make("contacts", json!({"givenName": "Maria", "familyName": "Anders", "accountId": account})).await;
    desk.make("contact-points", json!({"contactId": contact, "channel": "EMAIL", "value": "maria@alfreds.example"}))
        .await;
    let other = desk.make("leads", json!({"familyName": "Somebody", "email": "maria@alfreds.example"})).await;
    desk.make("leads", json!({"familyName": "Nobody", "organization": "alfreds futterkiste"})).await;
    let body = json!({"givenName": "Maria", "familyName": "anders", "organization": "ALFREDS Futterkiste", "email": "Maria@alfreds.example", "phone": "+49 (0)30 0074321"});
    let id = desk.make("leads", body).await;
    let query = "query($id: UUID!) { lead(id: $id) { duplicates(sort: [SCORE_DESC]) { nodes { kind score reasons contact { name } account { name } otherLead { name } } } } }";
    let found = desk.admin.graphql(query, json!({"id": id})).await.expect(200);
    let nodes = found.at("/data/lead/duplicates/nodes").as_array().unwrap_or_else(|| panic!("{}", found.body)).clone();
    for node in &nodes {
        let sum: i64 =
            node["reasons"].as_array().unwrap().iter().map(|reason| reason["points"].as_i64().unwrap()).sum();
        assert_eq!(node["score"].as_i64(), Some(sum), "{node}");
    }
    let kinds: Vec<_> =
        nodes.iter().map(|node| (node["kind"].as_str().unwrap(), node["score"].as_i64().unwrap())).collect();
    assert_eq!(kinds, [("ACCOUNT", 80), ("CONTACT", 70), ("LEAD", 40)], "an organisation alone says nothing of a lead");
    assert_eq!(
        (&nodes[1]["contact"]["name"], &nodes[2]["otherLead"]["name"]),
        (&json!("Maria Anders"), &json!("Somebody"))
    );
    // What is no longer the same is no longer there; what comes to be is, once somebody looks.
    desk.admin.patch(&format!("/v1/leads/{other}"), json!({"email": "other@example.com"})).await.expect(200);
    desk.act(&id, "find-duplicates", json!({})).await.expect(200);
    assert_eq!(desk.count(&format!("lead-duplicates?filter[leadId]={id}")).await, 2);
    desk.admin
        .patch(&format!("/v1/leads/{id}"), json!({"phone": null, "email": null, "organization": null}))
        .await
        .expect(200);
    assert_eq!(desk.count(&format!("lead-duplicates?filter[leadId]={id}")).await, 0);
}
