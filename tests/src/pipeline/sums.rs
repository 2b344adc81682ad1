//! What has to add up: lines to amounts, splits to a hundred.

use super::road;
use futures_util::future::join_all;
use serde_json::{Value, json};

fn euros(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

#[actix_web::test]
async fn lines_make_the_amount_whatever_is_done_to_them() {
    let road = road().await;
    let id = road.open(json!({"amountFromLines": true})).await;
    let path = format!("/v1/opportunities/{id}");
    let amount = async || road.admin.get(&path).await.expect(200).body["amount"].clone();
    let line = async |quantity: &str, price: &str, discount: &str| {
        let body = json!({"opportunityId": id, "description": "Tea", "quantity": quantity, "unitPrice": euros(price), "discountPercent": discount});
        road.admin.post("/v1/opportunity-lines", body).await.expect(201)
    };
    assert_eq!(amount().await, Value::Null);
    let first = line("3", "9.99", "0").await;
    assert_eq!(first.body["total"], euros("29.97"));
    let second = line("0.3333", "0.0007", "33.3333").await;
    // 0.3333 × 0.0007 × 0.666667 = 0.00015554…
    assert_eq!(second.body["total"], euros("0.0002"));
    assert_eq!(amount().await, euros("29.9702"));
    road.admin
        .patch(&format!("/v1/opportunity-lines/{}", first.id()), json!({"quantity": "4", "discountPercent": "10"}))
        .await
        .expect(200);
    assert_eq!(amount().await, euros("35.9642"));
    road.admin.delete(&format!("/v1/opportunity-lines/{}", second.id())).await.expect(204);
    assert_eq!(amount().await, euros("35.964"));
    road.admin.post(&format!("/v1/opportunity-lines/{}/restore", second.id()), json!({})).await.expect(200);
    assert_eq!(amount().await, euros("35.9642"));
    let set = road.admin.patch(&path, json!({"amount": euros("1")})).await.expect(422);
    assert_eq!(set.pointers(), ["/amount"]);
    let dollars = json!({"opportunityId": id, "description": "Tea", "quantity": "1", "unitPrice": {"amount": "1", "currency": "USD"}});
    let mixed = road.admin.post("/v1/opportunity-lines", dollars).await.expect(422);
    assert_eq!(mixed.at("/errors/0/code"), "MIXED_CURRENCIES");
    for (name, value) in [
        ("quantity", json!("0")),
        ("quantity", json!("-1")),
        ("discountPercent", json!("100.0001")),
        ("unitPrice", euros("-1")),
        ("quantity", json!("999999999999999")),
        ("description", Value::Null),
    ] {
        let mut body = json!({"opportunityId": id, "description": "Tea", "quantity": "1", "unitPrice": euros("10")});
        body[name] = value.clone();
        assert_eq!(
            road.admin.post("/v1/opportunity-lines", body).await.expect(422).pointers(),
            [format!("/{name}")],
            "{value}"
        );
    }
    // Free of the lines, it can be set; bound to them again, it is their sum.
    road.admin.patch(&path, json!({"amountFromLines": false, "amount": euros("7")})).await.expect(200);
    assert_eq!(amount().await, euros("7.00"));
    road.admin.patch(&path, json!({"amountFromLines": true})).await.expect(200);
    assert_eq!(amount().await, euros("35.9642"));
}

#[actix_web::test]
async fn lines_written_at_once_all_count() {
    let road = road().await;
    let id = road.open(json!({"amountFromLines": true})).await;
    let body = json!({"opportunityId": id, "description": "Tea", "quantity": "1", "unitPrice": euros("1.25")});
    let answers = join_all((0..20).map(|_| road.admin.post("/v1/opportunity-lines", body.clone()))).await;
    answers.into_iter().for_each(|answer| drop(answer.expect(201)));
    let found = road.admin.get(&format!("/v1/opportunities/{id}")).await.expect(200);
    assert_eq!(found.body["amount"], euros("25.00"));
}

#[actix_web::test]
async fn the_shares_of_a_team_add_up_to_a_hundred() {
    let road = road().await;
    let id = road.open(json!({})).await;
    let mut users = Vec::new();
    for at in 0..3 {
        let body = json!({"name": format!("U{at}"), "email": format!("u{at}@example.com")});
        users.push(road.admin.post("/v1/users", body).await.expect(201).id());
    }
    let set = async |members: Value| {
        road.admin.post(&format!("/v1/opportunities/{id}/set-team"), json!({"members": members})).await
    };
    let team = async || {
        let found =
            road.admin.get(&format!("/v1/opportunity-members?filter[opportunityId]={id}&sort=id")).await.expect(200);
        let members = found.at("/data").as_array().unwrap().clone();
        members.iter().map(|member| (member["userId"].clone(), member["splitPercent"].clone())).collect::<Vec<_>>()
    };
    let member = |at: usize, split: &str| json!({"userId": users[at], "splitPercent": split});
    set(json!([member(0, "33.3333"), member(1, "66.6667")])).await.expect(200);
    assert_eq!(team().await, [(json!(users[0]), json!("33.3333")), (json!(users[1]), json!("66.6667"))]);
    set(json!([member(1, "50"), member(2, "50")])).await.expect(200);
    assert_eq!(team().await, [(json!(users[1]), json!("50.00")), (json!(users[2]), json!("50.00"))]);
    let before = team().await;
    for (members, pointer) in [
        (json!([member(0, "99.9999")]), "/members"),
        (json!([member(0, "50"), member(0, "50")]), "/members"),
        (json!([member(0, "150"), member(1, "-50")]), "/members/0/splitPercent"),
        (json!([{"userId": "x", "splitPercent": "100"}]), "/members/0/userId"),
        (json!([{"userId": road.id, "splitPercent": "100"}]), "/members/0/userId"),
        (json!([{"userId": users[0], "splitPercent": "100", "boss": true}]), "/members/0/boss"),
        (json!([7]), "/members/0"),
        (json!({}), "/members"),
    ] {
        let refused = set(members.clone()).await.expect(422);
        assert_eq!(refused.pointers().first(), Some(&pointer), "{members}: {}", refused.body);
        assert_eq!(team().await, before, "{members}");
    }
    // Two teams at once: one of them, whole.
    let answers = join_all([set(json!([member(0, "100")])), set(json!([member(0, "40"), member(2, "60")]))]).await;
    answers.into_iter().for_each(|answer| drop(answer.expect(200)));
    let sum: f64 = team().await.iter().map(|(_, split)| split.as_str().unwrap().parse::<f64>().unwrap()).sum();
    assert!((sum - 100.0).abs() < 1e-9, "{sum}");
    set(json!([])).await.expect(200);
    assert!(team().await.is_empty());
}
