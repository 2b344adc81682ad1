//! White space by hand: the chance of each family that a customer does not own, times what its owners bring a year.

use super::{Market, number};
use kith_db::Verdict;
use kith_journal::derived::Group;
use kith_loyalty::value::facts::{self, Reading, Which};
use kith_loyalty::value::families;
use serde_json::{Value, json};

/// Tea, coffee and cups, and six customers.
async fn shop() -> Market {
    let market = Market::on("2026-11-20");
    let keys = ["a", "b", "c", "d", "e", "f"].map(str::to_owned);
    market.accounts(&keys).await;
    market.products(&["TEA", "COFFEE", "CUPS"]).await;
    market.publish(json!({"windowDays": 365, "defaultMargin": "50"})).await;
    let order = |key: usize, customer: &str, day: &str, goods: &[(&str, &str)]| {
        let mut order = Market::order(customer, key, day, "1.00");
        let line = |(at, (sku, amount)): (usize, &(&str, &str))| {
            let mut line = json!({"externalId": at.to_string(), "description": "Goods", "quantity": "1",
                "unitPrice": {"amount": amount, "currency": "EUR"}});
            if !sku.is_empty() {
                line["product"] = json!({"sku": sku});
            }
            line
        };
        order["lines"] = goods.iter().enumerate().map(line).collect();
        order
    };
    let mut tea = order(1, "a", "2026-11-01", &[("TEA", "150.00")]);
    let back = json!({"amount": "50.00", "currency": "EUR"});
    tea["refunds"] = json!([{"externalId": "1", "net": back, "refundedAt": "2026-11-02T12:00:00Z"}]);
    let orders = [
        tea,
        order(2, "b", "2026-11-01", &[("TEA", "200.00"), ("COFFEE", "60.00")]),
        order(3, "c", "2026-11-01", &[("TEA", "300.00")]),
        order(4, "c", "2026-11-03", &[("COFFEE", "80.00")]),
        // 730 days ago: 100 of margin are 50 a year.
        order(5, "d", "2024-11-20", &[("COFFEE", "100.00")]),
        order(6, "d", "2026-11-01", &[("COFFEE", "100.00")]),
        order(7, "e", "2026-11-01", &[("TEA", "400.00"), ("CUPS", "40.00"), ("", "9.00")]),
        order(8, "f", "2026-11-01", &[("", "500.00")]),
    ];
    market.orders(&orders).await;
    market
}

/// The part of a customer's potential.
async fn white_space(market: &Market, key: &str) -> Option<Value> {
    let account = market.account(key, "valueProfile").await;
    let parts = account["valueProfile"]["potentialParts"].as_array().unwrap().clone();
    parts.into_iter().find(|part| part["part"] == "whiteSpace")
}

#[actix_web::test]
async fn white_space_is_the_chance_of_what_is_not_owned_times_what_it_brings() {
    let market = shop().await;
    market.run(None).await;
    let families = market.families().await;
    // Owners: tea 4, coffee 3, cups 1, of 5 whose families are known. Medians a year: tea 125, coffee 40, cups 20.
    let (coffee, cups) = ((2.0 + 10.0 * 0.6) / 14.0 * 40.0, (1.0 + 10.0 * 0.2) / 14.0 * 20.0);
    let a = white_space(&market, "a").await.unwrap();
    assert_eq!((&a["value"], &a["points"], &a["weight"]), (&json!("27.1429"), &json!("75"), &json!("30")));
    assert!((number(&a["value"]) - coffee - cups).abs() < 0.0001);
    let named = json!([
        {"familyId": families["COFFEE"], "chance": "0.5714", "margin": "40", "value": "22.8571"},
        {"familyId": families["CUPS"], "chance": "0.2143", "margin": "20", "value": "4.2857"},
    ]);
    assert_eq!((&a["source"], &a["families"]), (&json!("FAMILIES_OWNED_TOGETHER"), &named));
    // Two of three owners of coffee own tea, none owns cups: (2 + 8) / 13 of 125, and (0 + 2) / 13 of 20.
    let d = white_space(&market, "d").await.unwrap();
    assert_eq!((&d["value"], &d["points"]), (&json!("99.2308"), &json!("100")));
    // Whoever owns two is told the mean of what both say: of cups 3/14 and 2/13; of coffee 8/14 and 6/11.
    for (key, value, points) in [("b", "3.6813", "0"), ("c", "3.6813", "0"), ("e", "22.3377", "50")] {
        let part = white_space(&market, key).await.unwrap();
        assert_eq!((&part["value"], &part["points"]), (&json!(value), &json!(points)), "{key}");
    }
    assert_eq!(white_space(&market, "f").await, None, "nobody knows what he bought");

    // With the pipeline, of which nobody has anything, that makes the potential: 75 × 30 / 45.
    for (key, potential) in
        [("a", json!("50.00")), ("d", json!("66.6667")), ("e", json!("33.3333")), ("f", Value::Null)]
    {
        let profile = market.account(key, "valueProfile").await["valueProfile"].clone();
        assert_eq!(profile["potential"], potential, "{key}");
        let mut sources = profile["potentialParts"].as_array().unwrap().iter().map(|part| part["source"].clone());
        assert_eq!(sources.next_back(), Some(json!("OPPORTUNITIES")));
    }

    // On a day when nobody had bought of two families there was no white space, and too little to tell a potential.
    market.run(Some("2026-10-31")).await;
    let scores = super::every(&market, "value-scores").await;
    let potentials =
        |day: &str| scores.iter().filter(|score| score["asOf"] == day && !score["potential"].is_null()).count();
    assert_eq!((potentials("2026-10-31"), potentials("2026-11-20")), (0, 5));
}

