//! Where everything of one embedded database lies, and who may read it.
//!
//! `<data>/postgres` the cluster, `postgres.password`, `postgres.log`, `postgres.lock`, and `run` for the socket.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::user::RunUser;

/// Decides only the name of the socket, since nothing listens on TCP.
pub(super) const PORT: u16 = 5432;
/// The kernel allows 107 bytes for a socket's path; stay clear of it.
const SOCKET_PATH_LIMIT: usize = 100;
const LOG_LIMIT: u64 = 10 * 1024 * 1024;

#[derive(Debug)]
pub(super) struct Layout {
    pub(super) data_dir: PathBuf,
    pub(super) cluster: PathBuf,
    pub(super) socket_dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) user: RunUser,
}

/// The PostgreSQL cluster of a data folder.
pub(super) fn cluster_in(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres")
}

impl Layout {
    /// Creates the folders, and finds out early when PostgreSQL could not use them.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let failed = |error| EmbeddedError::data_dir(data_dir, error);
        fs::create_dir_all(data_dir).map_err(failed)?;
        let data_dir = fs::canonicalize(data_dir).map_err(failed)?;
        let cluster = cluster_in(&data_dir);
        let user = RunUser::choose(&cluster)?;
        open_to(&user, &data_dir)?;
        if let Ok(meta) = fs::metadata(&cluster)
            && meta.uid() != user.uid()
        {
            let reason =
                format!("its database belongs to user {}; run as that user or choose another folder", meta.uid());
            return Err(EmbeddedError::data_dir(&data_dir, reason));
        }
        let socket_dir = socket_dir_for(&data_dir);
        private_folder(&socket_dir, &user)
            .map_err(|reason| EmbeddedError::SocketDir { dir: socket_dir.clone(), reason })?;
        Ok(Self { log: data_dir.join("postgres.log"), cluster, socket_dir, user, data_dir })
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(socket_name())
    }

    pub(super) fn password_file(&self) -> PathBuf {
        self.data_dir.join("postgres.password")
    }

    /// The file whose lock says which process owns the database's process.
    pub(super) fn open_lock(&self) -> Result<File, EmbeddedError> {
        let path = self.data_dir.join("postgres.lock");
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| EmbeddedError::data_dir(&self.data_dir, error))
    }

    /// The log, moved aside once it has grown large.
    pub(super) fn open_log(&self) -> Result<File, EmbeddedError> {
        if fs::metadata(&self.log).is_ok_and(|meta| meta.len() > LOG_LIMIT) {
            // Tolerated: a log that cannot be moved goes on growing.
            drop(fs::rename(&self.log, self.log.with_extension("log.1")));
        }
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.log)
            .map_err(|error| EmbeddedError::data_dir(&self.data_dir, error))
    }

    /// The password of an existing cluster.
    pub(super) fn read_password(&self) -> Result<String, EmbeddedError> {
        let path = self.password_file();
        let missing = |why: String| EmbeddedError::data_dir(&self.data_dir, format!("{}: {why}", path.display()));
        let text = fs::read_to_string(&path).map_err(|error| missing(error.to_string()))?;
        let password = text.trim();
        if password.is_empty() { Err(missing("is empty".into())) } else { Ok(password.to_owned()) }
    }

    /// A new 256-bit password for a cluster that does not exist yet.
    pub(super) fn write_password(&self) -> Result<(), EmbeddedError> {
        let failed = |error| EmbeddedError::data_dir(&self.data_dir, error);
        let mut bytes = [0_u8; 32];
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).map_err(failed)?;
        let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.password_file();
        if path.exists() {
            fs::remove_file(&path).map_err(failed)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        file.write_all(password.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        self.user.give(&path).map_err(failed)
    }
}

pub(super) fn socket_name() -> String {
    format!(".s.PGSQL.{PORT}")
}

/// Root must keep the data where the other user can reach them. A folder that is still empty we open ourselves;
/// the rights of a folder in use are not ours to change.
pub(super) fn open_to(user: &RunUser, data_dir: &Path) -> Result<(), EmbeddedError> {
    let failed = |error| EmbeddedError::data_dir(data_dir, error);
    if user.barred_at(data_dir) == Some(data_dir) && fs::read_dir(data_dir).map_err(failed)?.next().is_none() {
        let mode = fs::metadata(data_dir).map_err(failed)?.mode();
        fs::set_permissions(data_dir, Permissions::from_mode(mode | 0o011)).map_err(failed)?;
    }
    match user.barred_at(data_dir) {
        None => Ok(()),
        Some(barrier) => Err(EmbeddedError::data_dir(
            data_dir,
            format!(
                "we run as root, PostgreSQL as {}, and that user may not enter {}. Choose a folder it can reach, for \
                 example /var/lib/kith, or open that one (chmod o+x)",
                user.name(),
                barrier.display()
            ),
        )),
    }
}

/// `<data>/run`, or where that is too long for a socket a folder under `/tmp` named after the data folder.
fn socket_dir_for(data_dir: &Path) -> PathBuf {
    let beside = data_dir.join("run");
    if beside.as_os_str().len() + 1 + socket_name().len() <= SOCKET_PATH_LIMIT {
        return beside;
    }
    // FNV-1a: the name must be the same in every process and version, which the standard hasher does not promise.
    let hash =
        data_dir.as_os_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    PathBuf::from(format!("/tmp/kith-{hash:016x}"))
}

/// A folder for this user alone. In `/tmp` somebody else may have made it first: then it is refused.
fn private_folder(dir: &Path, user: &RunUser) -> Result<(), String> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => user.give(dir).map_err(|error| error.to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let meta = fs::symlink_metadata(dir).map_err(|error| error.to_string())?;
            if !meta.is_dir() {
                return Err("it is not a folder".into());
            }
            if meta.uid() == 0 && super::user::is_root() {
                user.give(dir).map_err(|error| error.to_string())?;
            } else if meta.uid() != user.uid() {
                return Err(format!("it belongs to user {}", meta.uid()));
            }
            if meta.mode() & 0o077 != 0 {
                return Err(format!("others can enter it (mode {:03o}, expected 700)", meta.mode() & 0o777));
            }
            Ok(())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_lies_beside_the_data_while_its_path_is_short() {
        assert_eq!(socket_dir_for(Path::new("/var/lib/kith")), Path::new("/var/lib/kith/run"));
        let longest = format!("/{}", "d".repeat(SOCKET_PATH_LIMIT - 1 - "/run/".len() - socket_name().len()));
        let beside = socket_dir_for(Path::new(&longest));
        assert!(beside.ends_with("run"));
        assert_eq!(beside.join(socket_name()).as_os_str().len(), SOCKET_PATH_LIMIT);
    }

    #[test]
    fn a_long_path_gets_a_short_stable_folder_of_its_own() {
        let long = |last: &str| socket_dir_for(Path::new(&format!("/{}/{last}", "d".repeat(120))));
        assert_eq!(long("a"), long("a"));
        assert_ne!(long("a"), long("b"));
        assert!(long("a").starts_with("/tmp") && long("a").as_os_str().len() < 40);
    }
}
