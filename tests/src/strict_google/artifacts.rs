//! Artifact Registry: locations, their repositories, and what is in them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::error::ApiError;
use super::identity::{CLOUD, CLOUD_READ, Token};
use super::projects;
use super::state::State;
use crate::clock::iso;
use crate::loopback::{Answer, Call};

const SERVICE: &str = "artifactregistry.googleapis.com";

/// Where there are repositories.
#[derive(Debug)]
pub(super) struct Artifacts {
    pub(super) locations: Vec<String>,
    /// Locations in which nobody may list.
    pub(super) closed: BTreeSet<String>,
    /// Repositories by resource name.
    pub(super) repositories: BTreeMap<String, Repository>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repository {
    /// `DOCKER`, `MAVEN` and so on.
    pub(super) format: String,
    /// Image names with their digests.
    pub(super) images: Vec<(String, String)>,
}

impl Default for Artifacts {
    fn default() -> Self {
        let locations = LOCATIONS.iter().map(|location| (*location).to_owned()).collect();
        Self { locations, closed: BTreeSet::new(), repositories: BTreeMap::new() }
    }
}

/// Forty, multi-regions included.
const LOCATIONS: [&str; 40] = [
    "africa-south1",
    "asia",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe",
    "europe-central2",
    "europe-north1",
    "europe-southwest1",
    "europe-west1",
    "europe-west10",
    "europe-west12",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "southamerica-east1",
    "southamerica-west1",
    "us",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-south1",
    "us-west1",
    "us-west2",
];

/// Answers a call below `/v1/projects/P/locations`.
pub(super) fn answer(state: &State, call: &Call, project: &str, rest: &[&str]) -> Result<Answer, ApiError> {
    let token = state.authenticate(call, SERVICE, &[CLOUD, CLOUD_READ])?;
    let unknown =
        || ApiError::denied(SERVICE, "artifactregistry.locations.list", &format!("projects/{project}"));
    let project = state.project_id(project).ok_or_else(unknown)?;
    let parent = |location: &str| format!("projects/{project}/locations/{location}");
    let body = match (call.method.as_str(), rest) {
        ("GET", []) => locations(state, call, &token, &project)?,
        ("GET", [location, "repositories"]) => {
            repositories(state, call, &token, &parent(location), location)?
        }
        ("GET", [location, "repositories", name]) => {
            let name = format!("{}/repositories/{name}", parent(location));
            permit(state, &token, "artifactregistry.repositories.get", &name)?;
            shown(state, &name, find(state, &name)?)
        }
        ("GET", [location, "repositories", name, "dockerImages"]) => {
            let name = format!("{}/repositories/{name}", parent(location));
            permit(state, &token, "artifactregistry.dockerimages.list", &name)?;
            images(state, call, &name)?
        }
        ("POST", [location, "repositories", action]) => {
            let name = action.strip_suffix(":testIamPermissions");
            let name = name.ok_or_else(|| ApiError::not_found("Method not found."))?;
            projects::tested(state, call, &token, &format!("{}/repositories/{name}", parent(location)))?
        }
        _ => return Err(ApiError::not_found("Method not found.")),
    };
    Ok(Answer::json(200, &body))
}

fn permit(state: &State, token: &Token, permission: &str, resource: &str) -> Result<(), ApiError> {
    state.permit(token, SERVICE, permission, resource)
}

fn find<'a>(state: &'a State, name: &str) -> Result<&'a Repository, ApiError> {
    let found = state.artifacts.repositories.get(name);
    found.ok_or_else(|| ApiError::not_found("Requested entity was not found."))
}

fn locations(state: &State, call: &Call, token: &Token, project: &str) -> Result<Value, ApiError> {
    permit(state, token, "artifactregistry.locations.list", &format!("projects/{project}"))?;
    let shown = |location: &String| {
        json!({
            "name": format!("projects/{project}/locations/{location}"), "locationId": location,
            "displayName": location,
        })
    };
    let all = state.artifacts.locations.iter().map(|location| (location.clone(), shown(location))).collect();
    Ok(paged(state, call, "locations", all))
}

fn repositories(
    state: &State,
    call: &Call,
    token: &Token,
    parent: &str,
    location: &str,
) -> Result<Value, ApiError> {
    // Real ones refuse `-` for a location here.
    if !state.artifacts.locations.iter().any(|known| known == location) {
        return Err(ApiError::invalid(format!("invalid value for location: {location:?}")));
    }
    if state.artifacts.closed.contains(location) {
        return Err(ApiError::denied(SERVICE, "artifactregistry.repositories.list", parent));
    }
    permit(state, token, "artifactregistry.repositories.list", parent)?;
    let start = format!("{parent}/repositories/");
    let mine = state.artifacts.repositories.iter().filter(|(name, _)| name.starts_with(&start));
    let all = mine.map(|(name, it)| (name.clone(), shown(state, name, it))).collect();
    Ok(paged(state, call, "repositories", all))
}

fn images(state: &State, call: &Call, name: &str) -> Result<Value, ApiError> {
    let shown = |(image, digest): &(String, String)| {
        let uri = format!("{}/{image}@{digest}", registry_uri(name));
        let told = json!({ "name": format!("{name}/dockerImages/{image}@{digest}"), "uri": uri });
        (uri, told)
    };
    let all = find(state, name)?.images.iter().map(shown).collect();
    Ok(paged(state, call, "dockerImages", all))
}

fn paged(state: &State, call: &Call, field: &str, all: Vec<(String, Value)>) -> Value {
    let size = call.parameter("pageSize").and_then(|text| text.parse().ok());
    let (page, next) = state.page(all, size, call.parameter("pageToken").as_deref());
    let mut body = json!({});
    // An empty list is left out, as in every answer that begins as a protocol buffer.
    if !page.is_empty() {
        body[field] = page.into();
    }
    if let Some(next) = next {
        body["nextPageToken"] = next.into();
    }
    body
}

/// `LOCATION-docker.pkg.dev/PROJECT/NAME`. A project of a domain (`example.com:name`) is two parts of the path.
fn registry_uri(name: &str) -> String {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "locations", location, "repositories", name] => {
            format!("{location}-docker.pkg.dev/{}/{name}", project.replace(':', "/"))
        }
        _ => name.to_owned(),
    }
}

fn shown(state: &State, name: &str, repository: &Repository) -> Value {
    let created = iso(state.clock.now());
    json!({
        "name": name, "format": repository.format, "mode": "STANDARD_REPOSITORY",
        "registryUri": registry_uri(name), "createTime": created, "updateTime": created,
    })
}
