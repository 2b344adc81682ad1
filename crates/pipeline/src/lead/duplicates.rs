//! Records that may be the same person or company as a lead, with a score that explains itself.

use super::Lead;
use crate::AREA;
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_journal::{store, verbs};
use kith_kernel::ids::{AccountId, ContactId, LeadDuplicateId, LeadId};
use kith_kernel::{Bind, Custom, Cx, Ownership, Resource, Result, Shape, Statement, Verb, text_enum};
use kith_macros::resource;
use serde_json::{Map, Value, json};
use uuid::Uuid;

text_enum! {
    /// What a lead may be the same as.
    pub enum DuplicateKind {
        /// Another lead.
        Lead = "LEAD",
        /// A contact.
        Contact = "CONTACT",
        /// An account.
        Account = "ACCOUNT",
    }
}

/// A record that may be the same person or company as a lead. Found when a lead is made or its name, organization, e-mail
/// address or phone number changes, and by its verb `find-duplicates`.
#[resource(table = lead_duplicates, id = LeadDuplicateId)]
pub struct LeadDuplicate {
    /// The lead.
    #[field(filter, create_only)]
    pub lead_id: LeadId,
    /// What it may be the same as.
    #[field(filter, create_only)]
    pub kind: DuplicateKind,
    /// The other lead.
    #[field(filter, create_only)]
    pub other_lead_id: Option<LeadId>,
    /// The contact.
    #[field(filter, create_only)]
    pub contact_id: Option<ContactId>,
    /// The account; that of the contact, where it is one.
    #[field(filter, create_only)]
    pub account_id: Option<AccountId>,
    /// How sure it is, from 0 to 100: the sum of the points of its reasons.
    #[field(filter, sort)]
    pub score: i32,
    /// What is the same, and for how many points. Leads and contacts: EMAIL 40, PHONE 30, NAME 15, ORGANIZATION 15.
    /// Accounts: ORGANIZATION 50, PHONE 30, EMAIL 20.
    pub reasons: Custom,
}

impl Resource for LeadDuplicate {
    const AREA: &'static str = AREA;
    const VERBS: &'static [Verb] = &[Verb::Read];
    const OWNERSHIP: Ownership = Ownership { owner: None, team: None, via: &["lead"] };
}

/// Less than this says nothing; [`SEARCH`] leaves it out, and keeps the ten surest of each kind.
const LEAST: i32 = 30;
const PEOPLE: &[(&str, i32)] = &[("EMAIL", 40), ("PHONE", 30), ("NAME", 15), ("ORGANIZATION", 15)];
const COMPANIES: &[(&str, i32)] = &[("ORGANIZATION", 50), ("PHONE", 30), ("EMAIL", 20)];

type Found = (String, Uuid, Option<Uuid>, Vec<String>);
type FoundSql = (st::Text, st::Uuid, st::Nullable<st::Uuid>, st::Array<st::Text>);

/// Candidates with what they share with the lead.
fn find(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Vec<Found>> {
    // The lead as one row, whose texts are compared without regard to case.
    let mut out = Statement::new("WITH me AS MATERIALIZED (SELECT ");
    out.bind(Bind::Uuid(Some(cx.tenant))).sql("::uuid AS tenant_id, ");
    out.bind(Bind::Uuid(Some(lead.meta.id))).sql("::uuid AS id, ").bind(Bind::Text(lead.email.clone()));
    out.sql("::text AS email, ").bind(Bind::Text(lead.normalized_phone.clone())).sql("::text AS phone, lower(");
    out.bind(Bind::Text(
        lead.organization.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned),
    ));
    out.sql("::text) AS organization, lower(").bind(Bind::Text(person(lead))).sql("::text) AS name), ");
    out.sql(SEARCH);
    Ok(RunQueryDsl::load(out.typed::<FoundSql>(), conn)?)
}

/// The name, where it is that of a person.
fn person(lead: &Lead) -> Option<String> {
    (lead.given_name.is_some() || lead.family_name.is_some()).then(|| lead.name.clone())
}

