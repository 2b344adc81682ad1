//! The SQL of a sort order: joins, what lies after a cursor, ORDER BY.

use crate::page::Segment;
use crate::sort::{SortKey, Sorting};
use crate::{Result, Statement};
use serde_json::Value;

impl Sorting {
    /// The segments to read in order, until the page is full.
    pub fn segments(&self) -> Vec<Segment> {
        if !self.keys.first().is_some_and(SortKey::nullable) {
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

    /// The joins. Where the first key has a value, so has its record, and an inner join lets the planner walk the index
    /// of that record's table.
    pub fn joined(&self, segment: Segment, out: &mut Statement) {
        let inner = self.keys.first().and_then(|key| key.join).filter(|_| segment == Segment::Values);
        for (at, join) in self.joins.iter().enumerate() {
            out.sql(if inner == Some(at) { "" } else { " LEFT" }).append(join.sql.clone());
        }
    }

    /// Rows strictly after the cursor, in reading direction.
    pub fn seek(&self, segment: Segment, out: &mut Statement) -> Result<()> {
        let first = self.keys.first().map(SortKey::column).unwrap_or_else(|| "t.id".to_owned());
        match segment {
            Segment::Whole => {}
            Segment::Values => drop(out.sql(format!(" AND {first} IS NOT NULL"))),
            Segment::Nulls => drop(out.sql(format!(" AND {first} IS NULL"))),
        }
        let Some(cursor) = &self.cursor else { return Ok(()) };
        // In the second segment the cursor stands in the first one: everything is after it.
        let at_null = cursor.values.first().is_some_and(Value::is_null);
        if (segment == Segment::Values && at_null) || (segment == Segment::Nulls && !at_null) {
            return Ok(());
        }
        let keys: Vec<_> = self.keys.iter().zip(&cursor.values).skip(usize::from(segment == Segment::Nulls)).collect();
        if let Some((key, value)) = keys.first().filter(|(key, _)| segment == Segment::Values || !key.nullable()) {
            let sign = if key.descending == self.backward { ">=" } else { "<=" };
            out.sql(format!(" AND {} {sign} ", key.column())).bind(key.bind(value)?);
        }
        out.sql(" AND (FALSE");
        for at in 0..keys.len() {
            out.sql(" OR (TRUE");
            for (key, value) in keys.iter().take(at) {
                out.sql(format!(" AND {} IS NOT DISTINCT FROM ", key.column())).bind(key.bind(value)?);
            }
            if let Some((key, value)) = keys.get(at) {
                // Where all rows have a value in the first key, null need not be looked for.
                let nullable = key.nullable() && (segment != Segment::Values || at > 0);
                out.sql(" AND ");
                self.after(key, value, nullable, out)?;
            }
            out.sql(")");
        }
        out.sql(")");
        Ok(())
    }

    /// One key strictly after the cursor's. Nulls stand last, so first when reading backwards.
    fn after(&self, key: &SortKey, value: &Value, nullable: bool, out: &mut Statement) -> Result<()> {
        let column = key.column();
        match (value.is_null(), self.backward) {
            (true, true) => drop(out.sql(format!("{column} IS NOT NULL"))),
            (true, false) => drop(out.sql("FALSE")),
            (false, backward) => {
                let sign = if key.descending == backward { ">" } else { "<" };
                out.sql(format!("({column} {sign} ")).bind(key.bind(value)?);
                out.sql(if nullable && !backward { format!(" OR {column} IS NULL)") } else { ")".into() });
            }
        }
        Ok(())
    }

    /// The order itself.
    pub fn order(&self, segment: Segment, out: &mut Statement) {
        self.order_by(segment, |_, key| key.column(), out);
    }

    /// `, column AS sort1 …`: what a statement around this one needs for [`Sorting::order_outside`].
    pub fn columns_outside(&self, out: &mut Statement) {
        for (place, key) in self.keys.iter().enumerate().filter(|(_, key)| key.join.is_some()) {
            out.sql(format!(", {} AS sort{place}", key.column()));
        }
    }

    /// The order in a statement around the one with the joins, whose rows go by `t` too.
    pub fn order_outside(&self, out: &mut Statement) {
        let column = |place: usize, key: &SortKey| match key.join {
            None => key.column(),
            Some(_) => format!("t.sort{place}"),
        };
        self.order_by(Segment::Whole, column, out);
    }

    fn order_by(&self, segment: Segment, column: impl Fn(usize, &SortKey) -> String, out: &mut Statement) {
        out.sql(" ORDER BY ");
        let skip = usize::from(segment == Segment::Nulls);
        for (at, key) in self.keys.iter().enumerate().skip(skip) {
            let direction = if key.descending == self.backward { "ASC" } else { "DESC" };
            let bare = !key.nullable() || (segment == Segment::Values && at == 0);
            let nulls = match (bare, self.backward) {
                (true, _) => "",
                (false, true) => " NULLS FIRST",
                (false, false) => " NULLS LAST",
            };
            let comma = if at > skip { ", " } else { "" };
            out.sql(format!("{comma}{} {direction}{nulls}", column(at, key)));
        }
    }
}
