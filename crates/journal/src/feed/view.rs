//! The feed as one reader may see it: rights, filters, and what is told when a record leaves the reader's sight.
//!
//! Where a reader sees all records of a resource and asks for no filter, nothing has to be looked up. Else a page costs
//! one statement for the records that the reader can see now, one for each kind of record that theirs hang on, and one
//! for each filter; never one a change.

use super::filter::{self, Asked, id_in, text_in};
use super::{Change, in_order};
use crate::store;
use diesel::PgConnection;
use kith_kernel::{Action, Cx, Entry, FieldType, Link, Result, RowScope};
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Where the record is for the reader once the change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The reader sees it, and it fits the filter.
    Present,
    /// It fitted the filter before the change and does not any more.
    LeftFilter,
    /// The reader could see it before the change and cannot any more.
    AccessLost,
}

impl Presence {
    /// Each with what it means.
    pub const ALL: [(Presence, &'static str, &'static str); 3] = [
        (Presence::Present, "PRESENT", "You can read the record, and it fits the filter."),
        (Presence::LeftFilter, "LEFT_FILTER", "It fitted the filter before this change and does not any more."),
        (Presence::AccessLost, "ACCESS_LOST", "You could read it before and cannot any more; only its id is told."),
    ];

    /// Its name in the APIs.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(presence, ..)| *presence == self).map_or("PRESENT", |(_, name, _)| name)
    }
}

/// A change as it is told to a reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The change; of one whose record left the reader's sight, only the record's id and the time may be shown.
    pub change: Change,
    /// See there.
    pub presence: Presence,
}

/// What is known about one reader and the records of a page.
struct Sight<'a> {
    cx: &'a Cx,
    /// Records that a scope covers now.
    seen: HashSet<(&'static str, RowScope, Uuid)>,
    scopes: HashMap<&'static str, RowScope>,
}

/// Whether [`told`] will have to ask the database.
pub fn looks_up(cx: &Cx, asked: &Asked, changes: &[Change]) -> bool {
    changes.iter().any(|change| {
        let entry = cx.catalogue.get(&change.resource);
        asked.filters.contains_key(&change.resource) || entry.is_some_and(|entry| restricted(cx, entry).is_some())
    })
}

/// The scope that covers some of the records only.
fn restricted(cx: &Cx, entry: &Entry) -> Option<RowScope> {
    let scope = cx.actor.grants.scope(entry.name, entry.administrative, Action::Read)?;
    (scope != RowScope::All && !entry.ownership.is_none()).then_some(scope)
}

/// The changes of a page that concern a reader. Without a connection only what needs no lookup can be told.
pub fn told(conn: &mut PgConnection, cx: &Cx, asked: &Asked, changes: &[Change]) -> Result<Vec<Told>> {
    let sight = Sight::of(conn, cx, changes)?;
    let filtered = filtered(conn, cx, asked, changes)?;
    let mut all = Vec::with_capacity(changes.len());
    for (at, change) in changes.iter().enumerate() {
        let Some(entry) = readable(cx, asked, change) else { continue };
        let Some(mut one) = sight.tell(entry, change) else { continue };
        if one.presence == Presence::Present {
            match filtered.get(&at) {
                None | Some((_, true)) => {}
                Some((true, false)) => one.presence = Presence::LeftFilter,
                Some((false, false)) => continue,
            }
        }
        all.push(one);
    }
    Ok(all)
}

/// The same where nothing has to be looked up.
pub fn told_plainly(cx: &Cx, asked: &Asked, changes: &[Change]) -> Vec<Told> {
    let told = |change: &Change| readable(cx, asked, change).map(|_| present(change.clone()));
    changes.iter().filter_map(told).collect()
}

fn present(change: Change) -> Told {
    Told { change, presence: Presence::Present }
}

/// The entry of a change that the reader asks for and may know of at all.
fn readable(cx: &Cx, asked: &Asked, change: &Change) -> Option<&'static Entry> {
    let entry = cx.catalogue.get(&change.resource)?;
    cx.actor.grants.scope(entry.name, entry.administrative, Action::Read)?;
    asked.resources.as_ref().is_none_or(|all| all.contains(&change.resource)).then_some(entry)
}

/// Whether records fitted their filters before and after, by the change's place in the page.
fn filtered(
    conn: &mut PgConnection,
    cx: &Cx,
    asked: &Asked,
    changes: &[Change],
) -> Result<HashMap<usize, (bool, bool)>> {
    let mut all = HashMap::new();
    for (resource, tree) in &asked.filters {
        let Some(entry) = cx.catalogue.get(resource) else { continue };
        let mine: Vec<usize> =
            changes.iter().enumerate().filter(|(_, change)| change.resource == *resource).map(|(at, _)| at).collect();
        let (mut records, mut places) = (Vec::new(), Vec::new());
        for at in mine {
            let Some(change) = changes.get(at) else { continue };
            all.insert(at, (false, false));
            for (after, record) in [(false, &change.before), (true, &change.after)] {
                if let Some(record) = record {
                    records.push(record);
                    places.push((at, after));
                }
            }
        }
        if records.is_empty() {
            continue;
        }
        let fits = filter::fits(conn, cx, entry, (tree, asked.text), &records)?;
        for ((at, after), fit) in places.into_iter().zip(fits) {
            if let Some(found) = all.get_mut(&at) {
                if after {
                    found.1 = fit;
                } else {
                    found.0 = fit;
                }
            }
        }
    }
    Ok(all)
}

