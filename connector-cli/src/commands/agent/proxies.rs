//! Proxies that programs would ask in place of an endpoint: some libraries (those of Python and Rust) send requests for
//! loopback there too.

/// What names a proxy for requests without TLS.
const PROXIES: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// What names hosts that are asked directly. Who reads both takes the first.
const EXEMPT: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// How an environment is set, as far as proxies go.
#[derive(Clone, Copy)]
pub(in crate::commands) struct Proxies<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Proxies<'a> {
    pub(in crate::commands) fn of(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(variable)
    }

    fn value(self, name: &str) -> Option<String> {
        (self.0)(name).filter(|it| !it.trim().is_empty())
    }

    /// The variable that would lead requests for a host to a proxy.
    pub(in crate::commands) fn in_the_way(self, host: &str) -> Option<&'static str> {
        let proxy = PROXIES.into_iter().find(|it| self.value(it).is_some())?;
        (!self.exempting(host).is_empty()).then_some(proxy)
    }

    /// What has to be set, beside what is, for a host to be asked directly: nothing where no proxy is set.
    pub(in crate::commands) fn exempting(self, host: &str) -> Vec<(&'static str, String)> {
        if PROXIES.into_iter().all(|it| self.value(it).is_none()) {
            return Vec::new();
        }
        let lists = EXEMPT.map(|name| (name, self.value(name)));
        // One that is not set yet says what the other one does: whoever read that would read this first.
        let other = lists.iter().find_map(|(_, list)| list.clone()).unwrap_or_default();
        let added = lists.into_iter().filter_map(|(name, list)| {
            let before = list.clone().unwrap_or_else(|| other.clone());
            let after = with(&before, host);
            (list.as_deref() != Some(&*after)).then_some((name, after))
        });
        added.collect()
    }
}

/// The host of an endpoint as such lists write it: without the port, and without brackets.
pub(in crate::commands) fn host(authority: &str) -> &str {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// A list with a host. A star is everything, and means that only where it stands alone.
fn with(list: &str, host: &str) -> String {
    let mut entries = list.split(',').map(str::trim);
    if list.trim() == "*" || entries.any(|it| it.eq_ignore_ascii_case(host)) {
        return list.to_owned();
    }
    match list.trim().trim_end_matches(',') {
        "" => host.to_owned(),
        list => format!("{list},{host}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exempting(set: &[(&str, &str)], authority: &str) -> Vec<(&'static str, String)> {
        let variable = |name: &str| set.iter().find(|(it, _)| *it == name).map(|(_, it)| (*it).to_owned());
        Proxies::of(&variable).exempting(host(authority))
    }

    #[test]
    fn an_endpoint_is_asked_directly_and_so_is_what_was_before() {
        const ENDPOINT: &str = "127.0.0.1:4711";
        let proxy = ("http_proxy", "http://proxy:3128");
        for (before, lower, upper) in [
            (&[][..], Some("127.0.0.1"), Some("127.0.0.1")),
            // Who set one only is understood by those who read the other one first.
            (&[("NO_PROXY", "a.example, b")], Some("a.example, b,127.0.0.1"), Some("a.example, b,127.0.0.1")),
            (&[("no_proxy", "a"), ("NO_PROXY", "b,")], Some("a,127.0.0.1"), Some("b,127.0.0.1")),
            (&[("no_proxy", "a, 127.0.0.1")], None, Some("a, 127.0.0.1")),
            (&[("no_proxy", "*"), ("NO_PROXY", "*")], None, None),
            (&[("no_proxy", " ")], Some("127.0.0.1"), Some("127.0.0.1")),
        ] {
            let told = exempting(&[&[proxy][..], before].concat(), ENDPOINT);
            let of = |name: &str| told.iter().find(|(it, _)| *it == name).map(|(_, it)| it.as_str());
            assert_eq!((of("no_proxy"), of("NO_PROXY")), (lower, upper), "{before:?}");
        }
        assert_eq!(exempting(&[("ALL_PROXY", "socks5://p")], "[::1]:80")[0].1, "::1");
        // TLS is none of the endpoint's.
        for none in [&[][..], &[("http_proxy", "")], &[("https_proxy", "http://proxy")]] {
            assert_eq!(exempting(none, ENDPOINT), [], "{none:?}");
        }
    }
}
