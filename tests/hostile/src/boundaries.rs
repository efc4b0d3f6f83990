//! Access boundaries of Google Cloud: what their conditions let through, whatever stands in the names.

use connector_core::{Access, KeyPrefix};
use connector_gcp::boundary::{Boundary, Request};
use connector_gcp::names::BucketName;
use serde_json::Value;

use crate::{judge, parts, text};

/// A bucket, a part of it, an object and another bucket, each a part of the input.
pub fn boundaries(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut parts = parts(text);
    let mut next = || parts.next().unwrap_or_default();
    let (bucket, part, object, other) = (next(), next(), next(), next());
    let bucket = match BucketName::parse(bucket) {
        Ok(bucket) => bucket,
        Err(error) => return judge(&error),
    };
    let part = match KeyPrefix::parse(part) {
        Ok(part) => Some(part),
        Err(error) => {
            judge(&error);
            None
        }
    };
    for access in [Access::Read, Access::Write, Access::Admin] {
        check(&Boundary::new(bucket.clone(), None, access), None, access, object, other);
        if part.is_some() {
            check(&Boundary::new(bucket.clone(), part.clone(), access), part.as_ref(), access, object, other);
        }
    }
}

/// The names that are tried: as they are given, and next to the part.
fn neighbours(part: Option<&KeyPrefix>, object: &str) -> Vec<String> {
    let part = part.map(|it| it.as_str().to_owned()).unwrap_or_default();
    let mut all =
        vec![object.to_owned(), part.clone(), format!("{part}/{object}"), format!("{part}{object}")];
    all.push(part.chars().skip(1).collect());
    all.push(part.replace(['\\', '\''], ""));
    all.push(format!("{object}/{part}/x"));
    all
}

/// What it lets through is what the part says, in words that are not those of the condition.
fn check(boundary: &Boundary, part: Option<&KeyPrefix>, access: Access, object: &str, other: &str) {
    let rule = rule(boundary);
    let bucket = boundary.bucket().as_str();
    assert_eq!(rule["availableResource"], format!("//storage.googleapis.com/projects/_/buckets/{bucket}"));
    assert_eq!(rule.get("availabilityCondition").is_some(), part.is_some());
    let allows = |permission: &str, bucket: &str, object: Option<&str>, list_prefix: &str| {
        let request = Request { permission, bucket, object, list_prefix };
        boundary.allows(request).expect("a boundary of ours is understood")
    };
    for name in neighbours(part, object) {
        let below = part.is_none_or(|it| name.starts_with(&it.folder()));
        let within = below || part.is_some_and(|it| it.object() == Some(&name));
        let name = name.as_str();
        assert_eq!(allows("storage.objects.get", bucket, Some(name), ""), within, "{name:?} in {part:?}");
        let writes = within && access != Access::Read;
        assert_eq!(allows("storage.objects.create", bucket, Some(name), ""), writes, "{name:?} in {part:?}");
        assert_eq!(
            allows("storage.objects.list", bucket, None, name),
            below,
            "lists of {name:?} in {part:?}"
        );
        for permission in ["storage.objects.get", "storage.objects.list", "storage.objects.create"] {
            let foreign = other != bucket
                && (allows(permission, other, Some(name), "") || allows(permission, other, None, name));
            assert!(!foreign, "{permission} of {name:?} in {other:?}");
        }
        assert!(!allows("storage.buckets.list", bucket, None, name), "it tells of all buckets");
    }
}

fn rule(boundary: &Boundary) -> Value {
    let sent: Value = serde_json::from_str(&boundary.to_json()).expect("it is sent as JSON");
    let rules = sent["accessBoundary"]["accessBoundaryRules"].as_array().cloned().expect("rules");
    assert_eq!(rules.len(), 1);
    rules.into_iter().next().expect("there is one")
}
