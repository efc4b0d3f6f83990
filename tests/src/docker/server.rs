//! A server program: started, waited for, and ended by its own process id.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running server; it ends with this value.
#[derive(Debug)]
pub(super) struct Server(Child);

impl Server {
    /// Starts a server, its output in `log`, and waits until `is_ready`; else the end of its log.
    pub(super) fn start(
        command: &mut Command,
        log: &Path,
        is_ready: impl Fn() -> bool,
    ) -> Result<Self, String> {
        let out = File::create(log).map_err(|error| error.to_string())?;
        let err = out.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let mut server = Self(child.map_err(|error| error.to_string())?);
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline && server.0.try_wait().is_ok_and(|status| status.is_none()) {
            if is_ready() {
                return Ok(server);
            }
            thread::sleep(Duration::from_millis(20));
        }
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        Err(lines[lines.len().saturating_sub(3)..].join("; "))
    }

    /// Asks it to end, so that it ends what it has started itself; what does not is ended.
    #[cfg(unix)]
    pub(super) fn end_gently(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.0.try_wait().is_ok_and(|status| status.is_none()) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound");
    listener.local_addr().expect("a bound listener has an address").port()
}
