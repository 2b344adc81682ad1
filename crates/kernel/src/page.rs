//! Lists: sort order, keyset pages both ways, and the statements that read them.
//!
//! What the planner needs was measured (see `docs/decisions`): the first sort key is repeated as a plain bound, NULLS
//! is never written for columns that cannot be null, and a nullable first key is read in two segments (values, then
//! nulls), each of which walks a plain index.

use crate::statement::{Bind, Statement};
use crate::{Action, Condition, Cursor, Cx, Entry, Error, Field, FieldType, Kind, Relation, Result, Violations};
use crate::{codes, decimal_from_text, types};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Rows a page unless asked otherwise.
pub const DEFAULT_LIMIT: usize = 50;
/// Most rows a page.
pub const MAX_LIMIT: usize = 500;
const MAX_SORT_KEYS: usize = 5;

/// Which rows as to archiving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Archived {
    /// Those that are not archived.
    #[default]
    No,
    /// Only archived ones.
    Yes,
    /// All.
    Any,
}

/// Whether to count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Count {
    /// Do not.
    #[default]
    None,
    /// What the planner estimates.
    Estimated,
    /// Exactly.
    Exact,
}

/// One key of a sort order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// Index of the field.
    pub index: usize,
    /// Largest first.
    pub descending: bool,
}

/// What is asked of a list.
#[derive(Clone, Debug)]
pub struct ListArgs {
    /// The filter tree; none: all.
    pub filter: Option<Map<String, Value>>,
    /// The filter came from a query string, where every value is a text.
    pub text: bool,
    /// Keys as written by the client, `-` for descending.
    pub sort: Vec<String>,
    /// Most rows.
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Read from the end (Relay's `last`), or whatever the cursor says if there is one.
    pub backward: bool,
    /// Whether to count.
    pub count: Count,
    /// Archived rows.
    pub archived: Archived,
    /// Pointer to the filter, for messages.
    pub filter_pointer: &'static str,
}

impl Default for ListArgs {
    fn default() -> Self {
        ListArgs {
            filter: None,
            text: false,
            sort: Vec::new(),
            limit: DEFAULT_LIMIT,
            cursor: None,
            backward: false,
            count: Count::None,
            archived: Archived::No,
            filter_pointer: "/filter",
        }
    }
}

/// One part of a list whose first sort key is nullable: the rows with a value, or those without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The first key cannot be null.
    Whole,
    /// Rows with a value.
    Values,
    /// Rows without.
    Nulls,
}

/// A list, planned.
#[derive(Debug)]
pub struct Plan<'a> {
    cx: &'a Cx,
    entry: &'static Entry,
    keys: Vec<SortKey>,
    cursor: Option<Cursor>,
    context: String,
    /// `FROM table t WHERE tenant, archived, scope, filter`, without the seek.
    base: Statement,
    /// The page is read towards the start.
    pub backward: bool,
    /// Most rows.
    pub limit: usize,
}

