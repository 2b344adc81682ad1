//! Leads for the demonstration: a form, rules that score and assign, and people made up by a generator that makes the
//! same ones every time. They come in on past days and are worked on afterwards, so that response times say something.

use super::northwind::Load;
use super::pipeline::{Customer, Dice};
use chrono::TimeDelta;
use kith_kernel::Result;
use serde_json::json;
use uuid::Uuid;

const GIVEN: [&str; 8] = ["Ada", "Bruno", "Chen", "Dora", "Emil", "Fatima", "Goran", "Hana"];
const FAMILY: [&str; 9] = ["Abe", "Brandt", "Costa", "Dubois", "Eriksen", "Ferrari", "Garcia", "Hansen", "Ito"];
const SHOPS: [&str; 7] = ["Bistro", "Tea House", "Market Hall", "Delicatessen", "Canteen", "Hotel", "Bakery"];
const WISHES: [&str; 5] = [
    "Chai for the breakfast menu",
    "Cheese of the region",
    "A second supplier of seafood",
    "Gift boxes",
    "Samples of everything",
];
const COUNTRIES: [&str; 6] = ["DE", "FR", "GB", "US", "SE", "BR"];
const SOURCES: [&str; 4] = ["trade fair", "referral", "web site", "cold call"];
const TIMINGS: [&str; 4] = ["IMMEDIATE", "QUARTER", "YEAR", "LATER"];
const ROLES: [&str; 4] = ["DECISION_MAKER", "EVALUATOR", "USER", "CHAMPION"];
const REASONS: [&str; 4] = ["NO_BUDGET", "NO_NEED", "UNREACHABLE", "SPAM"];
const LEADS: u64 = 60;

/// Loads all of it.
pub fn load(load: &mut Load<'_>, customers: &[Customer]) -> Result<()> {
    let form =
        json!({"name": "Catalogue request", "source": "web site", "honeypot": "website", "responseMinutes": 240});
    let form = load.put("lead-forms", "form:catalogue", form)?;
    for (name, filter, points) in [
        ("Wants to buy soon", json!({"timing": {"in": ["IMMEDIATE", "QUARTER"]}}), 30),
        ("Decides", json!({"authority": {"in": ["DECISION_MAKER", "CHAMPION"]}}), 25),
        ("Has 1,000 to spend", json!({"budget": {"gte": "1000"}}), 25),
        ("Came by referral", json!({"source": {"eq": "referral"}}), 15),
        (
            "Cannot be reached",
            json!({"and": [{"email": {"isNull": true}}, {"normalizedPhone": {"isNull": true}}]}),
            -40,
        ),
    ] {
        let rule = json!({"name": name, "filter": filter, "points": points});
        load.put("lead-scoring-rules", &format!("score:{name}"), rule)?;
    }
    let own = json!({"name": "Whose account it is", "position": 1, "method": "ACCOUNT_OWNER"});
    load.put("lead-assignment-rules", "assign:account", own)?;
    let mut teams: Vec<Uuid> = customers.iter().filter_map(|(.., owner)| owner.map(|(_, team)| team)).collect();
    teams.sort_unstable();
    teams.dedup();
    for (at, team) in teams.iter().enumerate() {
        // Territories: the first team has Europe, the last one gets what is left.
        let filter = (at + 1 < teams.len()).then(|| json!({"country": {"in": ["DE", "FR", "GB", "SE"]}}));
        let rule = json!({"name": format!("Team {}", at + 1), "position": at + 2, "method": "ROUND_ROBIN", "teamId": team, "filter": filter});
        load.put("lead-assignment-rules", &format!("assign:team:{at}"), rule)?;
    }
    let mut dice = Dice(2026);
    for number in 1..=LEADS {
        lead(load, &mut dice, number, form)?;
    }
    Ok(())
}

/// One lead, and what became of it.
fn lead(load: &mut Load<'_>, dice: &mut Dice, number: u64, form: Uuid) -> Result<()> {
    let (given, family) = (*dice.pick(&GIVEN).unwrap_or(&"Ada"), *dice.pick(&FAMILY).unwrap_or(&"Abe"));
    let organization = dice.pick(&SHOPS).map(|shop| format!("{family} {shop} {number}"));
    let source = dice.pick(&SOURCES).copied().unwrap_or_default();
    let budget = json!({"amount": (250 * (1 + dice.roll(12))).to_string(), "currency": "USD"});
    let body = json!({
        "givenName": given, "familyName": family, "organization": organization, "jobTitle": "Purchasing", "source": source,
        "email": (dice.roll(5) > 0).then(|| format!("{}.{}@shop{number}.example", given.to_lowercase(), family.to_lowercase())),
        "country": dice.pick(&COUNTRIES), "interest": dice.pick(&WISHES), "timing": dice.pick(&TIMINGS), "authority": dice.pick(&ROLES),
        "budget": (dice.roll(3) > 0).then_some(budget), "formId": (source == "web site").then_some(form),
        "attribution": (source == "web site").then(|| json!({"utmSource": "newsletter", "utmCampaign": "spring"})),
    });
    let came = load.cx.now - TimeDelta::minutes(i64::try_from(60 + dice.roll(60 * 24 * 90)).unwrap_or(60));
    let id = load.then(came, |load| load.put("leads", &format!("lead:{number}"), body))?;
    if dice.roll(4) == 0 {
        return Ok(());
    }
    let answered = (came + TimeDelta::minutes(i64::try_from(5 + dice.roll(600)).unwrap_or(5))).min(load.cx.now);
    load.then(answered, |load| load.act("leads", id, "respond", json!({})))?;
    let (verb, body) = match dice.roll(5) {
        0 => ("qualify", json!({})),
        1 => ("nurture", json!({})),
        2 => ("disqualify", json!({"reason": dice.pick(&REASONS)})),
        3 => ("convert", json!({"onDuplicate": "IGNORE"})),
        _ => return Ok(()),
    };
    load.then((answered + TimeDelta::days(1)).min(load.cx.now), |load| load.act("leads", id, verb, body))
}
