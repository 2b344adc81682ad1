//! Makes an account, a contact and an opportunity of a lead.

use chrono::NaiveDate;
use diesel::PgConnection;
use kith_contacts::{Account, Contact, ContactPoint};
use kith_journal::{store, verbs};
use kith_kernel::ids::{AccountId, ContactId, OpportunityId, PipelineId};
use kith_kernel::{Action, Command, Cx, Error, Money, Result, Row, Shape, Violation, codes, text_enum};
use kith_macros::input;
use kith_pipeline::lead::DuplicateKind;
use kith_pipeline::lead::verbs::{self as leads, Conversion};
use kith_pipeline::{Lead, LeadDuplicate, Opportunity};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A candidate that is at least this sure is in the way of a new record.
const SURE: i32 = 40;

text_enum! {
    /// What to do when there are records that may be the same as the lead.
    #[derive(Default)]
    pub enum OnDuplicate {
        /// Convert nothing, and answer with them.
        #[default]
        Refuse = "REFUSE",
        /// Convert onto the surest of them.
        Use = "USE",
        /// Make new records all the same.
        Ignore = "IGNORE",
    }
}

/// What to make of a lead.
#[input]
pub struct Convert {
    /// An account that is there; a new one is made unless given. That of the lead or of the contact, if there is one.
    pub account_id: Option<AccountId>,
    /// A contact that is there; a new one is made unless given. That of the lead, if there is one.
    pub contact_id: Option<ContactId>,
    /// Make no opportunity.
    #[field(default)]
    pub without_opportunity: bool,
    /// The name of the opportunity; that of the account unless given.
    #[field(max = 200)]
    pub opportunity_name: Option<String>,
    /// Its pipeline; the default one unless given.
    pub pipeline_id: Option<PipelineId>,
    /// What it is worth; the budget of the lead unless given.
    #[field(money)]
    pub amount: Option<Money>,
    /// When a decision is expected.
    pub close_date: Option<NaiveDate>,
    /// What to do when there are records that may be the same, and neither account nor contact is given.
    #[field(default)]
    pub on_duplicate: OnDuplicate,
}

/// The verb `convert` of leads.
pub fn command() -> Command {
    let doc = "Makes an account, a contact and an opportunity of a lead, or adds to those that are there; the answer is the lead, which names them. `dryRun` shows what would be.";
    let may = |cx: &Cx| {
        cx.require(cx.entry(Lead::NAME)?, Action::Update)?;
        for name in [Account::NAME, Contact::NAME, Opportunity::NAME] {
            cx.require(cx.entry(name)?, Action::Create)?;
        }
        Ok(())
    };
    Command::new("convert", doc, may, convert)
}

fn convert(conn: &mut PgConnection, cx: &Cx, id: Uuid, seen: Option<i32>, input: Convert) -> Result<Box<dyn Row>> {
    leads::convert(conn, cx, id, seen, |conn, lead| {
        let (mut account, mut contact) = (input.account_id, input.contact_id);
        if account.is_none() && contact.is_none() {
            (account, contact) = (lead.account_id, lead.contact_id);
        }
        if account.is_none() && contact.is_none() {
            (account, contact) = of_candidates(conn, cx, lead, input.on_duplicate)?;
        }
        // Whom we know works where we know them to.
        if let (None, Some(contact)) = (account, contact) {
            account = visible::<Contact>(conn, cx, contact.0, "/contactId")?.account_id;
        }
        let account = match account {
            Some(account) => visible::<Account>(conn, cx, account.0, "/accountId")?.id(),
            None => AccountId(new_account(conn, cx, lead)?),
        };
        let contact = match contact {
            Some(contact) => Some(visible::<Contact>(conn, cx, contact.0, "/contactId")?.id()),
            None => new_contact(conn, cx, lead, account)?.map(ContactId),
        };
        let opportunity = match input.without_opportunity {
            true => None,
            false => Some(OpportunityId(new_opportunity(conn, cx, lead, &input, account, contact)?)),
        };
        Ok(Conversion { account: Some(account), contact, opportunity })
    })
}

/// The record, if the actor may see it and it is not archived.
fn visible<R: kith_kernel::Resource>(conn: &mut PgConnection, cx: &Cx, id: Uuid, pointer: &str) -> Result<R> {
    let seen = store::exists(conn, cx, cx.entry(R::NAME)?, id, Action::Read)?;
    let found = if seen { store::find::<R>(conn, cx, id)? } else { None };
    let found = found.filter(|found| found.meta().archived_at.is_none());
    found.ok_or_else(|| Error::invalid(pointer, "UNKNOWN_REFERENCE", "This points to nothing that you can see."))
}

