//! What every verb is given: who acts for which tenant, when, and from where.

use crate::{Action, Actor, Catalogue, CursorKey, Entry, Error, Result, RowScope, codes};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use std::net::IpAddr;
use std::sync::Mutex;
use uuid::{ContextV7, Timestamp, Uuid};

/// Counts within a millisecond, so that records made by one request sort in the order in which they were made.
static WITHIN: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// Where a request came from, for the audit trail.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Finds the request in the log.
    pub request_id: Option<Uuid>,
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// The channel: `rest`, `graphql`, `cli`, …
    pub channel: &'static str,
}

/// The context of a verb. A function without it is pure or private.
#[derive(Clone, Debug)]
pub struct Cx {
    /// Whose data. It leads every key and stands in every statement.
    pub tenant: Uuid,
    /// Who acts.
    pub actor: std::sync::Arc<Actor>,
    /// The time of this request, in whole microseconds. One request has one time.
    pub now: DateTime<Utc>,
    /// For the audit trail.
    pub origin: Origin,
    /// The currency that amounts without one are understood in when filtering.
    pub currency: crate::Currency,
    /// The tenant's time zone: its days begin and end there.
    pub zone: Tz,
    /// Whether the tenant wants changes to name the version that was read.
    pub requires_version: bool,
    /// Every resource there is.
    pub catalogue: &'static Catalogue,
    /// Signs cursors.
    pub cursor_key: CursorKey,
}

impl Cx {
    /// The day that it is where the tenant is.
    pub fn today(&self) -> NaiveDate {
        self.day_of(self.now)
    }

    /// The day that it was then where the tenant is.
    pub fn day_of(&self, time: DateTime<Utc>) -> NaiveDate {
        time.with_timezone(&self.zone).date_naive()
    }

    /// The first moment of a day where the tenant is.
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        crate::time::instant(self.zone, day.into()).unwrap_or_else(|| day.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    /// A new time-ordered id (UUIDv7) at this request's time.
    pub fn new_id(&self) -> Uuid {
        let seconds = u64::try_from(self.now.timestamp()).unwrap_or(0);
        Uuid::new_v7(Timestamp::from_unix(&WITHIN, seconds, self.now.timestamp_subsec_nanos()))
    }

    /// The version that a change names, where the tenant wants one, or `PRECONDITION_REQUIRED`. The second line of every
    /// verb that changes a record.
    pub fn require_version(&self, seen: Option<i32>) -> Result<()> {
        if seen.is_some() || !self.requires_version {
            return Ok(());
        }
        let detail = "This tenant wants changes to name the version that was read: send it as If-Match (\"3\"; * names \
                      none), over GraphQL as expectedVersion, in a batch as ifVersion.";
        Err(Error::new(&codes::PRECONDITION_REQUIRED, detail))
    }

    /// The rows in which the actor may do `action`, or `FORBIDDEN`. The first line of every verb.
    pub fn require(&self, entry: &Entry, action: Action) -> Result<RowScope> {
        self.actor.grants.scope(entry.name, entry.administrative, action).ok_or_else(|| {
            let detail = format!("This needs the right {}:{}.", entry.name, action.as_str());
            Error::new(&codes::FORBIDDEN, detail)
        })
    }

    /// An entry of the catalogue by its resource name. A missing one is a mistake of ours, never of the caller.
    pub fn entry(&self, name: &str) -> Result<&'static Entry> {
        self.catalogue.get(name).ok_or_else(|| Error::internal(format!("no resource {name} in the catalogue")))
    }
}

impl Cx {
    /// The same request with every right, for what a write brings along by itself: nobody has read a version of that.
    /// The audit trail still names the actor.
    pub fn as_system(&self) -> Cx {
        let actor = Actor { grants: Actor::system().grants, ..(*self.actor).clone() };
        Cx { actor: std::sync::Arc::new(actor), requires_version: false, ..self.clone() }
    }
}
