//! Leads: what they hold. What is done with them is in [`verbs`], the rules around them in the other files of the folder.

mod assignment;
mod duplicates;
mod form;
mod matching;
pub mod metrics;
mod scoring;
pub mod verbs;

pub use assignment::{AssignmentMethod, LeadAssignmentRule};
pub use duplicates::{DuplicateKind, LeadDuplicate};
pub use form::{Captured, LeadForm};
pub use scoring::LeadScoringRule;

use crate::AREA;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::{AccountId, ContactId, LeadAssignmentRuleId, LeadFormId, LeadId, OpportunityId, TeamId, UserId};
use kith_kernel::{
    BuyingRole, Command, Custom, Cx, Error, Money, Ownership, Relation, Resource, Result, Violations, text, text_enum,
};
use kith_macros::resource;
use serde_json::json;

text_enum! {
    /// How far the work on a lead is.
    #[derive(Default)]
    pub enum LeadStatus {
        /// Nobody has answered it yet.
        #[default]
        New = "NEW",
        /// Somebody is in touch.
        Working = "WORKING",
        /// Not yet ripe: to be taken up again later.
        Nurturing = "NURTURING",
        /// Worth an opportunity.
        Qualified = "QUALIFIED",
        /// Not worth any more work.
        Disqualified = "DISQUALIFIED",
        /// It became an account, a contact and, as a rule, an opportunity.
        Converted = "CONVERTED",
    }
}

text_enum! {
    /// When a lead wants to buy.
    pub enum Timing {
        /// Now.
        Immediate = "IMMEDIATE",
        /// Within three months.
        Quarter = "QUARTER",
        /// Within a year.
        Year = "YEAR",
        /// Later, or some day.
        Later = "LATER",
    }
}

text_enum! {
    /// Whether whoever filled in the form confirmed that it was them.
    #[derive(Default)]
    pub enum OptIn {
        /// Nobody has to.
        #[default]
        NotNeeded = "NOT_NEEDED",
        /// Not yet: the lead is neither scored nor assigned.
        Pending = "PENDING",
        /// Yes.
        Confirmed = "CONFIRMED",
    }
}

text_enum! {
    /// Why a lead is not worth any more work.
    pub enum DisqualifyReason {
        /// They have no money for it.
        NoBudget = "NO_BUDGET",
        /// They do not need it.
        NoNeed = "NO_NEED",
        /// They cannot decide it.
        NoAuthority = "NO_AUTHORITY",
        /// It is too early, or too late.
        BadTiming = "BAD_TIMING",
        /// They bought elsewhere.
        Competitor = "COMPETITOR",
        /// They do not answer.
        Unreachable = "UNREACHABLE",
        /// The data is wrong.
        BadData = "BAD_DATA",
        /// We know them already.
        Duplicate = "DUPLICATE",
        /// Nobody meant it.
        Spam = "SPAM",
        /// Another reason.
        Other = "OTHER",
    }
}

