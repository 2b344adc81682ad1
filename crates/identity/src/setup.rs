//! New tenants and their first administrators. Runs as Kith itself, in a transaction that already belongs to the new
//! tenant, and leaves the same journal behind as any other write.

use crate::{Role, RoleAssignment, Tenant, User, grants, login, password, policy, role};
use diesel::PgConnection;
use kith_journal::{log, store, verbs, wake};
use kith_kernel::{
    Bind, Currency, Custom, Cx, Error, Meta, PrincipalKind, Resource, Result, Row, Shape, Statement, Violations, codes,
};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What a tenant is made from.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Short name: 2 to 63 lower-case letters, digits and inner dashes.
    pub slug: String,
    /// Name.
    pub name: String,
    /// Reporting currency.
    pub currency: Currency,
    /// BCP 47 language tag.
    pub locale: String,
    /// IANA name of a time zone.
    pub time_zone: String,
}

/// Makes the tenant that `cx` already names, with the built-in roles. `DUPLICATE` when the short name is taken.
pub fn create_tenant(conn: &mut PgConnection, cx: &Cx, new: &NewTenant) -> Result<Uuid> {
    let mut tenant = Tenant::blank(Meta { id: cx.tenant, ..Meta::new(cx) });
    tenant.name = new.name.trim().to_owned();
    tenant.slug.clone_from(&new.slug);
    tenant.locale.clone_from(&new.locale);
    tenant.time_zone.clone_from(&new.time_zone);
    tenant.reporting_currency = new.currency;
    if cx.actor.kind != PrincipalKind::System {
        return Err(Error::new(&codes::FORBIDDEN, "Only Kith itself makes tenants."));
    }
    if !(1..=200).contains(&tenant.name.chars().count()) {
        return Err(Error::invalid("/name", "INVALID", "A name has 1 to 200 characters."));
    }
    valid(&tenant)?;
    let mut out = Statement::new("INSERT INTO tenant_directory (slug, tenant_id) VALUES (");
    out.bind(Bind::Text(Some(new.slug.clone())))
        .sql(", ")
        .bind(Bind::Uuid(Some(cx.tenant)))
        .sql(") ON CONFLICT DO NOTHING");
    if out.execute(conn)? == 0 {
        let mut violations = Violations::default();
        violations.add("/slug", "DUPLICATE", "Another tenant has this short name already.");
        let detail = "Another tenant has this short name already.";
        return Err(Error { violations: violations.0, ..Error::new(&codes::DUPLICATE, detail) });
    }
    insert(conn, cx, &tenant)?;
    for built_in in policy::BUILT_IN {
        let mut role = Role::blank(Meta::new(cx));
        role.name = built_in.name.to_owned();
        role.description = Some(built_in.description.to_owned());
        role.is_built_in = true;
        role.grants = Custom(grants::to_json(&built_in.grants()));
        insert(conn, cx, &role)?;
    }
    wake::now(conn, cx)?;
    Ok(cx.tenant)
}

fn valid(row: &dyn Row) -> Result<()> {
    let mut violations = Violations::default();
    row.check(&mut violations);
    violations.into_result()
}

/// Stores and journals a row with fields that no body may set.
fn insert<R: Resource>(conn: &mut PgConnection, cx: &Cx, row: &R) -> Result<()> {
    valid(row)?;
    let entry = cx.entry(R::NAME)?;
    let stored = store::insert(conn, entry, row)?;
    log::record(conn, cx, entry, log::CREATED, None, stored.as_ref())
}

/// Makes a user with a password and the role ADMIN.
pub fn create_admin(conn: &mut PgConnection, cx: &Cx, email: &str, name: &str, password: &str) -> Result<Uuid> {
    let hash = password::hash(password)?;
    let admin = role::built_in(conn, cx.tenant, policy::ADMIN)?
        .ok_or_else(|| Error::internal("a tenant without built-in roles"))?;
    let user = make(conn, cx, User::NAME, [("email", email), ("name", name)])?;
    login::set_password(conn, cx, user, &hash)?;
    let (user_id, role_id) = (user.to_string(), admin.0.to_string());
    make(conn, cx, RoleAssignment::NAME, [("userId", &user_id), ("roleId", &role_id)])?;
    Ok(user)
}

fn make(conn: &mut PgConnection, cx: &Cx, resource: &str, members: [(&str, &str); 2]) -> Result<Uuid> {
    let body: Map<String, Value> = members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    Ok(verbs::create(conn, cx, cx.entry(resource)?, &body)?.meta().id)
}
