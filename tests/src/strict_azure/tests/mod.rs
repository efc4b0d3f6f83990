//! Every refusal that the twin claims is asked for at the wire. The vendor's own clients are let loose on it in
//! `tests/it/azure`.

mod aks;
mod blob;
mod certificate;
mod cosmos;
mod entra;
mod managed;
mod manager;
mod people;
mod registry;
mod sas;
mod vault;

use std::net::TcpStream;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use super::entra::encoded;
use super::*;

const ARM: &str = "https://management.azure.com";
const REGISTRY: &str = "https://containerregistry.azure.net";
const STORAGE: &str = "https://storage.azure.com";
const ALICE: &str = "alice@strict.onmicrosoft.com";
/// A program of the tenant.
const ROBOT: &str = "99999999-8888-4777-8666-555555555555";

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (other, value) = line.split_once(": ")?;
            other.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body of a success.
    #[track_caller]
    fn good(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.json()
    }

    /// The text of a field of a success.
    #[track_caller]
    fn text(&self, field: &str) -> String {
        let body = self.good();
        body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}")).to_owned()
    }

    /// It is Entra's refusal with this error and code.
    #[track_caller]
    fn refused(&self, status: u16, error: &str, code: u32) {
        let body = self.json();
        assert_eq!((self.status, body["error"].as_str()), (status, Some(error)), "{self:?}");
        assert_eq!(body["error_codes"], json!([code]), "{self:?}");
        let told = body["error_description"].as_str().unwrap_or_default();
        assert!(told.starts_with(&format!("AADSTS{code}: ")), "{self:?}");
    }

    /// It is the refusal of an API that tells a code in an object `error`.
    #[track_caller]
    fn denied(&self, status: u16, code: &str) {
        let error = &self.json()["error"];
        assert_eq!((self.status, error["code"].as_str()), (status, Some(code)), "{self:?}");
    }

    /// It is Blob Storage's refusal with this code.
    #[track_caller]
    fn kept_out(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.header("x-ms-error-code")), (status, Some(code)), "{self:?}");
        assert!(self.body.contains(&format!("<Code>{code}</Code>")), "{self:?}");
    }
}

/// One exchange over TLS.
fn ask(server: &StrictAzure, line: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    ask_at(server, server.address(), line, headers, body)
}

fn ask_at(
    server: &StrictAzure,
    address: std::net::SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let mut roots = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(server.ca().as_bytes()).expect("a certificate in PEM");
    roots.add(ca).expect("an authority can be trusted");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows the protocol")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(address).expect("a connection");
    exchange(StreamOwned::new(connection, stream), line, headers, body)
}

/// One exchange in clear, with the managed identity endpoint.
fn ask_identity(server: &StrictAzure, line: &str, headers: &[(&str, &str)]) -> Reply {
    let stream = TcpStream::connect(server.identity().address()).expect("a connection");
    exchange(stream, line, headers, "")
}

fn exchange(
    mut stream: impl std::io::Read + std::io::Write,
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Reply {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
    .expect("a request");
    stream.flush().expect("a request");
    let mut bytes = Vec::new();
    // The server closes without a farewell.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

/// A form, with its values encoded.
fn form(server: &StrictAzure, path: &str, fields: &[(&str, &str)]) -> Reply {
    let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let kind = ("content-type", "application/x-www-form-urlencoded");
    ask(server, &format!("POST {path}"), &[kind], &body.join("&"))
}

/// A call for a token in the usual tenant.
fn token(server: &StrictAzure, fields: &[(&str, &str)]) -> Reply {
    form(server, &format!("/{TENANT}/oauth2/v2.0/token"), fields)
}

/// A call with a token.
fn call(server: &StrictAzure, line: &str, token: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    ask(server, line, &[("authorization", &bearer), ("x-ms-version", "2023-11-03")], "")
}

fn get(server: &StrictAzure, path: &str, token: &str) -> Reply {
    call(server, &format!("GET {path}"), token)
}