/// An expression of interest that nobody has qualified yet.
#[resource(table = leads, id = LeadId)]
pub struct Lead {
    /// The person's name in the order of the locale; where no person is known, the organization, the e-mail address or the
    /// phone number.
    #[field(filter, sort, read_only)]
    pub name: String,
    /// Given name.
    #[field(filter, max = 100, example = "\"Maria\"")]
    pub given_name: Option<String>,
    /// Family name.
    #[field(filter, max = 100, example = "\"Anders\"")]
    pub family_name: Option<String>,
    /// Language and region as a BCP 47 tag; it decides the order of the names.
    #[field(filter, max = 35, example = "\"de-DE\"")]
    pub locale: Option<String>,
    /// The company, authority or club they are from.
    #[field(filter, sort, max = 200, example = "\"Alfreds Futterkiste\"")]
    pub organization: Option<String>,
    /// What it says on their card.
    #[field(filter, max = 150)]
    pub job_title: Option<String>,
    /// E-mail address; kept in lower case.
    #[field(filter, max = 320, example = "\"maria.anders@example.com\"")]
    pub email: Option<String>,
    /// Phone number as it was entered.
    #[field(max = 50, example = "\"+49 30 0074321\"")]
    pub phone: Option<String>,
    /// The phone number in E.164 where its country is known. Filter by this one.
    #[field(filter, read_only)]
    pub normalized_phone: Option<String>,
    /// Country as an ISO 3166-1 code of two letters.
    #[field(filter, max = 2, example = "\"DE\"")]
    pub country: Option<String>,
    /// Where it came from.
    #[field(filter, max = 100, example = "\"trade fair\"")]
    pub source: Option<String>,
    /// The campaign that brought it.
    #[field(filter, max = 100, example = "\"spring-2026\"")]
    pub campaign: Option<String>,
    /// The form that captured it.
    #[field(filter, create_only)]
    pub form_id: Option<LeadFormId>,
    /// Where a captured lead came from in the web: utmSource, utmMedium, utmCampaign, utmTerm, utmContent, referrer,
    /// landingPage.
    #[field(create_only, default, example = "{\"utmSource\": \"newsletter\"}")]
    pub attribution: Custom,
    /// What they are interested in.
    #[field(max = 2_000)]
    pub interest: Option<String>,
    /// What they need it for.
    #[field(max = 2_000)]
    pub need: Option<String>,
    /// What they can spend.
    #[field(filter, sort, money)]
    pub budget: Option<Money>,
    /// The part they play in the decision.
    #[field(filter)]
    pub authority: Option<BuyingRole>,
    /// When they want to buy.
    #[field(filter)]
    pub timing: Option<Timing>,
    /// How far the work on it is; the verbs change it.
    #[field(filter, read_only, default)]
    pub status: LeadStatus,
    /// Since when it has this status.
    #[field(filter, sort, read_only, default)]
    pub status_since: DateTime<Utc>,
    /// The sum of the points of the scoring rules that it meets, at its last change.
    #[field(filter, sort, read_only, default)]
    pub score: i32,
    /// How the score came about: ruleId, name and points of each rule that it meets. The points add up to the score.
    #[field(read_only, default)]
    pub score_reasons: Custom,
    /// The user who is responsible; given by the assignment rules unless set.
    #[field(filter)]
    pub owner_id: Option<UserId>,
    /// The team that is responsible; given by the assignment rules unless set.
    #[field(filter)]
    pub team_id: Option<TeamId>,
    /// The rule that assigned it.
    #[field(filter, read_only)]
    pub assignment_rule_id: Option<LeadAssignmentRuleId>,
    /// When a rule assigned it.
    #[field(filter, read_only)]
    pub assigned_at: Option<DateTime<Utc>>,
    /// When the first answer is due, where its form promises one.
    #[field(filter, sort, read_only)]
    pub respond_by: Option<DateTime<Utc>>,
    /// When somebody first answered.
    #[field(filter, sort, read_only)]
    pub first_response_at: Option<DateTime<Utc>>,
    /// When to take it up again, while it is nurtured.
    #[field(filter, sort, read_only)]
    pub nurture_until: Option<NaiveDate>,
    /// Why it was disqualified.
    #[field(filter, read_only)]
    pub disqualify_reason: Option<DisqualifyReason>,
    /// What else there is to say about that.
    #[field(read_only, max = 2_000)]
    pub disqualify_note: Option<String>,
    /// Whether whoever filled in the form confirmed that it was them.
    #[field(filter, create_only, default)]
    pub opt_in: OptIn,
    /// When they confirmed it.
    #[field(filter, read_only)]
    pub confirmed_at: Option<DateTime<Utc>>,
    /// What has to be sent back to confirm, while that is needed: put it into the mail that asks them.
    #[field(read_only, max = 200)]
    pub confirmation_key: Option<String>,
    /// The account it belongs to: one that knows the same e-mail address or phone number, or what it was converted to.
    #[field(filter)]
    pub account_id: Option<AccountId>,
    /// The contact it is: one with the same e-mail address or phone number, or what it was converted to.
    #[field(filter)]
    pub contact_id: Option<ContactId>,
    /// The opportunity it was converted to.
    #[field(filter, read_only)]
    pub opportunity_id: Option<OpportunityId>,
    /// When it was converted.
    #[field(filter, sort, read_only)]
    pub converted_at: Option<DateTime<Utc>>,
}

