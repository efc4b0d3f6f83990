//! The registry's v2 protocol, as far as logging in needs it: without an engine, and without following redirects.

use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Access, Call, Error, ErrorKind, Patience, Request, Response, Result, Secret};
use serde::Deserialize;

use crate::challenge::{Bearer, Challenge, Realm};
use crate::credential::Login;
use crate::error;
use crate::names::{RepositoryName, Scheme};
use crate::session::Session;

/// No token is longer; what does not fit into a header is of no use.
const LONGEST_TOKEN: usize = 64 * 1024;
/// How we name ourselves to token services.
const CLIENT: &str = "connector";

/// The actions of a token's scope that an access level needs.
pub(crate) fn actions(access: Access) -> &'static str {
    match access {
        Access::Read => "pull",
        Access::Write => "pull,push",
        _ => "pull,push,delete",
    }
}

/// A visit at a registry, with what was found out on the way.
pub(crate) struct Visit<'a> {
    session: &'a Session,
    cx: &'a Call<'a>,
    /// Where the registry answers.
    base: String,
    /// What proves who we are, once it is known how.
    authorization: Option<Secret>,
}

/// An upload that nobody began: writing to it is refused to those who may not write, and to the others there is
/// no such thing.
const NO_UPLOAD: &str = "00000000-0000-4000-8000-000000000000";

impl<'a> Visit<'a> {
    pub(crate) fn new(session: &'a Session, cx: &'a Call<'a>) -> Self {
        Self { session, cx, base: String::new(), authorization: None }
    }

    /// Logs in; `false` when the registry lets everybody in and so judged nothing.
    pub(crate) async fn log_in(mut self) -> Result<bool> {
        let first = self.enter().await?;
        if first.is_success() {
            return Ok(false);
        }
        self.take_up(&first, None).await?;
        let answer = self.call("GET", "/v2/").await?;
        match answer.status() {
            200..300 => Ok(true),
            401 => Err(self.not_taken()),
            _ => Err(error::of_answer(self.host(), "GET /v2/", &answer, self.cx.now())),
        }
    }

    /// Logs in with the rights for one repository, and looks whether they are given.
    pub(crate) async fn look_at(&mut self, repository: &RepositoryName, access: Access) -> Result<()> {
        let scope = format!("repository:{repository}:{}", actions(access));
        let first = self.enter().await?;
        if !first.is_success() {
            self.take_up(&first, Some(&scope)).await?;
        }
        let path = format!("/v2/{repository}/tags/list?n=1");
        let answer = self.ask("GET", &path, &scope).await?;
        self.judge(&answer, repository, "read")?;
        if access > Access::Read {
            let path = format!("/v2/{repository}/blobs/uploads/{NO_UPLOAD}");
            let answer = self.ask("PATCH", &path, &scope).await?;
            if matches!(answer.status(), 401 | 403) {
                self.judge(&answer, repository, "write to")?;
            }
        }
        Ok(())
    }

    /// Calls, and logs in where the registry asks for it only now: it may let everybody in at its door and ask at a
    /// repository, or let everybody read and ask who writes.
    async fn ask(&mut self, method: &str, path: &str, scope: &str) -> Result<Response> {
        let answer = self.call(method, path).await?;
        if answer.status() != 401 || self.authorization.is_some() {
            return Ok(answer);
        }
        self.take_up(&answer, Some(scope)).await?;
        self.call(method, path).await
    }

    fn judge(&self, answer: &Response, repository: &RepositoryName, what: &str) -> Result<()> {
        let host = self.host();
        match answer.status() {
            200..300 => Ok(()),
            401 if matches!(self.challenge(answer), Ok(Challenge::Bearer(it)) if !it.is_insufficient)
                || (self.is_basic() && !matches!(self.session.login, Login::Anonymous)) =>
            {
                Err(self.not_taken())
            }
            401 | 403 => Err(Error::refused(format!("{host} does not let this login {what} `{repository}`"))
                .with_hint(
                    "is the repository's name right, and may this account, or its access token, do that?",
                )),
            404 => Err(Error::not_found(format!(
                "{host} has no repository `{repository}`, or does not show it to this login"
            ))
            .with_hint("the first push makes it; until then verify without `--within`")),
            _ => Err(error::of_answer(host, "GET /v2/REPOSITORY/tags/list", answer, self.cx.now())),
        }
    }

