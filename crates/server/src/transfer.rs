//! `kith import` and `kith export`: files of records in and out of a running Kith, over HTTP.

pub mod drift;
mod remote;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use remote::{Remote, Session};
use reqwest::blocking::{Body, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The arguments of `kith import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The resource, such as contacts.
    resource: String,
    /// The file: .ndjson, .jsonl or .csv, each also with .gz behind it.
    file: PathBuf,
    #[command(flatten)]
    remote: Remote,
    /// Short name of the system that the keys in the file are of.
    #[arg(long)]
    system: Option<String>,
    /// What to do with records that are there already.
    #[arg(long, default_value = "upsert", value_parser = ["upsert", "insert"])]
    mode: String,
    /// Tell what would be done, and keep nothing.
    #[arg(long)]
    dry_run: bool,
    /// Have a worker load the file once it is received, and watch it.
    #[arg(long)]
    job: bool,
    /// Names this load. Without it the name follows from the file, so that the same command goes on after a failure, and
    /// loads nothing twice within two days.
    #[arg(long)]
    key: Option<String>,
    /// Where to write the results of lines that failed; standard error unless given.
    #[arg(long)]
    errors: Option<PathBuf>,
}

/// The arguments of `kith export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The resource, such as contacts.
    resource: String,
    /// The file: .ndjson or .csv; standard output unless given.
    file: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
    /// The form; what the name of the file says unless given.
    #[arg(long, value_parser = ["ndjson", "csv"])]
    format: Option<String>,
    /// Only these fields, comma-separated.
    #[arg(long)]
    fields: Option<String>,
    /// A condition, such as status=ACTIVE or annualRevenue.gte=1000; may be given several times.
    #[arg(long)]
    filter: Vec<String>,
    /// Tell the keys in this system as externalId.
    #[arg(long)]
    system: Option<String>,
}

/// Some lines of a file were refused.
#[derive(Debug)]
pub struct Refused(u64);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} lines were refused; all others are loaded", self.0)
    }
}

impl std::error::Error for Refused {}

/// How often a load that broke off is taken up again before it is given up.
const ATTEMPTS: u32 = 10;

/// Media type of a file, and whether it is packed, by its name.
fn form(file: &Path) -> Result<(&'static str, bool)> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let (plain, packed) = name.strip_suffix(".gz").map_or((name.as_str(), false), |plain| (plain, true));
    let ends = |endings: &[&str]| endings.iter().any(|ending| plain.ends_with(ending));
    match () {
        () if ends(&[".csv"]) => Ok(("text/csv", packed)),
        () if ends(&[".ndjson", ".jsonl"]) => Ok(("application/x-ndjson", packed)),
        () => bail!("{} ends in none of .ndjson, .jsonl, .csv (and .gz)", file.display()),
    }
}

/// Loads a file. The text is for people.
pub fn import(args: &ImportArgs) -> Result<String> {
    let (media_type, packed) = form(&args.file)?;
    let key = args.key.clone().map_or_else(|| key(args), Ok)?;
    let mut session = args.remote.log_in()?;
    let mut attempt = 1;
    let response = loop {
        match send(args, &mut session, (media_type, packed), &key) {
            Ok(response) => break response,
            Err(Came::ForGood(error)) => return Err(error),
            Err(Came::Passing(error)) if attempt == ATTEMPTS => {
                return Err(error.context("Given up; the same command goes on where it stopped"));
            }
            Err(Came::Passing(_)) => {
                std::thread::sleep(Duration::from_secs(u64::from(attempt.min(5))));
                attempt += 1;
            }
        }
    };
    let replayed = response.headers().contains_key("idempotency-replayed");
    let results = match response.headers().get("location").and_then(|place| place.to_str().ok()).map(str::to_owned) {
        Some(job) => watched(&mut session, &job)?,
        None => response,
    };
    told(args, results, replayed)
}

