//! Boards and funnels: what they show, to whom, and that nothing a user writes leaves its place in a picture.

use super::{Road, road};
use crate::authz::with_grants;
use serde_json::{Value, json};

fn euros(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Three in the first stage, one of them old; one in the second that came from the first; one won, one lost.
async fn busy() -> Road {
    let road = road().await;
    road.admin.patch(&format!("/v1/stages/{}", road.stages[0]), json!({"rottingDays": 30})).await.expect(200);
    for (name, amount, day, opened) in [
        ("Chai", "100", "2027-01-02", "2026-01-01"),
        ("Chang", "200", "2027-01-01", "2199-01-01"),
        ("Syrup", "300", "2027-01-03", "2199-01-01"),
    ] {
        let mut more = json!({"name": name, "amount": euros(amount), "closeDate": day});
        if opened < "2100" {
            more["openedAt"] = json!(format!("{opened}T00:00:00Z"));
        }
        road.open(more).await;
    }
    for (name, step) in [("Gumbo", "move"), ("Tofu", "win"), ("Pavlova", "lose")] {
        let id = road.open(json!({"name": name, "amount": euros("1000"), "closeDate": "2027-01-01"})).await;
        let body = if step == "move" { json!({"stageId": road.stages[1]}) } else { json!({}) };
        road.act(&id, step, body).await.expect(200);
    }
    road
}

#[actix_web::test]
async fn a_board_is_there_in_one_call() {
    let road = busy().await;
    let path = format!("/v1/pipelines/{}/board", road.id);
    let board = road.admin.get(&format!("{path}?cards=2&fields=name,amount")).await.expect(200);
    assert_eq!((board.at("/pipeline/name"), board.at("/currency")), (&json!("Sales"), &json!("EUR")));
    let columns: Vec<_> = board
        .at("/columns")
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            let text = |name: &str| column[name].as_str().unwrap().to_owned();
            (
                column["stage"]["name"].as_str().unwrap().to_owned(),
                column["count"].as_i64().unwrap(),
                text("amount"),
                text("weighted"),
                column["rotting"].as_i64().unwrap(),
            )
        })
        .collect();
    let column = |name: &str, count: i64, amount: &str, weighted: &str, rotting: i64| {
        (name.to_owned(), count, amount.to_owned(), weighted.to_owned(), rotting)
    };
    assert_eq!(
        columns,
        [
            column("Lead in", 3, "600", "60", 1),
            column("Proposal", 1, "1000", "400", 0),
            column("Closing", 0, "0", "0", 0),
            column("Won", 1, "1000", "1000", 0),
            column("Lost", 1, "1000", "0", 0),
        ]
    );
    // By close date; what was asked for of each, and whether it rots.
    let cards = json!([
        {"name": "Chang", "amount": {"amount": "200.00", "currency": "EUR"}, "isRotting": false},
        {"name": "Chai", "amount": {"amount": "100.00", "currency": "EUR"}, "isRotting": true},
    ]);
    assert_eq!((board.at("/columns/0/cards"), board.at("/columns/0/hasMore")), (&cards, &json!(true)));
    assert_eq!(board.at("/columns/1/hasMore"), false);
    assert_eq!((board.at("/total/count"), board.at("/total/amount")), (&json!(6), &json!("3600")));
    let largest = road.admin.get(&format!("{path}?cards=1&sort=-amount&expand=stage")).await.expect(200);
    assert_eq!(largest.at("/columns/0/cards/0/name"), "Syrup");
    assert_eq!(largest.at("/columns/0/cards/0/stage/name"), "Lead in");
    let some = road.admin.get(&format!("{path}?filter%5Bname%5D%5BstartsWith%5D=Cha")).await.expect(200);
    assert_eq!((some.at("/total/count"), some.at("/columns/0/amount")), (&json!(2), &json!("300")));
    // The same over GraphQL.
    let query = "query($id: UUID!) { pipelineBoard(id: $id, cards: 2, fields: [\"name\", \"amount\"]) { total { count } columns { stage count weighted cards hasMore } } }";
    let same = road.admin.graphql(query, json!({"id": road.id})).await.expect(200);
    assert_eq!(same.at("/data/pipelineBoard/columns/0/cards"), &cards, "{}", same.body);
    assert_eq!(same.at("/data/pipelineBoard/columns/0/stage/name"), "Lead in");
    // No more statements for more cards.
    let count = async |cards: usize| {
        let before = road.stage.statements();
        road.admin.get(&format!("{path}?cards={cards}&currency=EUR&expand=account")).await.expect(200);
        road.stage.statements() - before
    };
    count(1).await;
    assert_eq!(count(1).await, count(100).await);
}

