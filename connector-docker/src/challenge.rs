//! What a registry asks of who calls it: the header `WWW-Authenticate` (RFC 9110 §11.6.1), read strictly.

use connector_core::{Error, Response, Result};

use crate::names::{is_loopback, read_host};

/// A way to prove oneself that a registry takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// By user name and password, with every call.
    Basic,
    /// By a token that a token service gives for them.
    Bearer(Bearer),
}

/// Where a token is to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The token service.
    pub(crate) realm: Realm,
    /// Under which name it knows the registry.
    pub(crate) service: Option<String>,
    /// The registry says that the token it got is good, and its rights are not enough.
    pub(crate) is_insufficient: bool,
}

/// The URL of a token service, to which a login may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: String,
    pub(crate) host: String,
}

/// No header that is read is longer.
const LONGEST: usize = 8 * 1024;

impl Challenge {
    /// The best way that an answer offers: a token before the password itself.
    ///
    /// # Errors
    /// No way, or none that can be gone: then nothing is sent anywhere.
    pub(crate) fn of(answer: &Response, host: &str) -> Result<Self> {
        let headers = answer.headers().iter().filter(|(name, _)| name == "www-authenticate");
        let mut offers = Vec::new();
        for (_, value) in headers {
            let read = (value.len() <= LONGEST).then(|| read(value)).flatten();
            offers.extend(read.ok_or_else(|| strange(host, "with a challenge that cannot be read"))?);
        }
        let offers = |scheme: &'static str| offers.iter().find(move |it| it.scheme == scheme);
        if let Some(bearer) = offers("bearer") {
            return bearer.to_bearer(host).map(Self::Bearer);
        }
        match offers("basic") {
            Some(_) => Ok(Self::Basic),
            None => Err(strange(host, "without saying how to log in (no Basic and no Bearer challenge)")),
        }
    }
}

fn strange(host: &str, what: &str) -> Error {
    Error::unreachable(format!("{host} answered 401 {what}"))
        .transient(false)
        .with_hint("is this a registry, and not a proxy or a web site in front of it?")
}