    /// The first call says where the registry answers and what it asks. It carries no login, so that on loopback
    /// it may be tried in clear.
    async fn enter(&mut self) -> Result<Response> {
        let host = self.session.registry.api_host();
        let (https, http) = (format!("https://{host}"), format!("http://{host}"));
        self.base = if self.session.scheme == Some(Scheme::Http) { http.clone() } else { https };
        let began = self.cx.now();
        let answer = match self.call_since(began, "GET", "/v2/").await {
            Err(refused) if self.session.scheme.is_none() && refused.kind() == ErrorKind::Unreachable => {
                self.base = http;
                match self.call_since(began, "GET", "/v2/").await {
                    // Nobody is there in clear either, or a server that wants TLS: the first error says more.
                    Err(_) => return Err(refused),
                    Ok(answer) if answer.status() == 400 => return Err(refused),
                    Ok(answer) => answer,
                }
            }
            other => other?,
        };
        match answer.status() {
            200..300 | 401 => Ok(answer),
            _ => Err(error::of_answer(self.host(), "GET /v2/", &answer, self.cx.now())),
        }
    }

    /// Does what a challenge asks for.
    async fn take_up(&mut self, answer: &Response, scope: Option<&str>) -> Result<()> {
        let authorization = match (self.challenge(answer)?, &self.session.login) {
            (Challenge::Bearer(bearer), _) => {
                let token = self.token(&bearer, scope).await?;
                Secret::new(["Bearer ", token.expose()].concat())
            }
            (Challenge::Basic, Login::Password { username, password }) => basic(username, password),
            (Challenge::Basic, Login::IdentityToken(_)) => {
                return Err(Error::refused(format!(
                    "{} takes a user name and a password with every call, and has no use for an identity token",
                    self.host()
                ))
                .with_hint("use method `password`"));
            }
            (Challenge::Basic, Login::Anonymous) => return Err(self.asks_for_login()),
        };
        self.authorization = Some(authorization);
        Ok(())
    }

    /// Fetches a token. The login goes to the realm that the registry named, and to no other place.
    async fn token(&self, bearer: &Bearer, scope: Option<&str>) -> Result<Secret> {
        let mut query: Vec<(&str, &str)> = vec![("client_id", CLIENT)];
        query.extend(bearer.service.as_deref().map(|it| ("service", it)));
        query.extend(scope.map(|it| ("scope", it)));
        let realm = &bearer.realm;
        let request = match &self.session.login {
            Login::Anonymous => Request::get(with_query(&realm.url, &query)),
            Login::Password { username, password } => {
                query.push(("account", username));
                Request::get(with_query(&realm.url, &query))
                    .with_header("authorization", basic(username, password).expose())
            }
            Login::IdentityToken(token) => {
                query.extend([("grant_type", "refresh_token"), ("refresh_token", token.expose())]);
                Request::new("POST", realm.url.as_str())
                    .with_header("content-type", "application/x-www-form-urlencoded")
                    .with_body(form(&query).expose())
            }
        };
        let answer = self.send(self.cx.now(), request).await?;
        let service = format!("the token service {} of {}", realm.host, self.host());
        match (answer.status(), &self.session.login) {
            (200..300, _) => read_token(&answer, &service),
            (400 | 401, Login::IdentityToken(_)) => {
                Err(Error::refused(format!("{service} does not take the identity token"))
                    .with_hint("log in anew, and update the connector with the new token"))
            }
            (401, Login::Password { .. }) => {
                Err(Error::refused(format!("{service} does not take the user name and password"))
                    .with_hint(WRONG))
            }
            (401, Login::Anonymous) => Err(self.asks_for_login()),
            (404 | 405, Login::IdentityToken(_)) => Err(Error::refused(format!(
                "{service} has no use for identity tokens: it answered {}",
                answer.status()
            ))
            .with_hint("use method `password`")),
            (404, _) => Err(no_service(&service, realm)),
            _ => Err(error::of_answer(&service, "the request for a token", &answer, self.cx.now())),
        }
    }

