//! Timelines: a page of what there is about a record, as one statement over all resources that have a [`Moment`].

use crate::page::MAX_LIMIT;
use crate::{
    About, Action, Bind, Condition, Cursor, Cx, Entry, Error, FieldType, Kind, Moment, Result, RowScope, Statement,
    Violations, codes, types, write_time,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

/// What is asked of a timeline.
#[derive(Clone, Debug, Default)]
pub struct TimelineArgs {
    /// Only these kinds; none: all.
    pub kinds: Option<Vec<String>>,
    /// Only what has one of these channels; none: all.
    pub channels: Option<Vec<String>>,
    /// Not before this time, as it was sent.
    pub from: Option<String>,
    /// Before this time, as it was sent.
    pub to: Option<String>,
    /// Most entries.
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<String>,
    /// Prefix of pointers to arguments, for messages: `/query`.
    pub at: &'static str,
    /// What the limit is called.
    pub limit_name: &'static str,
}

/// An entry of a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Spot {
    /// What it is, as a subject: `NOTE`.
    pub kind: String,
    /// Its record.
    pub id: Uuid,
    /// Where it stands.
    pub at: DateTime<Utc>,
    /// One line about it.
    pub title: Option<String>,
    /// The channel, where it has one.
    pub channel: Option<String>,
}

/// The page of a timeline, planned.
#[derive(Debug)]
pub struct Timeline<'a> {
    cx: &'a Cx,
    entry: &'a Entry,
    id: Uuid,
    asked: &'a TimelineArgs,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    after: Option<(DateTime<Utc>, String, Uuid)>,
    context: String,
}

impl<'a> Timeline<'a> {
    /// Checks what is asked. Every mistake at once.
    pub fn new(cx: &'a Cx, entry: &'a Entry, id: Uuid, asked: &'a TimelineArgs) -> Result<Self> {
        let mut violations = Violations::default();
        let kinds: Vec<&str> = cx.catalogue.moments().map(|(entry, _)| entry.subject.as_str()).collect();
        let channels = cx.catalogue.channels().map(|(_, values)| values).unwrap_or_default();
        for (name, given, allowed) in [("kinds", &asked.kinds, kinds), ("channels", &asked.channels, channels)] {
            let unknown = given.iter().flatten().any(|value| !allowed.contains(&value.as_str()));
            let detail = format!("Expected some of {}.", allowed.join(", "));
            violations.ensure(!unknown, &format!("{}/{name}", asked.at), "WRONG_TYPE", &detail);
        }
        let mut time = |name: &str, given: &Option<String>| {
            let parsed = given.as_ref().map(|text| types::parse_time(text).ok_or(()));
            let detail = format!("Expected {}.", Kind::Time.expects());
            violations.ensure(parsed != Some(Err(())), &format!("{}/{name}", asked.at), "WRONG_TYPE", &detail);
            parsed.and_then(std::result::Result::ok)
        };
        let (from, to) = (time("from", &asked.from), time("to", &asked.to));
        let detail = format!("The page size is 1 to {MAX_LIMIT}.");
        let fits = (1..=MAX_LIMIT).contains(&asked.limit);
        violations.ensure(fits, &format!("{}/{}", asked.at, asked.limit_name), "OUT_OF_RANGE", &detail);
        violations.into_result()?;
        let filter = (&asked.kinds, &asked.channels, from, to);
        let context = format!("{}|{}|{id}|timeline|{filter:?}", cx.tenant, entry.name);
        let after = asked.cursor.as_deref().map(|text| place(&Cursor::decode(text, &cx.cursor_key, &context)?));
        Ok(Timeline { cx, entry, id, asked, from, to, after: after.transpose()?, context })
    }

    /// The cursor that stands at an entry.
    pub fn cursor_at(&self, spot: &Spot) -> String {
        let mut at = Vec::new();
        write_time(spot.at, &mut at);
        let at: Value = serde_json::from_slice(&at).unwrap_or_default();
        let values = vec![at, json!(spot.kind), json!(spot.id)];
        Cursor { values, backward: false }.encode(&self.cx.cursor_key, &self.context)
    }

