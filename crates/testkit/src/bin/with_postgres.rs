//! Starts a throw-away PostgreSQL, prepares the template for tests, and runs its arguments with the address in
//! `KITH_TEST_DATABASE_URL`. With that variable already set, it uses the PostgreSQL it names.

use anyhow::{Context, Result, bail};
use kith_db::embedded;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("with-postgres: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(program) = arguments.next() else { bail!("usage: with-postgres program [argument …]") };
    let running = match kith_testkit::cluster_url() {
        Ok(_) => None,
        Err(_) => Some(start()?),
    };
    let url = match &running {
        Some((running, _)) => running.url("postgres"),
        None => kith_testkit::cluster_url()?,
    };
    // Set before any thread starts; the template is made in this very process.
    let mut command = Command::new(&program);
    command.args(arguments).env("KITH_TEST_DATABASE_URL", &url);
    kith_testkit::prepare(&url)?;
    let status = command.status().with_context(|| format!("{} cannot be run", program.to_string_lossy()))?;
    if let Some((running, folder)) = running {
        running.stop();
        std::fs::remove_dir_all(folder).ok();
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A cluster that may forget everything at once: it is as fast as it can be.
fn start() -> Result<(embedded::Embedded, std::path::PathBuf)> {
    let data_dir = std::env::temp_dir().join(format!("kith-test-{}", std::process::id()));
    let fast = [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("max_connections", "200"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
    ];
    let settings = fast.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let running = embedded::start(&embedded::Options { data_dir: data_dir.clone(), bin_dir: None, settings })?;
    Ok((running, data_dir))
}
