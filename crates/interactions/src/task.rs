//! Tasks: what they hold, and what follows from it. Their verbs are in [`crate::moves`].

use crate::recurrence::{EXPECTS, Rule};
use crate::zone::Zone;
use crate::{AREA, moves};
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use diesel::PgConnection;
use kith_journal::{store, subject, verbs};
use kith_kernel::ids::{AccountId, ContactId, TaskId, TeamId, UserId};
use kith_kernel::{
    About, Bind, Command, Cx, Error, Meta, Moment, Ownership, Relation, Resource, Result, SubjectType, Violations,
    text_enum,
};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// How far a task is.
    #[derive(Default)]
    pub enum TaskStatus {
        /// Nobody has begun.
        #[default]
        Open = "OPEN",
        /// Somebody is at it.
        InProgress = "IN_PROGRESS",
        /// It is done.
        Done = "DONE",
        /// It need not be done any more.
        Cancelled = "CANCELLED",
    }
}

text_enum! {
    /// How much a task matters.
    #[derive(Default)]
    pub enum TaskPriority {
        /// When there is time.
        Low = "LOW",
        /// As most.
        #[default]
        Normal = "NORMAL",
        /// Before most.
        High = "HIGH",
        /// Now.
        Urgent = "URGENT",
    }
}

/// Something that somebody has to do. Done by `complete`, it makes the next one if it recurs; `cancel`, `reopen`,
/// `snooze` and `dismiss-reminder` are its other verbs.
#[resource(table = tasks, id = TaskId)]
pub struct Task {
    /// What to do.
    #[field(filter, max = 200, example = "\"Call about the offer\"")]
    pub title: String,
    /// What else there is to say about it.
    #[field(max = 20_000)]
    pub description: Option<String>,
    /// How far it is. The verbs change it, and so may a patch: DONE is DONE.
    #[field(filter, default)]
    pub status: TaskStatus,
    /// How much it matters.
    #[field(filter, default)]
    pub priority: TaskPriority,
    /// The day it is due on, for what is due some time in a day; `dueAt` is then the end of that day in the tenant's time
    /// zone. Give this or `dueAt`: either takes the place of the other.
    #[field(filter, example = "\"2026-06-30\"")]
    pub due_on: Option<NaiveDate>,
    /// When it is due. What is open and has this behind it is overdue.
    #[field(filter, sort)]
    pub due_at: Option<DateTime<Utc>>,
    /// When to remind the assignee. Kith keeps it and sends nothing: ask for what has come with
    /// `filter[reminderAt][lte]` and without `reminderDismissedAt`.
    #[field(filter, sort)]
    pub reminder_at: Option<DateTime<Utc>>,
    /// Since when the reminder need not be shown any more. A new `reminderAt` clears it.
    #[field(filter, read_only)]
    pub reminder_dismissed_at: Option<DateTime<Utc>>,
    /// How it comes again: a rule of RFC 5545 of FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), INTERVAL, BYDAY, BYMONTHDAY, and
    /// COUNT or UNTIL. It counts from when the first one is due, on the clock of the tenant's time zone.
    #[field(max = 200, example = "\"FREQ=WEEKLY;BYDAY=MO,TH\"")]
    pub recurrence: Option<String>,
    /// When the series began, in the tenant's local time. Moving the first task moves the series; moving a later one moves
    /// that one alone.
    #[field(read_only)]
    pub recurrence_start: Option<String>,
    /// When the rule has this one, in the tenant's local time, wherever it was moved to.
    #[field(read_only)]
    pub scheduled_for: Option<String>,
    /// Its number in the series, from 1.
    #[field(filter, read_only)]
    pub occurrence: Option<i32>,
    /// The one before it in the series.
    #[field(filter, read_only)]
    pub previous_id: Option<TaskId>,
    /// When it was done; now unless given.
    #[field(filter, sort)]
    pub completed_at: Option<DateTime<Utc>>,
    /// The account it is for; that of the subject unless given.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// The contact it is for; the subject unless given, where that is one.
    #[field(filter)]
    pub contact_id: Option<ContactId>,
    /// The type of the record it is about.
    #[field(filter)]
    pub subject_type: Option<SubjectType>,
    /// The record it is about.
    #[field(filter)]
    pub subject_id: Option<Uuid>,
    /// The user who has to do it; row scopes see it as the owner.
    #[field(filter)]
    pub assignee_id: Option<UserId>,
    /// The team that has to do it.
    #[field(filter)]
    pub team_id: Option<TeamId>,
}

