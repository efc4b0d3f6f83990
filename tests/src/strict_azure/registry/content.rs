//! Repositories and what is in them. Every call is looked at by what its token is for.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;

use super::super::entra::encoded;
use super::super::range::part_of;
use super::super::state::State;
use super::{Met, RegistryError, Repository, desk, registry};
use crate::clock::iso;
use crate::loopback::{Answer, Call};
use crate::random;

pub(super) fn answer(
    state: &mut State,
    call: &Call,
    met: &Met<'_>,
    segments: &[&str],
) -> Result<Answer, RegistryError> {
    let method = call.method.as_str();
    match (method, segments) {
        ("GET", ["v2"] | ["v2", ""]) => {
            permit(state, call, met, "")?;
            Ok(Answer::json(200, &json!({})))
        }
        ("GET", ["v2", "_catalog"] | ["acr", "v1", "_catalog"]) => {
            permit(state, call, met, "registry:catalog:*")?;
            let all = registry(state, met).repositories.keys().map(|name| (name.clone(), name.clone()));
            let (page, link) = paged(state, call, all.collect());
            let body = json!({ "repositories": page });
            Ok(linked(Answer::json(200, &body), link))
        }
        ("GET", ["acr", "v1", name @ .., "_tags"]) => tags(state, call, met, &name.join("/")),
        ("GET", ["v2", name @ .., "tags", "list"]) => {
            let name = name.join("/");
            permit(state, call, met, &format!("repository:{name}:pull"))?;
            let tags: Vec<_> = found(state, met, &name)?.tags.keys().collect();
            Ok(Answer::json(200, &json!({ "name": name, "tags": tags })))
        }
        (_, ["v2", name @ .., "manifests", reference]) => {
            manifest(state, call, met, &name.join("/"), reference)
        }
        (_, ["v2", name @ .., "blobs", "uploads", id]) => upload(state, call, met, &name.join("/"), id),
        ("GET" | "HEAD", ["v2", name @ .., "blobs", sum]) => {
            let name = name.join("/");
            permit(state, call, met, &format!("repository:{name}:pull"))?;
            let blob = found(state, met, &name)?.blobs.get(*sum);
            let blob =
                blob.ok_or_else(|| RegistryError::new(404, "BLOB_UNKNOWN", "blob unknown to registry"))?;
            let answer = Answer::new(200, "application/octet-stream", blob.clone());
            let answer = answer.with_header("docker-content-digest", *sum);
            match call.header("range") {
                None => Ok(answer),
                Some(range) => part_of(answer, range)
                    .ok_or_else(|| RegistryError::new(416, "RANGE_INVALID", "invalid content range")),
            }
        }
        _ => Err(RegistryError::new(404, "NOT_FOUND", "There is nothing at this address.")),
    }
}

