//! The page on which somebody signs in, answered at once by whom a test has put before the browser.

use super::super::state::State;
use super::directory::Browser;
use super::error::EntraError;
use super::scope;
use super::user::Code;
use crate::loopback::{Answer, Call};
use crate::random;

/// How long a code is good, in seconds.
const CODE_LIFE: i64 = 600;

pub(super) fn answer(state: &mut State, call: &Call, tenant: &str) -> Answer {
    let asked = match Asked::of(state, call, tenant) {
        Ok(asked) => asked,
        // A wrong client or address is never redirected to.
        Err(error) => {
            let told = error.as_answer(state.clock.now());
            let text = String::from_utf8_lossy(&told.body).replace('<', "&lt;");
            return page(400, &format!("Sorry, but we're having trouble signing you in. {text}"));
        }
    };
    let refused =
        |error: &str, words: &str| asked.returned(&[("error", error), ("error_description", words)]);
    if let Err(words) = &asked.fault {
        return refused("invalid_request", words);
    }
    match state.directory.browser.clone() {
        Browser::Nobody => page(200, "Sign in to your account"),
        Browser::Refuses => {
            refused("access_denied", "AADSTS65004: User declined to consent to access the app.")
        }
        Browser::SignsIn(name) => {
            let Some(person) = state.person(tenant, &name).cloned() else {
                let words =
                    format!("AADSTS50020: User account '{name}' does not exist in tenant '{tenant}'.");
                return page(400, &words);
            };
            let code = format!("1.A{}", random::token(120));
            let answer = asked.returned(&[("code", &code), ("session_state", "strict")]);
            let code_of = Code {
                client: asked.client,
                person,
                scope: asked.scope,
                redirect: asked.redirect,
                nonce: asked.nonce,
                challenge: asked.challenge,
                ends: state.clock.now() + CODE_LIFE,
                is_spent: false,
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
    scope: String,
    nonce: Option<String>,
    challenge: String,
    posts: bool,
    /// What is wrong that may be told to the program.
    fault: Result<(), String>,
}

impl Asked {
    fn of(state: &State, call: &Call, tenant: &str) -> Result<Self, EntraError> {
        let value = |name: &str| {
            let found = call.query_pairs().into_iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value).filter(|value| !value.is_empty())
        };
        let client = value("client_id").ok_or_else(|| EntraError::missing("client_id"))?;
        let home = match tenant {
            "common" | "organizations" => tenant,
            name => &state.tenant(name)?.id,
        };
        let app = match state.directory.apps.get(&client) {
            Some(app) if home == tenant && !app.principals.contains_key(home) => app,
            _ => state.app(&client, home)?,
        };
        let redirect = value("redirect_uri").unwrap_or_default();
        if !app.is_public || !is_local(&redirect) {
            return Err(EntraError::request(
                50_011,
                format!(
                    "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured \
                     for the application '{client}'."
                ),
            ));
        }
        let scope = value("scope").unwrap_or_default();
        let challenge = value("code_challenge").unwrap_or_default();
        let mode = value("response_mode");
        let told = |code: u32, words: &str| Err(format!("AADSTS{code}: {words}"));
        let fault = if value("response_type").as_deref() != Some("code") {
            told(700_054, "response_type is not enabled for the application.")
        } else if value("code_challenge_method").as_deref() != Some("S256") || challenge.len() != 43 {
            told(501_491, "Invalid size or method of Code_Challenge parameter.")
        } else if !matches!(mode.as_deref(), None | Some("query" | "form_post")) {
            told(900_233, "The response_mode is not supported.")
        } else if scope::of_person(&scope, tenant).is_err() {
            told(70_011, "The provided value for the input parameter 'scope' is not valid.")
        } else {
            Ok(())
        };
        let posts = mode.as_deref() == Some("form_post");
        let (state, nonce) = (value("state"), value("nonce"));
        Ok(Self { client, redirect, state, scope, nonce, challenge, posts, fault })
    }

    /// Sends the browser back to the program.
    fn returned(&self, fields: &[(&str, &str)]) -> Answer {
        let state = self.state.as_deref().map(|state| ("state", state));
        let fields = fields.iter().copied().chain(state);
        if self.posts {
            let inputs: String = fields
                .map(|(name, value)| {
                    let value = value.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
                    format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\"/>")
                })
                .collect();
            let form = format!("<form method=\"POST\" action=\"{}\">{inputs}</form>", self.redirect);
            return page(200, &form);
        }
        let fields: Vec<_> = fields.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let sign = if self.redirect.contains('?') { '&' } else { '?' };
        Answer::empty(302).with_header("location", format!("{}{sign}{}", self.redirect, fields.join("&")))
    }
}

/// Whether an address is `http://localhost`, which is the one that is registered for programs; its port is not
/// looked at.
fn is_local(redirect: &str) -> bool {
    let rest = redirect.strip_prefix("http://localhost");
    rest.is_some_and(|rest| {
        let (port, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) && path.is_empty()
    })
}

pub(in super::super) fn encoded(text: &str) -> String {
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
    use super::is_local;

    #[test]
    fn only_addresses_of_this_machine_are_redirected_to() {
        for good in ["http://localhost", "http://localhost:1", "http://localhost:8400/", "http://localhost/"]
        {
            assert!(is_local(good), "{good}");
        }
        for bad in [
            "https://localhost:1/",
            "http://127.0.0.1:8400",
            "http://localhost.example.com/",
            "http://localhost@example.com/",
            "http://localhost:x/",
            "http://localhost:0/",
            "http://localhost:1/path",
        ] {
            assert!(!is_local(bad), "{bad}");
        }
    }
}
