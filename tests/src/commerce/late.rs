//! Messages of another system that come late, twice or out of order, on every way that they can come.

use crate::bulk::{csv, ndjson};
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};

async fn balance(client: &Client) -> Value {
    let invoice = client.get("/v1/invoices/external/erp/I-1").await.expect(200);
    invoice.at("/net/amount").clone()
}

fn invoice(account: &str, net: &str) -> Value {
    json!({"accountId": account, "net": {"amount": net, "currency": "EUR"}, "issuedOn": "2026-11-01", "dueOn": "2026-12-01"})
}

#[actix_web::test]
async fn an_older_state_changes_nothing_and_the_sender_is_told() {
    let stage = Stage::new();
    let client = stage.admin(&stage.tenant());
    let account =
        client.post("/v1/accounts", json!({"kind": "ORGANIZATION", "name": "Alfreds"})).await.expect(201).id();
    let path = |version: &str| format!("/v1/invoices/external/erp/I-1{version}");

    client.put(&path("?sourceVersion=5"), invoice(&account, "50")).await.expect(201);
    let late = client.put(&path("?sourceVersion=4"), invoice(&account, "40")).await.expect(200);
    assert_eq!((late.header("kith-stale"), late.at("/net/amount")), (Some("true"), &json!("50.00")));
    let again = client.with("idempotency-key", "again");
    let first = again.put(&path("?sourceVersion=3"), invoice(&account, "30")).await.expect(200);
    let second = again.put(&path("?sourceVersion=3"), invoice(&account, "30")).await.expect(200);
    assert_eq!((first.header("kith-stale"), second.header("kith-stale")), (Some("true"), Some("true")));
    assert_eq!(second.header("idempotency-replayed"), Some("true"));
    // The same version again, and one that tells none, are taken.
    let same = client.put(&path("?sourceVersion=5"), invoice(&account, "55")).await.expect(200);
    assert_eq!((same.header("kith-stale"), same.at("/net/amount")), (None, &json!("55.00")));
    client.put(&path(""), invoice(&account, "60")).await.expect(200);
    // It forgets nothing: that message told no version.
    client.put(&path("?sourceVersion=4"), invoice(&account, "40")).await.expect(200);
    assert_eq!(balance(&client).await, "60.00");
    // Further than 32 bits: many systems count microseconds.
    client.put(&path("?sourceVersion=1795420800000000"), invoice(&account, "70")).await.expect(200);
    client.put(&path("?sourceVersion=1795420799999999"), invoice(&account, "80")).await.expect(200);
    assert_eq!(balance(&client).await, "70.00");
    for bad in ["-1", "x", "1.5", "9223372036854775808"] {
        let refused = client.put(&path(&format!("?sourceVersion={bad}")), invoice(&account, "1")).await.expect(422);
        assert_eq!(refused.pointers(), ["/sourceVersion"]);
    }
    // Another key of the same record counts for itself, and so does another resource with the same key.
    let id = client.get("/v1/invoices/external/erp/I-1").await.expect(200).id();
    let link = json!({"subjectType": "INVOICE", "subjectId": id, "system": "bank", "externalId": "I-1"});
    client.post("/v1/external-ids", link).await.expect(201);
    client
        .put("/v1/invoices/external/bank/I-1?sourceVersion=1", json!({"tax": {"amount": "3", "currency": "EUR"}}))
        .await
        .expect(200);
    let payment = json!({"invoiceId": id, "amount": {"amount": "10", "currency": "EUR"}});
    client.put("/v1/payments/external/erp/I-1?sourceVersion=1", payment).await.expect(201);
    let invoice = client.get("/v1/invoices/external/erp/I-1").await.expect(200);
    assert_eq!((invoice.at("/gross/amount"), invoice.at("/paid/amount")), (&json!("73.00"), &json!("10.00")));
}

