//! What is done with a lead. Each verb is legal in some states; an illegal one answers with those that are legal.

use super::{DisqualifyReason, Lead, LeadStatus, OptIn, assignment, duplicates};
use chrono::{DateTime, NaiveDate, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::{AccountId, ContactId, OpportunityId, TeamId, UserId};
use kith_kernel::{Act, Action, Command, Cx, Error, Input, Nothing, Result, Row, Shape};
use kith_macros::input;
use serde_json::json;
use uuid::Uuid;

use LeadStatus::{Converted, Disqualified, New, Nurturing, Qualified, Working};

/// The verbs, and the states in which each is legal. `convert` stands in a crate that knows accounts and contacts.
const LEGAL: &[(&str, &[LeadStatus])] = &[
    ("respond", &[New, Working, Nurturing, Qualified]),
    ("assign", &[New, Working, Nurturing, Qualified]),
    ("qualify", &[New, Working, Nurturing]),
    ("nurture", &[New, Working, Qualified]),
    ("disqualify", &[New, Working, Nurturing, Qualified]),
    ("recycle", &[Nurturing, Disqualified]),
    ("convert", &[New, Working, Nurturing, Qualified]),
];

pub(super) fn commands() -> Vec<Command> {
    fn one<I: Input>(name: &'static str, doc: &'static str, run: Act<I>) -> Command {
        Command::new(name, doc, |cx| cx.require(cx.entry(Lead::NAME)?, Action::Update).map(drop), run)
    }
    vec![
        one(
            "respond",
            "Notes that somebody answered a lead. The first answer stops its response clock; a new or nurtured lead is worked on from then on.",
            respond,
        ),
        one("assign", "Assigns a lead: to a user or team, or by the assignment rules if neither is given.", assign),
        one("qualify", "Marks a lead as worth an opportunity.", qualify),
        one("nurture", "Puts a lead aside until it is ripe.", nurture),
        one("disqualify", "Ends the work on a lead that is not worth it.", disqualify),
        one(
            "recycle",
            "Makes a nurtured or disqualified lead a new one again; its first response stays noted.",
            recycle,
        ),
        one("rescore", "Scores a lead by the rules as they are now.", rescore),
        one(
            "find-duplicates",
            "Looks again for records that may be the same as a lead; they are its `duplicates`.",
            find_duplicates,
        ),
    ]
}

/// When somebody answered.
#[input]
pub struct Respond {
    /// When; now unless given.
    pub at: Option<DateTime<Utc>>,
}

/// To whom.
#[input]
pub struct Assign {
    /// The user.
    pub owner_id: Option<UserId>,
    /// The team.
    pub team_id: Option<TeamId>,
}

/// Until when.
#[input]
pub struct Nurture {
    /// The day to take it up again.
    #[field(example = "\"2027-01-15\"")]
    pub until: Option<NaiveDate>,
}

/// Why.
#[input]
pub struct Disqualify {
    /// The reason.
    #[field(example = "\"NO_BUDGET\"")]
    pub reason: DisqualifyReason,
    /// What else there is to say about it.
    #[field(max = 2_000)]
    pub note: Option<String>,
}

fn respond(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Respond) -> Result<Box<dyn Row>> {
    step(conn, cx, id, seen, "respond", "responded", |_, lead| {
        let at = input.at.unwrap_or(cx.now);
        if at < lead.meta.created_at || at > cx.now {
            return Err(Error::invalid("/at", "OUT_OF_RANGE", "Expected a time since the lead was made, until now."));
        }
        lead.first_response_at = lead.first_response_at.or(Some(at));
        if matches!(lead.status, New | Nurturing) {
            lead.reach(cx, Working);
        }
        Ok(())
    })
}

fn assign(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Assign) -> Result<Box<dyn Row>> {
    let by_rules = input.owner_id.is_none() && input.team_id.is_none();
    if by_rules {
        // The rules may give it to whom the caller does not see, and may not give it to.
        cx.require_version(seen)?;
        store::lock(conn, cx, cx.entry(Lead::NAME)?, id, Action::Update)?;
    }
    let cx = if by_rules { &cx.as_system() } else { cx };
    step(conn, cx, id, seen, "assign", "assigned", |conn, lead| {
        if by_rules {
            return assignment::assign(conn, cx, lead);
        }
        (lead.owner_id, lead.team_id) = (input.owner_id, input.team_id.or(lead.team_id));
        (lead.assignment_rule_id, lead.assigned_at) = (None, None);
        Ok(())
    })
}

fn qualify(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    step(conn, cx, id, seen, "qualify", "qualified", |_, lead| {
        lead.reach(cx, Qualified);
        Ok(())
    })
}

fn nurture(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Nurture) -> Result<Box<dyn Row>> {
    step(conn, cx, id, seen, "nurture", "nurtured", |_, lead| {
        if input.until.is_some_and(|until| until <= cx.today()) {
            return Err(Error::invalid("/until", "OUT_OF_RANGE", "Expected a day in the future."));
        }
        lead.reach(cx, Nurturing);
        lead.nurture_until = input.until;
        Ok(())
    })
}

fn disqualify(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    input: Disqualify,
) -> Result<Box<dyn Row>> {
    step(conn, cx, id, seen, "disqualify", "disqualified", |_, lead| {
        lead.reach(cx, Disqualified);
        (lead.disqualify_reason, lead.disqualify_note) = (Some(input.reason), input.note);
        Ok(())
    })
}

fn recycle(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    step(conn, cx, id, seen, "recycle", "recycled", |_, lead| {
        lead.reach(cx, New);
        Ok(())
    })
}

fn rescore(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    // Every change scores anew.
    verbs::change::<Lead>(conn, cx, id, seen, "rescored", |_, _| Ok(()))
}

fn find_duplicates(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, _: Nothing) -> Result<Box<dyn Row>> {
    verbs::change::<Lead>(conn, cx, id, seen, "updated", |conn, lead| duplicates::note(conn, cx, lead))
}

/// Changes a lead by a verb that is legal in its state.
fn step(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    verb: &'static str,
    operation: &'static str,
    edit: impl FnOnce(&mut PgConnection, &mut Lead) -> Result<()>,
) -> Result<Box<dyn Row>> {
    verbs::change::<Lead>(conn, cx, id, seen, operation, |conn, lead| {
        legal(lead, verb)?;
        edit(conn, lead)
    })
}

/// What is legal while nobody has confirmed that it was them.
const WHILE_PENDING: [&str; 2] = ["disqualify", "recycle"];

fn legal(lead: &Lead, verb: &str) -> Result<()> {
    let pending = lead.opt_in == OptIn::Pending;
    let may = |(name, states): &&(&str, &[LeadStatus])| {
        states.contains(&lead.status) && (!pending || WHILE_PENDING.contains(name))
    };
    let allowed: Vec<_> = LEGAL.iter().filter(may).map(|(name, _)| *name).collect();
    if allowed.contains(&verb) {
        return Ok(());
    }
    let state = if pending { "not confirmed" } else { lead.status.as_str() };
    let mut error = Error::illegal(format!("A lead that is {state} cannot {verb}."), &allowed);
    if lead.status == Converted {
        let (account, contact) = (lead.account_id.map(|id| id.0), lead.contact_id.map(|id| id.0));
        let became =
            json!({"accountId": account, "contactId": contact, "opportunityId": lead.opportunity_id.map(|id| id.0)});
        for violation in &mut error.violations {
            violation.more = Some(json!({"legal": allowed, "became": became}));
        }
    }
    Err(error)
}

/// What a lead is converted to.
#[derive(Clone, Copy, Debug)]
pub struct Conversion {
    /// The account.
    pub account: Option<AccountId>,
    /// The person.
    pub contact: Option<ContactId>,
    /// The chance to sell, if one was made.
    pub opportunity: Option<OpportunityId>,
}

/// Converts a lead into what `make` makes of it, in the same transaction and once.
pub fn convert(
    conn: &mut PgConnection,
    cx: &Cx,
    id: Uuid,
    seen: Option<i32>,
    make: impl FnOnce(&mut PgConnection, &Lead) -> Result<Conversion>,
) -> Result<Box<dyn Row>> {
    step(conn, cx, id, seen, "convert", "converted", |conn, lead| {
        let Conversion { account, contact, opportunity } = make(conn, lead)?;
        (lead.account_id, lead.contact_id, lead.opportunity_id) = (account, contact, opportunity);
        lead.reach(cx, Converted);
        lead.converted_at = Some(cx.now);
        Ok(())
    })
}

impl Lead {
    fn reach(&mut self, cx: &Cx, status: LeadStatus) {
        (self.status, self.status_since) = (status, cx.now);
        (self.nurture_until, self.disqualify_reason, self.disqualify_note) = (None, None, None);
    }
}
