//! Who may do what, through both doors: walks over everything that is served, and the table of the built-in roles.

mod giving;
mod scopes;

use crate::tenancy::UNKNOWN;
use crate::tenancy::records::{self, Ids, body, entries, one_of_each};
use crate::tidy;
use kith_api::rest::system::OPEN;
use kith_kernel::{Entry, Verb};
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

/// A field at one of the roots of the GraphQL schema.
pub struct Root {
    /// Its name.
    pub name: String,
    /// Which root.
    pub mutation: bool,
    /// What it is about.
    pub entry: &'static Entry,
    /// Arguments with their types.
    pub arguments: Vec<(String, String)>,
}

/// Every root field that follows from the catalogue, as introspection tells.
pub async fn roots(client: &Client) -> Vec<Root> {
    let ty = "type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
    let fields = format!("fields {{ name args {{ name {ty} }} }}");
    let query = format!("{{ __schema {{ queryType {{ {fields} }} mutationType {{ {fields} }} }} }}");
    let schema = client.graphql(&query, json!({})).await.expect(200);
    let mut roots = Vec::new();
    for (place, mutation) in [("queryType", false), ("mutationType", true)] {
        for field in schema.at(&format!("/data/__schema/{place}/fields")).as_array().unwrap() {
            let name = field["name"].as_str().unwrap().to_owned();
            let Some(entry) = entries().iter().find(|entry| belongs(&name, entry)) else {
                let known = [
                    "viewer",
                    "changes",
                    "metric",
                    "metrics",
                    "forecast",
                    "forecastChanges",
                    "pipelineBoard",
                    "orderDocuments",
                    "transaction",
                    "loyaltyProgramReconciliation",
                    "receivables",
                    "stageFlow",
                    "stageDwell",
                    "customerSurvival",
                    "churnReport",
                    "churnBacktest",
                    "syncPush",
                    "retentionUplift",
                    "valuePyramid",
                    "valueQuadrant",
                    "valueSimulation",
                    "valueMovements",
                    "concentration",
                    "customerEquity",
                    "accountEntitlements",
                    "accountGroupValue",
                    "accountNextLayer",
                    "accountProfit",
                    "lifecycleSimulation",
                    "connectorDrift",
                    "connectorDifferences",
                    "connectorReceive",
                ];
                let known = known.contains(&name.as_str());
                assert!(known, "a root field that nobody walks over: {name}");
                continue;
            };
            let argument = |arg: &Value| (arg["name"].as_str().unwrap().to_owned(), written(&arg["type"]));
            let arguments = field["args"].as_array().unwrap().iter().map(argument).collect();
            roots.push(Root { name, mutation, entry, arguments });
        }
    }
    roots
}

fn belongs(name: &str, entry: &Entry) -> bool {
    let suffixes = ["", "ByExternalId", "Timeline", "Create", "Update", "Upsert", "Archive", "Restore", "Batch"];
    let command = |rest: &str| entry.commands.iter().any(|command| command.type_name() == rest);
    let known = |rest: &str| suffixes.contains(&rest) || command(rest);
    name == entry.plural || name.strip_prefix(entry.singular.as_str()).is_some_and(known)
}

/// A type as a document writes it.
fn written(ty: &Value) -> String {
    match ty["kind"].as_str() {
        Some("NON_NULL") => format!("{}!", written(&ty["ofType"])),
        Some("LIST") => format!("[{}]", written(&ty["ofType"])),
        _ => ty["name"].as_str().unwrap().to_owned(),
    }
}

impl Root {
    fn required(&self) -> impl Iterator<Item = &(String, String)> {
        self.arguments.iter().filter(|(name, ty)| ty.ends_with('!') || (name == "dryRun"))
    }

