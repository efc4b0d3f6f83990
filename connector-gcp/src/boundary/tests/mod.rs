//! What a boundary says, and that it lets through what was asked for and nothing else (S34, C24).

mod expressions;
mod generated;
mod matrix;
mod properties;

use connector_core::{Access, KeyPrefix};

use super::{Boundary, Request};
use crate::names::BucketName;

fn bucket(name: &str) -> BucketName {
    BucketName::parse(name).expect("a bucket")
}

fn boundary(part: Option<&str>, access: Access) -> Boundary {
    Boundary::new(bucket("zen"), part.map(|it| KeyPrefix::parse(it).expect("a part")), access)
}

/// A request for an object of the bucket `zen`.
fn object<'a>(permission: &'a str, name: &'a str) -> Request<'a> {
    Request { permission, bucket: "zen", object: Some(name), list_prefix: "" }
}

/// A list of the objects of the bucket `zen`.
fn list(prefix: &str) -> Request<'_> {
    Request { permission: "storage.objects.list", bucket: "zen", object: None, list_prefix: prefix }
}

fn allows(boundary: &Boundary, request: Request<'_>) -> bool {
    boundary.allows(request).unwrap_or_else(|error| panic!("{error}: {}", boundary.to_json()))
}
