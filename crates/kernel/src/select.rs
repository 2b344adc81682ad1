//! What an answer shall hold: fields, relations and pages, planned once a request and then written row by row.
//! REST's `fields` and `expand` and a GraphQL selection set become the same tree.

use crate::{Entry, ListArgs, Relation};
use std::borrow::Cow;

/// `"name":`, ready to be copied. Those of whole records are made once a process, not once a request.
pub type Key = Cow<'static, [u8]>;

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
        key: Key,
        /// In the field table.
        index: usize,
    },
    /// Some members of an amount.
    Money {
        /// Ready to be copied.
        key: Key,
        /// In the field table.
        index: usize,
        /// Keys ready to be copied, and the member each stands for.
        parts: Vec<(Key, String)>,
    },
    /// A constant JSON text, such as `__typename`.
    Constant {
        /// Ready to be copied.
        key: Key,
        /// JSON.
        text: String,
    },
    /// The record a reference points to.
    One {
        /// Ready to be copied.
        key: Key,
        /// How to get there.
        relation: &'static Relation,
        /// What of it.
        select: Selection,
    },
    /// A page of related records.
    Many {
        /// Ready to be copied.
        key: Key,
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
    Nodes(Key, Selection),
    /// The records with their cursors.
    Edges(Key, Vec<EdgeItem>),
    /// About the page.
    Page(Key, Vec<(Key, PageItem)>),
    /// How many records there are in all.
    Total(Key),
    /// A constant JSON text.
    Constant(Key, String),
}

/// One member of an edge.
#[derive(Debug)]
pub enum EdgeItem {
    /// The record.
    Node(Key, Selection),
    /// Its cursor.
    Cursor(Key),
    /// A constant JSON text.
    Constant(Key, String),
}

impl EdgeItem {
    /// What is selected of the record, where it is the record.
    pub fn selection(&self) -> Option<&Selection> {
        if let EdgeItem::Node(_, selection) = self { Some(selection) } else { None }
    }
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
pub(crate) fn key(name: &str) -> Vec<u8> {
    format!("{}:", serde_json::Value::from(name)).into_bytes()
}

impl Selection {
    /// All fields, no relations.
    pub fn all(entry: &'static Entry) -> Self {
        let items = entry.shown.iter().zip(&entry.keys);
        let items =
            items.map(|(index, key)| Item::Field { key: Cow::Borrowed(key.as_slice()), index: *index }).collect();
        Selection { entry, items }
    }
}

impl Item {
    /// A member called `name`.
    pub fn key(name: &str) -> Key {
        Cow::Owned(key(name))
    }
}
