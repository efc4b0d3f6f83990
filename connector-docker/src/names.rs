//! The names of registries and of the repositories in them, checked when they are read.

use std::fmt;
use std::str::FromStr;

use connector_core::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// Docker Hub, as image references name it.
const HUB: &str = "docker.io";

/// The hosts of Docker Hub, which all mean the one registry.
const HUB_HOSTS: [&str; 3] = [HUB, "index.docker.io", "registry-1.docker.io"];

/// Nothing that is read here is longer.
const LONGEST: usize = 2048;

/// A registry: its host in lower case, with its port where one was said; Docker Hub is `docker.io`.
///
/// The port stays as it was said, also where it is the usual one: docker keeps a login under exactly this text.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(inline, with = "String", extend(
    "pattern" = "^[!-~]+$",
    "minLength" = 1,
    "maxLength" = 2048,
    "x-form" = "a registry's host, its port where it has one",
    "examples" = ["registry.example.org"],
))]
pub struct RegistryHost {
    host: String,
    /// What was said in front of it.
    scheme: Option<Scheme>,
}

/// How a registry is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Https,
    /// In clear; on loopback only.
    Http,
}

/// What a text names: a registry, and perhaps a repository in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The registry.
    pub registry: RegistryHost,
    /// The repository behind the host.
    pub repository: Option<RepositoryName>,
}

/// The name of a repository, such as `team/app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(String);

impl RegistryHost {
    /// Docker Hub.
    #[must_use]
    pub fn hub() -> Self {
        Self { host: HUB.to_owned(), scheme: None }
    }

    /// The host, with its port where one was said.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.host
    }

    /// Whether this is Docker Hub.
    #[must_use]
    pub fn is_hub(&self) -> bool {
        self.host == HUB
    }

    /// Whether this is an address of the machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The scheme that was said in front of it.
    pub(crate) fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// Where its API is called: Docker Hub's is under another name than its images.
    pub(crate) fn api_host(&self) -> &str {
        if self.is_hub() { "registry-1.docker.io" } else { &self.host }
    }
}

/// Two spellings of one registry are equal.
impl PartialEq for RegistryHost {
    fn eq(&self, other: &Self) -> bool {
        self.host == other.host
    }
}

impl Eq for RegistryHost {}

impl fmt::Display for RegistryHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl Default for RegistryHost {
    fn default() -> Self {
        Self::hub()
    }
}

impl FromStr for RegistryHost {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let place: Place = text.parse()?;
        match place.repository {
            None => Ok(place.registry),
            Some(_) => {
                Err(Error::invalid("expected a registry alone; the repository is said when one is asked for"))
            }
        }
    }
}

impl TryFrom<String> for RegistryHost {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

/// Reads any URL, host or image name without its tag. As in docker, a first word without a dot and a port is
/// no host, unless it is `localhost`: `user/repo` lies in Docker Hub.
impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(|it| it.is_ascii_graphic()) {
            return Err(Error::invalid(
                "expected a registry's host or URL, in printable ASCII without blanks",
            ));
        }
        let (scheme, rest) = split_scheme(text)?;
        let (first, path) = rest.split_once('/').unwrap_or((rest, ""));
        let names_host =
            scheme.is_some() || first.contains(['.', ':', '[']) || first.eq_ignore_ascii_case("localhost");
        if !names_host {
            if path.is_empty() {
                return Err(Error::invalid(
                    "expected a host with a dot or a port in it, `localhost`, or USER/REPOSITORY of Docker Hub",
                ));
            }
            let repository = Some(RepositoryName::parse(rest)?);
            return Ok(Self { registry: RegistryHost::hub(), repository });
        }
        let mut host = read_host(first)?;
        if !host.contains(['.', ':']) && host != "localhost" {
            // Without it docker would take the word for a user of Docker Hub.
            host.push_str(":443");
        }
        if host == "hub.docker.com" {
            return Err(Error::invalid("this is the web site of Docker Hub; its registry is `docker.io`"));
        }
        let hub = HUB_HOSTS.contains(&&*host);
        if scheme == Some(Scheme::Http) && !is_loopback(&host) {
            return Err(Error::invalid("plain http is spoken on loopback only"));
        }
        let registry = if hub { RegistryHost::hub() } else { RegistryHost { host, scheme } };
        // The addresses of the API itself, as docker's own configuration spells Docker Hub.
        let path = match path.strip_suffix('/').unwrap_or(path) {
            "v1" | "v2" => "",
            path => path,
        };
        let repository = match path {
            "" => None,
            // The images that Docker itself keeps have short names.
            path if hub && !path.contains('/') => Some(RepositoryName::parse(&format!("library/{path}"))?),
            path => Some(RepositoryName::parse(path)?),
        };
        Ok(Self { registry, repository })
    }
}

impl RepositoryName {
    /// Checks a name: words of lower-case letters and digits, joined by `.`, `_`, `__` or dashes, and by slashes.
    ///
    /// # Errors
    /// Invalid input that says what is expected.
    pub fn parse(text: &str) -> Result<Self> {
        let tail = text.rsplit('/').next().unwrap_or_default();
        if tail.contains([':', '@']) {
            return Err(Error::invalid("expected a repository's name without a tag or a digest"));
        }
        if text.len() <= 255 && text.split('/').all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "expected a repository's name of at most 255 lower-case letters, digits and `._-/`, such as `team/app`",
        ))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One part of a repository's name, by the distribution specification.
fn is_part(part: &str) -> bool {
    let separators = part.split(|it: char| it.is_ascii_lowercase() || it.is_ascii_digit());
    let word = |it: Option<char>| it.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    word(part.chars().next())
        && word(part.chars().next_back())
        && separators
            .into_iter()
            .all(|it| matches!(it, "" | "." | "_" | "__") || it.bytes().all(|it| it == b'-'))
}

fn split_scheme(text: &str) -> Result<(Option<Scheme>, &str)> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok((None, text)) };
    if scheme.eq_ignore_ascii_case("https") {
        Ok((Some(Scheme::Https), rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Ok((Some(Scheme::Http), rest))
    } else {
        Err(Error::invalid("expected a URL with https; http is spoken on loopback only"))
    }
}

/// Reads `host[:port]`: a DNS name, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn read_host(text: &str) -> Result<String> {
    let wrong = || {
        Error::invalid("expected a host, with a port where it has one, such as `registry.example.org:5000`")
    };
    let text = text.to_ascii_lowercase();
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or_else(wrong)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            let port = if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or_else(wrong)?) };
            (None, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(&*text), None),
        },
    };
    let is_port = |port: &str| {
        port.bytes().all(|it| it.is_ascii_digit()) && !port.starts_with('0') && port.parse::<u16>().is_ok()
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
    };
    let is_name = |host: &str| host.len() <= 253 && host.split('.').all(is_label);
    if port.is_none_or(is_port) && host.is_none_or(is_name) { Ok(text) } else { Err(wrong()) }
}

/// Whether a host, as [`read_host`] gives it, is the machine itself.
pub(crate) fn is_loopback(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest.split(']').next().unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok_and(|it| it.is_loopback());
    }
    let name = host.split(':').next().unwrap_or_default();
    name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