#[actix_web::test]
async fn files_batches_transactions_and_graphql_know_what_is_late() {
    let stage = Stage::new();
    let client = stage.admin(&stage.tenant());
    let account =
        client.post("/v1/accounts", json!({"kind": "ORGANIZATION", "name": "Alfreds"})).await.expect(201).id();
    let line = |version: u64, net: &str| {
        let mut line = invoice(&account, net);
        line.as_object_mut().unwrap().extend([
            ("system".to_owned(), json!("erp")),
            ("externalId".to_owned(), json!("I-1")),
            ("sourceVersion".to_owned(), json!(version)),
        ]);
        line
    };
    let loaded =
        ndjson(&client, "invoices", &[line(5, "50"), line(4, "40"), line(6, "60"), line(6, "60"), line(5, "50")]).await;
    assert_eq!(loaded.statuses(), [(1, "CREATED"), (2, "STALE"), (3, "UPDATED"), (4, "UNCHANGED"), (5, "STALE")]);
    assert_eq!(loaded.counts(), [1, 1, 3, 0]);
    let table = format!(
        "externalId,sourceVersion,accountId,net.amount,net.currency,dueOn\nI-1,7,{account},70,EUR,2026-12-01\nI-1,6,{account},60,EUR,2026-12-01\n"
    );
    assert_eq!(csv(&client, "invoices?system=erp", &table).await.statuses(), [(2, "UPDATED"), (3, "STALE")]);

    let key = |version: u64| json!({"system": "erp", "externalId": "I-1", "sourceVersion": version});
    let net = |amount: &str| json!({"net": {"amount": amount, "currency": "EUR"}});
    let step = |version: u64, amount: &str| json!({"op": "upsert", "externalId": key(version), "data": net(amount)});
    let items = json!({"items": [step(6, "6"), step(8, "80"), step(7, "7")]});
    let batch = client.post("/v1/invoices/batch", items).await.expect(207);
    let stale = |at: usize| batch.at(&format!("/results/{at}/stale")).clone();
    assert_eq!([stale(0), stale(1), stale(2)], [json!(true), Value::Null, json!(true)]);
    assert_eq!(batch.at("/results/2/data/net/amount"), "80.00");
    let operation = json!({"op": "upsert", "resource": "invoices", "externalId": key(7), "body": net("7")});
    client.post("/v1/transactions", json!({"operations": [operation]})).await.expect(200);
    let query = "mutation ($version: Int) {
        invoiceUpsert(system: \"erp\", externalId: \"I-1\", sourceVersion: $version, input: {net: {amount: \"9\", currency: \"EUR\"}, accountId: \"ACCOUNT\", dueOn: \"2026-12-01\"}) { net { amount } }
    }";
    let upsert = async |version: u64| {
        let answer = client.graphql(&query.replace("ACCOUNT", &account), json!({"version": version})).await;
        answer.at("/data/invoiceUpsert/net/amount").clone()
    };
    assert_eq!([upsert(7).await, upsert(9).await, upsert(8).await], ["80.00", "9.00", "9.00"]);
    let wrong = json!({"items": [{"op": "upsert", "externalId": {"system": "erp", "externalId": "I-1", "sourceVersion": "x"}, "data": {}}]});
    let refused = client.post("/v1/invoices/batch", wrong).await.expect(207);
    assert_eq!(refused.at("/results/0/problem/errors/0/pointer"), "/externalId/sourceVersion");
}

#[actix_web::test]
async fn a_file_and_single_messages_at_once_leave_the_newest() {
    let stage = Stage::new();
    let client = stage.admin(&stage.tenant());
    let account =
        client.post("/v1/accounts", json!({"kind": "ORGANIZATION", "name": "Alfreds"})).await.expect(201).id();
    for round in 0..10_u64 {
        let line = |version: u64| {
            let mut line = invoice(&account, &version.to_string());
            line["externalId"] = json!("I-1");
            line["sourceVersion"] = json!(version);
            format!("{line}\n")
        };
        let newest = 100 * (round + 1);
        let file =
            |version: u64| crate::bulk::post(&client, "invoices?system=erp", "application/x-ndjson", line(version));
        let path = |version: u64| format!("/v1/invoices/external/erp/I-1?sourceVersion={version}");
        let (low, high) = (path(newest - 20), path(newest - 10));
        let (a, b, c, d) = futures_util::join!(
            file(newest),
            client.put(&low, invoice(&account, "1")),
            file(newest - 30),
            client.put(&high, invoice(&account, "2")),
        );
        for answer in [a, b, c, d] {
            assert!([200, 201].contains(&answer.status), "{}", answer.text);
        }
        assert_eq!(balance(&client).await, format!("{newest}.00"), "round {round}");
    }
}

#[actix_web::test]
async fn any_order_of_the_same_messages_leaves_the_same_records() {
    let stage = Stage::new();
    let client = stage.admin(&stage.tenant());
    let account =
        client.post("/v1/accounts", json!({"kind": "ORGANIZATION", "name": "Alfreds"})).await.expect(201).id();
    let states = [("ACTIVE", "10"), ("PAST_DUE", "11"), ("CANCELLED", "12"), ("ACTIVE", "13")];
    let mut seed = 7_u32;
    for round in 0..20 {
        let mut order: Vec<usize> = (0..8).map(|at| at % 4).collect();
        for at in (1..order.len()).rev() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            order.swap(at, seed as usize % (at + 1));
        }
        for at in order {
            let (status, amount) = states[at];
            let body = json!({
                "accountId": account, "status": status, "amount": {"amount": amount, "currency": "EUR"},
                "interval": "MONTH", "startedOn": "2026-01-01"
            });
            let path = format!("/v1/subscriptions/external/billing/S-{round}?sourceVersion={}", at + 1);
            let answer = client.put(&path, body).await;
            assert!([200, 201].contains(&answer.status), "{}", answer.text);
        }
        let last = client.get(&format!("/v1/subscriptions/external/billing/S-{round}")).await.expect(200);
        assert_eq!((last.at("/status"), last.at("/amount/amount")), (&json!("ACTIVE"), &json!("13.00")));
    }
}
