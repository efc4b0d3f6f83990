//! TLS in another way than the host's: the client that a [`Tls`] asks for.

use connector_core::{Error, Result, Tls};
use reqwest::{Certificate, ClientBuilder, Identity, Url};
use sha2::{Digest, Sha256};

use super::resolve::Resolver;

/// What tells one way from another, without holding the key that is a part of it.
pub(super) type Mark = [u8; 32];

/// The mark of a way.
pub(super) fn mark(tls: &Tls, host: &str) -> Mark {
    let mut hash = Sha256::new();
    let mut part = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(u64::MAX, |it| it.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(bytes.unwrap_or_default());
    };
    part(tls.roots_only().map(|it| &**it));
    part(tls.is_unverified().then_some(&[][..]));
    part(tls.server_name().map(str::as_bytes));
    // The name is resolved to this host.
    part(tls.server_name().map(|_| host.as_bytes()));
    part(tls.identity().map(|(certificate, _)| certificate.as_bytes()));
    part(tls.identity().map(|(_, key)| key.expose().as_bytes()));
    hash.finalize().into()
}

/// Sets a client up in this way.
pub(super) fn set_up(
    mut builder: ClientBuilder,
    tls: &Tls,
    host: &str,
    resolver: Resolver,
) -> Result<ClientBuilder> {
    if let Some(pem) = tls.roots_only() {
        builder = builder.tls_certs_only(certificates(pem, "certificate_authority")?);
    }
    if tls.is_unverified() {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if tls.server_name().is_some() {
        let resolver = Resolver { in_place_of: Some(host.to_owned()), ..resolver };
        builder = builder.no_proxy().dns_resolver(resolver);
    }
    if let Some((certificate, key)) = tls.identity() {
        let both = joined(certificate, key.expose());
        let identity = Identity::from_pem(both.expose().as_bytes()).map_err(|_| {
            Error::field(
                "client_certificate",
                "it and `client_key` are not a certificate and its key in PEM form",
            )
        })?;
        builder = builder.identity(identity);
    }
    Ok(builder)
}

fn joined(certificate: &str, key: &str) -> connector_core::Secret {
    connector_core::Secret::new(format!("{certificate}\n{key}\n"))
}

/// The URL under which the server is asked for: its other name stands in the place of the host, so that it is
/// the one that TLS names, asks for and checks.
pub(super) fn url(mut url: Url, tls: &Tls) -> Result<Url> {
    if let Some(name) = tls.server_name() {
        let wrong = || Error::field("tls_server_name", "not the name of a host");
        url.set_host(Some(name)).map_err(|_| wrong())?;
        // An address in disguise would not be resolved to the real host.
        if url.domain().is_none() {
            return Err(wrong());
        }
    }
    Ok(url)
}

/// Reads certificates.
pub(super) fn certificates(pem: &[u8], field: &str) -> Result<Vec<Certificate>> {
    let unreadable =
        || Error::field(field, "not a file of PEM certificates").with_hint("give a file in PEM form");
    let certificates = Certificate::from_pem_bundle(pem).map_err(|_| unreadable())?;
    if certificates.is_empty() {
        return Err(unreadable());
    }
    Ok(certificates)
}
