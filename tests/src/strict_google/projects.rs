//! Resource manager: projects, as its third version and the first one tell them.

use serde_json::{Value, json};

use super::error::ApiError;
use super::identity::{CLOUD, CLOUD_READ, Token};
use super::state::State;
use crate::clock::iso;
use crate::loopback::{Answer, Call};

const SERVICE: &str = "cloudresourcemanager.googleapis.com";
const SCOPES: [&str; 4] = [
    CLOUD,
    CLOUD_READ,
    "https://www.googleapis.com/auth/cloudplatformprojects",
    "https://www.googleapis.com/auth/cloudplatformprojects.readonly",
];
const GET: &str = "resourcemanager.projects.get";

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) number: u64,
}

impl State {
    /// The id of a project that is named by its id or its number.
    pub(super) fn project_id(&self, named: &str) -> Option<String> {
        let number = named.parse::<u64>().ok();
        let is_it = |(id, project): &(&String, &Project)| *id == named || Some(project.number) == number;
        self.projects.iter().find(is_it).map(|(id, _)| id.clone())
    }

    /// The number of a project, as names of secrets carry it.
    pub(super) fn project_number(&self, id: &str) -> u64 {
        self.projects.get(id).map(|project| project.number).unwrap_or_default()
    }
}

pub(super) fn answer(state: &State, call: &Call, segments: &[&str]) -> Result<Answer, ApiError> {
    let token = state.authenticate(call, SERVICE, &SCOPES)?;
    let is_v3 = segments.first() == Some(&"v3");
    let body = match (call.method.as_str(), segments) {
        ("GET", ["v3", "projects:search"] | ["v1", "projects"]) => search(state, call, &token, is_v3),
        ("GET", [_, "projects", named]) => {
            let id =
                state.project_id(named).filter(|id| state.permits(&token, GET, &format!("projects/{id}")));
            shown(state, &id.ok_or_else(ApiError::caller_lacks_permission)?, is_v3)
        }
        ("POST", [_, "projects", named]) => {
            let named = named.strip_suffix(":testIamPermissions");
            let named = named.ok_or_else(|| ApiError::not_found("Method not found."))?;
            let id = state.project_id(named).ok_or_else(ApiError::caller_lacks_permission)?;
            tested(state, call, &token, &format!("projects/{id}"))?
        }
        _ => return Err(ApiError::not_found("Method not found.")),
    };
    Ok(Answer::json(200, &body))
}

/// Which of the permissions that a call asks about its caller has. No permission at all is needed to ask.
pub(super) fn tested(state: &State, call: &Call, token: &Token, resource: &str) -> Result<Value, ApiError> {
    let asked = call.json()["permissions"].as_array().cloned().unwrap_or_default();
    let asked: Vec<&str> = asked.iter().filter_map(Value::as_str).map(|it| it as &str).collect();
    // Wildcards are for roles: here they are an error.
    if asked.is_empty() || asked.iter().any(|permission| permission.contains('*')) {
        return Err(ApiError::invalid("Request contains an invalid argument."));
    }
    let held: Vec<_> =
        asked.into_iter().filter(|permission| state.permits(token, permission, resource)).collect();
    Ok(if held.is_empty() { json!({}) } else { json!({ "permissions": held }) })
}

fn search(state: &State, call: &Call, token: &Token, is_v3: bool) -> Value {
    let query = call.parameter("query").unwrap_or_default().to_lowercase();
    let fits = |id: &str| match query.split_once([':', '=']) {
        Some(("id" | "projectid" | "name" | "displayname", wanted)) => match wanted.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == wanted,
        },
        _ => true,
    };
    let mine =
        state.projects.keys().filter(|id| fits(id) && state.permits(token, GET, &format!("projects/{id}")));
    let mine = mine.map(|id| (id.clone(), shown(state, id, is_v3))).collect();
    let size = call.parameter("pageSize").and_then(|text| text.parse().ok());
    let (page, next) = state.page(mine, size, call.parameter("pageToken").as_deref());
    let mut body = json!({ "projects": page });
    if let Some(next) = next {
        body["nextPageToken"] = next.into();
    }
    body
}

fn shown(state: &State, id: &str, is_v3: bool) -> Value {
    let number = state.project_number(id).to_string();
    let created = iso(state.clock.now());
    match is_v3 {
        true => json!({
            "name": format!("projects/{number}"), "projectId": id, "displayName": id, "state": "ACTIVE",
            "createTime": created, "updateTime": created, "etag": "W/\"0\"",
        }),
        false => json!({
            "projectNumber": number, "projectId": id, "name": id, "lifecycleState": "ACTIVE",
            "createTime": created,
        }),
    }
}