    /// The business verb that it is.
    fn command(&self) -> Option<&'static str> {
        let is =
            |command: &&kith_kernel::Command| format!("{}{}", self.entry.singular, command.type_name()) == self.name;
        self.entry.commands.iter().find(is).map(|command| command.name)
    }

    /// A document that asks for this field alone, with its arguments as variables.
    pub fn document(&self) -> String {
        let declared: Vec<_> = self.required().map(|(name, ty)| format!("${name}: {ty}")).collect();
        let passed: Vec<_> = self.required().map(|(name, _)| format!("{name}: ${name}")).collect();
        let list =
            |parts: Vec<String>| if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) };
        let selection = match () {
            () if self.name == self.entry.plural || self.name.ends_with("Timeline") => "nodes { id }",
            () if self.name.ends_with("Batch") => "status problem",
            () => "id",
        };
        let operation = if self.mutation { "mutation" } else { "query" };
        format!("{operation}{} {{ {}{} {{ {selection} }} }}", list(declared), self.name, list(passed))
    }

    /// Good values for them.
    pub fn variables(&self, ids: &Ids, id: &str) -> Value {
        let change = || records::change(self.entry.name).unwrap_or(json!({}));
        let create = || if self.entry.offers(Verb::Create) { body(self.entry.name, ids) } else { json!({}) };
        let value = |name: &str| match name {
            "id" => json!(id),
            "system" => json!("erp"),
            "externalId" => json!("nothing"),
            "input" if self.name.ends_with("Update") => change(),
            "input" if self.command().is_some() => records::command_body(self.entry.name, self.command().unwrap(), ids),
            "input" => create(),
            "name" => json!("Key"),
            "roleId" => json!(ids["roles"]),
            "items" => json!([{"op": "update", "id": id, "data": change()}]),
            _ => Value::Null,
        };
        self.required().map(|(name, _)| (name.clone(), value(name))).collect::<serde_json::Map<_, _>>().into()
    }
}

/// A user with a role of these grants, written `resource:ACTION:SCOPE`.
pub fn with_grants(stage: &Stage, tenant: &Tenant, grants: &str) -> (Uuid, Client) {
    let grant = |text: &str| {
        let parts: Vec<&str> = text.split(':').collect();
        json!({"resource": parts[0], "action": parts[1], "scope": parts[2]})
    };
    let grants: Vec<Value> = grants.split_whitespace().map(grant).collect();
    let name = format!("Role of {}", stage.system(tenant).new_id());
    let role = stage.make(tenant, "roles", json!({"name": name, "grants": grants}));
    let email = format!("{}@example.com", stage.system(tenant).new_id());
    let user = stage.make(tenant, "users", json!({"name": "Somebody", "email": email}));
    stage.make(tenant, "role-assignments", json!({"userId": user, "roleId": role}));
    (user, stage.client(tenant, user))
}

/// Method and path of every operation of the contract, with parameters filled in, and its key as in the list of open
/// ones.
fn operations(ids: &Ids) -> Vec<(String, String, String)> {
    let document = kith_api::openapi::document(kith_api::catalogue());
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let resource = path.split('/').nth(2).unwrap_or_default();
        let id = ids.get(resource).map_or(UNKNOWN, String::as_str);
        let filled = path.replace("{id}", id).replace("{system}", "erp").replace("{externalId}", "nothing");
        let id = ids.get("bulk-loads").map_or(UNKNOWN, String::as_str);
        let filled = if path.starts_with("/v1/bulk/") {
            path.replace("{id}", id).replace("{resource}", "contacts")
        } else {
            filled
        };
        let filled = filled.replace("{type}", "not-found").replace("{metric}", "win-rate");
        let filled = filled.replace("{publicKey}", &"0".repeat(64));
        assert!(!filled.contains('{'), "a parameter without a value: {path}");
        for method in operations.as_object().unwrap().keys().map(|method| method.to_uppercase()) {
            all.push((method.clone(), filled.clone(), format!("{method} {path}")));
        }
    }
    all
}

