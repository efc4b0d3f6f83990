//! Requests to an API server: JSON over our own HTTP port, with patience.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Call, Patience, Request, Response, Result, Secret, Tls};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::credential::{Login, Password};
use crate::error;
use crate::session::Cluster;

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
        Ok(Answer { value, date: answer.date() })
    }

    async fn send(&self, request: Request) -> Result<Response> {
        let mut request = request.with_header("accept", "application/json").with_tls(Arc::clone(&self.tls));
        if let Some(authorization) = authorization(self.login) {
            request = request.with_header("authorization", authorization.expose());
        }
        self.cx.send_patiently(request, Patience::default()).await
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
