//! A server program: started, waited for until it is ready, and ended by its own process id.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A running server; it ends with this value. One that reads its input ends with the test process as well, whatever
/// happens to that.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    /// Starts a server, its output in `log`, and waits until `is_ready`; else the end of its log.
    pub(crate) fn start(
        command: &mut Command,
        log: &Path,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<Self, String> {
        let out = File::create(log).map_err(|error| error.to_string())?;
        let err = out.try_clone().map_err(|error| error.to_string())?;
        let child = command.stdin(Stdio::piped()).stdout(out).stderr(err).spawn();
        let mut server = Self(child.map_err(|error| error.to_string())?);
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline && server.is_running() {
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
    pub(crate) fn end_gently(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        self.wait_for_the_end();
    }

    /// Closes its input, by which those end that read it; what does not is ended.
    pub(crate) fn close_input(&mut self) {
        drop(self.0.stdin.take());
        self.wait_for_the_end();
    }

    fn wait_for_the_end(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline && self.is_running() {
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_running(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_none())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts `name` on a port of its own. Between finding a free port and binding it another program may take it: another
/// one is tried then.
///
/// # Panics
/// When it does not come up.
pub(crate) fn start_on_a_free_port<T>(name: &str, start: impl Fn(u16) -> Result<T, String>) -> T {
    let mut why = String::new();
    for _ in 0..5 {
        match start(free_port()) {
            Ok(server) => return server,
            Err(log) => why = log,
        }
    }
    panic!("{name} does not come up: {why}");
}

/// Whether `path` is answered with 200 on a port of this machine.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound");
    listener.local_addr().expect("a bound listener has an address").port()
}
