//! What the built-in roles allow.

/// A role: what it allows in the resource manager and, `data`, within a resource, and what it takes out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) actions: &'static [&'static str],
    pub(super) not_actions: &'static [&'static str],
    pub(super) data_actions: &'static [&'static str],
}

/// Which half of a role is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plane {
    /// The resource manager.
    Control,
    /// What is in a resource.
    Data,
}

const fn of(name: &'static str, actions: &'static [&'static str]) -> Role {
    Role { name, actions, not_actions: &[], data_actions: &[] }
}

impl Role {
    const fn without(self, not_actions: &'static [&'static str]) -> Self {
        Self { not_actions, ..self }
    }

    const fn with_data(self, data_actions: &'static [&'static str]) -> Self {
        Self { data_actions, ..self }
    }

    pub(super) fn allows(&self, plane: Plane, action: &str) -> bool {
        let has = |all: &[&str]| all.iter().any(|one| fits(one, action));
        match plane {
            Plane::Control => has(self.actions) && !has(self.not_actions),
            Plane::Data => has(self.data_actions),
        }
    }
}

/// The role of that name, in whatever case.
pub(super) fn find(name: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.name.eq_ignore_ascii_case(name))
}

/// Whether a permission with `*` in it is about an action. Case means nothing.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            match rest.find(part) {
                Some(place) => rest = &rest[place + part.len()..],
                None => return false,
            }
        }
    }
    last.map_or(rest.is_empty(), |end| rest.ends_with(end))
}

const DELEGATE: &str = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";
const CONTAINERS_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/read";
const BLOBS_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

