//! Loads files that came in whole, a part at a time, with the rights of whoever sent them.

use crate::Worker;
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_bulk::progress::{self, Session};
use kith_bulk::{BulkLoad, LoadStatus};
use kith_db::Verdict;
use kith_identity::actor::{self, Known};
use kith_jobs::{Handler, Job, Progress, Stop, Work};
use kith_journal::store;
use kith_kernel::{Cx, Error, Result, codes};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub(crate) struct Bulk(pub Worker);

impl Handler for Bulk {
    fn kind(&self) -> &'static str {
        progress::JOB
    }

    fn run(&self, job: &Job, work: &Work) -> Result<Value> {
        let id = job.payload.0.get("loadId").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(|| Error::internal("a job of a load without its id"))?;
        let (db, system) = (&self.0.db, &work.cx);
        let taken = db.write(system.tenant, |conn| progress::take_up(conn, system, id).map(Verdict::Commit))?;
        let load = match taken {
            // Somebody did it, or ended it.
            None => db.read(system.tenant, |conn| found(conn, system, id))?,
            Some(mut session) => match self.load(job, work, &mut session) {
                Ok(load) => load,
                Err(error) if progress::is_passing(&error) => return Err(error),
                Err(error) => return Err(self.give_up(work, &session, error)),
            },
        };
        let BulkLoad { lines, created, updated, unchanged, failed, .. } = load;
        Ok(json!({"loadId": id, "results": format!("/v1/bulk/{id}/results"), "lines": lines, "created": created,
            "updated": updated, "unchanged": unchanged, "failed": failed}))
    }
}

impl Bulk {
    fn load(&self, job: &Job, work: &Work, session: &mut Session) -> Result<BulkLoad> {
        let db = &self.0.db;
        let tenant = work.cx.tenant;
        let owner = job.meta.created_by.ok_or_else(|| Error::internal("a load that nobody sent"))?;
        let mut lines = session.load.lines;
        loop {
            let cx = self.cx(work, owner)?;
            let Some(part) = db.read(tenant, |conn| session.next(conn, &cx))? else {
                return db.write(tenant, |conn| session.finish(conn, &cx).map(Verdict::Commit));
            };
            work.go_on()?;
            let entry = cx.entry(&session.load.resource)?;
            lines = lines.saturating_add(session.write(db, &cx, entry, &part)?.lines());
            work.told(Progress { done: u64::try_from(lines).unwrap_or(0), total: None, unit: "lines" });
        }
    }

    /// Writes down why a load ended, unless it goes on elsewhere.
    fn give_up(&self, work: &Work, session: &Session, error: Error) -> Error {
        let cx = Cx { now: self.0.clock.now(), ..work.cx.clone() };
        let status = match work.stopped() {
            Some(Stop::Ending | Stop::Lost) => return error,
            Some(Stop::Cancelled) => LoadStatus::Cancelled,
            None => LoadStatus::Failed,
        };
        let problem = (status == LoadStatus::Failed).then(|| kith_kernel::problem::document(&error, None));
        let told = self.0.db.write(cx.tenant, |conn| {
            let load = found(conn, &cx, session.id())?;
            if !load.is_over() {
                progress::end(conn, &cx, session.id(), status, problem.clone())?;
            }
            Ok(Verdict::Commit(()))
        });
        told.err().unwrap_or(error)
    }

    /// Whoever sent the file, with the rights they have now.
    fn cx(&self, work: &Work, owner: Uuid) -> Result<Cx> {
        let (tenant, now) = (work.cx.tenant, self.0.clock.now());
        let known = self.0.db.write(tenant, |conn| known(conn, tenant, owner, now).map(Verdict::Commit))?;
        let gone = "Whoever sent the file is not allowed to work here any more.";
        let Known { actor, currency, zone, requires_version } =
            known.ok_or_else(|| Error::new(&codes::FORBIDDEN, gone))?;
        Ok(Cx { actor: Arc::new(actor), currency, zone, requires_version, now, ..work.cx.clone() })
    }
}

fn known(conn: &mut PgConnection, tenant: Uuid, owner: Uuid, now: DateTime<Utc>) -> Result<Option<Known>> {
    match actor::user(conn, tenant, owner)? {
        Some(known) => Ok(Some(known)),
        None => actor::api_key(conn, tenant, owner, None, now),
    }
}

fn found(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<BulkLoad> {
    store::find(conn, cx, id)?.ok_or_else(Error::not_found)
}
