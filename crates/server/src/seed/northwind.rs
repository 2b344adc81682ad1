//! Northwind's CSV files as batch steps. Customers and suppliers become accounts with a role, a contact, an address and
//! contact points; employees become users in teams; whoever took most of a customer's orders owns the account.

use super::{forecast, interactions, leads, orders, pipeline, value};
use chrono::{DateTime, Utc};
use diesel::PgConnection;
use kith_api::documents::OrderDocumentResults;
use kith_journal::batch::{Op, Step};
use kith_journal::keys::ExternalKey;
use kith_journal::{bulk, external};
use kith_kernel::{Cx, Error, Mode, Result, Row, Violations, apply};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use uuid::Uuid;

/// The name under which Northwind's keys are kept.
pub const SYSTEM: &str = "northwind";

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/northwind/csv/", $name, ".csv"))
    };
}

pub(super) use file;

pub(super) type Record = HashMap<String, String>;

pub(super) fn rows(text: &str) -> Result<Vec<Record>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<std::result::Result<_, _>>().map_err(Error::internal)
}

/// A cell with something in it.
pub(super) fn cell<'a>(row: &'a Record, name: &str) -> Option<&'a str> {
    row.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Where it goes.
pub(super) struct Load<'a> {
    conn: &'a mut PgConnection,
    pub(super) cx: &'a Cx,
    records: usize,
}

impl Load<'_> {
    /// One upsert by Northwind's key; members without a value are left out.
    pub(super) fn put(&mut self, resource: &str, key: &str, data: Value) -> Result<Uuid> {
        self.records += 1;
        self.step(resource, Op::Upsert(ExternalKey::new(SYSTEM, key)), data)
    }

    /// A record that has no key.
    pub(super) fn make(&mut self, resource: &str, data: Value) -> Result<Uuid> {
        self.records += 1;
        self.step(resource, Op::Create, data)
    }

    /// A change to a record.
    pub(super) fn change(&mut self, resource: &str, id: Uuid, data: Value) -> Result<Uuid> {
        self.step(resource, Op::Update(id), data)
    }

    fn step(&mut self, resource: &str, op: Op, data: Value) -> Result<Uuid> {
        let data: Map<String, Value> = match data {
            Value::Object(members) => members.into_iter().filter(|(_, value)| !value.is_null()).collect(),
            _ => Map::new(),
        };
        let step = Step { op, if_version: None, data };
        Ok(step.run(self.conn, self.cx, self.cx.entry(resource)?)?.row.meta().id)
    }

    /// One business verb.
    pub(super) fn act(&mut self, resource: &str, id: Uuid, verb: &str, body: Value) -> Result<()> {
        let command = self.cx.entry(resource)?.command(verb);
        let command = command.ok_or_else(|| Error::internal(format!("{resource} have no verb {verb}")))?;
        let body = body.as_object().cloned().unwrap_or_default();
        (command.run)(self.conn, self.cx, id, None, &body).map(drop)
    }

    /// Does something as if it had happened at another time.
    pub(super) fn then<T>(&mut self, now: DateTime<Utc>, work: impl FnOnce(&mut Load<'_>) -> Result<T>) -> Result<T> {
        let cx = Cx { now, ..self.cx.clone() };
        let mut load = Load { conn: self.conn, cx: &cx, records: self.records };
        let done = work(&mut load);
        self.records = load.records;
        done
    }

    /// Whole orders, all or nothing; their ids.
    pub(super) fn documents(&mut self, documents: &[Value]) -> Result<Vec<Uuid>> {
        let answer = kith_api::documents::take(self.conn, self.cx, documents, true)?;
        let taken: OrderDocumentResults = serde_json::from_slice(&answer.body).map_err(Error::internal)?;
        self.records += documents.len();
        Ok(taken.results.iter().filter_map(|result| result.id).collect())
    }

    /// Many records that have no key; members without a value are left out.
    pub(super) fn make_many(&mut self, resource: &str, data: Vec<Value>) -> Result<()> {
        let entry = self.cx.entry(resource)?;
        let mut rows = Vec::with_capacity(data.len());
        let mut violations = Violations::default();
        for value in data {
            let Value::Object(members) = value else { continue };
            let body: Map<_, _> = members.into_iter().filter(|(_, value)| !value.is_null()).collect();
            let mut row = (entry.blank)(self.cx);
            apply(entry, row.as_mut(), &body, Mode::Create, &mut violations);
            row.check(&mut violations);
            rows.push(row);
        }
        violations.into_result()?;
        self.records += rows.len();
        let rows: Vec<&dyn Row> = rows.iter().map(AsRef::as_ref).collect();
        bulk::insert(self.conn, self.cx, entry, &rows)
    }

    /// What was put before.
    pub(super) fn known(&mut self, resource: &str, key: &str) -> Result<Option<Uuid>> {
        external::by_external_id(self.conn, self.cx, self.cx.entry(resource)?, SYSTEM, key)
    }
}