impl<'a> Plan<'a> {
    /// Checks everything about the list at once: right, filter, sort, limit, cursor.
    pub fn new(cx: &'a Cx, entry: &'static Entry, args: &ListArgs, within: Option<&Relation>) -> Result<Self> {
        let scope = cx.require(entry, Action::Read)?;
        let mut condition = Condition::new(cx, args.text);
        let mut base = Statement::new(" WHERE t.tenant_id = ");
        base.bind(Bind::Uuid(Some(cx.tenant)));
        match args.archived {
            Archived::No => base.sql(" AND t.archived_at IS NULL"),
            Archived::Yes => base.sql(" AND t.archived_at IS NOT NULL"),
            Archived::Any => &mut base,
        };
        condition.scope(entry, "t", scope, &mut base);
        if let Some((column, value)) = within.and_then(|relation| relation.theirs_is) {
            base.sql(format!(" AND t.{column} = '{value}'"));
        }
        let mut digest = Sha256::new();
        if let Some(filter) = args.filter.as_ref().filter(|filter| !filter.is_empty()) {
            base.sql(" AND ");
            condition.filter(entry, "t", filter, args.filter_pointer, &mut base);
            digest.update(serde_json::to_vec(filter).unwrap_or_default());
        }
        if !condition.is_common() {
            base.once();
        }
        let mut violations = std::mem::take(&mut condition.violations);
        // Sort and limit stand beside the filter: in the query string, in a body, among arguments.
        let beside = args.filter_pointer.trim_end_matches("filter");
        let keys = sort_keys(entry, &args.sort, &format!("{beside}sort"), &mut violations);
        if !(1..=MAX_LIMIT).contains(&args.limit) {
            violations.add(format!("{beside}limit"), "OUT_OF_RANGE", format!("The page size is 1 to {MAX_LIMIT}."));
        }
        violations.into_result()?;
        let filter: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let place = within.map(|relation| relation.name).unwrap_or_default();
        let context =
            format!("{}|{}|{place}|{filter}|{}|{:?}", cx.tenant, entry.name, args.sort.join(","), args.archived);
        let cursor = args.cursor.as_deref().map(|text| Cursor::decode(text, &cx.cursor_key, &context)).transpose()?;
        if cursor.as_ref().is_some_and(|cursor| cursor.values.len() != keys.len()) {
            return Err(Error::new(&codes::INVALID_CURSOR, "The cursor belongs to another sort order."));
        }
        let backward = args.backward || cursor.as_ref().is_some_and(|cursor| cursor.backward);
        Ok(Plan { cx, entry, keys, cursor, context, base, backward, limit: args.limit })
    }

