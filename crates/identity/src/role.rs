//! Roles: named sets of grants.

use crate::{AREA, grants};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::ids::RoleId;
use kith_kernel::{Bind, Custom, Cx, Error, Grant, Relation, Resource, Result, Statement, Violations, codes};
use kith_macros::resource;
use serde_json::Value;
use uuid::Uuid;

/// A named set of grants. Nobody can make a role that grants more than they have.
#[resource(table = roles, id = RoleId)]
pub struct Role {
    /// Its name; unique among roles that are not archived.
    #[field(filter, sort, max = 100, example = "\"Field sales\"")]
    pub name: String,
    /// What it is for.
    #[field(max = 500)]
    pub description: Option<String>,
    /// Comes with Kith and cannot be changed.
    #[field(filter, read_only, default)]
    pub is_built_in: bool,
    /// What it grants: a list of resource (a resource's name, `*` for all but administration, `**` for all), action
    /// (READ, CREATE, UPDATE, ARCHIVE or `*`) and scope (OWN, TEAM or ALL).
    #[field(example = "[{\"resource\": \"contacts\", \"action\": \"READ\", \"scope\": \"ALL\"}]")]
    pub grants: Custom,
}

impl Resource for Role {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const RELATIONS: &'static [Relation] = &[
        Relation::many("assignments", "role-assignments", "role_id", "Who has it."),
        Relation::many("apiKeys", "api-keys", "role_id", "The API keys that have it."),
    ];

    fn check(&self, violations: &mut Violations) {
        grants::check(&self.grants.0, violations);
    }

    fn prepare(&mut self, _conn: &mut PgConnection, cx: &Cx, before: Option<&Self>) -> Result<()> {
        if before.is_some_and(|before| before.is_built_in) {
            let detail = "Built-in roles cannot be changed or archived. Make a role of your own instead.";
            return Err(Error::new(&codes::CONFLICT, detail));
        }
        let mut violations = Violations::default();
        grants::check(&self.grants.0, &mut violations);
        if !violations.0.is_empty() {
            return violations.into_result();
        }
        let given = self.grants();
        grants::check_names(&given, cx.catalogue, &mut violations);
        violations.into_result()?;
        let leaving = self.meta.archived_at.is_some();
        if leaving { Ok(()) } else { grants::may_give(cx, &given) }
    }
}

impl Role {
    /// What it grants.
    pub fn grants(&self) -> Vec<Grant> {
        grants::parse(&self.grants.0)
    }
}

/// The grants of a role that is there and not archived.
pub(crate) fn grants_of(conn: &mut PgConnection, tenant: Uuid, role: RoleId) -> Result<Option<Vec<Grant>>> {
    let mut out = Statement::new("SELECT grants FROM roles WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND id = ").bind(Bind::Uuid(Some(role.0))).sql(" AND archived_at IS NULL");
    let rows: Vec<(Value,)> = RunQueryDsl::load(out.typed::<(st::Jsonb,)>(), conn)?;
    Ok(rows.first().map(|(list,)| grants::parse(list)))
}

/// Refuses to hand a role to somebody when the actor has less than it grants.
pub(crate) fn may_hand_out(conn: &mut PgConnection, cx: &Cx, role: RoleId) -> Result<()> {
    match grants_of(conn, cx.tenant, role)? {
        Some(given) => grants::may_give(cx, &given),
        None => Err(Error::invalid("/roleId", "UNKNOWN_REFERENCE", "roleId points to nothing that you can see.")),
    }
}

/// The id of a built-in role.
pub fn built_in(conn: &mut PgConnection, tenant: Uuid, name: &str) -> Result<Option<RoleId>> {
    let mut out = Statement::new("SELECT id FROM roles WHERE tenant_id = ");
    out.bind(Bind::Uuid(Some(tenant))).sql(" AND is_built_in AND archived_at IS NULL AND name = ");
    out.bind(Bind::Text(Some(name.to_owned())));
    let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.first().map(|(id,)| RoleId(*id)))
}
