//! The feed against recorded truth: many writers at once with transactions of any length, loads, deletes and merges,
//! and readers that are cut at random. Promise 33.

mod writers;

use crate::feed::live::Events;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_db::{Db, Options};
use kith_kernel::Cx;
use kith_testkit::{Client, Served, Stage, Tenant};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use uuid::Uuid;
use writers::{Truth, Writer, next};

const WRITERS: u64 = 16;
const TIME: Duration = Duration::from_secs(20);
/// What is followed: records that are written, and what merges move with them.
const TYPES: [&str; 4] = ["accounts", "contacts", "external-ids", "notes"];

/// Of every record, by its id, the version that the tables hold in the end.
type Stored = BTreeMap<Uuid, i32>;

/// What a reader was told.
#[derive(Default)]
struct Copy {
    versions: BTreeMap<Uuid, Vec<i32>>,
    records: BTreeMap<Uuid, Value>,
    heard: BTreeMap<(Uuid, i32), Instant>,
    names: BTreeSet<(Uuid, String)>,
    merged: BTreeMap<Uuid, Uuid>,
    moved: usize,
    /// What was done to each record.
    how: BTreeMap<Uuid, Vec<String>>,
}

impl Copy {
    fn take(&mut self, change: &Value) {
        let id: Uuid = change["recordId"].as_str().unwrap().parse().unwrap();
        let version = i32::try_from(change["version"].as_i64().unwrap()).unwrap();
        let data = &change["data"];
        self.versions.entry(id).or_default().push(version);
        self.heard.insert((id, version), Instant::now());
        let name = data["name"].as_str().filter(|_| change["resource"] == "accounts").or(data["familyName"].as_str());
        self.names.extend(name.map(|name| (id, name.to_owned())));
        self.how.entry(id).or_default().push(change["type"].as_str().unwrap().to_owned());
        match change["operation"].as_str().unwrap() {
            "merged" => {
                let into = data["mergedIntoId"].as_str().unwrap().parse().unwrap();
                assert_eq!(self.merged.insert(id, into), None, "merged twice");
            }
            "moved" => self.moved += 1,
            _ => {}
        }
        if data["archivedAt"].is_null() {
            self.records.insert(id, data.clone());
        } else {
            self.records.remove(&id);
        }
    }

    fn has(&self, stored: &OnceLock<Stored>) -> bool {
        let wanted = stored.get().map(|all| all.values().sum::<i32>());
        let have = self.versions.values().map(Vec::len).sum::<usize>();
        wanted.is_some_and(|wanted| have >= usize::try_from(wanted).unwrap())
    }
}

/// Follows by long polls that are given up at random, until it has all.
async fn poll(client: &Client, stored: &OnceLock<Stored>) -> Copy {
    let (mut copy, mut after, mut seed) = (Copy::default(), "start".to_owned(), 77_u64);
    let (began, types) = (Instant::now(), TYPES.join(","));
    while !copy.has(stored) {
        assert!(began.elapsed() < TIME * 4, "it never got all");
        let path = format!("/v1/changes?types={types}&limit=500&waitSeconds=1&after={after}");
        let patience = Duration::from_millis(5 + next(&mut seed) % 1_500);
        // Cut off: whatever was on its way is lost.
        let Ok(page) = tokio::time::timeout(patience, client.get(&path)).await else { continue };
        let page = page.expect(200);
        page.at("/data").as_array().unwrap().iter().for_each(|change| copy.take(change));
        after = page.at("/page/nextCursor").as_str().unwrap().to_owned();
    }
    copy
}

