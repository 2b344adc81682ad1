//! What must hold of every table, now and later: asked of PostgreSQL's own catalogue.

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types as st};
use kith_kernel::{About, Entry, Field, Kind};
use kith_testkit::Scratch;
use std::collections::BTreeMap;

/// Tables that are read before a tenant is known. This list may only shrink.
const GLOBAL: [&str; 4] = ["__diesel_schema_migrations", "instance", "job_wakes", "tenant_directory"];

#[derive(QueryableByName, Debug)]
struct Fault {
    #[diesel(sql_type = st::Text)]
    what: String,
}

fn faults(scratch: &Scratch, query: &str) -> Vec<String> {
    let global = GLOBAL.map(|name| format!("'{name}'")).join(", ");
    let query = query.replace("{tenant_tables}", &format!("pg_class t WHERE t.relkind IN ('r', 'p') AND t.relnamespace = 'public'::regnamespace AND t.relname NOT IN ({global})"));
    sql_query(query).load::<Fault>(&mut scratch.owner()).unwrap().into_iter().map(|fault| fault.what).collect()
}

#[test]
fn every_tenant_table_is_protected() {
    let scratch = Scratch::new().unwrap();
    let none: Vec<String> = Vec::new();
    let all = faults(&scratch, "SELECT t.relname::text AS what FROM {tenant_tables}");
    assert!(all.len() > 20, "the query finds tables: {all:?}");
    let query =
        "SELECT t.relname::text AS what FROM {tenant_tables} AND NOT (t.relrowsecurity AND t.relforcerowsecurity)";
    assert_eq!(faults(&scratch, query), none, "row-level security is enabled and forced");
    let query = "SELECT t.relname::text AS what FROM {tenant_tables} AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid \
                 AND pg_get_expr(p.polqual, t.oid) LIKE '%tenant_id = %app.tenant%')";
    assert_eq!(faults(&scratch, query), none, "a policy binds the tenant");
    let query = "SELECT t.relname || '.' || i.relname AS what FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN {tenant_tables} \
                 AND t.oid = x.indrelid AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = x.indkey[0]) IS DISTINCT FROM 'tenant_id'";
    let query = query
        .replace("JOIN {tenant_tables} \n", "JOIN {tenant_tables} ")
        .replace("JOIN {tenant_tables}", ", {tenant_tables}");
    assert_eq!(faults(&scratch, &query), none, "every index begins with the tenant");
    let query = "SELECT t.relname || '.' || c.conname AS what FROM pg_constraint c, {tenant_tables} AND c.conrelid = t.oid AND c.contype IN ('p', 'u', 'f') \
                 AND (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = c.conkey[1]) IS DISTINCT FROM 'tenant_id'";
    assert_eq!(faults(&scratch, query), none, "every key begins with the tenant");
    let query = "SELECT t.relname || '.' || g.tgname AS what FROM pg_trigger g, {tenant_tables} AND g.tgrelid = t.oid AND NOT g.tgisinternal";
    assert_eq!(faults(&scratch, query), none, "no triggers");
    let query = "SELECT t.relname::text AS what FROM {tenant_tables} AND obj_description(t.oid) IS NULL";
    assert_eq!(faults(&scratch, query), none, "every table is described");
    let query = "SELECT t.relname::text AS what FROM {tenant_tables} AND pg_get_userbyid(t.relowner) = 'kith_app'";
    assert_eq!(faults(&scratch, query), none, "the application owns nothing");
    let query = "SELECT r.rolname::text AS what FROM pg_roles r WHERE r.rolname = 'kith_app' AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb)";
    assert_eq!(faults(&scratch, query), none, "the application's role has no power of its own");
    let query = "SELECT t.relname || '.' || c.conname AS what FROM pg_constraint c, {tenant_tables} AND c.conrelid = t.oid AND c.conname NOT LIKE t.relname || '\\_%'";
    assert_eq!(faults(&scratch, query), none, "constraints carry their table's name");
}

