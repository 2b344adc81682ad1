//! One record of every resource of the catalogue, and a body that makes another: what walks over the catalogue need.

use kith_db::Verdict;
use kith_journal::derived::put;
use kith_journal::verbs;
use kith_kernel::ids::AccountId;
use kith_kernel::{Access, Entry, Field, Meta, Shape, Verb};
use kith_loyalty::{ClvEstimate, LoyaltyAssessment, PurchaseModel, ValueProfile, ValueScore};
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// Ids by resource name.
pub type Ids = BTreeMap<&'static str, String>;

/// All resources.
pub fn entries() -> &'static [Entry] {
    kith_api::catalogue().entries()
}

/// One of them.
pub fn entry(name: &str) -> &'static Entry {
    kith_api::catalogue().get(name).unwrap()
}

/// Whether `POST /v1/{resource}` exists.
pub fn creatable() -> impl Iterator<Item = &'static Entry> {
    entries().iter().filter(|entry| entry.offers(Verb::Create))
}

/// The fields that a body of create may hold.
pub fn writable(entry: &'static Entry) -> impl Iterator<Item = &'static Field> {
    entry.fields.iter().filter(|field| matches!(field.access, Access::Write | Access::CreateOnly))
}

/// A body that makes a new record of a resource, unlike any made before.
pub fn body(resource: &str, ids: &Ids) -> Value {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = |resource: &str| ids.get(resource).cloned().unwrap_or_default();
    let about = |more: Value| {
        let mut body = json!({"subjectType": "ACCOUNT", "subjectId": id("accounts")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    match resource {
        "accounts" => json!({"name": format!("Account {number}")}),
        "account-roles" => json!({"accountId": id("accounts"), "role": "CUSTOMER", "validFrom": day(number)}),
        "contacts" => json!({"familyName": format!("Contact {number}"), "accountId": id("accounts")}),
        "contact-points" => {
            json!({"contactId": id("contacts"), "channel": "EMAIL", "value": format!("c{number}@example.com")})
        }
        "addresses" => json!({"accountId": id("accounts"), "city": format!("City {number}")}),
        "relationships" => {
            json!({"fromAccountId": id("accounts"), "toContactId": id("contacts"), "kind": "CUSTOM", "label": format!("{number}")})
        }
        "external-ids" => about(json!({"system": "erp", "externalId": format!("key-{number}")})),
        "tags" => json!({"name": format!("tag {number}")}),
        "taggings" => about(json!({"tagId": id("tags")})),
        "notes" => about(json!({"body": format!("Note {number}")})),
        "product-families" => json!({"name": format!("Family {number}")}),
        "products" => json!({"sku": format!("P-{number}"), "name": "Product"}),
        "exchange-rates" => {
            json!({"baseCurrency": "USD", "quoteCurrency": "EUR", "rate": "0.9183", "validOn": day(number)})
        }
        "leads" => json!({"familyName": format!("Lead {number}"), "email": format!("lead-{number}@example.com")}),
        "lead-forms" => json!({"name": format!("Form {number}")}),
        "lead-scoring-rules" => json!({"name": format!("Score {number}"), "filter": {}, "points": 1}),
        "lead-assignment-rules" => {
            json!({"name": format!("Rule {number}"), "position": 1, "method": "ACCOUNT_OWNER"})
        }
        "pipelines" => json!({"name": format!("Pipeline {number}")}),
        "stages" => {
            json!({"pipelineId": id("pipelines"), "name": format!("Stage {number}"), "position": 1, "probability": 20})
        }
        "close-reasons" => json!({"name": format!("Reason {number}"), "outcome": "LOST"}),
        "competitors" => json!({"name": format!("Competitor {number}")}),
        "price-observations" => {
            json!({"competitorId": id("competitors"), "price": {"amount": "9.90", "currency": "EUR"}, "observedOn": day(number)})
        }
        "opportunities" => json!({"name": format!("Opportunity {number}"), "stageId": id("stages")}),
        "opportunity-lines" => {
            let price = json!({"amount": "9.90", "currency": "EUR"});
            json!({"opportunityId": id("opportunities"), "productId": id("products"), "quantity": "2", "unitPrice": price})
        }
        "opportunity-contacts" => json!({"opportunityId": id("opportunities"), "contactId": id("contacts")}),
        "opportunity-competitors" => json!({"opportunityId": id("opportunities"), "competitorId": id("competitors")}),
        "orders" => json!({"accountId": id("accounts"), "currency": "EUR"}),
        "refunds" => json!({"accountId": id("accounts"), "net": {"amount": "9.90", "currency": "EUR"}}),
        "price-books" => json!({"name": format!("Prices {number}")}),
        "prices" => {
            let (from, to) = (day(number), day(number).replace("-01-01", "-12-31"));
            json!({"priceBookId": id("price-books"), "productId": id("products"), "validFrom": from, "validTo": to,
                   "amount": {"amount": "9.90", "currency": "EUR"}})
        }
        "invoices" => {
            json!({"accountId": id("accounts"), "net": {"amount": "9.90", "currency": "EUR"}, "issuedOn": "2020-01-01", "dueOn": "2020-01-31"})
        }
        "payments" => json!({"accountId": id("accounts"), "amount": {"amount": "9.90", "currency": "EUR"}}),
        "reminder-steps" => {
            json!({"name": format!("Step {number}"), "afterDays": number % 500 + 1, "channel": "EMAIL"})
        }
        "shipments" => json!({"orderId": id("orders")}),
        "subscriptions" => {
            json!({"accountId": id("accounts"), "amount": {"amount": "9.90", "currency": "EUR"}, "interval": "MONTH", "startedOn": "2026-01-31"})
        }
        "quotes" => json!({"opportunityId": id("opportunities"), "currency": "EUR"}),
        "quote-lines" | "order-lines" => {
            let price = json!({"amount": "9.90", "currency": "EUR"});
            let mut line = json!({"productId": id("products"), "quantity": "2", "unitPrice": price});
            let (parent, parents) =
                if resource == "quote-lines" { ("quoteId", "quotes") } else { ("orderId", "orders") };
            line[parent] = json!(id(parents));
            line
        }
        "targets" => {
            json!({"startsOn": day(number), "endsOn": "2999-12-31", "amount": {"amount": "9.90", "currency": "EUR"}})
        }
        "forecast-snapshots" => json!({"startsOn": "2026-01-01", "endsOn": "2026-03-31"}),
        "interactions" => {
            about(json!({"channel": "EMAIL", "direction": "INBOUND", "subjectLine": format!("Mail {number}")}))
        }
        "interaction-contacts" => json!({"interactionId": id("interactions"), "contactId": id("contacts")}),
        "tasks" => about(json!({"title": format!("Task {number}"), "reminderAt": "2026-01-05T09:00:00Z"})),
        "value-models" => json!({"name": format!("Model {number}")}),
        "value-indicators" => {
            json!({"modelId": id("value-models"), "code": format!("code-{number}"), "source": "PROFIT", "weight": "40"})
        }
        "value-runs" => json!({"asOf": day(number)}),
        "cost-entries" => {
            let amount = json!({"amount": "9.90", "currency": "EUR"});
            json!({"accountId": id("accounts"), "kind": "SERVE", "amount": amount, "incurredOn": "2026-01-05"})
        }
        "cost-rates" => {
            let channels = ["PHONE", "EMAIL", "VISIT", "CHAT", "SMS", "FAX", "WEB", "POST"];
            let channel =
                if ids.contains_key("cost-rates") { channels[usize::try_from(number).unwrap() % 7] } else { "POST" };
            let amount = json!({"amount": "1.50", "currency": "EUR"});
            json!({"channel": channel, "perTouch": amount, "perMinute": amount})
        }
        "wallet-estimates" => {
            let amount = json!({"amount": "990.00", "currency": "EUR"});
            json!({"accountId": id("accounts"), "amount": amount, "source": "STATED", "estimatedOn": "2026-01-05"})
        }
        "resource-policies" => {
            let class = if ids.contains_key("resource-policies") { "GOLD" } else { "LEAD" };
            json!({"valueClass": class, "strategy": "MAINTAIN"})
        }
        "loyalty-indicators" => {
            let (kind, system) = ("FAILURE_TOLERANCE", format!("desk-{number}"));
            json!({"accountId": id("accounts"), "kind": kind, "system": system, "raw": "1", "observedOn": "2026-01-05"})
        }
        "loyalty-evidence" => {
            json!({"accountId": id("accounts"), "kind": "SATISFACTION", "value": "4", "answeredOn": "2026-01-05"})
        }
        "loyalty-programs" => {
            json!({"name": format!("Programme {number}"), "status": "ACTIVE", "timeZone": "UTC", "currency": "EUR"})
        }
        "loyalty-memberships" => json!({"programId": id("loyalty-programs"), "accountId": id("accounts")}),
        "loyalty-tiers" => {
            json!({"programId": id("loyalty-programs"), "name": "Tier", "rank": number, "threshold": "10"})
        }
        "loyalty-rewards" => {
            json!({"programId": id("loyalty-programs"), "name": format!("Reward {number}"), "cost": "5"})
        }
        "referrals" => {
            let email = format!("friend-{number}@example.com");
            json!({"referrerMembershipId": id("loyalty-memberships"), "referredEmail": email})
        }
        "lifecycle-policies" => json!({"name": format!("Policy {number}")}),
        "churn-events" => {
            json!({"accountId": id("accounts"), "occurredOn": "2026-01-01", "reason": format!("{number}")})
        }
        "retention-plans" => {
            json!({"name": format!("Plan {number}"), "campaign": treated(&id("accounts")), "accountId": id("accounts"), "lever": "SERVICE", "startsOn": "2026-01-01", "endsOn": "2026-03-31"})
        }
        "retention-actions" => json!({"retentionPlanId": id("retention-plans"), "name": format!("Action {number}")}),
        "win-back-cases" => json!({"churnEventId": id("churn-events")}),
        "connectors" => json!({"name": format!("Connector {number}"), "system": format!("system-{number}")}),
        "connector-fields" => {
            let (resource, field) = kept(number);
            json!({"connectorId": id("connectors"), "resource": resource, "field": field, "authority": "NEWEST"})
        }
        "webhook-endpoints" => {
            json!({"url": format!("https://example.com/{number}"), "eventTypes": ["account.*"]})
        }
        "users" => json!({"name": "Somebody", "email": format!("somebody-{number}@example.com")}),
        "teams" => json!({"name": format!("Team {number}")}),
        "memberships" => json!({"userId": id("users"), "teamId": id("teams")}),
        "roles" => {
            json!({"name": format!("Role {number}"), "grants": [{"resource": "tags", "action": "READ", "scope": "ALL"}]})
        }
        "role-assignments" => json!({"userId": id("users"), "roleId": id("roles")}),
        other => panic!("say here how to make one of {other}"),
    }
}

/// A valid change to a record of a resource; none if nothing of it can be changed.
pub fn change(resource: &str) -> Option<Value> {
    Some(match resource {
        "accounts"
        | "tags"
        | "tenants"
        | "users"
        | "teams"
        | "roles"
        | "api-keys"
        | "product-families"
        | "products"
        | "price-books"
        | "reminder-steps"
        | "lead-forms"
        | "lead-scoring-rules"
        | "lead-assignment-rules"
        | "pipelines"
        | "stages"
        | "close-reasons"
        | "competitors"
        | "value-models"
        | "opportunities"
        | "lifecycle-policies"
        | "retention-plans"
        | "retention-actions"
        | "loyalty-programs"
        | "loyalty-tiers"
        | "loyalty-rewards"
        | "connectors" => {
            json!({"name": "Changed"})
        }
        "loyalty-memberships" => json!({"status": "SUSPENDED"}),
        "connector-fields" => json!({"authority": "CRM"}),
        "exchange-rates" => json!({"rate": "0.91"}),
        "price-observations" | "opportunity-contacts" | "targets" => json!({"note": "Changed"}),
        "opportunity-lines" | "quote-lines" | "order-lines" => json!({"quantity": "3"}),
        "quotes" | "orders" => json!({"notes": "Changed"}),
        "value-indicators" => json!({"weight": "30"}),
        "cost-entries" => json!({"description": "Changed"}),
        "cost-rates" => json!({"perTouch": {"amount": "2.00", "currency": "EUR"}}),
        "wallet-estimates" => json!({"note": "Changed"}),
        "resource-policies" => json!({"benefits": "Changed"}),
        "loyalty-indicators" => json!({"evidence": "Changed"}),
        "loyalty-evidence" => json!({"note": "Changed"}),
        "refunds" => json!({"reason": "Changed"}),
        "churn-events" => json!({"rootCause": "Changed"}),
        "win-back-cases" => json!({"offer": "Changed"}),
        "prices" => json!({"amount": {"amount": "8.90", "currency": "EUR"}}),
        "invoices" => json!({"dueOn": "2020-02-29"}),
        "payments" => json!({"reference": "Changed"}),
        "shipments" => json!({"notes": "Changed"}),
        "subscriptions" => json!({"amount": {"amount": "8.90", "currency": "EUR"}}),
        "interactions" => json!({"outcome": "Changed"}),
        "schedules" => json!({"isEnabled": false}),
        "webhook-endpoints" => json!({"description": "Changed"}),
        "interaction-contacts" => json!({"role": "CC"}),
        "tasks" => json!({"title": "Changed"}),
        "opportunity-competitors" => json!({"position": "AHEAD"}),
        "account-roles" | "relationships" => json!({"validTo": "2199-12-31"}),
        "contacts" | "leads" => json!({"familyName": "Changed"}),
        "contact-points" => json!({"label": "changed"}),
        "addresses" => json!({"city": "Changed"}),
        "notes" => json!({"body": "Changed"}),
        "memberships" => json!({"role": "LEAD"}),
        _ => return None,
    })
}

/// A good body of a business verb.
pub fn command_body(resource: &str, command: &str, ids: &Ids) -> Value {
    match (resource, command) {
        ("pipelines", "reorder-stages") => json!({"stageIds": [ids["stages"]]}),
        ("opportunities", "move") => json!({"stageId": ids["stages"]}),
        ("leads", "convert") => json!({"pipelineId": ids["pipelines"]}),
        ("value-models", "weigh") => json!({"comparisons": []}),
        ("loyalty-memberships", "earn") => json!({"points": "1", "sourceKey": "once"}),
        ("loyalty-memberships", "redeem") => json!({"points": "1"}),
        ("loyalty-memberships", "adjust") => json!({"points": "1", "reason": "Agreed"}),
        ("point-entries", "reverse") | ("referrals", "reject") => json!({"reason": "A mistake"}),
        ("referrals", "qualify") => json!({"orderId": ids["orders"]}),
        ("leads", "disqualify") => json!({"reason": "SPAM"}),
        ("opportunities", "set-team") => json!({"members": []}),
        ("lifecycles", "override") => {
            let until = kith_kernel::Clock::default().now().date_naive() + chrono::Days::new(30);
            json!({"stage": "EXPLORATION", "reason": "We know better.", "until": until.to_string()})
        }
        ("churn-events", "reverse") | ("win-back-cases", "lose" | "abandon") => json!({"reason": "It was so."}),
        ("churn-events", "reclassify") => json!({"kind": "FAULT", "reason": "They said so."}),
        ("retention-actions", "complete") => json!({"outcome": "WORKED"}),
        ("win-back-cases", "offer") => json!({"offer": "Free delivery."}),
        ("win-back-cases", "save") => json!({"orderId": ids["orders"]}),
        ("accounts" | "contacts", "merge") => json!({"fromId": ids[resource]}),
        ("connectors", "records") => json!({"records": []}),
        ("connectors", "drift") => {
            json!({"resource": "accounts", "fields": ["name"], "buckets": [{"bucket": "00", "hash": "0".repeat(64)}]})
        }
        ("webhook-endpoints", "replay") => json!({"since": "2026-01-01T00:00:00Z"}),
        ("tasks", "snooze") => json!({"until": "2999-01-01T00:00:00Z"}),
        _ => json!({}),
    }
}

/// A campaign in whose control group an account is not.
fn treated(account: &str) -> String {
    let account: uuid::Uuid = account.parse().unwrap_or_default();
    let mut names = (0..).map(|number| format!("Campaign {number}"));
    names.find(|name| !kith_lifecycle::retention::is_control(account.into(), name)).unwrap()
}

/// A resource and a field of it that another system may keep too.
fn kept(number: u64) -> (&'static str, &'static str) {
    let linked = creatable().filter(|entry| kith_kernel::SubjectType::from_text(&entry.subject).is_some());
    let fields = |entry: &'static Entry| {
        writable(entry).filter(|field| field.name != "id").map(move |field| (entry.name, field.name))
    };
    let all: Vec<_> = linked.flat_map(fields).collect();
    all[usize::try_from(number).unwrap() % all.len()]
}

fn day(number: u64) -> String {
    format!("2{:03}-01-01", number % 1000)
}

/// Makes one of each.
pub async fn one_of_each(stage: &Stage, tenant: &Tenant) -> Ids {
    let admin = stage.admin(tenant);
    let mut ids = Ids::from([("tenants", tenant.id.to_string())]);
    // Whoever is pointed at comes first.
    let first = ["accounts", "contacts", "tags", "users", "teams", "roles"];
    let rest = creatable().map(|entry| entry.name).filter(|name| !first.contains(name));
    for name in first.into_iter().chain(rest) {
        let mut targets = ids.clone();
        // What ties two records together does so once; the next one that `body` describes shall not be the same.
        let ties = [
            "taggings",
            "memberships",
            "role-assignments",
            "opportunity-contacts",
            "opportunity-competitors",
            "interaction-contacts",
            "loyalty-memberships",
            "win-back-cases",
        ];
        if ties.contains(&name) {
            for target in ["accounts", "tags", "users", "opportunities", "interactions", "churn-events"]
                .into_iter()
                .filter(|target| ids.contains_key(target))
            {
                let other = admin.post(&format!("/v1/{target}"), body(target, &ids)).await.expect(201);
                targets.insert(target, other.id());
            }
        }
        let made = admin.post(&format!("/v1/{name}"), body(name, &targets)).await.expect(201);
        ids.insert(name, made.id());
    }
    let key = json!({"name": "ERP", "roleId": ids.get("roles")});
    let made = admin.post("/v1/auth/api-keys", key).await.expect(201);
    ids.insert("api-keys", made.at("/apiKey/id").as_str().unwrap().to_owned());
    let reminded = admin.send("POST", &format!("/v1/invoices/{}/remind", ids["invoices"]), None).await.expect(200);
    let reminded = admin.get(&format!("/v1/reminders?filter[invoiceId]={}", reminded.id())).await.expect(200);
    ids.insert("reminders", reminded.at("/data/0/id").as_str().unwrap().to_owned());
    let opportunity = format!("/v1/opportunities/{}", ids["opportunities"]);
    let team = json!({"members": [{"userId": ids["users"], "splitPercent": "100"}]});
    admin.post(&format!("{opportunity}/set-team"), team).await.expect(200);
    // A forecast sees what is expected in its period.
    admin.patch(&opportunity, json!({"closeDate": "2026-01-31"})).await.expect(200);
    let kept = admin.post("/v1/forecast-snapshots", body("forecast-snapshots", &ids)).await.expect(201);
    let kept = admin.get(&format!("/v1/forecast-snapshots/{}?expand=lines", kept.id())).await.expect(200);
    ids.insert("forecast-snapshot-lines", kept.at("/lines/data/0/id").as_str().unwrap().to_owned());
    for (name, relation) in [("opportunity-members", "members"), ("stage-changes", "stageChanges")] {
        let found = admin.get(&format!("{opportunity}?expand={relation}")).await.expect(200);
        ids.insert(name, found.at(&format!("/{relation}/data/0/id")).as_str().unwrap().to_owned());
    }
    let lead = admin.get(&format!("/v1/leads/{}", ids["leads"])).await.expect(200);
    let same = json!({"familyName": "Twin", "email": lead.body["email"]});
    let twin = admin.post("/v1/leads", same).await.expect(201).id();
    let found = admin.get(&format!("/v1/leads/{twin}?expand=duplicates")).await.expect(200);
    ids.insert("lead-duplicates", found.at("/duplicates/data/0/id").as_str().unwrap().to_owned());
    ids.extend(derived(stage, tenant, ids["accounts"].parse().unwrap()));
    loyalty(&admin, &mut ids).await;
    crate::lifecycle::one_of_each(stage, tenant, &mut ids).await;
    crate::jobs::one_of_each(stage, tenant, &mut ids);
    crate::bulk::one_of_each(&admin, &mut ids).await;
    crate::webhooks::one_of_each(stage, tenant, &admin, &mut ids).await;
    assert_eq!(ids.len(), entries().len(), "one of each: {ids:?}");
    ids
}

/// What nobody writes: it is computed.
fn derived(stage: &Stage, tenant: &Tenant, account: Uuid) -> Ids {
    let cx = &stage.system(tenant);
    let meta = || Meta { id: account, ..Meta::new(cx) };
    let made = stage.app.db.write(tenant.id, |conn| {
        let account_id = AccountId(account);
        put(conn, &[ValueProfile { account_id, ..ValueProfile::blank(meta()) }])?;
        put(conn, &[LoyaltyAssessment { account_id, ..LoyaltyAssessment::blank(meta()) }])?;
        put(conn, &[ClvEstimate { account_id, ..ClvEstimate::blank(meta()) }])?;
        put(conn, &[ValueScore { account_id, ..ValueScore::blank(meta()) }])?;
        let model = verbs::follow(conn, cx, PurchaseModel::blank(Meta::new(cx)))?.meta().id;
        Ok(Verdict::Commit(model))
    });
    let same = ["value-profiles", "clv-estimates", "value-scores", "loyalty-assessments"]
        .map(|name| (name, account.to_string()));
    same.into_iter().chain([("purchase-models", made.unwrap().to_string())]).collect()
}

/// A member earns, so that they come to a tier, and takes a reward.
async fn loyalty(admin: &Client, ids: &mut Ids) {
    let member = format!("/v1/loyalty-memberships/{}", ids["loyalty-memberships"]);
    for (verb, body) in [
        ("earn", json!({"points": "100", "sourceKey": "first"})),
        ("redeem", json!({"rewardId": ids["loyalty-rewards"]})),
    ] {
        let keyed = admin.with("idempotency-key", &format!("{verb} {}", ids["loyalty-memberships"]).replace(' ', "-"));
        keyed.post(&format!("{member}/{verb}"), body).await.expect(200);
    }
    let found = admin.get(&format!("{member}?expand=entries.postings,lots,tierChanges,redemptions")).await.expect(200);
    for (name, place) in [
        ("point-entries", "/entries/data/0/id"),
        ("point-postings", "/entries/data/0/postings/data/0/id"),
        ("point-lots", "/lots/data/0/id"),
        ("tier-changes", "/tierChanges/data/0/id"),
        ("redemptions", "/redemptions/data/0/id"),
    ] {
        ids.insert(name, found.at(place).as_str().unwrap().to_owned());
    }
}

/// All records of a tenant as they are, archived ones too, by resource.
pub async fn everything(admin: &Client) -> Map<String, Value> {
    let mut all = Map::new();
    for entry in entries() {
        let list = admin.get(&format!("/v1/{}?archived=any&limit=500&sort=id", entry.name)).await.expect(200);
        all.insert(entry.name.to_owned(), list.at("/data").clone());
    }
    all
}

/// A problem document without what names the one request.
pub fn anonymous(answer: &kith_testkit::Answer) -> Value {
    let mut body = answer.body.clone();
    strip(&mut body);
    json!({"status": answer.status, "body": body})
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for name in ["instance", "requestId"] {
                object.remove(name);
            }
            object.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}
