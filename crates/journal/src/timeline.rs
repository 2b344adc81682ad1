//! Answers the timeline of a record: one statement for the entries of a page, and one for the records of each kind
//! where they are asked for, with what is selected of them.

use crate::read::{Child, children};
use crate::write::{array, object};
use crate::{store, write};
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{
    Action, Cx, Entry, Error, FieldType, Item, Key, MAX_LIMIT, PageItem, Result, Row, Rows, Selection, Spot, Timeline,
    TimelineArgs,
};
use std::collections::HashMap;
use uuid::Uuid;

/// What of the page of a timeline is asked for, in the order of the answer.
#[derive(Debug)]
pub enum PagePart {
    /// The entries in a plain list.
    Nodes(Key, Vec<EntryPart>),
    /// The entries with their cursors.
    Edges(Key, Vec<EdgePart>),
    /// About the page.
    Page(Key, Vec<(Key, PageItem)>),
    /// A constant JSON text.
    Constant(Key, String),
}

/// One member of an edge.
#[derive(Debug)]
pub enum EdgePart {
    /// The entry.
    Node(Key, Vec<EntryPart>),
    /// Its cursor.
    Cursor(Key),
    /// A constant JSON text.
    Constant(Key, String),
}

/// One member of an entry.
#[derive(Debug)]
pub enum EntryPart {
    /// A fact that every entry has.
    Fact(Key, Fact),
    /// Its record, if it is of one of these resources, else null.
    Record(Key, Vec<Selection>),
    /// A constant JSON text.
    Constant(Key, String),
}

/// What every entry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// What it is: `NOTE`.
    Kind,
    /// The resource of its record: `notes`.
    Resource,
    /// The id of its record.
    Id,
    /// Where it stands.
    At,
    /// One line about it.
    Title,
    /// The channel, where it has one.
    Channel,
}

impl Fact {
    /// All of them, with their names and their documentation.
    pub const ALL: [(Fact, &'static str, &'static str); 6] = [
        (Fact::Kind, "kind", "What it is."),
        (Fact::At, "at", "Where it stands in the timeline: when it happened, was written or is due."),
        (Fact::Title, "title", "One line about it; null: there is none, or none that you may read."),
        (Fact::Channel, "channel", "The channel, where it has one."),
        (Fact::Resource, "resource", "The resource of its record."),
        (Fact::Id, "id", "The id of its record."),
    ];
}

/// The records of one kind.
struct Loaded<'a> {
    select: &'a Selection,
    rows: Box<dyn Rows>,
    at: HashMap<Uuid, usize>,
    children: Vec<Child<'a>>,
}

struct Page<'a> {
    timeline: Timeline<'a>,
    spots: Vec<Spot>,
    more: bool,
    loaded: Vec<Loaded<'a>>,
}

/// Answers it. Kinds that the actor may not read are not in it.
pub fn read(
    conn: &mut PgConnection,
    cx: &Cx,
    (entry, id): (&Entry, Uuid),
    asked: &TimelineArgs,
    parts: &[PagePart],
) -> Result<Vec<u8>> {
    cx.require(entry, Action::Read)?;
    if !store::exists(conn, cx, entry, id, Action::Read)? {
        return Err(Error::not_found());
    }
    let timeline = Timeline::new(cx, entry, id, asked)?;
    let mut spots = spots(conn, &timeline)?;
    let more = spots.len() > timeline.limit();
    spots.truncate(timeline.limit());
    let loaded = load(conn, cx, &spots, parts)?;
    let mut out = Vec::with_capacity(256 + spots.len() * 256);
    page(&mut out, cx, &Page { timeline, spots, more, loaded }, parts);
    Ok(out)
}

/// The page and one more. It is read in one of a few sizes: each size is a statement of its own, which every connection
/// keeps prepared.
fn spots(conn: &mut PgConnection, timeline: &Timeline<'_>) -> Result<Vec<Spot>> {
    let size = [50, 200].into_iter().find(|size| timeline.limit() <= *size).unwrap_or(MAX_LIMIT);
    let Some(statement) = timeline.statement(size + 1) else { return Ok(Vec::new()) };
    type Sql = (st::Text, st::Uuid, st::Timestamptz, st::Nullable<st::Text>, st::Nullable<st::Text>);
    type Found = (String, Uuid, DateTime<Utc>, Option<String>, Option<String>);
    let rows: Vec<Found> = RunQueryDsl::load(statement.typed::<Sql>(), conn)?;
    Ok(rows.into_iter().map(|(kind, id, at, title, channel)| Spot { kind, id, at, title, channel }).collect())
}

/// The records that are asked for: a statement for each kind that the actor may read.
fn load<'a>(conn: &mut PgConnection, cx: &'a Cx, spots: &[Spot], parts: &'a [PagePart]) -> Result<Vec<Loaded<'a>>> {
    let entries = parts.iter().flat_map(|part| match part {
        PagePart::Nodes(_, entry) => vec![entry],
        PagePart::Edges(_, edges) => {
            let nodes =
                edges.iter().filter_map(|edge| if let EdgePart::Node(_, entry) = edge { Some(entry) } else { None });
            nodes.collect()
        }
        PagePart::Page(..) | PagePart::Constant(..) => Vec::new(),
    });
    let selections = entries.flatten().flat_map(|part| match part {
        EntryPart::Record(_, selections) => selections.as_slice(),
        EntryPart::Fact(..) | EntryPart::Constant(..) => &[],
    });
    let mut all = Vec::new();
    for select in selections {
        let ids: Vec<Uuid> =
            spots.iter().filter(|spot| spot.kind == select.entry.subject).map(|spot| spot.id).collect();
        // Also with no ids: the number of statements must not depend on the data.
        if cx.require(select.entry, Action::Read).is_err() {
            continue;
        }
        let rows = store::find_many(conn, cx, select.entry, &ids)?;
        let found: Vec<&dyn Row> = (0..rows.len()).filter_map(|at| rows.row(at)).collect();
        let at = found.iter().enumerate().map(|(at, row)| (row.meta().id, at)).collect();
        let children = children(conn, cx, &found, select)?;
        all.push(Loaded { select, rows, at, children });
    }
    Ok(all)
}

