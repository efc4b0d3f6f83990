//! Tokens for what a service account has signed with its key.

use serde_json::{Value, json};

use super::super::error::OauthError;
use super::super::jwt::Jwt;
use super::super::metadata::identity;
use super::super::state::State;
use super::{LIFE, required, scopes};
use crate::loopback::Call;

const AUDIENCE: &str = "https://oauth2.googleapis.com/token";
/// How far the clocks may be apart, in seconds.
const SKEW: i64 = 300;

pub(super) fn token(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let assertion = required(call, "assertion")?;
    let jwt = Jwt::read(&assertion).ok_or_else(|| OauthError::grant("Bad Request"))?;
    let email = jwt.claim("iss").to_owned();
    let account = state.accounts.get(&email);
    let account = account.ok_or_else(|| OauthError::grant("Invalid grant: account not found"))?;
    if !account.keys.iter().any(|key| jwt.is_signed_by(key)) {
        return Err(OauthError::grant("Invalid JWT Signature."));
    }
    if !state.is_active(&email) {
        return Err(OauthError::grant("Robot is disabled."));
    }
    let own = format!("{}/token", state.base);
    if ![AUDIENCE, own.as_str()].contains(&jwt.claim("aud")) {
        let words = format!("Invalid JWT: Failed audience check. The right audience is {AUDIENCE}");
        return Err(OauthError::grant(words));
    }
    let now = state.clock.now();
    let is_timely = match (jwt.claims["iat"].as_i64(), jwt.claims["exp"].as_i64()) {
        (Some(issued), Some(ends)) => {
            issued < ends && ends - issued <= 3600 && issued <= now + SKEW && ends > now - SKEW
        }
        _ => false,
    };
    if !is_timely {
        return Err(OauthError::grant(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your \
             iat and exp values in the JWT claim.",
        ));
    }
    if !["", email.as_str()].contains(&jwt.claim("sub")) {
        return Err(OauthError::new(
            401,
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any \
             of the scopes requested.",
        ));
    }
    match jwt.claim("target_audience") {
        "" => {
            let scopes = scopes(jwt.claim("scope"))?;
            let (token, seconds) = state.mint("ya29.c.", &email, scopes, LIFE);
            Ok(json!({ "access_token": token, "expires_in": seconds, "token_type": "Bearer" }))
        }
        audience => Ok(json!({ "id_token": identity(state, &email, audience) })),
    }
}
