//! HTTP over reqwest and rustls: one client per set of trusted certificates, no redirects, bounded answers.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use connector_core::{
    Error, Http, Request, Response, Result, Tls, async_trait, format_duration, is_metadata_address,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};

use super::resolve::{REFUSED, Resolver};
use super::{Timeouts, tls};

/// HTTP over the machine's network.
#[derive(Clone)]
pub struct SystemHttp(Arc<Inner>);

struct Inner {
    timeouts: Timeouts,
    clients: Mutex<HashMap<Kind, Client>>,
}

/// What makes a client differ from another.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kind {
    trust: Option<Arc<[u8]>>,
    /// A request's own way to speak TLS.
    tls: Option<tls::Mark>,
    /// Metadata services and loopback are never reached through a proxy.
    direct: bool,
    /// Only for a metadata service names may lead to one.
    to_metadata: bool,
}

/// The largest answer that is read, in bytes.
const LARGEST: usize = 8 << 20;

/// How many clients are kept. Certificates that are replaced leave clients behind which nobody asks for.
const CLIENTS: usize = 64;

impl SystemHttp {
    /// HTTP with these limits. Nothing is set up before the first request.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        Self(Arc::new(Inner { timeouts, clients: Mutex::default() }))
    }

    fn client(&self, kind: Kind, tls: Option<&Tls>, host: &str) -> Result<Client> {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .connect_timeout(self.0.timeouts.connect)
            .timeout(self.0.timeouts.call)
            .user_agent(concat!("connector/", env!("CARGO_PKG_VERSION")));
        if kind.direct {
            builder = builder.no_proxy();
        }
        let resolver = Resolver { in_place_of: None, to_metadata: kind.to_metadata };
        builder = builder.dns_resolver(resolver.clone());
        if let Some(pem) = &kind.trust {
            for certificate in tls::certificates(pem, "ca_bundle")? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let Some(tls) = tls {
            builder = tls::set_up(builder, tls, host, resolver)?;
        }
        let client = builder.build().map_err(|_| {
            Error::unexpected("cannot set up TLS").with_hint("is the system's trust store readable?")
        })?;
        if clients.len() >= CLIENTS {
            clients.clear();
        }
        clients.insert(kind, client.clone());
        Ok(client)
    }
}

impl fmt::Debug for SystemHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemHttp").field("timeouts", &self.0.timeouts).finish_non_exhaustive()
    }
}

#[async_trait]
impl Http for SystemHttp {
    async fn send(&self, request: Request) -> Result<Response> {
        let origin = request.origin().to_owned();
        let wrong = |what: &str| Error::invalid(format!("cannot send to {origin}: {what}"));
        let url = Url::parse(request.url()).map_err(|_| wrong("not a URL"))?;
        let host = url.host_str().ok_or_else(|| wrong("no host"))?;
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        if !request.is_to_metadata() && address.is_some_and(is_metadata_address) {
            return Err(Error::refused(format!(
                "{origin} is a link-local address, where metadata services are"
            ))
            .with_hint("an endpoint of a connector cannot be one"));
        }
        let loopback = host == "localhost" || address.is_some_and(|it| it.is_loopback());
        let own = request.tls().map(|it| &**it);
        let kind = Kind {
            trust: request.trust().cloned(),
            tls: own.map(|it| tls::mark(it, host)),
            direct: request.is_to_metadata() || loopback,
            to_metadata: request.is_to_metadata(),
        };
        let client = self.client(kind, own, host)?;
        let url = own.map_or(Ok(url.clone()), |it| tls::url(url.clone(), it))?;
        let method = Method::from_bytes(request.method().as_bytes()).map_err(|_| wrong("not a method"))?;
        let mut call = client.request(method, url).body(request.body().to_vec());
        for (name, value) in request.headers() {
            call = call.header(name, value);
        }
        let limit = request.timeout().unwrap_or(self.0.timeouts.call);
        let mut answer =
            call.timeout(limit).send().await.map_err(|error| failure(&error, &origin, limit, own))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let headers = headers.collect();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failure(&error, &origin, limit, own))? {
            if body.len() + chunk.len() > LARGEST {
                return Err(
                    Error::unreachable(format!("{origin} answered with more than 8 MiB")).transient(false)
                );
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response::new(status, headers, body))
    }
}

/// Why a server's certificate, or ours, was not taken, by the words of the TLS library.
fn why_not_trusted(beneath: &str) -> &'static str {
    let known = [
        ("UnknownIssuer", ": its certificate is signed by nobody who is trusted"),
        ("BadSignature", ": its certificate is signed by nobody who is trusted"),
        ("NotValidForName", ": its certificate is for another name"),
        ("not valid for name", ": its certificate is for another name"),
        ("NotValidYet", ": its certificate is not valid yet, or this machine's clock is behind"),
        ("not valid yet", ": its certificate is not valid yet, or this machine's clock is behind"),
        ("Expired", ": its certificate has expired, or this machine's clock is ahead"),
        ("certificate expired", ": its certificate has expired, or this machine's clock is ahead"),
        ("CaUsedAsEndEntity", ": it shows a certificate authority's certificate as its own"),
        ("CertificateRequired", ": it asks for a client's certificate"),
        ("received fatal alert", ": it does not take this client's certificate or version of TLS"),
    ];
    known.iter().find(|(word, _)| beneath.contains(word)).map_or("", |(_, why)| *why)
}

/// Names the phase that failed. Only the phase: the text of an error may quote the URL with its query.
fn failure(error: &reqwest::Error, origin: &str, limit: Duration, own: Option<&Tls>) -> Error {
    let mut beneath = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        beneath.push_str(&inner.to_string());
        beneath.push('\n');
        source = inner.source();
    }
    let has = |words: &[&str]| words.iter().any(|word| beneath.contains(word));
    let (what, hint) = if error.is_timeout() {
        // What is left of a limit is a little less than a second, and no time at all would be said.
        let limit =
            Duration::from_secs(limit.as_nanos().div_ceil(1_000_000_000).try_into().unwrap_or(u64::MAX));
        (
            format!("did not answer within {}", format_duration(limit)),
            "is the endpoint right, and is there a way to it?",
        )
    } else if has(&[REFUSED]) {
        (format!("{REFUSED}, where metadata services are"), "an endpoint of a connector cannot be one")
    } else if has(&["dns error", "failed to lookup"]) {
        ("has a name that does not resolve".into(), "is the host name right?")
    } else if has(&["certificate", "UnknownIssuer", "NotValidForName", "tls handshake", "TLS"]) {
        // Whom to trust is for a human to mend.
        return Error::unreachable(format!("{origin} failed the TLS check{}", why_not_trusted(&beneath)))
            .transient(false)
            .with_hint(match own {
                Some(_) => "check `certificate_authority` and `tls_server_name`, and with whom you speak",
                None => "name its certificate authority in `ca_bundle`, if it is your own",
            });
    } else if has(&["refused"]) {
        ("refused the connection".into(), "is the endpoint right, and is the service up?")
    } else if error.is_connect() {
        ("cannot be reached".into(), "is there a network, and a proxy to be set?")
    } else {
        ("broke off the connection, or did not speak HTTP".into(), "is the endpoint right?")
    };
    Error::unreachable(format!("{origin} {what}")).with_hint(hint)
}
