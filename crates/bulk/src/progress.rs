//! Working through a file: who holds a load, which parts are behind it, and writing the next.

use crate::line::{self, Counts};
use crate::part::Part;
use crate::{BulkLoad, LoadFormat, LoadMode, LoadStatus};
use chrono::TimeDelta;
use diesel::{Connection, PgConnection};
use kith_db::{Db, Verdict};
use kith_journal::load::{self, Item, Mode, Outcome};
use kith_journal::{store, verbs};
use kith_kernel::{Bind, Custom, Cx, Entry, Error, ErrorKind, Meta, Nothing, Result, Row, Shape, Statement, codes};
use serde_json::json;
use uuid::Uuid;

/// How long results and keys are kept.
const KEPT: TimeDelta = TimeDelta::hours(48);
/// A holder that gave no sign of life for so long is gone.
const SILENCE: TimeDelta = TimeDelta::seconds(15);

/// The kind of the jobs that load files.
pub const JOB: &str = "bulk.load";

/// What is asked for, apart from the file.
#[derive(Clone, Debug)]
pub struct Request {
    /// The resource.
    pub entry: &'static Entry,
    /// What to do with records that are there already.
    pub mode: LoadMode,
    /// The form of the file.
    pub format: LoadFormat,
    /// The system of keys that name none.
    pub system: Option<String>,
    /// A worker shall do it.
    pub is_job: bool,
    /// Only try.
    pub is_dry_run: bool,
    /// The idempotency key.
    pub key: String,
}

impl Request {
    /// All but the key, to be compared.
    fn text(&self) -> String {
        let system = self.system.as_deref().unwrap_or_default();
        let (mode, format) = (self.mode.as_str(), self.format.as_str());
        format!("{}|{mode}|{format}|{}|{}|{system}", self.entry.name, self.is_job, self.is_dry_run)
    }
}

/// Somebody who works on a load.
#[derive(Clone, Debug)]
pub struct Session {
    /// As it was when it was taken.
    pub load: BulkLoad,
    holder: Uuid,
    /// Of the parts that came so far.
    digest: String,
    /// How many did.
    parts: i32,
}

/// What is to be done with a part that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was done before.
    Skip,
    /// Write it, or keep it for the worker.
    Do,
}

/// How the verbs of the journal call it.
pub fn mode(mode: LoadMode) -> Mode {
    if mode == LoadMode::Upsert { Mode::Upsert } else { Mode::Insert }
}

/// Begins a load, or takes one up again that was begun with the same key.
pub fn begin(conn: &mut PgConnection, cx: &Cx, request: &Request) -> Result<Session> {
    store::one_at_a_time(conn, cx, &format!("bulk|{}|{}", cx.actor.id, request.key))?;
    forget(conn, cx, request)?;
    let found: Vec<BulkLoad> = store::rows(conn, cx, |out| {
        out.sql(" AND t.created_by = ").bind(Bind::Uuid(Some(cx.actor.id))).sql(" AND t.key = ");
        out.bind(Bind::Text(Some(request.key.clone()))).sql(" AND t.archived_at IS NULL FOR UPDATE");
    })?;
    let holder = cx.new_id();
    let Some(load) = found.into_iter().next() else {
        let load = new(cx, request, holder);
        verbs::follow(conn, cx, load.clone())?;
        return Ok(Session { load, holder, digest: String::new(), parts: 0 });
    };
    if load.request != request.text() {
        return Err(Error::new(
            &codes::IDEMPOTENCY_KEY_REUSED,
            "This key was used for another request. Use a new one.",
        ));
    }
    hold(conn, cx, load, holder)
}

