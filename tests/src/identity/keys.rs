//! API keys and OAuth 2 client credentials.

use super::five_seconds_pass;
use crate::tenancy::UNKNOWN;
use chrono::TimeDelta;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_testkit::{Answer, Client, Stage, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(QueryableByName)]
struct Text {
    #[diesel(sql_type = st::Text)]
    text: String,
}

fn role(stage: &Stage, tenant: &Tenant, name: &str) -> Uuid {
    stage.app.db.read(tenant.id, |conn| kith_identity::role::built_in(conn, tenant.id, name)).unwrap().unwrap().0
}

/// A new key with a built-in role: its id, its text, and a client that sends it.
async fn key(stage: &Stage, tenant: &Tenant, name: &str, more: Value) -> (String, String, Client) {
    let mut body = json!({"name": "ERP", "roleId": role(stage, tenant, name)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = stage.admin(tenant).post("/v1/auth/api-keys", body).await.expect(201);
    let (id, secret) = (made.at("/apiKey/id").as_str().unwrap(), made.at("/secret").as_str().unwrap());
    assert_eq!(made.header("location"), Some(format!("/v1/api-keys/{id}").as_str()));
    (id.to_owned(), secret.to_owned(), Client::new(stage.app.clone(), Some(secret.to_owned())))
}

#[actix_web::test]
async fn a_key_is_shown_once_and_stands_in_no_table() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (id, secret, client) = key(&stage, &tenant, "MANAGER", json!({})).await;
    assert!(secret.starts_with("kith_live_"), "{secret}");
    client.with("idempotency-key", "one").post("/v1/accounts", json!({"name": "Acme"})).await.expect(201);
    let tail = secret.splitn(5, '_').nth(4).unwrap();
    assert!(tail.len() >= 43, "256 bits");
    let admin = stage.admin(&tenant);
    let read = admin.get(&format!("/v1/api-keys/{id}")).await.expect(200);
    assert!(secret.starts_with(read.at("/prefix").as_str().unwrap()));
    for path in ["/v1/api-keys", "/v1/roles?expand=apiKeys"] {
        let list = admin.get(path).await.expect(200);
        assert!(!String::from_utf8_lossy(&list.bytes).contains(tail), "{path}");
    }
    let mut owner = stage.scratch.owner();
    let tables = "SELECT relname::text AS text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace";
    let tables: Vec<Text> = sql_query(tables).load(&mut owner).unwrap();
    assert!(tables.len() > 20);
    for table in tables {
        let rows: Vec<Text> =
            sql_query(format!("SELECT t::text AS text FROM \"{}\" t", table.text)).load(&mut owner).unwrap();
        let raw = rows.iter().any(|row| row.text.contains(tail) || row.text.contains(super::PASSWORD));
        assert!(!raw, "a secret stands in {}", table.text);
    }
}

#[actix_web::test]
async fn a_key_has_the_rights_of_its_role_and_its_uses_are_known() {
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let tenant = stage.tenant();
    let (id, _, client) = key(&stage, &tenant, "READ_ONLY", json!({})).await;
    let admin = stage.admin(&tenant);
    let path = format!("/v1/api-keys/{id}");
    assert_eq!(admin.get(&path).await.at("/lastUsedAt"), &Value::Null);
    client.get("/v1/accounts").await.expect(200);
    client.post("/v1/accounts", json!({"name": "x"})).await.expect(403);
    client.get("/v1/roles").await.expect(403);
    let viewer = client.graphql("{ viewer { kind id } }", json!({})).await.expect(200);
    assert_eq!(viewer.at("/data/viewer"), &json!({"kind": "API_KEY", "id": id}));
    let first = admin.get(&path).await.at("/lastUsedAt").clone();
    assert_ne!(first, Value::Null);
    for (seconds, changed) in [(59, false), (1, true)] {
        stage.app.clock.advance(TimeDelta::seconds(seconds));
        five_seconds_pass(&stage);
        client.get("/v1/accounts").await.expect(200);
        assert_eq!(admin.get(&path).await.at("/lastUsedAt") != &first, changed);
    }
}

#[actix_web::test]
async fn a_key_ends_when_it_is_revoked_or_expires() {
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let tenant = stage.tenant();
    let end = stage.now() + TimeDelta::hours(1);
    let (_, _, expiring) = key(&stage, &tenant, "READ_ONLY", json!({"expiresAt": end.to_rfc3339()})).await;
    let (id, secret, client) = key(&stage, &tenant, "READ_ONLY", json!({})).await;
    let (_, _, successor) = key(&stage, &tenant, "READ_ONLY", json!({})).await;
    for client in [&expiring, &client, &successor] {
        client.get("/v1/accounts").await.expect(200);
    }
    let path = format!("/v1/api-keys/{id}");
    stage.admin(&tenant).delete(&path).await.expect(204);
    five_seconds_pass(&stage);
    client.get("/v1/accounts").await.expect(401);
    successor.get("/v1/accounts").await.expect(200);
    let admin = stage.admin(&tenant);
    admin.post(&format!("{path}/restore"), json!({})).await.expect(409);
    admin.patch(&path, json!({"name": "x"})).await.expect(409);
    assert_ne!(admin.get(&path).await.at("/revokedAt"), &Value::Null);
    stage.app.clock.advance(TimeDelta::hours(1));
    five_seconds_pass(&stage);
    expiring.get("/v1/accounts").await.expect(401);
    // Every other spelling of a key is none.
    let mut altered = secret.clone();
    altered.replace_range(
        secret.len() - 5..secret.len() - 4,
        if secret.as_bytes()[secret.len() - 5] == b'A' { "B" } else { "A" },
    );
    for text in
        [altered, secret.to_uppercase(), format!("{secret}x"), secret.replace("live", "test"), secret[..60].to_owned()]
    {
        Client::new(stage.app.clone(), Some(text)).get("/v1/accounts").await.expect(401);
    }
    let past = json!({"name": "x", "roleId": role(&stage, &tenant, "READ_ONLY"), "expiresAt": "2020-01-01T00:00:00Z"});
    stage.admin(&tenant).post("/v1/auth/api-keys", past).await.expect(422);
}

#[actix_web::test]
async fn a_key_of_one_tenant_opens_nothing_of_another() {
    let stage = Stage::new();
    let (ours, theirs) = (stage.tenant(), stage.tenant());
    let (_, secret, client) = key(&stage, &ours, "ADMIN", json!({})).await;
    let account = stage.make(&theirs, "accounts", json!({"name": "Theirs"}));
    client.get(&format!("/v1/accounts/{account}")).await.expect(404);
    client.patch(&format!("/v1/accounts/{account}"), json!({"name": "x"})).await.expect(404);
    assert_eq!(client.get("/v1/accounts").await.expect(200).at("/data"), &json!([]));
    // The key with the other tenant's id in it.
    let forged = secret.replace(&ours.id.simple().to_string(), &theirs.id.simple().to_string());
    assert_ne!(forged, secret);
    Client::new(stage.app.clone(), Some(forged)).get("/v1/accounts").await.expect(401);
}

async fn token(client: &Client, form: &str) -> Answer {
    let client = client.with("content-type", "application/x-www-form-urlencoded");
    client.send("POST", "/v1/auth/token", Some(form.as_bytes().to_vec())).await
}

#[actix_web::test]
async fn client_credentials_give_a_token_by_form_and_by_basic() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (id, secret, _) = key(&stage, &tenant, "READ_ONLY", json!({})).await;
    let nobody = stage.anonymous();
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let basic =
        |id: &str, secret: &str| nobody.with("authorization", &format!("Basic {}", base64(&format!("{id}:{secret}"))));
    let grant = "grant_type=client_credentials";
    for answer in [token(&nobody, &form).await, token(&basic(&id, &secret), grant).await] {
        let answer = answer.expect(200);
        assert_eq!((answer.at("/token_type"), answer.at("/expires_in")), (&json!("Bearer"), &json!(900)));
        let access = answer.at("/access_token").as_str().unwrap().to_owned();
        let client = Client::new(stage.app.clone(), Some(access));
        client.get("/v1/accounts").await.expect(200);
        client.post("/v1/accounts", json!({"name": "x"})).await.expect(403);
    }
    for refused in [
        token(&nobody, &form.replace(&id, UNKNOWN)).await,
        token(&nobody, &form[..form.len() - 1]).await,
        token(&nobody, grant).await,
        token(&basic(&id, "wrong"), grant).await,
        token(&basic("", ""), grant).await,
        token(&nobody.with("authorization", "Basic ???"), grant).await,
    ] {
        assert_eq!((refused.status, refused.code()), (401, "UNAUTHENTICATED"));
    }
    for form in ["", "grant_type=password", "grant_type", "nonsense"] {
        token(&nobody, form).await.expect(422);
    }
    token(&nobody, "grant_type=%ff").await.expect(400);
    nobody.post("/v1/auth/token", json!({"grant_type": "client_credentials"})).await.expect(415);
    // A token lives no longer than its key.
    let access = token(&nobody, &form).await.at("/access_token").as_str().unwrap().to_owned();
    stage.admin(&tenant).delete(&format!("/v1/api-keys/{id}")).await.expect(204);
    five_seconds_pass(&stage);
    Client::new(stage.app.clone(), Some(access)).get("/v1/accounts").await.expect(401);
    token(&nobody, &form).await.expect(401);
}

/// With padding, as HTTP Basic has it.
fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for part in text.as_bytes().chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, at| bits << 8 | u32::from(part.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap();
            out.push(if at <= part.len() { char::from(DIGITS[digit]) } else { '=' });
        }
    }
    out
}
