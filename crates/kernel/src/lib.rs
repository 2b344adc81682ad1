//! The types every area shares: who acts ([`Cx`], [`Actor`]), what may go wrong ([`Error`], [`Code`]), the field
//! table of a resource ([`Field`], [`Shape`], [`Entry`], [`Catalogue`]) and what follows from it without further
//! code: filters, sorting, cursors, bodies and selections, all of which end in a [`Statement`].
//!
//! The kernel builds SQL but never runs it, and knows nothing of HTTP, GraphQL or any single resource.

// Lets `#[resource]` name `kith_kernel::…` inside this crate's own tests.
extern crate self as kith_kernel;

mod actor;
mod body;
mod catalogue;
mod command;
mod cursor;
mod cx;
mod error;
mod field;
mod filter;
pub mod ids;
pub mod json;
mod metric;
mod moment;
mod money;
mod page;
mod priced;
pub mod problem;
mod rate;
mod seek;
mod select;
mod shape;
mod sort;
mod statement;
mod subject;
pub mod svg;
pub mod text;
mod time;
mod timeline;
mod types;
mod vocabulary;

pub use actor::{Action, Actor, Grant, Grants, PrincipalKind, RowScope};
pub use body::{Mode, apply, missing};
pub use catalogue::{Catalogue, Entry, Link, Ownership, Relation, Verb};
pub use chrono_tz::Tz;
pub use command::{Act, Command, Input, Nothing};
pub use cursor::{Cursor, CursorKey};
pub use cx::{Cx, Origin};
pub use error::{Code, Codes, Error, Kind as ErrorKind, Result, Violation, Violations, codes};
pub use field::{Access, Field, FieldType, Kind};
pub use filter::{Condition, MAX_DEPTH, MAX_LIST, MAX_NODES, escape, escape_xml};
pub use metric::{Besides, Dimension, MONTH, Metric, Unit};
pub use moment::{About, Moment};
pub use money::{Currency, Money, decimal_from_text};
pub use page::{Archived, Count, DEFAULT_LIMIT, ListArgs, MAX_LIMIT, Plan, Segment};
pub use priced::{Amounts, Priced, sum_of_lines};
pub use rate::Rate;
pub use select::{EdgeItem, Item, Key, ListItem, ListSelect, PageItem, Selection};
pub use shape::{DERIVED_META_FIELDS, META_FIELDS, Meta, MetaRow, MetaSql, Resource, Row, Rows, Shape};
pub use sort::{Sortable, sortable};
pub use statement::{Bind, Column, Json, Statement, Typed, is_plain, is_plain_sql};
pub use subject::SubjectType;
pub use time::{Clock, instant, write_date, write_time};
pub use timeline::{Spot, Timeline, TimelineArgs};
pub use types::Custom;
pub use vocabulary::BuyingRole;

/// What `#[resource]` needs to name without asking every domain crate for a diesel dependency of its own.
#[doc(hidden)]
pub mod export {
    pub use diesel;
    pub use serde_json;
    pub use uuid;
}