#[actix_web::test]
async fn a_product_that_changes_its_family_counts_there_from_the_next_run_on() {
    let market = shop().await;
    market.run(None).await;
    let before = white_space(&market, "d").await;
    let families = market.families().await;
    let tea = market.admin.get("/v1/products?filter[sku]=TEA").await.expect(200).at("/data/0/id").clone();
    let path = format!("/v1/products/{}", tea.as_str().unwrap());
    market.admin.patch(&path, json!({"familyId": families["CUPS"]})).await.expect(200);
    market.work(false);
    assert_eq!(white_space(&market, "d").await, before);
    market.run(None).await;
    // Nobody owns tea. Cups are owned by four, for 50, 100, 150 and 220 a year; two of the three owners of coffee are among them.
    let d = white_space(&market, "d").await.unwrap();
    assert_eq!(
        d["families"],
        json!([{"familyId": families["CUPS"], "chance": "0.7692", "margin": "125", "value": "96.1538"}])
    );
    assert_eq!(white_space(&market, "a").await.unwrap()["value"], "22.8571");
    assert_eq!(white_space(&market, "b").await.unwrap()["value"], "0", "he owns what there is");
    // One family that is sold no more leaves one, of which nothing can be told.
    let path = format!("/v1/product-families/{}", families["CUPS"].as_str().unwrap());
    market.admin.delete(&path).await.expect(204);
    market.run(None).await;
    assert_eq!(white_space(&market, "d").await, None);
}

#[actix_web::test]
async fn what_is_owned_is_read_by_its_key() {
    use diesel::{RunQueryDsl, connection::SimpleConnection, sql_types as st};
    let market = Market::on("2026-11-20");
    market.products(&["TEA", "COFFEE", "CUPS"]).await;
    let fill = format!(
        "INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, importance_class, importance_source, status)
         SELECT '{0}'::uuid, ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(), 'ORGANIZATION', 'Account ' || n,
            'ORDINARY', 'RULE', 'ACTIVE' FROM generate_series(1, 20000) n;
         INSERT INTO customer_products (tenant_id, account_id, product_id, first_on, last_on, orders, net, cost, uncosted)
         SELECT p.tenant_id, a.id, p.id, '2026-01-01', '2026-02-01', 2, 10, 5, 0 FROM accounts a JOIN products p ON p.tenant_id = a.tenant_id
         WHERE a.tenant_id = '{0}';
         ANALYZE;",
        market.tenant.id
    );
    market.stage.scratch.owner().batch_execute(&fill).unwrap();
    let cx = market.stage.system(&market.tenant);
    let ids = market.families().await;
    let families = ids.as_object().unwrap().values().map(|id| id.as_str().unwrap().parse().unwrap()).collect();
    let as_of = "2026-11-20".parse().unwrap();
    let reading = Reading {
        as_of,
        window_days: 365,
        default_margin: 50.into(),
        zone: "UTC".to_owned(),
        families,
        windows: Vec::new(),
    };
    let id = |number: u128| uuid::Uuid::from_u128(0x0190_a000_0000_7000_8000_0000_0000_0000 + number);
    let few = [id(7), id(9_000)];
    let explained = |what: kith_kernel::Statement| {
        let mut out = kith_kernel::Statement::new("EXPLAIN ");
        out.append(what);
        let db = &market.stage.app.db;
        let lines =
            db.read(market.tenant.id, |conn| Ok(RunQueryDsl::load::<(String,)>(out.typed::<(st::Text,)>(), conn)?));
        lines.unwrap().into_iter().map(|(line,)| line + "\n").collect::<String>()
    };
    let (page, those) = (Group::Between(id(0), id(500)), Group::These(few.to_vec()));
    let plans = [
        explained(families::owned(&cx, &page, &reading)),
        explained(families::owned(&cx, &those, &reading)),
        explained(kith_commerce::days::statement(&cx, kith_commerce::days::Which::Accounts(&few))),
    ];
    for plan in plans {
        assert!(plan.contains("customer_products_pkey"), "{plan}");
        assert!(!plan.contains("Seq Scan on customer_products"), "{plan}");
    }
    let found = market.stage.app.db.write(market.tenant.id, |conn| {
        let page = facts::read(conn, &cx, Which::These(&few), &reading)?;
        Ok(Verdict::Commit(page.facts.iter().map(|one| (one.account, one.owned)).collect::<Vec<_>>()))
    });
    assert_eq!(found.unwrap(), few.map(|id| (id, 0b111)));
}

