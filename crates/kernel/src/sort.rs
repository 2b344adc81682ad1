//! In which order a list stands, and from where in it a page reads on.
//!
//! A list is sorted by fields of its records, and by fields of what is kept of them elsewhere under the same id
//! ([`Relation::is_own`]): a value profile, a churn risk. Such a record is joined once, as far as the actor may read it,
//! since a value that one may not see must not show through the order either; whoever has none counts as null.

use crate::statement::{Bind, Statement};
use crate::{
    Action, Catalogue, Condition, Cursor, Cx, Entry, Error, Field, FieldType, Kind, Relation, Result, Row, Rows,
};
use crate::{codes, decimal_from_text, types};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

const MAX_SORT_KEYS: usize = 5;
/// A statement with a join and more keys than these is asked too rarely to be kept prepared.
const COMMON_KEYS: usize = 3;

/// Something that a list can be sorted by.
#[derive(Clone, Debug)]
pub struct Sortable {
    /// As clients write it: `name`, `valueProfile.score`.
    pub name: String,
    /// Index of the field, among those of the records or of what is kept of them.
    pub index: usize,
    /// The field.
    pub field: &'static Field,
}

/// Everything that the records of `entry` can be sorted by.
pub fn sortable<'a>(catalogue: &'a Catalogue, entry: &'a Entry) -> impl Iterator<Item = Sortable> + 'a {
    let kept = entry.relations.iter().filter_map(|relation| Some((relation, kept(catalogue, relation)?)));
    let theirs = kept.flat_map(|(relation, target)| {
        let named = move |(index, field): (usize, &'static Field)| Sortable {
            name: format!("{}.{}", relation.name, field.name),
            index,
            field,
        };
        // Its id is ours.
        fields(target).filter(|(index, _)| *index > 0).map(named)
    });
    fields(entry).map(|(index, field)| Sortable { name: field.name.to_owned(), index, field }).chain(theirs)
}

fn fields(entry: &Entry) -> impl Iterator<Item = (usize, &'static Field)> + use<> {
    entry.fields.iter().enumerate().filter(|(_, field)| field.sort && field.visible())
}

/// The resource of what is kept of each record under its id.
fn kept<'a>(catalogue: &'a Catalogue, relation: &Relation) -> Option<&'a Entry> {
    catalogue.get(relation.target).filter(|_| relation.is_own())
}

/// One key of a sort order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortKey {
    /// Index of the field.
    index: usize,
    field: &'static Field,
    /// Largest first.
    pub descending: bool,
    /// Which of [`Sorting::joins`] has the field; none: the records themselves.
    pub join: Option<usize>,
}

impl SortKey {
    /// Whether it is the record's own id, after which nothing is left to order.
    fn is_id(&self) -> bool {
        self.index == 0 && self.join.is_none()
    }

    /// Its column, where the records go by `t`.
    pub fn column(&self) -> String {
        match self.join {
            None => format!("t.{}", self.field.column()),
            Some(join) => format!("s{join}.{}", self.field.column()),
        }
    }

    /// What is kept elsewhere may be missing.
    pub fn nullable(&self) -> bool {
        self.join.is_some() || self.field.nullable
    }

    fn value(&self, row: &dyn Row) -> Value {
        let mut text = Vec::new();
        row.write_field(self.index, &mut text);
        let value: Value = serde_json::from_slice(&text).unwrap_or_default();
        value.get("amount").cloned().unwrap_or(value)
    }

    pub fn bind(&self, value: &Value) -> Result<Bind> {
        let broken = || Error::new(&codes::INVALID_CURSOR, "The cursor cannot be read.");
        let text = || value.as_str().map(str::to_owned);
        let nothing = value.is_null() && self.nullable();
        Ok(match self.field.kind {
            Kind::Bool => Bind::Bool(value.as_bool()),
            Kind::Int => Bind::Int(value.as_i64().and_then(|n| i32::try_from(n).ok())),
            Kind::Decimal | Kind::Money => Bind::Decimal(value.as_str().and_then(decimal_from_text)),
            Kind::Date => Bind::Date(value.as_str().and_then(types::parse_date)),
            Kind::Time => Bind::Time(value.as_str().and_then(types::parse_time)),
            Kind::Id(_) if nothing => Bind::Uuid(None),
            Kind::Id(_) => Bind::Uuid(Some(Uuid::parse(value).map_err(|_| broken())?)),
            Kind::Text | Kind::Enum(..) if nothing => Bind::Text(None),
            Kind::Text | Kind::Enum(..) => Bind::Text(Some(text().ok_or_else(broken)?)),
            Kind::Rate | Kind::Json => return Err(broken()),
        })
    }
}

/// What is kept of the records elsewhere, joined as `s0`, `s1` …
#[derive(Debug)]
pub(crate) struct Join {
    relation: &'static str,
    target: &'static Entry,
    /// ` JOIN … ON …`, inner as it stands.
    pub sql: Statement,
}

/// A sort order with the place in it where a page begins.
#[derive(Debug, Default)]
pub(crate) struct Sorting {
    pub keys: Vec<SortKey>,
    pub joins: Vec<Join>,
    /// Values of keys of a join, by the key's place and the record, for cursors.
    values: HashMap<(usize, Uuid), Value>,
    pub cursor: Option<Cursor>,
    /// The page is read towards the start.
    pub backward: bool,
}

