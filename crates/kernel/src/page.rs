//! Lists: keyset pages both ways, and the statements that read them. Their order is that of [`crate::sort`].
//!
//! What the planner needs was measured (see `docs/decisions`): the first sort key is repeated as a plain bound, NULLS
//! is never written for columns that cannot be null, and a nullable first key is read in two segments (values, then
//! nulls), each of which walks a plain index.

use crate::sort::Sorting;
use crate::statement::{Bind, Statement};
use crate::{Action, Condition, Cursor, Cx, Entry, Error, Relation, Result, Row, Rows, codes};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Rows a page unless asked otherwise.
pub const DEFAULT_LIMIT: usize = 50;
/// Most rows a page.
pub const MAX_LIMIT: usize = 500;

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
    sorting: Sorting,
    context: String,
    /// `FROM table t WHERE tenant, archived, scope, filter`, without the seek.
    base: Statement,
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
        // Sort and limit stand beside the filter: in the query string, in a body, among arguments.
        let beside = args.filter_pointer.trim_end_matches("filter");
        let mut sorting = Sorting::new(entry, &args.sort, &format!("{beside}sort"), cx, &mut condition);
        if !condition.is_common() || !sorting.is_common() {
            base.once();
        }
        let mut violations = std::mem::take(&mut condition.violations);
        if !(1..=MAX_LIMIT).contains(&args.limit) {
            violations.add(format!("{beside}limit"), "OUT_OF_RANGE", format!("The page size is 1 to {MAX_LIMIT}."));
        }
        violations.into_result()?;
        let filter: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let place = within.map(|relation| relation.name).unwrap_or_default();
        let context =
            format!("{}|{}|{place}|{filter}|{}|{:?}", cx.tenant, entry.name, args.sort.join(","), args.archived);
        let cursor = args.cursor.as_deref().map(|text| Cursor::decode(text, &cx.cursor_key, &context)).transpose()?;
        if cursor.as_ref().is_some_and(|cursor| cursor.values.len() != sorting.len()) {
            return Err(Error::new(&codes::INVALID_CURSOR, "The cursor belongs to another sort order."));
        }
        sorting.backward = args.backward || cursor.as_ref().is_some_and(|cursor| cursor.backward);
        sorting.cursor = cursor;
        Ok(Plan { cx, entry, sorting, context, base, limit: args.limit })
    }

    /// Whether the page is read towards the start.
    pub fn backward(&self) -> bool {
        self.sorting.backward
    }

    /// The segments to read in order, until the page is full.
    pub fn segments(&self) -> Vec<Segment> {
        self.sorting.segments()
    }

    /// The statement for one segment of the page: `limit` rows from the cursor on.
    pub fn rows(&self, segment: Segment, limit: usize) -> Result<Statement> {
        let mut out = Statement::new(format!("SELECT {} FROM {} t", self.entry.columns, self.entry.table));
        self.sorting.joined(segment, &mut out);
        out.append(self.base.clone());
        self.sorting.seek(segment, &mut out)?;
        self.sorting.order(segment, &mut out);
        // Not a bind: for an unknown limit the planner assumes a tenth of the table, finds every generic plan dearer
        // than a fresh one, and so plans each execution anew, which cost more than the execution.
        out.sql(format!(" LIMIT {limit}"));
        Ok(out)
    }

    /// The statement for the first rows of each of many parents at once: still one statement.
    pub fn rows_of(&self, relation: &Relation, parents: Vec<uuid::Uuid>, limit: usize) -> Result<Statement> {
        let mut out = Statement::new(format!("SELECT {} FROM unnest(", self.entry.columns));
        out.bind(Bind::Uuids(parents));
        out.sql(") AS parent(key) CROSS JOIN LATERAL (SELECT t.*");
        self.sorting.columns_outside(&mut out);
        out.sql(format!(" FROM {} t", self.entry.table));
        self.sorting.joined(Segment::Whole, &mut out);
        out.append(self.base.clone());
        out.sql(format!(" AND t.{} = parent.key", relation.theirs));
        self.sorting.seek(Segment::Whole, &mut out)?;
        self.sorting.order(Segment::Whole, &mut out);
        out.sql(format!(" LIMIT {limit}) t"));
        self.sorting.order_outside(&mut out);
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

    /// The resources of what is kept of the records and sorted by. Cursors need it of the records of the page: see
    /// [`Plan::remember`].
    pub fn kept(&self) -> Vec<&'static Entry> {
        self.sorting.kept()
    }

    /// Remembers what is kept of the records of the page; `at` is the place in [`Plan::kept`].
    pub fn remember(&mut self, at: usize, rows: &dyn Rows) {
        self.sorting.remember(at, rows);
    }

    /// The cursor that stands at `row`.
    pub fn cursor_at(&self, row: &dyn Row, backward: bool) -> String {
        Cursor { values: self.sorting.values_at(row), backward }.encode(&self.cx.cursor_key, &self.context)
    }

    /// Whether a cursor was given.
    pub fn has_cursor(&self) -> bool {
        self.sorting.cursor.is_some()
    }
}
