//! Prices, invoices, payments, reminders, shipments, subscriptions and the metrics of all that.

use super::{Shop, eur, money, shop};
use chrono::{Days, NaiveDate};
use kith_testkit::Answer;
use serde_json::{Value, json};

/// The day so many days before today.
fn ago(shop: &Shop, days: u64) -> NaiveDate {
    shop.stage.now().date_naive().checked_sub_days(Days::new(days)).unwrap()
}

async fn metric(shop: &Shop, question: &str) -> Value {
    shop.admin.get(&format!("/v1/metrics/{question}")).await.expect(200).body
}

fn groups(answer: &Value, by: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let rows = answer["rows"].as_array().unwrap();
    rows.iter().map(|row| (text(&row["group"][by]["label"]), text(&row["value"]))).collect()
}

#[actix_web::test]
async fn one_price_is_in_force_on_a_day() {
    let shop = shop().await;
    let book = shop.admin.post("/v1/price-books", json!({"name": "Retail"})).await.expect(201).id();
    let price = |from: &str, to: Option<&str>, amount: Value| {
        let body = json!({"priceBookId": book, "productId": shop.products[0], "amount": amount, "validFrom": from, "validTo": to});
        shop.admin.post("/v1/prices", body)
    };
    let first = price("2026-01-01", Some("2026-06-30"), eur("18")).await.expect(201);
    price("2026-07-01", None, eur("19")).await.expect(201);
    price("2026-03-01", None, money("20", "USD")).await.expect(201);
    for (from, to) in [
        ("2026-06-30", Some("2026-06-30")),
        ("2025-01-01", None),
        ("2099-01-01", Some("2099-01-02")),
        ("2026-06-01", None),
    ] {
        let refused = price(from, to, eur("17")).await.expect(422);
        assert_eq!(
            (refused.pointers(), refused.at("/errors/0/code")),
            (vec!["/validFrom"], &json!("DUPLICATE")),
            "{from}"
        );
    }
    assert_eq!(price("2027-01-02", Some("2027-01-01"), money("1", "GBP")).await.expect(422).pointers(), ["/validTo"]);
    let on = async |day: &str| {
        let filter = json!({"filter": {"productId": {"eq": shop.products[0]}, "amount": {"gte": "0", "currency": "EUR"}, "validFrom": {"lte": day},
                            "or": [{"validTo": {"isNull": true}}, {"validTo": {"gte": day}}]}});
        let found = shop.admin.post("/v1/prices/query", filter).await.expect(200);
        let found = found.at("/data").as_array().unwrap();
        found.iter().map(|price| price["amount"]["amount"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        [on("2025-12-31").await, on("2026-06-30").await, on("2026-07-01").await],
        [vec![], vec!["18.00"], vec!["19.00"]]
            .map(|list: Vec<&str>| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    );
    shop.admin.delete(&format!("/v1/prices/{}", first.id())).await.expect(204);
    price("2026-05-01", Some("2026-06-30"), eur("17")).await.expect(201);
    shop.admin.send("POST", &format!("/v1/prices/{}/restore", first.id()), None).await.expect(422);
}

async fn invoice(shop: &Shop, issued: u64, due: u64, net: &str) -> Answer {
    let body = json!({"accountId": shop.accounts[0], "net": eur(net), "issuedOn": ago(shop, issued).to_string(), "dueOn": ago(shop, due).to_string()});
    shop.admin.post("/v1/invoices", body).await.expect(201)
}

#[actix_web::test]
async fn what_is_open_follows_from_payments() {
    let shop = shop().await;
    let body = json!({"accountId": shop.accounts[0], "net": eur("100"), "tax": eur("19"), "dueOn": "2999-01-01"});
    let made = shop.admin.put("/v1/invoices/external/erp/I1", body.clone()).await.expect(201);
    assert_eq!(
        (made.at("/number"), made.at("/gross"), made.at("/status")),
        (&json!("I-00000001"), &eur("119.00"), &json!("OPEN"))
    );
    let again = shop.admin.put("/v1/invoices/external/erp/I1", body).await.expect(200);
    assert_eq!(again.at("/version"), 1, "the same again");
    let path = format!("/v1/invoices/{}", made.id());
    let state = async || {
        let found = shop.admin.get(&path).await.expect(200);
        ["/status", "/paid/amount", "/balance/amount"].map(|at| found.at(at).as_str().unwrap().to_owned())
    };
    let pay = |amount: Value, more: Value| {
        let mut body = json!({"invoiceId": made.id(), "amount": amount});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        shop.admin.post("/v1/payments", body)
    };
    let first = pay(eur("19"), json!({"method": "CARD"})).await.expect(201);
    assert_eq!(first.at("/accountId"), &json!(shop.accounts[0]));
    assert_eq!(state().await, ["OPEN", "19.00", "100.00"]);
    pay(eur("100"), json!({"status": "FAILED", "failureReason": "No cover"})).await.expect(201);
    assert_eq!(pay(money("100", "USD"), json!({})).await.expect(422).pointers(), ["/amount"]);
    assert_eq!(pay(eur("0"), json!({})).await.expect(422).pointers(), ["/amount"]);
    let second = pay(eur("100"), json!({"status": "PENDING"})).await.expect(201);
    assert_eq!(state().await, ["OPEN", "19.00", "100.00"]);
    let second = format!("/v1/payments/{}", second.id());
    shop.admin.patch(&second, json!({"status": "COMPLETED"})).await.expect(200);
    assert_eq!(state().await, ["PAID", "119.00", "0.00"]);
    assert!(shop.admin.get(&path).await.expect(200).at("/paidAt").is_string());
    assert_eq!(shop.admin.patch(&path, json!({"isVoid": true})).await.expect(422).pointers(), ["/isVoid"]);
    shop.admin.patch(&second, json!({"status": "REVERSED"})).await.expect(200);
    assert_eq!(state().await, ["OPEN", "19.00", "100.00"]);
    shop.admin.patch(&format!("/v1/payments/{}", first.id()), json!({"invoiceId": null})).await.expect(200);
    assert_eq!(state().await, ["OPEN", "0.00", "119.00"]);
    shop.admin.patch(&path, json!({"isVoid": true})).await.expect(200);
    assert_eq!(state().await, ["VOID", "0.00", "0.00"]);
    assert_eq!(pay(eur("1"), json!({})).await.expect(422).pointers(), ["/invoiceId"]);
    assert_eq!(
        shop.admin.post("/v1/payments", json!({"amount": eur("1")})).await.expect(422).pointers(),
        ["/accountId"]
    );
}

#[actix_web::test]
async fn what_is_owed_says_for_how_long_and_what_comes_next() {
    let shop = shop().await;
    for (name, days) in [("Friendly", 7), ("Firm", 20)] {
        shop.admin.post("/v1/reminder-steps", json!({"name": name, "afterDays": days})).await.expect(201);
    }
    let old = invoice(&shop, 60, 30, "100").await.id();
    let late = invoice(&shop, 20, 10, "50").await.id();
    let young = invoice(&shop, 5, 1, "20").await.id();
    let open = invoice(&shop, 5, 0, "10").await.id();
    let dollars = json!({"accountId": shop.accounts[1], "net": money("7", "USD"), "issuedOn": "2020-01-01", "dueOn": "2999-01-01"});
    shop.admin.post("/v1/invoices", dollars).await.expect(201);
    let paid = invoice(&shop, 60, 40, "5").await.id();
    shop.admin.post("/v1/payments", json!({"invoiceId": paid, "amount": eur("5")})).await.expect(201);
    shop.admin.post("/v1/payments", json!({"invoiceId": old, "amount": eur("0.5")})).await.expect(201);

    let asked =
        async |question: &str| shop.admin.get(&format!("/v1/reports/receivables{question}")).await.expect(200).body;
    let ids = |answer: &Value| -> Vec<String> {
        answer["rows"].as_array().unwrap().iter().map(|row| row["invoiceId"].as_str().unwrap().to_owned()).collect()
    };
    let all = asked("").await;
    let rows = all["rows"].as_array().unwrap();
    assert_eq!(ids(&all)[..4], [old.clone(), late.clone(), young.clone(), open.clone()]);
    assert_eq!(rows.iter().map(|row| row["overdueDays"].as_i64().unwrap()).collect::<Vec<_>>(), [30, 10, 1, 0, 0]);
    let totals = json!([
        {"currency": "EUR", "invoices": 4, "balance": "179.5", "overdueInvoices": 3, "overdueBalance": "169.5"},
        {"currency": "USD", "invoices": 1, "balance": "7", "overdueInvoices": 0, "overdueBalance": "0"},
    ]);
    assert_eq!(all["totals"], totals);
    let next = |row: &Value| (row["nextReminder"]["name"].clone(), row["nextReminder"]["isDue"].clone());
    assert_eq!(next(&rows[1]), (json!("Friendly"), json!(true)));
    assert_eq!(next(&rows[2]), (json!("Friendly"), json!(false)));
    shop.admin.send("POST", &format!("/v1/invoices/{late}/remind"), None).await.expect(200);
    let reminded = asked("?minDays=10").await;
    assert_eq!(ids(&reminded), [old.clone(), late.clone()]);
    assert_eq!(next(&reminded["rows"][1]), (json!("Firm"), json!(false)));
    assert!(reminded["rows"][1]["remindedAt"].is_string());
    assert_eq!(ids(&asked("?toRemind=true").await), [old.as_str()]);
    let first = asked("?limit=2").await;
    assert_eq!((ids(&first), &first["hasMore"]), (vec![old.clone(), late.clone()], &json!(true)));
    assert_eq!(ids(&asked(&format!("?limit=1&after={late}")).await), [young.as_str()]);
    assert_eq!(ids(&asked(&format!("?accountId={}", shop.accounts[2])).await), [""; 0]);
    let query = "{ receivables(minDays: 1, limit: 1) { asOf totals { currency overdueBalance } rows { invoiceId overdueDays nextReminder { name dueOn } } hasMore } }";
    let same = shop.admin.graphql(query, json!({})).await;
    assert_eq!(same.at("/data/receivables/rows/0/invoiceId"), &json!(old), "{}", same.body);
    for (wrong, place) in [
        ("limit=0", "/query/limit"),
        ("minDays=-1", "/query/minDays"),
        ("minDays=x", "/query/minDays"),
        ("toRemind=1", "/query/toRemind"),
        ("after=0190a000-0000-7000-8000-000000000000", "/query/after"),
    ] {
        let refused = shop.admin.get(&format!("/v1/reports/receivables?{wrong}")).await;
        assert_eq!((refused.status, refused.pointers()), (422, vec![place]), "{}", refused.text);
    }

    // It is tomorrow already where the tenant is, or yesterday still.
    for (zone, hours) in [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)] {
        shop.admin.patch(&format!("/v1/tenants/{}", shop.tenant.id), json!({"timeZone": zone})).await.expect(200);
        let there = shop.stage.admin(&shop.tenant);
        let answer = there.get("/v1/reports/receivables").await.expect(200);
        let today = (shop.stage.now() + chrono::TimeDelta::hours(hours)).date_naive();
        assert_eq!(answer.at("/asOf"), &json!(today.to_string()));
        let days = (today - ago(&shop, 30)).num_days();
        assert_eq!(answer.at("/rows/0/overdueDays"), days);
        let issued = there
            .post("/v1/invoices", json!({"accountId": shop.accounts[2], "net": eur("1"), "dueOn": "2999-01-01"}))
            .await;
        assert_eq!(issued.expect(201).at("/issuedOn"), &json!(today.to_string()));
    }
}

#[actix_web::test]
async fn reminders_go_step_by_step() {
    let shop = shop().await;
    let late = invoice(&shop, 60, 20, "100").await.id();
    let remind = async |id: &str| shop.admin.send("POST", &format!("/v1/invoices/{id}/remind"), None).await;
    assert_eq!(remind(&late).await.expect(409).code(), "ILLEGAL_TRANSITION", "there are no steps");
    for (name, days, channel) in [("Second", 14, "LETTER"), ("First", 7, "EMAIL"), ("Last", 30, "PHONE")] {
        shop.admin
            .post("/v1/reminder-steps", json!({"name": name, "afterDays": days, "channel": channel}))
            .await
            .expect(201);
    }
    shop.admin.post("/v1/reminder-steps", json!({"name": "Twin", "afterDays": 7})).await.expect(409);
    assert!(remind(&late).await.expect(200).at("/remindedAt").is_string());
    let over = "mutation($id: UUID!) { it: invoiceRemind(id: $id) { reminders(sort: [SENT_AT_ASC]) { nodes { channel overdueDays balance { amount } reminderStep { name } } } } }";
    let second = shop.admin.graphql(over, json!({"id": late})).await.expect(200);
    let mut taken: Vec<_> = second
        .at("/data/it/reminders/nodes")
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["reminderStep"]["name"].clone())
        .collect();
    taken.sort_by_key(Value::to_string);
    assert_eq!(taken, ["First", "Second"], "{}", second.body);
    assert_eq!(second.at("/data/it/reminders/nodes/0/overdueDays"), 20);
    let early = remind(&late).await.expect(409);
    assert!(early.at("/detail").as_str().unwrap().contains("Last"), "{}", early.body);
    let fresh = invoice(&shop, 10, 3, "100").await.id();
    remind(&fresh).await.expect(409);
    shop.admin.post("/v1/payments", json!({"invoiceId": late, "amount": eur("100")})).await.expect(201);
    assert!(remind(&late).await.expect(409).at("/detail").as_str().unwrap().contains("PAID"));
}

#[actix_web::test]
async fn receivables_by_age_and_days_of_sales() {
    let shop = shop().await;
    for (issued, due, net) in
        [(400, 120, "50"), (100, 40, "30"), (60, 30, "20"), (20, 1, "100"), (10, 0, "65"), (30, 5, "100")]
    {
        invoice(&shop, issued, due, net).await;
    }
    let last = shop.admin.get("/v1/invoices?sort=-number&limit=1").await.expect(200).at("/data/0/id").clone();
    shop.admin.post("/v1/payments", json!({"invoiceId": last, "amount": eur("100")})).await.expect(201);
    let overdue = metric(&shop, "receivables-overdue?groupBy=age").await;
    let expected = [("1-30", "120"), ("91+", "50"), ("31-60", "30")];
    assert_eq!(groups(&overdue, "age"), expected.map(|(band, sum)| (band.to_owned(), sum.to_owned())));
    assert_eq!(overdue["total"]["value"], "200");
    // 265 are open of 315 that were invoiced in a year.
    assert_eq!(metric(&shop, "days-sales-outstanding").await["total"]["value"], "307.0635");
    let filter =
        format!("/v1/invoices?filter[status]=OPEN&filter[dueOn][lt]={}&sort=dueOn&fields=dueOn", ago(&shop, 0));
    let found = shop.admin.get(&filter).await.expect(200);
    let days: Vec<_> =
        found.at("/data").as_array().unwrap().iter().map(|one| one["dueOn"].as_str().unwrap().to_owned()).collect();
    assert_eq!(days, [120, 40, 30, 1].map(|days| ago(&shop, days).to_string()));
}

#[actix_web::test]
async fn revenue_and_what_came_back() {
    let shop = shop().await;
    let family = shop.admin.post("/v1/product-families", json!({"name": "Tea"})).await.expect(201).id();
    shop.admin.patch(&format!("/v1/products/{}", shop.products[0]), json!({"familyId": family})).await.expect(200);
    let lines =
        json!([{"productId": shop.products[0], "quantity": "6"}, {"productId": shop.products[1], "quantity": "4"}]);
    let first = shop.order(0, "2026-03-01T10:00:00Z", "CONFIRMED", lines.clone()).await;
    shop.order(1, "2026-04-01T10:00:00Z", "FULFILLED", lines.clone()).await;
    for status in ["DRAFT", "CANCELLED", "RETURNED"] {
        shop.order(1, "2026-04-01T10:00:00Z", status, lines.clone()).await;
    }
    shop.admin.post("/v1/refunds", json!({"orderId": first, "net": eur("50")})).await.expect(201);
    let pairs = |all: &[(&str, &str)]| {
        all.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(groups(&metric(&shop, "revenue?groupBy=family").await, "family"), pairs(&[("Tea", "90"), ("-", "60")]));
    let months = metric(&shop, "revenue?groupBy=month").await;
    assert_eq!(groups(&months, "month"), pairs(&[("2026-04", "100"), ("2026-03", "50")]));
    assert_eq!(months["total"]["value"], "150");
    assert_eq!(metric(&shop, "refund-rate").await["total"]["value"], "25");
}

#[actix_web::test]
async fn shipments_and_subscriptions() {
    let shop = shop().await;
    let order = shop.order(0, "2026-03-01T10:00:00Z", "CONFIRMED", json!([{}])).await;
    let shipment = json!({"orderId": order, "carrier": "Speedy Express", "promisedAt": "2026-03-10T00:00:00Z"});
    let made = shop.admin.put("/v1/shipments/external/erp/S1", shipment).await.expect(201);
    assert_eq!(made.at("/status"), "PENDING");
    let path = format!("/v1/shipments/{}", made.id());
    assert_eq!(shop.admin.patch(&path, json!({"status": "SHIPPED"})).await.expect(422).pointers(), ["/shippedAt"]);
    let wrong =
        json!({"status": "DELIVERED", "shippedAt": "2026-03-05T00:00:00Z", "deliveredAt": "2026-03-04T00:00:00Z"});
    assert_eq!(shop.admin.patch(&path, wrong).await.expect(422).pointers(), ["/deliveredAt"]);
    let good =
        json!({"status": "DELIVERED", "shippedAt": "2026-03-05T00:00:00Z", "deliveredAt": "2026-03-08T00:00:00Z"});
    shop.admin.patch(&path, good).await.expect(200);

    let subscribe = |amount: &str, interval: &str| {
        let body = json!({"accountId": shop.accounts[0], "amount": eur(amount), "interval": interval, "startedOn": "2026-01-31"});
        shop.admin.post("/v1/subscriptions", body)
    };
    let month = subscribe("30", "MONTH").await.expect(201);
    assert_eq!((month.at("/number"), month.at("/currentPeriodEnd")), (&json!("S-00000001"), &json!("2026-02-28")));
    let quarter = subscribe("90", "QUARTER").await.expect(201).id();
    subscribe("120", "YEAR").await.expect(201);
    assert_eq!(metric(&shop, "monthly-recurring-revenue").await["total"]["value"], "70");
    let act = async |id: &str, verb: &str, body: Value| {
        shop.admin.post(&format!("/v1/subscriptions/{id}/{verb}"), body).await
    };
    let ends = [act(&month.id(), "renew", json!({})).await, act(&month.id(), "renew", json!({})).await];
    let ends = ends.map(|answer| answer.expect(200).at("/currentPeriodEnd").as_str().unwrap().to_owned());
    assert_eq!(ends, ["2026-03-31", "2026-04-30"], "the 31st comes back");
    let off = act(&month.id(), "cancel", json!({"reason": "Too dear"})).await.expect(200);
    assert_eq!((off.at("/status"), off.at("/cancelReason")), (&json!("CANCELLED"), &json!("Too dear")));
    act(&month.id(), "renew", json!({})).await.expect(409);
    let over = act(&month.id(), "end", json!({"on": "2026-04-30"})).await.expect(200);
    assert_eq!((over.at("/endedOn"), over.at("/cancelReason")), (&json!("2026-04-30"), &json!("Too dear")));
    act(&month.id(), "end", json!({})).await.expect(409);
    assert_eq!(act(&quarter, "end", json!({"on": "2026-01-30"})).await.expect(422).pointers(), ["/endedOn"]);
    let body = json!({"status": "ACTIVE", "endedOn": "2026-05-01"});
    assert_eq!(
        shop.admin.patch(&format!("/v1/subscriptions/{quarter}"), body).await.expect(422).pointers(),
        ["/endedOn"]
    );
    assert_eq!(metric(&shop, "monthly-recurring-revenue").await["total"]["value"], "40");
}

#[actix_web::test]
async fn metrics_know_what_orders_were_worth_then_and_which_refunds_fit_none() {
    let shop = shop().await;
    let rate = |day: &str, rate: &str| {
        let body = json!({"baseCurrency": "USD", "quoteCurrency": "EUR", "rate": rate, "validOn": day});
        shop.admin.post("/v1/exchange-rates", body)
    };
    rate("2026-01-01", "0.9").await.expect(201);
    let document = json!({
        "system": "erp", "externalId": "O-1", "account": {"id": shop.accounts[0]}, "currency": "USD", "orderedAt": "2026-03-31T23:30:00Z",
        "status": "FULFILLED",
        "lines": [{"externalId": "1", "description": "Tea", "quantity": "1", "unitPrice": money("100", "USD")}],
        "refunds": [{"externalId": "R-1", "net": money("10", "USD"), "refundedAt": "2026-04-02T00:00:00Z"}]
    });
    shop.admin.post("/v1/orders/documents", json!({"documents": [document]})).await.expect(207);
    // Of an earlier day, and stored later: the order keeps what it was worth.
    rate("2026-03-01", "0.5").await.expect(201);
    assert_eq!(metric(&shop, "revenue?currency=EUR").await["total"]["value"], "81");
    assert_eq!(metric(&shop, "refund-rate?currency=EUR").await["total"]["value"], "10");
    assert_eq!(metric(&shop, "revenue?currency=USD").await["total"]["value"], "90");
    assert_eq!(metric(&shop, "refunds-unassigned?currency=EUR").await["total"]["count"], 0);
    let stray = json!({"accountId": shop.accounts[1], "net": eur("7"), "refundedAt": "2026-04-02T00:00:00Z"});
    shop.admin.post("/v1/refunds", stray).await.expect(201);
    let found = metric(&shop, "refunds-unassigned").await;
    assert_eq!((&found["total"]["value"], &found["total"]["count"]), (&json!("7"), &json!(1)));

    // Where the tenant is it was April already.
    assert_eq!(metric(&shop, "revenue?currency=EUR&to=2026-03-31").await["total"]["value"], "81");
    shop.admin
        .patch(&format!("/v1/tenants/{}", shop.tenant.id), json!({"timeZone": "Europe/Berlin"}))
        .await
        .expect(200);
    let there = shop.stage.admin(&shop.tenant);
    let april = there.get("/v1/metrics/revenue?currency=EUR&from=2026-04-01&groupBy=month").await.expect(200);
    assert_eq!(groups(&april.body, "month"), [("2026-04".to_owned(), "81".to_owned())]);
}
