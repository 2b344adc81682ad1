//! As which user PostgreSQL runs. It refuses to run as root, so root hands it to another user.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::EmbeddedError;

/// The user of `initdb` and `postgres`.
#[derive(Debug, Clone)]
pub(super) struct RunUser {
    uid: u32,
    gid: u32,
    name: String,
    /// Whether we are root and have to change to that user.
    dropped: bool,
}

impl RunUser {
    /// Ourselves, or for root: the owner of an existing cluster, else `postgres`, else `nobody`.
    pub(super) fn choose(cluster: &Path) -> Result<Self, EmbeddedError> {
        let uid = effective_uid();
        if uid != 0 {
            return Ok(Self { uid, gid: 0, name: "this user".into(), dropped: false });
        }
        if let Ok(owner) = fs::metadata(cluster)
            && owner.uid() != 0
        {
            let name = format!("user {}, who owns the data", owner.uid());
            return Ok(Self { uid: owner.uid(), gid: owner.gid(), name, dropped: true });
        }
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| {
                let (uid, gid) = ids_of(&passwd, name)?;
                Some(Self { uid, gid, name: format!("user {name}"), dropped: true })
            })
            .ok_or_else(|| {
                let reason = "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as";
                EmbeddedError::data_dir(cluster, reason)
            })
    }

    pub(super) fn uid(&self) -> u32 {
        self.uid
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A command as this user: nothing inherited but what a program needs to find its libraries, so that
    /// neither our secrets nor a stray PGPORT reach PostgreSQL; in a folder that every user can enter.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.dropped {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Gives a file or folder of ours to this user.
    pub(super) fn give(&self, path: &Path) -> std::io::Result<()> {
        if self.dropped { chown(path, Some(self.uid), Some(self.gid)) } else { Ok(()) }
    }

    /// The first folder on the way to `path` that this user may not enter, if we change users at all.
    pub(super) fn barred_at<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        if !self.dropped {
            return None;
        }
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        way.into_iter().find(|folder| fs::metadata(folder).is_ok_and(|meta| !self.may_enter(&meta)))
    }

    fn may_enter(&self, meta: &fs::Metadata) -> bool {
        let bit = if meta.uid() == self.uid {
            0o100
        } else if meta.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        meta.mode() & bit != 0
    }
}

/// Whether we are root, and PostgreSQL therefore runs as somebody else.
pub(super) fn is_root() -> bool {
    effective_uid() == 0
}

#[expect(unsafe_code, reason = "the standard library does not tell the effective user")]
fn effective_uid() -> u32 {
    // SAFETY: geteuid takes nothing, touches no memory and cannot fail.
    unsafe { libc::geteuid() }
}

fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = passwd.lines().map(|line| line.split(':')).find_map(|mut fields| {
        let found = fields.next() == Some(name);
        found.then_some(fields)
    })?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    (uid != 0).then_some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::ids_of;

    #[test]
    fn ids_come_from_the_exact_name() {
        let passwd =
            "root:x:0:0::/root:/bin/sh\npostgresql:x:7:8::/:\npostgres:x:101:104:PostgreSQL,,,:/var:/bin/bash\n";
        assert_eq!(ids_of(passwd, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(passwd, "root"), None);
        assert_eq!(ids_of(passwd, "nobody"), None);
    }
}
