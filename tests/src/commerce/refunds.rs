//! Refunds, costs, exchange rates: what they do to an order and to its day, told step by step.

use super::{eur, money, shop, shop_of, sums};
use futures_util::future::join_all;
use kith_testkit::Stage;
use serde_json::{Value, json};

#[actix_web::test]
async fn a_line_knows_its_cost_when_it_is_written() {
    let shop = shop().await;
    let order = shop.order(0, "2026-03-01T10:00:00Z", "DRAFT", json!([])).await;
    let chai = shop.line(&order, json!({"productId": shop.products[0], "quantity": "2"})).await.expect(201);
    assert_eq!(chai.at("/unitCost"), &eur("3.00"), "the product's");
    let product = format!("/v1/products/{}", shop.products[0]);
    shop.admin.patch(&product, json!({"cost": eur("4")})).await.expect(200);
    let path = format!("/v1/order-lines/{}", chai.id());
    let same = shop.admin.patch(&path, json!({"quantity": "3"})).await.expect(200);
    assert_eq!(same.at("/unitCost"), &eur("3.00"), "as it was when the line was written");
    let other = shop.admin.patch(&path, json!({"productId": shop.products[1]})).await.expect(200);
    assert_eq!(other.at("/unitCost"), &Value::Null, "nobody knows what Tofu costs");
    let given = json!({"productId": shop.products[0], "unitCost": eur("2.5"), "discountPercent": "10"});
    let given = shop.line(&order, given).await.expect(201);
    assert_eq!((given.at("/unitCost"), given.at("/discount")), (&eur("2.50"), &eur("1.00")));
    let bad = shop.line(&order, json!({"unitCost": money("1", "USD")})).await.expect(422);
    assert_eq!((bad.pointers(), bad.at("/errors/0/code")), (vec!["/unitCost"], &json!("MIXED_CURRENCIES")));
    let bad = shop.line(&order, json!({"unitCost": eur("-1")})).await.expect(422);
    assert_eq!(bad.pointers(), ["/unitCost"]);
    shop.admin.patch(&product, json!({"cost": money("9", "USD")})).await.expect(200);
    let dollars = shop.line(&order, json!({"productId": shop.products[0]})).await.expect(201);
    assert_eq!(dollars.at("/unitCost"), &Value::Null, "in another currency");
}