const ROLES: &[Role] = &[
    of("Owner", &["*"]),
    of("Contributor", &["*"]).without(&[
        "Microsoft.Authorization/*/Delete",
        "Microsoft.Authorization/*/Write",
        "Microsoft.Authorization/elevateAccess/Action",
    ]),
    of("Reader", &["*/read"]),
    of("Storage Blob Data Reader", &[CONTAINERS_READ, DELEGATE]).with_data(&[BLOBS_READ]),
    of(
        "Storage Blob Data Contributor",
        &[
            "Microsoft.Storage/storageAccounts/blobServices/containers/delete",
            CONTAINERS_READ,
            "Microsoft.Storage/storageAccounts/blobServices/containers/write",
            DELEGATE,
        ],
    )
    .with_data(&[
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
        BLOBS_READ,
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
    ]),
    of("Storage Blob Data Owner", &["Microsoft.Storage/storageAccounts/blobServices/containers/*", DELEGATE])
        .with_data(&["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/*"]),
    of("Storage Blob Delegator", &[DELEGATE]),
    of("Storage Account Contributor", &["Microsoft.Storage/storageAccounts/*", RESOURCE_GROUPS]),
    of(
        "Storage Account Key Operator Service Role",
        &[
            "Microsoft.Storage/storageAccounts/listkeys/action",
            "Microsoft.Storage/storageAccounts/regeneratekey/action",
        ],
    ),
    of("AcrPull", &["Microsoft.ContainerRegistry/registries/pull/read"]),
    of(
        "AcrPush",
        &[
            "Microsoft.ContainerRegistry/registries/pull/read",
            "Microsoft.ContainerRegistry/registries/push/write",
        ],
    ),
    of("AcrDelete", &["Microsoft.ContainerRegistry/registries/artifacts/delete"]),
    of(
        "Azure Kubernetes Service Cluster User Role",
        &[
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
            "Microsoft.ContainerService/managedClusters/read",
        ],
    ),
    of(
        "Azure Kubernetes Service Cluster Admin Role",
        &[
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
            "Microsoft.ContainerService/managedClusters/accessProfiles/listCredential/action",
            "Microsoft.ContainerService/managedClusters/read",
            "Microsoft.ContainerService/managedClusters/runcommand/action",
        ],
    ),
    of(
        "Azure Kubernetes Service Contributor Role",
        &["Microsoft.ContainerService/managedClusters/*", RESOURCE_GROUPS],
    ),
    of("Key Vault Reader", VAULTS_READ).with_data(&[
        "Microsoft.KeyVault/vaults/*/read",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    ]),
    of("Key Vault Secrets User", &[]).with_data(&[
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    ]),
    of("Key Vault Secrets Officer", VAULTS_READ).with_data(&["Microsoft.KeyVault/vaults/secrets/*"]),
    of("Key Vault Administrator", VAULTS_READ).with_data(&["Microsoft.KeyVault/vaults/*"]),
    of("Key Vault Contributor", &["Microsoft.KeyVault/*", RESOURCE_GROUPS]),
    of(
        "Cosmos DB Account Reader Role",
        &[
            "Microsoft.DocumentDB/*/read",
            "Microsoft.DocumentDB/databaseAccounts/readonlykeys/action",
            RESOURCE_GROUPS,
        ],
    ),
    of("DocumentDB Account Contributor", &["Microsoft.DocumentDB/databaseAccounts/*", RESOURCE_GROUPS]),
    // These two are of Cosmos itself: the resource manager does not know them.
    of("Cosmos DB Built-in Data Reader", &[]).with_data(&[
        COSMOS_METADATA,
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read",
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/executeQuery",
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/readChangeFeed",
    ]),
    of("Cosmos DB Built-in Data Contributor", &[]).with_data(&[
        COSMOS_METADATA,
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/*",
        "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/*",
    ]),
];

const COSMOS_METADATA: &str = "Microsoft.DocumentDB/databaseAccounts/readMetadata";
const RESOURCE_GROUPS: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";
const VAULTS_READ: &[&str] = &["Microsoft.KeyVault/vaults/*/read", "Microsoft.KeyVault/vaults/read"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_allow_what_they_say_and_no_more() {
        let blob =
            |verb: &str| format!("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/{verb}");
        let cases = [
            ("Reader", Plane::Control, "Microsoft.Storage/storageAccounts/read".to_owned(), true),
            ("Reader", Plane::Control, "Microsoft.Storage/storageAccounts/listKeys/action".to_owned(), false),
            ("Reader", Plane::Data, blob("read"), false),
            ("Owner", Plane::Data, blob("read"), false),
            (
                "Contributor",
                Plane::Control,
                "Microsoft.Authorization/roleAssignments/write".to_owned(),
                false,
            ),
            ("Contributor", Plane::Control, "Microsoft.Authorization/roleAssignments/read".to_owned(), true),
            ("storage blob data reader", Plane::Data, blob("READ"), true),
            ("Storage Blob Data Reader", Plane::Data, blob("write"), false),
            ("Storage Blob Data Contributor", Plane::Data, blob("manageOwnership/action"), false),
            ("Storage Blob Data Owner", Plane::Data, blob("manageOwnership/action"), true),
            ("Storage Blob Delegator", Plane::Control, DELEGATE.to_owned(), true),
            (
                "AcrPull",
                Plane::Control,
                "Microsoft.ContainerRegistry/registries/push/write".to_owned(),
                false,
            ),
            ("Key Vault Reader", Plane::Data, "Microsoft.KeyVault/vaults/secrets/read".to_owned(), true),
        ];
        for (role, plane, action, expected) in cases {
            let role = find(role).expect("a built-in role");
            assert_eq!(role.allows(plane, &action), expected, "{} {action}", role.name);
        }
        assert!(find("Unheard Of").is_none());
    }

    #[test]
    fn stars_stand_for_anything_in_any_place() {
        for (pattern, action, expected) in [
            ("*", "a/b", true),
            ("*/read", "a/b/read", true),
            ("*/read", "a/b/reader", false),
            ("a/*/c/*", "a/x/y/c/d", true),
            ("a/*/c", "a/c", false),
            ("a/b", "a/b/c", false),
            ("a/b*b", "a/b", false),
        ] {
            assert_eq!(fits(pattern, action), expected, "{pattern} {action}");
        }
    }
}
