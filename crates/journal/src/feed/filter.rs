//! Filters over changes: the filter tree of lists, asked of the record as a change left it and as it found it.

use crate::store::as_table;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Action, Bind, Condition, Cx, Entry, Error, FieldType, Meta, Result, Row, Statement, Violations, codes, escape,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// PostgreSQL takes 65,535 values a statement.
const MAX_BINDS: usize = 60_000;

/// Which changes a reader asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Only changes of these resources; none: of all that the reader may read.
    pub resources: Option<Vec<String>>,
    /// Of some resources only the records that fit, by resource name.
    pub filters: BTreeMap<String, Map<String, Value>>,
    /// The values of filters are texts, as a query string has them.
    pub text: bool,
}

impl Asked {
    /// Resources and filters as they were sent: `filter` holds a tree for each resource that it names.
    pub fn read(resources: Option<Vec<String>>, filter: Map<String, Value>, text: bool, at: &str) -> Result<Self> {
        let mut violations = Violations::default();
        let mut filters = BTreeMap::new();
        for (name, tree) in filter {
            match tree {
                Value::Object(tree) => drop(filters.insert(name, tree)),
                _ => {
                    let detail = "Expected a filter tree for each resource: {\"accounts\": {\"status\": \"ACTIVE\"}}.";
                    violations.add(format!("{at}/{}", escape(&name)), "WRONG_TYPE", detail);
                }
            }
        }
        violations.into_result()?;
        Ok(Asked { resources, filters, text })
    }

    /// Refuses resources that are not there, those named that the reader may not read, and filters that say nothing.
    /// `types` and `filter` are where they stood.
    pub fn check(&self, cx: &Cx, types: &str, filter: &str) -> Result<()> {
        let mut violations = Violations::default();
        for name in self.resources.iter().flatten() {
            match cx.catalogue.get(name) {
                Some(entry) => drop(cx.require(entry, Action::Read)?),
                None => violations.add(types, "UNKNOWN_RESOURCE", format!("There is no resource {name:?}.")),
            }
        }
        for (name, tree) in &self.filters {
            let at = format!("{filter}/{}", escape(name));
            match cx.catalogue.get(name) {
                Some(entry) => {
                    cx.require(entry, Action::Read)?;
                    let mut condition = Condition::new(cx, self.text);
                    condition.filter(entry, "t", tree, &at, &mut Statement::default());
                    violations.0.append(&mut condition.violations.0);
                }
                None => violations.add(at, "UNKNOWN_RESOURCE", format!("There is no resource {name:?}.")),
            }
        }
        violations.into_result()?;
        if self.readable(cx).is_some_and(|all| all.is_empty()) {
            return Err(Error::new(&codes::FORBIDDEN, "This needs the right to read a resource."));
        }
        Ok(())
    }

    /// The resources to be read; none: all there are.
    pub fn readable(&self, cx: &Cx) -> Option<Vec<String>> {
        let may = |entry: &Entry| cx.actor.grants.scope(entry.name, entry.administrative, Action::Read).is_some();
        if self.resources.is_none() && cx.catalogue.entries().iter().all(may) {
            return None;
        }
        let asked = |entry: &Entry| self.resources.as_ref().is_none_or(|all| all.iter().any(|name| name == entry.name));
        let entries = cx.catalogue.entries().iter().filter(|entry| asked(entry) && may(entry));
        Some(entries.map(|entry| entry.name.to_owned()).collect())
    }
}

/// A record of the journal as a row again.
pub(super) fn revive(cx: &Cx, entry: &Entry, record: &Map<String, Value>) -> Result<Box<dyn Row>> {
    let mut row = (entry.blank)(cx);
    for (index, field) in entry.fields.iter().enumerate().skip(kith_kernel::META_FIELDS.len()) {
        if let Some(value) = record.get(field.name).filter(|value| !value.is_null()) {
            // What the resource no longer takes is left as it is in a new record.
            row.set(index, value).ok();
        }
    }
    let broken = |_| Error::internal("a record of the journal is not whole");
    let of = |name: &str| record.get(name).unwrap_or(&Value::Null);
    let meta: &mut Meta = row.meta_mut();
    meta.id = FieldType::parse(of("id")).map_err(broken)?;
    meta.version = FieldType::parse(of("version")).map_err(broken)?;
    meta.created_at = FieldType::parse(of("createdAt")).map_err(broken)?;
    meta.created_by = FieldType::parse(of("createdBy")).map_err(broken)?;
    meta.updated_at = FieldType::parse(of("updatedAt")).map_err(broken)?;
    meta.updated_by = FieldType::parse(of("updatedBy")).map_err(broken)?;
    meta.archived_at = FieldType::parse(of("archivedAt")).map_err(broken)?;
    Ok(row)
}

/// Whether each of some records of the journal fits a filter. Their own fields are compared as they were; what they are
/// related to is looked up as it is now.
pub fn fits(
    conn: &mut PgConnection,
    cx: &Cx,
    entry: &Entry,
    (filter, text): (&Map<String, Value>, bool),
    records: &[&Map<String, Value>],
) -> Result<Vec<bool>> {
    let columns: usize = entry.fields.iter().map(|field| field.columns.len()).sum();
    let mut all = vec![false; records.len()];
    let portion = (MAX_BINDS / (columns + 1).max(1)).max(1);
    for (number, some) in records.chunks(portion).enumerate() {
        let mut out = Statement::new("SELECT t.n FROM (");
        for (at, record) in some.iter().enumerate() {
            let row = revive(cx, entry, record)?;
            out.sql(if at == 0 { "SELECT " } else { " UNION ALL SELECT " });
            out.bind(Bind::BigInt(i64::try_from(at).ok())).sql(" AS n, t.* FROM ");
            out.append(as_table(entry, row.as_ref()));
        }
        out.sql(") t WHERE ").once();
        let mut condition = Condition::new(cx, text);
        condition.filter(entry, "t", filter, "/filter", &mut out);
        condition.violations.into_result()?;
        let found: Vec<(i64,)> = RunQueryDsl::load(out.typed::<(st::BigInt,)>(), conn)?;
        for (at,) in found {
            let at = usize::try_from(at).unwrap_or(usize::MAX).saturating_add(number * portion);
            if let Some(fit) = all.get_mut(at) {
                *fit = true;
            }
        }
    }
    Ok(all)
}

/// What a record of the journal has in a column of its own: an id.
pub(super) fn id_in(entry: &Entry, column: &str, record: &Map<String, Value>) -> Option<uuid::Uuid> {
    let field = entry.fields.get(entry.field_of_column(column)?)?;
    FieldType::parse(record.get(field.name)?).ok()
}

/// What a record of the journal has in a column of its own: a text.
pub(super) fn text_in<'r>(entry: &Entry, column: &str, record: &'r Map<String, Value>) -> Option<&'r str> {
    let field = entry.fields.get(entry.field_of_column(column)?)?;
    record.get(field.name)?.as_str()
}