/// Follows events, and hangs up at random.
fn stream(served: &Served, token: &str, stored: &OnceLock<Stored>) -> Copy {
    let (mut copy, mut last, mut seed) = (Copy::default(), "start".to_owned(), 99_u64);
    let (began, query) = (Instant::now(), format!("?types={}", TYPES.join(",")));
    while !copy.has(stored) {
        assert!(began.elapsed() < TIME * 4, "it never got all");
        let mut events = Events::open(served.address, token, &query, Some(&last)).patience(Duration::from_secs(1));
        for _ in 0..next(&mut seed) % 3_000 {
            if copy.has(stored) {
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
}

/// Pulls, and gives up at random: the records of a copy as the tables hold them.
async fn pull(client: &Client, stored: &OnceLock<Stored>) -> BTreeMap<Uuid, Value> {
    let scope: BTreeMap<&str, Value> = TYPES.iter().map(|name| (*name, json!({}))).collect();
    let (mut copy, mut cursor, mut seed) = (BTreeMap::new(), Value::Null, 55_u64);
    let (began, mut quiet) = (Instant::now(), 0);
    // What is held back comes a moment later: it ends when nothing has come for a while.
    while quiet < 40 {
        assert!(began.elapsed() < TIME * 4, "it never ended");
        let over = stored.get().is_some();
        let body = json!({"scope": scope, "cursor": cursor, "limit": 300});
        let patience = Duration::from_millis(50 + next(&mut seed) % 2_500);
        let Ok(page) = tokio::time::timeout(patience, client.post("/v1/sync/pull", body)).await else { continue };
        let page = page.expect(200);
        let id = |value: &Value| value.as_str().unwrap().parse::<Uuid>().unwrap();
        for one in page.at("/data").as_array().unwrap() {
            copy.insert(id(&one["record"]["id"]), one["record"].clone());
        }
        for one in page.at("/removed").as_array().unwrap() {
            copy.remove(&id(&one["id"]));
        }
        cursor = page.at("/cursor").clone();
        let nothing = page.at("/data") == &json!([]) && page.at("/removed") == &json!([]);
        quiet = if over && nothing && page.at("/hasMore") == false { quiet + 1 } else { 0 };
        if nothing {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
    copy
}

#[test]
fn sixteen_writers_and_readers_that_are_cut_lose_nothing() {
    let stage = Stage::with_pool(8);
    let tenant = stage.tenant();
    let (admin, served) = (stage.admin(&tenant), stage.serve());
    let cx = stage.system(&tenant);
    let db = Db::open(Options { size: 16, wait: Duration::from_secs(30), ..Options::new(stage.scratch.url.clone()) });
    let (db, truth, stored) = (db.unwrap(), Mutex::<Truth>::default(), OnceLock::new());
    let token = admin.token.clone().unwrap();
    let until = Instant::now() + TIME;
    let (polled, streamed, pulled) = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|number| {
                let cx = Cx { now: stage.now(), ..cx.clone() };
                let writer = Writer { number, db: &db, cx, client: admin.clone(), truth: &truth, until };
                scope.spawn(move || writer.run())
            })
            .collect();
        let streamed = scope.spawn(|| stream(&served, &token, &stored));
        let pulled = scope.spawn(|| actix_web::rt::System::new().block_on(pull(&admin, &stored)));
        let (stage, tenant, known) = (&stage, &tenant, &stored);
        let finish = scope.spawn(move || {
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            known.set(tables(stage, tenant)).unwrap();
        });
        let polled = actix_web::rt::System::new().block_on(poll(&admin, &stored));
        finish.join().unwrap();
        (polled, streamed.join().unwrap(), pulled.join().unwrap())
    });
    let (truth, stored) = (truth.into_inner().unwrap(), stored.into_inner().unwrap());
    println!("{:?}", truth.done);
    for what in ["accounts loaded", "contacts loaded", "accounts merged", "contacts merged", "accounts lines UPDATED"] {
        assert!(truth.done.get(what).is_some_and(|count| *count >= 5), "{what}: {:?}", truth.done);
    }
    judge("long poll", &polled, &truth, &stored);
    judge("events", &streamed, &truth, &stored);
    // The copies are what a fresh export holds.
    let export = actix_web::rt::System::new().block_on(export(&admin));
    for (name, copy) in [("long poll", &polled.records), ("events", &streamed.records), ("pull", &pulled)] {
        assert_eq!(export.len(), copy.len(), "{name}");
        let differing = export.iter().find(|(id, record)| copy.get(id) != Some(record));
        assert!(differing.is_none(), "{name}: {differing:?} is {:?}", copy.get(differing.unwrap().0));
    }
    println!("export, long poll, events and pull: {} records, identical", export.len());
}

/// What is committed, by the tables alone.
fn tables(stage: &Stage, tenant: &Tenant) -> Stored {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = st::Uuid)]
        id: Uuid,
        #[diesel(sql_type = st::Integer)]
        version: i32,
    }
    let selects: Vec<_> = TYPES
        .iter()
        .map(|name| format!("SELECT id, version FROM {} WHERE tenant_id = '{}'", name.replace('-', "_"), tenant.id))
        .collect();
    let rows: Vec<Row> = sql_query(selects.join(" UNION ALL ")).load(&mut stage.scratch.owner()).unwrap();
    rows.into_iter().map(|row| (row.id, row.version)).collect()
}

/// Everything was told, once, in the order of the record's versions: of each record all versions up to the one that the
/// table holds, among them all that were confirmed to those who wrote.
fn judge(name: &str, copy: &Copy, truth: &Truth, stored: &Stored) {
    let gone: Vec<_> = truth.versions.keys().filter(|(id, version)| stored.get(id) < Some(version)).collect();
    assert_eq!(gone, Vec::<&(Uuid, i32)>::new(), "confirmed, and not in the tables");
    assert_eq!(copy.versions.len(), stored.len(), "{name}: records");
    let (mut missed, mut disordered) = (0, 0);
    for (id, last) in stored {
        let told = copy.versions.get(id).cloned().unwrap_or_default();
        missed += (1..=*last).filter(|version| !told.contains(version)).count();
        if !told.is_sorted_by(|one, next| one < next) {
            println!("{name}: out of order: {id}: {told:?}, {:?}", copy.how[id]);
            disordered += 1;
        }
    }
    let mut waits: Vec<Duration> = truth
        .versions
        .iter()
        .filter_map(|(key, at)| Some(copy.heard.get(key)?.saturating_duration_since(*at)))
        .collect();
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() - 1) * part / 100];
    println!(
        "{name}: {} changes of {} records ({} merged, {} moved), {missed} missed, {disordered} out of order; from commit to reader p50 {:?}, p99 {:?}",
        stored.values().sum::<i32>(),
        stored.len(),
        copy.merged.len(),
        copy.moved,
        at(50),
        at(99)
    );
    assert_eq!((missed, disordered), (0, 0), "{name}");
    assert_eq!(copy.merged, truth.merged, "{name}: what became part of what");
    let unheard: Vec<_> = truth.loaded.difference(&copy.names).collect();
    assert!(unheard.is_empty(), "{name}: loaded, and not told: {unheard:?}");
    assert!(copy.moved > 0, "{name}: nothing was moved by merges");
}

async fn export(client: &Client) -> BTreeMap<Uuid, Value> {
    let mut all = BTreeMap::new();
    for name in TYPES {
        let file = client.get(&format!("/v1/bulk/{name}")).await.expect(200);
        for line in file.text.lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            all.insert(record["id"].as_str().unwrap().parse().unwrap(), record);
        }
    }
    all
}
