//! Edges of quotes, forecasts and metrics: filters beside filters, numbers and sums at their ends, and rights to what
//! something else is a part of.

use super::{Road, road};
use crate::authz::with_grants;
use kith_testkit::Answer;
use serde_json::{Value, json};

fn euros(amount: &str) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

/// Makes a record with all rights.
async fn make(road: &Road, resource: &str, body: Value) -> String {
    road.admin.post(&format!("/v1/{resource}"), body).await.expect(201).id()
}

async fn user(road: &Road, name: &str) -> String {
    make(road, "users", json!({"name": name, "email": format!("{name}@example.com")})).await
}

#[actix_web::test]
async fn what_is_asked_for_stands_beside_the_whole_filter() {
    let road = road().await;
    let (ada, bo) = (user(&road, "ada").await, user(&road, "bo").await);
    let team = make(&road, "teams", json!({"name": "North"})).await;
    for (owner, team, amount) in
        [(&ada, None, "1"), (&ada, Some(&team), "2"), (&bo, None, "4"), (&bo, Some(&team), "8")]
    {
        let name = format!("Deal {amount}");
        let body =
            json!({"name": name, "ownerId": owner, "teamId": team, "amount": euros(amount), "closeDate": "2026-08-01"});
        road.open(body).await;
    }
    let other = make(&road, "pipelines", json!({"name": "Other"})).await;
    let both = json!({"in": [ada, bo]});
    let name = |amount: &str| json!({"name": format!("Deal {amount}")});
    let forecast = "query($filter: JSON, $owner: UUID, $team: UUID, $pipeline: UUID) { it: forecast(period: \"2026-Q3\", \
                    filter: $filter, ownerId: $owner, teamId: $team, pipelineId: $pipeline) { total { pipeline } } }";
    let board = "query($id: UUID!, $filter: JSON, $owner: UUID, $team: UUID) { it: pipelineBoard(id: $id, filter: $filter, \
                 ownerId: $owner, teamId: $team) { total { amount } columns { cards } } }";
    for (filter, owner, team, expected) in [
        (json!({}), Some(&ada), None, "3"),
        (json!({"ownerId": both}), Some(&ada), None, "3"),
        (json!({"ownerId": bo}), Some(&ada), None, "0"),
        (json!({"and": [name("2")]}), Some(&ada), None, "2"),
        (json!({"and": [name("4")]}), Some(&ada), None, "0"),
        (json!({"and": [name("2")], "ownerId": both}), Some(&ada), None, "2"),
        (json!({"ownerId": both, "and": [name("4")]}), Some(&ada), None, "0"),
        (json!({"ownerId": both, "pipelineId": road.id, "and": [name("1")]}), Some(&ada), None, "1"),
        (json!({"ownerId": both, "pipelineId": other}), Some(&ada), None, "0"),
        (json!({"teamId": {"in": [team]}, "pipelineId": road.id, "and": [name("8")]}), None, Some(&team), "8"),
        (json!({"or": [name("1"), name("8")], "teamId": team}), None, Some(&team), "8"),
    ] {
        let asked = json!({"id": road.id, "filter": filter, "owner": owner, "team": team, "pipeline": road.id});
        let found = road.admin.graphql(forecast, asked.clone()).await.expect(200);
        assert_eq!(found.at("/data/it/total/pipeline"), expected, "forecast {filter}: {}", found.body);
        let found = road.admin.graphql(board, asked).await.expect(200);
        assert_eq!(found.at("/data/it/total/amount"), expected, "board {filter}: {}", found.body);
        let columns = found.at("/data/it/columns").as_array().unwrap().clone();
        let cards: i64 = columns
            .iter()
            .flat_map(|column| column["cards"].as_array().unwrap())
            .map(|card| card["name"].as_str().unwrap()[5..].parse::<i64>().unwrap())
            .sum();
        assert_eq!(cards.to_string(), expected, "cards {filter}");
    }
    let bad = json!({"filter": {"ownerId": bo, "and": 1}, "owner": ada});
    let refused = road.admin.graphql(forecast, bad).await.expect(200);
    assert_eq!(refused.at("/errors/0/extensions/errors/0/pointer"), "/filter/and", "{}", refused.body);
}