/// Each branch looks up by indexes, and says what is the same.
const SEARCH: &str = "
points AS (SELECT p.tenant_id, p.contact_id, p.account_id, bool_or(p.normalized_value = me.email) AS email, bool_or(p.normalized_value = me.phone) AS phone
    FROM me JOIN contact_points p ON p.tenant_id = me.tenant_id AND p.archived_at IS NULL AND p.normalized_value IN (me.email, me.phone)
    GROUP BY p.tenant_id, p.contact_id, p.account_id),
people AS (SELECT c.id, c.account_id, p.email, p.phone FROM points p JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id WHERE c.archived_at IS NULL
    UNION ALL SELECT c.id, c.account_id, false, false FROM me JOIN accounts a ON a.tenant_id = me.tenant_id AND lower(a.name) = me.organization
    JOIN contacts c ON c.tenant_id = a.tenant_id AND c.account_id = a.id AND c.archived_at IS NULL AND lower(c.name) = me.name),
firms AS (SELECT a.id, p.email, p.phone FROM points p JOIN accounts a ON a.tenant_id = p.tenant_id AND a.id = p.account_id WHERE a.archived_at IS NULL
    UNION ALL SELECT a.id, false, false FROM me JOIN accounts a ON a.tenant_id = me.tenant_id AND lower(a.name) = me.organization AND a.archived_at IS NULL),
found AS (
    SELECT 'LEAD' AS kind, l.id, NULL::uuid AS account_id, l.email = me.email AS email, l.normalized_phone = me.phone AS phone, lower(l.name) = me.name AS name, lower(l.organization) = me.organization AS organization
    FROM me JOIN leads l ON l.tenant_id = me.tenant_id AND l.archived_at IS NULL AND l.id <> me.id AND (l.email = me.email OR l.normalized_phone = me.phone OR (lower(l.organization) = me.organization AND lower(l.name) = me.name))
    UNION ALL SELECT 'CONTACT', c.id, c.account_id, bool_or(f.email), bool_or(f.phone), lower(c.name) = me.name, lower(a.name) = me.organization
    FROM me JOIN people f ON true JOIN contacts c ON c.tenant_id = me.tenant_id AND c.id = f.id LEFT JOIN accounts a ON a.tenant_id = c.tenant_id AND a.id = c.account_id
    GROUP BY c.id, c.account_id, c.name, a.name, me.name, me.organization
    UNION ALL SELECT 'ACCOUNT', a.id, a.id, bool_or(f.email), bool_or(f.phone), false, lower(a.name) = me.organization
    FROM me JOIN firms f ON true JOIN accounts a ON a.tenant_id = me.tenant_id AND a.id = f.id GROUP BY a.id, a.name, me.organization),
said AS (SELECT kind, id, account_id, coalesce(email, false)::int AS email, coalesce(phone, false)::int AS phone, coalesce(name, false)::int AS name, coalesce(organization, false)::int AS organization FROM found),
ranked AS (SELECT *, CASE kind WHEN 'ACCOUNT' THEN 50 * organization + 30 * phone + 20 * email ELSE 40 * email + 30 * phone + 15 * name + 15 * organization END AS score FROM said)
SELECT kind, id, account_id, array_remove(ARRAY[CASE email WHEN 1 THEN 'EMAIL' END, CASE phone WHEN 1 THEN 'PHONE' END, CASE name WHEN 1 THEN 'NAME' END, CASE organization WHEN 1 THEN 'ORGANIZATION' END], NULL)
FROM (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY score DESC, id) AS place FROM ranked WHERE score >= 30) r WHERE place <= 10 ORDER BY kind, place";

