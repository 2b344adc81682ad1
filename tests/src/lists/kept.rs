//! Lists sorted by what is kept of their records under the same id, against a model in Rust on random data.

use super::pages::{Lcg, crowd, in_pages, order};
use super::{ids, relay, same, sorts};
use crate::authz::with_grants;
use kith_db::Verdict;
use kith_journal::derived::put;
use kith_kernel::ids::AccountId;
use kith_kernel::{Currency, Meta, Money, Shape};
use kith_lifecycle::ChurnRisk;
use kith_loyalty::value::profile::Layer;
use kith_loyalty::{ClvEstimate, ValueProfile};
use kith_testkit::{Client, Stage, Tenant};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::HashSet;
use uuid::Uuid;

fn euros(amount: i64) -> Money {
    Money { amount: Decimal::new(amount, 1), currency: Currency::from_code("EUR").unwrap() }
}

/// A crowd of accounts, of which some have profiles, estimates and risks, with ties and with values that are not known.
async fn valued(seed: u64) -> (Stage, Tenant, Client, Lcg) {
    let mut random = Lcg(seed);
    let stage = Stage::new();
    stage.app.clock.stop_at(stage.now());
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    crowd(&stage, &admin, &mut random).await;
    let cx = stage.system(&tenant);
    let all = admin.get("/v1/accounts?limit=500&fields=id").await.expect(200);
    let (mut profiles, mut estimates, mut risks) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids(all.at("/data")) {
        let id: Uuid = id.parse().unwrap();
        let (account_id, meta) = (AccountId(id), || Meta { id, ..Meta::new(&cx) });
        let some = |random: &mut Lcg| (random.below(4) > 0).then(|| Decimal::new(*random.one(&[0, 90, 100, 205]), 1));
        if random.below(3) > 0 {
            let (score, revenue) = (some(&mut random), euros(*random.one(&[0, 75, 100, 10_000])));
            let layer = *random.one(&[Layer::Top, Layer::Large, Layer::Suspect]);
            profiles.push(ValueProfile { account_id, score, revenue, layer, ..ValueProfile::blank(meta()) });
        }
        if random.below(2) > 0 {
            let value = (random.below(3) > 0).then(|| euros(*random.one(&[5, 20, 300])));
            estimates.push(ClvEstimate { account_id, value, ..ClvEstimate::blank(meta()) });
        }
        if random.below(2) > 0 {
            let probability = some(&mut random).map(|tenth| tenth / Decimal::new(1000, 1));
            let value_at_risk = probability.map(|_| euros(*random.one(&[7, 70])));
            risks.push(ChurnRisk { account_id, probability, value_at_risk, ..ChurnRisk::blank(meta()) });
        }
    }
    let kept = stage.app.db.write(tenant.id, |conn| {
        put(conn, &profiles)?;
        put(conn, &estimates)?;
        put(conn, &risks)?;
        Ok(Verdict::Commit(()))
    });
    kept.unwrap();
    (stage, tenant, admin, random)
}

/// All accounts with what is kept of them, as `client` may see it.
async fn accounts(client: &Client, expand: &str) -> Vec<Value> {
    let all = client.get(&format!("/v1/accounts?limit=500&expand={expand}")).await.expect(200);
    all.at("/data").as_array().unwrap().clone()
}

