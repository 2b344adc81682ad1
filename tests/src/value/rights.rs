//! What an account brings and what is missing to its next layer are told to who may read the account and its value, and to
//! nobody else, over both APIs.

use super::Market;
use crate::authz::with_grants;
use crate::tenancy::UNKNOWN;
use kith_testkit::Client;
use serde_json::{Value, json};

/// Three customers of different owners and one prospect; the user owns the first, and is in the team of the second.
struct Shop {
    market: Market,
    own: String,
    teams: String,
    others: String,
}

impl Shop {
    /// With a user of these grants.
    async fn with(grants: &str) -> (Shop, Client) {
        let market = Market::on("2026-11-20");
        let (user, _) = with_grants(&market.stage, &market.tenant, grants);
        let (other, _) = with_grants(&market.stage, &market.tenant, "");
        let team = |name: &str| market.stage.make(&market.tenant, "teams", json!({"name": name}));
        let (north, south) = (team("North"), team("South"));
        market.stage.make(&market.tenant, "memberships", json!({"userId": user, "teamId": north}));
        market.accounts(&["own", "teams", "others"].map(str::to_owned)).await;
        let model = json!({"pyramid": "THRESHOLDS", "windowDays": 365});
        market.publish(model).await;
        let order = |key: &str, at: usize, net: &str| Market::order(key, at, "2026-05-20", net);
        market.orders(&[order("own", 1, "60"), order("teams", 2, "80"), order("others", 3, "90")]).await;
        let give = async |key: &str, to: Value| {
            let id = market.account(key, "owner").await["id"].as_str().unwrap().to_owned();
            market.admin.patch(&format!("/v1/accounts/{id}"), to).await.expect(200);
            id
        };
        let own = give("own", json!({"ownerId": user, "teamId": null})).await;
        let teams = give("teams", json!({"ownerId": other, "teamId": north})).await;
        let others = give("others", json!({"ownerId": other, "teamId": south})).await;
        market.run(None).await;
        let client = market.stage.client(&market.tenant, user);
        (Shop { market, own, teams, others }, client)
    }
}

/// Status, or the code of the refusal, of both reports over REST; GraphQL has to say the same.
async fn told(client: &Client, account: &str) -> [String; 2] {
    let mut all = Vec::new();
    for (path, field) in [("profit", "accountProfit"), ("next-layer", "accountNextLayer")] {
        let rest = client.get(&format!("/v1/accounts/{account}/{path}")).await;
        let verdict = if rest.status == 200 { "200".to_owned() } else { format!("{} {}", rest.status, rest.code()) };
        let query = format!("query($id: UUID!) {{ it: {field}(id: $id) {{ accountId }} }}");
        let graphql = client.graphql(&query, json!({"id": account})).await.expect(200);
        let same = match graphql.at("/errors/0/extensions/code").as_str() {
            None => graphql.at("/data/it/accountId") == account && rest.status == 200,
            Some(code) => graphql.at("/data/it").is_null() && code == rest.code(),
        };
        assert!(same, "{path}: {verdict} over REST, and {} over GraphQL", graphql.body);
        all.push(verdict);
    }
    all.try_into().unwrap()
}

const FOUND: [&str; 2] = ["200", "200"];
const MISSING: [&str; 2] = ["404 NOT_FOUND", "404 NOT_FOUND"];
const FORBIDDEN: [&str; 2] = ["403 FORBIDDEN", "403 FORBIDDEN"];

