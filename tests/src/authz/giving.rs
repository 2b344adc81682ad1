//! Rights are given by those who have them: roles, assignments, keys and passwords are no way to more.

use super::with_grants;
use crate::tenancy::UNKNOWN;
use kith_testkit::{Client, Stage, Tenant};
use serde_json::{Value, json};
use uuid::Uuid;

fn built_in(stage: &Stage, tenant: &Tenant, name: &str) -> Uuid {
    let role = stage.app.db.read(tenant.id, |conn| kith_identity::role::built_in(conn, tenant.id, name));
    role.unwrap().unwrap().0
}

async fn assignment(admin: &Client, user: Uuid) -> String {
    let list = admin.get(&format!("/v1/role-assignments?filter[userId]={user}")).await.expect(200);
    list.at("/data/0/id").as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn nobody_gives_a_right_that_they_lack() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let all = "roles:*:ALL role-assignments:*:ALL api-keys:*:ALL users:*:ALL contacts:READ:TEAM";
    let (user, clerk) = with_grants(&stage, &tenant, all);
    let admin_role = built_in(&stage, &tenant, "ADMIN");
    let role = |grant: [&str; 3]| json!({"name": grant.join(" "), "grants": [{"resource": grant[0], "action": grant[1], "scope": grant[2]}]});
    clerk.post("/v1/roles", role(["contacts", "READ", "OWN"])).await.expect(201);
    clerk.post("/v1/roles", role(["users", "UPDATE", "ALL"])).await.expect(201);
    for grant in [
        ["contacts", "READ", "ALL"],
        ["contacts", "UPDATE", "OWN"],
        ["contacts", "*", "OWN"],
        ["*", "READ", "OWN"],
        ["**", "*", "ALL"],
        ["teams", "READ", "OWN"],
    ] {
        clerk.post("/v1/roles", role(grant)).await.expect(403);
    }
    let strong = stage.make(&tenant, "roles", role(["accounts", "READ", "ALL"]));
    let weak = stage.make(&tenant, "roles", role(["contacts", "READ", "TEAM"]));
    let path = format!("/v1/roles/{weak}");
    clerk.patch(&path, json!({"grants": [{"resource": "**", "action": "*", "scope": "ALL"}]})).await.expect(403);
    for (role, status) in [(strong, 403), (admin_role, 403), (weak, 201)] {
        clerk.post("/v1/role-assignments", json!({"userId": user, "roleId": role})).await.expect(status);
        clerk.post("/v1/auth/api-keys", json!({"name": "key", "roleId": role})).await.expect(status);
        let query = "mutation($user: UUID!, $role: UUID!) { roleAssignmentCreate(input: {userId: $user, roleId: $role}) { id } }";
        let answer = clerk.graphql(query, json!({"user": user, "role": role})).await.expect(200);
        let code = if status == 403 { "FORBIDDEN" } else { "DUPLICATE" };
        assert_eq!(answer.at("/errors/0/extensions/code"), code);
        let item = json!({"op": "create", "data": {"userId": user, "roleId": role}});
        let answer = clerk.post("/v1/role-assignments/batch", json!({"items": [item]})).await.expect(207);
        assert_eq!(answer.at("/results/0/problem/code"), code);
    }
    let nothing = clerk.post("/v1/role-assignments", json!({"userId": user, "roleId": UNKNOWN})).await.expect(422);
    assert_eq!(nothing.at("/errors/0/code"), "UNKNOWN_REFERENCE");
    // Bringing back what somebody else took away is giving, and so is putting another role on a key.
    let second = stage.user(&tenant, "ADMIN");
    let theirs = format!("/v1/role-assignments/{}", assignment(&admin, second).await);
    clerk.delete(&theirs).await.expect(204);
    clerk.post(&format!("{theirs}/restore"), json!({})).await.expect(403);
    let key = clerk.post("/v1/auth/api-keys", json!({"name": "key", "roleId": weak})).await.expect(201);
    let key = format!("/v1/api-keys/{}", key.at("/apiKey/id").as_str().unwrap());
    clerk.patch(&key, json!({"roleId": admin_role})).await.expect(403);
    clerk.patch(&key, json!({"name": "renamed"})).await.expect(200);
}

#[actix_web::test]
async fn a_password_is_set_only_by_those_who_have_every_right_of_its_owner() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let (user, clerk) = with_grants(&stage, &tenant, "users:*:ALL");
    let (other, _) = with_grants(&stage, &tenant, "users:READ:OWN");
    let manager = stage.user(&tenant, "MANAGER");
    let password = |id: Uuid| format!("/v1/users/{id}/password");
    let body = json!({"password": "a new password"});
    clerk.post(&password(tenant.admin), body.clone()).await.expect(403);
    clerk.post(&password(manager), body.clone()).await.expect(403);
    clerk.post(&password(other), body.clone()).await.expect(204);
    stage.client(&tenant, manager).post(&password(other), body.clone()).await.expect(403);
    stage.admin(&tenant).post(&password(user), json!({"password": "short"})).await.expect(422);
    stage.admin(&tenant).post(&password(user), json!({"password": "x".repeat(1_025)})).await.expect(422);
    stage.admin(&tenant).post(&password(user), json!({"password": "x".repeat(1_024)})).await.expect(204);
}