    fn field(&self, key: &SortKey) -> &'static Field {
        self.entry.fields.get(key.index).unwrap_or(&crate::META_FIELDS[0])
    }

    /// The segments to read in order, until the page is full.
    pub fn segments(&self) -> Vec<Segment> {
        let nullable = self.keys.first().is_some_and(|key| self.field(key).nullable);
        if !nullable {
            return vec![Segment::Whole];
        }
        let mut order =
            if self.backward { [Segment::Nulls, Segment::Values] } else { [Segment::Values, Segment::Nulls] };
        let at_null = self.cursor.as_ref().and_then(|cursor| cursor.values.first()).map(Value::is_null);
        let start = match at_null {
            Some(true) => Segment::Nulls,
            Some(false) => Segment::Values,
            None => return order.to_vec(),
        };
        if order.first() == Some(&start) {
            return order.to_vec();
        }
        order.reverse();
        vec![start]
    }

    /// The statement for one segment of the page: `limit` rows from the cursor on.
    pub fn rows(&self, segment: Segment, limit: usize) -> Result<Statement> {
        let mut out = Statement::new(format!("SELECT {} FROM {} t", self.entry.columns, self.entry.table));
        out.append(self.base.clone());
        self.seek(segment, &mut out)?;
        self.order(segment, &mut out);
        // Not a bind: for an unknown limit the planner assumes a tenth of the table, finds every generic plan dearer
        // than a fresh one, and so plans each execution anew, which cost more than the execution.
        out.sql(format!(" LIMIT {limit}"));
        Ok(out)
    }

    /// The statement for the first rows of each of many parents at once: still one statement.
    pub fn rows_of(&self, relation: &Relation, parents: Vec<uuid::Uuid>, limit: usize) -> Result<Statement> {
        let mut out = Statement::new(format!("SELECT {} FROM unnest(", self.entry.columns));
        out.bind(Bind::Uuids(parents));
        out.sql(format!(") AS parent(key) CROSS JOIN LATERAL (SELECT t.* FROM {} t", self.entry.table));
        out.append(self.base.clone());
        out.sql(format!(" AND t.{} = parent.key", relation.theirs));
        self.seek(Segment::Whole, &mut out)?;
        self.order(Segment::Whole, &mut out);
        out.sql(format!(" LIMIT {limit}) t"));
        self.order(Segment::Whole, &mut out);
        Ok(out)
    }

    /// The statement that counts all rows of the list, or of each parent.
    pub fn count(&self) -> Statement {
        let mut out = Statement::new(format!("SELECT count(*) FROM {} t", self.entry.table));
        out.append(self.base.clone());
        out
    }

    /// The statement that counts the rows of each of many parents.
    pub fn count_of(&self, relation: &Relation, parents: Vec<uuid::Uuid>) -> Statement {
        let mut out = Statement::new(format!("SELECT t.{}, count(*) FROM {} t", relation.theirs, self.entry.table));
        out.append(self.base.clone());
        out.sql(format!(" AND t.{} = ANY(", relation.theirs)).bind(Bind::Uuids(parents));
        out.sql(format!(") GROUP BY t.{}", relation.theirs));
        out
    }

    /// The planner's own estimate of the rows of the list.
    pub fn estimate(&self) -> Statement {
        let mut out = Statement::new(format!("EXPLAIN (FORMAT JSON) SELECT FROM {} t", self.entry.table));
        out.append(self.base.clone()).once();
        out
    }

    /// The cursor that stands at `row`.
    pub fn cursor_at(&self, row: &dyn crate::Row, backward: bool) -> String {
        let mut text = Vec::new();
        let value = |key: &SortKey| {
            text.clear();
            row.write_field(key.index, &mut text);
            let value: Value = serde_json::from_slice(&text).unwrap_or_default();
            value.get("amount").cloned().unwrap_or(value)
        };
        let values = self.keys.iter().map(value).collect();
        Cursor { values, backward }.encode(&self.cx.cursor_key, &self.context)
    }

    /// Whether a cursor was given.
    pub fn has_cursor(&self) -> bool {
        self.cursor.is_some()
    }

    /// Rows strictly after the cursor, in reading direction.
    fn seek(&self, segment: Segment, out: &mut Statement) -> Result<()> {
        let first = self.keys.first().map(|key| self.field(key).column()).unwrap_or("id");
        match segment {
            Segment::Whole => {}
            Segment::Values => drop(out.sql(format!(" AND t.{first} IS NOT NULL"))),
            Segment::Nulls => drop(out.sql(format!(" AND t.{first} IS NULL"))),
        }
        let Some(cursor) = &self.cursor else { return Ok(()) };
        // In the second segment the cursor stands in the first one: everything is after it.
        let at_null = cursor.values.first().is_some_and(Value::is_null);
        if (segment == Segment::Values && at_null) || (segment == Segment::Nulls && !at_null) {
            return Ok(());
        }
        let keys: Vec<_> = self.keys.iter().zip(&cursor.values).skip(usize::from(segment == Segment::Nulls)).collect();
        if let Some((key, value)) =
            keys.first().filter(|(key, _)| segment == Segment::Values || !self.field(key).nullable)
        {
            let sign = if key.descending == self.backward { ">=" } else { "<=" };
            out.sql(format!(" AND t.{} {sign} ", self.field(key).column())).bind(self.bind(key, value)?);
        }
        out.sql(" AND (FALSE");
        for at in 0..keys.len() {
            out.sql(" OR (TRUE");
            for (key, value) in keys.iter().take(at) {
                out.sql(format!(" AND t.{} IS NOT DISTINCT FROM ", self.field(key).column()))
                    .bind(self.bind(key, value)?);
            }
            if let Some((key, value)) = keys.get(at) {
                out.sql(" AND ");
                self.after(key, value, segment, out)?;
            }
            out.sql(")");
        }
        out.sql(")");
        Ok(())
    }

    /// One key strictly after the cursor's. Nulls stand last, so first when reading backwards.
    fn after(&self, key: &SortKey, value: &Value, segment: Segment, out: &mut Statement) -> Result<()> {
        let field = self.field(key);
        let column = field.column();
        let nullable = field.nullable && (segment == Segment::Whole || self.keys.first() != Some(key));
        match (value.is_null(), self.backward) {
            (true, true) => drop(out.sql(format!("t.{column} IS NOT NULL"))),
            (true, false) => drop(out.sql("FALSE")),
            (false, backward) => {
                let sign = if key.descending == backward { ">" } else { "<" };
                out.sql(format!("(t.{column} {sign} ")).bind(self.bind(key, value)?);
                out.sql(if nullable && !backward { format!(" OR t.{column} IS NULL)") } else { ")".into() });
            }
        }
        Ok(())
    }

    fn order(&self, segment: Segment, out: &mut Statement) {
        out.sql(" ORDER BY ");
        let skip = usize::from(segment == Segment::Nulls);
        for (at, key) in self.keys.iter().enumerate().skip(skip) {
            let field = self.field(key);
            let direction = if key.descending == self.backward { "ASC" } else { "DESC" };
            let bare = !field.nullable || (segment == Segment::Values && at == 0);
            let nulls = match (bare, self.backward) {
                (true, _) => "",
                (false, true) => " NULLS FIRST",
                (false, false) => " NULLS LAST",
            };
            let comma = if at > skip { ", " } else { "" };
            out.sql(format!("{comma}t.{} {direction}{nulls}", field.column()));
        }
    }

    fn bind(&self, key: &SortKey, value: &Value) -> Result<Bind> {
        let broken = || Error::new(&codes::INVALID_CURSOR, "The cursor cannot be read.");
        let text = || value.as_str().map(str::to_owned);
        let nothing = value.is_null() && self.field(key).nullable;
        Ok(match self.field(key).kind {
            Kind::Bool => Bind::Bool(value.as_bool()),
            Kind::Int => Bind::Int(value.as_i64().and_then(|n| i32::try_from(n).ok())),
            Kind::Decimal | Kind::Money => Bind::Decimal(value.as_str().and_then(decimal_from_text)),
            Kind::Date => Bind::Date(value.as_str().and_then(types::parse_date)),
            Kind::Time => Bind::Time(value.as_str().and_then(types::parse_time)),
            Kind::Id(_) if nothing => Bind::Uuid(None),
            Kind::Id(_) => Bind::Uuid(Some(uuid::Uuid::parse(value).map_err(|_| broken())?)),
            Kind::Text | Kind::Enum(..) if nothing => Bind::Text(None),
            Kind::Text | Kind::Enum(..) => Bind::Text(Some(text().ok_or_else(broken)?)),
            Kind::Rate | Kind::Json => return Err(broken()),
        })
    }
}

