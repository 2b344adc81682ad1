//! What browsers and caches are told. Promise 23.

use kith_api::Settings;
use kith_testkit::{Reply, Served, Stage};

const OURS: &str = "https://app.example.com";

fn asked(served: &Served, method: &str, path: &str, more: &str) -> Reply {
    let mut wire = served.connect();
    wire.send(format!("{method} {path} HTTP/1.1\r\nhost: kith.example\r\n{more}\r\n")).unwrap();
    wire.reply().unwrap()
}

fn stage(origins: &[&str]) -> Stage {
    let cors_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    Stage::with_settings(Settings { cors_origins, ..Settings::default() })
}

#[test]
fn only_listed_origins_may_read_answers_and_never_with_credentials() {
    let stage = stage(&[OURS]);
    let served = stage.serve();
    let preflight = |origin: &str| {
        let ask = format!(
            "origin: {origin}\r\naccess-control-request-method: PATCH\r\naccess-control-request-headers: authorization, if-match\r\n"
        );
        asked(&served, "OPTIONS", "/v1/accounts", &ask)
    };
    let plain = |origin: &str| asked(&served, "GET", "/healthz", &format!("origin: {origin}\r\n"));
    for reply in [preflight(OURS), plain(OURS)] {
        assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, Some(OURS)));
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        assert!(reply.header("vary").is_some_and(|vary| vary.to_lowercase().contains("origin")));
    }
    let allowed = preflight(OURS);
    assert!(allowed.header("access-control-allow-methods").is_some_and(|methods| methods.contains("PATCH")));
    for origin in [
        "null",
        "https://app.example.com.evil.example",
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com.",
        "https://sub.app.example.com",
        "*",
    ] {
        for reply in [preflight(origin), plain(origin)] {
            assert_eq!(reply.header("access-control-allow-origin"), None, "{origin}");
        }
    }
    // Without a list, nobody may.
    let closed = self::stage(&[]);
    let served = closed.serve();
    let reply = asked(&served, "GET", "/healthz", &format!("origin: {OURS}\r\n"));
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

#[test]
fn public_forms_may_stand_in_any_page_and_nothing_else_may() {
    let stage = stage(&[]);
    let served = stage.serve();
    let key = "0".repeat(64);
    let anywhere = "https://shop.example";
    let preflight = |path: &str, origin: &str| {
        let ask = "access-control-request-method: POST\r\naccess-control-request-headers: content-type\r\n";
        let reply = asked(&served, "OPTIONS", path, &format!("origin: {origin}\r\n{ask}"));
        reply.header("access-control-allow-origin").map(str::to_owned)
    };
    let form = format!("/v1/capture/{key}");
    assert_eq!(preflight(&form, anywhere).as_deref(), Some(anywhere));
    assert_eq!(preflight(&format!("{form}/confirm"), anywhere).as_deref(), Some(anywhere));
    assert_eq!(preflight(&form, "null"), None);
    for path in ["/v1/captures", "/v1/leads", "/v1/lead-forms", "/graphql", "/v1/auth/login"] {
        assert_eq!(preflight(path, anywhere), None, "{path}");
    }
}

#[test]
fn data_and_tokens_are_not_stored_types_are_not_guessed_and_no_version_is_told() {
    let stage = stage(&[]);
    let tenant = stage.tenant();
    let token = stage.admin(&tenant).token.unwrap();
    let served = stage.serve();
    let authorized = format!("authorization: Bearer {token}\r\n");
    for (path, more, status, stored) in [
        ("/v1/accounts", authorized.as_str(), 200, false),
        ("/v1/viewer", authorized.as_str(), 200, false),
        ("/v1/accounts/nothing", authorized.as_str(), 404, false),
        ("/v1/accounts", "", 401, false),
        ("/nowhere", "", 404, false),
        ("/healthz", "", 200, false),
        ("/openapi.json", "", 200, false),
        ("/.well-known/jwks.json", "", 200, true),
    ] {
        let reply = asked(&served, "GET", path, more);
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        let no_store = reply.header("cache-control").is_some_and(|control| control.contains("no-store"));
        assert_eq!(no_store, !stored, "{path}: {:?}", reply.header("cache-control"));
        let told = ["server", "x-powered-by", "via"].iter().find_map(|name| reply.header(name));
        assert_eq!(told, None, "{path}");
    }
    let body =
        serde_json::json!({"tenant": tenant.slug, "email": "admin@example.com", "password": kith_testkit::PASSWORD});
    let login = served.connect().ask("POST", "/v1/auth/login", None, Some(&body)).unwrap();
    assert_eq!((login.status, login.header("cache-control")), (200, Some("no-store")));
}
