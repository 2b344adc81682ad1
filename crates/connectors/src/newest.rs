//! When fields last changed, for those that belong to whoever changed them last.
//!
//! The audit log knows when a field was last changed here. A change that a connector brought was made earlier, there: what
//! counts of it is the time that was sent with it, which is kept in `connector_changes`. Else a change there would be lost
//! if it was made after another one, and before that other one arrived.

use crate::connector::Connector;
use chrono::{DateTime, Utc};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// A field of a record of a resource.
pub(crate) type Place = (&'static str, Uuid, &'static str);
type Found = (String, Uuid, String);

/// See the module.
#[derive(Default)]
pub(crate) struct Times {
    /// When it changed here.
    here: HashMap<Found, DateTime<Utc>>,
    /// When it changed there, and when that was taken.
    there: HashMap<Found, (DateTime<Utc>, DateTime<Utc>)>,
    /// What is to be kept.
    taken: HashMap<Place, DateTime<Utc>>,
}

impl Times {
    /// Reads what is known of some places, in two statements.
    pub fn of(conn: &mut PgConnection, cx: &Cx, connector: &Connector, places: &[Place]) -> Result<Self> {
        if places.is_empty() {
            return Ok(Times::default());
        }
        let distinct = |pick: fn(&Place) -> &'static str| {
            let all: BTreeSet<&str> = places.iter().map(pick).collect();
            all.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let (resources, fields) = (distinct(|place| place.0), distinct(|place| place.2));
        let ids: BTreeSet<Uuid> = places.iter().map(|place| place.1).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        // One look-up in the index for each record, whatever the planner thinks of tables that grow with every write.
        let of = |out: &mut Statement| {
            out.bind(Bind::Uuids(ids.clone())).sql(") AS k(id) CROSS JOIN LATERAL (SELECT * FROM ");
        };
        let those = |out: &mut Statement| {
            out.sql(" l WHERE l.record_id = k.id AND l.tenant_id = ").bind(Bind::Uuid(Some(cx.tenant)));
            out.sql(" AND l.resource = ANY(").bind(Bind::Texts(resources.clone())).sql(")");
        };
        let mut out = Statement::new("SELECT t.resource, t.record_id, f.field, max(t.at) FROM unnest(");
        of(&mut out);
        out.sql("audit_log");
        those(&mut out);
        out.sql(" OFFSET 0) AS t CROSS JOIN unnest(").bind(Bind::Texts(fields)).sql(") AS f(field)");
        out.sql(" WHERE t.operation = 'created' OR f.field = ANY(t.changed_fields) GROUP BY 1, 2, 3").once();
        type Here = (st::Text, st::Uuid, st::Text, st::Timestamptz);
        let here: Vec<(String, Uuid, String, DateTime<Utc>)> = RunQueryDsl::load(out.typed::<Here>(), conn)?;
        let mut out = Statement::new("SELECT t.resource, t.record_id, t.field, t.changed_at, t.taken_at FROM unnest(");
        of(&mut out);
        out.sql("connector_changes");
        those(&mut out);
        out.sql(" AND l.connector_id = ").bind(Bind::Uuid(Some(connector.meta.id))).sql(" OFFSET 0) AS t").once();
        type There = (st::Text, st::Uuid, st::Text, st::Timestamptz, st::Timestamptz);
        type Known = (String, Uuid, String, DateTime<Utc>, DateTime<Utc>);
        let there: Vec<Known> = RunQueryDsl::load(out.typed::<There>(), conn)?;
        Ok(Times {
            here: here.into_iter().map(|(resource, id, field, at)| ((resource, id, field), at)).collect(),
            there: there
                .into_iter()
                .map(|(resource, id, field, at, taken)| ((resource, id, field), (at, taken)))
                .collect(),
            taken: HashMap::new(),
        })
    }

    /// When the value that stands in a field came to be; none: nobody knows.
    pub fn at(&self, place: Place) -> Option<DateTime<Utc>> {
        if let Some(at) = self.taken.get(&place) {
            return Some(*at);
        }
        let found = (place.0.to_owned(), place.1, place.2.to_owned());
        match (self.here.get(&found).copied(), self.there.get(&found).copied()) {
            (Some(here), Some((there, taken))) if here > taken => Some(here.max(there)),
            (_, Some((there, _))) => Some(there),
            (here, None) => here,
        }
    }

    /// Notes that a field has what the other system changed at a time.
    pub fn take(&mut self, place: Place, changed_at: DateTime<Utc>) {
        self.taken.insert(place, changed_at);
    }

    /// Keeps what was noted, in one statement.
    pub fn keep(self, conn: &mut PgConnection, cx: &Cx, connector: &Connector) -> Result<()> {
        if self.taken.is_empty() {
            return Ok(());
        }
        // In one order, so that two who keep the same do not lock each other out.
        let mut taken: Vec<(Place, DateTime<Utc>)> = self.taken.into_iter().collect();
        taken.sort_unstable();
        let texts = |pick: fn(&Place) -> &'static str| {
            Bind::Texts(taken.iter().map(|(place, _)| pick(place).to_owned()).collect())
        };
        let mut out = Statement::new(
            "INSERT INTO connector_changes (tenant_id, connector_id, resource, record_id, field, changed_at, taken_at) SELECT ",
        );
        out.bind(Bind::Uuid(Some(cx.tenant))).sql(", ").bind(Bind::Uuid(Some(connector.meta.id)));
        out.sql(", n.*, ").bind(Bind::Time(Some(cx.now))).sql(" FROM unnest(").bind(texts(|place| place.0)).sql(", ");
        out.bind(Bind::Uuids(taken.iter().map(|(place, _)| place.1).collect())).sql(", ");
        out.bind(texts(|place| place.2)).sql(", ");
        out.bind(Bind::Times(taken.iter().map(|(_, at)| *at).collect()));
        out.sql(
            ") AS n ON CONFLICT (tenant_id, connector_id, resource, record_id, field) DO UPDATE \
             SET changed_at = excluded.changed_at, taken_at = excluded.taken_at",
        );
        out.execute(conn)?;
        Ok(())
    }
}
