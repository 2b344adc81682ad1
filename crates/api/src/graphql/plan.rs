//! Turns a GraphQL selection set into the same [`Selection`] that REST's `fields` and `expand` become: fragments are
//! inlined, doubled fields merged, arguments read, and the cost counted, all before the first statement runs.

use super::{limits, types};
use async_graphql::parser::types::{Field, FragmentDefinition, OperationDefinition, Selection as Node, SelectionSet};
use async_graphql::{Name, Positioned, Variables};
use kith_kernel::{
    Archived, Count, DEFAULT_LIMIT, EdgeItem, Entry, Error, Item, Link, ListArgs, ListItem, ListSelect, MAX_LIMIT,
    PageItem, Result, Selection, Violations,
};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Reads one request.
pub struct Planner<'a> {
    operation: &'a OperationDefinition,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'a Variables,
    /// Records asked for so far.
    pub cost: u64,
}

/// A field as it stands in the answer: its response key, and every place that asks for it.
pub struct Merged<'a> {
    pub key: &'a str,
    pub fields: Vec<&'a Positioned<Field>>,
}

impl<'a> Merged<'a> {
    /// The name in the schema.
    pub fn name(&self) -> &'a str {
        self.fields.first().map(|field| field.node.name.node.as_str()).unwrap_or_default()
    }

    /// What is selected of it.
    pub fn sets(&self) -> Vec<&'a SelectionSet> {
        self.fields.iter().map(|field| &field.node.selection_set.node).collect()
    }
}

pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl<'a> Planner<'a> {
    /// For one operation.
    pub fn new(
        operation: &'a OperationDefinition,
        fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
        variables: &'a Variables,
    ) -> Self {
        Planner { operation, fragments, variables, cost: 0 }
    }

    /// The fields of some selection sets on one object, merged by response key, in the order of the document.
    pub fn merged(&self, sets: &[&'a SelectionSet]) -> Vec<Merged<'a>> {
        let mut all = Vec::new();
        sets.iter().for_each(|set| self.collect(set, &mut all));
        all
    }

    fn collect(&self, set: &'a SelectionSet, all: &mut Vec<Merged<'a>>) {
        for item in &set.items {
            match &item.node {
                Node::Field(field) => {
                    let key = field.node.response_key().node.as_str();
                    match all.iter_mut().find(|merged| merged.key == key) {
                        Some(merged) => merged.fields.push(field),
                        None => all.push(Merged { key, fields: vec![field] }),
                    }
                }
                Node::InlineFragment(inline) => self.collect(&inline.node.selection_set.node, all),
                Node::FragmentSpread(spread) => {
                    if let Some(fragment) = self.fragments.get(&spread.node.fragment_name.node) {
                        self.collect(&fragment.node.selection_set.node, all);
                    }
                }
            }
        }
    }

    /// Everything the operation asks for under one response key at its root.
    pub fn root(&self, key: &str) -> Option<Merged<'a>> {
        self.merged(&[&self.operation.selection_set.node]).into_iter().find(|merged| merged.key == key)
    }

    /// The arguments of a field as JSON. A variable that was not given counts as absent.
    pub fn arguments(&self, field: &Merged<'a>) -> Map<String, Value> {
        let mut arguments = Map::new();
        // Every place that asks for it has the same arguments, or the library refuses the document.
        for (name, value) in field.fields.first().into_iter().flat_map(|field| &field.node.arguments) {
            let constant = value.node.clone().into_const_with(|name| self.variable(&name).ok_or(()));
            if let Ok(Ok(value)) = constant.map(async_graphql::Value::into_json) {
                arguments.insert(name.node.to_string(), value);
            } else if let Some(value) = self.partial(&value.node) {
                arguments.insert(name.node.to_string(), value);
            }
        }
        arguments
    }

    fn variable(&self, name: &Name) -> Option<async_graphql::Value> {
        let given = self.variables.get(name).cloned();
        given.or_else(|| {
            let definition =
                self.operation.variable_definitions.iter().find(|definition| definition.node.name.node == *name)?;
            definition.node.default_value.as_ref().map(|value| value.node.clone())
        })
    }

    /// An object literal in which some variables were not given: those members are absent.
    fn partial(&self, value: &async_graphql_value::Value) -> Option<Value> {
        use async_graphql_value::Value as Node;
        match value {
            Node::Variable(name) => self.variable(name).and_then(|value| value.into_json().ok()),
            Node::Object(members) => {
                let members = members.iter().filter_map(|(name, value)| Some((name.to_string(), self.partial(value)?)));
                Some(Value::Object(members.collect()))
            }
            Node::List(elements) => {
                Some(Value::Array(elements.iter().map(|value| self.partial(value).unwrap_or_default()).collect()))
            }
            constant => constant.clone().into_const().and_then(|value| value.into_json().ok()),
        }
    }

    /// What is selected of a record.
    pub fn record(&mut self, entry: &'static Entry, sets: &[&'a SelectionSet], times: u64) -> Result<Selection> {
        self.spend(times)?;
        let mut items = Vec::new();
        for merged in self.merged(sets) {
            let name = merged.name();
            if let Some((index, _)) = entry.field(name) {
                let known = if merged.key == name { entry.key(index) } else { None };
                let key = known.unwrap_or_else(|| Item::key(merged.key));
                items.push(self.field(entry, index, key, &merged));
                continue;
            }
            let key = Item::key(merged.key);
            items.push(if name == "__typename" {
                Item::Constant { key, text: quoted(entry.type_name) }
            } else if let Some(relation) = entry.relation(name) {
                let target =
                    crate::catalogue().get(relation.target).ok_or_else(|| Error::internal("a relation to nowhere"))?;
                match relation.link {
                    Link::One => Item::One { key, relation, select: self.record(target, &merged.sets(), times)? },
                    Link::Many => {
                        let args = list_args(target, &self.arguments(&merged))?;
                        let each = u64::try_from(args.limit).unwrap_or(u64::MAX);
                        let list = self.connection(target, &merged.sets(), times.saturating_mul(each))?;
                        Item::Many { key, relation, args: Box::new(args), list }
                    }
                }
            } else {
                return Err(Error::internal(format!("{name} is in the schema but not in the catalogue")));
            });
        }
        Ok(Selection { entry, items })
    }

    /// Money is the one field with members of its own; whoever asks for some of them gets those.
    fn field(&self, entry: &'static Entry, index: usize, key: kith_kernel::Key, merged: &Merged<'a>) -> Item {
        let money = entry.fields.get(index).is_some_and(|field| field.kind == kith_kernel::Kind::Money);
        if !money {
            return Item::Field { key, index };
        }
        let parts =
            self.merged(&merged.sets()).iter().map(|part| (Item::key(part.key), part.name().to_owned())).collect();
        Item::Money { key, index, parts }
    }

    /// What is selected of a connection whose nodes may be `times` many.
    pub fn connection(&mut self, entry: &'static Entry, sets: &[&'a SelectionSet], times: u64) -> Result<ListSelect> {
        let mut items = Vec::new();
        for merged in self.merged(sets) {
            let key = Item::key(merged.key);
            items.push(match merged.name() {
                "nodes" => ListItem::Nodes(key, self.record(entry, &merged.sets(), times)?),
                "edges" => ListItem::Edges(key, self.edges(entry, &merged.sets(), times)?),
                "pageInfo" => ListItem::Page(key, self.page_info(&merged.sets())),
                "totalCount" => ListItem::Total(key),
                _ => ListItem::Constant(key, quoted(&types::connection(entry))),
            });
        }
        Ok(ListSelect { entry, items })
    }

    fn edges(&mut self, entry: &'static Entry, sets: &[&'a SelectionSet], times: u64) -> Result<Vec<EdgeItem>> {
        let mut items = Vec::new();
        for merged in self.merged(sets) {
            let key = Item::key(merged.key);
            items.push(match merged.name() {
                "node" => EdgeItem::Node(key, self.record(entry, &merged.sets(), times)?),
                "cursor" => EdgeItem::Cursor(key),
                _ => EdgeItem::Constant(key, quoted(&types::edge(entry))),
            });
        }
        Ok(items)
    }

    pub(super) fn page_info(&self, sets: &[&'a SelectionSet]) -> Vec<(kith_kernel::Key, PageItem)> {
        let item = |merged: Merged<'a>| {
            let item = match merged.name() {
                "hasNextPage" => PageItem::HasNextPage,
                "hasPreviousPage" => PageItem::HasPreviousPage,
                "startCursor" => PageItem::StartCursor,
                "endCursor" => PageItem::EndCursor,
                _ => PageItem::Constant(quoted("PageInfo")),
            };
            (Item::key(merged.key), item)
        };
        self.merged(sets).into_iter().map(item).collect()
    }

    pub(super) fn spend(&mut self, records: u64) -> Result<()> {
        self.cost = self.cost.saturating_add(records);
        if self.cost > limits::COST {
            let detail =
                format!("The query may ask for {} records through all levels; ask for smaller pages.", limits::COST);
            return Err(Error::invalid("/query", "TOO_EXPENSIVE", detail));
        }
        Ok(())
    }
}

