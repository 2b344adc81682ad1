//! GraphQL documents above each limit are refused quickly, and nobody notices. Promise 26.

use kith_testkit::Stage;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Fragments that spread the next one so often; the last selects the id.
fn doubling(count: usize, times: usize) -> String {
    let body = |at: usize| if at + 1 < count { format!("...f{} ", at + 1).repeat(times) } else { "id".into() };
    (0..count).map(|at| format!("fragment f{at} on Account {{ {} }} ", body(at))).collect()
}

fn documents() -> Vec<(&'static str, String)> {
    let aliases: String = (0..31).map(|number| format!("a{number}: name ")).collect();
    let operations: String = (0..6).map(|number| format!("query q{number} {{ __typename }} ")).collect();
    vec![
        ("32 KiB", format!("{{ accounts {{ totalCount }} }} # {}", "x".repeat(40 * 1024))),
        ("4,000 tokens", format!("{{ accounts {{ nodes {{ {} }} }} }}", "id ".repeat(4_100))),
        ("recursion", format!("{}b{}", "{ a ".repeat(1_900), "}".repeat(1_900))),
        ("depth", format!("{{ accounts {{ nodes {{ {}id{} }} }} }}", "parent { ".repeat(14), "}".repeat(14))),
        ("aliases", format!("{{ accounts {{ nodes {{ {aliases} }} }} }}")),
        ("root fields", format!("{{ {} }}", "accounts { totalCount } ".repeat(21))),
        ("directives", format!("{{ accounts {} {{ totalCount }} }}", "@include(if: true) ".repeat(6))),
        ("operations", operations),
        ("cost", "{ accounts(first: 500) { nodes { contacts(first: 500) { nodes { id } } } } }".into()),
        ("fragments at another depth", format!("{{ accounts {{ nodes {{ ...f0 }} }} }} {}", doubling(31, 2))),
        ("tenfold fragments", format!("{{ accounts {{ nodes {{ ...f0 }} }} }} {}", doubling(14, 10))),
        (
            "an operation named like introspection",
            "query IntrospectionQuery { accounts(first: 500) { nodes { contacts(first: 500) { nodes { id } } } } }"
                .into(),
        ),
    ]
}

#[test]
fn documents_above_a_limit_are_refused_at_once_and_harm_nobody() {
    let stage = Stage::new();
    let token = stage.admin(&stage.tenant()).token.unwrap();
    let served = stage.serve();
    let done = AtomicBool::new(false);
    let (slow, worst) = std::thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let (mut wire, mut worst) = (served.connect(), Duration::ZERO);
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(wire.ask("GET", "/healthz", None, None).unwrap().status, 200);
                worst = worst.max(began.elapsed());
            }
            worst
        });
        let mut slow = Vec::new();
        let mut wire = served.connect();
        for (name, document) in documents() {
            let mut attempt = || {
                let began = Instant::now();
                let body = json!({"query": document});
                let reply = wire.ask("POST", "/graphql", Some(&token), Some(&body)).unwrap();
                assert!(reply.at("/errors/0/message").is_string() || reply.status == 400, "{name}: {}", reply.body);
                assert!(reply.at("/data").as_object().is_none_or(|data| data.values().all(Value::is_null)), "{name}");
                began.elapsed()
            };
            // The best of three: what the document costs, not what else the machine does.
            let best = (0..3).map(|_| attempt()).min().unwrap();
            if best > Duration::from_millis(200) {
                slow.push((name, best));
            }
        }
        done.store(true, Ordering::Relaxed);
        (slow, probe.join().unwrap())
    });
    assert!(slow.is_empty(), "{slow:?}");
    assert!(worst < Duration::from_secs(1), "{worst:?}");
}
