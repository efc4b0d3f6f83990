//! Logging in to a registry of ACR (protocol: Azure Container Registry, authentication with Entra ID): a token of Entra
//! ID is exchanged for the registry's refresh token, and that for access tokens of a scope.

use std::time::{Duration, SystemTime};

use connector_core::{Access, Call, Error, Expiry, Request, Response, Result, Secret};
use connector_docker::Login;
use connector_docker::names::RepositoryName;
use serde::Deserialize;

use crate::error;
use crate::mint::{Token, claims_as, is_token};
use crate::names::{Audience, Service};
use crate::session::Session;
use crate::wire;

/// The user that goes with the registry's own tokens, in place of a name.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

const EXCHANGE: &str = "registry:oauth2/exchange";
const TOKEN: &str = "registry:oauth2/token";

/// The end of what it was exchanged for is put in its place before it is released.
const UNTOLD: &str = "the registry does not say when its token ends";

/// The repository that is asked for where a whole registry is: roles on a registry are for all that is in it, and be it
/// only now made up.
const ANY: &str = "any";

/// How docker logs in with one of the registry's own tokens. A refresh token opens all that the identity may do; an access
/// token opens what its scope says.
pub(super) fn login(token: &Token) -> Login {
    Login::Password { username: NOBODY.to_owned(), password: token.secret.clone() }
}

/// The actions of a scope that an access level needs.
pub(super) const fn actions(access: Access) -> &'static [&'static str] {
    match access {
        Access::Read => &["pull"],
        Access::Write => &["pull", "push"],
        Access::Admin => &["pull", "push", "delete"],
    }
}

/// The permissions behind them, and the role that has them.
pub(super) const fn needed(access: Access) -> (&'static [&'static str], &'static str) {
    const PULL: &str = "Microsoft.ContainerRegistry/registries/pull/read";
    const PUSH: &str = "Microsoft.ContainerRegistry/registries/push/write";
    const DELETE: &str = "Microsoft.ContainerRegistry/registries/artifacts/delete";
    match access {
        Access::Read => (&[PULL], "AcrPull"),
        Access::Write => (&[PULL, PUSH], "AcrPush"),
        Access::Admin => (&[PULL, PUSH, DELETE], "AcrPush and AcrDelete"),
    }
}

/// One registry, and who comes to it.
pub(super) struct Visit<'a> {
    session: &'a Session,
    cx: &'a Call<'a>,
    host: String,
    url: String,
}

/// What the registry's tokens say of themselves.
#[derive(Deserialize)]
struct Claims {
    exp: Option<u64>,
    access: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    #[serde(default)]
    actions: Vec<String>,
}

#[derive(Deserialize)]
struct Given {
    refresh_token: Option<Secret>,
    access_token: Option<Secret>,
}

/// An access token, and why it is not known to open no more than it was asked for, where it is not.
pub(super) struct Scoped {
    pub(super) token: Token,
    pub(super) wider: Option<&'static str>,
}

/// Why an access token is wider than what was asked for.
const WIDER: &str = "the registry gave a token for more than was asked for";

/// Why one is not known to be as narrow as it was asked for.
const UNSAID: &str = "the registry's token does not say what it opens";

impl<'a> Visit<'a> {
    /// At the registry of this host, whose API is at `name`.
    pub(super) fn new(session: &'a Session, cx: &'a Call<'a>, host: String, name: &str) -> Self {
        Self { session, cx, host, url: session.place.url_of(Service::Registry, name) }
    }

    /// The registry's refresh token: one call. It opens all that the identity may do there, whatever is asked for.
    ///
    /// # Errors
    /// What Entra ID or the registry refuses.
    pub(super) async fn enter(&self) -> Result<Token> {
        let place = &self.session.place;
        let entra = self.session.token(self.cx, &Audience::registry(place.cloud)).await?;
        let mut fields = vec![("grant_type", "access_token"), ("service", &self.host)];
        fields.extend(place.tenant.as_ref().map(|it| ("tenant", it.as_str())));
        fields.push(("access_token", entra.secret.expose()));
        let answer = self.post(EXCHANGE, "/oauth2/exchange", &fields).await?;
        if !answer.is_success() {
            return Err(self.refused(EXCHANGE, &answer, Access::Read, None));
        }
        let given: Given = wire::json(EXCHANGE, &answer)?;
        let secret = given.refresh_token.filter(is_token).ok_or_else(|| error::garbage(EXCHANGE))?;
        Ok(self.token(secret, &answer, Expiry::Never(UNTOLD.into())).0)
    }