#[actix_web::test]
async fn built_in_roles_cannot_be_changed() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    for name in ["ADMIN", "MANAGER", "MEMBER", "READ_ONLY"] {
        let path = format!("/v1/roles/{}", built_in(&stage, &tenant, name));
        let before = admin.get(&path).await.expect(200);
        assert_eq!(before.at("/isBuiltIn"), true);
        for change in [json!({"name": "x"}), json!({"description": null}), json!({"grants": []})] {
            admin.patch(&path, change).await.expect(409);
        }
        admin.delete(&path).await.expect(409);
        admin.post(&format!("{path}/restore"), json!({})).await.expect(200);
        assert_eq!(admin.get(&path).await.expect(200).body, before.body);
        admin.post("/v1/roles", json!({"name": name, "grants": []})).await.expect(409);
    }
    let made = json!({"name": "x", "grants": [], "isBuiltIn": true});
    admin.post("/v1/roles", made).await.expect(422);
}

#[actix_web::test]
async fn the_last_administrator_stays() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let admin = stage.admin(&tenant);
    let own = format!("/v1/role-assignments/{}", assignment(&admin, tenant.admin).await);
    let user = format!("/v1/users/{}", tenant.admin);
    let archive = "mutation($id: UUID!) { userArchive(id: $id) { id } }";
    for _ in 0..2 {
        admin.delete(&own).await.expect(409);
        admin.delete(&user).await.expect(409);
        admin.patch(&user, json!({"status": "DISABLED"})).await.expect(409);
        let answer = admin.graphql(archive, json!({"id": tenant.admin})).await.expect(200);
        assert_eq!(answer.at("/errors/0/extensions/code"), "CONFLICT");
        // A disabled administrator does not count.
        let second = stage.user(&tenant, "ADMIN");
        stage.admin(&tenant).patch(&format!("/v1/users/{second}"), json!({"status": "DISABLED"})).await.expect(200);
    }
    let second = stage.user(&tenant, "ADMIN");
    admin.delete(&own).await.expect(204);
    let second = stage.client(&tenant, second);
    second.patch(&user, json!({"status": "DISABLED"})).await.expect(200);
    stage.app.known.invalidate_all();
    admin.get("/v1/accounts").await.expect(401);
}

#[test]
fn two_administrators_cannot_take_the_role_from_each_other_at_once() {
    let stage = Stage::with_pool(4);
    let tenant = stage.tenant();
    for _ in 0..5 {
        let second = stage.user(&tenant, "ADMIN");
        let cx = stage.system(&tenant);
        let of = |user: Uuid| {
            let list =
                kith_kernel::ListArgs { filter: json!({"userId": user}).as_object().cloned(), ..Default::default() };
            let entry = crate::tenancy::records::entry("role-assignments");
            let page = kith_kernel::ListSelect {
                entry,
                items: vec![kith_kernel::ListItem::Nodes(
                    kith_kernel::Item::key("data"),
                    kith_kernel::Selection::all(entry),
                )],
            };
            let text = stage.app.db.read(tenant.id, |conn| kith_journal::read::list(conn, &cx, &list, &page)).unwrap();
            let list: Value = serde_json::from_slice(&text).unwrap();
            list["data"][0]["id"].as_str().unwrap().parse::<Uuid>().unwrap()
        };
        let ids = [of(tenant.admin), of(second)];
        let take = |id: Uuid| {
            let (db, cx) = (stage.app.db.clone(), cx.clone());
            std::thread::spawn(move || {
                let entry = crate::tenancy::records::entry("role-assignments");
                let done = db.write(cx.tenant, |conn| {
                    kith_journal::verbs::archive(conn, &cx, entry, id, None).map(|_| kith_db::Verdict::Commit(()))
                });
                done.map_err(|error| error.code.name)
            })
        };
        let hands = ids.map(take);
        let mut done = hands.map(|hand| hand.join().unwrap());
        assert!(done.contains(&Ok(())) && done.contains(&Err("CONFLICT")), "{done:?}");
        done.sort_unstable();
        // Everything back as it was.
        let entry = crate::tenancy::records::entry("role-assignments");
        stage
            .app
            .db
            .write(tenant.id, |conn| {
                kith_journal::verbs::restore(conn, &cx, entry, ids[0], None)?;
                kith_journal::verbs::archive(conn, &cx, entry, ids[1], None).map(|_| kith_db::Verdict::Commit(()))
            })
            .unwrap();
    }
}
