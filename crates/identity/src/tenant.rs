//! Tenants: the organisations that use Kith.

use crate::{AREA, rules};
use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::ids::TenantId;
use kith_kernel::{Currency, Resource, Result, Statement, Tz, Verb, Violations, text};
use kith_macros::resource;
use uuid::Uuid;

/// The organisation that these credentials belong to. There is exactly one to see.
#[resource(table = tenants, id = TenantId)]
pub struct Tenant {
    /// Its name.
    #[field(filter, max = 200, example = "\"Northwind Traders\"")]
    pub name: String,
    /// Its short name, which people give at login.
    #[field(filter, create_only, max = 63, example = "\"northwind\"")]
    pub slug: String,
    /// The language it works in, as a BCP 47 tag.
    #[field(max = 35, example = "\"zh-CN\"")]
    pub locale: String,
    /// The time zone that its days and reports follow, by its IANA name.
    #[field(max = 64, example = "\"Asia/Shanghai\"")]
    pub time_zone: String,
    /// The currency that reports are in and that amounts are compared in, as an ISO 4217 code.
    #[field(max = 3, example = "\"CNY\"")]
    pub reporting_currency: Currency,
    /// Whether who changes, archives or restores a record has to name the version that they read: `If-Match` over REST,
    /// `expectedVersion` over GraphQL, `ifVersion` in a batch. Such a write without a version is then refused with
    /// `PRECONDITION_REQUIRED`. Writes by a key of another system (upserts) need none: that system is the source of
    /// what it sends, and does not know our versions. A change of this setting takes effect within five seconds.
    #[field(default)]
    pub requires_version: bool,
}

impl Resource for Tenant {
    const AREA: &'static str = AREA;
    const ADMINISTRATIVE: bool = true;
    const VERBS: &'static [Verb] = &[Verb::Read, Verb::Update];

    fn check(&self, violations: &mut Violations) {
        rules::slug(&self.slug, violations);
        text::language("/locale", Some(&self.locale), violations);
        rules::time_zone(Some(&self.time_zone), violations);
    }
}

impl Tenant {
    /// Its time zone.
    pub fn zone(&self) -> Result<Tz> {
        rules::zone(&self.time_zone)
    }
}

/// The ids of all tenants of this installation. Like the look-up by short name, it needs none.
pub fn every(conn: &mut PgConnection) -> Result<Vec<Uuid>> {
    let out = Statement::new("SELECT tenant_id FROM tenant_directory ORDER BY tenant_id");
    let rows: Vec<(Uuid,)> = RunQueryDsl::load(out.typed::<(st::Uuid,)>(), conn)?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
