//! Those who write while others read: in long transactions, and by all that the API offers.

use kith_db::{Db, Verdict};
use kith_journal::{bulk, verbs};
use kith_kernel::{Cx, Result};
use kith_testkit::{Answer, Client};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What was confirmed to the writers.
#[derive(Default)]
pub struct Truth {
    /// Versions of records, with when they were confirmed.
    pub versions: BTreeMap<(Uuid, i32), Instant>,
    /// Names that records were given by loads, which do not tell versions.
    pub loaded: BTreeSet<(Uuid, String)>,
    /// What became part of what.
    pub merged: BTreeMap<Uuid, Uuid>,
    /// How often what was done.
    pub done: BTreeMap<String, usize>,
    /// By resource.
    known: BTreeMap<&'static str, Vec<Uuid>>,
}

impl Truth {
    fn count(&mut self, what: impl Into<String>) {
        *self.done.entry(what.into()).or_default() += 1;
    }

    fn confirm(&mut self, id: Uuid, version: i32) {
        self.versions.entry((id, version)).or_insert_with(Instant::now);
    }
}

/// Numbers without a source of chance: the same in every run.
pub fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// One of the writers.
pub struct Writer<'a> {
    /// Which.
    pub number: u64,
    /// For transactions that are as long as they like.
    pub db: &'a Db,
    /// Of Kith itself.
    pub cx: Cx,
    /// For all else.
    pub client: Client,
    /// Where it writes down what was confirmed.
    pub truth: &'a Mutex<Truth>,
    /// Until when it writes.
    pub until: Instant,
}

