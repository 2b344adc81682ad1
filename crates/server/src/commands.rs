//! The command line.

use crate::database::{self, Database};
use crate::settings::{self, Settings};
use crate::transfer::drift::{self, ConnectorCommand};
use crate::transfer::{self, ExportArgs, ImportArgs};
use crate::{analytics, seed, serve};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use kith_db::{Db, Verdict, embedded};
use kith_identity::setup::{self, NewTenant};
use kith_kernel::{Actor, Clock, Currency, Cx, Origin, Tz};
use kith_worker::Worker;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use uuid::Uuid;

/// Headless CRM: customer data and the science of customer value, over REST and GraphQL.
#[derive(Debug, Parser)]
#[command(name = "kith", version)]
pub struct Cli {
    /// Settings file (TOML); without it `kith.toml` here, if there is one.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts the database if need be, migrates it, and serves.
    Serve {
        /// Makes the demonstration tenant if it is not there yet.
        #[arg(long)]
        demo: bool,
    },
    /// Does jobs and sends webhooks, and serves nothing: to share the work of a server out to more processes.
    Work,
    /// Brings the database's schema up to date.
    Migrate,
    /// Makes the demonstration tenant if it is not there yet.
    Seed,
    /// Tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// The database.
    #[command(subcommand)]
    Db(DbCommand),
    /// The keys that sign access tokens.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Customer value from a file of transactions, without a server or a database.
    #[command(subcommand)]
    Analytics(analytics::AnalyticsCommand),
    /// Computes the values of all customers of a tenant now; a running server does so every night.
    Values {
        /// Short name of the tenant.
        tenant: String,
    },
    /// Loads a file of records into a running Kith. It ends with 3 when lines were refused.
    Import(Box<ImportArgs>),
    /// Writes all records of a resource of a running Kith to a file.
    Export(Box<ExportArgs>),
    /// Connectors to other systems.
    #[command(subcommand)]
    Connector(ConnectorCommand),
    /// Writes schema.graphql and openapi/openapi.json below a folder.
    ExportSchema {
        /// The folder.
        folder: PathBuf,
    },
    /// Prints the table of settings.
    Settings,
}

