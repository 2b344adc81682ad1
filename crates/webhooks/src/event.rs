//! Which changes an endpoint wants, and what it is told of them.

use crate::endpoint::WebhookEndpoint;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_identity::actor;
use kith_journal::feed::{self, Change};
use kith_journal::{log, store};
use kith_kernel::{Action, Condition, Custom, Cx, Entry, Error, META_FIELDS, Result, RowScope, Statement, write_time};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Most entries of each list.
const MOST: usize = 100;

/// A list of texts.
pub(crate) fn texts(list: &Custom) -> Option<Vec<&str>> {
    let list = list.0.as_array().filter(|list| list.len() <= MOST)?;
    list.iter().map(Value::as_str).collect()
}

/// Refuses types that no event can have.
pub(crate) fn check_types(cx: &Cx, types: &Custom) -> Result<()> {
    let wrong = |detail: String| Error::invalid("/eventTypes", "INVALID", detail);
    let list = texts(types).filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| wrong("Expected a list of 1 to 100 types, such as [\"account.*\"].".into()))?;
    for text in list {
        if text == "*" {
            continue;
        }
        let Some((of, what)) = text.split_once('.') else {
            return Err(wrong(format!("{text}: expected for example account.updated, account.*, *.archived, or *.")));
        };
        let known = of == "*" || cx.catalogue.entries().iter().any(|entry| entry.singular == of);
        let word = what == "*" || (!what.is_empty() && what.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        if !known || !word {
            return Err(wrong(format!("{text}: there is no such type of event.")));
        }
    }
    Ok(())
}

/// Refuses filters that are none over the resource that they name.
pub(crate) fn check_filters(cx: &Cx, filters: Option<&Custom>) -> Result<()> {
    let Some(filters) = filters else { return Ok(()) };
    let wrong = || Error::invalid("/filters", "WRONG_TYPE", "Expected an object of resources and their filters.");
    let filters = filters.0.as_object().filter(|filters| filters.len() <= MOST).ok_or_else(wrong)?;
    for (resource, filter) in filters {
        let at = format!("/filters/{}", kith_kernel::escape(resource));
        let unknown = || Error::invalid(&at, "UNKNOWN_FIELD", "There is no such resource.");
        condition(cx, cx.catalogue.get(resource).ok_or_else(unknown)?, filter, &at)?;
    }
    Ok(())
}

fn condition(cx: &Cx, entry: &Entry, filter: &Value, at: &str) -> Result<Statement> {
    let none = || Error::invalid(at, "WRONG_TYPE", "Expected a filter, which is an object.");
    let mut out = Statement::default();
    let mut condition = Condition::new(cx, false);
    condition.filter(entry, "t", filter.as_object().ok_or_else(none)?, at, &mut out);
    condition.violations.into_result()?;
    Ok(out)
}

/// Whether a pattern means a type.
fn means(pattern: &str, of: &str, what: &str) -> bool {
    match pattern.split_once('.') {
        None => pattern == "*",
        Some((left, right)) => (left == "*" || left == of) && (right == "*" || right == what),
    }
}

/// The resources that an endpoint can be told of; none: any.
pub(crate) fn resources(cx: &Cx, endpoint: &WebhookEndpoint) -> Option<Vec<String>> {
    let types = texts(&endpoint.event_types).unwrap_or_default();
    let named: Option<Vec<&str>> =
        types.iter().map(|text| text.split_once('.').map(|(of, _)| of).filter(|of| *of != "*")).collect();
    let entries = |named: Vec<&str>| {
        let meant = cx.catalogue.entries().iter().filter(|entry| named.contains(&entry.singular.as_str()));
        meant.map(|entry| entry.name.to_owned()).collect()
    };
    named.map(entries)
}

/// The context of whoever the endpoint acts for; none when they cannot work any more.
pub(crate) fn acting(conn: &mut PgConnection, cx: &Cx, endpoint: &WebhookEndpoint) -> Result<Option<Cx>> {
    let Some(id) = endpoint.acts_for else { return Ok(Some(cx.as_system())) };
    let known = match actor::user(conn, cx.tenant, id)? {
        Some(known) => Some(known),
        None => actor::api_key(conn, cx.tenant, id, None, cx.now)?,
    };
    Ok(known.map(|known| Cx { actor: Arc::new(known.actor), ..cx.clone() }))
}

