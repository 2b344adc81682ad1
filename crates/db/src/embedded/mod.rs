//! The embedded database: our own launcher over PostgreSQL binaries, for when nobody configured a database.
//!
//! It knows nothing of tables, pools or migrations: it finds binaries, creates a cluster, starts it (or attaches to
//! one that another process of ours runs) and hands out a URL. Nothing listens on TCP; the socket lies in a folder
//! that only the database's user may enter, and every session needs the generated password all the same.

mod binaries;
mod error;
mod fetch;
mod initdb;
mod layout;
mod leftovers;
mod probe;
mod process;
mod user;

use std::fmt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

pub use binaries::{Binaries, find_binaries};
pub use error::EmbeddedError;
pub use fetch::fetch;

use layout::{Layout, PORT};
use leftovers::Leftover;
use probe::Answer;
use process::Server;

/// The cluster's owner and superuser.
const SUPERUSER: &str = "kith";
/// How long a start may take in which PostgreSQL says nothing at all.
const SILENT_LIMIT: Duration = Duration::from_secs(60);
/// How long it may say "starting up", as it does while it recovers after a crash.
const RECOVERY_LIMIT: Duration = Duration::from_secs(600);
/// How long another process that owns the database may take to start or stop it.
const OWNER_LIMIT: Duration = Duration::from_secs(90);

/// Where things are and how to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Holds the cluster, its password, log and socket. Created if missing.
    pub data_dir: PathBuf,
    /// Where `initdb` and `postgres` are; `None` looks in the usual places.
    pub bin_dir: Option<PathBuf>,
    /// Settings for `postgres -c name=value`, after ours. `fsync` `off` also spares the first start its sync.
    pub settings: Vec<(String, String)>,
}

/// A running database. Dropping it stops a database that we started and leaves alone one that we attached to.
///
/// The URL depends on the data folder alone: a database that has gone comes back under the same URL with
/// [`Embedded::revive`], so connection pools can stay.
pub struct Embedded {
    socket: PathBuf,
    socket_dir: PathBuf,
    password: String,
    major: u32,
    // In this order: the lock must be released only after the database has stopped.
    server: Option<Server>,
    lock: Option<File>,
}

/// Finds the binaries, creates the cluster if there is none, starts it or attaches to the one that another process
/// runs on the same folder, and returns when it answers. Blocks; takes about a second the first time, a tenth later.
pub fn start(options: &Options) -> Result<Embedded, EmbeddedError> {
    let layout = Layout::prepare(&options.data_dir)?;
    let Some(lock) = own_or_find(&layout)? else { return attach(&layout) };
    let binaries = find_binaries(options.bin_dir.as_deref(), &layout.data_dir)?;
    if binaries::written_by(&layout.cluster).is_none() {
        let throw_away = options.settings.iter().any(|(name, value)| name == "fsync" && value == "off");
        initdb::create_cluster(&layout, &binaries, !throw_away)?;
    }
    let password = layout.read_password()?;
    if leftovers::clear(&layout)? == Leftover::Running {
        return attach(&layout);
    }
    let server = launch(&layout, &binaries, &options.settings)?;
    Ok(Embedded {
        socket: layout.socket(),
        socket_dir: layout.socket_dir,
        password,
        major: binaries.major,
        server: Some(server),
        lock: Some(lock),
    })
}

impl Embedded {
    /// A URL for libpq over the Unix socket, as the cluster's owner. It contains the password: never log it.
    pub fn url(&self, database: &str) -> String {
        let host = percent_encode(&self.socket_dir.to_string_lossy());
        let (password, database) = (percent_encode(&self.password), percent_encode(database));
        format!("postgresql://{SUPERUSER}:{password}@{host}:{PORT}/{database}")
    }

    /// Stops a database that we started, and waits until it has; the same as dropping.
    pub fn stop(self) {}

    /// Whether this process started the database, and will stop it.
    pub fn is_ours(&self) -> bool {
        self.server.is_some()
    }

    /// Whether the database lets sessions begin at this moment.
    pub fn answers(&self) -> bool {
        probe::ask(&self.socket) == Answer::Ready
    }

