//! More than can be done: what can be done is done, the rest is told so in time, and afterwards all is as before.
//! Promise 37.

use diesel::connection::SimpleConnection;
use kith_testkit::{Reply, Served, Stage, Wire};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Makes every new account take so long in the database, whatever the machine.
fn slow_down(stage: &Stage, seconds: f64) {
    let sql = format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
         CREATE TRIGGER accounts_slow BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION slow()"
    );
    stage.scratch.owner().batch_execute(&sql).unwrap();
}

fn create(wire: &mut Wire, token: &str) -> (Reply, Duration) {
    let began = Instant::now();
    let reply = wire.ask("POST", "/v1/accounts", Some(token), Some(&json!({"name": "Acme"}))).unwrap();
    (reply, began.elapsed())
}

#[track_caller]
fn check_refusal(reply: &Reply) {
    assert_eq!((reply.status, reply.code()), (503, "OVERLOADED"), "{}", reply.body);
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(reply.header("retry-after"), Some("1"));
}

/// So many clients that ask again as soon as they are answered, for so long. Successes a second, and how long the
/// slowest answer took.
fn load(served: &Served, token: &str, clients: usize, time: Duration) -> (f64, Duration) {
    let began = Instant::now();
    let client = || {
        let (mut wire, mut good, mut worst) = (served.connect(), 0_u32, Duration::ZERO);
        while began.elapsed() < time {
            let (reply, took) = create(&mut wire, token);
            worst = worst.max(took);
            match reply.status {
                // What ends later has fewer beside it.
                201 => good += u32::from(began.elapsed() < time),
                _ => check_refusal(&reply),
            }
        }
        (good, worst)
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let good: u32 = all.iter().map(|(good, _)| good).sum();
    let worst = all.iter().map(|(_, worst)| *worst).max().unwrap();
    (f64::from(good) / time.as_secs_f64(), worst)
}

/// The middle one of some requests that meet nobody else.
fn calm(served: &Served, token: &str) -> Duration {
    let mut wire = served.connect();
    let mut all: Vec<Duration> = (0..15).map(|_| create(&mut wire, token).1).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

/// One storm between two measurements of what can be done, with the probes beside it.
fn storm(stage: &Stage, served: &Served, token: &str) -> Result<(), String> {
    let time = Duration::from_secs(3);
    let (before, _) = load(served, token, 32, time);
    let done = AtomicBool::new(false);
    let ((storm, worst), (probes, full)) = std::thread::scope(|scope| {
        let probe = scope.spawn(|| {
            let (mut wire, mut worst, mut full) = (served.connect(), Duration::ZERO, false);
            while !done.load(Ordering::Relaxed) {
                let began = Instant::now();
                for path in ["/healthz", "/readyz"] {
                    assert_eq!(wire.ask("GET", path, None, None).unwrap().status, 200, "{path}");
                }
                worst = worst.max(began.elapsed());
                full |= stage.app.work.free() == 0;
                std::thread::sleep(Duration::from_millis(20));
            }
            (worst, full)
        });
        let storm = load(served, token, 160, time);
        done.store(true, Ordering::Relaxed);
        (storm, probe.join().unwrap())
    });
    assert!(full, "all places were taken");
    // A second in the queue, a second for a connection, and what the work takes.
    assert!(worst < Duration::from_secs(5), "{worst:?}");
    assert!(probes < Duration::from_secs(2), "{probes:?}");
    // The lower one: the machine has other things to do, too.
    let peak = before.min(load(served, token, 32, time).0);
    let enough = storm >= peak * 0.8;
    if enough { Ok(()) } else { Err(format!("{storm:.0} a second in the storm, {peak:.0} around it")) }
}

#[test]
fn five_times_the_load_leaves_the_useful_work_and_then_everything_as_it_was() {
    let stage = Stage::impatient(4);
    let token = stage.admin(&stage.tenant()).token.unwrap();
    slow_down(&stage, 0.1);
    let served = stage.serve();
    let before = calm(&served, &token);
    let mut told = Vec::new();
    while let Err(why) = storm(&stage, &served, &token) {
        told.push(why);
        assert!(told.len() < 3, "{told:?}");
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(stage.app.work.free(), 16, "every place was given back");
    let after = calm(&served, &token);
    assert!(after < before * 3 / 2 + Duration::from_millis(20), "{before:?} before, {after:?} after");
}

#[test]
fn who_gets_no_place_or_no_connection_is_told_after_a_second() {
    let stage = Stage::impatient(2);
    let tenant = stage.tenant();
    let token = stage.admin(&tenant).token.unwrap();
    let served = stage.serve();
    slow_down(&stage, 2.5);
    let mut first = served.connect();
    assert_eq!(first.ask("GET", "/v1/accounts", Some(&token), None).unwrap().status, 200);
    std::thread::scope(|scope| {
        // Two have the connections, six wait for one, and the rest for a place.
        let clients = (0..12).map(|_| scope.spawn(|| create(&mut served.connect(), &token)));
        let answers: Vec<_> = clients.collect::<Vec<_>>().into_iter().map(|client| client.join().unwrap()).collect();
        let (good, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(reply, _)| reply.status == 201);
        assert!(good.len() >= 2 && refused.len() >= 4, "{} done, {} refused", good.len(), refused.len());
        for (reply, took) in refused {
            assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")), "{}", reply.body);
            assert!((900..2_400).contains(&took.as_millis()), "{took:?}");
        }
    });
}

#[test]
fn a_statement_that_takes_too_long_is_stopped() {
    let stage = Stage::new();
    let token = stage.admin(&stage.tenant()).token.unwrap();
    slow_down(&stage, 30.0);
    let (reply, took) = create(&mut stage.serve().connect(), &token);
    check_refusal(&reply);
    assert!((4_500..8_000).contains(&took.as_millis()), "{took:?}");
}
