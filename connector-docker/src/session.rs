//! The authenticated state of a docker connector, on the issuing side only.

use std::fmt;
use std::sync::Arc;

use connector_core::{Authenticated, CaBundle, Context, Expiry, Problem, Result};

use crate::credential::Login;
use crate::names::{RegistryHost, Scheme};

/// One registry, and how to log in to it. Docker has no sessions: this is the login itself.
#[non_exhaustive]
pub struct Session {
    pub(crate) registry: RegistryHost,
    /// In clear or not; `None` where the registry is asked, as docker does on loopback.
    pub(crate) scheme: Option<Scheme>,
    pub(crate) login: Login,
    /// Certificates to trust in addition, in PEM form.
    pub(crate) trust: Option<Arc<[u8]>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("registry", &self.registry.as_str()).finish_non_exhaustive()
    }
}

/// Why what docker logs in with is as wide as it is.
pub(crate) const NOT_NARROWED: &str = "docker takes the login itself, and fetches the registry's narrow, \
                                       short-lived tokens with it on its own";

/// The session of a method, from what its config says of the registry.
pub(crate) fn session(
    cx: &Context,
    registry: &RegistryHost,
    plain_http: Option<bool>,
    ca_bundle: Option<&CaBundle>,
    login: Login,
) -> Result<Authenticated<Session>> {
    let never = match &login {
        Login::Anonymous => "there is no login that could end",
        Login::IdentityToken(_) => "an identity token is good until somebody revokes it",
        Login::Password { .. } => "a password is good until somebody changes it",
    };
    let session = Session {
        registry: registry.clone(),
        scheme: scheme(registry, plain_http),
        login,
        trust: ca_bundle.map(|it| it.read(cx)).transpose()?,
    };
    Ok(Authenticated::new(session, Expiry::Never(never.into())).not_narrowed(NOT_NARROWED))
}

/// What was said, else https; on loopback the registry is asked.
fn scheme(registry: &RegistryHost, plain_http: Option<bool>) -> Option<Scheme> {
    match plain_http {
        Some(true) => Some(Scheme::Http),
        Some(false) => Some(Scheme::Https),
        None => registry.scheme().or((!registry.is_loopback()).then_some(Scheme::Https)),
    }
}

/// C17: what cannot be spoken in clear, and what contradicts itself.
pub(crate) fn check_plain_http(registry: &RegistryHost, plain_http: Option<bool>) -> Vec<Problem> {
    let problem = match (plain_http, registry.scheme()) {
        (Some(true), _) if !registry.is_loopback() => {
            "plain http is spoken on loopback only: anywhere else everybody on the way could read the login"
        }
        (Some(true), Some(Scheme::Https)) | (Some(false), Some(Scheme::Http)) => {
            "says something else than the scheme in front of `registry`"
        }
        _ => return Vec::new(),
    };
    vec![Problem::new("plain_http", problem)]
}
