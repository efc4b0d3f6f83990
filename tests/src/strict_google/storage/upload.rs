//! Uploads: in one piece, with the metadata before it, or bit by bit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::super::error::StorageError;
use super::super::identity::Token;
use super::super::state::State;
use super::object::{as_wanted, shown};
use super::sums::{crc32c, md5};
use super::{Asked, Object, WRITE, caller, permit};
use crate::loopback::{Answer, Call};
use crate::random;

/// An upload of which the end has not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    bucket: String,
    name: String,
    content_type: String,
    content: Vec<u8>,
}

const CREATE: &str = "storage.objects.create";

pub(super) fn start(state: &mut State, call: &Call, bucket: &str) -> Result<Answer, StorageError> {
    let token = caller(state, call, &WRITE, CREATE, "object")?;
    let kind = call.parameter("uploadType").unwrap_or_default();
    let name = call.query_pairs().into_iter().find(|(name, _)| name == "name").map(|(_, value)| value);
    let header = |name: &str| call.header(name).map(str::to_owned);
    let (metadata, content_type, content) = match kind.as_str() {
        "media" => (Value::Null, header("content-type"), call.body.clone()),
        "multipart" => {
            let bad = || StorageError::invalid("Missing end boundary in multipart body.");
            let (metadata, content_type, content) = parts(call).ok_or_else(bad)?;
            (metadata, content_type, content)
        }
        "resumable" => (call.json(), header("x-upload-content-type"), Vec::new()),
        _ => return Err(StorageError::invalid("Invalid value for uploadType")),
    };
    let name = metadata["name"].as_str().map(str::to_owned).or(name).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| StorageError::new(400, "required", "Required"))?;
    may_write(state, &token, bucket, &name)?;
    let before = state.storage.buckets.get(bucket).and_then(|bucket| bucket.objects.get(&name));
    as_wanted(call, before.map_or(0, |object| object.generation))?;
    if kind != "resumable" {
        as_summed(&metadata, &content)?;
    }
    let content_type = metadata["contentType"].as_str().map(str::to_owned).or(content_type);
    let content_type = content_type.unwrap_or_else(|| "application/octet-stream".to_owned());
    let started = Started { bucket: bucket.to_owned(), name, content_type, content };
    if kind != "resumable" {
        return written(state, started);
    }
    let id = random::token(64);
    let base = &state.base;
    let session = format!("{base}/upload/storage/v1/b/{bucket}/o?uploadType=resumable&upload_id={id}");
    state.storage.uploads.insert(id.clone(), started);
    Ok(Answer::empty(200).with_header("location", session).with_header("x-guploader-uploadid", id))
}

/// Refuses content that is not what its sender has summed.
fn as_summed(metadata: &Value, content: &[u8]) -> Result<(), StorageError> {
    let sums = [
        ("crc32c", STANDARD.encode(crc32c(content).to_be_bytes())),
        ("md5Hash", STANDARD.encode(md5(content))),
    ];
    match sums.iter().find(|(name, sum)| metadata[name].as_str().is_some_and(|told| told != sum)) {
        None => Ok(()),
        Some((name, _)) => {
            Err(StorageError::invalid(format!("Provided {name} doesn't match the calculated one.")))
        }
    }
}

/// Overwriting is deleting too.
fn may_write(state: &State, token: &Token, bucket: &str, name: &str) -> Result<(), StorageError> {
    permit(state, token, CREATE, Asked::object(bucket, name))?;
    let objects = state.storage.buckets.get(bucket).map(|bucket| &bucket.objects);
    match objects.is_some_and(|objects| objects.contains_key(name)) {
        true => permit(state, token, "storage.objects.delete", Asked::object(bucket, name)),
        false => Ok(()),
    }
}

/// The next bytes of an upload. Its URL is all that is needed to go on with it.
pub(super) fn go_on(state: &mut State, call: &Call) -> Result<Answer, StorageError> {
    let id = call.query_pairs().into_iter().find(|(name, _)| name == "upload_id").map(|(_, id)| id);
    let id = id.unwrap_or_default();
    let gone = || StorageError::new(410, "uploadGone", "The upload session is not there any more.");
    let started = state.storage.uploads.get_mut(&id).ok_or_else(gone)?;
    // `bytes 0-9/10`, `bytes 0-9/*` for bytes that are not the last, `bytes */10` to ask how far it is.
    let range = call.header("content-range").and_then(|range| range.strip_prefix("bytes "));
    let (bytes, total) = range.and_then(|range| range.split_once('/')).unwrap_or(("", ""));
    let first = bytes.split_once('-').map_or(0, |(first, _)| first.parse().unwrap_or(0));
    if bytes != "*" {
        if first != started.content.len() {
            return Err(StorageError::new(503, "backendError", "The bytes do not follow those before."));
        }
        started.content.extend_from_slice(&call.body);
    }
    // `bytes 0-*/*` is all there is, when nobody knew how much that would be.
    let is_whole = range.is_none() || bytes.ends_with("-*") || total.parse() == Ok(started.content.len());
    if !is_whole {
        let answer = Answer::empty(308);
        return Ok(match started.content.len() {
            0 => answer,
            length => answer.with_header("range", format!("bytes=0-{}", length - 1)),
        });
    }
    let started = state.storage.uploads.remove(&id).ok_or_else(gone)?;
    written(state, started)
}

fn written(state: &mut State, started: Started) -> Result<Answer, StorageError> {
    let Started { bucket, name, content_type, content } = started;
    let objects = &mut state.storage.buckets.get_mut(&bucket).ok_or_else(StorageError::no_bucket)?.objects;
    let generation = objects.get(&name).map_or(1, |before| before.generation + 1);
    let object = Object { content, content_type, generation };
    objects.insert(name.clone(), object.clone());
    Ok(Answer::json(200, &shown(state, &bucket, &name, &object)))
}

/// Metadata, content type and content of a body in two parts.
fn parts(call: &Call) -> Option<(Value, Option<String>, Vec<u8>)> {
    let boundary = call.header("content-type")?.split("boundary=").nth(1)?.trim();
    let boundary = boundary.split(';').next()?.trim_matches(['"', '\'']);
    let delimiter = format!("--{boundary}");
    let body = &call.body;
    let first = find(body, delimiter.as_bytes(), 0)? + delimiter.len();
    let second = find(body, delimiter.as_bytes(), first)?;
    // More parts may follow, with checksums that were not known before the content was read.
    let end = find(body, delimiter.as_bytes(), second + delimiter.len())?;
    find(body, format!("{delimiter}--").as_bytes(), end)?;
    let (_, metadata) = part(&body[first..second])?;
    let (head, content) = part(&body[second + delimiter.len()..end])?;
    let content_type = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
    });
    Some((serde_json::from_slice(metadata).ok()?, content_type, content.to_vec()))
}

/// Head and content of one part, without the line ends around them. Clients end lines with LF or CRLF.
fn part(bytes: &[u8]) -> Option<(String, &[u8])> {
    let crlf = find(bytes, b"\r\n\r\n", 0).map(|place| (place, 4));
    let (place, length) = crlf.or_else(|| find(bytes, b"\n\n", 0).map(|place| (place, 2)))?;
    let content = &bytes[place + length..];
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let content = content.strip_suffix(b"\r").unwrap_or(content);
    Some((String::from_utf8_lossy(&bytes[..place]).into_owned(), content))
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|place| place + from)
}
