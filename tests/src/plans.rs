//! Every sort order of accounts and contacts is read from an index in the middle of a large list, never by a scan; so are
//! those by what is kept of accounts elsewhere.

use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, ListArgs, Plan, Segment, Statement};
use kith_testkit::{Stage, Tenant};

/// How PostgreSQL reads a page of 50.
fn explained(stage: &Stage, tenant: &Tenant, plan: &Plan<'_>, segment: Segment) -> String {
    let mut explain = Statement::new("EXPLAIN ");
    explain.append(plan.rows(segment, 51).unwrap());
    let lines =
        stage.app.db.read(tenant.id, |conn| Ok(RunQueryDsl::load::<(String,)>(explain.typed::<(st::Text,)>(), conn)?));
    lines.unwrap().into_iter().map(|(line,)| line + "\n").collect()
}

#[test]
fn every_page_in_the_middle_is_read_from_an_index() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let meta = format!(
        "'{}'::uuid, gen_random_uuid(), 1, now() - n * interval '1 minute', now() - n * interval '1 minute'",
        tenant.id
    );
    let fill = format!(
        "INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, annual_revenue_amount, annual_revenue_currency,
            importance_class, importance_source, status)
         SELECT {meta}, 'ORGANIZATION', 'Account ' || n % 700, CASE WHEN n % 3 = 0 THEN n END, CASE WHEN n % 3 = 0 THEN 'EUR' END,
            (ARRAY['VIP', 'KEY', 'ORDINARY'])[1 + n % 3], 'RULE', (ARRAY['ACTIVE', 'INACTIVE'])[1 + n % 2] FROM generate_series(1, 20000) n;
         INSERT INTO contacts (tenant_id, id, version, created_at, updated_at, family_name, name)
         SELECT {meta}, CASE WHEN n % 4 > 0 THEN 'Family ' || n % 900 END, 'Name ' || n % 900 FROM generate_series(1, 20000) n;
         ANALYZE;"
    );
    stage.scratch.owner().batch_execute(&fill).unwrap();
    let cx = stage.system(&tenant);
    for resource in ["accounts", "contacts"] {
        let entry = cx.entry(resource).unwrap();
        for field in entry.fields.iter().filter(|field| field.sort && field.visible()) {
            for sort in [field.name.to_owned(), format!("-{}", field.name)] {
                let args = ListArgs { sort: vec![sort.clone()], ..ListArgs::default() };
                let plan = Plan::new(&cx, entry, &args, None).unwrap();
                let first = plan.segments()[0];
                let cursor = stage.app.db.read(tenant.id, |conn| {
                    let rows = (entry.load)(conn, &plan.rows(first, 4_000)?)?;
                    Ok(plan.cursor_at(rows.row(rows.len() - 1).unwrap(), false))
                });
                let args = ListArgs { cursor: Some(cursor.unwrap()), ..args };
                let plan = Plan::new(&cx, entry, &args, None).unwrap();
                for segment in plan.segments() {
                    let text = explained(&stage, &tenant, &plan, segment);
                    assert!(
                        !text.contains("Seq Scan") && !text.contains("Sort"),
                        "{resource} by {sort}, {segment:?}:\n{text}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_page_by_what_is_kept_walks_the_index_of_what_is_kept() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    let amount = |name: &str| format!("{name}_amount, {name}_currency");
    let fill = format!(
        "INSERT INTO accounts (tenant_id, id, version, created_at, updated_at, kind, name, importance_class, importance_source, status)
         SELECT '{}'::uuid, gen_random_uuid(), 1, now(), now(), 'ORGANIZATION', 'Account ' || n, 'ORDINARY', 'RULE', 'ACTIVE'
         FROM generate_series(1, 20000) n;
         INSERT INTO value_profiles (tenant_id, id, version, created_at, updated_at, account_id, as_of, state, reasons, occasions,
            window_occasions, {}, potential_parts, contributions, layer, value_class, importance, score)
         SELECT tenant_id, id, 1, now(), now(), id, now(), 'OK', '[]', 1, 1,
            n % 900, 'EUR', n % 70, 'EUR', 0, 'EUR', 0, 'EUR', 0, 'EUR', 0, 'EUR', '[]', '[]',
            (ARRAY['TOP', 'LARGE', 'SMALL'])[1 + n % 3], 'GOLD', 'KEY', CASE WHEN n % 10 > 0 THEN n % 700 / 7.0 END
         FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM accounts) accounts WHERE n % 20 > 0;
         ANALYZE;",
        tenant.id,
        ["revenue", "profit", "cost_to_serve", "lifetime_revenue", "lifetime_profit", "acquisition_cost"]
            .map(amount)
            .join(", "),
    );
    stage.scratch.owner().batch_execute(&fill).unwrap();
    let cx = stage.system(&tenant);
    let accounts = cx.entry("accounts").unwrap();
    for (sort, index) in [
        ("valueProfile.score", "value_profiles_score_idx"),
        ("-valueProfile.score", "value_profiles_score_idx"),
        ("-valueProfile.revenue", "value_profiles_revenue_amount_idx"),
        ("valueProfile.layer", "value_profiles_layer_idx"),
        ("-valueProfile.score,name", "value_profiles_score_idx"),
        ("name,-valueProfile.score", "accounts_name_idx"),
    ] {
        let mut args = ListArgs { sort: sort.split(',').map(str::to_owned).collect(), ..ListArgs::default() };
        for page in ["the first page", "a page in the middle", "a page read backwards"] {
            let mut plan = Plan::new(&cx, accounts, &args, None).unwrap();
            let segment = plan.segments()[0];
            let text = explained(&stage, &tenant, &plan, segment);
            let sorted = text.lines().any(|line| line.trim_start_matches([' ', '-', '>']).starts_with("Sort  ("));
            assert!(
                text.contains(index) && !text.contains("Seq Scan") && !sorted,
                "accounts by {sort}, {page}, {segment:?}:\n{text}"
            );
            // An order by one key alone needs no sorting at all, since the id stands in the index too.
            assert!(sort.contains(',') || !text.contains("Sort"), "accounts by {sort}, {page}:\n{text}");
            let cursor = stage.app.db.read(tenant.id, |conn| {
                let rows = (accounts.load)(conn, &plan.rows(segment, 4_000)?)?;
                let last = rows.row(rows.len() - 1).unwrap();
                let kept = kith_journal::store::find_many(conn, &cx, plan.kept()[0], &[last.meta().id])?;
                plan.remember(0, kept.as_ref());
                Ok(plan.cursor_at(last, page == "a page in the middle"))
            });
            args.cursor = Some(cursor.unwrap());
        }
    }
}

/// How PostgreSQL reads what a statement asks for.
fn explained_statement(stage: &Stage, tenant: &Tenant, statement: Statement) -> String {
    let mut explain = Statement::new("EXPLAIN ");
    explain.append(statement);
    let lines =
        stage.app.db.read(tenant.id, |conn| Ok(RunQueryDsl::load::<(String,)>(explain.typed::<(st::Text,)>(), conn)?));
    // Lists of a thousand values say nothing.
    lines.unwrap().into_iter().map(|(line,)| line.chars().take(300).chain(['\n']).collect::<String>()).collect()
}

#[test]
fn many_rows_are_looked_up_by_key_even_where_the_statistics_are_of_an_empty_table() {
    let stage = Stage::new();
    let tenant = stage.tenant();
    // What a first large load meets: PostgreSQL has last looked at the tables when there was nothing in them.
    let fill = format!(
        "ALTER TABLE external_ids SET (autovacuum_enabled = false);
         ALTER TABLE contacts SET (autovacuum_enabled = false);
         VACUUM ANALYZE external_ids;
         VACUUM ANALYZE contacts;
         INSERT INTO contacts (tenant_id, id, version, created_at, updated_at, name)
         SELECT '{0}', gen_random_uuid(), 1, now(), now(), 'Name ' || n FROM generate_series(1, 20000) n;
         INSERT INTO external_ids (tenant_id, id, version, created_at, updated_at, subject_type, subject_id, system, external_id)
         SELECT '{0}', id, 1, now(), now(), 'CONTACT', id, 'erp', 'C-' || name FROM contacts;",
        tenant.id
    );
    for statement in fill.split_inclusive(';') {
        stage.scratch.owner().batch_execute(statement).unwrap();
    }
    let cx = stage.system(&tenant);
    let keys: Vec<String> = (0..1_000).map(|n| format!("C-Name {n}")).collect();
    let keys: Vec<_> = keys.iter().map(|key| ("CONTACT", "erp", key.as_str())).collect();
    let text = explained_statement(&stage, &tenant, kith_journal::keys::looked_up(&cx, &keys));
    // Two indexes have the key in them; with these statistics they look alike.
    let conditions: Vec<_> = text.lines().filter(|line| line.contains("Index Cond")).collect();
    assert!(!text.contains("Seq Scan") && conditions.len() == 1 && conditions[0].contains("external_id = "), "{text}");
    let found = stage.app.db.read(tenant.id, |conn| kith_journal::keys::find(conn, &cx, &keys)).unwrap();
    assert_eq!((found.iter().flatten().count(), found[0]), (999, None), "Name 0 is not there, the others are");

    let entry = cx.entry("contacts").unwrap();
    for count in [100, 1_000] {
        let ids = Bind::Uuids((0..count).map(|_| cx.new_id()).collect());
        let rows = kith_journal::store::looked_up(&cx, entry, &entry.columns, "id", ids, |_| {});
        let text = explained_statement(&stage, &tenant, rows);
        assert!(text.contains("Index Scan using contacts_pkey") && text.contains("(id = wanted.key)"), "{text}");
    }
}
