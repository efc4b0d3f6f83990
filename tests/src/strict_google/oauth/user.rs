//! Tokens for people: by the code that a consent gave, and by a refresh token.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::error::OauthError;
use super::super::identity::Token;
use super::super::jwt::ISSUER;
use super::super::state::State;
use super::{Kind, LIFE, Refresh, client, field, required, scopes};
use crate::loopback::Call;

/// What a consent gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) user: String,
    pub(super) scopes: Vec<String>,
    pub(super) redirect: String,
    pub(super) challenge: String,
    pub(super) ends: i64,
    /// Whether a refresh token comes with it.
    pub(super) is_offline: bool,
}

pub(super) fn redeem(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let (id, client) = client(state, call)?;
    if client.kind != Kind::Installed {
        return Err(OauthError::new(401, "unauthorized_client", "Unauthorized"));
    }
    let shown = required(call, "code")?;
    let code = state.directory.codes.get(&shown).filter(|code| code.client == id);
    let code = code.cloned().ok_or_else(|| OauthError::grant("Malformed auth code."))?;
    // However this ends: a code is good for one try.
    state.directory.codes.remove(&shown);
    if code.ends <= state.clock.now() {
        return Err(OauthError::grant("Bad Request"));
    }
    if required(call, "redirect_uri")? != code.redirect {
        return Err(OauthError::new(400, "redirect_uri_mismatch", "Bad Request"));
    }
    let verifier = field(call, "code_verifier").unwrap_or_default();
    let is_verifier = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if verifier.is_empty() {
        return Err(OauthError::grant("Missing code verifier."));
    }
    if !is_verifier || challenge_of(&verifier) != code.challenge {
        return Err(OauthError::grant("Invalid code verifier."));
    }
    let refresh = code.is_offline.then(|| {
        let (client, user, scopes) = (id.clone(), code.user.clone(), code.scopes.clone());
        state.directory.add_refresh_token(Refresh { client, user, scopes })
    });
    let mut told = issue(state, &id, &code.user, code.scopes, refresh.as_deref());
    if let Some(refresh) = refresh {
        told["refresh_token"] = refresh.into();
    }
    Ok(told)
}

fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

pub(super) fn refresh(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    let (id, _) = client(state, call)?;
    let shown = required(call, "refresh_token")?;
    let known = state.directory.refresh_tokens.get(&shown).cloned();
    let known = known.ok_or_else(|| OauthError::grant("Token has been expired or revoked."))?;
    if known.client != id {
        return Err(OauthError::new(401, "unauthorized_client", "Unauthorized"));
    }
    if !state.users.contains_key(&known.user) {
        return Err(OauthError::grant("Account has been deleted"));
    }
    if !state.is_active(&known.user) {
        return Err(OauthError::grant("Account has been disabled"));
    }
    if state.directory.must_reauthenticate.contains(&known.user) {
        return Err(OauthError::reauthentication());
    }
    let asked = match field(call, "scope") {
        None => known.scopes.clone(),
        Some(asked) => scopes(&asked)?,
    };
    if !asked.iter().all(|scope| known.scopes.contains(scope)) {
        return Err(OauthError::new(400, "invalid_scope", "Bad Request"));
    }
    Ok(issue(state, &id, &known.user, asked, Some(&shown)))
}

/// An access token, and an identity token where that was asked for.
pub(super) fn issue(
    state: &mut State,
    client: &str,
    user: &str,
    scopes: Vec<String>,
    refresh: Option<&str>,
) -> Value {
    let life = state.life(LIFE);
    let token = Token {
        principal: user.to_owned(),
        scopes: scopes.clone(),
        ends: state.clock.after(life),
        client: client.to_owned(),
        refresh: refresh.map(str::to_owned),
        boundary: None,
        user_project: None,
    };
    let mut told = json!({
        "access_token": state.keep("ya29.a0", token), "expires_in": life.as_secs(), "token_type": "Bearer",
        "scope": scopes.join(" "),
    });
    if scopes.iter().any(|scope| scope == "openid") {
        let now = state.clock.now();
        let claims = json!({
            "iss": ISSUER, "aud": client, "azp": client, "sub": state.unique_id(user), "email": user,
            "email_verified": true, "iat": now, "exp": now + 3600,
        });
        told["id_token"] = state.sign(&claims).into();
    }
    told
}
