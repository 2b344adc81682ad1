//! The feed against recorded truth: many writers at once, transactions of any length, readers that are cut at random.
//! Promise 33.

use crate::feed::live::Events;
use kith_db::{Db, Options, Verdict};
use kith_journal::{bulk, verbs};
use kith_kernel::{Cx, Result};
use kith_testkit::{Client, Stage};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

const WRITERS: u64 = 16;
const TIME: Duration = Duration::from_secs(20);

/// What was committed: the version and, of the last, whether it is archived, by record. And when.
#[derive(Default)]
struct Truth {
    /// Every version of every record.
    versions: BTreeMap<Uuid, Vec<i32>>,
    committed: BTreeMap<(Uuid, i32), Instant>,
}

/// What a reader was told.
#[derive(Default)]
struct Copy {
    versions: BTreeMap<Uuid, Vec<i32>>,
    records: BTreeMap<Uuid, Value>,
    heard: BTreeMap<(Uuid, i32), Instant>,
}

impl Copy {
    fn take(&mut self, change: &Value) {
        let id: Uuid = change["recordId"].as_str().unwrap().parse().unwrap();
        let version = i32::try_from(change["version"].as_i64().unwrap()).unwrap();
        self.versions.entry(id).or_default().push(version);
        self.heard.insert((id, version), Instant::now());
        if change["data"]["archivedAt"].is_null() {
            self.records.insert(id, change["data"].clone());
        } else {
            self.records.remove(&id);
        }
    }
}

/// Numbers without a source of chance: the same in every run.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// One transaction of some writes, long or short, in one of the ways in which Kith writes.
fn transaction(db: &Db, cx: &Cx, seed: &mut u64, mine: &[Uuid]) -> Result<Vec<(Uuid, i32)>> {
    let (kind, pause, choice) = (next(seed) % 10, next(seed) % 100, next(seed));
    let name = format!("record {choice}");
    let body = |name: &str| json!({"name": name}).as_object().cloned().unwrap();
    db.write(cx.tenant, |conn| {
        let entry = cx.entry("accounts")?;
        let mut wrote = Vec::new();
        let known = mine.get(usize::try_from(choice).unwrap_or(0) % mine.len().max(1)).copied();
        match (kind, known) {
            (0, _) | (_, None) => {
                // Many rows at once, as loads write them.
                let rows: Vec<_> = (0..12)
                    .map(|number| {
                        let mut row = (entry.blank)(cx);
                        let at = entry.field("name").map(|(at, _)| at).unwrap_or_default();
                        row.set(at, &json!(format!("{name} {number}"))).ok();
                        row
                    })
                    .collect();
                let rows: Vec<_> = rows.iter().map(AsRef::as_ref).collect();
                bulk::insert(conn, cx, entry, &rows)?;
                wrote.extend(rows.iter().map(|row| (row.meta().id, 1)));
            }
            (1, Some(id)) => {
                let archived = verbs::archive(conn, cx, entry, id, None)?;
                wrote.push((id, archived.meta().version));
            }
            (2, Some(id)) => {
                let back = verbs::restore(conn, cx, entry, id, None)?;
                wrote.push((id, back.meta().version));
            }
            (3..=5, _) => {
                for number in 0..3 {
                    let step: Result<_> = verbs::create(conn, cx, entry, &body(&format!("{name} {number}")));
                    wrote.push((step?.meta().id, 1));
                }
            }
            (_, Some(id)) => match verbs::update(conn, cx, entry, id, None, &body(&name)) {
                Ok(row) => wrote.push((id, row.meta().version)),
                // It is archived.
                Err(error) if error.code.name == "CONFLICT" => {}
                Err(error) => return Err(error),
            },
        }
        // A few are long, and hold back what is committed after they began.
        let length = if pause < 3 { 400 } else { 5 + pause / 2 };
        std::thread::sleep(Duration::from_millis(length));
        if pause % 10 == 9 {
            return Ok(Verdict::RollBack(Vec::new()));
        }
        Ok(Verdict::Commit(wrote))
    })
}

fn write(db: &Db, cx: &Cx, number: u64, truth: &Mutex<Truth>, until: Instant) {
    let (mut seed, mut mine) = (0x9E37_79B9 + number * 7_919, Vec::new());
    while Instant::now() < until {
        let wrote = transaction(db, cx, &mut seed, &mine).unwrap();
        let now = Instant::now();
        let mut truth = truth.lock().unwrap();
        for (id, version) in wrote {
            let versions = truth.versions.entry(id).or_default();
            // Archiving twice changes nothing.
            if versions.last() != Some(&version) {
                versions.push(version);
                truth.committed.insert((id, version), now);
            }
            if version == 1 {
                mine.push(id);
            }
        }
    }
}