/// The account and the contact that have the lead's e-mail address or phone number, if it is clear who that is.
pub(super) fn known(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<(Option<AccountId>, Option<ContactId>)> {
    if lead.email.is_none() && lead.normalized_phone.is_none() {
        return Ok((None, None));
    }
    let mut out = Statement::new(
        "SELECT DISTINCT a.id, c.id FROM contact_points p LEFT JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id \
         LEFT JOIN accounts a ON a.tenant_id = p.tenant_id AND a.id = coalesce(p.account_id, c.account_id) AND a.archived_at IS NULL \
         WHERE p.archived_at IS NULL AND c.archived_at IS NULL AND coalesce(a.id, c.id) IS NOT NULL AND p.tenant_id = ",
    );
    let values = [&lead.email, &lead.normalized_phone].into_iter().flatten().cloned().collect();
    out.bind(Bind::Uuid(Some(cx.tenant)))
        .sql(" AND p.normalized_value = ANY(")
        .bind(Bind::Texts(values))
        .sql(") LIMIT 10");
    type Sql = (st::Nullable<st::Uuid>, st::Nullable<st::Uuid>);
    let found: Vec<(Option<Uuid>, Option<Uuid>)> = RunQueryDsl::load(out.typed::<Sql>(), conn)?;
    let mut accounts: Vec<_> = found.iter().map(|(account, _)| *account).collect();
    let mut contacts: Vec<_> = found.iter().filter_map(|(_, contact)| *contact).collect();
    accounts.dedup();
    contacts.dedup();
    Ok(match (accounts.as_slice(), contacts.as_slice()) {
        ([account], []) => (account.map(AccountId), None),
        ([account], [contact]) => (account.map(AccountId), Some(ContactId(*contact))),
        ([account], _) => (account.map(AccountId), None),
        _ => (None, None),
    })
}

/// Notes the candidates of a lead: new ones, those whose reasons changed, and archives those that are none any more.
pub(super) fn note(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<()> {
    let (system, entry) = (cx.as_system(), cx.entry(LeadDuplicate::NAME)?);
    // Two at once that share something wait for each other; else neither would see the other.
    let mut shared: Vec<_> = [&lead.email, &lead.normalized_phone].into_iter().flatten().collect();
    shared.sort_unstable();
    for value in shared {
        store::one_at_a_time(conn, cx, &format!("same-lead|{value}"))?;
    }
    let mut before = store::rows::<LeadDuplicate>(conn, cx, |out| {
        out.sql(" AND t.archived_at IS NULL AND t.lead_id = ").bind(Bind::Uuid(Some(lead.meta.id)));
    })?;
    for (kind, id, account, reasons) in find(conn, cx, lead)? {
        let table = if kind == "ACCOUNT" { COMPANIES } else { PEOPLE };
        let met: Vec<_> = table.iter().filter(|(name, _)| reasons.iter().any(|reason| reason == name)).collect();
        let score: i32 = met.iter().map(|(_, points)| points).sum();
        if score < LEAST {
            continue;
        }
        let reasons: Vec<Value> = met.iter().map(|(name, points)| json!({"match": name, "points": points})).collect();
        let same = before.iter().position(|old| old.kind.as_str() == kind && old.target() == Some(id));
        match same.map(|at| before.swap_remove(at)) {
            Some(old) => {
                let body = Map::from_iter([("score".to_owned(), json!(score)), ("reasons".to_owned(), json!(reasons))]);
                verbs::update(conn, &system, entry, old.meta.id, None, &body)?;
            }
            None => {
                let (other, contact) = ((kind == "LEAD").then_some(id), (kind == "CONTACT").then_some(id));
                let body = json!({"leadId": lead.meta.id, "kind": kind, "otherLeadId": other, "contactId": contact, "accountId": account, "score": score, "reasons": reasons});
                let Value::Object(body) = body else { continue };
                verbs::create(conn, &system, entry, &body)?;
            }
        }
    }
    for gone in before {
        verbs::archive(conn, &system, entry, gone.meta.id, None)?;
    }
    Ok(())
}

impl LeadDuplicate {
    /// The candidates of a lead, surest first.
    pub fn of(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Vec<LeadDuplicate>> {
        store::rows(conn, cx, |out| {
            out.sql(" AND t.archived_at IS NULL AND t.lead_id = ").bind(Bind::Uuid(Some(lead.meta.id)));
            out.sql(" ORDER BY t.score DESC, t.id");
        })
    }

    /// Looks again, and answers with what there is now.
    pub fn refresh(conn: &mut PgConnection, cx: &Cx, lead: &Lead) -> Result<Vec<LeadDuplicate>> {
        note(conn, cx, lead)?;
        Self::of(conn, cx, lead)
    }

    /// The record that may be the same.
    pub fn target(&self) -> Option<Uuid> {
        match self.kind {
            DuplicateKind::Lead => self.other_lead_id.map(|id| id.0),
            DuplicateKind::Contact => self.contact_id.map(|id| id.0),
            DuplicateKind::Account => self.account_id.map(|id| id.0),
        }
    }
}
