//! One round of a load: distinct records, looked up together, checked each for itself, written as a set.

use super::{Item, Mode, Outcome, alone, keys, of_the_row, write};
use crate::keys::{ExternalKey, Found};
use crate::{external, log, store, verbs};
use diesel::PgConnection;
use kith_kernel::{
    Action, Cx, Entry, Error, FieldType, Kind, Mode as Body, Result, Row, RowScope, Rows, Violations, apply, text,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// A row that is about to be written.
pub(super) struct Draft<'a> {
    /// Its place in the round.
    pub at: usize,
    /// As it is stored; none: it is new.
    pub before: Option<&'a dyn Row>,
    /// As it shall be.
    pub row: Box<dyn Row>,
    /// The external id that comes with a new record.
    pub link: Option<Box<dyn Row>>,
    violations: Violations,
}

/// What a round knows of what is stored.
struct Stored {
    /// By system and key.
    keys: BTreeMap<String, HashMap<String, Found>>,
    rows: Box<dyn Rows>,
    at: HashMap<Uuid, usize>,
}

impl Stored {
    fn read(conn: &mut PgConnection, cx: &Cx, entry: &Entry, mode: Mode, items: &[Item]) -> Result<Stored> {
        let mut systems: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for ExternalKey { system, key, .. } in items.iter().filter_map(|item| item.key.as_ref()) {
            systems.entry(system.clone()).or_default().push(key);
        }
        let mut keys = Stored::keys(conn, cx, entry, &systems)?;
        let given = items.iter().filter_map(|item| Uuid::parse(item.body.get("id")?).ok());
        let ids: Vec<Uuid> = keys.values().flat_map(HashMap::values).map(|found| found.id).chain(given).collect();
        let rows = store::lock_many(conn, cx, entry, ids, super::action(mode))?;
        let at = (0..rows.len()).filter_map(|at| Some((rows.row(at)?.meta().id, at))).collect();
        if items.iter().any(|item| item.key.as_ref().is_some_and(|key| key.source_version.is_some())) {
            // Somebody may have brought newer ones since: nobody does any more once the records are locked.
            keys = Stored::keys(conn, cx, entry, &systems)?;
        }
        Ok(Stored { keys, rows, at })
    }

    fn keys(
        conn: &mut PgConnection,
        cx: &Cx,
        entry: &Entry,
        systems: &BTreeMap<String, Vec<&str>>,
    ) -> Result<BTreeMap<String, HashMap<String, Found>>> {
        let find = |(system, wanted): (&String, &Vec<&str>)| {
            Ok((system.clone(), keys::find(conn, cx, entry, system, wanted.iter().copied())?))
        };
        systems.iter().map(find).collect()
    }

    fn row(&self, id: Uuid) -> Option<&dyn Row> {
        self.rows.row(*self.at.get(&id)?)
    }

    /// The record that an item's key names.
    fn by_key(&self, key: &ExternalKey) -> Option<Found> {
        let clean = text::clean(&key.key).ok()?;
        self.keys.get(&key.system)?.get(&clean).copied()
    }
}

/// Loads distinct items; fewer outcomes than items: the rest has to be looked up anew.
pub(super) fn run(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    mode: Mode,
    items: &mut [Item],
) -> Result<Vec<Outcome>> {
    keys::resolve(conn, cx, entry, items)?;
    let stored = Stored::read(conn, cx, entry, mode, items)?;
    let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(items.len());
    let mut drafts = Vec::with_capacity(items.len());
    let (mut stopped, mut records) = (false, HashSet::new());
    for (at, item) in items.iter().enumerate() {
        match planned(conn, cx, entry, mode, &stored, item) {
            Ok(Planned::Stale(id)) => outcomes.push(Some(Outcome::Stale(id))),
            // By its id what was there by its key already.
            Ok(Planned::Draft(draft)) if !records.insert(draft.row.meta().id) => break,
            Ok(Planned::Draft(draft)) if draft.violations.0.is_empty() && draft.row.alone(draft.before) => {
                stopped = true;
                break;
            }
            Ok(Planned::Draft(draft)) => {
                outcomes.push(None);
                drafts.push(Draft { at, ..draft });
            }
            Err(error) if of_the_row(&error) => outcomes.push(Some(Outcome::Failed(error))),
            Err(error) => return Err(error),
        }
    }
    refuse_references(conn, cx, entry, &mut drafts)?;
    let ready = check(conn, cx, entry, drafts, &mut outcomes)?;
    write::all(conn, cx, entry, (mode, items), ready, &mut outcomes)?;
    let mut all: Vec<Outcome> = outcomes.into_iter().flatten().collect();
    note(conn, cx, entry, items, &all)?;
    if let Some(item) = items.get_mut(all.len()).filter(|_| stopped) {
        all.push(alone(conn, cx, entry, mode, item)?);
    }
    Ok(all)
}

/// What is to be done with an item.
enum Planned<'a> {
    /// Write this.
    Draft(Draft<'a>),
    /// Nothing: it comes late.
    Stale(Uuid),
}

/// Keeps the source versions of the items that were taken.
fn note(conn: &mut PgConnection, cx: &Cx, entry: &Entry, items: &[Item], outcomes: &[Outcome]) -> Result<()> {
    let taken =
        items.iter().zip(outcomes).filter(|(_, outcome)| !matches!(outcome, Outcome::Failed(_) | Outcome::Stale(_)));
    let keys: Vec<(String, String, i64)> = taken
        .filter_map(|(item, _)| {
            let key = item.key.as_ref()?;
            Some((text::clean(&key.system).ok()?, text::clean(&key.key).ok()?, key.source_version?))
        })
        .collect();
    let subject = entry.subject.as_str();
    crate::keys::note(
        conn,
        cx,
        keys.iter().map(|(system, key, version)| ((subject, system.as_str(), key.as_str()), *version)),
    )
}

