use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::error::StorageError;
use super::super::state::State;
use super::sums::{crc32c, md5};
use super::{Asked, Object, READ, WRITE, caller, permit, size};
use crate::clock::iso;
use crate::loopback::{Answer, Call};

pub(super) fn list(state: &State, call: &Call, bucket: &str) -> Result<Answer, StorageError> {
    let permission = "storage.objects.list";
    let token = caller(state, call, &READ, permission, "bucket")?;
    let (prefix, delimiter) =
        (call.parameter("prefix").unwrap_or_default(), call.parameter("delimiter").unwrap_or_default());
    permit(state, &token, permission, Asked::listing(bucket, &prefix))?;
    let objects = state.storage.buckets.get(bucket).map(|bucket| &bucket.objects);
    let objects = objects.ok_or_else(StorageError::no_bucket)?;
    // A name, or the folder that stands for all names below it.
    let folder = |name: &str| {
        let rest = &name[prefix.len()..];
        let end = if delimiter.is_empty() { None } else { rest.find(&delimiter) };
        end.map(|end| format!("{prefix}{}{delimiter}", &rest[..end]))
    };
    let mut entries: Vec<(String, Result<Value, String>)> = Vec::new();
    for (name, object) in objects.iter().filter(|(name, _)| name.starts_with(&prefix)) {
        match folder(name) {
            None => entries.push((name.clone(), Ok(shown(state, bucket, name, object)))),
            Some(folder) if entries.last().is_some_and(|(last, _)| *last == folder) => {}
            Some(folder) => entries.push((folder.clone(), Err(folder))),
        }
    }
    let (page, next) = state.page(entries, size(call), call.parameter("pageToken").as_deref());
    let (mut items, mut prefixes) = (Vec::new(), Vec::new());
    for entry in page {
        match entry {
            Ok(item) => items.push(item),
            Err(folder) => prefixes.push(folder),
        }
    }
    let mut body = json!({ "kind": "storage#objects" });
    if !items.is_empty() {
        body["items"] = items.into();
    }
    if !prefixes.is_empty() {
        body["prefixes"] = prefixes.into();
    }
    if let Some(next) = next {
        body["nextPageToken"] = next.into();
    }
    Ok(Answer::json(200, &body))
}

/// Metadata, or with `alt=media` the content.
pub(super) fn get(state: &State, call: &Call, bucket: &str, name: &str) -> Result<Answer, StorageError> {
    let permission = "storage.objects.get";
    let token = caller(state, call, &READ, permission, "object")?;
    permit(state, &token, permission, Asked::object(bucket, name))?;
    let objects = &state.storage.buckets.get(bucket).ok_or_else(StorageError::no_bucket)?.objects;
    let Some(object) = objects.get(name) else {
        // Who may not list is not told that it is missing.
        let may_list =
            state.may(&token.principal, "storage.objects.list", &format!("projects/_/buckets/{bucket}"));
        return Err(match may_list {
            true => StorageError::no_object(bucket, name),
            false => StorageError::denied(&token.principal, "storage.objects.list", "bucket"),
        });
    };
    as_wanted(call, object.generation)?;
    if call.parameter("generation").is_some_and(|asked| asked.parse() != Ok(object.generation)) {
        return Err(StorageError::no_object(bucket, name));
    }
    Ok(match call.parameter("alt").as_deref() {
        Some("media") => media(call, object)?,
        _ => Answer::json(200, &shown(state, bucket, name, object)),
    })
}

/// Refuses a call that is for another generation; 0 is an object that is not there.
pub(super) fn as_wanted(call: &Call, generation: u64) -> Result<(), StorageError> {
    let wanted = call.query_pairs().into_iter().find(|(name, _)| name == "ifGenerationMatch");
    match wanted.is_none_or(|(_, wanted)| wanted.parse() == Ok(generation)) {
        true => Ok(()),
        false => {
            let message = "At least one of the pre-conditions you specified did not hold.";
            Err(StorageError::new(412, "conditionNotMet", message))
        }
    }
}

fn media(call: &Call, object: &Object) -> Result<Answer, StorageError> {
    let length = object.content.len();
    let answer = Answer::new(200, &object.content_type, object.content.clone())
        .with_header("x-goog-hash", format!("crc32c={}", sum(&object.content)))
        .with_header("x-goog-generation", object.generation.to_string())
        .with_header("x-goog-metageneration", "1")
        .with_header("x-goog-stored-content-length", length.to_string())
        .with_header("x-goog-stored-content-encoding", "identity")
        .with_header("x-goog-storage-class", "STANDARD")
        .with_header("etag", format!("\"{}\"", object.generation));
    let Some(range) = call.header("range").and_then(|range| range.strip_prefix("bytes=")) else {
        return Ok(answer);
    };
    let (start, end) = range.split_once('-').unwrap_or((range, ""));
    let start = start.parse().unwrap_or(0);
    let end = end.parse::<usize>().map_or(length, |last| length.min(last.saturating_add(1)));
    if start >= end {
        let message = "The requested range cannot be satisfied.";
        return Err(StorageError::new(416, "requestedRangeNotSatisfiable", message));
    }
    let part = Answer { status: 206, ..answer }.with_body(object.content[start..end].to_vec());
    Ok(part.with_header("content-range", format!("bytes {start}-{}/{length}", end - 1)))
}

pub(super) fn delete(
    state: &mut State,
    call: &Call,
    bucket: &str,
    name: &str,
) -> Result<Answer, StorageError> {
    let permission = "storage.objects.delete";
    let token = caller(state, call, &WRITE, permission, "object")?;
    permit(state, &token, permission, Asked::object(bucket, name))?;
    let objects = &mut state.storage.buckets.get_mut(bucket).ok_or_else(StorageError::no_bucket)?.objects;
    if let Some(object) = objects.get(name) {
        as_wanted(call, object.generation)?;
    }
    objects.remove(name).ok_or_else(|| StorageError::no_object(bucket, name))?;
    Ok(Answer::empty(204))
}

/// An object as metadata.
pub(super) fn shown(state: &State, bucket: &str, name: &str, object: &Object) -> Value {
    let written = iso(state.clock.now());
    let encoded = name.replace('%', "%25").replace('/', "%2F").replace(' ', "%20");
    let (base, generation) = (&state.base, object.generation);
    json!({
        "kind": "storage#object", "id": format!("{bucket}/{name}/{generation}"), "name": name,
        "bucket": bucket, "generation": generation.to_string(), "metageneration": "1",
        "contentType": object.content_type, "size": object.content.len().to_string(),
        "crc32c": sum(&object.content), "md5Hash": STANDARD.encode(md5(&object.content)), "etag": "CAE=", "storageClass": "STANDARD",
        "selfLink": format!("{base}/storage/v1/b/{bucket}/o/{encoded}"),
        "mediaLink": format!(
            "{base}/download/storage/v1/b/{bucket}/o/{encoded}?generation={generation}&alt=media"
        ),
        "timeCreated": written, "updated": written,
    })
}

fn sum(content: &[u8]) -> String {
    STANDARD.encode(crc32c(content).to_be_bytes())
}
