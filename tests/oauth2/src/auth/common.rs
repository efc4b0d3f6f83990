//! The token endpoint, and the scopes that are asked of it.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Access, Authenticated, Call, Expiry, Problem, Request, Result, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::error;
use crate::names::{Scope, TokenUrl};
use crate::{Level, Session};

/// How the client says who it is (RFC 6749 §2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ClientAuth {
    /// In the `Authorization` header, which every server knows.
    #[default]
    Basic,
    /// In the body, for servers that know nothing else.
    Body,
}

/// The scopes that each access level needs. A level that is left out is not narrowed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessScopes {
    /// The scopes for `read`.
    pub read: Option<Vec<Scope>>,
    /// The scopes for `write`, those for reading included.
    pub write: Option<Vec<Scope>>,
    /// The scopes for `admin`, the others included.
    pub admin: Option<Vec<Scope>>,
}

impl AccessScopes {
    fn of(&self, access: Access) -> Option<&[Scope]> {
        match access {
            Access::Read => self.read.as_deref(),
            Access::Write => self.write.as_deref(),
            Access::Admin => self.admin.as_deref(),
        }
    }
}

/// Scopes as two methods have them in their config.
pub(super) struct Scopes<'a> {
    pub(super) all: &'a [Scope],
    pub(super) by_access: Option<&'a AccessScopes>,
}

/// What is asked for one session.
pub(super) struct Ask {
    scope: Option<String>,
    narrowed: std::result::Result<(), String>,
}

impl Scopes<'_> {
    /// A level must not reach further than the connector.
    pub(super) fn check(&self) -> Vec<Problem> {
        let wider = |access: &Access| {
            let level = self.by_access?.of(*access)?;
            let field = format!("access_scopes.{access}");
            if level.is_empty() {
                return Some(Problem::new(
                    field,
                    "empty: leave the level out where it has no scopes of its own",
                ));
            }
            let outside = !self.all.is_empty() && level.iter().any(|it| !self.all.contains(it));
            outside.then(|| Problem::new(field, "has a scope that is not among `scopes`"))
        };
        Access::ALL.iter().filter_map(wider).collect()
    }

    /// By what a config narrows.
    pub(super) fn narrows(&self) -> Option<&'static str> {
        self.by_access.map(|_| NARROWS)
    }

    pub(super) fn ask(&self, level: Option<&Level>) -> Ask {
        let own = level.and_then(|level| self.by_access?.of(level.0));
        let scopes = own.unwrap_or(self.all);
        let scope = (!scopes.is_empty()).then(|| joined(scopes));
        let narrowed = match (own, level) {
            (Some(_), _) => Ok(()),
            (None, Some(level)) => Err(format!("the connector has no scopes of their own for `{}`", level.0)),
            (None, None) => Err("the connector does not say which scopes an access level needs".to_owned()),
        };
        Ask { scope, narrowed }
    }
}

/// What narrows, where a config says how.
pub(super) const NARROWS: &str = "the scopes that the connector has for the access level";

fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

/// A client at its token endpoint.
pub(super) struct Client<'a> {
    pub(super) token_url: &'a TokenUrl,
    pub(super) id: &'a str,
    pub(super) secret: Option<&'a Secret>,
    pub(super) auth: ClientAuth,
    /// How long a token lives when the server does not say.
    pub(super) assumed_life: Option<Duration>,
}

/// The answer of a token endpoint (RFC 6749 §5.1).
#[derive(Deserialize)]
pub(super) struct Answer {
    access_token: Secret,
    token_type: String,
    expires_in: Option<u64>,
    scope: Option<String>,
    /// Takes the place of the one that was sent.
    pub(super) refresh_token: Option<Secret>,
}

impl Client<'_> {
    /// Asks for a token: one call.
    pub(super) async fn grant(
        &self,
        cx: &Call<'_>,
        ask: &Ask,
        parameters: &[(&str, &str)],
    ) -> Result<Answer> {
        let answer = cx.send(self.request(ask, parameters)).await?;
        match answer.status() {
            200 => {
                serde_json::from_slice(answer.body()).map_err(|_| error::no_token("not the JSON of RFC 6749"))
            }
            _ => Err(error::of_answer(&answer)),
        }
    }

    fn request(&self, ask: &Ask, parameters: &[(&str, &str)]) -> Request {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(parameters);
        if let Some(scope) = &ask.scope {
            form.append_pair("scope", scope);
        }
        let mut request = Request::new("POST", self.token_url.as_str())
            .with_header("content-type", "application/x-www-form-urlencoded")
            .with_header("accept", "application/json");
        match (self.secret, self.auth) {
            (Some(secret), ClientAuth::Basic) => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let both = format!("{}:{}", encoded(self.id), encoded(secret.expose()));
                request = request.with_header("authorization", format!("Basic {}", STANDARD.encode(both)));
            }
            (Some(secret), ClientAuth::Body) => {
                form.append_pair("client_id", self.id).append_pair("client_secret", secret.expose());
            }
            // A public client (§2.1) says who it is, and proves nothing.
            (None, _) => {
                form.append_pair("client_id", self.id);
            }
        }
        request.with_body(form.finish())
    }

    /// Makes a session of an answer, and says what was narrowed.
    pub(super) fn session(&self, cx: &Call<'_>, ask: Ask, answer: Answer) -> Result<Authenticated<Session>> {
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err(error::no_token("not a bearer token"));
        }
        if !is_token(answer.access_token.expose()) {
            return Err(error::no_token("it has characters that no header takes"));
        }
        let life = answer.expires_in.map(Duration::from_secs).or(self.assumed_life).ok_or_else(|| {
            error::no_token("it does not say how long it lives")
                .with_hint("set `assumed_life` to what the server's documentation says")
                .transient(false)
        })?;
        // Left out means: as asked (§5.1).
        let granted = answer.scope.or_else(|| ask.scope.clone());
        let narrowed =
            ask.narrowed.and_then(|()| match is_within(granted.as_deref(), ask.scope.as_deref()) {
                true => Ok(()),
                false => Err("the server gave scopes that were not asked for".to_owned()),
            });
        let ends: Expiry = cx.expires_in(life);
        let session = Session { token: answer.access_token, scope: granted, ends: ends.clone() };
        let session = Authenticated::new(session, ends);
        Ok(match narrowed {
            Ok(()) => session.narrowed(NARROWS),
            Err(why) => session.not_narrowed(why),
        })
    }
}

/// The `b64token` of RFC 6750 §2.1: what may stand behind `Bearer`.
pub(super) fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty() && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

fn is_within(granted: Option<&str>, asked: Option<&str>) -> bool {
    let words = |text: Option<&str>| {
        text.unwrap_or_default()
            .split(' ')
            .filter(|it| !it.is_empty())
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    words(granted).is_subset(&words(asked))
}
