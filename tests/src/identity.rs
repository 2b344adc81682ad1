//! Proving who one is: login and its brake, refresh, logout, access tokens, rates.

mod keys;

use crate::tenancy::records::anonymous;
use actix_web::web;
use chrono::TimeDelta;
use kith_api::auth::keys::SigningKeys;
use kith_api::auth::token::Tokens;
use kith_api::{App, Settings};
use kith_testkit::{Answer, Client, PASSWORD, Stage, Tenant};
use serde_json::json;

async fn login(client: &Client, tenant: &str, email: &str, password: &str) -> Answer {
    let body = json!({"tenant": tenant, "email": email, "password": password});
    client.post("/v1/auth/login", body).await
}

/// A session of the tenant's administrator: a client, and the refresh token.
async fn session(stage: &Stage, tenant: &Tenant) -> (Client, String) {
    let answer = login(&stage.anonymous(), &tenant.slug, "admin@example.com", PASSWORD).await.expect(200);
    let token = |name: &str| answer.at(name).as_str().unwrap().to_owned();
    (Client::new(stage.app.clone(), Some(token("/accessToken"))), token("/refreshToken"))
}

async fn refresh(stage: &Stage, token: &str) -> Answer {
    stage.anonymous().post("/v1/auth/refresh", json!({"refreshToken": token})).await
}

fn next(answer: &Answer) -> String {
    answer.at("/refreshToken").as_str().unwrap().to_owned()
}

/// The rights that the application remembers for five seconds are forgotten.
fn five_seconds_pass(stage: &Stage) {
    stage.app.known.invalidate_all();
}

#[actix_web::test]
async fn a_login_gives_tokens_that_work() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let answer = login(&stage.anonymous(), &tenant.slug, " Admin@Example.com ", PASSWORD).await.expect(200);
    assert_eq!((answer.at("/tokenType"), answer.at("/expiresIn")), (&json!("Bearer"), &json!(900)));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (admin, _) = session(&stage, &tenant).await;
    admin.get("/v1/accounts").await.expect(200);
    let viewer = admin.graphql("{ viewer { kind id tenantId } }", json!({})).await.expect(200);
    let expected = json!({"kind": "USER", "id": tenant.admin, "tenantId": tenant.id});
    assert_eq!(viewer.at("/data/viewer"), &expected);
}

#[actix_web::test]
async fn whatever_is_wrong_with_a_login_it_is_answered_alike() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let disabled = stage.user(&tenant, "MEMBER");
    let admin = stage.admin(&tenant);
    admin.post(&format!("/v1/users/{disabled}/password"), json!({"password": PASSWORD})).await.expect(204);
    let path = format!("/v1/users/{disabled}");
    let email = admin.get(&path).await.at("/email").as_str().unwrap().to_owned();
    login(&stage.anonymous(), &tenant.slug, &email, PASSWORD).await.expect(200);
    admin.patch(&path, json!({"status": "DISABLED"})).await.expect(200);
    let without = stage.user(&tenant, "MEMBER");
    let without = admin.get(&format!("/v1/users/{without}")).await.at("/email").as_str().unwrap().to_owned();
    let long = "x".repeat(1_500);
    let mut answers = Vec::new();
    for (slug, email, password) in [
        (tenant.slug.as_str(), "admin@example.com", "wrong password"),
        (tenant.slug.as_str(), "admin@example.com", &long),
        (tenant.slug.as_str(), "nobody@example.com", PASSWORD),
        (tenant.slug.as_str(), "no address", PASSWORD),
        (tenant.slug.as_str(), "admin@example.com\u{0}", PASSWORD),
        (tenant.slug.as_str(), email.as_str(), PASSWORD),
        (tenant.slug.as_str(), without.as_str(), PASSWORD),
        ("no-such-tenant", "admin@example.com", PASSWORD),
        ("'; DROP TABLE users; --", "admin@example.com", PASSWORD),
        ("", "", ""),
    ] {
        let answer = login(&stage.anonymous(), slug, email, password).await.expect(401);
        let mut names: Vec<String> = answer.headers.keys().map(|name| name.to_string()).collect();
        names.sort_unstable();
        answers.push((anonymous(&answer), names));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    for body in [json!({}), json!({"tenant": 1, "email": [], "password": null, "remember": true})] {
        let refused = stage.anonymous().post("/v1/auth/login", body).await.expect(422);
        assert!(refused.pointers().contains(&"/tenant") && refused.pointers().contains(&"/password"));
    }
}