#[actix_web::test]
async fn numbers_go_on_whatever_clients_give() {
    let road = road().await;
    let opportunity = road.open(json!({})).await;
    let quote = async |number: Option<&str>| {
        let mut body = json!({"opportunityId": opportunity, "currency": "EUR"});
        if let Some(number) = number {
            body["number"] = json!(number);
        }
        road.admin.post("/v1/quotes", body).await.expect(201).at("/number").as_str().unwrap().to_owned()
    };
    assert_eq!(quote(None).await, "Q-00000001");
    for given in ["Q-99999999", "Q-00000003", "Q-00000004", "Q-7"] {
        assert_eq!(quote(Some(given)).await, given);
    }
    assert_eq!(quote(None).await, "Q-00000002");
    assert_eq!(quote(None).await, "Q-00000005");
    // Each tenant and each kind counts for itself.
    let account = make(&road, "accounts", json!({"name": "Alfreds"})).await;
    let order = road.admin.post("/v1/orders", json!({"accountId": account, "currency": "EUR"})).await.expect(201);
    assert_eq!(order.at("/number"), "O-00000001");
}

#[actix_web::test]
async fn sums_that_are_too_large_are_refused() {
    let road = road().await;
    let opportunity = road.open(json!({"amountFromLines": true})).await;
    let quote = make(&road, "quotes", json!({"opportunityId": opportunity, "currency": "EUR"})).await;
    let account = make(&road, "accounts", json!({"name": "Alfreds"})).await;
    let order = make(&road, "orders", json!({"accountId": account, "currency": "EUR"})).await;
    for (of, id) in [("opportunity", &opportunity), ("quote", &quote), ("order", &order)] {
        let line = async |price: &str| {
            let mut body = json!({"description": "Tea", "quantity": "1", "unitPrice": euros(price)});
            body[format!("{of}Id")] = json!(id);
            road.admin.post(&format!("/v1/{of}-lines"), body).await
        };
        line("900000000000000").await.expect(201);
        let refused = line("900000000000000").await.expect(422);
        assert_eq!(
            (refused.pointers(), refused.at("/errors/0/code")),
            (vec!["/quantity"], &json!("OUT_OF_RANGE")),
            "{of}"
        );
        line("1").await.expect(201);
    }
    let rounded =
        json!({"orderId": order, "description": "Tea", "quantity": "1", "unitPrice": euros("999999999999999.9999")});
    assert_eq!(road.admin.post("/v1/order-lines", rounded).await.expect(422).pointers(), ["/quantity"]);
}

#[actix_web::test]
async fn who_may_not_change_something_may_not_change_its_lines() {
    let road = road().await;
    for (of, plural) in [("opportunity", "opportunities"), ("quote", "quotes"), ("order", "orders")] {
        let lines = format!("{of}-lines");
        let all = |actions: &[&str]| {
            let through = ["opportunities", "accounts"].map(|resource| format!("{resource}:READ:ALL"));
            let own = actions.iter().map(|action| format!("{lines}:{action}:ALL"));
            through.into_iter().chain(own).collect::<Vec<_>>().join(" ")
        };
        let rights = all(&["READ", "CREATE", "UPDATE", "ARCHIVE"]);
        let (mine, own) =
            with_grants(&road.stage, &road.tenant, &format!("{rights} {plural}:READ:ALL {plural}:UPDATE:OWN"));
        let (_, reader) = with_grants(&road.stage, &road.tenant, &format!("{rights} {plural}:READ:ALL"));
        let hidden = format!("{rights} {plural}:READ:OWN {plural}:UPDATE:OWN").replace("opportunities:READ:ALL", "");
        let (_, hidden) = with_grants(&road.stage, &road.tenant, &hidden.replace("accounts:READ:ALL", ""));
        let whole = async |owner: Value| {
            let opportunity = road.open(json!({"ownerId": owner})).await;
            let account = make(&road, "accounts", json!({"name": "Alfreds", "ownerId": owner})).await;
            match of {
                "opportunity" => opportunity,
                "quote" => make(&road, plural, json!({"opportunityId": opportunity, "currency": "EUR"})).await,
                _ => make(&road, plural, json!({"accountId": account, "currency": "EUR"})).await,
            }
        };
        let (theirs, ours) = (whole(Value::Null).await, whole(json!(mine)).await);
        let body = |id: &str| {
            let mut body = json!({"description": "Tea", "quantity": "1", "unitPrice": euros("1")});
            body[format!("{of}Id")] = json!(id);
            body
        };
        let path = format!("/v1/{lines}");
        let line = make(&road, &lines, body(&theirs)).await;
        for (client, status) in [(&own, 403), (&reader, 403), (&hidden, 404)] {
            let created = client.post(&path, body(&theirs)).await;
            // A reference to what is out of sight is one to nothing.
            created.expect(if status == 404 { 422 } else { 403 });
            client.patch(&format!("{path}/{line}"), json!({"quantity": "2"})).await.expect(status);
            client.delete(&format!("{path}/{line}")).await.expect(status);
        }
        assert_eq!(own.post(&path, body(&road.id)).await.expect(422).pointers(), [format!("/{of}Id")]);
        let line = own.post(&path, body(&ours)).await.expect(201).id();
        own.patch(&format!("{path}/{line}"), json!({"quantity": "2"})).await.expect(200);
        own.delete(&format!("{path}/{line}")).await.expect(204);
    }
}