#[test]
fn the_journal_can_only_be_added_to() {
    let scratch = Scratch::new().unwrap();
    let query = "SELECT g.table_name || ' ' || g.privilege_type AS what FROM information_schema.role_table_grants g \
                 WHERE g.grantee = 'kith_app' AND g.table_name IN ('audit_log', 'change_log') AND g.privilege_type NOT IN ('SELECT', 'INSERT')";
    assert_eq!(faults(&scratch, query), Vec::<String>::new());
    let query = "SELECT g.table_name || ' ' || g.privilege_type AS what FROM information_schema.role_table_grants g \
                 WHERE g.grantee = 'kith_app' AND g.privilege_type IN ('DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER') \
                 AND g.table_name NOT LIKE '%\\_drafts' AND g.table_name NOT IN ('idempotency_keys', 'pushed_changes', 'credentials', 'refresh_tokens', 'customer_days', \
                 'customer_products', 'customer_touches', 'value_scores', 'churn_scores', 'jobs', 'job_wakes', 'bulk_parts', 'bulk_results', \
                 'webhook_secrets', 'webhook_deliveries')";
    assert_eq!(faults(&scratch, query), Vec::<String>::new(), "records are archived, not deleted");
}

#[test]
fn without_a_tenant_no_row_is_visible() {
    let stage = kith_testkit::Stage::new();
    stage.tenant();
    let nil = uuid::Uuid::nil();
    for entry in stage.app.catalogue.entries() {
        let statement = kith_kernel::Statement::new(format!("SELECT count(*) FROM {}", entry.table));
        let counted = stage
            .app
            .db
            .read(nil, |conn| Ok(RunQueryDsl::get_result::<(i64,)>(statement.typed::<(st::BigInt,)>(), conn)?.0));
        assert_eq!(counted.unwrap(), 0, "{}", entry.table);
    }
}

#[derive(QueryableByName, Debug, Clone)]
struct Column {
    #[diesel(sql_type = st::Text)]
    table_name: String,
    #[diesel(sql_type = st::Text)]
    column_name: String,
    #[diesel(sql_type = st::Text)]
    udt_name: String,
    #[diesel(sql_type = st::Bool)]
    nullable: bool,
}

fn columns(scratch: &Scratch) -> BTreeMap<String, Vec<Column>> {
    let query = "SELECT c.table_name::text, c.column_name::text, c.udt_name::text, c.is_nullable = 'YES' AS nullable FROM information_schema.columns c \
                 WHERE c.table_schema = 'public' AND c.table_name <> '__diesel_schema_migrations' ORDER BY c.table_name, c.ordinal_position";
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for column in sql_query(query).load::<Column>(&mut scratch.owner()).unwrap() {
        tables.entry(column.table_name.clone()).or_default().push(column);
    }
    tables
}

/// The PostgreSQL type of each column of a field.
fn types(field: &Field) -> &'static [&'static str] {
    match field.kind {
        Kind::Text | Kind::Enum(..) => &["text"],
        Kind::Bool => &["bool"],
        Kind::Int => &["int4"],
        Kind::Decimal | Kind::Rate => &["numeric"],
        Kind::Money => &["numeric", "text"],
        Kind::Date => &["date"],
        Kind::Time => &["timestamptz"],
        Kind::Id(_) => &["uuid"],
        Kind::Json => &["jsonb"],
    }
}

#[test]
fn every_field_has_its_column_and_every_sort_its_index() {
    let scratch = Scratch::new().unwrap();
    let tables = columns(&scratch);
    for entry in kith_api::catalogue().entries() {
        let table = tables.get(entry.table).unwrap_or_else(|| panic!("no table {}", entry.table));
        for field in entry.fields {
            for (name, ty) in field.columns.iter().zip(types(field)) {
                let column = table.iter().find(|column| column.column_name == *name);
                let column = column.unwrap_or_else(|| panic!("{} has no column {name}", entry.table));
                assert_eq!(
                    (column.udt_name.as_str(), column.nullable),
                    (*ty, field.nullable),
                    "{}.{name}",
                    entry.table
                );
            }
            if field.sort && field.name != "id" {
                assert!(
                    has_index(&scratch, entry, field.column()),
                    "{} is sorted by {} without an index",
                    entry.table,
                    field.name
                );
            }
        }
    }
}

fn has_index(scratch: &Scratch, entry: &Entry, column: &str) -> bool {
    let query = format!(
        "SELECT indexname::text AS what FROM pg_indexes WHERE tablename = '{}' AND (replace(indexdef, '\"', '') LIKE '%(tenant_id, {column}, id)%' OR indexdef LIKE '%(tenant_id, {column}, id %')",
        entry.table
    );
    !faults(scratch, &query).is_empty()
}

