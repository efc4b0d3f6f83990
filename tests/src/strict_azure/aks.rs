//! How a cluster of AKS knows the holder of a token of Entra.

use std::fmt;
use std::sync::{Arc, Mutex};

use super::audience::Service;
use super::jwt::Jwt;
use super::state::State;

/// Tells a cluster of a tenant who holds an access token of a [`StrictAzure`](super::StrictAzure).
#[derive(Clone)]
pub struct AksWebhook {
    state: Arc<Mutex<State>>,
    tenant: String,
}

impl fmt::Debug for AksWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AksWebhook").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl AksWebhook {
    pub(super) fn new(state: &Arc<Mutex<State>>, tenant: &str) -> Self {
        Self { state: Arc::clone(state), tenant: tenant.to_owned() }
    }

    /// Whether a bearer token is one of Entra's.
    pub(crate) fn is_one(token: &str) -> bool {
        Jwt::read(token).is_some_and(|jwt| jwt.claim("iss").starts_with("https://sts.windows.net/"))
    }

    /// The user that a token for AKS stands for: a person by the name to log in with, a program by its object id.
    pub(crate) fn review(&self, token: &str) -> Result<String, ()> {
        let state = self.state.lock().map_err(|_| ())?;
        let caller = state.caller(token, &[Service::Kubernetes]).map_err(|_| ())?;
        match caller.tenant == self.tenant {
            true => Ok(caller.person.unwrap_or(caller.id)),
            false => Err(()),
        }
    }
}
