//! The texts that configs are made of.

use connector_core::checked;

checked! {
    /// A directory of Entra ID: its id, or one of its domains.
    TenantId {
        pattern: "^[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?$",
        length: 1..=253,
        check: is_tenant,
        expected: "the id of a directory (tenant), or one of its domains",
        example: "11111111-2222-3333-4444-555555555555",
    }

    /// The id of an application (client) of Entra ID, or of an identity of a machine.
    ClientId {
        pattern: "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
        length: 36..=36,
        check: is_guid,
        expected: "the id of an application (client)",
        example: "66666666-7777-8888-9999-000000000000",
    }

    /// An identity that was assigned to machines, by its id in Resource Manager.
    IdentityId {
        pattern: "^/[Ss]ubscriptions/[0-9A-Fa-f-]{36}/[Rr]esource[Gg]roups/[0-9A-Za-z_().-]+/[Pp]roviders/[Mm]icrosoft\\.[Mm]anaged[Ii]dentity/[Uu]ser[Aa]ssigned[Ii]dentities/[0-9A-Za-z_-]+$",
        length: 1..=512,
        check: is_identity,
        expected: "the id of a managed identity in Resource Manager",
        example: "/subscriptions/aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee/resourceGroups/my-group/providers/Microsoft.ManagedIdentity/userAssignedIdentities/my-identity",
    }

    /// The id of a subscription.
    SubscriptionId {
        pattern: "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$",
        length: 36..=36,
        check: is_guid,
        expected: "the id of a subscription",
        example: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    }

    /// The name of a resource group. Upper and lower case are the same to Azure.
    ResourceGroup {
        pattern: "^[0-9A-Za-z_().-]*[0-9A-Za-z_()-]$",
        length: 1..=90,
        check: is_group,
        expected: "the name of a resource group: up to 90 letters, digits, hyphens, dots, underscores and parentheses",
        example: "my-group",
    }

    /// The name of a storage account.
    StorageAccount {
        pattern: "^[a-z0-9]{3,24}$",
        length: 3..=24,
        check: |text| text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit()),
        expected: "the name of a storage account: 3 to 24 lower-case letters and digits",
        example: "mystorage",
    }
}

/// Whether a text is five groups of hexadecimal digits, as ids are.
pub(crate) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, it)| match at {
            8 | 13 | 18 | 23 => it == b'-',
            _ => it.is_ascii_hexdigit(),
        })
}

/// Directories that stand for several: nobody's own, so that a program's token cannot be of one.
const SHARED: [&str; 3] = ["common", "organizations", "consumers"];

impl TenantId {
    /// Whether it is an id, and no domain.
    #[must_use]
    pub fn is_id(&self) -> bool {
        is_guid(self.as_str())
    }

    /// Whether it stands for no single directory.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        SHARED.contains(&self.as_str().to_ascii_lowercase().as_str())
    }
}

fn is_tenant(text: &str) -> bool {
    let label = |it: &str| {
        (1..=63).contains(&it.len())
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
            && !it.starts_with('-')
            && !it.ends_with('-')
    };
    text.split('.').all(label)
}

/// Upper and lower case are the same to Resource Manager.
fn is_identity(text: &str) -> bool {
    let parts: Vec<_> = text.split('/').collect();
    let ["", subscriptions, id, groups, group, providers, provider, kind, name] = *parts else {
        return false;
    };
    let words = [
        (subscriptions, "subscriptions"),
        (groups, "resourceGroups"),
        (providers, "providers"),
        (provider, "Microsoft.ManagedIdentity"),
        (kind, "userAssignedIdentities"),
    ];
    words.into_iter().all(|(theirs, word)| theirs.eq_ignore_ascii_case(word))
        && is_guid(id)
        && (1..=90).contains(&group.len())
        && is_group(group)
        && (3..=128).contains(&name.len())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
}

fn is_group(text: &str) -> bool {
    !text.ends_with('.')
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b'.' | b'(' | b')'))
}