#[test]
fn every_relation_leads_somewhere() {
    let catalogue = kith_api::catalogue();
    for entry in catalogue.entries() {
        for relation in &entry.relations {
            let place = format!("{}.{}", entry.name, relation.name);
            let target =
                catalogue.get(relation.target).unwrap_or_else(|| panic!("{place}: no resource {}", relation.target));
            assert!(entry.field_of_column(relation.ours).is_some(), "{place}: {}", relation.ours);
            assert!(target.field_of_column(relation.theirs).is_some(), "{place}: {}", relation.theirs);
            for (column, value) in relation.theirs_is.iter() {
                assert!(target.field_of_column(column).is_some() && entry.subject == *value, "{place}");
            }
            for (column, value) in relation.ours_is.iter() {
                assert!(entry.field_of_column(column).is_some() && target.subject == *value, "{place}");
            }
            assert!(entry.field(relation.name).is_none(), "{place} is a field too");
        }
        for name in entry.ownership.via {
            assert!(entry.relation(name).is_some(), "{}: owned through {name}", entry.name);
        }
    }
}

/// Each way to what a moment is about is a reference that is there, with an index from which a page is read in order.
#[test]
fn every_moment_leads_somewhere_and_is_read_from_an_index() {
    let scratch = Scratch::new().unwrap();
    let catalogue = kith_api::catalogue();
    let refers = |entry: &Entry, column: &str, to: Option<&str>| {
        let index = entry.field_of_column(column).unwrap_or_else(|| panic!("{} has no {column}", entry.name));
        match entry.fields[index].kind {
            Kind::Id(Some(target)) => to.is_none_or(|to| to == target),
            _ => false,
        }
    };
    let mut walked = 0;
    for (entry, moment) in catalogue.moments() {
        assert!(moment.channel.is_none_or(|column| entry.field_of_column(column).is_some()), "{}", entry.name);
        assert!(moment.title_of.is_none_or(|of| catalogue.get(of).is_some()), "{}", entry.name);
        for about in moment.about {
            let at = |sql: &str| sql.replace("t.", "").replace("p.", "");
            let (table, start) = match about {
                About::Subject => {
                    assert!(entry.field_of_column("subject_type").is_some(), "{}", entry.name);
                    (entry.table, format!("(tenant_id, subject_id, {}, id)", at(moment.at)))
                }
                About::Column(column) => {
                    assert!(refers(entry, column, None), "{}.{column}", entry.name);
                    (entry.table, format!("(tenant_id, {column}, {}, id)", at(moment.at)))
                }
                About::Through { resource, ours, theirs, at: time } => {
                    let middle = catalogue.get(resource).unwrap();
                    assert!(refers(middle, ours, Some(entry.name)) && refers(middle, theirs, None), "{resource}");
                    (middle.table, format!("(tenant_id, {theirs}, {}, {ours})", at(time)))
                }
            };
            let query = format!(
                "SELECT indexname::text AS what FROM pg_indexes WHERE tablename = '{table}' AND indexdef LIKE '%{start}'"
            );
            assert!(!faults(&scratch, &query).is_empty(), "{}, {about:?}: no index {start} on {table}", entry.name);
            walked += 1;
        }
    }
    assert!(walked >= 8, "only {walked} ways");
}

/// All tables as diesel's `table!`, for statements that are written by hand.
pub fn as_diesel() -> String {
    let scratch = Scratch::new().unwrap();
    let mut text = String::from("// Generated from the migrated database: `make golden`.\n");
    for (table, columns) in columns(&scratch) {
        let query = format!(
            "SELECT string_agg(a.attname, ', ' ORDER BY array_position(c.conkey, a.attnum)) AS what FROM pg_constraint c \
             JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey) \
             WHERE c.contype = 'p' AND c.conrelid = 'public.{table}'::regclass"
        );
        let key = faults(&scratch, &query).remove(0);
        text.push_str(&format!("\ndiesel::table! {{\n    {table} ({key}) {{\n"));
        for column in columns {
            let ty = match column.udt_name.as_str() {
                "uuid" => "Uuid",
                "text" => "Text",
                "bool" => "Bool",
                "int4" => "Integer",
                // The position of a transaction reads like a number and is never written.
                "int8" | "xid8" => "BigInt",
                "numeric" => "Numeric",
                "date" => "Date",
                "timestamptz" => "Timestamptz",
                "jsonb" => "Jsonb",
                "bytea" => "Binary",
                "_text" => "Array<Text>",
                other => panic!("{table}.{}: no diesel type for {other}", column.column_name),
            };
            let ty = if column.nullable { format!("Nullable<{ty}>") } else { ty.to_owned() };
            text.push_str(&format!("        {} -> {ty},\n", column.column_name));
        }
        text.push_str("    }\n}\n");
    }
    text
}