    async fn call(&self, method: &str, path: &str) -> Result<Response> {
        self.call_since(self.cx.now(), method, path).await
    }

    async fn call_since(&self, began: SystemTime, method: &str, path: &str) -> Result<Response> {
        let mut request = Request::new(method, format!("{}{path}", self.base));
        if let Some(authorization) = &self.authorization {
            request = request.with_header("authorization", authorization.expose());
        }
        self.send(began, request).await
    }

    /// Sends a request that belongs to a call that began at `began`, and again where the other side asks to wait a
    /// little. When nobody answers, it is told at once: on loopback the next thing to try is plain HTTP.
    async fn send(&self, began: SystemTime, request: Request) -> Result<Response> {
        let request = match &self.session.trust {
            Some(pem) => request.with_trust(std::sync::Arc::clone(pem)),
            None => request,
        };
        let answers = Patience::default().with_passing(|it| it.is_ok() && Patience::may_pass(it));
        self.cx.send_patiently(request, answers.with_began(began)).await
    }

    fn challenge(&self, answer: &Response) -> Result<Challenge> {
        Challenge::of(answer, self.host())
    }

    fn is_basic(&self) -> bool {
        self.authorization.as_ref().is_some_and(|it| it.expose().starts_with("Basic "))
    }

    fn host(&self) -> &str {
        self.session.registry.as_str()
    }

    fn asks_for_login(&self) -> Error {
        Error::refused(format!("{} asks for a login", self.host()))
            .with_hint("use method `password` or `identity-token`")
    }

    /// The registry answers 401 to what it asked for.
    fn not_taken(&self) -> Error {
        let host = self.host();
        match (&self.session.login, self.is_basic()) {
            (Login::Password { .. }, true) => {
                Error::refused(format!("{host} does not take the user name and password")).with_hint(WRONG)
            }
            (Login::Anonymous, _) => self.asks_for_login(),
            _ => Error::refused(format!("{host} does not take the token that its own token service gave"))
                .with_hint("do the clocks of both agree, and does the registry trust that token service?"),
        }
    }
}

/// What to look at when a login is refused.
const WRONG: &str =
    "check `username` and `password`; an account with a second factor logs in with an access token only";

/// Joined and not formatted, here and below: a text that grows leaves copies behind that nobody wipes.
fn basic(username: &str, password: &Secret) -> Secret {
    let both = Secret::new([username, ":", password.expose()].concat());
    let both = Secret::new(STANDARD.encode(both.expose()));
    Secret::new(["Basic ", both.expose()].concat())
}

fn no_service(service: &str, realm: &Realm) -> Error {
    Error::unreachable(format!("{service} answered 404: there is no such service at {}", realm.host))
        .transient(false)
        .with_hint("the registry names a wrong token service: tell its owner")
}

#[derive(Deserialize)]
struct Token {
    token: Option<Secret>,
    access_token: Option<Secret>,
}

fn read_token(answer: &Response, service: &str) -> Result<Secret> {
    let strange = |what: &str| {
        Error::unreachable(format!("{service} answered with {what}"))
            .transient(false)
            .with_hint("is there a proxy or a web site in front of it?")
    };
    if answer.body().len() > 2 * LONGEST_TOKEN {
        return Err(strange("more than a token can be"));
    }
    let read: Option<Token> = serde_json::from_slice(answer.body()).ok();
    let token = read.and_then(|it| it.token.or(it.access_token)).ok_or_else(|| strange("no token"))?;
    let fits = |text: &str| {
        (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic())
    };
    if fits(token.expose()) { Ok(token) } else { Err(strange("what cannot be a token")) }
}

fn with_query(url: &str, query: &[(&str, &str)]) -> String {
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}{}", form(query).expose())
}

/// `application/x-www-form-urlencoded`. A value may be a token.
fn form(pairs: &[(&str, &str)]) -> Secret {
    // Three characters stand for a byte at most, so that it never grows.
    let longest = pairs.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut text = String::with_capacity(longest);
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    text.push(char::from(byte));
                }
                _ => {
                    let digit = |it: u8| char::from(b"0123456789ABCDEF"[usize::from(it)]);
                    text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
                }
            }
        }
    }
    debug_assert!(text.len() <= longest);
    Secret::new(text)
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
