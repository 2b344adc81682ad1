//! The log holds nothing that somebody could log in with, and nothing about anybody. Promise 48.

use super::binary::Kith;
use super::database::{Own, credentials};
use kith_testkit::{PASSWORD, Reply, Wire, request};
use serde_json::{Value, json};

/// One of each kind of thing that must not stand there. No other text has these letters.
const MARKERS: [&str; 10] = [
    "Zarathustrason",
    "zz-marker@example.com",
    "+4915199887766",
    "Zuckerstrasse",
    "zz-wrong-password",
    "zz-note-about-somebody",
    "zz-key-of-another-system",
    "zz-idempotency-key",
    "zz-in-the-query",
    "zz-in-a-cookie",
];

#[test]
fn the_log_holds_no_token_password_key_or_personal_field() {
    let own = Own::start();
    let kith = Kith::start(&own, "trace");
    let mut wire = kith.connect();
    let [name, email, phone, street, wrong, note, external, key, query, cookie] = MARKERS;
    let mut secrets: Vec<String> = MARKERS.iter().chain([&PASSWORD]).map(|text| (*text).to_owned()).collect();
    // Logging in, well and badly.
    let tokens = wire.ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    let token = tokens.at("/accessToken").as_str().unwrap().to_owned();
    let refresh = tokens.at("/refreshToken").as_str().unwrap().to_owned();
    let token = token.as_str();
    let bad = json!({"tenant": "acme", "email": email, "password": wrong});
    assert_eq!(wire.ask("POST", "/v1/auth/login", None, Some(&bad)).unwrap().status, 401);
    let mut ask = |method: &str, path: &str, body: Value, status: u16| -> Reply {
        let reply = wire.ask(method, path, Some(token), (!body.is_null()).then_some(&body)).unwrap();
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
        reply
    };
    let id = |reply: &Reply| reply.at("/id").as_str().unwrap().to_owned();
    // Records, and every kind of refusal with a personal value in it.
    let account = id(&ask("POST", "/v1/accounts", json!({"name": name, "registrationNumber": phone}), 201));
    ask("POST", "/v1/accounts", json!({"name": name, "registrationNumber": phone}), 409);
    ask("POST", "/v1/contacts", json!({"familyName": name, "accountId": account}), 201);
    ask("POST", "/v1/contacts", json!({"familyName": [name], "nonsense": email}), 422);
    ask("POST", "/v1/users", json!({"name": name, "email": email}), 201);
    ask("POST", "/v1/addresses", json!({"accountId": account, "street": street, "city": street}), 201);
    let about = json!({"subjectType": "ACCOUNT", "subjectId": account, "body": note});
    ask("POST", "/v1/notes", about, 201);
    let point = json!({"accountId": account, "kind": "PHONE", "value": phone});
    wire_and(&kith, request("POST", "/v1/contact-points", Some(token), Some(&point)));
    ask("PUT", &format!("/v1/accounts/external/erp/{external}"), json!({"name": name}), 201);
    ask("GET", &format!("/v1/accounts/external/erp/{external}-2"), Value::Null, 404);
    ask("GET", &format!("/v1/accounts/{email}"), Value::Null, 404);
    ask("GET", &format!("/v1/accounts?filter[name]={name}&limit=1"), Value::Null, 200);
    ask("GET", &format!("/v1/accounts?q={query}"), Value::Null, 422);
    let graphql =
        json!({"query": format!("{{ accounts(filter: {{name: {{eq: \"{name}\"}}}}) {{ nodes {{ id }} }} }}")});
    ask("POST", "/graphql", graphql, 200);
    let graphql = json!({"query": "mutation($i: AccountInput!) { accountCreate(input: $i) { id } }", "variables": {"i": {"name": name, "sizeBand": email}}});
    ask("POST", "/graphql", graphql, 200);
    ask("POST", "/graphql", json!({"query": format!("{{ nonsense(x: \"{name}\") ")}), 200);
    // Keys and tokens.
    let role = ask("GET", "/v1/roles?limit=1", Value::Null, 200).at("/data/0/id").as_str().unwrap().to_owned();
    let made = ask("POST", "/v1/auth/api-keys", json!({"name": "ERP", "roleId": role}), 201);
    let secret = made.at("/secret").as_str().unwrap().to_owned();
    let change = json!({"currentPassword": wrong, "newPassword": wrong});
    ask("POST", "/v1/auth/password", change, 422);
    ask("GET", &format!("/v1/{token}"), Value::Null, 404);
    for credential in [secret.as_str(), &token[..token.len() - 2], &refresh, wrong] {
        wire_and(&kith, request("GET", "/v1/accounts", Some(credential), None));
    }
    wire_and(&kith, request("POST", "/v1/auth/refresh", None, Some(&json!({"refreshToken": refresh}))));
    wire_and(&kith, request("POST", "/v1/auth/refresh", None, Some(&json!({"refreshToken": format!("{refresh}x")}))));
    let form = format!("grant_type=client_credentials&client_id={wrong}&client_secret={secret}");
    let head = "POST /v1/auth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    wire_and(&kith, format!("{head}content-length: {}\r\n\r\n{form}", form.len()));
    let with = |line: String| {
        request("GET", &format!("/v1/accounts?access_token={token}"), None, None).replacen(
            "\r\n",
            &format!("\r\n{line}\r\n"),
            1,
        )
    };
    wire_and(&kith, with(format!("cookie: session={cookie}; token={token}")));
    wire_and(&kith, with(format!("idempotency-key: {key}\r\nauthorization: Basic {wrong}")));
    // Messages that are none.
    for broken in [
        format!("GET /{query} HTTP/9.9\r\nhost: {name}\r\n\r\n"),
        format!(
            "POST /v1/accounts HTTP/1.1\r\nhost: a\r\ncontent-length: {wrong}\r\nauthorization: Bearer {token}\r\n\r\n"
        ),
    ] {
        wire_and(&kith, broken);
    }
    let metrics = wire_and(&kith, request("GET", "/metrics", None, None)).unwrap();
    let said = kith.said() + &String::from_utf8(metrics.bytes).unwrap();
    assert!(said.contains("refused") && said.contains("/v1/accounts/external"), "the log was written");
    secrets.extend([token.to_owned(), refresh, secret]);
    // The middle of each, as the beginning may be shown to tell one from another.
    for text in secrets {
        let part = if text.len() > 60 { &text[text.len() / 2..text.len() / 2 + 20] } else { text.as_str() };
        let line = said.lines().find(|line| line.to_lowercase().contains(&part.to_lowercase()));
        assert_eq!(line, None, "{text} stands in the log");
    }
}

/// Sends it on a connection of its own.
fn wire_and(kith: &Kith, message: String) -> Option<Reply> {
    let mut wire: Wire = kith.connect();
    wire.send(message).unwrap();
    wire.reply().ok()
}
