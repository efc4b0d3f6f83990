//! The IAM credentials API: taking on a service account.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::ApiError;
use super::identity::{CLOUD, Token};
use super::jwt::GOOGLE;
use super::metadata::identity;
use super::oauth::is_scope;
use super::projects;
use super::state::State;
use crate::clock::iso;
use crate::loopback::{Answer, Call};

const SERVICE: &str = "iamcredentials.googleapis.com";
const SCOPES: [&str; 2] = [CLOUD, "https://www.googleapis.com/auth/iam"];

/// Answers a call to `/v1/projects/P/serviceAccounts/TARGET`.
pub(super) fn answer(
    state: &mut State,
    call: &Call,
    project: &str,
    target: &str,
) -> Result<Answer, ApiError> {
    let token = state.authenticate(call, SERVICE, &SCOPES)?;
    if call.method != "POST" {
        return Err(ApiError::not_found("Method not found."));
    }
    let (email, method) = target.split_once(':').ok_or_else(|| ApiError::not_found("Method not found."))?;
    let body = call.json();
    if method == "testIamPermissions" {
        let told = projects::tested(state, call, &token, &resource(email))?;
        return Ok(Answer::json(200, &told));
    }
    if project != "-" {
        return Err(ApiError::invalid(
            "Invalid form of the service account's name: the project must be '-'.",
        ));
    }
    let permission = match method {
        "generateAccessToken" => "iam.serviceAccounts.getAccessToken",
        "generateIdToken" => "iam.serviceAccounts.getOpenIdToken",
        "signBlob" => "iam.serviceAccounts.signBlob",
        "signJwt" => "iam.serviceAccounts.signJwt",
        _ => return Err(ApiError::not_found("Method not found.")),
    };
    permit(state, &token, permission, &body["delegates"], email)?;
    let told = match method {
        "generateAccessToken" => access_token(state, &body, email)?,
        "generateIdToken" => match body["audience"].as_str() {
            None | Some("") => return Err(ApiError::invalid("Request contains an invalid argument.")),
            Some(audience) => json!({ "token": identity(state, email, audience) }),
        },
        "signBlob" => {
            let payload = body["payload"].as_str().and_then(|text| STANDARD.decode(text).ok());
            let payload =
                payload.ok_or_else(|| ApiError::invalid("Request contains an invalid argument."))?;
            json!({ "keyId": GOOGLE.id, "signedBlob": STANDARD.encode(GOOGLE.signature(&payload)) })
        }
        _ => signed_jwt(state, &body)?,
    };
    Ok(Answer::json(200, &told))
}

fn resource(email: &str) -> String {
    format!("projects/-/serviceAccounts/{email}")
}

/// The caller must be let on to the first of the chain, each of that on to the next, and the last to the target.
fn permit(
    state: &State,
    token: &Token,
    permission: &str,
    delegates: &Value,
    target: &str,
) -> Result<(), ApiError> {
    let delegates = match delegates {
        Value::Null => &Vec::new(),
        Value::Array(all) => all,
        _ => return Err(ApiError::invalid("Invalid value at 'delegates'.")),
    };
    let mut chain = vec![token.principal.clone()];
    for delegate in delegates {
        let email = delegate.as_str().and_then(|it| it.strip_prefix("projects/-/serviceAccounts/"));
        let email = email.filter(|email| !email.is_empty() && !email.contains('/'));
        let wrong =
            || ApiError::invalid("Invalid form of a delegate: projects/-/serviceAccounts/EMAIL is wanted.");
        chain.push(email.ok_or_else(wrong)?.to_owned());
    }
    for (place, who) in chain.iter().enumerate() {
        let (needed, next) = match chain.get(place + 1) {
            Some(next) => ("iam.serviceAccounts.implicitDelegation", next.as_str()),
            None => (permission, target),
        };
        let is_out = place > 0 && !state.is_active(who);
        if token.boundary.is_some() || is_out || !state.may(who, needed, &resource(next)) {
            return Err(ApiError::denied_on_account(needed));
        }
    }
    if !state.accounts.contains_key(target) {
        return Err(ApiError::not_found(format!("Not found; Gaia id not found for email {target}")));
    }
    match state.is_active(target) {
        true => Ok(()),
        false => Err(ApiError::precondition(format!("Service account {target} is disabled."))),
    }
}

fn access_token(state: &mut State, body: &Value, email: &str) -> Result<Value, ApiError> {
    let scopes: Vec<String> =
        body["scope"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(ApiError::invalid("Scope required."));
    }
    if !scopes.iter().all(|scope| is_scope(scope)) {
        return Err(ApiError::invalid("Invalid scope."));
    }
    let lifetime = body["lifetime"].as_str().unwrap_or("3600s");
    let seconds = lifetime.strip_suffix('s').and_then(|text| text.parse::<f64>().ok());
    let invalid = |why: &str| ApiError::invalid(format!("Invalid value for \"lifetime\": {why}"));
    let seconds = seconds.ok_or_else(|| invalid("a number of seconds with an 's' is wanted."))?;
    let lives_long = state.accounts.get(email).is_some_and(|account| account.lives_long);
    let longest = if lives_long { 43_200.0 } else { 3600.0 };
    if !(1.0..=longest).contains(&seconds) {
        return Err(invalid(&format!(
            "it must be more than 0 and at most {longest} seconds. Up to 12 hours are for accounts that the \
             organization policy constraints/iam.allowServiceAccountCredentialLifetimeExtension lists."
        )));
    }
    let (token, seconds) = state.mint("ya29.c.", email, scopes, Duration::from_secs_f64(seconds));
    let ends = state.clock.after(Duration::from_secs(seconds));
    Ok(json!({ "accessToken": token, "expireTime": iso(ends) }))
}

fn signed_jwt(state: &mut State, body: &Value) -> Result<Value, ApiError> {
    let claims = body["payload"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let claims = claims.filter(Value::is_object);
    let claims = claims.ok_or_else(|| ApiError::invalid("The payload is no JSON object."))?;
    let ends = claims["exp"].as_i64().unwrap_or_default();
    if ends > state.clock.now() + 12 * 3600 {
        return Err(ApiError::invalid("The claim exp must be no more than 12 hours in the future."));
    }
    Ok(json!({ "keyId": GOOGLE.id, "signedJwt": state.sign(&claims) }))
}
