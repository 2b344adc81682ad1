//! Finds PostgreSQL binaries. Never downloads: `fetch` does that, and only when asked.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::user::{RunUser, is_root};

/// The oldest major version that the migrations are tested with.
pub(super) const OLDEST: u32 = 15;
/// The newest major version that the migrations are tested with.
pub(super) const NEWEST: u32 = 18;

/// Parent folder, start of the version folder's name, and what follows it.
const SYSTEM: [(&str, &str, &str); 8] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/usr/libexec", "postgresql", ""),
    ("/usr/local", "pgsql", "bin"),
    ("/opt/homebrew/opt", "postgresql", "bin"),
    ("/usr/local/opt", "postgresql", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A folder with `initdb` and `postgres` of one supported major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The folder that holds both programs.
    pub dir: PathBuf,
    /// The major version, 15 to 18.
    pub major: u32,
}

impl Binaries {
    pub(super) fn initdb(&self) -> PathBuf {
        self.dir.join("initdb")
    }

    pub(super) fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }
}

/// Finds the binaries to use for `data_dir`: the configured folder if there is one, else the highest version in
/// the usual system folders, else `initdb` on the PATH, else what `kith db fetch` left behind. Where a cluster
/// exists already, only binaries of its own major version will do.
pub fn find_binaries(bin_dir: Option<&Path>, data_dir: &Path) -> Result<Binaries, EmbeddedError> {
    let cluster = super::layout::cluster_in(data_dir);
    let user = RunUser::choose(&cluster)?;
    let candidates = match bin_dir {
        Some(dir) => vec![dir.to_owned()],
        None => {
            let mut all = system_folders();
            all.extend(on_path(std::env::var_os("PATH")));
            all.extend(fetched_folders(data_dir).into_iter().map(|dir| dir.join("native/bin")));
            all
        }
    };
    choose(&candidates, bin_dir.is_some(), &cluster, written_by(&cluster), |dir| version_in(dir, &user))
}

/// The major version that wrote a cluster, if there is one.
pub(super) fn written_by(cluster: &Path) -> Option<u32> {
    fs::read_to_string(cluster.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// Where fetched binaries may lie: beside the data, or where every data folder of this user finds them.
pub(super) fn fetched_folders(data_dir: &Path) -> Vec<PathBuf> {
    let mut folders = vec![data_dir.join("postgres-bin")];
    if is_root() {
        folders.push("/var/lib/kith/postgres-bin".into());
    } else if let Some(home) = std::env::var_os("HOME") {
        folders.push(Path::new(&home).join(".local/share/kith/postgres-bin"));
    }
    folders
}

/// The major version of the binaries in a folder, `None` where there are none.
pub(super) fn version_in(dir: &Path, user: &RunUser) -> io::Result<Option<u32>> {
    let postgres = dir.join("postgres");
    if !postgres.exists() || !dir.join("initdb").exists() {
        return Ok(None);
    }
    let output = user.command(&postgres).arg("--version").output().map_err(|error| {
        let hint = if error.kind() == io::ErrorKind::PermissionDenied { " (as " } else { " (run as " };
        io::Error::new(error.kind(), format!("{error}{hint}{})", user.name()))
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    match major_of(&said) {
        Some(major) => Ok(Some(major)),
        None => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("`postgres --version` said: {}{}", said.trim(), complaint.trim())))
        }
    }
}

fn choose(
    candidates: &[PathBuf],
    explicit: bool,
    cluster: &Path,
    wanted: Option<u32>,
    version: impl Fn(&Path) -> io::Result<Option<u32>>,
) -> Result<Binaries, EmbeddedError> {
    let mut refused = None;
    let mut available = Vec::new();
    for dir in candidates {
        match version(dir) {
            Ok(Some(major)) if !(OLDEST..=NEWEST).contains(&major) => {
                refused.get_or_insert(EmbeddedError::Unsupported { dir: dir.clone(), major });
            }
            Ok(Some(major)) if wanted.is_some_and(|wanted| wanted != major) => available.push(major),
            Ok(Some(major)) => return Ok(Binaries { dir: dir.clone(), major }),
            Ok(None) if explicit => {
                let reason = "it holds no initdb and postgres".to_owned();
                refused = Some(EmbeddedError::Unusable { dir: dir.clone(), reason });
            }
            Ok(None) => {}
            Err(error) => {
                refused.get_or_insert(EmbeddedError::Unusable { dir: dir.clone(), reason: error.to_string() });
            }
        }
    }
    match (wanted, refused) {
        (Some(written_by), _) if !available.is_empty() => {
            available.dedup();
            Err(EmbeddedError::OtherMajor { dir: cluster.to_owned(), written_by, available })
        }
        (_, Some(refused)) => Err(refused),
        _ => Err(EmbeddedError::NotFound),
    }
}

fn system_folders() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, start, end) in SYSTEM {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(version) = name.to_str().and_then(|name| name.strip_prefix(start)) else { continue };
            let folder = if end.is_empty() { entry.path() } else { entry.path().join(end) };
            if folder.join("initdb").exists() {
                found.push((leading_number(version.trim_start_matches('@')).unwrap_or(0), folder));
            }
        }
    }
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// `initdb` on the PATH is often a link; the folder it really lies in also holds `postgres`.
fn on_path(path: Option<OsString>) -> Vec<PathBuf> {
    let path = path.unwrap_or_default();
    std::env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok()?.parent().map(Path::to_owned))
        .collect()
}

fn major_of(said: &str) -> Option<u32> {
    leading_number(said.split("(PostgreSQL)").nth(1)?.trim_start())
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
#[path = "binaries_tests.rs"]
mod tests;
