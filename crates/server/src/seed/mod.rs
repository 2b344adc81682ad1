//! The demonstration tenant: Northwind's customers, suppliers and employees, loaded through the same batch steps that
//! the API offers, keyed by Northwind's own keys, so that loading twice changes nothing.

mod forecast;
mod interactions;
mod leads;
mod northwind;
mod orders;
mod pipeline;
mod value;

use crate::commands::{create_tenant, system_cx};
use anyhow::Result;
use kith_db::{Db, Verdict};
use kith_identity::setup::NewTenant;
use kith_kernel::{Currency, Cx};
use kith_worker::Worker;
use std::fmt;

/// Short name of the demonstration tenant.
pub const TENANT: &str = "northwind";
/// Who can log in.
pub const EMAIL: &str = "admin@northwind.example";
/// With which password. The demonstration listens on this machine only unless told otherwise.
pub const PASSWORD: &str = "northwind-demo";

/// What was done.
#[derive(Debug)]
pub struct Seeded {
    /// Records made; 0: it was there already.
    pub records: usize,
}

impl fmt::Display for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.records {
            0 => write!(f, "The demonstration tenant was there already."),
            records => write!(f, "Made the demonstration tenant {TENANT} with {records} records."),
        }
    }
}

impl Seeded {
    /// How to log in, and a first request over each API.
    pub fn try_it(&self, at: &str) -> String {
        let body = format!(r#"{{"tenant":"{TENANT}","email":"{EMAIL}","password":"{PASSWORD}"}}"#);
        format!(
            "{self}\n\nLog in as {EMAIL} with the password {PASSWORD} (tenant {TENANT}). Try:\n\n\
  TOKEN=$(curl -s {at}/v1/auth/login -H 'content-type: application/json' -d '{body}' | sed 's/.*\"accessToken\":\"\\([^\"]*\\)\".*/\\1/')\n\
  curl -sg -H \"authorization: Bearer $TOKEN\" '{at}/v1/accounts?filter[roles][some][role]=CUSTOMER&sort=name&limit=3&fields=id,name'\n\
  curl -s -H \"authorization: Bearer $TOKEN\" -H 'content-type: application/json' {at}/graphql \\\n    \
-d '{{\"query\":\"{{ accounts(first: 2, sort: [NAME_ASC]) {{ nodes {{ name owner {{ name }} contacts {{ nodes {{ name jobTitle }} }} }} }} }}\"}}'\n"
        )
    }
}

/// Northwind trades in dollars.
fn dollars() -> Currency {
    Currency::from_code("USD").unwrap_or(Currency::EUR)
}

/// Makes the tenant if it is not there, and its data if they are not.
pub fn run(db: &Db) -> Result<Seeded> {
    let known = db.read(uuid::Uuid::nil(), |conn| kith_identity::login::find_tenant(conn, TENANT))?;
    let tenant = match known {
        Some(tenant) => tenant,
        None => {
            let new = NewTenant {
                slug: TENANT.into(),
                name: "Northwind Traders".into(),
                currency: dollars(),
                locale: "en-US".into(),
                time_zone: "America/Los_Angeles".into(),
            };
            create_tenant(db, &new, (EMAIL, "Demo Administrator", PASSWORD))?
        }
    };
    let origin = kith_kernel::Origin { channel: "import", ..Default::default() };
    let cx = Cx { origin, currency: dollars(), ..system_cx(db, tenant)? };
    // One transaction: a start that is cut off leaves nothing half-loaded behind, and the next one loads again.
    let loaded = db.write(tenant, |conn| {
        let there = kith_journal::external::by_external_id(
            conn,
            &cx,
            cx.entry("accounts")?,
            northwind::SYSTEM,
            "customer:ALFKI",
        )?;
        let records = if there.is_some() { 0 } else { northwind::load(conn, &cx)? };
        Ok(Verdict::Commit(records))
    });
    let loaded = loaded.map_err(|error| anyhow::anyhow!("The demonstration data could not be loaded. {error}"))?;
    if loaded > 0 {
        // So that the first question is answered; afterwards the worker sees to it.
        let worker = Worker::new(db.clone(), Default::default(), cx.catalogue, cx.cursor_key);
        worker
            .serve(tenant, true)
            .map_err(|error| anyhow::anyhow!("The demonstration values could not be computed. {error}"))?;
    }
    Ok(Seeded { records: loaded })
}
