//! Whole orders as an ERP knows them: head, lines and refunds in one document. Each document makes its order or brings it to
//! exactly its state, whatever that was before; the same again changes nothing, and an older one is passed over. Many
//! documents cost as many statements as one: everything is looked up together ([`known`]), compared in memory ([`plan`]) and
//! written together ([`write`]), and the days of the customers are summarised once.

mod input;
mod known;
mod plan;
mod write;

use crate::{Order, OrderLine, Refund, days};
use diesel::{Connection, PgConnection};
use input::Document;
use kith_kernel::{Action, Cx, Error, ErrorKind, Result, Shape, text_enum};
use known::Known;
use plan::{Plan, Step};
use serde_json::Value;
use std::collections::HashSet;
use uuid::Uuid;

/// Most documents of one request.
pub const MAX_DOCUMENTS: usize = 500;

text_enum! {
    /// What became of a document.
    pub enum DocumentStatus {
        /// There is a new order.
        Created = "CREATED",
        /// The order, its lines or its refunds changed.
        Updated = "UPDATED",
        /// It is what was there already.
        Unchanged = "UNCHANGED",
        /// A document with a higher sourceVersion came before; nothing changed.
        Stale = "STALE",
        /// It was refused; nothing changed.
        Failed = "FAILED",
    }
}

/// What became of one document.
#[derive(Debug)]
pub struct Outcome {
    /// In a word.
    pub status: DocumentStatus,
    /// The order.
    pub id: Option<Uuid>,
    /// Why it failed.
    pub error: Option<Error>,
}

/// Refuses whoever may not write what documents hold.
pub fn may(cx: &Cx) -> Result<()> {
    let rights = [
        (Order::NAME, [Action::Create, Action::Update].as_slice()),
        (OrderLine::NAME, &[Action::Create, Action::Update, Action::Archive]),
    ];
    for (name, actions) in rights {
        for action in actions {
            cx.require(cx.entry(name)?, *action)?;
        }
    }
    Ok(())
}

/// Takes documents in their order. Atomic: the first failure undoes all, with pointers from `/documents/{index}` on. Else each
/// has its own outcome.
pub fn take(conn: &mut PgConnection, cx: &Cx, documents: &[Value], atomic: bool) -> Result<Vec<Outcome>> {
    may(cx)?;
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    let mut waiting = Vec::new();
    for (index, value) in documents.iter().enumerate() {
        match Document::read(value).and_then(|document| may_refund(cx, &document).map(|()| document)) {
            Ok(document) => {
                waiting.push((index, document));
                outcomes.push(None);
            }
            Err(error) => outcomes.push(Some(failed(error, index, atomic)?)),
        }
    }
    let mut touched = Vec::new();
    while !waiting.is_empty() {
        // The same order twice: one after the other.
        let mut seen = HashSet::new();
        let key = |document: &Document| (document.head.system.clone(), document.head.external_id.clone());
        let (now, later) = waiting.into_iter().partition(|(_, document)| seen.insert(key(document)));
        waiting = later;
        for (index, outcome) in wave(conn, cx, now, atomic, &mut touched)? {
            if let Some(slot) = outcomes.get_mut(index) {
                *slot = Some(outcome);
            }
        }
    }
    days::touch(conn, cx, touched)?;
    outcomes.into_iter().collect::<Option<_>>().ok_or_else(|| Error::internal("a document was forgotten"))
}

fn may_refund(cx: &Cx, document: &Document) -> Result<()> {
    if document.refunds.is_some() {
        let entry = cx.entry(Refund::NAME)?;
        for action in [Action::Create, Action::Update, Action::Archive] {
            cx.require(entry, action)?;
        }
    }
    Ok(())
}

/// Documents of different orders.
fn wave(
    conn: &mut PgConnection,
    cx: &Cx,
    documents: Vec<(usize, Document)>,
    atomic: bool,
    touched: &mut Vec<Uuid>,
) -> Result<Vec<(usize, Outcome)>> {
    let all: Vec<&Document> = documents.iter().map(|(_, document)| document).collect();
    let known = Known::find(conn, cx, &all)?;
    let (mut outcomes, mut plans) = (Vec::new(), Vec::new());
    for (index, document) in &documents {
        match Plan::of(conn, cx, document, &known) {
            Ok(Step::Stale(id)) => {
                outcomes.push((*index, Outcome { status: DocumentStatus::Stale, id: Some(id), error: None }));
            }
            Ok(Step::Write(plan)) => plans.push((*index, *plan)),
            Err(error) => outcomes.push((*index, failed(error, *index, atomic)?)),
        }
    }
    write::number(conn, cx, &mut plans.iter_mut().map(|(_, plan)| plan).collect::<Vec<_>>())?;
    let (same, other): (Vec<_>, Vec<_>) = plans.into_iter().partition(|(_, plan)| plan.is_empty());
    write::versions(conn, cx, &same.iter().map(|(_, plan)| plan).collect::<Vec<_>>())?;
    let unchanged = |plan: &Plan| Outcome { status: DocumentStatus::Unchanged, id: Some(plan.id().0), error: None };
    outcomes.extend(same.iter().map(|(index, plan)| (*index, unchanged(plan))));
    for (index, plan, error) in written(conn, cx, &other)? {
        match error {
            Some(error) => outcomes.push((index, failed(error, index, atomic)?)),
            None => {
                touched.extend(plan.touched());
                let status = if plan.before.is_none() { DocumentStatus::Created } else { DocumentStatus::Updated };
                outcomes.push((index, Outcome { status, id: Some(plan.id().0), error: None }));
            }
        }
    }
    Ok(outcomes)
}

/// Writes all together; if something is in the way of one, each for itself, to find out which.
fn written<'a>(
    conn: &mut PgConnection,
    cx: &Cx,
    plans: &'a [(usize, Plan)],
) -> Result<Vec<(usize, &'a Plan, Option<Error>)>> {
    let all: Vec<&Plan> = plans.iter().map(|(_, plan)| plan).collect();
    match conn.transaction(|conn| write::write(conn, cx, &all)) {
        Ok(()) => Ok(plans.iter().map(|(index, plan)| (*index, plan, None)).collect()),
        Err(error) if ours(&error) => Err(error),
        Err(_) => {
            let alone =
                |(index, plan): &'a (usize, Plan)| match conn.transaction(|conn| write::write(conn, cx, &[plan])) {
                    Ok(()) => Ok((*index, plan, None)),
                    Err(error) if ours(&error) => Err(error),
                    Err(error) => Ok((*index, plan, Some(error))),
                };
            plans.iter().map(alone).collect()
        }
    }
}

/// Not the document's fault: the whole request is tried again, or fails.
fn ours(error: &Error) -> bool {
    matches!(error.code.kind, ErrorKind::Internal | ErrorKind::Unavailable)
}

/// The outcome of a refusal, or the refusal of all.
fn failed(mut error: Error, index: usize, atomic: bool) -> Result<Outcome> {
    if ours(&error) {
        return Err(error);
    }
    if atomic {
        for violation in &mut error.violations {
            violation.pointer = format!("/documents/{index}{}", violation.pointer);
        }
        error.detail = format!("Document {index}: {}", error.detail);
        return Err(error);
    }
    Ok(Outcome { status: DocumentStatus::Failed, id: None, error: Some(error) })
}
