//! Every sort order of accounts and contacts is read from an index in the middle of a large list, never by a scan.

use diesel::connection::SimpleConnection;
use diesel::{RunQueryDsl, sql_types as st};
use kith_kernel::{ListArgs, Plan, Statement};
use kith_testkit::Stage;

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
                    let mut explain = Statement::new("EXPLAIN ");
                    explain.append(plan.rows(segment, 51).unwrap());
                    let lines = stage.app.db.read(tenant.id, |conn| {
                        Ok(RunQueryDsl::load::<(String,)>(explain.typed::<(st::Text,)>(), conn)?)
                    });
                    let text: String = lines.unwrap().into_iter().map(|(line,)| line + "\n").collect();
                    assert!(
                        !text.contains("Seq Scan") && !text.contains("Sort"),
                        "{resource} by {sort}, {segment:?}:\n{text}"
                    );
                }
            }
        }
    }
}
