//! The Security Token Service: identities from elsewhere become Google's, and tokens become narrower.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::boundary::Boundary;
use super::error::OauthError;
use super::identity::{CLOUD, Token};
use super::oauth::{GCLOUD, LIFE, basic, field, is_scope, required};
use super::state::State;
use crate::loopback::{Answer, Call, decoded};
use crate::strict_aws::issuer::{self, TokenFault, Verifier};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const AWS: &str = "urn:ietf:params:aws:token-type:aws4_request";
const SIGNED: [&str; 2] =
    ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];

/// A provider of identities.
#[derive(Debug, Clone)]
pub(super) enum Pool {
    /// One that signs tokens.
    Oidc(Verifier),
    /// An AWS account: the ARN of the role by the key that signs for it.
    Aws(BTreeMap<String, String>),
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let answered = match call.path.as_str() {
        _ if call.method != "POST" => return Answer::empty(405),
        "/v1/introspect" => introspect(state, call),
        _ => exchange(state, call),
    };
    match answered {
        Ok(body) => Answer::json(200, &body),
        Err(error) => error.as_answer(),
    }
}

fn exchange(state: &mut State, call: &Call) -> Result<Value, OauthError> {
    client(state, call)?;
    if required(call, "grant_type")? != EXCHANGE {
        return Err(OauthError::new(400, "unsupported_grant_type", "The grant_type is not supported."));
    }
    if required(call, "requested_token_type")? != ACCESS_TOKEN {
        return Err(OauthError::request("Invalid value for \"requested_token_type\"."));
    }
    let kind = required(call, "subject_token_type")?;
    let subject = required(call, "subject_token")?;
    let options = match field(call, "options") {
        None => Value::Null,
        Some(text) => {
            // Some clients encode it once more than the form does.
            let twice = || serde_json::from_str(&decoded(&text));
            let options = serde_json::from_str(&text).or_else(|_| twice());
            options.map_err(|_| OauthError::request("Invalid value for \"options\": it is no JSON."))?
        }
    };
    if kind == ACCESS_TOKEN {
        narrow(state, call, &subject, &options)
    } else {
        take(state, call, &kind, &subject, &options)
    }
}

/// A client that shows itself must be known.
fn client(state: &State, call: &Call) -> Result<(), OauthError> {
    let Some((id, secret)) = basic(call) else { return Ok(()) };
    let is_known = state.directory.clients.get(&id).is_some_and(|client| client.secret == secret);
    match is_known || id == GCLOUD {
        true => Ok(()),
        false => Err(OauthError::client("The OAuth client was not found.")),
    }
}

/// A token of Google's, for less.
fn narrow(state: &mut State, call: &Call, subject: &str, options: &Value) -> Result<Value, OauthError> {
    for name in ["audience", "scope"] {
        if field(call, name).is_some() {
            return Err(OauthError::request(format!("The {name} is not allowed with an access boundary.")));
        }
    }
    if options.is_null() {
        return Err(OauthError::missing("options"));
    }
    let now = state.clock.now();
    let source =
        state.tokens.get(subject).filter(|token| token.ends > now && state.is_active(&token.principal));
    let source = source.ok_or_else(|| OauthError::grant("The subject token is not valid."))?.clone();
    if source.boundary.is_some() {
        return Err(OauthError::request("The subject token already has an access boundary."));
    }
    if !source.has(CLOUD) {
        let words = format!("The subject token must have the scope {CLOUD}.");
        return Err(OauthError::new(400, "invalid_scope", words));
    }
    let boundary = Boundary::parse(options)?;
    let ends = source.ends;
    let token = state.keep("ya29.dr.", Token { boundary: Some(boundary), ..source });
    let mut told =
        json!({ "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer" });
    if state.tells_narrowed_life {
        told["expires_in"] = (ends - now).into();
    }
    Ok(told)
}