    /// Brings the database back when it no longer answers: it was killed, or the process that owned it has stopped it.
    /// Whoever calls this first owns the new one.
    pub fn revive(&mut self, options: &Options) -> Result<(), EmbeddedError> {
        if self.answers() {
            return Ok(());
        }
        // First the old process, then the lock: start() takes the same lock.
        self.server = None;
        self.lock = None;
        *self = start(options)?;
        Ok(())
    }

    /// PostgreSQL's major version, 15 to 18.
    pub fn version(&self) -> u32 {
        self.major
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded")
            .field("socket", &self.socket)
            .field("major", &self.major)
            .field("is_ours", &self.is_ours())
            .finish_non_exhaustive()
    }
}

/// The lock if we are to start the database, nothing if there is one that answers.
///
/// The owner keeps the lock for as long as its database runs, and the kernel frees it when the owner dies.
fn own_or_find(layout: &Layout) -> Result<Option<File>, EmbeddedError> {
    let lock = layout.open_lock()?;
    let began = Instant::now();
    loop {
        if layout.cluster.exists() && probe::ask(&layout.socket()) == Answer::Ready {
            return Ok(None);
        }
        match lock.try_lock() {
            Ok(()) => return Ok(Some(lock)),
            Err(fs::TryLockError::Error(error)) => return Err(EmbeddedError::data_dir(&layout.data_dir, error)),
            Err(fs::TryLockError::WouldBlock) if began.elapsed() > OWNER_LIMIT => {
                return Err(EmbeddedError::Busy { dir: layout.data_dir.clone() });
            }
            Err(fs::TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn attach(layout: &Layout) -> Result<Embedded, EmbeddedError> {
    let unreadable = || EmbeddedError::data_dir(&layout.data_dir, "its database runs, but PG_VERSION cannot be read");
    Ok(Embedded {
        socket: layout.socket(),
        socket_dir: layout.socket_dir.clone(),
        password: layout.read_password()?,
        major: binaries::written_by(&layout.cluster).ok_or_else(unreadable)?,
        server: None,
        lock: None,
    })
}

fn launch(layout: &Layout, binaries: &Binaries, settings: &[(String, String)]) -> Result<Server, EmbeddedError> {
    let failed = |error: std::io::Error| EmbeddedError::data_dir(&layout.data_dir, error);
    let log = layout.open_log()?;
    let logged_before = log.metadata().map_err(failed)?.len();
    let mut sockets = std::ffi::OsString::from("unix_socket_directories=");
    sockets.push(&layout.socket_dir);
    let mut command = layout.user.command(&binaries.postgres());
    command.arg("-D").arg(&layout.cluster).arg("-c").arg(sockets);
    command.args(["-c", "listen_addresses=", "-c", &format!("port={PORT}")]);
    command.args(["-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "logging_collector=off"]);
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.stdout(log.try_clone().map_err(failed)?).stderr(Stdio::from(log));
    let unusable =
        |error: std::io::Error| EmbeddedError::Unusable { dir: binaries.dir.clone(), reason: error.to_string() };
    let mut server = Server::spawn(command).map_err(unusable)?;
    let began = Instant::now();
    if answers_in_time(layout, &mut server, began) {
        return Ok(server);
    }
    drop(server);
    Err(EmbeddedError::NotStarted {
        waited: began.elapsed(),
        log: layout.log.clone(),
        tail: tail_of(&layout.log, logged_before),
    })
}

fn answers_in_time(layout: &Layout, server: &mut Server, began: Instant) -> bool {
    while !server.has_ended() {
        let waited = began.elapsed();
        match probe::ask(&layout.socket()) {
            Answer::Ready => return true,
            Answer::Silence if waited > SILENT_LIMIT => return false,
            Answer::NotNow if waited > RECOVERY_LIMIT => return false,
            // Each early question costs a line in the log, so ask less often once it takes long.
            _ => thread::sleep(Duration::from_millis(if waited.as_secs() < 2 { 10 } else { 100 })),
        }
    }
    false
}

/// The last lines of what this start logged.
fn tail_of(log: &std::path::Path, from: u64) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let new = usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or(&bytes);
    let text = String::from_utf8_lossy(new);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
}

fn percent_encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests;
