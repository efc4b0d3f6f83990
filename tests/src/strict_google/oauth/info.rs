//! Looking at a token, and taking it back.

use serde_json::{Value, json};

use super::super::error::OauthError;
use super::super::state::State;
use crate::loopback::Call;

pub(super) fn about(state: &State, call: &Call) -> Result<Value, OauthError> {
    let invalid = || OauthError::new(400, "invalid_token", "Invalid Value");
    let shown = call.parameter("access_token").ok_or_else(invalid)?;
    let now = state.clock.now();
    let token =
        state.tokens.get(&shown).filter(|token| token.ends > now && state.is_active(&token.principal));
    // What came from elsewhere or was narrowed is none of this endpoint's tokens.
    let is_own = |principal: &str| !principal.starts_with("principal://");
    let token = token.filter(|token| token.boundary.is_none() && is_own(&token.principal));
    let token = token.ok_or_else(invalid)?;
    let mut told = json!({
        "azp": token.client, "aud": token.client, "scope": token.scopes.join(" "),
        "exp": token.ends.to_string(), "expires_in": (token.ends - now).to_string(),
        "access_type": if token.refresh.is_some() { "offline" } else { "online" },
    });
    if token.tells_email() {
        told["email"] = token.principal.clone().into();
        told["email_verified"] = "true".into();
    }
    if token.has("openid") {
        told["sub"] = state.unique_id(&token.principal).into();
    }
    Ok(told)
}

/// Takes back a person's token, and with it all that belong to the same consent.
pub(super) fn revoke(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let shown = call.parameter("token").unwrap_or_default();
    let of_access = state.tokens.get(&shown).map(|token| token.refresh.clone());
    let invalid = || OauthError::new(400, "invalid_token", "Token expired or revoked");
    let refresh = match of_access {
        Some(Some(refresh)) => refresh,
        Some(None) => {
            // The token of a service account ends by itself.
            let token = state.tokens.get(&shown).filter(|token| state.users.contains_key(&token.principal));
            token.ok_or_else(|| OauthError::request("Token is not revocable."))?;
            state.tokens.remove(&shown);
            return Ok(json!({}));
        }
        None => shown,
    };
    state.directory.refresh_tokens.remove(&refresh).ok_or_else(invalid)?;
    state.tokens.retain(|_, token| token.refresh.as_deref() != Some(refresh.as_str()));
    Ok(json!({}))
}
