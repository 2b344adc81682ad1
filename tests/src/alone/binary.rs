//! The binary as a process of its own, on a database of the test's own.

use super::database::Own;
use kith_testkit::Wire;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A running one; killed when dropped.
pub struct Kith {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it has written to its standard error and output.
    pub log: PathBuf,
    child: Child,
}

impl Kith {
    /// Starts it with what is set here and nothing else, and waits until it is ready.
    pub fn start(own: &Own, log: &str) -> Self {
        // Free now, and nobody else asks for that one before it is taken again.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = &own.settings.data_dir;
        let path = folder.join("kith.log");
        let file = File::options().create(true).append(true).open(&path).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_kith-tested"))
            .arg("serve")
            .current_dir(folder)
            .env_clear()
            .env("KITH_LISTEN", address.to_string())
            .env("KITH_DATA_DIR", folder)
            .env("DATABASE_URL", &own.database.url)
            .env("KITH_RATE_LIMIT_PER_MINUTE", "0")
            .env("KITH_RATE_LIMIT_TENANT_PER_MINUTE", "0")
            .env("KITH_WEBHOOK_ALLOW", own.settings.webhook_allow.join(","))
            .env("KITH_LOG", log)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut kith = Kith { address, log: path, child };
        let began = Instant::now();
        while !kith.is_ready() {
            let ended = kith.child.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < Duration::from_secs(30), "{ended:?}: {}", kith.said());
            std::thread::sleep(Duration::from_millis(20));
        }
        kith
    }

    fn is_ready(&self) -> bool {
        let reply = Wire::open(self.address).and_then(|mut wire| wire.ask("GET", "/readyz", None, None));
        reply.is_ok_and(|reply| reply.status == 200)
    }

    /// A connection to it.
    pub fn connect(&self) -> Wire {
        Wire::open(self.address).unwrap_or_else(|error| panic!("{error}: {}", self.said()))
    }

    /// All that it has written.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// KiB of memory that it holds.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends a signal, such as `-TERM`.
    pub fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub fn end(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Kith {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
