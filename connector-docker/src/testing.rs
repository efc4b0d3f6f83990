//! What the tests share: a registry that is scripted.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use connector_core::{
    Clock, Connector, Context, Http, Request, Response, Result, Terms, VirtualClock, async_trait,
};
use serde_json::Value;

use crate::Docker;

/// A text that must not be seen in any output.
pub(crate) const CANARY: &str = "hunter2";

/// What answers, and what was asked. Waiting moves its clock.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answers: VecDeque<Result<Response>>,
    sent: Vec<Request>,
    pauses: Vec<u64>,
    /// How long its clock went since the beginning.
    gone: Duration,
    /// How long each answer takes.
    slow: Duration,
}

impl World {
    /// A world that gives these answers, one after the other.
    pub(crate) fn of(answers: impl IntoIterator<Item = Result<Response>>) -> Self {
        let world = Self::default();
        world.state().answers.extend(answers);
        world
    }

    /// The same world, where each answer takes so long.
    pub(crate) fn slow(self, each: Duration) -> Self {
        self.state().slow = each;
        self
    }

    /// The limit that each request was sent with, in seconds.
    pub(crate) fn limits(&self) -> Vec<Option<u64>> {
        self.state().sent.iter().map(|it| it.timeout().map(|it| it.as_secs())).collect()
    }

    pub(crate) fn context(&self) -> Context {
        Context::detached(self.clone()).with_http(self.clone())
    }

    /// A connector in this world.
    pub(crate) fn connector(&self, method: &str, config: Value) -> Connector<Docker> {
        self.with_terms(method, config, Terms::default())
    }

    pub(crate) fn with_terms(&self, method: &str, config: Value, terms: Terms) -> Connector<Docker> {
        let read = "a config that fits";
        match method {
            "password" => Connector::with_terms(
                self.context(),
                serde_json::from_value::<crate::auth::Password>(config).expect(read),
                terms,
            ),
            "identity-token" => Connector::with_terms(
                self.context(),
                serde_json::from_value::<crate::auth::IdentityToken>(config).expect(read),
                terms,
            ),
            _ => Connector::with_terms(
                self.context(),
                serde_json::from_value::<crate::auth::Anonymous>(config).expect(read),
                terms,
            ),
        }
    }

    /// What was sent: method, URL, and what proves who sent it.
    pub(crate) fn sent(&self) -> Vec<String> {
        let header = |it: &Request| {
            let found = it.headers().iter().find(|(name, _)| name == "authorization");
            found.map_or_else(String::new, |(_, value)| format!(" {value}"))
        };
        self.state().sent.iter().map(|it| format!("{} {}{}", it.method(), it.url(), header(it))).collect()
    }

    pub(crate) fn last_body(&self) -> String {
        let last = self.state().sent.last().map(|it| it.body().to_vec()).unwrap_or_default();
        String::from_utf8(last).expect("a form")
    }

    pub(crate) fn pauses(&self) -> Vec<u64> {
        self.state().pauses.clone()
    }

    /// That everything scripted was asked for.
    pub(crate) fn is_done(&self) -> bool {
        self.state().answers.is_empty()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Http for World {
    async fn send(&self, request: Request) -> Result<Response> {
        let mut state = self.state();
        let url = request.url().to_owned();
        state.sent.push(request);
        let slow = state.slow;
        state.gone += slow;
        state.answers.pop_front().unwrap_or_else(|| panic!("nothing answers to {url}"))
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> std::time::SystemTime {
        VirtualClock::default().now() + self.state().gone
    }

    async fn sleep(&self, duration: Duration) {
        if duration < Duration::from_secs(20) {
            let mut state = self.state();
            state.pauses.push(duration.as_secs());
            state.gone += duration;
        } else {
            // A deadline, which is never reached.
            std::future::pending::<()>().await;
        }
    }
}

/// An answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Result<Response> {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Ok(Response::new(status, headers.collect(), body.as_bytes().to_vec()))
}

/// A challenge.
pub(crate) fn asks(challenge: &str) -> Result<Response> {
    answer(401, &[("www-authenticate", challenge)], "")
}

/// Docker Hub's.
pub(crate) const HUB: &str = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#;

/// A token service's answer.
pub(crate) fn token(token: &str) -> Result<Response> {
    answer(200, &[], &serde_json::json!({ "token": token, "expires_in": 300 }).to_string())
}
