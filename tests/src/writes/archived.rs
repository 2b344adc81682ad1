//! What is archived is restored before anything else is done with it.

use crate::tenancy::records::{command_body, entries, one_of_each};
use kith_testkit::Stage;

#[actix_web::test]
async fn no_business_verb_works_on_an_archived_record() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let admin = stage.admin(&tenant);
    let mut tried = 0;
    for entry in entries().iter().filter(|entry| !entry.commands.is_empty()) {
        let path = format!("/v1/{}/{}", entry.name, ids[entry.name]);
        // What stands in the way of archiving one is not the matter here.
        if admin.delete(&path).await.status != 204 {
            continue;
        }
        for command in &entry.commands {
            let body = command_body(entry.name, command.name, &ids);
            let keyed = admin.with("idempotency-key", command.name);
            let answer = keyed.post(&format!("{path}/{}", command.name), body).await;
            assert_eq!(
                (answer.status, answer.code()),
                (409, "CONFLICT"),
                "{} {}: {}",
                entry.name,
                command.name,
                answer.body
            );
            tried += 1;
        }
        admin.post(&format!("{path}/restore"), serde_json::json!({})).await.expect(200);
    }
    assert!(tried >= 20, "{tried} verbs were tried");
}
