//! The address of a service that is not at its usual place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Error, Result};

/// The URL of a service in place of the provider's own, such as `http://127.0.0.1:9000` or `https://s3.example.org/path`.
///
/// `http` is taken for loopback, private addresses and local names only. Refused: user names, queries,
/// and every spelling of a link-local or metadata address, so that a connector cannot be used to read the
/// credentials of the machine it runs on. A name that *resolves* to such an address cannot be seen here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, extend(
    "pattern" = "^https?://[^/?#@\\s]+(/[^?#\\s]*)?$",
    "maxLength" = 2048,
    "x-form" = "the URL of an endpoint",
    "examples" = ["http://127.0.0.1:9000"],
))]
pub struct EndpointUrl {
    text: String,
}

/// Addresses outside the link-local ranges that answer with credentials in some clouds: no service that a
/// connector calls is there.
const OTHER_METADATA: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];

/// Names under which metadata services are known.
const METADATA_NAMES: [&str; 5] =
    ["metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"];

/// The end of names that are answered within a machine or a network only.
const LOCAL_NAMES: [&str; 4] = [".localhost", ".local", ".internal", ".svc"];

impl EndpointUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// Invalid input that says what is wrong, without quoting the URL.
    pub fn parse(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        check(&text)
            .map_err(|why| Error::invalid(format!("not usable as an endpoint: {why}")))
            .map(|()| Self { text })
    }

    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the way to it is encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Host and port, as in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        split(&self.text).expect("an endpoint has a scheme, checked when it was parsed").1
    }
}

/// Scheme, authority, and the rest from the slash on.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    Some((scheme, &rest[..end], &rest[end..]))
}

fn check(text: &str) -> Result<(), &'static str> {
    if text.len() > 2048 {
        return Err("it is longer than 2048 bytes");
    }
    if !text.bytes().all(|it| it.is_ascii_graphic() && !matches!(it, b'\\' | b'"' | b'<' | b'>')) {
        return Err("it holds blanks or characters that a URL cannot hold");
    }
    let Some((scheme @ ("http" | "https"), authority, _)) = split(text) else {
        return Err("it does not start with http:// or https://");
    };
    if text.contains(['?', '#']) {
        return Err("it has a query or a fragment");
    }
    if authority.contains('@') {
        return Err("it has a user name");
    }
    let local = is_local(host_of(authority)?)?;
    if scheme == "http" && !local {
        return Err("http is for loopback and private addresses only, write https");
    }
    Ok(())
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &str) -> Result<&str, &'static str> {
    let end = match authority.find(']') {
        Some(bracket) if authority.starts_with('[') => bracket + 1,
        _ => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let port_is_good = match port.strip_prefix(':') {
        Some(number) => {
            number.bytes().all(|it| it.is_ascii_digit()) && number.parse::<u16>().is_ok_and(|it| it != 0)
        }
        None => port.is_empty(),
    };
    if port_is_good { Ok(host) } else { Err("its port is not a number from 1 to 65535") }
}

/// Whether the host is of this machine or a private network; an error when nobody may ask it.
fn is_local(host: &str) -> Result<bool, &'static str> {
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').and_then(|it| it.parse::<Ipv6Addr>().ok());
        return is_local_address(address.ok_or("its host is not an IPv6 address")?.into());
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return is_local_address(address.into());
    }
    is_local_name(&host.to_ascii_lowercase())
}

fn is_local_name(host: &str) -> Result<bool, &'static str> {
    let labels_are_good = host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
                && !label.starts_with('-')
                && !label.ends_with('-')
        });
    if !labels_are_good {
        return Err("its host is not a name or an address");
    }
    // Clients read `2852039166`, `0xa9fea9fe` and `169.254.43518` as addresses, too: only the usual
    // spelling is taken. No top-level domain starts with a digit.
    if host.rsplit('.').next().is_some_and(|last| last.starts_with(|it: char| it.is_ascii_digit())) {
        return Err("its host is a number that is not written as an IPv4 address");
    }
    if METADATA_NAMES.contains(&host) {
        return Err("its host is a metadata service");
    }
    Ok(!host.contains('.') || LOCAL_NAMES.iter().any(|end| host.ends_with(end)))
}

fn is_local_address(address: IpAddr) -> Result<bool, &'static str> {
    if is_metadata_address(address) {
        return Err("its host is a link-local or metadata address");
    }
    match address {
        IpAddr::V4(v4) if v4.octets()[0] == 0 || v4.is_multicast() || v4.is_broadcast() => {
            Err("its host is not an address of one machine")
        }
        IpAddr::V4(v4) => Ok(v4.is_loopback() || v4.is_private() || is_shared(v4)),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_local_address(v4.into()),
            None if v6.is_unspecified() || v6.is_multicast() => {
                Err("its host is not an address of one machine")
            }
            None => Ok(v6.is_loopback() || v6.is_unique_local()),
        },
    }
}

