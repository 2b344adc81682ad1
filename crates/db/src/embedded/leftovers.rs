//! What a hard kill leaves behind: a pid file that looks alive, or server processes that still write.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::EmbeddedError;
use super::layout::{Layout, socket_name};
use super::probe::{self, Answer};

/// Long enough for the shutdown checkpoint of a server whose owner has just died.
const PATIENCE: Duration = Duration::from_secs(60);

/// What stands in the way of a start.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leftover {
    Nothing,
    /// A server that nobody owns is up: use it.
    Running,
}

/// Waits for the end of server processes that nobody owns any more, then removes pid files that would stop a start.
/// Call it only under the lock.
pub(super) fn clear(layout: &Layout) -> Result<Leftover, EmbeddedError> {
    let pid_file = layout.cluster.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&pid_file) else { return Ok(Leftover::Nothing) };
    let began = Instant::now();
    loop {
        if probe::ask(&layout.socket()) == Answer::Ready {
            return Ok(Leftover::Running);
        }
        if !is_in_use(&layout.cluster) {
            break;
        }
        if began.elapsed() > PATIENCE {
            return Err(EmbeddedError::Busy { dir: layout.data_dir.clone() });
        }
        thread::sleep(Duration::from_millis(20));
    }
    // PostgreSQL sorts out the file of a process that is gone. It cannot know that the number now belongs to a
    // zombie or to another program; we know, having looked for any process of its that uses the cluster.
    if first_line_exists(&text) {
        let socket_lock = layout.socket_dir.join(format!("{}.lock", socket_name()));
        for file in [pid_file, socket_lock] {
            if let Err(error) = fs::remove_file(&file)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(EmbeddedError::data_dir(&layout.data_dir, format!("{}: {error}", file.display())));
            }
        }
    }
    Ok(Leftover::Nothing)
}

fn pid_of(text: &str) -> Option<u32> {
    text.lines().next()?.trim().parse().ok()
}

#[cfg(target_os = "linux")]
fn first_line_exists(text: &str) -> bool {
    pid_of(text).is_some_and(|pid| Path::new("/proc").join(pid.to_string()).exists())
}

/// Every process of PostgreSQL works in its cluster's folder. Zombies have no folder, so they do not count.
#[cfg(target_os = "linux")]
fn is_in_use(cluster: &Path) -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes.flatten().map(|process| process.path()).any(|process| {
        fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == cluster)
            && fs::read_to_string(process.join("comm")).is_ok_and(|name| name.trim() == "postgres")
    })
}

/// Elsewhere PostgreSQL's own check has to do.
#[cfg(not(target_os = "linux"))]
fn first_line_exists(text: &str) -> bool {
    let _ = pid_of(text);
    false
}

#[cfg(not(target_os = "linux"))]
fn is_in_use(_cluster: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_is_the_first_line() {
        assert_eq!(pid_of("4711\n/var/lib/kith/postgres\n1700000000\n5432\n"), Some(4711));
        assert_eq!(pid_of("-12\n"), None);
        assert_eq!(pid_of(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_without_postgres_is_not_in_use() {
        assert!(!is_in_use(Path::new("/")));
        assert!(first_line_exists(&std::process::id().to_string()));
        assert!(!first_line_exists("4194305"));
    }
}
