//! The command line against a server: loading a file, exporting it again, and comparing it. What scripts go by are the
//! exit codes.

use super::binary::Kith;
use super::database::{Own, credentials};
use serde_json::json;
use std::process::Command;

/// Runs a command; its exit code, and what it has written.
fn run(own: &Own, kith: &Kith, token: &str, args: &[&str]) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_kith-tested"))
        .args(args)
        .current_dir(&own.settings.data_dir)
        .env_clear()
        .env("KITH_URL", format!("http://{}", kith.address))
        .env("KITH_TOKEN", token)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn a_file_is_loaded_exported_and_compared_from_the_command_line() {
    let own = Own::start();
    let kith = Kith::start(&own, "warn");
    let login = kith.connect().ask("POST", "/v1/auth/login", None, Some(&credentials())).unwrap();
    let token = login.at("/accessToken").as_str().unwrap().to_owned();
    let write = |name: &str, text: &str| std::fs::write(own.settings.data_dir.join(name), text).unwrap();
    let load = ["import", "accounts", "all.csv", "--system", "erp"];

    write("all.csv", "externalId,name,legalName\nA-1,Alfreds,Alfreds AG\nA-2,,No name\nA-3,Centro,Centro SA\n");
    let (code, _, told) = run(&own, &kith, &token, &load);
    assert_eq!(code, Some(3), "a line was refused: {told}");
    assert!(told.contains("/name"), "{told}");
    write(
        "all.csv",
        "externalId,name,legalName\nA-1,Alfreds,Alfreds AG\nA-2,Berglunds,No name\nA-3,Centro,Centro SA\n",
    );
    let (code, out, told) = run(&own, &kith, &token, &load);
    assert_eq!(code, Some(0), "{out}{told}");
    assert_eq!(run(&own, &kith, "wrong", &load).0, Some(1));
    assert_eq!(run(&own, &kith, &token, &["import", "accounts"]).0, Some(2));

    let (code, _, told) = run(&own, &kith, &token, &["export", "accounts", "out.csv", "--fields", "name,legalName"]);
    assert_eq!(code, Some(0), "{told}");
    let exported = std::fs::read_to_string(own.settings.data_dir.join("out.csv")).unwrap();
    assert!(exported.contains("Berglunds,No name"), "{exported}");

    let made = json!({"name": "The ERP", "system": "erp"});
    let made = kith.connect().ask("POST", "/v1/connectors", Some(&token), Some(&made)).unwrap();
    let connector = made.at("/id").as_str().unwrap().to_owned();
    let compare = ["connector", "drift", &connector, "accounts", "all.csv", "--fields", "name,legalName"];
    let (code, out, told) = run(&own, &kith, &token, &compare);
    assert_eq!(code, Some(0), "{out}{told}");
    // One that differs, one that is not there, one that is not here.
    write("all.csv", "externalId,name,legalName\nA-1,Alfreds,Alfreds SE\nA-2,Berglunds,No name\nA-4,Drachenblut,\n");
    let (code, out, told) = run(&own, &kith, &token, &compare);
    assert_eq!(code, Some(1), "{out}{told}");
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["DIFFERENT A-1", "MISSING_HERE A-4", "MISSING_THERE A-3"]);
}
