//! A row as the rest of Kith sees it: the field table, the columns every record has, and the erased row that one
//! piece of untyped code reads, writes, checks and stores for every resource.

use crate::{
    Access, Bind, Command, Cx, Field, FieldType, Kind, Moment, Ownership, Relation, Result, Statement, Verb, Violations,
};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, QueryResult, sql_types as st};
use serde_json::Value;
use std::any::Any;
use uuid::Uuid;

/// The columns that every record has.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// UUIDv7; a client may choose it on create.
    pub id: Uuid,
    /// Whose record.
    pub tenant_id: Uuid,
    /// Counts up from 1 with every change.
    pub version: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom; none for the system.
    pub created_by: Option<Uuid>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// By whom; none for the system.
    pub updated_by: Option<Uuid>,
    /// Since when it is archived.
    pub archived_at: Option<DateTime<Utc>>,
}

/// The SQL type of [`Meta`]'s columns, in the order of [`META_FIELDS`].
pub type MetaSql = (
    st::Uuid,
    st::Uuid,
    st::Integer,
    st::Timestamptz,
    st::Nullable<st::Uuid>,
    st::Timestamptz,
    st::Nullable<st::Uuid>,
    st::Nullable<st::Timestamptz>,
);
/// What diesel reads for [`MetaSql`].
pub type MetaRow = (Uuid, Uuid, i32, DateTime<Utc>, Option<Uuid>, DateTime<Utc>, Option<Uuid>, Option<DateTime<Utc>>);

const fn meta(
    name: &'static str,
    columns: &'static [&'static str],
    kind: Kind,
    nullable: bool,
    doc: &'static str,
) -> Field {
    Field {
        name,
        columns,
        doc,
        kind,
        nullable,
        required: false,
        access: Access::ReadOnly,
        filter: true,
        sort: false,
        id: false,
        max: 0,
        example: None,
    }
}

/// The fields of [`Meta`]; they stand first in every field table.
pub const META_FIELDS: [Field; 8] = [
    Field {
        access: Access::CreateOnly,
        sort: true,
        ..meta(
            "id",
            &["id"],
            Kind::Id(None),
            false,
            "UUIDv7. A client may choose it on create, for example while offline.",
        )
    },
    Field { access: Access::Hidden, ..meta("tenantId", &["tenant_id"], Kind::Id(None), false, "Whose record.") },
    meta("version", &["version"], Kind::Int, false, "Counts up from 1 with every change; it is the `ETag`."),
    Field { sort: true, ..meta("createdAt", &["created_at"], Kind::Time, false, "When the record was made.") },
    meta("createdBy", &["created_by"], Kind::Id(None), true, "The user or API key that made it; null: the system."),
    Field { sort: true, ..meta("updatedAt", &["updated_at"], Kind::Time, false, "When the record last changed.") },
    meta(
        "updatedBy",
        &["updated_by"],
        Kind::Id(None),
        true,
        "The user or API key that changed it last; null: the system.",
    ),
    meta("archivedAt", &["archived_at"], Kind::Time, true, "Since when it is archived; null: it is not."),
];

/// The same for rows that follow from other rows. Those of one computation are all made and changed at the same moment, so
/// that their order by it tells nothing, and would cost two indexes.
pub const DERIVED_META_FIELDS: [Field; 8] = {
    let [id, tenant, version, created_at, created_by, updated_at, updated_by, archived_at] = META_FIELDS;
    let (created_at, updated_at) = (Field { sort: false, ..created_at }, Field { sort: false, ..updated_at });
    [id, tenant, version, created_at, created_by, updated_at, updated_by, archived_at]
};

impl Meta {
    /// A new record's.
    pub fn new(cx: &Cx) -> Self {
        Meta {
            id: cx.new_id(),
            tenant_id: cx.tenant,
            version: 1,
            created_at: cx.now,
            created_by: cx.actor.principal(),
            updated_at: cx.now,
            updated_by: cx.actor.principal(),
            archived_at: None,
        }
    }

    /// From the database.
    pub fn from_row(row: MetaRow) -> Self {
        let (id, tenant_id, version, created_at, created_by, updated_at, updated_by, archived_at) = row;
        Meta { id, tenant_id, version, created_at, created_by, updated_at, updated_by, archived_at }
    }

