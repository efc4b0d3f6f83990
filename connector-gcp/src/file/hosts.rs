//! Where the URLs of a credential file may send its secrets.
//!
//! A file often comes from somebody else, and whoever wrote a URL into it gets what is sent there: an assertion, a
//! refresh token, a token of elsewhere. So a file alone names no host but Google's and those of this machine.

use std::net::IpAddr;

use crate::names::{EndpointUrl, Service, UniverseDomain};

/// A URL of a file, and the service that it is in place of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileUrl<'a> {
    /// Its field in the file.
    pub(crate) field: &'static str,
    pub(crate) service: Service,
    pub(crate) url: &'a EndpointUrl,
}

/// What is told of one that may not be asked.
pub(crate) const STRANGE: &str = "is of a host that is none of Google's, and secrets would be sent there";

/// Older files name Google's token endpoint by this host.
const ACCOUNTS: &str = "accounts.google.com";

impl FileUrl<'_> {
    /// Whether its host is one of Google's public cloud, of one of these universes, or of this machine.
    pub(crate) fn is_of<'u>(&self, universes: impl IntoIterator<Item = &'u UniverseDomain>) -> bool {
        let authority = self.url.authority().to_ascii_lowercase();
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            _ => &authority,
        };
        if is_loopback(host) {
            return true;
        }
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        self.url.is_https()
            && (host == ACCOUNTS
                || below(UniverseDomain::default().as_str())
                || universes.into_iter().any(|it| below(it.as_str())))
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C18: hosts that only look like Google's are none of it.
    #[test]
    fn c18_what_looks_like_googles_is_not() {
        let universe = UniverseDomain::parse("apis.example.goog").expect("a domain");
        for (url, alone, within) in [
            ("https://oauth2.googleapis.com/token", true, true),
            ("https://STS.googleapis.com:443/v1/token", true, true),
            ("https://sts.us-east1.rep.googleapis.com/v1/token", true, true),
            ("https://accounts.google.com/o/oauth2/token", true, true),
            ("http://127.0.0.1:7/token", true, true),
            ("http://localhost:7/token", true, true),
            ("https://[::1]:7/token", true, true),
            ("https://sts.apis.example.goog/v1/token", false, true),
            ("https://apis.example.goog/v1/token", false, false),
            ("https://evilgoogleapis.com/token", false, false),
            ("https://googleapis.com/token", false, false),
            ("https://oauth2.googleapis.com.evil.example/token", false, false),
            ("https://evil.example/oauth2.googleapis.com", false, false),
            ("https://localhost.evil.example/token", false, false),
            ("http://10.0.0.1/token", false, false),
            ("http://intranet/token", false, false),
            ("https://x.accounts.google.com/token", false, false),
        ] {
            let url = EndpointUrl::parse(url).expect("an endpoint");
            let url = FileUrl { field: "token_uri", service: Service::Oauth, url: &url };
            assert_eq!((url.is_of(None), url.is_of(Some(&universe))), (alone, within), "{url:?}");
        }
    }
}