impl Resource for Lead {
    const AREA: &'static str = AREA;
    const OWNERSHIP: Ownership = Ownership { owner: Some("owner_id"), team: Some("team_id"), via: &[] };
    const RELATIONS: &'static [Relation] = &[
        Relation::many("duplicates", "lead-duplicates", "lead_id", "Records that may be the same person or company."),
        Relation::about("externalIds", "external-ids", "LEAD", "Its keys in other systems."),
        Relation::about("taggings", "taggings", "LEAD", "Its tags."),
        Relation::about("notes", "notes", "LEAD", "Notes about it."),
        Relation::about("interactions", "interactions", "LEAD", "Touches about it, over every channel."),
        Relation::about("tasks", "tasks", "LEAD", "What there is to do about it."),
    ];

    fn commands() -> Vec<Command> {
        verbs::commands()
    }

    fn check(&self, violations: &mut Violations) {
        let texts = [&self.given_name, &self.family_name, &self.organization, &self.email, &self.phone];
        let named = texts.into_iter().flatten().any(|text| !text.trim().is_empty());
        let detail = "A lead needs a name, an organization, an e-mail address or a phone number.";
        violations.ensure(named, "/organization", "REQUIRED", detail);
        let confirmable = self.opt_in != OptIn::Pending || self.form_id.is_some();
        violations.ensure(confirmable, "/formId", "REQUIRED", "Only what a form captured can be confirmed.");
        text::language("/locale", self.locale.as_deref(), violations);
        let country =
            self.country.as_deref().is_none_or(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()));
        violations.ensure(country, "/country", "INVALID", "Expected two capital letters, such as DE.");
        let positive = self.budget.as_ref().is_none_or(|money| !money.amount.is_sign_negative());
        violations.ensure(positive, "/budget", "OUT_OF_RANGE", "A budget is not negative.");
        let fits = self.attribution.0.as_object().is_some_and(form::is_attribution);
        violations.ensure(fits, "/attribution", "INVALID", form::ATTRIBUTION_EXPECTED);
    }

    fn prepare(&mut self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        self.normalize()?;
        match before {
            None => self.begin(conn, cx)?,
            Some(before) => self.keep_true(before)?,
        }
        if self.opt_in == OptIn::Pending {
            return Ok(());
        }
        let begins = before.is_none_or(|before| before.opt_in == OptIn::Pending);
        if begins
            && let Some(form) =
                self.form_id.map(|form| store::find::<LeadForm>(conn, cx, form.0)).transpose()?.flatten()
        {
            self.respond_by = form.response_minutes.map(|minutes| cx.now + TimeDelta::minutes(i64::from(minutes)));
        }
        scoring::score(conn, cx, self)?;
        if begins && self.owner_id.is_none() && self.team_id.is_none() {
            assignment::assign(conn, cx, self)?;
        }
        Ok(())
    }

    fn stored(&self, conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        let known = |lead: &Self| {
            (lead.name.clone(), lead.organization.clone(), lead.email.clone(), lead.normalized_phone.clone())
        };
        if before.is_some_and(|before| known(before) == known(self)) {
            Ok(())
        } else {
            duplicates::note(conn, cx, self)
        }
    }
}

impl Lead {
    /// Brings what was entered into its normal form.
    fn normalize(&mut self) -> Result<()> {
        for text in [&mut self.given_name, &mut self.family_name, &mut self.organization] {
            *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        }
        let wrong = |pointer: &str, detail: &str| Error::invalid(pointer, "INVALID", detail);
        let email = self.email.take().filter(|email| !email.trim().is_empty());
        self.email = email.map(|email| text::email(&email)).transpose().map_err(|detail| wrong("/email", detail))?;
        self.phone = self.phone.take().filter(|phone| !phone.trim().is_empty());
        let phone = self.phone.as_deref().map(text::phone).transpose();
        self.normalized_phone = phone.map_err(|detail| wrong("/phone", detail))?;
        let (given, family) = (self.given_name.as_deref(), self.family_name.as_deref());
        let person = Some(text::full_name(given, family, self.locale.as_deref())).filter(|name| !name.is_empty());
        let rest = [&self.organization, &self.email, &self.phone].into_iter().flatten().next();
        self.name = person.or_else(|| rest.cloned()).unwrap_or_default();
        self.country =
            self.country.as_deref().map(|code| code.trim().to_ascii_uppercase()).filter(|code| !code.is_empty());
        Ok(())
    }

    /// What a change cannot undo: what it was converted to, and whose doing its owner is.
    fn keep_true(&mut self, before: &Self) -> Result<()> {
        let read_only = |pointer: &str| Error::invalid(pointer, "READ_ONLY", "The lead was converted to this.");
        if before.status == LeadStatus::Converted && before.account_id != self.account_id {
            return Err(read_only("/accountId"));
        }
        if before.status == LeadStatus::Converted && before.contact_id != self.contact_id {
            return Err(read_only("/contactId"));
        }
        let given = (before.owner_id, before.team_id) != (self.owner_id, self.team_id);
        if given && before.assigned_at == self.assigned_at {
            (self.assignment_rule_id, self.assigned_at) = (None, None);
        }
        Ok(())
    }

    /// What a new one begins with.
    fn begin(&mut self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        self.status_since = cx.now;
        self.score_reasons = Custom(json!([]));
        match self.opt_in {
            OptIn::Pending => self.confirmation_key = Some(form::confirmation(cx, self)),
            OptIn::Confirmed => self.confirmed_at = Some(cx.now),
            OptIn::NotNeeded => {}
        }
        if self.account_id.is_none() && self.contact_id.is_none() {
            (self.account_id, self.contact_id) = duplicates::known(conn, cx, self)?;
        }
        Ok(())
    }
}
