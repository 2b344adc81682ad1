//! The filter tree, compiled to SQL by one walk for every resource and every way in: query string, JSON body,
//! GraphQL, and later segments, webhook subscriptions and rights.
//!
//! Identifiers come from field tables, values become binds. A filter and its `not` always add up to all rows:
//! `ne` is `IS DISTINCT FROM`, and every negation is `(…) IS NOT TRUE`.

use crate::statement::{Bind, Statement};
use crate::{Action, Cx, Entry, Field, FieldType, Kind, Link, Relation, RowScope, Violations};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Levels of nesting.
pub const MAX_DEPTH: usize = 8;
/// Conditions in one filter, across relations.
pub const MAX_NODES: usize = 100;
/// Values of one `in` or `notIn`.
pub const MAX_LIST: usize = 500;

/// A filter being compiled.
pub struct Condition<'a> {
    cx: &'a Cx,
    /// Values are texts, as a query string has them.
    text: bool,
    nodes: usize,
    aliases: usize,
    /// Everything that is wrong with it.
    pub violations: Violations,
}

impl<'a> Condition<'a> {
    /// For one statement; aliases are unique within it.
    pub fn new(cx: &'a Cx, text: bool) -> Self {
        Condition { cx, text, nodes: 0, aliases: 0, violations: Violations::default() }
    }

    /// Whether the filter was simple enough to keep its statement prepared.
    pub fn is_common(&self) -> bool {
        self.nodes <= 4 && self.aliases <= 1
    }

    /// Writes the condition that `filter` states about `entry`, whose rows go by `alias`.
    pub fn filter(
        &mut self,
        entry: &Entry,
        alias: &str,
        filter: &Map<String, Value>,
        pointer: &str,
        out: &mut Statement,
    ) {
        self.object(entry, alias, filter, pointer, 1, out);
    }

