//! The OAuth endpoints: consent, tokens, devices, looking at a token and taking it back.

mod consent;
mod device;
mod info;
mod service_account;
mod user;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::error::OauthError;
use super::state::State;
use crate::loopback::{Answer, Call};
use crate::random;

pub(super) use device::Decision;

/// How long a token lives, in seconds.
pub(super) const LIFE: Duration = Duration::from_secs(3599);

/// The client that the `gcloud` program is. Its secret is in every copy of it, so it is none.
pub(super) const GCLOUD: &str = "32555940559.apps.googleusercontent.com";

/// Clients and what people have let them do.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) browser: Browser,
    pub(super) refresh_tokens: BTreeMap<String, Refresh>,
    /// Who has to show again who they are before a refresh token is good.
    pub(super) must_reauthenticate: BTreeSet<String>,
    pub(super) devices: BTreeMap<String, device::Device>,
    /// How many of the next polls are told to slow down.
    pub(super) slow_downs: usize,
    codes: BTreeMap<String, user::Code>,
    /// Client and person: a second consent gives no refresh token by itself.
    consents: BTreeSet<(String, String)>,
}

/// A registered program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) secret: String,
    pub(super) kind: Kind,
}

/// What kind of program a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// On somebody's machine, with a browser.
    Installed,
    /// A television or the like.
    LimitedInput,
}

/// Who sits before the browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Browser {
    #[default]
    Nobody,
    Consents(String),
    Refuses,
}

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refresh {
    pub(super) client: String,
    pub(super) user: String,
    pub(super) scopes: Vec<String>,
}

impl Directory {
    pub(super) fn add_client(&mut self, kind: Kind) -> (String, Client) {
        let id = format!("{}-{}", random::text(12, b"0123456789"), random::text(32, b"0123456789abcdefghij"));
        let id = format!("{id}.apps.googleusercontent.com");
        let client = Client { secret: format!("GOCSPX-{}", random::token(28)), kind };
        self.clients.insert(id.clone(), client.clone());
        (id, client)
    }

    pub(super) fn add_refresh_token(&mut self, refresh: Refresh) -> String {
        let token = format!("1//0{}", random::token(96));
        self.refresh_tokens.insert(token.clone(), refresh);
        token
    }
}

pub(super) fn is_for(call: &Call) -> bool {
    matches!(
        call.path.as_str(),
        "/token" | "/device/code" | "/tokeninfo" | "/revoke" | "/o/oauth2/auth" | "/o/oauth2/v2/auth"
    )
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let answered = match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/o/oauth2/auth" | "/o/oauth2/v2/auth") => return consent::answer(state, call),
        ("POST", "/token") => token(state, call),
        ("POST", "/device/code") => device::start(state, call),
        ("GET" | "POST", "/tokeninfo") => info::about(state, call),
        ("POST", "/revoke") => info::revoke(state, call),
        _ => return Answer::empty(405),
    };
    match answered {
        Ok(body) => Answer::json(200, &body).with_header("cache-control", "no-cache, no-store, max-age=0"),
        Err(error) => error.as_answer(),
    }
}

fn token(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let grant = required(call, "grant_type")?;
    match grant.as_str() {
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => service_account::token(state, call),
        "refresh_token" => user::refresh(state, call),
        "authorization_code" => user::redeem(state, call),
        device::GRANT => device::poll(state, call),
        other => Err(OauthError::new(400, "unsupported_grant_type", format!("Invalid grant_type: {other}"))),
    }
}

/// A field of the body, which is a form or JSON. What stands in the query does not count: it would be logged on the
/// way. An empty field is none.
pub(super) fn field(call: &Call, name: &str) -> Option<String> {
    let is_json = call.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let value = match is_json {
        true => call.json()[name].as_str().map(str::to_owned),
        false => call.form().into_iter().find(|(other, _)| other == name).map(|(_, value)| value),
    };
    value.filter(|value| !value.is_empty())
}

pub(super) fn required(call: &Call, name: &str) -> Result<String, OauthError> {
    field(call, name).ok_or_else(|| OauthError::missing(name))
}

/// The client of a call by its id and secret, in the form or as a basic authorization.
pub(super) fn client(state: &State, call: &Call) -> Result<(String, Client), OauthError> {
    let (id, secret) = match basic(call) {
        Some(shown) => shown,
        None => (required(call, "client_id")?, field(call, "client_secret").unwrap_or_default()),
    };
    let known = state.directory.clients.get(&id);
    let known = known.ok_or_else(|| OauthError::client("The OAuth client was not found."))?;
    match known.secret == secret {
        true => Ok((id, known.clone())),
        false => Err(OauthError::client("The provided client secret is invalid.")),
    }
}

/// Name and password of a basic authorization.
pub(super) fn basic(call: &Call) -> Option<(String, String)> {
    use base64::Engine as _;
    let encoded = call.header("authorization")?.strip_prefix("Basic ")?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// The scopes of a text. One that is none is an error.
fn scopes(text: &str) -> Result<Vec<String>, OauthError> {
    let all: Vec<String> = text.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    match !all.is_empty() && all.iter().all(|scope| is_scope(scope)) {
        true => Ok(all),
        false => {
            let words = "Invalid OAuth scope or ID token audience provided.";
            Err(OauthError::new(400, "invalid_scope", words))
        }
    }
}

/// Whether a text has the shape of a scope of Google's.
pub(super) fn is_scope(text: &str) -> bool {
    let name = text.strip_prefix("https://www.googleapis.com/auth/");
    matches!(text, "openid" | "email" | "profile")
        || name.is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-/".contains(&it))
        })
}
