//! How much may be asked for: bursts and recovery, for each principal and for each tenant, and what queries cost.
//! Promise 24.

use chrono::TimeDelta;
use kith_api::Settings;
use kith_testkit::{Answer, Client, Stage};
use serde_json::json;

/// A stage whose clock stands still, with so many requests a minute for a principal and for a tenant.
fn stage(principal: u32, tenant: u32) -> Stage {
    let limits = Settings { rate_per_minute: principal, tenant_rate_per_minute: tenant, ..Settings::default() };
    let stage = Stage::with_settings(limits);
    stage.app.clock.stop_at(stage.now());
    stage
}

/// `RateLimit-Policy` and `RateLimit`.
fn told(answer: &Answer) -> (&str, &str) {
    (answer.header("ratelimit-policy").unwrap_or_default(), answer.header("ratelimit").unwrap_or_default())
}

#[track_caller]
fn refused(answer: Answer, wait: &str) {
    assert_eq!((answer.status, answer.code(), answer.header("retry-after")), (429, "RATE_LIMITED", Some(wait)));
}

/// How many more requests the headers leave to somebody, after one that asks.
async fn left(client: &Client) -> u64 {
    let answer = client.get("/v1/tags").await.expect(200);
    let (_, rest) = told(&answer).1.split_once("r=").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

#[actix_web::test]
async fn a_burst_is_told_refused_and_recovers() {
    let stage = stage(6, 0);
    let tenant = stage.tenant();
    let (one, two) = (stage.admin(&tenant), stage.as_role(&tenant, "MEMBER"));
    for taken in 1..=6 {
        let answer = one.get("/v1/tags").await.expect(200);
        let (left, full_in) = (6 - taken, 10 * taken);
        assert_eq!(told(&answer), ("\"principal\";q=6;w=60", format!("\"principal\";r={left};t={full_in}").as_str()));
    }
    // Neither another path, nor another door, nor a forged address, nor a new token of the same user helps.
    let forged = one.with("x-forwarded-for", "203.0.113.9").with("forwarded", "for=203.0.113.9");
    let forged = forged.with("x-real-ip", "203.0.113.9").with("x-tenant-id", "203");
    for answer in [
        one.get("/v1/accounts").await,
        forged.get("/v1/tags").await,
        one.graphql("{ viewer { id } }", json!({})).await,
        one.post("/v1/tags", json!({"name": "x"})).await,
        one.get("/v1/tags/nonsense").await,
        stage.admin(&tenant).get("/v1/tags").await,
    ] {
        assert_eq!(told(&answer), ("\"principal\";q=6;w=60", "\"principal\";r=0;t=60"));
        refused(answer, "10");
    }
    // A colleague is not harmed, and nobody who sends no token is counted.
    let answer = two.get("/v1/tags").await.expect(200);
    assert_eq!((told(&answer).1, answer.at("/data")), ("\"principal\";r=5;t=10", &json!([])));
    let free = stage.anonymous().get("/healthz").await.expect(200);
    assert_eq!(told(&free), ("", ""));
    // One request comes back every ten seconds, and what was refused did not count.
    stage.app.clock.advance(TimeDelta::milliseconds(9_001));
    refused(one.get("/v1/tags").await, "1");
    stage.app.clock.advance(TimeDelta::milliseconds(999));
    one.get("/v1/tags").await.expect(200);
    refused(one.get("/v1/tags").await, "10");
    stage.app.clock.advance(TimeDelta::seconds(60));
    assert_eq!(told(&one.get("/v1/tags").await.expect(200)).1, "\"principal\";r=5;t=10");
}

#[actix_web::test]
async fn a_tenant_shares_one_bucket_and_its_neighbour_has_another() {
    let stage = stage(8, 10);
    let (tenant, neighbour) = (stage.tenant(), stage.tenant());
    let (one, two) = (stage.admin(&tenant), stage.as_role(&tenant, "MEMBER"));
    for _ in 0..5 {
        assert!(told(&one.get("/v1/tags").await.expect(200)).0.starts_with("\"principal\";q=8"));
    }
    // From here on the tenant's bucket is the tighter one for the other.
    let answer = two.get("/v1/tags").await.expect(200);
    assert_eq!(told(&answer), ("\"tenant\";q=10;w=60", "\"tenant\";r=4;t=36"));
    for _ in 0..4 {
        two.get("/v1/tags").await.expect(200);
    }
    for client in [&one, &two, &two.with("x-forwarded-for", "203.0.113.9")] {
        let answer = client.get("/v1/tags").await;
        assert_eq!(told(&answer), ("\"tenant\";q=10;w=60", "\"tenant\";r=0;t=60"));
        assert!(answer.at("/detail").as_str().unwrap().contains("10 requests a minute for each tenant"));
        refused(answer, "6");
    }
    let answer = stage.admin(&neighbour).get("/v1/tags").await.expect(200);
    assert_eq!(told(&answer).1, "\"principal\";r=7;t=8");
    // Six seconds bring one request back to the tenant, whoever is first.
    stage.app.clock.advance(TimeDelta::seconds(6));
    one.get("/v1/tags").await.expect(200);
    refused(two.get("/v1/tags").await, "6");
}

#[actix_web::test]
async fn somebody_who_is_refused_does_not_drain_the_tenant() {
    let stage = stage(2, 3);
    let tenant = stage.tenant();
    let (one, two) = (stage.admin(&tenant), stage.as_role(&tenant, "MEMBER"));
    for status in [200, 200, 429, 429, 429, 429] {
        assert_eq!(one.get("/v1/tags").await.status, status);
    }
    assert_eq!(told(&two.get("/v1/tags").await.expect(200)).1, "\"tenant\";r=0;t=60");
    refused(two.get("/v1/tags").await, "20");
    stage.app.clock.advance(TimeDelta::seconds(60));
    one.get("/v1/tags").await.expect(200);
}

#[actix_web::test]
async fn without_limits_nothing_is_told() {
    let stage = stage(0, 0);
    let tenant = stage.tenant();
    let answer = stage.admin(&tenant).get("/v1/tags").await.expect(200);
    assert_eq!(told(&answer), ("", ""));
    let limits = stage.anonymous().get("/v1/limits").await.expect(200);
    let figures = [limits.at("/requestsPerMinute"), limits.at("/tenantRequestsPerMinute")];
    assert_eq!((figures, limits.at("/recordsPerRequest")), ([&json!(0), &json!(0)], &json!(100)));
}

#[actix_web::test]
async fn a_query_is_charged_one_request_for_every_hundred_records() {
    let stage = stage(100, 0);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let cheap = "{ accounts(first: 50) { nodes { id } } }";
    let expensive = "{ accounts(first: 70) { nodes { id contacts(first: 50) { nodes { id } } } } }";
    let before = left(&admin).await;
    admin.graphql(cheap, json!({})).await.expect(200);
    assert_eq!(before - left(&admin).await, 2, "the query and the request that asks what is left");
    let before = left(&admin).await;
    let answer = admin.graphql(expensive, json!({})).await.expect(200);
    let cost = answer.at("/extensions/cost").as_u64().unwrap();
    assert!((3_000..5_000).contains(&cost), "{cost}");
    assert_eq!(before - left(&admin).await, 2 + cost / 100);
    // It does not fit a third time; what is cheap still does.
    admin.graphql(expensive, json!({})).await.expect(200);
    let before = left(&admin).await;
    let answer = admin.graphql(expensive, json!({})).await;
    let code = [answer.at("/errors/0/extensions/code"), answer.at("/code")].map(|code| code.as_str().unwrap_or(""));
    assert_eq!(code.concat(), "RATE_LIMITED", "{}", answer.text);
    assert_eq!(before - left(&admin).await, 2, "a refused charge takes nothing");
    admin.graphql(cheap, json!({})).await.expect(200);
    stage.app.clock.advance(TimeDelta::seconds(60));
    let answer = admin.graphql(expensive, json!({})).await.expect(200);
    assert_eq!(answer.at("/data/accounts/nodes"), &json!([]));
}

#[actix_web::test]
async fn a_query_that_costs_more_than_a_whole_bucket_takes_all_of_it() {
    let stage = stage(10, 0);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let expensive = "{ accounts(first: 60) { nodes { id contacts(first: 50) { nodes { id } } } } }";
    let answer = admin.graphql(expensive, json!({})).await.expect(200);
    assert_eq!(answer.at("/data/accounts/nodes"), &json!([]), "{}", answer.text);
    assert_eq!(told(&answer).1, "\"principal\";r=0;t=60");
    refused(admin.get("/v1/tags").await, "6");
}
