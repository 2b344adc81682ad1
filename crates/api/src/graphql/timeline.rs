//! Timelines over GraphQL: their types, their arguments, and what of them is selected.

use super::plan::{Planner, quoted};
use super::types::{arg, enumeration, field, object};
use async_graphql::parser::types::SelectionSet;
use async_graphql::registry::{MetaInputValue, Registry};
use kith_journal::timeline::{EdgePart, EntryPart, Fact, PagePart};
use kith_kernel::{Catalogue, DEFAULT_LIMIT, Error, Item, Result, TimelineArgs};
use serde_json::{Map, Value};

/// Name of the type of a page, returned as it is.
pub const PAGE: &str = "TimelineConnection!";
const ENTRY: &str = "TimelineEntry";
const EDGE: &str = "TimelineEdge";
const KIND: &str = "TimelineKind";

/// What every timeline takes beside the record.
pub fn arguments() -> Vec<(String, MetaInputValue)> {
    let channel = crate::catalogue().channels().map_or("String", |(name, _)| name);
    vec![
        arg("kinds", "Only these kinds.", format!("[{KIND}!]")),
        arg("channels", "Only what has one of these channels.", format!("[{channel}!]")),
        arg("from", "Not before this time.", "DateTime"),
        arg("to", "Before this time.", "DateTime"),
        arg("first", "Page size, 1 to 500; 50 unless given.", "Int"),
        arg("after", "Go on after this cursor.", "String"),
    ]
}

/// The arguments as they were sent.
pub fn timeline_args(arguments: &Map<String, Value>) -> Result<TimelineArgs> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
    let texts = |name: &str| match arguments.get(name) {
        Some(Value::Array(all)) => Some(all.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
        // GraphQL takes one element for a list of one.
        Some(Value::String(one)) => Some(vec![one.clone()]),
        _ => None,
    };
    let limit = match arguments.get("first").filter(|value| !value.is_null()) {
        None => DEFAULT_LIMIT,
        Some(value) => value.as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(0),
    };
    Ok(TimelineArgs {
        kinds: texts("kinds"),
        channels: texts("channels"),
        from: text("from"),
        to: text("to"),
        limit,
        cursor: text("after"),
        at: "",
        limit_name: "first",
    })
}

/// Registers their types: an entry has a member for the record of each kind.
pub fn register(registry: &mut Registry, catalogue: &'static Catalogue) {
    let kinds = catalogue.moments().map(|(entry, _)| (entry.subject.clone(), entry.doc));
    enumeration(registry, KIND, "What an entry of a timeline is.", kinds);
    let channel = catalogue.channels().map_or("String", |(name, _)| name);
    let facts = Fact::ALL.map(|(fact, name, doc)| {
        let ty = match fact {
            Fact::Kind => format!("{KIND}!"),
            Fact::Resource => "String!".into(),
            Fact::Id => "UUID!".into(),
            Fact::At => "DateTime!".into(),
            Fact::Title => "String".into(),
            Fact::Channel => channel.into(),
        };
        field(name, doc, ty, Vec::new())
    });
    let records = catalogue.moments().map(|(entry, _)| {
        let doc = format!("The record, where it is one of {}.", entry.name);
        field(&entry.singular, &doc, entry.type_name, Vec::new())
    });
    let fields: Vec<_> = facts.into_iter().chain(records).collect();
    registry.types.insert(ENTRY.into(), object(ENTRY, "Something that there is about a record.", None, fields));
    let edges = [
        field("node", "The entry.", format!("{ENTRY}!"), Vec::new()),
        field("cursor", "Its cursor.", "String!", Vec::new()),
    ];
    registry.types.insert(EDGE.into(), object(EDGE, "An entry in a page.", None, edges));
    let page = [
        field("nodes", "The entries.", format!("[{ENTRY}!]!"), Vec::new()),
        field("edges", "The entries with their cursors.", format!("[{EDGE}!]!"), Vec::new()),
        field("pageInfo", "Where the page stands.", "PageInfo!", Vec::new()),
    ];
    let name = PAGE.trim_end_matches('!');
    registry.types.insert(name.into(), object(name, "A page of a timeline.", None, page));
}

impl<'a> Planner<'a> {
    /// What is selected of a timeline whose page may have `times` entries.
    pub fn timeline(&mut self, sets: &[&'a SelectionSet], times: u64) -> Result<Vec<PagePart>> {
        self.spend(times)?;
        let mut parts = Vec::new();
        for merged in self.merged(sets) {
            let key = Item::key(merged.key);
            parts.push(match merged.name() {
                "nodes" => PagePart::Nodes(key, self.entry(&merged.sets(), times)?),
                "edges" => {
                    let mut edges = Vec::new();
                    for part in self.merged(&merged.sets()) {
                        let key = Item::key(part.key);
                        edges.push(match part.name() {
                            "node" => EdgePart::Node(key, self.entry(&part.sets(), times)?),
                            "cursor" => EdgePart::Cursor(key),
                            _ => EdgePart::Constant(key, quoted(EDGE)),
                        });
                    }
                    PagePart::Edges(key, edges)
                }
                "pageInfo" => PagePart::Page(key, self.page_info(&merged.sets())),
                _ => PagePart::Constant(key, quoted(PAGE.trim_end_matches('!'))),
            });
        }
        Ok(parts)
    }

    fn entry(&mut self, sets: &[&'a SelectionSet], times: u64) -> Result<Vec<EntryPart>> {
        let mut parts = Vec::new();
        for merged in self.merged(sets) {
            let (key, name) = (Item::key(merged.key), merged.name());
            let fact = Fact::ALL.into_iter().find(|(_, known, _)| *known == name);
            let record = || crate::catalogue().moments().find(|(entry, _)| entry.singular == name);
            parts.push(if let Some((fact, ..)) = fact {
                EntryPart::Fact(key, fact)
            } else if name == "__typename" {
                EntryPart::Constant(key, quoted(ENTRY))
            } else if let Some((entry, _)) = record() {
                EntryPart::Record(key, vec![self.record(entry, &merged.sets(), times)?])
            } else {
                return Err(Error::internal(format!("{name} is in the schema but not in a timeline")));
            });
        }
        Ok(parts)
    }
}
