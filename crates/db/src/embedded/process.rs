//! The `postgres` process as our child: it must never outlive us, and must end cleanly.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// After this long a fast shutdown becomes an immediate one (the next start then recovers from the log).
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Server {
    child: Child,
    keeper: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Server {
    /// Starts it so that it stops when we end, however we end.
    ///
    /// The kernel sends that signal when the *thread* that started the child ends, not the process. So a thread of
    /// its own starts it and then sleeps until the shutdown; callers may start from any thread.
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        // A group of its own: Ctrl-C must reach us alone, requests in flight still need the database.
        command.process_group(0);
        stop_with_parent(&mut command);
        let (give, take) = mpsc::sync_channel(1);
        let (hold, released) = mpsc::channel::<()>();
        let keeper = thread::Builder::new().name("postgres-keeper".into()).spawn(move || {
            if give.send(command.spawn()).is_ok() {
                // Ends with an error when `hold` is dropped, which is what it waits for.
                let _ = released.recv();
            }
        })?;
        let child = take.recv().map_err(io::Error::other)??;
        Ok(Self { child, keeper: Some((hold, keeper)) })
    }

    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGINT is PostgreSQL's fast shutdown: sessions are ended, everything is written, no recovery later.
    fn stop(&mut self) {
        for (signal, patience) in [(libc::SIGINT, SHUTDOWN_PATIENCE), (libc::SIGQUIT, Duration::from_secs(10))] {
            if self.has_ended() {
                break;
            }
            self.signal(signal);
            let asked = Instant::now();
            while !self.has_ended() && asked.elapsed() < patience {
                thread::sleep(Duration::from_millis(5));
            }
        }
        if let Some((hold, keeper)) = self.keeper.take() {
            drop(hold);
            drop(keeper.join());
        }
    }

    #[expect(unsafe_code, reason = "the standard library sends only SIGKILL")]
    fn signal(&self, signal: libc::c_int) {
        if let Ok(pid) = libc::pid_t::try_from(self.child.id()) {
            // SAFETY: kill touches no memory. The child has not been waited for, so its number is still its own.
            unsafe { libc::kill(pid, signal) };
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "only between fork and exec can a process ask to be told of its parent's death")]
fn stop_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let ask = move || {
        // SAFETY: both calls are allowed after fork and touch no memory of ours.
        let (asked, current) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT), libc::getppid()) };
        if asked != 0 {
            return Err(io::Error::last_os_error());
        }
        // The parent may have died just before we asked; then nobody would tell us.
        if u32::try_from(current) == Ok(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: the closure allocates nothing, takes no lock, and calls only what is allowed after fork. The standard
    // library runs it after the change of user, which would have undone the request.
    unsafe { command.pre_exec(ask) };
}

/// Elsewhere there is no such request: a database left behind is found by its socket and attached to.
#[cfg(not(target_os = "linux"))]
fn stop_with_parent(_command: &mut Command) {}
