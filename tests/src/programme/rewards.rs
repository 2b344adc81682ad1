//! Rewards: never more than there are, never for fewer points than they cost, and given back whole.

use super::{Club, club, fresh};
use futures_util::future::join_all;
use serde_json::{Value, json};

async fn reward(club: &Club, more: Value) -> String {
    let mut body = json!({"programId": club.program, "name": fresh(), "cost": "10"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    club.admin.post("/v1/loyalty-rewards", body).await.expect(201).id()
}

#[actix_web::test]
async fn of_ten_who_want_one_of_three_three_get_it() {
    let club = club(json!({})).await;
    let reward = reward(&club, json!({"stock": 3})).await;
    let mut members = Vec::new();
    for _ in 0..5 {
        let member = club.member().await;
        club.earn(&member, "100").await;
        members.push(member);
    }
    let want = |at: usize| club.act(&members[at % 5], "redeem", json!({"rewardId": reward}));
    let answers = join_all((0..10).map(want)).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 3);
    assert_eq!(answers.iter().filter(|answer| (answer.status, answer.code()) == (409, "CONFLICT")).count(), 7);
    let path = format!("/v1/loyalty-rewards/{reward}?expand=redemptions");
    let read = club.admin.get(&path).await.expect(200);
    assert_eq!(read.at("/stock"), 0);
    let taken = read.at("/redemptions/data").as_array().unwrap().clone();
    let codes: std::collections::BTreeSet<_> =
        taken.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    assert!(codes.len() == 3 && codes.iter().all(|code| code.len() == 16), "{codes:?}");
    let outstanding = club.admin.get("/v1/metrics/points-outstanding").await.expect(200);
    assert_eq!(outstanding.at("/total/value"), "470");
    // Cancelled by many at once, it comes back once.
    let path = format!("/v1/redemptions/{}/cancel", taken[0]["id"].as_str().unwrap());
    let answers = join_all((0..5).map(|_| club.admin.post(&path, json!({"reason": "Broken"})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.code() == "ILLEGAL_TRANSITION").count(), 4);
    assert_eq!(club.admin.get(&format!("/v1/loyalty-rewards/{reward}")).await.at("/stock"), 1);
    let outstanding = club.admin.get("/v1/metrics/points-outstanding").await.expect(200);
    assert_eq!(outstanding.at("/total/value"), "480");
    // What was fulfilled stays, and what a redemption spent is not reversed behind its back.
    let fulfil = format!("/v1/redemptions/{}/fulfil", taken[1]["id"].as_str().unwrap());
    assert_eq!(club.admin.send("POST", &fulfil, None).await.expect(200).at("/status"), "FULFILLED");
    club.admin.post(&fulfil.replace("fulfil", "cancel"), json!({})).await.expect(409);
    let refused = club.reverse(taken[2]["entryId"].as_str().unwrap()).await.expect(409);
    assert_eq!(refused.at("/errors/0/legal"), &json!(["redemptions/cancel"]));
    club.adds_up().await;
}

#[actix_web::test]
async fn a_reward_is_had_by_who_may_have_it() {
    let club = club(json!({})).await;
    let tier = json!({"programId": club.program, "name": "Gold", "rank": 1, "threshold": "50"});
    let tier = club.admin.post("/v1/loyalty-tiers", tier).await.expect(201).id();
    let member = club.member().await;
    club.earn(&member, "40").await;
    let take = async |reward: &str| club.act(&member, "redeem", json!({"rewardId": reward})).await;
    let before = club.read(&member).await.body;
    let golden = reward(&club, json!({"minimumTierId": tier})).await;
    for id in [
        golden.clone(),
        reward(&club, json!({"status": "PAUSED"})).await,
        reward(&club, json!({"validFrom": "2999-01-01T00:00:00Z"})).await,
        reward(&club, json!({"validTo": "2020-01-01T00:00:00Z"})).await,
        reward(&club, json!({"stock": 0})).await,
    ] {
        assert_eq!(take(&id).await.expect(409).code(), "CONFLICT");
    }
    let dear = reward(&club, json!({"cost": "40.5", "stock": 1})).await;
    assert_eq!(take(&dear).await.status, 422, "points have no decimal places here");
    let dear = reward(&club, json!({"cost": "41", "stock": 1})).await;
    assert_eq!(take(&dear).await.expect(409).code(), "INSUFFICIENT_POINTS");
    assert_eq!(club.admin.get(&format!("/v1/loyalty-rewards/{dear}")).await.at("/stock"), 1);
    assert_eq!(club.read(&member).await.body, before, "nothing has happened");
    club.earn(&member, "10").await;
    take(&golden).await.expect(200);
    let once = reward(&club, json!({"memberLimit": 1})).await;
    take(&once).await.expect(200);
    assert_eq!(take(&once).await.expect(409).code(), "CONFLICT");
    // What was cancelled does not count against the limit.
    let taken = club.admin.get(&format!("/v1/redemptions?filter[rewardId]={once}")).await.expect(200);
    let cancel = format!("/v1/redemptions/{}/cancel", taken.at("/data/0/id").as_str().unwrap());
    club.admin.send("POST", &cancel, None).await.expect(200);
    take(&once).await.expect(200);
    assert_eq!(club.read(&member).await.at("/balance"), "30.00");
    let other = json!({"name": "Other", "status": "ACTIVE", "timeZone": "UTC", "currency": "EUR"});
    let other = club.admin.post("/v1/loyalty-programs", other).await.expect(201).id();
    let foreign = json!({"programId": other, "name": "x", "cost": "1", "minimumTierId": tier});
    assert_eq!(club.admin.post("/v1/loyalty-rewards", foreign).await.expect(422).pointers(), ["/minimumTierId"]);
    let foreign = json!({"programId": other, "name": "x", "cost": "1"});
    let foreign = club.admin.post("/v1/loyalty-rewards", foreign).await.expect(201).id();
    assert_eq!(take(&foreign).await.expect(422).pointers(), ["/rewardId"]);
    club.adds_up().await;
}
