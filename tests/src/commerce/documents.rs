//! Whole orders from an ERP: brought to exactly their state, however late, often or out of order they come.

use super::{Shop, eur, money, shop, shop_of};
use futures_util::future::join_all;
use kith_testkit::{Answer, Stage};
use serde_json::{Value, json};

fn line(key: &str, sku: &str, quantity: &str, more: Value) -> Value {
    let mut line = json!({"externalId": key, "product": {"sku": sku}, "quantity": quantity, "unitPrice": eur("10")});
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    line
}

fn document(shop: &Shop, more: Value) -> Value {
    let mut document = json!({
        "system": "erp", "externalId": "SO-1", "sourceVersion": 2, "account": {"id": shop.accounts[0]}, "number": "SO-1",
        "currency": "EUR", "orderedAt": "2026-03-01T10:00:00Z", "status": "FULFILLED",
        "lines": [line("10", "CHAI", "2", json!({"taxRate": "19"})), line("20", "TOFU", "1", json!({"discountPercent": "10"}))]
    });
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

async fn send(shop: &Shop, documents: Vec<Value>) -> Answer {
    shop.admin.post("/v1/orders/documents", json!({"documents": documents})).await.expect(207)
}

fn statuses(answer: &Answer) -> Vec<&str> {
    answer.at("/results").as_array().unwrap().iter().map(|result| result["status"].as_str().unwrap()).collect()
}

/// The order with its lines and refunds.
async fn order(shop: &Shop, answer: &Answer) -> Value {
    let id = answer.at("/results/0/id").as_str().unwrap();
    shop.admin.get(&format!("/v1/orders/{id}?expand=lines,refunds,externalIds")).await.expect(200).body
}

#[actix_web::test]
async fn a_document_is_brought_to_exactly_its_state() {
    let shop = shop().await;
    let first = document(&shop, json!({"statedGross": eur("32.80")}));
    let made = send(&shop, vec![first.clone()]).await;
    assert_eq!(statuses(&made), ["CREATED"], "{}", made.body);
    let found = order(&shop, &made).await;
    assert_eq!(
        (&found["status"], &found["number"], &found["net"]),
        (&json!("FULFILLED"), &json!("SO-1"), &eur("29.00"))
    );
    assert_eq!((&found["gross"], &found["baseNet"], &found["version"]), (&eur("32.80"), &eur("29.00"), &json!(1)));
    assert_eq!(found["externalIds"]["data"][0]["externalId"], "SO-1");
    let mut lines = found["lines"]["data"].as_array().unwrap().clone();
    lines.sort_by_key(|line| line["position"].as_i64());
    let costs: Vec<_> = lines.iter().map(|line| line["unitCost"].clone()).collect();
    assert_eq!(costs, [eur("3.00"), Value::Null]);
    assert_eq!((shop.days().len(), shop.days()[0].sums[0].as_str(), shop.touches().len()), (1, "29.00", 1));

    // The same again writes nothing at all.
    let before = shop.admin.get("/v1/orders?archived=any&expand=lines").await.expect(200).body;
    let statements = shop.stage.statements();
    let again = send(&shop, vec![first.clone()]).await;
    assert_eq!((statuses(&again), again.at("/results/0/id")), (vec!["UNCHANGED"], made.at("/results/0/id")));
    assert!(shop.stage.statements() - statements < 20);
    assert_eq!(shop.admin.get("/v1/orders?archived=any&expand=lines").await.expect(200).body, before);
    assert!(shop.touches().is_empty());

    // A later one: other lines, a refund, another status.
    let lines = json!([line("20", "TOFU", "3", json!({})), line("30", "CHAI", "1", json!({"unitCost": eur("2")}))]);
    let refunds =
        json!([{"externalId": "CN-1", "net": eur("7"), "refundedAt": "2026-03-04T10:00:00Z", "reason": "Broken"}]);
    let later = document(&shop, json!({"sourceVersion": 5, "status": "CONFIRMED", "lines": lines, "refunds": refunds}));
    let updated = send(&shop, vec![later.clone()]).await;
    assert_eq!(statuses(&updated), ["UPDATED"], "{}", updated.body);
    let found = order(&shop, &updated).await;
    assert_eq!(
        (&found["net"], &found["refunded"], &found["status"]),
        (&eur("40.00"), &eur("7.00"), &json!("CONFIRMED"))
    );
    let mut lines = found["lines"]["data"].as_array().unwrap().clone();
    lines.sort_by_key(|line| line["position"].as_i64());
    let keys: Vec<_> = lines.iter().map(|line| (&line["sourceKey"], &line["position"], &line["version"])).collect();
    assert_eq!(keys, [(&json!("20"), &json!(1), &json!(2)), (&json!("30"), &json!(2), &json!(1))]);
    assert_eq!(found["refunds"]["data"][0]["number"], "R-00000001");
    let all = shop.admin.get("/v1/order-lines?archived=any&count=exact").await.expect(200);
    assert_eq!(all.at("/page/total"), 3, "the first line is archived, not gone");

    // An older one comes late; a newer one of the same content is the newer one from then on.
    let stale = send(&shop, vec![document(&shop, json!({"sourceVersion": 4, "status": "CANCELLED"}))]).await;
    assert_eq!((statuses(&stale), stale.at("/results/0/id")), (vec!["STALE"], made.at("/results/0/id")));
    let mut newer = later.clone();
    newer["sourceVersion"] = json!(9_000_000_000_i64);
    assert_eq!(statuses(&send(&shop, vec![newer.clone()]).await), ["UNCHANGED"]);
    assert_eq!(statuses(&send(&shop, vec![later.clone()]).await), ["STALE"]);

    // The refund was a mistake; and comes back.
    newer["refunds"] = json!([]);
    assert_eq!(statuses(&send(&shop, vec![newer.clone()]).await), ["UPDATED"]);
    assert_eq!(order(&shop, &made).await["refunded"], eur("0.00"));
    newer["refunds"] = later["refunds"].clone();
    assert_eq!(statuses(&send(&shop, vec![newer.clone()]).await), ["UPDATED"]);
    let found = order(&shop, &made).await;
    assert_eq!((&found["refunded"], found["refunds"]["data"].as_array().unwrap().len()), (&eur("7.00"), 1));
    // Without the member, nothing is said about refunds.
    newer.as_object_mut().unwrap().remove("refunds");
    assert_eq!(statuses(&send(&shop, vec![newer.clone()]).await), ["UNCHANGED"]);
    // It turns out to be another customer's.
    newer["account"] = json!({"id": shop.accounts[1]});
    assert_eq!(statuses(&send(&shop, vec![newer]).await), ["UPDATED"]);
    assert!(shop.days().iter().all(|day| day.account == shop.accounts[1]), "{:?}", shop.days());
    assert_eq!(shop.days(), shop.rebuilt());
}

#[actix_web::test]
async fn each_document_has_its_own_result_unless_they_are_atomic() {
    let shop = shop().await;
    let wrong = [
        (json!({"statedGross": eur("1")}), "/statedGross", "NOT_THE_SUM"),
        (json!({"account": {"externalId": "nobody"}}), "/account", "UNKNOWN_REFERENCE"),
        (json!({"account": {}}), "/account", "WRONG_TYPE"),
        (json!({"currency": "USD"}), "/lines/0/unitPrice", "MIXED_CURRENCIES"),
        (json!({"lines": [line("1", "NONE", "1", json!({}))]}), "/lines/0/product", "UNKNOWN_REFERENCE"),
        (json!({"lines": [line("1", "CHAI", "0", json!({}))]}), "/lines/0/quantity", "OUT_OF_RANGE"),
        (json!({"lines": [line("1", "CHAI", "x", json!({}))]}), "/lines/0/quantity", "WRONG_TYPE"),
        (json!({"lines": [{"quantity": "1", "unitPrice": eur("1")}]}), "/lines/0/description", "REQUIRED"),
        (
            json!({"lines": [line("1", "CHAI", "1", json!({})), line("1", "CHAI", "1", json!({}))]}),
            "/lines/1/externalId",
            "DUPLICATE",
        ),
        (
            json!({"refunds": [{"externalId": "r", "net": eur("99"), "refundedAt": "2026-03-04T10:00:00Z"}]}),
            "/net",
            "OUT_OF_RANGE",
        ),
        (
            json!({"refunds": [{"externalId": "r", "net": eur("0"), "refundedAt": "2026-03-04T10:00:00Z"}]}),
            "/refunds/0/net",
            "OUT_OF_RANGE",
        ),
        (json!({"status": "SOLD"}), "/status", "WRONG_TYPE"),
        (json!({"sourceVersion": 1.5}), "/sourceVersion", "WRONG_TYPE"),
        (json!({"system": "No Spaces"}), "/system", "INVALID"),
        (json!({"frieght": "1"}), "/frieght", "UNKNOWN_FIELD"),
    ];
    for (more, pointer, code) in wrong {
        let bad = document(&shop, more);
        let good = document(&shop, json!({"externalId": "SO-2", "number": null}));
        let atomic = json!({"documents": [good, bad], "atomic": true});
        let refused = shop.admin.post("/v1/orders/documents", atomic).await.expect(422);
        assert_eq!(refused.pointers()[0], format!("/documents/1{pointer}"), "{}", refused.body);
        assert_eq!(shop.admin.get("/v1/orders").await.expect(200).at("/data"), &json!([]), "nothing was kept");
        let mixed = send(&shop, vec![bad]).await;
        assert_eq!(statuses(&mixed), ["FAILED"]);
        let first = mixed.at("/results/0/problem/errors/0");
        assert_eq!((&first["pointer"], &first["code"]), (&json!(pointer), &json!(code)), "{}", mixed.body);
    }
    // What only the database finds out hits the one document alone. Twice the same is one after the other.
    let taken = document(&shop, json!({"externalId": "SO-3"}));
    let other = document(&shop, json!({"externalId": "SO-4", "number": null}));
    let mixed = send(&shop, vec![document(&shop, json!({})), taken, other.clone(), other]).await;
    assert_eq!(statuses(&mixed), ["CREATED", "FAILED", "CREATED", "UNCHANGED"], "{}", mixed.body);
    assert_eq!(mixed.at("/results/1/problem/code"), "DUPLICATE");
    assert_eq!(shop.days()[0].orders, 2);
    let numbers = shop.admin.get("/v1/orders?sort=number&fields=number").await.expect(200);
    assert_eq!(numbers.at("/data/0/number"), "O-00000001");
    // One that somebody put away stays so.
    let id = mixed.at("/results/0/id").as_str().unwrap();
    shop.admin.delete(&format!("/v1/orders/{id}")).await.expect(204);
    let archived = send(&shop, vec![document(&shop, json!({"sourceVersion": 7}))]).await;
    assert_eq!(archived.at("/results/0/problem/code"), "CONFLICT");
    let many = vec![json!({}); 501];
    let refused = shop.admin.post("/v1/orders/documents", json!({"documents": many})).await.expect(422);
    assert_eq!(refused.pointers(), ["/documents"]);
}

#[actix_web::test]
async fn documents_over_graphql_by_key_once_and_on_trial() {
    let shop = shop().await;
    let key = json!({"subjectType": "ACCOUNT", "subjectId": shop.accounts[2], "system": "erp", "externalId": "CHOPS"});
    shop.admin.post("/v1/external-ids", key).await.expect(201);
    let mutation = "mutation($documents: [OrderDocumentInput!]!, $trial: Boolean, $key: String) { it: orderDocuments(documents: $documents, \
                    dryRun: $trial, clientMutationId: $key) { index status id problem } }";
    let one = document(&shop, json!({"account": {"externalId": "CHOPS"}}));
    let trial = shop.admin.graphql(mutation, json!({"documents": [one], "trial": true})).await.expect(200);
    assert_eq!(trial.at("/data/it/0/status"), "CREATED", "{}", trial.body);
    assert_eq!(shop.admin.get("/v1/orders").await.expect(200).at("/data"), &json!([]));
    let sent = json!({"documents": [one], "key": "a"});
    let made = shop.admin.graphql(mutation, sent.clone()).await.expect(200);
    assert_eq!((made.at("/data/it/0/status"), made.at("/data/it/0/problem")), (&json!("CREATED"), &Value::Null));
    let again = shop.admin.graphql(mutation, sent).await.expect(200);
    assert_eq!(again.at("/data"), made.at("/data"), "the stored answer");
    let found = shop.admin.get("/v1/orders").await.expect(200);
    assert_eq!(found.at("/data/0/accountId"), &json!(shop.accounts[2]));
    let broken = document(&shop, json!({"externalId": "SO-9", "lines": []}));
    let broken =
        json!({"documents": [broken, document(&shop, json!({"externalId": "SO-8", "account": {"externalId": "x"}}))]});
    let broken = shop.admin.graphql(mutation, broken).await.expect(200);
    assert_eq!(broken.at("/data/it/0/problem/code"), "DUPLICATE", "the number is taken: {}", broken.body);
    assert_eq!(broken.at("/data/it/1/problem/errors/0/pointer"), "/account");
}

#[actix_web::test]
async fn who_may_not_write_orders_and_lines_may_not_send_documents() {
    let shop = shop().await;
    let one = json!({"documents": [document(&shop, json!({}))]});
    for (role, status) in [("READ_ONLY", 403), ("MANAGER", 207)] {
        shop.stage.as_role(&shop.tenant, role).post("/v1/orders/documents", one.clone()).await.expect(status);
    }
    shop.stage.anonymous().post("/v1/orders/documents", one.clone()).await.expect(401);
    let mutation = "mutation($documents: [OrderDocumentInput!]!) { orderDocuments(documents: $documents) { status } }";
    shop.stage.anonymous().graphql(mutation, one.clone()).await.expect(401);
    let reader = shop.stage.as_role(&shop.tenant, "READ_ONLY").graphql(mutation, one).await.expect(200);
    assert_eq!(reader.at("/errors/0/extensions/code"), "FORBIDDEN");
    // A member writes orders of its own customers only.
    let member = shop.stage.user(&shop.tenant, "MEMBER");
    let own = json!({"name": "Own", "ownerId": member});
    let own = shop.admin.post("/v1/accounts", own).await.expect(201).id();
    let documents = json!([
        document(&shop, json!({"externalId": "SO-5", "number": null, "account": {"id": own}})),
        document(&shop, json!({"externalId": "SO-6", "number": null})),
        document(&shop, json!({"sourceVersion": 3, "status": "CANCELLED"})),
    ]);
    let client = shop.stage.client(&shop.tenant, member);
    let sent = client.post("/v1/orders/documents", json!({"documents": documents})).await.expect(207);
    assert_eq!(statuses(&sent), ["CREATED", "FAILED", "FAILED"], "{}", sent.body);
    for failed in ["/results/1/problem/code", "/results/2/problem/code"] {
        assert_eq!(sent.at(failed), "FORBIDDEN");
    }
}

#[actix_web::test]
async fn the_same_document_from_many_at_once_is_one_order() {
    let shop = shop_of(Stage::with_pool(8)).await;
    let sent = join_all((0..16).map(|at| {
        let documents = vec![
            document(&shop, json!({"sourceVersion": at, "notes": format!("{at}"), "account": {"id": shop.accounts[at % 3]}})),
            document(&shop, json!({"externalId": format!("SO-{at}-own"), "number": null, "account": {"id": shop.accounts[(at + 1) % 3]}})),
        ];
        send(&shop, documents)
    }));
    let created = sent.await.iter().filter(|answer| statuses(answer)[0] == "CREATED").count();
    assert_eq!(created, 1);
    let found = shop.admin.get("/v1/orders?filter[number]=SO-1").await.expect(200);
    assert_eq!((found.at("/data/0/notes"), found.at("/data/1")), (&json!("15"), &Value::Null), "the newest");
    assert_eq!(shop.days().iter().map(|day| day.orders).sum::<i32>(), 17);
    assert_eq!(shop.days(), shop.rebuilt());
}

#[actix_web::test]
async fn many_documents_cost_as_many_statements_as_few() {
    let shop = shop().await;
    let batch = |from: usize, count: usize| {
        let documents = (from..from + count).map(|at| {
            let more = json!({"externalId": format!("M-{at}"), "number": null, "account": {"id": shop.accounts[at % 3]}, "currency": "USD",
                "lines": [{"product": {"id": shop.products[0]}, "quantity": "1", "unitPrice": money("5", "USD")}]});
            document(&shop, more)
        });
        documents.collect::<Vec<_>>()
    };
    let cost = async |documents: Vec<Value>| {
        let before = shop.stage.statements();
        let answer = send(&shop, documents).await;
        assert!(statuses(&answer).iter().all(|status| *status == "CREATED"), "{}", answer.body);
        shop.stage.statements() - before
    };
    // From a handful on, rows are sent as arrays; one or two are written out.
    let (few, many) = (cost(batch(0, 5)).await, cost(batch(5, 200)).await);
    assert!(many <= few + 2 && few <= 30, "{few} for 5, {many} for 200");
}