impl Sorting {
    /// The keys of a sort order, always ending in the id. Without any: newest first. What is wrong with it stands
    /// among the violations of `condition` then, with the pointer `at`.
    pub fn new(entry: &'static Entry, sort: &[String], at: &str, cx: &Cx, condition: &mut Condition<'_>) -> Self {
        let mut sorting = Sorting::default();
        if sort.len() > MAX_SORT_KEYS {
            condition.violations.add(at, "OUT_OF_RANGE", format!("At most {MAX_SORT_KEYS} sort keys."));
        }
        for text in sort {
            let (name, descending) = match text.strip_prefix('-') {
                Some(name) => (name, true),
                None => (text.as_str(), false),
            };
            sorting.add(entry, name, descending, (at, cx), condition);
        }
        if !sorting.keys.iter().any(SortKey::is_id) {
            let descending = sorting.keys.last().is_none_or(|key| key.descending);
            sorting.keys.push(SortKey { index: 0, field: &crate::META_FIELDS[0], descending, join: None });
        }
        sorting
    }

    fn add(
        &mut self,
        entry: &'static Entry,
        name: &str,
        descending: bool,
        (at, cx): (&str, &Cx),
        condition: &mut Condition<'_>,
    ) {
        let (holder, field) = match name.split_once('.') {
            None => (Some((None, entry)), name),
            Some((relation, field)) => {
                let relation = entry.relation(relation);
                (relation.and_then(|relation| Some((Some(relation), kept(cx.catalogue, relation)?))), field)
            }
        };
        let found = holder.and_then(|(relation, holder)| {
            let (index, field) = fields(holder).find(|(_, sortable)| sortable.name == field)?;
            (relation.is_none() || index > 0).then_some((relation, holder, index, field))
        });
        let Some((relation, holder, index, field)) = found else {
            let allowed = sortable(cx.catalogue, entry).map(|sortable| sortable.name).collect::<Vec<_>>().join(", ");
            let detail = format!("{} cannot be sorted by {name:?}. Allowed: {allowed}.", entry.name);
            return condition.violations.add(at, "UNKNOWN_FIELD", detail);
        };
        let join = match relation.map(|relation| self.join(relation, holder, cx, condition)) {
            None => None,
            Some(Some(join)) => Some(join),
            Some(None) => {
                let detail = format!("This needs the right {}:READ.", holder.name);
                return condition.violations.add(at, "FORBIDDEN", detail);
            }
        };
        if self.keys.iter().any(|key| (key.index, key.join) == (index, join)) {
            return condition.violations.add(at, "DUPLICATE", format!("{name} stands twice."));
        }
        self.keys.push(SortKey { index, field, descending, join });
    }

    /// The place of the join for a relation, made for its first key; none: the actor may not read the target. Archived
    /// records count, as they do wherever a record refers to one.
    fn join(
        &mut self,
        relation: &'static Relation,
        target: &'static Entry,
        cx: &Cx,
        condition: &mut Condition<'_>,
    ) -> Option<usize> {
        if let Some(known) = self.joins.iter().position(|join| join.relation == relation.name) {
            return Some(known);
        }
        let scope = cx.actor.grants.scope(target.name, target.administrative, Action::Read)?;
        let alias = format!("s{}", self.joins.len());
        let mut sql = Statement::new(format!(" JOIN {} {alias} ON {alias}.tenant_id = ", target.table));
        sql.bind(Bind::Uuid(Some(cx.tenant))).sql(format!(" AND {alias}.id = t.id"));
        condition.scope(target, &alias, scope, &mut sql);
        self.joins.push(Join { relation: relation.name, target, sql });
        Some(self.joins.len() - 1)
    }

    /// How many keys there are, and so how many values a cursor has.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether its statement is asked often enough to be kept prepared.
    pub fn is_common(&self) -> bool {
        self.joins.is_empty() || (self.joins.len() == 1 && self.keys.len() <= COMMON_KEYS)
    }

    /// The resources that are joined, whose values the cursors of a page need.
    pub fn kept(&self) -> Vec<&'static Entry> {
        self.joins.iter().map(|join| join.target).collect()
    }

    /// Remembers the values of what is kept, as read for the records of a page. `at` is the place in [`Sorting::kept`].
    pub fn remember(&mut self, at: usize, rows: &dyn Rows) {
        let keys = self.keys.iter().enumerate().filter(|(_, key)| key.join == Some(at));
        for (place, key) in keys {
            let rows = (0..rows.len()).filter_map(|at| rows.row(at));
            self.values.extend(rows.map(|row| ((place, row.meta().id), key.value(row))));
        }
    }

    /// The values of the keys at a record.
    pub fn values_at(&self, row: &dyn Row) -> Vec<Value> {
        let value = |(place, key): (usize, &SortKey)| match key.join {
            None => key.value(row),
            Some(_) => self.values.get(&(place, row.meta().id)).cloned().unwrap_or_default(),
        };
        self.keys.iter().enumerate().map(value).collect()
    }
}
