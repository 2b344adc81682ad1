//! Quotes and the orders they become: sums that always add up, steps that are legal or refused, and one order however many
//! accept at once.

use super::{Road, road};
use chrono::Days;
use futures_util::future::join_all;
use kith_testkit::{Answer, Stage};
use serde_json::{Value, json};

fn money(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// The day so many days from today.
fn day(road: &Road, from_now: i64) -> String {
    let today = road.stage.now().date_naive();
    let days = Days::new(from_now.unsigned_abs());
    let day = if from_now < 0 { today.checked_sub_days(days) } else { today.checked_add_days(days) };
    day.unwrap().to_string()
}

/// An opportunity of an account, and a quote for it.
async fn quote(road: &Road, more: Value) -> String {
    let account = road.admin.post("/v1/accounts", json!({"name": "Alfreds"})).await.expect(201).id();
    let opportunity = road.open(json!({"accountId": account})).await;
    let mut body = json!({"opportunityId": opportunity, "currency": "EUR"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    road.admin.post("/v1/quotes", body).await.expect(201).id()
}

async fn line(road: &Road, quote: &str, more: Value) -> Answer {
    let mut body = json!({"quoteId": quote, "description": "Chai", "quantity": "3", "unitPrice": money("9.99")});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    road.admin.post("/v1/quote-lines", body).await
}

async fn act(road: &Road, quote: &str, verb: &str) -> Answer {
    road.admin.send("POST", &format!("/v1/quotes/{quote}/{verb}"), None).await
}

/// Four places as a number, so that sums are exact.
fn units(value: &Value) -> i64 {
    let text = value["amount"].as_str().unwrap();
    let (whole, fraction) = text.split_once('.').unwrap();
    whole.parse::<i64>().unwrap() * 10_000 + format!("{fraction:0<4}").parse::<i64>().unwrap()
}

/// Checks that the sums of a quote or order are those of its lines, and returns the record.
async fn adds_up(road: &Road, resource: &str, id: &str, names: &[&str]) -> Value {
    let found = road.admin.get(&format!("/v1/{resource}/{id}?expand=lines")).await.expect(200).body;
    for name in names {
        let sum: i64 = found["lines"]["data"].as_array().unwrap().iter().map(|line| units(&line[name])).sum();
        assert_eq!(units(&found[name]), sum, "{resource} {name}: {found}");
    }
    found
}

#[actix_web::test]
async fn a_quote_goes_its_way_and_becomes_an_order() {
    let road = road().await;
    let id = quote(&road, json!({"validUntil": day(&road, 10), "terms": "30 days net."})).await;
    assert_eq!(act(&road, &id, "send").await.expect(409).code(), "ILLEGAL_TRANSITION", "nothing to send");
    // 29.97 − 3.00 = 26.97, of which 19 % are 5.1243.
    let made = line(&road, &id, json!({"discountPercent": "10", "taxRate": "19"})).await.expect(201);
    let of = |name: &str| made.at(&format!("/{name}/amount")).as_str().unwrap().to_owned();
    assert_eq!(["subtotal", "discount", "tax", "total"].map(of), ["29.97", "3.00", "5.12", "32.09"]);
    line(&road, &id, json!({"quantity": "1", "unitPrice": money("0.125")})).await.expect(201);
    let draft = adds_up(&road, "quotes", &id, &["subtotal", "discount", "tax", "total"]).await;
    assert_eq!((&draft["number"], &draft["revision"]), (&json!("Q-00000001"), &json!(1)));
    assert_eq!(draft["total"], money("32.22"));
    let sent = act(&road, &id, "send").await.expect(200);
    assert_eq!(sent.at("/status"), "SENT");
    assert!(sent.at("/sentAt").is_string());
    // What the customer has stays as it is; notes are ours.
    let path = format!("/v1/quotes/{id}");
    assert_eq!(road.admin.patch(&path, json!({"terms": "Cash."})).await.expect(409).code(), "ILLEGAL_TRANSITION");
    road.admin.patch(&path, json!({"notes": "They hesitate."})).await.expect(200);
    let late = line(&road, &id, json!({})).await.expect(409);
    assert_eq!(late.at("/errors/0/legal"), &json!(["accept", "reject", "expire", "revise"]));
    let first = made.id();
    road.admin.patch(&format!("/v1/quote-lines/{first}"), json!({"quantity": "9"})).await.expect(409);
    road.admin.delete(&format!("/v1/quote-lines/{first}")).await.expect(409);
    assert_eq!(act(&road, &id, "expire").await.expect(409).code(), "ILLEGAL_TRANSITION", "it is still valid");

    // A revision, over GraphQL.
    let revise = "mutation($id: UUID!) { it: quoteRevise(id: $id) { id number revision status total { amount } \
                  terms replaces { id status } lines(sort: [POSITION_ASC]) { nodes { total { amount } } } } }";
    let revised = road.admin.graphql(revise, json!({"id": id})).await.expect(200);
    let it = revised.at("/data/it").clone();
    assert_eq!((&it["number"], &it["revision"]), (&json!("Q-00000001"), &json!(2)), "{}", revised.body);
    assert_eq!((&it["status"], &it["terms"]), (&json!("DRAFT"), &json!("30 days net.")));
    assert_eq!(it["replaces"], json!({"id": id, "status": "SUPERSEDED"}));
    assert_eq!(it["total"]["amount"], "32.22");
    assert_eq!(it["lines"]["nodes"].as_array().unwrap().len(), 2);
    let again = road.admin.graphql(revise, json!({"id": id})).await.expect(200);
    assert_eq!(again.at("/errors/0/extensions/code"), "ILLEGAL_TRANSITION");
    let second = it["id"].as_str().unwrap().to_owned();
    act(&road, &second, "send").await.expect(200);
    let body = json!({"orderNumber": "PO-7", "orderedAt": "2026-11-01T10:00:00Z"});
    let accepted = road.admin.post(&format!("/v1/quotes/{second}/accept"), body).await.expect(200);
    assert_eq!(accepted.at("/status"), "ACCEPTED");
    let orders = road.admin.get(&format!("/v1/orders?filter[quoteId]={second}")).await.expect(200);
    let order = orders.at("/data/0").clone();
    assert_eq!((&order["number"], &order["status"]), (&json!("PO-7"), &json!("DRAFT")));
    assert_eq!((&order["gross"], &order["orderedAt"]), (&money("32.22"), &json!("2026-11-01T10:00:00Z")));
    assert_eq!(order["accountId"], draft["accountId"]);
    let order = order["id"].as_str().unwrap();
    assert_eq!(
        adds_up(&road, "orders", order, &["net", "tax", "gross"]).await["lines"]["data"].as_array().unwrap().len(),
        2
    );
    for verb in ["send", "accept", "reject", "expire", "revise"] {
        let refused = act(&road, &second, verb).await.expect(409);
        assert_eq!((refused.code(), refused.at("/errors/0/legal")), ("ILLEGAL_TRANSITION", &json!([])), "{verb}");
    }
}

#[actix_web::test]
async fn only_what_is_still_valid_is_accepted() {
    let mut road = road().await;
    let id = quote(&road, json!({"validUntil": day(&road, -1)})).await;
    line(&road, &id, json!({})).await.expect(201);
    assert_eq!(act(&road, &id, "send").await.expect(422).pointers(), ["/validUntil"]);
    // Today is a day on which it can be accepted; the stage's clock then goes on.
    road.admin.patch(&format!("/v1/quotes/{id}"), json!({"validUntil": day(&road, 0)})).await.expect(200);
    act(&road, &id, "send").await.expect(200);
    road.stage.app.clock.advance(chrono::TimeDelta::days(1));
    road.admin = road.stage.admin(&road.tenant);
    let refused = act(&road, &id, "accept").await.expect(409);
    assert_eq!(refused.at("/errors/0/legal"), &json!(["expire", "revise", "reject"]));
    assert_eq!(road.admin.get("/v1/orders").await.expect(200).at("/data"), &json!([]));
    assert_eq!(act(&road, &id, "expire").await.expect(200).at("/status"), "EXPIRED");
    assert_eq!(act(&road, &id, "accept").await.expect(409).at("/errors/0/legal"), &json!(["revise"]));
    let revised = act(&road, &id, "revise").await.expect(200);
    assert_eq!((revised.at("/status"), revised.at("/validUntil")), (&json!("DRAFT"), &Value::Null));
    assert_ne!(revised.id(), id);
}

#[actix_web::test]
async fn twenty_who_accept_at_once_make_one_order() {
    let road = road().await;
    let id = quote(&road, json!({})).await;
    line(&road, &id, json!({})).await.expect(201);
    act(&road, &id, "send").await.expect(200);
    let mut statuses: Vec<u16> =
        join_all((0..20).map(|_| act(&road, &id, "accept"))).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![409; 19]].concat());
    let orders = road.admin.get("/v1/orders?count=exact").await.expect(200);
    assert_eq!(orders.at("/page/total"), 1, "{}", orders.body);
    let lines = road.admin.get("/v1/order-lines?count=exact").await.expect(200);
    assert_eq!(lines.at("/page/total"), 1);
}

/// Whatever is done to lines, sums are those of the lines.
#[actix_web::test]
async fn sums_are_those_of_the_lines_whatever_happens() {
    let road = road().await;
    let id = quote(&road, json!({})).await;
    let mut number: u64 = 1_122;
    let mut next = |below: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % below
    };
    let mut lines: Vec<String> = Vec::new();
    for step in 0..40 {
        let tax = ["0", "7", "19", "5.5"][usize::try_from(next(4)).unwrap()];
        let values = json!({
            "quantity": format!("{}.{:04}", next(50), 1 + next(9_999)), "unitPrice": money(&format!("{}.{:04}", next(500), next(10_000))),
            "discountPercent": format!("{}", next(101)), "taxRate": tax,
        });
        let chosen = usize::try_from(next(u64::try_from(lines.len()).unwrap().max(1))).unwrap();
        match (next(4), lines.get(chosen).cloned()) {
            (0, Some(known)) => {
                drop(road.admin.patch(&format!("/v1/quote-lines/{known}"), values).await.expect(200));
            }
            (1, Some(known)) => {
                road.admin.delete(&format!("/v1/quote-lines/{known}")).await.expect(204);
                lines.remove(chosen);
            }
            _ => lines.push(line(&road, &id, values).await.expect(201).id()),
        }
        let found = adds_up(&road, "quotes", &id, &["subtotal", "discount", "tax", "total"]).await;
        let of = |name: &str| units(&found[name]);
        assert_eq!(of("total"), of("subtotal") - of("discount") + of("tax"), "step {step}");
        assert_eq!(of("total") % 100, 0, "cents: {}", found["total"]);
        assert_eq!(found["lines"]["data"].as_array().unwrap().len(), lines.len());
    }
    // Many at once too, and the order that comes of it.
    let answers = join_all((0..12).map(|_| line(&road, &id, json!({"taxRate": "7"})))).await;
    answers.into_iter().for_each(|answer| drop(answer.expect(201)));
    let total = adds_up(&road, "quotes", &id, &["subtotal", "discount", "tax", "total"]).await["total"].clone();
    act(&road, &id, "send").await.expect(200);
    act(&road, &id, "accept").await.expect(200);
    let order = road.admin.get("/v1/orders").await.expect(200).at("/data/0/id").as_str().unwrap().to_owned();
    let order = adds_up(&road, "orders", &order, &["net", "tax", "gross"]).await;
    assert_eq!(order["gross"], total);
}

