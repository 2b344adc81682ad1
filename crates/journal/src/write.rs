//! Writes loaded rows as JSON text. It knows the selection and the rows, nothing of where either came from.

use crate::read::{Child, List, View, guarded, has_relations};
use kith_kernel::{EdgeItem, Item, ListItem, ListSelect, PageItem, Row, Selection};

/// Calls `write` for each item with a comma between them, inside `{}`.
pub(crate) fn object<T>(out: &mut Vec<u8>, items: &[T], mut write: impl FnMut(&mut Vec<u8>, usize, &T)) {
    out.push(b'{');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, at, item);
    }
    out.push(b'}');
}

pub(crate) fn array(out: &mut Vec<u8>, items: &[usize], mut write: impl FnMut(&mut Vec<u8>, usize)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, *item);
    }
    out.push(b']');
}

/// One record.
pub(crate) fn row(out: &mut Vec<u8>, row: &dyn Row, select: &Selection, children: &[Child<'_>]) {
    object(out, &select.items, |out, at, item| match item {
        Item::Field { key, index } => {
            out.extend_from_slice(key);
            row.write_field(*index, out);
        }
        Item::Money { key, index, parts } => {
            out.extend_from_slice(key);
            money(out, row, *index, parts);
        }
        Item::Constant { key, text } => {
            out.extend_from_slice(key);
            out.extend_from_slice(text.as_bytes());
        }
        Item::One { key, select, .. } => {
            out.extend_from_slice(key);
            match children.get(at) {
                Some(child) => to_one(out, row, select, child),
                None => out.extend_from_slice(b"null"),
            }
        }
        Item::Many { key, list, .. } => {
            out.extend_from_slice(key);
            match children.get(at) {
                Some(Child::Many { pages, list: loaded }) => {
                    let empty = View::default();
                    page(out, loaded, pages.get(&row.meta().id).unwrap_or(&empty), list);
                }
                _ => out.extend_from_slice(b"null"),
            }
        }
    });
}

/// The members of an amount that are asked for, under the names they are asked by.
fn money(out: &mut Vec<u8>, row: &dyn Row, index: usize, parts: &[(kith_kernel::Key, String)]) {
    let value = crate::log::field_value(row, index);
    if value.is_null() {
        return out.extend_from_slice(b"null");
    }
    object(out, parts, |out, _, (key, name)| {
        out.extend_from_slice(key);
        let member = value.get(name).cloned().unwrap_or_else(|| "Money".into());
        out.extend_from_slice(member.to_string().as_bytes());
    });
}

fn to_one(out: &mut Vec<u8>, from: &dyn Row, select: &Selection, child: &Child<'_>) {
    if let Child::One { ours, guard, at, rows, children, .. } = child {
        let id = from.uuid(*ours).filter(|_| guarded(from, guard.as_ref()));
        if let Some(target) = id.and_then(|id| at.get(&id)).and_then(|at| rows.row(*at)) {
            return row(out, target, select, children);
        }
    }
    out.extend_from_slice(b"null");
}

/// One page.
pub(crate) fn page(out: &mut Vec<u8>, list: &List<'_>, view: &View, select: &ListSelect) {
    let no_children = Vec::new();
    object(out, &select.items, |out, at, item| {
        let children = list.children.get(at).unwrap_or(&no_children);
        match item {
            ListItem::Nodes(key, selection) => {
                out.extend_from_slice(key);
                array(out, &view.rows, |out, at| record(out, list, at, selection, children));
            }
            ListItem::Edges(key, items) => {
                out.extend_from_slice(key);
                array(out, &view.rows, |out, at| edge(out, list, at, items, children));
            }
            ListItem::Page(key, items) => {
                out.extend_from_slice(key);
                object(out, items, |out, _, (key, item)| {
                    out.extend_from_slice(key);
                    about(out, list, view, item);
                });
            }
            ListItem::Total(key) => {
                out.extend_from_slice(key);
                number(out, view.total);
            }
            ListItem::Constant(key, text) => {
                out.extend_from_slice(key);
                out.extend_from_slice(text.as_bytes());
            }
        }
    });
}

fn record(out: &mut Vec<u8>, list: &List<'_>, at: usize, selection: &Selection, children: &[Child<'_>]) {
    match list.rows.row(at) {
        Some(found) => row(out, found, selection, children),
        None => out.extend_from_slice(b"null"),
    }
}

fn edge(out: &mut Vec<u8>, list: &List<'_>, at: usize, items: &[EdgeItem], mut children: &[Child<'_>]) {
    object(out, items, |out, _, item| match item {
        EdgeItem::Node(key, selection) => {
            out.extend_from_slice(key);
            let own = if has_relations(selection) { selection.items.len() } else { 0 };
            let (ours, rest) = children.split_at_checked(own).unwrap_or_default();
            children = rest;
            record(out, list, at, selection, ours);
        }
        EdgeItem::Cursor(key) => {
            out.extend_from_slice(key);
            cursor(out, list, Some(&at), false);
        }
        EdgeItem::Constant(key, text) => {
            out.extend_from_slice(key);
            out.extend_from_slice(text.as_bytes());
        }
    });
}

fn number(out: &mut Vec<u8>, number: Option<i64>) {
    match number {
        Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

fn flag(out: &mut Vec<u8>, flag: bool) {
    out.extend_from_slice(if flag { b"true" } else { b"false" });
}

/// Cursors are base64url, so they need no escaping.
fn cursor(out: &mut Vec<u8>, list: &List<'_>, at: Option<&usize>, backward: bool) {
    match at.and_then(|at| list.rows.row(*at)) {
        Some(row) => {
            out.push(b'"');
            out.extend_from_slice(list.plan.cursor_at(row, backward).as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn about(out: &mut Vec<u8>, list: &List<'_>, view: &View, item: &PageItem) {
    let (backward, continued) = (list.plan.backward(), list.plan.has_cursor());
    let after = if backward { continued } else { view.more };
    let before = if backward { view.more } else { continued };
    match item {
        PageItem::HasMore => flag(out, view.more),
        PageItem::HasNextPage => flag(out, after),
        PageItem::HasPreviousPage => flag(out, before),
        PageItem::NextCursor if after => cursor(out, list, view.rows.last(), false),
        PageItem::PreviousCursor if before => cursor(out, list, view.rows.first(), true),
        PageItem::NextCursor | PageItem::PreviousCursor => out.extend_from_slice(b"null"),
        PageItem::StartCursor => cursor(out, list, view.rows.first(), false),
        PageItem::EndCursor => cursor(out, list, view.rows.last(), false),
        PageItem::Total => number(out, view.total),
        PageItem::Constant(text) => out.extend_from_slice(text.as_bytes()),
    }
}
