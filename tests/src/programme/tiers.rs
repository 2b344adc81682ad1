//! Tiers: up at once, held as long as was promised, down when the programme is settled, each step with its evidence.

use super::{Club, club, fresh};
use serde_json::{Value, json};

async fn tier(club: &Club, name: &str, rank: i32, more: Value) -> String {
    let mut body = json!({"programId": club.program, "name": name, "rank": rank, "threshold": "100"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    club.admin.post("/v1/loyalty-tiers", body).await.expect(201).id()
}

/// The history of a member: from, to, reason, measured.
async fn history(club: &Club, member: &str) -> Vec<[Value; 4]> {
    let path = format!("/v1/tier-changes?filter[membershipId]={member}&sort=changedAt&expand=fromTier,toTier");
    let found = club.admin.get(&path).await.expect(200);
    let name = |tier: &Value| tier["name"].clone();
    let change = |change: &Value| {
        [name(&change["fromTier"]), name(&change["toTier"]), change["reason"].clone(), change["measured"].clone()]
    };
    found.at("/data").as_array().unwrap().iter().map(change).collect()
}

#[actix_web::test]
async fn a_member_goes_up_at_once_and_down_when_the_hold_is_over() {
    let mut club = club(json!({"timeZone": "Europe/Berlin"})).await;
    club.go_to("2026-03-01T10:00:00Z".parse().unwrap());
    let silver = tier(&club, "Silver", 1, json!({"threshold": "100", "multiplier": "1.5"})).await;
    let gold = tier(&club, "Gold", 2, json!({"threshold": "300", "multiplier": "2"})).await;
    let member = club.member().await;
    let spend = async |club: &Club, amount: &str| {
        let body = json!({"spend": {"amount": amount, "currency": "EUR"}, "sourceKey": fresh()});
        club.act(&member, "earn", body).await.expect(200)
    };
    assert_eq!(spend(&club, "99.99").await.at("/tierId"), &Value::Null);
    let up = spend(&club, "1").await;
    assert_eq!((up.at("/balance"), up.at("/tierId")), (&json!("100.00"), &json!(silver)), "99 and 1: rounded down");
    assert_eq!(up.at("/tierHeldUntil"), "2027-12-31T23:00:00Z", "to the end of next year, in Berlin");
    // The multiplier of the tier one is in.
    let up = spend(&club, "140").await;
    assert_eq!((up.at("/balance"), up.at("/tierId")), (&json!("310.00"), &json!(gold)));
    // The last moment of the hold, and the one after. Nothing was earned in 2027 and 2028.
    club.go_to("2027-12-31T22:59:59Z".parse().unwrap());
    club.settle().await;
    assert_eq!(club.read(&member).await.at("/tierId"), &json!(gold));
    // Silver again in the last second of the year is not gold; but in the new year it is what there is.
    club.go_to("2027-12-31T23:00:00Z".parse().unwrap());
    spend(&club, "60").await;
    assert_eq!(club.read(&member).await.at("/tierId"), &json!(gold), "down by settling alone");
    club.settle().await;
    let down = club.read(&member).await;
    assert_eq!((down.at("/tierId"), down.at("/tierHeldUntil")), (&json!(silver), &json!("2029-12-31T23:00:00Z")));
    let version = down.at("/version").clone();
    club.settle().await;
    assert_eq!(club.read(&member).await.at("/version"), &version, "settling twice is settling once");
    club.go_to("2030-01-15T00:00:00Z".parse().unwrap());
    club.settle().await;
    assert_eq!(club.read(&member).await.at("/tierId"), &Value::Null);
    let (none, reached, lost) = (Value::Null, json!("REACHED"), json!("LOST"));
    let expected = [
        [none.clone(), json!("Silver"), reached.clone(), json!("100.00")],
        [json!("Silver"), json!("Gold"), reached, json!("310.00")],
        [json!("Gold"), json!("Silver"), lost.clone(), json!("120.00")],
        [json!("Silver"), none, lost, json!("0.00")],
    ];
    assert_eq!(history(&club, &member).await, expected);
    club.adds_up().await;
}

#[actix_web::test]
async fn spending_and_orders_count_over_rolling_months_and_what_is_reversed_does_not() {
    let mut club = club(json!({})).await;
    club.go_to("2026-03-15T10:00:00Z".parse().unwrap());
    let rolling = json!({"period": "ROLLING_MONTHS", "periodMonths": 2, "hold": "MONTHS", "holdMonths": 1});
    let with = |more: Value| {
        let mut all = rolling.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    tier(&club, "Buyer", 1, with(json!({"measure": "ORDERS", "threshold": "2"}))).await;
    tier(&club, "Spender", 2, with(json!({"measure": "SPEND", "threshold": "500"}))).await;
    let account = club.account().await;
    let member = club.join(&account).await;
    for net in ["10", "20"] {
        let order = club.order(&account, net).await;
        club.act(&member, "earn", json!({"orderId": order})).await.expect(200);
    }
    let spend = json!({"spend": {"amount": "480", "currency": "EUR"}, "sourceKey": fresh()});
    let up = club.act(&member, "earn", spend).await.expect(200);
    assert_eq!(up.at("/tierHeldUntil"), "2026-04-16T00:00:00Z");
    let large = club.last(&member, "EARN").await.id();
    club.reverse(&large).await.expect(200);
    assert_eq!(history(&club, &member).await.len(), 2, "a reversal takes no tier at once");
    // The hold is over, the two orders still count.
    club.go_to("2026-04-16T00:00:00Z".parse().unwrap());
    club.settle().await;
    club.go_to("2026-05-17T10:00:00Z".parse().unwrap());
    club.settle().await;
    let names = ["Buyer", "Spender"].map(|name| json!(name));
    let steps: Vec<_> =
        history(&club, &member).await.into_iter().map(|[from, to, _, measured]| (from, to, measured)).collect();
    let expected = [
        (Value::Null, names[0].clone(), json!("2.00")),
        (names[0].clone(), names[1].clone(), json!("510.00")),
        (names[1].clone(), names[0].clone(), json!("30.00")),
        (names[0].clone(), Value::Null, json!("0.00")),
    ];
    assert_eq!(steps, expected);
    let refused = json!({"programId": club.program, "name": "x", "rank": 9, "threshold": "1", "periodMonths": 3});
    assert_eq!(club.admin.post("/v1/loyalty-tiers", refused).await.expect(422).pointers(), ["/periodMonths"]);
}

#[actix_web::test]
async fn what_falls_due_is_done_once_however_many_do_it_at_once() {
    let mut club = club(json!({"pendingDays": 2, "expiry": "END_OF_YEAR"})).await;
    club.go_to("2026-06-01T10:00:00Z".parse().unwrap());
    let mut members = Vec::new();
    for _ in 0..5 {
        let member = club.member().await;
        club.earn(&member, "10").await;
        club.earn(&member, "5").await;
        members.push(member);
    }
    assert_eq!(club.act(&members[0], "redeem", json!({"points": "1"})).await.code(), "INSUFFICIENT_POINTS", "pending");
    for (at, balance, pending, entries) in [
        ("2026-06-02T23:59:59Z", "0.00", "15.00", 2),
        ("2026-06-03T00:00:00Z", "15.00", "0.00", 4),
        ("2026-12-31T23:59:59Z", "15.00", "0.00", 4),
        ("2027-01-01T00:00:00Z", "0.00", "0.00", 6),
    ] {
        club.go_to(at.parse().unwrap());
        futures_util::future::join_all((0..6).map(|_| club.settle())).await;
        for member in &members {
            let read = club.read(member).await;
            assert_eq!((read.at("/balance"), read.at("/pending")), (&json!(balance), &json!(pending)), "{at}");
            assert_eq!(read.at("/entryCount"), entries, "{at}");
        }
        club.adds_up().await;
    }
    // What becomes known too late is released and expires at once, and nothing of it is spent.
    let late = json!({"points": "9", "sourceKey": fresh(), "occurredAt": "2026-02-01T00:00:00Z"});
    let read = club.act(&members[0], "earn", late).await.expect(200);
    assert_eq!((read.at("/balance"), read.at("/lifetimeEarned")), (&json!("0.00"), &json!("24.00")));
    // A verb settles first: nobody spends what is over, even if nobody settled.
    let member = club.member().await;
    club.act(&member, "adjust", json!({"points": "4", "reason": "A gift"})).await.expect(200);
    club.go_to("2028-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(club.read(&member).await.at("/balance"), "4.00");
    assert_eq!(club.act(&member, "redeem", json!({"points": "1"})).await.expect(409).code(), "INSUFFICIENT_POINTS");
    club.adds_up().await;
}