#[actix_web::test]
async fn the_eleventh_failure_in_ten_minutes_has_to_wait() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let tokens = Tokens::new(SigningKeys::in_memory().unwrap(), "kith", "kith");
    let instance = stage.app.db.read(uuid::Uuid::nil(), kith_db::instance).unwrap();
    let settings = Settings { rate_per_minute: 0, ..Settings::default() };
    let app = App::new(stage.app.db.clone(), stage.app.clock.clone(), instance, tokens, settings);
    app.clock.stop_at(stage.now());
    let client = Client::new(web::Data::new(app), None);
    for _ in 0..9 {
        login(&client, &tenant.slug, "admin@example.com", "wrong password").await.expect(401);
    }
    login(&client, &tenant.slug, "admin@example.com", PASSWORD).await.expect(200);
    // The success was of this place, which then has a count of its own; the address keeps its nine.
    login(&client, &tenant.slug, "admin@example.com", "wrong password").await.expect(401);
    let refused = login(&client, &tenant.slug, "admin@example.com", PASSWORD).await.expect(429);
    assert_eq!((refused.code(), refused.header("retry-after")), ("RATE_LIMITED", Some("600")));
    let other = login(&client, &tenant.slug, "nobody@example.com", PASSWORD).await.expect(429);
    assert_eq!(anonymous(&other), anonymous(&refused), "it tells nothing about who exists");
    stage.app.clock.advance(TimeDelta::seconds(599));
    let refused = login(&client, &tenant.slug, "admin@example.com", PASSWORD).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    stage.app.clock.advance(TimeDelta::seconds(1));
    login(&client, &tenant.slug, "admin@example.com", PASSWORD).await.expect(200);
}

#[actix_web::test]
async fn a_refresh_token_is_good_once_and_its_reuse_ends_that_session_alone() {
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let tenant = stage.tenant();
    let (admin, first) = session(&stage, &tenant).await;
    let (other, other_token) = session(&stage, &tenant).await;
    let second = next(&refresh(&stage, &first).await.expect(200));
    assert_ne!(first, second);
    // Whoever lost the answer gets the same successor for ten seconds.
    stage.app.clock.advance(TimeDelta::seconds(10));
    assert_eq!(next(&refresh(&stage, &first).await.expect(200)), second);
    let third = next(&refresh(&stage, &second).await.expect(200));
    five_seconds_pass(&stage);
    admin.get("/v1/accounts").await.expect(200);
    stage.app.clock.advance(TimeDelta::seconds(11));
    let reused = refresh(&stage, &first).await.expect(401);
    for dead in [&third, &second, &first, &format!("{third}x"), &"kr_nonsense".to_owned(), &String::new()] {
        assert_eq!(anonymous(&refresh(&stage, dead).await.expect(401)), anonymous(&reused));
    }
    five_seconds_pass(&stage);
    admin.get("/v1/accounts").await.expect(401);
    other.get("/v1/accounts").await.expect(200);
    let renewed = refresh(&stage, &other_token).await.expect(200);
    let token = renewed.at("/accessToken").as_str().unwrap().to_owned();
    Client::new(stage.app.clone(), Some(token)).get("/v1/accounts").await.expect(200);
    stage.app.clock.advance(TimeDelta::days(31));
    refresh(&stage, &next(&renewed)).await.expect(401);
}

#[actix_web::test]
async fn an_older_generation_is_reuse_even_within_the_ten_seconds() {
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let tenant = stage.tenant();
    let (_, first) = session(&stage, &tenant).await;
    let second = next(&refresh(&stage, &first).await.expect(200));
    let third = next(&refresh(&stage, &second).await.expect(200));
    refresh(&stage, &first).await.expect(401);
    refresh(&stage, &third).await.expect(401);
}

#[actix_web::test]
async fn ten_refreshes_at_once_have_one_successor() {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let (_, first) = session(&stage, &tenant).await;
    let answers = futures_util::future::join_all((0..10).map(|_| refresh(&stage, &first))).await;
    let mut tokens: Vec<String> = answers.into_iter().map(|answer| next(&answer.expect(200))).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    refresh(&stage, &tokens[0]).await.expect(200);
}

#[actix_web::test]
async fn logging_out_ends_the_session_and_its_access_tokens_within_five_seconds() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (admin, token) = session(&stage, &tenant).await;
    let (other, _) = session(&stage, &tenant).await;
    admin.get("/v1/accounts").await.expect(200);
    for _ in 0..2 {
        stage.anonymous().post("/v1/auth/logout", json!({"refreshToken": token})).await.expect(204);
    }
    stage.anonymous().post("/v1/auth/logout", json!({"refreshToken": "nonsense"})).await.expect(204);
    refresh(&stage, &token).await.expect(401);
    // In real time, this once.
    tokio::time::sleep(std::time::Duration::from_millis(5_100)).await;
    admin.get("/v1/accounts").await.expect(401);
    admin.graphql("{ viewer { id } }", json!({})).await.expect(401);
    other.get("/v1/accounts").await.expect(200);
}