#[actix_web::test]
async fn every_operation_needs_a_token_unless_it_is_on_the_reviewed_list() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let all = operations(&ids);
    assert!(all.len() > 120, "only {} operations", all.len());
    for (method, path, key) in &all {
        for body in [None, Some(b"{".to_vec()), Some(b"{}".to_vec())] {
            let answer = stage.anonymous().send(method, path, body).await;
            let refused = (answer.status, answer.code()) == (401, "UNAUTHENTICATED");
            assert_eq!(refused, !OPEN.contains(&key.as_str()), "{key}: {}", answer.status);
        }
    }
    // What is open beside the contract is there: the list names nothing else.
    for open in OPEN.iter().filter(|open| all.iter().all(|(.., key)| key != *open)) {
        let path = open.strip_prefix("GET ").unwrap().replace("{_:.*}", "index.html").replace("{file}", "app.js");
        let answer = stage.anonymous().get(&path).await;
        assert!([200, 302].contains(&answer.status), "{open}: {}", answer.status);
    }
}

#[test]
fn every_route_in_the_code_is_in_the_contract_or_on_the_reviewed_list() {
    let document = kith_api::openapi::document(kith_api::catalogue());
    let contract = document["paths"].as_object().unwrap();
    let mut files = Vec::new();
    tidy::rust_files(&tidy::root().join("crates/api/src"), &mut files);
    let mut walked = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Paths that are put together are those of the catalogue, which the contract has by construction.
        for start in ["resource(\"", "scope(\"", "route(\"", "SwaggerUi::new(\""] {
            for path in text.split(start).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                let open = OPEN.iter().any(|open| open.split_once(' ').is_some_and(|(_, known)| known == path));
                assert!(open || contract.contains_key(path), "{path}, in {}", file.display());
                walked += 1;
            }
        }
    }
    assert!(walked > 20, "only {walked} routes");
}

#[actix_web::test]
async fn every_root_field_needs_a_token() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let all = roots(&stage.admin(&tenant)).await;
    assert!(all.len() > 120, "only {} root fields", all.len());
    for root in all {
        let answer = stage.anonymous().graphql(&root.document(), root.variables(&ids, UNKNOWN)).await;
        assert_eq!((answer.status, answer.at("/data")), (401, &Value::Null), "{}", root.name);
    }
    for query in ["{ viewer { id } }", "{ __typename }", "{ __schema { queryType { name } } }", "{ nonsense"] {
        stage.anonymous().graphql(query, json!({})).await.expect(401);
    }
}

#[actix_web::test]
async fn who_may_not_write_is_refused_before_anybody_looks_at_the_body() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let (_, nobody) = with_grants(&stage, &tenant, "");
    let reader = stage.as_role(&tenant, "READ_ONLY");
    let before = records::everything(&stage.admin(&tenant)).await;
    let reading = |method: &str, path: &str| {
        method == "GET" || ["/query", "/pull", "/drift"].iter().any(|end| path.ends_with(end))
    };
    let mut walked = 0;
    for (role, client) in [("READ_ONLY", reader), ("nothing", nobody)] {
        for (method, path, key) in operations(&ids) {
            // Definitions of metrics are documentation.
            let own = ["/graphql", "/v1/auth/password", "/v1/viewer", "/v1/metrics"].contains(&path.as_str());
            if OPEN.contains(&key.as_str()) || own || (reading(&method, &path) && role == "READ_ONLY") {
                continue;
            }
            let plain = client.with("content-type", "text/plain");
            let bodies: [(&Client, Option<&[u8]>); 4] =
                [(&client, None), (&client, Some(b"{\"nonsense\": 1}")), (&client, Some(b"{")), (&plain, Some(b"{}"))];
            for (client, body) in bodies {
                let answer = client.send(&method, &path, body.map(<[u8]>::to_vec)).await;
                // A long list is read from its body before it is known to be forbidden.
                let right = (answer.status, answer.code()) == (403, "FORBIDDEN");
                let long = path.ends_with("/query") || path.ends_with("/pull");
                let unread = long && [400, 415, 422].contains(&answer.status);
                assert!(right || unread, "{role} {key}: {}", answer.body);
            }
            walked += 1;
        }
        for root in roots(&client).await {
            if !root.mutation && role == "READ_ONLY" {
                continue;
            }
            let id = &ids[root.entry.name];
            let answer = client.graphql(&root.document(), root.variables(&ids, id)).await.expect(200);
            assert_eq!(answer.at("/errors/0/extensions/code"), "FORBIDDEN", "{role} {}: {}", root.name, answer.body);
            assert_eq!(answer.at(&format!("/data/{}", root.name)), &Value::Null);
            walked += 1;
        }
    }
    assert!(walked > 300, "only {walked} places");
    assert_eq!(records::everything(&stage.admin(&tenant)).await, before, "nothing has changed");
}