impl<'a> Sight<'a> {
    /// Looks up which records of the page, and which of those that they hang on, the reader can see now.
    fn of(conn: &mut PgConnection, cx: &'a Cx, changes: &[Change]) -> Result<Self> {
        let mut sight = Sight { cx, seen: HashSet::new(), scopes: HashMap::new() };
        let mut wanted: HashMap<(&'static str, RowScope), HashSet<Uuid>> = HashMap::new();
        for change in changes {
            let Some(entry) = cx.catalogue.get(&change.resource) else { continue };
            let Some(scope) = restricted(cx, entry) else { continue };
            sight.scopes.insert(entry.name, scope);
            wanted.entry((entry.name, scope)).or_default().insert(change.record_id);
            for record in [&change.before, &change.after].into_iter().flatten() {
                // What a record hangs on counts within the scope that the reader has for the record itself.
                for (target, id) in owners(cx, entry, record) {
                    wanted.entry((target.name, scope)).or_default().insert(id);
                }
            }
        }
        for ((name, scope), ids) in wanted {
            let found = store::covered(conn, cx, cx.entry(name)?, scope, ids.into_iter().collect())?;
            sight.seen.extend(found.into_iter().map(|id| (name, scope, id)));
        }
        Ok(sight)
    }

    /// What the reader is told of a change, if anything. Records are judged as they are now, so that nothing is shown
    /// that the reader has lost since; a state of the past that was out of sight stays so.
    fn tell(&self, entry: &'static Entry, change: &Change) -> Option<Told> {
        let Some(scope) = self.scopes.get(entry.name) else { return Some(present(change.clone())) };
        let was = change.before.as_ref().is_some_and(|record| self.sees(entry, *scope, record));
        let is = change.after.as_ref().is_some_and(|record| self.sees(entry, *scope, record));
        let now = self.seen.contains(&(entry.name, *scope, change.record_id));
        match (now, is, was) {
            (true, true, true) => Some(present(change.clone())),
            // It came into sight: nothing of before.
            (true, true, false) => Some(present(Change { before: None, changed_fields: Vec::new(), ..change.clone() })),
            (_, false, true) | (false, true, _) => Some(Told { change: lost(change), presence: Presence::AccessLost }),
            (_, false, false) => None,
        }
    }

    /// Whether a record of the journal was within the reader's scope: by its owner, its team, or what it hangs on, which
    /// is judged as it is now.
    fn sees(&self, entry: &Entry, scope: RowScope, record: &Map<String, Value>) -> bool {
        let actor = &self.cx.actor;
        let owner = entry.ownership.owner.and_then(|column| id_in(entry, column, record));
        let team = entry.ownership.team.filter(|_| scope == RowScope::Team);
        let team = team.and_then(|column| id_in(entry, column, record));
        owner == Some(actor.id)
            || team.is_some_and(|team| actor.teams.contains(&team))
            || owners(self.cx, entry, record).any(|(target, id)| self.seen.contains(&(target.name, scope, id)))
    }
}

/// The records that a record hangs on.
fn owners<'c>(
    cx: &'c Cx,
    entry: &'c Entry,
    record: &'c Map<String, Value>,
) -> impl Iterator<Item = (&'static Entry, Uuid)> + 'c {
    entry.ownership.via.iter().filter_map(move |name| {
        let relation = entry.relation(name).filter(|relation| relation.link == Link::One)?;
        let guarded = relation.ours_is.is_none_or(|(column, value)| text_in(entry, column, record) == Some(value));
        Some((cx.catalogue.get(relation.target)?, id_in(entry, relation.ours, record).filter(|_| guarded)?))
    })
}

/// A change of which only the record may be known.
fn lost(change: &Change) -> Change {
    Change {
        operation: "accessLost".to_owned(),
        version: 0,
        changed_fields: Vec::new(),
        actor_id: None,
        before: None,
        after: None,
        ..change.clone()
    }
}

impl Told {
    /// As both APIs show it, over every transport.
    pub fn to_json(&self, cx: &Cx) -> Value {
        let change = &self.change;
        let lost = self.presence == Presence::AccessLost;
        let record = |record: &Option<Map<String, Value>>| match (cx.catalogue.get(&change.resource), record) {
            (Some(entry), Some(record)) => Value::Object(in_order(entry, record)),
            _ => Value::Null,
        };
        let mut at = Vec::new();
        change.at.write(&mut at);
        let at: Value = serde_json::from_slice(&at).unwrap_or_default();
        let actor = (!lost).then(|| json!({"kind": change.actor_kind.as_str(), "id": change.actor_id}));
        json!({
            "cursor": change.position.encode(cx),
            "id": change.id,
            "type": change.kind(cx.catalogue),
            "resource": change.resource,
            "recordId": change.record_id,
            "version": (!lost).then_some(change.version),
            "operation": change.operation,
            "presence": self.presence.as_str(),
            "occurredAt": at,
            "actor": actor,
            "changedFields": change.changed_fields,
            "before": record(&change.before),
            "data": record(&change.after),
        })
    }
}
