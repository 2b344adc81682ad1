//! Touches with Northwind's customers, and what there is to do for them, made up by the same kind of generator as the
//! pipeline. Each customer has a conversation by mail or a call, and some a task; the first opportunity is its subject.

use super::northwind::Load;
use super::pipeline::{Customer, Dice, back};
use chrono::{Days, TimeDelta};
use kith_kernel::Result;
use serde_json::json;
use uuid::Uuid;

const ASKED: [(&str, &str); 4] = [
    ("Price list", "Could you send us your new prices?"),
    ("Delivery before the holidays", "Can you still deliver this month?"),
    ("Samples", "We would like to taste two of your cheeses."),
    ("Broken jars", "Three jars of the last delivery were broken."),
];
const CALLS: [(&str, &str, &str); 4] = [
    ("Reorder", "Wants to order again next week.", "0.6"),
    ("Prices", "Finds us dear.", "-0.4"),
    ("Complaint", "The last delivery came late.", "-0.7"),
    ("New season", "Liked the tasting.", "0.8"),
];
const TASKS: [(&str, &str, Option<&str>); 4] = [
    ("Send the price list", "HIGH", None),
    ("Call about the next order", "NORMAL", Some("FREQ=MONTHLY;BYDAY=1MO")),
    ("Check the stock", "LOW", Some("FREQ=WEEKLY;BYDAY=FR")),
    ("Apologise for the delay", "URGENT", None),
];

/// Loads all of it.
pub fn load(load: &mut Load<'_>, customers: &[Customer]) -> Result<()> {
    let mut dice = Dice(1997);
    for customer in customers {
        let contact = load.known("contacts", &format!("customer:{}", customer.1))?;
        let opportunity = load.known("opportunities", &format!("opportunity:{}:1", customer.1))?;
        if dice.roll(2) == 0 {
            conversation(load, &mut dice, customer, contact)?;
        } else {
            call(load, &mut dice, customer, opportunity)?;
        }
        if dice.roll(2) == 0 {
            task(load, &mut dice, customer, opportunity)?;
        }
    }
    Ok(())
}

/// A mail from the customer and our answer, in one thread.
fn conversation(load: &mut Load<'_>, dice: &mut Dice, customer: &Customer, contact: Option<Uuid>) -> Result<()> {
    let (account, key, owner) = customer;
    let asked = back(load.cx.now, 1 + dice.roll(200));
    let answered = asked.and_then(|at| at.checked_add_signed(TimeDelta::hours(3)));
    let Some((subject, text)) = dice.pick(&ASKED) else { return Ok(()) };
    let mails = [
        ("INBOUND", "FROM", asked, (*subject).to_owned(), *text),
        ("OUTBOUND", "TO", answered, format!("Re: {subject}"), "Gladly. You hear from us tomorrow."),
    ];
    for (direction, role, at, subject, text) in mails {
        let mail = json!({
            "channel": "EMAIL", "direction": direction, "accountId": account, "occurredAt": at, "subjectLine": subject, "body": text,
            "threadKey": format!("<{key}@northwind.example>"), "ownerId": owner.map(|(user, _)| user), "teamId": owner.map(|(_, team)| team),
        });
        let mail = load.put("interactions", &format!("mail:{key}:{direction}"), mail)?;
        if let Some(contact) = contact {
            let part = json!({"interactionId": mail, "contactId": contact, "role": role});
            load.put("interaction-contacts", &format!("mail:{key}:{direction}"), part)?;
        }
    }
    Ok(())
}

fn call(load: &mut Load<'_>, dice: &mut Dice, customer: &Customer, opportunity: Option<Uuid>) -> Result<()> {
    let (account, key, owner) = customer;
    let Some((subject, outcome, sentiment)) = dice.pick(&CALLS) else { return Ok(()) };
    let call = json!({
        "channel": dice.pick(&["PHONE", "VISIT", "MEETING"]), "direction": dice.pick(&["INBOUND", "OUTBOUND"]), "accountId": account,
        "subjectType": opportunity.map(|_| "OPPORTUNITY"), "subjectId": opportunity, "occurredAt": back(load.cx.now, 1 + dice.roll(200)),
        "durationSeconds": 60 * (1 + dice.roll(45)), "subjectLine": subject, "outcome": outcome, "sentiment": sentiment,
        "ownerId": owner.map(|(user, _)| user), "teamId": owner.map(|(_, team)| team),
    });
    load.put("interactions", &format!("call:{key}"), call).map(drop)
}

fn task(load: &mut Load<'_>, dice: &mut Dice, customer: &Customer, opportunity: Option<Uuid>) -> Result<()> {
    let (account, key, owner) = customer;
    let Some((title, priority, recurrence)) = dice.pick(&TASKS) else { return Ok(()) };
    let today = load.cx.now.date_naive();
    let due = today.checked_add_days(Days::new(dice.roll(30))).and_then(|day| day.checked_sub_days(Days::new(5)));
    let task = json!({
        "title": title, "priority": priority, "dueOn": due, "recurrence": recurrence, "accountId": account,
        "subjectType": opportunity.map(|_| "OPPORTUNITY"), "subjectId": opportunity,
        "assigneeId": owner.map(|(user, _)| user), "teamId": owner.map(|(_, team)| team),
    });
    load.put("tasks", &format!("task:{key}"), task).map(drop)
}