/// The arguments of a connection: `filter, sort, first, after, last, before, archived`.
pub fn list_args(entry: &Entry, arguments: &Map<String, Value>) -> Result<ListArgs> {
    let mut violations = Violations::default();
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
    let size = |name: &str| arguments.get(name).filter(|value| !value.is_null());
    let (first, last) = (size("first"), size("last"));
    let (after, before) = (text("after"), text("before"));
    let backward = last.is_some() || (before.is_some() && first.is_none());
    if (first.is_some() || after.is_some()) && (last.is_some() || before.is_some()) {
        violations.add("/last", "WRONG_TYPE", "Give first and after, or last and before, not both.");
    }
    let limit = match first.or(last) {
        None => Some(DEFAULT_LIMIT),
        Some(value) => {
            value.as_u64().and_then(|limit| usize::try_from(limit).ok()).filter(|limit| (1..=MAX_LIMIT).contains(limit))
        }
    };
    if limit.is_none() {
        let at = if last.is_some() { "/last" } else { "/first" };
        violations.add(at, "OUT_OF_RANGE", format!("The page size is 1 to {MAX_LIMIT}."));
    }
    let sort = match arguments.get("sort") {
        Some(Value::Array(keys)) => keys
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|key| types::sort_key(crate::catalogue(), entry, key))
            .collect(),
        Some(Value::String(key)) => types::sort_key(crate::catalogue(), entry, key).into_iter().collect(),
        _ => Vec::new(),
    };
    violations.into_result()?;
    Ok(ListArgs {
        filter: arguments.get("filter").and_then(Value::as_object).cloned(),
        text: false,
        sort,
        limit: limit.unwrap_or(DEFAULT_LIMIT),
        cursor: if backward { before } else { after },
        backward,
        count: Count::None,
        archived: match text("archived").as_deref() {
            Some("YES") => Archived::Yes,
            Some("ANY") => Archived::Any,
            _ => Archived::No,
        },
        filter_pointer: "/filter",
    })
}