#[actix_web::test]
async fn pages_both_ways_add_up_when_sorted_by_what_is_kept() {
    let (_stage, _tenant, admin, mut random) = valued(11).await;
    let mut rows = accounts(&admin, "valueProfile,clv,churnRisk").await;
    let named = [
        "-valueProfile.score,name",
        "name,-valueProfile.score",
        "clv.value",
        "churnRisk.probability",
        "-churnRisk.valueAtRisk",
        "-valueProfile.revenue",
        "valueProfile.layer,-clv.value,id",
        "annualRevenue,valueProfile.score,-churnRisk.probability,status,name",
    ];
    let parts = [
        "valueProfile.score",
        "valueProfile.revenue",
        "valueProfile.layer",
        "clv.value",
        "churnRisk.probability",
        "churnRisk.valueAtRisk",
        "name",
        "annualRevenue",
    ];
    let mut chance = || {
        let mut keys: Vec<&str> = Vec::new();
        while keys.len() < 1 + random.below(3) {
            let part = *random.one(&parts);
            if !keys.contains(&part) {
                keys.push(part);
            }
        }
        let keys = keys.iter().map(|key| if random.below(2) == 0 { format!("-{key}") } else { (*key).to_owned() });
        keys.collect::<Vec<_>>().join(",")
    };
    let random: Vec<String> = (0..4).map(|_| chance()).collect();
    for sort in named.into_iter().chain(random.iter().map(String::as_str)) {
        order(&mut rows, sort);
        in_pages(&admin, "accounts", sort, &ids(&json!(rows))).await;
    }
}

#[actix_web::test]
async fn a_cursor_goes_on_where_its_page_ended_whatever_came_in_before() {
    let (stage, tenant, admin, _) = valued(12).await;
    let path = "/v1/accounts?fields=id&sort=-valueProfile.score";
    let whole = ids(admin.get(&format!("{path}&limit=500")).await.expect(200).at("/data"));
    let page = admin.get(&format!("{path}&limit=10")).await.expect(200);
    let cursor = page.at("/page/nextCursor").as_str().unwrap();
    // The last comes first, and a new one comes last.
    let id: Uuid = whole.last().unwrap().parse().unwrap();
    let cx = stage.system(&tenant);
    let best = ValueProfile {
        account_id: AccountId(id),
        score: Some(Decimal::ONE_HUNDRED),
        ..ValueProfile::blank(Meta { id, ..Meta::new(&cx) })
    };
    stage.app.db.write(tenant.id, |conn| Ok(Verdict::Commit(put(conn, std::slice::from_ref(&best))?))).unwrap();
    let rest = admin.get(&format!("{path}&limit=500&cursor={cursor}")).await.expect(200);
    assert_eq!(ids(rest.at("/data")), whole[10..whole.len() - 1]);
    assert_eq!(ids(admin.get(&format!("{path}&limit=1")).await.expect(200).at("/data")), [id.to_string()]);
    // It is bound to its order and its tenant.
    let stranger = stage.admin(&stage.tenant());
    for sort in ["valueProfile.score", "-valueProfile.score,id", "-clv.value", "-churnRisk.probability", "name"] {
        let answer = admin.get(&format!("/v1/accounts?sort={sort}&cursor={cursor}")).await.expect(422);
        assert_eq!(answer.code(), "INVALID_CURSOR", "{sort}");
    }
    assert_eq!(stranger.get(&format!("{path}&cursor={cursor}")).await.expect(422).code(), "INVALID_CURSOR");
    let answer = relay(&admin, "accounts", &json!({}), "-clv.value", json!({"after": cursor})).await;
    assert_eq!(answer.at("/errors/0/extensions/code"), "INVALID_CURSOR");
}

#[actix_web::test]
async fn what_is_kept_costs_one_statement_more_however_long_the_page() {
    let (stage, _tenant, admin, _) = valued(13).await;
    let count = async |sort: &str, limit: usize| {
        let before = stage.statements();
        admin.get(&format!("/v1/accounts?fields=id&sort={sort}&limit={limit}")).await.expect(200);
        stage.statements() - before
    };
    let plain = count("name", 20).await;
    for limit in [1, 5, 20] {
        assert_eq!(count("-valueProfile.score", limit).await, plain + 1, "{limit}");
        assert_eq!(count("name,valueProfile.score,-valueProfile.revenue", limit).await, plain + 1, "{limit}");
        assert_eq!(count("name,valueProfile.score,clv.value", limit).await, plain + 2, "{limit}");
    }
}