impl Resource for Task {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership =
        Ownership { owner: Some("assignee_id"), team: Some("team_id"), via: &["account", "contact", "opportunity"] };
    const MOMENT: Option<Moment> = Some(Moment {
        at: "COALESCE(t.completed_at, t.due_at, t.created_at)",
        title: "t.title",
        title_of: None,
        channel: None,
        about: &[About::Subject, About::Column("account_id"), About::Column("contact_id")],
    });
    const RELATIONS: &'static [Relation] = &[
        Relation::subject(
            "opportunity",
            "opportunities",
            "OPPORTUNITY",
            "The opportunity it is about, where it is about one.",
        ),
        Relation::subject(
            "interaction",
            "interactions",
            "INTERACTION",
            "The interaction it is about, where it is about one.",
        ),
        Relation::many("next", "tasks", "previous_id", "The one after it in the series: none or one."),
        Relation::about("externalIds", "external-ids", "TASK", "Its keys in other systems."),
        Relation::about("taggings", "taggings", "TASK", "Its tags."),
        Relation::about("notes", "notes", "TASK", "Notes about it."),
    ];

    fn commands() -> Vec<Command> {
        moves::commands()
    }

    fn check(&self, violations: &mut Violations) {
        crate::subject_is_whole(self.subject_type, self.subject_id, violations);
        if let Some(rule) = &self.recurrence {
            let known = Rule::parse(rule).is_some();
            violations.ensure(known, "/recurrence", "INVALID", &format!("Expected {EXPECTS}."));
            let detail = "A task recurs from when it is due: give dueOn or dueAt.";
            violations.ensure(self.due_at.is_some(), "/recurrence", "INVALID", detail);
        }
        let done = self.status == TaskStatus::Done || self.completed_at.is_none();
        violations.ensure(done, "/completedAt", "INVALID", "Only what is DONE was done at some time.");
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        // What comes after another one was worked out when that was completed.
        if before.is_none() && self.previous_id.is_some() {
            return Ok(());
        }
        self.settle_subject(conn, cx, before)?;
        self.settle_due(conn, cx, before)?;
        self.settle_series(conn, cx, before)?;
        if before.is_some_and(|before| before.reminder_at != self.reminder_at) {
            self.reminder_dismissed_at = None;
        }
        let was_done = before.and_then(|before| before.completed_at);
        match self.status {
            TaskStatus::Done => self.completed_at = self.completed_at.or(Some(cx.now)),
            _ if self.completed_at == was_done => self.completed_at = None,
            _ => {}
        }
        if self.completed_at != was_done && self.completed_at.is_some_and(|at| at > cx.now) {
            return Err(Error::invalid("/completedAt", "OUT_OF_RANGE", "This is in the future."));
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let completed =
            before.is_some_and(|before| before.status != TaskStatus::Done) && self.status == TaskStatus::Done;
        if completed { self.come_again(conn, cx) } else { Ok(()) }
    }
}