/// Follows by long polls that are given up at random, until it has all.
async fn poll(client: &Client, done: &AtomicBool, wanted: impl Fn(&Copy) -> bool) -> Copy {
    let (mut copy, mut after, mut seed) = (Copy::default(), "start".to_owned(), 77_u64);
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < TIME * 4, "it never got all");
        let path = format!("/v1/changes?types=accounts&limit=500&waitSeconds=1&after={after}");
        let patience = Duration::from_millis(5 + next(&mut seed) % 1_500);
        // Cut off: whatever was on its way is lost.
        let Ok(page) = tokio::time::timeout(patience, client.get(&path)).await else { continue };
        let page = page.expect(200);
        page.at("/data").as_array().unwrap().iter().for_each(|change| copy.take(change));
        after = page.at("/page/nextCursor").as_str().unwrap().to_owned();
        if done.load(Ordering::Relaxed) && wanted(&copy) {
            return copy;
        }
    }
}

#[test]
fn sixteen_writers_and_readers_that_are_cut_lose_nothing() {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let (admin, served) = (stage.admin(&tenant), stage.serve());
    let cx = stage.system(&tenant);
    let db = Db::open(Options { size: 16, wait: Duration::from_secs(30), ..Options::new(stage.scratch.url.clone()) });
    let (db, truth, done) = (db.unwrap(), Mutex::<Truth>::default(), AtomicBool::new(false));
    let total = |truth: &Mutex<Truth>| truth.lock().unwrap().versions.values().map(Vec::len).sum::<usize>();
    let have = |copy: &Copy| copy.versions.values().map(Vec::len).sum::<usize>();
    let token = admin.token.clone().unwrap();
    let until = Instant::now() + TIME;
    let (polled, streamed) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let (db, truth, cx) = (&db, &truth, Cx { now: stage.now(), ..cx.clone() });
                scope.spawn(move || write(db, &cx, number, truth, until))
            })
            .collect();
        let streamed = scope.spawn(|| {
            // Follows events, and hangs up at random.
            let (mut copy, mut last, mut seed) = (Copy::default(), "start".to_owned(), 99_u64);
            while !done.load(Ordering::Relaxed) || have(&copy) < total(&truth) {
                assert!(Instant::now() < until + TIME * 3, "{} of {}", have(&copy), total(&truth));
                let mut events = Events::open(&served, &token, "?types=accounts", Some(&last));
                let patience = next(&mut seed) % 3_000;
                for _ in 0..patience {
                    if done.load(Ordering::Relaxed) && have(&copy) >= total(&truth) {
                        break;
                    }
                    let Some((name, id, data)) = events.next() else { break };
                    if name != "ready" && name != "end" {
                        copy.take(&data);
                        last = id;
                    }
                }
            }
            copy
        });
        let finish = scope.spawn(|| {
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            done.store(true, Ordering::Relaxed);
        });
        let reading = poll(&admin, &done, |copy| have(copy) >= total(&truth));
        let polled = actix_web::rt::System::new().block_on(reading);
        finish.join().unwrap();
        (polled, streamed.join().unwrap())
    });
    let truth = truth.into_inner().unwrap();
    judge("long poll", &polled, &truth);
    judge("events", &streamed, &truth);
    // The copies are what a fresh export holds.
    let export = actix_web::rt::System::new().block_on(export(&admin));
    assert_eq!(export.len(), polled.records.len());
    assert!(export == polled.records && export == streamed.records, "the copies differ from the export");
}

/// Everything was told, once, in the order of the record's versions.
fn judge(name: &str, copy: &Copy, truth: &Truth) {
    assert_eq!(copy.versions.len(), truth.versions.len(), "{name}: records");
    let (mut missed, mut disordered, mut changes) = (0, 0, 0);
    for (id, versions) in &truth.versions {
        let told = copy.versions.get(id).cloned().unwrap_or_default();
        changes += versions.len();
        missed += versions.iter().filter(|version| !told.contains(version)).count();
        disordered += usize::from(!told.is_sorted_by(|one, next| one < next));
    }
    let mut waits: Vec<Duration> = truth
        .committed
        .iter()
        .filter_map(|(key, at)| Some(copy.heard.get(key)?.saturating_duration_since(*at)))
        .collect();
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() - 1) * part / 100];
    println!(
        "{name}: {changes} changes of {} records, {missed} missed, {disordered} out of order; from commit to reader p50 {:?}, p99 {:?}",
        truth.versions.len(),
        at(50),
        at(99)
    );
    assert_eq!((missed, disordered), (0, 0), "{name}");
}

async fn export(client: &Client) -> BTreeMap<Uuid, Value> {
    let (mut all, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/accounts?limit=500&sort=id{cursor}")).await.expect(200);
        for record in page.at("/data").as_array().unwrap() {
            all.insert(record["id"].as_str().unwrap().parse().unwrap(), record.clone());
        }
        if page.at("/page/hasMore") == false {
            return all;
        }
        cursor = format!("&cursor={}", page.at("/page/nextCursor").as_str().unwrap());
    }
}
