//! The names of resources, each checked by its service's own rules.

use connector_core::checked;

checked! {
    /// The name of a container in Blob Storage; `$root`, `$web` and `$logs` are Azure's own.
    ContainerName {
        pattern: "^([a-z0-9]([a-z0-9-]*[a-z0-9])?|\\$root|\\$web|\\$logs)$",
        length: 3..=63,
        check: |text| broken_in_container(text).is_none(),
        expected: "a container name: 3 to 63 lower-case letters, digits and single hyphens",
        example: "my-container",
        rules: broken_in_container,
    }

    /// The name of a cluster in AKS.
    ClusterName {
        pattern: "^[0-9A-Za-z]([0-9A-Za-z_-]*[0-9A-Za-z])?$",
        length: 1..=63,
        check: |text| {
            text.starts_with(|it: char| it.is_ascii_alphanumeric())
                && text.ends_with(|it: char| it.is_ascii_alphanumeric())
                && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-'))
        },
        expected: "a cluster name: up to 63 letters, digits, hyphens and underscores",
        example: "my-cluster",
    }

    /// The name of a registry; one with a hyphen ends with a label that Azure chose.
    RegistryName {
        pattern: "^[0-9A-Za-z]+(-[0-9A-Za-z]+)*$",
        length: 5..=63,
        check: is_labels,
        expected: "a registry name: 5 to 63 letters, digits and hyphens",
        example: "myregistry",
    }

    /// The name of an account in Cosmos DB.
    CosmosAccount {
        pattern: "^[a-z0-9]+(-[a-z0-9]+)*$",
        length: 3..=44,
        check: |text| is_labels(text) && !text.bytes().any(|it| it.is_ascii_uppercase()),
        expected: "the name of a Cosmos DB account: 3 to 44 lower-case letters, digits and hyphens",
        example: "my-cosmos",
    }

    /// The name of a key vault.
    VaultName {
        pattern: "^[A-Za-z][0-9A-Za-z]*(-[0-9A-Za-z]+)*$",
        length: 3..=24,
        check: |text| text.starts_with(|it: char| it.is_ascii_alphabetic()) && is_labels(text),
        expected: "the name of a key vault: 3 to 24 letters, digits and single hyphens, a letter first",
        example: "my-vault",
    }

    /// The name of a secret in a key vault.
    SecretName {
        pattern: "^[0-9A-Za-z-]+$",
        length: 1..=127,
        check: |text| text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-'),
        expected: "a secret name: up to 127 letters, digits and hyphens",
        example: "db-password",
    }
}

/// Letters and digits, with single hyphens between.
fn is_labels(text: &str) -> bool {
    text.split('-').all(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric()))
}

/// The rule that a text breaks, which is no name of a container.
fn broken_in_container(text: &str) -> Option<&'static str> {
    if matches!(text, "$root" | "$web" | "$logs") {
        return None;
    }
    if text.len() < 3 || text.len() > 63 {
        Some("a container name has 3 to 63 characters")
    } else if text.bytes().any(|it| it.is_ascii_uppercase()) {
        Some("a container name has no upper-case letters")
    } else if !text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-') {
        Some("a container name is made of lower-case letters, digits and hyphens alone")
    } else if text.starts_with('-') || text.ends_with('-') {
        Some("a container name begins and ends with a letter or a digit")
    } else if text.contains("--") {
        Some("a container name has no two hyphens beside each other")
    } else {
        None
    }
}
