//! URLs and scopes, checked when they are read.

use std::fmt;
use std::str::FromStr;

use connector_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// The longest URL that is taken, in bytes.
const LONGEST: usize = 2048;

/// The token endpoint (RFC 6749 §3.2): `https`, or `http` on loopback; no user, no fragment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("format" = "uri", "pattern" = "^https?://[!-~]+$", "maxLength" = 2048))]
pub struct TokenUrl(String);

/// What all calls to an API begin with, in canonical form: as [`TokenUrl`], without a query and without a slash at
/// the end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiUrl(String);

/// A scope (RFC 6749 §3.3): one word of printable ASCII without `"` and `\`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend("pattern" = r"^[!#-\[\]-~]+$", "minLength" = 1, "maxLength" = 256))]
pub struct Scope(String);

impl TokenUrl {
    /// The URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        safe_url(text).map(|url| Self(url.into()))
    }
}

impl TryFrom<String> for TokenUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl ApiUrl {
    /// The URL, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of something below it.
    ///
    /// # Errors
    /// A path that leads elsewhere.
    pub fn below(&self, path: &str) -> Result<String> {
        let elsewhere = || Error::invalid(format!("the path leads away from {}", self.0));
        let url = Url::parse(&format!("{}{path}", self.0)).map_err(|_| elsewhere())?;
        let rest = url.as_str().strip_prefix(&self.0).ok_or_else(elsewhere)?;
        if path.starts_with('/') && rest.starts_with('/') { Ok(url.into()) } else { Err(elsewhere()) }
    }
}

impl FromStr for ApiUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let url = safe_url(text)?;
        if url.query().is_some() {
            return Err(Error::invalid("expected a URL without a query"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scope {
    /// The scope.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if (1..=256).contains(&text.len()) && text.bytes().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::invalid("expected a scope: printable ASCII without blanks, quotes and backslashes"))
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// A URL that a secret may be sent to.
fn safe_url(text: &str) -> Result<Url> {
    // The parser for URLs of browsers drops tabs and line ends, and trims.
    if text.len() > LONGEST || text.chars().any(|it| it.is_whitespace() || it.is_control()) {
        return Err(Error::invalid("expected a URL of at most 2048 characters without blanks"));
    }
    let url =
        Url::parse(text).map_err(|_| Error::invalid("expected a URL such as https://api.example.org/v1"))?;
    let loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() || host.split('.').any(str::is_empty) {
        return Err(Error::invalid("expected a URL with the name of a host"));
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
        return Err(Error::invalid("expected a URL with https; http is taken on loopback only"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(Error::invalid("expected a URL without a user and without `#`"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_urls_are_canonical() {
        for (text, canonical) in [
            ("https://api.example.org/v1", "https://api.example.org/v1"),
            ("HTTPS://API.example.org:443/v1/", "https://api.example.org/v1"),
            ("https://api.example.org", "https://api.example.org"),
            ("https://api.example.org/a/%2e%2e/b", "https://api.example.org/b"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ] {
            let url: ApiUrl = text.parse().expect(text);
            assert_eq!(url.as_str(), canonical);
            assert_eq!(canonical.parse::<ApiUrl>().expect(canonical), url);
        }
        for text in [
            "api.example.org",
            "http://api.example.org",
            "ftp://api.example.org",
            "https://me:pw@api.example.org",
            "https://api.example.org/?a=b",
            "https://api.example.org/#a",
            "https://..",
            "https://api..example.org",
            "https://api.exa\nmple.org",
            " https://api.example.org",
        ] {
            assert!(text.parse::<ApiUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn paths_stay_below() {
        let api: ApiUrl = "https://api.example.org/v1".parse().expect("a URL");
        assert_eq!(api.below("/a?b=c").expect("below"), "https://api.example.org/v1/a?b=c");
        for path in ["a", "/../v2", ".evil.example/", "@evil.example/", "/%2e%2e/v2", "//../../x"] {
            assert!(api.below(path).is_err(), "{path}");
        }
        let host: ApiUrl = "https://api.example.org".parse().expect("a URL");
        assert!(host.below("@evil.example/").is_err());
        assert!(host.below(".evil.example/").is_err());
    }
}
