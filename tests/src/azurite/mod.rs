//! Azurite: Blob Storage's API by its own vendor, over TLS. It checks signatures of keys and of shared access
//! signatures, their ends and what they are for, and the claims of tokens. It does not check who signed a token, nor any
//! role; `strict_azure` does.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::install::{self, Unavailable};
use crate::random;
use crate::server::Server;
use crate::strict_kubernetes::authority::Authority;

/// A storage account of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// Its name.
    pub name: String,
    /// The key that everything may be done with, in base64.
    pub key: String,
}

/// Only the name.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A running server. It ends with this value, and with the test process whatever happens to that.
#[derive(Debug)]
pub struct Azurite {
    _server: Server,
    port: u16,
    ca: String,
    accounts: Vec<Account>,
    home: TempDir,
}

impl Azurite {
    /// Starts a server with empty accounts of these names on a port of its own, on 127.0.0.1 alone, and waits until it
    /// listens (about two seconds).
    ///
    /// # Panics
    /// When Azurite is there and does not come up.
    pub fn try_start(accounts: &[&str]) -> Result<Self, Unavailable> {
        let azurite = install::azurite()?;
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let accounts: Vec<_> = accounts.iter().map(|name| Account::new(name)).collect();
        let authority = Authority::new();
        let (certificate, key) = authority.server();
        for (name, text) in [("server.pem", certificate), ("key.pem", key), ("ca.pem", authority.pem())] {
            fs::write(home.path().join(name), text).expect("a new folder can be written");
        }
        let known: Vec<_> = accounts.iter().map(|it| format!("{}:{}", it.name, it.key)).collect();
        let mut command = azurite.node(home.path());
        command.args(["-e", include_str!("start.js"), "--"]).arg(azurite.blob_service());
        command.args(["--blobHost", "127.0.0.1", "--blobPort", "0"]).args([
            "--oauth",
            "basic",
            "--cert",
            "server.pem",
            "--key",
            "key.pem",
            "--inMemoryPersistence",
            // Newer clients name versions that it does not know yet.
            "--skipApiVersionCheck",
            "--disableTelemetry",
        ]);
        command.env("AZURITE_ACCOUNTS", known.join(";"));
        let log = home.path().join("log");
        let mut port = None;
        let server = Server::start(&mut command, &log, || {
            port = listens_on(&log);
            port.is_some()
        });
        let server = server.unwrap_or_else(|log| panic!("Azurite does not come up: {log}"));
        let port = port.expect("it is ready when it has told its port");
        Ok(Self { _server: server, port, ca: authority.pem(), accounts, home })
    }

    /// `https://127.0.0.1:PORT`; the account is the first part of the path.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificate to trust, in PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The same as a file, which lives as long as the server.
    pub fn ca_file(&self) -> std::path::PathBuf {
        self.home.path().join("ca.pem")
    }

    /// The account of that name.
    ///
    /// # Panics
    /// When it was not started with one.
    pub fn account(&self, name: &str) -> &Account {
        self.accounts.iter().find(|it| it.name == name).expect("the server was started with this account")
    }
}

impl Account {
    fn new(name: &str) -> Self {
        // 64 bytes in base64.
        Self { name: name.to_owned(), key: format!("{}==", random::secret(85) + "A") }
    }
}

/// The port that the server says it listens on.
fn listens_on(log: &Path) -> Option<u16> {
    let text = fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once("successfully listens on https://127.0.0.1:")?;
    // A line that is not whole yet may hold half a number.
    rest.split_once('\n')?.0.trim().parse().ok()
}

#[cfg(test)]
mod tests;
