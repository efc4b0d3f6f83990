//! Debian's `docker-registry`, the reference implementation of the registry's protocol.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::USER;
use crate::install::{Unavailable, debian};
use crate::process;
use crate::server::{Server, start_on_a_free_port};

/// Who is let in.
#[derive(Debug, Clone)]
pub enum Guard {
    /// Everybody.
    None,
    /// [`USER`] with its [password](super::PASSWORD), by a password file.
    PasswordFile,
    /// Who brings a token of a token service.
    Tokens {
        /// The service's URL.
        realm: String,
        /// Under which name it knows the registry.
        service: String,
        /// How it calls itself in its tokens.
        issuer: String,
        /// The certificate of the key that it signs with, as PEM.
        certificate: String,
    },
}

/// A running registry, empty at first. It ends with this value.
#[derive(Debug)]
pub struct Registry {
    port: u16,
    _server: Server,
    _folder: TempDir,
}

/// [`PASSWORD`](super::PASSWORD) as bcrypt, which alone the registry reads.
const HASH: &str = "$2b$04$tJ6mR7JhG3hh8t.Jgb/jruhABpKkxys3HQUJdQjK7Kwk/ratlOgtG";

impl Registry {
    /// Starts a registry on a loopback port of its own, and waits until it answers.
    ///
    /// # Panics
    /// When the program is there and does not come up.
    pub fn try_start(guard: &Guard) -> Result<Self, Unavailable> {
        let program = debian("docker-registry")?.join("usr/bin/docker-registry");
        Ok(start_on_a_free_port("docker-registry", |port| {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let config = folder.path().join("config.yml");
            let users = folder.path().join("htpasswd");
            fs::write(&users, format!("{USER}:{HASH}\n")).expect("a new folder can be written");
            let auth = match guard {
                Guard::None => json!(null),
                Guard::PasswordFile => json!({ "htpasswd": { "realm": "test", "path": users } }),
                Guard::Tokens { realm, service, issuer, certificate } => {
                    let roots = folder.path().join("roots.pem");
                    fs::write(&roots, certificate).expect("a new folder can be written");
                    json!({ "token": { "realm": realm, "service": service, "issuer": issuer, "rootcertbundle": roots } })
                }
            };
            let mut whole = json!({
                "version": "0.1",
                "log": { "level": "error" },
                "storage": { "filesystem": { "rootdirectory": folder.path().join("data") } },
                "http": { "addr": format!("127.0.0.1:{port}"), "secret": "one process, one secret" },
            });
            if !auth.is_null() {
                whole["auth"] = auth;
            }
            // JSON is YAML.
            fs::write(&config, whole.to_string()).expect("a new folder can be written");
            let mut command: Command = process::isolated(&program, folder.path());
            command.arg("serve").arg(&config);
            let is_ready = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            let server = Server::start(&mut command, &folder.path().join("log"), is_ready)?;
            Ok(Self { port, _server: server, _folder: folder })
        }))
    }

    /// `127.0.0.1:PORT`, which is also how images in it are named.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The full name of an image in it.
    pub fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.host())
    }
}
