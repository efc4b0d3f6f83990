//! How things are told that lie above all resources.

use serde_json::{Value, json};

use super::super::state::State;
use super::{Group, Subscription};

pub(super) fn subscription(it: &Subscription) -> Value {
    json!({
        "id": format!("/subscriptions/{}", it.id), "subscriptionId": it.id, "displayName": it.name,
        "state": it.state, "tenantId": it.tenant, "authorizationSource": "RoleBased",
        "subscriptionPolicies": { "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off" },
    })
}

pub(super) fn group(group: &Group) -> Value {
    json!({
        "id": group.id, "name": group.name, "type": "Microsoft.Resources/resourceGroups",
        "location": group.location, "properties": { "provisioningState": "Succeeded" },
    })
}

/// What the `az` program asks of a cloud that it is told of.
pub(super) fn endpoints(state: &State) -> Value {
    let base = &state.base;
    json!({
        "name": "AzureCloud",
        "authentication": {
            "loginEndpoint": base, "tenant": "common", "identityProvider": "AAD",
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
        },
        "resourceManager": base, "portal": base, "graph": base, "microsoftGraphResourceId": base,
        "media": "https://rest.media.azure.net", "batch": "https://batch.core.windows.net/",
        "suffixes": {
            "storage": "core.windows.net", "keyVaultDns": "vault.azure.net", "acrLoginServer": "azurecr.io",
        },
    })
}
