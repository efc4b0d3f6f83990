//! The URL of an API server.

use std::net::IpAddr;

use connector_core::{Error, Problem, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// The URL of an API server: scheme, host, perhaps a port and a path, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend(
    "pattern" = r"^[hH][tT][tT][pP][sS]?://[0-9A-Za-z.:_\[\]-]+(/[!-~]*)?$",
    "minLength" = 8,
    "maxLength" = 2048,
    "x-form" = EXPECTED,
    "examples" = ["https://demo.example.org:6443"],
))]
pub struct ServerUrl(String);

const EXPECTED: &str = "the URL of an API server, without user, query and fragment";

impl ServerUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// Invalid input that says what is expected, without quoting what was given.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::invalid(format!("expected {EXPECTED}, such as `https://demo.example.org:6443`"));
        if text.len() > 2048 || !text.bytes().all(|it| it.is_ascii_graphic()) {
            return Err(wrong());
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        let default_port = match &*scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(wrong()),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if text.contains(['?', '#', '@', '\\', '%']) || path.split('/').any(|it| it == "..") {
            return Err(wrong());
        }
        let (host, port) = split_port(authority).ok_or_else(wrong)?;
        if !is_host(host) {
            return Err(wrong());
        }
        let port =
            port.map(|it| it.parse::<u16>().ok().filter(|it| *it > 0).ok_or_else(wrong)).transpose()?;
        let port = port.filter(|it| *it != default_port).map(|it| format!(":{it}")).unwrap_or_default();
        let host = host.to_ascii_lowercase();
        Ok(Self(format!("{scheme}://{host}{port}{}", path.trim_end_matches('/'))))
    }

    /// The URL, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is wrong with sending a credential there: it would cross a network in clear.
    pub(crate) fn problem(&self, field: &str) -> Option<Problem> {
        (!self.is_safe()).then(|| {
            Problem::new(
                field,
                "a credential would be sent in clear: use `https`; `http` is for loopback only",
            )
        })
    }

    pub(crate) fn is_safe(&self) -> bool {
        self.0.starts_with("https:") || self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let host = split_port(rest.split('/').next().unwrap_or_default()).map_or("", |(host, _)| host);
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|it| it.is_loopback())
    }
}

/// Host and port, the host of an IPv6 address in its brackets.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let port = &authority[end..];
        return if port.is_empty() {
            Some((authority, None))
        } else {
            Some((&authority[..end], Some(port.strip_prefix(':')?)))
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((authority, None)),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|it| it.parse::<std::net::Ipv6Addr>().is_ok());
    }
    let is_label = |it: &str| {
        (1..=63).contains(&it.len())
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (1..=253).contains(&host.len()) && host.split('.').all(is_label)
}

impl TryFrom<String> for ServerUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl std::fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (text, url) in [
            ("https://demo.example.org", "https://demo.example.org"),
            ("HTTPS://Demo.Example.ORG:443/", "https://demo.example.org"),
            ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("https://rancher.example.org/k8s/clusters/c-1/", "https://rancher.example.org/k8s/clusters/c-1"),
            ("https://[2001:DB8::1]:6443", "https://[2001:db8::1]:6443"),
            ("http://localhost:8001", "http://localhost:8001"),
        ] {
            let parsed = ServerUrl::parse(text).expect(text);
            assert_eq!(parsed.as_str(), url);
            assert_eq!(ServerUrl::parse(url).expect("itself"), parsed);
        }
    }

    #[test]
    fn what_is_no_server() {
        let long = format!("https://{}", "a".repeat(300));
        for text in [
            "",
            "demo",
            "ftp://demo",
            "https://",
            "https:///x",
            "https://a b",
            "https://user:pw@demo",
            "https://demo?x",
            "https://demo#x",
            "https://demo:0",
            "https://demo:66000",
            "https://demo:x",
            "https://[::1",
            "https://[x]",
            "https://demo/../x",
            "https://a..b",
            "https://demo/%2e",
            "https://é",
            &long,
        ] {
            let error = ServerUrl::parse(text).expect_err(text);
            assert!(!error.to_string().contains("user:pw"), "{error}");
        }
    }

    /// C17: no token crosses a network in clear.
    #[test]
    fn c17_http_is_for_loopback() {
        for (text, is_safe) in [
            ("https://demo", true),
            ("http://localhost", true),
            ("http://127.0.0.1:8001", true),
            ("http://[::1]:8001/x", true),
            ("http://demo", false),
            ("http://localhost.example.org", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(ServerUrl::parse(text).expect(text).is_safe(), is_safe, "{text}");
        }
    }
}