#[actix_web::test]
async fn the_same_line_again_changes_nothing_whatever_became_of_the_whole() {
    let road = road().await;
    let account = make(&road, "accounts", json!({"name": "Alfreds"})).await;
    let opportunity = road.open(json!({"accountId": account})).await;
    let quote = make(&road, "quotes", json!({"opportunityId": opportunity, "currency": "EUR"})).await;
    let order = make(&road, "orders", json!({"accountId": account, "currency": "EUR"})).await;
    let line = |of: &str, id: &str| {
        let mut body = json!({"description": "Tea", "quantity": "2", "unitPrice": euros("42.5"), "taxRate": "19"});
        body[format!("{of}Id")] = json!(id);
        body
    };
    let put = async |of: &str, body: Value| -> Answer {
        road.admin.put(&format!("/v1/{of}-lines/external/erp/1"), body).await
    };
    for (of, id) in [("quote", &quote), ("order", &order)] {
        put(of, line(of, id)).await.expect(201);
    }
    road.admin.post(&format!("/v1/quotes/{quote}/send"), json!({})).await.expect(200);
    road.admin.patch(&format!("/v1/orders/{order}"), json!({"status": "CONFIRMED"})).await.expect(200);
    for (of, id) in [("quote", &quote), ("order", &order)] {
        assert_eq!(put(of, line(of, id)).await.expect(200).at("/version"), 1, "{of}");
        let mut other = line(of, id);
        other["quantity"] = json!("3");
        assert_eq!(put(of, other).await.expect(409).code(), "ILLEGAL_TRANSITION", "{of}");
    }
}

#[actix_web::test]
async fn where_nothing_was_won_there_is_no_accuracy() {
    let road = road().await;
    road.open(json!({"amount": euros("100"), "closeDate": "2026-08-01", "forecastCategory": "COMMIT"})).await;
    let period = json!({"startsOn": "2026-07-01", "endsOn": "2026-09-30"});
    make(&road, "forecast-snapshots", period).await;
    for metric in ["forecast-accuracy", "weighted-forecast-accuracy"] {
        let found = road.admin.get(&format!("/v1/metrics/{metric}")).await.expect(200);
        assert_eq!((found.at("/total/value"), found.at("/total/count")), (&Value::Null, &json!(1)), "{metric}");
    }
}

#[actix_web::test]
async fn two_snapshots_say_what_was_between_them() {
    let road = road().await;
    let deal = async |amount: &str| {
        let body = json!({
            "amount": euros(amount), "stageId": road.stages[0], "closeDate": "2026-08-01", "openedAt": "2026-06-01T00:00:00Z",
        });
        road.open(body).await
    };
    let (slipped, early) = (deal("30").await, deal("7").await);
    let snapshot = json!({"startsOn": "2026-07-01", "endsOn": "2026-09-30", "pipelineId": road.id});
    let first = make(&road, "forecast-snapshots", snapshot.clone()).await;
    let path = |id: &str| format!("/v1/opportunities/{id}");
    road.admin.patch(&path(&slipped), json!({"closeDate": "2026-11-01"})).await.expect(200);
    road.act(&early, "win", json!({"at": "2026-06-15T00:00:00Z"})).await.expect(200);
    let later = make(&road, "forecast-snapshots", snapshot).await;
    let changes = async |more: &str| {
        let found = road.admin.get(&format!("/v1/forecast-snapshots/{first}/changes{more}")).await.expect(200);
        let row = |id: &String| {
            let rows = found.at("/rows").as_array().unwrap();
            let row = rows.iter().find(|row| row["opportunityId"] == *id).unwrap();
            (row["change"].as_str().unwrap().to_owned(), row["after"]["amount"].clone())
        };
        [&slipped, &early].map(row)
    };
    let row = |change: &str, amount: Value| (change.to_owned(), amount);
    // Won before the period is not won in it.
    let expected = [row("SLIPPED", json!("30")), row("PULLED_IN", json!("7"))];
    assert_eq!(changes("").await, expected);
    let kept = changes(&format!("?to={later}")).await;
    assert_eq!(kept, expected);
    // What comes after the later one changes nothing between them.
    road.admin.patch(&path(&slipped), json!({"amount": euros("99")})).await.expect(200);
    road.admin.delete(&path(&slipped)).await.expect(204);
    assert_eq!(changes(&format!("?to={later}")).await, kept);
}