    fn object(
        &mut self,
        entry: &Entry,
        alias: &str,
        filter: &Map<String, Value>,
        at: &str,
        depth: usize,
        out: &mut Statement,
    ) {
        if depth > MAX_DEPTH {
            self.violations.add(at, "FILTER_TOO_DEEP", format!("A filter may be nested {MAX_DEPTH} levels deep."));
            return;
        }
        out.sql("(TRUE");
        for (name, value) in filter {
            self.nodes += 1;
            if self.nodes > MAX_NODES {
                self.violations.add(at, "FILTER_TOO_LARGE", format!("A filter may hold {MAX_NODES} conditions."));
                return;
            }
            let at = format!("{at}/{}", escape(name));
            out.sql(" AND ");
            self.member(entry, alias, name, value, &at, depth, out);
        }
        out.sql(")");
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one step of a recursive walk")]
    fn member(
        &mut self,
        entry: &Entry,
        alias: &str,
        name: &str,
        value: &Value,
        at: &str,
        depth: usize,
        out: &mut Statement,
    ) {
        match name {
            "and" | "or" => self.group(entry, alias, name, value, at, depth, out),
            "not" => {
                if let Some(inner) = self.as_object(value, at) {
                    self.object(entry, alias, inner, at, depth + 1, out);
                    out.sql(" IS NOT TRUE");
                }
            }
            "custom" if entry.field("custom").is_none() => {
                self.violations.add(at, "UNKNOWN_FIELD", format!("No custom fields are defined for {}.", entry.name));
            }
            _ => {
                if let Some((_, field)) = entry.field(name).filter(|(_, field)| field.filter) {
                    self.field(field, alias, value, at, out);
                } else if let Some(relation) = entry.relation(name) {
                    self.relation(relation, alias, value, at, depth, out);
                } else {
                    let fields = entry.fields.iter().filter(|f| f.filter && f.visible()).map(|f| f.name);
                    let allowed: Vec<_> =
                        fields.chain(entry.relations.iter().map(|r| r.name)).chain(["and", "or", "not"]).collect();
                    let detail =
                        format!("{} cannot be filtered by {name:?}. Allowed: {}.", entry.name, allowed.join(", "));
                    self.violations.add(at, "UNKNOWN_FIELD", detail);
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the state of one step of a recursive walk")]
    fn group(
        &mut self,
        entry: &Entry,
        alias: &str,
        name: &str,
        value: &Value,
        at: &str,
        depth: usize,
        out: &mut Statement,
    ) {
        let Some(list) = value.as_array() else {
            self.violations.add(at, "WRONG_TYPE", format!("`{name}` takes a list of filters."));
            return;
        };
        // An empty `and` is true of everything, an empty `or` of nothing.
        out.sql(if name == "and" { "(TRUE" } else { "(FALSE" });
        for (index, item) in list.iter().enumerate() {
            let at = format!("{at}/{index}");
            out.sql(if name == "and" { " AND " } else { " OR " });
            if let Some(inner) = self.as_object(item, &at) {
                self.object(entry, alias, inner, &at, depth + 1, out);
            }
        }
        out.sql(")");
    }

    fn as_object<'v>(&mut self, value: &'v Value, at: &str) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.violations.add(at, "WRONG_TYPE", "A filter is an object.");
        }
        object
    }

    fn field(&mut self, field: &Field, alias: &str, value: &Value, at: &str, out: &mut Statement) {
        let shorthand;
        let operators = match value {
            Value::Object(operators) => operators,
            plain => {
                shorthand = Map::from_iter([("eq".to_owned(), plain.clone())]);
                &shorthand
            }
        };
        out.sql("(TRUE");
        if field.kind == Kind::Money
            && !operators.contains_key("currency")
            && operators.keys().any(|name| name != "isNull")
        {
            self.currency(field, alias, &Value::String(self.cx.currency.code().to_owned()), at, out);
        }
        for (name, value) in operators {
            let at = format!("{at}/{}", escape(name));
            if !field.kind.operators().contains(&name.as_str()) {
                let allowed = field.kind.operators().join(", ");
                self.violations.add(&at, "UNKNOWN_OPERATOR", format!("{} understands {allowed}.", field.name));
            } else if value.is_null() {
                self.violations.add(&at, "WRONG_TYPE", "To compare with null, use isNull.");
            } else if name == "currency" {
                self.currency(field, alias, value, &at, out);
            } else {
                self.test(field, alias, name, value, &at, out);
            }
        }
        out.sql(")");
    }

    fn currency(&mut self, field: &Field, alias: &str, value: &Value, at: &str, out: &mut Statement) {
        match (crate::Currency::parse(value), field.columns) {
            (Ok(currency), [_, column]) => {
                out.sql(format!(" AND {alias}.{column} = ")).bind(Bind::Text(Some(currency.code().to_owned())));
            }
            (Err(expected), _) => self.violations.add(at, "WRONG_TYPE", format!("Expected {expected}.")),
            _ => {}
        }
    }

    fn test(&mut self, field: &Field, alias: &str, operator: &str, value: &Value, at: &str, out: &mut Statement) {
        let column = format!("{alias}.{}", if field.id { "id" } else { field.column() });
        let comparison = match operator {
            "isNull" => {
                match self.scalar(Kind::Bool, value) {
                    Ok(Bind::Bool(Some(true))) => out.sql(format!(" AND {column} IS NULL")),
                    Ok(_) => out.sql(format!(" AND {column} IS NOT NULL")),
                    Err(expected) => return self.violations.add(at, "WRONG_TYPE", format!("Expected {expected}.")),
                };
                return;
            }
            "in" | "notIn" => {
                match self.list(field.kind, value) {
                    Ok(list) if operator == "in" => out.sql(format!(" AND {column} = ANY(")).bind(list).sql(")"),
                    Ok(list) => out.sql(format!(" AND ({column} = ANY(")).bind(list).sql(")) IS NOT TRUE"),
                    Err(expected) => return self.violations.add(at, "WRONG_TYPE", format!("Expected {expected}.")),
                };
                return;
            }
            "contains" | "startsWith" => {
                let text = String::parse(value).ok().filter(|text| text.chars().count() <= 200);
                let Some(text) = text else {
                    let detail = "Expected a text of at most 200 characters, without control characters.";
                    return self.violations.add(at, "WRONG_TYPE", detail);
                };
                let lead = if operator == "contains" { "%" } else { "" };
                let pattern = format!("{lead}{}%", like(&text));
                out.sql(format!(" AND {column} ILIKE ")).bind(Bind::Text(Some(pattern)));
                return;
            }
            "eq" => "=",
            "ne" => "IS DISTINCT FROM",
            "gt" => ">",
            "gte" => ">=",
            "lt" => "<",
            _ => "<=",
        };
        match self.scalar(field.kind, value) {
            Ok(bind) => {
                out.sql(format!(" AND {column} {comparison} ")).bind(bind);
            }
            Err(expected) => self.violations.add(at, "WRONG_TYPE", format!("Expected {expected}.")),
        }
    }

    fn scalar(&self, kind: Kind, value: &Value) -> Result<Bind, String> {
        let typed = match (self.text, kind, value) {
            (true, Kind::Int, Value::String(text)) => text.parse::<i64>().ok().map(Value::from),
            (true, Kind::Bool, Value::String(text)) => text.parse::<bool>().ok().map(Value::from),
            _ => None,
        };
        let value = typed.as_ref().unwrap_or(value);
        let mut binds = Vec::new();
        match kind {
            Kind::Text => String::parse(value)?.binds(&mut binds),
            Kind::Bool => bool::parse(value)?.binds(&mut binds),
            Kind::Int => i32::parse(value)?.binds(&mut binds),
            Kind::Decimal | Kind::Money => Decimal::parse(value)?.binds(&mut binds),
            Kind::Date => NaiveDate::parse(value)?.binds(&mut binds),
            Kind::Time => DateTime::<Utc>::parse(value)?.binds(&mut binds),
            Kind::Id(_) => Uuid::parse(value)?.binds(&mut binds),
            Kind::Enum(_, all) => match value.as_str() {
                Some(text) if all.iter().any(|(name, _)| *name == text) => {
                    binds.push(Bind::Text(Some(text.to_owned())))
                }
                _ => return Err(kind.expects()),
            },
            Kind::Rate | Kind::Json => return Err(kind.expects()),
        }
        binds.pop().ok_or_else(|| kind.expects())
    }

    fn list(&self, kind: Kind, value: &Value) -> Result<Bind, String> {
        let split: Vec<Value>;
        let values = match value {
            Value::Array(values) => values.as_slice(),
            Value::String(text) if self.text => {
                split = text.split(',').map(Value::from).collect();
                &split
            }
            _ => return Err(format!("a list of values, each {}", kind.expects())),
        };
        if values.len() > MAX_LIST {
            return Err(format!("at most {MAX_LIST} values"));
        }
        let binds = values.iter().map(|value| self.scalar(kind, value)).collect::<Result<Vec<_>, _>>()?;
        Ok(match kind {
            Kind::Int => {
                Bind::Ints(binds.into_iter().filter_map(|b| if let Bind::Int(v) = b { v } else { None }).collect())
            }
            Kind::Decimal | Kind::Money => Bind::Decimals(
                binds.into_iter().filter_map(|b| if let Bind::Decimal(v) = b { v } else { None }).collect(),
            ),
            Kind::Date => {
                Bind::Dates(binds.into_iter().filter_map(|b| if let Bind::Date(v) = b { v } else { None }).collect())
            }
            Kind::Time => {
                Bind::Times(binds.into_iter().filter_map(|b| if let Bind::Time(v) = b { v } else { None }).collect())
            }
            Kind::Id(_) => {
                Bind::Uuids(binds.into_iter().filter_map(|b| if let Bind::Uuid(v) = b { v } else { None }).collect())
            }
            _ => Bind::Texts(binds.into_iter().filter_map(|b| if let Bind::Text(v) = b { v } else { None }).collect()),
        })
    }

    fn relation(
        &mut self,
        relation: &Relation,
        alias: &str,
        value: &Value,
        at: &str,
        depth: usize,
        out: &mut Statement,
    ) {
        let Some(inner) = self.as_object(value, at) else { return };
        if relation.link == Link::One {
            return self.exists(relation, alias, (inner, at, depth), false, out);
        }
        if inner.is_empty() {
            out.sql("TRUE");
        }
        for (index, (quantifier, value)) in inner.iter().enumerate() {
            let at = format!("{at}/{}", escape(quantifier));
            if index > 0 {
                out.sql(" AND ");
            }
            let Some(filter) = self.as_object(value, &at) else { continue };
            match quantifier.as_str() {
                "some" => self.exists(relation, alias, (filter, &at, depth), false, out),
                "none" => {
                    out.sql("NOT ");
                    self.exists(relation, alias, (filter, &at, depth), false, out);
                }
                "every" => {
                    out.sql("NOT ");
                    self.exists(relation, alias, (filter, &at, depth), true, out);
                }
                _ => {
                    let detail = format!("{} is a list: use some, none or every.", relation.name);
                    self.violations.add(&at, "UNKNOWN_OPERATOR", detail);
                }
            }
        }
    }

    /// `EXISTS` over the target's rows that the actor may read. Lists leave archived rows out; a reference does not.
    fn exists(
        &mut self,
        relation: &Relation,
        alias: &str,
        (filter, at, depth): (&Map<String, Value>, &str, usize),
        negated: bool,
        out: &mut Statement,
    ) {
        let cx = self.cx;
        let Some(target) = cx.catalogue.get(relation.target) else { return };
        let Some(scope) = cx.actor.grants.scope(target.name, target.administrative, Action::Read) else {
            return self.violations.add(at, "FORBIDDEN", format!("This needs the right {}:READ.", target.name));
        };
        self.aliases += 1;
        let inner = format!("t{}", self.aliases);
        out.sql(format!("EXISTS (SELECT FROM {} {inner} WHERE {inner}.tenant_id = ", target.table));
        out.bind(Bind::Uuid(Some(cx.tenant)));
        out.sql(format!(" AND {inner}.{} = {alias}.{}", relation.theirs, relation.ours));
        if let Some((column, value)) = relation.theirs_is {
            out.sql(format!(" AND {inner}.{column} = '{value}'"));
        }
        if let Some((column, value)) = relation.ours_is {
            out.sql(format!(" AND {alias}.{column} = '{value}'"));
        }
        if relation.link == Link::Many {
            out.sql(format!(" AND {inner}.archived_at IS NULL"));
        }
        self.scope(target, &inner, scope, out);
        out.sql(" AND ");
        self.object(target, &inner, filter, at, depth + 1, out);
        if negated {
            out.sql(" IS NOT TRUE");
        }
        out.sql(")");
    }

    /// Adds ` AND (…)` for the rows of `entry` that `scope` covers; nothing for [`RowScope::All`].
    pub fn scope(&mut self, entry: &Entry, alias: &str, scope: RowScope, out: &mut Statement) {
        if scope == RowScope::All || entry.ownership.is_none() {
            return;
        }
        let actor = self.cx.actor.clone();
        out.sql(" AND (FALSE");
        if let Some(column) = entry.ownership.owner {
            out.sql(format!(" OR {alias}.{column} = ")).bind(Bind::Uuid(Some(actor.id)));
        }
        if let Some(column) = entry.ownership.team.filter(|_| scope == RowScope::Team) {
            out.sql(format!(" OR {alias}.{column} = ANY(")).bind(Bind::Uuids(actor.teams.clone())).sql(")");
        }
        for relation in entry.ownership.via.iter().filter_map(|name| entry.relation(name)) {
            let Some(target) = self.cx.catalogue.get(relation.target) else { continue };
            self.aliases += 1;
            let inner = format!("t{}", self.aliases);
            out.sql(format!(" OR EXISTS (SELECT FROM {} {inner} WHERE {inner}.tenant_id = ", target.table));
            out.bind(Bind::Uuid(Some(self.cx.tenant)));
            out.sql(format!(" AND {inner}.{} = {alias}.{}", relation.theirs, relation.ours));
            if let Some((column, value)) = relation.ours_is {
                out.sql(format!(" AND {alias}.{column} = '{value}'"));
            }
            self.scope(target, &inner, scope, out);
            out.sql(")");
        }
        out.sql(")");
    }
}

/// Escapes a member name for a JSON Pointer.
pub fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Escapes a text for XML, between tags and within attributes.
pub fn escape_xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML 1.0 has no control characters but these, and no non-characters.
            c if c < ' ' && !matches!(c, '\t' | '\n' | '\r') => out.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Escapes what LIKE would take for a wildcard.
fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
