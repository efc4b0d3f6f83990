//! fake-gcs-server: Cloud Storage's API as somebody else reads it, without any authentication. What is written against
//! the strict twin is written against this one as well.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use tempfile::TempDir;

use crate::install::{self, Python, Unavailable};
use crate::server::{Server, answers, start_on_a_free_port};

/// A running server. It ends with this value, and with the test process whatever happens to that.
#[derive(Debug)]
pub struct FakeGcs {
    server: Server,
    port: u16,
    _home: TempDir,
}

impl FakeGcs {
    /// Starts an empty server on a port of its own, on 127.0.0.1 alone, and waits until it answers.
    ///
    /// # Panics
    /// When the Python tools are there and the server does not come up.
    pub fn try_start() -> Result<Self, Unavailable> {
        let python = install::python()?;
        Ok(start_on_a_free_port("fake-gcs-server", |port| Self::start_on(port, &python)))
    }

    fn start_on(port: u16, python: &Python) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = python.python(home.path());
        command.args(["-c", include_str!("start.py"), &port.to_string()]);
        let server = Server::start(&mut command, &home.path().join("log"), || is_healthy(port))?;
        Ok(Self { server, port, _home: home })
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
        self.server.close_input();
    }
}

fn is_healthy(port: u16) -> bool {
    answers(port, "/_internal/healthcheck")
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
        assert!(!is_healthy(port), "the server ends with its value");
    }
}