fn page(out: &mut Vec<u8>, cx: &Cx, page: &Page<'_>, parts: &[PagePart]) {
    let all: Vec<usize> = (0..page.spots.len()).collect();
    object(out, parts, |out, _, part| match part {
        PagePart::Nodes(key, entry) => {
            out.extend_from_slice(key);
            array(out, &all, |out, at| one(out, cx, page, at, entry));
        }
        PagePart::Edges(key, edges) => {
            out.extend_from_slice(key);
            array(out, &all, |out, at| {
                object(out, edges, |out, _, edge| match edge {
                    EdgePart::Node(key, entry) => {
                        out.extend_from_slice(key);
                        one(out, cx, page, at, entry);
                    }
                    EdgePart::Cursor(key) => {
                        out.extend_from_slice(key);
                        cursor(out, page, page.spots.get(at));
                    }
                    EdgePart::Constant(key, text) => constant(out, key, text),
                });
            });
        }
        PagePart::Page(key, items) => {
            out.extend_from_slice(key);
            object(out, items, |out, _, (key, item)| {
                out.extend_from_slice(key);
                about(out, page, item);
            });
        }
        PagePart::Constant(key, text) => constant(out, key, text),
    });
}

fn constant(out: &mut Vec<u8>, key: &Key, text: &str) {
    out.extend_from_slice(key);
    out.extend_from_slice(text.as_bytes());
}

fn one(out: &mut Vec<u8>, cx: &Cx, page: &Page<'_>, at: usize, parts: &[EntryPart]) {
    let Some(spot) = page.spots.get(at) else { return out.extend_from_slice(b"null") };
    object(out, parts, |out, _, part| match part {
        EntryPart::Fact(key, fact) => {
            out.extend_from_slice(key);
            tell(out, cx, spot, *fact);
        }
        EntryPart::Record(key, selections) => {
            out.extend_from_slice(key);
            record(out, page, spot, selections);
        }
        EntryPart::Constant(key, text) => constant(out, key, text),
    });
}

fn tell(out: &mut Vec<u8>, cx: &Cx, spot: &Spot, fact: Fact) {
    match fact {
        Fact::Kind => spot.kind.write(out),
        Fact::Resource => {
            cx.catalogue.by_subject(&spot.kind).map(|entry| entry.name.to_owned()).unwrap_or_default().write(out)
        }
        Fact::Id => spot.id.write(out),
        Fact::At => spot.at.write(out),
        Fact::Title => spot.title.write(out),
        Fact::Channel => spot.channel.write(out),
    }
}

fn record(out: &mut Vec<u8>, page: &Page<'_>, spot: &Spot, selections: &[Selection]) {
    let select = selections.iter().find(|select| select.entry.subject == spot.kind);
    let loaded = select.and_then(|select| page.loaded.iter().find(|loaded| std::ptr::eq(loaded.select, select)));
    let row = loaded.and_then(|loaded| Some((loaded, loaded.rows.row(*loaded.at.get(&spot.id)?)?)));
    match row {
        Some((loaded, row)) => write::row(out, row, loaded.select, &loaded.children),
        None => out.extend_from_slice(b"null"),
    }
}

fn cursor(out: &mut Vec<u8>, page: &Page<'_>, spot: Option<&Spot>) {
    spot.map(|spot| page.timeline.cursor_at(spot)).write(out);
}

fn about(out: &mut Vec<u8>, page: &Page<'_>, item: &PageItem) {
    match item {
        PageItem::HasMore | PageItem::HasNextPage => page.more.write(out),
        PageItem::HasPreviousPage => page.timeline.has_cursor().write(out),
        PageItem::NextCursor => cursor(out, page, page.spots.last().filter(|_| page.more)),
        PageItem::StartCursor => cursor(out, page, page.spots.first()),
        PageItem::EndCursor => cursor(out, page, page.spots.last()),
        PageItem::PreviousCursor | PageItem::Total => out.extend_from_slice(b"null"),
        PageItem::Constant(text) => out.extend_from_slice(text.as_bytes()),
    }
}

/// The page as REST shows it: the entries, with their records if they are wanted, and where to go on.
pub fn plain(cx: &Cx, records: bool) -> Vec<PagePart> {
    let mut entry: Vec<_> = Fact::ALL.iter().map(|(fact, name, _)| EntryPart::Fact(Item::key(name), *fact)).collect();
    if records {
        let all = cx.catalogue.moments().map(|(entry, _)| Selection::all(entry)).collect();
        entry.push(EntryPart::Record(Item::key("record"), all));
    }
    let about = vec![(Item::key("nextCursor"), PageItem::NextCursor), (Item::key("hasMore"), PageItem::HasMore)];
    vec![PagePart::Nodes(Item::key("data"), entry), PagePart::Page(Item::key("page"), about)]
}