/// What the built-in roles may do to a record that nobody owns: R read, C create, U update, A archive; `-` may not;
/// `.` is not offered.
const VERDICTS: &[(&str, [&str; 4])] = &[
    // Resource, then ADMIN, MANAGER, MEMBER, READ_ONLY. Lines of what others own are written by who may change that.
    ("accounts", ["RCUA", "RCUA", "RC--", "R---"]),
    ("account-roles", ["RCUA", "RCUA", "RC--", "R---"]),
    ("contacts", ["RCUA", "RCUA", "RC--", "R---"]),
    ("contact-points", ["RCUA", "RCUA", "RC--", "R---"]),
    ("addresses", ["RCUA", "RCUA", "RC--", "R---"]),
    ("relationships", ["RCUA", "RCUA", "RC--", "R---"]),
    ("external-ids", ["RC.A", "RC.A", "RC.-", "R-.-"]),
    ("tags", ["RCUA", "RCUA", "RCUA", "R---"]),
    ("taggings", ["RC.A", "RC.A", "RC.-", "R-.-"]),
    ("notes", ["RCUA", "RCUA", "RC--", "R---"]),
    ("product-families", ["RCUA", "RCUA", "R---", "R---"]),
    ("products", ["RCUA", "RCUA", "R---", "R---"]),
    ("exchange-rates", ["RCUA", "RCUA", "R---", "R---"]),
    ("orders", ["RCUA", "RCUA", "RC--", "R---"]),
    ("order-lines", ["RCUA", "RCUA", "R---", "R---"]),
    ("refunds", ["RCUA", "RCUA", "RC--", "R---"]),
    ("price-books", ["RCUA", "RCUA", "R---", "R---"]),
    ("prices", ["RCUA", "RCUA", "R---", "R---"]),
    ("invoices", ["RCUA", "RCUA", "RC--", "R---"]),
    ("payments", ["RCUA", "RCUA", "RC--", "R---"]),
    ("reminder-steps", ["RCUA", "RCUA", "R---", "R---"]),
    ("reminders", ["R...", "R...", "R...", "R..."]),
    ("shipments", ["RCUA", "RCUA", "RC--", "R---"]),
    ("subscriptions", ["RCUA", "RCUA", "RC--", "R---"]),
    ("leads", ["RCUA", "RCUA", "RC--", "R---"]),
    ("lead-duplicates", ["R...", "R...", "R...", "R..."]),
    ("lead-forms", ["RCUA", "RCUA", "R---", "R---"]),
    ("lead-scoring-rules", ["RCUA", "RCUA", "R---", "R---"]),
    ("lead-assignment-rules", ["RCUA", "RCUA", "R---", "R---"]),
    ("pipelines", ["RCUA", "RCUA", "R---", "R---"]),
    ("stages", ["RCUA", "RCUA", "R---", "R---"]),
    ("close-reasons", ["RCUA", "RCUA", "R---", "R---"]),
    ("competitors", ["RCUA", "RCUA", "RCUA", "R---"]),
    ("price-observations", ["RCUA", "RCUA", "RCUA", "R---"]),
    ("opportunities", ["RCUA", "RCUA", "RC--", "R---"]),
    ("opportunity-lines", ["RCUA", "RCUA", "R---", "R---"]),
    ("opportunity-members", ["R...", "R...", "R...", "R..."]),
    ("opportunity-contacts", ["RCUA", "RCUA", "RC--", "R---"]),
    ("opportunity-competitors", ["RCUA", "RCUA", "RC--", "R---"]),
    ("stage-changes", ["R...", "R...", "R...", "R..."]),
    ("quotes", ["RCUA", "RCUA", "RC--", "R---"]),
    ("quote-lines", ["RCUA", "RCUA", "R---", "R---"]),
    ("targets", ["RCUA", "RCUA", "R---", "R---"]),
    ("forecast-snapshots", ["RC.A", "RC.A", "R-.-", "R-.-"]),
    ("forecast-snapshot-lines", ["R...", "R...", "R...", "R..."]),
    ("interactions", ["RCUA", "RCUA", "RC--", "R---"]),
    ("interaction-contacts", ["RCUA", "RCUA", "RC--", "R---"]),
    ("tasks", ["RCUA", "RCUA", "RC--", "R---"]),
    ("value-models", ["RCUA", "RCUA", "R---", "R---"]),
    ("value-indicators", ["RCUA", "RCUA", "R---", "R---"]),
    ("value-runs", ["RC..", "RC..", "R-..", "R-.."]),
    ("value-profiles", ["R...", "R...", "R...", "R..."]),
    ("clv-estimates", ["R...", "R...", "R...", "R..."]),
    ("value-scores", ["R...", "R...", "R...", "R..."]),
    ("purchase-models", ["R...", "R...", "R...", "R..."]),
    ("cost-entries", ["RCUA", "RCUA", "RC--", "R---"]),
    ("cost-rates", ["RCUA", "RCUA", "R---", "R---"]),
    ("wallet-estimates", ["RCUA", "RCUA", "RC--", "R---"]),
    ("resource-policies", ["RCUA", "RCUA", "R---", "R---"]),
    ("loyalty-indicators", ["RCUA", "RCUA", "RC--", "R---"]),
    ("loyalty-evidence", ["RCUA", "RCUA", "RC--", "R---"]),
    ("loyalty-assessments", ["R...", "R...", "R...", "R..."]),
    ("loyalty-programs", ["RCUA", "RCUA", "R---", "R---"]),
    ("loyalty-memberships", ["RCU.", "RCU.", "RC-.", "R--."]),
    ("loyalty-tiers", ["RCUA", "RCUA", "R---", "R---"]),
    ("loyalty-rewards", ["RCUA", "RCUA", "R---", "R---"]),
    ("referrals", ["RC.A", "RC.A", "RC.-", "R-.-"]),
    ("point-entries", ["R...", "R...", "R...", "R..."]),
    ("point-postings", ["R...", "R...", "R...", "R..."]),
    ("point-lots", ["R...", "R...", "R...", "R..."]),
    ("tier-changes", ["R...", "R...", "R...", "R..."]),
    ("redemptions", ["R...", "R...", "R...", "R..."]),
    ("lifecycles", ["R...", "R...", "R...", "R..."]),
    ("lifecycle-transitions", ["R...", "R...", "R...", "R..."]),
    ("lifecycle-policies", ["RCUA", "RCUA", "R---", "R---"]),
    ("churn-risks", ["R...", "R...", "R...", "R..."]),
    ("churn-scores", ["R...", "R...", "R...", "R..."]),
    ("churn-models", ["R...", "R...", "R...", "R..."]),
    ("churn-events", ["RCUA", "RCUA", "RC--", "R---"]),
    ("churn-event-corrections", ["R...", "R...", "R...", "R..."]),
    ("retention-plans", ["RCUA", "RCUA", "RC--", "R---"]),
    ("retention-actions", ["RCUA", "RCUA", "RC--", "R---"]),
    ("win-back-cases", ["RCUA", "RCUA", "RC--", "R---"]),
    ("connectors", ["RCUA", "RCUA", "R---", "R---"]),
    ("connector-fields", ["RCUA", "RCUA", "R---", "R---"]),
    ("webhook-endpoints", ["RCUA", "RCUA", "R---", "R---"]),
    ("webhook-deliveries", ["R...", "R...", "R...", "R..."]),
    ("webhook-attempts", ["R...", "R...", "R...", "R..."]),
    ("jobs", ["R...", "R...", "R...", "R..."]),
    ("schedules", ["R.U.", "R.U.", "R.-.", "R.-."]),
    ("bulk-loads", ["R...", "R...", "R...", "R..."]),
    ("tenants", ["R.U.", "R.-.", "R.-.", "R.-."]),
    ("users", ["RCUA", "R---", "R---", "R---"]),
    ("teams", ["RCUA", "R---", "R---", "R---"]),
    ("memberships", ["RCUA", "R---", "R---", "R---"]),
    ("roles", ["RCUA", "R---", "----", "----"]),
    ("role-assignments", ["RC.A", "R-.-", "--.-", "--.-"]),
    ("api-keys", ["R.UA", "-.--", "-.--", "-.--"]),
];