#[actix_web::test]
async fn what_may_not_be_read_does_not_steer_the_order() {
    let (stage, tenant, admin, _) = valued(14).await;
    let (_, blind) = with_grants(&stage, &tenant, "accounts:READ:ALL clv-estimates:READ:ALL");
    blind.get("/v1/accounts?sort=-clv.value").await.expect(200);
    for sort in ["valueProfile.score", "-clv.value,valueProfile.revenue"] {
        let answer = blind.get(&format!("/v1/accounts?sort={sort}")).await.expect(422);
        assert_eq!(answer.at("/errors/0/code"), "FORBIDDEN", "{}", answer.body);
        assert_eq!(answer.pointers(), ["/query/sort"]);
        assert!(answer.at("/errors/0/detail").as_str().unwrap().contains("value-profiles:READ"), "{}", answer.body);
        let answer = relay(&blind, "accounts", &json!({}), sort, json!({})).await;
        assert_eq!(answer.at("/errors/0/extensions/errors/0/code"), "FORBIDDEN", "{}", answer.body);
    }
    // Who may read all accounts, but the profiles of their own alone, sees the others as if they had none.
    let (user, near) =
        with_grants(&stage, &tenant, "accounts:READ:ALL value-profiles:READ:OWN clv-estimates:READ:TEAM");
    let team = stage.make(&tenant, "teams", json!({"name": "North"}));
    stage.make(&tenant, "memberships", json!({"userId": user, "teamId": team}));
    for (at, row) in accounts(&admin, "valueProfile").await.iter().enumerate() {
        let change = [json!({"ownerId": user}), json!({"teamId": team}), json!({})][at % 3].clone();
        admin.patch(&format!("/v1/accounts/{}", row["id"].as_str().unwrap()), change).await.expect(200);
    }
    let mut rows = accounts(&near, "valueProfile,clv").await;
    let known = |name: &str| rows.iter().filter(|row| !row[name].is_null()).count();
    let all = accounts(&admin, "valueProfile,clv").await;
    let had = |name: &str| all.iter().filter(|row| !row[name].is_null()).count();
    assert!(0 < known("valueProfile") && known("valueProfile") < had("valueProfile"));
    assert!(known("clv") < had("clv") && known("clv") > 0);
    for sort in [
        "-valueProfile.score",
        "valueProfile.revenue,name",
        "name,-valueProfile.score",
        "clv.value,-valueProfile.layer",
    ] {
        order(&mut rows, sort);
        in_pages(&near, "accounts", sort, &ids(&json!(rows))).await;
    }
}

#[actix_web::test]
async fn lists_inside_records_are_sorted_by_what_is_kept_too() {
    let (_stage, _tenant, admin, mut random) = valued(15).await;
    let all = accounts(&admin, "valueProfile,clv").await;
    let parents: Vec<&str> = all[..3].iter().map(|row| row["id"].as_str().unwrap()).collect();
    let mut families = [Vec::new(), Vec::new(), Vec::new()];
    for row in &all[3..] {
        let at = random.below(3);
        let change = json!({"parentId": parents[at]});
        admin.patch(&format!("/v1/accounts/{}", row["id"].as_str().unwrap()), change).await.expect(200);
        families[at].push(row.clone());
    }
    let query = "query($p: [UUID!], $s: [AccountSort!], $first: Int, $last: Int, $after: String) {
        accounts(filter: {id: {in: $p}}) { nodes { id
            children(sort: $s, first: $first, last: $last, after: $after) {
                nodes { id } edges { cursor } pageInfo { endCursor hasNextPage } } } } }";
    let of = |answer: &Value, parent: &str| {
        let found = answer["data"]["accounts"]["nodes"].as_array().unwrap().iter().find(|node| node["id"] == parent);
        found.unwrap()["children"].clone()
    };
    for sort in ["-valueProfile.score", "clv.value,-name", "name,valueProfile.layer,clv.value"] {
        for (parent, family) in parents.iter().zip(&mut families) {
            order(family, sort);
            let whole = ids(&json!(family));
            let ask = async |page: Value| {
                let mut variables = page;
                variables["p"] = json!(parents);
                variables["s"] = json!(sorts(sort));
                of(&admin.graphql(query, variables).await.expect(200).body, parent)
            };
            assert_eq!(ids(&ask(json!({"first": 100})).await["nodes"]), whole, "{sort}");
            assert_eq!(ids(&ask(json!({"last": 4})).await["nodes"]), whole[whole.len() - 4..], "{sort}");
            let (mut seen, mut after) = (Vec::new(), Value::Null);
            loop {
                let page = ask(json!({"first": 6, "after": after})).await;
                assert_eq!(page["edges"].as_array().unwrap().last().unwrap()["cursor"], page["pageInfo"]["endCursor"]);
                seen.extend(ids(&page["nodes"]));
                after = page["pageInfo"]["endCursor"].clone();
                if page["pageInfo"]["hasNextPage"] != true {
                    break;
                }
                assert!(seen.len() <= whole.len(), "{sort} does not end");
            }
            assert_eq!(seen, whole, "{sort}");
        }
    }
}

