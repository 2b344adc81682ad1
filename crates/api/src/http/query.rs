//! Query strings: `filter[annualRevenue][gte]=1000000&sort=-createdAt,name&limit=50`. Every parameter that is not
//! known, stands twice or has another form is refused; nothing is ignored.

use kith_kernel::{Archived, Count, DEFAULT_LIMIT, Error, ListArgs, Result, Violations, codes};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Deepest nesting of brackets.
const MAX_DEPTH: usize = 24;

/// Name and value of every parameter, decoded.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        let decoded = percent_decode_str(&spaced).decode_utf8();
        decoded
            .map(|text| text.into_owned())
            .map_err(|_| Error::new(&codes::MALFORMED_REQUEST, "The query string is not UTF-8."))
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| Ok((decode(name)?, decode(value)?)))
        .collect()
}

/// What a list or a record is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Filter, sort, page.
    pub list: ListArgs,
    /// Only these fields.
    pub fields: Option<String>,
    /// These relations too.
    pub expand: Option<String>,
    /// Try, but keep nothing.
    pub dry_run: bool,
    /// Parameters of one place alone, as they were sent.
    pub more: HashMap<String, String>,
}

/// Reads the parameters named in `allowed`.
pub fn read(query: &str, allowed: &[&str]) -> Result<Asked> {
    let mut asked = Asked {
        list: ListArgs { text: true, limit: DEFAULT_LIMIT, filter_pointer: "/query/filter", ..ListArgs::default() },
        ..Asked::default()
    };
    let mut violations = Violations::default();
    let mut filter = Map::new();
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in pairs(query)? {
        let root = name.split('[').next().unwrap_or_default().to_owned();
        let at = format!("/query/{root}");
        if !allowed.contains(&root.as_str()) {
            violations.add(at, "UNKNOWN_PARAMETER", format!("Allowed here: {}.", allowed.join(", ")));
            continue;
        }
        if seen.contains(&name) {
            violations.add(at, "DUPLICATE", format!("{name} stands twice."));
            continue;
        }
        seen.push(name.clone());
        match root.as_str() {
            "filter" if name != "filter" => insert(&mut filter, &name, value, &mut violations),
            _ if name != root => violations.add(at, "UNKNOWN_PARAMETER", format!("{root} takes no brackets.")),
            _ => scalar(&mut asked, &root, value, &mut violations),
        }
    }
    violations.into_result()?;
    if !filter.is_empty() {
        asked.list.filter = Some(lists(filter));
    }
    Ok(asked)
}

fn scalar(asked: &mut Asked, name: &str, value: String, violations: &mut Violations) {
    let at = format!("/query/{name}");
    match name {
        "sort" => asked.list.sort = value.split(',').map(str::to_owned).collect(),
        "limit" => match value.parse() {
            Ok(limit) => asked.list.limit = limit,
            Err(_) => violations.add(at, "WRONG_TYPE", "Expected a number from 1 to 500."),
        },
        "cursor" => asked.list.cursor = Some(value),
        "fields" => asked.fields = Some(value),
        "expand" => asked.expand = Some(value),
        "count" => match count(&value) {
            Some(count) => asked.list.count = count,
            None => violations.add(at, "WRONG_TYPE", "Expected none, estimated or exact."),
        },
        "archived" => match archived(&value) {
            Some(archived) => asked.list.archived = archived,
            None => violations.add(at, "WRONG_TYPE", "Expected false, true or any."),
        },
        "dryRun" => match value.parse() {
            Ok(dry_run) => asked.dry_run = dry_run,
            Err(_) => violations.add(at, "WRONG_TYPE", "Expected true or false."),
        },
        "from" | "to" | "groupBy" | "currency" | "kinds" | "channels" => {
            drop(asked.more.insert(name.to_owned(), value))
        }
        _ => violations.add(
            at,
            "WRONG_TYPE",
            "A filter is written filter[field]=value or filter[field][operator]=value.",
        ),
    }
}

