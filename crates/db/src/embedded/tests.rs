//! Tests of the launcher that need no PostgreSQL.

use super::*;

fn attached(socket_dir: &str, password: &str) -> Embedded {
    Embedded {
        socket: PathBuf::from(socket_dir).join(layout::socket_name()),
        socket_dir: socket_dir.into(),
        password: password.into(),
        major: 17,
        server: None,
        lock: None,
    }
}

#[test]
fn the_url_escapes_everything_libpq_would_split_at() {
    let url = attached("/var/lib/kith data/run", "p@ss/w:rd").url("kith");
    assert_eq!(url, "postgresql://kith:p%40ss%2Fw%3Ard@%2Fvar%2Flib%2Fkith%20data%2Frun:5432/kith");
    assert!(attached("/run", "x").url("a?b").ends_with("/a%3Fb"));
}

#[test]
fn the_password_is_not_printed() {
    assert!(!format!("{:?}", attached("/run", "secret")).contains("secret"));
}

#[test]
fn the_tail_begins_after_what_was_logged_before() {
    let log = std::env::temp_dir().join(format!("kith-tail-{}", std::process::id()));
    let lines: Vec<String> = (0..30).map(|n| format!("line {n}")).collect();
    fs::write(&log, format!("old\n{}\n", lines.join("\n"))).unwrap();
    let (tail, all) = (tail_of(&log, 4), tail_of(&log, 9999));
    fs::remove_file(&log).unwrap();
    assert!(tail.starts_with("line 10\n") && tail.ends_with("line 29"));
    assert!(all.ends_with("line 29"));
}

#[test]
fn each_error_names_a_way_out() {
    let none = EmbeddedError::NotFound.to_string();
    assert!(none.contains("postgresql") && none.contains("kith db fetch") && none.contains("DATABASE_URL"));
    let other = EmbeddedError::OtherMajor { dir: "/data/postgres".into(), written_by: 15, available: vec![18] };
    assert!(other.to_string().contains("written by PostgreSQL 15, found here: 18"));
}