fn local_text(local: NaiveDateTime) -> String {
    local.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

fn local_time(text: Option<&String>) -> Option<NaiveDateTime> {
    text?.parse().ok()
}

impl Task {
    fn settle_subject(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let (Some(kind), Some(id)) = (self.subject_type, self.subject_id) else { return Ok(()) };
        if before.is_some_and(|before| (before.subject_type, before.subject_id) == (Some(kind), Some(id))) {
            return Ok(());
        }
        subject::require(conn, cx, kind, id)?;
        if kind == SubjectType::Contact && self.contact_id.is_none() {
            self.contact_id = Some(ContactId(id));
        }
        if self.account_id.is_none() {
            self.account_id = subject::leads_to(conn, cx, (kind, id), "accounts")?.map(AccountId);
        }
        Ok(())
    }

    /// A day or a time: whichever was given takes the place of the other.
    fn settle_due(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let on = before.map_or(self.due_on.is_some(), |before| before.due_on != self.due_on);
        let at = before.map_or(self.due_at.is_some(), |before| before.due_at != self.due_at);
        match self.due_on.filter(|_| on) {
            Some(_) if at && self.due_at.is_some() => {
                let detail = "Give dueOn for a day or dueAt for a time, not both.";
                return Err(Error::invalid("/dueAt", "INVALID", detail));
            }
            Some(day) => {
                let end = Zone::of(conn, cx)?.end_of(day);
                let late = || Error::invalid("/dueOn", "OUT_OF_RANGE", "This day has no end that can be told.");
                self.due_at = Some(end.ok_or_else(late)?);
            }
            None if at => self.due_on = None,
            None if on => self.due_at = None,
            None => {}
        }
        Ok(())
    }

    /// When it is due on the tenant's clock; a whole day at its beginning.
    fn due_local(&self, zone: Zone) -> Option<NaiveDateTime> {
        self.due_on.map(NaiveDateTime::from).or_else(|| self.due_at.map(|at| zone.local(at)))
    }

    /// A new rule, and moving the first of a series, begins the series anew.
    fn settle_series(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if self.recurrence.is_none() {
            (self.recurrence_start, self.scheduled_for, self.occurrence) = (None, None, None);
            return Ok(());
        }
        let same = |before: &Self| {
            let due = (before.due_on, before.due_at) == (self.due_on, self.due_at);
            before.recurrence == self.recurrence && (due || self.occurrence != Some(1))
        };
        if before.is_some_and(same) {
            return Ok(());
        }
        let local = self.due_local(Zone::of(conn, cx)?).map(local_text);
        (self.recurrence_start, self.scheduled_for, self.occurrence) = (local.clone(), local, Some(1));
        Ok(())
    }

    /// Makes the next one, unless the series is over or it was made before: whoever completes a task holds its row.
    fn come_again(&self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let Some(rule) = self.recurrence.as_deref().and_then(Rule::parse) else { return Ok(()) };
        let made = store::rows::<Task>(conn, cx, |out| {
            out.sql(" AND t.previous_id = ").bind(Bind::Uuid(Some(self.meta.id)));
        })?;
        let number = self.occurrence.unwrap_or(1).saturating_add(1);
        if !made.is_empty() || rule.count.is_some_and(|count| number > count) {
            return Ok(());
        }
        let zone = Zone::of(conn, cx)?;
        match self.following(&rule, zone, number, Meta::new(cx)) {
            Some(next) => verbs::follow(conn, cx, next).map(drop),
            None => Ok(()),
        }
    }

    /// The one after this; none if there is none.
    fn following(&self, rule: &Rule, zone: Zone, occurrence: i32, meta: Meta) -> Option<Task> {
        let due = self.due_local(zone)?;
        let scheduled = local_time(self.scheduled_for.as_ref()).unwrap_or(due);
        let start = local_time(self.recurrence_start.as_ref()).unwrap_or(due);
        // One that was moved ahead does not come a second time.
        let local = rule.next(start, scheduled.max(due))?;
        let (due_on, due_at) = match self.due_on {
            Some(_) => (Some(local.date()), zone.end_of(local.date())?),
            None => (None, zone.instant(local)?),
        };
        // The clock shows the same time to the reminder as before, also when it changes in between.
        let ahead = |reminder| Some(zone.local(self.due_at?) - zone.local(reminder));
        let reminder_at = self.reminder_at.and_then(ahead).and_then(|ahead| zone.instant(zone.local(due_at) - ahead));
        let next = Task {
            meta,
            status: TaskStatus::Open,
            due_on,
            due_at: Some(due_at),
            reminder_at,
            reminder_dismissed_at: None,
            scheduled_for: Some(local_text(local)),
            occurrence: Some(occurrence),
            previous_id: Some(self.id()),
            completed_at: None,
            ..self.clone()
        };
        rule.goes_on(local, due_at).then_some(next)
    }
}
