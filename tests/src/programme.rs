//! The loyalty programme: a ledger that always adds up, whatever happens at once or twice; tiers, rewards, referrals.

mod model;
mod referrals;
mod rewards;
mod tiers;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use kith_kernel::{Error, Statement};
use kith_loyalty::programme;
use kith_testkit::{Answer, Client, Stage, Tenant};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// A tenant with a programme.
pub struct Club {
    pub stage: Stage,
    pub tenant: Tenant,
    pub admin: Client,
    pub program: String,
}

/// A key that nobody has used.
pub fn fresh() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("key-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

pub async fn club(more: Value) -> Club {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let mut body =
        json!({"name": "Rewards", "status": "ACTIVE", "timeZone": "UTC", "currency": "EUR", "earnRate": "1"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let program = admin.post("/v1/loyalty-programs", body).await.expect(201).id();
    Club { stage, tenant, admin, program }
}

impl Club {
    pub async fn account(&self) -> String {
        self.admin.post("/v1/accounts", json!({"name": "Alfreds"})).await.expect(201).id()
    }

    /// A new customer who joins.
    pub async fn member(&self) -> String {
        let account = self.account().await;
        self.join(&account).await
    }

    pub async fn join(&self, account: &str) -> String {
        let body = json!({"programId": self.program, "accountId": account});
        self.admin.post("/v1/loyalty-memberships", body).await.expect(201).id()
    }

    /// A verb of a membership, with a key of its own.
    pub async fn act(&self, member: &str, verb: &str, body: Value) -> Answer {
        let path = format!("/v1/loyalty-memberships/{member}/{verb}");
        self.admin.with("idempotency-key", &fresh()).post(&path, body).await
    }

    pub async fn earn(&self, member: &str, points: &str) -> Answer {
        self.act(member, "earn", json!({"points": points, "sourceKey": fresh()})).await.expect(200)
    }

    pub async fn reverse(&self, entry: &str) -> Answer {
        let path = format!("/v1/point-entries/{entry}/reverse");
        self.admin.with("idempotency-key", &fresh()).post(&path, json!({"reason": "It came back"})).await
    }

    pub async fn read(&self, member: &str) -> Answer {
        self.admin.get(&format!("/v1/loyalty-memberships/{member}")).await.expect(200)
    }

    /// The newest entry of a member, of one kind.
    pub async fn last(&self, member: &str, kind: &str) -> Answer {
        let path = format!("/v1/point-entries?filter[membershipId]={member}&filter[kind]={kind}&sort=-id&limit=1");
        let found = self.admin.get(&path).await.expect(200);
        let id = found.at("/data/0/id").as_str().unwrap().to_owned();
        self.admin.get(&format!("/v1/point-entries/{id}?expand=postings")).await.expect(200)
    }

    /// A valid order of an account over so many euros.
    pub async fn order(&self, account: &str, net: &str) -> String {
        let order = json!({"accountId": account, "currency": "EUR"});
        let order = self.admin.post("/v1/orders", order).await.expect(201).id();
        let price = json!({"amount": net, "currency": "EUR"});
        let line = json!({"orderId": order, "description": "Chai", "quantity": "1", "unitPrice": price});
        self.admin.post("/v1/order-lines", line).await.expect(201);
        self.admin.patch(&format!("/v1/orders/{order}"), json!({"status": "CONFIRMED"})).await.expect(200);
        order
    }

    /// So many euros of an order came back.
    pub async fn refund(&self, order: &str, net: &str) {
        let refund = json!({"orderId": order, "net": {"amount": net, "currency": "EUR"}});
        self.admin.post("/v1/refunds", refund).await.expect(201);
    }

    /// Two orders that are no purchases, with why: one of our own, and one of which everything came back.
    pub async fn no_purchases(&self, account: &str) -> [(String, &'static str); 2] {
        let (own, back) = (self.order(account, "10").await, self.order(account, "10").await);
        self.admin.patch(&format!("/v1/orders/{own}"), json!({"isInternal": true})).await.expect(200);
        self.refund(&back, "10").await;
        [(own, "internal"), (back, "Nothing is left")]
    }

    /// Moves the clock; what was known of anybody's login may be too old then.
    pub fn go_to(&mut self, at: DateTime<Utc>) {
        self.stage.app.clock.stop_at(at);
        self.admin = self.stage.admin(&self.tenant);
    }

    pub async fn settle(&self) {
        self.admin.send("POST", &format!("/v1/loyalty-programs/{}/settle", self.program), None).await.expect(200);
    }

    /// Nothing of the ledger is wrong.
    pub async fn adds_up(&self) {
        let cx = self.stage.system(&self.tenant);
        let found = self.stage.app.db.read(self.tenant.id, |conn| programme::reconcile(conn, &cx)).unwrap();
        assert_eq!(found, []);
        let path = format!("/v1/loyalty-programs/{}/reconciliation", self.program);
        let read = self.admin.get(&path).await.expect(200).body;
        assert_eq!(read, json!({"isBalanced": true, "differences": []}));
    }
}

#[actix_web::test]
async fn forty_who_spend_seven_of_a_hundred_at_once_are_fourteen() {
    let club = club(json!({})).await;
    let member = club.member().await;
    club.earn(&member, "100").await;
    let answers = join_all((0..40).map(|_| club.act(&member, "redeem", json!({"points": "7"})))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 14);
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
    assert!(refused.iter().all(|answer| (answer.status, answer.code()) == (409, "INSUFFICIENT_POINTS")));
    let read = club.read(&member).await;
    assert_eq!((read.at("/balance"), read.at("/entryCount")), (&json!("2.00"), &json!(15)));
    club.adds_up().await;
}

#[actix_web::test]
async fn what_is_sent_twice_is_done_once() {
    let club = club(json!({})).await;
    let member = club.member().await;
    let path = format!("/v1/loyalty-memberships/{member}");
    let keyed = club.admin.with("idempotency-key", "one");
    let patiently = async |_| loop {
        let answer = keyed.post(&format!("{path}/earn"), json!({"points": "5", "sourceKey": "A"})).await;
        match answer.code() {
            "IDEMPOTENCY_IN_PROGRESS" => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            _ => return answer.expect(200).bytes,
        }
    };
    let answers = join_all((0..20).map(patiently)).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(club.read(&member).await.at("/balance"), "5.00");
    // The ERP sends it again later, under keys of its own.
    let again = join_all((0..10).map(|_| club.act(&member, "earn", json!({"points": "5", "sourceKey": "A"})))).await;
    assert!(again.iter().all(|answer| answer.status == 200 && *answer.at("/balance") == json!("5.00")));
    let other = club.act(&member, "earn", json!({"points": "6", "sourceKey": "A"})).await.expect(409);
    assert_eq!(other.code(), "CONFLICT", "another amount under the same key is a mistake of somebody");
    for _ in 0..2 {
        club.act(&member, "redeem", json!({"points": "2", "sourceKey": "A"})).await.expect(200);
        club.act(&member, "adjust", json!({"points": "-1", "reason": "Agreed", "sourceKey": "A"})).await.expect(200);
    }
    let read = club.read(&member).await;
    assert_eq!((read.at("/balance"), read.at("/entryCount")), (&json!("2.00"), &json!(3)));
    // A reversal too, and an earning that was reversed stays so.
    let earned = club.last(&member, "EARN").await.id();
    assert_eq!(club.reverse(&earned).await.expect(409).code(), "INSUFFICIENT_POINTS");
    club.earn(&member, "3").await;
    let reversals = join_all((0..5).map(|_| club.reverse(&earned))).await;
    assert_eq!(reversals.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(reversals.iter().filter(|answer| answer.code() == "ILLEGAL_TRANSITION").count(), 4);
    club.act(&member, "earn", json!({"points": "5", "sourceKey": "A"})).await.expect(200);
    let read = club.read(&member).await;
    assert_eq!((read.at("/balance"), read.at("/lifetimeEarned")), (&json!("0.00"), &json!("3.00")));
    club.adds_up().await;
}

#[actix_web::test]
async fn a_movement_without_a_key_is_refused_through_both_doors() {
    let club = club(json!({})).await;
    let member = club.member().await;
    club.earn(&member, "5").await;
    let entry = club.last(&member, "EARN").await.id();
    for (path, body) in [
        (format!("loyalty-memberships/{member}/earn"), json!({"points": "1", "sourceKey": "x"})),
        (format!("loyalty-memberships/{member}/redeem"), json!({"points": "1"})),
        (format!("loyalty-memberships/{member}/adjust"), json!({"points": "1", "reason": "x"})),
        (format!("point-entries/{entry}/reverse"), json!({"reason": "x"})),
    ] {
        let refused = club.admin.post(&format!("/v1/{path}"), body.clone()).await.expect(400);
        assert_eq!(refused.code(), "IDEMPOTENCY_KEY_REQUIRED", "{path}");
        club.admin.post(&format!("/v1/{path}?dryRun=true"), body).await.expect(200);
    }
    let redeem = "mutation($id: UUID!, $key: String) { it: loyaltyMembershipRedeem(id: $id, input: {points: \"1\"}, \
                  clientMutationId: $key) { balance } }";
    let refused = club.admin.graphql(redeem, json!({"id": member})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/code"), "IDEMPOTENCY_KEY_REQUIRED");
    assert_eq!(club.read(&member).await.at("/balance"), "5.00");
    for _ in 0..3 {
        let done = club.admin.graphql(redeem, json!({"id": member, "key": "mine"})).await.expect(200);
        assert_eq!(done.at("/data/it/balance"), "4.00", "{}", done.body);
    }
    let headed = club.admin.with("idempotency-key", &fresh());
    assert_eq!(headed.graphql(redeem, json!({"id": member})).await.at("/data/it/balance"), "3.00");
    let path = format!("/v1/loyalty-programs/{}/reconciliation", club.program);
    let query = "query($id: UUID!) { loyaltyProgramReconciliation(id: $id) { isBalanced differences { what } } }";
    let found = club.admin.graphql(query, json!({"id": club.program})).await.expect(200);
    assert_eq!(found.at("/data/loyaltyProgramReconciliation"), &json!({"isBalanced": true, "differences": []}));
    // Who may move points may not correct them.
    let grants = "loyalty-memberships:READ:ALL loyalty-memberships:UPDATE:ALL point-entries:READ:ALL";
    let (_, till) = crate::authz::with_grants(&club.stage, &club.tenant, grants);
    let till = till.with("idempotency-key", "till");
    let base = format!("/v1/loyalty-memberships/{member}");
    till.post(&format!("{base}/redeem?dryRun=true"), json!({"points": "1"})).await.expect(200);
    till.post(&format!("{base}/adjust"), json!({"points": "1", "reason": "x"})).await.expect(403);
    till.post(&format!("/v1/point-entries/{entry}/reverse"), json!({"reason": "x"})).await.expect(403);
    till.get(&path).await.expect(403);
}

#[actix_web::test]
async fn entries_cannot_be_changed_and_what_is_altered_by_hand_is_found() {
    let club = club(json!({})).await;
    let (member, other) = (club.member().await, club.member().await);
    club.earn(&member, "10").await;
    club.earn(&other, "10").await;
    let lot = club.last(&member, "EARN").await;
    let postings = lot.at("/postings/data").as_array().unwrap().clone();
    assert_eq!(postings.len(), 2);
    for table in ["point_entries", "point_postings", "tier_changes"] {
        for change in [format!("UPDATE {table} SET version = 2"), format!("DELETE FROM {table}")] {
            let tried = club.stage.app.db.write(club.tenant.id, |conn| {
                Statement::new(change.clone()).execute(conn).map_err(Error::from)?;
                Ok(kith_db::Verdict::Commit(()))
            });
            let source = tried.unwrap_err().source.unwrap().to_string();
            assert!(source.contains("permission denied"), "{change}: {source}");
        }
    }
    club.adds_up().await;
    use diesel::connection::SimpleConnection;
    let mut owner = club.stage.scratch.owner();
    let of = format!("membership_id = '{member}'");
    for (alter, back, what) in [
        ("point_postings SET points = points + 1", "point_postings SET points = points - 1", "postings add up to zero"),
        ("point_entries SET balance_after = 11", "point_entries SET balance_after = 10", "balanceAfter"),
        ("point_entries SET number = 2", "point_entries SET number = 1", "number"),
        ("point_entries SET points = 11", "point_entries SET points = 10", "points"),
        ("point_lots SET available = 9", "point_lots SET available = 10", "available"),
    ] {
        owner.batch_execute(&format!("UPDATE {alter} WHERE {of}")).unwrap();
        let path = format!("/v1/loyalty-programs/{}/reconciliation", club.program);
        let found = club.admin.get(&path).await.expect(200);
        let differences = found.at("/differences").as_array().unwrap();
        assert!(differences.iter().any(|difference| difference["what"] == what), "{alter}: {}", found.body);
        let of_other = |difference: &&Value| difference["id"] == other.as_str();
        assert_eq!(differences.iter().filter(of_other).count(), 0, "{}", found.body);
        owner.batch_execute(&format!("UPDATE {back} WHERE {of}")).unwrap();
    }
    owner.batch_execute(&format!("UPDATE loyalty_memberships SET balance = 9 WHERE id = '{member}'")).unwrap();
    let cx = club.stage.system(&club.tenant);
    let found = club.stage.app.db.read(club.tenant.id, |conn| programme::reconcile(conn, &cx)).unwrap();
    assert_eq!((found.len(), found[0].what.as_str(), found[0].id.to_string()), (1, "balance", member));
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let club = club(json!({"pointPlaces": 1, "minimumRedemption": "5"})).await;
    let member = club.member().await;
    club.earn(&member, "100").await;
    let before = club.read(&member).await.body;
    let euro = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    for (verb, body, pointer) in [
        ("earn", json!({"sourceKey": "x"}), "/points"),
        ("earn", json!({"points": "1"}), "/sourceKey"),
        ("earn", json!({"points": "1", "sourceKey": ""}), "/sourceKey"),
        ("earn", json!({"points": "1", "spend": euro("1"), "sourceKey": "x"}), "/points"),
        ("earn", json!({"points": "0", "sourceKey": "x"}), "/points"),
        ("earn", json!({"points": "-1", "sourceKey": "x"}), "/points"),
        ("earn", json!({"points": "0.05", "sourceKey": "x"}), "/points"),
        ("earn", json!({"points": "999999999999999", "sourceKey": "x"}), "/points"),
        ("earn", json!({"points": "1e3", "sourceKey": "x"}), "/points"),
        ("earn", json!({"spend": euro("-1"), "sourceKey": "x"}), "/spend"),
        ("earn", json!({"spend": {"amount": "1", "currency": "USD"}, "sourceKey": "x"}), "/spend"),
        ("earn", json!({"points": "1", "sourceKey": "x", "occurredAt": "2999-01-01T00:00:00Z"}), "/occurredAt"),
        ("earn", json!({"orderId": crate::tenancy::UNKNOWN}), "/orderId"),
        ("earn", json!({"points": "1", "sourceKey": "x", "balance": "1"}), "/balance"),
        ("redeem", json!({}), "/points"),
        ("redeem", json!({"points": "4.9"}), "/points"),
        ("redeem", json!({"points": "-7"}), "/points"),
        ("redeem", json!({"points": "7.77"}), "/points"),
        ("redeem", json!({"rewardId": crate::tenancy::UNKNOWN}), "/rewardId"),
        ("adjust", json!({"points": "0", "reason": "x"}), "/points"),
        ("adjust", json!({"points": "1", "reason": " "}), "/reason"),
        ("adjust", json!({"points": "1"}), "/reason"),
    ] {
        let refused = club.act(&member, verb, body.clone()).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{verb} {body}");
    }
    assert_eq!(
        club.act(&member, "adjust", json!({"points": "-101", "reason": "x"})).await.code(),
        "INSUFFICIENT_POINTS"
    );
    assert_eq!(club.read(&member).await.body, before);
    for (field, value) in [
        ("timeZone", json!("Mars/Olympus")),
        ("expiry", json!("AFTER_MONTHS")),
        ("expiryMonths", json!(3)),
        ("earnRate", json!("-1")),
        ("referrerPoints", json!("0.05")),
    ] {
        let refused = club.admin.patch(&format!("/v1/loyalty-programs/{}", club.program), json!({field: value})).await;
        assert_eq!(refused.status, 422, "{field}: {}", refused.body);
    }
    // An order of somebody else, one that is no order yet, and one that counts: once.
    let account = before["accountId"].as_str().unwrap();
    let stranger = club.account().await;
    let foreign = club.order(&stranger, "10").await;
    assert_eq!(club.act(&member, "earn", json!({"orderId": foreign})).await.expect(422).pointers(), ["/orderId"]);
    let draft = json!({"accountId": account, "currency": "EUR"});
    let draft = club.admin.post("/v1/orders", draft).await.expect(201).id();
    assert_eq!(club.act(&member, "earn", json!({"orderId": draft})).await.expect(422).pointers(), ["/orderId"]);
    let order = club.order(account, "10.19").await;
    for _ in 0..3 {
        let earned = club.act(&member, "earn", json!({"orderId": order})).await.expect(200);
        assert_eq!(earned.at("/balance"), "110.10", "rounded down");
    }
    // Who is suspended neither earns nor redeems; a closed programme lets members spend what they have.
    let path = format!("/v1/loyalty-memberships/{member}");
    club.admin.patch(&path, json!({"status": "SUSPENDED"})).await.expect(200);
    for (verb, body) in [("earn", json!({"points": "1", "sourceKey": "y"})), ("redeem", json!({"points": "7"}))] {
        assert_eq!(club.act(&member, verb, body).await.expect(409).code(), "ILLEGAL_TRANSITION");
    }
    club.admin.patch(&path, json!({"status": "ACTIVE"})).await.expect(200);
    let program = format!("/v1/loyalty-programs/{}", club.program);
    club.admin.patch(&program, json!({"status": "CLOSED"})).await.expect(200);
    club.act(&member, "earn", json!({"points": "1", "sourceKey": "y"})).await.expect(409);
    club.act(&member, "redeem", json!({"points": "7"})).await.expect(200);
    assert_eq!(club.admin.delete(&program).await.expect(409).code(), "CONFLICT");
    club.admin.patch(&path, json!({"status": "ENDED"})).await.expect(200);
    club.admin.patch(&path, json!({"status": "ACTIVE"})).await.expect(409);
    club.adds_up().await;
}

#[actix_web::test]
async fn an_order_earns_for_what_was_kept_of_it() {
    let club = club(json!({})).await;
    let account = club.account().await;
    let member = club.join(&account).await;
    for (order, why) in club.no_purchases(&account).await {
        let refused = club.act(&member, "earn", json!({"orderId": order})).await.expect(422);
        assert_eq!((refused.pointers(), refused.at("/errors/0/code")), (vec!["/orderId"], &json!("INVALID")));
        assert!(refused.at("/errors/0/detail").as_str().unwrap().contains(why), "{why}: {}", refused.body);
    }
    let order = club.order(&account, "10").await;
    club.refund(&order, "4").await;
    let earned = club.act(&member, "earn", json!({"orderId": order})).await.expect(200);
    assert_eq!(earned.at("/balance"), "6.00");
    // What comes back later moves nothing by itself; the reversal takes back what was earned, and no more.
    club.refund(&order, "2").await;
    let again = club.act(&member, "earn", json!({"orderId": order})).await.expect(200);
    assert_eq!(again.at("/balance"), "6.00");
    let entry = club.last(&member, "EARN").await;
    assert_eq!(entry.at("/spend/amount"), "6.00");
    club.reverse(&entry.id()).await.expect(200);
    assert_eq!(club.read(&member).await.at("/balance"), "0.00");
    club.adds_up().await;
}

#[actix_web::test]
async fn the_metrics_of_the_programme_say_what_happened() {
    let club = club(json!({})).await;
    let (member, other) = (club.member().await, club.member().await);
    club.earn(&member, "100").await;
    club.earn(&member, "20").await;
    let entry = club.last(&member, "EARN").await.id();
    club.reverse(&entry).await.expect(200);
    club.act(&member, "redeem", json!({"points": "25"})).await.expect(200);
    club.act(&other, "adjust", json!({"points": "7", "reason": "Sorry"})).await.expect(200);
    for (metric, expected) in [
        ("points-issued", "100"),
        ("points-redeemed", "25"),
        ("points-expired", "0"),
        ("point-redemption-rate", "25"),
        ("points-outstanding", "82"),
        ("loyalty-members", "2"),
        ("active-members", "1"),
    ] {
        let path = format!("/v1/metrics/{metric}?groupBy=program,tier");
        let found = club.admin.get(&path).await.expect(200);
        assert_eq!(found.at("/total/value"), expected, "{metric}: {}", found.body);
    }
}
