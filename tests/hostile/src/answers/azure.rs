//! Methods and resources of Azure.

use serde_json::{Value, json};

use super::{Method, Provider};
use crate::{CANARY, certificate, key};

/// An application.
pub(crate) const CLIENT: &str = "66666666-7777-8888-9999-000000000000";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const MANAGEMENT: &str = "https://management.azure.com";
const SUBSCRIPTION: &str = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee";

/// The methods.
pub(super) const METHODS: [Method; 10] = [
    ("service-principal", || placed(json!({ "client_id": CLIENT, "client_secret": CANARY }))),
    ("service-principal", || placed(json!({ "client_id": CLIENT, "client_certificate": pem() }))),
    ("workload-identity", || placed(json!({ "client_id": CLIENT, "federated_token_file": "/token" }))),
    ("user-account", || placed(json!({ "refresh_token": CANARY }))),
    ("user-account", || placed(json!({}))),
    ("user-account", || placed(json!({ "flow": "browser" }))),
    ("managed-identity", || placed(json!({}))),
    ("access-token", || {
        let more = json!({ "token": CANARY, "expires_at": "2026-01-01T01:00:00Z", "audience": MANAGEMENT });
        placed(more)
    }),
    ("connection-string", || json!({ "connection_string": storage() })),
    ("implicit", || placed(json!({}))),
];

pub(super) const PROVIDER: Provider = Provider { id: "azure", resources: &RESOURCES };

const RESOURCES: [(&str, &str); 10] = [
    ("azure-generic", SUBSCRIPTION),
    ("azure-generic", "my-subscription"),
    ("blob-container", "az://zenfiles/data"),
    ("blob-container", "az://zenfiles/data/a/"),
    ("blob-container", "data"),
    ("kubernetes-cluster", "demo"),
    ("docker-registry", "zenimages.azurecr.io"),
    ("docker-registry", "zenimages.azurecr.io/team/app"),
    ("secret", "zen-vault/db"),
    ("cosmos-db", "zencosmos"),
];

fn placed(more: Value) -> Value {
    let mut config = json!({ "tenant_id": TENANT });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    config
}

fn pem() -> String {
    format!("{}{}", certificate(), key())
}

fn storage() -> String {
    // Its canary is what the key is made of.
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD.encode(CANARY.repeat(4));
    format!("AccountName=zenfiles;AccountKey={key}")
}
