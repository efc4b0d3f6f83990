use serde_json::{Value, json};

use super::super::error::StorageError;
use super::super::roles;
use super::super::state::State;
use super::{Asked, Bucket, CONFIGURE, READ, allows, caller, permit, size};
use crate::clock::iso;
use crate::loopback::{Answer, Call};

pub(super) fn list(state: &State, call: &Call) -> Result<Answer, StorageError> {
    let permission = "storage.buckets.list";
    let token = caller(state, call, &READ, permission, "project")?;
    let named = call.parameter("project").unwrap_or_default();
    if named.is_empty() {
        return Err(StorageError::new(400, "required", "Required parameter: project"));
    }
    let denied = || StorageError::denied(&token.principal, permission, "project");
    let project = state.project_id(&named).ok_or_else(denied)?;
    if !state.permits(&token, permission, &format!("projects/{project}")) {
        return Err(denied());
    }
    let prefix = call.parameter("prefix").unwrap_or_default();
    let mine = state.storage.buckets.iter();
    let mine = mine.filter(|(name, bucket)| bucket.project == project && name.starts_with(&prefix));
    let all = mine.map(|(name, bucket)| (name.clone(), shown(state, name, bucket))).collect();
    let (page, next) = state.page(all, size(call), call.parameter("pageToken").as_deref());
    let mut body = json!({ "kind": "storage#buckets" });
    if !page.is_empty() {
        body["items"] = page.into();
    }
    if let Some(next) = next {
        body["nextPageToken"] = next.into();
    }
    Ok(Answer::json(200, &body))
}

pub(super) fn get(state: &State, call: &Call, name: &str) -> Result<Answer, StorageError> {
    let permission = "storage.buckets.get";
    let token = caller(state, call, &READ, permission, "bucket")?;
    permit(state, &token, permission, Asked::bucket(name))?;
    let bucket = state.storage.buckets.get(name).ok_or_else(StorageError::no_bucket)?;
    Ok(Answer::json(200, &shown(state, name, bucket)))
}

/// Changes labels, which stand for all of a bucket's configuration.
pub(super) fn patch(state: &mut State, call: &Call, name: &str) -> Result<Answer, StorageError> {
    let permission = "storage.buckets.update";
    let token = caller(state, call, &CONFIGURE, permission, "bucket")?;
    permit(state, &token, permission, Asked::bucket(name))?;
    let labels = call.json()["labels"].clone();
    let bucket = state.storage.buckets.get_mut(name).ok_or_else(StorageError::no_bucket)?;
    bucket.labels = labels;
    let bucket = bucket.clone();
    Ok(Answer::json(200, &shown(state, name, &bucket)))
}

/// Which of the permissions that are asked about the caller has on the bucket. Nothing is needed to ask.
pub(super) fn test(state: &State, call: &Call, name: &str) -> Result<Answer, StorageError> {
    let token = caller(state, call, &READ, "storage.buckets.get", "bucket")?;
    if !state.storage.buckets.contains_key(name) {
        return Err(StorageError::no_bucket());
    }
    let asked: Vec<String> = call
        .query_pairs()
        .into_iter()
        .filter(|(parameter, _)| parameter == "permissions")
        .map(|(_, permission)| permission)
        .collect();
    let is_real = |permission: &String| {
        permission.starts_with("storage.") && roles::allows("roles/storage.admin", permission)
    };
    if asked.is_empty() || !asked.iter().all(is_real) {
        return Err(StorageError::invalid("Invalid argument."));
    }
    let held: Vec<Value> = asked
        .into_iter()
        .filter(|permission| allows(state, &token, permission, Asked::bucket(name)))
        .map(Value::from)
        .collect();
    let mut body = json!({ "kind": "storage#testIamPermissionsResponse" });
    if !held.is_empty() {
        body["permissions"] = held.into();
    }
    Ok(Answer::json(200, &body))
}

/// How a bucket is laid out, which clients ask before they list.
pub(super) fn layout(state: &State, call: &Call, name: &str) -> Result<Answer, StorageError> {
    let permission = "storage.objects.list";
    let token = caller(state, call, &READ, permission, "bucket")?;
    let prefix = call.parameter("prefix").unwrap_or_default();
    permit(state, &token, permission, Asked::listing(name, &prefix))?;
    let bucket = state.storage.buckets.get(name).ok_or_else(StorageError::no_bucket)?;
    Ok(Answer::json(
        200,
        &json!({
            "kind": "storage#storageLayout", "bucket": name, "location": bucket.location,
            "locationType": "region", "hierarchicalNamespace": { "enabled": false },
        }),
    ))
}

fn shown(state: &State, name: &str, bucket: &Bucket) -> Value {
    let created = iso(state.clock.now());
    let mut told = json!({
        "kind": "storage#bucket", "id": name, "name": name, "location": bucket.location,
        "locationType": "region", "storageClass": "STANDARD", "metageneration": "1", "etag": "CAE=",
        "projectNumber": state.project_number(&bucket.project).to_string(),
        "selfLink": format!("{}/storage/v1/b/{name}", state.base),
        "timeCreated": created, "updated": created,
        "iamConfiguration": { "uniformBucketLevelAccess": { "enabled": bucket.is_uniform } },
    });
    if bucket.labels.is_object() {
        told["labels"] = bucket.labels.clone();
    }
    told
}
