//! Who is let in: every defence that does not depend on a protocol. What is refused is told in the protocol's words.

use connector_core::AnyProtocol;
use connector_core::agent::{Answer, Asked, Proof, Refusal};
use connector_core::{Error, Result, Secret};
use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN, REFERER, VIA};
use hyper::http::request::Parts;
use subtle::ConstantTimeEq;

/// The name by which Google's libraries may know their endpoint. It proves less than an address does, and is taken
/// only where the header that no web page can send is the proof.
const METADATA: &str = "metadata.google.internal";

/// What somebody in between adds: the request is another one's, or has passed a proxy that a browser can be sent to.
const FORWARDED: [&str; 5] =
    ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The defences of one endpoint.
#[derive(Debug)]
pub(super) struct Guard {
    /// What requests may say as their `Host`.
    pub(super) hosts: Vec<String>,
    pub(super) port: u16,
    /// Whether only programs of this machine reach it.
    pub(super) is_loopback: bool,
    pub(super) token: Secret,
    /// At least one.
    pub(super) protocols: Vec<AnyProtocol>,
}

impl Guard {
    /// The protocol of a path; the first one speaks for paths of none.
    pub(super) fn speaker(&self, path: &str) -> (&AnyProtocol, bool) {
        match self.protocols.iter().find(|it| it.claims(path)) {
            Some(protocol) if is_plain(path) => (protocol, true),
            Some(protocol) => (protocol, false),
            None => (&self.protocols[0], false),
        }
    }

    /// Lets a request in as far as its head tells. Whether its token is right is asked by [`Guard::redeem`].
    ///
    /// # Errors
    /// The answer to who is not let in.
    pub(super) fn admit(&self, head: &Parts) -> Result<(&AnyProtocol, Proof), Answer> {
        let path = head.uri.path();
        let (protocol, is_claimed) = self.speaker(path);
        let proof = protocol.proof(path);
        let no = |status, code, message: &str| Err(protocol.refuse(&Refusal::new(status, code, message)));
        if !self.is_ours(head, proof) {
            return no(421, "host", "this endpoint is asked by its own address only");
        }
        if is_of_browser(&head.headers) {
            return no(403, "browser", "this endpoint answers programs, and no web pages");
        }
        if FORWARDED.iter().any(|it| head.headers.contains_key(*it)) || head.headers.contains_key(VIA) {
            return no(403, "forwarded", "this endpoint answers who asks it directly");
        }
        if !is_claimed {
            return no(404, "path", "there is nothing at this path");
        }
        let method = protocol.method(path);
        if head.method.as_str() != method {
            let message = format!("this path is asked by {method}");
            return Err(protocol.refuse(&Refusal::new(405, "method", message)).with_header("allow", method));
        }
        if let Proof::Fixed(name, value) = proof {
            if !self.is_loopback {
                return no(403, "address", "this path shows no secret, and is served on loopback only");
            }
            if one(&head.headers, name) != Some(value.as_bytes()) {
                return no(403, "header", &format!("send the header {name}: {value}"));
            }
        }
        Ok((protocol, proof))
    }

    /// Whether a request shows the session's token, where its proof is one. In constant time.
    ///
    /// # Errors
    /// The answer to who shows none or another one.
    pub(super) fn redeem(&self, protocol: &AnyProtocol, proof: Proof, asked: &Asked) -> Result<(), Answer> {
        let shown = asked.token(proof);
        let is_right =
            shown.as_ref().is_some_and(|it| bool::from(it.as_bytes().ct_eq(self.token.expose().as_bytes())));
        if is_right || !proof.is_secret() {
            return Ok(());
        }
        let (code, message) = match shown {
            Some(_) => ("token", "the token is not that of this session"),
            None => ("no-token", "the session's token is missing, or stands there more than once"),
        };
        // Without a challenge, though HTTP wants one: none of these proofs is a scheme that a client could answer it by,
        // and some (Java's, .NET's) would look for a login of the user's own, or ask for one.
        Err(protocol.refuse(&Refusal::new(401, code, message)))
    }

    /// Whether the request names this endpoint, once, and nothing else: a web page elsewhere whose name leads here
    /// sends its own.
    fn is_ours(&self, head: &Parts, proof: Proof) -> bool {
        let is_ours = |host: &str| {
            let is_metadata = || {
                let rest = host.get(..METADATA.len()).filter(|it| it.eq_ignore_ascii_case(METADATA));
                rest.is_some()
                    && (host.len() == METADATA.len() || host[METADATA.len()..] == format!(":{}", self.port))
            };
            self.hosts.iter().any(|it| it.eq_ignore_ascii_case(host))
                || (!proof.is_secret() && self.is_loopback && is_metadata())
        };
        let host = one(&head.headers, HOST.as_str()).and_then(|it| std::str::from_utf8(it).ok());
        host.is_some_and(is_ours) && head.uri.authority().is_none_or(|it| is_ours(it.as_str()))
    }
}

/// Whether a path says what it means: nothing in it leads up, and nothing that parts a path is written another way.
fn is_plain(path: &str) -> bool {
    let mut encoded = path.split('%').skip(1).map(|it| it.get(..2).unwrap_or_default());
    let is_harmless = |it: &str| {
        let byte = u8::from_str_radix(it, 16);
        byte.is_ok_and(|it| it > b' ' && !matches!(it, b'.' | b'/' | b'\\' | b'%' | 0x7f))
    };
    encoded.all(is_harmless)
        && !path.contains('\\')
        && !path.contains("//")
        && path.split('/').all(|it| !matches!(it, "." | ".."))
}

