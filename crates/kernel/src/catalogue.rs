//! Every resource there is, erased to data and function pointers. Being in the catalogue is enough to be served.

use crate::shape::{Resource, Row, Rows};
use crate::{Command, Cx, Field, Kind, Meta, Moment, Statement};
use diesel::{PgConnection, QueryResult};
use std::collections::HashMap;

/// The standard verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Get, list.
    Read,
    /// Create, and upsert by external id.
    Create,
    /// Merge-patch.
    Update,
    /// Archive and restore.
    Archive,
}

impl Verb {
    /// All of them.
    pub const ALL: &'static [Verb] = &[Verb::Read, Verb::Create, Verb::Update, Verb::Archive];
}

/// One or many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// At most one record.
    One,
    /// A list.
    Many,
}

/// A way from one resource to another. It names its target, so that no crate has to know another.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Name in both APIs.
    pub name: &'static str,
    /// For API readers.
    pub doc: &'static str,
    /// Resource name of the target.
    pub target: &'static str,
    /// One or many.
    pub link: Link,
    /// Our column.
    pub ours: &'static str,
    /// Theirs.
    pub theirs: &'static str,
    /// A column of ours that must have this value: `subject_type`.
    pub ours_is: Option<(&'static str, &'static str)>,
    /// A column of theirs that must have this value.
    pub theirs_is: Option<(&'static str, &'static str)>,
}

impl Relation {
    /// The records of `target` whose `theirs` is our id.
    pub const fn many(name: &'static str, target: &'static str, theirs: &'static str, doc: &'static str) -> Self {
        Relation { name, doc, target, link: Link::Many, ours: "id", theirs, ours_is: None, theirs_is: None }
    }

    /// The records of `target` whose subject (`subject_type`, `subject_id`) we are.
    /// `us` is our [`Entry::subject`].
    pub const fn about(name: &'static str, target: &'static str, us: &'static str, doc: &'static str) -> Self {
        let theirs_is = Some(("subject_type", us));
        Relation { name, doc, target, link: Link::Many, ours: "id", theirs: "subject_id", ours_is: None, theirs_is }
    }

    /// The record of `target` that has our id: what is kept of us elsewhere.
    pub const fn own(name: &'static str, target: &'static str, doc: &'static str) -> Self {
        Relation { name, doc, target, link: Link::One, ours: "id", theirs: "id", ours_is: None, theirs_is: None }
    }

    /// Whether it is one of [`Relation::own`].
    pub fn is_own(&self) -> bool {
        self.link == Link::One && (self.ours, self.theirs) == ("id", "id") && self.ours_is.is_none()
    }

    /// Our subject, where it is of resource `target`; `them` is the target's [`Entry::subject`].
    pub const fn subject(name: &'static str, target: &'static str, them: &'static str, doc: &'static str) -> Self {
        let ours_is = Some(("subject_type", them));
        Relation { name, doc, target, link: Link::One, ours: "subject_id", theirs: "id", ours_is, theirs_is: None }
    }
}

/// How the row scopes OWN and TEAM apply: a row is within scope if any of these holds.
#[derive(Clone, Copy, Debug)]
pub struct Ownership {
    /// Column with the owning user.
    pub owner: Option<&'static str>,
    /// Column with the owning team.
    pub team: Option<&'static str>,
    /// To-one relations: within scope if one of those records is.
    pub via: &'static [&'static str],
}

impl Ownership {
    /// Belongs to the tenant as a whole: every scope covers it.
    pub const NONE: Ownership = Ownership { owner: None, team: None, via: &[] };

    /// Whether there is anything to check.
    pub fn is_none(&self) -> bool {
        self.owner.is_none() && self.team.is_none() && self.via.is_empty()
    }
}

/// One resource, erased.
pub struct Entry {
    /// Path segment and resource name: `contact-points`.
    pub name: &'static str,
    /// Type name: `ContactPoint`.
    pub type_name: &'static str,
    /// Name of one in GraphQL: `contactPoint`.
    pub singular: String,
    /// Name of many in GraphQL: `contactPoints`.
    pub plural: String,
    /// How notes, tags and external ids name its type: `CONTACT_POINT`.
    pub subject: String,
    /// Table.
    pub table: &'static str,
    /// For API readers.
    pub doc: &'static str,
    /// Area, for grouping.
    pub area: &'static str,
    /// See [`Resource::ADMINISTRATIVE`].
    pub administrative: bool,
    /// All fields.
    pub fields: &'static [Field],
    /// Visible fields, as (index in `fields`), in the order of answers.
    pub shown: Vec<usize>,
    /// `"name":` of the fields of `shown`.
    pub keys: Vec<Vec<u8>>,
    /// `t.column, …` of all fields in order.
    pub columns: String,
    /// How every statement about its rows begins, up to the tenant.
    pub select: &'static str,
    /// All relations.
    pub relations: Vec<Relation>,
    /// See [`Resource::OWNERSHIP`].
    pub ownership: Ownership,
    /// See [`Resource::VERBS`].
    pub verbs: &'static [Verb],
    /// See [`Resource::MOMENT`].
    pub moment: Option<Moment>,
    /// See [`Resource::GATHERS`].
    pub gathers: bool,
    /// See [`Resource::IN_SETS`].
    pub in_sets: bool,
    /// See [`Resource::commands`].
    pub commands: Vec<Command>,
    /// A new row with nothing set.
    pub blank: fn(&Cx) -> Box<dyn Row>,
    /// Runs a statement that answers with all columns.
    pub load: fn(&mut PgConnection, &Statement) -> QueryResult<Box<dyn Rows>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({})", self.name)
    }
}