#[actix_web::test]
async fn a_new_password_ends_all_sessions_and_the_old_one_is_worth_nothing() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (admin, token) = session(&stage, &tenant).await;
    let (other, _) = session(&stage, &tenant).await;
    let change = |current: &str, new: &str| json!({"currentPassword": current, "newPassword": new});
    let path = "/v1/auth/password";
    for (body, pointer) in [
        (change("wrong password", "another password"), "/currentPassword"),
        (change(PASSWORD, "short"), "/newPassword"),
        (change(PASSWORD, &"x".repeat(1_025)), "/newPassword"),
        (json!({"currentPassword": PASSWORD}), "/newPassword"),
    ] {
        assert_eq!(admin.post(path, body).await.expect(422).pointers(), [pointer]);
    }
    admin.post(path, change(PASSWORD, "another password")).await.expect(204);
    five_seconds_pass(&stage);
    admin.get("/v1/accounts").await.expect(401);
    other.get("/v1/accounts").await.expect(401);
    refresh(&stage, &token).await.expect(401);
    login(&stage.anonymous(), &tenant.slug, "admin@example.com", PASSWORD).await.expect(401);
    login(&stage.anonymous(), &tenant.slug, "admin@example.com", "another password").await.expect(200);
}

#[actix_web::test]
async fn a_disabled_or_archived_user_is_out_within_five_seconds_for_good() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let user = stage.user(&tenant, "MEMBER");
    let path = format!("/v1/users/{user}");
    let client = stage.client(&tenant, user);
    client.get("/v1/accounts").await.expect(200);
    admin.patch(&path, json!({"status": "DISABLED"})).await.expect(200);
    five_seconds_pass(&stage);
    client.get("/v1/accounts").await.expect(401);
    admin.patch(&path, json!({"status": "ACTIVE"})).await.expect(200);
    five_seconds_pass(&stage);
    client.get("/v1/accounts").await.expect(401);
    let client = stage.client(&tenant, user);
    admin.delete(&path).await.expect(204);
    client.get("/v1/accounts").await.expect(401);
    // A role taken away is gone, too, while the session goes on.
    let user = stage.user(&tenant, "MEMBER");
    let client = stage.client(&tenant, user);
    client.get("/v1/accounts").await.expect(200);
    let list = admin.get(&format!("/v1/role-assignments?filter[userId]={user}")).await.expect(200);
    let assignment = list.at("/data/0/id").as_str().unwrap();
    admin.delete(&format!("/v1/role-assignments/{assignment}")).await.expect(204);
    five_seconds_pass(&stage);
    client.get("/v1/accounts").await.expect(403);
}

#[actix_web::test]
async fn an_access_token_lives_a_quarter_of_an_hour() {
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let tenant = stage.tenant();
    let (admin, token) = session(&stage, &tenant).await;
    stage.app.clock.advance(TimeDelta::seconds(15 * 60));
    admin.get("/v1/accounts").await.expect(200);
    // Clocks may differ by thirty seconds.
    stage.app.clock.advance(TimeDelta::seconds(31));
    let expired = admin.get("/v1/accounts").await.expect(401);
    assert_eq!(expired.code(), "TOKEN_EXPIRED");
    assert_eq!(admin.graphql("{ viewer { id } }", json!({})).await.expect(401).code(), "TOKEN_EXPIRED");
    refresh(&stage, &token).await.expect(200);
}

#[actix_web::test]
async fn a_token_counts_only_in_the_authorization_header() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let token = stage.admin(&tenant).token.unwrap();
    let nobody = stage.anonymous();
    for name in ["access_token", "token", "authorization", "api_key"] {
        nobody.get(&format!("/v1/accounts?{name}={token}")).await.expect(401);
        nobody.with("cookie", &format!("{name}={token}")).get("/v1/accounts").await.expect(401);
        nobody.post(&format!("/graphql?{name}={token}"), json!({"query": "{ viewer { id } }"})).await.expect(401);
    }
    for name in ["x-api-key", "x-access-token", "proxy-authorization"] {
        nobody.with(name, &format!("Bearer {token}")).get("/v1/accounts").await.expect(401);
    }
    for value in
        ["", "Bearer", "Bearer ", "Basic YTpi", &token, &format!("Token {token}"), "Bearer a.b.c", "Bearer kith_live_x"]
    {
        nobody.with("authorization", value).get("/v1/accounts").await.expect(401);
    }
    nobody.with("authorization", &format!("bearer {token}")).get("/v1/accounts").await.expect(200);
    let twice = nobody.with("authorization", &format!("Bearer {token}")).with("authorization", "Bearer x");
    twice.get("/v1/accounts").await.expect(400);
    // Cut and altered.
    for at in [5, token.len() / 2, token.len() - 2] {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(bytes).unwrap();
        nobody.with("authorization", &format!("Bearer {altered}")).get("/v1/accounts").await.expect(401);
        nobody.with("authorization", &format!("Bearer {}", &token[..at])).get("/v1/accounts").await.expect(401);
    }
}

#[actix_web::test]
async fn the_public_keys_are_there_and_nothing_else_of_them() {
    let stage = Stage::new();
    let keys = stage.anonymous().get("/.well-known/jwks.json").await.expect(200);
    let all = keys.at("/keys").as_array().unwrap();
    assert!(!all.is_empty());
    for key in all {
        assert_eq!((&key["kty"], &key["alg"], &key["use"]), (&json!("OKP"), &json!("EdDSA"), &json!("sig")), "{key}");
        assert_eq!(key.get("d"), None, "a private key");
    }
}
