//! A mapping of 100,000 records is verified, and exactly the keys that differ are listed; the other side of the tree is
//! computed here by the words of `docs/connectors.md` alone.

use super::connector;
use diesel::connection::SimpleConnection;
use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::time::Instant;

const RECORDS: usize = 100_000;

/// The other side: `[externalId, annualRevenue, industry, name]` by external id.
type Other = BTreeMap<String, Value>;

fn hash(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bucket name → leaves by external id.
fn buckets(other: &Other) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut all: BTreeMap<_, BTreeMap<_, _>> = (0..=255).map(|n| (format!("{n:02x}"), BTreeMap::new())).collect();
    for (key, values) in other {
        let bucket = hex(&hash(key)[..1]);
        all.get_mut(&bucket).unwrap().insert(key.clone(), hash(values.to_string()));
    }
    all
}

fn bucket_hash(leaves: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let mut leaves: Vec<_> = leaves.values().cloned().collect();
    leaves.sort();
    hash(leaves.concat())
}

/// Fills both tables past Kith, and tells the other side the same.
fn fill(stage: &Stage, tenant: &Tenant) -> Other {
    let tenant = tenant.id;
    let id = "('0190a000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
    let sql = format!(
        "INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, industry, annual_revenue_amount,
            annual_revenue_currency, importance_class, importance_source, status)
         SELECT '{tenant}', {id}, 1, now(), now(), 'ORGANIZATION', 'Konto \"' || n || E'\"\\tÄ', CASE WHEN n % 3 > 0 THEN 'I' || n % 7 END,
            CASE WHEN n % 2 = 0 THEN n::numeric / 4 END, CASE WHEN n % 2 = 0 THEN 'EUR' END, 'ORDINARY', 'RULE', 'ACTIVE'
         FROM generate_series(1, {RECORDS}) n;
         INSERT INTO external_ids (tenant_id, id, version, created_at, updated_at, subject_type, subject_id, system, external_id)
         SELECT '{tenant}', gen_random_uuid(), 1, now(), now(), 'ACCOUNT', {id}, 'erp', 'K-' || n FROM generate_series(1, {RECORDS}) n;
         ANALYZE accounts, external_ids;"
    );
    stage.scratch.owner().batch_execute(&sql).unwrap();
    let row = |n: usize| {
        let key = format!("K-{n}");
        let quarter = ["0", "25", "50", "75"][n % 4];
        let quarter = if quarter == "0" { "00" } else { quarter };
        let revenue = json!({"amount": format!("{}.{quarter}", n / 4), "currency": "EUR"});
        let revenue = if n.is_multiple_of(2) { revenue } else { Value::Null };
        let industry = if n.is_multiple_of(3) { Value::Null } else { json!(format!("I{}", n % 7)) };
        (key.clone(), json!([key, revenue, industry, format!("Konto \"{n}\"\tÄ")]))
    };
    (1..=RECORDS).map(row).collect()
}

async fn differences(admin: &Client, erp: &str, buckets: Value) -> Value {
    let body = json!({"resource": "accounts", "fields": ["name", "annualRevenue", "industry"], "buckets": buckets});
    admin.post(&format!("/v1/connectors/{erp}/drift"), body).await.expect(200).body
}

/// What an integrator does: the hashes of all buckets, then the records of those that differ.
async fn differing(admin: &Client, erp: &str, other: &Other) -> (Vec<(String, String)>, u64) {
    let theirs = buckets(other);
    let hashes = |(bucket, leaves): (&String, &_)| json!({"bucket": bucket, "hash": hex(&bucket_hash(leaves))});
    let found = differences(admin, erp, theirs.iter().map(hashes).collect()).await;
    let compared = found["compared"].as_u64().unwrap();
    let names: Vec<_> = found["buckets"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    if names.is_empty() {
        assert_eq!(found["isEqual"], true);
        return (Vec::new(), compared);
    }
    assert_eq!((&found["isEqual"], &found["records"]), (&json!(false), &json!([])));
    let leaf = |(key, leaf): (&String, &Vec<u8>)| json!({"externalId": key, "hash": hex(leaf)});
    let claim = |name: &&str| json!({"bucket": name, "leaves": theirs[*name].iter().map(leaf).collect::<Vec<_>>()});
    let found = differences(admin, erp, names.iter().map(claim).collect()).await;
    assert_eq!(found["buckets"], json!(names), "the same buckets differ");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let records = found["records"].as_array().unwrap().iter();
    (records.map(|one| (text(&one["externalId"]), text(&one["difference"]))).collect(), compared)
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = st::Uuid)]
    subject_id: uuid::Uuid,
}