    /// Writes field `index` of [`META_FIELDS`] as JSON.
    pub fn write_field(&self, index: usize, out: &mut Vec<u8>) {
        match index {
            0 => self.id.write(out),
            1 => self.tenant_id.write(out),
            2 => self.version.write(out),
            3 => self.created_at.write(out),
            4 => self.created_by.write(out),
            5 => self.updated_at.write(out),
            6 => self.updated_by.write(out),
            _ => self.archived_at.write(out),
        }
    }

    /// The binds of field `index`.
    pub fn binds(&self, index: usize, out: &mut Vec<Bind>) {
        match index {
            0 => self.id.binds(out),
            1 => self.tenant_id.binds(out),
            2 => self.version.binds(out),
            3 => self.created_at.binds(out),
            4 => self.created_by.binds(out),
            5 => self.updated_at.binds(out),
            6 => self.updated_by.binds(out),
            _ => self.archived_at.binds(out),
        }
    }
}

/// What `#[resource]` writes for a row struct: data and field access, no SQL and no routes.
pub trait Shape: Sized + Clone + Send + Sync + 'static {
    /// Path segment and resource name: `contact-points`.
    const NAME: &'static str;
    /// `ContactPoint`.
    const TYPE: &'static str;
    /// `contact_points`.
    const TABLE: &'static str;
    /// For API readers.
    const DOC: &'static str;
    /// All fields, those of [`Meta`] first.
    const FIELDS: &'static [Field];
    /// A record with nothing set.
    fn blank(meta: Meta) -> Self;
    /// The common columns.
    fn meta(&self) -> &Meta;
    /// The common columns.
    fn meta_mut(&mut self) -> &mut Meta;
    /// Sets an own field (index from 8 on) from JSON; the error says what was expected.
    fn set(&mut self, index: usize, value: &Value) -> Result<(), String>;
    /// Writes an own field as JSON.
    fn write_own(&self, index: usize, out: &mut Vec<u8>);
    /// The binds of an own field.
    fn binds_own(&self, index: usize, out: &mut Vec<Bind>);
    /// The id in an own field, if it is one.
    fn uuid_own(&self, index: usize) -> Option<Uuid>;
    /// Runs a statement that answers with all columns in field order.
    fn load(conn: &mut PgConnection, statement: &Statement) -> QueryResult<Vec<Self>>;
}

/// The part of a resource that is written by hand.
pub trait Resource: Shape {
    /// Which area it belongs to; it groups the documentation.
    const AREA: &'static str;
    /// Kept out of the grant `*`: rights over it have to be named.
    const ADMINISTRATIVE: bool = false;
    /// The standard verbs that the APIs offer.
    const VERBS: &'static [Verb] = Verb::ALL;
    /// Relations beside those that follow from reference fields.
    const RELATIONS: &'static [Relation] = &[];
    /// How the row scopes OWN and TEAM see it.
    const OWNERSHIP: Ownership = Ownership::NONE;
    /// How its rows stand in the timelines of what they are about; none: they do not.
    const MOMENT: Option<Moment> = None;
    /// Whether its timelines hold what is about the records that refer to it, too.
    const GATHERS: bool = false;
    /// Whether many of its rows can be written as a set, in a few statements: [`Resource::prepare`] runs no statement and
    /// [`Resource::stored`] has nothing to do for rows that are not [`Resource::alone`].
    const IN_SETS: bool = false;
    /// Its business verbs.
    fn commands() -> Vec<Command> {
        Vec::new()
    }
    /// The whole record's rules. Pure: no database, no clock.
    fn check(&self, _violations: &mut Violations) {}
    /// Fills what follows from other fields and from other rows; runs before [`Resource::check`], in the transaction.
    fn prepare(&mut self, _conn: &mut PgConnection, _cx: &Cx, _before: Option<&Self>) -> Result<()> {
        Ok(())
    }
    /// Of a resource that is written [`Resource::IN_SETS`]: whether this row has to be written by itself, because its
    /// rules look at other rows. Asked before [`Resource::prepare`].
    fn alone(&self, _before: Option<&Self>) -> bool {
        false
    }
    /// Runs after the row is stored, in the same transaction: what else belongs to this write.
    fn stored(&self, _conn: &mut PgConnection, _cx: &Cx, _before: Option<&Self>) -> Result<()> {
        Ok(())
    }
}

