//! Blobs that are written: at once, or block by block.

use super::super::state::State;
use super::access::Op;
use super::error::StorageError;
use super::object::as_wanted;
use super::{Asked, Blob, dated, found, found_mut, permit, xml};
use crate::loopback::{Answer, Call};

pub(super) fn put(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
    comp: Option<&str>,
) -> Result<Answer, StorageError> {
    let known = found(state, asked, container).ok().and_then(|it| it.blobs.get(name)).cloned();
    let is_new = known.as_ref().is_none_or(|blob| blob.is_uncommitted);
    permit(state, call, asked, Op::WriteBlob { name, is_new })?;
    found(state, asked, container)?;
    as_wanted(call, known.as_ref().filter(|_| !is_new))?;
    match comp {
        None => whole(state, call, asked, container, name),
        Some("block") => block(state, call, asked, container, name),
        Some("blocklist") => commit(state, call, asked, container, name),
        Some("metadata") if !is_new => {
            let etag = state.storage.etag();
            let now = state.clock.now();
            let blob = found_mut(state, asked, container)?.blobs.get_mut(name);
            let blob = blob.ok_or_else(StorageError::no_blob)?;
            (blob.metadata, blob.etag, blob.modified) = (metadata(call), etag, now);
            Ok(dated(Answer::empty(200), blob.modified, &blob.etag))
        }
        Some("metadata") => Err(StorageError::no_blob()),
        Some(_) => Err(StorageError::query("comp")),
    }
}

fn whole(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
) -> Result<Answer, StorageError> {
    if call.header("x-ms-blob-type") != Some("BlockBlob") {
        return Err(StorageError::header("x-ms-blob-type"));
    }
    let content = call.body.clone();
    finish(state, call, asked, container, name, content)
}

/// Puts a blob in the place of whatever was there.
fn finish(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
    content: Vec<u8>,
) -> Result<Answer, StorageError> {
    let header = |name: &str| call.header(name).filter(|value| !value.is_empty());
    let own = header("x-ms-blob-content-type");
    // A list of blocks is XML itself, and says nothing of what they are.
    let plain = if call.parameter("comp").is_none() { header("content-type") } else { None };
    let content_type = own.or(plain).unwrap_or("application/octet-stream");
    let now = state.clock.now();
    let mut blob = Blob::new(&mut state.storage, now, &content, content_type);
    blob.metadata = metadata(call);
    let answer = dated(Answer::empty(201), blob.modified, &blob.etag)
        .with_header("x-ms-request-server-encrypted", "true");
    found_mut(state, asked, container)?.blobs.insert(name.to_owned(), blob);
    Ok(answer)
}

fn metadata(call: &Call) -> Vec<(String, String)> {
    let own = |(name, value): &(String, String)| {
        name.strip_prefix("x-ms-meta-").map(|name| (name.to_owned(), value.clone()))
    };
    call.headers.iter().filter_map(own).collect()
}

fn block(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
) -> Result<Answer, StorageError> {
    let id = call.parameter("blockid").filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| StorageError::query("blockid"))?;
    let blobs = &mut found_mut(state, asked, container)?.blobs;
    let unfinished = || Blob { is_uncommitted: true, ..Blob::default() };
    let blob = blobs.entry(name.to_owned()).or_insert_with(unfinished);
    blob.blocks.insert(id, call.body.clone());
    Ok(Answer::empty(201).with_header("x-ms-request-server-encrypted", "true"))
}

fn commit(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
) -> Result<Answer, StorageError> {
    let body = String::from_utf8_lossy(&call.body).into_owned();
    let list = xml::content(&body, "BlockList").unwrap_or_default();
    let blob = found(state, asked, container)?.blobs.get(name);
    let mut content = Vec::new();
    for (_, id) in xml::children(list) {
        let block = blob.and_then(|blob| blob.blocks.get(id)).ok_or_else(|| {
            StorageError::new(400, "InvalidBlockList", "The specified block list is invalid.")
        })?;
        content.extend_from_slice(block);
    }
    finish(state, call, asked, container, name, content)
}