#[actix_web::test]
async fn a_number_rests_on_what_one_may_read_only() {
    let road = road().await;
    let funnel = format!("/v1/pipelines/{}/funnel.svg", road.id);
    let through = "pipelines:READ:ALL stages:READ:ALL";
    for (path, rights, needed) in [
        ("/v1/metrics/slippage", "forecast-snapshot-lines:READ", "opportunities:READ forecast-snapshots:READ"),
        ("/v1/metrics/won-value-by-product", "opportunities:READ", "opportunity-lines:READ"),
        ("/v1/metrics/open-pipeline-by-product", "opportunities:READ", "opportunity-lines:READ"),
        ("/v1/metrics/win-rate-by-product", "opportunities:READ", "opportunity-lines:READ"),
        ("/v1/metrics/weighted-pipeline-by-product", "opportunities:READ", "opportunity-lines:READ"),
        ("/v1/metrics/product-won-value", "opportunity-lines:READ", "opportunities:READ"),
        ("/v1/metrics/competitor-win-rate", "opportunity-competitors:READ", "opportunities:READ"),
        ("/v1/metrics/competitor-pipeline", "opportunity-competitors:READ", "opportunities:READ"),
        ("/v1/metrics/time-in-stage", "stage-changes:READ", "opportunities:READ"),
        ("/v1/metrics/stage-conversion", "stage-changes:READ", "opportunities:READ"),
        (&funnel, "opportunities:READ", "stage-changes:READ"),
    ] {
        let grants = |rights: &str, scope: &str| {
            rights.split_whitespace().map(|right| format!("{right}:{scope} ")).collect::<String>()
        };
        for (grants, status) in [
            (grants(rights, "ALL"), 403),
            (grants(rights, "ALL") + &grants(needed, "TEAM"), 403),
            (grants(rights, "OWN") + &grants(needed, "OWN"), 200),
            (grants(rights, "TEAM") + &grants(needed, "ALL"), 200),
        ] {
            let (_, client) = with_grants(&road.stage, &road.tenant, &format!("{through} {grants}"));
            client.get(path).await.expect(status);
        }
    }
}

#[actix_web::test]
async fn a_target_stands_beside_what_it_is_about_only() {
    let road = road().await;
    let team = make(&road, "teams", json!({"name": "North"})).await;
    let q3 = "/v1/forecast?period=2026-Q3";
    let target = async |who: Value| {
        let mut body = json!({"startsOn": "2026-07-01", "endsOn": "2026-09-30", "amount": euros("10")});
        body.as_object_mut().unwrap().extend(who.as_object().unwrap().clone());
        make(&road, "targets", body).await
    };
    let ada = user(&road, "ada").await;
    target(json!({"userId": ada})).await;
    for team in [Some(&team), None] {
        road.open(json!({"ownerId": ada, "teamId": team, "amount": euros("1"), "closeDate": "2026-08-01"})).await;
    }
    // What ada has in a team is a part of what ada has.
    for (more, expected) in [("", json!("10")), (&format!("&teamId={team}"), Value::Null)] {
        let found = road.admin.get(&format!("{q3}&by=owner{more}")).await.expect(200);
        assert_eq!(found.at("/rows/0/figures/target"), &expected, "{more}");
    }
    for (scopes, expected) in
        [(("OWN", "TEAM"), Value::Null), (("TEAM", "TEAM"), json!("10")), (("ALL", "OWN"), json!("10"))]
    {
        let grants = format!("opportunities:READ:{} targets:READ:{}", scopes.0, scopes.1);
        let (user, client) = with_grants(&road.stage, &road.tenant, &grants);
        target(json!({"userId": user})).await;
        assert_eq!(
            client.get(&format!("{q3}&ownerId={user}")).await.expect(200).at("/total/target"),
            &expected,
            "{scopes:?}"
        );
    }
}

#[actix_web::test]
async fn several_stages_that_are_won_are_one_step_of_a_funnel() {
    let road = road().await;
    let renewed = json!({"pipelineId": road.id, "name": "Renewed", "kind": "WON", "position": 9, "probability": 100});
    let renewed = make(&road, "stages", renewed).await;
    for stage in [&road.stages[3], &renewed, &renewed] {
        road.open(json!({"amount": euros("5"), "stageId": stage})).await;
    }
    let funnel = road.admin.with("accept", "image/svg+xml").get(&format!("/v1/pipelines/{}/funnel.svg", road.id)).await;
    let drawn = &funnel.expect(200).text;
    assert!(drawn.contains("Won: 3 reached it; 3 are here now, worth 15 EUR."), "{drawn}");
    assert!(!drawn.contains("Renewed"), "{drawn}");
}
