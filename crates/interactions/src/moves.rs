//! How a task goes on: the verbs. Doing again what is done already changes nothing, so that each can be repeated.

use crate::task::{Task, TaskStatus};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_journal::verbs;
use kith_kernel::{Act, Action, Command, Cx, Error, Input, Nothing, Result, Row, Shape, codes};
use kith_macros::input;
use uuid::Uuid;

/// The verbs.
pub(crate) fn commands() -> Vec<Command> {
    fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
        Command::new(name, doc, |cx| cx.require(cx.entry(Task::NAME)?, Action::Update).map(drop), run)
    }
    vec![
        one(
            "complete",
            "Completes a task. If it recurs, the next one is made with it, once and for all: see `next`. Completing it again changes nothing.",
            complete,
        ),
        one("cancel", "Cancels a task that need not be done any more. A series ends with it.", cancel),
        one("reopen", "Takes up again what was done or cancelled. What came after it in a series stays.", reopen),
        one("snooze", "Puts off the reminder of a task. When it is due stays as it is.", snooze),
        one("dismiss-reminder", "Marks the reminder of a task as seen.", dismiss),
    ]
}

/// When it was done.
#[input]
pub struct Complete {
    /// When; now unless given.
    pub at: Option<DateTime<Utc>>,
}

/// Until when to be left in peace.
#[input]
pub struct Snooze {
    /// When to remind, in the future.
    #[field(example = "\"2030-01-31T09:00:00Z\"")]
    pub until: DateTime<Utc>,
}

fn illegal(detail: String) -> Error {
    Error::new(&codes::ILLEGAL_TRANSITION, detail)
}

fn is(task: &Task, what: &str) -> Error {
    illegal(format!("It is {}. {what}", task.status.as_str()))
}

fn complete(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Complete) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "completed", |_, task: &mut Task| match task.status {
        TaskStatus::Done => Ok(()),
        TaskStatus::Cancelled => Err(is(task, "Reopen it first.")),
        TaskStatus::Open | TaskStatus::InProgress => {
            if input.at.is_some_and(|at| at > cx.now) {
                return Err(Error::invalid("/at", "OUT_OF_RANGE", "This is in the future."));
            }
            (task.status, task.completed_at) = (TaskStatus::Done, input.at.or(Some(cx.now)));
            Ok(())
        }
    })
}

fn cancel(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "cancelled", |_, task: &mut Task| match task.status {
        TaskStatus::Done => Err(is(task, "Reopen it first.")),
        _ => {
            task.status = TaskStatus::Cancelled;
            Ok(())
        }
    })
}

fn reopen(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "reopened", |_, task: &mut Task| {
        if matches!(task.status, TaskStatus::Done | TaskStatus::Cancelled) {
            (task.status, task.completed_at) = (TaskStatus::Open, None);
        }
        Ok(())
    })
}

fn snooze(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Snooze) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "snoozed", |_, task: &mut Task| {
        if matches!(task.status, TaskStatus::Done | TaskStatus::Cancelled) {
            return Err(is(task, "There is nothing to be reminded of."));
        }
        if input.until <= cx.now {
            return Err(Error::invalid("/until", "OUT_OF_RANGE", "Expected a time in the future."));
        }
        (task.reminder_at, task.reminder_dismissed_at) = (Some(input.until), None);
        Ok(())
    })
}

fn dismiss(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change(conn, cx, id, seen, "reminder-dismissed", |_, task: &mut Task| {
        if task.reminder_at.is_none() {
            return Err(illegal("It has no reminder.".into()));
        }
        task.reminder_dismissed_at = task.reminder_dismissed_at.or(Some(cx.now));
        Ok(())
    })
}
