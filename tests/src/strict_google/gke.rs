//! How a GKE cluster knows the holder of a Google access token.

use std::fmt;
use std::sync::{Arc, Mutex};

use super::identity::CLOUD;
use super::state::State;

/// Tells a cluster who holds an access token of a [`StrictGoogle`](super::StrictGoogle).
#[derive(Clone)]
pub struct GkeWebhook(Arc<Mutex<State>>);

impl fmt::Debug for GkeWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GkeWebhook").finish_non_exhaustive()
    }
}

impl GkeWebhook {
    pub(super) fn new(state: &Arc<Mutex<State>>) -> Self {
        Self(Arc::clone(state))
    }

    /// Whether a bearer token is one of Google's.
    pub(crate) fn is_one(token: &str) -> bool {
        token.starts_with("ya29.")
    }

    /// The user that a token stands for: the e-mail where the token tells it, else the account's number.
    pub(crate) fn review(&self, token: &str) -> Result<String, ()> {
        let state = self.0.lock().map_err(|_| ())?;
        let token = state.tokens.get(token).ok_or(())?;
        let is_good = token.ends > state.clock.now()
            && token.boundary.is_none()
            && token.has(CLOUD)
            && state.is_active(&token.principal);
        match is_good {
            false => Err(()),
            true if token.tells_email() => Ok(token.principal.clone()),
            true => Ok(state.unique_id(&token.principal)),
        }
    }
}
