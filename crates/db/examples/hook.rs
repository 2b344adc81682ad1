use diesel::connection::InstrumentationEvent;
use diesel::{Connection, PgConnection, RunQueryDsl, sql_types as st};
use kith_kernel::{Bind, Statement};
use std::time::Instant;
fn harmless(query: &dyn std::fmt::Display) -> bool {
    struct First(Option<bool>);
    impl std::fmt::Write for First {
        fn write_str(&mut self, sql: &str) -> std::fmt::Result {
            let first = sql.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
            let rows = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "EXPLAIN", "MERGE", "VALUES", "TABLE"];
            let known = rows.iter().any(|word| first.eq_ignore_ascii_case(word));
            self.0 = Some(known && !sql.trim_end().trim_end_matches(';').contains(';') && !sql.contains("set_config"));
            Err(std::fmt::Error)
        }
    }
    let mut first = First(None);
    std::fmt::write(&mut first, format_args!("{query}")).ok();
    first.0.unwrap_or(false)
}
fn main() {
    let url = std::env::var("KITH_TEST_DATABASE_URL").unwrap();
    let mut plain = PgConnection::establish(&url).unwrap();
    let mut hooked = PgConnection::establish(&url).unwrap();
    hooked.set_instrumentation(|event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event { std::hint::black_box(harmless(query)); }
    });
    let columns = (0..25).map(|n| format!("t.relname::text AS c{n}")).collect::<Vec<_>>().join(", ");
    let run = |conn: &mut PgConnection| {
        let began = Instant::now();
        for _ in 0..2000 {
            let mut s = Statement::new(format!("SELECT t.oid::bigint, ({}) IS NULL FROM pg_class t WHERE t.relname = ", columns.replace(" AS c", " || 'c")  .replace(", ", "' || ") + "'"));
            s.bind(Bind::Text(Some("pg_class".into()))).sql(" AND t.oid > 0 AND t.relkind = ").bind(Bind::Text(Some("r".into()))).sql("::\"char\"");
            let _: Vec<(i64, bool)> = RunQueryDsl::load(s.typed::<(st::BigInt, st::Bool)>(), conn).unwrap();
        }
        began.elapsed().as_secs_f64() * 1e6 / 2000.0
    };
    run(&mut plain); run(&mut hooked);
    let (mut a, mut b) = (vec![], vec![]);
    for _ in 0..15 { a.push(run(&mut plain)); b.push(run(&mut hooked)); }
    a.sort_by(f64::total_cmp); b.sort_by(f64::total_cmp);
    println!("plain {:.1} us, hooked {:.1} us (best), medians {:.1} {:.1}", a[0], b[0], a[7], b[7]);
}
