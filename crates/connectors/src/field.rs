//! Who decides a field of a resource, for one connector; and all of that of a connector as it is applied.

use crate::connector::{Authority, Connector};
use crate::{AREA, drift};
use diesel::PgConnection;
use kith_journal::store;
use kith_kernel::ids::ConnectorFieldId;
use kith_kernel::ids::ConnectorId;
use kith_kernel::{Access, Bind, Cx, Entry, Field, Relation, Resource, Result, SubjectType, Verb, Violations};
use kith_macros::resource;
use std::collections::HashMap;

/// Who decides a field of a resource where a connector's system keeps it too.
#[resource(table = connector_fields, id = ConnectorFieldId)]
pub struct ConnectorField {
    /// The connector.
    #[field(filter, create_only)]
    pub connector_id: ConnectorId,
    /// The resource: one that external ids can name and that can be created.
    #[field(filter, create_only, max = 64, example = "\"accounts\"")]
    pub resource: String,
    /// The field of the resource: one that can be written.
    #[field(filter, create_only, max = 64, example = "\"legalName\"")]
    pub field: String,
    /// Who decides it. EXTERNAL: what the system sends replaces what is here. CRM: what it sends is left aside. NEWEST: the
    /// later change wins, by the `changedAt` that is sent against the time of the last change here.
    #[field(filter, example = "\"NEWEST\"")]
    pub authority: Authority,
}

impl Resource for ConnectorField {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[];

    fn prepare(&mut self, _conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some() {
            return Ok(());
        }
        let mut violations = Violations::default();
        match linkable(cx, &self.resource) {
            None => violations.add("/resource", "UNKNOWN_RESOURCE", resources(cx)),
            Some(entry) if entry.field(&self.field).is_none_or(|(_, field)| !is_kept(field)) => {
                let all: Vec<_> = entry.fields.iter().filter(|field| is_kept(field)).map(|field| field.name).collect();
                violations.add("/field", "UNKNOWN_FIELD", format!("Expected one of {}.", all.join(", ")));
            }
            Some(_) => {}
        }
        violations.into_result()
    }
}

/// A resource whose records can have an external id and can be written.
pub(crate) fn linkable(cx: &Cx, name: &str) -> Option<&'static Entry> {
    let known = |entry: &&Entry| SubjectType::from_text(&entry.subject).is_some() && entry.offers(Verb::Create);
    cx.catalogue.get(name).filter(known)
}

/// What would have been right instead of another resource.
pub(crate) fn resources(cx: &Cx) -> String {
    let all = cx.catalogue.entries().iter().map(|entry| entry.name).filter(|name| linkable(cx, name).is_some());
    format!("Expected one of {}.", all.collect::<Vec<_>>().join(", "))
}

/// Whether a field can be kept by another system too.
fn is_kept(field: &Field) -> bool {
    field.name != "id" && matches!(field.access, Access::Write | Access::CreateOnly)
}

/// Who decides which field, for one connector.
pub(crate) struct Authorities {
    own: HashMap<(String, String), Authority>,
    default: Authority,
}

impl Authorities {
    /// Reads them. They hold for whoever sends, whether they may see them or not.
    pub fn of(conn: &mut PgConnection, cx: &Cx, connector: &Connector) -> Result<Self> {
        let fields = store::rows::<ConnectorField>(conn, cx, |out| {
            out.sql(" AND t.connector_id = ")
                .bind(Bind::Uuid(Some(connector.meta.id)))
                .sql(" AND t.archived_at IS NULL");
        })?;
        let own = fields.into_iter().map(|field| ((field.resource, field.field), field.authority)).collect();
        Ok(Authorities { own, default: connector.default_authority })
    }

    /// Who decides a field.
    pub fn authority(&self, resource: &str, field: &str) -> Authority {
        let found = self.own.get(&(resource.to_owned(), field.to_owned()));
        found.copied().unwrap_or(self.default)
    }

    /// The fields of a resource for which somebody was named, in alphabetical order, without those that cannot be compared.
    pub fn named(&self, entry: &'static Entry) -> Vec<&'static str> {
        let has = |field: &&Field| self.own.contains_key(&(entry.name.to_owned(), field.name.to_owned()));
        let mut all: Vec<_> = entry
            .fields
            .iter()
            .filter(has)
            .filter(|field| drift::is_comparable(field))
            .map(|field| field.name)
            .collect();
        all.sort_unstable();
        all
    }
}
