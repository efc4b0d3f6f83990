//! HTTP, as little of it as connectors need.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use zeroize::{Zeroize, Zeroizing};

use super::Tls;
use crate::{Result, parse_http_date};

/// An HTTP client.
///
/// Implementations follow no redirects (a credential would follow them), bound the size of answers,
/// verify TLS, refuse link-local addresses unless the request says [`Request::to_metadata`], and honour
/// the usual proxy variables except for loopback and metadata.
#[async_trait]
pub trait Http: Send + Sync {
    /// Sends one request; any status is an answer.
    ///
    /// # Errors
    /// [`Unreachable`](crate::ErrorKind::Unreachable), naming host and phase: name, connection, TLS, time.
    async fn send(&self, request: Request) -> Result<Response>;
}

/// A request. Its `Debug` shows method and host only.
#[derive(Clone)]
pub struct Request {
    method: String,
    url: String,
    headers: Headers,
    body: Zeroizing<Vec<u8>>,
    timeout: Option<Duration>,
    trust: Option<Arc<[u8]>>,
    tls: Option<Arc<Tls>>,
    metadata: bool,
}

/// Headers of a request; a login may stand among them, so they are wiped when they are dropped.
#[derive(Clone, Default)]
struct Headers(Vec<(String, String)>);

impl Drop for Headers {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            headers: Headers::default(),
            body: Zeroizing::new(Vec::new()),
            timeout: None,
            trust: None,
            tls: None,
            metadata: false,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.0.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Zeroizing::new(body.into());
        self
    }

    /// Limits the whole call, in place of the host's limit.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Trusts these PEM certificates in addition to the system's.
    #[must_use]
    pub fn with_trust(mut self, pem: Arc<[u8]>) -> Self {
        self.trust = Some(pem);
        self
    }

    /// Speaks TLS in this way, in place of the host's.
    #[must_use]
    pub fn with_tls(mut self, tls: Arc<Tls>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Allows a link-local address and uses no proxy: this is for an instance metadata service.
    #[must_use]
    pub fn to_metadata(mut self) -> Self {
        self.metadata = true;
        self
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers.0
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The limit for the whole call, if not the host's.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Certificates to trust in addition to the system's.
    #[must_use]
    pub fn trust(&self) -> Option<&Arc<[u8]>> {
        self.trust.as_ref()
    }

    /// How to speak TLS, if not in the host's way.
    #[must_use]
    pub fn tls(&self) -> Option<&Arc<Tls>> {
        self.tls.as_ref()
    }

    /// Whether this is for an instance metadata service.
    #[must_use]
    pub fn is_to_metadata(&self) -> bool {
        self.metadata
    }

    /// Scheme, host and port of the URL: the part that is safe to show.
    #[must_use]
    pub fn origin(&self) -> &str {
        origin(&self.url)
    }
}

/// Scheme, host and port of a URL, without user, path and query.
pub(crate) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    match url[host..end].rfind('@') {
        // A user part may be a secret: drop it, and the scheme with it.
        Some(at) => &url[host + at + 1..end],
        None => &url[..end],
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

/// An answer. Its `Debug` shows the status only: the rest may hold a credential.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Zeroizing<Vec<u8>>,
}

impl Response {
    /// An answer; header names in lower case.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, body: Zeroizing::new(body) }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// A header by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The time by the clock of who answered, as `Date` says it.
    #[must_use]
    pub fn date(&self) -> Option<SystemTime> {
        self.header("date").and_then(parse_http_date)
    }

    /// The pause that `Retry-After` asks for: seconds, or a date by the clock of who answered. `now` is taken for
    /// that clock where it is not told.
    #[must_use]
    pub fn asked_pause(&self, now: SystemTime) -> Option<Duration> {
        let text = self.header("retry-after")?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = parse_http_date(text)?;
        Some(until.duration_since(self.date().unwrap_or(now)).unwrap_or_default())
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_has_no_path_query_or_user() {
        for (url, shown) in [
            ("https://sts.amazonaws.com/?X-Amz-Signature=s", "https://sts.amazonaws.com"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("https://user:pw@host/path", "host"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(origin(url), shown);
        }
    }
}