#[actix_web::test]
async fn only_sortable_fields_of_what_is_kept_are_taken_and_the_rest_is_named() {
    let (_stage, _tenant, admin, _) = valued(16).await;
    for (sort, code) in [
        ("valueProfile", "UNKNOWN_FIELD"),
        ("valueProfile.", "UNKNOWN_FIELD"),
        (".score", "UNKNOWN_FIELD"),
        ("valueProfile.id", "UNKNOWN_FIELD"),
        ("valueProfile.reasons", "UNKNOWN_FIELD"),
        ("valueProfile.layerProposed", "UNKNOWN_FIELD"),
        ("valueProfile.account.name", "UNKNOWN_FIELD"),
        ("owner.name", "UNKNOWN_FIELD"),
        ("parent.name", "UNKNOWN_FIELD"),
        ("contacts.name", "UNKNOWN_FIELD"),
        ("valueProfile.score,-valueProfile.score", "DUPLICATE"),
    ] {
        let got = admin.get(&format!("/v1/accounts?sort={sort}")).await.expect(422);
        let posted = admin.post("/v1/accounts/query", json!({"sort": sort})).await.expect(422);
        assert_eq!((got.pointers(), posted.pointers()), (vec!["/query/sort"], vec!["/sort"]), "{sort}");
        assert_eq!((got.at("/errors/0/code"), posted.at("/errors/0/code")), (&json!(code), &json!(code)), "{sort}");
        let told = got.at("/errors/0/detail").as_str().unwrap().to_owned();
        assert!(code == "DUPLICATE" || told.contains("valueProfile.score, ") && told.contains("clv.value"), "{told}");
    }
    // No two of them have the same name in GraphQL, and the contract names them.
    let document = kith_api::openapi::document(kith_api::catalogue());
    let described = document["paths"]["/v1/accounts"]["get"]["parameters"].to_string();
    assert!(described.contains("`churnRisk.valueAtRisk`") && !described.contains("`valueProfile.reasons`"));
    for entry in kith_api::catalogue().entries() {
        let names: Vec<String> =
            kith_kernel::sortable(kith_api::catalogue(), entry).flat_map(|found| sorts(&found.name)).collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{}", entry.name);
    }
}

