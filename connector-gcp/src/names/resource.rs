//! The names of resources, each checked by its service's own rules.

use connector_core::checked;

checked! {
    /// The name of a bucket in Cloud Storage. A name with dots is a domain, of up to 222 characters.
    BucketName {
        pattern: "^[a-z0-9][a-z0-9._-]*[a-z0-9]$",
        length: 3..=222,
        check: |text| broken_in_bucket(text).is_none(),
        expected: "a bucket name: 3 to 63 lower-case letters, digits, dots, hyphens and underscores",
        example: "my-bucket",
        rules: broken_in_bucket,
    }

    /// The name of a cluster in GKE.
    ClusterName {
        pattern: "^[a-z]([a-z0-9-]*[a-z0-9])?$",
        length: 1..=40,
        check: is_label,
        expected: "a cluster name: up to 40 lower-case letters, digits and hyphens",
        example: "my-cluster",
        rules: |text| Some(match text.len() {
            1..=40 => "a cluster name is made of lower-case letters, digits and hyphens, begins with a letter, and \
                ends with none of the hyphens",
            _ => "a cluster name has 1 to 40 characters",
        }),
    }

    /// A region, a zone, or a part of the world.
    Location {
        pattern: "^[a-z]([a-z0-9-]*[a-z0-9])?$",
        length: 2..=40,
        check: is_label,
        expected: "a region, a zone or a part of the world",
        example: "europe-west1",
    }

    /// The name of a repository in Artifact Registry.
    RepositoryName {
        pattern: "^[a-z]([a-z0-9-]*[a-z0-9])?$",
        length: 1..=63,
        check: is_label,
        expected: "a repository name: up to 63 lower-case letters, digits and hyphens",
        example: "images",
    }

    /// The name of a secret in Secret Manager.
    SecretName {
        pattern: "^[0-9A-Za-z_-]+$",
        length: 1..=255,
        check: |text| text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-')),
        expected: "a secret name: up to 255 letters, digits, hyphens and underscores",
        example: "db-password",
    }
}

fn is_label(text: &str) -> bool {
    text.starts_with(|it: char| it.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
}

/// The rule that a text breaks, which is no name of a bucket.
fn broken_in_bucket(text: &str) -> Option<&'static str> {
    let is_alnum = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_inner = |it: u8| is_alnum(it) || matches!(it, b'.' | b'-' | b'_');
    let ends_are_good = || [text.bytes().next(), text.bytes().last()].into_iter().flatten().all(is_alnum);
    if text.len() < 3 {
        Some("a bucket name has 3 characters at least")
    } else if text.len() > 222 || (!text.contains('.') && text.len() > 63) {
        Some("a bucket name has 63 characters at most, or 222 with dots")
    } else if text.bytes().any(|it| it.is_ascii_uppercase()) {
        Some("a bucket name has no upper-case letters")
    } else if !text.bytes().all(is_inner) {
        Some("a bucket name is made of lower-case letters, digits, dots, hyphens and underscores alone")
    } else if !ends_are_good() {
        Some("a bucket name begins and ends with a letter or a digit")
    } else if text.split('.').any(|part| part.is_empty() || part.len() > 63) {
        Some("a bucket name has 1 to 63 characters between its dots")
    } else if text.split('.').count() == 4
        && text.split('.').all(|it| it.bytes().all(|it| it.is_ascii_digit()))
    {
        Some("a bucket name is not an IP address")
    } else if text.starts_with("goog") {
        Some("Cloud Storage keeps bucket names that begin with `goog` for itself")
    } else {
        None
    }
}
