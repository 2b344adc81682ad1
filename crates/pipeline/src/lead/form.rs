//! Forms that anybody may fill in, and what becomes of what they say. Knows nothing of who asks how often; the web does.

use super::{Lead, OptIn};
use crate::AREA;
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::LeadFormId;
use kith_kernel::{Cursor, Cx, Error, Relation, Resource, Result, Shape, Violations, text};
use kith_macros::resource;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A public form that captures leads: `POST /v1/capture/{publicKey}`, without a token.
#[resource(table = lead_forms, id = LeadFormId)]
pub struct LeadForm {
    /// Its name, unique without regard to case.
    #[field(filter, sort, max = 100, example = "\"Catalogue request\"")]
    pub name: String,
    /// Stands in the address that the form is sent to. It is public: it lets anybody send leads, and nothing else.
    #[field(filter, read_only)]
    pub public_key: String,
    /// What its leads have as their source; its name unless given.
    #[field(max = 100, example = "\"web site\"")]
    pub source: Option<String>,
    /// What its leads have as their campaign, unless they bring a utmCampaign.
    #[field(max = 100)]
    pub campaign: Option<String>,
    /// Whoever fills it in has to confirm by e-mail that it was them.
    #[field(filter, default)]
    pub double_opt_in: bool,
    /// The name of a field that people do not see and leave empty. Whoever fills it in is thanked and forgotten.
    #[field(max = 50, example = "\"website\"")]
    pub honeypot: Option<String>,
    /// The first answer is due after so many minutes.
    #[field(filter, example = "60")]
    pub response_minutes: Option<i32>,
    /// It takes nothing at present.
    #[field(filter, default)]
    pub is_paused: bool,
}

impl Resource for LeadForm {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[Relation::many("leads", "leads", "form_id", "The leads it captured.")];

    fn check(&self, violations: &mut Violations) {
        let positive = self.response_minutes.is_none_or(|minutes| minutes >= 1);
        violations.ensure(positive, "/responseMinutes", "OUT_OF_RANGE", "Expected at least 1 minute.");
        let used = |name: &str| FIELDS.contains(&name) || ATTRIBUTION.contains(&name);
        let free = self.honeypot.as_deref().is_none_or(|name| !name.trim().is_empty() && !used(name));
        violations.ensure(free, "/honeypot", "INVALID", "Expected a name that no field of the form has.");
    }

    fn prepare(&mut self, _: &mut PgConnection, _: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_none() {
            self.public_key = public_key(self.meta.tenant_id, self.meta.id);
        }
        Ok(())
    }
}

fn public_key(tenant: Uuid, id: Uuid) -> String {
    format!("{}{}", tenant.simple(), id.simple())
}

/// The tenant and the id in a public key.
fn parts(key: &str) -> Option<(Uuid, Uuid)> {
    let (tenant, id) = key.split_at_checked(32)?;
    let (tenant, id) = (Uuid::try_parse(tenant).ok()?, Uuid::try_parse(id).ok()?);
    // Written in one way only: whoever counts by keys counts forms.
    (public_key(tenant, id) == key).then_some((tenant, id))
}

/// What a form may say of a lead.
const FIELDS: &[&str] = &[
    "givenName",
    "familyName",
    "locale",
    "organization",
    "jobTitle",
    "email",
    "phone",
    "country",
    "interest",
    "need",
    "budget",
    "authority",
    "timing",
];
/// What it may say of where the lead came from.
const ATTRIBUTION: &[&str] =
    &["utmSource", "utmMedium", "utmCampaign", "utmTerm", "utmContent", "referrer", "landingPage"];
const MAX_ATTRIBUTION: usize = 1_000;
pub(super) const ATTRIBUTION_EXPECTED: &str = "Expected an object of texts of at most 1,000 characters: utmSource, utmMedium, utmCampaign, utmTerm, utmContent, referrer, landingPage.";

pub(super) fn is_attribution(object: &Map<String, Value>) -> bool {
    object.iter().all(|(name, value)| {
        let fits = value.as_str().is_some_and(|text| text.chars().count() <= MAX_ATTRIBUTION);
        ATTRIBUTION.contains(&name.as_str()) && fits
    })
}

/// What became of a form that was sent in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// It is a lead now, or was caught in the honeypot: the sender is not to know which.
    Accepted,
    /// It is a lead once it is confirmed.
    ToConfirm,
}

impl LeadForm {
    /// The tenant of a public key and the id of the form, if it has the form of one.
    pub fn named_by(key: &str) -> Option<(Uuid, Uuid)> {
        parts(key)
    }