/// What is older than it is kept goes: results, and the key if it is to be used again.
fn forget(conn: &mut PgConnection, cx: &Cx, request: &Request) -> Result<()> {
    let before = || Bind::Time(Some(cx.now - KEPT));
    let mut out = Statement::new("DELETE FROM bulk_results WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND created_at <= ").bind(before()).execute(conn)?;
    let mut out = Statement::new("UPDATE bulk_loads SET key = id::text WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND created_by = ").bind(Bind::Uuid(Some(cx.actor.id)));
    out.sql(" AND key = ").bind(Bind::Text(Some(request.key.clone())));
    out.sql(" AND created_at <= ").bind(before()).execute(conn)?;
    Ok(())
}

fn new(cx: &Cx, request: &Request, holder: Uuid) -> BulkLoad {
    BulkLoad {
        resource: request.entry.name.to_owned(),
        mode: request.mode,
        format: request.format,
        system: request.system.clone(),
        status: if request.is_job { LoadStatus::Receiving } else { LoadStatus::Running },
        is_job: request.is_job,
        is_dry_run: request.is_dry_run,
        key: request.key.clone(),
        request: request.text(),
        holder: Some(holder),
        seen_at: cx.now,
        ..BulkLoad::blank(Meta::new(cx))
    }
}

/// Makes somebody the holder of a load, unless another one is at work on it.
fn hold(conn: &mut PgConnection, cx: &Cx, load: BulkLoad, holder: Uuid) -> Result<Session> {
    let id = load.id().0;
    let busy = !load.is_over() && load.holder.is_some() && load.seen_at > cx.now - SILENCE;
    // What has come in whole is the worker's.
    let taken = load.is_job && load.status != LoadStatus::Receiving;
    if busy && !taken {
        let detail = "A request with this key is still running. Ask again in a moment for its answer.";
        return Err(Error { retry_after: Some(5), ..Error::new(&codes::IDEMPOTENCY_IN_PROGRESS, detail) });
    }
    if !load.is_over() && !taken {
        set(conn, cx, id, |out| {
            out.sql("holder = ").bind(Bind::Uuid(Some(holder))).sql(", seen_at = ").bind(Bind::Time(Some(cx.now)));
        })?;
    }
    Ok(Session { load, holder, digest: String::new(), parts: 0 })
}

fn set(conn: &mut PgConnection, cx: &Cx, id: Uuid, columns: impl FnOnce(&mut Statement)) -> Result<usize> {
    let mut out = Statement::new("UPDATE bulk_loads SET ");
    columns(&mut out);
    out.sql(" WHERE tenant_id = ").bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(id)));
    Ok(out.execute(conn)?)
}

