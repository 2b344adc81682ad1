//! What an answer shall hold: fields, relations and pages, planned once a request and then written row by row.
//! REST's `fields` and `expand` and a GraphQL selection set become the same tree.

use crate::{Entry, ListArgs, Relation};

/// The part of a record that is asked for.
#[derive(Debug)]
pub struct Selection {
    /// Of which resource.
    pub entry: &'static Entry,
    /// In the order of the answer.
    pub items: Vec<Item>,
}

/// One member of a record in an answer. `key` is `"name":` ready to be copied.
#[derive(Debug)]
pub enum Item {
    /// A field by its index in the field table.
    Field {
        /// Ready to be copied.
        key: Box<[u8]>,
        /// In the field table.
        index: usize,
    },
    /// Some members of an amount.
    Money {
        /// Ready to be copied.
        key: Box<[u8]>,
        /// In the field table.
        index: usize,
        /// Keys ready to be copied, and the member each stands for.
        parts: Vec<(Box<[u8]>, String)>,
    },
    /// A constant JSON text, such as `__typename`.
    Constant {
        /// Ready to be copied.
        key: Box<[u8]>,
        /// JSON.
        text: String,
    },
    /// The record a reference points to.
    One {
        /// Ready to be copied.
        key: Box<[u8]>,
        /// How to get there.
        relation: &'static Relation,
        /// What of it.
        select: Selection,
    },
    /// A page of related records.
    Many {
        /// Ready to be copied.
        key: Box<[u8]>,
        /// How to get there.
        relation: &'static Relation,
        /// Which of them.
        args: Box<ListArgs>,
        /// What of them.
        list: ListSelect,
    },
}

/// What of a page is asked for.
#[derive(Debug)]
pub struct ListSelect {
    /// Of which resource.
    pub entry: &'static Entry,
    /// In the order of the answer.
    pub items: Vec<ListItem>,
}

/// One member of a page in an answer.
#[derive(Debug)]
pub enum ListItem {
    /// The records in a plain list.
    Nodes(Box<[u8]>, Selection),
    /// The records with their cursors.
    Edges(Box<[u8]>, Vec<EdgeItem>),
    /// About the page.
    Page(Box<[u8]>, Vec<(Box<[u8]>, PageItem)>),
    /// How many records there are in all.
    Total(Box<[u8]>),
    /// A constant JSON text.
    Constant(Box<[u8]>, String),
}

/// One member of an edge.
#[derive(Debug)]
pub enum EdgeItem {
    /// The record.
    Node(Box<[u8]>, Selection),
    /// Its cursor.
    Cursor(Box<[u8]>),
    /// A constant JSON text.
    Constant(Box<[u8]>, String),
}

/// One member of the description of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageItem {
    /// REST: whether there is more in the direction read.
    HasMore,
    /// REST: cursor of the next page, or null.
    NextCursor,
    /// REST: cursor of the page before, or null.
    PreviousCursor,
    /// REST: how many in all, if it was asked for.
    Total,
    /// Relay.
    HasNextPage,
    /// Relay.
    HasPreviousPage,
    /// Relay.
    StartCursor,
    /// Relay.
    EndCursor,
    /// A constant JSON text.
    Constant(String),
}

/// `"name":` as bytes.
pub(crate) fn key(name: &str) -> Box<[u8]> {
    format!("{}:", serde_json::Value::from(name)).into_bytes().into_boxed_slice()
}

impl Selection {
    /// All fields, no relations.
    pub fn all(entry: &'static Entry) -> Self {
        let items = entry.shown.iter().filter_map(|index| Some((*index, entry.fields.get(*index)?)));
        let items = items.map(|(index, field)| Item::Field { key: key(field.name), index }).collect();
        Selection { entry, items }
    }
}

impl Item {
    /// A member called `name`.
    pub fn key(name: &str) -> Box<[u8]> {
        key(name)
    }
}