#[actix_web::test]
async fn a_refund_books_against_its_order_and_on_its_own_day() {
    let shop = shop().await;
    let lines = json!([
        {"productId": shop.products[0], "quantity": "10", "discountPercent": "10"},
        {"productId": shop.products[1], "quantity": "1"}
    ]);
    let order = shop.order(0, "2026-03-01T10:00:00Z", "CONFIRMED", lines).await;
    let day = |at: usize| shop.days()[at].clone();
    // 90 + 10; Chai costs 30, and of the 10 for Tofu nobody knows.
    assert_eq!(day(0).sums, sums(["100.00", "30.00", "10.00", "10.00", "90.00", "100.00", "0.00"]));
    assert_eq!((day(0).orders, day(0).lines, day(0).unconverted, day(0).day.as_str()), (1, 2, 0, "2026-03-01"));
    let refund = json!({"orderId": order, "net": eur("25"), "refundedAt": "2026-03-05T10:00:00Z"});
    let made = shop.admin.post("/v1/refunds", refund.clone()).await.expect(201);
    assert_eq!((made.at("/accountId"), made.at("/assignedOrderId")), (&json!(shop.accounts[0]), &json!(order)));
    assert_eq!((made.at("/number"), made.at("/baseNet")), (&json!("R-00000001"), &eur("25.00")));
    assert_eq!(day(0).sums, sums(["75.00", "22.50", "7.50", "10.00", "90.00", "100.00", "0.00"]));
    assert_eq!((day(1).day.as_str(), day(1).sums[6].as_str()), ("2026-03-05", "25.00"));
    let path = format!("/v1/orders/{order}");
    assert_eq!(shop.admin.get(&path).await.expect(200).at("/refunded"), &eur("25.00"));
    // No more than there is, and not in other money.
    for (body, code) in [
        (json!({"orderId": order, "net": eur("75.01")}), "OUT_OF_RANGE"),
        (json!({"orderId": order, "net": eur("0")}), "OUT_OF_RANGE"),
        (json!({"orderId": order, "net": money("1", "USD")}), "MIXED_CURRENCIES"),
        (json!({"orderId": order, "net": eur("1"), "accountId": shop.accounts[1]}), "INVALID"),
        (json!({"net": eur("1")}), "REQUIRED"),
    ] {
        let refused = shop.admin.post("/v1/refunds", body.clone()).await.expect(422);
        assert_eq!(refused.at("/errors/0/code"), code, "{body}");
    }
    // All of it came back: no purchase, though it was booked.
    let refund_path = format!("/v1/refunds/{}", made.id());
    shop.admin.patch(&refund_path, json!({"net": eur("100")})).await.expect(200);
    assert_eq!((day(0).orders, day(0).lines), (0, 0));
    assert_eq!(day(0).sums, sums(["0.00", "0.00", "0.00", "10.00", "90.00", "100.00", "0.00"]));
    shop.admin.delete(&refund_path).await.expect(204);
    assert_eq!((day(0).orders, shop.days().len()), (1, 1), "the day of the refund is gone");
    shop.admin.send("POST", &format!("{refund_path}/restore"), None).await.expect(200);
    // The order turns out to be another customer's: what came back goes along.
    shop.touches();
    shop.admin.patch(&path, json!({"accountId": shop.accounts[1]})).await.expect(200);
    let mut touched = shop.touches();
    touched.dedup();
    assert!(shop.accounts[..2].iter().all(|account| touched.contains(account)), "{touched:?}");
    assert!(shop.days().iter().all(|day| day.account == shop.accounts[1]), "{:?}", shop.days());
    assert_eq!(shop.admin.get(&refund_path).await.expect(200).at("/accountId"), &json!(shop.accounts[1]));
    assert_eq!(shop.days(), shop.rebuilt());
    // What does not count has no refunds that do.
    shop.admin.patch(&path, json!({"isInternal": true})).await.expect(200);
    assert_eq!(shop.days(), []);
}