    /// The form of a public key.
    fn of(conn: &mut PgConnection, cx: &Cx, key: &str) -> Result<LeadForm> {
        let id = parts(key).filter(|(tenant, _)| *tenant == cx.tenant).map(|(_, id)| id);
        let form = id.map(|id| store::find::<LeadForm>(conn, cx, id)).transpose()?.flatten();
        form.ok_or_else(Error::not_found)
    }

    /// Makes a lead of what somebody sent to a form. `referrer` is used where the form names none.
    pub fn capture(
        conn: &mut PgConnection,
        cx: &Cx,
        key: &str,
        body: &Map<String, Value>,
        referrer: Option<&str>,
    ) -> Result<Captured> {
        let form = Self::of(conn, cx, key)?;
        if form.is_paused || form.meta.archived_at.is_some() {
            return Err(Error::not_found());
        }
        let answer = if form.double_opt_in { Captured::ToConfirm } else { Captured::Accepted };
        // Forms in pages send empty texts for what was left out.
        let given = body.iter().filter(|(_, value)| !value.is_null() && value.as_str() != Some(""));
        let (mut lead, mut attribution, mut violations) = (Map::new(), Map::new(), Violations::default());
        for (name, value) in given {
            if form.honeypot.as_ref() == Some(name) {
                return Ok(answer);
            } else if FIELDS.contains(&name.as_str()) {
                lead.insert(name.clone(), value.clone());
            } else if ATTRIBUTION.contains(&name.as_str()) {
                let text = value.as_str().filter(|text| text.chars().count() <= MAX_ATTRIBUTION);
                let clean = text.and_then(|text| text::clean(text).ok());
                let detail = "Expected a text of at most 1,000 characters without control characters.";
                violations.ensure(clean.is_some(), &format!("/{name}"), "WRONG_TYPE", detail);
                attribution.insert(name.clone(), json!(clean));
            } else {
                let allowed = [FIELDS, ATTRIBUTION].concat().join(", ");
                violations.add(
                    format!("/{}", kith_kernel::escape(name)),
                    "UNKNOWN_FIELD",
                    format!("Allowed: {allowed}."),
                );
            }
        }
        let reachable = lead.contains_key("email") || (lead.contains_key("phone") && !form.double_opt_in);
        violations.ensure(reachable, "/email", "REQUIRED", "A form needs an e-mail address to answer to.");
        violations.into_result()?;
        if let Some(referrer) = referrer.filter(|_| !attribution.contains_key("referrer")) {
            attribution.insert("referrer".into(), json!(referrer.chars().take(MAX_ATTRIBUTION).collect::<String>()));
        }
        let campaign =
            attribution.get("utmCampaign").and_then(Value::as_str).map(|text| text.chars().take(100).collect());
        lead.insert("formId".into(), json!(form.meta.id));
        lead.insert("source".into(), json!(form.source.as_ref().unwrap_or(&form.name)));
        lead.insert("campaign".into(), json!(campaign.or_else(|| form.campaign.clone())));
        lead.insert("attribution".into(), Value::Object(attribution));
        if form.double_opt_in {
            lead.insert("optIn".into(), json!(OptIn::Pending.as_str()));
        }
        verbs::create(conn, cx, cx.entry(Lead::NAME)?, &lead)?;
        Ok(answer)
    }

    /// Confirms what somebody sent to a form; doing it again changes nothing.
    pub fn confirm(conn: &mut PgConnection, cx: &Cx, key: &str, confirmation: &str) -> Result<()> {
        let form = Self::of(conn, cx, key)?;
        let unknown = || Error::invalid("/key", "UNKNOWN_REFERENCE", "This confirmation is not known.");
        let cursor = Cursor::decode(confirmation, &cx.cursor_key, &context(cx)).map_err(|_| unknown())?;
        let id = cursor.values.first().and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let id = id.ok_or_else(unknown)?;
        // Paused or not: a mail may be read late.
        let found = store::find::<Lead>(conn, cx, id)?.filter(|lead| lead.form_id == Some(form.id()));
        let lead = found.filter(|lead| lead.meta.archived_at.is_none()).ok_or_else(unknown)?;
        if lead.opt_in != OptIn::Pending {
            return Ok(());
        }
        verbs::change::<Lead>(conn, cx, id, None, "confirmed", |_, lead| {
            if lead.opt_in == OptIn::Pending {
                (lead.opt_in, lead.confirmed_at, lead.confirmation_key) = (OptIn::Confirmed, Some(cx.now), None);
            }
            Ok(())
        })
        .map(drop)
    }
}

/// A key that only this installation can make, for one lead of one tenant.
pub(super) fn confirmation(cx: &Cx, lead: &Lead) -> String {
    let cursor = Cursor { values: vec![json!(lead.meta.id)], backward: false };
    cursor.encode(&cx.cursor_key, &context(cx))
}

fn context(cx: &Cx) -> String {
    format!("{}|confirm", cx.tenant)
}
