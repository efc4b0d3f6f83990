//! The page on which somebody lets a program act for them, answered at once by whom a test has put before the browser.

use super::super::state::State;
use super::user::Code;
use super::{Browser, Kind, scopes};
use crate::loopback::{Answer, Call};
use crate::random;

/// How long a code is good, in seconds.
const CODE_LIFE: i64 = 600;

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let asked = match Asked::of(state, call) {
        Ok(asked) => asked,
        // A wrong client or address is never redirected to.
        Err((code, why)) => return page(code, &why),
    };
    match state.directory.browser.clone() {
        Browser::Nobody => page(200, "Sign in with Google"),
        Browser::Refuses => asked.redirected(&[("error", "access_denied")]),
        Browser::Consents(user) => {
            let consent = (asked.client.clone(), user.clone());
            let is_first = state.directory.consents.insert(consent);
            let code = format!("4/0A{}", random::token(70));
            let granted = asked.scopes.join(" ");
            let answer = asked.redirected(&[("code", &code), ("scope", &granted), ("prompt", "consent")]);
            let code_of = Code {
                client: asked.client,
                user,
                scopes: asked.scopes,
                redirect: asked.redirect,
                challenge: asked.challenge,
                ends: state.clock.now() + CODE_LIFE,
                is_offline: asked.is_offline && (is_first || asked.is_prompted),
            };
            state.directory.codes.insert(code, code_of);
            answer
        }
    }
}

struct Asked {
    client: String,
    redirect: String,
    state: Option<String>,
    scopes: Vec<String>,
    challenge: String,
    is_offline: bool,
    is_prompted: bool,
}

impl Asked {
    fn of(state: &State, call: &Call) -> Result<Self, (u16, String)> {
        let refuse = |code: u16, why: &str| (code, format!("Error {code}: {why}"));
        let value = |name: &str| call.parameter(name).filter(|value| !value.is_empty());
        let needed = |name: &str| {
            let why = format!("invalid_request: Required parameter is missing: {name}");
            value(name).ok_or_else(|| refuse(400, &why))
        };
        let client = needed("client_id")?;
        match state.directory.clients.get(&client) {
            Some(known) if known.kind == Kind::Installed => {}
            Some(_) => return Err(refuse(400, "invalid_request: Invalid client type.")),
            None => return Err(refuse(401, "invalid_client: The OAuth client was not found.")),
        }
        if needed("response_type")? != "code" {
            return Err(refuse(400, "unsupported_response_type"));
        }
        let redirect = needed("redirect_uri")?;
        if !is_loopback(&redirect) {
            return Err(refuse(400, "redirect_uri_mismatch"));
        }
        let scopes = scopes(&needed("scope")?);
        let scopes = scopes.map_err(|_| refuse(400, "invalid_scope: Some requested scopes were invalid."))?;
        let challenge = needed("code_challenge")?;
        if value("code_challenge_method").as_deref() != Some("S256") || challenge.len() != 43 {
            return Err(refuse(400, "invalid_request: Invalid code_challenge or code_challenge_method."));
        }
        Ok(Self {
            client,
            redirect,
            state: value("state"),
            scopes,
            challenge,
            is_offline: value("access_type").as_deref() == Some("offline"),
            is_prompted: value("prompt").is_some_and(|prompt| prompt.contains("consent")),
        })
    }

    fn redirected(&self, fields: &[(&str, &str)]) -> Answer {
        let state = self.state.as_deref().map(|state| ("state", state));
        let fields: Vec<_> = state
            .into_iter()
            .chain(fields.iter().copied())
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let sign = if self.redirect.contains('?') { '&' } else { '?' };
        Answer::empty(302).with_header("location", format!("{}{sign}{}", self.redirect, fields.join("&")))
    }
}

/// Whether an address is one of this machine, with any port.
fn is_loopback(redirect: &str) -> bool {
    let Some(rest) = redirect.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix("[::1]") {
        Some(port) => return port.is_empty() || is_port(port),
        None => authority.split_once(':'),
    };
    let (host, has_good_port) = match host {
        Some((host, port)) => (host, is_port(&format!(":{port}"))),
        None => (authority, true),
    };
    matches!(host, "localhost" | "127.0.0.1") && has_good_port && !redirect.contains('#')
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

fn page(status: u16, text: &str) -> Answer {
    Answer::new(status, "text/html; charset=utf-8", format!("<html><body>{text}</body></html>"))
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_addresses_of_this_machine_are_redirected_to() {
        for good in
            ["http://localhost", "http://localhost:1/", "http://127.0.0.1:8080/x?y", "http://[::1]:9/"]
        {
            assert!(is_loopback(good), "{good}");
        }
        for bad in [
            "https://localhost:1/",
            "http://example.com/",
            "http://localhost.example.com/",
            "http://localhost@example.com/",
            "http://127.0.0.1:x/",
            "http://localhost:0/",
            "http://localhost:1/#fragment",
            "urn:ietf:wg:oauth:2.0:oob",
        ] {
            assert!(!is_loopback(bad), "{bad}");
        }
    }
}
