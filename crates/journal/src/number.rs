//! Numbers that people read to each other: `Q-00000012`.

use diesel::{PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Cx, Result, Statement};

/// The next number of a table's `number` column that begins with `prefix`. Whoever asks waits for who asked before, so
/// that no number is given twice; one that was not kept is given again. Those that clients gave are passed over.
pub fn next(conn: &mut PgConnection, cx: &Cx, table: &'static str, prefix: &'static str) -> Result<String> {
    let (tenant, name) = (|| Bind::Uuid(Some(cx.tenant)), || Bind::Text(Some(table.to_owned())));
    // Locks the counter until the end of the transaction.
    let mut out = Statement::new("INSERT INTO numbers (tenant_id, resource, last) VALUES (");
    out.bind(tenant()).sql(", ").bind(name()).sql(", 0) ON CONFLICT (tenant_id, resource) ");
    out.sql("DO UPDATE SET last = numbers.last RETURNING last");
    let (last,): (i32,) = RunQueryDsl::get_result(out.typed::<(st::Integer,)>(), conn)?;
    // Another statement, to see what was committed while this one waited. At least eight digits. Archived records keep
    // their number.
    let number = format!("'{prefix}-' || lpad(n.at::text, greatest(8, length(n.at::text)), '0')");
    let mut out = Statement::new("WITH RECURSIVE n AS (SELECT ");
    out.bind(Bind::Int(Some(last.saturating_add(1)))).sql("::integer AS at UNION ALL SELECT n.at + 1 FROM n ");
    out.sql(format!("WHERE EXISTS (SELECT FROM {table} t WHERE t.tenant_id = ")).bind(tenant());
    out.sql(format!(" AND t.number = {number})), counted AS (UPDATE numbers SET last = n.at FROM "));
    out.sql("(SELECT max(at) AS at FROM n) n WHERE numbers.tenant_id = ").bind(tenant());
    out.sql(" AND numbers.resource = ").bind(name());
    out.sql(format!(" RETURNING n.at) SELECT {number} FROM counted n"));
    let (number,): (String,) = RunQueryDsl::get_result(out.typed::<(st::Text,)>(), conn)?;
    Ok(number)
}

/// So many next numbers at once, in their order.
pub fn several(
    conn: &mut PgConnection,
    cx: &Cx,
    table: &'static str,
    prefix: &'static str,
    count: usize,
) -> Result<Vec<String>> {
    let (tenant, name) = (|| Bind::Uuid(Some(cx.tenant)), || Bind::Text(Some(table.to_owned())));
    let mut numbers: Vec<String> = Vec::new();
    while numbers.len() < count {
        let wanted = i32::try_from(count - numbers.len()).unwrap_or(i32::MAX);
        let mut out = Statement::new("INSERT INTO numbers AS n (tenant_id, resource, last) VALUES (");
        out.bind(tenant()).sql(", ").bind(name()).sql(", ").bind(Bind::Int(Some(wanted)));
        out.sql(") ON CONFLICT (tenant_id, resource) DO UPDATE SET last = n.last + excluded.last RETURNING last");
        let (last,): (i32,) = RunQueryDsl::get_result(out.typed::<(st::Integer,)>(), conn)?;
        let number = format!("'{prefix}-' || lpad(n.at::text, greatest(8, length(n.at::text)), '0')");
        let mut out = Statement::new(format!("SELECT {number} FROM generate_series("));
        out.bind(Bind::Int(Some(last.saturating_sub(wanted).saturating_add(1)))).sql("::integer, ");
        out.bind(Bind::Int(Some(last))).sql("::integer) AS n(at) WHERE NOT EXISTS (SELECT FROM ");
        out.sql(table).sql(" t WHERE t.tenant_id = ").bind(tenant());
        out.sql(format!(" AND t.number = {number}) ORDER BY n.at"));
        let free: Vec<(String,)> = RunQueryDsl::load(out.typed::<(st::Text,)>(), conn)?;
        numbers.extend(free.into_iter().map(|(number,)| number));
    }
    Ok(numbers)
}