fn load<R: Resource>(conn: &mut PgConnection, statement: &Statement) -> QueryResult<Box<dyn Rows>> {
    Ok(Box::new(R::load(conn, statement)?))
}

/// `contact-points` → `contactPoints`.
fn camel(kebab: &str) -> String {
    let mut out = String::new();
    let mut upper = false;
    for c in kebab.chars() {
        if c == '-' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}

/// `ContactPoint` → `CONTACT_POINT`.
fn upper_snake(pascal: &str) -> String {
    let mut out = String::new();
    for c in pascal.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

impl Entry {
    /// The entry of a resource.
    pub fn of<R: Resource>() -> Entry {
        let mut singular = R::TYPE.to_owned();
        if let Some(first) = singular.get_mut(..1) {
            first.make_ascii_lowercase();
        }
        let references = R::FIELDS.iter().filter_map(|field| match field.kind {
            Kind::Id(Some(target)) if field.visible() => Some(Relation {
                name: field.name.strip_suffix("Id").unwrap_or(field.name),
                doc: field.doc,
                target,
                link: Link::One,
                ours: field.column(),
                theirs: "id",
                ours_is: None,
                theirs_is: None,
            }),
            _ => None,
        });
        let own = 8..R::FIELDS.len();
        let visible = |index: &usize| R::FIELDS.get(*index).is_some_and(Field::visible);
        let shown: Vec<usize> = [0, 2].into_iter().chain(own).chain(3..8).filter(visible).collect();
        let columns = R::FIELDS.iter().flat_map(|field| field.columns).map(|column| format!("t.{column}"));
        let columns = columns.collect::<Vec<_>>().join(", ");
        let select = format!("SELECT {columns} FROM {} t WHERE t.tenant_id = ", R::TABLE);
        Entry {
            name: R::NAME,
            type_name: R::TYPE,
            singular,
            plural: camel(R::NAME),
            subject: upper_snake(R::TYPE),
            table: R::TABLE,
            doc: R::DOC,
            area: R::AREA,
            administrative: R::ADMINISTRATIVE,
            fields: R::FIELDS,
            keys: shown
                .iter()
                .filter_map(|index| R::FIELDS.get(*index))
                .map(|field| crate::select::key(field.name))
                .collect(),
            shown,
            columns,
            // There is one catalogue a process; statements borrow from it instead of copying the text each time.
            select: String::leak(select),
            relations: references.chain(R::RELATIONS.iter().cloned()).collect(),
            ownership: R::OWNERSHIP,
            verbs: R::VERBS,
            moment: R::MOMENT,
            gathers: R::GATHERS,
            in_sets: R::IN_SETS,
            commands: R::commands(),
            blank: |cx| Box::new(R::blank(Meta::new(cx))),
            load: load::<R>,
        }
    }

    /// With a business verb of a crate that knows more areas than its own.
    pub fn with(mut self, command: Command) -> Entry {
        self.commands.push(command);
        self
    }

    /// A visible field by its API name, with its index.
    pub fn field(&self, name: &str) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name && field.visible())
    }

    /// The index of the field that a column belongs to.
    pub fn field_of_column(&self, column: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.columns.contains(&column))
    }

    /// The fields that refer to a resource, by their index.
    pub fn references(&self, target: &str) -> impl Iterator<Item = usize> {
        let refers = move |field: &Field| matches!(field.kind, Kind::Id(Some(to)) if to == target) && field.visible();
        self.fields.iter().enumerate().filter(move |(_, field)| refers(field)).map(|(index, _)| index)
    }

    /// `"name":` of a shown field, made once.
    pub fn key(&'static self, index: usize) -> Option<crate::Key> {
        let at = self.shown.iter().position(|shown| *shown == index)?;
        self.keys.get(at).map(|key| crate::Key::Borrowed(key.as_slice()))
    }

    /// A relation by name.
    pub fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    /// A business verb by name.
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// Whether the APIs offer a verb. Where no field can be written, there is nothing to update.
    pub fn offers(&self, verb: Verb) -> bool {
        let writable = || self.fields.iter().any(|field| field.access == crate::Access::Write);
        self.verbs.contains(&verb) && (verb != Verb::Update || writable())
    }
}

/// All resources.
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
    by_name: HashMap<&'static str, usize>,
}

impl Catalogue {
    /// A catalogue of these entries, in the order in which documentation lists them.
    pub fn new(entries: Vec<Entry>) -> Self {
        let by_name = entries.iter().enumerate().map(|(at, entry)| (entry.name, at)).collect();
        Catalogue { entries, by_name }
    }

    /// All of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One by its resource name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).and_then(|at| self.entries.get(*at))
    }

    /// One by its [`Entry::subject`].
    pub fn by_subject(&self, subject: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.subject == subject)
    }
}
