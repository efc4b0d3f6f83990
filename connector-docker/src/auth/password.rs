//! Method `password`: a user name, and a password or an access token in its place.

use connector_core::{
    AuthMethod, Authenticated, CaBundle, Call, Identity, Life, MethodAbout, Problem, Result, Secret,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connector::Docker;
use crate::credential::Login;
use crate::names::RegistryHost;
use crate::session::{Session, check_plain_http, session};

/// A user name, and a password or an access token in its place.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Password {
    /// The user name, as the registry knows it. A registry that takes access tokens says what to put here.
    pub username: String,
    /// The password, or better an access token: Docker Hub and most others take one in this place.
    pub password: Secret,
    /// The registry's host or URL; `docker.io` when it is not said.
    #[serde(default)]
    #[schemars(extend("default" = "docker.io"))]
    pub registry: RegistryHost,
    /// `true` speaks plain http, which is taken on loopback only; `false` speaks https only. When it is not said,
    /// a registry on loopback is tried with https, and then in clear, as docker does.
    pub plain_http: Option<bool>,
    /// Certificates to trust beside the system's: PEM text, or the absolute path of a file with them.
    pub ca_bundle: Option<CaBundle>,
}

impl Password {
    /// A user's password, or an access token, for a registry.
    pub fn new(username: impl Into<String>, password: impl Into<Secret>, registry: RegistryHost) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            registry,
            plain_http: None,
            ca_bundle: None,
        }
    }
}

impl AuthMethod for Password {
    const ID: &'static str = "password";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Password",
        "Logs in with a user name and a password, or an access token in the password's place. Docker's own \
         helper gets the login as it is, and nothing else does, unless the connector allows that.",
        Life::Long,
        Identity::User,
    )
    .warning(
        "a password opens the whole account: make an access token for this connector, with no more rights than \
         it needs, and give that as the password; Docker Hub takes one in the password field",
    );
    type Connector = Docker;

    fn check(&self) -> Vec<Problem> {
        let mut problems = check_plain_http(&self.registry, self.plain_http);
        // RFC 7617: the first colon ends the name.
        if self.username.is_empty() || self.username.contains(|it: char| it == ':' || it.is_control()) {
            problems.push(Problem::new("username", "empty, or holds a colon or control characters"));
        } else if self.username == "<token>" {
            problems.push(Problem::new(
                "username",
                "`<token>` is how docker marks an identity token: use method `identity-token`",
            ));
        }
        problems.extend(check_secret("password", &self.password));
        problems
    }

    fn scope(&self) -> Option<&str> {
        Some(self.registry.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        let login = Login::Password { username: self.username.clone(), password: self.password.clone() };
        session(cx, &self.registry, self.plain_http, self.ca_bundle.as_ref(), login)
    }
}

/// The faults of a secret that cannot be what it is said to be.
pub(super) fn check_secret(field: &str, secret: &Secret) -> Option<Problem> {
    let text = secret.expose();
    let fault = if text.is_empty() {
        "empty"
    } else if text.chars().any(char::is_control) {
        "holds a line end or another control character: was it pasted with one?"
    } else {
        return None;
    };
    Some(Problem::new(field, fault))
}
