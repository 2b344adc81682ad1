//! Quotes, targets and a forecast snapshot for the demonstration pipeline, and a little that happened since it was made, so
//! that there is something to compare.

use super::northwind::Load;
use super::pipeline::Deal;
use chrono::{Datelike, Days, Months, NaiveDate};
use kith_kernel::Result;
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What each sales person shall win in a month, in dollars.
const MONTHLY: &str = "2500";
/// How many deals have a quote.
const QUOTED: usize = 20;
/// How many deals move after the snapshot.
const MOVED: usize = 3;

/// Loads all of it.
pub fn load(load: &mut Load<'_>, deals: &[Deal]) -> Result<()> {
    quotes(load, deals)?;
    let today = load.cx.now.date_naive();
    let first = NaiveDate::from_ymd_opt(today.year(), today.month0() / 3 * 3 + 1, 1).unwrap_or(today);
    targets(load, deals, first)?;
    let last = first.checked_add_months(Months::new(3)).and_then(|next| next.pred_opt()).unwrap_or(first);
    load.make("forecast-snapshots", json!({"name": "Start of the demonstration", "startsOn": first, "endsOn": last}))?;
    let expected: Vec<&Deal> = deals.iter().filter(|deal| deal.closes.is_some_and(|day| day <= last)).collect();
    let later = last.checked_add_days(Days::new(21));
    for (at, deal) in expected.iter().take(2 * MOVED).enumerate() {
        if at < MOVED {
            load.change("opportunities", deal.id, json!({"closeDate": later, "nextStep": "Ask again next quarter"}))?;
        } else {
            load.act("opportunities", deal.id, "win", json!({}))?;
        }
    }
    Ok(())
}

/// Quotes for deals at the stage of an offer or in negotiation; those in negotiation have been sent.
fn quotes(load: &mut Load<'_>, deals: &[Deal]) -> Result<()> {
    let until = load.cx.now.date_naive().checked_add_days(Days::new(30));
    let late = |deal: &&Deal| ["Offer", "Negotiation"].contains(&deal.stage);
    for deal in deals.iter().filter(late).take(QUOTED) {
        let quote = json!({
            "opportunityId": deal.id, "currency": "USD", "validUntil": until, "terms": "30 days net, free on board.",
        });
        let quote = load.put("quotes", &format!("quote:{}", deal.key), quote)?;
        let mut line = deal.line.clone();
        if let Some(line) = line.as_object_mut() {
            line.insert("quoteId".into(), json!(quote));
            line.insert("taxRate".into(), json!("0"));
        }
        load.put("quote-lines", &format!("quote-line:{}", deal.key), line)?;
        if deal.stage == "Negotiation" {
            load.act("quotes", quote, "send", json!({}))?;
        }
    }
    Ok(())
}

/// A target a month for everybody who owns a deal.
fn targets(load: &mut Load<'_>, deals: &[Deal], first: NaiveDate) -> Result<()> {
    let owners: BTreeMap<Uuid, ()> = deals.iter().filter_map(|deal| deal.owner).map(|owner| (owner, ())).collect();
    for owner in owners.keys() {
        for month in 0..3 {
            let starts = first.checked_add_months(Months::new(month)).unwrap_or(first);
            let ends = starts.checked_add_months(Months::new(1)).and_then(|next| next.pred_opt());
            let amount = json!({"amount": MONTHLY, "currency": "USD"});
            let target = json!({"userId": owner, "startsOn": starts, "endsOn": ends, "amount": amount});
            load.put("targets", &format!("target:{owner}:{starts}"), target)?;
        }
    }
    Ok(())
}