/// The same file with the same arguments has the same key.
fn key(args: &ImportArgs) -> Result<String> {
    let mut file = File::open(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let mut digest = Sha256::new();
    let said = format!("{}|{}|{:?}|{}|{}|", args.resource, args.mode, args.system, args.dry_run, args.job);
    digest.update(said);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => digest.update(buffer.get(..length).unwrap_or_default()),
        }
    }
    Ok(digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// Why there is no answer.
enum Came {
    /// Trying again may help.
    Passing(anyhow::Error),
    /// It will not.
    ForGood(anyhow::Error),
}

fn send(
    args: &ImportArgs,
    session: &mut Session,
    (media_type, packed): (&'static str, bool),
    key: &str,
) -> Result<Response, Came> {
    let open = || -> Result<(File, u64)> {
        let file = File::open(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    let (file, length) = open().map_err(Came::ForGood)?;
    let mut query = vec![("mode", args.mode.clone()), ("results", "errors".to_owned())];
    query.extend(args.system.clone().map(|system| ("system", system)));
    query.extend(args.dry_run.then(|| ("dryRun", "true".to_owned())));
    let bar = bar(Some(length));
    let path = format!("/v1/bulk/{}", args.resource);
    let body = Body::sized(bar.wrap_read(file), length);
    let mut request = session.request(reqwest::Method::POST, &path).query(&query).body(body);
    request = request.header("content-type", media_type).header("idempotency-key", key);
    if packed {
        request = request.header("content-encoding", "gzip");
    }
    if args.job {
        request = request.header("prefer", "respond-async");
    }
    let sent = request.send();
    bar.finish_and_clear();
    let response = sent.map_err(|error| Came::Passing(error.into()))?;
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(response);
    }
    let problem = remote::problem(response);
    let busy = matches!(status, 408 | 429 | 502 | 503 | 504) || problem.code == "IDEMPOTENCY_IN_PROGRESS";
    if status == 401 {
        session.log_in_again().map_err(Came::ForGood)?;
        return Err(Came::Passing(problem.into()));
    }
    Err(if busy { Came::Passing(problem.into()) } else { Came::ForGood(problem.into()) })
}

/// Watches a job until it has ended; its results.
fn watched(session: &mut Session, job: &str) -> Result<Response> {
    let bar = bar(None);
    let ended = loop {
        let job = session.json(job)?;
        let text = |pointer: &str| job.pointer(pointer).map(Value::to_string).unwrap_or_default();
        bar.set_message(format!("{} lines", text("/progress/done").trim_matches('"')));
        match job.pointer("/state").and_then(Value::as_str) {
            Some("QUEUED" | "RUNNING") => std::thread::sleep(Duration::from_secs(1)),
            Some("SUCCEEDED") => break job,
            _ => {
                bar.finish_and_clear();
                bail!("The job ended without loading all: {}", text("/error"));
            }
        }
    };
    bar.finish_and_clear();
    let results = ended.pointer("/result/results").and_then(Value::as_str).context("The job names no results")?;
    let response = session.request(reqwest::Method::GET, results).query(&[("results", "errors")]).send()?;
    ensure!(response.status().is_success(), "{}", remote::problem(response));
    Ok(response)
}

/// Writes the lines that failed to where they belong, and says what came of all.
fn told(args: &ImportArgs, results: Response, replayed: bool) -> Result<String> {
    let mut out: Box<dyn Write> = match &args.errors {
        Some(path) => Box::new(File::create(path).with_context(|| format!("{} cannot be written", path.display()))?),
        None => Box::new(std::io::stderr()),
    };
    let mut summary = None;
    for line in BufReader::new(results).lines() {
        let line = line.context("The answer broke off; the same command tells it again")?;
        match serde_json::from_str::<Value>(&line)?.get_mut("summary").map(Value::take) {
            Some(found) => summary = Some(found),
            None => writeln!(out, "{line}")?,
        }
    }
    let summary = summary.context("The answer broke off; the same command tells it again")?;
    let count = |name: &str| summary.get(name).and_then(Value::as_u64).unwrap_or(0);
    let failed = count("failed");
    let text = format!(
        "{} lines: {} created, {} updated, {} unchanged, {failed} refused.{}{}",
        count("lines"),
        count("created"),
        count("updated"),
        count("unchanged"),
        if args.dry_run { " Nothing was kept." } else { "" },
        if replayed { " This file was loaded before under this key; --key loads it again." } else { "" },
    );
    if failed == 0 {
        return Ok(text);
    }
    writeln!(std::io::stdout(), "{text}").ok();
    Err(Refused(failed).into())
}

/// Writes all records to a file. The text is for people.
pub fn export(args: &ExportArgs) -> Result<String> {
    let named = args.file.as_deref().map(form).transpose()?;
    ensure!(named.is_none_or(|(_, packed)| !packed), "Exports are written plainly; pack the file afterwards");
    let by_name = named.map(|(media_type, _)| if media_type == "text/csv" { "csv" } else { "ndjson" });
    let format = args.format.as_deref().or(by_name).unwrap_or("ndjson");
    let mut query = vec![("format".to_owned(), format.to_owned())];
    query.extend(args.fields.clone().map(|fields| ("fields".to_owned(), fields)));
    query.extend(args.system.clone().map(|system| ("system".to_owned(), system)));
    for filter in &args.filter {
        let (path, value) = filter.split_once('=').with_context(|| format!("{filter} is no condition such as a=b"))?;
        let place: String = path.split('.').map(|part| format!("[{part}]")).collect();
        query.push((format!("filter{place}"), value.to_owned()));
    }
    let mut session = args.remote.log_in()?;
    let path = format!("/v1/bulk/{}", args.resource);
    let response = session.request(reqwest::Method::GET, &path).query(&query).send()?;
    if !response.status().is_success() {
        return Err(remote::problem(response).into());
    }
    let cursor = response.headers().get("feed-cursor").and_then(|cursor| cursor.to_str().ok()).map(str::to_owned);
    let bar = bar(None);
    let mut from = bar.wrap_read(response);
    let written = match &args.file {
        None => std::io::copy(&mut from, &mut std::io::stdout())?,
        Some(file) => {
            // Under its own name only once it is whole.
            let part = file.with_extension("part");
            let mut to =
                BufWriter::new(File::create(&part).with_context(|| format!("{} cannot be written", part.display()))?);
            let written = std::io::copy(&mut from, &mut to).context("The export broke off; try again")?;
            to.flush()?;
            std::fs::rename(&part, file)?;
            written
        }
    };
    bar.finish_and_clear();
    if let Some(cursor) = cursor {
        writeln!(std::io::stderr(), "Follow the change feed from {cursor}").ok();
    }
    Ok(match &args.file {
        Some(file) => format!("Wrote {written} bytes to {}.", file.display()),
        None => String::new(),
    })
}

/// A bar of bytes, for people who look.
fn bar(length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {bytes}"),
    };
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