/// A row of any resource.
pub trait Row: Send + Sync {
    /// The common columns.
    fn meta(&self) -> &Meta;
    /// The common columns.
    fn meta_mut(&mut self) -> &mut Meta;
    /// Writes field `index` as JSON.
    fn write_field(&self, index: usize, out: &mut Vec<u8>);
    /// The binds of field `index`.
    fn binds(&self, index: usize, out: &mut Vec<Bind>);
    /// The id in field `index`, if it is one.
    fn uuid(&self, index: usize) -> Option<Uuid>;
    /// Sets field `index` from JSON.
    fn set(&mut self, index: usize, value: &Value) -> Result<(), String>;
    /// See [`Resource::check`].
    fn check(&self, violations: &mut Violations);
    /// See [`Resource::prepare`].
    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&dyn Row>) -> Result<()>;
    /// See [`Resource::alone`].
    fn alone(&self, before: Option<&dyn Row>) -> bool;
    /// See [`Resource::stored`].
    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&dyn Row>) -> Result<()>;
    /// A copy.
    fn copy(&self) -> Box<dyn Row>;
    /// For going back to the struct.
    fn any(&self) -> &dyn Any;
    /// For going back to the struct.
    fn any_mut(&mut self) -> &mut dyn Any;
}

impl<R: Resource> Row for R {
    fn meta(&self) -> &Meta {
        Shape::meta(self)
    }
    fn meta_mut(&mut self) -> &mut Meta {
        Shape::meta_mut(self)
    }
    fn write_field(&self, index: usize, out: &mut Vec<u8>) {
        if index < META_FIELDS.len() { Shape::meta(self).write_field(index, out) } else { self.write_own(index, out) }
    }
    fn binds(&self, index: usize, out: &mut Vec<Bind>) {
        if index < META_FIELDS.len() { Shape::meta(self).binds(index, out) } else { self.binds_own(index, out) }
    }
    fn uuid(&self, index: usize) -> Option<Uuid> {
        match index {
            0 => Some(Shape::meta(self).id),
            4 => Shape::meta(self).created_by,
            6 => Shape::meta(self).updated_by,
            _ => self.uuid_own(index),
        }
    }
    fn set(&mut self, index: usize, value: &Value) -> Result<(), String> {
        if index == 0 {
            let id = Uuid::parse(value)?;
            // Nil stands for Kith itself, for no tenant and for nothing.
            if id.is_nil() || id.is_max() {
                return Err("a UUID, best of version 7".into());
            }
            Shape::meta_mut(self).id = id;
            return Ok(());
        }
        Shape::set(self, index, value)
    }
    fn check(&self, violations: &mut Violations) {
        Resource::check(self, violations);
    }
    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&dyn Row>) -> Result<()> {
        let before = before.and_then(|row| row.any().downcast_ref::<R>());
        Resource::prepare(self, conn, cx, before)
    }
    fn alone(&self, before: Option<&dyn Row>) -> bool {
        Resource::alone(self, before.and_then(|row| row.any().downcast_ref::<R>()))
    }
    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&dyn Row>) -> Result<()> {
        let before = before.and_then(|row| row.any().downcast_ref::<R>());
        Resource::stored(self, conn, cx, before)
    }
    fn copy(&self) -> Box<dyn Row> {
        Box::new(self.clone())
    }
    fn any(&self) -> &dyn Any {
        self
    }
    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Several rows of one resource, in one allocation.
pub trait Rows: Send + Sync {
    /// How many.
    fn len(&self) -> usize;
    /// None at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// One of them.
    fn row(&self, at: usize) -> Option<&dyn Row>;
    /// Leaves only the first `len`.
    fn truncate(&mut self, len: usize);
    /// Turns the order round.
    fn reverse(&mut self);
    /// Adds the rows of another page of the same resource.
    fn extend(&mut self, other: Box<dyn Rows>);
    /// The first, by value.
    fn into_first(self: Box<Self>) -> Option<Box<dyn Row>>;
    /// For [`Rows::extend`].
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<R: Resource> Rows for Vec<R> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn row(&self, at: usize) -> Option<&dyn Row> {
        let row: &dyn Row = self.get(at)?;
        Some(row)
    }
    fn truncate(&mut self, len: usize) {
        Vec::truncate(self, len);
    }
    fn reverse(&mut self) {
        <[R]>::reverse(self);
    }
    fn extend(&mut self, other: Box<dyn Rows>) {
        if let Ok(rows) = other.into_any().downcast::<Vec<R>>() {
            Extend::extend(self, *rows);
        }
    }
    fn into_first(self: Box<Self>) -> Option<Box<dyn Row>> {
        let row: Box<dyn Row> = Box::new(self.into_iter().next()?);
        Some(row)
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
