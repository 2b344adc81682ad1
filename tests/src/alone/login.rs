//! How long a login takes tells nothing, and many at once keep nobody else waiting. Promise 5.

use kith_testkit::{Client, PASSWORD, Stage};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn body(tenant: &str, email: &str, password: &str) -> Value {
    json!({"tenant": tenant, "email": email, "password": password})
}

async fn failed(client: &Client, tenant: &str, email: &str) -> Duration {
    let began = Instant::now();
    client.post("/v1/auth/login", body(tenant, email, "wrong password")).await.expect(401);
    began.elapsed()
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

/// Medians of forty logins of a known user, an unknown one, and in an unknown tenant, by turns.
async fn medians(client: &Client, tenant: &str) -> [Duration; 3] {
    let who = [(tenant, "admin@example.com"), (tenant, "nobody@example.com"), ("nowhere", "admin@example.com")];
    let mut all = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..40 {
        // Each goes first as often as the others.
        for turn in 0..3 {
            let which = (round + turn) % 3;
            all[which].push(failed(client, who[which].0, who[which].1).await);
        }
    }
    all.map(median)
}

#[actix_web::test]
async fn a_login_takes_as_long_whether_the_user_is_known_or_not() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let client = stage.anonymous();
    let alike = |one: Duration, other: Duration| {
        one.abs_diff(other) <= Duration::from_millis(4) || one.abs_diff(other) * 100 <= one.max(other) * 15
    };
    let mut seen = Vec::new();
    // Once more at most: the machine may have been busy with something else.
    for _ in 0..2 {
        let [known, unknown, nowhere] = medians(&client, &tenant.slug).await;
        assert!(known > Duration::from_millis(5), "a hash that costs nothing: {known:?}");
        if alike(known, unknown) && alike(known, nowhere) {
            return;
        }
        seen.push([known, unknown, nowhere]);
    }
    panic!("known, unknown, unknown tenant: {seen:?}");
}

#[test]
fn sixty_four_logins_at_once_keep_nobody_else_waiting() {
    let stage = Stage::impatient(8);
    let tenant = stage.tenant();
    let token = stage.admin(&tenant).token.unwrap();
    let served = stage.serve();
    let login = body(&tenant.slug, "admin@example.com", PASSWORD);
    served.connect().ask("POST", "/v1/auth/login", None, Some(&login)).unwrap();
    let done = AtomicBool::new(false);
    let (worst, busy) = std::thread::scope(|scope| {
        let beside = |path: &'static str, token: Option<String>| {
            let (served, done) = (&served, &done);
            scope.spawn(move || {
                let (mut wire, mut worst) = (served.connect(), Duration::ZERO);
                while !done.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    assert_eq!(wire.ask("GET", path, token.as_deref(), None).unwrap().status, 200, "{path}");
                    worst = worst.max(began.elapsed());
                    std::thread::sleep(Duration::from_millis(2));
                }
                worst
            })
        };
        let beside = [beside("/healthz", None), beside("/v1/accounts", Some(token.clone()))];
        let logins = (0..64).map(|_| {
            let (served, login) = (&served, &login);
            scope.spawn(move || served.connect().ask("POST", "/v1/auth/login", None, Some(login)).unwrap())
        });
        let logins: Vec<_> = logins.collect::<Vec<_>>().into_iter().map(|login| login.join().unwrap()).collect();
        done.store(true, Ordering::Relaxed);
        for reply in &logins {
            let sent_away =
                reply.status == 503 && reply.code() == "OVERLOADED" && reply.header("retry-after").is_some();
            assert!(reply.status == 200 || sent_away, "{} {}", reply.status, reply.body);
        }
        let busy = logins.iter().filter(|reply| reply.status == 503).count();
        (beside.map(|thread| thread.join().unwrap()), busy)
    });
    assert!(worst.iter().all(|worst| *worst < Duration::from_secs(1)), "{worst:?}");
    // Two hash, thirty-two wait. How many of the rest meet a full house depends on how fast they come.
    assert!(busy <= 30, "{busy}");
}
