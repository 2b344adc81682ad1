//! What can go wrong before the embedded database answers. Each message stands alone: it names what
//! was found and what the reader can do about it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::binaries::{NEWEST, OLDEST};

/// Why the embedded database could not be started, attached to or fetched.
#[derive(Debug)]
#[expect(missing_docs, reason = "the message of each says what its members are")]
pub enum EmbeddedError {
    /// No PostgreSQL binaries anywhere we look.
    NotFound,
    /// PostgreSQL was found, but only in majors this program is not tested with.
    Unsupported { dir: PathBuf, major: u32 },
    /// The folder exists, but its binaries do not run (for the user PostgreSQL runs as).
    Unusable { dir: PathBuf, reason: String },
    /// The data folder cannot be created, written or reached.
    DataDir { dir: PathBuf, reason: String },
    /// The folder for the Unix socket cannot be used.
    SocketDir { dir: PathBuf, reason: String },
    /// The data were written by a major version of which there are no binaries here.
    OtherMajor { dir: PathBuf, written_by: u32, available: Vec<u32> },
    /// `initdb` ended with an error.
    Initdb { output: String },
    /// `postgres` ended at once or did not answer in time.
    NotStarted { waited: Duration, log: PathBuf, tail: String },
    /// Another process owns this data folder, and its database does not answer.
    Busy { dir: PathBuf },
    /// `kith db fetch` failed.
    Fetch { reason: String },
}

impl EmbeddedError {
    pub(super) fn data_dir(dir: &Path, reason: impl fmt::Display) -> Self {
        Self::DataDir { dir: dir.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn fetch(reason: impl fmt::Display) -> Self {
        Self::Fetch { reason: reason.to_string() }
    }
}

impl fmt::Display for EmbeddedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => write!(
                f,
                "no PostgreSQL found. Either install it (Debian, Ubuntu: apt-get install postgresql), or let \
                 `kith db fetch` fetch one (needs npm), or set DATABASE_URL to a running PostgreSQL {OLDEST} to {NEWEST}"
            ),
            Self::Unsupported { dir, major } => write!(
                f,
                "the PostgreSQL in {} is version {major}, supported are {OLDEST} to {NEWEST}. Install one of those, \
                 run `kith db fetch`, or set DATABASE_URL",
                dir.display()
            ),
            Self::Unusable { dir, reason } => {
                write!(f, "the PostgreSQL binaries in {} cannot be used: {reason}", dir.display())
            }
            Self::DataDir { dir, reason } => write!(f, "the data folder {} cannot be used: {reason}", dir.display()),
            Self::SocketDir { dir, reason } => {
                write!(f, "the folder {} for the database's socket cannot be used: {reason}", dir.display())
            }
            Self::OtherMajor { dir, written_by, available } => {
                let found = available.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
                write!(
                    f,
                    "the data in {} were written by PostgreSQL {written_by}, found here: {}. Install PostgreSQL \
                     {written_by} beside it, or move the data with pg_dump and pg_restore",
                    dir.display(),
                    if found.is_empty() { "none" } else { found.as_str() }
                )
            }
            Self::Initdb { output } => {
                write!(f, "initdb could not create the database cluster:\n{}", output.trim_end())
            }
            Self::NotStarted { waited, log, tail } => write!(
                f,
                "PostgreSQL did not start ({:.1} s waited). The end of {}:\n{}",
                waited.as_secs_f32(),
                log.display(),
                if tail.is_empty() { "(nothing logged)" } else { tail.as_str() }
            ),
            Self::Busy { dir } => write!(
                f,
                "another process uses the data folder {}, but its database does not answer. Stop that process and try again",
                dir.display()
            ),
            Self::Fetch { reason } => write!(f, "fetching PostgreSQL failed: {reason}"),
        }
    }
}

impl std::error::Error for EmbeddedError {}