#[derive(Debug, Subcommand)]
enum TenantCommand {
    /// Makes a tenant and its first administrator.
    Create {
        /// Short name, for logging in.
        #[arg(long)]
        slug: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// E-mail address of the first administrator.
        #[arg(long)]
        admin_email: String,
        /// Name of the first administrator.
        #[arg(long, default_value = "Administrator")]
        admin_name: String,
        /// Their password; read from standard input if it is not given.
        #[arg(long, env = "KITH_ADMIN_PASSWORD", hide_env_values = true)]
        admin_password: Option<String>,
        /// Reporting currency (ISO 4217).
        #[arg(long, default_value = "EUR")]
        currency: String,
        /// Language tag (BCP 47).
        #[arg(long, default_value = "en")]
        locale: String,
        /// IANA name of the time zone.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Prints the URL of the database.
    Url,
    /// Fetches PostgreSQL's programs with npm, for a machine that has none.
    Fetch,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Makes a new signing key; tokens of the old ones stay good.
    Rotate,
}

/// Prints a line. Nobody to read it is no failure.
fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// Runs a command.
pub fn run(cli: Cli) -> Result<()> {
    match &cli.command {
        Command::ExportSchema { folder } => return export(folder),
        Command::Analytics(command) => {
            say(&analytics::run(command)?);
            return Ok(());
        }
        Command::Import(args) => {
            say(&transfer::import(args)?);
            return Ok(());
        }
        Command::Connector(ConnectorCommand::Drift(args)) => {
            say(&drift::drift(args)?);
            return Ok(());
        }
        Command::Export(args) => {
            let said = transfer::export(args)?;
            return if said.is_empty() { Ok(()) } else { writeln!(std::io::stderr(), "{said}").map_err(Into::into) };
        }
        Command::Settings => {
            say(settings::markdown().trim_end());
            return Ok(());
        }
        _ => {}
    }
    let settings = Settings::load(cli.config.as_deref())?;
    log_to(&settings)?;
    kith_webhooks::address::allow(&settings.webhook_allow);
    match cli.command {
        Command::Serve { demo } => serve(&settings, demo),
        Command::Work => work(&settings),
        Command::Migrate => database::migrate(&database::find(&settings)?, &settings),
        Command::Seed => {
            let (_database, db) = ready(&settings)?;
            say(&seed::run(&db)?.to_string());
            Ok(())
        }
        Command::Tenant(TenantCommand::Create {
            slug,
            name,
            admin_email,
            admin_name,
            admin_password,
            currency,
            locale,
            time_zone,
        }) => {
            let password = match admin_password {
                Some(password) => password,
                None => std::io::read_to_string(std::io::stdin())?.trim_end_matches(['\r', '\n']).to_owned(),
            };
            let currency =
                Currency::from_code(&currency).with_context(|| format!("{currency} is no ISO 4217 currency"))?;
            let (_database, db) = ready(&settings)?;
            let new = NewTenant { slug, name, currency, locale, time_zone };
            let id = create_tenant(&db, &new, (&admin_email, &admin_name, &password))?;
            say(&format!("Made the tenant {} ({id}); {admin_email} can log in.", new.slug));
            Ok(())
        }
        Command::Values { tenant } => {
            let (_database, db) = ready(&settings)?;
            say(&values(&db, &tenant)?);
            Ok(())
        }
        Command::Db(DbCommand::Url) => {
            let database = database::find(&settings)?;
            say(&database.url);
            Ok(())
        }
        Command::Db(DbCommand::Fetch) => {
            let folder = embedded::fetch(&settings.data_dir)?;
            say(&format!("PostgreSQL's programs are in {}.", folder.display()));
            Ok(())
        }
        Command::Keys(KeysCommand::Rotate) => {
            kith_api::auth::keys::SigningKeys::rotate(&settings.key_file())?;
            say("Made a new signing key. Running servers pick it up within seconds.");
            Ok(())
        }
        Command::ExportSchema { .. }
        | Command::Settings
        | Command::Analytics(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Connector(_) => Ok(()),
    }
}

fn log_to(settings: &Settings) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(&settings.log).context("KITH_LOG cannot be read")?;
    // The framework quotes what it could not understand, and that may be anything.
    let filter = filter.add_directive("actix_http=info".parse()?);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = if settings.log_format == "json" { builder.json().try_init() } else { builder.try_init() };
    done.map_err(|error| anyhow::anyhow!("logging cannot be set up: {error}"))
}

/// A migrated database and a pool on it. The database must outlive the pool.
fn ready(settings: &Settings) -> Result<(Database, Db)> {
    let database = database::find(settings)?;
    database::migrate(&database, settings)?;
    let db = database::open(&database, settings)?;
    Ok((database, db))
}

fn serve(settings: &Settings, demo: bool) -> Result<()> {
    // Refused before anything is started that would have to be stopped again.
    drop(std::net::TcpListener::bind(settings.listen).with_context(|| {
        format!("{} is in use or cannot be listened on; set KITH_LISTEN to another address", settings.listen)
    })?);
    let database = database::find(settings)?;
    database::migrate(&database, settings)?;
    let app = serve::app(&database, settings)?;
    let seeded = if demo { Some(seed::run(&app.db)?) } else { None };
    let worker = serve::worker(&database, settings)?;
    let runner = actix_web::rt::System::new();
    runner.block_on(serve::run(app, worker, settings, || {
        say(&welcome(settings));
        if let Some(seeded) = seeded {
            say(&seeded.try_it(&format!("http://{}", settings.listen)));
        }
    }))
}

fn work(settings: &Settings) -> Result<()> {
    let database = database::find(settings)?;
    database::migrate(&database, settings)?;
    let worker = serve::worker(&database, settings)?;
    let runner = actix_web::rt::System::new();
    runner.block_on(serve::work(worker, settings, || say("Kith is at work. It serves nothing.")))
}

fn welcome(settings: &Settings) -> String {
    let at = format!("http://{}", settings.listen);
    format!(
        "Kith {} is ready.\n  REST        {at}/v1\n  GraphQL     {at}/graphql   (in a browser: {at}/graphiql)\n  Reference   {at}/docs/\n  Health      {at}/healthz, {at}/readyz",
        env!("CARGO_PKG_VERSION")
    )
}

/// The context of a command: Kith itself acts.
pub fn system_cx(db: &Db, tenant: Uuid) -> Result<Cx> {
    let instance = db.read(Uuid::nil(), kith_db::instance)?;
    Ok(Cx {
        tenant,
        actor: Arc::new(Actor::system()),
        now: Clock::default().now(),
        origin: Origin { channel: "cli", ..Origin::default() },
        currency: Currency::EUR,
        zone: Tz::UTC,
        requires_version: false,
        catalogue: kith_api::catalogue(),
        cursor_key: instance.cursor_key,
    })
}

/// Makes a tenant with its first administrator (e-mail address, name, password).
pub fn create_tenant(db: &Db, new: &NewTenant, (email, name, password): (&str, &str, &str)) -> Result<Uuid> {
    let blank = system_cx(db, Uuid::nil())?;
    let cx = Cx { tenant: blank.new_id(), ..blank };
    let made = db.write(cx.tenant, |conn| {
        setup::create_tenant(conn, &cx, new)?;
        setup::create_admin(conn, &cx, email, name, password)?;
        Ok(Verdict::Commit(cx.tenant))
    });
    made.map_err(|error| anyhow::anyhow!("The tenant was not made. {error}"))
}

/// Computes the values of a tenant's customers, with a bar that moves.
fn values(db: &Db, slug: &str) -> Result<String> {
    let found = db.read(Uuid::nil(), |conn| kith_identity::login::find_tenant(conn, slug))?;
    let tenant = found.with_context(|| format!("there is no tenant {slug}"))?;
    let cursor_key = system_cx(db, tenant)?.cursor_key;
    let clock = Arc::new(Clock::default());
    let worker = Worker::new(db.clone(), clock, kith_api::catalogue(), cursor_key);
    let bar = indicatif::ProgressBar::new_spinner();
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    let done = worker.recompute(tenant, |accounts| bar.set_message(format!("{accounts} accounts")));
    bar.finish_and_clear();
    Ok(match done? {
        Some(outcome) => format!("Computed {} accounts; {} rows changed.", outcome.accounts, outcome.changed),
        None => "The values are being computed by somebody else at this moment.".to_owned(),
    })
}

fn export(folder: &std::path::Path) -> Result<()> {
    let catalogue = kith_api::catalogue();
    std::fs::create_dir_all(folder.join("openapi"))?;
    let sdl = kith_api::graphql::sdl(&kith_api::graphql::schema());
    std::fs::write(folder.join("schema.graphql"), sdl)?;
    std::fs::write(folder.join("openapi/openapi.json"), kith_api::openapi::text(catalogue))?;
    Ok(())
}
