//! A strict authorization server with an API, in memory: it checks what RFC 6749 and RFC 6750 demand, replaces
//! refresh tokens, and ends a login whose old refresh token is used again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_conformance::canary;
use connector_core::{Clock, Http, Request, Response, Result, VirtualClock, async_trait};
use serde_json::{Value, json};
use url::form_urlencoded;

pub(crate) const TOKEN_URL: &str = "https://login.example.test/token";
pub(crate) const API: &str = "https://api.example.test/v1";
pub(crate) const CLIENT: &str = "nightly job";

/// All scopes that there are.
const SCOPES: [&str; 3] = ["orders:read", "orders:write", "orders:own"];

/// A clone is the same server.
#[derive(Clone)]
pub(crate) struct Server {
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
}

struct State {
    calls: Vec<BTreeMap<String, String>>,
    /// The one refresh token that is good; none once the login is ended.
    refresh_token: Option<String>,
    /// Tokens with their ends and scopes.
    tokens: BTreeMap<String, (SystemTime, String)>,
    made: usize,
    quirk: Quirk,
    told: Vec<(String, Duration)>,
}

/// What a server does that is not the plain way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Quirk {
    #[default]
    None,
    /// It knows the secret in the body only.
    InBody,
    /// It does not say how long a token lives.
    SaysNoLife,
    /// It gives every scope, whatever is asked.
    GivesAll,
    /// It lets refresh tokens be.
    Keeps,
    /// It answers with this.
    Answers(u16, Value),
}

/// How long a token lives.
pub(crate) const LIFE: Duration = Duration::from_secs(1800);

impl Server {
    pub(crate) fn new(clock: VirtualClock) -> Self {
        let state = State {
            calls: Vec::new(),
            refresh_token: Some(canary("refresh_token")),
            tokens: BTreeMap::new(),
            made: 0,
            quirk: Quirk::None,
            told: Vec::new(),
        };
        Self { clock, state: Arc::new(Mutex::new(state)) }
    }

    pub(crate) fn with(self, quirk: Quirk) -> Self {
        self.state().quirk = quirk;
        self
    }

    /// The forms that the token endpoint got.
    pub(crate) fn calls(&self) -> Vec<BTreeMap<String, String>> {
        self.state().calls.clone()
    }

    /// Whether the login is still good: no old refresh token was used.
    pub(crate) fn login_is_good(&self) -> bool {
        self.state().refresh_token.is_some()
    }

    /// What was issued since this was asked last, and how long it lives.
    pub(crate) fn take_issued(&self) -> Vec<(String, Duration)> {
        std::mem::take(&mut self.state().told)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no answer panics")
    }

    fn token(&self, request: &Request) -> Response {
        let form: BTreeMap<String, String> = form_urlencoded::parse(request.body()).into_owned().collect();
        let mut state = self.state();
        state.calls.push(form.clone());
        if let Quirk::Answers(status, body) = &state.quirk {
            return answer(*status, body);
        }
        let refused =
            |status, code: &str| answer(status, &json!({ "error": code, "error_description": "no" }));
        let headers = request.headers();
        let is_form = header(headers, "content-type") == Some("application/x-www-form-urlencoded");
        if request.method() != "POST" || request.url() != TOKEN_URL || !is_form {
            return refused(400, "invalid_request");
        }
        if !authenticated(headers, &form, &state.quirk) {
            return refused(401, "invalid_client");
        }
        let asked = form.get("scope").map_or_else(|| SCOPES.join(" "), Clone::clone);
        if asked.split(' ').any(|it| !SCOPES.contains(&it)) {
            return refused(400, "invalid_scope");
        }
        let mut next = None;
        match form.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {}
            Some("refresh_token") => {
                if form.get("refresh_token") != state.refresh_token.as_ref() || state.refresh_token.is_none()
                {
                    // Somebody uses an old one: both may be a thief.
                    state.refresh_token = None;
                    return refused(400, "invalid_grant");
                }
                if state.quirk != Quirk::Keeps {
                    next = Some(canary(&format!("refresh-token-{}", state.made)));
                    state.refresh_token.clone_from(&next);
                }
            }
            _ => return refused(400, "unsupported_grant_type"),
        }
        self.issue(&mut state, &asked, next)
    }

    fn issue(&self, state: &mut State, asked: &str, refresh_token: Option<String>) -> Response {
        let token = canary(&format!("token-{}", state.made));
        state.made += 1;
        let given = if state.quirk == Quirk::GivesAll { SCOPES.join(" ") } else { asked.to_owned() };
        state.tokens.insert(token.clone(), (self.clock.now() + LIFE, given.clone()));
        state.told.push((token.clone(), LIFE));
        let mut body = json!({ "access_token": token, "token_type": "bearer", "expires_in": LIFE.as_secs() });
        let body_of = body.as_object_mut().expect("an object");
        if given != asked {
            body_of.insert("scope".into(), given.into());
        }
        if state.quirk == Quirk::SaysNoLife {
            body_of.remove("expires_in");
        }
        body_of.extend(refresh_token.map(|it| ("refresh_token".to_owned(), it.into())));
        answer(200, &body)
    }

    fn api(&self, request: &Request) -> Response {
        let state = self.state();
        let token = header(request.headers(), "authorization").and_then(|it| it.strip_prefix("Bearer "));
        match token.and_then(|token| state.tokens.get(token)) {
            Some((end, _)) if *end <= self.clock.now() => answer(401, &json!({})),
            Some((_, scopes)) if request.method() != "GET" && !scopes.contains("orders:write") => {
                answer(403, &json!({}))
            }
            Some((_, scopes)) => answer(200, &json!({ "scopes": scopes })),
            None => answer(401, &json!({})),
        }
    }
}

#[async_trait]
impl Http for Server {
    async fn send(&self, request: Request) -> Result<Response> {
        Ok(match request.origin() {
            "https://login.example.test" => self.token(&request),
            "https://api.example.test" => self.api(&request),
            _ => answer(404, &Value::Null),
        })
    }
}

/// By the one way that the server knows, and by no second one beside it (RFC 6749 §2.3).
fn authenticated(headers: &[(String, String)], form: &BTreeMap<String, String>, quirk: &Quirk) -> bool {
    let secret = canary("client_secret");
    if *quirk == Quirk::InBody {
        let body = (form.get("client_id").map(String::as_str), form.get("client_secret"));
        return body == (Some(CLIENT), Some(&secret)) && header(headers, "authorization").is_none();
    }
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let both = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(&secret)));
    header(headers, "authorization") == Some(&*format!("Basic {both}")) && !form.contains_key("client_secret")
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn answer(status: u16, body: &Value) -> Response {
    Response::new(
        status,
        vec![("content-type".into(), "application/json".into())],
        body.to_string().into_bytes(),
    )
}
