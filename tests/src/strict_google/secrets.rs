//! Secret Manager: secrets and their versions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::error::ApiError;
use super::identity::{CLOUD, Token};
use super::projects;
use super::state::State;
use super::storage::crc32c;
use crate::clock::iso;
use crate::loopback::{Answer, Call};

const SERVICE: &str = "secretmanager.googleapis.com";

/// A secret. Its versions are counted from one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) versions: Vec<Vec<u8>>,
}

/// Answers a call below `/v1/projects/P/secrets`.
pub(super) fn answer(
    state: &mut State,
    call: &Call,
    project: &str,
    rest: &[&str],
) -> Result<Answer, ApiError> {
    let token = state.authenticate(call, SERVICE, &[CLOUD])?;
    let unknown = || ApiError::denied(SERVICE, "secretmanager.secrets.get", &format!("projects/{project}"));
    let project = state.project_id(project).ok_or_else(unknown)?;
    let name = |secret: &str| format!("projects/{project}/secrets/{secret}");
    let body = match (call.method.as_str(), rest) {
        ("GET", []) => list(state, call, &token, &project)?,
        ("GET", [secret]) => get(state, &token, &name(secret))?,
        ("POST", [action]) => match action.split_once(':') {
            Some((secret, "addVersion")) => add_version(state, call, &token, &name(secret))?,
            Some((secret, "testIamPermissions")) => projects::tested(state, call, &token, &name(secret))?,
            _ => return Err(ApiError::not_found("Method not found.")),
        },
        ("GET", [secret, "versions", version]) => match version.strip_suffix(":access") {
            Some(version) => access(state, &token, &name(secret), version)?,
            None => {
                permit(state, &token, "secretmanager.versions.get", &name(secret))?;
                let (number, _) = version_of(state, &name(secret), version)?;
                shown_version(state, &name(secret), number)
            }
        },
        ("DELETE", [secret]) => {
            permit(state, &token, "secretmanager.secrets.delete", &name(secret))?;
            state.secrets.remove(&name(secret)).ok_or_else(|| missing(&name(secret)))?;
            json!({})
        }
        _ => return Err(ApiError::not_found("Method not found.")),
    };
    Ok(Answer::json(200, &body))
}

fn permit(state: &State, token: &Token, permission: &str, resource: &str) -> Result<(), ApiError> {
    state.permit(token, SERVICE, permission, resource)
}

fn missing(name: &str) -> ApiError {
    ApiError::not_found(format!("Secret [{name}] not found."))
}

fn list(state: &State, call: &Call, token: &Token, project: &str) -> Result<Value, ApiError> {
    let parent = format!("projects/{project}");
    permit(state, token, "secretmanager.secrets.list", &parent)?;
    let all = state.secrets.keys().filter(|name| name.starts_with(&format!("{parent}/secrets/")));
    let all: Vec<_> = all.map(|name| (name.clone(), shown(state, name))).collect();
    let total = all.len();
    let size = call.parameter("pageSize").and_then(|text| text.parse().ok());
    let (page, next) = state.page(all, size, call.parameter("pageToken").as_deref());
    let mut body = json!({ "secrets": page, "totalSize": total });
    if let Some(next) = next {
        body["nextPageToken"] = next.into();
    }
    Ok(body)
}

fn get(state: &State, token: &Token, name: &str) -> Result<Value, ApiError> {
    permit(state, token, "secretmanager.secrets.get", name)?;
    match state.secrets.contains_key(name) {
        true => Ok(shown(state, name)),
        false => Err(missing(name)),
    }
}

fn access(state: &State, token: &Token, name: &str, version: &str) -> Result<Value, ApiError> {
    let resource = format!("{name}/versions/{version}");
    permit(state, token, "secretmanager.versions.access", &resource)?;
    let (number, data) = version_of(state, name, version)?;
    Ok(json!({
        "name": format!("{}/versions/{number}", numbered(state, name)),
        "payload": { "data": STANDARD.encode(data), "dataCrc32c": crc32c(data).to_string() },
    }))
}

fn version_of<'a>(state: &'a State, name: &str, version: &str) -> Result<(usize, &'a [u8]), ApiError> {
    let secret = state.secrets.get(name).ok_or_else(|| missing(name))?;
    let number = match version {
        "latest" => secret.versions.len(),
        number => number.parse().unwrap_or_default(),
    };
    let data = number.checked_sub(1).and_then(|place| secret.versions.get(place));
    let gone = || {
        let name = numbered(state, name);
        ApiError::not_found(format!(
            "Secret Version [{name}/versions/{version}] not found or has no versions."
        ))
    };
    data.map(|data| (number, data.as_slice())).ok_or_else(gone)
}

fn add_version(state: &mut State, call: &Call, token: &Token, name: &str) -> Result<Value, ApiError> {
    permit(state, token, "secretmanager.versions.add", name)?;
    let payload = &call.json()["payload"];
    let data = payload["data"].as_str().and_then(|text| STANDARD.decode(text).ok());
    let data = data.ok_or_else(|| ApiError::invalid("Secret Payload cannot be empty."))?;
    let sum = payload["dataCrc32c"].as_str().map(str::to_owned);
    if sum
        .or_else(|| payload["dataCrc32c"].as_u64().map(|sum| sum.to_string()))
        .is_some_and(|sum| sum != crc32c(&data).to_string())
    {
        return Err(ApiError::invalid("The provided checksum does not match the payload."));
    }
    let secret = state.secrets.get_mut(name).ok_or_else(|| missing(name))?;
    secret.versions.push(data);
    let number = secret.versions.len();
    Ok(shown_version(state, name, number))
}

/// Names are told with the project's number, whatever was asked with.
fn numbered(state: &State, name: &str) -> String {
    let mut parts: Vec<_> = name.split('/').map(str::to_owned).collect();
    if let Some(project) = parts.get_mut(1) {
        *project = state.project_number(project).to_string();
    }
    parts.join("/")
}

fn shown(state: &State, name: &str) -> Value {
    json!({
        "name": numbered(state, name), "replication": { "automatic": {} },
        "createTime": iso(state.clock.now()), "etag": "\"0\"",
    })
}

fn shown_version(state: &State, name: &str, number: usize) -> Value {
    json!({
        "name": format!("{}/versions/{number}", numbered(state, name)),
        "createTime": iso(state.clock.now()), "state": "ENABLED", "etag": "\"0\"",
    })
}
