//! fake-gcs-server: Cloud Storage's API as somebody else reads it, without any authentication. What is written against
//! the strict twin is written against this one as well.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::install::{self, Python, Unavailable};

/// A running server. It ends with this value, and with the test process whatever happens to that.
#[derive(Debug)]
pub struct FakeGcs {
    child: Child,
    port: u16,
    home: TempDir,
}

impl FakeGcs {
    /// Starts an empty server on a port of its own, on 127.0.0.1 alone, and waits until it answers.
    ///
    /// # Panics
    /// When the Python tools are there and the server does not come up.
    pub fn try_start() -> Result<Self, Unavailable> {
        let python = install::python()?;
        // Between finding a free port and binding it another program may take it: try another one then.
        let mut why = String::new();
        for _ in 0..5 {
            match Self::start_on(free_port(), &python) {
                Ok(server) => return Ok(server),
                Err(reason) => why = reason,
            }
        }
        panic!("fake-gcs-server does not come up: {why}");
    }

    fn start_on(port: u16, python: &Python) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let log = std::fs::File::create(home.path().join("log")).map_err(|error| error.to_string())?;
        let mut command = python.python(home.path());
        command.args(["-c", include_str!("start.py"), &port.to_string()]);
        command.stdin(Stdio::piped()).stderr(log).stdout(Stdio::null());
        let child = command.spawn().map_err(|error| error.to_string())?;
        let mut server = Self { child, port, home };
        server.wait_until_ready()?;
        Ok(server)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if healthy(self.port) {
                return Ok(());
            }
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default())
    }

    /// Makes an empty bucket.
    ///
    /// # Panics
    /// When the server does not make it.
    pub fn add_bucket(&self, name: &str) {
        let body = format!("{{\"name\":\"{name}\"}}");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("the server listens");
        let head = "POST /storage/v1/b?project=p HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
                    content-type: application/json\r\n";
        write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "the bucket was not made: {answer}");
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The helper ends the server when its input closes, so it is asked to, and not killed.
impl Drop for FakeGcs {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port can be bound");
    listener.local_addr().expect("a bound listener has an address").port()
}

fn healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(stream, "GET /_internal/healthcheck HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process, skip};

    const SCRIPT: &str = "
import os
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
client = storage.Client(
    project='p', credentials=AnonymousCredentials(), client_options={'api_endpoint': os.environ['URL']}
)
bucket = client.create_bucket('data')
bucket.blob('a/1.txt').upload_from_string('one')
names = [blob.name for blob in client.list_blobs('data', prefix='a/')]
print(names, bucket.blob('a/1.txt').download_as_bytes())
";

    #[test]
    fn the_real_client_writes_and_reads() {
        let server = match FakeGcs::try_start() {
            Ok(server) => server,
            Err(reason) => return skip::skip("the_real_client_writes_and_reads", reason),
        };
        let home = tempfile::tempdir().expect("a temporary folder");
        let python = install::python().expect("the Python tools");
        let mut command = python.python(home.path());
        let told = process::run(command.args(["-c", SCRIPT]).env("URL", server.url())).expect_success();
        assert_eq!(told.stdout_text(), "['a/1.txt'] b'one'\n");
        let port = server.port;
        drop(server);
        assert!(!healthy(port), "the server ends with its value");
    }
}