#[actix_web::test]
async fn lists_are_filtered_by_what_is_kept() {
    let (_stage, _tenant, admin, _) = valued(17).await;
    let rows = accounts(&admin, "valueProfile,churnRisk").await;
    let top = |row: &&Value| row["valueProfile"]["layer"] == "TOP";
    let expected: Vec<Value> = rows.iter().filter(top).cloned().collect();
    assert!(!expected.is_empty() && expected.len() < rows.len());
    let filter = json!({"valueProfile": {"layer": {"eq": "TOP"}}});
    assert_eq!(same(&admin, "accounts", &filter, "").await, ids(&json!(expected)));
    let got = admin.get("/v1/accounts?limit=500&filter[valueProfile][layer]=TOP").await.expect(200);
    assert_eq!(ids(got.at("/data")), ids(&json!(expected)));
    let mut both: Vec<Value> = expected.into_iter().filter(|row| !row["churnRisk"]["probability"].is_null()).collect();
    order(&mut both, "-churnRisk.probability");
    let filter = json!({"valueProfile": {"layer": {"eq": "TOP"}}, "churnRisk": {"probability": {"isNull": false}}});
    assert_eq!(same(&admin, "accounts", &filter, "-churnRisk.probability").await, ids(&json!(both)));
}

#[actix_web::test]
async fn the_page_of_an_account_shows_its_value_and_what_is_open_and_latest() {
    let (stage, tenant, admin, _) = valued(18).await;
    let rows = accounts(&admin, "valueProfile,clv,lifecycle,churnRisk").await;
    let known = |row: &&Value| ["valueProfile", "clv", "churnRisk"].iter().all(|name| !row[*name].is_null());
    let row = rows.iter().find(known).unwrap();
    let id = row["id"].as_str().unwrap();
    let make = |resource: &str, body: Value| stage.make(&tenant, resource, body).to_string();
    let pipeline = make("pipelines", json!({"name": "Sales"}));
    let [open, won] = [("Talk", "OPEN", 1, 20), ("Won", "WON", 2, 100)].map(|(name, kind, position, probability)| {
        let body = json!({"pipelineId": pipeline, "name": name, "kind": kind, "position": position, "probability": probability});
        make("stages", body)
    });
    let chance = |stage: &str, close: &str| {
        let body = json!({"name": close, "accountId": id, "stageId": stage, "closeDate": close});
        make("opportunities", body)
    };
    let (later, _, sooner) = (chance(&open, "2027-03-31"), chance(&won, "2026-01-31"), chance(&open, "2027-01-31"));
    let at = |day: u32| format!("2026-0{day}-01T09:00:00Z");
    let orders = [2, 5, 3].map(|day| make("orders", json!({"accountId": id, "currency": "EUR", "orderedAt": at(day)})));
    let touches = [4, 1, 6].map(|day| {
        make(
            "interactions",
            json!({"accountId": id, "channel": "PHONE", "direction": "OUTBOUND", "occurredAt": at(day)}),
        )
    });
    let page = admin.get(&format!("/v1/accounts/{id}/360")).await.expect(200);
    for name in ["valueProfile", "clv", "lifecycle", "churnRisk"] {
        assert_eq!(page.at(&format!("/{name}")), &row[name], "{name}");
    }
    let listed = |name: &str| ids(page.at(&format!("/{name}/data")));
    assert_eq!(listed("opportunities"), [sooner, later]);
    assert_eq!(listed("orders"), [1, 2, 0].map(|at| orders[at].clone()));
    assert_eq!(listed("interactions"), [2, 0, 1].map(|at| touches[at].clone()));
    // What may not be read is left out, and the rest is there.
    let (_, few) = with_grants(&stage, &tenant, "accounts:READ:ALL clv-estimates:READ:ALL orders:READ:ALL");
    let page = few.get(&format!("/v1/accounts/{id}/360")).await.expect(200);
    assert_eq!((page.at("/clv"), ids(page.at("/orders/data")).len()), (&row["clv"], 3));
    for name in ["valueProfile", "churnRisk", "lifecycle", "opportunities", "interactions", "notes"] {
        assert!(page.body.get(name).is_none(), "{name}");
    }
    // As many statements for another account, with less of everything.
    let count = async |id: &str| {
        let before = stage.statements();
        admin.get(&format!("/v1/accounts/{id}/360")).await.expect(200);
        stage.statements() - before
    };
    assert_eq!(count(id).await, count(rows.last().unwrap()["id"].as_str().unwrap()).await);
}