#[actix_web::test]
async fn orders_of_other_systems_are_checked_against_their_lines() {
    let road = road().await;
    let account = road.admin.post("/v1/accounts", json!({"name": "Alfreds"})).await.expect(201).id();
    let order = json!({"accountId": account, "currency": "EUR", "statedGross": money("100"), "orderedAt": "2026-01-05T00:00:00Z"});
    let made = road.admin.put("/v1/orders/external/erp/4711", order.clone()).await.expect(201);
    let path = format!("/v1/orders/{}", made.id());
    assert_eq!(made.at("/number"), "O-00000001");
    let line = json!({"orderId": made.id(), "description": "Chai", "quantity": "2", "unitPrice": money("42.02"), "taxRate": "19"});
    let first = road.admin.put("/v1/order-lines/external/erp/4711-1", line).await.expect(201);
    assert_eq!(first.at("/gross"), &money("100.01"));
    let refused = road.admin.patch(&path, json!({"status": "CONFIRMED"})).await.expect(422);
    assert_eq!((refused.pointers(), refused.at("/errors/0/code")), (vec!["/statedGross"], &json!("NOT_THE_SUM")));
    road.admin.patch(&path, json!({"statedGross": money("100.01"), "status": "CONFIRMED"})).await.expect(200);
    // The same again changes nothing.
    let again = road.admin.put("/v1/orders/external/erp/4711", json!({"currency": "EUR", "accountId": account})).await;
    assert_eq!(again.expect(200).at("/status"), "CONFIRMED");
    let late = road.admin.patch(&format!("/v1/order-lines/{}", first.id()), json!({"quantity": "3"})).await;
    assert_eq!(late.expect(409).code(), "ILLEGAL_TRANSITION");
    let refused = road.admin.patch(&path, json!({"status": "RETURNED"})).await.expect(409);
    assert_eq!(refused.at("/errors/0/legal"), &json!(["FULFILLED", "CANCELLED"]));
    road.admin.patch(&path, json!({"status": "FULFILLED"})).await.expect(200);
    for (body, pointer) in [
        (json!({"accountId": account, "currency": "euro"}), "/currency"),
        (json!({"accountId": account, "currency": "EUR", "status": "CONFIRMED"}), "/status"),
        (
            json!({"accountId": account, "currency": "EUR", "statedGross": {"amount": "1", "currency": "USD"}}),
            "/statedGross",
        ),
        (json!({"accountId": account, "currency": "EUR", "gross": money("1")}), "/gross"),
        (json!({"currency": "EUR"}), "/accountId"),
    ] {
        assert_eq!(road.admin.post("/v1/orders", body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
    let taken = json!({"accountId": account, "currency": "EUR", "number": "O-00000001"});
    assert_eq!(road.admin.post("/v1/orders", taken).await.expect(409).pointers(), ["/number"]);
}

#[actix_web::test]
async fn what_does_not_fit_a_quote_is_refused_at_its_place() {
    let road = road().await;
    let id = quote(&road, json!({})).await;
    for (body, pointer) in [
        (json!({"unitPrice": {"amount": "1", "currency": "USD"}}), "/unitPrice"),
        (json!({"quantity": "0"}), "/quantity"),
        (json!({"quantity": "-1"}), "/quantity"),
        (json!({"discountPercent": "101"}), "/discountPercent"),
        (json!({"taxRate": "-1"}), "/taxRate"),
        (json!({"taxRate": 19}), "/taxRate"),
        (json!({"description": null}), "/description"),
        (json!({"total": money("1")}), "/total"),
        (json!({"quantity": "999999999999999", "unitPrice": money("999999999999999")}), "/quantity"),
        (json!({"quoteId": road.id}), "/quoteId"),
    ] {
        assert_eq!(line(&road, &id, body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
    let mixed = line(&road, &id, json!({"unitPrice": {"amount": "1", "currency": "USD"}})).await.expect(422);
    assert_eq!(mixed.at("/errors/0/code"), "MIXED_CURRENCIES");
    for (body, pointer) in [
        (json!({"currency": "EUR"}), "/opportunityId"),
        (json!({"opportunityId": road.id, "currency": "EUR"}), "/opportunityId"),
        (json!({"opportunityId": road.id, "currency": "EUR", "status": "SENT"}), "/status"),
        (json!({"opportunityId": road.id, "currency": "EUR", "validUntil": "2026-02-30"}), "/validUntil"),
    ] {
        assert_eq!(road.admin.post("/v1/quotes", body.clone()).await.expect(422).pointers(), [pointer], "{body}");
    }
    // Twenty at once have twenty numbers.
    let all = join_all((0..20).map(|_| quote(&road, json!({})))).await;
    assert_eq!(all.len(), 20);
    let numbers = road.admin.get("/v1/quotes?sort=number&fields=number&limit=50").await.expect(200);
    let numbers: Vec<_> = numbers.at("/data").as_array().unwrap().iter().map(|quote| quote["number"].clone()).collect();
    assert_eq!(numbers, (1..=21).map(|number| json!(format!("Q-{number:08}"))).collect::<Vec<_>>());
}

#[actix_web::test]
async fn who_may_not_order_may_not_accept() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let ids = crate::tenancy::records::one_of_each(&stage, &tenant).await;
    let path = format!("/v1/quotes/{}", ids["quotes"]);
    admin.patch(&path, json!({"accountId": ids["accounts"]})).await.expect(200);
    admin.post(&format!("{path}/send"), json!({})).await.expect(200);
    let grants = "quotes:READ:ALL quotes:UPDATE:ALL accounts:READ:ALL opportunities:READ:ALL";
    let (_, seller) = crate::authz::with_grants(&stage, &tenant, grants);
    for verb in ["accept", "revise"] {
        assert_eq!(seller.post(&format!("{path}/{verb}"), json!({})).await.expect(403).code(), "FORBIDDEN", "{verb}");
    }
    assert_eq!(admin.get(&path).await.expect(200).at("/status"), "SENT");
    // Whose opportunities one does not see, their quotes neither.
    let (_, other) = crate::authz::with_grants(&stage, &tenant, "quotes:READ:OWN opportunities:READ:OWN");
    other.get(&path).await.expect(404);
    assert_eq!(other.get("/v1/quotes").await.expect(200).at("/data"), &json!([]));
}
