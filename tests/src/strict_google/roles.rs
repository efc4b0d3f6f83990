//! What the predefined roles allow, as far as the served APIs ask for it.

/// Every role that is known, with its permissions. `a.b.*` is every permission that begins with `a.b.`.
const ROLES: [(&str, &[&str]); 27] = [
    ("roles/storage.objectViewer", &["storage.objects.get", "storage.objects.list"]),
    ("roles/storage.objectCreator", &["storage.objects.create"]),
    (
        "roles/storage.objectUser",
        &[
            "storage.objects.get",
            "storage.objects.list",
            "storage.objects.create",
            "storage.objects.delete",
            "storage.objects.update",
        ],
    ),
    ("roles/storage.objectAdmin", &["storage.objects.*"]),
    ("roles/storage.admin", &["storage.objects.*", "storage.buckets.*"]),
    ("roles/storage.legacyBucketReader", &["storage.buckets.get", "storage.objects.list"]),
    (
        "roles/storage.legacyBucketWriter",
        &["storage.buckets.get", "storage.objects.list", "storage.objects.create", "storage.objects.delete"],
    ),
    ("roles/storage.legacyObjectReader", &["storage.objects.get"]),
    ("roles/container.clusterViewer", &CLUSTERS),
    ("roles/container.viewer", &CONNECTED),
    ("roles/container.developer", &CONNECTED),
    ("roles/artifactregistry.reader", &READER),
    ("roles/artifactregistry.writer", &["artifactregistry.repositories.uploadArtifacts", INCLUDES_READER]),
    (
        "roles/artifactregistry.repoAdmin",
        &[
            "artifactregistry.repositories.uploadArtifacts",
            "artifactregistry.repositories.deleteArtifacts",
            INCLUDES_READER,
        ],
    ),
    ("roles/artifactregistry.admin", &["artifactregistry.*"]),
    (
        "roles/secretmanager.secretAccessor",
        &["secretmanager.versions.access", "resourcemanager.projects.get"],
    ),
    (
        "roles/secretmanager.secretVersionAdder",
        &["secretmanager.versions.add", "resourcemanager.projects.get"],
    ),
    (
        "roles/secretmanager.viewer",
        &[
            "secretmanager.secrets.get",
            "secretmanager.secrets.list",
            "secretmanager.versions.get",
            "secretmanager.versions.list",
            "resourcemanager.projects.get",
        ],
    ),
    ("roles/secretmanager.admin", &["secretmanager.*", "resourcemanager.projects.get"]),
    (
        "roles/iam.serviceAccountTokenCreator",
        &[
            "iam.serviceAccounts.getAccessToken",
            "iam.serviceAccounts.getOpenIdToken",
            "iam.serviceAccounts.implicitDelegation",
            "iam.serviceAccounts.signBlob",
            "iam.serviceAccounts.signJwt",
        ],
    ),
    (
        "roles/iam.workloadIdentityUser",
        &["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"],
    ),
    ("roles/iam.serviceAccountOpenIdTokenCreator", &["iam.serviceAccounts.getOpenIdToken"]),
    ("roles/serviceusage.serviceUsageConsumer", &["serviceusage.services.use"]),
    ("roles/browser", &["resourcemanager.projects.get"]),
    (
        "roles/viewer",
        &[
            "storage.buckets.list",
            "container.clusters.get",
            "container.clusters.list",
            "secretmanager.secrets.get",
            "secretmanager.secrets.list",
            "resourcemanager.projects.get",
            INCLUDES_READER,
        ],
    ),
    // Nobody may take on an account by owning its project: for that there is the token creator's role.
    (
        "roles/owner",
        &[
            "storage.*",
            "container.*",
            "artifactregistry.*",
            "secretmanager.*",
            "resourcemanager.*",
            "serviceusage.*",
        ],
    ),
    ("roles/editor", &["storage.buckets.list", "container.*", "serviceusage.services.use", INCLUDES_READER]),
];

const CLUSTERS: [&str; 3] =
    ["container.clusters.get", "container.clusters.list", "resourcemanager.projects.get"];

/// What lets through a DNS endpoint, too.
const CONNECTED: [&str; 4] = [
    "container.clusters.get",
    "container.clusters.list",
    "container.clusters.connect",
    "resourcemanager.projects.get",
];

const READER: [&str; 7] = [
    "artifactregistry.repositories.get",
    "artifactregistry.repositories.list",
    "artifactregistry.repositories.downloadArtifacts",
    "artifactregistry.locations.get",
    "artifactregistry.locations.list",
    "artifactregistry.dockerimages.get",
    "artifactregistry.dockerimages.list",
];

/// Stands in the table for everything in [`READER`].
const INCLUDES_READER: &str = "<reader>";

/// Whether there is such a role here.
pub(super) fn is_known(role: &str) -> bool {
    ROLES.iter().any(|(name, _)| *name == role)
}

/// Whether a role allows something; one that is not known allows nothing.
pub(super) fn allows(role: &str, permission: &str) -> bool {
    let fits = |one: &str| match one.strip_suffix('*') {
        Some(start) => permission.starts_with(start),
        None if one == INCLUDES_READER => READER.contains(&permission),
        None => one == permission,
    };
    ROLES.iter().filter(|(name, _)| *name == role).any(|(_, all)| all.iter().any(|one| fits(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_allow_what_they_say_and_no_more() {
        let cases = [
            ("roles/storage.objectViewer", "storage.objects.get", true),
            ("roles/storage.objectViewer", "storage.objects.create", false),
            ("roles/storage.objectAdmin", "storage.objects.delete", true),
            ("roles/storage.objectAdmin", "storage.buckets.get", false),
            ("roles/artifactregistry.writer", "artifactregistry.repositories.list", true),
            ("roles/artifactregistry.writer", "artifactregistry.repositories.deleteArtifacts", false),
            ("roles/viewer", "secretmanager.versions.access", false),
            ("roles/owner", "secretmanager.versions.access", true),
            ("roles/owner", "iam.serviceAccounts.getAccessToken", false),
            ("roles/unheard.of", "storage.objects.get", false),
        ];
        for (role, permission, expected) in cases {
            assert_eq!(allows(role, permission), expected, "{role} {permission}");
        }
    }
}
