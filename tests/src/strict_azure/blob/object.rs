//! Blobs: to be listed, read and deleted.

use super::super::range::part_of;
use super::super::state::State;
use super::access::Op;
use super::container::Page;
use super::error::StorageError;
use super::{Asked, Blob, dated, found, found_mut, permit, xml};
use crate::clock::http_date;
use crate::loopback::{Answer, Call};

pub(super) fn list(
    state: &State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
) -> Result<Answer, StorageError> {
    let page = Page::of(call)?;
    permit(state, call, asked, Op::ListBlobs(&page.prefix))?;
    let blobs = &found(state, asked, container)?.blobs;
    // A name, or the folder that stands for all names below it.
    let folder = |name: &str| {
        let rest = &name[page.prefix.len()..];
        let end = if page.delimiter.is_empty() { None } else { rest.find(&page.delimiter) };
        end.map(|end| format!("{}{}{}", page.prefix, &rest[..end], page.delimiter))
    };
    let mut entries: Vec<(String, String)> = Vec::new();
    let mine = blobs.iter().filter(|(name, blob)| name.starts_with(&page.prefix) && !blob.is_uncommitted);
    for (name, blob) in mine {
        match folder(name) {
            None => entries.push((name.clone(), shown(name, blob))),
            Some(folder) if entries.last().is_some_and(|(last, _)| *last == folder) => {}
            Some(folder) => {
                let told = format!("<BlobPrefix>{}</BlobPrefix>", xml::element("Name", &folder));
                entries.push((folder, told));
            }
        }
    }
    let (entries, next) = state.page(entries, page.size, page.marker.as_deref());
    let attributes = format!(
        "ServiceEndpoint=\"{}/blob/{}/\" ContainerName=\"{}\"",
        state.base,
        asked.account,
        xml::text(container)
    );
    Ok(page.told(&attributes, &format!("<Blobs>{}</Blobs>", entries.concat()), next.as_deref()))
}

fn shown(name: &str, blob: &Blob) -> String {
    let properties = [
        xml::element("Creation-Time", &http_date(blob.modified)),
        xml::element("Last-Modified", &http_date(blob.modified)),
        xml::element("Etag", blob.etag.trim_matches('"')),
        xml::element("Content-Length", &blob.content.len().to_string()),
        xml::element("Content-Type", &blob.content_type),
        "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>\
         <LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>"
            .to_owned(),
    ];
    let metadata: String = blob.metadata.iter().map(|(name, value)| xml::element(name, value)).collect();
    format!(
        "<Blob>{}<Properties>{}</Properties><Metadata>{metadata}</Metadata><OrMetadata/></Blob>",
        xml::element("Name", name),
        properties.concat()
    )
}

/// Content with what is known of it; a client that asks by `HEAD` is told the latter only.
pub(super) fn get(
    state: &State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
) -> Result<Answer, StorageError> {
    permit(state, call, asked, Op::ReadBlob(name))?;
    let blobs = &found(state, asked, container)?.blobs;
    let blob = blobs.get(name).filter(|blob| !blob.is_uncommitted).ok_or_else(StorageError::no_blob)?;
    as_wanted(call, Some(blob))?;
    let mut answer = Answer::new(200, &blob.content_type, blob.content.clone())
        .with_header("accept-ranges", "bytes")
        .with_header("x-ms-blob-type", "BlockBlob")
        .with_header("x-ms-lease-status", "unlocked")
        .with_header("x-ms-lease-state", "available")
        .with_header("x-ms-server-encrypted", "true")
        .with_header("x-ms-creation-time", http_date(blob.modified));
    for (name, value) in &blob.metadata {
        answer = answer.with_header(&format!("x-ms-meta-{name}"), value.clone());
    }
    let answer = dated(answer, blob.modified, &blob.etag);
    let range = call.header("x-ms-range").or_else(|| call.header("range"));
    let Some(range) = range else { return Ok(answer) };
    part_of(answer, range).ok_or_else(|| {
        let words = "The range specified is invalid for the current size of the resource.";
        StorageError::new(416, "InvalidRange", words)
    })
}

/// Refuses a call that is for another state of a blob.
pub(super) fn as_wanted(call: &Call, blob: Option<&Blob>) -> Result<(), StorageError> {
    let known = blob.map(|blob| blob.etag.as_str());
    let names = |wanted: &str| match wanted.trim() {
        "*" => known.is_some(),
        wanted => known.is_some_and(|etag| etag.trim_matches('"') == wanted.trim_matches('"')),
    };
    if call.header("if-match").is_some_and(|wanted| !names(wanted)) {
        let words = "The condition specified using HTTP conditional header(s) is not met.";
        return Err(StorageError::new(412, "ConditionNotMet", words));
    }
    match call.header("if-none-match") {
        Some(wanted) if names(wanted) && call.method == "PUT" => {
            Err(StorageError::new(409, "BlobAlreadyExists", "The specified blob already exists."))
        }
        Some(wanted) if names(wanted) => {
            let words = "The condition specified using HTTP conditional header(s) is not met.";
            Err(StorageError::new(304, "ConditionNotMet", words))
        }
        _ => Ok(()),
    }
}

pub(super) fn delete(
    state: &mut State,
    call: &Call,
    asked: &Asked<'_>,
    container: &str,
    name: &str,
) -> Result<Answer, StorageError> {
    permit(state, call, asked, Op::DeleteBlob(name))?;
    let blobs = &mut found_mut(state, asked, container)?.blobs;
    let blob = blobs.get(name).filter(|blob| !blob.is_uncommitted).ok_or_else(StorageError::no_blob)?;
    as_wanted(call, Some(blob))?;
    blobs.remove(name);
    Ok(Answer::empty(202).with_header("x-ms-delete-type-permanent", "true"))
}