/// A token for somebody of another house.
fn take(
    state: &mut State,
    call: &Call,
    kind: &str,
    subject: &str,
    options: &Value,
) -> Result<Value, OauthError> {
    let audience = required(call, "audience")?;
    let (pool, _) = audience
        .strip_prefix("//iam.googleapis.com/")
        .and_then(|name| name.split_once("/providers/"))
        .ok_or_else(|| {
            OauthError::request(
                "Invalid value for \"audience\". This value should be the full resource name of the Identity \
                 Provider.",
            )
        })?;
    let provider = state.pools.get(&audience).ok_or_else(|| {
        let words = "The target service indicated by the \"audience\" parameters is invalid.";
        OauthError::new(400, "invalid_target", words)
    })?;
    let scope = required(call, "scope")?;
    let scopes: Vec<String> = scope.split(' ').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    if !scopes.iter().all(|scope| is_scope(scope)) {
        return Err(OauthError::new(400, "invalid_scope", "Invalid value for \"scope\"."));
    }
    let user_project = user_project(state, options)?;
    let name = match provider {
        Pool::Oidc(verifier) if SIGNED.contains(&kind) => {
            let verified = issuer::verify(std::slice::from_ref(verifier), subject, state.clock.now());
            verified.map_err(|fault| refused(&fault))?.subject
        }
        Pool::Aws(roles) if kind == AWS => aws_role(roles, &audience, subject)
            .ok_or_else(|| OauthError::grant("The AWS security token included in the request is invalid."))?,
        _ => return Err(OauthError::request("Invalid value for \"subject_token_type\".")),
    };
    let principal = format!("principal://iam.googleapis.com/{pool}/subject/{name}");
    let (token, seconds) = state.mint("ya29.d.", &principal, scopes, LIFE);
    if let Some(token) = state.tokens.get_mut(&token) {
        token.user_project = user_project;
    }
    Ok(json!({
        "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer",
        "expires_in": seconds,
    }))
}

/// The project that calls with a workforce's token are counted for: one that is not there is refused.
fn user_project(state: &State, options: &Value) -> Result<Option<String>, OauthError> {
    let wrong = || OauthError::request("Invalid value for \"options\".");
    let Some(all) = options.as_object() else {
        return if options.is_null() { Ok(None) } else { Err(wrong()) };
    };
    let named = all.get("userProject").and_then(Value::as_str).filter(|_| all.len() == 1);
    named.and_then(|named| state.project_id(named)).map(Some).ok_or_else(wrong)
}

fn refused(fault: &TokenFault) -> OauthError {
    match fault {
        TokenFault::Malformed => OauthError::request("Unable to parse the ID Token."),
        TokenFault::UnknownIssuer(_) => {
            OauthError::grant("The issuer in ID Token does not match the expected ones.")
        }
        TokenFault::Signature => OauthError::grant("Error verifying the signature of ID Token."),
        TokenFault::Audience => {
            OauthError::grant("The audience in ID Token does not match the expected audience.")
        }
        TokenFault::Expired(ends) => {
            OauthError::grant(format!("ID Token issued at {ends} is stale to sign-in."))
        }
    }
}

/// The role behind a signed request, which only AWS could verify: its shape is looked at, and whose key it names.
fn aws_role(roles: &BTreeMap<String, String>, audience: &str, subject: &str) -> Option<String> {
    let request: Value = serde_json::from_str(&decoded(subject)).ok()?;
    let host = request["url"].as_str()?.strip_prefix("https://sts.")?;
    let headers = request["headers"].as_array()?;
    let header = |name: &str| {
        let mut all = headers.iter();
        let found = all.find(|it| it["key"].as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)));
        found.and_then(|it| it["value"].as_str())
    };
    let is_whole = request["method"] == "POST"
        && host.contains("amazonaws.com")
        && host.contains("Action=GetCallerIdentity")
        && header("host").is_some()
        && header("x-amz-date").is_some()
        // Not every client signs this one.
        && header("x-goog-cloud-target-resource") == Some(audience);
    let authorization = header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let key = authorization.split_once("Credential=")?.1.split('/').next()?;
    roles.get(key).filter(|_| is_whole).cloned()
}

fn introspect(state: &State, call: &Call) -> Result<Value, OauthError> {
    client(state, call)?;
    let token = required(call, "token")?;
    let now = state.clock.now();
    Ok(match state.tokens.get(&token).filter(|token| token.ends > now) {
        None => json!({ "active": false }),
        Some(token) => json!({
            "active": true, "client_id": token.client, "username": token.principal, "sub": token.principal,
            "scope": token.scopes.join(" "), "exp": token.ends, "token_type": "Bearer",
            "iss": "https://sts.googleapis.com/",
        }),
    })
}
