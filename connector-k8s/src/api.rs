//! Requests to an API server: JSON over our own HTTP port, with patience.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Call, ErrorKind, Request, Response, Result, Secret, Tls};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::credential::{Login, Password};
use crate::error;
use crate::session::Cluster;

/// How often a request is sent at most.
const TRIES: u32 = 3;
/// The first pause, unless the server says; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The largest answer that is looked at, in bytes.
const LARGEST: usize = 1 << 20;

/// One server, and how one logs in there for one call.
pub(crate) struct Api<'a> {
    pub(crate) cx: &'a Call<'a>,
    pub(crate) cluster: &'a Cluster,
    pub(crate) login: &'a Login,
    tls: Arc<Tls>,
}

/// What a server said yes with.
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    /// The server's clock.
    pub(crate) date: Option<SystemTime>,
}

impl<'a> Api<'a> {
    pub(crate) fn new(cx: &'a Call<'a>, cluster: &'a Cluster, login: &'a Login) -> Self {
        Self { cx, cluster, login, tls: cluster.tls(login) }
    }

    /// Asks. `call` is what is asked in words, for errors.
    pub(crate) async fn get<T: DeserializeOwned>(&self, call: &str, path: &str) -> Result<Answer<T>> {
        let request = Request::get(self.url(path));
        self.read(call, self.send(request).await)
    }

    /// Creates something that the server only answers and does not keep, so that it may be sent again.
    pub(crate) async fn create<T: DeserializeOwned>(
        &self,
        call: &str,
        path: &str,
        body: &Value,
    ) -> Result<Answer<T>> {
        let request = Request::new("POST", self.url(path))
            .with_header("content-type", "application/json")
            .with_body(body.to_string());
        self.read(call, self.send(request).await)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.cluster.server)
    }

    fn read<T: DeserializeOwned>(&self, call: &str, answer: Result<Response>) -> Result<Answer<T>> {
        let answer = answer.map_err(|error| error::unanswered(self, call, error))?;
        if !answer.is_success() {
            return Err(error::refused(self, call, &answer));
        }
        if answer.body().len() > LARGEST {
            return Err(error::garbage(self, call, answer.status()));
        }
        let value = serde_json::from_slice(answer.body());
        let value = value.map_err(|_| error::garbage(self, call, answer.status()))?;
        Ok(Answer { value, date: answer.header("date").and_then(parse_http_date) })
    }

    /// Sends a request, and again where that may help, all of it within the limit for one call. A pause that the
    /// server asks for is kept; where it would not end within the limit, its answer is the outcome at once.
    async fn send(&self, request: Request) -> Result<Response> {
        let mut request = request.with_header("accept", "application/json").with_tls(Arc::clone(&self.tls));
        if let Some(authorization) = authorization(self.login) {
            request = request.with_header("authorization", authorization.expose());
        }
        let began = self.cx.now();
        let left = || {
            let spent = self.cx.now().duration_since(began).unwrap_or_default();
            self.cx.call_limit().saturating_sub(spent)
        };
        let mut pause = FIRST_PAUSE;
        for tried in 1.. {
            let outcome = self.cx.send(request.clone().with_timeout(left())).await;
            let asked = outcome.as_ref().ok().and_then(|it| asked_pause(it, self.cx.now()));
            let pause_now = asked.unwrap_or(pause);
            // What the try took counts too: no other one is begun that could not end.
            if tried == TRIES || !may_pass(&outcome) || pause_now >= left() {
                return outcome;
            }
            self.cx.clock().sleep(pause_now).await;
            pause *= 2;
        }
        unreachable!("the last try returns")
    }
}

/// The header that logs in; a certificate does it in TLS.
pub(crate) fn authorization(login: &Login) -> Option<Secret> {
    match login {
        Login::Token(token) => Some(Secret::new(format!("Bearer {}", token.expose()))),
        Login::Password(Password { username, password }) => {
            let both = Secret::new(format!("{username}:{}", password.expose()));
            let both = Secret::new(STANDARD.encode(both.expose()));
            Some(Secret::new(format!("Basic {}", both.expose())))
        }
        Login::Certificate(_) => None,
    }
}

/// Whether the same request may have another outcome a moment later.
fn may_pass(outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status(), 429 | 500 | 502 | 503 | 504),
        Err(error) => error.kind() == ErrorKind::Unreachable && error.is_transient(),
    }
}

/// The pause that the server asks for: seconds, or a date by its own clock.
fn asked_pause(answer: &Response, now: SystemTime) -> Option<Duration> {
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let their_now = answer.header("date").and_then(parse_http_date).unwrap_or(now);
    Some(parse_http_date(text)?.duration_since(their_now).unwrap_or_default())
}

/// Reads the value of a `Date` header.
pub(crate) fn parse_http_date(text: &str) -> Option<SystemTime> {
    jiff::fmt::rfc2822::parse(text).ok().map(|it| it.timestamp().into())
}