    /// Whether a cursor was given.
    pub fn has_cursor(&self) -> bool {
        self.after.is_some()
    }

    /// The most entries of the page.
    pub fn limit(&self) -> usize {
        self.asked.limit
    }

    /// The statement for the first `limit` entries after the cursor, newest first: kind, id, time, title, channel. Each
    /// way to what is about the record is a branch that walks an index from the cursor on and ends after `limit` rows;
    /// what is reached on several ways is there once. None: there is nothing that the actor may read.
    pub fn statement(&self, limit: usize) -> Option<Statement> {
        let cx = self.cx;
        let mut condition = Condition::new(cx, false);
        let targets = self.targets();
        let mut out = Statement::default();
        let plain = (&self.asked.kinds, &self.asked.channels, self.from, self.to) == (&None, &None, None, None);
        if !plain {
            out.once();
        }
        out.sql(format!("WITH target (kind, id) AS (SELECT '{}'::text, ", self.entry.subject));
        out.bind(Bind::Uuid(Some(self.id)));
        for (target, scope) in &targets {
            let table = target.table;
            out.sql(format!(" UNION ALL SELECT '{}', c.id FROM {table} c WHERE c.tenant_id = ", target.subject));
            out.bind(Bind::Uuid(Some(cx.tenant))).sql(" AND (FALSE");
            for column in target.references(self.entry.name).filter_map(|index| target.fields.get(index)) {
                out.sql(format!(" OR c.{} = ", column.column())).bind(Bind::Uuid(Some(self.id)));
            }
            out.sql(")");
            condition.scope(target, "c", *scope, &mut out);
        }
        out.sql(") SELECT kind, id, at, title, channel FROM (");
        let (mut any, all) = (false, [self.entry].into_iter().chain(targets.iter().map(|(target, _)| *target)));
        let all: Vec<&Entry> = all.collect();
        for (from, moment) in cx.catalogue.moments() {
            let wanted = self.asked.kinds.as_ref().is_none_or(|kinds| kinds.contains(&from.subject));
            let channel = self.asked.channels.is_none() || moment.channel.is_some();
            let Some(scope) = self.may_read(from).filter(|_| wanted && channel) else { continue };
            for about in moment.about {
                if all.iter().any(|to| about.reaches(cx.catalogue, from, to))
                    && let Some(branch) = self.branch(from, &moment, about, scope, limit, &mut condition)
                {
                    out.sql(if any { " UNION " } else { "" }).append(branch);
                    any = true;
                }
            }
        }
        out.sql(format!(") found ORDER BY at DESC, kind COLLATE \"C\", id DESC LIMIT {limit}"));
        any.then_some(out)
    }

    fn may_read(&self, entry: &Entry) -> Option<RowScope> {
        self.cx.actor.grants.scope(entry.name, entry.administrative, Action::Read)
    }

    /// The resources whose records the timeline gathers, as far as the actor may read them. What stands in timelines
    /// itself is not gathered: there may be any number of it.
    fn targets(&self) -> Vec<(&'static Entry, RowScope)> {
        let catalogue = self.cx.catalogue;
        let others = catalogue.entries().iter().filter(|other| self.entry.gathers && other.name != self.entry.name);
        let refers = |other: &&Entry| other.moment.is_none() && other.references(self.entry.name).next().is_some();
        let gathered = others.filter(refers).filter(|other| catalogue.has_timeline(other));
        gathered.filter_map(|other| Some((other, self.may_read(other)?))).collect()
    }