/// Browsers say on whose behalf they ask. None asks here on anybody's.
fn is_of_browser(headers: &HeaderMap) -> bool {
    let elsewhere = headers.get_all(SEC_FETCH_SITE).iter().any(|it| it.as_bytes() != b"none");
    elsewhere || headers.contains_key(ORIGIN) || headers.contains_key(REFERER)
}

/// The one value of a header; none where there are several.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

/// The error of a protocol that shows no secret where others could ask.
pub(super) fn needs_loopback(protocol: &AnyProtocol, address: std::net::IpAddr) -> Error {
    let id = protocol.id();
    Error::refused(format!("`{id}` is not served on {address}: its requests show no secret"))
        .with_hint("listen on 127.0.0.1, or choose another protocol with `--protocol`")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use connector_core::agent::{Protocol, SetUp, Site};
    use connector_core::{Credential, EnvironmentForm, Fields, Issued, Registration, Registry};
    use hyper::Request;

    use super::*;

    /// A kind whose protocol shows a secret on some paths only.
    struct Kind;

    impl Credential for Kind {
        const KIND: &'static str = "kind";

        fn export(&self, _: &mut Fields) {}

        fn import(_: &Fields) -> Result<Self> {
            Ok(Self)
        }

        fn protocols() -> &'static [&'static dyn Protocol<Self>] {
            &[&Mixed]
        }
    }

    struct Mixed;

    impl Protocol<Kind> for Mixed {
        fn id(&self) -> &'static str {
            "mixed"
        }

        fn about(&self) -> &'static str {
            "nobody"
        }

        fn proof(&self, path: &str) -> Proof {
            match path {
                "/open" => Proof::Fixed("flavor", "x"),
                _ => Proof::Header("token"),
            }
        }

        fn claims(&self, path: &str) -> bool {
            matches!(path, "/open" | "/closed")
        }

        fn set_up(&self, _: &Site, _: &Issued<Kind>) -> Result<SetUp> {
            Ok(SetUp::default())
        }

        fn answer(&self, _: &Asked, _: &Issued<Kind>, _: std::time::SystemTime) -> Answer {
            Answer::json(200, "{}")
        }

        fn refuse(&self, refusal: &Refusal) -> Answer {
            Answer::json(refusal.status, refusal.code)
        }
    }

    fn protocols() -> Vec<AnyProtocol> {
        let registry = Registry::of(&[Registration::credential::<Kind>()]).expect("one kind");
        registry.protocols("kind").expect("it is there")
    }

    fn status(is_loopback: bool, host: &str, path: &str) -> u16 {
        let guard = Guard {
            hosts: vec!["169.254.170.2:80".to_owned(), "169.254.170.2".to_owned()],
            port: 80,
            is_loopback,
            token: Secret::new("t"),
            protocols: protocols(),
        };
        let request = Request::builder().uri(path).header("host", host).header("flavor", "x");
        let (head, ()) = request.body(()).expect("a request").into_parts();
        guard.admit(&head).map_or_else(|refused| refused.status(), |_| 200)
    }

    /// C21: where others are near, what shows no secret is not served, though its address was let in by mistake.
    #[test]
    fn c21_without_a_secret_only_loopback_is_served() {
        assert_eq!(status(true, "169.254.170.2", "/open"), 200);
        assert_eq!(status(true, METADATA, "/open"), 200);
        assert_eq!(status(false, "169.254.170.2", "/open"), 403);
        assert_eq!(status(false, METADATA, "/open"), 421, "the name proves nothing there");
        assert_eq!(status(false, "169.254.170.2", "/closed"), 200);
        let [protocol] = protocols().try_into().expect("one");
        let site = Site::new("127.0.0.1:4711", "/d", "t".into());
        let shows_secret = |paths: &[&str]| {
            let set = |form: EnvironmentForm, path: &&str| form.set(format!("AT{path}"), site.url(path));
            let set_up = SetUp::new(paths.iter().fold(EnvironmentForm::default(), set));
            // What stands in a file leads there as well.
            let filed = paths.iter().map(|path| format!("{{\"url\": \"{}\"}}", site.url(path)));
            let filed = SetUp::default().with_file("f", filed.collect::<String>());
            assert_eq!(protocol.shows_secret(&site, &set_up), protocol.shows_secret(&site, &filed));
            protocol.shows_secret(&site, &set_up)
        };
        assert!(shows_secret(&["/closed"]) && !shows_secret(&["/closed", "/open"]));
        let error = needs_loopback(&protocol, IpAddr::from([169, 254, 170, 2]));
        assert!(error.message().contains("`mixed` is not served on 169.254.170.2"), "{error}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn paths_mean_what_they_say() {
        for plain in ["/", "/a/b", "/a.b/..c", "/a-_~:@", "/me%40example.org", "/%7E"] {
            assert!(is_plain(plain), "{plain}");
        }
        for other in ["/a/../b", "/..", "/.", "/a/./b", "//a", "/a//b", r"/a\..\b"] {
            assert!(!is_plain(other), "{other}");
        }
        for encoded in ["2e", "2E", "2f", "5C", "252e", "00", "0a", "20", "7f", "", "2", "zz", "+1"] {
            assert!(!is_plain(&format!("/a%{encoded}")), "{encoded}");
        }
    }
}