#[actix_web::test]
async fn the_built_in_roles_may_do_what_the_table_says_through_both_doors() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let ids = one_of_each(&stage, &tenant).await;
    let names: Vec<&str> = VERDICTS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, entries().iter().map(|entry| entry.name).collect::<Vec<_>>(), "each resource has its row");
    let roles = ["ADMIN", "MANAGER", "MEMBER", "READ_ONLY"].map(|role| stage.as_role(&tenant, role));
    let all = roots(&stage.admin(&tenant)).await;
    for (name, expected) in VERDICTS {
        let (mut rest, mut graphql) = (Vec::new(), Vec::new());
        for client in &roles {
            rest.push(over_rest(client, name, &ids).await);
            graphql.push(over_graphql(client, name, &all, &ids).await);
        }
        assert_eq!(rest, expected, "{name} over REST");
        assert_eq!(graphql, expected, "{name} over GraphQL");
    }
}

async fn over_rest(client: &Client, name: &str, ids: &Ids) -> String {
    let (base, one) = (format!("/v1/{name}"), format!("/v1/{name}/{}", ids[name]));
    let entry = records::entry(name);
    let new = if entry.offers(Verb::Create) { body(name, ids) } else { json!({}) };
    let change = records::change(name);
    let bytes = |body: &Value| Some(body.to_string().into_bytes());
    let mut verdicts = String::new();
    for (letter, method, path, body) in [
        ('R', "GET", one.clone(), None),
        ('C', "POST", format!("{base}?dryRun=true"), bytes(&new)),
        ('U', "PATCH", format!("{one}?dryRun=true"), bytes(change.as_ref().unwrap_or(&json!({})))),
        ('A', "DELETE", format!("{one}?dryRun=true"), None),
    ] {
        let answer = client.send(method, &path, body).await;
        verdicts.push(match answer.status {
            _ if letter == 'U' && change.is_none() => '.',
            // Refused for another reason than a right.
            200..=299 | 409 => letter,
            403 => '-',
            405 => '.',
            other => panic!("{method} {path}: {other} {}", answer.body),
        });
    }
    let listed = client.get(&base).await.status;
    assert_eq!(listed == 200, verdicts.starts_with('R'), "{name}: list and get agree");
    verdicts
}

async fn over_graphql(client: &Client, name: &str, all: &[Root], ids: &Ids) -> String {
    let entry = records::entry(name);
    let mut verdicts = String::new();
    for (letter, suffix) in [('R', ""), ('C', "Create"), ('U', "Update"), ('A', "Archive")] {
        // Keys are made in a way of their own, which has no dry run.
        let offered = suffix != "Create" || entry.offers(Verb::Create);
        let name_of = format!("{}{suffix}", entry.singular);
        let Some(root) = all.iter().find(|root| offered && root.name == name_of) else {
            verdicts.push('.');
            continue;
        };
        let mut variables = root.variables(ids, &ids[name]);
        if root.mutation {
            variables["dryRun"] = json!(true);
        }
        let answer = client.graphql(&root.document(), variables).await.expect(200);
        let code = answer.at("/errors/0/extensions/code").as_str();
        verdicts.push(match code {
            None | Some("CONFLICT") => letter,
            Some("FORBIDDEN") => '-',
            Some(other) => panic!("{}: {other} {}", root.name, answer.body),
        });
    }
    verdicts
}