    /// The newest rows of `from` that are, on this way, about one of the targets.
    fn branch(
        &self,
        from: &Entry,
        moment: &Moment,
        about: &About,
        scope: RowScope,
        limit: usize,
        condition: &mut Condition<'_>,
    ) -> Option<Statement> {
        let (cx, kind, at, tenant) = (self.cx, &from.subject, moment.at, Bind::Uuid(Some(self.cx.tenant)));
        let told = moment.title_of.is_none_or(|of| cx.catalogue.get(of).is_some_and(|of| self.may_read(of).is_some()));
        let title = if told { moment.title } else { "NULL::text" };
        let channel = moment.channel.map_or("NULL::text".to_owned(), |column| format!("t.{column}"));
        let mut out = Statement::new(format!(
            "SELECT s.* FROM target g CROSS JOIN LATERAL (SELECT '{kind}'::text AS kind, t.id, {at} AS at, \
             {title} AS title, {channel} AS channel FROM ",
        ));
        // The kind of target that the way leads to; a subject says itself. The rows come newest first from an index.
        let (leads_to, order) = match about {
            About::Subject => {
                out.sql(format!("{} t WHERE t.subject_type = g.kind AND t.subject_id = g.id", from.table));
                self.after(kind, moment.at, "t.id", &mut out);
                (None, format!("{at} DESC, t.id"))
            }
            About::Column(column) => {
                out.sql(format!("{} t WHERE t.{column} = g.id", from.table));
                self.after(kind, moment.at, "t.id", &mut out);
                (Some(from.fields.get(from.field_of_column(column)?)?.kind), format!("{at} DESC, t.id"))
            }
            About::Through { resource, ours, theirs, at } => {
                let middle = cx.catalogue.get(resource)?;
                let scope = self.may_read(middle)?;
                // Whoever took part twice is there once.
                out.sql(format!(
                    "(SELECT DISTINCT {at} AS at, p.{ours} AS id FROM {} p WHERE p.{theirs} = g.id",
                    middle.table
                ));
                out.sql(" AND p.tenant_id = ").bind(tenant.clone()).sql(" AND p.archived_at IS NULL");
                condition.scope(middle, "p", scope, &mut out);
                self.after(kind, at, &format!("p.{ours}"), &mut out);
                out.sql(format!(
                    " ORDER BY {at} DESC, p.{ours} DESC) w JOIN {} t ON t.id = w.id WHERE TRUE",
                    from.table
                ));
                (Some(middle.fields.get(middle.field_of_column(theirs)?)?.kind), "w.at DESC, w.id".to_owned())
            }
        };
        out.sql(" AND t.tenant_id = ").bind(tenant).sql(" AND t.archived_at IS NULL");
        condition.scope(from, "t", scope, &mut out);
        if let (Some(channels), Some(column)) = (&self.asked.channels, moment.channel) {
            out.sql(format!(" AND t.{column} = ANY(")).bind(Bind::Texts(channels.clone())).sql(")");
        }
        out.sql(format!(" ORDER BY {order} DESC LIMIT {limit}) s"));
        if let Some(Kind::Id(Some(name))) = leads_to {
            out.sql(format!(" WHERE g.kind = '{}'", cx.catalogue.get(name)?.subject));
        }
        Some(out)
    }

    /// Only what is within the period and stands after the cursor: older, or at the same time of a later kind, or of
    /// the same kind with a smaller id.
    fn after(&self, kind: &str, at: &str, id: &str, out: &mut Statement) {
        for (sign, time) in [(">=", self.from), ("<", self.to)] {
            if time.is_some() {
                out.sql(format!(" AND {at} {sign} ")).bind(Bind::Time(time));
            }
        }
        let Some((time, last, last_id)) = &self.after else { return };
        let time = Bind::Time(Some(*time));
        match kind.cmp(last) {
            std::cmp::Ordering::Less => drop(out.sql(format!(" AND {at} < ")).bind(time)),
            std::cmp::Ordering::Greater => drop(out.sql(format!(" AND {at} <= ")).bind(time)),
            std::cmp::Ordering::Equal => {
                out.sql(format!(" AND ({at}, {id}) < (")).bind(time);
                out.sql(", ").bind(Bind::Uuid(Some(*last_id))).sql(")");
            }
        }
    }
}

/// Where a cursor stands.
fn place(cursor: &Cursor) -> Result<(DateTime<Utc>, String, Uuid)> {
    let read = || match cursor.values.as_slice() {
        [at, kind, id] => {
            Some((types::parse_time(at.as_str()?)?, kind.as_str()?.to_owned(), FieldType::parse(id).ok()?))
        }
        _ => None,
    };
    read().ok_or_else(|| Error::new(&codes::INVALID_CURSOR, "The cursor cannot be read."))
}