/// Lets a call in whose token is for that; an empty scope takes any token.
fn permit(state: &State, call: &Call, met: &Met<'_>, scope: &str) -> Result<(), RegistryError> {
    let Some(shown) = call.header("authorization") else {
        return Err(RegistryError::challenge(met, scope, None));
    };
    let token = shown.strip_prefix("Bearer ").unwrap_or_default().trim();
    let jwt = desk::read(state, met, token, "access_token");
    let jwt = jwt.ok_or_else(|| RegistryError::challenge(met, scope, Some("invalid_token")))?;
    let Some((kind, rest)) = scope.split_once(':') else { return Ok(()) };
    let (name, actions) = rest.rsplit_once(':').unwrap_or_default();
    let access = jwt.claims["access"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = |action: &str| {
        access.iter().any(|it| {
            it["type"] == kind
                && it["name"] == name
                && it["actions"].as_array().is_some_and(|all| all.iter().any(|one| one == action))
        })
    };
    match actions.split(',').all(has) {
        true => Ok(()),
        false => Err(RegistryError::challenge(met, scope, Some("insufficient_scope"))),
    }
}

fn found<'a>(state: &'a State, met: &Met<'_>, name: &str) -> Result<&'a Repository, RegistryError> {
    registry(state, met)
        .repositories
        .get(name)
        .ok_or_else(|| RegistryError::new(404, "NAME_UNKNOWN", "repository name not known to registry"))
}

/// A page of names, and the query of the next one.
fn paged(state: &State, call: &Call, all: Vec<(String, String)>) -> (Vec<String>, Option<String>) {
    let size = call.parameter("n").and_then(|text| text.parse().ok()).unwrap_or(100);
    let last = call.parameter("last");
    let left = all.into_iter().filter(|(name, _)| last.as_ref().is_none_or(|last| name > last));
    let (page, next) = state.page(left, size, None);
    let last = page.last().filter(|_| next.is_some());
    let link =
        last.map(|last| format!("<{}?last={}&n={size}&orderby=>; rel=\"next\"", call.path, encoded(last)));
    (page, link)
}

fn linked(answer: Answer, link: Option<String>) -> Answer {
    match link {
        Some(link) => answer.with_header("link", link),
        None => answer,
    }
}

fn tags(state: &State, call: &Call, met: &Met<'_>, name: &str) -> Result<Answer, RegistryError> {
    permit(state, call, met, &format!("repository:{name}:metadata_read"))?;
    let repository = found(state, met, name)?;
    let all = repository.tags.keys().map(|tag| (tag.clone(), tag.clone())).collect();
    let (page, link) = paged(state, call, all);
    let time = iso(state.clock.now());
    let told: Vec<_> = page
        .iter()
        .map(|tag| {
            json!({
                "name": tag, "digest": repository.tags.get(tag), "createdTime": time, "lastUpdateTime": time,
                "signed": false, "changeableAttributes": {
                    "deleteEnabled": true, "writeEnabled": true, "readEnabled": true, "listEnabled": true,
                },
            })
        })
        .collect();
    let body = json!({ "registry": met.service, "imageName": name, "tags": told });
    Ok(linked(Answer::json(200, &body), link))
}

fn manifest(
    state: &mut State,
    call: &Call,
    met: &Met<'_>,
    name: &str,
    reference: &str,
) -> Result<Answer, RegistryError> {
    match call.method.as_str() {
        "GET" | "HEAD" => {
            permit(state, call, met, &format!("repository:{name}:pull"))?;
            let repository = found(state, met, name)?;
            let sum = repository.tags.get(reference).map_or(reference, String::as_str);
            let (kind, content) = repository.manifests.get(sum).ok_or_else(|| {
                let message = format!("manifest tagged by \"{reference}\" is not found");
                RegistryError::new(404, "MANIFEST_UNKNOWN", message)
            })?;
            Ok(Answer::new(200, kind, content.clone()).with_header("docker-content-digest", sum))
        }
        "PUT" => {
            permit(state, call, met, &format!("repository:{name}:pull,push"))?;
            let kind = call.header("content-type").unwrap_or_default().to_owned();
            let sum = put(state, met.name, name, reference, &kind, &call.body);
            let place = format!("{}/v2/{name}/manifests/{sum}", met.path());
            let answer = Answer::empty(201).with_header("location", place);
            Ok(answer.with_header("docker-content-digest", sum))
        }
        _ => Err(RegistryError::new(405, "UNSUPPORTED", "The operation is unsupported.")),
    }
}

/// Puts a manifest into a repository. Answers with its digest.
pub(in super::super) fn put(
    state: &mut State,
    registry: &str,
    name: &str,
    reference: &str,
    kind: &str,
    content: &[u8],
) -> String {
    let sum = sum(content);
    if let Some(registry) = state.registries.get_mut(registry) {
        let repository = registry.repository(name);
        repository.manifests.insert(sum.clone(), (kind.to_owned(), content.to_vec()));
        if !reference.contains(':') {
            repository.tags.insert(reference.to_owned(), sum.clone());
        }
    }
    sum
}

/// A blob that comes at once or in parts: begun with `POST`, gone on with by `PATCH`, ended with `PUT`.
fn upload(
    state: &mut State,
    call: &Call,
    met: &Met<'_>,
    name: &str,
    id: &str,
) -> Result<Answer, RegistryError> {
    permit(state, call, met, &format!("repository:{name}:pull,push"))?;
    let unknown = || RegistryError::new(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
    let known = state.registries.get_mut(met.name).ok_or_else(unknown)?;
    match (call.method.as_str(), id) {
        ("POST", "") => {
            let id = random::token(32);
            known.uploads.insert(id.clone(), Vec::new());
            Ok(Answer::empty(202)
                .with_header("location", format!("{}/v2/{name}/blobs/uploads/{id}", met.path()))
                .with_header("docker-upload-uuid", id)
                .with_header("range", "0-0"))
        }
        ("PATCH", id) => {
            let begun = known.uploads.get_mut(id).ok_or_else(unknown)?;
            begun.extend_from_slice(&call.body);
            let end = begun.len().saturating_sub(1);
            Ok(Answer::empty(202)
                .with_header("location", format!("{}/v2/{name}/blobs/uploads/{id}", met.path()))
                .with_header("docker-upload-uuid", id)
                .with_header("range", format!("0-{end}")))
        }
        ("PUT", id) => {
            let mut content = known.uploads.remove(id).ok_or_else(unknown)?;
            content.extend_from_slice(&call.body);
            let sum = sum(&content);
            if call.parameter("digest").as_deref() != Some(sum.as_str()) {
                let message = "provided digest did not match uploaded content";
                return Err(RegistryError::new(400, "DIGEST_INVALID", message));
            }
            known.repository(name).blobs.insert(sum.clone(), content);
            let place = format!("{}/v2/{name}/blobs/{sum}", met.path());
            Ok(Answer::empty(201).with_header("location", place).with_header("docker-content-digest", sum))
        }
        _ => Err(unknown()),
    }
}

fn sum(content: &[u8]) -> String {
    let hex: String = digest(&SHA256, content).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
