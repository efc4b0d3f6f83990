//! Tokens for people: by the code that a sign-in gave, and by a refresh token.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::super::identity::Caller;
use super::super::jwt;
use super::super::state::State;
use super::directory::Person;
use super::error::EntraError;
use super::program::{self, LIFE};
use super::scope::{self, Asked};
use super::{field, required};
use crate::clock::iso;
use crate::loopback::Call;
use crate::random;

/// How long a refresh token is good that nobody uses, in seconds.
const IDLE: i64 = 90 * 24 * 3600;

/// What a sign-in gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) person: Person,
    pub(super) scope: String,
    pub(super) redirect: String,
    /// What the program wants to find in the identity token again.
    pub(super) nonce: Option<String>,
    pub(super) challenge: String,
    pub(super) ends: i64,
    pub(super) is_spent: bool,
}

/// A refresh token. It is for any resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Refresh {
    pub(in super::super) client: String,
    pub(in super::super) person: Person,
    /// When it was issued or last used.
    pub(in super::super) used: i64,
    pub(in super::super) fault: Option<RefreshFault>,
}

/// Why a refresh token is not taken any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum RefreshFault {
    /// It was not used for too long (`AADSTS700082`).
    Idle,
    /// A policy wants a new sign-in (`AADSTS70043`).
    SignInFrequency,
    /// It was taken back, or spent (`AADSTS50173`).
    Revoked,
}

pub(super) fn redeem(state: &mut State, call: &Call, tenant: &str) -> Result<Value, EntraError> {
    let client = program::client(state, call, tenant)?;
    let shown = required(call, "code")?;
    let code = state.directory.codes.get_mut(&shown).filter(|code| code.client == client);
    let code = code.ok_or_else(malformed)?;
    if code.is_spent {
        return Err(EntraError::grant(
            54_005,
            "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing \
             refresh token.",
        ));
    }
    // However this ends: a code is good for one try.
    code.is_spent = true;
    let code = code.clone();
    if code.ends <= state.clock.now() {
        return Err(EntraError::grant(
            70_008,
            "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive \
             authorization request for this user and resource.",
        ));
    }
    if required(call, "redirect_uri")? != code.redirect {
        return Err(EntraError::grant(
            500_112,
            "The reply address does not match the reply address provided when requesting Authorization code.",
        ));
    }
    let verifier = field(call, "code_verifier").unwrap_or_default();
    let is_verifier = (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if !is_verifier || URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes())) != code.challenge {
        return Err(EntraError::grant(
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        ));
    }
    let scope = field(call, "scope").unwrap_or(code.scope);
    let asked = Asked { nonce: code.nonce, ..scope::of_person(&scope, tenant)? };
    issue(state, call, &client, &code.person, &asked)
}

pub(super) fn refresh(state: &mut State, call: &Call, tenant: &str) -> Result<Value, EntraError> {
    let client = program::client(state, call, tenant)?;
    let shown = required(call, "refresh_token")?;
    let known = state.directory.refresh_tokens.get(&shown).cloned().ok_or_else(malformed)?;
    if known.client != client {
        return Err(EntraError::grant(
            700_003,
            "The provided grant is invalid: it was issued to another client.",
        ));
    }
    if !matches!(tenant, "common" | "organizations") && state.tenant(tenant)?.id != known.person.tenant {
        return Err(EntraError::grant(
            50_020,
            format!(
                "User account does not exist in tenant '{tenant}' and cannot access the application '{client}'."
            ),
        ));
    }
    let now = state.clock.now();
    let fault = known.fault.or_else(|| (now - known.used >= IDLE).then_some(RefreshFault::Idle));
    if let Some(fault) = fault {
        return Err(fault.told(known.used));
    }
    let asked = match field(call, "scope") {
        Some(scope) => scope::of_person(&scope, tenant)?,
        None => return Err(EntraError::missing("scope")),
    };
    // There is always a new one with it, whether or not that was asked for.
    let told = issue(state, call, &client, &known.person, &Asked { has_refresh: true, ..asked })?;
    let spends = state.directory.spends_refresh_tokens;
    if let Some(known) = state.directory.refresh_tokens.get_mut(&shown) {
        known.used = now;
        known.fault = spends.then_some(RefreshFault::Revoked);
    }
    Ok(told)
}

impl RefreshFault {
    fn told(self, issued: i64) -> EntraError {
        let issued = iso(issued);
        match self {
            Self::Idle => EntraError::grant(
                700_082,
                format!(
                    "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive \
                     for 90.00:00:00."
                ),
            )
            .with_suberror("token_expired"),
            Self::SignInFrequency => EntraError::grant(
                70_043,
                format!(
                    "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. \
                     The token was issued on {issued} and the maximum allowed lifetime for this request is 14400."
                ),
            )
            .with_suberror("token_expired"),
            Self::Revoked => EntraError::grant(
                50_173,
                format!(
                    "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user \
                     might have changed or reset their password. The grant was issued on '{issued}'."
                ),
            )
            .with_suberror("bad_token"),
        }
    }
}

/// The tokens of somebody for a program.
pub(super) fn issue(
    state: &mut State,
    call: &Call,
    client: &str,
    person: &Person,
    asked: &Asked,
) -> Result<Value, EntraError> {
    if !state.directory.people.contains(person) {
        let words =
            format!("The user account {{EmailHidden}} does not exist in the {} directory.", person.tenant);
        return Err(EntraError::grant(50_034, words));
    }
    let life = state.life(LIFE).as_secs();
    let caller = Caller {
        id: person.id.clone(),
        tenant: person.tenant.clone(),
        app: client.to_owned(),
        person: Some(person.name.clone()),
        audience: asked.resource.clone(),
        ends: state.clock.after(Duration::from_secs(life)),
    };
    state.let_in(&caller)?;
    let token = state.mint(&caller, &Value::Null);
    let mut told = json!({
        "token_type": "Bearer", "scope": asked.granted, "expires_in": life, "ext_expires_in": life,
        "access_token": token,
    });
    if asked.has_refresh {
        told["refresh_token"] = state.add_refresh_token(client, person).into();
    }
    if asked.has_identity {
        let now = state.clock.now();
        let token = jwt::sign(&json!({
            "aud": client, "iss": format!("{}/{}/v2.0", state.base, person.tenant), "iat": now, "nbf": now,
            "exp": now + 3600, "oid": person.id, "sub": person.id, "tid": person.tenant,
            "preferred_username": person.name, "name": person.name, "nonce": asked.nonce, "ver": "2.0",
        }));
        state.issued.push(token.clone());
        told["id_token"] = token.into();
    }
    if field(call, "client_info").as_deref() == Some("1") {
        let ids = json!({ "uid": person.id, "utid": person.tenant });
        told["client_info"] = URL_SAFE_NO_PAD.encode(ids.to_string()).into();
    }
    Ok(told)
}

impl State {
    pub(in super::super) fn add_refresh_token(&mut self, client: &str, person: &Person) -> String {
        let token = format!("1.A{}", random::token(140));
        let (client, person, used) = (client.to_owned(), person.clone(), self.clock.now());
        let refresh = Refresh { client, person, used, fault: None };
        self.directory.refresh_tokens.insert(token.clone(), refresh);
        token
    }
}

fn malformed() -> EntraError {
    EntraError::grant(9_002_313, "Invalid request. Request is malformed or invalid.")
}