#[actix_web::test]
async fn who_reads_own_accounts_is_told_of_them_alone() {
    let (shop, client) = Shop::with("accounts:READ:OWN value-profiles:READ:OWN").await;
    for (account, expected) in [(&shop.own, FOUND), (&shop.teams, MISSING), (&shop.others, MISSING)] {
        assert_eq!(told(&client, account).await, expected, "{account}");
    }
    assert_eq!(told(&client, UNKNOWN).await, MISSING, "what is not there is refused the same way");
    let profit = client.get(&format!("/v1/accounts/{}/profit", shop.own)).await.expect(200).body;
    assert_eq!((&profit["profit"], &profit["currency"]), (&json!("60"), &json!("EUR")), "{profit}");
    // How all customers lie is for those who may read them all.
    assert_eq!([&profit["percentile"], &profit["median"], &profit["customers"]], [&Value::Null; 3], "{profit}");
    let whole = shop.market.admin.get(&format!("/v1/accounts/{}/profit", shop.own)).await.expect(200).body;
    assert_eq!([&whole["percentile"], &whole["median"], &whole["customers"]], [&json!("0"), &json!("80"), &json!(3)]);
    // An account that changes hands changes readers.
    let given = json!({"ownerId": null});
    shop.market.admin.patch(&format!("/v1/accounts/{}", shop.own), given).await.expect(200);
    assert_eq!(told(&client, &shop.own).await, MISSING);
}

#[actix_web::test]
async fn who_reads_accounts_of_teams_is_told_of_those() {
    let (shop, client) = Shop::with("accounts:READ:TEAM value-profiles:READ:TEAM").await;
    for (account, expected) in [(&shop.own, FOUND), (&shop.teams, FOUND), (&shop.others, MISSING)] {
        assert_eq!(told(&client, account).await, expected, "{account}");
    }
}

#[actix_web::test]
async fn both_the_account_and_its_value_must_be_readable() {
    let (shop, client) = Shop::with("accounts:READ:ALL").await;
    assert_eq!(told(&client, &shop.own).await, FORBIDDEN, "no value is");
    let (_, blind) = with_grants(&shop.market.stage, &shop.market.tenant, "value-profiles:READ:ALL");
    assert_eq!(told(&blind, &shop.own).await, FORBIDDEN, "no account is");
    let (_, admin) = with_grants(&shop.market.stage, &shop.market.tenant, "accounts:READ:ALL value-profiles:READ:ALL");
    assert_eq!(told(&admin, &shop.others).await, FOUND);

    let (shop, client) = Shop::with("accounts:READ:ALL value-profiles:READ:OWN").await;
    assert_eq!(told(&client, &shop.own).await, FOUND);
    let hidden = client.get(&format!("/v1/accounts/{}/profit", shop.others)).await.expect(404);
    assert_eq!(hidden.code(), "NOT_FOUND");
    // Of the layer it is said that nothing is known, as of an account that was not valued.
    let layer = client.get(&format!("/v1/accounts/{}/next-layer", shop.others)).await.expect(200).body;
    assert_eq!([&layer["layer"], &layer["score"], &layer["border"]], [&Value::Null; 3], "{layer}");
    assert_eq!((&layer["reason"], &layer["ways"]), (&json!("NOT_VALUED"), &json!([])), "{layer}");
}

#[actix_web::test]
async fn what_another_customer_brings_is_not_told_by_the_way_to_his_place() {
    let (shop, client) = Shop::with("accounts:READ:OWN value-profiles:READ:OWN").await;
    // The second of three stands at 50 points, which is where MEDIUM begins.
    let model = json!({"name": "Revenue", "pyramid": "THRESHOLDS", "windowDays": 365, "topBorder": "90", "largeBorder": "80", "mediumBorder": "40"});
    let model = shop.market.admin.post("/v1/value-models", model).await.expect(201).id();
    let indicator = json!({"modelId": model, "code": "revenue", "source": "REVENUE", "weight": "1"});
    shop.market.admin.post("/v1/value-indicators", indicator).await.expect(201);
    shop.market.admin.post(&format!("/v1/value-models/{model}/publish"), json!({})).await.expect(200);
    shop.market.run(None).await;
    for (reader, needed) in [(&client, "81"), (&shop.market.admin, "80")] {
        let found = reader.get(&format!("/v1/accounts/{}/next-layer", shop.own)).await.expect(200).body;
        assert_eq!((&found["nextLayer"], &found["ways"][0]["needed"]), (&json!("MEDIUM"), &json!(needed)), "{found}");
    }
}
