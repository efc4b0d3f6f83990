//! Managed identities: the metadata service of a machine (IMDS), App Service, and a machine elsewhere (Arc).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::audience::Service;
use super::entra::unknown_resource;
use super::identity::Caller;
use super::state::State;
use crate::loopback::{Answer, Call};
use crate::random;

/// How long a token lives: a day.
const LIFE: Duration = Duration::from_secs(86_399);
const IMDS: &str = "/metadata/identity/oauth2/token";
const APP_SERVICE: &str = "/msi/token";
/// The oldest version that takes requests for tokens.
const OLDEST: &str = "2018-02-01";

/// Who the machine is.
#[derive(Debug, Default)]
pub(super) struct Managed {
    pub(super) identities: Vec<Identity>,
    /// The identity of the machine itself, which is taken when none is named.
    pub(super) system: Option<String>,
    /// The value of `IDENTITY_HEADER`; without one this is no App Service.
    pub(super) header: Option<String>,
    /// Where a machine elsewhere shows that somebody may read its files, and what stands there.
    pub(super) arc: Option<Arc>,
}

/// The key file of a machine that is not in Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arc {
    pub(super) path: String,
    key: Option<String>,
}

impl Arc {
    pub(super) fn at(path: &str) -> Self {
        Self { path: path.to_owned(), key: None }
    }
}

/// One identity of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) client: String,
    pub(super) id: String,
    pub(super) tenant: String,
    /// Its id in the resource manager; empty for the machine's own.
    pub(super) resource: String,
}

pub(super) fn is_for(call: &Call) -> bool {
    matches!(call.path.as_str(), IMDS | APP_SERVICE) || call.path.starts_with("/metadata/instance")
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    if call.method != "GET" {
        return Answer::empty(405);
    }
    let answered = match call.path.as_str() {
        APP_SERVICE => app_service(state, call),
        IMDS if state.managed.arc.is_some() => arc(state, call),
        IMDS => imds(state, call),
        _ => Err(Answer::empty(404)),
    };
    answered.unwrap_or_else(|refusal| refusal)
}

fn imds(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let refuse =
        |error: &str, words: &str| Answer::json(400, &json!({ "error": error, "error_description": words }));
    // What comes through a proxy, or was sent by a page that knows no header, is not meant.
    if call.header("x-forwarded-for").is_some() {
        return Err(refuse("invalid_request", "Request contains an X-Forwarded-For header"));
    }
    if !call.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Err(refuse("invalid_request", "Required metadata header not specified"));
    }
    if call.parameter("api-version").is_none_or(|version| version.as_str() < OLDEST) {
        let words = "Bad request. api-version was not specified in the request";
        let versions = json!(["2023-07-01", "2021-12-13", "2021-11-15"]);
        return Err(Answer::json(400, &json!({ "error": words, "newest-versions": versions })));
    }
    let resource = call.parameter("resource").filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| refuse("invalid_request", "'resource' is a required parameter"))?;
    if state.managed.system.is_none() && selection(call).is_empty() && state.managed.identities.len() > 1 {
        return Err(refuse(
            "invalid_request",
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the \
             token request",
        ));
    }
    let identity = chosen(state, call).ok_or_else(|| refuse("invalid_request", "Identity not found"))?;
    let told = token(state, &identity, &resource)?;
    Ok(Answer::json(200, &told))
}

fn app_service(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let refuse =
        |status: u16, words: &str| Answer::json(status, &json!({ "statusCode": status, "message": words }));
    if state.managed.header.is_none() {
        return Err(Answer::empty(404));
    }
    if call.header("x-identity-header") != state.managed.header.as_deref() {
        return Err(refuse(401, "The X-IDENTITY-HEADER is missing or wrong."));
    }
    if call.parameter("api-version").as_deref() != Some("2019-08-01") {
        return Err(refuse(400, "The api-version is missing or not supported."));
    }
    let resource = call.parameter("resource").filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| refuse(400, "The resource is missing."))?;
    let identity = chosen(state, call).ok_or_else(|| {
        refuse(
            400,
            "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
        )
    })?;
    let mut told = token(state, &identity, &resource)?;
    for name in ["expires_in", "ext_expires_in", "not_before"] {
        told.as_object_mut().and_then(|fields| fields.remove(name));
    }
    Ok(Answer::json(200, &told))
}

