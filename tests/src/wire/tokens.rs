//! Refresh tokens, used at once by real threads. Promise 4.

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_testkit::{PASSWORD, Stage};
use serde_json::json;
use std::sync::Barrier;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = st::Text)]
    text: String,
}

#[test]
fn ten_threads_with_one_refresh_token_get_one_successor() {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let served = stage.serve();
    let login = json!({"tenant": tenant.slug, "email": "admin@example.com", "password": PASSWORD});
    let login = served.connect().ask("POST", "/v1/auth/login", None, Some(&login)).unwrap();
    let mut token = login.at("/refreshToken").as_str().unwrap().to_owned();
    for _ in 0..5 {
        let (barrier, body) = (Barrier::new(10), json!({"refreshToken": token}));
        let use_it = || {
            let mut wire = served.connect();
            barrier.wait();
            wire.ask("POST", "/v1/auth/refresh", None, Some(&body)).unwrap()
        };
        let mut next: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..10).map(|_| scope.spawn(use_it)).collect();
            let replies = threads.into_iter().map(|thread| thread.join().unwrap());
            replies
                .filter(|reply| reply.status == 200)
                .map(|reply| reply.at("/refreshToken").as_str().unwrap().to_owned())
                .collect()
        });
        next.sort_unstable();
        next.dedup();
        assert_eq!(next.len(), 1, "one successor");
        assert_ne!(next[0], token);
        token = next.remove(0);
    }
}

#[test]
fn a_refresh_token_is_random_and_stands_in_no_table() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let login = json!({"tenant": tenant.slug, "email": "admin@example.com", "password": PASSWORD});
    let served = stage.serve();
    let ask = || served.connect().ask("POST", "/v1/auth/login", None, Some(&login)).unwrap();
    let tokens: Vec<String> = (0..3).map(|_| ask().at("/refreshToken").as_str().unwrap().to_owned()).collect();
    let secrets: Vec<&str> = tokens.iter().map(|token| token.splitn(3, '_').nth(2).unwrap()).collect();
    // 256 bits in base64url, and nothing alike.
    assert!(secrets.iter().all(|secret| secret.len() >= 43), "{secrets:?}");
    assert!(secrets[0][..8] != secrets[1][..8] && secrets[1][..8] != secrets[2][..8]);
    let mut owner = stage.scratch.owner();
    let rows: Vec<Row> = sql_query("SELECT t::text AS text FROM refresh_tokens t").load(&mut owner).unwrap();
    assert!(rows.len() >= 3);
    assert!(!rows.iter().any(|row| secrets.iter().any(|secret| row.text.contains(secret))), "a token as it was given");
}
