//! Taking what another system sends: each record is made or changed under its key there, as far as the system has the say.
//! Each stands for itself behind a savepoint; sent again, nothing happens.

use crate::connector::{Authority, Connector};
use crate::field::Authorities;
use crate::newest::{Place, Times};
use crate::record::Record;
use chrono::{DateTime, Utc};
use diesel::{Connection, PgConnection};
use kith_journal::batch::in_data;
use kith_journal::external::{self, Upserted};
use kith_journal::keys::{self, ExternalKey};
use kith_journal::{log, store, verbs};
use kith_kernel::{Access, Action, Cx, Error, ErrorKind, Field, Result, Row, codes, text_enum};
use serde_json::{Map, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// Most records of one request.
pub const MAX_RECORDS: usize = 500;

text_enum! {
    /// What became of a record.
    pub enum Status {
        /// It is new.
        Created = "CREATED",
        /// It was changed.
        Updated = "UPDATED",
        /// It has what was sent, as far as that is taken.
        Unchanged = "UNCHANGED",
        /// It was refused; the problem says why.
        Failed = "FAILED",
    }
}

text_enum! {
    /// Why a value was left aside.
    pub enum Reason {
        /// The field is decided here.
        DecidedHere = "DECIDED_HERE",
        /// What is here is newer, or as new.
        NewerHere = "NEWER_HERE",
    }
}

/// A value that was sent and not taken.
#[derive(Debug)]
pub struct LeftAside {
    /// Of which field.
    pub field: &'static str,
    /// Who decides it.
    pub authority: Authority,
    /// Why.
    pub reason: Reason,
    /// What stands there.
    pub current: Value,
    /// When that came to be, where it matters.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What became of a record.
#[derive(Debug)]
pub struct Outcome {
    /// In short.
    pub status: Status,
    /// The record; none where it failed.
    pub record: Option<(Uuid, i32)>,
    /// What was not taken of it.
    pub left_aside: Vec<LeftAside>,
    /// Why it failed.
    pub error: Option<Error>,
}

/// Takes records in their order; what became of each.
pub fn receive(conn: &mut PgConnection, cx: &Cx, id: Uuid, records: &[Value]) -> Result<Vec<Outcome>> {
    Connector::may_send(cx)?;
    let connector = Connector::get(conn, cx, id)?;
    if connector.meta.archived_at.is_some() || connector.is_paused {
        let detail = "The connector is archived or paused: it takes nothing. Restore it, or set isPaused to false.";
        return Err(Error::new(&codes::CONFLICT, detail));
    }
    connector.seen(conn, cx)?;
    let authorities = Authorities::of(conn, cx, &connector)?;
    let records: Vec<Result<Record>> = records.iter().map(|record| Record::parse(cx, record)).collect();
    let mut desk = Desk::open(conn, cx, connector, authorities, &records)?;
    let mut outcomes = Vec::with_capacity(records.len());
    for record in records {
        let outcome = record.and_then(|record| desk.take(conn, cx, &record));
        outcomes.push(outcome.or_else(refusal)?);
    }
    let Desk { connector, times, .. } = desk;
    times.keep(conn, cx, &connector)?;
    Ok(outcomes)
}

/// What a failure means. One that is nobody's fault, or ours, is the whole request's.
fn refusal(error: Error) -> Result<Outcome> {
    match error.code.kind {
        ErrorKind::Internal | ErrorKind::Unavailable => Err(error),
        _ => Ok(Outcome { status: Status::Failed, record: None, left_aside: Vec::new(), error: Some(error) }),
    }
}

/// A record by the type and the key that external ids have of it.
type Key = (String, String);

/// What is known of the records of one request.
struct Desk {
    connector: Connector,
    authorities: Authorities,
    links: HashMap<Key, Uuid>,
    rows: HashMap<(&'static str, Uuid), Box<dyn Row>>,
    times: Times,
}

/// What is to be done with what was sent of a record.
#[derive(Default)]
struct Decision {
    take: Map<String, Value>,
    left_aside: Vec<LeftAside>,
    /// The fields that have the sender's value and belong to whoever is newest.
    newest: Vec<&'static str>,
}

enum Made {
    /// Somebody else has made it meanwhile.
    Raced,
    Failed(Error),
}

impl From<diesel::result::Error> for Made {
    fn from(error: diesel::result::Error) -> Self {
        Made::Failed(error.into())
    }
}

impl Desk {
    /// Reads what there is of all records, and locks it: one statement for the keys, one a resource for the rows, two for times.
    fn open(
        conn: &mut PgConnection,
        cx: &Cx,
        connector: Connector,
        authorities: Authorities,
        records: &[Result<Record>],
    ) -> Result<Self> {
        let records: Vec<&Record> = records.iter().filter_map(|record| record.as_ref().ok()).collect();
        let links = links(conn, cx, &connector, &records)?;
        let mut ids: HashMap<&'static str, Vec<Uuid>> = HashMap::new();
        let mut places: Vec<Place> = Vec::new();
        for record in &records {
            let Some(id) = links.get(&key(record)) else { continue };
            ids.entry(record.entry.name).or_default().push(*id);
            let newest = |name: &&'static str| authorities.authority(record.entry.name, name) == Authority::Newest;
            let sent = record.data.keys().filter_map(|name| Some(record.entry.field(name)?.1.name));
            places.extend(sent.filter(newest).map(|field| (record.entry.name, *id, field)));
        }
        let mut rows = HashMap::new();
        for entry in cx.catalogue.entries() {
            // Who may not change them at all is told so record by record.
            let Some(ids) = ids.get(entry.name).filter(|_| cx.require(entry, Action::Update).is_ok()) else { continue };
            let found = store::lock_many(conn, cx, entry, ids.clone(), Action::Update)?;
            let found =
                (0..found.len()).filter_map(|at| found.row(at)).map(|row| ((entry.name, row.meta().id), row.copy()));
            rows.extend(found.collect::<Vec<_>>());
        }
        // After the rows are locked, so that nobody changes them any more.
        let times = Times::of(conn, cx, &connector, &places)?;
        Ok(Desk { connector, authorities, links, rows, times })
    }

    /// Takes one record.
    fn take(&mut self, conn: &mut PgConnection, cx: &Cx, record: &Record) -> Result<Outcome> {
        if !self.links.contains_key(&key(record)) {
            match self.make(conn, cx, record) {
                Ok(outcome) => return Ok(outcome),
                Err(Made::Failed(error)) => return Err(error),
                Err(Made::Raced) => self.links.extend(links(conn, cx, &self.connector, &[record])?),
            }
        }
        let id = *self.links.get(&key(record)).ok_or_else(|| Error::internal("a key that was there is gone"))?;
        let (entry, place) = (record.entry, (record.entry.name, id));
        cx.require(entry, Action::Update)?;
        let before = match self.rows.get(&place) {
            Some(row) => row.copy(),
            // Made meanwhile, or out of reach, which is told apart here.
            None => store::lock(conn, cx, entry, id, Action::Update)?,
        };
        if before.meta().archived_at.is_some() {
            return Err(verbs::archived(entry, id));
        }
        let decision = self.decide(record, before.as_ref())?;
        let seen = before.meta().version;
        let row = match decision.take.is_empty() {
            true => before,
            false => conn
                .transaction(|conn| verbs::update(conn, cx, entry, id, Some(seen), &decision.take))
                .map_err(in_data)?,
        };
        let status = if row.meta().version == seen { Status::Unchanged } else { Status::Updated };
        Ok(self.done(record, status, row, decision))
    }

    /// Makes a record that is new here. Of what is decided here it takes only what it cannot be without.
    fn make(&mut self, conn: &mut PgConnection, cx: &Cx, record: &Record) -> Result<Outcome, Made> {
        let (entry, system) = (record.entry, self.connector.system.clone());
        let mut decision = Decision::default();
        for (name, value) in &record.data {
            let known = entry.field(name).map(|(_, field)| field);
            let authority =
                known.map_or(Authority::External, |field| self.authorities.authority(entry.name, field.name));
            match known {
                Some(field) if authority == Authority::Crm && !field.required => {
                    decision.left_aside.push(aside(field, authority, Reason::DecidedHere, None));
                }
                _ => drop(decision.take.insert(name.clone(), value.clone())),
            }
            if let Some(field) = known.filter(|_| authority == Authority::Newest) {
                decision.newest.push(field.name);
            }
        }
        dated(record, &decision.newest).map_err(Made::Failed)?;
        let row = conn.transaction(|conn| {
            let key = ExternalKey::new(system.as_str(), record.external_id.as_str());
            match external::upsert(conn, cx, entry, &key, None, &decision.take) {
                Ok((row, Upserted::Created)) => Ok(row),
                Ok(_) => Err(Made::Raced),
                Err(error) => Err(Made::Failed(in_data(error))),
            }
        })?;
        self.links.insert(key(record), row.meta().id);
        Ok(self.done(record, Status::Created, row, decision))
    }

    /// Compares what was sent with what is here, field by field.
    fn decide(&self, record: &Record, row: &dyn Row) -> Result<Decision> {
        let (entry, mut wanted) = (record.entry, row.copy());
        let mut decision = Decision::default();
        for (name, value) in &record.data {
            let known =
                entry.field(name).filter(|(_, field)| matches!(field.access, Access::Write | Access::CreateOnly));
            let Some((index, field)) = known else {
                // Refused by the verb, with what would be right.
                decision.take.insert(name.clone(), value.clone());
                continue;
            };
            let same = wanted.set(index, value).is_ok()
                && log::field_value(wanted.as_ref(), index) == log::field_value(row, index);
            let authority = self.authorities.authority(entry.name, field.name);
            let place: Place = (entry.name, row.meta().id, field.name);
            let here = self.times.at(place).unwrap_or(row.meta().created_at);
            let newer = record.changed_at.is_some_and(|at| at > here);
            match authority {
                Authority::Newest if record.changed_at.is_none() => decision.newest.push(field.name),
                Authority::Newest if newer => {
                    decision.newest.push(field.name);
                    if !same {
                        decision.take.insert(name.clone(), value.clone());
                    }
                }
                _ if same => {}
                Authority::Newest => {
                    decision.left_aside.push(aside(field, authority, Reason::NewerHere, Some(here)));
                }
                Authority::Crm => decision.left_aside.push(aside(field, authority, Reason::DecidedHere, None)),
                Authority::External => drop(decision.take.insert(name.clone(), value.clone())),
            }
        }
        dated(record, &decision.newest)?;
        Ok(decision)
    }

    /// Notes what was done, for those after it and for the answer.
    fn done(&mut self, record: &Record, status: Status, row: Box<dyn Row>, mut decision: Decision) -> Outcome {
        let (entry, id, version) = (record.entry, row.meta().id, row.meta().version);
        if let Some(at) = record.changed_at {
            decision.newest.iter().for_each(|field| self.times.take((entry.name, id, *field), at));
        }
        for left in &mut decision.left_aside {
            let index = entry.field(left.field).map(|(index, _)| index).unwrap_or_default();
            left.current = log::field_value(row.as_ref(), index);
        }
        self.rows.insert((entry.name, id), row);
        Outcome { status, record: Some((id, version)), left_aside: decision.left_aside, error: None }
    }
}

fn aside(field: &'static Field, authority: Authority, reason: Reason, changed_at: Option<DateTime<Utc>>) -> LeftAside {
    LeftAside { field: field.name, authority, reason, current: Value::Null, changed_at }
}

/// Refuses a record that does not say when it was changed where that decides.
fn dated(record: &Record, newest: &[&str]) -> Result<()> {
    match newest.first() {
        Some(field) if record.changed_at.is_none() => {
            let detail = format!("The newest change of {field} wins: say when the record was changed.");
            Err(Error::invalid("/changedAt", "REQUIRED", detail))
        }
        _ => Ok(()),
    }
}

fn key(record: &Record) -> Key {
    (record.entry.subject.clone(), record.external_id.clone())
}

/// The records that have the keys of what was sent, in one statement.
fn links(conn: &mut PgConnection, cx: &Cx, connector: &Connector, records: &[&Record]) -> Result<HashMap<Key, Uuid>> {
    let keys = records
        .iter()
        .map(|record| (record.entry.subject.as_str(), connector.system.as_str(), record.external_id.as_str()));
    let found = keys::find(conn, cx, &keys.collect::<Vec<_>>())?;
    Ok(records.iter().zip(found).filter_map(|(record, found)| Some((key(record), found?.id))).collect())
}