#[actix_web::test]
async fn of_many_families_those_count_that_most_customers_bought() {
    use diesel::connection::SimpleConnection;
    let market = Market::on("2026-11-20");
    // Family n was bought by the first n customers: the second has all but the first.
    let fill = format!(
        "INSERT INTO product_families (tenant_id, id, version, created_at, updated_at, name)
         SELECT '{0}', ('0190b000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(), 'Family ' || n FROM generate_series(1, 66) n;
         INSERT INTO products (tenant_id, id, version, created_at, updated_at, sku, name, family_id, is_discontinued)
         SELECT tenant_id, gen_random_uuid(), 1, now(), now(), name, name, id, false FROM product_families WHERE tenant_id = '{0}';
         INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, importance_class, importance_source, status)
         SELECT '{0}', ('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 1, now(), now(), 'ORGANIZATION', 'Account ' || n,
            'ORDINARY', 'RULE', 'ACTIVE' FROM generate_series(1, 66) n;
         INSERT INTO customer_products (tenant_id, account_id, product_id, first_on, last_on, orders, net, cost, uncosted)
         SELECT p.tenant_id, a.id, p.id, '2026-11-01', '2026-11-01', 1, 10, 5, 0
         FROM products p JOIN accounts a ON a.tenant_id = p.tenant_id AND right(a.id::text, 2) <= right(p.family_id::text, 2)
         WHERE p.tenant_id = '{0}';
         INSERT INTO customer_days (tenant_id, account_id, day, orders, net, cost, uncosted, discount, discounted, lines, booked, refunded, unconverted)
         SELECT tenant_id, id, '2026-11-01', 1, 10, 5, 0, 0, 0, 1, 10, 0, 0 FROM accounts WHERE tenant_id = '{0}';",
        market.tenant.id
    );
    market.stage.scratch.owner().batch_execute(&fill).unwrap();
    let cx = market.stage.system(&market.tenant);
    let found = market.stage.app.db.read(market.tenant.id, |conn| families::listed(conn, &cx)).unwrap();
    let id = |number: u128| uuid::Uuid::from_u128(0x0190_b000_0000_7000_8000_0000_0000_0000 + number);
    assert_eq!(found, (3..=66).map(id).collect::<Vec<_>>());
    market.publish(json!({"windowDays": 365})).await;
    market.run(None).await;
    let profiles = super::every(&market, "value-profiles").await;
    let white = |account: u128| {
        let id = json!(uuid::Uuid::from_u128(0x0190_a000_0000_7000_8000_0000_0000_0000 + account));
        let profile = profiles.iter().find(|profile| profile["accountId"] == id).unwrap();
        let part = profile["potentialParts"].as_array().unwrap().iter().find(|part| part["part"] == "whiteSpace");
        part.unwrap()["value"].clone()
    };
    // The first three own all that count; the fourth lacks one, which all three owners of it have beside the others.
    assert_eq!([white(1), white(2), white(3)], [json!("0"), json!("0"), json!("0")]);
    let shares = (4..=66_u32).map(|owners| (3.0 + 10.0 * 3.0 / 66.0) / f64::from(owners + 10));
    let expected = shares.sum::<f64>() / 63.0 * 5.0;
    assert!((number(&white(4)) - expected).abs() < 0.0001, "{} instead of {expected}", white(4));
}