/// Whether metadata services are at this address: one that is link-local, or one of those that clouds chose elsewhere.
/// They answer with the credentials of the machine that asks.
#[must_use]
pub fn is_metadata_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || OTHER_METADATA.contains(&v4),
        IpAddr::V6(v6) => match embedded(v6) {
            Some(v4) => is_metadata_address(v4.into()),
            None => {
                let segments = v6.segments();
                // AWS's and Google's.
                v6.is_unicast_link_local()
                    || segments[..2] == [0xfd00, 0x0ec2]
                    || segments == [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254]
            }
        },
    }
}

/// 100.64.0.0/10, where carriers and overlay networks keep their machines.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xc0 == 64
}

/// The IPv4 address inside an IPv6 address: mapped, compatible, NAT64 and 6to4 forms.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let from = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

impl TryFrom<String> for EndpointUrl {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(text)
    }
}

impl std::str::FromStr for EndpointUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl std::fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_endpoints() {
        for (text, authority) in [
            ("http://127.0.0.1:4566", "127.0.0.1:4566"),
            ("http://localhost", "localhost"),
            ("http://minio:9000", "minio:9000"),
            ("http://a.b.svc.cluster.local/", "a.b.svc.cluster.local"),
            ("http://10.1.2.3", "10.1.2.3"),
            ("http://100.64.0.1", "100.64.0.1"),
            ("http://[::1]:9000", "[::1]:9000"),
            ("http://[fd12::1]", "[fd12::1]"),
            ("https://s3.example.org:8443/base/", "s3.example.org:8443"),
            ("https://8.8.8.8", "8.8.8.8"),
            ("https://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            let endpoint = EndpointUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((endpoint.authority(), endpoint.as_str()), (authority, text));
        }
    }

    /// C18: every spelling of a metadata address is refused, encrypted or not.
    #[test]
    fn c18_metadata_addresses_are_refused_in_every_spelling() {
        for host in [
            "169.254.169.254",
            "169.254.170.2:80",
            "169.254.0.1",
            "[fd00:ec2::254]",
            "[fd00:0ec2::23]:80",
            "[fd20:ce::254]",
            "[fd20:00ce:0::0254]:80",
            "metadata.goog",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[::a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
            "169.254.169.254.",
            "169.0xfe.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "metadata.google.internal",
            "METADATA.Google.internal",
            "instance-data",
            "0.0.0.0",
            "[::]",
            "%31%36%39.254.169.254",
            "①⑥⑨.254.169.254",
        ] {
            for scheme in ["http", "https"] {
                assert!(EndpointUrl::parse(format!("{scheme}://{host}/latest")).is_err(), "{scheme} {host}");
            }
        }
    }

    #[test]
    fn bad_urls_are_refused_and_not_quoted() {
        let long = format!("https://{}", "a".repeat(65_536));
        for text in [
            "",
            "hunter2",
            "ftp://hunter2",
            "HTTPS://hunter2",
            "file:///hunter2",
            "http://hunter2.example.org",
            "https://user:hunter2@example.org",
            "https://127.0.0.1@hunter2.example.org",
            "https://example.org?hunter2",
            "https://example.org/#hunter2",
            "https://",
            "https:///hunter2",
            "https://hunter2:0",
            "https://hunter2:65536",
            "https://hunter2:+80",
            "https://hunter2:",
            "https://[::1",
            "https://[::1]hunter2",
            "https://[fe80::1%25eth0]",
            "https://a..hunter2",
            "https://-hunter2",
            "https://hunter2\\@example.org",
            "https://hunter2 example",
            "https://hunter2\n",
            &long,
        ] {
            let error = EndpointUrl::parse(text).expect_err(text);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn the_schema_pattern_takes_what_the_check_takes() {
        let schema = schemars::schema_for!(EndpointUrl).to_value();
        let pattern =
            regex_lite::Regex::new(schema["pattern"].as_str().expect("a pattern")).expect("a regex");
        for text in ["http://127.0.0.1:4566", "https://s3.example.org:8443/base/", "http://[::1]:9000"] {
            assert!(pattern.is_match(text), "{text}");
        }
        for text in ["x", "https://a?b", "https://a b", "https://a@b"] {
            assert!(!pattern.is_match(text), "{text}");
        }
    }
}
