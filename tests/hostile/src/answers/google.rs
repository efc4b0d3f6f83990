//! Methods and resources of Google Cloud.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Method, Provider};
use crate::{CANARY, key};

/// The methods.
pub(super) const METHODS: [Method; 8] = [
    ("service-account", || json!({ "service_account_json": account() })),
    ("impersonation", || json!({ "service_account_json": account(), "target_principal": TARGET })),
    ("user-account", || placed(json!({ "user_account_json": login() }))),
    ("user-account", || placed(json!({ "client_secrets_json": client() }))),
    ("user-account", || {
        placed(json!({ "client_secrets_json": client(), "flow": "device", "scopes": [STORAGE] }))
    }),
    ("external-account", || placed(json!({ "external_account_json": external() }))),
    ("oauth2-token", || placed(json!({ "token": CANARY, "expires_at": "2026-01-01T01:00:00Z" }))),
    ("implicit", || placed(json!({}))),
];

pub(super) const PROVIDER: Provider = Provider { id: "gcp", resources: &RESOURCES };

const RESOURCES: [(&str, &str); 9] = [
    ("gcp-generic", ""),
    ("gcs-bucket", "gs://zenfiles"),
    ("gcs-bucket", "gs://zenfiles/a/"),
    ("kubernetes-cluster", "europe-west1/demo"),
    ("kubernetes-cluster", "demo"),
    ("docker-registry", "europe-west1-docker.pkg.dev/my-project/images"),
    ("docker-registry", "gcr.io/my-project"),
    ("secret", "projects/my-project/secrets/db"),
    ("secret", "db"),
];

const TARGET: &str = "target@my-project.iam.gserviceaccount.com";
const STORAGE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

fn placed(more: Value) -> Value {
    let mut config = json!({ "project_id": "my-project" });
    config.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    config
}

fn account() -> String {
    let file = json!({
        "type": "service_account", "project_id": "my-project", "private_key_id": "0123", "private_key": key(),
        "client_email": "deployer@my-project.iam.gserviceaccount.com",
    });
    file.to_string()
}

fn login() -> String {
    let file = json!({
        "type": "authorized_user", "client_id": "client", "client_secret": CANARY, "refresh_token": CANARY,
    });
    file.to_string()
}

fn client() -> String {
    json!({ "installed": { "client_id": "client", "client_secret": CANARY } }).to_string()
}

fn external() -> String {
    let url = format!(
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{TARGET}:generateAccessToken"
    );
    let file = json!({
        "type": "external_account", "token_url": "https://sts.googleapis.com/v1/token",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": { "file": "/token" },
        "service_account_impersonation_url": url,
    });
    file.to_string()
}

pub(super) fn files() -> HashMap<PathBuf, Vec<u8>> {
    HashMap::from([(PathBuf::from("/token"), CANARY.into())])
}
