//! `fields` and `expand` as a selection.

use kith_kernel::{
    Cx, Entry, Error, Item, Link, ListArgs, ListItem, ListSelect, PageItem, Result, Selection, Violations,
};

/// Deepest `expand`.
const MAX_LEVELS: usize = 4;
/// Most relations of one request.
const MAX_EXPANDED: usize = 20;

/// The selection that `fields` and `expand` ask for: all fields and no relations unless they say otherwise.
pub fn selection(cx: &Cx, entry: &'static Entry, fields: Option<&str>, expand: Option<&str>) -> Result<Selection> {
    let mut violations = Violations::default();
    let mut select = Selection::all(entry);
    if let Some(fields) = fields {
        let names: Vec<&str> = fields.split(',').collect();
        for name in names.iter().filter(|name| entry.field(name).is_none()) {
            let allowed: Vec<_> =
                entry.shown.iter().filter_map(|index| entry.fields.get(*index)).map(|field| field.name).collect();
            let detail = format!("{} has no field {name:?}. Allowed: {}.", entry.name, allowed.join(", "));
            violations.add("/query/fields", "UNKNOWN_FIELD", detail);
        }
        let wanted = |item: &Item| match item {
            Item::Field { index, .. } => entry.fields.get(*index).is_some_and(|field| names.contains(&field.name)),
            _ => false,
        };
        select.items.retain(wanted);
    }
    let paths: Vec<Vec<&str>> =
        expand.map(|text| text.split(',').map(|path| path.split('.').collect()).collect()).unwrap_or_default();
    if paths.len() > MAX_EXPANDED || paths.iter().any(|path| path.len() > MAX_LEVELS) {
        violations.add(
            "/query/expand",
            "OUT_OF_RANGE",
            format!("At most {MAX_EXPANDED} relations, {MAX_LEVELS} levels deep."),
        );
    } else {
        expanded(cx, &mut select, &paths, &mut violations);
    }
    violations.into_result()?;
    Ok(select)
}

/// Adds the relations that the first parts of `paths` name, with the rest of the paths inside them.
fn expanded(cx: &Cx, select: &mut Selection, paths: &[Vec<&str>], violations: &mut Violations) {
    let entry = select.entry;
    let mut done: Vec<&str> = Vec::new();
    for name in paths.iter().filter_map(|path| path.first().copied()) {
        if done.contains(&name) {
            continue;
        }
        done.push(name);
        let Some((relation, target)) =
            entry.relation(name).and_then(|relation| Some((relation, cx.catalogue.get(relation.target)?)))
        else {
            let allowed: Vec<_> = entry.relations.iter().map(|relation| relation.name).collect();
            let detail = format!("{} has no relation {name:?}. Allowed: {}.", entry.name, allowed.join(", "));
            violations.add("/query/expand", "UNKNOWN_FIELD", detail);
            continue;
        };
        let rest: Vec<Vec<&str>> = paths
            .iter()
            .filter(|path| path.first() == Some(&name) && path.len() > 1)
            .map(|path| path.iter().skip(1).copied().collect())
            .collect();
        let mut inner = Selection::all(target);
        expanded(cx, &mut inner, &rest, violations);
        let key = Item::key(name);
        select.items.push(match relation.link {
            Link::One => Item::One { key, relation, select: inner },
            Link::Many => Item::Many { key, relation, args: Box::default(), list: embedded(inner) },
        });
    }
}

/// A page inside a record: its first rows, and whether there are more.
fn embedded(select: Selection) -> ListSelect {
    let page = vec![(Item::key("hasMore"), PageItem::HasMore)];
    ListSelect {
        entry: select.entry,
        items: vec![ListItem::Nodes(Item::key("data"), select), ListItem::Page(Item::key("page"), page)],
    }
}

/// A page as REST shows it.
pub fn page(select: Selection, args: &ListArgs) -> ListSelect {
    let mut page = vec![
        (Item::key("nextCursor"), PageItem::NextCursor),
        (Item::key("previousCursor"), PageItem::PreviousCursor),
        (Item::key("hasMore"), PageItem::HasMore),
    ];
    if args.count != kith_kernel::Count::None {
        page.push((Item::key("total"), PageItem::Total));
    }
    ListSelect {
        entry: select.entry,
        items: vec![ListItem::Nodes(Item::key("data"), select), ListItem::Page(Item::key("page"), page)],
    }
}

/// The same error with pointers into a body that says what else stands in the query string.
pub fn in_body(mut error: Error) -> Error {
    for violation in &mut error.violations {
        if let Some(rest) = violation.pointer.strip_prefix("/query") {
            violation.pointer = rest.to_owned();
        }
    }
    error
}
