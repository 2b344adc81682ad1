//! Makes an account, a contact and an opportunity of a lead.

use chrono::NaiveDate;
use diesel::PgConnection;
use kith_contacts::{Account, Channel, Contact, ContactPoint};
use kith_journal::{store, verbs};
use kith_kernel::ids::{AccountId, ContactId, OpportunityId, PipelineId};
use kith_kernel::{Action, Bind, Command, Cx, Error, Money, Result, Row, Shape, Violation, codes, text_enum};
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
    /// A contact that is there; a new one is made unless given. That of the lead, if there is one and it is of the account.
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
    /// What to do when there are records that may be the same, and the contact is neither given nor known. IGNORE also leaves
    /// aside what the lead was found to belong to.
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
        let (account, contact) = targets(conn, cx, lead, &input)?;
        let account = match account {
            Some(account) => visible::<Account>(conn, cx, account.0, "/accountId")?.id(),
            None => AccountId(new_account(conn, cx, lead)?),
        };
        let contact = match contact {
            Some(contact) => Some(joined(conn, cx, contact, account)?),
            None => new_contact(conn, cx, lead, account)?.map(ContactId),
        };
        contact_points(conn, cx, lead, account, contact)?;
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

/// What to convert onto: what is named, what the lead belongs to, what may be the same; none: something new.
fn targets(
    conn: &mut PgConnection,
    cx: &Cx,
    lead: &Lead,
    input: &Convert,
) -> Result<(Option<AccountId>, Option<Contact>)> {
    let anew = input.on_duplicate == OnDuplicate::Ignore;
    let mut contact = match input.contact_id {
        Some(id) => Some(visible::<Contact>(conn, cx, id.0, "/contactId")?),
        // What the lead was found to belong to may be gone since, or hidden.
        None => lead.contact_id.filter(|_| !anew).and_then(|id| visible::<Contact>(conn, cx, id.0, "").ok()),
    };
    if input.contact_id.is_none() && input.account_id.is_some() {
        contact = contact.filter(|contact| contact.account_id == input.account_id);
    }
    let mut account = input.account_id.or(contact.as_ref().and_then(|contact| contact.account_id));
    if let (None, Some(linked)) = (account, lead.account_id.filter(|_| !anew)) {
        account = visible::<Account>(conn, cx, linked.0, "").ok().map(|found| found.id());
    }
    if contact.is_none()
        && !anew
        && let Some(same) = candidate(conn, cx, lead, account, input.on_duplicate)?
    {
        account = account.or(same.account_id);
        contact = same.contact_id.map(|id| visible::<Contact>(conn, cx, id.0, "/contactId")).transpose()?;
    }
    let elsewhere = contact.as_ref().and_then(|contact| contact.account_id).filter(|of| account != Some(*of));
    if elsewhere.is_some() {
        return Err(Error::invalid("/contactId", "INVALID", "This contact belongs to another account."));
    }
    Ok((account, contact))
}