/// Whether whoever it acts for may read the record.
pub(crate) fn may_see(conn: &mut PgConnection, acting: &Cx, resource: &str, record: uuid::Uuid) -> Result<bool> {
    let Some(entry) = acting.catalogue.get(resource) else { return Ok(false) };
    match acting.actor.grants.scope(entry.name, entry.administrative, Action::Read) {
        None => Ok(false),
        Some(RowScope::All) => Ok(true),
        Some(_) => store::exists(conn, acting, entry, record, Action::Read),
    }
}

/// Whether an endpoint wants to be told of a change.
pub(crate) fn wants(conn: &mut PgConnection, acting: &Cx, endpoint: &WebhookEndpoint, change: &Change) -> Result<bool> {
    let Some(entry) = acting.catalogue.get(&change.resource) else { return Ok(false) };
    let types = texts(&endpoint.event_types).unwrap_or_default();
    if !types.iter().any(|pattern| means(pattern, &entry.singular, &change.operation)) {
        return Ok(false);
    }
    // What is made, archived or brought back changes as a whole.
    if let Some(fields) = endpoint.changed_fields.as_ref().and_then(texts)
        && change.before.is_some()
        && ![log::ARCHIVED, log::RESTORED].contains(&change.operation.as_str())
        && !fields.iter().any(|field| change.changed_fields.iter().any(|changed| changed == field))
    {
        return Ok(false);
    }
    Ok(may_see(conn, acting, &change.resource, change.record_id)? && meets(conn, acting, endpoint, entry, change)?)
}

/// Whether the record meets the endpoint's filter as the change left it, not as it is by now.
fn meets(
    conn: &mut PgConnection,
    acting: &Cx,
    endpoint: &WebhookEndpoint,
    entry: &Entry,
    change: &Change,
) -> Result<bool> {
    let filter = endpoint.filters.as_ref().and_then(|filters| filters.0.get(entry.name));
    let (Some(filter), Some(after)) = (filter, &change.after) else { return Ok(true) };
    // A filter whose fields are gone meets nothing; whoever changes the endpoint next is told.
    let Ok(condition) = condition(acting, entry, filter, "/filters") else { return Ok(false) };
    let mut row = (entry.blank)(acting);
    row.meta_mut().id = change.record_id;
    row.meta_mut().version = change.version;
    let time = |name: &str| after.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
    row.meta_mut().created_at = time("createdAt").unwrap_or(change.at);
    row.meta_mut().updated_at = change.at;
    row.meta_mut().archived_at = time("archivedAt");
    for (index, field) in entry.fields.iter().enumerate().skip(META_FIELDS.len()) {
        if let Some(value) = after.get(field.name).filter(|value| !value.is_null()) {
            row.set(index, value).ok();
        }
    }
    let mut out = Statement::new("SELECT coalesce(");
    out.append(condition).sql(", false) FROM ").append(store::as_table(entry, row.as_ref())).once();
    Ok(RunQueryDsl::get_result::<(bool,)>(out.typed::<(st::Bool,)>(), conn)?.0)
}

/// The body that is sent for a change: the same bytes in every attempt.
pub(crate) fn body(cx: &Cx, endpoint: &WebhookEndpoint, change: &Change) -> Vec<u8> {
    let entry = cx.catalogue.get(&change.resource);
    let only = endpoint.payload_fields.as_ref().and_then(texts);
    let shown = |record: &Option<Map<String, Value>>| {
        let record = record.as_ref()?;
        let mut record = entry.map_or_else(|| record.clone(), |entry| feed::in_order(entry, record));
        if let Some(only) = &only {
            record.retain(|name, _| ["id", "version"].contains(&name.as_str()) || only.contains(&name.as_str()));
        }
        Some(record)
    };
    let mut at = Vec::new();
    write_time(change.at, &mut at);
    let occurred: Value = serde_json::from_slice(&at).unwrap_or_default();
    let body = json!({
        "id": change.id,
        "type": change.kind(cx.catalogue),
        "occurredAt": occurred,
        "tenantId": cx.tenant,
        "data": shown(&change.after),
        "changedFields": change.changed_fields,
        "before": shown(&change.before),
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::means;

    #[test]
    fn patterns_mean_what_they_say() {
        for (pattern, yes, no) in [
            ("*", "account.updated", ""),
            ("account.*", "account.updated", "contact.updated"),
            ("account.updated", "account.updated", "account.created"),
            ("*.archived", "contact.archived", "contact.restored"),
            ("*.*", "contact.archived", ""),
            ("contact.*", "contact.archived", "contactPoint.archived"),
        ] {
            let is = |text: &str| text.split_once('.').is_some_and(|(of, what)| means(pattern, of, what));
            assert!(is(yes) && !is(no), "{pattern}");
        }
    }
}
