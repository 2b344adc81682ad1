//! Settings: each declared once, with its default and documentation, read from a TOML file and from the environment,
//! which wins. An unknown or wrong one ends the start with one clear message.

use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A value that a setting may have.
trait Value: Sized {
    fn read(text: &str) -> Result<Self, String>;
    fn show(&self) -> String;
}

macro_rules! parsed {
    ($($type:ty, $expected:literal;)+) => { $( impl Value for $type {
        fn read(text: &str) -> Result<Self, String> { <$type>::from_str(text).map_err(|_| format!("expected {}", $expected)) }
        fn show(&self) -> String { self.to_string() }
    } )+ };
}
parsed! {
    SocketAddr, "an address and port such as 127.0.0.1:8080";
    u32, "a number"; u64, "a number"; usize, "a number"; bool, "true or false"; String, "a text";
}

impl Value for PathBuf {
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("expected a path".into()) } else { Ok(text.into()) }
    }
    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl<T: Value> Value for Option<T> {
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::read(text).map(Some) }
    }
    fn show(&self) -> String {
        self.as_ref().map(Value::show).unwrap_or_default()
    }
}

impl Value for Vec<String> {
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }
    fn show(&self) -> String {
        self.join(",")
    }
}

macro_rules! settings {
    ($( $(#[doc = $doc:literal])+ $name:ident: $type:ty = $env:literal, $default:expr; )+) => {
        /// All settings. The names in the file are those of the fields.
        #[derive(Clone, Debug)]
        pub struct Settings { $( $(#[doc = $doc])+ pub $name: $type, )+ }

        impl Settings {
            /// The defaults.
            pub fn defaults() -> Self { Settings { $( $name: $default, )+ } }

            /// Every setting: name in the file, name in the environment, default, documentation.
            pub fn table() -> Vec<(&'static str, &'static str, String, &'static str)> {
                let defaults = Settings::defaults();
                vec![$( (stringify!($name), $env, defaults.$name.show(), concat!($($doc),+).trim()) ),+]
            }

            fn set(&mut self, name: &str, text: &str) -> Result<(), String> {
                match name {
                    $( stringify!($name) => self.$name = Value::read(text)?, )+
                    _ => return Err(format!("there is no such setting; there are: {}", [$(stringify!($name)),+].join(", "))),
                }
                Ok(())
            }
        }
    };
}

settings! {
    /// Address and port to listen on.
    listen: SocketAddr = "KITH_LISTEN", SocketAddr::from(([127, 0, 0, 1], 8080));
    /// Folder for the embedded database and the signing keys.
    data_dir: PathBuf = "KITH_DATA_DIR", default_data_dir();
    /// Serve on a database that may lose what it has confirmed; for throw-away data.
    allow_unsafe_database: bool = "KITH_ALLOW_UNSAFE_DATABASE", false;
    /// A PostgreSQL (15 to 18) to use instead of the embedded one, as a libpq URL.
    database_url: Option<String> = "DATABASE_URL", None;
    /// Folder of the PostgreSQL programs for the embedded database; empty: looked for in the usual places.
    postgres_bin_dir: Option<PathBuf> = "KITH_POSTGRES_BIN_DIR", None;
    /// File with the keys that sign access tokens; made on first start. Empty: `signing-keys.pem` in the data folder.
    signing_key_file: Option<PathBuf> = "KITH_SIGNING_KEY_FILE", None;
    /// Issuer and audience of access tokens.
    issuer: String = "KITH_ISSUER", "kith".to_owned();
    /// Requests a minute for each user or key; 0: no limit.
    rate_limit_per_minute: u32 = "KITH_RATE_LIMIT_PER_MINUTE", 600;
    /// Requests a minute for all users and keys of a tenant together; 0: no limit.
    rate_limit_tenant_per_minute: u32 = "KITH_RATE_LIMIT_TENANT_PER_MINUTE", 6_000;
    /// Database connections.
    pool_size: u32 = "KITH_POOL_SIZE", 8;
    /// Threads that handle requests; 0: one for each core.
    workers: usize = "KITH_WORKERS", 0;
    /// Jobs that this process does at once, each on a database connection of its own; 0: it does none.
    job_workers: usize = "KITH_JOB_WORKERS", 1;
    /// Receivers of webhooks that are exempt from the rules for addresses, comma-separated, each as host:port.
    webhook_allow: Vec<String> = "KITH_WEBHOOK_ALLOW", Vec::new();
    /// Longest statement in milliseconds.
    statement_timeout_ms: u64 = "KITH_STATEMENT_TIMEOUT_MS", 5_000;
    /// Seconds after which a transaction that has written and does not end is ended, because it holds back the change feed.
    transaction_seconds: u64 = "KITH_TRANSACTION_SECONDS", 60;
    /// Days that changes are kept for the change feed; the audit log keeps them for good.
    change_days: u64 = "KITH_CHANGE_DAYS", 30;
    /// How a connection is told its tenant: `session`, or `transaction` for a distributed PostgreSQL.
    tenant_context: String = "KITH_TENANT_CONTEXT", "session".to_owned();
    /// Origins that browsers may call from, comma-separated; each exact, with scheme.
    cors_origins: Vec<String> = "KITH_CORS_ORIGINS", Vec::new();
    /// What is logged, as in `info` or `kith_api=debug,info`.
    log: String = "KITH_LOG", "info".to_owned();
    /// `text` or `json`.
    log_format: String = "KITH_LOG_FORMAT", "text".to_owned();
    /// Seconds that requests in flight are given at shutdown.
    shutdown_seconds: u64 = "KITH_SHUTDOWN_SECONDS", 25;
}

/// Under `/var/lib` for root, whose home the database's user cannot enter; else in the user's own data folder.
fn default_data_dir() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "settings are where the environment is read")]
    let home = std::env::var("HOME").unwrap_or_else(|_| "/tmp".into());
    if home == "/root" { "/var/lib/kith".into() } else { Path::new(&home).join(".local/share/kith") }
}

impl Settings {
    /// Defaults, then the file, then the environment. Without `file`, `kith.toml` here is read if there is one.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let mut settings = Settings::defaults();
        let path =
            file.map(Path::to_path_buf).or_else(|| Some(PathBuf::from("kith.toml")).filter(|path| path.exists()));
        if let Some(path) = path {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("The settings file {} cannot be read", path.display()))?;
            let table: toml::Table =
                text.parse().with_context(|| format!("The settings file {} is not valid TOML", path.display()))?;
            for (name, value) in table {
                let text = match value {
                    toml::Value::String(text) => text,
                    toml::Value::Array(list) => {
                        list.iter().filter_map(|value| value.as_str()).collect::<Vec<_>>().join(",")
                    }
                    other => other.to_string(),
                };
                if let Err(problem) = settings.set(&name, &text) {
                    bail!("{}: {name}: {problem}.", path.display());
                }
            }
        }
        for (name, variable, ..) in Settings::table() {
            #[expect(clippy::disallowed_methods, reason = "settings are where the environment is read")]
            let Ok(text) = std::env::var(variable) else { continue };
            if let Err(problem) = settings.set(name, &text) {
                bail!("{variable}: {problem}.");
            }
        }
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        if !["session", "transaction"].contains(&self.tenant_context.as_str()) {
            bail!("KITH_TENANT_CONTEXT: expected session or transaction.");
        }
        if !["text", "json"].contains(&self.log_format.as_str()) {
            bail!("KITH_LOG_FORMAT: expected text or json.");
        }
        if self.transaction_seconds == 0 || self.change_days == 0 {
            bail!("KITH_TRANSACTION_SECONDS and KITH_CHANGE_DAYS: expected at least 1.");
        }
        if self.pool_size == 0 {
            bail!("KITH_POOL_SIZE: expected at least 1.");
        }
        if let Some(origin) =
            self.cors_origins.iter().find(|origin| !origin.starts_with("http://") && !origin.starts_with("https://"))
        {
            bail!("KITH_CORS_ORIGINS: {origin} has no scheme; expected for example https://app.example.com.");
        }
        Ok(())
    }

    /// The file with the signing keys.
    pub fn key_file(&self) -> PathBuf {
        self.signing_key_file.clone().unwrap_or_else(|| self.data_dir.join("signing-keys.pem"))
    }

    /// Threads that handle requests.
    pub fn worker_count(&self) -> usize {
        if self.workers > 0 { self.workers } else { std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// The table of settings for `docs/configuration.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\nSettings come from a TOML file (`--config`, else `kith.toml` in the working folder) and from the environment, \
which wins. This page is generated: `kith settings`.\n\n| in the file | in the environment | default | what it is |\n| --- | --- | --- | --- |\n",
    );
    for (name, variable, default, doc) in Settings::table() {
        let default = match name {
            "data_dir" => "`/var/lib/kith` for root, else `~/.local/share/kith`".to_owned(),
            _ if default.is_empty() => String::new(),
            _ => format!("`{default}`"),
        };
        text.push_str(&format!("| `{name}` | `{variable}` | {default} | {doc} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_says_what_is_expected() {
        let mut settings = Settings::defaults();
        assert!(settings.set("listen", "localhost").unwrap_err().contains("127.0.0.1:8080"));
        assert!(settings.set("pool_size", "many").unwrap_err().contains("a number"));
        assert!(settings.set("colour", "red").unwrap_err().contains("no such setting"));
        settings.set("cors_origins", "https://a.example, https://b.example").unwrap();
        assert_eq!(settings.cors_origins.len(), 2);
    }
}