/// The one of the records that may be the same to convert onto: a person before a company.
fn candidate(
    conn: &mut PgConnection,
    cx: &Cx,
    lead: &Lead,
    account: Option<AccountId>,
    on_duplicate: OnDuplicate,
) -> Result<Option<LeadDuplicate>> {
    let mut candidates = Vec::new();
    for found in LeadDuplicate::refresh(conn, cx, lead)? {
        let (resource, fits) = match found.kind {
            DuplicateKind::Lead => continue,
            DuplicateKind::Contact => (Contact::NAME, account.is_none() || found.account_id == account),
            DuplicateKind::Account => (Account::NAME, account.is_none()),
        };
        let Some(target) = found.target().filter(|_| fits && found.score >= SURE) else { continue };
        if store::exists(conn, cx, cx.entry(resource)?, target, Action::Read)? {
            candidates.push(found);
        }
    }
    candidates.sort_by_key(|found| (found.kind != DuplicateKind::Contact, std::cmp::Reverse(found.score)));
    if candidates.is_empty() || on_duplicate == OnDuplicate::Use {
        return Ok(candidates.into_iter().next());
    }
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

/// A contact of the account from now on, if it had none.
fn joined(conn: &mut PgConnection, cx: &Cx, contact: Contact, account: AccountId) -> Result<ContactId> {
    if contact.account_id.is_none() {
        let body = Map::from_iter([("accountId".to_owned(), json!(account.0))]);
        verbs::update(conn, &cx.as_system(), cx.entry(Contact::NAME)?, contact.meta.id, None, &body)?;
    }
    Ok(contact.id())
}

/// Makes a record from the members that are not null.
fn make(conn: &mut PgConnection, cx: &Cx, resource: &str, body: Value) -> Result<Uuid> {
    let Value::Object(body) = body else { return Err(Error::internal("a body is an object")) };
    let body: Map<_, _> = body.into_iter().filter(|(_, value)| !value.is_null()).collect();
    Ok(verbs::create(conn, cx, cx.entry(resource)?, &body)?.meta().id)
}

fn new_account(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Uuid> {
    let kind = if lead.organization.is_some() { "ORGANIZATION" } else { "PERSON" };
    let name: String = lead.organization.as_ref().unwrap_or(&lead.name).chars().take(200).collect();
    let body = json!({"name": name, "kind": kind, "ownerId": lead.owner_id.map(|id| id.0), "teamId": lead.team_id.map(|id| id.0)});
    make(conn, cx, Account::NAME, body)
}

/// The person; none: the lead names no person.
fn new_contact(conn: &mut PgConnection, cx: &Cx, lead: &Lead, account: AccountId) -> Result<Option<Uuid>> {
    if lead.given_name.is_none() && lead.family_name.is_none() {
        return Ok(None);
    }
    let body = json!({
        "givenName": lead.given_name, "familyName": lead.family_name, "locale": lead.locale, "jobTitle": lead.job_title,
        "accountId": account.0, "ownerId": lead.owner_id.map(|id| id.0), "buyingRole": lead.authority.map(|role| role.as_str()),
    });
    make(conn, cx, Contact::NAME, body).map(Some)
}

/// How to reach the person, or else the account, unless that is known already.
fn contact_points(
    conn: &mut PgConnection,
    cx: &Cx,
    lead: &Lead,
    account: AccountId,
    contact: Option<ContactId>,
) -> Result<()> {
    let known = store::rows::<ContactPoint>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND ");
        match contact {
            Some(contact) => out.sql("t.contact_id = ").bind(Bind::Uuid(Some(contact.0))),
            None => out.sql("t.account_id = ").bind(Bind::Uuid(Some(account.0))),
        };
    })?;
    let ways = [(Channel::Email, &lead.email, &lead.email), (Channel::Phone, &lead.phone, &lead.normalized_phone)];
    for (channel, value, normal) in ways {
        let (Some(value), Some(normal)) = (value, normal) else { continue };
        if known.iter().any(|point| point.normalized_value == *normal) {
            continue;
        }
        let first = !known.iter().any(|point| point.channel == channel && point.is_primary);
        let whose = if contact.is_some() { None } else { Some(account.0) };
        let body = json!({"contactId": contact.map(|id| id.0), "accountId": whose, "channel": channel.as_str(), "value": value, "isPrimary": first});
        make(conn, cx, ContactPoint::NAME, body)?;
    }
    Ok(())
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
    let name: String = name.chars().take(200).collect();
    let amount = input.amount.as_ref().or(lead.budget.as_ref());
    let body = json!({
        "name": name, "accountId": account.0, "contactId": contact.map(|id| id.0), "pipelineId": input.pipeline_id.map(|id| id.0),
        "amount": amount.map(|money| json!({"amount": money.amount.to_string(), "currency": money.currency.code()})),
        "closeDate": input.close_date, "source": lead.source, "nextStep": lead.interest.as_ref().map(|text| text.chars().take(500).collect::<String>()),
        "ownerId": lead.owner_id.map(|id| id.0), "teamId": lead.team_id.map(|id| id.0),
    });
    make(conn, cx, Opportunity::NAME, body)
}
