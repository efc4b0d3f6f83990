//! Cloud Storage's JSON API. It enforces all of what a token is: its scopes, the roles of its owner, and its boundary.

mod bucket;
mod object;
mod sums;
mod upload;

use std::collections::BTreeMap;

use super::cel::Subject;
use super::error::StorageError;
use super::identity::{CLOUD, CLOUD_READ, Token};
use super::state::State;
use crate::loopback::{Answer, Call, decoded};

pub(super) use sums::crc32c;

const SERVICE: &str = "storage.googleapis.com";
const READ: [&str; 5] = [
    CLOUD,
    CLOUD_READ,
    "https://www.googleapis.com/auth/devstorage.read_only",
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/devstorage.full_control",
];
const WRITE: [&str; 3] = [
    CLOUD,
    "https://www.googleapis.com/auth/devstorage.read_write",
    "https://www.googleapis.com/auth/devstorage.full_control",
];
const CONFIGURE: [&str; 2] = [CLOUD, "https://www.googleapis.com/auth/devstorage.full_control"];

/// All buckets, and uploads that are not at their end.
#[derive(Debug, Default)]
pub(super) struct Storage {
    pub(super) buckets: BTreeMap<String, Bucket>,
    uploads: BTreeMap<String, upload::Started>,
}

/// A bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) project: String,
    pub(super) location: String,
    /// Whether access is ruled by the bucket alone; without that no boundary lets anything through.
    pub(super) is_uniform: bool,
    pub(super) labels: serde_json::Value,
    pub(super) objects: BTreeMap<String, Object>,
}

/// An object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) content: Vec<u8>,
    pub(super) content_type: String,
    pub(super) generation: u64,
}

/// What a call is about.
#[derive(Debug, Clone, Copy, Default)]
struct Asked<'a> {
    bucket: &'a str,
    object: Option<&'a str>,
    list_prefix: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn bucket(bucket: &'a str) -> Self {
        Self { bucket, ..Self::default() }
    }

    fn object(bucket: &'a str, object: &'a str) -> Self {
        Self { bucket, object: Some(object), list_prefix: None }
    }

    fn listing(bucket: &'a str, prefix: &'a str) -> Self {
        Self { bucket, object: None, list_prefix: Some(prefix) }
    }
}

pub(super) fn is_for(call: &Call) -> bool {
    ["/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/"]
        .iter()
        .any(|start| call.path.starts_with(start))
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    operate(state, call).unwrap_or_else(|error| error.as_answer())
}

fn operate(state: &mut State, call: &Call) -> Result<Answer, StorageError> {
    let (area, rest) = call.path.split_once("/storage/v1/").unwrap_or_default();
    // Names are decoded one by one: an object's may hold a slash.
    let segments: Vec<String> = rest.split('/').map(decoded).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (area, call.method.as_str(), segments.as_slice()) {
        ("", "GET", ["b"]) => bucket::list(state, call),
        ("", "GET", ["b", name]) => bucket::get(state, call, name),
        ("", "PATCH", ["b", name]) => bucket::patch(state, call, name),
        ("", "GET", ["b", name, "iam", "testPermissions"]) => bucket::test(state, call, name),
        ("", "GET", ["b", name, "storageLayout"]) => bucket::layout(state, call, name),
        ("", "GET", ["b", name, "o"]) => object::list(state, call, name),
        ("" | "/download", "GET", ["b", name, "o", object]) => object::get(state, call, name, object),
        ("", "DELETE", ["b", name, "o", object]) => object::delete(state, call, name, object),
        ("/upload", "POST", ["b", name, "o"]) => upload::start(state, call, name),
        ("/upload", "PUT", ["b", _, "o"]) => upload::go_on(state, call),
        _ => Err(StorageError::new(404, "notFound", "Not Found")),
    }
}

/// Who calls, with a scope that is enough. `permission` and `what` are for the words to one who shows nothing.
fn caller(
    state: &State,
    call: &Call,
    scopes: &[&str],
    permission: &str,
    what: &str,
) -> Result<Token, StorageError> {
    if call.header("authorization").is_none() {
        return Err(StorageError::anonymous(permission, what));
    }
    state.authenticate(call, SERVICE, scopes).map_err(|error| error.as_storage())
}

/// Whether a token may do something: by its owner's roles, and by its boundary when it has one.
fn allows(state: &State, token: &Token, permission: &str, asked: Asked<'_>) -> bool {
    let bucket_name = format!("projects/_/buckets/{}", asked.bucket);
    if !state.may(&token.principal, permission, &bucket_name) {
        return false;
    }
    let Some(boundary) = &token.boundary else { return true };
    let is_uniform = state.storage.buckets.get(asked.bucket).is_some_and(|bucket| bucket.is_uniform);
    let (name, kind) = match asked.object {
        Some(object) => (format!("{bucket_name}/objects/{object}"), "storage.googleapis.com/Object"),
        None => (bucket_name, "storage.googleapis.com/Bucket"),
    };
    let subject = Subject { name: &name, kind, list_prefix: asked.list_prefix };
    is_uniform && boundary.allows(permission, asked.bucket, &subject)
}

/// The same as an error in Cloud Storage's words. A bucket that is not there is told to everybody: names of buckets
/// are no secret.
fn permit(state: &State, token: &Token, permission: &str, asked: Asked<'_>) -> Result<(), StorageError> {
    if !state.storage.buckets.contains_key(asked.bucket) {
        return Err(StorageError::no_bucket());
    }
    let what = if asked.object.is_some() { "object" } else { "bucket" };
    match allows(state, token, permission, asked) {
        true => Ok(()),
        false => Err(StorageError::denied(&token.principal, permission, what)),
    }
}

/// How long a page is wanted to be.
fn size(call: &Call) -> Option<usize> {
    call.parameter("maxResults").and_then(|text| text.parse().ok())
}