/// The keys of a sort order, always ending in the id. Without any: newest first.
fn sort_keys(entry: &Entry, sort: &[String], at: &str, violations: &mut Violations) -> Vec<SortKey> {
    let mut keys: Vec<SortKey> = Vec::new();
    if sort.len() > MAX_SORT_KEYS {
        violations.add(at, "OUT_OF_RANGE", format!("At most {MAX_SORT_KEYS} sort keys."));
    }
    for text in sort {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        match entry.field(name).filter(|(_, field)| field.sort) {
            Some((index, _)) if keys.iter().any(|key| key.index == index) => {
                violations.add(at, "DUPLICATE", format!("{name} stands twice."));
            }
            Some((index, _)) => keys.push(SortKey { index, descending }),
            None => {
                let fields = entry.fields.iter().filter(|field| field.sort && field.visible());
                let allowed = fields.map(|field| field.name).collect::<Vec<_>>().join(", ");
                violations.add(
                    at,
                    "UNKNOWN_FIELD",
                    format!("{} cannot be sorted by {name:?}. Allowed: {allowed}.", entry.name),
                );
            }
        }
    }
    if !keys.iter().any(|key| key.index == 0) {
        let descending = keys.last().is_none_or(|key| key.descending);
        keys.push(SortKey { index: 0, descending });
    }
    keys
}