#[actix_web::test]
async fn a_refund_without_an_order_finds_the_latest_earlier_one_that_it_fits() {
    let shop = shop().await;
    let chai = json!([{"productId": shop.products[0], "quantity": "5"}]);
    let tofu = json!([{"productId": shop.products[1], "quantity": "3"}]);
    let refund = |more: Value| {
        let mut body = json!({"accountId": shop.accounts[0], "net": eur("20"), "refundedAt": "2026-03-20T10:00:00Z"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shop.admin.post("/v1/refunds", body)
    };
    let any = refund(json!({})).await.expect(201);
    assert_eq!(any.at("/assignedOrderId"), &Value::Null, "there is no order yet");
    assert_eq!(shop.days()[0].sums[6], "20.00", "it was paid all the same");
    let of_chai = refund(json!({"productId": shop.products[0], "net": eur("40")})).await.expect(201);
    let assigned = async |id: &str| {
        let found = shop.admin.get(&format!("/v1/refunds/{id}")).await.expect(200);
        found.at("/assignedOrderId").as_str().map(str::to_owned)
    };
    // An order after the refunds, one long before, one in between, in this sequence.
    shop.order(0, "2026-03-21T10:00:00Z", "FULFILLED", chai.clone()).await;
    assert_eq!(assigned(&any.id()).await, None);
    let first = shop.order(0, "2026-03-01T10:00:00Z", "FULFILLED", chai.clone()).await;
    assert_eq!(assigned(&any.id()).await, Some(first.clone()));
    assert_eq!(assigned(&of_chai.id()).await, None, "only 30 are left");
    let second = shop.order(0, "2026-03-10T10:00:00Z", "FULFILLED", tofu).await;
    assert_eq!(assigned(&any.id()).await, Some(second.clone()), "the later one");
    assert_eq!(assigned(&of_chai.id()).await, Some(first.clone()), "now 50 are left");
    let left: Vec<_> = shop.days().iter().map(|day| (day.day.clone(), day.sums[0].clone())).collect();
    let expected = [("2026-03-01", "10.00"), ("2026-03-10", "10.00"), ("2026-03-20", "0.00"), ("2026-03-21", "50.00")];
    assert_eq!(left, expected.map(|(day, net)| (day.to_owned(), net.to_owned())));
    let orders = shop.admin.get(&format!("/v1/orders/{first}?expand=refunds")).await.expect(200);
    assert_eq!(orders.at("/refunds/data/0/id"), &json!(of_chai.id()));
    shop.admin.patch(&format!("/v1/orders/{second}"), json!({"status": "RETURNED"})).await.expect(200);
    assert_eq!(assigned(&any.id()).await, Some(first), "that one counts no more");
    assert_eq!(shop.days(), shop.rebuilt());
}

#[actix_web::test]
async fn amounts_are_converted_at_the_rate_of_their_day_once_and_for_all() {
    let shop = shop().await;
    let order = json!({"accountId": shop.accounts[0], "currency": "USD", "orderedAt": "2026-03-05T10:00:00Z"});
    let order = shop.admin.post("/v1/orders", order).await.expect(201).id();
    shop.line(&order, json!({"unitPrice": money("99.99", "USD")})).await.expect(201);
    let path = format!("/v1/orders/{order}");
    let confirmed = shop.admin.patch(&path, json!({"status": "CONFIRMED"})).await.expect(200);
    assert_eq!((confirmed.at("/baseNet"), confirmed.at("/baseRate")), (&Value::Null, &Value::Null));
    let day = |at: usize| shop.days()[at].clone();
    assert_eq!((day(0).orders, day(0).unconverted), (0, 1));
    let rate = |day: &str, rate: &str| {
        let body = json!({"baseCurrency": "USD", "quoteCurrency": "EUR", "rate": rate, "validOn": day});
        shop.admin.post("/v1/exchange-rates", body)
    };
    rate("2026-03-06", "0.5").await.expect(201);
    assert_eq!(day(0).unconverted, 1, "that is the rate of a later day");
    let known = rate("2026-03-01", "0.9").await.expect(201);
    assert_eq!((day(0).orders, day(0).unconverted, day(0).sums[0].as_str()), (1, 0, "89.99"));
    let stored = shop.admin.get(&path).await.expect(200);
    assert_eq!((stored.at("/baseNet"), stored.at("/exchangeRateId")), (&eur("89.99"), &json!(known.id())));
    rate("2026-03-04", "0.7").await.expect(201);
    shop.admin.patch(&format!("/v1/exchange-rates/{}", known.id()), json!({"rate": "0.1"})).await.expect(200);
    shop.admin.patch(&path, json!({"notes": "again"})).await.expect(200);
    shop.rebuild();
    assert_eq!(day(0).sums[0], "89.99", "history stays");
    shop.admin.patch(&path, json!({"orderedAt": "2026-03-05T20:00:00Z"})).await.expect(200);
    assert_eq!(day(0).sums[0], "89.99", "the same day");
    shop.admin.patch(&path, json!({"orderedAt": "2026-03-07T20:00:00Z"})).await.expect(200);
    assert_eq!((day(0).day.as_str(), day(0).sums[0].as_str()), ("2026-03-07", "50.00"), "the rate of that day");
}

#[actix_web::test]
async fn many_at_once_lose_nothing() {
    let shop = shop_of(Stage::with_pool(8)).await;
    let make = |at: usize| {
        let shop = &shop;
        async move {
            let lines = json!([{"quantity": (at + 1).to_string()}]);
            let order = shop.order(at % 2, "2026-03-01T10:00:00Z", "CONFIRMED", lines).await;
            if at.is_multiple_of(3) {
                let path = format!("/v1/orders/{order}");
                shop.admin.patch(&path, json!({"accountId": shop.accounts[(at + 1) % 2]})).await.expect(200);
            }
            let refunds = (0..4).map(|_| shop.admin.post("/v1/refunds", json!({"orderId": order, "net": eur("4")})));
            let made = join_all(refunds).await.iter().filter(|answer| answer.status == 201).count();
            assert_eq!(made, ((at + 1) * 10 / 4).min(4), "never more than it came to");
        }
    };
    join_all((0..12).map(make)).await;
    let days = shop.days();
    assert_eq!(days.iter().map(|day| day.orders).sum::<i32>(), 12);
    assert_eq!(days, shop.rebuilt());
}