#[actix_web::test]
async fn a_hundred_thousand_records_are_verified_and_exactly_the_differing_keys_are_listed() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let erp = connector(&admin, &[]).await;
    let mut other = fill(&stage, &tenant);
    let (before, began) = (stage.statements(), Instant::now());
    assert_eq!(differing(&admin, &erp, &other).await, (Vec::new(), RECORDS as u64));
    eprintln!("100,000 records compared in {:?}, {} statements", began.elapsed(), stage.statements() - before);
    assert!(stage.statements() - before < 150, "{} statements", stage.statements() - before);

    // Seven are altered, three are missing here (one of them archived), two there.
    let mut expected = Vec::new();
    let id = |n: usize| format!("0190a000-0000-7000-8000-{n:012x}");
    for (at, n) in [3_usize, 7_001, 20_000, 44_444, 61_234, 88_888].into_iter().enumerate() {
        let change = [json!({"name": "Other"}), json!({"industry": "Other"}), json!({"annualRevenue": null})];
        let change = if n.is_multiple_of(2) { &change[at % 3] } else { &change[at % 2] };
        admin.patch(&format!("/v1/accounts/{}", id(n)), change.clone()).await.expect(200);
        expected.push((format!("K-{n}"), "DIFFERENT"));
    }
    other.get_mut("K-55555").unwrap()[3] = json!("Konto");
    expected.push(("K-55555".to_owned(), "DIFFERENT"));
    admin.delete(&format!("/v1/accounts/{}", id(12))).await.expect(204);
    for key in ["New-1", "ключ"] {
        other.insert(key.to_owned(), json!([key, null, null, "New"]));
    }
    expected.extend(["K-12", "New-1", "ключ"].map(|key| (key.to_owned(), "MISSING_HERE")));
    for key in ["K-100000", "K-5"] {
        other.remove(key);
        expected.push((key.to_owned(), "MISSING_THERE"));
    }
    expected.sort();
    let expected: Vec<_> = expected.into_iter().map(|(key, how)| (key, how.to_owned())).collect();
    assert_eq!(expected.len(), 12);
    let began = Instant::now();
    let (mut found, compared) = differing(&admin, &erp, &other).await;
    found.sort();
    eprintln!("12 differing keys of 100,000 found in {:?}", began.elapsed());
    assert_eq!((found, compared), (expected, RECORDS as u64 - 1));
    tree(&admin, &erp, &stage).await;
}

/// Every level of the tree follows from the one below, down to the records.
async fn tree(admin: &Client, erp: &str, stage: &Stage) {
    let part = |prefix: &str| {
        format!("/v1/connectors/{erp}/drift?resource=accounts&fields=name,industry,annualRevenue&prefix={prefix}")
    };
    let root = admin.get(&part("")).await.expect(200).body;
    assert_eq!(root["fields"], json!(["annualRevenue", "industry", "name"]));
    let raw = |text: &Value| {
        let text = text.as_str().unwrap();
        (0..32).map(|at| u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<_>>()
    };
    let nodes = |part: &Value, name: &str| part[name].as_array().unwrap().clone();
    let joined = |nodes: &[Value]| hex(&hash(nodes.iter().flat_map(|node| raw(&node["hash"])).collect::<Vec<_>>()));
    let (groups, all) = (nodes(&root, "groups"), nodes(&root, "buckets"));
    assert_eq!((groups.len(), all.len(), &root["count"]), (16, 256, &json!(RECORDS - 1)));
    assert_eq!(root["hash"], joined(&groups));
    for (at, group) in groups.iter().enumerate() {
        assert_eq!(group["hash"], joined(&all[at * 16..at * 16 + 16]));
    }
    assert_eq!(all.iter().map(|node| node["count"].as_u64().unwrap()).sum::<u64>(), RECORDS as u64 - 1);
    let group = admin.get(&part("a")).await.expect(200).body;
    assert_eq!((&group["hash"], &group["buckets"]), (&groups[10]["hash"], &json!(all[160..176])));
    let bucket = admin.get(&part("a3")).await.expect(200).body;
    assert_eq!((&bucket["hash"], &bucket["count"]), (&all[163]["hash"], &all[163]["count"]));
    let leaves = nodes(&bucket, "leaves");
    assert_eq!(json!(leaves.len()), bucket["count"]);
    let mut sorted: Vec<_> = leaves.iter().map(|leaf| raw(&leaf["hash"])).collect();
    sorted.sort();
    assert_eq!(bucket["hash"], hex(&hash(sorted.concat())));
    // A leaf of what the API shows of the record.
    let leaf = &leaves[leaves.len() / 2];
    let record = admin.get(&format!("/v1/accounts/{}", leaf["recordId"].as_str().unwrap())).await.expect(200).body;
    let text = json!([leaf["externalId"], record["annualRevenue"], record["industry"], record["name"]]).to_string();
    assert_eq!(leaf["hash"], hex(&hash(text)));
    let key = leaf["externalId"].as_str().unwrap();
    let linked = sql_query(format!("SELECT subject_id FROM external_ids WHERE external_id = '{key}'"));
    let linked = linked.get_result::<Name>(&mut stage.scratch.owner()).unwrap().subject_id;
    assert_eq!(leaf["recordId"], json!(linked));
}

#[actix_web::test]
async fn the_leaf_in_the_documentation_is_that_of_the_server() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let erp = connector(&admin, &[]).await;
    let data = json!({"name": "Example GmbH", "legalName": "Example GmbH & Co. KG", "website": "https://example.com"});
    let body = json!({"records": [{"resource": "accounts", "externalId": "10042", "data": data}]});
    admin.post(&format!("/v1/connectors/{erp}/records"), body).await.expect(207);
    let text = std::fs::read_to_string(crate::tidy::root().join("docs/connectors.md")).unwrap();
    let told = text.split("the text and its hash are:\n\n```\n").nth(1).unwrap();
    let (written, told) = told.split_once('\n').unwrap();
    let told = told.lines().next().unwrap();
    assert_eq!(told, hex(&hash(written)));
    let bucket = hex(&hash("10042")[..1]);
    let path = format!("/v1/connectors/{erp}/drift?resource=accounts&fields=website,legalName&prefix={bucket}");
    assert_eq!(admin.get(&path).await.expect(200).at("/leaves/0/hash"), told);
}

