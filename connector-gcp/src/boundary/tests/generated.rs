//! What is sent, byte for byte, and how long it can be.

use super::*;

#[test]
fn s34_the_boundary_of_a_whole_bucket_to_the_letter() {
    for (access, roles) in [
        (Access::Read, r#""inRole:roles/storage.objectViewer","inRole:roles/storage.legacyBucketReader""#),
        (Access::Write, r#""inRole:roles/storage.objectUser","inRole:roles/storage.legacyBucketReader""#),
        (Access::Admin, r#""inRole:roles/storage.admin""#),
    ] {
        let expected = format!(
            r#"{{"accessBoundary":{{"accessBoundaryRules":[{{"availablePermissions":[{roles}],"availableResource":"//storage.googleapis.com/projects/_/buckets/zen"}}]}}}}"#
        );
        assert_eq!(boundary(None, access).to_json(), expected, "{access:?}");
    }
}

#[test]
fn s34_the_boundary_of_a_part_to_the_letter() {
    for (access, role) in [
        (Access::Read, "roles/storage.objectViewer"),
        (Access::Write, "roles/storage.objectUser"),
        (Access::Admin, "roles/storage.objectAdmin"),
    ] {
        for (part, object, below, listed) in [
            ("a/", "", "projects/_/buckets/zen/objects/a/", "a/"),
            (
                "a",
                "resource.name == 'projects/_/buckets/zen/objects/a' || ",
                "projects/_/buckets/zen/objects/a/",
                "a/",
            ),
            // One backslash more for the language, and JSON's before each of these.
            (r"it's\/", "", r"projects/_/buckets/zen/objects/it\\'s\\\\/", r"it\\'s\\\\/"),
            (r#"a"b/"#, "", r#"projects/_/buckets/zen/objects/a\"b/"#, r#"a\"b/"#),
        ] {
            let expression = format!(
                "{object}resource.name.startsWith('{below}') || \
                 api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('{listed}')"
            );
            let expected = format!(
                r#"{{"accessBoundary":{{"accessBoundaryRules":[{{"availabilityCondition":{{"expression":"{expression}"}},"availablePermissions":["inRole:{role}"],"availableResource":"//storage.googleapis.com/projects/_/buckets/zen"}}]}}}}"#
            );
            assert_eq!(boundary(Some(part), access).to_json(), expected, "{access:?} {part}");
        }
    }
}

/// Google takes ten rules, and conditions of twelve operators; a part of any length needs one and two. What the
/// longest part comes to is known, so that a change of the shape is seen.
#[test]
fn s34_the_longest_part_keeps_to_googles_limits() {
    let long_bucket = [&*"b".repeat(63), &"b".repeat(63), &"b".repeat(63), &"b".repeat(30)].join(".");
    let mut longest = 0;
    for letter in ["a", "'", "\\", "\"", "é", "😀", "%", "a/"] {
        for end in ["", "/"] {
            let part = format!("{}{end}", letter.repeat(1022 / letter.len()));
            let part = KeyPrefix::parse(&part).expect("a part");
            for access in Access::ALL {
                let boundary = Boundary::new(bucket(&long_bucket), Some(part.clone()), access);
                let json = boundary.to_json();
                let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
                let rules = value["accessBoundary"]["accessBoundaryRules"].as_array().expect("rules");
                assert_eq!(rules.len(), 1);
                let expression =
                    rules[0]["availabilityCondition"]["expression"].as_str().expect("a condition");
                let operators = expression.matches(" || ").count();
                assert!(operators <= 2, "{operators}: {expression}");
                longest = longest.max(json.len());
            }
        }
    }
    // Three times the part, each backslash four times: once for the language, once for JSON.
    assert!((12_000..14_000).contains(&longest), "{longest}");
}

/// What people are shown is what is sent.
#[test]
fn the_rights_that_are_told_are_those_of_the_boundary() {
    let part = boundary(Some("a"), Access::Write);
    let right = part.rights();
    let shown = format!("{right:?}");
    for needed in ["storage.objects.create", "//storage.googleapis.com/projects/_/buckets/zen", "objects/a/"]
    {
        assert!(shown.contains(needed), "{needed}: {shown}");
    }
    assert!(!shown.contains("storage.buckets."), "{shown}");
    assert_eq!(part.bucket().as_str(), "zen");
    assert_eq!(part.roles(), ["roles/storage.objectUser"]);
}