/// `none`, `estimated` or `exact`.
pub fn count(text: &str) -> Option<Count> {
    match text {
        "none" => Some(Count::None),
        "estimated" => Some(Count::Estimated),
        "exact" => Some(Count::Exact),
        _ => None,
    }
}

/// `false`, `true` or `any`.
pub fn archived(text: &str) -> Option<Archived> {
    match text {
        "false" => Some(Archived::No),
        "true" => Some(Archived::Yes),
        "any" => Some(Archived::Any),
        _ => None,
    }
}

/// Puts `filter[a][b]=c` into the tree as `{"a": {"b": "c"}}`.
fn insert(filter: &mut Map<String, Value>, name: &str, value: String, violations: &mut Violations) {
    let inner = name.strip_prefix("filter[").and_then(|rest| rest.strip_suffix(']'));
    let path: Vec<&str> = inner.map(|inner| inner.split("][").collect()).unwrap_or_default();
    let clean = !path.is_empty()
        && path.len() <= MAX_DEPTH
        && path.iter().all(|part| !part.is_empty() && !part.contains(['[', ']']));
    let Some((last, parents)) = path.split_last().filter(|_| clean) else {
        return violations.add("/query/filter", "WRONG_TYPE", format!("{name} has brackets that do not match."));
    };
    let mut place = filter;
    for part in parents {
        let next = place.entry(*part).or_insert_with(|| Value::Object(Map::new()));
        match next.as_object_mut() {
            Some(object) => place = object,
            None => {
                return violations.add("/query/filter", "WRONG_TYPE", format!("{name} contradicts another parameter."));
            }
        }
    }
    if place.contains_key(*last) {
        return violations.add("/query/filter", "WRONG_TYPE", format!("{name} contradicts another parameter."));
    }
    place.insert((*last).to_owned(), Value::String(value));
}

/// Turns objects whose keys are 0, 1, 2 … into lists: `filter[or][0][name]=A`.
fn lists(object: Map<String, Value>) -> Map<String, Value> {
    let turn = |value: Value| match value {
        Value::Object(inner) => {
            let inner = lists(inner);
            let counted = !inner.is_empty() && (0..inner.len()).all(|n| inner.contains_key(&n.to_string()));
            if !counted {
                return Value::Object(inner);
            }
            Value::Array((0..inner.len()).filter_map(|n| inner.get(&n.to_string()).cloned()).collect())
        }
        other => other,
    };
    object.into_iter().map(|(name, value)| (name, turn(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: &[&str] = &["filter", "sort", "limit", "cursor", "fields", "expand", "count", "archived"];

    #[test]
    fn brackets_become_a_tree() {
        let query = "filter[status]=ACTIVE&filter[annualRevenue][gte]=1000&filter[or][0][name]=A%20B&filter[or][1][name][contains]=%E7%8E%8B&sort=-createdAt,name&limit=5";
        let asked = read(query, ALL).unwrap();
        let expected = json!({"status": "ACTIVE", "annualRevenue": {"gte": "1000"}, "or": [{"name": "A B"}, {"name": {"contains": "王"}}]});
        assert_eq!(Value::Object(asked.list.filter.unwrap()), expected);
        assert_eq!((asked.list.limit, asked.list.sort), (5, vec!["-createdAt".to_owned(), "name".to_owned()]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for query in [
            "limit=abc",
            "limit=5&limit=6",
            "tenant=x",
            "filter=a",
            "filter[",
            "filter[a",
            "filter[a]b=1",
            "filter[]=1",
            "filter[a]=1&filter[a][eq]=2",
            "sort[0]=a",
            "count=maybe",
            "archived=yes",
            "filter%5Ba%5D=1&filter[a]=1",
        ] {
            assert!(read(query, ALL).is_err(), "{query}");
        }
        assert_eq!(read("filter[a]=%ff", ALL).unwrap_err().code.name, "MALFORMED_REQUEST");
    }
}
