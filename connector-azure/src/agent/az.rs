//! The session's directory as az's own, in which it finds itself logged in as the machine's identity: it asks the endpoint
//! for each token, and keeps none (tried with az 2.91).

use connector_core::agent::Site;
use connector_core::{EnvironmentForm, Issued};
use serde_json::json;

use crate::credential::AzureCredential;
use crate::mint;
use crate::names::{Audience, is_guid};

const PROFILE: &str = "azureProfile.json";
const SETTINGS: &str = "config";
const CLOUDS: &str = "clouds.config";

/// The name of a cloud that az does not know.
const OWN_CLOUD: &str = "connector";

/// What tells az which directory is its own, and what stands in it. Where nobody knows of which directory of Entra ID the
/// identity is, az says to log in, and `az login --identity` does so.
pub(super) fn files(
    form: EnvironmentForm,
    site: &Site,
    issued: &Issued<AzureCredential>,
) -> (EnvironmentForm, Vec<(&'static str, String)>) {
    let credential = &issued.credential;
    let form = form
        .set("AZURE_CONFIG_DIR", site.directory())
        // Read before the settings.
        .unset("AZURE_CLOUD_NAME");
    let mut files = settings(credential);
    files.extend(profile(credential).map(|text| (PROFILE, text)));
    (form, files)
}

/// The account that az is logged in to, as `az login --identity` writes it.
fn profile(credential: &AzureCredential) -> Option<String> {
    let told = credential.token().ok().and_then(|(token, _)| mint::claims(token)?.tid);
    let directory = told.or_else(|| credential.tenant_id.clone()).filter(|it| is_guid(it))?;
    let subscription = credential.subscription_id.as_deref();
    let account = json!({
        "id": subscription.unwrap_or(&directory),
        "name": subscription.unwrap_or("N/A(tenant level account)"),
        "state": "Enabled",
        "user": { "name": "systemAssignedIdentity", "type": "servicePrincipal", "assignedIdentityInfo": "MSI" },
        "isDefault": true,
        "tenantId": directory,
        "environmentName": cloud_name(credential),
    });
    Some(json!({ "subscriptions": [account] }).to_string())
}

/// The cloud, and where it is when it is none that az knows.
fn settings(credential: &AzureCredential) -> Vec<(&'static str, String)> {
    let name = cloud_name(credential);
    let mut cloud = format!("[{name}]\n");
    if let Some(subscription) = &credential.subscription_id {
        cloud += &setting("subscription", subscription);
    }
    if name == OWN_CLOUD {
        let (authority, resource_manager) = places(credential);
        cloud += &setting("endpoint_active_directory", authority);
        let service = Audience::resource_manager(credential.cloud());
        cloud += &setting("endpoint_active_directory_resource_id", service.as_str());
        for name in ["endpoint_management", "endpoint_resource_manager"] {
            cloud += &setting(name, &format!("{resource_manager}/"));
        }
    }
    let settings = format!("[core]\ncollect_telemetry = false\n[cloud]\nname = {name}\n");
    vec![(SETTINGS, settings), (CLOUDS, cloud)]
}

/// What Python's `configparser` reads as this value.
fn setting(name: &str, value: &str) -> String {
    format!("{name} = {}\n", value.replace('%', "%%").replace(char::is_control, ""))
}

fn cloud_name(credential: &AzureCredential) -> &'static str {
    let cloud = credential.cloud();
    match places(credential) == (cloud.authority(), cloud.resource_manager()) {
        true => cloud.az_name(),
        false => OWN_CLOUD,
    }
}

/// Authority and Resource Manager. Only a token for Resource Manager says where that is: the endpoint of any other is its
/// own service's.
fn places(credential: &AzureCredential) -> (&str, &str) {
    let cloud = credential.cloud();
    let is_management =
        credential.token().is_ok_and(|(_, audience)| audience == Audience::resource_manager(cloud).as_str());
    let endpoint = credential.endpoint.as_deref().filter(|_| is_management);
    let authority = credential.authority.as_deref().unwrap_or(cloud.authority());
    (authority.trim_end_matches('/'), endpoint.unwrap_or(cloud.resource_manager()).trim_end_matches('/'))
}