/// Takes up what a worker is to do: a file that has come in whole.
pub fn take_up(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Option<Session>> {
    let load = locked(conn, cx, id)?;
    if !load.is_job || !matches!(load.status, LoadStatus::Waiting | LoadStatus::Running) {
        return Ok(None);
    }
    let holder = cx.new_id();
    set(conn, cx, id, |out| {
        out.sql("status = 'RUNNING', holder = ").bind(Bind::Uuid(Some(holder))).sql(", seen_at = ");
        out.bind(Bind::Time(Some(cx.now)));
    })?;
    let load = BulkLoad { status: LoadStatus::Running, ..load };
    Ok(Some(Session { digest: load.done_digest.clone(), parts: load.done, load, holder }))
}

fn locked(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<BulkLoad> {
    let found = store::rows(conn, cx, |out| {
        out.sql(" AND t.id = ").bind(Bind::Uuid(Some(id))).sql(" FOR UPDATE");
    })?;
    found.into_iter().next().ok_or_else(Error::not_found)
}

impl Session {
    /// Its id.
    pub fn id(&self) -> Uuid {
        self.load.id().0
    }

    /// How far the file was known before it came again.
    fn known(&self) -> (i32, &str) {
        let load = &self.load;
        if load.is_job { (load.received, &load.received_digest) } else { (load.done, &load.done_digest) }
    }

    /// Notes a part of the file that came. What came before under the same key must be the same.
    pub fn came(&mut self, part: &Part) -> Result<Step> {
        self.digest = part.digest(&self.digest);
        self.parts = part.number;
        let (known, digest) = self.known();
        let differs = part.number == known && self.digest != digest;
        let more = part.number > known && (self.load.is_over() || self.is_with_worker());
        if differs || more {
            return Err(other_file());
        }
        Ok(if part.number <= known { Step::Skip } else { Step::Do })
    }

    fn is_with_worker(&self) -> bool {
        self.load.is_job && self.load.status != LoadStatus::Receiving
    }

    /// The file has ended. True: it has all been there before.
    pub fn ended(&self) -> Result<bool> {
        if self.parts < self.known().0 {
            return Err(other_file());
        }
        Ok(self.load.is_over() || self.is_with_worker())
    }

    /// Gives a sign of life while nothing comes.
    pub fn live(&self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        set(conn, cx, self.id(), |out| {
            out.sql("seen_at = ").bind(Bind::Time(Some(cx.now)));
        })
        .map(drop)
    }

    /// Lets go of it: the next one with the same key goes on at once.
    pub fn release(&self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let mut out = Statement::new("UPDATE bulk_loads SET holder = NULL WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(self.id())));
        out.sql(" AND holder = ").bind(Bind::Uuid(Some(self.holder))).execute(conn)?;
        Ok(())
    }

    /// The load, locked, if it is still ours and as far as we think.
    fn ours(&self, conn: &mut PgConnection, cx: &Cx, status: LoadStatus) -> Result<BulkLoad> {
        let load = locked(conn, cx, self.id())?;
        if load.status == LoadStatus::Cancelled {
            return Err(Error::new(&codes::CONFLICT, "The load was cancelled. What was written before stays."));
        }
        if load.holder != Some(self.holder) || load.status != status {
            return Err(Error::new(&codes::CONFLICT, "Another request with the same key has taken the load over."));
        }
        Ok(load)
    }

    /// Keeps a part for the worker.
    pub fn receive(&self, conn: &mut PgConnection, cx: &Cx, part: &Part) -> Result<()> {
        self.ours(conn, cx, LoadStatus::Receiving)?;
        keep(conn, cx, self.id(), part, "bulk_parts")?;
        set(conn, cx, self.id(), |out| {
            out.sql("received = ").bind(Bind::Int(Some(part.number))).sql(", received_digest = ");
            out.bind(Bind::Text(Some(self.digest.clone()))).sql(", seen_at = ").bind(Bind::Time(Some(cx.now)));
        })
        .map(drop)
    }

    /// The file has come in whole: it waits for a worker.
    pub fn received(&self, conn: &mut PgConnection, cx: &Cx) -> Result<BulkLoad> {
        self.ours(conn, cx, LoadStatus::Receiving)?;
        let payload = json!({"loadId": self.id(), "resource": self.load.resource});
        let job = kith_jobs::enqueue(conn, cx, JOB, payload, kith_jobs::Asked::default())?;
        let row = verbs::change::<BulkLoad>(conn, &cx.as_system(), self.id(), None, "received", |_, load| {
            (load.status, load.holder, load.job_id) = (LoadStatus::Waiting, None, Some(job.id().0));
            Ok(())
        })?;
        typed(row.as_ref())
    }

    /// Writes a part, with its results and the position, in a transaction of its own.
    pub fn write(&self, db: &Db, cx: &Cx, entry: &Entry, part: &Part) -> Result<Counts> {
        let digest = self.digest.clone();
        let mode = mode(self.load.mode);
        let (lines, mut items) = read(entry, self.load.system.as_deref(), part);
        db.write_many(cx.tenant, |conn| {
            self.ours(conn, cx, LoadStatus::Running)?;
            let outcomes = match self.load.is_dry_run {
                true => tried(conn, cx, entry, mode, &mut items)?,
                false => load::load(conn, cx, entry, mode, &mut items)?,
            };
            let (mut text, mut counts) = (Vec::with_capacity(part.lines * 128), Counts::default());
            let mut outcomes = outcomes.into_iter();
            for Told { number, key, flaw } in &lines {
                let flawed = flaw.as_ref().map(again);
                let Some(outcome) = flawed.map(Outcome::Failed).or_else(|| outcomes.next()) else { break };
                line::tell(&mut text, &mut counts, *number, key.as_deref(), &outcome, cx.origin.request_id);
            }
            keep_results(conn, cx, self.id(), part.number, text)?;
            if self.load.is_job {
                drop_part(conn, cx, self.id(), part.number)?;
            }
            self.advance(conn, cx, part.number, &digest, counts)?;
            Ok(Verdict::Commit(counts))
        })
    }

    fn advance(&self, conn: &mut PgConnection, cx: &Cx, part: i32, digest: &str, counts: Counts) -> Result<()> {
        let Counts { created, updated, unchanged, failed } = counts;
        let adding = [
            ("lines", counts.lines()),
            ("created", created),
            ("updated", updated),
            ("unchanged", unchanged),
            ("failed", failed),
        ];
        set(conn, cx, self.id(), |out| {
            out.sql("done = ").bind(Bind::Int(Some(part))).sql(", done_digest = ");
            out.bind(Bind::Text(Some(digest.to_owned()))).sql(", seen_at = ").bind(Bind::Time(Some(cx.now)));
            for (column, count) in adding {
                out.sql(format!(", {column} = {column} + ")).bind(Bind::Int(Some(count)));
            }
        })
        .map(drop)
    }

    /// The next part of a job, if there is one, noted as come.
    pub fn next(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<Option<Part>> {
        let mut out = Statement::new("SELECT body FROM bulk_parts WHERE tenant_id = ");
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND load_id = ").bind(Bind::Uuid(Some(self.id())));
        let number = self.parts.saturating_add(1);
        out.sql(" AND number = ").bind(Bind::Int(Some(number)));
        let rows: Vec<(Vec<u8>,)> = diesel::RunQueryDsl::load(out.typed::<(diesel::sql_types::Binary,)>(), conn)?;
        let part = rows.into_iter().next().map(|(bytes,)| Part::stored(number, bytes));
        if let Some(part) = &part {
            self.digest = part.digest(&self.digest);
            self.parts = number;
        }
        Ok(part)
    }

    /// Every line has its result.
    pub fn finish(&self, conn: &mut PgConnection, cx: &Cx) -> Result<BulkLoad> {
        self.ours(conn, cx, LoadStatus::Running)?;
        end(conn, cx, self.id(), LoadStatus::Succeeded, None)
    }

    /// It cannot go on.
    pub fn fail(&self, conn: &mut PgConnection, cx: &Cx, error: &Error) -> Result<BulkLoad> {
        end(conn, cx, self.id(), LoadStatus::Failed, Some(kith_kernel::problem::document(error, cx.origin.request_id)))
    }
}

/// A line of a part, beside the record in it.
struct Told {
    number: u32,
    key: Option<String>,
    /// Why there is no record in it.
    flaw: Option<Error>,
}

/// Reads the lines of a part, and the records of those that hold one.
fn read(entry: &Entry, system: Option<&str>, part: &Part) -> (Vec<Told>, Vec<Item>) {
    let (mut lines, mut items) = (Vec::with_capacity(part.lines), Vec::with_capacity(part.lines));
    for line in part.read() {
        let (key, flaw) = match line::read(entry, system, &line) {
            Ok(item) => {
                let key = item.key.as_ref().map(|key| key.key.clone());
                items.push(item);
                (key, None)
            }
            Err(error) => (None, Some(error)),
        };
        lines.push(Told { number: line.number, key, flaw });
    }
    (lines, items)
}

/// The same error once more, for a transaction that runs again.
fn again(error: &Error) -> Error {
    Error { violations: error.violations.clone(), ..Error::new(error.code, error.detail.clone()) }
}

/// What would come of it.
fn tried(conn: &mut PgConnection, cx: &Cx, entry: &Entry, mode: Mode, items: &mut [Item]) -> Result<Vec<Outcome>> {
    let mut outcomes = None;
    let ended: std::result::Result<(), diesel::result::Error> = conn.transaction(|conn| {
        outcomes = Some(load::load(conn, cx, entry, mode, items));
        Err(diesel::result::Error::RollbackTransaction)
    });
    drop(ended);
    outcomes.unwrap_or_else(|| Err(Error::internal("a dry run did not run")))
}

fn keep(conn: &mut PgConnection, cx: &Cx, id: Uuid, part: &Part, table: &'static str) -> Result<()> {
    let mut out = Statement::new(format!("INSERT INTO {table} (tenant_id, load_id, number, body) VALUES ("));
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(id))).sql(", ");
    out.bind(Bind::Int(Some(part.number))).sql(", ").bind(Bind::Bytes(Some(part.bytes().to_vec()))).sql(")");
    out.execute(conn)?;
    Ok(())
}

fn keep_results(conn: &mut PgConnection, cx: &Cx, id: Uuid, number: i32, text: Vec<u8>) -> Result<()> {
    let mut out = Statement::new("INSERT INTO bulk_results (tenant_id, load_id, number, created_at, body) VALUES (");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(id))).sql(", ");
    out.bind(Bind::Int(Some(number))).sql(", ").bind(Bind::Time(Some(cx.now))).sql(", ");
    out.bind(Bind::Bytes(Some(text))).sql(")").execute(conn)?;
    Ok(())
}