/// Who cannot read the file that is named, gets nothing. What stands in it is good once.
fn arc(state: &mut State, call: &Call) -> Result<Answer, Answer> {
    let refuse = |status: u16, words: &str| {
        Answer::json(status, &json!({ "error": "invalid_request", "error_description": words }))
    };
    if call.header("metadata") != Some("true") {
        return Err(refuse(400, "Required metadata header not specified"));
    }
    let is_version = |version: &str| matches!(version, "2019-11-01" | "2020-06-01" | "2021-02-01");
    if !call.parameter("api-version").is_some_and(|version| is_version(&version)) {
        return Err(refuse(400, "The api-version is missing or not supported."));
    }
    let resource = call.parameter("resource").filter(|resource| !resource.is_empty());
    let resource = resource.ok_or_else(|| refuse(400, "'resource' is a required parameter"))?;
    // A machine elsewhere has one identity, its own.
    if !selection(call).is_empty() {
        return Err(refuse(400, "User assigned identities are not supported"));
    }
    let Some(arc) = state.managed.arc.as_mut() else { return Err(Answer::empty(404)) };
    let shown = call.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    match shown {
        Some(shown) if arc.key.as_deref() == Some(shown) => arc.key = None,
        Some(_) => return Err(refuse(401, "The key is wrong")),
        None => {
            let key = STANDARD.encode(random::token(48));
            let challenge = format!("Basic realm={}", arc.path);
            if let Err(error) = std::fs::write(&arc.path, &key) {
                return Err(Answer::new(500, "text/plain", error.to_string()));
            }
            arc.key = Some(key);
            return Err(Answer::empty(401).with_header("www-authenticate", challenge));
        }
    }
    let identity = chosen(state, call).ok_or_else(|| refuse(400, "Identity not found"))?;
    Ok(Answer::json(200, &token(state, &identity, &resource)?))
}

/// What names an identity in a call, with what it is to be equal to.
fn selection(call: &Call) -> Vec<(&'static str, String)> {
    let names = ["client_id", "clientid", "object_id", "principal_id", "msi_res_id", "mi_res_id"];
    let given = names.into_iter().filter_map(|name| call.parameter(name).map(|value| (name, value)));
    given.filter(|(_, value)| !value.is_empty()).collect()
}

fn chosen(state: &State, call: &Call) -> Option<Identity> {
    let all = &state.managed.identities;
    let selection = selection(call);
    let Some((name, value)) = selection.first().filter(|_| selection.len() == 1) else {
        let own = state.managed.system.as_ref();
        let only = all.first().filter(|_| all.len() == 1);
        let found = own.map_or(only, |own| all.iter().find(|identity| identity.id == *own));
        return found.filter(|_| selection.is_empty()).cloned();
    };
    let is_it = |identity: &&Identity| {
        let own = match *name {
            "client_id" | "clientid" => &identity.client,
            "object_id" | "principal_id" => &identity.id,
            _ => &identity.resource,
        };
        !own.is_empty() && own.eq_ignore_ascii_case(value)
    };
    all.iter().find(is_it).cloned()
}

/// Numbers are told as text.
fn token(state: &mut State, identity: &Identity, resource: &str) -> Result<Value, Answer> {
    let now = state.clock.now();
    if Service::of(resource).is_none() {
        return Err(unknown_resource(resource, &identity.tenant).as_answer(now));
    }
    let life = state.life(LIFE);
    let caller = Caller {
        id: identity.id.clone(),
        tenant: identity.tenant.clone(),
        app: identity.client.clone(),
        person: None,
        audience: resource.to_owned(),
        ends: state.clock.after(life),
    };
    state.let_in(&caller).map_err(|error| error.as_answer(now))?;
    let more = match identity.resource.as_str() {
        "" => json!({}),
        resource => json!({ "xms_mirid": resource }),
    };
    let token = state.mint(&caller, &more);
    let life = life.as_secs().to_string();
    Ok(json!({
        "access_token": token, "client_id": identity.client, "expires_in": life, "ext_expires_in": life,
        "expires_on": caller.ends.to_string(), "not_before": (now - 300).to_string(), "resource": resource,
        "token_type": "Bearer",
    }))
}
