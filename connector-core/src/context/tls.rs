//! TLS of one request, where it is not the host's way.

use std::fmt;
use std::sync::Arc;

use crate::Secret;

/// Whom a request takes for its server, under which name, and what it shows of itself. What is not said is
/// as the host does it: the system's authorities, the URL's host, no certificate of our own.
#[derive(Clone, Default)]
pub struct Tls {
    roots: Option<Arc<[u8]>>,
    unverified: bool,
    server_name: Option<String>,
    identity: Option<(String, Secret)>,
}

impl Tls {
    /// The host's way.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts these PEM certificates in place of the system's.
    #[must_use]
    pub fn with_roots_only(mut self, pem: impl Into<Arc<[u8]>>) -> Self {
        self.roots = Some(pem.into());
        self
    }

    /// Takes anybody who answers for the server: whoever is on the way can read and change everything.
    #[must_use]
    pub fn without_verification(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Asks for, and expects, a server of this name: a host's name, in place of the URL's host. Such a request
    /// uses no proxy, since a proxy would look for that name.
    #[must_use]
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Shows a certificate (with its chain), and proves to hold its key; both in PEM.
    #[must_use]
    pub fn with_identity(mut self, certificate: impl Into<String>, key: Secret) -> Self {
        self.identity = Some((certificate.into(), key));
        self
    }

    /// The only certificates to trust.
    #[must_use]
    pub fn roots_only(&self) -> Option<&Arc<[u8]>> {
        self.roots.as_ref()
    }

    /// Whether anybody is taken for the server.
    #[must_use]
    pub fn is_unverified(&self) -> bool {
        self.unverified
    }

    /// The name of the server, if it is not the URL's host.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The certificate that is shown, and its key.
    #[must_use]
    pub fn identity(&self) -> Option<(&str, &Secret)> {
        self.identity.as_ref().map(|(certificate, key)| (certificate.as_str(), key))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots_only", &self.roots.is_some())
            .field("unverified", &self.unverified)
            .field("server_name", &self.server_name)
            .field("identity", &self.identity.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S14: a client's key shows nowhere.
    #[test]
    fn s14_debug_shows_no_key() {
        let tls = Tls::new().with_server_name("kubernetes").with_identity("CERT", Secret::new("hunter2"));
        let shown = format!("{tls:?}");
        assert!(shown.contains("kubernetes") && !shown.contains("hunter2"), "{shown}");
    }
}