fn drop_part(conn: &mut PgConnection, cx: &Cx, id: Uuid, number: i32) -> Result<()> {
    let mut out = Statement::new("DELETE FROM bulk_parts WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND load_id = ").bind(Bind::Uuid(Some(id)));
    out.sql(" AND number = ").bind(Bind::Int(Some(number))).execute(conn)?;
    Ok(())
}

fn drop_parts(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<()> {
    let mut out = Statement::new("DELETE FROM bulk_parts WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND load_id = ").bind(Bind::Uuid(Some(id))).execute(conn)?;
    Ok(())
}

/// Ends a load.
pub fn end(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    status: LoadStatus,
    problem: Option<serde_json::Value>,
) -> Result<BulkLoad> {
    let operation = match status {
        LoadStatus::Succeeded => "finished",
        LoadStatus::Cancelled => "cancelled",
        _ => "failed",
    };
    drop_parts(conn, cx, id)?;
    let now = cx.now;
    let row = verbs::change::<BulkLoad>(conn, &cx.as_system(), id, None, operation, |_, load| {
        (load.status, load.holder, load.finished_at) = (status, None, Some(now));
        load.problem = problem.map(Custom);
        Ok(())
    })?;
    typed(row.as_ref())
}

fn typed(row: &dyn Row) -> Result<BulkLoad> {
    row.any().downcast_ref::<BulkLoad>().cloned().ok_or_else(|| Error::internal("a row of another resource"))
}

/// Ends a load that is not finished, on somebody's wish.
pub fn cancel(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    let now = cx.now;
    let row = verbs::change::<BulkLoad>(conn, cx, id, seen, "cancelled", |_, load| {
        if load.is_over() {
            return Err(Error::illegal("The load has ended already.", &[]));
        }
        (load.status, load.holder, load.finished_at) = (LoadStatus::Cancelled, None, Some(now));
        Ok(())
    })?;
    drop_parts(conn, cx, id)?;
    Ok(row)
}

/// A file that is not the one that came under this key before.
fn other_file() -> Error {
    Error::new(&codes::IDEMPOTENCY_KEY_REUSED, "This key was used for another file. Use a new one.")
}

/// Whether a load that met this error can go on later from where it stands.
pub fn is_passing(error: &Error) -> bool {
    matches!(error.code.kind, ErrorKind::Internal | ErrorKind::Unavailable | ErrorKind::TimedOut)
}
