//! Keys of other systems, looked up many at a time: those of the items, and those that references are given by.

use super::Item;
use crate::external::EXTERNAL_IDS;
use crate::keys::Found;
use crate::store;
use diesel::PgConnection;
use kith_kernel::{Action, Cx, Entry, Error, Field, Kind, Result, Violation, Violations, codes, escape, text};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use uuid::Uuid;

/// Records by their keys in one other system. Keys are given as they came and looked up clean.
pub(super) fn find<'a>(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    system: &str,
    keys: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Found>> {
    let keys: Vec<String> = keys.filter_map(|key| text::clean(key).ok()).collect();
    let Ok(system) = text::clean(system) else { return Ok(HashMap::new()) };
    let wanted: Vec<_> = keys.iter().map(|key| (entry.subject.as_str(), system.as_str(), key.as_str())).collect();
    let found = crate::keys::find(conn, cx, &wanted)?;
    Ok(keys.into_iter().zip(found).filter_map(|(key, found)| Some((key, found?))).collect())
}

/// A key that another record has already.
pub(super) fn taken(entry: &Entry, name: &str) -> Error {
    let detail = format!("Another record of {} has this {name} already.", entry.name);
    let violation = Violation { pointer: format!("/{name}"), code: "DUPLICATE", detail: detail.clone(), more: None };
    Error { violations: vec![violation], ..Error::new(&codes::DUPLICATE, detail) }
}

/// A reference that is given as `{"system", "externalId"}` instead of an id.
pub(super) fn key_of(value: &Value) -> Option<(&str, &str)> {
    let object = value.as_object().filter(|object| object.len() == 2)?;
    Some((object.get("system")?.as_str()?, object.get("externalId")?.as_str()?))
}

fn unknown(field: &Field) -> (String, &'static str, String) {
    let detail = format!("{} points to nothing that you can see.", field.name);
    (format!("/{}", escape(field.name)), "UNKNOWN_REFERENCE", detail)
}

/// Puts ids in the places of references that are given by keys.
pub(super) fn resolve(conn: &mut PgConnection, cx: &Cx, entry: &Entry, items: &mut [Item]) -> Result<()> {
    for field in entry.fields.iter().filter(|field| field.visible()) {
        let Kind::Id(Some(target)) = field.kind else { continue };
        let mut asked: BTreeMap<String, HashSet<String>> = BTreeMap::new();
        for (system, key) in items.iter().filter_map(|item| key_of(item.body.get(field.name)?)) {
            asked.entry(system.to_owned()).or_default().insert(key.to_owned());
        }
        for (system, keys) in asked {
            let found = find(conn, cx, cx.entry(target)?, &system, keys.iter().map(String::as_str))?;
            for Item { body, flaws, .. } in items.iter_mut() {
                let Some(value) = body.get_mut(field.name) else { continue };
                let Some((_, key)) = key_of(value).filter(|(of, _)| *of == system) else { continue };
                match text::clean(key).ok().and_then(|key| found.get(&key)) {
                    Some(found) => *value = Value::String(found.id.to_string()),
                    None => {
                        let (pointer, code, detail) = unknown(field);
                        flaws.add(pointer, code, detail);
                    }
                }
            }
        }
    }
    Ok(())
}

/// The ids of one target that rows refer to anew.
#[derive(Default)]
pub(super) struct References(BTreeMap<&'static str, HashSet<Uuid>>);

impl References {
    /// Notes one.
    pub(super) fn add(&mut self, target: &'static str, id: Uuid) {
        self.0.entry(target).or_default().insert(id);
    }

    /// Leaves those that are not there or not visible to the actor. Oneself may be named without a right to read users.
    pub(super) fn missing(self, conn: &mut PgConnection, cx: &Cx) -> Result<HashSet<(&'static str, Uuid)>> {
        let mut missing = HashSet::new();
        for (name, ids) in self.0 {
            let target = cx.entry(name)?;
            // Nobody needs a right to read what a foreign key alone refuses, but who has it only in part sees no more by it.
            let seen = store::within(conn, cx, target, ids.iter().copied().collect(), Action::Read)?;
            missing.extend(ids.into_iter().filter(|id| !seen.contains(id) && *id != cx.actor.id).map(|id| (name, id)));
        }
        Ok(missing)
    }
}

/// The violation of a reference that is missing.
pub(super) fn refuse(field: &Field, violations: &mut Violations) {
    let (pointer, code, detail) = unknown(field);
    violations.add(pointer, code, detail);
}

/// The entry of external ids.
pub(super) fn links(cx: &Cx) -> Result<&'static Entry> {
    cx.entry(EXTERNAL_IDS)
}