#[actix_web::test]
async fn boards_and_funnels_show_what_one_may_see() {
    let road = busy().await;
    let (user, own) = with_grants(
        &road.stage,
        &road.tenant,
        "opportunities:READ:OWN stage-changes:READ:OWN stages:READ:ALL pipelines:READ:ALL",
    );
    road.open(json!({"name": "Mine", "ownerId": user, "amount": euros("7")})).await;
    let board = format!("/v1/pipelines/{}/board", road.id);
    let funnel = format!("/v1/pipelines/{}/funnel.svg", road.id);
    let seen = own.get(&board).await.expect(200);
    assert_eq!((seen.at("/total/count"), seen.at("/total/amount")), (&json!(1), &json!("7")));
    assert_eq!(seen.at("/columns/0/cards/0/name"), "Mine");
    assert!(
        own.get(&funnel)
            .await
            .expect(200)
            .text
            .contains("Lead in: 1 reached it, 0 % went on; 1 are here now, worth 7 EUR.")
    );
    let mine = road.admin.get(&format!("{board}?ownerId={user}")).await.expect(200);
    assert_eq!(mine.at("/total/count"), 1);
    let (_, blind) = with_grants(&road.stage, &road.tenant, "pipelines:READ:ALL stages:READ:ALL");
    let neighbour = road.stage.admin(&road.stage.tenant());
    for path in [&board, &funnel] {
        assert_eq!(blind.get(path).await.expect(403).code(), "FORBIDDEN", "{path}");
        neighbour.get(path).await.expect(404);
        road.stage.anonymous().get(path).await.expect(401);
        assert_eq!(road.admin.get(&format!("{path}?currency=euro")).await.expect(422).pointers(), ["/query/currency"]);
        assert_eq!(road.admin.get(&format!("{path}?colour=x")).await.expect(422).pointers(), ["/query/colour"]);
        assert_eq!(road.admin.send("POST", path, None).await.expect(405).header("allow"), Some("GET, HEAD"));
    }
    for (question, pointer) in [
        ("cards=0", "/query/cards"),
        ("cards=101", "/query/cards"),
        ("cards=x", "/query/cards"),
        ("fields=colour", "/query/fields"),
        ("expand=colour", "/query/expand"),
        ("sort=colour", "/query/sort"),
        ("ownerId=x", "/query/ownerId"),
        ("filter%5Bcolour%5D=x", "/query/filter/colour"),
    ] {
        let refused = road.admin.get(&format!("{board}?{question}")).await.expect(422);
        assert_eq!(refused.pointers(), [pointer], "{question}");
    }
    let query = "query($id: UUID!) { pipelineBoard(id: $id, fields: [\"colour\"]) { currency } }";
    let refused = road.admin.graphql(query, json!({"id": road.id})).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/errors/0/pointer"), "/fields", "{}", refused.body);
    road.stage.anonymous().graphql(query, json!({"id": road.id})).await.expect(401);
    let foreign =
        neighbour.graphql("query($id: UUID!) { pipelineBoard(id: $id) { currency } }", json!({"id": road.id})).await;
    assert_eq!(foreign.at("/errors/0/extensions/code"), "NOT_FOUND", "{}", foreign.body);
    road.open(json!({"amount": {"amount": "1", "currency": "USD"}})).await;
    assert_eq!(road.admin.get(&board).await.expect(422).code(), "MIXED_CURRENCIES");
}

#[actix_web::test]
async fn a_funnel_is_a_picture_that_says_what_it_shows() {
    let road = busy().await;
    let name = "</text><script>alert(1)</script>";
    road.admin.patch(&format!("/v1/stages/{}", road.stages[1]), json!({"name": name})).await.expect(200);
    let path = format!("/v1/pipelines/{}/funnel.svg", road.id);
    let found = road.admin.with("accept", "image/svg+xml").get(&path).await.expect(200);
    assert_eq!(found.header("content-type"), Some("image/svg+xml; charset=utf-8"));
    assert_eq!(found.header("x-content-type-options"), Some("nosniff"));
    let drawn = &found.text;
    assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n") && !drawn.contains("<script"), "{drawn}");
    assert!(drawn.contains("role=\"img\"") && drawn.contains("<title id=\"title\">Funnel of Sales</title>"));
    // Six came to the first stage; one went on to the second, and one was won, which is beyond all.
    assert!(drawn.contains("Lead in: 6 reached it, 33.3 % went on; 3 are here now, worth 600 EUR."), "{drawn}");
    assert!(drawn.contains(": 2 reached it, 50 % went on; 1 are here now, worth 1,000 EUR."), "{drawn}");
    assert!(drawn.contains("Won: 1 reached it; 1 are here now, worth 1,000 EUR."), "{drawn}");
    assert!(drawn.contains("Closing: 1 reached it, 100 % went on; 0 are here now, worth 0 EUR."), "{drawn}");
    // As well as a document: every tag that opens is closed.
    for tag in ["svg", "g", "text", "title", "desc"] {
        let opened = drawn.matches(&format!("<{tag}>")).count() + drawn.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, drawn.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // Only pictures may be asked for as pictures.
    let board = format!("/v1/pipelines/{}/board", road.id);
    road.admin.with("accept", "image/svg+xml").get(&board).await.expect(406);
}