/// One challenge as it was written.
struct Offer {
    /// In lower case.
    scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Offer {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    fn to_bearer(&self, host: &str) -> Result<Bearer> {
        let realm =
            self.get("realm").ok_or_else(|| strange(host, "with a Bearer challenge that has no realm"))?;
        Ok(Bearer {
            realm: Realm::parse(realm, is_loopback(host)).ok_or_else(|| {
                Error::refused(format!("{host} names a token service to which no login is sent"))
                    .with_hint("a token service is called by https; in clear only on loopback, and only by a registry there")
            })?,
            service: self.get("service").map(str::to_owned),
            is_insufficient: self.get("error") == Some("insufficient_scope"),
        })
    }
}

impl Realm {
    /// C18: https anywhere, since the registry named it over TLS; http on loopback, for a registry on loopback.
    fn parse(text: &str, of_loopback: bool) -> Option<Self> {
        let is_plain =
            |it: u8| it.is_ascii_graphic() && !matches!(it, b'\\' | b'@' | b'#' | b'"' | b'<' | b'>');
        if text.len() > 2048 || !text.bytes().all(is_plain) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let host = read_host(host).ok()?;
        let is_safe = match scheme.to_ascii_lowercase().as_str() {
            "https" => of_loopback || !is_loopback(&host),
            "http" => of_loopback && is_loopback(&host),
            _ => false,
        };
        is_safe.then(|| Self { url: text.to_owned(), host })
    }
}

/// Reads a header's value; `None` when it is not written by the rules.
fn read(value: &str) -> Option<Vec<Offer>> {
    let mut rest = Cursor(value);
    let mut offers: Vec<Offer> = Vec::new();
    loop {
        // Empty elements of a list are allowed.
        while rest.skip_blanks().take(',') {}
        if rest.0.is_empty() {
            return Some(offers);
        }
        let word = rest.word()?.to_ascii_lowercase();
        if rest.skip_blanks().take('=') {
            let text = rest.skip_blanks().value()?;
            let parameters = &mut offers.last_mut()?.parameters;
            if parameters.iter().any(|(it, _)| *it == word) {
                return None;
            }
            parameters.push((word, text));
        } else {
            offers.push(Offer { scheme: word, parameters: Vec::new() });
            // What follows a scheme is its first parameter, or the next one in the list.
            if !rest.0.is_empty() && !rest.0.starts_with(',') {
                continue;
            }
        }
        if !rest.skip_blanks().0.is_empty() && !rest.0.starts_with(',') {
            return None;
        }
    }
}

struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) -> &mut Self {
        self.0 = self.0.trim_start_matches([' ', '\t']);
        self
    }

    fn take(&mut self, it: char) -> bool {
        let Some(rest) = self.0.strip_prefix(it) else { return false };
        self.0 = rest;
        true
    }

    /// A token of RFC 9110.
    fn word(&mut self) -> Option<&'a str> {
        let is_token = |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(it);
        let end = self.0.find(|it| !is_token(it)).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// A token or a quoted text.
    fn value(&mut self) -> Option<String> {
        if !self.take('"') {
            return self.word().map(str::to_owned);
        }
        let mut text = String::new();
        let mut rest = self.0.char_indices();
        loop {
            match rest.next()? {
                (at, '"') => {
                    self.0 = &self.0[at + 1..];
                    return Some(text);
                }
                (_, '\\') => text.push(rest.next()?.1),
                (_, it) if it.is_control() && it != '\t' => return None,
                (_, it) => text.push(it),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str], host: &str) -> Result<Challenge> {
        let headers = headers.iter().map(|it| ("www-authenticate".to_owned(), (*it).to_owned())).collect();
        Challenge::of(&Response::new(401, headers, Vec::new()), host)
    }

    fn bearer(header: &str) -> Option<(String, Option<String>)> {
        match of(&[header], "registry.example.org").ok()? {
            Challenge::Bearer(it) => Some((it.realm.url, it.service)),
            Challenge::Basic => None,
        }
    }

    #[test]
    fn challenges_are_read_as_they_are_written() {
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;
        let expected = ("https://auth.docker.io/token".to_owned(), Some("registry.docker.io".to_owned()));
        assert_eq!(bearer(hub), Some(expected.clone()));
        for same in [
            r#"bearer  realm = "https://auth.docker.io/token" , service=registry.docker.io"#,
            r#"Basic realm="a, Bearer b", Bearer service="registry.docker\.io",realm="https://auth.docker.io/token""#,
            r#", Negotiate, Bearer realm="https://auth.docker.io/token",,service="registry.docker.io","#,
        ] {
            assert_eq!(bearer(same), Some(expected.clone()), "{same}");
        }
        let scope = r#"Bearer realm="https://a.org/t",error="insufficient_scope",scope="repository:a:pull""#;
        assert!(matches!(of(&[scope], "a.org"), Ok(Challenge::Bearer(it)) if it.is_insufficient));
        assert_eq!(of(&[r#"Basic realm="x""#], "a.org").expect("one"), Challenge::Basic);
        assert_eq!(of(&["Negotiate", "Basic"], "a.org").expect("one"), Challenge::Basic);
        assert!(matches!(of(&["Basic", hub], "a.org"), Ok(Challenge::Bearer(_))));
    }

    /// C28: nothing that a registry writes is more than an error.
    #[test]
    fn c28_what_is_not_by_the_rules_is_refused() {
        let long = format!("Basic realm=\"{}\"", "a".repeat(LONGEST));
        for header in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer realm",
            "Bearer realm=",
            "Bearer service=x",
            r#"Bearer realm="https://a.org"#,
            r#"Bearer realm="https://a.org" service="x""#,
            r#"Bearer realm="https://a.org",realm="https://b.org""#,
            r#"realm="https://a.org""#,
            "Bearer realm=\"https://a.org\\",
            "Bearer realm=\"https://a\u{1}.org\"",
            "\u{0}",
            "ä",
            "=",
            "\"",
            &long,
        ] {
            let error = of(&[header], "registry.example.org").expect_err(header);
            assert!(error.hint().is_some() && !error.is_transient(), "{header}");
        }
        assert!(of(&[], "a.org").is_err());
    }

    /// C18: a login goes to no place that the registry should not name.
    #[test]
    fn c18_a_login_is_sent_to_no_strange_place() {
        let realm = |text: &str, host: &str| of(&[&format!("Bearer realm=\"{text}\"")], host).is_ok();
        for text in [
            "http://auth.example.org/token",
            "http://127.0.0.1:5001/token",
            "https://127.0.0.1/token",
            "https://me@auth.example.org/token",
            "https://auth.example.org\\\\@evil.org/",
            "https://auth.example.org/#a",
            "https://",
            "https:///token",
            "https://auth..org/",
            "/token",
            "auth.example.org/token",
            "file:///etc/passwd",
            "https://auth.example.org/a b",
        ] {
            assert!(!realm(text, "registry.example.org"), "{text}");
        }
        assert!(realm("https://auth.example.org:8443?a=b", "registry.example.org"));
        for text in ["http://127.0.0.1:5001/token", "https://localhost/token", "https://auth.example.org/"] {
            assert!(realm(text, "127.0.0.1:5000"), "{text}");
        }
        assert!(!realm("http://auth.example.org/token", "127.0.0.1:5000"));
    }
}