impl Writer<'_> {
    /// Writes until it is time to end.
    pub fn run(self) {
        actix_web::rt::System::new().block_on(async {
            let (mut seed, mut mine) = (0x9E37_79B9 + self.number * 7_919, Vec::new());
            for round in 0.. {
                if Instant::now() >= self.until {
                    break;
                }
                match next(&mut seed) % 12 {
                    0 => self.load(round, &mut seed, "accounts", "name").await,
                    1 => self.load(round, &mut seed, "contacts", "familyName").await,
                    2 => self.merge(&mut seed, "accounts").await,
                    3 => self.merge(&mut seed, "contacts").await,
                    4 => self.note(&mut seed).await,
                    5 => self.change(&mut seed).await,
                    _ => self.transact(&mut seed, &mut mine),
                }
            }
        });
    }

    fn transact(&self, seed: &mut u64, mine: &mut Vec<Uuid>) {
        let wrote = transaction(self.db, &self.cx, seed, mine).unwrap();
        let mut truth = self.truth.lock().unwrap();
        truth.count("transactions");
        for (id, version) in wrote {
            truth.confirm(id, version);
            if version == 1 {
                mine.push(id);
                truth.known.entry("accounts").or_default().push(id);
            }
        }
    }

    /// Some record that anybody has made.
    fn some(&self, seed: &mut u64, resource: &str) -> Option<Uuid> {
        let truth = self.truth.lock().unwrap();
        let all = truth.known.get(resource)?;
        all.get(usize::try_from(next(seed)).unwrap_or(0) % all.len().max(1)).copied()
    }

    /// What was answered, if it was done.
    fn taken(&self, what: &str, answer: &Answer, refusals: &[&str]) -> bool {
        let mut truth = self.truth.lock().unwrap();
        if answer.status < 300 {
            truth.count(what);
            return true;
        }
        // Too much at once is told too; nothing was done then.
        let refused = answer.status == 503 || refusals.contains(&answer.code());
        assert!(refused, "{what}: {}", answer.text);
        truth.count(format!("{what}: {}", answer.code()));
        false
    }

    /// A file of records by their keys, which all writers share: the same comes from several at once. Two lines are bad,
    /// and one record comes twice.
    async fn load(&self, round: usize, seed: &mut u64, resource: &'static str, name: &str) {
        let mut lines = Vec::new();
        for number in 0..12 {
            let key = next(seed) % 300;
            let mut line = json!({"externalId": format!("K{key}"), name: format!("{} {round} {number}", self.number)});
            if resource == "contacts" && number % 3 == 0 {
                line["accountId"] = json!({"externalId": format!("K{}", next(seed) % 300)});
            }
            lines.push(line.to_string());
        }
        lines.push(lines[0].replace(" 0\"", " 12\""));
        lines.insert(3, json!({"externalId": "K1", name: 5}).to_string());
        lines.insert(5, "no record".to_owned());
        let path = format!("/v1/bulk/{resource}?system=load");
        let key = format!("{}-{round}", self.number);
        let client = self.client.with("content-type", "application/x-ndjson").with("idempotency-key", &key);
        let answer = client.send("POST", &path, Some(lines.join("\n").into_bytes())).await;
        if !self.taken(&format!("{resource} loaded"), &answer, &[]) {
            return;
        }
        let results: Vec<Value> = answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(results.len(), lines.len() + 1, "{}", answer.text);
        assert_eq!((&results[3]["status"], &results[5]["status"]), (&json!("FAILED"), &json!("FAILED")));
        let mut truth = self.truth.lock().unwrap();
        for (line, result) in lines.iter().zip(&results) {
            let status = result["status"].as_str().unwrap();
            truth.count(format!("{resource} lines {status}"));
            if status == "FAILED" {
                let code = &result["problem"]["code"];
                // The third: its record was archived or merged away since.
                let refusals = ["VALIDATION_FAILED", "MALFORMED_REQUEST", "CONFLICT"];
                assert!(refusals.iter().any(|known| code == known), "{result}");
                continue;
            }
            let id: Uuid = result["id"].as_str().unwrap().parse().unwrap();
            let line: Value = serde_json::from_str(line).unwrap();
            truth.loaded.insert((id, line[name].as_str().unwrap().to_owned()));
            if status == "CREATED" {
                truth.confirm(id, 1);
                truth.known.entry(resource).or_default().push(id);
            }
        }
    }

    async fn merge(&self, seed: &mut u64, resource: &'static str) {
        let (Some(into), Some(from)) = (self.some(seed, resource), self.some(seed, resource)) else { return };
        if into == from {
            return;
        }
        let answer = self.client.post(&format!("/v1/{resource}/{into}/merge"), json!({"fromId": from})).await;
        // One of the two is archived.
        if self.taken(&format!("{resource} merged"), &answer, &["CONFLICT", "VALIDATION_FAILED"]) {
            let mut truth = self.truth.lock().unwrap();
            truth.merged.insert(from, into);
            truth.confirm(into, version(&answer));
        }
    }

    async fn note(&self, seed: &mut u64) {
        let Some(about) = self.some(seed, "accounts") else { return };
        let body = json!({"subjectType": "ACCOUNT", "subjectId": about, "body": "Likes tea."});
        let answer = self.client.post("/v1/notes", body).await;
        if self.taken("notes", &answer, &[]) {
            self.truth.lock().unwrap().confirm(answer.id().parse().unwrap(), 1);
        }
    }

    /// A contact changes its company, or goes.
    async fn change(&self, seed: &mut u64) {
        let (Some(contact), Some(account)) = (self.some(seed, "contacts"), self.some(seed, "accounts")) else { return };
        let path = format!("/v1/contacts/{contact}");
        if next(seed).is_multiple_of(4) {
            let answer = self.client.delete(&path).await;
            self.taken("contacts archived", &answer, &[]);
            return;
        }
        let answer = self.client.patch(&path, json!({"accountId": account})).await;
        if self.taken("contacts changed", &answer, &["CONFLICT"]) {
            self.truth.lock().unwrap().confirm(contact, version(&answer));
        }
    }
}

fn version(answer: &Answer) -> i32 {
    i32::try_from(answer.at("/version").as_i64().unwrap()).unwrap()
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
        let mut one = |id: Uuid, done: Result<Box<dyn kith_kernel::Row>>| match done {
            Ok(row) => {
                wrote.push((id, row.meta().version));
                Ok(())
            }
            // It is archived, or was merged away.
            Err(error) if ["CONFLICT", "ILLEGAL_TRANSITION"].contains(&error.code.name) => Ok(()),
            Err(error) => Err(error),
        };
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
            (1, Some(id)) => one(id, verbs::archive(conn, cx, entry, id, None))?,
            (2, Some(id)) => one(id, verbs::restore(conn, cx, entry, id, None))?,
            (3..=5, _) => {
                for number in 0..3 {
                    let made = verbs::create(conn, cx, entry, &body(&format!("{name} {number}")))?;
                    wrote.push((made.meta().id, 1));
                }
            }
            (_, Some(id)) => one(id, verbs::update(conn, cx, entry, id, None, &body(&name)))?,
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