type Target = (Option<AccountId>, Option<ContactId>);

/// What to convert onto, of what may be the same.
fn of_candidates(conn: &mut PgConnection, cx: &Cx, lead: &Lead, on_duplicate: OnDuplicate) -> Result<Target> {
    if on_duplicate == OnDuplicate::Ignore {
        return Ok((None, None));
    }
    let mut candidates = LeadDuplicate::refresh(conn, cx, lead)?;
    candidates.retain(|found| found.kind != DuplicateKind::Lead && found.score >= SURE);
    match candidates.first() {
        None => Ok((None, None)),
        Some(best) if on_duplicate == OnDuplicate::Use => Ok((best.account_id, best.contact_id)),
        Some(_) => {
            let detail = "There are records that may be the same. Name one as accountId or contactId, or say onDuplicate: USE or IGNORE.";
            let candidates = candidates.iter().map(|found| {
                json!({"kind": found.kind.as_str(), "accountId": found.account_id.map(|id| id.0), "contactId": found.contact_id.map(|id| id.0), "score": found.score, "reasons": found.reasons.0})
            });
            let violation = Violation {
                pointer: "/accountId".into(),
                code: "DUPLICATE",
                detail: detail.into(),
                more: Some(json!({"candidates": candidates.collect::<Vec<_>>()})),
            };
            Err(Error { violations: vec![violation], ..Error::new(&codes::DUPLICATE, detail) })
        }
    }
}

/// Makes a record from the members that are not null.
fn make(conn: &mut PgConnection, cx: &Cx, resource: &str, body: Value) -> Result<Uuid> {
    let Value::Object(body) = body else { return Err(Error::internal("a body is an object")) };
    let body: Map<_, _> = body.into_iter().filter(|(_, value)| !value.is_null()).collect();
    Ok(verbs::create(conn, cx, cx.entry(resource)?, &body)?.meta().id)
}

fn new_account(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Uuid> {
    let kind = if lead.organization.is_some() { "ORGANIZATION" } else { "PERSON" };
    let name = lead.organization.as_ref().unwrap_or(&lead.name);
    let body = json!({"name": name, "kind": kind, "ownerId": lead.owner_id.map(|id| id.0), "teamId": lead.team_id.map(|id| id.0)});
    make(conn, cx, Account::NAME, body)
}

/// The person with how to reach them; none: the lead names no person.
fn new_contact(conn: &mut PgConnection, cx: &Cx, lead: &Lead, account: AccountId) -> Result<Option<Uuid>> {
    let ways = [("EMAIL", &lead.email), ("PHONE", &lead.phone)];
    let person = lead.given_name.is_some() || lead.family_name.is_some();
    let contact = match person {
        false => None,
        true => Some(make(
            conn,
            cx,
            Contact::NAME,
            json!({
                "givenName": lead.given_name, "familyName": lead.family_name, "locale": lead.locale, "jobTitle": lead.job_title,
                "accountId": account.0, "ownerId": lead.owner_id.map(|id| id.0), "buyingRole": lead.authority.map(|role| role.as_str()),
            }),
        )?),
    };
    for (channel, value) in ways.into_iter().filter_map(|(channel, value)| Some((channel, value.as_ref()?))) {
        let whose = if contact.is_some() { None } else { Some(account.0) };
        let body =
            json!({"contactId": contact, "accountId": whose, "channel": channel, "value": value, "isPrimary": true});
        make(conn, cx, ContactPoint::NAME, body)?;
    }
    Ok(contact)
}

fn new_opportunity(
    conn: &mut PgConnection,
    cx: &Cx,
    lead: &Lead,
    input: &Convert,
    account: AccountId,
    contact: Option<ContactId>,
) -> Result<Uuid> {
    let name = input.opportunity_name.as_ref().or(lead.organization.as_ref()).unwrap_or(&lead.name);
    let amount = input.amount.as_ref().or(lead.budget.as_ref());
    let body = json!({
        "name": name, "accountId": account.0, "contactId": contact.map(|id| id.0), "pipelineId": input.pipeline_id.map(|id| id.0),
        "amount": amount.map(|money| json!({"amount": money.amount.to_string(), "currency": money.currency.code()})),
        "closeDate": input.close_date, "source": lead.source, "nextStep": lead.interest.as_ref().map(|text| text.chars().take(500).collect::<String>()),
        "ownerId": lead.owner_id.map(|id| id.0), "teamId": lead.team_id.map(|id| id.0),
    });
    make(conn, cx, Opportunity::NAME, body)
}