fn planned<'a>(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    mode: Mode,
    stored: &'a Stored,
    item: &Item,
) -> Result<Planned<'a>> {
    item.flaws.clone().into_result()?;
    let (body, mut violations) = (&item.body, Violations::default());
    let given = body.get("id").and_then(|id| Uuid::parse(id).ok());
    let found = item.key.as_ref().and_then(|key| Some((key, stored.by_key(key)?)));
    let late = found.is_some_and(|(key, found)| found.is_past(key.source_version));
    let found = found.map(|(_, found)| found.id);
    let before = match (found, given) {
        (Some(_), _) if mode == Mode::Insert => return Err(keys::taken(entry, "externalId")),
        (Some(id), _) => match stored.row(id) {
            Some(row) => Some(row),
            // It says why.
            None => {
                return Err(store::lock(conn, cx, entry, id, Action::Update).err().unwrap_or_else(Error::not_found));
            }
        },
        (None, Some(id)) => stored.row(id).filter(|_| item.key.is_none()),
        (None, None) => None,
    };
    if let Some(before) = before.filter(|_| late) {
        return Ok(Planned::Stale(before.meta().id));
    }
    if let Some(before) = before.filter(|before| before.meta().archived_at.is_some()) {
        return Err(verbs::archived(entry, before.meta().id));
    }
    if before.is_some() && mode == Mode::Insert {
        return Err(keys::taken(entry, "id"));
    }
    if let Some(before) = before {
        if item.key.is_none() {
            cx.require_version(item.seen)?;
        }
        let mut row = before.copy();
        if external::names_fixed(entry, body) {
            apply(entry, row.as_mut(), &external::changing(entry, before, body), Body::Update, &mut violations);
        } else {
            apply(entry, row.as_mut(), body, Body::Update, &mut violations);
        }
        return Ok(Planned::Draft(Draft { at: 0, before: Some(before), row, link: None, violations }));
    }
    let scope = cx.require(entry, Action::Create)?;
    let row = verbs::draft(cx, entry, body, scope, &mut violations);
    let link = item.key.as_ref().map(|key| link(cx, entry, row.meta().id, key, &mut violations)).transpose()?;
    Ok(Planned::Draft(Draft { at: 0, before: None, row, link, violations }))
}

/// The external id of a new record; its own rules are part of the record's.
fn link(
    cx: &Cx,
    entry: &Entry,
    id: Uuid,
    ExternalKey { system, key, .. }: &ExternalKey,
    violations: &mut Violations,
) -> Result<Box<dyn Row>> {
    let body = external::link(entry, id, (system, key));
    let links = keys::links(cx)?;
    let row = verbs::draft(cx, links, &body, RowScope::All, violations);
    row.check(violations);
    Ok(row)
}

/// Refuses what rows refer to anew and is not there, or is out of sight; what the same round makes may be referred to.
fn refuse_references(conn: &mut PgConnection, cx: &Cx, entry: &Entry, drafts: &mut [Draft<'_>]) -> Result<()> {
    let fields: Vec<_> = entry
        .fields
        .iter()
        .enumerate()
        .filter_map(
            |(index, field)| if let Kind::Id(Some(target)) = field.kind { Some((index, field, target)) } else { None },
        )
        .collect();
    let anew = |draft: &Draft<'_>, index: usize| {
        draft.row.uuid(index).filter(|id| draft.before.and_then(|before| before.uuid(index)) != Some(*id))
    };
    // Only what comes earlier, so that two new ones cannot be part of each other.
    let mut earlier: HashSet<Uuid> = HashSet::new();
    let mut asked = keys::References::default();
    for draft in drafts.iter().filter(|draft| draft.violations.0.is_empty()) {
        for (index, _, target) in &fields {
            if let Some(id) = anew(draft, *index).filter(|id| *target != entry.name || !earlier.contains(id)) {
                asked.add(target, id);
            }
        }
        if draft.before.is_none() {
            earlier.insert(draft.row.meta().id);
        }
    }
    let missing = asked.missing(conn, cx)?;
    if missing.is_empty() {
        return Ok(());
    }
    for draft in drafts.iter_mut().filter(|draft| draft.violations.0.is_empty()) {
        for (index, field, target) in &fields {
            if anew(draft, *index).is_some_and(|id| missing.contains(&(*target, id))) {
                keys::refuse(field, &mut draft.violations);
            }
        }
    }
    Ok(())
}

/// Runs each row's own rules; those that hold and change something are left to be written.
fn check<'a>(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    drafts: Vec<Draft<'a>>,
    outcomes: &mut [Option<Outcome>],
) -> Result<Vec<Draft<'a>>> {
    let mut ready = Vec::with_capacity(drafts.len());
    for mut draft in drafts {
        let mut violations = std::mem::take(&mut draft.violations);
        let prepared = if violations.0.is_empty() { draft.row.prepare(conn, cx, draft.before) } else { Ok(()) };
        draft.row.check(&mut violations);
        let outcome = match prepared.and_then(|()| violations.into_result()) {
            Err(error) if of_the_row(&error) => Outcome::Failed(error),
            Err(error) => return Err(error),
            Ok(()) => match draft.before {
                Some(before) if log::changed(entry, before, draft.row.as_ref()).is_empty() => {
                    Outcome::Unchanged(before.meta().id)
                }
                _ => {
                    ready.push(draft);
                    continue;
                }
            },
        };
        if let Some(place) = outcomes.get_mut(draft.at) {
            *place = Some(outcome);
        }
    }
    Ok(ready)
}
