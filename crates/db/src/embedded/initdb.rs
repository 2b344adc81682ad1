//! Creates the cluster. It appears under its name only when it is complete, so a kill in between does no harm.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::SUPERUSER;
use super::binaries::Binaries;
use super::error::EmbeddedError;
use super::layout::Layout;

/// `durable` writes it through to the disk (some 40 ms), so that a power cut soon after the first start loses nothing.
pub(super) fn create_cluster(layout: &Layout, binaries: &Binaries, durable: bool) -> Result<(), EmbeddedError> {
    let failed = |error| EmbeddedError::data_dir(&layout.data_dir, error);
    if layout.cluster.exists() {
        let reason = format!("{} exists but holds no database; move it away", layout.cluster.display());
        return Err(EmbeddedError::data_dir(&layout.data_dir, reason));
    }
    layout.write_password()?;
    let unfinished = layout.data_dir.join("postgres.new");
    // Not every system has the locale C.UTF-8; without it texts sort by their bytes all the same.
    let mut done = Err(String::new());
    for locale in ["--locale=C.UTF-8", "--no-locale"] {
        empty_folder(&unfinished).and_then(|()| layout.user.give(&unfinished)).map_err(failed)?;
        done = run(layout, binaries, &unfinished, locale).map_err(failed)?;
        if done.as_ref().err().is_none_or(|output| !output.contains("locale")) {
            break;
        }
    }
    done.map_err(|output| EmbeddedError::Initdb { output })?;
    if durable {
        let sync =
            layout.user.command(&binaries.initdb()).args(["-S", "-D"]).arg(&unfinished).output().map_err(failed)?;
        if !sync.status.success() {
            return Err(EmbeddedError::Initdb { output: String::from_utf8_lossy(&sync.stderr).into_owned() });
        }
    }
    fs::rename(&unfinished, &layout.cluster).map_err(failed)?;
    if durable { File::open(&layout.data_dir).and_then(|folder| folder.sync_all()).map_err(failed) } else { Ok(()) }
}

fn empty_folder(folder: &Path) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    DirBuilder::new().mode(0o700).create(folder)
}

/// The inner result holds what `initdb` printed when it failed.
fn run(layout: &Layout, binaries: &Binaries, folder: &Path, locale: &str) -> std::io::Result<Result<(), String>> {
    let mut password = std::ffi::OsString::from("--pwfile=");
    password.push(layout.password_file());
    let output = layout
        .user
        .command(&binaries.initdb())
        .args(["-N", "-E", "UTF8", locale, "-U", SUPERUSER, "--auth=scram-sha-256"])
        .arg(password)
        .arg("-D")
        .arg(folder)
        .output()?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    let said = [output.stdout, output.stderr].concat();
    Ok(Err(format!("{}{}", String::from_utf8_lossy(&said), output.status)))
}