#[actix_web::test]
async fn questions_that_make_no_sense_are_refused_and_graphql_answers_the_same() {
    let stage = Stage::new();
    let admin = stage.admin(&stage.tenant());
    let erp = connector(&admin, &[("name", "NEWEST"), ("industry", "CRM")]).await;
    let body = json!({"records": [{"resource": "accounts", "externalId": "ALFKI", "changedAt": stage.now(), "data": {"name": "Alfreds"}}]});
    admin.post(&format!("/v1/connectors/{erp}/records"), body).await.expect(207);
    let path = format!("/v1/connectors/{erp}/drift");
    for (query, pointer) in [
        ("resource=nothing", "/query/resource"),
        ("", "/query/resource"),
        ("resource=contacts", "/query/fields"),
        ("resource=accounts&fields=name,colour", "/query/fields"),
        ("resource=accounts&prefix=A", "/query/prefix"),
        ("resource=accounts&prefix=abc", "/query/prefix"),
        ("resource=accounts&depth=2", "/query/depth"),
    ] {
        assert_eq!(admin.get(&format!("{path}?{query}")).await.expect(422).pointers(), [pointer], "{query}");
    }
    let zero = "0".repeat(64);
    for (body, pointers) in [
        (json!({}), vec!["/resource", "/buckets"]),
        (
            json!({"resource": "accounts", "fields": "name", "buckets": [], "more": 1}),
            vec!["/more", "/fields", "/buckets"],
        ),
        (json!({"resource": "accounts", "buckets": [{"bucket": "A3", "hash": zero}]}), vec!["/buckets/0/bucket"]),
        (
            json!({"resource": "accounts", "buckets": [{"bucket": "a3"}, {"bucket": "a3", "hash": "x"}]}),
            vec!["/buckets/0", "/buckets/1/hash"],
        ),
        (
            json!({"resource": "accounts", "buckets": [{"bucket": "a3", "hash": zero}, {"bucket": "a3", "hash": zero}]}),
            vec!["/buckets/1/bucket"],
        ),
        (
            json!({"resource": "accounts", "buckets": [{"bucket": "00", "leaves": [{"externalId": "ALFKI", "hash": zero}]}]}),
            vec!["/buckets/0/leaves/0/externalId"],
        ),
    ] {
        assert_eq!(admin.post(&path, body.clone()).await.expect(422).pointers(), pointers, "{body}");
    }
    // The fields that have an authority, unless others are named; nobody's name is alone.
    let rest = admin.get(&format!("{path}?resource=accounts")).await.expect(200);
    assert_eq!((rest.at("/fields"), rest.at("/count")), (&json!(["industry", "name"]), &json!(1)));
    let query = "query($id: UUID!, $buckets: [ConnectorBucketInput!]!) {
        connectorDrift(id: $id, resource: \"accounts\") { fields hash count groups { prefix hash count } }
        connectorDifferences(id: $id, resource: \"accounts\", buckets: $buckets) { isEqual compared records { externalId recordId difference } } }";
    let leaf = hex(&hash(json!(["ALFKI", null, "Alfreds"]).to_string()));
    let bucket = hex(&hash("ALFKI")[..1]);
    let claim = |leaf: &str| json!([{"bucket": bucket, "leaves": [{"externalId": "ALFKI", "hash": leaf}]}]);
    let answer = admin.graphql(query, json!({"id": erp, "buckets": claim(&leaf)})).await.expect(200);
    assert_eq!(answer.at("/data/connectorDrift/hash"), rest.at("/hash"), "{}", answer.body);
    assert_eq!(answer.at("/data/connectorDifferences/isEqual"), true);
    let answer = admin.graphql(query, json!({"id": erp, "buckets": claim(&zero)})).await.expect(200);
    assert_eq!(answer.at("/data/connectorDifferences/records/0/difference"), "DIFFERENT");
}
