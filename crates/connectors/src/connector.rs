//! Connectors: another system, and how far its word goes.

use crate::AREA;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use kith_journal::{store, verbs};
use kith_kernel::ids::ConnectorId;
use kith_kernel::{Action, Cx, Error, Relation, Resource, Result, Shape, Violations, text_enum};
use kith_macros::resource;
use uuid::Uuid;

text_enum! {
    /// Who decides what stands in a field that both sides keep.
    #[derive(Default)]
    pub enum Authority {
        /// The other system: what it sends replaces what is here.
        #[default]
        External = "EXTERNAL",
        /// Kith: what the other system sends is left aside.
        Crm = "CRM",
        /// Whoever changed it last.
        Newest = "NEWEST",
    }
}

/// Another system whose records are kept in step with ours, such as an ERP. It sends what it has to
/// `POST /v1/connectors/{id}/records`, where the authority of each field decides what is taken, and compares both sides with
/// `/v1/connectors/{id}/drift`.
#[resource(table = connectors, id = ConnectorId)]
pub struct Connector {
    /// Its name.
    #[field(filter, sort, max = 200, example = "\"Northwind ERP\"")]
    pub name: String,
    /// The short name that external ids have for the system: lower-case letters, digits, `-`, `_` and `.`. A system has one
    /// connector that is not archived.
    #[field(filter, create_only, max = 64, example = "\"northwind\"")]
    pub system: String,
    /// What there is to say about it.
    #[field(max = 2_000)]
    pub description: Option<String>,
    /// Who decides the fields that have no connector-field of their own; EXTERNAL unless given.
    #[field(filter, default)]
    pub default_authority: Authority,
    /// Whether it is refused for now what it sends.
    #[field(filter, default)]
    pub is_paused: bool,
    /// When it last sent records, to five minutes.
    #[field(filter, read_only)]
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Resource for Connector {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] =
        &[Relation::many("fields", "connector-fields", "connector_id", "Who decides which field.")];

    fn check(&self, violations: &mut Violations) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        let detail = "Expected lower-case letters, digits, `-`, `_` and `.`.";
        violations.ensure(self.system.chars().all(plain), "/system", "INVALID", detail);
    }
}

impl Connector {
    /// One that the actor may see.
    pub(crate) fn get(conn: &mut PgConnection, cx: &Cx, id: Uuid) -> Result<Self> {
        let row = store::get(conn, cx, cx.entry(Connector::NAME)?, id)?;
        row.any().downcast_ref::<Connector>().cloned().ok_or_else(|| Error::internal("a row of another resource"))
    }

    /// Refuses who may not even see connectors, before anybody looks at what was asked.
    pub fn may_compare(cx: &Cx) -> Result<()> {
        cx.require(cx.entry(Connector::NAME)?, Action::Read).map(drop)
    }

    /// Refuses who may not send in the name of connectors: sending changes when they were last seen.
    pub fn may_send(cx: &Cx) -> Result<()> {
        cx.require(cx.entry(Connector::NAME)?, Action::Update).map(drop)
    }

    /// Notes that it was heard of, unless it was just now: a journal row for every request would drown the others.
    pub(crate) fn seen(&self, conn: &mut PgConnection, cx: &Cx) -> Result<()> {
        let recently = self.last_seen_at.is_some_and(|at| cx.now - at < TimeDelta::minutes(5));
        if !recently {
            verbs::change(conn, &cx.as_system(), self.meta.id, None, "seen", |_, row: &mut Connector| {
                row.last_seen_at = Some(cx.now);
                Ok(())
            })?;
        }
        Ok(())
    }
}
