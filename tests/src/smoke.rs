//! The shortest way through both doors: if this fails, look here first.

use kith_testkit::Stage;
use serde_json::json;

#[actix_web::test]
async fn an_account_made_over_rest_is_read_over_graphql() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let made = admin
        .post("/v1/accounts", json!({"name": "Acme", "annualRevenue": {"amount": "1200.5", "currency": "EUR"}}))
        .await
        .expect(201);
    assert_eq!(made.at("/version"), 1);
    assert_eq!(made.at("/annualRevenue/amount"), "1200.50");
    assert_eq!(made.header("location"), Some(format!("/v1/accounts/{}", made.id()).as_str()));
    let read = admin.get(&format!("/v1/accounts/{}", made.id())).await.expect(200);
    assert_eq!(read.body, made.body);
    let contact = admin.post("/v1/contacts", json!({"familyName": "Anders", "accountId": made.id()})).await.expect(201);
    let query = "query($id: UUID!) { account(id: $id) { id name kind annualRevenue { amount currency } contacts { totalCount nodes { id name account { name } } } } }";
    let answer = admin.graphql(query, json!({"id": made.id()})).await.expect(200);
    let expected = json!({"data": {"account": {
        "id": made.id(), "name": "Acme", "kind": "ORGANIZATION", "annualRevenue": {"amount": "1200.50", "currency": "EUR"},
        "contacts": {"totalCount": 1, "nodes": [{"id": contact.id(), "name": "Anders", "account": {"name": "Acme"}}]}
    }}, "extensions": {"cost": 101}});
    assert_eq!(answer.body, expected);
}