/// Loads everything; how many records there are then.
pub fn load(conn: &mut PgConnection, cx: &Cx) -> Result<usize> {
    let mut load = Load { conn, cx, records: 0 };
    let users = employees(&mut load)?;
    let owners = owners(&users)?;
    let mut customers = Vec::new();
    for row in rows(file!("customers"))? {
        let key = cell(&row, "customer_id").unwrap_or_default().to_owned();
        let owner = owners.get(&key).copied();
        let account = account(&mut load, &row, &format!("customer:{key}"), "CUSTOMER", owner)?;
        customers.push((account, key, owner));
    }
    for row in rows(file!("suppliers"))? {
        let key = cell(&row, "supplier_id").unwrap_or_default().to_owned();
        account(&mut load, &row, &format!("supplier:{key}"), "SUPPLIER", None)?;
    }
    let deals = pipeline::load(&mut load, &customers)?;
    forecast::load(&mut load, &deals)?;
    leads::load(&mut load, &customers)?;
    interactions::load(&mut load, &customers)?;
    orders::load(&mut load)?;
    value::load(&mut load)?;
    Ok(load.records)
}

/// Users and teams. Northwind's sales people work from two countries, which become two teams below one.
fn employees(load: &mut Load<'_>) -> Result<HashMap<String, (Uuid, Uuid)>> {
    let sales = load.put("teams", "team:sales", json!({"name": "Sales"}))?;
    let mut users = HashMap::new();
    for row in rows(file!("employees"))? {
        let key = cell(&row, "employee_id").unwrap_or_default().to_owned();
        let (first, last) = (cell(&row, "first_name").unwrap_or_default(), cell(&row, "last_name").unwrap_or_default());
        let email = format!("{}.{}@northwind.example", first.to_lowercase(), last.to_lowercase());
        let user =
            load.put("users", &format!("employee:{key}"), json!({"name": format!("{first} {last}"), "email": email}))?;
        let country = cell(&row, "country").unwrap_or("USA");
        let team = load.put(
            "teams",
            &format!("team:{country}"),
            json!({"name": format!("Sales {country}"), "parentId": sales}),
        )?;
        let manager = cell(&row, "title").is_some_and(|title| title.contains("Manager") || title.contains("President"));
        let role = if manager { "LEAD" } else { "MEMBER" };
        let place = json!({"userId": user, "teamId": if manager { sales } else { team }, "role": role});
        load.put("memberships", &format!("employee:{key}"), place)?;
        users.insert(key, (user, team));
    }
    Ok(users)
}

/// Who took most orders of each customer; on a tie, the one with the lower number.
fn owners(users: &HashMap<String, (Uuid, Uuid)>) -> Result<HashMap<String, (Uuid, Uuid)>> {
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for row in rows(file!("orders"))? {
        if let (Some(customer), Some(employee)) = (cell(&row, "customer_id"), cell(&row, "employee_id")) {
            *counts.entry((customer.to_owned(), employee.to_owned())).or_default() += 1;
        }
    }
    let mut best: HashMap<String, (usize, String)> = HashMap::new();
    let mut all: Vec<_> = counts.into_iter().collect();
    all.sort();
    for ((customer, employee), count) in all {
        let leader = best.entry(customer).or_default();
        if count > leader.0 {
            *leader = (count, employee);
        }
    }
    Ok(best.into_iter().filter_map(|(customer, (_, employee))| Some((customer, *users.get(&employee)?))).collect())
}

fn account(load: &mut Load<'_>, row: &Record, key: &str, role: &str, owner: Option<(Uuid, Uuid)>) -> Result<Uuid> {
    let (owner, team) = (owner.map(|(user, _)| user), owner.map(|(_, team)| team));
    let account =
        load.put("accounts", key, json!({"name": cell(row, "company_name"), "ownerId": owner, "teamId": team}))?;
    load.put("account-roles", key, json!({"accountId": account, "role": role}))?;
    let address = json!({
        "accountId": account, "kind": "VISITING", "isPrimary": true, "street": cell(row, "address").map(|street| street.replace("\\n", "\n")),
        "city": cell(row, "city"), "region": cell(row, "region"), "postalCode": cell(row, "postal_code"),
        "country": cell(row, "country").and_then(country),
    });
    load.put("addresses", key, address)?;
    for (channel, column) in [("PHONE", "phone"), ("FAX", "fax")] {
        if let Some(value) = cell(row, column) {
            let point = json!({"accountId": account, "channel": channel, "value": value, "isPrimary": true});
            load.put("contact-points", &format!("{key}:{column}"), point)?;
        }
    }
    if let Some(name) = cell(row, "contact_name") {
        let (given, family) = name.rsplit_once(' ').unwrap_or(("", name));
        let given = Some(given).filter(|given| !given.is_empty());
        let person = json!({"accountId": account, "givenName": given, "familyName": family, "jobTitle": cell(row, "contact_title"), "ownerId": owner});
        load.put("contacts", key, person)?;
    }
    Ok(account)
}

/// Northwind writes countries in English; the API takes ISO 3166-1.
fn country(name: &str) -> Option<&'static str> {
    Some(match name {
        "Argentina" => "AR",
        "Australia" => "AU",
        "Austria" => "AT",
        "Belgium" => "BE",
        "Brazil" => "BR",
        "Canada" => "CA",
        "Denmark" => "DK",
        "Finland" => "FI",
        "France" => "FR",
        "Germany" => "DE",
        "Ireland" => "IE",
        "Italy" => "IT",
        "Japan" => "JP",
        "Mexico" => "MX",
        "Netherlands" => "NL",
        "Norway" => "NO",
        "Poland" => "PL",
        "Portugal" => "PT",
        "Singapore" => "SG",
        "Spain" => "ES",
        "Sweden" => "SE",
        "Switzerland" => "CH",
        "UK" => "GB",
        "USA" => "US",
        "Venezuela" => "VE",
        _ => return None,
    })
}