    /// An access token for a repository, else for any: one call.
    ///
    /// # Errors
    /// What the registry refuses, and a token that opens less than was asked for.
    pub(super) async fn open(
        &self,
        refresh: &Token,
        repository: Option<&RepositoryName>,
        access: Access,
    ) -> Result<Scoped> {
        let (name, asked) = (repository.map_or(ANY, RepositoryName::as_str), actions(access));
        let scope = format!("repository:{name}:{}", asked.join(","));
        let fields = [
            ("grant_type", "refresh_token"),
            ("service", self.host.as_str()),
            ("scope", &scope),
            ("refresh_token", refresh.secret.expose()),
        ];
        let answer = self.post(TOKEN, "/oauth2/token", &fields).await?;
        if !answer.is_success() {
            return Err(self.refused(TOKEN, &answer, access, repository));
        }
        let given: Given = wire::json(TOKEN, &answer)?;
        let secret = given.access_token.filter(is_token).ok_or_else(|| error::garbage(TOKEN))?;
        let (token, said) = self.token(secret, &answer, refresh.expiry.clone());
        // One that says nothing was asked for by its scope; that the registry kept to it nobody has seen.
        let Some(said) = said else { return Ok(Scoped { token, wider: Some(UNSAID) }) };
        let is_ours = |it: &&Entry| it.kind == "repository" && it.name == name;
        let given: Vec<_> = said.iter().filter(is_ours).flat_map(|it| &it.actions).collect();
        if !asked.iter().all(|it| given.iter().any(|given| *given == it || *given == "*")) {
            return Err(self.lacking(access, repository));
        }
        let is_exact =
            said.iter().all(|it| is_ours(&it)) && given.iter().all(|it| asked.contains(&it.as_str()));
        Ok(Scoped { token, wider: (!is_exact).then_some(WIDER) })
    }

    /// Asks with an access token, and tells the answer.
    ///
    /// # Errors
    /// No answer.
    pub(super) async fn get(&self, token: &Token, call: &str, path: &str) -> Result<Response> {
        let bearer = Secret::new(["Bearer ", token.secret.expose()].concat());
        let request = Request::get(format!("{}{path}", self.url))
            .with_header("accept", "application/json")
            .with_header("authorization", bearer.expose());
        let answer = wire::send(self.cx, &self.session.place, request).await;
        answer.map_err(|error| self.unanswered(call, error))
    }

    async fn post(&self, call: &str, path: &str, fields: &[(&str, &str)]) -> Result<Response> {
        let url = format!("{}{path}", self.url);
        let answer = wire::post_form(self.cx, &self.session.place, &url, fields).await;
        answer.map_err(|error| self.unanswered(call, error))
    }

    /// A token with the end that it says, by the clock of the registry, and no later than its source; and what it opens,
    /// where it says so.
    fn token(&self, secret: Secret, answer: &Response, source: Expiry) -> (Token, Option<Vec<Entry>>) {
        let said: Option<Claims> = claims_as(&secret);
        let end = said.as_ref().and_then(|it| it.exp).map(Duration::from_secs);
        let expiry = match end.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(it)) {
            Some(end) => {
                let ours = self.cx.expires_at(end, answer.date().unwrap_or_else(|| self.cx.began()));
                ours.min(source)
            }
            None => source,
        };
        (Token { secret, expiry }, said.and_then(|it| it.access))
    }

    fn unanswered(&self, call: &str, error: Error) -> Error {
        error
            .context(format!("registry `{}` is not reached by {call}", self.host))
            .or_hint("is there a registry of this name, and does its network let this machine in?")
    }

    /// A refusal of the registry: `{"errors":[{"code","message"}]}`.
    pub(super) fn refused(
        &self,
        call: &str,
        answer: &Response,
        access: Access,
        repository: Option<&RepositoryName>,
    ) -> Error {
        let host = &self.host;
        match answer.status() {
            403 if is_firewall(answer) => Error::refused(format!(
                "the network rules of registry `{host}` do not let this machine through"
            ))
            .with_hint(
                "add this machine's address to the registry's firewall, or come by its private endpoint",
            ),
            401 | 403 => self
                .lacking(access, repository)
                .with_cause(format!("{call} was answered with status {}", answer.status())),
            404 => Error::not_found(format!("there is no registry `{host}`"))
                .with_hint("check its name: az acr list shows the login servers"),
            _ => error::refused(self.cx, call, answer).context(format!("registry `{host}` is not reached")),
        }
    }

    /// The identity may not do what is asked for.
    fn lacking(&self, access: Access, repository: Option<&RepositoryName>) -> Error {
        let (permissions, role) = needed(access);
        let what = actions(access).join(", ");
        let host = &self.host;
        let place = match repository {
            Some(repository) => format!("repository `{repository}` of registry `{host}`"),
            None => format!("registry `{host}`"),
        };
        Error::refused(format!("{place} does not allow the connector's identity all of this: {what}")).with_hint(
            format!(
                "grant it {role} ({}) on the registry, which has to be of the connector's directory, or ask for less \
                 access; where a registry has permissions by repository the roles are Container Registry Repository \
                 Reader, Writer and Contributor, and a repository has to be named (--within); new grants take some \
                 minutes",
                permissions.join(", ")
            ),
        )
    }
}

/// Whether a refusal is about where the call came from: the registry tells that by a link alone.
fn is_firewall(answer: &Response) -> bool {
    let body = wire::value(answer);
    body["errors"][0]["message"].as_str().is_some_and(|it| it.contains("aka.ms/acr/firewall"))
}

#[cfg(test)]
#[path = "registry_login_tests.rs"]
mod tests;
