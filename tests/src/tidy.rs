//! The shape of the workspace: which crate may know which, how long files are, and what must not stand in them.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who may depend on whom. A new arrow is a line here, to be argued for in review.
const ARROWS: &[(&str, &[&str])] = &[
    ("schema", &[]),
    ("macros", &[]),
    ("statistics", &[]),
    ("kernel", &[]),
    ("journal", &["kernel"]),
    ("db", &["kernel"]),
    ("jobs", &["journal", "kernel", "macros"]),
    ("bulk", &["db", "jobs", "journal", "kernel", "macros"]),
    ("identity", &["journal", "kernel", "macros"]),
    ("webhooks", &["identity", "journal", "kernel", "macros"]),
    ("contacts", &["journal", "kernel", "macros"]),
    ("commerce", &["journal", "kernel", "macros"]),
    ("connectors", &["journal", "kernel", "macros"]),
    ("pipeline", &["journal", "kernel", "macros"]),
    ("interactions", &["journal", "kernel", "macros"]),
    ("loyalty", &["journal", "kernel", "macros", "statistics"]),
    ("lifecycle", &["journal", "kernel", "macros", "statistics"]),
    (
        "flows",
        &["commerce", "contacts", "journal", "kernel", "lifecycle", "loyalty", "macros", "pipeline", "statistics"],
    ),
    (
        "api",
        &[
            "bulk",
            "commerce",
            "connectors",
            "contacts",
            "db",
            "flows",
            "identity",
            "interactions",
            "jobs",
            "journal",
            "kernel",
            "lifecycle",
            "loyalty",
            "pipeline",
            "webhooks",
        ],
    ),
    ("worker", &["bulk", "contacts", "db", "flows", "identity", "jobs", "journal", "kernel", "loyalty", "webhooks"]),
    (
        "server",
        &[
            "api",
            "bulk",
            "connectors",
            "db",
            "flows",
            "identity",
            "journal",
            "kernel",
            "statistics",
            "webhooks",
            "worker",
        ],
    ),
    ("testkit", &["api", "db", "identity", "journal", "kernel", "server"]),
];
/// Crates that know rules and tables, and nothing of the web.
const DOMAIN: &[&str] = &[
    "kernel",
    "journal",
    "jobs",
    "bulk",
    "identity",
    "contacts",
    "commerce",
    "pipeline",
    "interactions",
    "loyalty",
    "lifecycle",
    "connectors",
    "webhooks",
    "flows",
];
const WEB: &[&str] = &["actix-web", "async-graphql", "utoipa", "tokio", "jsonwebtoken"];

/// The folder of the workspace.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn crates_depend_only_along_the_arrows() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let Some(name) = package["name"].as_str().unwrap().strip_prefix("kith-").filter(|name| *name != "tests") else {
            continue;
        };
        let (_, allowed) = ARROWS
            .iter()
            .find(|(from, _)| *from == name)
            .unwrap_or_else(|| panic!("{name} is not in the table of arrows"));
        for dependency in package["dependencies"].as_array().unwrap() {
            if let Some(to) = dependency["name"].as_str().unwrap().strip_prefix("kith-") {
                assert!(allowed.contains(&to), "{name} depends on {to}, which the table of arrows does not allow");
            }
        }
    }
}

#[test]
fn domain_crates_do_not_reach_the_web() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let name = |id: &str| {
        metadata["packages"].as_array().unwrap().iter().find(|package| package["id"] == id).unwrap()["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    for start in nodes
        .iter()
        .filter(|node| DOMAIN.iter().any(|domain| name(node["id"].as_str().unwrap()) == format!("kith-{domain}")))
    {
        let (mut open, mut seen) = (vec![start["id"].as_str().unwrap()], BTreeSet::new());
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            assert!(!WEB.contains(&name(id).as_str()), "{} reaches {}", start["id"], name(id));
            let node = nodes.iter().find(|node| node["id"] == id).unwrap();
            open.extend(
                node["deps"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|dependency| {
                        dependency["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
                    })
                    .map(|dependency| dependency["pkg"].as_str().unwrap()),
            );
        }
    }
}

/// All Rust files below a folder.
pub fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn files_are_short_and_finished() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    rust_files(&root().join("tests"), &mut files);
    assert!(files.len() > 80);
    for file in
        files.iter().filter(|file| !file.ends_with("schema/src/tables.rs") && !file.ends_with("tests/src/tidy.rs"))
    {
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines; 500 is the limit", file.display());
        assert!(text.starts_with("//!"), "{} does not say what it is", file.display());
        for unfinished in ["todo!(", "unimplemented!(", "#[ignore"] {
            assert!(!text.contains(unfinished), "{} has {unfinished}", file.display());
        }
    }
}

#[test]
fn sql_past_the_journal_is_confined() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    for file in files {
        let place = file.display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        // Raw statements can change what a pooled connection carries; only the database crate and its set-up may send them.
        let free = place.contains("crates/db/")
            || place.contains("crates/testkit/")
            || place.ends_with("server/src/database.rs");
        for raw in ["batch_execute(", "sql_query(", "set_config("] {
            assert!(free || !text.contains(raw), "{place} uses {raw}");
        }
    }
}
